/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/diff.h"
#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
#include "tests/unit/config_text.h"

#include <cmocka.h>

static struct err e;

/* Compares the base text with old replaced by new; returns what config_diff does. */
static int diff_with(const char *old, const char *new, struct config_diff *d)
{
	char *text = config_text_with(old, new);
	struct config *a, *b;
	int result;

	err_init(&e);
	a = config_load_text(CONFIG_TEXT_FILE, config_text_base, strlen(config_text_base), &e);
	b = config_load_text("next.cfg", text, strlen(text), &e);
	assert_string_equal(e.text, "");
	result = config_diff(a, b, d, &e);
	config_free(a);
	config_free(b);
	free(text);
	return result;
}

static void assert_restart(const char *old, const char *new, const char *wanted)
{
	struct config_diff d;

	assert_int_equal(diff_with(old, new, &d), -1);
	assert_string_equal(e.text, wanted);
}

static void what_is_built_in_needs_a_restart(void **state)
{
	(void)state;
	assert_restart("workers = [0]",
	    "workers = [0]; max_connections = 7; mbufs = 4096; idle = \"sleep\"",
	    "next.cfg:1: runtime: 'max_connections' differs from the running one; restart to "
	    "change it\n"
	    "next.cfg:1: runtime: 'mbufs' differs from the running one; restart to change it\n"
	    "next.cfg:1: runtime: 'idle' differs from the running one; restart to change it\n");
}

static void control_needs_a_restart(void **state)
{
	(void)state;
	assert_restart("workers = [0]",
	    "workers = [0]; state_dir = \"state\"; user = \"nobody\"; watch = true",
	    "next.cfg:1: runtime: 'watch' differs from the running one; restart to change it\n"
	    "next.cfg:1: runtime: 'state_dir' differs from the running one; restart to change it\n"
	    "next.cfg:1: runtime: 'user' differs from the running one; restart to change it\n");
	assert_restart("eal = [ \"--no-pci\" ];",
	    "eal = [ \"--no-pci\" ]; control = { socket = \"s\"; mode = \"600\"; "
	    "metrics = \"127.0.0.1:9180\"; };",
	    "next.cfg:3: control: 'socket' differs from the running one; restart to change it\n"
	    "next.cfg:3: control: 'mode' differs from the running one; restart to change it\n"
	    "next.cfg:3: control: 'metrics' differs from the running one; restart to change it\n");
}

static void tickets_need_a_restart(void **state)
{
	static const char *const changes[] = { "key_file = \"k\"", "rotate = 60", "keep = 2",
		"lifetime = 60" };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char text[128];

		snprintf(
		    text, sizeof(text), "eal = [ \"--no-pci\" ]; tickets = { %s; };", changes[i]);
		assert_restart("eal = [ \"--no-pci\" ];", text,
		    "next.cfg:3: tickets: differs from the running one; restart to change it\n");
	}
}

/* Fields whose change in a file breaks other settings too: a copy of the struct is changed. */
static void cores_and_roles_need_a_restart(void **state)
{
	struct config *a =
	    config_load_text(CONFIG_TEXT_FILE, config_text_base, strlen(config_text_base), &e);
	struct config b = *a;
	struct config_diff d;

	(void)state;
	err_init(&e);
	assert_int_equal(config_diff(a, &b, &d, &e), 0);
	b.runtime.workers[0] = 1;
	b.runtime.control_core = 0;
	b.runtime.front = a->runtime.back;
	b.runtime.back = a->runtime.front;
	assert_int_equal(config_diff(a, &b, &d, &e), -1);
	assert_string_equal(e.text,
	    "sallyport.cfg:1: runtime: 'workers' differs from the running one; restart to change it\n"
	    "sallyport.cfg:1: runtime: 'control_core' differs from the running one; restart to change "
	    "it\n"
	    "sallyport.cfg:1: runtime: 'front' differs from the running one; restart to change it\n"
	    "sallyport.cfg:1: runtime: 'back' differs from the running one; restart to change it\n");
	b = *a;
	b.runtime.workers[1] = 1;
	b.runtime.n_workers = 2;
	err_init(&e);
	assert_int_equal(config_diff(a, &b, &d, &e), -1);
	assert_int_equal(e.n, 1);
	config_free(a);
}

static void eal_needs_a_restart(void **state)
{
	(void)state;
	assert_restart("\"--no-pci\"", "\"--no-pci\", \"--no-huge\"",
	    "next.cfg:3: eal: differs from the running one; restart to change it\n");
	assert_restart("eal = [ \"--no-pci\" ];\n", "",
	    "next.cfg: eal: differs from the running one; restart to change it\n");
}

static void ports_need_a_restart(void **state)
{
	static const struct {
		const char *old, *new, *wanted;
	} cases[] = {
		{ "\"net_af_xdp0\"", "\"net_tap0\"",
		    "next.cfg:5: port 'front0': 'devices' differs" },
		{ "\"fd80::1/64\"", "\"fd80::1/65\"",
		    "next.cfg:5: port 'front0': 'addresses' differs" },
		{ "\"10.81.0.1/24\"", "\"10.81.0.3/24\"",
		    "next.cfg:9: port 'back0': 'addresses' differs" },
		{ "10.81.0.254", "10.81.0.253", "next.cfg:9: port 'back0': 'routes' differs" },
		{ "mtu = 1500", "mtu = 1400", "next.cfg:5: port 'front0': 'mtu' differs" },
		{ "vlan = 7", "vlan = 8", "next.cfg:5: port 'front0': 'vlan' differs" },
		{ "offloads = false", "offloads = true",
		    "next.cfg:5: port 'front0': 'offloads' differs" },
		{ "vlan = 7", "vlan = 7; promiscuous = true",
		    "next.cfg:5: port 'front0': 'promiscuous' differs" },
		{ "vlan = 7", "vlan = 7; rx_descriptors = 512",
		    "next.cfg:5: port 'front0': 'rx_descriptors' differs" },
		{ "vlan = 7", "vlan = 7; tx_descriptors = 512",
		    "next.cfg:5: port 'front0': 'tx_descriptors' differs" },
		{ "vlan = 7", "vlan = 7; flow_control = \"off\"",
		    "next.cfg:5: port 'front0': 'flow_control' differs" },
		{ "ports = (",
		    "ports = ( { name = \"x\"; devices = [\"d\"]; addresses = "
		    "[\"10.99.0.1/24\"]; },",
		    "next.cfg:4: ports: their names or order differ" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_diff d;

		assert_int_equal(diff_with(cases[i].old, cases[i].new, &d), -1);
		assert_int_equal(e.n, 1);
		assert_memory_equal(e.text, cases[i].wanted, strlen(cases[i].wanted));
	}
}

static void assert_deltas(const struct config_diff *d, struct config_delta certificates,
    struct config_delta backends, struct config_delta listeners)
{
	assert_memory_equal(&d->certificates, &certificates, sizeof(certificates));
	assert_memory_equal(&d->backends, &backends, sizeof(backends));
	assert_memory_equal(&d->listeners, &listeners, sizeof(listeners));
}

#define NONE    ((struct config_delta){ 0, 0, 0 })
#define CHANGED ((struct config_delta){ .changed = 1 })

static void comments_and_order_change_nothing(void **state)
{
	struct config_diff d;

	(void)state;
	assert_int_equal(diff_with("eal =", "# a line more\n\neal =", &d), 0);
	assert_false(d.drain_timeout);
	assert_deltas(&d, NONE, NONE, NONE);
	/* The order of certificates moves the indices in listeners, and nothing else. */
	assert_int_equal(diff_with("  { name = \"www\"; chain = \"www.pem\";\n"
				   "    key = \"www.key\"; },\n"
				   "  { name = \"api\"; chain = \"api.pem\"; key = \"api.key\";\n"
				   "    names = [\"api.lab.test\"]; } );\n",
			     "  { name = \"api\"; chain = \"api.pem\"; key = \"api.key\";\n"
			     "    names = [\"api.lab.test\"]; },\n"
			     "  { name = \"www\"; chain = \"www.pem\";\n"
			     "    key = \"www.key\"; } );\n",
			     &d),
	    0);
	assert_deltas(&d, NONE, NONE, NONE);
}

static void each_setting_of_an_item_counts(void **state)
{
	static const struct {
		const char *old, *new;
		char what;
	} cases[] = {
		{ "\"www.pem\"", "\"api.pem\"", 'c' },
		{ "\"www.key\"", "\"api.key\"", 'c' },
		{ "\"api.lab.test\"", "\"api2.lab.test\"", 'c' },
		{ "\"api.lab.test\"", "\"api.lab.test\", \"b\"", 'c' },
		{ "10.81.0.2:8080", "10.81.0.3:8080", 'b' },
		{ "10.81.0.2:8080", "10.81.0.2:8081", 'b' },
		{ "weight = 3", "weight = 4", 'b' },
		{ "{ address = \"[fd81::2]:8080\"; }",
		    "{ address = \"[fd81::2]:8080\"; }, { address = \"[fd81::3]:8080\"; }", 'b' },
		{ "connect_timeout = 2.5", "connect_timeout = 2.6", 'b' },
		{ "connect_timeout = 2.5", "connect_timeout = 2.5; deregistration_delay = 0", 'b' },
		{ "connect_timeout = 2.5",
		    "connect_timeout = 2.5; health = { type = \"http\"; path = \"/x\"; }", 'b' },
		{ "connect_timeout = 2.5", "connect_timeout = 2.5; health = { type = \"tcp\"; }",
		    'b' },
		{ "weight = 3", "weight = 3; drain = true", 'b' },
		{ "weight = 3", "weight = 3; max_connections = 9", 'b' },
		{ "connect_timeout = 2.5", "connect_timeout = 2.5; algorithm = \"random_two\"",
		    'b' },
		{ "connect_timeout = 2.5", "connect_timeout = 2.5; retries = 0", 'b' },
		{ "connect_timeout = 2.5", "connect_timeout = 2.5; slow_start = 10", 'b' },
		{ "connect_timeout = 2.5", "connect_timeout = 2.5; outlier = { failures = 1; }",
		    'b' },
		{ "connect_timeout = 2.5",
		    "connect_timeout = 2.5; outlier = { ejection_time = 1; }", 'b' },
		{ "connect_timeout = 2.5",
		    "connect_timeout = 2.5; outlier = { max_ejection_time = 1000; }", 'b' },
		{ "connect_timeout = 2.5", "connect_timeout = 2.5; outlier = { max_ejected = 1; }",
		    'b' },
		{ "connect_timeout = 2.5",
		    "connect_timeout = 2.5; proxy_protocol = { version = 2; }", 'b' },
		{ "10.80.0.1:443", "10.80.0.1:444", 'l' },
		{ ", \"[fd80::1]:443\"", "", 'l' },
		{ "protocol = \"tls\";\n    policy = \"corp\";\n    default_certificate = "
		  "[\"www\"];\n    certificates = [\"api\"];\n    sni_strict = true; alpn = "
		  "[\"h2\", \"http/1.1\"];\n",
		    "protocol = \"tcp\";\n", 'l' },
		{ "\"corp\"", "\"corp2\"", 'l' },
		{ "default_certificate = [\"www\"]", "default_certificate = [\"api\"]", 'l' },
		{ "default_certificate = [\"www\"]", "default_certificate = [\"www\", \"api\"]",
		    'l' },
		{ "certificates = [\"api\"]", "certificates = [\"www\"]", 'l' },
		{ "certificates = [\"api\"]", "certificates = []", 'l' },
		{ "sni_strict = true", "sni_strict = false", 'l' },
		{ "sni_strict = true", "sni_strict = true; tickets = false", 'l' },
		{ "names = [\"api.lab.test\"]", "names = [\"api.lab.test\"]; force = true", 'c' },
		{ "names = [\"api.lab.test\"]",
		    "names = [\"api.lab.test\"]; passphrase_file = \"www.key\"", 'c' },
		{ "names = [\"api.lab.test\"]", "names = [\"api.lab.test\"]; ocsp = \"www.pem\"",
		    'c' },
		{ "\"h2\", \"http/1.1\"", "\"http/1.1\", \"h2\"", 'l' },
		{ "\"h2\", ", "", 'l' },
		{ "handshake_timeout = 1.5", "handshake_timeout = 1.25", 'l' },
		{ "idle_timeout = 60", "idle_timeout = 61", 'l' },
		{ "idle_timeout = 60", "idle_timeout = 60; handshakes_per_second = 1", 'l' },
		{ "idle_timeout = 60", "idle_timeout = 60; handshakes_at_once = 1", 'l' },
		{ "idle_timeout = 60",
		    "idle_timeout = 60; per_source = { handshakes_per_second = 1; }", 'l' },
		{ "idle_timeout = 60",
		    "idle_timeout = 60; per_source = { handshakes_at_once = 1; }", 'l' },
		{ "idle_timeout = 60",
		    "idle_timeout = 60; reserved = { sources = [\"10.0.0.0/8\"]; }", 'l' },
		{ "sni_strict = true",
		    "sni_strict = true; proxy_protocol = { from = [\"10.80.0.0/24\"]; }", 'l' },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_diff d;

		assert_int_equal(diff_with(cases[i].old, cases[i].new, &d), 0);
		assert_deltas(&d, cases[i].what == 'c' ? CHANGED : NONE,
		    cases[i].what == 'b' ? CHANGED : NONE, cases[i].what == 'l' ? CHANGED : NONE);
	}
}

#define END "limits = { handshake_timeout = 1.5; idle_timeout = 60; };\n  } );\n"

/* What changes between two ways to end the file. */
static struct config_diff diff_ends(const char *before, const char *after)
{
	char *a = config_text_with(END, before), *b = config_text_with(END, after);
	struct config_diff d;
	struct config *x, *y;

	err_init(&e);
	x = config_load_text("a.cfg", a, strlen(a), &e);
	y = config_load_text("b.cfg", b, strlen(b), &e);
	assert_string_equal(e.text, "");
	assert_int_equal(config_diff(x, y, &d, &e), 0);
	config_free(x);
	config_free(y);
	free(a);
	free(b);
	return d;
}

#define STORE  "} ); trust_stores = ( { name = \"p\"; "
#define BUNDLE STORE "ca_bundle = \"www.pem\"; "
#define POLICY "} ); policies = ( { name = \"p\"; "
#define CLOSE  "} );\n"
#define MTLS   "mtls = { mode = \"off\"; "

static void each_setting_of_trust_and_policies_counts(void **state)
{
	static const struct {
		const char *before, *after;
		char what;
	} cases[] = {
		{ BUNDLE CLOSE, STORE "ca_bundle = \"api.pem\";" CLOSE, 't' },
		{ BUNDLE CLOSE, BUNDLE "crls = [\"api.pem\"];" CLOSE, 't' },
		{ BUNDLE CLOSE, BUNDLE "crl_missing = \"reject\";" CLOSE, 't' },
		{ BUNDLE CLOSE, BUNDLE "crl_stale = \"allow\";" CLOSE, 't' },
		{ BUNDLE CLOSE, BUNDLE "max_depth = 2;" CLOSE, 't' },
		{ BUNDLE CLOSE, BUNDLE "quotas = { crls = 2; };" CLOSE, 't' },
		{ BUNDLE CLOSE, BUNDLE "identities = ( { san = \"x\"; } );" CLOSE, 't' },
		{ BUNDLE "identities = ( { san = \"x\"; } );" CLOSE,
		    BUNDLE "identities = ( { issuer = \"x\"; } );" CLOSE, 't' },
		{ POLICY CLOSE, POLICY "based_on = \"x\";" CLOSE, 'p' },
		{ POLICY CLOSE, POLICY "versions = [\"x\"];" CLOSE, 'p' },
		{ POLICY CLOSE, POLICY "suites = [\"x\"];" CLOSE, 'p' },
		{ POLICY CLOSE, POLICY "groups = [\"x\"];" CLOSE, 'p' },
		{ POLICY CLOSE, POLICY "signature_algorithms = [\"x\"];" CLOSE, 'p' },
		{ POLICY CLOSE, POLICY "preference = \"client\";" CLOSE, 'p' },
		{ MTLS "};" BUNDLE CLOSE, "mtls = { mode = \"passthrough\"; };" BUNDLE CLOSE, 'l' },
		{ MTLS "};" BUNDLE CLOSE, MTLS "trust_store = \"p\"; };" BUNDLE CLOSE, 'l' },
		{ MTLS "};" BUNDLE CLOSE, MTLS "ignore_expiry = true; };" BUNDLE CLOSE, 'l' },
		{ MTLS "};" BUNDLE CLOSE, MTLS "advertise_ca_names = false; };" BUNDLE CLOSE, 'l' },
		{ BUNDLE CLOSE, "sni = ( { name = \"a\"; policy = \"x\"; } );" BUNDLE CLOSE, 'l' },
		{ "sni = ( { name = \"a\"; policy = \"x\"; } );" BUNDLE CLOSE,
		    "sni = ( { name = \"b\"; policy = \"x\"; } );" BUNDLE CLOSE, 'l' },
		{ "sni = ( { name = \"a\"; policy = \"x\"; } );" BUNDLE CLOSE,
		    "sni = ( { name = \"a\"; policy = \"y\"; } );" BUNDLE CLOSE, 'l' },
		{ "sni = ( { name = \"a\"; policy = \"x\"; } );" BUNDLE CLOSE,
		    "sni = ( { name = \"a\"; policy = \"x\"; " MTLS "}; } );" BUNDLE CLOSE, 'l' },
		{ BUNDLE CLOSE, "\n\n" BUNDLE CLOSE, '-' },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_diff d = diff_ends(cases[i].before, cases[i].after);

		if (d.trust_stores.changed != (cases[i].what == 't') ||
		    d.policies.changed != (cases[i].what == 'p') ||
		    d.listeners.changed != (cases[i].what == 'l'))
			fail_msg("%s -> %s", cases[i].before, cases[i].after);
	}
}

static void drain_timeout_can_change(void **state)
{
	struct config_diff d;

	(void)state;
	assert_int_equal(diff_with("workers = [0]", "workers = [0]; drain_timeout = 1", &d), 0);
	assert_true(d.drain_timeout);
	assert_deltas(&d, NONE, NONE, NONE);
}

static void log_can_change(void **state)
{
	struct config_diff d;

	(void)state;
	assert_int_equal(
	    diff_with("eal = [", "log = { connections = { path = \"c.log\"; }; }; eal = [", &d), 0);
	assert_true(d.log);
	assert_deltas(&d, NONE, NONE, NONE);
	assert_int_equal(diff_with("workers = [0]", "workers = [0]; drain_timeout = 1", &d), 0);
	assert_false(d.log);
}

static void items_come_and_go(void **state)
{
	struct config_diff d;

	(void)state;
	assert_int_equal(diff_with("listeners = (",
			     "listeners = ( { name = \"a\"; bind = [\"10.80.0.1:1\"]; "
			     "default_certificate = \"www\"; backend = \"app\"; }, { name = \"z\"; "
			     "bind = [\"10.80.0.1:2\"]; default_certificate = \"www\"; backend = "
			     "\"app\"; },",
			     &d),
	    0);
	assert_deltas(&d, NONE, NONE, ((struct config_delta){ .added = 2 }));
	assert_int_equal(diff_with("{ name = \"https\"", "{ name = \"other\"", &d), 0);
	assert_deltas(&d, NONE, NONE, ((struct config_delta){ .added = 1, .removed = 1 }));
}

/* Backends are compared by name too: their order may change, the listener's choice may not. */
static void backend_of_a_listener_counts(void **state)
{
	struct config *a =
	    config_load_text(CONFIG_TEXT_FILE, config_text_base, strlen(config_text_base), &e);
	struct config_backend backends[2] = { a->backends[0], a->backends[0] };
	struct config_listener listener = a->listeners[0];
	struct config b = *a;
	struct config_diff d;

	(void)state;
	b.backends = backends;
	b.n_backends = 2;
	b.listeners = &listener;
	backends[0].name = "another";
	listener.backend = 1;
	assert_int_equal(config_diff(a, &b, &d, &e), 0);
	assert_deltas(&d, NONE, ((struct config_delta){ .added = 1 }), NONE);
	listener.backend = 0;
	assert_int_equal(config_diff(a, &b, &d, &e), 0);
	assert_deltas(&d, NONE, ((struct config_delta){ .added = 1 }), CHANGED);
	config_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_built_in_needs_a_restart),
		cmocka_unit_test(control_needs_a_restart),
		cmocka_unit_test(tickets_need_a_restart),
		cmocka_unit_test(cores_and_roles_need_a_restart),
		cmocka_unit_test(eal_needs_a_restart),
		cmocka_unit_test(ports_need_a_restart),
		cmocka_unit_test(comments_and_order_change_nothing),
		cmocka_unit_test(each_setting_of_an_item_counts),
		cmocka_unit_test(each_setting_of_trust_and_policies_counts),
		cmocka_unit_test(drain_timeout_can_change),
		cmocka_unit_test(log_can_change),
		cmocka_unit_test(items_come_and_go),
		cmocka_unit_test(backend_of_a_listener_counts),
	};

	return config_text_run("config_diff", NULL, 0, tests, sizeof(tests) / sizeof(tests[0]));
}
