/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/tls_data_kit.h"
#include "tls/policy.h"
#include "tls/ticket.h"

#include <cmocka.h>

static struct err e;

/* --- keys in files --- */

/* Key i of many: 80 bytes, none like another. */
static void key_bytes(uint8_t out[TICKET_KEY_BYTES], unsigned i)
{
	for (unsigned k = 0; k < TICKET_KEY_BYTES; k++)
		out[k] = (uint8_t)(i * 80 + k * 7 + 1);
}

static struct ticket_ring *parse(const void *bytes, size_t len)
{
	uint8_t *exact = malloc(len + !len);
	struct ticket_ring *ring;

	memcpy(exact, bytes, len);
	err_init(&e);
	ring = ticket_ring_parse("keys", exact, len, 3600, &e);
	free(exact);
	assert_true(ring ? e.n == 0 : e.n > 0);
	return ring;
}

static void refused(const char *text, const char *says)
{
	if (parse(text, strlen(text)))
		fail_msg("accepted: %s", text);
	if (!strstr(e.text, says))
		fail_msg("'%s' says: %s", text, e.text);
}

#define KEY_0                                                                      \
	"AQgPFh0kKzI5QEdOVVxjanF4f4aNlJuiqbC3vsXM09rh6O/2/QQLEhkgJy41PENKUVhfZm10" \
	"e4KJkJeepayzusHIz9bd5Ovy+QAHDhUcIyo="
#define KEY_1                                                                      \
	"UVhfZm10e4KJkJeepayzusHIz9bd5Ovy+QAHDhUcIyoxOD9GTVRbYmlwd36FjJOaoaivtr3E" \
	"y9LZ4Ofu9fwDChEYHyYtNDtCSVBXXmVsc3o="

static void test_text(void **state)
{
	static const char *const same[] = { KEY_0 "\n" KEY_1 "\n", KEY_0 "\r\n" KEY_1,
		"# secret\n\n  " KEY_0 " \n\t# old\n" KEY_1 "\n\n" };
	uint8_t bytes[TICKET_KEY_BYTES];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ticket_ring *ring = parse(same[i], strlen(same[i]));

		assert_non_null(ring);
		assert_int_equal(ring->n_keys, 2);
		for (unsigned k = 0; k < 2; k++) {
			key_bytes(bytes, k);
			assert_memory_equal(ring->keys[k].bytes, bytes, sizeof(bytes));
		}
		ticket_ring_free(ring);
	}
	refused("", "has no ticket key");
	refused("# none\n", "has no ticket key");
	refused("hello\n", "line 1 of keys is no ticket key");
	refused(KEY_0 "\n" KEY_1 "A\n", "line 2 of keys is no ticket key");
	refused(KEY_0 " " KEY_1, "line 1 of keys is no ticket key");
	refused(KEY_0 "\n" KEY_0 "\n", "keys 1 and 2 in keys begin with the same 16 bytes");
	refused("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	    "is not random");
}

static void test_bare(void **state)
{
	uint8_t bytes[17 * TICKET_KEY_BYTES];
	struct ticket_ring *ring;

	(void)state;
	for (unsigned i = 0; i < 17; i++) {
		key_bytes(bytes + (size_t)i * TICKET_KEY_BYTES, i);
		bytes[i * TICKET_KEY_BYTES] = (uint8_t)(0x80 + i);
	}
	ring = parse(bytes, 16 * TICKET_KEY_BYTES);
	assert_non_null(ring);
	assert_int_equal(ring->n_keys, 16);
	assert_memory_equal(ring->keys[15].bytes, bytes + 15 * TICKET_KEY_BYTES, TICKET_KEY_BYTES);
	ticket_ring_free(ring);
	assert_null(parse(bytes, sizeof(bytes)));
	assert_non_null(strstr(e.text, "more than 16 ticket keys"));
	for (size_t len = 1; len < 2 * TICKET_KEY_BYTES; len++)
		if (len != TICKET_KEY_BYTES)
			assert_null(parse(bytes, len));
}

static void test_lifetime(void **state)
{
	(void)state;
	assert_null(ticket_ring_new(0, &e));
	assert_null(ticket_ring_new(TICKET_MAX_LIFE_S + 1, &e));
	ticket_ring_free(ticket_ring_new(TICKET_MAX_LIFE_S, &e));
	ticket_ring_free(NULL);
}

static void test_rotation(void **state)
{
	struct ticket_ring *ring = ticket_ring_new(100, &e), *first = ring, *next;

	(void)state;
	for (unsigned turn = 1; turn < 20; turn++) {
		next = ticket_ring_rotate(ring, 3, &e);
		assert_int_equal(next->n_keys, turn < 2 ? turn + 1 : 3);
		assert_int_equal(next->lifetime_s, 100);
		assert_memory_not_equal(next->keys[0].bytes, ring->keys[0].bytes, 16);
		assert_memory_equal(&next->keys[1], &ring->keys[0], sizeof(ring->keys[0]));
		assert_false(ticket_ring_is_same(ring, next));
		if (ring != first)
			ticket_ring_free(ring);
		ring = next;
	}
	next = ticket_ring_rotate(ring, 1, &e);
	assert_int_equal(next->n_keys, 1);
	ticket_ring_free(next);
	next = ticket_ring_rotate(ring, 1000, &e);
	assert_int_equal(next->n_keys, 4);
	ticket_ring_free(next);
	ticket_ring_free(ring);
	ticket_ring_free(first);
}

static void test_file(void **state)
{
	char folder[] = "/tmp/tls_ticket_test.XXXXXX", path[128], link[160];
	struct ticket_ring *ring = ticket_ring_new(100, &e), *more, *read;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/keys", folder);
	snprintf(link, sizeof(link), "%s.new", path);
	assert_int_equal(ticket_ring_save(ring, path, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Over the old one, and what a crash left; a link in its place is not followed. */
	assert_int_equal(symlink("/etc/passwd", link), 0);
	more = ticket_ring_rotate(ring, 3, &e);
	assert_int_equal(ticket_ring_save(more, path, &e), 0);
	assert_int_equal(access(link, F_OK), -1);
	err_init(&e);
	read = ticket_ring_load(path, 100, &e);
	assert_non_null(read);
	assert_true(ticket_ring_is_same(read, more));
	assert_false(ticket_ring_is_same(read, ring));
	assert_memory_equal(read->keys[1].aead, ring->keys[0].aead, 32);
	ticket_ring_free(read);
	chmod(path, 0604);
	assert_null(ticket_ring_load(path, 100, &e));
	assert_non_null(strstr(e.text, "can be read by every user"));
	assert_null(ticket_ring_load(folder, 100, &e));
	assert_null(ticket_ring_load("/nonexistent/keys", 100, &e));
	assert_int_equal(ticket_ring_save(ring, "/nonexistent/keys", &e), -1);
	truncate(path, 0);
	chmod(path, 0600);
	assert_null(ticket_ring_load(path, 100, &e));
	unlink(path);
	rmdir(folder);
	ticket_ring_free(ring);
	ticket_ring_free(more);
}

/* --- sealing --- */

#define TEXT 150

struct ticket {
	uint8_t name[16], iv[16], mac[32], text[TEXT];
};

static const uint8_t nonce[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
static const uint8_t binding[32] = { 1 }, other[32] = { 2 };
static const struct ticket_owner owner = { .binding = binding, .name = other };

static struct ticket_head head_of(struct ticket *t)
{
	return (struct ticket_head){ .name = t->name, .iv = t->iv, .mac = t->mac };
}

static struct ticket seal(const struct ticket_ring *ring, uint32_t now_s)
{
	struct ticket t;
	struct ticket_head head = head_of(&t);

	memset(&t, 0xaa, sizeof(t));
	memset(t.text, 's', TEXT);
	assert_true(ticket_seal(ring, &owner, now_s, nonce, &head, t.text, TEXT));
	return t;
}

static enum ticket_verdict open_at(
    const struct ticket_ring *ring, struct ticket t, const struct ticket_owner *o, uint32_t now_s)
{
	struct ticket_head head = head_of(&t);
	enum ticket_verdict verdict = ticket_open(ring, o, now_s, &head, t.text, TEXT);

	if (verdict == TICKET_OK || verdict == TICKET_OLD_KEY)
		for (unsigned i = 0; i < TEXT; i++)
			assert_int_equal(t.text[i], 's');
	return verdict;
}

static void test_opens(void **state)
{
	struct ticket_ring *ring = ticket_ring_new(3600, &e),
			   *next = ticket_ring_rotate(ring, 2, &e);
	struct ticket_ring *last = ticket_ring_rotate(next, 2, &e);
	struct ticket t = seal(ring, 1000);

	(void)state;
	assert_null(memmem(t.text, TEXT, "sss", 3));
	assert_int_equal(open_at(ring, t, &owner, 1000), TICKET_OK);
	assert_int_equal(open_at(next, t, &owner, 1000), TICKET_OLD_KEY);
	assert_int_equal(open_at(last, t, &owner, 1000), TICKET_UNKNOWN);
	ticket_ring_free(ring);
	ticket_ring_free(next);
	ticket_ring_free(last);
}

static void test_expires(void **state)
{
	struct ticket_ring *ring = ticket_ring_new(3600, &e);
	static const uint32_t births[] = { 1000, 0xffffff00, 0xffffffff, 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++) { /* also over the end of 32 bits */
		uint32_t born = births[i];
		struct ticket t = seal(ring, born);

		assert_int_equal(open_at(ring, t, &owner, born + 3600), TICKET_OK);
		assert_int_equal(open_at(ring, t, &owner, born + 3601), TICKET_EXPIRED);
		assert_int_equal(open_at(ring, t, &owner, born - 60), TICKET_OK);
		assert_int_equal(open_at(ring, t, &owner, born - 61), TICKET_EXPIRED);
		assert_int_equal(open_at(ring, t, &owner, born + 0x80000000), TICKET_EXPIRED);
	}
	ticket_ring_free(ring);
}

/* Every bit of a ticket counts, and whom it is for. */
static void test_forged(void **state)
{
	struct ticket_ring *ring = ticket_ring_new(3600, &e);
	const struct ticket_owner strangers[] = { { .binding = other, .name = other },
		{ .binding = binding, .name = binding } };
	struct ticket t = seal(ring, 1000);

	(void)state;
	for (size_t i = 0; i < 8 * sizeof(t); i++) {
		struct ticket bad = t;
		enum ticket_verdict verdict;

		((uint8_t *)&bad)[i / 8] ^= (uint8_t)(1 << i % 8);
		verdict = open_at(ring, bad, &owner, 1000);
		if (verdict == TICKET_OK || verdict == TICKET_OLD_KEY)
			fail_msg("bit %zu does not count", i);
		assert_int_equal(verdict == TICKET_UNKNOWN, i < 8 * 16);
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(open_at(ring, t, &strangers[i], 1000), TICKET_FORGED);
	for (size_t len = 0; len < TEXT; len++) {
		struct ticket cut = t;
		struct ticket_head head = head_of(&cut);

		assert_int_equal(
		    ticket_open(ring, &owner, 1000, &head, cut.text, len), TICKET_FORGED);
	}
	ticket_ring_free(ring);
}

/* --- binding --- */

static void test_binding(void **state)
{
	struct policy policy = *policy_find(POLICY_DEFAULT), same = policy;
	uint8_t first[TICKET_BINDING], out[TICKET_BINDING];

	(void)state;
	assert_int_equal(ticket_bind(first, "https", &policy), 0);
	/* What the policy is called, and where it is in memory, does not matter. */
	same.name = "other";
	same.id++;
	ticket_bind(out, "https", &same);
	assert_memory_equal(out, first, sizeof(out));
	ticket_bind(out, "https2", &policy);
	assert_memory_not_equal(out, first, sizeof(out));
	same.min_version = 0x0301;
	ticket_bind(out, "https", &same);
	assert_memory_not_equal(out, first, sizeof(out));
	same = policy;
	same.n_suites--;
	ticket_bind(out, "https", &same);
	assert_memory_not_equal(out, first, sizeof(out));
	same = policy;
	same.sigalgs[same.n_sigalgs++] = 0x0403;
	ticket_bind(out, "https", &same);
	assert_memory_not_equal(out, first, sizeof(out));
	same = policy;
	same.groups[0] = same.groups[1];
	ticket_bind(out, "https", &same);
	assert_memory_not_equal(out, first, sizeof(out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_opens),
		cmocka_unit_test(test_expires),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_binding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
