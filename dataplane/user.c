/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/user.h"

#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/err.h"
#include "config/model.h"
#include "dataplane/base/log.h"

void user_hide(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* Threads inherit it when they are made: later it would be this one's alone. */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* nftw takes no argument of ours. */
static uid_t to_uid;
static gid_t to_gid;

static int give(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
	(void)type;
	(void)ftw;
	if (s->st_uid == to_uid && s->st_gid == to_gid)
		return 0;
	return lchown(path, to_uid, to_gid);
}

static int give_state(const struct config *config, struct err *e)
{
	const char *path = config->runtime.state_dir;

	if (!path || nftw(path, give, 8, FTW_PHYS) == 0)
		return 0;
	return err_set(e, "runtime.user: cannot give %s to '%s': %s", path, config->runtime.user,
	    strerror(errno));
}

/* Its group is then the one whose members may use the API, when the mode says so. */
static void give_socket(const struct config *config)
{
	const char *path = config->control.socket;

	if (path && lchown(path, to_uid, to_gid) < 0)
		log_warning(
		    "cannot give %s to '%s': %s", path, config->runtime.user, strerror(errno));
}

static int keep_capabilities(struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = 0 } };

	data[0].effective = data[0].permitted = 1u << CAP_NET_ADMIN | 1u << CAP_IPC_LOCK;
	if (syscall(SYS_capset, &head, data) == 0)
		return 0;
	return err_set(e, "runtime.user: cannot keep CAP_NET_ADMIN: %s", strerror(errno));
}

int user_become(const struct config *config, struct err *e)
{
	const char *name = config->runtime.user;
	const struct passwd *user;

	if (!name)
		return 0;
	errno = 0;
	user = getpwnam(name);
	if (!user)
		return err_add(e, config->runtime.file, config->runtime.line,
		    "runtime.user: there is no user '%s'%s%s", name, errno ? ": " : "; add one",
		    errno ? strerror(errno) : "");
	if (geteuid() == user->pw_uid)
		return 0;
	to_uid = user->pw_uid;
	to_gid = user->pw_gid;
	if (geteuid() != 0)
		return err_add(e, config->runtime.file, config->runtime.line,
		    "runtime.user: only root can become '%s'", name);
	if (give_state(config, e) < 0)
		return -1;
	give_socket(config);
	/* glibc makes every thread change; the capabilities of the others go with root. */
	if (initgroups(name, to_gid) < 0 || setresgid(to_gid, to_gid, to_gid) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(to_uid, to_uid, to_uid) < 0)
		return err_set(e, "runtime.user: cannot become '%s': %s", name, strerror(errno));
	if (keep_capabilities(e) < 0)
		return -1;
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	user_hide(); /* changing the user has set it back */
	if (setuid(0) == 0)
		return err_set(e, "runtime.user: root came back");
	log_notice("now user '%s' (%u)", name, (unsigned)to_uid);
	return 0;
}
