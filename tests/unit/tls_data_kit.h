/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/err.h"
#include "tls/cert.h"

/* The day on which the tests' certificates (tests/unit/pki) are loaded: 2026-01-01. */
#define KIT_NOW INT64_C(1767225600)

/*
 * The contents, one after the other, of files below tests/, their names separated by blanks.
 * Terminated; to be freed.
 */
char *kit_read(const char *names, size_t *len);

/* A certificate from files in tests/unit/pki; NULL with the reason in e. e is emptied before. */
struct cert *kit_cert(const char *chain, const char *key, struct err *e);

/* The same with what source says beyond the files: names, passphrase, force. */
struct cert *
kit_cert_with(struct cert_source source, const char *chain, const char *key, struct err *e);

/* A certificate that exists in name only, for tables: facts and names, blanks between them. */
struct cert *kit_named_cert(const char *names, enum cert_key_type type, unsigned bits);
