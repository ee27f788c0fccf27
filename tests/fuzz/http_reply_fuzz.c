/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/proxy/http_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: length of the pieces. The same answer must come out of any pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_reply whole, pieces;
	struct http_text text;
	size_t step;

	if (size < 1)
		return 0;
	step = data[0] + 1u;
	data++;
	size--;
	http_text_init(&text, "abab ac", 7);
	http_reply_init(&whole);
	http_reply_init(&pieces);
	http_reply_read(&whole, &text, data, size);
	for (size_t at = 0; at < size; at += step)
		http_reply_read(&pieces, &text, data + at, at + step < size ? step : size - at);
	assert(http_reply_end(&whole) == http_reply_end(&pieces));
	assert(whole.status == pieces.status && whole.found == pieces.found);
	return 0;
}
