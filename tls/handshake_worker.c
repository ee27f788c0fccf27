/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/handshake_worker.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/aead.h"
#include "tls/handshake_io.h"
#include "tls/handshake_ticket.h"

#define DEFAULT_CONTEXTS   4096
#define DEFAULT_HANDSHAKES 8192
#define CACHED_KEYS        4096 /* expanded AEAD keys: 4 to 8 MB */

/*
 * Deepest use measured: 41 KB by RSA-4096 in wolfCrypt, 18 KB by RSA-3072 and P-521, 8 KB by P-256 and X25519
 * (tests/unit/tls_handshake_test.c keeps it below 64 KB). Pages never touched cost nothing.
 */
#define STACK_BYTES (128 * 1024)

/*
 * Fibers that wait at once; further ones do their key operations on the spot. Bounds the memory of
 * stacks, and is far more than one burst starts.
 */
#define MAX_FIBERS  1024
#define KEPT_STACKS 256

static _Thread_local struct tls_worker *here;

struct tls_worker *tls_worker_enter(struct tls_worker *w)
{
	struct tls_worker *before = here;

	here = w;
	heap_enter(w->heap);
	return before;
}

void tls_worker_leave(struct tls_worker *before)
{
	here = before;
	heap_enter(before != NULL ? before->heap : NULL);
}

static int answer(struct tls_worker *w, wc_CryptoInfo *info)
{
	if (w == NULL)
		return CRYPTOCB_UNAVAILABLE;
	switch (info->algo_type) {
	case WC_ALGO_TYPE_RNG:
		drbg_read(w->drbg, info->rng.out, info->rng.sz);
		w->rng_last = info->rng.sz;
		return 0;
	case WC_ALGO_TYPE_SEED:
		drbg_read(w->drbg, info->seed.seed, info->seed.sz);
		return 0;
	case WC_ALGO_TYPE_PK:
		return w->running != NULL ? handshake_key_operation(w->running, info)
					  : CRYPTOCB_UNAVAILABLE;
	default:
		return CRYPTOCB_UNAVAILABLE;
	}
}

/*
 * wolfCrypt asks this for every operation on an object that carries our device. Threads without a
 * worker (control loading certificates) and operations that are not ours go on in wolfCrypt.
 */
static int crypto_callback(int device, wc_CryptoInfo *info, void *arg)
{
	(void)device, (void)arg;
	return answer(here, info);
}

int tls_global_init(void)
{
	if (heap_global_init() != 0)
		return -1;
	if (wolfSSL_Init() != WOLFSSL_SUCCESS) {
		heap_global_fini();
		return -1;
	}
	if (wc_CryptoCb_RegisterDevice(TLS_DEVICE, crypto_callback, NULL) != 0) {
		wolfSSL_Cleanup();
		heap_global_fini();
		return -1;
	}
	return 0;
}

void tls_global_fini(void)
{
	wc_CryptoCb_UnRegisterDevice(TLS_DEVICE);
	wolfSSL_Cleanup();
	heap_global_fini();
}

static void ctx_finish(WOLFSSL_CTX *ctx, void *arg)
{
	handshake_io_install(ctx);
	handshake_ticket_install(ctx, arg);
}

struct tls_worker *tls_worker_new(const struct tls_worker_config *config)
{
	struct tls_worker *w = calloc(1, sizeof(*w));
	const struct ctx_setup setup = { .device = TLS_DEVICE, .finish = ctx_finish, .arg = w };

	if (w == NULL)
		return NULL;
	w->now_s = config->now_s;
	w->max_handshakes =
	    config->max_handshakes > 0 ? config->max_handshakes : DEFAULT_HANDSHAKES;
	w->batches = !config->no_batches && pkey_has_batches();
	w->heap = heap_new();
	w->drbg = drbg_new();
	w->contexts = ctx_cache_new(
	    config->max_contexts > 0 ? config->max_contexts : DEFAULT_CONTEXTS, &setup);
	w->fibers = fiber_pool_new(STACK_BYTES, KEPT_STACKS, MAX_FIBERS, config->measure_stacks);
	w->aead = aead_engine_new(AEAD_BEST, CACHED_KEYS);
	if (pkey_queue_init(&w->keys, w->drbg) < 0 || w->heap == NULL || w->drbg == NULL ||
	    w->contexts == NULL || w->fibers == NULL || w->aead == NULL) {
		tls_worker_free(w);
		return NULL;
	}
	return w;
}

void tls_worker_free(struct tls_worker *w)
{
	struct tls_worker *before;

	if (w == NULL)
		return;
	assert(w->stats.handshakes == 0);
	before = tls_worker_enter(w);
	ctx_cache_free(w->contexts);
	fiber_pool_free(w->fibers);
	aead_engine_free(w->aead);
	tls_worker_leave(before);
	pkey_queue_fini(&w->keys);
	drbg_free(w->drbg);
	heap_free(w->heap);
	free(w);
}

/* The clock page that the kernel maps: no system call. */
uint32_t tls_worker_now_s(const struct tls_worker *w)
{
	struct timespec t;

	if (w->now_s != NULL)
		return w->now_s();
	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return (uint32_t)t.tv_sec;
}

const struct tls_worker_stats *tls_worker_stats(const struct tls_worker *w)
{
	return &w->stats;
}

unsigned tls_worker_max_handshakes(const struct tls_worker *w)
{
	return w->max_handshakes;
}

bool tls_worker_has_batches(const struct tls_worker *w)
{
	return w->batches;
}

size_t tls_worker_deepest_stack(const struct tls_worker *w)
{
	return fiber_pool_deepest(w->fibers);
}

struct aead_engine *tls_worker_aead(struct tls_worker *w)
{
	return w->aead;
}

/* Contexts, the heap and key operations count for themselves: stats shows their state after each call. */
void tls_worker_count(struct tls_worker *w)
{
	const struct ctx_cache_stats *c = ctx_cache_stats(w->contexts);

	w->stats.contexts_built = c->built;
	w->stats.contexts_evicted = c->evicted;
	w->stats.contexts = c->n;
	w->stats.key_batches = w->keys.n_batches;
	w->stats.wrong_signatures = w->keys.n_wrong;
	w->stats.bytes = heap_bytes(w->heap);
}
