#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""perf/shield.py, with two processes of our own for everybody. Status 77: there is one core only."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "perf"))
sys.dont_write_bytecode = True
import shield  # noqa: E402

everywhere = os.sched_getaffinity(0)
if len(everywhere) < 2 or everywhere != set(range(os.cpu_count())):
    sys.exit(77)
core, other = sorted(everywhere)[:2]


def expect(cores, *processes):
    for p in processes:
        assert os.sched_getaffinity(p.pid) == set(cores), os.sched_getaffinity(p.pid)


free, bound, late = (subprocess.Popen(["sleep", "60"]) for _ in range(3))
try:
    with tempfile.TemporaryDirectory() as place:
        record = os.path.join(place, "shield.json")
        seen = [free.pid, bound.pid]
        shield._threads = lambda: iter(seen)
        os.sched_setaffinity(bound.pid, {core})

        shield.end(record)  # nothing was begun
        expect(everywhere, free)
        shield.begin(core, record)
        expect(everywhere - {core}, free)
        expect({core}, bound)
        assert os.sched_getaffinity(0) == everywhere
        shield.end(record)
        expect(everywhere, free)
        expect({core}, bound)
        assert not os.path.exists(record)

        # Begun by one that was killed; then one of their children, and one that has ended.
        shield.begin(core, record)
        os.sched_setaffinity(late.pid, everywhere - {core})
        seen += [late.pid, 2 ** 22 + 1]
        shield.begin(core, record)
        expect(everywhere - {core}, free, late)
        shield.end(record)
        expect(everywhere, free, late)

        os.sched_setaffinity(free.pid, {other})  # was so before
        shield.begin(core, record)
        shield.end(record)
        expect({other}, free)
finally:
    for p in (free, bound, late):
        p.kill()
        p.wait()
