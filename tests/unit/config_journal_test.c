/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/err.h"
#include "config/journal.h"

#include <cmocka.h>

static char folder[64], dir[96];
static struct err e, notes;

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/sallyport-journal-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(dir, sizeof(dir), "%s/state", folder);
	return 0;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
	(void)s;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct journal *open_with(void (*on_step)(void *arg, const char *step), void *arg)
{
	const struct journal_config config = { .dir = dir, .on_step = on_step, .arg = arg };

	err_init(&e);
	err_init(&notes);
	return journal_open(&config, &notes, &e);
}

static struct journal *reopen(void)
{
	struct journal *j = open_with(NULL, NULL);

	if (!j)
		fail_msg("%s", e.text);
	return j;
}

static struct journal_record make(uint64_t generation, const char *changes)
{
	struct journal_record r = {
		.generation = generation, .time = 1700000000, .full = generation == 1
	};

	r.action = strdup("change");
	r.who = strdup("test");
	r.key = strdup("");
	r.changes = strdup(changes);
	return r;
}

static int append(struct journal *j, uint64_t generation, const char *changes)
{
	struct journal_record r = make(generation, changes);
	int result = journal_append(j, &r, NULL, 0, &e);

	journal_record_clear(&r);
	return result;
}

/* A record whose changes are the name of text, which it brings along. */
static int append_with(struct journal *j, uint64_t generation, const char *text)
{
	struct journal_content c = { .data = text, .len = strlen(text) };
	struct journal_record r;
	int result;

	sha256_text(text, c.len, c.name);
	r = make(generation, c.name);
	result = journal_append(j, &r, &c, 1, &e);
	journal_record_clear(&r);
	return result;
}

static unsigned count(const struct journal *j)
{
	unsigned n;

	journal_records(j, &n);
	return n;
}

static char *file_of(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static uint8_t *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(1 << 20);

	assert_non_null(f);
	*len = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

static void spew(const char *path, const uint8_t *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static void records_come_back(void **state)
{
	struct journal *j = reopen();
	const struct journal_record *r;
	unsigned n;

	(void)state;
	assert_int_equal(count(j), 0);
	for (unsigned g = 1; g <= 20; g++)
		assert_int_equal(append(j, g, g == 7 ? "[\"\xc3\xa4\\n\"]" : "[]"), 0);
	journal_close(j);
	j = reopen();
	assert_int_equal(notes.n, 0);
	r = journal_records(j, &n);
	assert_int_equal(n, 20);
	for (unsigned g = 1; g <= 20; g++) {
		assert_int_equal(r[g - 1].generation, g);
		assert_int_equal(r[g - 1].time, 1700000000);
		assert_int_equal(r[g - 1].full, g == 1);
		assert_string_equal(r[g - 1].changes, g == 7 ? "[\"\xc3\xa4\\n\"]" : "[]");
	}
	journal_close(j);
}

static void contents_are_what_their_name_says(void **state)
{
	struct journal *j = reopen();
	char name[DIGEST_TEXT], again[DIGEST_TEXT], *text, path[160];
	struct stat s;
	size_t len;

	(void)state;
	assert_int_equal(journal_store(j, JOURNAL_CERTS, "secret", 6, name, &e), 0);
	assert_int_equal(journal_store(j, JOURNAL_CERTS, "secret", 6, again, &e), 0);
	assert_string_equal(name, again);
	text = journal_fetch(j, JOURNAL_CERTS, name, &len, &e);
	assert_string_equal(text, "secret");
	free(text);
	snprintf(path, sizeof(path), "certs/%s", name);
	assert_int_equal(stat(file_of(path), &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	assert_int_equal(stat(dir, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0700);
	spew(file_of(path), (const uint8_t *)"secreT", 6);
	assert_null(journal_fetch(j, JOURNAL_CERTS, name, &len, &e));
	assert_non_null(strstr(e.text, "is damaged"));
	unlink(file_of(path));
	assert_null(journal_fetch(j, JOURNAL_CERTS, name, &len, &e));
	journal_close(j);
}

static void folder_is_one_daemons_and_private(void **state)
{
	struct journal *j = reopen();

	(void)state;
	assert_null(open_with(NULL, NULL));
	assert_non_null(strstr(e.text, "in use by another process"));
	journal_close(j);
	assert_int_equal(chmod(dir, 0750), 0);
	assert_null(open_with(NULL, NULL));
	assert_non_null(strstr(e.text, "chmod 0700"));
	assert_int_equal(chmod(dir, 0700), 0);
	journal_close(reopen());
}

/* A write that was cut anywhere is cut off; what was acknowledged stays. */
static void torn_tail_is_cut_off(void **state)
{
	struct journal *j = reopen();
	size_t whole, before, len;
	uint8_t *data;

	(void)state;
	assert_int_equal(append(j, 1, "[]"), 0);
	assert_int_equal(append(j, 2, "[1]"), 0);
	before = journal_size(j);
	assert_int_equal(append(j, 3, "[{\"op\":\"x\"}]"), 0);
	whole = journal_size(j);
	journal_close(j);
	data = slurp(file_of("journal"), &len);
	assert_int_equal(len, whole);
	for (size_t cut = before; cut < whole; cut++) {
		spew(file_of("journal"), data, cut);
		j = reopen();
		assert_int_equal(count(j), 2);
		assert_int_equal(notes.n, cut > before);
		assert_true(cut == before || strstr(notes.text, "never acknowledged"));
		assert_int_equal(journal_size(j), before);
		assert_int_equal(append(j, 3, "[3]"), 0);
		journal_close(j);
		j = reopen();
		assert_int_equal(notes.n, 0);
		assert_int_equal(count(j), 3);
		journal_close(j);
	}
	free(data);
}

/* A flipped bit anywhere ends the history before it, with a message; the file is kept. */
static void damage_ends_history_with_a_message(void **state)
{
	struct journal *j = reopen();
	size_t ends[6], len;
	uint8_t *data;
	struct stat s;

	(void)state;
	for (unsigned g = 1; g <= 5; g++) {
		ends[g - 1] = journal_size(j);
		assert_int_equal(append(j, g, "[]"), 0);
	}
	ends[5] = journal_size(j);
	journal_close(j);
	data = slurp(file_of("journal"), &len);
	for (size_t at = 8; at < len; at += 3) {
		unsigned good = 0;

		while (ends[good + 1] <= at)
			good++;
		data[at] ^= 0x10;
		spew(file_of("journal"), data, len);
		data[at] ^= 0x10;
		unlink(file_of("journal.damaged"));
		j = reopen();
		assert_int_equal(count(j), good);
		assert_int_equal(notes.n, 1);
		if (good < 4)
			assert_non_null(strstr(notes.text, "damaged"));
		assert_int_equal(stat(file_of("journal.damaged"), &s), 0);
		assert_int_equal((size_t)s.st_size, len);
		journal_close(j);
	}
	free(data);
}

static void what_is_no_journal_is_put_aside(void **state)
{
	struct journal *j = reopen();

	(void)state;
	assert_int_equal(append(j, 1, "[]"), 0);
	journal_close(j);
	spew(file_of("journal"), (const uint8_t *)"something else entirely", 23);
	j = reopen();
	assert_int_equal(count(j), 0);
	assert_int_equal(notes.n, 1);
	assert_int_equal(access(file_of("journal.damaged"), F_OK), 0);
	journal_close(j);
}

static void compacted_journal_keeps_the_newest(void **state)
{
	struct journal *j = reopen();
	struct journal_record first = make(60, "[\"all\"]");
	const struct journal_record *r;
	size_t size;
	unsigned n;

	(void)state;
	for (unsigned g = 1; g <= 100; g++)
		assert_int_equal(append(j, g, "[]"), 0);
	size = journal_size(j);
	first.full = true;
	assert_int_equal(journal_compact(j, &first, &e), 0);
	assert_true(journal_size(j) < size / 2);
	assert_int_equal(append(j, 101, "[]"), 0);
	journal_close(j);
	j = reopen();
	assert_int_equal(notes.n, 0);
	r = journal_records(j, &n);
	assert_int_equal(n, 42);
	assert_int_equal(r[0].generation, 60);
	assert_string_equal(r[0].changes, "[\"all\"]");
	assert_int_equal(r[41].generation, 101);
	journal_close(j);
}

static char *certs_file(const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "certs/%s", name);
	return file_of(path);
}

static void assert_content(struct journal *j, const char *name, const char *wanted)
{
	size_t len;
	char *text = journal_fetch(j, JOURNAL_CERTS, name, &len, &e);

	if (!text)
		fail_msg("%s", e.text);
	assert_string_equal(text, wanted);
	free(text);
}

/* Contents are not synced by themselves: what a crash of the machine left of them is brought back from the journal. */
static void contents_come_back_from_the_journal(void **state)
{
	static const char *const texts[] = { "one\n\n", "two\nthree 7\n", "" };
	char names[3][DIGEST_TEXT];
	struct journal *j = reopen();
	const struct journal_record *r;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(append_with(j, i + 1, texts[i]), 0);
		sha256_text(texts[i], strlen(texts[i]), names[i]);
		assert_content(j, names[i], texts[i]);
	}
	journal_close(j);
	unlink(certs_file(names[0]));
	spew(certs_file(names[1]), (const uint8_t *)"two\nthree", 9);
	spew(certs_file(names[2]), (const uint8_t *)"x", 1);
	j = reopen();
	assert_int_equal(notes.n, 0);
	r = journal_records(j, &n);
	assert_int_equal(n, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(r[i].changes, names[i]);
		assert_content(j, names[i], texts[i]);
	}
	/* The same with garbage of the right size. */
	journal_close(j);
	spew(certs_file(names[0]), (const uint8_t *)"eno\n\n", 5);
	j = reopen();
	assert_content(j, names[0], texts[0]);
	journal_close(j);
}

/* What is on disk for sure is not brought along again; what is not, is. */
static void contents_are_brought_along_until_synced(void **state)
{
	char text[2000], name[DIGEST_TEXT];
	struct journal *j = reopen();
	struct journal_record first;
	size_t before, with, without;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	before = journal_size(j);
	assert_int_equal(append_with(j, 1, text), 0);
	with = journal_size(j) - before;
	assert_true(with > sizeof(text));
	/* Its file is there, but only the first record makes sure of that. */
	before = journal_size(j);
	assert_int_equal(append_with(j, 2, text), 0);
	assert_true(journal_size(j) - before > sizeof(text));
	first = make(2, "[]");
	first.full = true;
	assert_int_equal(journal_compact(j, &first, &e), 0);
	before = journal_size(j);
	assert_int_equal(append_with(j, 3, text), 0);
	without = journal_size(j) - before;
	assert_true(without < 500);
	journal_close(j);
	j = reopen();
	sha256_text(text, strlen(text), name);
	assert_content(j, name, text);
	journal_close(j);
}

static void journal_of_the_form_before_is_read(void **state)
{
	struct journal *j = reopen();
	char name[DIGEST_TEXT];
	uint8_t *data;
	size_t len;

	(void)state;
	assert_int_equal(journal_store(j, JOURNAL_CERTS, "stored", 6, name, &e), 0);
	assert_int_equal(append(j, 1, "[]"), 0);
	assert_int_equal(append(j, 2, name), 0);
	journal_close(j);
	data = slurp(file_of("journal"), &len);
	assert_memory_equal(data, "SPJRNL2\n", 8);
	data[6] = '1';
	spew(file_of("journal"), data, len);
	free(data);
	j = reopen();
	assert_int_equal(notes.n, 0);
	assert_int_equal(count(j), 2);
	assert_content(j, name, "stored");
	/* And is one of today's from then on. */
	assert_int_equal(append_with(j, 3, "brought along"), 0);
	journal_close(j);
	data = slurp(file_of("journal"), &len);
	assert_memory_equal(data, "SPJRNL2\n", 8);
	free(data);
	j = reopen();
	assert_int_equal(count(j), 3);
	journal_close(j);
}

/* --- killed at every step --- */

struct killer {
	unsigned left; /* steps until the end */
	int acks;      /* pipe */
};

static void maybe_die(void *arg, const char *step)
{
	struct killer *k = arg;

	(void)step;
	if (k->left-- == 0)
		_exit(9);
}

static void content_text(unsigned i, char text[64])
{
	snprintf(text, 64, "certificate and key number %u", i);
}

/* Ten changes, each with a content of its own, the journal made shorter in between; tells what is acknowledged. */
static void child(struct killer *k)
{
	struct journal *j = open_with(maybe_die, k);
	unsigned done = j ? count(j) : 0;

	for (unsigned i = done; i < 10; i++) {
		char text[64];

		content_text(i, text);
		if (append_with(j, i + 1, text) < 0 || write(k->acks, "x", 1) != 1)
			_exit(1);
		if (i == 5) {
			struct journal_record r;
			unsigned n;

			r = make(4, journal_records(j, &n)[3].changes);
			r.full = true;
			if (journal_compact(j, &r, &e) < 0)
				_exit(1);
		}
	}
	_exit(0);
}

/* Everything acknowledged is there, whole; at most one more. */
static void assert_sound(unsigned n_acks)
{
	struct journal *j = reopen();
	const struct journal_record *r;
	uint64_t last;
	unsigned n;

	assert_true(notes.n == 0 || strstr(notes.text, "never acknowledged"));
	r = journal_records(j, &n);
	last = n ? r[n - 1].generation : 0;
	assert_true(last == n_acks || last == n_acks + 1);
	for (unsigned i = 0; i < n; i++) {
		char wanted[64], *text;
		size_t len;

		content_text((unsigned)r[i].generation - 1, wanted);
		text = journal_fetch(j, JOURNAL_CERTS, r[i].changes, &len, &e);
		assert_non_null(text);
		assert_string_equal(text, wanted);
		free(text);
	}
	/* And it can go on from there. */
	assert_int_equal(append(j, last + 1, "[]"), 0);
	journal_close(j);
}

static void killed_at_any_step_nothing_acknowledged_is_lost(void **state)
{
	unsigned steps = 0;

	(void)state;
	for (int status = -1; status != 0; steps++) {
		int acks[2];
		unsigned n_acks = 0;
		char x;
		pid_t pid;

		teardown(NULL);
		setup(NULL);
		assert_int_equal(pipe(acks), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct killer k = { .left = steps, .acks = acks[1] };

			child(&k);
		}
		close(acks[1]);
		while (read(acks[0], &x, 1) == 1)
			n_acks++;
		close(acks[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(
		    WIFEXITED(status) && (WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0));
		if (WEXITSTATUS(status) == 0)
			assert_int_equal(n_acks, 10);
		assert_sound(n_acks);
	}
	/* 5 to make the journal, 6 or so for each change, 8 to make it shorter. */
	assert_true(steps > 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(contents_are_what_their_name_says, setup, teardown),
		cmocka_unit_test_setup_teardown(folder_is_one_daemons_and_private, setup, teardown),
		cmocka_unit_test_setup_teardown(torn_tail_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    damage_ends_history_with_a_message, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_journal_is_put_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    compacted_journal_keeps_the_newest, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    contents_come_back_from_the_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    contents_are_brought_along_until_synced, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    journal_of_the_form_before_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    killed_at_any_step_nothing_acknowledged_is_lost, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
