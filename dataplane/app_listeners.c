/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/app.h"
#include "dataplane/proxy/conn_facts.h"
#include "dataplane/proxy/listener_run.h"
#include "dataplane/proxy/snapshot.h"
#include "tls/alert.h"
#include "tls/policy.h"

/*
 * What listeners have counted (dataplane/proxy/listener_run.h), summed over the workers, in the names of cloud load
 * balancers. A family is a row: its labels besides the listener's name come from the key of a tally. Names
 * have no character that a label would have to escape (config/change.h).
 */

#define MAX_KINDS 256 /* of one tally, over all workers */

struct kind {
	uint64_t key, n;
};

struct family {
	const char *name, *type, *help;
	/* Either where a lane has its tally, and how a key reads as labels; or the value itself. */
	const struct tally *(*tally)(const struct listener_lane *l, unsigned *n);
	void (*labels)(FILE *out, uint64_t key);
	uint64_t (*value)(const struct listener_lane *l);
	const char *fixed; /* labels of a value */
};

static const char *or_none(const char *name)
{
	return name ? name : "none";
}

/* --- keys, as listener_run.h makes them --- */

static const struct tally *handshakes(const struct listener_lane *l, unsigned *n)
{
	*n = LISTENER_HANDSHAKES;
	return l->handshakes;
}

static void handshake_labels(FILE *out, uint64_t key)
{
	fprintf(out, ",version=\"%s\",cipher=\"%s\",group=\"%s\",resumed=\"%d\"",
	    or_none(policy_version_name((uint16_t)(key >> 48))),
	    or_none(policy_suite_name((uint16_t)(key >> 32))),
	    or_none(policy_group_name((uint16_t)(key >> 16))), (int)(key >> 1 & 1));
}

static const struct tally *failures(const struct listener_lane *l, unsigned *n)
{
	*n = LISTENER_FAILURES;
	return l->failures;
}

static void failure_labels(FILE *out, uint64_t key)
{
	const char *alert = (uint8_t)key == LISTENER_NO_ALERT ? "none" : alert_name((uint8_t)key);

	fprintf(out, ",reason=\"%s\",alert=\"%s\",sent_by=\"%s\"",
	    conn_end_name((enum conn_end)(key >> 8 & 0xff)), alert ? alert : "unknown",
	    (uint8_t)key == LISTENER_NO_ALERT ? "none"
		: key >> 16                   ? "server"
					      : "client");
}

static const struct tally *refusals(const struct listener_lane *l, unsigned *n)
{
	*n = LISTENER_REFUSALS;
	return l->refusals;
}

static void refusal_labels(FILE *out, uint64_t key)
{
	fprintf(out, ",reason=\"%s\"", conn_end_name((enum conn_end)key));
}

static const struct tally *unverified(const struct listener_lane *l, unsigned *n)
{
	*n = LISTENER_VERDICTS;
	return l->unverified;
}

static void verdict_labels(FILE *out, uint64_t key)
{
	fprintf(out, ",code=\"%s\"", client_cert_status_name((enum client_cert_status)(key - 1)));
}

static uint64_t verified(const struct listener_lane *l)
{
	return l->verified;
}

static uint64_t passed(const struct listener_lane *l)
{
	return l->passed;
}

static uint64_t accepted(const struct listener_lane *l)
{
	return l->accepted;
}

static uint64_t active(const struct listener_lane *l)
{
	return atomic_load_explicit(&l->active, memory_order_relaxed);
}

static uint64_t bytes_in(const struct listener_lane *l)
{
	return l->bytes_in;
}

static uint64_t bytes_out(const struct listener_lane *l)
{
	return l->bytes_out;
}

static const struct family families[] = {
	{ "connections_accepted_total", "counter", "Connections that a listener took.",
	    .value = accepted, .fixed = "" },
	{ "connections_active", "gauge", "Connections of clients.", .value = active, .fixed = "" },
	{ "connections_rejected_total", "counter", "Connections turned away before a handshake.",
	    .tally = refusals, .labels = refusal_labels },
	{ "tls_handshakes_total", "counter", "Handshakes with clients, by what was negotiated.",
	    .tally = handshakes, .labels = handshake_labels },
	{ "client_tls_negotiation_errors_total", "counter",
	    "Handshakes with clients that came to nothing.", .tally = failures,
	    .labels = failure_labels },
	{ "mtls_verify_failures_total", "counter",
	    "Handshakes that failed for the client's certificate, by AWS's names of the reasons.",
	    .tally = unverified, .labels = verdict_labels },
	{ "mtls_verified_total", "counter", "Client certificates found good.", .value = verified,
	    .fixed = "" },
	{ "mtls_passed_total", "counter",
	    "Handshakes in which clients were asked for a certificate that was not judged.",
	    .value = passed, .fixed = "" },
	{ "bytes_total", "counter", "Plaintext from (in) and to (out) clients.", .value = bytes_in,
	    .fixed = ",direction=\"in\"" },
	{ "bytes_total", NULL, NULL, .value = bytes_out, .fixed = ",direction=\"out\"" },
};

/* Adds a lane's tally to the kinds there are; returns how many there are then. */
static unsigned collect(struct kind *kinds, unsigned n, const struct tally *all, unsigned n_all)
{
	for (unsigned i = 0; i < n_all; i++) {
		uint64_t key = atomic_load_explicit(&all[i].key, memory_order_acquire);
		unsigned k = 0;

		if (key == 0)
			break;
		while (k < n && kinds[k].key != key)
			k++;
		if (k == MAX_KINDS)
			continue;
		if (k == n)
			kinds[n++] = (struct kind){ .key = key };
		kinds[k].n += all[i].n;
	}
	return n;
}

static void print_kinds(FILE *out, const struct family *f, const struct listener_run *l)
{
	struct kind kinds[MAX_KINDS];
	unsigned n = 0, n_all;

	for (unsigned w = 0; w < l->n_lanes; w++) {
		const struct tally *all = f->tally(&l->lanes[w], &n_all);

		n = collect(kinds, n, all, n_all);
	}
	for (unsigned i = 0; i < n; i++) {
		fprintf(out, "sallyport_%s{listener=\"%s\"", f->name, l->name);
		if (kinds[i].key == TALLY_OTHER)
			fprintf(out, ",other=\"1\"");
		else
			f->labels(out, kinds[i].key);
		fprintf(out, "} %llu\n", (unsigned long long)kinds[i].n);
	}
}

static void print_value(FILE *out, const struct family *f, const struct listener_run *l)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < l->n_lanes; w++)
		sum += f->value(&l->lanes[w]);
	fprintf(out, "sallyport_%s{listener=\"%s\"%s} %llu\n", f->name, l->name, f->fixed,
	    (unsigned long long)sum);
}

/* Generations that can be gone back to keep the runs of listeners that are no more. */
static void choose(const struct snapshot *s)
{
	for (struct listener_run *l = listener_runs(); l; l = l->next) {
		l->is_shown = false;
		for (unsigned w = 0; w < l->n_lanes; w++)
			l->is_shown = l->is_shown || active(&l->lanes[w]) > 0;
	}
	for (unsigned i = 0; i < s->n_listeners; i++)
		s->listeners[i].run->is_shown = true;
}

void app_print_listeners(const struct app *a, FILE *out)
{
	choose(a->snapshot);
	for (unsigned i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct family *f = &families[i];

		if (f->help)
			fprintf(out, "# HELP sallyport_%s %s\n# TYPE sallyport_%s %s\n", f->name,
			    f->help, f->name, f->type);
		for (const struct listener_run *l = listener_runs(); l; l = l->next) {
			if (!l->is_shown)
				continue;
			if (f->tally)
				print_kinds(out, f, l);
			else
				print_value(out, f, l);
		}
	}
}
