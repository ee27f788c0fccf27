/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/state_cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "dataplane/base/log.h"
#include "tls/cert.h"

#define CONTENT_HEAD "sallyport certificate: chain %zu, key %zu"

static const char *cert_name(const void *value)
{
	return ((const struct state_cert *)value)->name;
}

static void *cert_ref(void *value)
{
	return state_cert_get(value);
}

static void cert_unref(void *value)
{
	state_cert_put(value);
}

const struct map_kind state_cert_kind = { cert_name, cert_ref, cert_unref };

static const char *name_name(const void *value)
{
	return ((const struct state_name *)value)->text;
}

static void *name_ref(void *value)
{
	struct state_name *n = value;

	n->references++;
	return n;
}

static void name_unref(void *value)
{
	state_name_put(value);
}

const struct map_kind state_name_kind = { name_name, name_ref, name_unref };

struct state_name *state_name_new(const char *text)
{
	struct state_name *n = malloc(sizeof(*n) + strlen(text) + 1);

	if (n) {
		n->references = 1;
		strcpy(n->text, text);
	}
	return n;
}

void state_name_put(struct state_name *n)
{
	if (n && --n->references == 0)
		free(n);
}

struct state_cert *state_cert_get(struct state_cert *c)
{
	c->references++;
	return c;
}

void state_cert_put(struct state_cert *c)
{
	if (!c || --c->references > 0)
		return;
	for (unsigned i = 0; i < c->n_names; i++)
		free(c->names[i]);
	free(c->names);
	free(c->name);
	cert_put(c->cert);
	free(c);
}

/* Of chain, key and staple; -1: no memory. */
static int cert_digest(const struct cert *cert, char digest[DIGEST_TEXT])
{
	size_t len;
	char *text = state_content_of(cert, &len);

	if (!text)
		return -1;
	sha256_text(text, len, digest);
	explicit_bzero(text, len);
	free(text);
	return 0;
}

void state_cert_shed(struct state_cert *c)
{
	if (!c->cert || c->cert->references > 1 || cert_digest(c->cert, c->content) < 0)
		return;
	cert_put(c->cert);
	c->cert = NULL;
}

bool state_cert_is(const struct state_cert *c, const struct cert *cert)
{
	char digest[DIGEST_TEXT];

	if (c->cert)
		return c->cert == cert;
	return cert_digest(cert, digest) == 0 && strcmp(digest, c->content) == 0;
}

/* What is served all the same, but should be known. */
static void warn(const struct cert *cert)
{
	char text[512];

	if (cert->warnings)
		log_warning("certificate '%s': %s", cert->name,
		    cert_warning_text(cert, text, sizeof(text)));
}

struct state_cert *
state_cert_new(const char *name, struct cert *cert, char *const *names, unsigned n_names)
{
	struct state_cert *c = calloc(1, sizeof(*c));

	if (!c) {
		cert_put(cert);
		return NULL;
	}
	c->references = 1;
	c->cert = cert;
	c->name = strdup(name);
	c->names = n_names ? calloc(n_names, sizeof(*c->names)) : NULL;
	for (unsigned i = 0; c->names && i < n_names; i++) {
		c->names[i] = strdup(names[i]);
		c->n_names += c->names[i] != NULL;
	}
	if (c->name && c->n_names == n_names) {
		warn(cert);
		return c;
	}
	state_cert_put(c);
	return NULL;
}

/* --- sharing --- */

static bool same_blob(const struct cert_blob *a, const struct cert_blob *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

static bool same_staple(const struct cert *a, const struct cert *b)
{
	if (!a->ocsp.at || !b->ocsp.at)
		return a->ocsp.at == b->ocsp.at;
	return same_blob(&a->ocsp, &b->ocsp);
}

static bool same_cert(const struct cert *a, const struct cert *b)
{
	if (strcmp(a->name, b->name) != 0 || a->n_chain != b->n_chain || a->n_names != b->n_names ||
	    !same_blob(&a->key, &b->key) || !same_staple(a, b))
		return false;
	for (unsigned i = 0; i < a->n_chain; i++)
		if (!same_blob(&a->chain[i], &b->chain[i]))
			return false;
	for (unsigned i = 0; i < a->n_names; i++)
		if (strcmp(a->names[i], b->names[i]) != 0)
			return false;
	return true;
}

struct cert *state_cert_share(struct cert *cert, const struct state_cert *old)
{
	if (!cert || !old || !old->cert || !same_cert(cert, old->cert))
		return cert;
	cert_put(cert);
	return cert_get(old->cert);
}

/* --- contents --- */

/* The pieces of a content; ocsp.at NULL: there is none. */
struct content {
	struct {
		const char *at;
		size_t len;
	} chain, key, ocsp;
};

static char *content_join(const struct content *c, size_t *len)
{
	char head[128], *text;
	int n = c->ocsp.at
	    ? snprintf(head, sizeof(head), CONTENT_HEAD ", ocsp %zu\n", c->chain.len, c->key.len,
		  c->ocsp.len)
	    : snprintf(head, sizeof(head), CONTENT_HEAD "\n", c->chain.len, c->key.len);

	*len = (size_t)n + c->chain.len + c->key.len + c->ocsp.len;
	text = malloc(*len + 1);
	if (!text)
		return NULL;
	memcpy(text, head, (size_t)n);
	memcpy(text + n, c->chain.at, c->chain.len);
	memcpy(text + n + c->chain.len, c->key.at, c->key.len);
	if (c->ocsp.at)
		memcpy(text + n + c->chain.len + c->key.len, c->ocsp.at, c->ocsp.len);
	text[*len] = '\0';
	return text;
}

char *state_content(const struct change *c, size_t *len)
{
	const struct content all = { .chain = { c->chain, c->chain_len },
		.key = { c->key, c->key_len },
		.ocsp = { c->ocsp, c->ocsp ? strlen(c->ocsp) : 0 } };

	return content_join(&all, len);
}

/* Finds the pieces of a content; 0, or -1: it is none. */
static int content_split(const char *text, size_t len, struct content *c)
{
	const char *feed = memchr(text, '\n', len);
	size_t rest = feed ? len - (size_t)(feed + 1 - text) : 0;
	int n;

	*c = (struct content){ .ocsp = { NULL, 0 } };
	n = feed
	    ? sscanf(text, CONTENT_HEAD ", ocsp %zu\n", &c->chain.len, &c->key.len, &c->ocsp.len)
	    : 0;
	if (n < 2 || c->chain.len > rest || c->key.len > rest - c->chain.len ||
	    c->ocsp.len != rest - c->chain.len - c->key.len)
		return -1;
	c->chain.at = feed + 1;
	c->key.at = c->chain.at + c->chain.len;
	if (n == 3)
		c->ocsp.at = c->key.at + c->key.len;
	return 0;
}

/* Lines of 64 characters, as PEM has them. */
static void write_base64(FILE *f, const struct cert_blob *der)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < der->len; i += 3) {
		size_t n = der->len - i < 3 ? der->len - i : 3;
		uint32_t x = 0;
		char out[4];

		for (size_t k = 0; k < 3; k++)
			x = x << 8 | (k < n ? der->at[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			out[k] = k <= n ? digits[x >> (18 - 6 * k) & 63] : '=';
		fwrite(out, 1, 4, f);
		if ((i / 3) % 16 == 15 || i + 3 >= der->len)
			fputc('\n', f);
	}
}

static void write_pem(FILE *f, const char *label, const struct cert_blob *der)
{
	fprintf(f, "-----BEGIN %s-----\n", label);
	write_base64(f, der);
	fprintf(f, "-----END %s-----\n", label);
}

/*
 * What kind of key the DER is, by what follows its version number: the algorithm (PKCS#8, RFC 5958),
 * the modulus (RFC 8017 A.1.2) or the octets (RFC 5915).
 */
static const char *key_label(const struct cert_blob *key)
{
	size_t at = 2;

	if (key->len > 2 && key->at[1] & 0x80)
		at += key->at[1] & 0x7f;
	at += 3; /* INTEGER, length 1, version */
	if (at < key->len && key->at[at] == 0x02)
		return "RSA PRIVATE KEY";
	if (at < key->len && key->at[at] == 0x04)
		return "EC PRIVATE KEY";
	return "PRIVATE KEY";
}

char *state_content_of(const struct cert *cert, size_t *len)
{
	char *pieces[3] = { NULL }, *text = NULL;
	size_t lens[3] = { 0 };
	FILE *f[3];
	bool ok = true;

	for (unsigned i = 0; i < 3; i++)
		f[i] = open_memstream(&pieces[i], &lens[i]);
	for (unsigned i = 0; f[0] && i < cert->n_chain; i++)
		write_pem(f[0], "CERTIFICATE", &cert->chain[i]);
	if (f[1])
		write_pem(f[1], key_label(&cert->key), &cert->key);
	if (f[2])
		write_base64(f[2], &cert->ocsp);
	for (unsigned i = 0; i < 3; i++)
		ok &= f[i] && fclose(f[i]) == 0;
	if (ok) {
		const struct content all = { .chain = { pieces[0], lens[0] },
			.key = { pieces[1], lens[1] },
			.ocsp = { cert->ocsp.at ? pieces[2] : NULL, lens[2] } };

		text = content_join(&all, len);
	}
	if (pieces[1])
		explicit_bzero(pieces[1], lens[1]);
	for (unsigned i = 0; i < 3; i++)
		free(pieces[i]);
	return text;
}

/* --- loading --- */

/* stored: it was good when it was put, and is used as it is. */
static struct cert *
parse(const struct change *c, const struct content *from, bool stored, int64_t now, struct err *e)
{
	const struct cert_source source = {
		.name = c->certificate,
		.chain_path = "chain",
		.key_path = "key",
		.ocsp_path = "ocsp",
		.names = (const char *const *)c->names,
		.n_names = c->n_names,
		.passphrase = c->passphrase,
		.passphrase_len = c->passphrase ? strlen(c->passphrase) : 0,
		.force = c->force,
	};
	struct cert *cert = cert_parse(
	    &source, from->chain.at, from->chain.len, from->key.at, from->key.len, now, e);
	int result = 0;

	if (!cert || !from->ocsp.at)
		return cert;
	result = cert_staple(cert, &source, (const uint8_t *)from->ocsp.at, from->ocsp.len, now, e);
	if (result == 0 && !stored && cert->warnings & CERT_STAPLE_EXPIRED)
		result = err_set(e,
		    "certificate '%s': the OCSP response is out of its dates; get a fresh one",
		    c->certificate);
	if (result == 0)
		return cert;
	cert_put(cert);
	return NULL;
}

static struct cert *
load_stored(struct change *c, const struct state_store *store, int64_t now, struct err *e)
{
	struct content pieces;
	size_t len;
	char *text = store->fetch(store->arg, c->content, &len, e);
	struct cert *cert = NULL;

	if (!text)
		return NULL;
	if (content_split(text, len, &pieces) == 0)
		cert = parse(c, &pieces, true, now, e);
	else
		err_set(e, "certificate '%s': what is stored as %s is no certificate",
		    c->certificate, c->content);
	explicit_bzero(text, len);
	free(text);
	return cert;
}

/* The store has keys as they are used: nobody is there to type a passphrase after a restart. */
static int decrypt_key(struct change *c, const struct cert *cert, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f)
		write_pem(f, key_label(&cert->key), &cert->key);
	if (!f || fclose(f) != 0) {
		free(text);
		return err_set(e, "out of memory for certificate '%s'", c->certificate);
	}
	explicit_bzero(c->passphrase, strlen(c->passphrase));
	explicit_bzero(c->key, c->key_len);
	free(c->passphrase);
	free(c->key);
	c->passphrase = NULL;
	c->key = text;
	c->key_len = len;
	return 0;
}

static struct cert *load_given(struct change *c, int64_t now, struct err *e)
{
	const struct content given = { .chain = { c->chain, c->chain_len },
		.key = { c->key, c->key_len },
		.ocsp = { c->ocsp, c->ocsp ? strlen(c->ocsp) : 0 } };
	struct cert *cert = parse(c, &given, false, now, e);
	char *text;
	size_t len;

	if (!cert || (c->passphrase && decrypt_key(c, cert, e) < 0)) {
		cert_put(cert);
		return NULL;
	}
	text = state_content(c, &len);
	if (!text) {
		err_set(e, "out of memory for certificate '%s'", c->certificate);
		cert_put(cert);
		return NULL;
	}
	sha256_text(text, len, c->content);
	explicit_bzero(text, len);
	free(text);
	return cert;
}

struct state_cert *
state_cert_load(struct change *c, const struct state_store *store, int64_t now, struct err *e)
{
	struct cert *cert = c->chain ? load_given(c, now, e) : load_stored(c, store, now, e);
	struct state_cert *s =
	    cert ? state_cert_new(c->certificate, cert, c->names, c->n_names) : NULL;

	if (s)
		memcpy(s->content, c->content, sizeof(s->content));
	else if (cert)
		err_set(e, "out of memory for certificate '%s'", c->certificate);
	return s;
}
