/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/isn.h"

uint32_t isn_make(const struct siphash_key *key, const struct flow *flow, uint64_t now_us)
{
	struct {
		struct ip_addr remote, local;
		uint16_t ports[2];
		uint32_t zero;
	} in = { flow->remote, flow->local, { flow->remote_port, flow->local_port }, 0 };

	return (uint32_t)siphash24(key, &in, sizeof(in)) + (uint32_t)(now_us / 4);
}

uint32_t isn_ts_offset(
    const struct siphash_key *key, const struct ip_addr *local, const struct ip_addr *remote)
{
	struct ip_addr in[2] = { *local, *remote };

	return (uint32_t)siphash24(key, in, sizeof(in));
}
