# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops one worker's thread of a daemon, as a bug would, until a file is gone or the daemon is: hang.py PID FILE
The file is made once the thread stands."""
import ctypes
import os
import sys
import time

PTRACE_ATTACH = 16
WALL = 0x40000000  # threads, too

pid, name = sys.argv[1:]
for tid in os.listdir(f"/proc/{pid}/task"):
    with open(f"/proc/{pid}/task/{tid}/comm") as f:
        if "-worker-" in f.read():  # rte-worker-1; lcore-worker-1 in older DPDK
            break
else:
    sys.exit("no worker thread")
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(PTRACE_ATTACH, int(tid), None, None) != 0:  # ends with this process
    sys.exit(os.strerror(ctypes.get_errno()))
os.waitpid(int(tid), WALL)
open(name, "w").close()
while os.path.exists(name):
    try:
        # Killed: it is gone only when its tracer has noticed.
        if os.waitpid(int(tid), os.WNOHANG | WALL)[0] != 0:
            break
    except ChildProcessError:
        break
    time.sleep(0.05)
