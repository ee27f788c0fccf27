/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/base/stats.h"
#include "dataplane/proxy/proxy.h"
#include "dataplane/proxy/relay.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/tcp/tcp.h"
#include "tests/unit/eal.h"
#include "tls/handshake.h"

#include <cmocka.h>

static struct stats stats;
static struct stack *stack;
static struct tls_worker *tls;
static struct proxy *proxy;

static int make(void **state)
{
	struct rte_mempool *pool = rte_mempool_lookup("bind");
	struct net_iface iface = { .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = 1500 };
	struct stack_config stack_config = { .max_conns = 16 };
	struct proxy_config config = { .stats = &stats, .max_relays = 16, .n_workers = 1 };
	struct tls_worker_config tls_config = { .max_handshakes = 16 };

	(void)state;
	if (!pool)
		pool = rte_pktmbuf_pool_create("bind", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	stack_config.net =
	    (struct net_config){ .ifaces = &iface, .n_ifaces = 1, .pool = pool, .stats = &stats };
	stack_config.pool = pool;
	stack = config.stack = stack_new(&stack_config, 1000000);
	tls = config.tls = tls_worker_new(&tls_config);
	proxy = proxy_new(&config, 1000000);
	assert_true(stack && tls && proxy);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	proxy_free(proxy);
	stack_free(stack);
	tls_worker_free(tls);
	return 0;
}

/* Adopts a snapshot with one listener on n ports from first on; returns how many were not bound. */
static unsigned adopt(uint16_t first, unsigned n)
{
	static struct endpoint at[2 * PROXY_MAX_BOUND];
	static struct listener listener[2];
	static struct snapshot snapshot[2]; /* the one before is looked at */
	static unsigned turn;

	turn ^= 1;
	for (unsigned i = 0; i < n; i++)
		at[i].port = (uint16_t)(first + i);
	listener[turn] = (struct listener){ .name = "l", .bind = at, .n_bind = n };
	snapshot[turn] = (struct snapshot){ .listeners = &listener[turn], .n_listeners = 1 };
	return proxy_adopt(proxy, &snapshot[turn]);
}

static bool is_bound(uint16_t port)
{
	struct ip_addr any = { 0 };
	bool was_free = tcp_listen(stack, &any, port, NULL) == 0;

	if (was_free)
		tcp_unlisten(stack, &any, port);
	return !was_free;
}

/* Listeners may be added and removed for years: places of addresses that are gone serve again. */
static void addresses_come_and_go_without_end(void **state)
{
	(void)state;
	for (unsigned port = 1; port < 4 * PROXY_MAX_BOUND; port++) {
		assert_int_equal(adopt((uint16_t)port, 1), 0);
		assert_true(is_bound((uint16_t)port));
		assert_false(port > 1 && is_bound((uint16_t)(port - 1)));
	}
}

static void all_that_a_file_may_bind_can_be_exchanged_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(adopt((uint16_t)(1 + i * CONFIG_MAX_BINDS), CONFIG_MAX_BINDS), 0);
	assert_true(is_bound(4 * CONFIG_MAX_BINDS + 1));
	assert_false(is_bound(3 * CONFIG_MAX_BINDS + 1));
}

static void too_many_are_counted_and_tried_again(void **state)
{
	(void)state;
	assert_int_equal(adopt(1, PROXY_MAX_BOUND + 3), 3);
	assert_int_equal(adopt(PROXY_MAX_BOUND + 1, 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_come_and_go_without_end, make, unmake),
		cmocka_unit_test_setup_teardown(
		    all_that_a_file_may_bind_can_be_exchanged_at_once, make, unmake),
		cmocka_unit_test_setup_teardown(too_many_are_counted_and_tried_again, make, unmake),
	};
	int failed;

	test_eal_start();
	if (tls_global_init() != 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tls_global_fini();
	return failed;
}
