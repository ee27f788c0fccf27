#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients for scale.sh: scale.py COMMAND [ARGUMENT]... The certificates are those of perf/cert_make.c."""
import hashlib
import json
import os
import random
import socket
import ssl
import sys
import time

from api import Api

HOST = "10.80.0.1"
N_BOTH = 100  # names with a second certificate


class Asked(Api):
    """What is asked for succeeds, or that is the end."""

    def ask(self, method, target, body=None, headers=None):
        status, text = super().ask(method, target, body, headers)
        if status != 200:
            sys.exit(f"{method} {target}: {status} {text[:300]}")
        return text


def key_of(i):
    return 128 + i // 3 % 64 if i % 3 == 0 else i % 128


def body(folder, which, i):
    with open(f"{folder}/{which}/{i:06d}.pem") as c, open(f"{folder}/k/{key_of(i)}.key") as k:
        return {"chain": c.read(), "key": k.read(), "mode": "replace"}


def config(source, folder, link, state, n):
    """The lab's configuration with n certificates more, all served by https."""
    n = int(n)
    with open(source) as f:
        text = f.read()
    more = "".join(f'{{ name = "s{i:06d}"; chain = "{link}/c/{i:06d}.pem"; key = "{link}/k/{key_of(i)}.key"; }},\n'
                   for i in range(n))
    names = ", ".join(f'"s{i:06d}"' for i in range(n))
    text = text.replace("certificates = (\n", "certificates = (\n" + more, 1)
    text = text.replace('certificates = ["exact"', f'certificates = [{names}, "exact"', 1)
    print(text.replace('/state";', f'/{state}";'))


def context(ca, n):
    c = ssl.create_default_context(cafile=ca)
    c.maximum_version = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)[n % 2]
    return c


def serial(ca, n, name):
    with socket.create_connection((HOST, 443), timeout=30) as raw, \
            context(ca, n).wrap_socket(raw, server_hostname=name) as s:
        return int(s.getpeercert()["serialNumber"], 16)


def shake(ca, until, n_certs):
    """Verified handshakes with random names until the file is gone; each chain is one of that name's."""
    n = 0
    while os.path.exists(until):
        i = random.randrange(N_BOTH if n % 2 else int(n_certs))
        got = serial(ca, n // 2, f"{i:06d}.scale.test")
        if got not in (0x20000000 + i, 0x30000000 + i):
            sys.exit(f"handshake {n}: {i:06d}.scale.test has serial {got:x}")
        n += 1
    print(f"handshakes {n}")


def download(ca, until, expected):
    """Slowly while the file is there, then at full speed; the bytes are the expected ones."""
    got = hashlib.sha256()
    with socket.create_connection((HOST, 443), timeout=120) as raw, \
            context(ca, 1).wrap_socket(raw, server_hostname="000050.scale.test") as s:
        s.sendall(b"GET /scale.bin HTTP/1.0\r\nHost: www.lab.test\r\n\r\n")
        data = b""
        while b"\r\n\r\n" not in data:
            data += s.recv(4096)
        got.update(data.split(b"\r\n\r\n", 1)[1])
        print("open", flush=True)
        while piece := s.recv(16384):
            got.update(piece)
            if os.path.exists(until):
                time.sleep(0.05)
    if got.hexdigest() != expected:
        sys.exit("the bytes differ")


def resident(pid, api):
    """In kB, without what TLS holds: contexts of names that are asked for the first time are kept, up to a limit."""
    with open(f"/proc/{pid}/status") as f:
        all_of_it = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
    stats = json.loads(api.ask("GET", "/v1/stats"))
    return all_of_it - sum(v for k, v in stats.items() if k.startswith("tls_heap_bytes")) // 1024


def heap(pid):
    """In kB, what control's heap has of the memory: certificates, tables, generations and what lies idle between them."""
    with open(f"/proc/{pid}/smaps") as f:
        for line in f:
            if line.endswith("[heap]\n"):
                return next(int(text.split()[1]) for text in f if text.startswith("Rss:"))
    return 0


def percentiles(times):
    times = sorted(times)
    return f"p50 {times[len(times) // 2] * 1e3:.2f} p99 {times[len(times) * 99 // 100] * 1e3:.2f} ms"


def grace(api):
    stats = json.loads(api.ask("GET", "/v1/stats"))
    return next(v for k, v in stats.items() if k.startswith("rcu_grace_period"))


def swap(path, folder, ca, pid, seconds):
    """Replaces one of a hundred certificates every 10 ms; now and then looks whether the new one is served."""
    api, took, waits, n, late = Asked(path, 120), [], [], 0, 0
    start = time.monotonic()
    end, memory, own = start + float(seconds), 0, 0
    while time.monotonic() < end:
        i, which = n % N_BOTH, "cb"[n // N_BOTH % 2 == 0]
        new = body(folder, which, i)
        began = time.monotonic()
        api.ask("PUT", f"/v1/certificates/s{i:06d}", new)
        took.append(time.monotonic() - began)
        n += 1
        late += took[-1] > 0.01
        if n % 50 == 0:
            waits.append(grace(api))
            got = serial(ca, n // 50, f"{i:06d}.scale.test")
            if got != {"c": 0x20000000, "b": 0x30000000}[which] + i:
                sys.exit(f"change {n} was acknowledged, but {got:x} is served")
        if n == 100:
            own = heap(pid)
        if memory == 0 and time.monotonic() - start > float(seconds) / 4 and n > 300:
            memory, at = resident(pid, api), n
        time.sleep(max(0, start + n * 0.01 - time.monotonic()) if n % 50 else 0)
    grown = resident(pid, api) - memory
    flat = f"memory grew by {grown} kB over the last {n - at}" if memory else "too few to judge memory by"
    print(f"swaps {n}, {n / (time.monotonic() - start):.0f}/s; acknowledged after {percentiles(took)}, "
          f"{late} later than 10 ms; published to visible {percentiles(waits or [0])}; {flat}"
          + (f", control's heap by {heap(pid) - own} kB over the last {n - 100}" if own else ""))
    # The journal's records are in memory until it is made shorter, and pools are touched for the first time.
    if (memory and grown > 4096) or (own and heap(pid) - own > 1536):
        sys.exit("memory is not flat")


def spread(path, folder, pid, n_certs, n_changes):
    """Replaces one certificate after the other, none of them twice: what is kept for each that the file has, too, is little."""
    api, first, count = Asked(path, 120), N_BOTH, min(int(n_changes), int(n_certs) - N_BOTH)
    settle, memory = min(count // 4, 200), 0
    for n in range(count):
        if n == settle:
            memory = heap(pid)
        new = body(folder, "c", first + n)
        new["names"] = [f"{first + n:06d}.scale.test", f"spread.{first + n:06d}.scale.test"]
        api.ask("PUT", f"/v1/certificates/s{first + n:06d}", new)
    grown, n = heap(pid) - memory, count - settle
    print(f"control's heap grew by {grown} kB over {n} changes of a certificate each")
    # Making the journal shorter takes a kB for each, for a moment; where the heap has no room left that stays in it.
    if grown > 2560 + n // 2:
        sys.exit("memory is not flat")


def turn(path, folder, seconds):
    """Names come and go, and generations are rolled back and forth."""
    api, n, end = Asked(path, 120), 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        new = body(folder, "c", 0)
        new["names"] = ["000000.scale.test"] + ["extra.scale.test"] * (n % 2)
        first = json.loads(api.ask("PUT", "/v1/certificates/s000000", new))["generation"]
        api.ask("PUT", "/v1/certificates/s000001", body(folder, "cb"[n % 2], 1))
        api.ask("POST", f"/v1/rollback/{first}")
        n += 3
    print(f"turns {n}")


COMMANDS = {f.__name__: f for f in (config, shake, download, swap, spread, turn)}
if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
