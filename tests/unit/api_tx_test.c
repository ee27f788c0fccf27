/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transactions of the API: what is staged, and what becomes of it. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/api/api.h"
#include "tests/unit/api_kit.h"

#include <cmocka.h>

static void begin(char target[80], const char *what)
{
	char id[32];

	assert_int_equal(ask("POST", "/v1/transactions", NULL), 201);
	assert_int_equal(sscanf(reply, "{\"transaction\":\"%31[0-9a-f]", id), 1);
	snprintf(target, 80, "/v1/transactions/%s%s", id, what);
}

/* What only fits together is judged together. */
static void items_are_staged(void **state)
{
	char id[40], target[100];

	(void)state;
	assert_int_equal(ask("POST", "/v1/transactions", NULL), 201);
	assert_int_equal(sscanf(reply, "{\"transaction\":\"%16s", id), 1);
	id[16] = '\0';
	snprintf(target, sizeof(target), "/v1/listeners/third?tx=%s", id);
	assert_int_equal(ask("PUT", target, LISTENER), 202);
	snprintf(target, sizeof(target), "/v1/transactions/%s/commit", id);
	assert_int_equal(ask("POST", target, NULL), 422);
	assert_says("names backend 'new'");
	snprintf(target, sizeof(target), "/v1/backends/new?tx=%s", id);
	assert_int_equal(ask("PUT", target, BACKEND), 202);
	snprintf(target, sizeof(target), "/v1/transactions/%s", id);
	assert_int_equal(ask("GET", target, NULL), 200);
	assert_says("\"settings\":{\"bind\"");
	snprintf(target, sizeof(target), "/v1/transactions/%s/commit", id);
	assert_int_equal(ask("POST", target, NULL), 200);
	assert_says("\"generation\":2");
	assert_string_equal(kit_served(&k, "third", "rsa.test"), "rsa");
}

static void transaction_becomes_one_generation(void **state)
{
	char commit[80], staged[200];

	(void)state;
	begin(commit, "/commit");
	snprintf(staged, sizeof(staged), "/v1/listeners/https/certificates?tx=%.16s", commit + 17);
	assert_refused(ask("POST", staged, "{\"certificate\":\"new\"}"), 202, "\"staged\":1");
	/* In this order it is impossible: nothing is done, and it can be completed. */
	assert_refused(ask("POST", commit, NULL), 404, "no certificate 'new'");
	snprintf(staged, sizeof(staged), "/v1/transactions/%.16s", commit + 17);
	assert_int_equal(ask("GET", staged, NULL), 200);
	assert_says("\"staged\":1");
	assert_int_equal(ask("DELETE", staged, NULL), 200);
	assert_int_equal(ask("POST", commit, NULL), 404);

	begin(commit, "/commit");
	snprintf(staged, sizeof(staged), "/v1/certificates/new?tx=%.16s", commit + 17);
	assert_int_equal(
	    put(staged, "ed25519.pem", "ed25519.key", ",\"names\":[\"new.test\"]"), 202);
	snprintf(staged, sizeof(staged), "/v1/listeners/https/certificates?tx=%.16s", commit + 17);
	assert_int_equal(ask("POST", staged, "{\"certificate\":\"new\"}"), 202);
	assert_int_equal(k.n_published, 0);
	assert_int_equal(
	    ask_with("POST", commit, "If-Match: 1\r\nIdempotency-Key: c\r\n", NULL, 0), 200);
	assert_says("\"generation\":2");
	assert_int_equal(k.n_published, 1);
	assert_string_equal(kit_served(&k, "https", "new.test"), "new");
	/* The answer was lost: the retry hears the same. */
	assert_int_equal(
	    ask_with("POST", commit, "If-Match: 1\r\nIdempotency-Key: c\r\n", NULL, 0), 200);
	assert_says("\"repeated\":true");
	assert_int_equal(kit_generation(&k), 2);
}

static void transactions_are_limited(void **state)
{
	char ignored[80];

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		begin(ignored, "");
	assert_int_equal(ask("POST", "/v1/transactions", NULL), 429);
}

/* target of what is staged in the transaction that commit is the target of. */
static const char *in(const char *commit, const char *target)
{
	static char all[300];

	snprintf(all, sizeof(all), "%s?tx=%.16s", target, commit + strlen("/v1/transactions/"));
	return all;
}

/* {"FIELD": the text of that file of tests/unit/trust_pki/ec and, unless NULL, of another}; to be freed. */
static char *text_body(const char *field, const char *file, const char *another)
{
	char path_of[2][100], *one, *two, *body;

	snprintf(path_of[0], sizeof(path_of[0]), "../trust_pki/ec/%s", file);
	snprintf(path_of[1], sizeof(path_of[1]), "../trust_pki/ec/%s", another ? another : file);
	one = json_pem(path_of[0]);
	two = json_pem(path_of[1]);
	assert_true(asprintf(&body, "{\"%s\":\"%s%s\"}", field, one, another ? two : "") > 0);
	free(one);
	free(two);
	return body;
}

static unsigned n_lists(void)
{
	assert_int_equal(control_config(k.control)->n_trust_stores, 1);
	return control_config(k.control)->trust_stores[0].n_crls;
}

/* The id of the list that was just put. */
static const char *list_id(char id[DIGEST_TEXT])
{
	const char *at = strstr(reply, "\"revocation\":\"");

	assert_non_null(at);
	snprintf(id, DIGEST_TEXT, "%s", at + strlen("\"revocation\":\""));
	return id;
}

/* Files of state_dir that hold what came with requests. */
static unsigned n_contents(void)
{
	char folder[200];
	struct dirent *entry;
	unsigned n = 0;
	DIR *d;

	snprintf(folder, sizeof(folder), "%s/state/certs", k.folder);
	d = opendir(folder);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

/* A new CA, its lists and what rests on them: all at once, and after a restart. */
static void trust_stores_are_staged(void **state)
{
	char *bundle = text_body("ca_bundle", "root.pem", "inter.pem");
	char *root = text_body("crl", "root.crl", NULL),
	     *inter = text_body("crl", "inter.crl", NULL);
	char commit[80], id[DIGEST_TEXT];

	(void)state;
	begin(commit, "/commit");
	assert_refused(
	    ask("PUT", in(commit, "/v1/trust-stores/ours/ca-bundle"), bundle), 202, "\"staged\":1");
	assert_refused(ask("POST", in(commit, "/v1/trust-stores/ours/revocations"), root), 202,
	    "\"staged\":2");
	list_id(id);
	assert_refused(ask("POST", in(commit, "/v1/trust-stores/ours/revocations"), inter), 202,
	    "\"staged\":3");
	assert_refused(ask("GET", "/v1/trust-stores/ours", NULL), 404, "no trust store");
	assert_int_equal(ask("GET", in(commit, "/v1/trust-stores/ours"), NULL), 200);
	assert_says(id);
	assert_says("\"source\":\"transaction\"");
	commit[strlen(commit) - strlen("/commit")] = '\0';
	assert_int_equal(ask("GET", commit, NULL), 200);
	assert_says("\"adds_crl\":\"/");
	strcat(commit, "/commit");
	assert_refused(ask("POST", in(commit, commit), NULL), 400, "unknown argument 'tx'");
	assert_int_equal(ask("POST", commit, NULL), 200);
	assert_says("\"generation\":2");
	assert_int_equal(k.n_published, 1);
	assert_int_equal(n_lists(), 2);
	api_stop(api);
	api = NULL;
	assert_true(kit_restart(&k));
	assert_int_equal(kit_generation(&k), 2);
	assert_int_equal(n_lists(), 2);
	free(bundle);
	free(root);
	free(inter);
}

/* A list that somebody else put meanwhile stays, and one that went stays away. */
static void staged_edits_rest_on_what_runs_then(void **state)
{
	char *bundle = text_body("ca_bundle", "root.pem", "inter.pem");
	char *root = text_body("crl", "root.crl", NULL),
	     *inter = text_body("crl", "inter.crl", NULL);
	char commit[80], id[DIGEST_TEXT], target[200];

	(void)state;
	assert_int_equal(ask("PUT", "/v1/trust-stores/ours/ca-bundle", bundle), 200);
	begin(commit, "/commit");
	assert_int_equal(ask("POST", in(commit, "/v1/trust-stores/ours/revocations"), root), 202);
	assert_int_equal(ask("POST", "/v1/trust-stores/ours/revocations", inter), 200);
	assert_int_equal(n_lists(), 1);
	list_id(id);
	assert_int_equal(ask("POST", commit, NULL), 200);
	assert_int_equal(n_lists(), 2);

	begin(commit, "/commit");
	snprintf(target, sizeof(target), "/v1/trust-stores/ours/revocations/%s", id);
	assert_int_equal(ask("DELETE", in(commit, target), NULL), 202);
	assert_int_equal(ask("PUT", in(commit, "/v1/trust-stores/ours/ca-bundle"), bundle), 202);
	assert_int_equal(ask("DELETE", target, NULL), 200);
	k.n_published = 0;
	assert_refused(ask("POST", commit, NULL), 404, "has no revocation list");
	assert_int_equal(n_lists(), 1);
	free(bundle);
	free(root);
	free(inter);
}

static void staged_edits_that_do_not_fit_are_refused(void **state)
{
	char *bundle = text_body("ca_bundle", "root.pem", NULL),
	     *crl = text_body("crl", "root.crl", NULL);
	char commit[80];

	(void)state;
	begin(commit, "/commit");
	assert_int_equal(ask("POST", in(commit, "/v1/trust-stores/ours/revocations"), crl), 202);
	assert_refused(ask("POST", commit, NULL), 404, "there is no trust store 'ours'");

	begin(commit, "/commit");
	assert_int_equal(ask("PUT", in(commit, "/v1/trust-stores/ours/ca-bundle"), bundle), 202);
	assert_int_equal(ask("POST", in(commit, "/v1/trust-stores/ours/revocations"), crl), 202);
	assert_int_equal(ask("POST", in(commit, "/v1/trust-stores/ours/revocations"), crl), 202);
	assert_refused(ask("POST", commit, NULL), 409, "has this list already");

	begin(commit, "/commit");
	assert_int_equal(ask("PUT", in(commit, "/v1/trust-stores/ours/ca-bundle"), bundle), 202);
	assert_int_equal(
	    ask("POST", in(commit, "/v1/trust-stores/ours/revocations"), "{\"crl\":\"no list\"}"),
	    202);
	assert_refused(ask("POST", commit, NULL), 422, "trust store 'ours'");
	assert_refused(ask("POST", commit, NULL), 422, "trust store 'ours'");
	assert_refused(ask("PUT", in(commit, "/v1/trust-stores/ours/ca-bundle"), "{\"ca\":\"\"}"),
	    400, "unknown field");
	assert_refused(ask_with("PUT", in(commit, "/v1/trust-stores/ours/ca-bundle"),
			   "Idempotency-Key: a\r\n", bundle, strlen(bundle)),
	    400, "belong to the commit");
	/* None of it is left behind. */
	api_stop(api);
	api = NULL;
	assert_true(kit_restart(&k));
	assert_int_equal(n_contents(), 0);
	free(bundle);
	free(crl);
}

static void staples_are_staged(void **state)
{
	char *body = stapled_body(), commit[80];
	struct ops_cert cert;

	(void)state;
	begin(commit, "/commit");
	assert_int_equal(ask("PUT", in(commit, "/v1/certificates/spare"), body), 202);
	assert_refused(ask("GET", "/v1/certificates/spare", NULL), 200, "\"P-384\"");
	assert_int_equal(ask("POST", commit, NULL), 200);
	assert_true(control_ops(k.control)->cert_find(control_ops(k.control)->arg, "spare", &cert));
	assert_true(cert.has_staple);

	begin(commit, "/commit");
	assert_int_equal(
	    put(in(commit, "/v1/certificates/spare"), "p256.pem", "p256.key", ",\"ocsp\":\"!\""),
	    202);
	k.n_published = 0;
	assert_refused(ask("POST", commit, NULL), 422, "is no OCSP response");
	free(body);
}

/* Read, changed and staged, as sallyctl does it: neither earlier steps nor others' changes get lost. */
static void staged_settings_are_read_again(void **state)
{
	char commit[80];

	(void)state;
	begin(commit, "/commit");
	assert_int_equal(ask_with("PUT", in(commit, "/v1/backends/app"), "If-Match: 1\r\n", BACKEND,
			     strlen(BACKEND)),
	    202);
	assert_int_equal(ask("GET", in(commit, "/v1/backends/app"), NULL), 200);
	assert_says("10.80.0.8:80");
	assert_int_equal(ask("DELETE", in(commit, "/v1/backends/app"), NULL), 202);
	assert_int_equal(ask("GET", in(commit, "/v1/backends/app"), NULL), 404);
	assert_int_equal(ask("PUT", in(commit, "/v1/backends/app"), BACKEND), 202);
	assert_refused(ask_with("PUT", in(commit, "/v1/backends/app"), "If-Match: 7\r\n", BACKEND,
			   strlen(BACKEND)),
	    412, "somebody else");
	assert_refused(
	    ask("GET", in("/v1/transactions/0123456789abcdef", "/v1/backends/app"), NULL), 404,
	    "no transaction");
	assert_int_equal(ask("PUT", "/v1/backends/app", BACKEND), 200);
	k.n_published = 0;
	assert_refused(ask("POST", commit, NULL), 412, "somebody else");
	assert_refused(ask_with("PUT", in(commit, "/v1/backends/app"), "If-Match: 2\r\n", BACKEND,
			   strlen(BACKEND)),
	    412, "abort the transaction");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(items_are_staged),
		CASE(transaction_becomes_one_generation),
		CASE(transactions_are_limited),
		CASE(trust_stores_are_staged),
		CASE(staged_edits_rest_on_what_runs_then),
		CASE(staged_edits_that_do_not_fit_are_refused),
		CASE(staples_are_staged),
		CASE(staged_settings_are_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
