/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/digest.h"

struct err;

/*
 * What survives a crash: the changes made since the configuration file was read, in a folder
 * (runtime.state_dir, mode 0700) of its own:
 *
 *   lock            held while a process uses the folder
 *   journal         "SPJRNL2\n", then records {u32 length, u32 CRC-32C, u64 generation, text}; the text of one that
 *                   puts certificates ends in their contents
 *   journal.new     being written; renamed over journal when complete and synced
 *   journal.damaged the journal before what could not be read was cut off
 *   certs/DIGEST    chain and key of a certificate put over the API, by the SHA-256 of the file, 0600
 *   files/DIGEST    a configuration file as it was read, likewise
 *
 * Numbers are little-endian; the CRC covers length, generation and text. A change is acknowledged only after
 * journal_append returned 0: the record, with all that it needs and that is not yet sure to be on disk, is
 * written and synced: once for each change. Contents get into their folder without waiting; what a crash lost there
 * is brought back from the journal by journal_open, and before old records go (journal_compact) all of it is synced. So
 * after a crash at any point every acknowledged change is there and none is there by half; one that was about to be
 * acknowledged may be there whole. A record cut short at the end is one that was never acknowledged: it is cut off with
 * a message. A damaged one with good ones behind it ends the history at the generation before it,
 * with a message, and the whole journal is kept beside it. A journal of "SPJRNL1\n", whose records never have
 * contents, is read all the same, and is one of "SPJRNL2\n" from then on.
 *
 * Control thread only.
 */
struct journal;

/* One generation, or (full) where a history begins. */
struct journal_record {
	uint64_t generation;
	int64_t time; /* seconds since the epoch */
	/*
	 * True: the state is the configuration file of digest file with the changes applied, whatever was before. False:
	 * the changes are applied to the generation before; file is the same as there.
	 */
	bool full;
	char file[DIGEST_TEXT];    /* of the configuration file the state rests on */
	char disk[DIGEST_TEXT];    /* of the one that was on disk then; differs after a rollback */
	char *action;              /* "change", "reload", "rollback to 7", "start", "watch" */
	char *who;                 /* "uid 0, pid 1234"; never NULL */
	char *key;                 /* Idempotency-Key, "" when none was given */
	char request[DIGEST_TEXT]; /* what was asked under it, or "" */
	char *changes;             /* change_print */
};

void journal_record_clear(struct journal_record *r);

struct journal_config {
	const char *dir;
	/*
	 * For tests: called before every step that leaves a trace on disk (arg, what comes next). NULL
	 * otherwise.
	 */
	void (*on_step)(void *arg, const char *step);
	void *arg;
};

/*
 * Opens or makes the folder and reads what is there. NULL with the reason in e (in use, not ours, no permission).
 * notes gets a message for each thing that was cut off or is damaged. The caller owns it.
 */
struct journal *journal_open(const struct journal_config *config, struct err *notes, struct err *e);

/* Closes and frees; NULL is fine. Nothing needs to be written: all that counts is on disk. */
void journal_close(struct journal *j);

/* The records read by journal_open or appended since, oldest first; the first one is full. Borrowed until the next call. */
const struct journal_record *journal_records(const struct journal *j, unsigned *n);

/* Chain and key of a certificate, under its digest; borrowed. */
struct journal_content {
	char name[DIGEST_TEXT];
	const void *data;
	size_t len;
};

/*
 * Writes r and the n contents that it names, and syncs them; takes r's strings when it succeeds. 0, or -1 with the reason in e:
 * then it is not in the journal (and if even that cannot be made sure, nothing more can be appended).
 */
int journal_append(struct journal *j, struct journal_record *r,
    const struct journal_content *contents, unsigned n, struct err *e);

/* Bytes of the journal; what journal_compact is decided by. */
size_t journal_size(const struct journal *j);

/*
 * Replaces the journal by first (full; its strings are taken when it succeeds) and those of the old records that are
 * newer, in one step. 0, or -1 with the reason in e: then the old one is in force.
 */
int journal_compact(struct journal *j, struct journal_record *first, struct err *e);

enum journal_kind {
	JOURNAL_CERTS,
	JOURNAL_FILES
};

/*
 * Stores len bytes under their digest, which goes to name; synced when it returns. 0, or -1 with the
 * reason in e.
 */
int journal_store(struct journal *j, enum journal_kind kind, const void *data, size_t len,
    char name[DIGEST_TEXT], struct err *e);

/*
 * The bytes stored under name, with a NUL behind them, or NULL with the reason in e, also when they are not
 * what name says. The caller wipes and frees them.
 */
char *journal_fetch(
    struct journal *j, enum journal_kind kind, const char *name, size_t *len, struct err *e);

/*
 * Marks everything stored for which keep(arg, name) is false: it may go, unless it is stored again before it does. Without
 * memory something stays until the next time.
 */
void journal_sweep(struct journal *j, enum journal_kind kind,
    bool (*keep)(void *arg, const char *name), void *arg);

/* Whether something is stored under that name, and is to stay. */
bool journal_has(const struct journal *j, enum journal_kind kind, const char *name);

/* Marks one that nothing names: as journal_sweep does. */
void journal_doom(struct journal *j, enum journal_kind kind, const char *name);

/* Removes up to max of what is marked: a few with every change, so that none of them has to wait for hundreds. */
void journal_tidy(struct journal *j, unsigned max);

/*
 * Calls visit for each content in the records of a journal, all len bytes of which journal_read has found good. Stops when it
 * returns non-zero, and returns that.
 */
int journal_contents(const uint8_t *data, size_t len,
    int (*visit)(void *arg, const struct journal_content *c), void *arg);

/*
 * Reads the records in len bytes of a journal (for journal_open, and for fuzzing). *good: bytes up to
 * the first that could not be used. Returns an array of *n records that the caller clears and
 * frees, or NULL: no memory.
 */
struct journal_record *
journal_read(const uint8_t *data, size_t len, unsigned *n, size_t *good, struct err *notes);
