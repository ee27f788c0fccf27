#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the small starting corpora of the TCP fuzz targets to tests/fuzz/corpus."""
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "corpus"


def put(target, name, data):
    folder = ROOT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(bytes(data))


# First byte: SYN or not; then the options.
MSS, SACKOK, WSCALE = [2, 4, 5, 0xb4], [4, 2], [3, 3, 7]
TS = [8, 10] + [0] * 7 + [1]
put("tcp_options", "linux_syn", [1] + MSS + SACKOK + TS + [1] + WSCALE)
put("tcp_options", "ack_ts_sack", [0, 1, 1] + TS + [1, 1, 5, 18] + list(range(16)))
put("tcp_options", "length_0", [1, 0x63, 0, 0, 0])
put("tcp_options", "length_0_254", [0, 254, 0, 1, 1])
put("tcp_options", "length_1", [1, 2, 1, 0, 0])
put("tcp_options", "kind_in_last_byte", [1, 1, 1, 1, 2])
put("tcp_options", "past_the_end", [1, 8, 10, 0, 0])
put("tcp_options", "sack_5_blocks", [0, 5, 42] + [7] * 38)
put("tcp_options", "sack_odd", [0, 5, 9] + [7] * 9)
put("tcp_options", "wscale_255", [1, 3, 3, 255, 0])
put("tcp_options", "twice", [1] + MSS + [2, 4, 1, 0] + WSCALE + [3, 3, 15, 0])
put("tcp_options", "rubbish_after_end", [1, 0] + [255] * 20)

# Options, state, then steps (fuzz_step.c). A few typical ones for every state.
DATA, FIN, RST, SYN = [0, 0x11, 0, 0, 40, 0], [0, 3, 0, 0, 0], [0, 4, 0, 0], [0, 5, 0, 0]
HOLE, SACKED = [0, 0x11, 6, 40, 0, 40, 0], [0, 0, 0, 1, 4, 3, 6, 10, 7, 10]
WRITE, READ, SHUT, RELEASE = [4, 2, 99], [4, 8], [4, 4], [4, 0x86]
LATER, MUCH_LATER = [0x15, 200], [0x85, 200]
TOO_BIG = [6, 0, 0, 0, 0, 5, 0, 0]
for state in range(10):
    for options in (0, 7):
        steps = DATA + HOLE + WRITE + SACKED + LATER + TOO_BIG + READ + SYN + FIN + SHUT
        put("tcp_states", f"state{state}_{options}",
            [options, state] + steps + LATER + RELEASE + RST + MUCH_LATER)
put("tcp_states", "burst", [6, 3, 0xef, *DATA[1:], *HOLE[1:], *FIN[1:], *RST[1:]] + READ)
put("tcp_states", "wild_flags", [6, 3] + [0, 0x80, 0xff, 0, 0, 0] * 4 + [0, 0x90, 0x29, 0, 0, 9, 0])

put("tcp_cookie", "good", [0, 0, 5, 0xb4, 7, 0, 2] + DATA + WRITE)
put("tcp_cookie", "good6_ecn", [3, 1, 5, 0xa0, 14, 8, 30, 1] + DATA)
put("tcp_cookie", "late", [0, 0, 5, 0xb4, 7, 16, 70, 0, 0, 0, 0, 0, 0, 16, 200, 0])
put("tcp_cookie", "forged", [0, 0, 5, 0xb4, 7, 2, 1, 2, 3, 4, 0, 0, 0, 0, 7, 1, 0, 0, 0, 2, 0])
put("tcp_cookie", "without_ts", [0, 0, 0, 1, 255, 32 + 8, 9, 3] + READ + FIN + SHUT)

for family in (0, 1):
    put("tcp_icmp", f"too_big_{family}", [4 | family] + [0, 0, 0, 0, 5, 0x78, 0] * 3)
    put("tcp_icmp", f"unreachable_{family}", [6 | family] + [0, 0, 1, 3, 1, 3, 0, 0, 0] * 3)
    put("tcp_icmp", f"short_quote_{family}", [4 | family] + [0, 1, 24, 0, 0, 5, 0, 0] * 3)
    put("tcp_icmp", f"changed_quote_{family}", [12 | family] + [0, 0, 0, 0, 5, 0, 2, 9, 1, 20, 7] * 2)

rng = random.Random(1)
for i in range(6):
    put("tcp_pair", f"quiet{i}", [i, 17] + [15] * 40)
    put("tcp_pair", f"wild{i}", [i, 99] + [rng.randrange(256) for _ in range(120)])
