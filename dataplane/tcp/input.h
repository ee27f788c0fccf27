/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <rte_mbuf.h>

#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/seg.h"

/*
 * Runs one received segment through a connection: RFC 9293 3.10.7.3 (SYN-SENT) and 3.10.7.4 in
 * its order, with RFC 7323, 5961 and 3168 where they belong. Takes m, whose data is the payload
 * only. What is to be sent is noted, not sent, but for ACKs that report a gap. c may be gone
 * afterwards when its user has released it.
 */
void tcp_input(struct tcp_conn *c, const struct seg *seg, struct rte_mbuf *m);
