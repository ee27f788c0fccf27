/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The short way for a segment whose headers are like those of the one before: what it takes is what the long way says. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/tcp/seg.h"
#include "tests/unit/net_frames.h"

#include <cmocka.h>

#define L3      14
#define L4      34
#define PAYLOAD 400

static struct frame first, second;

/* The frame whose segment begins there, with the options (a multiple of four bytes) and flags. */
static void make(struct frame *f, uint32_t seq, const char *options, size_t n, uint8_t flags)
{
	struct wire_tcp *tcp;

	frame_eth(f, mac_us, mac_peer, 0x800);
	frame_ip4(f, "10.0.0.9", "10.0.0.1", PROTO_TCP);
	tcp = frame_tcp(f, 40000, 443, seq);
	tcp->off = (uint8_t)((20 + n) / 4 << 4);
	tcp->flags = flags;
	frame_bytes(f, options, n);
	frame_pattern(f, PAYLOAD);
	frame_seal(f);
}

#define STAMPS "\1\1\10\12\1\2\3\4\5\6\7\10"

/* The usual two: with timestamps, the second continues the first. */
static void make_two(void)
{
	make(&first, 1000, STAMPS, 12, SEG_ACK);
	make(&second, 1000 + PAYLOAD, STAMPS, 12, SEG_ACK);
}

static struct wire_ip4 *ip_of(struct frame *f)
{
	return (struct wire_ip4 *)(void *)(f->b + L3);
}

static struct wire_tcp *tcp_of(struct frame *f)
{
	return (struct wire_tcp *)(void *)(f->b + L4);
}

/* Both ways; where the short one takes it, the long one has to, too, and to say the same. */
static bool is_alike_with(
    struct fixture *fx, uint16_t iface, size_t piece, uint64_t ol_flags, uint16_t vlan_tci)
{
	struct rte_mbuf *a = frame_mbuf(fx, &first, 0, 0);
	struct rte_mbuf *b = frame_mbuf(fx, &second, iface, piece);
	struct net_icmp icmp;
	struct pkt seen;
	struct seg seg;
	uint16_t l4_len = 0;
	bool is_alike;

	memset(&seg, 0, sizeof(seg));
	assert_int_equal(net_input(fx->net, a, fx->now_us, &seen, &icmp), NET_TCP);
	assert_true(seg_parse(&seg, a, &seen));
	b->ol_flags |= ol_flags;
	b->vlan_tci = vlan_tci;
	is_alike = b->data_len >= seen.l4_off + SEG_HEADER_LEN &&
	    seg_is_alike(&seg, b, a, seen.l4_off) && net_input_alike(fx->net, b, a, &seen, &l4_len);
	if (is_alike) {
		struct seg parsed;

		seg_read_alike(&seg, b, seen.l4_off, l4_len);
		assert_int_equal(give_on(fx, &second, iface, piece, ol_flags, vlan_tci), NET_TCP);
		seen.l4_len = l4_len;
		assert_true(ip_addr_eq(&fx->pkt.src, &seen.src));
		assert_true(ip_addr_eq(&fx->pkt.dst, &seen.dst));
		assert_int_equal(fx->pkt.iface, seen.iface);
		assert_int_equal(fx->pkt.l4_off, seen.l4_off);
		assert_int_equal(fx->pkt.l4_len, seen.l4_len);
		assert_int_equal(fx->pkt.ecn, seen.ecn);
		assert_int_equal(fx->pkt.ttl, seen.ttl);
		assert_int_equal(fx->pkt.is_reassembled, seen.is_reassembled);
		assert_int_equal(fx->tcp->pkt_len, b->pkt_len);
		memset(&parsed, 0, sizeof(parsed));
		assert_true(seg_parse(&parsed, fx->tcp, &fx->pkt));
		assert_memory_equal(&parsed, &seg, offsetof(struct seg, opts));
		assert_int_equal(parsed.opts.has, seg.opts.has);
		assert_int_equal(parsed.opts.tsval, seg.opts.tsval);
		assert_int_equal(parsed.opts.tsecr, seg.opts.tsecr);
	}
	rte_pktmbuf_free(a);
	rte_pktmbuf_free(b);
	return is_alike;
}

static bool is_alike(struct fixture *fx)
{
	return is_alike_with(fx, 0, 0, 0, 0);
}

static void what_continues_is_alike(void **state)
{
	make_two();
	assert_true(is_alike(*state));
	make(&second, 1000 + PAYLOAD, STAMPS, 12, SEG_ACK | SEG_PSH);
	assert_true(is_alike(*state));
	make(&first, 1, "", 0, SEG_ACK | SEG_PSH);
	make(&second, 0xfffffff0, "", 0, SEG_ACK); /* where it lies is TCP's to judge */
	assert_true(is_alike(*state));
	second.len = 14 + 20 + 20; /* no payload */
	frame_seal(&second);
	assert_true(is_alike(*state));
	second.len = 14 + 20 + 20 + 1;
	frame_seal(&second);
	ip_of(&second)->id = 0x1234;
	frame_seal(&second);
	assert_true(is_alike(*state));
}

/* Whatever bit of the headers is another, with sums put right and without: never another verdict than the long way's. */
static void every_bit_of_the_headers(void **state)
{
	unsigned n_alike = 0;

	for (unsigned bit = 0; bit < (L4 + 32) * 8; bit++) {
		unsigned byte = bit / 8;

		make_two();
		second.b[byte] ^= (uint8_t)(1u << bit % 8);
		assert_false(
		    is_alike(*state)); /* a bit more or less is seen by a checksum, or is a MAC's */
		make_two();
		second.b[byte] ^= (uint8_t)(1u << bit % 8);
		if (byte == L3) /* another version or header length cannot be sealed */
			continue;
		frame_seal(&second);
		n_alike += is_alike(*state);
	}
	/* All of the id and of the sequence number, PSH, and what sealing puts right: total length and both sums. */
	assert_int_equal(n_alike, 16 + 32 + 1 + 16 + 16 + 16);
}

static void payload_that_is_wrong(void **state)
{
	for (unsigned byte = L4 + 32; byte < L4 + 32 + PAYLOAD; byte++) {
		make_two();
		second.b[byte] ^= 0x10;
		assert_false(is_alike(*state));
	}
}

/* Flags that have an effect of their own, in either. */
static void flags_other_than_ack(void **state)
{
	for (unsigned flags = 0; flags < 256; flags++) {
		bool is_plain = (flags & ~SEG_PSH) == SEG_ACK;

		make_two();
		make(&second, 1000 + PAYLOAD, STAMPS, 12, (uint8_t)flags);
		assert_int_equal(is_alike(*state), is_plain);
		make(&first, 1000, STAMPS, 12, (uint8_t)flags);
		assert_int_equal(is_alike(*state), is_plain);
	}
}

/* Equal options, but others than timestamps. */
static void options_that_need_to_be_read(void **state)
{
	static const char *const options[] = { "\1\1\5\12\0\0\0\1\0\0\0\2",
		"\1\1\1\1\1\1\1\1\1\1\1\1", "\2\4\5\264\1\1\1\1\1\1\1\1",
		"\1\1\10\13\1\2\3\4\5\6\7\10", "\0\0\10\12\1\2\3\4\5\6\7\10" };

	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		make(&first, 1000, options[i], 12, SEG_ACK);
		make(&second, 1400, options[i], 12, SEG_ACK);
		assert_false(is_alike(*state));
	}
	for (size_t n = 4; n <= 40; n += 4) {
		make(&first, 1000,
		    STAMPS "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1", n, SEG_ACK);
		make(&second, 1400,
		    STAMPS "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1", n, SEG_ACK);
		assert_int_equal(is_alike(*state), n == 12);
	}
}

/* Timestamps moved on by one, and an echo. */
static void timestamps_of_its_own(void **state)
{
	make_two();
	make(&second, 1400, "\1\1\10\12\1\2\3\5\5\6\7\10", 12, SEG_ACK);
	assert_false(is_alike(*state));
	make(&second, 1400, "\1\1\10\12\1\2\3\4\5\6\7\11", 12, SEG_ACK);
	assert_false(is_alike(*state));
}

static void lengths_that_do_not_fit(void **state)
{
	/* Padding behind the datagram has to be cut; a datagram longer than its frame is none. */
	for (int off = -45; off <= 45; off++) {
		if (off == 0)
			continue;
		make_two();
		ip_of(&second)->total_len = htons((uint16_t)(20 + 32 + PAYLOAD + off));
		ip_of(&second)->sum = 0;
		ip_of(&second)->sum = htons((uint16_t)~slow_checksum(ip_of(&second), 20, 0));
		assert_false(is_alike(*state));
	}
	/* Cut anywhere in the headers; that its options are beyond its end is not seen by lengths alone. */
	for (size_t len = 15; len < L4 + 32; len++) {
		make_two();
		second.len = len;
		if (len >= L4 + 20)
			frame_seal(&second);
		assert_false(is_alike(*state));
	}
}

static void frames_of_several_mbufs(void **state)
{
	make_two();
	for (size_t piece = 20; piece < 400; piece += 10)
		assert_false(is_alike_with(*state, 0, piece, 0, 0));
}

static void another_way_in(void **state)
{
	make_two();
	assert_false(is_alike_with(*state, 1, 0, 0, 0));
	assert_false(
	    is_alike_with(*state, 0, 0, RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_VLAN, 7));
	assert_false(is_alike_with(*state, 0, 0, 0, 7));
	assert_false(is_alike_with(*state, 0, 0, RTE_MBUF_F_RX_L4_CKSUM_GOOD, 0));
}

/* IP options, a tag and IPv6 in both: equal, and not for the short way. */
static void headers_of_another_kind(void **state)
{
	frame_tcp6(&first, 100);
	frame_tcp6(&second, 100);
	assert_false(is_alike(*state));
	for (unsigned i = 0; i < 2; i++) {
		struct frame *f = i ? &second : &first;

		frame_eth(f, mac_us, mac_peer, 0x800);
		frame_ip4(f, "10.0.0.9", "10.0.0.1", PROTO_TCP)->version_ihl = 0x46;
		frame_bytes(f, "\1\1\1\1", 4);
		frame_tcp(f, 40000, 443, 1);
		frame_pattern(f, 50);
		frame_seal(f);
	}
	assert_false(is_alike(*state));
}

/* The device's word counts for the one frame it is about. */
static void a_device_that_checks(void **state)
{
	struct fixture *fx = *state;
	const uint64_t good = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;

	fixture_fini(fx);
	fixture_init(fx);
	fx->ifaces[0].offloads = NET_RX_CHECKSUM;
	fixture_net(fx);
	make_two();
	assert_true(is_alike_with(fx, 0, 0, 0, 0));
	tcp_of(&second)->sum ^= 1;
	assert_false(is_alike_with(fx, 0, 0, 0, 0));
	assert_false(is_alike_with(fx, 0, 0, good, 0)); /* the first was not looked at by it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define RUN(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		RUN(what_continues_is_alike),
		RUN(every_bit_of_the_headers),
		RUN(payload_that_is_wrong),
		RUN(flags_other_than_ack),
		RUN(options_that_need_to_be_read),
		RUN(timestamps_of_its_own),
		RUN(lengths_that_do_not_fit),
		RUN(frames_of_several_mbufs),
		RUN(another_way_in),
		RUN(headers_of_another_kind),
		RUN(a_device_that_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
