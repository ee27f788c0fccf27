/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "config/load.h"
#include "config/load_keys.h"

/* Named items between libconfig and JSON: a group is an object, a list or an array is an array. */

/*
 * Puts overrides into what libconfig has read, before the keys are looked at. 0, or -1 with every mistake
 * in l->e.
 */
int load_overrides(
    struct load *l, config_t *file, const struct config_override *overrides, unsigned n);

/* Notes all settings but certificates in l->config->items, as JSON. */
void load_render(struct load *l, const config_t *file);
