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
#include "tls/cert_chain.h"
#include "tls/cert_key.h"
#include "tls/pem.h"
#include "tls/secret.h"

#define MAX_FILE ((off_t)1 << 20) /* ten certificates have 20 KB */

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
	if (key->is_encrypted)
		return cert_complain(job,
		    "key %s is encrypted, and passphrases are not supported; store it decrypted "
		    "(openssl pkey -in %s -out FILE), readable by root only",
		    file, file);
	return 0;
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
	if (n > 0) {
		c->key.len = (size_t)n;
		c->key.at = secret_alloc(c->key.len);
		if (c->key.at)
			memcpy(c->key.at, der, c->key.len);
	}
	secret_free(der, block.body_len + 1);
	if (n <= 0)
		return cert_complain(job, "key %s is no base64: the file is damaged", file);
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
	for (unsigned i = 0; i < c->n_chain; i++)
		free(c->chain[i].at);
	secret_free(c->key.at, c->key.len);
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

/* Reads a file whole, into secret memory: a chain file may hold the key as well. */
static int file_read(struct file *f, const struct cert_job *job, const char *path, bool is_key)
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
	else if (is_key && st.st_mode & S_IROTH)
		status = cert_complain(job,
		    "key %s can be read by every user; take that away (chmod 600 %s)", path, path);
	else
		error = file_fill(f, fd, st.st_size);
	if (error)
		status = cert_complain(job, "cannot read %s: %s", path, strerror(error));
	if (fd >= 0)
		close(fd);
	return status;
}

struct cert *cert_load(const struct cert_source *source, int64_t now, struct err *e)
{
	const struct cert_job job = { .source = source, .now = now, .e = e };
	struct file chain, key;
	struct cert *c = NULL;
	int bad = file_read(&chain, &job, source->chain_path, false);

	bad |= file_read(&key, &job, source->key_path, true);
	if (!bad)
		c = cert_parse(source, chain.at, chain.len, key.at, key.len, now, e);
	secret_free(chain.at, chain.len);
	secret_free(key.at, key.len);
	return c;
}
