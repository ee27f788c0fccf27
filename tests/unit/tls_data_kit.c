/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/tls_data_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append_file(char **all, size_t *len, const char *name)
{
	char path[4096];
	long size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", TEST_FOLDER, name);
	f = fopen(path, "rb");
	if (!f) {
		perror(path);
		abort();
	}
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	*all = realloc(*all, *len + (size_t)size + 1);
	if (!*all || fread(*all + *len, 1, (size_t)size, f) != (size_t)size)
		abort();
	*len += (size_t)size;
	(*all)[*len] = '\0';
	fclose(f);
}

char *kit_read(const char *names, size_t *len)
{
	char *all = NULL, *list = strdup(names), *rest = list, *name;

	*len = 0;
	while ((name = strsep(&rest, " ")) != NULL)
		append_file(&all, len, name);
	free(list);
	return all;
}

/* "a b" -> "unit/pki/a unit/pki/b" */
static char *read_pki(const char *names, size_t *len)
{
	char list[1024] = "", *copy = strdup(names), *rest = copy, *name;

	while ((name = strsep(&rest, " ")) != NULL) {
		if (list[0])
			strcat(list, " ");
		strcat(strcat(list, "unit/pki/"), name);
	}
	free(copy);
	return kit_read(list, len);
}

struct cert *
kit_cert_with(struct cert_source source, const char *chain, const char *key, struct err *e)
{
	size_t chain_len, key_len;
	char *chain_pem = read_pki(chain, &chain_len);
	char *key_pem = read_pki(key, &key_len);
	struct cert *c;

	source.name = "www";
	source.chain_path = chain;
	source.key_path = key;
	source.file = "test.cfg";
	source.line = 7;
	memset(e, 0, sizeof(*e));
	c = cert_parse(&source, chain_pem, chain_len, key_pem, key_len, KIT_NOW, e);
	free(chain_pem);
	free(key_pem);
	return c;
}

struct cert *kit_cert(const char *chain, const char *key, struct err *e)
{
	return kit_cert_with((struct cert_source){ 0 }, chain, key, e);
}

struct cert *kit_named_cert(const char *names, enum cert_key_type type, unsigned bits)
{
	static uint64_t version = 1000000;
	struct cert *c = calloc(1, sizeof(*c));
	size_t n = 1, len = strlen(names) + 1;
	char *text;

	for (const char *at = names; *at; at++)
		n += *at == ' ';
	c->references = 1;
	c->version = ++version;
	c->name = strdup(names);
	c->key_type = type;
	c->key_bits = bits;
	c->signature_hash_bits = 256;
	c->not_after = KIT_NOW + 1000;
	c->names = malloc(n * sizeof(char *) + len);
	text = memcpy(c->names + n, names, len);
	while (names[0] && text)
		c->names[c->n_names++] = strsep(&text, " ");
	return c;
}
