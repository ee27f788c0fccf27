/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/legacy.h"
#include "tls_handshake_kit.h"

#include <cmocka.h>

/* Sessions that stay on wolfSSL, behind the calls of the record layer. */

struct pair {
	struct tls_worker *w;
	struct kit_client c;
	struct record r;
	struct policy policy;
	uint8_t out[40000];
	uint8_t alert_in;
};

static struct pair *pair_new(uint16_t version, const char *suite)
{
	const struct tls_worker_config wc = { 0 };
	struct pair *p = calloc(1, sizeof *p);
	struct kit_client_config config = {
		.min_version = version, .max_version = version, .suites = suite
	};
	struct kit_choice choice;
	struct handshake *h;

	assert_non_null(p);
	p->alert_in = 0xff;
	p->policy = kit_policy();
	p->w = tls_worker_new(&wc);
	kit_choose(&choice, kit_cert(KIT_RSA2048), &p->policy);
	kit_client_open(&p->c, &config);
	h = handshake_new(p->w, &choice.choice, &p->c);
	assert_int_equal(kit_run(p->w, h, &p->c, (struct kit_cut){ 0 }), HANDSHAKE_DONE);
	assert_true(p->c.done);
	assert_int_equal(handshake_finish(h, &p->r), 0);
	assert_non_null(p->r.legacy);
	return p;
}

static void pair_free(struct pair *p)
{
	record_fini(&p->r, tls_worker_aead(p->w));
	kit_client_close(&p->c);
	assert_int_equal(tls_worker_stats(p->w)->handshakes, 0);
	tls_worker_free(p->w);
	free(p);
}

static const struct {
	uint16_t version;
	const char *suite;
} rows[] = {
	{ 0x0301, "AES128-SHA" },
	{ 0x0301, "DES-CBC3-SHA" },
	{ 0x0302, "ECDHE-RSA-AES256-SHA" },
	{ 0x0303, "AES128-SHA256" },
	{ 0x0303, "DES-CBC3-SHA" },
	{ 0x0304, "TLS13-AES128-CCM-SHA256" },
};

#define N_ROWS (sizeof rows / sizeof rows[0])

/* len bytes of what the client has sent, room bytes for plaintext, in pieces of both. */
static enum record_status open_some(struct pair *p, struct record_io *io, size_t len, size_t room)
{
	uint8_t *at = p->c.out.at + p->c.out.head;
	struct iovec in[3] = { { at, len / 3 }, { at + len / 3, 0 },
		{ at + len / 3, len - len / 3 } };
	struct iovec out[3] = { { p->out, room / 4 }, { p->out + room / 4, 0 },
		{ p->out + room / 4, room - room / 4 } };
	enum record_status status;

	*io = (struct record_io){ .in = in, .n_in = 3, .out = out, .n_out = 3 };
	status = legacy_open(p->r.legacy, io, &p->alert_in);
	io->in = io->out = NULL;
	assert_true(io->consumed <= len && io->produced <= room);
	p->c.out.head += io->consumed;
	return status;
}

static enum record_status
seal_some(struct pair *p, struct record_io *io, const void *data, size_t len, size_t room)
{
	struct iovec in = { (void *)(uintptr_t)data, len }, out = { p->out, room };
	enum record_status status;

	*io = (struct record_io){ .in = &in, .n_in = 1, .out = &out, .n_out = 1 };
	status = legacy_seal(p->r.legacy, io);
	assert_true(io->consumed <= len && io->produced <= room);
	kit_put(&p->c.in, p->out, io->produced);
	return status;
}

static enum record_status
alert_some(struct pair *p, struct record_io *io, uint8_t alert, size_t room)
{
	struct iovec out = { p->out, room };
	enum record_status status;

	*io = (struct record_io){ .out = &out, .n_out = 1 };
	status = legacy_alert(p->r.legacy, alert, io);
	assert_true(io->produced <= room);
	kit_put(&p->c.in, p->out, io->produced);
	return status;
}

/* A record is taken whole or not at all, and one at a time. */
static void whole_records_only(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_ROWS; i++) {
		struct pair *p = pair_new(rows[i].version, rows[i].suite);
		struct record_io io;
		size_t first, all;

		assert_int_equal(wolfSSL_write(p->c.ssl, "first", 5), 5);
		first = kit_left(&p->c.out);
		assert_int_equal(wolfSSL_write(p->c.ssl, "second one", 10), 10);
		all = kit_left(&p->c.out);
		for (size_t len = 0; len < first; len++) {
			assert_int_equal(open_some(p, &io, len, sizeof p->out), RECORD_MORE);
			assert_int_equal(io.consumed, 0);
			assert_int_equal(io.produced, 0);
			assert_true(io.need > len && io.need <= first);
		}
		for (size_t room = 0; room < 5; room++) {
			assert_int_equal(open_some(p, &io, all, room), RECORD_FULL);
			assert_int_equal(io.consumed, 0);
			assert_int_equal(io.produced, 0);
			assert_true(io.need >= 5 && io.need <= first);
		}
		assert_int_equal(open_some(p, &io, all, io.need), RECORD_OK);
		assert_int_equal(io.consumed, first);
		assert_int_equal(io.produced, 5);
		assert_memory_equal(p->out, "first", 5);
		assert_int_equal(open_some(p, &io, all - first, sizeof p->out), RECORD_OK);
		assert_int_equal(io.consumed, all - first);
		assert_int_equal(io.produced, 10);
		assert_memory_equal(p->out, "second one", 10);
		pair_free(p);
	}
}

/* Any flipped bit: no plaintext, and the client is told. */
static void tampered_record_is_fatal(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_ROWS; i++) {
		for (unsigned back = 1; back < 24; back += 11) {
			struct pair *p = pair_new(rows[i].version, rows[i].suite);
			WOLFSSL_ALERT_HISTORY alerts;
			struct record_io io;
			char buf[16];

			assert_int_equal(wolfSSL_write(p->c.ssl, "some secret text", 16), 16);
			p->c.out.at[p->c.out.len - back] ^= 1;
			assert_int_equal(
			    open_some(p, &io, kit_left(&p->c.out), sizeof p->out), RECORD_FATAL);
			assert_int_equal(io.produced, 0);
			assert_int_equal(p->alert_in, 0xff);
			/* The alert waits for room that is its own. */
			assert_int_equal(alert_some(p, &io, 0xff, 0), RECORD_FULL);
			assert_true(io.need > 0);
			assert_int_equal(alert_some(p, &io, 0xff, io.need), RECORD_OK);
			assert_true(io.produced > 0);
			assert_true(wolfSSL_read(p->c.ssl, buf, sizeof buf) <= 0);
			assert_int_equal(
			    wolfSSL_get_alert_history(p->c.ssl, &alerts), WOLFSSL_SUCCESS);
			assert_int_equal(alerts.last_rx.level, alert_fatal);
			assert_true(alerts.last_rx.code == bad_record_mac ||
			    alerts.last_rx.code == decrypt_error);
			pair_free(p);
		}
	}
}

static void impossible_header_is_fatal(void **state)
{
	static const uint8_t headers[][5] = { { 23, 3, 3, 0xff, 0xff }, { 23, 3, 3, 0x48, 0x01 },
		{ 99, 3, 3, 0, 1 }, { 23, 9, 9, 0, 1 } };

	(void)state;
	for (unsigned i = 0; i < N_ROWS; i++) {
		for (unsigned k = 0; k < 4; k++) {
			struct pair *p = pair_new(rows[i].version, rows[i].suite);
			struct record_io io;

			kit_put(&p->c.out, headers[k], 5);
			kit_put(&p->c.out, "x", 1);
			assert_int_equal(open_some(p, &io, 6, sizeof p->out), RECORD_FATAL);
			assert_int_equal(io.produced, 0);
			pair_free(p);
		}
	}
}

/* Alerts need no room for plaintext, where one can tell them from data before they are opened. */
static size_t alert_room(unsigned row)
{
	return rows[row].version == 0x0304 ? 100 : 0;
}

static void close_both_ways(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_ROWS; i++) {
		struct pair *p = pair_new(rows[i].version, rows[i].suite);
		struct record_io io;
		char buf[16];
		int n;

		assert_int_equal(seal_some(p, &io, "bye", 3, sizeof p->out), RECORD_OK);
		assert_int_equal(io.consumed, 3);
		assert_int_equal(alert_some(p, &io, 0, 3), RECORD_FULL);
		assert_int_equal(io.produced, 0);
		assert_int_equal(alert_some(p, &io, 0, io.need), RECORD_OK);
		assert_int_equal(wolfSSL_read(p->c.ssl, buf, sizeof buf), 3);
		n = wolfSSL_read(p->c.ssl, buf, sizeof buf);
		assert_int_equal(wolfSSL_get_error(p->c.ssl, n), WOLFSSL_ERROR_ZERO_RETURN);
		wolfSSL_shutdown(p->c.ssl);
		assert_int_equal(
		    open_some(p, &io, kit_left(&p->c.out), alert_room(i)), RECORD_CLOSED);
		assert_int_equal(p->alert_in, 0);
		assert_int_equal(kit_left(&p->c.out), 0);
		pair_free(p);
	}
}

static void fatal_alerts_both_ways(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_ROWS; i++) {
		struct pair *p = pair_new(rows[i].version, rows[i].suite);
		WOLFSSL_ALERT_HISTORY alerts;
		struct record_io io;
		char buf[16];

		assert_int_equal(alert_some(p, &io, internal_error, sizeof p->out), RECORD_OK);
		assert_true(wolfSSL_read(p->c.ssl, buf, sizeof buf) <= 0);
		assert_int_equal(wolfSSL_get_alert_history(p->c.ssl, &alerts), WOLFSSL_SUCCESS);
		assert_int_equal(alerts.last_rx.code, internal_error);
		assert_int_equal(alerts.last_rx.level, alert_fatal);
		pair_free(p);

		/* The client's: it got a record that it cannot open. */
		p = pair_new(rows[i].version, rows[i].suite);
		assert_int_equal(seal_some(p, &io, "x", 1, sizeof p->out), RECORD_OK);
		p->c.in.at[p->c.in.len - 1] ^= 1;
		assert_true(wolfSSL_read(p->c.ssl, buf, sizeof buf) <= 0);
		assert_true(kit_left(&p->c.out) > 0);
		assert_int_equal(
		    open_some(p, &io, kit_left(&p->c.out), alert_room(i)), RECORD_FATAL);
		assert_true(p->alert_in == bad_record_mac || p->alert_in == decrypt_error);
		pair_free(p);
	}
}

/* Never more is taken than has room sealed, and what needs room says how much. */
static void seal_within_the_room(void **state)
{
	static uint8_t data[40000], got[40000];

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 31);
	for (unsigned i = 0; i < N_ROWS; i++) {
		struct pair *p = pair_new(rows[i].version, rows[i].suite);
		size_t sent = 0, have = 0;
		struct record_io io;

		assert_int_equal(seal_some(p, &io, data, 0, sizeof p->out), RECORD_MORE);
		assert_int_equal(seal_some(p, &io, data, 10, 20), RECORD_FULL);
		assert_int_equal(io.consumed, 0);
		assert_int_equal(io.produced, 0);
		assert_true(io.need > 20);
		for (size_t room = io.need; sent < sizeof data; room += 777) {
			if (room > sizeof p->out)
				room = 1000;
			assert_int_equal(
			    seal_some(p, &io, data + sent, sizeof data - sent, room), RECORD_OK);
			assert_true(io.consumed > 0 && io.consumed <= 16384);
			sent += io.consumed;
		}
		while (have < sizeof got) {
			int n = wolfSSL_read(p->c.ssl, got + have, (int)(sizeof got - have));

			assert_true(n > 0);
			have += (size_t)n;
		}
		assert_memory_equal(got, data, sizeof data);
		pair_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_records_only),
		cmocka_unit_test(tampered_record_is_fatal),
		cmocka_unit_test(impossible_header_is_fatal),
		cmocka_unit_test(close_both_ways),
		cmocka_unit_test(fatal_alerts_both_ways),
		cmocka_unit_test(seal_within_the_room),
	};

	return cmocka_run_group_tests_name("tls_legacy", tests, kit_setup, kit_teardown);
}
