/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several ports that face clients or backends, and ports that are VLANs of one wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/addr.h"
#include "config/check.h"
#include "config/diff.h"
#include "config/err.h"
#include "config/load.h"
#include "tests/unit/config_text.h"

#include <cmocka.h>

#define ROLES "front = \"front0\"; back = \"back0\""

/* A third port behind the others. */
#define END        "via = \"10.81.0.254\"; } ); } );\n"
#define THIRD(...) "via = \"10.81.0.254\"; } ); },\n" __VA_ARGS__ " );\n"
#define THIRD_PORT                                            \
	"{ name = \"front1\"; devices = [\"net_af_xdp2\"];\n" \
	"  addresses = [\"10.82.0.1/24\"]; }"

/* back0 as a VLAN of front0's wire. */
#define BACK_DEVICE "devices = [\"net_af_xdp1\"];"
#define SHARED(...) "devices = [\"net_af_xdp0\"]; " __VA_ARGS__

static const struct config_text_case cases[] = {
	{ "roles_as_arrays_of_one", ROLES, "front = [\"front0\"]; back = (\"back0\")", "" },
	{ "both_roles_of_both_ports", ROLES,
	    "front = [\"front0\", \"back0\"]; back = [\"back0\", \"front0\"]", "" },
	{ "role_twice", ROLES, "front = [\"front0\", \"front0\"]; back = \"back0\"",
	    "sallyport.cfg:2: runtime: 'front' names port 'front0' twice\n" },
	{ "role_of_nobody", ROLES, "front = []; back = \"back0\"",
	    "sallyport.cfg:2: runtime: 'front' is empty; it needs at least 1 element\n" },
	{ "one_role_dangles", ROLES, "front = \"front0\"; back = [\"back0\", \"back1\"]",
	    "sallyport.cfg:2: runtime: 'back' names port 'back1', which is not defined; did you mean "
	    "'back0'?\n" },
	{ "role_not_a_name", ROLES, "front = [\"front0\", \"a b\"]; back = \"back0\"",
	    "sallyport.cfg:2: runtime: element 2 of 'front' may have letters, digits, '.', '_' and '-' "
	    "only\n" },
	{ "role_of_numbers", ROLES, "front = [1]; back = \"back0\"",
	    "sallyport.cfg:2: runtime: element 1 of 'front' must be a string, not an integer\n" },
	{ "role_a_group", ROLES, "front = { }; back = \"back0\"",
	    "sallyport.cfg:2: runtime: 'front' must be the name of a port, or an array [ ] of "
	    "names\n" },
	{ "too_many_roles", ROLES,
	    "back = \"back0\"; front = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", "
	    "\"i\"]",
	    "sallyport.cfg:2: runtime: 'front' has 9 elements; at most 8 are allowed\n" },
	{ "a_third_port_without_a_role", END, THIRD(THIRD_PORT), "" },

	{ "vlans_share_devices", BACK_DEVICE, SHARED("vlan = 8; offloads = false;"), "" },
	{ "one_may_be_untagged", BACK_DEVICE, SHARED("offloads = false;"), "" },
	{ "the_same_vlan", BACK_DEVICE, SHARED("vlan = 7; offloads = false;"),
	    "sallyport.cfg:9: port 'back0': device 'net_af_xdp0' is also a device of port 'front0'; to "
	    "share it each needs a 'vlan' of its own\n" },
	{ "one_device_has_one_mtu", BACK_DEVICE,
	    SHARED(
		"vlan = 8; mtu = 1400; promiscuous = true; rx_descriptors = 512; tx_descriptors = "
		"512; flow_control = \"on\";"),
	    "sallyport.cfg:9: port 'back0': 'mtu' differs from that of port 'front0', which has the "
	    "same devices\n"
	    "sallyport.cfg:9: port 'back0': 'offloads' differs from that of port 'front0', which has "
	    "the same devices\n"
	    "sallyport.cfg:9: port 'back0': 'promiscuous' differs from that of port 'front0', which "
	    "has the same devices\n"
	    "sallyport.cfg:9: port 'back0': 'rx_descriptors' differs from that of port 'front0', which "
	    "has the same devices\n"
	    "sallyport.cfg:9: port 'back0': 'tx_descriptors' differs from that of port 'front0', which "
	    "has the same devices\n"
	    "sallyport.cfg:9: port 'back0': 'flow_control' differs from that of port 'front0', which "
	    "has the same devices\n" },
	{ "some_devices_only", BACK_DEVICE,
	    "devices = [\"net_af_xdp1\", \"net_af_xdp0\"]; vlan = 8; offloads = false;",
	    "sallyport.cfg:9: port 'back0': 2 devices for 1 worker; give one device with a queue for "
	    "each worker, or one device per worker\n"
	    "sallyport.cfg:9: port 'back0': device 'net_af_xdp0' is also a device of port 'front0'; "
	    "ports share all their devices or none\n" },
};

static struct err e;

/* front0 and front1 face clients. */
static char *two_fronts(void)
{
	return config_text_change(
	    config_text_with(ROLES, "front = [\"front0\", \"front1\"]; back = \"back0\""), END,
	    THIRD(THIRD_PORT));
}

static struct config *load(char *text)
{
	struct config *c = config_load_text(CONFIG_TEXT_FILE, text, strlen(text), &e);

	free(text);
	return c;
}

static void assert_said(char *text, const char *wanted)
{
	err_init(&e);
	assert_null(load(text));
	assert_string_equal(e.text, wanted);
}

static void any_address_means_those_of_all_front_ports(void **state)
{
	static const char *const wanted[] = { "10.80.0.1:443", "10.82.0.1:443", "[fd80::1]:443" };
	struct config *c;

	(void)state;
	err_init(&e);
	c = load(config_text_change(two_fronts(), "[\"10.80.0.1:443\", \"[fd80::1]:443\"]",
	    "[\"0.0.0.0:443\", \"[::]:443\"]"));
	assert_string_equal(e.text, "");
	assert_int_equal(c->runtime.n_front, 2);
	assert_string_equal(c->runtime.front[1], "front1");
	assert_int_equal(c->runtime.n_back, 1);
	assert_int_equal(c->listeners[0].n_bind, 3);
	for (unsigned i = 0; i < 3; i++) {
		char is[CONFIG_ADDR_TEXT];

		assert_string_equal(
		    config_addr_print(&c->listeners[0].bind[i], ADDR_PORT, is), wanted[i]);
	}
	config_free(c);
}

static void listeners_bind_to_any_front_port(void **state)
{
	struct config *c;

	(void)state;
	err_init(&e);
	c = load(config_text_change(two_fronts(), "\"[fd80::1]:443\"", "\"10.82.0.1:443\""));
	assert_string_equal(e.text, "");
	config_free(c);
	assert_said(config_text_change(two_fronts(), "\"[fd80::1]:443\"", "\"10.81.0.1:443\""),
	    "sallyport.cfg:28: listener 'https': bind 10.81.0.1:443 is an address of port 'back0', but "
	    "runtime.front is ports 'front0', 'front1'\n");
	assert_said(config_text_change(two_fronts(), "\"[fd80::1]:443\"", "\"10.83.0.1:443\""),
	    "sallyport.cfg:28: listener 'https': no port owns bind 10.83.0.1:443; add it to the "
	    "addresses of ports 'front0', 'front1'\n");
}

static char *two_backs(const char *target)
{
	return config_text_change(
	    config_text_change(
		config_text_with(ROLES, "front = \"front0\"; back = [\"back0\", \"front1\"]"), END,
		THIRD(THIRD_PORT)),
	    "\"10.81.0.2:8080\"", target);
}

static void targets_are_reached_through_any_back_port(void **state)
{
	struct config *c;

	(void)state;
	err_init(&e);
	c = load(two_backs("\"10.82.0.2:8080\""));
	assert_string_equal(e.text, "");
	config_free(c);
	assert_said(two_backs("\"10.80.0.2:8080\""),
	    "sallyport.cfg:23: backend 'app': no route to target 10.80.0.2:8080; add a route to one of "
	    "ports 'back0', 'front1'\n");
}

static void roles_need_a_restart(void **state)
{
	struct config *one, *two;
	struct config_diff d;

	(void)state;
	err_init(&e);
	one = load(config_text_with(END, THIRD(THIRD_PORT)));
	two = load(two_fronts());
	assert_string_equal(e.text, "");
	assert_int_equal(config_diff(one, two, &d, &e), -1);
	assert_string_equal(e.text,
	    "sallyport.cfg:1: runtime: 'front' differs from the running one; restart to change it\n");
	err_init(&e);
	assert_int_equal(config_diff(two, two, &d, &e), 0);
	config_free(one);
	config_free(two);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(any_address_means_those_of_all_front_ports),
		cmocka_unit_test(listeners_bind_to_any_front_port),
		cmocka_unit_test(targets_are_reached_through_any_back_port),
		cmocka_unit_test(roles_need_a_restart),
	};

	return config_text_run("config_ports", cases, sizeof(cases) / sizeof(cases[0]), others,
	    sizeof(others) / sizeof(others[0]));
}
