# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what else runs on this machine off one core while something is measured there.

What isolcpus= does for a machine that is set up for it: a thread that takes its core in the middle of a measurement
takes it for a tick or more, 1 to 4 ms. Threads that are bound to the core, and the kernel's own, stay."""
import contextlib
import json
import os


def _threads():
    own = os.listdir("/proc/self/task")
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            yield from (int(t) for t in os.listdir(f"/proc/{process}/task") if t not in own)


def _allow(thread, cores):
    with contextlib.suppress(OSError):  # it has ended, or it is one of those of the kernel that may not be moved
        os.sched_setaffinity(thread, cores)


def begin(core, record):
    """Moves everybody but this process off the core. What it was is in the file of that name, for end()."""
    end(record)
    before, everywhere = {}, set(range(os.cpu_count()))
    elsewhere = everywhere - {core}
    for thread in _threads():
        with contextlib.suppress(OSError):
            before[thread] = sorted(os.sched_getaffinity(thread))
    with open(record, "w") as f:
        json.dump({"before": before, "everywhere": sorted(everywhere), "elsewhere": sorted(elsewhere)}, f)
    for thread, cores in before.items():
        if core in cores and len(cores) > 1:
            _allow(thread, set(cores) - {core})


def end(record):
    """Undoes begin(), also one that was killed. Threads that were born meanwhile may run everywhere."""
    try:
        with open(record) as f:
            was = json.load(f)
    except FileNotFoundError:
        return
    for thread in _threads():
        with contextlib.suppress(OSError):
            if sorted(os.sched_getaffinity(thread)) == was["elsewhere"]:
                _allow(thread, was["before"].get(str(thread), was["everywhere"]))
    os.unlink(record)
