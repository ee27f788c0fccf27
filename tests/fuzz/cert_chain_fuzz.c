/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chain and key as PEM in one file, as operators keep them: both halves read all of it. The key
 * may be encrypted. With an odd number of bytes names come from the configuration.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/pwdbased.h>

#include "config/err.h"
#include "tls/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "*.example.com", "!www.example.com" };
	static struct err e;
	struct cert_source source = {
		.name = "fuzz",
		.chain_path = "chain.pem",
		.key_path = "chain.pem",
		.file = "fuzz.cfg",
		.line = 1,
	};
	const char *text = (const char *)data;
	struct cert *c;

	if (size % 2) {
		source.names = names;
		source.n_names = 2;
	}
	source.passphrase = "x";
	source.passphrase_len = 1;
	source.force = size % 4 < 2;
	wc_PBKDF_max_iterations_set(4096); /* OpenSSL's are 2048; more only takes time */
	err_init(&e);
	c = cert_parse(&source, text, size, text, size, INT64_C(1767225600), &e);
	assert(c ? e.n == 0 : e.n > 0);
	if (c) {
		assert(c->n_chain > 0 && c->key.len > 0);
		for (unsigned i = 0; i < c->n_names; i++)
			assert(strlen(c->names[i]) > 0 && strlen(c->names[i]) <= 256);
	}
	cert_put(c);
	return 0;
}
