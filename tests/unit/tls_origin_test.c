/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "config/err.h"
#include "tests/unit/tls_origin_kit.h"
#include "tls/client_cert.h"
#include "tls/policy.h"

#include <cmocka.h>

/* Who is believed to be the target, and what a server that is not is told. */

static const int versions[] = { TLS1_3_VERSION, TLS1_3_VERSION };
static struct tls_worker *worker;

static int setup(void **state)
{
	const struct tls_worker_config config = { .max_contexts = 32, .no_batches = true };

	if (kit_origin_setup(state) != 0)
		return -1;
	worker = tls_worker_new(&config);
	return worker ? 0 : -1;
}

static int teardown(void **state)
{
	tls_worker_free(worker);
	return kit_origin_teardown(state);
}

/* Connects with either version; the alert is the one that the server has to get. */
static void expect(const struct origin *o, const struct kit_leaf *leaf,
    enum client_cert_status status, uint8_t alert)
{
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *server = kit_server(leaf);
		struct kit_result r;

		SSL_CTX_set_min_proto_version(server, versions[i]);
		SSL_CTX_set_max_proto_version(server, versions[i]);
		r = kit_connect(worker, o, server, NULL);
		assert_string_equal(server_cert_status_name(r.facts.server_cert_status),
		    server_cert_status_name(status));
		assert_int_equal(r.facts.server_cert_status, status);
		assert_int_equal(r.done, alert == 0);
		assert_int_equal(r.server_alert, alert);
		assert_int_equal(r.facts.alert, alert ? alert : 0xff);
		assert_int_equal(r.facts.version, versions[i]);
		assert_string_equal(r.refused, alert ? "leaf" : "");
		SSL_CTX_free(server);
	}
}

static void only_the_right_server_is_spoken_to(void **state)
{
	struct origin *o = kit_origin(NULL);

	(void)state;
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER }, CLIENT_CERT_SUCCESS, 0);
	expect(o, &(struct kit_leaf){ .issuer = KIT_ROOT }, CLIENT_CERT_SUCCESS, 0);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .rsa = true }, CLIENT_CERT_SUCCESS, 0);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .purpose = "" }, CLIENT_CERT_SUCCESS, 0);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .names = "DNS:www.test" },
	    CLIENT_CERT_HOSTNAME, 42);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .names = "" }, CLIENT_CERT_HOSTNAME, 42);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .from_day = -9, .to_day = -1 },
	    CLIENT_CERT_EXPIRED, 45);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .from_day = 1, .to_day = 9 },
	    CLIENT_CERT_NOT_YET_VALID, 45);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .purpose = "clientAuth" },
	    CLIENT_CERT_PURPOSE, 42);
	expect(o, &(struct kit_leaf){ .issuer = KIT_OTHER }, CLIENT_CERT_UNTRUSTED, 48);
	expect(o, &(struct kit_leaf){ .issuer = KIT_SELF }, CLIENT_CERT_UNTRUSTED, 48);
	expect(o, &(struct kit_leaf){ .issuer = KIT_INTER, .no_chain = true },
	    CLIENT_CERT_UNTRUSTED, 48);
	origin_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_right_server_is_spoken_to),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
