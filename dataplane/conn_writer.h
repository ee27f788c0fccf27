/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct config_log;
struct conn_ring;
struct err;

/*
 * Writes the connection log: takes records from the workers' rings, makes lines, appends them to a file. Control thread
 * only. While the file takes nothing, lines wait here, then records in the rings, and then workers count
 * what is lost: they never wait.
 */
struct conn_writer;

struct conn_writer_stats {
	uint64_t lines;  /* written whole */
	uint64_t lost;   /* not written: the file was given up with lines waiting */
	uint64_t errors; /* of write and open */
};

/* Makes one without a file; the caller owns it. NULL: no memory. */
struct conn_writer *conn_writer_new(void);

/* Writes what can still be written and frees it; NULL is fine. */
void conn_writer_free(struct conn_writer *w);

/*
 * Writes to config's path in its format from now on (path NULL: nowhere); the same path stays open. config is
 * copied. 0, or -1 with the reason in e: then it goes on with the file it had.
 */
int conn_writer_configure(struct conn_writer *w, const struct config_log *config, struct err *e);

/*
 * Opens the path again, for after a rename. Lines that waited go to the old file if it takes them. 0, or -1 with the
 * reason in e: then it goes on with the old file.
 */
int conn_writer_reopen(struct conn_writer *w, struct err *e);

/*
 * Takes what n rings hold, as long as there is room, and writes. wall_us and worker_us are the same
 * moment on both clocks (conn_log.h).
 */
void conn_writer_run(struct conn_writer *w, struct conn_ring *const *rings, unsigned n,
    uint64_t wall_us, uint64_t worker_us);

/*
 * The last run: goes on until the rings are empty and all is written, or the file takes nothing. What is left then is
 * lost, and the file closed.
 */
void conn_writer_finish(struct conn_writer *w, struct conn_ring *const *rings, unsigned n,
    uint64_t wall_us, uint64_t worker_us);

struct conn_writer_stats conn_writer_stats(const struct conn_writer *w);

#define CONN_WRITER_RECENT 512

/*
 * The last lines that were made, also those a full disk did not take, numbered from the start of the program on: *oldest
 * up to, not including, *next. False: there is no log.
 */
bool conn_writer_recent(const struct conn_writer *w, uint64_t *oldest, uint64_t *next);

/* One of them without its newline; NULL when it is not remembered any more. Borrowed until conn_writer_run. */
const char *conn_writer_line(const struct conn_writer *w, uint64_t number);
