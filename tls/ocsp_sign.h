/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/der.h"

/* Who signed an OCSP response. Part of tls/ocsp.c. */

struct ocsp_signature {
	struct der text;      /* what is signed */
	struct der algorithm; /* OID's content */
	struct der bits;
};

/*
 * NULL when the signature is the issuer's, or that of one of certs (certificates one behind the other) which the
 * issuer certified for OCSP; else why not. issuer is DER.
 */
const char *ocsp_verify(const struct ocsp_signature *s, struct der issuer, struct der certs);
