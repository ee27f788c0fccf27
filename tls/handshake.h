/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tls/client_cert.h"
#include "tls/record.h"

struct origin;
struct origin_peer;
struct ticket_ring;
struct tls_choice;
struct tls_service;

/*
 * Handshakes on one worker, as server or as client, over byte views. Each runs in a fiber (tls.md 5), so a step may stop for a
 * key operation that is done in a batch, on another core or in a token, and go on later.
 */
struct tls_worker; /* contexts (LRU), DRBG, arena, fibers, key-operation queue: one per worker */
struct handshake;

struct tls_worker_config {
	unsigned max_contexts;   /* wolfSSL contexts kept; 0: 4096 */
	unsigned max_handshakes; /* under way at once; 0: 8192 */
	bool no_batches; /* every key operation at once, by wolfCrypt (for comparison and tests) */
	bool measure_stacks; /* paint fiber stacks, for tls_worker_deepest_stack (tests) */
	uint32_t (*now_s)(
	    void); /* seconds since the epoch, for tickets; NULL: the system's clock */
};

struct tls_worker_stats {
	uint64_t contexts_built, contexts_evicted;
	uint64_t key_operations, key_batches; /* operations done; batches of more than two lanes */
	uint64_t wrong_signatures;            /* made, found wrong and not sent */
	uint64_t tickets_issued, tickets_taken;
	uint64_t tickets_unknown, tickets_expired, tickets_forged; /* shown and not taken */
	uint32_t contexts, handshakes;                             /* now */
	uint64_t client_certs
	    [CLIENT_CERT_N_STATUS]; /* handshakes by what their client's certificate came to */
	uint64_t bytes;             /* heap held by wolfSSL on this worker, now */
};

/* Once per process before any tls_worker_new, and after the last tls_worker_free. 0 or -1. */
int tls_global_init(void);
void tls_global_fini(void);

struct tls_worker *tls_worker_new(const struct tls_worker_config *config); /* NULL: no memory */
void tls_worker_free(struct tls_worker *w);
const struct tls_worker_stats *tls_worker_stats(const struct tls_worker *w);

/*
 * The ring that tickets are sealed and opened with from now on (tls/ticket.h); borrowed until the next call.
 * NULL, as at first: no tickets. To be called by the worker, when it sees a new snapshot.
 */
void tls_worker_set_tickets(struct tls_worker *w, const struct ticket_ring *ring);

/* How many may be under way at once. */
unsigned tls_worker_max_handshakes(const struct tls_worker *w);

/* True when this worker does key operations in batches: it may, and this machine can. */
bool tls_worker_has_batches(const struct tls_worker *w);

/* The most bytes a handshake's stack was ever used for; 0 unless measure_stacks was set. */
size_t tls_worker_deepest_stack(const struct tls_worker *w);

/* The worker's AEAD engine, for record_*. */
struct aead_engine *tls_worker_aead(struct tls_worker *w);

/*
 * Does one batch of the key operations queued so far, or a step of one that takes long; called once per burst. Afterwards
 * tls_worker_ready hands out, one by one, the users of the handshakes that can go on (NULL: no more).
 */
void tls_worker_poll(struct tls_worker *w);
void *tls_worker_ready(struct tls_worker *w);

/* Whether key operations are queued or under way, or tls_worker_ready has any left to hand out. */
bool tls_worker_is_waiting(const struct tls_worker *w);

/* Whether operations for another batch wait, or one is under way that takes several calls. */
bool tls_worker_is_amid(const struct tls_worker *w);

enum handshake_status {
	HANDSHAKE_WANT_READ,  /* send what was produced, come back with more input */
	HANDSHAKE_WANT_WRITE, /* send what was produced, come back with room */
	HANDSHAKE_WANT_KEY,   /* send what was produced, come back when tls_worker_ready names it */
	HANDSHAKE_DONE,       /* send what was produced, then handshake_finish */
	HANDSHAKE_FAILED,     /* send what was produced (the alert), then free */
};

struct handshake_facts {
	uint16_t version, suite, group, sigalg;
	bool resumed;
	uint8_t alert; /* HANDSHAKE_FAILED: sent or received; 0xff: none */
	bool alert_is_ours;
	enum client_cert_status client_cert_status;
	/* As a client: what the server's chain came to. */
	enum client_cert_status server_cert_status;
	/*
	 * The chain the client showed, verified or not (client_cert_status tells); as a client the one that was
	 * refused. NULL: none.
	 */
	const struct client_cert *client_cert;
};

/*
 * Starts a server handshake on the context of choice (built on first use). The ClientHello is given
 * to the first step again, from its first byte. NULL: no memory or too many. user comes back
 * from tls_worker_ready. choice is only borrowed.
 */
struct handshake *handshake_new(struct tls_worker *w, const struct tls_choice *choice, void *user);

/*
 * Starts a client handshake with a target (tls/origin.h), which resumes peer->session when o is what that was made with and
 * it has not expired. The first step, with or without input, makes the ClientHello. o and peer are only borrowed: what
 * holds for the target when its certificate comes, handshake_follow_origin tells before every step. NULL: no memory or
 * too many. Facts say in server_cert_status what the server's chain came to; that of a resumed session was good.
 */
struct handshake *handshake_new_client(
    struct tls_worker *w, const struct origin *o, const struct origin_peer *peer, void *user);

/*
 * As a client: what the target is spoken to with now; borrowed until the next step is over. NULL: it is no target any more,
 * its certificate is refused.
 */
void handshake_follow_origin(struct handshake *h, const struct origin *now);

/*
 * Goes as far as it can. io->in are the stream's bytes not consumed before, io->out room for
 * answers; consumed and produced tell how much was used. Reads no byte beyond the client's last
 * handshake message. While HANDSHAKE_WANT_KEY is pending a call returns it again at once.
 */
enum handshake_status handshake_step(struct handshake *h, struct record_io *io);

/* Whether the client is asked for its certificate: then handshake_follow comes before every step. */
bool handshake_asks(const struct handshake *h);

/*
 * What the listener serves now (NULL: it is gone); borrowed until the next step is over. Whether a client is
 * asked is decided by what held at its ClientHello; what it shows is judged by what holds when it arrives, so that a
 * CRL counts from the moment it is in force.
 */
void handshake_follow(struct handshake *h, const struct tls_service *now);

/*
 * After HANDSHAKE_DONE: sets up r with the keys (AEAD suites) or with the session itself, and frees
 * the handshake. 0, or -1 when the keys could not be had (h is freed all the same).
 */
int handshake_finish(struct handshake *h, struct record *r);

/* Facts so far; valid until finish or free. */
const struct handshake_facts *handshake_facts(const struct handshake *h);

/*
 * Takes facts->client_cert out of the handshake; NULL: it showed none, or somebody has taken it. The caller
 * owns it (client_cert_free); facts lose it.
 */
struct client_cert *handshake_take_client_cert(struct handshake *h);

/* Frees it at any point, also while it waits for a key operation; NULL is fine. */
void handshake_free(struct handshake *h);
