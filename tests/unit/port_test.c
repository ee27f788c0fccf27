/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/port/port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_tcp.h>

#include "config/err.h"
#include "dataplane/base/stats.h"
#include "dataplane/port/internal.h"
#include "tests/unit/port_kit.h"

#include <cmocka.h>

static struct err err;

static void refused(const struct port_config *config, const char *with)
{
	err_init(&err);
	assert_null(port_open(config, 0, &err));
	assert_true(err.n > 0);
	if (strstr(err.text, with) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, with);
}

static struct rte_mbuf *frame(unsigned n_segs, unsigned seg_len, uint8_t first)
{
	struct rte_mbuf *head = NULL;

	for (unsigned i = 0; i < n_segs; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(port_kit_pool());
		char *data;

		assert_non_null(m);
		data = rte_pktmbuf_append(m, (uint16_t)seg_len);
		assert_non_null(data);
		for (unsigned j = 0; j < seg_len; j++)
			data[j] = (char)(first + i * seg_len + j);
		if (head == NULL)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	}
	return head;
}

static void eal_refuses_what_it_cannot_do_and_says_why(void **state)
{
	static const char *const core_list[] = { "--lcores=0@0" };
	const unsigned far_core[] = { 4095 };
	const unsigned core[] = { 0 };

	(void)state;
	err_init(&err);
	assert_int_equal(eal_start(
			     &(struct eal_config){
				 .worker_cores = far_core, .n_workers = 1, .control_core = -1 },
			     &err),
	    -1);
	assert_non_null(strstr(err.text, "runtime.workers: core 4095"));
	err_init(&err);
	assert_int_equal(
	    eal_start(
		&(struct eal_config){ .worker_cores = core, .n_workers = 1, .control_core = 4095 },
		&err),
	    -1);
	assert_non_null(strstr(err.text, "runtime.control_core: core 4095"));
	err_init(&err);
	assert_int_equal(eal_start(&(struct eal_config){ .args = core_list,
				       .n_args = 1,
				       .worker_cores = core,
				       .n_workers = 1,
				       .control_core = -1 },
			     &err),
	    -1);
	assert_non_null(strstr(err.text, "'--lcores' follows from"));
}

static void control_is_lcore_0_and_workers_follow(void **state)
{
	(void)state;
	assert_int_equal(rte_get_main_lcore(), 0);
	assert_int_equal(rte_lcore_id(), 0);
	assert_int_equal(rte_lcore_count(), 3);
	assert_true(rte_lcore_is_enabled(1) && rte_lcore_is_enabled(2));
}

static void eal_starts_once(void **state)
{
	(void)state;
	err_init(&err);
	assert_int_equal(eal_start(&(struct eal_config){ .control_core = -1 }, &err), -1);
	assert_non_null(strstr(err.text, "once"));
}

static void an_unknown_device_is_named_with_those_that_exist(void **state)
{
	static const char *const devices[] = { "net_ring7" };
	struct port_config c = port_kit_config(devices, 1);

	(void)state;
	refused(&c, "net_ring7");
	refused(&c, "net_ring0");
	assert_int_equal(port_ring_mbufs(&c), 0);
}

static void two_devices_for_three_workers_are_refused(void **state)
{
	static const char *const devices[] = { "net_ring0", "net_ring1" };
	struct port_config c = port_kit_config(devices, 2);

	(void)state;
	c.n_queues = 3;
	refused(&c, "one per worker");
}

static void more_workers_than_queues_are_refused(void **state)
{
	static const char *const devices[] = { "net_ring0" };
	struct port_config c = port_kit_config(devices, 1);

	(void)state;
	c.n_queues = 17;
	refused(&c, "use fewer workers");
}

static void frames_that_fit_no_buffer_are_refused(void **state)
{
	static const char *const devices[] = { "net_null0" };
	struct port_config c = port_kit_config(devices, 1);

	(void)state;
	c.mtu = 9000;
	refused(&c, "do not fit");
}

static void a_device_without_pause_frames_is_not_told_about_them(void **state)
{
	static const char *const devices[] = { "net_null2" };
	struct port_config c = port_kit_config(devices, 1);

	(void)state;
	c.flow_control = PORT_FLOW_OFF;
	refused(&c, "flow_control");
}

static void tables_that_starve_a_queue_are_uneven(void **state)
{
	struct port_rss rss = { .table_size = 128 };

	(void)state;
	for (unsigned i = 0; i < 128; i++)
		rss.table[i] = (uint16_t)(i % 3);
	assert_true(port_rss_is_even(&rss, 3));  /* 43, 43, 42 */
	assert_false(port_rss_is_even(&rss, 4)); /* nothing for the last */
	assert_false(port_rss_is_even(&rss, 2)); /* a queue that is not there */
	rss.table[0] = 1;
	assert_false(port_rss_is_even(&rss, 3));
	rss.table[0] = UINT16_MAX;
	assert_false(port_rss_is_even(&rss, 3));
	rss.table_size = 0;
	assert_false(port_rss_is_even(&rss, 1));
	assert_false(port_rss_is_even(&rss, 0));
}

static void a_device_takes_our_key_and_tells_its_table(void **state)
{
	static const char *const devices[] = { "net_null3" };
	struct port_config c = port_kit_config(devices, 1);
	uint8_t key[PORT_RSS_KEY_MAX];
	const struct port_rss *rss;
	struct port *p;

	(void)state;
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(200 - i);
	c.n_queues = 2;
	c.rss_key = key;
	p = port_open(&c, 0, &err);
	if (p == NULL)
		fail_msg("%s", err.text);
	rss = port_rss(p);
	assert_non_null(rss);
	assert_int_equal(rss->key_size, 40);
	assert_memory_equal(rss->key, key, 40);
	assert_true(port_rss_is_even(rss, 2));
	port_close(p);
}

static void who_has_no_table_tells_none(void **state)
{
	static const char *const devices[] = { "net_ring4" };
	struct port_config c = port_kit_config(devices, 1);
	struct port *p = port_open(&c, 0, &err);

	(void)state;
	assert_non_null(p);
	assert_null(port_rss(p));
	port_close(p);
}

/* --- a device that calls checksums good --- */

/* 66 bytes: a TCP segment of 12 bytes over IPv4, all sums right. */
static const uint8_t intact[66] = { 2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2, 8, 0, 0x45, 0, 0, 52, 0, 1,
	0x40, 0, 64, 6, 0, 0, 10, 80, 0, 2, 10, 80, 0, 1, 0x30, 0x39, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0,
	2, 0x50, 0x18, 4, 0, 0, 0, 0, 0, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k',
	'l' };

static struct rte_mbuf *tcp_frame(uint64_t flags)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(port_kit_pool());
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *tcp;
	uint8_t *data;

	assert_non_null(m);
	data = (uint8_t *)rte_pktmbuf_append(m, sizeof(intact));
	assert_non_null(data);
	memcpy(data, intact, sizeof(intact));
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	tcp = rte_pktmbuf_mtod_offset(m, struct rte_tcp_hdr *, 34);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
	m->ol_flags |= flags;
	return m;
}

static const struct {
	uint64_t flags;
	int corrupt; /* offset of a byte to be changed; -1: none */
	bool lies;
} flags_cases[] = {
	{ RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD, -1, false },
	{ RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD, 60, true },
	{ RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD, 38, true },
	{ RTE_MBUF_F_RX_IP_CKSUM_GOOD, 19, true },
	/* What the device does not call good may be wrong. */
	{ RTE_MBUF_F_RX_IP_CKSUM_GOOD, 60, false },
	{ RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_NONE, 60, false },
	{ RTE_MBUF_F_RX_L4_CKSUM_BAD, 60, false },
	{ RTE_MBUF_F_RX_L4_CKSUM_GOOD, 18, false }, /* the IP header's identification */
	{ 0, 60, false },
};

static void audit_case(struct port *p, uint64_t flags, int corrupt, bool lies)
{
	struct rte_mbuf *m[3] = { tcp_frame(flags), tcp_frame(flags), tcp_frame(flags) };
	struct stats stats = { 0 };

	p->offloads |= PORT_RX_CHECKSUM;
	p->queues[0].audit = AUDIT_FRAMES;
	if (corrupt >= 0)
		*rte_pktmbuf_mtod_offset(m[1], uint8_t *, corrupt) ^= 0x10;
	port_tx(p, 0, m, 3, port_kit_pool(), &stats);
	assert_int_equal(port_rx(p, 0, m, 3, &stats), 3);
	assert_int_equal(m[0]->ol_flags & flags, flags);
	for (unsigned i = 1; i < 3; i++)
		assert_int_equal(m[i]->ol_flags & flags, lies ? 0 : flags);
	port_watch(p);
	assert_int_equal(port_refuted(p), lies ? PORT_RX_CHECKSUM : 0);
	rte_pktmbuf_free_bulk(m, 3);

	/* It is not believed any more, however good its next frames are. */
	m[0] = tcp_frame(flags);
	port_tx(p, 0, m, 1, port_kit_pool(), &stats);
	assert_int_equal(port_rx(p, 0, m, 3, &stats), 1);
	assert_int_equal(m[0]->ol_flags & flags, lies ? 0 : flags);
	rte_pktmbuf_free(m[0]);
	p->offloads &= ~(uint32_t)PORT_RX_CHECKSUM;
	p->refuted = 0;
}

/* Frames cut anywhere, with a claim: nothing behind their end is looked at. */
static void an_audit_reads_nothing_behind_a_frame(void **state)
{
	(void)state;
	for (unsigned len = 0; len <= sizeof(intact); len++) {
		struct rte_mbuf *m =
		    tcp_frame(RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
		unsigned cut = (unsigned)sizeof(intact) - len;

		memset(rte_pktmbuf_mtod_offset(m, char *, len), 0xee, cut);
		assert_int_equal(rte_pktmbuf_trim(m, (uint16_t)cut), 0);
		assert_true(port_audit_is_true(m));
		rte_pktmbuf_free(m);
	}
	port_kit_no_leak();
}

static void note_received(void *arg, unsigned device, const char *name, uint64_t value)
{
	assert_int_equal(device, 0);
	if (strcmp(name, "rx_good_packets") == 0)
		*(uint64_t *)arg = value;
}

/* Of port 5: untagged frames are 2's, those of VLAN 10 are 3's, of 4094 4's. */
static void vlans_are_told_apart(struct port *p)
{
	static const struct port_vlan vlans[] = { { 0, 2 }, { 10, 3 }, { 4094, 4 } };
	static const struct {
		char bytes[8]; /* from the type on */
		uint16_t len, stripped, port;
	} frames[] = {
		{ "\x08\x00", 60, 0, 2 }, { "\x81\x00\x00\x0a\x08\x00", 60, 0, 3 },
		{ "\x81\x00\xe0\x0a\x08\x00", 60, 0, 3 }, /* with a priority */
		{ "\x81\x00\x0f\xfe\x08\x00", 60, 0, 4 },
		{ "\x81\x00\x00\x0b\x08\x00", 60, 0, 5 }, /* of nobody: as without VLANs */
		{ "\x81\x00\xe0\x00\x08\x00", 60, 0, 2 }, /* a priority is no VLAN */
		{ "\x88\xa8\x00\x0a\x08\x00", 60, 0,
		    2 }, /* another kind of tag, which net refuses */
		{ "\x81\x00\x00\x0a\x08\x00", 17, 0, 2 }, /* cut short: nothing behind is read */
		{ "\x08\x00", 60, 10, 3 },
		{ "\x81\x00\x00\x0a\x08\x00", 60, 4094, 4 }, /* the outer tag counts */
	};

	port_set_vlans(p, vlans, RTE_DIM(vlans));
	for (unsigned i = 0; i < RTE_DIM(frames); i++) {
		struct rte_mbuf *m = frame(1, frames[i].len, 0);
		struct stats stats = { 0 };

		memcpy(rte_pktmbuf_mtod_offset(m, char *, 12), frames[i].bytes,
		    frames[i].len < 18 ? 5 : 6);
		if (frames[i].stripped > 0) {
			m->ol_flags = RTE_MBUF_F_RX_VLAN_STRIPPED;
			m->vlan_tci = (uint16_t)(frames[i].stripped | 0x6000);
		}
		assert_int_equal(rte_eth_tx_burst(p->devs[0], 0, &m, 1), 1);
		assert_int_equal(port_rx(p, 0, &m, 1, &stats), 1);
		if (m->port != frames[i].port)
			fail_msg("frame %u came as port %u's", i, m->port);
		rte_pktmbuf_free(m);
	}
}

/* From here on the ports are opened: a device once closed is gone. */

static void a_frame_comes_back_with_the_ports_number(void **state)
{
	static const char *const devices[] = { "net_ring0" };
	struct port_config c = port_kit_config(devices, 1);
	struct rte_mbuf *m[4] = { frame(1, 60, 1), frame(2, 61, 2), frame(1, 62, 3) };
	struct stats stats = { 0 };
	uint64_t received;
	struct port *p;
	uint8_t mac[6] = { 1 };

	(void)state;
	err_init(&err);
	p = port_open(&c, 5, &err);
	if (p == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(port_name(p), "front0");
	assert_true(port_link_is_up(p));
	assert_int_equal(port_ring_mbufs(&c), 2048 + LATE_MAX);
	port_mac(p, mac);
	assert_int_equal(mac[0] & 1, 0);
	assert_int_equal(port_offloads(p), PORT_TX_MULTI_SEGS);

	port_tx(p, 0, m, 3, port_kit_pool(), &stats);
	assert_int_equal(stats.v[STAT_TX_PACKETS], 3);
	assert_int_equal(stats.v[STAT_TX_BYTES], 60 + 122 + 62);
	memset(m, 0, sizeof(m));
	assert_int_equal(port_rx(p, 0, m, 4, &stats), 3);
	assert_int_equal(stats.v[STAT_RX_PACKETS], 3);
	assert_int_equal(stats.v[STAT_RX_BYTES], 60 + 122 + 62);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(m[i]->port, 5);
	assert_int_equal(m[1]->nb_segs, 2); /* a device that gathers gets the chain as it is */
	rte_pktmbuf_free_bulk(m, 3);

	received = 0;
	port_xstats(p, note_received, &received);
	assert_int_equal(received, 3);

	/* Only a change is a change. */
	port_watch(p);
	port_watch(p);
	assert_int_equal(port_link_changes(p), 0);
	rte_eth_dev_set_link_down(p->devs[0]);
	assert_false(port_link_is_up(p));
	port_watch(p);
	port_watch(p);
	assert_int_equal(port_link_changes(p), 1);
	rte_eth_dev_set_link_up(p->devs[0]);
	port_watch(p);
	assert_int_equal(port_link_changes(p), 2);

	for (unsigned i = 0; i < RTE_DIM(flags_cases); i++)
		audit_case(p, flags_cases[i].flags, flags_cases[i].corrupt, flags_cases[i].lies);
	vlans_are_told_apart(p);
	port_close(p);
	port_kit_no_leak();
}

/* What there is no room for waits in order; what is beyond that, too, is freed and counted. */
static void a_full_ring_gets_the_rest_later(void **state)
{
	static const char *const devices[] = { "net_ring1" };
	struct port_config c = port_kit_config(devices, 1);
	struct stats stats = { 0 };
	struct rte_mbuf *m[100];
	uint32_t next = 0, sent;
	struct port *p;

	(void)state;
	err_init(&err);
	p = port_open(&c, 0, &err);
	assert_non_null(p);
	assert_int_equal(port_tx_late(p, 0, 1000, &stats), 0);
	assert_false(port_is_backed_up(p, 0, 1000));
	for (uint32_t i = 0; i < 3000; i++) {
		m[i % 100] = frame(1, 100, 0);
		*rte_pktmbuf_mtod(m[i % 100], uint32_t *) = i;
		if (i % 100 == 99)
			port_tx(p, 0, m, 100, port_kit_pool(), &stats);
	}
	sent = (uint32_t)stats.v[STAT_TX_PACKETS];
	assert_in_range(sent, 1000, 1100); /* what the ring takes */
	assert_true(port_is_backed_up(p, 0, 1001));
	assert_int_equal(port_tx_late(p, 0, 20999, &stats), 0); /* there is no room yet */
	assert_true(port_is_backed_up(p, 0, 20999));
	assert_false(port_is_backed_up(p, 0, 21000)); /* nobody waits for a link that is down */
	assert_int_equal(stats.v[STAT_TX_LATE], LATE_MAX);
	assert_int_equal(stats.v[STAT_DROP_TX_FULL], 3000 - sent - LATE_MAX);
	for (unsigned got; (got = port_rx(p, 0, m, 100, &stats)) > 0;) {
		for (unsigned i = 0; i < got; i++)
			assert_int_equal(*rte_pktmbuf_mtod(m[i], uint32_t *), next++);
		rte_pktmbuf_free_bulk(m, got);
		/* A new one goes behind those that wait. */
		m[0] = frame(1, 100, 0);
		*rte_pktmbuf_mtod(m[0], uint32_t *) = sent + LATE_MAX;
		if (next == 100)
			port_tx(p, 0, m, 1, port_kit_pool(), &stats);
		else
			rte_pktmbuf_free(m[0]);
		port_tx_late(p, 0, 30000 + next, &stats);
		assert_int_equal(port_is_backed_up(p, 0, 30000 + next), p->queues[0].n_late > 0);
	}
	assert_false(port_is_backed_up(p, 0, 40000));
	assert_int_equal(next, sent + LATE_MAX + 1);
	assert_int_equal(stats.v[STAT_TX_PACKETS], next);
	assert_int_equal(stats.v[STAT_TX_BYTES], 100 * stats.v[STAT_TX_PACKETS]);

	/* What waits when a port is closed goes back to its pool. */
	for (unsigned i = 0; i < 15; i++) {
		for (unsigned j = 0; j < 100; j++)
			m[j] = frame(1, 100, 0);
		port_tx(p, 0, m, 100, port_kit_pool(), &stats);
	}
	assert_true(p->queues[0].n_late > 0);
	for (unsigned got; (got = (unsigned)rte_eth_rx_burst(p->devs[0], 0, m, 100)) > 0;)
		rte_pktmbuf_free_bulk(m, got);
	port_close(p);
	port_kit_no_leak();
}

/* i40e sends eight buffers a frame, and cuts frames of many more. */
static void a_frame_to_be_cut_may_have_more_buffers(void **state)
{
	struct port p = { .max_segs = 8, .max_tso_segs = 16 };
	struct rte_mbuf *m = frame(16, 100, 0), *plain = frame(9, 100, 0);

	(void)state;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	assert_ptr_equal(port_linear(&p, m, port_kit_pool()), m);
	assert_int_equal(m->nb_segs, 16);
	plain = port_linear(&p, plain, port_kit_pool());
	assert_non_null(plain);
	assert_int_equal(plain->nb_segs, 1);
	assert_int_equal(plain->pkt_len, 900);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(plain);
	port_kit_no_leak();
}

/* net_null takes everything and cannot gather. */
static void a_device_that_cannot_gather_gets_one_piece(void **state)
{
	static const char *const devices[] = { "net_null0" };
	struct port_config c = port_kit_config(devices, 1);
	struct rte_mbuf *m, *plain, *indirect;
	struct stats stats = { 0 };
	struct port *p;

	(void)state;
	err_init(&err);
	p = port_open(&c, 0, &err);
	assert_non_null(p);
	assert_int_equal(port_offloads(p), 0);

	plain = frame(1, 100, 7);
	assert_ptr_equal(port_linear(p, plain, port_kit_pool()), plain);

	indirect = rte_pktmbuf_clone(plain, port_kit_pool());
	m = port_linear(p, indirect, port_kit_pool());
	assert_non_null(m);
	assert_true(RTE_MBUF_DIRECT(m));
	assert_int_equal(m->pkt_len, 100);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(plain);

	m = frame(5, 33, 9);
	m->ol_flags |= RTE_MBUF_F_TX_IPV4;
	m->l2_len = 14;
	m = port_linear(p, m, port_kit_pool());
	assert_non_null(m);
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(m->data_len, 165);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_IPV4);
	assert_int_equal(m->l2_len, 14);
	for (unsigned i = 0; i < 165; i++)
		assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint8_t *, i), (uint8_t)(9 + i));

	port_tx(p, 0, &m, 1, port_kit_pool(), &stats);
	assert_int_equal(stats.v[STAT_TX_PACKETS], 1);
	port_kit_no_leak();

	m = frame(3, 1000, 0); /* fits no buffer */
	port_tx(p, 0, &m, 1, port_kit_pool(), &stats);
	assert_int_equal(stats.v[STAT_DROP_NO_MBUF], 1);
	assert_int_equal(stats.v[STAT_TX_PACKETS], 1);
	port_close(p);
	port_kit_no_leak();
}

static void without_a_free_mbuf_a_chain_is_dropped_and_counted(void **state)
{
	static const char *const devices[] = { "net_null1" };
	struct port_config c = port_kit_config(devices, 1);
	struct rte_mempool *empty = rte_pktmbuf_pool_create("empty", 3, 0, 0, 2176, 0);
	struct rte_mbuf *taken[3], *m = frame(2, 50, 0);
	struct stats stats = { 0 };
	struct port *p;

	(void)state;
	assert_non_null(empty);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(taken[i] = rte_pktmbuf_alloc(empty));
	err_init(&err);
	p = port_open(&c, 0, &err);
	assert_non_null(p);
	port_tx(p, 0, &m, 1, empty, &stats);
	assert_int_equal(stats.v[STAT_DROP_NO_MBUF], 1);
	assert_int_equal(stats.v[STAT_TX_PACKETS], 0);
	port_close(p);
	rte_pktmbuf_free_bulk(taken, 3);
	rte_mempool_free(empty);
	port_kit_no_leak();
}

/* Two devices of one queue each are one port of two queues. */
static void several_devices_are_the_queues_of_one_port(void **state)
{
	static const char *const devices[] = { "net_ring2", "net_ring3" };
	struct port_config c = port_kit_config(devices, 2);
	struct stats stats = { 0 };
	struct port *p;

	(void)state;
	err_init(&err);
	p = port_open(&c, 1, &err);
	if (p == NULL)
		fail_msg("%s", err.text);
	for (unsigned q = 0; q < 2; q++) {
		struct rte_mbuf *m = frame(1, 64, (uint8_t)(q + 1)), *got[2];

		port_tx(p, q, &m, 1, port_kit_pool(), &stats);
		assert_int_equal(port_rx(p, 1 - q, got, 2, &stats), 0);
		assert_int_equal(port_rx(p, q, got, 2, &stats), 1);
		assert_int_equal(*rte_pktmbuf_mtod(got[0], uint8_t *), q + 1);
		rte_pktmbuf_free(got[0]);
	}
	port_close(p);
	port_close(NULL);
	port_kit_no_leak();
}

/* Pages of 4 KB, as without hugepages: an object in each, and two fifths of them out of reach. */
static void buffers_out_of_the_kernels_reach_are_retired(void **state)
{
	enum {
		N = 1000
	};
	struct rte_mempool *p = rte_pktmbuf_pool_create("umem", N, 64, 0, 2176, 0);
	size_t size = rte_mempool_calc_obj_size(p->elt_size, p->flags, NULL), extent = N * size;
	uintptr_t base = (uintptr_t)STAILQ_FIRST(&p->mem_list)->addr;
	struct rte_mbuf *m[N];
	unsigned n = 0, retired;

	(void)state;
	assert_int_equal(p->nb_mem_chunks, 1);
	retired = port_umem_retire(p);
	assert_in_range(retired, N / 3, N / 2);
	assert_int_equal(rte_mempool_avail_count(p), N - retired);
	assert_int_equal(rte_mempool_default_cache(p, rte_lcore_id())->len, 0);
	while (n < N && (m[n] = rte_pktmbuf_alloc(p)) != NULL) {
		uintptr_t object = (uintptr_t)m[n] - p->header_size;

		assert_true(object >= base && object + size <= base + extent);
		n++;
	}
	assert_int_equal(n, N - retired); /* and every one within reach is there */
	rte_pktmbuf_free_bulk(m, n);
	assert_int_equal(port_umem_retire(p), 0); /* the second device of the same pool */
	rte_mempool_free(p);
}

static int start(void **state)
{
	static const char *const args[] = { "--vdev=net_ring0", "--vdev=net_ring1",
		"--vdev=net_ring2", "--vdev=net_ring3", "--vdev=net_null0", "--vdev=net_null2",
		"--vdev=net_null1", "--vdev=net_null3", "--vdev=net_ring4",
		"--log-level=user1:error" };

	(void)state;
	eal_refuses_what_it_cannot_do_and_says_why(NULL);
	return port_kit_start(args, RTE_DIM(args), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_is_lcore_0_and_workers_follow),
		cmocka_unit_test(eal_starts_once),
		cmocka_unit_test(an_unknown_device_is_named_with_those_that_exist),
		cmocka_unit_test(two_devices_for_three_workers_are_refused),
		cmocka_unit_test(more_workers_than_queues_are_refused),
		cmocka_unit_test(frames_that_fit_no_buffer_are_refused),
		cmocka_unit_test(a_device_without_pause_frames_is_not_told_about_them),
		cmocka_unit_test(tables_that_starve_a_queue_are_uneven),
		cmocka_unit_test(a_device_takes_our_key_and_tells_its_table),
		cmocka_unit_test(who_has_no_table_tells_none),
		cmocka_unit_test(an_audit_reads_nothing_behind_a_frame),
		cmocka_unit_test(a_frame_comes_back_with_the_ports_number),
		cmocka_unit_test(a_full_ring_gets_the_rest_later),
		cmocka_unit_test(a_frame_to_be_cut_may_have_more_buffers),
		cmocka_unit_test(a_device_that_cannot_gather_gets_one_piece),
		cmocka_unit_test(without_a_free_mbuf_a_chain_is_dropped_and_counted),
		cmocka_unit_test(several_devices_are_the_queues_of_one_port),
		cmocka_unit_test(buffers_out_of_the_kernels_reach_are_retired),
	};

	return cmocka_run_group_tests(tests, start, port_kit_stop);
}
