/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/err.h"
#include "config/model.h"
#include "dataplane/base/log.h"
#include "dataplane/control_private.h"
#include "dataplane/proxy/snapshot.h"
#include "dataplane/state_cert.h"
#include "tls/cert.h"

/*
 * Certificates whose files hold something else than when they were read. The new content becomes part of
 * a new origin as well, so that what is compared with the file later is compared with this.
 */
struct refresh {
	struct control *c;
	struct state *next, *origin;
	unsigned n_changed, n_overridden;
	struct err *e;
};

static int take_entry(struct refresh *r, struct state_cert *entry, const struct state_cert *running)
{
	if (map_set(r->origin->certs, entry) < 0)
		return err_set(r->e, "out of memory");
	if (!running)
		return 0;
	if (!running->from_file) {
		r->n_overridden++;
		log_warning(
		    "the files of certificate '%s' have changed, but it was replaced over the API: reload to use the files",
		    entry->name);
		return 0;
	}
	r->n_changed++;
	return map_set(r->next->certs, entry) < 0 ? err_set(r->e, "out of memory") : 0;
}

static int refresh_one(struct refresh *r, const struct config_certificate *config, int64_t now)
{
	struct state_cert *old = map_find(r->origin->certs, config->name);
	struct state_cert *entry = NULL;
	int result;

	if (old && old->stamp == state_cert_stamp(config))
		return 0;
	if (state_cert_read(config, &entry, now, r->e) < 0)
		return -1;
	if (old) {
		entry->cert = state_cert_share(entry->cert, old);
		if (state_cert_is(old, entry->cert)) { /* written again as it was */
			old->stamp = entry->stamp;
			state_cert_put(entry);
			return 0;
		}
	}
	result = take_entry(r, entry, map_find(r->c->state->certs, config->name));
	state_cert_put(entry);
	return result;
}

int control_refresh(struct control *c, struct err *e)
{
	const struct ops_request request = { .who = "sallyport", .action = "watch" };
	const struct config *config = control_config(c);
	struct state *origin = c->state->origin ? c->state->origin : c->state;
	struct refresh r = {
		.c = c, .next = state_copy(c->state), .origin = state_copy(origin), .e = e
	};
	struct control_commit commit = { .next = r.next, .request = &request };
	int64_t now = time(NULL);
	struct ops_result ignored;
	char summary[96];
	int result = -1;

	if (!r.next || !r.origin) {
		err_set(e, "out of memory");
		goto out;
	}
	/* A file that is being written is judged with all the others: none of them or all. */
	for (unsigned i = 0; i < config->n_certificates; i++)
		refresh_one(&r, &config->certificates[i], now);
	if (e->n)
		goto out;
	result = (int)r.n_changed;
	if (r.n_changed == 0)
		goto out;
	state_put(r.origin->origin);
	r.origin->origin = NULL;
	state_put(r.next->origin);
	r.next->origin = state_get(r.origin);
	snprintf(summary, sizeof(summary), "the files of %u certificate%s changed", r.n_changed,
	    r.n_changed == 1 ? "" : "s");
	commit.summary = summary;
	if (control_commit(c, &commit, &ignored, e) != OPS_OK)
		result = -1;
out:
	state_put(r.next);
	state_put(r.origin);
	return result;
}
