/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/cookie.h"

/*
 * The ISN: bits 29..31 MSS, masked by bits of the hash so that an observer learns nothing from them; 0..28 the
 * hash, turned by the MSS, so that one hash does for both and another MSS is another cookie.
 */
#define EPOCH_US  64000000ULL
#define HASH_BITS 29
#define HASH_MASK ((1u << HASH_BITS) - 1)

/* Ascending; the last below or equal to the peer's is taken. Common values of the internet. */
static const uint16_t mss_table[8] = { 64, 216, 536, 1220, 1400, 1440, 1460, 8940 };

static uint64_t
hash_v4(const struct siphash_key *key, const struct flow *flow, uint32_t irs, uint64_t epoch_kept)
{
	struct {
		uint32_t remote, local;
		uint16_t ports[2];
		uint32_t irs;
		uint64_t epoch_kept;
	} in = { flow->remote.w[3], flow->local.w[3], { flow->remote_port, flow->local_port }, irs,
		epoch_kept };

	return siphash24(key, &in, sizeof(in));
}

static uint64_t
hash_v6(const struct siphash_key *key, const struct flow *flow, uint32_t irs, uint64_t epoch_kept)
{
	struct {
		struct ip_addr remote, local;
		uint16_t ports[2];
		uint32_t irs;
		uint64_t epoch_kept;
	} in = { flow->remote, flow->local, { flow->remote_port, flow->local_port }, irs,
		epoch_kept };

	return siphash24(key, &in, sizeof(in));
}

/* One hash of as few bytes as will do: under a SYN flood it is most of what a SYN costs. */
static uint64_t cookie_hash(const struct siphash_key *key, const struct flow *flow, uint32_t irs,
    uint64_t epoch, unsigned kept)
{
	uint64_t epoch_kept = epoch << 16 | kept;

	return ip_addr_is_v4(&flow->remote) ? hash_v4(key, flow, irs, epoch_kept)
					    : hash_v6(key, flow, irs, epoch_kept);
}

static unsigned cookie_bits(const struct cookie *c)
{
	return (unsigned)c->wscale << 2 | (unsigned)c->sack << 1 | (unsigned)c->ecn;
}

static unsigned cookie_kept(bool ts, unsigned bits)
{
	return (unsigned)ts << 7 | bits;
}

static unsigned mss_mask(uint64_t hash)
{
	return (unsigned)(hash >> 61);
}

static uint32_t turned(uint64_t hash, unsigned mss_index)
{
	unsigned bits = 7 * mss_index;

	return (uint32_t)(hash >> bits | hash << (-bits & 63)) & HASH_MASK;
}

uint32_t cookie_make(const struct siphash_key *key, const struct flow *flow, uint32_t irs,
    struct cookie *in, uint64_t now_us)
{
	uint64_t hash;
	unsigned i = 7;

	while (i > 0 && mss_table[i] > in->mss)
		i--;
	if (in->mss > mss_table[i])
		in->mss = mss_table[i];
	if (!in->ts) {
		in->wscale = COOKIE_NO_WSCALE;
		in->sack = false;
		in->ecn = false;
	}
	hash = cookie_hash(key, flow, irs, now_us / EPOCH_US, cookie_kept(in->ts, cookie_bits(in)));
	return (uint32_t)(i ^ mss_mask(hash)) << HASH_BITS | turned(hash, i);
}

uint32_t cookie_ts(const struct cookie *in, uint32_t ts)
{
	uint32_t low = (1u << COOKIE_TS_BITS) - 1;
	uint32_t v = (ts & ~low) | cookie_bits(in);

	return v - ts <= low && v != ts ? v - low - 1 : v;
}

bool cookie_check(const struct siphash_key *key, const struct flow *flow, uint32_t irs,
    uint32_t isn, bool ts, uint32_t tsecr, uint64_t now_us, struct cookie *out)
{
	unsigned bits = ts ? tsecr & ((1u << COOKIE_TS_BITS) - 1) : COOKIE_NO_WSCALE << 2;
	uint64_t epoch = now_us / EPOCH_US, hash;
	unsigned mss_index = 0;
	bool is_ours = false;

	/* Made in this epoch or in the one before. */
	for (unsigned age = 0; age <= 1 && age <= epoch && !is_ours; age++) {
		hash = cookie_hash(key, flow, irs, epoch - age, cookie_kept(ts, bits));
		mss_index = isn >> HASH_BITS ^ mss_mask(hash);
		is_ours = turned(hash, mss_index) == (isn & HASH_MASK);
	}
	if (!is_ours)
		return false;
	out->mss = mss_table[mss_index];
	out->ts = ts;
	out->wscale = (uint8_t)(bits >> 2);
	out->sack = bits >> 1 & 1;
	out->ecn = bits & 1;
	return true;
}
