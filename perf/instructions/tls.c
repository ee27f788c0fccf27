/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instructions per record and per handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "perf/instructions/count.h"
#include "tests/unit/tls_handshake_kit.h"

#include <cmocka.h>

#define PIECE   1448
#define RECORDS 16

static struct aead_engine *engine;
static uint8_t plain[16384], wires[RECORDS][RECORD_MAX + 64];

static unsigned cut(struct iovec *pieces, uint8_t *base, size_t len)
{
	unsigned n = 0;

	for (size_t at = 0; at < len; at += PIECE)
		pieces[n++] = (struct iovec){ base + at, len - at < PIECE ? len - at : PIECE };
	return n;
}

/* Keys of our own: what one end seals the other opens. */
static void pair(struct record *a, struct record *b)
{
	struct tls_keys keys = {
		.version = 0x0304, .suite = 0x1301, .aead = AEAD_AES_128_GCM, .hash_len = 32
	};
	struct tls_keys other;

	memset(keys.write.key, 1, 16);
	memset(keys.read.key, 2, 16);
	other = keys;
	other.client = true;
	other.read = keys.write;
	other.write = keys.read;
	record_init(a, &keys);
	record_init(b, &other);
	a->burst = RECORD_HOT;
}

static size_t seal_one(struct record *r, size_t len, uint8_t *wire)
{
	struct iovec in[16], out[16];
	struct record_io io = { .in = in, .out = out };
	enum record_status status;

	io.n_in = cut(in, plain, len);
	io.n_out = cut(out, wire, sizeof(wires[0]));
	count_start();
	status = record_seal(r, engine, &io);
	count_stop();
	assert_int_equal(status, RECORD_OK);
	assert_int_equal(io.consumed, len);
	return io.produced;
}

static void open_one(struct record *r, size_t len, uint8_t *wire, size_t wire_len)
{
	static uint8_t back[sizeof(plain)];
	struct iovec in[16], out[16];
	struct record_io io = { .in = in, .out = out };
	enum record_status status;

	io.n_in = cut(in, wire, wire_len);
	io.n_out = cut(out, back, sizeof(back));
	count_start();
	status = record_open(r, engine, &io);
	count_stop();
	assert_int_equal(status, RECORD_OK);
	assert_int_equal(io.produced, len);
	assert_memory_equal(back, plain, len);
}

static void records(size_t len, const char *seal_name, const char *open_name)
{
	struct record a, b;
	size_t wire_len[RECORDS];

	pair(&a, &b);
	for (unsigned i = 0; i < RECORDS; i++)
		wire_len[i] = seal_one(&a, len, wires[i]);
	count_report(seal_name, RECORDS);
	for (unsigned i = 0; i < RECORDS; i++)
		open_one(&b, len, wires[i], wire_len[i]);
	count_report(open_name, RECORDS);
	record_fini(&a, engine);
	record_fini(&b, engine);
}

/* The server's part only: the client runs uncounted. */
static void handshake(struct tls_worker *w, enum kit_key key, int group, const char *name)
{
	const struct kit_client_config config = { .groups = { group }, .share = group };
	const struct policy policy = kit_policy();
	const unsigned n = 3;
	struct kit_choice choice;

	kit_choose(&choice, kit_cert(key), &policy);
	for (unsigned i = 0; i <= n; i++) {
		enum handshake_status status;
		struct kit_client c;
		struct handshake *h;
		struct record r;

		kit_client_open(&c, &config);
		kit_client_step(&c);
		if (i > 0) /* the first one builds the context */
			count_start();
		h = handshake_new(w, &choice.choice, &c);
		assert_non_null(h);
		while ((status = kit_server_step(w, h, &c, (struct kit_cut){ 0, 0 })) !=
		    HANDSHAKE_DONE) {
			assert_true(status != HANDSHAKE_FAILED);
			if (status != HANDSHAKE_WANT_READ)
				continue;
			if (i > 0)
				count_stop();
			kit_client_step(&c);
			if (i > 0)
				count_start();
		}
		assert_int_equal(handshake_finish(h, &r), 0);
		if (i > 0)
			count_stop();
		kit_client_step(&c);
		kit_exchange(w, &r, &c, 100);
		record_fini(&r, tls_worker_aead(w));
		kit_client_close(&c);
	}
	count_report(name, n);
}

static void all(void **state)
{
	const struct tls_worker_config config = { .max_contexts = 4 };
	struct tls_worker *w = tls_worker_new(&config);

	(void)state;
	assert_non_null(w);
	engine = tls_worker_aead(w);
	records(1024, "record_seal_1k", "record_open_1k");
	records(16384, "record_seal_16k", "record_open_16k");
	handshake(w, KIT_P256, 29, "handshake_ecdsa");
	handshake(w, KIT_RSA2048, 29, "handshake_rsa2048");
	handshake(w, KIT_P256, 4588, "handshake_pq");
	tls_worker_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all) };

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
