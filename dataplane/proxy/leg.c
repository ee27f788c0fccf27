/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/leg.h"

#include <string.h>

bool leg_write(struct leg *l, const void *at, size_t n, struct iovec *iov, unsigned max)
{
	unsigned n_iov = leg_reserve(l, n, iov, max);
	size_t done = 0;

	for (unsigned i = 0; i < n_iov && done < n; i++) {
		size_t part = n - done < iov[i].iov_len ? n - done : iov[i].iov_len;

		memcpy(iov[i].iov_base, (const uint8_t *)at + done, part);
		done += part;
	}
	leg_commit(l, done == n ? n : 0, TCP_PUSH);
	return done == n;
}
