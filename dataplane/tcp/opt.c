/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tcp/opt.h"

#include <string.h>

#include <rte_byteorder.h>

enum {
	KIND_END = 0,
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WSCALE = 3,
	KIND_SACK_PERMITTED = 4,
	KIND_SACK = 5,
	KIND_TS = 8,
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return rte_be_to_cpu_32(v);
}

static void put32(uint8_t *p, uint32_t v)
{
	v = rte_cpu_to_be_32(v);
	memcpy(p, &v, 4);
}

static void parse_sack(struct opts *o, const uint8_t *p, unsigned len)
{
	/* 2 + 8n; a length that is not such is illegal. */
	if (len < 10 || (len - 2) % 8 != 0) {
		o->has |= OPT_BROKEN;
		return;
	}
	o->has |= OPT_SACK;
	o->n_sack = (uint8_t)((len - 2) / 8);
	for (unsigned i = 0; i < o->n_sack; i++) {
		o->sack[i].start = get32(p + 2 + 8 * i);
		o->sack[i].end = get32(p + 6 + 8 * i);
	}
}

/* One option of len bytes, all of them inside the header. */
static void parse_one(struct opts *o, const uint8_t *p, unsigned len, bool syn)
{
	switch (p[0]) {
	case KIND_MSS:
		if (len != 4)
			o->has |= OPT_BROKEN;
		else if (syn && !(o->has & OPT_MSS)) {
			o->has |= OPT_MSS;
			o->mss = get16(p + 2);
		}
		break;
	case KIND_WSCALE:
		if (len != 3)
			o->has |= OPT_BROKEN;
		else if (syn && !(o->has & OPT_WSCALE)) {
			o->has |= OPT_WSCALE;
			o->wscale = p[2] > OPT_MAX_WSCALE ? OPT_MAX_WSCALE : p[2];
		}
		break;
	case KIND_SACK_PERMITTED:
		if (len != 2)
			o->has |= OPT_BROKEN;
		else if (syn)
			o->has |= OPT_SACK_PERMITTED;
		break;
	case KIND_TS:
		if (len != 10)
			o->has |= OPT_BROKEN;
		else if (!(o->has & OPT_TS)) {
			o->has |= OPT_TS;
			o->tsval = get32(p + 2);
			o->tsecr = get32(p + 6);
		}
		break;
	case KIND_SACK:
		if (!syn && !(o->has & OPT_SACK))
			parse_sack(o, p, len);
		break;
	default:
		break; /* MUST-6 */
	}
}

#define LINUX_SYN_LEN 20

/* The order in which Linux and Android have a SYN's options: MSS, SACK permitted, timestamps, NOP, window scale. */
static bool parse_linux_syn(struct opts *o, const uint8_t *p)
{
	if (get32(p) >> 16 != 0x0204 || get32(p + 4) != 0x0402080a ||
	    get32(p + 16) >> 8 != 0x010303)
		return false;
	o->has = OPT_MSS | OPT_SACK_PERMITTED | OPT_TS | OPT_WSCALE;
	o->mss = get16(p + 2);
	o->tsval = get32(p + 8);
	o->tsecr = get32(p + 12);
	o->wscale = p[19] > OPT_MAX_WSCALE ? OPT_MAX_WSCALE : p[19];
	return true;
}

#define MSS_LEN 4

/* All that most floods put in. */
static bool parse_mss_only(struct opts *o, const uint8_t *p)
{
	if (get32(p) >> 16 != 0x0204)
		return false;
	o->has = OPT_MSS;
	o->mss = get16(p + 2);
	return true;
}

void opt_parse(struct opts *o, const uint8_t *p, unsigned len, bool syn)
{
	unsigned i = 0;

	o->has = 0;
	o->n_sack = 0;
	/* What nearly every segment of a connection with timestamps carries (RFC 7323 appendix A). */
	if (len == OPT_TS_LEN && get32(p) == 0x0101080a) {
		o->has = OPT_TS;
		o->tsval = get32(p + 4);
		o->tsecr = get32(p + 8);
		return;
	}
	if (syn && len == LINUX_SYN_LEN && parse_linux_syn(o, p))
		return;
	if (syn && len == MSS_LEN && parse_mss_only(o, p))
		return;
	while (i < len && p[i] != KIND_END) {
		if (p[i] == KIND_NOP) {
			i++;
			continue;
		}
		if (i + 2 > len || p[i + 1] < 2 || p[i + 1] > len - i) {
			o->has |= OPT_BROKEN;
			return;
		}
		parse_one(o, p + i, p[i + 1], syn);
		i += p[i + 1];
	}
}

static unsigned build_sack(uint8_t *out, unsigned at, const struct opts *o)
{
	unsigned n = o->n_sack, room = (OPT_MAX_LEN - at - 4) / 8;

	if (n > room)
		n = room;
	if (n == 0)
		return at;
	out[at] = KIND_NOP;
	out[at + 1] = KIND_NOP;
	out[at + 2] = KIND_SACK;
	out[at + 3] = (uint8_t)(2 + 8 * n);
	at += 4;
	for (unsigned i = 0; i < n; i++, at += 8) {
		put32(out + at, o->sack[i].start);
		put32(out + at + 4, o->sack[i].end);
	}
	return at;
}

unsigned opt_build(uint8_t out[OPT_MAX_LEN], const struct opts *o)
{
	unsigned at = 0;

	if (o->has & OPT_MSS) {
		put32(out, (uint32_t)KIND_MSS << 24 | 4u << 16 | o->mss);
		at = 4;
	}
	if (o->has & OPT_TS) {
		/* SACK-permitted takes the place of the two NOPs, as everybody does it on SYNs. */
		if (o->has & OPT_SACK_PERMITTED)
			put32(out + at, (uint32_t)KIND_SACK_PERMITTED << 24 | 2u << 16 | 0x080a);
		else
			put32(out + at, 0x0101080a);
		put32(out + at + 4, o->tsval);
		put32(out + at + 8, o->tsecr);
		at += OPT_TS_LEN;
	} else if (o->has & OPT_SACK_PERMITTED) {
		put32(out + at, 0x01010000 | (uint32_t)KIND_SACK_PERMITTED << 8 | 2u);
		at += 4;
	}
	if (o->has & OPT_WSCALE) {
		put32(out + at,
		    (uint32_t)KIND_NOP << 24 | (uint32_t)KIND_WSCALE << 16 | 3u << 8 | o->wscale);
		at += 4;
	}
	if (o->has & OPT_SACK)
		at = build_sack(out, at, o);
	return at;
}
