/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames through peek_flow in a buffer of exactly their size. What it says must not depend on
 * bytes behind the packet's end, must stand after the frame grew a trailer, and must not be said
 * of a frame cut anywhere in its headers.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/steer/peek.h"

static bool peek_copy(const uint8_t *data, size_t size, size_t trailer, struct flow *flow)
{
	uint8_t *exact = malloc(size + trailer > 0 ? size + trailer : 1);
	bool found;

	if (exact == NULL)
		abort();
	memcpy(exact, data, size);
	memset(exact + size, 0xa5, trailer);
	found = peek_flow(exact, (unsigned)(size + trailer), (unsigned)(size + trailer), flow);
	free(exact);
	return found;
}

static bool same(const struct flow *a, const struct flow *b)
{
	return ip_addr_eq(&a->remote, &b->remote) && ip_addr_eq(&a->local, &b->local) &&
	    a->remote_port == b->remote_port && a->local_port == b->local_port;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow flow, again;

	if (size > 4096 || !peek_copy(data, size, 0, &flow))
		return 0;
	if (ip_addr_is_v4(&flow.remote) != ip_addr_is_v4(&flow.local) && data[12] == 0x08)
		abort(); /* an IPv4 packet has two IPv4 addresses */
	/* Ethernet padding behind the packet changes nothing. */
	if (!peek_copy(data, size, 46, &again) || !same(&flow, &again))
		abort();
	/* 14 of Ethernet, 20 of IPv4, 1 of a fragment's data is the least anything can be. */
	for (size_t cut = 0; cut < 14 + 20 + 1; cut++)
		if (peek_copy(data, cut, 0, &again))
			abort();
	return 0;
}
