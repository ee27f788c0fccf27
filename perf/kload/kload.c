/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "perf/kload/kload.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const char usage[] =
    "usage: kload --target ADDRESS:PORT [options]   TLS 1.3 clients on kernel sockets\n"
    "       kload --serve ADDRESS:PORT [options]    the plain-TCP backend they want behind the proxy\n"
    "\n"
    "Options are loadgen's, and the same for both: --connections --opening --exchanges --byte --up --down\n"
    "--count --seconds --rate --group --rsa --ca --name --wait; so is the result. And\n"
    "  --resume           take tickets from the first connection on; a full handshake is then an error\n"
    "  --orderly          wait for the server's close_notify and FIN; another end is then an error\n";

enum {
	O_SERVE = 256,
	O_TARGET,
	O_CONNECTIONS,
	O_OPENING,
	O_EXCHANGES,
	O_BYTE,
	O_UP,
	O_DOWN,
	O_COUNT,
	O_SECONDS,
	O_RATE,
	O_GROUP,
	O_RSA,
	O_RESUME,
	O_ORDERLY,
	O_WAIT,
	O_CA,
	O_NAME,
	O_HELP
};

static const struct option names[] = {
	{ "serve", required_argument, NULL, O_SERVE },
	{ "target", required_argument, NULL, O_TARGET },
	{ "connections", required_argument, NULL, O_CONNECTIONS },
	{ "opening", required_argument, NULL, O_OPENING },
	{ "exchanges", required_argument, NULL, O_EXCHANGES },
	{ "byte", no_argument, NULL, O_BYTE },
	{ "up", required_argument, NULL, O_UP },
	{ "down", required_argument, NULL, O_DOWN },
	{ "count", required_argument, NULL, O_COUNT },
	{ "seconds", required_argument, NULL, O_SECONDS },
	{ "rate", required_argument, NULL, O_RATE },
	{ "group", required_argument, NULL, O_GROUP },
	{ "rsa", no_argument, NULL, O_RSA },
	{ "resume", no_argument, NULL, O_RESUME },
	{ "orderly", no_argument, NULL, O_ORDERLY },
	{ "wait", no_argument, NULL, O_WAIT },
	{ "ca", required_argument, NULL, O_CA },
	{ "name", required_argument, NULL, O_NAME },
	{ "help", no_argument, NULL, O_HELP },
	{ NULL, 0, NULL, 0 },
};

static double number(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end != '\0' || !(v >= 0 && v < 1e16)) {
		fprintf(stderr, "kload: '%s' is not a number\n", text);
		exit(2);
	}
	return v;
}

static uint16_t group(const char *text)
{
	if (strcmp(text, "x25519") == 0)
		return 29;
	if (strcmp(text, "p256") == 0)
		return 23;
	if (strcmp(text, "pq") == 0)
		return 4588;
	fprintf(stderr, "kload: no group '%s'\n", text);
	exit(2);
}

static void take(struct kload_options *o, int c, const char *text)
{
	switch (c) {
	case O_SERVE:
		o->serve = text;
		break;
	case O_TARGET:
		o->target = text;
		break;
	case O_CONNECTIONS:
		o->connections = (unsigned)number(text);
		break;
	case O_OPENING:
		o->opening = (unsigned)number(text);
		break;
	case O_EXCHANGES:
		o->exchanges = (unsigned)number(text);
		break;
	case O_BYTE:
		o->byte = true;
		break;
	case O_UP:
		o->up = (uint64_t)number(text);
		break;
	case O_DOWN:
		o->down = (uint64_t)number(text);
		break;
	case O_COUNT:
		o->count = (uint64_t)number(text);
		break;
	case O_SECONDS:
		o->seconds = number(text);
		break;
	case O_RATE:
		o->rate = number(text);
		break;
	case O_GROUP:
		o->group = group(text);
		break;
	case O_RSA:
		o->rsa = true;
		break;
	case O_RESUME:
		o->resume = true;
		break;
	case O_ORDERLY:
		o->orderly = true;
		break;
	case O_WAIT:
		o->wait = true;
		break;
	case O_CA:
		o->ca = text;
		break;
	case O_NAME:
		o->name = text;
		break;
	case O_HELP:
		fputs(usage, stdout);
		exit(0);
	default:
		exit(2);
	}
}

uint64_t kload_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct sockaddr_in kload_address(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	char ip[64];
	unsigned port;

	if (sscanf(text, "%63[0-9.]:%u", ip, &port) != 2 || port > 65535 ||
	    inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		fprintf(stderr, "kload: '%s' is not ADDRESS:PORT\n", text);
		exit(2);
	}
	a.sin_port = htons((uint16_t)port);
	return a;
}

int main(int argc, char **argv)
{
	struct kload_options o = {
		.connections = 64,
		.opening = 64,
		.down = 1024,
		.seconds = 5,
		.group = 29,
		.name = "www.lab.test",
	};
	struct rlimit files;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		take(&o, c, optarg);
	if (optind < argc || (o.serve == NULL) == (o.target == NULL) || o.connections == 0) {
		fputs(usage, stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	message_init();
	if (o.byte) {
		message_byte(&o.request);
		message_byte(&o.answer);
	} else {
		message_request(&o.request, o.up);
		message_answer(&o.answer, o.down);
	}
	return o.serve != NULL ? kload_serve(&o) : kload_clients(&o);
}
