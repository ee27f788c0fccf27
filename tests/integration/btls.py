#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS to targets, where curl and nginx cannot be told to misbehave.

usage: btls.py target ADDRESS PORT CHAIN KEY   serves until it is ended; says "ready"
       btls.py whole|cut|torn|spoilt|half PORT a client's case, against that target
"""
import hashlib
import os
import socket
import ssl
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__))
from client import TIMEOUT, Tls, blob, need  # noqa: E402

PART = blob(100000)


class Served(Tls):
    """The other end of Tls."""

    def __init__(self, sock, context):
        self.sock, self.piece, self.read_size = sock, 0, 65536
        sock.settimeout(TIMEOUT)
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.arrived, self.leaving, server_side=True)
        self.run(self.tls.do_handshake)

    def write_otherwise(self, data, change):
        """The last record as change makes it."""
        self.write(data)
        self.tls.write(b"the last")
        self.sock.sendall(change(self.leaving.read()))

    def wait_for_end(self):
        """Until the other side has nothing more to say: closing with bytes unread would be a reset."""
        while self.sock.recv(self.read_size):
            pass


def serve(sock, context):
    """The first line says what is wanted."""
    try:
        tls = Served(sock, context)
        said = tls.read()
        while b"\n" not in said:
            said += tls.read()
        wanted, rest = said.split(b"\n", 1)
        if wanted == b"half":
            rest += tls.read_all()
            tls.write(hashlib.sha256(rest).hexdigest().encode() + PART)
        elif wanted == b"torn":
            tls.write_otherwise(PART, lambda record: record[:-3])
        elif wanted == b"spoilt":
            tls.write_otherwise(PART, lambda record: record[:-3] + bytes([record[-3] ^ 1]) + record[-2:])
            tls.wait_for_end()
        else:
            tls.write(PART)
        if wanted in (b"whole", b"half"):
            tls.end_writing()
    except (OSError, ssl.SSLError) as e:
        print(e, flush=True)
    finally:
        sock.close()


def target(address, port, chain, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    listener = socket.create_server((address, int(port)), backlog=64)
    print("ready", flush=True)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock, context), daemon=True).start()


def whole(port):
    """An answer that ends in order ends in order for the client, too."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        tls = Tls(int(port), version)
        tls.write(b"whole\n")
        need(tls.read_all() == PART, "other bytes")


def broken(how, port):
    """All that came whole comes through, and then an alert and no clean end."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        tls, data = Tls(int(port), version), b""
        tls.write(how + b"\n")
        try:
            while more := tls.read():
                data += more
        except ssl.SSLError as e:
            need("internal error" in str(e).lower(), f"another alert: {e}")
            need(data == PART, f"{len(data)} bytes came, not the {len(PART)} that were whole")
            continue
        need(False, f"{len(data)} bytes, and a clean end")


def cut(port):
    """One that is cut off behind a record does not look whole."""
    broken(b"cut", port)


def torn(port):
    """Nor one that is cut off inside a record."""
    broken(b"torn", port)


def spoilt(port):
    """Nor one with a record that was changed on the way."""
    broken(b"spoilt", port)


def half(port):
    """The client's close_notify reaches the target as one, and the answer still comes."""
    sent = blob(300000)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        tls = Tls(int(port), version)
        tls.write(b"half\n" + sent)
        tls.end_writing()
        got = tls.read_all()
        need(got == hashlib.sha256(sent).hexdigest().encode() + PART, f"other bytes: {len(got)}")


if __name__ == "__main__":
    {"target": target, "whole": whole, "cut": cut, "torn": torn, "spoilt": spoilt, "half": half}[sys.argv[1]](*sys.argv[2:])
