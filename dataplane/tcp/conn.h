/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/base/wheel.h"
#include "dataplane/net/pkt.h"
#include "dataplane/tcp/opt.h"
#include "dataplane/tcp/tcp.h"

/*
 * One connection: five cache lines, in the order in which a packet needs them. What exists
 * only after a loss is in struct conn_ext. RFC 9293 names for RFC 9293 variables.
 */

enum conn_flag {
	/* Agreed in the handshake. */
	CONN_SACK = 1 << 0,
	CONN_TS = 1 << 1,
	CONN_WSCALE = 1 << 2,
	CONN_ECN = 1 << 3,
	CONN_ACTIVE = 1 << 4, /* we opened it */
	/* ACKs owed. */
	CONN_ACK_NOW = 1 << 5,
	CONN_ACK_DELAYED = 1 << 6, /* dl_ack is armed */
	/* Membership in the stack's lists. */
	CONN_ON_READY = 1 << 7,
	CONN_ON_SEND = 1 << 8,
	CONN_ON_STARVED = 1 << 9,
	CONN_HASHED = 1 << 10,
	/* The user. */
	CONN_RELEASED = 1 << 11,
	CONN_DEAD = 1 << 12, /* goes back to the pool once it is on no list */
	CONN_WANT_WRITE = 1 << 13,
	CONN_COMMITTED = 1 << 14, /* since the last reserve: left-over room may be given back */
	/* The ends. */
	CONN_FIN_QUEUED = 1 << 15, /* asked for: it is in the send queue, or waits for an mbuf */
	CONN_FIN_IN_TXQ = 1 << 16,
	CONN_PEER_FIN = 1 << 17, /* reached in sequence */
	/* Sending. */
	CONN_PROBED =
	    1 << 18, /* a byte at snd_nxt went out as window probe: SND.MAX = snd_nxt + 1 */
	CONN_SYN_LOST = 1 << 19, /* RFC 6298 5.7, RFC 5681 3.1: IW and RTO are smaller after it */
	CONN_NODELAY_OFF = 1 << 20, /* Nagle's algorithm is on (MUST-17: it can be turned off) */
	CONN_RECOVERY = 1 << 21,    /* fast recovery until snd_una >= recover */
	CONN_LOSS = 1 << 22,        /* after an RTO until snd_una >= recover */
	CONN_CWR = 1 << 23,         /* reduced because of ECE, until snd_una >= recover */
	CONN_ECE_ECHO = 1 << 24,    /* RFC 3168: echo until the peer's CWR */
	CONN_SEND_CWR = 1 << 25,
	CONN_STATE_TIMER = 1 << 26, /* dl_state is armed */
	CONN_URGENT_IN = 1 << 27,   /* the peer's urgent data is not all read: ext->rcv_up */
	CONN_HYSTART_OFF = 1 << 28,
	CONN_ON_PACE = 1 << 29, /* waits for pace_us */
	CONN_KEEPALIVE = 1 << 30,
	CONN_ABORTED = 1u << 31, /* by the user: no further events */
};

/* What dl_rexmit is armed for: exactly one while there is anything to wait for. */
enum conn_timer {
	CONN_TIMER_NONE,
	CONN_TIMER_RTO,
	CONN_TIMER_TLP,     /* RFC 8985 7 */
	CONN_TIMER_REO,     /* RFC 8985 6.2 */
	CONN_TIMER_PERSIST, /* RFC 9293 3.8.6.1; also the override of 3.8.6.2.1 */
};

struct conn_ext;

struct tcp_conn {
	/* Line 0: who it is, and the receive fast path. */
	struct flow flow;
	uint32_t hash_next; /* struct table */
	uint32_t rcv_nxt;
	uint32_t snd_una;
	uint32_t snd_nxt;
	uint32_t flags; /* enum conn_flag */
	uint8_t state;  /* enum tcp_state */
	uint8_t laddr;  /* flow.local in struct addrs */
	uint8_t timer;  /* enum conn_timer */
	uint8_t backoff;

	/* Line 1: receiving. */
	uint32_t snd_wnd; /* scaled */
	uint32_t snd_wl1, snd_wl2;
	uint32_t ts_recent;
	uint32_t ts_recent_ms; /* when it was taken (RFC 7323 5.5) */
	uint32_t last_ack_sent;
	uint32_t rcv_adv;   /* right edge last advertised: never moves left */
	uint32_t rcv_avail; /* bytes in rxq */
	struct rte_mbuf *rxq_head, *rxq_tail;
	uint32_t rcv_truesize; /* bytes of memory pinned by rxq and the reassembly queue */
	uint32_t rcv_buf;      /* window, grows up to config.recv_buffer; see rxq_tune */
	uint32_t ts_off;
	uint8_t snd_wscale, rcv_wscale;
	uint16_t rcv_mss; /* largest segment the peer has sent */

	/* Line 2: sending. */
	struct rte_mbuf *txq_head; /* first unacknowledged, or first spare */
	struct rte_mbuf *txq_send; /* first unsent; NULL: none */
	struct rte_mbuf *txq_tail; /* last committed; NULL: none; spares hang behind it */
	uint32_t snd_lbb;          /* end of what is committed, FIN included */
	uint32_t cwnd, ssthresh;
	uint32_t snd_wnd_max; /* MAX.SND.WND (RFC 5961 5.2) */
	uint32_t srtt_us, rttvar_us, min_rtt_us;
	uint16_t dst_slot; /* struct dst_cache */
	uint16_t n_tx;     /* segments committed */
	uint16_t mss;      /* effective: payload bytes of a full segment */
	uint16_t peer_mss;
	uint32_t tune_us; /* when rxq_tune last looked */

	/* Line 3: after a loss, congestion control, statistics. */
	struct conn_ext *ext; /* NULL until it is needed */
	void *user;
	uint32_t cc[6];
	uint64_t bytes_acked, bytes_in;
	uint32_t index; /* in the stack's connections */
	uint16_t listener;
	uint8_t n_keepalive; /* probes sent without an answer */
	bool mss_proven;     /* a full segment has arrived: the path takes this size */

	/* Line 4: timers, lists. */
	struct wheel_node node;
	uint32_t dl_rexmit, dl_ack, dl_state; /* ms; valid while armed */
	uint32_t
	    progress_ms; /* when the peer last acknowledged something new or answered a probe */
	uint32_t ready_next, send_next, starved_next; /* index + 1 */
	uint16_t events;
	uint8_t dupacks;
	bool rcv_stood; /* since tune_us more came while most of the window waited for the user */
	uint32_t tune_seq; /* what the user had read at tune_us; see rxq_tune */
	uint32_t
	    pace_us; /* not before (low bits); in SYN-SENT and SYN-RECEIVED: when the SYN went */
} __attribute__((aligned(64)));

static_assert(offsetof(struct tcp_conn, snd_wnd) == 64, "line 1");
static_assert(offsetof(struct tcp_conn, txq_head) == 128, "line 2");
static_assert(offsetof(struct tcp_conn, ext) == 192, "line 3");
static_assert(offsetof(struct tcp_conn, node) == 256, "line 4");
static_assert(sizeof(struct tcp_conn) == 320, "five lines");

struct ooo;

/* Loss recovery and reassembly: taken from a pool when first needed, kept for the connection's life. */
struct conn_ext {
	/* Sender: bytes of SEG.LEN between snd_una and snd_nxt, by what is known of them. */
	uint32_t sacked;   /* RFC 2018: the peer holds them */
	uint32_t lost;     /* marked lost, whether sent again since or not */
	uint32_t resent;   /* retransmitted and still unacknowledged */
	uint32_t pending;  /* lost and not yet sent again */
	uint32_t n_sacked; /* segments */
	uint32_t recover;  /* end of the recovery episode (RFC 6582, RFC 6675 RecoveryPoint) */

	/* PRR (RFC 9937). */
	uint32_t prr_delivered, prr_out, recover_fs;

	/* Undo of a reduction that proves needless (RFC 4015, RFC 3708). */
	uint32_t undo_cwnd, undo_ssthresh;
	uint32_t undo_una;    /* snd_una when it was reduced */
	uint32_t undo_resent; /* retransmissions since, not yet found needless by DSACK */
	uint32_t undo_ts;     /* our timestamp then */
	uint64_t undo_us;     /* and the time */

	/* RACK-TLP (RFC 8985). */
	uint64_t rack_xmit_us;
	uint32_t rack_end, rack_rtt_us, rack_fack;
	uint32_t rack_dsack_round;
	uint8_t rack_mult, rack_persist;
	bool rack_reordering, rack_dsack_seen;
	bool can_undo, ts_undo;
	bool tlp_is_resend;
	bool tlp_open;
	uint32_t tlp_end;

	uint32_t resent_total, dsacks;
	/* After a black hole (RFC 4821): sizes as in peer_mss, from which options still take their part. */
	uint16_t mss_limit;     /* what is known to pass; 0: no hole suspected */
	uint16_t probe_mss;     /* the probe under way; 0: none */
	uint16_t probe_pending; /* of pending: a probe that failed, which is no congestion */
	uint32_t probe_ms;      /* the next one not before */
	uint32_t pmtu_ms;       /* when n_pmtu began to count */
	uint32_t challenge_ms;  /* when n_challenges began to count (RFC 5961 7) */
	uint8_t n_challenges;
	uint8_t n_useless;  /* changed SACKs in a row that said nothing new */
	uint64_t last_sack; /* all blocks of the last one, mixed */
	uint8_t n_pmtu;
	bool urgent_out; /* up to snd_up */
	uint32_t snd_up; /* the byte behind our urgent data (RFC 9293 3.8.5) */

	/* Receiver. */
	struct ooo *ooo;        /* NULL: no gap */
	struct opt_block dsack; /* to be reported next (RFC 2883); start == end: none */
	uint32_t rcv_up;        /* the byte behind the peer's; valid with CONN_URGENT_IN */
};

static inline uint32_t conn_snd_max(const struct tcp_conn *c)
{
	return c->snd_nxt + !!(c->flags & CONN_PROBED);
}

/* Bytes on the wire as far as known (RFC 6675 "pipe"). */
static inline uint32_t conn_in_flight(const struct tcp_conn *c)
{
	uint32_t n = c->snd_nxt - c->snd_una;

	if (c->ext)
		n = n - c->ext->sacked - c->ext->pending;
	return n;
}

/* The window as the peer knows it. */
static inline uint32_t conn_rcv_wnd(const struct tcp_conn *c)
{
	return c->rcv_adv - c->rcv_nxt;
}

/* The sequence number of what the user reads next. */
static inline uint32_t conn_read_seq(const struct tcp_conn *c)
{
	return c->rcv_nxt - c->rcv_avail - !!(c->flags & CONN_PEER_FIN);
}

static inline bool conn_is_synchronised(const struct tcp_conn *c)
{
	return c->state >= TCP_ESTABLISHED;
}

/* May still put data into its send queue. */
static inline bool conn_can_queue(const struct tcp_conn *c)
{
	return (c->state == TCP_ESTABLISHED || c->state == TCP_CLOSE_WAIT ||
		   c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED) &&
	    !(c->flags & CONN_FIN_QUEUED);
}

/* Takes a zeroed one with its flow set; NULL: none left. Not in the table yet. */
struct tcp_conn *conn_new(struct stack *s, const struct flow *flow, uint8_t laddr);

/* Puts it into the 4-tuple table. */
void conn_hash(struct tcp_conn *c);

/* The extension, made when there is none; there is one for every connection. */
struct conn_ext *conn_ext(struct tcp_conn *c);

/* The only place that changes the state; a move that RFC 9293 figure 5 does not know aborts. */
void conn_set_state(struct tcp_conn *c, enum tcp_state next);

/* Raises events for the user, who finds c by stack_ready_next. Nothing when c is released. */
void conn_raise(struct tcp_conn *c, unsigned events);

/* Puts c on the list that stack_tx works through. */
void conn_want_send(struct tcp_conn *c);

/* Out of mbufs: c is tried again, and told when it is the user who waits, at the next stack_timers. */
void conn_starve(struct tcp_conn *c);

/* An ACK goes out in this burst. */
static inline void conn_ack_now(struct tcp_conn *c)
{
	c->flags |= CONN_ACK_NOW;
	conn_want_send(c);
}

/*
 * The connection is over: out of the table, timers off, send and reassembly queues freed; what
 * can be read stays until the user lets go. events: why. Frees c when the user already let go.
 */
void conn_close(struct tcp_conn *c, unsigned events);

/* Lets go of the memory of a closed connection, or does so as soon as no list holds it. */
void conn_put(struct tcp_conn *c);
