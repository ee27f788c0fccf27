/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <time.h>
#include <unistd.h>

#include "config/api/http.h"

#define LAST_MS 2000 /* for answers to get out before the end */

/* --- the server's half --- */

void api_queue_put(struct api *a, struct api_request *r)
{
	const uint64_t one = 1;
	bool is_stopping, is_kept;

	r->is_quick = api_is_quick(r);
	pthread_mutex_lock(&a->lock);
	is_stopping = a->is_stopping;
	is_kept = r->is_quick && a->is_busy && !is_stopping;
	if (!is_stopping && !is_kept) {
		struct api_request ***last = r->is_quick ? &a->last_quick : &a->last;

		r->is_queued = true;
		a->n_unsent++;
		r->next = NULL;
		**last = r;
		*last = &r->next;
		MHD_suspend_connection(r->connection);
	}
	pthread_mutex_unlock(&a->lock);
	if (is_kept) {
		api_answer_kept(&a->context, r);
		r->is_done = true;
		return;
	}
	if (is_stopping) {
		api_error(r, 503, "sallyport is about to end");
		r->is_done = true;
		return;
	}
	if (write(a->event, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

void api_queue_sent(struct api *a)
{
	pthread_mutex_lock(&a->lock);
	a->n_unsent--;
	pthread_mutex_unlock(&a->lock);
}

/* --- control's half --- */

/* With the lock held. */
static struct api_request *take(struct api_request **first, struct api_request ***last)
{
	struct api_request *r = *first;

	if (r) {
		*first = r->next;
		if (!*first)
			*last = first;
	}
	return r;
}

/* Nobody who is quick waits behind the one that is taken: they come first, or see that control is busy. */
static struct api_request *dequeue(struct api *a)
{
	struct api_request *r;

	pthread_mutex_lock(&a->lock);
	r = take(&a->quick, &a->last_quick);
	a->is_busy = false;
	if (!r) {
		r = take(&a->first, &a->last);
		a->is_busy = r != NULL;
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

/* The API's thread may free r as soon as it is resumed. */
static void hand_back(struct api_request *r)
{
	struct MHD_Connection *connection = r->connection;

	r->is_done = true;
	MHD_resume_connection(connection);
}

void api_set_busy(struct api *a, bool is_busy)
{
	struct api_request *r;

	if (is_busy)
		api_keep_health(&a->context);
	do {
		pthread_mutex_lock(&a->lock);
		r = is_busy ? take(&a->quick, &a->last_quick) : NULL;
		a->is_busy = is_busy && !r;
		pthread_mutex_unlock(&a->lock);
		if (r) {
			api_route(&a->context, r);
			hand_back(r);
		}
	} while (r);
}

void api_poll(struct api *a, unsigned max)
{
	const uint64_t one = 1;
	struct api_request *r = NULL;
	uint64_t n;

	if (read(a->event, &n, sizeof(n)) < 0)
		n = 0;
	for (unsigned i = 0; i < max && (r = dequeue(a)) != NULL; i++) {
		api_route(&a->context, r);
		hand_back(r);
	}
	api_set_busy(a, false);
	if (r && write(a->event, &one, sizeof(one)) < 0)
		return;
	api_clients_drop_slow(a);
	api_tx_expire(&a->context, time(NULL), false);
}

/* --- the end --- */

/* Whoever asked for the end wants to know that it was heard; one who does not read is not waited for. */
static void wait_for_answers(struct api *a)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int64_t end = api_now_ms() + LAST_MS;
	bool is_done = false;

	while (!is_done && api_now_ms() < end) {
		pthread_mutex_lock(&a->lock);
		is_done = a->n_unsent == 0;
		pthread_mutex_unlock(&a->lock);
		if (!is_done)
			nanosleep(&pause, NULL);
	}
}

void api_queue_end(struct api *a)
{
	struct api_request *r;

	pthread_mutex_lock(&a->lock);
	a->is_stopping = true;
	pthread_mutex_unlock(&a->lock);
	while ((r = dequeue(a)) != NULL) {
		api_error(r, 503, "sallyport is about to end");
		hand_back(r);
	}
	wait_for_answers(a);
}
