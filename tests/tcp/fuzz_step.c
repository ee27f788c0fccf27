/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/tcp/fuzz_step.h"

#include <netinet/in.h>
#include <string.h>

#define MANY_CONNS 8u

uint8_t fuzz_u8(struct fuzz *f)
{
	if (!f->left)
		return 0;
	f->left--;
	return *f->data++;
}

uint16_t fuzz_u16(struct fuzz *f)
{
	uint8_t high = fuzz_u8(f);

	return (uint16_t)(high << 8 | fuzz_u8(f));
}

uint32_t fuzz_u32(struct fuzz *f)
{
	uint16_t high = fuzz_u16(f);

	return (uint32_t)high << 16 | fuzz_u16(f);
}

/* What the stack expects next and was allowed to send, as far as it has told. */
static struct tcp_info info_of(struct peer *p)
{
	struct tcp_info info = { .rcv_nxt = p->isn + p->next,
		.snd_una = p->stack_isn + p->una,
		.snd_nxt = p->stack_isn + p->una,
		.rcv_wnd = 1000 };

	if (p->app && !p->app->released)
		tcp_info_get(p->app->conn, &info);
	return info;
}

/* A number near one of the edges. */
static uint32_t near_edge(struct fuzz *f, uint32_t first, uint32_t second)
{
	uint8_t how = fuzz_u8(f);
	uint32_t base = how & 1 ? second : first;

	switch (how >> 1 & 7) {
	case 0:
	case 1:
	case 2:
		return base;
	case 3:
		return base + fuzz_u8(f);
	case 4:
		return base - fuzz_u8(f);
	case 5:
		return base + fuzz_u16(f);
	case 6:
		return base - fuzz_u16(f);
	}
	return fuzz_u32(f);
}

static void put32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 24);
	at[1] = (uint8_t)(v >> 16);
	at[2] = (uint8_t)(v >> 8);
	at[3] = (uint8_t)v;
}

static uint8_t *put_ts(uint8_t *at, struct peer *p, struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);

	at[0] = 8;
	at[1] = 10;
	put32(at + 2,
	    p->ts_base + (uint32_t)((p->now_us - p->start_us) / 1000) -
		(how & 1 ? fuzz_u16(f) : 0));
	put32(at + 6, p->last_ts_val + (how & 2 ? fuzz_u16(f) : 0));
	return at + 10;
}

static uint8_t *
put_sacks(uint8_t *at, const uint8_t *end, const struct tcp_info *info, struct fuzz *f)
{
	unsigned n = 1 + fuzz_u8(f) % 4;

	while (at + 2 + 8 * n > end && n)
		n--;
	if (!n)
		return at;
	at[0] = 5;
	at[1] = (uint8_t)(2 + 8 * n);
	for (unsigned i = 0; i < 2 * n; i++)
		put32(at + 2 + 4 * i, near_edge(f, info->snd_una, info->snd_nxt));
	return at + 2 + 8 * n;
}

static void
put_options(struct packet *k, struct peer *p, const struct tcp_info *info, struct fuzz *f)
{
	static const uint8_t syn[] = { 2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7 };
	uint8_t *at = k->options, *end = k->options + PACKET_MAX_OPTIONS;
	uint8_t what = fuzz_u8(f);

	if (what & 1)
		at = put_ts(at, p, f);
	if (what & 2 || k->flags & TH_SYN) {
		memcpy(at, syn, sizeof(syn));
		at += sizeof(syn);
	}
	if (what & 4)
		at = put_sacks(at, end, info, f);
	if (what & 8)
		for (unsigned n = fuzz_u8(f) % 16; n && at < end; n--)
			*at++ = fuzz_u8(f);
	while ((at - k->options) % 4)
		*at++ = what & 16 ? 1 : 0;
	k->options_len = (uint8_t)(at - k->options);
}

void fuzz_segment(struct peer *p, struct fuzz *f)
{
	static uint8_t payload[65536];
	static const uint8_t usual[] = { TH_ACK, TH_ACK | TH_PSH, TH_ACK, TH_ACK | TH_FIN, TH_RST,
		TH_SYN, TH_SYN | TH_ACK, TH_RST | TH_ACK };
	struct tcp_info info = info_of(p);
	struct packet k = { .payload = payload };
	uint8_t how = fuzz_u8(f);

	k.flags = how & 0x80 ? fuzz_u8(f) : usual[how & 7];
	k.seq = near_edge(f, info.rcv_nxt, info.rcv_nxt + info.rcv_wnd);
	if (k.flags & TH_ACK)
		k.ack = near_edge(f, info.snd_nxt, info.snd_una);
	if (how & 0x10)
		k.len = how & 0x20 ? fuzz_u16(f) % 3000 : fuzz_u8(f);
	k.window = how & 0x40 ? fuzz_u16(f) : 65535;
	k.urgent = k.flags & TH_URG ? fuzz_u16(f) : 0;
	k.ecn = how & 8 ? fuzz_u8(f) & 3 : 0;
	put_options(&k, p, &info, f);
	for (uint32_t i = 0; i < k.len; i++)
		payload[i] = peer_byte(false, k.seq - p->isn - 1 + i);
	peer_send_packet(p, &k);
}

void fuzz_icmp(struct peer *p, struct fuzz *f)
{
	static uint8_t inner[PACKET_MAX_FRAME], frame[PACKET_MAX_FRAME];
	struct tcp_info info = info_of(p);
	bool ip6 = p->config.ip6;
	uint8_t proto = ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	struct packet k = { .src = p->local,
		.dst = p->remote,
		.sport = p->local_port,
		.dport = p->remote_port,
		.flags = TH_ACK,
		.window = 99 };
	size_t quoted, off, n;
	uint16_t sum;

	k.seq = near_edge(f, info.snd_una, info.snd_nxt);
	quoted = packet_build(&k, p->local_mac, p->remote_mac, inner) - 14;
	n = 8 + (fuzz_u8(f) & 1 ? fuzz_u8(f) % (quoted + 1) : quoted);
	off = packet_ip_build(
	    frame, p->remote_mac, p->local_mac, &p->remote, &p->local, proto, 64, 0, n);
	memset(frame + off, 0, 8);
	frame[off] = fuzz_u8(f) & 1 ? fuzz_u8(f) : ip6 ? 2 : 3;
	frame[off + 1] = fuzz_u8(f) & 1 ? fuzz_u8(f) : ip6 ? 0 : 4;
	frame[off + 6] = fuzz_u8(f) & 7;
	frame[off + 7] = fuzz_u8(f);
	memcpy(frame + off + 8, inner + 14, n - 8);
	for (unsigned i = fuzz_u8(f) % 4; i && n > 8; i--) {
		uint8_t at = fuzz_u8(f);

		frame[off + 8 + at % (n - 8)] = fuzz_u8(f);
	}
	sum = packet_sum_fold(packet_sum(frame + off, n,
	    ip6 ? packet_pseudo_sum(&p->remote, &p->local, proto, (uint32_t)n) : 0));
	frame[off + 2] = (uint8_t)(sum >> 8);
	frame[off + 3] = (uint8_t)sum;
	trace_note(&p->trace, 0, p->now_us, "< ICMP %u/%u", frame[off], frame[off + 1]);
	peer_send_frame(p, frame, off + n);
}

/* Reads what is there, at most n bytes; not compared: SYNs may have started streams anew. */
static void user_read(struct peer *p, uint32_t n)
{
	uint32_t have = tcp_rx_available(p->app->conn);
	struct iovec iov[4];
	uint8_t sum = 0;
	unsigned n_iov = tcp_rx_view(p->app->conn, iov, 4);

	for (unsigned i = 0; i < n_iov; i++)
		for (size_t j = 0; j < iov[i].iov_len; j++)
			sum ^= ((const uint8_t *)iov[i].iov_base)[j];
	n = n < have ? n : have;
	trace_note(&p->trace, 0, p->now_us, "app consumes %u of %u, sum %02x", n, have, sum);
	tcp_rx_consume(p->app->conn, n);
	peer_run(p);
}

/* Writes at most n bytes, as far as there is room. */
static void user_write(struct peer *p, uint32_t n, enum tcp_push push)
{
	struct iovec iov[8];
	unsigned n_iov = n ? tcp_tx_reserve(p->app->conn, n, iov, 8) : 0;
	uint32_t got = 0;

	for (unsigned i = 0; i < n_iov; i++)
		for (size_t j = 0; j < iov[i].iov_len; j++, got++)
			((uint8_t *)iov[i].iov_base)[j] = peer_byte(true, p->app->written + got);
	if (n_iov) {
		trace_note(&p->trace, 0, p->now_us, "app writes %u", got);
		p->app->written += got;
		tcp_tx_commit(p->app->conn, got, push);
	}
	peer_run(p);
}

static void user_step(struct peer *p, struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);

	if (!p->app || p->app->released)
		return;
	switch (how & 7) {
	case 0:
	case 1:
		user_read(p, how & 8 ? UINT32_MAX : fuzz_u8(f));
		break;
	case 2:
	case 3:
		user_write(p, how & 8 ? fuzz_u16(f) : fuzz_u8(f), how & 16 ? TCP_MORE : TCP_PUSH);
		break;
	case 4:
		peer_shutdown(p);
		break;
	case 5:
		if (how & 0x80)
			peer_abort(p);
		break;
	case 6:
		if (how & 0x80)
			peer_release(p);
		break;
	case 7:
		peer_run(p);
		break;
	}
}

void fuzz_users(struct peer *p)
{
	unsigned live = 0;

	for (unsigned i = 0; i < p->n_conns; i++)
		live += !p->conns[i].released;
	for (unsigned i = 0; i < p->n_conns; i++) {
		struct peer_conn *c = &p->conns[i];

		if (c->released)
			continue;
		if (!(c->events & (TCP_EV_RESET | TCP_EV_TIMEOUT)) && live < MANY_CONNS)
			continue;
		c->released = true;
		tcp_release(c->conn);
	}
	if (p->app && p->app->released)
		p->app = NULL;
	peer_run(p);
}

void fuzz_step(struct peer *p, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f);
	uint64_t us;

	switch (what & 7) {
	case 0:
	case 1:
	case 2:
	case 3:
		fuzz_segment(p, f);
		break;
	case 4:
		user_step(p, f);
		break;
	case 5:
		us = (uint64_t)fuzz_u8(f) * 1000 << (what >> 4);
		peer_leap(p, us, us / 40 + 1000);
		break;
	case 6:
		fuzz_icmp(p, f);
		break;
	case 7: /* what comes next is one burst */
		if (!p->hold && what & 8) {
			peer_hold(p);
			for (unsigned i = 0; i < 1u + (what >> 5); i++)
				fuzz_segment(p, f);
			peer_flush(p);
		} else {
			fuzz_segment(p, f);
		}
		break;
	}
	peer_discard(p);
	fuzz_users(p);
}
