/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tls/policy.h"
#include "tls/service.h"
#include "tls/sni.h"

#include <cmocka.h>

static struct err e;
static struct cert *cert;

static struct tls_service *make(const char *listener, const char *const *alpn, unsigned n)
{
	const struct tls_service_config config = {
		.listener = listener, .defaults = &cert, .n_defaults = 1, .alpn = alpn, .n_alpn = n
	};

	err_init(&e);
	return tls_service_new(&config, &e);
}

static void test_alpn_wire_form(void **state)
{
	static const char *const alpn[] = { "h2", "http/1.1" };
	struct tls_service *s = make("https", alpn, 2);

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->alpn_len, 12);
	assert_memory_equal(s->alpn, "\x02h2\x08http/1.1", 12);
	tls_service_free(s);
	s = make("https", NULL, 0);
	assert_null(s->alpn);
	assert_int_equal(s->alpn_len, 0);
	tls_service_free(s);
}

static void test_bad_alpn(void **state)
{
	static char long_name[257];
	const char *empty = "", *too_long = long_name;
	static const char *const twice[] = { "h2", "http/1.1", "h2" };

	(void)state;
	memset(long_name, 'x', 256);
	assert_null(make("https", &empty, 1));
	assert_non_null(strstr(e.text, "listener 'https': ALPN name '' must have 1 to 255 bytes"));
	assert_null(make("https", &too_long, 1));
	long_name[255] = '\0';
	tls_service_free(make("https", &too_long, 1));
	assert_int_equal(e.n, 0);
	assert_null(make("https", twice, 3));
	assert_non_null(strstr(e.text, "given twice"));
}

static void test_too_much_alpn(void **state)
{
	static char names[257][256];
	static const char *list[257];

	(void)state;
	for (unsigned i = 0; i < 257; i++) {
		memset(names[i], 'x', 255);
		names[i][0] = (char)('a' + i / 26);
		names[i][1] = (char)('a' + i % 26);
		list[i] = names[i];
	}
	tls_service_free(make("https", list, 255)); /* 65280 bytes */
	assert_int_equal(e.n, 0);
	assert_null(make("https", list, 257));
	assert_non_null(strstr(e.text, "too long together"));
}

static void test_needs_a_default(void **state)
{
	const struct tls_service_config config = {
		.listener = "https", .certificates = &cert, .n_certificates = 1
	};

	(void)state;
	err_init(&e);
	assert_null(tls_service_new(&config, &e));
	assert_non_null(strstr(e.text, "at least one default certificate"));
	tls_service_free(NULL);
}

/* Tickets of one listener must not work at another, and must survive a reload. */
static void test_listener_id(void **state)
{
	struct tls_service *a = make("https", NULL, 0), *again = make("https", NULL, 0);
	struct tls_service *b = make("https2", NULL, 0);

	(void)state;
	assert_int_equal(a->listener_id, again->listener_id);
	assert_int_not_equal(a->listener_id, b->listener_id);
	/* The same on every node and build. */
	assert_int_equal(a->listener_id, 0xdedea8e2);
	assert_ptr_equal(a->rules->own.policy, policy_find(POLICY_DEFAULT));
	tls_service_free(a);
	tls_service_free(again);
	tls_service_free(b);
	assert_int_equal(cert->references, 1);
}

static int setup(void **state)
{
	(void)state;
	cert = kit_named_cert("www.example.com", CERT_P256, 256);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cert_put(cert);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alpn_wire_form),
		cmocka_unit_test(test_bad_alpn),
		cmocka_unit_test(test_too_much_alpn),
		cmocka_unit_test(test_needs_a_default),
		cmocka_unit_test(test_listener_id),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
