/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/der.h"

/*
 * Names of certificates as text, and patterns over them.
 *
 * Text is ASCII whatever the certificate holds: what is special in RFC 2253 has a backslash before it, every
 * other byte (of the value as UTF-8) is a backslash and two hex digits, as OpenSSL's RFC2253 form has it.
 */

/*
 * Writes a Name (whole) in RFC 2253's order and form, "CN=client,O=Example,C=US", cut to room bytes. Attributes without a
 * name of their own are dotted numbers with their value in hex. Returns the length without the
 * terminating zero that all of it has, or 0 when it is malformed. Lengths do not exceed 4 times the name's plus 64 a part.
 */
size_t x509_name_print(struct der name, char *text, size_t room);

/* The last common name (2.5.4.3), as it is in UTF-8 but for control characters, which become '?'. False: there is none. */
bool x509_common_name(struct der name, char *text, size_t room);

/* One attribute of a relative distinguished name (RFC 5280 4.1.2.4). */
struct x509_attribute {
	struct der type, value; /* contents */
	uint8_t tag;            /* of the value */
	struct der whole;       /* the value with its tag */
};

/* Takes the next one off rdn, a SET's content. False: malformed. */
bool x509_take_attribute(struct der *rdn, struct x509_attribute *a);

/*
 * The value as UTF-8, cut to room bytes and terminated; returns the length that all of it has, or SIZE_MAX when it is no
 * string.
 */
size_t x509_attribute_utf8(const struct x509_attribute *a, char *text, size_t room);

/*
 * Takes the next of GeneralNames' content (RFC 5280 4.2.1.6) as text: "DNS:www.example.com" in lower case, "URI:spiffe://x/y",
 * "email:a@b", "IP:10.0.0.1", "IP:fd80::1", "DirName:CN=x,O=y"; others as "other:". 1, 0 at the
 * end, or -1: malformed, or too long for room.
 */
int x509_alt_name_next(struct der *names, char *text, size_t room);

/*
 * Whether pattern covers text, which x509_name_print or x509_alt_name_next wrote. A '*' stands for any run of characters,
 * also none, and everything else for itself. A backslash and what belongs to it are one
 * character: a '*' never takes the backslash alone, so that the comma in a value is no end of it.
 */
bool x509_pattern_matches(const char *pattern, const char *text);
