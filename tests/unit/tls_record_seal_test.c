/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_record_pair.h"

#include <cmocka.h>

/* Our own rekey comes before the limit, again and again, and data goes on. */
static void rekey_before_limit(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);
	unsigned updates = 0;
	size_t at, n;

	(void)state;
	assert_int_equal(p->r.rekey_shift, RECORD_REKEY_SHIFT);
	assert_true(1u << RECORD_REKEY_SHIFT <= 23726566); /* 2^24.5 */
	p->r.rekey_shift = 2;
	for (unsigned i = 0; i < 50; i++) {
		at = 0;
		assert_int_equal(pair_seal_bytes(p, (const uint8_t *)"data", 4, 100), RECORD_OK);
		assert_int_equal(p->io.consumed, 4);
		if (p->io.produced > 26) {
			pair_expect_update(p, &at, false);
			updates++;
		}
		assert_int_equal(pair_peer_reads(p, &at, &n), 23);
		assert_int_equal(at, p->io.produced);
		assert_true(p->r.write.seq <= 4);
	}
	assert_true(updates >= 8);
	pair_free(p);
}

static void rekey_is_13_only(void **state)
{
	struct pair *p = pair_new(TLS12, AEAD_AES_128_GCM, false);
	size_t at = 0, n;

	(void)state;
	p->r.rekey_shift = 0;
	record_rekey(&p->r, true);
	assert_false(record_has_control(&p->r));
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(pair_give(p, 23, "x", 1), RECORD_OK);
		assert_int_equal(pair_seal_bytes(p, (const uint8_t *)"data", 4, 100), RECORD_OK);
		at = 0;
		assert_int_equal(pair_peer_reads(p, &at, &n), 23);
	}
	pair_free(p);
}

/* A number is used once: at the end of the range the connection ends, with an alert. */
static void sequence_never_wraps(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		struct pair *p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);

		p->r.write.seq = p->peer.read.seq = UINT64_MAX - 3;
		p->r.rekey_shift = 63;
		if (pair_kinds[i].version == TLS13) {
			/* A rekey is due long before, and is the way out. */
			size_t at = 0, n;

			assert_int_equal(
			    pair_seal_bytes(p, (const uint8_t *)"x", 1, 100), RECORD_OK);
			pair_expect_update(p, &at, false);
			assert_int_equal(pair_peer_reads(p, &at, &n), 23);
			assert_int_equal(p->r.write.seq, 1);
		} else {
			pair_expect_fatal(p, pair_seal_bytes(p, (const uint8_t *)"x", 1, 100), 80);
		}
		pair_free(p);

		p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);
		p->r.write.seq = UINT64_MAX;
		record_alert(&p->r, 80);
		pair_control(
		    p, 100); /* not even the alert: the number would be the last one twice */
		assert_int_equal(p->io.produced, 0);
		assert_false(record_has_control(&p->r));
		assert_int_equal(p->r.write.seq, UINT64_MAX);
		pair_free(p);

		p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);
		p->r.read.seq = p->peer.write.seq = UINT64_MAX;
		pair_expect_fatal(p, pair_give(p, 23, "x", 1), 80);
		pair_free(p);
	}
}

static void close_both_ways(void **state)
{
	static const uint8_t close_notify[2] = { 1, 0 };

	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		struct pair *p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);
		size_t at = 0, n;

		/* Their half first: ours still sends (RFC 8446 6.1). */
		assert_int_equal(pair_give(p, 21, close_notify, 2), RECORD_CLOSED);
		assert_true(p->io.consumed > 0);
		assert_int_equal(pair_open_bytes(p, 700, 700), RECORD_CLOSED);
		assert_int_equal(p->io.consumed, 700);
		assert_int_equal(p->io.produced, 0);
		assert_int_equal(pair_seal_bytes(p, (const uint8_t *)"bye", 3, 100), RECORD_OK);
		assert_int_equal(pair_peer_reads(p, &at, &n), 23);
		record_close(&p->r);
		assert_int_equal(pair_seal_bytes(p, (const uint8_t *)"bye", 3, 100), RECORD_CLOSED);
		assert_int_equal(pair_control(p, 10), RECORD_FULL);
		assert_int_equal(p->io.produced, 0);
		assert_true(p->io.need > 10);
		pair_expect_alert(p, 1, 0);
		record_close(&p->r);
		assert_false(record_has_control(&p->r)); /* once */
		record_alert(&p->r, 80);
		assert_false(record_has_control(&p->r)); /* nothing after close_notify */
		pair_free(p);

		/* Ours first: theirs still arrives. */
		p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);
		record_close(&p->r);
		pair_expect_alert(p, 1, 0);
		assert_int_equal(pair_give(p, 23, "late", 4), RECORD_OK);
		assert_int_equal(p->io.produced, 4);
		assert_int_equal(pair_give(p, 21, close_notify, 2), RECORD_CLOSED);
		pair_free(p);
	}
}

/* A fatal alert takes the place of a close_notify that was not written yet. */
static void alert_before_close(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);

	(void)state;
	record_close(&p->r);
	record_rekey(&p->r, false);
	record_alert(&p->r, 80);
	pair_expect_alert(p, 2, 80);
	pair_free(p);
}

static void update_then_close(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);
	size_t at = 0, n;

	(void)state;
	record_rekey(&p->r, false);
	record_close(&p->r);
	/* Room for the first only: the second waits. */
	assert_int_equal(pair_control(p, 30), RECORD_OK);
	pair_expect_update(p, &at, false);
	assert_int_equal(at, p->io.produced);
	assert_true(record_has_control(&p->r));
	assert_int_equal(pair_control(p, 30), RECORD_OK);
	at = 0;
	assert_int_equal(pair_peer_reads(p, &at, &n), 21);
	pair_free(p);
}

static void sizes_grow_and_fall_back(void **state)
{
	static uint8_t data[40000];

	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		struct pair *p = pair_new(pair_kinds[i].version, pair_kinds[i].kind, false);

		for (unsigned round = 0; round < 2; round++) {
			size_t sent = 0, at, n;

			while (sent < RECORD_HOT) {
				assert_int_equal(pair_seal_bytes(p, data, 40000, 20000), RECORD_OK);
				assert_int_equal(p->io.produced, RECORD_SEGMENT);
				sent += p->io.consumed;
				at = 0;
				assert_int_equal(pair_peer_reads(p, &at, &n), 23);
			}
			for (unsigned k = 0; k < 3; k++) {
				assert_int_equal(pair_seal_bytes(p, data, 40000, 20000), RECORD_OK);
				assert_int_equal(p->io.consumed, 16384);
				at = 0;
				assert_int_equal(pair_peer_reads(p, &at, &n), 23);
				assert_int_equal(n, 16384);
			}
			record_idle(&p->r);
		}
		pair_free(p);
	}
}

/* No slivers: a record is a segment at least while there is more to send. */
static void small_room_refused(void **state)
{
	static uint8_t data[4000];
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);

	(void)state;
	assert_int_equal(pair_seal_bytes(p, data, 4000, RECORD_SEGMENT - 1), RECORD_FULL);
	assert_int_equal(p->io.need, RECORD_SEGMENT);
	assert_int_equal(p->io.consumed + p->io.produced, 0);
	assert_int_equal(pair_seal_bytes(p, data, 100, 121), RECORD_FULL);
	assert_int_equal(p->io.need, 122);
	assert_int_equal(pair_seal_bytes(p, data, 100, 122), RECORD_OK);
	assert_int_equal(pair_seal_bytes(p, data, 0, 1000), RECORD_MORE);
	assert_int_equal(pair_seal_bytes(p, data, 1, 0), RECORD_FULL);
	record_idle(&p->r);
	assert_int_equal(pair_seal_bytes(p, data, 4000, RECORD_SEGMENT), RECORD_OK);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rekey_before_limit),
		cmocka_unit_test(rekey_is_13_only),
		cmocka_unit_test(sequence_never_wraps),
		cmocka_unit_test(close_both_ways),
		cmocka_unit_test(alert_before_close),
		cmocka_unit_test(update_then_close),
		cmocka_unit_test(sizes_grow_and_fall_back),
		cmocka_unit_test(small_room_refused),
	};

	return cmocka_run_group_tests_name("tls_record_seal", tests, pair_setup, pair_teardown);
}
