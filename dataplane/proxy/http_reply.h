/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads the answer to a health check (RFC 9112), in pieces of any size: the status, and whether its body holds a text.
 * The target may be broken or hostile: no piece of its answer is kept but the start of a line.
 */

#define HTTP_TEXT_MAX 128          /* bytes of the text that is looked for */
#define HTTP_LINE     64           /* bytes of a line that matter */
#define HTTP_HEAD_MAX 16384        /* status line and fields, of all interim answers too */
#define HTTP_BODY_MAX (256 * 1024) /* of the body that are looked at */

/* A text to be found, prepared (Knuth, Morris, Pratt 1977). */
struct http_text {
	uint8_t text[HTTP_TEXT_MAX];
	uint8_t back[HTTP_TEXT_MAX]; /* how much of it still matches when the byte at i does not */
	uint8_t len;                 /* 0: nothing is looked for */
};

/* len <= HTTP_TEXT_MAX. */
void http_text_init(struct http_text *t, const char *text, size_t len);

enum http_reply_status {
	HTTP_MORE,
	HTTP_DONE, /* status and found are final */
	HTTP_BAD,  /* this is not HTTP */
};

struct http_reply {
	uint16_t status;
	bool found; /* the text; false also when nothing was looked for */

	/* Private. */
	uint8_t state, matched;
	bool chunked, has_length, any_digit;
	uint32_t head, body; /* bytes so far */
	uint64_t left;       /* of the body or the chunk */
	uint8_t line_len;
	char line[HTTP_LINE];
};

void http_reply_init(struct http_reply *r);

/* Takes the next n bytes. text must be the same in all calls. After HTTP_DONE or HTTP_BAD it stays that. */
enum http_reply_status
http_reply_read(struct http_reply *r, const struct http_text *text, const uint8_t *at, size_t n);

/* The stream is over: HTTP_DONE when the answer may end so, else HTTP_BAD. */
enum http_reply_status http_reply_end(struct http_reply *r);
