/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A CRL in DER: what it lists is found, what it does not is not. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The serial of an entry that crl_read found well formed. */
static struct der next_serial(struct der *left)
{
	struct der one, serial;
	bool is_good =
	    der_take(left, DER_SEQUENCE, &one, NULL) && der_take(&one, DER_INTEGER, &serial, NULL);

	assert(is_good);
	return serial;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t never[65] = { 1 }; /* longer than any that is taken */
	uint8_t *exact = malloc(size + !size);
	struct crl_text text;
	size_t n = 0, listed = 0;
	struct crl *c;

	memcpy(exact, data, size);
	if (crl_read(&text, exact, size, &n) == NULL) {
		struct der left = text.revoked;

		c = crl_new(&text, n);
		assert(c && c->n <= n);
		for (; left.len > 0; listed++)
			assert(crl_has(c, next_serial(&left)));
		assert(listed == n);
		assert(!crl_has(c, (struct der){ never, sizeof(never) }));
		assert(
		    x509_verify(&text.signature, text.issuer) != X509_GOOD); /* a Name is no key */
		crl_free(c);
	}
	free(exact);
	return 0;
}
