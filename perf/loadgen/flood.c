/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "dataplane/net/net.h"
#include "dataplane/port/port.h"
#include "perf/loadgen/gen.h"

/*
 * SYNs of 64 bytes (with the FCS a wire would add) from sources in 198.18.0.0/15, the range for
 * benchmarks (RFC 2544 C.2.2), with random ports and sequence numbers. No options but the MSS.
 */
#define BURST  32
#define SOURCE 0xc6120000u
#define TARGET 0x0a500001u

struct frame {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr tcp;
	uint8_t mss[4];
	uint8_t pad[2];
} __attribute__((packed, aligned(2)));
_Static_assert(sizeof(struct frame) == 60, "the least that Ethernet carries");

struct flood {
	struct frame frame;
	uint64_t random;
	bool ready;
	unsigned pause; /* loops to let pass: the ring was full */
	unsigned backoff;
};

int flood_init(struct gen *g)
{
	struct flood *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	f->random = rte_rdtsc() | 1;
	f->frame = (struct frame){
		.ip = { .version_ihl = 0x45,
		    .total_length = rte_cpu_to_be_16(44),
		    .fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		    .time_to_live = 64,
		    .next_proto_id = 6,
		    .dst_addr = rte_cpu_to_be_32(TARGET) },
		.tcp = { .dst_port = rte_cpu_to_be_16(443),
		    .data_off = 6 << 4,
		    .tcp_flags = RTE_TCP_SYN_FLAG,
		    .rx_win = rte_cpu_to_be_16(64240) },
		.mss = { 2, 4, 1460 >> 8, 1460 & 255 },
	};
	g->flood = f;
	return 0;
}

/* The gateway's address is known once somebody spoke to it. */
static bool learn_gateway(struct gen *g)
{
	struct flood *f = g->flood;
	struct ip_addr local = { .w = { 0, 0, rte_cpu_to_be_32(0xffff),
				     rte_cpu_to_be_32(0x0a500002) } };
	struct ip_addr remote = { .w = {
				      0, 0, rte_cpu_to_be_32(0xffff), rte_cpu_to_be_32(TARGET) } };
	struct net_dst dst;

	if (!f->ready && net_route(stack_net(g->stack), &local, &remote, &dst) && dst.resolved) {
		memcpy(&f->frame.eth, dst.header + sizeof(dst.header) - dst.l3_len - dst.l2_len,
		    sizeof(f->frame.eth));
		f->ready = true;
	}
	return f->ready;
}

static uint64_t draw(struct flood *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

static void write_syn(struct flood *f, struct rte_mbuf *m)
{
	struct frame *frame = rte_pktmbuf_mtod(m, struct frame *);
	uint64_t r = draw(f);

	*frame = f->frame;
	frame->ip.src_addr = rte_cpu_to_be_32(SOURCE | (uint32_t)(r & 0x1ffff));
	frame->tcp.src_port = (uint16_t)(r >> 17);
	frame->tcp.sent_seq = (uint32_t)(r >> 32);
	frame->ip.hdr_checksum = rte_ipv4_cksum(&frame->ip);
	frame->tcp.cksum = rte_ipv4_udptcp_cksum(&frame->ip, &frame->tcp);
	m->data_len = sizeof(*frame);
	m->pkt_len = sizeof(*frame);
}

/*
 * As fast as they are taken, and not faster: a ring kept full by the flood would lose the legitimate
 * packets here, in the generator, where nobody could tell.
 */
unsigned flood_send(struct gen *g)
{
	struct flood *f = g->flood;
	struct rte_mbuf *out[BURST];
	uint64_t lost = g->stats.v[STAT_DROP_TX_FULL];

	if (f->pause > 0) {
		f->pause--;
		return 0;
	}
	if (!learn_gateway(g) || rte_pktmbuf_alloc_bulk(g->pool, out, BURST) != 0)
		return 0;
	for (unsigned i = 0; i < BURST; i++)
		write_syn(f, out[i]);
	port_tx(g->ports[0], 0, out, BURST, g->pool, &g->stats);
	lost = g->stats.v[STAT_DROP_TX_FULL] - lost;
	g->results.flooded += BURST - lost;
	if (lost > 0) {
		f->backoff = f->backoff < 64 ? f->backoff * 2 + 1 : 127;
		f->pause =
		    64 + f->backoff; /* long enough for some room, short enough to keep it busy */
	} else if (f->backoff > 0) {
		f->backoff--;
	}
	return BURST;
}

unsigned flood_filter(struct gen *g, struct rte_mbuf **pkts, unsigned n)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct frame *f = rte_pktmbuf_mtod(pkts[i], const struct frame *);

		if (pkts[i]->data_len >= 54 && f->eth.ether_type == RTE_BE16(0x0800) &&
		    (rte_be_to_cpu_32(f->ip.dst_addr) & 0xfffe0000u) == SOURCE) {
			g->results.flood_answers++;
			rte_pktmbuf_free(pkts[i]);
		} else {
			pkts[left++] = pkts[i];
		}
	}
	return left;
}
