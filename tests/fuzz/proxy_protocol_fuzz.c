/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A PROXY header whole and cut: answers must agree, stay inside, and come back from our own writer. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/proxy/proxy_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read, written by us, is read as the same. */
static void check_round_trip(const struct proxy_protocol_origin *o, unsigned version)
{
	static uint8_t out[PROXY_PROTOCOL_WRITE_MAX];
	const struct proxy_protocol_header h = {
		.source = o->source,
		.destination = o->destination,
		.source_port = o->source_port,
		.destination_port = o->destination_port,
		.tlvs = PROXY_TLV_NETNS | PROXY_TLV_CRC32C,
		.netns = o->netns,
	};
	struct proxy_protocol_origin again;
	size_t n = proxy_protocol_write(out, sizeof(out), version, &h), need = 0;

	assert(n > 0);
	assert(proxy_protocol_read(&again, out, n, &need) == PROXY_PROTOCOL_OK);
	assert(again.len == n && again.has_addrs);
	assert(ip_addr_eq(&again.source, &o->source));
	assert(ip_addr_eq(&again.destination, &o->destination));
	assert(again.source_port == o->source_port);
	assert(again.destination_port == o->destination_port);
	if (version == 2)
		assert(again.netns.n == o->netns.n &&
		    (o->netns.n == 0 || memcmp(again.netns.at, o->netns.at, o->netns.n) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_protocol_origin o, part;
	size_t need = 0, cut_need = 0, cut;
	enum proxy_protocol_status status = proxy_protocol_read(&o, data, size, &need);

	if (status == PROXY_PROTOCOL_MORE)
		assert(need > size);
	if (size == 0)
		return 0;
	cut = (data[0] + (size_t)data[size / 2] * 3 + data[size - 1]) % size;
	switch (proxy_protocol_read(&part, data, cut, &cut_need)) {
	case PROXY_PROTOCOL_OK:
		assert(status == PROXY_PROTOCOL_OK && part.len == o.len && o.len <= cut);
		break;
	case PROXY_PROTOCOL_BAD:
		assert(status == PROXY_PROTOCOL_BAD);
		break;
	case PROXY_PROTOCOL_MORE:
		/* It could not have been complete any earlier than it said. */
		assert(cut_need > cut && (status != PROXY_PROTOCOL_OK || cut_need <= o.len));
		break;
	}
	if (status != PROXY_PROTOCOL_OK)
		return 0;
	assert(o.len <= size && o.len > 0);
	if (o.has_addrs) {
		check_round_trip(&o, 2);
		check_round_trip(&o, 1);
	}
	return 0;
}
