/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <rte_mbuf.h>

#include "dataplane/net/net.h"

struct stats;

/*
 * One worker's TCP/IP: packets and time in, packets and events out (tcp.md 4). No clock, no
 * port, no log, no global, no callbacks into the user, no allocation after stack_new
 * but from the pools given to it. A struct tcp_conn belongs to the user from the moment
 * it is handed out (stack_ready_next with TCP_EV_ESTABLISHED, or tcp_connect)
 * until tcp_release, and stays valid until then whatever the peer does.
 */
struct tcp_conn;
struct stack;

enum tcp_event {
	TCP_EV_ESTABLISHED = 1 << 0, /* accepted by a listener, or tcp_connect has succeeded */
	TCP_EV_READABLE = 1 << 1,    /* tcp_rx_view has more than before */
	TCP_EV_WRITABLE = 1 << 2, /* tcp_tx_space grew after a reserve got less than it asked for */
	TCP_EV_PEER_FIN =
	    1 << 3,            /* the peer's FIN was reached: no more data after what is in view */
	TCP_EV_RESET = 1 << 4, /* RST received, or tcp_connect refused (RFC 9293 MUST-12) */
	TCP_EV_TIMEOUT = 1 << 5, /* gave up: R2, user timeout, keepalive, unreachable */
	TCP_EV_CLOSED = 1 << 6,  /* both directions are finished and acknowledged */
	TCP_EV_URGENT = 1 << 7,  /* tcp_rx_urgent has grown (RFC 9293 MUST-32) */
};

enum tcp_cc_kind {
	TCP_CC_CUBIC,
	TCP_CC_NEWRENO
};

struct stack_config {
	struct net_config net;
	struct rte_mempool
	    *pool;          /* borrowed: headers and payload, >= 2048 B rooms + 128 headroom */
	uint32_t max_mbufs; /* mbufs that TCP's queues may hold; 0: three quarters of the pool */
	uint32_t max_conns; /* established and opening, both roles */
	uint32_t max_syn_received; /* 0: max_conns / 4; past it cookies answer */
	uint32_t max_time_wait;    /* 0: max_conns */
	uint32_t
	    send_buffer; /* bytes a connection may have queued at most (grows with cwnd); 0: 4 MiB */
	uint32_t recv_buffer;           /* largest receive window (grows with use); 0: 6 MiB */
	uint32_t rto_min_us;            /* 0: 200,000 */
	uint32_t time_wait_us;          /* 2 MSL (MUST-13); 0: 60,000,000 */
	uint32_t delayed_ack_us;        /* < 500,000 (MUST-40); 0: 40,000 */
	uint32_t syn_retries;           /* of SYN and SYN-ACK, <= 100; 0: R2 >= 3 min (MUST-23) */
	uint32_t user_timeout_us;       /* no progress for so long: given up (RFC 5482); 0: 600 s */
	uint32_t keepalive_idle_ms;     /* 0: 2 h (MUST-28); only for tcp_keepalive connections */
	uint32_t keepalive_interval_ms; /* 0: 75 s */
	uint32_t keepalive_count;       /* unanswered probes before TIMEOUT; 0: 9 */
	enum tcp_cc_kind cc;
	bool pacing;               /* spread segments over the round trip, from 2 ms on */
	bool no_ecn;               /* do not negotiate ECN (RFC 3168) */
	bool history;              /* remember what happens to connections (check.h); 4 KB each */
	uint8_t cookie_secret[32]; /* shared by the workers: ISNs, cookies, timestamp offsets */
	uint32_t max_port_sets; /* (own address, target) with connections; 0: 256, at most 4096 */
	/*
	 * True when packets of this flow will arrive at this worker: a pure function, asked
	 * when a source port is chosen. NULL: always true.
	 */
	bool (*flow_is_ours)(const void *arg, const struct flow *flow);
	/*
	 * The same of 64 flows, which differ in their local ports: flow->local_port, a multiple of 64, and
	 * those after it; bit i is the i-th's. NULL: flow_is_ours is asked for each.
	 */
	uint64_t (*ports_are_ours)(const void *arg, const struct flow *flow);
	const void *flow_arg;
};

/* Makes one; NULL when memory is short. The caller owns it. */
struct stack *stack_new(const struct stack_config *config, uint64_t now_us);

/* Frees it with all connections (nothing is sent) and packets; NULL is fine. */
void stack_free(struct stack *s);

/* The IP layer below, for neighbours that other workers learned. */
struct net *stack_net(struct stack *s);

/* Takes n received frames; m->port is the iface number. */
void stack_rx(struct stack *s, struct rte_mbuf *const pkts[], unsigned n, uint64_t now_us);

/* Runs what is due, at most budget items; returns when to call again, in µs. */
uint64_t stack_timers(struct stack *s, uint64_t now_us, unsigned budget);

/*
 * Sends what connections have to send (ACKs noted during the burst, data committed since) and
 * takes up to max complete frames; out[i]->port is the iface. The caller owns them. Call until
 * it returns less than max.
 */
unsigned stack_tx(struct stack *s, struct rte_mbuf *out[], unsigned max, uint64_t now_us);

/*
 * Packets put together here from fragments, of flows that stack_config.flow_is_ours does not claim: complete
 * frames for the worker that does. Ask after each stack_rx: what is not taken waits for the next call, as
 * long as there is room. The caller owns them.
 */
unsigned stack_strays(struct stack *s, struct rte_mbuf *out[], unsigned max);

/*
 * Takes one connection that has events, each once per burst; NULL when there is none. *events
 * gets TCP_EV_* bits that were raised since it was last handed out.
 */
struct tcp_conn *stack_ready_next(struct stack *s, unsigned *events);

/* --- listeners --- */

/*
 * Accepts connections to ip:port; ip all-zero: any local address. user is handed to
 * accepted connections as tcp_listener_user. 0, or -1 when it exists or the table is full.
 */
int tcp_listen(struct stack *s, const struct ip_addr *ip, uint16_t port, void *user);

/* Stops accepting: later SYNs get RST, half-open ones are dropped, connections live on. */
void tcp_unlisten(struct stack *s, const struct ip_addr *ip, uint16_t port);

/* --- connections --- */

struct tcp_target {
	struct ip_addr ip;
	uint16_t port;
	/* Local addresses to choose from; NULL: the route's, and when its ports are used up the others of its net. */
	const struct ip_addr *sources;
	unsigned n_sources;
};

enum tcp_error {
	TCP_OK,
	TCP_ERR_NO_ROUTE,
	TCP_ERR_NO_PORT,   /* no free 4-tuple whose return flow lands here */
	TCP_ERR_NO_MEMORY, /* max_conns, or mbufs below the reserve */
};

/* Opens a connection. NULL with *error set when it cannot even start. user: tcp_user. */
struct tcp_conn *tcp_connect(struct stack *s, const struct tcp_target *target, void *user,
    uint64_t now_us, enum tcp_error *error);

void *tcp_user(const struct tcp_conn *c);
void tcp_set_user(struct tcp_conn *c, void *user);

/*
 * Probes an idle peer, or stops doing so (MUST-24, MUST-25: off by default). Of the accepted or opened connection c
 * only; times are the stack's.
 */
void tcp_keepalive(struct tcp_conn *c, bool on);

/* Nagle's algorithm (RFC 9293 3.7.4, MUST-17): off by default, TCP_MORE does better. */
void tcp_nagle(struct tcp_conn *c, bool on);

/* Whether anybody listens with user, or a connection or half-open one that came to it is left. Looks at all. */
bool tcp_listener_is_used(const struct stack *s, const void *user);

/* What tcp_listen was given; NULL for connections we opened. */
void *tcp_listener_user(const struct tcp_conn *c);

const struct flow *tcp_flow(const struct tcp_conn *c);

/* Borrows what has arrived in order and was not consumed: returns iovecs filled, at most max. */
unsigned tcp_rx_view(const struct tcp_conn *c, struct iovec *iov, unsigned max);

/* The same, but no more iovecs than want bytes need: what is behind them is not looked at. */
unsigned tcp_rx_view_of(const struct tcp_conn *c, uint32_t want, struct iovec *iov, unsigned max);

/* Bytes in the view altogether, also past max iovecs. */
uint32_t tcp_rx_available(const struct tcp_conn *c);

/* Gives back the first n bytes of the view; opens the window. n <= tcp_rx_available. */
void tcp_rx_consume(struct tcp_conn *c, uint32_t n);

/*
 * Bytes from the view's beginning to the end of the peer's urgent data, which may still be under way; 0: none.
 * Urgent data stays in line (RFC 9293 3.8.5, MUST-33; RFC 6093).
 */
uint32_t tcp_rx_urgent(const struct tcp_conn *c);

/* True once the peer's FIN is there: no byte will come behind those in the view. */
bool tcp_rx_is_complete(const struct tcp_conn *c);

/* True once everything before the peer's FIN was consumed. */
bool tcp_rx_is_finished(const struct tcp_conn *c);

/*
 * Borrows room in send buffers for up to want bytes, cut at segment boundaries: returns the number
 * of iovecs, at most max; 0 when the send queue is full or mbufs are short (then TCP_EV_WRITABLE
 * follows). Room not committed stays lent until the next reserve or, when something was committed, the
 * next stack_tx, which gives back what was not used.
 */
unsigned tcp_tx_reserve(struct tcp_conn *c, uint32_t want, struct iovec *iov, unsigned max);

enum tcp_push {
	TCP_MORE, /* more follows soon: a partial segment may wait for it */
	TCP_PUSH,
};

/* Sends the first n bytes of what tcp_tx_reserve lent out. */
void tcp_tx_commit(struct tcp_conn *c, uint32_t n, enum tcp_push push);

/*
 * All that is committed is urgent: the peer is told so at once, a closed window notwithstanding, and with
 * every segment until the last byte has arrived (RFC 9293 3.8.5, MUST-30; for new protocols see RFC 6093 5).
 */
void tcp_tx_urgent(struct tcp_conn *c);

/* Bytes that the send queue would take now. */
uint32_t tcp_tx_space(const struct tcp_conn *c);

/* Bytes committed and not yet acknowledged. */
uint32_t tcp_tx_unacked(const struct tcp_conn *c);

/* FIN after what is committed; reserve and commit end here. Receiving goes on. */
void tcp_shutdown(struct tcp_conn *c);

/* RST, queues dropped. The user still has to release c. No further events. */
void tcp_abort(struct tcp_conn *c);

/*
 * The user's hands off: c is invalid afterwards. What is committed is still sent, then FIN if
 * not yet asked for; unread or later data is answered with RST (RFC 2525 2.17), and FIN-WAIT-2
 * is limited in time.
 */
void tcp_release(struct tcp_conn *c);

enum tcp_state {
	TCP_CLOSED,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
	TCP_N_STATES,
};

struct tcp_info {
	enum tcp_state state;
	uint32_t srtt_us, rttvar_us, rto_us, min_rtt_us;
	uint32_t cwnd, ssthresh; /* bytes */
	uint32_t rcv_buf;        /* receive window that tuning allows now */
	uint32_t snd_una, snd_nxt, snd_wnd;
	uint32_t rcv_nxt, rcv_wnd;
	uint16_t mss; /* effective, options subtracted (MUST-16) */
	uint8_t snd_wscale, rcv_wscale;
	bool sack, timestamps, ecn;
	uint64_t retransmits, dsacks, bytes_in, bytes_out;
};

void tcp_info_get(const struct tcp_conn *c, struct tcp_info *info);

struct stack_info {
	uint32_t n_state[TCP_N_STATES]; /* connections (and mini-blocks) in each state */
	uint32_t n_held_mbufs;          /* mbufs in all queues of this stack */
	uint32_t n_conns_free;
	uint32_t n_ports_taken;      /* of connections that we opened, TIME-WAIT included */
	uint32_t n_ports_free_least; /* towards the target that has fewest left; nearly exact */
	struct net_verdict_tx offloads[NET_MAX_IFACES];
};

void stack_info_get(const struct stack *s, struct stack_info *info);
