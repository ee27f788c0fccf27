/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include <rte_log.h>

/*
 * Messages to the operator, through rte_log under the type "sallyport" (so
 * --log-level=sallyport:debug works). For control and start-up; workers count instead of
 * talking. Every call site is limited to LOG_BURST messages a second; what was left out is
 * counted and said with the next message of that site. Safe from any thread. A message is one
 * line, written without the trailing newline.
 */
#define LOG_BURST 20

struct log_site {
	uint64_t second; /* all three: atomic, relaxed */
	unsigned n;
	unsigned left_out;
};

#define log_error(...)   LOG_AT(RTE_LOG_ERR, __VA_ARGS__)
#define log_warning(...) LOG_AT(RTE_LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  LOG_AT(RTE_LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    LOG_AT(RTE_LOG_INFO, __VA_ARGS__)
#define log_debug(...)   LOG_AT(RTE_LOG_DEBUG, __VA_ARGS__)

#define LOG_AT(level, ...)                             \
	do {                                           \
		static struct log_site site_;          \
		log_write(&site_, level, __VA_ARGS__); \
	} while (0)

/* Behind the macros; site belongs to the call site and starts zeroed. */
void log_write(struct log_site *site, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes text of many lines (a report, a struct err), unlimited, each line as a message of its own. */
void log_lines(uint32_t level, const char *text);
