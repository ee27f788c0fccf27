/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/proxy_protocol.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURE "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"

static struct ip_addr v4(const char *text)
{
	struct ip_addr ip = { .b = { [10] = 0xff, [11] = 0xff } };

	assert_int_equal(inet_pton(AF_INET, text, ip.b + 12), 1);
	return ip;
}

static struct ip_addr v6(const char *text)
{
	struct ip_addr ip;

	assert_int_equal(inet_pton(AF_INET6, text, ip.b), 1);
	return ip;
}

#define BYTES(text)                    \
	(struct proxy_protocol_bytes)  \
	{                              \
		text, sizeof(text) - 1 \
	}

static struct proxy_protocol_header everything(void)
{
	return (struct proxy_protocol_header){
		.source = v4("203.0.113.1"),
		.destination = v4("10.80.0.1"),
		.source_port = 36280,
		.destination_port = 443,
		.tlvs = 127,
		.alpn = BYTES("h2"),
		.authority = BYTES("www.lab.test"),
		.unique_id = BYTES("TID_0123"),
		.netns = BYTES("blue"),
		.tls = { .version = "TLSv1.3",
		    .cipher = "TLS_AES_128_GCM_SHA256",
		    .group = "x25519",
		    .sig_scheme = "ecdsa_secp256r1_sha256",
		    .sig_alg = "SHA256",
		    .key_alg = "EC256",
		    .has_cert = true,
		    .is_verified = true,
		    .cn = BYTES("client"),
		    .cert = BYTES("\x30\x03\x02\x01\x05") },
	};
}

/* --- a decoder of its own, that shares nothing with the reader --- */

struct tlv {
	const uint8_t *at;
	size_t n;
};

/* The only TLV of that type among n bytes, which must be TLVs to the end. n of the answer is SIZE_MAX: none. */
static struct tlv find(const uint8_t *at, size_t n, unsigned type)
{
	struct tlv found = { NULL, SIZE_MAX };

	while (n > 0) {
		size_t len = (size_t)at[1] << 8 | at[2];

		assert_true(n >= 3 && len <= n - 3);
		if (at[0] == type) {
			assert_true(found.n == SIZE_MAX);
			found = (struct tlv){ at + 3, len };
		}
		at += 3 + len;
		n -= 3 + len;
	}
	return found;
}

static void assert_tlv(struct tlv t, const char *wanted)
{
	assert_int_equal(t.n, strlen(wanted));
	assert_memory_equal(t.at, wanted, t.n);
}

/* Bit by bit, unlike the one that is tested. */
static uint32_t slow_crc32c(const uint8_t *at, size_t n)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void v2_says_all_that_was_chosen(void **state)
{
	const struct proxy_protocol_header h = everything();
	uint8_t out[1024];
	size_t n = proxy_protocol_write(out, sizeof(out), 2, &h);
	struct tlv ssl, crc;

	(void)state;
	assert_memory_equal(out, SIGNATURE "\x21\x11", 14);
	assert_int_equal(out[14] << 8 | out[15], n - 16);
	assert_memory_equal(out + 16, "\xcb\x00\x71\x01\x0a\x50\x00\x01\x8d\xb8\x01\xbb", 12);
	assert_tlv(find(out + 28, n - 28, 0x01), "h2");
	assert_tlv(find(out + 28, n - 28, 0x02), "www.lab.test");
	assert_tlv(find(out + 28, n - 28, 0x05), "TID_0123");
	assert_tlv(find(out + 28, n - 28, 0x30), "blue");
	ssl = find(out + 28, n - 28, 0x20);
	assert_memory_equal(ssl.at, "\x07\x00\x00\x00\x00", 5);
	assert_tlv(find(ssl.at + 5, ssl.n - 5, 0x21), "TLSv1.3");
	assert_tlv(find(ssl.at + 5, ssl.n - 5, 0x22), "client");
	assert_tlv(find(ssl.at + 5, ssl.n - 5, 0x23), "TLS_AES_128_GCM_SHA256");
	assert_tlv(find(ssl.at + 5, ssl.n - 5, 0x24), "SHA256");
	assert_tlv(find(ssl.at + 5, ssl.n - 5, 0x25), "EC256");
	assert_tlv(find(ssl.at + 5, ssl.n - 5, 0x26), "x25519");
	assert_tlv(find(ssl.at + 5, ssl.n - 5, 0x27), "ecdsa_secp256r1_sha256");
	assert_tlv(find(ssl.at + 5, ssl.n - 5, 0x28), "\x30\x03\x02\x01\x05");
	crc = find(out + 28, n - 28, 0x03);
	assert_int_equal(crc.n, 4);
	{
		uint32_t said = (uint32_t)crc.at[0] << 24 | (uint32_t)crc.at[1] << 16 |
		    (uint32_t)crc.at[2] << 8 | crc.at[3];

		memset(out + (crc.at - out), 0, 4);
		assert_int_equal(said, slow_crc32c(out, n));
	}
}

static void v2_leaves_out_what_was_not_chosen_or_is_not_known(void **state)
{
	struct proxy_protocol_header h = everything();
	uint8_t out[1024];
	size_t n;

	(void)state;
	h.tlvs = 0;
	assert_int_equal(proxy_protocol_write(out, sizeof(out), 2, &h), 28);
	h.tlvs = 127 & ~(PROXY_TLV_SSL | PROXY_TLV_CRC32C);
	h.alpn.n = h.authority.n = h.unique_id.n = h.netns.n = 0;
	assert_int_equal(proxy_protocol_write(out, sizeof(out), 2, &h), 28);
	/* Without a certificate: no CN, no DER, and not verified (a 0 would say so). */
	h = everything();
	h.tls.has_cert = false;
	h.tls.group = NULL;
	n = proxy_protocol_write(out, sizeof(out), 2, &h);
	{
		struct tlv ssl = find(out + 28, n - 28, 0x20);

		assert_memory_equal(ssl.at, "\x01\x00\x00\x00\x01", 5);
		assert_true(find(ssl.at + 5, ssl.n - 5, 0x22).n == SIZE_MAX);
		assert_true(find(ssl.at + 5, ssl.n - 5, 0x26).n == SIZE_MAX);
		assert_true(find(ssl.at + 5, ssl.n - 5, 0x28).n == SIZE_MAX);
	}
	/* Passthrough: there, and not verified. */
	h = everything();
	h.tls.is_verified = false;
	n = proxy_protocol_write(out, sizeof(out), 2, &h);
	assert_memory_equal(find(out + 28, n - 28, 0x20).at, "\x07\x00\x00\x00\x01", 5);
	/* The certificate only when asked for. */
	h = everything();
	h.tlvs &= ~(unsigned)PROXY_TLV_CLIENT_CERT;
	n = proxy_protocol_write(out, sizeof(out), 2, &h);
	{
		struct tlv ssl = find(out + 28, n - 28, 0x20);

		assert_true(find(ssl.at + 5, ssl.n - 5, 0x28).n == SIZE_MAX);
	}
}

static void v2_fits_or_says_nothing(void **state)
{
	static uint8_t cert[18462], out[PROXY_PROTOCOL_WRITE_MAX];
	struct proxy_protocol_header h = everything();
	size_t n = proxy_protocol_write(out, sizeof(out), 2, &h);

	(void)state;
	for (size_t room = 0; room < n; room++)
		assert_int_equal(proxy_protocol_write(out, room, 2, &h), 0);
	assert_int_equal(proxy_protocol_write(out, n, 2, &h), n);
	h.tls.cert = (struct proxy_protocol_bytes){ cert, sizeof(cert) };
	assert_true(proxy_protocol_write(out, sizeof(out), 2, &h) > sizeof(cert));
}

static void v1_is_a_line(void **state)
{
	struct proxy_protocol_header h = everything();
	char out[PROXY_PROTOCOL_V1_MAX + 1] = "";
	size_t n;

	(void)state;
	n = proxy_protocol_write((uint8_t *)out, sizeof(out) - 1, 1, &h);
	assert_int_equal(n, strlen(out));
	assert_string_equal(out, "PROXY TCP4 203.0.113.1 10.80.0.1 36280 443\r\n");
	h.source = v6("2001:db8::1");
	h.destination = v6("fd80::1");
	out[proxy_protocol_write((uint8_t *)out, sizeof(out) - 1, 1, &h)] = '\0';
	assert_string_equal(out, "PROXY TCP6 2001:db8::1 fd80::1 36280 443\r\n");
	h.source = h.destination = v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	h.source_port = h.destination_port = 65535;
	assert_true(proxy_protocol_write((uint8_t *)out, sizeof(out), 1, &h) > 0);
}

static void local_is_for_health_checks(void **state)
{
	uint8_t out[PROXY_PROTOCOL_LOCAL_MAX];

	(void)state;
	assert_int_equal(proxy_protocol_write_local(out, 2), 16);
	assert_memory_equal(out, SIGNATURE "\x20\x00\x00\x00", 16);
	assert_int_equal(proxy_protocol_write_local(out, 1), 15);
	assert_memory_equal(out, "PROXY UNKNOWN\r\n", 15);
}

static void crc_has_the_known_value(void **state)
{
	(void)state;
	assert_int_equal(proxy_protocol_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(
	    proxy_protocol_crc32c(proxy_protocol_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

/* --- reading --- */

static enum proxy_protocol_status
read_text(struct proxy_protocol_origin *o, const void *bytes, size_t n)
{
	/* In memory of its own, so that a sanitizer sees a byte too many. */
	uint8_t *copy = malloc(n ? n : 1);
	enum proxy_protocol_status status;
	size_t need = 0;

	if (n)
		memcpy(copy, bytes, n);
	status = proxy_protocol_read(o, copy, n, &need);
	assert_true(status != PROXY_PROTOCOL_MORE || need > n);
	assert_true(status != PROXY_PROTOCOL_OK || o->len <= n);
	free(copy);
	return status;
}

static void v1_read(void **state)
{
	static const char line[] = "PROXY TCP4 203.0.113.1 10.80.0.1 36280 443\r\nrest";
	struct proxy_protocol_origin o;

	(void)state;
	for (size_t n = 0; n < sizeof(line) - 5; n++)
		assert_int_equal(read_text(&o, line, n), PROXY_PROTOCOL_MORE);
	assert_int_equal(read_text(&o, line, sizeof(line) - 1), PROXY_PROTOCOL_OK);
	assert_int_equal(o.len, sizeof(line) - 5);
	assert_true(o.has_addrs);
	{
		struct ip_addr source = v4("203.0.113.1"), destination = v4("10.80.0.1");

		assert_true(ip_addr_eq(&o.source, &source));
		assert_true(ip_addr_eq(&o.destination, &destination));
	}
	assert_int_equal(o.source_port, 36280);
	assert_int_equal(o.destination_port, 443);
	assert_int_equal(
	    read_text(&o, "PROXY TCP6 2001:db8::1 fd80::1 0 65535\r\n", 40), PROXY_PROTOCOL_OK);
	assert_int_equal(o.source_port, 0);
	assert_int_equal(o.destination_port, 65535);
	assert_int_equal(read_text(&o, "PROXY UNKNOWN\r\n", 15), PROXY_PROTOCOL_OK);
	assert_false(o.has_addrs);
	assert_int_equal(read_text(&o, "PROXY UNKNOWN ff:: what ever\r\n", 30), PROXY_PROTOCOL_OK);
	assert_false(o.has_addrs);
}

static void v1_refused(void **state)
{
	static const char *const lines[] = {
		"GET / HTTP/1.0\r\n\r\n",
		"PROXY\r\n",
		"PROXY \r\n",
		"proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
		"PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
		"PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 0x2\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 123456\r\n",
		"PROXY TCP4 1.1.1.01 2.2.2.2 1 2\r\n",
		"PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
		"PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n",
		"PROXY TCP4 ::1 2.2.2.2 1 2\r\n",
		"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
		"PROXY TCP6 ::1%lo ::2 1 2\r\n",
		"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n",
		"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
		"PROXY TCP4 1.1.1.1\t2.2.2.2 1 2\r\n",
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n",
	};
	struct proxy_protocol_origin o;
	char longest[PROXY_PROTOCOL_V1_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (read_text(&o, lines[i], strlen(lines[i])) != PROXY_PROTOCOL_BAD)
			fail_msg("read as good or unfinished: %s", lines[i]);
	assert_int_equal(
	    read_text(&o, "PROXY TCP4 1.1.1.1\0 2.2.2.2 1 2\r\n", 33), PROXY_PROTOCOL_BAD);
	/* 107 bytes with CRLF are the most there can be. */
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "PROXY UNKNOWN ", 14);
	assert_int_equal(read_text(&o, longest, 106), PROXY_PROTOCOL_MORE);
	assert_int_equal(read_text(&o, longest, 107), PROXY_PROTOCOL_BAD);
	memcpy(longest + 105, "\r\n", 2);
	assert_int_equal(read_text(&o, longest, 107), PROXY_PROTOCOL_OK);
	memcpy(longest + 105, "x\r\n", 3);
	assert_int_equal(read_text(&o, longest, 108), PROXY_PROTOCOL_BAD);
}

static void v2_read_what_we_write(void **state)
{
	struct proxy_protocol_header h = everything();
	struct proxy_protocol_origin o;
	uint8_t out[1024];
	size_t n, need;

	(void)state;
	for (int family = 0; family < 2; family++) {
		if (family == 1) {
			h.source = v6("2001:db8::1");
			h.destination = v6("fd80::1");
		}
		n = proxy_protocol_write(out, sizeof(out), 2, &h);
		for (size_t part = 0; part < n; part++)
			assert_int_equal(read_text(&o, out, part), PROXY_PROTOCOL_MORE);
		assert_int_equal(proxy_protocol_read(&o, out, n, &need), PROXY_PROTOCOL_OK);
		assert_int_equal(o.len, n);
		assert_true(o.has_addrs && ip_addr_eq(&o.source, &h.source) &&
		    ip_addr_eq(&o.destination, &h.destination));
		assert_int_equal(o.source_port, 36280);
		assert_int_equal(o.destination_port, 443);
		assert_int_equal(o.netns.n, 4);
		assert_memory_equal(o.netns.at, "blue", 4);
		/* The sum covers every bit, but for those that say that it is a sum. */
		for (size_t bit = 0; bit < n * 8; bit++) {
			if (bit / 8 == n - 7)
				continue;
			out[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (proxy_protocol_read(&o, out, n, &need) == PROXY_PROTOCOL_OK &&
			    o.has_addrs)
				fail_msg("bit %zu may be flipped", bit);
			out[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

static void v2_without_addresses(void **state)
{
	static const char *const good[] = { "\x20\x00\x00\x00", "\x20\x11\x00\x00",
		"\x21\x00\x00\x00" };
	struct proxy_protocol_origin o;
	char text[32];

	(void)state;
	memcpy(text, SIGNATURE, 12);
	for (int i = 0; i < 3; i++) {
		memcpy(text + 12, good[i], 4);
		assert_int_equal(read_text(&o, text, 16), PROXY_PROTOCOL_OK);
		assert_false(o.has_addrs);
		assert_int_equal(o.len, 16);
	}
	/* A check that carries something: skipped, whatever it is. */
	memcpy(text + 12, "\x20\x00\x00\x05 what", 9);
	assert_int_equal(read_text(&o, text, 20), PROXY_PROTOCOL_MORE);
	assert_int_equal(read_text(&o, text, 21), PROXY_PROTOCOL_OK);
	assert_int_equal(o.len, 21);
}

#define ADDRS "\x01\x01\x01\x01\x02\x02\x02\x02\x00\x01\x00\x02"

static void v2_refused(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t n;
	} cases[] = {
#define CASE(name, bytes) { name, bytes, sizeof(bytes) - 1 }
		CASE("version 1", "\x11\x11\x00\x0c" ADDRS),
		CASE("version 3", "\x31\x11\x00\x0c" ADDRS),
		CASE("command 2", "\x22\x11\x00\x0c" ADDRS),
		CASE("datagrams", "\x21\x12\x00\x0c" ADDRS),
		CASE("family 4", "\x21\x41\x00\x0c" ADDRS),
		CASE("Unix stream", "\x21\x31\x00\x0c" ADDRS),
		CASE("transport without family", "\x21\x01\x00\x0c" ADDRS),
		CASE("too short for IPv4", "\x21\x11\x00\x0b" ADDRS),
		CASE("too short for IPv6", "\x21\x21\x00\x0c" ADDRS),
		CASE("larger than we read", "\x21\x11\x40\x00" ADDRS),
		CASE("largest", "\x21\x11\xff\xff" ADDRS),
		CASE("one byte of a TLV", "\x21\x11\x00\x0d" ADDRS "\x04"),
		CASE("two bytes of a TLV", "\x21\x11\x00\x0e" ADDRS "\x04\x00"),
		CASE("TLV past the end", "\x21\x11\x00\x0f" ADDRS "\x04\x00\x01"),
		CASE("short CRC32C", "\x21\x11\x00\x12" ADDRS "\x03\x00\x03\x01\x02\x03"),
		CASE("wrong CRC32C", "\x21\x11\x00\x13" ADDRS "\x03\x00\x04\x01\x02\x03\x04"),
		CASE("ALPN twice", "\x21\x11\x00\x14" ADDRS "\x01\x00\x01x\x01\x00\x01x"),
		CASE("empty authority", "\x21\x11\x00\x0f" ADDRS "\x02\x00\x00"),
		CASE("SSL too short", "\x21\x11\x00\x13" ADDRS "\x20\x00\x04\x01\x00\x00\x00"),
		CASE("SSL with part of a TLV",
		    "\x21\x11\x00\x16" ADDRS "\x20\x00\x07\x01\x00\x00\x00\x00\x21\x00"),
	};
	struct proxy_protocol_origin o;
	char text[64],
	    id[12 + 4 + 12 + 3 + 129] = SIGNATURE "\x21\x11\x00\x90" ADDRS "\x05\x00\x81";

	(void)state;
	memcpy(text, SIGNATURE, 12);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(text + 12, cases[i].bytes, cases[i].n);
		if (read_text(&o, text, 12 + cases[i].n) != PROXY_PROTOCOL_BAD)
			fail_msg("read as good or unfinished: %s", cases[i].name);
	}
	assert_int_equal(read_text(&o, id, sizeof(id)), PROXY_PROTOCOL_BAD);
	/* NOOP may come as often as it likes. */
	memcpy(text + 12, "\x21\x11\x00\x12" ADDRS "\x04\x00\x00\x04\x00\x00", 22);
	assert_int_equal(read_text(&o, text, 34), PROXY_PROTOCOL_OK);
}

/* A header that is none is known by its first wrong byte: no waiting for more. */
static void other_protocols_are_refused_at_once(void **state)
{
	static const char *const other[] = { "\x16\x03\x01", "GET", "SSH-2.0", "PROXX",
		"\x0d\x0a\x0d\x0a\x00\x0d\x0b", "P\xff" };
	struct proxy_protocol_origin o;

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_int_equal(
		    read_text(&o, other[i], i == 4 ? 7 : strlen(other[i])), PROXY_PROTOCOL_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v2_says_all_that_was_chosen),
		cmocka_unit_test(v2_leaves_out_what_was_not_chosen_or_is_not_known),
		cmocka_unit_test(v2_fits_or_says_nothing),
		cmocka_unit_test(v1_is_a_line),
		cmocka_unit_test(local_is_for_health_checks),
		cmocka_unit_test(crc_has_the_known_value),
		cmocka_unit_test(v1_read),
		cmocka_unit_test(v1_refused),
		cmocka_unit_test(v2_read_what_we_write),
		cmocka_unit_test(v2_without_addresses),
		cmocka_unit_test(v2_refused),
		cmocka_unit_test(other_protocols_are_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
