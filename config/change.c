/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/change.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/load.h"

struct change *change_add(struct change_list *l, enum change_kind kind)
{
	struct change *c;

	if (l->n == CHANGE_MAX)
		return NULL;
	if (l->n == l->room) {
		unsigned room = l->room ? 2 * l->room : 4;
		struct change *at = reallocarray(l->at, room, sizeof(*at));

		if (!at)
			return NULL;
		l->at = at;
		l->room = room;
	}
	c = &l->at[l->n++];
	memset(c, 0, sizeof(*c));
	c->kind = kind;
	return c;
}

int change_text(char **to, const char *text, size_t len)
{
	*to = malloc(len + 1);
	if (!*to)
		return -1;
	memcpy(*to, text, len);
	(*to)[len] = '\0';
	return 0;
}

/* Room doubles: there may be 100,000. */
static int add_text(char ***list, unsigned *n, const char *text)
{
	char **more = *list;

	if ((*n & (*n - 1)) == 0)
		more = reallocarray(*list, *n ? 2 * (size_t)*n : 1, sizeof(*more));
	if (!more)
		return -1;
	*list = more;
	more[*n] = strdup(text);
	if (!more[*n])
		return -1;
	(*n)++;
	return 0;
}

int change_name(struct change *c, const char *name)
{
	return add_text(&c->names, &c->n_names, name);
}

int change_serve(struct change *c, const char *name)
{
	c->has_served = true;
	return add_text(&c->served, &c->n_served, name);
}

int change_move(struct change_list *to, struct change_list *from)
{
	struct change *at;

	if (from->n > CHANGE_MAX - to->n)
		return -1;
	if (from->n == 0)
		return 0;
	if (to->n + from->n > to->room) {
		at = reallocarray(to->at, to->n + from->n, sizeof(*at));
		if (!at)
			return -1;
		to->at = at;
		to->room = to->n + from->n;
	}
	memcpy(to->at + to->n, from->at, from->n * sizeof(*from->at));
	to->n += from->n;
	free(from->at);
	memset(from, 0, sizeof(*from));
	return 0;
}

static void change_free(struct change *c)
{
	for (unsigned i = 0; i < c->n_names; i++)
		free(c->names[i]);
	if (c->key)
		explicit_bzero(c->key, c->key_len);
	for (unsigned i = 0; i < c->n_served; i++)
		free(c->served[i]);
	if (c->passphrase)
		explicit_bzero(c->passphrase, strlen(c->passphrase));
	free(c->names);
	free(c->served);
	free(c->section);
	free(c->item);
	free(c->settings);
	free(c->operand);
	free(c->passphrase);
	free(c->certificate);
	free(c->listener);
	free(c->chain);
	free(c->ocsp);
	free(c->key);
}

void change_clear(struct change_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		change_free(&l->at[i]);
	free(l->at);
	memset(l, 0, sizeof(*l));
}

bool change_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (len < 1 || len > CONFIG_MAX_NAME)
		return false;
	for (const char *at = name; *at; at++)
		if (!isascii(*at) || !(isalnum((unsigned char)*at) || strchr("._-", *at)))
			return false;
	return true;
}

static void describe(const struct change *c, char *text, size_t room)
{
	switch (c->kind) {
	case CHANGE_CERT_PUT:
		snprintf(text, room, "put certificate '%s'", c->certificate);
		return;
	case CHANGE_CERT_DELETE:
		snprintf(text, room, "remove certificate '%s'", c->certificate);
		return;
	case CHANGE_ASSOCIATE:
		snprintf(text, room, "listener '%s' serves certificate '%s'", c->listener,
		    c->certificate);
		return;
	case CHANGE_DISSOCIATE:
		snprintf(text, room, "listener '%s' no longer serves certificate '%s'", c->listener,
		    c->certificate);
		return;
	case CHANGE_DEFAULT:
		snprintf(text, room, "default certificate of listener '%s': %s%s", c->listener,
		    c->n_names ? c->names[0] : "", c->n_names > 1 ? ", ..." : "");
		return;
	case CHANGE_CERT_FILE:
		snprintf(text, room, "certificate '%s' as in the file", c->certificate);
		return;
	case CHANGE_ITEM_PUT:
		snprintf(text, room, "put %s '%s'", config_section_item(c->section), c->item);
		return;
	case CHANGE_ITEM_DELETE:
		snprintf(text, room, "remove %s '%s'", config_section_item(c->section), c->item);
		return;
	case CHANGE_ITEM_FILE:
		snprintf(
		    text, room, "%s '%s' as in the file", config_section_item(c->section), c->item);
		return;
	}
}

const char *change_summary(const struct change_list *l, char *text, size_t room)
{
	int n = 0;

	if (l->n == 0) {
		snprintf(text, room, "nothing");
		return text;
	}
	if (l->n > 1)
		n = snprintf(text, room, "%u changes, first: ", l->n);
	if (n >= 0 && (size_t)n < room)
		describe(&l->at[0], text + n, room - (size_t)n);
	return text;
}
