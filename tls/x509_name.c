/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/x509_name.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>

struct out {
	char *text;
	size_t room, len; /* len goes on counting when there is no room */
};

static void put_char(struct out *o, char c)
{
	if (o->len + 1 < o->room)
		o->text[o->len] = c;
	o->len++;
}

static void put(struct out *o, const char *text)
{
	while (*text)
		put_char(o, *text++);
}

static void put_hex(struct out *o, uint8_t byte)
{
	static const char digits[] = "0123456789ABCDEF";

	put_char(o, digits[byte >> 4]);
	put_char(o, digits[byte & 15]);
}

static void end(struct out *o)
{
	if (o->room > 0)
		o->text[o->len < o->room ? o->len : o->room - 1] = '\0';
}

/* --- attribute types --- */

/* RFC 2253 2.3, and what else OpenSSL names: 2.5.4.n by n. */
static const char *const x520_names[] = {
	[3] = "CN",
	[4] = "SN",
	[5] = "serialNumber",
	[6] = "C",
	[7] = "L",
	[8] = "ST",
	[9] = "street",
	[10] = "O",
	[11] = "OU",
	[12] = "title",
	[42] = "GN",
	[43] = "initials",
	[97] = "organizationIdentifier",
};

static const char *type_name(const struct der *oid)
{
	static const uint8_t uid[] = { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01 };
	static const uint8_t dc[] = { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19 };
	static const uint8_t email[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01 };

	if (oid->len == 3 && oid->at[0] == 0x55 && oid->at[1] == 4 &&
	    oid->at[2] < sizeof(x520_names) / sizeof(x520_names[0]))
		return x520_names[oid->at[2]];
	if (der_eq(oid, uid, sizeof(uid)))
		return "UID";
	if (der_eq(oid, dc, sizeof(dc)))
		return "DC";
	return der_eq(oid, email, sizeof(email)) ? "emailAddress" : NULL;
}

static void put_oid(struct out *o, struct der oid)
{
	uint64_t value = 0;
	bool is_first = true;
	char text[48];

	for (size_t i = 0; i < oid.len; i++) {
		if (value > UINT64_MAX >> 7)
			return; /* nobody's: what is there stays a number */
		value = value << 7 | (oid.at[i] & 0x7f);
		if (oid.at[i] & 0x80)
			continue;
		if (is_first) {
			unsigned top = value < 40 ? 0 : value < 80 ? 1 : 2;

			snprintf(text, sizeof(text), "%u.%llu", top,
			    (unsigned long long)(value - 40ULL * top));
		} else {
			snprintf(text, sizeof(text), ".%llu", (unsigned long long)value);
		}
		put(o, text);
		is_first = false;
		value = 0;
	}
}

/* --- attribute values --- */

#define DER_UTF8      0x0c
#define DER_NUMERIC   0x12
#define DER_PRINTABLE 0x13
#define DER_T61       0x14
#define DER_IA5       0x16
#define DER_VISIBLE   0x1a
#define DER_UNIVERSAL 0x1c
#define DER_BMP       0x1e

/* Calls each(o, byte, is_first, is_last) for every byte of the value as UTF-8. */
struct walk {
	void (*each)(struct out *o, uint8_t byte, bool is_first, bool is_last);
	struct out *o;
};

/* RFC 3629. */
static unsigned encode(uint32_t c, uint8_t out[4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | (c >> 18 & 7));
	out[1] = (uint8_t)(0x80 | (c >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (c & 63));
	return 4;
}

/* False: the value is no string. */
static bool walk_value(const struct walk *w, uint8_t tag, struct der value)
{
	size_t width = tag == DER_BMP ? 2 : tag == DER_UNIVERSAL ? 4 : 1;
	bool is_text = tag == DER_UTF8 || tag == DER_PRINTABLE || tag == DER_IA5 ||
	    tag == DER_NUMERIC || tag == DER_VISIBLE || tag == DER_T61;

	if ((!is_text && width == 1) || value.len % width != 0)
		return false;
	for (size_t i = 0; i < value.len; i += width) {
		uint8_t bytes[4] = { value.at[i] };
		unsigned n = 1;

		if (width > 1 || tag == DER_T61) { /* T61 is taken for Latin-1, as everybody does */
			uint32_t c = 0;

			for (size_t k = 0; k < width; k++)
				c = c << 8 | value.at[i + k];
			n = encode(c, bytes);
		}
		for (unsigned k = 0; k < n; k++)
			w->each(
			    w->o, bytes[k], i == 0 && k == 0, i + width == value.len && k + 1 == n);
	}
	return true;
}

/* RFC 2253 2.4. */
static void put_escaped(struct out *o, uint8_t byte, bool is_first, bool is_last)
{
	bool is_edge = (byte == ' ' && (is_first || is_last)) || (byte == '#' && is_first);

	if (byte < 0x20 || byte >= 0x7f) {
		put_char(o, '\\');
		put_hex(o, byte);
		return;
	}
	if (is_edge || strchr(",+\"\\<>;", byte))
		put_char(o, '\\');
	put_char(o, (char)byte);
}

static void put_plain(struct out *o, uint8_t byte, bool is_first, bool is_last)
{
	(void)is_first, (void)is_last;
	put_char(o, byte < 0x20 || byte == 0x7f ? '?' : (char)byte);
}

/* --- names --- */

bool x509_take_attribute(struct der *rdn, struct x509_attribute *a)
{
	struct der both;

	if (!der_take(rdn, DER_SEQUENCE, &both, NULL) ||
	    !der_take(&both, DER_OID, &a->type, NULL) || a->type.len < 1 || both.len < 2)
		return false;
	a->tag = both.at[0];
	return der_take(&both, a->tag, &a->value, &a->whole) && both.len == 0;
}

static void put_byte(struct out *o, uint8_t byte, bool is_first, bool is_last)
{
	(void)is_first, (void)is_last;
	put_char(o, (char)byte);
}

size_t x509_attribute_utf8(const struct x509_attribute *a, char *text, size_t room)
{
	struct out o = { text, room, 0 };
	const struct walk w = { put_byte, &o };
	bool is_string = walk_value(&w, a->tag, a->value);

	end(&o);
	return is_string ? o.len : SIZE_MAX;
}

static void put_attribute(struct out *o, const struct x509_attribute *a)
{
	const char *name = type_name(&a->type);
	const struct walk w = { put_escaped, o };

	if (name)
		put(o, name);
	else
		put_oid(o, a->type);
	put_char(o, '=');
	if (name && walk_value(&w, a->tag, a->value))
		return;
	put_char(o, '#');
	for (size_t i = 0; i < a->whole.len; i++)
		put_hex(o, a->whole.at[i]);
}

/* RFC 2253 2.2: the attributes of one RDN with '+' between them. OpenSSL prints them from the last to the first. */
static bool put_rdn(struct out *o, struct der rdn)
{
	struct x509_attribute all[8];
	unsigned n = 0;

	while (rdn.len > 0) {
		if (n == 8 || !x509_take_attribute(&rdn, &all[n++]))
			return false;
	}
	for (unsigned i = n; i > 0; i--) {
		if (i < n)
			put_char(o, '+');
		put_attribute(o, &all[i - 1]);
	}
	return n > 0;
}

#define MAX_RDNS 64

size_t x509_name_print(struct der name, char *text, size_t room)
{
	struct out o = { text, room, 0 };
	struct der all, rdns[MAX_RDNS];
	unsigned n = 0;

	if (!der_take(&name, DER_SEQUENCE, &all, NULL))
		all.len = 0;
	while (all.len > 0) {
		if (n == MAX_RDNS || !der_take(&all, DER_SET, &rdns[n], NULL)) {
			n = 0;
			break;
		}
		n++;
	}
	for (unsigned i = n; i > 0; i--) {
		if (i < n)
			put_char(&o, ',');
		if (!put_rdn(&o, rdns[i - 1])) {
			o.len = 0;
			break;
		}
	}
	end(&o);
	return o.len;
}

bool x509_common_name(struct der name, char *text, size_t room)
{
	static const uint8_t cn[] = { 0x55, 0x04, 0x03 };
	struct out o = { text, room, 0 };
	const struct walk w = { put_plain, &o };
	bool found = false;
	struct x509_attribute a;
	struct der all, rdn;

	if (!der_take(&name, DER_SEQUENCE, &all, NULL))
		return false;
	while (der_take(&all, DER_SET, &rdn, NULL))
		while (rdn.len > 0 && x509_take_attribute(&rdn, &a)) {
			if (!der_eq(&a.type, cn, sizeof(cn)))
				continue;
			o.len = 0;
			found = walk_value(&w, a.tag, a.value);
		}
	end(&o);
	return found;
}

/* --- alternative names --- */

static void put_text(struct out *o, const char *kind, struct der value, bool lower)
{
	put(o, kind);
	for (size_t i = 0; i < value.len; i++)
		put_escaped(o, lower ? (uint8_t)tolower(value.at[i]) : value.at[i], i == 0,
		    i + 1 == value.len);
}

static bool put_address(struct out *o, struct der value)
{
	char text[INET6_ADDRSTRLEN];

	if (value.len != 4 && value.len != 16)
		return false;
	put(o, "IP:");
	put(o, inet_ntop(value.len == 4 ? AF_INET : AF_INET6, value.at, text, sizeof(text)));
	return true;
}

static bool put_directory(struct out *o, struct der value)
{
	size_t room, n;

	put(o, "DirName:");
	room = o->len < o->room ? o->room - o->len : 0;
	n = x509_name_print(value, room ? o->text + o->len : NULL, room);
	o->len += n;
	return n > 0;
}

int x509_alt_name_next(struct der *names, char *text, size_t room)
{
	struct out o = { text, room, 0 };
	struct der value;
	bool good = true;
	uint8_t tag;

	if (names->len == 0)
		return 0;
	tag = names->at[0];
	if (!der_take(names, tag, &value, NULL))
		return -1;
	if (tag == DER_CONTEXT(1))
		put_text(&o, "email:", value, false);
	else if (tag == DER_CONTEXT(2))
		put_text(&o, "DNS:", value, true);
	else if (tag == DER_EXPLICIT(4))
		good = put_directory(&o, value);
	else if (tag == DER_CONTEXT(6))
		put_text(&o, "URI:", value, false);
	else if (tag == DER_CONTEXT(7))
		good = put_address(&o, value);
	else
		put(&o, "other:");
	end(&o);
	return good && o.len < room ? 1 : -1;
}

/* --- patterns --- */

/* The bytes of one character of text: a backslash takes what it escapes along. */
static size_t unit(const char *text)
{
	if (text[0] != '\\' || text[1] == '\0')
		return text[0] != '\0';
	if (isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2]))
		return 3;
	return 2;
}

bool x509_pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	/* Where the last '*' ends is tried over: the ones before never need to be. */
	for (;;) {
		size_t n = unit(text);

		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
			continue;
		}
		if (n == 0 && *pattern == '\0')
			return true;
		if (n > 0 && unit(pattern) == n && strncmp(pattern, text, n) == 0) {
			pattern += n;
			text += n;
			continue;
		}
		if (!star || *resume == '\0')
			return false;
		resume += unit(resume);
		pattern = star;
		text = resume;
	}
}
