/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>

struct config;
struct err;

/*
 * Reads a libconfig file, checks it (config/check.h) and returns an immutable
 * configuration that the caller owns, or NULL with every mistake found in e.
 * Does not read certificates or keys: tls/cert.h does, with the lines noted here.
 */
struct config *config_load(const char *path, struct err *e);

/*
 * As config_load, for len bytes already in memory. path is what messages call them and whose
 * folder relative paths and @include belong to; that file need not exist.
 */
struct config *config_load_text(const char *path, const char *text, size_t len, struct err *e);

/*
 * An item that is not as the file has it: the control API put it, or deleted it. A listener's default_certificate and
 * certificates may be missing in one that was put: they are kept apart (dataplane/state.h).
 */
struct config_override {
	const char *section, *name;
	const char *json; /* an object with the settings as keys; NULL: deleted */
};

/* As config_load_text, with overrides in the place of what the text says, or beside it. */
struct config *config_load_overridden(const char *path, const char *text, size_t len,
    const struct config_override *overrides, unsigned n, struct err *e);

/* "listener" for "listeners" and so on: what one item of a section is called that can be overridden; else NULL. */
const char *config_section_item(const char *section);

/* Frees a configuration; NULL is fine. */
void config_free(struct config *c);
