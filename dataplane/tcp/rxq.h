/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/tcpmbuf.h"

/*
 * What has arrived in order: a chain of mbufs through m->next. Small payloads are copied
 * together, so that one-byte segments do not pin a buffer each.
 */

/* The window at first: enough for the initial window of anybody (RFC 6928) and then some. */
#define RXQ_FIRST_WINDOW 65535

/* Payloads up to this are copied behind the last one when there is room. */
#define RXQ_COPY_MAX 512

/* Takes m, whose data is payload only (pkt_len > 0), as the next bytes of the stream. */
void rxq_append(struct tcp_conn *c, struct rte_mbuf *m);

/* Frees all. */
void rxq_free(struct tcp_conn *c);

/*
 * May another packet of this true size be kept? In order a little more is allowed than
 * out of order, so that a gap can always be filled.
 */
bool rxq_has_memory(const struct tcp_conn *c, uint32_t truesize, bool in_order);

/* The window to announce: what is free, never less than was announced before (RFC 9293 SHLD-14). */
uint32_t rxq_window(const struct tcp_conn *c);

/* Bookkeeping for all who keep received packets. */
void rxq_account(struct tcp_conn *c, const struct rte_mbuf *m);
void rxq_unaccount(struct tcp_conn *c, const struct rte_mbuf *m);
