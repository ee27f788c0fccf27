/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"
#include "dataplane/tcp/table.h"

struct stack;
struct stack_info;

#define PORTS_FIRST 1024 /* a multiple of 64 */
#define PORTS_COUNT (65536 - PORTS_FIRST)
#define PORTS_WORDS (PORTS_COUNT / 64)

/*
 * The source ports towards one target from one of our addresses; bit 0 is PORTS_FIRST. Which of them are ours
 * (stack_config.ports_are_ours) is asked for a word at a time, when it is first looked at.
 */
struct port_set {
	struct ip_addr remote;
	uint16_t remote_port;
	uint8_t laddr;
	uint16_t next;    /* of the same bucket, index + 1 */
	uint16_t n_known; /* words */
	uint32_t n_ours;  /* in the words known */
	uint32_t n_taken; /* TIME-WAIT included */
	uint32_t n_waiting;
	uint64_t known[(PORTS_WORDS + 63) / 64];
	uint64_t ours[PORTS_WORDS];
	uint64_t taken[PORTS_WORDS];
	uint64_t waiting[PORTS_WORDS]; /* in TIME-WAIT */
};

#define PORTS_BUCKETS 256

struct ports {
	struct port_set *sets;
	uint16_t n_sets, n_touched;
	uint16_t hand;                   /* where the search for an unused one goes on */
	uint16_t buckets[PORTS_BUCKETS]; /* index + 1 */
	uint32_t counters[64];           /* RFC 6056 algorithm 4 */
};

/*
 * Chooses flow->local_port so that the 4-tuple is free and its return flow comes to this worker, and takes
 * it. An observer of one destination learns nothing about others (RFC 6056 3.3.4, double hash).
 * The search is bounded, and finds a free port if there is one. When a TIME-WAIT had to be taken
 * over (RFC 6191) *iss_after is set and *reused is true. False: none is free (counted).
 */
bool ports_choose(
    struct stack *s, struct flow *flow, uint8_t laddr, uint32_t *iss_after, bool *reused);

/* The connection that took this 4-tuple has gone into TIME-WAIT; it is over altogether. */
void ports_wait(struct stack *s, const struct tcp_key *key);
void ports_give_back(struct stack *s, const struct tcp_key *key);

/* Fills what is about source ports. */
void ports_info(const struct stack *s, struct stack_info *info);
