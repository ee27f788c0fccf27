/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client handshake against what a target may send. The first byte chooses: bits 0-1: the rest is the target's stream
 * as it is (0), a list of changes to the stream of a real server, which reaches what lies behind the key exchange
 * (1), or the body of a ticket that the handshake then resumes with (2, 3); bits 2-3: versions; bit 4: bytes one by
 * one; bit 5: little room for what is sent; bit 6: freed as soon as it waits for a key operation; bit 7: the target's
 * certificate is verified.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/coding.h>

#include "config/err.h"
#include "tests/fuzz/pair.h"
#include "tls/handshake.h"
#include "tls/origin_private.h"
#include "tls/origin_session.h"
#include "tls/policy.h"
#include "tls/record_private.h"
#include "tls/record_ticket.h"
#include "tls/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { /* data[0] */
	KIND = 3,
	KIND_STREAM = 0,
	KIND_CHANGES = 1,
	VERSIONS_SHIFT = 2,
	BYTEWISE = 16,
	LITTLE_ROOM = 32,
	FREED_EARLY = 64,
	VERIFIED = 128,
};

static struct origin origins[8]; /* by versions; the last four verify */
static struct tls_worker *worker;
static WOLFSSL_CTX *servers[4];

struct stream {
	uint8_t at[1 << 17];
	size_t head, len;
};

static struct stream to_server, to_client;
static const uint8_t *change; /* {offset high, offset low, what}... */
static size_t n_changes, n_sent;

static int server_read(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	size_t n = to_server.len - to_server.head;

	(void)ssl, (void)arg;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	if (n > (size_t)len)
		n = (size_t)len;
	memcpy(buf, to_server.at + to_server.head, n);
	to_server.head += n;
	return (int)n;
}

static int server_write(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	(void)ssl, (void)arg;
	for (int i = 0; i < len && to_client.len < sizeof(to_client.at); i++, n_sent++) {
		uint8_t b = (uint8_t)buf[i];

		for (size_t k = 0; k < n_changes; k++)
			if ((size_t)(change[3 * k] << 8 | change[3 * k + 1]) == n_sent)
				b ^= change[3 * k + 2];
		to_client.at[to_client.len++] = b;
	}
	return len;
}

/* What trusts the pair, which is no host's: whatever verifies refuses at the latest for its name. */
static struct trust_store *trust_pair(void)
{
	static const char head[] = "-----BEGIN CERTIFICATE-----\n",
			  tail[] = "\n-----END CERTIFICATE-----\n";
	const struct trust_source source = {
		.name = "fuzz", .bundle = "fuzz", .options = trust_defaults
	};
	static char pem[2048];
	static struct err e;
	struct trust_text text = { .path = "fuzz", .at = (uint8_t *)pem };
	unsigned len = sizeof(pem) - sizeof(head) - sizeof(tail);

	strcpy(pem, head);
	if (Base64_Encode(pair_cert, sizeof(pair_cert), (byte *)pem + strlen(head), &len) != 0)
		abort();
	strcpy(pem + strlen(head) + len, tail);
	text.len = strlen(pem);
	return trust_parse(&source, &text, NULL, 1800000000, &e);
}

static void server_init(unsigned i)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfSSLv23_server_method());

	if (ctx == NULL ||
	    wolfSSL_CTX_use_certificate_buffer(
		ctx, pair_cert, sizeof(pair_cert), WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_use_PrivateKey_buffer(
		ctx, pair_key, sizeof(pair_key), WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS)
		abort();
	wolfSSL_CTX_SetMinVersion(ctx, WOLFSSL_TLSV1);
	if (i == 2)
		wolfSSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	if (i == 3)
		wolfSSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	wolfSSL_CTX_SetIORecv(ctx, server_read);
	wolfSSL_CTX_SetIOSend(ctx, server_write);
	servers[i] = ctx;
}

static uint32_t clock_s(void)
{
	return 1800000000;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint16_t suites[] = { 0x1301, 0x1302, 0x1303, 0x1304, 0xc02b, 0xc02c, 0xcca9,
		0xc023, 0xc009 };
	static const uint16_t groups[] = { 4588, 29, 23, 24, 25 };
	static const uint16_t versions[4][2] = { { 0x0301, 0x0304 }, { 0x0304, 0x0304 },
		{ 0x0303, 0x0303 }, { 0x0301, 0x0302 } };
	const struct tls_worker_config config = { .now_s = clock_s };

	(void)argc, (void)argv;
	if (tls_global_init() != 0)
		abort();
	worker = tls_worker_new(&config);
	for (unsigned i = 0; i < 8; i++) {
		struct origin *o = &origins[i];

		o->version = 1;
		o->policy = (struct policy){ .min_version = versions[i & 3][0],
			.max_version = versions[i & 3][1],
			.n_suites = sizeof(suites) / 2,
			.n_groups = sizeof(groups) / 2,
			.id = (i & 3) + 1 };
		memcpy(o->policy.suites, suites, sizeof(suites));
		memcpy(o->policy.groups, groups, sizeof(groups));
		strcpy(o->host, "fuzz.test");
		if (i > 3)
			o->trust = trust_pair();
		if (worker == NULL || (i > 3 && o->trust == NULL))
			abort();
		if (i < 4)
			server_init(i);
	}
	return 0;
}

static enum handshake_status step(struct handshake *h, const struct origin *o, uint8_t mode)
{
	static uint8_t out[32768];
	size_t shown = to_client.len - to_client.head;
	size_t room = mode & LITTLE_ROOM ? 40 : sizeof(out);
	struct iovec in_v, out_v = { out, room };
	struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };
	enum handshake_status status;
	uint8_t *exact;

	if (mode & BYTEWISE && shown > 1)
		shown = 1;
	/* Exactly as many bytes as there are, so that a read past them is seen. */
	exact = malloc(shown > 0 ? shown : 1);
	assert(exact != NULL);
	memcpy(exact, to_client.at + to_client.head, shown);
	in_v = (struct iovec){ exact, shown };
	handshake_follow_origin(h, o);
	status = handshake_step(h, &io);
	free(exact);
	assert(io.consumed <= shown && io.produced <= room);
	if (status == HANDSHAKE_WANT_READ)
		assert(io.consumed == shown);
	to_client.head += io.consumed;
	assert(to_server.len + io.produced <= sizeof(to_server.at));
	memcpy(to_server.at + to_server.len, out, io.produced);
	to_server.len += io.produced;
	return status;
}

/* Until nothing moves any more. True: done. */
static bool run(struct handshake *h, const struct origin *o, WOLFSSL *server, uint8_t mode)
{
	for (unsigned turns = 0; turns < 300000; turns++) {
		switch (step(h, o, mode)) {
		case HANDSHAKE_DONE:
			return true;
		case HANDSHAKE_FAILED:
			assert(handshake_facts(h)->alert != 0xff);
			return false;
		case HANDSHAKE_WANT_KEY:
			if (mode & FREED_EARLY)
				return false;
			tls_worker_poll(worker);
			(void)tls_worker_ready(worker);
			break;
		case HANDSHAKE_WANT_WRITE:
			break;
		case HANDSHAKE_WANT_READ:
			if (to_client.head < to_client.len)
				break;
			if (server != NULL)
				(void)wolfSSL_accept(server);
			if (to_client.head == to_client.len)
				return false;
			break;
		}
	}
	assert(!"it never ends");
	return false;
}

/* A session by a ticket of the target's; NULL: it is of no use. */
static struct origin_session *session_of(const uint8_t *body, size_t len, uint8_t suite)
{
	struct record_ticket *t = calloc(1, sizeof(*t));
	struct iovec iov = { (uint8_t *)(uintptr_t)body, len };
	struct origin_session *s = NULL;
	struct record r = { 0 };

	assert(t != NULL);
	*t = (struct record_ticket){ .origin_version = 1,
		.now = clock_s(),
		.until = INT64_MAX,
		.is_13 = true,
		.suite = (uint16_t)(0x1301 + suite % 3),
		.group = 29 };
	record_want_ticket(&r, t);
	record_begin_ticket(&r, len);
	record_collect_ticket(&r, view_of(&iov, 1), len / 2);
	if (len / 2 < len) {
		iov = (struct iovec){ (uint8_t *)(uintptr_t)body + len / 2, len - len / 2 };
		record_collect_ticket(&r, view_of(&iov, 1), len - len / 2);
	}
	origin_session_keep(&s, &r);
	return s;
}

/* Whoever is verified must not get here: the pair is not for that name. */
static void finish(struct handshake *h, uint8_t mode)
{
	struct origin_session *slot = NULL;
	struct record r;

	assert(!(mode & VERIFIED));
	if (handshake_finish(h, &r) != 0)
		return;
	if (record_has_ticket(&r))
		origin_session_keep(&slot, &r);
	origin_session_free(slot);
	record_fini(&r, tls_worker_aead(worker));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t mode = size > 0 ? data[0] : 0;
	unsigned versions = mode >> VERSIONS_SHIFT & 3;
	const struct origin *o = &origins[versions + (mode & VERIFIED ? 4 : 0)];
	struct origin_peer peer = { .address = { 192, 0, 2, 7 }, .address_len = 4 };
	struct origin_session *session = NULL;
	WOLFSSL *server = NULL;
	struct handshake *h;

	if (size < 2 || size > 40000)
		return 0;
	to_server.head = to_server.len = to_client.head = to_client.len = n_sent = n_changes = 0;
	if ((mode & KIND) == KIND_STREAM) {
		memcpy(to_client.at, data + 1, size - 1);
		to_client.len = size - 1;
	} else {
		server = wolfSSL_new(servers[versions]);
		assert(server != NULL);
		if ((mode & KIND) == KIND_CHANGES) {
			change = data + 1;
			n_changes = (size - 1) / 3;
		} else {
			session = session_of(data + 1, size - 1, mode & 1);
		}
	}
	peer.session = session;
	h = handshake_new_client(worker, o, &peer, NULL);
	assert(h != NULL);
	if (run(h, o, server, mode))
		finish(h, mode);
	else
		handshake_free(h);
	assert(tls_worker_stats(worker)->handshakes == 0);
	origin_session_free(session);
	wolfSSL_free(server);
	return 0;
}
