/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/proxy/snapshot.h"

#include <cmocka.h>

/* In the order of strcmp, as a snapshot has them. */
static struct sni_route some[] = {
	{ (char[]){ "*.a.test" }, 1 },
	{ (char[]){ "*.test" }, 2 },
	{ (char[]){ "a.test" }, 3 },
	{ (char[]){ "b.a.test" }, 4 },
	{ (char[]){ "z.test" }, 5 },
};

static void exact_goes_before_wildcard(void **state)
{
	static const struct {
		const char *name;
		int wanted;
	} cases[] = {
		{ "a.test", 3 },
		{ "b.a.test", 4 },
		{ "c.a.test", 1 },
		{ "b.test", 2 },
		{ "z.test", 5 },
		{ "c.b.a.test", -1 }, /* one label only */
		{ "test", -1 },
		{ "", -1 },
		{ ".", -1 },
		{ "a.tes", -1 },
		{ "a.testt", -1 },
		{ "zz", -1 },
		{ "*.a.test", 1 },
	};
	const struct listener l = { .routes = some, .n_routes = sizeof(some) / sizeof(some[0]) };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(listener_route(&l, cases[i].name), cases[i].wanted);
}

static void without_routes_nothing_matches(void **state)
{
	const struct listener l = { .n_routes = 0 };

	(void)state;
	assert_int_equal(listener_route(&l, "a.test"), -1);
}

static void a_name_as_long_as_can_be(void **state)
{
	const struct listener l = { .routes = some, .n_routes = sizeof(some) / sizeof(some[0]) };
	char name[256];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[255] = '\0';
	assert_int_equal(listener_route(&l, name), -1);
	name[0] = '.';
	assert_int_equal(listener_route(&l, name), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_goes_before_wildcard),
		cmocka_unit_test(without_routes_nothing_matches),
		cmocka_unit_test(a_name_as_long_as_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
