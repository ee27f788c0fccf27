/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is known of a client's certificate: collected once per handshake (struct handshake_facts), for the
 * connection log, PROXY protocol TLVs and HTTP headers. The order and the names of the verdicts are
 * those of AWS's connection log (cloud-facts.md 4).
 */

enum client_cert_status {
	CLIENT_CERT_NOT_ASKED, /* mtls is off: "-" in a log */
	CLIENT_CERT_SUCCESS,   /* verified */
	CLIENT_CERT_PASSED,    /* passthrough: shown and not verified, or not shown: "-" in a log */
	/* Failures. */
	CLIENT_CERT_MAX_DEPTH,     /* ClientCertMaxChainDepthExceeded */
	CLIENT_CERT_MAX_SIZE,      /* ClientCertMaxSizeExceeded */
	CLIENT_CERT_CRL_HIT,       /* ClientCertCrlHit */
	CLIENT_CERT_CRL_ERROR,     /* ClientCertCrlProcessingError: there is none, or it is stale */
	CLIENT_CERT_UNTRUSTED,     /* ClientCertUntrusted */
	CLIENT_CERT_NOT_YET_VALID, /* ClientCertNotYetValid */
	CLIENT_CERT_EXPIRED,       /* ClientCertExpired */
	CLIENT_CERT_TYPE,          /* ClientCertTypeUnsupported: key or signature algorithm */
	CLIENT_CERT_INVALID,       /* ClientCertInvalid: malformed, a bad signature */
	CLIENT_CERT_PURPOSE,       /* ClientCertPurposeInvalid */
	CLIENT_CERT_REJECTED,      /* ClientCertRejected: an identity filter */
	CLIENT_CERT_UNMAPPED,      /* UnmappedConnectionError; none was shown, too */
	CLIENT_CERT_HOSTNAME,      /* a server's only: HostnameMismatch */
	CLIENT_CERT_N_STATUS,
};

/* "ClientCertExpired" and so on, without "Failed:"; "Success"; "-" for those that are no verdict. */
const char *client_cert_status_name(enum client_cert_status status);

/* The same for a server's chain, without the client in it: "Expired", "HostnameMismatch", "CrlHit". */
const char *server_cert_status_name(enum client_cert_status status);

static inline bool client_cert_has_failed(enum client_cert_status status)
{
	return status >= CLIENT_CERT_MAX_DEPTH;
}

/* The fatal alert for a failure (tls.md 7) in a protocol version; 0xff: it is no failure. */
uint8_t client_cert_alert(enum client_cert_status status, uint16_t version);

struct client_cert_der {
	const uint8_t *at;
	size_t len;
};

#define CLIENT_CERT_MAX_CHAIN 10

/*
 * A chain that a client showed; also a refused one, as far as it could be read. One block of memory: all
 * pointers lead into it. Strings that come from the certificate are UTF-8 or escaped, and hold no
 * control characters: RFC 2253 says \0A for them.
 */
struct client_cert {
	struct client_cert_der chain[CLIENT_CERT_MAX_CHAIN]; /* DER, leaf first */
	unsigned n_chain;                                    /* 1 at least */
	/*
	 * Of the leaf; "" and 0 when it could not be read. Names as in RFC 2253:
	 * "CN=client_.com,OU=client-3,O=mTLS,ST=Washington,C=US"
	 */
	const char *subject, *issuer;
	const char *common_name; /* the subject's last CN, not escaped; "" when there is none */
	char serial[129];        /* hex, upper case, whole bytes: "03A5B1" */
	int64_t not_before, not_after; /* seconds since the epoch */
	uint8_t fingerprint[32];       /* SHA-256 of the leaf */
	/* OpenSSL's names, as PROXY TLVs have them: "RSA2048", "EC256"; "RSA-SHA256", "ecdsa-with-SHA256". */
	char key_alg[16];
	const char *sig_alg; /* a constant; "" for one that is not known */
};

/*
 * Copies a chain that a client showed and reads its first certificate. NULL: none, or no memory. The caller owns
 * it. Any thread.
 */
struct client_cert *client_cert_new(const struct client_cert_der *chain, unsigned n_chain);

/* Frees it; NULL is fine. Any thread. */
void client_cert_free(struct client_cert *c);

/* "NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z", cut to room bytes. Returns text. */
char *client_cert_validity(const struct client_cert *c, char *text, size_t room);

/*
 * The leaf, or the whole chain, as PEM, URL-encoded as AWS does: "+=/" stay as they are. Returns the length without
 * the terminating zero; when it is room or more, what is in text is cut. text may be NULL with room 0.
 */
size_t client_cert_pem_url(const struct client_cert *c, bool whole_chain, char *text, size_t room);
