/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "config/addr.h"
#include "config/load_keys.h"

/* Pieces of a key's load function (config/load_keys.h), for addresses. */

/* Reads s as an address; a->line stays 0 when it is none. */
void load_addr(struct load *l, const config_setting_t *s, const char *key, enum addr_form form,
    struct config_addr *a);

/* Reads the elements of s into a, which has room for all; those that are none are left out. Returns how many. */
unsigned load_addrs(struct load *l, const config_setting_t *s, const struct load_key *k,
    enum addr_form form, struct config_addr *a);

/* The same into memory of the configuration's: *a and *n stay as they are when s is no list. */
void load_addr_list(struct load *l, const config_setting_t *s, const struct load_key *k,
    enum addr_form form, const struct config_addr **a, unsigned *n);
