/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record layer against a plain one written from the RFCs (tls_record_kit.c): random records, sizes,
 * cuts, suites, versions, roles, key updates and corruptions; same bytes, same verdicts, same
 * alerts, and both AEAD engines alike. argv[1] or RECORD_ORACLE_RECORDS: how many records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_record_kit.h"

#include <cmocka.h>

#define RECORD_BYTES 70000

static unsigned long n_records = 100000;

/* Two of ours with the same keys, one per engine, and the plain peer. */
struct bench {
	struct aead_engine *engine[2];
	struct record r[2];
	unsigned n_engines;
	struct plain peer;
	struct kit_random rng;
	bool client;

	/* What the plain side expects of us. */
	unsigned updates_left; /* KeyUpdates the peer may still send; data pays for more */
	unsigned data;         /* records of data since the last payment */
	bool answer_due;       /* we owe a KeyUpdate */
	unsigned n_empty, n_warnings;
};

static struct {
	unsigned long data, empty, padded, updates, own_updates, answers, warnings, sealed,
	    corrupt[256], closes, sessions;
} seen;

static uint8_t wire[RECORD_BYTES], content[RECORD_BYTES], got[2][RECORD_BYTES];

static void session_start(struct bench *b)
{
	static const uint16_t versions[] = { 0x0303, 0x0304, 0x0304 };
	struct tls_keys keys, copy;

	for (unsigned i = 0; i < b->n_engines; i++)
		record_fini(&b->r[i], b->engine[i]);
	plain_pair(
	    &b->rng, versions[kit_below(&b->rng, 3)], kit_below(&b->rng, 3), &keys, &b->peer);
	keys.client = b->client = kit_below(&b->rng, 2);
	for (unsigned i = 0; i < b->n_engines; i++) {
		copy = keys;
		record_init(&b->r[i], &copy);
	}
	b->updates_left = 32;
	b->data = b->n_empty = b->n_warnings = 0;
	b->answer_due = false;
	seen.sessions++;
}

static bool is_13(const struct bench *b)
{
	return b->peer.version == 0x0304;
}

struct outcome {
	enum record_status status;
	size_t consumed, produced, need;
};

/* Opens len bytes of wire with both, cut at random; room bytes of out. Both must agree. */
static struct outcome open_both(struct bench *b, size_t len, size_t room)
{
	static struct kit_scatter in, out;
	struct outcome o[2] = { 0 };

	for (unsigned i = 0; i < b->n_engines; i++) {
		struct record_io io = { .in = in.piece, .out = out.piece };

		kit_scatter(&b->rng, &in, wire, len);
		kit_scatter(&b->rng, &out, NULL, room);
		io.n_in = in.n;
		io.n_out = out.n;
		o[i].status = record_open(&b->r[i], b->engine[i], &io);
		o[i].consumed = io.consumed;
		o[i].produced = io.produced;
		o[i].need = io.need;
		assert_int_equal(o[i].status, o[0].status);
		assert_int_equal(o[i].consumed, o[0].consumed);
		assert_int_equal(o[i].produced, o[0].produced);
		assert_int_equal(o[i].need, o[0].need);
		kit_gather(&out, got[i], io.produced);
		assert_memory_equal(got[i], got[0], io.produced);
		assert_true(kit_scatter_untouched(&out, room)); /* never outside of the pieces */
		assert_int_equal(b->r[i].alert_in, b->r[0].alert_in);
		assert_int_equal(b->r[i].alert_out, b->r[0].alert_out);
	}
	return o[0];
}

/* An unfinished record is not touched, whatever part of it is there, and need tells the rest. */
static void try_incomplete(struct bench *b, size_t len)
{
	size_t part = kit_below(&b->rng, (uint32_t)len);
	struct outcome o = open_both(b, part, 16384);

	assert_int_equal(o.status, RECORD_MORE);
	assert_int_equal(o.consumed, 0);
	assert_int_equal(o.produced, 0);
	assert_int_equal(o.need, part < 5 ? 5 : len);
}

static void try_without_room(struct bench *b, size_t len, size_t n)
{
	struct outcome o = open_both(b, len, kit_below(&b->rng, (uint32_t)n));

	assert_int_equal(o.status, RECORD_FULL);
	assert_int_equal(o.consumed, 0);
	assert_int_equal(o.produced, 0);
	assert_true(o.need >= n && o.need <= 16384);
}

static void peer_sends_data(struct bench *b)
{
	size_t n = kit_size(&b->rng, 16384), padding = 0, len, tail;
	struct outcome o;

	if (n == 0 && b->n_empty == 32)
		n = 1;
	if (is_13(b) && kit_below(&b->rng, 4) == 0)
		padding = kit_below(&b->rng, (uint32_t)(16384 - n) + 1);
	kit_bytes(&b->rng, content, n);
	if (n > 0 && kit_below(&b->rng, 3) == 0)
		memset(content + kit_below(&b->rng, (uint32_t)n), 0, 1); /* zeros in data stay */
	if (n > 0 && kit_below(&b->rng, 3) == 0)
		content[n - 1] = 0;
	len = plain_seal(&b->peer, 23, content, n, padding, wire);
	if (kit_below(&b->rng, 4) == 0)
		try_incomplete(b, len);
	if (n > 0 && kit_below(&b->rng, 4) == 0)
		try_without_room(b, len, n);
	tail = kit_below(&b->rng, 2) ? kit_below(&b->rng, 300) : 0; /* more behind it */
	kit_bytes(&b->rng, wire + len, tail);
	/* Room for all there could be, or to the byte. */
	o = open_both(b, len + tail, kit_below(&b->rng, 4) ? 16384 : n + padding);
	assert_int_equal(o.status, RECORD_OK);
	assert_int_equal(o.consumed, len);
	assert_int_equal(o.produced, n);
	assert_memory_equal(got[0], content, n);
	seen.padded += padding > 0;
	if (n == 0) {
		b->n_empty++;
		seen.empty++;
		return;
	}
	seen.data++;
	b->n_empty = 0;
	if (++b->data == 16) {
		b->data = 0;
		if (b->updates_left < 32)
			b->updates_left++;
	}
}

/* Control content, which needs no room as long as it is short (64 bytes with its padding). */
static void give(struct bench *b, uint8_t type, const uint8_t *bytes, size_t n, int want)
{
	size_t padding = is_13(b) ? kit_below(&b->rng, 40) : 0;
	size_t len = plain_seal(&b->peer, type, bytes, n, padding, wire);
	bool no_room = n + padding <= 64 && kit_below(&b->rng, 2);
	struct outcome o = open_both(b, len, no_room ? 0 : 16384);

	assert_int_equal(o.status, want);
	assert_int_equal(o.produced, 0);
	assert_int_equal(o.consumed, want == RECORD_OK || want == RECORD_CLOSED ? len : o.consumed);
}

static void peer_sends_update(struct bench *b)
{
	bool request = kit_below(&b->rng, 2);
	const uint8_t message[5] = { 24, 0, 0, 1, request };
	unsigned cut = kit_below(&b->rng, 5);

	if (!is_13(b) || b->updates_left == 0)
		return;
	if (cut > 0)
		give(b, 22, message, cut, RECORD_OK);
	give(b, 22, message + cut, 5 - cut, RECORD_OK);
	plain_update(&b->peer, &b->peer.write);
	b->updates_left--;
	b->answer_due |= request;
	seen.updates++;
}

static void peer_sends_warning(struct bench *b)
{
	static const uint8_t tickets[64] = { 4, 0, 0, 60 };
	const uint8_t warning[2] = { 1, is_13(b) ? 90 : 41 };

	if (is_13(b) && b->client && b->updates_left > 0) {
		give(b, 22, tickets, sizeof tickets, RECORD_OK);
		b->updates_left--;
		return;
	}
	if (b->n_warnings == 8)
		return;
	give(b, 21, warning, 2, RECORD_OK);
	b->n_warnings++;
	seen.warnings++;
}

/* Checks one record of ours at *at in got[]; returns its type and content in content. */
static uint8_t judge(struct bench *b, size_t *at, size_t *n)
{
	size_t len = 5 + ((size_t)got[0][*at + 3] << 8 | got[0][*at + 4]);
	uint8_t type;

	assert_int_equal(plain_open(&b->peer, got[0] + *at, len, &type, content, n), PLAIN_OK);
	*at += len;
	return type;
}

/* What we wrote on our own: only KeyUpdates that were asked for. */
static void judge_update(struct bench *b, size_t *at)
{
	size_t n;

	assert_int_equal(judge(b, at, &n), 22);
	assert_int_equal(n, 5);
	assert_memory_equal(content, ((uint8_t[]){ 24, 0, 0, 1 }), 4);
	assert_true(content[4] <= 1);
	plain_update(&b->peer, &b->peer.read);
	if (b->answer_due)
		seen.answers++;
	b->answer_due = false;
}

static struct outcome seal_both(struct bench *b, const uint8_t *from, size_t n, size_t room)
{
	static struct kit_scatter in, out;
	struct outcome o[2] = { 0 };

	for (unsigned i = 0; i < b->n_engines; i++) {
		struct record_io io = { .in = in.piece, .out = out.piece };

		kit_scatter(&b->rng, &in, from, n);
		kit_scatter(&b->rng, &out, NULL, room);
		io.n_in = in.n;
		io.n_out = out.n;
		o[i].status = record_seal(&b->r[i], b->engine[i], &io);
		o[i].consumed = io.consumed;
		o[i].produced = io.produced;
		o[i].need = io.need;
		assert_int_equal(o[i].status, o[0].status);
		assert_int_equal(o[i].consumed, o[0].consumed);
		assert_int_equal(o[i].produced, o[0].produced);
		assert_int_equal(o[i].need, o[0].need);
		kit_gather(&out, got[i], io.produced);
		assert_memory_equal(got[i], got[0], io.produced);
		assert_true(kit_scatter_untouched(&out, io.produced)); /* not a byte too far */
	}
	return o[0];
}

static void we_send(struct bench *b)
{
	static uint8_t data[40000], joined[40000];
	size_t n = 1 + kit_size(&b->rng, 32000), done = 0;

	kit_bytes(&b->rng, data, n);
	if (kit_below(&b->rng, 8) == 0)
		for (unsigned i = 0; i < b->n_engines; i++)
			record_idle(&b->r[i]);
	if (is_13(b) && kit_below(&b->rng, 20) == 0) {
		bool request = kit_below(&b->rng, 2);

		for (unsigned i = 0; i < b->n_engines; i++)
			record_rekey(&b->r[i], request);
		seen.own_updates++;
	}
	while (done < n) {
		size_t room = kit_below(&b->rng, 4) ? 17000 : kit_below(&b->rng, 2000), at = 0,
		       got_n;
		bool control = record_has_control(&b->r[0]);
		struct outcome o = seal_both(b, data + done, n - done, room);

		if (o.status == RECORD_FULL) {
			assert_true(o.need > room && o.need <= RECORD_SEGMENT + 27);
			assert_int_equal(o.consumed + o.produced, 0);
			continue;
		}
		assert_int_equal(o.status, RECORD_OK);
		if (control)
			judge_update(b, &at);
		assert_int_equal(judge(b, &at, &got_n), 23);
		assert_int_equal(at, o.produced);
		assert_int_equal(got_n, o.consumed);
		memcpy(joined + done, content, got_n);
		done += got_n;
		seen.sealed++;
	}
	assert_memory_equal(joined, data, n);
	assert_false(b->answer_due);
}

/* The alert that ends it reaches the peer, sealed, as the last thing we ever say. */
static void judge_last_alert(struct bench *b, uint8_t want)
{
	static struct iovec out[1];
	size_t at = 0, n;

	for (unsigned i = 0; i < b->n_engines; i++) {
		struct record_io io = { .out = out, .n_out = 1 };

		assert_true(record_has_control(&b->r[i]));
		out[0] = (struct iovec){ got[i], 100 };
		assert_int_equal(record_control(&b->r[i], b->engine[i], &io), RECORD_OK);
		assert_memory_equal(got[i], got[0], io.produced);
		assert_false(record_has_control(&b->r[i]));
		at = io.produced;
		assert_int_equal(record_open(&b->r[i], b->engine[i], &io), RECORD_FATAL);
		assert_int_equal(record_seal(&b->r[i], b->engine[i], &io), RECORD_FATAL);
		assert_int_equal(io.produced, 0);
	}
	assert_int_equal(at, 5 + ((size_t)got[0][3] << 8 | got[0][4]));
	at = 0;
	assert_int_equal(judge(b, &at, &n), 21);
	assert_int_equal(n, 2);
	assert_int_equal(content[0], 2);
	assert_int_equal(content[1], want);
}

/* One record spoilt at any place; the plain side says which alert it deserves. */
static void peer_sends_corrupt(struct bench *b)
{
	static uint8_t scratch[RECORD_BYTES];
	size_t n = kit_size(&b->rng, 16384), len, where, judged_n;
	uint8_t type = kit_below(&b->rng, 6) ? 23 : (uint8_t)kit_below(&b->rng, 256), verdict;
	uint8_t judged_type;
	struct plain judge_side = b->peer;
	struct outcome o;

	judge_side.read = b->peer.write;
	kit_bytes(&b->rng, content, n);
	if (kit_below(&b->rng, 10) == 0) /* too much content, well sealed */
		n = 16385 + kit_below(&b->rng, 600);
	len = plain_seal(&b->peer, type, content, n, 0, wire);
	switch (kit_below(&b->rng, 5)) {
	case 0: /* a header byte */
		wire[kit_below(&b->rng, 3)] ^= 1u << kit_below(&b->rng, 8);
		break;
	case 1: /* length: the record ends early or late, or is far too long */
		len = 5 + kit_below(&b->rng, kit_below(&b->rng, 2) ? 64 : 20000);
		wire[3] = (uint8_t)((len - 5) >> 8);
		wire[4] = (uint8_t)(len - 5);
		break;
	case 2: /* the tag */
		wire[len - 1 - kit_below(&b->rng, 16)] ^= 1u << kit_below(&b->rng, 8);
		break;
	case 3: /* nonce or body */
		where = 5 + kit_below(&b->rng, (uint32_t)len - 5);
		wire[where] ^= 1u << kit_below(&b->rng, 8);
		break;
	default: /* sent a second time, or one lost in between */
		judge_side.read.seq += 1;
		b->r[0].read.seq++;
		b->r[b->n_engines - 1].read.seq = b->r[0].read.seq;
		break;
	}
	verdict = plain_open(&judge_side, wire, len, &judged_type, scratch, &judged_n);
	if (verdict == PLAIN_OK && judged_type == 23)
		return session_start(b); /* not corrupt after all (explicit nonce kept its value) */
	if (verdict == PLAIN_OK)
		return session_start(b); /* control of random content: tls_record_test */
	memset(got[0], 0x77, 16384);
	memset(got[1], 0x77, 16384);
	o = open_both(b, len, 16384);
	assert_int_equal(o.status, RECORD_FATAL);
	assert_int_equal(o.consumed, 0);
	assert_int_equal(o.produced, 0);
	assert_int_equal(b->r[0].alert_out, verdict);
	judge_last_alert(b, verdict);
	seen.corrupt[verdict]++;
	session_start(b);
}

static void both_close(struct bench *b)
{
	const uint8_t close_notify[2] = { 1, 0 };
	struct iovec out = { got[0], 200 };
	struct record_io io = { .out = &out, .n_out = 1 };
	size_t at = 0, n;

	give(b, 21, close_notify, 2, RECORD_CLOSED);
	assert_int_equal(b->r[0].alert_in, 0);
	kit_bytes(&b->rng, wire, 100);
	assert_int_equal(open_both(b, 100, 100).consumed, 100); /* RFC 8446 6.1: ignored */
	record_close(&b->r[0]);
	record_close(&b->r[0]);
	assert_int_equal(record_control(&b->r[0], b->engine[0], &io), RECORD_OK);
	while (b->answer_due)
		judge_update(b, &at);
	assert_int_equal(judge(b, &at, &n), 21);
	assert_memory_equal(content, close_notify, 2);
	assert_int_equal(at, io.produced);
	assert_int_equal(record_seal(&b->r[0], b->engine[0], &io), RECORD_CLOSED);
	seen.closes++;
	session_start(b);
}

static void same_bytes_verdicts_alerts(void **state)
{
	struct bench b = { .rng = { 20 } };

	(void)state;
	b.engine[0] = aead_engine_new(AEAD_IPSEC_MB, 4);
	b.engine[1] = aead_engine_new(AEAD_WOLFCRYPT, 4);
	assert_non_null(b.engine[1]);
	b.n_engines = 2;
	if (b.engine[0] == NULL) {
		print_message("no ipsec-mb here: wolfCrypt alone\n");
		b.engine[0] = b.engine[1];
		b.n_engines = 1;
	}
	session_start(&b);
	for (unsigned long i = 0; i < n_records; i++) {
		switch (kit_below(&b.rng, 64)) {
		case 0 ... 31:
			peer_sends_data(&b);
			break;
		case 32 ... 34:
			peer_sends_update(&b);
			break;
		case 35:
			peer_sends_warning(&b);
			break;
		case 36 ... 41:
			peer_sends_corrupt(&b);
			break;
		case 42:
			both_close(&b);
			break;
		default:
			we_send(&b);
			break;
		}
	}
	print_message("%lu sessions; in: %lu data (%lu padded) %lu empty %lu updates %lu warnings "
		      "%lu closes; out: %lu data %lu answers %lu own updates; refused: %lu "
		      "unexpected %lu mac %lu overflow %lu version\n",
	    seen.sessions, seen.data, seen.padded, seen.empty, seen.updates, seen.warnings,
	    seen.closes, seen.sealed, seen.answers, seen.own_updates, seen.corrupt[10],
	    seen.corrupt[20], seen.corrupt[22], seen.corrupt[70]);
	assert_true(seen.padded && seen.empty && seen.updates && seen.answers && seen.own_updates);
	assert_true(seen.corrupt[10] && seen.corrupt[20] && seen.corrupt[22] && seen.corrupt[70]);
	for (unsigned i = 0; i < b.n_engines; i++) {
		record_fini(&b.r[i], b.engine[i]);
		aead_engine_free(b.engine[i]);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_bytes_verdicts_alerts) };
	const char *n = argc > 1 ? argv[1] : getenv("RECORD_ORACLE_RECORDS");

	if (n != NULL)
		n_records = strtoul(n, NULL, 10);
	return cmocka_run_group_tests_name("tls_record_oracle", tests, NULL, NULL);
}
