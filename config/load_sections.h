/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "config/load_keys.h"

/* The keys of the whole file; the item they fill is struct config. */
extern const struct load_group load_root;

/* What runtime is before the file is read. */
extern const struct config_runtime load_runtime_defaults;

/* The same of control. */
extern const struct config_control load_control_defaults;
extern const struct config_tickets load_tickets_defaults;
