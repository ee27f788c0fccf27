/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "config/addr.h"

#include <cmocka.h>

static struct config_addr parse(const char *text, enum addr_form form)
{
	struct config_addr a = { .line = 0 };
	const char *why = config_addr_parse(text, form, &a);

	if (why)
		fail_msg("'%s' %s", text, why);
	return a;
}

static void good_ones_print_as_written(void **state)
{
	static const struct {
		const char *text;
		enum addr_form form;
	} good[] = {
		{ "10.80.0.254", ADDR_ALONE },
		{ "fd80::1", ADDR_ALONE },
		{ "::", ADDR_ALONE },
		{ "0.0.0.0/0", ADDR_PREFIX },
		{ "10.80.0.1/32", ADDR_PREFIX },
		{ "fd80::1/128", ADDR_PREFIX },
		{ "::/0", ADDR_PREFIX },
		{ "10.80.0.1:1", ADDR_PORT },
		{ "[::]:443", ADDR_PORT },
		{ "[fd80:1:2:3:4:5:6:7]:65535", ADDR_PORT },
	};
	char text[CONFIG_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct config_addr a = parse(good[i].text, good[i].form);

		assert_string_equal(config_addr_print(&a, good[i].form, text), good[i].text);
	}
}

static void parts_are_where_they_belong(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 10, 80, 0, 1 };
	struct config_addr a = parse("10.80.0.1:443", ADDR_PORT);

	(void)state;
	assert_memory_equal(&a.ip, mapped, 16);
	assert_true(a.is_v4);
	assert_int_equal(a.port, 443);
	assert_int_equal(a.prefix, 0);
	a = parse("fd80::1/64", ADDR_PREFIX);
	assert_false(a.is_v4);
	assert_int_equal(a.port, 0);
	assert_int_equal(a.prefix, 64);
	assert_int_equal(a.ip.s6_addr[15], 1);
}

static void bad_ones_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum addr_form form;
	} bad[] = {
		{ "", ADDR_ALONE },
		{ " 10.80.0.1", ADDR_ALONE },
		{ "10.80.0.1 ", ADDR_ALONE },
		{ "10.80.0", ADDR_ALONE },
		{ "10.80.0.256", ADDR_ALONE },
		{ "010.80.0.1", ADDR_ALONE },
		{ "0x0a.80.0.1", ADDR_ALONE },
		{ "10.80.0.1/24", ADDR_ALONE },
		{ "10.80.0.1:80", ADDR_ALONE },
		{ "[fd80::1]", ADDR_ALONE },
		{ "fd80::1::2", ADDR_ALONE },
		{ "fe80::1%eth0", ADDR_ALONE },
		{ "fe80::1%2", ADDR_ALONE },
		{ "::ffff:10.80.0.1", ADDR_ALONE },
		{ "localhost", ADDR_ALONE },
		{ "10.80.0.1", ADDR_PREFIX },
		{ "10.80.0.1/", ADDR_PREFIX },
		{ "10.80.0.1/33", ADDR_PREFIX },
		{ "10.80.0.1/-1", ADDR_PREFIX },
		{ "10.80.0.1/+8", ADDR_PREFIX },
		{ "10.80.0.1/08", ADDR_PREFIX },
		{ "10.80.0.1/4294967304", ADDR_PREFIX },
		{ "10.80.0.1/24/24", ADDR_PREFIX },
		{ "10.80.0.1/255.255.255.0", ADDR_PREFIX },
		{ "fd80::1/129", ADDR_PREFIX },
		{ "fe80::1%eth0/64", ADDR_PREFIX },
		{ "/24", ADDR_PREFIX },
		{ "10.80.0.1", ADDR_PORT },
		{ "10.80.0.1:", ADDR_PORT },
		{ "10.80.0.1:0", ADDR_PORT },
		{ "10.80.0.1:65536", ADDR_PORT },
		{ "10.80.0.1:4294967739", ADDR_PORT },
		{ "10.80.0.1:0443", ADDR_PORT },
		{ "10.80.0.1: 443", ADDR_PORT },
		{ "10.80.0.1:https", ADDR_PORT },
		{ ":443", ADDR_PORT },
		{ "443", ADDR_PORT },
		{ "*:443", ADDR_PORT },
		{ "fd80::1:443", ADDR_PORT },
		{ "[fd80::1]", ADDR_PORT },
		{ "[fd80::1:443", ADDR_PORT },
		{ "[fd80::1]443", ADDR_PORT },
		{ "[fd80::1]:", ADDR_PORT },
		{ "[fd80::1]]:443", ADDR_PORT },
		{ "[]:443", ADDR_PORT },
		{ "]:443", ADDR_PORT },
		{ "[:443", ADDR_PORT },
		{ "[10.80.0.1]:443", ADDR_PORT },
		{ "[::ffff:10.80.0.1]:443", ADDR_PORT },
		{ "[fe80::1%eth0]:443", ADDR_PORT },
		{ "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:e]:443",
		    ADDR_PORT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config_addr a;

		if (!config_addr_parse(bad[i].text, bad[i].form, &a))
			fail_msg("'%s' was taken", bad[i].text);
	}
}

static void prefixes_contain_what_they_should(void **state)
{
	static const struct {
		const char *net, *ip;
		bool inside;
	} cases[] = {
		{ "10.80.0.1/24", "10.80.0.255", true },
		{ "10.80.0.1/24", "10.80.1.0", false },
		{ "10.80.0.0/15", "10.81.255.255", true },
		{ "10.80.0.0/15", "10.82.0.0", false },
		{ "10.80.0.1/32", "10.80.0.1", true },
		{ "10.80.0.1/32", "10.80.0.0", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "10.80.0.1", false },
		{ "::/0", "ffff::", true },
		{ "fd80::1/64", "fd80::ffff:ffff:ffff:ffff", true },
		{ "fd80::1/64", "fd80:0:0:1::", false },
		{ "fd80::1/127", "fd80::", true },
		{ "fd80::1/127", "fd80::2", false },
		{ "fd80::1/128", "fd80::1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_addr net = parse(cases[i].net, ADDR_PREFIX);
		struct config_addr ip = parse(cases[i].ip, ADDR_ALONE);

		if (config_addr_contains(&net, &ip) != cases[i].inside)
			fail_msg("%s in %s", cases[i].ip, cases[i].net);
	}
}

static void hosts_are_told_from_other_addresses(void **state)
{
	static const struct {
		const char *text;
		bool is_host;
	} cases[] = {
		{ "10.80.0.1/24", true },
		{ "10.80.0.0/24", false },
		{ "10.80.0.255/24", false },
		{ "10.80.0.0/31", true },
		{ "10.80.0.1/31", true },
		{ "10.80.0.255/32", true },
		{ "10.80.0.0/23", false },
		{ "10.80.0.255/23", true },
		{ "10.80.0.1/0", false },
		{ "127.0.0.1/8", false },
		{ "0.1.2.3/8", false },
		{ "223.255.255.1/24", true },
		{ "224.0.0.1/24", false },
		{ "255.255.255.255/32", false },
		{ "fd80::/64", true },
		{ "fe80::1/64", true },
		{ "::1/128", false },
		{ "::/128", false },
		{ "ff02::1/64", false },
		{ "fd80::1/0", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_addr a = parse(cases[i].text, ADDR_PREFIX);

		if (!config_addr_not_host(&a) != cases[i].is_host)
			fail_msg("%s", cases[i].text);
	}
}

static void trimming_clears_host_bits(void **state)
{
	struct config_addr a = parse("10.81.255.1/15", ADDR_PREFIX);
	char text[CONFIG_ADDR_TEXT];

	(void)state;
	assert_false(config_addr_trim(&a));
	assert_string_equal(config_addr_print(&a, ADDR_PREFIX, text), "10.80.0.0/15");
	assert_true(config_addr_trim(&a));
	a = parse("fd80::ffff/113", ADDR_PREFIX);
	assert_false(config_addr_trim(&a));
	assert_string_equal(config_addr_print(&a, ADDR_PREFIX, text), "fd80::8000/113");
	a = parse("255.255.255.255/0", ADDR_PREFIX);
	assert_false(config_addr_trim(&a));
	assert_true(a.is_v4 && config_addr_is_any(&a));
}

static void link_local_is_ten_bits(void **state)
{
	struct config_addr a = parse("fe80::1", ADDR_ALONE), b = parse("febf::1", ADDR_ALONE);
	struct config_addr c = parse("fec0::1", ADDR_ALONE), d = parse("169.254.0.1", ADDR_ALONE);

	(void)state;
	assert_true(config_addr_is_link_local6(&a));
	assert_true(config_addr_is_link_local6(&b));
	assert_false(config_addr_is_link_local6(&c));
	assert_false(config_addr_is_link_local6(&d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_print_as_written),
		cmocka_unit_test(parts_are_where_they_belong),
		cmocka_unit_test(bad_ones_are_refused),
		cmocka_unit_test(prefixes_contain_what_they_should),
		cmocka_unit_test(hosts_are_told_from_other_addresses),
		cmocka_unit_test(trimming_clears_host_bits),
		cmocka_unit_test(link_local_is_ten_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
