/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_cert_kit.h"
#include "tls/cert.h"

#include <cmocka.h>

/* --- encrypted keys --- */

static struct cert *with_passphrase(const char *chain, const char *key, const char *passphrase)
{
	return kit_cert_with(
	    (struct cert_source){ .passphrase = passphrase, .passphrase_len = strlen(passphrase) },
	    chain, key, &cert_err);
}

static void test_encrypted_keys(void **state)
{
	static const char *const cases[][2] = {
		{ "p256.pem", "p256-encrypted.key" },       /* PBES2, AES-128, HMAC-SHA256 */
		{ "ed25519.pem", "ed25519-pbes2.key" },     /* AES-256 */
		{ "p521.pem", "p521-sha1.key" },            /* HMAC-SHA1 */
		{ "p256.pem", "p256-pbes1.key" },           /* PKCS#12's 3DES */
		{ "rsa2048.pem", "rsa2048-encrypted.key" }, /* RFC 1421 headers */
		{ "rsa2048.pem", "rsa2048-des3.key" }, { "p384.pem", "p384-aes256.key" },
		{ "p256.pem", "p256.key" }, /* not encrypted: no harm */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cert *c = with_passphrase(cases[i][0], cases[i][1], "x");

		if (!c)
			fail_msg("%s: %s", cases[i][1], cert_err.text);
		if (i < 7) /* the last one has none */
			assert_null(with_passphrase(cases[i][0], cases[i][1], "y"));
		cert_put(c);
	}
	cert_bad(
	    "p256.pem", "p256-encrypted.key", "is encrypted; name the file with its passphrase");
}

static void test_wrong_passphrase(void **state)
{
	char passphrase[16];

	(void)state;
	/* Padding looks right once in 256 times; the key then does not. */
	for (unsigned i = 0; i < 600; i++) {
		snprintf(passphrase, sizeof(passphrase), "wrong%u", i);
		assert_null(with_passphrase("rsa2048.pem", "rsa2048-des3.key", passphrase));
		assert_non_null(strstr(cert_err.text, "key rsa2048-des3.key"));
		assert_null(with_passphrase("p384.pem", "p384-aes256.key", passphrase));
	}
	assert_null(with_passphrase("p256.pem", "p256-encrypted.key", ""));
	assert_non_null(strstr(cert_err.text, "the passphrase is wrong"));
	assert_null(with_passphrase("p256.pem", "p256-scrypt.key", "x"));
	assert_non_null(strstr(cert_err.text, "its encryption is not one that is known here"));
}

/* A DEK-Info header in all the ways it can be wrong. */
static void test_damaged_headers(void **state)
{
	static const char *const heads[] = { "", "Proc-Type: 4,ENCRYPTED\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: \n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: ,00\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,2B95B427A7F245B\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,2B95B427A7F245B62B\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,2B95B427A7F245B6\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CTR,"
		"2B95B427A7F245B62B95B427A7F245B6\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
		"2B95B427A7F245B62B95B427A7F245B62B95B427A7F245B62B95B427A7F245B6\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: CAMELLIA-128-CBC,2B95B427A7F245B6\n\n",
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,2B95B427A7F245B6\n" };
	size_t chain_len, body_len;
	char *chain = kit_read("unit/pki/rsa2048.pem", &chain_len);
	char *text = kit_read("unit/pki/rsa2048-des3.key", &body_len), *body;
	struct cert_source source = { .name = "www",
		.chain_path = "chain",
		.key_path = "key",
		.file = "test.cfg",
		.line = 7,
		.passphrase = "x",
		.passphrase_len = 1 };

	(void)state;
	body = strstr(text, "\n\n") + 2;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		char key[4096];
		int len = snprintf(
		    key, sizeof(key), "-----BEGIN RSA PRIVATE KEY-----\n%s%s", heads[i], body);

		err_init(&cert_err);
		if (cert_parse(&source, chain, chain_len, key, (size_t)len, KIT_NOW, &cert_err))
			fail_msg("header %zu was accepted", i);
		assert_int_equal(cert_err.n, 1);
	}
	free(chain);
	free(text);
}

/* --- damaged text --- */

/* Parses chain and key texts of these lengths. */
static struct cert *parse(const char *chain, size_t len, const char *key, size_t key_len)
{
	const struct cert_source source = { .name = "www",
		.chain_path = "chain",
		.key_path = "key",
		.file = "test.cfg",
		.line = 7 };
	char *exact = malloc(len + !len), *exact_key = malloc(key_len + !key_len);
	struct cert *c;

	memcpy(exact, chain, len);
	memcpy(exact_key, key, key_len);
	err_init(&cert_err);
	c = cert_parse(&source, exact, len, exact_key, key_len, KIT_NOW, &cert_err);
	free(exact);
	free(exact_key);
	return c;
}

static void test_truncated(void **state)
{
	size_t len, key_len;
	char *pem = kit_read("unit/pki/p256.pem", &len),
	     *key = kit_read("unit/pki/p256.key", &key_len);

	(void)state;
	for (size_t n = 0; n < len - 1; n++) { /* the last newline is not needed */
		assert_null(parse(pem, n, key, key_len));
		assert_true(cert_err.n > 0);
	}
	for (size_t n = 0; n < key_len - 1; n++) {
		assert_null(parse(pem, len, key, n));
		assert_true(cert_err.n > 0);
	}
	free(pem);
	free(key);
}

/*
 * Each base64 digit changed: a key that is another key now must never be taken for this
 * one. Of the certificate only the part that is not looked at may change (its signature).
 */
static void test_damaged_key(void **state)
{
	static const char *const names[] = { "p256", "rsa2048", "ed25519", "p521" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];
		size_t len, key_len, n_accepted = 0, n = 0;
		char *pem, *key, *body;

		snprintf(path, sizeof(path), "unit/pki/%s.pem", names[i]);
		pem = kit_read(path, &len);
		snprintf(path, sizeof(path), "unit/pki/%s.key", names[i]);
		key = kit_read(path, &key_len);
		body = strchr(key, '\n') + 1;
		for (char *at = body; *at != '-'; at += names[i][0] == 'r' ? 7 : 1) {
			char was = *at;
			struct cert *c;

			if (was == '\n' || was == '=')
				continue;
			*at = was == 'A' ? 'B' : 'A';
			c = parse(pem, len, key, key_len);
			n++;
			n_accepted += c != NULL;
			cert_put(c);
			*at = was;
		}
		/* Left are version numbers and a curve's identifier that stands there twice. */
		if (n_accepted > n / 8)
			fail_msg("%s: %zu of %zu damaged keys accepted", names[i], n_accepted, n);
		free(pem);
		free(key);
	}
}

static void test_not_pem(void **state)
{
	static const struct {
		const char *chain, *says;
	} cases[] = {
		{ "", "has no certificate" },
		{ "hello", "has no certificate" },
		{ "-----BEGIN CERTIFICATE-----\n", "BEGIN line without its END line" },
		{ "-----BEGIN ", "BEGIN line without its END line" },
		{ "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "is no base64" },
		{ "-----BEGIN CERTIFICATE-----\nAA=A\n-----END CERTIFICATE-----\n",
		    "is no base64" },
		{ "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n", "is no base64" },
		{ "-----BEGIN CERTIFICATE-----\nA===\n-----END CERTIFICATE-----\n",
		    "is no base64" },
		{ "-----BEGIN CERTIFICATE-----\nAA*A\n-----END CERTIFICATE-----\n",
		    "is no base64" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		    "cannot be read" },
		{ "-----BEGIN CERTIFICATE-----\nMIAA\n-----END CERTIFICATE-----\n",
		    "cannot be read" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END X-----\n", "without its END" },
		{ "-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n"
		  "-----END CERTIFICATE-----\n",
		    "without its END" },
		{ "x -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		    "has no certificate" },
	};
	size_t key_len;
	char *key = kit_read("unit/pki/p256.key", &key_len);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(parse(cases[i].chain, strlen(cases[i].chain), key, key_len));
		if (!strstr(cert_err.text, cases[i].says))
			fail_msg("%s: %s", cases[i].chain, cert_err.text);
	}
	free(key);
}

/* Comments, CRLF and blanks are fine; a byte behind the DER is not. */
static void test_text_around(void **state)
{
	size_t len, key_len, n = 0;
	char *pem = kit_read("unit/pki/p256.pem", &len),
	     *key = kit_read("unit/pki/p256.key", &key_len);
	char *crlf = malloc(2 * len + 100);
	struct cert *c;

	(void)state;
	n = (size_t)sprintf(crlf, "subject: somebody\r\n# -----\r\n");
	for (size_t i = 0; i < len; i++) {
		if (pem[i] == '\n')
			crlf[n++] = '\r';
		crlf[n++] = pem[i];
	}
	c = parse(crlf, n, key, key_len);
	assert_non_null(c);
	cert_put(c);
	free(crlf);
	free(pem);
	free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encrypted_keys),
		cmocka_unit_test(test_wrong_passphrase),
		cmocka_unit_test(test_damaged_headers),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_damaged_key),
		cmocka_unit_test(test_not_pem),
		cmocka_unit_test(test_text_around),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
