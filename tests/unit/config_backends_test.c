/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
#include "tests/unit/config_text.h"

#include <cmocka.h>

#define MORE(text) "connect_timeout = 2.5", "connect_timeout = 2.5; " text
#define AT         "sallyport.cfg:23: backend 'app': "
#define APP        "sallyport.cfg:19: backend 'app': "

/* A second listener, with these settings in line 35. */
#define THROUGH(settings)                                                                        \
	"idle_timeout = 60; };\n  } );",                                                         \
	    "idle_timeout = 60; };\n  },\n  { name = \"through\"; bind = [\"10.80.0.1:8443\"]; " \
	    "backend = \"app\"; " settings " } );"
#define ROUTE(name, backend) "{ name = \"" name "\"; backend = \"" backend "\"; }"
#define T                    "sallyport.cfg:35: listener 'through': "

static const struct config_text_case cases[] = {
	{ "tcp_needs_no_certificate", THROUGH("protocol = \"tcp\";"), "" },
	{ "tls_needs_one", THROUGH(""), T "'default_certificate' is missing\n" },
	{ "tcp_with_certificate", THROUGH("protocol = \"tcp\"; default_certificate = \"www\";"),
	    T
	    "'default_certificate' has no use with protocol = \"tcp\", which does not decrypt\n" },
	{ "tcp_with_alpn", THROUGH("protocol = \"tcp\"; alpn = [\"h2\"];"),
	    T "'alpn' has no use with protocol = \"tcp\", which does not decrypt\n" },
	{ "routes_are_fine",
	    THROUGH("protocol = \"tcp\"; sni_strict = true; routes = ( " ROUTE(
		"a.b", "app") ", " ROUTE("*.b", "app") " );"),
	    "" },
	{ "routes_with_tls",
	    THROUGH("default_certificate = \"www\"; routes = ( " ROUTE("a.b", "app") " );"),
	    T "'routes' has no use without protocol = \"tcp\"\n" },
	{ "route_twice",
	    THROUGH("protocol = \"tcp\"; routes = ( " ROUTE("a.b", "app") ", " ROUTE(
		"A.b", "app") " );"),
	    T "a second route for 'A.b'\n" },
	{ "route_dangling", THROUGH("protocol = \"tcp\"; routes = ( " ROUTE("a.b", "apq") " );"),
	    T
	    "route 1: 'backend' names backend 'apq', which is not defined; did you mean 'app'?\n" },
	{ "route_without_name", THROUGH("protocol = \"tcp\"; routes = ( { backend = \"app\"; } );"),
	    T "route 1: 'name' is missing\n" },
	{ "strict_without_routes", THROUGH("protocol = \"tcp\"; sni_strict = true;"),
	    T "'sni_strict' has no use without 'routes'\n" },
	{ "algorithm_unknown", MORE("algorithm = \"fastest\""),
	    AT "'algorithm' is 'fastest'; it must be \"round_robin\", \"least_connections\", "
	       "\"random_two\" or \"consistent_hash\"\n" },
	{ "algorithm_not_a_string", MORE("algorithm = 1"),
	    AT "'algorithm' must be a string, not an integer\n" },
	{ "hash_key_unknown", MORE("algorithm = \"consistent_hash\"; hash_key = \"cookie\""),
	    AT "'hash_key' is 'cookie'; it must be \"client_address\" or \"sni\"\n" },
	{ "hash_key_without_use", MORE("hash_key = \"sni\""),
	    APP "'hash_key' has no use without algorithm = \"consistent_hash\"\n" },
	{ "hash_of_sni_is_fine", MORE("algorithm = \"consistent_hash\"; hash_key = \"sni\""), "" },
	{ "retries_many", MORE("retries = 5"), AT "'retries' is 5, which is not in 0..4\n" },
	{ "slow_start_zero", MORE("slow_start = 0"),
	    AT "'slow_start' is 0 seconds; it must be at least 0.001 and less than 86400\n" },
	{ "outlier_not_a_group", MORE("outlier = 5"),
	    AT "'outlier' must be a group { }, not an integer\n" },
	{ "outlier_failures_negative", MORE("outlier = { failures = -1; }"),
	    AT "outlier: 'failures' is -1, which is not in 0..1000\n" },
	{ "outlier_percent", MORE("outlier = { max_ejected = 101; }"),
	    AT "outlier: 'max_ejected' is 101, which is not in 0..100\n" },
	{ "outlier_unknown_key", MORE("outlier = { failure = 1; }"),
	    AT "outlier: unknown key 'failure'; did you mean 'failures'?\n" },
	{ "outlier_times_crossed",
	    MORE("outlier = { ejection_time = 9; max_ejection_time = 8.5; }"),
	    APP "outlier: 'max_ejection_time' is 8.5, less than 'ejection_time', which is 9\n" },
	{ "queue_without_size", MORE("queue = { timeout = 1; }"), AT "queue: 'size' is missing\n" },
	{ "queue_without_limits", MORE("queue = { size = 1; }"),
	    APP "'queue' has no use: no target has 'max_connections'\n" },
	{ "queue_negative", MORE("queue = { size = -1; }"),
	    AT "queue: 'size' is -1, which is not in 0..1000000\n" },
	{ "delay_negative", MORE("deregistration_delay = -1"),
	    AT
	    "'deregistration_delay' is -1 seconds; it must be at least 0.001 and less than 86400\n" },
	{ "delay_zero_is_fine", MORE("deregistration_delay = 0"), "" },
	{ "health_without_type", MORE("health = { interval = 5; }"),
	    AT "health: 'type' is missing\n" },
	{ "health_type_unknown", MORE("health = { type = \"ping\"; }"),
	    AT "health: 'type' is 'ping'; it must be \"none\", \"tcp\", \"tls\", \"http\" or "
	       "\"https\"\n" },
	{ "health_timeout_long", MORE("health = { type = \"tcp\"; timeout = 5.5; }"),
	    APP "health: 'timeout' is 5.5, more than 'interval', which is 5\n" },
	{ "health_threshold_zero", MORE("health = { type = \"tcp\"; healthy = 0; }"),
	    AT "health: 'healthy' is 0, which is not in 1..100\n" },
	{ "health_port_zero", MORE("health = { type = \"tcp\"; port = 0; }"),
	    AT "health: 'port' is 0, which is not in 1..65535\n" },
	{ "health_path_relative", MORE("health = { type = \"http\"; path = \"up\"; }"),
	    AT "health: 'path' must begin with '/'\n" },
	{ "health_path_of_two_words", MORE("health = { type = \"http\"; path = \"/a b\"; }"),
	    AT "health: 'path' has a byte that a request cannot hold; write it as %20\n" },
	{ "health_host_not_ascii", MORE("health = { type = \"http\"; host = \"h\\xf6st\"; }"),
	    AT "health: 'host' has a byte that a request cannot hold; write it as %F6\n" },
	{ "health_status_word", MORE("health = { type = \"http\"; status = \"ok\"; }"),
	    AT "health: 'status' is 'ok'; it must be up to 8 codes or ranges in 100..599, as in "
	       "\"200,300-399\"\n" },
	{ "health_status_crossed", MORE("health = { type = \"http\"; status = \"399-200\"; }"),
	    AT "health: 'status' is '399-200'; it must be up to 8 codes or ranges in 100..599, as "
	       "in \"200,300-399\"\n" },
	{ "health_status_comma", MORE("health = { type = \"http\"; status = \"200,\"; }"),
	    AT "health: 'status' is '200,'; it must be up to 8 codes or ranges in 100..599, as in "
	       "\"200,300-399\"\n" },
	{ "health_body_without_http", MORE("health = { type = \"tcp\"; body = \"ok\"; }"),
	    APP "health: 'body' has no use without type = \"http\" or \"https\"\n" },
	{ "health_percent", MORE("health = { type = \"tcp\"; minimum_healthy_percent = 101; }"),
	    AT "health: 'minimum_healthy_percent' is 101, which is not in 0..100\n" },
	{ "max_connections_negative", "weight = 3", "max_connections = -1",
	    "sallyport.cfg:21: backend 'app': target 1: 'max_connections' is -1, which is not in "
	    "0..16777216\n" },
	{ "drain_not_a_boolean", "weight = 3", "drain = 1",
	    "sallyport.cfg:21: backend 'app': target 1: 'drain' must be true or false, not an "
	    "integer\n" },
	{ "draining_all_is_fine", "weight = 3; },\n      { address = \"[fd81::2]:8080\"; }",
	    "drain = true; },\n      { address = \"[fd81::2]:8080\"; drain = true; }", "" },
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
	struct config *c =
	    load_with("weight = 3", "weight = 3; max_connections = 70; drain = true");
	const struct config_backend *b = &c->backends[0];

	(void)state;
	assert_int_equal(b->targets[0].max_connections, 70);
	assert_true(b->targets[0].drain);
	assert_int_equal(b->targets[1].max_connections, 0);
	assert_false(b->targets[1].drain);
	assert_int_equal(b->algorithm, CONFIG_ROUND_ROBIN);
	config_free(c);

	c = load_with(MORE("algorithm = \"least_connections\"; retries = 4; slow_start = 30; "
			   "outlier = { failures = 7; ejection_time = 2.5; max_ejection_time = 9; "
			   "max_ejected = 20; }"));
	b = &c->backends[0];
	assert_int_equal(b->algorithm, CONFIG_LEAST_CONNECTIONS);
	assert_int_equal(b->retries, 4);
	assert_true(b->slow_start_s == 30);
	assert_int_equal(b->outlier.failures, 7);
	assert_true(b->outlier.ejection_time_s == 2.5);
	assert_true(b->outlier.max_ejection_time_s == 9);
	assert_int_equal(b->outlier.max_ejected, 20);
	assert_int_equal(b->health.type, CONFIG_HEALTH_NONE);
	assert_true(b->deregistration_delay_s == 300);
	config_free(c);

	c = load_with(
	    MORE("deregistration_delay = 0; health = { type = \"http\"; interval = 9; timeout = 3; "
		 "healthy = 4; unhealthy = 5; port = 81; path = \"/up\"; host = \"h\"; "
		 "status = \"200,301-303\"; body = \"a b\"; minimum_healthy = 0; "
		 "minimum_healthy_percent = 34; }"));
	b = &c->backends[0];
	assert_true(b->deregistration_delay_s == 0);
	assert_int_equal(b->health.type, CONFIG_HEALTH_HTTP);
	assert_true(b->health.interval_s == 9 && b->health.timeout_s == 3);
	assert_int_equal(b->health.healthy, 4);
	assert_int_equal(b->health.unhealthy, 5);
	assert_int_equal(b->health.port, 81);
	assert_string_equal(b->health.path, "/up");
	assert_string_equal(b->health.host, "h");
	assert_string_equal(b->health.body, "a b");
	assert_int_equal(b->health.n_status, 2);
	assert_int_equal(b->health.status[0].low, 200);
	assert_int_equal(b->health.status[0].high, 200);
	assert_int_equal(b->health.status[1].low, 301);
	assert_int_equal(b->health.status[1].high, 303);
	assert_int_equal(b->health.minimum_healthy, 0);
	assert_int_equal(b->health.minimum_healthy_percent, 34);
	config_free(c);

	c = load_with("weight = 3; },\n      { address = \"[fd81::2]:8080\"; } );",
	    "max_connections = 1; } ); queue = { size = 12; timeout = 0.5; };");
	b = &c->backends[0];
	assert_int_equal(b->queue.size, 12);
	assert_true(b->queue.timeout_s == 0.5);
	config_free(c);
}

/* Shares of a limit: with two workers each needs at least one. */
static void limits_smaller_than_the_workers(void **state)
{
	char *text;

	(void)state;
	if (sysconf(_SC_NPROCESSORS_CONF) < 2)
		skip();
	err_init(&e);
	text = config_text_with("workers = [0]", "workers = [0, 1]");
	text = config_text_change(text, "weight = 3", "max_connections = 1");
	text = config_text_change(
	    text, "connect_timeout = 2.5", "connect_timeout = 2.5; queue = { size = 1; }");
	assert_null(config_load_text(CONFIG_TEXT_FILE, text, strlen(text), &e));
	free(text);
	assert_string_equal(e.text,
	    "sallyport.cfg:21: backend 'app': target 1: 'max_connections' is 1 for 2 workers; each "
	    "needs at least one\n"
	    "sallyport.cfg:19: backend 'app': queue: 'size' is 1 for 2 workers; each needs at least "
	    "one\n");
}

/* Of 1 for two workers one would be left without, or both together would have twice as much. */
static void limits_of_handshakes_smaller_than_the_workers(void **state)
{
	char *text;

	(void)state;
	if (sysconf(_SC_NPROCESSORS_CONF) < 2)
		skip();
	err_init(&e);
	text = config_text_with("workers = [0]", "workers = [0, 1]; max_connections = 1");
	text = config_text_change(text, "idle_timeout = 60",
	    "idle_timeout = 60; handshakes_per_second = 1; handshakes_at_once = 3; per_source = { "
	    "handshakes_at_once = 1; }; reserved = { sources = [\"10.0.0.0/8\"]; }");
	assert_null(config_load_text(CONFIG_TEXT_FILE, text, strlen(text), &e));
	free(text);
	assert_string_equal(e.text,
	    "sallyport.cfg:1: runtime: 'max_connections' is 1 for 2 workers; each needs at least "
	    "one\n"
	    "sallyport.cfg:25: listener 'https': limits: handshakes_per_second is 1 for 2 workers; "
	    "each needs at least one\n"
	    "sallyport.cfg:25: listener 'https': limits: reserved: a limit of 3 cannot be shared; "
	    "the least is 4\n"
	    "sallyport.cfg:25: listener 'https': limits: per_source: handshakes_at_once is 1 for 2 "
	    "workers; each needs at least one\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_loaded),
		cmocka_unit_test(limits_smaller_than_the_workers),
		cmocka_unit_test(limits_of_handshakes_smaller_than_the_workers),
	};

	return config_text_run("config_backends", cases, sizeof(cases) / sizeof(cases[0]), tests,
	    sizeof(tests) / sizeof(tests[0]));
}
