/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FLOW mode, behind a port of net_ring: rte_flow is a double here that takes rules, or refuses them, and
 * frames get the queue that the rules it holds say: an honest device, and such as lie.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_mbuf.h>

#include "config/err.h"
#include "dataplane/base/stats.h"
#include "dataplane/port/port.h"
#include "dataplane/steer/steer.h"

#include <cmocka.h>

#define N_WORKERS 4
#define N_MBUFS   8191
#define FRAME     80
#define MAX_RULES 5000

static const uint8_t secret[16] = "sixteen secret b";
static struct rte_mempool *pool;
static struct port *port;
static struct steer_bits bits;
static struct steer *s;
static struct stats stats[N_WORKERS];

/* --- the device -------------------------------------------------------------------------------- */

enum nic {
	HONEST,
	NO_RULES,     /* has no rte_flow at all */
	NO_VALIDATE,  /* takes no rule about TCP ports */
	FULL,         /* has room for 20 rules */
	NO_MASKS,     /* takes masks and ignores them: a rule is about one pair of ports */
	ONE_QUEUE,    /* takes all rules and heeds none */
	WRONG_TENTHS, /* gets one packet in ten wrong */
} nic;

struct rte_flow {
	bool used, tagged, is_v4;
	struct rte_flow_item_tcp spec, mask;
	uint16_t queue;
};

static struct rte_flow rules[MAX_RULES];

static unsigned n_rules(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_RULES; i++)
		n += rules[i].used;
	return n;
}

/* Reads a rule as a driver does: what it does not know it must refuse. */
static bool parse(const struct rte_flow_attr *attr, const struct rte_flow_item *item,
    const struct rte_flow_action *action, struct rte_flow *rule)
{
	memset(rule, 0, sizeof(*rule));
	if (!attr->ingress || attr->egress || attr->group || item->type != RTE_FLOW_ITEM_TYPE_ETH)
		return false;
	item++;
	rule->tagged = item->type == RTE_FLOW_ITEM_TYPE_VLAN;
	item += rule->tagged;
	rule->is_v4 = item->type == RTE_FLOW_ITEM_TYPE_IPV4;
	if (!rule->is_v4 && item->type != RTE_FLOW_ITEM_TYPE_IPV6)
		return false;
	item++;
	if (item->type != RTE_FLOW_ITEM_TYPE_TCP || !item->spec || !item->mask || item->last)
		return false;
	rule->spec = *(const struct rte_flow_item_tcp *)item->spec;
	rule->mask = *(const struct rte_flow_item_tcp *)item->mask;
	if (item[1].type != RTE_FLOW_ITEM_TYPE_END ||
	    action[0].type != RTE_FLOW_ACTION_TYPE_QUEUE ||
	    action[1].type != RTE_FLOW_ACTION_TYPE_END)
		return false;
	rule->queue = ((const struct rte_flow_action_queue *)action->conf)->index;
	return rule->queue < N_WORKERS;
}

/* In the place of ethdev's: these are what the program's own calls come to. */
int rte_flow_validate(uint16_t id, const struct rte_flow_attr *attr,
    const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
    struct rte_flow_error *error)
{
	struct rte_flow rule;

	assert_int_equal(id, 0);
	if (nic == NO_RULES)
		return rte_flow_error_set(
		    error, ENOSYS, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, NULL);
	if (nic == NO_VALIDATE || !parse(attr, pattern, actions, &rule))
		return rte_flow_error_set(
		    error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, NULL, "no masks for TCP ports");
	return 0;
}

struct rte_flow *
rte_flow_create(uint16_t id, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
    const struct rte_flow_action actions[], struct rte_flow_error *error)
{
	assert_int_equal(id, 0);
	for (unsigned i = 0; i < (nic == FULL ? 20 : MAX_RULES); i++) {
		if (rules[i].used)
			continue;
		assert_true(parse(attr, pattern, actions, &rules[i]));
		rules[i].used = true;
		return &rules[i];
	}
	rte_flow_error_set(error, ENOSPC, RTE_FLOW_ERROR_TYPE_HANDLE, NULL, "the table is full");
	return NULL;
}

int rte_flow_destroy(uint16_t id, struct rte_flow *flow, struct rte_flow_error *error)
{
	(void)error;
	assert_int_equal(id, 0);
	assert_true(flow->used);
	flow->used = false;
	return 0;
}

static bool matches(const struct rte_flow *r, bool tagged, bool is_v4, uint16_t src, uint16_t dst)
{
	const struct rte_tcp_hdr *spec = &r->spec.hdr, *mask = &r->mask.hdr;

	if (!r->used || r->tagged != tagged || r->is_v4 != is_v4)
		return false;
	if (nic == NO_MASKS)
		return src == spec->src_port && dst == spec->dst_port;
	return (src & mask->src_port) == spec->src_port && (dst & mask->dst_port) == spec->dst_port;
}

/* --- the wire ---------------------------------------------------------------------------------- */

struct kind {
	bool tagged, is_v4;
};

static struct flow flow_number(uint32_t i, bool is_v4)
{
	struct flow flow = { .remote_port = (uint16_t)(i * 0x9e3779b1u >> 16),
		.local_port = (uint16_t)(i % 3 == 0 ? 443 : 1024 + i % 61000) };

	if (is_v4) {
		flow.remote.b[10] = flow.remote.b[11] = flow.local.b[10] = flow.local.b[11] = 0xff;
		flow.remote.w[3] = rte_cpu_to_be_32(0x0a500002u + i / 60000);
		flow.local.w[3] = rte_cpu_to_be_32(0x0a500001u);
	} else {
		flow.remote.b[0] = flow.local.b[0] = 0xfd;
		flow.remote.b[15] = (uint8_t)i;
	}
	return flow;
}

static struct rte_mbuf *segment(uint32_t i, struct kind kind)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct flow flow = flow_number(i, kind.is_v4);
	uint8_t *p;

	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, FRAME);
	memset(p, 0, FRAME);
	p += 12;
	if (kind.tagged) {
		memcpy(p, "\x81\x00\x00\x0a", 4);
		p += 4;
	}
	memcpy(p, kind.is_v4 ? "\x08\x00" : "\x86\xdd", 2);
	p += 2;
	if (kind.is_v4) {
		p[0] = 0x45;
		p[3] = 40;
		p[6] = 0x40;
		p[9] = 6;
		memcpy(p + 12, &flow.remote.w[3], 4);
		memcpy(p + 16, &flow.local.w[3], 4);
		p += 20;
	} else {
		p[0] = 0x60;
		p[5] = 20;
		p[6] = 6;
		memcpy(p + 8, &flow.remote, 16);
		memcpy(p + 24, &flow.local, 16);
		p += 40;
	}
	p[0] = (uint8_t)(flow.remote_port >> 8);
	p[1] = (uint8_t)flow.remote_port;
	p[2] = (uint8_t)(flow.local_port >> 8);
	p[3] = (uint8_t)flow.local_port;
	p[12] = 0x50;
	return m;
}

/* Gives m to a queue of the port as that device would; what no rule is about goes to queue 0. */
static void deliver(uint32_t i, struct kind kind)
{
	struct flow flow = flow_number(i, kind.is_v4);
	uint16_t src = rte_cpu_to_be_16(flow.remote_port), dst = rte_cpu_to_be_16(flow.local_port);
	struct rte_mbuf *m = segment(i, kind);
	uint16_t queue = 0;

	for (unsigned r = 0; nic != ONE_QUEUE && r < MAX_RULES; r++) {
		if (matches(&rules[r], kind.tagged, kind.is_v4, src, dst)) {
			queue = rules[r].queue;
			break;
		}
	}
	if (nic == WRONG_TENTHS && i % 10 == 0)
		queue = (uint16_t)((queue + 1) % N_WORKERS);
	assert_int_equal(rte_eth_tx_burst(0, queue, &m, 1), 1);
}

/* --- the workers ------------------------------------------------------------------------------- */

/* What all workers' loops do with what the port has. Returns how many packets came to some worker. */
static unsigned run_workers(void)
{
	struct rte_mbuf *pkts[32];
	unsigned n, total = 0;

	for (unsigned w = 0; w < N_WORKERS; w++) {
		while ((n = port_rx(port, w, pkts, 32, &stats[w])) > 0) {
			n = steer_sort(s, w, pkts, n, &stats[w]);
			total += n;
			rte_pktmbuf_free_bulk(pkts, n);
		}
	}
	for (unsigned w = 0; w < N_WORKERS; w++) {
		while ((n = steer_take(s, w, pkts, 32, &stats[w])) > 0) {
			total += n;
			rte_pktmbuf_free_bulk(pkts, n);
		}
	}
	return total;
}

static uint64_t counted(enum stat stat)
{
	uint64_t n = 0;

	for (unsigned w = 0; w < N_WORKERS; w++)
		n += stats[w].v[stat];
	return n;
}

static uint64_t handed_over(void)
{
	uint64_t n = 0;

	for (unsigned w = 0; w < N_WORKERS; w++)
		n += steer_forwarded(&stats[w]);
	return n;
}

/* Sends n packets, each of its own flow, and sees every one of them come to a worker. */
static void send_flows(struct kind kind, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += 256) {
		uint32_t burst = n - i < 256 ? n - i : 256;

		for (uint32_t j = 0; j < burst; j++)
			deliver(i + j, kind);
		assert_int_equal(run_workers(), burst);
	}
	assert_int_equal(counted(STAT_DROP_STEER_RING_FULL), 0);
	assert_int_equal(rte_mempool_avail_count(pool), N_MBUFS);
}

/* --- tests ------------------------------------------------------------------------------------- */

static const struct kind v4 = { false, true }, v6 = { false, false };

static int ask_for_rules(bool tagged, struct err *why)
{
	const struct port_flow_config config = { .shift = STEER_BITS_SHIFT,
		.bits = bits.n,
		.queue_of = bits.table,
		.untagged = true,
		.tagged = tagged };

	err_init(why);
	return port_flow_set(port, &config, why);
}

static void set_rules(enum nic kind_of_nic)
{
	struct err why;

	nic = kind_of_nic;
	assert_int_equal(ask_for_rules(false, &why), 0);
	assert_int_equal(n_rules(), 2 * 16);
	assert_int_equal(port_flow_rules(port), 2 * 16);
}

static void nothing_is_handed_over_when_rules_are_heeded(void **state)
{
	(void)state;
	set_rules(HONEST);
	send_flows(v4, 50000);
	send_flows(v6, 50000);
	assert_int_equal(steer_mode(s), STEER_FLOW);
	assert_int_equal(counted(STAT_STEER_COMPARED), 100000);
	assert_int_equal(counted(STAT_STEER_WRONG_QUEUE), 0);
	assert_int_equal(counted(STAT_STEER_WRONG_HASH), 0);
	assert_int_equal(handed_over(), 0);
	for (unsigned w = 0; w < N_WORKERS; w++)
		assert_in_range(stats[w].v[STAT_STEER_COMPARED], 24000, 26000);
}

static void tagged_frames_have_rules_of_their_own(void **state)
{
	struct err why;

	(void)state;
	nic = HONEST;
	assert_int_equal(ask_for_rules(true, &why), 0);
	assert_int_equal(n_rules(), 4 * 16);
	send_flows((struct kind){ true, true }, 5000);
	send_flows((struct kind){ true, false }, 5000);
	send_flows(v4, 5000);
	assert_int_equal(handed_over(), 0);
}

static void refused(enum nic kind_of_nic, const char *text)
{
	struct err why;

	nic = kind_of_nic;
	assert_int_equal(ask_for_rules(false, &why), -1);
	if (strstr(why.text, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, why.text);
	assert_int_equal(n_rules(), 0);
	assert_int_equal(port_flow_rules(port), 0);
}

static void a_device_that_refuses_is_left_without_rules(void **state)
{
	(void)state;
	refused(NO_RULES, "port 'front0' refuses rule 1: Function not implemented");
	refused(NO_VALIDATE, "port 'front0' refuses rule 1: no masks for TCP ports");
	refused(FULL, "port 'front0' refuses rule 21: the table is full");
}

static void rules_replace_those_before_and_go(void **state)
{
	struct err why;

	(void)state;
	set_rules(HONEST);
	set_rules(HONEST);
	port_flow_clear(port);
	assert_int_equal(n_rules(), 0);
	set_rules(HONEST);
	nic = FULL;
	assert_int_equal(ask_for_rules(true, &why), -1);
	assert_int_equal(n_rules(), 0);
}

/* Found out, and no packet of the 100,000 is lost before or after; the owners stay. */
static void is_found_out(enum nic kind_of_nic)
{
	unsigned owners[1000];

	set_rules(kind_of_nic);
	for (unsigned i = 0; i < 1000; i++) {
		struct flow flow = flow_number(i, true);

		owners[i] = steer_owner(s, &flow);
	}
	send_flows(v4, 100000);
	assert_int_equal(steer_mode(s), STEER_RING);
	assert_true(counted(STAT_STEER_WRONG_QUEUE) > 64);
	assert_int_equal(counted(STAT_STEER_WRONG_HASH), 0);
	assert_int_equal(handed_over(), counted(STAT_STEER_RECEIVED));
	for (unsigned i = 0; i < 1000; i++) {
		struct flow flow = flow_number(i, true);

		assert_int_equal(steer_owner(s, &flow), owners[i]);
	}
	nic = HONEST;
	send_flows(v4, 1000);
	assert_int_equal(steer_mode(s), STEER_RING); /* for good */
}

static void a_device_that_ignores_masks_is_found_out(void **state)
{
	(void)state;
	is_found_out(NO_MASKS);
}

static void a_device_that_heeds_nothing_is_found_out(void **state)
{
	(void)state;
	is_found_out(ONE_QUEUE);
}

static void one_wrong_in_ten_is_too_much(void **state)
{
	(void)state;
	is_found_out(WRONG_TENTHS);
}

static void rules_that_are_lost_later_are_found_out(void **state)
{
	(void)state;
	set_rules(HONEST);
	send_flows(v4, 20000);
	assert_int_equal(steer_mode(s), STEER_FLOW);
	for (unsigned i = 0; i < MAX_RULES; i += 2) /* as by a reset of the device */
		rules[i].used = false;
	send_flows(v4, 20000);
	assert_int_equal(steer_mode(s), STEER_RING);
	for (unsigned i = 0; i < 2 * 16; i += 2) /* for the clean-up */
		rules[i].used = true;
}

static void source_ports_lead_back_to_their_worker(void **state)
{
	(void)state;
	set_rules(HONEST);
	for (unsigned first = 1024; first < 65536; first += 64) {
		struct flow flow = flow_number(first, true);
		uint64_t all = 0;

		flow.remote_port = 8080;
		for (unsigned w = 0; w < N_WORKERS; w++) {
			struct steer_self self = { .steer = s, .worker = w };
			uint64_t ours;

			flow.local_port = (uint16_t)first;
			ours = steer_ports(&self, &flow);
			assert_int_equal(all & ours, 0);
			assert_int_equal(__builtin_popcountll(ours), 64 / N_WORKERS);
			all |= ours;
			flow.local_port = (uint16_t)(first + 17);
			assert_int_equal(ours >> 17 & 1, steer_is_ours(&self, &flow));
		}
		assert_int_equal(all, UINT64_MAX);
	}
}

static void fragments_do_not_all_go_to_one_worker(void **state)
{
	unsigned n[N_WORKERS] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 4000; i++) {
		struct flow flow = flow_number(i, true);

		flow.remote.w[3] = i * 0x9e3779b1u;
		flow.remote_port = flow.local_port = 0; /* peek_flow says so of a fragment */
		n[steer_owner(s, &flow)]++;
	}
	for (unsigned w = 0; w < N_WORKERS; w++)
		assert_in_range(n[w], 900, 1100);
}

/* Each number of workers that there are bits for: clients of one listener, and connects to one target. */
static void every_number_of_workers_spreads(void **state)
{
	static struct steer_bits b;
	unsigned n_possible = 0;

	(void)state;
	assert_false(steer_bits_make(&b, 0));
	assert_false(steer_bits_make(&b, 1));
	for (unsigned workers = 2; workers <= 64; workers++) {
		unsigned clients[64] = { 0 }, connects[64] = { 0 };
		struct steer *t;

		if (!steer_bits_make(&b, workers))
			continue;
		n_possible++;
		t = steer_new_flow(workers, secret, &b, &(struct err){ 0 });
		assert_int_equal(steer_mode(t), STEER_FLOW);
		for (unsigned i = 0; i < 32768; i++) {
			struct flow flow = flow_number(0, true);

			flow.remote_port = (uint16_t)(i * 2); /* Linux: even ones first */
			flow.local_port = 443;
			clients[steer_owner(t, &flow)]++;
			flow.remote_port = 8080;
			flow.local_port = (uint16_t)(1024 + i);
			connects[steer_owner(t, &flow)]++;
		}
		for (unsigned w = 0; w < workers; w++) {
			unsigned even = 32768 / workers;

			assert_in_range(clients[w], even - even / 8 - 1, even + even / 8 + 1);
			assert_in_range(connects[w], even - even / 8 - 1, even + even / 8 + 1);
		}
		steer_free(t);
	}
	assert_int_equal(n_possible, 9); /* 2 to 8, 16 and 32 */
}

/* --- around ------------------------------------------------------------------------------------ */

static int fresh(void **state)
{
	(void)state;
	nic = HONEST;
	memset(stats, 0, sizeof(stats));
	s = steer_new_flow(N_WORKERS, secret, &bits, &(struct err){ 0 });
	return s != NULL ? 0 : -1;
}

static int used(void **state)
{
	(void)state;
	nic = HONEST;
	steer_free(s);
	port_flow_clear(port);
	return n_rules() == 0 ? 0 : -1;
}

static int start(void **state)
{
	static char *args[] = { (char *)(uintptr_t) "test", (char *)(uintptr_t) "--no-huge",
		(char *)(uintptr_t) "--no-shconf", (char *)(uintptr_t) "--no-pci",
		(char *)(uintptr_t) "--no-telemetry", (char *)(uintptr_t) "--log-level=error",
		(char *)(uintptr_t) "-m256",
		/* net_ring has a queue for each lcore. */
		(char *)(uintptr_t) "--lcores=(0-3)@0", (char *)(uintptr_t) "--vdev=net_ring0" };
	static const char *const devices[] = { "net_ring0" };
	static struct rte_mempool *pools[N_WORKERS];
	struct port_config config = { .name = "front0",
		.devices = devices,
		.n_devices = 1,
		.n_queues = N_WORKERS,
		.mtu = 1500,
		.pools = pools };
	static struct err e;

	(void)state;
	err_init(&e);
	if (rte_eal_init((int)(sizeof(args) / sizeof(args[0])), args) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("wire", N_MBUFS, 0, 0, 2048 + 128, 0);
	for (unsigned i = 0; i < N_WORKERS; i++)
		pools[i] = pool;
	port = port_open(&config, 0, &e);
	if (port == NULL)
		fail_msg("%s", e.text);
	return steer_bits_make(&bits, N_WORKERS) ? 0 : -1;
}

/* What rules there are at the end go with the port. */
static int stop(void **state)
{
	(void)state;
	set_rules(HONEST);
	port_close(port);
	return n_rules() == 0 ? 0 : -1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, used)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_handed_over_when_rules_are_heeded),
		TEST(tagged_frames_have_rules_of_their_own),
		TEST(a_device_that_refuses_is_left_without_rules),
		TEST(rules_replace_those_before_and_go),
		TEST(a_device_that_ignores_masks_is_found_out),
		TEST(a_device_that_heeds_nothing_is_found_out),
		TEST(one_wrong_in_ten_is_too_much),
		TEST(rules_that_are_lost_later_are_found_out),
		TEST(source_ports_lead_back_to_their_worker),
		TEST(fragments_do_not_all_go_to_one_worker),
		TEST(every_number_of_workers_spreads),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
