#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Floods of handshakes, and who must not notice. Usage: flood.py rate PORT N | at_once PORT N | reserved PORT N |
crowd PORT RESERVED_PORT N | drip PORT N SECONDS | latency FILE SECONDS | compare IDLE LOADED | legit PORT N

The attacker is 10.80.0.2, everybody else 10.80.0.3, who is a reserved source where there are any.
"""
import os
import select
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(__file__))
from client import HOST, LAB, NAME, need  # noqa: E402

ATTACKER, OTHER = "10.80.0.2", "10.80.0.3"
PART = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # of a ClientHello


def connect(port, source):
    """A connection with TLS, or None when it was turned away."""
    c = ssl.create_default_context(cafile=f"{LAB}/pki/ca.pem")
    raw = None
    try:
        raw = socket.create_connection((HOST, port), 30, (source, 0))
        return c.wrap_socket(raw, server_hostname=NAME)
    except (ConnectionError, ssl.SSLEOFError, ssl.SSLSyscallError):
        if raw:
            raw.close()
        return None


def handshake(port, source):
    """True when it was served, False when it was turned away."""
    tls = connect(port, source)
    if tls:
        tls.close()
    return tls is not None


def served_in_the_end(port, source):
    end = time.monotonic() + 30
    while not handshake(port, source):
        need(time.monotonic() < end, "refused although there is room")
        time.sleep(0.05)


def rate(port, n):
    """The listener lets 5 begin in a second. All at the same time: one after the other may take longer than that."""
    start = time.monotonic()
    with ThreadPoolExecutor(int(n)) as pool:
        served = sum(pool.map(lambda _: handshake(int(port), ATTACKER), range(int(n))))
    most = 5 + 5 * (time.monotonic() - start) + 1
    need(5 <= served <= most, f"{served} were served, not 5..{most:.0f}")
    need(served < int(n), "none was refused")
    time.sleep(1.1)
    need(handshake(int(port), ATTACKER), "refused although the rate has recovered")


def begin(port, source):
    """A connection with a part of a hello; None when it was turned away at once."""
    c = None
    try:
        c = socket.create_connection((HOST, port), 30, (source, 0))
        c.sendall(PART)
        return c
    except ConnectionError:
        if c:
            c.close()
        return None


def hold(port, n, source=ATTACKER):
    """n connections that do not finish, which is all that are let in: so many come that no worker has less than its part
    of the limit, and what is beyond it is turned away."""
    port, n = int(port), int(n)
    held, ended, end = set(), [], time.monotonic() + 30
    while ended or len(held) != n:
        need(time.monotonic() < end, f"{len(held)} were let in, not {n}")
        if len(held) < n:
            held.update(c for c in (begin(port, source) for _ in range(4 * n + 50)) if c)
        ended = select.select(list(held), [], [], 0.1)[0]
        for c in ended:
            held.remove(c)
            c.close()
    return held


def at_once(port, n):
    """n that do not finish: the next is refused, until one of them is gone."""
    held = hold(port, n)
    need(not handshake(int(port), ATTACKER), "one too many was served")
    held.pop().close()
    served_in_the_end(int(port), ATTACKER)


def per_source(port, n):
    """n of one source: it is refused, another is served."""
    held = hold(port, n)
    need(not handshake(int(port), ATTACKER), "one too many was served")
    need(handshake(int(port), OTHER), "another source was refused")
    del held


def reserved(port, n):
    """n at once, a quarter of them kept for us: nobody else's can take those, and we may have no more either."""
    port, kept = int(port), int(n) // 4
    held = hold(port, int(n) - kept)
    need(not handshake(port, ATTACKER), "one too many was served")
    for _ in range(2 * kept):
        need(handshake(port, OTHER), "a reserved source was refused")
    ours = hold(port, kept, OTHER)
    need(not handshake(port, OTHER), "one too many of a reserved source was served")
    need(not handshake(port, ATTACKER), "what is kept was given away")
    ours.pop().close()
    served_in_the_end(port, OTHER)
    del held


def crowd(port, reserved_port, n):
    """n connections are all that others may have, over all workers: a reserved source has its own, where it is one."""
    port, reserved_port, n = int(port), int(reserved_port), int(n)
    held = [c for c in (connect(port, ATTACKER) for _ in range(4 * n + 50)) if c]
    need(len(held) == n, f"{len(held)} connections could be made, not {n}")
    need(not handshake(reserved_port, ATTACKER), "another listener gave what is kept to others")
    need(not handshake(port, OTHER), "a source had what is kept where it is not reserved")
    for _ in range(20):
        served_in_the_end(reserved_port, OTHER)  # those before may be on their way out still
    ours = [c for c in (connect(reserved_port, OTHER) for _ in range(4 * n + 50)) if c]
    need(0 < len(ours) <= n // 3 + 4, f"{len(ours)} kept connections could be made")
    for c in held + ours:
        need(echoes(c), "a connection was given up")
    while held:
        held.pop().close()
    served_in_the_end(port, ATTACKER)


def echoes(tls):
    tls.sendall(b"x")
    return tls.recv(1) == b"x"


def drip(port, n, seconds):
    """Keeps n connections open that never finish their ClientHello."""
    end = time.monotonic() + float(seconds)
    held = {}
    while time.monotonic() < end:
        while len(held) < int(n):
            s = socket.socket()
            s.bind((ATTACKER, 0))
            s.setblocking(False)
            s.connect_ex((HOST, int(port)))
            held[s] = False
        readable, writable, _ = select.select(
            list(held), [s for s, sent in held.items() if not sent], [], 0.05)
        for s in writable:
            try:
                s.send(PART)
                held[s] = True
            except OSError:
                readable.append(s)
        for s in set(readable):
            held.pop(s, None)
            s.close()


def latency(path, seconds):
    """Sends a byte back and forth on an established connection; all round trips go to the file, sorted."""
    c = ssl.create_default_context(cafile=f"{LAB}/pki/ca.pem")
    trips, end = [], time.monotonic() + float(seconds)
    with socket.create_connection((HOST, 9000), 30, (OTHER, 0)) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with c.wrap_socket(raw, server_hostname=NAME) as tls:
            while time.monotonic() < end:
                start = time.monotonic()
                tls.sendall(b"x")
                need(tls.recv(1) == b"x", "the connection ended")
                trips.append(time.monotonic() - start)
                time.sleep(0.001)
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(f"{t * 1e6:.0f}\n" for t in sorted(trips))


def p99(path):
    with open(path, encoding="utf-8") as f:
        trips = [float(line) for line in f]
    need(len(trips) > 100, f"only {len(trips)} round trips")
    return trips[len(trips) * 99 // 100]


def compare(idle, loaded):
    """Three times, and what a scheduler with more programs than cores may take."""
    before, now = p99(idle), p99(loaded)
    print(f"p99 {before:.0f} us idle, {now:.0f} us under load")
    need(now <= 3 * before + 20000, f"p99 was {before:.0f} us and is {now:.0f} us")


def legit(port, n):
    served = sum(handshake(int(port), OTHER) for _ in range(int(n)))
    need(served == int(n), f"{served} of {n} were served")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
