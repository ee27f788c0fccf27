/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"

struct proxy;

/* One connection, as it was when it was looked at. */
struct proxy_dumped {
	struct flow client, backend;
	bool has_backend;
	uint8_t state;            /* proxy_state_name */
	int16_t listener;         /* index in the snapshot; -1: it is gone */
	uint16_t version;         /* of TLS; 0: no handshake yet */
	uint16_t backend_version; /* of TLS with the target; 0: none, or no handshake yet */
};

/*
 * A list that control makes room for and a worker fills, a piece per loop. It belongs to the
 * worker until done is set.
 */
struct proxy_dump {
	_Atomic bool done;
	uint32_t n, room; /* of at */
	uint32_t total;   /* connections there are */
	uint32_t next;    /* where the worker goes on */
	struct proxy_dumped at[];
};

/* Looks at no more than budget places for connections; sets done at the end. The worker's. */
void proxy_dump(const struct proxy *p, struct proxy_dump *d, unsigned budget);

/* "proxy", "hello", "handshake", "connect", "target handshake", "open", "linger". */
const char *proxy_state_name(unsigned state);
