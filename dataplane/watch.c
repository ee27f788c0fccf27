/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "config/err.h"
#include "config/model.h"
#include "dataplane/base/log.h"
#include "dataplane/control.h"

#define EVENTS                                                                              \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | \
	    IN_DELETE_SELF | IN_MOVE_SELF)
#define MAX_LINKS 8

struct watch {
	struct control *control;
	int fd;
	int64_t first_ms, last_ms; /* of what has happened; 0: nothing */
	char last_folder[PATH_MAX];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void add_folder(struct watch *w, const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (!slash)
		strcpy(folder, ".");
	else if (len == 0)
		strcpy(folder, "/");
	else if (len < sizeof(folder)) {
		memcpy(folder, path, len);
		folder[len] = '\0';
	} else {
		return;
	}
	/* Neighbours in the configuration mostly lie in one folder. */
	if (strcmp(folder, w->last_folder) == 0)
		return;
	strcpy(w->last_folder, folder);
	/* Watching a folder again changes nothing (inotify_add_watch(2)). */
	if (inotify_add_watch(w->fd, folder, EVENTS | IN_ONLYDIR) < 0)
		log_warning("cannot watch %s: %s", folder, strerror(errno));
}

/* link, read from the folder of path, as a path of its own; false: too long. */
static bool follow(char path[PATH_MAX], const char *link)
{
	char *slash = strrchr(path, '/');
	size_t at = link[0] == '/' || !slash ? 0 : (size_t)(slash + 1 - path);

	if (at + strlen(link) >= PATH_MAX)
		return false;
	strcpy(path + at, link);
	return true;
}

/*
 * The folders of path and of what it leads to. A component above the last one may be a link as well (Kubernetes:
 * tls.crt -> ..data/tls.crt, ..data -> ..2026_01_01): its folder is watched too.
 */
static void add_path(struct watch *w, const char *wanted)
{
	char path[PATH_MAX], link[PATH_MAX], above[PATH_MAX];
	ssize_t n;

	if (strlen(wanted) >= sizeof(path))
		return;
	strcpy(path, wanted);
	for (unsigned i = 0; i < MAX_LINKS; i++) {
		add_folder(w, path);
		strcpy(above, path);
		for (char *slash; (slash = strrchr(above, '/')) != NULL && slash != above;) {
			*slash = '\0';
			if (readlink(above, link, sizeof(link)) >= 0)
				add_folder(w, above);
		}
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 0)
			return;
		link[n] = '\0';
		if (!follow(path, link))
			return;
	}
}

void watch_renew(struct watch *w)
{
	const struct config *config = control_config(w->control);

	w->last_folder[0] = '\0';
	for (unsigned i = 0; i < config->n_certificates; i++) {
		add_path(w, config->certificates[i].chain);
		add_path(w, config->certificates[i].key);
		if (config->certificates[i].passphrase_file)
			add_path(w, config->certificates[i].passphrase_file);
		if (config->certificates[i].ocsp)
			add_path(w, config->certificates[i].ocsp);
	}
}

struct watch *watch_new(struct control *c, struct err *e)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w) {
		err_set(e, "out of memory");
		return NULL;
	}
	w->control = c;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		err_set(e, "runtime.watch: inotify: %s", strerror(errno));
		free(w);
		return NULL;
	}
	watch_renew(w);
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	close(w->fd);
	free(w);
}

int watch_fd(const struct watch *w)
{
	return w->fd;
}

bool watch_is_due(struct watch *w)
{
	char events[4096] __attribute__((aligned(8)));
	int64_t now = now_ms();

	/* What happened does not matter: control looks at the files themselves. */
	while (read(w->fd, events, sizeof(events)) > 0) {
		w->last_ms = now;
		if (!w->first_ms)
			w->first_ms = now;
	}
	if (!w->first_ms ||
	    (now - w->last_ms < WATCH_QUIET_MS && now - w->first_ms < WATCH_LATEST_MS))
		return false;
	w->first_ms = 0;
	return true;
}
