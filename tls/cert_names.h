/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/cert_chain.h"

struct DecodedCert;

/*
 * Sets c's names: those of the configuration, else those of the parsed leaf x. 0, or -1 with every reason
 * complained about.
 */
int cert_names_read(struct cert *c, const struct cert_job *job, const struct DecodedCert *x);
