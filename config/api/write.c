/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "config/api/private.h"
#include "config/err.h"

#define MAX_PASSPHRASE 1024
#define MAX_STAPLE     65536 /* in base64 */

/* --- how a change is to be made --- */

static bool take_if_match(struct api_request *r, uint64_t *generation)
{
	const char *text = r->if_match;
	char *end;

	*generation = 0;
	if (!text || strcmp(text, "*") == 0)
		return true;
	if (*text == '"') /* an entity tag (RFC 9110 8.8.3) */
		text++;
	*generation = strtoull(text, &end, 10);
	if (*end == '"')
		end++;
	if (end == text || *end || *text == '-' || *generation == 0) {
		api_error(r, 400, "If-Match must be the number of a generation");
		return false;
	}
	return true;
}

/* Fills q; false after answering. */
static bool make_request(struct api_request *r, const char *action, struct ops_request *q)
{
	static struct err warnings;

	memset(q, 0, sizeof(*q));
	err_init(&warnings);
	q->warnings = &warnings;
	q->who = r->who;
	q->action = action;
	q->dry_run = api_flag(r, "dry_run");
	q->key = r->key;
	q->request = r->digest;
	if (r->key && (strlen(r->key) < 1 || strlen(r->key) > 128)) {
		api_error(r, 400, "Idempotency-Key must have 1 to 128 bytes");
		return false;
	}
	return take_if_match(r, &q->if_match);
}

/* The lines of e as a list, which is what "errors" is of a request that is refused. */
static json_t *lines_json(const struct err *e)
{
	json_t *all = json_array();
	const char *at = e->text, *end;

	for (; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		json_t *line = json_stringn(at, (size_t)(end - at));

		json_array_append_new(all, line ? line : json_string("(not UTF-8)"));
	}
	return all;
}

static void answer_result(struct api_request *r, enum ops_verdict verdict,
    const struct ops_request *q, const struct ops_result *result, const struct err *e)
{
	json_t *o;

	if (verdict != OPS_OK) {
		api_error(r, api_status_of(verdict), "%s", e->text);
		return;
	}
	o = json_object();
	json_object_set_new(o, "generation", json_integer((json_int_t)result->generation));
	json_object_set_new(o, "changes", json_integer(result->n_changes));
	if (q->dry_run)
		json_object_set_new(o, "dry_run", json_true());
	if (result->was_done_before)
		json_object_set_new(o, "repeated", json_true());
	if (q->warnings && q->warnings->n)
		json_object_set_new(o, "warnings", lines_json(q->warnings));
	api_answer(r, 200, o);
}

/* --- transactions --- */

struct api_tx *api_find_tx(struct api_context *c, struct api_request *r, const char *id)
{
	uint64_t wanted = strtoull(id, NULL, 16);

	for (unsigned i = 0; i < API_MAX_TX; i++)
		if (wanted && c->tx[i].id == wanted) {
			c->tx[i].touched = time(NULL);
			return &c->tx[i];
		}
	api_error(r, 404,
	    "there is no transaction '%.40s'; one that is not touched for %u minutes is forgotten",
	    id, API_TX_S / 60);
	return NULL;
}

static void forget_tx(struct api_tx *tx)
{
	change_clear(&tx->changes);
	memset(tx, 0, sizeof(*tx));
}

void api_tx_expire(struct api_context *c, int64_t now, bool all)
{
	for (unsigned i = 0; i < API_MAX_TX; i++)
		if (c->tx[i].id && (all || now - c->tx[i].touched > API_TX_S))
			forget_tx(&c->tx[i]);
}

static size_t change_bytes(const struct change_list *l)
{
	size_t bytes = l->n * sizeof(struct change);

	for (unsigned i = 0; i < l->n; i++) {
		bytes += l->at[i].chain_len + l->at[i].key_len;
		if (l->at[i].ocsp)
			bytes += strlen(l->at[i].ocsp);
		if (l->at[i].settings)
			bytes += strlen(l->at[i].settings);
		if (l->at[i].operand)
			bytes += strlen(l->at[i].operand);
		for (unsigned k = 0; k < l->at[i].n_served; k++)
			bytes += strlen(l->at[i].served[k]) + 32;
		for (unsigned k = 0; k < l->at[i].n_names; k++)
			bytes += strlen(l->at[i].names[k]) + 32;
	}
	return bytes;
}

/*
 * What is staged was made from what is in force in this generation (0: from nothing): then all of the transaction is good
 * for it alone. False after answering.
 */
static bool
rest_on(struct api_context *c, struct api_request *r, struct api_tx *tx, uint64_t generation)
{
	struct ops_status status;

	if (generation == 0)
		return true;
	c->ops->status(c->ops->arg, &status);
	if (generation == status.generation && (!tx->if_match || tx->if_match == generation)) {
		tx->if_match = generation;
		return true;
	}
	api_error(r, api_status_of(OPS_STALE),
	    "the generation is %" PRIu64 ", not %" PRIu64
	    ": somebody else has changed something; abort the transaction and look again",
	    status.generation, tx->if_match ? tx->if_match : generation);
	return false;
}

static void
stage(struct api_context *c, struct api_request *r, const char *id, struct change_list *l)
{
	struct api_tx *tx = api_find_tx(c, r, id);
	size_t bytes = change_bytes(l);
	uint64_t if_match;

	if (!tx || !take_if_match(r, &if_match) || !rest_on(c, r, tx, if_match))
		return;
	if (tx->changes.n + l->n > API_TX_CHANGES || tx->bytes + bytes > API_TX_BYTES)
		api_error(r, 413, "a transaction has at most %u changes and %u MB", API_TX_CHANGES,
		    API_TX_BYTES >> 20);
	else if (change_move(&tx->changes, l) < 0)
		api_error(r, 500, "out of memory");
	else {
		tx->bytes += bytes;
		api_answer(r, 202,
		    json_pack("{s:s, s:i}", "transaction", id, "staged", (int)tx->changes.n));
	}
}

void api_tx_open(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	struct api_tx *tx = NULL;
	char id[20];

	if (!api_check_form(r, none, NULL))
		return;
	api_tx_expire(c, time(NULL), false);
	for (unsigned i = 0; i < API_MAX_TX && !tx; i++)
		if (!c->tx[i].id)
			tx = &c->tx[i];
	if (!tx) {
		api_error(r, 429, "%u transactions are open; commit or abort one", API_MAX_TX);
		return;
	}
	while (!tx->id)
		if (getrandom(&tx->id, sizeof(tx->id), 0) < 0)
			break;
	tx->since = tx->touched = time(NULL);
	snprintf(id, sizeof(id), "%016" PRIx64, tx->id);
	api_answer(r, 201, json_pack("{s:s}", "transaction", id));
}

void api_tx_show(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	const struct api_tx *tx;
	json_t *all;

	if (!api_check_form(r, none, NULL) || !(tx = api_find_tx(c, r, r->parts[2])))
		return;
	all = json_array();
	for (unsigned i = 0; i < tx->changes.n && i < API_PAGE; i++)
		json_array_append_new(all, api_change_json(&tx->changes.at[i]));
	api_answer(r, 200,
	    json_pack("{s:s, s:i, s:o}", "transaction", r->parts[2], "staged", (int)tx->changes.n,
		"changes", all));
}

void api_tx_abort(struct api_context *c, struct api_request *r)
{
	static const char *const none[] = { NULL };
	struct api_tx *tx;

	if (!api_check_form(r, none, NULL) || !(tx = api_find_tx(c, r, r->parts[2])))
		return;
	forget_tx(tx);
	api_answer(r, 200, json_pack("{s:s, s:b}", "transaction", r->parts[2], "aborted", 1));
}

void api_tx_commit(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "dry_run", NULL };
	static struct err e;
	struct ops_request q;
	struct ops_result result;
	enum ops_verdict verdict;
	struct api_tx *tx;

	if (!api_check_form(r, args, NULL) || !make_request(r, "transaction", &q))
		return;
	tx = api_find_tx(c, r, r->parts[2]);
	if (!tx) {
		/* It may have been committed, and the answer been lost. */
		struct change_list none = { .n = 0 };

		err_init(&e);
		q.dry_run = false;
		if (q.key &&
		    c->ops->change(c->ops->arg, &none,
			&(struct ops_request){ .who = q.who,
			    .action = q.action,
			    .key = q.key,
			    .request = q.request,
			    .if_match = UINT64_MAX },
			&result, &e) == OPS_OK)
			answer_result(r, OPS_OK, &q, &result, &e);
		return;
	}
	if (tx->changes.n == 0) {
		api_error(r, 400, "nothing is staged in transaction '%s'", r->parts[2]);
		return;
	}
	err_init(&e);
	if (!q.if_match)
		q.if_match = tx->if_match;
	verdict = c->ops->change(c->ops->arg, &tx->changes, &q, &result, &e);
	/* A refused one stays open, to be completed or aborted. */
	if (verdict == OPS_OK && !q.dry_run)
		forget_tx(tx);
	answer_result(r, verdict, &q, &result, &e);
}

/* --- changes --- */

static const char *const change_args[] = { "dry_run", "tx", NULL };

void api_finish(struct api_context *c, struct api_request *r, struct change_list *l)
{
	static struct err e;
	const char *tx = api_arg(r, "tx");
	struct ops_request q;
	struct ops_result result;
	enum ops_verdict verdict;

	if (tx && (r->key || api_arg(r, "dry_run")))
		api_error(
		    r, 400, "Idempotency-Key and dry_run belong to the commit of a transaction");
	else if (tx)
		stage(c, r, tx, l);
	else if (make_request(r, "change", &q)) {
		err_init(&e);
		verdict = c->ops->change(c->ops->arg, l, &q, &result, &e);
		answer_result(r, verdict, &q, &result, &e);
	}
	change_clear(l);
}

/* A list of names in the field; false after answering 400. */
static bool take_names(struct api_request *r, struct change *c, const char *field, unsigned max)
{
	const json_t *names = json_object_get(r->json, field), *one;
	size_t i;

	if (!names)
		return true;
	if (!json_is_array(names) || json_array_size(names) < 1 || json_array_size(names) > max) {
		api_error(r, 400, "field '%s' must be a list of 1 to %u names", field, max);
		return false;
	}
	json_array_foreach(names, i, one)
	{
		const char *text = json_string_value(one);

		if (!text || strlen(text) != json_string_length(one) || !*text ||
		    strlen(text) > 253) {
			api_error(r, 400, "field '%s': name %zu must be a string of 1 to 253 bytes",
			    field, i + 1);
			return false;
		}
		if (change_name(c, text) < 0) {
			api_error(r, 500, "out of memory");
			return false;
		}
	}
	return true;
}

static bool no_memory(struct api_request *r)
{
	api_error(r, 500, "out of memory");
	return false;
}

static bool take_cert(struct api_request *r, struct change *c)
{
	const char *chain = api_field_text(r, "chain", API_MAX_TEXT);
	const char *key = chain ? api_field_text(r, "key", API_MAX_TEXT) : NULL;
	const json_t *mode = json_object_get(r->json, "mode"),
		     *force = json_object_get(r->json, "force");
	const char *text = mode ? json_string_value(mode) : "any";

	if (!key)
		return false;
	if (!text ||
	    (strcmp(text, "any") != 0 && strcmp(text, "add") != 0 &&
		strcmp(text, "replace") != 0)) {
		api_error(r, 400, "field 'mode' must be \"any\", \"add\" or \"replace\"");
		return false;
	}
	if (force && !json_is_boolean(force)) {
		api_error(r, 400, "field 'force' must be true or false");
		return false;
	}
	c->put = text[1] == 'd' ? CHANGE_PUT_NEW : text[0] == 'r' ? CHANGE_PUT_OLD : CHANGE_PUT_ANY;
	c->force = json_is_true(force);
	if (change_text(&c->certificate, r->parts[2], strlen(r->parts[2])) < 0 ||
	    change_text(&c->chain, chain, strlen(chain)) < 0 ||
	    change_text(&c->key, key, strlen(key)) < 0)
		return no_memory(r);
	c->chain_len = strlen(chain);
	c->key_len = strlen(key);
	if (json_object_get(r->json, "passphrase")) {
		text = api_field_text(r, "passphrase", MAX_PASSPHRASE);
		if (!text)
			return false;
		if (change_text(&c->passphrase, text, strlen(text)) < 0)
			return no_memory(r);
	}
	if (json_object_get(r->json, "ocsp")) {
		text = api_field_text(r, "ocsp", MAX_STAPLE);
		if (!text)
			return false;
		if (change_text(&c->ocsp, text, strlen(text)) < 0)
			return no_memory(r);
	}
	return take_names(r, c, "names", CHANGE_MAX_NAMES);
}

void api_put_cert(struct api_context *c, struct api_request *r)
{
	static const char *const fields[] = { "chain", "key", "passphrase", "ocsp", "names", "mode",
		"force", NULL };
	struct change_list l = { .n = 0 };
	struct change *one;

	if (!api_check_form(r, change_args, fields))
		return;
	one = change_add(&l, CHANGE_CERT_PUT);
	if (!one)
		no_memory(r);
	else if (take_cert(r, one)) {
		api_finish(c, r, &l);
		return;
	}
	change_clear(&l);
}

void api_delete_cert(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "dry_run", "tx", "everywhere", NULL };
	struct change_list l = { .n = 0 };
	struct change *one;

	if (!api_check_form(r, args, NULL))
		return;
	one = change_add(&l, CHANGE_CERT_DELETE);
	if (one)
		one->dissociate = api_flag(r, "everywhere");
	if (one && change_text(&one->certificate, r->parts[2], strlen(r->parts[2])) == 0) {
		api_finish(c, r, &l);
		return;
	}
	no_memory(r);
	change_clear(&l);
}

static void associate(
    struct api_context *c, struct api_request *r, enum change_kind kind, const char *certificate)
{
	struct change_list l = { .n = 0 };
	struct change *one;

	if (!certificate)
		return;
	if (!change_name_is_valid(certificate)) {
		api_error(r, 400, "field 'certificate' is not the name of a certificate");
		return;
	}
	one = change_add(&l, kind);
	if (one && change_text(&one->listener, r->parts[2], strlen(r->parts[2])) == 0 &&
	    change_text(&one->certificate, certificate, strlen(certificate)) == 0) {
		api_finish(c, r, &l);
		return;
	}
	no_memory(r);
	change_clear(&l);
}

void api_associate(struct api_context *c, struct api_request *r)
{
	static const char *const fields[] = { "certificate", NULL };

	if (api_check_form(r, change_args, fields))
		associate(
		    c, r, CHANGE_ASSOCIATE, api_field_text(r, "certificate", CONFIG_MAX_NAME));
}

void api_dissociate(struct api_context *c, struct api_request *r)
{
	if (api_check_form(r, change_args, NULL))
		associate(c, r, CHANGE_DISSOCIATE, r->parts[4]);
}

void api_default(struct api_context *c, struct api_request *r)
{
	static const char *const fields[] = { "certificates", NULL };
	struct change_list l = { .n = 0 };
	struct change *one;

	if (!api_check_form(r, change_args, fields))
		return;
	if (!json_object_get(r->json, "certificates")) {
		api_error(r, 400, "field 'certificates' is missing");
		return;
	}
	one = change_add(&l, CHANGE_DEFAULT);
	if (!one || change_text(&one->listener, r->parts[2], strlen(r->parts[2])) < 0)
		no_memory(r);
	else if (take_names(r, one, "certificates", CHANGE_MAX_DEFAULTS)) {
		api_finish(c, r, &l);
		return;
	}
	change_clear(&l);
}

/* --- the whole --- */

void api_reload(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "dry_run", NULL };
	static struct err e;
	struct ops_request q;
	struct ops_result result;
	enum ops_verdict verdict;

	if (!api_check_form(r, args, NULL) || !make_request(r, "reload", &q))
		return;
	err_init(&e);
	verdict = c->ops->reload(c->ops->arg, &q, &result, &e);
	answer_result(r, verdict, &q, &result, &e);
}

void api_rollback(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "dry_run", NULL };
	static struct err e;
	char *end, action[48];
	uint64_t generation = strtoull(r->parts[2], &end, 10);
	struct ops_request q;
	struct ops_result result;
	enum ops_verdict verdict;

	if (!api_check_form(r, args, NULL))
		return;
	if (*end || generation == 0 || r->parts[2][0] == '-') {
		api_error(r, 400, "'%s' is not the number of a generation", r->parts[2]);
		return;
	}
	snprintf(action, sizeof(action), "rollback to %" PRIu64, generation);
	if (!make_request(r, action, &q))
		return;
	err_init(&e);
	verdict = c->ops->rollback(c->ops->arg, generation, &q, &result, &e);
	answer_result(r, verdict, &q, &result, &e);
}

void api_drain(struct api_context *c, struct api_request *r)
{
	static const char *const args[] = { "timeout", NULL };
	const char *text = api_arg(r, "timeout");
	int64_t seconds = text ? api_duration(text) : 0;

	if (!api_check_form(r, args, NULL))
		return;
	if (text && seconds < 1) {
		api_error(r, 400, "timeout is a time such as 30s or 5m");
		return;
	}
	c->ops->drain(c->ops->arg, (double)seconds, r->who);
	api_answer(r, 202, json_pack("{s:b}", "draining", 1));
}
