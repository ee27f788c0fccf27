/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "config/err.h"
#include "config/journal_record.h"

#define MAX_JOURNAL (2048ULL << 20)
#define MAX_STORED  (16u << 20)

static const char *const folders[] = { [JOURNAL_CERTS] = "certs", [JOURNAL_FILES] = "files" };
#define N_FOLDERS (sizeof(folders) / sizeof(folders[0]))

/* Something stored that nothing needs any more. */
struct doomed {
	enum journal_kind kind;
	char name[DIGEST_TEXT];
};

struct journal {
	struct journal_config config;
	char *path;            /* of the folder, for messages */
	int dir;               /* the folder */
	int stores[N_FOLDERS]; /* its folders */
	int lock, file;
	off_t size;
	bool is_broken; /* the end of the file is unknown: nothing may be appended */
	struct journal_record *records;
	unsigned n, room;
	struct doomed *doomed;
	unsigned n_doomed, doomed_room;
};

static void step(struct journal *j, const char *what)
{
	if (j->config.on_step)
		j->config.on_step(j->config.arg, what);
}

static int complain(const struct journal *j, const char *what, const char *name, struct err *e)
{
	return err_set(e, "cannot %s %s/%s: %s", what, j->path, name, strerror(errno));
}

/* --- bytes --- */

static int write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* All of a file below dir, with a NUL behind it; NULL with errno. The caller frees it. */
static char *read_all(int dir, const char *name, size_t max, size_t *len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *data = NULL;
	struct stat s;
	size_t done = 0;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size >= 0 && (size_t)s.st_size <= max)
		data = malloc((size_t)s.st_size + 1);
	else
		errno = EFBIG;
	while (data && done < (size_t)s.st_size && n > 0) {
		n = read(fd, data + done, (size_t)s.st_size - done);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	close(fd);
	if (data && n < 0) {
		free(data);
		return NULL;
	}
	if (data)
		data[done] = '\0';
	*len = done;
	return data;
}

/*
 * Writes a file of that name whole or not at all: written under temporary, synced, renamed,
 * the name synced. Returns the open file or -1 with errno.
 */
static int write_file(struct journal *j, int dir, const char *temporary, const char *name,
    const struct iovec *pieces, unsigned n)
{
	int fd, why;

	step(j, "create");
	fd = openat(dir, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		step(j, "write");
		if (write_all(fd, pieces[i].iov_base, pieces[i].iov_len) < 0)
			goto fail;
	}
	step(j, "sync");
	if (fsync(fd) < 0)
		goto fail;
	step(j, "rename");
	if (renameat(dir, temporary, dir, name) < 0)
		goto fail;
	step(j, "sync the folder");
	if (fsync(dir) == 0)
		return fd;
	why = errno;
	close(fd);
	errno = why;
	return -1;
fail:
	why = errno;
	close(fd);
	unlinkat(dir, temporary, 0);
	errno = why;
	return -1;
}

/* --- opening --- */

/* A folder of ours alone: keys are in it. */
static int open_folder(struct journal *j, int at, const char *name, struct err *e)
{
	struct stat s;
	int fd;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return complain(j, "make", name, e);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) < 0) {
		complain(j, "open", name, e);
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
		return complain(j, "open", "lock", e);
	if (flock(j->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(
		    e, "%s is in use by another process: one state_dir per daemon", j->path);
	for (unsigned i = 0; i < N_FOLDERS; i++) {
		j->stores[i] = open_folder(j, j->dir, folders[i], e);
		if (j->stores[i] < 0)
			return -1;
	}
	return 0;
}

static int make_empty(struct journal *j, struct err *e)
{
	const struct iovec magic = { (void *)(uintptr_t)JOURNAL_MAGIC, JOURNAL_MAGIC_LEN };

	j->file = write_file(j, j->dir, "journal.new", "journal", &magic, 1);
	j->size = JOURNAL_MAGIC_LEN;
	return j->file < 0 ? complain(j, "make", "journal", e) : 0;
}

/* What is no journal at all is kept for whoever wants to look at it. */
static int put_aside(struct journal *j, struct err *e)
{
	return renameat(j->dir, "journal", j->dir, "journal.damaged") == 0
	    ? 0
	    : complain(j, "rename", "journal", e);
}

/* So is what is about to be cut off. */
static int copy_aside(struct journal *j, const char *data, size_t len, struct err *e)
{
	const struct iovec all = { (void *)(uintptr_t)data, len };
	int fd = write_file(j, j->dir, "journal.new", "journal.damaged", &all, 1);

	if (fd < 0)
		return complain(j, "write", "journal.damaged", e);
	close(fd);
	return 0;
}

static int open_file(struct journal *j, struct err *notes, struct err *e)
{
	size_t len = 0, good;
	char *data = read_all(j->dir, "journal", MAX_JOURNAL, &len);
	int result = -1;

	if (!data)
		return errno == ENOENT ? make_empty(j, e) : complain(j, "read", "journal", e);
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
	j->file = openat(j->dir, "journal", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (j->file < 0) {
		complain(j, "open", "journal", e);
		goto out;
	}
	j->size = (off_t)good;
	if (good < len && (ftruncate(j->file, j->size) < 0 || fsync(j->file) < 0)) {
		complain(j, "cut", "journal", e);
		goto out;
	}
	result = 0;
out:
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
	for (unsigned i = 0; i < N_FOLDERS; i++)
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
	free(j->doomed);
	for (unsigned i = 0; i < N_FOLDERS; i++)
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
	step(j, "append");
	if (lseek(j->file, j->size, SEEK_SET) < 0 || write_all(j->file, record, len) < 0) {
		complain(j, "write", "journal", e);
		take_back(j);
		return -1;
	}
	step(j, "sync the record");
	if (fdatasync(j->file) < 0) {
		complain(j, "sync", "journal", e);
		take_back(j);
		return -1;
	}
	j->size += (off_t)len;
	return 0;
}

int journal_append(struct journal *j, struct journal_record *r, struct err *e)
{
	uint8_t *record;
	size_t len;
	int result;

	if (j->is_broken)
		return err_set(e,
		    "%s/journal is in an unknown state after an error; restart to read it again",
		    j->path);
	if (remember(j, e) < 0)
		return -1;
	record = journal_encode(r, &len);
	if (!record)
		return err_set(
		    e, "out of memory, or a change of more than %u MB", JOURNAL_MAX_RECORD >> 20);
	result = append_bytes(j, record, len, e);
	free(record);
	if (result < 0)
		return -1;
	j->records[j->n++] = *r;
	memset(r, 0, sizeof(*r));
	step(j, "acknowledge");
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

		pieces[n].iov_base = journal_encode(r, &pieces[n].iov_len);
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

	while (from < j->n && j->records[from].generation <= first->generation)
		from++;
	pieces = calloc(j->n - from + 2, sizeof(*pieces));
	if (!pieces || from == 0) {
		free(pieces);
		return err_set(e, "the journal cannot be made shorter");
	}
	n = encode_all(j, first, from, pieces);
	if (n == j->n - from + 2)
		fd = write_file(j, j->dir, "journal.new", "journal", pieces, n);
	for (unsigned i = 0; i < n; i++) {
		size += (off_t)pieces[i].iov_len;
		if (i > 0)
			free(pieces[i].iov_base);
	}
	free(pieces);
	if (fd < 0) {
		complain(j, "write", "journal.new", e);
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

/* --- contents --- */

/* It is wanted again. */
static void spare(struct journal *j, enum journal_kind kind, const char *name)
{
	for (unsigned i = 0; i < j->n_doomed; i++)
		if (j->doomed[i].kind == kind && strcmp(j->doomed[i].name, name) == 0)
			j->doomed[i--] = j->doomed[--j->n_doomed];
}

int journal_store(struct journal *j, enum journal_kind kind, const void *data, size_t len,
    char name[DIGEST_TEXT], struct err *e)
{
	const struct iovec all = { (void *)(uintptr_t)data, len };
	struct stat s;
	int fd;

	if (len > MAX_STORED)
		return err_set(
		    e, "%zu bytes are more than the %u MB that are stored", len, MAX_STORED >> 20);
	sha256_text(data, len, name);
	spare(j, kind, name);
	/* It got its name only when it was whole. */
	if (fstatat(j->stores[kind], name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (size_t)s.st_size == len)
		return 0;
	fd = write_file(j, j->stores[kind], "new", name, &all, 1);
	if (fd < 0)
		return complain(j, "write", folders[kind], e);
	close(fd);
	return 0;
}

char *journal_fetch(
    struct journal *j, enum journal_kind kind, const char *name, size_t *len, struct err *e)
{
	char *data = read_all(j->stores[kind], name, MAX_STORED, len), is[DIGEST_TEXT];

	if (!data) {
		err_set(
		    e, "cannot read %s/%s/%s: %s", j->path, folders[kind], name, strerror(errno));
		return NULL;
	}
	if (strcmp(sha256_text(data, *len, is), name) == 0)
		return data;
	err_set(e, "%s/%s/%s is damaged", j->path, folders[kind], name);
	explicit_bzero(data, *len);
	free(data);
	return NULL;
}

static void doom(struct journal *j, enum journal_kind kind, const char *name)
{
	struct doomed *more;
	size_t len = strlen(name);

	if (len >= sizeof(more->name)) /* none of ours */
		return;
	if (j->n_doomed == j->doomed_room) {
		more = reallocarray(j->doomed, 2 * j->doomed_room + 64, sizeof(*more));
		if (!more)
			return;
		j->doomed = more;
		j->doomed_room = 2 * j->doomed_room + 64;
	}
	more = &j->doomed[j->n_doomed++];
	more->kind = kind;
	memcpy(more->name, name, len + 1);
}

void journal_sweep(
    struct journal *j, enum journal_kind kind, bool (*keep)(void *arg, const char *name), void *arg)
{
	int fd = openat(j->stores[kind], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (unsigned i = 0; i < j->n_doomed; i++)
		if (j->doomed[i].kind == kind)
			j->doomed[i--] = j->doomed[--j->n_doomed];
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.' && !keep(arg, entry->d_name))
			doom(j, kind, entry->d_name);
	closedir(d);
}

void journal_tidy(struct journal *j, unsigned max)
{
	for (; max > 0 && j->n_doomed > 0; max--) {
		const struct doomed *d = &j->doomed[--j->n_doomed];

		step(j, "sweep");
		unlinkat(j->stores[d->kind], d->name, 0);
	}
}
