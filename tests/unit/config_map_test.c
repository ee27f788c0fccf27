/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/map.h"

#include <cmocka.h>

struct thing {
	unsigned references;
	char name[16];
};

static unsigned n_alive;

static const char *thing_name(const void *value)
{
	return ((const struct thing *)value)->name;
}

static void *thing_get(void *value)
{
	((struct thing *)value)->references++;
	return value;
}

static void thing_put(void *value)
{
	struct thing *t = value;

	if (--t->references > 0)
		return;
	n_alive--;
	free(t);
}

static const struct map_kind kind = { thing_name, thing_get, thing_put };

static struct thing *set(struct map *m, unsigned i)
{
	struct thing *t = calloc(1, sizeof(*t));

	t->references = 1;
	n_alive++;
	snprintf(t->name, sizeof(t->name), "%06u", i);
	assert_int_equal(map_set(m, t), 0);
	thing_put(t);
	return t;
}

static bool has(const struct map *m, unsigned i)
{
	char name[16];
	const struct thing *t;

	snprintf(name, sizeof(name), "%06u", i);
	t = map_find(m, name);
	assert_true(!t || strcmp(t->name, name) == 0);
	return t != NULL;
}

static int removed(struct map *m, unsigned i)
{
	char name[16];

	snprintf(name, sizeof(name), "%06u", i);
	return map_remove(m, name);
}

/* In order, each once, as many as are said to be there. */
static void assert_sound(const struct map *m)
{
	struct map_cursor at = map_from(m, NULL);
	const struct thing *t, *last = NULL;
	size_t n = 0;

	for (; (t = map_next(&at)) != NULL; last = t, n++) {
		assert_true(!last || strcmp(last->name, t->name) < 0);
		assert_true(t->references > 0);
	}
	assert_int_equal(n, map_count(m));
}

static void empty_map_has_nothing(void **state)
{
	struct map *m = map_new(&kind), *copy = map_copy(m);
	struct map_cursor at = map_from(m, "x");

	(void)state;
	assert_null(map_find(m, "x"));
	assert_int_equal(map_remove(m, "x"), 0);
	assert_null(map_next(&at));
	assert_true(map_is_same(m, copy));
	map_free(copy);
	map_free(m);
	map_free(NULL);
}

static void compare_with_model(unsigned seed)
{
	static bool model[3000];
	struct map *m = map_new(&kind);
	unsigned n = 0;

	srand(seed);
	memset(model, 0, sizeof(model));
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rand() % 3000;

		/* Grows, shrinks, grows. */
		if ((unsigned)rand() % 100 < (step / 5000 % 2 ? 30u : 70u)) {
			set(m, i);
			n += !model[i];
			model[i] = true;
		} else {
			assert_int_equal(removed(m, i), model[i]);
			n -= model[i];
			model[i] = false;
		}
		assert_int_equal(map_count(m), n);
	}
	assert_sound(m);
	for (unsigned i = 0; i < 3000; i++)
		assert_int_equal(has(m, i), model[i]);
	map_free(m);
	assert_int_equal(n_alive, 0);
}

static void it_is_a_set_of_names(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 5; seed++)
		compare_with_model(seed);
}

static void copies_do_not_see_each_others_changes(void **state)
{
	struct map *m = map_new(&kind), *copies[20];

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		set(m, 2 * i);
	for (unsigned k = 0; k < 20; k++) {
		copies[k] = map_copy(m);
		assert_true(map_is_same(copies[k], m));
		set(m, 2 * k * 40 + 1);
		assert_int_equal(removed(m, 2 * (999 - k)), 1);
		assert_false(map_is_same(copies[k], m));
	}
	for (unsigned k = 0; k < 20; k++) {
		assert_int_equal(map_count(copies[k]), 1000);
		assert_sound(copies[k]);
		for (unsigned i = 0; i < 20; i++) {
			assert_int_equal(has(copies[k], 2 * i * 40 + 1), i < k);
			assert_int_equal(has(copies[k], 2 * (999 - i)), i >= k);
		}
		map_free(copies[k]);
	}
	map_free(m);
	assert_int_equal(n_alive, 0);
}

static void names_in_order_fill_leaves(void **state)
{
	struct map *m = map_new(&kind);

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		set(m, i);
	assert_int_equal(map_count(m), 100000);
	assert_sound(m);
	map_free(m);
}

static void cursor_begins_behind_any_name(void **state)
{
	struct map *m = map_new(&kind);
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 700; i++)
		set(m, 2 * i);
	for (unsigned i = 0; i < 1400; i++) {
		struct map_cursor at;
		const struct thing *t;

		snprintf(name, sizeof(name), "%06u", i);
		at = map_from(m, name);
		t = map_next(&at);
		if (i >= 1398)
			assert_null(t);
		else
			assert_int_equal(atoi(t->name), i / 2 * 2 + 2);
	}
	map_free(m);
}

struct seen {
	unsigned added, removed, changed;
	int stop_after;
};

static int see(void *arg, void *old, void *new)
{
	struct seen *s = arg;

	assert_true(old || new);
	s->added += !old;
	s->removed += !new;
	s->changed += old && new;
	return s->stop_after && --s->stop_after == 0 ? -7 : 0;
}

static void compare_tells_exactly_what_differs(void **state)
{
	struct map *a = map_new(&kind), *b;
	struct seen s = { .added = 0 };

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		set(a, i);
	b = map_copy(a);
	assert_int_equal(map_compare(a, b, see, &s), 0);
	assert_int_equal(s.added + s.removed + s.changed, 0);
	for (unsigned i = 0; i < 30; i++)
		set(b, i * 50);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(removed(b, i * 90 + 1), 1);
	for (unsigned i = 0; i < 10; i++)
		set(b, 5000 + i);
	assert_int_equal(map_compare(a, b, see, &s), 0);
	assert_int_equal(s.changed, 30);
	assert_int_equal(s.removed, 20);
	assert_int_equal(s.added, 10);
	s = (struct seen){ .stop_after = 3 };
	assert_int_equal(map_compare(a, b, see, &s), -7);
	assert_int_equal(s.added + s.removed + s.changed, 3);
	map_free(a);
	map_free(b);
	assert_int_equal(n_alive, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_map_has_nothing),
		cmocka_unit_test(it_is_a_set_of_names),
		cmocka_unit_test(copies_do_not_see_each_others_changes),
		cmocka_unit_test(names_in_order_fill_leaves),
		cmocka_unit_test(cursor_begins_behind_any_name),
		cmocka_unit_test(compare_tells_exactly_what_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
