/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/diff.h"
#include "config/err.h"
#include "config/load.h"
#include "config/load_sections.h"
#include "config/scan.h"
#include "tests/unit/config_text.h"

#include <cmocka.h>

static struct err e;

static int reset(void **state)
{
	(void)state;
	err_init(&e);
	return 0;
}

static char *example_text;

/* The example is loaded from the current folder, where the files it names are made. */
static void read_example(void)
{
	static const char *const files[] = { "www.ecdsa.pem", "www.ecdsa.key", "www.rsa.pem",
		"www.rsa.key", "api.pem", "api.key", "partners.pem", "partners.crl" };
	size_t len;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		config_text_write(files[i], "PEM\n");
	example_text = scan_read_file(CONFIG_EXAMPLE, &len);
	assert_non_null(example_text);
}

static struct config *load_example(const char *text)
{
	struct config *c = config_load_text("example.cfg", text, strlen(text), &e);

	assert_string_equal(e.text, "");
	assert_non_null(c);
	return c;
}

/*
 * A line of the example that says "# default" shows the default: without its setting the
 * configuration must be the same.
 */
static void example_shows_the_defaults(void **state)
{
	struct config *with;
	unsigned n_defaults = 0;

	(void)state;
	read_example();
	with = load_example(example_text);
	for (char *line = example_text, *next; *line; line = next) {
		char *comment, *equals, *end, kept[200];
		struct config_diff d;
		struct config *without;

		next = strchr(line, '\n') + 1;
		comment = strstr(line, "# default");
		if (!comment || comment > next || !strchr(";\n", comment[strlen("# default")]))
			continue;
		equals = strchr(line, '=');
		end = strchr(line, ';');
		assert_true(equals && equals < end && end < comment);
		/* Blank out "key = value;". */
		assert_true((size_t)(end - line) < sizeof(kept));
		memcpy(kept, line, (size_t)(end + 1 - line));
		memset(line, ' ', (size_t)(end + 1 - line));
		without = load_example(example_text);
		if (config_diff(with, without, &d, &e) != 0 || d.drain_timeout ||
		    d.certificates.changed || d.policies.changed || d.trust_stores.changed ||
		    d.backends.changed || d.listeners.changed)
			fail_msg("not the default: %.*s %s", (int)(end + 1 - line), kept, e.text);
		memcpy(line, kept, (size_t)(end + 1 - line));
		config_free(without);
		n_defaults++;
	}
	assert_true(n_defaults > 50);
	config_free(with);
	free(example_text);
}

static unsigned look_for_keys(const struct load_group *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->n_keys; i++) {
		char *at = example_text;
		size_t len = strlen(g->keys[i].name);

		/* The key as a word of its own before a '='. */
		while ((at = strstr(at, g->keys[i].name)) != NULL &&
		    (!strchr(" \n", at[-1]) || strncmp(at + len, " =", 2) != 0))
			at++;
		if (!at)
			fail_msg("'%s' is not in example.cfg", g->keys[i].name);
		n++;
		if (g->keys[i].group)
			n += look_for_keys(g->keys[i].group);
	}
	return n;
}

static void example_has_every_key(void **state)
{
	(void)state;
	read_example();
	assert_true(look_for_keys(&load_root) > 100);
	free(example_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(example_shows_the_defaults, reset),
		cmocka_unit_test_setup(example_has_every_key, reset),
	};

	return config_text_run("config_example", NULL, 0, tests, sizeof(tests) / sizeof(tests[0]));
}
