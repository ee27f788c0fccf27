/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "config/load_keys.h"

/* The keys of one backend; the item they fill is struct config_backend. */
extern const struct load_group load_backends;

/* Most targets that are tried after the first for one connection. */
#define LOAD_MAX_RETRIES 4
