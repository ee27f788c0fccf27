/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/legacy.h"

#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls/handshake_chain.h"
#include "tls/handshake_io.h"
#include "tls/handshake_worker.h"
#include "tls/view.h"

#define HEADER    5
#define MAX_BODY  (16384 + 2048) /* RFC 5246 6.2.3 */
#define MAX_PLAIN 16384
#define OVERHEAD  256 /* header, IV, MAC, padding of one record, and an alert behind it */
#define TYPE_DATA 23

#define ALERT_NONE 0xff

struct legacy {
	struct tls_worker *worker;
	WOLFSSL *ssl;
	struct handshake_io pipe;
};

struct legacy *legacy_new(struct tls_worker *w, WOLFSSL *ssl)
{
	struct legacy *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->worker = w;
	l->ssl = ssl;
	handshake_io_bind(&l->pipe, ssl);
	/* The handshake, which these would be called for, is about to be freed. */
	wolfSSL_set_tls13_secret_cb(ssl, NULL, NULL);
	handshake_chain_unwatch(ssl);
	return l;
}

/*
 * A whole record is wanted before wolfSSL sees it: it would take a part of one for itself. Room for all
 * of its plaintext is wanted too, so that nothing stays behind in wolfSSL.
 */
static enum record_status check_record(struct record_io *io, size_t *len)
{
	struct view in = view_of(io->in, io->n_in), out = view_of(io->out, io->n_out);
	uint8_t h[HEADER];
	size_t body, room;

	io->consumed = io->produced = 0;
	io->need = HEADER;
	if (view_left(&in, HEADER) < HEADER)
		return RECORD_MORE;
	view_read(&in, h, HEADER);
	body = (size_t)h[3] << 8 | h[4];
	*len = HEADER + body;
	/* Too long: wolfSSL sees the header alone and says record_overflow. */
	if (body > MAX_BODY)
		return RECORD_OK;
	io->need = *len;
	if (view_left(&in, body) < body)
		return RECORD_MORE;
	room = body < MAX_PLAIN ? body : MAX_PLAIN;
	io->need = room;
	if (h[0] == TYPE_DATA && view_left(&out, room) < room)
		return RECORD_FULL;
	io->need = 0;
	return RECORD_OK;
}

/* All plaintext of the one record that the pipe shows. wolfSSL's last answer. */
static int read_record(struct legacy *l, struct record_io *io)
{
	struct view out = view_of(io->out, io->n_out);
	uint8_t nothing[1];
	size_t run;
	int n;

	do {
		run = view_run(&out);
		/* Records without data need no room. */
		if (run == 0)
			return wolfSSL_read(l->ssl, nothing, sizeof(nothing));
		n = wolfSSL_read(l->ssl, view_at(&out), run > MAX_PLAIN ? MAX_PLAIN : (int)run);
		if (n <= 0)
			return n;
		view_skip(&out, (size_t)n);
		io->produced += (size_t)n;
	} while (wolfSSL_pending(l->ssl) > 0);
	return n;
}

static enum record_status classify(struct legacy *l, int n, uint8_t *alert_in)
{
	WOLFSSL_ALERT_HISTORY alerts;

	if (n > 0)
		return RECORD_OK;
	switch (wolfSSL_get_error(l->ssl, n)) {
	case WOLFSSL_ERROR_WANT_READ:
		return RECORD_OK; /* nothing for the reader in it */
	case WOLFSSL_ERROR_ZERO_RETURN:
		*alert_in = close_notify;
		return RECORD_CLOSED;
	default:
		if (wolfSSL_get_alert_history(l->ssl, &alerts) == WOLFSSL_SUCCESS &&
		    alerts.last_rx.level == alert_fatal)
			*alert_in = (uint8_t)alerts.last_rx.code;
		return RECORD_FATAL;
	}
}

enum record_status legacy_open(struct legacy *l, struct record_io *io, uint8_t *alert_in)
{
	enum record_status status;
	struct tls_worker *before;
	struct record_io call;
	size_t len;

	status = check_record(io, &len);
	if (status != RECORD_OK)
		return status;
	before = tls_worker_enter(l->worker);
	/* What wolfSSL has to say meanwhile must not land in the plaintext. */
	l->pipe.hold = true;
	call = *io;
	handshake_io_begin(&l->pipe, &call);
	l->pipe.in_limit = len;
	status = classify(l, read_record(l, io), alert_in);
	io->consumed = call.consumed;
	handshake_io_end(&l->pipe);
	l->pipe.hold = false;
	tls_worker_leave(before);
	/* Data of a record that turned out bad is never counted. */
	if (status == RECORD_FATAL)
		io->produced = 0;
	return status;
}

/* Room for len bytes of output besides what is kept. */
static bool has_room(const struct legacy *l, struct record_io *io, size_t len)
{
	struct view out = view_of(io->out, io->n_out);

	len += l->pipe.kept_len - l->pipe.kept_at;
	io->need = len;
	return view_left(&out, len) == len;
}

enum record_status legacy_seal(struct legacy *l, struct record_io *io)
{
	struct view in = view_of(io->in, io->n_in), out = view_of(io->out, io->n_out);
	size_t len = view_run(&in), room;
	struct tls_worker *before;
	int n;

	io->consumed = io->produced = io->need = 0;
	if (len == 0)
		return RECORD_MORE;
	if (!has_room(l, io, OVERHEAD + 1))
		return RECORD_FULL;
	room = view_left(&out, OVERHEAD + MAX_PLAIN + HANDSHAKE_MAX_KEPT) - io->need + 1;
	if (len > room)
		len = room;
	if (len > MAX_PLAIN)
		len = MAX_PLAIN;
	before = tls_worker_enter(l->worker);
	handshake_io_begin(&l->pipe, io);
	n = wolfSSL_write(l->ssl, view_at(&in), (int)len);
	handshake_io_end(&l->pipe);
	tls_worker_leave(before);
	if (n <= 0)
		return RECORD_FATAL;
	io->consumed = (size_t)n;
	return RECORD_OK;
}

enum record_status legacy_alert(struct legacy *l, uint8_t alert, struct record_io *io)
{
	struct tls_worker *before;

	io->consumed = io->produced = 0;
	if (!has_room(l, io, alert != ALERT_NONE ? OVERHEAD : 0))
		return RECORD_FULL;
	before = tls_worker_enter(l->worker);
	handshake_io_begin(&l->pipe, io);
	/* Failing means that wolfSSL's session is broken: then there is nothing to be said any more. */
	if (alert == close_notify)
		(void)wolfSSL_shutdown(l->ssl);
	else if (alert != ALERT_NONE)
		handshake_io_alert(l->ssl, alert);
	handshake_io_end(&l->pipe);
	tls_worker_leave(before);
	return RECORD_OK;
}

void legacy_free(struct legacy *l)
{
	struct tls_worker *before;

	if (l == NULL)
		return;
	before = tls_worker_enter(l->worker);
	wolfSSL_free(l->ssl);
	handshake_io_fini(&l->pipe);
	tls_worker_leave(before);
	free(l);
}
