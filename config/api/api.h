/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/addr.h"

struct err;
struct ops;

/*
 * The control API (architecture.md 7): HTTP/1.1 and JSON on a Unix socket, /metrics and /healthz on TCP. Threads of
 * its own read requests, check their form and put them into a queue; control takes them from there, one
 * at a time, in api_poll. So nothing a client does holds up control or another
 * client: a request has API_MAX_BODY bytes and API_REQUEST_S seconds to arrive, and of too many connections
 * the one that has waited longest without asking anything is closed.
 */
struct api;

#define API_MAX_BODY        (1u << 20)
#define API_MAX_CONNECTIONS 128
#define API_REQUEST_S       15

struct api_config {
	const char *socket; /* NULL: none */
	unsigned mode;
	const struct config_addr *metrics; /* NULL: none */
	const struct ops *ops;             /* borrowed until api_stop */
};

/* Listens; NULL with the reason in e. Call it from the control thread, whose core the API's threads then share. */
struct api *api_start(const struct api_config *config, struct err *e);

/* Becomes readable when api_poll has something to do. */
int api_fd(const struct api *a);

/* Serves what is waiting, at most max requests; also drops clients that are too slow. Control thread only. */
void api_poll(struct api *a, unsigned max);

/*
 * Control is about to do something that may take long besides api_poll, or is done with it: meanwhile /metrics and /healthz
 * are answered with what it said last. Control thread only.
 */
void api_set_busy(struct api *a, bool is_busy);

/* Answers what is waiting with 503 and ends; NULL is fine. */
void api_stop(struct api *a);
