/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#define ALLOW_EXPERIMENTAL_API /* rte_eth_bond_members_get: so marked in DPDK 23.11 */
#include <rte_eth_bond.h>
#include <rte_ethdev.h>

#include "dataplane/port/internal.h"

bool port_bond_add(struct port *p, uint16_t dev)
{
	uint16_t found[RTE_MAX_ETHPORTS];
	int n = rte_eth_bond_slaves_get(dev, found, RTE_DIM(found));
	struct port_member *members;

	if (n <= 0) /* no bond, or an empty one */
		return true;
	members = realloc(p->members, (p->n_members + (unsigned)n) * sizeof(*members));
	if (members == NULL)
		return false;
	p->members = members;
	for (int i = 0; i < n; i++)
		members[p->n_members++] = (struct port_member){ .dev = found[i], .bond = dev };
	return true;
}

unsigned port_bond_left(const struct port *p, uint16_t bond)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_members; i++)
		n += p->members[i].bond == bond && !p->members[i].is_gone;
	return n;
}

int port_bond_remove(const struct port *p, struct port_member *m)
{
	int rc = rte_eth_bond_slave_remove(m->bond, m->dev);

	m->is_gone = true;
	/*
	 * The bond keeps for each queue whose turn it is, and may turn once more to the place where this one was. To ask
	 * it for no packet is enough to make it count anew (DPDK 22.11).
	 */
	for (unsigned i = 0; port_bond_left(p, m->bond) > 0 && i < p->n_queues; i++)
		if (p->queues[i].dev == m->bond)
			rte_eth_rx_burst(m->bond, p->queues[i].queue, NULL, 0);
	return rc;
}

void port_bond_close(struct port *p)
{
	for (unsigned i = 0; i < p->n_members; i++) {
		if (p->members[i].is_gone)
			continue;
		rte_eth_dev_stop(p->members[i].dev);
		rte_eth_dev_close(p->members[i].dev);
	}
	free(p->members);
	p->members = NULL;
	p->n_members = 0;
}
