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

/* Frees a configuration; NULL is fine. */
void config_free(struct config *c);
