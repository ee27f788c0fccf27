/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tls/cert.h"
#include "tls/cert_key.h"

struct err;

/* The certificates' half of cert_parse: the key is known by its public part. */
struct cert_job {
	const struct cert_source *source;
	int64_t now;
	struct err *e;
};

/* err_add with the certificate's name and the line it was configured at. Always -1. */
int cert_complain(const struct cert_job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Reads the chain, orders it and fills c's chain and facts. key is the public part of the private
 * key, or NULL when that could not be read: then only the certificates themselves are judged.
 * 0, or -1 with every reason complained about.
 */
int cert_chain_read(struct cert *c, const struct cert_job *job, const char *pem, size_t len,
    const struct cert_public *key);
