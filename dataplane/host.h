/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdio.h>

struct config;

/*
 * sallyport --check-host: what this machine lacks for line rate with this configuration, and what to
 * do about each. Reads sysfs and procfs below root ("" but in tests) and changes nothing. memory_mb
 * is what the daemon will want of hugepages. Writes a line for each thing looked at to out; returns
 * how many are lacking.
 */
unsigned host_check(const struct config *config, unsigned memory_mb, const char *root, FILE *out);
