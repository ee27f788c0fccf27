/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <string.h>

#include "tls/fiber_switch.h"

/*
 * System V AMD64 ABI 3.2.1: rbx, rbp, r12-r15 and rsp belong to the caller and are saved here, all
 * other registers are the compiler's to save around a call. The control bits of MXCSR and of the x87
 * are also the caller's, but nothing in this program changes them.
 */
void fiber_switch_x86_64(void **save, void *to);

/* clang-format off */
__asm__(
	".text\n"
	".balign 16\n"
	".globl fiber_switch_x86_64\n"
	".hidden fiber_switch_x86_64\n"
	".type fiber_switch_x86_64, @function\n"
	"fiber_switch_x86_64:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size fiber_switch_x86_64, . - fiber_switch_x86_64\n");
/* clang-format on */

int fiber_context_init(struct fiber_context *c, void *stack, size_t size, void (*entry)(void))
{
	uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
	void **sp = (void **)top;
	void *ip;

	memcpy(&ip, &entry, sizeof(ip));
	*--sp = NULL; /* entry's return address: ends a backtrace, keeps rsp + 8 aligned to 16 */
	*--sp = ip;   /* where the first switch returns to */
	for (int i = 0; i < 6; i++)
		*--sp = NULL; /* rbp (the frame chain ends), rbx, r12-r15 */
	c->at = sp;
	c->owned = NULL;
	return 0;
}

void fiber_context_fini(struct fiber_context *c)
{
	c->at = NULL;
}

void fiber_context_switch(struct fiber_context *from, struct fiber_context *to)
{
	fiber_switch_x86_64(&from->at, to->at);
}
