/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "perf/loadgen/message.h"

#include <cmocka.h>

#define BODY 70000

static uint8_t all[BODY + 1024];

static size_t whole(const struct message *m, const char *id)
{
	size_t n = message_fill(m, 0, id, all, sizeof(all));

	assert_int_equal(n, message_len(m));
	return n;
}

/* Any piece of it is the same bytes as in the whole. */
static void pieces_are_those_of_the_whole(void **state)
{
	struct message m;
	uint8_t piece[1448];

	(void)state;
	message_answer(&m, BODY);
	for (size_t at = 0, n = whole(&m, "0123abcd"); at < n; at += 997) {
		size_t len = message_fill(&m, at, "0123abcd", piece, sizeof(piece));

		assert_int_equal(len, n - at < sizeof(piece) ? n - at : sizeof(piece));
		assert_memory_equal(piece, all + at, len);
		assert_true(message_check(&m, at, "0123abcd", all + at, len));
	}
}

static void a_changed_byte_is_noticed(void **state)
{
	struct message m;
	size_t n;

	(void)state;
	message_request(&m, 5000);
	n = whole(&m, "00000001");
	for (size_t i = 0; i < n; i++) {
		all[i] ^= 1;
		assert_false(message_check(&m, 0, "00000001", all, n));
		all[i] ^= 1;
	}
	assert_true(message_check(&m, 0, "00000001", all, n));
}

static void another_id_is_noticed_in_head_and_body(void **state)
{
	struct message m;
	size_t n;

	(void)state;
	message_answer(&m, 5000);
	n = whole(&m, "00000001");
	assert_false(message_check(&m, 0, "00000002", all, n));
	assert_false(message_check(&m, n - 100, "00000002", all + n - 100, 100));
}

static void a_shift_is_noticed(void **state)
{
	struct message m;
	size_t n;

	(void)state;
	message_answer(&m, BODY);
	n = whole(&m, "00000007");
	for (size_t by = 1; by < 17000; by += 499)
		assert_false(message_check(&m, n - 20000 + by, "00000007", all + n - 20000, 2000));
}

static void the_id_is_where_it_says(void **state)
{
	struct message m;
	char id[MESSAGE_ID];

	(void)state;
	message_id(id, 0xdeadbeef);
	assert_memory_equal(id, "deadbeef", MESSAGE_ID);
	message_request(&m, 0);
	whole(&m, id);
	for (uint64_t at = 0; at < message_len(&m); at++)
		if (message_in_id(&m, at))
			assert_int_equal(all[at], id[at - m.before_len]);
	assert_true(message_in_id(&m, m.before_len));
	assert_false(message_in_id(&m, m.before_len + MESSAGE_ID));
	assert_false(message_in_id(&m, m.before_len - 1));
}

static void a_byte_is_a_byte(void **state)
{
	struct message m;

	(void)state;
	message_byte(&m);
	assert_int_equal(message_len(&m), 1);
	assert_false(message_in_id(&m, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_those_of_the_whole),
		cmocka_unit_test(a_changed_byte_is_noticed),
		cmocka_unit_test(another_id_is_noticed_in_head_and_body),
		cmocka_unit_test(a_shift_is_noticed),
		cmocka_unit_test(the_id_is_where_it_says),
		cmocka_unit_test(a_byte_is_a_byte),
	};

	message_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
