/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/worker.h"

#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_pause.h>
#include <rte_ring_elem.h>

#include "config/err.h"
#include "dataplane/base/share.h"
#include "dataplane/port/port.h"
#include "dataplane/proxy/dump.h"
#include "dataplane/proxy/proxy.h"
#include "dataplane/proxy/snapshot.h"

#define BURST        32
#define TIMER_BUDGET 256
#define INFO_US      100000
#define DUMP_BUDGET  512

int worker_init(struct worker *w, const struct worker_config *config, struct err *e)
{
	const struct config_runtime *runtime = &config->config->runtime;
	uint32_t max = share_of(runtime->max_connections, w->index, w->n_workers);
	struct stack_config stack = {
		.net = { .ifaces = config->ifaces,
		    .n_ifaces = w->n_ifaces,
		    .pool = w->pool,
		    .stats = &w->stats },
		.pool = w->pool,
		.max_conns = proxy_max_conns(max),
	};
	struct proxy_config proxy;
	struct tls_worker_config tls = { .max_contexts = 0 };
	uint64_t now;

	clock_init(&w->clock);
	now = clock_us(&w->clock, rte_rdtsc());
	memcpy(stack.net.secret, config->secret, sizeof(stack.net.secret));
	memcpy(stack.cookie_secret, config->secret, sizeof(stack.cookie_secret));
	if (w->n_workers > 1) {
		w->self = (struct steer_self){ .steer = w->steer, .worker = w->index };
		stack.flow_is_ours = steer_is_ours;
		stack.ports_are_ours = steer_ports;
		stack.flow_arg = &w->self;
	}
	w->stack = stack_new(&stack, now);
	w->tls = tls_worker_new(&tls);
	if (!w->stack || !w->tls)
		return err_set(e, "out of memory for %u connections; lower runtime.max_connections",
		    runtime->max_connections);
	proxy = (struct proxy_config){ .stack = w->stack,
		.tls = w->tls,
		.stats = &w->stats,
		.log = w->log,
		.max_relays = max,
		.worker = w->index,
		.n_workers = w->n_workers };
	w->proxy = proxy_new(&proxy, now);
	if (!w->proxy)
		return err_set(e, "out of memory for %u connections; lower runtime.max_connections",
		    runtime->max_connections);
	return 0;
}

void worker_fini(struct worker *w)
{
	proxy_free(w->proxy);
	tls_worker_free(w->tls);
	stack_free(w->stack);
	w->proxy = NULL;
	w->tls = NULL;
	w->stack = NULL;
}

/* Runs them through the stack; what fragments made of other workers' flows goes there. */
static void process(struct worker *w, struct rte_mbuf *pkts[], unsigned n)
{
	struct rte_mbuf *strays[BURST];

	stack_rx(w->stack, pkts, n, w->now_us);
	if (w->n_workers == 1)
		return;
	n = stack_strays(w->stack, strays, BURST);
	if (n == 0)
		return;
	/* What is kept would come back here for ever; a whole frame has an owner, so there is none. */
	n = steer_strays(w->steer, w->index, strays, n, &w->stats);
	stats_add(&w->stats, STAT_DROP_IP_FRAGMENT, n);
	rte_pktmbuf_free_bulk(strays, n);
}

/* Packets in: from every port's queue and from other workers. Returns how many. */
static unsigned receive(struct worker *w)
{
	struct rte_mbuf *pkts[BURST];
	unsigned total = 0, n;

	w->is_crowded = false;
	for (unsigned i = 0; i < w->n_ports; i++) {
		n = port_rx(w->ports[i], w->index, pkts, BURST, &w->stats);
		if (n == 0)
			continue;
		w->is_crowded |= n == BURST;
		total += n;
		n = steer_sort(w->steer, w->index, pkts, n, &w->stats);
		process(w, pkts, n);
	}
	if (w->n_workers > 1) {
		n = steer_take(w->steer, w->index, pkts, BURST, &w->stats);
		w->is_crowded |= n == BURST;
		if (n > 0)
			process(w, pkts, n);
		total += n;
	}
	return total;
}

/* Sends what devices had no room for. Returns how many. */
static unsigned transmit_late(struct worker *w)
{
	unsigned total = 0;

	for (unsigned i = 0; i < w->n_ports; i++)
		total += port_tx_late(w->ports[i], w->index, w->now_us, &w->stats);
	return total;
}

/*
 * Then the stack is not asked for more: segments wait in their connections, where ACKs still make them fewer, and not in
 * a queue that overflows.
 */
static bool is_backed_up(const struct worker *w)
{
	for (unsigned i = 0; i < w->n_ports; i++)
		if (port_is_backed_up(w->ports[i], w->index, w->now_us))
			return true;
	return false;
}

/* What the stack has to send, sorted by interface. Returns how many frames. */
static unsigned transmit_burst(struct worker *w)
{
	struct rte_mbuf *out[BURST];
	unsigned start = 0, n = stack_tx(w->stack, out, BURST, w->now_us);

	for (unsigned i = 1; i <= n; i++) {
		if (i < n && out[i]->port == out[start]->port)
			continue;
		port_tx(w->ports[w->port_of[out[start]->port]], w->index, out + start, i - start,
		    w->pool, &w->stats);
		start = i;
	}
	return n;
}

/* Packets out. Returns how many; what waits for room is looked at in vain as often as an empty ring. */
static unsigned transmit(struct worker *w)
{
	unsigned total = transmit_late(w), n = BURST;

	while (n == BURST && !is_backed_up(w)) {
		n = transmit_burst(w);
		total += n;
	}
	return total;
}

/* With several queues only one worker sees a neighbour's answer: pass it on, and take theirs. */
static void share_neighbours(struct worker *w)
{
	struct net *net = stack_net(w->stack);
	struct net_neigh neigh;

	while (net_learned_next(net, &neigh))
		for (unsigned i = 0; i < w->n_workers; i++)
			if (i != w->index &&
			    rte_ring_mp_enqueue_elem(
				w->workers[i].mailbox, &neigh, sizeof(neigh)) != 0)
				stats_inc(&w->stats, STAT_DROP_MAILBOX_FULL);
	while (rte_ring_sc_dequeue_elem(w->mailbox, &neigh, sizeof(neigh)) == 0)
		net_learn(net, &neigh, w->now_us);
}

static void obey(struct worker *w)
{
	const struct snapshot *snapshot = atomic_load_explicit(&w->snapshot, memory_order_acquire);
	enum worker_order order = atomic_load_explicit(&w->order, memory_order_acquire);
	struct proxy_dump *dump = atomic_load_explicit(&w->dump, memory_order_acquire);

	if (snapshot->generation != w->adopted) {
		stats_add(&w->stats, STAT_BIND_ERRORS, proxy_adopt(w->proxy, snapshot));
		w->adopted = snapshot->generation;
	}
	tls_worker_set_tickets(w->tls, atomic_load_explicit(&w->tickets, memory_order_acquire));
	if (dump) {
		proxy_dump(w->proxy, dump, DUMP_BUDGET);
		if (atomic_load_explicit(&dump->done, memory_order_relaxed))
			atomic_store_explicit(&w->dump, NULL, memory_order_release);
	}
	if (order == w->obeyed)
		return;
	w->obeyed = order;
	w->info_us = 0; /* what there was before the order says nothing about after it */
	if (order >= WORKER_DRAIN)
		proxy_drain(w->proxy);
	if (order >= WORKER_CLOSE)
		proxy_close_all(w->proxy);
}

/* What control may want to know, now and then. */
static void publish_info(struct worker *w)
{
	uint32_t open = 0;

	if (w->now_us < w->info_us)
		return;
	w->info_us = w->now_us + INFO_US;
	stack_info_get(w->stack, &w->stack_info);
	w->tls_stats = *tls_worker_stats(w->tls);
	for (int s = TCP_SYN_SENT; s < TCP_TIME_WAIT; s++)
		open += w->stack_info.n_state[s];
	atomic_store_explicit(&w->empty_under,
	    open == 0 && proxy_active(w->proxy) == 0 ? w->obeyed : WORKER_RUN,
	    memory_order_relaxed);
}

/* The processor time of this thread so far. */
static uint64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Nothing came for a while and nothing is due: give the core away for a moment. */
static void rest(struct worker *w)
{
	uint64_t wake = w->stack_wake_us < w->proxy_wake_us ? w->stack_wake_us : w->proxy_wake_us;
	uint32_t us = idle_sleep_us(&w->idle, w->now_us);
	bool is_longest = us == w->idle.longest_us;
	struct timespec t = { 0 };

	if (us == 0) {
		rte_pause();
		return;
	}
	if (wake <= w->now_us)
		return;
	if (us > wake - w->now_us)
		us = (uint32_t)(wake - w->now_us);
	t.tv_nsec = (long)us * 1000;
	nanosleep(&t, NULL);
	stats_inc(&w->stats, STAT_SLEEPS);
	if (is_longest && idle_slept(&w->idle))
		idle_judge(&w->idle, cpu_us(), clock_us(&w->clock, rte_rdtsc()));
}

static void loop(struct worker *w)
{
	uint64_t start = rte_rdtsc();
	unsigned work;

	w->now_us = clock_us(&w->clock, start);
	obey(w);
	work = proxy_shake(w->proxy, w->now_us, w->is_crowded);
	if (work)
		w->now_us = clock_us(&w->clock, rte_rdtsc());
	work += receive(w);
	if (w->n_workers > 1)
		share_neighbours(w);
	w->proxy_wake_us = proxy_run(w->proxy, w->now_us, TIMER_BUDGET);
	work += proxy_has_run(w->proxy);
	w->stack_wake_us = stack_timers(w->stack, w->now_us, TIMER_BUDGET);
	work += transmit(w);
	publish_info(w);
	rte_rcu_qsbr_quiescent(w->qsbr, w->index);

	stats_inc(&w->stats, STAT_LOOPS);
	if (work || proxy_is_busy(w->proxy)) {
		idle_end(&w->idle, w->now_us);
		stats_inc(&w->stats, STAT_LOOPS_BUSY);
		stats_add(&w->stats, STAT_BUSY_CYCLES, rte_rdtsc() - start);
		return;
	}
	if (w->idle_sleep && !is_backed_up(w))
		rest(w);
	else
		rte_pause();
}

int worker_main(void *arg)
{
	struct worker *w = arg;

	prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
	rte_rcu_qsbr_thread_register(w->qsbr, w->index);
	rte_rcu_qsbr_thread_online(w->qsbr, w->index);
	w->now_us = clock_us(&w->clock, rte_rdtsc());
	idle_init(&w->idle, w->now_us);
	while (atomic_load_explicit(&w->order, memory_order_relaxed) != WORKER_STOP)
		loop(w);
	rte_rcu_qsbr_thread_offline(w->qsbr, w->index);
	rte_rcu_qsbr_thread_unregister(w->qsbr, w->index);
	return 0;
}
