/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Thousands of changes leave nothing behind: the heap in use is the same at the same place of a cycle. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataplane/control.h"
#include "tests/unit/control_kit.h"

#include <cmocka.h>

#define CERTS  8
#define CYCLES 3
/* More than between two times that the journal is made shorter (control_file.c). */
#define MOST   2000

static off_t journal_bytes(const struct kit *k)
{
	char path[200];
	struct stat s;

	snprintf(path, sizeof(path), "%s/state/journal", k->folder);
	assert_int_equal(stat(path, &s), 0);
	return s.st_size;
}

/* Replaces certificates by turns until the journal has been made shorter; how many changes that took. */
static unsigned cycle(struct kit *k, unsigned *turn)
{
	static const char *const pems[2][2] = { { "p256.pem", "p256.key" },
		{ "ed25519.pem", "ed25519.key" } };
	off_t before = journal_bytes(k), after;

	for (unsigned n = 1; n <= MOST; n++, before = after) {
		unsigned i = (*turn)++, which = i / CERTS % 2;
		char name[16];

		snprintf(name, sizeof(name), "c%u", i % CERTS);
		assert_int_equal(kit_put(k, name, pems[which][0], pems[which][1]), OPS_OK);
		if (i < CERTS)
			assert_int_equal(kit_associate(k, "https", name), OPS_OK);
		after = journal_bytes(k);
		if (after < before)
			return n;
	}
	fail_msg("the journal grows for ever");
	return 0;
}

static void changes_leave_nothing_behind(void **state)
{
	size_t first, now;
	unsigned turn = 0;
	struct kit k;

	(void)state;
	kit_start(&k);
	cycle(&k, &turn);
	cycle(&k, &turn);
	first = mallinfo2().uordblks;
	for (unsigned i = 0; i < CYCLES; i++) {
		unsigned n = cycle(&k, &turn);

		now = mallinfo2().uordblks;
		print_message("%u changes: %zu bytes in use, at first %zu\n", n, now, first);
	}
	/* Numbers have more digits, and a cycle may end at another certificate. */
	assert_in_range(now, 0, first + 4096);
	kit_end(&k);
}

/* n generations that have nothing to do with the certificates of the file. */
static void pass_time(struct kit *k, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(kit_put(k, "x", i % 2 ? "p521.pem" : "ed25519.pem",
				     i % 2 ? "p521.key" : "ed25519.key"),
		    OPS_OK);
}

static void assert_state(struct kit *k, const char *wanted)
{
	char *text = kit_state(k);

	assert_string_equal(text, wanted);
	free(text);
}

/*
 * What the file says of a certificate that was replaced is let go once no generation has it. Whatever comes back to the file
 * reads it again.
 */
static void the_file_s_own_is_read_again(void **state)
{
	char *file, *replaced;
	struct kit k;

	(void)state;
	kit_start(&k);
	file = kit_state(&k);
	assert_int_equal(kit_put(&k, "www", "p384.pem", "p384.key"), OPS_OK);
	assert_int_equal(kit_put(&k, "rsa", "p384.pem", "p384.key"), OPS_OK);
	pass_time(&k, 2 * CONTROL_HISTORY);
	replaced = kit_state(&k);
	/* Written again as it was: read, and found to be no matter of what runs. */
	kit_copy(&k, "p256.pem", "www.pem");
	err_init(&k.e);
	assert_int_equal(control_refresh(k.control, &k.e), 0);
	assert_state(&k, replaced);
	assert_true(kit_restart(&k));
	assert_state(&k, replaced);
	pass_time(&k, 2 * CONTROL_HISTORY);
	assert_state(&k, replaced);
	assert_int_equal(kit_rollback(&k, kit_generation(&k) - CONTROL_HISTORY + 2), OPS_OK);
	assert_int_equal(kit_delete(&k, "x", false), OPS_OK);
	assert_int_equal(kit_reload(&k), OPS_OK);
	assert_state(&k, file);
	/* And what was replaced can be gone back to. */
	assert_int_equal(kit_rollback(&k, kit_generation(&k) - 2), OPS_OK);
	assert_true(kit_restart(&k));
	assert_state(&k, replaced);
	free(file);
	free(replaced);
	kit_end(&k);
}

/* The oldest generation that is kept still has it. */
static void what_can_be_gone_back_to_stays(void **state)
{
	char *file;
	struct kit k;

	(void)state;
	kit_start(&k);
	file = kit_state(&k);
	assert_int_equal(kit_put(&k, "www", "p384.pem", "p384.key"), OPS_OK);
	pass_time(&k, CONTROL_HISTORY - 2);
	assert_int_equal(kit_rollback(&k, 1), OPS_OK);
	assert_state(&k, file);
	/* It runs again, though the generation it came from is forgotten now. */
	pass_time(&k, 2 * CONTROL_HISTORY);
	assert_int_equal(kit_delete(&k, "x", false), OPS_OK);
	assert_state(&k, file);
	assert_string_equal(kit_served(&k, "https", "rsa.test"), "rsa");
	assert_int_equal(kit_put(&k, "spare", "p521.pem", "p521.key"), OPS_OK);
	assert_int_equal(kit_rollback(&k, kit_generation(&k) - 1), OPS_OK);
	assert_true(kit_restart(&k));
	assert_state(&k, file);
	free(file);
	kit_end(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_leave_nothing_behind),
		cmocka_unit_test(the_file_s_own_is_read_again),
		cmocka_unit_test(what_can_be_gone_back_to_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
