/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client shows: per certificate two bytes of length and DER. Judged by a store whose root signed the seeds' chains:
 * nothing but what it signed is ever good. Names go through text and back through patterns.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "tls/client_cert.h"
#include "tls/trust.h"
#include "tls/x509.h"
#include "tls/x509_name.h"

#define NOW INT64_C(1767225600) /* 2026-01-01 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* tests/unit/trust_pki/ec/root.pem */
static const char root_pem[] = "-----BEGIN CERTIFICATE-----\n"
			       "MIIBbzCCARSgAwIBAgIUP022GGYoy5+q352GUhSN2j7UjaswCgYIKoZIzj0EAwIw\n"
			       "FTETMBEGA1UEAwwKVHJ1c3QtUm9vdDAeFw0yNTAxMDEwMDAwMDBaFw0zNTAxMDEw\n"
			       "MDAwMDBaMBUxEzARBgNVBAMMClRydXN0LVJvb3QwWTATBgcqhkjOPQIBBggqhkjO\n"
			       "PQMBBwNCAAQQ4gzaALqZ2dWpSuJZPAKdX+szxDa3oQm8Y7x7mxuK/PweuZXCPVe1\n"
			       "lRtmarwE1O0JL5RnrH6TgrpQbQLX3DXwo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4G\n"
			       "A1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQUl8ryxjnNI6pCtZkFVt2D5cBGmpQwCgYI\n"
			       "KoZIzj0EAwIDSQAwRgIhAJ5I1Tctrk4wt16ipq8sLBUu96zohYI+ZBdf6dushFMf\n"
			       "AiEApi2di2id/CyXHYm+EgBT/9MtTOwsTX3t+rzhfQXLcvE=\n"
			       "-----END CERTIFICATE-----\n";

static struct trust_store *store(void)
{
	static const struct trust_identity anybody = { .subject = "*", .issuer = "*" };
	struct trust_options options = trust_defaults;
	const struct trust_text bundle = { "root.pem", (const uint8_t *)root_pem,
		sizeof(root_pem) - 1 };
	struct trust_source source = { .name = "fuzz", .bundle = "root.pem" };
	static struct err e;

	options.identities = &anybody;
	options.n_identities = 1;
	source.options = options;
	return trust_parse(&source, &bundle, NULL, NOW, &e);
}

static void check_names(struct der names)
{
	static char text[8192];

	while (x509_alt_name_next(&names, text, sizeof(text)) == 1) {
		assert(strlen(text) < sizeof(text));
		assert(x509_pattern_matches("*", text));
		/* What is escaped matches itself, unless it holds a '*', which is a pattern's. */
		assert(strchr(text, '*') || x509_pattern_matches(text, text));
	}
}

static void check_facts(const struct client_cert *c)
{
	size_t len = client_cert_pem_url(c, true, NULL, 0);
	char *text = malloc(len + 1), validity[80];
	struct x509 x;

	assert(client_cert_pem_url(c, true, text, len + 1) == len && strlen(text) == len);
	free(text);
	client_cert_validity(c, validity, sizeof(validity));
	for (const char *at = c->subject; *at; at++)
		assert(*at >= 0x20 && *at < 0x7f);
	for (const char *at = c->common_name; *at; at++)
		assert((unsigned char)*at >= 0x20 && *at != 0x7f);
	if (!x509_read(&x, c->chain[0].at, c->chain[0].len))
		check_names(x.names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct trust_server server = { .host = "client.example.com" };
	static struct trust_store *trust;
	struct client_cert_der chain[CLIENT_CERT_MAX_CHAIN];
	uint8_t *bytes[CLIENT_CERT_MAX_CHAIN];
	enum client_cert_status status;
	struct client_cert *c;
	unsigned n = 0;
	int64_t until;

	if (!trust)
		trust = store();
	assert(trust);
	while (size >= 2 && n < CLIENT_CERT_MAX_CHAIN) {
		size_t len = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		bytes[n] = malloc(len + !len);
		memcpy(bytes[n], data, len);
		chain[n] = (struct client_cert_der){ bytes[n], len };
		n++;
		data += len;
		size -= len;
	}
	status = trust_verify(trust, false, chain, n, NOW);
	/* As a server's, which no client of trust_pki may be. */
	if (trust_verify_server(trust, &server, chain, n, NOW, &until) == CLIENT_CERT_SUCCESS)
		assert(status != CLIENT_CERT_SUCCESS && until >= NOW);
	c = client_cert_new(chain, n);
	assert(!c == (n == 0));
	if (c)
		check_facts(c);
	/* Only what a CA of trust_pki issued to a client. */
	if (status == CLIENT_CERT_SUCCESS)
		assert(strcmp(c->issuer, "CN=Trust-Root") == 0 ||
		    strcmp(c->issuer, "CN=Trust-Intermediate,O=Trust,C=US") == 0 ||
		    strncmp(c->issuer, "CN=Deep-", 8) == 0 ||
		    strcmp(c->issuer, "CN=Revoked-Intermediate") == 0);
	client_cert_free(c);
	while (n > 0)
		free(bytes[--n]);
	return 0;
}
