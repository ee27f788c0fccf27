/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/tickets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/err.h"
#include "config/model.h"
#include "dataplane/base/log.h"
#include "tls/ticket.h"

#define RETRY_S 60

struct tickets {
	char *file; /* NULL: none */
	uint32_t lifetime_s, rotate_s;
	unsigned n_keep;
	struct ticket_ring *ring;
	struct tickets_host host;
	int64_t made, retry, looked;
	struct stat seen; /* the file as it was last read or written */
};

/* Remembers how the file looks, and when its keys were made; a clock that was wrong must not keep us from rotating. */
static void note_file(struct tickets *t, int64_t now)
{
	if (stat(t->file, &t->seen) == 0)
		t->made = t->seen.st_mtime < now ? t->seen.st_mtime : now;
}

static int start_file(struct tickets *t, int64_t now, struct err *e)
{
	struct stat st;

	if (stat(t->file, &st) == 0 || errno != ENOENT) {
		t->ring = ticket_ring_load(t->file, t->lifetime_s, e);
	} else {
		t->ring = ticket_ring_new(t->lifetime_s, e);
		if (t->ring && ticket_ring_save(t->ring, t->file, e) < 0)
			return -1;
	}
	note_file(t, now);
	return t->ring ? 0 : -1;
}

static int start(struct tickets *t, const struct config_tickets *config, int64_t now, struct err *e)
{
	t->lifetime_s = (uint32_t)config->lifetime_s;
	t->rotate_s = (uint32_t)config->rotate_s;
	t->n_keep = config->keep;
	t->made = now;
	if (config->key_file) {
		t->file = strdup(config->key_file);
		return t->file ? start_file(t, now, e) : err_set(e, "out of memory");
	}
	t->ring = ticket_ring_new(t->lifetime_s, e);
	return t->ring ? 0 : -1;
}

struct tickets *tickets_new(const struct config_tickets *config, int64_t now, struct err *e)
{
	struct tickets *t = calloc(1, sizeof(*t));

	if (!t) {
		err_set(e, "out of memory");
		return NULL;
	}
	if (start(t, config, now, e) == 0)
		return t;
	tickets_free(t);
	return NULL;
}

void tickets_free(struct tickets *t)
{
	if (!t)
		return;
	ticket_ring_free(t->ring);
	free(t->file);
	free(t);
}

const struct ticket_ring *tickets_ring(const struct tickets *t)
{
	return t->ring;
}

void tickets_attach(struct tickets *t, const struct tickets_host *host)
{
	t->host = *host;
	t->host.publish(t->host.arg, t->ring);
}

/* Publish, wait, drop. */
static void replace(struct tickets *t, struct ticket_ring *next)
{
	struct ticket_ring *old = t->ring;

	t->ring = next;
	if (t->host.publish)
		t->host.publish(t->host.arg, next);
	ticket_ring_free(old);
}

/* Writes next, then uses it; takes it (NULL: nothing happens). */
static int use(struct tickets *t, struct ticket_ring *next, int64_t now, struct err *e)
{
	if (!next)
		return -1;
	if (t->file) {
		if (ticket_ring_save(next, t->file, e) < 0) {
			ticket_ring_free(next);
			return -1;
		}
		note_file(t, now);
	}
	replace(t, next);
	t->made = now;
	return 0;
}

int tickets_rotate(struct tickets *t, int64_t now, struct err *e)
{
	return use(t, ticket_ring_rotate(t->ring, t->n_keep, e), now, e);
}

int tickets_put(struct tickets *t, const char *text, size_t len, int64_t now, struct err *e)
{
	return use(
	    t, ticket_ring_parse("keys", (const uint8_t *)text, len, t->lifetime_s, e), now, e);
}

int tickets_reload(struct tickets *t, int64_t now, struct err *e)
{
	struct ticket_ring *next;

	if (!t->file)
		return 0;
	note_file(t, now);
	next = ticket_ring_load(t->file, t->lifetime_s, e);
	if (!next)
		return -1;
	if (ticket_ring_is_same(next, t->ring)) {
		ticket_ring_free(next);
		return 0;
	}
	replace(t, next);
	return 1;
}

int64_t tickets_made(const struct tickets *t)
{
	return t->made;
}

int64_t tickets_next(const struct tickets *t)
{
	return t->rotate_s > 0 ? t->made + t->rotate_s : 0;
}

static void complain(const char *what, const struct err *e)
{
	log_error("%s:", what);
	log_lines(RTE_LOG_ERR, e->text);
}

/* Somebody else may write the file: another node's keys. Looked at once a second. */
static void look_at_file(struct tickets *t, int64_t now)
{
	static struct err e;
	struct stat st;
	int changed;

	if (!t->file || now == t->looked)
		return;
	t->looked = now;
	if (stat(t->file, &st) < 0 ||
	    (st.st_ino == t->seen.st_ino && st.st_size == t->seen.st_size &&
		st.st_mtim.tv_sec == t->seen.st_mtim.tv_sec &&
		st.st_mtim.tv_nsec == t->seen.st_mtim.tv_nsec))
		return;
	err_init(&e);
	changed = tickets_reload(t, now, &e);
	if (changed < 0)
		complain("the ticket keys have changed and cannot be used; those in use stay", &e);
	else if (changed > 0)
		log_notice("ticket keys read again from %s: %u", t->file, t->ring->n_keys);
}

void tickets_tick(struct tickets *t, int64_t now)
{
	int64_t next;
	static struct err e;

	look_at_file(t, now);
	next = tickets_next(t);
	if (next == 0 || now < next || now < t->retry)
		return;
	err_init(&e);
	if (tickets_rotate(t, now, &e) == 0) {
		log_notice("new ticket key; %u are in use", t->ring->n_keys);
		return;
	}
	t->retry = now + RETRY_S;
	complain("no new ticket key", &e);
}
