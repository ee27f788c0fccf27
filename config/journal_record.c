/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/journal_record.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/err.h"

/*
 * The text of a record: an object with everything but the changes, a line feed, the changes, in which there is none; then for
 * each content a line feed, its digest, a space, its length, a line feed, its bytes.
 */

static void put_le(uint8_t *at, uint64_t x, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(x >> (8 * i));
}

static uint64_t get_le(const uint8_t *at, unsigned bytes)
{
	uint64_t x = 0;

	for (unsigned i = 0; i < bytes; i++)
		x |= (uint64_t)at[i] << (8 * i);
	return x;
}

static uint32_t record_crc(const uint8_t *record, size_t len)
{
	uint32_t crc = crc32c(0, record, 4);

	return crc32c(crc, record + 8, JOURNAL_HEAD - 8 + len);
}

void journal_record_clear(struct journal_record *r)
{
	free(r->action);
	free(r->who);
	free(r->key);
	free(r->changes);
	memset(r, 0, sizeof(*r));
}

static char *encode_head(const struct journal_record *r)
{
	json_t *o = json_pack("{s:I, s:b, s:s, s:s, s:s, s:s, s:s, s:s}", "time",
	    (json_int_t)r->time, "full", r->full, "file", r->file, "disk", r->disk, "action",
	    r->action, "who", r->who, "key", r->key ? r->key : "", "request", r->request);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return text;
}

#define CONTENT_HEAD_MAX (DIGEST_TEXT + 32)

static size_t content_head(char head[CONTENT_HEAD_MAX], const struct journal_content *c)
{
	return (size_t)snprintf(head, CONTENT_HEAD_MAX, "\n%s %zu\n", c->name, c->len);
}

uint8_t *journal_encode(
    const struct journal_record *r, const struct journal_content *contents, unsigned n, size_t *len)
{
	char *head = encode_head(r), line[CONTENT_HEAD_MAX];
	size_t head_len = head ? strlen(head) : 0, changes_len = strlen(r->changes);
	size_t text = head_len + 1 + changes_len;
	uint8_t *record = NULL, *at;

	for (unsigned i = 0; i < n; i++)
		text += content_head(line, &contents[i]) + contents[i].len;

	if (head && text <= JOURNAL_MAX_RECORD)
		record = malloc(JOURNAL_HEAD + text);
	if (record) {
		put_le(record, text, 4);
		put_le(record + 8, r->generation, 8);
		memcpy(record + JOURNAL_HEAD, head, head_len);
		record[JOURNAL_HEAD + head_len] = '\n';
		memcpy(record + JOURNAL_HEAD + head_len + 1, r->changes, changes_len);
		at = record + JOURNAL_HEAD + head_len + 1 + changes_len;
		for (unsigned i = 0; i < n; i++) {
			size_t line_len = content_head(line, &contents[i]);

			memcpy(at, line, line_len);
			memcpy(at + line_len, contents[i].data, contents[i].len);
			at += line_len + contents[i].len;
		}
		put_le(record + 4, record_crc(record, text), 4);
		*len = JOURNAL_HEAD + text;
	}
	free(head);
	return record;
}

static int take_string(char **to, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	*to = text ? strdup(text) : NULL;
	return *to ? 0 : -1;
}

/* "" or a digest. */
static int take_digest(char to[DIGEST_TEXT], const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	size_t len = text ? strlen(text) : 1;

	if ((len != 0 && len != DIGEST_TEXT - 1) || strspn(text, "0123456789abcdef") != len)
		return -1;
	memcpy(to, text, len + 1);
	return 0;
}

static bool are_hex(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
			return false;
	return true;
}

/* Takes the next content off *text; 1, 0: there is none, or -1: it is malformed. */
static int take_content(const char **text, size_t *len, struct journal_content *c)
{
	const size_t digest = DIGEST_TEXT - 1;
	const char *at = *text;
	size_t left = *len, n = 0, digits = 0;

	if (left == 0)
		return 0;
	if (left < digest + 4 || at[0] != '\n' || at[1 + digest] != ' ' || !are_hex(at + 1, digest))
		return -1;
	memcpy(c->name, at + 1, digest);
	c->name[digest] = '\0';
	at += digest + 2;
	left -= digest + 2;
	for (; digits < left && digits < 10 && at[digits] >= '0' && at[digits] <= '9'; digits++)
		n = 10 * n + (size_t)(at[digits] - '0');
	if (digits == 0 || digits == left || at[digits] != '\n' || n > left - digits - 1)
		return -1;
	c->data = at + digits + 1;
	c->len = n;
	*text = at + digits + 1 + n;
	*len = left - digits - 1 - n;
	return 1;
}

/* Behind the changes: the contents, all of len bytes. */
static int check_contents(const char *text, size_t len)
{
	struct journal_content c;
	int found;

	while ((found = take_content(&text, &len, &c)) > 0)
		;
	return found;
}

static int decode_text(struct journal_record *r, const char *text, size_t len)
{
	const char *feed = memchr(text, '\n', len), *changes, *end;
	size_t left;
	json_t *o =
	    feed ? json_loadb(text, (size_t)(feed - text), JSON_REJECT_DUPLICATES, NULL) : NULL;
	int result = -1;

	if (!json_is_object(o))
		goto out;
	r->time = json_integer_value(json_object_get(o, "time"));
	r->full = json_is_true(json_object_get(o, "full"));
	if (take_digest(r->file, o, "file") < 0 || take_digest(r->disk, o, "disk") < 0 ||
	    take_digest(r->request, o, "request") < 0 || take_string(&r->action, o, "action") < 0 ||
	    take_string(&r->who, o, "who") < 0 || take_string(&r->key, o, "key") < 0)
		goto out;
	changes = feed + 1;
	left = len - (size_t)(changes - text);
	end = memchr(changes, '\n', left);
	if (!end)
		end = changes + left;
	r->changes = strndup(changes, (size_t)(end - changes));
	result = r->changes ? check_contents(end, len - (size_t)(end - text)) : -1;
out:
	json_decref(o);
	return result;
}

/* Bytes of the record at data, or 0 when it is not whole and sound. */
static size_t record_size(const uint8_t *data, size_t len)
{
	size_t text;

	if (len < JOURNAL_HEAD)
		return 0;
	text = get_le(data, 4);
	if (text > JOURNAL_MAX_RECORD || text > len - JOURNAL_HEAD ||
	    record_crc(data, text) != get_le(data + 4, 4))
		return 0;
	return JOURNAL_HEAD + text;
}

/* 0, or -1 when it does not follow the one before: nothing that we wrote. */
static int decode(
    struct journal_record *r, const uint8_t *data, size_t size, const struct journal_record *before)
{
	memset(r, 0, sizeof(*r));
	r->generation = get_le(data + 8, 8);
	if (decode_text(r, (const char *)data + JOURNAL_HEAD, size - JOURNAL_HEAD) == 0 &&
	    (before ? r->generation == before->generation + 1 : r->full && r->generation > 0))
		return 0;
	journal_record_clear(r);
	return -1;
}

/*
 * Is there a sound record behind the unsound one? Then that was not the last write. Only places whose
 * generation could be right are looked at closely.
 */
static bool has_more(const uint8_t *data, size_t len, uint64_t last)
{
	for (size_t at = 1; at + JOURNAL_HEAD <= len; at++) {
		uint64_t generation = get_le(data + at + 8, 8);

		if (generation > last && generation - last < 1000000 &&
		    record_size(data + at, len - at))
			return true;
	}
	return false;
}

struct journal_record *
journal_read(const uint8_t *data, size_t len, unsigned *n, size_t *good, struct err *notes)
{
	struct journal_record *all = malloc(sizeof(*all)), *more;
	size_t at = JOURNAL_MAGIC_LEN, size;
	unsigned room = 1;

	*n = 0;
	*good = 0;
	if (!all || len < JOURNAL_MAGIC_LEN ||
	    (memcmp(data, JOURNAL_MAGIC, JOURNAL_MAGIC_LEN) != 0 &&
		memcmp(data, JOURNAL_MAGIC_1, JOURNAL_MAGIC_LEN) != 0)) {
		if (all && len > 0)
			err_set(notes, "journal: this is no journal; it is put aside");
		return all;
	}
	while (at < len && (size = record_size(data + at, len - at)) != 0) {
		if (*n == room) {
			more = reallocarray(all, 2 * room, sizeof(*all));
			if (!more)
				break;
			all = more;
			room *= 2;
		}
		if (decode(&all[*n], data + at, size, *n ? &all[*n - 1] : NULL) < 0)
			break;
		(*n)++;
		at += size;
	}
	*good = at;
	if (at < len) {
		uint64_t last = *n ? all[*n - 1].generation : 0;
		bool is_torn =
		    !record_size(data + at, len - at) && !has_more(data + at, len - at, last);

		err_set(notes,
		    is_torn
			? "journal: the last %zu bytes are the beginning of a change that was never "
			  "acknowledged; they are cut off, generation %llu is in force"
			: "journal: %zu bytes from the end it is damaged; generation %llu, the last "
			  "good one, is used and the rest put aside",
		    len - at, (unsigned long long)last);
	}
	return all;
}

int journal_contents(const uint8_t *data, size_t len,
    int (*visit)(void *arg, const struct journal_content *c), void *arg)
{
	size_t at = JOURNAL_MAGIC_LEN, size;

	for (; at < len && (size = record_size(data + at, len - at)) != 0; at += size) {
		const char *text = (const char *)data + at + JOURNAL_HEAD, *end = text;
		size_t left = size - JOURNAL_HEAD;
		struct journal_content c;

		for (unsigned lines = 0; lines < 2 && end; lines++)
			end = memchr(end + lines, '\n', left - (size_t)(end + lines - text));
		if (!end)
			continue;
		left -= (size_t)(end - text);
		while (take_content(&end, &left, &c) > 0) {
			int result = visit(arg, &c);

			if (result != 0)
				return result;
		}
	}
	return 0;
}
