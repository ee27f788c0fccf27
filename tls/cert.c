/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/cert.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/err.h"
#include "tls/cert_blob.h"
#include "tls/cert_chain.h"
#include "tls/cert_crypt.h"
#include "tls/cert_key.h"
#include "tls/ocsp.h"
#include "tls/pem.h"
#include "tls/secret.h"

#define MAX_FILE       ((off_t)1 << 20) /* ten certificates have 20 KB */
#define MAX_PASSPHRASE 1023

int cert_complain(const struct cert_job *job, const char *format, ...)
{
	const struct cert_source *s = job->source;
	char text[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return err_add(job->e, s->file, s->line, "certificate '%s': %s", s->name, text);
}

/* --- the private key --- */

static bool is_key_label(const struct pem_block *b)
{
	return pem_is(b, "PRIVATE KEY") || pem_is(b, "RSA PRIVATE KEY") ||
	    pem_is(b, "EC PRIVATE KEY") || pem_is(b, "ENCRYPTED PRIVATE KEY");
}

/* Finds the one private key of the file. */
static int find_key(const struct cert_job *job, const char *pem, size_t len, struct pem_block *key)
{
	const char *file = job->source->key_path, *end = pem + len;
	struct pem_block block;
	unsigned n = 0;
	int found;

	while ((found = pem_next(&pem, end, &block)) > 0) {
		if (!is_key_label(&block))
			continue;
		*key = block;
		n++;
	}
	if (found < 0)
		return cert_complain(job, "%s is damaged: a BEGIN line without its END line", file);
	if (n == 0)
		return cert_complain(job,
		    "%s has no private key; expected is PEM text with -----BEGIN PRIVATE KEY-----",
		    file);
	if (n > 1)
		return cert_complain(job, "%s has %u private keys; leave the one to use", file, n);
	return 0;
}

static int decrypt(const struct cert_source *source, const struct pem_block *block, uint8_t *der,
    size_t len, const char **why)
{
	*why = "it is encrypted; name the file with its passphrase in \"passphrase_file\"";
	if (!source->passphrase)
		return -1;
	return key_decrypt(block, der, len, source->passphrase, source->passphrase_len, why);
}

/* Reads the key into c->key, and its public part into public. */
static int read_key(struct cert *c, const struct cert_job *job, const char *pem, size_t len,
    struct cert_public *public)
{
	const char *file = job->source->key_path, *why;
	struct pem_block block;
	uint8_t *der;
	int n;

	if (find_key(job, pem, len, &block) < 0)
		return -1;
	der = secret_alloc(block.body_len + 1);
	if (!der)
		return cert_complain(job, "no memory");
	n = pem_decode(&block, der, block.body_len);
	why = "it is no base64: the file is damaged";
	if (n > 0 && block.is_encrypted)
		n = decrypt(job->source, &block, der, (size_t)n, &why);
	if (n > 0) {
		c->key.len = (size_t)n;
		c->key.at = secret_alloc(c->key.len);
		if (c->key.at)
			memcpy(c->key.at, der, c->key.len);
	}
	secret_free(der, block.body_len + 1);
	if (n <= 0)
		return cert_complain(job, "key %s cannot be read: %s", file, why);
	if (!c->key.at)
		return cert_complain(job, "no memory");
	why = cert_public_of_key(public, c->key.at, c->key.len);
	if (why)
		return cert_complain(job, "key %s cannot be used: %s", file, why);
	return 0;
}

/* --- life --- */

static struct cert *cert_new(const char *name)
{
	static uint64_t last_version; /* only the control thread makes certificates */
	struct cert *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->references = 1;
	c->version = ++last_version;
	c->name = strdup(name);
	if (!c->name) {
		free(c);
		return NULL;
	}
	return c;
}

struct cert *cert_get(struct cert *c)
{
	assert(c->references > 0);
	c->references++;
	return c;
}

void cert_put(struct cert *c)
{
	if (!c || --c->references > 0)
		return;
	free(c->chain[0].at);
	for (unsigned i = 1; i < c->n_chain; i++)
		blob_put(c->chain[i].at);
	secret_free(c->key.at, c->key.len);
	free(c->ocsp.at);
	free(c->issuer);
	free(c->names);
	free(c->name);
	free(c);
}

struct cert *cert_parse(const struct cert_source *source, const char *chain, size_t chain_len,
    const char *key, size_t key_len, int64_t now, struct err *e)
{
	const struct cert_job job = { .source = source, .now = now, .e = e };
	struct cert_public *public = calloc(1, sizeof(*public));
	struct cert *c = cert_new(source->name);
	int status = -1;
	bool has_key;

	if (c && public) {
		has_key = read_key(c, &job, key, key_len, public) == 0;
		status = cert_chain_read(c, &job, chain, chain_len, has_key ? public : NULL);
		if (!has_key)
			status = -1;
	} else {
		cert_complain(&job, "no memory");
	}
	free(public);
	if (status == 0)
		return c;
	cert_put(c);
	return NULL;
}

/* --- files --- */

struct file {
	char *at;
	size_t len; /* what secret_free wants to know, too */
	bool group_reads;
};

/* Fills f from an open file. 0 or an errno. */
static int file_fill(struct file *f, int fd, off_t size)
{
	size_t done = 0;

	f->len = (size_t)size;
	f->at = secret_alloc(f->len);
	if (!f->at)
		return ENOMEM;
	while (done < f->len) {
		ssize_t n = read(fd, f->at + done, f->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO; /* it shrank meanwhile */
		done += (size_t)n;
	}
	return 0;
}

/* What a file's mode allows; secret ones are for their owner, perhaps a group. */
enum file_kind {
	FILE_CHAIN,
	FILE_KEY,
	FILE_PASSPHRASE
};

/* Reads a file whole, into secret memory: a chain file may hold the key as well. */
static int
file_read(struct file *f, const struct cert_job *job, const char *path, enum file_kind kind)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = 0, status = 0;
	struct stat st;

	*f = (struct file){ 0 };
	if (fd < 0 || fstat(fd, &st) < 0)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		status = cert_complain(job, "%s is no ordinary file", path);
	else if (st.st_size == 0 || st.st_size > MAX_FILE)
		status = cert_complain(job, "%s has %lld bytes; expected are 1 to %lld", path,
		    (long long)st.st_size, (long long)MAX_FILE);
	else if (kind != FILE_CHAIN && st.st_mode & S_IROTH)
		status = cert_complain(job,
		    "%s %s can be read by every user; take that away (chmod 600 %s)",
		    kind == FILE_KEY ? "key" : "passphrase", path, path);
	else
		error = file_fill(f, fd, st.st_size);
	if (error)
		status = cert_complain(job, "cannot read %s: %s", path, strerror(error));
	f->group_reads = fd >= 0 && status == 0 && st.st_mode & S_IRGRP;
	if (fd >= 0)
		close(fd);
	return status;
}

/* The passphrase is the file's first line, without its end. */
static int passphrase_read(struct file *f, const struct cert_job *job, struct cert_source *source)
{
	const char *path = source->passphrase_path, *end;

	if (file_read(f, job, path, FILE_PASSPHRASE) < 0)
		return -1;
	end = memchr(f->at, '\n', f->len);
	source->passphrase = f->at;
	source->passphrase_len = end ? (size_t)(end - f->at) : f->len;
	if (source->passphrase_len > 0 && f->at[source->passphrase_len - 1] == '\r')
		source->passphrase_len--;
	if (source->passphrase_len == 0 || source->passphrase_len > MAX_PASSPHRASE)
		return cert_complain(job,
		    "the first line of %s has %zu bytes; a passphrase has 1 to %d", path,
		    source->passphrase_len, MAX_PASSPHRASE);
	return 0;
}

/* Keeps the response itself: wolfSSL is given a copy for each session. */
static int staple_keep(struct cert *c, const struct cert_job *job, const uint8_t *der, size_t len,
    const struct ocsp_facts *facts)
{
	uint8_t *at = malloc(len);

	if (!at)
		return cert_complain(job, "no memory");
	memcpy(at, der, len);
	free(c->ocsp.at);
	c->ocsp = (struct cert_blob){ .at = at, .len = len };
	c->ocsp_next_update = facts->next_update;
	return 0;
}

int cert_staple(struct cert *c, const struct cert_source *source, const uint8_t *file, size_t len,
    int64_t now, struct err *e)
{
	const struct cert_job job = { .source = source, .now = now, .e = e };
	const char *path = source->ocsp_path, *why;
	uint8_t der[OCSP_MAX];
	struct ocsp_facts facts;
	int n = ocsp_decode(file, len, der);

	if (n < 0)
		return cert_complain(&job,
		    "%s is no OCSP response: expected is DER or base64 of at most %d bytes", path,
		    OCSP_MAX);
	if (c->n_chain < 2)
		return cert_complain(&job,
		    "OCSP response %s cannot be checked: the issuer's certificate must be in the chain",
		    path);
	switch (ocsp_check(der, (size_t)n, c->chain[0].at, c->chain[0].len, c->chain[1].at,
	    c->chain[1].len, now, &facts, &why)) {
	case OCSP_GOOD:
		return staple_keep(c, &job, der, (size_t)n, &facts);
	case OCSP_EXPIRED:
		c->warnings |= CERT_STAPLE_EXPIRED;
		return 0;
	case OCSP_REFUSED:
		break;
	}
	return cert_complain(&job, "OCSP response %s cannot be stapled: %s", path, why);
}

static int staple_file(struct cert *c, const struct cert_job *job)
{
	struct file f;
	int status = file_read(&f, job, job->source->ocsp_path, FILE_CHAIN);

	if (status == 0)
		status =
		    cert_staple(c, job->source, (const uint8_t *)f.at, f.len, job->now, job->e);
	secret_free(f.at, f.len);
	return status;
}

struct cert *cert_load(const struct cert_source *from, int64_t now, struct err *e)
{
	struct cert_source source = *from;
	const struct cert_job job = { .source = &source, .now = now, .e = e };
	struct file chain, key, passphrase = { 0 };
	struct cert *c = NULL;
	int bad = file_read(&chain, &job, source.chain_path, FILE_CHAIN);

	bad |= file_read(&key, &job, source.key_path, FILE_KEY);
	if (source.passphrase_path)
		bad |= passphrase_read(&passphrase, &job, &source);
	if (!bad)
		c = cert_parse(&source, chain.at, chain.len, key.at, key.len, now, e);
	if (c && key.group_reads)
		c->warnings |= CERT_WEAK_KEY_FILE;
	if (c && source.ocsp_path && staple_file(c, &job) < 0) {
		cert_put(c);
		c = NULL;
	}
	secret_free(chain.at, chain.len);
	secret_free(key.at, key.len);
	secret_free(passphrase.at, passphrase.len);
	return c;
}

/* --- warnings --- */

const char *cert_warning_text(const struct cert *c, char *text, size_t room)
{
	static const struct {
		enum cert_warning bit;
		const char *text;
	} texts[] = {
		{ CERT_EXPIRED, "it has expired and is served by force" },
		{ CERT_NOT_YET_VALID, "it is not valid yet and is served by force" },
		{ CERT_ISSUER_EXPIRED, "a CA certificate of its chain is out of its dates" },
		{ CERT_CHAIN_INCOMPLETE, "its chain lacks the certificate of its issuer" },
		{ CERT_WEAK_SIGNATURE, "it is signed with SHA-1, which clients refuse" },
		{ CERT_STAPLE_EXPIRED, "its OCSP response is out of its dates and is not stapled" },
		{ CERT_WEAK_KEY_FILE, "its key's file can be read by a group" },
	};
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		bool named = texts[i].bit == CERT_CHAIN_INCOMPLETE && c->issuer;

		if (!(c->warnings & texts[i].bit) || len >= room)
			continue;
		len += (size_t)snprintf(text + len, room - len, "%s%s%s%s", len > 0 ? "; " : "",
		    texts[i].text, named ? ": " : "", named ? c->issuer : "");
	}
	return text;
}
