/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/conn_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "dataplane/base/log.h"
#include "dataplane/disk.h"
#include "dataplane/proxy/conn_log.h"

#define BUFFER    (1024 * 1024)
#define MAX_WRITE (64 * 1024)
#define MAX_TURN  (512 * 1024) /* in one run: the control thread has other things to do */

/* How long one waits for the disk, ms: before going on beside it; before a change of files is refused, or what waits given up. */
#define PATIENCE 20
#define DECISION 2000

#define LATE_US 1000000 /* after that long the operator is told */

struct conn_writer {
	struct disk *disk; /* NULL: there was no file yet */
	char *opening;     /* the path of an open that was given up and is under way */
	uint64_t hung_us;  /* since when a write is under way; 0: none */
	bool is_late;      /* and that was told */
	int fd;            /* -1: nowhere to write to */
	char *path;
	enum config_log_format format;
	struct conn_writer_stats stats;
	size_t from, to;                  /* what waits in buffer */
	bool is_cut;                      /* the line at from has begun in the file already */
	char *recent[CONN_WRITER_RECENT]; /* by number; NULL: there was no memory for it */
	uint64_t n_lines;                 /* ever made */
	char buffer[BUFFER];
};

struct conn_writer *conn_writer_new(void)
{
	struct conn_writer *w = calloc(1, sizeof(*w));

	if (w)
		w->fd = -1;
	return w;
}

static uint64_t count_lines(const char *at, size_t n)
{
	uint64_t lines = 0;
	const char *end;

	while ((end = memchr(at, '\n', n)) != NULL) {
		lines++;
		n -= (size_t)(end + 1 - at);
		at = end + 1;
	}
	return lines;
}

/* What a write has come to. */
static void written(struct conn_writer *w, const struct disk_call *c)
{
	if (c->done <= 0) {
		w->stats.errors++;
		if (c->error != EAGAIN)
			log_error("cannot write %s: %s; lines wait, then are lost", w->path,
			    strerror(c->error));
		return;
	}
	w->stats.lines += count_lines(w->buffer + w->from, (size_t)c->done);
	w->from += (size_t)c->done;
	w->is_cut = w->buffer[w->from - 1] != '\n';
}

static void begin_close(struct conn_writer *w, int fd)
{
	disk_begin(w->disk, &(struct disk_call){ .what = DISK_CLOSE, .fd = fd });
}

/* Takes in what the disk has done, for which it waits at most that long. False: it is at it still. */
static bool settle(struct conn_writer *w, unsigned milliseconds)
{
	struct disk_call c;

	while (w->disk && disk_is_busy(w->disk)) {
		if (!disk_wait(w->disk, milliseconds, &c))
			return false;
		if (c.what == DISK_WRITE)
			written(w, &c);
		if (c.what == DISK_OPEN) { /* too late: it was given up */
			free(w->opening);
			w->opening = NULL;
			if (c.done >= 0)
				begin_close(w, (int)c.done);
		}
	}
	return true;
}

static void compact(struct conn_writer *w)
{
	memmove(w->buffer, w->buffer + w->from, w->to - w->from);
	w->to -= w->from;
	w->from = 0;
}

/* Appends what waits, until the file takes no more or takes its time. */
static void flush(struct conn_writer *w)
{
	uint64_t errors = w->stats.errors;
	unsigned patience = 0; /* with what an earlier run began */
	size_t left = MAX_TURN, want;

	while (settle(w, patience)) {
		want = w->to - w->from < MAX_WRITE ? w->to - w->from : MAX_WRITE;
		if (w->fd < 0 || want == 0 || left < want || w->stats.errors != errors)
			break;
		disk_begin(w->disk,
		    &(struct disk_call){
			.what = DISK_WRITE, .fd = w->fd, .from = w->buffer + w->from, .n = want });
		left -= want;
		patience = PATIENCE;
	}
	if (w->from > 0 && !(w->disk && disk_is_busy(w->disk)))
		compact(w);
}

/* The file is about to change, and nothing is under way: what the old one did not take, but for whole lines, is lost. */
static void leave_file(struct conn_writer *w, bool keep_lines)
{
	char *end;

	if (w->is_cut && w->to > 0) { /* its rest would make no sense elsewhere */
		end = memchr(w->buffer, '\n', w->to);
		w->from = end ? (size_t)(end + 1 - w->buffer) : w->to;
		w->stats.lost++;
		compact(w);
	}
	w->is_cut = false;
	if (!keep_lines) {
		w->stats.lost += count_lines(w->buffer, w->to);
		w->to = 0;
	}
	if (w->fd >= 0) {
		begin_close(w, w->fd);
		settle(w, PATIENCE);
	}
	w->fd = -1;
}

/* For good. What a write is at that does not return counts as lost. */
static void give_up_file(struct conn_writer *w)
{
	flush(w);
	if (settle(w, DECISION)) {
		compact(w);
		leave_file(w, false);
		return;
	}
	w->stats.lost += count_lines(w->buffer + w->from, w->to - w->from);
	w->from = w->to;
	w->fd = -1;
}

void conn_writer_free(struct conn_writer *w)
{
	if (!w)
		return;
	give_up_file(w);
	if (!disk_free(w->disk))
		return; /* the call that does not return may still read what is ours */
	for (unsigned i = 0; i < CONN_WRITER_RECENT; i++)
		free(w->recent[i]);
	free(w->path);
	free(w);
}

static int open_log(struct conn_writer *w, const char *path, struct err *e)
{
	struct disk_call c = { .what = DISK_OPEN };

	w->opening = strdup(path);
	if (!w->opening)
		return err_set(e, "out of memory");
	c.path = w->opening;
	disk_begin(w->disk, &c);
	if (!disk_wait(w->disk, DECISION, &c)) {
		w->stats.errors++;
		return err_set(
		    e, "log.connections: cannot open %s: the disk does not answer", path);
	}
	free(w->opening);
	w->opening = NULL;
	if (c.done >= 0)
		return (int)c.done;
	w->stats.errors++;
	return err_set(e, "log.connections: cannot open %s: %s", path, strerror(c.error));
}

/* So that the file can be changed. */
static int finish_writing(struct conn_writer *w, struct err *e)
{
	flush(w);
	if (settle(w, DECISION))
		return 0;
	return err_set(
	    e, "log.connections: the disk of %s does not answer", w->path ? w->path : w->opening);
}

int conn_writer_configure(struct conn_writer *w, const struct config_log *config, struct err *e)
{
	char *path = NULL;
	int fd = -1;

	if (config->path && w->path && strcmp(config->path, w->path) == 0) {
		w->format = config->format;
		return 0;
	}
	if (config->path && !w->disk) {
		w->disk = disk_new();
		if (!w->disk)
			return err_set(e, "log.connections: no thread to be had for the disk");
	}
	if (finish_writing(w, e) < 0)
		return -1;
	if (config->path) {
		path = strdup(config->path);
		fd = path ? open_log(w, path, e) : err_set(e, "out of memory");
		if (fd < 0) {
			free(path);
			return -1;
		}
	}
	leave_file(w, path != NULL);
	free(w->path);
	w->path = path;
	w->fd = fd;
	w->format = config->format;
	return 0;
}

int conn_writer_reopen(struct conn_writer *w, struct err *e)
{
	int fd;

	if (!w->path)
		return 0;
	if (finish_writing(w, e) < 0)
		return -1;
	fd = open_log(w, w->path, e);
	if (fd < 0)
		return -1;
	leave_file(w, true);
	w->fd = fd;
	return 0;
}

static void remember(struct conn_writer *w, const char *line, size_t len)
{
	char **at = &w->recent[w->n_lines++ % CONN_WRITER_RECENT];

	free(*at);
	*at = strndup(line, len - 1);
}

/* At most a buffer full; what is left stays in the rings. */
static void take(struct conn_writer *w, struct conn_ring *ring, const struct conn_clock *clock)
{
	const struct conn_record *r;
	size_t len;

	while ((r = conn_ring_first(ring)) != NULL) {
		if (w->fd >= 0) {
			if (BUFFER - w->to < CONN_LINE_MAX)
				flush(w);
			if (BUFFER - w->to < CONN_LINE_MAX)
				return;
			len = conn_log_line(r, w->format, clock, w->buffer + w->to);
			remember(w, w->buffer + w->to, len);
			w->to += len;
		}
		conn_ring_pop(ring);
	}
}

static void tell_of_hanging(struct conn_writer *w, uint64_t now_us)
{
	bool hangs = w->disk && disk_is_busy(w->disk);

	if (!hangs) {
		if (w->is_late)
			log_notice("the disk of %s answers again", w->path);
		w->is_late = false;
		w->hung_us = 0;
		return;
	}
	if (w->hung_us == 0)
		w->hung_us = now_us;
	if (w->is_late || now_us - w->hung_us < LATE_US)
		return;
	w->is_late = true;
	w->stats.errors++;
	log_error("the disk of %s does not answer; lines wait, then are lost",
	    w->path ? w->path : w->opening);
}

void conn_writer_run(struct conn_writer *w, struct conn_ring *const *rings, unsigned n,
    uint64_t wall_us, uint64_t worker_us)
{
	const struct conn_clock clock = { .wall_us = wall_us, .worker_us = worker_us };

	for (unsigned i = 0; i < n; i++)
		take(w, rings[i], &clock);
	flush(w);
	tell_of_hanging(w, worker_us);
}

static bool has_work(const struct conn_writer *w, struct conn_ring *const *rings, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (conn_ring_first(rings[i]))
			return true;
	return w->to > w->from;
}

void conn_writer_finish(struct conn_writer *w, struct conn_ring *const *rings, unsigned n,
    uint64_t wall_us, uint64_t worker_us)
{
	uint64_t errors;

	do {
		errors = w->stats.errors;
		conn_writer_run(w, rings, n, wall_us, worker_us);
	} while (settle(w, DECISION) && w->stats.errors == errors && has_work(w, rings, n));
	for (unsigned i = 0; i < n; i++)
		for (; conn_ring_first(rings[i]); conn_ring_pop(rings[i]))
			w->stats.lost++;
	give_up_file(w);
}

struct conn_writer_stats conn_writer_stats(const struct conn_writer *w)
{
	return w->stats;
}

bool conn_writer_recent(const struct conn_writer *w, uint64_t *oldest, uint64_t *next)
{
	*next = w->n_lines;
	*oldest = w->n_lines > CONN_WRITER_RECENT ? w->n_lines - CONN_WRITER_RECENT : 0;
	return w->path != NULL;
}

const char *conn_writer_line(const struct conn_writer *w, uint64_t number)
{
	if (number >= w->n_lines || w->n_lines - number > CONN_WRITER_RECENT)
		return NULL;
	return w->recent[number % CONN_WRITER_RECENT];
}
