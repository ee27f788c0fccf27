/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A NIC that claims more than it does, for lies.sh. Preloaded, it stands between the daemon and ethdev: every device
 * says that it spreads flows by RSS, verifies checksums and makes them, and all of that is done here, behind
 * the device's own receive and transmit functions. What LIAR names is claimed and not done:
 *
 *   hash         hands up another hash than the one it spreads flows by
 *   queue        spreads flows by another table than the one it tells
 *   rx-checksum  calls every checksum good
 *   tx-checksum  leaves TCP's checksum as it finds it
 *   tso          sends the beginning of a segment that it should cut (claimed only to be lied about)
 *
 * The hash is DPDK's rte_softrss, which shares nothing with the daemon's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_tcp.h>
#include <rte_thash.h>

#define KEY        40
#define TABLE      128
#define MAX_QUEUES 16
#define RING       2048
#define WIRE       1514 /* what a frame is cut off at */
#define HASHES                                                                \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | \
	    RTE_ETH_RSS_NONFRAG_IPV6_TCP)
#define RX_CLAIMS \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_RSS_HASH)
#define TX_CLAIMS (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM)

static struct {
	bool hash, queue, rx_checksum, tx_checksum, tso;
} lies;

static struct device {
	uint64_t rx_offloads, tx_offloads; /* asked of us */
	unsigned n_queues;
	uint8_t key[KEY];
	uint16_t table[TABLE];
	struct rte_ring *to[MAX_QUEUES]; /* packets that came by another queue than their own */
} devices[RTE_MAX_ETHPORTS];

/* --- ethdev's own ------------------------------------------------------------------------------ */

static struct {
	int (*info_get)(uint16_t, struct rte_eth_dev_info *);
	int (*configure)(uint16_t, uint16_t, uint16_t, const struct rte_eth_conf *);
	int (*start)(uint16_t);
} ethdev;

static void *next(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL) {
		fprintf(stderr, "liar: no %s\n", name);
		abort();
	}
	return f;
}

static bool take_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	return strncmp(text, word, n) == 0 && (text[n] == '\0' || text[n] == ',');
}

__attribute__((constructor)) static void begin(void)
{
	const struct {
		const char *word;
		bool *lie;
	} words[] = { { "hash", &lies.hash }, { "queue", &lies.queue },
		{ "rx-checksum", &lies.rx_checksum }, { "tx-checksum", &lies.tx_checksum },
		{ "tso", &lies.tso } };
	const char *text = getenv("LIAR");

	*(void **)&ethdev.info_get = next("rte_eth_dev_info_get");
	*(void **)&ethdev.configure = next("rte_eth_dev_configure");
	*(void **)&ethdev.start = next("rte_eth_dev_start");
	for (; text != NULL && *text != '\0'; text += strcspn(text, ","), text += *text == ',') {
		bool is_known = false;

		for (unsigned i = 0; i < RTE_DIM(words); i++) {
			if (!take_word(text, words[i].word))
				continue;
			*words[i].lie = true;
			is_known = true;
		}
		if (!is_known) {
			fprintf(stderr, "liar: cannot lie about '%s'\n", text);
			abort();
		}
	}
}

/* --- packets ----------------------------------------------------------------------------------- */

/* Where a TCP segment over IPv4 or IPv6, neither fragment nor tagged, has what; false: it is none. */
struct parts {
	struct rte_ipv4_hdr *ip4; /* or */
	struct rte_ipv6_hdr *ip6;
	struct rte_tcp_hdr *tcp;
	uint16_t tcp_at;
};

static bool find_parts(struct rte_mbuf *m, struct parts *p)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	unsigned at = sizeof(*eth);
	uint8_t proto = 0;

	memset(p, 0, sizeof(*p));
	if (m->data_len >= at + sizeof(struct rte_ipv4_hdr) &&
	    eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
		p->ip4 = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, at);
		at += rte_ipv4_hdr_len(p->ip4);
		if ((p->ip4->fragment_offset &
			RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)) == 0)
			proto = p->ip4->next_proto_id;
	} else if (m->data_len >= at + sizeof(struct rte_ipv6_hdr) &&
	    eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
		p->ip6 = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, at);
		at += sizeof(*p->ip6);
		proto = p->ip6->proto;
	}
	if (proto != IPPROTO_TCP || m->data_len < at + sizeof(*p->tcp))
		return false;
	p->tcp = rte_pktmbuf_mtod_offset(m, struct rte_tcp_hdr *, at);
	p->tcp_at = (uint16_t)at;
	return true;
}

static uint32_t hash_of(const struct device *d, const struct parts *p)
{
	union rte_thash_tuple tuple;

	memset(&tuple, 0, sizeof(tuple));
	if (p->ip6 != NULL) {
		rte_thash_load_v6_addrs(p->ip6, &tuple);
		tuple.v6.sport = rte_be_to_cpu_16(p->tcp->src_port);
		tuple.v6.dport = rte_be_to_cpu_16(p->tcp->dst_port);
		return rte_softrss((uint32_t *)&tuple, RTE_THASH_V6_L4_LEN, d->key);
	}
	tuple.v4.src_addr = rte_be_to_cpu_32(p->ip4->src_addr);
	tuple.v4.dst_addr = rte_be_to_cpu_32(p->ip4->dst_addr);
	tuple.v4.sport = rte_be_to_cpu_16(p->tcp->src_port);
	tuple.v4.dport = rte_be_to_cpu_16(p->tcp->dst_port);
	return rte_softrss((uint32_t *)&tuple, RTE_THASH_V4_L4_LEN, d->key);
}

/* The queue of m, which gets the hash it goes by, or another. */
static unsigned spread(const struct device *d, struct rte_mbuf *m, const struct parts *p)
{
	uint32_t hash = hash_of(d, p);
	unsigned queue = d->table[hash % TABLE];

	m->hash.rss = lies.hash ? hash ^ 0x5a : hash;
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	return lies.queue ? (queue + 1) % d->n_queues : queue;
}

static bool is_intact(const struct rte_mbuf *m, const struct parts *p)
{
	if (p->ip6 != NULL)
		return rte_ipv6_udptcp_cksum_mbuf_verify(m, p->ip6, p->tcp_at) == 0;
	return rte_ipv4_udptcp_cksum_mbuf_verify(m, p->ip4, p->tcp_at) == 0;
}

static void verify(struct rte_mbuf *m, const struct parts *p)
{
	bool is_good = lies.rx_checksum || is_intact(m, p);

	m->ol_flags |= is_good ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : RTE_MBUF_F_RX_L4_CKSUM_BAD;
	if (p->ip4 != NULL)
		m->ol_flags |=
		    lies.rx_checksum || rte_raw_cksum(p->ip4, rte_ipv4_hdr_len(p->ip4)) == 0xffff
		    ? RTE_MBUF_F_RX_IP_CKSUM_GOOD
		    : RTE_MBUF_F_RX_IP_CKSUM_BAD;
}

/* What a device brought is sorted into the queues it should have come by. */
static uint16_t
received(uint16_t dev, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, uint16_t max, void *arg)
{
	struct device *d = arg;

	(void)dev;
	for (uint16_t i = 0; i < n; i++) {
		unsigned to = 0; /* ARP and the like */
		struct parts p;

		if (find_parts(pkts[i], &p)) {
			if (d->rx_offloads & RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
				verify(pkts[i], &p);
			to = spread(d, pkts[i], &p);
		}
		if (rte_ring_enqueue(d->to[to], pkts[i]) != 0)
			rte_pktmbuf_free(pkts[i]);
	}
	return (uint16_t)rte_ring_dequeue_burst(d->to[queue], (void **)pkts, max, NULL);
}

static void cut_off(struct rte_mbuf *m)
{
	struct rte_mbuf *s = m;
	unsigned left = WIRE;

	if (m->pkt_len <= WIRE)
		return;
	for (; s->data_len < left; s = s->next)
		left -= s->data_len;
	s->data_len = (uint16_t)left;
	m->pkt_len = WIRE;
	rte_pktmbuf_free(s->next);
	s->next = NULL;
	m->nb_segs = 1;
	for (s = m; s->next != NULL; s = s->next)
		m->nb_segs++;
}

/* As a device would on the way to the wire. What has been done is not asked for any more: a frame may come again. */
static uint16_t sent(uint16_t dev, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, void *arg)
{
	const uint64_t asked =
	    RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM;

	(void)dev;
	(void)queue;
	(void)arg;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct parts p;

		if ((m->ol_flags & asked) == 0 || !find_parts(m, &p))
			continue;
		if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
			cut_off(m);
		else if (!lies.tx_checksum &&
		    (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM) {
			p.tcp->cksum = 0;
			p.tcp->cksum = p.ip6 != NULL
			    ? rte_ipv6_udptcp_cksum_mbuf(m, p.ip6, p.tcp_at)
			    : rte_ipv4_udptcp_cksum_mbuf(m, p.ip4, p.tcp_at);
		}
		if (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) {
			p.ip4->hdr_checksum = 0;
			p.ip4->hdr_checksum = rte_ipv4_cksum(p.ip4);
		}
		m->ol_flags &= ~asked;
	}
	return n;
}

/* --- in the place of ethdev's: what the daemon's calls come to ----------------------------------- */

int rte_eth_dev_info_get(uint16_t dev, struct rte_eth_dev_info *info)
{
	int rc = ethdev.info_get(dev, info);

	if (rc != 0)
		return rc;
	info->driver_name = "net_liar";
	info->flow_type_rss_offloads = HASHES;
	info->hash_key_size = KEY;
	info->reta_size = TABLE;
	info->rx_offload_capa |= RX_CLAIMS;
	info->tx_offload_capa |= TX_CLAIMS;
	if (lies.tso)
		info->tx_offload_capa |= RTE_ETH_TX_OFFLOAD_TCP_TSO;
	else
		info->tx_offload_capa &= ~RTE_ETH_TX_OFFLOAD_TCP_TSO;
	return 0;
}

/* The device itself hears only of what it can, and spreads flows as it likes. */
int rte_eth_dev_configure(
    uint16_t dev, uint16_t n_rx, uint16_t n_tx, const struct rte_eth_conf *conf)
{
	struct device *d = &devices[dev];
	struct rte_eth_conf plain = *conf;

	if (n_rx == 0 || n_rx > MAX_QUEUES)
		return -EINVAL;
	d->n_queues = n_rx;
	d->rx_offloads = conf->rxmode.offloads;
	d->tx_offloads = conf->txmode.offloads;
	if (conf->rx_adv_conf.rss_conf.rss_key != NULL)
		memcpy(d->key, conf->rx_adv_conf.rss_conf.rss_key, KEY);
	for (unsigned i = 0; i < TABLE; i++)
		d->table[i] = (uint16_t)(i % n_rx);
	plain.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	memset(&plain.rx_adv_conf, 0, sizeof(plain.rx_adv_conf));
	plain.rxmode.offloads &= ~RX_CLAIMS;
	plain.txmode.offloads &= ~(TX_CLAIMS | RTE_ETH_TX_OFFLOAD_TCP_TSO);
	return ethdev.configure(dev, n_rx, n_tx, &plain);
}

int rte_eth_dev_start(uint16_t dev)
{
	struct device *d = &devices[dev];
	int rc = ethdev.start(dev);

	for (uint16_t q = 0; rc == 0 && q < d->n_queues; q++) {
		char name[RTE_RING_NAMESIZE];

		snprintf(name, sizeof(name), "liar %u %u", dev, q);
		d->to[q] = rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
		if (d->to[q] == NULL)
			return -ENOMEM;
	}
	for (uint16_t q = 0; rc == 0 && q < d->n_queues; q++)
		if (rte_eth_add_rx_callback(dev, q, received, d) == NULL ||
		    rte_eth_add_tx_callback(dev, q, sent, d) == NULL)
			rc = -ENOMEM;
	return rc;
}

int rte_eth_dev_rss_hash_update(uint16_t dev, struct rte_eth_rss_conf *conf)
{
	if (conf->rss_key != NULL)
		memcpy(devices[dev].key, conf->rss_key, KEY);
	return 0;
}

int rte_eth_dev_rss_hash_conf_get(uint16_t dev, struct rte_eth_rss_conf *conf)
{
	conf->rss_hf = HASHES;
	if (conf->rss_key != NULL && conf->rss_key_len >= KEY)
		memcpy(conf->rss_key, devices[dev].key, KEY);
	return 0;
}

int rte_eth_dev_rss_reta_query(uint16_t dev, struct rte_eth_rss_reta_entry64 *groups, uint16_t size)
{
	if (size != TABLE)
		return -EINVAL;
	for (unsigned i = 0; i < TABLE; i++)
		groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
		    devices[dev].table[i];
	return 0;
}

int rte_eth_dev_rss_reta_update(
    uint16_t dev, struct rte_eth_rss_reta_entry64 *groups, uint16_t size)
{
	if (size != TABLE)
		return -EINVAL;
	for (unsigned i = 0; i < TABLE; i++)
		devices[dev].table[i] =
		    groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	return 0;
}
