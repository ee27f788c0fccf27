/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/handshake_chain.h"
#include "tls/handshake_private.h"
#include "tls/handshake_worker.h"

/* Of the peer's certificate. */
static enum client_cert_status *status_of(struct handshake *h)
{
	return h->client.is_client ? &h->facts.server_cert_status : &h->facts.client_cert_status;
}

static void note_alerts(struct handshake *h)
{
	WOLFSSL_ALERT_HISTORY alerts;

	h->facts.alert = 0xff;
	if (wolfSSL_get_alert_history(h->ssl, &alerts) != WOLFSSL_SUCCESS)
		return;
	/* One that was received is the cause; what we said after it is not. */
	h->facts.alert_is_ours =
	    alerts.last_rx.level != alert_fatal && alerts.last_rx.code != close_notify;
	if (!h->facts.alert_is_ours)
		h->facts.alert = (uint8_t)alerts.last_rx.code;
	else if (alerts.last_tx.code >= 0)
		h->facts.alert = (uint8_t)alerts.last_tx.code;
}

/* wolfSSL fails without an alert in places: the peer is to be told all the same (RFC 8446 6.2). */
static void tell(struct handshake *h, int error)
{
	int alert = handshake_failure;

	if (error == UNKNOWN_RECORD_TYPE)
		alert = unexpected_message;
	else if (error == MEMORY_E || h->pipe.overflow)
		alert = internal_error;
	handshake_io_alert(h->ssl, alert);
	note_alerts(h);
}

/* Says why the peer's certificate is refused; whatever wolfSSL would say goes nowhere. */
static void refuse(struct handshake *h)
{
	uint8_t alert = client_cert_alert(*status_of(h), h->mtls.version);

	/* A server that showed something, when nobody can say any more whether it is good. */
	if (h->client.is_client && *status_of(h) == CLIENT_CERT_UNMAPPED)
		alert = internal_error;
	h->pipe.withhold = false;
	handshake_io_alert(h->ssl, alert);
	h->pipe.mute = true;
	h->facts.alert = alert;
	h->facts.alert_is_ours = true;
}

bool handshake_peer_chain(void *arg, const struct client_cert_der *chain, unsigned n_chain)
{
	struct handshake *h = arg;
	enum client_cert_status *status = status_of(h);
	int64_t now = (int64_t)tls_worker_now_s(h->worker);
	bool has_failed;

	if (h->mtls.is_judged || h->client.is_judged || h->dying)
		return !client_cert_has_failed(*status);
	h->pipe.withhold = false;
	if (h->client.is_client)
		*status = handshake_client_judge(
		    &h->client, (uint16_t)wolfSSL_version(h->ssl), chain, n_chain, now);
	else
		*status = handshake_mtls_judge(&h->mtls, chain, n_chain, now);
	has_failed = client_cert_has_failed(*status);
	/* Of a target, only what is wrong is worth a copy. */
	if (!h->client.is_client || has_failed)
		h->client_cert = client_cert_new(chain, n_chain);
	h->facts.client_cert = h->client_cert;
	if (has_failed)
		refuse(h);
	return !has_failed;
}

/* wolfSSL has given up before there was a verdict, or for another reason. */
static enum handshake_status fail(struct handshake *h, int error)
{
	enum client_cert_status *status = status_of(h);
	bool is_withheld = h->pipe.withhold;

	if (h->pipe.mute)
		return HANDSHAKE_FAILED;
	note_alerts(h);
	*status = h->client.is_client ? handshake_client_blame(&h->client, *status, error)
				      : handshake_mtls_blame(&h->mtls, *status, error);
	if (h->dying || (h->facts.alert != 0xff && !(is_withheld && h->facts.alert_is_ours)))
		return HANDSHAKE_FAILED;
	h->pipe.withhold = false;
	if (client_cert_has_failed(*status) && *status != CLIENT_CERT_UNMAPPED)
		refuse(h);
	else if (h->facts.alert != 0xff)
		handshake_io_alert(h->ssl, h->facts.alert);
	else
		tell(h, error);
	return HANDSHAKE_FAILED;
}

enum handshake_status handshake_classify(struct handshake *h, int ret)
{
	enum client_cert_status *status = status_of(h);
	int error;

	if (ret == WOLFSSL_SUCCESS) {
		*status = h->client.is_client
		    ? handshake_client_end(&h->client, *status, wolfSSL_session_reused(h->ssl) == 1)
		    : handshake_mtls_end(&h->mtls, *status);
		if (!client_cert_has_failed(*status))
			return HANDSHAKE_DONE;
		if (!h->pipe.mute)
			refuse(h);
		return HANDSHAKE_FAILED;
	}
	error = wolfSSL_get_error(h->ssl, ret);
	if (error == WOLFSSL_ERROR_WANT_READ && !h->pipe.overflow && !h->pipe.mute)
		return HANDSHAKE_WANT_READ;
	return fail(h, error);
}
