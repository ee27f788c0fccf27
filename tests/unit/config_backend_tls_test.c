/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tls group of a backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/diff.h"
#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
#include "tests/unit/config_text.h"

#include <cmocka.h>

/* In line 23; trust stores behind it, from line 24 on. */
#define TIMEOUT       "connect_timeout = 2.5; } );"
#define STORES        "trust_stores = ( { name = \"ours\"; ca_bundle = \"www.pem\"; } );"
#define TLS(settings) TIMEOUT, "connect_timeout = 2.5; tls = { " settings " }; } );\n" STORES
#define MORE(settings, more) \
	TIMEOUT, "connect_timeout = 2.5; tls = { " settings " }; " more " } );\n" STORES
#define ALONE(more) TIMEOUT, "connect_timeout = 2.5; " more " } );\n" STORES
#define AT          "sallyport.cfg:23: backend 'app': "
#define APP         "sallyport.cfg:19: backend 'app': "

/* The listener (line 26 with the stores) does not decrypt. */
#define THROUGH                                                                 \
	"connect_timeout = 2.5; } );\nlisteners = (\n  { name = \"https\";\n"   \
	"    bind = [\"10.80.0.1:443\", \"[fd80::1]:443\"];\n"                  \
	"    protocol = \"tls\";\n    policy = \"corp\";\n"                     \
	"    default_certificate = [\"www\"];\n    certificates = [\"api\"];\n" \
	"    sni_strict = true; alpn = [\"h2\", \"http/1.1\"];\n"
#define THROUGH_TO(backends, settings)                                     \
	THROUGH,                                                           \
	    "connect_timeout = 2.5; tls = { verify = false; }; }" backends \
	    " );\nlisteners = (\n  { name = \"https\";\n"                  \
	    "    bind = [\"10.80.0.1:443\"]; protocol = \"tcp\"; " settings "\n"
#define PLAIN ", { name = \"plain\"; targets = ( { address = \"10.81.0.3:80\"; } ); }"

static const struct config_text_case cases[] = {
	{ "store_is_enough", TLS("trust_store = \"ours\";"), "" },
	{ "nothing_to_verify_with", TLS(""),
	    AT "tls: a 'trust_store' is needed to verify targets with; or write verify = false\n" },
	{ "not_verified_by_decision", TLS("verify = false;"), "" },
	{ "store_without_use", TLS("trust_store = \"ours\"; verify = false;"),
	    AT "tls: 'trust_store' has no use with verify = false\n" },
	{ "store_dangling", TLS("trust_store = \"our\";"),
	    AT "tls: 'trust_store' names trust store 'our', which is not defined; did you mean "
	       "'ours'?\n" },
	{ "store_and_there_is_none", TIMEOUT,
	    "connect_timeout = 2.5; tls = { trust_store = \"ours\"; }; } );",
	    AT "tls: 'trust_store' names trust store 'ours', which is not defined\n" },
	{ "store_and_the_list_is_empty", TIMEOUT,
	    "connect_timeout = 2.5; tls = { trust_store = \"ours\"; }; } );\ntrust_stores = ();",
	    AT "tls: 'trust_store' names trust store 'ours', which is not defined\n" },
	{ "verify_not_a_boolean", TLS("trust_store = \"ours\"; verify = 1;"),
	    AT "tls: 'verify' must be true or false, not an integer\n" },
	{ "certificate_is_fine", TLS("trust_store = \"ours\"; certificate = \"api\";"), "" },
	{ "certificate_dangling", TLS("trust_store = \"ours\"; certificate = \"apo\";"),
	    AT "tls: 'certificate' names certificate 'apo', which is not defined; did you mean "
	       "'api'?\n" },
	{ "certificate_empty", TLS("trust_store = \"ours\"; certificate = \"\";"),
	    AT "tls: 'certificate' is an empty string\n" },
	{ "server_name_empty", TLS("trust_store = \"ours\"; server_name = \"\";"),
	    AT "tls: 'server_name' is an empty string\n" },
	{ "alpn_twice", TLS("trust_store = \"ours\"; alpn = [\"h2\", \"x\", \"h2\"];"),
	    AT "tls: 'alpn' has 'h2' twice\n" },
	{ "alpn_comma", TLS("trust_store = \"ours\"; alpn = [\"h2,x\"];"),
	    AT "tls: 'alpn' has 'h2,x': a name has no comma; write one string for each\n" },
	{ "pass_alpn_not_a_boolean", TLS("trust_store = \"ours\"; pass_alpn = \"h2\";"),
	    AT "tls: 'pass_alpn' must be true or false, not a string\n" },
	{ "unknown_key", TLS("trust_store = \"ours\"; sni = \"a\";"),
	    AT "tls: unknown key 'sni'; there are: verify, trust_store, server_name, policy, "
	       "certificate, alpn, pass_alpn, sessions\n" },
	{ "not_a_group", ALONE("tls = true;"),
	    AT "'tls' must be a group { }, not true or false\n" },
	{ "checked_in_tls", MORE("trust_store = \"ours\";", "health = { type = \"tls\"; };"), "" },
	{ "checked_in_https",
	    MORE("trust_store = \"ours\";",
		"health = { type = \"https\"; host = \"a\"; body = \"ok\"; };"),
	    "" },
	{ "checked_in_the_clear_all_the_same",
	    MORE("trust_store = \"ours\";", "health = { type = \"http\"; port = 81; };"), "" },
	{ "check_in_tls_of_whom", ALONE("health = { type = \"tls\"; };"),
	    APP "health: type = \"tls\" needs a 'tls' group, which says whom to trust\n" },
	{ "check_in_https_of_whom", ALONE("health = { type = \"https\"; };"),
	    APP "health: type = \"https\" needs a 'tls' group, which says whom to trust\n" },
	{ "body_without_http",
	    MORE("trust_store = \"ours\";", "health = { type = \"tls\"; body = \"ok\"; };"),
	    APP "health: 'body' has no use without type = \"http\" or \"https\"\n" },
	{ "wrapped_twice", THROUGH_TO("", ""),
	    "sallyport.cfg:25: listener 'https': backend 'app' has 'tls', which has no use with "
	    "protocol = \"tcp\": it passes on what clients send as it is\n" },
	{ "wrapped_twice_by_routes",
	    THROUGH_TO(PLAIN,
		"routes = ( { name = \"a\"; backend = \"plain\"; }, "
		"{ name = \"b\"; backend = \"app\"; } );"),
	    "sallyport.cfg:25: listener 'https': backend 'app' has 'tls', which has no use with "
	    "protocol = \"tcp\": it passes on what clients send as it is\n" },
};

static struct err e;

static struct config *load_with(const char *old, const char *new)
{
	char *text = config_text_with(old, new);
	struct config *c;

	err_init(&e);
	c = config_load_text(CONFIG_TEXT_FILE, text, strlen(text), &e);
	assert_string_equal(e.text, "");
	free(text);
	return c;
}

static void what_is_written_is_loaded(void **state)
{
	struct config *c = load_with(TLS("trust_store = \"ours\"; server_name = \"in.test\"; "
					 "policy = \"corp\"; certificate = \"api\"; "
					 "alpn = [\"h2\", \"http/1.1\"]; pass_alpn = true; "
					 "sessions = false;"));
	const struct config_backend_tls *t = &c->backends[0].tls;

	(void)state;
	assert_int_equal(t->line, 23);
	assert_true(t->verify);
	assert_string_equal(t->trust_store, "ours");
	assert_string_equal(t->server_name, "in.test");
	assert_string_equal(t->policy, "corp");
	assert_int_equal(t->policy_line, 23);
	assert_string_equal(t->certificate, "api");
	assert_int_equal(t->n_alpn, 2);
	assert_string_equal(t->alpn[1], "http/1.1");
	assert_true(t->pass_alpn);
	assert_false(t->sessions);
	config_free(c);

	c = load_with(TLS("verify = false;"));
	t = &c->backends[0].tls;
	assert_false(t->verify);
	assert_null(t->trust_store);
	assert_null(t->server_name);
	assert_null(t->policy);
	assert_null(t->certificate);
	assert_int_equal(t->n_alpn, 0);
	assert_false(t->pass_alpn);
	assert_true(t->sessions);
	config_free(c);

	c = load_with(ALONE("health = { type = \"tcp\"; };"));
	assert_int_equal(c->backends[0].tls.line, 0);
	config_free(c);
}

static void each_setting_counts(void **state)
{
	static const char *const all[] = {
		"connect_timeout = 2.5; } );\n" STORES,
		"connect_timeout = 2.5; tls = { trust_store = \"ours\"; }; } );\n" STORES,
		"connect_timeout = 2.5; tls = { verify = false; }; } );\n" STORES,
		"connect_timeout = 2.5; tls = { verify = false; server_name = \"a\"; }; } );\n" STORES,
		"connect_timeout = 2.5; tls = { verify = false; server_name = \"b\"; }; } );\n" STORES,
		"connect_timeout = 2.5; tls = { verify = false; policy = \"a\"; }; } );\n" STORES,
		"connect_timeout = 2.5; tls = { verify = false; certificate = \"www\"; }; } );\n" STORES,
		"connect_timeout = 2.5; tls = { verify = false; certificate = \"api\"; }; } );\n" STORES,
		"connect_timeout = 2.5; tls = { verify = false; alpn = [\"h2\"]; }; } );\n" STORES,
		"connect_timeout = 2.5; tls = { verify = false; alpn = [\"h3\"]; }; } );\n" STORES,
		"connect_timeout = 2.5; tls = { verify = false; pass_alpn = true; }; } );\n" STORES,
		"connect_timeout = 2.5; tls = { verify = false; sessions = false; }; } );\n" STORES,
	};
	const size_t n = sizeof(all) / sizeof(all[0]);

	(void)state;
	for (size_t i = 0; i < n * n; i++) {
		struct config *a = load_with(TIMEOUT, all[i / n]);
		struct config *b = load_with(TIMEOUT, all[i % n]);
		struct config_diff d;

		assert_int_equal(config_diff(a, b, &d, &e), 0);
		assert_int_equal(d.backends.changed, i / n != i % n);
		config_free(a);
		config_free(b);
	}
}

/* The control API may have added the certificate: what knows them looks it up. */
static void certificate_of_the_api_is_not_looked_up(void **state)
{
	static const struct config_override put = { "backends", "app",
		"{\"targets\":[{\"address\":\"10.81.0.2:8443\"}],"
		"\"tls\":{\"verify\":false,\"certificate\":\"added\"}}" };
	struct config *c;

	(void)state;
	err_init(&e);
	c = config_load_overridden(
	    CONFIG_TEXT_FILE, config_text_base, strlen(config_text_base), &put, 1, &e);
	assert_string_equal(e.text, "");
	assert_string_equal(c->backends[0].tls.certificate, "added");
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_loaded),
		cmocka_unit_test(each_setting_counts),
		cmocka_unit_test(certificate_of_the_api_is_not_looked_up),
	};

	return config_text_run("config_backend_tls", cases, sizeof(cases) / sizeof(cases[0]), tests,
	    sizeof(tests) / sizeof(tests[0]));
}
