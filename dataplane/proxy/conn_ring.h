/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "dataplane/proxy/conn_facts.h"

/*
 * The way of log records from a worker (the one producer) to control (the one consumer): fixed records, filled
 * and read in place. A full ring is the producer's loss: it goes on.
 */

#define CONN_RING_SIZE   4096 /* a power of two */
#define CONN_RECORD_TEXT 1280 /* longer subjects and issuers of client certificates are cut */

struct conn_record {
	struct conn_facts facts; /* text leads to this record's; client_cert is NULL */
	uint64_t ended_us;
	bool has_client_cert;
	char client_serial[129];
	int64_t not_before, not_after; /* of the client's certificate */
	uint8_t fingerprint[32];
	char text[CONN_RECORD_TEXT];
};

struct conn_ring {
	/* The worker's. */
	_Atomic uint32_t head __attribute__((aligned(64)));
	/* Control's. */
	_Atomic uint32_t tail __attribute__((aligned(64)));
	struct conn_record at[CONN_RING_SIZE] __attribute__((aligned(64)));
};

/* Makes an empty one, to be freed by free(); NULL: no memory. Its records cost nothing before they are used. */
static inline struct conn_ring *conn_ring_new(void)
{
	struct conn_ring *r = aligned_alloc(64, sizeof(*r));

	if (r) {
		atomic_init(&r->head, 0);
		atomic_init(&r->tail, 0);
	}
	return r;
}

/* The record to be filled next; NULL: the ring is full. The worker's. */
static inline struct conn_record *conn_ring_room(struct conn_ring *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) == CONN_RING_SIZE)
		return NULL;
	return &r->at[head % CONN_RING_SIZE];
}

/* Hands over the record that conn_ring_room gave. The worker's. */
static inline void conn_ring_push(struct conn_ring *r)
{
	atomic_fetch_add_explicit(&r->head, 1, memory_order_release);
}

/* The oldest record, NULL: none. Control's. */
static inline const struct conn_record *conn_ring_first(const struct conn_ring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail == atomic_load_explicit(&r->head, memory_order_acquire))
		return NULL;
	return &r->at[tail % CONN_RING_SIZE];
}

/* Gives back the record that conn_ring_first gave. Control's. */
static inline void conn_ring_pop(struct conn_ring *r)
{
	atomic_fetch_add_explicit(&r->tail, 1, memory_order_release);
}
