/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/tls_cert_kit.h"
#include "tls/cert.h"
#include "tls/secret.h"

#include <cmocka.h>

/* --- files --- */

static char folder[] = "/tmp/tls_cert_test.XXXXXX";

static const char *copy_file(const char *from, const char *to, mode_t mode)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4], name[256];
	size_t len;
	char *all;
	FILE *f;

	snprintf(name, sizeof(name), "unit/pki/%s", from);
	all = kit_read(name, &len);
	snprintf(path, 256, "%s/%s", folder, to);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(all, 1, len, f), len);
	fclose(f);
	free(all);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static struct cert *load(const char *chain, const char *key)
{
	const struct cert_source source = {
		.name = "www", .chain_path = chain, .key_path = key, .file = "test.cfg", .line = 7
	};

	err_init(&cert_err);
	return cert_load(&source, KIT_NOW, &cert_err);
}

static char *write_file(const char *name, const char *text, size_t len)
{
	static char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

/* Loads with a passphrase file of that content. */
static struct cert *load_encrypted(const char *chain, const char *key, const char *text, size_t len)
{
	const struct cert_source source = { .name = "www",
		.chain_path = chain,
		.key_path = key,
		.passphrase_path = write_file("passphrase", text, len),
		.file = "test.cfg",
		.line = 7 };

	err_init(&cert_err);
	return cert_load(&source, KIT_NOW, &cert_err);
}

static void test_passphrase_file(void **state)
{
	static const char *const fine[] = { "x", "x\n", "x\r\n", "x\nthe second line\n" };
	static const char *const empty[] = { "\n", "\r\n", "\nx\n" };
	char long_one[1100], path[4096];
	const char *chain, *key;
	struct cert *c;

	(void)state;
	memset(long_one, 'x', sizeof(long_one));
	assert_non_null(mkdtemp(folder));
	chain = copy_file("rsa2048.pem", "chain.pem", 0644);
	key = copy_file("rsa2048-encrypted.key", "key.pem", 0600);
	for (size_t i = 0; i < 4; i++) {
		c = load_encrypted(chain, key, fine[i], strlen(fine[i]));
		assert_non_null(c);
		cert_put(c);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_null(load_encrypted(chain, key, empty[i], strlen(empty[i])));
		assert_non_null(strstr(cert_err.text, "a passphrase has 1 to 1023"));
	}
	assert_null(load_encrypted(chain, key, "", 0));
	assert_non_null(strstr(cert_err.text, "has 0 bytes"));
	assert_null(load_encrypted(chain, key, long_one, sizeof(long_one)));
	assert_non_null(strstr(cert_err.text, "a passphrase has 1 to 1023"));
	assert_null(load_encrypted(chain, key, long_one, 1023));
	assert_non_null(strstr(cert_err.text, "the passphrase is wrong"));
	assert_null(load_encrypted(chain, key, " x", 2));
	/* Like a key, it is not for everybody. */
	snprintf(path, sizeof(path), "%s", write_file("passphrase", "x", 1));
	chmod(path, 0604);
	c = cert_load(
	    &(struct cert_source){
		.name = "www", .chain_path = chain, .key_path = key, .passphrase_path = path },
	    KIT_NOW, &cert_err);
	assert_null(c);
	assert_non_null(strstr(cert_err.text, "passphrase"));
	assert_non_null(strstr(cert_err.text, "can be read by every user"));
	unlink(path);
	unlink(chain);
	unlink(key);
	rmdir(folder);
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
}

static void test_files(void **state)
{
	const char *chain, *key;
	struct cert *c;

	(void)state;
	assert_non_null(mkdtemp(folder));
	chain = copy_file("p256.pem", "chain.pem", 0644);
	key = copy_file("p256.key", "key.pem", 0600);
	c = load(chain, key);
	assert_non_null(c);
	assert_int_equal(c->n_chain, 1);
	assert_int_equal(c->warnings, 0);
	cert_put(c);

	chmod(key, 0640);
	c = load(chain, key);
	assert_non_null(c);
	assert_int_equal(c->warnings, CERT_WEAK_KEY_FILE);
	cert_put(c);
	chmod(key, 0604);
	assert_null(load(chain, key));
	assert_non_null(strstr(cert_err.text, "can be read by every user"));
	assert_non_null(strstr(cert_err.text, "chmod 600"));

	/* Both are missing: both are named. */
	assert_null(load("/nonexistent/a", "/nonexistent/b"));
	assert_int_equal(cert_err.n, 2);
	assert_non_null(strstr(cert_err.text, "cannot read /nonexistent/a: No such file"));
	assert_null(load(chain, folder));
	assert_non_null(strstr(cert_err.text, "no ordinary file"));
	assert_int_equal(truncate(chain, 0), 0);
	chmod(key, 0600);
	assert_null(load(chain, key));
	assert_non_null(strstr(cert_err.text, "has 0 bytes"));
	unlink(chain);
	unlink(key);
	rmdir(folder);
}

/* --- memory --- */

static void test_references(void **state)
{
	struct cert *c = cert_good("p256.pem", "p256.key");

	(void)state;
	assert_ptr_equal(cert_get(c), c);
	assert_int_equal(c->references, 2);
	cert_put(c);
	assert_int_equal(c->references, 1);
	assert_int_equal(c->n_names, 2);
	cert_put(c);
	cert_put(NULL);
}

static void test_secret_is_wiped(void **state)
{
	/* Two, so that the page of the first stays when it is given back. */
	uint8_t *a = secret_alloc(200), *b = secret_alloc(200);

	(void)state;
	memset(a, 0x5a, 200);
	memset(b, 0x5a, 200);
	secret_free(a, 200);
	for (unsigned i = sizeof(void *); i < 200; i++) /* a link lies at the start */
		assert_int_equal(a[i], 0);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(b[i], 0x5a);
	assert_ptr_equal(secret_alloc(200), a);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(a[i], 0);
	secret_free(a, 200);
	secret_free(b, 200);
	secret_free(NULL, 5);
}

static void test_secret_sizes(void **state)
{
	static uint8_t *at[3000];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < 3000; i++) {
			size_t len = i * 37 % 20000;

			at[i] = secret_alloc(len);
			assert_non_null(at[i]);
			for (size_t k = 0; k < len; k += 61)
				assert_int_equal(at[i][k], 0);
			memset(at[i], (int)i | 1, len);
		}
		for (size_t i = 0; i < 3000; i++) {
			size_t k = (i * 7 + round) % 3000, len = k * 37 % 20000;

			for (size_t n = 0; n < len; n += 61)
				assert_int_equal(at[k][n], (uint8_t)(k | 1));
			secret_free(at[k], len);
		}
	}
	assert_null(secret_alloc(SIZE_MAX));
	/* Whether pages could be locked depends on the machine; the answer must be had. */
	(void)secret_is_locked();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passphrase_file),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_secret_is_wiped),
		cmocka_unit_test(test_secret_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
