/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/handshake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "tls/cert.h"
#include "tls/handshake_facts.h"
#include "tls/handshake_private.h"
#include "tls/handshake_worker.h"
#include "tls/legacy.h"
#include "tls/origin_private.h"
#include "tls/record_ticket.h"
#include "tls/select.h"
#include "tls/service.h"
#include "tls/ticket.h"

static int keep_secret(WOLFSSL *ssl, int id, const unsigned char *secret, int len, void *arg)
{
	struct handshake *h = arg;
	uint8_t *to = id == CLIENT_TRAFFIC_SECRET ? h->client_traffic
	    : id == SERVER_TRAFFIC_SECRET         ? h->server_traffic
						  : NULL;

	(void)ssl;
	if (to != NULL && len >= 0 && (size_t)len <= sizeof(h->client_traffic))
		memcpy(to, secret, (size_t)len);
	return 0;
}

/* Digest of the server name the client asked for: wolfSSL, which we do not tell it, would not bind it. */
static bool own_ticket(struct handshake *h, const struct tls_choice *choice)
{
	if (wc_Sha256Hash((const byte *)choice->sni, (word32)choice->sni_len, h->ticket_name) != 0)
		return false;
	memcpy(h->ticket_binding, choice->rule->ticket_binding, TICKET_BINDING);
	h->ticket_owner.binding = h->ticket_binding;
	h->ticket_owner.name = h->ticket_name;
	return true;
}

/* The hint is the context's, but only this worker's sessions read it. */
static bool tickets_init(struct handshake *h, const struct tls_choice *choice, WOLFSSL_CTX *ctx)
{
	const struct ticket_ring *ring = h->worker->tickets;

	/* A ticket would let in again whose certificate has been revoked since. */
	if (ring == NULL || choice->service->no_tickets || choice->rule->mtls.mode != MTLS_OFF) {
		wolfSSL_no_ticket_TLSv13(h->ssl); /* refused where there is no TLS 1.3 */
		return wolfSSL_NoTicketTLSv12(h->ssl) == WOLFSSL_SUCCESS;
	}
	return own_ticket(h, choice) &&
	    wolfSSL_CTX_set_TicketHint(ctx, (int)ring->lifetime_s) == WOLFSSL_SUCCESS &&
	    wolfSSL_set_timeout(h->ssl, ring->lifetime_s) == WOLFSSL_SUCCESS;
}

/*
 * A copy of the response for wolfSSL, which frees it: the certificate may be gone when the fiber gets to
 * send it. Out of its dates it is left out.
 */
static bool staple_init(struct handshake *h, const struct cert *cert)
{
	uint8_t *copy;

	if (cert->ocsp.at == NULL || tls_worker_now_s(h->worker) > cert->ocsp_next_update)
		return true;
	copy = wolfSSL_Malloc(cert->ocsp.len);
	if (copy == NULL)
		return false;
	memcpy(copy, cert->ocsp.at, cert->ocsp.len);
	return wolfSSL_set_tlsext_status_ocsp_resp(h->ssl, copy, (int)cert->ocsp.len) ==
	    WOLFSSL_SUCCESS;
}

const struct ticket_owner *handshake_ticket_owner(const struct handshake *h)
{
	return h->ticket_owner.binding != NULL ? &h->ticket_owner : NULL;
}

static bool session_init(struct handshake *h, const struct tls_choice *choice)
{
	struct tls_worker *w = h->worker;
	const struct tls_mtls *mtls = &choice->rule->mtls;
	WOLFSSL_CTX *ctx = ctx_get(w->contexts, choice->cert, choice->rule->policy,
	    mtls->mode != MTLS_OFF && mtls->advertises ? mtls->trust : NULL);

	if (ctx == NULL)
		return false;
	h->ssl = wolfSSL_new(ctx);
	if (h->ssl == NULL)
		return false;
	handshake_io_bind(&h->pipe, h->ssl);
	if (wolfSSL_set_tls13_secret_cb(h->ssl, keep_secret, h) != WOLFSSL_SUCCESS)
		return false;
	if (choice->old_group != 0 && !ctx_narrow(h->ssl, choice->old_group))
		return false;
	if (!handshake_mtls_init(&h->mtls, h->ssl, choice, h))
		return false;
	/* Below TLS 1.3 wolfSSL has but one alert for what it cannot read. */
	h->pipe.withhold = h->mtls.asks && choice->version <= 0x0303;
	if (!tickets_init(h, choice, ctx) || !staple_init(h, choice->cert))
		return false;
	if (choice->alpn != NULL) {
		char name[256];

		memcpy(name, choice->alpn, choice->alpn_len);
		if (wolfSSL_UseALPN(h->ssl, name, choice->alpn_len,
			WOLFSSL_ALPN_FAILED_ON_MISMATCH) != WOLFSSL_SUCCESS)
			return false;
	}
	return true;
}

static bool
client_session_init(struct handshake *h, const struct origin *o, const struct origin_peer *peer)
{
	struct tls_worker *w = h->worker;
	WOLFSSL_CTX *ctx = ctx_get_client(w->contexts, o->certificate, &o->policy);

	if (ctx == NULL)
		return false;
	h->ssl = wolfSSL_new(ctx);
	if (h->ssl == NULL)
		return false;
	handshake_io_bind(&h->pipe, h->ssl);
	/* An alert in plaintext is wolfSSL's guess; after a verdict there is a better one. */
	h->pipe.withhold = o->trust != NULL;
	return wolfSSL_set_tls13_secret_cb(h->ssl, keep_secret, h) == WOLFSSL_SUCCESS &&
	    handshake_client_init(&h->client, h->ssl, o, peer, (int64_t)tls_worker_now_s(w), h);
}

/* One without a session of wolfSSL's yet; NULL: too many, or no memory. */
static struct handshake *blank_new(struct tls_worker *w, void *user)
{
	struct handshake *h;

	if (w->stats.handshakes >= w->max_handshakes)
		return NULL;
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return NULL;
	h->worker = w;
	h->user = user;
	h->status = HANDSHAKE_WANT_READ;
	h->facts.alert = 0xff;
	w->stats.handshakes++;
	return h;
}

struct handshake *handshake_new(struct tls_worker *w, const struct tls_choice *choice, void *user)
{
	struct handshake *h = blank_new(w, user);
	struct tls_worker *before;

	if (h == NULL)
		return NULL;
	before = tls_worker_enter(w);
	if (!session_init(h, choice)) {
		handshake_free(h);
		h = NULL;
	}
	tls_worker_count(w);
	tls_worker_leave(before);
	return h;
}

struct handshake *handshake_new_client(
    struct tls_worker *w, const struct origin *o, const struct origin_peer *peer, void *user)
{
	struct handshake *h = blank_new(w, user);
	struct tls_worker *before;

	if (h == NULL)
		return NULL;
	before = tls_worker_enter(w);
	if (!client_session_init(h, o, peer)) {
		handshake_free(h);
		h = NULL;
	}
	tls_worker_count(w);
	tls_worker_leave(before);
	return h;
}

/* Where a request of wolfCrypt's waits. Runs on the fiber. */
static int wait_for_batch(struct handshake *h, wc_CryptoInfo *info, enum pkey_kind kind)
{
	struct tls_worker *w = h->worker;

	pkey_submit(&w->keys, &h->op, info, kind);
	fiber_yield();
	h->op.info = NULL;
	return h->op.result;
}

/* wolfCrypt may write over an RSA operation's input. */
static int wait_for_rsa(struct handshake *h, wc_CryptoInfo *info, enum pkey_kind kind)
{
	uint8_t block[sizeof(h->worker->rsa_checked.block)];
	int result;

	assert(info->pk.rsa.inLen <= sizeof(block));
	memcpy(block, info->pk.rsa.in, info->pk.rsa.inLen);
	result = wait_for_batch(h, info, kind);
	if (result == 0)
		pkey_rsa_note(&h->worker->rsa_checked, info, block);
	return result;
}

/* Here and now, without a batch. */
static int operate_alone(struct tls_worker *w, const wc_CryptoInfo *info)
{
	int result;

	w->is_alone = true;
	result = pkey_sign_alone(info);
	w->is_alone = false;
	w->keys.n_wrong += result == SIG_VERIFY_E;
	return result;
}

int handshake_key_operation(struct handshake *h, wc_CryptoInfo *info)
{
	struct tls_worker *w = h->worker;
	int result = CRYPTOCB_UNAVAILABLE;
	enum pkey_kind kind;

	if (w->is_alone)
		return CRYPTOCB_UNAVAILABLE;
	if (h->dying)
		return WC_FAILURE;
	if (pkey_rsa_answer(&w->rsa_checked, info))
		return 0;
	handshake_note_operation(&h->facts, info, w->rng_last);
	if (w->batches && pkey_share_take(&w->keys, info)) {
		w->stats.key_operations++;
		return 0;
	}
	kind = pkey_classify(info);
	if (kind != PKEY_NONE && w->batches && fiber_current() != NULL)
		result = info->pk.type == WC_PK_TYPE_RSA ? wait_for_rsa(h, info, kind)
							 : wait_for_batch(h, info, kind);
	else
		w->stats.key_operations += kind != PKEY_NONE;
	return result == CRYPTOCB_UNAVAILABLE ? operate_alone(w, info) : result;
}

/* One step of wolfSSL's, on whatever stack. */
static void advance(void *arg)
{
	struct handshake *h = arg;

	h->status = handshake_classify(h,
	    h->client.is_client ? handshake_client_connect(&h->client, h->ssl)
				: wolfSSL_accept(h->ssl));
}

/* Goes on with the step that waited, or starts one; with no fiber to be had the step cannot wait. */
static void run(struct handshake *h)
{
	struct tls_worker *w = h->worker;

	w->running = h;
	if (h->fiber == NULL && w->batches)
		h->fiber = fiber_new(w->fibers, advance, h);
	if (h->fiber == NULL)
		advance(h);
	else if (!fiber_resume(h->fiber))
		h->fiber = NULL;
	w->running = NULL;
	if (h->fiber == NULL && (h->status == HANDSHAKE_DONE || h->status == HANDSHAKE_FAILED)) {
		handshake_note_session(&h->facts, h->ssl);
		if (!h->dying && !h->client.is_client)
			w->stats.client_certs[h->facts.client_cert_status]++;
	}
}

/*
 * What the caller is told: room first, because an alert or a last flight must go out before the
 * handshake counts as over.
 */
static enum handshake_status report(const struct handshake *h, bool output_kept)
{
	if (h->op.state != PKEY_IDLE)
		return HANDSHAKE_WANT_KEY;
	return output_kept ? HANDSHAKE_WANT_WRITE : h->status;
}

bool handshake_asks(const struct handshake *h)
{
	return h->mtls.asks;
}

void handshake_follow(struct handshake *h, const struct tls_service *now)
{
	handshake_mtls_follow(&h->mtls, now);
}

void handshake_follow_origin(struct handshake *h, const struct origin *now)
{
	h->client.now = now;
}

enum handshake_status handshake_step(struct handshake *h, struct record_io *io)
{
	struct tls_worker *before = tls_worker_enter(h->worker);
	bool room = handshake_io_begin(&h->pipe, io);
	bool kept;

	/* A fiber without a queued operation has its result and goes on. */
	if (room && h->op.state == PKEY_IDLE &&
	    (h->fiber != NULL || h->status == HANDSHAKE_WANT_READ))
		run(h);
	kept = handshake_io_end(&h->pipe);
	h->mtls.now = NULL;
	h->client.now = NULL;
	tls_worker_count(h->worker);
	tls_worker_leave(before);
	return report(h, kept);
}

void tls_worker_poll(struct tls_worker *w)
{
	struct tls_worker *before;
	uint64_t n_before;

	if (!pkey_is_busy(&w->keys))
		return;
	before = tls_worker_enter(w);
	n_before = w->keys.n_operations;
	pkey_poll(&w->keys);
	w->stats.key_operations += w->keys.n_operations - n_before;
	tls_worker_count(w);
	tls_worker_leave(before);
}

bool tls_worker_is_waiting(const struct tls_worker *w)
{
	return pkey_is_busy(&w->keys);
}

bool tls_worker_is_amid(const struct tls_worker *w)
{
	return pkey_is_amid(&w->keys);
}

void *tls_worker_ready(struct tls_worker *w)
{
	struct pkey_op *op = pkey_next_done(&w->keys);
	struct handshake *h;

	if (op == NULL)
		return NULL;
	h = (struct handshake *)((uint8_t *)op - offsetof(struct handshake, op));
	return h->user;
}

int handshake_finish(struct handshake *h, struct record *r)
{
	struct tls_worker *w = h->worker;
	struct tls_worker *before = tls_worker_enter(w);
	struct record_ticket *ticket = NULL;
	struct tls_keys keys = { .client = h->client.is_client };
	int ret = -1;

	assert(h->status == HANDSHAKE_DONE && h->fiber == NULL);
	if (h->client.is_client)
		ticket =
		    handshake_client_ticket(&h->client, h->ssl, &h->facts, tls_worker_now_s(w));
	switch (handshake_take_keys(h->ssl, h->client_traffic, h->server_traffic, &keys)) {
	case HANDSHAKE_KEYS_TAKEN:
		record_init(r, &keys);
		ret = 0;
		break;
	case HANDSHAKE_KEYS_STAY: {
		struct legacy *legacy = legacy_new(w, h->ssl);

		if (legacy == NULL)
			break;
		h->ssl = NULL;
		record_init_legacy(r, legacy);
		ret = 0;
		break;
	}
	case HANDSHAKE_KEYS_NONE:
		break;
	}
	explicit_bzero(&keys, sizeof(keys));
	if (ret == 0)
		record_want_ticket(r, ticket);
	else
		record_ticket_free(ticket);
	handshake_free(h);
	tls_worker_leave(before);
	return ret;
}

const struct handshake_facts *handshake_facts(const struct handshake *h)
{
	return &h->facts;
}

struct client_cert *handshake_take_client_cert(struct handshake *h)
{
	struct client_cert *c = h->client_cert;

	h->client_cert = NULL;
	h->facts.client_cert = NULL;
	return c;
}

/*
 * A fiber holds what wolfSSL allocated on its way down: it goes on with an error until it is out. Nothing
 * is read or written meanwhile.
 */
static void unwind(struct handshake *h)
{
	h->dying = true;
	h->pipe.io = NULL;
	pkey_cancel(&h->worker->keys, &h->op);
	h->op.result = WC_FAILURE;
	while (h->fiber != NULL)
		run(h);
}

void handshake_free(struct handshake *h)
{
	struct tls_worker *before;
	struct tls_worker *w;

	if (h == NULL)
		return;
	w = h->worker;
	before = tls_worker_enter(w);
	unwind(h);
	if (h->ssl != NULL)
		wolfSSL_free(h->ssl);
	handshake_io_fini(&h->pipe);
	client_cert_free(h->client_cert);
	explicit_bzero(h, sizeof(*h));
	free(h);
	w->stats.handshakes--;
	tls_worker_count(w);
	tls_worker_leave(before);
}
