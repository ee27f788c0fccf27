/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <rte_byteorder.h>
#include <rte_ether.h>

#include "dataplane/port/internal.h"

void port_set_vlans(struct port *p, const struct port_vlan vlans[], unsigned n)
{
	p->n_vlans = n < PORT_VLANS_MAX ? n : PORT_VLANS_MAX;
	for (unsigned i = 0; i < p->n_vlans; i++)
		p->vlans[i] = vlans[i];
}

/* The VLAN a frame says it is in; 0: none. */
static uint16_t vlan_of(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_vlan_hdr *tag = (const struct rte_vlan_hdr *)(eth + 1);

	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		return m->vlan_tci & 0xfff;
	if (m->data_len < sizeof(*eth) + sizeof(*tag) ||
	    eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN))
		return 0;
	return rte_be_to_cpu_16(tag->vlan_tci) & 0xfff;
}

void port_sort_vlans(const struct port *p, struct rte_mbuf *pkts[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint16_t vlan = vlan_of(pkts[i]);

		for (unsigned j = 0; j < p->n_vlans; j++)
			if (p->vlans[j].vlan == vlan)
				pkts[i]->port = p->vlans[j].index;
	}
}
