/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

struct app;
struct control_host;

/* What control asks of a running program; drain is left to the caller. arg of all is app. */
void control_app_host(struct app *app, struct control_host *host);
