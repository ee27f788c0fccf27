/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * A wrong signature may tell its key, one with RSA and CRT for certain (Boneh, DeMillo, Lipton 1997), and any other scheme's
 * by a few faults: none is sent. Batches check their own (tls/pkey_batch.h); here is what is left.
 */
struct wc_CryptoInfo;

/*
 * Signs as info says, by wolfCrypt, and checks the result: P-256's by the nonce's point made once more from its negative
 * (a quarter of what wolfCrypt's verification costs), others' by verification. wolfCrypt asks the crypto
 * callback about operations of its own meanwhile, to which the answer has to be CRYPTOCB_UNAVAILABLE.
 * 0; SIG_VERIFY_E: it was wrong, and is wiped; CRYPTOCB_UNAVAILABLE: info is no signature with ECDSA or Ed25519; or
 * wolfCrypt's error. RSA's own is wolfSSL's to check, which it does.
 */
int pkey_sign_alone(const struct wc_CryptoInfo *info);

/* An RSA signature of a batch with the block that it came back as when the batch checked it. */
struct pkey_rsa_checked {
	const void *key; /* NULL: none */
	uint32_t len;
	uint8_t signature[512], block[512];
};

/* info's operation on block gave what is in its out now, and the check with the public exponent block again. */
void pkey_rsa_note(
    struct pkey_rsa_checked *c, const struct wc_CryptoInfo *info, const uint8_t *block);

/*
 * wolfSSL raises each RSA signature to the public exponent before it sends it. When that is what info asks for, and the
 * signature is the one noted, it has the block for an answer: true. What was noted is forgotten either way.
 */
bool pkey_rsa_answer(struct pkey_rsa_checked *c, const struct wc_CryptoInfo *info);
