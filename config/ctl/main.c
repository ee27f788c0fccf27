/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/ctl/ctl.h"

static void usage(FILE *out)
{
	fputs("Usage: sallyctl [OPTION]... COMMAND [OPERAND]...\n"
	      "Talks to a running sallyport.\n\n",
	    out);
	for (const struct ctl_command *c = ctl_commands; c->name; c++) {
		char left[120];

		snprintf(left, sizeof(left), "%s%s%s %s", c->name, c->sub ? " " : "",
		    c->sub ? c->sub : "", c->operands);
		fprintf(out, "  %-46s %s\n", left, c->what);
	}
	fputs(
	    "\n"
	    "Options, before the command:\n"
	    "  -s, --socket PATH    of the daemon (control.socket); default $SALLYPORT_SOCKET or\n"
	    "                       " CTL_SOCKET "\n"
	    "  -j, --json           answers as JSON\n"
	    "  -n, --dry-run        only say whether the change is possible\n"
	    "  -g, --if-match N     only if the generation is N\n"
	    "  -k, --key TEXT       Idempotency-Key: repeated, the change is made once\n"
	    "  -t, --tx ID          keep the change for a transaction (sallyctl tx)\n"
	    "  -h, --help           this, or behind a command: about it\n"
	    "  -V, --version\n\n"
	    "Exit status: 0 done, 1 refused, 2 wrong usage, 3 no daemon.\n",
	    out);
}

static void command_usage(const struct ctl_command *c, FILE *out)
{
	fprintf(out, "Usage: sallyctl [OPTION]... %s%s%s %s\n%c%s.\n%s%s", c->name,
	    c->sub ? " " : "", c->sub ? c->sub : "", c->operands,
	    c->what[0] - (c->what[0] >= 'a' ? 32 : 0), c->what + 1, c->help[0] ? "\n" : "",
	    c->help);
}

static const struct ctl_command *find_command(int n, char **words)
{
	for (const struct ctl_command *c = ctl_commands; c->name; c++) {
		if (strcmp(c->name, words[0]) != 0)
			continue;
		if (!c->sub || (n > 1 && strcmp(c->sub, words[1]) == 0))
			return c;
	}
	return NULL;
}

/* cert without its second word, or with a wrong one. */
static int no_command(int n, char **words)
{
	bool is_known = false;

	for (const struct ctl_command *c = ctl_commands; c->name; c++)
		if (strcmp(c->name, words[0]) == 0) {
			if (!is_known)
				fprintf(stderr, "sallyctl: '%s' needs one of:", words[0]);
			is_known = true;
			fprintf(stderr, " %s", c->sub);
		}
	if (is_known)
		fputs("\n", stderr);
	else
		fprintf(stderr, "sallyctl: there is no command '%s'; sallyctl --help lists them\n",
		    words[0]);
	(void)n;
	return CTL_USAGE;
}

static bool wants_help(int n, char **words)
{
	for (int i = 0; i < n; i++)
		if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
			return true;
	return false;
}

/* As the daemon takes them: nothing that would be another address in a request. */
static bool is_name(const char *text)
{
	size_t n =
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n <= 128 && !text[n];
}

/* Checks the operands that c's usage calls NAME and so on; the last word of it stands for all that follow. */
static bool names_are_good(const struct ctl_command *c, int n, char **words)
{
	static const char *const kinds[] = { "NAME", "LISTENER", "CERTIFICATE", "GENERATION",
		"ID" };
	const char *at = c->operands;

	for (int i = 0; i < n && *at; i++) {
		size_t len = strcspn(at, " .");
		bool is_kind = false;

		for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			is_kind |= strlen(kinds[k]) == len && strncmp(at, kinds[k], len) == 0;
		if (is_kind && words[i][0] != '-' && !is_name(words[i])) {
			fprintf(stderr,
			    "sallyctl: '%s' is none: names have 1 to 128 letters, digits, '.', '_' or '-'\n",
			    words[i]);
			return false;
		}
		if (at[len] == ' ')
			at += len + 1;
		else if (!at[len])
			break;
	}
	return true;
}

static int run(struct ctl *ctl, int n, char **words)
{
	const struct ctl_command *c = find_command(n, words);
	int status;

	if (!c && n > 1 && wants_help(n, words)) {
		usage(stdout);
		return CTL_OK;
	}
	if (!c)
		return no_command(n, words);
	if (wants_help(n, words)) {
		command_usage(c, stdout);
		return CTL_OK;
	}
	n -= c->sub ? 2 : 1;
	words += c->sub ? 2 : 1;
	if (n < c->min || (c->max >= 0 && n > c->max))
		status = CTL_USAGE;
	else if (!names_are_good(c, n, words))
		return CTL_USAGE;
	else
		status = c->run(ctl, n, words);
	if (status == CTL_USAGE)
		command_usage(c, stderr);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' }, { "dry-run", no_argument, NULL, 'n' },
		{ "if-match", required_argument, NULL, 'g' },
		{ "key", required_argument, NULL, 'k' }, { "tx", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { 0 } };
	struct ctl ctl = { .socket = getenv("SALLYPORT_SOCKET") };
	int option;

	if (!ctl.socket || !*ctl.socket)
		ctl.socket = CTL_SOCKET;
	/* '+': options behind the command are the command's. */
	while ((option = getopt_long(argc, argv, "+s:jng:k:t:hV", longs, NULL)) != -1) {
		switch (option) {
		case 's':
			ctl.socket = optarg;
			break;
		case 'j':
			ctl.json = true;
			break;
		case 'n':
			ctl.dry_run = true;
			break;
		case 'g':
			ctl.if_match = optarg;
			break;
		case 'k':
			ctl.key = optarg;
			break;
		case 't':
			ctl.transaction = optarg;
			break;
		case 'h':
			usage(stdout);
			return CTL_OK;
		case 'V':
			printf("sallyctl %s\n", VERSION);
			return CTL_OK;
		default:
			fputs("sallyctl --help tells more\n", stderr);
			return CTL_USAGE;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return CTL_USAGE;
	}
	/* --json may stand at the end as well: that is where one thinks of it. */
	if (argc - optind > 1 && strcmp(argv[argc - 1], "--json") == 0) {
		ctl.json = true;
		argc--;
	}
	signal(SIGPIPE, SIG_IGN);
	return run(&ctl, argc - optind, argv + optind);
}
