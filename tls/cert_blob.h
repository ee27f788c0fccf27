/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tls/cert.h"

/*
 * Bytes that many certificates have in common: the CA certificates behind their leaves. Each is kept once and
 * counted. Control thread only.
 */

/*
 * Copies len bytes, or finds the copy that there is. out->at is NULL when there is no memory. They are
 * not to be changed.
 */
void blob_share(struct cert_blob *out, const uint8_t *bytes, size_t len);

/* Gives one back; NULL is fine. */
void blob_put(uint8_t *at);

/* Different ones kept now. */
size_t blob_n(void);
