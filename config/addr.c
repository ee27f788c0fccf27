/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Decimal digits only, no leading zero, at most max; false otherwise. */
static bool parse_number(const char *text, unsigned max, unsigned *value)
{
	unsigned v = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (unsigned)(*text - '0');
		if (v > max)
			return false;
	}
	*value = v;
	return true;
}

static const char *parse_ip(const char *text, struct config_addr *a)
{
	struct in_addr ip4;

	if (strchr(text, '%'))
		return "has a zone id; addresses here belong to a port by their subnet: leave it out";
	if (inet_pton(AF_INET, text, &ip4) == 1) {
		memset(&a->ip, 0, sizeof(a->ip));
		a->ip.s6_addr[10] = a->ip.s6_addr[11] = 0xff;
		memcpy(&a->ip.s6_addr[12], &ip4, 4);
		a->is_v4 = true;
		return NULL;
	}
	if (inet_pton(AF_INET6, text, &a->ip) != 1)
		return "is not an IPv4 or IPv6 address";
	if (IN6_IS_ADDR_V4MAPPED(&a->ip))
		return "is an IPv4 address in IPv6 form; write it as a.b.c.d";
	a->is_v4 = false;
	return NULL;
}

static const char *parse_with_prefix(char *text, struct config_addr *a)
{
	char *slash = strchr(text, '/');
	const char *why;
	unsigned prefix;

	if (!slash)
		return "has no prefix length; write it as in 10.80.0.1/24 or fd80::1/64";
	*slash = '\0';
	why = parse_ip(text, a);
	if (why)
		return why;
	if (!parse_number(slash + 1, a->is_v4 ? 32 : 128, &prefix))
		return a->is_v4 ? "has a prefix length that is not in 0..32"
				: "has a prefix length that is not in 0..128";
	a->prefix = (uint8_t)prefix;
	return NULL;
}

static const char *parse_with_port(char *text, struct config_addr *a)
{
	char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[';
	const char *why;
	unsigned port;

	if (!bracket && colon && strchr(text, ':') != colon)
		return "needs brackets around its IPv6 address, as in [fd80::1]:443";
	if (bracket && !strchr(text, ']'))
		return "has a '[' without ']'";
	if (!colon || (bracket && (colon < text + 2 || colon[-1] != ']')))
		return bracket ? "has no port; write it as in [fd80::1]:443"
			       : "has no port; write it as in 10.80.0.1:443";
	colon[bracket ? -1 : 0] = '\0';
	why = parse_ip(text + bracket, a);
	if (why)
		return why;
	if (bracket == a->is_v4)
		return "has brackets around an IPv4 address; write it as in 10.80.0.1:443";
	if (!parse_number(colon + 1, 65535, &port) || port == 0)
		return "has a port that is not in 1..65535";
	a->port = (uint16_t)port;
	return NULL;
}

const char *config_addr_parse(const char *text, enum addr_form form, struct config_addr *a)
{
	char copy[CONFIG_ADDR_TEXT];

	if (strlen(text) >= sizeof(copy))
		return "is too long for an address";
	strcpy(copy, text);
	a->port = 0;
	a->prefix = 0;
	switch (form) {
	case ADDR_ALONE:
		return parse_ip(copy, a);
	case ADDR_PREFIX:
		return parse_with_prefix(copy, a);
	case ADDR_PORT:
		return parse_with_port(copy, a);
	}
	return "has an unknown form";
}

const char *
config_addr_print(const struct config_addr *a, enum addr_form form, char text[CONFIG_ADDR_TEXT])
{
	char ip[INET6_ADDRSTRLEN];
	const char *open = "", *close = "";

	if (a->is_v4)
		inet_ntop(AF_INET, &a->ip.s6_addr[12], ip, sizeof(ip));
	else
		inet_ntop(AF_INET6, &a->ip, ip, sizeof(ip));
	if (form == ADDR_PORT && !a->is_v4) {
		open = "[";
		close = "]";
	}
	snprintf(text, CONFIG_ADDR_TEXT, "%s%s%s", open, ip, close);
	if (form != ADDR_ALONE) {
		size_t len = strlen(text);

		snprintf(text + len, CONFIG_ADDR_TEXT - len, "%c%u", form == ADDR_PORT ? ':' : '/',
		    form == ADDR_PORT ? a->port : a->prefix);
	}
	return text;
}

/* The prefix counted in the 128 bits of the v4-mapped form. */
static unsigned prefix_bits(const struct config_addr *a)
{
	return a->is_v4 ? a->prefix + 96U : a->prefix;
}

bool config_addr_contains(const struct config_addr *net, const struct config_addr *ip)
{
	unsigned bits = prefix_bits(net), whole = bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

	if (net->is_v4 != ip->is_v4 || memcmp(&net->ip, &ip->ip, whole) != 0)
		return false;
	return bits % 8 == 0 || ((net->ip.s6_addr[whole] ^ ip->ip.s6_addr[whole]) & mask) == 0;
}

bool config_addr_same(const struct config_addr *a, const struct config_addr *b)
{
	return memcmp(&a->ip, &b->ip, sizeof(a->ip)) == 0;
}

bool config_addr_is_any(const struct config_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(&a->ip.s6_addr[a->is_v4 ? 12 : 0], zero, a->is_v4 ? 4 : 16) == 0;
}

bool config_addr_is_link_local6(const struct config_addr *a)
{
	return !a->is_v4 && IN6_IS_ADDR_LINKLOCAL(&a->ip);
}

const char *config_addr_not_unicast(const struct config_addr *a)
{
	uint8_t first = a->ip.s6_addr[a->is_v4 ? 12 : 0];

	if (config_addr_is_any(a))
		return "is the unspecified address";
	if (a->is_v4 ? first == 127 : IN6_IS_ADDR_LOOPBACK(&a->ip))
		return "is a loopback address, which no network carries";
	if (a->is_v4 ? first >= 224 && first < 240 : first == 0xff)
		return "is a multicast address";
	if (a->is_v4 && (first == 0 || first >= 240))
		return "is in a reserved range"; /* RFC 1122 3.2.1.3, RFC 1112 4 */
	return NULL;
}

/* Sets every bit of *a past its prefix to value. */
static void fill_host_bits(struct config_addr *a, bool value)
{
	for (unsigned bit = prefix_bits(a); bit < 128; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		if (value)
			a->ip.s6_addr[bit / 8] |= mask;
		else
			a->ip.s6_addr[bit / 8] &= (uint8_t)~mask;
	}
}

const char *config_addr_not_host(const struct config_addr *a)
{
	const char *why = config_addr_not_unicast(a);
	struct config_addr edge = *a;

	if (why)
		return why;
	if (a->prefix == 0)
		return "has prefix length 0, a subnet that is the whole world";
	if (!a->is_v4 || a->prefix >= 31)
		return NULL;
	fill_host_bits(&edge, false);
	if (config_addr_same(&edge, a))
		return "is the address of the subnet itself, not of a host in it";
	fill_host_bits(&edge, true);
	return config_addr_same(&edge, a) ? "is the broadcast address of its subnet" : NULL;
}

bool config_addr_trim(struct config_addr *a)
{
	struct config_addr before = *a;

	fill_host_bits(a, false);
	return config_addr_same(&before, a);
}
