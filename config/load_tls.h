/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "config/load_keys.h"

/* The keys of one policy, one trust store, an mtls group, one entry of a listener's sni, and a backend's tls group. */
extern const struct load_group load_policies, load_trust_stores, load_mtls, load_sni,
    load_backend_tls;

/* Reads a policy's name and notes the line it is named in. */
void load_policy_name(
    struct load *l, const config_setting_t *s, const struct load_key *k, void *item);
