/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"

/*
 * The PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt, 2023/11/11): who a connection
 * comes from, said in front of its first byte. Both directions are pure functions of bytes.
 */

#define PROXY_PROTOCOL_V1_MAX 107   /* section 2.1: line with CRLF */
#define PROXY_PROTOCOL_MAX    16384 /* of a header that we read; longer: refused */
#define PROXY_PROTOCOL_WRITE_MAX \
	24576 /* of one that we write: a certificate has at most 18,462 bytes */
#define PROXY_PROTOCOL_LOCAL_MAX 16
#define PROXY_PROTOCOL_ID_MAX    128 /* section 2.2.5 */

/* TLVs to be written, as the operator chose them. Bits. */
enum proxy_protocol_tlv {
	PROXY_TLV_ALPN = 1,
	PROXY_TLV_AUTHORITY = 2,
	PROXY_TLV_SSL = 4,
	PROXY_TLV_UNIQUE_ID = 8,
	PROXY_TLV_CRC32C = 16,
	PROXY_TLV_NETNS = 32,
	PROXY_TLV_CLIENT_CERT = 64, /* inside the one for SSL */
};

/* Bytes of somebody else; n = 0: there are none. */
struct proxy_protocol_bytes {
	const void *at;
	size_t n;
};

/* What is said of TLS; strings NULL when not known. */
struct proxy_protocol_tls {
	const char *version;    /* "TLSv1.3" */
	const char *cipher;     /* OpenSSL's name */
	const char *group;      /* "x25519" */
	const char *sig_scheme; /* of the handshake: "rsa_pss_rsae_sha256" */
	const char *sig_alg;    /* of our certificate: "SHA256" */
	const char *key_alg;    /* of our certificate: "RSA2048", "EC256" */
	bool has_cert;          /* the client gave a certificate in this connection */
	bool is_verified;       /* and it passed; without a certificate: not looked at */
	struct proxy_protocol_bytes cn, cert; /* of the client's certificate, cert in DER */
};

struct proxy_protocol_header {
	struct ip_addr source, destination;
	uint16_t source_port, destination_port; /* host order */
	unsigned tlvs;                          /* enum proxy_protocol_tlv, version 2 only */
	struct proxy_protocol_bytes alpn, authority, unique_id, netns;
	struct proxy_protocol_tls tls;
};

/*
 * Writes a header of that version (1 or 2) to out. Returns its bytes; 0 when it does not fit room, which
 * PROXY_PROTOCOL_WRITE_MAX always does. A TLV that has nothing to say is left out. A unique id is cut to
 * PROXY_PROTOCOL_ID_MAX bytes.
 */
size_t proxy_protocol_write(
    uint8_t *out, size_t room, unsigned version, const struct proxy_protocol_header *h);

/*
 * What connections of our own (health checks) say: LOCAL in version 2, UNKNOWN in version 1. Returns
 * the bytes written.
 */
size_t proxy_protocol_write_local(uint8_t out[PROXY_PROTOCOL_LOCAL_MAX], unsigned version);

/* What a front said; bytes lie in what was read. */
struct proxy_protocol_origin {
	size_t len;     /* of the header, in the stream */
	bool has_addrs; /* false: LOCAL or UNKNOWN, the connection's own addresses hold */
	struct ip_addr source, destination;
	uint16_t source_port, destination_port;
	struct proxy_protocol_bytes netns;
};

enum proxy_protocol_status {
	PROXY_PROTOCOL_OK,
	PROXY_PROTOCOL_MORE, /* not complete: call again when *need bytes are there */
	PROXY_PROTOCOL_BAD,
};

/*
 * Reads a header from the start of n bytes. Strict: what section 2 does not allow is refused, and so
 * are datagrams, Unix sockets, TLVs out of bounds or twice, and a CRC32C that is wrong.
 * A LOCAL header's TLVs are skipped, as section 2.2 wants it.
 */
enum proxy_protocol_status
proxy_protocol_read(struct proxy_protocol_origin *o, const uint8_t *bytes, size_t n, size_t *need);

/* CRC-32C (Castagnoli, RFC 3385) of the bytes of one piece after others; the first with crc = 0. */
uint32_t proxy_protocol_crc32c(uint32_t crc, const void *bytes, size_t n);
