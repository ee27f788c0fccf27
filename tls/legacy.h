/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/record.h"

struct WOLFSSL;
struct tls_worker;

/*
 * A finished wolfSSL session kept for suites our record layer does not do (CBC, 3DES, CCM, TLS
 * <= 1.1). The same calls as record_*, over the same views. Implemented beside tls/handshake.c.
 */

/* Keeps ssl (taken), whose handshake is over, on its worker. NULL: no memory, ssl is not taken. */
struct legacy *legacy_new(struct tls_worker *w, struct WOLFSSL *ssl);

/* RECORD_FATAL: *alert_in, or an alert of ours waits for legacy_alert to write it. */
enum record_status legacy_open(struct legacy *l, struct record_io *io, uint8_t *alert_in);
enum record_status legacy_seal(struct legacy *l, struct record_io *io);

/*
 * Writes what waits, then a close_notify (alert 0) or a fatal alert into io->out; 0xff: only what waits.
 */
enum record_status legacy_alert(struct legacy *l, uint8_t alert, struct record_io *io);
void legacy_free(struct legacy *l); /* NULL is fine */
