/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "config/model.h"

/* Addresses as an operator writes them, and the questions asked about them. */

enum addr_form {
	ADDR_ALONE,  /* 10.80.0.254, fd80::1 */
	ADDR_PREFIX, /* 10.80.0.1/24, fd80::1/64 */
	ADDR_PORT,   /* 10.80.0.1:443, [fd80::1]:443 */
};

/*
 * Reads text into a (file and line are left alone). Returns NULL, or what is wrong with it as
 * the end of a sentence that began with the text itself.
 */
const char *config_addr_parse(const char *text, enum addr_form form, struct config_addr *a);

#define CONFIG_ADDR_TEXT 64

/* Writes a in the given form to text and returns text. */
const char *
config_addr_print(const struct config_addr *a, enum addr_form form, char text[CONFIG_ADDR_TEXT]);

/* True when ip lies in net's prefix; false across families. */
bool config_addr_contains(const struct config_addr *net, const struct config_addr *ip);

/* Same address; port and prefix do not matter. */
bool config_addr_same(const struct config_addr *a, const struct config_addr *b);

/* 0.0.0.0 or [::]. */
bool config_addr_is_any(const struct config_addr *a);

/* fe80::/10 (RFC 4291 2.5.6). */
bool config_addr_is_link_local6(const struct config_addr *a);

/* NULL, or why a packet can neither come from nor go to this address ("is a multicast address"). */
const char *config_addr_not_unicast(const struct config_addr *a);

/*
 * NULL, or why an interface cannot have this address with its prefix: as above, or the network's
 * own or broadcast address (RFC 1122 3.2.1.3; /31 and /32 have none, RFC 3021).
 */
const char *config_addr_not_host(const struct config_addr *a);

/* True when the bits past the prefix are zero; if not, clears them in *a. */
bool config_addr_trim(struct config_addr *a);
