/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

struct config;
struct err;

/*
 * Reads a libconfig file, checks it (config/check.h) and returns an immutable
 * configuration that the caller owns, or NULL with every mistake found in e.
 * Does not read certificates or keys: tls/cert.h does, with the lines noted here.
 */
struct config *config_load(const char *path, struct err *e);

/* Frees a configuration; NULL is fine. */
void config_free(struct config *c);
