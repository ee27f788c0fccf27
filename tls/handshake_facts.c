/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/handshake_facts.h"

#include <string.h>
#include <strings.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/cryptocb.h>

#define TLS12 0x0303
#define TLS13 0x0304

/* RFC 8446 4.2.3: SignatureScheme of ECDSA with a hash of len bytes. */
static uint16_t ecdsa_scheme(size_t len)
{
	switch (len) {
	case 20:
		return 0x0203;
	case 32:
		return 0x0403;
	case 48:
		return 0x0503;
	case 64:
		return 0x0603;
	default:
		return 0;
	}
}

/*
 * The input is the encoded message: EMSA-PSS ends in 0xbc (RFC 8017 9.1.1), EMSA-PKCS1-v1_5 starts with
 * 00 01 ff (9.2) and carries a DigestInfo after the next 00; TLS 1.0 and 1.1 sign MD5 || SHA-1 bare.
 */
static uint16_t rsa_scheme(const uint8_t *em, size_t len, size_t salt_len)
{
	size_t i = 2;

	if (len < 64)
		return 0;
	if (em[0] != 0 || em[1] != 1 || em[2] != 0xff) {
		if (em[len - 1] != 0xbc)
			return 0;
		return salt_len == 32 ? 0x0804
		    : salt_len == 48  ? 0x0805
		    : salt_len == 64  ? 0x0806
				      : 0;
	}
	while (i < len && em[i] == 0xff)
		i++;
	switch (len - i - 1) {
	case 15 + 20:
		return 0x0201;
	case 19 + 32:
		return 0x0401;
	case 19 + 48:
		return 0x0501;
	case 19 + 64:
		return 0x0601;
	default:
		return 0;
	}
}

void handshake_note_operation(struct handshake_facts *f, const wc_CryptoInfo *info, size_t rng_last)
{
	switch (info->pk.type) {
	case WC_PK_TYPE_ECDSA_SIGN:
		f->sigalg = ecdsa_scheme(info->pk.eccsign.inlen);
		break;
	case WC_PK_TYPE_ED25519_SIGN:
		f->sigalg = 0x0807;
		break;
	case WC_PK_TYPE_RSA:
		if (info->pk.rsa.type == RSA_PRIVATE_ENCRYPT)
			f->sigalg = rsa_scheme(info->pk.rsa.in, info->pk.rsa.inLen, rng_last);
		break;
	default:
		break;
	}
}

static uint16_t group_number(const char *name)
{
	static const struct {
		const char *name;
		uint16_t number;
	} table[] = {
		{ "X25519", 29 },
		{ "SECP256R1", 23 },
		{ "SECP384R1", 24 },
		{ "SECP521R1", 25 },
		{ "X25519MLKEM768", 4588 },
		{ "SecP256r1MLKEM768", 4587 },
		{ "SecP384r1MLKEM1024", 4589 },
		{ "FFDHE_2048", 256 },
		{ "FFDHE_3072", 257 },
		{ "FFDHE_4096", 258 },
	};

	for (size_t i = 0; name != NULL && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcasecmp(name, table[i].name) == 0)
			return table[i].number;
	return 0;
}

/* RSA key exchange (RFC 5246 7.4.7.1) has no group; wolfSSL then names none. */
void handshake_note_session(struct handshake_facts *f, WOLFSSL *ssl)
{
	f->version = (uint16_t)wolfSSL_version(ssl);
	f->suite = (uint16_t)wolfSSL_get_current_cipher_suite(ssl);
	f->group = group_number(wolfSSL_get_curve_name(ssl));
	f->resumed = wolfSSL_session_reused(ssl) == 1;
}

struct suite_facts {
	uint16_t suite;
	uint8_t aead, hash_len;
};

static const struct suite_facts *suite_facts(uint16_t suite)
{
	static const struct suite_facts ours[] = {
		{ 0x1301, AEAD_AES_128_GCM, 32 },
		{ 0x1302, AEAD_AES_256_GCM, 48 },
		{ 0x1303, AEAD_CHACHA20_POLY1305, 32 },
		/* RFC 5288 and 5289: RSA, DHE_RSA, ECDHE_ECDSA, ECDHE_RSA */
		{ 0x009c, AEAD_AES_128_GCM, 32 },
		{ 0x009d, AEAD_AES_256_GCM, 48 },
		{ 0x009e, AEAD_AES_128_GCM, 32 },
		{ 0x009f, AEAD_AES_256_GCM, 48 },
		{ 0xc02b, AEAD_AES_128_GCM, 32 },
		{ 0xc02c, AEAD_AES_256_GCM, 48 },
		{ 0xc02f, AEAD_AES_128_GCM, 32 },
		{ 0xc030, AEAD_AES_256_GCM, 48 },
		/* RFC 7905: ECDHE_RSA, ECDHE_ECDSA, DHE_RSA */
		{ 0xcca8, AEAD_CHACHA20_POLY1305, 32 },
		{ 0xcca9, AEAD_CHACHA20_POLY1305, 32 },
		{ 0xccaa, AEAD_CHACHA20_POLY1305, 32 },
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (ours[i].suite == suite)
			return &ours[i];
	return NULL;
}

/*
 * wolfSSL's getters say client and server; each writes with its own. TLS 1.2's GCM has only a salt of
 * four bytes (RFC 5288 3), everything else a nonce mask of twelve.
 */
enum handshake_keys handshake_take_keys(
    WOLFSSL *ssl, const uint8_t client[48], const uint8_t server[48], struct tls_keys *keys)
{
	const struct suite_facts *s = suite_facts((uint16_t)wolfSSL_get_current_cipher_suite(ssl));
	int version = wolfSSL_version(ssl);
	const bool is_client = keys->client;
	struct tls_secret *from_client, *from_server;
	size_t key_len, iv_len = AEAD_IV;
	word64 read_seq, write_seq;

	memset(keys, 0, sizeof(*keys));
	keys->client = is_client;
	from_client = is_client ? &keys->write : &keys->read;
	from_server = is_client ? &keys->read : &keys->write;
	if (s == NULL || (version != TLS12 && version != TLS13))
		return HANDSHAKE_KEYS_STAY;
	key_len = s->aead == AEAD_AES_128_GCM ? 16 : 32;
	if (version == TLS12 && s->aead != AEAD_CHACHA20_POLY1305)
		iv_len = 4;
	if (wolfSSL_GetKeySize(ssl) != (int)key_len ||
	    wolfSSL_GetSequenceNumber(ssl, &write_seq) < 0 ||
	    wolfSSL_GetPeerSequenceNumber(ssl, &read_seq) < 0)
		return HANDSHAKE_KEYS_NONE;
	keys->version = (uint16_t)version;
	keys->suite = s->suite;
	keys->aead = (enum aead_kind)s->aead;
	keys->hash_len = s->hash_len;
	memcpy(from_client->key, wolfSSL_GetClientWriteKey(ssl), key_len);
	memcpy(from_client->iv, wolfSSL_GetClientWriteIV(ssl), iv_len);
	memcpy(from_server->key, wolfSSL_GetServerWriteKey(ssl), key_len);
	memcpy(from_server->iv, wolfSSL_GetServerWriteIV(ssl), iv_len);
	if (version == TLS13) {
		memcpy(from_client->traffic, client, s->hash_len);
		memcpy(from_server->traffic, server, s->hash_len);
	}
	keys->read.seq = read_seq;
	keys->write.seq = write_seq;
	return HANDSHAKE_KEYS_TAKEN;
}
