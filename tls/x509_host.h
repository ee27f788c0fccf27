/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/der.h"

/*
 * Whether a certificate is for whom a client wanted to reach (RFC 9525 6). names is GeneralNames' content (RFC 5280
 * 4.2.1.6); empty, malformed or of other types only: no. The subject's common name counts for nothing.
 */

/*
 * host: in lower case without a trailing dot, as name_copy makes it. A dNSName matches that is the same, or whose first label
 * is a '*' that stands for exactly one (6.3).
 */
bool x509_is_for_host(struct der names, const char *host);

/* address: 4 or 16 bytes in network order, compared with iPAddress names (6.4). */
bool x509_is_for_address(struct der names, const uint8_t *address, size_t len);
