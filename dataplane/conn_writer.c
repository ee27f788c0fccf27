/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/conn_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/err.h"
#include "dataplane/base/log.h"
#include "dataplane/proxy/conn_log.h"

#define BUFFER    (1024 * 1024)
#define MAX_WRITE (64 * 1024)
#define MAX_TURN  (512 * 1024) /* in one run: the control thread has other things to do */

struct conn_writer {
	int fd; /* -1: nowhere to write to */
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

/* Appends what waits, until the file takes no more. */
static void flush(struct conn_writer *w)
{
	size_t most = w->from + MAX_TURN;

	while (w->fd >= 0 && w->from < w->to && w->from < most) {
		size_t want = w->to - w->from < MAX_WRITE ? w->to - w->from : MAX_WRITE;
		ssize_t n = write(w->fd, w->buffer + w->from, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			w->stats.errors++;
			if (errno != EAGAIN)
				log_error("cannot write %s: %s; lines wait, then are lost", w->path,
				    strerror(errno));
			break;
		}
		w->stats.lines += count_lines(w->buffer + w->from, (size_t)n);
		w->from += (size_t)n;
		w->is_cut = w->buffer[w->from - 1] != '\n';
	}
	if (w->from > 0) {
		memmove(w->buffer, w->buffer + w->from, w->to - w->from);
		w->to -= w->from;
		w->from = 0;
	}
}

/* The file is about to change: what the old one does not take, but for whole lines, is lost. */
static void leave_file(struct conn_writer *w, bool keep_lines)
{
	char *end;

	flush(w);
	if (w->is_cut && w->to > 0) { /* its rest would make no sense elsewhere */
		end = memchr(w->buffer, '\n', w->to);
		w->from = end ? (size_t)(end + 1 - w->buffer) : w->to;
		w->stats.lost++;
		memmove(w->buffer, w->buffer + w->from, w->to - w->from);
		w->to -= w->from;
		w->from = 0;
	}
	w->is_cut = false;
	if (!keep_lines) {
		w->stats.lost += count_lines(w->buffer, w->to);
		w->to = 0;
	}
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

void conn_writer_free(struct conn_writer *w)
{
	if (!w)
		return;
	leave_file(w, false);
	for (unsigned i = 0; i < CONN_WRITER_RECENT; i++)
		free(w->recent[i]);
	free(w->path);
	free(w);
}

/* O_NONBLOCK matters for a pipe whose reader sleeps. */
static int open_log(struct conn_writer *w, const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);

	if (fd >= 0)
		return fd;
	w->stats.errors++;
	return err_set(e, "log.connections: cannot open %s: %s", path, strerror(errno));
}

int conn_writer_configure(struct conn_writer *w, const struct config_log *config, struct err *e)
{
	char *path = NULL;
	int fd = -1;

	if (config->path && w->path && strcmp(config->path, w->path) == 0) {
		w->format = config->format;
		return 0;
	}
	if (config->path) {
		fd = open_log(w, config->path, e);
		path = fd >= 0 ? strdup(config->path) : NULL;
		if (fd >= 0 && !path)
			close(fd);
		if (!path)
			return e->n ? -1 : err_set(e, "out of memory");
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

void conn_writer_run(struct conn_writer *w, struct conn_ring *const *rings, unsigned n,
    uint64_t wall_us, uint64_t worker_us)
{
	const struct conn_clock clock = { .wall_us = wall_us, .worker_us = worker_us };

	for (unsigned i = 0; i < n; i++)
		take(w, rings[i], &clock);
	flush(w);
}

static bool has_work(const struct conn_writer *w, struct conn_ring *const *rings, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (conn_ring_first(rings[i]))
			return true;
	return w->to > 0;
}

void conn_writer_finish(struct conn_writer *w, struct conn_ring *const *rings, unsigned n,
    uint64_t wall_us, uint64_t worker_us)
{
	uint64_t errors;

	do {
		errors = w->stats.errors;
		conn_writer_run(w, rings, n, wall_us, worker_us);
	} while (w->stats.errors == errors && has_work(w, rings, n));
	for (unsigned i = 0; i < n; i++)
		for (; conn_ring_first(rings[i]); conn_ring_pop(rings[i]))
			w->stats.lost++;
	leave_file(w, false);
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
