/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_record_kit.h"

#include <cmocka.h>

#define TLS12 0x0303
#define TLS13 0x0304

static struct aead_engine *engine;
static struct kit_random rng = { 30 };

/* Ours, and the plain peer at the other end; what came and goes. */
struct pair {
	struct record r;
	struct plain peer;
	uint8_t wire[20000]; /* from the peer */
	uint8_t out[20000];  /* from us */
	uint8_t content[20000];
	struct record_io io;
	struct iovec in_piece, out_piece;
};

static struct pair *pair_new(uint16_t version, enum aead_kind kind, bool client)
{
	struct pair *p = calloc(1, sizeof *p);
	struct tls_keys keys;

	assert_non_null(p);
	plain_pair(&rng, version, kind, &keys, &p->peer);
	keys.client = client;
	record_init(&p->r, engine, &keys);
	p->io =
	    (struct record_io){ .in = &p->in_piece, .n_in = 1, .out = &p->out_piece, .n_out = 1 };
	return p;
}

static void pair_free(struct pair *p)
{
	record_fini(&p->r, engine);
	free(p);
}

static enum record_status open_bytes(struct pair *p, size_t len, size_t room)
{
	p->in_piece = (struct iovec){ p->wire, len };
	p->out_piece = (struct iovec){ p->out, room };
	return record_open(&p->r, engine, &p->io);
}

/* The peer seals content, we open it. */
static enum record_status give(struct pair *p, uint8_t type, const void *content, size_t n)
{
	return open_bytes(p, plain_seal(&p->peer, type, content, n, 0, p->wire), 17000);
}

static enum record_status seal_bytes(struct pair *p, const uint8_t *from, size_t len, size_t room)
{
	union {
		const uint8_t *from;
		uint8_t *base;
	} u = { from };

	p->in_piece = (struct iovec){ u.base, len };
	p->out_piece = (struct iovec){ p->out, room };
	return record_seal(&p->r, engine, &p->io);
}

static enum record_status control(struct pair *p, size_t room)
{
	p->out_piece = (struct iovec){ p->out, room };
	return record_control(&p->r, engine, &p->io);
}

/* The peer opens the record at *at of what we wrote. */
static uint8_t peer_reads(struct pair *p, size_t *at, size_t *n)
{
	size_t len = 5 + ((size_t)p->out[*at + 3] << 8 | p->out[*at + 4]);
	uint8_t type;

	assert_int_equal(plain_open(&p->peer, p->out + *at, len, &type, p->content, n), PLAIN_OK);
	*at += len;
	return type;
}

static void expect_alert(struct pair *p, uint8_t level, uint8_t alert)
{
	size_t at = 0, n;

	assert_true(record_has_control(&p->r));
	assert_int_equal(control(p, 200), RECORD_OK);
	assert_int_equal(peer_reads(p, &at, &n), 21);
	assert_int_equal(n, 2);
	assert_int_equal(p->content[0], level);
	assert_int_equal(p->content[1], alert);
	assert_int_equal(at, p->io.produced);
	assert_false(record_has_control(&p->r));
}

static void expect_update(struct pair *p, size_t *at, bool request)
{
	size_t n;

	assert_int_equal(peer_reads(p, at, &n), 22);
	assert_int_equal(n, 5);
	assert_memory_equal(p->content, ((uint8_t[]){ 24, 0, 0, 1, request }), 5);
	plain_update(&p->peer, &p->peer.read);
}

/* It is over, the reason is sealed for the peer, and nothing else ever comes out. */
static void expect_fatal(struct pair *p, enum record_status status, uint8_t alert)
{
	assert_int_equal(status, RECORD_FATAL);
	assert_int_equal(p->io.produced, 0);
	assert_int_equal(p->r.alert_out, alert);
	assert_int_equal(seal_bytes(p, p->wire, 10, 100), RECORD_FATAL);
	assert_int_equal(p->io.produced, 0);
	expect_alert(p, 2, alert);
	assert_int_equal(give(p, 23, "x", 1), RECORD_FATAL);
	assert_int_equal(p->io.consumed, 0);
	record_alert(&p->r, 40); /* the first reason stands */
	record_close(&p->r);
	record_rekey(&p->r, true);
	assert_false(record_has_control(&p->r));
	assert_int_equal(control(p, 200), RECORD_OK);
	assert_int_equal(p->io.produced, 0);
}

static const struct kind_case {
	uint16_t version;
	enum aead_kind kind;
} kinds[] = {
	{ TLS12, AEAD_AES_128_GCM },
	{ TLS12, AEAD_AES_256_GCM },
	{ TLS12, AEAD_CHACHA20_POLY1305 },
	{ TLS13, AEAD_AES_128_GCM },
	{ TLS13, AEAD_AES_256_GCM },
	{ TLS13, AEAD_CHACHA20_POLY1305 },
};

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
	record_init(&p->r, engine, &keys);
	p->io =
	    (struct record_io){ .in = &p->in_piece, .n_in = 1, .out = &p->out_piece, .n_out = 1 };
	for (uint8_t i = 0; i < 50; i++)
		plain[i] = i;
	len = kit_hex("1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5"
		      "b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4",
	    p->wire);
	assert_int_equal(open_bytes(p, len, 50), RECORD_OK);
	assert_int_equal(p->io.consumed, len);
	assert_int_equal(p->io.produced, 50);
	assert_memory_equal(p->out, plain, 50);

	len = kit_hex("17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d"
		      "90e6dffc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d",
	    want);
	assert_int_equal(seal_bytes(p, plain, 50, 72), RECORD_OK);
	assert_int_equal(p->io.produced, len);
	assert_memory_equal(p->out, want, len);

	len = kit_hex("1703030013c9872760655666b74d7ff1153efd6db6d0b0e3", p->wire);
	assert_int_equal(open_bytes(p, len, 0), RECORD_CLOSED);
	assert_int_equal(p->r.alert_in, 0);
	record_close(&p->r);
	assert_int_equal(control(p, 100), RECORD_OK);
	len = kit_hex("1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9", want);
	assert_int_equal(p->io.produced, len);
	assert_memory_equal(p->out, want, len);
	pair_free(p);
}

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
		assert_int_equal(open_bytes(p, 4, 17000), RECORD_MORE);
		assert_int_equal(p->io.need, 5);
		expect_fatal(p, open_bytes(p, 5, 17000), cases[i].alert);
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
	expect_fatal(p, open_bytes(p, len, 100), 20);
	pair_free(p);
}

static void plaintext_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct pair *p = pair_new(kinds[i].version, kinds[i].kind, false);

		assert_int_equal(give(p, 23, p->content, 16384), RECORD_OK);
		assert_int_equal(p->io.produced, 16384);
		expect_fatal(p, give(p, 23, p->content, 16385), 22);
		pair_free(p);
	}
}

static void inner_types_refused(void **state)
{
	static const uint8_t types[] = { 20, 24, 1, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof types; i++) {
		struct pair *p = pair_new(TLS13, AEAD_AES_256_GCM, false);

		expect_fatal(p, give(p, types[i], "abcdef", 6), 10);
		pair_free(p);
	}
	for (uint8_t type = 21; type <= 22; type++) { /* RFC 8446 5.4: zero-length */
		struct pair *p = pair_new(TLS13, AEAD_AES_256_GCM, false);
		struct pair *old = pair_new(TLS12, AEAD_AES_256_GCM, false);

		expect_fatal(p, give(p, type, "", 0), 10);
		expect_fatal(old, give(old, type, "", 0), 10);
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

		expect_fatal(p, give(p, 0, zeros, sizes[i]), 10);
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
	aead_key_init(engine, &k, AEAD_AES_128_GCM, p->peer.write.key);
	memcpy(nonce, p->peer.write.iv, 12);
	nonce[11] ^= (uint8_t)p->peer.write.seq;
	assert_int_equal(aead_seal(engine, &k, nonce, header, 5, NULL, 0, NULL, 0, 0, tag), 0);
	memcpy(p->wire, header, 5);
	memcpy(p->wire + 5, tag, 16);
	p->peer.write.seq++;
	expect_fatal(p, open_bytes(p, 21, 100), 10);
	aead_key_wipe(engine, &k);
	pair_free(p);
}

/* Whole messages, in one record each. alert 0xff: taken. */
static void post_handshake_messages(void **state)
{
	static const struct {
		uint16_t version;
		bool client;
		uint8_t alert;
		const char *message;
	} cases[] = {
		{ TLS13, false, 0xff, "1800000100" },
		{ TLS13, true, 0xff, "1800000101" },
		{ TLS13, false, 47, "1800000102" },
		{ TLS13, false, 47, "18000001ff" },
		{ TLS13, false, 50, "18000000" },
		{ TLS13, false, 50, "180000020000" },
		{ TLS13, false, 50, "18ffffff00" },
		{ TLS13, false, 10, "180000010018" },         /* spans the key change */
		{ TLS13, false, 10, "18000001001800000100" }, /* coalesced across it */
		{ TLS13, false, 10,
		    "0100000500000000"
		    "00" }, /* ClientHello */
		{ TLS13, false, 10,
		    "0400000500000000"
		    "00" },                       /* a ticket from a client */
		{ TLS13, false, 10, "14000020" }, /* Finished again */
		{ TLS13, false, 10, "0b000000" }, /* certificate nobody asked for */
		{ TLS13, true, 0xff, "040000050000000000" },
		{ TLS13, true, 0xff, "040000010004000001001800000100" },
		{ TLS13, true, 50, "04000000" },
		{ TLS13, true, 50, "04ffffff00" },
		{ TLS13, true, 10, "0d00000100" }, /* post-handshake authentication: not offered */
		{ TLS13, true, 10, "00000000" },
		{ TLS12, false, 10, "1800000100" },
		{ TLS12, false, 10, "00000000" }, /* HelloRequest from a client */
		{ TLS12, false, 10, "0200000100" },
		{ TLS12, false, 47, "01ffffff00" },
		{ TLS12, true, 50, "0000000100" },
		{ TLS12, true, 10, "0100000100" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pair *p = pair_new(cases[i].version, AEAD_AES_128_GCM, cases[i].client);
		uint8_t message[64];
		size_t n = kit_hex(cases[i].message, message);
		enum record_status status = give(p, 22, message, n);

		if (cases[i].alert != 0xff) {
			expect_fatal(p, status, cases[i].alert);
		} else {
			assert_int_equal(status, RECORD_OK);
			assert_int_equal(p->io.produced, 0);
		}
		pair_free(p);
	}
}

static void key_update_fragmented(void **state)
{
	static const uint8_t message[5] = { 24, 0, 0, 1, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct pair *p;

		if (kinds[i].version != TLS13)
			continue;
		p = pair_new(TLS13, kinds[i].kind, false);
		for (unsigned round = 0; round < 3; round++) {
			for (unsigned k = 0; k < 5; k++)
				assert_int_equal(give(p, 22, message + k, 1), RECORD_OK);
			plain_update(&p->peer, &p->peer.write);
			assert_false(record_has_control(&p->r));
			assert_int_equal(give(p, 23, "after", 5), RECORD_OK);
			assert_memory_equal(p->out, "after", 5);
		}
		pair_free(p);
	}
}

/* RFC 8446 5.1: nothing of another type inside a message. */
static void message_interleaved(void **state)
{
	static const uint8_t half[2] = { 24, 0 }, close_notify[2] = { 1, 0 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);

		assert_int_equal(give(p, 22, half, 2), RECORD_OK);
		expect_fatal(p, i ? give(p, 23, "x", 1) : give(p, 21, close_notify, 2), 10);
		pair_free(p);
	}
}

/* A record under the old key after the update is a forgery. */
static void key_update_old_key(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);

	(void)state;
	assert_int_equal(give(p, 22, "\x18\0\0\1\0", 5), RECORD_OK);
	expect_fatal(p, give(p, 23, "x", 1), 20);
	pair_free(p);
}

static void key_update_answered_once(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_256_GCM, false);
	size_t at = 0, n;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(give(p, 22, "\x18\0\0\1\1", 5), RECORD_OK);
		plain_update(&p->peer, &p->peer.write);
	}
	assert_true(record_has_control(&p->r));
	/* Data does not overtake the answer: both or nothing. */
	assert_int_equal(seal_bytes(p, (const uint8_t *)"data", 4, 27 + 25), RECORD_FULL);
	assert_int_equal(p->io.need, 27 + 26);
	assert_int_equal(p->io.consumed + p->io.produced, 0);
	assert_int_equal(seal_bytes(p, (const uint8_t *)"data", 4, 27 + 26), RECORD_OK);
	assert_int_equal(p->io.consumed, 4);
	expect_update(p, &at, false);
	assert_int_equal(peer_reads(p, &at, &n), 23);
	assert_memory_equal(p->content, "data", 4);
	assert_int_equal(at, p->io.produced);
	assert_false(record_has_control(&p->r));
	pair_free(p);
}

static void key_updates_capped(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(give(p, 22, "\x18\0\0\1\1", 5), RECORD_OK);
		plain_update(&p->peer, &p->peer.write);
		assert_int_equal(control(p, 100), RECORD_OK);
		plain_update(&p->peer, &p->peer.read);
	}
	for (unsigned i = 0; i < 16; i++) /* pays for one more */
		assert_int_equal(give(p, 23, "x", 1), RECORD_OK);
	assert_int_equal(give(p, 22, "\x18\0\0\1\0", 5), RECORD_OK);
	plain_update(&p->peer, &p->peer.write);
	expect_fatal(p, give(p, 22, "\x18\0\0\1\0", 5), 10);
	pair_free(p);
}

static void tickets_capped(void **state)
{
	static const uint8_t ticket[9] = { 4, 0, 0, 5 };
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, true);

	(void)state;
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(give(p, 22, ticket, 9), RECORD_OK);
	expect_fatal(p, give(p, 22, ticket, 9), 10);
	pair_free(p);
}

/* Our own rekey comes before the limit, again and again, and data goes on. */
static void rekey_before_limit(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);
	unsigned updates = 0;
	size_t at, n;

	(void)state;
	assert_int_equal(p->r.rekey_after, RECORD_REKEY_AFTER);
	assert_true(RECORD_REKEY_AFTER <= 23726566); /* 2^24.5 */
	p->r.rekey_after = 5;
	for (unsigned i = 0; i < 50; i++) {
		at = 0;
		assert_int_equal(seal_bytes(p, (const uint8_t *)"data", 4, 100), RECORD_OK);
		assert_int_equal(p->io.consumed, 4);
		if (p->io.produced > 26) {
			expect_update(p, &at, false);
			updates++;
		}
		assert_int_equal(peer_reads(p, &at, &n), 23);
		assert_int_equal(at, p->io.produced);
		assert_true(p->r.write.seq <= 5);
	}
	assert_true(updates >= 8);
	pair_free(p);
}

/* The peer wears its key out: it is asked once, and again only after it answered. */
static void peer_asked_to_rekey(void **state)
{
	struct pair *p = pair_new(TLS13, AEAD_AES_128_GCM, false);
	size_t at = 0;

	(void)state;
	p->r.rekey_after = 5;
	for (unsigned round = 0; round < 3; round++) {
		while (p->r.read.seq < 5) {
			assert_false(record_has_control(&p->r));
			assert_int_equal(give(p, 23, "x", 1), RECORD_OK);
		}
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(give(p, 23, "x", 1), RECORD_OK);
		assert_int_equal(control(p, 200), RECORD_OK);
		at = 0;
		expect_update(p, &at, true);
		assert_int_equal(at, p->io.produced);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(give(p, 23, "x", 1), RECORD_OK);
			assert_false(record_has_control(&p->r));
		}
		assert_int_equal(give(p, 22, "\x18\0\0\1\0", 5), RECORD_OK);
		plain_update(&p->peer, &p->peer.write);
	}
	pair_free(p);
}

static void rekey_is_13_only(void **state)
{
	struct pair *p = pair_new(TLS12, AEAD_AES_128_GCM, false);
	size_t at = 0, n;

	(void)state;
	p->r.rekey_after = 1;
	record_rekey(&p->r, true);
	assert_false(record_has_control(&p->r));
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(give(p, 23, "x", 1), RECORD_OK);
		assert_int_equal(seal_bytes(p, (const uint8_t *)"data", 4, 100), RECORD_OK);
		at = 0;
		assert_int_equal(peer_reads(p, &at, &n), 23);
	}
	pair_free(p);
}

/* A number is used once: at the end of the range the connection ends, with an alert. */
static void sequence_never_wraps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct pair *p = pair_new(kinds[i].version, kinds[i].kind, false);

		p->r.write.seq = p->peer.read.seq = UINT64_MAX - 3;
		p->r.rekey_after = UINT32_MAX;
		if (kinds[i].version == TLS13) {
			/* A rekey is due long before, and is the way out. */
			size_t at = 0, n;

			assert_int_equal(seal_bytes(p, (const uint8_t *)"x", 1, 100), RECORD_OK);
			expect_update(p, &at, false);
			assert_int_equal(peer_reads(p, &at, &n), 23);
			assert_int_equal(p->r.write.seq, 1);
		} else {
			expect_fatal(p, seal_bytes(p, (const uint8_t *)"x", 1, 100), 80);
		}
		pair_free(p);

		p = pair_new(kinds[i].version, kinds[i].kind, false);
		p->r.write.seq = UINT64_MAX;
		record_alert(&p->r, 80);
		control(p, 100); /* not even the alert: the number would be the last one twice */
		assert_int_equal(p->io.produced, 0);
		assert_false(record_has_control(&p->r));
		assert_int_equal(p->r.write.seq, UINT64_MAX);
		pair_free(p);

		p = pair_new(kinds[i].version, kinds[i].kind, false);
		p->r.read.seq = p->peer.write.seq = UINT64_MAX;
		expect_fatal(p, give(p, 23, "x", 1), 80);
		pair_free(p);
	}
}

static void empty_records_capped(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct pair *p = pair_new(kinds[i].version, kinds[i].kind, false);

		for (unsigned round = 0; round < 2; round++) {
			for (unsigned k = 0; k < 32; k++) {
				assert_int_equal(give(p, 23, "", 0), RECORD_OK);
				assert_true(p->io.consumed > 0 && p->io.produced == 0);
			}
			if (round == 0)
				assert_int_equal(give(p, 23, "x", 1), RECORD_OK);
		}
		expect_fatal(p, give(p, 23, "", 0), 10);
		pair_free(p);
	}
}

static void warnings_capped(void **state)
{
	static const uint8_t user_canceled[2] = { 2, 90 }, other[2] = { 1, 113 };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		bool v13 = kinds[i].version == TLS13;
		struct pair *p = pair_new(kinds[i].version, kinds[i].kind, false);

		for (unsigned k = 0; k < 8; k++) {
			assert_int_equal(give(p, 21, v13 ? user_canceled : other, 2), RECORD_OK);
			assert_int_equal(give(p, 23, "x", 1), RECORD_OK);
		}
		expect_fatal(p, give(p, 21, v13 ? user_canceled : other, 2), 10);
		pair_free(p);
	}
}

static void alerts_malformed(void **state)
{
	static const uint8_t alert[4] = { 2, 40, 2, 40 }, level[2] = { 3, 40 };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		for (size_t n = 1; n <= 4; n++) {
			struct pair *p = pair_new(kinds[i].version, kinds[i].kind, false);

			if (n != 2)
				expect_fatal(p, give(p, 21, alert, n), 50);
			else if (kinds[i].version == TLS12)
				expect_fatal(p, give(p, 21, level, n), 47);
			pair_free(p);
		}
	}
}

/* A fatal alert came: nothing is answered, nothing is due any more. */
static void fatal_alert_received(void **state)
{
	static const uint8_t fatal[2] = { 2, 40 }, odd_level[2] = { 1, 40 };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		bool v13 = kinds[i].version == TLS13;
		struct pair *p = pair_new(kinds[i].version, kinds[i].kind, false);

		record_rekey(&p->r, true);
		/* TLS 1.3 ignores the level (RFC 8446 6). */
		assert_int_equal(give(p, 21, v13 ? odd_level : fatal, 2), RECORD_FATAL);
		assert_int_equal(p->r.alert_in, 40);
		assert_int_equal(p->r.alert_out, 0xff);
		assert_false(record_has_control(&p->r));
		assert_int_equal(give(p, 23, "x", 1), RECORD_FATAL);
		assert_int_equal(seal_bytes(p, p->wire, 1, 100), RECORD_FATAL);
		record_close(&p->r);
		record_alert(&p->r, 80);
		assert_false(record_has_control(&p->r));
		pair_free(p);
	}
}

static void close_both_ways(void **state)
{
	static const uint8_t close_notify[2] = { 1, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct pair *p = pair_new(kinds[i].version, kinds[i].kind, false);
		size_t at = 0, n;

		/* Their half first: ours still sends (RFC 8446 6.1). */
		assert_int_equal(give(p, 21, close_notify, 2), RECORD_CLOSED);
		assert_true(p->io.consumed > 0);
		assert_int_equal(open_bytes(p, 700, 700), RECORD_CLOSED);
		assert_int_equal(p->io.consumed, 700);
		assert_int_equal(p->io.produced, 0);
		assert_int_equal(seal_bytes(p, (const uint8_t *)"bye", 3, 100), RECORD_OK);
		assert_int_equal(peer_reads(p, &at, &n), 23);
		record_close(&p->r);
		assert_int_equal(seal_bytes(p, (const uint8_t *)"bye", 3, 100), RECORD_CLOSED);
		assert_int_equal(control(p, 10), RECORD_FULL);
		assert_int_equal(p->io.produced, 0);
		assert_true(p->io.need > 10);
		expect_alert(p, 1, 0);
		record_close(&p->r);
		assert_false(record_has_control(&p->r)); /* once */
		record_alert(&p->r, 80);
		assert_false(record_has_control(&p->r)); /* nothing after close_notify */
		pair_free(p);

		/* Ours first: theirs still arrives. */
		p = pair_new(kinds[i].version, kinds[i].kind, false);
		record_close(&p->r);
		expect_alert(p, 1, 0);
		assert_int_equal(give(p, 23, "late", 4), RECORD_OK);
		assert_int_equal(p->io.produced, 4);
		assert_int_equal(give(p, 21, close_notify, 2), RECORD_CLOSED);
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
	expect_alert(p, 2, 80);
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
	assert_int_equal(control(p, 30), RECORD_OK);
	expect_update(p, &at, false);
	assert_int_equal(at, p->io.produced);
	assert_true(record_has_control(&p->r));
	assert_int_equal(control(p, 30), RECORD_OK);
	at = 0;
	assert_int_equal(peer_reads(p, &at, &n), 21);
	pair_free(p);
}

static void renegotiation_declined(void **state)
{
	static const uint8_t hello[64] = { 1, 0, 0, 60 }, request[4] = { 0 };

	(void)state;
	for (unsigned client = 0; client < 2; client++) {
		struct pair *p = pair_new(TLS12, AEAD_AES_128_GCM, client);
		const uint8_t *message = client ? request : hello;
		size_t n = client ? 4 : 64;

		for (unsigned i = 0; i < 8; i++) {
			size_t cut = 1 + i % (n - 1);

			assert_int_equal(give(p, 22, message, cut), RECORD_OK);
			assert_false(record_has_control(&p->r));
			assert_int_equal(give(p, 22, message + cut, n - cut), RECORD_OK);
			expect_alert(p, 1, 100);
			assert_int_equal(give(p, 23, "on", 2), RECORD_OK); /* life goes on */
			assert_int_equal(p->io.produced, 2);
		}
		expect_fatal(p, give(p, 22, message, n), 10);
		pair_free(p);
	}
}

static void sizes_grow_and_fall_back(void **state)
{
	static uint8_t data[40000];

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct pair *p = pair_new(kinds[i].version, kinds[i].kind, false);

		for (unsigned round = 0; round < 2; round++) {
			size_t sent = 0, at, n;

			while (sent < RECORD_HOT) {
				assert_int_equal(seal_bytes(p, data, 40000, 20000), RECORD_OK);
				assert_int_equal(p->io.produced, RECORD_SEGMENT);
				sent += p->io.consumed;
				at = 0;
				assert_int_equal(peer_reads(p, &at, &n), 23);
			}
			for (unsigned k = 0; k < 3; k++) {
				assert_int_equal(seal_bytes(p, data, 40000, 20000), RECORD_OK);
				assert_int_equal(p->io.consumed, 16384);
				at = 0;
				assert_int_equal(peer_reads(p, &at, &n), 23);
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
	assert_int_equal(seal_bytes(p, data, 4000, RECORD_SEGMENT - 1), RECORD_FULL);
	assert_int_equal(p->io.need, RECORD_SEGMENT);
	assert_int_equal(p->io.consumed + p->io.produced, 0);
	assert_int_equal(seal_bytes(p, data, 100, 121), RECORD_FULL);
	assert_int_equal(p->io.need, 122);
	assert_int_equal(seal_bytes(p, data, 100, 122), RECORD_OK);
	assert_int_equal(seal_bytes(p, data, 0, 1000), RECORD_MORE);
	assert_int_equal(seal_bytes(p, data, 1, 0), RECORD_FULL);
	record_idle(&p->r);
	assert_int_equal(seal_bytes(p, data, 4000, RECORD_SEGMENT), RECORD_OK);
	pair_free(p);
}

/* A forged record leaves no plaintext in the caller's buffer. */
static void forged_record_wiped(void **state)
{
	static uint8_t data[5000];

	(void)state;
	kit_bytes(&rng, data, sizeof data);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct pair *p = pair_new(kinds[i].version, kinds[i].kind, false);
		size_t len = plain_seal(&p->peer, 23, data, sizeof data, 0, p->wire);

		p->wire[len - 1] ^= 1;
		memset(p->out, 0x99, 6000);
		assert_int_equal(open_bytes(p, len, 6000), RECORD_FATAL);
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
		assert_int_equal(open_bytes(p, len, i), RECORD_FULL);
		assert_int_equal(p->io.need, 4);
		assert_int_equal(p->io.consumed, 0);
	}
	assert_int_equal(open_bytes(p, len, 4), RECORD_OK);
	/* Data with padding: the content alone has to fit when the record is short. */
	len = plain_seal(&p->peer, 23, (const uint8_t *)"data", 4, 50, p->wire);
	assert_int_equal(open_bytes(p, len, 4), RECORD_OK);
	assert_memory_equal(p->out, "data", 4);
	len = plain_seal(&p->peer, 22, (const uint8_t *)"\x18\0\0\1\0", 5, 0, p->wire);
	assert_int_equal(open_bytes(p, len, 0), RECORD_OK);
	plain_update(&p->peer, &p->peer.write);
	len = plain_seal(&p->peer, 21, (const uint8_t *)"\1\0", 2, 0, p->wire);
	assert_int_equal(open_bytes(p, len, 0), RECORD_CLOSED);
	pair_free(p);
}

static void secrets_leave_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct kit_secret first[4], next[2];
		struct tls_keys *keys = malloc(sizeof *keys);
		struct plain *peer = malloc(sizeof *peer);
		struct pair *p = calloc(1, sizeof *p);
		uint8_t message[] = "some message of ours";

		assert_true(keys && peer && p);
		plain_pair(&rng, kinds[i].version, kinds[i].kind, keys, peer);
		kit_secret_of(&first[0], keys->read.key, 16);
		kit_secret_of(&first[1], keys->write.key, 16);
		kit_secret_of(&first[2], keys->read.traffic, 32);
		kit_secret_of(&first[3], keys->write.traffic, 32);
		rng.state = rng.state * 31 + 7;
		record_init(&p->r, engine, keys);
		p->peer = *peer;
		explicit_bzero(peer, sizeof *peer);
		p->io = (struct record_io){
			.in = &p->in_piece, .n_in = 1, .out = &p->out_piece, .n_out = 1
		};
		assert_int_equal(give(p, 23, "x", 1), RECORD_OK);
		assert_int_equal(seal_bytes(p, message, sizeof message, 100), RECORD_OK);
		for (unsigned k = 0; k < 4; k++) /* or the search proves nothing */
			assert_true(kit_secret_in_memory(&first[k]));
		if (kinds[i].version == TLS13) {
			/* An update leaves nothing of the generation before (forward secrecy). */
			assert_int_equal(give(p, 22, "\x18\0\0\1\1", 5), RECORD_OK);
			assert_int_equal(control(p, 100), RECORD_OK);
			explicit_bzero(&p->peer, sizeof p->peer);
			kit_stack_scrub();
			for (unsigned k = 0; k < 4; k++)
				assert_false(kit_secret_in_memory(&first[k]));
			kit_secret_of(&next[0], p->r.read.key.key, 16);
			kit_secret_of(&next[1], p->r.write.traffic, 32);
			assert_true(kit_secret_in_memory(&next[0]));
		}
		explicit_bzero(&p->peer, sizeof p->peer);
		record_fini(&p->r, engine);
		kit_stack_scrub();
		for (unsigned k = 0; k < 4; k++)
			assert_false(kit_secret_in_memory(&first[k]));
		if (kinds[i].version == TLS13) {
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
}

static int setup(void **state)
{
	(void)state;
	engine = aead_engine_new(AEAD_BEST, 16);
	return engine != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	aead_engine_free(engine);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc8448_records),
		cmocka_unit_test(headers_refused),
		cmocka_unit_test(header_minor_version_ignored),
		cmocka_unit_test(plaintext_limits),
		cmocka_unit_test(inner_types_refused),
		cmocka_unit_test(inner_zeros_refused),
		cmocka_unit_test(inner_empty_refused),
		cmocka_unit_test(post_handshake_messages),
		cmocka_unit_test(key_update_fragmented),
		cmocka_unit_test(message_interleaved),
		cmocka_unit_test(key_update_old_key),
		cmocka_unit_test(key_update_answered_once),
		cmocka_unit_test(key_updates_capped),
		cmocka_unit_test(tickets_capped),
		cmocka_unit_test(rekey_before_limit),
		cmocka_unit_test(peer_asked_to_rekey),
		cmocka_unit_test(rekey_is_13_only),
		cmocka_unit_test(sequence_never_wraps),
		cmocka_unit_test(empty_records_capped),
		cmocka_unit_test(warnings_capped),
		cmocka_unit_test(alerts_malformed),
		cmocka_unit_test(fatal_alert_received),
		cmocka_unit_test(close_both_ways),
		cmocka_unit_test(alert_before_close),
		cmocka_unit_test(update_then_close),
		cmocka_unit_test(renegotiation_declined),
		cmocka_unit_test(sizes_grow_and_fall_back),
		cmocka_unit_test(small_room_refused),
		cmocka_unit_test(forged_record_wiped),
		cmocka_unit_test(control_needs_no_room),
		cmocka_unit_test(secrets_leave_memory),
		cmocka_unit_test(legacy_is_dispatched),
		cmocka_unit_test(legacy_failure_stays),
	};

	return cmocka_run_group_tests_name("tls_record", tests, setup, teardown);
}
