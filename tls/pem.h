/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Textual encodings of certificates and keys (RFC 7468), with what RFC 1421 headers say. */

struct pem_block {
	const char *label; /* "CERTIFICATE"; not terminated */
	size_t label_len;
	const char *head; /* RFC 1421 header lines, head_len 0: none */
	size_t head_len;
	const char *body; /* base64 and white space */
	size_t body_len;
	bool is_encrypted; /* "Proc-Type: 4,ENCRYPTED" or an ENCRYPTED PRIVATE KEY */
};

/*
 * The next block from *at on; what stands between blocks is explanatory text. 1: *block is set and
 * *at moved behind it; 0: there is none; -1: a BEGIN line without its END line.
 */
int pem_next(const char **at, const char *end, struct pem_block *block);

bool pem_is(const struct pem_block *block, const char *label);

/*
 * Decodes the body into out, which has room for room bytes (body_len is always enough). Returns the length,
 * or -1 when it is not base64. Runs without branches or tables that depend on the bytes.
 */
int pem_decode(const struct pem_block *block, uint8_t *out, size_t room);
