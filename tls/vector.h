/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Sets the upper halves of the vector registers to zero, as a call by the x86-64 ABI expects to find them; no state is lost. */
#if defined(__x86_64__)
static inline void vector_clear_upper(void)
{
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroupper" ::
				     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
				 "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
				 "xmm14", "xmm15");
}
#else
static inline void vector_clear_upper(void)
{
}
#endif
