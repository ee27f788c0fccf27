/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/fiber.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tls/fiber_switch.h"

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define PAINT 0xa5

struct fiber {
	struct fiber_pool *pool;
	struct fiber *next; /* in the pool's idle list */
	uint8_t *stack;     /* lowest usable byte; the guard page lies below */
	struct fiber_context self, resumer;
	void (*run)(void *arg);
	void *arg;
	bool over;
	void *fake_stack, *resumer_fake_stack; /* AddressSanitizer's */
	const void *resumer_bottom;
	size_t resumer_size;
};

struct fiber_pool {
	struct fiber *idle; /* last used first: its stack is the warmest */
	unsigned n_idle, n_kept, n_live, n_max;
	size_t stack_bytes, page;
	size_t deepest;
	bool painted;
};

static _Thread_local struct fiber *current;

/*
 * AddressSanitizer must be told before and after each switch which stack is in use. save NULL: the
 * stack left is never used again.
 */
static void switch_announce(void **save, const void *bottom, size_t size)
{
#ifdef FIBER_ASAN
	__sanitizer_start_switch_fiber(save, bottom, size);
#else
	(void)save, (void)bottom, (void)size;
#endif
}

static void switch_arrived(void *fake, const void **old_bottom, size_t *old_size)
{
#ifdef FIBER_ASAN
	__sanitizer_finish_switch_fiber(fake, old_bottom, old_size);
#else
	(void)fake, (void)old_bottom, (void)old_size;
#endif
}

static size_t stack_used(const struct fiber_pool *pool, const uint8_t *stack)
{
	size_t i = 0;

	while (i < pool->stack_bytes && stack[i] == PAINT)
		i++;
	return pool->stack_bytes - i;
}

struct fiber_pool *fiber_pool_new(size_t stack_bytes, unsigned n_kept, unsigned n_max, bool paint)
{
	struct fiber_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->page = (size_t)sysconf(_SC_PAGESIZE);
	pool->stack_bytes = (stack_bytes + pool->page - 1) & ~(pool->page - 1);
	pool->n_kept = n_kept;
	pool->n_max = n_max;
	pool->painted = paint;
	return pool;
}

static void fiber_destroy(struct fiber *f)
{
	struct fiber_pool *pool = f->pool;

	if (f->stack != NULL) {
		if (pool->painted && stack_used(pool, f->stack) > pool->deepest)
			pool->deepest = stack_used(pool, f->stack);
		munmap(f->stack - pool->page, pool->stack_bytes + pool->page);
	}
	free(f);
}

void fiber_pool_free(struct fiber_pool *pool)
{
	if (pool == NULL)
		return;
	assert(pool->n_live == 0);
	for (struct fiber *f = pool->idle; f != NULL;) {
		struct fiber *next = f->next;

		fiber_destroy(f);
		f = next;
	}
	free(pool);
}

unsigned fiber_pool_live(const struct fiber_pool *pool)
{
	return pool->n_live;
}

size_t fiber_pool_deepest(const struct fiber_pool *pool)
{
	size_t deepest = pool->deepest;

	if (!pool->painted)
		return 0;
	for (const struct fiber *f = pool->idle; f != NULL; f = f->next)
		if (stack_used(pool, f->stack) > deepest)
			deepest = stack_used(pool, f->stack);
	return deepest;
}

static struct fiber *fiber_create(struct fiber_pool *pool)
{
	struct fiber *f = calloc(1, sizeof(*f));
	uint8_t *map;

	if (f == NULL)
		return NULL;
	f->pool = pool;
	map = mmap(NULL, pool->stack_bytes + pool->page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED) {
		free(f);
		return NULL;
	}
	f->stack = map + pool->page;
	/* An overflow must fault, not write into a neighbour. */
	if (mprotect(map, pool->page, PROT_NONE) != 0) {
		fiber_destroy(f);
		return NULL;
	}
	if (pool->painted)
		memset(f->stack, PAINT, pool->stack_bytes);
	return f;
}

static void fiber_main(void)
{
	struct fiber *f = current;

	switch_arrived(NULL, &f->resumer_bottom, &f->resumer_size);
	f->run(f->arg);
	f->over = true;
	switch_announce(NULL, f->resumer_bottom, f->resumer_size);
	fiber_context_switch(&f->self, &f->resumer);
	abort(); /* nobody resumes a fiber that is over */
}

struct fiber *fiber_new(struct fiber_pool *pool, void (*run)(void *arg), void *arg)
{
	struct fiber *f = pool->idle;

	if (pool->n_live == pool->n_max)
		return NULL;
	if (f != NULL) {
		pool->idle = f->next;
		pool->n_idle--;
	} else {
		f = fiber_create(pool);
		if (f == NULL)
			return NULL;
	}
	if (fiber_context_init(&f->self, f->stack, pool->stack_bytes, fiber_main) != 0) {
		fiber_destroy(f);
		return NULL;
	}
	f->run = run;
	f->arg = arg;
	f->over = false;
	f->fake_stack = NULL;
	pool->n_live++;
	return f;
}

static void fiber_retire(struct fiber *f)
{
	struct fiber_pool *pool = f->pool;

	fiber_context_fini(&f->self);
	pool->n_live--;
#ifdef FIBER_ASAN
	/* Frames that were left for good by the last switch have their red zones still up. */
	__asan_unpoison_memory_region(f->stack, pool->stack_bytes);
#endif
	if (pool->n_idle == pool->n_kept) {
		fiber_destroy(f);
		return;
	}
	f->next = pool->idle;
	pool->idle = f;
	pool->n_idle++;
}

bool fiber_resume(struct fiber *f)
{
	assert(current == NULL && !f->over);
	current = f;
	switch_announce(&f->resumer_fake_stack, f->stack, f->pool->stack_bytes);
	fiber_context_switch(&f->resumer, &f->self);
	switch_arrived(f->resumer_fake_stack, NULL, NULL);
	current = NULL;
	if (!f->over)
		return true;
	fiber_retire(f);
	return false;
}

void fiber_yield(void)
{
	struct fiber *f = current;

	assert(f != NULL);
	switch_announce(&f->fake_stack, f->resumer_bottom, f->resumer_size);
	fiber_context_switch(&f->self, &f->resumer);
	switch_arrived(f->fake_stack, &f->resumer_bottom, &f->resumer_size);
}

struct fiber *fiber_current(void)
{
	return current;
}
