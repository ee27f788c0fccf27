/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two bytes with the leaf's length, two with the issuer's, both in DER, then the file with the response. Nothing but
 * the three together is ever good.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/ocsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct part {
	uint8_t *at;
	size_t len;
};

/* A copy of its own, so that ASan sees what is read past it. */
static struct part take(const uint8_t **data, size_t *size, size_t len)
{
	struct part p;

	p.len = len < *size ? len : *size;
	p.at = malloc(p.len + !p.len);
	memcpy(p.at, *data, p.len);
	*data += p.len;
	*size -= p.len;
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t response[OCSP_MAX];
	struct part leaf, issuer, file;
	struct ocsp_facts facts;
	enum ocsp_verdict verdict;
	size_t leaf_len, issuer_len;
	const char *why = NULL;
	int n;

	if (size < 4)
		return 0;
	leaf_len = (size_t)data[0] << 8 | data[1];
	issuer_len = (size_t)data[2] << 8 | data[3];
	data += 4;
	size -= 4;
	leaf = take(&data, &size, leaf_len);
	issuer = take(&data, &size, issuer_len);
	file = take(&data, &size, size);
	n = ocsp_decode(file.at, file.len, response);
	assert(n >= -1 && n <= OCSP_MAX);
	/* As it is, too: most changes make it no file. */
	verdict = ocsp_check(
	    file.at, file.len, leaf.at, leaf.len, issuer.at, issuer.len, 1795305000, &facts, &why);
	assert((verdict == OCSP_REFUSED) == (why != NULL));
	assert(verdict == OCSP_REFUSED || facts.next_update >= facts.this_update);
	if (n > 0)
		ocsp_check(response, (size_t)n, leaf.at, leaf.len, issuer.at, issuer.len,
		    1795305000, &facts, &why);
	free(leaf.at);
	free(issuer.at);
	free(file.at);
	return 0;
}
