/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config/nearest.h"

#include <cmocka.h>

static const char *const words[] = { "name", "default_certificate", "certificates", "mtu", "to",
	"backend", "bind", NULL };

static const char *word(const void *from, unsigned i)
{
	return ((const char *const *)from)[i];
}

static void slips_are_understood(void **state)
{
	static const struct {
		const char *typed, *meant;
	} slips[] = {
		{ "defualt_certificate", "default_certificate" },  /* neighbours swapped */
		{ "default_certificates", "default_certificate" }, /* one too many */
		{ "deflt_certificat", "default_certificate" },     /* three missing */
		{ "certificate", "certificates" },
		{ "nmae", "name" },
		{ "bakcend", "backend" },
		{ "mtv", "mtu" },
		{ "MTU", NULL }, /* three of three wrong */
		{ "xy", NULL },  /* too short to guess */
		{ "", NULL },
		{ "entirely_different", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
		const char *guess = nearest(slips[i].typed, word, words);

		if (slips[i].meant) {
			assert_non_null(guess);
			assert_string_equal(guess, slips[i].meant);
		} else {
			assert_null(guess);
		}
	}
}

static void long_words_are_passed_over(void **state)
{
	char typed[200], candidate[200];
	const char *const long_words[] = { candidate, NULL };

	(void)state;
	memset(typed, 'a', sizeof(typed));
	memset(candidate, 'a', sizeof(candidate));
	typed[64] = candidate[65] = '\0';
	assert_null(nearest(typed, word, long_words));
	candidate[64] = '\0';
	candidate[3] = 'b';
	assert_string_equal(nearest(typed, word, long_words), candidate);
	typed[64] = 'a';
	typed[65] = '\0';
	assert_null(nearest(typed, word, long_words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slips_are_understood),
		cmocka_unit_test(long_words_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
