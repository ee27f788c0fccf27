/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct config_tickets;
struct err;
struct ticket_ring;

/*
 * The ring of ticket keys (tls/ticket.h) of the running daemon: made at the start, rotated on time and on command, read
 * again when its file changes. Control thread only.
 */
struct tickets;

struct tickets_host {
	void *arg;
	/* Gives ring to every worker and returns when none uses another one any more. */
	void (*publish)(void *arg, const struct ticket_ring *ring);
};

/*
 * The keys of config->key_file; when there is no such file it is made, with one new key. Without a key_file:
 * one new key. now: seconds. NULL with the reason in e.
 */
struct tickets *tickets_new(const struct config_tickets *config, int64_t now, struct err *e);

/* NULL is fine; no worker may use the ring any more. */
void tickets_free(struct tickets *t);

const struct ticket_ring *tickets_ring(const struct tickets *t);

/* From now on rings are published; the present one is, at once. host is copied. */
void tickets_attach(struct tickets *t, const struct tickets_host *host);

/*
 * A new key, which seals from now on; it is in the file before it is used. 0, or -1 with the reason in e and
 * nothing changed.
 */
int tickets_rotate(struct tickets *t, int64_t now, struct err *e);

/*
 * These keys, text as the file has it, instead of those in use; they are in the file before they are used. 0, or -1 with
 * the reason in e and nothing changed.
 */
int tickets_put(struct tickets *t, const char *text, size_t len, int64_t now, struct err *e);

/*
 * Reads the file again. 1: it had other keys, which are used now; 0: nothing has changed, or there is no file;
 * -1 with the reason in e: the keys stay.
 */
int tickets_reload(struct tickets *t, int64_t now, struct err *e);

/* Rotates when it is time to, and reads the file when somebody has written it; to be called now and then. Failures go to the log, and are tried again after a minute. */
void tickets_tick(struct tickets *t, int64_t now);

/* When the sealing key was made, and when it will be replaced (0: only on command); seconds. */
int64_t tickets_made(const struct tickets *t);
int64_t tickets_next(const struct tickets *t);
