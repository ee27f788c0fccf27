/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server handshake against what a client may send. The first byte chooses: bit 0: the rest is the
 * client's stream as it is, or (set) a list of changes to the stream of a real client, which reaches what lies
 * behind the key exchange; bits 1-2: versions; bit 3: bytes one by one; bit 4: little room for answers;
 * bit 5: freed as soon as it waits for a key operation.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tests/fuzz/pair.h"
#include "tls/cert.h"
#include "tls/handshake.h"
#include "tls/policy.h"
#include "tls/record.h"
#include "tls/select.h"
#include "tls/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct cert cert = { .version = 1, .n_chain = 1, .key_type = CERT_P256, .key_bits = 256 };
static struct policy policies[4];
static struct tls_worker *worker;
static WOLFSSL_CTX *clients[4];

struct stream {
	uint8_t at[1 << 17];
	size_t head, len;
};

static struct stream to_server, to_client;
static const uint8_t *change; /* {offset high, offset low, what}... */
static size_t n_changes, n_sent;

static int client_read(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	size_t n = to_client.len - to_client.head;

	(void)ssl, (void)arg;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	if (n > (size_t)len)
		n = (size_t)len;
	memcpy(buf, to_client.at + to_client.head, n);
	to_client.head += n;
	return (int)n;
}

static int client_write(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	(void)ssl, (void)arg;
	for (int i = 0; i < len && to_server.len < sizeof(to_server.at); i++, n_sent++) {
		uint8_t b = (uint8_t)buf[i];

		for (size_t k = 0; k < n_changes; k++)
			if ((size_t)(change[3 * k] << 8 | change[3 * k + 1]) == n_sent)
				b ^= change[3 * k + 2];
		to_server.at[to_server.len++] = b;
	}
	return len;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint16_t suites[] = { 0x1301, 0x1302, 0x1303, 0x1304, 0xc02b, 0xc02c, 0xcca9,
		0xc023, 0xc009 };
	static const uint16_t groups[] = { 4588, 29, 23, 24, 25 };
	static const uint16_t versions[4][2] = { { 0x0301, 0x0304 }, { 0x0304, 0x0304 },
		{ 0x0303, 0x0303 }, { 0x0301, 0x0302 } };
	const struct tls_worker_config config = { 0 };

	(void)argc, (void)argv;
	if (tls_global_init() != 0)
		abort();
	cert.chain[0].at = (uint8_t *)(uintptr_t)pair_cert;
	cert.chain[0].len = sizeof(pair_cert);
	cert.key.at = (uint8_t *)(uintptr_t)pair_key;
	cert.key.len = sizeof(pair_key);
	worker = tls_worker_new(&config);
	for (unsigned i = 0; i < 4; i++) {
		policies[i] = (struct policy){ .name = "fuzz",
			.min_version = versions[i][0],
			.max_version = versions[i][1],
			.n_suites = sizeof(suites) / 2,
			.n_groups = sizeof(groups) / 2,
			.id = i + 1 };
		memcpy(policies[i].suites, suites, sizeof(suites));
		memcpy(policies[i].groups, groups, sizeof(groups));
		clients[i] = wolfSSL_CTX_new(wolfSSLv23_client_method());
		if (worker == NULL || clients[i] == NULL)
			abort();
		wolfSSL_CTX_set_verify(clients[i], WOLFSSL_VERIFY_NONE, NULL);
		wolfSSL_CTX_SetMinVersion(clients[i], WOLFSSL_TLSV1);
		if (i == 2)
			wolfSSL_CTX_set_max_proto_version(clients[i], TLS1_2_VERSION);
		if (i == 3)
			wolfSSL_CTX_set_max_proto_version(clients[i], TLS1_1_VERSION);
		wolfSSL_CTX_SetIORecv(clients[i], client_read);
		wolfSSL_CTX_SetIOSend(clients[i], client_write);
	}
	return 0;
}

static enum handshake_status step(struct handshake *h, uint8_t mode)
{
	static uint8_t out[32768];
	size_t shown = to_server.len - to_server.head, room = mode & 16 ? 40 : sizeof(out);
	struct iovec in_v, out_v = { out, room };
	struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };
	enum handshake_status status;
	uint8_t *exact;

	if (mode & 8 && shown > 1)
		shown = 1;
	/* Exactly as many bytes as there are, so that a read past them is seen. */
	exact = malloc(shown > 0 ? shown : 1);
	assert(exact != NULL);
	memcpy(exact, to_server.at + to_server.head, shown);
	in_v = (struct iovec){ exact, shown };
	status = handshake_step(h, &io);
	free(exact);
	assert(io.consumed <= shown && io.produced <= room);
	/* Something moves, or the status says what is missing. */
	if (status == HANDSHAKE_WANT_READ)
		assert(io.consumed == shown);
	to_server.head += io.consumed;
	assert(to_client.len + io.produced <= sizeof(to_client.at));
	memcpy(to_client.at + to_client.len, out, io.produced);
	to_client.len += io.produced;
	return status;
}

/* Until nothing moves any more. True: done. */
static bool run(struct handshake *h, WOLFSSL *client, uint8_t mode)
{
	for (unsigned turns = 0; turns < 300000; turns++) {
		enum handshake_status status = step(h, mode);

		switch (status) {
		case HANDSHAKE_DONE:
			return true;
		case HANDSHAKE_FAILED:
			assert(handshake_facts(h)->alert != 0xff);
			return false;
		case HANDSHAKE_WANT_KEY:
			if (mode & 32)
				return false;
			tls_worker_poll(worker);
			(void)tls_worker_ready(worker);
			break;
		case HANDSHAKE_WANT_WRITE:
			break;
		case HANDSHAKE_WANT_READ:
			if (to_server.head < to_server.len)
				break;
			if (client != NULL)
				(void)wolfSSL_connect(client);
			if (to_server.head == to_server.len)
				return false;
			break;
		}
	}
	assert(!"it never ends");
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t mode = size > 0 ? data[0] : 0;
	unsigned versions = mode >> 1 & 3;
	struct tls_rules rules = { .own = { .policy = &policies[versions] } };
	struct tls_service service = { .rules = &rules };
	struct tls_choice choice = { .service = &service, .rule = &rules.own, .cert = &cert };
	struct handshake *h;
	WOLFSSL *client = NULL;
	struct record r;

	if (size < 2 || size > 40000)
		return 0;
	to_server.head = to_server.len = to_client.head = to_client.len = n_sent = n_changes = 0;
	if (mode & 1) {
		change = data + 1;
		n_changes = (size - 1) / 3;
		client = wolfSSL_new(clients[versions]);
		assert(client != NULL);
		(void)wolfSSL_connect(client);
	} else {
		memcpy(to_server.at, data + 1, size - 1);
		to_server.len = size - 1;
	}
	h = handshake_new(worker, &choice, NULL);
	assert(h != NULL);
	if (run(h, client, mode)) {
		if (handshake_finish(h, &r) == 0)
			record_fini(&r, tls_worker_aead(worker));
	} else {
		handshake_free(h);
	}
	assert(tls_worker_stats(worker)->handshakes == 0);
	wolfSSL_free(client);
	return 0;
}
