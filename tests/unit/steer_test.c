/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/steer/steer.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "config/err.h"
#include "dataplane/base/stats.h"
#include "dataplane/steer/peek.h"
#include "tests/unit/eal.h"

#include <cmocka.h>

#define N_MBUFS 8191

static const uint8_t secret[16] = "sixteen secret b";
static struct rte_mempool *pool;

/* --- frames ------------------------------------------------------------------------------------ */

struct frame {
	uint8_t b[512];
	unsigned len;
};

static void put(struct frame *f, const void *data, unsigned n)
{
	assert_true(f->len + n <= sizeof(f->b));
	memcpy(f->b + f->len, data, n);
	f->len += n;
}

static void put8(struct frame *f, unsigned v)
{
	uint8_t b = (uint8_t)v;

	put(f, &b, 1);
}

static void put16(struct frame *f, unsigned v)
{
	put8(f, v >> 8);
	put8(f, v);
}

static void put_zeros(struct frame *f, unsigned n)
{
	while (n-- > 0)
		put8(f, 0);
}

static void put_eth(struct frame *f, uint16_t type)
{
	f->len = 0;
	put(f, "\x02\x00\x00\x00\x01\x01\x02\x00\x00\x00\x01\x02", 12);
	put16(f, type);
}

static void put_vlan(struct frame *f, uint16_t type)
{
	put_eth(f, 0x8100);
	put16(f, 100);
	put16(f, type);
}

static const uint8_t client4[4] = { 10, 80, 0, 2 }, server4[4] = { 10, 80, 0, 1 };
static const uint8_t client6[16] = { 0xfd, 0x80, [15] = 2 }, server6[16] = { 0xfd, 0x80, [15] = 1 };

static void put_ip4(struct frame *f, const uint8_t src[4], const uint8_t dst[4], uint8_t proto,
    unsigned option_len, unsigned payload_len, uint16_t frag)
{
	put8(f, 0x40 | (20 + option_len) / 4);
	put8(f, 0);
	put16(f, 20 + option_len + payload_len);
	put16(f, 0);
	put16(f, frag);
	put8(f, 64);
	put8(f, proto);
	put16(f, 0);
	put(f, src, 4);
	put(f, dst, 4);
	put_zeros(f, option_len);
}

static void put_ip6(struct frame *f, const uint8_t src[16], const uint8_t dst[16], uint8_t next,
    unsigned payload_len)
{
	put16(f, 0x6000);
	put16(f, 0);
	put16(f, payload_len);
	put8(f, next);
	put8(f, 64);
	put(f, src, 16);
	put(f, dst, 16);
}

static void put_tcp(struct frame *f, uint16_t src, uint16_t dst, unsigned len)
{
	put16(f, src);
	put16(f, dst);
	put_zeros(f, len - 4);
}

static void tcp4(struct frame *f, uint16_t port)
{
	put_eth(f, 0x0800);
	put_ip4(f, client4, server4, 6, 0, 20, 0x4000);
	put_tcp(f, port, 443, 20);
}

static void tcp6(struct frame *f, uint16_t port)
{
	put_eth(f, 0x86dd);
	put_ip6(f, client6, server6, 6, 20);
	put_tcp(f, port, 443, 20);
}

/* Our packet from 443 to port came back in an ICMP error. */
static void icmp4(struct frame *f, uint8_t type, uint16_t port, unsigned quoted)
{
	put_eth(f, 0x0800);
	put_ip4(f, (const uint8_t[]){ 192, 0, 2, 1 }, server4, 1, 0, 8 + 20 + quoted, 0);
	put8(f, type);
	put_zeros(f, 7);
	put_ip4(f, server4, client4, 6, 0, 1400, 0x4000);
	if (quoted >= 4)
		put_tcp(f, 443, port, quoted);
	else
		put_zeros(f, quoted);
}

static void icmp6(struct frame *f, uint8_t type, uint16_t port, unsigned quoted)
{
	put_eth(f, 0x86dd);
	put_ip6(f, client6, server6, 58, 8 + 40 + quoted);
	put8(f, type);
	put_zeros(f, 7);
	put_ip6(f, server6, client6, 6, 1400);
	put_tcp(f, 443, port, quoted);
}

static struct flow flow4(uint16_t port)
{
	struct flow flow = { .remote_port = port, .local_port = 443 };

	flow.remote.b[10] = flow.remote.b[11] = flow.local.b[10] = flow.local.b[11] = 0xff;
	memcpy(flow.remote.b + 12, client4, 4);
	memcpy(flow.local.b + 12, server4, 4);
	return flow;
}

static struct flow flow6(uint16_t port)
{
	struct flow flow = { .remote_port = port, .local_port = 443 };

	memcpy(flow.remote.b, client6, 16);
	memcpy(flow.local.b, server6, 16);
	return flow;
}

static bool peek_exact(const struct frame *f, unsigned len, struct flow *flow)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	bool found;

	assert_non_null(exact);
	memcpy(exact, f->b, len);
	found = peek_flow(exact, len, len, flow);
	free(exact);
	return found;
}

static void assert_flow(const struct frame *f, struct flow want)
{
	struct flow got;

	assert_true(peek_exact(f, f->len, &got));
	assert_true(ip_addr_eq(&got.remote, &want.remote));
	assert_true(ip_addr_eq(&got.local, &want.local));
	assert_int_equal(got.remote_port, want.remote_port);
	assert_int_equal(got.local_port, want.local_port);
	/* No prefix of it has a flow: every byte up to the end of the headers was needed. */
	for (unsigned len = 0; len < f->len; len++)
		assert_false(peek_exact(f, len, &got));
}

static void assert_none(const struct frame *f)
{
	struct flow got;

	for (unsigned len = 0; len <= f->len; len++)
		assert_false(peek_exact(f, len, &got));
}

/* --- whose packet it is ------------------------------------------------------------------------ */

static void tcp_packets_have_a_flow(void **state)
{
	struct frame f;

	(void)state;
	tcp4(&f, 4660);
	assert_flow(&f, flow4(4660));
	tcp6(&f, 4660);
	assert_flow(&f, flow6(4660));
	put_vlan(&f, 0x0800);
	put_ip4(&f, client4, server4, 6, 40, 20, 0); /* with IP options */
	put_tcp(&f, 9, 443, 20);
	assert_flow(&f, flow4(9));
	put_vlan(&f, 0x86dd);
	put_ip6(&f, client6, server6, 0, 8 + 16 + 24 + 20);
	put(&f, "\x3c\0\0\0\0\0\0\0", 8); /* hop by hop, then destination options, */
	put(&f, "\x2b\1\0\0\0\0\0\0", 8); /* then routing */
	put_zeros(&f, 8);
	put(&f, "\x06\2\0\0\0\0\0\0", 8);
	put_zeros(&f, 16);
	put_tcp(&f, 7, 443, 20);
	assert_flow(&f, flow6(7));
}

static void padding_of_ethernet_is_not_the_packet(void **state)
{
	struct frame f;
	struct flow flow;

	(void)state;
	tcp4(&f, 4660);
	put_zeros(&f, 6);
	assert_true(peek_exact(&f, f.len, &flow));
	/* A packet that says it is shorter than its TCP header is cut there. */
	f.b[14 + 3] = 39;
	assert_false(peek_exact(&f, f.len, &flow));
	tcp6(&f, 4660);
	f.b[14 + 5] = 19;
	assert_none(&f);
}

static void icmp_errors_belong_to_what_they_quote(void **state)
{
	static const uint8_t types4[] = { 3, 4, 11, 12 };
	struct frame f;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		icmp4(&f, types4[i], 1000, 8);
		assert_flow(&f, flow4(1000));
	}
	for (uint8_t type = 1; type <= 4; type++) {
		icmp6(&f, type, 1000, 8);
		assert_flow(&f, flow6(1000));
	}
}

static void other_icmp_stays(void **state)
{
	struct frame f;

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		icmp4(&f, (uint8_t)type, 1000, 8);
		if (type != 3 && type != 4 && type != 11 && type != 12)
			assert_none(&f);
		icmp6(&f, (uint8_t)type, 1000, 8);
		if (type < 1 || type > 4)
			assert_none(&f);
	}
	icmp4(&f, 3, 1000, 7); /* less than RFC 792 promises */
	assert_none(&f);
	icmp6(&f, 1, 1000, 7);
	assert_none(&f);
}

static void an_icmp_error_about_an_icmp_error_stays(void **state)
{
	struct frame f;

	(void)state;
	put_eth(&f, 0x0800);
	put_ip4(&f, client4, server4, 1, 0, 8 + 20 + 8 + 20 + 8, 0);
	put(&f, "\3\0\0\0\0\0\0\0", 8);
	put_ip4(&f, server4, client4, 1, 0, 8 + 20 + 8, 0);
	put(&f, "\3\0\0\0\0\0\0\0", 8);
	put_ip4(&f, client4, server4, 6, 0, 20, 0);
	put_tcp(&f, 1, 2, 8);
	assert_none(&f);
}

/* Whatever their ports, protocols and places: all that may belong together goes to one worker. */
static void fragments_have_the_flow_of_their_addresses(void **state)
{
	static const uint16_t frags[] = { 0x2000, 0x0001, 0x2001, 0x1fff };
	static const uint8_t protos[] = { 6, 1, 17, 58 };
	struct flow none4 = flow4(0), none6 = flow6(0);
	struct frame f;

	(void)state;
	none4.local_port = none6.local_port = 0;
	for (unsigned i = 0; i < 16; i++) {
		put_eth(&f, 0x0800);
		put_ip4(&f, client4, server4, protos[i % 4], 4 * i % 40, 1, frags[i / 4]);
		put8(&f, 77);
		assert_flow(&f, none4);
		put_eth(&f, 0x86dd);
		put_ip6(&f, client6, server6, 0, 8 + 8 + 1);
		put(&f, "\x2c\0\0\0\0\0\0\0", 8);
		put8(&f, protos[i % 4]);
		put8(&f, 0);
		put16(&f, i < 8 ? 1 : 8 * i + i % 2);
		put_zeros(&f, 4);
		put8(&f, 77);
		assert_flow(&f, none6);
	}
	/* Without data it is none. */
	put_eth(&f, 0x0800);
	put_ip4(&f, client4, server4, 6, 0, 0, 0x2000);
	assert_none(&f);
}

/* RFC 6946: whole, in spite of its header. */
static void atomic_fragments_are_whole(void **state)
{
	struct frame f;

	(void)state;
	put_eth(&f, 0x86dd);
	put_ip6(&f, client6, server6, 44, 8 + 20);
	put(&f, "\6\xff\0\6\0\0\0\1", 8); /* reserved bits are ignored */
	put_tcp(&f, 4660, 443, 20);
	assert_flow(&f, flow6(4660));
}

/* Only its beginning is in reach: that is enough when the rest is said to be there. */
static void scattered_packets_have_a_flow(void **state)
{
	struct frame f;
	struct flow flow;

	(void)state;
	tcp4(&f, 4660);
	f.b[14 + 2] = 0x23; /* 9,000 bytes */
	f.b[14 + 3] = 0x28;
	assert_true(peek_flow(f.b, f.len, 14 + 9000, &flow));
	assert_int_equal(flow.remote_port, 4660);
	assert_false(peek_flow(f.b, f.len, 14 + 8999, &flow));
	assert_false(peek_flow(f.b, 14 + 20 + 19, 14 + 9000, &flow));
	tcp6(&f, 4660);
	f.b[14 + 4] = 0x23;
	f.b[14 + 5] = 0x28;
	assert_true(peek_flow(f.b, f.len, 14 + 40 + 9000, &flow));
	assert_int_equal(flow.remote_port, 4660);
	assert_false(peek_flow(f.b, f.len, 14 + 40 + 8999, &flow));
}

static void other_protocols_stay(void **state)
{
	struct frame f;

	(void)state;
	for (unsigned proto = 0; proto < 256; proto++) {
		put_eth(&f, 0x0800);
		put_ip4(&f, client4, server4, (uint8_t)proto, 0, 20, 0);
		put_tcp(&f, 0x0900, 2, 20); /* an ICMP type that is no error */
		if (proto != 6)
			assert_none(&f);
		put_eth(&f, 0x86dd);
		put_ip6(&f, client6, server6, (uint8_t)proto, 20);
		put_tcp(&f, 0xff00, 2, 20);
		if (proto != 6)
			assert_none(&f);
	}
	for (unsigned type = 0; type < 65536; type += 0x11) {
		tcp4(&f, 1);
		f.b[12] = (uint8_t)(type >> 8);
		f.b[13] = (uint8_t)type;
		if (type != 0x0800)
			assert_none(&f);
	}
}

static void headers_that_contradict_themselves_stay(void **state)
{
	struct frame f;

	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		tcp4(&f, 1);
		f.b[14] = (uint8_t)first;
		if (first != 0x45)
			assert_none(&f);
		tcp6(&f, 1);
		f.b[14] = (uint8_t)first;
		if (first >> 4 != 6)
			assert_none(&f);
	}
	tcp4(&f, 1);
	f.b[14 + 2] = 1; /* longer than the frame */
	assert_none(&f);
	tcp6(&f, 1);
	f.b[14 + 4] = 1;
	assert_none(&f);
	put_eth(&f, 0x8100); /* two tags */
	put16(&f, 1);
	put16(&f, 0x8100);
	put16(&f, 2);
	put16(&f, 0x0800);
	put_ip4(&f, client4, server4, 6, 0, 20, 0);
	put_tcp(&f, 1, 2, 20);
	assert_none(&f);
}

static void extension_headers_without_end_stay(void **state)
{
	struct frame f;

	(void)state;
	for (unsigned n = 9; n < 30; n++) {
		put_eth(&f, 0x86dd);
		put_ip6(&f, client6, server6, 60, n * 8 + 20);
		for (unsigned i = 0; i < n; i++) {
			put8(&f, i + 1 < n ? 60 : 6);
			put_zeros(&f, 7);
		}
		put_tcp(&f, 1, 2, 20);
		assert_none(&f);
	}
	put_eth(&f, 0x86dd);
	put_ip6(&f, client6, server6, 0, 8 + 20);
	put(&f, "\6\3\0\0\0\0\0\0", 8); /* 32 bytes of 28 */
	put_tcp(&f, 1, 2, 20);
	assert_none(&f);
}

/* --- owners and rings -------------------------------------------------------------------------- */

static void owners_are_evenly_spread(void **state)
{
	static const unsigned counts[] = { 2, 3, 7, 16, 64 };

	(void)state;
	for (unsigned c = 0; c < 5; c++) {
		struct steer *s = steer_new(counts[c], secret, NULL, &(struct err){ 0 });
		unsigned n[64] = { 0 }, per = 65536 / counts[c];

		assert_non_null(s);
		for (unsigned port = 0; port < 65536; port++) {
			struct flow flow = flow4((uint16_t)port);
			unsigned owner = steer_owner(s, &flow);

			assert_true(owner < counts[c]);
			n[owner]++;
			flow.iface = 5; /* a route may change */
			assert_int_equal(steer_owner(s, &flow), owner);
		}
		for (unsigned i = 0; i < counts[c]; i++)
			assert_in_range(n[i], per - per / 8, per + per / 8);
		steer_free(s);
	}
}

static void every_part_of_the_tuple_and_the_secret_counts(void **state)
{
	struct steer *s = steer_new(64, secret, NULL, &(struct err){ 0 });
	struct steer *other =
	    steer_new(64, (const uint8_t *)"another secret..", NULL, &(struct err){ 0 });
	unsigned moved[5] = { 0 };

	(void)state;
	for (uint16_t port = 1; port <= 1000; port++) {
		struct flow flow = flow6(port), changed[4] = { flow, flow, flow, flow };
		unsigned owner = steer_owner(s, &flow);

		changed[0].remote.b[8] ^= 1;
		changed[1].local.b[15] ^= 1;
		changed[2].remote_port ^= 0x100;
		changed[3].local_port ^= 1;
		for (unsigned i = 0; i < 4; i++)
			moved[i] += steer_owner(s, &changed[i]) != owner;
		moved[4] += steer_owner(other, &flow) != owner;
	}
	for (unsigned i = 0; i < 5; i++)
		assert_true(moved[i] > 900);
	steer_free(s);
	steer_free(other);
}

static void exactly_one_worker_calls_a_flow_its_own(void **state)
{
	struct steer *s = steer_new(5, secret, NULL, &(struct err){ 0 });

	(void)state;
	for (uint16_t port = 1; port <= 1000; port++) {
		struct flow flow = flow6(port);
		unsigned n = 0;

		for (unsigned w = 0; w < 5; w++)
			n += steer_is_ours(&(struct steer_self){ .steer = s, .worker = w }, &flow);
		assert_int_equal(n, 1);
	}
	steer_free(s);
}

static struct rte_mbuf *mbuf(const struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)f->len), f->b, f->len);
	return m;
}

static uint16_t port_of(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	return (uint16_t)(p[34] << 8 | p[35]);
}

static void alone_a_worker_keeps_everything(void **state)
{
	struct steer *s = steer_new(1, secret, NULL, &(struct err){ 0 });
	struct rte_mbuf *m[8], *got[8];
	struct stats stats = { 0 };
	struct frame f;

	(void)state;
	for (uint16_t i = 0; i < 8; i++) {
		tcp4(&f, i);
		m[i] = mbuf(&f);
	}
	assert_int_equal(steer_sort(s, 0, m, 8, &stats), 8);
	assert_int_equal(steer_take(s, 0, got, 8, &stats), 0);
	rte_pktmbuf_free_bulk(m, 8);
	steer_free(s);
}

static void a_burst_is_sorted_in_order(void **state)
{
	enum {
		N = 256
	};
	struct steer *s = steer_new(3, secret, NULL, &(struct err){ 0 });
	struct rte_mbuf *m[N], *got[N];
	struct stats stats = { 0 };
	unsigned kept, total;
	struct frame f;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		tcp4(&f, (uint16_t)i);
		if (i % 16 == 0)
			put_eth(&f, 0x0806); /* ARP stays */
		m[i] = mbuf(&f);
	}
	kept = total = steer_sort(s, 1, m, N, &stats);
	assert_in_range(kept, N / 4, N / 2);
	for (unsigned w = 0, n = 0; w < 3; w++) {
		struct rte_mbuf **mine = w == 1 ? m : got;

		n = w == 1 ? kept : steer_take(s, w, got, N, &stats);
		if (w != 1)
			total += n;
		for (unsigned i = 0; i < n; i++) {
			struct flow flow;

			if (mine[i]->pkt_len == 14)
				continue;
			flow = flow4(port_of(mine[i]));
			assert_int_equal(steer_owner(s, &flow), w);
			if (i > 0 && mine[i - 1]->pkt_len > 14)
				assert_true(port_of(mine[i - 1]) < port_of(mine[i]));
		}
		if (w != 1)
			rte_pktmbuf_free_bulk(got, n);
	}
	assert_int_equal(total, N);
	assert_int_equal(steer_forwarded(&stats), N - kept);
	assert_int_equal(stats.v[STAT_STEER_RECEIVED], N - kept);
	rte_pktmbuf_free_bulk(m, kept);
	steer_free(s);
	assert_int_equal(rte_mempool_avail_count(pool), N_MBUFS);
}

static void an_icmp_error_follows_its_connection(void **state)
{
	struct steer *s = steer_new(2, secret, NULL, &(struct err){ 0 });
	struct stats stats = { 0 };

	(void)state;
	for (uint16_t port = 1; port < 200; port++) {
		struct flow flow = flow4(port);
		unsigned owner = steer_owner(s, &flow);
		struct rte_mbuf *m, *got;
		struct frame f;

		icmp4(&f, 3, port, 8);
		m = mbuf(&f);
		assert_int_equal(steer_sort(s, 1 - owner, &m, 1, &stats), 0);
		assert_int_equal(steer_take(s, owner, &got, 1, &stats), 1);
		assert_ptr_equal(got, m);
		rte_pktmbuf_free(got);
	}
	steer_free(s);
}

static void a_full_ring_drops_and_counts(void **state)
{
	struct steer *s = steer_new(2, secret, NULL, &(struct err){ 0 });
	struct stats stats = { 0 };
	unsigned sent = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		struct flow flow = flow4((uint16_t)i);
		struct rte_mbuf *m;
		struct frame f;

		if (steer_owner(s, &flow) != 1)
			continue;
		tcp4(&f, (uint16_t)i);
		m = mbuf(&f);
		assert_int_equal(steer_sort(s, 0, &m, 1, &stats), 0);
		sent++;
	}
	assert_true(stats.v[STAT_DROP_STEER_RING_FULL] > 0);
	assert_int_equal(steer_forwarded(&stats) + stats.v[STAT_DROP_STEER_RING_FULL], sent);
	steer_free(s); /* with what nobody took */
	steer_free(NULL);
	assert_int_equal(rte_mempool_avail_count(pool), N_MBUFS);
}

/* Two threads hand each other frames; each checks that it gets its own, each flow in order. */
struct side {
	struct steer *steer;
	unsigned me;
	struct stats stats;
	struct rte_mempool *pool;
	unsigned *n_done, n_wrong; /* n_done is shared */
};

#define N_EACH  200000
#define N_FLOWS 64

static void check_taken(struct side *side, struct rte_mbuf *m, uint32_t last[2][N_FLOWS])
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t port = port_of(m);
	struct flow flow = flow4(port);
	uint32_t seq;

	memcpy(&seq, p + 38, 4);
	/* The acknowledgement field says who received the frame from the wire. */
	if (steer_owner(side->steer, &flow) != side->me || seq <= last[p[42]][port])
		side->n_wrong++;
	last[p[42]][port] = seq;
	rte_pktmbuf_free(m);
	__atomic_fetch_add(side->n_done, 1, __ATOMIC_RELAXED);
}

static void *side_run(void *arg)
{
	static _Thread_local uint32_t last[2][N_FLOWS];
	struct side *side = arg;
	struct frame f;

	memset(last, 0, sizeof(last));
	for (uint32_t i = 1; __atomic_load_n(side->n_done, __ATOMIC_RELAXED) +
		 __atomic_load_n(&side->stats.v[STAT_DROP_STEER_RING_FULL], __ATOMIC_RELAXED) <
	     2 * N_EACH;) {
		struct rte_mbuf *pkts[32];
		unsigned n = 0, kept;

		while (n < 32 && i <= N_EACH) {
			struct rte_mbuf *m = rte_pktmbuf_alloc(side->pool);

			if (m == NULL)
				break; /* the other side is behind */
			tcp4(&f, (uint16_t)(i % N_FLOWS));
			memcpy(f.b + 38, &i, 4);
			f.b[42] = (uint8_t)side->me;
			memcpy(rte_pktmbuf_append(m, (uint16_t)f.len), f.b, f.len);
			pkts[n++] = m;
			i++;
		}
		kept = steer_sort(side->steer, side->me, pkts, n, &side->stats);
		for (unsigned j = 0; j < kept; j++)
			check_taken(side, pkts[j], last);
		n = steer_take(side->steer, side->me, pkts, 32, &side->stats);
		for (unsigned j = 0; j < n; j++)
			check_taken(side, pkts[j], last);
		if (n == 0)
			sched_yield();
	}
	return NULL;
}

static void two_threads_lose_nothing_and_keep_each_flow_in_order(void **state)
{
	struct steer *s = steer_new(2, secret, NULL, &(struct err){ 0 });
	static unsigned n_done;
	struct side sides[2];
	pthread_t threads[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		/* Fewer mbufs than a ring holds: nothing can be dropped. */
		sides[i] = (struct side){ .steer = s,
			.me = i,
			.n_done = &n_done,
			.pool = rte_pktmbuf_pool_create(i ? "one" : "zero", 512, 0, 0, 512, 0) };
		assert_non_null(sides[i].pool);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, side_run, &sides[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(n_done, 2 * N_EACH);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sides[i].n_wrong, 0);
		assert_int_equal(sides[i].stats.v[STAT_DROP_STEER_RING_FULL], 0);
		assert_true(steer_forwarded(&sides[i].stats) > N_EACH / 4);
		assert_int_equal(
		    steer_forwarded(&sides[i].stats), sides[1 - i].stats.v[STAT_STEER_RECEIVED]);
		assert_int_equal(rte_mempool_avail_count(sides[i].pool), 512);
		rte_mempool_free(sides[i].pool);
	}
	steer_free(s);
}

static int start(void **state)
{
	(void)state;
	test_eal_start();
	pool = rte_pktmbuf_pool_create("steer", N_MBUFS, 0, 0, 1024, 0);
	return pool != NULL ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_packets_have_a_flow),
		cmocka_unit_test(padding_of_ethernet_is_not_the_packet),
		cmocka_unit_test(icmp_errors_belong_to_what_they_quote),
		cmocka_unit_test(other_icmp_stays),
		cmocka_unit_test(an_icmp_error_about_an_icmp_error_stays),
		cmocka_unit_test(fragments_have_the_flow_of_their_addresses),
		cmocka_unit_test(atomic_fragments_are_whole),
		cmocka_unit_test(scattered_packets_have_a_flow),
		cmocka_unit_test(other_protocols_stay),
		cmocka_unit_test(headers_that_contradict_themselves_stay),
		cmocka_unit_test(extension_headers_without_end_stay),
		cmocka_unit_test(owners_are_evenly_spread),
		cmocka_unit_test(every_part_of_the_tuple_and_the_secret_counts),
		cmocka_unit_test(exactly_one_worker_calls_a_flow_its_own),
		cmocka_unit_test(alone_a_worker_keeps_everything),
		cmocka_unit_test(a_burst_is_sorted_in_order),
		cmocka_unit_test(an_icmp_error_follows_its_connection),
		cmocka_unit_test(a_full_ring_drops_and_counts),
		cmocka_unit_test(two_threads_lose_nothing_and_keep_each_flow_in_order),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
