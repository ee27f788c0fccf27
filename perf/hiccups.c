/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hiccups RATE SECONDS CORE SERVER_CORE: what of a latency is the machine's. On each of the two cores a thread does
 * nothing but look at the clock (as Gil Tene's jHiccup does) and notes when it did not run: interrupts, the
 * scheduler, the hypervisor. Then RATE requests a second are imagined that take no time, but begin on CORE, are
 * answered on SERVER_CORE and end on CORE, and wait wherever the core did not run when their turn came. Their
 * latencies are one line of JSON, in us: "both" as said, "undisturbed" without those that met a pause of CORE of 100 us
 * and more (as loadgen's undisturbed_us: what an exchange would seem to take whose server and wire take no time),
 * "server" as if CORE never paused.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "perf/gaps.h"
#include "perf/loadgen/hist.h"

#define GAP_NS       1000 /* reading the clock takes 30 */
#define MAX_GAPS     (1u << 22)
#define DISTURBED_NS 100000 /* as loadgen's and kload's */

struct spinner {
	pthread_t thread;
	unsigned core;
	uint64_t until_ns, stopped_ns; /* stopped: in all its gaps */
	struct gaps gaps;
};

static __attribute__((noreturn)) void die(const char *what)
{
	fprintf(stderr, "hiccups: %s\n", what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *spin(void *arg)
{
	struct spinner *s = arg;
	uint64_t last, now;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(s->core, &cpus);
	if (pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus) != 0)
		die("cannot run on that core");
	for (last = now_ns(); last < s->until_ns; last = now) {
		now = now_ns();
		if (now - last < GAP_NS)
			continue;
		gaps_add(&s->gaps, last, now);
		s->stopped_ns += now - last;
	}
	return NULL;
}

static double number(const char *text, double min, double max)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end != '\0' || !(v >= min && v <= max)) {
		fprintf(stderr, "hiccups: '%s' is not from %g to %g\n", text, min, max);
		exit(2);
	}
	return v;
}

static void prepare(struct spinner *s, unsigned core)
{
	s->core = core;
	s->gaps.max = MAX_GAPS;
	s->gaps.all = malloc(MAX_GAPS * sizeof(*s->gaps.all));
	if (s->gaps.all == NULL)
		die("out of memory");
	memset(s->gaps.all, 0, MAX_GAPS * sizeof(*s->gaps.all)); /* page faults would be gaps */
}

struct latencies {
	struct hist all, undisturbed;
};

/* The latencies of requests that are due evenly from from_ns on. client: NULL when its core never pauses. */
static void imagine(struct latencies *l, const struct spinner *client, const struct spinner *server,
    uint64_t from_ns, double rate)
{
	uint32_t cursors[4] = { 0 };

	hist_init(&l->all);
	hist_init(&l->undisturbed);
	for (uint64_t i = 0;; i++) {
		uint64_t due = from_ns + (uint64_t)((double)i * 1e9 / rate), at = due;

		if (due >= server->until_ns)
			return;
		if (client != NULL)
			at = gaps_after(&client->gaps, &cursors[0], at);
		at = gaps_after(&server->gaps, &cursors[1], at);
		if (client != NULL)
			at = gaps_after(&client->gaps, &cursors[2], at);
		hist_add(&l->all, at - due);
		if (client == NULL ||
		    !gaps_has(&client->gaps, &cursors[3], due, at + 1, DISTURBED_NS))
			hist_add(&l->undisturbed, at - due);
	}
}

static void print_hist(const char *name, const struct hist *h)
{
	printf(
	    "\"%s\": {\"n\": %llu, \"p50\": %.2f, \"p99\": %.2f, \"p999\": %.2f, \"max\": %.2f}, ",
	    name, (unsigned long long)h->n, (double)hist_percentile(h, 50) / 1e3,
	    (double)hist_percentile(h, 99) / 1e3, (double)hist_percentile(h, 99.9) / 1e3,
	    (double)h->max / 1e3);
}

int main(int argc, char **argv)
{
	static struct spinner s[2];
	static struct latencies l;
	uint64_t from, until;
	double rate, seconds;

	if (argc != 5) {
		fprintf(stderr, "usage: hiccups RATE SECONDS CORE SERVER_CORE\n");
		return 2;
	}
	rate = number(argv[1], 1, 1e7);
	seconds = number(argv[2], 0.01, 3600);
	for (unsigned i = 0; i < 2; i++)
		prepare(&s[i], (unsigned)number(argv[3 + i], 0, CPU_SETSIZE - 1));
	from = now_ns() + 10000000; /* threads are on their cores by then */
	until = from + (uint64_t)(seconds * 1e9);
	for (unsigned i = 0; i < 2; i++) {
		s[i].until_ns = until;
		if (pthread_create(&s[i].thread, NULL, spin, &s[i]) != 0)
			die("cannot start a thread");
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(s[i].thread, NULL);
	if (s[0].gaps.is_full || s[1].gaps.is_full)
		die("too many gaps for that long");
	putchar('{');
	imagine(&l, &s[0], &s[1], from, rate);
	print_hist("both", &l.all);
	print_hist("undisturbed", &l.undisturbed);
	imagine(&l, NULL, &s[1], from, rate);
	print_hist("server", &l.all);
	printf("\"stopped_share\": [%.6f, %.6f]}\n", (double)s[0].stopped_ns / (seconds * 1e9),
	    (double)s[1].stopped_ns / (seconds * 1e9));
	free(s[0].gaps.all);
	free(s[1].gaps.all);
	return 0;
}
