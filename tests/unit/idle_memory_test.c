/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an idle connection costs, piece by piece: both legs and TLS are to stay under 1 KB with what the process has
 * beside them (perf/compare --only idle_memory_100k has the resident bytes). Prints the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/proxy/admission.h"
#include "dataplane/proxy/proxy.h"
#include "dataplane/proxy/relay.h"
#include "dataplane/tcp/conn.h"
#include "dataplane/tcp/table.h"

#include <cmocka.h>

/* Of 1,024 bytes; what is left is for what grows with the number in other ways: bitmaps of ports, pages begun. */
#define MOST 1000

/* The 4-tuple table's bytes for each of so many relays, as stack_new makes it: TIME-WAITs and half-open ones have room. */
static double table_bytes(uint32_t max_relays)
{
	const uint8_t secret[16] = { 0 };
	uint32_t n = proxy_max_conns(max_relays);
	struct table t;
	double bytes;

	assert_int_equal(table_init(&t, n + n / 4 + n, secret), 0);
	bytes = (double)(t.mask + 1) * sizeof(*t.buckets) / max_relays;
	table_fini(&t);
	return bytes;
}

/* What one holds whatever the number of them is. */
static size_t fixed_bytes(void)
{
	return 2 * sizeof(struct tcp_conn) + sizeof(struct relay) + sizeof(struct admission_ticket);
}

static void print_table(void)
{
	printf(
	    "# bytes: TCP connection 2 x %zu; relay %zu, of which record layer %zu (each direction %zu: key %zu, "
	    "traffic secret %zu), timer %zu; admission ticket %zu\n",
	    sizeof(struct tcp_conn), sizeof(struct relay), sizeof(struct record),
	    sizeof(struct record_dir), sizeof(struct aead_key),
	    sizeof(((struct record_dir *)0)->traffic), sizeof(struct wheel_node),
	    sizeof(struct admission_ticket));
	printf(
	    "# bytes that only some have: after a loss %zu, while it opens %zu, logged or told to the target %zu, "
	    "TLS to the target %zu\n",
	    sizeof(struct conn_ext), sizeof(struct opening), sizeof(struct conn_facts),
	    sizeof(struct record));
	for (uint32_t n = 10000; n <= 1000000; n *= 10)
		printf("# %u connections: %.1f each, of which the 4-tuple table has %.1f\n", n,
		    (double)fixed_bytes() + table_bytes(n), table_bytes(n));
}

/* The table's size is a power of two: all positions between two of them are looked at. */
static void an_idle_connection_costs_less_than_1_kb(void **state)
{
	(void)state;
	print_table();
	for (uint32_t n = 65536; n <= 2 * 65536; n += 1024)
		assert_true((double)fixed_bytes() + table_bytes(n) <= MOST);
	assert_true((double)fixed_bytes() + table_bytes(1000000) <= MOST);
}

/* Both TCP legs and the relay are whole lines, so that none of them shares its last one with a stranger's first. */
static void connections_are_whole_lines(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct relay) % 64, 0);
	assert_int_equal(_Alignof(struct relay), 64);
	assert_int_equal(sizeof(struct tcp_conn) % 64, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_connection_costs_less_than_1_kb),
		cmocka_unit_test(connections_are_whole_lines),
	};

	return cmocka_run_group_tests_name("idle_memory", tests, NULL, NULL);
}
