/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/drbg.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/chacha.h>

#define KEY          32
#define BLOCK        1024
#define RESEED_BYTES (1u << 20)

struct drbg {
	uint8_t block[BLOCK]; /* the next key, then output not yet handed out */
	size_t at;
	size_t since_seed; /* bytes made */
	ChaCha cipher;
};

/* Makes a block with the key that is at its start. Everything of that key is gone afterwards. */
static void refill(struct drbg *d)
{
	static const uint8_t iv[CHACHA_IV_BYTES];
	int bad = wc_Chacha_SetKey(&d->cipher, d->block, KEY);

	bad |= wc_Chacha_SetIV(&d->cipher, iv, 0);
	memset(d->block, 0, BLOCK);
	bad |= wc_Chacha_Process(&d->cipher, d->block, d->block, BLOCK);
	assert(bad == 0); /* fails on wrong arguments only */
	explicit_bzero(&d->cipher, sizeof(d->cipher));
	d->at = KEY;
	d->since_seed += BLOCK;
}

/* Mixes fresh randomness into the next key. False: the kernel has none. */
static bool reseed(struct drbg *d)
{
	uint8_t seed[KEY];
	ssize_t n;

	do
		n = getrandom(seed, sizeof(seed), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(seed))
		return false;
	for (unsigned i = 0; i < KEY; i++)
		d->block[i] ^= seed[i];
	explicit_bzero(seed, sizeof(seed));
	d->since_seed = 0;
	return true;
}

struct drbg *drbg_new(void)
{
	struct drbg *d = calloc(1, sizeof(*d));

	if (d == NULL || !reseed(d)) {
		free(d);
		return NULL;
	}
	refill(d);
	return d;
}

void drbg_free(struct drbg *d)
{
	if (d == NULL)
		return;
	explicit_bzero(d, sizeof(*d));
	free(d);
}

void drbg_read(struct drbg *d, uint8_t *out, size_t len)
{
	while (len > 0) {
		size_t n = BLOCK - d->at;

		if (n == 0) {
			/* Without fresh seed the stream is still as good as its first seed. */
			if (d->since_seed >= RESEED_BYTES)
				(void)reseed(d);
			refill(d);
			continue;
		}
		if (n > len)
			n = len;
		memcpy(out, d->block + d->at, n);
		memset(d->block + d->at, 0, n);
		d->at += n;
		out += n;
		len -= n;
	}
}
