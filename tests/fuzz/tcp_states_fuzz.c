/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection in each state, then segments, ICMP, time and user calls made of the input.
 * Invariants, frames and mbufs are checked after each; input lies in buffers of exactly its size.
 */
#include "tests/tcp/fuzz_step.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const options[] = { "mss 1460", "mss 1460,sackOK", "mss 1460,TS",
		"mss 1460,sackOK,TS,nop,wscale 7" };
	struct peer_config config = { .echoes = true,
		.stack = { .max_conns = 16,
		    .max_syn_received = 3,
		    .recv_buffer = 32768,
		    .send_buffer = 32768 } };
	struct fuzz f = { data, size };
	struct peer *p;
	uint8_t how = fuzz_u8(&f), state = fuzz_u8(&f) % TCP_N_STATES;

	config.ip6 = how & 1;
	config.ecn = how & 8;
	if (state == TCP_SYN_SENT)
		config.ecn = false; /* peer_enter expects a plain SYN */
	p = peer_new(&config);
	p->file = "tcp_states_fuzz";
	peer_enter(p, (enum tcp_state)state, options[how >> 1 & 3]);
	for (unsigned i = 0; i < 200 && f.left; i++)
		fuzz_step(p, &f);
	peer_discard(p);
	peer_free(p);
	return 0;
}
