/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/base/stats.h"
#include "dataplane/net/net.h"
#include "dataplane/net/wire.h"

/*
 * A net under test, and frames made by hand. Its ifaces:
 * 0: 02::1, 10.0.0.1/24 10.0.0.2/24 fd00::1/64, default routes by 10.0.0.254 and fd00::fe
 * 1: 02::11, VLAN 7, 10.1.0.1/24 fd01::1/64, MTU 9000
 */
struct fixture {
	struct net *net;
	struct stats stats;
	struct rte_mempool *pool;
	struct net_iface ifaces[2];
	struct net_config config;
	uint64_t now_us;
	struct pkt pkt;       /* of the last input */
	struct net_icmp icmp; /* of the last input */
	struct rte_mbuf *tcp; /* what the last input handed up, or NULL */
};

/* Sets the configuration; change it, then call fixture_net. */
void fixture_init(struct fixture *f);
void fixture_net(struct fixture *f);
/* Frees the net, and fails the test if an mbuf was lost. */
void fixture_fini(struct fixture *f);

/* cmocka set-up and tear-down of a default fixture in *state. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

extern const uint8_t mac_us[6], mac_us1[6], mac_peer[6], mac_router[6], mac_all[6];

struct frame {
	uint8_t b[70000];
	size_t len;
	size_t l3, l4;
};

struct ip_addr addr4(const char *text);
struct ip_addr addr6(const char *text);

/* Each appends a header to the frame. Sums and lengths are put in by frame_seal. */
void frame_eth(struct frame *f, const uint8_t dst[6], const uint8_t src[6], uint16_t type);
void frame_vlan(struct frame *f, uint16_t tci, uint16_t type);
struct wire_arp *frame_arp(struct frame *f, uint16_t op, const uint8_t sender_mac[6],
    const char *sender, const char *target);
struct wire_ip4 *frame_ip4(struct frame *f, const char *src, const char *dst, uint8_t proto);
struct wire_ip6 *frame_ip6(struct frame *f, const char *src, const char *dst, uint8_t next);
struct wire_tcp *frame_tcp(struct frame *f, uint16_t src, uint16_t dst, uint32_t seq);
struct wire_icmp *frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint32_t arg);
void *frame_bytes(struct frame *f, const void *data, size_t len);
void *frame_pattern(struct frame *f, size_t len);

/*
 * Lengths, IP checksum, and the checksum of TCP or ICMP if the layer behind the last IP header is
 * one; made the slow way, independent of the code under test.
 */
void frame_seal(struct frame *f);

/* Sum over bytes as RFC 1071 4.1 has it, byte pairs and all. */
uint16_t slow_checksum(const void *data, size_t len, uint32_t start);

/* A whole TCP packet from the peer to 10.0.0.1:443, or fd00::1. */
void frame_tcp4(struct frame *f, size_t payload);
void frame_tcp6(struct frame *f, size_t payload);

/* The frame as one mbuf, or cut into pieces of piece bytes; in exactly sized buffers. */
struct rte_mbuf *
frame_mbuf(struct fixture *fx, const struct frame *f, uint16_t iface, size_t piece);

/* Lets the net have it; a TCP packet handed up is in fx->tcp. */
enum net_verdict give(struct fixture *fx, const struct frame *f);
enum net_verdict give_on(struct fixture *fx, const struct frame *f, uint16_t iface, size_t piece,
    uint64_t flags, uint16_t vlan_tci);

/* The frame at the head of the send queue, copied out and freed; false: none. */
bool take(struct fixture *fx, struct frame *f, uint16_t *iface);
unsigned take_all(struct fixture *fx);

/* A TCP header with payload as TCP hands it to net_send_tcp. */
struct rte_mbuf *segment(struct fixture *fx, uint16_t sport, uint16_t dport, size_t payload);

/* Moves time on in steps, with net_timers run in each. */
void advance(struct fixture *fx, uint64_t us);

/* Makes the neighbour known. */
void resolve4(struct fixture *fx, const char *ip, const uint8_t mac[6]);
void resolve6(struct fixture *fx, const char *ip, const uint8_t mac[6]);
/* The advertisement that resolve6 sends; seal included. */
void frame_na(struct frame *f, const uint8_t dst[6], const char *src, const char *dst_ip,
    const char *target, uint32_t flags, const uint8_t *mac);
void frame_ns(struct frame *f, const uint8_t dst[6], const char *src, const char *dst_ip,
    const char *target, const uint8_t *mac);

#define assert_stat(fx, name, n) assert_int_equal((fx)->stats.v[STAT_##name], n)
