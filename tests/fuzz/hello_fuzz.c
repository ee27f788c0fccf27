/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The same bytes whole, cut in two and grown: the answers must agree and stay inside the message. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t scratch[HELLO_SCRATCH];

static void check_inside(const void *at, size_t len)
{
	const uint8_t *p = at;

	assert(len == 0 || (p >= scratch && p + len <= scratch + sizeof(scratch)));
}

static void check_facts(const struct hello *h)
{
	check_inside(h->message, h->message_len);
	check_inside(h->random, 32);
	check_inside(h->session_id, h->session_id_len);
	check_inside(h->suites.at, 2 * (size_t)h->suites.n);
	check_inside(h->versions.at, 2 * (size_t)h->versions.n);
	check_inside(h->groups.at, 2 * (size_t)h->groups.n);
	check_inside(h->sigalgs.at, 2 * (size_t)h->sigalgs.n);
	check_inside(h->sigalgs_cert.at, 2 * (size_t)h->sigalgs_cert.n);
	check_inside(h->key_shares.at, 2 * (size_t)h->key_shares.n);
	check_inside(h->extensions.at, 2 * (size_t)h->extensions.n);
	check_inside(h->point_formats, h->n_point_formats);
	check_inside(h->alpn, h->alpn_len);
	for (size_t i = 0; i < h->alpn_len; i += 1 + (size_t)h->alpn[i])
		assert(h->alpn[i] > 0 && i + h->alpn[i] < h->alpn_len);
	assert(strlen(h->sni) == h->sni_len);
	assert(h->suites.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello whole, h;
	struct iovec in[2] = { { (void *)(uintptr_t)data, size }, { NULL, 0 } };
	size_t need = 0, cut;
	uint8_t alert = 0, alert_cut = 0;
	enum hello_status status = hello_read(&whole, in, 1, scratch, &need, &alert), again;

	if (status == HELLO_OK)
		check_facts(&whole);
	else if (status == HELLO_BAD)
		assert(alert != 0);
	else
		assert(need > size);
	if (size == 0)
		return 0;

	/* Cut somewhere that depends on the input: nothing changes. */
	cut = (data[0] + data[size / 2] + data[size - 1]) % size;
	in[0].iov_len = cut;
	in[1] = (struct iovec){ (void *)(uintptr_t)(data + cut), size - cut };
	again = hello_read(&h, in, 2, scratch, &need, &alert_cut);
	assert(again == status && (status != HELLO_BAD || alert == alert_cut));
	if (status == HELLO_OK)
		assert(h.message_len == whole.message_len && strcmp(h.sni, whole.sni) == 0);

	/* A part of it: what was good is not bad now, and need does not ask for too much. */
	again = hello_read(&h, in, 1, scratch, &need, &alert);
	if (status == HELLO_OK)
		assert(again == HELLO_OK || (again == HELLO_MORE && need > cut && need <= size));
	return 0;
}
