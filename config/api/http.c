/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <malloc.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "config/api/api.h"
#include "config/api/private.h"
#include "config/err.h"

#define HEAD_BYTES 16384u /* of a request, and MHD's memory for a connection */
#define IDLE_S     10u    /* between two requests, and for every read */
#define SPARE      16     /* connections: when fewer are left, waiting ones are closed */
#define LAST_MS    2000   /* for answers to get out before the end */

/* A connection, for the one that watches over slow clients. */
struct client {
	struct client *next, **at;
	struct api *api;
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

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- memory: what jansson held may have been a key --- */

static void wiping_free(void *at)
{
	if (at)
		explicit_bzero(at, malloc_usable_size(at));
	free(at);
}

/* --- clients --- */

/* The one that waits longest without a request of ours, older than age ms; NULL: none. */
static struct client *slowest(struct api *a, int64_t age)
{
	struct client *found = NULL;
	int64_t limit = now_ms() - age;

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

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
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
			c->api = a;
			c->fd = info->connect_fd;
			c->since = now_ms();
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

static void set_busy(struct api *a, struct MHD_Connection *connection, bool is_busy)
{
	struct client *c = client_of(connection);

	pthread_mutex_lock(&a->lock);
	if (c) {
		c->is_busy = is_busy;
		c->since = now_ms();
	}
	pthread_mutex_unlock(&a->lock);
}

/* --- requests --- */

static char *header(struct MHD_Connection *connection, const char *name)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

	return text ? strdup(text) : NULL;
}

static enum MHD_Result
add_arg(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct api_request *r = arg;

	(void)kind;
	if (r->n_args == API_MAX_ARGS)
		return MHD_NO;
	r->args[r->n_args].name = strdup(name);
	r->args[r->n_args].value = strdup(value ? value : "");
	if (!r->args[r->n_args].name || !r->args[r->n_args].value)
		return MHD_NO;
	r->n_args++;
	return MHD_YES;
}

static void who_is_it(struct api_request *r)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);

	if (!r->is_tcp && info &&
	    getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		snprintf(r->who, sizeof(r->who), "uid %u, pid %d", peer.uid, peer.pid);
	else
		snprintf(r->who, sizeof(r->who), "network");
}

static struct api_request *
request_new(struct MHD_Connection *connection, const char *url, const char *method, bool is_tcp)
{
	struct api_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->connection = connection;
	r->is_tcp = is_tcp;
	r->method = strdup(method);
	r->path = strdup(url);
	r->if_match = header(connection, "If-Match");
	r->key = header(connection, "Idempotency-Key");
	if (!r->method || !r->path) {
		api_request_free(r);
		return NULL;
	}
	who_is_it(r);
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_arg, r);
	api_cut_path(r);
	return r;
}

/* Hands r to control, or answers it when control has no time and it can be done without. */
static void enqueue(struct api *a, struct api_request *r)
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

static enum MHD_Result send_answer(struct api_request *r)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(r->text_len, r->text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	r->text = NULL;
	MHD_add_response_header(response, "Content-Type", r->type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	result = MHD_queue_response(r->connection, r->status, response);
	MHD_destroy_response(response);
	return result;
}

static bool has_time(struct MHD_Connection *connection)
{
	const struct client *c = client_of(connection);

	return !c || now_ms() - c->since < API_REQUEST_S * 1000;
}

/* A client that asks first whether it may send is told before it does. */
static bool is_refused_early(struct MHD_Connection *connection)
{
	const char *expect = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Expect");
	const char *length =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");

	return expect && length && strtoull(length, NULL, 10) > API_MAX_BODY;
}

static enum MHD_Result serve(struct api *a, bool is_tcp, struct MHD_Connection *connection,
    const char *url, const char *method, const char *data, size_t *n_data, void **context)
{
	struct api_request *r = *context;

	if (!r) {
		*context = r = request_new(connection, url, method, is_tcp);
		if (!r)
			return MHD_NO;
		set_busy(a, connection, false); /* the body has its own time */
		if (!is_refused_early(connection))
			return MHD_YES; /* the body follows */
		r->is_too_large = true;
		api_read_body(r);
		return send_answer(r);
	}
	if (r->is_done)
		return send_answer(r);
	if (*n_data > 0) {
		if (!api_add_body(r, data, *n_data) || !has_time(connection))
			return MHD_NO;
		*n_data = 0;
		return MHD_YES;
	}
	if (r->is_queued) /* woken up for nothing */
		return MHD_YES;
	if (!api_read_body(r))
		return send_answer(r);
	set_busy(a, connection, true);
	enqueue(a, r);
	return r->is_done ? send_answer(r) : MHD_YES;
}

static enum MHD_Result serve_unix(void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *n_data, void **context)
{
	(void)version;
	return serve(arg, false, connection, url, method, data, n_data, context);
}

static enum MHD_Result serve_tcp(void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *n_data, void **context)
{
	(void)version;
	return serve(arg, true, connection, url, method, data, n_data, context);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode code)
{
	const struct api_request *r = *context;
	struct api *a = arg;

	(void)code;
	set_busy(a, connection, false);
	if (r && r->is_queued) {
		pthread_mutex_lock(&a->lock);
		a->n_unsent--;
		pthread_mutex_unlock(&a->lock);
	}
	api_request_free(*context);
	*context = NULL;
}

/* %00 would end a string of C early: it becomes what no name has. */
static size_t unescape(void *arg, struct MHD_Connection *connection, char *text)
{
	char *to = text;

	(void)arg;
	(void)connection;
	for (const char *from = text; *from; to++) {
		unsigned value;

		if (*from == '%' && sscanf(from + 1, "%2x", &value) == 1 && from[1] && from[2]) {
			*to = value ? (char)value : '?';
			from += 3;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

/* --- listening --- */

/* A socket file that nobody answers on is one that a crash left behind. */
static int remove_stale(const char *path, const struct sockaddr_un *address, struct err *e)
{
	struct stat s;
	int fd, result = 0;

	if (lstat(path, &s) < 0)
		return 0;
	if (!S_ISSOCK(s.st_mode))
		return err_set(e, "control.socket: %s is there and is no socket; remove it", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		result = err_set(e, "control.socket: another process listens on %s", path);
	else if (unlink(path) < 0)
		result = err_set(e, "control.socket: cannot remove %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return result;
}

static void make_parent(const char *path)
{
	char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;

	if (slash && slash != copy) {
		*slash = '\0';
		mkdir(copy, 0755); /* bind tells what is wrong */
	}
	free(copy);
}

static int listen_unix(const struct api_config *config, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t before;
	int fd, result;

	strncpy(address.sun_path, config->socket, sizeof(address.sun_path) - 1);
	make_parent(config->socket);
	if (remove_stale(config->socket, &address, e) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	before = umask(0777); /* nobody connects before it has its mode */
	result = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(before);
	if (result == 0 && chmod(config->socket, config->mode) == 0 && listen(fd, 64) == 0)
		return fd;
	err_set(e, "control.socket: cannot listen on %s: %s", config->socket, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

#define COMMON_OPTIONS(a)                                                                          \
	MHD_OPTION_CONNECTION_LIMIT, (unsigned)API_MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, \
	    IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES,                        \
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, (a), MHD_OPTION_NOTIFY_CONNECTION,          \
	    on_connection, (a), MHD_OPTION_UNESCAPE_CALLBACK, unescape, (a)

#define FLAGS (MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME)

static int start_unix(struct api *a, struct err *e)
{
	int fd = listen_unix(&a->config, e);

	if (fd < 0)
		return -1;
	a->socket = strdup(a->config.socket);
	a->unix_daemon = MHD_start_daemon(FLAGS, 0, NULL, NULL, serve_unix, a,
	    MHD_OPTION_LISTEN_SOCKET, fd, COMMON_OPTIONS(a), MHD_OPTION_END);
	if (a->unix_daemon && a->socket)
		return 0;
	if (!a->unix_daemon)
		close(fd);
	return err_set(e, "control.socket: the HTTP server does not start");
}

static int start_tcp(struct api *a, struct err *e)
{
	const struct config_addr *m = a->config.metrics;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(m->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(m->port) };
	char text[CONFIG_ADDR_TEXT];

	memcpy(&v4.sin_addr, m->ip.s6_addr + 12, 4);
	v6.sin6_addr = m->ip;
	a->tcp_daemon = MHD_start_daemon(FLAGS | (m->is_v4 ? 0 : MHD_USE_IPv6), m->port, NULL, NULL,
	    serve_tcp, a, MHD_OPTION_SOCK_ADDR, m->is_v4 ? (void *)&v4 : (void *)&v6,
	    COMMON_OPTIONS(a), MHD_OPTION_END);
	return a->tcp_daemon ? 0
			     : err_set(e, "control.metrics: cannot listen on %s: %s",
				   config_addr_print(m, ADDR_PORT, text), strerror(errno));
}

struct api *api_start(const struct api_config *config, struct err *e)
{
	struct api *a = calloc(1, sizeof(*a));

	if (!a) {
		err_set(e, "out of memory");
		return NULL;
	}
	json_set_alloc_funcs(malloc, wiping_free);
	a->config = *config;
	a->context.ops = config->ops;
	a->last = &a->first;
	a->last_quick = &a->quick;
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->context.lock, NULL);
	api_keep(&a->context);
	a->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->event < 0)
		err_set(e, "eventfd: %s", strerror(errno));
	else if ((!config->socket || start_unix(a, e) == 0) &&
	    (!config->metrics || start_tcp(a, e) == 0))
		return a;
	api_stop(a);
	return NULL;
}

int api_fd(const struct api *a)
{
	return a->event;
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

static void drop_slow(struct api *a)
{
	struct client *c;

	pthread_mutex_lock(&a->lock);
	while ((c = slowest(a, API_REQUEST_S * 1000)) != NULL)
		drop(c);
	pthread_mutex_unlock(&a->lock);
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
	drop_slow(a);
	api_tx_expire(&a->context, time(NULL), false);
}

/* Whoever asked for the end wants to know that it was heard; one who does not read is not waited for. */
static void wait_for_answers(struct api *a)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int64_t end = now_ms() + LAST_MS;
	bool is_done = false;

	while (!is_done && now_ms() < end) {
		pthread_mutex_lock(&a->lock);
		is_done = a->n_unsent == 0;
		pthread_mutex_unlock(&a->lock);
		if (!is_done)
			nanosleep(&pause, NULL);
	}
}

void api_stop(struct api *a)
{
	struct api_request *r;

	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->is_stopping = true;
	pthread_mutex_unlock(&a->lock);
	while ((r = dequeue(a)) != NULL) {
		api_error(r, 503, "sallyport is about to end");
		hand_back(r);
	}
	wait_for_answers(a);
	if (a->unix_daemon)
		MHD_stop_daemon(a->unix_daemon);
	if (a->tcp_daemon)
		MHD_stop_daemon(a->tcp_daemon);
	if (a->socket)
		unlink(a->socket);
	free(a->socket);
	api_tx_expire(&a->context, 0, true);
	if (a->event >= 0)
		close(a->event);
	pthread_mutex_destroy(&a->lock);
	pthread_mutex_destroy(&a->context.lock);
	free(a->context.kept);
	free(a->context.kept_health);
	free(a);
}
