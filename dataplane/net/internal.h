/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/base/siphash.h"
#include "dataplane/base/stats.h"
#include "dataplane/net/net.h"
#include "dataplane/net/wire.h"

/* What the files of this folder share. Nobody outside includes it, but their tests. */

#define NEIGH_NONE    0xffff
#define NEIGH_WAITING 8 /* packets that wait for one neighbour (RFC 1122 2.3.2.2: at least 1) */

#define FRAG_PARTS 48 /* a 65,535-byte datagram in 1,480-byte pieces needs 45 */

/*
 * How much of a frame is made contiguous, if it is that long: Ethernet, VLAN, the larger of an IPv4
 * header with options and an IPv6 header with IP6_MAX_EXTENSIONS bytes of extension headers, and
 * a TCP header with options.
 */
#define IP6_MAX_EXTENSIONS 256
#define PULL_BYTES         384

/* --- time --- */

/*
 * A token bucket as the time at which it would be full again (GCRA): allows one event per
 * interval and bursts of burst events.
 */
struct bucket {
	uint64_t full_at_us;
	uint32_t interval_us;
	uint32_t burst;
};

static inline bool bucket_take(struct bucket *b, uint64_t now_us)
{
	uint64_t at = b->full_at_us > now_us ? b->full_at_us : now_us;

	if (at - now_us > (uint64_t)b->interval_us * (b->burst - 1))
		return false;
	b->full_at_us = at + b->interval_us;
	return true;
}

/* --- neighbours --- */

enum neigh_state {
	NEIGH_FREE,
	NEIGH_ASKING,    /* no MAC, questions are out (INCOMPLETE) */
	NEIGH_FAILED,    /* no MAC, no answer: packets are dropped until the hold-down is over */
	NEIGH_REACHABLE, /* confirmed less than NEIGH_REACHABLE_US ago */
	NEIGH_STALE,     /* MAC known, not confirmed lately; probed as soon as it is used */
	NEIGH_PROBE,     /* MAC known and in use, unicast probes are out */
	NEIGH_N_STATES,
};

struct neigh {
	struct ip_addr ip;
	uint64_t state_us;    /* when the state began, or was confirmed again */
	uint64_t used_us;     /* net_send_tcp used the MAC */
	uint64_t due_us;      /* when the state wants to be looked at again */
	uint64_t reported_us; /* to net_learned_next; 0: never */
	uint16_t iface;
	uint16_t hash_next;
	uint8_t mac[6];
	uint8_t state;   /* enum neigh_state */
	uint8_t asks;    /* questions since the state began */
	uint8_t backoff; /* failures in a row */
	uint8_t n_waiting;
	bool is_pinned; /* next hop of a configured route: kept resolved, never evicted */
	bool is_wanted; /* we had something to send to it; else only heard of */
	struct rte_mbuf *waiting[NEIGH_WAITING]; /* complete frames but for the target's MAC */
};

struct neigh_table {
	struct neigh *entries;
	uint16_t *heads; /* hash -> entry index, or NEIGH_NONE */
	uint32_t head_mask;
	uint16_t n_entries;
	uint16_t free;              /* list through hash_next */
	uint16_t hand;              /* where the search for a victim goes on */
	uint16_t n_high;            /* entries from here on never were used */
	uint16_t n_asking, n_heard; /* without a MAC; not wanted */
	uint16_t last;              /* that was wanted */
	uint32_t n_waiting;
	struct bucket questions;
	struct net_neigh *learned; /* ring */
	uint32_t learned_mask, learned_head, learned_tail;
};

/* --- routes --- */

struct route {
	struct ip_addr to, mask, via; /* via all-zero: on link */
	uint8_t prefix;
	bool is_v4;
	uint16_t iface;
};

/* The way of the last answer (route_back); one by the same next hop differs in the remote address only. */
struct way_back {
	const struct route *route; /* NULL: nothing is remembered */
	struct ip_addr local;
	struct net_dst dst;
};

/* --- fragments --- */

struct frag_part {
	uint16_t off, len; /* of the fragmentable part, bytes */
	struct rte_mbuf *m;
};

struct frag_entry {
	struct ip_addr src, dst;
	uint32_t id;
	uint16_t iface;
	uint8_t proto; /* IPv4 only; 0 for IPv6 */
	bool is_dead;  /* overlapped: what is still to come is dropped as well (RFC 5722) */
	uint16_t n_parts, n_segs;
	uint32_t bytes, total; /* total 0: the last fragment is missing */
	uint64_t started_us;
	uint32_t hash;
	uint16_t next_in_hash, newer, older;
	uint16_t l3_off,
	    head_len;     /* of the first fragment: where IP and the data behind it begin */
	uint8_t ecn_seen; /* 1 << ECN bits of each fragment */
	bool is_multicast;
	struct frag_part parts[FRAG_PARTS]; /* sorted by off */
};

struct frag_table {
	struct frag_entry *entries;
	uint16_t *heads;
	uint32_t head_mask;
	uint16_t n_entries, free, oldest, newest;
	uint32_t n_segs, max_segs; /* mbufs held */
};

/* --- path MTU --- */

struct pmtu {
	struct ip_addr remote;
	uint64_t set_us; /* 0: free */
	uint16_t mtu;
};

#define PMTU_SETS 128
#define PMTU_WAYS 4

/* --- all of it --- */

struct local {
	struct ip_addr ip;
	uint32_t v4_net, v4_broadcast; /* host order; equal: no broadcast address (/31, /32) */
	uint16_t iface;
	uint8_t prefix;
	bool is_link_local; /* made from the MAC, not configured */
};

/* What is known of transmit offloads of an iface, for one IP version; bits of enum net_offload. */
struct offload {
	uint32_t believed, refuted;
	uint32_t on_trial; /* at most one */
	uint16_t n_good, n_bad;
	uint8_t turn;
};

struct iface {
	struct net_iface conf;
	struct offload offload[2]; /* IPv4, IPv6 */
	struct ip_addr link_local; /* fe80::EUI-64 (RFC 4291 2.5.1) */
	uint16_t l2_len;           /* 14, or 18 with a VLAN tag */
};

#define NET_MAX_LOCALS (NET_MAX_IFACES * (NET_MAX_ADDRESSES + 1))

struct net {
	struct iface ifaces[NET_MAX_IFACES];
	unsigned n_ifaces;
	struct local locals[NET_MAX_LOCALS];
	unsigned n_locals;
	struct route *routes; /* longest prefix first */
	unsigned n_routes;
	struct way_back back;

	struct rte_mempool *pool;
	struct stats *stats;
	struct siphash_key key;
	uint32_t generation;
	uint64_t now_us; /* of the last call that told */

	struct neigh_table neighs;
	struct frag_table frags;
	struct pmtu pmtus[PMTU_SETS][PMTU_WAYS];
	unsigned n_pmtus;
	struct bucket echoes, errors, answers, defences;

	struct rte_mbuf **tx;
	uint32_t tx_head, tx_tail; /* tail - head are queued */

	/* Where the timers' sweep stands. */
	uint64_t sweep_us; /* when the next one begins */
	uint32_t sweep_at;
	uint8_t sweep_step; /* 0: between sweeps, 1: neighbours, 2: path MTUs */
	uint64_t announce_us;
	uint8_t announced;
};

#define NET_TX_QUEUE 16384

/* Makes every struct net_dst stale; 0 is left out, being what a zeroed one has. */
static inline void generation_next(struct net *n)
{
	if (++n->generation == 0)
		n->generation = 1;
}

/* A received frame on its way up. */
struct in {
	struct net *n;
	struct rte_mbuf *m;
	uint64_t now_us;
	struct pkt *pkt;
	struct net_icmp *icmp;
	const struct iface *iface;
	uint16_t l3_off;
	bool is_l2_multicast; /* sent to a broadcast or multicast MAC */
	bool is_multicast;    /* sent to one of our IPv6 groups */
	bool is_unspecified;  /* sent from :: */
	bool is_reassembled;
	bool has_fragment_header;
	/* Filled in by ip4 and ip6. */
	uint16_t l4_off, l4_len;
	uint8_t proto;
};

/* Frees the frame and counts why. */
static inline enum net_verdict in_drop(struct in *in, enum stat why)
{
	stats_inc(in->n->stats, why);
	rte_pktmbuf_free(in->m);
	return NET_TAKEN;
}

/* Whether another station on the link can have this MAC: no group, not zero, not ours. */
static inline bool in_mac_is_good(const struct in *in, const uint8_t mac[6])
{
	return rte_is_valid_assigned_ether_addr((const struct rte_ether_addr *)mac) &&
	    memcmp(mac, in->iface->conf.mac, 6) != 0;
}

/* The bytes of the first segment from off on. */
static inline void *in_at(const struct in *in, uint32_t off)
{
	return rte_pktmbuf_mtod_offset(in->m, void *, off);
}

/* mbufs.c */
bool mbuf_is_writable(const struct rte_mbuf *m);
bool mbuf_pull(struct rte_mbuf *m, uint32_t n);
void mbuf_cut(struct rte_mbuf *m, uint32_t len);
bool mbuf_take_header(struct rte_mbuf *m, const void *header, uint16_t len);

/* input: each takes in->m but for NET_TCP */
enum net_verdict arp_input(struct in *in);
enum net_verdict ip4_input(struct in *in);
enum net_verdict ip6_input(struct in *in);
enum net_verdict icmp4_input(struct in *in);
enum net_verdict icmp6_input(struct in *in);
enum net_verdict nd_input(struct in *in);
enum net_verdict tcp_deliver(struct in *in);
/* Of in->m from l4_off on, by the device's word where it is taken. */
bool tcp_checksum_is_good(const struct in *in);

/* True once in->m is the whole datagram; else in->m was taken. */
bool frag_input(
    struct in *in, uint32_t id, uint32_t off, bool more, uint16_t data_off, uint16_t data_len);
bool frag_new(struct frag_table *t, unsigned n_entries);
void frag_free(struct frag_table *t);
/* Expires what is too old; at most budget entries. Returns how many. */
unsigned frag_expire(struct net *n, uint64_t now_us, unsigned budget);

/* Answers the datagram in in->m with an ICMP error, if that is allowed. Borrows in->m. */
void icmp_error(struct in *in, uint8_t type, uint8_t code, uint32_t arg);

/* Puts IP and Ethernet in front of m, an ICMP message, and queues it; takes m. */
void ip_send(struct net *n, struct rte_mbuf *m, const struct ip_addr *local,
    const struct ip_addr *remote, uint16_t iface, uint8_t proto);

/* ARP and ND questions and announcements. mac NULL: to everybody. */
void arp_ask(struct net *n, uint16_t iface, const struct ip_addr *target, const uint8_t *mac);
void arp_announce(struct net *n, uint16_t iface, const struct ip_addr *ip);
void nd_ask(struct net *n, uint16_t iface, const struct ip_addr *target, const uint8_t *mac);
void nd_announce(struct net *n, uint16_t iface, const struct ip_addr *ip);

/* Record types of a report (RFC 3810 5.2.12): listening still, and listening from now on, to all. */
enum {
	MLD_IS_EXCLUDE = 2,
	MLD_TO_EXCLUDE = 4,
};
void mld_report(struct net *n, uint16_t iface, uint8_t type);
enum net_verdict mld_query_input(struct in *in);

/* output */
/* A frame to dst with a zeroed payload of len bytes in *payload; NULL, counted, without mbufs. */
struct rte_mbuf *frame_new(struct net *n, uint16_t iface, const uint8_t dst[6], uint16_t type,
    uint16_t len, void **payload);
/* Writes source, tag and type of an Ethernet header of f->l2_len bytes; the target is left. */
void eth_write(const struct iface *f, uint8_t *header, uint16_t type);
/* Queues a complete frame for net_tx; takes m. */
void tx_put(struct net *n, struct rte_mbuf *m);

/* offloads: all that conf.offloads names go on trial */
void offload_init(struct iface *f);

/* routes */
bool route_new(struct net *n);
/* The route for remote, preferring iface (or none: 0xffff) among equals; NULL: none. */
const struct route *route_find(const struct net *n, const struct ip_addr *remote, uint16_t iface);
/* The address of ours to use towards next_hop on that iface; NULL: none of that family. */
const struct ip_addr *
route_source(const struct net *n, uint16_t iface, const struct ip_addr *next_hop);
bool route_is_on_link(const struct net *n, uint16_t iface, const struct ip_addr *ip);
bool net_route_by(struct net *n, struct ip_addr *local, const struct ip_addr *remote,
    uint16_t iface, struct net_dst *dst);
/*
 * The way an answer to pkt goes, as net_route_by finds it, but for the MTU: that may be of another destination, as
 * answers are small. NULL: none. Valid until the next call. Under a flood of SYNs most of it is the last one's.
 */
const struct net_dst *route_back(struct net *n, const struct pkt *pkt);
const struct local *local_find(const struct net *n, const struct ip_addr *ip, uint16_t iface);

/* neighbours */
bool neigh_new(struct net *n, unsigned n_entries);
void neigh_free(struct net *n);
void neigh_pin(struct net *n, uint16_t iface, const struct ip_addr *ip);
uint16_t neigh_find(const struct net *n, uint16_t iface, const struct ip_addr *ip);
/* Makes the neighbour wanted and returns its MAC's entry, or NEIGH_NONE when that is not known. */
uint16_t neigh_want(struct net *n, uint16_t iface, const struct ip_addr *ip);
/* Keeps m, a frame without a target MAC, until the neighbour answers; takes m. */
void neigh_wait(
    struct net *n, uint16_t iface, const struct ip_addr *ip, struct rte_mbuf *m, uint64_t now_us);

enum neigh_news {
	NEIGH_HEARD = 1 << 0,       /* its address, in passing */
	NEIGH_CONFIRMED = 1 << 1,   /* an answer to a question of ours */
	NEIGH_CREATE = 1 << 2,      /* worth an entry even if we do not know it yet */
	NEIGH_KEEP_MAC = 1 << 3,    /* must not replace another MAC (ND: no override flag) */
	NEIGH_SECOND_HAND = 1 << 4, /* from another worker: do not report */
};
void neigh_update(struct net *n, uint16_t iface, const struct ip_addr *ip, const uint8_t mac[6],
    unsigned news, uint64_t now_us);
/* Looks at up to budget entries, starting with *at; *at is 0 again when all were seen. */
unsigned neigh_sweep(struct net *n, uint64_t now_us, uint32_t *at, unsigned budget);

/* path MTU */
/* What is known about the way to remote, at most mtu. */
uint16_t pmtu_get(const struct net *n, const struct ip_addr *remote, uint16_t mtu);
/* Forgets what is older than ten minutes; looks at sets from *at on, at most budget. */
unsigned pmtu_sweep(struct net *n, uint64_t now_us, uint32_t *at, unsigned budget);
