/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/http_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK     "HTTP/1.1 200 OK\r\n"
#define CHUNKS OK "Transfer-Encoding: chunked\r\n\r\n"

/* end: the stream ends behind the answer. */
static const struct {
	const char *name, *answer, *text;
	bool end;
	enum http_reply_status wanted;
	unsigned status;
	bool found;
} cases[] = {
	{ "status alone", OK "\r\n", "", false, HTTP_DONE, 200, false },
	{ "no reason", "HTTP/1.1 204\r\n\r\n", "", false, HTTP_DONE, 204, false },
	{ "reason is empty", "HTTP/1.0 503 \r\n\r\n", "", false, HTTP_DONE, 503, false },
	{ "bare line feeds", "HTTP/1.1 301 Moved\nLocation: /\n\n", "", false, HTTP_DONE, 301,
	    false },
	{ "head not over", OK "Server: x\r\n", "", false, HTTP_MORE, 200, false },
	{ "ends in the head", OK "Server: x\r\n", "", true, HTTP_BAD, 200, false },
	{ "nothing", "", "", true, HTTP_BAD, 0, false },
	{ "ssh", "SSH-2.0-OpenSSH_9.2p1\r\n", "", false, HTTP_BAD, 0, false },
	{ "http/2", "HTTP/2 200\r\n\r\n", "", false, HTTP_BAD, 0, false },
	{ "status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "", false, HTTP_BAD, 0, false },
	{ "status of four digits", "HTTP/1.1 2000\r\n\r\n", "", false, HTTP_BAD, 0, false },
	{ "status below 100", "HTTP/1.1 099 x\r\n\r\n", "", false, HTTP_BAD, 99, false },
	{ "interim", "HTTP/1.1 100 Continue\r\nContent-Length: 4\r\n\r\nHTTP/1.1 404 x\r\n\r\n", "",
	    false, HTTP_DONE, 404, false },
	{ "interim, then nothing", "HTTP/1.1 103 Hints\r\n\r\n", "", true, HTTP_BAD, 103, false },
	{ "length", OK "Content-Length: 5\r\n\r\nhello", "ell", false, HTTP_DONE, 200, true },
	{ "beyond the length", OK "Content-Length: 3\r\n\r\nhello", "hello", false, HTTP_DONE, 200,
	    false },
	{ "length zero", OK "content-length:\t 0 \r\n\r\n", "x", false, HTTP_DONE, 200, false },
	{ "ends before its length", OK "Content-Length: 9\r\n\r\nhello", "x", true, HTTP_BAD, 200,
	    false },
	{ "same length twice", OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", "ok", false,
	    HTTP_DONE, 200, true },
	{ "two lengths", OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", "ok", false,
	    HTTP_BAD, 200, false },
	{ "negative length", OK "Content-Length: -1\r\n\r\n", "x", false, HTTP_BAD, 200, false },
	{ "huge length", OK "Content-Length: 99999999999999999999\r\n\r\n", "x", false, HTTP_BAD,
	    200, false },
	{ "no length", OK "\r\nall is well", "well", true, HTTP_DONE, 200, true },
	{ "no length, not found", OK "\r\nall is well", "ill", true, HTTP_DONE, 200, false },
	{ "no length, goes on", OK "\r\nall is we", "well", false, HTTP_MORE, 200, false },
	{ "no body with 304", "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", "x", false, HTTP_DONE,
	    304, false },
	{ "chunks", CHUNKS "5\r\nhello\r\n0\r\n\r\n", "hello", false, HTTP_DONE, 200, true },
	{ "over chunks", CHUNKS "2\r\nhe\r\n1;a=b\r\nl\r\n00002 \r\nlo\r\n0\r\n", "hello", false,
	    HTTP_DONE, 200, true },
	{ "chunks are not text", CHUNKS "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "\r\n", false,
	    HTTP_DONE, 200, false },
	{ "chunk without size", CHUNKS "\r\nhello", "x", false, HTTP_BAD, 200, false },
	{ "chunk too long", CHUNKS "2\r\nhello\r\n", "x", false, HTTP_BAD, 200, false },
	{ "chunk size no number", CHUNKS "2x\r\nhe\r\n", "x", false, HTTP_BAD, 200, false },
	{ "chunk size overflows", CHUNKS "fffffffffffffffffff\r\n", "x", false, HTTP_BAD, 200,
	    false },
	{ "ends in a chunk", CHUNKS "5\r\nhe", "x", true, HTTP_BAD, 200, false },
	{ "chunks go before a length",
	    OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
	    "hello", false, HTTP_DONE, 200, true },
	{ "unknown encoding", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "x", false, HTTP_BAD,
	    200, false },
	{ "text with a repeating start", OK "\r\nabababac", "ababac", false, HTTP_DONE, 200, true },
	{ "text in the head does not count", OK "X: well\r\nContent-Length: 1\r\n\r\nx", "well",
	    false, HTTP_DONE, 200, false },
};

static void each_case_in_pieces_of_any_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].answer);
		struct http_text text;

		http_text_init(&text, cases[i].text, strlen(cases[i].text));
		for (size_t step = 1; step <= len + 1; step++) {
			enum http_reply_status is = HTTP_MORE;
			struct http_reply r;

			http_reply_init(&r);
			for (size_t at = 0; at < len; at += step)
				is = http_reply_read(&r, &text,
				    (const uint8_t *)cases[i].answer + at,
				    at + step < len ? step : len - at);
			if (cases[i].end)
				is = http_reply_end(&r);
			if (is != cases[i].wanted || r.found != cases[i].found ||
			    (is != HTTP_BAD && r.status != cases[i].status))
				fail_msg("%s, in steps of %zu: %d %u %d", cases[i].name, step, is,
				    r.status, r.found);
		}
	}
}

/* What never ends is given up: a head, and a body. */
static void what_never_ends_is_given_up(void **state)
{
	static const uint8_t line[] = "X-Padding: 0123456789012345678901234567890123456789\r\n";
	enum http_reply_status is = HTTP_MORE;
	struct http_reply r;
	struct http_text text;
	size_t n = 0;

	(void)state;
	http_text_init(&text, "needle", 6);
	http_reply_init(&r);
	http_reply_read(&r, &text, (const uint8_t *)OK, strlen(OK));
	for (; is == HTTP_MORE && n < 10 * HTTP_HEAD_MAX; n += sizeof(line) - 1)
		is = http_reply_read(&r, &text, line, sizeof(line) - 1);
	assert_int_equal(is, HTTP_BAD);
	assert_in_range(n, HTTP_HEAD_MAX - 100, HTTP_HEAD_MAX + 100);

	http_reply_init(&r);
	is = http_reply_read(&r, &text, (const uint8_t *)OK "\r\n", strlen(OK "\r\n"));
	for (n = 0; is == HTTP_MORE && n < 10 * HTTP_BODY_MAX; n += sizeof(line) - 1)
		is = http_reply_read(&r, &text, line, sizeof(line) - 1);
	assert_int_equal(is, HTTP_DONE);
	assert_false(r.found);
	assert_in_range(n, HTTP_BODY_MAX - 100, HTTP_BODY_MAX + 100);
}

/* Against the simplest search there is, for every text over two letters of up to six. */
static void texts_are_found_wherever_they_are(void **state)
{
	(void)state;
	for (unsigned len = 1; len <= 6; len++)
		for (unsigned bits = 0; bits < 1u << len; bits++)
			for (unsigned body = 0; body < 1u << 12; body += 7) {
				char text[7] = "", all[64] = OK "\r\n", hay[13] = "";
				struct http_reply r;
				struct http_text t;

				for (unsigned i = 0; i < len; i++)
					text[i] = bits >> i & 1 ? 'a' : 'b';
				for (unsigned i = 0; i < 12; i++)
					hay[i] = body >> i & 1 ? 'a' : 'b';
				strcat(all, hay);
				http_text_init(&t, text, len);
				http_reply_init(&r);
				http_reply_read(&r, &t, (const uint8_t *)all, strlen(all));
				assert_int_equal(http_reply_end(&r), HTTP_DONE);
				assert_int_equal(r.found, strstr(hay, text) != NULL);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_in_pieces_of_any_size),
		cmocka_unit_test(what_never_ends_is_given_up),
		cmocka_unit_test(texts_are_found_wherever_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
