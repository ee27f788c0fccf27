# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of perf/compare: what work is done, and what it cost the terminator's core."""
import re
from dataclasses import dataclass

import lab


@dataclass
class Result:
    value: float
    note: str
    error: str = ""


def wrk(path, connections, seconds):
    """Runs wrk on the client's core; returns (requests, bytes, errors as text)."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
               "-H", "Host: www.lab.test"]
    out = lab.client(command + [f"https://10.80.0.1{path}"], timeout=seconds + 60)
    done = re.search(r"(\d+) requests in [\d.]+\w+, ([\d.]+)(\w+) read", out)
    if not done:
        return 0, 0, "wrk did not finish: " + out[-200:]
    scale = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}[done.group(3)]
    errors = " ".join(line.strip() for line in out.splitlines()
                      if "Socket errors" in line or "Non-2xx" in line)
    return int(done.group(1)), float(done.group(2)) * scale, errors


class Requests:
    """Keep-alive requests of about 100 bytes, answers of 1 KB, 64 connections."""
    name, wire, unit = "requests", "veth", "cpu us/request"

    def run(self, terminator, quick):
        wrk("/1k.bin", 64, 1)  # warm
        with terminator.cpu() as cpu:
            n, _, errors = wrk("/1k.bin", 64, 3 if quick else 8)
        if n == 0:
            return Result(float("nan"), "", errors or "no request was answered")
        return Result(cpu.seconds * 1e6 / n, f"{n / cpu.wall:.0f} requests/s, "
                      f"core {100 * cpu.seconds / cpu.wall:.0f} % busy", errors)


class BulkDown:
    """16 MB bodies on 8 connections."""
    name, wire, unit = "bulk_down", "veth", "cpu ns/byte"

    def run(self, terminator, quick):
        wrk("/16m.bin", 8, 1)
        with terminator.cpu() as cpu:
            n, size, errors = wrk("/16m.bin", 8, 3 if quick else 8)
        if n == 0:
            return Result(float("nan"), "", errors or "no request was answered")
        return Result(cpu.seconds * 1e9 / size, f"{size / cpu.wall / 1e9:.2f} GB/s, "
                      f"core {100 * cpu.seconds / cpu.wall:.0f} % busy", errors)


ROWS = [Requests(), BulkDown()]
