/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/handshake_ticket.h"

#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls/handshake_worker.h"
#include "tls/ticket.h"

/*
 * Tickets were switched off while the handshake was under way; wolfSSL has promised one and fails the handshake
 * without it. It gets one that nobody can open.
 */
static bool
seal_useless(struct tls_worker *w, const struct ticket_head *head, uint8_t *text, size_t len)
{
	static const uint8_t zeros[32];
	const struct ticket_owner nobody = { .binding = zeros, .name = zeros };
	struct ticket_ring ring = { .n_keys = 1 };
	uint8_t nonce[12];
	bool done;

	drbg_read(w->drbg, ring.keys[0].bytes, sizeof(ring.keys[0].bytes));
	drbg_read(w->drbg, ring.keys[0].aead, sizeof(ring.keys[0].aead));
	drbg_read(w->drbg, nonce, sizeof(nonce));
	done = ticket_seal(&ring, &nobody, 0, nonce, head, text, len);
	explicit_bzero(&ring, sizeof(ring));
	return done;
}

static int seal(struct tls_worker *w, const struct ticket_owner *owner,
    const struct ticket_head *head, uint8_t *text, size_t len)
{
	uint8_t nonce[12];

	if (w->tickets == NULL || owner == NULL)
		return seal_useless(w, head, text, len) ? WOLFSSL_TICKET_RET_OK
							: WOLFSSL_TICKET_RET_FATAL;
	drbg_read(w->drbg, nonce, sizeof(nonce));
	if (!ticket_seal(w->tickets, owner, tls_worker_now_s(w), nonce, head, text, len))
		return WOLFSSL_TICKET_RET_FATAL;
	w->stats.tickets_issued++;
	return WOLFSSL_TICKET_RET_OK;
}

/*
 * TLS 1.3 takes CREATE for no, and sends a new ticket in any case; TLS 1.2 sends a new one for CREATE
 * only.
 */
static int open_ticket(struct tls_worker *w, WOLFSSL *ssl, const struct ticket_owner *owner,
    const struct ticket_head *head, uint8_t *text, size_t len)
{
	if (w->tickets == NULL || owner == NULL)
		return WOLFSSL_TICKET_RET_REJECT;
	switch (ticket_open(w->tickets, owner, tls_worker_now_s(w), head, text, len)) {
	case TICKET_OK:
		w->stats.tickets_taken++;
		return WOLFSSL_TICKET_RET_OK;
	case TICKET_OLD_KEY:
		w->stats.tickets_taken++;
		return wolfSSL_version(ssl) == TLS1_3_VERSION ? WOLFSSL_TICKET_RET_OK
							      : WOLFSSL_TICKET_RET_CREATE;
	case TICKET_UNKNOWN:
		w->stats.tickets_unknown++;
		break;
	case TICKET_EXPIRED:
		w->stats.tickets_expired++;
		break;
	case TICKET_FORGED:
		w->stats.tickets_forged++;
		break;
	}
	return WOLFSSL_TICKET_RET_REJECT;
}

static int ticket_callback(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac,
    int enc, unsigned char *text, int len, int *out_len, void *arg)
{
	struct tls_worker *w = arg;
	const struct ticket_head head = { .name = name, .iv = iv, .mac = mac };
	const struct ticket_owner *owner =
	    w->running != NULL ? handshake_ticket_owner(w->running) : NULL;

	if (len < 0)
		return WOLFSSL_TICKET_RET_REJECT;
	*out_len = len;
	return enc ? seal(w, owner, &head, text, (size_t)len)
		   : open_ticket(w, ssl, owner, &head, text, (size_t)len);
}

void handshake_ticket_install(WOLFSSL_CTX *ctx, struct tls_worker *w)
{
	wolfSSL_CTX_set_TicketEncCb(ctx, ticket_callback);
	wolfSSL_CTX_set_TicketEncCtx(ctx, w);
}

void tls_worker_set_tickets(struct tls_worker *w, const struct ticket_ring *ring)
{
	w->tickets = ring;
}
