/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/watched_heap.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA   (512ul << 20)
#define PAGE    4096ul
#define HEAD    16 /* in front of each block: its size */
#define N_LINES (ARENA / WATCHED_LINE)
#define NOBODY  UINT32_MAX

static uint8_t *arena, *before; /* before: pages as they were when they were first written */
static uint32_t *writers;       /* a bit for each, by line */
static bool *is_dirty;          /* by page */
static size_t used;
static unsigned dirty[ARENA / PAGE];
static unsigned n_dirty;
static uint32_t writer = NOBODY;
static struct sigaction others; /* cmocka's handler */

static void *pages(size_t size)
{
	void *at = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		abort();
	return at;
}

static void *take(size_t align, size_t size)
{
	size_t at;

	if (!arena) {
		before = pages(ARENA);
		writers = pages(N_LINES * sizeof(*writers));
		is_dirty = pages(ARENA / PAGE);
		arena = pages(ARENA);
	}
	at = (used + HEAD + align - 1) & ~(align - 1);
	if (size > ARENA || at + size > ARENA) {
		errno = ENOMEM;
		return NULL;
	}
	used = at + size;
	memcpy(arena + at - HEAD, &size, sizeof(size));
	return arena + at;
}

/* --- the heap; fresh pages are zero, and nothing is used twice --- */

void *malloc(size_t size)
{
	return take(16, size);
}

void *calloc(size_t n, size_t size)
{
	return size && n > SIZE_MAX / size ? NULL : take(16, n * size);
}

void free(void *at)
{
	(void)at;
}

void *realloc(void *at, size_t size)
{
	uint8_t *to = take(16, size);
	size_t had = 0;

	if (at)
		memcpy(&had, (uint8_t *)at - HEAD, sizeof(had));
	if (to && at)
		memcpy(to, at, had < size ? had : size);
	return to;
}

void *aligned_alloc(size_t align, size_t size)
{
	return take(align < 16 ? 16 : align, size);
}

void *memalign(size_t align, size_t size);
void *memalign(size_t align, size_t size)
{
	return aligned_alloc(align, size);
}

int posix_memalign(void **at, size_t align, size_t size)
{
	*at = aligned_alloc(align, size);
	return *at ? 0 : ENOMEM;
}

/* --- watching it --- */

static void on_write(int number, siginfo_t *info, void *context)
{
	uint8_t *at = info->si_addr;
	size_t page = (size_t)(at - arena) / PAGE;

	(void)number, (void)context;
	if (writer == NOBODY || at < arena || at >= arena + ARENA || is_dirty[page])
		_exit(99); /* a fault like any other */
	memcpy(before + page * PAGE, arena + page * PAGE, PAGE);
	is_dirty[page] = true;
	dirty[n_dirty++] = (unsigned)page;
	mprotect(arena + page * PAGE, PAGE, PROT_READ | PROT_WRITE);
}

void watched_begin(unsigned who)
{
	struct sigaction action = { .sa_sigaction = on_write, .sa_flags = SA_SIGINFO };

	assert(writer == NOBODY && who < WATCHED_WRITERS);
	sigaction(SIGSEGV, &action, &others);
	writer = who;
	mprotect(arena, (used + PAGE - 1) / PAGE * PAGE, PROT_READ);
}

void watched_end(void)
{
	uint32_t bit = 1u << writer;

	mprotect(arena, ARENA, PROT_READ | PROT_WRITE);
	sigaction(SIGSEGV, &others, NULL);
	writer = NOBODY;
	for (unsigned i = 0; i < n_dirty; i++) {
		size_t at = dirty[i] * PAGE;

		is_dirty[dirty[i]] = false;
		for (size_t end = at + PAGE; at < end; at += WATCHED_LINE)
			if (memcmp(before + at, arena + at, WATCHED_LINE) != 0)
				writers[at / WATCHED_LINE] |= bit;
	}
	n_dirty = 0;
}

unsigned watched_shared_lines(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < (used + WATCHED_LINE - 1) / WATCHED_LINE; i++) {
		if ((writers[i] & (writers[i] - 1)) == 0)
			continue;
		if (n++ == 0)
			fprintf(stderr, "the line at %p is written by %#x\n",
			    (void *)(arena + i * WATCHED_LINE), writers[i]);
	}
	return n;
}

unsigned watched_lines_of(unsigned who)
{
	unsigned n = 0;

	for (size_t i = 0; i < (used + WATCHED_LINE - 1) / WATCHED_LINE; i++)
		n += writers[i] >> who & 1;
	return n;
}
