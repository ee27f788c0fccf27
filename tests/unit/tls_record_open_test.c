/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_record_pair.h"

#include <cmocka.h>

static void headers_refused(void **state)
{
	static const struct {
		uint16_t version;
		const char *header;
		uint8_t alert;
	} cases[] = {
		{ TLS13, "1403030001", 10 }, /* change_cipher_spec after the handshake */
		{ TLS13, "1503030013", 10 }, /* unprotected alert */
		{ TLS13, "1603030020", 10 },
		{ TLS13, "1803030020", 10 }, /* heartbeat */
		{ TLS13, "0003030020", 10 },
		{ TLS13, "4745542020", 10 }, /* "GET  " */
		{ TLS13, "1704030020", 70 },
		{ TLS13, "1700000020", 70 },
		{ TLS13,
		    "17030340"
		    "12",
		    22 },                    /* 2^14 + 18: one byte of plaintext too many */
		{ TLS13, "1703034101", 22 }, /* RFC 8446 5.2: above 2^14 + 256 */
		{ TLS13, "170303ffff", 22 },
		{ TLS13, "170303000f", 20 }, /* too short for a tag */
		{ TLS13, "1703030000", 20 },
		{ TLS12, "1403030001", 10 },
		{ TLS12, "1803030020", 10 },
		{ TLS12, "ff03030020", 10 },
		{ TLS12, "1703010020", 70 },
		{ TLS12, "1703040020", 70 },
		{ TLS12, "1702000020", 70 },
		{ TLS12, "1703034019", 22 }, /* 2^14 + 25 */
		{ TLS12, "170303ffff", 22 },
		{ TLS12, "1703030017", 20 }, /* shorter than nonce and tag */
		{ TLS12, "1703030000", 20 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pair *p = pair_new(cases[i].version, AEAD_AES_128_GCM, false);

		/* Five bytes are enough to know: no waiting for a body that must not come. */
		kit_hex(cases[i].header, p->wire);
		assert_int_equal(pair_open_bytes(p, 4, 17000), RECORD_MORE);
		assert_int_equal(p->io.need, 5);
		pair_expect_fatal(p, pair_open_bytes(p, 5, 17000), cases[i].alert);
		pair_free(p);
	}
}

/* RFC 8446 5.1: legacy_record_version must be ignored (it is still additional data). */
static void header_minor_version_ignored(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);
	size_t len = plain_seal(&p->peer, 23, (const uint8_t *)"abc", 3, 0, p->wire);

	(void)state;
	p->wire[2] = 1;
	/* Not refused for its header, but whoever changed it did not have the key. */
	pair_expect_fatal(p, pair_open_bytes(p, len, 100), 20);
	pair_free(p);
}

static void plaintext_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		struct pair *p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);

		assert_int_equal(pair_give(p, 23, p->content, 16384), RECORD_OK);
		assert_int_equal(p->io.produced, 16384);
		pair_expect_fatal(p, pair_give(p, 23, p->content, 16385), 22);
		pair_free(p);
	}
}

static void inner_types_refused(void **state)
{
	static const uint8_t types[] = { 20, 24, 1, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof types; i++) {
		struct pair *p = pair_new(TLS13, AEAD_AES_256_GCM, false);

		pair_expect_fatal(p, pair_give(p, types[i], "abcdef", 6), 10);
		pair_free(p);
	}
	for (uint8_t type = 21; type <= 22; type++) { /* RFC 8446 5.4: zero-length */
		struct pair *p = pair_new(TLS13, AEAD_AES_256_GCM, false);
		struct pair *old = pair_new(TLS12, AEAD_AES_256_GCM, false);

		pair_expect_fatal(p, pair_give(p, type, "", 0), 10);
		pair_expect_fatal(old, pair_give(old, type, "", 0), 10);
		pair_free(p);
		pair_free(old);
	}
}

/* All zeros inside, any length: no type at all (RFC 8446 5.4). */
static void inner_zeros_refused(void **state)
{
	static const uint8_t zeros[16384];
	static const size_t sizes[] = { 0, 1, 63, 64, 65, 5000, 16384 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct pair *p = pair_new(TLS13, AEAD_CHACHA20_POLY1305, false);

		pair_expect_fatal(p, pair_give(p, 0, zeros, sizes[i]), 10);
		pair_free(p);
	}
}

/* An authentic record that has a tag and no plaintext at all. */
static void inner_empty_refused(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);
	uint8_t nonce[12], tag[16], header[5] = { 23, 3, 3, 0, 16 };
	struct aead_key k;

	(void)state;
	aead_key_init(&k, AEAD_AES_128_GCM, p->peer.write.key);
	memcpy(nonce, p->peer.write.iv, 12);
	nonce[11] ^= (uint8_t)p->peer.write.seq;
	assert_int_equal(aead_seal(pair_engine, &k, nonce, header, 5, NULL, 0, NULL, 0, 0, tag), 0);
	memcpy(p->wire, header, 5);
	memcpy(p->wire + 5, tag, 16);
	p->peer.write.seq++;
	pair_expect_fatal(p, pair_open_bytes(p, 21, 100), 10);
	aead_key_wipe(pair_engine, &k);
	pair_free(p);
}

/* The peer wears its key out: it is asked once, and again only after it answered. */
static void peer_asked_to_rekey(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);
	size_t at = 0;

	(void)state;
	p->r.rekey_shift = 2;
	for (unsigned round = 0; round < 3; round++) {
		while (p->r.read.seq < 4) {
			assert_false(record_has_control(&p->r));
			assert_int_equal(pair_give(p, 23, "x", 1), RECORD_OK);
		}
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(pair_give(p, 23, "x", 1), RECORD_OK);
		assert_int_equal(pair_control(p, 200), RECORD_OK);
		at = 0;
		pair_expect_update(p, &at, true);
		assert_int_equal(at, p->io.produced);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(pair_give(p, 23, "x", 1), RECORD_OK);
			assert_false(record_has_control(&p->r));
		}
		assert_int_equal(pair_give(p, 22, "\x18\0\0\1\0", 5), RECORD_OK);
		plain_update(&p->peer, &p->peer.write);
	}
	pair_free(p);
}

static void empty_records_capped(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		struct pair *p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);

		for (unsigned round = 0; round < 2; round++) {
			for (unsigned k = 0; k < 32; k++) {
				assert_int_equal(pair_give(p, 23, "", 0), RECORD_OK);
				assert_true(p->io.consumed > 0 && p->io.produced == 0);
			}
			if (round == 0)
				assert_int_equal(pair_give(p, 23, "x", 1), RECORD_OK);
		}
		pair_expect_fatal(p, pair_give(p, 23, "", 0), 10);
		pair_free(p);
	}
}

/* A forged record leaves no plaintext in the caller's buffer. */
static void forged_record_wiped(void **state)
{
	static uint8_t data[5000];

	(void)state;
	kit_bytes(&pair_rng, data, sizeof data);
	for (size_t i = 0; i < N_KINDS; i++) {
		struct pair *p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);
		size_t len = plain_seal(&p->peer, 23, data, sizeof data, 0, p->wire);

		p->wire[len - 1] ^= 1;
		memset(p->out, 0x99, 6000);
		assert_int_equal(pair_open_bytes(p, len, 6000), RECORD_FATAL);
		for (size_t k = 0; k < 5000; k++)
			assert_int_equal(p->out[k], 0);
		assert_int_equal(p->out[5000], 0x99);
		pair_free(p);
	}
}

/* Short control records get through although the other leg has no room at all. */
static void control_needs_no_room(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);
	size_t len;

	(void)state;
	len = plain_seal(&p->peer, 23, (const uint8_t *)"data", 4, 0, p->wire);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pair_open_bytes(p, len, i), RECORD_FULL);
		assert_int_equal(p->io.need, 4);
		assert_int_equal(p->io.consumed, 0);
	}
	assert_int_equal(pair_open_bytes(p, len, 4), RECORD_OK);
	/* Data with padding: the content alone has to fit when the record is short. */
	len = plain_seal(&p->peer, 23, (const uint8_t *)"data", 4, 50, p->wire);
	assert_int_equal(pair_open_bytes(p, len, 4), RECORD_OK);
	assert_memory_equal(p->out, "data", 4);
	len = plain_seal(&p->peer, 22, (const uint8_t *)"\x18\0\0\1\0", 5, 0, p->wire);
	assert_int_equal(pair_open_bytes(p, len, 0), RECORD_OK);
	plain_update(&p->peer, &p->peer.write);
	len = plain_seal(&p->peer, 21, (const uint8_t *)"\1\0", 2, 0, p->wire);
	assert_int_equal(pair_open_bytes(p, len, 0), RECORD_CLOSED);
	pair_free(p);
}

/* Nothing is taken of a record that is not there to its last byte, or has no room. */
static void incomplete_or_no_room(void **state)
{
	static uint8_t data[1000];

	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		struct pair *p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);
		size_t len = plain_seal(&p->peer, 23, data, sizeof data, 0, p->wire);

		for (size_t k = 0; k < len; k++) {
			assert_int_equal(pair_open_bytes(p, k, 1000), RECORD_MORE);
			assert_int_equal(p->io.need, k < 5 ? 5 : len);
			assert_int_equal(p->io.consumed + p->io.produced, 0);
		}
		for (size_t k = 0; k < 1000; k += 111) {
			assert_int_equal(pair_open_bytes(p, len, k), RECORD_FULL);
			assert_int_equal(p->io.need, 1000);
			assert_int_equal(p->io.consumed + p->io.produced, 0);
		}
		assert_int_equal(pair_open_bytes(p, len, 1000), RECORD_OK);
		assert_int_equal(p->io.produced, 1000);
		pair_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(incomplete_or_no_room),
		cmocka_unit_test(headers_refused),
		cmocka_unit_test(header_minor_version_ignored),
		cmocka_unit_test(plaintext_limits),
		cmocka_unit_test(inner_types_refused),
		cmocka_unit_test(inner_zeros_refused),
		cmocka_unit_test(inner_empty_refused),
		cmocka_unit_test(peer_asked_to_rekey),
		cmocka_unit_test(empty_records_capped),
		cmocka_unit_test(forged_record_wiped),
		cmocka_unit_test(control_needs_no_room),
	};

	return cmocka_run_group_tests_name("tls_record_open", tests, pair_setup, pair_teardown);
}
