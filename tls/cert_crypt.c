/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/cert_crypt.h"

#include <limits.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/wc_encrypt.h>

static const char wrong[] = "the passphrase is wrong, or the file is damaged";

/* Bytes of the SEQUENCE at der, its head included; 0 when it is none or has no room. */
static size_t sequence_len(const uint8_t *der, size_t len)
{
	size_t n_bytes, body = 0;

	if (len < 2 || der[0] != 0x30)
		return 0;
	if (der[1] < 0x80)
		return 2 + (size_t)der[1] <= len ? 2 + (size_t)der[1] : 0;
	n_bytes = der[1] & 0x7f;
	if (n_bytes == 0 || n_bytes > 3 || len < 2 + n_bytes)
		return 0;
	for (size_t i = 0; i < n_bytes; i++)
		body = body << 8 | der[2 + i];
	return body <= len - 2 - n_bytes ? 2 + n_bytes + body : 0;
}

static int pkcs8_decrypt(
    uint8_t *der, size_t len, const char *passphrase, size_t passphrase_len, const char **why)
{
	int n;

	if (sequence_len(der, len) != len) {
		*why = "the file is damaged";
		return -1;
	}
	n = wc_DecryptPKCS8Key(der, (word32)len, passphrase, (int)passphrase_len);
	if (n > 0 && (size_t)n <= len)
		return n;
	*why = wrong;
	if (n == ALGO_ID_E || n == ASN_UNKNOWN_OID_E || n == ASN_PARSE_E || n == BAD_FUNC_ARG)
		*why =
		    "the passphrase is wrong, or its encryption is not one that is known here (PBES2 "
		    "with PBKDF2 and AES is); \"openssl pkcs8 -topk8 -v2 aes256\" writes one that is";
	return -1;
}

/* The value of "DEK-Info: NAME,HEX" into info. */
static int read_dek_info(const struct pem_block *block, EncryptedInfo *info)
{
	static const char field[] = "DEK-Info:";
	const char *end = block->head + block->head_len, *comma, *at;
	size_t n = 0;

	at = memmem(block->head, block->head_len, field, strlen(field));
	if (!at)
		return -1;
	at += strlen(field);
	while (at < end && *at == ' ')
		at++;
	comma = memchr(at, ',', (size_t)(end - at));
	if (!comma || comma == at || (size_t)(comma - at) >= sizeof(info->name))
		return -1;
	memcpy(info->name, at, (size_t)(comma - at));
	info->name[comma - at] = '\0';
	if (wc_EncryptedInfoGet(info, info->name) != 0 ||
	    (info->cipherType != WC_CIPHER_AES_CBC && info->cipherType != WC_CIPHER_DES3 &&
		info->cipherType != WC_CIPHER_DES))
		return -1;
	for (at = comma + 1; at < end && strchr("0123456789abcdefABCDEF", *at) && *at; at++) {
		if (n == sizeof(info->iv))
			return -1;
		info->iv[n++] = (byte)*at;
	}
	/* The number of bytes, which wc_EncryptedInfoGet knows, as digits. */
	if (n != 2 * (size_t)info->ivSz)
		return -1;
	info->ivSz = (word32)n;
	info->set = 1;
	return 0;
}

static int legacy_decrypt(const struct pem_block *block, uint8_t *der, size_t len,
    const char *passphrase, size_t passphrase_len, const char **why)
{
	EncryptedInfo info = { 0 };
	size_t n;

	*why = "its DEK-Info header is none that is known here: AES-128-CBC, AES-192-CBC, "
	       "AES-256-CBC, DES-EDE3-CBC or DES-CBC";
	if (read_dek_info(block, &info) < 0)
		return -1;
	*why = wrong;
	if (len == 0 || len % (info.cipherType == WC_CIPHER_AES_CBC ? 16 : 8) != 0)
		return -1;
	if (wc_BufferKeyDecrypt(&info, der, (word32)len, (const byte *)passphrase,
		(int)passphrase_len, WC_MD5) != 0)
		return -1;
	/* What is behind is padding of 1 to 16 bytes; anything else came of a wrong passphrase. */
	n = sequence_len(der, len);
	return n > 0 && len - n <= 16 ? (int)n : -1;
}

int key_decrypt(const struct pem_block *block, uint8_t *der, size_t len, const char *passphrase,
    size_t passphrase_len, const char **why)
{
	*why = "it is too long";
	if (len > INT_MAX || passphrase_len > INT_MAX)
		return -1;
	if (pem_is(block, "ENCRYPTED PRIVATE KEY"))
		return pkcs8_decrypt(der, len, passphrase, passphrase_len, why);
	return legacy_decrypt(block, der, len, passphrase, passphrase_len, why);
}
