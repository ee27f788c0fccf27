/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "perf/loadgen/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/loadgen/names.h"

static const char usage[] =
    "usage: loadgen --front DEVICE [--back DEVICE] [options]\n"
    "\n"
    "TLS clients and a plain-TCP backend on sallyport's own stack, in one thread on one core. Clients are\n"
    "10.80.0.2 and up and speak to 10.80.0.1:443; the backend is 10.81.0.2 and up, port 8080. Every byte of\n"
    "every answer is checked. The result is one line of JSON; undisturbed_us in it are the latencies during which this\n"
    "program's loop never stood still for 100 us: what is left out was the machine's doing and not the server's.\n"
    "\n"
    "  --front DEVICE, --back DEVICE   EAL devices: net_memif_front,role=client,socket=PATH,... or a PCI\n"
    "                     address; without --back somebody else is the backend\n"
    "  --eal ARGUMENT     a further argument for EAL (repeatable)\n"
    "  --core N           the core to run on (1)\n"
    "  --queues N         of each device, one for each worker on the other side, at most 16 (1)\n"
    "  --mtu N            of both devices (1500)\n"
    "  --mbufs N          packet buffers (32768)\n"
    "  --sources N, --backends N   addresses of ours on each side, at most 16 (1, 1)\n"
    "work:\n"
    "  --connections N    at once (64)\n"
    "  --opening N        handshakes under way at once before the load starts (64)\n"
    "  --exchanges N      per connection, which then is closed and replaced; 0: keep them (0)\n"
    "  --byte             exchanges of one byte each way, without HTTP\n"
    "  --up BYTES, --down BYTES   bodies of request and answer (0, 1024)\n"
    "  --rate N           exchanges a second, evenly spaced (connections, with --exchanges 1); latencies\n"
    "                     then count from when each was due; 0: the next follows the last (0)\n"
    "  --seconds S        of load (5); --count N ends it after N exchanges\n"
    "  --group NAME       x25519, p256, pq (x25519)\n"
    "  --rsa              offer RSA signatures only; --tls12  TLS 1.2 only\n"
    "  --resume           resume the session of the first connection; a full handshake is then an error\n"
    "  --ca FILE          verify every 64th certificate; --name NAME  of the server (www.lab.test)\n"
    "  --names N          each connection asks for another of N servers, drawn at random: a number below N takes\n"
    "                     the place of the #s in --name ('######.scale.test'); not with --resume or --hellos\n"
    "  --share-reuse      every hello carries the same X25519 share: clients save making one. The server's work\n"
    "                     stays what it is, the key schedule and Finished of both sides are real\n"
    "  --no-verify        take the server's ECDSA signature for good, but where the certificate is verified, too.\n"
    "                     With these two a full handshake costs clients less than any real one: for loading a\n"
    "                     server with one core, not for latencies; the result says that they were on\n"
    "  --flood            SYNs from random sources beside the load, as many as go out\n"
    "  --hellos RATE      connections a second that say hello and no more, beside the load: from all sources but\n"
    "                     the first, which is then the only one of the load; --rsa counts for them as well\n"
    "  --hellos-cut       half a hello each, then silence;  --hellos-open N  so many at once (4096)\n"
    "  --wait             print 'ready' when connections are up and wait for a line; wait for another\n"
    "                     after the result, before they are closed\n";

enum {
	O_FRONT = 256,
	O_BACK,
	O_EAL,
	O_CORE,
	O_QUEUES,
	O_MTU,
	O_MBUFS,
	O_SOURCES,
	O_BACKENDS,
	O_CONNECTIONS,
	O_OPENING,
	O_EXCHANGES,
	O_BYTE,
	O_UP,
	O_DOWN,
	O_RATE,
	O_SECONDS,
	O_COUNT,
	O_GROUP,
	O_RSA,
	O_TLS12,
	O_RESUME,
	O_SHARE_REUSE,
	O_NO_VERIFY,
	O_CA,
	O_NAME,
	O_NAMES,
	O_FLOOD,
	O_HELLOS,
	O_HELLOS_CUT,
	O_HELLOS_OPEN,
	O_WAIT,
	O_HELP,
};

static const struct option names[] = {
	{ "front", required_argument, NULL, O_FRONT },
	{ "back", required_argument, NULL, O_BACK },
	{ "eal", required_argument, NULL, O_EAL },
	{ "core", required_argument, NULL, O_CORE },
	{ "queues", required_argument, NULL, O_QUEUES },
	{ "mtu", required_argument, NULL, O_MTU },
	{ "mbufs", required_argument, NULL, O_MBUFS },
	{ "sources", required_argument, NULL, O_SOURCES },
	{ "backends", required_argument, NULL, O_BACKENDS },
	{ "connections", required_argument, NULL, O_CONNECTIONS },
	{ "opening", required_argument, NULL, O_OPENING },
	{ "exchanges", required_argument, NULL, O_EXCHANGES },
	{ "byte", no_argument, NULL, O_BYTE },
	{ "up", required_argument, NULL, O_UP },
	{ "down", required_argument, NULL, O_DOWN },
	{ "rate", required_argument, NULL, O_RATE },
	{ "seconds", required_argument, NULL, O_SECONDS },
	{ "count", required_argument, NULL, O_COUNT },
	{ "group", required_argument, NULL, O_GROUP },
	{ "rsa", no_argument, NULL, O_RSA },
	{ "tls12", no_argument, NULL, O_TLS12 },
	{ "resume", no_argument, NULL, O_RESUME },
	{ "share-reuse", no_argument, NULL, O_SHARE_REUSE },
	{ "no-verify", no_argument, NULL, O_NO_VERIFY },
	{ "ca", required_argument, NULL, O_CA },
	{ "name", required_argument, NULL, O_NAME },
	{ "names", required_argument, NULL, O_NAMES },
	{ "flood", no_argument, NULL, O_FLOOD },
	{ "hellos", required_argument, NULL, O_HELLOS },
	{ "hellos-cut", no_argument, NULL, O_HELLOS_CUT },
	{ "hellos-open", required_argument, NULL, O_HELLOS_OPEN },
	{ "wait", no_argument, NULL, O_WAIT },
	{ "help", no_argument, NULL, O_HELP },
	{ NULL, 0, NULL, 0 },
};

static __attribute__((noreturn)) void refuse(const char *what, const char *value)
{
	fprintf(stderr, "loadgen: %s '%s'; loadgen --help lists the options\n", what, value);
	exit(2);
}

static double number(const char *text, double min, double max)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end != '\0' || !(v >= min && v <= max))
		refuse("not a number in its range:", text);
	return v;
}

static uint16_t group(const char *text)
{
	static const struct {
		const char *name;
		uint16_t group;
	} groups[] = { { "x25519", 29 }, { "p256", 23 }, { "pq", 4588 } };

	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strcmp(text, groups[i].name) == 0)
			return groups[i].group;
	refuse("no such group:", text);
}

static void take(struct options *o, int c, const char *text)
{
	switch (c) {
	case O_FRONT:
		o->front = text;
		break;
	case O_BACK:
		o->back = text;
		break;
	case O_EAL:
		if (o->n_eal == sizeof(o->eal) / sizeof(o->eal[0]))
			refuse("too many arguments for EAL:", text);
		o->eal[o->n_eal++] = text;
		break;
	case O_CORE:
		o->core = (unsigned)number(text, 0, 1023);
		break;
	case O_QUEUES:
		o->queues = (unsigned)number(text, 1, OPTIONS_MAX_QUEUES);
		break;
	case O_MTU:
		o->mtu = (unsigned)number(text, 576, 65535);
		break;
	case O_MBUFS:
		o->mbufs = (unsigned)number(text, 1024, 1e8);
		break;
	case O_SOURCES:
		o->sources = (unsigned)number(text, 1, 16);
		break;
	case O_BACKENDS:
		o->backends = (unsigned)number(text, 1, 16);
		break;
	case O_CONNECTIONS:
		o->connections = (unsigned)number(text, 1, 1e7);
		break;
	case O_OPENING:
		o->opening = (unsigned)number(text, 1, 1e6);
		break;
	case O_EXCHANGES:
		o->exchanges = (unsigned)number(text, 0, 1e9);
		break;
	case O_BYTE:
		o->byte = true;
		break;
	case O_UP:
		o->up = (uint64_t)number(text, 0, 1e15);
		break;
	case O_DOWN:
		o->down = (uint64_t)number(text, 0, 1e15);
		break;
	case O_RATE:
		o->rate = number(text, 0, 1e9);
		break;
	case O_SECONDS:
		o->seconds = number(text, 0, 1e6);
		break;
	case O_COUNT:
		o->count = (uint64_t)number(text, 1, 1e15);
		break;
	case O_GROUP:
		o->group = group(text);
		break;
	case O_RSA:
		o->rsa = true;
		break;
	case O_TLS12:
		o->tls12 = true;
		break;
	case O_RESUME:
		o->resume = true;
		break;
	case O_SHARE_REUSE:
		o->share_reuse = true;
		break;
	case O_NO_VERIFY:
		o->no_verify = true;
		break;
	case O_CA:
		o->ca = text;
		break;
	case O_NAME:
		o->name = text;
		break;
	case O_NAMES:
		o->names = (uint32_t)number(text, 1, 1e9);
		break;
	case O_FLOOD:
		o->flood = true;
		break;
	case O_HELLOS:
		o->hellos = number(text, 1, 1e7);
		break;
	case O_HELLOS_CUT:
		o->hellos_cut = true;
		break;
	case O_HELLOS_OPEN:
		o->hellos_open = (unsigned)number(text, 1, 1e6);
		break;
	case O_WAIT:
		o->wait = true;
		break;
	case O_HELP:
		fputs(usage, stdout);
		exit(0);
	default:
		exit(2); /* getopt has said what is wrong */
	}
}

void options_read(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){
		.core = 1,
		.queues = 1,
		.mtu = 1500,
		.mbufs = 32768,
		.sources = 1,
		.backends = 1,
		.connections = 64,
		.opening = 64,
		.down = 1024,
		.seconds = 5,
		.group = 29,
		.name = "www.lab.test",
		.hellos_open = 4096,
	};
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		take(o, c, optarg);
	if (optind < argc)
		refuse("what is", argv[optind]);
	if (o->hellos > 0 && o->sources < 2)
		refuse("hellos need an address of their own:", "--sources");
	if (o->share_reuse && o->group != 29)
		refuse("only X25519 shares are reused:", "--group");
	if (o->no_verify && o->rsa)
		refuse("only ECDSA signatures are left unverified:", "--rsa");
	if (o->names > 0 && !names_fit(o->name, o->names))
		refuse("no place for as many numbers in", o->name);
	if (o->names > 0 && (o->resume || o->hellos > 0))
		refuse("one name is wanted, without", "--names");
	if (o->front == NULL)
		refuse("a device is missing:", "--front");
}
