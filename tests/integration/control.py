#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of the control API for control.sh: control.py COMMAND SOCKET [ARGUMENT]..."""
import contextlib
import http.client
import json
import random
import re
import socket
import ssl
import subprocess
import sys
import time

from api import Api


def ask(path, method, target, body=None, headers=None):
    with contextlib.closing(Api(path, timeout=20)) as c:
        status, text = c.ask(method, target, body, headers)
    return status, json.loads(text)


def pem(stem):
    with open(stem + ".pem") as c, open(stem + ".key") as k:
        return {"chain": c.read(), "key": k.read()}


def swap(path, name, a, b, seconds):
    """Replaces a certificate by turns, every 10 ms; prints how many times and how long it took."""
    bodies, times, n, end = [pem(a), pem(b)], [], 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        start = time.monotonic()
        status, answer = ask(path, "PUT", f"/v1/certificates/{name}", bodies[n % 2])
        took = time.monotonic() - start
        if status != 200:
            sys.exit(f"swap {n}: {status} {answer}")
        times.append(took)
        n += 1
        time.sleep(max(0, 0.01 - took))
    times.sort()
    print(f"swaps {n} p50_ms {times[n // 2] * 1e3:.2f} p99_ms {times[n * 99 // 100] * 1e3:.2f}")


def turn(path, seconds, a, b):
    """The default is now one, now the other, now both: ECDSA and RSA by turns."""
    n, end = 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        names = ([a], [b], [a, b])[n % 3]
        status, answer = ask(path, "PUT", "/v1/listeners/https/default-certificate", {"certificates": names})
        if status != 200:
            sys.exit(f"turn {n}: {status} {answer}")
        n += 1
        time.sleep(0.005)
    print(f"turns {n}")


def shake(host, ca, seconds):
    """One verified handshake and request after the other; exits with 1 at the first that fails."""
    n, kinds, end = 0, {}, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        context = ssl.create_default_context(cafile=ca)
        context.maximum_version = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)[n % 2]
        with socket.create_connection((host, 443), timeout=10) as raw, \
                context.wrap_socket(raw, server_hostname="www.lab.test") as s:
            serial = s.getpeercert()["serialNumber"]
            kinds[serial] = kinds.get(serial, 0) + 1
            s.sendall(b"GET /1k.txt HTTP/1.0\r\nHost: www.lab.test\r\n\r\n")
            got = b""
            while piece := s.recv(4096):
                got += piece
            if not got.startswith(b"HTTP/1.1 200") or len(got) < 1024:
                sys.exit(f"handshake {n}: {got[:100]}")
        n += 1
    print(f"handshakes {n}, certificates seen {kinds}")


def churn(path, a, b):
    """Changes until the daemon is killed; prints every acknowledged state as a line."""
    bodies = [pem(a), pem(b)]
    for n in range(100000):
        name = f"churn{n % 7}"
        try:
            status, answer = ask(path, "PUT", f"/v1/certificates/{name}", bodies[n % 2])
        except (OSError, http.client.HTTPException, ValueError):
            return
        if status != 200:
            sys.exit(f"{status} {answer}")
        print(answer["generation"], name, n % 2, flush=True)


def check(path, log, a, b):
    """Is every change of log there, and none by half?"""
    prints = [subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", s + ".pem"],
                             capture_output=True, text=True, check=True).stdout for s in (a, b)]
    prints = [p.split("=")[1].strip().replace(":", "").lower() for p in prints]
    wanted, last = {}, 0
    with open(log) as f:
        for line in f:
            if not line.endswith("\n"):
                continue
            generation, name, which = line.split()
            wanted[name], last = int(which), int(generation)
    _, now = ask(path, "GET", "/v1/status")
    if not last <= now["generation"] <= last + 1:
        sys.exit(f"generation {now['generation']}, acknowledged {last}")
    ahead = now["generation"] - last
    for name, which in wanted.items():
        status, cert = ask(path, "GET", f"/v1/certificates/{name}")
        if status != 200 or cert["fingerprint"] not in prints:
            sys.exit(f"{name}: {status} {cert}")
        if cert["fingerprint"] != prints[which]:
            if ahead == 0:
                sys.exit(f"{name}: not what was acknowledged")
            ahead -= 1
    print("generation", now["generation"], "acknowledged", last)


NAMES = ["www.lab.test", "x.lab.test", "exact.lab.test", "a.wild.test", "a.b.wild.test", "wild.test",
         "other.test", "nobody.example", None]
SIGALGS = ["ECDSA+SHA256", "RSA-PSS+SHA256", "RSA+SHA256", "ECDSA+SHA384", "ECDSA+SHA256:RSA-PSS+SHA256",
           "RSA-PSS+SHA256:RSA+SHA256", "RSA-PSS+SHA512:RSA+SHA384"]
VERSIONS = [("1.3", "-tls1_3"), ("1.2", "-tls1_2"), ("1.3,1.2", None)]


def explain(path, n, namespace):
    """Is a client served what explain says? n random combinations."""
    random.seed(int(n))
    differing = 0
    for _ in range(int(n)):
        name, sigalgs, (versions, flag) = (random.choice(NAMES), random.choice(SIGALGS),
                                           random.choice(VERSIONS))
        query = f"/v1/explain?listener=https&sigalgs={sigalgs.replace('+', '%2B')}&versions={versions}"
        _, said = ask(path, "GET", query + (f"&name={name}" if name else ""))
        command = ["ip", "netns", "exec", namespace, "timeout", "10", "openssl", "s_client", "-connect",
                   "10.80.0.1:443", "-sigalgs", sigalgs]
        command += [flag] if flag else []
        command += ["-servername", name] if name else ["-noservername"]
        out = subprocess.run(command, input="", capture_output=True, text=True).stdout
        m = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", out, re.S)
        served = None
        if m:
            served = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=m.group(0),
                                    capture_output=True, text=True, check=True).stdout
            served = served.split("=")[1].strip().replace(":", "").lower()
        wanted = None
        if said["certificate"]:
            wanted = ask(path, "GET", f"/v1/certificates/{said['certificate']}")[1]["fingerprint"]
        if served != wanted:
            differing += 1
            print(name, sigalgs, versions, "explained", said, "served", served)
    print(f"{n} combinations, {differing} differ")
    return differing


COMMANDS = {f.__name__: f for f in (swap, turn, shake, churn, check, explain)}
sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
