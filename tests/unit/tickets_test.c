/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tickets.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/err.h"
#include "config/model.h"
#include "tls/ticket.h"

#include <cmocka.h>

#define NOW INT64_C(2000000000) /* after any file's time */

static struct err e;
static char folder[64], file[96];
static const struct ticket_ring *published;
static unsigned n_published;

static void publish(void *arg, const struct ticket_ring *ring)
{
	(void)arg;
	/* The one before is still whole: its keys can be read. */
	if (published && ring->n_keys > 1)
		assert_memory_equal(&ring->keys[1], &published->keys[0], sizeof(ring->keys[0]));
	published = ring;
	n_published++;
}

static struct tickets *start(const struct config_tickets *config, int64_t now)
{
	static const struct tickets_host host = { .publish = publish };
	struct tickets *t;

	err_init(&e);
	t = tickets_new(config, now, &e);
	published = NULL;
	n_published = 0;
	if (t) {
		tickets_attach(t, &host);
		assert_int_equal(n_published, 1);
		assert_ptr_equal(published, tickets_ring(t));
	}
	return t;
}

static void set_time_of(const char *path, int64_t when)
{
	const struct timespec times[2] = { { .tv_sec = when }, { .tv_sec = when } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_without_file(void **state)
{
	const struct config_tickets config = { .rotate_s = 100, .keep = 3, .lifetime_s = 200 };
	struct tickets *t = start(&config, 1000);

	(void)state;
	assert_int_equal(tickets_next(t), 1100);
	tickets_tick(t, 1099);
	assert_int_equal(n_published, 1);
	for (unsigned i = 1; i < 6; i++) {
		tickets_tick(t, 1000 + 100 * i);
		assert_int_equal(n_published, 1 + i);
		assert_int_equal(published->n_keys, i < 2 ? 2 : 3);
		assert_int_equal(tickets_made(t), 1000 + 100 * i);
		tickets_tick(t, 1000 + 100 * i); /* once */
		assert_int_equal(n_published, 1 + i);
	}
	assert_int_equal(tickets_reload(t, 2000, &e), 0);
	assert_int_equal(tickets_rotate(t, 1510, &e), 0);
	assert_int_equal(tickets_next(t), 1610);
	tickets_free(t);
}

static void test_only_on_command(void **state)
{
	const struct config_tickets config = { .rotate_s = 0, .keep = 1, .lifetime_s = 200 };
	struct tickets *t = start(&config, 1000);

	(void)state;
	tickets_tick(t, NOW);
	assert_int_equal(n_published, 1);
	assert_int_equal(tickets_rotate(t, NOW, &e), 0);
	assert_int_equal(n_published, 2);
	assert_int_equal(published->n_keys, 1);
	assert_int_equal(tickets_next(t), 0);
	tickets_free(t);
	tickets_free(NULL);
}

static void test_file_is_made_and_kept(void **state)
{
	const struct config_tickets config = {
		.key_file = file, .rotate_s = 100, .keep = 3, .lifetime_s = 200
	};
	struct tickets *t = start(&config, NOW);
	uint8_t first[TICKET_KEY_BYTES];
	struct stat st;

	(void)state;
	assert_non_null(t);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	memcpy(first, published->keys[0].bytes, sizeof(first));
	assert_int_equal(tickets_rotate(t, NOW, &e), 0);
	tickets_free(t);
	/* A restart: both keys are there, and the time of the last rotation. */
	set_time_of(file, NOW - 30);
	t = start(&config, NOW);
	assert_int_equal(published->n_keys, 2);
	assert_memory_equal(published->keys[1].bytes, first, sizeof(first));
	assert_int_equal(tickets_next(t), NOW + 70);
	tickets_free(t);
	/* A file from the future counts from now. */
	set_time_of(file, NOW + 100000);
	t = start(&config, NOW);
	assert_int_equal(tickets_next(t), NOW + 100);
	tickets_free(t);
	unlink(file);
}

/* Somebody else writes the file: another node's keys. */
static void test_reload(void **state)
{
	const struct config_tickets config = {
		.key_file = file, .rotate_s = 0, .keep = 3, .lifetime_s = 200
	};
	struct tickets *t = start(&config, NOW);
	struct ticket_ring *theirs = ticket_ring_new(200, &e), *next;
	FILE *f;

	(void)state;
	assert_int_equal(tickets_reload(t, NOW, &e), 0);
	assert_int_equal(n_published, 1);
	published = NULL;
	assert_int_equal(ticket_ring_save(theirs, file, &e), 0);
	assert_int_equal(tickets_reload(t, NOW, &e), 1);
	assert_int_equal(n_published, 2);
	assert_true(ticket_ring_is_same(published, theirs));
	/* Without being told: it is looked at once a second. */
	next = ticket_ring_rotate(theirs, 3, &e);
	assert_int_equal(ticket_ring_save(next, file, &e), 0);
	published = NULL;
	tickets_tick(t, NOW + 1);
	assert_int_equal(n_published, 3);
	assert_true(ticket_ring_is_same(published, next));
	tickets_tick(t, NOW + 2);
	assert_int_equal(n_published, 3);
	ticket_ring_free(theirs);
	theirs = next;
	/* A bad file: the keys stay. */
	f = fopen(file, "w");
	fputs("rubbish\n", f);
	fclose(f);
	assert_int_equal(tickets_reload(t, NOW, &e), -1);
	assert_int_equal(n_published, 3);
	assert_true(ticket_ring_is_same(tickets_ring(t), theirs));
	ticket_ring_free(theirs);
	tickets_free(t);
	/* And no start with it, as it would be overwritten. */
	assert_null(start(&config, NOW));
	assert_int_equal(e.n, 1);
	unlink(file);
}

/* Over the API: the keys of another node, which are in the file before they are used. */
static void test_put(void **state)
{
	const struct config_tickets config = {
		.key_file = file, .rotate_s = 100, .keep = 3, .lifetime_s = 200
	};
	struct ticket_ring *theirs = ticket_ring_new(200, &e), *read;
	struct tickets *t;
	char text[400] = "";
	FILE *f;

	(void)state;
	assert_int_equal(ticket_ring_save(theirs, file, &e), 0);
	f = fopen(file, "r");
	assert_true(fread(text, 1, sizeof(text) - 1, f) > TICKET_KEY_BYTES);
	fclose(f);
	unlink(file);
	t = start(&config, NOW);
	assert_false(ticket_ring_is_same(published, theirs));
	assert_int_equal(tickets_put(t, "rubbish\n", 8, NOW, &e), -1);
	assert_int_equal(tickets_put(t, "", 0, NOW, &e), -1);
	assert_int_equal(n_published, 1);
	assert_int_equal(tickets_put(t, text, strlen(text), NOW + 5, &e), 0);
	assert_int_equal(n_published, 2);
	assert_true(ticket_ring_is_same(published, theirs));
	assert_int_equal(tickets_next(t), NOW + 105);
	read = ticket_ring_load(file, 200, &e);
	assert_true(ticket_ring_is_same(read, theirs));
	ticket_ring_free(read);
	ticket_ring_free(theirs);
	tickets_free(t);
	unlink(file);
}

/* What cannot be written is not used. */
static void test_unwritable(void **state)
{
	char path[96], gone[96];
	const struct config_tickets config = {
		.key_file = path, .rotate_s = 100, .keep = 3, .lifetime_s = 200
	};
	struct tickets *t;

	(void)state;
	snprintf(gone, sizeof(gone), "%s/gone", folder);
	snprintf(path, sizeof(path), "%s/gone/keys", folder);
	assert_null(start(&config, NOW));
	mkdir(gone, 0700);
	t = start(&config, NOW);
	assert_non_null(t);
	set_time_of(path, NOW);
	assert_int_equal(tickets_reload(t, NOW, &e), 0);
	unlink(path);
	rmdir(gone);
	assert_int_equal(tickets_rotate(t, NOW, &e), -1);
	assert_int_equal(n_published, 1);
	/* On time it is tried again, after a minute. */
	tickets_tick(t, NOW + 100);
	assert_int_equal(n_published, 1);
	mkdir(gone, 0700);
	tickets_tick(t, NOW + 159);
	assert_int_equal(n_published, 1);
	tickets_tick(t, NOW + 160);
	assert_int_equal(n_published, 2);
	unlink(path);
	rmdir(gone);
	tickets_free(t);
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/tickets_test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/keys", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_file),
		cmocka_unit_test(test_only_on_command),
		cmocka_unit_test(test_file_is_made_and_kept),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_unwritable),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
