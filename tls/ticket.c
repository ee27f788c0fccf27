/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/ticket.h"

#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "tls/policy.h"
#include "tls/secret.h"

#define NONCE        12
#define TAG          16
#define MAC          32
#define MAX_SKEW_S   60 /* between the clocks of nodes that share keys */
#define FORMAT       1  /* of head and AAD; another one makes all tickets unknown */
#define AAD_BYTES    (TICKET_BINDING + 32 + TICKET_NAME_BYTES + 16)
#define OPTION(i, x) ((uint32_t)(x) << (i))

/* --- binding --- */

/* What decides how the struct in a ticket looks, besides the version. */
static uint32_t build_options(void)
{
	uint32_t bits = 0;

#ifdef OPENSSL_EXTRA
	bits |= OPTION(0, 1);
#endif
#ifdef WOLFSSL_EARLY_DATA
	bits |= OPTION(1, 1);
#endif
#ifdef WOLFSSL_TICKET_HAVE_ID
	bits |= OPTION(2, 1);
#endif
#ifdef WOLFSSL_32BIT_MILLI_TIME
	bits |= OPTION(3, 1);
#endif
#ifdef HAVE_SNI
	bits |= OPTION(4, 1);
#endif
#ifdef HAVE_ALPN
	bits |= OPTION(5, 1);
#endif
#ifdef OPENSSL_ALL
	bits |= OPTION(6, 1);
#endif
	return bits;
}

static int hash_number(wc_Sha256 *hash, uint64_t number)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(number >> 8 * i);
	return wc_Sha256Update(hash, bytes, sizeof(bytes));
}

static int hash_policy(wc_Sha256 *hash, const struct policy *p)
{
	int bad = hash_number(hash, p->min_version) | hash_number(hash, p->max_version);

	bad |= hash_number(hash, p->n_suites);
	for (unsigned i = 0; i < p->n_suites; i++)
		bad |= hash_number(hash, p->suites[i]);
	bad |= hash_number(hash, p->n_groups);
	for (unsigned i = 0; i < p->n_groups; i++)
		bad |= hash_number(hash, p->groups[i]);
	bad |= hash_number(hash, p->n_sigalgs);
	for (unsigned i = 0; i < p->n_sigalgs; i++)
		bad |= hash_number(hash, p->sigalgs[i]);
	return bad;
}

int ticket_bind(uint8_t out[TICKET_BINDING], const char *listener, const struct policy *policy)
{
	wc_Sha256 hash;
	int bad;

	if (wc_InitSha256(&hash) != 0)
		return -1;
	bad = hash_number(&hash, FORMAT) | hash_number(&hash, LIBWOLFSSL_VERSION_HEX) |
	    hash_number(&hash, build_options()) | hash_policy(&hash, policy) |
	    wc_Sha256Update(&hash, (const byte *)listener, (word32)strlen(listener));
	bad |= wc_Sha256Final(&hash, out);
	wc_Sha256Free(&hash);
	return bad == 0 ? 0 : -1;
}

/* --- sealing --- */

static void
fill_aad(uint8_t aad[AAD_BYTES], const struct ticket_owner *owner, const struct ticket_head *head)
{
	memcpy(aad, owner->binding, TICKET_BINDING);
	memcpy(aad + TICKET_BINDING, owner->name, 32);
	memcpy(aad + TICKET_BINDING + 32, head->name, TICKET_NAME_BYTES);
	memcpy(aad + TICKET_BINDING + 32 + TICKET_NAME_BYTES, head->iv, 16);
}

static void put32(uint8_t *to, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* The key schedule is made for each ticket: a third of a microsecond, and nothing that workers share. */
static bool cipher(const struct ticket_key *key, const uint8_t aad[AAD_BYTES],
    const struct ticket_head *head, uint8_t *text, size_t len, bool seal)
{
	Aes aes;
	int bad;

	if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
		return false;
	bad = wc_AesGcmSetKey(&aes, key->aead, sizeof(key->aead));
	if (bad == 0 && seal)
		bad = wc_AesGcmEncrypt(
		    &aes, text, text, (word32)len, head->iv, NONCE, head->mac, TAG, aad, AAD_BYTES);
	else if (bad == 0)
		bad = wc_AesGcmDecrypt(
		    &aes, text, text, (word32)len, head->iv, NONCE, head->mac, TAG, aad, AAD_BYTES);
	wc_AesFree(&aes);
	secret_wipe(&aes, sizeof(aes));
	return bad == 0;
}

bool ticket_seal(const struct ticket_ring *ring, const struct ticket_owner *owner, uint32_t now_s,
    const uint8_t nonce[12], const struct ticket_head *head, uint8_t *text, size_t len)
{
	const struct ticket_key *key = &ring->keys[0];
	uint8_t aad[AAD_BYTES];

	memcpy(head->name, key->bytes, TICKET_NAME_BYTES);
	memcpy(head->iv, nonce, NONCE);
	put32(head->iv + NONCE, now_s);
	memset(head->mac, 0, MAC);
	fill_aad(aad, owner, head);
	return cipher(key, aad, head, text, len, true);
}

static const struct ticket_key *find_key(const struct ticket_ring *ring, const uint8_t *name)
{
	for (unsigned i = 0; i < ring->n_keys; i++)
		if (memcmp(ring->keys[i].bytes, name, TICKET_NAME_BYTES) == 0)
			return &ring->keys[i];
	return NULL;
}

enum ticket_verdict ticket_open(const struct ticket_ring *ring, const struct ticket_owner *owner,
    uint32_t now_s, const struct ticket_head *head, uint8_t *text, size_t len)
{
	static const uint8_t zeros[MAC - TAG];
	const struct ticket_key *key = find_key(ring, head->name);
	int32_t age_s = (int32_t)(now_s - get32(head->iv + NONCE));
	uint8_t aad[AAD_BYTES];

	if (!key)
		return TICKET_UNKNOWN;
	if (age_s < -MAX_SKEW_S || (age_s > 0 && (uint32_t)age_s > ring->lifetime_s))
		return TICKET_EXPIRED;
	fill_aad(aad, owner, head);
	if (memcmp(head->mac + TAG, zeros, sizeof(zeros)) != 0 ||
	    !cipher(key, aad, head, text, len, false))
		return TICKET_FORGED;
	return key == &ring->keys[0] ? TICKET_OK : TICKET_OLD_KEY;
}
