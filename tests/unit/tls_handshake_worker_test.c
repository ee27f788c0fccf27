/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wolfssl/options.h>

#include "tls_handshake_kit.h"

#include <cmocka.h>

struct many {
	struct kit_client c;
	struct handshake *h;
	enum handshake_status status;
	struct handshake_facts facts;
};

/* A step whose bytes go straight between the two; key operations stay queued. */
static void many_step(struct many *m)
{
	uint8_t out[8192];
	struct iovec in_v = { m->c.out.at + m->c.out.head, kit_left(&m->c.out) },
		     out_v = { out, sizeof out };
	struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };

	m->status = handshake_step(m->h, &io);
	m->c.out.head += io.consumed;
	kit_put(&m->c.in, out, io.produced);
}

static void many_at_once(void **state)
{
	enum {
		N = 1000
	};
	static const enum kit_key keys[] = { KIT_P256, KIT_P256, KIT_RSA2048, KIT_P384,
		KIT_ED25519 };
	static const int groups[] = { 29, 23, 4588 };
	const struct tls_worker_config wc = { .max_handshakes = N };
	struct tls_worker *w = tls_worker_new(&wc);
	struct many *all = calloc(N, sizeof *all);
	struct policy policy = kit_policy();
	struct kit_choice choice;
	unsigned n_done = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		uint16_t version = i % 4 ? 0x0304 : 0x0303;
		struct kit_client_config config = { .min_version = version,
			.max_version = version,
			.groups = { version == 0x0303 ? 29 : groups[i % 3] } };

		kit_choose(&choice, kit_cert(keys[i % 5]), &policy);
		kit_client_open(&all[i].c, &config);
		all[i].h = handshake_new(w, &choice.choice, &all[i]);
		assert_non_null(all[i].h);
		kit_client_step(&all[i].c);
	}
	assert_null(handshake_new(w, &choice.choice, NULL)); /* one too many */
	while (n_done < N) {
		struct many *m;

		for (unsigned i = 0; i < N; i++) {
			m = &all[i];
			if (m->status == HANDSHAKE_DONE || m->status == HANDSHAKE_WANT_KEY)
				continue;
			many_step(m);
			assert_int_not_equal(m->status, HANDSHAKE_FAILED);
		}
		do
			tls_worker_poll(w);
		while (tls_worker_is_amid(w));
		while ((m = tls_worker_ready(w)) != NULL) {
			assert_int_equal(m->status, HANDSHAKE_WANT_KEY);
			m->status = HANDSHAKE_WANT_READ;
		}
		n_done = 0;
		for (unsigned i = 0; i < N; i++) {
			kit_client_step(&all[i].c);
			assert_int_equal(all[i].c.error, 0);
			n_done += all[i].status == HANDSHAKE_DONE && all[i].c.done;
		}
	}
	if (tls_worker_has_batches(w))
		assert_true(tls_worker_stats(w)->key_batches > 100);
	for (unsigned i = 0; i < N; i++) {
		struct record r;

		assert_int_equal(handshake_finish(all[i].h, &r), 0);
		kit_exchange(w, &r, &all[i].c, 100);
		record_fini(&r, tls_worker_aead(w));
		kit_client_close(&all[i].c);
	}
	assert_int_equal(tls_worker_stats(w)->handshakes, 0);
	tls_worker_free(w);
	free(all);
}

/* Contexts are built once, kept by certificate and policy, and the oldest goes. */
static void contexts_are_kept(void **state)
{
	const struct tls_worker_config wc = { .max_contexts = 2 };
	struct tls_worker *w = tls_worker_new(&wc);
	struct policy policy = kit_policy();
	static const struct {
		enum kit_key key;
		unsigned built, evicted, n;
	} rows[] = {
		{ KIT_P256, 1, 0, 1 },
		{ KIT_P256, 1, 0, 1 },
		{ KIT_RSA2048, 2, 0, 2 },
		{ KIT_P256, 2, 0, 2 },
		{ KIT_P384, 3, 1, 2 }, /* RSA goes: it was used before P-256 */
		{ KIT_P256, 3, 1, 2 },
		{ KIT_RSA2048, 4, 2, 2 },
	};
	struct handshake *kept[7];
	struct kit_client clients[7];

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		struct kit_client_config config = { 0 };
		struct kit_choice choice;

		kit_choose(&choice, kit_cert(rows[i].key), &policy);
		kit_client_open(&clients[i], &config);
		kept[i] = handshake_new(w, &choice.choice, &clients[i]);
		assert_int_equal(tls_worker_stats(w)->contexts_built, rows[i].built);
		assert_int_equal(tls_worker_stats(w)->contexts_evicted, rows[i].evicted);
		assert_int_equal(tls_worker_stats(w)->contexts, rows[i].n);
	}
	/* Sessions on contexts that are gone go on. */
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(kit_run(w, kept[i], &clients[i], kit_cuts[0]), HANDSHAKE_DONE);
		assert_true(clients[i].done);
		handshake_free(kept[i]);
		kit_client_close(&clients[i]);
	}
	tls_worker_free(w);
}

/* The first 16 bytes of a secret, masked so that this copy is not found. */
struct trace {
	uint8_t masked[16];
};

static struct trace trace_of(const uint8_t *secret)
{
	struct trace t;

	for (unsigned i = 0; i < sizeof t.masked; i++)
		t.masked[i] = secret[i] ^ 0x5a;
	return t;
}

static bool trace_at(const struct trace *t, const uint8_t *at)
{
	for (unsigned i = 0; i < sizeof t->masked; i++)
		if ((at[i] ^ 0x5a) != t->masked[i])
			return false;
	return true;
}

/* How often the secrets are in this process's writable memory. */
static unsigned traces_found(const struct trace *traces, unsigned n)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned found = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof line, maps) != NULL) {
		uintptr_t from, to;
		char mode[8];

		assert_int_equal(
		    sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &from, &to, mode), 3);
		if (strncmp(mode, "rw", 2) != 0 || strstr(line, "[v") != NULL)
			continue;
		for (uintptr_t at = from; at + 16 <= to; at++)
			for (unsigned i = 0; i < n; i++)
				found += trace_at(&traces[i], (const uint8_t *)at);
	}
	fclose(maps);
	return found;
}

/* After both ends are gone nothing is left of the keys: not in heaps, not on stacks. */
static void keys_are_wiped(void **state)
{
	struct policy policy = kit_policy();

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* its shadow and quarantine are too much to search */
#endif
	for (unsigned row = 0; row < 4; row++) {
		const struct tls_worker_config wc = { .no_batches = row & 1 };
		uint16_t version = row & 2 ? 0x0304 : 0x0303;
		struct kit_client_config config = { .min_version = version,
			.max_version = version };
		struct tls_worker *w = tls_worker_new(&wc);
		struct kit_choice choice;
		struct trace traces[4];
		struct kit_client c;
		struct handshake *h;
		struct record r;

		kit_choose(&choice, kit_cert(KIT_P256), &policy);
		kit_client_open(&c, &config);
		h = handshake_new(w, &choice.choice, &c);
		assert_int_equal(kit_run(w, h, &c, kit_cuts[0]), HANDSHAKE_DONE);
		assert_int_equal(handshake_finish(h, &r), 0);
		kit_exchange(w, &r, &c, 100);
		traces[0] = trace_of(r.write.key.key);
		traces[1] = trace_of(r.read.key.key);
		traces[2] = trace_of(version == 0x0304 ? r.write.traffic : r.write.key.key);
		traces[3] = trace_of(version == 0x0304 ? r.read.traffic : r.read.key.key);
		assert_true(traces_found(traces, 4) >= 4); /* the search itself works */
		record_fini(&r, tls_worker_aead(w));
		kit_client_close(&c);
		assert_int_equal(traces_found(traces, 4), 0);
		tls_worker_free(w);
	}
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* n handshakes side by side, many times over: the best round's microseconds of the server's for each. */
static void
time_handshakes(enum kit_key key, int group, uint16_t version, bool no_batches, unsigned n)
{
	const struct tls_worker_config wc = { .no_batches = no_batches };
	struct tls_worker *w = tls_worker_new(&wc);
	struct many *all = calloc(n, sizeof *all);
	struct policy policy = kit_policy();
	struct kit_client_config config = {
		.min_version = version, .max_version = version, .groups = { group }
	};
	double best = 1e9, total, start;
	uint64_t peak = 0, base = 0;
	unsigned rounds = 2000 / n;

	rounds = rounds < 20 ? 20 : rounds;
	for (unsigned round = 0; round < rounds; round++) {
		struct kit_choice choice;
		unsigned n_done = 0;

		total = 0;
		kit_choose(&choice, kit_cert(key), &policy);
		for (unsigned i = 0; i < n; i++) {
			memset(&all[i], 0, sizeof all[i]);
			kit_client_open(&all[i].c, &config);
			kit_client_step(&all[i].c);
		}
		start = now_us();
		for (unsigned i = 0; i < n; i++)
			all[i].h = handshake_new(w, &choice.choice, &all[i]);
		while (n_done < n) {
			struct many *m;
			uint64_t bytes;

			for (unsigned i = 0; i < n; i++)
				if (all[i].status == HANDSHAKE_WANT_READ &&
				    kit_left(&all[i].c.out) > 0)
					many_step(&all[i]);
			bytes = tls_worker_stats(w)->bytes;
			peak = bytes > peak ? bytes : peak;
			for (;;) {
				bool any = false;

				tls_worker_poll(w);
				while ((m = tls_worker_ready(w)) != NULL) {
					many_step(m);
					any = true;
				}
				if (!any && !tls_worker_is_waiting(w))
					break;
			}
			total += now_us() - start;
			n_done = 0;
			for (unsigned i = 0; i < n; i++) {
				kit_client_step(&all[i].c);
				n_done += all[i].status == HANDSHAKE_DONE;
			}
			start = now_us();
		}
		for (unsigned i = 0; i < n; i++) {
			struct record r;

			handshake_finish(all[i].h, &r);
			record_fini(&r, tls_worker_aead(w));
		}
		total += now_us() - start;
		base = tls_worker_stats(w)->bytes;
		for (unsigned i = 0; i < n; i++)
			kit_client_close(&all[i].c);
		best = total < best ? total : best;
	}
	printf("key %d group %4d version %04x %s %3u at once: %6.1f us, heap %llu\n", key, group,
	    version, no_batches ? "one by one" : "in batches", n, best / n,
	    (unsigned long long)(peak - base) / n);
	tls_worker_free(w);
	free(all);
}

/* KIT_TIME=1: what a handshake costs the server. */
static void print_costs(void **state)
{
	static const struct {
		enum kit_key key;
		int group;
		uint16_t version;
	} rows[] = { { KIT_P256, 29, 0x0304 }, { KIT_P256, 4588, 0x0304 }, { KIT_P256, 23, 0x0304 },
		{ KIT_P256, 29, 0x0303 }, { KIT_RSA2048, 29, 0x0304 } };

	(void)state;
	if (getenv("KIT_TIME") == NULL)
		skip();
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		time_handshakes(rows[i].key, rows[i].group, rows[i].version, true, 32);
		time_handshakes(rows[i].key, rows[i].group, rows[i].version, false, 1);
		time_handshakes(rows[i].key, rows[i].group, rows[i].version, false, 8);
		time_handshakes(rows[i].key, rows[i].group, rows[i].version, false, 32);
		time_handshakes(rows[i].key, rows[i].group, rows[i].version, false, 128);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(contexts_are_kept),
		cmocka_unit_test(keys_are_wiped),
		cmocka_unit_test(print_costs),
	};

	return cmocka_run_group_tests_name("tls_handshake", tests, kit_setup, kit_teardown);
}
