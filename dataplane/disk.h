/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Calls that a disk may not return from for long, one at a time, by a thread of their own: whoever has something else to do,
 * like control, is not held. For one thread, which begins and waits.
 */
struct disk;

struct disk_call {
	enum disk_what {
		DISK_OPEN,
		DISK_WRITE,
		DISK_CLOSE
	} what;
	int fd;           /* of write and close */
	const void *from; /* of write: stays as it is until the call is over */
	size_t n;
	const char *path; /* of open, to append; also stays as it is */
	ssize_t done;     /* when over: what the call returned, EINTR aside */
	int error;        /* errno with -1 */
};

/* The caller owns it. NULL: no memory, or no thread to be had. The thread has the signal mask and the cores of the caller. */
struct disk *disk_new(void);

/*
 * Ends the thread and frees d; NULL is fine. False: a call does not return; it, the thread and what it was given stay as
 * they are.
 */
bool disk_free(struct disk *d);

/* A call that was begun is not known to be over. */
bool disk_is_busy(const struct disk *d);

/* Begins call, which is copied; none may be under way. */
void disk_begin(struct disk *d, const struct disk_call *call);

/* Waits for the call under way, if any, at most that long. True: it is over, and *over has it (NULL: nobody asks). */
bool disk_wait(struct disk *d, unsigned milliseconds, struct disk_call *over);
