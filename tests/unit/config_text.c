/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/config_text.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/err.h"
#include "config/load.h"

#include <cmocka.h>

const char config_text_base[] =                             /* the line numbers the tests expect */
    "runtime = { workers = [0];\n"                          /* 1 */
    "  front = \"front0\"; back = \"back0\"; };\n"          /* 2 */
    "eal = [ \"--no-pci\" ];\n"                             /* 3 */
    "ports = (\n"                                           /* 4 */
    "  { name = \"front0\";\n"                              /* 5 */
    "    devices = [\"net_af_xdp0\"];\n"                    /* 6 */
    "    addresses = [\"10.80.0.1/24\", \"fd80::1/64\"];\n" /* 7 */
    "    mtu = 1500; vlan = 7; offloads = false; },\n"      /* 8 */
    "  { name = \"back0\"; devices = [\"net_af_xdp1\"];\n"  /* 9 */
    "    addresses = [\"10.81.0.1/24\", \"fd81::1/64\"];\n" /* 10 */
    "    routes = (\n"                                      /* 11 */
    "      { to = \"10.90.0.0/16\"; via = \"10.81.0.254\"; } ); } );\n" /* 12 */
    "certificates = (\n"                                                /* 13 */
    "  { name = \"www\"; chain = \"www.pem\";\n"                        /* 14 */
    "    key = \"www.key\"; },\n"                                       /* 15 */
    "  { name = \"api\"; chain = \"api.pem\"; key = \"api.key\";\n"     /* 16 */
    "    names = [\"api.lab.test\"]; } );\n"                            /* 17 */
    "backends = (\n"                                                    /* 18 */
    "  { name = \"app\";\n"                                             /* 19 */
    "    targets = (\n"                                                 /* 20 */
    "      { address = \"10.81.0.2:8080\"; weight = 3; },\n"            /* 21 */
    "      { address = \"[fd81::2]:8080\"; } );\n"                      /* 22 */
    "    connect_timeout = 2.5; } );\n"                                 /* 23 */
    "listeners = (\n"                                                   /* 24 */
    "  { name = \"https\";\n"                                           /* 25 */
    "    bind = [\"10.80.0.1:443\", \"[fd80::1]:443\"];\n"              /* 26 */
    "    protocol = \"tls\";\n"                                         /* 27 */
    "    policy = \"corp\";\n"                                          /* 28 */
    "    default_certificate = [\"www\"];\n"                            /* 29 */
    "    certificates = [\"api\"];\n"                                   /* 30 */
    "    sni_strict = true; alpn = [\"h2\", \"http/1.1\"];\n"           /* 31 */
    "    backend = \"app\";\n"                                          /* 32 */
    "    limits = { handshake_timeout = 1.5; idle_timeout = 60; };\n"   /* 33 */
    "  } );\n";                                                         /* 34 */

static char folder[] = "/tmp/sallyport-config-XXXXXX";

void config_text_write(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	static const char *const files[] = { "www.pem", "www.key", "api.pem", "api.key" };

	(void)state;
	if (!mkdtemp(folder) || chdir(folder) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		config_text_write(files[i], "PEM\n");
	return 0;
}

/* Tests make files and empty folders, no deeper. */
static int teardown(void **state)
{
	DIR *d = opendir(".");
	struct dirent *entry;

	(void)state;
	if (!d)
		return -1;
	while ((entry = readdir(d)) != NULL)
		remove(entry->d_name);
	closedir(d);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

/* text with the only occurrence of old replaced by new; the caller frees it. */
static char *replace(const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);
	char *out;

	assert_non_null(at);
	if (strstr(at + 1, old))
		fail_msg("'%s' occurs twice", old);
	if (asprintf(&out, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old)) < 0)
		fail();
	return out;
}

char *config_text_with(const char *old, const char *new)
{
	return replace(config_text_base, old, new);
}

char *config_text_change(char *text, const char *old, const char *new)
{
	char *changed = replace(text, old, new);

	free(text);
	return changed;
}

static void run_case(void **state)
{
	const struct config_text_case *k = *state;
	char *text = config_text_with(k->old, k->new);
	char *wanted = strdup(k->wanted);
	struct err *e = calloc(1, sizeof(*e));
	struct config *c;
	unsigned lines = 0;

	if (strstr(wanted, "{last_core}")) {
		char core[24], *with_core;

		snprintf(core, sizeof(core), "%ld", sysconf(_SC_NPROCESSORS_CONF) - 1);
		with_core = replace(wanted, "{last_core}", core);
		free(wanted);
		wanted = with_core;
	}
	assert_non_null(e);
	c = config_load_text(CONFIG_TEXT_FILE, text, strlen(text), e);
	assert_string_equal(e->text, wanted);
	for (const char *p = wanted; *p; p++)
		lines += *p == '\n';
	assert_int_equal(e->n, lines);
	if (*wanted)
		assert_null(c);
	else
		assert_non_null(c);
	config_free(c);
	free(e);
	free(wanted);
	free(text);
}

int config_text_run(const char *group, const struct config_text_case *cases, size_t n_cases,
    const struct CMUnitTest *others, size_t n_others)
{
	struct CMUnitTest *tests = calloc(n_cases + n_others + 1, sizeof(*tests));
	int failed;

	if (!tests)
		return 1;
	for (size_t i = 0; i < n_cases; i++) {
		tests[i].name = cases[i].name;
		tests[i].test_func = run_case;
		tests[i].initial_state = (void *)(uintptr_t)&cases[i];
	}
	for (size_t i = 0; i < n_others; i++)
		tests[n_cases + i] = others[i];
	/* The function behind the macro, which takes arrays of fixed size only. */
	failed = _cmocka_run_group_tests(group, tests, n_cases + n_others, setup, teardown);
	free(tests);
	return failed;
}

struct config *config_text_load(struct err *e, const char *old, const char *new)
{
	char *text = config_text_with(old, new);
	struct config *c;

	config_text_write(CONFIG_TEXT_FILE, text);
	c = config_load(CONFIG_TEXT_FILE, e);
	assert_string_equal(e->text, "");
	assert_non_null(c);
	free(text);
	return c;
}
