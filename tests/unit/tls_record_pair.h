/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tests/unit/tls_record_kit.h"

#define TLS12 0x0303
#define TLS13 0x0304

/* Ours, and the plain peer at the other end; what came and goes. */
struct pair {
	struct record r;
	struct plain peer;
	uint8_t wire[20000]; /* from the peer */
	uint8_t out[20000];  /* from us */
	uint8_t content[20000];
	struct record_io io;
	struct iovec in_piece, out_piece;
};

struct kind_case {
	uint16_t version;
	enum aead_kind kind;
};

#define N_KINDS 6
extern const struct kind_case pair_kinds[N_KINDS];
extern struct aead_engine *pair_engine; /* AEAD_BEST, made by pair_setup */
extern struct kit_random pair_rng;

struct pair *pair_new(uint16_t version, enum aead_kind kind, bool client);

void pair_free(struct pair *p);

enum record_status pair_open_bytes(struct pair *p, size_t len, size_t room);

/* The peer seals content, we open it. */
enum record_status pair_give(struct pair *p, uint8_t type, const void *content, size_t n);

enum record_status pair_seal_bytes(struct pair *p, const uint8_t *from, size_t len, size_t room);

enum record_status pair_control(struct pair *p, size_t room);

/* The peer opens the record at *at of what we wrote. */
uint8_t pair_peer_reads(struct pair *p, size_t *at, size_t *n);

void pair_expect_alert(struct pair *p, uint8_t level, uint8_t alert);

void pair_expect_update(struct pair *p, size_t *at, bool request);

/* It is over, the reason is sealed for the peer, and nothing else ever comes out. */
void pair_expect_fatal(struct pair *p, enum record_status status, uint8_t alert);

/* For cmocka: the engine of a whole file. */
int pair_setup(void **state);
int pair_teardown(void **state);
