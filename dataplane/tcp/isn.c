/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/isn.h"

uint32_t isn_make(const struct siphash_key *key, const struct flow *flow, uint64_t now_us)
{
	uint64_t ports = (uint64_t)flow->remote_port << 16 | flow->local_port;
	uint64_t v6[4] = { flow->remote.q[0], flow->remote.q[1], flow->local.q[0],
		flow->local.q[1] };
	uint64_t v4[1] = { (uint64_t)flow->remote.w[3] << 32 | flow->local.w[3] };
	uint64_t hash = ip_addr_is_v4(&flow->remote) ? siphash24_words(key, v4, 1, ports)
						     : siphash24_words(key, v6, 4, ports);

	return (uint32_t)hash + (uint32_t)(now_us / 4);
}

uint32_t isn_ts_offset(
    const struct siphash_key *key, const struct ip_addr *local, const struct ip_addr *remote)
{
	uint32_t v4[2] = { local->w[3], remote->w[3] };
	struct ip_addr v6[2] = { *local, *remote };

	if (ip_addr_is_v4(remote))
		return (uint32_t)siphash24(key, v4, sizeof(v4));
	return (uint32_t)siphash24(key, v6, sizeof(v6));
}
