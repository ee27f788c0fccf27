/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The connection log on a disk whose calls do not return: control goes on, and nothing is lost unsaid. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "config/err.h"
#include "dataplane/conn_writer.h"
#include "dataplane/disk.h"
#include "dataplane/proxy/conn_log.h"
#include "dataplane/proxy/conn_ring.h"

#include <cmocka.h>

static char folder[] = "/tmp/sallyport-conn-hang-XXXXXX", path[64];
static struct err e;

/* --- the disk: these are what conn_writer and disk call --- */

static atomic_bool is_hanging;
static atomic_uint n_held;

static void disk_takes_its_time(void)
{
	if (!is_hanging)
		return;
	n_held++;
	while (is_hanging)
		usleep(1000);
	n_held--;
}

ssize_t write(int fd, const void *from, size_t n)
{
	disk_takes_its_time();
	return syscall(SYS_write, fd, from, n);
}

int open(const char *name, int flags, ...)
{
	if (strcmp(name, path) == 0)
		disk_takes_its_time();
	return (int)syscall(SYS_openat, AT_FDCWD, name, flags, 0640);
}

/* --- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static unsigned push(struct conn_ring *ring, unsigned n)
{
	static const uint8_t trace[CONN_TRACE_BYTES];
	const struct flow flow = { .local_port = 443 };
	struct conn_facts f;
	unsigned done = 0;

	conn_facts_init(&f, &flow, trace, 85963999);
	for (struct conn_record *r; done < n && (r = conn_ring_room(ring)) != NULL; done++) {
		conn_record_fill(r, &f, 95000000);
		conn_ring_push(ring);
	}
	conn_facts_fini(&f);
	return done;
}

static unsigned count_file(void)
{
	FILE *f = fopen(path, "r");
	unsigned n = 0;
	int c;

	while (f && (c = fgetc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static void run_at(struct conn_writer *w, struct conn_ring *ring, unsigned second)
{
	conn_writer_run(w, &ring, 1, 1696439115514108, second * 1000000ull);
}

static void wait_until_held(unsigned n)
{
	uint64_t began = now_ms();

	while (n_held != n && now_ms() - began < 30000)
		usleep(1000);
	assert_int_equal(n_held, n);
}

static void control_goes_on_while_a_write_hangs(void **state)
{
	struct config_log config = { .path = path }, off = { .path = NULL };
	struct conn_writer *w = conn_writer_new();
	struct conn_ring *ring = conn_ring_new();
	unsigned taken = 0;
	uint64_t errors, began, oldest, next;

	(void)state;
	err_init(&e);
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	taken += push(ring, 10);
	run_at(w, ring, 90);
	assert_int_equal(count_file(), 10);
	is_hanging = true;
	errors = conn_writer_stats(w).errors;
	began = now_ms();
	for (unsigned n = 1; n > 0;
	     taken += n) { /* until buffer and ring are full: workers lose and count */
		n = push(ring, 200);
		run_at(w, ring, 91);
	}
	assert_true(now_ms() - began < 10000);
	wait_until_held(1);
	assert_int_equal(conn_writer_stats(w).lines, 10);
	assert_int_equal(conn_writer_stats(w).errors, errors);
	/* The operator is told once. */
	run_at(w, ring, 93);
	run_at(w, ring, 94);
	assert_int_equal(conn_writer_stats(w).errors, errors + 1);
	/* The file is not changed under what is being written. */
	assert_int_equal(conn_writer_reopen(w, &e), -1);
	assert_non_null(strstr(e.text, "does not answer"));
	err_init(&e);
	assert_int_equal(conn_writer_configure(w, &off, &e), -1);
	assert_true(conn_writer_recent(w, &oldest, &next));
	assert_non_null(conn_writer_line(w, next - 1)); /* sallyctl log tail */
	is_hanging = false;
	began = now_ms();
	while (conn_writer_stats(w).lines < taken && now_ms() - began < 60000)
		run_at(w, ring, 95);
	assert_int_equal(conn_writer_stats(w).lines, taken);
	assert_int_equal(conn_writer_stats(w).lost, 0);
	assert_int_equal(count_file(), taken);
	err_init(&e);
	assert_int_equal(conn_writer_reopen(w, &e), 0);
	conn_writer_free(w);
	free(ring);
	unlink(path);
}

static void an_open_that_hangs_is_given_up(void **state)
{
	struct config_log config = { .path = path };
	struct conn_writer *w = conn_writer_new();
	struct conn_ring *ring = conn_ring_new();
	uint64_t began = now_ms();

	(void)state;
	err_init(&e);
	is_hanging = true;
	assert_int_equal(conn_writer_configure(w, &config, &e), -1);
	assert_true(now_ms() - began < 30000);
	assert_non_null(strstr(e.text, "the disk does not answer"));
	/* And not tried again while it is under way. */
	err_init(&e);
	assert_int_equal(conn_writer_configure(w, &config, &e), -1);
	assert_non_null(strstr(e.text, "does not answer"));
	wait_until_held(1);
	is_hanging = false;
	wait_until_held(0);
	err_init(&e);
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	push(ring, 5);
	run_at(w, ring, 90);
	assert_int_equal(count_file(), 5);
	conn_writer_free(w);
	free(ring);
	unlink(path);
}

/* The last one: what hangs at the end stays so, with what it was given. */
static void the_end_does_not_wait_for_it(void **state)
{
	struct config_log config = { .path = path };
	struct conn_writer *w = conn_writer_new();
	struct conn_ring *ring = conn_ring_new();
	uint64_t began = now_ms();
	unsigned taken;

	(void)state;
	err_init(&e);
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	is_hanging = true;
	taken = push(ring, 3000);
	run_at(w, ring, 90);
	conn_writer_finish(w, &ring, 1, 1696439115514108, 91000000);
	assert_int_equal(conn_writer_stats(w).lost, taken);
	assert_null(conn_ring_first(ring));
	conn_writer_free(w);
	assert_true(now_ms() - began < 30000);
	free(ring);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/log", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_goes_on_while_a_write_hangs),
		cmocka_unit_test(an_open_that_hangs_is_given_up),
		cmocka_unit_test(the_end_does_not_wait_for_it),
	};

	return cmocka_run_group_tests_name("conn_hang", tests, make_folder, remove_folder);
}
