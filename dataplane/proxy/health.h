/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "dataplane/base/wheel.h"
#include "dataplane/proxy/http_reply.h"
#include "dataplane/proxy/leg.h"
#include "tls/record.h"

struct backend;
struct backend_health;
struct handshake;
struct proxy;
struct snapshot;
struct target;
struct target_run;

/*
 * Active checks of targets, on the worker's own stack: connections like any other, with a timer each. One worker
 * checks a target (health_worker); what it finds reaches the others by control, which copies it to
 * target_run.verdict.
 */

enum health_outcome {
	HEALTH_NOT_CHECKED,
	HEALTH_PASSED,
	HEALTH_NO_ROUTE,
	HEALTH_REFUSED, /* RST, or an ICMP error */
	HEALTH_TIMEOUT,
	HEALTH_BROKEN,  /* the connection broke before the answer was complete */
	HEALTH_NO_HTTP, /* what came is no HTTP answer */
	HEALTH_STATUS,
	HEALTH_BODY,
	HEALTH_TLS, /* no TLS with it: health.tls tells why */
};

/* "connection refused". */
const char *health_outcome_text(enum health_outcome outcome);

enum health_state {
	HEALTH_OFF,
	HEALTH_IDLE, /* until the timer */
	HEALTH_CONNECT,
	HEALTH_HANDSHAKE,
	HEALTH_ANSWER, /* the request is sent */
};

/* The checks of one target. */
struct health {
	/* The checking worker writes, control reads. */
	_Atomic uint8_t found;   /* enum target_verdict */
	_Atomic uint8_t outcome; /* of the last check */
	_Atomic uint8_t tls;     /* enum target_tls, with HEALTH_TLS */
	_Atomic uint16_t status; /* of the last HTTP answer; 0: none */
	uint64_t n_checks, n_failed;

	/* Only the checking worker's. */
	struct target_run *run;
	const struct backend *backend; /* in the snapshot */
	const struct target *target;
	struct leg leg;
	struct wheel_node timer;
	uint32_t started_ms;
	uint8_t state;  /* enum health_state */
	uint8_t streak; /* checks in a row that speak against the verdict */
	struct http_reply reply;
	struct handshake *handshake; /* HEALTH_HANDSHAKE */
	bool has_keys;               /* record is in use */
	struct record record;
};

/* Which worker checks a target. */
unsigned health_worker(const struct target_run *run, unsigned n_workers);

/* Checks the targets of next from now on; what was under way for old (NULL: none) and is not in next ends. */
void health_adopt(struct proxy *p, const struct snapshot *old, const struct snapshot *next);

/* Ends all checks of s. */
void health_stop(struct proxy *p, const struct snapshot *s);

/* Its connection has events, its handshake can go on, or its timer came up. */
void health_event(struct proxy *p, struct health *h, unsigned events);
void health_run(struct proxy *p, struct health *h);
void health_expired(struct proxy *p, struct health *h);

/*
 * The verdict (enum target_verdict) after one more check. It changes after as many checks in a row against it as config
 * says; *streak counts them. One that passes is enough for a target that was never seen down.
 */
uint8_t
health_judge(const struct backend_health *config, uint8_t verdict, bool passed, uint8_t *streak);
