/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls/policy.h"

#include <cmocka.h>

/*
 * All policies as the clouds' pages have them, in the letters of design/cloud-facts.md: each stands for
 * suites in order, colons between them.
 */
static const struct {
	const char *letters, *suites;
} blocks[] = {
	{ "T3", "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256" },
	{ "T2", "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384" },
	{ "T5",
	    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
	    "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256" },
	{ "G1", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256" },
	{ "S1", "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256" },
	{ "O1", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA" },
	{ "G2", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384" },
	{ "S2", "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384" },
	{ "O2", "ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA" },
	{ "K4", "AES128-GCM-SHA256:AES128-SHA256:AES256-GCM-SHA384:AES256-SHA256" },
	{ "K6",
	    "AES128-GCM-SHA256:AES128-SHA256:AES128-SHA:AES256-GCM-SHA384:AES256-SHA256:"
	    "AES256-SHA" },
	{ "3D", "DES-CBC3-SHA" },
	/* Alibaba: all ECDSA, then all RSA. */
	{ "AE", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384" },
	{ "AO",
	    "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA:"
	    "ECDHE-ECDSA-AES256-SHA" },
	{ "AR", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384" },
	{ "AQ",
	    "ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:"
	    "ECDHE-RSA-AES256-SHA" },
	{ "AK",
	    "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:AES128-SHA:"
	    "AES256-SHA:DES-CBC3-SHA" },
};

#define EXT0 "G1 S1 O1 G2 S2 O2"
#define EXT1 "G1 S1 G2 S2 K4"
#define EXT2 "G1 S1 O1 G2 S2 O2 K6"

/* min and max are the last digits: 1 is TLS 1.0, 4 is TLS 1.3. */
static const struct {
	const char *name;
	unsigned min, max;
	const char *blocks;
} expected[] = {
	{ "ELBSecurityPolicy-TLS13-1-3-2021-06", 4, 4, "T3" },
	{ "ELBSecurityPolicy-TLS13-1-2-Res-2021-06", 3, 4, "T3 G1 G2" },
	{ "ELBSecurityPolicy-TLS13-1-2-2021-06", 3, 4, "T3 G1 S1 G2 S2" },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", 3, 4, "T3 " EXT1 },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", 3, 4, "T3 " EXT2 },
	{ "ELBSecurityPolicy-TLS13-1-1-2021-06", 2, 4, "T3 " EXT2 },
	{ "ELBSecurityPolicy-TLS13-1-0-2021-06", 1, 4, "T3 " EXT2 },
	{ "ELBSecurityPolicy-FS-1-2-Res-2020-10", 3, 3, "G1 G2" },
	{ "ELBSecurityPolicy-FS-1-2-Res-2019-08", 3, 3, "G1 S1 G2 S2" },
	{ "ELBSecurityPolicy-FS-1-2-2019-08", 3, 3, EXT0 },
	{ "ELBSecurityPolicy-FS-1-1-2019-08", 2, 3, EXT0 },
	{ "ELBSecurityPolicy-FS-2018-06", 1, 3, EXT0 },
	{ "ELBSecurityPolicy-2016-08", 1, 3, EXT2 },
	{ "ELBSecurityPolicy-2015-05", 1, 3, EXT2 },
	{ "ELBSecurityPolicy-TLS-1-2-2017-01", 3, 3, EXT1 },
	{ "ELBSecurityPolicy-TLS-1-2-Ext-2018-06", 3, 3, EXT2 },
	{ "ELBSecurityPolicy-TLS-1-1-2017-01", 2, 3, EXT2 },
	{ "ELBSecurityPolicy-TLS-1-0-2015-04", 1, 3, EXT2 " 3D" },
	{ "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", 4, 4, "T2" },
	{ "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04", 3, 4, "T2 G1 G2" },
	{ "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04", 3, 4, "T2 G1 S1 G2 S2" },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04", 3, 4, "T2 " EXT0 },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04", 3, 4, "T2 " EXT1 },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04", 3, 4, "T2 " EXT2 },
	{ "ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04", 2, 4, "T2 " EXT2 },
	{ "ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04", 1, 4, "T2 " EXT2 },
	{ "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", 4, 4, "T3" },
	{ "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", 3, 4, "T3 G1 S1 G2 S2" },
	{ "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", 3, 4, "T3 G1 G2" },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09", 3, 4, "T3 " EXT1 },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09", 3, 4, "T3 " EXT2 },
	{ "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09", 1, 4, "T3 " EXT2 },
	{ "ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09", 4, 4, "T2" },
	{ "ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09", 3, 4, "T2 G1 S1 G2 S2" },
	{ "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09", 3, 4, "T2 G1 G2" },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09", 3, 4, "T2 " EXT0 },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-PQ-2025-09", 3, 4, "T2 " EXT1 },
	{ "ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-PQ-2025-09", 3, 4, "T2 " EXT2 },
	{ "ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09", 1, 4, "T2 " EXT2 },
	{ "tls_cipher_policy_1_0", 1, 3, "AE AO AR AQ AK" },
	{ "tls_cipher_policy_1_1", 2, 3, "AE AO AR AQ AK" },
	{ "tls_cipher_policy_1_2", 3, 3, "AE AO AR AQ AK" },
	{ "tls_cipher_policy_1_2_strict", 3, 3, "AE AO AR AQ" },
	{ "tls_cipher_policy_1_2_strict_with_1_3", 3, 4, "T5 AE AO AR AQ" },
	{ "tls_cipher_policy_1_0_to_1_3", 1, 4, "T5 AE AR" },
};
#define N_EXPECTED (sizeof(expected) / sizeof(expected[0]))

static void list_suites(const struct policy *p, char *out)
{
	*out = '\0';
	for (unsigned i = 0; i < p->n_suites; i++)
		sprintf(
		    out + strlen(out), "%s%s", i > 0 ? ":" : "", policy_suite_name(p->suites[i]));
}

static void list_blocks(const char *letters, char *out)
{
	*out = '\0';
	for (const char *at = letters; *at; at += at[2] ? 3 : 2) {
		const char *suites = NULL;

		for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
			if (strncmp(blocks[i].letters, at, 2) == 0)
				suites = blocks[i].suites;
		assert_non_null(suites);
		sprintf(out + strlen(out), "%s%s", at > letters ? ":" : "", suites);
	}
}

static void test_suites_in_order(void **state)
{
	char list[4096], wanted[4096];

	(void)state;
	for (size_t i = 0; i < N_EXPECTED; i++) {
		const struct policy *p = policy_find(expected[i].name);

		if (!p)
			fail_msg("%s is missing", expected[i].name);
		assert_int_equal(p->min_version, 0x0300 + expected[i].min);
		assert_int_equal(p->max_version, 0x0300 + expected[i].max);
		list_suites(p, list);
		list_blocks(expected[i].blocks, wanted);
		assert_string_equal(list, wanted);
	}
	assert_null(policy_builtin(N_EXPECTED)); /* and no others */
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
