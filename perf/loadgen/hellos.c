/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <rte_byteorder.h>
#include <rte_cycles.h>

#include "perf/loadgen/gen.h"

/*
 * Connections that say hello and no more: what a flood of handshakes looks like to those who are meant. A whole ClientHello
 * (RFC 8446 4.1.2) makes the server sign and costs us nothing: the key share is any number, and what comes
 * back is not read. Half of one makes it wait. They come from all addresses of ours but the first, evenly spaced.
 */

#define MAX_HELLO 512
#define PIECES    8
#define AT_ONCE   256 /* opened in one loop at most: the rest is made up for in the next ones */

struct hello {
	struct tcp_conn *conn; /* NULL: free */
	bool was_sent;
};

struct hellos {
	struct hello *all;
	unsigned n, next; /* next: where the oldest is */
	uint8_t text[MAX_HELLO];
	size_t len;
	uint64_t began, opened; /* since then */
};

/* --- the ClientHello --- */

struct text {
	uint8_t *at;
	size_t n;
};

static void put(struct text *t, unsigned value, unsigned bytes)
{
	for (unsigned i = bytes; i > 0; i--)
		t->at[t->n++] = (uint8_t)(value >> (i - 1) * 8);
}

static void put_bytes(struct text *t, const void *bytes, size_t n)
{
	memcpy(t->at + t->n, bytes, n);
	t->n += n;
}

/* An extension of 16-bit numbers in a vector. */
static void
put_list(struct text *t, unsigned type, unsigned length_bytes, const uint16_t *list, unsigned n)
{
	put(t, type, 2);
	put(t, 2 * n + length_bytes, 2);
	put(t, 2 * n, length_bytes);
	for (unsigned i = 0; i < n; i++)
		put(t, list[i], 2);
}

static void put_extensions(struct text *t, const struct options *o, const uint8_t share[32])
{
	static const uint16_t groups[] = { 29 }, versions[] = { 0x0304, 0x0303 };
	static const uint16_t ecdsa[] = { 0x0403, 0x0804, 0x0401 }, rsa[] = { 0x0804, 0x0401 };
	size_t name = strlen(o->name);

	put(t, 0, 2); /* server_name */
	put(t, (unsigned)name + 5, 2);
	put(t, (unsigned)name + 3, 2);
	put(t, 0, 1);
	put(t, (unsigned)name, 2);
	put_bytes(t, o->name, name);
	put_list(t, 10, 2, groups, 1);
	put_list(t, 13, 2, o->rsa ? rsa : ecdsa, o->rsa ? 2 : 3);
	put_list(t, 43, 1, versions, o->tls12 ? 0 : 2);
	put(t, 51, 2); /* key_share */
	put(t, 38, 2);
	put(t, 36, 2);
	put(t, 29, 2);
	put(t, 32, 2);
	put_bytes(t, share, 32);
}

/* The length, of that many bytes, of all behind its place. */
static void set_length(struct text *t, size_t at, unsigned bytes)
{
	struct text there = { t->at, at };

	put(&there, (unsigned)(t->n - at - bytes), bytes);
}

static size_t make_hello(uint8_t to[MAX_HELLO], const struct options *o)
{
	static const uint8_t suites[] = { 0x13, 0x01, 0xc0, 0x2b, 0xc0, 0x2f };
	struct text t = { to, 0 };
	uint8_t random[96];
	size_t extensions;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return 0;
	random[95] &= 0x7f; /* a number below 2^255: wolfSSL refuses others (RFC 7748 5 does not) */
	put(&t, 22 << 16 | 0x0301, 3);
	put(&t, 0, 2);
	put(&t, 1, 1);
	put(&t, 0, 3);
	put(&t, 0x0303, 2);
	put_bytes(&t, random, 32);
	put(&t, 32, 1);
	put_bytes(&t, random + 32, 32);
	put(&t, sizeof(suites), 2);
	put_bytes(&t, suites, sizeof(suites));
	put(&t, 0x0100, 2); /* no compression */
	extensions = t.n;
	put(&t, 0, 2);
	put_extensions(&t, o, random + 64);
	set_length(&t, extensions, 2);
	set_length(&t, 6, 3);
	set_length(&t, 3, 2);
	return o->hellos_cut ? t.n / 2 : t.n;
}

/* --- connections --- */

int hellos_init(struct gen *g)
{
	struct hellos *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	g->hellos = f;
	f->n = g->options.hellos_open;
	f->all = calloc(f->n, sizeof(*f->all));
	f->len = make_hello(f->text, &g->options);
	return f->all != NULL && f->len > 0 ? 0 : -1;
}

bool hellos_own(const struct gen *g, const void *user)
{
	const struct hellos *f = g->hellos;

	return f != NULL && (const struct hello *)user >= f->all &&
	    (const struct hello *)user < f->all + f->n;
}

static void let_go(struct hello *h)
{
	tcp_abort(h->conn);
	tcp_release(h->conn);
	h->conn = NULL;
}

static void say(struct gen *g, struct hello *h)
{
	struct hellos *f = g->hellos;
	struct iovec out[PIECES];
	unsigned n = tcp_tx_reserve(h->conn, (uint32_t)f->len, out, PIECES);
	size_t done = 0;

	for (unsigned i = 0; i < n && done < f->len; i++) {
		size_t part = f->len - done;

		if (part > out[i].iov_len)
			part = out[i].iov_len;
		memcpy(out[i].iov_base, f->text + done, part);
		done += part;
	}
	tcp_tx_commit(h->conn, (uint32_t)done, TCP_PUSH);
	h->was_sent = true;
	g->results.hellos_sent++;
}

/* RFC 8446 5.1: and not an alert. */
static bool is_handshake(struct tcp_conn *conn)
{
	struct iovec in;

	return tcp_rx_view(conn, &in, 1) == 1 && *(const uint8_t *)in.iov_base == 22;
}

void hellos_event(struct gen *g, void *user, unsigned events)
{
	struct hello *h = user;

	if (events & (TCP_EV_RESET | TCP_EV_TIMEOUT | TCP_EV_CLOSED)) {
		g->results.hellos_refused++;
		tcp_release(h->conn);
		h->conn = NULL;
		return;
	}
	if (tcp_rx_available(h->conn) > 0) {
		if (is_handshake(h->conn)) /* it has signed, which was the point */
			g->results.hellos_answered++;
		else
			g->results.hellos_refused++;
		let_go(h);
		return;
	}
	if (tcp_rx_is_finished(h->conn)) {
		g->results.hellos_refused++;
		let_go(h);
		return;
	}
	if (events & TCP_EV_ESTABLISHED && !h->was_sent)
		say(g, h);
}

/* In the place of the oldest, which may still be there: then it has waited for long enough. */
static void open_one(struct gen *g)
{
	static struct ip_addr sources[16];
	struct hellos *f = g->hellos;
	struct hello *h = &f->all[f->next++ % f->n];
	struct tcp_target target = {
		.port = 443, .sources = sources, .n_sources = g->options.sources - 1
	};
	enum tcp_error error;

	for (unsigned i = 0; i < target.n_sources; i++) {
		sources[i].w[2] = rte_cpu_to_be_32(0xffff);
		sources[i].w[3] = rte_cpu_to_be_32(0x0a500003 + i);
	}
	target.ip = sources[0];
	target.ip.w[3] = rte_cpu_to_be_32(0x0a500001);
	if (h->conn != NULL)
		let_go(h);
	h->was_sent = false;
	h->conn = tcp_connect(g->stack, &target, h, g->now_us, &error);
	if (h->conn == NULL)
		gen_error(g, GEN_NO_CONNECTION, "none for a hello");
}

unsigned hellos_send(struct gen *g)
{
	struct hellos *f = g->hellos;
	uint64_t due;
	unsigned n = 0;

	if (f->began == 0)
		f->began = g->tsc;
	due =
	    (uint64_t)((double)(g->tsc - f->began) / (double)rte_get_tsc_hz() * g->options.hellos);
	for (; f->opened < due && n < AT_ONCE; n++, f->opened++)
		open_one(g);
	return n;
}

void hellos_end(struct gen *g)
{
	struct hellos *f = g->hellos;

	for (unsigned i = 0; i < f->n; i++)
		if (f->all[i].conn != NULL)
			let_go(&f->all[i]);
}
