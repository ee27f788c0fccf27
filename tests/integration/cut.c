/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/integration/cut.h"

#include <net/ethernet.h>
#include <string.h>

#define ETH 14u
#define IP6 40u

struct packet {
	const uint8_t *frame;
	uint32_t head; /* Ethernet and IP header */
	uint32_t len;  /* of the payload behind it */
	bool ip6;
	uint32_t id;
};

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static bool read_frame(struct packet *p, const uint8_t *frame, uint32_t len)
{
	const uint8_t *ip = frame + ETH;
	uint32_t total;

	p->frame = frame;
	if (len < ETH + IP6)
		return false;
	p->ip6 = get16(frame + 12) == ETHERTYPE_IPV6;
	if (p->ip6) {
		p->head = ETH + IP6;
		total = IP6 + get16(ip + 4);
		/* TCP, UDP, ICMP; what has extension headers is left alone. */
		if (ip[6] != 6 && ip[6] != 17 && ip[6] != 58)
			return false;
	} else {
		if (get16(frame + 12) != ETHERTYPE_IP || get16(ip + 6) & 0x3fff)
			return false;
		p->head = ETH + (ip[0] & 15u) * 4;
		total = get16(ip + 2);
	}
	if (ETH + total > len || ETH + total < p->head)
		return false;
	p->len = ETH + total - p->head;
	return true;
}

/* RFC 791 3.1 */
static void head4(uint8_t *ip, const struct packet *p, uint32_t off, uint32_t n, bool more)
{
	uint32_t len = p->head - ETH, sum = 0;

	put16(ip + 2, len + n);
	put16(ip + 4, p->id);
	put16(ip + 6, off / 8 | (more ? 0x2000 : 0));
	put16(ip + 10, 0);
	for (uint32_t i = 0; i < len; i += 2)
		sum += get16(ip + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~sum);
}

/* RFC 8200 4.5: the fragment header comes between. */
static void head6(uint8_t *ip, const struct packet *p, uint32_t off, uint32_t n, bool more)
{
	uint8_t *h = ip + IP6;

	put16(ip + 4, 8 + n);
	h[0] = ip[6];
	h[1] = 0;
	ip[6] = 44;
	put16(h + 2, off | more);
	put16(h + 4, p->id >> 16);
	put16(h + 6, p->id);
}

static void add(struct cut *c, const struct packet *p, uint32_t off, uint32_t n, bool more)
{
	uint8_t *to = c->bytes[c->n];
	uint32_t extra = p->ip6 ? 8 : 0;

	memcpy(to, p->frame, p->head);
	memcpy(to + p->head + extra, p->frame + p->head + off, n);
	if (p->ip6)
		head6(to + ETH, p, off, n, more);
	else
		head4(to + ETH, p, off, n, more);
	c->len[c->n++] = p->head + extra + n;
}

bool cut_frame(
    struct cut *c, const uint8_t *frame, uint32_t len, uint32_t size, uint32_t id, bool clash)
{
	struct packet p = { .id = id };

	c->n = 0;
	if (!read_frame(&p, frame, len) || p.len <= size + 8 || p.len / size + 2 > CUT_PIECES ||
	    p.head + 8 + size + 8 > CUT_FRAME)
		return false;
	for (uint32_t off = 0; off < p.len; off += size) {
		bool more = off + size < p.len;

		add(c, &p, off, more ? size : p.len - off, more);
		if (clash && off == 0)
			add(c, &p, 0, size + 8, true);
	}
	return true;
}
