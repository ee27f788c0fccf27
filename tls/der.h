/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A cursor over DER (X.690): what is left of an element's content. Reads nothing outside, and only DER's shortest lengths. */
struct der {
	const uint8_t *at;
	size_t len;
};

#define DER_BOOLEAN     0x01
#define DER_INTEGER     0x02
#define DER_BITS        0x03
#define DER_BYTES       0x04
#define DER_OID         0x06
#define DER_ENUMERATED  0x0a
#define DER_UTC_TIME    0x17 /* UTCTime */
#define DER_TIME        0x18 /* GeneralizedTime */
#define DER_SEQUENCE    0x30
#define DER_SET         0x31
#define DER_CONTEXT(n)  (0x80 | (n)) /* [n], primitive */
#define DER_EXPLICIT(n) (0xa0 | (n)) /* [n], constructed */

/* Takes the next element off d if it has that tag: its content to *content, all of it to *whole (either may be NULL). */
static inline bool der_take(struct der *d, uint8_t tag, struct der *content, struct der *whole)
{
	size_t head = 2, len;

	if (d->len < 2 || d->at[0] != tag)
		return false;
	len = d->at[1];
	if (len >= 0x80) {
		size_t n = len & 0x7f;

		if (n < 1 || n > 4 || d->len < 2 + n || d->at[2] == 0)
			return false;
		len = 0;
		for (size_t i = 0; i < n; i++)
			len = len << 8 | d->at[2 + i];
		if (len < 0x80)
			return false;
		head += n;
	}
	if (len > d->len - head)
		return false;
	if (content)
		*content = (struct der){ .at = d->at + head, .len = len };
	if (whole)
		*whole = (struct der){ .at = d->at, .len = head + len };
	d->at += head + len;
	d->len -= head + len;
	return true;
}

/* Whether d is one element with that tag and nothing behind it: its content to *content. */
static inline bool der_take_only(struct der d, uint8_t tag, struct der *content)
{
	return der_take(&d, tag, content, NULL) && d.len == 0;
}

/* Takes an INTEGER off d in DER's one form, without bytes that say nothing: else two texts were one number. */
static inline bool der_take_integer(struct der *d, struct der *content)
{
	struct der at = *d;
	const uint8_t *n;

	if (!der_take(&at, DER_INTEGER, content, NULL) || content->len < 1)
		return false;
	n = content->at;
	if (content->len > 1 && (n[0] == 0 || n[0] == 0xff) && (n[0] & 0x80) == (n[1] & 0x80))
		return false;
	*d = at;
	return true;
}

/* Whether the next element has that tag. */
static inline bool der_is(const struct der *d, uint8_t tag)
{
	return d->len > 0 && d->at[0] == tag;
}

static inline bool der_eq(const struct der *d, const void *bytes, size_t len)
{
	return d->len == len && memcmp(d->at, bytes, len) == 0;
}
