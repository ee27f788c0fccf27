/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/tcp/packet.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

uint32_t packet_sum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (; len > 1; len -= 2, p += 2)
		sum += get16(p);
	if (len)
		sum += (uint32_t)p[0] << 8;
	return sum;
}

uint16_t packet_sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t
packet_pseudo_sum(const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto, uint32_t len)
{
	uint32_t sum;

	if (ip_addr_is_v4(src)) {
		sum = packet_sum(src->b + 12, 4, 0);
		sum = packet_sum(dst->b + 12, 4, sum);
	} else {
		sum = packet_sum(src->b, 16, 0);
		sum = packet_sum(dst->b, 16, sum);
	}
	return sum + proto + (len >> 16) + (len & 0xffff);
}

size_t packet_ip_build(uint8_t *frame, const uint8_t src_mac[6], const uint8_t dst_mac[6],
    const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto, uint8_t ttl, uint8_t ecn,
    size_t l4_len)
{
	uint8_t *ip = frame + 14;

	memcpy(frame, dst_mac, 6);
	memcpy(frame + 6, src_mac, 6);
	if (!ip_addr_is_v4(src)) {
		put16(frame + 12, 0x86dd);
		put32(ip, 6u << 28 | (uint32_t)ecn << 20);
		put16(ip + 4, (uint16_t)l4_len);
		ip[6] = proto;
		ip[7] = ttl;
		memcpy(ip + 8, src->b, 16);
		memcpy(ip + 24, dst->b, 16);
		return 14 + 40;
	}
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	ip[1] = ecn;
	put16(ip + 2, (uint16_t)(20 + l4_len));
	put16(ip + 4, 0);
	put16(ip + 6, 0x4000);
	ip[8] = ttl;
	ip[9] = proto;
	put16(ip + 10, 0);
	memcpy(ip + 12, src->b + 12, 4);
	memcpy(ip + 16, dst->b + 12, 4);
	put16(ip + 10, packet_sum_fold(packet_sum(ip, 20, 0)));
	return 14 + 20;
}

size_t packet_build(
    const struct packet *p, const uint8_t src_mac[6], const uint8_t dst_mac[6], uint8_t *frame)
{
	size_t l4_len = 20u + p->options_len + p->len;
	size_t off = packet_ip_build(frame, src_mac, dst_mac, &p->src, &p->dst, IPPROTO_TCP,
	    p->ttl ? p->ttl : 64, p->ecn, l4_len);
	uint8_t *tcp = frame + off;
	uint8_t words = p->data_offset ? p->data_offset : (uint8_t)(5 + p->options_len / 4);
	uint32_t sum;

	put16(tcp, p->sport);
	put16(tcp + 2, p->dport);
	put32(tcp + 4, p->seq);
	put32(tcp + 8, p->ack);
	tcp[12] = (uint8_t)(words << 4);
	tcp[13] = p->flags;
	put16(tcp + 14, p->window);
	put16(tcp + 16, 0);
	put16(tcp + 18, p->urgent);
	memcpy(tcp + 20, p->options, p->options_len);
	if (p->len)
		memcpy(tcp + 20 + p->options_len, p->payload, p->len);
	sum = packet_pseudo_sum(&p->src, &p->dst, IPPROTO_TCP, (uint32_t)l4_len);
	put16(tcp + 16, packet_sum_fold(packet_sum(tcp, l4_len, sum)));
	if (p->bad_checksum)
		tcp[16] ^= 0x55;
	off += l4_len;
	if (off < 60) {
		memset(frame + off, 0xee, 60 - off);
		off = 60;
	}
	return off;
}

static void map_v4(struct ip_addr *a, const uint8_t *four)
{
	memset(a, 0, sizeof(*a));
	a->b[10] = a->b[11] = 0xff;
	memcpy(a->b + 12, four, 4);
}

static const char *
parse_ip(const uint8_t *ip, size_t room, struct packet *p, size_t *off, size_t *l4_len)
{
	if (room >= 20 && ip[0] >> 4 == 4) {
		if (ip[0] != 0x45)
			return "IPv4 header with options";
		if (packet_sum_fold(packet_sum(ip, 20, 0)) != 0)
			return "bad IPv4 checksum";
		if (get16(ip + 2) < 40 || get16(ip + 2) > room)
			return "bad IPv4 length";
		if (get16(ip + 6) != 0x4000)
			return "IPv4 fragment, or DF is missing (RFC 1191)";
		if (get16(ip + 4) != 0)
			return "IPv4 ID is not 0 beside DF (RFC 6864)";
		if (ip[9] != IPPROTO_TCP)
			return "not TCP";
		map_v4(&p->src, ip + 12);
		map_v4(&p->dst, ip + 16);
		p->ecn = ip[1] & 3;
		p->ttl = ip[8];
		*off = 20;
		*l4_len = get16(ip + 2) - 20u;
		return NULL;
	}
	if (room < 60 || ip[0] >> 4 != 6)
		return "neither IPv4 nor IPv6";
	if (ip[6] != IPPROTO_TCP)
		return "not TCP";
	if (get16(ip + 4) < 20 || get16(ip + 4) + 40u > room)
		return "bad IPv6 length";
	memcpy(p->src.b, ip + 8, 16);
	memcpy(p->dst.b, ip + 24, 16);
	p->ecn = ip[1] >> 4 & 3;
	p->ttl = ip[7];
	*off = 40;
	*l4_len = get16(ip + 4);
	return NULL;
}

const char *packet_parse(const uint8_t *frame, size_t len, struct packet *p)
{
	const uint8_t *tcp;
	size_t off, l4_len, header;
	const char *error;

	memset(p, 0, sizeof(*p));
	if (len < 14 + 40)
		return "frame too short";
	error = parse_ip(frame + 14, len - 14, p, &off, &l4_len);
	if (error)
		return error;
	tcp = frame + 14 + off;
	header = (size_t)(tcp[12] >> 4) * 4;
	if (header < 20 || header > l4_len)
		return "bad TCP data offset";
	if (tcp[12] & 0x0f)
		return "reserved TCP bits are set";
	if (packet_sum_fold(packet_sum(tcp, l4_len,
		packet_pseudo_sum(&p->src, &p->dst, IPPROTO_TCP, (uint32_t)l4_len))) != 0)
		return "bad TCP checksum";
	p->sport = get16(tcp);
	p->dport = get16(tcp + 2);
	p->seq = get32(tcp + 4);
	p->ack = get32(tcp + 8);
	p->flags = tcp[13];
	p->window = get16(tcp + 14);
	p->urgent = get16(tcp + 18);
	p->options_len = (uint8_t)(header - 20);
	memcpy(p->options, tcp + 20, p->options_len);
	p->len = (uint32_t)(l4_len - header);
	p->payload = tcp + header;
	if (!(p->flags & TH_ACK) && p->ack)
		return "acknowledgment number without ACK";
	return NULL;
}

static const char *option_parse(const uint8_t *o, unsigned len, struct packet_options *out)
{
	switch (o[0]) {
	case 2:
		if (len != 4 || out->has_mss)
			return "bad or second MSS option";
		out->has_mss = true;
		out->mss = get16(o + 2);
		return NULL;
	case 3:
		if (len != 3 || out->has_wscale)
			return "bad or second window scale option";
		out->has_wscale = true;
		out->wscale = o[2];
		return NULL;
	case 4:
		if (len != 2 || out->sack_ok)
			return "bad or second SACK-permitted option";
		out->sack_ok = true;
		return NULL;
	case 5:
		if (len < 10 || (len - 2) % 8 || out->n_sacks)
			return "bad or second SACK option";
		for (unsigned i = 2; i < len; i += 8, out->n_sacks++) {
			out->sack[out->n_sacks][0] = get32(o + i);
			out->sack[out->n_sacks][1] = get32(o + i + 4);
		}
		return NULL;
	case 8:
		if (len != 10 || out->has_ts)
			return "bad or second timestamp option";
		out->has_ts = true;
		out->ts_val = get32(o + 2);
		out->ts_ecr = get32(o + 6);
		return NULL;
	}
	return "option of a kind we never send";
}

const char *packet_options_parse(const struct packet *p, struct packet_options *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < p->options_len;) {
		const uint8_t *o = p->options + i;
		const char *error;

		if (o[0] == 0) {
			for (; i < p->options_len; i++)
				if (p->options[i])
					return "option padding is not zero (MUST-69)";
			return NULL;
		}
		if (o[0] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= p->options_len || o[1] < 2 || i + o[1] > p->options_len)
			return "option runs over the end of the header";
		error = option_parse(o, o[1], out);
		if (error)
			return error;
		i += o[1];
	}
	return NULL;
}

struct text {
	char *at;
	size_t room;
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at, t->room, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < t->room) {
		t->at += n;
		t->room -= (size_t)n;
	}
}

static void print_options(const struct packet *p, uint32_t sack_base, struct text *t)
{
	struct packet_options o;
	const char *sep = "";

	if (packet_options_parse(p, &o)) {
		text_add(t, " <");
		for (unsigned i = 0; i < p->options_len; i++)
			text_add(t, "%02x", p->options[i]);
		text_add(t, ">");
		return;
	}
	text_add(t, " <");
	if (o.has_mss) {
		text_add(t, "mss %u", o.mss);
		sep = ",";
	}
	if (o.sack_ok) {
		text_add(t, "%ssackOK", sep);
		sep = ",";
	}
	if (o.has_ts) {
		text_add(t, "%sTS val %u ecr %u", sep, o.ts_val, o.ts_ecr);
		sep = ",";
	}
	if (o.has_wscale) {
		text_add(t, "%swscale %u", sep, o.wscale);
		sep = ",";
	}
	for (unsigned i = 0; i < o.n_sacks; i++)
		text_add(t, "%s%d:%d",
		    i              ? " "
			: o.has_ts ? ",sack "
				   : "sack ",
		    (int)(o.sack[i][0] - sack_base), (int)(o.sack[i][1] - sack_base));
	text_add(t, ">");
}

void packet_print(
    const struct packet *p, uint32_t seq_base, uint32_t ack_base, char *text, size_t room)
{
	static const char letters[] = "FSRP.UEW";
	struct text t = { text, room };
	int seq = (int)(p->seq - seq_base);

	if (p->ecn)
		text_add(&t, "[%s] ", p->ecn == 2 ? "ect0" : p->ecn == 1 ? "ect1" : "ce");
	for (unsigned i = 0; i < 8; i++)
		if (p->flags & 1u << i && letters[i] != '.')
			text_add(&t, "%c", letters[i]);
	if (p->flags & TH_ACK)
		text_add(&t, ".");
	if (!p->flags)
		text_add(&t, "-");
	text_add(&t, " %d:%d(%u)", seq, seq + (int)p->len, p->len);
	if (p->flags & TH_ACK)
		text_add(&t, " ack %d", (int)(p->ack - ack_base));
	text_add(&t, " win %u", p->window);
	if (p->flags & TH_URG)
		text_add(&t, " urg %u", p->urgent);
	if (p->options_len)
		print_options(p, ack_base, &t);
}
