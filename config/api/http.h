/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/api/api.h"
#include "config/api/private.h"

/* Between http.c, clients.c and queue.c: the server's threads and control. */

/* A connection, for the one that watches over slow clients. */
struct client {
	struct client *next, **at;
	int fd;
	int64_t since; /* when it began to wait or to send, ms */
	bool is_busy;  /* its request is ours */
	bool is_dropped;
};

struct api {
	struct MHD_Daemon *unix_daemon, *tcp_daemon;
	struct api_config config;
	struct api_context context;
	char *socket; /* to be unlinked */
	int event;

	pthread_mutex_t lock; /* of what follows */
	struct api_request *first, **last;
	struct api_request *quick, **last_quick; /* served before those */
	bool is_busy;                            /* control does something that may take long */
	struct client *clients;
	unsigned n_clients;
	unsigned n_unsent; /* requests handed to control whose answers are not out yet */
	bool is_stopping;
};

/* Monotonic, ms. */
int64_t api_now_ms(void);

/* --- clients.c: who is connected, and for how long without asking anything --- */

/* MHD's MHD_OPTION_NOTIFY_CONNECTION, for a struct api. Of too many clients the slowest is dropped. */
void api_client_notified(void *arg, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what);

/* From now on its request is ours; or its time for the next one, or for a body, begins. */
void api_client_set_busy(struct api *a, struct MHD_Connection *connection, bool is_busy);

/* False when it has been sending for longer than API_REQUEST_S seconds. */
bool api_client_has_time(struct MHD_Connection *connection);

/* Drops those that wait or send for longer than that. */
void api_clients_drop_slow(struct api *a);

/* --- queue.c: requests on their way to control and back --- */

/*
 * Hands r to control, and suspends its connection; or answers it (is_done) when control has no time and it can be done
 * without, or when the end has come. A server's thread.
 */
void api_queue_put(struct api *a, struct api_request *r);

/* The answer of one that was put there is out, or its client is gone. */
void api_queue_sent(struct api *a);

/* Answers what waits with 503, as what comes later, and gives answers a moment to get out; control thread. */
void api_queue_end(struct api *a);
