/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/conn_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/cert.h"
#include "tls/client_cert.h"

const char *conn_end_name(enum conn_end end)
{
	static const char *const names[CONN_N_ENDS] = {
		[CONN_END_UNKNOWN] = "unknown",
		[CONN_END_CLIENT] = "client_closed",
		[CONN_END_BACKEND] = "backend_closed",
		[CONN_END_CLIENT_RESET] = "client_reset",
		[CONN_END_BACKEND_RESET] = "backend_reset",
		[CONN_END_TRUNCATED] = "client_truncated",
		[CONN_END_IDLE] = "idle_timeout",
		[CONN_END_RECORD] = "tls_record_error",
		[CONN_END_BACKEND_TRUNCATED] = "backend_truncated",
		[CONN_END_BACKEND_RECORD] = "backend_tls_record_error",
		[CONN_END_NO_BACKEND] = "backend_unreachable",
		[CONN_END_SHUTDOWN] = "shutdown",
		[CONN_END_HELLO] = "hello_invalid",
		[CONN_END_HELLO_INCOMPLETE] = "hello_incomplete",
		[CONN_END_CHOICE] = "handshake_refused",
		[CONN_END_HANDSHAKE] = "handshake_failed",
		[CONN_END_HANDSHAKE_TIMEOUT] = "handshake_timeout",
		[CONN_END_PROXY_HEADER] = "proxy_header_invalid",
		[CONN_END_PROXY_TIMEOUT] = "proxy_header_timeout",
		[CONN_END_REFUSED_PROXY] = "refused_not_a_front",
		[CONN_END_REFUSED_FULL] = "refused_full",
		[CONN_END_REFUSED_RATE] = "refused_rate",
		[CONN_END_REFUSED_HANDSHAKES] = "refused_handshakes",
		[CONN_END_REFUSED_SOURCE] = "refused_source",
	};

	return (unsigned)end < CONN_N_ENDS ? names[end] : "unknown";
}

void conn_facts_init(struct conn_facts *f, const struct flow *flow,
    const uint8_t trace[CONN_TRACE_BYTES], uint64_t now_us)
{
	memset(f, 0, sizeof(*f));
	f->client = flow->remote;
	f->local = flow->local;
	f->client_port = flow->remote_port;
	f->local_port = flow->local_port;
	f->listener_port = flow->local_port;
	f->accepted_us = now_us;
	f->tls.alert = 0xff;
	f->origin.alert = 0xff;
	memcpy(f->trace, trace, CONN_TRACE_BYTES);
}

void conn_facts_fini(struct conn_facts *f)
{
	client_cert_free(f->client_cert);
	free(f->text);
	memset(f, 0, sizeof(*f));
}

void conn_facts_say(struct conn_facts *f, enum conn_text which, const void *bytes, size_t n)
{
	char *text;

	if (n == 0 || n > (size_t)UINT16_MAX - f->n_text || f->texts[which].n)
		return;
	text = realloc(f->text, f->n_text + n);
	if (!text)
		return;
	memcpy(text + f->n_text, bytes, n);
	f->text = text;
	f->texts[which].at = f->n_text;
	f->texts[which].n = (uint16_t)n;
	f->n_text = (uint16_t)(f->n_text + n);
}

const char *conn_facts_text(const struct conn_facts *f, enum conn_text which, size_t *n)
{
	*n = f->texts[which].n;
	return *n ? f->text + f->texts[which].at : "";
}

void conn_facts_cert(struct conn_facts *f, const struct cert *cert)
{
	f->key_type = (uint8_t)cert->key_type;
	f->key_bits = (uint16_t)cert->key_bits;
	f->hash_bits = cert->signature_hash_bits;
	conn_facts_say(f, CONN_CERT, cert->name, strlen(cert->name));
	conn_facts_say(f, CONN_SERIAL, cert->serial, strlen(cert->serial));
}

const char *conn_facts_key_alg(const struct conn_facts *f, char text[16])
{
	switch ((enum cert_key_type)f->key_type) {
	case CERT_RSA:
		snprintf(text, 16, "RSA%u", f->key_bits);
		break;
	case CERT_P256:
	case CERT_P384:
	case CERT_P521:
		snprintf(text, 16, "EC%u", f->key_bits);
		break;
	case CERT_ED25519:
		snprintf(text, 16, "ED25519");
		break;
	}
	return text;
}

const char *conn_facts_trace(const struct conn_facts *f, char text[CONN_TRACE_TEXT])
{
	static const char hex[] = "0123456789abcdef";

	memcpy(text, "TID_", 4);
	for (unsigned i = 0; i < CONN_TRACE_BYTES; i++) {
		text[4 + 2 * i] = hex[f->trace[i] >> 4];
		text[5 + 2 * i] = hex[f->trace[i] & 15];
	}
	text[CONN_TRACE_TEXT - 1] = '\0';
	return text;
}
