/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_record_pair.h"

#include <cmocka.h>

/* RFC 8448 3, "Simple 1-RTT Handshake": the records after the ticket, in both directions. */
static void rfc8448_records(void **state)
{
	struct tls_keys keys = { .version = TLS13, .aead = AEAD_AES_128_GCM, .hash_len = 32 };
	struct pair *p = calloc(1, sizeof *p);
	uint8_t plain[50], want[100];
	size_t len;

	(void)state;
	assert_non_null(p);
	kit_hex("17422dda596ed5d9acd890e3c63f5051", keys.read.key);
	kit_hex("5b78923dee08579033e523d9", keys.read.iv);
	kit_hex("9f02283b6c9c07efc26bb9f2ac92e356", keys.write.key);
	kit_hex("cf782b88dd83549aadf1e984", keys.write.iv);
	keys.write.seq = 1;
	record_init(&p->r, &keys);
	p->io =
	    (struct record_io){ .in = &p->in_piece, .n_in = 1, .out = &p->out_piece, .n_out = 1 };
	for (uint8_t i = 0; i < 50; i++)
		plain[i] = i;
	len = kit_hex("1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5"
		      "b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4",
	    p->wire);
	assert_int_equal(pair_open_bytes(p, len, 50), RECORD_OK);
	assert_int_equal(p->io.consumed, len);
	assert_int_equal(p->io.produced, 50);
	assert_memory_equal(p->out, plain, 50);

	len = kit_hex("17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d"
		      "90e6dffc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d",
	    want);
	assert_int_equal(pair_seal_bytes(p, plain, 50, 72), RECORD_OK);
	assert_int_equal(p->io.produced, len);
	assert_memory_equal(p->out, want, len);

	len = kit_hex("1703030013c9872760655666b74d7ff1153efd6db6d0b0e3", p->wire);
	assert_int_equal(pair_open_bytes(p, len, 0), RECORD_CLOSED);
	assert_int_equal(p->r.alert_in, 0);
	record_close(&p->r);
	assert_int_equal(pair_control(p, 100), RECORD_OK);
	len = kit_hex("1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9", want);
	assert_int_equal(p->io.produced, len);
	assert_memory_equal(p->out, want, len);
	pair_free(p);
}

static void secrets_leave_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		struct kit_secret first[4], next[2];
		struct tls_keys *keys = malloc(sizeof *keys);
		struct plain *peer = malloc(sizeof *peer);
		struct pair *p = calloc(1, sizeof *p);
		uint8_t message[] = "some message of ours";

		assert_true(keys && peer && p);
		plain_pair(&pair_rng, pair_kinds[i].version, pair_kinds[i].kind, keys, peer);
		kit_secret_of(&first[0], keys->read.key, 16);
		kit_secret_of(&first[1], keys->write.key, 16);
		kit_secret_of(&first[2], keys->read.traffic, 32);
		kit_secret_of(&first[3], keys->write.traffic, 32);
		pair_rng.state = pair_rng.state * 31 + 7;
		record_init(&p->r, keys);
		p->peer = *peer;
		explicit_bzero(peer, sizeof *peer);
		p->io = (struct record_io){
			.in = &p->in_piece, .n_in = 1, .out = &p->out_piece, .n_out = 1
		};
		assert_int_equal(pair_give(p, 23, "x", 1), RECORD_OK);
		assert_int_equal(pair_seal_bytes(p, message, sizeof message, 100), RECORD_OK);
		for (unsigned k = 0; k < 4; k++) /* or the search proves nothing */
			assert_true(kit_secret_in_memory(&first[k]));
		if (pair_kinds[i].version == TLS13) {
			/* An update leaves nothing of the generation before (forward secrecy). */
			assert_int_equal(pair_give(p, 22, "\x18\0\0\1\1", 5), RECORD_OK);
			assert_int_equal(pair_control(p, 100), RECORD_OK);
			explicit_bzero(&p->peer, sizeof p->peer);
			kit_stack_scrub();
			for (unsigned k = 0; k < 4; k++)
				assert_false(kit_secret_in_memory(&first[k]));
			kit_secret_of(&next[0], p->r.read.key.key, 16);
			kit_secret_of(&next[1], p->r.write.traffic, 32);
			assert_true(kit_secret_in_memory(&next[0]));
		}
		explicit_bzero(&p->peer, sizeof p->peer);
		record_fini(&p->r, pair_engine);
		kit_stack_scrub();
		for (unsigned k = 0; k < 4; k++)
			assert_false(kit_secret_in_memory(&first[k]));
		if (pair_kinds[i].version == TLS13) {
			assert_false(kit_secret_in_memory(&next[0]));
			assert_false(kit_secret_in_memory(&next[1]));
		}
		free(keys);
		free(peer);
		free(p);
	}
}

static void legacy_is_dispatched(void **state)
{
	struct legacy l = {
		.open = RECORD_OK, .seal = RECORD_OK, .alert = RECORD_FULL, .alert_in = 0xff
	};
	struct record_io io = { 0 };
	struct record r;

	(void)state;
	record_init_legacy(&r, &l);
	assert_int_equal(record_open(&r, NULL, &io), RECORD_OK);
	assert_int_equal(record_seal(&r, NULL, &io), RECORD_OK);
	assert_int_equal(l.n_open, 1);
	assert_int_equal(l.n_seal, 1);
	record_rekey(&r, true); /* means nothing here */
	assert_false(record_has_control(&r));
	assert_int_equal(record_control(&r, NULL, &io), RECORD_OK);
	assert_int_equal(l.n_alert, 0);
	record_close(&r);
	assert_int_equal(record_seal(&r, NULL, &io), RECORD_CLOSED);
	assert_int_equal(record_control(&r, NULL, &io), RECORD_FULL);
	assert_true(record_has_control(&r));
	l.alert = RECORD_OK;
	assert_int_equal(record_control(&r, NULL, &io), RECORD_OK);
	assert_int_equal(l.last_alert, 0);
	assert_false(record_has_control(&r));
	l.open = RECORD_CLOSED;
	l.alert_in = 0;
	assert_int_equal(record_open(&r, NULL, &io), RECORD_CLOSED);
	assert_int_equal(record_open(&r, NULL, &io), RECORD_CLOSED);
	assert_int_equal(l.n_open, 2);
	assert_int_equal(r.alert_in, 0);
	record_fini(&r, NULL);
	assert_int_equal(l.n_free, 1);
	assert_null(r.legacy);
}

static void legacy_failure_stays(void **state)
{
	struct legacy l = { .open = RECORD_FATAL, .alert = RECORD_OK, .alert_in = 40 };
	struct record_io io = { 0 };
	struct record r;

	(void)state;
	record_init_legacy(&r, &l);
	assert_int_equal(record_open(&r, NULL, &io), RECORD_FATAL);
	assert_int_equal(r.alert_in, 40);
	l.open = RECORD_OK;
	assert_int_equal(record_open(&r, NULL, &io), RECORD_FATAL);
	assert_int_equal(record_seal(&r, NULL, &io), RECORD_FATAL);
	assert_int_equal(l.n_open, 1);
	assert_int_equal(l.n_seal, 0);
	record_fini(&r, NULL);

	l = (struct legacy){ .seal = RECORD_FATAL, .alert_in = 0xff };
	record_init_legacy(&r, &l);
	assert_int_equal(record_seal(&r, NULL, &io), RECORD_FATAL);
	assert_int_equal(record_open(&r, NULL, &io), RECORD_FATAL);
	assert_int_equal(l.n_open, 0);
	record_fini(&r, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc8448_records),
		cmocka_unit_test(secrets_leave_memory),
		cmocka_unit_test(legacy_is_dispatched),
		cmocka_unit_test(legacy_failure_stays),
	};

	return cmocka_run_group_tests_name("tls_record", tests, pair_setup, pair_teardown);
}
