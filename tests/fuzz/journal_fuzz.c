/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A journal as it may lie on disk, and the changes in its records. The input is read as it is and once more
 * with every CRC made right, so that what lies behind is reached as well.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/change.h"
#include "config/err.h"
#include "config/journal_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_changes(const char *text)
{
	struct change_list l = { .n = 0 }, again = { .n = 0 };
	static struct err e;
	char *printed, summary[100];

	err_init(&e);
	if (change_parse(&l, text, strlen(text), &e) < 0) {
		assert(l.n == 0 && e.n > 0);
		return;
	}
	change_summary(&l, summary, sizeof(summary));
	/* What was read can be written and read again. */
	printed = change_print(&l);
	assert(printed && change_parse(&again, printed, strlen(printed), &e) == 0);
	assert(again.n == l.n);
	free(printed);
	change_clear(&l);
	change_clear(&again);
}

/* Reads every byte of it. */
static int check_content(void *arg, const struct journal_content *c)
{
	volatile uint8_t *sum = arg;

	assert(strlen(c->name) == DIGEST_TEXT - 1);
	for (size_t i = 0; i < c->len; i++)
		*sum = (uint8_t)(*sum + ((const uint8_t *)c->data)[i]);
	return 0;
}

static void check(const uint8_t *data, size_t size)
{
	static struct err notes;
	struct journal_record *all;
	uint64_t last = 0;
	uint8_t sum = 0;
	size_t good;
	unsigned n;

	err_init(&notes);
	all = journal_read(data, size, &n, &good, &notes);
	assert(all && good <= size);
	assert(good == size || notes.n > 0);
	if (good > 0)
		assert(journal_contents(data, good, check_content, &sum) == 0);
	for (unsigned i = 0; i < n; i++) {
		size_t len;
		uint8_t *record;

		assert(i == 0 ? all[i].full : all[i].generation == last + 1);
		last = all[i].generation;
		record = journal_encode(&all[i], NULL, 0, &len);
		assert(record && len >= JOURNAL_HEAD);
		free(record);
		check_changes(all[i].changes);
		journal_record_clear(&all[i]);
	}
	free(all);
}

static void mend(uint8_t *data, size_t size)
{
	size_t at = JOURNAL_MAGIC_LEN;

	if (size < at)
		return;
	memcpy(data, JOURNAL_MAGIC, JOURNAL_MAGIC_LEN);
	while (at + JOURNAL_HEAD <= size) {
		size_t len = data[at] | (size_t)data[at + 1] << 8;
		uint32_t crc;

		data[at + 2] = data[at + 3] = 0;
		if (len > size - at - JOURNAL_HEAD)
			return;
		crc = crc32c(crc32c(0, data + at, 4), data + at + 8, JOURNAL_HEAD - 8 + len);
		for (unsigned i = 0; i < 4; i++)
			data[at + 4 + i] = (uint8_t)(crc >> (8 * i));
		at += JOURNAL_HEAD + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert(copy);
	memcpy(copy, data, size);
	check(copy, size);
	mend(copy, size);
	check(copy, size);
	free(copy);
	return 0;
}
