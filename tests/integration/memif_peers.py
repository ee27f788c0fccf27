#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends the daemon's peer on memif in the middle of full load, again and again: what they share is unmapped then, and the
daemon must neither read it afterwards nor stop serving whoever comes next.

Both roles: as the server of the memif, to which the next peer connects; as its client without copies, in frames of 1,500
and of 9,000 bytes, which is started anew each time (DPDK's driver connects once). Says one line for each, status 1 when
a daemon ended by itself or badly, or did not serve."""
import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "perf"))
import lab  # noqa: E402
import rows  # noqa: E402
import terminators  # noqa: E402


def row_of(name):
    return next(r for r in rows.ROWS if r.name == name and r.wire == "memif")


def end_in_the_middle(load, gate, seed):
    load.ready()
    load.begin()
    time.sleep(seed.uniform(0.02, 0.2))
    load.kill()
    time.sleep(seed.uniform(0, 0.3))
    if not os.path.exists(f"/proc/{gate.pid}/exe"):
        raise RuntimeError("the daemon ended with its peer")


def serves(row, gate):
    """Another peer's exchanges are all right."""
    row.load_options = row.load_options + ["--count", "200"]
    result = row.measure(gate, True)
    if result.error:
        raise RuntimeError("afterwards: " + result.error)


def as_server(n, seed):
    row, gate = row_of("requests"), terminators.Sallyport()
    with gate.running(row):
        for _ in range(n):
            with row.loading(gate, True) as load:
                end_in_the_middle(load, gate, seed)
        serves(row, gate)


def as_client(name, n, seed):
    row = row_of(name)
    for _ in range(n):
        lab.forget_sockets()
        gate = terminators.Sallyport()
        with row.loading(gate, True) as load:
            lab.wait_sockets()
            with gate.running(row):
                end_in_the_middle(load, gate, seed)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--server", type=int, default=4, help="times, with the daemon as the memif's server")
    p.add_argument("--client", type=int, default=1, help="times for each frame size, with the daemon as its client")
    p.add_argument("--seed", type=int, default=1, help="of the moments")
    a = p.parse_args()
    seed = random.Random(a.seed)
    with lab.network():
        as_server(a.server, seed)
        print(f"{a.server} peers of a server were ended")
        for name in ("bulk_down", "bulk_up_jumbo"):
            as_client(name, a.client, seed)
            print(f"{a.client} peers of a client were ended in {name}")


if __name__ == "__main__":
    main()
