/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"

#include <cmocka.h>

static struct err e;

static int reset(void **state)
{
	(void)state;
	memset(&e, 0xa5, sizeof(e));
	err_init(&e);
	return 0;
}

static void messages_carry_their_place(void **state)
{
	(void)state;
	assert_string_equal(e.text, "");
	assert_int_equal(err_add(&e, "a.cfg", 7, "no %s", "port"), -1);
	assert_int_equal(err_add(&e, "a.cfg", 0, "unreadable"), -1);
	assert_int_equal(err_add(&e, NULL, 9, "nowhere"), -1);
	assert_int_equal(err_set(&e, "100%%"), -1);
	assert_string_equal(e.text, "a.cfg:7: no port\na.cfg: unreadable\nnowhere\n100%\n");
	assert_int_equal(e.n, 4);
	assert_int_equal(e.len, strlen(e.text));
}

static void control_characters_cannot_fake_a_line(void **state)
{
	(void)state;
	err_add(&e, "a\n.cfg", 1, "key '%s'", "x\ny\x1b[2J\x7f\t");
	assert_string_equal(e.text, "a?.cfg:1: key 'x?y?[2J?\?'\n");
}

static void utf8_stays(void **state)
{
	(void)state;
	err_set(&e, "%s", "g\xc3\xbcltig");
	assert_string_equal(e.text, "g\xc3\xbcltig\n");
}

static void what_does_not_fit_is_counted_only(void **state)
{
	char *almost = malloc(sizeof(e.text));
	size_t len;

	(void)state;
	memset(almost, 'x', sizeof(e.text));
	almost[sizeof(e.text) - 12] = '\0';
	err_set(&e, "%s", almost);
	len = e.len;
	assert_int_equal(len, sizeof(e.text) - 11);
	err_set(&e, "does not fit");
	assert_int_equal(e.n, 2);
	assert_int_equal(e.len, len);
	assert_int_equal(strlen(e.text), len);
	err_set(&e, "123456789"); /* to the last byte: nine, a newline, the NUL */
	assert_int_equal(e.n, 3);
	assert_int_equal(e.len, sizeof(e.text) - 1);
	assert_string_equal(e.text + len, "123456789\n");
	err_set(&e, "%s", "");
	assert_int_equal(e.n, 4);
	assert_int_equal(e.len, sizeof(e.text) - 1);
	free(almost);
}

static void first_message_is_cut_not_lost(void **state)
{
	char *huge = malloc(2 * sizeof(e.text));

	(void)state;
	memset(huge, 'x', 2 * sizeof(e.text));
	huge[2 * sizeof(e.text) - 1] = '\0';
	err_add(&e, "a.cfg", 3, "%s", huge);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.len, sizeof(e.text) - 1);
	assert_int_equal(strlen(e.text), e.len);
	assert_memory_equal(e.text, "a.cfg:3: xxx", 12);
	assert_int_equal(e.text[e.len - 1], '\n');
	free(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(messages_carry_their_place, reset),
		cmocka_unit_test_setup(control_characters_cannot_fake_a_line, reset),
		cmocka_unit_test_setup(utf8_stays, reset),
		cmocka_unit_test_setup(what_does_not_fit_is_counted_only, reset),
		cmocka_unit_test_setup(first_message_is_cut_not_lost, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
