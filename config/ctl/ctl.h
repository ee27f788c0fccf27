/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* sallyctl: a thin client of the control API (config/api/api.h). */

enum ctl_exit {
	CTL_OK = 0,
	CTL_REFUSED = 1,   /* the daemon said no: stderr has its reason */
	CTL_USAGE = 2,     /* the command line is wrong */
	CTL_NO_ANSWER = 3, /* there is no daemon at the socket */
};

struct ctl {
	const char *socket;
	bool json; /* print answers as they come */
	bool dry_run;
	const char *if_match, *key;
	const char *transaction;
};

#define CTL_SOCKET "/run/sallyport/control.sock"

/* --- http.c --- */

/*
 * Asks the daemon: body may be NULL and is given back. 0 and the answer in *answer (the caller's), or an exit status after a
 * message on stderr.
 */
int ctl_ask(
    const struct ctl *c, const char *method, const char *path, json_t *body, json_t **answer);

/* path with the arguments that every change has. The caller frees it. */
char *
ctl_change_path(const struct ctl *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text of a file of at most 1 MB ("-": standard input), or NULL after a message; the caller frees it. */
char *ctl_read_file(const char *path);

/* The same with NULs in it: *n bytes. */
char *ctl_read_bytes(const char *path, size_t *n);

/* In base64; the caller frees it. NULL: no memory. */
char *ctl_base64(const unsigned char *data, size_t len);

/* text made safe for a query; the caller frees it. */
char *ctl_escape(const char *text);

/* --- table.c --- */

struct ctl_table;

/* A table with n columns; heads are borrowed. */
struct ctl_table *ctl_table_new(unsigned n, const char *const *heads);

/* Adds a cell, row by row; the text is copied. */
void ctl_cell(struct ctl_table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints and frees it. */
void ctl_table_print(struct ctl_table *t);

/* The strings of a list with ", " between them; the caller frees it. */
char *ctl_join(const json_t *list);

/* "59 d", "3 h", "expired": what is left of seconds. */
const char *ctl_left(json_int_t seconds, char text[32]);

/* --- commands --- */

struct ctl_command {
	const char *name, *sub; /* sub NULL: there is none */
	int min, max;           /* operands; max -1: any number */
	int (*run)(struct ctl *c, int n, char **operands);
	const char *operands, *what;
	const char *help; /* options of its own, and more */
};

/* The table of all commands, ended by one without a name. */
extern const struct ctl_command ctl_commands[];

/* Prints o when --json was given; true then. Frees o then. */
bool ctl_is_json(const struct ctl *c, json_t *o);

/* Prints what a change did; frees o. */
int ctl_done(const struct ctl *c, int status, json_t *o);

/* A text of an answer, "-" without it; a number, 0 without it. */
static inline const char *ctl_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "-";
}

static inline long long ctl_number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* watch.c */
int ctl_connections(struct ctl *c, int n, char **operands);
int ctl_workers(struct ctl *c, int n, char **operands);
int ctl_stats(struct ctl *c, int n, char **operands);

int ctl_cert_list(struct ctl *c, int n, char **operands);
int ctl_cert_show(struct ctl *c, int n, char **operands);
int ctl_cert_add(struct ctl *c, int n, char **operands);
int ctl_cert_replace(struct ctl *c, int n, char **operands);
int ctl_cert_remove(struct ctl *c, int n, char **operands);
int ctl_cert_explain(struct ctl *c, int n, char **operands);
int ctl_expiring(struct ctl *c, int n, char **operands);

/* log.c, mtls.c */
int ctl_log_tail(struct ctl *c, int n, char **operands);
int ctl_mtls_list(struct ctl *c, int n, char **operands);
int ctl_mtls_set(struct ctl *c, int n, char **operands);

/* items.c */

/* An item as it is, to be changed and put again; *generation is the one it is of. CTL_OK and *item, the caller's. */
int ctl_item_fetch(
    struct ctl *c, const char *section, const char *name, json_t **item, char generation[24]);

/* Puts what ctl_item_fetch gave, changed: refused when somebody else was faster. Takes item. mode NULL: any (PUT's argument). */
int ctl_item_put(struct ctl *c, const char *section, const char *name, json_t *item,
    const char *generation, const char *mode);

/* KEY=VALUE into item, also of a group (limits.idle_timeout=5); a value that is no JSON is a text. False: it is none. */
bool ctl_assign(json_t *item, char *text);
#define CTL_ITEM_COMMANDS(prefix)                                       \
	int ctl_##prefix##_list(struct ctl *c, int n, char **operands); \
	int ctl_##prefix##_show(struct ctl *c, int n, char **operands); \
	int ctl_##prefix##_set(struct ctl *c, int n, char **operands);  \
	int ctl_##prefix##_remove(struct ctl *c, int n, char **operands)

CTL_ITEM_COMMANDS(backend);
CTL_ITEM_COMMANDS(policy);
CTL_ITEM_COMMANDS(trust_store);
int ctl_trust_bundle(struct ctl *c, int n, char **operands);
int ctl_trust_revocations(struct ctl *c, int n, char **operands);
int ctl_trust_revoke(struct ctl *c, int n, char **operands);
int ctl_trust_unrevoke(struct ctl *c, int n, char **operands);
int ctl_backend_target(struct ctl *c, int n, char **operands);
int ctl_listener_set(struct ctl *c, int n, char **operands);
int ctl_listener_remove(struct ctl *c, int n, char **operands);
int ctl_config(struct ctl *c, int n, char **operands);
