/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;
static struct net_route route(const char *to, uint8_t prefix, const char *via)
{
	bool v6 = strchr(to, ':') != NULL;

	return (
	    struct net_route){ v6 ? addr6(to) : addr4(to), prefix, v6 ? addr6(via) : addr4(via) };
}

static void extra_routes(struct fixture *fx)
{
	net_free(fx->net);
	fx->ifaces[1].routes[0] = route("172.16.0.0", 96 + 12, "10.1.0.50");
	fx->ifaces[1].routes[1] = route("172.16.9.0", 96 + 24, "10.1.0.51");
	fx->ifaces[1].routes[2] = route("172.16.9.9", 128, "10.1.0.52");
	fx->ifaces[1].routes[3] = route("0.0.0.0", 96, "10.1.0.254");
	fx->ifaces[1].routes[4] = route("2001:db8::", 33, "fd01::51");
	fx->ifaces[1].routes[5] = route("2001:db8:1::", 48, "fe80::52");
	fx->ifaces[1].n_routes = 6;
	fixture_net(fx);
}

/* The next hop as text towards remote, from local or, NULL, from anywhere. */
static const char *hop(struct fixture *fx, const char *remote, const char *local)
{
	static char text[64];
	bool v6 = strchr(remote, ':') != NULL;
	struct ip_addr r = v6 ? addr6(remote) : addr4(remote), l = { .q = { 0, 0 } };
	struct net_dst dst;

	if (local != NULL)
		l = v6 ? addr6(local) : addr4(local);
	if (!net_route(fx->net, &l, &r, &dst))
		return "none";
	assert_true(net_is_local(fx->net, &l, NULL));
	assert_int_equal(dst.generation, net_generation(fx->net));
	assert_int_equal(dst.iface, dst.l2_len == 18); /* iface 1 is the tagged one */
	assert_int_equal(dst.l3_len, v6 ? 40 : 20);
	assert_non_null(ip_addr_is_v4(&dst.next_hop)
		? inet_ntop(AF_INET, &dst.next_hop.w[3], text, sizeof(text))
		: inet_ntop(AF_INET6, dst.next_hop.b, text, sizeof(text)));
	return text;
}

static void route_longest_prefix(void **state)
{
	struct fixture *fx = *state;

	extra_routes(fx);
	assert_string_equal(hop(fx, "10.0.0.77", NULL), "10.0.0.77");
	assert_string_equal(hop(fx, "10.1.0.77", NULL), "10.1.0.77");
	assert_string_equal(hop(fx, "172.16.0.1", NULL), "10.1.0.50");
	assert_string_equal(hop(fx, "172.31.255.255", NULL), "10.1.0.50");
	assert_string_equal(hop(fx, "172.32.0.0", "10.0.0.1"), "10.0.0.254");
	assert_string_equal(hop(fx, "172.16.9.8", NULL), "10.1.0.51");
	assert_string_equal(hop(fx, "172.16.9.9", "10.0.0.1"), "10.1.0.52");
	assert_string_equal(hop(fx, "fd00::77", NULL), "fd00::77");
	assert_string_equal(hop(fx, "2001:db8:1::1", NULL), "fe80::52");
	assert_string_equal(hop(fx, "2001:db8:7fff::1", NULL), "fd01::51");
	assert_string_equal(hop(fx, "2001:db8:8000::1", NULL), "fd00::fe");
	assert_string_equal(hop(fx, "2600::1", NULL), "fd00::fe");
}

/* Of two default routes the one on the local address's iface. */
static void route_equal_prefixes(void **state)
{
	struct fixture *fx = *state;

	extra_routes(fx);
	assert_string_equal(hop(fx, "8.8.8.8", "10.0.0.1"), "10.0.0.254");
	assert_string_equal(hop(fx, "8.8.8.8", "10.1.0.1"), "10.1.0.254");
	assert_string_equal(hop(fx, "2600::1", "fd01::1"), "fd00::fe"); /* there is only one */
}

static void route_none(void **state)
{
	struct fixture *fx = *state;

	net_free(fx->net);
	fx->ifaces[0].routes[0] = fx->ifaces[0].routes[1]; /* ::/0 must not carry IPv4 */
	fx->ifaces[0].n_routes = 1;
	fixture_net(fx);
	assert_string_equal(hop(fx, "8.8.8.8", "10.0.0.1"), "none");
	assert_string_equal(hop(fx, "2600::1", NULL), "fd00::fe");
	assert_string_equal(hop(fx, "10.0.0.1", NULL), "none");
	assert_string_equal(hop(fx, "10.0.0.255", NULL), "none");
	assert_string_equal(hop(fx, "10.1.0.0", NULL), "none");
	assert_string_equal(hop(fx, "ff02::1", NULL), "none");
	assert_string_equal(hop(fx, "::", NULL), "none");
}

static const char *source(struct fixture *fx, const char *remote)
{
	static char text[64];
	bool v6 = strchr(remote, ':') != NULL;
	struct ip_addr r = v6 ? addr6(remote) : addr4(remote), l = { .q = { 0, 0 } };
	struct net_dst dst;

	assert_true(net_route(fx->net, &l, &r, &dst));
	assert_non_null(v6 ? inet_ntop(AF_INET6, l.b, text, sizeof(text))
			   : inet_ntop(AF_INET, &l.w[3], text, sizeof(text)));
	return text;
}

/* RFC 6724: the outgoing iface's, of the same scope, closest to the next hop. */
static void route_source_choice(void **state)
{
	struct fixture *fx = *state;

	fx->ifaces[0].addresses[3] = (struct net_addr){ addr6("2001:db8:5::1"), 64 };
	fx->ifaces[0].addresses[4] = (struct net_addr){ addr4("192.168.7.1"), 120 };
	fx->ifaces[0].n_addresses = 5;
	extra_routes(fx);
	assert_string_equal(source(fx, "10.0.0.9"), "10.0.0.1");
	assert_string_equal(source(fx, "192.168.7.9"), "192.168.7.1");
	assert_string_equal(source(fx, "10.1.0.9"), "10.1.0.1");
	assert_string_equal(source(fx, "172.16.0.9"), "10.1.0.1");
	assert_string_equal(source(fx, "fd00::9"), "fd00::1");
	assert_string_equal(source(fx, "2001:db8:5::9"), "2001:db8:5::1");
	/* By a router's link-local address: not our link-local one. */
	assert_string_equal(source(fx, "2001:db8:1::1"), "fd01::1");
	assert_string_equal(source(fx, "fe80::9"), "fe80::ff:fe00:1");
}

static void route_link_local_follows_local(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr r = addr6("fe80::9"), l = addr6("fe80::ff:fe00:11");
	struct net_dst dst;

	assert_true(net_route(fx->net, &l, &r, &dst));
	assert_int_equal(dst.iface, 1);
	assert_true(ip_addr_eq(&dst.next_hop, &r));
}

/* A /31 has two hosts and no broadcast address (RFC 3021), a /32 only itself. */
static void route_31_and_32(void **state)
{
	struct fixture *fx = *state;

	net_free(fx->net);
	fx->ifaces[0].addresses[0] = (struct net_addr){ addr4("192.0.2.1"), 127 };
	fx->ifaces[0].addresses[1] = (struct net_addr){ addr4("192.0.2.8"), 128 };
	fx->ifaces[0].n_routes = 0;
	fixture_net(fx);
	assert_string_equal(hop(fx, "192.0.2.0", NULL), "192.0.2.0");
	assert_string_equal(hop(fx, "192.0.2.2", NULL), "none");
	assert_string_equal(hop(fx, "192.0.2.9", NULL), "none");
	frame_eth(&f, mac_us, mac_peer, 0x800);
	frame_ip4(&f, "192.0.2.0", "192.0.2.1", PROTO_TCP);
	frame_tcp(&f, 1, 2, 3);
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TCP);
}

static void route_is_local(void **state)
{
	struct fixture *fx = *state;
	const char *ours[] = { "fd00::1", "fd01::1", "fe80::ff:fe00:1", "fe80::ff:fe00:11" };
	struct ip_addr a;
	uint16_t iface = 99;

	a = addr4("10.0.0.2");
	assert_true(net_is_local(fx->net, &a, &iface));
	assert_int_equal(iface, 0);
	a = addr4("10.1.0.1");
	assert_true(net_is_local(fx->net, &a, &iface));
	assert_int_equal(iface, 1);
	assert_true(net_is_local(fx->net, &a, NULL));
	for (unsigned i = 0; i < 4; i++) {
		a = addr6(ours[i]);
		assert_true(net_is_local(fx->net, &a, &iface));
		assert_int_equal(iface, i & 1);
	}
	iface = 99;
	a = addr4("10.0.0.3");
	assert_false(net_is_local(fx->net, &a, &iface));
	assert_int_equal(iface, 99);
	assert_int_equal(net_n_ifaces(fx->net), 2);
	assert_int_equal(net_iface(fx->net, 1)->vlan, 7);
}

static void net_new_refuses_nonsense(void **state)
{
	struct fixture *fx = *state;
	struct net_config c = fx->config;

	c.n_ifaces = 0;
	assert_null(net_new(&c));
	c.n_ifaces = NET_MAX_IFACES + 1;
	assert_null(net_new(&c));
	c.n_ifaces = 1;
	fx->ifaces[0].n_addresses = NET_MAX_ADDRESSES + 1;
	assert_null(net_new(&c));
	fx->ifaces[0].n_addresses = 1;
	fx->ifaces[0].n_routes = NET_MAX_ROUTES + 1;
	assert_null(net_new(&c));
	net_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(route_longest_prefix),
		T(route_equal_prefixes),
		T(route_none),
		T(route_source_choice),
		T(route_link_local_follows_local),
		T(route_31_and_32),
		T(route_is_local),
		T(net_new_refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
