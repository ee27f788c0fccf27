/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/ctl/ctl.h"

#define MAX_FILE (1u << 20)

/* --- lists --- */

static void add_row(struct ctl_table *t, const json_t *cert)
{
	char left[32], *names = ctl_join(json_object_get(cert, "names"));
	char *listeners = ctl_join(json_object_get(cert, "listeners"));

	ctl_cell(t, "%s", ctl_text(cert, "name"));
	ctl_cell(t, "%s", ctl_text(cert, "key_type"));
	ctl_cell(t, "%.10s", ctl_text(cert, "not_after"));
	ctl_cell(t, "%s",
	    ctl_left(json_integer_value(json_object_get(cert, "expires_in_seconds")), left));
	ctl_cell(t, "%s", ctl_text(cert, "source"));
	ctl_cell(t, "%s", *listeners ? listeners : "-");
	ctl_cell(t, "%.60s%s", *names ? names : "-", strlen(names) > 60 ? "..." : "");
	free(names);
	free(listeners);
}

/* All pages of a list of certificates; query begins with '?' and ends in '&' or is "?". */
static int all_certs(struct ctl *c, const char *query, json_t **all)
{
	char path[700], *after = NULL;
	int status = CTL_OK;

	*all = json_array();
	do {
		json_t *answer, *page;
		const char *next;

		snprintf(path, sizeof(path), "/v1/certificates%s%s%s", query, after ? "after=" : "",
		    after ? after : "limit=1000");
		free(after);
		after = NULL;
		status = ctl_ask(c, "GET", path, NULL, &answer);
		if (status != CTL_OK)
			break;
		page = json_object_get(answer, "certificates");
		json_array_extend(*all, page);
		next = json_string_value(json_object_get(answer, "next"));
		after = next ? strdup(next) : NULL;
		json_decref(answer);
	} while (after);
	if (status != CTL_OK) {
		json_decref(*all);
		*all = NULL;
	}
	return status;
}

static int list_certs(struct ctl *c, const char *query)
{
	static const char *const heads[] = { "NAME", "KEY", "ENDS", "LEFT", "SOURCE", "LISTENERS",
		"NAMES" };
	struct ctl_table *t;
	const json_t *cert;
	json_t *all;
	size_t i;
	int status = all_certs(c, query, &all);

	if (status != CTL_OK || ctl_is_json(c, all))
		return status;
	t = ctl_table_new(7, heads);
	json_array_foreach(all, i, cert) add_row(t, cert);
	ctl_table_print(t);
	json_decref(all);
	return CTL_OK;
}

int ctl_cert_list(struct ctl *c, int n, char **operands)
{
	(void)n;
	(void)operands;
	return list_certs(c, "?");
}

int ctl_expiring(struct ctl *c, int n, char **operands)
{
	char *within = ctl_escape(n ? operands[0] : "30d"), query[200];

	snprintf(query, sizeof(query), "?expires_within=%.100s&", within);
	free(within);
	return list_certs(c, query);
}

int ctl_cert_show(struct ctl *c, int n, char **operands)
{
	static const char *const keys[] = { "name", "source", "key_type", "key_bits", "names",
		"not_before", "not_after", "fingerprint", "serial", "chain_length", "listeners",
		"warnings" };
	const json_t *staple;
	char path[300], left[32], *text;
	json_t *o;
	int status;

	(void)n;
	snprintf(path, sizeof(path), "/v1/certificates/%.200s", operands[0]);
	status = ctl_ask(c, "GET", path, NULL, &o);
	if (status != CTL_OK || ctl_is_json(c, o))
		return status;
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *value = json_object_get(o, keys[i]);

		if (!value)
			continue;
		text = json_is_array(value) ? ctl_join(value) : NULL;
		if (json_is_integer(value))
			printf("%-14s %lld\n", keys[i], (long long)json_integer_value(value));
		else
			printf("%-14s %s\n", keys[i], text ? text : ctl_text(o, keys[i]));
		free(text);
	}
	staple = json_object_get(o, "staple");
	if (staple)
		printf("%-14s until %s\n", "staple", ctl_text(staple, "next_update"));
	printf("%-14s %s\n", "left",
	    ctl_left(json_integer_value(json_object_get(o, "expires_in_seconds")), left));
	json_decref(o);
	return CTL_OK;
}

/* --- changes --- */

char *ctl_read_bytes(const char *path, size_t *n)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	char *text = f ? calloc(1, MAX_FILE + 1) : NULL;
	size_t len = text ? fread(text, 1, MAX_FILE + 1, f) : 0;

	if (!f || !text || ferror(f) || len > MAX_FILE) {
		fprintf(stderr, "sallyctl: cannot read %s: %s\n", path,
		    len > MAX_FILE ? "more than 1 MB" : strerror(errno));
		free(text);
		text = NULL;
	} else {
		text[len] = '\0';
		*n = len;
	}
	if (f && f != stdin)
		fclose(f);
	return text;
}

char *ctl_read_file(const char *path)
{
	size_t len;

	return ctl_read_bytes(path, &len);
}

char *ctl_base64(const unsigned char *data, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((len + 2) / 3 * 4 + 1), *to = text;

	for (size_t i = 0; text && i < len; i += 3) {
		unsigned long x = (unsigned long)data[i] << 16 |
		    (i + 1 < len ? (unsigned long)data[i + 1] << 8 : 0) |
		    (i + 2 < len ? data[i + 2] : 0);

		for (unsigned k = 0; k < 4; k++)
			*to++ = i + k <= len ? digits[x >> (18 - 6 * k) & 63] : '=';
	}
	if (text)
		*to = '\0';
	return text;
}

struct put_options {
	const char *chain, *key, *passphrase, *ocsp;
	json_t *names;
	bool force;
	int listeners; /* first operand that is one */
};

/* Options behind the command; false: the message has been given. */
static bool put_options(struct put_options *p, int *n, char ***operands)
{
	static const struct option longs[] = { { "chain", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "passphrase-file", required_argument, NULL, 'p' },
		{ "ocsp", required_argument, NULL, 'o' }, { "names", required_argument, NULL, 'n' },
		{ "force", no_argument, NULL, 'f' }, { 0 } };
	int option;

	memset(p, 0, sizeof(*p));
	optind = 0;
	while ((option = getopt_long(*n, *operands, "c:k:p:o:n:f", longs, NULL)) != -1) {
		char *rest = optarg, *name;

		switch (option) {
		case 'c':
			p->chain = optarg;
			break;
		case 'k':
			p->key = optarg;
			break;
		case 'p':
			p->passphrase = optarg;
			break;
		case 'o':
			p->ocsp = optarg;
			break;
		case 'n':
			if (!p->names)
				p->names = json_array();
			while ((name = strsep(&rest, ",")) != NULL)
				json_array_append_new(p->names, json_string(name));
			break;
		case 'f':
			p->force = true;
			break;
		default:
			json_decref(p->names);
			return false;
		}
	}
	*operands += optind;
	*n -= optind;
	if (*n == 1 && p->chain && p->key)
		return true;
	fprintf(stderr, "sallyctl: give NAME, --chain FILE and --key FILE\n");
	json_decref(p->names);
	return false;
}

/* Adds the first line of the file; false after a message. */
static bool add_passphrase(json_t *body, const char *path)
{
	char *text = path ? ctl_read_file(path) : NULL;
	bool ok = !path;

	if (text) {
		text[strcspn(text, "\r\n")] = '\0';
		ok = json_object_set_new(body, "passphrase", json_string(text)) == 0;
		if (!ok)
			fprintf(stderr, "sallyctl: %s is no text\n", path);
		explicit_bzero(text, strlen(text));
	}
	free(text);
	return ok;
}

/* Adds the response in the file, DER or base64; false after a message. */
static bool add_staple(json_t *body, const char *path)
{
	unsigned char *data;
	char *text = NULL;
	size_t len;

	if (!path)
		return true;
	data = (unsigned char *)ctl_read_bytes(path, &len);
	if (!data)
		return false;
	/* A SEQUENCE: no base64 begins like that. */
	if (len > 0 && data[0] == 0x30 && memchr(data, 0, len))
		text = ctl_base64(data, len);
	json_object_set_new(
	    body, "ocsp", text ? json_string(text) : json_stringn((char *)data, len));
	free(text);
	free(data);
	if (json_is_string(json_object_get(body, "ocsp")))
		return true;
	fprintf(stderr, "sallyctl: %s is no OCSP response: DER or base64 is expected\n", path);
	return false;
}

/* The name of the command stands before its operands: getopt expects that. */
static int put(struct ctl *c, int n, char **operands, const char *mode)
{
	struct put_options p;
	char *chain, *key, *path;
	json_t *body, *answer = NULL;
	int status = CTL_REFUSED;

	n++;
	operands--;
	if (!put_options(&p, &n, &operands))
		return CTL_USAGE;
	chain = ctl_read_file(p.chain);
	key = chain ? ctl_read_file(p.key) : NULL;
	if (key) {
		body = json_pack("{s:s, s:s, s:s, s:b}", "chain", chain, "key", key, "mode", mode,
		    "force", p.force);
		if (!body)
			fprintf(stderr, "sallyctl: %s or %s is no text\n", p.chain, p.key);
		else if (p.names)
			json_object_set(body, "names", p.names);
		path = ctl_change_path(c, "/v1/certificates/%s", operands[0]);
		if (body && add_passphrase(body, p.passphrase) && add_staple(body, p.ocsp))
			status = ctl_ask(c, "PUT", path, body, &answer);
		json_decref(body);
		free(path);
		explicit_bzero(key, strlen(key));
	}
	json_decref(p.names);
	free(chain);
	free(key);
	return answer ? ctl_done(c, status, answer) : status;
}

int ctl_cert_add(struct ctl *c, int n, char **operands)
{
	return put(c, n, operands, "add");
}

int ctl_cert_replace(struct ctl *c, int n, char **operands)
{
	return put(c, n, operands, "replace");
}

int ctl_cert_remove(struct ctl *c, int n, char **operands)
{
	bool everywhere = false;
	const char *name = NULL;
	json_t *answer;
	char *path;
	int status;

	for (int i = 0; i < n; i++) {
		if (strcmp(operands[i], "--everywhere") == 0)
			everywhere = true;
		else if (!name && operands[i][0] != '-')
			name = operands[i];
		else
			return CTL_USAGE;
	}
	if (!name)
		return CTL_USAGE;
	path = ctl_change_path(c, "/v1/certificates/%s%s", name, everywhere ? "?everywhere=1" : "");
	status = ctl_ask(c, "DELETE", path, NULL, &answer);
	free(path);
	return ctl_done(c, status, answer);
}

/* --- explain --- */

int ctl_cert_explain(struct ctl *c, int n, char **operands)
{
	static const struct option longs[] = { { "listener", required_argument, NULL, 'l' },
		{ "sigalgs", required_argument, NULL, 's' },
		{ "versions", required_argument, NULL, 'v' }, { 0 } };
	char query[2000] = "/v1/explain?";
	json_t *o;
	int option, status;

	n++;
	operands--;
	optind = 0;
	while ((option = getopt_long(n, operands, "l:s:v:", longs, NULL)) != -1) {
		const char *name = option == 'l' ? "listener"
		    : option == 's'              ? "sigalgs"
		    : option == 'v'              ? "versions"
						 : NULL;
		char *value = name ? ctl_escape(optarg) : NULL;
		size_t len = strlen(query);

		if (!value)
			return CTL_USAGE;
		snprintf(query + len, sizeof(query) - len, "%s=%.500s&", name, value);
		free(value);
	}
	if (n - optind > 1)
		return CTL_USAGE;
	if (n - optind == 1) {
		char *value = ctl_escape(operands[optind]);
		size_t len = strlen(query);

		snprintf(query + len, sizeof(query) - len, "name=%.500s", value);
		free(value);
	}
	status = ctl_ask(c, "GET", query, NULL, &o);
	if (status != CTL_OK || ctl_is_json(c, o))
		return status;
	printf("certificate  %s\nreason       %s\nversion      %s\nsuite        %s\n",
	    ctl_text(o, "certificate"), ctl_text(o, "reason"), ctl_text(o, "version"),
	    ctl_text(o, "suite"));
	if (json_object_get(o, "alert"))
		printf("alert        %lld\n",
		    (long long)json_integer_value(json_object_get(o, "alert")));
	json_decref(o);
	return CTL_OK;
}
