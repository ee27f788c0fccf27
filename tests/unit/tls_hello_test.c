/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tests/unit/tls_hello_kit.h"

#include <cmocka.h>

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

static void read_ok(struct hello *h, const char *name)
{
	size_t len, need;
	uint8_t *at = capture(name, &len), alert;

	assert_int_equal(hello_read_exact(h, at, len, &need, &alert), HELLO_OK);
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

		assert_int_equal(hello_read_exact(&whole, at, len, &need, &alert), HELLO_OK);
		memcpy(message, whole.message, whole.message_len);
		for (size_t cut = 0; cut <= len; cut++) {
			struct iovec in[4] = { { at, cut / 2 }, { at + cut / 2, cut - cut / 2 },
				{ NULL, 0 }, { at + cut, len - cut } };

			memset(hello_scratch, 0xee, sizeof(hello_scratch));
			assert_int_equal(
			    hello_read(&h, in, 4, hello_scratch, &need, &alert), HELLO_OK);
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

			assert_int_equal(
			    hello_read_exact(&whole, at, len, &need, &alert), HELLO_OK);
			assert_int_equal(hello_read_exact(&h, stream, n, &need, &alert), HELLO_OK);
			assert_same(&h, &whole);
			assert_memory_equal(h.message, at + 5, len - 5);
			/* One byte short is never enough, whatever the size. */
			assert_int_equal(
			    hello_read_exact(&h, stream, n - 1, &need, &alert), HELLO_MORE);
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
		status = hello_read_exact(&h, stream, have, &need, &alert);
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
			assert_int_equal(hello_read_exact(&h, at, n, &need, &alert), HELLO_MORE);
			assert_true(need > n && need <= len);
		}
		free(at);
	}
}

/* --- records and messages that are none --- */

static void assert_stream(const void *at, size_t len, uint8_t alert, const char *what)
{
	static struct maker m;

	m.len = 0;
	maker_put(&m, at, len);
	assert_hello_alert(&m, alert, what);
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
	maker_stream(&m, 1, FRONT "\x14", FRONT_LEN + 1);
	m.at[8]--; /* the message says one byte less than the record */
	assert_hello_alert(&m, 10, "record goes on");
	/* In another record: not looked at. */
	maker_stream(&m, 1, FRONT, FRONT_LEN);
	maker_put(&m, "\x17\x03\x03\x00\x01x", 6);
	assert_hello_alert(&m, 0, "next record");
}

static void test_second_record_is_another_type(void **state)
{
	static const char types[] = "\x14\x15\x17\x80G";
	static struct maker m;

	(void)state;
	for (size_t i = 0; i < sizeof(types) - 1; i++) {
		m.len = 0;
		maker_put(&m, "\x16\x03\x01\x00\x06\x01\x00\x00\x29\x03\x03", 11);
		maker_put(&m, &types[i], 1);
		assert_hello_alert(&m, types[i] == '\x80' ? 70 : 10, "between fragments");
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
	maker_stream(&m, 1, body, 3000);
	n = make_records(stream, m.at + 5, m.len - 5, 1);
	assert_int_equal(hello_read_exact(&h, stream, n, &need, &alert), HELLO_BAD);
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
		maker_put16(&e, 21);
		maker_put16(&e, padding + more);
		for (size_t i = 0; i < padding + more; i++)
			maker_put(&e, "", 1);
		maker_hello(&m, e.at, e.len);
		if (more) /* the record is too long as well: cut it in two */
			m.len =
			    make_records(m.at, memcpy(e.at, m.at + 5, m.len - 5), m.len - 5, 9000);
		assert_hello_alert(&m, more ? 47 : 0, "largest");
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
				switch (hello_read_exact(&h, at, len, &need, &alert)) {
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
		cmocka_unit_test(test_not_tls),
		cmocka_unit_test(test_bytes_after_the_hello),
		cmocka_unit_test(test_second_record_is_another_type),
		cmocka_unit_test(test_too_many_records),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
