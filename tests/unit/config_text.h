/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>

struct CMUnitTest;
struct config;
struct err;

/*
 * A small valid configuration to be broken in one place at a time, in a temporary folder that
 * holds the files it names and is the current one while tests run.
 */
extern const char config_text_base[];

#define CONFIG_TEXT_FILE "sallyport.cfg"

/*
 * Replaces old, which must occur exactly once in the base text, by new and loads the outcome as
 * CONFIG_TEXT_FILE. The messages must be exactly wanted: no other mistake is told, none twice.
 * "{last_core}" in wanted stands for the highest core number of this machine. An empty wanted:
 * it loads.
 */
struct config_text_case {
	const char *name, *old, *new, *wanted;
};

/* A cmocka test per case; setup and teardown make and remove the folder. Returns failures. */
int config_text_run(const char *group, const struct config_text_case *cases, size_t n_cases,
    const struct CMUnitTest *others, size_t n_others);

/* Writes text to name in the current folder. */
void config_text_write(const char *name, const char *text);

/* The base text with old replaced by new; the caller frees it. */
char *config_text_with(const char *old, const char *new);

/* The same of text, which is taken. */
char *config_text_change(char *text, const char *old, const char *new);

/* Loads the base text with old replaced by new, which must be possible; the caller frees it. */
struct config *config_text_load(struct err *e, const char *old, const char *new);
