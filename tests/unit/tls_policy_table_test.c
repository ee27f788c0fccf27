/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tests/unit/tls_peer_kit.h"
#include "tls/hello.h"
#include "tls/policy.h"
#include "tls/record.h"
#include "tls/select.h"
#include "tls/service.h"

#include <cmocka.h>

/*
 * Every built-in policy against tests/policies.txt: its lists, and what OpenSSL's client gets of it. A client that offers
 * everything is given a suite, then offers all but that one, and so on until it is refused: so the
 * accepted set and its order come to light, for every version. Hellos of our own then ask for one suite each, also for those that
 * OpenSSL has no more.
 */

#define MAX_ROWS 64

struct row {
	char name[64], suites[2048];
	unsigned low, high; /* 0x0301.. */
};

static struct row rows[MAX_ROWS];
static unsigned n_rows;
static struct tls_worker *worker;
static struct cert *certs[2];
static struct err e;

static void read_rows(void)
{
	size_t len;
	char *text = kit_read("policies.txt", &len), *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		struct row *r = &rows[n_rows];
		unsigned low = 0, high = 0;

		if (!*line || *line == '#')
			continue;
		if (n_rows == MAX_ROWS ||
		    sscanf(line, "%63s 1.%u-1.%u %2047s", r->name, &low, &high, r->suites) != 4)
			fail_msg("policies.txt: %s", line);
		r->low = 0x0301 + low;
		r->high = 0x0301 + high;
		n_rows++;
	}
	free(text);
}

static void lists_are_those_of_the_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < n_rows; i++) {
		const struct policy *p = policy_find(rows[i].name);
		char text[2048] = "";

		if (!p)
			fail_msg("there is no %s", rows[i].name);
		for (unsigned k = 0; k < p->n_suites; k++)
			strcat(strcat(text, k ? ":" : ""), policy_suite_name(p->suites[k]));
		assert_string_equal(text, rows[i].suites);
		assert_int_equal(p->min_version, rows[i].low);
		assert_int_equal(p->max_version, rows[i].high);
	}
	for (unsigned i = 0; policy_builtin(i); i++)
		assert_true(i < n_rows); /* none that the table lacks */
	assert_null(policy_builtin(n_rows));
}

/* OpenSSL's spelling of a suite it has, in that version: 1.3's and the others' go apart. */
static bool openssl_has(const char *suite, unsigned version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	bool has = false;

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, (int)version);
	SSL_CTX_set_max_proto_version(ctx, (int)version);
	if ((version == 0x0304) == (strncmp(suite, "TLS_", 4) == 0)) {
		if (version == 0x0304)
			SSL_CTX_set_ciphersuites(ctx, suite);
		else
			SSL_CTX_set_cipher_list(ctx, suite);
		ssl = SSL_new(ctx);
		STACK_OF(SSL_CIPHER) *all = SSL_get1_supported_ciphers(ssl);

		for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
			has |= strcmp(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)), suite) == 0;
		sk_SSL_CIPHER_free(all);
		SSL_free(ssl);
	}
	SSL_CTX_free(ctx);
	return has;
}

/*
 * What is wanted of a row in a version, as far as OpenSSL can ask for it. The certificate is chosen first, ECDSA before
 * RSA (cloud-facts.md 2), then the policy's first suite for it.
 */
static unsigned list_wanted(const struct row *r, unsigned version, const char *to[64])
{
	static char copies[2][2048];
	unsigned n = 0;

	if (version < r->low || version > r->high)
		return 0;
	for (unsigned pass = 0; pass < 2; pass++) {
		char *rest = strcpy(copies[pass], r->suites), *suite;

		while ((suite = strsep(&rest, ":")) != NULL)
			if ((strncmp(suite, "ECDHE-ECDSA", 11) != 0) == pass &&
			    openssl_has(suite, version))
				to[n++] = suite;
	}
	return n;
}

static const char all_old[] =
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-CCM:AES256-CCM:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-SHA:CAMELLIA128-SHA:"
    "AES256-SHA:AES256-SHA256:AES256-GCM-SHA384:AES128-SHA:AES128-SHA256:AES128-GCM-SHA256:"
    "ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA384:"
    "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA256:"
    "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256";
static const char all_new[] =
    "TLS_AES_128_CCM_8_SHA256:TLS_AES_128_CCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
    "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";

/* Takes one suite out of a list. */
static void take_out(char *list, const char *suite)
{
	char *at = list, *end;
	size_t len = strlen(suite);

	while ((at = strstr(at, suite)) != NULL) {
		end = at + len;
		if ((at == list || at[-1] == ':') && (*end == ':' || !*end)) {
			memmove(at, *end ? end + 1 : end, strlen(*end ? end + 1 : end) + 1);
			break;
		}
		at = end;
	}
	if (*list && list[strlen(list) - 1] == ':')
		list[strlen(list) - 1] = '\0';
}

static void probe(const struct row *r, const struct tls_service *s, unsigned version)
{
	char offer[sizeof(all_old)];
	const char *wanted[64];
	unsigned n = list_wanted(r, version, wanted), found = 0;
	bool is_13 = version == 0x0304;

	strcpy(offer, is_13 ? all_new : all_old);
	for (; *offer; found++) {
		const struct peer_client client = { .version = (int)version,
			.name = "www.example.com",
			.ciphers = is_13 ? NULL : offer,
			.suites13 = is_13 ? offer : NULL };
		struct peer_result p = peer_connect(worker, s, &client);
		const char *suite = p.done ? policy_suite_name(p.facts.suite) : NULL;

		if (p.session)
			SSL_SESSION_free(p.session);
		if (!p.done)
			break;
		if (found >= n || !suite || strcmp(suite, wanted[found]) != 0)
			fail_msg("%s in %04x: %u is %s, not %s", r->name, version, found,
			    suite ? suite : "unknown", found < n ? wanted[found] : "refused");
		assert_int_equal(p.facts.version, version);
		take_out(offer, suite);
	}
	if (found != n)
		fail_msg("%s in %04x: %u suites, then %s is refused", r->name, version, found,
		    wanted[found]);
}

/* A listener with that policy; to be freed. */
static struct tls_service *service_of(const struct row *r)
{
	const struct tls_service_config config = { .listener = "https",
		.own = { .policy = policy_find(r->name) },
		.defaults = certs,
		.n_defaults = 2,
		.no_tickets = true };
	struct tls_service *s = tls_service_new(&config, &e);

	assert_non_null(s);
	return s;
}

static void openssl_gets_these_in_that_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < n_rows; i++) {
		struct tls_service *s = service_of(&rows[i]);

		for (unsigned v = 0x0301; v <= 0x0304; v++)
			probe(&rows[i], s, v); /* outside its versions: nothing */
		tls_service_free(s);
	}
}

/* --- one suite at a time --- */

static bool is_listed(const struct row *r, const char *suite)
{
	size_t len = strlen(suite);

	for (const char *at = r->suites; (at = strstr(at, suite)) != NULL; at += len)
		if ((at == r->suites || at[-1] == ':') && (at[len] == ':' || !at[len]))
			return true;
	return false;
}

/* SHA-2 and AEADs came with TLS 1.2 (RFC 5246, 5288, 5289). */
static bool has_sha1(const char *suite)
{
	return strcmp(suite + strlen(suite) - 4, "-SHA") == 0;
}

/* A ClientHello of TLS 1.2 or below for one suite, with what goes with any of them. */
static size_t make_hello(uint8_t to[128], uint16_t version, uint16_t suite)
{
	static const uint8_t extensions[] = { 0, 28,   /* their length */
		0, 10, 0, 6, 0, 4, 0, 23, 0, 29,       /* supported_groups */
		0, 11, 0, 2, 1, 0,                     /* ec_point_formats */
		0, 13, 0, 8, 0, 6, 4, 3, 4, 1, 2, 1 }; /* signature_algorithms */
	uint8_t head[50] = { 22, 3, 1, 0, 0, 1, 0, 0, 0, (uint8_t)(version >> 8),
		(uint8_t)version };
	const size_t len = sizeof(head) + sizeof(extensions);

	head[4] = (uint8_t)(len - 5);
	head[8] = (uint8_t)(len - 9);
	memset(head + 11, 'r', 32);
	head[45] = 2; /* after no session */
	head[46] = (uint8_t)(suite >> 8);
	head[47] = (uint8_t)suite;
	head[48] = 1; /* and no compression */
	memcpy(to, head, sizeof(head));
	memcpy(to + sizeof(head), extensions, sizeof(extensions));
	return len;
}

/* The suite of the ServerHello that answers, in that version; 0: it is refused. */
static uint16_t answered(const struct tls_service *s, uint16_t version, uint16_t suite)
{
	static uint8_t scratch[HELLO_SCRATCH], out[16384];
	uint8_t bytes[128], alert;
	struct iovec in = { bytes, make_hello(bytes, version, suite) };
	struct iovec to = { out, sizeof(out) };
	struct record_io io = { .in = &in, .n_in = 1, .out = &to, .n_out = 1 };
	enum handshake_status status = HANDSHAKE_WANT_KEY;
	struct tls_choice choice;
	struct handshake *h;
	struct hello hello;
	size_t need, n = 0;

	assert_int_equal(hello_read(&hello, &in, 1, scratch, &need, &alert), HELLO_OK);
	if (select_certificate(s, &hello, &choice) != 0)
		return 0;
	h = handshake_new(worker, &choice, &hello);
	assert_non_null(h);
	while (status == HANDSHAKE_WANT_KEY) {
		to = (struct iovec){ out + n, sizeof(out) - n };
		status = handshake_step(h, &io);
		n += io.produced;
		in = (struct iovec){ (uint8_t *)in.iov_base + io.consumed,
			in.iov_len - io.consumed };
		if (status == HANDSHAKE_WANT_KEY)
			tls_worker_poll(worker);
		while (tls_worker_ready(worker))
			;
	}
	handshake_free(h);
	if (status == HANDSHAKE_FAILED)
		return 0;
	/* RFC 5246 7.4.1.3 */
	assert_true(n > 48 && out[0] == 22 && out[5] == 2);
	assert_int_equal(out[9] << 8 | out[10], version);
	n = 44 + out[43];
	return (uint16_t)(out[n] << 8 | out[n + 1]);
}

static void ask_for(const struct row *r, const struct tls_service *s, uint16_t suite)
{
	const char *name = policy_suite_name(suite);

	for (uint16_t v = 0x0301; v <= 0x0303; v++) {
		bool wanted = name && is_listed(r, name) && v >= r->low && v <= r->high &&
		    (v == 0x0303 || has_sha1(name));
		uint16_t got = answered(s, v, suite);

		if (got != (wanted ? suite : 0))
			fail_msg("%s in %04x: asked for %04x, got %04x", r->name, v, suite, got);
	}
}

static void each_suite_is_served_where_it_is_listed(void **state)
{
	/* Of other times and tastes: NULL, RC4, DHE, ECDHE with RC4, CCM, ChaCha20. */
	static const uint16_t others[] = { 0x0001, 0x0002, 0x0004, 0x0005, 0x0033, 0x009e, 0xc006,
		0xc007, 0xc011, 0xc008, 0xc012, 0xc09c, 0xc0ac, 0xcca8, 0xcca9 };

	(void)state;
	for (unsigned i = 0; i < n_rows; i++) {
		struct tls_service *s = service_of(&rows[i]);

		for (unsigned suite = 1; suite <= UINT16_MAX; suite++)
			if (policy_suite_name((uint16_t)suite) && suite >> 8 != 0x13)
				ask_for(&rows[i], s, (uint16_t)suite);
		for (unsigned k = 0; k < sizeof(others) / sizeof(others[0]); k++)
			ask_for(&rows[i], s, others[k]);
		tls_service_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_those_of_the_table),
		cmocka_unit_test(openssl_gets_these_in_that_order),
		cmocka_unit_test(each_suite_is_served_where_it_is_listed),
	};
	const struct tls_worker_config config = { .max_contexts = 512 };
	int failed;

	if (tls_global_init() != 0)
		return 1;
	worker = tls_worker_new(&config);
	if (!worker)
		return 1;
	certs[0] = peer_cert("p256");
	certs[1] = peer_cert("rsa2048");
	read_rows();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	cert_put(certs[0]);
	cert_put(certs[1]);
	tls_worker_free(worker);
	tls_global_fini();
	return failed;
}
