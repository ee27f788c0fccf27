/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "dataplane/base/clock.h"
#include "dataplane/base/stats.h"
#include "dataplane/base/wheel.h"
#include "dataplane/proxy/admission.h"
#include "dataplane/proxy/balance.h"
#include "dataplane/proxy/conn_facts.h"
#include "dataplane/proxy/leg.h"
#include "dataplane/proxy/proxy_protocol.h"
#include "dataplane/proxy/snapshot.h"
#include "tls/handshake.h"
#include "tls/hello.h"
#include "tls/record.h"

struct conn_ring;
struct drbg;
struct origin;
struct origin_session;
struct tls_choice;
struct tls_worker;

/* What the files of dataplane/proxy share with each other, and nobody else sees. */

enum relay_state {
	RELAY_FREE,
	RELAY_PROXY,     /* waiting for a whole PROXY header */
	RELAY_HELLO,     /* waiting for a whole ClientHello */
	RELAY_HANDSHAKE, /* wolfSSL has it */
	RELAY_CONNECT,   /* TLS is up; the backend leg is being opened */
	RELAY_ORIGIN,    /* it is; TLS with the target is being agreed on */
	RELAY_OPEN,      /* bytes flow */
	RELAY_LINGER, /* our last words to the client are on their way; what it sends is dropped */
	RELAY_N_STATES,
};

enum relay_flag {
	RELAY_CLIENT_EOF = 1 << 0,  /* close_notify or FIN from the client */
	RELAY_BACKEND_FIN = 1 << 1, /* its end was passed on to the backend */
	RELAY_BACKEND_EOF = 1 << 2, /* FIN from the backend */
	RELAY_CLIENT_FIN = 1 << 3,  /* close_notify and FIN went to the client */
	RELAY_AGAIN = 1 << 4, /* on the list of those with work left, or in line for a handshake */
	RELAY_SPOKE = 1 << 5, /* the backend has sent something */
	RELAY_FACTS = 1 << 6, /* what happens to it is remembered (conn_facts.h) */
	RELAY_CONNECTED = 1 << 7,    /* the backend's leg is established */
	RELAY_PASS = 1 << 8,         /* bytes go through as they are: there are no keys */
	RELAY_RESERVED = 1 << 9,     /* its source has a part of the limits for itself */
	RELAY_ORIGIN_KEYS = 1 << 10, /* with the target there are, too (relay_origin.c) */
	RELAY_KEPT = 1 << 11,        /* its place is one of those kept for reserved sources */
};

#define RELAY_NO_MORE (1u << 31) /* in need: the client has ended */

#define RELAY_MAX_TRIED 8

/* What a relay needs only until its backend leg is up. */
struct opening {
	struct opening *next; /* free list */
	struct relay *queue_next, **queue_prev;
	struct backend_lane *queue; /* where it waits; NULL: it does not */
	uint64_t key;               /* balance_key of its client */
	uint32_t tried[RELAY_MAX_TRIED];
	uint32_t wait_until_ms;
	uint8_t n_tried;
	bool has_waited;
	char sni[HELLO_MAX_NAME + 1]; /* what routes go by; "" without */
};

/*
 * Five cache lines, as each of its two TCP connections has: an idle connection is to cost at most 1 KB
 * (tests/unit/idle_memory_test.c counts all of it).
 */
struct relay {
	struct leg client, backend;
	struct handshake *handshake; /* with the client, later with the target */
	struct opening *opening;     /* from the ClientHello until the backend leg is up */
	struct target_run *target;   /* that the connection counts for */
	struct listener_lane *lane;  /* of the listener that it came to */
	struct wheel_node timer;     /* due_ms: the deadline; it may come up earlier */
	uint32_t next; /* free list, or the list of those with work left: relay_number */
	uint32_t idle_timeout_ms;
	uint32_t need;  /* RELAY_PROXY, RELAY_HELLO: bytes to wait for */
	uint16_t flags; /* enum relay_flag */
	uint8_t state;  /* enum relay_state */
	struct record record;
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct relay) == 320, "five lines");

/* An address the stack listens on; stays where it is, since half-open connections point to it. */
struct bound {
	struct endpoint at;
	int listener; /* index in the snapshot; -1: closed */
};

#define PROXY_MAX_BOUND (2 * CONFIG_MAX_BINDS) /* half may be closed, with connections left */
#define PROXY_IOV       24   /* covers a full record in segments of 1,448 bytes, twice */
#define PROXY_IOV_WIDE  1024 /* and one in small segments */

/* First come, first served; by relay_number. */
struct relay_line {
	uint32_t first, *end;
	uint32_t n;
};

struct proxy {
	struct stack *stack;
	struct tls_worker *tls;
	struct aead_engine *aead;
	struct stats *stats;
	const struct snapshot *snapshot;
	uint64_t now_us;
	struct wheel wheel;
	struct wheel checks, leaving; /* timers of struct health and struct target_lane */
	uint32_t n_adopted;           /* configurations of backends so far */
	uint32_t sweep_left;          /* relays that leaving_sweep has still to look at */
	unsigned worker, n_workers;
	uint64_t random; /* for balance_pick */
	void *relays_memory;
	struct relay *relays; /* in it, from the first line on */
	uint32_t free;        /* relay_number */
	struct opening *openings, *free_openings;
	uint32_t n_openings; /* ever used: few are at once, and the others stay out of memory */
	struct conn_facts *facts;     /* one per relay, untouched where nobody asks for them */
	struct record *origins;       /* the same: of the second leg, where that has TLS */
	struct drbg *ids;             /* for trace ids */
	struct conn_ring *log;        /* to control; NULL: none */
	uint32_t again, *again_end;   /* relay_number */
	bool has_run;                 /* any connection, in this proxy_run or the last one */
	struct relay_line waiting[2]; /* for their handshake's turn; [1]: reserved sources */
	uint32_t start_cost;          /* relay_turn.c */
	/* Handshakes that begin together: how many, what they have cost, and batches of theirs. */
	unsigned to_begin, n_begun, cohort_stages;
	uint64_t cohort_us;
	uint64_t packets_until_us; /* while they crowd, handshakes rest until then */
	unsigned reserved_share,
	    reserved_credit; /* percent of starts; what is due, in percent of one */
	struct clock clock;
	struct admission *admission;
	struct admission_places places;      /* of connections: n_relays in all */
	struct admission_ticket *tickets;    /* one per relay */
	uint32_t gates[ADMISSION_MAX_GATES]; /* by listener */
	uint32_t n_relays, n_active;
	bool draining;
	unsigned n_bound;
	struct bound bound[PROXY_MAX_BOUND];
	uint64_t entered[RELAY_N_STATES];
	struct hello hello;
	uint8_t scratch[HELLO_MAX_MESSAGE + 1024];
	uint8_t header[PROXY_PROTOCOL_WRITE_MAX];
	struct iovec in[PROXY_IOV_WIDE], out[PROXY_IOV];
	struct iovec wide[PROXY_IOV_WIDE]; /* room for what must fit as a whole */
	uint8_t plain[16384]; /* a record's content on its way; never kept between two calls */
};

/*
 * A connection's user is its relay, or what checks a target; the low bits tell which, and that it is
 * the relay's backend leg.
 */
#define PROXY_USER_BACKEND 1u
#define PROXY_USER_HEALTH  2u
#define PROXY_USER_BITS    3u

/* What lists of relays hold: index + 1; 0 is the end. */
static inline uint32_t relay_number(const struct proxy *p, const struct relay *r)
{
	return (uint32_t)(r - p->relays) + 1;
}

/* NULL for 0. */
static inline struct relay *relay_at(const struct proxy *p, uint32_t number)
{
	return number ? &p->relays[number - 1] : NULL;
}

static inline uint32_t proxy_now_ms(const struct proxy *p)
{
	return (uint32_t)(p->now_us / 1000);
}

/* relay.c: life and death. All take the relay's state as it is and never free its proxy. */
void relay_set_state(struct proxy *p, struct relay *r, enum relay_state next);
struct relay *relay_accept(struct proxy *p, struct tcp_conn *conn);
void relay_event(struct proxy *p, struct relay *r, bool from_backend, unsigned events);
void relay_expired(struct proxy *p, struct relay *r);
void relay_deadline(struct proxy *p, struct relay *r, uint32_t in_ms);
void relay_run(struct proxy *p, struct relay *r);    /* whatever its state allows now */
void relay_again(struct proxy *p, struct relay *r);  /* relay_run in the next proxy_run */
void relay_end(struct proxy *p, struct relay *r);    /* both legs let go in order; r is free */
void relay_break(struct proxy *p, struct relay *r);  /* both legs reset; r is free */
void relay_linger(struct proxy *p, struct relay *r); /* last words are queued: FIN, then wait */
void relay_recycle(
    struct proxy *p, struct relay *r); /* free, and on no list: with its place, for the next */

/* On to RELAY_HELLO: the client's TLS is to begin now. */
void relay_expect_hello(struct proxy *p, struct relay *r, const struct listener *l);
/* Turned away before it cost anything: RST, counted; r is free. */
void relay_reject(struct proxy *p, struct relay *r, enum conn_end why);

/* relay_facts.c: what is remembered for PROXY headers and the log, where the listener asks for it. */
struct conn_facts *relay_facts(const struct proxy *p, const struct relay *r); /* NULL: nothing */
/* The client's listener, as of now; NULL when it was taken away since the client was accepted. */
const struct listener *relay_listener(const struct proxy *p, const struct relay *r);
void relay_remember(struct proxy *p, struct relay *r, const struct listener *l);
void relay_remember_choice(struct proxy *p, struct relay *r, const struct tls_choice *choice);
/* Before the handshake is freed. */
void relay_remember_handshake(struct proxy *p, struct relay *r, bool is_done);
/* Its line in the log, with the bytes and the end so far; forgets the facts. Once, before its legs go. */
void relay_log(struct proxy *p, struct relay *r);
/* The line of a connection that is turned away before it has a relay; l may be NULL. */
void relay_log_refused(struct proxy *p, const struct tcp_conn *conn, const struct listener *l);
void relay_ended(struct proxy *p, struct relay *r, enum conn_end end); /* the first call counts */

/* relay_turn.c: whose handshake begins, and when. */
void relay_turns_init(struct proxy *p);
void relay_split_places(struct proxy *p); /* after p->reserved_share is known */
/*
 * Whether one more connection may be had, which then has a place. One from a front has a kept one if there is any, until it is known
 * whom the front speaks for.
 */
bool relay_has_room(
    struct proxy *p, const struct listener *l, const struct ip_addr *peer, bool *is_kept);
/* These refuse r and free it when they say false. */
bool relay_may_begin(struct proxy *p, struct relay *r, const struct listener *l); /* a connection */
bool relay_may_start(struct proxy *p, struct relay *r,
    const struct listener *l);                          /* its handshake, by the listener's rate */
bool relay_may_shake(struct proxy *p, struct relay *r); /* and by the worker's number */
void relay_has_begun(struct proxy *p, struct relay *r); /* the handshake is over, or r is */
void relay_await_turn(struct proxy *p, struct relay *r);
bool relay_turns_are_due(const struct proxy *p); /* somebody waits, or is under way */
/* Those whose turn it is, then every handshake that can go on; false: nothing was done (proxy_shake). */
bool relay_turns(struct proxy *p, bool is_crowded);

/* relay_proxy.c: the PROXY protocol on both legs. */
void relay_proxy_header(struct proxy *p, struct relay *r);
/* Tells the target who connects, if b wants it; false: there is no room yet. */
bool relay_proxy_tell(struct proxy *p, struct relay *r, const struct backend *b);

/* relay_tls.c: from the first byte to keys. */
void relay_hello(struct proxy *p, struct relay *r);
void relay_handshake(struct proxy *p, struct relay *r);

/* relay_origin.c: TLS with the target. */
/* Begins it as origin says: on to RELAY_ORIGIN. The target was told all that goes before it. */
void relay_origin_begin(struct proxy *p, struct relay *r, const struct origin *origin);
void relay_origin(struct proxy *p, struct relay *r);
/* RELAY_ORIGIN: RST, or the target is no longer there. */
void relay_origin_cut_off(struct proxy *p, struct relay *r);
/* It came to nothing, for this reason; the leg is gone or going. Back to RELAY_CONNECT, for another target. */
void relay_origin_failed(struct proxy *p, struct relay *r, enum target_tls why);
/* Takes a session that waits in the target's records into its lane. */
void relay_origin_keep(struct proxy *p, struct relay *r);
void relay_origin_fini(struct proxy *p, struct relay *r); /* its keys, if there are any */
struct record *relay_origin_record(const struct proxy *p, const struct relay *r);
/*
 * A step of a client handshake over a leg, for relays and checks; now: the origin in force, or NULL. WANT_WRITE means that
 * the leg has no room: TCP_EV_WRITABLE follows.
 */
enum handshake_status
leg_handshake(struct proxy *p, struct leg *l, struct handshake *h, const struct origin *now);
/* peer's address is at's. */
struct handshake *leg_handshake_new(struct proxy *p, const struct origin *origin,
    const struct endpoint *at, struct origin_peer *peer, void *user);
/* Why it has failed. */
enum target_tls target_tls_of(const struct handshake_facts *f);

/* relay_origin_pump.c: bytes between legs that both have TLS. */
void relay_origin_pump(struct proxy *p, struct relay *r);

/* relay_pass.c: connections that are not decrypted. */
void relay_pass(struct proxy *p, struct relay *r,
    const struct listener *l); /* its ClientHello is there, or not wanted */
void relay_pass_pump(struct proxy *p, struct relay *r);

/* relay_tls.c: RST during a handshake: counts the failure. */
void relay_cut_off(struct proxy *p, struct relay *r);

/*
 * A handshake's step after RST: who closes with our flight unread sends its alert and RST right behind it, and both may
 * come in one burst. What it would say goes nowhere.
 */
enum handshake_status relay_last_step(struct proxy *p, struct handshake *h, const struct leg *l);

/* relay_tls.c: a fatal alert in plaintext to a client without keys, then the end; counted as a failure. */
void relay_refuse(struct proxy *p, struct relay *r, enum conn_end why, uint8_t alert);
/* Counts a handshake that came to nothing, and notes its end; alert: that was sent (ours) or received, or LISTENER_NO_ALERT. */
void relay_failed(struct proxy *p, struct relay *r, enum conn_end why, uint8_t alert, bool ours);

/* relay_backend.c: the second leg. */
void relay_opening(
    struct proxy *p, struct relay *r); /* p->hello is there: notes what it needs of it */
void relay_connect(struct proxy *p, struct relay *r); /* RELAY_CONNECT; chooses a target */
void relay_connect_again(
    struct proxy *p, struct relay *r); /* in RELAY_CONNECT: if it is its turn */
void relay_connect_expired(struct proxy *p, struct relay *r);
/* RELAY_CONNECT, and the leg is established: goes on as soon as the target knows what it is to know. */
void relay_connected(struct proxy *p, struct relay *r);
void relay_backend_failed(struct proxy *p, struct relay *r);
/* In RELAY_CONNECT, and its leg is gone: another target, if there is one. is_to_blame: it counts as a failure of this one. */
void relay_try_another(struct proxy *p, struct relay *r, bool is_to_blame);
void relay_backend_spoke(struct proxy *p, struct relay *r);
/* The target knows what it is to know and TLS with it, if wanted, is up: on to RELAY_OPEN. */
void relay_target_is_ready(struct proxy *p, struct relay *r);
/* The backend that r's target belongs to, as it is now; NULL: a reload took it away. */
const struct backend *relay_backend(const struct proxy *p, const struct relay *r);
/* What it holds of a target and of others' queues is given back; the leg is not touched. */
void relay_leave_backend(struct proxy *p, struct relay *r);
/* Those that wait for a target of s try again: backends are about to change. */
void relay_wake_all(struct proxy *p, const struct snapshot *s);

/* relay_pump.c: bytes between open legs. */
void relay_pump(struct proxy *p, struct relay *r);
/* Sends what the record layer has to say of its own; true when all of it went out. */
bool leg_control(struct proxy *p, struct leg *l, struct record *record);
bool relay_control(struct proxy *p, struct relay *r); /* to the client */
/* close_notify (alert 0) or a fatal alert, then FIN, then RELAY_LINGER. */
void relay_goodbye(struct proxy *p, struct relay *r, uint8_t alert);
