/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/load_addrs.h"

void load_addr(struct load *l, const config_setting_t *s, const char *key, enum addr_form form,
    struct config_addr *a)
{
	const char *text = load_get_string(l, s, key, 100);
	const char *why = text ? config_addr_parse(text, form, a) : NULL;

	if (why)
		load_error(l, s, "'%s': '%s' %s", key, text, why);
	else if (text) {
		a->file = load_file(l, s);
		a->line = config_setting_source_line(s);
	}
}

unsigned load_addrs(struct load *l, const config_setting_t *s, const struct load_key *k,
    enum addr_form form, struct config_addr *a)
{
	unsigned n = 0;

	for (int i = 0; i < config_setting_length(s); i++) {
		struct config_addr one = { .line = 0 };

		l->element = (unsigned)i + 1;
		load_addr(l, config_setting_get_elem(s, (unsigned)i), k->name, form, &one);
		if (one.line)
			a[n++] = one;
	}
	l->element = 0;
	return n;
}

void load_addr_list(struct load *l, const config_setting_t *s, const struct load_key *k,
    enum addr_form form, const struct config_addr **a, unsigned *n)
{
	struct config_addr *list;

	if (!load_is_list(l, s, k))
		return;
	list = load_alloc(l, (size_t)config_setting_length(s), sizeof(*list));
	if (!list)
		return;
	*a = list;
	*n = load_addrs(l, s, k, form, list);
}
