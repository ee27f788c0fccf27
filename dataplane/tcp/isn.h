/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "dataplane/base/siphash.h"
#include "dataplane/net/pkt.h"

/* A 4 microsecond clock plus a keyed hash of the 4-tuple (RFC 6528). */
uint32_t isn_make(const struct siphash_key *key, const struct flow *flow, uint64_t now_us);

/* Where our timestamp clock starts for this pair of hosts (RFC 7323 7.1). */
uint32_t isn_ts_offset(
    const struct siphash_key *key, const struct ip_addr *local, const struct ip_addr *remote);
