/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/diff.h"
#include "config/err.h"
#include "config/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * libconfig 1.5 loses the string it is in the middle of when it finds a syntax error. That is at
 * most a few bytes per refused file and not ours to free; everything of ours is still watched.
 */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static struct err e;

#define FUZZ_ASSERT(condition)    \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/*
 * Either a configuration or messages, never both or neither; messages are lines of printable
 * text; and what was loaded obeys every rule and differs from itself in nothing. The folder does
 * not exist, so that no @include reaches a file of this machine.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_diff d;
	struct config *c;

	/* To load at all, certificates must be files: the corpus names /proc/self/status. */
	err_init(&e);
	c = config_load_text("/nonexistent/fuzz.cfg", (const char *)data, size, &e);
	FUZZ_ASSERT((c == NULL) == (e.n > 0));
	FUZZ_ASSERT(strlen(e.text) == e.len);
	FUZZ_ASSERT((e.n > 0) == (e.len > 0));
	FUZZ_ASSERT(e.len == 0 || e.text[e.len - 1] == '\n');
	for (size_t i = 0; i < e.len; i++)
		FUZZ_ASSERT(
		    e.text[i] == '\n' || ((unsigned char)e.text[i] >= 0x20 && e.text[i] != 0x7f));
	if (!c)
		return 0;
	FUZZ_ASSERT(config_check(c, true, &e) == 0);
	FUZZ_ASSERT(config_diff(c, c, &d, &e) == 0);
	FUZZ_ASSERT(!d.drain_timeout && !d.listeners.changed && !d.listeners.added);
	FUZZ_ASSERT(c->n_listeners && c->n_backends && c->n_certificates && c->runtime.n_workers);
	for (unsigned i = 0; i < c->n_listeners; i++) {
		FUZZ_ASSERT(c->listeners[i].backend < c->n_backends);
		FUZZ_ASSERT(c->listeners[i].n_bind && c->listeners[i].n_default_certificates);
	}
	config_free(c);
	return 0;
}
