/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "dataplane/state.h"

/* Between the files of struct state. */

extern const struct map_kind state_cert_kind;

struct state_cert *state_cert_get(struct state_cert *c);
void state_cert_put(struct state_cert *c); /* NULL is fine */

/* Takes cert, also when memory is short (NULL). names may be NULL. */
struct state_cert *
state_cert_new(const char *name, struct cert *cert, char *const *names, unsigned n_names);

/* cert, or, given back for it, old when both are the same bytes under the same name: what workers cached stays valid. */
struct cert *state_cert_share(struct cert *cert, const struct state_cert *old);

/*
 * Lets go of what the file says when nobody can come to be served it any more: it was replaced, and no generation that is
 * kept has it. Its digest stays. Does nothing while anything else holds the certificate.
 */
void state_cert_shed(struct state_cert *c);

/* True when c, shed or not, is that certificate (state_cert_share comes first). */
bool state_cert_is(const struct state_cert *c, const struct cert *cert);

struct config_certificate;

/*
 * Tells whether one of c's files has been written or replaced, without reading them: from their inodes, sizes and
 * times.
 */
uint64_t state_cert_stamp(const struct config_certificate *c);

/* Reads the files of c; 0 and *to, or -1 with every reason in e. */
int state_cert_read(
    const struct config_certificate *c, struct state_cert **to, int64_t now, struct err *e);

/* Reads texts or content of c (a CHANGE_CERT_PUT) and sets its content's name. NULL with the reason in e. */
struct state_cert *
state_cert_load(struct change *c, const struct state_store *store, int64_t now, struct err *e);
