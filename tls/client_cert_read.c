/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "tls/client_cert.h"
#include "tls/x509.h"
#include "tls/x509_name.h"

#define MAX_COMMON_NAME 256

static void put_serial(struct client_cert *c, struct der serial)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	/* The zero before a number with its first bit set is only its sign. */
	if (serial.len > 1 && serial.at[0] == 0) {
		serial.at++;
		serial.len--;
	}
	for (size_t i = 0; i < serial.len && n + 2 < sizeof(c->serial); i++) {
		c->serial[n++] = digits[serial.at[i] >> 4];
		c->serial[n++] = digits[serial.at[i] & 15];
	}
}

static void put_key(struct client_cert *c, struct der key)
{
	struct x509_key_facts f = x509_key_facts(key);

	switch (f.kind) {
	case X509_KEY_RSA:
		snprintf(c->key_alg, sizeof(c->key_alg), "RSA%u", f.bits);
		break;
	case X509_KEY_EC:
		snprintf(c->key_alg, sizeof(c->key_alg), "EC%u", f.bits);
		break;
	case X509_KEY_ED25519:
		snprintf(c->key_alg, sizeof(c->key_alg), "ED25519");
		break;
	case X509_KEY_OTHER:
		break;
	}
}

/* Copies a name's text behind the others. */
static const char *put_name(char **at, struct der name, size_t len)
{
	const char *text = *at;

	x509_name_print(name, *at, len + 1);
	*at += len + 1;
	return text;
}

static void fill(struct client_cert *c, const struct x509 *leaf, char *room, const size_t lens[2])
{
	c->subject = put_name(&room, leaf->subject, lens[0]);
	c->issuer = put_name(&room, leaf->issuer, lens[1]);
	if (x509_common_name(leaf->subject, room, MAX_COMMON_NAME))
		c->common_name = room;
	put_serial(c, leaf->serial);
	c->not_before = leaf->not_before;
	c->not_after = leaf->not_after;
	put_key(c, leaf->key);
	c->sig_alg = x509_signature_name(&leaf->signature);
}

struct client_cert *client_cert_new(const struct client_cert_der *chain, unsigned n_chain)
{
	size_t size = sizeof(struct client_cert) + MAX_COMMON_NAME, lens[2] = { 0, 0 };
	struct client_cert *c;
	struct x509 leaf;
	bool is_read;
	char *at;

	if (n_chain < 1)
		return NULL;
	if (n_chain > CLIENT_CERT_MAX_CHAIN)
		n_chain = CLIENT_CERT_MAX_CHAIN;
	is_read = x509_read(&leaf, chain[0].at, chain[0].len) == NULL;
	if (is_read) {
		lens[0] = x509_name_print(leaf.subject, NULL, 0);
		lens[1] = x509_name_print(leaf.issuer, NULL, 0);
	}
	for (unsigned i = 0; i < n_chain; i++)
		size += chain[i].len;
	c = calloc(1, size + lens[0] + lens[1] + 2);
	if (!c)
		return NULL;
	at = (char *)(c + 1);
	c->subject = c->issuer = c->common_name = c->sig_alg = "";
	for (unsigned i = 0; i < n_chain; i++) {
		memcpy(at, chain[i].at, chain[i].len);
		c->chain[c->n_chain++] =
		    (struct client_cert_der){ (const uint8_t *)at, chain[i].len };
		at += chain[i].len;
	}
	if (is_read)
		fill(c, &leaf, at, lens);
	if (wc_Sha256Hash(chain[0].at, (word32)chain[0].len, c->fingerprint) == 0)
		return c;
	free(c);
	return NULL;
}
