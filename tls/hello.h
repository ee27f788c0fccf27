/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * The ClientHello, read by us before wolfSSL sees it (tls.md 2), however it was cut into records
 * and segments. A pure function of the bytes; nothing is consumed.
 */

#define HELLO_MAX_MESSAGE 16384 /* handshake message with its 4-byte header; longer: refused */
#define HELLO_MAX_NAME    255
#define HELLO_SCRATCH     (HELLO_MAX_MESSAGE + 1024) /* the message, then the lists made from it */

/* A list of big-endian 16-bit numbers inside the message; read it with hello_list_has/_get. */
struct hello_list {
	const uint8_t *at;
	uint16_t n; /* numbers, not bytes; 0: absent */
};

struct hello {
	uint16_t record_version, legacy_version;
	/* Best of 0x0300..0x0304 that the client offers (RFC 8446 4.2.1); 0: only unknown ones. */
	uint16_t max_version;
	struct hello_list versions; /* supported_versions (43); empty for <= TLS 1.2 clients */
	const uint8_t *random;      /* 32 bytes */
	const uint8_t *session_id;
	uint8_t session_id_len;
	struct hello_list suites;
	struct hello_list groups;       /* supported_groups (10) */
	struct hello_list sigalgs;      /* signature_algorithms (13) */
	struct hello_list sigalgs_cert; /* signature_algorithms_cert (50) */
	struct hello_list key_shares;   /* groups of key_share (51), in scratch */
	struct hello_list extensions;   /* types in the order they came, in scratch (JA3, JA4) */
	const uint8_t *point_formats;
	uint8_t n_point_formats;
	const uint8_t
	    *alpn; /* protocol_name_list: {u8 length, bytes}...; checked to be well formed */
	uint16_t alpn_len;
	/* host_name in lower case, NUL-terminated; "" when absent or an address (RFC 6066 3). */
	char sni[HELLO_MAX_NAME + 1];
	uint8_t sni_len;
	bool has_ticket;    /* session_ticket (35) present */
	bool has_psk;       /* pre_shared_key (41) present */
	bool has_ems;       /* extended_master_secret (23) present */
	bool has_psk_modes; /* psk_key_exchange_modes (45) present */
	bool has_early_data;
	const uint8_t *message; /* the whole handshake message, in scratch */
	size_t message_len;
};

enum hello_status {
	HELLO_OK,
	HELLO_MORE, /* not complete: call again when *need bytes are there */
	HELLO_BAD,  /* *alert says why (RFC 8446 6.2) */
};

/*
 * Reads a ClientHello from the start of a byte stream. scratch holds the reassembled message
 * and must stay as it is while h is used; h points into it. *need (HELLO_MORE only) is the
 * least number of stream bytes at which the hello can be complete, so that a peer sending byte
 * by byte does not make us start over each time. *alert is set with HELLO_BAD only.
 *
 * Refused: anything but handshake records of version 3.x with 1..2^14 bytes (RFC 8446 5.1), other
 * messages, bytes after the hello, vectors out of bounds, extensions twice or more than 256 of
 * them, host names that are none. Ignored: what is unknown, GREASE included (RFC 8701).
 */
enum hello_status hello_read(struct hello *h, const struct iovec *in, unsigned n_in,
    uint8_t scratch[HELLO_SCRATCH], size_t *need, uint8_t *alert);

static inline uint16_t hello_list_get(const struct hello_list *l, unsigned i)
{
	return (uint16_t)(l->at[2 * i] << 8 | l->at[2 * i + 1]);
}

static inline bool hello_list_has(const struct hello_list *l, uint16_t value)
{
	for (unsigned i = 0; i < l->n; i++)
		if (hello_list_get(l, i) == value)
			return true;
	return false;
}
