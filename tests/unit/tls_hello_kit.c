/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/tls_hello_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint8_t hello_scratch[HELLO_SCRATCH];

enum hello_status
hello_read_exact(struct hello *h, const uint8_t *at, size_t len, size_t *need, uint8_t *alert)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct iovec in = { exact, len };
	enum hello_status status;

	memcpy(exact, at, len);
	status = hello_read(h, &in, 1, hello_scratch, need, alert);
	free(exact);
	return status;
}

void maker_put(struct maker *m, const void *bytes, size_t len)
{
	assert_true(m->len + len <= sizeof(m->at));
	memcpy(m->at + m->len, bytes, len);
	m->len += len;
}

void maker_put16(struct maker *m, size_t v)
{
	maker_put(m, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

void maker_stream(struct maker *m, uint8_t type, const void *body, size_t len)
{
	m->len = 0;
	maker_put(m, "\x16\x03\x01", 3);
	maker_put16(m, len + 4);
	maker_put(
	    m, (uint8_t[]){ type, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len }, 4);
	maker_put(m, body, len);
}

void maker_hello(struct maker *m, const void *extensions, size_t len)
{
	static struct maker body;

	body.len = 0;
	maker_put(&body, FRONT, FRONT_LEN);
	maker_put16(&body, len);
	maker_put(&body, extensions, len);
	maker_stream(m, 1, body.at, body.len);
}

void assert_hello_alert(const struct maker *m, uint8_t wanted, const char *what)
{
	struct hello h;
	uint8_t alert = 0;
	size_t need;
	enum hello_status status = hello_read_exact(&h, m->at, m->len, &need, &alert);

	if (wanted == 0 ? status != HELLO_OK : status != HELLO_BAD || alert != wanted)
		fail_msg("%s: status %d, alert %u, wanted %u", what, status, alert, wanted);
}
