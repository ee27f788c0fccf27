/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "perf/loadgen/tls_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "perf/evidence.h"
#include "perf/loadgen/names.h"
#include "tls/handshake_facts.h"
#include "tls/handshake_worker.h"

#define VERIFY_EVERY 64
#define PIECES       16
/* wolfCrypt's numbers of the devices below, beside TLS_DEVICE: of handshakes, and of those that verify all */
#define SPARING      0x5351
#define WATCHING     0x5352

/* The TLS worker lends its heap, random generator and record engine: its handshakes are a server's. */
struct tls_kit {
	struct tls_client_config config;
	struct tls_worker *worker;
	WOLFSSL_CTX *plain, *verifying;
	WOLFSSL_SESSION *session; /* with a ticket; NULL: none yet */
	curve25519_key share;     /* with share_reuse */
	uint64_t n;
	uint64_t draws; /* of names so far: the same ones in each run */
	int error;
	char text[160];
	struct evidence evidence;
};

struct tls_client {
	struct tls_kit *kit;
	struct tcp_conn *conn;
	WOLFSSL *ssl;
	bool resuming, connected;
	uint32_t drawn; /* with n_names: which of them */
	uint64_t id;
	uint8_t client_traffic[48], server_traffic[48];
};

static int receive(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	struct tls_client *t = arg;
	struct iovec iov[PIECES];
	unsigned n = tcp_rx_view(t->conn, iov, PIECES);
	size_t done = 0;

	(void)ssl;
	for (unsigned i = 0; i < n && done < (size_t)len; i++) {
		size_t part = (size_t)len - done;

		if (part > iov[i].iov_len)
			part = iov[i].iov_len;
		memcpy(buf + done, iov[i].iov_base, part);
		done += part;
	}
	if (done == 0)
		return tcp_rx_is_finished(t->conn) ? WOLFSSL_CBIO_ERR_CONN_CLOSE
						   : WOLFSSL_CBIO_ERR_WANT_READ;
	tcp_rx_consume(t->conn, (uint32_t)done);
	return (int)done;
}

static int transmit(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	struct tls_client *t = arg;
	struct iovec iov[PIECES];
	unsigned n = tcp_tx_reserve(t->conn, (uint32_t)len, iov, PIECES);
	size_t done = 0;

	(void)ssl;
	for (unsigned i = 0; i < n && done < (size_t)len; i++) {
		size_t part = (size_t)len - done;

		if (part > iov[i].iov_len)
			part = iov[i].iov_len;
		memcpy(iov[i].iov_base, buf + done, part);
		done += part;
	}
	if (done == 0)
		return WOLFSSL_CBIO_ERR_WANT_WRITE;
	tcp_tx_commit(t->conn, (uint32_t)done, TCP_PUSH);
	return (int)done;
}

static int keep_secret(WOLFSSL *ssl, int id, const unsigned char *secret, int len, void *arg)
{
	struct tls_client *t = arg;
	uint8_t *to = id == CLIENT_TRAFFIC_SECRET ? t->client_traffic
	    : id == SERVER_TRAFFIC_SECRET         ? t->server_traffic
						  : NULL;

	(void)ssl;
	if (to != NULL && len >= 0 && (size_t)len <= sizeof(t->client_traffic))
		memcpy(to, secret, (size_t)len);
	return 0;
}

/* --- key operations that clients are spared --- */

static int copy_share(struct tls_kit *k, curve25519_key *to)
{
	return wc_curve25519_import_private_raw_ex(k->share.k, sizeof(k->share.k), k->share.p.point,
	    sizeof(k->share.p.point), to, EC25519_LITTLE_ENDIAN);
}

static int on_crypto(int device, wc_CryptoInfo *info, void *arg)
{
	struct tls_kit *k = arg;

	if (info->algo_type == WC_ALGO_TYPE_RNG) {
		drbg_read(k->worker->drbg, info->rng.out, info->rng.sz);
		return 0;
	}
	if (info->algo_type == WC_ALGO_TYPE_PK && device == SPARING) {
		if (info->pk.type == WC_PK_TYPE_CURVE25519_KEYGEN && k->config.share_reuse)
			return copy_share(k, info->pk.curve25519kg.key);
		if (info->pk.type == WC_PK_TYPE_ECDSA_VERIFY && k->config.no_verify) {
			*info->pk.eccverify.res = 1;
			return 0;
		}
	}
	return evidence_watch(&k->evidence, info);
}

/* wolfSSL gives the callbacks below nothing to know the kit by. */
static _Thread_local struct tls_kit *named;

static void see(const WOLFSSL_X509_STORE_CTX *store)
{
	if (store->totalCerts > 0)
		evidence_leaf(&named->evidence, store->certs[0].buffer, store->certs[0].length);
}

/* The verdict stays as it is. */
static int on_verified(int is_good, WOLFSSL_X509_STORE_CTX *store)
{
	see(store);
	return is_good;
}

static int on_certificate(int is_good, WOLFSSL_X509_STORE_CTX *store)
{
	(void)is_good;
	see(store);
	return 1;
}

static int make_share(struct tls_kit *k)
{
	WC_RNG rng;
	int ret;

	if (wc_InitRng_ex(&rng, NULL, SPARING) != 0 || wc_curve25519_init(&k->share) != 0)
		return -1;
	ret = wc_curve25519_make_key(&rng, CURVE25519_KEYSIZE, &k->share);
	wc_FreeRng(&rng);
	return ret == 0 ? 0 : -1;
}

static WOLFSSL_CTX *ctx_new(const struct tls_client_config *c, bool verify)
{
	WOLFSSL_CTX *ctx =
	    wolfSSL_CTX_new(c->tls12 ? wolfTLSv1_2_client_method() : wolfTLSv1_3_client_method());
	int group = c->group;
	const char *suites = !c->tls12 ? "TLS13-AES128-GCM-SHA256"
	    : c->rsa                   ? "ECDHE-RSA-AES128-GCM-SHA256"
				       : "ECDHE-ECDSA-AES128-GCM-SHA256";

	if (ctx == NULL)
		return NULL;
	wolfSSL_CTX_set_verify(ctx, verify ? WOLFSSL_VERIFY_PEER : WOLFSSL_VERIFY_NONE, NULL);
	if (wolfSSL_CTX_SetDevId(ctx, verify ? WATCHING : SPARING) == WOLFSSL_SUCCESS &&
	    (!verify || wolfSSL_CTX_load_verify_locations(ctx, c->ca, NULL) == WOLFSSL_SUCCESS) &&
	    wolfSSL_CTX_set_cipher_list(ctx, suites) == WOLFSSL_SUCCESS &&
	    wolfSSL_CTX_set_groups(ctx, &group, 1) == WOLFSSL_SUCCESS &&
	    wolfSSL_CTX_set1_sigalgs_list(
		ctx, c->rsa ? "RSA-PSS+SHA256:RSA+SHA256" : "ECDSA+SHA256") == WOLFSSL_SUCCESS &&
	    (c->n_names > 0 ||
		wolfSSL_CTX_UseSNI(ctx, WOLFSSL_SNI_HOST_NAME, c->name,
		    (unsigned short)strlen(c->name)) == WOLFSSL_SUCCESS)) {
		wolfSSL_CTX_SetIORecv(ctx, receive);
		wolfSSL_CTX_SetIOSend(ctx, transmit);
		wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
		return ctx;
	}
	wolfSSL_CTX_free(ctx);
	return NULL;
}

/* Which one it was is no question where there is one. */
static void watch_certificates(struct tls_kit *k)
{
	named = k;
	wolfSSL_CertManagerSetVerify(wolfSSL_CTX_GetCertManager(k->plain), on_certificate);
	if (k->verifying != NULL)
		wolfSSL_CertManagerSetVerify(wolfSSL_CTX_GetCertManager(k->verifying), on_verified);
}

struct tls_kit *tls_kit_new(const struct tls_client_config *config)
{
	const struct tls_worker_config worker = { .max_contexts = 1 };
	struct tls_kit *k = calloc(1, sizeof(*k));

	if (k == NULL || tls_global_init() != 0)
		goto fail;
	k->config = *config;
	k->worker = tls_worker_new(&worker);
	if (k->worker == NULL)
		goto fail;
	tls_worker_enter(k->worker);
	if (wc_CryptoCb_RegisterDevice(SPARING, on_crypto, k) != 0 ||
	    wc_CryptoCb_RegisterDevice(WATCHING, on_crypto, k) != 0 || make_share(k) != 0)
		goto fail;
	k->plain = ctx_new(config, false);
	k->verifying = config->ca != NULL ? ctx_new(config, true) : NULL;
	if (k->plain == NULL || (config->ca != NULL && k->verifying == NULL))
		goto fail;
	if (config->n_names > 0)
		watch_certificates(k);
	return k;
fail:
	fprintf(stderr, "loadgen: wolfSSL does not take the group, the CA file or the name\n");
	tls_kit_free(k);
	return NULL;
}

void tls_kit_free(struct tls_kit *k)
{
	if (k == NULL)
		return;
	wolfSSL_SESSION_free(k->session);
	wolfSSL_CTX_free(k->plain);
	wolfSSL_CTX_free(k->verifying);
	wc_curve25519_free(&k->share);
	wc_CryptoCb_UnRegisterDevice(SPARING);
	wc_CryptoCb_UnRegisterDevice(WATCHING);
	tls_worker_leave(NULL);
	tls_worker_free(k->worker);
	free(k);
}

struct aead_engine *tls_kit_aead(struct tls_kit *k)
{
	return tls_worker_aead(k->worker);
}

const char *tls_kit_error(const struct tls_kit *k)
{
	return k->text;
}

void tls_kit_print_errors(const struct tls_kit *k, FILE *to)
{
	evidence_print_kinds(&k->evidence, to);
}

/* splitmix64 (Steele, Lea and Flood 2014), scaled to n. */
static uint32_t draw(struct tls_kit *k, uint32_t n)
{
	uint64_t x = ++k->draws * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return (uint32_t)((x >> 32) * n >> 32);
}

/* Whom t is to speak to; room has NAMES_MAX_BYTES. */
static const char *name_of(const struct tls_client *t, char *room)
{
	const struct tls_client_config *c = &t->kit->config;

	if (c->n_names == 0)
		return c->name;
	names_make(room, c->name, t->drawn);
	return room;
}

/* Said in the hello, and checked when the certificate is. */
static bool set_name(struct tls_client *t, bool verify)
{
	struct tls_kit *k = t->kit;
	char room[NAMES_MAX_BYTES];
	const char *name;

	if (k->config.n_names > 0)
		t->drawn = draw(k, k->config.n_names);
	name = name_of(t, room);
	if (k->config.n_names > 0) {
		if (wolfSSL_UseSNI(t->ssl, WOLFSSL_SNI_HOST_NAME, name,
			(unsigned short)strlen(name)) != WOLFSSL_SUCCESS)
			return false;
	}
	return !verify || wolfSSL_check_domain_name(t->ssl, name) == WOLFSSL_SUCCESS;
}

struct tls_client *tls_client_new(struct tls_kit *k, struct tcp_conn *conn)
{
	bool verify = k->verifying != NULL && k->n % VERIFY_EVERY == 0;
	struct tls_client *t = heap_malloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	t->kit = k;
	t->conn = conn;
	t->id = ++k->n;
	t->resuming = k->session != NULL;
	t->connected = false;
	t->ssl = wolfSSL_new(verify ? k->verifying : k->plain);
	if (t->ssl == NULL ||
	    (t->resuming && wolfSSL_set_session(t->ssl, k->session) != WOLFSSL_SUCCESS) ||
	    wolfSSL_set_tls13_secret_cb(t->ssl, keep_secret, t) != WOLFSSL_SUCCESS ||
	    (!k->config.tls12 && wolfSSL_UseKeyShare(t->ssl, k->config.group) != WOLFSSL_SUCCESS) ||
	    !set_name(t, verify)) {
		tls_client_free(t);
		return NULL;
	}
	wolfSSL_SetIOReadCtx(t->ssl, t);
	wolfSSL_SetIOWriteCtx(t->ssl, t);
	return t;
}

void tls_client_free(struct tls_client *t)
{
	if (t == NULL)
		return;
	wolfSSL_free(t->ssl);
	explicit_bzero(t, sizeof(*t));
	heap_release(t);
}

static enum tls_client_status again_or_failed(struct tls_client *t, int ret)
{
	char text[WOLFSSL_MAX_ERROR_SZ], name[NAMES_MAX_BYTES];
	struct tls_kit *k = t->kit;

	k->error = wolfSSL_get_error(t->ssl, ret);
	if (k->error == WOLFSSL_ERROR_WANT_READ || k->error == WOLFSSL_ERROR_WANT_WRITE)
		return TLS_CLIENT_AGAIN;
	wolfSSL_ERR_error_string_n((unsigned long)k->error, text, sizeof(text));
	snprintf(k->text, sizeof(k->text), "%.140s (%d)", text, k->error);
	evidence_failed(&k->evidence, t->id, k->error, name_of(t, name), stderr);
	return TLS_CLIENT_FAILED;
}

/* A TLS 1.3 server's ticket follows the handshake: wolfSSL reads until it has one. */
static enum tls_client_status fetch_session(struct tls_client *t)
{
	WOLFSSL_SESSION *session;
	char byte;
	int ret;

	if (!t->kit->config.tls12) {
		ret = wolfSSL_peek(t->ssl, &byte, 1);
		if (ret > 0 || again_or_failed(t, ret) == TLS_CLIENT_FAILED)
			return TLS_CLIENT_FAILED;
	}
	session = wolfSSL_get1_session(t->ssl);
	if (session != NULL && wolfSSL_SESSION_has_ticket(session)) {
		wolfSSL_SESSION_free(t->kit->session);
		t->kit->session = session;
		return TLS_CLIENT_DONE;
	}
	wolfSSL_SESSION_free(session);
	return TLS_CLIENT_AGAIN;
}

enum tls_client_status tls_client_step(struct tls_client *t)
{
	struct tls_kit *k = t->kit;

	k->evidence.who = t->id;
	if (!t->connected) {
		int ret = wolfSSL_connect(t->ssl);

		if (ret != WOLFSSL_SUCCESS)
			return again_or_failed(t, ret);
		t->connected = true;
	}
	if (k->config.resume && !t->resuming)
		return fetch_session(t);
	if (t->resuming && !wolfSSL_session_reused(t->ssl)) {
		snprintf(k->text, sizeof(k->text),
		    "a full handshake where the session should have been resumed");
		return TLS_CLIENT_FAILED;
	}
	return TLS_CLIENT_DONE;
}

int tls_client_finish(struct tls_client *t, struct record *r)
{
	struct tls_keys keys = { .client = true };
	int ret = -1;

	if (handshake_take_keys(t->ssl, t->client_traffic, t->server_traffic, &keys) ==
	    HANDSHAKE_KEYS_TAKEN) {
		record_init(r, &keys);
		ret = 0;
	}
	explicit_bzero(&keys, sizeof(keys));
	tls_client_free(t);
	return ret;
}
