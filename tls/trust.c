/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "config/err.h"
#include "tls/name_constraints.h"
#include "tls/pem.h"
#include "tls/trust_private.h"
#include "tls/x509_name.h"

const struct trust_options trust_defaults = {
	.max_depth = 4,
	.quotas = {
		.ca_certificates = 25,
		.ca_bytes = 16 * 1024,
		.subject_bytes = 10000,
		.crls = 30,
		.revoked = 500000,
		.crl_bytes = 50 * 1024 * 1024,
	},
};

/* All stores there are; control thread only. */
static struct trust_store *stores;

struct job {
	const struct trust_source *source;
	struct trust_store *store;
	int64_t now;
	struct err *e;
	unsigned errors; /* before */
	size_t subject_bytes, n_revoked;
};

static int
complain(const struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int complain(const struct job *job, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_add(job->e, job->source->file, job->source->line, "trust store '%s': %s",
	    job->source->name, text);
}

static void warn(struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A warning that finds no memory is one less. */
static void warn(struct job *job, const char *format, ...)
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

static int add_anchor(struct job *job, uint8_t *der, size_t len, unsigned number)
{
	const struct trust_quotas *q = &job->source->options.quotas;
	struct trust_store *t = job->store;
	struct trust_anchor *a = &t->anchors[t->n_anchors];
	const char *file = job->source->bundle, *why = x509_read(&a->x, der, len);
	char text[256];

	if (why)
		return complain(job, "certificate %u in %s cannot be read: %s", number, file, why);
	if (has_anchor(t, &a->x)) {
		free(der);
		return 0;
	}
	if (len > q->ca_bytes)
		return complain(job, "certificate %u in %s has %zu bytes; the quota is %zu", number,
		    file, len, q->ca_bytes);
	why = unfit(&a->x);
	if (why)
		return complain(job, "certificate %u in %s, %s, %s", number, file,
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

static int decode_anchor(struct job *job, const struct pem_block *block, unsigned number)
{
	uint8_t *der = malloc(block->body_len + 1);
	int len = der ? pem_decode(block, der, block->body_len) : 0;
	unsigned before = job->e->n;

	if (!der)
		return complain(job, "no memory");
	if (len <= 0)
		complain(job, "certificate %u in %s is no base64: the file is damaged", number,
		    job->source->bundle);
	else
		add_anchor(job, der, (size_t)len, number);
	if (job->e->n == before)
		return 0;
	free(der);
	return -1;
}

static int read_bundle(struct job *job, const struct trust_text *bundle)
{
	const struct trust_quotas *q = &job->source->options.quotas;
	const char *at = (const char *)bundle->at, *end = at + bundle->len;
	struct pem_block block;
	unsigned number = 0, n;
	bool bad;

	n = count_blocks(bundle, &bad);
	if (bad)
		return complain(
		    job, "%s is damaged: a BEGIN line without its END line", bundle->path);
	if (n == 0)
		return complain(job, "%s has no certificate; PEM text is expected", bundle->path);
	if (n > q->ca_certificates)
		return complain(job, "%s has %u certificates; the quota is %u", bundle->path, n,
		    q->ca_certificates);
	job->store->anchors = calloc(n, sizeof(*job->store->anchors));
	if (!job->store->anchors)
		return complain(job, "no memory");
	while (pem_next(&at, end, &block) > 0)
		if (pem_is(&block, "CERTIFICATE") || pem_is(&block, "X509 CERTIFICATE"))
			decode_anchor(job, &block, ++number);
	if (job->subject_bytes > q->subject_bytes)
		return complain(job, "the subjects in %s have %zu bytes together; the quota is %zu",
		    bundle->path, job->subject_bytes, q->subject_bytes);
	return job->e->n == job->errors ? 0 : -1;
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

/* --- CRLs --- */

static bool has_signed(const struct trust_anchor *a, const struct crl_text *text)
{
	return x509_same(&a->x.subject, &text->issuer) &&
	    trust_keys_fit(&a->x, &text->authority_key_id) && trust_key_may(&a->x, X509_CRL_SIGN) &&
	    x509_verify(&text->signature, a->x.key) == X509_GOOD;
}

static int give_crl(struct job *job, struct trust_anchor *a, const struct crl *c)
{
	const struct crl **crls = reallocarray(a->crls, a->n_crls + 1, sizeof(*crls));

	if (!crls)
		return complain(job, "no memory");
	a->crls = crls;
	a->crls[a->n_crls++] = c;
	return 0;
}

static int keep_crl(struct job *job, const struct crl_text *text, size_t n_revoked, bool *is_ours)
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
				return complain(job, "no memory");
			t->crls[t->n_crls++] = c;
		}
		*is_ours = true;
		if (give_crl(job, &t->anchors[i], c) < 0)
			return -1;
	}
	return 0;
}

static int add_crl(struct job *job, const char *path, const uint8_t *der, size_t len)
{
	const struct trust_quotas *q = &job->source->options.quotas;
	struct crl_text text;
	size_t n_revoked = 0;
	const char *why = crl_read(&text, der, len, &n_revoked);
	char name[256];
	bool is_ours;

	if (why)
		return complain(job, "CRL %s cannot be used: %s", path, why);
	if (job->store->n_crls == q->crls)
		return complain(job, "there are more than %u CRLs, which is the quota", q->crls);
	job->n_revoked += n_revoked;
	if (job->n_revoked > q->revoked)
		return complain(job,
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

static int read_pem_crls(struct job *job, const struct trust_text *file)
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
			return complain(job, "no memory");
		len = pem_decode(&block, der, block.body_len);
		status = len > 0
		    ? add_crl(job, file->path, der, (size_t)len)
		    : complain(job, "CRL %s is no base64: the file is damaged", file->path);
		free(der);
		if (status < 0)
			return -1;
	}
	if (found < 0)
		return complain(
		    job, "CRL %s is damaged: a BEGIN line without its END line", file->path);
	return n > 0
	    ? 0
	    : complain(job, "%s has no CRL: PEM with -----BEGIN X509 CRL----- or DER is expected",
		  file->path);
}

static int read_crl(struct job *job, const struct trust_text *file)
{
	const struct trust_quotas *q = &job->source->options.quotas;

	if (file->len > q->crl_bytes)
		return complain(job, "CRL %s has %zu bytes; the quota is %zu", file->path,
		    file->len, q->crl_bytes);
	if (file->len > 0 && file->at[0] == DER_SEQUENCE)
		return add_crl(job, file->path, file->at, file->len);
	return read_pem_crls(job, file);
}

/* --- stores --- */

static char *copy_text(const char *text, bool *failed)
{
	char *copy = text ? strdup(text) : NULL;

	*failed |= text && !copy;
	return copy;
}

static bool copy_options(struct trust_store *t, const struct trust_options *from)
{
	struct trust_identity *ids;
	bool failed = false;

	t->options = *from;
	t->options.identities = ids = calloc(from->n_identities + 1, sizeof(*ids));
	t->options.n_identities = ids ? from->n_identities : 0;
	for (unsigned i = 0; i < t->options.n_identities; i++) {
		ids[i].subject = copy_text(from->identities[i].subject, &failed);
		ids[i].issuer = copy_text(from->identities[i].issuer, &failed);
		ids[i].san = copy_text(from->identities[i].san, &failed);
	}
	return ids && !failed;
}

static void hash_bytes(wc_Sha256 *hash, const void *bytes, size_t len)
{
	uint64_t n = len;

	wc_Sha256Update(hash, (const byte *)&n, sizeof(n));
	/* In pieces that fit wolfCrypt's 32 bits. */
	for (size_t at = 0; at < len; at += 1u << 30)
		wc_Sha256Update(hash, (const byte *)bytes + at,
		    (word32)(len - at < 1u << 30 ? len - at : 1u << 30));
}

static void hash_text(wc_Sha256 *hash, const char *text)
{
	hash_bytes(hash, text ? text : "", text ? strlen(text) + 1 : 0);
}

static int digest(uint8_t out[32], const struct trust_source *source,
    const struct trust_text *bundle, const struct trust_text *crls)
{
	const struct trust_options *o = &source->options;
	const uint64_t numbers[] = { o->max_depth, o->needs_crl, o->may_be_stale, o->n_identities,
		o->quotas.ca_certificates, o->quotas.ca_bytes, o->quotas.subject_bytes,
		o->quotas.crls, o->quotas.revoked, o->quotas.crl_bytes, source->n_crls };
	wc_Sha256 hash;

	if (wc_InitSha256(&hash) != 0)
		return -1;
	hash_bytes(&hash, numbers, sizeof(numbers));
	for (unsigned i = 0; i < o->n_identities; i++) {
		hash_text(&hash, o->identities[i].subject);
		hash_text(&hash, o->identities[i].issuer);
		hash_text(&hash, o->identities[i].san);
	}
	hash_text(&hash, source->name);
	hash_bytes(&hash, bundle->at, bundle->len);
	for (unsigned i = 0; i < source->n_crls; i++)
		hash_bytes(&hash, crls[i].at, crls[i].len);
	return wc_Sha256Final(&hash, out);
}

static struct trust_store *find_same(const uint8_t wanted[32])
{
	for (struct trust_store *t = stores; t; t = t->next)
		if (memcmp(t->digest, wanted, sizeof(t->digest)) == 0)
			return trust_get(t);
	return NULL;
}

static struct trust_store *store_new(const struct trust_options *options)
{
	static uint64_t last_version;
	struct trust_store *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->references = 1;
	t->version = ++last_version;
	t->next = stores;
	stores = t;
	t->crls = calloc(options->quotas.crls + 1, sizeof(struct crl *));
	if (copy_options(t, options) && t->crls)
		return t;
	trust_put(t);
	return NULL;
}

struct trust_store *trust_parse(const struct trust_source *source, const struct trust_text *bundle,
    const struct trust_text *crls, int64_t now, struct err *e)
{
	struct job job = { .source = source, .now = now, .e = e, .errors = e->n };
	struct trust_store *same;
	uint8_t hash[32];

	if (digest(hash, source, bundle, crls) != 0) {
		complain(&job, "no memory");
		return NULL;
	}
	same = find_same(hash);
	if (same)
		return same;
	job.store = store_new(&source->options);
	if (!job.store) {
		complain(&job, "no memory");
		return NULL;
	}
	if (read_bundle(&job, bundle) == 0) {
		find_parents(job.store);
		for (unsigned i = 0; i < source->n_crls; i++)
			read_crl(&job, &crls[i]);
	}
	if (e->n != job.errors) {
		trust_put(job.store);
		return NULL;
	}
	memcpy(job.store->digest, hash, sizeof(hash));
	return job.store;
}

/* --- files --- */

static int read_whole(int fd, struct trust_text *to, size_t size)
{
	uint8_t *bytes = malloc(size + 1);
	size_t n = 0;
	ssize_t got = 1;

	if (!bytes)
		return ENOMEM;
	while (n < size && (got = read(fd, bytes + n, size - n)) > 0)
		n += (size_t)got;
	if (got < 0) {
		free(bytes);
		return errno;
	}
	to->at = bytes;
	to->len = n;
	return 0;
}

static int read_file(const struct job *job, const char *path, struct trust_text *to, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = 0;
	struct stat st;

	to->path = path;
	if (fd < 0 || fstat(fd, &st) < 0)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else if ((uint64_t)st.st_size > max)
		error = EFBIG;
	else
		error = read_whole(fd, to, (size_t)st.st_size);
	if (fd >= 0)
		close(fd);
	if (error == 0)
		return 0;
	if (error == EFBIG)
		return complain(
		    job, "%s has %lld bytes; the quota is %zu", path, (long long)st.st_size, max);
	return complain(job, "cannot read %s: %s", path,
	    error == EINVAL ? "not a regular file" : strerror(error));
}

struct trust_store *trust_load(const struct trust_source *source, int64_t now, struct err *e)
{
	const struct trust_quotas *q = &source->options.quotas;
	struct trust_text *crls = calloc(source->n_crls + 1, sizeof(*crls));
	const struct job job = { .source = source, .e = e };
	struct trust_text bundle = { .at = NULL };
	struct trust_store *t = NULL;
	unsigned before = e->n;

	if (!crls) {
		complain(&job, "no memory");
		return NULL;
	}
	/* Base64, line ends and comments take their room, too. */
	read_file(&job, source->bundle, &bundle, 4 * q->ca_certificates * q->ca_bytes + 65536);
	for (unsigned i = 0; i < source->n_crls; i++)
		read_file(&job, source->crls[i], &crls[i], q->crl_bytes);
	if (e->n == before)
		t = trust_parse(source, &bundle, crls, now, e);
	free((void *)(uintptr_t)bundle.at);
	for (unsigned i = 0; i < source->n_crls; i++)
		free((void *)(uintptr_t)crls[i].at);
	free(crls);
	return t;
}

/* --- counting and facts --- */

struct trust_store *trust_get(struct trust_store *t)
{
	t->references++;
	return t;
}

static void unlink_store(struct trust_store *t)
{
	struct trust_store **at = &stores;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
}

void trust_put(struct trust_store *t)
{
	if (!t || --t->references > 0)
		return;
	unlink_store(t);
	for (unsigned i = 0; i < t->n_anchors; i++) {
		free(t->anchors[i].der);
		free(t->anchors[i].crls);
	}
	for (unsigned i = 0; i < t->n_crls; i++)
		crl_free(t->crls[i]);
	for (unsigned i = 0; i < t->options.n_identities; i++) {
		const struct trust_identity *id = &t->options.identities[i];

		free((void *)(uintptr_t)id->subject);
		free((void *)(uintptr_t)id->issuer);
		free((void *)(uintptr_t)id->san);
	}
	free((void *)(uintptr_t)t->options.identities);
	free(t->anchors);
	free(t->crls);
	free(t->warnings);
	free(t);
}

uint64_t trust_version(const struct trust_store *t)
{
	return t->version;
}

const char *trust_warnings(const struct trust_store *t)
{
	return t->warnings ? t->warnings : "";
}

struct trust_facts trust_facts(const struct trust_store *t)
{
	struct trust_facts f = { .n_cas = t->n_anchors,
		.n_crls = t->n_crls,
		.next_update = INT64_MAX,
		.not_after = INT64_MAX };

	for (unsigned i = 0; i < t->n_anchors; i++)
		if (t->anchors[i].x.not_after < f.not_after)
			f.not_after = t->anchors[i].x.not_after;
	for (unsigned i = 0; i < t->n_crls; i++) {
		f.n_revoked += t->crls[i]->n;
		if (t->crls[i]->next_update < f.next_update)
			f.next_update = t->crls[i]->next_update;
	}
	return f;
}

struct client_cert_der trust_ca(const struct trust_store *t, unsigned i)
{
	if (i >= t->n_anchors)
		return (struct client_cert_der){ NULL, 0 };
	return (struct client_cert_der){ t->anchors[i].x.whole.at, t->anchors[i].x.whole.len };
}
