/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <time.h>

#include "dataplane/base/log.h"
#include "dataplane/control_private.h"
#include "dataplane/proxy/snapshot.h"
#include "tls/cert.h"

#define DAY 86400

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_certificates(const struct control *c, FILE *out)
{
	struct map_cursor at = map_from(c->state->certs, NULL);
	const struct state_cert *s;

	head(out, "sallyport_certificate_not_after_seconds", "gauge",
	    "When a certificate ends, in seconds since the epoch.");
	/* Names have no character that a label would have to escape (config/change.h). */
	while ((s = map_next(&at)) != NULL)
		fprintf(out,
		    "sallyport_certificate_not_after_seconds{name=\"%s\",key_type=\"%s\"} %lld\n",
		    s->name, control_key_type(s->cert), (long long)s->cert->not_after);
	head(out, "sallyport_certificate_ocsp_next_update_seconds", "gauge",
	    "Until when a certificate's stapled OCSP response is good, in seconds since the epoch.");
	at = map_from(c->state->certs, NULL);
	while ((s = map_next(&at)) != NULL)
		if (s->cert->ocsp.at)
			fprintf(out,
			    "sallyport_certificate_ocsp_next_update_seconds{name=\"%s\"} %lld\n",
			    s->name, (long long)s->cert->ocsp_next_update);
}

void control_op_metrics(void *arg, FILE *out, bool with_certificates)
{
	const struct control *c = arg;

	head(out, "sallyport_generation", "gauge", "Number of the configuration in force.");
	fprintf(out, "sallyport_generation %llu\n", (unsigned long long)c->state->generation);
	head(out, "sallyport_certificates", "gauge", "Certificates loaded.");
	fprintf(out, "sallyport_certificates %zu\n", map_count(c->state->certs));
	if (with_certificates)
		print_certificates(c, out);
	control_print_trust(c, out);
	if (c->host.backends)
		c->host.backends(c->host.arg, out);
}

void control_op_counters(void *arg, FILE *out)
{
	const struct control *c = arg;

	if (c->host.counters)
		c->host.counters(c->host.arg, out);
}

int control_expiry_stage(int64_t left)
{
	static const int days[] = { 0, 1, 7, 30 };

	for (unsigned i = 0; i < sizeof(days) / sizeof(days[0]); i++)
		if (left <= (int64_t)days[i] * DAY)
			return days[i];
	return -1;
}

void control_warn_expiry(struct control *c, int64_t now)
{
	struct map_cursor at = map_from(c->state->certs, NULL);
	uint64_t newest = c->warned_version;
	const struct state_cert *s;

	while ((s = map_next(&at)) != NULL) {
		int64_t left = s->cert->not_after - now;
		int is = control_expiry_stage(left);

		/* Once when a certificate is new, and when it comes to the next stage. */
		if (s->cert->version > newest)
			newest = s->cert->version;
		if (is < 0 ||
		    (s->cert->version <= c->warned_version &&
			control_expiry_stage(s->cert->not_after - c->warned) == is))
			continue;
		if (left <= 0)
			log_error("certificate '%s' has expired: replace it", s->name);
		else
			log_warning(
			    "certificate '%s' ends in %lld hours (less than %d day%s): renew it",
			    s->name, (long long)(left / 3600), is, is == 1 ? "" : "s");
	}
	control_warn_trust(c, now);
	c->warned = now;
	c->warned_version = newest;
}
