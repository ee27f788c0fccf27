/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/load_backends.h"

#include <string.h>

#include "config/load_addrs.h"
#include "config/load_tables.h"
#include "config/load_tls.h"

/* Reads one of n words into *value. */
static void load_word(struct load *l, const config_setting_t *s, const struct load_key *k,
    const char *const *words, unsigned n, const char *all, unsigned *value)
{
	const char *text = load_get_string(l, s, k->name, 100);

	if (!text)
		return;
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(text, words[i]) == 0) {
			*value = i;
			return;
		}
	}
	load_error(l, s, "'%s' is '%s'; it must be %s", k->name, text, all);
}

#define N_OF(words) (sizeof(words) / sizeof((words)[0]))

/* --- targets --- */

static void
load_target_address(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	load_addr(l, s, k->name, ADDR_PORT, &((struct config_target *)item)->address);
}

static const struct config_target target_defaults = { .weight = 1 };

static const struct load_key target_keys[] = {
	{ "address", load_target_address, .required = true },
	{ "weight", load_integer, SIZED(config_target, weight), .min = 0, .max = 256 },
	{ "max_connections", load_integer, SIZED(config_target, max_connections), .min = 0,
	    .max = 16 << 20 },
	{ "drain", load_bool, AT(config_target, drain) },
};

static const struct load_group target = { "target", KEYS(target_keys), PLACED(config_target),
	.defaults = &target_defaults };

/* --- how one is chosen --- */

static void
load_algorithm(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	static const char *const words[] = {
		[CONFIG_ROUND_ROBIN] = "round_robin",
		[CONFIG_LEAST_CONNECTIONS] = "least_connections",
		[CONFIG_RANDOM_TWO] = "random_two",
		[CONFIG_CONSISTENT_HASH] = "consistent_hash",
	};
	unsigned value = CONFIG_ROUND_ROBIN;

	load_word(l, s, k, words, N_OF(words),
	    "\"round_robin\", \"least_connections\", \"random_two\" or \"consistent_hash\"",
	    &value);
	((struct config_backend *)item)->algorithm = (enum config_algorithm)value;
}

static void
load_hash_key(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	static const char *const words[] = {
		[CONFIG_HASH_CLIENT_ADDRESS] = "client_address",
		[CONFIG_HASH_SNI] = "sni",
	};
	unsigned value = CONFIG_HASH_CLIENT_ADDRESS;

	load_word(l, s, k, words, N_OF(words), "\"client_address\" or \"sni\"", &value);
	((struct config_backend *)item)->hash_key = (enum config_hash_key)value;
}

static const struct load_key outlier_keys[] = {
	{ "failures", load_integer, SIZED(config_backend, outlier.failures), .min = 0,
	    .max = 1000 },
	{ "ejection_time", load_seconds, AT(config_backend, outlier.ejection_time_s) },
	{ "max_ejection_time", load_seconds, AT(config_backend, outlier.max_ejection_time_s) },
	{ "max_ejected", load_integer, SIZED(config_backend, outlier.max_ejected), .min = 0,
	    .max = 100 },
};

static const struct load_group outlier = { KEYS(outlier_keys) };

static const struct load_key queue_keys[] = {
	{ "size", load_integer, SIZED(config_backend, queue.size), .min = 0, .max = 1000000,
	    .required = true },
	{ "timeout", load_seconds, AT(config_backend, queue.timeout_s) },
};

static const struct load_group queue = { KEYS(queue_keys) };

/* --- the PROXY protocol --- */

static void
load_proxy_tlvs(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	static const char *const names[] = { "alpn", "authority", "ssl", "unique_id", "crc32c",
		"netns", "client_cert" };
	const unsigned n_names = sizeof(names) / sizeof(names[0]);
	struct config_backend *b = item;

	b->proxy_line = config_setting_source_line(s);
	if (!load_is_list(l, s, k))
		return;
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
		const char *text;
		unsigned bit = 0;

		l->element = (unsigned)i + 1;
		text = load_get_string(l, element, k->name, 100);
		while (text && bit < n_names && strcmp(text, names[bit]) != 0)
			bit++;
		if (text && bit == n_names)
			load_error(l, element,
			    "'tlvs' is '%s'; it must be alpn, authority, ssl, client_cert, "
			    "unique_id, netns or crc32c",
			    text);
		else if (text)
			b->proxy_tlvs |= 1u << bit;
	}
	l->element = 0;
}

static const struct load_key backend_proxy_keys[] = {
	{ "version", load_integer, SIZED(config_backend, proxy_version), .min = 1, .max = 2,
	    .required = true },
	{ "tlvs", load_proxy_tlvs, .max = 7 },
};

/* Its members lie in the backend. */
static const struct load_group backend_proxy = { KEYS(backend_proxy_keys) };

/* --- health --- */

static void
load_health_type(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	static const char *const words[] = {
		[CONFIG_HEALTH_NONE] = "none",
		[CONFIG_HEALTH_TCP] = "tcp",
		[CONFIG_HEALTH_HTTP] = "http",
		[CONFIG_HEALTH_TLS] = "tls",
		[CONFIG_HEALTH_HTTPS] = "https",
	};
	unsigned value = CONFIG_HEALTH_NONE;

	load_word(l, s, k, words, N_OF(words), "\"none\", \"tcp\", \"tls\", \"http\" or \"https\"",
	    &value);
	((struct config_backend *)item)->health.type = (enum config_health_type)value;
}

/* "200" or "200-399" at *at, which moves behind it. */
static bool read_range(const char **at, struct config_status_range *range)
{
	unsigned value[2] = { 0, 0 };

	for (unsigned i = 0; i < 2; i++) {
		for (unsigned digit = 0; digit < 3; digit++, ++*at) {
			if (**at < '0' || **at > '9')
				return false;
			value[i] = value[i] * 10 + (unsigned)(**at - '0');
		}
		if (i == 0 && **at != '-') {
			value[1] = value[0];
			break;
		}
		*at += i == 0;
	}
	range->low = (uint16_t)value[0];
	range->high = (uint16_t)value[1];
	return value[0] >= 100 && value[1] <= 599 && value[0] <= value[1];
}

static void
load_status(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	struct config_health *h = &((struct config_backend *)item)->health;
	const char *text = load_get_string(l, s, k->name, 100), *at = text;

	if (!text)
		return;
	h->n_status = 0;
	while (h->n_status < CONFIG_MAX_STATUS && read_range(&at, &h->status[h->n_status])) {
		h->n_status++;
		if (!*at)
			return;
		if (*at++ != ',')
			break;
	}
	load_error(l, s,
	    "'%s' is '%s'; it must be up to %d codes or ranges in 100..599, as in \"200,300-399\"",
	    k->name, text, CONFIG_MAX_STATUS);
}

/* What goes into a request as it is: nothing that would end a line or a word of it. */
static void
load_request_text(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	const char *text = load_get_string(l, s, k->name, (size_t)k->max);

	for (const char *at = text; at && *at; at++) {
		if (*at > ' ' && *at < 0x7f)
			continue;
		load_error(l, s, "'%s' has a byte that a request cannot hold; write it as %%%02X",
		    k->name, (unsigned)(unsigned char)*at);
		return;
	}
	if (text)
		load_string(l, s, k, item);
}

static void
load_health_path(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	load_request_text(l, s, k, item);
	if (((struct config_backend *)item)->health.path[0] != '/')
		load_error(l, s, "'%s' must begin with '/'", k->name);
}

static const struct load_key health_keys[] = {
	{ "type", load_health_type, .required = true },
	{ "interval", load_seconds, AT(config_backend, health.interval_s) },
	{ "timeout", load_seconds, AT(config_backend, health.timeout_s) },
	{ "healthy", load_integer, SIZED(config_backend, health.healthy), .min = 1, .max = 100 },
	{ "unhealthy", load_integer, SIZED(config_backend, health.unhealthy), .min = 1,
	    .max = 100 },
	{ "port", load_integer, SIZED(config_backend, health.port), .min = 1, .max = 65535 },
	{ "path", load_health_path, AT(config_backend, health.path), .max = CONFIG_MAX_PATH },
	{ "host", load_request_text, AT(config_backend, health.host), .max = 255 },
	{ "status", load_status, .required = false },
	{ "body", load_string, AT(config_backend, health.body), .max = CONFIG_MAX_BODY },
	{ "minimum_healthy", load_integer, SIZED(config_backend, health.minimum_healthy), .min = 0,
	    .max = 1000 },
	{ "minimum_healthy_percent", load_integer,
	    SIZED(config_backend, health.minimum_healthy_percent), .min = 0, .max = 100 },
};

static const struct load_group health = { KEYS(health_keys) };

/* Seconds, of which there may be none. */
static void
load_delay(struct load *l, const config_setting_t *s, const struct load_key *k, void *item)
{
	if (config_setting_type(s) == CONFIG_TYPE_INT && config_setting_get_int(s) == 0)
		*(double *)((char *)item + k->at) = 0;
	else
		load_seconds(l, s, k, item);
}

/* --- backends --- */

static const struct config_backend backend_defaults = {
	.connect_timeout_s = 5,
	.retries = 2,
	.outlier = { .failures = 5,
	    .ejection_time_s = 10,
	    .max_ejection_time_s = 300,
	    .max_ejected = 50 },
	.queue = { .timeout_s = 5 },
	.deregistration_delay_s = 300,
	.health = { .interval_s = 5,
	    .timeout_s = 2,
	    .healthy = 2,
	    .unhealthy = 3,
	    .path = "/",
	    .status = { { 200, 399 } },
	    .n_status = 1,
	    .minimum_healthy = 1 },
	.tls = { .verify = true, .sessions = true },
};

static const struct load_key backend_keys[] = {
	{ "name", load_name, AT(config_backend, name), .required = true },
	{ "targets", load_items, LISTED(config_backend, targets), .min = 1, .max = 1000,
	    .required = true, .group = &target },
	{ "algorithm", load_algorithm, .required = false },
	{ "hash_key", load_hash_key, .required = false },
	{ "connect_timeout", load_seconds, AT(config_backend, connect_timeout_s) },
	{ "retries", load_integer, SIZED(config_backend, retries), .min = 0,
	    .max = LOAD_MAX_RETRIES },
	{ "slow_start", load_seconds, AT(config_backend, slow_start_s) },
	{ "outlier", load_group, .group = &outlier },
	{ "queue", load_group, .group = &queue },
	{ "proxy_protocol", load_group, .group = &backend_proxy },
	{ "deregistration_delay", load_delay, AT(config_backend, deregistration_delay_s) },
	{ "health", load_group, .group = &health },
	{ "tls", load_group, AT(config_backend, tls), .group = &load_backend_tls },
};

const struct load_group load_backends = { "backend", KEYS(backend_keys), PLACED(config_backend),
	.defaults = &backend_defaults, .names = LOAD_BACKENDS };
