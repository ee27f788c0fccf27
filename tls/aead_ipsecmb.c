/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>

#include "tls/aead_backend.h"

struct ipsecmb {
	/* The library's contexts first: it reads and writes them with vector instructions. */
	struct gcm_context_data gcm __attribute__((aligned(64)));
	struct chacha20_poly1305_context_data chacha __attribute__((aligned(64)));
	IMB_MGR *mgr;
	const struct gcm_key_data *expanded; /* of the operation under way */
	const uint8_t *key;                  /* the same, ChaCha20-Poly1305 */
	enum aead_kind kind;
	bool seal;
};

static const char *arch_name(IMB_ARCH arch, uint64_t features)
{
	switch (arch) {
	case IMB_ARCH_AVX512:
		return features & IMB_FEATURE_VAES ? "ipsec-mb avx512-vaes" : "ipsec-mb avx512";
	case IMB_ARCH_AVX2:
		return "ipsec-mb avx2";
	case IMB_ARCH_AVX:
		return "ipsec-mb avx";
	case IMB_ARCH_SSE:
		return "ipsec-mb sse";
	case IMB_ARCH_NONE:
	case IMB_ARCH_NOAESNI:
	case IMB_ARCH_NUM:
		break;
	}
	return NULL; /* emulated AES is not constant time: wolfCrypt instead */
}

static void ipsecmb_free(void *state)
{
	struct ipsecmb *s = state;

	free_mb_mgr(s->mgr);
	explicit_bzero(s, sizeof *s);
	free(s);
}

/* The library sets errno when the CPU lacks what was asked for. */
static IMB_ARCH mgr_init(IMB_MGR *mgr, enum aead_backend which)
{
	IMB_ARCH arch = IMB_ARCH_NONE;

	switch (which) {
	case AEAD_IPSEC_MB_SSE:
		init_mb_mgr_sse(mgr);
		return IMB_ARCH_SSE;
	case AEAD_IPSEC_MB_AVX:
		init_mb_mgr_avx(mgr);
		return IMB_ARCH_AVX;
	case AEAD_IPSEC_MB_AVX2:
		init_mb_mgr_avx2(mgr);
		return IMB_ARCH_AVX2;
	case AEAD_BEST:
	case AEAD_IPSEC_MB:
	case AEAD_WOLFCRYPT:
		break;
	}
	init_mb_mgr_auto(mgr, &arch);
	return arch;
}

static void *ipsecmb_new(enum aead_backend which, const char **name)
{
	struct ipsecmb *s = aligned_alloc(64, (sizeof *s + 63) & ~(size_t)63);

	if (s == NULL)
		return NULL;
	memset(s, 0, sizeof *s);
	s->mgr = alloc_mb_mgr(0);
	if (s->mgr == NULL) {
		free(s);
		return NULL;
	}
	*name = arch_name(mgr_init(s->mgr, which), s->mgr->features);
	/* The self-test runs inside init; a CPU that fails it computes wrong bytes. */
	if (imb_get_errno(s->mgr) != 0 || *name == NULL ||
	    ((s->mgr->features & IMB_FEATURE_SELF_TEST) &&
		!(s->mgr->features & IMB_FEATURE_SELF_TEST_PASS))) {
		ipsecmb_free(s);
		return NULL;
	}
	return s;
}

static int ipsecmb_expand(void *state, void *expanded, enum aead_kind kind, const uint8_t *key)
{
	struct ipsecmb *s = state;

	if (kind == AEAD_AES_128_GCM)
		IMB_AES128_GCM_PRE(s->mgr, key, expanded);
	else
		IMB_AES256_GCM_PRE(s->mgr, key, expanded);
	return 0;
}

static void ipsecmb_wipe(void *expanded)
{
	explicit_bzero(expanded, sizeof(struct gcm_key_data));
}

static int ipsecmb_start(void *state, enum aead_kind kind, void *expanded, const uint8_t *key,
    const uint8_t *iv, const uint8_t *aad, size_t aad_len, bool seal)
{
	struct ipsecmb *s = state;

	s->kind = kind;
	s->seal = seal;
	s->expanded = expanded;
	s->key = key;
	switch (kind) {
	case AEAD_AES_128_GCM:
		IMB_AES128_GCM_INIT(s->mgr, expanded, &s->gcm, iv, aad, aad_len);
		break;
	case AEAD_AES_256_GCM:
		IMB_AES256_GCM_INIT(s->mgr, expanded, &s->gcm, iv, aad, aad_len);
		break;
	case AEAD_CHACHA20_POLY1305:
		IMB_CHACHA20_POLY1305_INIT(s->mgr, key, &s->chacha, iv, aad, aad_len);
		break;
	}
	return 0;
}

static int ipsecmb_update(void *state, uint8_t *out, const uint8_t *in, size_t len)
{
	struct ipsecmb *s = state;

	switch (s->kind) {
	case AEAD_AES_128_GCM:
		if (s->seal)
			IMB_AES128_GCM_ENC_UPDATE(s->mgr, s->expanded, &s->gcm, out, in, len);
		else
			IMB_AES128_GCM_DEC_UPDATE(s->mgr, s->expanded, &s->gcm, out, in, len);
		break;
	case AEAD_AES_256_GCM:
		if (s->seal)
			IMB_AES256_GCM_ENC_UPDATE(s->mgr, s->expanded, &s->gcm, out, in, len);
		else
			IMB_AES256_GCM_DEC_UPDATE(s->mgr, s->expanded, &s->gcm, out, in, len);
		break;
	case AEAD_CHACHA20_POLY1305:
		if (s->seal)
			IMB_CHACHA20_POLY1305_ENC_UPDATE(s->mgr, s->key, &s->chacha, out, in, len);
		else
			IMB_CHACHA20_POLY1305_DEC_UPDATE(s->mgr, s->key, &s->chacha, out, in, len);
		break;
	}
	return 0;
}

static int ipsecmb_finish_seal(void *state, uint8_t tag[AEAD_TAG])
{
	struct ipsecmb *s = state;

	switch (s->kind) {
	case AEAD_AES_128_GCM:
		IMB_AES128_GCM_ENC_FINALIZE(s->mgr, s->expanded, &s->gcm, tag, AEAD_TAG);
		break;
	case AEAD_AES_256_GCM:
		IMB_AES256_GCM_ENC_FINALIZE(s->mgr, s->expanded, &s->gcm, tag, AEAD_TAG);
		break;
	case AEAD_CHACHA20_POLY1305:
		IMB_CHACHA20_POLY1305_ENC_FINALIZE(s->mgr, &s->chacha, tag, AEAD_TAG);
		/* The context holds a keystream block, and the one-time Poly1305 key. */
		explicit_bzero(&s->chacha, sizeof s->chacha);
		break;
	}
	return 0;
}

/* Compares and forgets what the right tag would have been: that is a forgery. */
static int tag_check(uint8_t computed[AEAD_TAG], const uint8_t tag[AEAD_TAG])
{
	uint64_t a[2], b[2];

	memcpy(a, computed, sizeof a);
	memcpy(b, tag, sizeof b);
	explicit_bzero(computed, AEAD_TAG);
	return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0 ? 0 : -1;
}

static int ipsecmb_finish_open(void *state, const uint8_t tag[AEAD_TAG])
{
	uint8_t computed[AEAD_TAG];

	/* The library's finalize gives the same tag for both directions. */
	ipsecmb_finish_seal(state, computed);
	return tag_check(computed, tag);
}

/* The library has no direct call for all of ChaCha20-Poly1305. */
static void
chacha_whole(struct ipsecmb *s, const struct aead_call *c, bool seal, uint8_t tag[AEAD_TAG])
{
	ipsecmb_start(s, c->kind, NULL, c->key, c->iv, c->aad, c->aad_len, seal);
	if (c->len > 0)
		ipsecmb_update(s, c->out, c->in, c->len);
	ipsecmb_finish_seal(s, tag);
}

static int ipsecmb_seal(void *state, const struct aead_call *c, uint8_t tag[AEAD_TAG])
{
	struct ipsecmb *s = state;

	switch (c->kind) {
	case AEAD_AES_128_GCM:
		IMB_AES128_GCM_ENC(s->mgr, c->expanded, &s->gcm, c->out, c->in, c->len, c->iv,
		    c->aad, c->aad_len, tag, AEAD_TAG);
		break;
	case AEAD_AES_256_GCM:
		IMB_AES256_GCM_ENC(s->mgr, c->expanded, &s->gcm, c->out, c->in, c->len, c->iv,
		    c->aad, c->aad_len, tag, AEAD_TAG);
		break;
	case AEAD_CHACHA20_POLY1305:
		chacha_whole(s, c, true, tag);
		break;
	}
	return 0;
}

static int ipsecmb_open(void *state, const struct aead_call *c, const uint8_t tag[AEAD_TAG])
{
	struct ipsecmb *s = state;
	uint8_t computed[AEAD_TAG];

	switch (c->kind) {
	case AEAD_AES_128_GCM:
		IMB_AES128_GCM_DEC(s->mgr, c->expanded, &s->gcm, c->out, c->in, c->len, c->iv,
		    c->aad, c->aad_len, computed, AEAD_TAG);
		break;
	case AEAD_AES_256_GCM:
		IMB_AES256_GCM_DEC(s->mgr, c->expanded, &s->gcm, c->out, c->in, c->len, c->iv,
		    c->aad, c->aad_len, computed, AEAD_TAG);
		break;
	case AEAD_CHACHA20_POLY1305:
		chacha_whole(s, c, false, computed);
		break;
	}
	return tag_check(computed, tag);
}

const struct aead_backend_ops aead_ipsecmb_ops = {
	.create = ipsecmb_new,
	.free = ipsecmb_free,
	.expanded_size = sizeof(struct gcm_key_data),
	.expand = ipsecmb_expand,
	.wipe = ipsecmb_wipe,
	.start = ipsecmb_start,
	.update = ipsecmb_update,
	.finish_seal = ipsecmb_finish_seal,
	.finish_open = ipsecmb_finish_open,
	.seal = ipsecmb_seal,
	.open = ipsecmb_open,
};
