/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/name.h"

#include <arpa/inet.h>
#include <string.h>

#define MAX_LABEL 63

/* The byte in lower case, or 0 when it may not stand in a label. */
static char label_byte(uint8_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
		return (char)c;
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	return 0;
}

int name_copy(char out[NAME_MAX_LEN + 1], const uint8_t *name, size_t len)
{
	size_t label = 0;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_MAX_LEN)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '.') {
			if (label == 0)
				return -1;
			label = 0;
			out[i] = '.';
			continue;
		}
		out[i] = label_byte(name[i]);
		if (out[i] == 0 || ++label > MAX_LABEL)
			return -1;
	}
	if (label == 0)
		return -1;
	out[len] = '\0';
	return (int)len;
}

int name_copy_pattern(char out[NAME_MAX_LEN + 1], const uint8_t *name, size_t len)
{
	char rest[NAME_MAX_LEN + 1];
	int n;

	if (len < 2 || name[0] != '*' || name[1] != '.')
		return name_copy(out, name, len);
	n = name_copy(rest, name + 2, len - 2);
	if (n < 0 || n + 2 > NAME_MAX_LEN)
		return -1;
	memcpy(out, "*.", 2);
	memcpy(out + 2, rest, (size_t)n + 1);
	return n + 2;
}

bool name_is_address(const uint8_t *name, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;

	if (len == 0 || len >= sizeof(text) || memchr(name, '\0', len))
		return false;
	/* The last byte settles most names: top-level domains have no digits at the end. */
	if (!memchr(name, ':', len) && (name[len - 1] < '0' || name[len - 1] > '9'))
		return false;
	memcpy(text, name, len);
	text[len] = '\0';
	return inet_pton(AF_INET, text, &ip) == 1 || inet_pton(AF_INET6, text, &ip) == 1;
}
