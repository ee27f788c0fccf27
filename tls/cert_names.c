/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/cert_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn.h>

#include "tls/name.h"

/* Names while they are collected; then one block of memory: the pointers and their text. */
struct names {
	char *text; /* terminated strings, one after the other */
	size_t len, room;
	unsigned n;
};

static int names_add(struct names *names, const char *name, size_t len)
{
	if (names->room - names->len < len + 1) {
		size_t room = 2 * names->room + len + 64;
		char *text = realloc(names->text, room);

		if (!text)
			return -1;
		names->text = text;
		names->room = room;
	}
	memcpy(names->text + names->len, name, len + 1);
	names->len += len + 1;
	names->n++;
	return 0;
}

static int names_finish(struct cert *c, struct names *names)
{
	char *text;

	if (names->n == 0)
		return 0;
	c->names = malloc(names->n * sizeof(*c->names) + names->len);
	if (!c->names)
		return -1;
	text = (char *)(c->names + names->n);
	memcpy(text, names->text, names->len);
	for (; c->n_names < names->n; text += strlen(text) + 1)
		c->names[c->n_names++] = text;
	return 0;
}

/* Whether a name is among those collected, in the form they are kept in. */
static bool names_have(const struct names *names, const char *name)
{
	for (size_t at = 0; at < names->len; at += strlen(names->text + at) + 1)
		if (strcmp(names->text + at, name) == 0)
			return true;
	return false;
}

/* An exclusion must take something out of a wildcard, and must not contradict a name. */
static int check_exclusions(const struct names *names, const struct cert_job *job)
{
	int bad = 0;

	for (size_t at = 0; at < names->len; at += strlen(names->text + at) + 1) {
		const char *name = names->text + at, *dot = strchr(name, '.');
		char wildcard[NAME_MAX_LEN + 2];

		if (name[0] != '!')
			continue;
		snprintf(wildcard, sizeof(wildcard), "*%s", dot ? dot : "");
		if (names_have(names, name + 1))
			bad = cert_complain(job, "names has both '%s' and '%s'", name + 1, name);
		else if (!dot || !names_have(names, wildcard))
			bad = cert_complain(job,
			    "'%s' in names excludes nothing: no wildcard in names covers it", name);
	}
	return bad;
}

/* One name of the configuration, in the form it is kept in. False: it is none. */
static bool copy_configured(char out[NAME_MAX_LEN + 2], const char *text)
{
	bool excludes = text[0] == '!';
	const uint8_t *at = (const uint8_t *)text + excludes;
	size_t len = strlen(text) - excludes;

	out[0] = '!';
	if (name_is_address(at, len))
		return false;
	return (excludes ? name_copy(out + 1, at, len) : name_copy_pattern(out, at, len)) > 0;
}

static int add_configured_names(struct names *names, const struct cert_job *job)
{
	char name[NAME_MAX_LEN + 2];
	int bad = 0;

	for (unsigned i = 0; i < job->source->n_names; i++) {
		const char *text = job->source->names[i];

		if (!copy_configured(name, text))
			bad = cert_complain(job,
			    "'%s' in names is no host name; write one like \"www.example.com\", "
			    "\"*.example.com\", or \"!old.example.com\" to exclude one",
			    text);
		else if (names_have(names, name))
			bad = cert_complain(job, "'%s' is in names twice", text);
		else if (names_add(names, name, strlen(name)) < 0)
			return cert_complain(job, "no memory");
	}
	return bad ? bad : check_exclusions(names, job);
}

static int add_own_names(struct names *names, const struct cert_job *job, const DecodedCert *x)
{
	char name[NAME_MAX_LEN + 1];
	int len, bad = 0;

	for (const DNS_entry *a = x->altNames; a; a = a->next) {
		const uint8_t *at = (const uint8_t *)a->name;

		if (a->type != ASN_DNS_TYPE || a->len < 0 || name_is_address(at, (size_t)a->len))
			continue;
		len = name_copy_pattern(name, at, (size_t)a->len);
		if (len < 0)
			bad = cert_complain(job,
			    "the DNS name '%.*s' in %s cannot be served: a star may only be the whole first "
			    "label; give the names to serve in \"names\"",
			    a->len, a->name, job->source->chain_path);
		else if (names_add(names, name, (size_t)len) < 0)
			return cert_complain(job, "no memory");
	}
	/* RFC 6125 6.4.4: the CN counts only when there is no SAN. It may be "Jane Doe" as well. */
	if (!x->extSubjAltNameSet && x->subjectCN && x->subjectCNLen > 0) {
		const uint8_t *at = (const uint8_t *)x->subjectCN;

		len = name_copy_pattern(name, at, (size_t)x->subjectCNLen);
		if (len > 0 && !name_is_address(at, (size_t)x->subjectCNLen) &&
		    names_add(names, name, (size_t)len) < 0)
			return cert_complain(job, "no memory");
	}
	return bad;
}

int cert_names_read(struct cert *c, const struct cert_job *job, const struct DecodedCert *x)
{
	struct names names = { 0 };
	int status =
	    job->source->names ? add_configured_names(&names, job) : add_own_names(&names, job, x);

	if (status == 0 && names_finish(c, &names) < 0)
		status = cert_complain(job, "no memory");
	free(names.text);
	return status;
}
