/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/ctx_names.h"

#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>

#include "tls/trust.h"
#include "tls/x509.h"

/* A wolfSSL without our patch would send empty names, and clients would show nothing for them. */
#ifdef WOLFSSL_SUBJECT_NAME_HAS_DER
static const bool can_name = true;
#else
static const bool can_name = false;
#endif

#define MAX_NAME (WC_ASN_NAME_MAX - 8) /* of DER; wolfSSL cuts what is longer */

bool ctx_names_can(void)
{
	return can_name;
}

static bool is_short(struct client_cert_der ca)
{
	struct x509 x;

	return x509_read(&x, ca.at, ca.len) == NULL && x.subject.len <= MAX_NAME;
}

static bool are_all_short(const struct trust_store *trust)
{
	struct client_cert_der ca;

	for (unsigned i = 0; (ca = trust_ca(trust, i)).len > 0; i++)
		if (!is_short(ca))
			return false;
	return true;
}

/*
 * Moves the name that the parser has made of a subject to the list. wolfSSL's copies of a name, which is what all its calls
 * hand out, lack the DER and are sent empty.
 */
static bool add_subject(WOLF_STACK_OF(WOLFSSL_X509_NAME) * list, struct client_cert_der ca)
{
	DecodedCert *x = malloc(sizeof(*x));
	bool done = false;

	if (!x)
		return false;
	wc_InitDecodedCert(x, ca.at, (word32)ca.len, NULL);
	if (wc_ParseCert(x, CERT_TYPE, NO_VERIFY, NULL) == 0 && x->subjectName &&
	    wolfSSL_sk_X509_NAME_push(list, x->subjectName) > 0) {
		x->subjectName = NULL;
		done = true;
	}
	wc_FreeDecodedCert(x);
	free(x);
	return done;
}

bool ctx_names_set(WOLFSSL_CTX *ctx, const struct trust_store *trust)
{
	WOLF_STACK_OF(WOLFSSL_X509_NAME) * list;
	struct client_cert_der ca;
	bool done = true;

	if (!can_name || !are_all_short(trust))
		return true;
	list = wolfSSL_sk_X509_NAME_new(NULL);
	if (!list)
		return false;
	for (unsigned i = 0; done && (ca = trust_ca(trust, i)).len > 0; i++)
		done = add_subject(list, ca);
	wolfSSL_CTX_set_client_CA_list(ctx, list); /* takes it */
	return done;
}
