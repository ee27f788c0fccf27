/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "perf/evidence.h"

#include <cmocka.h>

#define PKI    TEST_FOLDER "/unit/pki/"
#define CLIENT 0x7101
#define SERVER 0x7102

/* Handshakes in memory: a server whose signatures can be spoiled, a client that watches. */
static struct pipe {
	uint8_t bytes[16384];
	size_t len;
} to_server, to_client;

static struct evidence evidence;
static WC_RNG rng;
static bool is_spoiled;     /* the server's signatures */
static bool is_disbelieved; /* the first verification, though the signature is good */
static char told[16384];

static int on_server(int device, wc_CryptoInfo *info, void *arg)
{
	ecc_key *key;
	int ret;

	(void)device, (void)arg;
	if (info->algo_type == WC_ALGO_TYPE_RNG)
		return wc_RNG_GenerateBlock(&rng, info->rng.out, info->rng.sz);
	if (info->algo_type != WC_ALGO_TYPE_PK || info->pk.type != WC_PK_TYPE_ECDSA_SIGN)
		return CRYPTOCB_UNAVAILABLE;
	key = info->pk.eccsign.key;
	key->devId = INVALID_DEVID;
	ret = wc_ecc_sign_hash(info->pk.eccsign.in, info->pk.eccsign.inlen, info->pk.eccsign.out,
	    info->pk.eccsign.outlen, info->pk.eccsign.rng, key);
	key->devId = SERVER;
	if (is_spoiled && ret == 0)
		info->pk.eccsign.out[*info->pk.eccsign.outlen - 1] ^= 1;
	return ret;
}

static int on_client(int device, wc_CryptoInfo *info, void *arg)
{
	(void)device, (void)arg;
	if (info->algo_type == WC_ALGO_TYPE_RNG)
		return wc_RNG_GenerateBlock(&rng, info->rng.out, info->rng.sz);
	if (is_disbelieved && info->algo_type == WC_ALGO_TYPE_PK &&
	    info->pk.type == WC_PK_TYPE_ECDSA_VERIFY) {
		evidence_keep(&evidence, info, (struct evidence_verdict){ .good = 0 });
		*info->pk.eccverify.res = 0;
		return 0;
	}
	return evidence_watch(&evidence, info);
}

static int on_certificate(int is_good, WOLFSSL_X509_STORE_CTX *store)
{
	(void)is_good;
	assert_true(store->totalCerts > 0);
	evidence_leaf(&evidence, store->certs[0].buffer, store->certs[0].length);
	return 1;
}

static int take(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	struct pipe *p = arg;
	size_t n = (size_t)len < p->len ? (size_t)len : p->len;

	(void)ssl;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(buf, p->bytes, n);
	memmove(p->bytes, p->bytes + n, p->len - n);
	p->len -= n;
	return (int)n;
}

static int give(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	struct pipe *p = arg;

	(void)ssl;
	assert_true((size_t)len <= sizeof(p->bytes) - p->len);
	memcpy(p->bytes + p->len, buf, (size_t)len);
	p->len += (size_t)len;
	return len;
}

static WOLFSSL *end_new(WOLFSSL_CTX *ctx, int device, struct pipe *in, struct pipe *out)
{
	WOLFSSL *ssl;

	assert_int_equal(wolfSSL_CTX_SetDevId(ctx, device), WOLFSSL_SUCCESS);
	wolfSSL_CTX_SetIORecv(ctx, take);
	wolfSSL_CTX_SetIOSend(ctx, give);
	ssl = wolfSSL_new(ctx);
	assert_non_null(ssl);
	wolfSSL_SetIOReadCtx(ssl, in);
	wolfSSL_SetIOWriteCtx(ssl, out);
	return ssl;
}

/* Returns the client's error, 0 for none. With ca it verifies the certificate against that file. */
static int handshake(bool is_12, const char *cert, const char *key, const char *ca, uint64_t who)
{
	WOLFSSL_CTX *server_ctx =
	    wolfSSL_CTX_new(is_12 ? wolfTLSv1_2_server_method() : wolfTLSv1_3_server_method());
	WOLFSSL_CTX *client_ctx =
	    wolfSSL_CTX_new(is_12 ? wolfTLSv1_2_client_method() : wolfTLSv1_3_client_method());
	WOLFSSL *server, *client;
	int error = 0;

	to_server.len = to_client.len = 0;
	assert_int_equal(wolfSSL_CTX_use_certificate_file(server_ctx, cert, WOLFSSL_FILETYPE_PEM),
	    WOLFSSL_SUCCESS);
	assert_int_equal(wolfSSL_CTX_use_PrivateKey_file(server_ctx, key, WOLFSSL_FILETYPE_PEM),
	    WOLFSSL_SUCCESS);
	wolfSSL_CTX_set_verify(client_ctx, ca ? WOLFSSL_VERIFY_PEER : WOLFSSL_VERIFY_NONE, NULL);
	if (!ca)
		wolfSSL_CertManagerSetVerify(
		    wolfSSL_CTX_GetCertManager(client_ctx), on_certificate);
	else
		assert_int_equal(
		    wolfSSL_CTX_load_verify_locations(client_ctx, ca, NULL), WOLFSSL_SUCCESS);
	server = end_new(server_ctx, SERVER, &to_server, &to_client);
	client = end_new(client_ctx, CLIENT, &to_client, &to_server);
	for (int i = 0; i < 10 && error == 0; i++) {
		int ret;

		evidence.who = who;
		ret = wolfSSL_connect(client);
		if (ret == WOLFSSL_SUCCESS)
			break;
		error = wolfSSL_get_error(client, ret);
		if (error == WOLFSSL_ERROR_WANT_READ)
			error = 0;
		wolfSSL_accept(server);
	}
	if (error == 0)
		assert_int_equal(wolfSSL_is_init_finished(client), 1);
	wolfSSL_free(client);
	wolfSSL_free(server);
	wolfSSL_CTX_free(client_ctx);
	wolfSSL_CTX_free(server_ctx);
	return error;
}

static void tell(uint64_t who, int error)
{
	FILE *to = fmemopen(told, sizeof(told), "w");

	assert_non_null(to);
	evidence_failed(&evidence, who, error, "asked.test", to);
	fclose(to);
}

#define says(text) assert_non_null(strstr(told, text))

static int setup(void **state)
{
	(void)state;
	memset(&evidence, 0, sizeof(evidence));
	memset(told, 0, sizeof(told));
	is_spoiled = is_disbelieved = false;
	return 0;
}

static void good_handshakes_keep_nothing(void **state)
{
	(void)state;
	for (int is_12 = 0; is_12 < 2; is_12++) {
		assert_int_equal(handshake(is_12, PKI "p256.pem", PKI "p256.key", NULL, 7), 0);
		assert_int_equal(evidence.bad_of, 0);
		assert_int_equal(evidence.leaf_of, 7);
		assert_true(evidence.leaf_len > 200);
		evidence.leaf_of = 0;
	}
}

static void a_wrong_signature_is_told_whole(void **state)
{
	(void)state;
	is_spoiled = true;
	for (int is_12 = 0; is_12 < 2; is_12++) {
		int error = handshake(is_12, PKI "p256.pem", PKI "p256.key", NULL, 8);

		assert_int_equal(error, VERIFY_SIGN_ERROR);
		assert_int_equal(evidence.bad_of, 8);
		tell(8, error);
		says("(-330), handshake 8, server name asked.test");
		says("certificate: subject /CN=www.example.com, ");
		says("its serial: 2e74\n");
		says("its key, the one used: 3059");
		says("key used: 04");
		says("hash: ");
		says("signature: 30");
		says("verified with a key of curve 7: bad (0, 0)");
		says("verified again: bad (0, 0); with a new copy of the key: bad (0, 0)");
	}
}

/* The mystery: the signature is good, and once it was not. */
static void a_wrong_verification_is_told_from_it(void **state)
{
	int error;

	(void)state;
	is_disbelieved = true;
	error = handshake(false, PKI "p256.pem", PKI "p256.key", NULL, 9);
	assert_int_equal(error, VERIFY_SIGN_ERROR);
	tell(9, error);
	says("verified with a key of curve 7: bad (0, 0)");
	says("its key, the one used: ");
	says("verified again: good (0, 1); with a new copy of the key: good (0, 1)");
}

/* A certificate whose own signature is wrong. */
static void a_wrong_certificate_is_told(void **state)
{
	char path[] = "/tmp/evidence-XXXXXX", text[4096], *at;
	FILE *f = fopen(PKI "p256.pem", "r");
	size_t n;
	int fd = mkstemp(path), error;

	(void)state;
	assert_non_null(f);
	assert_true(fd >= 0);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	at = strstr(text, "\n-----END");
	assert_non_null(at);
	at[-8] = at[-8] == 'A' ? 'B' : 'A'; /* bits of the last bytes, whatever the padding */
	f = fdopen(fd, "w");
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
	error = handshake(false, path, PKI "p256.key", PKI "inter.pem", 10);
	remove(path);
	assert_int_equal(error, ASN_SIG_CONFIRM_E);
	tell(10, error);
	says("(-155), handshake 10");
	says("with a new copy of the key: bad (0, 0)");
	says("certificate: not kept");
}

static void others_are_counted_only(void **state)
{
	(void)state;
	tell(1, SOCKET_ERROR_E);
	assert_string_equal(told, "");
	tell(2, SOCKET_ERROR_E);
	tell(3, UNKNOWN_SNI_HOST_NAME_E);
	for (int i = 0; i < 100; i++)
		tell(4, -1000 - i);
	assert_int_equal(evidence.kinds[0].n, 2);
	assert_int_equal(evidence.kinds[1].n, 1);
	assert_int_equal(evidence.kinds[EVIDENCE_KINDS - 1].n, 100 - (EVIDENCE_KINDS - 3));
	assert_int_equal(evidence.n_told, 0);
}

/* What another handshake left is none of this one's. */
static void nothing_of_others_is_told(void **state)
{
	(void)state;
	is_spoiled = true;
	assert_int_equal(
	    handshake(false, PKI "p256.pem", PKI "p256.key", NULL, 11), VERIFY_SIGN_ERROR);
	tell(12, VERIFY_SIGN_ERROR);
	says("certificate: not kept");
	says("no ECDSA signature was found bad in this handshake");
	assert_null(strstr(told, "key used"));
}

/* The server has shown another certificate than it has the key of. */
static void another_key_is_told_from_the_one_used(void **state)
{
	static uint8_t der[EVIDENCE_MAX_LEAF];
	size_t len;

	(void)state;
	assert_int_equal(handshake(false, PKI "p384.pem", PKI "p384.key", NULL, 1), 0);
	len = evidence.leaf_len;
	memcpy(der, evidence.leaf, len);
	is_spoiled = true;
	assert_int_equal(
	    handshake(false, PKI "p256.pem", PKI "p256.key", NULL, 13), VERIFY_SIGN_ERROR);
	evidence_leaf(&evidence, der, len);
	tell(13, VERIFY_SIGN_ERROR);
	says("its key: ");
	says("key used: 04");
}

static void it_is_told_three_times(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		memset(told, 0, sizeof(told));
		tell(1, VERIFY_SIGN_ERROR);
		assert_true((told[0] != '\0') == (i < 3));
	}
}

static void kinds_are_an_object(void **state)
{
	FILE *to = fmemopen(told, sizeof(told), "w");

	(void)state;
	tell(1, SOCKET_ERROR_E);
	tell(1, VERIFY_SIGN_ERROR);
	tell(1, VERIFY_SIGN_ERROR);
	memset(told, 0, sizeof(told));
	evidence_print_kinds(&evidence, to);
	fclose(to);
	assert_string_equal(told,
	    "{\"error state on socket (-308)\": 1, \"verify problem based on signature (-330)\": 2}");
	memset(told, 0, sizeof(told));
	memset(&evidence, 0, sizeof(evidence));
	to = fmemopen(told, sizeof(told), "w");
	evidence_print_kinds(&evidence, to);
	fclose(to);
	assert_string_equal(told, "{}");
}

static void a_certificate_that_is_none_is_shown(void **state)
{
	static const uint8_t none[] = { 0x30, 0x03, 0xab }, large[EVIDENCE_MAX_LEAF + 1];

	(void)state;
	evidence.who = 5;
	evidence_leaf(&evidence, none, sizeof(none));
	tell(5, VERIFY_SIGN_ERROR);
	says("certificate: not read");
	says("it is: 3003ab\n");
	evidence.who = 6;
	evidence_leaf(&evidence, large, sizeof(large));
	assert_int_equal(evidence.leaf_of, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(good_handshakes_keep_nothing, setup),
		cmocka_unit_test_setup(a_wrong_signature_is_told_whole, setup),
		cmocka_unit_test_setup(a_wrong_verification_is_told_from_it, setup),
		cmocka_unit_test_setup(a_wrong_certificate_is_told, setup),
		cmocka_unit_test_setup(others_are_counted_only, setup),
		cmocka_unit_test_setup(nothing_of_others_is_told, setup),
		cmocka_unit_test_setup(another_key_is_told_from_the_one_used, setup),
		cmocka_unit_test_setup(it_is_told_three_times, setup),
		cmocka_unit_test_setup(kinds_are_an_object, setup),
		cmocka_unit_test_setup(a_certificate_that_is_none_is_shown, setup),
	};
	int ret;

	if (wolfSSL_Init() != WOLFSSL_SUCCESS || wc_InitRng(&rng) != 0 ||
	    wc_CryptoCb_RegisterDevice(CLIENT, on_client, NULL) != 0 ||
	    wc_CryptoCb_RegisterDevice(SERVER, on_server, NULL) != 0)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	wc_FreeRng(&rng);
	wolfSSL_Cleanup();
	return ret;
}
