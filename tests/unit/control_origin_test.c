/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How backends are spoken to in TLS, as generations come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/control_kit.h"
#include "tls/origin.h"

#include <cmocka.h>

#define STORES                                                                 \
	"trust_stores = ( { name = \"ours\"; ca_bundle = \"root.pem\"; } );\n" \
	"policies = ( { name = \"old\"; versions = [\"TLSv1.2\"]; } );\n"
#define TARGET  "\"targets\":[{\"address\":\"10.80.0.8:443\"}]"
#define INSIDE  "\"trust_store\":\"ours\",\"server_name\":\"in.test\""
#define TLS(in) "{" TARGET ",\"tls\":{" in "}}"

static struct kit k;

static void configure(void)
{
	kit_config(&k, "backends = (",
	    STORES "backends = (\n"
		   "  { name = \"inside\"; targets = ( { address = \"10.80.0.7:443\"; } );\n"
		   "    tls = { trust_store = \"ours\"; server_name = \"in.test\"; "
		   "certificate = \"spare\"; }; },");
}

static int setup(void **state)
{
	(void)state;
	kit_folder(&k);
	kit_copy(&k, "root.pem", "root.pem");
	kit_copy(&k, "client.pem", "spare.pem");
	kit_copy(&k, "p256.key", "spare.key");
	configure();
	if (!kit_control(&k, NULL, NULL))
		fail_msg("%s", k.e.text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kit_end(&k);
	return 0;
}

static const struct origin *origin(const char *name)
{
	for (unsigned i = 0; i < k.published->n_backends; i++)
		if (strcmp(k.published->backends[i].name, name) == 0) {
			assert_int_equal(
			    k.published->backends[i].has_tls, k.published->origins[i] != NULL);
			return k.published->origins[i];
		}
	fail_msg("no backend '%s'", name);
	return NULL;
}

static void assert_refused(enum ops_verdict verdict, enum ops_verdict wanted, const char *why)
{
	if (verdict != wanted)
		fail_msg("verdict %d, not %d: %s", verdict, wanted, k.e.text);
	if (!strstr(k.e.text, why))
		fail_msg("'%s' is not in: %s", why, k.e.text);
}

static enum ops_verdict put(const char *name, const char *settings)
{
	return kit_item(&k, "backends", name, settings, NULL, NULL);
}

static void only_those_with_tls_have_one(void **state)
{
	(void)state;
	assert_non_null(origin("inside"));
	assert_null(origin("app"));
	assert_int_equal(put("new", TLS("\"verify\":false")), OPS_OK);
	assert_non_null(origin("new"));
	assert_int_equal(put("new", "{" TARGET "}"), OPS_OK);
	assert_null(origin("new"));
	assert_int_equal(put("new", NULL), OPS_OK);
	assert_true(kit_restart(&k));
	assert_non_null(origin("inside"));
}

/* A new one would end every session that workers keep. */
static void what_does_not_concern_it_leaves_it_alone(void **state)
{
	const struct origin *before = origin("inside");

	(void)state;
	assert_int_equal(kit_put(&k, "api", "ed25519.pem", "ed25519.key"), OPS_OK);
	assert_ptr_equal(origin("inside"), before);
	assert_int_equal(kit_associate(&k, "https", "api"), OPS_OK);
	assert_ptr_equal(origin("inside"), before);
	assert_int_equal(put("new", TLS(INSIDE)), OPS_OK);
	assert_ptr_equal(origin("inside"), before);
	assert_int_equal(
	    kit_item(&k, "policies", "other", "{\"versions\":[\"TLSv1.3\"]}", NULL, NULL), OPS_OK);
	assert_ptr_equal(origin("inside"), before);
	assert_int_equal(kit_reload(&k), OPS_OK);
	assert_ptr_equal(origin("inside"), before);
	assert_int_equal(kit_rollback(&k, 4), OPS_OK);
	assert_ptr_equal(origin("inside"), before);
}

static void what_concerns_it_makes_another(void **state)
{
	static const char *const settings[] = {
		TLS("\"verify\":false"),
		TLS(INSIDE),
		TLS(INSIDE ",\"policy\":\"old\""),
		TLS(INSIDE ",\"certificate\":\"spare\""),
		TLS(INSIDE ",\"sessions\":false"),
		TLS(INSIDE ",\"alpn\":[\"h2\"]"),
		TLS("\"trust_store\":\"ours\",\"server_name\":\"other.test\""),
	};
	const struct origin *last = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (put("new", settings[i]) != OPS_OK)
			fail_msg("%s: %s", settings[i], k.e.text);
		/* The last one is kept, by a generation to go back to: its place is not taken again. */
		assert_ptr_not_equal(origin("new"), last);
		last = origin("new");
	}
}

static void its_certificate_can_be_replaced(void **state)
{
	const struct origin *before = origin("inside");

	(void)state;
	assert_int_equal(kit_put(&k, "spare", "self.pem", "p256.key"), OPS_OK);
	assert_ptr_not_equal(origin("inside"), before);
	assert_true(origin_version(origin("inside")) != origin_version(before));
	assert_int_equal(kit_rollback(&k, 1), OPS_OK);
	assert_true(origin_version(origin("inside")) == origin_version(before));
}

static void trust_that_is_read_again_counts(void **state)
{
	const struct origin *before = origin("inside");

	(void)state;
	kit_copy(&k, "ed25519.pem", "root.pem"); /* no CA */
	assert_int_equal(kit_reload(&k), OPS_REFUSED);
	assert_ptr_equal(origin("inside"), before);
	kit_copy(&k, "inter.pem", "root.pem");
	if (kit_reload(&k) != OPS_OK)
		fail_msg("%s", k.e.text);
	assert_ptr_not_equal(origin("inside"), before);
}

static void certificate_in_use_stays(void **state)
{
	(void)state;
	assert_refused(kit_delete(&k, "spare", true), OPS_CONFLICT,
	    "certificate 'spare' is shown to the targets of backend 'inside'");
	assert_refused(put("new", TLS(INSIDE ",\"certificate\":\"api\"")), OPS_REFUSED,
	    "backend 'new': tls: there is no certificate 'api'");
	assert_int_equal(kit_put(&k, "api", "client.pem", "p256.key"), OPS_OK);
	assert_int_equal(put("new", TLS(INSIDE ",\"certificate\":\"api\"")), OPS_OK);
	assert_refused(kit_delete(&k, "api", false), OPS_CONFLICT, "backend 'new'");
	assert_true(kit_restart(&k));
	assert_non_null(origin("new"));
	assert_int_equal(put("new", NULL), OPS_OK);
	assert_int_equal(kit_delete(&k, "api", false), OPS_OK);
}

/* One for clients only is no use to a listener, and the other way round. */
static void certificate_for_clients_only(void **state)
{
	(void)state;
	assert_int_equal(kit_put(&k, "us", "client.pem", "p256.key"), OPS_OK);
	assert_int_equal(put("new", TLS(INSIDE ",\"certificate\":\"us\"")), OPS_OK);
	assert_refused(put("new", TLS(INSIDE ",\"certificate\":\"www\"")), OPS_REFUSED,
	    "backend 'new': certificate 'www' is not meant for clients");
	assert_refused(kit_associate(&k, "https", "us"), OPS_REFUSED,
	    "certificate 'us' is not meant for servers");
	assert_refused(kit_default(&k, "other", "us"), OPS_REFUSED, "not meant for servers");
	assert_refused(kit_put(&k, "rsa", "client.pem", "p256.key"), OPS_REFUSED,
	    "certificate 'rsa' is not meant for servers");
	kit_copy(&k, "client.pem", "www.pem");
	assert_refused(kit_reload(&k), OPS_REFUSED, "certificate 'www' is not meant for servers");
}

static void nonsense_is_refused(void **state)
{
	const struct origin *before = origin("inside");

	(void)state;
	assert_refused(put("new", TLS("")), OPS_REFUSED, "a 'trust_store' is needed");
	assert_refused(put("new", TLS("\"trust_store\":\"theirs\"")), OPS_REFUSED, "'theirs'");
	assert_refused(put("new", TLS(INSIDE ",\"policy\":\"none\"")), OPS_REFUSED,
	    "backend 'new': tls: there is no policy 'none'");
	assert_refused(put("new", TLS("\"trust_store\":\"ours\",\"server_name\":\"a..b\"")),
	    OPS_REFUSED, "backend 'new'");
	assert_refused(put("new", TLS("\"trust_store\":\"ours\",\"server_name\":\"*.test\"")),
	    OPS_REFUSED, "backend 'new'");
	assert_refused(kit_item(&k, "trust_stores", "ours", NULL, NULL, NULL), OPS_REFUSED,
	    "'trust_store' names trust store 'ours', which is not defined");
	assert_int_equal(kit_generation(&k), 1);
	assert_ptr_equal(origin("inside"), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_those_with_tls_have_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_does_not_concern_it_leaves_it_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(what_concerns_it_makes_another, setup, teardown),
		cmocka_unit_test_setup_teardown(its_certificate_can_be_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(trust_that_is_read_again_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(certificate_in_use_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(certificate_for_clients_only, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
