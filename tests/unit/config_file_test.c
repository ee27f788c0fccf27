/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/err.h"
#include "config/load.h"
#include "config/model.h"
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

static void assert_refused(const char *path, const char *wanted)
{
	assert_null(config_load(path, &e));
	assert_string_equal(e.text, wanted);
}

static void file_that_is_not_there(void **state)
{
	(void)state;
	assert_refused("nowhere.cfg", "nowhere.cfg: cannot read: No such file or directory\n");
}

static void file_that_is_a_folder(void **state)
{
	(void)state;
	assert_refused(".", ".: cannot read: Is a directory\n");
}

static void file_that_is_a_device(void **state)
{
	(void)state;
	assert_refused("/dev/zero", "/dev/zero: cannot read: not a regular file\n");
}

static void file_that_is_too_large(void **state)
{
	(void)state;
	config_text_write("large.cfg", "# sparse\n");
	assert_int_equal(truncate("large.cfg", (32 << 20) + 1), 0);
	assert_refused("large.cfg", "large.cfg: cannot read: File too large\n");
	remove("large.cfg");
}

static void file_that_is_binary(void **state)
{
	(void)state;
	config_text_write("zero.cfg", "a = 1;\nb = ");
	assert_int_equal(truncate("zero.cfg", 20), 0);
	assert_refused("zero.cfg", "zero.cfg:2: this is not a text file: it holds a NUL byte\n");
}

static void file_that_is_empty(void **state)
{
	(void)state;
	config_text_write("empty.cfg", "");
	assert_refused("empty.cfg",
	    "empty.cfg: 'runtime' is missing\n"
	    "empty.cfg: 'ports' is missing\n"
	    "empty.cfg: 'certificates' is missing\n"
	    "empty.cfg: 'backends' is missing\n"
	    "empty.cfg: 'listeners' is missing\n");
}

static void paths_are_relative_to_the_file(void **state)
{
	char cwd[256], path[300], wanted[400];
	struct config *c;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	config_text_write(CONFIG_TEXT_FILE, config_text_base);
	snprintf(path, sizeof(path), "%s/%s", cwd, CONFIG_TEXT_FILE);
	snprintf(wanted, sizeof(wanted), "%s/www.key", cwd);
	assert_int_equal(chdir("/"), 0);
	c = config_load(path, &e);
	assert_int_equal(chdir(cwd), 0);
	assert_string_equal(e.text, "");
	assert_string_equal(c->certificates[0].key, wanted);
	assert_string_equal(c->certificates[0].file, path);
	config_free(c);
}

static void key_without_permission(void **state)
{
	char *text = config_text_with("www.key", "secret.key");
	bool is_root = geteuid() == 0;

	(void)state;
	config_text_write("secret.key", "x");
	assert_int_equal(chmod("secret.key", 0), 0);
	/* Root may read everything; somebody else must get into the folder. */
	assert_int_equal(chmod(".", 0755), 0);
	if (is_root)
		assert_int_equal(seteuid(65534), 0);
	assert_null(config_load_text(CONFIG_TEXT_FILE, text, strlen(text), &e));
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	free(text);
	assert_string_equal(e.text,
	    CONFIG_TEXT_FILE
	    ":15: certificate 'www': cannot read 'key' secret.key: Permission denied\n");
}
/* --- @include --- */

static void include_keeps_file_and_line(void **state)
{
	struct config *c;

	(void)state;
	config_text_write(
	    "certs.cfg", "{ name = \"www\"; chain = \"www.pem\";\n key = \"www.key\"; }\n");
	c = config_text_load(&e,
	    "  { name = \"www\"; chain = \"www.pem\";\n    key = \"www.key\"; },\n",
	    "@include \"certs.cfg\"\n,\n");
	assert_string_equal(c->certificates[0].file, "certs.cfg");
	assert_int_equal(c->certificates[0].line, 1);
	assert_string_equal(c->certificates[1].file, CONFIG_TEXT_FILE);
	assert_int_equal(c->certificates[1].line, 16);
	config_free(c);
}

static void include_mistakes_name_the_included_file(void **state)
{
	char *text = config_text_with("eal = [ \"--no-pci\" ];", "  @include \"more.cfg\"");

	(void)state;
	config_text_write("more.cfg", "\neal = 5;\n@include \"yet-more.cfg\"\nzones = {};\n");
	config_text_write("yet-more.cfg", "surplus = 1;\n");
	assert_null(config_load_text("./" CONFIG_TEXT_FILE, text, strlen(text), &e));
	free(text);
	assert_string_equal(e.text,
	    "./yet-more.cfg:1: unknown key 'surplus'; there are: runtime, control, tickets, log, eal, ports, "
	    "certificates, policies, trust_stores, backends, listeners\n"
	    "./more.cfg:4: unknown key 'zones'; there are: runtime, control, tickets, log, eal, ports, certificates, policies, trust_stores, backends, listeners\n"
	    "./more.cfg:2: 'eal' must be an array [ ], not an integer\n");
}

static void include_syntax_error_names_the_included_file(void **state)
{
	char *text = config_text_with("eal = [ \"--no-pci\" ];", "@include \"broken.cfg\"");

	(void)state;
	config_text_write("broken.cfg", "\n\neal = ;\n");
	assert_null(config_load_text(CONFIG_TEXT_FILE, text, strlen(text), &e));
	free(text);
	assert_string_equal(e.text,
	    "broken.cfg:3: syntax error; look for a missing or surplus "
	    "bracket, '=', ',' or quote here or just before\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(file_that_is_not_there, reset),
		cmocka_unit_test_setup(file_that_is_a_folder, reset),
		cmocka_unit_test_setup(file_that_is_a_device, reset),
		cmocka_unit_test_setup(file_that_is_too_large, reset),
		cmocka_unit_test_setup(file_that_is_binary, reset),
		cmocka_unit_test_setup(file_that_is_empty, reset),
		cmocka_unit_test_setup(paths_are_relative_to_the_file, reset),
		cmocka_unit_test_setup(key_without_permission, reset),
		cmocka_unit_test_setup(include_keeps_file_and_line, reset),
		cmocka_unit_test_setup(include_mistakes_name_the_included_file, reset),
		cmocka_unit_test_setup(include_syntax_error_names_the_included_file, reset),
	};

	return config_text_run("config_file", NULL, 0, tests, sizeof(tests) / sizeof(tests[0]));
}
