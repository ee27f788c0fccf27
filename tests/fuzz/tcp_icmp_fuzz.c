/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMP errors about a connection with data out: the quoted packet is made of the input. */
#include "tests/tcp/fuzz_step.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	uint8_t how = fuzz_u8(&f);
	struct peer_config config = { .ip6 = how & 1, .echoes = true, .stack = { .max_conns = 8 } };
	struct peer *p = peer_new(&config);

	p->file = "tcp_icmp_fuzz";
	peer_enter(p, TCP_ESTABLISHED, how & 2 ? "mss 1460,sackOK,TS" : "mss 1460");
	peer_write(p, how & 4 ? 20000 : 100, TCP_PUSH);
	peer_discard(p);
	for (unsigned i = 0; i < 100 && f.left; i++) {
		fuzz_icmp(p, &f);
		peer_discard(p);
		if (how & 8)
			fuzz_step(p, &f);
	}
	peer_discard(p);
	peer_free(p);
	return 0;
}
