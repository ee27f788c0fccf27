/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <sys/queue.h>

#include "tls/ctx.h"
#include "tls/drbg.h"
#include "tls/fiber.h"
#include "tls/handshake.h"
#include "tls/heap.h"
#include "tls/pkey.h"
#include "tls/pkey_sign.h"

/* Shared by handshake.c, handshake_worker.c and legacy.c; nobody else's. */

struct WOLFSSL;
struct ticket_owner;
struct ticket_ring;

struct tls_worker {
	struct ctx_cache *contexts;
	struct fiber_pool *fibers;
	struct drbg *drbg;
	struct heap *heap;
	struct aead_engine *aead;
	struct pkey_queue keys;
	struct pkey_rsa_checked rsa_checked; /* by the running one */
	bool is_alone;                       /* wolfCrypt is at work for pkey_sign_alone */
	bool batches;
	unsigned max_handshakes;
	struct tls_worker_stats stats;
	struct handshake *running;         /* whose fiber runs now */
	const struct ticket_ring *tickets; /* NULL: none are given or taken */
	uint32_t (*now_s)(void);           /* NULL: the system's clock */
	size_t rng_last;                   /* length of the last random draw of the running one */
};

/*
 * Makes w the worker whose heap and generator wolfSSL uses on this thread; returns the one before,
 * to be given back by tls_worker_leave. Every call into wolfSSL lies between the two.
 */
struct tls_worker *tls_worker_enter(struct tls_worker *w);
void tls_worker_leave(struct tls_worker *before);

/* Brings w->stats up to date. */
void tls_worker_count(struct tls_worker *w);

/* Seconds since the epoch. */
uint32_t tls_worker_now_s(const struct tls_worker *w);

/* Whom a ticket of the running handshake is for; NULL: it neither gives nor takes any (handshake.c). */
const struct ticket_owner *handshake_ticket_owner(const struct handshake *h);

/* wolfCrypt's crypto callback number of this program. */
#define TLS_DEVICE 0x5350

/*
 * A request of wolfCrypt's made inside the running handshake h (handshake.c): waits for its result when it
 * is one for a batch.
 */
int handshake_key_operation(struct handshake *h, struct wc_CryptoInfo *info);
