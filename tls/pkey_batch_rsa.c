/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "tls/pkey_batch_lanes.h"

/* Its OpenSSL interfaces are not for us. */
#define BN_OPENSSL_DISABLE 1
#include <crypto_mb/rsa.h>

#define MAX_BYTES  512 /* RSA-4096 */
#define MAX_WORDS  (MAX_BYTES / 8)
#define HALF_WORDS (MAX_WORDS / 2)

/* One lane's key, as crypto_mb wants it: q^-1 mod p is wolfCrypt's u (RFC 8017 3.2: qInv). */
struct lane {
	uint64_t n[MAX_WORDS];
	uint64_t p[HALF_WORDS], q[HALF_WORDS], dp[HALF_WORDS], dq[HALF_WORDS], iq[HALF_WORDS];
	uint8_t in[MAX_BYTES], out[MAX_BYTES], check[MAX_BYTES];
};

/* A batch's memory, on the worker's own stack (never a fiber's), wiped as a whole. */
struct batch {
	struct lane lanes[PKEY_LANES];
	_Alignas(64) uint8_t scratch[192 * 1024];
};

static bool load_number(uint64_t *to, const mp_int *from, size_t len)
{
	uint8_t bytes[MAX_BYTES];
	bool ok = mp_to_unsigned_bin_len((mp_int *)(uintptr_t)from, bytes, (int)len) == 0;

	if (ok)
		words_from_bytes(to, bytes, len);
	explicit_bzero(bytes, len);
	return ok;
}

static bool load_key(struct lane *l, const RsaKey *key, size_t len)
{
	return load_number(l->n, &key->n, len) && load_number(l->p, &key->p, len / 2) &&
	    load_number(l->q, &key->q, len / 2) && load_number(l->dp, &key->dP, len / 2) &&
	    load_number(l->dq, &key->dQ, len / 2) && load_number(l->iq, &key->u, len / 2);
}

struct pointers {
	const int8u *in[PKEY_LANES], *out_again[PKEY_LANES];
	int8u *out[PKEY_LANES], *check[PKEY_LANES];
	const int64u *n[PKEY_LANES], *p[PKEY_LANES], *q[PKEY_LANES], *dp[PKEY_LANES],
	    *dq[PKEY_LANES], *iq[PKEY_LANES];
};

static void point(struct pointers *at, unsigned i, struct lane *key, struct lane *own)
{
	at->in[i] = key->in;
	at->out[i] = own->out;
	at->out_again[i] = own->out;
	at->check[i] = own->check;
	at->n[i] = (const int64u *)key->n;
	at->p[i] = (const int64u *)key->p;
	at->q[i] = (const int64u *)key->q;
	at->dp[i] = (const int64u *)key->dp;
	at->dq[i] = (const int64u *)key->dq;
	at->iq[i] = (const int64u *)key->iq;
}

/*
 * in^d mod n by CRT, then the result back with the public exponent: one faulty half would be enough
 * to factor n (Boneh, DeMillo, Lipton 1997). What does not come back as it was, an input not below n
 * among it, is left to wolfCrypt.
 */
void pkey_batch_rsa(struct pkey_op *const *ops, unsigned n, unsigned bits)
{
	const mbx_RSA_Method *private = mbx_RSA_private_crt_Method((int)bits);
	const mbx_RSA_Method *public = mbx_RSA_pub65537_Method((int)bits);
	size_t len = bits / 8;
	struct batch b;
	struct pointers at;
	mbx_status status, again;
	bool loaded[PKEY_LANES];

	memset(b.lanes, 0, sizeof(b.lanes));
	assert(mbx_RSA_Method_BufSize(private) <= (int)sizeof(b.scratch));
	assert(mbx_RSA_Method_BufSize(public) <= (int)sizeof(b.scratch));
	for (unsigned i = 0; i < PKEY_LANES; i++) {
		if (i < n) {
			loaded[i] = load_key(&b.lanes[i], ops[i]->info->pk.rsa.key, len);
			memcpy(b.lanes[i].in, ops[i]->info->pk.rsa.in, len);
		}
		point(&at, i, &b.lanes[i < n ? i : 0], &b.lanes[i]);
	}
	status = mbx_rsa_private_crt_mb8(
	    at.in, at.out, at.p, at.q, at.dp, at.dq, at.iq, (int)bits, private, b.scratch);
	again = mbx_rsa_public_mb8(at.out_again, at.check, at.n, (int)bits, public, b.scratch);
	for (unsigned i = 0; i < n; i++) {
		const struct lane *l = &b.lanes[i];

		ops[i]->result = CRYPTOCB_UNAVAILABLE;
		if (!loaded[i] || MBX_GET_STS(status, i) != MBX_STATUS_OK ||
		    MBX_GET_STS(again, i) != MBX_STATUS_OK || memcmp(l->check, l->in, len) != 0)
			continue;
		memcpy(ops[i]->info->pk.rsa.out, l->out, len);
		*ops[i]->info->pk.rsa.outLen = (word32)len;
		ops[i]->result = 0;
	}
	explicit_bzero(&b, sizeof(b));
}
