/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What tells bytes on disk from other bytes: checksums of records, names of contents. */

#define DIGEST_TEXT 65 /* SHA-256 in lower-case hex, with the NUL */

struct sha256 {
	uint32_t h[8];
	uint64_t len; /* bytes so far */
	uint8_t block[64];
};

/* SHA-256 (FIPS 180-4). The state is wiped by sha256_final. */
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
void sha256_final(struct sha256 *s, uint8_t digest[32]);

/* Of len bytes, as text; returns text. */
const char *sha256_text(const void *data, size_t len, char text[DIGEST_TEXT]);

/* Adds len bytes to a CRC-32C (Castagnoli, RFC 3720 B.4); start with 0. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
