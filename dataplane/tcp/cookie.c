/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/cookie.h"

/*
 * The ISN: bits 0..27 hash, 28..30 MSS, 31 the parity of the 64 s epoch; the upper four are masked
 * by hash bits so that an observer learns nothing from them.
 */
#define EPOCH_US  64000000ULL
#define HASH_BITS 28
#define HASH_MASK ((1u << HASH_BITS) - 1)

/* Ascending; the last below or equal to the peer's is taken. Common values of the internet. */
static const uint16_t mss_table[8] = { 64, 216, 536, 1220, 1400, 1440, 1460, 8940 };

static uint64_t cookie_hash(const struct siphash_key *key, const struct flow *flow, uint32_t irs,
    uint64_t epoch, unsigned kept)
{
	struct {
		struct ip_addr remote, local;
		uint16_t ports[2];
		uint32_t irs;
		uint64_t epoch_kept;
	} in = { flow->remote, flow->local, { flow->remote_port, flow->local_port }, irs,
		epoch << 16 | kept };

	return siphash24(key, &in, sizeof(in));
}

/* A mask for the upper bits that does not depend on them. */
static unsigned cookie_mask(const struct siphash_key *key, const struct flow *flow, uint32_t irs)
{
	return (unsigned)(cookie_hash(key, flow, irs, UINT64_MAX >> 16, 0xffff) >> 60);
}

static unsigned cookie_bits(const struct cookie *c)
{
	return (unsigned)c->wscale << 2 | (unsigned)c->sack << 1 | (unsigned)c->ecn;
}

static unsigned cookie_kept(unsigned mss_index, bool ts, unsigned bits)
{
	return mss_index << 8 | (unsigned)ts << 7 | bits;
}

uint32_t cookie_make(const struct siphash_key *key, const struct flow *flow, uint32_t irs,
    struct cookie *in, uint64_t now_us)
{
	uint64_t epoch = now_us / EPOCH_US;
	unsigned i = 7, top;

	while (i > 0 && mss_table[i] > in->mss)
		i--;
	if (in->mss > mss_table[i])
		in->mss = mss_table[i];
	if (!in->ts) {
		in->wscale = COOKIE_NO_WSCALE;
		in->sack = false;
		in->ecn = false;
	}
	top = ((unsigned)(epoch & 1) << 3 | i) ^ cookie_mask(key, flow, irs);
	return (uint32_t)top << HASH_BITS |
	    ((uint32_t)cookie_hash(key, flow, irs, epoch, cookie_kept(i, in->ts, cookie_bits(in))) &
		HASH_MASK);
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
	unsigned top = isn >> HASH_BITS ^ cookie_mask(key, flow, irs);
	uint64_t epoch = now_us / EPOCH_US;
	unsigned bits = ts ? tsecr & ((1u << COOKIE_TS_BITS) - 1) : COOKIE_NO_WSCALE << 2;

	/* The parity says which of the two live epochs it is. */
	if ((epoch & 1) != top >> 3) {
		if (epoch == 0)
			return false;
		epoch--;
	}
	if (((uint32_t)cookie_hash(key, flow, irs, epoch, cookie_kept(top & 7, ts, bits)) &
		HASH_MASK) != (isn & HASH_MASK))
		return false;
	out->mss = mss_table[top & 7];
	out->ts = ts;
	out->wscale = (uint8_t)(bits >> 2);
	out->sack = bits >> 1 & 1;
	out->ecn = bits & 1;
	return true;
}
