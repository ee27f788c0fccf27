/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Many server names from one pattern, as perf/cert_make.c makes certificates for: in "######.scale.test" the run of
 * '#' stands for a number of as many digits.
 */
#define NAMES_MAX_BYTES 256 /* of a name, NUL included */

/* Whether pattern has exactly one run of '#', wide enough for numbers below n (at least 1), and makes names that fit. */
bool names_fit(const char *pattern, uint32_t n);

/* The name with number i, which is below the n that fits. */
void names_make(char to[NAMES_MAX_BYTES], const char *pattern, uint32_t i);
