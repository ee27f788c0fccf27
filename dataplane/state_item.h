/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "config/model.h"
#include "dataplane/state.h"

/* Between the files of struct state: items of the configuration that are changed over the API. */

#define ITEM_KEY (CONFIG_MAX_NAME + 40)

/*
 * What tells one reading of a configuration from another: the SHA-256 of text and of all files it
 * includes. True: it includes some.
 */
bool state_source_digest(
    const struct config *c, const char *text, size_t len, char digest[DIGEST_TEXT]);

void state_item_put(struct state_item *i); /* NULL is fine */

/* A CHANGE_ITEM_*; one with an edit gets the settings that it comes to. */
enum state_verdict state_item_apply(struct state *s, struct change *c, struct err *e);

/* A listener of that name without certificates, at the end; NULL: no memory. */
struct state_listener *state_listener_add(struct state *s, const char *name);

/* Gives it the certificates of from. 0 or -1: no memory. */
int state_listener_copy(struct state_listener *l, const struct state_listener *from);

void state_listener_remove(struct state *s, unsigned i);

/* The defaults are c's names now. */
enum state_verdict state_set_defaults(
    const struct state *s, struct state_listener *l, const struct change *c, struct err *e);
