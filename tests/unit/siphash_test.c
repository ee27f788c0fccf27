/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* SipHash paper, appendix A: key 00..0f, message 00..0e. */
static const uint8_t secret[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static void siphash24_paper_vector(void **state)
{
	struct siphash_key key = siphash_key_make(secret);
	uint8_t msg[15];

	(void)state;
	for (unsigned i = 0; i < sizeof(msg); i++)
		msg[i] = (uint8_t)i;
	assert_true(siphash24(&key, msg, 15) == 0xa129ca6149be45e5ULL);
}

/* The authors' reference vectors for messages 00.., of length 0 to 8 and 63 (vectors.h, vectors_sip64). */
static void siphash24_reference_vectors(void **state)
{
	static const uint64_t want[] = { 0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a,
		0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce,
		0xab0200f58b01d137, 0x93f5f5799a932462 };
	struct siphash_key key = siphash_key_make(secret);
	uint8_t msg[64];

	(void)state;
	for (unsigned i = 0; i < sizeof(msg); i++)
		msg[i] = (uint8_t)i;
	for (unsigned len = 0; len < sizeof(want) / sizeof(want[0]); len++)
		assert_true(siphash24(&key, msg, len) == want[len]);
	assert_true(siphash24(&key, msg, 63) == 0x958a324ceb064572ULL);
}

/* Both variants depend on every bit of message, length and key. */
static void siphash_every_bit_counts(void **state)
{
	uint8_t msg[24] = { 0 }, other[16];
	struct siphash_key key = siphash_key_make(secret), changed;
	uint64_t h13 = siphash13(&key, msg, sizeof(msg)), h24 = siphash24(&key, msg, sizeof(msg));

	(void)state;
	for (unsigned bit = 0; bit < sizeof(msg) * 8; bit++) {
		msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(siphash13(&key, msg, sizeof(msg)) != h13);
		assert_true(siphash24(&key, msg, sizeof(msg)) != h24);
		msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (unsigned bit = 0; bit < 128; bit++) {
		memcpy(other, secret, 16);
		other[bit / 8] ^= (uint8_t)(1 << bit % 8);
		changed = siphash_key_make(other);
		assert_true(siphash13(&changed, msg, sizeof(msg)) != h13);
		assert_true(siphash24(&changed, msg, sizeof(msg)) != h24);
	}
	assert_true(siphash13(&key, msg, 23) != h13);
	assert_true(h13 != h24);
}

/* Words are the same function over the same bytes, for every length they can have here. */
static void siphash_of_words_is_of_their_bytes(void **state)
{
	struct siphash_key key = siphash_key_make(secret);
	uint8_t msg[47];
	uint64_t words[5], last;

	(void)state;
	for (unsigned i = 0; i < sizeof(msg); i++)
		msg[i] = (uint8_t)(251 - 5 * i);
	for (size_t n = 0; n <= 5; n++) {
		memcpy(words, msg, 8 * n);
		last = 0;
		memcpy(&last, msg + 8 * n, 7);
		assert_true(
		    siphash24_words(&key, words, n, last) == siphash24(&key, msg, 8 * n + 7));
		assert_true(
		    siphash13_words(&key, words, n, last) == siphash13(&key, msg, 8 * n + 7));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash24_paper_vector),
		cmocka_unit_test(siphash24_reference_vectors),
		cmocka_unit_test(siphash_every_bit_counts),
		cmocka_unit_test(siphash_of_words_is_of_their_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
