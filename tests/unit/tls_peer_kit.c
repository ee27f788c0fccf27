/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/tls_peer_kit.h"

#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tls/hello.h"
#include "tls/record.h"
#include "tls/select.h"

#include <cmocka.h>

struct wire {
	SSL *ssl;
	uint8_t in[65536]; /* from the client */
	size_t at, len;
};

static void fetch(struct wire *w)
{
	int n = BIO_read(SSL_get_wbio(w->ssl), w->in + w->len, (int)(sizeof(w->in) - w->len));

	w->len += n > 0 ? (size_t)n : 0;
}

static uint8_t last_alert; /* fatal, read by the client */

static void on_info(const SSL *ssl, int where, int what)
{
	(void)ssl;
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && what >> 8 == SSL3_AL_FATAL)
		last_alert = (uint8_t)what;
}

static void show_certificate(SSL_CTX *ctx, const struct peer_client *c)
{
	char chain[256], key[256];

	snprintf(chain, sizeof(chain), "%s/%s", TEST_FOLDER, c->chain);
	snprintf(key, sizeof(key), "%s/%s", TEST_FOLDER, c->key);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, chain), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM), 1);
}

static SSL_CTX *client_ctx(const struct peer_client *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_options(ctx, SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS); /* one record for a word */
	SSL_CTX_set_info_callback(ctx, on_info);
	if (c->chain)
		show_certificate(ctx, c);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_min_proto_version(ctx, c->version ? c->version : TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(ctx, c->version ? c->version : TLS1_3_VERSION);
	if (c->ciphers)
		assert_int_equal(SSL_CTX_set_cipher_list(ctx, c->ciphers), 1);
	if (c->suites13)
		assert_int_equal(SSL_CTX_set_ciphersuites(ctx, c->suites13), 1);
	if (c->sigalgs)
		assert_int_equal(SSL_CTX_set1_sigalgs_list(ctx, (char *)(uintptr_t)c->sigalgs), 1);
	if (c->groups)
		assert_int_equal(SSL_CTX_set1_groups_list(ctx, (char *)(uintptr_t)c->groups), 1);
	if (c->alpn)
		assert_int_equal(SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)c->alpn,
				     (unsigned)strlen(c->alpn)),
		    0);
	return ctx;
}

static SSL *client_new(SSL_CTX *ctx, const struct peer_client *c)
{
	SSL *ssl = SSL_new(ctx);

	if (c->name)
		SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)c->name);
	if (c->session) { /* a copy: a new ticket makes OpenSSL declare the old one unfit */
		SSL_SESSION *copy = SSL_SESSION_dup(c->session);

		assert_int_equal(SSL_set_session(ssl, copy), 1);
		SSL_SESSION_free(copy);
	}
	if (c->wants_staple)
		SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(ssl);
	return ssl;
}

/* The handshake, to its end or failure. */
static enum handshake_status
shake(struct tls_worker *tls, struct handshake *h, const struct tls_service *s, struct wire *w)
{
	static uint8_t out[65536];
	enum handshake_status status = HANDSHAKE_WANT_READ;

	for (unsigned turn = 0; turn < 40 && status != HANDSHAKE_DONE; turn++) {
		struct iovec in_v = { w->in + w->at, w->len - w->at }, out_v = { out, sizeof(out) };
		struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };

		if (handshake_asks(h))
			handshake_follow(h, s);
		status = handshake_step(h, &io);
		w->at += io.consumed;
		if (io.produced > 0)
			BIO_write(SSL_get_rbio(w->ssl), out, (int)io.produced);
		if (status == HANDSHAKE_FAILED)
			break;
		if (status == HANDSHAKE_WANT_KEY) {
			tls_worker_poll(tls);
			while (tls_worker_ready(tls))
				;
			continue;
		}
		SSL_do_handshake(w->ssl);
		fetch(w);
	}
	SSL_do_handshake(w->ssl);
	fetch(w);
	if (status == HANDSHAKE_FAILED)
		SSL_read(w->ssl, out, 1); /* TLS 1.3's client may have been done before */
	return status;
}

/* A word from the server, which also makes the client read a ticket before it, and one back. */
static bool exchange(struct tls_worker *tls, struct record *r, struct wire *w)
{
	static uint8_t out[65536];
	static char word[] = "sally";
	struct iovec in_v = { word, 5 }, out_v = { out, sizeof(out) };
	struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };
	int n = 0, part;
	char got[16];

	if (record_seal(r, tls_worker_aead(tls), &io) != RECORD_OK || io.consumed != 5)
		return false;
	BIO_write(SSL_get_rbio(w->ssl), out, (int)io.produced);
	/* CBC in TLS 1.0 sends the first byte alone. */
	while (n < 5 && (part = SSL_read(w->ssl, got + n, 5 - n)) > 0)
		n += part;
	if (n != 5 || memcmp(got, word, 5) != 0)
		return false;
	SSL_write(w->ssl, "port", 4);
	fetch(w);
	in_v = (struct iovec){ w->in + w->at, w->len - w->at };
	io = (struct record_io){ .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };
	return record_open(r, tls_worker_aead(tls), &io) == RECORD_OK && io.produced == 4 &&
	    memcmp(out, "port", 4) == 0;
}

static void take_facts(struct peer_result *r, SSL *ssl)
{
	X509 *leaf = SSL_get1_peer_certificate(ssl);
	const unsigned char *staple;
	long len = SSL_get_tlsext_status_ocsp_resp(ssl, &staple);
	unsigned n = sizeof(r->leaf);

	if (leaf)
		X509_digest(leaf, EVP_sha256(), r->leaf, &n);
	X509_free(leaf);
	if (len > 0 && (size_t)len <= sizeof(r->staple)) {
		memcpy(r->staple, staple, (size_t)len);
		r->staple_len = (size_t)len;
	}
	r->session = SSL_get1_session(ssl);
	if (r->session && (!r->done || !SSL_SESSION_has_ticket(r->session))) {
		SSL_SESSION_free(r->session);
		r->session = NULL;
	}
}

static void serve(struct peer_result *r, struct tls_worker *tls, const struct tls_choice *choice,
    const struct tls_service *later, struct wire *w)
{
	struct handshake *h = handshake_new(tls, choice, w);
	enum handshake_status status;
	struct record record;

	assert_non_null(h);
	status = shake(tls, h, later ? later : choice->service, w);
	r->facts = *handshake_facts(h);
	r->client_cert = handshake_take_client_cert(h);
	r->facts.client_cert = NULL;
	if (status != HANDSHAKE_DONE || !SSL_is_init_finished(w->ssl)) {
		handshake_free(h);
		return;
	}
	assert_int_equal(handshake_finish(h, &record), 0);
	r->done = exchange(tls, &record, w);
	record_fini(&record, tls_worker_aead(tls));
	assert_int_equal(r->facts.resumed, SSL_session_reused(w->ssl));
	r->resumed = r->facts.resumed;
}

struct peer_result
peer_connect(struct tls_worker *tls, const struct tls_service *s, const struct peer_client *client)
{
	static uint8_t scratch[HELLO_SCRATCH];
	static struct wire w;
	struct peer_result r = { 0 };
	const STACK_OF(X509_NAME) * names;
	SSL_CTX *ctx = client_ctx(client);
	struct tls_choice choice;
	struct hello hello;
	struct iovec iov;
	uint8_t alert;
	size_t need;

	w = (struct wire){ .ssl = client_new(ctx, client) };
	last_alert = 0;
	SSL_do_handshake(w.ssl);
	fetch(&w);
	iov = (struct iovec){ w.in, w.len };
	assert_int_equal(hello_read(&hello, &iov, 1, scratch, &need, &alert), HELLO_OK);
	if (select_certificate(s, &hello, &choice) == 0) {
		serve(&r, tls, &choice, client->later, &w);
		take_facts(&r, w.ssl);
	}
	names = SSL_get0_peer_CA_list(w.ssl);
	r.n_ca_names = names ? (unsigned)sk_X509_NAME_num(names) : 0;
	if (r.n_ca_names > 0)
		X509_NAME_oneline(sk_X509_NAME_value(names, 0), r.ca_name, sizeof(r.ca_name));
	r.alert = last_alert;
	SSL_set_shutdown(w.ssl, SSL_SENT_SHUTDOWN); /* else OpenSSL declares the session unfit */
	SSL_free(w.ssl);
	SSL_CTX_free(ctx);
	return r;
}

struct cert *peer_cert(const char *name)
{
	static struct err e;
	char chain[64], key[64];
	struct cert *c;

	snprintf(chain, sizeof(chain), "%s.pem inter.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	c = kit_cert(chain, key, &e);
	assert_non_null(c);
	return c;
}
