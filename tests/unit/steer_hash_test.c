/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HASH mode, behind a port of net_ring whose frames get the queue and the hash that a NIC would give them:
 * an honest one, and such as lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_thash.h>

#include "config/err.h"
#include "dataplane/base/stats.h"
#include "dataplane/port/port.h"
#include "dataplane/steer/steer.h"

#include <cmocka.h>

#define N_WORKERS  4
#define N_MBUFS    8191
#define IP         14
#define FRAME      60
#define TABLE_SIZE 128

static const uint8_t secret[16] = "sixteen secret b";
static struct rte_mempool *pool;
static struct port *port;
static struct steer_rss rss;
static struct steer *s;
static struct stats stats[N_WORKERS];

/* --- the wire ---------------------------------------------------------------------------------- */

static struct flow flow_number(uint32_t i)
{
	struct flow flow = { .remote_port = (uint16_t)(1024 + i % 60000), .local_port = 443 };

	flow.remote.b[10] = flow.remote.b[11] = flow.local.b[10] = flow.local.b[11] = 0xff;
	flow.remote.w[3] = rte_cpu_to_be_32(0x0a500002u + i / 60000);
	flow.local.w[3] = rte_cpu_to_be_32(0x0a500001u);
	return flow;
}

/* A segment of flow i; frag: the fragment field of its header. */
static struct rte_mbuf *segment(uint32_t i, unsigned options, uint16_t frag)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct flow flow = flow_number(i);
	uint8_t *p;

	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(FRAME + options));
	memset(p, 0, FRAME + options);
	p[12] = 8;
	p[IP] = (uint8_t)(0x45 + options / 4);
	p[IP + 3] = (uint8_t)(40 + options);
	p[IP + 6] = (uint8_t)(frag >> 8);
	p[IP + 7] = (uint8_t)frag;
	p[IP + 9] = 6;
	memcpy(p + IP + 12, &flow.remote.w[3], 4);
	memcpy(p + IP + 16, &flow.local.w[3], 4);
	p += IP + 20 + options;
	p[0] = (uint8_t)(flow.remote_port >> 8);
	p[1] = (uint8_t)flow.remote_port;
	p[2] = 443 >> 8;
	p[3] = 443 & 255;
	return m;
}

static uint32_t true_hash(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t words[3];

	memcpy(words, p + IP + 12, 8);
	memcpy(words + 2, p + IP + (p[IP] & 15) * 4, 4);
	for (unsigned i = 0; i < 3; i++)
		words[i] = rte_be_to_cpu_32(words[i]);
	return rte_softrss(words, 3, rss.key);
}

static unsigned true_queue(const struct rte_mbuf *m)
{
	return rss.table[true_hash(m) % TABLE_SIZE];
}

enum nic {
	HONEST,
	SILENT,     /* the right queue, and no hash in the mbuf */
	WRONG_HASH, /* by another key than it says */
	WRONG_BOTH, /* and the queue is as the wrong hash says */
	WRONG_TABLE,
	ONE_QUEUE, /* all to queue 0 */
	RARELY_WRONG,
};

/* Gives m to a queue of the port as that NIC would. */
static void deliver(enum nic nic, struct rte_mbuf *m)
{
	static unsigned count;
	uint32_t hash = true_hash(m);
	unsigned queue;

	if (nic == WRONG_HASH || nic == WRONG_BOTH || (nic == RARELY_WRONG && count++ % 50 == 0))
		hash = hash * 0x9e3779b1u ^ 0x5bd1e995u;
	queue = rss.table[hash % TABLE_SIZE];
	if (nic == WRONG_HASH)
		queue = true_queue(m);
	if (nic == WRONG_TABLE)
		queue = (hash ^ hash >> 16) % N_WORKERS;
	if (nic == ONE_QUEUE)
		queue = 0;
	m->hash.rss = hash;
	m->ol_flags = nic == SILENT ? 0 : RTE_MBUF_F_RX_RSS_HASH;
	assert_int_equal(rte_eth_tx_burst(0, (uint16_t)queue, &m, 1), 1);
}

/* --- the workers ------------------------------------------------------------------------------- */

static unsigned n_arrived[N_WORKERS];

static void arrive(unsigned w, struct rte_mbuf *pkts[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (w != true_queue(pkts[i]))
			fail_msg("a packet came to a worker that does not own its flow");
	n_arrived[w] += n;
	rte_pktmbuf_free_bulk(pkts, n);
}

/* What all workers' loops do with what the port has. Returns how many packets came to their owners. */
static unsigned run_workers(void)
{
	struct rte_mbuf *pkts[32];
	unsigned n, total = 0;

	memset(n_arrived, 0, sizeof(n_arrived));
	for (unsigned w = 0; w < N_WORKERS; w++)
		while ((n = port_rx(port, w, pkts, 32, &stats[w])) > 0)
			arrive(w, pkts, steer_sort(s, w, pkts, n, &stats[w]));
	for (unsigned w = 0; w < N_WORKERS; w++)
		while ((n = steer_take(s, w, pkts, 32, &stats[w])) > 0)
			arrive(w, pkts, n);
	for (unsigned w = 0; w < N_WORKERS; w++)
		total += n_arrived[w];
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

/* Sends n packets, each of its own flow, and sees every one of them come to its owner. */
static void send_flows(enum nic nic, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += 256) {
		uint32_t burst = n - i < 256 ? n - i : 256;

		for (uint32_t j = 0; j < burst; j++)
			deliver(nic, segment(first + i + j, 0, 0x4000));
		assert_int_equal(run_workers(), burst);
	}
	assert_int_equal(counted(STAT_DROP_STEER_RING_FULL), 0);
	assert_int_equal(rte_mempool_avail_count(pool), N_MBUFS);
}

/* --- tests ------------------------------------------------------------------------------------- */

static void an_honest_device_is_believed_and_nothing_handed_over(void **state)
{
	(void)state;
	send_flows(HONEST, 0, 100000);
	assert_int_equal(steer_mode(s), STEER_HASH);
	assert_int_equal(counted(STAT_STEER_COMPARED), 100000);
	assert_int_equal(counted(STAT_STEER_COMPARED_HASH), 100000);
	assert_int_equal(counted(STAT_STEER_WRONG_HASH), 0);
	assert_int_equal(counted(STAT_STEER_WRONG_QUEUE), 0);
	assert_int_equal(handed_over(), 0);
}

static void a_device_may_keep_its_hash_to_itself(void **state)
{
	(void)state;
	send_flows(SILENT, 0, 20000);
	assert_int_equal(steer_mode(s), STEER_HASH);
	assert_int_equal(counted(STAT_STEER_COMPARED), 20000);
	assert_int_equal(counted(STAT_STEER_COMPARED_HASH), 0);
	assert_int_equal(handed_over(), 0);
}

/* Found out, and no packet of the 100,000 goes astray before or after. */
static void is_found_out(enum nic nic, bool by_hash, bool by_queue)
{
	unsigned owners[1000];

	for (unsigned i = 0; i < 1000; i++) {
		struct flow flow = flow_number(i);

		owners[i] = steer_owner(s, &flow);
	}
	send_flows(nic, 0, 100000);
	assert_int_equal(steer_mode(s), STEER_RING);
	assert_in_range(counted(STAT_STEER_COMPARED), 65, 65 * N_WORKERS + 32 * N_WORKERS);
	assert_int_equal(counted(STAT_STEER_WRONG_HASH) > 64, by_hash);
	assert_int_equal(counted(STAT_STEER_WRONG_QUEUE) > 64, by_queue);
	assert_int_equal(handed_over(), counted(STAT_STEER_RECEIVED));
	assert_int_equal(handed_over() > 70000, by_queue);
	for (unsigned i = 0; i < 1000; i++) {
		struct flow flow = flow_number(i);

		assert_int_equal(steer_owner(s, &flow), owners[i]); /* no connection moves */
	}
	send_flows(HONEST, 0, 1000);
	assert_int_equal(steer_mode(s), STEER_RING); /* for good */
}

static void a_wrong_hash_is_found_out(void **state)
{
	(void)state;
	is_found_out(WRONG_HASH, true, false);
}

static void a_wrong_hash_and_queue_are_found_out(void **state)
{
	(void)state;
	is_found_out(WRONG_BOTH, true, true);
}

static void another_table_is_found_out(void **state)
{
	(void)state;
	is_found_out(WRONG_TABLE, false, true);
}

static void a_device_of_one_queue_is_found_out(void **state)
{
	(void)state;
	is_found_out(ONE_QUEUE, false, true);
	for (unsigned w = 0; w < N_WORKERS; w++)
		assert_in_range(stats[w].v[STAT_STEER_RECEIVED], w ? 24000 : 0, w ? 26000 : 0);
}

/* What one client in fifty manages to make a device say does not end the mode, and is counted. */
static void what_is_rarely_wrong_is_counted_only(void **state)
{
	(void)state;
	send_flows(RARELY_WRONG, 0, 50000);
	assert_int_equal(steer_mode(s), STEER_HASH);
	assert_int_equal(counted(STAT_STEER_WRONG_HASH), 1000);
	assert_int_equal(counted(STAT_STEER_COMPARED), 50000);
}

/* None of these says anything about the device, whatever hash it has; all the same it finds its owner. */
static void what_no_device_need_hash_is_no_evidence(void **state)
{
	struct rte_mbuf *m[4];

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		unsigned n = 0, kept, taken = 0;

		m[n++] = segment(i, 4, 0x4000);
		m[n++] = segment(i, 0, 0x2000); /* a fragment */
		m[n++] = segment(i, 0, 0x4000);
		m[n - 1]->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD;
		m[n++] = segment(i, 0, 0x4000);
		m[n - 1]->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD;
		for (unsigned j = 0; j < n; j++) {
			m[j]->hash.rss = 0x12345678;
			m[j]->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
		}
		kept = steer_sort(s, 0, m, n, &stats[0]);
		rte_pktmbuf_free_bulk(m, kept);
		for (unsigned w = 1; w < N_WORKERS; w++) {
			unsigned got = steer_take(s, w, m, 4, &stats[w]);

			taken += got;
			rte_pktmbuf_free_bulk(m, got);
		}
		assert_int_equal(kept + taken, n);
		m[0] = segment(i, 0, 0x4000); /* reassembled here */
		m[0]->ol_flags = RTE_MBUF_F_RX_RSS_HASH;
		rte_pktmbuf_free_bulk(m, steer_strays(s, 0, m, 1, &stats[0]));
		for (unsigned w = 1; w < N_WORKERS; w++)
			rte_pktmbuf_free_bulk(m, steer_take(s, w, m, 4, &stats[w]));
	}
	assert_int_equal(counted(STAT_STEER_COMPARED), 0);
	assert_int_equal(steer_mode(s), STEER_HASH);
	assert_int_equal(rte_mempool_avail_count(pool), N_MBUFS);
}

static void all_fragments_of_a_datagram_meet(void **state)
{
	struct rte_mbuf *m[2], *other[2];

	(void)state;
	for (uint32_t i = 0; i < 60000; i += 59) {
		/* The later one has payload where the ports would be. */
		m[0] = segment(i, 0, 0x2000);
		m[1] = segment(60000 - i, 0, 0x0003);
		if (steer_sort(s, 1, m, 2, &stats[1]) == 0)
			for (unsigned w = 0; w < N_WORKERS; w++)
				if (w != 1 && steer_take(s, w, other, 2, &stats[w]) > 0)
					memcpy(m, other, sizeof(m));
		assert_int_equal(handed_over() % 2, 0); /* both were handed over, or none */
		rte_pktmbuf_free_bulk(m, 2);
	}
}

/* --- source ports ------------------------------------------------------------------------------ */

static void ports_are_ours_when_their_flow_is(void **state)
{
	struct steer *ring = steer_new(N_WORKERS, secret, NULL, &(struct err){ 0 });
	struct steer *const both[] = { s, ring };

	(void)state;
	for (unsigned mode = 0; mode < 2; mode++) {
		for (unsigned first = 1024; first < 65536; first += 64) {
			struct flow flow = flow_number(first);
			uint64_t all = 0;

			for (unsigned w = 0; w < N_WORKERS; w++) {
				struct steer_self self = { .steer = both[mode], .worker = w };
				uint64_t bits;

				flow.local_port = (uint16_t)first;
				bits = steer_ports(&self, &flow);
				assert_int_equal(all & bits, 0);
				all |= bits;
				flow.local_port = (uint16_t)(first + 17);
				assert_int_equal(bits >> 17 & 1, steer_is_ours(&self, &flow));
			}
			assert_int_equal(all, UINT64_MAX);
		}
	}
	steer_free(ring);
}

/* 16 workers without threads, a million clients: both legs of each land on one of them, evenly. */
static void a_million_connections_spread_evenly_over_sixteen_workers(void **state)
{
	enum {
		N = 1000000,
		SIXTEEN = 16
	};
	struct steer_rss sixteen = rss;

	(void)state;
	for (unsigned i = 0; i < TABLE_SIZE; i++)
		sixteen.table[i] = (uint16_t)(i % SIXTEEN);
	for (unsigned mode = 0; mode < 2; mode++) {
		struct steer *t =
		    steer_new(SIXTEEN, secret, mode ? &sixteen : NULL, &(struct err){ 0 });
		unsigned n[SIXTEEN] = { 0 }, least = N, most = 0;

		assert_int_equal(steer_mode(t), mode ? STEER_HASH : STEER_RING);
		for (uint32_t i = 0; i < N; i++) {
			struct flow flow = flow_number(i);
			unsigned w;

			flow.remote.w[3] = i * 0x9e3779b1u; /* all over the internet */
			w = steer_owner(t, &flow);

			n[w]++;
			if (i % 100 != 0)
				continue;
			/* The other leg: the worker as the client of a backend. */
			struct steer_self self = { .steer = t, .worker = w };
			uint64_t bits = 0;

			flow.remote_port = 8080;
			flow.local_port = (uint16_t)(1024 + i % 64512) & 0xffc0;
			while ((bits = steer_ports(&self, &flow)) == 0)
				flow.local_port = (uint16_t)(flow.local_port + 64);
			flow.local_port = (uint16_t)(flow.local_port + __builtin_ctzll(bits));
			assert_int_equal(steer_owner(t, &flow), w);
		}
		for (unsigned w = 0; w < SIXTEEN; w++) {
			least = n[w] < least ? n[w] : least;
			most = n[w] > most ? n[w] : most;
		}
		print_message("%s: %u to %u of %u even\n", steer_mode_name(steer_mode(t)), least,
		    most, N / SIXTEEN);
		assert_in_range(least, N / SIXTEEN * 95 / 100, N / SIXTEEN);
		assert_in_range(most, N / SIXTEEN, N / SIXTEEN * 105 / 100);
		steer_free(t);
	}
}

/* --- the choice of the mode -------------------------------------------------------------------- */

static void ports_that_agree_are_steered_by_hash(void **state)
{
	struct steer_offer offers[] = { { "front", &rss, true }, { "back", &rss, true } };
	struct err why;

	(void)state;
	err_init(&why);
	assert_ptr_equal(steer_agree(offers, 2, N_WORKERS, &why), &rss);
	assert_ptr_equal(steer_agree(offers, 1, N_WORKERS, &why), &rss);
	assert_int_equal(why.n, 0);
}

static void refused(const struct steer_offer *second, unsigned n_workers, const char *text)
{
	struct steer_offer offers[] = { { "front", &rss, true }, *second };
	struct err why;

	err_init(&why);
	assert_null(steer_agree(offers, 2, n_workers, &why));
	if (strstr(why.text, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, why.text);
}

static void anything_less_is_served_by_rings(void **state)
{
	struct steer_rss key = rss, size = rss, table = rss, far = rss;

	(void)state;
	key.key[39] ^= 0x80;
	size.table_size = 100;
	table.table[0] ^= 1;
	far.table[5] = N_WORKERS;
	refused(&(struct steer_offer){ "back", NULL, true }, 4, "'back' does not tell");
	refused(&(struct steer_offer){ "back", &rss, false }, 4, "'back' does not hash TCP");
	refused(&(struct steer_offer){ "back", &key, true }, 4, "'back' spreads flows by another");
	refused(&(struct steer_offer){ "back", &table, true }, 4, "another key or table");
	refused(&(struct steer_offer){ "back", &size, true }, 4, "no power of 2");
	refused(&(struct steer_offer){ "back", &far, true }, 4, "no worker serves");
	refused(&(struct steer_offer){ "back", &rss, true }, 5, "'front' leaves a worker out");
	size.table_size = 0;
	refused(&(struct steer_offer){ "back", &size, true }, 4, "no power of 2");
	size.table_size = 4096;
	refused(&(struct steer_offer){ "back", &size, true }, 4, "no power of 2");
}

static void alone_there_is_nothing_to_steer(void **state)
{
	struct steer *one = steer_new(1, secret, &rss, &(struct err){ 0 });
	struct flow flow = flow_number(1);

	(void)state;
	assert_int_equal(steer_mode(one), STEER_ALONE);
	assert_int_equal(steer_owner(one, &flow), 0);
	steer_free(one);
}

/* --- around ------------------------------------------------------------------------------------ */

static int fresh(void **state)
{
	(void)state;
	memset(stats, 0, sizeof(stats));
	s = steer_new(N_WORKERS, secret, &rss, &(struct err){ 0 });
	return s != NULL ? 0 : -1;
}

static int used(void **state)
{
	(void)state;
	steer_free(s);
	return 0;
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
	for (unsigned i = 0; i < TOEPLITZ_KEY; i++)
		rss.key[i] = (uint8_t)(i * 73 + 41);
	rss.table_size = TABLE_SIZE;
	for (unsigned i = 0; i < TABLE_SIZE; i++)
		rss.table[i] = (uint16_t)(i % N_WORKERS);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	port_close(port);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, used)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_honest_device_is_believed_and_nothing_handed_over),
		TEST(a_device_may_keep_its_hash_to_itself),
		TEST(a_wrong_hash_is_found_out),
		TEST(a_wrong_hash_and_queue_are_found_out),
		TEST(another_table_is_found_out),
		TEST(a_device_of_one_queue_is_found_out),
		TEST(what_is_rarely_wrong_is_counted_only),
		TEST(what_no_device_need_hash_is_no_evidence),
		TEST(all_fragments_of_a_datagram_meet),
		TEST(ports_are_ours_when_their_flow_is),
		TEST(a_million_connections_spread_evenly_over_sixteen_workers),
		TEST(ports_that_agree_are_steered_by_hash),
		TEST(anything_less_is_served_by_rings),
		TEST(alone_there_is_nothing_to_steer),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
