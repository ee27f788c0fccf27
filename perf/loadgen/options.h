/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_MAX_QUEUES 16

/* What the command line asks for; loadgen --help says what each means. */
struct options {
	const char *front, *back; /* EAL devices, with their arguments; back may be NULL */
	const char *eal[16];      /* further arguments */
	unsigned n_eal;
	unsigned core;
	unsigned queues; /* of each device */
	unsigned mtu;
	unsigned mbufs;
	unsigned sources;  /* addresses of ours on the front */
	unsigned backends; /* addresses of ours that the backend listens on */
	unsigned connections, opening;
	unsigned exchanges; /* per connection; 0: as long as it lasts */
	bool byte;          /* exchanges of one byte, without a head */
	uint64_t up, down;  /* bytes of bodies */
	uint64_t count;     /* exchanges altogether; 0: as many as fit */
	double seconds, rate;
	uint16_t group;
	bool rsa, tls12, resume;
	bool share_reuse, no_verify; /* clients that cost less than real ones */
	bool wait;                   /* for lines on stdin, between the steps */
	bool flood;
	double hellos; /* connections a second that say hello and no more; 0: none */
	bool hellos_cut;
	unsigned hellos_open; /* of them at once */
	const char *ca, *name;
	uint32_t names; /* name is a pattern of so many (names.h); 0: it is one */
};

/* Reads the command line; ends the process when it cannot be used (or asks for help). */
void options_read(struct options *o, int argc, char **argv);
