/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

struct app;
struct err;

/*
 * Reads the configuration file and all it names again and puts the result into force: new connections see it
 * when the call returns, those there are go on with what they have. -1 with every reason when
 * it is wrong, or changes what needs a restart: then nothing has changed. Control thread only.
 */
int reload(struct app *a, const char *path, struct err *e);
