/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tls/record.h"

/*
 * A finished wolfSSL session kept for suites our record layer does not do (CBC, 3DES, CCM, TLS
 * <= 1.1). The same calls as record_*, over the same views. Implemented beside tls/handshake.c.
 */
enum record_status legacy_open(struct legacy *l, struct record_io *io, uint8_t *alert_in);
enum record_status legacy_seal(struct legacy *l, struct record_io *io);

/* Writes a close_notify (alert 0) or a fatal alert into io->out. */
enum record_status legacy_alert(struct legacy *l, uint8_t alert, struct record_io *io);
void legacy_free(struct legacy *l);
