/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/control_kit.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls/cert.h"
#include "tls/service.h"
#include "tls/sni.h"

#include <cmocka.h>

static const char usual[] =
    "runtime = { workers = [0]; state_dir = \"state\"; watch = true; };\n"
    "control = { socket = \"control.sock\"; };\n"
    "ports = ( { name = \"front0\"; devices = [\"net_null0\"]; addresses = [\"10.80.0.1/24\"]; } );\n"
    "certificates = (\n"
    "  { name = \"www\"; chain = \"www.pem\"; key = \"www.key\"; names = [\"www.test\"]; },\n"
    "  { name = \"rsa\"; chain = \"rsa.pem\"; key = \"rsa.key\"; names = [\"rsa.test\"]; },\n"
    "  { name = \"spare\"; chain = \"spare.pem\"; key = \"spare.key\"; names = [\"spare.test\"]; } );\n"
    "backends = ( { name = \"app\"; targets = ( { address = \"10.80.0.9:80\"; weight = 1; } ); } );\n"
    "listeners = (\n"
    "  { name = \"https\"; bind = [\"10.80.0.1:443\"]; default_certificate = \"www\";\n"
    "    certificates = [\"rsa\"]; backend = \"app\"; },\n"
    "  { name = \"other\"; bind = [\"10.80.0.1:444\"]; default_certificate = \"rsa\"; backend = \"app\"; } );\n";

char *kit_pem(const char *name)
{
	char path[4096], *text = calloc(1, 65536);
	FILE *f;

	snprintf(path, sizeof(path), "%s/unit/pki/%s", TEST_FOLDER, name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

static void write_file(struct kit *k, const char *name, const char *text)
{
	char path[160], temporary[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", k->folder, name);
	snprintf(temporary, sizeof(temporary), "%s/.new", k->folder);
	f = fopen(temporary, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(temporary, 0600), 0);
	assert_int_equal(rename(temporary, path), 0);
}

void kit_copy(struct kit *k, const char *from, const char *to)
{
	char *text = kit_pem(from);

	write_file(k, to, text);
	free(text);
}

void kit_config(struct kit *k, const char *old, const char *new)
{
	const char *at = old ? strstr(usual, old) : usual;
	char *text;

	assert_non_null(at);
	if (!old)
		text = strdup(usual);
	else if (asprintf(&text, "%.*s%s%s", (int)(at - usual), usual, new, at + strlen(old)) < 0)
		fail();
	write_file(k, "sallyport.cfg", text);
	free(text);
}

void kit_folder(struct kit *k)
{
	memset(k, 0, sizeof(*k));
	k->drained_s = -1;
	strcpy(k->folder, "/tmp/sallyport-control-XXXXXX");
	assert_non_null(mkdtemp(k->folder));
	snprintf(k->config, sizeof(k->config), "%s/sallyport.cfg", k->folder);
	kit_copy(k, "p256.pem", "www.pem");
	kit_copy(k, "p256.key", "www.key");
	kit_copy(k, "rsa2048.pem", "rsa.pem");
	kit_copy(k, "rsa2048.key", "rsa.key");
	kit_copy(k, "p384.pem", "spare.pem");
	kit_copy(k, "p384.key", "spare.key");
	kit_config(k, NULL, NULL);
}

static void publish(void *arg, struct snapshot *snapshot)
{
	struct kit *k = arg;

	snapshot_free(k->published);
	k->published = snapshot;
	k->n_published++;
}

static void drain(void *arg, double timeout_s)
{
	struct kit *k = arg;

	k->drained_s = timeout_s;
}

static int rotate_tickets(void *arg, struct err *e)
{
	struct kit *k = arg;

	if (k->n_ticket_keys < 3)
		return ++k->n_ticket_keys;
	return err_set(e, "no room on the disk");
}

static int put_tickets(void *arg, const char *text, size_t len, struct err *e)
{
	struct kit *k = arg;

	if (len < 10 || len >= sizeof(k->ticket_keys))
		return err_set(e, "short");
	memcpy(k->ticket_keys, text, len + 1);
	return 1;
}

/* Lines 100 to 199, as if many had been before. */
static bool log_recent(void *arg, uint64_t *oldest, uint64_t *next)
{
	const struct kit *k = arg;

	*oldest = 100;
	*next = 200;
	return !k->has_no_log;
}

static const char *log_line(void *arg, uint64_t number)
{
	static char text[32];

	(void)arg;
	snprintf(text, sizeof(text), "line %llu", (unsigned long long)number);
	return number >= 100 && number < 200 ? text : NULL;
}

bool kit_control(struct kit *k, void (*on_step)(void *arg, const char *step), void *arg)
{
	const struct control_host host = { .arg = k,
		.log_recent = log_recent,
		.log_line = log_line,
		.publish = publish,
		.drain = drain,
		.drain_arg = k,
		.rotate_tickets = rotate_tickets,
		.put_tickets = put_tickets,
		.n_workers = 1 };

	err_init(&k->e);
	k->control = control_new(k->config, on_step, arg, &k->e);
	if (!k->control)
		return false;
	control_attach(k->control, &host);
	snapshot_free(k->published);
	k->published = control_snapshot(k->control, &k->e);
	assert_non_null(k->published);
	return true;
}

static void stop(struct kit *k)
{
	control_free(k->control);
	snapshot_free(k->published);
	k->control = NULL;
	k->published = NULL;
}

void kit_start(struct kit *k)
{
	kit_folder(k);
	if (!kit_control(k, NULL, NULL))
		fail_msg("%s", k->e.text);
}

bool kit_restart(struct kit *k)
{
	stop(k);
	return kit_control(k, NULL, NULL);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
	(void)s;
	(void)type;
	(void)ftw;
	return remove(path);
}

void kit_end(struct kit *k)
{
	stop(k);
	nftw(k->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- changes --- */

static enum ops_verdict apply(struct kit *k, struct change_list *l)
{
	const struct ops_request request = { .who = "test", .action = "change" };
	const struct ops *ops = control_ops(k->control);
	struct ops_result result;
	enum ops_verdict verdict;

	err_init(&k->e);
	verdict = ops->change(ops->arg, l, &request, &result, &k->e);
	change_clear(l);
	return verdict;
}

static struct change *one_change(
    struct change_list *l, enum change_kind kind, const char *listener, const char *certificate)
{
	struct change *c = change_add(l, kind);

	assert_non_null(c);
	if (listener)
		assert_int_equal(change_text(&c->listener, listener, strlen(listener)), 0);
	if (certificate)
		assert_int_equal(change_text(&c->certificate, certificate, strlen(certificate)), 0);
	return c;
}

enum ops_verdict kit_put(struct kit *k, const char *name, const char *chain, const char *key)
{
	struct change_list l = { .n = 0 };
	struct change *c = one_change(&l, CHANGE_CERT_PUT, NULL, name);
	char served[80];

	c->chain = kit_pem(chain);
	c->chain_len = strlen(c->chain);
	c->key = kit_pem(key);
	c->key_len = strlen(c->key);
	snprintf(served, sizeof(served), "%s.test", name);
	assert_int_equal(change_name(c, served), 0);
	return apply(k, &l);
}

enum ops_verdict kit_delete(struct kit *k, const char *name, bool everywhere)
{
	struct change_list l = { .n = 0 };

	one_change(&l, CHANGE_CERT_DELETE, NULL, name)->dissociate = everywhere;
	return apply(k, &l);
}

enum ops_verdict kit_associate(struct kit *k, const char *listener, const char *certificate)
{
	struct change_list l = { .n = 0 };

	one_change(&l, CHANGE_ASSOCIATE, listener, certificate);
	return apply(k, &l);
}

enum ops_verdict kit_dissociate(struct kit *k, const char *listener, const char *certificate)
{
	struct change_list l = { .n = 0 };

	one_change(&l, CHANGE_DISSOCIATE, listener, certificate);
	return apply(k, &l);
}

enum ops_verdict kit_default(struct kit *k, const char *listener, const char *certificate)
{
	struct change_list l = { .n = 0 };
	struct change *c = one_change(&l, CHANGE_DEFAULT, listener, NULL);

	assert_int_equal(change_name(c, certificate), 0);
	return apply(k, &l);
}

static char *copy_of(const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	assert_true(copy || !text);
	return copy;
}

enum ops_verdict kit_item(struct kit *k, const char *section, const char *name,
    const char *settings, const char *default_certificate, const char *served)
{
	struct change_list l = { .n = 0 };
	struct change *c =
	    one_change(&l, settings ? CHANGE_ITEM_PUT : CHANGE_ITEM_DELETE, NULL, NULL);

	c->section = copy_of(section);
	c->item = copy_of(name);
	c->settings = copy_of(settings);
	if (default_certificate)
		assert_int_equal(change_name(c, default_certificate), 0);
	if (served)
		assert_int_equal(change_serve(c, served), 0);
	return apply(k, &l);
}

enum ops_verdict kit_reload(struct kit *k)
{
	const struct ops_request request = { .who = "test", .action = "reload" };
	const struct ops *ops = control_ops(k->control);
	struct ops_result result;

	err_init(&k->e);
	return ops->reload(ops->arg, &request, &result, &k->e);
}

enum ops_verdict kit_rollback(struct kit *k, uint64_t generation)
{
	const struct ops_request request = { .who = "test", .action = "rollback" };
	const struct ops *ops = control_ops(k->control);
	struct ops_result result;

	err_init(&k->e);
	return ops->rollback(ops->arg, generation, &request, &result, &k->e);
}

/* --- looking --- */

uint64_t kit_generation(struct kit *k)
{
	return control_generation(k->control);
}

const char *kit_served(struct kit *k, const char *listener, const char *name)
{
	static char text[40];
	struct sni_match match;

	for (unsigned i = 0; i < k->published->n_listeners; i++) {
		if (strcmp(k->published->listeners[i].name, listener) != 0)
			continue;
		sni_find(k->published->listeners[i].tls->names, name, strlen(name), &match);
		assert_true(match.n_certs > 0);
		snprintf(text, sizeof(text), "%s%s", match.how == SNI_DEFAULT ? "default " : "",
		    match.certs[0]->name);
		return text;
	}
	return "no listener";
}

char *kit_state(struct kit *k)
{
	const struct ops *ops = control_ops(k->control);
	struct ops_listener l;
	struct ops_cert c;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	for (const char *after = NULL; ops->cert_next(ops->arg, after, &c); after = c.name) {
		fprintf(f, "%s %s ", c.name, c.from_file ? "file" : "api");
		for (unsigned i = 0; i < 4; i++)
			fprintf(f, "%02x", c.fingerprint[i]);
		for (unsigned i = 0; i < c.n_names; i++)
			fprintf(f, " %s", c.names[i]);
		fprintf(f, "\n");
	}
	for (unsigned i = 0; ops->listener_at(ops->arg, i, &l); i++) {
		fprintf(f, "%s:", l.name);
		for (unsigned d = 0; d < l.n_defaults; d++)
			fprintf(f, " %s", l.defaults[d]);
		fprintf(f, " |");
		for (const char *name = NULL;
		     (name = ops->listener_cert_next(ops->arg, i, name)) != NULL;)
			fprintf(f, " %s", name);
		fprintf(f, "\n");
	}
	fclose(f);
	return text;
}

char *kit_whole(struct kit *k)
{
	const struct ops *ops = control_ops(k->control);
	struct ops_item item;
	char *text = NULL, *state = kit_state(k);
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs(state, f);
	free(state);
	for (unsigned i = 0; ops->item_at(ops->arg, i, &item); i++)
		if (item.name)
			fprintf(f, "%s %s %s %s\n", item.section, item.name,
			    item.from_file ? "file" : "api", item.json);
	for (unsigned i = 0; ops->item_at(ops->arg, i, &item); i++)
		if (item.name)
			fprintf(f, "%s %s %s %s\n", item.section, item.name,
			    item.from_file ? "file" : "api", item.json);
	fclose(f);
	return text;
}
