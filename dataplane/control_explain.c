/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"
#include "dataplane/control_private.h"
#include "dataplane/proxy/snapshot.h"
#include "tls/cert.h"
#include "tls/hello.h"
#include "tls/policy.h"
#include "tls/select.h"
#include "tls/service.h"

#define MAX_LIST 64

/* What a client of today says (OpenSSL 3): ECDSA, Ed25519, RSA-PSS, RSA PKCS#1 with SHA-2. */
static const uint16_t usual_sigalgs[] = { 0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806,
	0x0401, 0x0501, 0x0601 };
static const uint16_t usual_versions[] = { 0x0304, 0x0303 };

/* X25519MLKEM768, x25519, secp256r1, secp384r1, secp521r1. */
static const uint16_t usual_groups[] = { 0x11ec, 29, 23, 24, 25 };

/* A hello_list reads network order. */
struct wire_list {
	uint8_t at[2 * MAX_LIST];
};

static struct hello_list write_list(struct wire_list *w, const uint16_t *values, unsigned n)
{
	if (n > MAX_LIST)
		n = MAX_LIST;
	for (unsigned i = 0; i < n; i++) {
		w->at[2 * i] = (uint8_t)(values[i] >> 8);
		w->at[2 * i + 1] = (uint8_t)values[i];
	}
	return (struct hello_list){ .at = w->at, .n = (uint16_t)n };
}

static void take_name(struct hello *h, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (len > HELLO_MAX_NAME)
		len = 0;
	for (size_t i = 0; i < len; i++)
		h->sni[i] = (char)tolower((unsigned char)name[i]);
	h->sni_len = (uint8_t)len;
}

enum ops_verdict control_op_explain(
    void *arg, const struct ops_explain *q, struct ops_explained *answer, struct err *e)
{
	struct control *c = arg;
	int i = state_listener_find(c->state, q->listener);
	struct wire_list sigalgs, versions, groups, suites;
	const struct tls_service *service;
	struct tls_choice choice;
	const struct policy *policy;
	struct hello h;
	int result;

	memset(&h, 0, sizeof(h));
	if (i < 0) {
		err_set(e, "there is no listener '%s'", q->listener);
		return OPS_NOT_FOUND;
	}
	service = c->state->listeners[i].service->tls;
	if (!service) {
		err_set(e, "listener '%s' does not decrypt: targets choose their certificate",
		    q->listener);
		return OPS_CONFLICT;
	}
	take_name(&h, q->name);
	policy = tls_service_rule(service, h.sni, h.sni_len)->policy;
	h.sigalgs = q->n_sigalgs ? write_list(&sigalgs, q->sigalgs, q->n_sigalgs)
				 : write_list(&sigalgs, usual_sigalgs, 10);
	h.versions = q->n_versions ? write_list(&versions, q->versions, q->n_versions)
				   : write_list(&versions, usual_versions, 2);
	for (unsigned k = 0; k < h.versions.n; k++)
		if (hello_list_get(&h.versions, k) > h.max_version)
			h.max_version = hello_list_get(&h.versions, k);
	h.legacy_version = h.max_version < 0x0303 ? h.max_version : 0x0303;
	h.groups = write_list(&groups, usual_groups, 5);
	h.key_shares = write_list(&groups, usual_groups, 5);
	h.suites = write_list(&suites, policy->suites, policy->n_suites);
	result = select_certificate(service, &h, &choice);
	*answer = (struct ops_explained){
		.certificate = result == 0 ? choice.cert->name : NULL,
		.reason = select_reason_text(choice.reason),
		.version = choice.version ? policy_version_name(choice.version) : NULL,
		.suite = result == 0 ? policy_suite_name(choice.suite) : NULL,
		.alert = result == 0 ? 0 : choice.alert,
	};
	return OPS_OK;
}
