/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

/*
 * Counters of one worker: written by it alone, read by control at any time
 * without synchronisation (a 64-bit load may be slightly old, never torn).
 * Names are what operators see: X(ENUMERATOR, "prometheus_like_name"). Add a
 * line here for every new drop reason or event; nothing else has to change.
 * "drop_" counters are packets thrown away, one reason each. gauges go down too.
 * Counters of one family stand together, with a label: "family,label=\"value\"".
 */
#define STATS_LIST(X)                                               \
	/* port */                                                  \
	X(RX_PACKETS, "rx_packets")                                 \
	X(RX_BYTES, "rx_bytes")                                     \
	X(TX_PACKETS, "tx_packets")                                 \
	X(TX_BYTES, "tx_bytes")                                     \
	X(DROP_TX_FULL, "drop_tx_full")                             \
	X(DROP_TX_REFUSED, "drop_tx_refused")                       \
	X(DROP_PORT_GONE, "drop_port_gone")                         \
	X(TX_LATE, "tx_late")                                       \
	X(DROP_NO_MBUF, "drop_no_mbuf")                             \
	/* steer */                                                 \
	X(STEER_FORWARDED_HASH, "steer_forwarded,mode=\"hash\"")    \
	X(STEER_FORWARDED_FLOW, "steer_forwarded,mode=\"flow\"")    \
	X(STEER_FORWARDED_RING, "steer_forwarded,mode=\"ring\"")    \
	X(STEER_RECEIVED, "steer_received")                         \
	X(DROP_STEER_RING_FULL, "drop_steer_ring_full")             \
	X(STEER_COMPARED, "steer_compared")                         \
	X(STEER_COMPARED_HASH, "steer_compared_hash")               \
	X(STEER_WRONG_HASH, "steer_wrong_hash")                     \
	X(STEER_WRONG_QUEUE, "steer_wrong_queue")                   \
	/* net */                                                   \
	X(DROP_ETH_SHORT, "drop_eth_short")                         \
	X(DROP_ETH_NOT_OURS, "drop_eth_not_ours")                   \
	X(DROP_ETH_TYPE, "drop_eth_type")                           \
	X(DROP_VLAN, "drop_vlan")                                   \
	X(DROP_ARP_BAD, "drop_arp_bad")                             \
	X(DROP_ND_BAD, "drop_nd_bad")                               \
	X(DROP_IP_BAD_HEADER, "drop_ip_bad_header")                 \
	X(DROP_IP_BAD_CHECKSUM, "drop_ip_bad_checksum")             \
	X(DROP_IP_NOT_OURS, "drop_ip_not_ours")                     \
	X(DROP_IP_SOURCE, "drop_ip_bad_source")                     \
	X(DROP_IP_FRAGMENT, "drop_ip_fragment")                     \
	X(DROP_IP_OPTION, "drop_ip_extension_header")               \
	X(DROP_IP_PROTO, "drop_ip_protocol")                        \
	X(DROP_ICMP_BAD, "drop_icmp_bad")                           \
	X(DROP_NO_ROUTE, "drop_no_route")                           \
	X(DROP_NEIGH_QUEUE, "drop_neighbour_queue_full")            \
	X(DROP_NEIGH_UNRESOLVED, "drop_neighbour_unresolved")       \
	X(ARP_SENT, "arp_sent")                                     \
	X(ND_SENT, "nd_sent")                                       \
	X(MLD_SENT, "mld_reports_sent")                             \
	X(ICMP_ECHO_ANSWERED, "icmp_echo_answered")                 \
	X(ICMP_LIMITED, "icmp_rate_limited")                        \
	X(IP_REASSEMBLED, "ip_reassembled")                         \
	X(IP_REASSEMBLY_EVICTED, "ip_reassembly_evicted")           \
	X(IP_REASSEMBLY_TIMEOUT, "ip_reassembly_timeouts")          \
	X(DROP_NEIGH_TABLE, "drop_neighbour_table_full")            \
	X(NEIGH_FAILED, "neighbours_failed")                        \
	X(ADDRESS_CONFLICT, "address_conflicts")                    \
	X(ND_RA_IGNORED, "nd_router_advertisements_ignored")        \
	X(ICMP_IGNORED, "icmp_ignored")                             \
	X(ICMP_ERRORS_RECEIVED, "icmp_errors_received")             \
	X(ICMP_ERRORS_SENT, "icmp_errors_sent")                     \
	X(PMTU_LOWERED, "path_mtu_lowered")                         \
	/* tcp */                                                   \
	X(DROP_TCP_BAD_HEADER, "drop_tcp_bad_header")               \
	X(DROP_TCP_BAD_CHECKSUM, "drop_tcp_bad_checksum")           \
	X(DROP_TCP_NO_LISTENER, "drop_tcp_no_listener")             \
	X(DROP_TCP_OTHERS, "drop_tcp_other_worker")                 \
	X(DROP_TCP_LIMIT, "drop_tcp_limit")                         \
	X(DROP_TCP_MEMORY, "drop_tcp_memory")                       \
	X(DROP_TCP_PAWS, "drop_tcp_old_timestamp")                  \
	X(DROP_TCP_NO_TIMESTAMP, "drop_tcp_no_timestamp")           \
	X(DROP_TCP_OUT_OF_WINDOW, "drop_tcp_out_of_window")         \
	X(DROP_TCP_BAD_ACK, "drop_tcp_bad_ack")                     \
	X(DROP_TCP_ICMP, "drop_tcp_icmp_not_believed")              \
	X(TCP_RST_PORT, "tcp_resets_sent,reason=\"no_listener\"")   \
	X(TCP_RST_UNKNOWN, "tcp_resets_sent,reason=\"unknown\"")    \
	X(TCP_RST_ENDED, "tcp_resets_sent,reason=\"ended\"")        \
	X(TCP_RST_BAD_ACK, "tcp_resets_sent,reason=\"bad_ack\"")    \
	X(TCP_RST_UNREAD, "tcp_resets_sent,reason=\"unread\"")      \
	X(TCP_RST_ABORTED, "tcp_resets_sent,reason=\"aborted\"")    \
	X(TCP_RST_TIMEOUT, "tcp_resets_sent,reason=\"timeout\"")    \
	X(TCP_RST_RECEIVED, "tcp_resets_received")                  \
	X(TCP_ACKS_SENT, "tcp_pure_acks_sent")                      \
	X(TCP_CHALLENGES, "tcp_challenge_acks_sent")                \
	X(TCP_CHALLENGE_LIMITED, "tcp_challenge_acks_limited")      \
	X(TCP_SYNACK_RESENT, "tcp_synacks_repeated")                \
	X(TCP_SYN_TIMEOUTS, "tcp_open_timeouts")                    \
	X(TCP_COOKIES_SENT, "tcp_syn_cookies_sent")                 \
	X(TCP_COOKIES_GOOD, "tcp_syn_cookies_accepted")             \
	X(TCP_COOKIES_BAD, "tcp_syn_cookies_rejected")              \
	X(TCP_TW_EVICTED, "tcp_time_wait_evicted")                  \
	X(TCP_NO_PORT, "tcp_source_ports_exhausted")                \
	X(TCP_PORTS_REUSED, "tcp_source_ports_reused")              \
	X(TCP_OUT_OF_ORDER, "tcp_out_of_order")                     \
	X(TCP_RETRANSMITS, "tcp_retransmits")                       \
	X(TCP_FAST_RECOVERIES, "tcp_fast_recoveries")               \
	X(TCP_RTOS, "tcp_retransmission_timeouts")                  \
	X(TCP_TLPS, "tcp_tail_loss_probes")                         \
	X(TCP_UNDONE, "tcp_reductions_undone")                      \
	X(TCP_ECN_REDUCTIONS, "tcp_ecn_reductions")                 \
	X(TCP_PROBES, "tcp_window_probes")                          \
	X(TCP_PMTU_LOWERED, "tcp_path_mtu_lowered")                 \
	X(TCP_BLACK_HOLES, "tcp_black_holes_avoided")               \
	X(TCP_MTU_PROBES, "tcp_mtu_probes_sent")                    \
	X(TCP_KEEPALIVES, "tcp_keepalive_probes")                   \
	X(TCP_TIMEOUTS, "tcp_timeouts")                             \
	/* worker */                                                \
	X(BUSY_CYCLES, "busy_cycles_total")                         \
	X(LOOPS, "loops_total")                                     \
	X(LOOPS_BUSY, "loops_busy_total")                           \
	X(SLEEPS, "sleeps_total")                                   \
	X(DROP_MAILBOX_FULL, "drop_mailbox_full")                   \
	X(BIND_ERRORS, "bind_errors_total")                         \
	/* relay */                                                 \
	X(CONNECTIONS_ACCEPTED, "connections_accepted_total")       \
	X(CONNECTIONS_ACTIVE, "connections_active")                 \
	X(CONNECTIONS_REJECTED, "connections_rejected_total")       \
	X(HANDSHAKES_DONE, "tls_handshakes_total")                  \
	X(HANDSHAKES_RESUMED, "tls_handshakes_resumed_total")       \
	X(HANDSHAKES_FAILED, "client_tls_negotiation_errors_total") \
	X(HANDSHAKES_TIMEOUT, "tls_handshake_timeouts_total")       \
	X(BACKEND_CONNECTED, "backend_connections_total")           \
	X(BACKEND_FAILED, "backend_connection_errors_total")        \
	X(BACKEND_EJECTED, "backend_targets_ejected_total")         \
	X(IDLE_TIMEOUTS, "idle_timeouts_total")                     \
	X(BYTES_CLIENT_IN, "bytes_from_client_total")               \
	X(BYTES_CLIENT_OUT, "bytes_to_client_total")                \
	X(TLS_RECORD_ERRORS, "tls_record_errors_total")             \
	X(TRUNCATED, "tls_truncations_total")                       \
	X(TARGET_TLS_FAILED, "backend_tls_failures_total")          \
	X(TARGET_RECORD_ERRORS, "backend_tls_record_errors_total")  \
	X(TARGET_TRUNCATED, "backend_tls_truncations_total")        \
	X(PROXY_HEADERS, "proxy_headers_total")                     \
	X(PROXY_HEADERS_BAD, "proxy_header_errors_total")           \
	X(LOG_LOST, "connection_log_lost_total")                    \
	X(REFUSED_RATE, "handshakes_refused_rate_total")            \
	X(REFUSED_AT_ONCE, "handshakes_refused_at_once_total")      \
	X(REFUSED_SOURCE, "handshakes_refused_source_total")        \
	X(REFUSED_BUSY, "handshakes_refused_busy_total")            \
	X(HANDSHAKES_RESERVED, "handshakes_reserved_total")         \
	X(HANDSHAKE_COHORTS, "handshake_cohorts_total")

enum stat {
#define X(name, text) STAT_##name,
	STATS_LIST(X)
#undef X
	STAT_N
};

struct stats {
	uint64_t v[STAT_N];
} __attribute__((aligned(64)));

/* One event; s must not be NULL. */
static inline void stats_inc(struct stats *s, enum stat i)
{
	s->v[i]++;
}

static inline void stats_add(struct stats *s, enum stat i, uint64_t n)
{
	s->v[i] += n;
}

/* The counter's public name and label, without the "sallyport_" prefix; never NULL for i < STAT_N. */
const char *stats_name(enum stat i);

/* The label's comma in a name, or its end: up to there it is the family, and from there it goes between braces. */
const char *stats_label(const char *name);
