/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

/* IANA's name of a TLS alert ("handshake_failure"; RFC 8446 6, and older ones), or NULL. */
const char *alert_name(uint8_t alert);
