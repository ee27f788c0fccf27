/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first byte says what the others are: a key file; a ticket of a client's making; or what is changed
 * (by exclusive or) in a good ticket, which must not open unless nothing is.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "tls/ticket.h"

#define TEXT 173 /* wolfSSL's struct */
#define NOW  1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct ticket {
	uint8_t name[16], iv[16], mac[32], text[TEXT];
};

static const uint8_t nonce[12], ours[32] = { 1 };

static struct ticket_ring *fixed_ring(void)
{
	static struct err e;
	uint8_t bytes[2 * TICKET_KEY_BYTES];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i + 128);
	return ticket_ring_parse("fixed", bytes, sizeof(bytes), 3600, &e);
}

static void read_keys(const uint8_t *data, size_t size)
{
	static struct err e;
	struct ticket_ring *ring;

	err_init(&e);
	ring = ticket_ring_parse("keys", data, size, 3600, &e);
	assert(ring ? e.n == 0 && ring->n_keys > 0 && ring->n_keys <= TICKET_MAX_KEYS : e.n > 0);
	ticket_ring_free(ring);
}

static enum ticket_verdict
open_copy(const struct ticket_ring *ring, const uint8_t *data, size_t size)
{
	const struct ticket_owner owner = { .binding = ours, .name = ours };
	uint8_t *copy = malloc(size), *text = copy + 64;
	const struct ticket_head head = { .name = copy, .iv = copy + 16, .mac = copy + 32 };
	enum ticket_verdict verdict;

	memcpy(copy, data, size);
	verdict = ticket_open(ring, &owner, NOW, &head, text, size - 64);
	free(copy);
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ticket_ring *ring;
	const struct ticket_owner owner = { .binding = ours, .name = ours };
	struct ticket t;
	const struct ticket_head head = { .name = t.name, .iv = t.iv, .mac = t.mac };
	bool is_changed = false;

	if (!ring)
		ring = fixed_ring();
	if (size < 1)
		return 0;
	if (data[0] % 3 == 0) {
		read_keys(data + 1, size - 1);
		return 0;
	}
	if (data[0] % 3 == 1) {
		if (size >= 1 + 64)
			assert(open_copy(ring, data + 1, size - 1) >= TICKET_UNKNOWN);
		return 0;
	}
	memset(t.text, 't', TEXT);
	assert(ticket_seal(ring, &owner, NOW, nonce, &head, t.text, TEXT));
	for (size_t i = 0; i + 1 < size && i < sizeof(t); i++) {
		((uint8_t *)&t)[i] ^= data[i + 1];
		is_changed |= data[i + 1] != 0;
	}
	assert((open_copy(ring, (const uint8_t *)&t, sizeof(t)) == TICKET_OK) == !is_changed);
	return 0;
}
