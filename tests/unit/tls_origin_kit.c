/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/tls_origin_kit.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/err.h"
#include "tls/cert.h"
#include "tls/origin_session.h"

#include <cmocka.h>

static struct err e;
static EVP_PKEY *ca_keys[KIT_N_CAS], *ec_key, *rsa_key;
static X509 *cas[KIT_N_CAS];
static const char *const ca_names[KIT_N_CAS] = { "Kit Root", "Kit Intermediate", "Other Root" };

/* --- certificates --- */

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static X509 *blank(const char *name, EVP_PKEY *key, long serial, int from_day, int to_day)
{
	X509 *x = X509_new();

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), (long)from_day * KIT_DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), (long)to_day * KIT_DAY);
	X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	return x;
}

static void sign(X509 *x, X509 *issuer, EVP_PKEY *key)
{
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
}

static X509 *make_ca(enum kit_ca ca)
{
	enum kit_ca by = ca == KIT_INTER ? KIT_ROOT : ca;
	X509 *x = blank(ca_names[ca], ca_keys[ca], ca + 1, -10, 300);
	X509 *issuer = by == ca ? x : cas[by];

	extend(x, issuer, NID_basic_constraints, "critical,CA:TRUE");
	extend(x, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
	extend(x, issuer, NID_subject_key_identifier, "hash");
	sign(x, issuer, ca_keys[by]);
	return x;
}

static X509 *make_leaf(const struct kit_leaf *leaf)
{
	bool has_dates = leaf->from_day != 0 || leaf->to_day != 0,
	     is_self = leaf->issuer == KIT_SELF;
	EVP_PKEY *key = leaf->rsa ? rsa_key : ec_key;
	X509 *x = blank("leaf", key, leaf->serial ? leaf->serial : 1000,
	    has_dates ? leaf->from_day : -1, has_dates ? leaf->to_day : 30);
	X509 *issuer = is_self ? x : cas[leaf->issuer];
	const char *names = leaf->names ? leaf->names : "DNS:app.test";
	const char *purpose = leaf->purpose ? leaf->purpose : "serverAuth";

	extend(x, issuer, NID_key_usage, "digitalSignature");
	if (*names)
		extend(x, issuer, NID_subject_alt_name, names);
	if (*purpose)
		extend(x, issuer, NID_ext_key_usage, purpose);
	if (!is_self)
		extend(x, issuer, NID_authority_key_identifier, "keyid:always");
	sign(x, issuer, is_self ? key : ca_keys[leaf->issuer]);
	return x;
}

int kit_origin_setup(void **state)
{
	(void)state;
	ec_key = EVP_EC_gen("P-256");
	rsa_key = EVP_RSA_gen(2048);
	for (enum kit_ca ca = KIT_ROOT; ca < KIT_N_CAS; ca++) {
		ca_keys[ca] = EVP_EC_gen("P-256");
		cas[ca] = make_ca(ca);
	}
	return ec_key && rsa_key && cas[KIT_OTHER] ? tls_global_init() : -1;
}

int kit_origin_teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(ec_key);
	EVP_PKEY_free(rsa_key);
	for (unsigned i = 0; i < KIT_N_CAS; i++) {
		EVP_PKEY_free(ca_keys[i]);
		X509_free(cas[i]);
	}
	tls_global_fini();
	return 0;
}

/* --- trust --- */

static void add_crl(BIO *to, const long *revoked, int to_day)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_adj(NULL, time(NULL), -5, 0);
	ASN1_TIME *until = ASN1_TIME_adj(NULL, time(NULL), to_day, 0);

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(cas[KIT_INTER]));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, until);
	for (; *revoked; revoked++) {
		X509_REVOKED *one = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();

		ASN1_INTEGER_set(serial, *revoked);
		X509_REVOKED_set_serialNumber(one, serial);
		X509_REVOKED_set_revocationDate(one, from);
		X509_CRL_add0_revoked(crl, one);
		ASN1_INTEGER_free(serial);
	}
	assert_true(X509_CRL_sign(crl, ca_keys[KIT_INTER], EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_CRL(to, crl), 1);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	X509_CRL_free(crl);
}

static struct trust_text text_of(BIO *bio, const char *path)
{
	char *at;
	long len = BIO_get_mem_data(bio, &at);

	return (struct trust_text){ path, (uint8_t *)at, (size_t)len };
}

struct trust_store *
kit_trust(unsigned wanted, struct trust_options options, const long *revoked, int crl_to_day)
{
	BIO *bundle = BIO_new(BIO_s_mem()), *crl = BIO_new(BIO_s_mem());
	const char *path = "crl.pem";
	struct trust_source source = { .name = "backends",
		.bundle = "bundle.pem",
		.crls = &path,
		.n_crls = revoked != NULL,
		.options = options };
	struct trust_text ca_text, crl_text;
	struct trust_store *t;

	for (unsigned i = 0; i < KIT_N_CAS; i++)
		if (wanted & 1u << i)
			assert_int_equal(PEM_write_bio_X509(bundle, cas[i]), 1);
	if (revoked)
		add_crl(crl, revoked, crl_to_day);
	ca_text = text_of(bundle, "bundle.pem");
	crl_text = text_of(crl, path);
	err_init(&e);
	t = trust_parse(&source, &ca_text, &crl_text, time(NULL), &e);
	if (!t)
		fail_msg("%s", e.text);
	BIO_free(bundle);
	BIO_free(crl);
	return t;
}

struct origin *kit_origin(const struct origin_config *from)
{
	struct origin_config config = { .verify = true, .server_name = "app.test" };
	struct trust_store *trust = NULL;
	struct origin *o;

	if (from)
		config = *from;
	config.name = "app";
	if (config.verify && !config.trust)
		config.trust = trust = kit_trust(1 << KIT_ROOT, trust_defaults, NULL, 0);
	err_init(&e);
	o = origin_new(&config, &e);
	if (!o)
		fail_msg("%s", e.text);
	trust_put(trust);
	return o;
}

/* --- the server --- */

SSL_CTX *kit_server(const struct kit_leaf *leaf)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	X509 *x = make_leaf(leaf);

	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"kit", 3);
	assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, leaf->rsa ? rsa_key : ec_key), 1);
	if (leaf->issuer == KIT_INTER && !leaf->no_chain)
		assert_int_equal(SSL_CTX_add1_chain_cert(ctx, cas[KIT_INTER]), 1);
	for (unsigned i = 0; i < leaf->n_more; i++)
		assert_int_equal(SSL_CTX_add1_chain_cert(ctx, cas[KIT_OTHER]), 1);
	/* Clients' certificates: those by the root. */
	X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cas[KIT_ROOT]);
	X509_free(x);
	return ctx;
}

struct cert *kit_own_cert(void)
{
	return kit_leaf_cert(&(struct kit_leaf){ .purpose = "clientAuth" });
}

struct cert *kit_leaf_cert(const struct kit_leaf *leaf)
{
	const struct cert_source source = { .name = "own", .chain_path = "own", .key_path = "own" };
	X509 *x = make_leaf(leaf);
	BIO *chain = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
	struct trust_text chain_text, key_text;
	struct cert *c;

	PEM_write_bio_X509(chain, x);
	PEM_write_bio_PrivateKey(key, leaf->rsa ? rsa_key : ec_key, NULL, NULL, 0, NULL, NULL);
	chain_text = text_of(chain, "own");
	key_text = text_of(key, "own");
	err_init(&e);
	c = cert_parse(&source, (const char *)chain_text.at, chain_text.len,
	    (const char *)key_text.at, key_text.len, time(NULL), &e);
	if (!c)
		fail_msg("%s", e.text);
	BIO_free(chain);
	BIO_free(key);
	X509_free(x);
	return c;
}

/* --- a connection --- */

static uint8_t last_alert;

static void on_info(const SSL *ssl, int where, int what)
{
	(void)ssl;
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && what >> 8 == SSL3_AL_FATAL)
		last_alert = (uint8_t)what;
}

void kit_begin(struct kit_conn *c, struct tls_worker *w, const struct origin *o, SSL_CTX *server,
    const struct origin_session *session)
{
	const struct origin_peer peer = {
		.address = { 192, 0, 2, 7 }, .address_len = 4, .session = session
	};

	kit_begin_with(c, w, o, server, &peer);
}

void kit_begin_with(struct kit_conn *c, struct tls_worker *w, const struct origin *o,
    SSL_CTX *server, const struct origin_peer *peer)
{
	memset(c, 0, sizeof(*c));
	last_alert = 0;
	c->worker = w;
	c->ssl = SSL_new(server);
	SSL_set_info_callback(c->ssl, on_info);
	SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_accept_state(c->ssl);
	c->h = handshake_new_client(w, o, peer, c);
	assert_non_null(c->h);
}

/* What the server has written, to the end of c->in. */
static void fetch(struct kit_conn *c)
{
	int n;

	memmove(c->in, c->in + c->in_at, c->in_len - c->in_at);
	c->in_len -= c->in_at;
	c->in_at = 0;
	n = BIO_read(SSL_get_wbio(c->ssl), c->in + c->in_len, (int)(sizeof(c->in) - c->in_len));
	c->in_len += n > 0 ? (size_t)n : 0;
}

static size_t at_most(size_t n, size_t limit)
{
	return limit > 0 && n > limit ? limit : n;
}

static void step(struct kit_conn *c, const struct origin *now)
{
	static uint8_t out[1 << 16];
	struct iovec in_v = { c->in + c->in_at, at_most(c->in_len - c->in_at, c->cut_in) };
	struct iovec out_v = { out, at_most(sizeof(out), c->cut_out) };
	struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };

	handshake_follow_origin(c->h, now);
	c->status = handshake_step(c->h, &io);
	c->in_at += io.consumed;
	c->sent += io.produced;
	if (io.produced > 0)
		BIO_write(SSL_get_rbio(c->ssl), out, (int)io.produced);
	if (c->status == HANDSHAKE_WANT_KEY) {
		tls_worker_poll(c->worker);
		while (tls_worker_ready(c->worker))
			;
	}
}

static bool is_over(const struct kit_conn *c)
{
	return c->status == HANDSHAKE_DONE || c->status == HANDSHAKE_FAILED;
}

void kit_shake(struct kit_conn *c, const struct origin *now)
{
	char byte;

	c->status = HANDSHAKE_WANT_READ;
	for (unsigned turn = 0; turn < 100000 && !is_over(c); turn++) {
		size_t before = c->sent, at = c->in_len - c->in_at;

		step(c, now);
		SSL_do_handshake(c->ssl);
		fetch(c);
		if (c->status == HANDSHAKE_WANT_READ && c->sent == before &&
		    c->in_len - c->in_at == at)
			break; /* neither gets any further */
	}
	SSL_do_handshake(c->ssl);
	if (c->status == HANDSHAKE_FAILED)
		SSL_read(c->ssl, &byte, 1);
	fetch(c);
	c->server_alert = last_alert;
	c->refused = handshake_take_client_cert(c->h);
	c->facts = *handshake_facts(c->h);
	if (c->status != HANDSHAKE_DONE) {
		handshake_free(c->h);
	} else {
		assert_int_equal(handshake_finish(c->h, &c->record), 0);
		c->is_open = SSL_is_init_finished(c->ssl);
	}
	c->h = NULL;
}

enum record_status kit_read(struct kit_conn *c, uint8_t *to, size_t room, size_t *n)
{
	enum record_status status = RECORD_OK;

	fetch(c);
	while (status == RECORD_OK) {
		struct iovec in_v = { c->in + c->in_at, c->in_len - c->in_at };
		struct iovec out_v = { to + *n, room - *n };
		struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };

		status = record_open(&c->record, tls_worker_aead(c->worker), &io);
		c->in_at += io.consumed;
		*n += io.produced;
		if (record_has_ticket(&c->record))
			break;
	}
	return status;
}

void kit_flush(struct kit_conn *c)
{
	uint8_t out[1024];
	struct iovec out_v = { out, sizeof(out) };
	struct record_io io = { .out = &out_v, .n_out = 1 };

	assert_int_equal(record_control(&c->record, tls_worker_aead(c->worker), &io), RECORD_OK);
	if (io.produced > 0)
		BIO_write(SSL_get_rbio(c->ssl), out, (int)io.produced);
}

static void keep(struct kit_conn *c, struct origin_session **slot)
{
	struct origin_session *dropped = NULL;

	if (!record_has_ticket(&c->record))
		return;
	origin_session_keep(slot ? slot : &dropped, &c->record);
	origin_session_free(dropped);
	assert_false(record_has_ticket(&c->record));
}

static void send_all(struct kit_conn *c, const uint8_t *from, size_t len)
{
	static uint8_t out[RECORD_MAX];

	for (size_t at = 0; at < len;) {
		struct iovec in_v = { (uint8_t *)(uintptr_t)from + at, len - at };
		struct iovec out_v = { out, sizeof(out) };
		struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };

		assert_int_equal(
		    record_seal(&c->record, tls_worker_aead(c->worker), &io), RECORD_OK);
		at += io.consumed;
		BIO_write(SSL_get_rbio(c->ssl), out, (int)io.produced);
	}
}

void kit_talk(struct kit_conn *c, size_t len, struct origin_session **slot)
{
	static uint8_t there[1 << 16], back[1 << 17];
	size_t n = 0, got = 0;
	int part;

	assert_true(c->is_open && len <= sizeof(there));
	keep(c, slot);
	for (size_t i = 0; i < len; i++)
		there[i] = (uint8_t)(i * 7 + len);
	send_all(c, there, len);
	while (got < len && (part = SSL_read(c->ssl, back + got, (int)(len - got))) > 0)
		got += (size_t)part;
	assert_int_equal(got, len);
	assert_memory_equal(back, there, len);
	assert_int_equal(SSL_write(c->ssl, there, (int)len), (int)len);
	while (n < len) {
		enum record_status status = kit_read(c, back, sizeof(back), &n);

		keep(c, slot);
		assert_true(status == RECORD_OK || status == RECORD_MORE);
		if (status == RECORD_MORE && n < len)
			fail_msg("%zu of %zu bytes came back", n, len);
	}
	assert_memory_equal(back, there, len);
}

void kit_end(struct kit_conn *c)
{
	if (c->status == HANDSHAKE_DONE)
		record_fini(&c->record, tls_worker_aead(c->worker));
	handshake_free(c->h);
	client_cert_free(c->refused);
	SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN); /* else OpenSSL declares the session unfit */
	SSL_free(c->ssl);
}

struct kit_result kit_connect(
    struct tls_worker *w, const struct origin *o, SSL_CTX *server, struct origin_session **slot)
{
	static struct kit_conn c;
	struct kit_result r;

	kit_begin(&c, w, o, server, slot ? *slot : NULL);
	kit_shake(&c, o);
	r = (struct kit_result){
		.done = c.is_open, .facts = c.facts, .server_alert = c.server_alert
	};
	if (c.refused)
		snprintf(r.refused, sizeof(r.refused), "%s", c.refused->common_name);
	r.facts.client_cert = NULL;
	if (r.done) {
		assert_int_equal(r.facts.resumed, SSL_session_reused(c.ssl));
		kit_talk(&c, 1000, slot);
		kit_talk(&c, 40000, slot);
	}
	kit_end(&c);
	return r;
}
