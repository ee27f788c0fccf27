/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/net_frames.h"

#include <cmocka.h>

static struct frame f;

static void eth_short_frames(void **state)
{
	struct fixture *fx = *state;

	frame_tcp4(&f, 0);
	for (f.len = 0; f.len < 14; f.len++)
		assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ETH_SHORT, 14);
}

/* Every cut of a good frame is dropped, as a whole or in pieces, and nothing is read behind it. */
static void eth_every_truncation(void **state)
{
	struct fixture *fx = *state;
	size_t whole;

	for (unsigned i = 0; i < 2; i++) {
		i == 0 ? frame_tcp4(&f, 11) : frame_tcp6(&f, 11);
		whole = f.len;
		for (size_t piece = 0; piece < 5; piece++)
			for (f.len = 0; f.len < whole; f.len++)
				assert_int_equal(give_on(fx, &f, 0, piece, 0, 0), NET_TAKEN);
		f.len = whole;
		assert_int_equal(give(fx, &f), NET_TCP);
	}
}

static void eth_unknown_iface(void **state)
{
	struct fixture *fx = *state;

	frame_tcp4(&f, 0);
	assert_int_equal(give_on(fx, &f, 2, 0, 0, 0), NET_TAKEN);
	assert_int_equal(give_on(fx, &f, 65535, 0, 0, 0), NET_TAKEN);
	assert_stat(fx, DROP_ETH_NOT_OURS, 2);
}

static void eth_type_unknown(void **state)
{
	struct fixture *fx = *state;

	frame_tcp4(&f, 0);
	f.b[12] = 0x88;
	f.b[13] = 0xcc;
	assert_int_equal(give(fx, &f), NET_TAKEN);
	f.b[12] = 0; /* an 802.3 length */
	f.b[13] = 40;
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ETH_TYPE, 2);
}

/* MUST-46, MUST-57: TCP neither from nor to groups; already the link layer tells. */
static void must_57_eth_addresses(void **state)
{
	static const uint8_t zero[6], group[6] = { 1, 0, 0x5e, 0, 0, 1 };
	static const uint8_t group6[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct fixture *fx = *state;

	frame_tcp4(&f, 0);
	memcpy(f.b, mac_router, 6);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	memcpy(f.b, group, 6);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	memcpy(f.b, mac_us, 6);
	memcpy(f.b + 6, group, 6);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	memcpy(f.b + 6, mac_us, 6);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	memcpy(f.b + 6, zero, 6);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_ETH_NOT_OURS, 5);
	/* RFC 1122 3.3.6: unicast IP in a broadcast frame. */
	frame_tcp4(&f, 0);
	memcpy(f.b, mac_all, 6);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	frame_tcp6(&f, 0);
	memcpy(f.b, group6, 6);
	assert_int_equal(give(fx, &f), NET_TAKEN);
	assert_stat(fx, DROP_IP_NOT_OURS, 2);
}

static void tcp_on_vlan(uint16_t tci)
{
	frame_eth(&f, mac_us1, mac_peer, 0);
	frame_vlan(&f, tci, 0x800);
	frame_ip4(&f, "10.1.0.9", "10.1.0.1", PROTO_TCP);
	frame_tcp(&f, 1, 2, 3);
	frame_seal(&f);
}

static void vlan_tag_in_frame(void **state)
{
	struct fixture *fx = *state;

	tcp_on_vlan(7);
	assert_int_equal(give_on(fx, &f, 1, 0, 0, 0), NET_TCP);
	assert_int_equal(fx->pkt.l4_off, 38);
	tcp_on_vlan(0xf007); /* priority and drop eligible bits are not part of the id */
	assert_int_equal(give_on(fx, &f, 1, 0, 0, 0), NET_TCP);
	tcp_on_vlan(8);
	assert_int_equal(give_on(fx, &f, 1, 0, 0, 0), NET_TAKEN);
	tcp_on_vlan(0);
	assert_int_equal(give_on(fx, &f, 1, 0, 0, 0), NET_TAKEN);
	assert_stat(fx, DROP_VLAN, 2);
	tcp_on_vlan(7);
	f.len = 17;
	assert_int_equal(give_on(fx, &f, 1, 0, 0, 0), NET_TAKEN);
	assert_stat(fx, DROP_ETH_SHORT, 1);
}

static void vlan_stripped_by_nic(void **state)
{
	const uint64_t stripped = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	struct fixture *fx = *state;

	frame_eth(&f, mac_us1, mac_peer, 0x800);
	frame_ip4(&f, "10.1.0.9", "10.1.0.1", PROTO_TCP);
	frame_tcp(&f, 1, 2, 3);
	frame_seal(&f);
	assert_int_equal(give_on(fx, &f, 1, 0, stripped, 0x6007), NET_TCP);
	assert_int_equal(fx->pkt.l4_off, 34);
	assert_int_equal(give_on(fx, &f, 1, 0, stripped, 8), NET_TAKEN);
	assert_int_equal(
	    give_on(fx, &f, 1, 0, 0, 7), NET_TAKEN); /* the flag counts, not the field */
	assert_stat(fx, DROP_VLAN, 2);
	/* A second tag behind a stripped one is QinQ. */
	tcp_on_vlan(7);
	assert_int_equal(give_on(fx, &f, 1, 0, stripped, 7), NET_TAKEN);
	assert_stat(fx, DROP_ETH_TYPE, 1);
}

/* 802.1Q: id 0 only carries a priority. */
static void vlan_priority_tag_is_untagged(void **state)
{
	const uint64_t stripped = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	struct fixture *fx = *state;

	frame_eth(&f, mac_us, mac_peer, 0);
	frame_vlan(&f, 0xe000, 0x800);
	frame_ip4(&f, "10.0.0.9", "10.0.0.1", PROTO_TCP);
	frame_tcp(&f, 1, 2, 3);
	frame_seal(&f);
	assert_int_equal(give(fx, &f), NET_TCP);
	frame_tcp4(&f, 0);
	assert_int_equal(give_on(fx, &f, 0, 0, stripped, 0xe000), NET_TCP);
	assert_int_equal(give_on(fx, &f, 0, 0, stripped, 5), NET_TAKEN);
	assert_stat(fx, DROP_VLAN, 1);
}

/* Chains cut anywhere: headers come together in the first segment, data stays as it was. */
static void eth_chains(void **state)
{
	struct fixture *fx = *state;
	uint8_t copy[2000];

	for (size_t piece = 1; piece < 600; piece += piece < 80 ? 1 : 61) {
		frame_tcp4(&f, 555);
		assert_int_equal(give_on(fx, &f, 0, piece, 0, 0), NET_TCP);
		assert_int_equal(fx->pkt.l4_len, 575);
		assert_int_equal(fx->tcp->pkt_len, f.len);
		assert_memory_equal(
		    rte_pktmbuf_read(fx->tcp, 0, (uint32_t)f.len, copy), f.b, f.len);
		frame_tcp6(&f, 555);
		assert_int_equal(give_on(fx, &f, 0, piece, 0, 0), NET_TCP);
		assert_int_equal(fx->pkt.l4_off, 54);
		assert_memory_equal(
		    rte_pktmbuf_read(fx->tcp, 0, (uint32_t)f.len, copy), f.b, f.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

		T(eth_short_frames),
		T(eth_every_truncation),
		T(eth_unknown_iface),
		T(eth_type_unknown),
		T(must_57_eth_addresses),
		T(vlan_tag_in_frame),
		T(vlan_stripped_by_nic),
		T(vlan_priority_tag_is_untagged),
		T(eth_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
