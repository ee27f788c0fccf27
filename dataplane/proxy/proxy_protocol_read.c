/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <string.h>

#include "dataplane/proxy/proxy_protocol.h"
#include "dataplane/proxy/proxy_protocol_wire.h"

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* --- version 1, section 2.1 --- */

/* The words of the line; each ends at one space, the last at CRLF. */
struct words {
	const char *at, *end;
};

/* The next word as a string of less than room bytes; false: there is none, or it is longer. */
static bool next_word(struct words *w, char *word, size_t room)
{
	const char *space;
	size_t n;

	if (!w->at || w->at == w->end)
		return false;
	space = memchr(w->at, ' ', (size_t)(w->end - w->at));
	n = (size_t)((space ? space : w->end) - w->at);
	if (n == 0 || n >= room || memchr(w->at, '\0', n))
		return false;
	memcpy(word, w->at, n);
	word[n] = '\0';
	w->at = space ? space + 1 : NULL;
	return true;
}

static bool read_addr(struct words *w, int family, struct ip_addr *ip)
{
	char word[INET6_ADDRSTRLEN];
	unsigned skip = 0;

	if (!next_word(w, word, sizeof(word)))
		return false;
	memset(ip, 0, sizeof(*ip));
	if (family == AF_INET) {
		skip = 12;
		ip->b[10] = ip->b[11] = 0xff;
	}
	return inet_pton(family, word, ip->b + skip) == 1;
}

/* Digits only, and no zero in front of another digit. */
static bool read_port(struct words *w, uint16_t *port)
{
	unsigned value = 0;
	char word[6];

	if (!next_word(w, word, sizeof(word)) || (word[0] == '0' && word[1]))
		return false;
	for (const char *p = word; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		value = value * 10 + (unsigned)(*p - '0');
	}
	*port = (uint16_t)value;
	return value <= 0xffff;
}

static bool read_line(struct proxy_protocol_origin *o, const char *line, size_t n)
{
	struct words w = { line, line + n };
	char word[8];
	int family;

	if (!next_word(&w, word, sizeof(word)) || strcmp(word, "PROXY") != 0 ||
	    !next_word(&w, word, sizeof(word)))
		return false;
	/* What follows UNKNOWN is to be ignored. */
	if (strcmp(word, "UNKNOWN") == 0)
		return true;
	if (strcmp(word, "TCP4") != 0 && strcmp(word, "TCP6") != 0)
		return false;
	family = word[3] == '4' ? AF_INET : AF_INET6;
	o->has_addrs = true;
	return read_addr(&w, family, &o->source) && read_addr(&w, family, &o->destination) &&
	    read_port(&w, &o->source_port) && read_port(&w, &o->destination_port) && !w.at;
}

static enum proxy_protocol_status
read_v1(struct proxy_protocol_origin *o, const uint8_t *bytes, size_t n, size_t *need)
{
	size_t max = n < PROXY_PROTOCOL_V1_MAX ? n : PROXY_PROTOCOL_V1_MAX;
	const uint8_t *end = memchr(bytes, '\n', max);

	if (!end) {
		*need = n + 1;
		return n < PROXY_PROTOCOL_V1_MAX ? PROXY_PROTOCOL_MORE : PROXY_PROTOCOL_BAD;
	}
	if (end == bytes || end[-1] != '\r')
		return PROXY_PROTOCOL_BAD;
	o->len = (size_t)(end - bytes) + 1;
	return read_line(o, (const char *)bytes, o->len - 2) ? PROXY_PROTOCOL_OK
							     : PROXY_PROTOCOL_BAD;
}

/* --- version 2, section 2.2 --- */

/* Section 2.2.3: the sum over the whole header, with zeroes in its own place. */
static bool is_crc_right(const uint8_t *header, size_t len, size_t crc_at)
{
	uint32_t crc, wanted;

	memcpy(&wanted, header + crc_at, sizeof(wanted));
	crc = proxy_protocol_crc32c(0, header, crc_at);
	crc = proxy_protocol_crc32c(crc, "\0\0\0\0", 4);
	crc = proxy_protocol_crc32c(crc, header + crc_at + 4, len - crc_at - 4);
	return ntohl(wanted) == crc;
}

/* Whether TLVs fill n bytes exactly. */
static bool are_tlvs(const uint8_t *at, size_t n)
{
	while (n >= 3 && n - 3 >= get16(at + 1)) {
		size_t whole = 3u + get16(at + 1);

		at += whole;
		n -= whole;
	}
	return n == 0;
}

/* What a TLV of that type must look like; those we do not know may be anything. */
static bool is_tlv_sound(unsigned type, const uint8_t *value, size_t n)
{
	switch (type) {
	case PP2_TYPE_CRC32C:
		return n == 4;
	case PP2_TYPE_UNIQUE_ID:
		return n > 0 && n <= PROXY_PROTOCOL_ID_MAX;
	case PP2_TYPE_ALPN:
	case PP2_TYPE_AUTHORITY:
	case PP2_TYPE_NETNS:
		return n > 0 && n <= 255;
	case PP2_TYPE_SSL: /* client bits, verify, TLVs */
		return n >= 5 && are_tlvs(value + 5, n - 5);
	}
	return true;
}

static bool read_tlvs(struct proxy_protocol_origin *o, const uint8_t *header, size_t at, size_t len)
{
	uint64_t seen = 0;

	if (!are_tlvs(header + at, len - at))
		return false;
	while (at < len) {
		unsigned type = header[at];
		size_t n = get16(header + at + 1);
		uint64_t bit = type < 64 && type != PP2_TYPE_NOOP ? UINT64_C(1) << type : 0;

		at += 3;
		if (seen & bit || !is_tlv_sound(type, header + at, n))
			return false;
		seen |= bit;
		if (type == PP2_TYPE_CRC32C && !is_crc_right(header, len, at))
			return false;
		if (type == PP2_TYPE_NETNS)
			o->netns = (struct proxy_protocol_bytes){ header + at, n };
		at += n;
	}
	return true;
}

static void read_v4(struct ip_addr *ip, const uint8_t *at)
{
	memset(ip, 0, sizeof(*ip));
	ip->b[10] = ip->b[11] = 0xff;
	memcpy(ip->b + 12, at, 4);
}

/* The addresses behind the fixed part; returns their bytes. */
static size_t read_addrs(struct proxy_protocol_origin *o, unsigned family, const uint8_t *at)
{
	size_t n;

	if (family == PP2_TCP4) {
		read_v4(&o->source, at);
		read_v4(&o->destination, at + 4);
		n = PP2_ADDRS4;
	} else {
		memcpy(o->source.b, at, 16);
		memcpy(o->destination.b, at + 16, 16);
		n = PP2_ADDRS6;
	}
	o->source_port = get16(at + n - 4);
	o->destination_port = get16(at + n - 2);
	o->has_addrs = true;
	return n;
}

static enum proxy_protocol_status
read_v2(struct proxy_protocol_origin *o, const uint8_t *bytes, size_t n, size_t *need)
{
	size_t at = PP2_HEADER, body;
	unsigned command, family;

	*need = PP2_HEADER;
	if (n < PP2_HEADER)
		return PROXY_PROTOCOL_MORE;
	command = bytes[12];
	family = bytes[13];
	body = get16(bytes + 14);
	o->len = PP2_HEADER + body;
	if ((command != PP2_LOCAL && command != PP2_PROXY) || o->len > PROXY_PROTOCOL_MAX)
		return PROXY_PROTOCOL_BAD;
	if (command == PP2_PROXY &&
	    !(family == PP2_UNSPEC || (family == PP2_TCP4 && body >= PP2_ADDRS4) ||
		(family == PP2_TCP6 && body >= PP2_ADDRS6)))
		return PROXY_PROTOCOL_BAD;
	*need = o->len;
	if (n < o->len)
		return PROXY_PROTOCOL_MORE;
	/* LOCAL: all of it is skipped. UNSPEC: nobody knows how long its addresses are. */
	if (command == PP2_LOCAL || family == PP2_UNSPEC)
		return PROXY_PROTOCOL_OK;
	at += read_addrs(o, family, bytes + at);
	return read_tlvs(o, bytes, at, o->len) ? PROXY_PROTOCOL_OK : PROXY_PROTOCOL_BAD;
}

enum proxy_protocol_status
proxy_protocol_read(struct proxy_protocol_origin *o, const uint8_t *bytes, size_t n, size_t *need)
{
	static const char v1[] = "PROXY ";
	size_t n1 = n < 6 ? n : 6, n2 = n < PP2_SIGNATURE_LEN ? n : PP2_SIGNATURE_LEN;

	memset(o, 0, sizeof(*o));
	*need = 1;
	if (n == 0)
		return PROXY_PROTOCOL_MORE;
	if (memcmp(bytes, v1, n1) == 0)
		return read_v1(o, bytes, n, need);
	if (memcmp(bytes, PP2_SIGNATURE, n2) == 0)
		return read_v2(o, bytes, n, need);
	return PROXY_PROTOCOL_BAD;
}
