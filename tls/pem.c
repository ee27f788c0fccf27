/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/pem.h"

#include <limits.h>
#include <string.h>

static const char begin[] = "-----BEGIN ";
static const char dashes[] = "-----";

static const char *find(const char *at, const char *end, const char *what)
{
	return memmem(at, (size_t)(end - at), what, strlen(what));
}

/* The next BEGIN at the start of a line. */
static const char *find_begin(const char *start, const char *end)
{
	const char *at = start;

	while ((at = find(at, end, begin)) != NULL) {
		if (at == start || at[-1] == '\n' || at[-1] == '\r')
			return at;
		at++;
	}
	return NULL;
}

/* The END line that belongs to b's label, from at on. */
static const char *find_end(const char *at, const char *end, const struct pem_block *b)
{
	static const char word[] = "-----END ";

	while ((at = find(at, end, word)) != NULL) {
		const char *label = at + strlen(word);

		if ((size_t)(end - label) >= b->label_len + strlen(dashes) &&
		    memcmp(label, b->label, b->label_len) == 0 &&
		    memcmp(label + b->label_len, dashes, strlen(dashes)) == 0)
			return at;
		at = label;
	}
	return NULL;
}

/* Takes header lines, which end with an empty one, off the body (RFC 1421 4.4; base64 has no colon). */
static void split_head(struct pem_block *b)
{
	const char *end = b->body + b->body_len, *blank;
	size_t len = 2;

	b->head = b->body;
	b->head_len = 0;
	if (!memchr(b->body, ':', b->body_len))
		return;
	blank = find(b->body, end, "\n\n");
	if (!blank) {
		blank = find(b->body, end, "\n\r\n");
		len = 3;
	}
	if (!blank)
		return;
	b->head_len = (size_t)(blank - b->head);
	b->body = blank + len;
	b->body_len = (size_t)(end - b->body);
}

int pem_next(const char **at, const char *end, struct pem_block *b)
{
	const char *start = find_begin(*at, end), *stop, *next;

	if (!start)
		return 0;
	b->label = start + strlen(begin);
	stop = find(b->label, end, dashes);
	if (!stop)
		return -1;
	b->label_len = (size_t)(stop - b->label);
	b->body = stop + strlen(dashes);
	stop = find_end(b->body, end, b);
	next = find_begin(b->body, end);
	if (!stop || (next && next < stop))
		return -1;
	b->body_len = (size_t)(stop - b->body);
	b->is_encrypted = pem_is(b, "ENCRYPTED PRIVATE KEY") || find(b->body, stop, ",ENCRYPTED");
	split_head(b);
	*at = stop + strlen("-----END ") + b->label_len + strlen(dashes);
	return 1;
}

bool pem_is(const struct pem_block *b, const char *label)
{
	return b->label_len == strlen(label) && memcmp(b->label, label, b->label_len) == 0;
}

/* All ones when low <= c <= high. */
static unsigned in_range(unsigned c, unsigned low, unsigned high)
{
	return ~((c - low) >> 8 | (high - c) >> 8) & 0xff;
}

/* 0..63, 64 for white space, 65 for '=', 66 for anything else. */
static unsigned base64_value(unsigned char c)
{
	unsigned upper = in_range(c, 'A', 'Z'), lower = in_range(c, 'a', 'z');
	unsigned digit = in_range(c, '0', '9'), plus = in_range(c, '+', '+');
	unsigned slash = in_range(c, '/', '/'), pad = in_range(c, '=', '=');
	unsigned space = in_range(c, ' ', ' ') | in_range(c, '\t', '\r');
	unsigned known = upper | lower | digit | plus | slash | pad | space;

	return ((c - 'A') & upper) | ((c - 'a' + 26u) & lower) | ((c - '0' + 52u) & digit) |
	    (62 & plus) | (63 & slash) | (64 & space) | (65 & pad) | (66 & ~known & 0xff);
}

int pem_decode(const struct pem_block *b, uint8_t *out, size_t room)
{
	size_t n = 0, n_digits = 0, n_pads = 0;
	uint32_t word = 0;

	if (b->body_len > INT_MAX)
		return -1;
	for (size_t i = 0; i < b->body_len; i++) {
		unsigned v = base64_value((unsigned char)b->body[i]);

		if (v == 64)
			continue;
		if (v == 66 || (v == 65 && ++n_pads > 2) || (v != 65 && n_pads > 0))
			return -1;
		word = word << 6 | (v & 63 & (v == 65 ? 0 : 63));
		if (++n_digits % 4 != 0)
			continue;
		if (room - n < 3)
			return -1;
		out[n++] = (uint8_t)(word >> 16);
		out[n++] = (uint8_t)(word >> 8);
		out[n++] = (uint8_t)word;
	}
	if (n_digits % 4 != 0 || n == 0)
		return -1;
	return (int)(n - n_pads);
}
