/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/stats.h"
#include "dataplane/tcp/tcp.h"
#include "tests/tcp/script.h"
#include "tests/tcp/trace.h"

/*
 * A scripted peer in virtual time around one struct stack: it sends and expects segments
 * as lines (script.h), answers ARP and neighbour solicitations by itself, plays the user of
 * the connection, and owns the clock. After everything it does, it lets the stack
 * run until nothing moves, and checks what must always hold: frames are well formed, payload is
 * the pattern that was written, tcp_check finds nothing, mbufs in = out + held.
 *
 * Sequence numbers start at 0xffffff00 on both sides: the stack's clock is set so
 * that the ISN (RFC 6528) of the first connection comes out there.
 */
#define PEER_ISN         0xffffff00u
#define PEER_PORT        40000u
#define PEER_LISTEN_PORT 443u
#define PEER_MAX_CONNS   16u
#define PEER_MAX_QUEUE   4096u

struct peer_config {
	bool ip6;
	uint16_t mtu;              /* of the stack's iface; 0: so that our MSS is 1460 */
	uint32_t isn;              /* of the peer; 0: PEER_ISN */
	uint64_t start_us;         /* 0: so that the stack's ISN is PEER_ISN */
	uint32_t offloads;         /* enum net_offload of the iface */
	unsigned pool_mbufs;       /* a pool of its own of this size; 0: a large shared one */
	bool ecn;                  /* the stack offers ECN; off, so that lines need not say so */
	bool echoes;               /* ICMP that is no error may be sent (fuzzed echo requests) */
	bool loose_mbufs;          /* do not compare the pool with what the stack says it holds */
	struct stack_config stack; /* net, pool and secrets are filled in */
};

/* What relative numbers are relative to, and what was seen of one flow. */
struct peer_flow {
	uint16_t local_port, remote_port;
	uint32_t stack_isn, right_edge, last_ts_val, fin_end, next, una;
	bool stack_isn_known, right_edge_known, peer_wscale_sent, fin_sent;
	uint8_t stack_wscale;
};

struct peer_conn {
	struct tcp_conn *conn;
	unsigned events;        /* seen and not yet asked for */
	uint32_t read, written; /* stream positions of the user */
	uint32_t to_write;      /* what had no room yet: goes on at TCP_EV_WRITABLE */
	enum tcp_push push;
	bool released;
	struct peer_flow flow; /* as peer_new_flow or peer_turn_to left it */
};

struct peer_frame {
	struct packet packet; /* payload is in data */
	uint8_t *data;
};

struct peer {
	struct peer_config config;
	struct stack *stack;
	struct rte_mempool *pool;
	unsigned pool_free_at_start;
	struct stats stats;
	uint64_t now_us, start_us;

	struct ip_addr local, remote;
	uint8_t local_mac[6], remote_mac[6];
	uint16_t local_port, remote_port;

	/* The flow that relative numbers belong to. */
	uint32_t isn, stack_isn;
	bool stack_isn_known;
	uint8_t stack_wscale; /* from its SYN */
	bool peer_wscale_sent;
	uint32_t right_edge; /* largest ack + window seen, absolute */
	bool right_edge_known;
	uint32_t ts_base, last_ts_val;
	bool fin_sent; /* by the peer; its window does not matter any more */
	uint32_t fin_end;
	bool auto_ts; /* add TS to lines without options */
	uint8_t salt; /* xored into the payload sent */
	uint8_t ecn;  /* of lines without [..] */

	/* Where a fixture has left the connection: next numbers, relative. */
	uint32_t next, una;

	struct peer_conn conns[PEER_MAX_CONNS];
	unsigned n_conns;
	struct peer_conn *app; /* the one that app calls mean */

	struct peer_frame queue[PEER_MAX_QUEUE];
	unsigned queue_head, queue_tail;
	struct rte_mbuf *held[64]; /* input waiting for peer_flush */
	unsigned n_held;
	bool hold;
	bool drop_output;    /* frames of the stack are parsed, then thrown away */
	bool mute_neighbour; /* do not answer ARP and ND */
	struct trace trace;
	bool failed;
	const char *file;
	int line;
};

/* What a failure calls after it printed the trace; does not return. NULL: abort. */
typedef void peer_fail_handler(const char *file, int line);
void peer_set_fail_handler(peer_fail_handler *handler);

/* Makes the stack and its peer; listens on PEER_LISTEN_PORT. Ends the test when it cannot. */
struct peer *peer_new(const struct peer_config *config);

/* Frees both; fails when packets were left unexpected, or mbufs are missing. */
void peer_free(struct peer *p);

__attribute__((noreturn, format(printf, 2, 3))) void
peer_fail(struct peer *p, const char *fmt, ...);

/* --- wire --- */

__attribute__((format(printf, 2, 3))) void peer_send(struct peer *p, const char *fmt, ...);

/* Sends a packet that is not a line; addresses and ports are filled in when zero. */
void peer_send_packet(struct peer *p, const struct packet *packet);

/* Sends any frame: copied into an mbuf, or an external buffer of exactly that size under ASan. */
void peer_send_frame(struct peer *p, const uint8_t *frame, size_t len);

/* What is sent from now on waits, and goes in as one burst at peer_flush. */
void peer_hold(struct peer *p);
void peer_flush(struct peer *p);

/* The next packet of the stack must be there already and match. */
__attribute__((format(printf, 2, 3))) void peer_expect(struct peer *p, const char *fmt, ...);

/* Time passes until the stack sends; that must be after lo and at most hi microseconds. */
__attribute__((format(printf, 4, 5))) void
peer_expect_in(struct peer *p, uint64_t lo_us, uint64_t hi_us, const char *fmt, ...);

void peer_expect_none(struct peer *p);

/* Nothing is sent for that long. */
void peer_expect_none_for(struct peer *p, uint64_t us);

/* Takes the next packet, already sent; NULL when there is none. Valid until the next call. */
const struct packet *peer_next(struct peer *p);

/* True when packet would match the line. */
__attribute__((format(printf, 3, 4))) bool
peer_matches(struct peer *p, const struct packet *packet, const char *fmt, ...);

/* Throws away what the stack has sent so far. */
void peer_discard(struct peer *p);

/*
 * Plays an ordinary receiver: acknowledges what the stack sends as it comes, in order, with this
 * raw window, until n more bytes arrived. Fails when they do not within limit_us.
 */
void peer_receive(struct peer *p, uint32_t n, uint16_t window, uint64_t limit_us);

/* Sends full segments until the window we were told of is closed; the user reads nothing. */
void peer_fill_window(struct peer *p);

/* --- time --- */

void peer_advance(struct peer *p, uint64_t us);

/* Lets much time pass quickly: the stack runs once in step only, as if its worker had slept. */
void peer_leap(struct peer *p, uint64_t us, uint64_t step_us);

/* Lets the stack run now, as after every other call. */
void peer_run(struct peer *p);

/* Until the stack has sent something, at most us; false: nothing came. */
bool peer_wait(struct peer *p, uint64_t us);

/* --- user --- */

void peer_write(struct peer *p, uint32_t n, enum tcp_push push);
void peer_read(struct peer *p, uint32_t n);
void peer_shutdown(struct peer *p);
void peer_abort(struct peer *p);
void peer_release(struct peer *p);
void peer_connect(struct peer *p);
/* What the app's connection was told since the last question must be exactly these events. */
void peer_expect_events(struct peer *p, unsigned events);
void peer_expect_available(struct peer *p, uint32_t n);
struct tcp_info peer_info(struct peer *p);

/* --- states --- */

/* The stack must have exactly one connection or mini-block, in this state; TCP_CLOSED: none. */
void peer_expect_state(struct peer *p, enum tcp_state state);

/* Passive open with these SYN options ("mss 1460,sackOK"); "TS" in them turns auto_ts on. */
void peer_establish(struct peer *p, const char *options, uint16_t window);

/* As peer_establish, opened by the stack; options are those of our SYN+ACK. */
void peer_establish_active(struct peer *p, const char *options, uint16_t window);

/*
 * Brings a passive connection into state, with 100 bytes exchanged both ways; p->next and p->una
 * are the next sequence numbers of the peer and of the stack. TCP_CLOSED means LISTEN.
 */
void peer_enter(struct peer *p, enum tcp_state state, const char *options);

/* Starts over with another peer port on the same stack. */
void peer_new_flow(struct peer *p, uint16_t remote_port);

/* Goes back to a connection that peer_new_flow left behind. */
void peer_turn_to(struct peer *p, struct peer_conn *conn);

const char *peer_state_name(enum tcp_state state);

/* Byte at a stream position, of what the peer (or the stack's user) writes. */
uint8_t peer_byte(bool of_stack, uint32_t position);
