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

/*
 * One hash of as few blocks as will do: under a SYN flood it is most of what a SYN costs. The epoch counts 64 s: 48 bits
 * of it are never full. IPv4 and IPv6 have different lengths, so their inputs are never the same.
 */
static uint64_t cookie_hash(const struct siphash_key *key, const struct flow *flow, uint32_t irs,
    uint64_t epoch, unsigned kept)
{
	const struct ip_addr *remote = &flow->remote, *local = &flow->local;
	uint64_t last = epoch << 8 | kept;
	uint64_t tail = (uint64_t)irs << 32 | (uint32_t)flow->remote_port << 16 | flow->local_port;

	if (ip_addr_is_v4(remote)) {
		uint64_t v4[2] = { (uint64_t)remote->w[3] << 32 | local->w[3], tail };

		return siphash24_words(key, v4, 2, last);
	}
	uint64_t v6[5] = { remote->q[0], remote->q[1], local->q[0], local->q[1], tail };

	return siphash24_words(key, v6, 5, last);
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
