/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/handshake_client.h"

#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls/handshake_chain.h"
#include "tls/origin_private.h"
#include "tls/origin_session.h"
#include "tls/trust.h"

#define TLS12 0x0303
#define TLS13 0x0304

static bool is_hybrid(uint16_t group)
{
	return group >= 4587 && group <= 4589; /* draft-ietf-tls-ecdhe-mlkem */
}

/*
 * A key share of the first group; with a hybrid one also of the first that every server has, so that those
 * without do not cost a round trip (HelloRetryRequest).
 */
static void choose_shares(struct handshake_client *c, const struct policy *p)
{
	unsigned i = 0;

	if (p->max_version < TLS13 || p->n_groups == 0)
		return;
	c->shares[c->n_shares++] = p->groups[0];
	while (i < p->n_groups && is_hybrid(p->groups[i]))
		i++;
	if (i > 0 && i < p->n_groups)
		c->shares[c->n_shares++] = p->groups[i];
}

static bool set_names(WOLFSSL *ssl, const struct origin *o, const struct origin_peer *peer)
{
	const char *from = peer->alpn_len > 0 ? peer->alpn : o->alpn;
	uint8_t alpn_len = peer->alpn_len > 0 ? peer->alpn_len : o->alpn_len;
	char alpn[ORIGIN_MAX_ALPN + 1] = "";
	size_t len = strlen(o->host);

	if (len > 0 &&
	    wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, o->host, (unsigned short)len) !=
		WOLFSSL_SUCCESS)
		return false;
	memcpy(alpn, from, alpn_len); /* wolfSSL cuts it up */
	return alpn_len == 0 ||
	    wolfSSL_UseALPN(ssl, alpn, alpn_len, WOLFSSL_ALPN_FAILED_ON_MISMATCH) ==
	    WOLFSSL_SUCCESS;
}

bool handshake_client_init(struct handshake_client *c, WOLFSSL *ssl, const struct origin *o,
    const struct origin_peer *peer, int64_t now, void *arg)
{
	c->is_client = true;
	c->verifies = o->trust != NULL;
	c->keeps_session = !o->no_sessions;
	c->may_be_old = o->policy.min_version <= TLS12;
	c->version = o->version;
	c->until = INT64_MAX; /* for a server that is not verified */
	memcpy(c->address, peer->address, sizeof(c->address));
	c->address_len = peer->address_len;
	if (!handshake_chain_watch(ssl, WOLFSSL_VERIFY_PEER, c->may_be_old, arg) ||
	    !set_names(ssl, o, peer))
		return false;
	if (c->keeps_session && c->may_be_old && wolfSSL_UseSessionTicket(ssl) != WOLFSSL_SUCCESS)
		return false;
	choose_shares(c, &o->policy);
	c->is_resuming = c->keeps_session &&
	    origin_session_resume(peer->session, ssl, o->version, now, &c->until);
	return true;
}

/* A group that this build of wolfSSL does not have is passed over. On a session's group wolfSSL decides for itself. */
static void send_shares(struct handshake_client *c, WOLFSSL *ssl)
{
	for (unsigned i = 0; i < c->n_shares && !c->is_resuming; i++)
		(void)wolfSSL_UseKeyShare(ssl, c->shares[i]);
	c->n_shares = 0;
}

int handshake_client_connect(struct handshake_client *c, WOLFSSL *ssl)
{
	send_shares(c, ssl);
	return wolfSSL_connect(ssl);
}

enum client_cert_status handshake_client_judge(struct handshake_client *c, uint16_t version,
    const struct client_cert_der *chain, unsigned n_chain, int64_t now_s)
{
	const struct origin *o = c->now;
	struct trust_server server = { .may_encipher = version <= TLS12 };

	c->is_judged = true;
	if (o == NULL)
		return CLIENT_CERT_UNMAPPED;
	/* Judged by other rules than a session of that version stands for. */
	if (o->version != c->version)
		c->keeps_session = false;
	if (o->trust == NULL)
		return CLIENT_CERT_PASSED;
	if (n_chain >= HANDSHAKE_MAX_CHAIN)
		return CLIENT_CERT_MAX_DEPTH;
	if (o->host[0] != '\0') {
		server.host = o->host;
	} else if (o->address_len > 0) {
		server.address = o->address;
		server.address_len = o->address_len;
	} else {
		server.address = c->address;
		server.address_len = c->address_len;
	}
	return trust_verify_server(o->trust, &server, chain, n_chain, now_s, &c->until);
}

enum client_cert_status
handshake_client_end(struct handshake_client *c, enum client_cert_status status, bool is_resumed)
{
	if (c->is_judged)
		return status;
	c->is_judged = true;
	if (!c->verifies)
		return CLIENT_CERT_PASSED;
	return is_resumed && c->is_resuming ? CLIENT_CERT_SUCCESS : CLIENT_CERT_UNMAPPED;
}

enum client_cert_status
handshake_client_blame(const struct handshake_client *c, enum client_cert_status status, int error)
{
	enum client_cert_status blamed = handshake_chain_blame(error);

	if (!c->verifies || client_cert_has_failed(status) || blamed == CLIENT_CERT_SUCCESS)
		return status;
	return blamed;
}

struct record_ticket *handshake_client_ticket(const struct handshake_client *c, WOLFSSL *ssl,
    const struct handshake_facts *facts, uint32_t now_s)
{
	if (!c->keeps_session)
		return NULL;
	return origin_ticket_new(ssl, facts, c->version, now_s, c->until);
}
