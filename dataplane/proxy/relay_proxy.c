/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "config/model.h"
#include "dataplane/proxy/proxy_protocol.h"
#include "dataplane/proxy/relay.h"
#include "tls/policy.h"

/* The PROXY protocol on both legs: what a front says before the ClientHello, what a target is told first. */

_Static_assert((int)PROXY_TLV_ALPN == (int)CONFIG_PROXY_ALPN &&
	(int)PROXY_TLV_AUTHORITY == (int)CONFIG_PROXY_AUTHORITY &&
	(int)PROXY_TLV_SSL == (int)CONFIG_PROXY_SSL &&
	(int)PROXY_TLV_UNIQUE_ID == (int)CONFIG_PROXY_UNIQUE_ID &&
	(int)PROXY_TLV_CRC32C == (int)CONFIG_PROXY_CRC32C &&
	(int)PROXY_TLV_NETNS == (int)CONFIG_PROXY_NETNS &&
	(int)PROXY_TLV_CLIENT_CERT == (int)CONFIG_PROXY_CLIENT_CERT,
    "the configuration's bits are passed on as they are");

/* --- from a front --- */

/* The start of the stream in one piece, as far as a header can be long. */
static size_t gather(struct proxy *p, const struct relay *r)
{
	unsigned n = leg_view(&r->client, p->in, PROXY_IOV_WIDE);
	size_t have = 0;

	for (unsigned i = 0; i < n && have < PROXY_PROTOCOL_MAX; i++) {
		size_t part = PROXY_PROTOCOL_MAX - have;

		if (part > p->in[i].iov_len)
			part = p->in[i].iov_len;
		memcpy(p->scratch + have, p->in[i].iov_base, part);
		have += part;
	}
	return have;
}

static void believe(struct conn_facts *f, const struct proxy_protocol_origin *o)
{
	if (!o->has_addrs)
		return;
	f->front = f->client;
	f->client = o->source;
	f->client_port = o->source_port;
	f->local = o->destination;
	f->local_port = o->destination_port;
	conn_facts_say(f, CONN_NETNS, o->netns.at, o->netns.n);
}

void relay_proxy_header(struct proxy *p, struct relay *r)
{
	const struct listener *l = relay_listener(p, r);
	struct conn_facts *f = relay_facts(p, r);
	struct proxy_protocol_origin origin;
	size_t need = 0;

	if (leg_available(&r->client) < r->need && !leg_is_finished(&r->client))
		return;
	switch (proxy_protocol_read(&origin, p->scratch, gather(p, r), &need)) {
	case PROXY_PROTOCOL_MORE:
		r->need = (uint32_t)need;
		/* Nothing more will come, or it comes in more pieces than we care to look at. */
		if (!leg_is_finished(&r->client) && leg_available(&r->client) < PROXY_PROTOCOL_MAX)
			return;
		break;
	case PROXY_PROTOCOL_BAD:
		break;
	case PROXY_PROTOCOL_OK:
		if (!l) { /* taken away by a reload */
			relay_reject(p, r, CONN_END_REFUSED_FULL);
			return;
		}
		stats_inc(p->stats, STAT_PROXY_HEADERS);
		if (f)
			believe(f, &origin);
		leg_consume(&r->client, origin.len);
		relay_expect_hello(p, r, l);
		return;
	}
	stats_inc(p->stats, STAT_PROXY_HEADERS_BAD);
	relay_ended(p, r, CONN_END_PROXY_HEADER);
	relay_break(p, r);
}

/* --- to a target --- */

/* IANA "TLS SignatureScheme". */
static const char *scheme_name(uint16_t scheme)
{
	static const struct {
		uint16_t scheme;
		const char *name;
	} names[] = {
		{ 0x0201, "rsa_pkcs1_sha1" },
		{ 0x0203, "ecdsa_sha1" },
		{ 0x0401, "rsa_pkcs1_sha256" },
		{ 0x0403, "ecdsa_secp256r1_sha256" },
		{ 0x0501, "rsa_pkcs1_sha384" },
		{ 0x0503, "ecdsa_secp384r1_sha384" },
		{ 0x0601, "rsa_pkcs1_sha512" },
		{ 0x0603, "ecdsa_secp521r1_sha512" },
		{ 0x0804, "rsa_pss_rsae_sha256" },
		{ 0x0805, "rsa_pss_rsae_sha384" },
		{ 0x0806, "rsa_pss_rsae_sha512" },
		{ 0x0807, "ed25519" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].scheme == scheme)
			return names[i].name;
	return NULL;
}

static const char *sig_alg_name(unsigned hash_bits)
{
	switch (hash_bits) {
	case 160:
		return "SHA1";
	case 256:
		return "SHA256";
	case 384:
		return "SHA384";
	case 512:
		return "SHA512";
	}
	return NULL;
}

static struct proxy_protocol_bytes text_of(const struct conn_facts *f, enum conn_text which)
{
	struct proxy_protocol_bytes b;

	b.at = conn_facts_text(f, which, &b.n);
	return b;
}

static void tell_tls(struct proxy_protocol_tls *tls, const struct conn_facts *f, char key_alg[16])
{
	const struct client_cert *c = f->client_cert;

	*tls = (struct proxy_protocol_tls){
		.version = policy_version_name(f->tls.version),
		.cipher = policy_suite_name(f->tls.suite),
		.group = policy_group_name(f->tls.group),
		.sig_scheme = scheme_name(f->tls.sigalg),
		.sig_alg = sig_alg_name(f->hash_bits),
		.key_alg = conn_facts_key_alg(f, key_alg),
		.has_cert = c != NULL,
		.is_verified = f->tls.client_cert_status == CLIENT_CERT_SUCCESS,
	};
	if (!c)
		return;
	tls->cn = (struct proxy_protocol_bytes){ c->common_name, strlen(c->common_name) };
	tls->cert = (struct proxy_protocol_bytes){ c->chain[0].at, c->chain[0].len };
}

/* Into room that is large enough. */
static void scatter(const struct iovec *iov, unsigned n, const uint8_t *from, size_t len)
{
	for (unsigned i = 0; i < n && len > 0; i++) {
		size_t part = len < iov[i].iov_len ? len : iov[i].iov_len;

		memcpy(iov[i].iov_base, from, part);
		from += part;
		len -= part;
	}
}

bool relay_proxy_tell(struct proxy *p, struct relay *r, const struct backend *b)
{
	const struct conn_facts *f = relay_facts(p, r);
	struct conn_facts little;
	char trace[CONN_TRACE_TEXT], key_alg[16];
	struct proxy_protocol_header h = { .tlvs = b->proxy_tlvs };
	size_t len, room = 0;
	unsigned n;

	if (b->proxy_version == 0)
		return true;
	if (!f) { /* accepted before a reload asked for headers: addresses have to do */
		conn_facts_init(
		    &little, tcp_flow(r->client.conn), (uint8_t[CONN_TRACE_BYTES]){ 0 }, p->now_us);
		h.tlvs &= PROXY_TLV_CRC32C;
		f = &little;
	}
	if (r->flags & RELAY_PASS) /* its TLS is none of ours */
		h.tlvs &= ~(unsigned)(PROXY_TLV_SSL | PROXY_TLV_CLIENT_CERT);
	h.source = f->client;
	h.destination = f->local;
	h.source_port = f->client_port;
	h.destination_port = f->local_port;
	h.alpn = text_of(f, CONN_ALPN);
	h.authority = text_of(f, CONN_SNI);
	h.netns = text_of(f, CONN_NETNS);
	h.unique_id =
	    (struct proxy_protocol_bytes){ conn_facts_trace(f, trace), CONN_TRACE_TEXT - 1 };
	tell_tls(&h.tls, f, key_alg);
	len = proxy_protocol_write(p->header, sizeof(p->header), b->proxy_version, &h);
	n = leg_reserve(&r->backend, len, p->out, PROXY_IOV);
	for (unsigned i = 0; i < n; i++)
		room += p->out[i].iov_len;
	if (len == 0 || room < len) {
		leg_commit(&r->backend, 0, TCP_MORE);
		return false;
	}
	scatter(p->out, n, p->header, len);
	leg_commit(&r->backend, len, TCP_PUSH);
	return true;
}
