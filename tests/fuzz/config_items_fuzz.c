/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An item of the configuration as the control API puts it: the first line is its section, the second its name, the rest
 * its settings. It is put into a configuration that is good; what is refused has a reason, what is taken can be
 * read, and put again as it is read.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/change.h"
#include "config/err.h"
#include "config/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char base[] =
    "runtime = { workers = [0]; };\n"
    "ports = ( { name = \"front0\"; devices = [\"net_null0\"]; addresses = [\"10.80.0.1/24\"]; } );\n"
    "certificates = ( { name = \"www\"; chain = \"/etc/passwd\"; key = \"/etc/passwd\"; } );\n"
    "backends = ( { name = \"app\"; targets = ( { address = \"10.80.0.9:80\"; } ); } );\n"
    "listeners = ( { name = \"https\"; bind = [\"10.80.0.1:443\"]; default_certificate = \"www\";\n"
    "  backend = \"app\"; } );\n";

static struct config *load(const struct config_override *o, struct err *e)
{
	struct config *c;

	err_init(e);
	c = config_load_overridden("/nonexistent/fuzz.cfg", base, strlen(base), o, 1, e);
	assert(!c == (e->n > 0));
	return c;
}

static const char *find(const struct config *c, const struct config_override *o)
{
	for (unsigned i = 0; i < c->n_items; i++)
		if (c->items[i].name && strcmp(c->items[i].section, o->section) == 0 &&
		    strcmp(c->items[i].name, o->name) == 0)
			return c->items[i].json;
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text;
	struct config_override o;
	static struct err e;
	struct config *c, *again;

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	o.section = strsep(&rest, "\n");
	o.name = rest ? strsep(&rest, "\n") : "";
	o.json = rest;
	if (!config_section_item(o.section) || !change_name_is_valid(o.name)) {
		free(text);
		return 0;
	}
	c = load(&o, &e);
	if (c && o.json) {
		const char *first = find(c, &o);

		assert(first);
		o.json = first;
		again = load(&o, &e);
		assert(again && strcmp(find(again, &o), first) == 0);
		config_free(again);
	}
	config_free(c);
	free(text);
	return 0;
}
