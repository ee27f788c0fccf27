/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/steer/toeplitz.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_thash.h>

#include <cmocka.h>

#define N_TUPLES 1000000

/* The key of Microsoft's specification, and its examples below. */
static const uint8_t microsoft[TOEPLITZ_KEY] = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
	0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30,
	0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac,
	0x01, 0xfa };

static uint64_t seed;

static void reseed(void)
{
	seed = 0x9e3779b97f4a7c15;
}

/* xorshift64*: the same tuples in every run. */
static uint32_t any(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)(seed * 0x2545f4914f6cdd1d >> 32);
}

static void any_key(uint8_t key[TOEPLITZ_KEY])
{
	for (unsigned i = 0; i < TOEPLITZ_KEY; i++)
		key[i] = (uint8_t)any();
}

static struct ip_addr any_addr(bool v4)
{
	struct ip_addr a = { .w = { any(), any(), any(), any() } };

	if (v4) {
		memset(a.b, 0, 10);
		a.b[10] = a.b[11] = 0xff;
	}
	return a;
}

static struct flow any_flow(bool v4)
{
	return (struct flow){ .remote = any_addr(v4),
		.local = any_addr(v4),
		.remote_port = (uint16_t)any(),
		.local_port = (uint16_t)any(),
		.iface = (uint16_t)any() };
}

/* What DPDK says of a packet from remote to local. */
static uint32_t reference(const struct flow *flow, const uint8_t *key)
{
	uint32_t words[9], n = 0;

	for (unsigned i = ip_addr_is_v4(&flow->remote) ? 3 : 0; i < 4; i++)
		words[n++] = ntohl(flow->remote.w[i]);
	for (unsigned i = ip_addr_is_v4(&flow->remote) ? 3 : 0; i < 4; i++)
		words[n++] = ntohl(flow->local.w[i]);
	words[n++] = (uint32_t)flow->remote_port << 16 | flow->local_port;
	return rte_softrss(words, n, key);
}

static struct flow flow_of(const char *remote, unsigned rport, const char *local, unsigned lport)
{
	struct flow flow = { .remote_port = (uint16_t)rport, .local_port = (uint16_t)lport };

	assert_int_equal(inet_pton(AF_INET6, remote, &flow.remote), 1);
	assert_int_equal(inet_pton(AF_INET6, local, &flow.local), 1);
	return flow;
}

static void the_specifications_examples_come_out(void **state)
{
	static const struct {
		const char *remote;
		unsigned rport;
		const char *local;
		unsigned lport;
		uint32_t hash;
	} examples[] = {
		{ "::ffff:66.9.149.187", 2794, "::ffff:161.142.100.80", 1766, 0x51ccc178 },
		{ "::ffff:199.92.111.2", 14230, "::ffff:65.69.140.83", 4739, 0xc626b0ea },
		{ "::ffff:24.19.198.95", 12898, "::ffff:12.22.207.184", 38024, 0x5c2b394a },
		{ "3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766, 0x40207d3d },
		{ "3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739, 0xdde51bbf },
		{ "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, "fe80::200:f8ff:fe21:67cf", 38024,
		    0x02d1feef },
	};
	static struct toeplitz t;

	(void)state;
	toeplitz_init(&t, microsoft);
	for (unsigned i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct flow flow = flow_of(
		    examples[i].remote, examples[i].rport, examples[i].local, examples[i].lport);

		assert_int_equal(toeplitz_flow(&t, &flow), examples[i].hash);
	}
}

static void it_is_what_dpdk_computes(void **state)
{
	static struct toeplitz t;
	uint8_t key[TOEPLITZ_KEY];

	(void)state;
	reseed();
	for (unsigned i = 0; i < N_TUPLES; i++) {
		struct flow flow = any_flow(i & 1);

		if (i % 100000 == 0) {
			any_key(key);
			toeplitz_init(&t, key);
		}
		if (toeplitz_flow(&t, &flow) != reference(&flow, key))
			fail_msg("tuple %u differs", i);
	}
}

static void every_byte_of_the_key_counts(void **state)
{
	static struct toeplitz t, other;
	uint8_t key[TOEPLITZ_KEY];
	struct flow flow;

	(void)state;
	reseed();
	any_key(key);
	flow = any_flow(false);
	memset(&flow.remote, 0xff, sizeof(flow.remote));
	memset(&flow.local, 0xff, sizeof(flow.local));
	flow.remote_port = flow.local_port = 0xffff;
	toeplitz_init(&t, key);
	for (unsigned i = 0; i < TOEPLITZ_KEY; i++) {
		key[i] ^= 2; /* of the last byte 7 bits count */
		toeplitz_init(&other, key);
		assert_int_not_equal(toeplitz_flow(&t, &flow), toeplitz_flow(&other, &flow));
		key[i] ^= 2;
	}
}

/* The port of queue that comes first at or after start, in words of 64; 0: none. */
static uint16_t find_port(const struct toeplitz *t, struct flow *flow, const uint16_t *table,
    uint32_t mask, uint16_t queue, uint16_t start)
{
	for (unsigned word = 0; word < 1024; word++) {
		uint64_t bits;

		flow->local_port = (uint16_t)(((start >> 6) + word) << 6);
		bits = toeplitz_ports(t, flow, table, mask, queue);
		if (bits != 0)
			return (uint16_t)(flow->local_port + __builtin_ctzll(bits));
	}
	return 0;
}

/*
 * Connects whose answers come back to the queue that asked, by DPDK's hash and the device's table. A table may be
 * as uneven as it likes.
 */
static void chosen_ports_lead_to_the_wanted_queue(void **state)
{
	static const unsigned sizes[] = { 1, 2, 64, 128, 256, 512 }, queues[] = { 1, 2, 3, 7, 16 };
	static struct toeplitz t;
	uint64_t cycles = 0, n = 0;

	(void)state;
	reseed();
	for (unsigned c = 0; c < 30; c++) {
		unsigned size = sizes[c % 6], n_queues = queues[c / 6];
		uint16_t table[512];
		uint8_t key[TOEPLITZ_KEY];

		any_key(key);
		toeplitz_init(&t, key);
		for (unsigned i = 0; i < size; i++)
			table[i] = (uint16_t)(any() % n_queues);
		for (unsigned i = 0; i < N_TUPLES / 30 + 1; i++) {
			struct flow flow = any_flow(i & 1);
			uint16_t queue = table[any() % size], start = (uint16_t)any(), port;
			uint64_t begin = rte_rdtsc();

			port = find_port(&t, &flow, table, size - 1, queue, start);
			cycles += rte_rdtsc() - begin;
			flow.local_port = port;
			if (table[reference(&flow, key) & (size - 1)] != queue)
				fail_msg("port %u does not lead to queue %u", port, queue);
			n++;
		}
	}
	assert_true(n >= N_TUPLES);
	print_message("a port of the wanted queue: %.0f cycles a connect, %.1f a candidate\n",
	    (double)cycles / (double)n, (double)cycles / (double)n / 64);
}

static void each_port_is_judged_as_its_hash_says(void **state)
{
	static struct toeplitz t;
	uint16_t table[128];

	(void)state;
	reseed();
	toeplitz_init(&t, microsoft);
	for (unsigned i = 0; i < 128; i++)
		table[i] = (uint16_t)(i % 5);
	for (unsigned v4 = 0; v4 < 2; v4++) {
		struct flow flow = any_flow(v4);

		for (unsigned first = 0; first < 65536; first += 64) {
			uint64_t bits;

			flow.local_port = (uint16_t)first;
			bits = toeplitz_ports(&t, &flow, table, 127, 3);
			for (unsigned i = 0; i < 64; i++) {
				flow.local_port = (uint16_t)(first + i);
				assert_int_equal(
				    bits >> i & 1, table[reference(&flow, microsoft) & 127] == 3);
			}
		}
	}
}

static void a_queue_without_a_share_has_no_port(void **state)
{
	static struct toeplitz t;
	uint16_t table[64] = { 0 };
	struct flow flow;

	(void)state;
	reseed();
	toeplitz_init(&t, microsoft);
	flow = any_flow(true);
	assert_int_equal(find_port(&t, &flow, table, 63, 1, 1024), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_specifications_examples_come_out),
		cmocka_unit_test(it_is_what_dpdk_computes),
		cmocka_unit_test(every_byte_of_the_key_counts),
		cmocka_unit_test(chosen_ports_lead_to_the_wanted_queue),
		cmocka_unit_test(each_port_is_judged_as_its_hash_says),
		cmocka_unit_test(a_queue_without_a_share_has_no_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
