/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

struct WOLFSSL_CTX;
struct trust_store;

/*
 * The CA names of a context's CertificateRequest (RFC 8446 4.2.4, RFC 5246 7.4.4): gives ctx the subjects of trust's
 * CAs; none at all when one is longer than wolfSSL can send, since an incomplete list would keep clients
 * away, nor with a wolfSSL that scripts/setup has not patched. False: no memory.
 */
bool ctx_names_set(struct WOLFSSL_CTX *ctx, const struct trust_store *trust);

/* Whether this wolfSSL has our patch. */
bool ctx_names_can(void);
