/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/err.h"
#include "config/journal_private.h"

void journal_step(const struct journal *j, const char *what)
{
	if (j->config.on_step)
		j->config.on_step(j->config.arg, what);
}

int journal_complain(const struct journal *j, const char *what, const char *name, struct err *e)
{
	return err_set(e, "cannot %s %s/%s: %s", what, j->path, name, strerror(errno));
}

int journal_write_all(int fd, const void *data, size_t len)
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

char *journal_read_all(int dir, const char *name, size_t max, size_t *len)
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

int journal_write_file(struct journal *j, int dir, const char *temporary, const char *name,
    const struct iovec *pieces, unsigned n, bool synced)
{
	int fd, why;

	journal_step(j, "create");
	fd = openat(dir, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		journal_step(j, "write");
		if (journal_write_all(fd, pieces[i].iov_base, pieces[i].iov_len) < 0)
			goto fail;
	}
	if (synced) {
		journal_step(j, "sync");
		if (fsync(fd) < 0)
			goto fail;
	}
	journal_step(j, "rename");
	if (renameat(dir, temporary, dir, name) < 0)
		goto fail;
	if (!synced)
		return fd;
	journal_step(j, "sync the folder");
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
