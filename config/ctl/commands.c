/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/ctl/ctl.h"

bool ctl_is_json(const struct ctl *c, json_t *o)
{
	if (!c->json)
		return false;
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
	return true;
}

int ctl_done(const struct ctl *c, int status, json_t *o)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(o, "warnings"), i, warning)
	    fprintf(stderr, "sallyctl: warning: %s\n", json_string_value(warning));
	if (status != CTL_OK || ctl_is_json(c, o))
		return status;
	if (json_object_get(o, "staged"))
		printf("staged, %lld change(s) in transaction %s\n", ctl_number(o, "staged"),
		    ctl_text(o, "transaction"));
	else if (json_is_true(json_object_get(o, "dry_run")))
		printf("possible; it would be generation %lld\n", ctl_number(o, "generation"));
	else
		printf("generation %lld%s\n", ctl_number(o, "generation"),
		    json_is_true(json_object_get(o, "repeated")) ? " (done before)" : "");
	json_decref(o);
	return CTL_OK;
}

/* --- status, listeners --- */

static int status(struct ctl *c, int n, char **operands)
{
	json_t *o;
	int result = ctl_ask(c, "GET", "/v1/status", NULL, &o);

	(void)n;
	(void)operands;
	if (result != CTL_OK || ctl_is_json(c, o))
		return result;
	printf(
	    "generation    %lld\nconfig        %s\nstate_dir     %s\ncertificates  %lld\nlisteners     %lld\n"
	    "backends      %lld\nworkers       %lld\nstarted       %s\ndraining      %s\n",
	    ctl_number(o, "generation"), ctl_text(o, "config"), ctl_text(o, "state_dir"),
	    ctl_number(o, "certificates"), ctl_number(o, "listeners"), ctl_number(o, "backends"),
	    ctl_number(o, "workers"), ctl_text(o, "started"),
	    json_is_true(json_object_get(o, "draining")) ? "yes" : "no");
	json_decref(o);
	return CTL_OK;
}

static int listener_list(struct ctl *c, int n, char **operands)
{
	static const char *const heads[] = { "NAME", "BIND", "POLICY", "DEFAULT", "CERTIFICATES",
		"BACKEND" };
	struct ctl_table *t;
	json_t *o;
	const json_t *l;
	size_t i;
	int result = ctl_ask(c, "GET", "/v1/listeners", NULL, &o);

	(void)n;
	(void)operands;
	if (result != CTL_OK || ctl_is_json(c, o))
		return result;
	t = ctl_table_new(6, heads);
	json_array_foreach(json_object_get(o, "listeners"), i, l)
	{
		char *bind = ctl_join(json_object_get(l, "bind"));
		char *defaults = ctl_join(json_object_get(l, "default_certificate"));

		ctl_cell(t, "%s", ctl_text(l, "name"));
		ctl_cell(t, "%s", bind);
		ctl_cell(t, "%s", ctl_text(l, "policy"));
		ctl_cell(t, "%s", defaults);
		ctl_cell(t, "%lld", ctl_number(l, "certificates"));
		ctl_cell(t, "%s", ctl_text(l, "backend"));
		free(bind);
		free(defaults);
	}
	ctl_table_print(t);
	json_decref(o);
	return CTL_OK;
}

static int listener_show(struct ctl *c, int n, char **operands)
{
	char path[400], *bind, *defaults, *alpn, *certs;
	json_t *o, *served;
	int result;

	(void)n;
	snprintf(path, sizeof(path), "/v1/listeners/%.200s", operands[0]);
	result = ctl_ask(c, "GET", path, NULL, &o);
	if (result != CTL_OK)
		return result;
	strcat(path, "/certificates");
	result = ctl_ask(c, "GET", path, NULL, &served);
	if (result != CTL_OK) {
		json_decref(o);
		return result;
	}
	json_object_set(o, "served", json_object_get(served, "certificates"));
	json_decref(served);
	if (ctl_is_json(c, o))
		return CTL_OK;
	bind = ctl_join(json_object_get(o, "bind"));
	defaults = ctl_join(json_object_get(o, "default_certificate"));
	alpn = ctl_join(json_object_get(o, "alpn"));
	certs = ctl_join(json_object_get(o, "served"));
	printf(
	    "name          %s\nbind          %s\npolicy        %s\ndefault       %s\ncertificates  %s\n"
	    "sni_strict    %s\nalpn          %s\nbackend       %s\n",
	    ctl_text(o, "name"), bind, ctl_text(o, "policy"), defaults, *certs ? certs : "-",
	    json_is_true(json_object_get(o, "sni_strict")) ? "yes" : "no", *alpn ? alpn : "-",
	    ctl_text(o, "backend"));
	free(bind);
	free(defaults);
	free(alpn);
	free(certs);
	json_decref(o);
	return CTL_OK;
}

static int listener_associate(struct ctl *c, int n, char **operands)
{
	char *path = ctl_change_path(c, "/v1/listeners/%s/certificates", operands[0]);
	json_t *body = json_pack("{s:s}", "certificate", operands[1]), *answer;
	int result = ctl_ask(c, "POST", path, body, &answer);

	(void)n;
	json_decref(body);
	free(path);
	return ctl_done(c, result, answer);
}

static int listener_dissociate(struct ctl *c, int n, char **operands)
{
	char *path =
	    ctl_change_path(c, "/v1/listeners/%s/certificates/%s", operands[0], operands[1]);
	json_t *answer;
	int result = ctl_ask(c, "DELETE", path, NULL, &answer);

	(void)n;
	free(path);
	return ctl_done(c, result, answer);
}

static int listener_default(struct ctl *c, int n, char **operands)
{
	char *path = ctl_change_path(c, "/v1/listeners/%s/default-certificate", operands[0]);
	json_t *names = json_array(), *body, *answer;
	int result;

	for (int i = 1; i < n; i++)
		json_array_append_new(names, json_string(operands[i]));
	body = json_pack("{s:o}", "certificates", names);
	result = ctl_ask(c, "PUT", path, body, &answer);
	json_decref(body);
	free(path);
	return ctl_done(c, result, answer);
}

/* --- the whole --- */

static int reload(struct ctl *c, int n, char **operands)
{
	char *path = ctl_change_path(c, "/v1/reload");
	json_t *answer;
	int result = ctl_ask(c, "POST", path, NULL, &answer);

	(void)n;
	(void)operands;
	free(path);
	return ctl_done(c, result, answer);
}

static int rollback(struct ctl *c, int n, char **operands)
{
	char *path = ctl_change_path(c, "/v1/rollback/%s", operands[0]);
	json_t *answer;
	int result = ctl_ask(c, "POST", path, NULL, &answer);

	(void)n;
	free(path);
	return ctl_done(c, result, answer);
}

static int generations(struct ctl *c, int n, char **operands)
{
	static const char *const heads[] = { "", "GENERATION", "TIME", "ACTION", "BY", "WHAT" };
	struct ctl_table *t;
	const json_t *g;
	json_t *o;
	size_t i;
	int result = ctl_ask(c, "GET", "/v1/generations", NULL, &o);

	(void)n;
	(void)operands;
	if (result != CTL_OK || ctl_is_json(c, o))
		return result;
	t = ctl_table_new(6, heads);
	json_array_foreach(json_object_get(o, "generations"), i, g)
	{
		ctl_cell(t, "%s", json_is_true(json_object_get(g, "current")) ? "*" : " ");
		ctl_cell(t, "%lld", ctl_number(g, "generation"));
		ctl_cell(t, "%s", ctl_text(g, "time"));
		ctl_cell(t, "%s", ctl_text(g, "action"));
		ctl_cell(t, "%s", ctl_text(g, "who"));
		ctl_cell(t, "%s", ctl_text(g, "summary"));
	}
	ctl_table_print(t);
	json_decref(o);
	return CTL_OK;
}

/* A change as a line of what a reload would do. */
static void print_change(const json_t *o)
{
	const char *op = ctl_text(o, "op"), *cert = ctl_text(o, "certificate"),
		   *l = ctl_text(o, "listener");
	char *names = ctl_join(json_object_get(o, "names"));

	if (strcmp(op, "put") == 0 || strcmp(op, "file") == 0)
		printf("~ certificate %s: as in its files\n", cert);
	else if (strcmp(op, "file-item") == 0)
		printf("~ %s %s: as in the file\n", ctl_text(o, "section"), ctl_text(o, "item"));
	else if (strcmp(op, "put-item") == 0)
		printf("~ %s %s\n", ctl_text(o, "section"), ctl_text(o, "item"));
	else if (strcmp(op, "delete-item") == 0)
		printf("- %s %s\n", ctl_text(o, "section"), ctl_text(o, "item"));
	else if (strcmp(op, "delete") == 0)
		printf("- certificate %s\n", cert);
	else if (strcmp(op, "associate") == 0)
		printf("+ listener %s: certificate %s\n", l, cert);
	else if (strcmp(op, "dissociate") == 0)
		printf("- listener %s: certificate %s\n", l, cert);
	else
		printf("~ listener %s: default certificate %s\n", l, names);
	free(names);
}

static int diff(struct ctl *c, int n, char **operands)
{
	const json_t *change;
	json_t *o;
	size_t i;
	int result = ctl_ask(c, "GET", "/v1/diff", NULL, &o);

	(void)n;
	(void)operands;
	if (result != CTL_OK || ctl_is_json(c, o))
		return result;
	if (json_is_true(json_object_get(o, "same")))
		printf("what is running is what the configuration file says\n");
	else
		printf("a reload would change:\n");
	json_array_foreach(json_object_get(o, "reload_would"), i, change) print_change(change);
	if (ctl_number(o, "n_changes") >
	    (long long)json_array_size(json_object_get(o, "reload_would")))
		printf("... and more, %lld changes in all\n", ctl_number(o, "n_changes"));
	if (json_object_get(o, "other"))
		printf("~ %s\n", ctl_text(o, "other"));
	json_decref(o);
	return CTL_OK;
}

static int drain(struct ctl *c, int n, char **operands)
{
	char path[200] = "/v1/drain";
	json_t *answer;
	int result;

	if (n == 1) {
		char *timeout = ctl_escape(operands[0]);

		snprintf(path, sizeof(path), "/v1/drain?timeout=%.60s", timeout);
		free(timeout);
	}
	result = ctl_ask(c, "POST", path, NULL, &answer);
	if (result != CTL_OK || ctl_is_json(c, answer))
		return result;
	printf("draining: no new connections; the daemon ends with the last one\n");
	json_decref(answer);
	return CTL_OK;
}

static int tickets_rotate(struct ctl *c, int n, char **operands)
{
	json_t *answer;
	int result = ctl_ask(c, "POST", "/v1/ticket-keys/rotate", NULL, &answer);

	(void)n;
	(void)operands;
	if (result != CTL_OK || ctl_is_json(c, answer))
		return result;
	printf("a new key seals session tickets; %lld are in use\n", ctl_number(answer, "keys"));
	json_decref(answer);
	return CTL_OK;
}

static int tickets_put(struct ctl *c, int n, char **operands)
{
	char *text = ctl_read_file(operands[0]);
	json_t *body = text ? json_pack("{s:s}", "keys", text) : NULL, *answer = NULL;
	int result = CTL_REFUSED;

	(void)n;
	if (text && !body)
		fprintf(stderr, "sallyctl: %s is no text: give the keys in base64\n", operands[0]);
	if (body)
		result = ctl_ask(c, "PUT", "/v1/ticket-keys", body, &answer);
	json_decref(body);
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	if (result != CTL_OK || ctl_is_json(c, answer))
		return result;
	printf("%lld keys are in use, the first one seals\n", ctl_number(answer, "keys"));
	json_decref(answer);
	return CTL_OK;
}

/* --- transactions --- */

static int tx_begin(struct ctl *c, int n, char **operands)
{
	json_t *o;
	int result = ctl_ask(c, "POST", "/v1/transactions", NULL, &o);

	(void)n;
	(void)operands;
	if (result != CTL_OK || ctl_is_json(c, o))
		return result;
	puts(ctl_text(o, "transaction"));
	json_decref(o);
	return CTL_OK;
}

static int tx_commit(struct ctl *c, int n, char **operands)
{
	char *path = ctl_change_path(c, "/v1/transactions/%s/commit", operands[0]);
	json_t *answer;
	int result = ctl_ask(c, "POST", path, NULL, &answer);

	(void)n;
	free(path);
	return ctl_done(c, result, answer);
}

static int tx_abort(struct ctl *c, int n, char **operands)
{
	char path[200];
	json_t *answer;
	int result;

	(void)n;
	snprintf(path, sizeof(path), "/v1/transactions/%.100s", operands[0]);
	result = ctl_ask(c, "DELETE", path, NULL, &answer);
	if (result != CTL_OK || ctl_is_json(c, answer))
		return result;
	puts("aborted");
	json_decref(answer);
	return CTL_OK;
}

#define SET_HELP                                                                                    \
	"  KEY=VALUE    as in the configuration file; limits.idle_timeout=60 for one in a group;\n" \
	"               a list as JSON: alpn='[\"h2\"]'; KEY= goes back to the default\n"           \
	"  --file FILE  all settings as a JSON object; -: standard input\n"                         \
	"Refused when somebody else makes a change meanwhile.\n"

/* clang-format off */
#define ITEM_COMMANDS(word, prefix)                                                           \
	{ word, "list", 0, 0, ctl_##prefix##_list, "", "what there is of them", "" },         \
	{ word, "show", 1, 1, ctl_##prefix##_show, "NAME", "one with its settings", "" },     \
	{ word, "set", 2, -1, ctl_##prefix##_set, "NAME KEY=VALUE... | --file FILE",          \
	    "changes settings, or makes one", SET_HELP },                                     \
	{ word, "remove", 1, 1, ctl_##prefix##_remove, "NAME", "removes one that is not used", "" }
/* clang-format on */

const struct ctl_command ctl_commands[] = {
	{ "status", NULL, 0, 0, status, "", "what runs: generation, counts, files", "" },
	{ "cert", "list", 0, 0, ctl_cert_list, "", "all certificates", "" },
	{ "cert", "show", 1, 1, ctl_cert_show, "NAME", "one certificate", "" },
	{ "cert", "add", 1, -1, ctl_cert_add, "NAME --chain FILE --key FILE", "adds a certificate",
	    "  --chain FILE  PEM, leaf and intermediates; -: standard input\n"
	    "  --key FILE    PEM\n"
	    "  --passphrase-file FILE\n"
	    "                of an encrypted key: its first line\n"
	    "  --ocsp FILE   OCSP response to be stapled: DER or base64\n"
	    "  --names A,B   serve it for these names instead of its own\n"
	    "  --force       whatever its dates\n"
	    "It is served once a listener is told: sallyctl listener associate.\n" },
	{ "cert", "replace", 1, -1, ctl_cert_replace, "NAME --chain FILE --key FILE",
	    "replaces a certificate wherever it is served",
	    "  --chain FILE  PEM, leaf and intermediates; -: standard input\n"
	    "  --key FILE    PEM\n"
	    "  --passphrase-file FILE\n"
	    "                of an encrypted key: its first line\n"
	    "  --ocsp FILE   OCSP response to be stapled: DER or base64\n"
	    "  --names A,B   serve it for these names instead of its own\n"
	    "  --force       whatever its dates\n"
	    "Connections there are go on with the old one.\n" },
	{ "cert", "remove", 1, 2, ctl_cert_remove, "NAME [--everywhere]", "removes a certificate",
	    "  --everywhere  take it from the listeners that serve it first\n"
	    "A default certificate is not removed: give the listener another default first.\n" },
	{ "cert", "explain", 0, -1, ctl_cert_explain, "[NAME]",
	    "which certificate a client would get, and why",
	    "  NAME             the host name it asks for (SNI); left out: none\n"
	    "  --listener NAME  needed when there are several\n"
	    "  --sigalgs LIST   what it can verify: ecdsa_secp256r1_sha256,rsa_pss_rsae_sha256 or ECDSA+SHA256:...\n"
	    "  --versions LIST  1.2,1.3\n" },
	{ "listener", "list", 0, 0, listener_list, "", "all listeners", "" },
	{ "listener", "show", 1, 1, listener_show, "NAME", "one listener and what it serves", "" },
	{ "listener", "associate", 2, 2, listener_associate, "LISTENER CERTIFICATE",
	    "serve a certificate for its names", "" },
	{ "listener", "dissociate", 2, 2, listener_dissociate, "LISTENER CERTIFICATE",
	    "serve it no longer", "" },
	{ "listener", "default", 2, 9, listener_default, "LISTENER CERTIFICATE...",
	    "what clients get whose name matches nothing",
	    "One for each kind of key: an ECDSA one and an RSA one.\n" },
	{ "listener", "set", 2, -1, ctl_listener_set, "NAME KEY=VALUE... | --file FILE",
	    "changes a listener's settings, or makes a listener", SET_HELP },
	{ "listener", "remove", 1, 1, ctl_listener_remove, "NAME", "removes a listener",
	    "Connections there are go on.\n" },
	ITEM_COMMANDS("backend", backend),
	{ "backend", "target", 3, 4, ctl_backend_target, "CHANGE NAME ADDRESS [N]",
	    "changes one of a backend's targets",
	    "  weight NAME ADDRESS N  its share of new connections\n"
	    "  drain NAME ADDRESS     no new connections\n"
	    "  undrain NAME ADDRESS\n"
	    "  add NAME ADDRESS [N]   another target\n"
	    "  remove NAME ADDRESS\n" },
	ITEM_COMMANDS("policy", policy),
	ITEM_COMMANDS("trust-store", trust_store),
	{ "trust-store", "bundle", 2, 2, ctl_trust_bundle, "NAME FILE",
	    "replaces the CA certificates of a store, or makes one",
	    "  FILE  PEM; -: standard input. It is kept in runtime.state_dir.\n" },
	{ "trust-store", "revocations", 1, 1, ctl_trust_revocations, "NAME",
	    "the revocation lists of a store", "" },
	{ "trust-store", "revoke", 2, 2, ctl_trust_revoke, "NAME FILE", "adds a revocation list",
	    "  FILE  a CRL, PEM; -: standard input. It is kept in runtime.state_dir.\n" },
	{ "trust-store", "unrevoke", 2, 2, ctl_trust_unrevoke, "NAME ID",
	    "takes a revocation list away", "" },
	{ "mtls", "list", 0, 0, ctl_mtls_list, "", "who is asked for a client certificate", "" },
	{ "mtls", "set", 2, -1, ctl_mtls_set,
	    "LISTENER off|verify|passthrough [--sni NAME] [KEY=VALUE]...",
	    "asks clients of a listener for certificates, or no longer",
	    "  --sni NAME         of one server name only; *.example.com for all below\n"
	    "  trust_store=NAME   whom to trust (verify); as it was, when left out\n"
	    "  ignore_expiry=true, advertise_ca_names=false\n"
	    "Connections there are go on as they are.\n" },
	{ "log", "tail", 0, 4, ctl_log_tail, "[-n N] [-f]", "the last lines of the connection log",
	    "  -n, --lines N  how many; default 10, at most 512\n"
	    "  -f, --follow   and those that come, until interrupted\n" },
	{ "config", NULL, 0, 0, ctl_config, "", "all that runs but the certificates, as JSON", "" },
	{ "expiring", NULL, 0, 1, ctl_expiring, "[TIME]", "certificates that end soon: 30d, 12h",
	    "" },
	{ "reload", NULL, 0, 0, reload, "", "the configuration file becomes what runs",
	    "Changes made over the API are dropped; sallyctl diff shows which.\n" },
	{ "diff", NULL, 0, 0, diff, "", "the configuration file against what runs", "" },
	{ "generations", NULL, 0, 0, generations, "", "the changes, newest first", "" },
	{ "rollback", NULL, 1, 1, rollback, "GENERATION", "everything as it was in that generation",
	    "" },
	{ "connections", NULL, 0, 1, ctl_connections, "[LIMIT]", "connections there are", "" },
	{ "workers", NULL, 0, 0, ctl_workers, "",
	    "workers, their cores and queues, and how busy they are",
	    "BUSY is of one second. HANDED OVER are packets that came to a worker and belonged to another;\n"
	    "PORTS FREE are source ports towards the target that has fewest left.\n" },
	{ "stats", NULL, 0, 1, ctl_stats, "[--watch]",
	    "counters; with --watch what moves, every second", "" },
	{ "drain", NULL, 0, 1, drain, "[TIME]", "takes no new connections, ends with the last one",
	    "" },
	{ "tickets", "rotate", 0, 0, tickets_rotate, "", "seals session tickets with a new key",
	    "" },
	{ "tickets", "put", 1, 1, tickets_put, "FILE", "these keys instead of those in use",
	    "  FILE  one key to a line, as tickets.key_file has them; the first one seals\n"
	    "Nodes with the same keys take each other's tickets.\n" },
	{ "tx", "begin", 0, 0, tx_begin, "", "opens a transaction and prints its id",
	    "Give --tx ID to changes; nothing happens before the commit.\n" },
	{ "tx", "commit", 1, 1, tx_commit, "ID", "makes all of its changes at once, or none", "" },
	{ "tx", "abort", 1, 1, tx_abort, "ID", "forgets it", "" },
	{ NULL, NULL, 0, 0, NULL, NULL, NULL, NULL },
};
