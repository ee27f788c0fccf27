/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/journal.h"

/* The journal as bytes. */

#define JOURNAL_MAGIC      "SPJRNL2\n"
#define JOURNAL_MAGIC_1    "SPJRNL1\n"
#define JOURNAL_MAGIC_LEN  8
#define JOURNAL_HEAD       16
#define JOURNAL_MAX_RECORD (256u << 20)

/*
 * r with contents as bytes, head included: *len of them, that the caller wipes and frees; NULL: no memory, or more than
 * JOURNAL_MAX_RECORD.
 */
uint8_t *journal_encode(const struct journal_record *r, const struct journal_content *contents,
    unsigned n, size_t *len);
