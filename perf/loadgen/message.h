/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is said over a connection: a head, and a body that is a known pattern. Both sides can tell every
 * byte of a message from its offset and the id of the exchange, so a byte that was lost, repeated,
 * changed or taken from another connection is noticed where it is.
 */
#define MESSAGE_ID 8 /* hexadecimal digits, in the head */

struct message {
	char before[192], after[512]; /* the head, around the id */
	uint32_t before_len, after_len;
	bool has_id;
	uint64_t body_len;
};

/* GET or PUT, with headers that make it about 100 bytes long. */
void message_request(struct message *m, uint64_t body_len);

/* 200, with length and id. */
void message_answer(struct message *m, uint64_t body_len);

/* One byte, no head: the least that can be said. */
void message_byte(struct message *m);

uint64_t message_len(const struct message *m);

/* True when offset at lies in the id. */
bool message_in_id(const struct message *m, uint64_t at);

/* The longest run of bytes at offset at < message_len; *run is never 0. id is that of the exchange. */
const uint8_t *
message_run(const struct message *m, uint64_t at, const char id[MESSAGE_ID], size_t *run);

/* True when len bytes are those at offset at; at + len <= message_len. */
bool message_check(const struct message *m, uint64_t at, const char id[MESSAGE_ID],
    const uint8_t *bytes, size_t len);

/* Copies up to len bytes of the message from offset at; returns how many there were. */
size_t message_fill(
    const struct message *m, uint64_t at, const char id[MESSAGE_ID], uint8_t *to, size_t len);

/* The digits of a number. */
void message_id(char id[MESSAGE_ID], uint32_t number);

/* Once, before everything else. */
void message_init(void);
