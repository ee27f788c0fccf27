/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/journal.h"

/* The journal as bytes. */

#define JOURNAL_MAGIC      "SPJRNL1\n"
#define JOURNAL_MAGIC_LEN  8
#define JOURNAL_HEAD       16
#define JOURNAL_MAX_RECORD (256u << 20)

/* r as bytes, head included: *len of them, that the caller frees; NULL: no memory. */
uint8_t *journal_encode(const struct journal_record *r, size_t *len);
