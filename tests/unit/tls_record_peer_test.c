/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record layer against a living wolfSSL: a handshake in memory, the keys taken out of one side, that
 * side's WOLFSSL object freed, and from there on our records talk to the other side.
 */
/* Before every other header of wolfSSL. */
#include <wolfssl/options.h>
#define USE_CERT_BUFFERS_256

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/certs_test.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>

#include "tests/unit/tls_record_kit.h"

#include <cmocka.h>

/* One direction of the wire. */
struct pipe {
	uint8_t bytes[1 << 18];
	size_t len;
};

struct ends {
	struct pipe to_server, to_client;
	WOLFSSL_CTX *server_ctx, *client_ctx;
	WOLFSSL *server, *client;
	uint8_t client_secret[48], server_secret[48];
	struct aead_engine *e;

	/* After hand_over. */
	struct record r;
	WOLFSSL *peer;
	struct pipe *from_peer, *to_peer;
};

static struct kit_random rng = { 50 };

static int pipe_read(WOLFSSL *ssl, char *to, int len, void *arg)
{
	struct pipe *p = arg;
	size_t n = p->len < (size_t)len ? p->len : (size_t)len;

	(void)ssl;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(to, p->bytes, n);
	p->len -= n;
	memmove(p->bytes, p->bytes + n, p->len);
	return (int)n;
}

static int pipe_write(WOLFSSL *ssl, char *from, int len, void *arg)
{
	struct pipe *p = arg;

	(void)ssl;
	if (p->len + (size_t)len > sizeof p->bytes)
		return WOLFSSL_CBIO_ERR_WANT_WRITE;
	memcpy(p->bytes + p->len, from, (size_t)len);
	p->len += (size_t)len;
	return len;
}

static int keep_secret(WOLFSSL *ssl, int id, const unsigned char *secret, int len, void *arg)
{
	struct ends *ends = arg;

	(void)ssl;
	if (id == CLIENT_TRAFFIC_SECRET)
		memcpy(ends->client_secret, secret, (size_t)len);
	if (id == SERVER_TRAFFIC_SECRET)
		memcpy(ends->server_secret, secret, (size_t)len);
	return 0;
}

struct suite {
	uint16_t version;
	const char *name;
	enum aead_kind kind;
	uint8_t hash_len, key_len;
};

static const struct suite suites[] = {
	{ 0x0304, "TLS13-AES128-GCM-SHA256", AEAD_AES_128_GCM, 32, 16 },
	{ 0x0304, "TLS13-AES256-GCM-SHA384", AEAD_AES_256_GCM, 48, 32 },
	{ 0x0304, "TLS13-CHACHA20-POLY1305-SHA256", AEAD_CHACHA20_POLY1305, 32, 32 },
	{ 0x0303, "ECDHE-ECDSA-AES128-GCM-SHA256", AEAD_AES_128_GCM, 0, 16 },
	{ 0x0303, "ECDHE-ECDSA-AES256-GCM-SHA384", AEAD_AES_256_GCM, 0, 32 },
	{ 0x0303, "ECDHE-ECDSA-CHACHA20-POLY1305", AEAD_CHACHA20_POLY1305, 0, 32 },
};

static WOLFSSL_CTX *context_new(WOLFSSL_METHOD *method, const struct suite *s)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(method);

	assert_non_null(ctx);
	wolfSSL_CTX_SetIORecv(ctx, pipe_read);
	wolfSSL_CTX_SetIOSend(ctx, pipe_write);
	assert_int_equal(wolfSSL_CTX_set_cipher_list(ctx, s->name), WOLFSSL_SUCCESS);
	return ctx;
}

static struct ends *ends_new(const struct suite *s, enum aead_backend backend)
{
	bool v13 = s->version == 0x0304;
	struct ends *ends = calloc(1, sizeof *ends);
	bool server_done = false, client_done = false;

	assert_non_null(ends);
	ends->e = aead_engine_new(backend, 4);
	ends->server_ctx =
	    context_new(v13 ? wolfTLSv1_3_server_method() : wolfTLSv1_2_server_method(), s);
	ends->client_ctx =
	    context_new(v13 ? wolfTLSv1_3_client_method() : wolfTLSv1_2_client_method(), s);
	assert_int_equal(wolfSSL_CTX_use_certificate_buffer(ends->server_ctx, serv_ecc_der_256,
			     sizeof serv_ecc_der_256, WOLFSSL_FILETYPE_ASN1),
	    WOLFSSL_SUCCESS);
	assert_int_equal(wolfSSL_CTX_use_PrivateKey_buffer(ends->server_ctx, ecc_key_der_256,
			     sizeof ecc_key_der_256, WOLFSSL_FILETYPE_ASN1),
	    WOLFSSL_SUCCESS);
	wolfSSL_CTX_set_verify(ends->client_ctx, WOLFSSL_VERIFY_NONE, NULL);
	ends->server = wolfSSL_new(ends->server_ctx);
	ends->client = wolfSSL_new(ends->client_ctx);
	assert_true(ends->e && ends->server && ends->client);
	wolfSSL_SetIOReadCtx(ends->server, &ends->to_server);
	wolfSSL_SetIOWriteCtx(ends->server, &ends->to_client);
	wolfSSL_SetIOReadCtx(ends->client, &ends->to_client);
	wolfSSL_SetIOWriteCtx(ends->client, &ends->to_server);
	if (v13)
		wolfSSL_set_tls13_secret_cb(ends->server, keep_secret, ends);
	for (unsigned i = 0; i < 20 && !(server_done && client_done); i++) {
		client_done = client_done || wolfSSL_connect(ends->client) == WOLFSSL_SUCCESS;
		server_done = server_done || wolfSSL_accept(ends->server) == WOLFSSL_SUCCESS;
	}
	assert_true(server_done && client_done);
	return ends;
}

static void take_dir(struct tls_secret *to, const struct suite *s, const uint8_t *key,
    const uint8_t *iv, const uint8_t *traffic, word64 seq)
{
	bool salt = s->version == 0x0303 && s->kind != AEAD_CHACHA20_POLY1305;

	memcpy(to->key, key, s->key_len);
	memcpy(to->iv, iv, salt ? 4 : 12);
	memcpy(to->traffic, traffic, s->hash_len);
	to->seq = seq;
}

/* Our record layer takes the place of one side; the other stays wolfSSL. */
static void hand_over(struct ends *ends, const struct suite *s, bool client)
{
	struct tls_keys keys = {
		.version = s->version, .aead = s->kind, .hash_len = s->hash_len, .client = client
	};
	WOLFSSL **ours = client ? &ends->client : &ends->server;
	word64 out_seq = 0, in_seq = 0;

	/* The peer's half-read bytes (tickets) are ours to read. */
	assert_true(wolfSSL_GetSequenceNumber(*ours, &out_seq) >= 0);    /* it answers !seq */
	assert_true(wolfSSL_GetPeerSequenceNumber(*ours, &in_seq) >= 0); /* it answers !seq */
	take_dir(client ? &keys.write : &keys.read, s, wolfSSL_GetClientWriteKey(*ours),
	    wolfSSL_GetClientWriteIV(*ours), ends->client_secret, client ? out_seq : in_seq);
	take_dir(client ? &keys.read : &keys.write, s, wolfSSL_GetServerWriteKey(*ours),
	    wolfSSL_GetServerWriteIV(*ours), ends->server_secret, client ? in_seq : out_seq);
	record_init(&ends->r, &keys);
	wolfSSL_free(*ours);
	*ours = NULL;
	ends->peer = client ? ends->server : ends->client;
	ends->from_peer = client ? &ends->to_client : &ends->to_server;
	ends->to_peer = client ? &ends->to_server : &ends->to_client;
}

static void ends_free(struct ends *ends)
{
	record_fini(&ends->r, ends->e);
	wolfSSL_free(ends->server);
	wolfSSL_free(ends->client);
	wolfSSL_CTX_free(ends->server_ctx);
	wolfSSL_CTX_free(ends->client_ctx);
	aead_engine_free(ends->e);
	free(ends);
}

static void flush_control(struct ends *ends)
{
	struct pipe *p = ends->to_peer;
	struct iovec room = { p->bytes + p->len, sizeof p->bytes - p->len };
	struct record_io io = { .out = &room, .n_out = 1 };

	assert_int_equal(record_control(&ends->r, ends->e, &io), RECORD_OK);
	p->len += io.produced;
}

static void we_say(struct ends *ends, const uint8_t *data, size_t len)
{
	static struct iovec pieces[KIT_PIECES];
	struct pipe *p = ends->to_peer;
	static uint8_t copy[100000];
	size_t done = 0;

	memcpy(copy, data, len);
	while (done < len) {
		struct iovec room = { p->bytes + p->len, sizeof p->bytes - p->len };
		struct record_io io = { .in = pieces, .out = &room, .n_out = 1 };

		io.n_in = kit_cut(&rng, pieces, copy + done, len - done);
		assert_int_equal(record_seal(&ends->r, ends->e, &io), RECORD_OK);
		p->len += io.produced;
		done += io.consumed;
	}
}

static void peer_hears(struct ends *ends, const uint8_t *data, size_t len)
{
	static uint8_t got[100000];
	size_t done = 0;

	while (done < len) {
		int n = wolfSSL_read(ends->peer, got + done, (int)(sizeof got - done));

		assert_true(n > 0);
		done += (size_t)n;
	}
	assert_int_equal(done, len);
	assert_memory_equal(got, data, len);
}

static void peer_says(struct ends *ends, const uint8_t *data, size_t len)
{
	assert_int_equal(wolfSSL_write(ends->peer, data, (int)len), (int)len);
}

/* Opens what is on the wire; returns the last status other than RECORD_OK. */
static enum record_status we_hear(struct ends *ends, const uint8_t *data, size_t len)
{
	static struct iovec in[KIT_PIECES], out[KIT_PIECES];
	static uint8_t got[100000];
	struct pipe *p = ends->from_peer;
	enum record_status status;
	size_t done = 0;

	do {
		struct record_io io = { .in = in, .out = out };

		io.n_in = kit_cut(&rng, in, p->bytes, p->len);
		io.n_out = kit_cut(&rng, out, got + done, sizeof got - done);
		status = record_open(&ends->r, ends->e, &io);
		done += io.produced;
		p->len -= io.consumed;
		memmove(p->bytes, p->bytes + io.consumed, p->len);
	} while (status == RECORD_OK);
	assert_int_equal(done, len);
	assert_memory_equal(got, data, len);
	return status;
}

static void talk(struct ends *ends, unsigned rounds)
{
	static uint8_t data[60000];

	for (unsigned i = 0; i < rounds; i++) {
		size_t len = 1 + kit_size(&rng, sizeof data - 1);

		kit_bytes(&rng, data, len);
		we_say(ends, data, len);
		peer_hears(ends, data, len);
		len = 1 + kit_size(&rng, sizeof data - 1);
		peer_says(ends, data, len);
		assert_int_equal(we_hear(ends, data, len), RECORD_MORE);
		assert_int_equal(ends->from_peer->len, 0);
	}
}

static void each_suite(void (*run)(struct ends *ends, const struct suite *s))
{
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
		for (unsigned k = 0; k < 4; k++) {
			struct ends *ends =
			    ends_new(&suites[i], k & 1 ? AEAD_BEST : AEAD_WOLFCRYPT);

			hand_over(ends, &suites[i], k & 2);
			run(ends, &suites[i]);
			ends_free(ends);
		}
	}
}

static void run_data(struct ends *ends, const struct suite *s)
{
	(void)s;
	talk(ends, 20);
}

static void data_both_ways(void **state)
{
	(void)state;
	each_suite(run_data);
}

/* Ours, theirs, and both asked for by either side, with data in between. */
static void run_updates(struct ends *ends, const struct suite *s)
{
	static const uint8_t none[1];

	if (s->version != 0x0304)
		return;
	talk(ends, 1);
	for (unsigned i = 0; i < 6; i++) {
		record_rekey(&ends->r, i & 1);
		flush_control(ends);
		talk(ends, 2);
		assert_int_equal(wolfSSL_update_keys(ends->peer), WOLFSSL_SUCCESS);
		assert_int_equal(we_hear(ends, none, 0), RECORD_MORE);
		assert_true(record_has_control(&ends->r)); /* wolfSSL asks for an answer */
		flush_control(ends);
		talk(ends, 2);
	}
	ends->r.rekey_shift = 1; /* on our own, again and again, under load */
	talk(ends, 20);
}

static void key_updates_both_ways(void **state)
{
	(void)state;
	each_suite(run_updates);
}

static void run_close(struct ends *ends, const struct suite *s)
{
	uint8_t byte;
	static const uint8_t none[1];

	(void)s;
	talk(ends, 1);
	record_close(&ends->r);
	flush_control(ends);
	assert_true(wolfSSL_read(ends->peer, &byte, 1) <= 0);
	assert_int_equal(wolfSSL_get_error(ends->peer, 0), WOLFSSL_ERROR_ZERO_RETURN);
	wolfSSL_shutdown(ends->peer);
	assert_int_equal(we_hear(ends, none, 0), RECORD_CLOSED);
	assert_int_equal(ends->r.alert_in, 0);
}

static void close_notify_both_ways(void **state)
{
	(void)state;
	each_suite(run_close);
}

/* A spoilt record: the peer understands our alert, and ours is what wolfSSL itself would say. */
static void run_spoilt(struct ends *ends, const struct suite *s)
{
	static const uint8_t none[1];
	WOLFSSL_ALERT_HISTORY history;
	uint8_t byte;

	(void)s;
	talk(ends, 1);
	peer_says(ends, (const uint8_t *)"hello", 5);
	ends->from_peer->bytes[ends->from_peer->len - 1] ^= 1;
	assert_int_equal(we_hear(ends, none, 0), RECORD_FATAL);
	flush_control(ends);
	assert_true(wolfSSL_read(ends->peer, &byte, 1) <= 0);
	assert_int_equal(wolfSSL_get_alert_history(ends->peer, &history), WOLFSSL_SUCCESS);
	assert_int_equal(history.last_rx.code, 20);
	assert_int_equal(history.last_rx.level, 2);
}

static void bad_mac_told(void **state)
{
	(void)state;
	each_suite(run_spoilt);
}

/* And the other way round: wolfSSL's alert arrives as what it is. */
static void run_peer_refuses(struct ends *ends, const struct suite *s)
{
	static const uint8_t none[1];
	uint8_t byte;

	(void)s;
	talk(ends, 1);
	we_say(ends, (const uint8_t *)"hello", 5);
	ends->to_peer->bytes[ends->to_peer->len - 1] ^= 1;
	assert_true(wolfSSL_read(ends->peer, &byte, 1) <= 0);
	assert_int_equal(we_hear(ends, none, 0), RECORD_FATAL);
	assert_int_equal(ends->r.alert_in, 20);
	assert_false(record_has_control(&ends->r));
}

static void alert_from_peer(void **state)
{
	(void)state;
	each_suite(run_peer_refuses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_both_ways),
		cmocka_unit_test(key_updates_both_ways),
		cmocka_unit_test(close_notify_both_ways),
		cmocka_unit_test(bad_mac_told),
		cmocka_unit_test(alert_from_peer),
	};
	int failed;

	wolfSSL_Init();
	failed = cmocka_run_group_tests_name("tls_record_peer", tests, NULL, NULL);
	wolfSSL_Cleanup();
	return failed;
}
