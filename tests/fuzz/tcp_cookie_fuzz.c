/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A listener under a SYN flood: cookies made, then answered rightly and wrongly. */
#include "tests/tcp/fuzz_step.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void flood(struct peer *p)
{
	for (uint16_t i = 0; i < 3; i++) {
		peer_new_flow(p, (uint16_t)(20000 + i));
		peer_send(p, "S 0:0(0) win 65535 <mss 1460>");
		peer_discard(p);
	}
}

/* The third packet, right but for what the input changes. */
static void answer(struct peer *p, struct fuzz *f)
{
	uint8_t how = fuzz_u8(f);
	uint32_t seq = how & 1 ? fuzz_u32(f) : 1, ack = how & 2 ? fuzz_u32(f) : 1;
	uint32_t ecr = p->last_ts_val + (how & 4 ? fuzz_u8(f) : 0);
	uint32_t len = how & 8 ? fuzz_u8(f) : 0;

	if (how & 16)
		peer_leap(p, (uint64_t)fuzz_u8(f) * 1000000, 5000000);
	if (how & 32)
		peer_send(p, ". %u:%u(%u) ack %u win 512", seq, seq + len, len, ack);
	else
		peer_send(p, "%s. %u:%u(%u) ack %u win 512 <nop,nop,TS val 1001 ecr %u>",
		    how & 64 ? "F" : "", seq, seq + len, len, ack, ecr);
	peer_discard(p);
	fuzz_users(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer_config config = { .echoes = true,
		.stack = { .max_conns = 16, .max_syn_received = 1 } };
	struct fuzz f = { data, size };
	struct peer *p;
	uint8_t how = fuzz_u8(&f);

	config.ip6 = how & 1;
	config.ecn = how & 2;
	p = peer_new(&config);
	p->file = "tcp_cookie_fuzz";
	flood(p);
	for (uint16_t i = 0; i < 10 && f.left; i++) {
		peer_new_flow(p, (uint16_t)(41000 + i));
		peer_send(p, "%s 0:0(0) win 65535 <mss %u,sackOK,TS val 1000 ecr 0,nop,wscale %u>",
		    fuzz_u8(&f) & 1 ? "SEW" : "S", fuzz_u16(&f), fuzz_u8(&f));
		peer_discard(p);
		answer(p, &f);
		for (unsigned n = fuzz_u8(&f) % 8; n; n--)
			fuzz_step(p, &f);
	}
	peer_discard(p);
	peer_free(p);
	return 0;
}
