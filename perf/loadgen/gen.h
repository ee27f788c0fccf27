/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_mbuf.h>

#include "dataplane/base/clock.h"
#include "dataplane/base/stats.h"
#include "dataplane/tcp/tcp.h"
#include "perf/loadgen/hist.h"
#include "perf/loadgen/message.h"
#include "perf/loadgen/options.h"
#include "tls/record.h"

/* The load generator: one thread, one stack with two sides, clients on one and the backend on the other. */

struct port;
struct tls_kit;
struct tls_client;

enum gen_error {
	GEN_NO_CONNECTION, /* tcp_connect could not start */
	GEN_RESET,
	GEN_TIMEOUT,
	GEN_HANDSHAKE,
	GEN_RECORD,
	GEN_CONTENT,    /* an answer's bytes are wrong, or too many */
	GEN_CLOSED,     /* the server ended a connection that was not over */
	GEN_UNFINISHED, /* still under way some seconds after the end */
	GEN_BACKEND_CONTENT,
	GEN_BACKEND_CLOSED, /* reset, or ended in the middle of a request */
	GEN_BACKEND_FULL,   /* more connections than there is room for */
	GEN_N_ERRORS,
};

enum gen_phase {
	GEN_RAMP,  /* connections are made */
	GEN_READY, /* waiting for the word */
	GEN_LOAD,
	GEN_DRAIN, /* nothing new is begun */
	GEN_RESULT,
	GEN_REPORTED, /* waiting for the word */
	GEN_CLOSE,
	GEN_OVER,
};

enum client_state {
	CLIENT_FREE,
	CLIENT_CONNECT,
	CLIENT_HANDSHAKE,
	CLIENT_READY,
	CLIENT_EXCHANGE,
	CLIENT_CLOSING,
};

struct client {
	struct tcp_conn *conn;
	TAILQ_ENTRY(client) link; /* in free or ready, by state */
	uint64_t due;             /* cycles: when exchange or connection should have begun */
	uint64_t out_at, in_at;
	struct tls_client *tls; /* during the handshake */
	uint32_t n_exchanges;
	uint8_t state; /* enum client_state */
	char id[MESSAGE_ID];
	struct record record;
};

struct backend {
	struct tcp_conn *conn;
	struct backend *next; /* free list */
	uint64_t in_at, out_at;
	bool answering;
	char id[MESSAGE_ID];
};

TAILQ_HEAD(client_list, client);

struct flood;
struct hellos;

struct results {
	uint64_t exchanges, connections; /* begun and ended well during the load */
	uint64_t bytes_up, bytes_down;   /* of checked messages */
	uint64_t errors[GEN_N_ERRORS];
	uint64_t start, end; /* cycles */
	uint64_t busy;       /* cycles of loops with work */
	uint64_t flooded, flood_answers;
	uint64_t hellos_sent, hellos_answered, hellos_refused;
	struct hist latency;     /* ns, of exchanges from when they were due */
	struct hist undisturbed; /* of these: meanwhile this program did not stand still */
	struct hist handshake;   /* ns, from SYN to keys; the ramp's too */
};

struct gen {
	struct options options;
	struct rte_mempool *pool;
	struct port *ports[2];
	unsigned n_ports;
	struct stack *stack;
	struct tls_kit *tls;
	struct aead_engine *aead;
	struct stats stats;
	struct clock clock;
	uint64_t tsc, now_us; /* at the start of the loop */
	uint64_t made_up;     /* cycles: when what the last pause held up is made up for */
	struct message request, answer;

	enum gen_phase phase;
	uint64_t phase_us; /* when it began */
	uint64_t asked_us; /* when stdin was looked at last */
	uint64_t
	    begun; /* exchanges (or connections, with a fixed number of exchanges) in the load */
	uint32_t next_id;
	unsigned n_open;    /* clients that are not free */
	unsigned n_opening; /* of these: without keys yet */
	unsigned n_ready;   /* of these: waiting for an exchange */
	struct client *clients;
	struct client_list free, ready;
	struct backend *backends, *backends_end, *free_backends;
	struct flood *flood;
	struct hellos *hellos;
	struct results results;
	uint8_t scratch[RECORD_MAX];
};

/* --- client.c --- */
/* 0, or -1: no memory. */
int client_init(struct gen *g);
void client_event(struct gen *g, struct client *c, unsigned events);
/* Opens a connection from the free list, for an exchange due at that time. */
void client_open(struct gen *g, uint64_t due);
/* Starts an exchange on a ready connection. */
void client_begin(struct gen *g, struct client *c, uint64_t due);
void client_close(struct gen *g, struct client *c);

/* --- schedule.c --- */
/* Begins what is due, and moves to the next phase. Returns false when all is over. */
bool schedule(struct gen *g);
/* A client's exchange is done: the next one, if there is to be one at once. */
void schedule_next(struct gen *g, struct client *c);

/* --- backend.c --- */
int backend_init(struct gen *g);
void backend_event(struct gen *g, struct tcp_conn *conn, unsigned events);

/* --- flood.c --- */
int flood_init(struct gen *g);
/* Takes SYN-ACKs for sources that do not exist out of pkts; returns how many are left. */
unsigned flood_filter(struct gen *g, struct rte_mbuf **pkts, unsigned n);
/* Sends a burst; returns how many. */
unsigned flood_send(struct gen *g);

/* --- hellos.c --- */
int hellos_init(struct gen *g);
/* Whether a connection's user is one of theirs. */
bool hellos_own(const struct gen *g, const void *user);
void hellos_event(struct gen *g, void *user, unsigned events);
/* Opens those that are due; returns how many. */
unsigned hellos_send(struct gen *g);
/* Lets all of them go. */
void hellos_end(struct gen *g);

/* --- report.c --- */
void gen_error(struct gen *g, enum gen_error e, const char *why);
/* GEN_UNFINISHED, with what it was at. */
void gen_unfinished(struct gen *g, const struct client *c);
void report(const struct gen *g);
