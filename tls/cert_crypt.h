/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tls/pem.h"

/*
 * Decrypts a private key that pem_decode brought to der[0..len), in place: an ENCRYPTED PRIVATE KEY (PKCS#8,
 * RFC 5958; PBES1, or PBES2 of RFC 8018 with PBKDF2 and AES-CBC or 3DES) or an older one with a DEK-Info header
 * (RFC 1421; AES-CBC, DES and 3DES with OpenSSL's key derivation). Returns the length of the DER that comes out, or
 * -1 with the reason for people in why: a wrong passphrase is nearly always told from its result.
 */
int key_decrypt(const struct pem_block *block, uint8_t *der, size_t len, const char *passphrase,
    size_t passphrase_len, const char **why);
