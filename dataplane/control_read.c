/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "config/model.h"
#include "dataplane/control_private.h"
#include "dataplane/proxy/snapshot.h"
#include "tls/cert.h"

const char *control_key_type(const struct cert *cert)
{
	switch (cert->key_type) {
	case CERT_RSA:
		return "RSA";
	case CERT_P256:
		return "P-256";
	case CERT_P384:
		return "P-384";
	case CERT_P521:
		return "P-521";
	case CERT_ED25519:
		return "Ed25519";
	}
	return "?";
}

static void op_status(void *arg, struct ops_status *status)
{
	const struct control *c = arg;

	*status = (struct ops_status){
		.generation = c->state->generation,
		.config = c->path,
		.state_dir = c->journal ? control_config(c)->runtime.state_dir : NULL,
		.n_certificates = map_count(c->state->certs),
		.n_listeners = c->state->n_listeners,
		.n_backends = c->state->base->n_backends,
		.n_workers = c->host.n_workers,
		.draining = c->draining,
		.started = c->started,
	};
}

static bool fill_cert(struct ops_cert *to, const struct state_cert *from)
{
	const struct cert *cert = from ? from->cert : NULL;

	if (!from)
		return false;
	*to = (struct ops_cert){
		.name = from->name,
		.from_file = from->from_file,
		.content = from->content,
		.key_type = control_key_type(cert),
		.key_bits = cert->key_bits,
		.signature_hash_bits = cert->signature_hash_bits,
		.names = cert->names,
		.n_names = cert->n_names,
		.n_chain = cert->n_chain,
		.not_before = cert->not_before,
		.not_after = cert->not_after,
		.fingerprint = cert->fingerprint,
		.serial = cert->serial,
		.has_staple = cert->ocsp.at != NULL,
		.staple_next_update = cert->ocsp_next_update,
	};
	cert_warning_text(cert, to->warnings, sizeof(to->warnings));
	return true;
}

static bool op_cert_next(void *arg, const char *after, struct ops_cert *cert)
{
	const struct control *c = arg;
	struct map_cursor at = map_from(c->state->certs, after);

	return fill_cert(cert, map_next(&at));
}

static bool op_cert_find(void *arg, const char *name, struct ops_cert *cert)
{
	const struct control *c = arg;

	return fill_cert(cert, map_find(c->state->certs, name));
}

static bool op_listener_at(void *arg, unsigned i, struct ops_listener *to)
{
	const struct control *c = arg;
	const struct config *config = control_config(c);
	const struct config_listener *from;
	const struct state_listener *l;

	if (i >= c->state->n_listeners)
		return false;
	from = &config->listeners[i];
	l = &c->state->listeners[i];
	*to = (struct ops_listener){
		.name = from->name,
		.policy = from->policy,
		.backend = config->backends[from->backend].name,
		.bind = from->bind,
		.n_bind = from->n_bind,
		.n_defaults = l->n_defaults,
		.n_certificates = map_count(l->certs),
		.sni_strict = from->sni_strict,
		.alpn = from->alpn,
		.n_alpn = from->n_alpn,
		.handshake_timeout_s = from->handshake_timeout_s,
		.idle_timeout_s = from->idle_timeout_s,
	};
	for (unsigned k = 0; k < l->n_defaults; k++)
		to->defaults[k] = l->defaults[k]->text;
	return true;
}

static const char *op_listener_cert_next(void *arg, unsigned i, const char *after)
{
	const struct control *c = arg;
	struct map_cursor at = map_from(c->state->listeners[i].certs, after);
	const struct state_name *name = map_next(&at);

	return name ? name->text : NULL;
}

static bool op_listener_serves(void *arg, unsigned i, const char *certificate)
{
	const struct control *c = arg;

	return i < c->state->n_listeners && state_serves(&c->state->listeners[i], certificate);
}

static bool op_item_at(void *arg, unsigned i, struct ops_item *to)
{
	const struct control *c = arg;
	const struct config *config = control_config(c);

	if (i >= config->n_items)
		return false;
	*to = (struct ops_item){
		.section = config->items[i].section,
		.name = config->items[i].name,
		.json = config->items[i].json,
	};
	to->from_file = !to->name || !state_item_is_put(c->state, to->section, to->name);
	return true;
}

static bool op_generation_at(void *arg, unsigned i, struct ops_generation *to)
{
	const struct control *c = arg;
	const struct control_generation *g;

	if (i >= c->n_history)
		return false;
	g = &c->history[c->n_history - 1 - i];
	*to = (struct ops_generation){
		.generation = g->generation,
		.time = g->time,
		.action = g->action,
		.who = g->who,
		.summary = g->summary,
		.is_current = g->generation == c->state->generation,
		.can_roll_back = g->state != NULL,
	};
	return true;
}

void control_read_ops(struct ops *ops)
{
	ops->status = op_status;
	ops->cert_next = op_cert_next;
	ops->cert_find = op_cert_find;
	ops->listener_at = op_listener_at;
	ops->listener_cert_next = op_listener_cert_next;
	ops->listener_serves = op_listener_serves;
	ops->item_at = op_item_at;
	ops->generation_at = op_generation_at;
	control_tls_ops(ops);
	control_health_ops(ops);
}
