/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/addr.h"
#include "config/api/private.h"
#include "config/err.h"

static json_t *time_json(int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[40];

	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *hex_json(const uint8_t *bytes, size_t n)
{
	char text[2 * 64 + 1];

	for (size_t i = 0; i < n && i < 64; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return json_string(text);
}

static json_t *strings_json(const char *const *all, unsigned n)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(a, json_string(all[i]));
	return a;
}

/* limit=N, after=NAME of a list. False: it has been answered. */
static bool page(struct api_request *r, unsigned *limit, const char **after)
{
	const char *text = api_arg(r, "limit");
	char *end = NULL;
	unsigned long n = text ? strtoul(text, &end, 10) : API_PAGE;

	*after = api_arg(r, "after");
	*limit = (unsigned)n;
	if (text && (*end || end == text || n < 1 || n > API_PAGE)) {
		api_error(r, 400, "limit must be 1 to %u", API_PAGE);
		return false;
	}
	return true;
}

void api_read_status(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	struct ops_status s;
	json_t *o;

	if (!api_check_form(r, none, NULL))
		return;
	c->ops->status(c->ops->arg, &s);
	o = json_object();
	json_object_set_new(o, "generation", json_integer((json_int_t)s.generation));
	json_object_set_new(o, "config", json_string(s.config));
	json_object_set_new(o, "state_dir", s.state_dir ? json_string(s.state_dir) : json_null());
	json_object_set_new(o, "certificates", json_integer((json_int_t)s.n_certificates));
	json_object_set_new(o, "listeners", json_integer(s.n_listeners));
	json_object_set_new(o, "backends", json_integer(s.n_backends));
	json_object_set_new(o, "workers", json_integer(s.n_workers));
	json_object_set_new(o, "draining", json_boolean(s.draining));
	json_object_set_new(o, "started", time_json(s.started));
	api_answer(r, 200, o);
}

/* --- certificates --- */

static json_t *served_by(struct api_context *c, const char *certificate)
{
	struct ops_listener l;
	json_t *a = json_array();

	for (unsigned i = 0; c->ops->listener_at(c->ops->arg, i, &l); i++)
		if (c->ops->listener_serves(c->ops->arg, i, certificate))
			json_array_append_new(a, json_string(l.name));
	return a;
}

static json_t *cert_json(struct api_context *c, const struct ops_cert *cert)
{
	int64_t left = cert->not_after - (int64_t)time(NULL);
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(cert->name));
	json_object_set_new(o, "source", json_string(cert->from_file ? "file" : "api"));
	json_object_set_new(o, "key_type", json_string(cert->key_type));
	json_object_set_new(o, "key_bits", json_integer(cert->key_bits));
	json_object_set_new(
	    o, "names", strings_json((const char *const *)cert->names, cert->n_names));
	json_object_set_new(o, "not_before", time_json(cert->not_before));
	json_object_set_new(o, "not_after", time_json(cert->not_after));
	json_object_set_new(o, "expires_in_seconds", json_integer((json_int_t)left));
	json_object_set_new(o, "fingerprint", hex_json(cert->fingerprint, 32));
	json_object_set_new(o, "serial", json_string(cert->serial));
	json_object_set_new(o, "chain_length", json_integer(cert->n_chain));
	json_object_set_new(o, "signature_hash_bits", json_integer(cert->signature_hash_bits));
	json_object_set_new(o, "listeners", served_by(c, cert->name));
	if (cert->has_staple)
		json_object_set_new(o, "staple",
		    json_pack("{s:o}", "next_update",
			cert->staple_next_update ? time_json(cert->staple_next_update)
						 : json_null()));
	if (cert->warnings[0])
		json_object_set_new(o, "warnings", json_string(cert->warnings));
	return o;
}

/* Looks at so many certificates for one answer, whether they are wanted or not. */
#define MAX_LOOK (16 * API_PAGE)

void api_read_certs(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "limit", "after", "expires_within", NULL };
	const char *within = api_arg(r, "expires_within"), *after;
	int64_t seconds = within ? api_duration(within) : 0, now = time(NULL);
	unsigned limit, looked = 0;
	struct ops_cert cert;
	json_t *o, *all;
	bool more;

	if (!api_check_form(r, args, NULL) || !page(r, &limit, &after))
		return;
	if (seconds < 0) {
		api_error(r, 400, "expires_within is a time such as 30d, 12h or 3600");
		return;
	}
	all = json_array();
	while ((more = c->ops->cert_next(c->ops->arg, after, &cert)) &&
	    json_array_size(all) < limit && looked++ < MAX_LOOK) {
		after = cert.name;
		if (!within || cert.not_after - now <= seconds)
			json_array_append_new(all, cert_json(c, &cert));
	}
	o = json_object();
	json_object_set_new(o, "certificates", all);
	if (more)
		json_object_set_new(o, "next", json_string(after));
	api_answer(r, 200, o);
}

void api_read_cert(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	struct ops_cert cert;

	if (!api_check_form(r, none, NULL))
		return;
	if (c->ops->cert_find(c->ops->arg, r->parts[2], &cert))
		api_answer(r, 200, cert_json(c, &cert));
	else
		api_error(r, 404, "there is no certificate '%s'", r->parts[2]);
}

/* --- listeners --- */

void api_complete_listener(json_t *o, const struct ops_listener *l)
{
	json_t *bind = json_array(), *all = json_object();
	char text[CONFIG_ADDR_TEXT];

	for (unsigned i = 0; i < l->n_bind; i++)
		json_array_append_new(
		    bind, json_string(config_addr_print(&l->bind[i], ADDR_PORT, text)));
	json_object_set_new(all, "bind", bind);
	json_object_set_new(all, "protocol", json_string("tls"));
	json_object_set_new(all, "policy", json_string(l->policy));
	json_object_set_new(all, "sni_strict", json_boolean(l->sni_strict));
	json_object_set_new(all, "alpn", strings_json(l->alpn, l->n_alpn));
	json_object_set_new(all, "backend", json_string(l->backend));
	json_object_set_new(all, "limits",
	    json_pack("{s:f, s:f}", "handshake_timeout", l->handshake_timeout_s, "idle_timeout",
		l->idle_timeout_s));
	json_object_update_missing(o, all);
	json_decref(all);
	json_object_set_new(o, "default_certificate", strings_json(l->defaults, l->n_defaults));
	json_object_set_new(o, "certificates", json_integer((json_int_t)l->n_certificates));
}

/* The number of the listener in the path, or -1 after answering 404. */
static int find_listener(struct api_context *c, struct api_request *r, struct ops_listener *l)
{
	for (unsigned i = 0; c->ops->listener_at(c->ops->arg, i, l); i++)
		if (strcmp(l->name, r->parts[2]) == 0)
			return (int)i;
	api_error(r, 404, "there is no listener '%s'", r->parts[2]);
	return -1;
}

void api_read_listener_certs(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "limit", "after", NULL };
	struct ops_listener l;
	const char *after;
	json_t *o, *all;
	unsigned limit;
	int i;

	if (!api_check_form(r, args, NULL) || !page(r, &limit, &after))
		return;
	i = find_listener(c, r, &l);
	if (i < 0)
		return;
	all = json_array();
	o = json_pack("{s:o, s:o}", "default_certificate", strings_json(l.defaults, l.n_defaults),
	    "certificates", all);
	while ((after = c->ops->listener_cert_next(c->ops->arg, (unsigned)i, after)) != NULL) {
		if (json_array_size(all) == limit) {
			json_object_set(o, "next", json_array_get(all, limit - 1));
			break;
		}
		json_array_append_new(all, json_string(after));
	}
	api_answer(r, 200, o);
}

/* --- history --- */

void api_read_generations(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	struct ops_generation g;
	json_t *all;

	if (!api_check_form(r, none, NULL))
		return;
	all = json_array();
	for (unsigned i = 0; c->ops->generation_at(c->ops->arg, i, &g); i++) {
		json_t *o = json_object();

		json_object_set_new(o, "generation", json_integer((json_int_t)g.generation));
		json_object_set_new(o, "time", time_json(g.time));
		json_object_set_new(o, "action", json_string(g.action));
		json_object_set_new(o, "who", json_string(g.who));
		json_object_set_new(o, "summary", json_string(g.summary));
		json_object_set_new(o, "current", json_boolean(g.is_current));
		json_object_set_new(o, "can_roll_back", json_boolean(g.can_roll_back));
		json_array_append_new(all, o);
	}
	api_answer(r, 200, json_pack("{s:o}", "generations", all));
}

json_t *api_change_json(const struct change *c)
{
	const struct change_list one = { .at = (struct change *)(uintptr_t)c, .n = 1 };
	char *text = change_print(&one);
	json_t *a = text ? json_loads(text, 0, NULL) : NULL;
	json_t *o = json_incref(json_array_get(a, 0));

	free(text);
	json_decref(a);
	return o;
}

void api_read_diff(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	static struct err notes, e;
	struct change_list l = { .n = 0 };
	enum ops_verdict verdict;
	json_t *o, *all;

	if (!api_check_form(r, none, NULL))
		return;
	err_init(&notes);
	err_init(&e);
	verdict = c->ops->diff(c->ops->arg, &l, &notes, &e);
	if (verdict != OPS_OK) {
		api_error(r, api_status_of(verdict), "%s", e.text);
		change_clear(&l);
		return;
	}
	all = json_array();
	for (unsigned i = 0; i < l.n && i < API_PAGE; i++)
		json_array_append_new(all, api_change_json(&l.at[i]));
	o = json_object();
	json_object_set_new(o, "same", json_boolean(l.n == 0 && notes.n == 0));
	json_object_set_new(o, "reload_would", all);
	json_object_set_new(o, "n_changes", json_integer(l.n));
	if (notes.n) {
		notes.text[strcspn(notes.text, "\n")] = '\0';
		json_object_set_new(o, "other", json_string(notes.text));
	}
	change_clear(&l);
	api_answer(r, 200, o);
}

/* --- explain --- */

static const struct {
	const char *name;
	uint16_t value;
} numbers[] = {
	{ "ecdsa_secp256r1_sha256", 0x0403 },
	{ "ecdsa_secp384r1_sha384", 0x0503 },
	{ "ecdsa_secp521r1_sha512", 0x0603 },
	{ "ed25519", 0x0807 },
	{ "rsa_pss_rsae_sha256", 0x0804 },
	{ "rsa_pss_rsae_sha384", 0x0805 },
	{ "rsa_pss_rsae_sha512", 0x0806 },
	{ "rsa_pkcs1_sha256", 0x0401 },
	{ "rsa_pkcs1_sha384", 0x0501 },
	{ "rsa_pkcs1_sha512", 0x0601 },
	{ "ecdsa_sha1", 0x0203 },
	{ "rsa_pkcs1_sha1", 0x0201 },
	/* As openssl s_client -sigalgs has them. */
	{ "ECDSA+SHA256", 0x0403 },
	{ "ECDSA+SHA384", 0x0503 },
	{ "ECDSA+SHA512", 0x0603 },
	{ "RSA-PSS+SHA256", 0x0804 },
	{ "RSA-PSS+SHA384", 0x0805 },
	{ "RSA-PSS+SHA512", 0x0806 },
	{ "RSA+SHA256", 0x0401 },
	{ "RSA+SHA384", 0x0501 },
	{ "RSA+SHA512", 0x0601 },
	{ "1.0", 0x0301 },
	{ "1.1", 0x0302 },
	{ "1.2", 0x0303 },
	{ "1.3", 0x0304 },
	{ "TLSv1", 0x0301 },
	{ "TLSv1.1", 0x0302 },
	{ "TLSv1.2", 0x0303 },
	{ "TLSv1.3", 0x0304 },
};

static bool number_of(const char *name, uint16_t *value)
{
	unsigned long n;
	char *end;

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcasecmp(numbers[i].name, name) == 0) {
			*value = numbers[i].value;
			return true;
		}
	n = strtoul(name, &end, 16);
	*value = (uint16_t)n;
	return strncmp(name, "0x", 2) == 0 && !*end && end > name + 2 && n <= 0xffff;
}

/* A list of names or numbers between commas or colons; false after answering 400. */
static bool
number_list(struct api_request *r, const char *arg, uint16_t *values, unsigned max, unsigned *n)
{
	const char *text = api_arg(r, arg);
	char *copy = text ? strdup(text) : NULL, *rest = copy, *name;
	bool ok = true;

	*n = 0;
	while (ok && (name = strsep(&rest, ",:")) != NULL) {
		ok = *n < max && number_of(name, &values[*n]);
		if (ok)
			(*n)++;
		else if (*n == max)
			api_error(r, 400, "%s: at most %u are looked at", arg, max);
		else
			api_error(r, 400,
			    "%s: '%.60s' is not known; IANA's names, OpenSSL's, or 0x0403", arg,
			    name);
	}
	free(copy);
	return ok;
}

void api_read_explain(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "listener", "name", "sigalgs", "versions", NULL };
	struct ops_explain q = { .listener = api_arg(r, "listener"), .name = api_arg(r, "name") };
	struct ops_explained a;
	static struct err e;
	enum ops_verdict verdict;
	struct ops_listener l;
	json_t *o;

	if (!api_check_form(r, args, NULL) ||
	    !number_list(r, "sigalgs", q.sigalgs, 32, &q.n_sigalgs) ||
	    !number_list(r, "versions", q.versions, 4, &q.n_versions))
		return;
	if (!q.listener) {
		/* With one listener there is nothing to be named. */
		if (c->ops->listener_at(c->ops->arg, 1, &l) ||
		    !c->ops->listener_at(c->ops->arg, 0, &l)) {
			api_error(r, 400, "argument 'listener' is missing");
			return;
		}
		q.listener = l.name;
	}
	if (q.name && strlen(q.name) > 255) {
		api_error(r, 400, "name has more than 255 bytes");
		return;
	}
	err_init(&e);
	verdict = c->ops->explain(c->ops->arg, &q, &a, &e);
	if (verdict != OPS_OK) {
		api_error(r, api_status_of(verdict), "%s", e.text);
		return;
	}
	o = json_object();
	json_object_set_new(o, "listener", json_string(q.listener));
	json_object_set_new(
	    o, "certificate", a.certificate ? json_string(a.certificate) : json_null());
	json_object_set_new(o, "reason", json_string(a.reason));
	json_object_set_new(o, "version", a.version ? json_string(a.version) : json_null());
	json_object_set_new(o, "suite", a.suite ? json_string(a.suite) : json_null());
	if (!a.certificate)
		json_object_set_new(o, "alert", json_integer(a.alert));
	api_answer(r, 200, o);
}
