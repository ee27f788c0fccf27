/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/proxy_protocol.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/proxy/proxy_protocol_wire.h"

uint32_t proxy_protocol_crc32c(uint32_t crc, const void *bytes, size_t n)
{
	/* Half a byte at a time: of the reflected polynomial 0x82f63b78. */
	static const uint32_t table[16] = {
		0x00000000,
		0x105ec76f,
		0x20bd8ede,
		0x30e349b1,
		0x417b1dbc,
		0x5125dad3,
		0x61c69362,
		0x7198540d,
		0x82f63b78,
		0x92a8fc17,
		0xa24bb5a6,
		0xb21572c9,
		0xc38d26c4,
		0xd3d3e1ab,
		0xe330a81a,
		0xf36e6f75,
	};
	const uint8_t *p = bytes;

	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* Bytes being written; a piece that does not fit leaves it failed. */
struct writer {
	uint8_t *at;
	size_t n, room;
	bool failed;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
	if (w->failed || w->room - w->n < n) {
		w->failed = true;
		return;
	}
	if (n > 0)
		memcpy(w->at + w->n, bytes, n);
	w->n += n;
}

static void put8(struct writer *w, unsigned value)
{
	uint8_t b = (uint8_t)value;

	put(w, &b, 1);
}

static void put16(struct writer *w, size_t value)
{
	put8(w, (unsigned)(value >> 8 & 0xff));
	put8(w, (unsigned)(value & 0xff));
}

/* Over two bytes that were put as a placeholder. */
static void set16(struct writer *w, size_t at, size_t value)
{
	if (w->failed || value > 0xffff) {
		w->failed = true;
		return;
	}
	w->at[at] = (uint8_t)(value >> 8);
	w->at[at + 1] = (uint8_t)value;
}

static void put_tlv(struct writer *w, unsigned type, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	put8(w, type);
	put16(w, n);
	put(w, bytes, n);
}

static void put_text(struct writer *w, unsigned type, const char *text)
{
	if (text)
		put_tlv(w, type, text, strlen(text));
}

static void
put_chosen(struct writer *w, unsigned chosen, unsigned type, const struct proxy_protocol_bytes *b)
{
	if (chosen)
		put_tlv(w, type, b->at, b->n);
}

/* Section 2.2.6. verify is 0 only when there is a certificate and it was found good. */
static void put_ssl(struct writer *w, const struct proxy_protocol_tls *tls, bool with_cert)
{
	const uint8_t failed[4] = { 0, 0, 0, tls->has_cert && tls->is_verified ? 0 : 1 };
	size_t length_at;

	put8(w, PP2_TYPE_SSL);
	length_at = w->n;
	put16(w, 0);
	put8(w, PP2_CLIENT_SSL | (tls->has_cert ? PP2_CLIENT_CERT_CONN | PP2_CLIENT_CERT_SESS : 0));
	put(w, failed, sizeof(failed));
	put_text(w, PP2_SSL_VERSION, tls->version);
	put_text(w, PP2_SSL_CIPHER, tls->cipher);
	put_text(w, PP2_SSL_SIG_ALG, tls->sig_alg);
	put_text(w, PP2_SSL_KEY_ALG, tls->key_alg);
	put_text(w, PP2_SSL_GROUP, tls->group);
	put_text(w, PP2_SSL_SIG_SCHEME, tls->sig_scheme);
	if (tls->has_cert)
		put_tlv(w, PP2_SSL_CN, tls->cn.at, tls->cn.n);
	if (tls->has_cert && with_cert)
		put_tlv(w, PP2_SSL_CLIENT_CERT, tls->cert.at, tls->cert.n);
	set16(w, length_at, w->n - length_at - 2);
}

static bool is_v4(const struct proxy_protocol_header *h)
{
	return ip_addr_is_v4(&h->source) && ip_addr_is_v4(&h->destination);
}

/* Of one family: an IPv4 address beside an IPv6 one stays v4-mapped. */
static void put_addrs(struct writer *w, const struct proxy_protocol_header *h)
{
	unsigned skip = is_v4(h) ? 12 : 0;

	put(w, h->source.b + skip, 16 - skip);
	put(w, h->destination.b + skip, 16 - skip);
	put16(w, h->source_port);
	put16(w, h->destination_port);
}

static void write_v2(struct writer *w, const struct proxy_protocol_header *h)
{
	struct proxy_protocol_bytes id = h->unique_id;
	size_t crc_at;

	if (id.n > PROXY_PROTOCOL_ID_MAX)
		id.n = PROXY_PROTOCOL_ID_MAX;
	put(w, PP2_SIGNATURE, PP2_SIGNATURE_LEN);
	put8(w, PP2_PROXY);
	put8(w, is_v4(h) ? PP2_TCP4 : PP2_TCP6);
	put16(w, 0);
	put_addrs(w, h);
	put_chosen(w, h->tlvs & PROXY_TLV_ALPN, PP2_TYPE_ALPN, &h->alpn);
	put_chosen(w, h->tlvs & PROXY_TLV_AUTHORITY, PP2_TYPE_AUTHORITY, &h->authority);
	put_chosen(w, h->tlvs & PROXY_TLV_UNIQUE_ID, PP2_TYPE_UNIQUE_ID, &id);
	put_chosen(w, h->tlvs & PROXY_TLV_NETNS, PP2_TYPE_NETNS, &h->netns);
	if (h->tlvs & PROXY_TLV_SSL)
		put_ssl(w, &h->tls, h->tlvs & PROXY_TLV_CLIENT_CERT);
	crc_at = w->n + 3;
	if (h->tlvs & PROXY_TLV_CRC32C)
		put_tlv(w, PP2_TYPE_CRC32C, "\0\0\0\0", 4);
	set16(w, PP2_HEADER - 2, w->n - PP2_HEADER);
	/* Section 2.2.3: over the whole header, with zeroes where the sum will stand. */
	if (h->tlvs & PROXY_TLV_CRC32C && !w->failed) {
		uint32_t crc = htonl(proxy_protocol_crc32c(0, w->at, w->n));

		memcpy(w->at + crc_at, &crc, sizeof(crc));
	}
}

static void write_v1(struct writer *w, const struct proxy_protocol_header *h)
{
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
	char line[PROXY_PROTOCOL_V1_MAX + 1];
	int family = is_v4(h) ? AF_INET : AF_INET6;
	unsigned skip = is_v4(h) ? 12 : 0;
	int n;

	inet_ntop(family, h->source.b + skip, source, sizeof(source));
	inet_ntop(family, h->destination.b + skip, destination, sizeof(destination));
	n = snprintf(line, sizeof(line), "PROXY %s %s %s %u %u\r\n",
	    family == AF_INET ? "TCP4" : "TCP6", source, destination, h->source_port,
	    h->destination_port);
	put(w, line, (size_t)n);
}

size_t proxy_protocol_write(
    uint8_t *out, size_t room, unsigned version, const struct proxy_protocol_header *h)
{
	struct writer w = { .at = out, .room = room };

	if (version == 1)
		write_v1(&w, h);
	else
		write_v2(&w, h);
	return w.failed ? 0 : w.n;
}

size_t proxy_protocol_write_local(uint8_t out[PROXY_PROTOCOL_LOCAL_MAX], unsigned version)
{
	struct writer w = { .at = out, .room = PROXY_PROTOCOL_LOCAL_MAX };

	if (version == 1) {
		put(&w, "PROXY UNKNOWN\r\n", 15);
		return w.n;
	}
	put(&w, PP2_SIGNATURE, PP2_SIGNATURE_LEN);
	put8(&w, PP2_LOCAL);
	put8(&w, PP2_UNSPEC);
	put16(&w, 0);
	return w.n;
}
