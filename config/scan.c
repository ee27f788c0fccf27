/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/scan.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/err.h"

/* libconfig 1.5's own limit (MAX_INCLUDE_DEPTH). */
#define MAX_INCLUDE_DEPTH 10

struct scan {
	struct err *e;
	const char *dir;
	size_t bytes;
	unsigned n_includes, include_depth;

	unsigned depth;
	unsigned n_keys[SCAN_MAX_DEPTH + 1]; /* settings so far in the group at each depth */
	bool stopped;
	unsigned n_harmless; /* mistakes that do not keep libconfig from reading the rest */

	/* The comma that was the token before, which no closing bracket may follow. */
	bool after_comma;
	const char *comma_file; /* only good while after_comma */
	unsigned comma_line;
};

struct text {
	const char *file;
	const char *at, *end;
	unsigned line;
	bool line_start; /* nothing but blanks since the line began */
};

char *scan_join(const char *dir, const char *name)
{
	char *path;

	if (!*dir || name[0] == '/')
		return strdup(name);
	if (asprintf(&path, "%s%s%s", dir, strcmp(dir, "/") == 0 ? "" : "/", name) < 0)
		return NULL;
	return path;
}

static char *read_all(int fd, size_t size, size_t *len)
{
	char *data = malloc(size + 1);
	ssize_t n = 1;

	*len = 0;
	while (data && *len < size && n > 0) {
		n = read(fd, data + *len, size - *len);
		if (n > 0)
			*len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (n < 0) {
		free(data);
		return NULL;
	}
	if (data)
		data[*len] = '\0';
	return data;
}

char *scan_read_file(const char *path, size_t *len)
{
	struct stat st;
	char *data;
	int fd, saved;

	/* Before open as well, since merely opening some devices has effects. */
	if (stat(path, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0) {
		data = NULL;
	} else if (!S_ISREG(st.st_mode) || st.st_size > (off_t)SCAN_MAX_BYTES) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		data = NULL;
	} else {
		data = read_all(fd, (size_t)st.st_size, len);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return data;
}

/* One message about size or depth is enough: the rest of the text is not looked at. */
static void stop(struct scan *s, const struct text *t, const char *why, unsigned limit)
{
	if (!s->stopped)
		err_add(s->e, t->file, t->line, "%s; the limit is %u", why, limit);
	s->stopped = true;
}

static bool starts_with(const struct text *t, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(t->end - t->at) >= len && memcmp(t->at, word, len) == 0;
}

static void skip_line(struct text *t)
{
	while (t->at < t->end && *t->at != '\n')
		t->at++;
}

static void skip_comment(struct scan *s, struct text *t)
{
	unsigned first = t->line;

	t->at += 2;
	while (t->at < t->end && !starts_with(t, "*/")) {
		t->line += *t->at == '\n';
		t->at++;
	}
	if (t->at == t->end)
		err_add(s->e, t->file, first, "the comment that begins here has no end; add '*/'");
	else
		t->at += 2;
}

static void skip_string(struct scan *s, struct text *t)
{
	unsigned first = t->line;

	for (t->at++; t->at < t->end && *t->at != '"'; t->at++) {
		if (*t->at == '\\' && t->end - t->at >= 2) {
			if (t->end - t->at >= 4 && memcmp(t->at, "\\x00", 4) == 0) {
				err_add(s->e, t->file, t->line,
				    "\"\\x00\" cannot be part of a string; remove it");
				s->n_harmless++;
			}
			t->at++;
		}
		t->line += *t->at == '\n';
	}
	if (t->at == t->end)
		err_add(s->e, t->file, first, "the string that begins here has no end; add '\"'");
	else
		t->at++;
}

/*
 * libconfig 1.5 runs atoi or strtoul on integers and keeps the low 32 bits: a core number of
 * 4294967297 would become core 1.
 */
static void check_integer(struct scan *s, const struct text *t, const char *digits, size_t len)
{
	char copy[32];
	bool is_long = false;
	long long value;
	char *end;

	while (len && digits[len - 1] == 'L') {
		is_long = true;
		len--;
	}
	if (len < sizeof(copy)) {
		memcpy(copy, digits, len);
		copy[len] = '\0';
		errno = 0;
		value = strtoll(copy, &end, strncasecmp(copy, "0x", 2) == 0 ? 16 : 10);
		if (*end)
			return; /* not a number: libconfig's to say */
		if (!errno && (is_long || (value >= INT_MIN && value <= INT_MAX)))
			return;
	}
	s->n_harmless++;
	err_add(s->e, t->file, t->line, "the number %.*s is too large for %s",
	    len < 60 ? (int)len : 60, digits, is_long ? "64 bits" : "32 bits");
}

static void skip_number(struct scan *s, struct text *t)
{
	const char *first = t->at;
	bool is_hex = t->end - t->at > 1 && first[0] == '0' && (first[1] | 0x20) == 'x';
	bool is_float = false;

	for (t->at++; t->at < t->end; t->at++) {
		char c = *t->at;

		if ((c == '+' || c == '-') && !is_hex && (t->at[-1] | 0x20) == 'e')
			continue;
		if (!isalnum((unsigned char)c) && c != '.')
			break;
		is_float = is_float || c == '.' || (!is_hex && (c | 0x20) == 'e');
	}
	if (!is_float && *first != '.')
		check_integer(s, t, first, (size_t)(t->at - first));
}

static void skip_name(struct text *t)
{
	while (t->at < t->end && (isalnum((unsigned char)*t->at) || strchr("-_*", *t->at)))
		t->at++;
}

static void scan_file_text(struct scan *s, struct text *t);

static void include_file(struct scan *s, const struct text *t, const char *name)
{
	char *path = scan_join(s->dir, name), *data;
	struct text included = { .file = path, .line = 1, .line_start = true };
	size_t len;

	if (!path) {
		err_add(s->e, t->file, t->line, "out of memory");
		s->stopped = true;
		return;
	}
	data = scan_read_file(path, &len);
	if (!data) {
		err_add(s->e, t->file, t->line, "cannot include %s: %s", path,
		    errno == EINVAL ? "not a regular file" : strerror(errno));
	} else if (s->bytes + len > SCAN_MAX_BYTES) {
		stop(s, t, "the configuration has too many bytes", SCAN_MAX_BYTES);
	} else {
		s->bytes += len;
		s->include_depth++;
		included.at = data;
		included.end = data + len;
		scan_file_text(s, &included);
		s->include_depth--;
		if (s->after_comma && s->comma_file == path) {
			s->comma_file = t->file;
			s->comma_line = t->line;
		}
	}
	free(data);
	free(path);
}

static void include(struct scan *s, struct text *t)
{
	char name[PATH_MAX];
	size_t len = 0;

	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t'))
		t->at++;
	if (t->at == t->end || *t->at != '"') {
		err_add(s->e, t->file, t->line, "@include needs a file name in double quotes");
		return;
	}
	for (t->at++; t->at < t->end && *t->at != '"' && *t->at != '\n'; t->at++) {
		if (*t->at == '\\' && t->end - t->at >= 2)
			t->at++;
		if (len < sizeof(name) - 1)
			name[len++] = *t->at;
	}
	name[len] = '\0';
	if (t->at == t->end || *t->at != '"' || len == 0 || len == sizeof(name) - 1)
		err_add(s->e, t->file, t->line, "@include needs a file name in double quotes");
	else if (name[0] == '/' && *s->dir)
		err_add(s->e, t->file, t->line,
		    "cannot include %s: write the path relative to the folder of the configuration file",
		    name);
	else if (s->include_depth == MAX_INCLUDE_DEPTH)
		stop(s, t, "files include each other too deep, or in a circle", MAX_INCLUDE_DEPTH);
	else if (s->n_includes++ == SCAN_MAX_INCLUDES)
		stop(s, t, "too many files are included", SCAN_MAX_INCLUDES);
	else
		include_file(s, t, name);
	if (t->at < t->end && *t->at == '"')
		t->at++;
}

static void open_bracket(struct scan *s, const struct text *t)
{
	if (s->depth == SCAN_MAX_DEPTH) {
		stop(s, t, "groups and lists are nested too deep", SCAN_MAX_DEPTH);
		return;
	}
	s->depth++;
	s->n_keys[s->depth] = 0;
}

static void close_bracket(struct scan *s, char bracket)
{
	if (s->after_comma)
		err_add(s->e, s->comma_file, s->comma_line,
		    "remove the comma before '%c': nothing follows it", bracket);
	if (s->depth > 0)
		s->depth--;
}

static void punctuation(struct scan *s, struct text *t)
{
	char c = *t->at++;

	switch (c) {
	case '{':
	case '(':
	case '[':
		open_bracket(s, t);
		break;
	case '}':
	case ')':
	case ']':
		close_bracket(s, c);
		break;
	case '=':
	case ':':
		/* libconfig searches the whole group for each new setting. */
		if (++s->n_keys[s->depth] > SCAN_MAX_KEYS)
			stop(s, t, "too many settings in one group", SCAN_MAX_KEYS);
		break;
	case '\0':
		err_add(s->e, t->file, t->line, "this is not a text file: it holds a NUL byte");
		s->stopped = true;
		break;
	}
	s->after_comma = c == ',';
	s->comma_file = t->file;
	s->comma_line = t->line;
}

static void scan_token(struct scan *s, struct text *t)
{
	unsigned char c = (unsigned char)*t->at;

	if (isalpha(c) || c == '*')
		skip_name(t);
	else if (isdigit(c) || c == '-' || c == '+' || c == '.')
		skip_number(s, t);
	else if (c == '"')
		skip_string(s, t);
	else {
		punctuation(s, t);
		return;
	}
	s->after_comma = false;
}

static void scan_file_text(struct scan *s, struct text *t)
{
	while (t->at < t->end && !s->stopped) {
		bool line_start = t->line_start;

		t->line_start = false;
		if (*t->at == '\n') {
			t->line++;
			t->at++;
			t->line_start = true;
		} else if (*t->at == ' ' || *t->at == '\t' || *t->at == '\r' || *t->at == '\f') {
			t->at++;
			t->line_start = line_start;
		} else if (*t->at == '#' || starts_with(t, "//")) {
			skip_line(t);
		} else if (starts_with(t, "/*")) {
			skip_comment(s, t);
		} else if (starts_with(t, "@include")) {
			t->at += strlen("@include");
			if (line_start)
				include(s, t);
			else
				err_add(s->e, t->file, t->line, "@include must begin its line");
		} else {
			scan_token(s, t);
		}
	}
}

int scan_text(const char *file, const char *dir, const char *text, size_t len, struct err *e)
{
	struct scan s = { .e = e, .dir = dir, .bytes = len };
	struct text t = {
		.file = file, .at = text, .end = text + len, .line = 1, .line_start = true
	};
	unsigned before = e->n;

	if (len > SCAN_MAX_BYTES)
		return err_add(
		    e, file, 0, "the configuration is larger than %u bytes", SCAN_MAX_BYTES);
	scan_file_text(&s, &t);
	return e->n - before == s.n_harmless ? 0 : -1;
}
