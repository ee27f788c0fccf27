/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/addr.h"
#include "config/check.h"
#include "config/err.h"
#include "config/load.h"
#include "tests/unit/config_text.h"

#include <cmocka.h>

/* The end of the listener. */
#define END "limits = { handshake_timeout = 1.5; idle_timeout = 60; };\n  } );\n"

static const struct config_text_case cases[] = {
	{ "mtls_verify_without_store", END, "mtls = { mode = \"verify\"; }; } );\n",
	    "sallyport.cfg:33: listener 'https': mtls: mode \"verify\" needs a 'trust_store' to "
	    "verify with\n" },
	{ "mtls_passthrough_without_store", END, "mtls = { mode = \"passthrough\"; }; } );\n", "" },
	{ "sni_verify_without_store", END,
	    "sni = ( { name = \"a.test\"; mtls = { mode = \"verify\"; }; } ); } );\n",
	    "sallyport.cfg:33: listener 'https': sni 'a.test': mtls: mode \"verify\" needs a "
	    "'trust_store' to verify with\n" },
	{ "sni_without_anything", END, "sni = ( { name = \"a.test\"; } ); } );\n",
	    "sallyport.cfg:33: listener 'https': sni 'a.test': neither a 'policy' nor 'mtls' of its "
	    "own; give one, or remove it\n" },
	{ "sni_twice", END,
	    "sni = ( { name = \"a.test\"; policy = \"x\"; }, { name = \"A.Test\"; policy = \"y\"; } ); } "
	    ");\n",
	    "sallyport.cfg:33: listener 'https': sni 'A.Test' is there twice\n" },
	{ "identity_of_everybody", END,
	    "} ); trust_stores = ( { name = \"p\"; ca_bundle = \"www.pem\"; identities = ( { san = "
	    "\"*\"; }, { } ); } );\n",
	    "sallyport.cfg:33: trust store 'p': identity 2 lets everybody in: give it a 'subject', "
	    "'issuer' or 'san'\n" },
	{ "front_missing_with_two_ports", "front = \"front0\"; ", "",
	    "sallyport.cfg:1: runtime: 'front' is missing; with several ports it must "
	    "name one of them\n" },
	{ "devices_unlike_workers", "devices = [\"net_af_xdp0\"]",
	    "devices = [\"net_af_xdp0\", \"net_af_xdp2\"]",
	    "sallyport.cfg:5: port 'front0': 2 devices for 1 worker; give one device "
	    "with a queue for each worker, or one device per worker\n" },
	{ "device_of_two_ports", "devices = [\"net_af_xdp1\"]", "devices = [\"net_af_xdp0\"]",
	    "sallyport.cfg:9: port 'back0': 'offloads' differs from that of port 'front0', which has "
	    "the same devices\n" },
	{ "device_twice_in_port", "devices = [\"net_af_xdp1\"]",
	    "devices = [\"net_af_xdp1\", \"net_af_xdp1\"]",
	    "sallyport.cfg:9: port 'back0': 2 devices for 1 worker; give one device with "
	    "a queue for each worker, or one device per worker\n"
	    "sallyport.cfg:9: port 'back0': device 'net_af_xdp1' is named twice\n" },
	{ "address_of_subnet", "[\"10.80.0.1/24\",", "[\"10.80.0.1/24\", \"10.80.1.0/24\",",
	    "sallyport.cfg:7: port 'front0': address 10.80.1.0/24 is the address of the "
	    "subnet itself, not of a host in it\n" },
	{ "address_broadcast", "[\"10.80.0.1/24\",", "[\"10.80.0.1/24\", \"10.80.1.255/24\",",
	    "sallyport.cfg:7: port 'front0': address 10.80.1.255/24 is the broadcast "
	    "address of its subnet\n" },
	{ "address_last_of_31_is_fine", "[\"10.80.0.1/24\",",
	    "[\"10.80.0.1/24\", \"10.80.1.255/31\",", "" },
	{ "address_multicast", "[\"10.80.0.1/24\",", "[\"10.80.0.1/24\", \"224.0.0.1/24\",",
	    "sallyport.cfg:7: port 'front0': address 224.0.0.1/24 is a multicast "
	    "address\n" },
	{ "address6_multicast", "[\"10.80.0.1/24\",", "[\"10.80.0.1/24\", \"ff02::1/64\",",
	    "sallyport.cfg:7: port 'front0': address ff02::1/64 is a multicast address\n" },
	{ "address_loopback", "[\"10.80.0.1/24\",", "[\"10.80.0.1/24\", \"127.0.0.1/8\",",
	    "sallyport.cfg:7: port 'front0': address 127.0.0.1/8 is a loopback address, "
	    "which no network carries\n" },
	{ "address_unspecified", "[\"10.80.0.1/24\",", "[\"10.80.0.1/24\", \"::/64\",",
	    "sallyport.cfg:7: port 'front0': address ::/64 is the unspecified address\n" },
	{ "address_reserved", "[\"10.80.0.1/24\",", "[\"10.80.0.1/24\", \"240.0.0.1/8\",",
	    "sallyport.cfg:7: port 'front0': address 240.0.0.1/8 is in a reserved range\n" },
	{ "address_prefix_zero", "[\"10.80.0.1/24\",", "[\"10.80.0.1/24\", \"10.82.0.1/0\",",
	    "sallyport.cfg:7: port 'front0': address 10.82.0.1/0 has prefix length 0, a "
	    "subnet that is the whole world\n" },
	{ "address_of_two_ports", "[\"10.81.0.1/24\",", "[\"10.81.0.1/24\", \"10.80.0.1/24\",",
	    "sallyport.cfg:10: port 'back0': address 10.80.0.1/24 is also an address of "
	    "port 'front0'\n" },
	{ "address_twice_in_port", "[\"10.80.0.1/24\",", "[\"10.80.0.1/24\", \"10.80.0.1/25\",",
	    "sallyport.cfg:7: port 'front0': address 10.80.0.1/25 is also an address of "
	    "port 'front0'\n" },
	{ "route_families_differ", "via = \"10.81.0.254\"", "via = \"fd81::fe\"",
	    "sallyport.cfg:12: port 'back0': route via fd81::fe: 'to' and 'via' must "
	    "both be IPv4 or both IPv6\n" },
	{ "route_via_off_subnet", "via = \"10.81.0.254\"", "via = \"10.82.0.254\"",
	    "sallyport.cfg:12: port 'back0': route via 10.82.0.254, which is on none of "
	    "the port's subnets; use a neighbour of the port\n" },
	{ "route_via_other_ports_subnet", "via = \"10.81.0.254\"", "via = \"10.80.0.254\"",
	    "sallyport.cfg:12: port 'back0': route via 10.80.0.254, which is on none of "
	    "the port's subnets; use a neighbour of the port\n" },
	{ "route_via_ourselves", "via = \"10.81.0.254\"", "via = \"10.81.0.1\"",
	    "sallyport.cfg:12: port 'back0': route via 10.81.0.1, which is sallyport's "
	    "own address\n" },
	{ "route_via_multicast", "via = \"10.81.0.254\"", "via = \"224.0.0.5\"",
	    "sallyport.cfg:12: port 'back0': route via 224.0.0.5, which is a multicast "
	    "address\n" },
	{ "route6_via_link_local_is_fine", "{ to = \"10.90.0.0/16\"; via = \"10.81.0.254\"; }",
	    "{ to = \"::/0\"; via = \"fe80::1\"; }", "" },
	{ "route_with_host_bits", "to = \"10.90.0.0/16\"", "to = \"10.90.1.2/16\"",
	    "sallyport.cfg:12: port 'back0': route to 10.90.1.2/16 has bits set past its "
	    "prefix; did you mean 10.90.0.0/16?\n" },
	{ "route_twice", "{ to = \"10.90.0.0/16\"; via = \"10.81.0.254\"; }",
	    "{ to = \"10.90.0.0/16\"; via = \"10.81.0.254\"; },\n"
	    " { to = \"10.90.0.0/16\"; via = \"10.81.0.253\"; }",
	    "sallyport.cfg:13: port 'back0': a second route to 10.90.0.0/16; remove one\n" },
	{ "reserved_with_host_bits", "idle_timeout = 60;",
	    "idle_timeout = 60; reserved = { sources = [\"10.0.0.0/8\", \"10.1.2.3/24\"]; };",
	    "sallyport.cfg:33: listener 'https': limits: reserved: 'sources' has 10.1.2.3/24, with "
	    "bits set past its prefix; did you mean 10.1.2.0/24?\n" },
	{ "reserved_of_one", "idle_timeout = 60;",
	    "idle_timeout = 60; handshakes_at_once = 1; reserved = { sources = [\"10.0.0.0/8\"]; };",
	    "sallyport.cfg:25: listener 'https': limits: reserved: a limit of 1 cannot be shared; "
	    "the least is 2\n" },
	{ "fronts_with_host_bits", "sni_strict = true;",
	    "sni_strict = true; proxy_protocol = { from = [\"10.1.2.3/24\"]; };",
	    "sallyport.cfg:31: listener 'https': proxy_protocol: 'from' has 10.1.2.3/24, with "
	    "bits set past its prefix; did you mean 10.1.2.0/24?\n" },
	{ "target_unreachable", "\"10.81.0.2:8080\"", "\"10.82.0.2:8080\"",
	    "sallyport.cfg:21: backend 'app': no route to target 10.82.0.2:8080; add a "
	    "route to port 'back0'\n" },
	{ "target6_unreachable", "\"[fd81::2]:8080\"", "\"[fd82::2]:8080\"",
	    "sallyport.cfg:22: backend 'app': no route to target [fd82::2]:8080; add a "
	    "route to port 'back0'\n" },
	{ "target_on_front_only", "\"10.81.0.2:8080\"", "\"10.80.0.2:8080\"",
	    "sallyport.cfg:21: backend 'app': no route to target 10.80.0.2:8080; add a "
	    "route to port 'back0'\n" },
	{ "target_by_route_is_fine", "\"10.81.0.2:8080\"", "\"10.90.255.2:8080\"", "" },
	{ "target_of_family_back_lacks", "[\"10.81.0.1/24\", \"fd81::1/64\"]", "[\"10.81.0.1/24\"]",
	    "sallyport.cfg:22: backend 'app': no route to target [fd81::2]:8080: port "
	    "'back0' has no IPv6 address\n" },
	{ "target_ourselves", "\"10.81.0.2:8080\"", "\"10.80.0.1:443\"",
	    "sallyport.cfg:21: backend 'app': target 10.80.0.1:443 is sallyport's own "
	    "address on port 'front0'\n" },
	{ "target_multicast", "\"10.81.0.2:8080\"", "\"239.0.0.1:8080\"",
	    "sallyport.cfg:21: backend 'app': target 239.0.0.1:8080 is a multicast "
	    "address\n" },
	{ "target_unspecified", "\"10.81.0.2:8080\"", "\"0.0.0.0:8080\"",
	    "sallyport.cfg:21: backend 'app': target 0.0.0.0:8080 is the unspecified "
	    "address\n" },
	{ "target_twice", "\"[fd81::2]:8080\"", "\"10.81.0.2:8080\"",
	    "sallyport.cfg:22: backend 'app': target 10.81.0.2:8080 is already in line "
	    "21; remove one and set 'weight'\n" },
	{ "target_other_port_is_fine", "\"[fd81::2]:8080\"", "\"10.81.0.2:8081\"", "" },
	{ "weights_all_zero",
	    "weight = 3; },\n"
	    "      { address = \"[fd81::2]:8080\"; } )",
	    "weight = 0; } )",
	    "sallyport.cfg:19: backend 'app': every target has weight 0; give at least "
	    "one a weight\n" },
	{ "bind_unowned", "\"10.80.0.1:443\"", "\"10.80.0.2:443\"",
	    "sallyport.cfg:26: listener 'https': no port owns bind 10.80.0.2:443; add it "
	    "to the addresses of port 'front0'\n" },
	{ "bind_on_back", "\"10.80.0.1:443\"", "\"10.81.0.1:443\"",
	    "sallyport.cfg:26: listener 'https': bind 10.81.0.1:443 is an address of "
	    "port 'back0', but runtime.front is port 'front0'\n" },
	{ "bind_any_is_fine", "\"10.80.0.1:443\", \"[fd80::1]:443\"",
	    "\"0.0.0.0:443\", \"[::]:443\"", "" },
	{ "bind_any_of_family_front_lacks",
	    "[\"10.80.0.1/24\", \"fd80::1/64\"];\n"
	    "    mtu = 1500; vlan = 7; offloads = false; },\n"
	    "  { name = \"back0\"; devices = [\"net_af_xdp1\"];\n"
	    "    addresses = [\"10.81.0.1/24\", \"fd81::1/64\"];\n"
	    "    routes = (\n"
	    "      { to = \"10.90.0.0/16\"; via = \"10.81.0.254\"; } ); } );\n"
	    "certificates = (\n"
	    "  { name = \"www\"; chain = \"www.pem\";\n"
	    "    key = \"www.key\"; },\n"
	    "  { name = \"api\"; chain = \"api.pem\"; key = \"api.key\";\n"
	    "    names = [\"api.lab.test\"]; } );\n"
	    "backends = (\n"
	    "  { name = \"app\";\n"
	    "    targets = (\n"
	    "      { address = \"10.81.0.2:8080\"; weight = 3; },\n"
	    "      { address = \"[fd81::2]:8080\"; } );\n"
	    "    connect_timeout = 2.5; } );\n"
	    "listeners = (\n"
	    "  { name = \"https\";\n"
	    "    bind = [\"10.80.0.1:443\", \"[fd80::1]:443\"",
	    "[\"10.80.0.1/24\"];\n"
	    "    mtu = 1500; vlan = 7; offloads = false; },\n"
	    "  { name = \"back0\"; devices = [\"net_af_xdp1\"];\n"
	    "    addresses = [\"10.81.0.1/24\", \"fd81::1/64\"];\n"
	    "    routes = (\n"
	    "      { to = \"10.90.0.0/16\"; via = \"10.81.0.254\"; } ); } );\n"
	    "certificates = (\n"
	    "  { name = \"www\"; chain = \"www.pem\";\n"
	    "    key = \"www.key\"; },\n"
	    "  { name = \"api\"; chain = \"api.pem\"; key = \"api.key\";\n"
	    "    names = [\"api.lab.test\"]; } );\n"
	    "backends = (\n"
	    "  { name = \"app\";\n"
	    "    targets = (\n"
	    "      { address = \"10.81.0.2:8080\"; weight = 3; },\n"
	    "      { address = \"[fd81::2]:8080\"; } );\n"
	    "    connect_timeout = 2.5; } );\n"
	    "listeners = (\n"
	    "  { name = \"https\";\n"
	    "    bind = [\"10.80.0.1:443\", \"[::]:443\"",
	    "sallyport.cfg:26: listener 'https': bind [::]:443: port 'front0' has no "
	    "IPv6 address\n" },
	{ "bind_twice", "\"[fd80::1]:443\"", "\"10.80.0.1:443\"",
	    "sallyport.cfg:26: listener 'https': bind 10.80.0.1:443 takes the same "
	    "connections as bind 10.80.0.1:443 of listener 'https' in line 26\n" },
	{ "bind_any_and_one", "\"[fd80::1]:443\"", "\"0.0.0.0:443\"",
	    "sallyport.cfg:26: listener 'https': bind 0.0.0.0:443 takes the same "
	    "connections as bind 10.80.0.1:443 of listener 'https' in line 26\n" },
	{ "bind_any_other_port_is_fine", "\"[fd80::1]:443\"", "\"0.0.0.0:444\"", "" },
	{ "bind_twice_in_two_listeners", "listeners = (",
	    "listeners = (\n"
	    "  { name = \"other\"; bind = [\"[::]:443\"]; default_certificate = \"www\"; "
	    "backend = \"app\"; },",
	    "sallyport.cfg:27: listener 'https': bind [fd80::1]:443 takes the same "
	    "connections as bind [::]:443 of listener 'other' in line 25\n" },
	{ "bind_any_last_of_three", "bind = [\"10.80.0.1:443\", \"[fd80::1]:443\"]",
	    "bind = [\"10.80.0.1:443\", \"10.80.0.1:444\",\n"
	    " \"0.0.0.0:444\",\n"
	    " \"0.0.0.0:443\", \"[::]:444\"]",
	    "sallyport.cfg:28: listener 'https': bind 0.0.0.0:443 takes the same "
	    "connections as bind 10.80.0.1:443 of listener 'https' in line 26\n"
	    "sallyport.cfg:27: listener 'https': bind 0.0.0.0:444 takes the same "
	    "connections as bind 10.80.0.1:444 of listener 'https' in line 26\n" },
	{ "certificate_twice_in_listener", "certificates = [\"api\"]",
	    "certificates = [\"api\", \"api\"]",
	    "sallyport.cfg:25: listener 'https': 'certificates' names certificate 'api' "
	    "twice\n" },
	{ "default_certificate_twice", "[\"www\"]", "[\"www\", \"www\"]",
	    "sallyport.cfg:25: listener 'https': 'default_certificate' names certificate "
	    "'www' twice\n" },
	{ "alpn_twice", "[\"h2\", \"http/1.1\"]", "[\"h2\", \"h2\"]",
	    "sallyport.cfg:25: listener 'https': 'alpn' has 'h2' twice\n" },
	{ "proxy_v1_with_tlvs", "connect_timeout = 2.5;",
	    "connect_timeout = 2.5; proxy_protocol = { version = 1; tlvs = [\"ssl\"]; };",
	    "sallyport.cfg:23: backend 'app': proxy_protocol: version 1 has no 'tlvs'; use version "
	    "2\n" },
	{ "proxy_client_cert_without_ssl", "connect_timeout = 2.5;",
	    "connect_timeout = 2.5; proxy_protocol = { version = 2; tlvs = [\"client_cert\"]; };",
	    "sallyport.cfg:23: backend 'app': proxy_protocol: 'client_cert' is a part of 'ssl'; "
	    "list that too\n" },
	{ "proxy_front_not_a_network", "    backend = \"app\";",
	    "    backend = \"app\"; proxy_protocol = { from = [\"10.0.0.1/8\"]; };",
	    "sallyport.cfg:32: listener 'https': proxy_protocol: 'from' has 10.0.0.1/8, with bits "
	    "set past its prefix; did you mean 10.0.0.0/8?\n" },
	{ "alpn_with_comma", "[\"h2\", \"http/1.1\"]", "[\"h2,http/1.1\"]",
	    "sallyport.cfg:25: listener 'https': 'alpn' has 'h2,http/1.1': a name has no comma; "
	    "write one string for each\n" },
	{ "unread_address_silences_ownership", "[\"10.80.0.1/24\",", "[\"10.80.0/24\",",
	    "sallyport.cfg:7: port 'front0': element 1 of 'addresses': '10.80.0/24' is "
	    "not an IPv4 or IPv6 address\n" },
	{ "unread_route_silences_reachability", "\"10.90.0.0/16\"; via", "\"10.90.0.0/99\"; via",
	    "sallyport.cfg:12: port 'back0': route 1: 'to': '10.90.0.0/99' has a prefix "
	    "length that is not in 0..32\n" },
};

/* Of the routes that match, the one with the longest prefix is taken (RFC 1812 5.2.4.3). */
static void longest_prefix_wins(void **state)
{
	static struct err e;
	char *text = config_text_with("{ to = \"10.90.0.0/16\"; via = \"10.81.0.254\"; }",
	    "{ to = \"0.0.0.0/0\"; via = \"10.81.0.250\"; },\n"
	    "{ to = \"10.90.1.0/24\"; via = \"10.81.0.251\"; },\n"
	    "{ to = \"10.90.0.0/16\"; via = \"10.81.0.252\"; }");
	static const struct {
		const char *to, *via;
	} hops[] = {
		{ "10.90.1.9", "10.81.0.251" },
		{ "10.90.2.9", "10.81.0.252" },
		{ "192.0.2.1", "10.81.0.250" },
		{ "10.81.0.9", NULL }, /* a neighbour */
		{ "fd81::9", NULL },
		{ "fe80::9", NULL },
	};
	const struct config_addr *via;
	struct config_addr to;
	struct config *c;

	(void)state;
	c = config_load_text(CONFIG_TEXT_FILE, text, strlen(text), &e);
	free(text);
	assert_string_equal(e.text, "");
	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++) {
		char is[CONFIG_ADDR_TEXT];

		assert_null(config_addr_parse(hops[i].to, ADDR_ALONE, &to));
		assert_true(config_port_reaches(config_find_port(c, "back0"), &to, &via));
		if (hops[i].via)
			assert_string_equal(config_addr_print(via, ADDR_ALONE, is), hops[i].via);
		else
			assert_null(via);
	}
	assert_null(config_addr_parse("fd82::1", ADDR_ALONE, &to));
	assert_false(config_port_reaches(config_find_port(c, "back0"), &to, &via));
	assert_null(config_find_port(c, "back1"));
	assert_null(config_find_port(c, NULL));
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(longest_prefix_wins),
	};

	return config_text_run("config_check", cases, sizeof(cases) / sizeof(cases[0]), others,
	    sizeof(others) / sizeof(others[0]));
}
