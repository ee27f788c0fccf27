/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/policy.h"

#include <stddef.h>
#include <string.h>

#include <wolfssl/options.h>

/*
 * The names, versions and lists are the clouds' own: AWS "Security policies for your Application
 * Load Balancer" and Alibaba Cloud "TLS security policies" (cloud-facts.md 1 and 6). Suites are
 * in the server's order, which decides.
 */
#define AES128_GCM_13    0x1301
#define AES256_GCM_13    0x1302
#define CHACHA20_13      0x1303
#define AES128_CCM_13    0x1304
#define AES128_CCM_8_13  0x1305
#define RSA_3DES_SHA     0x000a
#define RSA_128_SHA      0x002f
#define RSA_256_SHA      0x0035
#define RSA_128_SHA256   0x003c
#define RSA_256_SHA256   0x003d
#define RSA_128_GCM      0x009c
#define RSA_256_GCM      0x009d
#define ECDSA_128_SHA    0xc009
#define ECDSA_256_SHA    0xc00a
#define ECRSA_128_SHA    0xc013
#define ECRSA_256_SHA    0xc014
#define ECDSA_128_SHA256 0xc023
#define ECDSA_256_SHA384 0xc024
#define ECRSA_128_SHA256 0xc027
#define ECRSA_256_SHA384 0xc028
#define ECDSA_128_GCM    0xc02b
#define ECDSA_256_GCM    0xc02c
#define ECRSA_128_GCM    0xc02f
#define ECRSA_256_GCM    0xc030

/* The building blocks carry the letters of cloud-facts.md 1. */
#define T3      AES128_GCM_13, AES256_GCM_13, CHACHA20_13
#define T3_FIPS AES128_GCM_13, AES256_GCM_13
#define G1      ECDSA_128_GCM, ECRSA_128_GCM
#define S1      ECDSA_128_SHA256, ECRSA_128_SHA256
#define O1      ECDSA_128_SHA, ECRSA_128_SHA
#define G2      ECDSA_256_GCM, ECRSA_256_GCM
#define S2      ECDSA_256_SHA384, ECRSA_256_SHA384
#define O2      ECRSA_256_SHA, ECDSA_256_SHA
#define K4      RSA_128_GCM, RSA_128_SHA256, RSA_256_GCM, RSA_256_SHA256
#define K6      RSA_128_GCM, RSA_128_SHA256, RSA_128_SHA, RSA_256_GCM, RSA_256_SHA256, RSA_256_SHA

#define RES  G1, G2
#define BASE G1, S1, G2, S2
#define EXT1 G1, S1, G2, S2, K4
#define EXT0 G1, S1, O1, G2, S2, O2
#define EXT2 G1, S1, O1, G2, S2, O2, K6

#define ALI_GCM(x) x##_128_GCM, x##_256_GCM
#define ALI_ALL(x) ALI_GCM(x), x##_128_SHA256, x##_256_SHA384, x##_128_SHA, x##_256_SHA
#define ALI_STRICT ALI_ALL(ECDSA), ALI_ALL(ECRSA)
#define ALI_STATIC                                                                          \
	RSA_128_GCM, RSA_256_GCM, RSA_128_SHA256, RSA_256_SHA256, RSA_128_SHA, RSA_256_SHA, \
	    RSA_3DES_SHA
#define ALI_13 AES128_GCM_13, AES256_GCM_13, CHACHA20_13, AES128_CCM_13, AES128_CCM_8_13

#define SECP256R1           23
#define SECP384R1           24
#define SECP521R1           25
#define X25519              29
#define SECP256R1_MLKEM768  4587
#define X25519_MLKEM768     4588
#define SECP384R1_MLKEM1024 4589

/* X25519 is no curve of AWS's policies; it costs a third of a P-256 agreement, so it goes first. */
#define CLASSIC      X25519, SECP256R1, SECP384R1
/* X25519 by itself is not approved by FIPS 140; inside a hybrid it is (SP 800-227). */
#define CLASSIC_FIPS SECP256R1, SECP384R1
#if defined(WOLFSSL_HAVE_MLKEM) && defined(WOLFSSL_PQC_HYBRIDS)
#define HYBRID X25519_MLKEM768, SECP256R1_MLKEM768, SECP384R1_MLKEM1024,
#else
#define HYBRID /* a wolfSSL without the final ML-KEM groups: these policies fall back to classic */
#endif

/* clang-format off */
#define LIST(...) { __VA_ARGS__ }
#define COUNT(...) (sizeof((uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t))
#define POLICY(id_, name_, min_, max_, groups_, ...)                                               \
	{ .id = (id_), .name = name_,                                                              \
	  .min_version = 0x0300 | (min_), .max_version = 0x0300 | (max_),                          \
	  .suites = LIST(__VA_ARGS__), .n_suites = COUNT(__VA_ARGS__), GROUPS_##groups_ }
#define GROUPS_PLAIN   .groups = LIST(CLASSIC), .n_groups = COUNT(CLASSIC)
#define GROUPS_FIPS    .groups = LIST(CLASSIC_FIPS), .n_groups = COUNT(CLASSIC_FIPS)
#define GROUPS_PQ      .groups = LIST(HYBRID CLASSIC), .n_groups = COUNT(HYBRID CLASSIC)
#define GROUPS_FIPS_PQ .groups = LIST(HYBRID CLASSIC_FIPS), .n_groups = COUNT(HYBRID CLASSIC_FIPS)

#define AWS(id_, name_, ...) POLICY(id_, "ELBSecurityPolicy-" name_, __VA_ARGS__)
#define ALI(id_, name_, ...) POLICY(id_, "tls_cipher_policy_" name_, __VA_ARGS__)

/*
 * Minimum and maximum version by their last digit: 1 is TLS 1.0, 4 is TLS 1.3. An id is never
 * given to another policy: tickets are bound to it, on other nodes and builds too.
 */
static const struct policy builtin[] = {
	AWS(1,  "TLS13-1-2-Res-PQ-2025-09",       3, 4, PQ,      T3, RES),
	AWS(2,  "TLS13-1-3-PQ-2025-09",           4, 4, PQ,      T3),
	AWS(3,  "TLS13-1-2-PQ-2025-09",           3, 4, PQ,      T3, BASE),
	AWS(4,  "TLS13-1-2-Ext1-PQ-2025-09",      3, 4, PQ,      T3, EXT1),
	AWS(5,  "TLS13-1-2-Ext2-PQ-2025-09",      3, 4, PQ,      T3, EXT2),
	AWS(6,  "TLS13-1-0-PQ-2025-09",           1, 4, PQ,      T3, EXT2),
	AWS(7,  "TLS13-1-3-FIPS-PQ-2025-09",      4, 4, FIPS_PQ, T3_FIPS),
	AWS(8,  "TLS13-1-2-FIPS-PQ-2025-09",      3, 4, FIPS_PQ, T3_FIPS, BASE),
	AWS(9,  "TLS13-1-2-Res-FIPS-PQ-2025-09",  3, 4, FIPS_PQ, T3_FIPS, RES),
	AWS(10, "TLS13-1-2-Ext0-FIPS-PQ-2025-09", 3, 4, FIPS_PQ, T3_FIPS, EXT0),
	AWS(11, "TLS13-1-2-Ext1-FIPS-PQ-2025-09", 3, 4, FIPS_PQ, T3_FIPS, EXT1),
	AWS(12, "TLS13-1-2-Ext2-FIPS-PQ-2025-09", 3, 4, FIPS_PQ, T3_FIPS, EXT2),
	AWS(13, "TLS13-1-0-FIPS-PQ-2025-09",      1, 4, FIPS_PQ, T3_FIPS, EXT2),
	AWS(14, "TLS13-1-3-2021-06",              4, 4, PLAIN,   T3),
	AWS(15, "TLS13-1-2-Res-2021-06",          3, 4, PLAIN,   T3, RES),
	AWS(16, "TLS13-1-2-2021-06",              3, 4, PLAIN,   T3, BASE),
	AWS(17, "TLS13-1-2-Ext1-2021-06",         3, 4, PLAIN,   T3, EXT1),
	AWS(18, "TLS13-1-2-Ext2-2021-06",         3, 4, PLAIN,   T3, EXT2),
	AWS(19, "TLS13-1-1-2021-06",              2, 4, PLAIN,   T3, EXT2),
	AWS(20, "TLS13-1-0-2021-06",              1, 4, PLAIN,   T3, EXT2),
	AWS(21, "TLS13-1-3-FIPS-2023-04",         4, 4, FIPS,    T3_FIPS),
	AWS(22, "TLS13-1-2-Res-FIPS-2023-04",     3, 4, FIPS,    T3_FIPS, RES),
	AWS(23, "TLS13-1-2-FIPS-2023-04",         3, 4, FIPS,    T3_FIPS, BASE),
	AWS(24, "TLS13-1-2-Ext0-FIPS-2023-04",    3, 4, FIPS,    T3_FIPS, EXT0),
	AWS(25, "TLS13-1-2-Ext1-FIPS-2023-04",    3, 4, FIPS,    T3_FIPS, EXT1),
	AWS(26, "TLS13-1-2-Ext2-FIPS-2023-04",    3, 4, FIPS,    T3_FIPS, EXT2),
	AWS(27, "TLS13-1-1-FIPS-2023-04",         2, 4, FIPS,    T3_FIPS, EXT2),
	AWS(28, "TLS13-1-0-FIPS-2023-04",         1, 4, FIPS,    T3_FIPS, EXT2),
	AWS(29, "FS-1-2-Res-2020-10",             3, 3, PLAIN,   RES),
	AWS(30, "FS-1-2-Res-2019-08",             3, 3, PLAIN,   BASE),
	AWS(31, "FS-1-2-2019-08",                 3, 3, PLAIN,   EXT0),
	AWS(32, "FS-1-1-2019-08",                 2, 3, PLAIN,   EXT0),
	AWS(33, "FS-2018-06",                     1, 3, PLAIN,   EXT0),
	AWS(34, "2016-08",                        1, 3, PLAIN,   EXT2),
	AWS(35, "2015-05",                        1, 3, PLAIN,   EXT2),
	AWS(36, "TLS-1-2-2017-01",                3, 3, PLAIN,   EXT1),
	AWS(37, "TLS-1-2-Ext-2018-06",            3, 3, PLAIN,   EXT2),
	AWS(38, "TLS-1-1-2017-01",                2, 3, PLAIN,   EXT2),
	AWS(39, "TLS-1-0-2015-04",                1, 3, PLAIN,   EXT2, RSA_3DES_SHA),
	ALI(40, "1_0",                            1, 3, PLAIN,   ALI_STRICT, ALI_STATIC),
	ALI(41, "1_1",                            2, 3, PLAIN,   ALI_STRICT, ALI_STATIC),
	ALI(42, "1_2",                            3, 3, PLAIN,   ALI_STRICT, ALI_STATIC),
	ALI(43, "1_2_strict",                     3, 3, PLAIN,   ALI_STRICT),
	ALI(44, "1_2_strict_with_1_3",            3, 4, PLAIN,   ALI_13, ALI_STRICT),
	ALI(45, "1_0_to_1_3",                     1, 4, PLAIN,   ALI_13, ALI_GCM(ECDSA), ALI_GCM(ECRSA)),
};
/* clang-format on */

#define N_BUILTIN (sizeof(builtin) / sizeof(builtin[0]))

struct number_name {
	uint16_t number;
	const char *name;
};

static const struct number_name suite_names[] = {
	{ AES128_GCM_13, "TLS_AES_128_GCM_SHA256" },
	{ AES256_GCM_13, "TLS_AES_256_GCM_SHA384" },
	{ CHACHA20_13, "TLS_CHACHA20_POLY1305_SHA256" },
	{ AES128_CCM_13, "TLS_AES_128_CCM_SHA256" },
	{ AES128_CCM_8_13, "TLS_AES_128_CCM_8_SHA256" },
	{ RSA_3DES_SHA, "DES-CBC3-SHA" },
	{ RSA_128_SHA, "AES128-SHA" },
	{ RSA_256_SHA, "AES256-SHA" },
	{ RSA_128_SHA256, "AES128-SHA256" },
	{ RSA_256_SHA256, "AES256-SHA256" },
	{ RSA_128_GCM, "AES128-GCM-SHA256" },
	{ RSA_256_GCM, "AES256-GCM-SHA384" },
	{ ECDSA_128_SHA, "ECDHE-ECDSA-AES128-SHA" },
	{ ECDSA_256_SHA, "ECDHE-ECDSA-AES256-SHA" },
	{ ECRSA_128_SHA, "ECDHE-RSA-AES128-SHA" },
	{ ECRSA_256_SHA, "ECDHE-RSA-AES256-SHA" },
	{ ECDSA_128_SHA256, "ECDHE-ECDSA-AES128-SHA256" },
	{ ECDSA_256_SHA384, "ECDHE-ECDSA-AES256-SHA384" },
	{ ECRSA_128_SHA256, "ECDHE-RSA-AES128-SHA256" },
	{ ECRSA_256_SHA384, "ECDHE-RSA-AES256-SHA384" },
	{ ECDSA_128_GCM, "ECDHE-ECDSA-AES128-GCM-SHA256" },
	{ ECDSA_256_GCM, "ECDHE-ECDSA-AES256-GCM-SHA384" },
	{ ECRSA_128_GCM, "ECDHE-RSA-AES128-GCM-SHA256" },
	{ ECRSA_256_GCM, "ECDHE-RSA-AES256-GCM-SHA384" },
};

/* As in IANA's registry "TLS Supported Groups". */
static const struct number_name group_names[] = {
	{ SECP256R1, "secp256r1" },
	{ SECP384R1, "secp384r1" },
	{ SECP521R1, "secp521r1" },
	{ X25519, "x25519" },
	{ SECP256R1_MLKEM768, "SecP256r1MLKEM768" },
	{ X25519_MLKEM768, "X25519MLKEM768" },
	{ SECP384R1_MLKEM1024, "SecP384r1MLKEM1024" },
};

/* Spelled as OpenSSL and the clouds' connection logs do. */
static const struct number_name version_names[] = {
	{ 0x0300, "SSLv3" },
	{ 0x0301, "TLSv1" },
	{ 0x0302, "TLSv1.1" },
	{ 0x0303, "TLSv1.2" },
	{ 0x0304, "TLSv1.3" },
};

static const char *name_of(const struct number_name *list, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].number == number)
			return list[i].name;
	return NULL;
}

#define NAME_OF(list, number) name_of(list, sizeof(list) / sizeof((list)[0]), number)

const struct policy *policy_find(const char *name)
{
	for (size_t i = 0; name && i < N_BUILTIN; i++)
		if (strcmp(builtin[i].name, name) == 0)
			return &builtin[i];
	return NULL;
}

const struct policy *policy_builtin(unsigned i)
{
	return i < N_BUILTIN ? &builtin[i] : NULL;
}

const char *policy_suite_name(uint16_t suite)
{
	return NAME_OF(suite_names, suite);
}

const char *policy_group_name(uint16_t group)
{
	return NAME_OF(group_names, group);
}

const char *policy_version_name(uint16_t version)
{
	return NAME_OF(version_names, version);
}
