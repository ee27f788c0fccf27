/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bridge between two interfaces that loses, delays, reorders, duplicates and rate-limits frames, since
 * not every kernel has netem, and cuts IP packets up like a router in front of a narrow link. Deterministic for a seed and an order of arrivals: each direction draws from
 * a generator of its own, one draw per decision and frame. Ends on SIGTERM or SIGINT and prints what it did.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <math.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/cut.h"

#define FRAME_MAX 9216
#define FRAMES    65536 /* on their way at once, both directions */
#define NEVER     UINT64_MAX

struct frame {
	uint64_t due_ns;
	uint64_t order; /* breaks ties: first in, first out */
	uint32_t len;
	uint8_t to;
	uint8_t bytes[FRAME_MAX];
};

struct settings {
	double loss, duplicate, reorder; /* probabilities */
	uint64_t delay_ns, jitter_ns;    /* one way */
	double rate;                     /* bits per second, 0: no limit */
	uint64_t queue_bytes;            /* before the rate limit; more is dropped */
	uint64_t seed;
	uint32_t
	    fragment; /* payload bytes of a fragment, of what comes from the first interface; 0: whole */
	double clash; /* probability that a packet's fragments overlap */
};

/* One direction. */
struct way {
	int in, out;
	uint64_t random;
	uint64_t free_ns; /* when the line has sent what it was given */
	uint64_t last_due_ns;
	uint64_t seen, lost, queue_full, duplicated, reordered, sent, cut, clashing;
};

struct bridge {
	struct settings set;
	struct way way[2];
	struct frame *frames;
	struct frame **heap, **idle;
	unsigned n_heap, n_idle;
	uint64_t order;
};

static volatile sig_atomic_t over;

static void stop(int sig)
{
	(void)sig;
	over = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* xorshift64* (Vigna 2016), as a number in [0, 1). */
static double draw(struct way *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (double)((w->random * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static bool earlier(const struct frame *a, const struct frame *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void heap_push(struct bridge *b, struct frame *f)
{
	unsigned i = b->n_heap++;

	for (; i > 0 && earlier(f, b->heap[(i - 1) / 2]); i = (i - 1) / 2)
		b->heap[i] = b->heap[(i - 1) / 2];
	b->heap[i] = f;
}

static struct frame *heap_pop(struct bridge *b)
{
	struct frame *top = b->heap[0], *last = b->heap[--b->n_heap];
	unsigned i = 0, child;

	while ((child = 2 * i + 1) < b->n_heap) {
		if (child + 1 < b->n_heap && earlier(b->heap[child + 1], b->heap[child]))
			child++;
		if (!earlier(b->heap[child], last))
			break;
		b->heap[i] = b->heap[child];
		i = child;
	}
	b->heap[i] = last;
	return top;
}

/* When the frame comes out: after the line's queue, its length, and the delay. */
static uint64_t due_time(const struct settings *s, struct way *w, uint32_t len, uint64_t now)
{
	uint64_t due = now;

	if (s->rate > 0) {
		uint64_t start = w->free_ns > now ? w->free_ns : now;

		if ((double)(start - now) * s->rate / 8e9 > (double)s->queue_bytes)
			return NEVER;
		w->free_ns = start + (uint64_t)((double)len * 8e9 / s->rate);
		due = w->free_ns;
	}
	due += s->delay_ns;
	if (s->jitter_ns > 0)
		due += (uint64_t)(draw(w) * (double)s->jitter_ns);
	/* Jitter alone keeps the order; --reorder is what breaks it. */
	if (due < w->last_due_ns)
		due = w->last_due_ns;
	w->last_due_ns = due;
	return due;
}

static void schedule(struct bridge *b, unsigned dir, const struct frame *from, uint64_t due)
{
	struct frame *f;

	if (b->n_idle == 0) {
		b->way[dir].queue_full++;
		return;
	}
	f = b->idle[--b->n_idle];
	f->len = from->len;
	memcpy(f->bytes, from->bytes, from->len);
	f->to = (uint8_t)dir;
	f->due_ns = due;
	f->order = b->order++;
	heap_push(b, f);
}

static void take_in(struct bridge *b, unsigned dir, const struct frame *in, uint64_t now)
{
	const struct settings *s = &b->set;
	struct way *w = &b->way[dir];
	bool lose = draw(w) < s->loss, twice = draw(w) < s->duplicate;
	bool jump = draw(w) < s->reorder;
	uint64_t due;

	w->seen++;
	if (lose) {
		w->lost++;
		return;
	}
	due = due_time(s, w, in->len, now);
	if (due == NEVER) {
		w->queue_full++;
		return;
	}
	if (jump) { /* held back past those that follow within a quarter of the delay */
		w->reordered++;
		due += s->delay_ns / 4 + 1000000;
	}
	schedule(b, dir, in, due);
	if (twice) {
		w->duplicated++;
		schedule(b, dir, in, due);
	}
}

/* All fragments of a packet, in their order or the reverse. */
static bool take_in_pieces(struct bridge *b, const struct frame *in, uint64_t now)
{
	static struct frame piece;
	static struct cut cut;
	struct way *w = &b->way[0];
	bool clash = draw(w) < b->set.clash, backwards = draw(w) < 0.5;

	if (!cut_frame(&cut, in->bytes, in->len, b->set.fragment, (uint32_t)++b->order, clash))
		return false;
	for (unsigned i = 0; i < cut.n; i++) {
		unsigned at = backwards ? cut.n - 1 - i : i;

		piece.len = cut.len[at];
		memcpy(piece.bytes, cut.bytes[at], piece.len);
		take_in(b, 0, &piece, now);
	}
	w->cut++;
	w->clashing += clash;
	return true;
}

static void read_all(struct bridge *b, unsigned dir)
{
	static struct frame in;
	struct way *w = &b->way[dir];

	for (int i = 0; i < 256; i++) {
		struct sockaddr_ll from;
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(w->in, in.bytes, sizeof(in.bytes), MSG_DONTWAIT | MSG_TRUNC,
		    (struct sockaddr *)&from, &size);

		if (n <= 0)
			return;
		if (from.sll_pkttype == PACKET_OUTGOING || n > FRAME_MAX)
			continue;
		in.len = (uint32_t)n;
		if (dir == 1 || b->set.fragment == 0 || !take_in_pieces(b, &in, now_ns()))
			take_in(b, dir, &in, now_ns());
	}
}

static void send_due(struct bridge *b)
{
	uint64_t now = now_ns();

	while (b->n_heap > 0 && b->heap[0]->due_ns <= now) {
		struct frame *f = heap_pop(b);
		struct way *w = &b->way[f->to];

		if (send(w->out, f->bytes, f->len, 0) == (ssize_t)f->len)
			w->sent++;
		else
			w->queue_full++;
		b->idle[b->n_idle++] = f;
	}
}

static int open_socket(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), size = 16 << 20;

	at.sll_ifindex = (int)if_nametoindex(name);
	promiscuous.mr_ifindex = at.sll_ifindex;
	if (fd < 0 || at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) <
		0) {
		fprintf(stderr, "lossy: %s: %s\n", name, strerror(errno));
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return fd;
}

/* A number with a unit: 1%, 20ms, 100mbit, 500kb; multiplied by what the unit means. */
static double number(const char *text, const char *option)
{
	static const struct {
		const char *name;
		double factor;
	} units[] = { { "", 1 }, { "%", 0.01 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 },
		{ "kbit", 1e3 }, { "mbit", 1e6 }, { "gbit", 1e9 }, { "kb", 1024 },
		{ "mb", 1048576 } };
	char *end;
	double value = strtod(text, &end);

	for (size_t i = 0;
	     end != text && isfinite(value) && value >= 0 && i < sizeof(units) / sizeof(units[0]);
	     i++)
		if (strcmp(end, units[i].name) == 0)
			return value * units[i].factor;
	fprintf(stderr, "lossy: --%s: '%s' is not a number with a unit\n", option, text);
	exit(2);
}

static void parse(struct settings *s, int argc, char **argv)
{
	static const struct option options[] = { { "loss", 1, 0, 'l' }, { "duplicate", 1, 0, 'd' },
		{ "reorder", 1, 0, 'r' }, { "delay", 1, 0, 't' }, { "jitter", 1, 0, 'j' },
		{ "rate", 1, 0, 'b' }, { "queue", 1, 0, 'q' }, { "seed", 1, 0, 's' },
		{ "fragment", 1, 0, 'f' }, { "clash", 1, 0, 'c' }, { 0 } };
	int option, index;

	while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
		double value = option == '?' ? 0 : number(optarg, options[index].name);

		switch (option) {
		case 'l':
			s->loss = value;
			break;
		case 'd':
			s->duplicate = value;
			break;
		case 'r':
			s->reorder = value;
			break;
		case 't':
			s->delay_ns = (uint64_t)value;
			break;
		case 'j':
			s->jitter_ns = (uint64_t)value;
			break;
		case 'b':
			s->rate = value;
			break;
		case 'q':
			s->queue_bytes = (uint64_t)value;
			break;
		case 's':
			s->seed = (uint64_t)value;
			break;
		case 'f':
			s->fragment = (uint32_t)value / 8 * 8;
			break;
		case 'c':
			s->clash = value;
			break;
		default:
			fprintf(stderr,
			    "Usage: lossy [--loss 1%%] [--duplicate 1%%] [--reorder 1%%] [--delay 10ms] "
			    "[--jitter 1ms]\n             [--rate 100mbit] [--queue 256kb] [--seed 1]\n"
			    "             [--fragment 576 [--clash 1%%]] IF IF\n");
			exit(2);
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr, "lossy: two interfaces are needed\n");
		exit(2);
	}
}

static void run(struct bridge *b)
{
	struct pollfd fds[2] = { { b->way[0].in, POLLIN, 0 }, { b->way[1].in, POLLIN, 0 } };

	while (!over) {
		struct timespec wait = { .tv_sec = 1 };

		if (b->n_heap > 0) {
			uint64_t now = now_ns(), due = b->heap[0]->due_ns;
			uint64_t left = due > now ? due - now : 0;

			wait.tv_sec = (time_t)(left / 1000000000u);
			wait.tv_nsec = (long)(left % 1000000000u);
		}
		if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR)
			break;
		for (unsigned i = 0; i < 2; i++)
			read_all(b, i);
		send_due(b);
	}
}

static void print_way(const char *from, const char *to, const struct way *w)
{
	printf(
	    "%s->%s seen %llu lost %llu queue_full %llu duplicated %llu reordered %llu sent %llu cut %llu "
	    "clashing %llu\n",
	    from, to, (unsigned long long)w->seen, (unsigned long long)w->lost,
	    (unsigned long long)w->queue_full, (unsigned long long)w->duplicated,
	    (unsigned long long)w->reordered, (unsigned long long)w->sent,
	    (unsigned long long)w->cut, (unsigned long long)w->clashing);
}

int main(int argc, char **argv)
{
	static struct bridge b = { .set = { .queue_bytes = 256 * 1024, .seed = 1 } };
	struct sigaction action = { .sa_handler = stop };

	parse(&b.set, argc, argv);
	b.frames = calloc(FRAMES, sizeof(*b.frames));
	b.heap = calloc(FRAMES, sizeof(*b.heap));
	b.idle = calloc(FRAMES, sizeof(*b.idle));
	if (!b.frames || !b.heap || !b.idle) {
		fprintf(stderr, "lossy: out of memory\n");
		return 1;
	}
	for (b.n_idle = 0; b.n_idle < FRAMES; b.n_idle++)
		b.idle[b.n_idle] = &b.frames[b.n_idle];
	for (int i = 0; i < 2; i++) {
		b.way[i].in = open_socket(argv[optind + i]);
		b.way[i].random = (b.set.seed * 2 + (uint64_t)i + 1) * 0x9e3779b97f4a7c15u;
	}
	b.way[0].out = b.way[1].in;
	b.way[1].out = b.way[0].in;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
	printf("lossy: ready\n");
	fflush(stdout);
	run(&b);
	print_way(argv[optind], argv[optind + 1], &b.way[0]);
	print_way(argv[optind + 1], argv[optind], &b.way[1]);
	return 0;
}
