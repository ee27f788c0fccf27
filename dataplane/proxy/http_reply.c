/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/http_reply.h"

#include <string.h>
#include <strings.h>

enum state {
	STATUS_LINE,
	FIELDS,
	CHUNK_SIZE,
	CHUNK_REST, /* of the size's line: extensions */
	CHUNK_DATA,
	CHUNK_END, /* the line break behind it */
	BODY,      /* of known length */
	BODY_TO_END,
	DONE,
	BAD,
};

void http_text_init(struct http_text *t, const char *text, size_t len)
{
	unsigned k = 0;

	memset(t, 0, sizeof(*t));
	memcpy(t->text, text, len);
	t->len = (uint8_t)len;
	for (unsigned i = 1; i < len; i++) {
		while (k > 0 && t->text[i] != t->text[k])
			k = t->back[k - 1];
		if (t->text[i] == t->text[k])
			k++;
		t->back[i] = (uint8_t)k;
	}
}

void http_reply_init(struct http_reply *r)
{
	memset(r, 0, sizeof(*r));
}

static void body_byte(struct http_reply *r, const struct http_text *text, uint8_t c)
{
	unsigned k = r->matched;

	while (k > 0 && text->text[k] != c)
		k = text->back[k - 1];
	if (text->text[k] == c)
		k++;
	r->found = k == text->len;
	r->matched = (uint8_t)k;
	if (r->found || ++r->body >= HTTP_BODY_MAX)
		r->state = DONE;
}

/* "HTTP/1.1 200 OK": RFC 9112 4. */
static bool read_status(struct http_reply *r)
{
	const char *l = r->line;

	if (r->line_len < 12 || memcmp(l, "HTTP/1.", 7) != 0 || (l[7] != '0' && l[7] != '1') ||
	    l[8] != ' ' || (r->line_len > 12 && l[12] != ' '))
		return false;
	r->status = 0;
	for (unsigned i = 9; i < 12; i++) {
		if (l[i] < '0' || l[i] > '9')
			return false;
		r->status = (uint16_t)(r->status * 10 + (l[i] - '0'));
	}
	return r->status >= 100;
}

/* The field's value when the line is one of that name; NULL: another. */
static const char *value_of(struct http_reply *r, const char *name, size_t *len)
{
	size_t n = strlen(name);
	const char *at = r->line + n, *end = r->line + r->line_len;

	if (r->line_len < n || strncasecmp(r->line, name, n) != 0)
		return NULL;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*len = (size_t)(end - at);
	return at;
}

static bool read_length(struct http_reply *r, const char *at, size_t len)
{
	uint64_t value = 0;

	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(at[i] - '0');
	}
	if (r->has_length && r->left != value)
		return false; /* RFC 9112 6.3: two lengths are an attack or a bug */
	r->has_length = true;
	r->left = value;
	return true;
}

static bool read_field(struct http_reply *r)
{
	const char *at;
	size_t len;

	if ((at = value_of(r, "content-length:", &len)) != NULL)
		return read_length(r, at, len);
	if ((at = value_of(r, "transfer-encoding:", &len)) != NULL) {
		/* Others than chunked were not asked for. */
		r->chunked = len == 7 && strncasecmp(at, "chunked", 7) == 0;
		return r->chunked;
	}
	return true;
}

/* The empty line: what follows? */
static enum state after_fields(struct http_reply *r, const struct http_text *text)
{
	if (r->status < 200 && r->status != 101) { /* RFC 9110 15.2: the real answer follows */
		r->has_length = false;
		r->chunked = false;
		return STATUS_LINE;
	}
	if (text->len == 0 || r->status == 204 || r->status == 304 || r->status == 101)
		return DONE;
	if (r->chunked) { /* goes before a length: RFC 9112 6.3 */
		r->left = 0;
		r->any_digit = false;
		return CHUNK_SIZE;
	}
	if (!r->has_length)
		return BODY_TO_END;
	return r->left > 0 ? BODY : DONE;
}

static void head_byte(struct http_reply *r, const struct http_text *text, uint8_t c)
{
	if (++r->head > HTTP_HEAD_MAX) {
		r->state = BAD;
		return;
	}
	if (c != '\n') {
		if (r->line_len < HTTP_LINE)
			r->line[r->line_len++] = (char)c;
		return;
	}
	if (r->line_len > 0 && r->line[r->line_len - 1] == '\r')
		r->line_len--;
	if (r->state == STATUS_LINE)
		r->state = read_status(r) ? FIELDS : BAD;
	else if (r->line_len == 0)
		r->state = (uint8_t)after_fields(r, text);
	else if (!read_field(r))
		r->state = BAD;
	r->line_len = 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The line with a chunk's size, up to its end. */
static void chunk_size_byte(struct http_reply *r, uint8_t c)
{
	int digit = hex_digit(c);

	if (++r->head > HTTP_HEAD_MAX) {
		r->state = BAD;
	} else if (r->state == CHUNK_SIZE && digit >= 0 && r->left < UINT64_C(1) << 56) {
		r->left = r->left * 16 + (unsigned)digit;
		r->any_digit = true;
	} else if (c == '\n') {
		r->state = !r->any_digit ? BAD : r->left > 0 ? CHUNK_DATA : DONE;
	} else if (r->state == CHUNK_SIZE && c != '\r' && c != ';' && c != ' ' && c != '\t') {
		r->state = BAD;
	} else {
		r->state = CHUNK_REST;
	}
}

static void take_byte(struct http_reply *r, const struct http_text *text, uint8_t c)
{
	switch ((enum state)r->state) {
	case STATUS_LINE:
	case FIELDS:
		head_byte(r, text, c);
		break;
	case CHUNK_SIZE:
	case CHUNK_REST:
		chunk_size_byte(r, c);
		break;
	case CHUNK_DATA:
		body_byte(r, text, c);
		if (--r->left == 0 && r->state == CHUNK_DATA)
			r->state = CHUNK_END;
		break;
	case CHUNK_END:
		if (c == '\n') {
			r->any_digit = false;
			r->state = CHUNK_SIZE;
		} else if (c != '\r') {
			r->state = BAD;
		}
		break;
	case BODY:
		body_byte(r, text, c);
		if (--r->left == 0)
			r->state = DONE;
		break;
	case BODY_TO_END:
		body_byte(r, text, c);
		break;
	case DONE:
	case BAD:
		break;
	}
}

static enum http_reply_status status_of(const struct http_reply *r)
{
	return r->state == DONE ? HTTP_DONE : r->state == BAD ? HTTP_BAD : HTTP_MORE;
}

enum http_reply_status
http_reply_read(struct http_reply *r, const struct http_text *text, const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n && r->state != DONE && r->state != BAD; i++)
		take_byte(r, text, at[i]);
	return status_of(r);
}

enum http_reply_status http_reply_end(struct http_reply *r)
{
	if (r->state == BODY_TO_END)
		r->state = DONE;
	else if (r->state != DONE)
		r->state = BAD;
	return status_of(r);
}
