/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tls/hello.h"

/* What hello_read may write to. */
extern uint8_t hello_scratch[HELLO_SCRATCH];

/* Reads from a buffer of exactly len bytes, so that ASan sees a read past it. */
enum hello_status
hello_read_exact(struct hello *h, const uint8_t *at, size_t len, size_t *need, uint8_t *alert);

/* Bytes that are put together. */
struct maker {
	uint8_t at[70000];
	size_t len;
};

void maker_put(struct maker *m, const void *bytes, size_t len);
void maker_put16(struct maker *m, size_t v);

/* Everything before the extensions of a hello: TLS 1.2, one suite, null compression. */
#define FRONT                              \
	"\x03\x03"                         \
	"0123456789abcdef0123456789abcdef" \
	"\x00"                             \
	"\x00\x02\x13\x01"                 \
	"\x01\x00"
#define FRONT_LEN (sizeof(FRONT) - 1)

/* A record with a handshake message of that type and body, in the place of what m had. */
void maker_stream(struct maker *m, uint8_t type, const void *body, size_t len);

/* The same with a hello with these extensions (type, length and body of each). */
void maker_hello(struct maker *m, const void *extensions, size_t len);

/* What m has is refused with this alert; 0: it is accepted. */
void assert_hello_alert(const struct maker *m, uint8_t wanted, const char *what);
