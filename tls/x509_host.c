/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/x509_host.h"

#include <string.h>

#include "tls/name.h"

#define DNS_NAME   DER_CONTEXT(2)
#define IP_ADDRESS DER_CONTEXT(7)

/* The next name of that type. False: there is none. */
static bool next_of(struct der *names, uint8_t type, struct der *value)
{
	while (names->len > 0) {
		uint8_t tag = names->at[0];

		if (!der_take(names, tag, value, NULL))
			return false;
		if (tag == type)
			return true;
	}
	return false;
}

static bool covers(const char *pattern, const char *host)
{
	const char *dot;

	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, host) == 0;
	dot = strchr(host, '.');
	return dot != NULL && strcmp(pattern + 1, dot) == 0;
}

bool x509_is_for_host(struct der names, const char *host)
{
	char pattern[NAME_MAX_LEN + 1];
	struct der value;

	/* What is no host name, for a zero byte in it or a star elsewhere, matches nothing. */
	while (next_of(&names, DNS_NAME, &value))
		if (name_copy_pattern(pattern, value.at, value.len) >= 0 && covers(pattern, host))
			return true;
	return false;
}

bool x509_is_for_address(struct der names, const uint8_t *address, size_t len)
{
	struct der value;

	while (next_of(&names, IP_ADDRESS, &value))
		if (der_eq(&value, address, len))
			return true;
	return false;
}
