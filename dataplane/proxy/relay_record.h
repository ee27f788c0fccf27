/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <string.h>

#include "dataplane/proxy/relay.h"

/* What both pumps need to see of records; inline, for it runs once per record. */

#define RECORD_HEADER   5
#define LEGACY_OVERHEAD 320 /* what wolfSSL may add: IV, MAC, padding, and a control record */
#define PLAINTEXT_MAX   16384
#define COLD_MS         1000         /* after such a pause records start small again */
#define BUDGET          (256 * 1024) /* bytes of one direction per turn: others wait meanwhile */

static inline size_t iov_bytes(const struct iovec *iov, unsigned n)
{
	size_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* The length field of the record at the start of the view, which has at least five bytes. */
static inline size_t peek_length(const struct iovec *iov)
{
	uint8_t header[RECORD_HEADER];
	size_t have = 0;

	for (const struct iovec *v = iov; have < sizeof(header); v++) {
		size_t part = sizeof(header) - have;

		if (part > v->iov_len)
			part = v->iov_len;
		memcpy(header + have, v->iov_base, part);
		have += part;
	}
	return (size_t)header[3] << 8 | header[4];
}

/* A leg's view in p->in, wide enough for the record at its start: 0 when that is not there yet. */
static inline unsigned record_view(struct proxy *p, const struct leg *l, size_t *length)
{
	uint32_t available = leg_available(l);
	unsigned n;

	if (available < RECORD_HEADER)
		return 0;
	n = leg_view_of(l, RECORD_MAX, p->in, PROXY_IOV);
	*length = peek_length(p->in);
	if (*length <= RECORD_MAX - RECORD_HEADER && available < RECORD_HEADER + *length)
		return 0;
	if (iov_bytes(p->in, n) < RECORD_HEADER + *length)
		n = leg_view(l, p->in, PROXY_IOV_WIDE);
	return n;
}

/* True when no whole record is there and none can come: l has ended between two, or in the middle of one. */
static inline bool records_are_over(struct proxy *p, const struct leg *l)
{
	size_t length;

	return leg_is_complete(l) && record_view(p, l, &length) == 0;
}
