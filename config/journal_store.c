/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/err.h"
#include "config/journal_private.h"
#include "config/journal_record.h"

/* Contents and files by their digest, in folders beside the journal. */

#define MAX_STORED (16u << 20)

/* --- names --- */

bool journal_names_have(const struct journal_names *names, enum journal_kind kind, const char *name)
{
	for (unsigned i = 0; i < names->n; i++)
		if (names->at[i].kind == kind && strcmp(names->at[i].name, name) == 0)
			return true;
	return false;
}

void journal_names_remove(struct journal_names *names, enum journal_kind kind, const char *name)
{
	for (unsigned i = 0; i < names->n; i++)
		if (names->at[i].kind == kind && strcmp(names->at[i].name, name) == 0)
			names->at[i--] = names->at[--names->n];
}

/* It may be there already. */
static int names_push(struct journal_names *names, enum journal_kind kind, const char *name)
{
	unsigned room = 2 * names->room + 64;

	if (names->n == names->room) {
		struct journal_name *more = reallocarray(names->at, room, sizeof(*more));

		if (!more)
			return -1;
		names->at = more;
		names->room = room;
	}
	names->at[names->n].kind = kind;
	strcpy(names->at[names->n++].name, name);
	return 0;
}

int journal_names_add(struct journal_names *names, enum journal_kind kind, const char *name)
{
	return journal_names_have(names, kind, name) ? 0 : names_push(names, kind, name);
}

/* --- storing --- */

static int check_size(size_t len, struct err *e)
{
	return len <= MAX_STORED ? 0
				 : err_set(e, "%zu bytes are more than the %u MB that are stored",
				       len, MAX_STORED >> 20);
}

/* It got its name only when it was whole. */
static bool is_there(const struct journal *j, enum journal_kind kind, const char *name, size_t len)
{
	struct stat s;

	return fstatat(j->stores[kind], name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (size_t)s.st_size == len;
}

static int put_file(struct journal *j, enum journal_kind kind, const char *name, const void *data,
    size_t len, bool synced, struct err *e)
{
	const struct iovec all = { (void *)(uintptr_t)data, len };
	int fd = journal_write_file(j, j->stores[kind], "new", name, &all, 1, synced);

	if (fd < 0)
		return journal_complain(j, "write", journal_folders[kind], e);
	close(fd);
	return 0;
}

int journal_store(struct journal *j, enum journal_kind kind, const void *data, size_t len,
    char name[DIGEST_TEXT], struct err *e)
{
	if (check_size(len, e) < 0)
		return -1;
	sha256_text(data, len, name);
	journal_names_remove(&j->doomed, kind, name);
	if (is_there(j, kind, name, len) && !journal_names_have(&j->unsynced, kind, name))
		return 0;
	if (put_file(j, kind, name, data, len, true, e) < 0)
		return -1;
	journal_names_remove(&j->unsynced, kind, name);
	return 0;
}

int journal_keep(struct journal *j, const struct journal_content *c, struct err *e)
{
	const enum journal_kind kind = JOURNAL_CERTS;

	if (check_size(c->len, e) < 0)
		return -1;
	journal_names_remove(&j->doomed, kind, c->name);
	if (is_there(j, kind, c->name, c->len))
		return journal_names_have(&j->unsynced, kind, c->name);
	/* Noted first: one that is there and not noted counts as being on disk. */
	if (journal_names_add(&j->unsynced, kind, c->name) < 0)
		return err_set(e, "out of memory for the journal");
	return put_file(j, kind, c->name, c->data, c->len, false, e) < 0 ? -1 : 1;
}

int journal_sync_contents(struct journal *j, struct err *e)
{
	if (j->unsynced.n == 0)
		return 0;
	journal_step(j, "sync the contents");
	if (syncfs(j->dir) < 0)
		return journal_complain(j, "sync", "certs", e);
	j->unsynced.n = 0;
	return 0;
}

char *journal_fetch(
    struct journal *j, enum journal_kind kind, const char *name, size_t *len, struct err *e)
{
	char *data = journal_read_all(j->stores[kind], name, MAX_STORED, len), is[DIGEST_TEXT];

	if (!data) {
		err_set(e, "cannot read %s/%s/%s: %s", j->path, journal_folders[kind], name,
		    strerror(errno));
		return NULL;
	}
	if (strcmp(sha256_text(data, *len, is), name) == 0)
		return data;
	err_set(e, "%s/%s/%s is damaged", j->path, journal_folders[kind], name);
	explicit_bzero(data, *len);
	free(data);
	return NULL;
}

/* --- after a crash --- */

struct restore {
	struct journal *j;
	struct err *e;
};

static int restore_one(void *arg, const struct journal_content *c)
{
	static struct err ignored;
	struct restore *r = arg;
	size_t len;
	char *there;

	if (journal_names_add(&r->j->unsynced, JOURNAL_CERTS, c->name) < 0)
		return err_set(r->e, "out of memory for the journal");
	err_init(&ignored);
	there = journal_fetch(r->j, JOURNAL_CERTS, c->name, &len, &ignored);
	if (there) {
		explicit_bzero(there, len);
		free(there);
		return 0;
	}
	return put_file(r->j, JOURNAL_CERTS, c->name, c->data, c->len, false, r->e);
}

int journal_restore(struct journal *j, const uint8_t *data, size_t len, struct err *e)
{
	struct restore r = { .j = j, .e = e };

	return journal_contents(data, len, restore_one, &r);
}

/* --- removing --- */

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
	for (unsigned i = 0; i < j->doomed.n; i++)
		if (j->doomed.at[i].kind == kind)
			j->doomed.at[i--] = j->doomed.at[--j->doomed.n];
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < DIGEST_TEXT &&
		    !keep(arg, entry->d_name) && names_push(&j->doomed, kind, entry->d_name) < 0)
			break; /* what stays is found the next time */
	closedir(d);
}

bool journal_has(const struct journal *j, enum journal_kind kind, const char *name)
{
	return faccessat(j->stores[kind], name, F_OK, 0) == 0 &&
	    !journal_names_have(&j->doomed, kind, name);
}

void journal_doom(struct journal *j, enum journal_kind kind, const char *name)
{
	journal_names_add(&j->doomed, kind, name); /* else it is found the next time */
}

void journal_tidy(struct journal *j, unsigned max)
{
	for (; max > 0 && j->doomed.n > 0; max--) {
		const struct journal_name *d = &j->doomed.at[--j->doomed.n];

		journal_step(j, "sweep");
		unlinkat(j->stores[d->kind], d->name, 0);
	}
}
