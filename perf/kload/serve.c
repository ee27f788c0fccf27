/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "perf/kload/kload.h"

#define BATCH 64
#define PIECE (256 * 1024)

struct peer {
	int fd;
	uint64_t in_at, out_at;
	bool answering;
	char id[MESSAGE_ID];
};

static uint8_t piece[PIECE];

static void drop(struct peer *p, const char *why)
{
	if (why != NULL)
		fprintf(stderr, "kload: backend: %s\n", why);
	close(p->fd);
	free(p);
}

/* Compares with what a request must be; the id is what its bytes say. */
static bool take(const struct message *m, struct peer *p, const uint8_t *bytes, size_t len)
{
	const uint64_t end = message_len(m);

	while (len > 0) {
		const uint8_t *want;
		size_t run;

		if (p->in_at == end)
			return false;
		want = message_run(m, p->in_at, p->id, &run);
		if (run > len)
			run = len;
		if (message_in_id(m, p->in_at))
			memcpy(p->id + (p->in_at - m->before_len), bytes, run);
		else if (memcmp(bytes, want, run) != 0)
			return false;
		p->in_at += run;
		bytes += run;
		len -= run;
	}
	return true;
}

/* False: p is gone. *wait: nothing can be done before epoll has news. */
static bool receive(const struct kload_options *o, struct peer *p, bool *wait)
{
	ssize_t n = read(p->fd, piece, sizeof(piece));

	if (n < 0 && errno == EAGAIN) {
		*wait = true;
		return true;
	}
	if (n <= 0) {
		drop(p, p->in_at > 0 ? "the stream ended inside a request" : NULL);
		return false;
	}
	if (!take(&o->request, p, piece, (size_t)n)) {
		drop(p, "a request is not what a client sent");
		return false;
	}
	if (p->in_at == message_len(&o->request)) {
		p->answering = true;
		p->out_at = 0;
	}
	return true;
}

static bool answer(const struct kload_options *o, struct peer *p, bool *wait)
{
	size_t len = message_fill(&o->answer, p->out_at, p->id, piece, sizeof(piece));
	ssize_t n = write(p->fd, piece, len);

	if (n < 0 && errno == EAGAIN) {
		*wait = true;
		return true;
	}
	if (n < 0) {
		drop(p, "the stream ended inside an answer");
		return false;
	}
	p->out_at += (uint64_t)n;
	if (p->out_at == message_len(&o->answer)) {
		p->answering = false;
		p->in_at = 0;
	}
	return true;
}

static void run(const struct kload_options *o, struct peer *p)
{
	bool wait = false;

	while (!wait)
		if (!(p->answering ? answer(o, p, &wait) : receive(o, p, &wait)))
			return;
}

static void welcome(int epoll, int listener)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP };
	struct peer *p;
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		p = calloc(1, sizeof(*p));
		if (p == NULL) {
			close(fd);
			continue;
		}
		p->fd = fd;
		e.data.ptr = p;
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
	}
}

int kload_serve(const struct kload_options *o)
{
	struct sockaddr_in at = kload_address(o->serve);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int epoll = epoll_create1(0), one = 1;
	struct epoll_event e = { .events = EPOLLIN }, events[BATCH];

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(listener, 16384) != 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) != 0) {
		perror("kload: listen");
		return 1;
	}
	for (;;) {
		int n = epoll_wait(epoll, events, BATCH, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				welcome(epoll, listener);
			else
				run(o, events[i].data.ptr);
		}
	}
}
