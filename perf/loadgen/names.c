/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "perf/loadgen/names.h"

#include <string.h>

#define DIGIT_MARK '#'

bool names_fit(const char *pattern, uint32_t n)
{
	const char *run = strchr(pattern, DIGIT_MARK);
	uint64_t room = 1;
	size_t width;

	if (run == NULL || n == 0 || strlen(pattern) >= NAMES_MAX_BYTES)
		return false;
	width = strspn(run, "#");
	for (size_t i = 0; i < width && room < n; i++)
		room *= 10;
	return room >= n && strchr(run + width, DIGIT_MARK) == NULL;
}

void names_make(char to[NAMES_MAX_BYTES], const char *pattern, uint32_t i)
{
	size_t len = strlen(pattern);

	memcpy(to, pattern, len + 1);
	/* From the last digit on: what is left over are leading zeros. */
	while (len-- > 0) {
		if (pattern[len] != DIGIT_MARK)
			continue;
		to[len] = (char)('0' + i % 10);
		i /= 10;
	}
}
