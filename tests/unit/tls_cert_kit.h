/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tests/unit/tls_data_kit.h"

/* What loading said last. */
extern struct err cert_err;

/* Loads files of tests/unit/pki (kit_cert), wants success, gives the certificate. */
struct cert *cert_good(const char *chain, const char *key);

/* The same, wants failure with a message that says so and where. */
void cert_bad(const char *chain, const char *key, const char *says);
