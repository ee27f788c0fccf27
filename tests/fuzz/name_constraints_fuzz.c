/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two bytes of length, constraints, two bytes of length, a subject, alternative names. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/name_constraints.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A piece of its own size, so that a sanitizer sees what is read behind it. */
static struct der piece(const uint8_t **data, size_t *size, bool is_rest)
{
	size_t len = *size;
	uint8_t *copy;

	if (!is_rest) {
		len = *size >= 2 ? (size_t)(*data)[0] << 8 | (*data)[1] : 0;
		*data += *size >= 2 ? 2 : *size;
		*size -= *size >= 2 ? 2 : *size;
		if (len > *size)
			len = *size;
	}
	copy = malloc(len + !len);
	if (len > 0)
		memcpy(copy, *data, len);
	*data += len;
	*size -= len;
	return (struct der){ copy, len };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct der limits = piece(&data, &size, false);
	struct x509 x = { .subject = piece(&data, &size, false) };
	bool is_allowed;

	x.names = piece(&data, &size, true);
	is_allowed = name_constraints_allow(limits, &x);
	assert(limits.len > 0 || is_allowed);
	assert(limits.len == 0 || !is_allowed || !name_constraints_check(limits));
	free((void *)(uintptr_t)limits.at);
	free((void *)(uintptr_t)x.subject.at);
	free((void *)(uintptr_t)x.names.at);
	return 0;
}
