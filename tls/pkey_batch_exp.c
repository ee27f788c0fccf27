/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/pkey_batch_exp.h"

#include <assert.h>
#include <immintrin.h>
#include <stddef.h>
#include <string.h>

static const struct mb_size sizes[] = {
	{ 1024, 20, 4, ifma_amm52x20_mb8, AMS52x20_diagonal_mb8, ifma_amred52x20_mb8,
	    ifma_modsub52x20_mb8, ifma_addmul52x20_mb8 },
	{ 1536, 30, 5, ifma_amm52x30_mb8, AMS52x30_diagonal_mb8, ifma_amred52x30_mb8,
	    ifma_modsub52x30_mb8, ifma_addmul52x30_mb8 },
	{ 2048, 40, 5, ifma_amm52x40_mb8, AMS52x40_diagonal_mb8, ifma_amred52x40_mb8,
	    ifma_modsub52x40_mb8, ifma_addmul52x40_mb8 },
};

const struct mb_size *mb_size_of(unsigned bits)
{
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i].bits == bits)
			return &sizes[i];
	assert(!"not a size of ours");
	return NULL;
}

/* With 20 digits there is a second table, of the same powers half reduced, which saves half of each multiplication. */
static bool has_halves(const struct mb_exp *e)
{
	return e->size->digits == 20;
}

static struct mb_row *power(struct mb_exp *e, unsigned i)
{
	return &e->table[i * e->size->digits];
}

static struct mb_row *half(struct mb_exp *e, unsigned i)
{
	return power(e, (1u << e->size->window) + i);
}

static void set_one(struct mb_row *number, unsigned digits)
{
	memset(number, 0, digits * sizeof(*number));
	for (unsigned i = 0; i < PKEY_LANES; i++)
		number[0].lane[i] = 1;
}

/* Powers 0, 1, ... of the base in Montgomery's form. e->y is free still. */
static void fill_table(struct mb_exp *e, const struct mb_row *base)
{
	const struct mb_size *s = e->size;

	set_one(e->y, s->digits);
	s->mul(power(e, 0), e->y, e->rr, e->m, &e->k0);
	s->mul(power(e, 1), base, e->rr, e->m, &e->k0);
	for (unsigned i = 2; i < 1u << s->window; i += 2) {
		s->sqr(power(e, i), power(e, i / 2), e->m, &e->k0);
		s->mul(power(e, i + 1), power(e, i), power(e, 1), e->m, &e->k0);
	}
	for (unsigned i = 0; has_halves(e) && i < 1u << s->window; i++)
		ifma_ahmr52x20_mb8(half(e, i), power(e, i), e->m, &e->k0);
}

/* The window of the exponents whose lowest bit is that one. */
static struct mb_row window_at(const struct mb_exp *e, unsigned bit)
{
	const struct mb_row *low = &e->exponent[bit / 64];
	unsigned shift = bit % 64;
	struct mb_row index;

	for (unsigned i = 0; i < PKEY_LANES; i++) {
		uint64_t high = shift ? low[1].lane[i] << (64 - shift) : 0;

		index.lane[i] =
		    (low->lane[i] >> shift | high) & ((UINT64_C(1) << e->size->window) - 1);
	}
	return index;
}

/* Each lane its own power, reading all of them whatever the index. */
__attribute__((target("avx512f"))) static void
pick(struct mb_row *to, struct mb_exp *e, const struct mb_row *index)
{
	const unsigned digits = e->size->digits, n = 1u << e->size->window;
	const __m512i wanted = _mm512_load_si512(index);
	__mmask8 is_it[MB_EXP_TABLE];

	for (unsigned i = 0; i < n; i++)
		is_it[i] = _mm512_cmpeq_epu64_mask(wanted, _mm512_set1_epi64(i));
	for (unsigned d = 0; d < digits; d++) {
		__m512i x = _mm512_load_si512(&e->table[d]);

		for (unsigned i = 1; i < n; i++)
			x = _mm512_mask_load_epi64(x, is_it[i], &e->table[i * digits + d]);
		_mm512_store_si512(&to[d], x);
	}
}

void mb_exp_begin(struct mb_exp *e, const struct mb_size *size, const uint64_t *const m[PKEY_LANES],
    const uint64_t *const exponent[PKEY_LANES], const struct mb_row *base)
{
	struct mb_row reduced[MB_EXP_DIGITS], index;
	int bits = (int)size->bits, first = bits % (int)size->window;

	e->size = size;
	ifma_BNU_to_mb8(e->m, m, bits);
	ifma_montFactor52_mb8(&e->k0, e->m);
	ifma_montRR52x_mb8(e->rr, e->m, bits);
	memset(e->exponent, 0, sizeof(e->exponent));
	ifma_BNU_transpose_copy(e->exponent, exponent, bits);
	size->reduce(reduced, base, e->m, &e->k0);
	size->mul(reduced, reduced, e->rr, e->m, &e->k0);
	size->sub(reduced, reduced, e->m, e->m);
	fill_table(e, reduced);
	e->at = bits - (first ? first : (int)size->window);
	index = window_at(e, (unsigned)e->at);
	pick(e->y, e, &index);
	explicit_bzero(reduced, sizeof(reduced));
	explicit_bzero(&index, sizeof(index));
}

static void next_window(struct mb_exp *e, const struct mb_row *index)
{
	struct mb_row factor[MB_EXP_DIGITS], factor_x[MB_EXP_DIGITS];
	const struct mb_size *s = e->size;

	if (has_halves(e)) {
		AMS4x52x20_diagonal_stitched_with_extract_mb8(
		    e->y, factor, factor_x, e->y, e->m, &e->k0, power(e, 0), half(e, 0), index);
		ifma_ahmm52x20_mb8(e->y, e->y, factor, factor_x, e->m, &e->k0);
	} else {
		for (unsigned i = 0; i < s->window; i++)
			s->sqr(e->y, e->y, e->m, &e->k0);
		pick(factor, e, index);
		s->mul(e->y, e->y, factor, e->m, &e->k0);
	}
}

bool mb_exp_step(struct mb_exp *e, unsigned n)
{
	for (; n > 0 && e->at > 0; n--) {
		struct mb_row index;

		e->at -= (int)e->size->window;
		index = window_at(e, (unsigned)e->at);
		next_window(e, &index);
	}
	return e->at == 0;
}

void mb_exp_end(struct mb_exp *e, struct mb_row *out)
{
	struct mb_row one[MB_EXP_DIGITS];

	assert(e->at == 0);
	explicit_bzero(e->exponent, sizeof(e->exponent));
	set_one(one, e->size->digits);
	e->size->mul(out, e->y, one, e->m, &e->k0);
}
