/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A peer with the right keys who sends anything. First byte: version, suite, role. Then commands of
 * one byte, a 16-bit length and that many bytes (less at the end):
 *   0 raw bytes   1 record: type, padding, content   2 the same, spoilt: place, mask in front
 *   3 we seal     4 control                          5 rekey   6 close   7 alert   8 idle
 * Checked: nothing is produced that was not sealed, limits hold, death is final, and what we write
 * always opens.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_record_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bed {
	struct record r;
	struct plain peer;
	struct kit_random rng;
	struct aead_engine *e;
	uint8_t stream[140000]; /* on its way to us */
	size_t len;
	uint8_t expect[140000]; /* data the peer sealed, not delivered yet */
	size_t n_expect;
	bool spoilt; /* the stream is not the peer's any more */
	bool dead;
};

static struct aead_engine *engine;

/* What record_open is shown of the stream at once: more than one record. */
#define IN_VIEW 20000

static void deliver(struct bed *b)
{
	static struct kit_scatter in, out;
	static uint8_t plain[17000];

	for (;;) {
		struct record_io io = { .in = in.piece, .out = out.piece };
		size_t room = kit_below(&b->rng, 4) ? sizeof plain : kit_below(&b->rng, 200);
		enum record_status status;

		kit_scatter(&b->rng, &in, b->stream, b->len < IN_VIEW ? b->len : IN_VIEW);
		kit_scatter(&b->rng, &out, NULL, room);
		io.n_in = in.n;
		io.n_out = out.n;
		status = record_open(&b->r, b->e, &io);
		assert(io.consumed <= b->len && io.produced <= room);
		assert(kit_scatter_untouched(&out, room));
		kit_gather(&out, plain, io.produced);
		assert(!b->dead || status == RECORD_FATAL);
		b->dead |= status == RECORD_FATAL;
		if (status == RECORD_FULL) {
			assert(io.need > room && io.need <= 16384);
			assert(io.consumed == 0 && io.produced == 0);
			continue;
		}
		if (io.produced > 0) {
			assert(status == RECORD_OK && io.produced <= b->n_expect);
			assert(memcmp(plain, b->expect, io.produced) == 0);
			b->n_expect -= io.produced;
			memmove(b->expect, b->expect + io.produced, b->n_expect);
		}
		b->len -= io.consumed;
		memmove(b->stream, b->stream + io.consumed, b->len);
		if (status == RECORD_MORE)
			assert(io.need > b->len && io.need <= RECORD_MAX && io.consumed == 0);
		if (status == RECORD_OK)
			assert(io.consumed > 0);
		else
			break;
	}
	if (b->dead)
		b->len = 0;
}

/* The peer's own idea of what it just sent: it changes its keys after a KeyUpdate. */
static void peer_follow(struct bed *b, uint8_t type, const uint8_t *content, size_t n)
{
	/* A type of zero is padding: what stands before it is the type (RFC 8446 5.4). */
	while (b->peer.version == 0x0304 && type == 0 && n > 0)
		type = content[--n];
	if (b->peer.version == 0x0304 && type == 22 && n == 5 &&
	    memcmp(content, "\x18\0\0\1", 4) == 0)
		plain_update(&b->peer, &b->peer.write);
	if (type == 23 && b->n_expect + n <= sizeof b->expect) {
		memcpy(b->expect + b->n_expect, content, n);
		b->n_expect += n;
	}
}

static void command_record(struct bed *b, const uint8_t *at, size_t n, bool spoil)
{
	uint8_t mask = 0, type, padding;
	size_t place = 0, len;

	if (spoil && n >= 3) {
		place = (size_t)at[0] << 8 | at[1];
		mask = at[2];
		at += 3;
		n -= 3;
	}
	if (n < 2 || b->len > 60000)
		return;
	type = at[0];
	padding = at[1];
	at += 2;
	n -= 2;
	if (n > 16600)
		n = 16600;
	len = plain_seal(&b->peer, type, at, n, padding, b->stream + b->len);
	b->stream[b->len + place % len] ^= mask;
	if (mask == 0 && !b->spoilt)
		peer_follow(b, type, at, n);
	else
		b->spoilt = true;
	b->len += len;
	deliver(b);
}

/* Everything we say opens at the other end, in order, and follows our key updates. */
static void peer_listen(struct bed *b, const uint8_t *wire, size_t len)
{
	static uint8_t content[70000];
	uint8_t type;
	size_t n;

	while (len > 0) {
		size_t whole = 5 + ((size_t)wire[3] << 8 | wire[4]);

		assert(whole <= len && whole <= RECORD_MAX);
		assert(plain_open(&b->peer, wire, whole, &type, content, &n) == PLAIN_OK);
		if (type == 22)
			plain_update(&b->peer, &b->peer.read);
		wire += whole;
		len -= whole;
	}
}

static void command_seal(struct bed *b, const uint8_t *at, size_t n)
{
	static struct kit_scatter in, out;
	static uint8_t wire[20000];
	struct record_io io = { .in = in.piece, .out = out.piece };
	size_t room = kit_below(&b->rng, sizeof wire + 1);
	enum record_status status;

	kit_scatter(&b->rng, &in, at, n);
	kit_scatter(&b->rng, &out, NULL, room);
	io.n_in = in.n;
	io.n_out = out.n;
	status = record_seal(&b->r, b->e, &io);
	assert(io.consumed <= n && io.produced <= room);
	assert(!b->dead || status == RECORD_FATAL);
	assert(status == RECORD_OK ? io.consumed > 0 : io.consumed + io.produced == 0);
	assert(kit_scatter_untouched(&out, io.produced));
	kit_gather(&out, wire, io.produced);
	peer_listen(b, wire, io.produced);
}

static void command_control(struct bed *b)
{
	uint8_t wire[200];
	struct iovec piece = { wire, kit_below(&b->rng, sizeof wire) };
	struct record_io io = { .out = &piece, .n_out = 1 };

	record_control(&b->r, b->e, &io);
	assert(io.produced <= piece.iov_len);
	peer_listen(b, wire, io.produced);
}

static void command_run(struct bed *b, uint8_t command, const uint8_t *at, size_t n)
{
	switch (command % 9) {
	case 0:
		if (n > sizeof b->stream - b->len)
			n = sizeof b->stream - b->len;
		memcpy(b->stream + b->len, at, n);
		b->len += n;
		b->spoilt |= n > 0;
		deliver(b);
		break;
	case 1:
	case 2:
		command_record(b, at, n, command % 9 == 2);
		break;
	case 3:
		command_seal(b, at, n);
		break;
	case 4:
		command_control(b);
		break;
	case 5:
		record_rekey(&b->r, n > 0);
		break;
	case 6:
		record_close(&b->r);
		break;
	case 7:
		record_alert(&b->r, n > 0 ? at[0] : 80);
		b->dead = true;
		break;
	default:
		record_idle(&b->r);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bed *b = calloc(1, sizeof *b);
	struct tls_keys keys;

	if (engine == NULL)
		engine = aead_engine_new(AEAD_BEST, 4);
	assert(b != NULL && engine != NULL);
	if (size < 1) {
		free(b);
		return 0;
	}
	b->rng.state = 1;
	b->e = engine;
	plain_pair(&b->rng, data[0] & 1 ? 0x0304 : 0x0303, (data[0] >> 1) % 3, &keys, &b->peer);
	keys.client = data[0] & 0x80;
	record_init(&b->r, &keys);
	b->r.rekey_shift = data[0] & 0x40 ? 1 : RECORD_REKEY_SHIFT;
	data++;
	size--;
	while (size >= 3) {
		size_t n = (size_t)data[1] << 8 | data[2];
		uint8_t command = data[0];

		data += 3;
		size -= 3;
		if (n > size)
			n = size;
		command_run(b, command, data, n);
		data += n;
		size -= n;
	}
	record_fini(&b->r, b->e);
	free(b);
	return 0;
}
