/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listeners and backends as the control API changes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/state.h"
#include "tests/unit/control_kit.h"
#include "tls/policy.h"
#include "tls/service.h"
#include "tls/sni.h"

#include <cmocka.h>

#define BACKEND  "{\"targets\":[{\"address\":\"10.80.0.8:80\",\"weight\":3}]}"
#define LISTENER "{\"bind\":[\"10.80.0.1:445\"],\"backend\":\"app\"}"

static struct kit k;

static int setup(void **state)
{
	(void)state;
	kit_start(&k);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kit_end(&k);
	return 0;
}

static void assert_refused(enum ops_verdict verdict, enum ops_verdict wanted, const char *why)
{
	if (verdict != wanted)
		fail_msg("verdict %d, not %d: %s", verdict, wanted, k.e.text);
	if (!strstr(k.e.text, why))
		fail_msg("'%s' is not in: %s", why, k.e.text);
}

static void assert_state(const char *wanted)
{
	char *text = kit_whole(&k);

	assert_string_equal(text, wanted);
	free(text);
}

/* What runs is there again after a restart. */
static void assert_survives(void)
{
	char *before = kit_whole(&k);
	uint64_t generation = kit_generation(&k);

	if (!kit_restart(&k))
		fail_msg("%s", k.e.text);
	assert_state(before);
	assert_int_equal(kit_generation(&k), generation);
	free(before);
}

static const struct backend *backend(const char *name)
{
	for (unsigned i = 0; i < k.published->n_backends; i++)
		if (strcmp(k.published->backends[i].name, name) == 0)
			return &k.published->backends[i];
	return NULL;
}

static const struct listener *listener(const char *name)
{
	for (unsigned i = 0; i < k.published->n_listeners; i++)
		if (strcmp(k.published->listeners[i].name, name) == 0)
			return &k.published->listeners[i];
	return NULL;
}

static void backend_is_put_changed_and_removed(void **state)
{
	(void)state;
	assert_int_equal(kit_item(&k, "backends", "new", BACKEND, NULL, NULL), OPS_OK);
	assert_non_null(backend("new"));
	assert_int_equal(backend("new")->targets[0].weight, 3);
	assert_int_equal(
	    kit_item(&k, "backends", "app",
		"{\"targets\":[{\"address\":\"10.80.0.9:80\",\"weight\":5}]}", NULL, NULL),
	    OPS_OK);
	assert_int_equal(backend("app")->targets[0].weight, 5);
	assert_int_equal(kit_generation(&k), 3);
	assert_survives();
	assert_int_equal(backend("app")->targets[0].weight, 5);
	assert_int_equal(kit_item(&k, "backends", "new", NULL, NULL, NULL), OPS_OK);
	assert_null(backend("new"));
	assert_survives();
}

static void listener_is_put_and_serves(void **state)
{
	(void)state;
	assert_int_equal(kit_put(&k, "api", "ed25519.pem", "ed25519.key"), OPS_OK);
	assert_int_equal(kit_item(&k, "listeners", "third", LISTENER, "api", "rsa"), OPS_OK);
	assert_string_equal(kit_served(&k, "third", "rsa.test"), "rsa");
	assert_string_equal(kit_served(&k, "third", "nobody.test"), "default api");
	assert_int_equal(listener("third")->bind[0].port, 445);
	assert_int_equal(kit_associate(&k, "third", "spare"), OPS_OK);
	assert_string_equal(kit_served(&k, "third", "spare.test"), "spare");
	/* Put again without certificates it serves what it served. */
	assert_int_equal(kit_item(&k, "listeners", "third",
			     "{\"bind\":[\"10.80.0.1:446\"],\"backend\":\"app\"}", NULL, NULL),
	    OPS_OK);
	assert_int_equal(listener("third")->bind[0].port, 446);
	assert_string_equal(kit_served(&k, "third", "spare.test"), "spare");
	assert_survives();
	assert_int_equal(kit_item(&k, "listeners", "third", NULL, NULL, NULL), OPS_OK);
	assert_null(listener("third"));
	assert_int_equal(kit_delete(&k, "api", false), OPS_OK);
	assert_survives();
}

/* Where the table has what it serves for a name: the same place means that it was not built again. */
static const void *table(const char *of, const char *name)
{
	struct sni_match match;

	sni_find(listener(of)->tls->names, name, strlen(name), &match);
	return match.certs;
}

/* The listeners of the file keep what they serve, and so do the tables of those that do not change. */
static void listener_of_the_file_is_changed_and_its_neighbour_is_not(void **state)
{
	const void *other = table("other", "rsa.test");

	(void)state;
	assert_int_equal(kit_associate(&k, "https", "spare"), OPS_OK);
	assert_int_equal(
	    kit_item(&k, "listeners", "https",
		"{\"bind\":[\"10.80.0.1:443\"],\"backend\":\"app\",\"sni_strict\":true}", NULL,
		NULL),
	    OPS_OK);
	assert_string_equal(kit_served(&k, "https", "spare.test"), "spare");
	assert_string_equal(kit_served(&k, "https", "rsa.test"), "rsa");
	assert_ptr_equal(table("other", "rsa.test"), other);
	assert_survives();
	assert_int_equal(kit_reload(&k), OPS_OK);
	assert_string_equal(kit_served(&k, "https", "spare.test"), "default www");
}

#define OWN_POLICY \
	"{\"based_on\":\"ELBSecurityPolicy-TLS13-1-2-2021-06\",\"versions\":[\"TLSv1.2\"]}"
#define RSA_POLICY                                               \
	"{\"based_on\":\"ELBSecurityPolicy-TLS13-1-2-2021-06\"," \
	"\"versions\":[\"TLSv1.2\"],\"suites\":[\"ECDHE-RSA-AES128-GCM-SHA256\"]}"
#define HTTPS(more) "{\"bind\":[\"10.80.0.1:443\"],\"backend\":\"app\"" more "}"

/* A table is shared whatever else changes: the settings of its listener, its policy, another backend, the whole file. */
static void tables_are_not_built_again(void **state)
{
	const void *exact, *other;

	(void)state;
	assert_int_equal(kit_associate(&k, "https", "spare"), OPS_OK);
	assert_int_equal(kit_item(&k, "policies", "own", OWN_POLICY, NULL, NULL), OPS_OK);
	exact = table("https", "spare.test");
	other = table("other", "rsa.test");
	assert_int_equal(
	    kit_item(&k, "listeners", "https", HTTPS(",\"policy\":\"own\""), NULL, NULL), OPS_OK);
	assert_string_equal(listener("https")->tls->rules->own.policy->name, "own");
	assert_ptr_equal(table("https", "spare.test"), exact);
	assert_int_equal(kit_item(&k, "backends", "new", BACKEND, NULL, NULL), OPS_OK);
	assert_ptr_equal(table("https", "spare.test"), exact);
	assert_ptr_equal(table("other", "rsa.test"), other);
	assert_int_equal(kit_reload(&k), OPS_OK);
	assert_ptr_equal(table("other", "rsa.test"), other);
	assert_string_equal(kit_served(&k, "https", "spare.test"), "default www");
	assert_string_not_equal(listener("https")->tls->rules->own.policy->name, "own");
}

static void policy_for_none_of_the_certificates_is_refused(void **state)
{
	(void)state;
	assert_int_equal(kit_item(&k, "policies", "rsa-only", RSA_POLICY, NULL, NULL), OPS_OK);
	assert_int_equal(kit_item(&k, "listeners", "third", LISTENER, "www", NULL), OPS_OK);
	assert_refused(
	    kit_item(&k, "listeners", "third",
		"{\"bind\":[\"10.80.0.1:445\"],\"backend\":\"app\",\"policy\":\"rsa-only\"}", NULL,
		NULL),
	    OPS_REFUSED, "no certificate of it can be served with policy 'rsa-only'");
	/* One that is served by its names is enough. */
	assert_int_equal(kit_associate(&k, "third", "rsa"), OPS_OK);
	assert_int_equal(
	    kit_item(&k, "listeners", "third",
		"{\"bind\":[\"10.80.0.1:445\"],\"backend\":\"app\",\"policy\":\"rsa-only\"}", NULL,
		NULL),
	    OPS_OK);
	/* And is not let go. */
	assert_refused(kit_dissociate(&k, "third", "rsa"), OPS_REFUSED,
	    "no certificate of it can be served with policy 'rsa-only'");
	assert_int_equal(kit_default(&k, "third", "rsa"), OPS_OK);
	assert_int_equal(kit_dissociate(&k, "third", "rsa"), OPS_OK);
	assert_refused(kit_default(&k, "third", "www"), OPS_REFUSED,
	    "no certificate of it can be served with policy 'rsa-only'");
	assert_survives();
}

static void listener_that_passes_tls_through_has_no_certificates(void **state)
{
	static const char through[] =
	    "{\"bind\":[\"10.80.0.1:445\"],\"backend\":\"app\",\"protocol\":\"tcp\"}";
	uint64_t decrypts;

	(void)state;
	assert_refused(kit_item(&k, "listeners", "third", through, "www", NULL), OPS_REFUSED,
	    "take its certificates out");
	assert_int_equal(kit_item(&k, "listeners", "third", through, NULL, NULL), OPS_OK);
	assert_null(listener("third")->tls);
	assert_refused(kit_associate(&k, "third", "spare"), OPS_REFUSED, "does not decrypt");
	assert_refused(kit_default(&k, "third", "spare"), OPS_REFUSED, "does not decrypt");
	assert_survives();
	/* There and back. */
	assert_refused(kit_item(&k, "listeners", "third", LISTENER, NULL, NULL), OPS_REFUSED,
	    "'default_certificate' is missing");
	assert_int_equal(kit_item(&k, "listeners", "third", LISTENER, "www", "spare"), OPS_OK);
	assert_string_equal(kit_served(&k, "third", "spare.test"), "spare");
	decrypts = kit_generation(&k);
	assert_int_equal(kit_item(&k, "listeners", "third", through, NULL, NULL), OPS_OK);
	assert_null(listener("third")->tls);
	assert_survives();
	assert_int_equal(kit_rollback(&k, decrypts), OPS_OK);
	assert_string_equal(kit_served(&k, "third", "spare.test"), "spare");
	assert_survives();
	assert_int_equal(kit_rollback(&k, decrypts + 1), OPS_OK);
	assert_null(listener("third")->tls);
	assert_survives();
}

static void nonsense_is_refused(void **state)
{
	char *before;

	(void)state;
	assert_int_equal(kit_item(&k, "backends", "another", BACKEND, NULL, NULL), OPS_OK);
	before = kit_whole(&k);
	assert_refused(kit_item(&k, "backends", "app", NULL, NULL, NULL), OPS_REFUSED,
	    "names backend 'app', which is not defined");
	assert_refused(
	    kit_item(&k, "backends", "nobody", NULL, NULL, NULL), OPS_NOT_FOUND, "no backend");
	assert_refused(
	    kit_item(&k, "backends", "new", "{}", NULL, NULL), OPS_REFUSED, "'targets' is missing");
	assert_refused(kit_item(&k, "backends", "new", "{\"target\":[]}", NULL, NULL), OPS_REFUSED,
	    "did you mean 'targets'?");
	assert_refused(
	    kit_item(&k, "backends", "new", "{\"targets\":null}", NULL, NULL), OPS_REFUSED, "null");
	assert_refused(kit_item(&k, "backends", "new", "{\"a b\":1}", NULL, NULL), OPS_REFUSED,
	    "'a b' cannot be the name of a setting");
	assert_refused(kit_item(&k, "backends", "new",
			   "{\"targets\":[{\"address\":\"10.80.0.8\"}]}", NULL, NULL),
	    OPS_REFUSED, "'address'");
	assert_refused(
	    kit_item(&k, "backends", "new", "{\"targets\":[[[[[[[[[[1]]]]]]]]]]}", NULL, NULL),
	    OPS_REFUSED, "too deep");
	assert_refused(
	    kit_item(&k, "listeners", "third", LISTENER, NULL, NULL), OPS_REFUSED, "is missing");
	assert_refused(kit_item(&k, "listeners", "third", LISTENER, "nobody", NULL), OPS_NOT_FOUND,
	    "no certificate 'nobody'");
	assert_refused(kit_item(&k, "listeners", "third", LISTENER, "www", "nobody"), OPS_NOT_FOUND,
	    "no certificate 'nobody'");
	assert_refused(kit_item(&k, "listeners", "third",
			   "{\"bind\":[\"10.80.0.1:443\"],\"backend\":\"app\"}", "www", NULL),
	    OPS_REFUSED, "10.80.0.1:443");
	assert_refused(kit_item(&k, "listeners", "third",
			   "{\"bind\":[\"10.80.0.1:445\"],\"backend\":\"aap\"}", "www", NULL),
	    OPS_REFUSED, "did you mean 'app'?");
	assert_refused(kit_item(&k, "listeners", "third",
			   "{\"bind\":[\"10.80.0.1:445\"],\"backend\":\"app\",\"policy\":\"none\"}",
			   "www", NULL),
	    OPS_REFUSED, "no policy 'none'");
	assert_state(before);
	assert_int_equal(kit_generation(&k), 2);
	assert_int_equal(k.n_published, 1);
	free(before);
}

static void rollback_and_reload_bring_items_back(void **state)
{
	char *first = kit_whole(&k), *second;

	(void)state;
	assert_int_equal(kit_item(&k, "backends", "new", BACKEND, NULL, NULL), OPS_OK);
	assert_int_equal(kit_item(&k, "listeners", "third", LISTENER, "www", "rsa"), OPS_OK);
	assert_int_equal(kit_item(&k, "listeners", "other", NULL, NULL, NULL), OPS_OK);
	second = kit_whole(&k);
	assert_int_equal(kit_rollback(&k, 1), OPS_OK);
	assert_state(first);
	assert_survives();
	assert_int_equal(kit_rollback(&k, 4), OPS_OK);
	assert_state(second);
	assert_survives();
	assert_int_equal(kit_reload(&k), OPS_OK);
	assert_state(first);
	assert_int_equal(kit_rollback(&k, 6), OPS_OK);
	assert_state(second);
	assert_survives();
	free(first);
	free(second);
}

static void items_survive_that_the_journal_is_made_shorter(void **state)
{
	(void)state;
	assert_int_equal(kit_item(&k, "backends", "new", BACKEND, NULL, NULL), OPS_OK);
	assert_int_equal(kit_item(&k, "listeners", "third", LISTENER, "www", "rsa"), OPS_OK);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(kit_default(&k, "third", i % 2 ? "www" : "spare"), OPS_OK);
	assert_survives();
	assert_string_equal(kit_served(&k, "third", "nobody.test"), "default www");
}

/* What the file names now is as it says; what it does not name stays. */
static void file_changed_while_away_wins_where_it_says_something(void **state)
{
	(void)state;
	assert_int_equal(kit_item(&k, "backends", "new", BACKEND, NULL, NULL), OPS_OK);
	assert_int_equal(
	    kit_item(&k, "backends", "app",
		"{\"targets\":[{\"address\":\"10.80.0.9:80\",\"weight\":7}]}", NULL, NULL),
	    OPS_OK);
	assert_int_equal(kit_item(&k, "listeners", "third", LISTENER, "www", "rsa"), OPS_OK);
	assert_int_equal(kit_default(&k, "third", "spare"), OPS_OK);
	kit_config(&k, "weight = 1;", "weight = 2;");
	if (!kit_restart(&k))
		fail_msg("%s", k.e.text);
	assert_int_equal(backend("app")->targets[0].weight, 2);
	assert_int_equal(backend("new")->targets[0].weight, 3);
	assert_string_equal(kit_served(&k, "third", "rsa.test"), "rsa");
	assert_string_equal(kit_served(&k, "third", "nobody.test"), "default spare");
	assert_survives();
}

/* A listener whose backend the file has lost cannot come back; all the rest does. */
static void item_that_fits_no_longer_is_given_up(void **state)
{
	(void)state;
	assert_int_equal(kit_item(&k, "listeners", "third",
			     "{\"bind\":[\"10.80.0.1:444\"],\"backend\":\"app\"}", "www", NULL),
	    OPS_REFUSED);
	assert_int_equal(kit_item(&k, "listeners", "third", LISTENER, "www", NULL), OPS_OK);
	assert_int_equal(kit_item(&k, "backends", "new", BACKEND, NULL, NULL), OPS_OK);
	kit_config(&k, "10.80.0.1:444", "10.80.0.1:445");
	if (!kit_restart(&k))
		fail_msg("%s", k.e.text);
	assert_null(listener("third"));
	assert_non_null(backend("new"));
	assert_survives();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(backend_is_put_changed_and_removed),
		CASE(listener_is_put_and_serves),
		CASE(listener_of_the_file_is_changed_and_its_neighbour_is_not),
		CASE(tables_are_not_built_again),
		CASE(policy_for_none_of_the_certificates_is_refused),
		CASE(listener_that_passes_tls_through_has_no_certificates),
		CASE(nonsense_is_refused),
		CASE(rollback_and_reload_bring_items_back),
		CASE(items_survive_that_the_journal_is_made_shorter),
		CASE(file_changed_while_away_wins_where_it_says_something),
		CASE(item_that_fits_no_longer_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
