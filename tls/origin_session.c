/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/origin_session.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls/handshake.h"
#include "tls/record.h"
#include "tls/record_ticket.h"

#define TLS13         0x0304
#define MAX_LIFETIME  604800 /* seven days, RFC 8446 4.6.1 */
#define OLD_LIFETIME  300    /* of a TLS 1.2 session without a lifetime, RFC 5077 3.3 */
#define MAX_NONCE     8      /* wolfSSL takes no longer ones */
#define SECRET        48
#define BINDING_BYTES 64 /* digests that only servers look at */

/*
 * wolfSSL keeps no ticket that it has not read from the wire itself, and shares the sessions it hands out between
 * connections, which then write to them. So a session is kept as bytes in the form of wolfSSL's
 * i2d_SSL_SESSION, and each connection makes its own of it. The form depends on how wolfSSL was built:
 */
#if !defined(OPENSSL_EXTRA) || !defined(WOLFSSL_SESSION_ID_CTX) || !defined(HAVE_EXT_CACHE) || \
    defined(NO_CLIENT_CACHE) || defined(SESSION_CERTS) || defined(WOLFSSL_EARLY_DATA) ||       \
    defined(WOLFSSL_32BIT_MILLI_TIME)
#error "i2d_SSL_SESSION has another form in this build of wolfSSL"
#endif

struct origin_session {
	uint64_t version; /* of the origin */
	int64_t until;    /* seconds since the epoch: ticket and verdict are good */
	int64_t verdict_until;
	size_t len;
	uint8_t bytes[];
};

/* RFC 8446 4.6.1, as views into a message's body. */
struct ticket {
	uint32_t lifetime, age_add;
	const uint8_t *nonce, *ticket;
	size_t nonce_len, ticket_len;
};

void origin_session_free(struct origin_session *s)
{
	if (s == NULL)
		return;
	explicit_bzero(s, sizeof(*s) + s->len);
	free(s);
}

/* --- reading a ticket --- */

struct reader {
	const uint8_t *at, *end;
};

/* len bytes off r, or NULL: there are not as many. */
static const uint8_t *take(struct reader *r, size_t len)
{
	const uint8_t *at = r->at;

	if (at == NULL || (size_t)(r->end - at) < len) {
		r->at = NULL;
		return NULL;
	}
	r->at += len;
	return at;
}

static uint32_t take_number(struct reader *r, size_t len)
{
	const uint8_t *at = take(r, len);
	uint32_t n = 0;

	for (size_t i = 0; at != NULL && i < len; i++)
		n = n << 8 | at[i];
	return n;
}

/* False: malformed, or one that cannot be resumed with. */
static bool read_ticket(struct ticket *t, const uint8_t *body, size_t len)
{
	struct reader r = { body, body + len };

	t->lifetime = take_number(&r, 4);
	t->age_add = take_number(&r, 4);
	t->nonce_len = take_number(&r, 1);
	t->nonce = take(&r, t->nonce_len);
	t->ticket_len = take_number(&r, 2);
	t->ticket = take(&r, t->ticket_len);
	take(&r, take_number(&r, 2)); /* extensions: early data, which we never send */
	return r.at == r.end && t->lifetime > 0 && t->lifetime <= MAX_LIFETIME &&
	    t->nonce_len <= MAX_NONCE && t->ticket_len > 0;
}

/* --- writing a session --- */

struct writer {
	uint8_t *at;
};

static void put(struct writer *w, const void *from, size_t len)
{
	if (len > 0)
		memcpy(w->at, from, len);
	w->at += len;
}

static void put_number(struct writer *w, uint64_t n, unsigned len)
{
	while (len-- > 0)
		*w->at++ = (uint8_t)(n >> 8 * len);
}

static struct origin_session *session_new(const struct record_ticket *t, size_t room)
{
	struct origin_session *s = calloc(1, sizeof(*s) + room);

	if (s == NULL)
		return NULL;
	s->version = t->origin_version;
	s->until = s->verdict_until = t->until;
	s->len = room;
	return s;
}

/* The order and the sizes are i2d_SSL_SESSION's. */
static struct origin_session *write_13(const struct record_ticket *from)
{
	const size_t fixed = 10 + SECRET + 2 + 4 + 2 + 1 + 1 + 2 + 8 + 4 + 1 + 2 + BINDING_BYTES;
	struct origin_session *s;
	struct timespec now;
	struct writer w;
	struct ticket t;

	if (!read_ticket(&t, from->bytes, from->len))
		return NULL;
	s = session_new(from, fixed + t.nonce_len + t.ticket_len);
	if (s == NULL)
		return NULL;
	/* wolfSSL's clock, whatever ours is: it reckons the ticket's age. */
	clock_gettime(CLOCK_REALTIME, &now);
	w.at = s->bytes;
	put_number(&w, WOLFSSL_CLIENT_END, 1);
	put_number(&w, (uint64_t)now.tv_sec, 4);
	put_number(&w, t.lifetime, 4);
	put_number(&w, 0, 1); /* session id */
	put(&w, from->secret, SECRET);
	put_number(&w, 1, 1); /* extended master secret */
	put_number(&w, 0, 1); /* another id */
	put_number(&w, TLS13, 2);
	put_number(&w, from->suite, 2);
	put_number(&w, 0, 2); /* server id */
	put_number(&w, 0, 1); /* context */
	put_number(&w, 0, 1); /* result of a verification */
	put_number(&w, from->group, 2);
	put_number(&w, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, 8);
	put_number(&w, t.age_add, 4);
	put_number(&w, t.nonce_len, 1);
	put(&w, t.nonce, t.nonce_len);
	put_number(&w, t.ticket_len, 2);
	put(&w, t.ticket, t.ticket_len);
	if (s->until > (int64_t)from->now + t.lifetime)
		s->until = (int64_t)from->now + t.lifetime;
	return s;
}

/* wolfSSL's own bytes: the lifetime is their second number. */
static struct origin_session *write_12(const struct record_ticket *from)
{
	struct origin_session *s = session_new(from, from->len);
	struct reader r = { from->bytes + 5, from->bytes + from->len };
	uint32_t lifetime = take_number(&r, 4);

	if (s == NULL)
		return NULL;
	memcpy(s->bytes, from->bytes, from->len);
	if (lifetime == 0 || lifetime > MAX_LIFETIME)
		lifetime = OLD_LIFETIME;
	if (s->until > (int64_t)from->now + lifetime)
		s->until = (int64_t)from->now + lifetime;
	return s;
}

void origin_session_keep(struct origin_session **slot, struct record *r)
{
	struct record_ticket *t = record_take_ticket(r);
	struct origin_session *s;

	if (t == NULL || t->bytes == NULL || t->have < t->len) {
		record_ticket_free(t);
		return;
	}
	s = t->is_13 ? write_13(t) : write_12(t);
	record_ticket_free(t);
	if (s == NULL)
		return;
	origin_session_free(*slot);
	*slot = s;
}

/* --- wolfSSL's side of it --- */

/* TLS 1.2: a ticket or an identifier is there already, or will never be. */
static bool take_session(struct record_ticket *t, WOLFSSL_SESSION *session)
{
	unsigned int id_len = 0;
	unsigned char *to;
	int len;

	wolfSSL_SESSION_get_id(session, &id_len);
	if (id_len == 0 && !wolfSSL_SESSION_has_ticket(session))
		return false;
	len = wolfSSL_i2d_SSL_SESSION(session, NULL);
	if (len <= 9)
		return false;
	t->bytes = to = malloc((size_t)len);
	if (to == NULL)
		return false;
	t->len = t->have = (size_t)len;
	return wolfSSL_i2d_SSL_SESSION(session, &to) == len;
}

struct record_ticket *origin_ticket_new(WOLFSSL *ssl, const struct handshake_facts *facts,
    uint64_t version, uint32_t now, int64_t until)
{
	struct record_ticket *t = calloc(1, sizeof(*t));
	WOLFSSL_SESSION *session = wolfSSL_get1_session(ssl);
	bool good = false;

	if (t != NULL && session != NULL) {
		t->origin_version = version;
		t->now = now;
		t->until = until;
		t->is_13 = facts->version == TLS13;
		t->suite = facts->suite;
		t->group = facts->group;
		good = t->is_13
		    ? wolfSSL_SESSION_get_master_key(session, t->secret, SECRET) == SECRET
		    : take_session(t, session);
	}
	wolfSSL_SESSION_free(session);
	if (good)
		return t;
	record_ticket_free(t);
	return NULL;
}

bool origin_session_resume(
    const struct origin_session *s, WOLFSSL *ssl, uint64_t version, int64_t now, int64_t *until)
{
	const unsigned char *at;
	WOLFSSL_SESSION *session;
	bool good;

	if (s == NULL || s->version != version || now >= s->until)
		return false;
	at = s->bytes;
	session = wolfSSL_d2i_SSL_SESSION(NULL, &at, (long)s->len);
	good = session != NULL && wolfSSL_set_session(ssl, session) == WOLFSSL_SUCCESS;
	wolfSSL_SESSION_free(session);
	if (good)
		*until = s->verdict_until;
	return good;
}
