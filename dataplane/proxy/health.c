/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/health.h"

#include <stdio.h>

#include "dataplane/proxy/proxy_protocol.h"
#include "dataplane/proxy/relay.h"
#include "tls/handshake.h"
#include "tls/origin.h"

#define FIRST_SPREAD_MS 500  /* the first checks of all targets are spread over so much */
#define REQUEST_MAX     1024 /* path, host and what is around them */
#define FEED_IOV        16
#define SEAL_ROOM       400 /* more than a record's header, tag and padding */

/* --- the timer --- */

static void file_timer(struct proxy *p, struct health *h, uint32_t in_ms)
{
	wheel_file(&p->checks, &h->timer, proxy_now_ms(p) + in_ms);
}

/* Whatever it was about. */
static void hang_up(struct proxy *p, struct health *h)
{
	leg_abort(&h->leg);
	handshake_free(h->handshake);
	h->handshake = NULL;
	if (h->has_keys)
		record_fini(&h->record, p->aead);
	h->has_keys = false;
}

static void go_idle(struct proxy *p, struct health *h)
{
	uint32_t interval = h->backend->health.interval_ms;
	uint32_t since = proxy_now_ms(p) - h->started_ms;

	hang_up(p, h);
	h->state = HEALTH_IDLE;
	file_timer(p, h, since < interval ? interval - since : 1);
}

static void store8(_Atomic uint8_t *at, uint8_t value)
{
	atomic_store_explicit(at, value, memory_order_relaxed);
}

static void judge(struct proxy *p, struct health *h, enum health_outcome outcome)
{
	uint8_t verdict = atomic_load_explicit(&h->found, memory_order_relaxed);
	bool passed = outcome == HEALTH_PASSED;

	h->n_checks++;
	h->n_failed += !passed;
	store8(&h->outcome, (uint8_t)outcome);
	atomic_store_explicit(&h->status, h->reply.status, memory_order_relaxed);
	atomic_store_explicit(&h->found,
	    health_judge(&h->backend->health, verdict, passed, &h->streak), memory_order_release);
	go_idle(p, h);
}

/* --- one check --- */

static void *health_user(struct health *h)
{
	return (void *)((uintptr_t)h | PROXY_USER_HEALTH);
}

static void start(struct proxy *p, struct health *h)
{
	const struct backend_health *config = &h->backend->health;
	struct tcp_target to = { .ip = h->target->at.ip,
		.port = config->port ? config->port : h->target->at.port };
	enum tcp_error error;

	h->started_ms = proxy_now_ms(p);
	http_reply_init(&h->reply);
	h->leg.conn = tcp_connect(p->stack, &to, health_user(h), p->now_us, &error);
	if (h->leg.conn) {
		h->state = HEALTH_CONNECT;
		file_timer(p, h, config->timeout_ms);
	} else if (error == TCP_ERR_NO_ROUTE) {
		judge(p, h, HEALTH_NO_ROUTE);
	} else { /* ports and memory that we lack say nothing of the target */
		go_idle(p, h);
	}
}

/* The target expects a PROXY header: this connection is for nobody. */
static bool send_local(struct proxy *p, struct health *h)
{
	uint8_t header[PROXY_PROTOCOL_LOCAL_MAX];
	size_t len = proxy_protocol_write_local(header, h->backend->proxy_version);

	return leg_write(&h->leg, header, len, p->out, PROXY_IOV);
}

/* In one record: it is shorter than a segment. */
static bool send_sealed(struct proxy *p, struct health *h, char *text, size_t len)
{
	struct iovec plain = { text, len };
	struct record_io io = { .in = &plain, .n_in = 1, .out = p->out };

	io.n_out = leg_reserve(&h->leg, len + SEAL_ROOM, p->out, PROXY_IOV);
	if (record_seal(&h->record, p->aead, &io) != RECORD_OK)
		io.consumed = io.produced = 0;
	leg_commit(&h->leg, io.produced, TCP_PUSH);
	return io.consumed == len;
}

static bool send_request(struct proxy *p, struct health *h)
{
	const struct backend_health *config = &h->backend->health;
	char text[REQUEST_MAX];
	int len;

	len = snprintf(text, sizeof(text),
	    "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sallyport-health\r\nAccept: */*\r\n"
	    "Connection: close\r\n\r\n",
	    config->path, config->host ? config->host : h->run->address);

	if (len <= 0 || (size_t)len >= sizeof(text))
		return false;
	return h->has_keys ? send_sealed(p, h, text, (size_t)len)
			   : leg_write(&h->leg, text, (size_t)len, p->out, PROXY_IOV);
}

static enum health_outcome outcome_of(const struct health *h)
{
	const struct backend_health *config = &h->backend->health;

	for (unsigned i = 0; i < config->n_status; i++)
		if (h->reply.status >= config->status[i].low &&
		    h->reply.status <= config->status[i].high)
			return config->body.len == 0 || h->reply.found ? HEALTH_PASSED
								       : HEALTH_BODY;
	return HEALTH_STATUS;
}

static enum http_reply_status read_plain(struct health *h)
{
	enum http_reply_status is = HTTP_MORE;

	while (is == HTTP_MORE && leg_available(&h->leg) > 0) {
		struct iovec iov[FEED_IOV];
		unsigned n = leg_view(&h->leg, iov, FEED_IOV);
		size_t bytes = 0;

		for (unsigned i = 0; i < n && is == HTTP_MORE; i++) {
			is = http_reply_read(
			    &h->reply, &h->backend->health.body, iov[i].iov_base, iov[i].iov_len);
			bytes += iov[i].iov_len;
		}
		leg_consume(&h->leg, bytes);
	}
	if (is == HTTP_MORE && leg_is_finished(&h->leg))
		is = http_reply_end(&h->reply);
	return is;
}

/* Only close_notify ends an answer that does not say how long it is. */
static enum http_reply_status read_sealed(struct proxy *p, struct health *h)
{
	const struct http_text *body = &h->backend->health.body;
	enum record_status status = RECORD_OK;
	enum http_reply_status is = HTTP_MORE;

	while (is == HTTP_MORE && status == RECORD_OK) {
		struct iovec plain = { p->plain, sizeof(p->plain) };
		struct record_io io = { .in = p->in, .out = &plain, .n_out = 1 };

		io.n_in = leg_view(&h->leg, p->in, PROXY_IOV_WIDE);
		status = record_open(&h->record, p->aead, &io);
		leg_consume(&h->leg, io.consumed);
		if (io.produced > 0)
			is = http_reply_read(&h->reply, body, p->plain, io.produced);
		if (is == HTTP_MORE && status == RECORD_CLOSED)
			is = http_reply_end(&h->reply);
	}
	leg_control(p, &h->leg, &h->record);
	if (is == HTTP_MORE && (status == RECORD_FATAL || leg_is_finished(&h->leg)))
		is = HTTP_BAD;
	return is;
}

static void read_answer(struct proxy *p, struct health *h)
{
	enum http_reply_status is = h->has_keys ? read_sealed(p, h) : read_plain(h);

	if (is == HTTP_BAD)
		judge(p, h, HEALTH_NO_HTTP);
	else if (is == HTTP_DONE)
		judge(p, h, outcome_of(h));
}

static void ask(struct proxy *p, struct health *h)
{
	h->state = HEALTH_ANSWER;
	if (send_request(p, h))
		read_answer(p, h);
	else
		go_idle(p, h); /* our own lack of memory */
}

/* --- in TLS: the whole handshake each time, for a session would hide what became of the certificate --- */

static void no_tls(struct proxy *p, struct health *h, enum target_tls why)
{
	store8(&h->tls, (uint8_t)why);
	leg_release(&h->leg); /* an alert still goes out */
	judge(p, h, HEALTH_TLS);
}

static void has_tls(struct proxy *p, struct health *h)
{
	struct handshake *done = h->handshake;

	h->handshake = NULL;
	if (handshake_finish(done, &h->record) < 0) {
		go_idle(p, h);
		return;
	}
	h->has_keys = true;
	if (h->backend->health.type == CONFIG_HEALTH_HTTPS) {
		ask(p, h);
		return;
	}
	record_close(&h->record);
	leg_control(p, &h->leg, &h->record);
	leg_release(&h->leg);
	judge(p, h, HEALTH_PASSED);
}

static void shake_hands(struct proxy *p, struct health *h)
{
	const struct origin *now = p->snapshot->origins[h->backend - p->snapshot->backends];

	switch (leg_handshake(p, &h->leg, h->handshake, now)) {
	case HANDSHAKE_WANT_READ:
		if (leg_is_finished(&h->leg))
			no_tls(p, h, TARGET_TLS_CLOSED);
		break;
	case HANDSHAKE_WANT_WRITE:
	case HANDSHAKE_WANT_KEY: /* tls_worker_ready names it */
		break;
	case HANDSHAKE_DONE:
		has_tls(p, h);
		break;
	case HANDSHAKE_FAILED:
		no_tls(p, h, target_tls_of(handshake_facts(h->handshake)));
		break;
	}
}

static void begin_tls(struct proxy *p, struct health *h)
{
	const struct origin *origin = p->snapshot->origins[h->backend - p->snapshot->backends];
	struct origin_peer peer = { .session = NULL };

	h->state = HEALTH_HANDSHAKE;
	h->handshake = leg_handshake_new(p, origin, &h->target->at, &peer, health_user(h));
	if (h->handshake)
		shake_hands(p, h);
	else
		go_idle(p, h);
}

/* --- events --- */

static void connected(struct proxy *p, struct health *h)
{
	bool tells = h->backend->proxy_version > 0;

	if (tells && !send_local(p, h)) {
		go_idle(p, h); /* our own lack of memory */
		return;
	}
	switch (h->backend->health.type) {
	case CONFIG_HEALTH_NONE:
	case CONFIG_HEALTH_TCP:
		if (tells) /* a reset would overtake the header, and be an error in the target's log */
			leg_release(&h->leg);
		judge(p, h, HEALTH_PASSED);
		break;
	case CONFIG_HEALTH_HTTP:
		ask(p, h);
		break;
	case CONFIG_HEALTH_TLS:
	case CONFIG_HEALTH_HTTPS:
		begin_tls(p, h);
		break;
	}
}

void health_event(struct proxy *p, struct health *h, unsigned events)
{
	if (events & (TCP_EV_RESET | TCP_EV_TIMEOUT)) {
		bool was_open = h->state == HEALTH_ANSWER || h->state == HEALTH_HANDSHAKE;

		leg_release(&h->leg);
		judge(p, h,
		    was_open                    ? HEALTH_BROKEN
			: events & TCP_EV_RESET ? HEALTH_REFUSED
						: HEALTH_TIMEOUT);
		return;
	}
	if (h->state == HEALTH_CONNECT && events & TCP_EV_ESTABLISHED)
		connected(p, h);
	else
		health_run(p, h);
}

void health_run(struct proxy *p, struct health *h)
{
	if (h->state == HEALTH_HANDSHAKE)
		shake_hands(p, h);
	else if (h->state == HEALTH_ANSWER)
		read_answer(p, h);
}

void health_expired(struct proxy *p, struct health *h)
{
	if (h->state == HEALTH_IDLE)
		start(p, h);
	else
		judge(p, h, HEALTH_TIMEOUT);
}

/* --- which targets --- */

static void begin(struct proxy *p, struct health *h, uint32_t in_ms)
{
	target_lane_hold(&h->run->lanes[p->worker]);
	h->state = HEALTH_IDLE;
	h->streak = 0;
	file_timer(p, h, in_ms);
}

static void end(struct proxy *p, struct health *h)
{
	hang_up(p, h);
	wheel_cancel(&p->checks, &h->timer);
	h->state = HEALTH_OFF;
	h->backend = NULL;
	h->target = NULL;
	target_lane_drop(&h->run->lanes[p->worker]);
}

static bool is_ours(const struct proxy *p, const struct target_run *run)
{
	return health_worker(run, p->n_workers) == p->worker;
}

/* Calls visit for the checks of s that are this worker's. */
static void each(struct proxy *p, const struct snapshot *s,
    void (*visit)(struct proxy *p, const struct backend *b, const struct target *t))
{
	for (unsigned i = 0; i < s->n_backends; i++) {
		const struct backend *b = &s->backends[i];

		for (unsigned k = 0; b->checked && k < b->n_targets; k++)
			if (is_ours(p, b->targets[k].run))
				visit(p, b, &b->targets[k]);
	}
}

static void forget_place(struct proxy *p, const struct backend *b, const struct target *t)
{
	(void)p;
	(void)b;
	t->run->health->target = NULL;
}

static void take_place(struct proxy *p, const struct backend *b, const struct target *t)
{
	struct health *h = t->run->health;

	h->backend = b;
	h->target = t;
	if (h->state == HEALTH_OFF) {
		begin(p, h, 1 + t->run->id * 37 % FIRST_SPREAD_MS);
	} else if (h->state != HEALTH_IDLE) { /* what is asked may be another now */
		hang_up(p, h);
		h->state = HEALTH_IDLE;
		file_timer(p, h, 1);
	}
}

static void end_if_gone(struct proxy *p, const struct backend *b, const struct target *t)
{
	struct health *h = t->run->health;

	(void)b;
	if (h->state != HEALTH_OFF && !h->target)
		end(p, h);
}

static void end_one(struct proxy *p, const struct backend *b, const struct target *t)
{
	(void)b;
	if (t->run->health->state != HEALTH_OFF)
		end(p, t->run->health);
}

void health_adopt(struct proxy *p, const struct snapshot *old, const struct snapshot *next)
{
	if (old)
		each(p, old, forget_place);
	each(p, next, take_place);
	if (old)
		each(p, old, end_if_gone);
}

void health_stop(struct proxy *p, const struct snapshot *s)
{
	each(p, s, end_one);
}
