/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What select_certificate promises, the handshake must keep: clients of OpenSSL in many moods against
 * hello_read, select_certificate and wolfSSL. Version, suite, certificate and ALPN protocol
 * that the client ends up with are those of the choice.
 */
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tls/handshake.h"
#include "tls/hello.h"
#include "tls/policy.h"
#include "tls/record.h"
#include "tls/select.h"
#include "tls/service.h"

#include <cmocka.h>

struct mood {
	int min, max;        /* 0: OpenSSL's own */
	const char *ciphers; /* TLS 1.2 and below */
	const char *sigalgs, *groups;
	const char *name;
	bool alpn;
};

static const struct mood moods[] = {
	{ .name = "www.example.com" },
	{ .name = "www.example.com", .alpn = true },
	{ .name = "x.example.com" },
	{ .name = "elsewhere.example.org" },
	{ .name = NULL },
	{ .name = "www.example.com", .sigalgs = "rsa_pss_rsae_sha256" },
	{ .name = "www.example.com", .sigalgs = "RSA+SHA256" },
	{ .name = "www.example.com", .sigalgs = "ecdsa_secp384r1_sha384" },
	{ .name = "www.example.com", .sigalgs = "ed25519" },
	{ .name = "www.example.com", .groups = "P-384" },
	{ .name = "www.example.com", .groups = "P-521" },
	{ .name = "www.example.com", .groups = "X25519" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .alpn = true },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .groups = "X25519" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .groups = "P-384" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .groups = "X25519:P-384:P-521" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .ciphers = "aRSA" },
	{ .name = "www.example.com",
	    .max = TLS1_2_VERSION,
	    .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .ciphers = "AES128-GCM-SHA256" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .ciphers = "AES256-SHA:DES-CBC3-SHA" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .ciphers = "DHE" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .sigalgs = "RSA+SHA256" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .sigalgs = "RSA+SHA1" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .sigalgs = "ECDSA+SHA1" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .sigalgs = "ECDSA+SHA512" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .sigalgs = "ed25519" },
	{ .name = "www.example.com", .max = TLS1_2_VERSION, .sigalgs = "rsa_pss_rsae_sha512" },
	{ .name = "www.example.com", .max = TLS1_1_VERSION },
	{ .name = "www.example.com", .max = TLS1_1_VERSION, .ciphers = "aRSA" },
	{ .name = "www.example.com", .max = TLS1_VERSION },
	{ .name = "www.example.com", .max = TLS1_VERSION, .ciphers = "AES128-SHA" },
	{ .name = "www.example.com", .max = TLS1_VERSION, .groups = "P-384" },
};

static const char *const policies[] = { POLICY_DEFAULT, "ELBSecurityPolicy-TLS13-1-3-2021-06",
	"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", "ELBSecurityPolicy-2016-08",
	"ELBSecurityPolicy-TLS-1-0-2015-04", "ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04",
	"ELBSecurityPolicy-FS-1-2-Res-2020-10", "tls_cipher_policy_1_0",
	"tls_cipher_policy_1_2_strict_with_1_3" };

static const char *const sets[] = { "rsa2048", "p256", "p384", "p521", "ed25519", "rsa2048 p256",
	"rsa4096 p384 ed25519" };

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct tls_worker *worker;

/* --- the client --- */

static SSL *client_new(const struct mood *m, SSL_CTX **ctx)
{
	char list[256];
	SSL *ssl;

	*ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(*ctx, 0);
	SSL_CTX_set_min_proto_version(*ctx, m->min ? m->min : TLS1_VERSION);
	if (m->max)
		SSL_CTX_set_max_proto_version(*ctx, m->max);
	snprintf(list, sizeof(list), "%s:@SECLEVEL=0", m->ciphers ? m->ciphers : "ALL");
	assert_int_equal(SSL_CTX_set_cipher_list(*ctx, list), 1);
	if (m->sigalgs)
		assert_int_equal(SSL_CTX_set1_sigalgs_list(*ctx, (char *)(uintptr_t)m->sigalgs), 1);
	if (m->groups)
		assert_int_equal(SSL_CTX_set1_groups_list(*ctx, (char *)(uintptr_t)m->groups), 1);
	if (m->alpn)
		assert_int_equal(
		    SSL_CTX_set_alpn_protos(*ctx, (const unsigned char *)"\x08http/1.1\x02h2", 12),
		    0);
	ssl = SSL_new(*ctx);
	if (m->name)
		SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)m->name);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(ssl);
	return ssl;
}

static void client_check(SSL *ssl, const struct tls_choice *choice)
{
	X509 *leaf = SSL_get1_peer_certificate(ssl);
	unsigned char der[8192], *at = der;
	const unsigned char *alpn;
	unsigned alpn_len;

	assert_int_equal(SSL_version(ssl), choice->version);
	assert_int_equal(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)), choice->suite);
	assert_int_equal(i2d_X509(leaf, &at), choice->cert->chain[0].len);
	assert_memory_equal(der, choice->cert->chain[0].at, choice->cert->chain[0].len);
	SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
	assert_int_equal(alpn_len, choice->alpn_len);
	if (alpn_len > 0)
		assert_memory_equal(alpn, choice->alpn, alpn_len);
	X509_free(leaf);
}

/* --- the server --- */

/* Moves what the client wrote behind buf's len bytes. */
static void fetch(SSL *ssl, uint8_t *buf, size_t *len, size_t room)
{
	int n = BIO_read(SSL_get_wbio(ssl), buf + *len, (int)(room - *len));

	*len += n > 0 ? (size_t)n : 0;
}

/* Runs the handshake to its end. Returns whether both sides are done. */
static bool run(SSL *ssl, const struct tls_choice *choice, uint8_t *in, size_t len, size_t room)
{
	static uint8_t out[65536];
	struct handshake *h = handshake_new(worker, choice, ssl);
	enum handshake_status status = HANDSHAKE_WANT_READ;
	size_t at = 0;

	assert_non_null(h);
	for (unsigned turn = 0; turn < 30 && status != HANDSHAKE_DONE; turn++) {
		struct iovec iov_in = { in + at, len - at }, iov_out = { out, sizeof(out) };
		struct record_io io = { .in = &iov_in, .n_in = 1, .out = &iov_out, .n_out = 1 };

		status = handshake_step(h, &io);
		at += io.consumed;
		if (io.produced > 0)
			BIO_write(SSL_get_rbio(ssl), out, (int)io.produced);
		if (status == HANDSHAKE_FAILED)
			break;
		if (status == HANDSHAKE_WANT_KEY) {
			tls_worker_poll(worker);
			while (tls_worker_ready(worker))
				;
			continue;
		}
		SSL_do_handshake(ssl);
		fetch(ssl, in, &len, room);
	}
	SSL_do_handshake(ssl);
	handshake_free(h);
	return status == HANDSHAKE_DONE && SSL_is_init_finished(ssl);
}

static bool try_mood(const struct mood *m, const struct tls_service *s, const char *what)
{
	static uint8_t scratch[HELLO_SCRATCH], in[65536];
	struct tls_choice choice;
	size_t len = 0, need;
	struct iovec iov;
	struct hello h;
	uint8_t alert;
	SSL_CTX *ctx;
	SSL *ssl = client_new(m, &ctx);
	bool served;

	SSL_do_handshake(ssl);
	fetch(ssl, in, &len, sizeof(in));
	iov = (struct iovec){ in, len };
	assert_int_equal(hello_read(&h, &iov, 1, scratch, &need, &alert), HELLO_OK);
	served = select_certificate(s, &h, &choice) == 0;
	if (served && !run(ssl, &choice, in, len, sizeof(in)))
		fail_msg("%s, client %zu (%s %s %s): %s for suite %04x, but the handshake failed",
		    what, (size_t)(m - moods), m->ciphers ? m->ciphers : "",
		    m->sigalgs ? m->sigalgs : "", m->groups ? m->groups : "", choice.cert->name,
		    choice.suite);
	if (served)
		client_check(ssl, &choice);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return served;
}

static struct cert *load(const char *name)
{
	static struct err e;
	char chain[64], key[64];

	snprintf(chain, sizeof(chain), "%s.pem inter.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	return kit_cert(chain, key, &e);
}

static void test_choices_are_kept(void **state)
{
	static const char *const alpn[] = { "h2", "http/1.1" };
	unsigned n_served = 0, n_refused = 0;
	static struct err e;

	(void)state;
	for (size_t set = 0; set < COUNT(sets); set++) {
		struct cert *certs[4];
		unsigned n_certs = 0;
		char names[64], *rest = names, *name;

		snprintf(names, sizeof(names), "%s", sets[set]);
		while ((name = strsep(&rest, " ")) != NULL) {
			certs[n_certs] = load(name);
			assert_non_null(certs[n_certs++]);
		}
		for (size_t p = 0; p < COUNT(policies); p++) {
			const struct tls_service_config config = { .listener = "https",
				.own = { .policy = policy_find(policies[p]) },
				.defaults = certs,
				.n_defaults = 1,
				.certificates = certs,
				.n_certificates = n_certs,
				.alpn = alpn,
				.n_alpn = 2 };
			struct tls_service *s = tls_service_new(&config, &e);
			char what[128];

			snprintf(what, sizeof(what), "%s with %s", policies[p], sets[set]);
			for (size_t m = 0; m < COUNT(moods); m++) {
				if (try_mood(&moods[m], s, what))
					n_served++;
				else
					n_refused++;
			}
			tls_service_free(s);
		}
		for (unsigned i = 0; i < n_certs; i++)
			cert_put(certs[i]);
	}
	print_message("%u served, %u refused\n", n_served, n_refused);
	assert_true(n_served > 500 && n_refused > 100);
}

static int setup(void **state)
{
	const struct tls_worker_config config = { .no_batches = true };

	(void)state;
	if (tls_global_init() < 0)
		return -1;
	worker = tls_worker_new(&config);
	return worker ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	tls_worker_free(worker);
	tls_global_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choices_are_kept),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
