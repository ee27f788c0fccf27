/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static char *text;
static size_t size;
static FILE *stream;

static int open_stream(void **state)
{
	(void)state;
	stream = open_memstream(&text, &size);
	return stream == NULL || rte_openlog_stream(stream) != 0;
}

static int close_stream(void **state)
{
	(void)state;
	rte_openlog_stream(NULL);
	fclose(stream);
	free(text);
	return 0;
}

static unsigned count_lines(void)
{
	unsigned n = 0;

	fflush(stream);
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	return n;
}

/* A second may end in the middle: then a site may say twice as much. */
static void start_of_a_second(void)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &start);
	do
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	while (now.tv_sec == start.tv_sec);
}

static void a_message_is_one_line_with_its_level(void **state)
{
	(void)state;
	log_error("port %d is %s", 7, "bad");
	log_warning("careful");
	log_notice("news");
	log_info("more");
	fflush(stream);
	assert_string_equal(text,
	    "sallyport: error: port 7 is bad\n"
	    "sallyport: warning: careful\n"
	    "sallyport: news\n"
	    "sallyport: more\n");
}

static void debug_is_off_until_asked_for(void **state)
{
	(void)state;
	log_debug("inner life");
	assert_int_equal(count_lines(), 0);
	assert_true(rte_log_set_level_pattern("sallyport", RTE_LOG_DEBUG) >= 0);
	log_debug("inner life");
	rte_log_set_level_pattern("sallyport", RTE_LOG_INFO);
	assert_int_equal(count_lines(), 1);
	assert_string_equal(text, "sallyport: debug: inner life\n");
}

static void chat(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		log_info("again %u", i);
}

static void a_site_that_repeats_itself_is_cut_and_counted(void **state)
{
	(void)state;
	start_of_a_second();
	chat(100);
	assert_int_equal(count_lines(), LOG_BURST);
	log_info("another site may speak");
	assert_int_equal(count_lines(), LOG_BURST + 1);
	start_of_a_second();
	chat(1);
	assert_int_equal(count_lines(), LOG_BURST + 2);
	assert_non_null(strstr(text, "again 0 (80 more like this left out)\n"));
	chat(1);
	fflush(stream);
	assert_string_equal(strrchr(text, 'g') - 1, "again 0\n");
}

static void a_long_message_is_cut_but_ends_its_line(void **state)
{
	char long_text[5000];

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	log_info("%s", long_text);
	assert_int_equal(count_lines(), 1);
	assert_in_range(size, 1000, 1100);
	assert_int_equal(text[size - 1], '\n');
}

static void a_report_of_many_lines_is_not_limited(void **state)
{
	char report[2000] = "";

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		snprintf(report + strlen(report), sizeof(report) - strlen(report),
		    "line %u: %%s\n\n", i);
	log_lines(RTE_LOG_ERR, report);
	assert_int_equal(count_lines(), 50); /* without the empty ones */
	assert_non_null(strstr(text, "sallyport: error: line 49: %s\n"));
	log_lines(RTE_LOG_ERR, "");
	log_lines(RTE_LOG_ERR, "no end of line");
	assert_int_equal(count_lines(), 51);
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, open_stream, close_stream)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(a_message_is_one_line_with_its_level),
		LOG_TEST(debug_is_off_until_asked_for),
		LOG_TEST(a_site_that_repeats_itself_is_cut_and_counted),
		LOG_TEST(a_long_message_is_cut_but_ends_its_line),
		LOG_TEST(a_report_of_many_lines_is_not_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
