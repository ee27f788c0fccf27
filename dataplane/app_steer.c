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

/* HASH when all ports can, RING otherwise. */
int app_steer_start(struct app *a, struct err *e)
{
	static struct steer_rss rooms[CONFIG_MAX_PORTS];
	struct steer_offer offers[CONFIG_MAX_PORTS];
	const struct steer_rss *rss;
	static struct err why;

	_Static_assert(STEER_TABLE_MAX == PORT_RSS_TABLE_MAX, "one is copied to the other");
	for (unsigned i = 0; i < a->boot->n_ports; i++)
		offers[i] = offer_of(a->ports[i], &rooms[i]);
	err_init(&why);
	rss = steer_agree(offers, a->boot->n_ports, a->n_workers, &why);
	a->steer = steer_new(a->n_workers, a->secret, rss, e);
	if (!a->steer)
		return -1;
	a->steer_mode = steer_mode(a->steer);
	if (a->steer_mode == STEER_RING)
		log_info("steering: ring, software chooses the worker of each flow: %.*s",
		    (int)strcspn(why.text, "\n"), why.text);
	else
		log_info("steering: %s", steer_mode_name(a->steer_mode));
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
	    "it tells (counters steer_wrong_hash and steer_wrong_queue)",
	    steer_mode_name(mode), steer_mode_name(a->steer_mode));
	a->steer_mode = mode;
}
