/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include <rte_flow.h>

#include "config/err.h"
#include "dataplane/base/log.h"
#include "dataplane/port/internal.h"

/* Ethernet, VLAN, IP, TCP, the end. */
#define ITEMS 5

/* The headers a rule is about; its TCP item is filled in for each. */
struct shape {
	struct rte_flow_item items[ITEMS];
	unsigned tcp; /* index of the TCP item */
};

static struct shape shape_make(bool tagged, bool is_v4)
{
	struct shape s = { .tcp = 0 };
	unsigned n = 0;

	s.items[n++].type = RTE_FLOW_ITEM_TYPE_ETH;
	if (tagged)
		s.items[n++].type = RTE_FLOW_ITEM_TYPE_VLAN;
	s.items[n++].type = is_v4 ? RTE_FLOW_ITEM_TYPE_IPV4 : RTE_FLOW_ITEM_TYPE_IPV6;
	s.tcp = n;
	s.items[n++].type = RTE_FLOW_ITEM_TYPE_TCP;
	s.items[n].type = RTE_FLOW_ITEM_TYPE_END;
	return s;
}

static int refuse(const struct port *p, const struct rte_flow_error *error, int rc, struct err *why)
{
	return err_set(why, "port '%s' refuses rule %u: %s", p->name, p->n_flows + 1,
	    error->message != NULL ? error->message : rte_strerror(-rc));
}

/* One more rule: TCP packets of this shape with these bits in their ports go to queue. */
static int add_rule(struct port *p, const struct port_flow_config *c, struct shape *s, unsigned src,
    unsigned dst, struct err *why)
{
	const struct rte_flow_attr attr = { .ingress = 1 };
	const uint16_t bits = (uint16_t)((1u << c->bits) - 1);
	const struct rte_flow_item_tcp spec = {
		.hdr = { .src_port = rte_cpu_to_be_16((uint16_t)(src << c->shift)),
		    .dst_port = rte_cpu_to_be_16((uint16_t)(dst << c->shift)) },
	};
	const struct rte_flow_item_tcp mask = {
		.hdr = { .src_port = rte_cpu_to_be_16((uint16_t)(bits << c->shift)),
		    .dst_port = rte_cpu_to_be_16((uint16_t)(bits << c->shift)) },
	};
	const struct rte_flow_action_queue queue = { .index = c->queue_of[src << c->bits | dst] };
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	struct rte_flow_error error = { .message = NULL };
	struct rte_flow *flow;
	int rc;

	s->items[s->tcp].spec = &spec;
	s->items[s->tcp].mask = &mask;
	rc = rte_flow_validate(p->devs[0], &attr, s->items, actions, &error);
	if (rc != 0)
		return refuse(p, &error, rc, why);
	flow = rte_flow_create(p->devs[0], &attr, s->items, actions, &error);
	if (flow == NULL)
		return refuse(p, &error, -rte_errno, why);
	p->flows[p->n_flows++] = flow;
	return 0;
}

int port_flow_set(struct port *p, const struct port_flow_config *c, struct err *why)
{
	unsigned n = 1u << c->bits;

	if (p->n_devs != 1)
		return err_set(why, "port '%s' has a device for each queue", p->name);
	port_flow_clear(p);
	p->flows = calloc((size_t)4 * n * n, sizeof(struct rte_flow *));
	if (p->flows == NULL)
		return err_set(why, "port '%s': out of memory", p->name);
	for (unsigned shape = 0; shape < 4; shape++) {
		bool tagged = shape / 2;
		struct shape s = shape_make(tagged, shape % 2 == 0);

		if (!(tagged ? c->tagged : c->untagged))
			continue;
		for (unsigned i = 0; i < n * n; i++) {
			if (add_rule(p, c, &s, i / n, i % n, why) != 0) {
				port_flow_clear(p);
				return -1;
			}
		}
	}
	return 0;
}

void port_flow_clear(struct port *p)
{
	unsigned n_kept = 0;

	for (unsigned i = 0; i < p->n_flows; i++) {
		struct rte_flow_error error;

		n_kept += rte_flow_destroy(p->devs[0], p->flows[i], &error) != 0;
	}
	if (n_kept > 0)
		log_warning("port '%s': %u rules cannot be taken off", p->name, n_kept);
	free(p->flows);
	p->flows = NULL;
	p->n_flows = 0;
}

unsigned port_flow_rules(const struct port *p)
{
	return p->n_flows;
}
