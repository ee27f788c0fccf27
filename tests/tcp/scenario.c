/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/tcp/scenario.h"

#include <string.h>

static bool over_ip6;
bool all_are_ours;

static bool are_ours(const void *arg, const struct flow *flow)
{
	(void)arg;
	(void)flow;
	return all_are_ours;
}

const struct peer_config one_of_many = { .stack = { .flow_is_ours = are_ours } };

static void cmocka_fails(const char *file, int line)
{
	_fail(file, line);
}

int scenario_setup(void **state)
{
	struct peer_config config = { 0 };

	if (*state)
		config = *(const struct peer_config *)*state;
	config.ip6 |= over_ip6;
	*state = peer_new(&config);
	return 0;
}

int scenario_teardown(void **state)
{
	peer_free(*state);
	return 0;
}

int scenario_main(
    int argc, char **argv, const char *group, const struct CMUnitTest *tests, size_t n)
{
	peer_set_fail_handler(cmocka_fails);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "ip6") == 0)
			over_ip6 = true;
		else
			cmocka_set_test_filter(argv[i]);
	}
	return _cmocka_run_group_tests(group, tests, n, NULL, NULL) != 0;
}
