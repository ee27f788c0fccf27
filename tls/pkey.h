/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/*
 * Key operations that handshakes wait for, collected over a burst and done up to eight at a time
 * (tls.md 5). wolfCrypt hands them out through its crypto callback; an operation that no
 * batch takes goes back to wolfCrypt, which then does it itself.
 */
struct wc_CryptoInfo;
struct drbg;
struct pkey_job;
struct pkey_signing;

enum pkey_kind {
	PKEY_X25519_AGREE,
	PKEY_P256_KEYGEN,
	PKEY_P256_AGREE,
	PKEY_P256_SIGN,
	PKEY_RSA_2048, /* private, with CRT: signs and decrypts */
	PKEY_RSA_3072,
	PKEY_RSA_4096,
	PKEY_N_KINDS,
	PKEY_NONE = PKEY_N_KINDS, /* nothing that is done in batches */
};

#define PKEY_LANES 8

struct pkey_op {
	TAILQ_ENTRY(pkey_op) link;
	/* wolfCrypt's request: on the waiting fiber's stack, valid until that goes on. */
	struct wc_CryptoInfo *info;
	enum pkey_kind kind;
	int result; /* for wolfCrypt: 0, an error, or CRYPTOCB_UNAVAILABLE (do it yourself) */
	enum {
		PKEY_IDLE,
		PKEY_QUEUED,
		PKEY_UNDER_WAY,
		PKEY_DONE
	} state;
};

TAILQ_HEAD(pkey_list, pkey_op);

/* Those that began together with what takes several calls. */
struct pkey_group {
	struct pkey_op *ops[PKEY_LANES]; /* NULL: cancelled */
	unsigned n;                      /* lanes that began; 0: there are none */
};

/* X25519 key shares made ahead, eight at a time: nothing in them depends on the peer. */
struct pkey_shares {
	unsigned n; /* the first n were not handed out yet; of the others nothing is left */
	uint8_t private[PKEY_LANES][32], public[PKEY_LANES][32];
};

struct pkey_queue {
	struct pkey_list waiting[PKEY_N_KINDS];
	struct pkey_list done;
	unsigned n_waiting[PKEY_N_KINDS];
	unsigned n_queued; /* sum of n_waiting */
	struct drbg *drbg; /* borrowed */
	/* RSA, step by step, and signatures that are made and not checked yet (tls/pkey_batch.h). */
	struct pkey_job *job; /* NULL: there are no batches */
	struct pkey_signing *signing;
	struct pkey_group in_job, in_signing;
	struct pkey_shares shares;
	enum pkey_kind last_long;  /* what it did last */
	enum pkey_kind last_short; /* of the other batches */
	bool is_jobs_turn;         /* was it, in the last call? */
	uint64_t n_operations, n_batches;
	uint64_t n_wrong; /* signatures that failed their check: not one was let out */
};

/* 0, or -1: no memory. pkey_queue_fini is to be called either way, when all operations are idle. */
int pkey_queue_init(struct pkey_queue *q, struct drbg *drbg);
void pkey_queue_fini(struct pkey_queue *q);

/* What a request of wolfCrypt's is; PKEY_NONE: leave it to wolfCrypt. */
enum pkey_kind pkey_classify(const struct wc_CryptoInfo *info);

/* Queues op (idle before); info and kind are set from the arguments. */
void pkey_submit(
    struct pkey_queue *q, struct pkey_op *op, struct wc_CryptoInfo *info, enum pkey_kind kind);

/* Takes op out, wherever it is; it is idle then. */
void pkey_cancel(struct pkey_queue *q, struct pkey_op *op);

/*
 * Does a part of what is queued that takes 20 to 40 µs, so that the caller can look after packets in between: one batch; or, when
 * there is none, hands back to wolfCrypt what is too little for one; or one step of a batch of RSA's, which take a
 * millisecond and more; or the check of a batch of signatures. Kinds take turns, RSA has every other call.
 */
void pkey_poll(struct pkey_queue *q);

/* Whether there is more for pkey_poll than to hand back what is too little for a batch. */
bool pkey_is_amid(const struct pkey_queue *q);

/* Something is queued or under way, or done and not taken yet. */
bool pkey_is_busy(const struct pkey_queue *q);

/* The next operation that is done, now idle; NULL: none. */
struct pkey_op *pkey_next_done(struct pkey_queue *q);

/*
 * Answers info, if it asks for an X25519 key share, with one of those made ahead: each is handed out once. When there is none it makes
 * the next eight (13 µs). False: info asks for something else, or wolfCrypt may try.
 */
bool pkey_share_take(struct pkey_queue *q, struct wc_CryptoInfo *info);

/* True when this machine and this build can do batches at all. */
bool pkey_has_batches(void);
