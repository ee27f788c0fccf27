/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/api/http.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/err.h"

#define HEAD_BYTES 16384u /* of a request, and MHD's memory for a connection */
#define IDLE_S     10u    /* between two requests, and for every read */

/* --- memory: what jansson held may have been a key --- */

static void wiping_free(void *at)
{
	if (at)
		explicit_bzero(at, malloc_usable_size(at));
	free(at);
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
		api_client_set_busy(a, connection, false); /* the body has its own time */
		if (!is_refused_early(connection))
			return MHD_YES; /* the body follows */
		r->is_too_large = true;
		api_read_body(r);
		return send_answer(r);
	}
	if (r->is_done)
		return send_answer(r);
	if (*n_data > 0) {
		if (!api_add_body(r, data, *n_data) || !api_client_has_time(connection))
			return MHD_NO;
		*n_data = 0;
		return MHD_YES;
	}
	if (r->is_queued) /* woken up for nothing */
		return MHD_YES;
	if (!api_read_body(r))
		return send_answer(r);
	api_client_set_busy(a, connection, true);
	api_queue_put(a, r);
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
	api_client_set_busy(a, connection, false);
	if (r && r->is_queued)
		api_queue_sent(a);
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
	    api_client_notified, (a), MHD_OPTION_UNESCAPE_CALLBACK, unescape, (a)

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

void api_stop(struct api *a)
{
	if (!a)
		return;
	api_queue_end(a);
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
