/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/tls_record_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct aead_engine *pair_engine;
struct kit_random pair_rng = { 30 };

struct pair *pair_new(uint16_t version, enum aead_kind kind, bool client)
{
	struct pair *p = calloc(1, sizeof *p);
	struct tls_keys keys;

	assert_non_null(p);
	plain_pair(&pair_rng, version, kind, &keys, &p->peer);
	keys.client = client;
	record_init(&p->r, &keys);
	p->io =
	    (struct record_io){ .in = &p->in_piece, .n_in = 1, .out = &p->out_piece, .n_out = 1 };
	return p;
}

void pair_free(struct pair *p)
{
	record_fini(&p->r, pair_engine);
	free(p);
}

enum record_status pair_open_bytes(struct pair *p, size_t len, size_t room)
{
	p->in_piece = (struct iovec){ p->wire, len };
	p->out_piece = (struct iovec){ p->out, room };
	return record_open(&p->r, pair_engine, &p->io);
}

enum record_status pair_give(struct pair *p, uint8_t type, const void *content, size_t n)
{
	return pair_open_bytes(p, plain_seal(&p->peer, type, content, n, 0, p->wire), 17000);
}

enum record_status pair_seal_bytes(struct pair *p, const uint8_t *from, size_t len, size_t room)
{
	union {
		const uint8_t *from;
		uint8_t *base;
	} u = { from };

	p->in_piece = (struct iovec){ u.base, len };
	p->out_piece = (struct iovec){ p->out, room };
	return record_seal(&p->r, pair_engine, &p->io);
}

enum record_status pair_control(struct pair *p, size_t room)
{
	p->out_piece = (struct iovec){ p->out, room };
	return record_control(&p->r, pair_engine, &p->io);
}

uint8_t pair_peer_reads(struct pair *p, size_t *at, size_t *n)
{
	size_t len = 5 + ((size_t)p->out[*at + 3] << 8 | p->out[*at + 4]);
	uint8_t type;

	assert_int_equal(plain_open(&p->peer, p->out + *at, len, &type, p->content, n), PLAIN_OK);
	*at += len;
	return type;
}

void pair_expect_alert(struct pair *p, uint8_t level, uint8_t alert)
{
	size_t at = 0, n;

	assert_true(record_has_control(&p->r));
	assert_int_equal(pair_control(p, 200), RECORD_OK);
	assert_int_equal(pair_peer_reads(p, &at, &n), 21);
	assert_int_equal(n, 2);
	assert_int_equal(p->content[0], level);
	assert_int_equal(p->content[1], alert);
	assert_int_equal(at, p->io.produced);
	assert_false(record_has_control(&p->r));
}

void pair_expect_update(struct pair *p, size_t *at, bool request)
{
	size_t n;

	assert_int_equal(pair_peer_reads(p, at, &n), 22);
	assert_int_equal(n, 5);
	assert_memory_equal(p->content, ((uint8_t[]){ 24, 0, 0, 1, request }), 5);
	plain_update(&p->peer, &p->peer.read);
}

void pair_expect_fatal(struct pair *p, enum record_status status, uint8_t alert)
{
	assert_int_equal(status, RECORD_FATAL);
	assert_int_equal(p->io.produced, 0);
	assert_int_equal(p->r.alert_out, alert);
	assert_int_equal(pair_seal_bytes(p, p->wire, 10, 100), RECORD_FATAL);
	assert_int_equal(p->io.produced, 0);
	pair_expect_alert(p, 2, alert);
	assert_int_equal(pair_give(p, 23, "x", 1), RECORD_FATAL);
	assert_int_equal(p->io.consumed, 0);
	record_alert(&p->r, 40); /* the first reason stands */
	record_close(&p->r);
	record_rekey(&p->r, true);
	assert_false(record_has_control(&p->r));
	assert_int_equal(pair_control(p, 200), RECORD_OK);
	assert_int_equal(p->io.produced, 0);
}

const struct kind_case pair_kinds[N_KINDS] = {
	{ TLS12, AEAD_AES_128_GCM },
	{ TLS12, AEAD_AES_256_GCM },
	{ TLS12, AEAD_CHACHA20_POLY1305 },
	{ TLS13, AEAD_AES_128_GCM },
	{ TLS13, AEAD_AES_256_GCM },
	{ TLS13, AEAD_CHACHA20_POLY1305 },
};

int pair_setup(void **state)
{
	(void)state;
	pair_engine = aead_engine_new(AEAD_BEST, 16);
	return pair_engine != NULL ? 0 : -1;
}

int pair_teardown(void **state)
{
	(void)state;
	aead_engine_free(pair_engine);
	return 0;
}
