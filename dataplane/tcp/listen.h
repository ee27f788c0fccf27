/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"

#define LISTEN_MAX    2048
#define LISTEN_NONE   UINT16_MAX
#define LISTEN_CHAINS 256

/* A place where connections are accepted; it stays in memory while connections refer to it. */
struct listener {
	struct ip_addr ip; /* all-zero: any */
	uint16_t port;
	uint16_t next;   /* of those whose ports share a chain; LISTEN_NONE: the last */
	bool is_open;    /* and so in a chain */
	uint32_t n_refs; /* connections accepted here, and minis */
	void *user;
};

struct listeners {
	struct listener all[LISTEN_MAX];
	uint16_t chains[LISTEN_CHAINS]; /* by the low bits of the port: the first of each */
	uint64_t ports[65536 / 64];     /* bit set: some listener has this port */
};

/* Nobody listens. */
void listen_init(struct listeners *l);

/* The listener for local:port, an exact address before any; LISTEN_NONE: nobody listens. */
uint16_t listen_find(const struct listeners *l, const struct ip_addr *local, uint16_t port);
