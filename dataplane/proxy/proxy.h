/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct conn_ring;
struct snapshot;
struct stack;
struct stats;
struct tls_worker;

/* One worker's proxied connections: client leg, TLS session, backend leg. */
struct proxy;

struct proxy_config {
	struct stack *stack;    /* borrowed */
	struct tls_worker *tls; /* borrowed */
	struct stats *stats;    /* borrowed */
	struct conn_ring *log;  /* where records of connections go; borrowed; NULL: nowhere */
	uint32_t max_relays;    /* connections at once on this worker */
	unsigned worker, n_workers;
};

/* TCP connections its stack needs: both legs, and some whose last bytes are still on their way. */
static inline uint32_t proxy_max_conns(uint32_t max_relays)
{
	return 2 * max_relays + max_relays / 2 + 1024;
}

/* Makes one; NULL when memory is short. The caller owns it. */
struct proxy *proxy_new(const struct proxy_config *config, uint64_t now_us);

/* Frees it; connections are let go without another word. NULL is fine. */
void proxy_free(struct proxy *p);

/*
 * Uses snapshot from now on: opens and closes listeners, keeps the connections there are. The
 * snapshot stays borrowed until the next call; the old one is not touched after it. Returns how many
 * addresses could not be bound (they are counted, and tried again with the next snapshot).
 */
unsigned proxy_adopt(struct proxy *p, const struct snapshot *snapshot);

/*
 * Before a burst is taken in, so that what comes with it waits for nothing but packets: the next piece of
 * handshakes' work. is_crowded: the last burst left packets behind; then these get several times the time that handshakes
 * had before there is more of that. True when something was done, which may have taken 100 µs and more. Allocates nothing but in
 * the TLS worker's arena.
 */
bool proxy_shake(struct proxy *p, uint64_t now_us, bool is_crowded);

/*
 * After a burst was taken in: runs every connection that has events, and at most budget timers. Returns when
 * to call again, in µs.
 */
uint64_t proxy_run(struct proxy *p, uint64_t now_us, unsigned budget);

/* Whether the last proxy_run ran any connection: there was work, with or without packets. */
bool proxy_has_run(const struct proxy *p);

/* True while some connection has work left that needs no new packet. */
bool proxy_is_busy(const struct proxy *p);

/* No new connections from now on; those there are go on. */
void proxy_drain(struct proxy *p);

/* Ends what is left: close_notify and FIN to clients where possible. */
void proxy_close_all(struct proxy *p);

/* Connections that are not over. */
uint32_t proxy_active(const struct proxy *p);
