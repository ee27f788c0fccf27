/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tests/tcp/peer.h"

/*
 * Turns fuzz bytes into things that happen to one stack: segments near the edges where
 * mistakes live, ICMP about the connection, time, and a user that reads, writes and closes.
 * Every byte string means something, so that mutation finds its way.
 */
struct fuzz {
	const uint8_t *data;
	size_t left;
};

uint8_t fuzz_u8(struct fuzz *f);
uint16_t fuzz_u16(struct fuzz *f);
uint32_t fuzz_u32(struct fuzz *f);

/* Sends one TCP segment made of the next bytes. */
void fuzz_segment(struct peer *p, struct fuzz *f);

/* Sends one ICMP error that quotes a packet of ours, with some bytes changed. */
void fuzz_icmp(struct peer *p, struct fuzz *f);

/* One thing of any kind. */
void fuzz_step(struct peer *p, struct fuzz *f);

/* Lets go of connections that have ended, and of all when there are too many. */
void fuzz_users(struct peer *p);
