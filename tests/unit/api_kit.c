/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/api_kit.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct kit k;
struct api *api;
char path[128];
char reply[4 << 20];
char head[1024];

void start_api(void)
{
	struct api_config config = { .mode = 0600, .socket = path };

	config.ops = control_ops(k.control);
	err_init(&k.e);
	api = api_start(&config, &k.e);
	if (!api)
		fail_msg("%s", k.e.text);
}

int api_setup(void **state)
{
	(void)state;
	kit_start(&k);
	snprintf(path, sizeof(path), "%s/control.sock", k.folder);
	start_api();
	return 0;
}

int api_teardown(void **state)
{
	(void)state;
	api_stop(api);
	kit_end(&k);
	return 0;
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int connect_to(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

ssize_t receive(int fd, char *to, size_t room)
{
	const struct timeval moment = { .tv_usec = 2000 };
	int64_t end = now_ms() + 30000;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
	do {
		api_poll(api, 16);
		n = recv(fd, to, room, 0);
	} while (n < 0 && errno == EAGAIN && now_ms() < end);
	return n;
}

void send_all(int fd, const char *data, size_t len)
{
	const struct timeval moment = { .tv_usec = 2000 };
	int64_t end = now_ms() + 30000;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment));
	while (len > 0 && now_ms() < end) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		api_poll(api, 16);
		if (n < 0 && errno != EAGAIN)
			return;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
}

int read_answer(int fd)
{
	size_t len = 0;
	char *body;
	int status;

	for (;;) {
		ssize_t n = receive(fd, reply + len, sizeof(reply) - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	reply[len] = '\0';
	close(fd);
	if (sscanf(reply, "HTTP/1.1 %d", &status) != 1)
		return -1;
	body = strstr(reply, "\r\n\r\n");
	assert_non_null(body);
	snprintf(head, sizeof(head), "%.*s", (int)(body - reply), reply);
	memmove(reply, body + 4, strlen(body + 4) + 1);
	return status;
}

int ask_with(
    const char *method, const char *target, const char *headers, const char *body, size_t len)
{
	int fd = connect_to();
	char *text;
	int n;

	assert_true(fd >= 0);
	n = asprintf(&text,
	    "%s %s HTTP/1.1\r\nHost: sallyport\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n",
	    method, target, headers, len);
	assert_true(n > 0);
	send_all(fd, text, (size_t)n);
	if (len)
		send_all(fd, body, len);
	free(text);
	return read_answer(fd);
}

int ask(const char *method, const char *target, const char *body)
{
	return ask_with(method, target, "", body, body ? strlen(body) : 0);
}

void assert_says(const char *wanted)
{
	if (!strstr(reply, wanted))
		fail_msg("'%s' is not in: %s", wanted, reply);
}

char *json_pem(const char *name)
{
	char *text = kit_pem(name), *out = calloc(2, strlen(text) + 1), *to = out;

	for (const char *from = text; *from; from++) {
		if (*from == '\n')
			*to++ = '\\';
		*to++ = *from == '\n' ? 'n' : *from;
	}
	free(text);
	return out;
}

char *cert_body(const char *chain, const char *key, const char *more)
{
	char *c = json_pem(chain), *p = json_pem(key), *body;

	assert_true(asprintf(&body, "{\"chain\":\"%s\",\"key\":\"%s\"%s}", c, p, more) > 0);
	free(c);
	free(p);
	return body;
}

int put(const char *target, const char *chain, const char *key, const char *more)
{
	char *body = cert_body(chain, key, more);
	int status = ask("PUT", target, body);

	free(body);
	return status;
}

char *stapled_body(void)
{
	char command[300], staple[8192] = "", *chain = json_pem("p256.pem");
	char *issuer = json_pem("inter.pem"), *key = json_pem("p256.key"), *body;
	FILE *f;

	snprintf(
	    command, sizeof(command), "%s/unit/pki/ocsp %s >/dev/null 2>&1", TEST_FOLDER, k.folder);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "base64 -w 0 %s/p256.der", k.folder);
	f = popen(command, "r");
	assert_non_null(f);
	assert_true(fread(staple, 1, sizeof(staple) - 1, f) > 100);
	pclose(f);
	assert_true(asprintf(&body, "{\"chain\":\"%s%s\",\"key\":\"%s\",\"ocsp\":\"%s\"}", chain,
			issuer, key, staple) > 0);
	free(chain);
	free(issuer);
	free(key);
	return body;
}
