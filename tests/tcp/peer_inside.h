/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tests/tcp/peer.h"

/*
 * Answers an ARP request or neighbour solicitation in frame: writes the answer to reply, with
 * mac as the neighbour's address, and returns its length; 0 when there is nothing to answer.
 */
size_t neighbour_answer(const uint8_t *frame, size_t len, const uint8_t mac[6], uint8_t *reply);

/* True for frames that are no business of a TCP script: ARP, ND, MLD. */
bool neighbour_is_one(const uint8_t *frame, size_t len);

/* A pool shared by all tests of the process; with size != 0 a new one of that size. */
struct rte_mempool *peer_pool(unsigned size);

/* Wraps the bytes in an mbuf of pool; external buffer of exactly that size under ASan. */
struct rte_mbuf *peer_mbuf(struct rte_mempool *pool, const uint8_t *frame, size_t len);

/* Writes what peer_write left, as far as there is room. */
void peer_write_on(struct peer *p, struct peer_conn *conn);

/* Takes a slot for a connection; the app calls mean it from now on. */
void peer_adopt(struct peer *p, struct tcp_conn *c);

/* tcp_check after every call; fails with what it says. */
void peer_check(struct peer *p);
