/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/err.h"
#include "config/ops.h"
#include "dataplane/control.h"
#include "dataplane/proxy/snapshot.h"

/*
 * A control plane without a data plane, in a temporary folder: configuration, certificates and state_dir. What is
 * published is kept instead of being given to workers.
 */
struct kit {
	char folder[64];
	char config[128]; /* path */
	struct control *control;
	struct snapshot *published;
	unsigned n_published;
	double drained_s;  /* -1: not asked */
	int n_ticket_keys; /* a third rotation is the last that succeeds */
	bool has_no_log;
	char ticket_keys[80]; /* as they were put; fewer than 10 bytes are refused */
	struct err e;
};

/* Makes the folder with the usual configuration and starts control. */
void kit_start(struct kit *k);

/* Stops and starts control again, as after a kill: nothing is written in between. False: k->e. */
bool kit_restart(struct kit *k);

/* Ends control and removes the folder. */
void kit_end(struct kit *k);

/* Makes the folder alone. */
void kit_folder(struct kit *k);

/* Starts control alone; on_step as control_new's. False: k->e. */
bool kit_control(struct kit *k, void (*on_step)(void *arg, const char *step), void *arg);

/* Writes the configuration with old replaced by new (both NULL: as it is). */
void kit_config(struct kit *k, const char *old, const char *new);

/* Copies tests/unit/pki/from to the folder under the name to. */
void kit_copy(struct kit *k, const char *from, const char *to);

/* The text of tests/unit/pki/name; to be freed. */
char *kit_pem(const char *name);

/* Changes: one at a time, in the words of config/change.h. Verdicts; the reason is in k->e. */
enum ops_verdict kit_put(struct kit *k, const char *name, const char *chain, const char *key);
enum ops_verdict kit_delete(struct kit *k, const char *name, bool everywhere);
enum ops_verdict kit_associate(struct kit *k, const char *listener, const char *certificate);
enum ops_verdict kit_dissociate(struct kit *k, const char *listener, const char *certificate);
enum ops_verdict kit_default(struct kit *k, const char *listener, const char *certificate);
/* settings NULL: removes it. default_certificate and served may be NULL. */
enum ops_verdict kit_item(struct kit *k, const char *section, const char *name,
    const char *settings, const char *default_certificate, const char *served);
enum ops_verdict kit_reload(struct kit *k);
enum ops_verdict kit_rollback(struct kit *k, uint64_t generation);

/* "EC" and so on of what is served for a name: the key type of the certificate, or "none". */
const char *kit_served(struct kit *k, const char *listener, const char *name);

/*
 * All that is running as text: certificates with origin and fingerprint, listeners with what they serve. To be
 * freed. Equal texts are equal states.
 */
char *kit_state(struct kit *k);

/* The same with the configuration's items. */
char *kit_whole(struct kit *k);

uint64_t kit_generation(struct kit *k);
