/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/load_sections.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/load_addrs.h"
#include "config/load_backends.h"
#include "config/load_tables.h"
#include "config/load_tls.h"
#include "config/scan.h"

/*
 * Every section, from the inside out: functions for the keys with rules of their own, the
 * defaults, the table of keys. A rule that needs a second setting belongs to config/check.c.
 */

#define MAX_PATH      (PATH_MAX - 1)
#define MAX_LIST      1000000
#define MAX_SOCKET    107              /* sockaddr_un.sun_path with its NUL */
#define MAX_LIFETIME  604800           /* of a ticket, RFC 8446 4.6.1 */
#define MAX_STATE_DIR (PATH_MAX - 128) /* room for the names of the files in it */

/* --- runtime --- */

static void
load_workers(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	struct config_runtime *r = item;
	long n_cores = sysconf(_SC_NPROCESSORS_CONF);

	if (!load_is_list(l, s, k))
		return;
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
		long long core;
		unsigned j = 0;

		l->element = (unsigned)i + 1;
		if (!load_get_integer(l, element, k->name, 0, UINT_MAX, &core))
			continue;
		while (j < r->n_workers && r->workers[j] != core)
			j++;
		if (j < r->n_workers)
			load_error(
			    l, element, "'workers' names core %lld, which is listed before", core);
		else if (core >= n_cores)
			load_error(l, element,
			    "'workers' names core %lld; this machine has cores 0..%ld", core,
			    n_cores - 1);
		else
			r->workers[r->n_workers++] = (unsigned)core;
	}
	l->element = 0;
}

static void
load_control_core(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	struct config_runtime *r = item;
	long n_cores = sysconf(_SC_NPROCESSORS_CONF);
	long long core;

	if (!load_get_integer(l, s, k->name, -1, INT_MAX, &core))
		return;
	if (core >= n_cores)
		load_error(l, s, "'control_core' is %lld; this machine has cores 0..%ld", core,
		    n_cores - 1);
	else
		r->control_core = (int)core;
}

/* The names of one port or several; the line alone tells of some that were given and are wrong. */
static void
load_roles(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	bool is_one = config_setting_type(s) == CONFIG_TYPE_STRING;
	unsigned n = is_one ? 1 : (unsigned)config_setting_length(s), n_good = 0;
	const char **names;

	*(unsigned *)((char *)item + k->line_at) = config_setting_source_line(s);
	if (!is_one && !config_setting_is_array(s) && !config_setting_is_list(s)) {
		load_error(
		    l, s, "'%s' must be the name of a port, or an array [ ] of names", k->name);
		return;
	}
	if (!is_one && !load_is_list(l, s, k))
		return;
	names = load_alloc(l, n, sizeof(*names));
	for (unsigned i = 0; names && i < n; i++) {
		const struct load_key one = { .name = k->name };

		l->element = is_one ? 0 : i + 1;
		load_name(l, is_one ? s : config_setting_get_elem(s, i), &one, &names[i]);
		n_good += names[i] != NULL;
	}
	l->element = 0;
	if (!names || n_good != n)
		return;
	*(const char *const **)((char *)item + k->at) = names;
	*(unsigned *)((char *)item + k->count_at) = n;
}

static void
load_idle(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *text = load_get_string(l, s, k->name, 100);

	if (text && strcmp(text, "poll") != 0 && strcmp(text, "sleep") != 0)
		load_error(l, s, "'idle' is '%s'; it must be \"poll\" or \"sleep\"", text);
	else if (text)
		((struct config_runtime *)item)->idle_sleep = text[0] == 's';
}

const struct config_runtime load_runtime_defaults = {
	.control_core = -1,
	.max_connections = 100000,
	.drain_timeout_s = 30,
};

/* A path that need not exist yet, as the process can use it. */
static void
load_path(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *text = load_get_string(l, s, k->name, (size_t)k->max);
	char *path = text ? scan_join(l->dir, text) : NULL;
	char *copy;

	if (!path)
		return;
	copy = load_alloc(l, 1, strlen(path) + 1);
	if (strlen(path) > (size_t)k->max)
		load_error(l, s, "'%s' has %zu bytes with its folder; at most %.0f are allowed",
		    k->name, strlen(path), k->max);
	else if (copy)
		*(const char **)((char *)item + k->at) = strcpy(copy, path);
	free(path);
}

#define ROLE(member) \
	.line_at = offsetof(struct config_runtime, member##_line), .min = 1, .max = CONFIG_MAX_PORTS

static const struct load_key runtime_keys[] = {
	{ "workers", load_workers, .min = 1, .max = CONFIG_MAX_WORKERS, .required = true },
	{ "control_core", load_control_core, AT(config_runtime, control_core) },
	{ "front", load_roles, LISTED(config_runtime, front), ROLE(front) },
	{ "back", load_roles, LISTED(config_runtime, back), ROLE(back) },
	{ "max_connections", load_integer, SIZED(config_runtime, max_connections), .min = 1,
	    .max = 16 << 20 },
	{ "mbufs", load_integer, SIZED(config_runtime, mbufs), .min = 0, .max = 1 << 28 },
	{ "drain_timeout", load_seconds, AT(config_runtime, drain_timeout_s) },
	{ "idle", load_idle, AT(config_runtime, idle_sleep) },
	{ "state_dir", load_path, AT(config_runtime, state_dir), .max = MAX_STATE_DIR },
	{ "user", load_string, AT(config_runtime, user), .max = 32 },
	{ "watch", load_bool, AT(config_runtime, watch) },
};

static const struct load_group runtime = { KEYS(runtime_keys), PLACED(config_runtime) };

/* --- control --- */

static void
load_mode(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *text = load_get_string(l, s, k->name, 100);
	unsigned long mode;
	char *end;

	if (!text)
		return;
	mode = strtoul(text, &end, 8);
	if (*end || end - text < 3 || end - text > 4 || mode > 0777 || text[0] == '-')
		load_error(l, s,
		    "'mode' is '%s'; it must be octal permissions in quotes, such as \"0660\"",
		    text);
	else
		((struct config_control *)item)->mode = (unsigned)mode;
}

static void
load_metrics(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	load_addr(l, s, k->name, ADDR_PORT, &((struct config_control *)item)->metrics);
}

const struct config_control load_control_defaults = { .mode = 0660 };

static const struct load_key control_keys[] = {
	{ "socket", load_path, AT(config_control, socket), .max = MAX_SOCKET },
	{ "mode", load_mode, AT(config_control, mode) },
	{ "metrics", load_metrics, AT(config_control, metrics) },
};

static const struct load_group control = { KEYS(control_keys), PLACED(config_control) };

/* --- tickets --- */

/* Longer than a timer's; min is 0 for those that may be switched off with 0. */
static void
load_lifetime(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	bool is_whole = config_setting_is_scalar(s) &&
	    config_setting_type(s) != CONFIG_TYPE_STRING &&
	    config_setting_type(s) != CONFIG_TYPE_BOOL;
	double value = config_setting_type(s) == CONFIG_TYPE_FLOAT
	    ? config_setting_get_float(s)
	    : (double)config_setting_get_int64(s);

	if (!is_whole || !(value >= 60 || (k->min == 0 && value == 0)) || !(value <= MAX_LIFETIME))
		load_error(l, s, "'%s' must be a number of seconds from 60 to %d%s", k->name,
		    MAX_LIFETIME, k->min == 0 ? ", or 0" : "");
	else
		*(double *)((char *)item + k->at) = value;
}

const struct config_tickets load_tickets_defaults = { .rotate_s = 3600,
	.keep = 3,
	.lifetime_s = 7200 };

static const struct load_key tickets_keys[] = {
	{ "key_file", load_path, AT(config_tickets, key_file), .max = MAX_PATH },
	{ "rotate", load_lifetime, AT(config_tickets, rotate_s), .min = 0 },
	{ "keep", load_integer, SIZED(config_tickets, keep), .min = 1, .max = 16 },
	{ "lifetime", load_lifetime, AT(config_tickets, lifetime_s), .min = 60 },
};

static const struct load_group tickets = { KEYS(tickets_keys), PLACED(config_tickets) };

/* --- log --- */

static void
load_log_format(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *text = load_get_string(l, s, k->name, 100);

	if (text && strcmp(text, "alb") != 0 && strcmp(text, "json") != 0)
		load_error(l, s, "'format' is '%s'; it must be \"alb\" or \"json\"", text);
	else if (text)
		((struct config_log *)item)->format =
		    text[0] == 'a' ? CONFIG_LOG_ALB : CONFIG_LOG_JSON;
}

static const struct load_key connections_keys[] = {
	{ "path", load_path, AT(config_log, path), .max = MAX_PATH, .required = true },
	{ "format", load_log_format, AT(config_log, format) },
};

static const struct load_group connections = { KEYS(connections_keys), PLACED(config_log) };

static const struct load_key log_keys[] = {
	{ "connections", load_group, AT(config, log), .group = &connections },
};

static const struct load_group logs = { KEYS(log_keys) };

/* --- eal --- */

static void
load_eal(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	struct config *c = item;

	c->eal_file = load_file(l, s);
	c->eal_line = config_setting_source_line(s);
	load_strings(l, s, k, item);
}

/* --- ports --- */

static void
load_port_addresses(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	struct config_port *p = item;

	if (load_is_list(l, s, k))
		p->n_addresses = load_addrs(l, s, k, ADDR_PREFIX, p->addresses);
	if (p->n_addresses != (unsigned)config_setting_length(s))
		l->addresses_known = false;
}

static void
load_route_to(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	struct config_addr *to = &((struct config_route *)item)->to;

	load_addr(l, s, k->name, ADDR_PREFIX, to);
	if (!to->line)
		l->addresses_known = false;
}

static void
load_route_via(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	load_addr(l, s, k->name, ADDR_ALONE, &((struct config_route *)item)->via);
}

static const struct load_key route_keys[] = {
	{ "to", load_route_to, .required = true },
	{ "via", load_route_via, .required = true },
};

static const struct load_group route = { "route", KEYS(route_keys), PLACED(config_route) };

static void
load_flow_control(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	static const char *const names[] = {
		[CONFIG_FLOW_KEEP] = "keep", [CONFIG_FLOW_OFF] = "off", [CONFIG_FLOW_ON] = "on"
	};
	const char *text = load_get_string(l, s, k->name, 100);

	for (unsigned i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			((struct config_port *)item)->flow_control = (enum config_flow_control)i;
			return;
		}
	}
	if (text)
		load_error(
		    l, s, "'flow_control' is '%s'; it must be \"keep\", \"off\" or \"on\"", text);
}

static const struct config_port port_defaults = { .mtu = 1500, .offloads = true };

static const struct load_key port_keys[] = {
	{ "name", load_name, AT(config_port, name), .required = true },
	{ "devices", load_strings, LISTED(config_port, devices), .size = 255, .min = 1,
	    .max = CONFIG_MAX_WORKERS, .required = true },
	{ "addresses", load_port_addresses, .min = 1, .max = CONFIG_MAX_PORT_ADDRESSES,
	    .required = true },
	{ "routes", load_items, LISTED(config_port, routes), .max = CONFIG_MAX_PORT_ROUTES,
	    .group = &route },
	{ "mtu", load_integer, SIZED(config_port, mtu), .min = 1280, .max = 9000 },
	{ "vlan", load_integer, SIZED(config_port, vlan), .min = 0, .max = 4094 },
	{ "offloads", load_bool, AT(config_port, offloads) },
	{ "promiscuous", load_bool, AT(config_port, promiscuous) },
	{ "rx_descriptors", load_integer, SIZED(config_port, rx_descriptors), .min = 0,
	    .max = 32768 },
	{ "tx_descriptors", load_integer, SIZED(config_port, tx_descriptors), .min = 0,
	    .max = 32768 },
	{ "flow_control", load_flow_control, AT(config_port, flow_control) },
};

static const struct load_group port = { "port", KEYS(port_keys), PLACED(config_port),
	.defaults = &port_defaults, .names = LOAD_PORTS };

/* --- certificates --- */

static const struct load_key certificate_keys[] = {
	{ "name", load_name, AT(config_certificate, name), .required = true },
	{ "chain", load_readable, AT(config_certificate, chain), .max = MAX_PATH,
	    .required = true },
	{ "key", load_readable, AT(config_certificate, key), .max = MAX_PATH, .required = true },
	{ "names", load_strings, LISTED(config_certificate, names), .size = 254, .min = 1,
	    .max = 1000 },
	{ "passphrase_file", load_readable, AT(config_certificate, passphrase_file),
	    .max = MAX_PATH },
	{ "ocsp", load_readable, AT(config_certificate, ocsp), .max = MAX_PATH },
	{ "force", load_bool, AT(config_certificate, force) },
};

static const struct load_group certificate = { "certificate", KEYS(certificate_keys),
	PLACED(config_certificate), .names = LOAD_CERTIFICATES };

/* --- listeners --- */

static void
load_bind(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	struct config_listener *listener = item;

	load_addr_list(l, s, k, ADDR_PORT, &listener->bind, &listener->n_bind);
}

static void
load_protocol(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *text = load_get_string(l, s, k->name, 100);

	if (text && strcmp(text, "tls") != 0 && strcmp(text, "tcp") != 0)
		load_error(l, s, "'protocol' is '%s'; it must be \"tls\" or \"tcp\"", text);
	else if (text)
		((struct config_listener *)item)->passthrough = strcmp(text, "tcp") == 0;
}

static bool is_passthrough(const config_setting_t *listener)
{
	const char *protocol = NULL;

	return config_setting_lookup_string(listener, "protocol", &protocol) == CONFIG_TRUE &&
	    strcmp(protocol, "tcp") == 0;
}

/* One name as a string, or several as a list. */
static void
load_certificates(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	bool single = config_setting_type(s) == CONFIG_TYPE_STRING;
	unsigned wanted = 1, n = 0;
	unsigned *indices;

	if (!single) {
		if (!load_is_list(l, s, k))
			return;
		wanted = (unsigned)config_setting_length(s);
	}
	indices = wanted ? load_alloc(l, wanted, sizeof(*indices)) : NULL;
	for (unsigned i = 0; indices && i < wanted; i++) {
		const config_setting_t *element = single ? s : config_setting_get_elem(s, i);
		const char *name;
		int index = -1;

		l->element = single ? 0 : i + 1;
		name = load_get_string(l, element, k->name, CONFIG_MAX_NAME);
		if (name)
			index = load_reference(
			    l, element, k->name, LOAD_CERTIFICATES, "certificate", name);
		if (index >= 0)
			indices[n++] = (unsigned)index;
	}
	l->element = 0;
	*(unsigned **)((char *)item + k->at) = indices;
	*(unsigned *)((char *)item + k->count_at) = n;
}

static void
load_backend(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *name = load_get_string(l, s, k->name, CONFIG_MAX_NAME);
	int index = name ? load_reference(l, s, k->name, LOAD_BACKENDS, "backend", name) : -1;

	if (index >= 0)
		((struct config_listener *)item)->backend = (unsigned)index;
}

static void
load_route_backend(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *name = load_get_string(l, s, k->name, CONFIG_MAX_NAME);
	int index = name ? load_reference(l, s, k->name, LOAD_BACKENDS, "backend", name) : -1;

	if (index >= 0)
		((struct config_sni_route *)item)->backend = (unsigned)index;
}

static const struct load_key sni_route_keys[] = {
	{ "name", load_string, AT(config_sni_route, name), .max = 254, .required = true },
	{ "backend", load_route_backend, .required = true },
};

static const struct load_group sni_route = { "route", KEYS(sni_route_keys),
	PLACED(config_sni_route) };

static void
load_proxy_from(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	struct config_listener *listener = item;

	load_addr_list(l, s, k, ADDR_PREFIX, &listener->proxy_from, &listener->n_proxy_from);
}

static void
load_proxy_others(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *text = load_get_string(l, s, k->name, 100);

	if (text && strcmp(text, "refuse") != 0 && strcmp(text, "serve") != 0)
		load_error(l, s, "'others' is '%s'; it must be \"refuse\" or \"serve\"", text);
	else if (text)
		((struct config_listener *)item)->proxy_others = text[0] == 's';
}

static const struct load_key listener_proxy_keys[] = {
	{ "from", load_proxy_from, .min = 1, .max = 256, .required = true },
	{ "timeout", load_seconds, AT(config_listener, proxy_timeout_s) },
	{ "others", load_proxy_others, .required = false },
};

/* Its members lie in the listener. */
static const struct load_group listener_proxy = { KEYS(listener_proxy_keys) };

static const struct load_key per_source_keys[] = {
	{ "handshakes_per_second", load_integer, SIZED(config_listener, limits.source_per_second),
	    .min = 0, .max = 10000000 },
	{ "handshakes_at_once", load_integer, SIZED(config_listener, limits.source_at_once),
	    .min = 0, .max = 16 << 20 },
};

static const struct load_group per_source = { KEYS(per_source_keys) };

static void
load_reserved(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	struct config_reserved *reserved = &((struct config_listener *)item)->reserved;

	load_addr_list(l, s, k, ADDR_PREFIX, &reserved->sources, &reserved->n_sources);
}

static const struct load_key reserved_keys[] = {
	{ "sources", load_reserved, .min = 1, .max = 1000, .required = true },
	{ "share", load_integer, SIZED(config_listener, reserved.share), .min = 1, .max = 90 },
};

static const struct load_group reserved = { KEYS(reserved_keys) };

static const struct load_key limits_keys[] = {
	{ "handshake_timeout", load_seconds, AT(config_listener, handshake_timeout_s) },
	{ "idle_timeout", load_seconds, AT(config_listener, idle_timeout_s) },
	{ "handshakes_per_second", load_integer,
	    SIZED(config_listener, limits.handshakes_per_second), .min = 0, .max = 10000000 },
	{ "handshakes_at_once", load_integer, SIZED(config_listener, limits.handshakes_at_once),
	    .min = 0, .max = 16 << 20 },
	{ "per_source", load_group, .group = &per_source },
	{ "reserved", load_group, .group = &reserved },
};

/* Its members lie in the listener. */
static const struct load_group limits = { KEYS(limits_keys) };

static const struct config_listener listener_defaults = {
	.policy = CONFIG_DEFAULT_POLICY,
	.mtls = { .advertise_ca_names = true },
	.tickets = true,
	.handshake_timeout_s = 5,
	.idle_timeout_s = 300,
	.proxy_timeout_s = 3,
	.reserved = { .share = 25 },
};

static const struct load_key listener_keys[] = {
	{ "name", load_name, AT(config_listener, name), .required = true },
	{ "bind", load_bind, .min = 1, .max = 64, .required = true },
	{ "protocol", load_protocol, .required = false },
	{ "policy", load_policy_name, NOTED(config_listener, policy) },
	{ "default_certificate", load_certificates, LISTED(config_listener, default_certificates),
	    .min = 1, .max = 8, .required = true, .unless = is_passthrough, .is_apart = true },
	{ "certificates", load_certificates, LISTED(config_listener, certificates),
	    .max = MAX_LIST },
	{ "sni_strict", load_bool, AT(config_listener, sni_strict) },
	{ "sni", load_items, LISTED(config_listener, sni), .max = 1000, .group = &load_sni },
	{ "mtls", load_group, AT(config_listener, mtls), .group = &load_mtls },
	{ "tickets", load_bool, AT(config_listener, tickets) },
	{ "alpn", load_strings, LISTED(config_listener, alpn), .size = 255, .max = 32 },
	{ "backend", load_backend, .required = true },
	{ "routes", load_items, LISTED(config_listener, routes), .max = MAX_LIST,
	    .group = &sni_route },
	{ "proxy_protocol", load_group, .group = &listener_proxy },
	{ "limits", load_group, .group = &limits },
};

static const struct load_group listener = { "listener", KEYS(listener_keys),
	PLACED(config_listener), .defaults = &listener_defaults, .names = LOAD_LISTENERS };

/* --- the file --- */

/* In this order: a listener refers to certificates, trust stores and backends. */
static const struct load_key root_keys[] = {
	{ "runtime", load_group, AT(config, runtime), .required = true, .group = &runtime },
	{ "control", load_group, AT(config, control), .group = &control },
	{ "tickets", load_group, AT(config, tickets), .group = &tickets },
	{ "log", load_group, .group = &logs },
	{ "eal", load_eal, LISTED(config, eal), .size = 4095, .max = 256 },
	{ "ports", load_items, LISTED(config, ports), .min = 1, .max = CONFIG_MAX_PORTS,
	    .required = true, .group = &port },
	{ "certificates", load_items, LISTED(config, certificates), .min = 1, .max = MAX_LIST,
	    .required = true, .group = &certificate },
	{ "policies", load_items, LISTED(config, policies), .max = 1000, .group = &load_policies },
	{ "trust_stores", load_items, LISTED(config, trust_stores), .max = 1000,
	    .group = &load_trust_stores },
	{ "backends", load_items, LISTED(config, backends), .min = 1, .max = MAX_LIST,
	    .required = true, .group = &load_backends },
	{ "listeners", load_items, LISTED(config, listeners), .min = 1, .max = 1000,
	    .required = true, .group = &listener },
};

const struct load_group load_root = { KEYS(root_keys) };
