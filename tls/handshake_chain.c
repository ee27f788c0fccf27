/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/handshake_chain.h"

#include <stddef.h>
#include <stdint.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#define CONTENT_HANDSHAKE   22 /* RFC 5246 6.2.1 */
#define MESSAGE_CERTIFICATE 11 /* RFC 5246 7.4 */

/*
 * wolfSSL calls this for each certificate it has something against, which with an empty store is every one, and hands the
 * whole chain over each time. 0 ends the handshake.
 */
static int on_chain(int is_good, WOLFSSL_X509_STORE_CTX *x)
{
	struct client_cert_der chain[HANDSHAKE_MAX_CHAIN];
	unsigned n = 0;

	(void)is_good;
	for (int i = 0; i < x->totalCerts && n < HANDSHAKE_MAX_CHAIN; i++)
		chain[n++] = (struct client_cert_der){ x->certs[i].buffer, x->certs[i].length };
	return handshake_peer_chain(x->userCtx, chain, n);
}

/* Once the handshake is over there is nobody who could judge one. */
static int refuse_chain(int is_good, WOLFSSL_X509_STORE_CTX *x)
{
	(void)is_good;
	(void)x;
	return 0;
}

/*
 * TLS 1.2: a Certificate message (RFC 5246 7.4.2) before wolfSSL reads it, since it gives up with an alert of its own
 * when it cannot. TLS 1.3 has no such hook, but there wolfSSL is silent then.
 */
static void on_message(
    int is_sent, int version, int type, const void *bytes, size_t len, WOLFSSL *ssl, void *arg)
{
	struct client_cert_der chain[CLIENT_CERT_MAX_CHAIN];
	const uint8_t *at = bytes, *end = at + len;
	unsigned n = 0;

	(void)version;
	if (is_sent || wolfSSL_version(ssl) > 0x0303 || type != CONTENT_HANDSHAKE || len < 7 ||
	    at[0] != MESSAGE_CERTIFICATE)
		return;
	for (at += 7; end - at >= 3 && n < CLIENT_CERT_MAX_CHAIN;) {
		size_t one = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];

		at += 3;
		if (one > (size_t)(end - at))
			return;
		chain[n++] = (struct client_cert_der){ at, one };
		at += one;
	}
	if (n > 0)
		handshake_peer_chain(arg, chain, n);
}

bool handshake_chain_watch(WOLFSSL *ssl, int how, bool may_be_old, void *arg)
{
	WOLFSSL_X509_STORE *store = wolfSSL_X509_STORE_new();

	if (!store)
		return false;
	if (wolfSSL_set0_verify_cert_store(ssl, store) != WOLFSSL_SUCCESS) {
		wolfSSL_X509_STORE_free(store);
		return false;
	}
	wolfSSL_set_verify(ssl, how, on_chain);
	wolfSSL_SetCertCbCtx(ssl, arg);
	if (may_be_old) {
		wolfSSL_set_msg_callback(ssl, on_message);
		wolfSSL_set_msg_callback_arg(ssl, arg);
	}
	return true;
}

void handshake_chain_unwatch(WOLFSSL *ssl)
{
	wolfSSL_set_msg_callback(ssl, NULL);
	wolfSSL_set_msg_callback_arg(ssl, NULL);
	wolfSSL_set_verify(ssl, WOLFSSL_VERIFY_PEER, refuse_chain);
	wolfSSL_SetCertCbCtx(ssl, NULL);
}

enum client_cert_status handshake_chain_blame(int error)
{
	switch (error) {
	case HANDSHAKE_SIZE_ERROR:
		return CLIENT_CERT_MAX_SIZE;
	case MAX_CHAIN_ERROR:
		return CLIENT_CERT_MAX_DEPTH;
	case ASN_UNKNOWN_OID_E:
	case ASN_SIG_OID_E:
	case ASN_SIG_KEY_E:
	case ECC_CURVE_OID_E:
	case NOT_COMPILED_IN:
	case PEER_KEY_ERROR:
		return CLIENT_CERT_TYPE;
	case ASN_PARSE_E:
	case ASN_VERSION_E:
	case ASN_TIME_E:
	case ASN_EXPECT_0_E:
	case ASN_BITSTR_E:
	case ASN_DATE_SZ_E:
	case ASN_GETINT_E:
	case ASN_TAG_NULL_E:
	case ASN_OBJECT_ID_E:
	case ASN_INPUT_E:
	case ASN_RSA_KEY_E:
	case ASN_ECC_KEY_E:
	case ASN_CRIT_EXT_E:
	case SIG_VERIFY_E: /* it does not have the key */
	case VERIFY_SIGN_ERROR:
	case VERIFY_CERT_ERROR:
		return CLIENT_CERT_INVALID;
	}
	return CLIENT_CERT_SUCCESS;
}
