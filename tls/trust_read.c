/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/err.h"
#include "tls/name_constraints.h"
#include "tls/pem.h"
#include "tls/trust_private.h"
#include "tls/x509_name.h"

int trust_complain(const struct trust_job *job, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_add(job->e, job->source->file, job->source->line, "trust store '%s': %s",
	    job->source->name, text);
}

static void
warn(struct trust_job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A warning that finds no memory is one less. */
static void warn(struct trust_job *job, const char *format, ...)
{
	char *before = job->store->warnings, *both, text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (asprintf(&both, "%strust store '%s': %s\n", before ? before : "", job->source->name,
		text) < 0)
		return;
	free(before);
	job->store->warnings = both;
}

static const char *name_text(struct der name, char text[256])
{
	return x509_name_print(name, text, 256) > 0 ? text : "an unnamed one";
}

/* --- CA certificates --- */

static bool has_anchor(const struct trust_store *t, const struct x509 *x)
{
	for (unsigned i = 0; i < t->n_anchors; i++)
		if (x509_same(&t->anchors[i].x.whole, &x->whole))
			return true;
	return false;
}

/* Why x cannot be a CA that is trusted; NULL: it can. */
static const char *unfit(const struct x509 *x)
{
	if (x->version != 3)
		return "is not of X.509 version 3";
	if (!x->is_ca)
		return "is no CA certificate (its basic constraints do not say so)";
	if (!trust_key_may(x, X509_KEY_CERT_SIGN))
		return "may not sign certificates (its key usage lacks keyCertSign)";
	if (x509_key_facts(x->key).kind == X509_KEY_OTHER)
		return "has a key that is not supported: RSA from 2048 bits on, P-256, P-384, "
		       "P-521 and Ed25519 are";
	if (x->has_unknown_critical)
		return "has a critical extension that is not supported";
	return name_constraints_check(x->name_constraints);
}

static int add_anchor(struct trust_job *job, uint8_t *der, size_t len, unsigned number)
{
	const struct trust_quotas *q = &job->source->options.quotas;
	struct trust_store *t = job->store;
	struct trust_anchor *a = &t->anchors[t->n_anchors];
	const char *file = job->source->bundle, *why = x509_read(&a->x, der, len);
	char text[256];

	if (why)
		return trust_complain(
		    job, "certificate %u in %s cannot be read: %s", number, file, why);
	if (has_anchor(t, &a->x)) {
		free(der);
		return 0;
	}
	if (len > q->ca_bytes)
		return trust_complain(job, "certificate %u in %s has %zu bytes; the quota is %zu",
		    number, file, len, q->ca_bytes);
	why = unfit(&a->x);
	if (why)
		return trust_complain(job, "certificate %u in %s, %s, %s", number, file,
		    name_text(a->x.subject, text), why);
	job->subject_bytes += a->x.subject.len;
	a->der = der;
	a->chain = t->buckets[trust_bucket(a->x.subject)];
	t->buckets[trust_bucket(a->x.subject)] = a;
	t->n_anchors++;
	if (a->x.has_purposes && !a->x.is_for_clients)
		warn(job, "CA %s is not for clients%s: none it certified is accepted",
		    name_text(a->x.subject, text), a->x.is_for_servers ? "" : " nor servers");
	if (job->now > a->x.not_after)
		warn(job, "CA %s has expired: no client it certified is accepted",
		    name_text(a->x.subject, text));
	return 0;
}

/* Blocks labelled as certificates in text; *bad: a BEGIN line without its END line. */
static unsigned count_blocks(const struct trust_text *text, bool *bad)
{
	const char *at = (const char *)text->at, *end = at + text->len;
	struct pem_block block;
	unsigned n = 0;
	int found;

	while ((found = pem_next(&at, end, &block)) > 0)
		n += pem_is(&block, "CERTIFICATE") || pem_is(&block, "X509 CERTIFICATE");
	*bad = found < 0;
	return n;
}

static int decode_anchor(struct trust_job *job, const struct pem_block *block, unsigned number)
{
	uint8_t *der = malloc(block->body_len + 1);
	int len = der ? pem_decode(block, der, block->body_len) : 0;
	unsigned before = job->e->n;

	if (!der)
		return trust_complain(job, "no memory");
	if (len <= 0)
		trust_complain(job, "certificate %u in %s is no base64: the file is damaged",
		    number, job->source->bundle);
	else
		add_anchor(job, der, (size_t)len, number);
	if (job->e->n == before)
		return 0;
	free(der);
	return -1;
}

/* Who of the store issued whom; what is above a trusted one may be revoked, too. */
static void find_parents(struct trust_store *t)
{
	for (unsigned i = 0; i < t->n_anchors; i++) {
		struct trust_anchor *a = &t->anchors[i], *p;

		if (x509_same(&a->x.issuer, &a->x.subject))
			continue;
		for (p = t->buckets[trust_bucket(a->x.issuer)]; p && !a->parent; p = p->chain)
			if (x509_same(&p->x.subject, &a->x.issuer) &&
			    trust_keys_fit(&p->x, &a->x.authority_key_id) &&
			    x509_verify(&a->x.signature, p->x.key) == X509_GOOD)
				a->parent = p;
	}
}

int trust_read_bundle(struct trust_job *job, const struct trust_text *bundle)
{
	const struct trust_quotas *q = &job->source->options.quotas;
	const char *at = (const char *)bundle->at, *end = at + bundle->len;
	struct pem_block block;
	unsigned number = 0, n;
	bool bad;

	n = count_blocks(bundle, &bad);
	if (bad)
		return trust_complain(
		    job, "%s is damaged: a BEGIN line without its END line", bundle->path);
	if (n == 0)
		return trust_complain(
		    job, "%s has no certificate; PEM text is expected", bundle->path);
	if (n > q->ca_certificates)
		return trust_complain(job, "%s has %u certificates; the quota is %u", bundle->path,
		    n, q->ca_certificates);
	job->store->anchors = calloc(n, sizeof(*job->store->anchors));
	if (!job->store->anchors)
		return trust_complain(job, "no memory");
	while (pem_next(&at, end, &block) > 0)
		if (pem_is(&block, "CERTIFICATE") || pem_is(&block, "X509 CERTIFICATE"))
			decode_anchor(job, &block, ++number);
	if (job->subject_bytes > q->subject_bytes)
		return trust_complain(job,
		    "the subjects in %s have %zu bytes together; the quota is %zu", bundle->path,
		    job->subject_bytes, q->subject_bytes);
	if (job->e->n != job->errors)
		return -1;
	find_parents(job->store);
	return 0;
}

/* --- CRLs --- */

static bool has_signed(const struct trust_anchor *a, const struct crl_text *text)
{
	return x509_same(&a->x.subject, &text->issuer) &&
	    trust_keys_fit(&a->x, &text->authority_key_id) && trust_key_may(&a->x, X509_CRL_SIGN) &&
	    x509_verify(&text->signature, a->x.key) == X509_GOOD;
}

static int give_crl(struct trust_job *job, struct trust_anchor *a, const struct crl *c)
{
	const struct crl **crls = reallocarray(a->crls, a->n_crls + 1, sizeof(*crls));

	if (!crls)
		return trust_complain(job, "no memory");
	a->crls = crls;
	a->crls[a->n_crls++] = c;
	return 0;
}

static int
keep_crl(struct trust_job *job, const struct crl_text *text, size_t n_revoked, bool *is_ours)
{
	struct trust_store *t = job->store;
	struct crl *c = NULL;

	*is_ours = false;
	for (unsigned i = 0; i < t->n_anchors; i++) {
		if (!has_signed(&t->anchors[i], text))
			continue;
		if (!c) {
			c = crl_new(text, n_revoked);
			if (!c)
				return trust_complain(job, "no memory");
			t->crls[t->n_crls++] = c;
		}
		*is_ours = true;
		if (give_crl(job, &t->anchors[i], c) < 0)
			return -1;
	}
	return 0;
}

static int add_crl(struct trust_job *job, const char *path, const uint8_t *der, size_t len)
{
	const struct trust_quotas *q = &job->source->options.quotas;
	struct crl_text text;
	size_t n_revoked = 0;
	const char *why = crl_read(&text, der, len, &n_revoked);
	char name[256];
	bool is_ours;

	if (why)
		return trust_complain(job, "CRL %s cannot be used: %s", path, why);
	if (job->store->n_crls == q->crls)
		return trust_complain(
		    job, "there are more than %u CRLs, which is the quota", q->crls);
	job->n_revoked += n_revoked;
	if (job->n_revoked > q->revoked)
		return trust_complain(job,
		    "%s: with its entries there are %zu revoked certificates; the quota is %zu",
		    path, job->n_revoked, q->revoked);
	if (keep_crl(job, &text, n_revoked, &is_ours) < 0)
		return -1;
	if (is_ours && text.is_part)
		warn(job,
		    "CRL %s of %s is a part: it counts for certificates that name its distribution point",
		    path, name_text(text.issuer, name));
	if (!is_ours)
		warn(job, "CRL %s of %s has no effect: no CA certificate of the bundle signed it",
		    path, name_text(text.issuer, name));
	else if (job->now > text.next_update)
		warn(job, "CRL %s of %s is stale: the next one was due", path,
		    name_text(text.issuer, name));
	return 0;
}

static int read_pem_crls(struct trust_job *job, const struct trust_text *file)
{
	const char *at = (const char *)file->at, *end = at + file->len;
	struct pem_block block;
	unsigned n = 0;
	int found;

	while ((found = pem_next(&at, end, &block)) > 0) {
		uint8_t *der;
		int len, status;

		if (!pem_is(&block, "X509 CRL"))
			continue;
		n++;
		der = malloc(block.body_len + 1);
		if (!der)
			return trust_complain(job, "no memory");
		len = pem_decode(&block, der, block.body_len);
		status = len > 0
		    ? add_crl(job, file->path, der, (size_t)len)
		    : trust_complain(job, "CRL %s is no base64: the file is damaged", file->path);
		free(der);
		if (status < 0)
			return -1;
	}
	if (found < 0)
		return trust_complain(
		    job, "CRL %s is damaged: a BEGIN line without its END line", file->path);
	return n > 0 ? 0
		     : trust_complain(job,
			   "%s has no CRL: PEM with -----BEGIN X509 CRL----- or DER is expected",
			   file->path);
}

int trust_read_crl(struct trust_job *job, const struct trust_text *file)
{
	const struct trust_quotas *q = &job->source->options.quotas;

	if (file->len > q->crl_bytes)
		return trust_complain(job, "CRL %s has %zu bytes; the quota is %zu", file->path,
		    file->len, q->crl_bytes);
	if (file->len > 0 && file->at[0] == DER_SEQUENCE)
		return add_crl(job, file->path, file->at, file->len);
	return read_pem_crls(job, file);
}
