/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instructions per SNI lookup and per ClientHello. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/instructions/count.h"
#include "tests/unit/tls_data_kit.h"
#include "tls/hello.h"
#include "tls/sni.h"

#include <cmocka.h>

#define NAMES   2000
#define LOOKUPS 1000

static struct cert *certs[NAMES];

/* Every other of the names before + number + after. */
static void
lookups(const struct sni_table *t, const char *before, const char *after, int how, const char *what)
{
	for (unsigned i = 0; i < LOOKUPS; i++) {
		char name[64];
		struct sni_match match;
		size_t len = (size_t)snprintf(name, sizeof(name), "%s%u%s", before, i * 2, after);

		count_start();
		sni_find(t, name, len, &match);
		count_stop();
		assert_int_equal(match.how, how);
	}
	count_report(what, LOOKUPS);
}

static void sni(void)
{
	struct cert *fallback = kit_named_cert("", CERT_P256, 256);
	static struct err e;
	struct sni_table *t;

	for (unsigned i = 0; i < NAMES; i++) {
		char names[128];

		snprintf(names, sizeof(names), "host%u.example.com *.wild%u.example.com", i, i);
		certs[i] = kit_named_cert(names, CERT_P256, 256);
	}
	t = sni_new(certs, NAMES, &fallback, 1, &e);
	assert_non_null(t);
	lookups(t, "host", ".example.com", SNI_EXACT, "sni_exact");
	lookups(t, "any.wild", ".example.com", SNI_WILDCARD, "sni_wildcard");
	lookups(t, "host", ".example.org", SNI_DEFAULT, "sni_default");
	sni_free(t);
	for (unsigned i = 0; i < NAMES; i++)
		cert_put(certs[i]);
	cert_put(fallback);
}

/* As a browser's, in one segment: versions, groups, a key share, signature schemes, ALPN, SNI. */
static size_t put_hello(uint8_t *to)
{
	static const uint8_t body[] = { 3, 3, [2 ... 33] = 7, 0, /* no session id */
		0, 8, 0x13, 1, 0x13, 2, 0x13, 3, 0xc0, 0x2b, 1, 0 };
	static const uint8_t extensions[] = {
		0, 0, 0, 21, 0, 19, 0, 0, 16, 'h', 'o', 's', 't', '1', '.', 'e', 'x', 'a', 'm', 'p',
		'l', 'e', '.', 'c', 'o',             /* server_name host1.example.co */
		0, 43, 0, 5, 4, 3, 4, 3, 3,          /* supported_versions */
		0, 10, 0, 6, 0, 4, 0, 29, 0, 23,     /* supported_groups */
		0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1, /* signature_algorithms */
		0, 16, 0, 14, 0, 12, 2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1', 0, 51,
		0, 38, 0, 36, 0, 29, 0, 32 /* key_share, 32 bytes of it follow */
	};
	size_t n = 9;

	memcpy(to + n, body, sizeof(body));
	n += sizeof(body);
	to[n++] = (sizeof(extensions) + 32) >> 8;
	to[n++] = (sizeof(extensions) + 32) & 255;
	memcpy(to + n, extensions, sizeof(extensions));
	n += sizeof(extensions);
	memset(to + n, 9, 32);
	n += 32;
	memcpy(to,
	    (uint8_t[]){ 22, 3, 1, (uint8_t)((n - 5) >> 8), (uint8_t)(n - 5), 1, 0,
		(uint8_t)((n - 9) >> 8), (uint8_t)(n - 9) },
	    9);
	return n;
}

static void hello(void)
{
	static uint8_t scratch[HELLO_SCRATCH];
	static struct hello h;
	uint8_t bytes[512], alert;
	struct iovec in = { bytes, put_hello(bytes) };
	size_t need;

	for (unsigned i = 0; i < 100; i++) {
		enum hello_status status;

		count_start();
		status = hello_read(&h, &in, 1, scratch, &need, &alert);
		count_stop();
		assert_int_equal(status, HELLO_OK);
	}
	assert_string_equal(h.sni, "host1.example.co");
	count_report("hello_read", 100);
}

static void all(void **state)
{
	(void)state;
	sni();
	hello();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
