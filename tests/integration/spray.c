/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sends hostile IPv4 packets from an interface: spray KIND COUNT RATE IF MAC ADDRESS PORT [SEED]
 *
 *   syn        SYNs with ordinary options from random addresses of 198.18.0.0/15 (RFC 2544)
 *   options    SYNs with illegal option lengths: 63 00 00 00, 254 0 1 1, lengths past the header
 *   rst ack    from random ports of the client's own address 10.80.0.2, random sequence numbers
 *   land       source equals destination
 *   icmp       unreachable and too-big errors that quote connections nobody has
 *   truncated  frames cut at every length
 *   fragments  overlapping and never complete
 *
 * RATE is packets per second, 0: as fast as it goes. Prints how many were sent.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define FRAME 256

struct spray {
	uint8_t to[6];
	uint32_t address; /* network order */
	uint16_t port;
	uint64_t random;
	uint32_t turn;
};

/* xorshift64* (Vigna 2016). */
static uint32_t draw(struct spray *s)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (uint32_t)((s->random * 2685821657736338717u) >> 32);
}

static uint32_t sum(const uint8_t *at, size_t len, uint32_t start)
{
	for (; len > 1; at += 2, len -= 2)
		start += (uint32_t)(at[0] << 8 | at[1]);
	return len ? start + (uint32_t)(at[0] << 8) : start;
}

static void put_sum(uint8_t *at, uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	s = ~s;
	at[0] = (uint8_t)(s >> 8);
	at[1] = (uint8_t)s;
}

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

/* Ethernet and IPv4 in front of len bytes; returns the frame's length. */
static size_t
put_ip(struct spray *s, uint8_t *f, uint32_t from, uint8_t proto, size_t len, uint16_t frag)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 1, 2 };
	uint8_t *ip = f + 14;

	memcpy(f, s->to, 6);
	memcpy(f + 6, mac, 6);
	put16(f + 12, ETHERTYPE_IP);
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(20 + len));
	put16(ip + 4, draw(s));
	put16(ip + 6, frag);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, &from, 4);
	memcpy(ip + 16, &s->address, 4);
	put_sum(ip + 10, sum(ip, 20, 0));
	return 34 + len;
}

static size_t put_tcp(struct spray *s, uint8_t *f, uint32_t from, uint16_t port, uint8_t flags,
    const uint8_t *options, size_t n_options)
{
	uint8_t *tcp = f + 34;
	size_t len = 20 + n_options;

	put16(tcp, port);
	put16(tcp + 2, s->port);
	put32(tcp + 4, draw(s));
	put32(tcp + 8, flags == 2 ? 0 : draw(s));
	tcp[12] = (uint8_t)(len / 4 << 4);
	tcp[13] = flags;
	put16(tcp + 14, 64240);
	put32(tcp + 16, 0);
	memcpy(tcp + 20, options, n_options);
	put_ip(s, f, from, 6, len, 0x4000);
	put_sum(tcp + 16, sum(f + 26, 8, sum(tcp, len, (uint32_t)(6 + len))));
	return 34 + len;
}

static uint32_t random_source(struct spray *s)
{
	return htonl(0xc6120000u | (draw(s) & 0x1ffff));
}

static uint16_t random_port(struct spray *s)
{
	return (uint16_t)(1024 + draw(s) % 64000);
}

static size_t make_syn(struct spray *s, uint8_t *f)
{
	static const uint8_t options[20] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1,
		3, 3, 7 };

	return put_tcp(s, f, random_source(s), random_port(s), 2, options, sizeof(options));
}

static size_t make_options(struct spray *s, uint8_t *f)
{
	static const uint8_t bad[][4] = { { 63, 0, 0, 0 }, { 254, 0, 1, 1 }, { 2, 40, 5, 180 },
		{ 3, 1, 7, 0 }, { 8, 255, 0, 0 }, { 5, 2, 5, 2 }, { 1, 1, 1, 2 }, { 4, 0, 4, 0 } };

	return put_tcp(s, f, inet_addr("10.80.0.2"), random_port(s), s->turn & 1 ? 2 : 16,
	    bad[s->turn % (sizeof(bad) / sizeof(bad[0]))], 4);
}

static size_t make_client(struct spray *s, uint8_t *f, uint8_t flags)
{
	return put_tcp(s, f, inet_addr("10.80.0.2"), random_port(s), flags, NULL, 0);
}

static size_t make_land(struct spray *s, uint8_t *f)
{
	return put_tcp(s, f, s->address, s->port, 2, NULL, 0);
}

static size_t make_icmp(struct spray *s, uint8_t *f)
{
	static const uint8_t codes[] = { 0, 1, 2, 3, 4, 9, 10, 13 };
	uint8_t *icmp = f + 34, *inner = icmp + 8;
	uint32_t client = inet_addr("10.80.0.2");

	memset(icmp, 0, 8 + 28);
	icmp[0] = 3;
	icmp[1] = codes[s->turn % sizeof(codes)];
	put16(icmp + 6, draw(s) & 0x3ff);
	inner[0] = 0x45;
	put16(inner + 2, 1500);
	inner[8] = 60;
	inner[9] = 6;
	memcpy(inner + 12, &s->address, 4);
	memcpy(inner + 16, &client, 4);
	put_sum(inner + 10, sum(inner, 20, 0));
	put16(inner + 20, s->port);
	put16(inner + 22, random_port(s));
	put32(inner + 24, draw(s));
	put_sum(icmp + 2, sum(icmp, 36, 0));
	return put_ip(s, f, random_source(s), 1, 36, 0);
}

static size_t make_truncated(struct spray *s, uint8_t *f)
{
	size_t len = make_syn(s, f);

	return 14 + s->turn % (len - 14);
}

static size_t make_fragment(struct spray *s, uint8_t *f)
{
	uint16_t at = (uint16_t)(draw(s) % 16);

	memset(f + 34, 0xaa, 64);
	return put_ip(s, f, inet_addr("10.80.0.2"), 6, 64, (uint16_t)(0x2000 | at));
}

static size_t make(struct spray *s, const char *kind, uint8_t *f)
{
	s->turn++;
	if (strcmp(kind, "syn") == 0)
		return make_syn(s, f);
	if (strcmp(kind, "options") == 0)
		return make_options(s, f);
	if (strcmp(kind, "rst") == 0)
		return make_client(s, f, 4);
	if (strcmp(kind, "ack") == 0)
		return make_client(s, f, 16);
	if (strcmp(kind, "land") == 0)
		return make_land(s, f);
	if (strcmp(kind, "icmp") == 0)
		return make_icmp(s, f);
	if (strcmp(kind, "truncated") == 0)
		return make_truncated(s, f);
	if (strcmp(kind, "fragments") == 0)
		return make_fragment(s, f);
	fprintf(stderr, "spray: no kind '%s'\n", kind);
	exit(2);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_socket(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;

	at.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		perror(name);
		exit(1);
	}
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	return fd;
}

static unsigned send_batch(struct spray *s, const char *kind, int fd, unsigned n)
{
	static uint8_t frames[BATCH][FRAME];
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	int sent;

	memset(messages, 0, sizeof(messages));
	for (unsigned i = 0; i < n; i++) {
		iov[i].iov_base = frames[i];
		iov[i].iov_len = make(s, kind, frames[i]);
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, messages, n, 0);
	return sent < 0 ? 0 : (unsigned)sent;
}

int main(int argc, char **argv)
{
	struct spray s = { .random = 88172645463325252u };
	unsigned long count, rate, sent = 0, failed = 0;
	const struct ether_addr *mac;
	double start;
	int fd;

	if (argc < 8 || !(mac = ether_aton(argv[5])) ||
	    inet_pton(AF_INET, argv[6], &s.address) != 1) {
		fprintf(stderr, "Usage: spray KIND COUNT RATE IF MAC ADDRESS PORT [SEED]\n");
		return 2;
	}
	count = strtoul(argv[2], NULL, 10);
	rate = strtoul(argv[3], NULL, 10);
	fd = open_socket(argv[4]);
	memcpy(s.to, mac, 6);
	s.port = (uint16_t)atoi(argv[7]);
	if (argc > 8)
		s.random ^= strtoul(argv[8], NULL, 10) << 17;
	start = seconds();
	while (sent < count && failed < 1000000) {
		unsigned want = count - sent < BATCH ? (unsigned)(count - sent) : BATCH;
		unsigned n = send_batch(&s, argv[1], fd, want);

		sent += n;
		failed = n ? 0 : failed + 1;
		while (rate && (double)sent / (double)rate > seconds() - start)
			usleep(200);
	}
	printf("sent %lu in %.2f s\n", sent, seconds() - start);
	return sent == count ? 0 : 1;
}
