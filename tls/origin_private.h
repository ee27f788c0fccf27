/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/name.h"
#include "tls/origin.h"
#include "tls/policy.h"

/* Shared by origin.c, which makes origins, and handshake_client.c, which connects with them. */

#define ORIGIN_MAX_ALPN 255

struct origin {
	uint64_t version;
	struct policy policy;
	struct trust_store *trust; /* a reference; NULL: whatever is shown is good */
	struct cert *certificate;  /* a reference, or NULL */
	bool no_sessions;
	char host[NAME_MAX_LEN + 1]; /* wanted, and sent in SNI; "": none */
	uint8_t address[16];         /* wanted instead */
	uint8_t address_len;         /* 0: the target's own, when there is no host either */
	uint8_t alpn_len;
	char alpn[ORIGIN_MAX_ALPN + 1]; /* names with commas between */
};
