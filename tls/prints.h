/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hello;

/*
 * Fingerprints of a ClientHello, to tell clients apart in logs: JA3 (Salesforce, 2017), the MD5 of version, suites,
 * extensions, groups and point formats as they came; JA4 (FoxIO, 2023), which sorts suites and extensions, since
 * browsers shuffle them. GREASE (RFC 8701) counts in neither.
 */
#define PRINT_JA3_BYTES 16
#define PRINT_JA4_CHARS 36 /* "t13d1516h2_8daaf6152771_e5627efa2ab1", without NUL */

/*
 * Both prints of h. false for a hello with lists so long that no client sends it in earnest: sorting them
 * would be an attacker's work to give us.
 */
bool prints_take(const struct hello *h, uint8_t ja3[PRINT_JA3_BYTES], char ja4[PRINT_JA4_CHARS]);
