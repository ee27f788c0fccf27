/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tls/hello.h"
#include "tls/prints.h"

#include <cmocka.h>

static uint8_t scratch[HELLO_SCRATCH];

/* Reads a hello of the fuzz corpus, which has those of real clients. */
static void read_hello(struct hello *h, const char *name)
{
	static uint8_t bytes[20000];
	struct iovec in = { bytes, 0 };
	uint8_t alert;
	char path[512];
	size_t need;
	FILE *f;

	snprintf(path, sizeof(path), "%s/fuzz/corpus/hello/%s", TEST_FOLDER, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	in.iov_len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_int_equal(hello_read(h, &in, 1, scratch, &need, &alert), HELLO_OK);
}

/* Computed by a program of its own; curl's are in the public lists too. */
static void prints_are_the_known_ones(void **state)
{
	static const struct {
		const char *name, *ja3, *ja4;
	} cases[] = {
		{ "curl", "0149f47eabf9a20d0893e2a44e5a6323",
		    "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6" },
		{ "gnutls", "6af33c9e05452609f615c60bfdef7ce7",
		    "t13d2914h2_723694b0fccc_2cc26d266019" },
		{ "openssl13", "5a1edc7f170af1014fc65c994878e63c",
		    "t13d3111h2_e8f1e7e78f70_1f22a2ca17c4" },
		{ "openssl12", "fbe7e189e37a07ee33706f86bc746344",
		    "t12i280600_d943125447b4_e7e480e5a997" },
		{ "one-byte-records", "fbe7e189e37a07ee33706f86bc746344",
		    "t12i280600_d943125447b4_e7e480e5a997" },
		{ "openssl10", "c6dbf3152a545382a95425e390e2d2e8",
		    "t10d090600_c491f621fb4c_195413a0cc0f" },
		{ "psk", "dd6d03c11875934e6605a296820d1ff7",
		    "t13i010400_0f2cb44170f4_8414691afd00" },
		{ "sni-address", "1e7c622032b0cb79401b0f7be3793a1a",
		    "t12d010100_0f2cb44170f4_e3b0c44298fc" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char ja3_text[33], ja4[PRINT_JA4_CHARS + 1] = "";
		uint8_t ja3[PRINT_JA3_BYTES];
		struct hello h;

		read_hello(&h, cases[i].name);
		assert_true(prints_take(&h, ja3, ja4));
		for (int k = 0; k < 16; k++)
			sprintf(ja3_text + 2 * k, "%02x", ja3[k]);
		assert_string_equal(ja3_text, cases[i].ja3);
		assert_string_equal(ja4, cases[i].ja4);
	}
}

/* What a browser mixes in or shuffles must not change what it is told apart by. */
static void grease_does_not_count_and_order_does_not_matter(void **state)
{
	static const uint8_t plain[] = { 0x13, 0x01, 0x13, 0x02 },
			     mixed[] = { 0x7a, 0x7a, 0x13, 0x02, 0xfa, 0xfa, 0x13, 0x01 },
			     extensions[] = { 0, 0, 0, 43, 0, 16 },
			     shuffled[] = { 0x1a, 0x1a, 0, 16, 0, 43, 0, 0 };
	struct hello a = {
		.legacy_version = 0x0303, .suites = { plain, 2 }, .extensions = { extensions, 3 }
	};
	struct hello b = a;
	char ja4_a[PRINT_JA4_CHARS], ja4_b[PRINT_JA4_CHARS];
	uint8_t ja3_a[PRINT_JA3_BYTES], ja3_b[PRINT_JA3_BYTES];

	(void)state;
	b.suites = (struct hello_list){ mixed, 4 };
	b.extensions = (struct hello_list){ shuffled, 4 };
	assert_true(prints_take(&a, ja3_a, ja4_a));
	assert_true(prints_take(&b, ja3_b, ja4_b));
	assert_memory_equal(ja4_a, ja4_b, sizeof(ja4_a));
	assert_memory_not_equal(ja3_a, ja3_b, sizeof(ja3_a)); /* JA3 keeps the order */
	/* A protocol that is no text is told in hex. */
	b.alpn = (const uint8_t *)"\x02\xab\xcd";
	b.alpn_len = 3;
	assert_true(prints_take(&b, ja3_b, ja4_b));
	assert_memory_equal(ja4_b + 8, "ad", 2);
}

static void absurd_lists_are_not_sorted(void **state)
{
	static const uint8_t many[2 * 257];
	struct hello h = { .legacy_version = 0x0303, .suites = { many, 257 } };
	char ja4[PRINT_JA4_CHARS];
	uint8_t ja3[PRINT_JA3_BYTES];

	(void)state;
	assert_false(prints_take(&h, ja3, ja4));
	h.suites.n = 256;
	assert_true(prints_take(&h, ja3, ja4));
	h.sigalgs = (struct hello_list){ many, 257 };
	assert_false(prints_take(&h, ja3, ja4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_are_the_known_ones),
		cmocka_unit_test(grease_does_not_count_and_order_does_not_matter),
		cmocka_unit_test(absurd_lists_are_not_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
