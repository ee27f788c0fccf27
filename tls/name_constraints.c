/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/name_constraints.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tls/x509_name.h"

#define MAX_COMPARISONS 65536 /* for one certificate: who needs more is refused */
#define MAX_VALUE       1024  /* bytes of an attribute's value as UTF-8 */
#define MAX_ATTRIBUTES  8     /* of one relative distinguished name */

/* GeneralName (RFC 5280 4.2.1.6). A directory name is a CHOICE, and so explicit. */
enum form {
	FORM_OTHER = DER_EXPLICIT(0),
	FORM_EMAIL = DER_CONTEXT(1),
	FORM_DNS = DER_CONTEXT(2),
	FORM_DIRECTORY = DER_EXPLICIT(4),
	FORM_URI = DER_CONTEXT(6),
	FORM_IP = DER_CONTEXT(7),
};

struct name {
	uint8_t form; /* enum form, or another's tag */
	struct der value;
};

enum match {
	MATCH_NO,
	MATCH_YES,
	MATCH_UNCLEAR, /* malformed, or of a form that is not known: neither permitted nor harmless */
};

struct check {
	struct der permitted, excluded; /* GeneralSubtrees' contents */
	unsigned left;                  /* comparisons */
};

/* --- reading --- */

static bool is_empty(struct der content)
{
	return content.len == 0;
}

static bool take_name(struct der *d, struct name *n)
{
	if (d->len == 0)
		return false;
	n->form = d->at[0];
	return der_take(d, n->form, &n->value, NULL);
}

/* Takes one subtree; its distances must be the defaults, as RFC 5280 demands. */
static bool take_subtree(struct der *d, struct name *base)
{
	struct der one, least;

	if (!der_take(d, DER_SEQUENCE, &one, NULL) || !take_name(&one, base))
		return false;
	if (der_take(&one, DER_CONTEXT(0), &least, NULL) && !der_eq(&least, "", 1))
		return false;
	return is_empty(one);
}

static bool read_constraints(struct der constraints, struct check *c)
{
	*c = (struct check){ .left = MAX_COMPARISONS };
	if (der_is(&constraints, DER_EXPLICIT(0)) &&
	    !der_take(&constraints, DER_EXPLICIT(0), &c->permitted, NULL))
		return false;
	if (der_is(&constraints, DER_EXPLICIT(1)) &&
	    !der_take(&constraints, DER_EXPLICIT(1), &c->excluded, NULL))
		return false;
	return is_empty(constraints);
}

const char *name_constraints_check(struct der constraints)
{
	static const char bad[] = "has name constraints that cannot be read";
	struct check c;
	struct name base;

	if (!read_constraints(constraints, &c))
		return bad;
	while (!is_empty(c.permitted))
		if (!take_subtree(&c.permitted, &base))
			return bad;
	while (!is_empty(c.excluded))
		if (!take_subtree(&c.excluded, &base))
			return bad;
	return NULL;
}

/* --- host names --- */

static bool same_caseless(struct der a, struct der b)
{
	return a.len == b.len && strncasecmp((const char *)a.at, (const char *)b.at, a.len) == 0;
}

static struct der from(struct der d, size_t at)
{
	return (struct der){ d.at + at, d.len - at };
}

/* Labels of letters, digits, '-' and '_' with single dots between them. */
static bool is_host(struct der host)
{
	uint8_t before = '.';

	for (size_t i = 0; i < host.len; i++) {
		uint8_t c = host.at[i];

		if (c == '.' ? before == '.' : !isalnum(c) && c != '-' && c != '_')
			return false;
		before = c;
	}
	return before != '.';
}

static bool is_below(struct der host, struct der domain)
{
	return host.len > domain.len && host.at[host.len - domain.len - 1] == '.' &&
	    same_caseless(from(host, host.len - domain.len), domain);
}

/* "example.com" is itself and all below it; ".example.com", which RFC 5280 has not but many write, only what is below. */
static enum match match_domain(struct der base, struct der host)
{
	bool wants_below = base.len > 0 && base.at[0] == '.';

	if (is_empty(base))
		return MATCH_YES;
	if (wants_below)
		base = from(base, 1);
	if (!is_host(base))
		return MATCH_UNCLEAR;
	return (!wants_below && same_caseless(base, host)) || is_below(host, base) ? MATCH_YES
										   : MATCH_NO;
}

/* "*.example.com" is as well every name that the wildcard stands for: that counts where names are excluded. */
static bool covers(struct der wildcard_parent, struct der base)
{
	const uint8_t *dot = is_empty(base) ? NULL : memchr(base.at, '.', base.len);

	return dot && same_caseless(from(base, (size_t)(dot + 1 - base.at)), wildcard_parent);
}

static enum match match_dns(struct der base, struct der name, bool is_excluding)
{
	bool is_wild = name.len > 2 && memcmp(name.at, "*.", 2) == 0;
	struct der host = is_wild ? from(name, 2) : name;
	enum match match;

	if (!is_host(host))
		return MATCH_UNCLEAR;
	if (is_wild && is_excluding && covers(host, base))
		return MATCH_YES;
	match = match_domain(base, host);
	/* Whatever the wildcard stands for is below. */
	if (match == MATCH_NO && is_wild && base.len > 0 && base.at[0] == '.' &&
	    same_caseless(from(base, 1), host))
		return MATCH_YES;
	return match;
}

/* A host itself, or what is below one with a dot before it: mail and URIs (RFC 5280 4.2.1.10). */
static enum match match_host(struct der base, struct der host)
{
	if (!is_host(host))
		return MATCH_UNCLEAR;
	if (is_empty(base) || base.at[0] == '.')
		return match_domain(base, host);
	if (!is_host(base))
		return MATCH_UNCLEAR;
	return same_caseless(base, host) ? MATCH_YES : MATCH_NO;
}

/* --- mail addresses --- */

/* Cuts a mailbox at its last '@'. False: it is none. */
static bool cut_mailbox(struct der mailbox, struct der *local, struct der *host)
{
	size_t n = mailbox.len;

	while (n > 0 && mailbox.at[n - 1] != '@')
		n--;
	if (n < 2)
		return false;
	*local = (struct der){ mailbox.at, n - 1 };
	*host = from(mailbox, n);
	for (size_t i = 0; i < local->len; i++)
		if (local->at[i] <= ' ' || local->at[i] >= 0x7f)
			return false;
	return !is_empty(*host);
}

/* The part before '@' has capitals that matter (RFC 5321 2.4); nobody is let out of an exclusion by them. */
static enum match match_email(struct der base, struct der name, bool is_excluding)
{
	struct der local, host, base_local, base_host;

	if (!cut_mailbox(name, &local, &host) || !is_host(host))
		return MATCH_UNCLEAR;
	if (is_empty(base) || !memchr(base.at, '@', base.len))
		return match_host(base, host);
	if (!cut_mailbox(base, &base_local, &base_host))
		return MATCH_UNCLEAR;
	if (!same_caseless(base_host, host))
		return MATCH_NO;
	return x509_same(&base_local, &local) || (is_excluding && same_caseless(base_local, local))
	    ? MATCH_YES
	    : MATCH_NO;
}

/* --- URIs --- */

static bool is_address(struct der host)
{
	for (size_t i = 0; i < host.len; i++)
		if (!isdigit(host.at[i]) && host.at[i] != '.')
			return false;
	return true;
}

/* Behind "scheme://" (RFC 3986 3.1), or NULL: what is opaque behind its scheme has no host, whatever is in it. */
static const uint8_t *authority_of(struct der uri)
{
	size_t n = 0;

	while (n < uri.len && (isalnum(uri.at[n]) || memchr("+-.", uri.at[n], 3)))
		n++;
	return n > 0 && uri.len - n >= 3 && memcmp(uri.at + n, "://", 3) == 0 ? uri.at + n + 3
									      : NULL;
}

/* The host of "scheme://user@host:port/..." (RFC 3986 3.2). False: there is none, or it is an address. */
static bool uri_host(struct der uri, struct der *host)
{
	const uint8_t *at = authority_of(uri);
	struct der left;
	size_t n = 0;

	if (!at)
		return false;
	left = from(uri, (size_t)(at - uri.at));
	while (n < left.len && !memchr("/?#", left.at[n], 3))
		n++;
	left.len = n;
	at = n > 0 ? memrchr(left.at, '@', n) : NULL;
	if (at)
		left = from(left, (size_t)(at + 1 - left.at));
	at = is_empty(left) ? NULL : memchr(left.at, ':', left.len);
	if (at)
		left.len = (size_t)(at - left.at);
	*host = left;
	return !is_empty(left) && !is_address(left);
}

/* --- addresses --- */

static enum match match_ip(struct der base, struct der name)
{
	if ((base.len != 8 && base.len != 32) || (name.len != 4 && name.len != 16))
		return MATCH_UNCLEAR;
	if (base.len != 2 * name.len)
		return MATCH_NO;
	for (size_t i = 0; i < name.len; i++)
		if ((base.at[i] ^ name.at[i]) & base.at[name.len + i])
			return MATCH_NO;
	return MATCH_YES;
}

/* --- directory names --- */

/* As RFC 5280 7.1 compares: without the case of ASCII letters, outer blanks, and more than one between words. */
static size_t fold(char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == ' ' && (n == 0 || text[n - 1] == ' '))
			continue;
		text[n++] = (char)tolower((unsigned char)text[i]);
	}
	return n > 0 && text[n - 1] == ' ' ? n - 1 : n;
}

static enum match match_value(const struct x509_attribute *a, const struct x509_attribute *b)
{
	char x[MAX_VALUE + 1], y[MAX_VALUE + 1];
	size_t n = x509_attribute_utf8(a, x, sizeof(x)), m = x509_attribute_utf8(b, y, sizeof(y));

	if (n == SIZE_MAX || m == SIZE_MAX)
		return x509_same(&a->whole, &b->whole) ? MATCH_YES : MATCH_NO;
	if (n > MAX_VALUE || m > MAX_VALUE)
		return MATCH_UNCLEAR;
	n = fold(x, n);
	m = fold(y, m);
	return n == m && memcmp(x, y, n) == 0 ? MATCH_YES : MATCH_NO;
}

static int take_attributes(struct der rdn, struct x509_attribute all[MAX_ATTRIBUTES])
{
	int n = 0;

	while (!is_empty(rdn)) {
		if (n == MAX_ATTRIBUTES || !x509_take_attribute(&rdn, &all[n]))
			return -1;
		n++;
	}
	return n;
}

/* Both have the same attributes, in any order. */
static enum match match_rdn(struct check *c, struct der base, struct der name)
{
	struct x509_attribute x[MAX_ATTRIBUTES], y[MAX_ATTRIBUTES];
	int n = take_attributes(base, x), m = take_attributes(name, y);

	if (n < 1 || m < 1)
		return MATCH_UNCLEAR;
	if (n != m)
		return MATCH_NO;
	for (int i = 0; i < n; i++) {
		enum match found = MATCH_NO;

		for (int k = 0; k < m && found == MATCH_NO; k++) {
			if (c->left-- == 0) {
				c->left = 0;
				return MATCH_UNCLEAR;
			}
			if (x509_same(&x[i].type, &y[k].type))
				found = match_value(&x[i], &y[k]);
		}
		if (found != MATCH_YES)
			return found;
	}
	return MATCH_YES;
}

/* The base is the beginning of the name (RFC 5280 4.2.1.10). Both are Names, whole. */
static enum match match_directory(struct check *c, struct der base, struct der name)
{
	struct der wanted, all, x, y;

	if (!der_take(&base, DER_SEQUENCE, &wanted, NULL) || !is_empty(base) ||
	    !der_take(&name, DER_SEQUENCE, &all, NULL) || !is_empty(name))
		return MATCH_UNCLEAR;
	while (!is_empty(wanted)) {
		enum match match;

		if (is_empty(all))
			return MATCH_NO;
		if (!der_take(&wanted, DER_SET, &x, NULL) || !der_take(&all, DER_SET, &y, NULL))
			return MATCH_UNCLEAR;
		match = match_rdn(c, x, y);
		if (match != MATCH_YES)
			return match;
	}
	return MATCH_YES;
}

/* --- one name --- */

static enum match
match_name(struct check *c, const struct name *base, struct der value, bool is_excluding)
{
	struct der host;

	switch (base->form) {
	case FORM_DNS:
		return match_dns(base->value, value, is_excluding);
	case FORM_EMAIL:
		return match_email(base->value, value, is_excluding);
	case FORM_URI:
		return uri_host(value, &host) ? match_host(base->value, host) : MATCH_UNCLEAR;
	case FORM_IP:
		return match_ip(base->value, value);
	case FORM_DIRECTORY:
		return match_directory(c, base->value, value);
	}
	return MATCH_UNCLEAR;
}

/* id-on-SmtpUTF8Mailbox (RFC 9598): a mail address in another coat. */
static bool is_utf8_mailbox(const struct name *n)
{
	static const uint8_t oid[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x09 };
	struct der other = n->value, id;

	return n->form == FORM_OTHER && der_take(&other, DER_OID, &id, NULL) &&
	    der_eq(&id, oid, sizeof(oid));
}

static bool is_about(const struct name *base, const struct name *n)
{
	return base->form == n->form || (base->form == FORM_EMAIL && is_utf8_mailbox(n));
}

/* Looks through a list of subtrees. *has_form: one is about names like n. False: what they say is not clear. */
static bool
search(struct check *c, struct der list, const struct name *n, bool is_excluding, bool *has_form)
{
	bool is_found = false;
	struct name base;

	*has_form = false;
	while (!is_empty(list) && !is_found) {
		enum match how = MATCH_UNCLEAR;

		if (c->left == 0 || !take_subtree(&list, &base))
			return is_excluding;
		c->left--;
		if (!is_about(&base, n))
			continue;
		*has_form = true;
		if (base.form == n->form)
			how = match_name(c, &base, n->value, is_excluding);
		/* An exclusion that may be meant is meant; a permission is not. */
		is_found = how == MATCH_YES || (how == MATCH_UNCLEAR && is_excluding);
	}
	return is_found;
}

static bool is_allowed(struct check *c, const struct name *n)
{
	bool has_form, is_permitted;

	if (search(c, c->excluded, n, true, &has_form))
		return false;
	is_permitted = search(c, c->permitted, n, false, &has_form);
	return c->left > 0 && (is_permitted || !has_form);
}

/* --- all of a certificate's --- */

/* emailAddress attributes, PKCS #9. */
static bool mail_in_subject_is_allowed(struct check *c, struct der subject)
{
	static const uint8_t email[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01 };
	struct x509_attribute a;
	struct der all, rdn;

	if (!der_take(&subject, DER_SEQUENCE, &all, NULL))
		return false;
	while (!is_empty(all)) {
		if (!der_take(&all, DER_SET, &rdn, NULL))
			return false;
		while (!is_empty(rdn)) {
			struct name n = { .form = FORM_EMAIL };

			if (!x509_take_attribute(&rdn, &a))
				return false;
			n.value = a.value;
			if (der_eq(&a.type, email, sizeof(email)) && !is_allowed(c, &n))
				return false;
		}
	}
	return true;
}

bool name_constraints_allow(struct der constraints, const struct x509 *x)
{
	const struct name subject = { .form = FORM_DIRECTORY, .value = x->subject };
	struct der names = x->names, rdns = x->subject, all;
	bool has_mail = false;
	struct check c;
	struct name n;

	if (is_empty(constraints))
		return true;
	if (!read_constraints(constraints, &c) || name_constraints_check(constraints) ||
	    !der_take(&rdns, DER_SEQUENCE, &all, NULL))
		return false;
	if (!is_empty(all) && !is_allowed(&c, &subject))
		return false;
	while (!is_empty(names)) {
		if (!take_name(&names, &n) || !is_allowed(&c, &n))
			return false;
		has_mail |= n.form == FORM_EMAIL;
	}
	return has_mail || mail_in_subject_is_allowed(&c, x->subject);
}
