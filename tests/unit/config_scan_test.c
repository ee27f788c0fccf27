/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/err.h"
#include "config/scan.h"
#include "tests/unit/config_text.h"

#include <cmocka.h>

static struct err e;

/* wanted: the messages; may_parse: that libconfig could still read the text. */
static void assert_scan(const char *text, bool may_parse, const char *wanted)
{
	err_init(&e);
	assert_int_equal(scan_text("f", "", text, strlen(text), &e), may_parse ? 0 : -1);
	assert_string_equal(e.text, wanted);
}

static void ordinary_text_is_left_alone(void **state)
{
	static const char *const fine[] = {
		"",
		"a = 1;\r\nb : \"x\";\n",
		"a = [ ]; b = ( ); c = { };",
		"a = [1, -2, +3, 0x7fffffff, 2147483647, -2147483648];",
		"a = 9223372036854775807L; b = 0xFFFFFFFFL; c = 5LL;",
		"a = 1.5; b = .5; c = 5.; d = 1e9; e = 1E-9; f = -1.5e+300;",
		"# a comment, ) with @include \"x\" and 99999999999\na = 1;",
		"// another \"one\n",
		"/* (,) @include \"x\"\n 99999999999 \" */ a = 1;",
		"a = \"(,) # // /* 99999999999 @include \\\" \\\\\"; b = 1;",
		"a = \"\\x01\\x0a\";",
		"a-1_2* = 1; *b = 2;",
		"a = \"two \" \"parts\";",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		assert_scan(fine[i], true, "");
}

static void numbers_libconfig_would_cut_are_told(void **state)
{
	(void)state;
	assert_scan("a = 2147483648;\nb = -2147483649;\nc = 0x80000000;", true,
	    "f:1: the number 2147483648 is too large for 32 bits\n"
	    "f:2: the number -2147483649 is too large for 32 bits\n"
	    "f:3: the number 0x80000000 is too large for 32 bits\n");
	assert_scan("a = 9223372036854775808L; b = 0x8000000000000000LL;", true,
	    "f:1: the number 9223372036854775808 is too large for 64 bits\n"
	    "f:1: the number 0x8000000000000000 is too large for 64 bits\n");
	assert_scan("a = 0000000000000000000000000000000000000000000001;", true,
	    "f:1: the number 0000000000000000000000000000000000000000000001 is too large for 32 "
	    "bits\n");
}

static void nul_in_text_or_string_is_told(void **state)
{
	static const char nul[] = "a = 1;\n\0b = 2;";

	(void)state;
	assert_scan(
	    "a = \"x\n\\x00y\";", true, "f:2: \"\\x00\" cannot be part of a string; remove it\n");
	assert_scan("a = \"\\\\x00\";", true, ""); /* a backslash, then x00 */
	assert_int_equal(scan_text("f", "", nul, sizeof(nul) - 1, &e), -1);
	assert_string_equal(e.text, "f:2: this is not a text file: it holds a NUL byte\n");
}

static void ends_that_are_missing_are_told_where_it_began(void **state)
{
	(void)state;
	assert_scan(
	    "a = 1;\n/* b\n\n", false, "f:2: the comment that begins here has no end; add '*/'\n");
	assert_scan(
	    "\n\na = \"b\n\n;", false, "f:3: the string that begins here has no end; add '\"'\n");
	assert_scan("a = \"\\", false, "f:1: the string that begins here has no end; add '\"'\n");
	assert_scan("/*/", false, "f:1: the comment that begins here has no end; add '*/'\n");
}

static void surplus_commas_are_told(void **state)
{
	(void)state;
	assert_scan("a = (1,\n2, # two\n\n);\nb = [1,];", false,
	    "f:2: remove the comma before ')': nothing follows it\n"
	    "f:5: remove the comma before ']': nothing follows it\n");
	assert_scan("a = (\",\");", true, "");
}

static void depth_is_limited(void **state)
{
	char text[2 * SCAN_MAX_DEPTH + 20] = "a = ";

	(void)state;
	memset(text + 4, '(', SCAN_MAX_DEPTH);
	assert_scan(text, true, "");
	memset(text + 4, '(', 2 * SCAN_MAX_DEPTH);
	assert_scan(text, false, "f:1: groups and lists are nested too deep; the limit is 32\n");
	assert_scan("))))}}]", true, ""); /* libconfig's to judge; must not go below zero */
}

static void settings_in_a_group_are_limited(void **state)
{
	char text[16 * (SCAN_MAX_KEYS + 2)];
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i < SCAN_MAX_KEYS; i++)
		len += (size_t)sprintf(text + len, "k%u=1;\n", i);
	assert_scan(text, true, "");
	sprintf(text + len, "k:1;");
	assert_scan(text, false, "f:257: too many settings in one group; the limit is 256\n");
}

static void size_is_limited(void **state)
{
	size_t len = SCAN_MAX_BYTES + 1;
	char *text = malloc(len);

	(void)state;
	memset(text, ' ', len);
	err_init(&e);
	assert_int_equal(scan_text("f", "", text, len - 1, &e), 0);
	assert_int_equal(scan_text("f", "", text, len, &e), -1);
	assert_string_equal(e.text, "f: the configuration is larger than 33554432 bytes\n");
	free(text);
}

static void included_bytes_count_too(void **state)
{
	size_t len = SCAN_MAX_BYTES / 2;
	char *text = malloc(len + 1);

	(void)state;
	memset(text, ' ', len);
	text[len] = '\0';
	config_text_write("half", text);
	free(text);
	assert_scan("@include \"half\"\n", true, "");
	assert_scan("@include \"half\"\n@include \"half\"\n", false,
	    "f:2: the configuration has too many bytes; the limit is 33554432\n");
}

static void includes_that_cannot_be_read_are_told(void **state)
{
	(void)state;
	/* A folder makes libconfig 1.5's scanner call exit. */
	assert_scan("@include \".\"\n", false, "f:1: cannot include .: Is a directory\n");
	assert_scan("\n @include \"nowhere\"\n\t@include \"/dev/null\"\n", false,
	    "f:2: cannot include nowhere: No such file or directory\n"
	    "f:3: cannot include /dev/null: not a regular file\n");
	assert_scan(
	    "@include nowhere\n", false, "f:1: @include needs a file name in double quotes\n");
	assert_scan("@include \"\"\n", false, "f:1: @include needs a file name in double quotes\n");
	assert_scan("@include \"x\n\"", false,
	    "f:1: @include needs a file name in double quotes\n"
	    "f:2: the string that begins here has no end; add '\"'\n");
	assert_scan("a = 1; @include \"x\"\n", false, "f:1: @include must begin its line\n");
}

static void includes_are_relative_to_the_folder_only(void **state)
{
	(void)state;
	err_init(&e);
	assert_int_equal(scan_text("d/f", "d", "@include \"/x\"\n@include \"y\"\n", 27, &e), -1);
	assert_string_equal(e.text,
	    "d/f:1: cannot include /x: write the path relative to the folder of the configuration "
	    "file\n"
	    "d/f:2: cannot include d/y: No such file or directory\n");
}

static void includes_in_a_circle_end(void **state)
{
	(void)state;
	config_text_write("circle", "a = 1;\n@include \"circle\"\n");
	assert_scan("@include \"circle\"\n", false,
	    "circle:2: files include each other too deep, or in a circle; the limit is 10\n");
	/* Two at each level: 2^10 files, if nobody counted. */
	config_text_write("fork", "@include \"fork\"\n@include \"fork\"\n");
	assert_scan("@include \"fork\"\n", false,
	    "fork:1: files include each other too deep, or in a circle; the limit is 10\n");
}

static void includes_are_counted(void **state)
{
	size_t len = 0;
	char *text = malloc(20 * (SCAN_MAX_INCLUDES + 2));

	(void)state;
	config_text_write("none", "");
	for (unsigned i = 0; i <= SCAN_MAX_INCLUDES; i++)
		len += (size_t)sprintf(text + len, "@include \"none\"\n");
	assert_scan(text, false, "f:1001: too many files are included; the limit is 1000\n");
	text[len - strlen("@include \"none\"\n")] = '\0';
	assert_scan(text, true, "");
	free(text);
}

static void mistakes_in_included_files_are_placed_there(void **state)
{
	(void)state;
	config_text_write("bad", "a = 99999999999;\nb = (1,\n");
	assert_scan("x = (\n@include \"bad\"\n);", false,
	    "bad:1: the number 99999999999 is too large for 32 bits\n"
	    "f:2: remove the comma before ')': nothing follows it\n");
}

static void reading_takes_regular_files_only(void **state)
{
	size_t len = 77;
	char *text;

	(void)state;
	config_text_write("plain", "abc");
	text = scan_read_file("plain", &len);
	assert_int_equal(len, 3);
	assert_string_equal(text, "abc");
	free(text);
	errno = 0;
	assert_null(scan_read_file("plain/x", &len));
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_null(scan_read_file("pipe", &len)); /* and does not wait for a writer */
	assert_int_equal(errno, EINVAL);
	assert_null(scan_read_file("", &len));
	assert_int_equal(errno, ENOENT);
}

static void joining_paths(void **state)
{
	static const struct {
		const char *dir, *name, *path;
	} cases[] = {
		{ "", "a", "a" },
		{ "d", "a", "d/a" },
		{ "/", "a", "/a" },
		{ "d/e", "../a", "d/e/../a" },
		{ "d", "/a", "/a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = scan_join(cases[i].dir, cases[i].name);

		assert_string_equal(path, cases[i].path);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_text_is_left_alone),
		cmocka_unit_test(numbers_libconfig_would_cut_are_told),
		cmocka_unit_test(nul_in_text_or_string_is_told),
		cmocka_unit_test(ends_that_are_missing_are_told_where_it_began),
		cmocka_unit_test(surplus_commas_are_told),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(settings_in_a_group_are_limited),
		cmocka_unit_test(size_is_limited),
		cmocka_unit_test(included_bytes_count_too),
		cmocka_unit_test(includes_that_cannot_be_read_are_told),
		cmocka_unit_test(includes_are_relative_to_the_folder_only),
		cmocka_unit_test(includes_in_a_circle_end),
		cmocka_unit_test(includes_are_counted),
		cmocka_unit_test(mistakes_in_included_files_are_placed_there),
		cmocka_unit_test(reading_takes_regular_files_only),
		cmocka_unit_test(joining_paths),
	};

	return config_text_run("config_scan", NULL, 0, tests, sizeof(tests) / sizeof(tests[0]));
}
