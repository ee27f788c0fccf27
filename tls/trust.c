/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "config/err.h"
#include "tls/trust_private.h"

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
	struct trust_job job = { .source = source, .now = now, .e = e, .errors = e->n };
	struct trust_store *same;
	uint8_t hash[32];

	if (digest(hash, source, bundle, crls) != 0) {
		trust_complain(&job, "no memory");
		return NULL;
	}
	same = find_same(hash);
	if (same)
		return same;
	job.store = store_new(&source->options);
	if (!job.store) {
		trust_complain(&job, "no memory");
		return NULL;
	}
	if (trust_read_bundle(&job, bundle) == 0)
		for (unsigned i = 0; i < source->n_crls; i++)
			trust_read_crl(&job, &crls[i]);
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

static int
read_file(const struct trust_job *job, const char *path, struct trust_text *to, size_t max)
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
		return trust_complain(
		    job, "%s has %lld bytes; the quota is %zu", path, (long long)st.st_size, max);
	return trust_complain(job, "cannot read %s: %s", path,
	    error == EINVAL ? "not a regular file" : strerror(error));
}

struct trust_store *trust_load(const struct trust_source *source, int64_t now, struct err *e)
{
	const struct trust_quotas *q = &source->options.quotas;
	struct trust_text *crls = calloc(source->n_crls + 1, sizeof(*crls));
	const struct trust_job job = { .source = source, .e = e };
	struct trust_text bundle = { .at = NULL };
	struct trust_store *t = NULL;
	unsigned before = e->n;

	if (!crls) {
		trust_complain(&job, "no memory");
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
