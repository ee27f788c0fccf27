/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "config/addr.h"
#include "config/check.h"
#include "config/check_inside.h"
#include "config/err.h"
#include "config/nearest.h"

const struct config_port *config_find_port(const struct config *c, const char *name)
{
	for (unsigned i = 0; name && i < c->n_ports; i++) {
		if (c->ports[i].name && strcmp(c->ports[i].name, name) == 0)
			return &c->ports[i];
	}
	return NULL;
}

bool config_ports_share(const struct config_port *a, const struct config_port *b)
{
	if (a->n_devices != b->n_devices)
		return false;
	for (unsigned i = 0; i < a->n_devices; i++) {
		if (strcmp(a->devices[i], b->devices[i]) != 0)
			return false;
	}
	return a->n_devices > 0;
}

static bool has_family(const struct config_port *p, bool is_v4)
{
	for (unsigned i = 0; i < p->n_addresses; i++) {
		if (p->addresses[i].is_v4 == is_v4)
			return true;
	}
	return false;
}

static bool is_connected(const struct config_port *p, const struct config_addr *ip)
{
	/* Every IPv6 interface has a link-local address (RFC 4291 2.1). */
	if (config_addr_is_link_local6(ip))
		return has_family(p, false);
	for (unsigned i = 0; i < p->n_addresses; i++) {
		if (config_addr_contains(&p->addresses[i], ip))
			return true;
	}
	return false;
}

bool config_port_reaches(
    const struct config_port *p, const struct config_addr *ip, const struct config_addr **via)
{
	const struct config_route *best = NULL;

	*via = NULL;
	if (is_connected(p, ip))
		return true;
	for (unsigned i = 0; i < p->n_routes; i++) {
		const struct config_route *r = &p->routes[i];

		if (r->to.line && config_addr_contains(&r->to, ip) &&
		    (!best || r->to.prefix > best->to.prefix))
			best = r;
	}
	if (best)
		*via = &best->via;
	return best != NULL;
}

const struct config_port *check_owner(const struct config *c, const struct config_addr *ip)
{
	for (unsigned i = 0; i < c->n_ports; i++) {
		for (unsigned j = 0; j < c->ports[i].n_addresses; j++) {
			if (config_addr_same(&c->ports[i].addresses[j], ip))
				return &c->ports[i];
		}
	}
	return NULL;
}

/* --- front and back --- */

static void
role_find(struct check_role *role, const struct config *c, const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n && i < CONFIG_MAX_PORTS; i++) {
		role->ports[i] = config_find_port(c, names[i]);
		if (!role->ports[i])
			return;
	}
	role->n = n;
}

void check_roles_find(struct check *k)
{
	const struct config_runtime *r = &k->c->runtime;

	role_find(&k->front, k->c, r->front, r->n_front);
	role_find(&k->back, k->c, r->back, r->n_back);
}

bool check_role_has(const struct check_role *role, const struct config_port *p)
{
	for (unsigned i = 0; i < role->n; i++) {
		if (role->ports[i] == p)
			return true;
	}
	return false;
}

bool check_role_has_family(const struct check_role *role, bool is_v4)
{
	for (unsigned i = 0; i < role->n; i++) {
		if (has_family(role->ports[i], is_v4))
			return true;
	}
	return false;
}

bool check_role_reaches(const struct check_role *role, const struct config_addr *ip)
{
	const struct config_addr *via;

	for (unsigned i = 0; i < role->n; i++) {
		if (config_port_reaches(role->ports[i], ip, &via))
			return true;
	}
	return false;
}

const char *check_role_text(const struct check_role *role, char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, "%s", role->n == 1 ? "port" : "ports");

	for (unsigned i = 0; i < role->n && len < size; i++)
		len += (size_t)snprintf(
		    text + len, size - len, "%s '%s'", i > 0 ? "," : "", role->ports[i]->name);
	return text;
}

/* --- runtime and eal --- */

static bool has_unnamed_port(const struct config *c)
{
	for (unsigned i = 0; i < c->n_ports; i++) {
		if (!c->ports[i].name)
			return true;
	}
	return false;
}

static const char *port_name(const void *from, unsigned i)
{
	const struct config *c = from;

	return i < c->n_ports ? or_unnamed(c->ports[i].name) : NULL;
}

/* names: none when they were given and could not be read, which has been told. */
static void
check_role(struct check *k, const char *role, const char *const *names, unsigned n, unsigned line)
{
	const struct config_runtime *r = &k->c->runtime;

	if (!k->c->n_ports || !r->file)
		return;
	if (!n && !line)
		err_add(k->e, r->file, r->line,
		    "runtime: '%s' is missing; with several ports it must name one of them", role);
	for (unsigned i = 0; i < n; i++) {
		const char *guess;

		for (unsigned j = 0; j < i; j++) {
			if (strcmp(names[j], names[i]) == 0)
				err_add(k->e, r->file, line, "runtime: '%s' names port '%s' twice",
				    role, names[i]);
		}
		/* The name of an unnamed port may have been meant. */
		if (config_find_port(k->c, names[i]) || has_unnamed_port(k->c))
			continue;
		guess = nearest(names[i], port_name, k->c);
		err_add(k->e, r->file, line,
		    "runtime: '%s' names port '%s', which is not defined%s%s%s", role, names[i],
		    guess ? "; did you mean '" : "", guess ? guess : "", guess ? "'?" : "");
	}
}

void check_runtime(struct check *k)
{
	const struct config_runtime *r = &k->c->runtime;

	check_role(k, "front", r->front, r->n_front, r->front_line);
	check_role(k, "back", r->back, r->n_back, r->back_line);
	for (unsigned i = 0; i < r->n_workers; i++) {
		if (r->control_core >= 0 && r->workers[i] == (unsigned)r->control_core)
			err_add(k->e, r->file, r->line,
			    "runtime: core %d is a worker's and cannot be 'control_core' too; "
			    "choose another or leave 'control_core' out",
			    r->control_core);
	}
	if (r->max_connections < r->n_workers)
		err_add(k->e, r->file, r->line,
		    "runtime: 'max_connections' is %u for %u workers; each needs at least one",
		    r->max_connections, r->n_workers);
}

/* What eal_start says itself: cores come from 'runtime'. */
void check_eal(struct check *k)
{
	static const char *const ours[] = { "--lcores", "--main-lcore", "--master-lcore" };

	for (unsigned i = 0; i < k->c->n_eal; i++) {
		const char *arg = k->c->eal[i];
		bool is_ours = arg[0] == '-' && arg[1] && strchr("lcsS", arg[1]);

		for (unsigned j = 0; j < sizeof(ours) / sizeof(ours[0]); j++) {
			size_t len = strlen(ours[j]);

			if (strncmp(arg, ours[j], len) == 0 && (!arg[len] || arg[len] == '='))
				is_ours = true;
		}
		if (is_ours)
			err_add(k->e, k->c->eal_file, k->c->eal_line,
			    "eal: '%s' chooses cores; remove it and set runtime.workers and "
			    "runtime.control_core",
			    arg);
	}
}

/* --- ports --- */

static void check_address(struct check *k, const struct config_port *p, unsigned i)
{
	const struct config_addr *a = &p->addresses[i];
	const char *why = config_addr_not_host(a);
	char text[CONFIG_ADDR_TEXT];

	config_addr_print(a, ADDR_PREFIX, text);
	if (why)
		err_add(k->e, a->file, a->line, "port '%s': address %s %s", or_unnamed(p->name),
		    text, why);
	for (const struct config_port *q = k->c->ports; q <= p; q++) {
		unsigned n = q == p ? i : q->n_addresses;

		for (unsigned j = 0; j < n; j++) {
			if (config_addr_same(&q->addresses[j], a))
				err_add(k->e, a->file, a->line,
				    "port '%s': address %s is also an address of port '%s'",
				    or_unnamed(p->name), text, or_unnamed(q->name));
		}
	}
}

static void check_via(struct check *k, const struct config_port *p, const struct config_route *r)
{
	char via[CONFIG_ADDR_TEXT];
	const char *why = config_addr_not_unicast(&r->via), *name = or_unnamed(p->name);

	config_addr_print(&r->via, ADDR_ALONE, via);
	if (r->to.line && r->to.is_v4 != r->via.is_v4)
		err_add(k->e, r->file, r->line,
		    "port '%s': route via %s: 'to' and 'via' must both be IPv4 or both IPv6", name,
		    via);
	else if (why)
		err_add(
		    k->e, r->file, r->line, "port '%s': route via %s, which %s", name, via, why);
	else if (!k->addresses_known)
		return;
	else if (check_owner(k->c, &r->via))
		err_add(k->e, r->file, r->line,
		    "port '%s': route via %s, which is sallyport's own address", name, via);
	else if (!is_connected(p, &r->via))
		err_add(k->e, r->file, r->line,
		    "port '%s': route via %s, which is on none of the port's subnets; use a "
		    "neighbour of the port",
		    name, via);
}

static void check_route(struct check *k, const struct config_port *p, unsigned i)
{
	const struct config_route *r = &p->routes[i];
	char was[CONFIG_ADDR_TEXT], is[CONFIG_ADDR_TEXT];
	struct config_addr to = r->to;

	if (r->via.line)
		check_via(k, p, r);
	if (!to.line)
		return;
	config_addr_print(&to, ADDR_PREFIX, was);
	if (!config_addr_trim(&to))
		err_add(k->e, to.file, to.line,
		    "port '%s': route to %s has bits set past its prefix; did you mean %s?",
		    or_unnamed(p->name), was, config_addr_print(&to, ADDR_PREFIX, is));
	for (unsigned j = 0; j < i; j++) {
		const struct config_addr *other = &p->routes[j].to;

		if (other->line && other->prefix == to.prefix && config_addr_same(other, &r->to))
			err_add(k->e, to.file, to.line,
			    "port '%s': a second route to %s; remove one", or_unnamed(p->name),
			    was);
	}
}

static bool has_device(const struct config_port *p, const char *device)
{
	for (unsigned i = 0; i < p->n_devices; i++) {
		if (strcmp(p->devices[i], device) == 0)
			return true;
	}
	return false;
}

/* Ports on the same devices are VLANs of one wire: what concerns the devices is one setting. */
static void
check_shared(struct check *k, const struct config_port *p, const struct config_port *first)
{
	const struct {
		const char *key;
		bool same;
	} settings[] = {
		{ "mtu", p->mtu == first->mtu },
		{ "offloads", p->offloads == first->offloads },
		{ "promiscuous", p->promiscuous == first->promiscuous },
		{ "rx_descriptors", p->rx_descriptors == first->rx_descriptors },
		{ "tx_descriptors", p->tx_descriptors == first->tx_descriptors },
		{ "flow_control", p->flow_control == first->flow_control },
	};

	if (p->vlan == first->vlan)
		err_add(k->e, p->file, p->line,
		    "port '%s': device '%s' is also a device of port '%s'; to share it each needs "
		    "a 'vlan' of its own",
		    or_unnamed(p->name), p->devices[0], or_unnamed(first->name));
	for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (!settings[i].same)
			err_add(k->e, p->file, p->line,
			    "port '%s': '%s' differs from that of port '%s', which has the same "
			    "devices",
			    or_unnamed(p->name), settings[i].key, or_unnamed(first->name));
	}
}

static void
check_overlap(struct check *k, const struct config_port *p, const struct config_port *first)
{
	for (unsigned i = 0; i < p->n_devices; i++) {
		if (has_device(first, p->devices[i]))
			err_add(k->e, p->file, p->line,
			    "port '%s': device '%s' is also a device of port '%s'; ports share all "
			    "their devices or none",
			    or_unnamed(p->name), p->devices[i], or_unnamed(first->name));
	}
}

static void check_devices(struct check *k, const struct config_port *p)
{
	unsigned n_workers = k->c->runtime.n_workers;

	if (n_workers && p->n_devices > 1 && p->n_devices != n_workers)
		err_add(k->e, p->file, p->line,
		    "port '%s': %u devices for %u worker%s; give one device with a queue for each "
		    "worker, or one device per worker",
		    or_unnamed(p->name), p->n_devices, n_workers, n_workers == 1 ? "" : "s");
	for (unsigned i = 1; i < p->n_devices; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(p->devices[j], p->devices[i]) == 0)
				err_add(k->e, p->file, p->line,
				    "port '%s': device '%s' is named twice", or_unnamed(p->name),
				    p->devices[i]);
		}
	}
	for (const struct config_port *first = k->c->ports; first < p; first++) {
		if (config_ports_share(first, p))
			check_shared(k, p, first);
		else
			check_overlap(k, p, first);
	}
}

void check_port(struct check *k, const struct config_port *p)
{
	check_devices(k, p);
	for (unsigned i = 0; i < p->n_addresses; i++)
		check_address(k, p, i);
	for (unsigned i = 0; i < p->n_routes; i++)
		check_route(k, p, i);
}
