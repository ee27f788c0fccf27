/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "config/digest.h"

#include <cmocka.h>

/* FIPS 180-4 examples and NIST's long message. */
static void sha256_of_known_messages(void **state)
{
	static char million[1000000];
	char text[DIGEST_TEXT];

	(void)state;
	assert_string_equal(sha256_text("", 0, text),
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(sha256_text("abc", 3, text),
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(
	    sha256_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, text),
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', sizeof(million));
	assert_string_equal(sha256_text(million, sizeof(million), text),
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void sha256_does_not_depend_on_the_pieces(void **state)
{
	char data[300], whole[DIGEST_TEXT];

	(void)state;
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	for (size_t len = 0; len <= sizeof(data); len++) {
		struct sha256 s;
		uint8_t digest[32];
		char text[DIGEST_TEXT];

		sha256_text(data, len, whole);
		sha256_init(&s);
		for (size_t at = 0; at < len;) {
			size_t n = 1 + at % 67 < len - at ? 1 + at % 67 : len - at;

			sha256_add(&s, data + at, n);
			at += n;
		}
		sha256_final(&s, digest);
		for (unsigned i = 0; i < 32; i++)
			snprintf(text + 2 * i, 3, "%02x", digest[i]);
		assert_string_equal(text, whole);
	}
}

/* RFC 3720 B.4. */
static void crc32c_of_known_bytes(void **state)
{
	uint8_t data[32];

	(void)state;
	memset(data, 0, sizeof(data));
	assert_int_equal(crc32c(0, data, 32), 0x8a9136aa);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(crc32c(0, data, 32), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		data[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, data, 32), 0x46dd794e);
	assert_int_equal(crc32c(crc32c(0, data, 13), data + 13, 19), 0x46dd794e);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_of_known_messages),
		cmocka_unit_test(sha256_does_not_depend_on_the_pieces),
		cmocka_unit_test(crc32c_of_known_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
