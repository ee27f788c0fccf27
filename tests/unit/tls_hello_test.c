/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tls/hello.h"

#include <cmocka.h>

static uint8_t scratch[HELLO_SCRATCH];

/* Real first flights: see tests/fuzz/corpus/hello. */
static const char *const captured[] = { "curl", "fallback", "gnutls", "openssl10", "openssl12",
	"openssl13", "pq", "rsaonly" };
#define N_CAPTURED (sizeof(captured) / sizeof(captured[0]))

static uint8_t *capture(const char *name, size_t *len)
{
	char path[256];

	snprintf(path, sizeof(path), "fuzz/corpus/hello/%s", name);
	return (uint8_t *)kit_read(path, len);
}

/* Reads from a buffer of exactly len bytes, so that ASan sees a read past it. */
static enum hello_status
read_exact(struct hello *h, const uint8_t *at, size_t len, size_t *need, uint8_t *alert)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct iovec in = { exact, len };
	enum hello_status status;

	memcpy(exact, at, len);
	status = hello_read(h, &in, 1, scratch, need, alert);
	free(exact);
	return status;
}

static void read_ok(struct hello *h, const char *name)
{
	size_t len, need;
	uint8_t *at = capture(name, &len), alert;

	assert_int_equal(read_exact(h, at, len, &need, &alert), HELLO_OK);
	free(at);
}

/* --- what is read --- */

static void test_openssl_tls13(void **state)
{
	struct hello h;

	(void)state;
	read_ok(&h, "openssl13");
	assert_string_equal(h.sni, "www.example.com");
	assert_int_equal(h.sni_len, 15);
	assert_int_equal(h.record_version, 0x0301);
	assert_int_equal(h.legacy_version, 0x0303);
	assert_int_equal(h.max_version, 0x0304);
	assert_true(hello_list_has(&h.versions, 0x0303));
	assert_int_equal(h.alpn_len, 12);
	assert_memory_equal(h.alpn, "\x02h2\x08http/1.1", 12);
	assert_int_equal(hello_list_get(&h.suites, 0), 0x1302);
	assert_int_equal(hello_list_get(&h.groups, 0), 29);
	assert_true(hello_list_has(&h.sigalgs, 0x0403));
	assert_int_equal(h.key_shares.n, 1);
	assert_int_equal(hello_list_get(&h.key_shares, 0), 29);
	assert_int_equal(h.session_id_len, 32);
	assert_true(h.has_ems && h.has_ticket && h.has_psk_modes);
	assert_false(h.has_psk || h.has_early_data);
	assert_int_equal(hello_list_get(&h.extensions, 0), 0);
	assert_int_equal(h.n_point_formats, 3);
}

static void test_others(void **state)
{
	struct hello h;

	(void)state;
	read_ok(&h, "openssl12");
	assert_string_equal(h.sni, "");
	assert_int_equal(h.sni_len, 0);
	assert_int_equal(h.max_version, 0x0303);
	assert_int_equal(h.versions.n, 0);
	assert_int_equal(h.alpn_len, 0);

	read_ok(&h, "openssl10");
	assert_string_equal(h.sni, "old.example.com");
	assert_int_equal(h.max_version, 0x0301);
	assert_int_equal(h.sigalgs.n, 0);

	read_ok(&h, "gnutls");
	assert_string_equal(h.sni, "gnu.example.org");
	assert_memory_equal(h.alpn, "\x02h2", 3);
	assert_true(h.key_shares.n >= 1);

	read_ok(&h, "pq");
	assert_string_equal(h.sni, "pq.example.net");
	assert_true(hello_list_has(&h.groups, 4588));
	assert_true(hello_list_has(&h.key_shares, 4588));

	read_ok(&h, "fallback");
	assert_true(hello_list_has(&h.suites, 0x5600));

	read_ok(&h, "curl");
	assert_string_equal(h.sni, "www.example.com");
}

/* --- however it is cut --- */

/* Only pointers differ between two readings of one hello. */
static void assert_same(const struct hello *a, const struct hello *b)
{
	assert_string_equal(a->sni, b->sni);
	assert_int_equal(a->message_len, b->message_len);
	assert_int_equal(a->max_version, b->max_version);
	assert_int_equal(a->suites.n, b->suites.n);
	assert_int_equal(a->extensions.n, b->extensions.n);
	assert_int_equal(a->key_shares.n, b->key_shares.n);
	assert_int_equal(a->alpn_len, b->alpn_len);
	assert_int_equal(a->n_point_formats, b->n_point_formats);
}

static void test_cut_into_segments(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CAPTURED; i++) {
		size_t len, need;
		uint8_t *at = capture(captured[i], &len), alert, message[HELLO_MAX_MESSAGE];
		struct hello whole, h;

		assert_int_equal(read_exact(&whole, at, len, &need, &alert), HELLO_OK);
		memcpy(message, whole.message, whole.message_len);
		for (size_t cut = 0; cut <= len; cut++) {
			struct iovec in[4] = { { at, cut / 2 }, { at + cut / 2, cut - cut / 2 },
				{ NULL, 0 }, { at + cut, len - cut } };

			memset(scratch, 0xee, sizeof(scratch));
			assert_int_equal(hello_read(&h, in, 4, scratch, &need, &alert), HELLO_OK);
			assert_same(&h, &whole);
			assert_memory_equal(h.message, message, h.message_len);
		}
		free(at);
	}
}

/* Cuts a message into records of size bytes. Returns the stream's length. */
static size_t make_records(uint8_t *out, const uint8_t *message, size_t len, size_t size)
{
	size_t n = 0;

	for (size_t at = 0; at < len; at += size) {
		size_t some = len - at < size ? len - at : size;

		memcpy(out + n, "\x16\x03\x01", 3);
		out[n + 3] = (uint8_t)(some >> 8);
		out[n + 4] = (uint8_t)some;
		memcpy(out + n + 5, message + at, some);
		n += 5 + some;
	}
	return n;
}

static void test_cut_into_records_of_every_size(void **state)
{
	static uint8_t stream[16384 * 6];

	(void)state;
	for (size_t i = 0; i < N_CAPTURED; i++) {
		size_t len, need;
		uint8_t *at = capture(captured[i], &len), alert;
		struct hello whole, h;

		for (size_t size = 1; size <= len - 5; size++) {
			size_t n = make_records(stream, at + 5, len - 5, size);

			assert_int_equal(read_exact(&whole, at, len, &need, &alert), HELLO_OK);
			assert_int_equal(read_exact(&h, stream, n, &need, &alert), HELLO_OK);
			assert_same(&h, &whole);
			assert_memory_equal(h.message, at + 5, len - 5);
			/* One byte short is never enough, whatever the size. */
			assert_int_equal(read_exact(&h, stream, n - 1, &need, &alert), HELLO_MORE);
			assert_int_equal(need, n);
		}
		free(at);
	}
}

/* Gives bytes as a peer that sends one at a time would, calling only when need says so. */
static unsigned feed(const uint8_t *stream, size_t len, size_t *looked_at)
{
	unsigned n_calls = 0;
	size_t need = 1;
	struct hello h;
	uint8_t alert;

	*looked_at = 0;
	for (size_t have = 1; have <= len; have++) {
		enum hello_status status;

		if (have < need)
			continue;
		n_calls++;
		*looked_at += have;
		status = read_exact(&h, stream, have, &need, &alert);
		if (status == HELLO_OK) {
			assert_int_equal(have, len);
			return n_calls;
		}
		assert_int_equal(status, HELLO_MORE);
		assert_true(need > have && need <= len);
	}
	fail_msg("need was more than it took");
	return 0;
}

static void test_byte_by_byte(void **state)
{
	static uint8_t stream[16384 * 6];
	size_t len, looked_at;
	uint8_t *at = capture("pq", &len);

	(void)state;
	/* Header, and all: the one record tells its length. */
	assert_true(feed(at, len, &looked_at) <= 4);
	assert_true(looked_at < 2 * len);
	for (size_t size = 1; size < 100; size++) {
		size_t n = make_records(stream, at + 5, len - 5, size);

		assert_true(feed(stream, n, &looked_at) < 60);
		/* Records of one byte are the worst case: each call can only hope for 6/5 of the rest. */
		assert_true(looked_at < (size < 10 ? 40 : 5) * n);
	}
	free(at);
}

static void test_every_prefix_wants_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CAPTURED; i++) {
		size_t len, need;
		uint8_t *at = capture(captured[i], &len), alert;
		struct hello h;

		for (size_t n = 0; n < len; n++) {
			assert_int_equal(read_exact(&h, at, n, &need, &alert), HELLO_MORE);
			assert_true(need > n && need <= len);
		}
		free(at);
	}
}

/* --- made by hand --- */

struct maker {
	uint8_t at[70000];
	size_t len;
};

static void put(struct maker *m, const void *bytes, size_t len)
{
	assert_true(m->len + len <= sizeof(m->at));
	memcpy(m->at + m->len, bytes, len);
	m->len += len;
}

static void put16(struct maker *m, size_t v)
{
	put(m, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

/* Everything before the extensions of a hello: TLS 1.2, one suite, null compression. */
#define FRONT                              \
	"\x03\x03"                         \
	"0123456789abcdef0123456789abcdef" \
	"\x00"                             \
	"\x00\x02\x13\x01"                 \
	"\x01\x00"
#define FRONT_LEN (sizeof(FRONT) - 1)

/* A record with a handshake message of that type and body. */
static void make_stream(struct maker *m, uint8_t type, const void *body, size_t len)
{
	m->len = 0;
	put(m, "\x16\x03\x01", 3);
	put16(m, len + 4);
	put(m, (uint8_t[]){ type, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len }, 4);
	put(m, body, len);
}

/* A hello with these extensions (type, length and body of each). */
static void make_hello(struct maker *m, const void *extensions, size_t len)
{
	static struct maker body;

	body.len = 0;
	put(&body, FRONT, FRONT_LEN);
	put16(&body, len);
	put(&body, extensions, len);
	make_stream(m, 1, body.at, body.len);
}

static void assert_alert(const struct maker *m, uint8_t wanted, const char *what)
{
	struct hello h;
	uint8_t alert = 0;
	size_t need;
	enum hello_status status = read_exact(&h, m->at, m->len, &need, &alert);

	if (wanted == 0 ? status != HELLO_OK : status != HELLO_BAD || alert != wanted)
		fail_msg("%s: status %d, alert %u, wanted %u", what, status, alert, wanted);
}

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
		make_hello(&m, extension_cases[i].at, extension_cases[i].len);
		assert_alert(&m, extension_cases[i].alert, extension_cases[i].what);
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
		make_stream(&m, 1, cases[i].at, cases[i].len);
		assert_alert(&m, cases[i].alert, cases[i].what);
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
		put16(&e, 0);
		put16(&e, len + 5);
		put16(&e, len + 3);
		put(&e, "", 1);
		put16(&e, len);
		put(&e, cases[i].sent, len);
		make_hello(&m, e.at, e.len);
		if (!cases[i].read) {
			assert_alert(&m, 47, cases[i].sent);
			continue;
		}
		assert_int_equal(read_exact(&h, m.at, m.len, &need, &alert), HELLO_OK);
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
		put16(&e, 0);
		put16(&e, len + 5);
		put16(&e, len + 3);
		put(&e, "", 1);
		put16(&e, len);
		for (size_t i = 0; i < len; i++)
			put(&e, i % 64 == 63 && !(long_label && i == 63) ? "." : "x", 1);
		make_hello(&m, e.at, e.len);
		if (len > 255 && !(len == 256))
			assert_alert(&m, 47, "too long");
		else if (long_label && len >= 64)
			assert_alert(&m, 47, "label of 64");
		else
			assert_alert(&m, 0, "long name");
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

		make_hello(&m, cases[i].extension, cases[i].len);
		memcpy(m.at + 9, cases[i].legacy, 2);
		assert_int_equal(read_exact(&h, m.at, m.len, &need, &alert), HELLO_OK);
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
			put16(&e, 0x8000 + i);
			put16(&e, 0);
		}
		make_hello(&m, e.at, e.len);
		assert_alert(&m, n <= 256 ? 0 : 47, "many extensions");
	}
}

static void test_many_key_shares(void **state)
{
	static struct maker m, e;

	(void)state;
	for (unsigned n = 250; n <= 260; n++) {
		e.len = 0;
		put16(&e, 51);
		put16(&e, 5 * n + 2);
		put16(&e, 5 * n);
		for (unsigned i = 0; i < n; i++) {
			put16(&e, i);
			put16(&e, 1);
			put(&e, "k", 1);
		}
		make_hello(&m, e.at, e.len);
		assert_alert(&m, n <= 256 ? 0 : 47, "many key shares");
	}
}

/* --- records and messages that are none --- */

static void assert_stream(const void *at, size_t len, uint8_t alert, const char *what)
{
	static struct maker m;

	m.len = 0;
	put(&m, at, len);
	assert_alert(&m, alert, what);
}
#define STREAM(bytes, alert) assert_stream(bytes, sizeof(bytes) - 1, alert, #bytes)

static void test_not_tls(void **state)
{
	(void)state;
	STREAM("G", 10);
	STREAM("GET / HTTP/1.1\r\n", 10);
	STREAM("\x15\x03\x01\x00\x02\x02\x28", 10); /* an alert */
	STREAM("\x17\x03\x03\x00\x01x", 10);
	STREAM("\x14\x03\x03\x00\x01\x01", 10);
	STREAM("\x80\x2e\x01\x03\x01", 70); /* SSLv2 hello */
	STREAM("\x80", 70);
	STREAM("\x16\x02", 70);
	STREAM("\x16\x04\x00", 70);
	STREAM("\x16\x03\x01\x00\x00", 10); /* RFC 8446 5.1: no empty fragments */
	STREAM("\x16\x03\x01\x40\x01", 22);
	STREAM("\x16\x03\x01\xff\xff", 22);
	STREAM("\x16\x03\x01\x00\x04\x02", 10);             /* a ServerHello */
	STREAM("\x16\x03\x01\x00\x01\x00", 10);             /* HelloRequest, first byte of it */
	STREAM("\x16\x03\x01\x00\x04\x01\x00\x3f\xfd", 47); /* 4 + 16381 bytes */
	STREAM("\x16\x03\x01\x00\x04\x01\xff\xff\xff", 47);
	STREAM("\x16\x03\x01\x00\x04\x01\x00\x00\x00", 50); /* an empty hello */
}

static void test_bytes_after_the_hello(void **state)
{
	static struct maker m;

	(void)state;
	/* In the same record: refused. */
	make_stream(&m, 1, FRONT "\x14", FRONT_LEN + 1);
	m.at[8]--; /* the message says one byte less than the record */
	assert_alert(&m, 10, "record goes on");
	/* In another record: not looked at. */
	make_stream(&m, 1, FRONT, FRONT_LEN);
	put(&m, "\x17\x03\x03\x00\x01x", 6);
	assert_alert(&m, 0, "next record");
}

static void test_second_record_is_another_type(void **state)
{
	static const char types[] = "\x14\x15\x17\x80G";
	static struct maker m;

	(void)state;
	for (size_t i = 0; i < sizeof(types) - 1; i++) {
		m.len = 0;
		put(&m, "\x16\x03\x01\x00\x06\x01\x00\x00\x29\x03\x03", 11);
		put(&m, &types[i], 1);
		assert_alert(&m, types[i] == '\x80' ? 70 : 10, "between fragments");
	}
}

static void test_too_many_records(void **state)
{
	static uint8_t body[4096], stream[6 * 5000];
	static struct maker m;
	size_t n, need;
	struct hello h;
	uint8_t alert;

	(void)state;
	memcpy(body, FRONT, FRONT_LEN);
	make_stream(&m, 1, body, 3000);
	n = make_records(stream, m.at + 5, m.len - 5, 1);
	assert_int_equal(read_exact(&h, stream, n, &need, &alert), HELLO_BAD);
	assert_int_equal(alert, 10);
}

/* The largest message there may be. */
static void test_largest(void **state)
{
	static struct maker m, e;
	size_t padding = HELLO_MAX_MESSAGE - 4 - FRONT_LEN - 2 - 4;

	(void)state;
	for (size_t more = 0; more <= 1; more++) {
		e.len = 0;
		put16(&e, 21);
		put16(&e, padding + more);
		for (size_t i = 0; i < padding + more; i++)
			put(&e, "", 1);
		make_hello(&m, e.at, e.len);
		if (more) /* the record is too long as well: cut it in two */
			m.len =
			    make_records(m.at, memcpy(e.at, m.at + 5, m.len - 5), m.len - 5, 9000);
		assert_alert(&m, more ? 47 : 0, "largest");
	}
}

/* Any byte of real hellos changed in any of a few ways: no crash, and never HELLO_MORE for long. */
static void test_damaged(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CAPTURED; i++) {
		size_t len, need;
		uint8_t *at = capture(captured[i], &len), alert;
		struct hello h;

		for (size_t k = 0; k < len; k++) {
			uint8_t was = at[k];

			for (unsigned flip = 1; flip < 256; flip <<= 1) {
				at[k] = (uint8_t)(was ^ flip);
				alert = 0;
				switch (read_exact(&h, at, len, &need, &alert)) {
				case HELLO_OK:
					break;
				case HELLO_BAD:
					assert_int_not_equal(alert, 0);
					break;
				case HELLO_MORE:
					assert_true(need > len && need <= 5 * 16384);
					break;
				}
			}
			at[k] = was;
		}
		free(at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssl_tls13),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_cut_into_segments),
		cmocka_unit_test(test_cut_into_records_of_every_size),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_every_prefix_wants_more),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_fixed_part),
		cmocka_unit_test(test_sni_text),
		cmocka_unit_test(test_sni_lengths),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_many_extensions),
		cmocka_unit_test(test_many_key_shares),
		cmocka_unit_test(test_not_tls),
		cmocka_unit_test(test_bytes_after_the_hello),
		cmocka_unit_test(test_second_record_is_another_type),
		cmocka_unit_test(test_too_many_records),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
