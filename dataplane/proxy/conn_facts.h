/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dataplane/net/pkt.h"
#include "tls/handshake.h"

struct cert;
struct hello;

/*
 * What is remembered of a proxied connection for the PROXY header to its backend and for its line in the
 * connection log. Kept apart from struct relay, and only filled where somebody asks for it.
 */

/* How a connection came to its end; the first cause counts. */
enum conn_end {
	CONN_END_UNKNOWN,
	CONN_END_CLIENT,            /* the client ended it in order */
	CONN_END_BACKEND,           /* the backend did */
	CONN_END_CLIENT_RESET,      /* RST, or the client is no longer there */
	CONN_END_BACKEND_RESET,     /* the same behind us */
	CONN_END_TRUNCATED,         /* FIN without close_notify */
	CONN_END_IDLE,              /* idle_timeout */
	CONN_END_RECORD,            /* a TLS record that is none, or a fatal alert */
	CONN_END_BACKEND_TRUNCATED, /* FIN without close_notify, from the target */
	CONN_END_BACKEND_RECORD,    /* as CONN_END_RECORD, from the target */
	CONN_END_NO_BACKEND,        /* no target could be reached */
	CONN_END_SHUTDOWN,          /* we were told to stop */
	CONN_END_HELLO,             /* the ClientHello is none */
	CONN_END_HELLO_INCOMPLETE,  /* it ended before its ClientHello did */
	CONN_END_CHOICE,            /* nothing in common: version, suite, name, ALPN */
	CONN_END_HANDSHAKE,         /* failed later */
	CONN_END_HANDSHAKE_TIMEOUT, /* handshake_timeout */
	CONN_END_PROXY_HEADER,      /* no good PROXY header */
	CONN_END_PROXY_TIMEOUT,     /* none in time */
	CONN_END_REFUSED_PROXY,     /* not one of those that may connect (proxy_protocol.others) */
	CONN_END_REFUSED_FULL,      /* max_connections, or stopping */
	CONN_END_REFUSED_RATE,      /* limits.handshakes_per_second */
	CONN_END_REFUSED_HANDSHAKES, /* limits.handshakes_at_once, or what handshakes may take of a core */
	CONN_END_REFUSED_SOURCE, /* limits.per_source */
	CONN_N_ENDS,
};

/* "client_closed" and so on: stable names, for logs and metrics. */
const char *conn_end_name(enum conn_end end);

enum conn_text {
	CONN_SNI,
	CONN_ALPN,
	CONN_CERT,     /* our certificate's name */
	CONN_SERIAL,   /* and serial number, hex */
	CONN_BACKEND,  /* name */
	CONN_NETNS,    /* that a front said */
	CONN_LISTENER, /* name */
	CONN_SUBJECT,  /* of the client's certificate */
	CONN_ISSUER,
	CONN_N_TEXTS,
};

#define CONN_TRACE_BYTES 16
#define CONN_TRACE_TEXT  37 /* "TID_", 32 hex digits, NUL */
#define CONN_JA4         36 /* without NUL */

struct conn_facts {
	/* As a front's PROXY header said, else as the packets do. */
	struct ip_addr client, local;
	uint16_t client_port, local_port;
	uint16_t listener_port; /* that it came to */
	/* The connection's own addresses, when a front said others; else zeroes. */
	struct ip_addr front;

	uint8_t trace[CONN_TRACE_BYTES];
	/* Of the worker's clock; 0: did not come to that. */
	uint64_t accepted_us, hello_us, decided_us /* handshake done or failed */, connected_us;
	uint64_t bytes_in, bytes_out; /* plaintext from and to the client */
	struct ip_addr target;
	uint16_t
	    target_port; /* 0: none was connected; or TLS with it failed, and there was no other */
	/* Of the last TLS handshake with a target. */
	bool has_origin;
	uint8_t origin_result;         /* enum target_tls */
	struct handshake_facts origin; /* client_cert: NULL */

	uint8_t end;                     /* enum conn_end */
	bool is_logged;                  /* a line is wanted */
	bool is_done;                    /* the handshake */
	struct handshake_facts tls;      /* client_cert: the one below */
	struct client_cert *client_cert; /* owned */

	/* Of our certificate. */
	uint8_t key_type; /* enum cert_key_type */
	uint16_t key_bits, hash_bits;

	bool has_prints; /* of the ClientHello */
	uint8_t ja3[16];
	char ja4[CONN_JA4];

	char *text; /* owned; NULL: none */
	struct {
		uint16_t at, n;
	} texts[CONN_N_TEXTS];
	uint16_t n_text;
};

/* Starts with what is known of any connection. */
void conn_facts_init(struct conn_facts *f, const struct flow *flow,
    const uint8_t trace[CONN_TRACE_BYTES], uint64_t now_us);

/* Gives back what it owns and forgets all. */
void conn_facts_fini(struct conn_facts *f);

/* Remembers a text, at most once each; when memory is short it is as if it were not known. */
void conn_facts_say(struct conn_facts *f, enum conn_text which, const void *bytes, size_t n);

/* Borrowed until the next conn_facts_say; *n = 0: not known. */
const char *conn_facts_text(const struct conn_facts *f, enum conn_text which, size_t *n);

/* Remembers facts of the certificate that is served. */
void conn_facts_cert(struct conn_facts *f, const struct cert *cert);

/* "RSA2048", "EC256", "ED25519": as PROXY TLVs and OpenSSL call a key. text has room for 16. */
const char *conn_facts_key_alg(const struct conn_facts *f, char text[16]);

/* "TID_" and the trace id in hex. Returns text. */
const char *conn_facts_trace(const struct conn_facts *f, char text[CONN_TRACE_TEXT]);
