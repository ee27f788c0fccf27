/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

#include "config/err.h"
#include "dataplane/base/log.h"
#include "dataplane/port/internal.h"

#define DEFAULT_KEY 40 /* bytes, of a device that names no size (ethdev) */
#define GROUPS      (PORT_RSS_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE)

static int table_read(uint16_t dev, struct port_rss *rss)
{
	struct rte_eth_rss_reta_entry64 groups[GROUPS];
	int rc;

	memset(groups, 0, sizeof(groups));
	for (unsigned i = 0; i < rss->table_size; i++)
		groups[i / RTE_ETH_RETA_GROUP_SIZE].mask |= 1ull << i % RTE_ETH_RETA_GROUP_SIZE;
	rc = rte_eth_dev_rss_reta_query(dev, groups, rss->table_size);
	for (unsigned i = 0; rc == 0 && i < rss->table_size; i++)
		rss->table[i] =
		    groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	return rc;
}

static int table_spread(uint16_t dev, unsigned size, unsigned n_queues)
{
	struct rte_eth_rss_reta_entry64 groups[GROUPS];

	memset(groups, 0, sizeof(groups));
	for (unsigned i = 0; i < size; i++) {
		struct rte_eth_rss_reta_entry64 *g = &groups[i / RTE_ETH_RETA_GROUP_SIZE];

		g->mask |= 1ull << i % RTE_ETH_RETA_GROUP_SIZE;
		g->reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)(i % n_queues);
	}
	return rte_eth_dev_rss_reta_update(dev, groups, (uint16_t)size);
}

bool port_rss_is_even(const struct port_rss *rss, unsigned n_queues)
{
	unsigned n[UINT8_MAX + 1] = { 0 }, least;

	if (n_queues == 0 || n_queues > RTE_DIM(n) || rss->table_size < n_queues)
		return false;
	for (unsigned i = 0; i < rss->table_size; i++) {
		if (rss->table[i] >= n_queues)
			return false;
		n[rss->table[i]]++;
	}
	least = rss->table_size / n_queues;
	for (unsigned i = 0; i < n_queues; i++)
		if (n[i] < least || n[i] > least + 1)
			return false;
	return true;
}

void port_rss_set_key(uint16_t dev, const uint8_t key[PORT_RSS_KEY_MAX])
{
	struct rte_eth_rss_conf conf = { 0 };
	struct rte_eth_dev_info info;
	uint8_t copy[PORT_RSS_KEY_MAX];
	int rc;

	if (rte_eth_dev_info_get(dev, &info) != 0 || info.hash_key_size > sizeof(copy) ||
	    rte_eth_dev_rss_hash_conf_get(dev, &conf) != 0)
		return;
	memcpy(copy, key, sizeof(copy));
	conf.rss_key = copy;
	conf.rss_key_len = info.hash_key_size > 0 ? info.hash_key_size : DEFAULT_KEY;
	rc = rte_eth_dev_rss_hash_update(dev, &conf);
	if (rc != 0)
		log_info("device %u keeps its own RSS key: %s", dev, rte_strerror(-rc));
}

int port_rss_read(uint16_t dev, unsigned n_queues, struct port_rss *rss)
{
	struct rte_eth_dev_info info;
	struct rte_eth_rss_conf conf = { .rss_key = rss->key, .rss_key_len = sizeof(rss->key) };
	int rc = rte_eth_dev_info_get(dev, &info);

	memset(rss, 0, sizeof(*rss));
	if (rc != 0)
		return rc;
	if (info.reta_size == 0 || info.reta_size > PORT_RSS_TABLE_MAX ||
	    info.hash_key_size > sizeof(rss->key))
		return -ENOTSUP;
	rss->key_size = info.hash_key_size > 0 ? info.hash_key_size : DEFAULT_KEY;
	rss->table_size = info.reta_size;
	conf.rss_key_len = rss->key_size;
	rc = rte_eth_dev_rss_hash_conf_get(dev, &conf);
	rss->types = conf.rss_hf;
	if (rc != 0)
		return rc;
	rc = table_read(dev, rss);
	if (rc != 0 || port_rss_is_even(rss, n_queues))
		return rc;
	/* The PMD's own idea, or what an earlier owner left: some worker would get too little. */
	rc = table_spread(dev, rss->table_size, n_queues);
	if (rc == 0)
		rc = table_read(dev, rss);
	return rc == 0 && !port_rss_is_even(rss, n_queues) ? -EIO : rc;
}
