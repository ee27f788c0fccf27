/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The option parser on any bytes; what it understood is built again and must read the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/tcp/opt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct opts o, again;
	uint8_t out[OPT_MAX_LEN], *exact;
	unsigned len, n;
	bool syn;

	if (size < 1)
		return 0;
	syn = data[0] & 1;
	len = size - 1 < OPT_MAX_LEN ? (unsigned)(size - 1) : OPT_MAX_LEN;
	/* Exactly as long as it says, so that a read past the end shows. */
	exact = malloc(len ? len : 1);
	if (!exact)
		abort();
	memcpy(exact, data + 1, len);
	memset(&o, 0x5a, sizeof(o));
	opt_parse(&o, exact, len, syn);
	free(exact);

	assert(o.n_sack <= OPT_MAX_SACK);
	assert(!(o.has & OPT_SACK) == !o.n_sack);
	assert(syn || !(o.has & (OPT_MSS | OPT_WSCALE | OPT_SACK_PERMITTED)));
	assert(!(o.has & OPT_WSCALE) || o.wscale <= OPT_MAX_WSCALE);
	o.has &= (uint8_t)~OPT_BROKEN;
	n = opt_build(out, &o);
	assert(n <= OPT_MAX_LEN && n % 4 == 0);
	opt_parse(&again, out, n, syn);
	assert(!(again.has & OPT_BROKEN));
	assert((again.has & ~OPT_SACK) == (o.has & ~OPT_SACK));
	assert(again.n_sack <= o.n_sack);
	assert(!(o.has & OPT_MSS) || again.mss == o.mss);
	assert(!(o.has & OPT_WSCALE) || again.wscale == o.wscale);
	assert(!(o.has & OPT_TS) || (again.tsval == o.tsval && again.tsecr == o.tsecr));
	for (unsigned i = 0; i < again.n_sack; i++)
		assert(memcmp(&again.sack[i], &o.sack[i], sizeof(o.sack[i])) == 0);
	return 0;
}
