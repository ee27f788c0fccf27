#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes mode, CA bundle and CRL of the listener "live" all the time while good and revoked clients come.

No good client is ever refused. A revoked one is judged only when nothing changed between its connect and its answer:
then what was in force, and acknowledged by the daemon, says whether it may be served.

A change begins every 50 ms. On a machine that is too slow for that, ordinary runs take the time they need; with --strict
the changes must keep their pace.
"""
import argparse
import json
import os
import random
import re
import socket
import ssl
import statistics
import sys
import threading
import time

from api import Api

EVERY = 0.05  # seconds, from change to change
PAUSE = 0.05, 0.15  # seconds, of a client
PAGE = b"sallyport lab backend"
# mode, bundle, CRL; whether a client under a revoked intermediate is served
STATES = [
    ("verify", "root", "root", False),
    ("verify", "both", "root", False),
    ("verify", "both", "root-clean", True),
    ("verify", "root", "root", False),
    ("passthrough", "root", "root", True),
    ("verify", "root", "root", False),
    ("off", "root", "root", True),
    ("verify", "both", "root", False),
]


class World:
    """epoch is even while something changes."""

    def __init__(self):
        self.epoch = 1
        self.admits = False
        self.over = False
        self.errors = []
        self.took = []  # seconds, by change
        self.n = {"good": 0, "revoked refused": 0, "revoked served": 0, "in between": 0, "changes": 0}


def put(path, text):
    with open(path + ".new", "wb") as f:
        f.write(text)
    os.rename(path + ".new", path)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def change(args, world, state, config):
    mode, bundle, crl, admits = state
    began = time.monotonic()
    trust = os.path.join(args.lab, "trust")
    world.epoch += 1
    both = read(f"{trust}/root.pem") + read(f"{trust}/next.pem")
    put(f"{trust}/live.pem", both if bundle == "both" else read(f"{trust}/{bundle}.pem"))
    put(f"{trust}/live.crl", read(f"{trust}/{crl}.crl"))
    text = re.sub(r'mtls = \{ mode = "\w+"; trust_store = "live"', f'mtls = {{ mode = "{mode}"; trust_store = "live"', config)
    put(f"{args.lab}/integration.cfg", text.encode())
    c = Api(f"{args.lab}/control.sock")
    status, body = c.ask("POST", "/v1/reload")
    c.close()
    if status != 200:
        world.errors.append(f"reload: {status} {body}")
    world.admits = admits
    world.epoch += 1
    world.n["changes"] += 1
    world.took.append(time.monotonic() - began)


def connect(args, ctx):
    """True: served; False: refused with an alert that says why."""
    with socket.create_connection((args.address, args.port), timeout=30) as plain:
        plain.settimeout(30)
        try:
            with ctx.wrap_socket(plain, server_hostname="www.lab.test") as tls:
                tls.sendall(b"GET / HTTP/1.0\r\nHost: www.lab.test\r\n\r\n")
                answer = b""
                while piece := tls.recv(65536):
                    answer += piece
                if PAGE not in answer:
                    raise RuntimeError(f"odd answer {answer!r}")
                return True
        except ssl.SSLError as e:
            if "certificate revoked" in str(e).lower() or "CERTIFICATE_REVOKED" in str(e):
                return False
            raise


def client(args, world, who, version):
    """Ten times a second: eight of them leave the machine time for what is tested."""
    ctx = ssl.create_default_context(cafile=f"{args.lab}/pki/ca.pem")
    ctx.minimum_version = ctx.maximum_version = version
    ctx.load_cert_chain(f"{args.pki}/{who}.chain", f"{args.pki}/{who}.key")
    is_good = who.endswith("/good")
    while not world.over:
        time.sleep(random.uniform(*PAUSE))
        before, admits = world.epoch, world.admits
        try:
            served = connect(args, ctx)
        except Exception as e:  # whatever it is, it must not happen
            world.errors.append(f"{who}, {version.name}: {e!r}")
            return
        is_still = before % 2 == 1 and before == world.epoch
        if is_good:
            world.n["good"] += 1
            if not served:
                world.errors.append(f"{who}, {version.name}: refused")
        elif not is_still:
            world.n["in between"] += 1
        elif served != admits:
            world.errors.append(f"{who}, {version.name}: {'served' if served else 'refused'} in epoch {before}")
        else:
            world.n["revoked served" if served else "revoked refused"] += 1


def main():
    p = argparse.ArgumentParser()
    for name in ("lab", "pki", "address"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--strict", action="store_true")
    args = p.parse_args()
    world = World()
    kept = f"{args.lab}/integration.cfg"
    config = read(kept).decode()
    change(args, world, STATES[0], config)
    threads = [
        threading.Thread(target=client, args=(args, world, f"{kind}/{name}", version))
        for kind in ("ec", "rsa")
        for name in ("good", "under-revoked")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    ]
    for t in threads:
        t.start()
    begin = time.monotonic()
    end, i, next_change = begin + args.seconds, 0, begin
    while (time.monotonic() < end or i < 2 * len(STATES)) and not world.errors:
        i += 1
        change(args, world, STATES[i % len(STATES)], config)
        next_change = max(next_change + EVERY, time.monotonic() + (0 if args.strict else EVERY / 2))
        # On a slow machine clients need longer than a change lasts: now and then one stays until some were judged.
        if not args.strict and i % 4 == 0:
            next_change += 0.5
        time.sleep(max(0, next_change - time.monotonic()))
    pace = (time.monotonic() - begin) / i
    world.over = True
    for t in threads:
        t.join()
    change(args, world, STATES[0], config)
    took = sorted(world.took)
    print(f"{json.dumps(world.n)}; a change every {1e3 * pace:.1f} ms, which takes {1e3 * statistics.median(took):.1f} ms "
          f"(p99 {1e3 * took[len(took) * 99 // 100]:.1f})")
    if args.strict and pace > 1.02 * EVERY:
        world.errors.append(f"a change every {1e3 * pace:.1f} ms is not one every {1e3 * EVERY:.0f}")
    for e in world.errors[:10]:
        print(e)
    if world.errors or not world.n["good"] or not world.n["revoked refused"] or not world.n["revoked served"]:
        sys.exit(1)


main()
