#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients for lives.sh: everything that control can replace and free is replaced and freed, as fast as it goes, while
handshakes stand still between their flights, connections idle, targets are checked and others go in and out. What any of them
comes to does not matter here; a daemon that touches what it has freed dies of it (AddressSanitizer)."""
import argparse
import collections
import http.client
import json
import random
import socket
import ssl
import sys
import threading
import time

from api import Api

FRONT, TARGET = "10.80.0.1", "10.81.0.2"
PORTS = [443, 443, 4443, 4443, 9140, 9141, 9141, 9142]
NAMES = ["www.lab.test", "known.test", "off.test", "own.test", "a.pass.test", "exact.lab.test", "nobody.example"]
SUITES = [None, None, "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256"]


class World:
    def __init__(self, args):
        self.args = args
        self.end = time.monotonic() + args.seconds
        self.errors = []
        self.n = collections.Counter()

    def has_seen_enough(self):
        return self.n["connections"] >= 20 and self.n["changes"] >= 100

    def is_over(self):
        late = time.monotonic() - self.end
        return bool(self.errors) or (late >= 0 and (self.has_seen_enough() or late >= 8 * self.args.seconds))


def text(*paths):
    all_of_it = ""
    for path in paths:
        with open(path) as f:
            all_of_it += f.read()
    return all_of_it


# --- clients ---

def context(args):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    suite = random.choice(SUITES)
    if suite:
        c.maximum_version = ssl.TLSVersion.TLSv1_2
        c.set_ciphers(suite + ":@SECLEVEL=0")
    if random.random() < 0.7:
        who = random.choice(("good", "good", "revoked", "unknown", "missing", "deep"))
        stem = f"{args.pki}/{random.choice(('ec', 'rsa'))}/{who}"
        c.load_cert_chain(stem + ".chain", stem + ".key")
    return c


def send_slowly(s, data, most):
    """In two pieces, and later than it could be."""
    cut = random.randrange(len(data) + 1)
    time.sleep(random.random() * most)
    s.sendall(data[:cut])
    time.sleep(random.random() * most)
    s.sendall(data[cut:])


def talk(world, s, most):
    """A handshake, flight by flight; then a request or silence."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context(world.args).wrap_bio(incoming, outgoing, server_hostname=random.choice(NAMES))
    steps = [tls.do_handshake]
    if random.random() < 0.6:
        steps += [lambda: tls.write(b"GET /1k.txt HTTP/1.0\r\nHost: www.lab.test\r\n\r\n"), lambda: tls.read(65536)]
    for step in steps:
        while True:
            try:
                step()
                break
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    send_slowly(s, outgoing.read(), most)
                data = s.recv(65536)
                if not data:
                    incoming.write_eof()
                incoming.write(data)
        if outgoing.pending:
            send_slowly(s, outgoing.read(), most)
    time.sleep(random.random() * 2 * most)


def client(world):
    while not world.is_over():
        most = random.choice((0, 0.01, 0.3, 1.0))
        try:
            with socket.create_connection((FRONT, random.choice(PORTS)), timeout=10) as s:
                talk(world, s, most)
                world.n["connections"] += 1
        except (OSError, ssl.SSLError, ValueError):
            world.n["refused or cut"] += 1


# --- changes ---

class Changes:
    def __init__(self, world):
        self.world = world
        self.args = world.args
        self.api = Api(f"{self.args.lab}/control.sock")
        self.kept = {name: self.listener(name) for name in ("live", "mutual", "https")}

    def ask(self, method, target, body=None):
        status, text = self.api.ask(method, target, body)
        return status, json.loads(text) if text.startswith(b"{") else {}

    def listener(self, name):
        settings = self.ask("GET", f"/v1/listeners/{name}")[1]
        settings.pop("certificates", None)
        settings.pop("default_certificate", None)
        return settings

    def pem(self, stem):
        return {"chain": text(stem + ".pem"), "key": text(stem + ".key")}

    def certificate(self):
        name, kind = random.choice((("www-ecdsa", "www.ecdsa"), ("www-rsa", "www.rsa")))
        return "PUT", f"/v1/certificates/{name}", self.pem(f"{self.args.lab}/pki/{random.choice('ab')}/{kind}")

    def default(self):
        names = random.choice((["www-ecdsa"], ["www-rsa"], ["www-ecdsa", "www-rsa"]))
        listener = random.choice(("https", "live", "mutual"))
        return "PUT", f"/v1/listeners/{listener}/default-certificate", {"certificates": names}

    def mtls(self):
        name = random.choice(("live", "mutual"))
        store = random.choice(("live", "clients", "known"))
        mode = random.choice(("verify", "verify", "passthrough", "off"))
        settings = dict(self.kept[name], mtls={"mode": mode, "trust_store": store})
        if random.random() < 0.3:
            settings.pop("sni", None)
        return "PUT", f"/v1/listeners/{name}", settings

    def policy(self):
        policy = random.choice(("ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS13-1-2-2021-06", "own"))
        return "PUT", "/v1/listeners/https", dict(self.kept["https"], policy=policy)

    def third(self):
        if random.random() < 0.4:
            return "DELETE", "/v1/listeners/third", None
        return "PUT", "/v1/listeners/third", {
            "bind": [f"{FRONT}:4443"], "backend": "checked", "default_certificate": ["www-ecdsa", "www-rsa"],
            "alpn": random.choice((["http/1.1"], ["h2", "http/1.1"])), "limits": {"idle_timeout": random.choice((5, 60))}}

    def backend(self):
        ports = random.sample((8080, 8443, 9009, 9000), random.randrange(1, 4))
        kind = random.choice(("tcp", "http", "https", "tls", "none"))
        settings = {"targets": [{"address": f"{TARGET}:{p}", "drain": random.random() < 0.2} for p in ports],
                    "connect_timeout": 1.0, "deregistration_delay": random.choice((0.1, 1.0)),
                    "health": {"type": kind, "interval": 1.0, "timeout": 0.5}}
        if kind in ("https", "tls"):
            settings["tls"] = random.choice(({"verify": False}, {"trust_store": "targets", "server_name": "www.lab.test"}))
        return "PUT", "/v1/backends/checked", settings

    def bundle(self):
        files = random.choice((["root"], ["root", "inter"], ["root", "next"]))
        return "PUT", "/v1/trust-stores/live/ca-bundle", {
            "ca_bundle": text(*(f"{self.args.pki}/{k}/{f}.pem" for k in ("ec", "rsa") for f in files))}

    def targets_store(self):
        return "PUT", "/v1/trust-stores/targets/ca-bundle", {"ca_bundle": text(f"{self.args.lab}/pki/ca.pem")}

    def crl(self):
        lists = self.ask("GET", "/v1/trust-stores/live/revocations")[1].get("revocations", [])
        if lists and random.random() < 0.5:
            return "DELETE", f"/v1/trust-stores/live/revocations/{random.choice(lists)['id']}", None
        name = random.choice(("root", "root-clean"))
        return "POST", "/v1/trust-stores/live/revocations", {"crl": text(f"{self.args.pki}/ec/{name}.crl")}

    def rollback(self):
        known = [g["generation"] for g in self.ask("GET", "/v1/generations")[1]["generations"]]
        return "POST", f"/v1/rollback/{random.choice(known)}", None

    def reload(self):
        return "POST", "/v1/reload", None

    def tickets(self):
        return "POST", "/v1/ticket-keys/rotate", None

    def transaction(self):
        tx = self.ask("POST", "/v1/transactions")[1]["transaction"]
        for make in random.sample((self.mtls, self.bundle, self.certificate, self.policy), 3):
            method, target, body = make()
            self.ask(method, f"{target}?tx={tx}", body)
        return "POST", f"/v1/transactions/{tx}/commit", None

    def look(self):
        return "GET", random.choice(("/metrics", "/v1/stats", "/v1/connections", "/v1/config")), None

    def run(self):
        often = [self.certificate] * 6 + [self.default, self.mtls, self.policy, self.third, self.backend, self.bundle,
                                          self.crl] * 3 + [self.tickets, self.transaction, self.look] * 2
        seldom = [self.reload, self.rollback, self.targets_store]
        while not self.world.is_over():
            make = random.choice(often if random.random() < 0.97 else seldom)
            status, answer = self.ask(*make())
            self.world.n["changes" if status == 200 else "changes refused"] += 1
            if status >= 500:
                self.world.errors.append(f"{make.__name__}: {status} {answer}")


def changes(world):
    try:
        Changes(world).run()
    except (OSError, http.client.HTTPException, KeyError) as e:
        world.errors.append(f"changes: {e!r}")


def main():
    p = argparse.ArgumentParser()
    for name in ("lab", "pki"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--seconds", type=float, default=15)
    p.add_argument("--clients", type=int, default=48)
    world = World(p.parse_args())
    for make in (Changes.targets_store, Changes.backend, Changes.third):
        first = Changes(world)
        status, answer = first.ask(*make(first))
        if status not in (200, 404):
            sys.exit(f"{make.__name__}: {status} {answer}")
    threads = [threading.Thread(target=client, args=(world,)) for _ in range(world.args.clients)]
    threads += [threading.Thread(target=changes, args=(world,)) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(", ".join(f"{k} {v}" for k, v in sorted(world.n.items())))
    if world.errors:
        sys.exit("\n".join(world.errors[:20]))
    if not world.has_seen_enough():
        sys.exit("too little has happened")


if __name__ == "__main__":
    main()
