/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/handshake_io.h"

#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfio.h>

#include "tls/view.h"

/* wolfssl/internal.h, which is not installed: no public call sends an alert of one's choice. */
int SendAlert(WOLFSSL *ssl, int severity, int type);

#define ALERT       21 /* RFC 5246 6.2.1 */
#define ALERT_BYTES 7  /* of a record with one in plaintext */

static size_t copy_in(struct record_io *io, size_t limit, char *buf, size_t len)
{
	struct view v = view_of(io->in, io->n_in);

	if (len > limit - io->consumed)
		len = limit - io->consumed;
	view_skip(&v, io->consumed);
	len = view_left(&v, len);
	view_read(&v, buf, len);
	io->consumed += len;
	return len;
}

static size_t copy_out(struct record_io *io, const uint8_t *buf, size_t len)
{
	struct view v = view_of(io->out, io->n_out);

	view_skip(&v, io->produced);
	len = view_left(&v, len);
	view_write(&v, buf, len);
	io->produced += len;
	return len;
}

/* wolfSSL asks for a record's header, then for exactly its body: nothing beyond is ever taken. */
static int receive(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	struct handshake_io *s = arg;
	size_t n;

	(void)ssl;
	if (s->io == NULL || len < 0)
		return WOLFSSL_CBIO_ERR_GENERAL;
	n = copy_in(s->io, s->in_limit, buf, (size_t)len);
	return n > 0 ? (int)n : WOLFSSL_CBIO_ERR_WANT_READ;
}

static bool keep(struct handshake_io *s, const uint8_t *buf, size_t len)
{
	size_t size = s->kept_size > 0 ? s->kept_size : 2048;
	uint8_t *kept;

	if (s->kept_len + len > HANDSHAKE_MAX_KEPT)
		return false;
	while (size < s->kept_len + len)
		size *= 2;
	if (size > s->kept_size) {
		kept = realloc(s->kept, size);
		if (kept == NULL)
			return false;
		s->kept = kept;
		s->kept_size = size;
	}
	memcpy(s->kept + s->kept_len, buf, len);
	s->kept_len += len;
	return true;
}

static void drop(struct handshake_io *s)
{
	free(s->kept);
	s->kept = NULL;
	s->kept_at = s->kept_len = s->kept_size = 0;
}

static int transmit(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	struct handshake_io *s = arg;
	const uint8_t *at = (const uint8_t *)buf;
	size_t left = (size_t)len;

	(void)ssl;
	if (s->io == NULL || s->mute || (s->withhold && left == ALERT_BYTES && at[0] == ALERT))
		return len; /* being freed, or said already: an alert nobody will read */
	if (s->kept_len == s->kept_at && !s->hold) {
		size_t n = copy_out(s->io, at, left);

		at += n;
		left -= n;
	}
	if (left > 0 && !keep(s, at, left)) {
		s->overflow = true;
		return WOLFSSL_CBIO_ERR_GENERAL;
	}
	return len;
}

void handshake_io_install(WOLFSSL_CTX *ctx)
{
	wolfSSL_CTX_SetIORecv(ctx, receive);
	wolfSSL_CTX_SetIOSend(ctx, transmit);
}

void handshake_io_bind(struct handshake_io *s, WOLFSSL *ssl)
{
	wolfSSL_SetIOReadCtx(ssl, s);
	wolfSSL_SetIOWriteCtx(ssl, s);
}

bool handshake_io_begin(struct handshake_io *s, struct record_io *io)
{
	io->consumed = io->produced = io->need = 0;
	s->io = io;
	s->in_limit = SIZE_MAX;
	if (s->kept == NULL)
		return true;
	if (s->hold)
		return false;
	s->kept_at += copy_out(io, s->kept + s->kept_at, s->kept_len - s->kept_at);
	if (s->kept_at < s->kept_len)
		return false;
	/* Rare: room was short. What comes next hardly ever needs it again. */
	drop(s);
	return true;
}

bool handshake_io_end(struct handshake_io *s)
{
	size_t left = s->kept_len - s->kept_at;

	if (left > 0)
		s->io->need = left;
	s->io = NULL;
	return left > 0;
}

void handshake_io_alert(WOLFSSL *ssl, int alert)
{
	(void)SendAlert(ssl, alert_fatal, alert);
}

void handshake_io_fini(struct handshake_io *s)
{
	drop(s);
	s->io = NULL;
}
