/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls/policy.h"

#include <cmocka.h>

/* A policy's suites in order, as the clouds' pages print them. */
struct expected {
	const char *name;
	uint16_t min_version, max_version;
	const char *suites; /* colons between them */
};

#define T3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define RES                                                          \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define EXT2                                                         \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"         \
	"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" \
	"ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"         \
	"ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA:"               \
	"AES128-GCM-SHA256:AES128-SHA256:AES128-SHA:"                \
	"AES256-GCM-SHA384:AES256-SHA256:AES256-SHA"

static const struct expected expected[] = {
	{ "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", 0x0303, 0x0304, T3 ":" RES },
	{ "ELBSecurityPolicy-TLS13-1-2-Res-2021-06", 0x0303, 0x0304, T3 ":" RES },
	{ "ELBSecurityPolicy-TLS13-1-3-2021-06", 0x0304, 0x0304, T3 },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", 0x0303, 0x0304, T3 ":" EXT2 },
	{ "ELBSecurityPolicy-TLS13-1-1-2021-06", 0x0302, 0x0304, T3 ":" EXT2 },
	{ "ELBSecurityPolicy-TLS13-1-0-2021-06", 0x0301, 0x0304, T3 ":" EXT2 },
	{ "ELBSecurityPolicy-2016-08", 0x0301, 0x0303, EXT2 },
	{ "ELBSecurityPolicy-2015-05", 0x0301, 0x0303, EXT2 },
	{ "ELBSecurityPolicy-TLS-1-0-2015-04", 0x0301, 0x0303, EXT2 ":DES-CBC3-SHA" },
	{ "ELBSecurityPolicy-FS-1-2-Res-2020-10", 0x0303, 0x0303, RES },
	{ "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", 0x0304, 0x0304,
	    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384" },
	{ "ELBSecurityPolicy-TLS-1-2-2017-01", 0x0303, 0x0303,
	    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	    "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"
	    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	    "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"
	    "AES128-GCM-SHA256:AES128-SHA256:AES256-GCM-SHA384:AES256-SHA256" },
	{ "tls_cipher_policy_1_2_strict_with_1_3", 0x0303, 0x0304,
	    T3 ":TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256:"
	       "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
	       "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:"
	       "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
	       "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:"
	       "ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:"
	       "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA" },
	{ "tls_cipher_policy_1_0", 0x0301, 0x0303,
	    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
	    "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:"
	    "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
	    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:"
	    "ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:"
	    "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:"
	    "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:"
	    "AES128-SHA:AES256-SHA:DES-CBC3-SHA" },
};

static void list_suites(const struct policy *p, char *out)
{
	*out = '\0';
	for (unsigned i = 0; i < p->n_suites; i++) {
		if (i > 0)
			strcat(out, ":");
		strcat(out, policy_suite_name(p->suites[i]));
	}
}

static void test_suites_in_order(void **state)
{
	char list[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct policy *p = policy_find(expected[i].name);

		if (!p)
			fail_msg("%s is missing", expected[i].name);
		assert_int_equal(p->min_version, expected[i].min_version);
		assert_int_equal(p->max_version, expected[i].max_version);
		list_suites(p, list);
		assert_string_equal(list, expected[i].suites);
	}
}

static void test_find(void **state)
{
	static const char *const wrong[] = { "", "2016-08", "ELBSecurityPolicy-",
		"elbsecuritypolicy-2016-08", "ELBSecurityPolicy-2016-08 ", "tls_cipher_policy",
		"tls_cipher_policy_1_3" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_null(policy_find(wrong[i]));
	assert_null(policy_find(NULL));
	assert_non_null(policy_find(POLICY_DEFAULT));
}

/* Every policy can be found, has an id of its own, and everything in it has a name. */
static void test_every_policy_is_whole(void **state)
{
	const struct policy *p;
	unsigned n = 0;

	(void)state;
	for (; (p = policy_builtin(n)) != NULL; n++) {
		assert_ptr_equal(policy_find(p->name), p);
		assert_non_null(policy_version_name(p->min_version));
		assert_non_null(policy_version_name(p->max_version));
		assert_true(p->min_version <= p->max_version);
		assert_in_range(p->n_suites, 1, POLICY_MAX_SUITES);
		assert_in_range(p->n_groups, 2, POLICY_MAX_GROUPS);
		for (unsigned i = 0; i < n; i++)
			assert_int_not_equal(policy_builtin(i)->id, p->id);
		for (unsigned i = 0; i < p->n_suites; i++) {
			assert_non_null(policy_suite_name(p->suites[i]));
			/* TLS 1.3 suites exactly where TLS 1.3 is. */
			if (p->suites[i] >> 8 == 0x13)
				assert_int_equal(p->max_version, 0x0304);
			for (unsigned k = 0; k < i; k++)
				assert_int_not_equal(p->suites[i], p->suites[k]);
		}
		for (unsigned i = 0; i < p->n_groups; i++)
			assert_non_null(policy_group_name(p->groups[i]));
	}
	assert_int_equal(n, 45);
	assert_null(policy_builtin(n));
	assert_null(policy_builtin(~0u));
}

static void test_groups(void **state)
{
	const struct policy *classic = policy_find("ELBSecurityPolicy-TLS13-1-2-2021-06");
	const struct policy *fips = policy_find("ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04");
	const struct policy *pq = policy_find(POLICY_DEFAULT);

	(void)state;
	assert_int_equal(classic->n_groups, 3);
	assert_string_equal(policy_group_name(classic->groups[0]), "x25519");
	assert_string_equal(policy_group_name(classic->groups[1]), "secp256r1");
	assert_string_equal(policy_group_name(classic->groups[2]), "secp384r1");
	assert_int_equal(fips->n_groups, 2);
	assert_string_equal(policy_group_name(fips->groups[0]), "secp256r1");
#ifdef WOLFSSL_HAVE_MLKEM
	assert_int_equal(pq->n_groups, 6);
	assert_int_equal(pq->groups[0], 4588);
	assert_string_equal(policy_group_name(pq->groups[0]), "X25519MLKEM768");
	assert_string_equal(policy_group_name(pq->groups[1]), "SecP256r1MLKEM768");
	assert_string_equal(policy_group_name(pq->groups[2]), "SecP384r1MLKEM1024");
#else
	assert_int_equal(pq->n_groups, 3);
#endif
}

/* The names are what wolfSSL is told: it must know each, by that number. */
static void test_wolfssl_knows_the_suites(void **state)
{
	const struct policy *p;

	(void)state;
	for (unsigned n = 0; (p = policy_builtin(n)) != NULL; n++) {
		for (unsigned i = 0; i < p->n_suites; i++) {
			const char *name = policy_suite_name(p->suites[i]);
			byte first, second;
			int flags;

			if (wolfSSL_get_cipher_suite_from_name(name, &first, &second, &flags) != 0)
				fail_msg("wolfSSL does not know %s", name);
			assert_int_equal(first << 8 | second, p->suites[i]);
		}
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(policy_suite_name(0x1301), "TLS_AES_128_GCM_SHA256");
	assert_string_equal(policy_suite_name(0xc030), "ECDHE-RSA-AES256-GCM-SHA384");
	assert_string_equal(policy_version_name(0x0301), "TLSv1");
	assert_string_equal(policy_version_name(0x0304), "TLSv1.3");
	assert_null(policy_suite_name(0x1a1a));
	assert_null(policy_suite_name(0x5600));
	assert_null(policy_group_name(0x1a1a));
	assert_null(policy_version_name(0x0305));
	assert_null(policy_version_name(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suites_in_order),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_every_policy_is_whole),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_wolfssl_knows_the_suites),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
