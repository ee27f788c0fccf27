/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/net/checksum.h"

#include <immintrin.h>
#include <string.h>

/* Below these the plain loop is as fast. */
#define AVX2_MIN 192
#define VNNI_MIN 96

static uint64_t add_plain(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t sum[2] = { 0, 0 }; /* two chains of carries, so that additions overlap */
	uint64_t w[2];
	uint32_t half, rest = 0;

	for (; len >= 16; len -= 16, p += 16) {
		memcpy(w, p, 16);
		sum[0] = checksum_plus(sum[0], w[0]);
		sum[1] = checksum_plus(sum[1], w[1]);
	}
	if (len >= 8) {
		memcpy(w, p, 8);
		sum[0] = checksum_plus(sum[0], w[0]);
		len -= 8;
		p += 8;
	}
	/* Headers end here: a copy of so few bytes, if their number is not known, is a call. */
	if (len >= 4) {
		memcpy(&half, p, 4);
		sum[1] = checksum_plus(sum[1], half);
		len -= 4;
		p += 4;
	}
	for (size_t i = 0; i < len; i++)
		rest |= (uint32_t)p[i] << 8 * i; /* an odd byte is padded with zero behind it */
	return checksum_plus(checksum_plus(sum[0], sum[1]), rest);
}

/* 32-bit words are added into 64-bit lanes: no carry can be lost below 2^32 words. */
__attribute__((target("avx2"))) static uint64_t add_avx2(const uint8_t *p, size_t len)
{
	const __m256i low = _mm256_set1_epi64x(0xffffffff);
	__m256i even = _mm256_setzero_si256(), odd = even;
	uint64_t lane[4], sum;

	for (; len >= 64; len -= 64, p += 64) {
		__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
		__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));

		even = _mm256_add_epi64(even, _mm256_and_si256(a, low));
		odd = _mm256_add_epi64(odd, _mm256_srli_epi64(a, 32));
		even = _mm256_add_epi64(even, _mm256_and_si256(b, low));
		odd = _mm256_add_epi64(odd, _mm256_srli_epi64(b, 32));
	}
	_mm256_storeu_si256((__m256i *)(void *)lane, _mm256_add_epi64(even, odd));
	sum = lane[0] + lane[1] + lane[2] + lane[3];
	return checksum_plus(sum, add_plain(p, len));
}

/*
 * Bytes at even and at odd offsets are added up apart, four by four into 32-bit lanes, each of which gets less than 2^32
 * from 2 MB. A fifth of the instructions of AVX2 at 1,448 bytes, and the rest of what is no whole vector is one, too: what is masked
 * out is not touched. 512 bits are no slower clock here, since those who have VNNI do AES with them anyway.
 */
__attribute__((target("avx512bw,avx512vnni"))) static uint64_t
add_vnni(const uint8_t *p, size_t len)
{
	const __m512i evens = _mm512_set1_epi16(0x0001), odds = _mm512_set1_epi16(0x0100);
	__m512i even = _mm512_setzero_si512(), odd = even, even2 = even, odd2 = even, sum, v;

	for (; len >= 128; len -= 128, p += 128) {
		v = _mm512_loadu_si512(p);
		even = _mm512_dpbusd_epi32(even, v, evens);
		odd = _mm512_dpbusd_epi32(odd, v, odds);
		v = _mm512_loadu_si512(p + 64);
		even2 = _mm512_dpbusd_epi32(even2, v, evens);
		odd2 = _mm512_dpbusd_epi32(odd2, v, odds);
	}
	if (len >= 64) {
		v = _mm512_loadu_si512(p);
		even = _mm512_dpbusd_epi32(even, v, evens);
		odd = _mm512_dpbusd_epi32(odd, v, odds);
		len -= 64;
		p += 64;
	}
	v = _mm512_maskz_loadu_epi8((1ULL << len) - 1, p);
	even = _mm512_add_epi32(even2, _mm512_dpbusd_epi32(even, v, evens));
	odd = _mm512_add_epi32(odd2, _mm512_dpbusd_epi32(odd, v, odds));
	sum = _mm512_add_epi32(even, _mm512_slli_epi32(odd, 8));
	sum = _mm512_add_epi64(_mm512_srli_epi64(sum, 32), _mm512_maskz_mov_epi32(0x5555, sum));
	return (uint64_t)_mm512_reduce_add_epi64(sum);
}

static inline bool has_vnni(void)
{
	return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw");
}

bool checksum_can(enum checksum_way way)
{
	switch (way) {
	case CHECKSUM_PLAIN:
		return true;
	case CHECKSUM_AVX2:
		return __builtin_cpu_supports("avx2");
	case CHECKSUM_VNNI:
		return has_vnni();
	}
	return false;
}

uint64_t checksum_add_by(enum checksum_way way, const void *data, size_t len)
{
	switch (way) {
	case CHECKSUM_VNNI:
		return add_vnni(data, len);
	case CHECKSUM_AVX2:
		return add_avx2(data, len);
	case CHECKSUM_PLAIN:
		break;
	}
	return add_plain(data, len);
}

uint64_t checksum_add(const void *data, size_t len)
{
	if (len >= VNNI_MIN && has_vnni())
		return add_vnni(data, len);
	if (len >= AVX2_MIN && __builtin_cpu_supports("avx2"))
		return add_avx2(data, len);
	return add_plain(data, len);
}

uint64_t checksum_chain(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint64_t sum = 0, part;
	uint32_t done = 0, take;

	if (off + len <= m->data_len)
		return checksum_add(rte_pktmbuf_mtod_offset(m, const uint8_t *, off), len);
	for (; off >= m->data_len && m->next != NULL; m = m->next)
		off -= m->data_len;
	for (; done < len; m = m->next, off = 0) {
		take = RTE_MIN(len - done, m->data_len - off);
		part = checksum_add(rte_pktmbuf_mtod_offset(m, const uint8_t *, off), take);
		/* A piece that begins at an odd offset has its bytes in the other lanes. */
		if (done & 1)
			part = rte_bswap16(checksum_fold(part));
		sum = checksum_plus(sum, part);
		done += take;
	}
	return sum;
}
