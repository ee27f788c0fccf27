/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/tls_hello_kit.h"

#include <cmocka.h>

/* --- made by hand --- */

struct extension_case {
	const char *what;
	const char *at;
	size_t len;
	uint8_t alert; /* 0: accepted */
};
#define CASE(what, bytes, alert)                      \
	{                                             \
		what, bytes, sizeof(bytes) - 1, alert \
	}

#define SHARE1 "\x00\x1d\x00\x01\x01"
#define PSK_OK                              \
	"\x00\x29\x00\x2c"                  \
	"\x00\x07\x00\x01i\x00\x00\x00\x00" \
	"\x00\x21\x20"                      \
	"0123456789abcdef0123456789abcdef"

static const struct extension_case extension_cases[] = {
	CASE("no extensions in the block", "", 0),
	CASE("one byte of an extension", "\x00", 50),
	CASE("extension without length", "\x00\x17", 50),
	CASE("extension longer than the block", "\x00\x17\x00\x01", 50),
	CASE("GREASE with a body", "\x1a\x1a\x00\x01\x00", 0),
	CASE("GREASE twice", "\x1a\x1a\x00\x00\x1a\x1a\x00\x00", 47),
	CASE("two different GREASE", "\x1a\x1a\x00\x00\x2a\x2a\x00\x00", 0),
	CASE("extended_master_secret twice", "\x00\x17\x00\x00\x00\x17\x00\x00", 47),
	CASE("extended_master_secret with a body", "\x00\x17\x00\x01\x00", 50),
	CASE("early_data with a body", "\x00\x2a\x00\x01\x00", 50),
	CASE("SNI",
	    "\x00\x00\x00\x08\x00\x06\x00\x00\x03"
	    "a.b",
	    0),
	CASE("SNI with a dot at the end",
	    "\x00\x00\x00\x09\x00\x07\x00\x00\x04"
	    "a.b.",
	    0),
	CASE("SNI empty body", "\x00\x00\x00\x00", 50),
	CASE("SNI empty list", "\x00\x00\x00\x02\x00\x00", 50),
	CASE("SNI empty name", "\x00\x00\x00\x05\x00\x03\x00\x00\x00", 50),
	CASE("SNI list too long",
	    "\x00\x00\x00\x08\x00\x07\x00\x00\x03"
	    "a.b",
	    50),
	CASE("SNI list too short",
	    "\x00\x00\x00\x08\x00\x05\x00\x00\x03"
	    "a.b",
	    50),
	CASE("SNI name longer than the list",
	    "\x00\x00\x00\x08\x00\x06\x00\x00\x04"
	    "a.b",
	    50),
	CASE("SNI two host names",
	    "\x00\x00\x00\x0a\x00\x08\x00\x00\x01"
	    "a"
	    "\x00\x00\x01"
	    "b",
	    47),
	CASE("SNI host name after another type",
	    "\x00\x00\x00\x0a\x00\x08\x07\x00\x01"
	    "a"
	    "\x00\x00\x01"
	    "b",
	    0),
	CASE("SNI with NUL",
	    "\x00\x00\x00\x08\x00\x06\x00\x00\x03"
	    "a\0b",
	    47),
	CASE("SNI with a blank",
	    "\x00\x00\x00\x08\x00\x06\x00\x00\x03"
	    "a b",
	    47),
	CASE("SNI with a star",
	    "\x00\x00\x00\x08\x00\x06\x00\x00\x03"
	    "*.b",
	    47),
	CASE("SNI with UTF-8",
	    "\x00\x00\x00\x07\x00\x05\x00\x00\x02"
	    "\xc3\xa4",
	    47),
	CASE("SNI with a slash",
	    "\x00\x00\x00\x08\x00\x06\x00\x00\x03"
	    "../",
	    47),
	CASE("SNI with an empty label",
	    "\x00\x00\x00\x09\x00\x07\x00\x00\x04"
	    "a..b",
	    47),
	CASE("SNI that begins with a dot",
	    "\x00\x00\x00\x07\x00\x05\x00\x00\x02"
	    ".b",
	    47),
	CASE("SNI of one dot",
	    "\x00\x00\x00\x06\x00\x04\x00\x00\x01"
	    ".",
	    47),
	CASE("supported_groups empty list", "\x00\x0a\x00\x02\x00\x00", 50),
	CASE("supported_groups odd", "\x00\x0a\x00\x05\x00\x03\x00\x1d\x00", 50),
	CASE("supported_groups without length", "\x00\x0a\x00\x00", 50),
	CASE("supported_groups with a tail", "\x00\x0a\x00\x05\x00\x02\x00\x1d\x00", 50),
	CASE("signature_algorithms odd", "\x00\x0d\x00\x03\x00\x01\x04", 50),
	CASE("signature_algorithms empty", "\x00\x0d\x00\x02\x00\x00", 50),
	CASE("signature_algorithms_cert empty", "\x00\x32\x00\x02\x00\x00", 50),
	CASE("supported_versions empty", "\x00\x2b\x00\x01\x00", 50),
	CASE("supported_versions odd", "\x00\x2b\x00\x04\x03\x03\x04\x03", 50),
	CASE("supported_versions too long", "\x00\x2b\x00\x03\x04\x03\x04", 50),
	CASE("point formats", "\x00\x0b\x00\x02\x01\x00", 0),
	CASE("point formats empty", "\x00\x0b\x00\x01\x00", 50),
	CASE("point formats without uncompressed", "\x00\x0b\x00\x02\x01\x01", 47),
	CASE("the same from a TLS 1.3 client",
	    "\x00\x0b\x00\x02\x01\x01\x00\x2b\x00\x03\x02\x03\x04", 0),
	CASE("ALPN", "\x00\x10\x00\x05\x00\x03\x02h2", 0),
	CASE("ALPN empty list", "\x00\x10\x00\x02\x00\x00", 50),
	CASE("ALPN empty name", "\x00\x10\x00\x06\x00\x04\x02h2\x00", 50),
	CASE("ALPN name too long", "\x00\x10\x00\x05\x00\x03\x03h2", 50),
	CASE("ALPN with a tail", "\x00\x10\x00\x06\x00\x03\x02h2h", 50),
	CASE("key_share empty", "\x00\x33\x00\x02\x00\x00", 0),
	CASE("key_share", "\x00\x33\x00\x07\x00\x05" SHARE1, 0),
	CASE("key_share without length", "\x00\x33\x00\x00", 50),
	CASE("key_share empty key", "\x00\x33\x00\x06\x00\x04\x00\x1d\x00\x00", 50),
	CASE("key_share key too long", "\x00\x33\x00\x07\x00\x05\x00\x1d\x00\x02\x01", 50),
	CASE("key_share group twice", "\x00\x33\x00\x0c\x00\x0a" SHARE1 SHARE1, 47),
	CASE("pre_shared_key last", PSK_OK, 0),
	CASE("pre_shared_key not last", PSK_OK "\x00\x17\x00\x00", 47),
	CASE("pre_shared_key twice", PSK_OK PSK_OK, 47),
	CASE("pre_shared_key of TLS 1.3 without modes", "\x00\x2b\x00\x03\x02\x03\x04" PSK_OK, 109),
	CASE("pre_shared_key of TLS 1.3 with modes",
	    "\x00\x2b\x00\x03\x02\x03\x04\x00\x2d\x00\x02\x01\x01" PSK_OK, 0),
	CASE("psk modes empty", "\x00\x2d\x00\x01\x00", 50),
	CASE("pre_shared_key empty", "\x00\x29\x00\x00", 50),
	CASE("pre_shared_key short binder",
	    "\x00\x29\x00\x2b\x00\x07\x00\x01i\x00\x00\x00\x00\x00\x20\x1f"
	    "0123456789abcdef0123456789abcde",
	    50),
	CASE("pre_shared_key two identities, one binder",
	    "\x00\x29\x00\x33\x00\x0e\x00\x01i\x00\x00\x00\x00\x00\x01j\x00\x00\x00\x00\x00\x21\x20"
	    "0123456789abcdef0123456789abcdef",
	    47),
};

static void test_extensions(void **state)
{
	static struct maker m;

	(void)state;
	for (size_t i = 0; i < sizeof(extension_cases) / sizeof(extension_cases[0]); i++) {
		maker_hello(&m, extension_cases[i].at, extension_cases[i].len);
		assert_hello_alert(&m, extension_cases[i].alert, extension_cases[i].what);
	}
}

/* The hello's body without extensions, a byte of it replaced. */
static void test_fixed_part(void **state)
{
	static const struct extension_case cases[] = {
		CASE("as it is", FRONT, 0),
		CASE("empty body", "", 50),
		CASE("only a version", "\x03\x03", 50),
		CASE("version 2.0", "\x02\x00" FRONT, 70),
		CASE("session id of 33 bytes",
		    "\x03\x03"
		    "0123456789abcdef0123456789abcdef"
		    "\x21"
		    "0123456789abcdef0123456789abcdefx"
		    "\x00\x02\x13\x01\x01\x00",
		    50),
		CASE("no suites",
		    "\x03\x03"
		    "0123456789abcdef0123456789abcdef"
		    "\x00"
		    "\x00\x00"
		    "\x01\x00",
		    50),
		CASE("odd suites",
		    "\x03\x03"
		    "0123456789abcdef0123456789abcdef"
		    "\x00"
		    "\x00\x03\x13\x01\x13\x01\x00",
		    50),
		CASE("suites past the end",
		    "\x03\x03"
		    "0123456789abcdef0123456789abcdef"
		    "\x00"
		    "\xff\xfe\x13\x01\x01\x00",
		    50),
		CASE("no compression methods",
		    "\x03\x03"
		    "0123456789abcdef0123456789abcdef"
		    "\x00"
		    "\x00\x02\x13\x01\x00",
		    50),
		CASE("only deflate",
		    "\x03\x03"
		    "0123456789abcdef0123456789abcdef"
		    "\x00"
		    "\x00\x02\x13\x01\x01\x01",
		    47),
		CASE("deflate and null",
		    "\x03\x03"
		    "0123456789abcdef0123456789abcdef"
		    "\x00"
		    "\x00\x02\x13\x01\x02\x01\x00",
		    0),
		CASE("deflate with TLS 1.3",
		    "\x03\x03"
		    "0123456789abcdef0123456789abcdef"
		    "\x00"
		    "\x00\x02\x13\x01\x02\x01\x00"
		    "\x00\x07\x00\x2b\x00\x03\x02\x03\x04",
		    47),
		CASE("one byte behind it", FRONT "\x00", 50),
		CASE("extensions shorter than the rest", FRONT "\x00\x00\x00", 50),
		CASE("extensions longer than the rest", FRONT "\x00\x05\x00\x17\x00\x00", 50),
	};
	static struct maker m;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		maker_stream(&m, 1, cases[i].at, cases[i].len);
		assert_hello_alert(&m, cases[i].alert, cases[i].what);
	}
}

static void test_sni_text(void **state)
{
	static const struct {
		const char *sent, *read; /* NULL: refused */
	} cases[] = {
		{ "WWW.ExAmple.COM", "www.example.com" },
		{ "a_b-c.example", "a_b-c.example" },
		{ "example.com.", "example.com" },
		{ "localhost", "localhost" },
		{ "192.0.2.1", "" },
		{ "2001:db8::1", "" },
		{ "1.2.3.4.example", "1.2.3.4.example" },
		{ "1.2.3.444", "1.2.3.444" },
		{ "999", "999" },
		{ "example.com..", NULL },
		{ "[::1]", NULL },
		{ "a:443", NULL },
	};
	static struct maker m, e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].sent), need;
		struct hello h;
		uint8_t alert;

		e.len = 0;
		maker_put16(&e, 0);
		maker_put16(&e, len + 5);
		maker_put16(&e, len + 3);
		maker_put(&e, "", 1);
		maker_put16(&e, len);
		maker_put(&e, cases[i].sent, len);
		maker_hello(&m, e.at, e.len);
		if (!cases[i].read) {
			assert_hello_alert(&m, 47, cases[i].sent);
			continue;
		}
		assert_int_equal(hello_read_exact(&h, m.at, m.len, &need, &alert), HELLO_OK);
		assert_string_equal(h.sni, cases[i].read);
		assert_int_equal(h.sni_len, strlen(cases[i].read));
	}
}

static void test_sni_lengths(void **state)
{
	static struct maker m, e;

	(void)state;
	for (size_t len = 1; len <= 300; len++) {
		bool long_label = len % 2;

		/* Labels of 63 bytes, or one byte more in the first. */
		e.len = 0;
		maker_put16(&e, 0);
		maker_put16(&e, len + 5);
		maker_put16(&e, len + 3);
		maker_put(&e, "", 1);
		maker_put16(&e, len);
		for (size_t i = 0; i < len; i++)
			maker_put(&e, i % 64 == 63 && !(long_label && i == 63) ? "." : "x", 1);
		maker_hello(&m, e.at, e.len);
		if (len > 255 && !(len == 256))
			assert_hello_alert(&m, 47, "too long");
		else if (long_label && len >= 64)
			assert_hello_alert(&m, 47, "label of 64");
		else
			assert_hello_alert(&m, 0, "long name");
	}
}

static void test_versions(void **state)
{
	static const struct {
		const char *legacy, *extension;
		size_t len;
		uint16_t best;
	} cases[] = {
		{ "\x03\x00", "", 0, 0x0300 },
		{ "\x03\x01", "", 0, 0x0301 },
		{ "\x03\x04", "", 0, 0x0303 }, /* RFC 8446 4.2.1 */
		{ "\x04\x00", "", 0, 0x0303 },
		{ "\x03\x03", "\x00\x2b\x00\x05\x04\x1a\x1a\x03\x04", 9, 0x0304 },
		{ "\x03\x03", "\x00\x2b\x00\x05\x04\x03\x02\x03\x01", 9, 0x0302 },
		{ "\x03\x03", "\x00\x2b\x00\x03\x02\x7f\x1c", 7, 0 },
		{ "\x03\x03", "\x00\x2b\x00\x03\x02\x03\x05", 7, 0 },
	};
	static struct maker m;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hello h;
		size_t need;
		uint8_t alert;

		maker_hello(&m, cases[i].extension, cases[i].len);
		memcpy(m.at + 9, cases[i].legacy, 2);
		assert_int_equal(hello_read_exact(&h, m.at, m.len, &need, &alert), HELLO_OK);
		assert_int_equal(h.max_version, cases[i].best);
	}
}

static void test_many_extensions(void **state)
{
	static struct maker m, e;

	(void)state;
	for (unsigned n = 250; n <= 260; n++) {
		e.len = 0;
		for (unsigned i = 0; i < n; i++) {
			maker_put16(&e, 0x8000 + i);
			maker_put16(&e, 0);
		}
		maker_hello(&m, e.at, e.len);
		assert_hello_alert(&m, n <= 256 ? 0 : 47, "many extensions");
	}
}

static void test_many_key_shares(void **state)
{
	static struct maker m, e;

	(void)state;
	for (unsigned n = 250; n <= 260; n++) {
		e.len = 0;
		maker_put16(&e, 51);
		maker_put16(&e, 5 * n + 2);
		maker_put16(&e, 5 * n);
		for (unsigned i = 0; i < n; i++) {
			maker_put16(&e, i);
			maker_put16(&e, 1);
			maker_put(&e, "k", 1);
		}
		maker_hello(&m, e.at, e.len);
		assert_hello_alert(&m, n <= 256 ? 0 : 47, "many key shares");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_fixed_part),
		cmocka_unit_test(test_sni_text),
		cmocka_unit_test(test_sni_lengths),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_many_extensions),
		cmocka_unit_test(test_many_key_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
