/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "config/api/http.h"

#define SPARE 16 /* connections: when fewer are left, waiting ones are closed */

int64_t api_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The one that waits longest without a request of ours, older than age ms; NULL: none. */
static struct client *slowest(struct api *a, int64_t age)
{
	struct client *found = NULL;
	int64_t limit = api_now_ms() - age;

	for (struct client *c = a->clients; c; c = c->next)
		if (!c->is_busy && !c->is_dropped && c->since <= limit &&
		    (!found || c->since < found->since))
			found = c;
	return found;
}

/* MHD finds out and cleans up. The lock is held, so the descriptor is still this client's. */
static void drop(struct client *c)
{
	c->is_dropped = true;
	shutdown(c->fd, SHUT_RDWR);
}

void api_client_notified(void *arg, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *info;
	struct api *a = arg;
	struct client *c = *context, *old;

	pthread_mutex_lock(&a->lock);
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		c = calloc(1, sizeof(*c));
		*context = c;
		if (c && info) {
			c->fd = info->connect_fd;
			c->since = api_now_ms();
			c->next = a->clients;
			c->at = &a->clients;
			if (c->next)
				c->next->at = &c->next;
			a->clients = c;
			a->n_clients++;
		}
		old = a->n_clients > API_MAX_CONNECTIONS - SPARE ? slowest(a, 0) : NULL;
		if (old && old != c)
			drop(old);
	} else if (c) {
		if (c->at) {
			*c->at = c->next;
			if (c->next)
				c->next->at = c->at;
			a->n_clients--;
		}
		free(c);
	}
	pthread_mutex_unlock(&a->lock);
}

static struct client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

void api_client_set_busy(struct api *a, struct MHD_Connection *connection, bool is_busy)
{
	struct client *c = client_of(connection);

	pthread_mutex_lock(&a->lock);
	if (c) {
		c->is_busy = is_busy;
		c->since = api_now_ms();
	}
	pthread_mutex_unlock(&a->lock);
}

bool api_client_has_time(struct MHD_Connection *connection)
{
	const struct client *c = client_of(connection);

	return !c || api_now_ms() - c->since < API_REQUEST_S * 1000;
}

void api_clients_drop_slow(struct api *a)
{
	struct client *c;

	pthread_mutex_lock(&a->lock);
	while ((c = slowest(a, API_REQUEST_S * 1000)) != NULL)
		drop(c);
	pthread_mutex_unlock(&a->lock);
}
