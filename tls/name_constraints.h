/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

#include "tls/der.h"
#include "tls/x509.h"

/*
 * Name constraints of CA certificates (RFC 5280 4.2.1.10): which names may stand in the certificates below them. Host names,
 * mail addresses, directory names, URIs and IP addresses are compared; a name of any other form is refused where a
 * constraint is about its form. What cannot be told for sure is refused.
 *
 * Constraints are an extension's content, as struct x509 has it; empty: there are none.
 */

/* NULL, or why they cannot be enforced. */
const char *name_constraints_check(struct der constraints);

/*
 * Whether they allow every name in x: its subject, the mail addresses in it when x has none elsewhere, its alternative
 * names. Costs a bounded number of comparisons whatever is in either.
 */
bool name_constraints_allow(struct der constraints, const struct x509 *x);
