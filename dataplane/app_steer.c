/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <rte_ethdev.h>

#include "config/err.h"
#include "dataplane/app.h"
#include "dataplane/base/log.h"
#include "dataplane/port/port.h"
#include "dataplane/steer/steer.h"

#define TCP_HASHES (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)

/* What port says of itself; room is for offer->rss. */
static struct steer_offer offer_of(const struct port *port, struct steer_rss *room)
{
	struct steer_offer offer = { .port = port_name(port) };
	const struct port_rss *rss = port_rss(port);

	if (!rss || rss->key_size < TOEPLITZ_KEY)
		return offer;
	memcpy(room->key, rss->key, sizeof(room->key));
	room->table_size = rss->table_size;
	memcpy(room->table, rss->table, sizeof(room->table));
	offer.rss = room;
	offer.hashes_tcp = (rss->types & TCP_HASHES) == TCP_HASHES;
	return offer;
}

/* HASH, with NULL and the reason in why when the ports cannot. */
static struct steer *by_hash(struct app *a, struct err *why, struct err *e)
{
	static struct steer_rss rooms[CONFIG_MAX_PORTS];
	struct steer_offer offers[CONFIG_MAX_PORTS];
	const struct steer_rss *rss;

	_Static_assert(STEER_TABLE_MAX == PORT_RSS_TABLE_MAX, "one is copied to the other");
	for (unsigned i = 0; i < a->n_ports; i++)
		offers[i] = offer_of(a->ports[i], &rooms[i]);
	rss = steer_agree(offers, a->n_ports, a->n_workers, why);
	return rss ? steer_new(a->n_workers, a->secret, rss, e) : NULL;
}

/* Rules for all ports, or for none. */
static int set_rules(struct app *a, const struct steer_bits *bits, struct err *why)
{
	for (unsigned i = 0; i < a->n_ports; i++) {
		struct port_flow_config config = {
			.shift = STEER_BITS_SHIFT, .bits = bits->n, .queue_of = bits->table
		};

		for (unsigned j = 0; j < a->boot->n_ports; j++) {
			if (a->port_of[j] != i)
				continue;
			config.untagged |= a->boot->ports[j].vlan == 0;
			config.tagged |= a->boot->ports[j].vlan != 0;
		}
		if (port_flow_set(a->ports[i], &config, why) == 0)
			continue;
		while (i > 0)
			port_flow_clear(a->ports[--i]);
		return -1;
	}
	return 0;
}

/* FLOW, with NULL and the reason in why when the ports cannot. */
static struct steer *by_rules(struct app *a, struct err *why, struct err *e)
{
	static struct steer_bits bits;

	if (!steer_bits_make(&bits, a->n_workers)) {
		err_set(why, "%u workers would need too many rules", a->n_workers);
		return NULL;
	}
	return set_rules(a, &bits, why) == 0 ? steer_new_flow(a->n_workers, a->secret, &bits, e)
					     : NULL;
}

static void log_mode(const struct app *a, const struct err *no_hash, const struct err *no_rules)
{
	const char *name = steer_mode_name(a->steer_mode);

	if (a->steer_mode == STEER_RING)
		log_info("steering: ring, software chooses the worker of each flow: %.*s; %.*s",
		    (int)strcspn(no_hash->text, "\n"), no_hash->text,
		    (int)strcspn(no_rules->text, "\n"), no_rules->text);
	else if (a->steer_mode == STEER_FLOW)
		log_info("steering: %s, %u rules on the first port: %.*s", name,
		    port_flow_rules(a->ports[0]), (int)strcspn(no_hash->text, "\n"), no_hash->text);
	else
		log_info("steering: %s", name);
}

/* HASH when all ports can, else FLOW when they can, RING otherwise. */
int app_steer_start(struct app *a, struct err *e)
{
	static struct err no_hash, no_rules;

	err_init(&no_hash);
	err_init(&no_rules);
	a->steer = by_hash(a, &no_hash, e);
	if (!a->steer && e->n == 0 && a->n_workers > 1)
		a->steer = by_rules(a, &no_rules, e);
	if (!a->steer && e->n == 0)
		a->steer = steer_new(a->n_workers, a->secret, NULL, e);
	if (!a->steer)
		return -1;
	a->steer_mode = steer_mode(a->steer);
	log_mode(a, &no_hash, &no_rules);
	return 0;
}

void app_steer_stop(struct app *a)
{
	steer_free(a->steer);
	a->steer = NULL;
}

void app_watch(struct app *a)
{
	enum steer_mode mode = steer_mode(a->steer);

	if (mode == a->steer_mode)
		return;
	log_warning(
	    "steering: %s, no longer %s: a device does not spread flows by the hash and table that "
	    "it tells, or the rules that it took (counters steer_wrong_hash and steer_wrong_queue)",
	    steer_mode_name(mode), steer_mode_name(a->steer_mode));
	a->steer_mode = mode;
}
