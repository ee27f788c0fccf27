/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a record costs: GB/s for 16 KB records in pieces of one segment, ns for 1 KB records with an
 * expanded key at hand and without, both engines. record_bench [seconds per figure]
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/tls_record_kit.h"

#define PIECE   1448
#define RECORDS 64 /* buffers in use: 2 MB, like a busy worker's */
#define MANY    4096

static double seconds = 0.3;
static struct kit_random rng = { 1 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static unsigned cut(struct iovec *pieces, uint8_t *base, size_t len)
{
	unsigned n = 0;

	for (size_t at = 0; at < len; at += PIECE)
		pieces[n++] = (struct iovec){ base + at, len - at < PIECE ? len - at : PIECE };
	return n;
}

struct load {
	struct aead_engine *e;
	struct record *r; /* n_conns of them */
	unsigned n_conns;
	size_t size;
	uint8_t *plain, *wire;
	size_t wire_len;
	unsigned long done;
};

static struct record *conns_new(unsigned n, enum aead_kind kind)
{
	struct record *r = calloc(n, sizeof *r);
	struct tls_keys keys;
	struct plain peer;

	assert(r != NULL);
	for (unsigned i = 0; i < n; i++) {
		plain_pair(&rng, 0x0304, kind, &keys, &peer);
		keys.read = keys.write; /* we open what we sealed ourselves */
		keys.read.seq = keys.write.seq = 0;
		record_init(&r[i], &keys);
		r[i].burst = RECORD_HOT;
	}
	return r;
}

static void seal_one(struct load *l, unsigned i)
{
	struct iovec in[16], out[16];
	struct record_io io = { .in = in, .out = out };
	size_t at = i % RECORDS;
	enum record_status status;

	io.n_in = cut(in, l->plain + at * 17000, l->size);
	io.n_out = cut(out, l->wire + at * 17000, 17000);
	status = record_seal(&l->r[i % l->n_conns], l->e, &io);
	assert(status == RECORD_OK && io.consumed == l->size);
	l->wire_len = io.produced;
}

static void open_one(struct load *l, unsigned i)
{
	struct iovec in[16], out[16];
	struct record_io io = { .in = in, .out = out };
	struct record *r = &l->r[i % l->n_conns];
	size_t at = i % RECORDS;
	enum record_status status;

	io.n_in = cut(in, l->wire + at * 17000, l->wire_len);
	io.n_out = cut(out, l->plain + at * 17000, 17000);
	status = record_open(r, l->e, &io);
	assert(status == RECORD_OK && io.produced == l->size);
}

/* Seconds per record. Each round seals MANY or RECORDS records, then opens the same ones. */
static void measure(struct load *l, double *seal, double *open)
{
	unsigned batch = l->n_conns > RECORDS ? l->n_conns : RECORDS;
	double spent_seal = 0, spent_open = 0, start;
	unsigned long n = 0;

	while (spent_seal + spent_open < 2 * seconds) {
		for (unsigned base = 0; base < batch; base += RECORDS) {
			start = now();
			for (unsigned i = base; i < base + RECORDS; i++)
				seal_one(l, i);
			spent_seal += now() - start;
			start = now();
			for (unsigned i = base; i < base + RECORDS; i++)
				open_one(l, i);
			spent_open += now() - start;
			n += RECORDS;
		}
	}
	*seal = spent_seal / (double)n;
	*open = spent_open / (double)n;
}

static void
run(struct load *l, enum aead_kind kind, const char *what, unsigned n_conns, size_t size)
{
	double seal, open;

	l->n_conns = n_conns;
	l->size = size;
	l->r = conns_new(n_conns, kind);
	measure(l, &seal, &open);
	printf("  %-34s seal %7.0f ns %6.2f GB/s   open %7.0f ns %6.2f GB/s\n", what, seal * 1e9,
	    (double)size / seal * 1e-9, open * 1e9, (double)size / open * 1e-9);
	for (unsigned i = 0; i < n_conns; i++)
		record_fini(&l->r[i], l->e);
	free(l->r);
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = { "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305" };
	static const enum aead_backend backends[] = { AEAD_IPSEC_MB, AEAD_WOLFCRYPT };

	if (argc > 1)
		seconds = atof(argv[1]);
	printf("struct record %zu bytes, struct aead_key %zu\n", sizeof(struct record),
	    sizeof(struct aead_key));
	for (unsigned b = 0; b < 2; b++) {
		struct load l = { .e = aead_engine_new(backends[b], 0) };

		if (l.e == NULL)
			continue;
		l.plain = aligned_alloc(64, RECORDS * 17024);
		l.wire = aligned_alloc(64, RECORDS * 17024);
		assert(l.plain && l.wire);
		memset(l.plain, 1, RECORDS * 17024);
		memset(l.wire, 1, RECORDS * 17024);
		for (unsigned kind = 0; kind < 3; kind++) {
			printf("%s, %s\n", aead_engine_name(l.e), kinds[kind]);
			run(&l, kind, "16 KB, 1,448-byte pieces", 1, 16384);
			run(&l, kind, "1 KB, one connection", 1, 1024);
			run(&l, kind, "1 KB, 256 connections (keys cached)", 256, 1024);
			run(&l, kind, "1 KB, 4,096 connections (cold keys)", MANY, 1024);
			run(&l, kind, "100 bytes, one connection", 1, 100);
		}
		free(l.plain);
		free(l.wire);
		aead_engine_free(l.e);
	}
	return 0;
}
