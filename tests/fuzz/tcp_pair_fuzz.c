/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two stacks talk, and the input changes what passes between them. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tcp/fuzz_step.h"
#include "tests/tcp/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Makes the TCP checksum right again, so that the change reaches TCP. */
static void checksum_repair(uint8_t *frame, size_t len)
{
	bool ip6 = frame[12] == 0x86;
	size_t l4 = ip6 ? 54 : 34, n;
	struct ip_addr src = { 0 }, dst = { 0 };
	uint32_t sum;
	uint16_t folded;

	if (len < l4 + 20 || frame[ip6 ? 20 : 23] != IPPROTO_TCP)
		return;
	n = ip6 ? (size_t)(frame[18] << 8 | frame[19]) : (size_t)(frame[16] << 8 | frame[17]) - 20;
	if (n < 20 || l4 + n > len)
		return;
	if (ip6) {
		memcpy(src.b, frame + 22, 16);
		memcpy(dst.b, frame + 38, 16);
		sum = packet_pseudo_sum(&src, &dst, IPPROTO_TCP, (uint32_t)n);
	} else {
		sum = packet_sum(frame + 26, 8, IPPROTO_TCP + (uint32_t)n);
	}
	frame[l4 + 16] = frame[l4 + 17] = 0;
	folded = packet_sum_fold(packet_sum(frame + l4, n, sum));
	frame[l4 + 16] = (uint8_t)(folded >> 8);
	frame[l4 + 17] = (uint8_t)folded;
}

static size_t mutate(void *arg, unsigned side, uint8_t *frame, size_t len, size_t room)
{
	struct fuzz *f = arg;
	size_t l4 = frame[12] == 0x86 ? 54 : 34;
	uint8_t how = fuzz_u8(f);

	(void)side;
	(void)room;
	if (!f->left || len <= l4 + 20)
		return len;
	switch (how & 15) {
	case 0: /* a byte of the TCP header, options included */
		frame[l4 + fuzz_u8(f) % 40 % (len - l4)] = fuzz_u8(f);
		break;
	case 1: /* a bit of it */
		frame[l4 + fuzz_u8(f) % 20] ^= (uint8_t)(1u << (fuzz_u8(f) & 7));
		break;
	case 2: /* sequence or acknowledgment number, by a little */
		frame[l4 + 7 + (fuzz_u8(f) & 1) * 4] += fuzz_u8(f);
		break;
	case 3: /* window */
		frame[l4 + 14] = fuzz_u8(f);
		frame[l4 + 15] = 0;
		break;
	case 4: /* lost */
		return 0;
	case 5: /* cut off */
		len -= fuzz_u8(f) % (len - l4);
		return len;
	case 6: /* anything anywhere, unrepaired */
		frame[fuzz_u16(f) % len] ^= fuzz_u8(f);
		return len;
	default:
		return len;
	}
	checksum_repair(frame, len);
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct model_config c;

	model_config_make(&c, fuzz_u16(&f));
	for (unsigned side = 0; side < 2; side++) {
		c.path[side].us_per_kb = 0;
		c.path[side].delay_us %= 20000;
		for (unsigned i = 0; i < MODEL_MAX_CONNS; i++) {
			c.habit[side][i].bytes %= 20000;
			c.habit[side][i].message = 0;
			c.habit[side][i].think_us = 0;
		}
	}
	c.n_conns = 1;
	c.neighbours_known = true;
	c.offloads[0] = c.offloads[1] = 0;
	c.limit_us = 100ull * 1000000;
	c.mutate = mutate;
	c.mutate_arg = &f;
	if (model_run(&c, NULL) != 0)
		abort();
	return 0;
}
