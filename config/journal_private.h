/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "config/journal.h"

/* Between the files of struct journal. */

#define JOURNAL_N_KINDS 2

/* Something stored, by its digest. */
struct journal_name {
	enum journal_kind kind;
	char name[DIGEST_TEXT];
};

struct journal_names {
	struct journal_name *at;
	unsigned n, room;
};

struct journal {
	struct journal_config config;
	char *path;                  /* of the folder, for messages */
	int dir;                     /* the folder */
	int stores[JOURNAL_N_KINDS]; /* its folders */
	int lock, file;
	off_t size;
	bool is_broken; /* the end of the file is unknown: nothing may be appended */
	struct journal_record *records;
	unsigned n, room;
	struct journal_names doomed; /* nothing needs them any more */
	struct journal_names
	    unsynced; /* in their folder, but so far only sure to be in the journal */
};

/* The names of the folders, by kind. */
extern const char *const journal_folders[JOURNAL_N_KINDS];

/* Calls on_step. */
void journal_step(const struct journal *j, const char *what);

/* "cannot WHAT FOLDER/NAME: ERRNO"; -1. */
int journal_complain(const struct journal *j, const char *what, const char *name, struct err *e);

int journal_write_all(int fd, const void *data, size_t len);

/* All of a file below dir, with a NUL behind it; NULL with errno. The caller frees it. */
char *journal_read_all(int dir, const char *name, size_t max, size_t *len);

/*
 * Writes a file of that name whole or not at all: written under temporary and renamed; when synced, both the file and
 * its name are on disk afterwards. Returns the open file or -1 with errno.
 */
int journal_write_file(struct journal *j, int dir, const char *temporary, const char *name,
    const struct iovec *pieces, unsigned n, bool synced);

/* Adds a name, once; 0 or -1: no memory. */
int journal_names_add(struct journal_names *names, enum journal_kind kind, const char *name);
void journal_names_remove(struct journal_names *names, enum journal_kind kind, const char *name);
bool journal_names_have(
    const struct journal_names *names, enum journal_kind kind, const char *name);

/*
 * Puts c into its folder, without waiting for the disk. 1: the record that needs it must bring it along; 0: it is on
 * disk; -1 with the reason in e.
 */
int journal_keep(struct journal *j, const struct journal_content *c, struct err *e);

/* Brings back what records brought along and a crash may have lost. data: of the journal, len bytes that are good. */
int journal_restore(struct journal *j, const uint8_t *data, size_t len, struct err *e);

/* Waits until all that is unsynced is on disk. 0, or -1 with the reason in e. */
int journal_sync_contents(struct journal *j, struct err *e);
