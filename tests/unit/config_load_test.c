/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/config_text.h"

#include <cmocka.h>

/* A letter many times, for what is too long. */
#define R2(c)    c c
#define R4(c)    R2(c) R2(c)
#define R8(c)    R4(c) R4(c)
#define R16(c)   R8(c) R8(c)
#define R32(c)   R16(c) R16(c)
#define R64(c)   R32(c) R32(c)
#define R128(c)  R64(c) R64(c)
#define R1024(c) R128(c) R128(c) R128(c) R128(c) R128(c) R128(c) R128(c) R128(c)
#define R4096(c) R1024(c) R1024(c) R1024(c) R1024(c)

/* The end of the listener and what may stand behind the listeners. */
#define END       "limits = { handshake_timeout = 1.5; idle_timeout = 60; };\n  } );\n"
#define WITH(x)   x " } );\n"
#define STORE(x)  " } ); trust_stores = ( { name = \"p\"; ca_bundle = \"www.pem\"; " x " } );\n"
#define POLICY(x) " } ); policies = ( { name = \"corp\"; " x " } );\n"

static const struct config_text_case cases[] = {
	{ "trust_store_and_policy_load", END,
	    "mtls = { mode = \"verify\"; trust_store = \"p\"; ignore_expiry = true; }; sni = ( { name = "
	    "\"*.a.test\"; policy = \"corp\"; } );" STORE(
		"crls = [\"www.pem\", \"api.pem\"]; "
		"crl_missing = \"reject\"; crl_stale = \"allow\"; max_depth = 7;"),
	    "" },
	{ "mtls_mode_missing", END, WITH("mtls = { };"),
	    "sallyport.cfg:33: listener 'https': mtls: 'mode' is missing\n" },
	{ "mtls_mode_unknown", END, WITH("mtls = { mode = \"on\"; };"),
	    "sallyport.cfg:33: listener 'https': mtls: 'mode' is 'on'; it must be \"off\", "
	    "\"passthrough\" or \"verify\"\n" },
	{ "mtls_trust_store_unknown", END,
	    "mtls = { mode = \"verify\"; trust_store = \"q\"; };" STORE(""),
	    "sallyport.cfg:33: listener 'https': mtls: 'trust_store' names trust store 'q', which "
	    "is not defined\n" },
	{ "sni_name_missing", END, WITH("sni = ( { policy = \"x\"; } );"),
	    "sallyport.cfg:33: listener 'https': sni entry 1: 'name' is missing\n" },
	{ "trust_store_without_bundle", END, " } ); trust_stores = ( { name = \"p\"; } );\n",
	    "sallyport.cfg:33: trust store 'p': 'ca_bundle' is missing\n" },
	{ "trust_store_depth", END, STORE("max_depth = 8;"),
	    "sallyport.cfg:33: trust store 'p': 'max_depth' is 8, which is not in 1..7\n" },
	{ "trust_store_crl_missing_word", END, STORE("crl_missing = \"ignore\";"),
	    "sallyport.cfg:33: trust store 'p': 'crl_missing' is 'ignore'; it must be \"allow\" or "
	    "\"reject\"\n" },
	{ "trust_store_crl_unreadable", END, STORE("crls = [\"www.pem\", \"none.crl\"];"),
	    "sallyport.cfg:33: trust store 'p': cannot read 'crls' none.crl: No such file or "
	    "directory\n" },
	{ "policy_preference_word", END, POLICY("preference = \"ours\";"),
	    "sallyport.cfg:33: policy 'corp': 'preference' is 'ours'; it must be \"server\" or "
	    "\"client\"\n" },
	{ "policy_suites_empty", END, POLICY("suites = [];"),
	    "sallyport.cfg:33: policy 'corp': 'suites' is empty; it needs at least 1 element\n" },
	{ "base_text_loads", "workers = [0]", "workers = [0]", "" },
	{ "key_unknown_near", "    default_certificate", "    defualt_certificate",
	    "sallyport.cfg:29: listener 'https': unknown key 'defualt_certificate'; did "
	    "you mean 'default_certificate'?\n"
	    "sallyport.cfg:25: listener 'https': 'default_certificate' is missing\n" },
	{ "key_unknown_in_root", "eal = [", "elapsed = [",
	    "sallyport.cfg:3: unknown key 'elapsed'; there are: runtime, control, tickets, log, eal, ports, "
	    "certificates, policies, trust_stores, backends, listeners\n" },
	{ "key_unknown_in_runtime", "workers = [0]", "workers = [0]; colour = \"red\"",
	    "sallyport.cfg:1: runtime: unknown key 'colour'; there are: workers, "
	    "control_core, front, back, max_connections, mbufs, drain_timeout, idle, "
	    "state_dir, user, watch\n" },
	{ "key_unknown_in_limits", "idle_timeout = 60", "idle_timeuot = 60",
	    "sallyport.cfg:33: listener 'https': limits: unknown key 'idle_timeuot'; did "
	    "you mean 'idle_timeout'?\n" },
	{ "key_unknown_in_target", "weight = 3", "wieght = 3",
	    "sallyport.cfg:21: backend 'app': target 1: unknown key 'wieght'; did you "
	    "mean 'weight'?\n" },
	{ "key_unknown_in_route", "via = \"10.81.0.254\"", "via = \"10.81.0.254\"; metric = 1",
	    "sallyport.cfg:12: port 'back0': route 1: unknown key 'metric'; there are: "
	    "to, via\n" },
	{ "section_of_later_issue", "eal = [ \"--no-pci\" ];", "zones = ( );",
	    "sallyport.cfg:3: unknown key 'zones'; there are: runtime, control, tickets, log, eal, ports, "
	    "certificates, policies, trust_stores, backends, listeners\n" },
	{ "key_unknown_in_control", "eal = [ \"--no-pci\" ];", "control = { sokcet = \"s\"; };",
	    "sallyport.cfg:3: control: unknown key 'sokcet'; did you mean 'socket'?\n" },
	{ "control_not_a_group", "eal = [ \"--no-pci\" ];", "control = \"/run/s\";",
	    "sallyport.cfg:3: 'control' must be a group { }, not a string\n" },
	{ "control_mode_not_octal", "eal = [ \"--no-pci\" ];", "control = { mode = \"0680\"; };",
	    "sallyport.cfg:3: control: 'mode' is '0680'; it must be octal permissions in quotes, "
	    "such as \"0660\"\n" },
	{ "control_mode_a_number", "eal = [ \"--no-pci\" ];", "control = { mode = 660; };",
	    "sallyport.cfg:3: control: 'mode' must be a string, not an integer\n" },
	{ "control_mode_with_special_bits", "eal = [ \"--no-pci\" ];",
	    "control = { mode = \"4660\"; };",
	    "sallyport.cfg:3: control: 'mode' is '4660'; it must be octal permissions in quotes, "
	    "such as \"0660\"\n" },
	{ "control_socket_too_long", "eal = [ \"--no-pci\" ];",
	    "control = { socket = \"" R128("x") "\"; };",
	    "sallyport.cfg:3: control: 'socket' has 128 bytes; at most 107 are allowed\n" },
	{ "control_metrics_without_port", "eal = [ \"--no-pci\" ];",
	    "control = { metrics = \"127.0.0.1\"; };",
	    "sallyport.cfg:3: control: 'metrics': '127.0.0.1' has no port; write it as "
	    "in 10.80.0.1:443\n" },
	{ "log_without_path", "eal = [ \"--no-pci\" ];", "log = { connections = { }; };",
	    "sallyport.cfg:3: log: connections: 'path' is missing\n" },
	{ "log_format_unknown", "eal = [ \"--no-pci\" ];",
	    "log = { connections = { path = \"c.log\"; format = \"w3c\"; }; };",
	    "sallyport.cfg:3: log: connections: 'format' is 'w3c'; it must be \"alb\" or "
	    "\"json\"\n" },
	{ "log_of_something_else", "eal = [ \"--no-pci\" ];", "log = { requests = { }; };",
	    "sallyport.cfg:3: log: unknown key 'requests'; there are: connections\n" },
	{ "state_dir_not_a_string", "workers = [0]", "workers = [0]; state_dir = 7",
	    "sallyport.cfg:1: runtime: 'state_dir' must be a string, not an integer\n" },
	{ "user_too_long", "workers = [0]", "workers = [0]; user = \"" R64("u") "\"",
	    "sallyport.cfg:1: runtime: 'user' has 64 bytes; at most 32 are allowed\n" },
	{ "watch_not_a_bool", "workers = [0]", "workers = [0]; watch = 1",
	    "sallyport.cfg:1: runtime: 'watch' must be true or false, not an integer\n" },
	{ "runtime_not_a_group",
	    "runtime = { workers = [0];\n"
	    "  front = \"front0\"; back = \"back0\"; };",
	    "runtime = 5;", "sallyport.cfg:1: 'runtime' must be a group { }, not an integer\n" },
	{ "runtime_missing",
	    "runtime = { workers = [0];\n"
	    "  front = \"front0\"; back = \"back0\"; };",
	    "", "sallyport.cfg: 'runtime' is missing\n" },
	{ "workers_missing", "workers = [0];", "",
	    "sallyport.cfg:1: runtime: 'workers' is missing\n" },
	{ "workers_empty", "workers = [0]", "workers = []",
	    "sallyport.cfg:1: runtime: 'workers' is empty; it needs at least 1 element\n" },
	{ "workers_not_a_list", "workers = [0]", "workers = 2",
	    "sallyport.cfg:1: runtime: 'workers' must be an array [ ], not an integer\n" },
	{ "workers_as_strings", "workers = [0]", "workers = [\"0\"]",
	    "sallyport.cfg:1: runtime: element 1 of 'workers' must be an integer, not a "
	    "string\n" },
	{ "workers_negative", "workers = [0]", "workers = [-1]",
	    "sallyport.cfg:1: runtime: element 1 of 'workers' is -1, which is not in "
	    "0..4294967295\n" },
	{ "workers_no_such_core", "workers = [0]", "workers = [0, 4096]",
	    "sallyport.cfg:1: runtime: element 2 of 'workers' names core 4096; this "
	    "machine has cores 0..{last_core}\n" },
	{ "workers_core_twice", "workers = [0]", "workers = [0, 0]",
	    "sallyport.cfg:1: runtime: element 2 of 'workers' names core 0, which is "
	    "listed before\n" },
	{ "workers_too_many", "workers = [0]",
	    "workers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, "
	    "18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, "
	    "37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, "
	    "56, 57, 58, 59, 60, 61, 62, 63, 64]",
	    "sallyport.cfg:1: runtime: 'workers' has 65 elements; at most 64 are "
	    "allowed\n" },
	{ "workers_past_32_bits", "workers = [0]", "workers = [4294967296]",
	    "sallyport.cfg:1: the number 4294967296 is too large for 32 bits\n" },
	{ "workers_past_32_bits_long", "workers = [0]", "workers = [4294967296L]",
	    "sallyport.cfg:1: runtime: element 1 of 'workers' is 4294967296, which is "
	    "not in 0..4294967295\n" },
	{ "control_core_not_there", "workers = [0]", "workers = [0]; control_core = 4096",
	    "sallyport.cfg:1: runtime: 'control_core' is 4096; this machine has cores "
	    "0..{last_core}\n" },
	{ "control_core_below_range", "workers = [0]", "workers = [0]; control_core = -2",
	    "sallyport.cfg:1: runtime: 'control_core' is -2, which is not in "
	    "-1..2147483647\n" },
	{ "control_core_of_a_worker", "workers = [0]", "workers = [0]; control_core = 0",
	    "sallyport.cfg:1: runtime: core 0 is a worker's and cannot be 'control_core' "
	    "too; choose another or leave 'control_core' out\n" },
	{ "front_not_a_name", "front = \"front0\"", "front = 1",
	    "sallyport.cfg:2: runtime: 'front' must be the name of a port, or an array [ ] of names\n" },
	{ "front_dangling", "front = \"front0\"", "front = \"front1\"",
	    "sallyport.cfg:2: runtime: 'front' names port 'front1', which is not "
	    "defined; did you mean 'front0'?\n" },
	{ "back_dangling", "back = \"back0\"", "back = \"inside\"",
	    "sallyport.cfg:2: runtime: 'back' names port 'inside', which is not defined\n" },
	{ "max_connections_zero", "workers = [0]", "workers = [0]; max_connections = 0",
	    "sallyport.cfg:1: runtime: 'max_connections' is 0, which is not in "
	    "1..16777216\n" },
	{ "max_connections_float", "workers = [0]", "workers = [0]; max_connections = 1e5",
	    "sallyport.cfg:1: runtime: 'max_connections' must be an integer, not a "
	    "floating-point number\n" },
	{ "mbufs_negative", "workers = [0]", "workers = [0]; mbufs = -1",
	    "sallyport.cfg:1: runtime: 'mbufs' is -1, which is not in 0..268435456\n" },
	{ "drain_timeout_zero", "workers = [0]", "workers = [0]; drain_timeout = 0",
	    "sallyport.cfg:1: runtime: 'drain_timeout' is 0 seconds; it must be at least "
	    "0.001 and less than 86400\n" },
	{ "drain_timeout_a_day", "workers = [0]", "workers = [0]; drain_timeout = 86400.0",
	    "sallyport.cfg:1: runtime: 'drain_timeout' is 86400 seconds; it must be at "
	    "least 0.001 and less than 86400\n" },
	{ "drain_timeout_infinite", "workers = [0]", "workers = [0]; drain_timeout = 1e999",
	    "sallyport.cfg:1: runtime: 'drain_timeout' is inf seconds; it must be at "
	    "least 0.001 and less than 86400\n" },
	{ "drain_timeout_integer_is_fine", "workers = [0]", "workers = [0]; drain_timeout = 5",
	    "" },
	{ "drain_timeout_long_is_fine", "workers = [0]", "workers = [0]; drain_timeout = 5L", "" },
	{ "drain_timeout_a_string", "workers = [0]", "workers = [0]; drain_timeout = \"5s\"",
	    "sallyport.cfg:1: runtime: 'drain_timeout' must be a number of seconds, not "
	    "a string\n" },
	{ "idle_unknown", "workers = [0]", "workers = [0]; idle = \"nap\"",
	    "sallyport.cfg:1: runtime: 'idle' is 'nap'; it must be \"poll\" or "
	    "\"sleep\"\n" },
	{ "eal_element_empty", "\"--no-pci\"", "\"\"",
	    "sallyport.cfg:3: element 1 of 'eal' is an empty string\n" },
	{ "eal_not_strings", "\"--no-pci\"", "1",
	    "sallyport.cfg:3: element 1 of 'eal' must be a string, not an integer\n" },
	{ "eal_sets_cores", "\"--no-pci\"", "\"-l\", \"0-3\", \"--lcores=0-3\", \"--main-lcore\"",
	    "sallyport.cfg:3: eal: '-l' chooses cores; remove it and set runtime.workers "
	    "and runtime.control_core\n"
	    "sallyport.cfg:3: eal: '--lcores=0-3' chooses cores; remove it and set "
	    "runtime.workers and runtime.control_core\n"
	    "sallyport.cfg:3: eal: '--main-lcore' chooses cores; remove it and set "
	    "runtime.workers and runtime.control_core\n" },
	{ "ports_missing",
	    "front0\"; back = \"back0\"; };\n"
	    "eal = [ \"--no-pci\" ];\n"
	    "ports = (",
	    "front0\"; back = \"back0\"; };\n"
	    "eal = [ \"--no-pci\" ];\n"
	    "prots = (",
	    "sallyport.cfg:4: unknown key 'prots'; did you mean 'ports'?\n"
	    "sallyport.cfg: 'ports' is missing\n" },
	{ "ports_empty",
	    "ports = (\n"
	    "  { name = \"front0\";\n"
	    "    devices = [\"net_af_xdp0\"];\n"
	    "    addresses = [\"10.80.0.1/24\", \"fd80::1/64\"];\n"
	    "    mtu = 1500; vlan = 7; offloads = false; },\n"
	    "  { name = \"back0\"; devices = [\"net_af_xdp1\"];\n"
	    "    addresses = [\"10.81.0.1/24\", \"fd81::1/64\"];\n"
	    "    routes = (\n"
	    "      { to = \"10.90.0.0/16\"; via = \"10.81.0.254\"; } ); } );",
	    "ports = ( );", "sallyport.cfg:4: 'ports' is empty; it needs at least 1 element\n" },
	{ "port_not_a_group", "  { name = \"front0\";", "  \"front\", { name = \"front0\";",
	    "sallyport.cfg:5: 'ports' must be a list of groups { }; element 1 is a "
	    "string\n" },
	{ "port_nameless", "{ name = \"front0\";", "{ ",
	    "sallyport.cfg:5: port 1: 'name' is missing\n" },
	{ "port_name_with_space", "{ name = \"front0\"", "{ name = \"front 0\"",
	    "sallyport.cfg:5: port 'front 0': 'name' may have letters, digits, '.', '_' "
	    "and '-' only\n" },
	{ "port_name_twice", "  { name = \"back0\"; devices", "  { name = \"front0\"; devices",
	    "sallyport.cfg:9: a second port is named 'front0'; the first is at "
	    "sallyport.cfg:5; rename one\n"
	    "sallyport.cfg:2: runtime: 'back' names port 'back0', which is not defined\n" },
	{ "devices_missing", "devices = [\"net_af_xdp0\"];", "",
	    "sallyport.cfg:5: port 'front0': 'devices' is missing\n" },
	{ "devices_empty", "devices = [\"net_af_xdp0\"]", "devices = [ ]",
	    "sallyport.cfg:6: port 'front0': 'devices' is empty; it needs at least 1 "
	    "element\n" },
	{ "device_too_long", "devices = [\"net_af_xdp0\"]",
	    "devices = [\"" R128("x") R128("x") "\"]",
	    "sallyport.cfg:6: port 'front0': element 1 of 'devices' has 256 bytes; at "
	    "most 255 are allowed\n" },
	{ "addresses_missing", "    addresses = [\"10.80.0.1/24\", \"fd80::1/64\"];\n", "",
	    "sallyport.cfg:5: port 'front0': 'addresses' is missing\n" },
	{ "addresses_empty", "[\"10.80.0.1/24\", \"fd80::1/64\"]", "[]",
	    "sallyport.cfg:7: port 'front0': 'addresses' is empty; it needs at least 1 "
	    "element\n" },
	{ "address_without_prefix", "[\"10.80.0.1/24\",", "[\"10.80.0.1\",",
	    "sallyport.cfg:7: port 'front0': element 1 of 'addresses': '10.80.0.1' has "
	    "no prefix length; write it as in 10.80.0.1/24 or fd80::1/64\n" },
	{ "address_prefix_too_long", "[\"10.80.0.1/24\",", "[\"10.80.0.1/33\",",
	    "sallyport.cfg:7: port 'front0': element 1 of 'addresses': '10.80.0.1/33' "
	    "has a prefix length that is not in 0..32\n" },
	{ "address6_prefix_too_long", "\"fd80::1/64\"]", "\"fd80::1/129\"]",
	    "sallyport.cfg:7: port 'front0': element 2 of 'addresses': 'fd80::1/129' has "
	    "a prefix length that is not in 0..128\n" },
	{ "address_not_one", "[\"10.80.0.1/24\",", "[\"10.80.0.256/24\",",
	    "sallyport.cfg:7: port 'front0': element 1 of 'addresses': '10.80.0.256/24' "
	    "is not an IPv4 or IPv6 address\n" },
	{ "address_with_zone", "\"fd80::1/64\"]", "\"fe80::1%eth0/64\"]",
	    "sallyport.cfg:7: port 'front0': element 2 of 'addresses': 'fe80::1%eth0/64' "
	    "has a zone id; addresses here belong to a port by their subnet: leave it "
	    "out\n" },
	{ "address_v4_mapped", "[\"10.80.0.1/24\",", "[\"::ffff:10.80.0.1/120\",",
	    "sallyport.cfg:7: port 'front0': element 1 of 'addresses': "
	    "'::ffff:10.80.0.1/120' is an IPv4 address in IPv6 form; write it as "
	    "a.b.c.d\n" },
	{ "addresses_too_many", "[\"10.80.0.1/24\",",
	    "[\"10.80.0.1/24\", \"10.80.0.2/24\", \"10.80.0.3/24\", \"10.80.0.4/24\", "
	    "\"10.80.0.5/24\", \"10.80.0.6/24\", \"10.80.0.7/24\", \"10.80.0.8/24\", "
	    "\"10.80.0.9/24\", \"10.80.0.10/24\", \"10.80.0.11/24\", \"10.80.0.12/24\", "
	    "\"10.80.0.13/24\", \"10.80.0.14/24\", \"10.80.0.15/24\", \"10.80.0.16/24\",",
	    "sallyport.cfg:7: port 'front0': 'addresses' has 17 elements; at most 16 are "
	    "allowed\n" },
	{ "mtu_small", "mtu = 1500", "mtu = 1279",
	    "sallyport.cfg:8: port 'front0': 'mtu' is 1279, which is not in 1280..9000\n" },
	{ "mtu_large", "mtu = 1500", "mtu = 9001",
	    "sallyport.cfg:8: port 'front0': 'mtu' is 9001, which is not in 1280..9000\n" },
	{ "vlan_reserved", "vlan = 7", "vlan = 4095",
	    "sallyport.cfg:8: port 'front0': 'vlan' is 4095, which is not in 0..4094\n" },
	{ "offloads_integer", "offloads = false", "offloads = 1",
	    "sallyport.cfg:8: port 'front0': 'offloads' must be true or false, not an "
	    "integer\n" },
	{ "promiscuous_string", "offloads = false", "promiscuous = \"on\"",
	    "sallyport.cfg:8: port 'front0': 'promiscuous' must be true or false, not a "
	    "string\n" },
	{ "rx_descriptors_large", "offloads = false", "rx_descriptors = 32769",
	    "sallyport.cfg:8: port 'front0': 'rx_descriptors' is 32769, which is not in "
	    "0..32768\n" },
	{ "tx_descriptors_negative", "offloads = false", "tx_descriptors = -1",
	    "sallyport.cfg:8: port 'front0': 'tx_descriptors' is -1, which is not in "
	    "0..32768\n" },
	{ "flow_control_bool", "offloads = false", "flow_control = true",
	    "sallyport.cfg:8: port 'front0': 'flow_control' must be a string, not true or false\n" },
	{ "flow_control_unknown", "offloads = false", "flow_control = \"rx\"",
	    "sallyport.cfg:8: port 'front0': 'flow_control' is 'rx'; it must be \"keep\", "
	    "\"off\" or \"on\"\n" },
	{ "route_without_via", "via = \"10.81.0.254\"; ", "",
	    "sallyport.cfg:12: port 'back0': route 1: 'via' is missing\n" },
	{ "route_to_without_prefix", "\"10.90.0.0/16\"", "\"10.90.0.0\"",
	    "sallyport.cfg:12: port 'back0': route 1: 'to': '10.90.0.0' has no prefix "
	    "length; write it as in 10.80.0.1/24 or fd80::1/64\n" },
	{ "route_via_with_prefix", "\"10.81.0.254\"", "\"10.81.0.254/24\"",
	    "sallyport.cfg:12: port 'back0': route 1: 'via': '10.81.0.254/24' is not an "
	    "IPv4 or IPv6 address\n" },
	{ "certificate_chain_missing", "chain = \"www.pem\";", "",
	    "sallyport.cfg:14: certificate 'www': 'chain' is missing\n" },
	{ "certificate_chain_not_there", "\"www.pem\"", "\"nowhere.pem\"",
	    "sallyport.cfg:14: certificate 'www': cannot read 'chain' nowhere.pem: No "
	    "such file or directory\n" },
	{ "certificate_key_not_there", "\"www.key\"", "\"nowhere/www.key\"",
	    "sallyport.cfg:15: certificate 'www': cannot read 'key' nowhere/www.key: No "
	    "such file or directory\n" },
	{ "certificate_key_a_folder", "\"www.key\"", "\".\"",
	    "sallyport.cfg:15: certificate 'www': cannot read 'key' .: Is a directory\n" },
	{ "certificate_key_a_device", "\"www.key\"", "\"/dev/null\"",
	    "sallyport.cfg:15: certificate 'www': cannot read 'key' /dev/null: not a "
	    "regular file\n" },
	{ "certificate_path_too_long", "\"www.key\"", "\"" R4096("k") "\"",
	    "sallyport.cfg:15: certificate 'www': 'key' has 4096 bytes; at most 4095 are "
	    "allowed\n" },
	{ "certificate_names_empty", "[\"api.lab.test\"]", "[]",
	    "sallyport.cfg:17: certificate 'api': 'names' is empty; it needs at least 1 "
	    "element\n" },
	{ "certificate_name_empty", "[\"api.lab.test\"]", "[\"\"]",
	    "sallyport.cfg:17: certificate 'api': element 1 of 'names' is an empty "
	    "string\n" },
	{ "certificates_dangling_near", "certificates = [\"api\"]", "certificates = [\"aip\"]",
	    "sallyport.cfg:30: listener 'https': element 1 of 'certificates' names "
	    "certificate 'aip', which is not defined; did you mean 'api'?\n" },
	{ "certificates_dangling_far", "certificates = [\"api\"]",
	    "certificates = [\"something-else\"]",
	    "sallyport.cfg:30: listener 'https': element 1 of 'certificates' names "
	    "certificate 'something-else', which is not defined\n" },
	{ "certificates_not_a_list", "certificates = [\"api\"]", "certificates = 4",
	    "sallyport.cfg:30: listener 'https': 'certificates' must be an array [ ], "
	    "not an integer\n" },
	{ "certificate_as_string_is_fine", "certificates = [\"api\"]", "certificates = \"api\"",
	    "" },
	{ "default_certificate_empty", "[\"www\"]", "[]",
	    "sallyport.cfg:29: listener 'https': 'default_certificate' is empty; it "
	    "needs at least 1 element\n" },
	{ "default_certificate_missing", "    default_certificate = [\"www\"];\n", "",
	    "sallyport.cfg:25: listener 'https': 'default_certificate' is missing\n" },
	{ "backend_targets_empty",
	    "(\n"
	    "      { address = \"10.81.0.2:8080\"; weight = 3; },\n"
	    "      { address = \"[fd81::2]:8080\"; } );",
	    "( );",
	    "sallyport.cfg:20: backend 'app': 'targets' is empty; it needs at least 1 "
	    "element\n" },
	{ "backend_targets_an_array",
	    "(\n"
	    "      { address = \"10.81.0.2:8080\"; weight = 3; },\n"
	    "      { address = \"[fd81::2]:8080\"; } );",
	    "[\"10.81.0.2:8080\"];",
	    "sallyport.cfg:20: backend 'app': 'targets' must be a list of groups { }; "
	    "element 1 is a string\n" },
	{ "target_address_missing", "address = \"10.81.0.2:8080\"; ", "",
	    "sallyport.cfg:21: backend 'app': target 1: 'address' is missing\n" },
	{ "target_without_port", "\"10.81.0.2:8080\"", "\"10.81.0.2\"",
	    "sallyport.cfg:21: backend 'app': target 1: 'address': '10.81.0.2' has no "
	    "port; write it as in 10.80.0.1:443\n" },
	{ "target_port_zero", "\"10.81.0.2:8080\"", "\"10.81.0.2:0\"",
	    "sallyport.cfg:21: backend 'app': target 1: 'address': '10.81.0.2:0' has a "
	    "port that is not in 1..65535\n" },
	{ "target_port_large", "\"10.81.0.2:8080\"", "\"10.81.0.2:65536\"",
	    "sallyport.cfg:21: backend 'app': target 1: 'address': '10.81.0.2:65536' has "
	    "a port that is not in 1..65535\n" },
	{ "target_host_name", "\"10.81.0.2:8080\"", "\"backend.lab.test:8080\"",
	    "sallyport.cfg:21: backend 'app': target 1: 'address': "
	    "'backend.lab.test:8080' is not an IPv4 or IPv6 address\n" },
	{ "target6_without_brackets", "\"[fd81::2]:8080\"", "\"fd81::2:8080\"",
	    "sallyport.cfg:22: backend 'app': target 2: 'address': 'fd81::2:8080' needs "
	    "brackets around its IPv6 address, as in [fd80::1]:443\n" },
	{ "target6_zone", "\"[fd81::2]:8080\"", "\"[fe80::2%2]:8080\"",
	    "sallyport.cfg:22: backend 'app': target 2: 'address': '[fe80::2%2]:8080' "
	    "has a zone id; addresses here belong to a port by their subnet: leave it "
	    "out\n" },
	{ "weight_negative", "weight = 3", "weight = -1",
	    "sallyport.cfg:21: backend 'app': target 1: 'weight' is -1, which is not in "
	    "0..256\n" },
	{ "weight_large", "weight = 3", "weight = 257",
	    "sallyport.cfg:21: backend 'app': target 1: 'weight' is 257, which is not in "
	    "0..256\n" },
	{ "weight_float", "weight = 3", "weight = 0.5",
	    "sallyport.cfg:21: backend 'app': target 1: 'weight' must be an integer, not "
	    "a floating-point number\n" },
	{ "target_list_with_a_string", "{ address = \"[fd81::2]:8080\"; }", "\"[fd81::2]:8080\"",
	    "sallyport.cfg:22: backend 'app': 'targets' must be a list of groups { }; "
	    "element 2 is a string\n" },
	{ "limits_below_nothing", "idle_timeout = 60;",
	    "idle_timeout = 60; handshakes_per_second = -1;",
	    "sallyport.cfg:33: listener 'https': limits: 'handshakes_per_second' is -1, which is "
	    "not in 0..10000000\n" },
	{ "limits_of_sources_unknown", "idle_timeout = 60;",
	    "idle_timeout = 60; per_source = { handshakes = 1; };",
	    "sallyport.cfg:33: listener 'https': limits: per_source: unknown key 'handshakes'; "
	    "there are: handshakes_per_second, handshakes_at_once\n" },
	{ "limits_reserved_for_nobody", "idle_timeout = 60;",
	    "idle_timeout = 60; reserved = { share = 10; };",
	    "sallyport.cfg:33: listener 'https': limits: reserved: 'sources' is missing\n" },
	{ "limits_reserved_without_prefix", "idle_timeout = 60;",
	    "idle_timeout = 60; reserved = { sources = [\"10.0.0.1\"]; };",
	    "sallyport.cfg:33: listener 'https': limits: reserved: element 1 of 'sources': "
	    "'10.0.0.1' has no prefix length; write it as in 10.80.0.1/24 or fd80::1/64\n" },
	{ "limits_all_reserved", "idle_timeout = 60;",
	    "idle_timeout = 60; reserved = { sources = [\"10.0.0.0/8\"]; share = 91; };",
	    "sallyport.cfg:33: listener 'https': limits: reserved: 'share' is 91, which is not in "
	    "1..90\n" },
	{ "proxy_without_version", "connect_timeout = 2.5",
	    "connect_timeout = 2.5; proxy_protocol = { tlvs = [\"ssl\"]; }",
	    "sallyport.cfg:23: backend 'app': proxy_protocol: 'version' is missing\n" },
	{ "proxy_version_3", "connect_timeout = 2.5",
	    "connect_timeout = 2.5; proxy_protocol = { version = 3; }",
	    "sallyport.cfg:23: backend 'app': proxy_protocol: 'version' is 3, which is not in "
	    "1..2\n" },
	{ "proxy_unknown_tlv", "connect_timeout = 2.5",
	    "connect_timeout = 2.5; proxy_protocol = { version = 2; tlvs = [\"ssl\", \"sni\"]; }",
	    "sallyport.cfg:23: backend 'app': proxy_protocol: element 2 of 'tlvs' is 'sni'; it must "
	    "be alpn, authority, ssl, client_cert, unique_id, netns or crc32c\n" },
	{ "proxy_from_nobody", "sni_strict = true;",
	    "sni_strict = true; proxy_protocol = { from = []; };",
	    "sallyport.cfg:31: listener 'https': proxy_protocol: 'from' is empty; it needs at least "
	    "1 element\n" },
	{ "proxy_from_missing", "sni_strict = true;", "sni_strict = true; proxy_protocol = { };",
	    "sallyport.cfg:31: listener 'https': proxy_protocol: 'from' is missing\n" },
	{ "proxy_from_without_prefix", "sni_strict = true;",
	    "sni_strict = true; proxy_protocol = { from = [\"10.0.0.1\"]; };",
	    "sallyport.cfg:31: listener 'https': proxy_protocol: element 1 of 'from': '10.0.0.1' has "
	    "no prefix length; write it as in 10.80.0.1/24 or fd80::1/64\n" },
	{ "proxy_others", "sni_strict = true;",
	    "sni_strict = true; proxy_protocol = { from = [\"10.0.0.0/8\"]; others = \"drop\"; };",
	    "sallyport.cfg:31: listener 'https': proxy_protocol: 'others' is 'drop'; it must be "
	    "\"refuse\" or \"serve\"\n" },
	{ "proxy_timeout", "sni_strict = true;",
	    "sni_strict = true; proxy_protocol = { from = [\"10.0.0.0/8\"]; timeout = 0; };",
	    "sallyport.cfg:31: listener 'https': proxy_protocol: 'timeout' is 0 seconds; it must be "
	    "at least 0.001 and less than 86400\n" },
	{ "connect_timeout_negative", "connect_timeout = 2.5", "connect_timeout = -2.5",
	    "sallyport.cfg:23: backend 'app': 'connect_timeout' is -2.5 seconds; it must "
	    "be at least 0.001 and less than 86400\n" },
	{ "backend_dangling", "backend = \"app\"", "backend = \"ap\"",
	    "sallyport.cfg:32: listener 'https': 'backend' names backend 'ap', which is "
	    "not defined\n" },
	{ "backend_missing", "    backend = \"app\";\n", "",
	    "sallyport.cfg:25: listener 'https': 'backend' is missing\n" },
	{ "bind_missing", "bind = [\"10.80.0.1:443\", \"[fd80::1]:443\"];", "",
	    "sallyport.cfg:25: listener 'https': 'bind' is missing\n" },
	{ "bind_empty", "[\"10.80.0.1:443\", \"[fd80::1]:443\"]", "[]",
	    "sallyport.cfg:26: listener 'https': 'bind' is empty; it needs at least 1 "
	    "element\n" },
	{ "bind_without_port", "\"10.80.0.1:443\"", "\"10.80.0.1\"",
	    "sallyport.cfg:26: listener 'https': element 1 of 'bind': '10.80.0.1' has no "
	    "port; write it as in 10.80.0.1:443\n" },
	{ "bind_bracket_unclosed", "\"[fd80::1]:443\"", "\"[fd80::1:443\"",
	    "sallyport.cfg:26: listener 'https': element 2 of 'bind': '[fd80::1:443' has "
	    "a '[' without ']'\n" },
	{ "bind_brackets_around_ipv4", "\"10.80.0.1:443\"", "\"[10.80.0.1]:443\"",
	    "sallyport.cfg:26: listener 'https': element 1 of 'bind': '[10.80.0.1]:443' "
	    "has brackets around an IPv4 address; write it as in 10.80.0.1:443\n" },
	{ "bind_element_not_a_string", "[\"10.80.0.1:443\", \"[fd80::1]:443\"]",
	    "(\"10.80.0.1:443\", 443)",
	    "sallyport.cfg:26: listener 'https': element 2 of 'bind' must be a string, "
	    "not an integer\n" },
	{ "protocol_unknown", "protocol = \"tls\"", "protocol = \"udp\"",
	    "sallyport.cfg:27: listener 'https': 'protocol' is 'udp'; it must be \"tls\" or "
	    "\"tcp\"\n" },
	{ "policy_wrong_type", "policy = \"corp\"", "policy = { }",
	    "sallyport.cfg:28: listener 'https': 'policy' must be a string, not a group "
	    "{ }\n" },
	{ "tickets_wrong", "eal = [ \"--no-pci\" ];",
	    "eal = [ \"--no-pci\" ]; tickets = { rotate = 30; keep = 17; lifetime = 0; };",
	    "sallyport.cfg:3: tickets: 'rotate' must be a number of seconds from 60 to 604800, or 0\n"
	    "sallyport.cfg:3: tickets: 'keep' is 17, which is not in 1..16\n"
	    "sallyport.cfg:3: tickets: 'lifetime' must be a number of seconds from 60 to 604800\n" },
	{ "tickets_types", "eal = [ \"--no-pci\" ];",
	    "eal = [ \"--no-pci\" ]; tickets = { rotate = \"1h\"; lifetime = [60]; key_file = 1; };",
	    "sallyport.cfg:3: tickets: 'key_file' must be a string, not an integer\n"
	    "sallyport.cfg:3: tickets: 'rotate' must be a number of seconds from 60 to 604800, or 0\n"
	    "sallyport.cfg:3: tickets: 'lifetime' must be a number of seconds from 60 to 604800\n" },
	{ "tickets_too_long", "eal = [ \"--no-pci\" ];",
	    "eal = [ \"--no-pci\" ]; tickets = { rotate = 604801.0; lifetime = 1e300; };",
	    "sallyport.cfg:3: tickets: 'rotate' must be a number of seconds from 60 to 604800, or 0\n"
	    "sallyport.cfg:3: tickets: 'lifetime' must be a number of seconds from 60 to 604800\n" },
	{ "certificate_extras_wrong", "names = [\"api.lab.test\"];",
	    "force = 1; passphrase_file = \"nowhere\"; ocsp = false;",
	    "sallyport.cfg:17: certificate 'api': cannot read 'passphrase_file' nowhere: No such file "
	    "or directory\n"
	    "sallyport.cfg:17: certificate 'api': 'ocsp' must be a string, not true or false\n"
	    "sallyport.cfg:17: certificate 'api': 'force' must be true or false, not an integer\n" },
	{ "sni_strict_string", "sni_strict = true", "sni_strict = \"yes\"",
	    "sallyport.cfg:31: listener 'https': 'sni_strict' must be true or false, not "
	    "a string\n" },
	{ "alpn_empty_string", "\"h2\", ", "\"\", ",
	    "sallyport.cfg:31: listener 'https': element 1 of 'alpn' is an empty string\n" },
	{ "alpn_too_long", "\"h2\", ", "\"" R128("h") R128("h") "\", ",
	    "sallyport.cfg:31: listener 'https': element 1 of 'alpn' has 256 bytes; at "
	    "most 255 are allowed\n" },
	{ "alpn_255_is_fine", "\"h2\", ",
	    "\"" R128("h") R64("h") R32("h") R16("h") R8("h") R4("h") R2("h") "h"
									      "\", ",
	    "" },
	{ "alpn_control_character", "\"h2\", ", "\"h\\n2\", ",
	    "sallyport.cfg:31: listener 'https': element 1 of 'alpn' has a control "
	    "character (0x0a) in it\n" },
	{ "alpn_nul", "\"h2\", ", "\"h\\x002\", ",
	    "sallyport.cfg:31: \"\\x00\" cannot be part of a string; remove it\n" },
	{ "limits_a_list", "{ handshake_timeout = 1.5; idle_timeout = 60; }", "( )",
	    "sallyport.cfg:33: listener 'https': 'limits' must be a group { }, not a "
	    "list ( )\n" },
	{ "handshake_timeout_tiny", "handshake_timeout = 1.5", "handshake_timeout = 0.0001",
	    "sallyport.cfg:33: listener 'https': limits: 'handshake_timeout' is 0.0001 "
	    "seconds; it must be at least 0.001 and less than 86400\n" },
	{ "listener_name_too_long", "{ name = \"https\"",
	    "{ name = \"" R128("n") "n"
				    "\"",
	    "sallyport.cfg:25: listener '" R128(
		"n") "': 'name' has 129 bytes; at most 128 are allowed\n" },
	{ "setting_twice", "backend = \"app\";", "backend = \"app\"; backend = \"app\";",
	    "sallyport.cfg:32: duplicate setting name; one group has the same key twice, "
	    "remove one\n" },
	{ "syntax_error", "weight = 3", "weight = = 3",
	    "sallyport.cfg:21: syntax error; look for a missing or surplus bracket, '=', "
	    "',' or quote here or just before\n" },
	{ "syntax_mixed_array", "[\"h2\", \"http/1.1\"]", "[\"h2\", 1]",
	    "sallyport.cfg:31: mismatched element type in array; all elements of an "
	    "array [ ] must be of one type\n" },
	{ "trailing_comma_in_list", "{ address = \"[fd81::2]:8080\"; } )",
	    "{ address = \"[fd81::2]:8080\"; },\n"
	    "  )",
	    "sallyport.cfg:22: remove the comma before ')': nothing follows it\n" },
	{ "trailing_comma_in_array", "[\"api.lab.test\"]", "[\"api.lab.test\", ]",
	    "sallyport.cfg:17: remove the comma before ']': nothing follows it\n" },
	{ "many_mistakes_one_run",
	    "{ handshake_timeout = 1.5; idle_timeout = 60; };\n"
	    "  } );",
	    "{ handshake_timeout = 0; idle_timeout = -1; };\n"
	    "  },\n"
	    "  { name = \"second\"; bind = [\"10.80.0.9:443\"]; protocol = \"quic\"; "
	    "port = 443;\n"
	    "    default_certificate = \"wwww\"; backend = \"none\"; alpn = [1]; } );",
	    "sallyport.cfg:33: listener 'https': limits: 'handshake_timeout' is 0 "
	    "seconds; it must be at least 0.001 and less than 86400\n"
	    "sallyport.cfg:33: listener 'https': limits: 'idle_timeout' is -1 seconds; "
	    "it must be at least 0.001 and less than 86400\n"
	    "sallyport.cfg:35: listener 'second': unknown key 'port'; there are: name, "
	    "bind, protocol, policy, default_certificate, certificates, sni_strict, sni, mtls, tickets, "
	    "alpn, backend, routes, proxy_protocol, limits\n"
	    "sallyport.cfg:35: listener 'second': 'protocol' is 'quic'; it must be \"tls\" or "
	    "\"tcp\"\n"
	    "sallyport.cfg:36: listener 'second': 'default_certificate' names "
	    "certificate 'wwww', which is not defined; did you mean 'www'?\n"
	    "sallyport.cfg:36: listener 'second': element 1 of 'alpn' must be a string, "
	    "not an integer\n"
	    "sallyport.cfg:36: listener 'second': 'backend' names backend 'none', which "
	    "is not defined\n"
	    "sallyport.cfg:35: listener 'second': no port owns bind 10.80.0.9:443; add "
	    "it to the addresses of port 'front0'\n" },
};

int main(void)
{
	return config_text_run("config_load", cases, sizeof(cases) / sizeof(cases[0]), NULL, 0);
}
