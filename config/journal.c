/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/err.h"
#include "config/journal_private.h"
#include "config/journal_record.h"

#define MAX_JOURNAL (2048ULL << 20)

const char *const
    journal_folders[JOURNAL_N_KINDS] = { [JOURNAL_CERTS] = "certs", [JOURNAL_FILES] = "files" };

/* --- opening --- */

/* A folder of ours alone: keys are in it. */
static int open_folder(struct journal *j, int at, const char *name, struct err *e)
{
	struct stat s;
	int fd;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return journal_complain(j, "make", name, e);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) < 0) {
		journal_complain(j, "open", name, e);
		goto fail;
	}
	if (s.st_mode & 077) {
		err_set(e,
		    "%s/%s may be used by others (mode %04o); keys are kept there: chmod 0700",
		    j->path, name, s.st_mode & 07777);
		goto fail;
	}
	if (s.st_uid != geteuid() && geteuid() != 0) {
		err_set(
		    e, "%s/%s belongs to user %u, not to %u", j->path, name, s.st_uid, geteuid());
		goto fail;
	}
	return fd;
fail:
	if (fd >= 0)
		close(fd);
	return -1;
}

static int open_folders(struct journal *j, struct err *e)
{
	j->dir = open_folder(j, AT_FDCWD, j->config.dir, e);
	if (j->dir < 0)
		return -1;
	j->lock = openat(j->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->lock < 0)
		return journal_complain(j, "open", "lock", e);
	if (flock(j->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(
		    e, "%s is in use by another process: one state_dir per daemon", j->path);
	for (unsigned i = 0; i < JOURNAL_N_KINDS; i++) {
		j->stores[i] = open_folder(j, j->dir, journal_folders[i], e);
		if (j->stores[i] < 0)
			return -1;
	}
	return 0;
}

static int make_empty(struct journal *j, struct err *e)
{
	const struct iovec magic = { (void *)(uintptr_t)JOURNAL_MAGIC, JOURNAL_MAGIC_LEN };

	j->file = journal_write_file(j, j->dir, "journal.new", "journal", &magic, 1, true);
	j->size = JOURNAL_MAGIC_LEN;
	return j->file < 0 ? journal_complain(j, "make", "journal", e) : 0;
}

/* What is no journal at all is kept for whoever wants to look at it. */
static int put_aside(struct journal *j, struct err *e)
{
	return renameat(j->dir, "journal", j->dir, "journal.damaged") == 0
	    ? 0
	    : journal_complain(j, "rename", "journal", e);
}

/* So is what is about to be cut off. */
static int copy_aside(struct journal *j, const char *data, size_t len, struct err *e)
{
	const struct iovec all = { (void *)(uintptr_t)data, len };
	int fd = journal_write_file(j, j->dir, "journal.new", "journal.damaged", &all, 1, true);

	if (fd < 0)
		return journal_complain(j, "write", "journal.damaged", e);
	close(fd);
	return 0;
}

/* The good part of a journal of the form before: what will be appended needs the new one. */
static int renew(struct journal *j, const char *data, size_t good, struct err *e)
{
	const struct iovec all[] = { { (void *)(uintptr_t)JOURNAL_MAGIC, JOURNAL_MAGIC_LEN },
		{ (void *)(uintptr_t)(data + JOURNAL_MAGIC_LEN), good - JOURNAL_MAGIC_LEN } };

	j->file = journal_write_file(j, j->dir, "journal.new", "journal", all, 2, true);
	j->size = (off_t)good;
	return j->file < 0 ? journal_complain(j, "write", "journal.new", e) : 0;
}

static int open_file(struct journal *j, struct err *notes, struct err *e)
{
	size_t len = 0, good;
	char *data = journal_read_all(j->dir, "journal", MAX_JOURNAL, &len);
	int result = -1;

	if (!data)
		return errno == ENOENT ? make_empty(j, e)
				       : journal_complain(j, "read", "journal", e);
	j->records = journal_read((const uint8_t *)data, len, &j->n, &good, notes);
	j->room = j->n;
	if (!j->records) {
		err_set(e, "out of memory for the journal");
		goto out;
	}
	if (good == 0) {
		result = put_aside(j, e) == 0 ? make_empty(j, e) : -1;
		goto out;
	}
	if (good < len && copy_aside(j, data, len, e) < 0)
		goto out;
	if (journal_restore(j, (const uint8_t *)data, good, e) < 0)
		goto out;
	if (memcmp(data, JOURNAL_MAGIC, JOURNAL_MAGIC_LEN) != 0) {
		result = renew(j, data, good, e);
		goto out;
	}
	j->file = openat(j->dir, "journal", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (j->file < 0) {
		journal_complain(j, "open", "journal", e);
		goto out;
	}
	j->size = (off_t)good;
	if (good < len && (ftruncate(j->file, j->size) < 0 || fsync(j->file) < 0)) {
		journal_complain(j, "cut", "journal", e);
		goto out;
	}
	result = 0;
out:
	explicit_bzero(data, len);
	free(data);
	return result;
}

struct journal *journal_open(const struct journal_config *config, struct err *notes, struct err *e)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j) {
		err_set(e, "out of memory");
		return NULL;
	}
	j->config = *config;
	j->dir = j->lock = j->file = -1;
	for (unsigned i = 0; i < JOURNAL_N_KINDS; i++)
		j->stores[i] = -1;
	j->path = strdup(config->dir);
	if (!j->path)
		err_set(e, "out of memory");
	else if (open_folders(j, e) == 0 && open_file(j, notes, e) == 0)
		return j;
	journal_close(j);
	return NULL;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	for (unsigned i = 0; i < j->n; i++)
		journal_record_clear(&j->records[i]);
	free(j->doomed.at);
	free(j->unsynced.at);
	for (unsigned i = 0; i < JOURNAL_N_KINDS; i++)
		if (j->stores[i] >= 0)
			close(j->stores[i]);
	if (j->file >= 0)
		close(j->file);
	if (j->lock >= 0)
		close(j->lock);
	if (j->dir >= 0)
		close(j->dir);
	free(j->records);
	free(j->path);
	free(j);
}

/* --- records --- */

const struct journal_record *journal_records(const struct journal *j, unsigned *n)
{
	*n = j->n;
	return j->records;
}

size_t journal_size(const struct journal *j)
{
	return (size_t)j->size;
}

static int remember(struct journal *j, struct err *e)
{
	struct journal_record *more;

	if (j->n < j->room)
		return 0;
	more = reallocarray(j->records, j->room * 2 + 8, sizeof(*more));
	if (!more)
		return err_set(e, "out of memory for the journal");
	j->records = more;
	j->room = j->room * 2 + 8;
	return 0;
}

/* The record may be there by half: takes the file back to what it was. */
static void take_back(struct journal *j)
{
	if (ftruncate(j->file, j->size) < 0 || fsync(j->file) < 0)
		j->is_broken = true;
}

static int append_bytes(struct journal *j, const uint8_t *record, size_t len, struct err *e)
{
	journal_step(j, "append");
	if (lseek(j->file, j->size, SEEK_SET) < 0 || journal_write_all(j->file, record, len) < 0) {
		journal_complain(j, "write", "journal", e);
		take_back(j);
		return -1;
	}
	journal_step(j, "sync the record");
	if (fdatasync(j->file) < 0) {
		journal_complain(j, "sync", "journal", e);
		take_back(j);
		return -1;
	}
	j->size += (off_t)len;
	return 0;
}

/* Of the contents those that the record must bring along, in their order, to *to (the caller's); -1: e. */
static int keep_contents(struct journal *j, const struct journal_content *contents, unsigned n,
    struct journal_content **to, struct err *e)
{
	int n_brought = 0;

	*to = calloc(n + 1, sizeof(**to));
	if (!*to)
		return err_set(e, "out of memory for the journal");
	for (unsigned i = 0; i < n; i++) {
		int brings = journal_keep(j, &contents[i], e);

		if (brings < 0)
			return -1;
		if (brings)
			(*to)[n_brought++] = contents[i];
	}
	return n_brought;
}

static int append_record(struct journal *j, const struct journal_record *r,
    const struct journal_content *contents, unsigned n, struct err *e)
{
	uint8_t *record;
	size_t len;
	int result;

	record = journal_encode(r, contents, n, &len);
	if (!record)
		return err_set(
		    e, "out of memory, or a change of more than %u MB", JOURNAL_MAX_RECORD >> 20);
	result = append_bytes(j, record, len, e);
	explicit_bzero(record, len);
	free(record);
	return result;
}

int journal_append(struct journal *j, struct journal_record *r,
    const struct journal_content *contents, unsigned n, struct err *e)
{
	struct journal_content *brought = NULL;
	int n_brought, result = -1;

	if (j->is_broken)
		return err_set(e,
		    "%s/journal is in an unknown state after an error; restart to read it again",
		    j->path);
	if (remember(j, e) < 0)
		return -1;
	n_brought = keep_contents(j, contents, n, &brought, e);
	if (n_brought >= 0)
		result = append_record(j, r, brought, (unsigned)n_brought, e);
	free(brought);
	if (result < 0)
		return -1;
	j->records[j->n++] = *r;
	memset(r, 0, sizeof(*r));
	journal_step(j, "acknowledge");
	return 0;
}

/* The records of j newer than first, behind first, as the pieces of a file; pieces[0] is the magic. */
static unsigned encode_all(
    struct journal *j, const struct journal_record *first, unsigned from, struct iovec *pieces)
{
	unsigned n = 1;

	pieces[0] = (struct iovec){ (void *)(uintptr_t)JOURNAL_MAGIC, JOURNAL_MAGIC_LEN };
	for (unsigned i = from; i <= j->n; i++, n++) {
		const struct journal_record *r = i == from ? first : &j->records[i - 1];

		pieces[n].iov_base = journal_encode(r, NULL, 0, &pieces[n].iov_len);
		if (!pieces[n].iov_base)
			return n;
	}
	return n;
}

/* first stands for all records before the one at from. */
static void forget_old(struct journal *j, struct journal_record *first, unsigned from)
{
	for (unsigned i = 0; i < from; i++)
		journal_record_clear(&j->records[i]);
	memmove(j->records + 1, j->records + from, (j->n - from) * sizeof(*j->records));
	j->records[0] = *first;
	memset(first, 0, sizeof(*first));
	j->n = j->n - from + 1;
}

static bool is_in_force(const struct journal *j)
{
	struct stat open, named;

	return fstat(j->file, &open) == 0 &&
	    fstatat(j->dir, "journal", &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    open.st_ino == named.st_ino;
}

int journal_compact(struct journal *j, struct journal_record *first, struct err *e)
{
	struct iovec *pieces;
	unsigned from = 0, n;
	off_t size = 0;
	int fd = -1;

	/* The records that brought contents along go. */
	if (journal_sync_contents(j, e) < 0)
		return -1;
	while (from < j->n && j->records[from].generation <= first->generation)
		from++;
	pieces = calloc(j->n - from + 2, sizeof(*pieces));
	if (!pieces || from == 0) {
		free(pieces);
		return err_set(e, "the journal cannot be made shorter");
	}
	n = encode_all(j, first, from, pieces);
	if (n == j->n - from + 2)
		fd = journal_write_file(j, j->dir, "journal.new", "journal", pieces, n, true);
	for (unsigned i = 0; i < n; i++) {
		size += (off_t)pieces[i].iov_len;
		if (i > 0)
			free(pieces[i].iov_base);
	}
	free(pieces);
	if (fd < 0) {
		journal_complain(j, "write", "journal.new", e);
		/* When only the last sync failed, the name is the new file's already. */
		j->is_broken = j->is_broken || !is_in_force(j);
		return -1;
	}
	close(j->file);
	j->file = fd;
	j->size = size;
	j->is_broken = false;
	forget_old(j, first, from);
	return 0;
}
