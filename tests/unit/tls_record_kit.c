/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/tls_record_kit.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include "tls/legacy.h"

/* splitmix64, Steele et al. 2014 */
static uint64_t next64(struct kit_random *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t kit_below(struct kit_random *rng, uint32_t limit)
{
	return (uint32_t)((next64(rng) >> 32) * limit >> 32);
}

void kit_bytes(struct kit_random *rng, uint8_t *to, size_t len)
{
	while (len > 0) {
		uint64_t x = next64(rng);
		size_t n = len < 8 ? len : 8;

		memcpy(to, &x, n);
		to += n;
		len -= n;
	}
}

size_t kit_size(struct kit_random *rng, size_t max)
{
	static const uint16_t common[] = { 0, 1, 15, 16, 17, 64, 255, 256, 1379, 1448 };
	size_t n;

	switch (kit_below(rng, 8)) {
	case 0:
		n = common[kit_below(rng, sizeof common / sizeof *common)];
		break;
	case 1:
		n = max - kit_below(rng, 3);
		break;
	case 2:
		n = kit_below(rng, (uint32_t)max + 1);
		break;
	default:
		n = kit_below(rng, 700);
		break;
	}
	return n < max ? n : max;
}

unsigned kit_cut(struct kit_random *rng, struct iovec pieces[KIT_PIECES], uint8_t *base, size_t len)
{
	uint32_t most = kit_below(rng, 3) == 0 ? 20 : (uint32_t)len + 1;
	unsigned n = 0;

	while (len > 0 && n + 1 < KIT_PIECES) {
		size_t run = kit_below(rng, 8) == 0 ? 0 : 1 + kit_below(rng, most);

		if (run > len)
			run = len;
		pieces[n++] = (struct iovec){ .iov_base = base, .iov_len = run };
		base += run;
		len -= run;
	}
	if (len > 0 || kit_below(rng, 4) == 0)
		pieces[n++] = (struct iovec){ .iov_base = base, .iov_len = len };
	return n;
}

#define FILL 0x55

void kit_scatter(struct kit_random *rng, struct kit_scatter *s, const uint8_t *data, size_t len)
{
	size_t at = 0;

	assert(len <= 72000);
	s->n = kit_cut(rng, s->piece, s->arena, len);
	for (unsigned i = 0; i < s->n; i++) {
		at += kit_below(rng, 32);
		s->piece[i].iov_base = s->arena + at;
		at += s->piece[i].iov_len;
	}
	s->used = at;
	memset(s->arena, FILL, at);
	for (unsigned i = 0; data != NULL && i < s->n; i++) {
		memcpy(s->piece[i].iov_base, data, s->piece[i].iov_len);
		data += s->piece[i].iov_len;
	}
}

void kit_gather(const struct kit_scatter *s, uint8_t *to, size_t len)
{
	for (unsigned i = 0; i < s->n && len > 0; i++) {
		size_t run = s->piece[i].iov_len < len ? s->piece[i].iov_len : len;

		memcpy(to, s->piece[i].iov_base, run);
		to += run;
		len -= run;
	}
	assert(len == 0);
}

static bool is_fill(const uint8_t *at, size_t len)
{
	/* All alike: the first is right, and each equals the one before it. */
	return len == 0 || (at[0] == FILL && memcmp(at, at + 1, len - 1) == 0);
}

bool kit_scatter_untouched(const struct kit_scatter *s, size_t len)
{
	const uint8_t *at = s->arena;

	for (unsigned i = 0; i < s->n; i++) {
		const uint8_t *base = s->piece[i].iov_base;
		size_t run = s->piece[i].iov_len < len ? s->piece[i].iov_len : len;

		if (!is_fill(at, (size_t)(base - at)))
			return false;
		at = base + run;
		len -= run;
		if (len == 0)
			break;
	}
	return is_fill(at, (size_t)(s->arena + s->used - at));
}

size_t kit_hex(const char *hex, uint8_t *to)
{
	size_t n = 0;

	for (; *hex != '\0'; hex += 2) {
		unsigned byte;

		while (*hex == ' ')
			hex++;
		if (sscanf(hex, "%2x", &byte) != 1)
			abort();
		to[n++] = (uint8_t)byte;
	}
	return n;
}

#define MASK 0xa5

void kit_secret_of(struct kit_secret *s, const uint8_t *from, size_t len)
{
	s->len = len;
	for (size_t i = 0; i < len; i++)
		s->masked[i] = from[i] ^ MASK;
}

void kit_secret_make(struct kit_random *rng, struct kit_secret *s, uint8_t *to, size_t len)
{
	kit_bytes(rng, to, len);
	kit_secret_of(s, to, len);
	rng->state ^= next64(rng); /* the generator's own trace must not give it back */
}

static bool buffer_has(const struct kit_secret *s, const uint8_t *at, size_t len)
{
	uint8_t first = s->masked[0] ^ MASK;

	for (size_t i = 0; i + 16 <= len; i++) {
		size_t n = 0;

		if (at[i] != first)
			continue;
		while (n < 16 && (at[i + n] ^ MASK) == s->masked[n])
			n++;
		if (n == 16)
			return true;
	}
	return false;
}

static bool range_has(const struct kit_secret *s, int mem, unsigned long from, unsigned long to)
{
	static uint8_t buffer[1 << 16];

	while (from < to) {
		size_t want = to - from < sizeof buffer ? to - from : sizeof buffer;
		ssize_t got = pread(mem, buffer, want, (off_t)from);

		if (got <= 0)
			return false;
		if (buffer_has(s, buffer, (size_t)got)) {
			memset(buffer, 0, sizeof buffer);
			return true;
		}
		if ((size_t)got < 64 || from + (size_t)got >= to)
			break;
		from += (size_t)got - 32; /* one that straddles two reads */
	}
	return false;
}

bool kit_secret_in_memory(const struct kit_secret *s)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	unsigned long from, to;
	char line[512], mode[8];
	bool found = false;

	assert(maps != NULL && mem >= 0);
	while (!found && fgets(line, sizeof line, maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w')
			continue;
		if (to - from > 1ul << 30) /* the sanitizers' shadow */
			continue;
		found = range_has(s, mem, from, to);
	}
	fclose(maps);
	close(mem);
	return found;
}

__attribute__((noinline)) void kit_stack_scrub(void)
{
	uint8_t space[1 << 16];

	explicit_bzero(space, sizeof space);
}

static size_t plain_key_len(enum aead_kind kind)
{
	return kind == AEAD_AES_128_GCM ? 16 : 32;
}

void plain_pair(struct kit_random *rng, uint16_t version, enum aead_kind kind,
    struct tls_keys *keys, struct plain *p)
{
	memset(keys, 0, sizeof *keys);
	memset(p, 0, sizeof *p);
	keys->version = p->version = version;
	keys->aead = p->kind = kind;
	keys->hash_len = p->hash_len = kind == AEAD_AES_256_GCM ? 48 : 32;
	kit_bytes(rng, keys->read.key, 32);
	kit_bytes(rng, keys->write.key, 32);
	kit_bytes(rng, keys->read.iv, 12);
	kit_bytes(rng, keys->write.iv, 12);
	kit_bytes(rng, keys->read.traffic, p->hash_len);
	kit_bytes(rng, keys->write.traffic, p->hash_len);
	keys->read.seq = kit_below(rng, 3);
	keys->write.seq = kit_below(rng, 3);
	memcpy(p->write.key, keys->read.key, 32);
	memcpy(p->write.iv, keys->read.iv, 12);
	memcpy(p->write.traffic, keys->read.traffic, 48);
	p->write.seq = keys->read.seq;
	memcpy(p->read.key, keys->write.key, 32);
	memcpy(p->read.iv, keys->write.iv, 12);
	memcpy(p->read.traffic, keys->write.traffic, 48);
	p->read.seq = keys->write.seq;
}

static bool is_gcm12(const struct plain *p)
{
	return p->version == 0x0303 && p->kind != AEAD_CHACHA20_POLY1305;
}

static void put64(uint8_t *to, uint64_t x)
{
	for (int i = 7; i >= 0; i--, x >>= 8)
		to[i] = (uint8_t)x;
}

static void plain_nonce(const struct plain *p, const struct plain_dir *d,
    const uint8_t *explicit_part, uint8_t nonce[12])
{
	uint8_t number[12] = { 0 };

	if (is_gcm12(p)) {
		memcpy(nonce, d->iv, 4);
		memcpy(nonce + 4, explicit_part, 8);
		return;
	}
	put64(number + 4, d->seq);
	for (int i = 0; i < 12; i++)
		nonce[i] = d->iv[i] ^ number[i];
}

/* The AAD of a record with this header whose content has n bytes. */
static size_t plain_aad(const struct plain *p, const struct plain_dir *d, const uint8_t *header,
    size_t n, uint8_t aad[13])
{
	if (p->version == 0x0304) {
		memcpy(aad, header, 5);
		return 5;
	}
	put64(aad, d->seq);
	memcpy(aad + 8, header, 3);
	aad[11] = (uint8_t)(n >> 8);
	aad[12] = (uint8_t)n;
	return 13;
}

size_t plain_seal(
    struct plain *p, uint8_t type, const uint8_t *content, size_t n, size_t padding, uint8_t *out)
{
	static uint8_t inner[70000];
	size_t nonce_len = is_gcm12(p) ? 8 : 0, inner_len = n, body, aad_len;
	uint8_t nonce[12], aad[13], *to;
	Aes aes;
	int rc;

	memcpy(inner, content, n);
	if (p->version == 0x0304) {
		inner[n] = type;
		memset(inner + n + 1, 0, padding);
		inner_len = n + 1 + padding;
		type = 23;
	}
	body = nonce_len + inner_len + 16;
	out[0] = type;
	out[1] = out[2] = 3;
	out[3] = (uint8_t)(body >> 8);
	out[4] = (uint8_t)body;
	if (nonce_len > 0) /* not the number: any value must do for the reader */
		put64(out + 5, p->write.seq * 0x9e3779b97f4a7c15u);
	plain_nonce(p, &p->write, out + 5, nonce);
	aad_len = plain_aad(p, &p->write, out, inner_len, aad);
	to = out + 5 + nonce_len;
	if (p->kind == AEAD_CHACHA20_POLY1305) {
		rc = wc_ChaCha20Poly1305_Encrypt(p->write.key, nonce, aad, (word32)aad_len, inner,
		    (word32)inner_len, to, to + inner_len);
	} else {
		wc_AesInit(&aes, NULL, INVALID_DEVID);
		wc_AesGcmSetKey(&aes, p->write.key, (word32)plain_key_len(p->kind));
		rc = wc_AesGcmEncrypt(&aes, to, inner, (word32)inner_len, nonce, 12, to + inner_len,
		    16, aad, (word32)aad_len);
		wc_AesFree(&aes);
	}
	assert(rc == 0);
	p->write.seq++;
	return 5 + body;
}

static bool plain_decrypt(const struct plain *p, const uint8_t *in, size_t inner_len, uint8_t *out)
{
	size_t nonce_len = is_gcm12(p) ? 8 : 0, aad_len;
	const uint8_t *from = in + 5 + nonce_len;
	uint8_t nonce[12], aad[13];
	Aes aes;
	int rc;

	plain_nonce(p, &p->read, in + 5, nonce);
	aad_len = plain_aad(p, &p->read, in, inner_len, aad);
	if (p->kind == AEAD_CHACHA20_POLY1305)
		return wc_ChaCha20Poly1305_Decrypt(p->read.key, nonce, aad, (word32)aad_len, from,
			   (word32)inner_len, from + inner_len, out) == 0;
	wc_AesInit(&aes, NULL, INVALID_DEVID);
	wc_AesGcmSetKey(&aes, p->read.key, (word32)plain_key_len(p->kind));
	rc = wc_AesGcmDecrypt(&aes, out, from, (word32)inner_len, nonce, 12, from + inner_len, 16,
	    aad, (word32)aad_len);
	wc_AesFree(&aes);
	return rc == 0;
}

uint8_t plain_open(
    struct plain *p, const uint8_t *in, size_t len, uint8_t *type, uint8_t *content, size_t *n)
{
	size_t nonce_len = is_gcm12(p) ? 8 : 0, body = len - 5;
	bool v13 = p->version == 0x0304;

	assert(len >= 5 && body == (size_t)(in[3] << 8 | in[4]));
	if (v13 ? in[0] != 23 : in[0] < 21 || in[0] > 23)
		return 10;
	if (in[1] != 3 || (!v13 && in[2] != 3))
		return 70;
	if (body > nonce_len + 16384 + (v13 ? 1 : 0) + 16)
		return 22;
	if (body < nonce_len + 16)
		return 20;
	*n = body - nonce_len - 16;
	if (!plain_decrypt(p, in, *n, content))
		return 20;
	*type = in[0];
	p->read.seq++;
	if (!v13)
		return PLAIN_OK;
	while (*n > 0 && content[*n - 1] == 0)
		--*n;
	if (*n == 0)
		return 10;
	*type = content[--*n];
	return PLAIN_OK;
}

/* HKDF-Expand-Label of RFC 8446 7.1 by hand, one HMAC block at a time (RFC 5869 2.3). */
static void plain_expand(
    const struct plain *p, const uint8_t *secret, const char *label, uint8_t *to, size_t len)
{
	uint8_t info[64], block[48], at = 0;
	size_t n = strlen(label), done = 0;
	Hmac hmac;

	info[at++] = 0;
	info[at++] = (uint8_t)len;
	info[at++] = (uint8_t)(6 + n);
	memcpy(info + at, "tls13 ", 6);
	at += 6;
	memcpy(info + at, label, n);
	at += (uint8_t)n;
	info[at++] = 0;
	for (uint8_t i = 1; done < len; i++) {
		size_t take = len - done < p->hash_len ? len - done : p->hash_len;

		wc_HmacInit(&hmac, NULL, INVALID_DEVID);
		wc_HmacSetKey(
		    &hmac, p->hash_len == 48 ? WC_SHA384 : WC_SHA256, secret, p->hash_len);
		if (i > 1)
			wc_HmacUpdate(&hmac, block, p->hash_len);
		wc_HmacUpdate(&hmac, info, at);
		wc_HmacUpdate(&hmac, &i, 1);
		wc_HmacFinal(&hmac, block);
		wc_HmacFree(&hmac);
		memcpy(to + done, block, take);
		done += take;
	}
}

void plain_update(const struct plain *p, struct plain_dir *d)
{
	uint8_t next[48] = { 0 };

	plain_expand(p, d->traffic, "traffic upd", next, p->hash_len);
	memcpy(d->traffic, next, sizeof next);
	plain_expand(p, d->traffic, "key", d->key, plain_key_len(p->kind));
	plain_expand(p, d->traffic, "iv", d->iv, 12);
	d->seq = 0;
}

enum record_status legacy_open(struct legacy *l, struct record_io *io, uint8_t *alert_in)
{
	(void)io;
	l->n_open++;
	if (l->alert_in != 0xff)
		*alert_in = l->alert_in;
	return l->open;
}

enum record_status legacy_seal(struct legacy *l, struct record_io *io)
{
	(void)io;
	l->n_seal++;
	return l->seal;
}

enum record_status legacy_alert(struct legacy *l, uint8_t alert, struct record_io *io)
{
	(void)io;
	l->n_alert++;
	l->last_alert = alert;
	return l->alert;
}

void legacy_free(struct legacy *l)
{
	l->n_free++;
}
