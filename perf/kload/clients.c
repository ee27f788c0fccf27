/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/random.h>

#include "perf/evidence.h"
#include "perf/kload/kload.h"
#include "perf/loadgen/hist.h"

#define BATCH    64
#define PIECE    16384
#define GRACE_NS UINT64_C(5000000000)
#define TOLD     5
#define PAUSE_NS 100000 /* as loadgen has it */
#define WATCHING 0x5352 /* wolfCrypt's number of the device that keeps evidence */

enum state {
	FREE,
	CONNECT,
	HANDSHAKE,
	READY,
	EXCHANGE,
	ENDING /* our end is out, the server's is awaited */
};

struct client {
	TAILQ_ENTRY(client) link; /* free or ready */
	int fd;
	enum state state;
	WOLFSSL *ssl;
	uint64_t due, out_at, in_at;
	unsigned n_exchanges;
	uint64_t handshake; /* its number */
	char id[MESSAGE_ID];
};

TAILQ_HEAD(list, client);

/* One process has one set of clients. */
static struct {
	const struct kload_options *o;
	struct sockaddr_in target;
	WOLFSSL_CTX *ctx;
	WOLFSSL_SESSION *session;
	int epoll;
	struct client *all;
	struct list free, ready;
	unsigned n_open, n_opening, n_ready;
	bool loading;
	uint32_t next_id;
	uint64_t begun, done, connections, resumed, errors, start, end, limit;
	uint64_t made_up; /* ns: when what the last pause held up is made up for */
	uint64_t handshakes;
	struct evidence evidence;
	WC_RNG rng;
	struct hist latency, undisturbed, handshake;
} k;

static uint8_t piece[PIECE];

static bool is_opening(enum state s)
{
	return s == CONNECT || s == HANDSHAKE;
}

static void set_state(struct client *c, enum state next)
{
	if (c->state == FREE) {
		TAILQ_REMOVE(&k.free, c, link);
		k.n_open++;
	} else if (c->state == READY) {
		TAILQ_REMOVE(&k.ready, c, link);
		k.n_ready--;
	} else if (is_opening(c->state)) {
		k.n_opening--;
	}
	c->state = next;
	if (next == FREE) {
		TAILQ_INSERT_TAIL(&k.free, c, link);
		k.n_open--;
	} else if (next == READY) {
		TAILQ_INSERT_TAIL(&k.ready, c, link);
		k.n_ready++;
	} else if (is_opening(next)) {
		k.n_opening++;
	}
}

static void end(struct client *c)
{
	wolfSSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	set_state(c, FREE);
}

static void fail(struct client *c, const char *why)
{
	char text[WOLFSSL_MAX_ERROR_SZ] = "";
	int error = c->ssl != NULL ? wolfSSL_get_error(c->ssl, -1) : 0;

	if (k.errors++ < TOLD) {
		if (c->ssl != NULL)
			wolfSSL_ERR_error_string_n((unsigned long)error, text, sizeof(text));
		fprintf(stderr, "kload: %s (%s, %d)\n", why, text, error);
	}
	if (c->state == HANDSHAKE)
		evidence_failed(&k.evidence, c->handshake, error, k.o->name, stderr);
	end(c);
}

static void open_one(uint64_t due)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP };
	struct client *c = TAILQ_FIRST(&k.free);
	int one = 1;

	set_state(c, CONNECT);
	c->due = due;
	c->n_exchanges = 0;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	e.data.ptr = c;
	if (c->fd < 0 ||
	    (connect(c->fd, (struct sockaddr *)&k.target, sizeof(k.target)) != 0 &&
		errno != EINPROGRESS) ||
	    epoll_ctl(k.epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
		fail(c, strerror(errno));
}

static bool wants(const struct client *c, int ret)
{
	int error = wolfSSL_get_error(c->ssl, ret);

	return error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE;
}

static void begin(struct client *c, uint64_t due)
{
	set_state(c, EXCHANGE);
	message_id(c->id, k.next_id++);
	c->due = due;
	c->in_at = c->out_at = 0;
}

/* False: there is no socket error, and so the connection is up or still on its way. */
static bool start_tls(struct client *c)
{
	c->ssl = wolfSSL_new(k.ctx);
	if (c->ssl == NULL || wolfSSL_set_fd(c->ssl, c->fd) != WOLFSSL_SUCCESS ||
	    wolfSSL_UseKeyShare(c->ssl, k.o->group) != WOLFSSL_SUCCESS ||
	    (k.o->resume && k.session != NULL &&
		wolfSSL_set_session(c->ssl, k.session) != WOLFSSL_SUCCESS)) {
		fail(c, "no session");
		return false;
	}
	c->handshake = ++k.handshakes;
	set_state(c, HANDSHAKE);
	return true;
}

static bool handshake(struct client *c)
{
	int ret;

	k.evidence.who = c->handshake;
	ret = wolfSSL_connect(c->ssl);
	if (ret != WOLFSSL_SUCCESS) {
		if (!wants(c, ret))
			fail(c, "handshake");
		return false;
	}
	hist_add(&k.handshake, kload_now() - c->due);
	if (wolfSSL_session_reused(c->ssl))
		k.resumed++;
	else if (k.o->resume && k.session != NULL) {
		fail(c, "a full handshake where the session should have been resumed");
		return false;
	}
	set_state(c, READY);
	if (k.o->exchanges > 0)
		begin(c, c->due);
	return true;
}

static bool send_some(struct client *c)
{
	const uint64_t len = message_len(&k.o->request);

	while (c->out_at < len) {
		size_t n = message_fill(&k.o->request, c->out_at, c->id, piece, sizeof(piece));
		int ret = wolfSSL_write(c->ssl, piece, (int)n);

		if (ret <= 0) {
			if (wants(c, ret))
				return true;
			fail(c, "write");
			return false;
		}
		c->out_at += (uint64_t)ret;
	}
	return true;
}

/* The tickets of this connection are in: the next ones use the newest. */
static void keep_session(struct client *c)
{
	if (!k.o->resume)
		return;
	wolfSSL_SESSION_free(k.session);
	k.session = wolfSSL_get1_session(c->ssl);
}

static bool is_over(void)
{
	return k.begun >= k.limit ||
	    (k.limit == UINT64_MAX && kload_now() - k.start >= (uint64_t)(k.o->seconds * 1e9));
}

/* The last bytes that the server sends after our end are answered with RST by a socket that is closed: orderly waits for them. */
static void goodbye(struct client *c)
{
	wolfSSL_shutdown(c->ssl);
	if (k.o->orderly) {
		shutdown(c->fd, SHUT_WR);
		set_state(c, ENDING);
	} else {
		k.connections++;
		end(c);
	}
}

/* What the server may still have to say is its close_notify and its FIN. */
static void await_end(struct client *c)
{
	int ret = wolfSSL_read(c->ssl, piece, sizeof(piece));
	ssize_t n;

	if (ret > 0 || wolfSSL_get_error(c->ssl, ret) != WOLFSSL_ERROR_ZERO_RETURN) {
		if (ret > 0 || !wants(c, ret))
			fail(c, "the end is no close_notify");
		return;
	}
	n = read(c->fd, piece, sizeof(piece));
	if (n < 0 && errno == EAGAIN)
		return;
	if (n != 0) {
		fail(c, n < 0 ? strerror(errno) : "bytes behind close_notify");
		return;
	}
	k.connections++;
	end(c);
}

static void done(struct client *c)
{
	uint64_t now = kload_now();

	keep_session(c);
	if (k.loading) {
		k.done++;
		k.end = now;
		hist_add(&k.latency, now - c->due);
		if (c->due >= k.made_up)
			hist_add(&k.undisturbed, now - c->due);
	}
	set_state(c, READY);
	if (k.o->exchanges > 0 && ++c->n_exchanges >= k.o->exchanges) {
		goodbye(c);
	} else if (k.o->exchanges > 0) {
		begin(c, now);
	} else if (k.loading && k.o->rate == 0 && k.o->count == 0 && !is_over()) {
		k.begun++;
		begin(c, now);
	}
}

/* False: c is gone, or epoll has to have news. */
static bool receive(struct client *c)
{
	int n = wolfSSL_read(c->ssl, piece, sizeof(piece));

	if (n <= 0) {
		if (!wants(c, n))
			fail(c, "the server ended the connection");
		return false;
	}
	if (c->state != EXCHANGE || (uint64_t)n > message_len(&k.o->answer) - c->in_at ||
	    !message_check(&k.o->answer, c->in_at, c->id, piece, (size_t)n)) {
		fail(c, "an answer is not what was asked for");
		return false;
	}
	c->in_at += (uint64_t)n;
	if (c->in_at == message_len(&k.o->answer)) {
		done(c);
		if (c->state == EXCHANGE)
			return send_some(c);
	}
	return c->state == READY || c->state == EXCHANGE;
}

static void run(struct client *c, uint32_t events)
{
	if (c->state == CONNECT) {
		int error = 0;
		socklen_t len = sizeof(error);

		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error != 0) {
			fail(c, strerror(error));
			return;
		}
		if (!(events & EPOLLOUT) || !start_tls(c))
			return;
	}
	if (c->state == HANDSHAKE && !handshake(c))
		return;
	if (c->state == EXCHANGE && !send_some(c))
		return;
	while ((c->state == READY || c->state == EXCHANGE) && receive(c))
		;
	if (c->state == ENDING)
		await_end(c);
}

/* As in loadgen: something else had the core, after the time at which there was something to do. */
static void look_for_pause(uint64_t due)
{
	uint64_t now = kload_now();

	if (now > due + PAUSE_NS)
		k.made_up = now + (now - due);
}

/* Runs what has news, or waits for it until then. */
static void turn(uint64_t until)
{
	struct epoll_event events[BATCH];
	uint64_t now = kload_now();
	struct timespec t = { 0 };
	int n;

	if (until > now) {
		t.tv_sec = (time_t)((until - now) / 1000000000);
		t.tv_nsec = (long)((until - now) % 1000000000);
	}
	n = epoll_pwait2(k.epoll, events, BATCH, &t, NULL);
	now = kload_now();
	look_for_pause(until);
	for (int i = 0; i < n; i++)
		run(events[i].data.ptr, events[i].events);
	look_for_pause(now);
}

static void wait_for_line(const char *say)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char text[64];

	if (!k.o->wait)
		return;
	puts(say);
	fflush(stdout);
	while (poll(&in, 1, 0) == 0)
		turn(kload_now() + 1000000);
	if (read(STDIN_FILENO, text, sizeof(text)) < 0)
		exit(1);
}

static int on_crypto(int device, wc_CryptoInfo *info, void *arg)
{
	(void)device;
	if (info->algo_type == WC_ALGO_TYPE_RNG) /* nobody else does, where there is a device */
		return wc_RNG_GenerateBlock(&k.rng, info->rng.out, info->rng.sz);
	return evidence_watch(arg, info);
}

static bool setup(void)
{
	const struct kload_options *o = k.o;
	int group = o->group;

	wolfSSL_Init();
	k.ctx = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
	if (k.ctx == NULL)
		return false;
	wolfSSL_CTX_set_verify(
	    k.ctx, o->ca != NULL ? WOLFSSL_VERIFY_PEER : WOLFSSL_VERIFY_NONE, NULL);
	k.epoll = epoll_create1(0);
	k.all = calloc(o->connections, sizeof(*k.all));
	TAILQ_INIT(&k.free);
	TAILQ_INIT(&k.ready);
	for (unsigned i = 0; k.all != NULL && i < o->connections; i++)
		TAILQ_INSERT_TAIL(&k.free, &k.all[i], link);
	hist_init(&k.latency);
	hist_init(&k.undisturbed);
	hist_init(&k.handshake);
	return k.all != NULL && wc_InitRng(&k.rng) == 0 &&
	    wc_CryptoCb_RegisterDevice(WATCHING, on_crypto, &k.evidence) == 0 &&
	    wolfSSL_CTX_SetDevId(k.ctx, WATCHING) == WOLFSSL_SUCCESS &&
	    (o->ca == NULL ||
		wolfSSL_CTX_load_verify_locations(k.ctx, o->ca, NULL) == WOLFSSL_SUCCESS) &&
	    wolfSSL_CTX_set_cipher_list(k.ctx, "TLS13-AES128-GCM-SHA256") == WOLFSSL_SUCCESS &&
	    wolfSSL_CTX_set_groups(k.ctx, &group, 1) == WOLFSSL_SUCCESS &&
	    wolfSSL_CTX_set1_sigalgs_list(
		k.ctx, o->rsa ? "RSA-PSS+SHA256:RSA+SHA256" : "ECDSA+SHA256") == WOLFSSL_SUCCESS &&
	    wolfSSL_CTX_UseSNI(k.ctx, WOLFSSL_SNI_HOST_NAME, o->name,
		(unsigned short)strlen(o->name)) == WOLFSSL_SUCCESS;
}

/* The connections that are kept; or one, for its ticket and to see that all works. */
static void ramp(void)
{
	const unsigned wanted = k.o->exchanges == 0 ? k.o->connections : 1;

	while (k.errors < 1000 &&
	    (k.o->exchanges == 0 ? k.n_ready < wanted : k.connections < wanted)) {
		while (k.n_open < wanted && k.n_opening < k.o->opening)
			open_one(kload_now());
		turn(kload_now() + 1000000000);
	}
	k.connections = 0;
	k.resumed = 0;
}

static void load(void)
{
	const bool kept = k.o->exchanges == 0;
	const double interval = k.o->rate > 0 ? 1e9 / k.o->rate : 0;

	k.loading = true;
	k.start = k.end = kload_now();
	k.limit = k.o->count > 0 ? k.o->count
	    : interval > 0       ? (uint64_t)(k.o->rate * k.o->seconds)
				 : UINT64_MAX;
	while (!is_over()) {
		uint64_t due = kload_now(), next = due + 100000000;

		while (!is_over() && (kept ? k.n_ready > 0 : k.n_open < k.o->connections)) {
			if (interval > 0)
				due = k.start + (uint64_t)((double)k.begun * interval);
			if (due > kload_now())
				break;
			k.begun++;
			if (kept) {
				struct client *c = TAILQ_FIRST(&k.ready);

				begin(c, due);
				send_some(c);
			} else {
				open_one(due);
			}
		}
		if (interval > 0 && due < next)
			next = due;
		turn(next);
	}
}

static void drain(void)
{
	uint64_t until = kload_now() + GRACE_NS;

	while (k.n_open > k.n_ready && kload_now() < until)
		turn(kload_now() + 10000000);
	if (k.n_open > k.n_ready)
		fprintf(stderr, "kload: %u still under way after the end\n", k.n_open - k.n_ready);
	k.errors += k.n_open - k.n_ready;
}

static void print_hist(const char *name, const struct hist *h)
{
	printf(
	    "\"%s\": {\"n\": %llu, \"mean\": %.2f, \"p50\": %.2f, \"p99\": %.2f, \"p999\": %.2f, "
	    "\"max\": %.2f}, ",
	    name, (unsigned long long)h->n, hist_mean(h) / 1e3,
	    (double)hist_percentile(h, 50) / 1e3, (double)hist_percentile(h, 99) / 1e3,
	    (double)hist_percentile(h, 99.9) / 1e3, (double)h->max / 1e3);
}

static void report(void)
{
	const double seconds = (double)(k.end - k.start) / 1e9;

	printf("{\"exchanges\": %llu, \"connections\": %llu, \"open\": %u, \"resumed\": %llu, "
	       "\"seconds\": %.6f, \"per_second\": %.1f, \"bytes_up\": %llu, \"bytes_down\": %llu, "
	       "\"corrected\": %s, ",
	    (unsigned long long)k.done, (unsigned long long)k.connections, k.n_open,
	    (unsigned long long)k.resumed, seconds, seconds > 0 ? (double)k.done / seconds : 0,
	    (unsigned long long)(k.done * message_len(&k.o->request)),
	    (unsigned long long)(k.done * message_len(&k.o->answer)),
	    k.o->rate > 0 ? "true" : "false");
	print_hist("latency_us", &k.latency);
	print_hist("undisturbed_us", &k.undisturbed);
	print_hist("handshake_us", &k.handshake);
	printf("\"errors\": %llu, \"handshake_errors\": ", (unsigned long long)k.errors);
	evidence_print_kinds(&k.evidence, stdout);
	puts("}");
	fflush(stdout);
}

int kload_clients(const struct kload_options *o)
{
	k.o = o;
	k.target = kload_address(o->target);
	if (!setup()) {
		fprintf(
		    stderr, "kload: wolfSSL does not take the group, the CA file or the name\n");
		return 1;
	}
	ramp();
	wait_for_line("ready");
	if (k.errors < 1000) {
		load();
		drain();
	}
	report();
	wait_for_line("done");
	return k.errors > 0 ? 3 : 0;
}
