/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/addr.h"
#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
#include "tests/unit/config_text.h"

#include <cmocka.h>

static struct err e;

static int reset(void **state)
{
	(void)state;
	err_init(&e);
	return 0;
}

static void
assert_addr(const struct config_addr *a, enum addr_form form, const char *wanted, unsigned line)
{
	char text[CONFIG_ADDR_TEXT];

	assert_string_equal(config_addr_print(a, form, text), wanted);
	assert_string_equal(a->file, CONFIG_TEXT_FILE);
	assert_int_equal(a->line, line);
}

static void runtime_and_ports_are_as_written(void **state)
{
	struct config *c = config_text_load(&e, "workers = [0]",
	    "workers = [0]; max_connections = 77; mbufs = 4096; drain_timeout = 0.5; "
	    "idle = \"sleep\"");
	const struct config_port *p = &c->ports[0];

	(void)state;
	assert_string_equal(c->path, CONFIG_TEXT_FILE);
	assert_int_equal(c->runtime.n_workers, 1);
	assert_int_equal(c->runtime.workers[0], 0);
	assert_int_equal(c->runtime.control_core, -1);
	assert_int_equal(c->runtime.n_front, 1);
	assert_string_equal(c->runtime.front[0], "front0");
	assert_int_equal(c->runtime.n_back, 1);
	assert_string_equal(c->runtime.back[0], "back0");
	assert_int_equal(c->runtime.max_connections, 77);
	assert_int_equal(c->runtime.mbufs, 4096);
	assert_true(c->runtime.drain_timeout_s == 0.5);
	assert_true(c->runtime.idle_sleep);
	assert_int_equal(c->runtime.line, 1);
	assert_int_equal(c->n_eal, 1);
	assert_string_equal(c->eal[0], "--no-pci");
	assert_int_equal(c->eal_line, 3);

	assert_int_equal(c->n_ports, 2);
	assert_string_equal(p->name, "front0");
	assert_int_equal(p->n_devices, 1);
	assert_string_equal(p->devices[0], "net_af_xdp0");
	assert_int_equal(p->n_addresses, 2);
	assert_addr(&p->addresses[0], ADDR_PREFIX, "10.80.0.1/24", 7);
	assert_addr(&p->addresses[1], ADDR_PREFIX, "fd80::1/64", 7);
	assert_int_equal(p->n_routes, 0);
	assert_int_equal(p->mtu, 1500);
	assert_int_equal(p->vlan, 7);
	assert_false(p->offloads);
	assert_false(p->promiscuous);
	assert_int_equal(p->rx_descriptors, 0);
	assert_int_equal(p->tx_descriptors, 0);
	assert_int_equal(p->flow_control, CONFIG_FLOW_KEEP);
	assert_int_equal(p->line, 5);
	p = &c->ports[1];
	assert_int_equal(p->mtu, 1500);
	assert_int_equal(p->vlan, 0);
	assert_true(p->offloads);
	assert_int_equal(p->n_routes, 1);
	assert_addr(&p->routes[0].to, ADDR_PREFIX, "10.90.0.0/16", 12);
	assert_addr(&p->routes[0].via, ADDR_ALONE, "10.81.0.254", 12);
	assert_int_equal(p->routes[0].line, 12);
	config_free(c);
}

static void items_are_as_written(void **state)
{
	struct config *c = config_text_load(&e, "workers = [0]", "workers = [0]");
	const struct config_listener *l = &c->listeners[0];
	const struct config_backend *b = &c->backends[0];

	(void)state;
	assert_int_equal(c->n_certificates, 2);
	assert_string_equal(c->certificates[0].name, "www");
	assert_string_equal(c->certificates[0].chain, "www.pem");
	assert_string_equal(c->certificates[0].key, "www.key");
	assert_null(c->certificates[0].names);
	assert_int_equal(c->certificates[1].n_names, 1);
	assert_string_equal(c->certificates[1].names[0], "api.lab.test");
	assert_int_equal(c->certificates[1].line, 16);

	assert_int_equal(c->n_backends, 1);
	assert_string_equal(b->name, "app");
	assert_true(b->connect_timeout_s == 2.5);
	assert_int_equal(b->n_targets, 2);
	assert_addr(&b->targets[0].address, ADDR_PORT, "10.81.0.2:8080", 21);
	assert_int_equal(b->targets[0].weight, 3);
	assert_addr(&b->targets[1].address, ADDR_PORT, "[fd81::2]:8080", 22);
	assert_int_equal(b->targets[1].weight, 1);

	assert_int_equal(c->n_listeners, 1);
	assert_string_equal(l->name, "https");
	assert_int_equal(l->n_bind, 2);
	assert_addr(&l->bind[0], ADDR_PORT, "10.80.0.1:443", 26);
	assert_addr(&l->bind[1], ADDR_PORT, "[fd80::1]:443", 26);
	assert_string_equal(l->policy, "corp");
	assert_int_equal(l->policy_line, 28);
	assert_int_equal(l->n_default_certificates, 1);
	assert_int_equal(l->default_certificates[0], 0);
	assert_int_equal(l->n_certificates, 1);
	assert_int_equal(l->certificates[0], 1);
	assert_true(l->sni_strict);
	assert_int_equal(l->n_alpn, 2);
	assert_string_equal(l->alpn[0], "h2");
	assert_string_equal(l->alpn[1], "http/1.1");
	assert_int_equal(l->backend, 0);
	assert_true(l->handshake_timeout_s == 1.5);
	assert_true(l->idle_timeout_s == 60);
	assert_int_equal(l->line, 25);
	config_free(c);
}

static void log_is_read(void **state)
{
	struct config *c = config_text_load(&e, "eal = [ \"--no-pci\" ];",
	    "log = { connections = { path = \"c.log\"; format = \"json\"; }; };");

	(void)state;
	assert_string_equal(c->log.path, "c.log");
	assert_int_equal(c->log.format, CONFIG_LOG_JSON);
	assert_int_equal(c->log.line, 3);
	config_free(c);
	c = config_text_load(&e, "eal = [ \"--no-pci\" ];", "");
	assert_null(c->log.path);
	config_free(c);
}

static void proxy_protocol_is_read(void **state)
{
	struct config *c = config_text_load(&e, "sni_strict = true;",
	    "proxy_protocol = { from = [\"10.0.0.0/8\", \"fd00::/8\"]; timeout = 1; others = "
	    "\"serve\"; };");
	const struct config_listener *l = &c->listeners[0];

	(void)state;
	assert_int_equal(l->limits.handshakes_per_second, 0);
	assert_int_equal(l->limits.source_at_once, 0);
	assert_int_equal(l->n_proxy_from, 2);
	assert_int_equal(l->proxy_from[0].prefix, 8);
	assert_false(l->proxy_from[1].is_v4);
	assert_true(l->proxy_timeout_s == 1);
	assert_true(l->proxy_others);
	assert_int_equal(c->backends[0].proxy_version, 0);
	config_free(c);
	c = config_text_load(&e, "connect_timeout = 2.5;",
	    "proxy_protocol = { version = 2; tlvs = [\"ssl\", \"crc32c\", \"client_cert\"]; };");
	assert_int_equal(c->backends[0].proxy_version, 2);
	assert_int_equal(c->backends[0].proxy_tlvs,
	    CONFIG_PROXY_SSL | CONFIG_PROXY_CRC32C | CONFIG_PROXY_CLIENT_CERT);
	assert_int_equal(c->listeners[0].n_proxy_from, 0);
	assert_true(c->listeners[0].proxy_timeout_s == 3);
	config_free(c);
}

static void reserved_sources_are_read(void **state)
{
	struct config *c = config_text_load(&e, "idle_timeout = 60;",
	    "handshakes_at_once = 8; reserved = { sources = [\"10.0.0.0/8\", \"fd00::/8\"]; };");
	const struct config_listener *l = &c->listeners[0];

	(void)state;
	assert_int_equal(l->limits.handshakes_at_once, 8);
	assert_int_equal(l->reserved.n_sources, 2);
	assert_int_equal(l->reserved.sources[0].prefix, 8);
	assert_false(l->reserved.sources[1].is_v4);
	assert_int_equal(l->reserved.share, 25);
	config_free(c);
	c = config_text_load(
	    &e, "idle_timeout = 60;", "reserved = { sources = [\"10.0.0.0/8\"]; share = 90; };");
	assert_int_equal(c->listeners[0].reserved.share, 90);
	config_free(c);
}

static void policy_left_out_is_the_default(void **state)
{
	struct config *c = config_text_load(&e, "    policy = \"corp\";\n", "");

	(void)state;
	assert_string_equal(c->listeners[0].policy, CONFIG_DEFAULT_POLICY);
	assert_int_equal(c->listeners[0].policy_line, 25);
	config_free(c);
}

static void bind_any_becomes_the_addresses_of_the_front_port(void **state)
{
	struct config *c = config_text_load(&e, "[\"10.80.0.1:443\", \"[fd80::1]:443\"]",
	    "[\"0.0.0.0:443\", \"[::]:8443\", \"[fd80::1]:443\"]");
	const struct config_listener *l = &c->listeners[0];

	(void)state;
	assert_int_equal(l->n_bind, 3);
	assert_addr(&l->bind[0], ADDR_PORT, "10.80.0.1:443", 26);
	assert_addr(&l->bind[1], ADDR_PORT, "[fd80::1]:8443", 26);
	assert_addr(&l->bind[2], ADDR_PORT, "[fd80::1]:443", 26);
	config_free(c);
}

static void single_port_is_front_and_back(void **state)
{
	static const char text[] =
	    "runtime = { workers = [0]; };\n"
	    "ports = ( { name = \"p\"; devices = [\"d\"]; addresses = [\"10.80.0.1/24\"]; } );\n"
	    "certificates = ( { name = \"www\"; chain = \"www.pem\"; key = \"www.key\"; } );\n"
	    "backends = ( { name = \"app\"; targets = ( { address = \"10.80.0.2:80\"; } ); } );\n"
	    "listeners = ( { name = \"https\"; bind = (\"10.80.0.1:443\");\n"
	    "  default_certificate = \"www\"; backend = \"app\"; } );\n";
	struct config *c = config_load_text("x.cfg", text, strlen(text), &e);

	(void)state;
	assert_string_equal(e.text, "");
	assert_string_equal(c->runtime.front[0], "p");
	assert_string_equal(c->runtime.back[0], "p");
	assert_int_equal(c->listeners[0].n_alpn, 0);
	assert_int_equal(c->n_eal, 0);
	config_free(c);
}
/* A file of many items must load in time that grows with its size, not its square. */
static void many_items_load_quickly(void **state)
{
	const unsigned n = 40000;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct config *c;

	(void)state;
	fprintf(f, "%.*s", (int)(strstr(config_text_base, "certificates = (") - config_text_base),
	    config_text_base);
	fprintf(f, "certificates = (");
	for (unsigned i = 0; i < n; i++)
		fprintf(
		    f, "%s{name=\"c%u\";chain=\"www.pem\";key=\"www.key\";}\n", i ? "," : "", i);
	fprintf(f,
	    ");\nbackends = ( { name = \"app\"; targets = ( { address = \"10.81.0.2:80\"; } "
	    "); } );\nlisteners = ( { name = \"https\"; bind = [\"0.0.0.0:443\"]; "
	    "default_certificate = \"c0\"; backend = \"app\"; certificates = [");
	for (unsigned i = 1; i < n; i++)
		fprintf(f, "%s\"c%u\"", i > 1 ? "," : "", n - i);
	fprintf(f, "]; } );\n");
	assert_int_equal(fclose(f), 0);
	c = config_load_text("many.cfg", text, size, &e);
	assert_string_equal(e.text, "");
	assert_int_equal(c->n_certificates, n);
	assert_int_equal(c->listeners[0].n_certificates, n - 1);
	assert_int_equal(c->listeners[0].certificates[0], n - 1);
	config_free(c);
	free(text);
}

/* n_listeners on 8 addresses each, n_apart of which are different. */
static void load_many_binds(unsigned n_listeners, unsigned n_apart)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	fprintf(f, "%.*s", (int)(strstr(config_text_base, "listeners = (") - config_text_base),
	    config_text_base);
	fprintf(f, "listeners = (");
	for (unsigned i = 0; i < n_listeners; i++) {
		fprintf(f, "%s{name=\"l%u\";default_certificate=\"www\";backend=\"app\";bind=[",
		    i ? "," : "", i);
		for (unsigned j = 0; j < 8; j++)
			fprintf(f, "%s\"10.80.0.1:%u\"", j ? "," : "", 1 + (i * 8 + j) % n_apart);
		fprintf(f, "];}\n");
	}
	fprintf(f, ");\n");
	assert_int_equal(fclose(f), 0);
	config_free(config_load_text("many.cfg", text, size, &e));
	free(text);
}

static void binds_are_compared_with_all_others(void **state)
{
	(void)state;
	load_many_binds(128, 1024);
	assert_string_equal(e.text, "");
	load_many_binds(128, 1023);
	assert_string_equal(e.text,
	    "many.cfg:151: listener 'l127': bind 10.80.0.1:1 takes the same connections as bind "
	    "10.80.0.1:1 of listener 'l0' in line 24\n");
}

static void too_many_binds_are_refused(void **state)
{
	(void)state;
	load_many_binds(129, 65000);
	assert_string_equal(e.text,
	    "many.cfg:152: the listeners have 1032 addresses in 'bind'; 1024 are possible\n");
}

static void null_may_be_freed(void **state)
{
	(void)state;
	config_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(runtime_and_ports_are_as_written, reset),
		cmocka_unit_test_setup(items_are_as_written, reset),
		cmocka_unit_test_setup(log_is_read, reset),
		cmocka_unit_test_setup(proxy_protocol_is_read, reset),
		cmocka_unit_test_setup(reserved_sources_are_read, reset),
		cmocka_unit_test_setup(policy_left_out_is_the_default, reset),
		cmocka_unit_test_setup(bind_any_becomes_the_addresses_of_the_front_port, reset),
		cmocka_unit_test_setup(single_port_is_front_and_back, reset),
		cmocka_unit_test_setup(many_items_load_quickly, reset),
		cmocka_unit_test_setup(binds_are_compared_with_all_others, reset),
		cmocka_unit_test_setup(too_many_binds_are_refused, reset),
		cmocka_unit_test(null_may_be_freed),
	};

	return config_text_run("config_read", NULL, 0, tests, sizeof(tests) / sizeof(tests[0]));
}
