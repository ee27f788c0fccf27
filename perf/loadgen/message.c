/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "perf/loadgen/message.h"

#include <stdio.h>
#include <string.h>

/*
 * A prime, so that no record, segment or buffer size divides it. Longest run: at least RUN bytes, so
 * that a full record is sealed from one piece.
 */
#define PERIOD 16381
#define RUN    16384

static uint8_t pattern[PERIOD + RUN];

void message_init(void)
{
	uint64_t x = UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	for (size_t i = 0; i < PERIOD; i++) {
		uint64_t z = x += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		pattern[i] = (uint8_t)(z >> 32);
	}
	for (size_t i = 0; i < RUN; i++)
		pattern[PERIOD + i] = pattern[i];
}

void message_request(struct message *m, uint64_t body_len)
{
	memset(m, 0, sizeof(*m));
	m->has_id = true;
	m->body_len = body_len;
	m->before_len =
	    (uint32_t)snprintf(m->before, sizeof(m->before), "%s /", body_len > 0 ? "PUT" : "GET");
	m->after_len = (uint32_t)snprintf(m->after, sizeof(m->after),
	    " HTTP/1.1\r\nHost: www.lab.test\r\nUser-Agent: loadgen\r\nAccept: */*\r\n"
	    "Content-Length: %llu\r\n\r\n",
	    (unsigned long long)body_len);
}

void message_answer(struct message *m, uint64_t body_len)
{
	memset(m, 0, sizeof(*m));
	m->has_id = true;
	m->body_len = body_len;
	m->before_len = (uint32_t)snprintf(
	    m->before, sizeof(m->before), "HTTP/1.1 200 OK\r\nServer: loadgen\r\nETag: \"");
	m->after_len = (uint32_t)snprintf(m->after, sizeof(m->after),
	    "\"\r\nContent-Type: application/octet-stream\r\nContent-Length: %llu\r\n\r\n",
	    (unsigned long long)body_len);
}

void message_byte(struct message *m)
{
	memset(m, 0, sizeof(*m));
	m->body_len = 1;
}

static uint32_t id_len(const struct message *m)
{
	return m->has_id ? MESSAGE_ID : 0;
}

uint64_t message_len(const struct message *m)
{
	return m->before_len + id_len(m) + m->after_len + m->body_len;
}

bool message_in_id(const struct message *m, uint64_t at)
{
	return m->has_id && at >= m->before_len && at < m->before_len + MESSAGE_ID;
}

void message_id(char id[MESSAGE_ID], uint32_t number)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < MESSAGE_ID; i++)
		id[i] = digits[number >> (28 - 4 * i) & 15];
}

/* Where the body of this exchange begins in the pattern: any spread will do. */
static size_t start_of(const struct message *m, const char id[MESSAGE_ID])
{
	uint64_t number;

	if (!m->has_id)
		return 0;
	memcpy(&number, id, sizeof(number));
	return (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) % PERIOD;
}

const uint8_t *
message_run(const struct message *m, uint64_t at, const char id[MESSAGE_ID], size_t *run)
{
	const uint64_t id_at = m->before_len, after_at = id_at + id_len(m);
	const uint64_t body_at = after_at + m->after_len;
	size_t offset;

	if (at < id_at) {
		*run = id_at - at;
		return (const uint8_t *)m->before + at;
	}
	if (at < after_at) {
		*run = after_at - at;
		return (const uint8_t *)id + (at - id_at);
	}
	if (at < body_at) {
		*run = body_at - at;
		return (const uint8_t *)m->after + (at - after_at);
	}
	at -= body_at;
	offset = (start_of(m, id) + at) % PERIOD;
	*run = sizeof(pattern) - offset;
	if (*run > m->body_len - at)
		*run = m->body_len - at;
	return pattern + offset;
}

bool message_check(const struct message *m, uint64_t at, const char id[MESSAGE_ID],
    const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		size_t run;
		const uint8_t *want = message_run(m, at, id, &run);

		if (run > len)
			run = len;
		if (memcmp(bytes, want, run) != 0)
			return false;
		bytes += run;
		at += run;
		len -= run;
	}
	return true;
}

size_t message_fill(
    const struct message *m, uint64_t at, const char id[MESSAGE_ID], uint8_t *to, size_t len)
{
	const uint64_t end = message_len(m);
	size_t done = 0;

	while (done < len && at < end) {
		size_t run;
		const uint8_t *from = message_run(m, at, id, &run);

		if (run > len - done)
			run = len - done;
		memcpy(to + done, from, run);
		done += run;
		at += run;
	}
	return done;
}
