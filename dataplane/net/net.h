/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/net/pkt.h"

struct stats;

/*
 * Ethernet, VLAN, ARP, IPv6 neighbour discovery, IPv4, IPv6 and ICMP for one
 * worker, without I/O: packets and time go in, packets come out of a queue, no
 * clock, no log, no global, no allocation after net_new. dataplane/tcp stands on it.
 *
 * Every worker keeps a neighbour table of its own, so nothing is shared; what one
 * learns it also reports (net_learned_next), and control tells the others
 * (net_learn), since with several queues only one of them sees the answer.
 *
 * Supported: IPv4 and IPv6 hosts' part with static addresses and routes; one VLAN per iface;
 * reassembly (no fragmentation on output: DF, RFC 6864); path MTU; ARP and neighbour discovery
 * with announcements at the start; MLD reports for solicited-node groups. An address is
 * answered for only on its own iface (RFC 1122 3.3.4.2, strong end system). Every iface with an
 * IPv6 address also has fe80::EUI-64. Not supported, on purpose: duplicate address
 * detection, router advertisements, redirects, source routing, jumbograms, QinQ.
 */

#define NET_MAX_IFACES    8
#define NET_MAX_ADDRESSES 16
#define NET_MAX_ROUTES    64

/*
 * What the device says it does for us on transmit and receive (else: software). Of what it says about
 * transmit, net believes nothing that has not been seen to work (net_offload_choose).
 */
enum net_offload {
	NET_RX_CHECKSUM = 1 << 0, /* mbuf RX flags say good/bad; UNKNOWN is verified here */
	NET_TX_IP_CHECKSUM =
	    1 << 1, /* with TSO only; without, IPv4 headers are whole before they are cut */
	NET_TX_TCP_CHECKSUM = 1 << 2, /* pseudo header sum is put in place by us */
	NET_TX_TSO = 1 << 3,
};

struct net_addr {
	struct ip_addr ip;
	uint8_t prefix; /* 0..128; an IPv4 /24 is 120 here */
};

struct net_route {
	struct ip_addr to;
	uint8_t prefix; /* as in net_addr */
	struct ip_addr via;
};

struct net_iface {
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t vlan;     /* 802.1Q id; 0: untagged */
	uint32_t offloads; /* enum net_offload */
	struct net_addr addresses[NET_MAX_ADDRESSES];
	unsigned n_addresses;
	struct net_route routes[NET_MAX_ROUTES];
	unsigned n_routes;
};

struct net_config {
	const struct net_iface *ifaces; /* copied; index = iface number = mbuf->port on input */
	unsigned n_ifaces;
	struct rte_mempool
	    *pool;           /* borrowed; for packets we make (ARP, ND, ICMP); rooms as for TCP */
	struct stats *stats; /* borrowed, for the life of the net */
	uint8_t secret[16];  /* keys for hashes an attacker must not guess */
	unsigned max_neighbours; /* besides the routers in routes; 0: 1024 */
	unsigned
	    max_fragments; /* reassemblies under way; 0: 64. They hold at most 16 mbufs each on average */
};

/* Makes one; NULL when memory is short. The caller owns it. */
struct net *net_new(const struct net_config *config);

/* Frees it with every packet it holds; NULL is fine. */
void net_free(struct net *n);

/* The iface as configured (MTU, offloads, addresses); i < n_ifaces. */
const struct net_iface *net_iface(const struct net *n, unsigned i);
unsigned net_n_ifaces(const struct net *n);

/* True when ip is one of our addresses; *iface is set then, if not NULL. */
bool net_is_local(const struct net *n, const struct ip_addr *ip, uint16_t *iface);

enum net_verdict {
	NET_TAKEN, /* answered, kept or dropped; the counters know */
	NET_TCP,   /* a TCP packet for us: the caller owns m, pkt is filled in */
	NET_ICMP,  /* an ICMP error about a TCP packet of ours: m was freed, icmp is filled in */
};

/* An ICMP error, with what it quotes (RFC 792, RFC 4443; judged by RFC 5927 in TCP). */
struct net_icmp {
	enum {
		NET_ICMP_SOFT,
		NET_ICMP_HARD,
		NET_ICMP_TOO_BIG
	} kind;
	struct flow flow; /* the quoted packet, seen from us: it went local -> remote */
	uint32_t seq;     /* quoted TCP sequence number, host order */
	uint32_t mtu;     /* TOO_BIG: next-hop MTU as told; 0: not told (RFC 1191 plateau) */
};

/*
 * Has fetched into the cache, meanwhile, what net_input will read of m: to be called for a frame two or three
 * before its turn. Without NET_RX_CHECKSUM that is all of it, and another core or the device wrote it.
 */
void net_prefetch(const struct net *n, const struct rte_mbuf *m);

/*
 * Runs one received frame through Ethernet, VLAN, IP and what lies beside TCP.
 * Takes m in every case but NET_TCP. m->port is the iface number. A NET_TCP packet has at
 * least 20 bytes of TCP header in its first segment, its IP and TCP checksums verified
 * (pkt->l4_checked false only when the TCP checksum is bad: then it is dropped here and
 * counted, so never seen by the caller), source and destination unicast. What was reassembled
 * or pulled together keeps m as its head. TCP options are in the first segment too, if the
 * headers before them are of usual length; the caller checks nevertheless.
 */
enum net_verdict net_input(
    struct net *n, struct rte_mbuf *m, uint64_t now_us, struct pkt *pkt, struct net_icmp *icmp);

/*
 * The short way for m when what came just before, in the same burst, was NET_TCP as seen says and still is as net_input left
 * it: true when m's frame and IPv4 header say the same in all that net_input judges by, so that the verdict is the same, too,
 * and what is m's own, its length and both checksums, is right. Then m's pkt is seen but for
 * l4_len, which is all that follows in the mbuf. False: net_input has to judge it. Only reads.
 */
bool net_input_alike(struct net *n, const struct rte_mbuf *m, const struct rte_mbuf *before,
    const struct pkt *seen, uint16_t *l4_len);

/*
 * Where a flow goes: filled by net_route once per connection, valid until net_generation
 * changes (a neighbour moved, a route was replaced, a path MTU changed), then asked again.
 */
struct net_dst {
	uint32_t generation;
	uint16_t iface;
	uint16_t mtu;       /* path MTU of this destination (RFC 1191, RFC 8201) */
	uint8_t header[64]; /* Ethernet, VLAN and IP header template; ends where TCP begins */
	uint8_t l2_len;     /* 14 or 18 */
	uint8_t l3_len;     /* 20 or 40 */
	bool resolved;      /* the neighbour's MAC is known and in the template */
	uint16_t neigh;     /* its entry, if resolved */
	struct ip_addr next_hop;
	/* net_send_tcp's own: */
	uint64_t addr_sum;  /* of the pseudo header's addresses */
	uint32_t ip_sum;    /* of the IPv4 header without length and ECN */
	uint32_t label_key; /* of the IPv6 flow label (RFC 6437) */
};

/*
 * Fills dst for packets from local to remote. Source may be all-zero: then the address of the
 * outgoing iface in the right family is chosen and written to *local. Among equally long
 * prefixes the iface that has *local wins. False: no route, or remote is no other host's
 * unicast address (MUST-46). A link-local remote is on the iface of *local.
 */
bool net_route(
    struct net *n, struct ip_addr *local, const struct ip_addr *remote, struct net_dst *dst);

uint32_t net_generation(const struct net *n);

/* TCP header and payload of a packet that the device cuts: IP has 16 bits for its length. */
#define NET_TSO_MAX (65535u - 20)

/* How a TCP packet is to be sent, beside its two bits of IP ECN. */
enum net_how {
	NET_ECN = 3,
	NET_PLAIN = 1
	    << 2, /* a repetition: all in software, in one piece, whatever the device did to the first */
	NET_TRY = 1 << 3, /* with the device's checksum, though on trial */
};

/*
 * Sends a TCP packet: m's data starts at the TCP header (checksum field zero; m may be a chain)
 * and its first segment is writable with at least 64 bytes of headroom. Puts IP, VLAN and
 * Ethernet in front, fills in lengths, checksums or offload flags (l2_len, l3_len, l4_len,
 * ol_flags; with m->tso_segsz set: TSO), and queues it. An unresolved neighbour is asked for,
 * and m waits in a short queue. Takes m. how: enum net_how.
 */
void net_send_tcp(struct net *n, struct net_dst *dst, const struct flow *flow, struct rte_mbuf *m,
    uint8_t how, uint64_t now_us);

#define NET_RUN_HEADERS \
	96 /* Ethernet with a tag, IPv6, and TCP with timestamps, rounded up to whole vectors */

/* The headers of a packet that net_send_tcp sent, for others of the same connection and length right behind it. */
struct net_run {
	uint16_t payload; /* bytes; 0: nothing is noted */
	uint16_t iface;
	uint8_t len, tcp_len; /* of all headers, and of TCP's */
	uint64_t sum;         /* of the pseudo header */
	uint8_t
	    headers[NET_RUN_HEADERS]; /* end where the payload begins; the TCP checksum is zero */
};

/*
 * As net_send_tcp; and when all of m was made by software and is on its way, in one piece, it is noted in run. What is
 * noted holds until anything else is asked of n.
 */
void net_send_tcp_noted(struct net *n, struct net_dst *dst, const struct flow *flow,
    struct rte_mbuf *m, uint8_t how, uint64_t now_us, struct net_run *run);

/*
 * Sends m, one mbuf with the payload alone, run->payload bytes behind NET_RUN_HEADERS of headroom, behind the headers of
 * the run but for sequence number and flags. Takes m.
 */
void net_send_tcp_next(
    struct net *n, const struct net_run *run, struct rte_mbuf *m, uint32_t seq, uint8_t flags);

/*
 * Transmit offloads are on trial until peers have shown by their acknowledgements that they work, for each iface
 * and IP version: first the TCP checksum, then TSO and with it the gathering of chains. What the device
 * may be asked to do with a segment to dst that goes for the first time: what is believed,
 * and every other time what is on trial. *trial is that one, or 0; what became of the segment is
 * then to be told to net_offload_judge. Repetitions go NET_PLAIN: a device that lies costs
 * the first connections a retransmission each, and no connection.
 */
uint32_t net_offload_choose(struct net *n, const struct net_dst *dst, uint32_t *trial);

/* arrived: at the first try. Else software had to make the segment again for the peer to take it. */
void net_offload_judge(struct net *n, const struct net_dst *dst, uint32_t trial, bool arrived);

struct net_verdict_tx {
	uint32_t believed,
	    refuted; /* NET_TX_TCP_CHECKSUM, NET_TX_TSO; in one IP version at least */
};

void net_offload_verdict(const struct net *n, unsigned iface, struct net_verdict_tx *out);

/* As net_send_tcp without a connection: a RST or a SYN cookie back the way pkt came from. */
void net_reply_tcp(struct net *n, const struct pkt *pkt, struct rte_mbuf *m, uint64_t now_us);

/* A path MTU learned by TCP from a NET_ICMP_TOO_BIG it believed; floors 552 and 1280 applied. */
void net_pmtu_set(struct net *n, const struct ip_addr *remote, uint32_t mtu, uint64_t now_us);

/* Takes up to max queued frames; out[i]->port is the iface to send by. The caller owns them. */
unsigned net_tx(struct net *n, struct rte_mbuf *out[], unsigned max);

/* How many more frames the queue takes before net_send_tcp drops (and counts) them. */
unsigned net_tx_space(const struct net *n);

/*
 * mbufs in queues: frames to send, packets that wait for a neighbour, fragments. Walks them, for accounting
 * and tests; not for the packet path.
 */
unsigned net_held_mbufs(const struct net *n);

/*
 * Ages neighbours, repeats questions, expires fragments and path MTUs. At most budget
 * items of work. Returns the time of the next call in µs (never more than a second ahead; now_us:
 * the budget was too small for what is due). The first call announces our addresses.
 */
uint64_t net_timers(struct net *n, uint64_t now_us, unsigned budget);

/* A neighbour's address, learned on the wire. */
struct net_neigh {
	struct ip_addr ip;
	uint16_t iface;
	uint8_t mac[6];
};

/* Takes the oldest of what was learned or changed since the last call; false: nothing. */
bool net_learned_next(struct net *n, struct net_neigh *out);

/* Puts in what another worker learned; is not reported again by net_learned_next. */
void net_learn(struct net *n, const struct net_neigh *neigh, uint64_t now_us);
