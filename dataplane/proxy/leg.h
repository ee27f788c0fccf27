/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "dataplane/tcp/tcp.h"

/*
 * One side of a proxied connection, as the relay sees it: a byte stream with views in, room out, and a
 * half-close each way. TCP today; the relay names no TCP function but through here, so that
 * another kind of stream can take its place.
 */
struct leg {
	struct tcp_conn *conn; /* NULL: not there (yet, or any more) */
};

static inline bool leg_is_open(const struct leg *l)
{
	return l->conn != NULL;
}

static inline uint32_t leg_available(const struct leg *l)
{
	return l->conn ? tcp_rx_available(l->conn) : 0;
}

static inline unsigned leg_view(const struct leg *l, struct iovec *iov, unsigned max)
{
	return tcp_rx_view(l->conn, iov, max);
}

/* As many pieces only as want bytes need. */
static inline unsigned
leg_view_of(const struct leg *l, size_t want, struct iovec *iov, unsigned max)
{
	return tcp_rx_view_of(l->conn, (uint32_t)want, iov, max);
}

static inline void leg_consume(struct leg *l, size_t n)
{
	if (n)
		tcp_rx_consume(l->conn, (uint32_t)n);
}

static inline bool leg_is_complete(const struct leg *l)
{
	return tcp_rx_is_complete(l->conn);
}

static inline bool leg_is_finished(const struct leg *l)
{
	return tcp_rx_is_finished(l->conn);
}

static inline unsigned leg_reserve(struct leg *l, size_t want, struct iovec *iov, unsigned max)
{
	return tcp_tx_reserve(l->conn, (uint32_t)want, iov, max);
}

/* Also for n = 0 after a reserve: then what was lent goes back, or an idle leg would keep it. */
static inline void leg_commit(struct leg *l, size_t n, enum tcp_push push)
{
	tcp_tx_commit(l->conn, (uint32_t)n, push);
}

static inline uint32_t leg_space(const struct leg *l)
{
	return tcp_tx_space(l->conn);
}

/* Sends all n bytes of at, or none (false: no room). iov: room for views. */
bool leg_write(struct leg *l, const void *at, size_t n, struct iovec *iov, unsigned max);

/* No more bytes from us; what was committed still goes out. */
static inline void leg_shutdown(struct leg *l)
{
	if (l->conn)
		tcp_shutdown(l->conn);
}

/* Hands off; the peer gets what was committed and an orderly end. */
static inline void leg_release(struct leg *l)
{
	if (l->conn)
		tcp_release(l->conn);
	l->conn = NULL;
}

/* Hands off; the peer is told that the stream broke. */
static inline void leg_abort(struct leg *l)
{
	if (!l->conn)
		return;
	tcp_abort(l->conn);
	leg_release(l);
}
