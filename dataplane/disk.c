/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct disk {
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t begun, over;
	struct disk_call call;
	bool is_begun, is_over, is_ending;
	bool is_busy; /* the caller's own view of it */
};

static void perform(struct disk_call *c)
{
	do {
		switch (c->what) {
		case DISK_OPEN:
			c->done = open(
			    c->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
			break;
		case DISK_WRITE:
			c->done = write(c->fd, c->from, c->n);
			break;
		case DISK_CLOSE:
			c->done = close(c->fd);
			return; /* the descriptor is gone even with EINTR (Linux) */
		}
	} while (c->done < 0 && errno == EINTR);
	c->error = errno;
}

static void *serve(void *arg)
{
	struct disk *d = arg;
	struct disk_call c;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		while (!d->is_begun && !d->is_ending)
			pthread_cond_wait(&d->begun, &d->lock);
		if (!d->is_begun)
			break;
		c = d->call;
		pthread_mutex_unlock(&d->lock);
		perform(&c);
		pthread_mutex_lock(&d->lock);
		d->call = c;
		d->is_begun = false;
		d->is_over = true;
		pthread_cond_signal(&d->over);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

struct disk *disk_new(void)
{
	struct disk *d = calloc(1, sizeof(*d));
	pthread_condattr_t monotonic;

	if (!d)
		return NULL;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->begun, NULL);
	pthread_cond_init(&d->over, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&d->thread, NULL, serve, d) != 0) {
		free(d);
		return NULL;
	}
	pthread_setname_np(d->thread, "disk");
	return d;
}

bool disk_free(struct disk *d)
{
	if (!d)
		return true;
	if (!disk_wait(d, 0, NULL)) {
		pthread_detach(d->thread);
		return false;
	}
	pthread_mutex_lock(&d->lock);
	d->is_ending = true;
	pthread_cond_signal(&d->begun);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	pthread_cond_destroy(&d->begun);
	pthread_cond_destroy(&d->over);
	pthread_mutex_destroy(&d->lock);
	free(d);
	return true;
}

bool disk_is_busy(const struct disk *d)
{
	return d->is_busy;
}

void disk_begin(struct disk *d, const struct disk_call *call)
{
	assert(!d->is_busy);
	pthread_mutex_lock(&d->lock);
	d->call = *call;
	d->is_begun = true;
	d->is_over = false;
	pthread_cond_signal(&d->begun);
	pthread_mutex_unlock(&d->lock);
	d->is_busy = true;
}

static struct timespec after(unsigned milliseconds)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += milliseconds / 1000;
	t.tv_nsec += milliseconds % 1000 * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	return t;
}

bool disk_wait(struct disk *d, unsigned milliseconds, struct disk_call *over)
{
	const struct timespec until = after(milliseconds);
	int late = 0;

	if (!d->is_busy)
		return true;
	pthread_mutex_lock(&d->lock);
	while (!d->is_over && late == 0)
		late = pthread_cond_timedwait(&d->over, &d->lock, &until);
	d->is_busy = !d->is_over;
	if (d->is_over && over)
		*over = d->call;
	pthread_mutex_unlock(&d->lock);
	return !d->is_busy;
}
