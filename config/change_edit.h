/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "config/change.h"

struct err;

/*
 * Edits of a trust store. What they are applied to is only known when they are: to the settings that run then, with what the
 * same list of changes did to them before. So two that are staged do not undo each other, nor what somebody else has
 * changed meanwhile.
 */

enum change_edited {
	CHANGE_EDITED,
	CHANGE_EDIT_NOWHERE, /* there is no such store, or it has no such list */
	CHANGE_EDIT_TWICE,   /* it has that list already */
	CHANGE_EDIT_NO_MEMORY,
};

/*
 * What c, a CHANGE_ITEM_PUT with an edit, makes of the store's settings (JSON, NULL: there is no store), to *to as
 * JSON; the caller frees it. On anything but CHANGE_EDITED the reason is in e.
 */
enum change_edited
change_edit_settings(const struct change *c, const char *settings, char **to, struct err *e);

/* A list's id is the name of its file; "" for NULL. */
const char *change_crl_id(const char *path);
