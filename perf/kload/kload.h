/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "perf/loadgen/message.h"

/*
 * The load generator's brother on kernel sockets, for wires that the kernel is on: the same exchanges, the
 * same checks, the same result. One thread each for clients and backend.
 */
struct kload_options {
	const char *serve;  /* ADDRESS:PORT to be the backend on; NULL: be the clients */
	const char *target; /* ADDRESS:PORT to connect to */
	unsigned connections, opening, exchanges;
	bool byte;
	uint64_t up, down, count;
	double seconds, rate;
	uint16_t group;
	bool rsa, resume, orderly, wait;
	const char *ca, *name;
	struct message request, answer;
};

/* Until the process is ended. */
int kload_serve(const struct kload_options *o);

/* 0, or 3 when there were errors. */
int kload_clients(const struct kload_options *o);

/* Monotonic time in ns. */
uint64_t kload_now(void);

/* Fills in a socket address; ends the process when text is none. */
struct sockaddr_in kload_address(const char *text);
