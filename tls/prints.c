/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/prints.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/md5.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "tls/hello.h"

#define MAX_LIST 256 /* browsers send about 20 of each */
#define HALF     12  /* hex digits of a hash in JA4 */

#define EXT_SERVER_NAME 0
#define EXT_ALPN        16

/* RFC 8701 2: 0x0a0a, 0x1a1a, and so on. */
static bool is_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/* --- JA3 --- */

/* Decimal numbers joined by '-'. */
static void ja3_list(wc_Md5 *md5, const struct hello_list *l)
{
	bool first = true;

	for (unsigned i = 0; i < l->n; i++) {
		uint16_t value = hello_list_get(l, i);
		char text[8];
		int n;

		if (is_grease(value))
			continue;
		n = snprintf(text, sizeof(text), "%s%u", first ? "" : "-", value);
		wc_Md5Update(md5, (const byte *)text, (word32)n);
		first = false;
	}
}

static void ja3_formats(wc_Md5 *md5, const struct hello *h)
{
	for (unsigned i = 0; i < h->n_point_formats; i++) {
		char text[8];
		int n = snprintf(text, sizeof(text), "%s%u", i ? "-" : "", h->point_formats[i]);

		wc_Md5Update(md5, (const byte *)text, (word32)n);
	}
}

static void take_ja3(const struct hello *h, uint8_t ja3[PRINT_JA3_BYTES])
{
	char version[8];
	wc_Md5 md5;

	wc_InitMd5(&md5);
	wc_Md5Update(&md5, (const byte *)version,
	    (word32)snprintf(version, sizeof(version), "%u,", h->legacy_version));
	ja3_list(&md5, &h->suites);
	wc_Md5Update(&md5, (const byte *)",", 1);
	ja3_list(&md5, &h->extensions);
	wc_Md5Update(&md5, (const byte *)",", 1);
	ja3_list(&md5, &h->groups);
	wc_Md5Update(&md5, (const byte *)",", 1);
	ja3_formats(&md5, h);
	wc_Md5Final(&md5, ja3);
	wc_Md5Free(&md5);
}

/* --- JA4 --- */

struct numbers {
	uint16_t at[MAX_LIST];
	unsigned n;
};

static int compare(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The numbers of a list without GREASE. */
static void collect(struct numbers *to, const struct hello_list *l)
{
	to->n = 0;
	for (unsigned i = 0; i < l->n; i++)
		if (!is_grease(hello_list_get(l, i)))
			to->at[to->n++] = hello_list_get(l, i);
}

static void hash_numbers(wc_Sha256 *sha, const struct numbers *numbers)
{
	for (unsigned i = 0; i < numbers->n; i++) {
		char text[8];
		int n = snprintf(text, sizeof(text), "%s%04x", i ? "," : "", numbers->at[i]);

		wc_Sha256Update(sha, (const byte *)text, (word32)n);
	}
}

static void put_half(char *to, wc_Sha256 *sha)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t digest[WC_SHA256_DIGEST_SIZE];

	wc_Sha256Final(sha, digest);
	for (unsigned i = 0; i < HALF; i++)
		to[i] = hex[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
}

static void put_suites(char *to, struct numbers *suites)
{
	wc_Sha256 sha;

	if (suites->n == 0) {
		memset(to, '0', HALF);
		return;
	}
	qsort(suites->at, suites->n, sizeof(suites->at[0]), compare);
	wc_InitSha256(&sha);
	hash_numbers(&sha, suites);
	put_half(to, &sha);
	wc_Sha256Free(&sha);
}

/* Extensions sorted, without the two that differ from site to site; signature algorithms as they came. */
static void put_extensions(char *to, struct numbers *extensions, const struct numbers *sigalgs)
{
	unsigned n = 0;
	wc_Sha256 sha;

	if (extensions->n == 0) {
		memset(to, '0', HALF);
		return;
	}
	qsort(extensions->at, extensions->n, sizeof(extensions->at[0]), compare);
	for (unsigned i = 0; i < extensions->n; i++)
		if (extensions->at[i] != EXT_SERVER_NAME && extensions->at[i] != EXT_ALPN)
			extensions->at[n++] = extensions->at[i];
	extensions->n = n;
	wc_InitSha256(&sha);
	hash_numbers(&sha, extensions);
	if (sigalgs->n > 0)
		wc_Sha256Update(&sha, (const byte *)"_", 1);
	hash_numbers(&sha, sigalgs);
	put_half(to, &sha);
	wc_Sha256Free(&sha);
}

static const char *version_code(const struct hello *h)
{
	uint16_t best = 0;

	for (unsigned i = 0; i < h->versions.n; i++) {
		uint16_t version = hello_list_get(&h->versions, i);

		if (!is_grease(version) && version > best)
			best = version;
	}
	switch (h->versions.n ? best : h->legacy_version) {
	case 0x0304:
		return "13";
	case 0x0303:
		return "12";
	case 0x0302:
		return "11";
	case 0x0301:
		return "10";
	case 0x0300:
		return "s3";
	}
	return "00";
}

/* First and last character of the first protocol; of their hex digits when they are no letters or digits. */
static void put_alpn(char to[2], const struct hello *h)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t first, last;

	if (h->alpn_len == 0) {
		memcpy(to, "00", 2);
		return;
	}
	first = h->alpn[1];
	last = h->alpn[h->alpn[0]];
	if (first < 128 && last < 128 && isalnum(first) && isalnum(last)) {
		to[0] = (char)first;
		to[1] = (char)last;
	} else {
		to[0] = hex[first >> 4];
		to[1] = hex[last & 15];
	}
}

static unsigned at_most_99(unsigned n)
{
	return n < 99 ? n : 99;
}

static void take_ja4(const struct hello *h, char ja4[PRINT_JA4_CHARS])
{
	struct numbers suites, extensions, sigalgs;
	char head[16];

	collect(&suites, &h->suites);
	collect(&extensions, &h->extensions);
	collect(&sigalgs, &h->sigalgs);
	snprintf(head, sizeof(head), "t%s%c%02u%02u", version_code(h),
	    hello_list_has(&h->extensions, EXT_SERVER_NAME) ? 'd' : 'i', at_most_99(suites.n),
	    at_most_99(extensions.n));
	memcpy(ja4, head, 8);
	put_alpn(ja4 + 8, h);
	ja4[10] = ja4[11 + HALF] = '_';
	put_suites(ja4 + 11, &suites);
	put_extensions(ja4 + 12 + HALF, &extensions, &sigalgs);
}

bool prints_take(const struct hello *h, uint8_t ja3[PRINT_JA3_BYTES], char ja4[PRINT_JA4_CHARS])
{
	if (h->suites.n > MAX_LIST || h->extensions.n > MAX_LIST || h->groups.n > MAX_LIST ||
	    h->sigalgs.n > MAX_LIST)
		return false;
	take_ja3(h, ja3);
	take_ja4(h, ja4);
	return true;
}
