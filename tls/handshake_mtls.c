/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/handshake_mtls.h"

#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls/handshake_chain.h"
#include "tls/select.h"
#include "tls/service.h"
#include "tls/trust.h"

bool handshake_mtls_init(
    struct handshake_mtls *m, WOLFSSL *ssl, const struct tls_choice *choice, void *arg)
{
	enum mtls_mode mode = choice->rule->mtls.mode;
	int how = WOLFSSL_VERIFY_PEER;

	if (mode == MTLS_OFF)
		return true;
	m->asks = true;
	m->version = choice->version;
	if (choice->sni_len <= NAME_MAX_LEN) {
		memcpy(m->sni, choice->sni, choice->sni_len);
		m->sni_len = (uint8_t)choice->sni_len;
	}
	if (mode == MTLS_VERIFY)
		how |= WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	return handshake_chain_watch(ssl, how, choice->version <= 0x0303, arg);
}

void handshake_mtls_follow(struct handshake_mtls *m, const struct tls_service *now)
{
	m->now = now ? &tls_service_rule(now, m->sni, m->sni_len)->mtls : NULL;
}

enum client_cert_status handshake_mtls_judge(
    struct handshake_mtls *m, const struct client_cert_der *chain, unsigned n_chain, int64_t now_s)
{
	m->is_judged = true;
	if (!m->now)
		return CLIENT_CERT_UNMAPPED;
	if (m->now->mode != MTLS_VERIFY)
		return CLIENT_CERT_PASSED;
	if (n_chain >= HANDSHAKE_MAX_CHAIN)
		return CLIENT_CERT_MAX_DEPTH;
	return trust_verify(m->now->trust, m->now->ignores_expiry, chain, n_chain, now_s);
}

enum client_cert_status handshake_mtls_end(struct handshake_mtls *m, enum client_cert_status status)
{
	if (!m->asks || m->is_judged)
		return status;
	m->is_judged = true;
	return m->now && m->now->mode != MTLS_VERIFY ? CLIENT_CERT_PASSED : CLIENT_CERT_UNMAPPED;
}

enum client_cert_status
handshake_mtls_blame(const struct handshake_mtls *m, enum client_cert_status status, int error)
{
	enum client_cert_status blamed = handshake_chain_blame(error);

	if (!m->asks || client_cert_has_failed(status) || (m->now && m->now->mode != MTLS_VERIFY))
		return m->asks && status == CLIENT_CERT_NOT_ASKED ? CLIENT_CERT_PASSED : status;
	if (blamed != CLIENT_CERT_SUCCESS)
		return blamed;
	return status == CLIENT_CERT_NOT_ASKED ? CLIENT_CERT_UNMAPPED : status;
}
