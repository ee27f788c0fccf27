/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/handshake.h"
#include "tls/origin.h"
#include "tls/record.h"
#include "tls/trust.h"

/*
 * OpenSSL's server in memory against our client: certificates that are made as the tests want them, handshake, record
 * layer, sessions. The time is that of the machine but where a test says otherwise.
 */

/* Certificate authorities of the tests' own. */
enum kit_ca {
	KIT_ROOT,
	KIT_INTER, /* by KIT_ROOT */
	KIT_OTHER, /* a root that no store has */
	KIT_N_CAS,
	KIT_SELF = KIT_N_CAS, /* issuer of a leaf: itself */
};

#define KIT_DAY 86400

/* A server's certificate; zero means what is usual. */
struct kit_leaf {
	enum kit_ca issuer;
	bool no_chain;        /* the server does not send the intermediate */
	unsigned n_more;      /* certificates that do not belong to it, sent as well */
	const char *names;    /* OpenSSL's subjectAltName; NULL: "DNS:app.test"; "": none */
	const char *purpose;  /* OpenSSL's extendedKeyUsage; NULL: serverAuth; "": none */
	int from_day, to_day; /* from now; 0, 0: -1, 30 */
	long serial;
	bool rsa;
};

/* Makes keys and authorities once; fails the test. */
int kit_origin_setup(void **state);
int kit_origin_teardown(void **state);

/* A store that trusts those CAs (bits 1 << enum kit_ca). revoked: serials that KIT_INTER takes back; 0 ends; NULL: no CRL. */
struct trust_store *
kit_trust(unsigned cas, struct trust_options options, const long *revoked, int crl_to_day);

/* An origin for "app.test" that trusts KIT_ROOT; what differs in config (NULL: nothing) counts. The caller frees it. */
struct origin *kit_origin(const struct origin_config *config);

/* A server with that certificate, which the caller sets up further and frees. */
SSL_CTX *kit_server(const struct kit_leaf *leaf);

/* The client certificate of ours that OpenSSL's servers verify (SSL_VERIFY_PEER): by KIT_ROOT. */
struct cert *kit_own_cert(void);

/* A leaf as our own code has it, without the chain behind it. */
struct cert *kit_leaf_cert(const struct kit_leaf *leaf);

/* Our end, the server's end, and what is on the way. */
struct kit_conn {
	struct tls_worker *worker;
	SSL *ssl;
	struct handshake *h;
	enum handshake_status status;
	struct handshake_facts facts; /* as of the end; client_cert is the test's to free */
	struct client_cert *refused;
	struct record record;
	bool is_open;         /* both ends say that the handshake is over */
	uint8_t server_alert; /* fatal, read by the server; 0: none */
	uint8_t in[1 << 17];  /* from the server, not consumed yet */
	size_t in_at, in_len;
	size_t sent;    /* bytes of ours */
	size_t cut_in;  /* shown to a step at most; 0: all */
	size_t cut_out; /* room for answers; 0: plenty */
};

/* Starts one; session may be NULL. */
void kit_begin(struct kit_conn *c, struct tls_worker *w, const struct origin *o, SSL_CTX *server,
    const struct origin_session *session);

/* The same with another peer than 192.0.2.7, which session is of. */
void kit_begin_with(struct kit_conn *c, struct tls_worker *w, const struct origin *o,
    SSL_CTX *server, const struct origin_peer *peer);

/* Runs it to its end, following now; c->status and c->facts tell. */
void kit_shake(struct kit_conn *c, const struct origin *now);

/* len bytes each way over an open one; tickets on the way go to *slot (NULL: nowhere). Fails the test. */
void kit_talk(struct kit_conn *c, size_t len, struct origin_session **slot);

/* What the server wrote since, through our record layer; returns the last status, adds to *n what was data. */
enum record_status kit_read(struct kit_conn *c, uint8_t *to, size_t room, size_t *n);

/* Lets the server read what record_control has. */
void kit_flush(struct kit_conn *c);

void kit_end(struct kit_conn *c);

/* All of it: connects, talks when that worked, ends. */
struct kit_result {
	bool done;
	struct handshake_facts facts; /* without client_cert */
	uint8_t server_alert;
	char refused[64]; /* common name of what was refused; "": nothing was */
};
struct kit_result kit_connect(
    struct tls_worker *w, const struct origin *o, SSL_CTX *server, struct origin_session **slot);
