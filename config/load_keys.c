/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/load_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/err.h"
#include "config/nearest.h"
#include "config/scan.h"

/* Guesses cost time: a hundred wrong names among thousands of items get only the first few. */
#define MAX_GUESSING 50000

const char load_api_file[] = "control API";

void load_error(struct load *l, const config_setting_t *s, const char *format, ...)
{
	char text[PATH_MAX + 512], element[40] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (l->element)
		snprintf(element, sizeof(element), "element %u of ", l->element);
	err_add(l->e, load_file(l, s), config_setting_source_line(s), "%s%s%s", l->where, element,
	    text);
}

const char *load_file(struct load *l, const config_setting_t *s)
{
	const char *raw = config_setting_source_file(s);
	char *joined;

	if (!raw)
		return l->path;
	if (raw == load_api_file)
		return load_api_file;
	if (raw == l->raw_file)
		return l->file;
	joined = scan_join(l->dir, raw);
	l->file = joined ? arena_string(l->arena, joined) : NULL;
	free(joined);
	if (!l->file)
		return l->path;
	l->raw_file = raw;
	return l->file;
}

void *load_alloc(struct load *l, size_t n, size_t size)
{
	void *at = arena_alloc(l->arena, n, size);

	if (!at)
		err_add(l->e, l->path, 0, "out of memory");
	return at;
}

static const char *copy_string(struct load *l, const char *text)
{
	const char *copy = arena_string(l->arena, text);

	if (!copy)
		err_add(l->e, l->path, 0, "out of memory");
	return copy;
}

static const char *type_name(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "an integer";
	case CONFIG_TYPE_FLOAT:
		return "a floating-point number";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ]";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	}
	return "nothing";
}

static void
wrong_type(struct load *l, const config_setting_t *s, const char *name, const char *wanted)
{
	load_error(l, s, "'%s' must be %s, not %s", name, wanted, type_name(s));
}

void load_bool(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		wrong_type(l, s, k->name, "true or false");
	else
		*(bool *)((char *)item + k->at) = config_setting_get_bool(s);
}

bool load_get_integer(struct load *l, const config_setting_t *s, const char *name, double min,
    double max, long long *value)
{
	if (config_setting_type(s) == CONFIG_TYPE_INT)
		*value = config_setting_get_int(s);
	else if (config_setting_type(s) == CONFIG_TYPE_INT64)
		*value = config_setting_get_int64(s);
	else {
		wrong_type(l, s, name, "an integer");
		return false;
	}
	if ((double)*value < min || (double)*value > max) {
		load_error(
		    l, s, "'%s' is %lld, which is not in %.0f..%.0f", name, *value, min, max);
		return false;
	}
	return true;
}

void load_integer(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	char *at = (char *)item + k->at;
	long long value;

	if (!load_get_integer(l, s, k->name, k->min, k->max, &value))
		return;
	if (k->size == sizeof(uint16_t))
		*(uint16_t *)at = (uint16_t)value;
	else
		*(uint32_t *)at = (uint32_t)value; /* a negative int keeps its bits */
}

void load_seconds(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	double value;

	if (config_setting_type(s) == CONFIG_TYPE_FLOAT)
		value = config_setting_get_float(s);
	else if (config_setting_type(s) == CONFIG_TYPE_INT)
		value = config_setting_get_int(s);
	else if (config_setting_type(s) == CONFIG_TYPE_INT64)
		value = (double)config_setting_get_int64(s);
	else {
		wrong_type(l, s, k->name, "a number of seconds");
		return;
	}
	/* A timer has no use for less than a millisecond, and must not become zero. */
	if (!(value >= 0.001 && value < 86400))
		load_error(l, s,
		    "'%s' is %g seconds; it must be at least 0.001 and less than 86400", k->name,
		    value);
	else
		*(double *)((char *)item + k->at) = value;
}

const char *load_get_string(struct load *l, const config_setting_t *s, const char *name, size_t max)
{
	const char *text = NULL;

	if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		wrong_type(l, s, name, "a string");
		return NULL;
	}
	text = config_setting_get_string(s);
	if (!text || !*text) {
		load_error(l, s, "'%s' is an empty string", name);
		return NULL;
	}
	if (strlen(text) > max) {
		load_error(
		    l, s, "'%s' has %zu bytes; at most %zu are allowed", name, strlen(text), max);
		return NULL;
	}
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			load_error(l, s, "'%s' has a control character (0x%02x) in it", name,
			    (unsigned)(unsigned char)*c);
			return NULL;
		}
	}
	return text;
}

void load_string(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *text = load_get_string(l, s, k->name, (size_t)k->max);

	if (text)
		*(const char **)((char *)item + k->at) = copy_string(l, text);
}

/* Names end up in logs, metrics and URLs, so they are kept to what needs no escaping there. */
static bool is_name(const char *text)
{
	return text[strspn(text,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

void load_name(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *text = load_get_string(l, s, k->name, CONFIG_MAX_NAME);

	if (text && !is_name(text))
		load_error(l, s, "'%s' may have letters, digits, '.', '_' and '-' only", k->name);
	else if (text)
		*(const char **)((char *)item + k->at) = copy_string(l, text);
}

bool load_is_list(struct load *l, const config_setting_t *s, const struct load_key *k)
{
	unsigned n;

	if (!config_setting_is_list(s) && !config_setting_is_array(s)) {
		wrong_type(l, s, k->name, k->group ? "a list ( ) of groups { }" : "an array [ ]");
		return false;
	}
	n = (unsigned)config_setting_length(s);
	if (n < k->min)
		load_error(l, s, "'%s' is empty; it needs at least %.0f element%s", k->name, k->min,
		    k->min == 1 ? "" : "s");
	else if (n > k->max)
		load_error(
		    l, s, "'%s' has %u elements; at most %.0f are allowed", k->name, n, k->max);
	else
		return true;
	return false;
}

void load_strings(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char **strings;
	unsigned n = 0;

	if (!load_is_list(l, s, k))
		return;
	strings = load_alloc(l, (size_t)config_setting_length(s), sizeof(*strings));
	for (int i = 0; strings && i < config_setting_length(s); i++) {
		const config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
		const char *text, *copy;

		l->element = (unsigned)i + 1;
		text = load_get_string(l, element, k->name, k->size);
		copy = text ? copy_string(l, text) : NULL;
		if (copy)
			strings[n++] = copy;
	}
	l->element = 0;
	*(const char ***)((char *)item + k->at) = n ? strings : NULL;
	*(unsigned *)((char *)item + k->count_at) = n;
}

/* 0, or the errno that says why path cannot be used as a file to read. */
static int readable(const char *path)
{
	struct stat st;
	int fd;

	/* Before open, since merely opening some devices has effects. */
	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode))
		return EINVAL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

void load_readable(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *text = load_get_string(l, s, k->name, (size_t)k->max);
	char *path = text ? scan_join(l->dir, text) : NULL;
	int why;

	if (!path)
		return;
	why = readable(path);
	if (why)
		load_error(l, s, "cannot read '%s' %s: %s", k->name, path,
		    why == EINVAL ? "not a regular file" : strerror(why));
	*(const char **)((char *)item + k->at) = copy_string(l, path);
	free(path);
}

void load_group(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const struct load_group *g = k->group;
	char *at = (char *)item + k->at;
	size_t end = strlen(l->where);

	if (!config_setting_is_group(s)) {
		wrong_type(l, s, k->name, "a group { }");
		return;
	}
	if (g->size) {
		*(const char **)(at + g->file_at) = load_file(l, s);
		*(unsigned *)(at + g->line_at) = config_setting_source_line(s);
	}
	snprintf(l->where + end, sizeof(l->where) - end, "%s: ", k->name);
	load_members(l, s, g, at);
	l->where[end] = '\0';
}

static int compare_names(const void *a, const void *b)
{
	const struct load_name *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Makes the items of a list findable by name, and tells of names given twice. */
static void sort_names(struct load *l, const config_setting_t *list, const struct load_key *k,
    const char *items, unsigned n)
{
	const struct load_group *g = k->group;
	struct load_names_sorted *sorted = &l->names[g->names];

	sorted->all = load_alloc(l, n, sizeof(*sorted->all));
	if (!sorted->all)
		return;
	sorted->complete = true;
	for (unsigned i = 0; i < n; i++) {
		/* By contract the name is the first member of a struct that has one. */
		const char *name = *(const char *const *)(items + i * g->size);

		if (name)
			sorted->all[sorted->n++] = (struct load_name){ name, i };
		else
			sorted->complete = false;
	}
	qsort(sorted->all, sorted->n, sizeof(*sorted->all), compare_names);
	for (unsigned i = 1; i < sorted->n; i++) {
		const struct load_name *first = &sorted->all[i - 1], *second = first + 1;
		const config_setting_t *a = config_setting_get_elem(list, first->index);
		const config_setting_t *b = config_setting_get_elem(list, second->index);

		if (strcmp(first->name, second->name) == 0)
			load_error(l, b,
			    "a second %s is named '%s'; the first is at %s:%u; rename one", g->what,
			    second->name, load_file(l, a), config_setting_source_line(a));
	}
}

/* Puts what and which item is being read into l->where. */
static void
enter_item(struct load *l, const config_setting_t *s, const struct load_group *g, unsigned i)
{
	const config_setting_t *name = config_setting_get_member(s, "name");
	size_t end = strlen(l->where);
	char *at = l->where + end;
	size_t room = sizeof(l->where) - end;

	if (g->names != LOAD_NAMELESS && name && config_setting_type(name) == CONFIG_TYPE_STRING)
		snprintf(at, room, "%s '%.*s': ", g->what, CONFIG_MAX_NAME,
		    config_setting_get_string(name));
	else
		snprintf(at, room, "%s %u: ", g->what, i + 1);
}

void load_items(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const struct load_group *g = k->group;
	size_t end = strlen(l->where);
	unsigned n;
	char *items;

	l->names[g->names].complete = false;
	if (!load_is_list(l, s, k))
		return;
	n = (unsigned)config_setting_length(s);
	l->names[g->names].complete = n == 0;
	items = n ? load_alloc(l, n, g->size) : NULL;
	if (!items)
		return;
	for (unsigned i = 0; i < n; i++) {
		const config_setting_t *element = config_setting_get_elem(s, i);
		char *at = items + i * g->size;

		if (g->defaults)
			memcpy(at, g->defaults, g->size);
		*(const char **)(at + g->file_at) = load_file(l, element);
		*(unsigned *)(at + g->line_at) = config_setting_source_line(element);
		if (!config_setting_is_group(element)) {
			load_error(l, element,
			    "'%s' must be a list of groups { }; element %u is %s", k->name, i + 1,
			    type_name(element));
			continue;
		}
		enter_item(l, element, g, i);
		load_members(l, element, g, at);
		l->where[end] = '\0';
	}
	*(const char **)((char *)item + k->at) = items;
	*(unsigned *)((char *)item + k->count_at) = n;
	if (g->names != LOAD_NAMELESS)
		sort_names(l, s, k, items, n);
}

static const char *key_name(const void *from, unsigned i)
{
	const struct load_group *g = from;

	return i < g->n_keys ? g->keys[i].name : NULL;
}

static void unknown_key(struct load *l, const config_setting_t *s, const struct load_group *g)
{
	const char *name = config_setting_name(s);
	const char *guess = nearest(name, key_name, g);
	char all[400] = "";

	if (guess) {
		load_error(l, s, "unknown key '%.100s'; did you mean '%s'?", name, guess);
		return;
	}
	for (unsigned i = 0; i < g->n_keys; i++) {
		size_t end = strlen(all);

		snprintf(all + end, sizeof(all) - end, "%s%s", i ? ", " : "", g->keys[i].name);
	}
	load_error(l, s, "unknown key '%.100s'; there are: %s", name, all);
}

void load_members(struct load *l, const config_setting_t *s, const struct load_group *g, void *item)
{
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *member = config_setting_get_elem(s, (unsigned)i);
		unsigned k = 0;

		while (k < g->n_keys && strcmp(g->keys[k].name, config_setting_name(member)) != 0)
			k++;
		if (k == g->n_keys)
			unknown_key(l, member, g);
	}
	for (unsigned i = 0; i < g->n_keys; i++) {
		const struct load_key *k = &g->keys[i];
		const config_setting_t *member = config_setting_get_member(s, k->name);

		if (member)
			k->load(l, member, k, item);
		else if (k->required && !(k->unless && k->unless(s)) &&
		    !(k->is_apart && config_setting_source_file(s) == load_api_file))
			load_error(l, s, "'%s' is missing", k->name);
	}
}

static const char *item_name(const void *from, unsigned i)
{
	const struct load_names_sorted *names = from;

	return i < names->n ? names->all[i].name : NULL;
}

static int compare_name(const void *key, const void *element)
{
	const struct load_name *n = element;

	return strcmp(key, n->name);
}

int load_reference(struct load *l, const config_setting_t *s, const char *key, enum load_names kind,
    const char *what, const char *name)
{
	const struct load_names_sorted *names = &l->names[kind];
	const struct load_name *found;
	const char *guess;

	found = names->n ? bsearch(name, names->all, names->n, sizeof(*names->all), compare_name)
			 : NULL;
	if (found)
		return (int)found->index;
	/* With one of them unreadable, the missing name may be its. */
	if (!names->complete)
		return -1;
	guess = (l->e->n + 1ULL) * names->n < MAX_GUESSING ? nearest(name, item_name, names) : NULL;
	if (guess)
		load_error(l, s, "'%s' names %s '%.128s', which is not defined; did you mean '%s'?",
		    key, what, name, guess);
	else
		load_error(l, s, "'%s' names %s '%.128s', which is not defined", key, what, name);
	return -1;
}
