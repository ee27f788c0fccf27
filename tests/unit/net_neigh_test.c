/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;
#define SECOND      1000000ull
#define NEIGH_QUEUE 8

/* Starts with everybody announced and the routers known, so that only the test's own frames are seen. */
static void settle(struct fixture *fx)
{
	net_timers(fx->net, fx->now_us, 10000);
	resolve4(fx, "10.0.0.254", mac_router);
	resolve6(fx, "fd00::fe", mac_router);
	advance(fx, 3 * SECOND);
	take_all(fx);
}

static void send4(struct fixture *fx, const char *to)
{
	struct ip_addr us = addr4("10.0.0.1"), remote = addr4(to);
	struct flow flow = { .local = us, .remote = remote };
	struct net_dst dst = { 0 };

	net_send_tcp(fx->net, &dst, &flow, segment(fx, 1, 2, 0), 0, fx->now_us);
}

struct seen {
	unsigned asked_all, asked_one, tcp;
};

/* What went out, but for questions about the router, which come by themselves. */
static struct seen look(struct fixture *fx)
{
	const struct wire_arp *arp = (const void *)(f.b + 14);
	struct seen s = { 0 };

	while (take(fx, &f, NULL)) {
		if (f.b[13] == 6 && arp->target_ip == addr4("10.0.0.254").w[3])
			continue;
		if (f.b[12] == 8 && f.b[13] == 6) {
			s.asked_all += memcmp(f.b, mac_all, 6) == 0;
			s.asked_one += memcmp(f.b, mac_all, 6) != 0;
		} else if (f.b[23] == 6) {
			s.tcp++;
		}
	}
	return s;
}

/* RFC 1122 2.3.2.2: the latest packets are kept, and sent in order. */
static void neigh_asking_keeps_latest(void **state)
{
	struct fixture *fx = *state;
	struct seen s;

	settle(fx);
	for (unsigned i = 0; i < NEIGH_QUEUE + 5; i++) {
		struct ip_addr us = addr4("10.0.0.1"), remote = addr4("10.0.0.9");
		struct flow flow = { .local = us, .remote = remote };
		struct net_dst dst = { 0 };

		net_send_tcp(fx->net, &dst, &flow, segment(fx, (uint16_t)i, 2, 0), 0, fx->now_us);
	}
	s = look(fx);
	assert_int_equal(s.asked_all, 1);
	assert_int_equal(s.tcp, 0);
	assert_stat(fx, DROP_NEIGH_QUEUE, 5);
	resolve4(fx, "10.0.0.9", mac_peer);
	for (unsigned i = 0; i < NEIGH_QUEUE; i++) {
		assert_true(take(fx, &f, NULL));
		assert_memory_equal(f.b, mac_peer, 6);
		assert_int_equal(f.b[34] << 8 | f.b[35], i + 5);
	}
	assert_false(take(fx, &f, NULL));
}

/* Three questions a second apart, then the packets go, then a hold-down that doubles. */
static void neigh_asking_fails(void **state)
{
	struct fixture *fx = *state;
	struct seen s;

	net_free(fx->net);
	fx->ifaces[0].n_routes = 0; /* routers fail on their own */
	fixture_net(fx);
	settle(fx);
	for (unsigned hold = 1; hold <= 16; hold *= 2) {
		send4(fx, "10.0.0.9");
		s = look(fx);
		assert_int_equal(s.asked_all, 1);
		advance(fx, SECOND * 19 / 10);
		s = look(fx);
		assert_int_equal(s.asked_all, 1);
		send4(fx, "10.0.0.9");
		advance(fx, SECOND * 15 / 10);
		s = look(fx);
		assert_int_equal(s.asked_all, 1);
		assert_int_equal(s.tcp, 0);
		/* Failed: in the hold-down nothing is asked and nothing waits. */
		send4(fx, "10.0.0.9");
		assert_int_equal(look(fx).asked_all, 0);
		advance(fx, (hold < 8 ? hold : 8) * SECOND);
	}
	assert_stat(fx, NEIGH_FAILED, 5);
	assert_stat(fx, DROP_NEIGH_UNRESOLVED, 15);
	/* An answer after all ends the back-off. */
	resolve4(fx, "10.0.0.9", mac_peer);
	send4(fx, "10.0.0.9");
	assert_int_equal(look(fx).tcp, 1);
}

/* An entry in use is probed by unicast before it expires: no packet ever waits. */
static void neigh_reachable_in_use_is_refreshed(void **state)
{
	struct fixture *fx = *state;
	unsigned probes = 0;
	struct seen s;

	settle(fx);
	resolve4(fx, "10.0.0.9", mac_peer);
	resolve4(fx, "10.0.0.254", mac_router);
	for (unsigned i = 0; i < 1200; i++) {
		send4(fx, "10.0.0.9");
		advance(fx, SECOND / 10);
		while (take(fx, &f, NULL)) {
			if (f.b[12] == 8 && f.b[13] == 6) {
				assert_memory_not_equal(f.b, mac_all, 6);
				if (memcmp(f.b, mac_peer, 6) == 0)
					probes++;
				resolve4(fx,
				    memcmp(f.b, mac_peer, 6) == 0 ? "10.0.0.9" : "10.0.0.254",
				    memcmp(f.b, mac_peer, 6) == 0 ? mac_peer : mac_router);
			}
		}
	}
	assert_in_range(probes, 4, 6); /* 120 s, every 25 s */
	assert_stat(fx, DROP_NEIGH_UNRESOLVED, 0);
	send4(fx, "10.0.0.9");
	s = look(fx);
	assert_int_equal(s.tcp, 1);
}

/* Not in use: no probes, and after ten minutes no entry. Used again before: one probe. */
static void neigh_stale(void **state)
{
	struct fixture *fx = *state;
	struct seen s;

	settle(fx);
	resolve4(fx, "10.0.0.9", mac_peer);
	send4(fx, "10.0.0.9");
	resolve4(fx, "10.0.0.9", mac_peer);
	look(fx);
	advance(fx, 100 * SECOND);
	s = look(fx);
	assert_int_equal(s.asked_one + s.asked_all + s.tcp, 0);
	send4(fx, "10.0.0.9");
	assert_int_equal(look(fx).tcp, 1); /* at once, by the old MAC */
	advance(fx, SECOND / 2);
	assert_int_equal(look(fx).asked_one, 1);
	resolve4(fx, "10.0.0.9", mac_peer);
	for (unsigned i = 0; i < 64; i++) {
		advance(fx, 10 * SECOND);
		take_all(fx);
	}
	send4(fx, "10.0.0.9");
	assert_int_equal(look(fx).asked_all, 1);
}

/* A neighbour that went away: unicast probes, then everybody is asked, then packets are dropped. */
static void neigh_probe_fails(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr4("10.0.0.1"), peer = addr4("10.0.0.9");
	struct net_dst dst = { 0 };
	struct seen s = { 0 }, t;
	uint32_t generation;

	settle(fx);
	resolve4(fx, "10.0.0.254", mac_router);
	resolve4(fx, "10.0.0.9", mac_peer);
	assert_true(net_route(fx->net, &us, &peer, &dst));
	generation = net_generation(fx->net);
	for (unsigned i = 0; i < 240; i++) {
		send4(fx, "10.0.0.9");
		advance(fx, SECOND / 10);
		t = look(fx);
		s.asked_one += t.asked_one;
	}
	assert_int_equal(s.asked_one, 0);
	s = (struct seen){ 0 };
	for (unsigned i = 0; i < 80; i++) {
		send4(fx, "10.0.0.9");
		advance(fx, SECOND / 10);
		resolve4(fx, "10.0.0.254", mac_router);
		t = look(fx);
		s.asked_one += t.asked_one;
		s.asked_all += t.asked_all;
	}
	assert_int_equal(s.asked_one, 3);
	assert_int_equal(s.asked_all, 3);
	assert_true(net_generation(fx->net) != generation);
	assert_true(fx->stats.v[STAT_NEIGH_FAILED] >= 1);
	assert_true(fx->stats.v[STAT_DROP_NEIGH_UNRESOLVED] > 0);
	/* Another MAC answers: all is well again. */
	resolve4(fx, "10.0.0.9", mac_router);
	send4(fx, "10.0.0.9");
	assert_true(look(fx).tcp >= 1);
}

/* Routers of the configuration are asked for at the start, and kept without any traffic. */
static void neigh_pinned_router(void **state)
{
	struct fixture *fx = *state;
	unsigned asked = 0;

	for (unsigned i = 0; i < 600; i++) {
		advance(fx, SECOND / 10);
		while (take(fx, &f, NULL)) {
			const struct wire_arp *arp = (const void *)(f.b + 14);

			if (f.b[13] != 6 || arp->target_ip != addr4("10.0.0.254").w[3])
				continue;
			if (asked++ > 2)
				resolve4(fx, "10.0.0.254", mac_router);
		}
	}
	assert_true(asked >= 4); /* three without an answer, then it came, and it was refreshed */
	send4(fx, "192.0.2.1");
	assert_int_equal(look(fx).tcp, 1);
}

/* SYNs from forged neighbours make us ask for many that do not exist; known ones stay reachable. */
static void neigh_flood_wanted(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr us = addr6("fd00::1"), to = addr6("fd00::5:0:0:0");
	struct seen s;

	net_free(fx->net);
	fx->config.max_neighbours = 64;
	fixture_net(fx);
	settle(fx);
	resolve4(fx, "10.0.0.9", mac_peer);
	send4(fx, "10.0.0.9");
	take_all(fx);
	for (unsigned i = 0; i < 100000; i++) {
		struct flow flow = { .local = us };
		struct net_dst dst = { 0 };

		memcpy(to.b + 12, &i, 4);
		flow.remote = to;
		net_send_tcp(fx->net, &dst, &flow, segment(fx, 1, 2, 0), 0, fx->now_us);
		fx->now_us += 5;
	}
	/* Half a second: some hundred questions, not a hundred thousand. */
	assert_in_range(take_all(fx), 1, 200 + 250);
	send4(fx, "10.0.0.9");
	send4(fx, "192.0.2.1");
	s = look(fx);
	assert_int_equal(s.tcp, 2);
	assert_in_range(rte_mempool_in_use_count(fx->pool), 0, 64 * NEIGH_QUEUE);
	/* And a new one still gets its turn. */
	fx->now_us += SECOND;
	send4(fx, "10.0.0.20");
	assert_int_equal(look(fx).asked_all, 1);
	resolve4(fx, "10.0.0.20", mac_peer);
	assert_int_equal(look(fx).tcp, 1);
}

/* Forged senders that introduce themselves fill only their share. */
static void neigh_flood_heard(void **state)
{
	struct fixture *fx = *state;
	char text[64];

	net_free(fx->net);
	fx->config.max_neighbours = 64;
	fixture_net(fx);
	settle(fx);
	resolve4(fx, "10.0.0.9", mac_peer);
	send4(fx, "10.0.0.9");
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "fd00::6:%x", i);
		frame_ns(&f, mac_us, text, "fd00::1", "fd00::1", mac_peer);
		assert_int_equal(give(fx, &f), NET_TAKEN);
		take_all(fx);
	}
	send4(fx, "10.0.0.9");
	assert_int_equal(look(fx).tcp, 1);
	/* There still is room for those we want. */
	for (unsigned i = 20; i < 50; i++) {
		snprintf(text, sizeof(text), "10.0.0.%u", i);
		resolve4(fx, text, mac_peer);
		send4(fx, text);
	}
	assert_int_equal(look(fx).tcp, 30);
	assert_stat(fx, DROP_NEIGH_TABLE, 0);
}

/* What one worker learns it tells, once; what it is told it does not tell on. */
static void neigh_learned_between_workers(void **state)
{
	struct fixture *fx = *state;
	struct ip_addr peer = addr4("10.0.0.9");
	struct net_neigh news, in = { .ip = addr4("10.0.0.30"), .mac = { 2, 0, 0, 0, 0, 0x30 } };

	assert_false(net_learned_next(fx->net, &news));
	resolve4(fx, "10.0.0.9", mac_peer);
	resolve4(fx, "10.0.0.9", mac_peer); /* nothing new within the second */
	assert_true(net_learned_next(fx->net, &news));
	assert_true(ip_addr_eq(&news.ip, &peer));
	assert_int_equal(news.iface, 0);
	assert_memory_equal(news.mac, mac_peer, 6);
	assert_false(net_learned_next(fx->net, &news));
	fx->now_us += 2 * SECOND; /* that it is still there is news */
	resolve4(fx, "10.0.0.9", mac_peer);
	assert_true(net_learned_next(fx->net, &news));
	resolve4(fx, "10.0.0.9", mac_router);
	assert_true(net_learned_next(fx->net, &news));
	assert_memory_equal(news.mac, mac_router, 6);

	send4(fx, "10.0.0.30");
	assert_int_equal(look(fx).tcp, 0);
	net_learn(fx->net, &in, fx->now_us);
	assert_int_equal(look(fx).tcp, 1);
	assert_false(net_learned_next(fx->net, &news));
	/* Nonsense from elsewhere is not believed either. */
	in.iface = 77;
	net_learn(fx->net, &in, fx->now_us);
	in = (struct net_neigh){ .ip = addr4("10.0.0.1"), .mac = { 2, 0, 0, 0, 0, 0x30 } };
	net_learn(fx->net, &in, fx->now_us);
	in.ip = addr4("203.0.113.1");
	net_learn(fx->net, &in, fx->now_us);
	send4(fx, "203.0.113.1");
	while (take(fx, &f, NULL))
		assert_int_not_equal(f.b[5], 0x30);
}

/* Nobody listens to the news: the oldest are lost, nothing else. */
static void neigh_learned_overflow(void **state)
{
	struct fixture *fx = *state;
	struct net_neigh news;
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++)
		resolve4(fx, "10.0.0.9", i & 1 ? mac_peer : mac_router);
	while (net_learned_next(fx->net, &news))
		n++;
	assert_int_equal(n, 256);
	assert_memory_equal(news.mac, mac_peer, 6);
}

/* Time starts anywhere, budgets are small, and the timers still get everywhere. */
static void neigh_small_budget(void **state)
{
	struct fixture *fx = *state;
	unsigned calls = 0;

	settle(fx);
	for (unsigned i = 10; i < 200; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.0.0.%u", i);
		send4(fx, text);
	}
	take_all(fx);
	fx->now_us += SECOND + 1;
	while (net_timers(fx->net, fx->now_us, 1) <= fx->now_us)
		assert_true(++calls < 2000);
	assert_true(calls > 150);
	assert_in_range(take_all(fx), 150, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		T(neigh_asking_keeps_latest),
		T(neigh_asking_fails),
		T(neigh_reachable_in_use_is_refreshed),
		T(neigh_stale),
		T(neigh_probe_fails),
		T(neigh_pinned_router),
		T(neigh_flood_wanted),
		T(neigh_flood_heard),
		T(neigh_learned_between_workers),
		T(neigh_learned_overflow),
		T(neigh_small_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
