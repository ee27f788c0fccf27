#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients with habits that curl has not. Usage: client.py HABIT [ARGUMENT]...

Ends with status 0 when all went as the habit's function says, else says what did not.
"""
import asyncio
import hashlib
import os
import select
import signal
import socket
import ssl
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HOST = "10.80.0.1"
NAME = "www.lab.test"
LAB = os.environ["LAB"]
TIMEOUT = 30


def context(version=None):
    c = ssl.create_default_context(cafile=f"{LAB}/pki/ca.pem")
    if version:
        c.minimum_version = c.maximum_version = version
    return c


VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class Tls:
    """TLS over a socket with both ends of each byte in our hands."""

    def __init__(self, port, version=None, host=HOST, piece=0, rcvbuf=0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(TIMEOUT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect((host, port))
        self.piece = piece  # bytes per send; 0: all at once
        self.read_size = 65536
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context(version).wrap_bio(self.arrived, self.leaving, server_hostname=NAME)
        self.run(self.tls.do_handshake)

    def flush(self):
        data = self.leaving.read()
        step = self.piece or len(data) or 1
        for i in range(0, len(data), step):
            self.sock.sendall(data[i:i + step])

    def receive(self):
        data = self.sock.recv(self.read_size)
        if data:
            self.arrived.write(data)
        else:
            self.arrived.write_eof()

    def run(self, call, *args):
        while True:
            try:
                result = call(*args)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                self.receive()

    def write(self, data):
        for i in range(0, len(data), 16384):
            self.run(self.tls.write, data[i:i + 16384])

    def read(self, size=65536):
        """b"" after close_notify; a TCP end without it raises."""
        try:
            return self.run(self.tls.read, size)
        except ssl.SSLZeroReturnError:
            return b""

    def read_all(self):
        data = b""
        while more := self.read():
            data += more
        return data

    def end_writing(self):
        """close_notify; reading goes on."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def need(ok, text):
    if not ok:
        raise SystemExit(text)


def blob(n):
    return hashlib.shake_256(b"sallyport").digest(n)


def request(path, more=""):
    return f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\n{more}\r\n".encode()


def body_of(tls):
    """One HTTP response with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = tls.read()
        need(more, "the connection ended in the response's header")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    need(b" 200 " in head.split(b"\r\n")[0], head.decode())
    size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:"))
    body = bytearray(body)  # which grows without being copied
    while len(body) < size:
        more = tls.read()
        need(more, f"the connection ended after {len(body)} of {size} bytes")
        body += more
    need(len(body) == size, "more bytes than announced")
    return bytes(body)


def www(name):
    with open(f"{LAB}/www/{name}", "rb") as f:
        return f.read()


def concurrent(n):
    """All open at once, each with a request of its own; none fails."""
    want = www("1k.txt")
    n = int(n)

    async def one(opened, all_open):
        reader, writer = await asyncio.open_connection(
            HOST, 443, ssl=shared, server_hostname=NAME, ssl_handshake_timeout=TIMEOUT)
        opened.append(1)
        if len(opened) == n:
            all_open.set()
        await asyncio.wait_for(all_open.wait(), 2 * TIMEOUT)
        writer.write(request("/1k.txt", "Connection: close\r\n"))
        data = await asyncio.wait_for(reader.read(), TIMEOUT)
        need(data.endswith(want), "wrong body")
        writer.close()
        await writer.wait_closed()

    async def main():
        opened, all_open = [], asyncio.Event()
        results = await asyncio.gather(
            *(one(opened, all_open) for _ in range(n)), return_exceptions=True)
        bad = [r for r in results if r is not None]
        need(not bad, f"{len(bad)} of {n} failed, the first with {bad[:1]}")

    shared = context()
    asyncio.run(main())


def sequential(n):
    """One after another, each with a handshake of its own."""
    want = www("1k.txt")
    shared = context()
    for i in range(int(n)):
        with socket.create_connection((HOST, 443), TIMEOUT) as raw, \
                shared.wrap_socket(raw, server_hostname=NAME) as tls:
            tls.sendall(request("/1k.txt", "Connection: close\r\n"))
            data = b""
            while more := tls.recv(65536):
                data += more
            need(data.endswith(want), f"connection {i}: wrong body")


def held(count, path, port=443):
    """Opens connections, says "open", asks on each again and again until path is gone."""
    conns = [Tls(int(port)) for _ in range(int(count))]
    want = www("1k.txt")
    print("open", flush=True)
    while os.path.exists(path):
        for i, tls in enumerate(conns):
            tls.write(request("/1k.txt"))
            need(body_of(tls) == want, f"connection {i}: wrong body")
        time.sleep(0.2)
    print(f"{len(conns)} connections alive")


def fragmented(*_):
    """A ClientHello, and all else, one byte per segment."""
    for version in VERSIONS:
        tls = Tls(443, version, piece=1)
        tls.write(request("/1k.txt"))
        need(body_of(tls) == www("1k.txt"), "wrong body")


def slow_reader(path):
    """A small window and long pauses: back-pressure up to the backend, and nothing is lost."""
    for version in VERSIONS:
        tls = Tls(443, version, rcvbuf=8192)
        tls.write(request(path, "Connection: close\r\n"))
        tls.read_size = 4096
        start = time.monotonic()
        while time.monotonic() - start < 3:
            time.sleep(0.05)
            tls.receive()  # raw bytes only, TLS reads them later
        tls.read_size = 65536
        got, want = hashlib.sha256(body_of(tls)), hashlib.sha256(www(path[1:]))
        need(got.digest() == want.digest(), "other bytes arrived")


def hoard(most, file, path):
    """Slow readers: each asks for a large file and reads nothing, until five in a row are not let in any more.
    Says how many it has; once path is gone the first ones read all of it, the others go away."""
    global TIMEOUT
    want, conns, refused, in_a_row = hashlib.sha256(www(file)).digest(), [], 0, 0
    patience, TIMEOUT = TIMEOUT, 3
    while len(conns) < int(most) and in_a_row < 5:
        try:
            tls = Tls(443, rcvbuf=8192)
            tls.write(request("/" + file, "Connection: close\r\n"))
            conns.append(tls)
            in_a_row = 0
        except (OSError, ssl.SSLError):
            refused += 1
            in_a_row += 1
    print(f"open {len(conns)}, shed {refused}", flush=True)
    while os.path.exists(path):
        time.sleep(0.05)
    for tls in conns[3:]:
        tls.sock.close()
    for tls in conns[:3]:
        tls.sock.settimeout(patience)
    with ThreadPoolExecutor(3) as pool:  # nginx and the daemon wait for none of them forever
        for body in pool.map(body_of, conns[:3]):
            need(hashlib.sha256(body).digest() == want, "other bytes arrived")
    for tls in conns[:3]:
        tls.sock.close()
    need(in_a_row >= 5, f"all of {len(conns)} were let in")


def alert_and_reset(pid):
    """A client that does not like the certificate: its alert and its RST, since our flight is not read to the end, find
    a daemon that has other things to do and takes both in at once."""
    sock = socket.create_connection((HOST, 443), TIMEOUT)
    arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt").wrap_bio(arrived, leaving, server_hostname=NAME)
    try:
        while True:
            try:
                tls.do_handshake()
                need(False, "the certificate was taken")
            except ssl.SSLWantReadError:
                sock.sendall(leaving.read())
                arrived.write(sock.recv(65536))
    except ssl.SSLCertVerificationError:
        pass
    os.kill(int(pid), signal.SIGSTOP)
    sock.sendall(leaving.read())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    time.sleep(0.05)
    os.kill(int(pid), signal.SIGCONT)


def burst(n, pid):
    """So many ClientHellos find a daemon that has other things to do: it takes in all at once. Each is answered."""
    ends = []
    for _ in range(int(n)):
        arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context().wrap_bio(arrived, leaving, server_hostname=NAME)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        ends.append((socket.create_connection((HOST, 443), TIMEOUT), tls, arrived, leaving))
    os.kill(int(pid), signal.SIGSTOP)
    for sock, _, _, leaving in ends:
        sock.sendall(leaving.read())
    time.sleep(0.05)
    os.kill(int(pid), signal.SIGCONT)
    for sock, tls, arrived, leaving in ends:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                data = sock.recv(65536)
                need(data, "a connection ended")
                arrived.write(data)
        sock.sendall(leaving.read())
        sock.close()


def cut_short(file, pid):
    """The daemon is told to end as soon as the answer to a new connection begins: all of it comes."""
    tls = Tls(443)
    tls.write(request("/" + file, "Connection: close\r\n"))
    tls.receive()
    os.kill(int(pid), signal.SIGTERM)
    need(body_of(tls) == www(file), "other bytes arrived")


def half_close(*_):
    """close_notify, with and without FIN: the backend sees the end and can still answer."""
    data = blob(300000)
    want = f"{hashlib.sha256(data).hexdigest()} {len(data)}\n".encode()
    for version in VERSIONS:
        for fin in (False, True):
            tls = Tls(9001, version)
            tls.write(data)
            tls.end_writing()
            if fin:
                tls.sock.shutdown(socket.SHUT_WR)
            got = tls.read_all()
            need(got == want, f"{version} fin={fin}: answer is {got!r}")


def truncation(*_):
    """FIN without close_notify is no end of data: the backend must not take it for one."""
    for version in VERSIONS:
        tls = Tls(9001, version)
        tls.write(b"half of a transfer")
        tls.sock.shutdown(socket.SHUT_WR)
        try:
            got = tls.read_all()
        except (ssl.SSLError, OSError):
            continue
        need(got == b"", f"{version}: the backend answered {got!r}")


def torn_record(port):
    """FIN in the middle of a record: nothing more can come, and the connection is not kept until it is idle."""
    for version in VERSIONS:
        tls = Tls(int(port), version)
        tls.tls.write(b"never read as a whole")
        tls.sock.sendall(tls.leaving.read()[:-1])
        tls.sock.shutdown(socket.SHUT_WR)
        try:
            got = tls.read_all()
        except TimeoutError:
            raise SystemExit(f"{version}: it is kept") from None
        except (ssl.SSLError, OSError):
            continue
        need(got == b"", f"{version}: the backend answered {got!r}")


def echo(size, host=HOST):
    """Both directions at once; everything comes back, then the end."""
    data = blob(int(size))
    for version in VERSIONS:
        tls = Tls(9000, version, host=host)
        got, sent = bytearray(), 0
        tls.sock.setblocking(False)
        start = time.monotonic()
        while len(got) < len(data):
            need(time.monotonic() - start < 2 * TIMEOUT, f"stalled at {len(got)} of {len(data)}")
            pending = getattr(tls, "pending", b"")
            if not pending and sent < len(data):
                sent += tls.tls.write(data[sent:sent + 16384])
                pending = tls.leaving.read()
            readable, writable, _ = select.select([tls.sock], [tls.sock] if pending else [], [], 1)
            if writable:
                pending = pending[tls.sock.send(pending):]
            tls.pending = pending
            if readable:
                tls.receive()
                try:
                    while True:
                        got += tls.tls.read(65536)
                except ssl.SSLWantReadError:
                    pass
        tls.sock.settimeout(TIMEOUT)
        need(bytes(got) == data, "other bytes came back")
        tls.end_writing()
        need(tls.read_all() == b"", "more bytes than were sent")


def early(*_):
    """The backend ends first: its bytes arrive, then close_notify."""
    for version in VERSIONS:
        tls = Tls(9002, version)
        need(tls.read_all() == b"e" * 1000, "not what the backend sent")


def backend_reset(*_):
    """The backend resets: the client learns that it was no clean end."""
    for version in VERSIONS:
        tls = Tls(9003, version)
        tls.write(b"x")
        try:
            tls.read_all()
        except (ssl.SSLError, OSError):
            continue
        raise SystemExit(f"{version}: a reset backend looked like a clean end")


def unreachable(port):
    """No backend: the handshake is done, then TLS ends cleanly within the connect timeout."""
    start = time.monotonic()
    tls = Tls(int(port))
    tls.write(b"hello")
    need(tls.read_all() == b"", "bytes from nowhere")
    need(time.monotonic() - start < 6, "it took too long")


def idle(port, low, high):
    """A quiet connection is closed between low and high seconds."""
    tls = Tls(int(port))
    start = time.monotonic()
    try:
        need(tls.read_all() == b"", "bytes from nowhere")
    except (ssl.SSLError, OSError) as e:
        need("timed out" not in str(e), str(e))
    took = time.monotonic() - start
    need(float(low) <= took <= float(high), f"closed after {took:.1f} s")


def handshake_timeout(port, low, high):
    """A client that says nothing, or half a ClientHello, is let go."""
    for first in (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
        with socket.create_connection((HOST, int(port)), TIMEOUT) as s:
            s.sendall(first)
            start = time.monotonic()
            try:
                while s.recv(4096):
                    pass
            except ConnectionResetError:
                pass
            took = time.monotonic() - start
            need(float(low) <= took <= float(high), f"{first!r}: closed after {took:.1f} s")


def garbage(n):
    """What is no TLS is answered with an alert or a close, quickly."""
    words = [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 100, b"\xff" * 20000,
             b"\x16\x03\x01\xff\xff" + b"a" * 70000, b"\x15\x03\x03\x00\x02\x02\x28",
             b"\x17\x03\x03\x00\x10" + b"b" * 16, b"\x16\x03\x01\x00\x00" * 1000,
             b"\x80\x2e\x01\x00\x02"]
    words += [hashlib.shake_256(bytes([i])).digest(50 + 7 * i) for i in range(int(n))]
    hello = record_of_hello()
    words += [hello[:i] + bytes([hello[i] ^ 0xff]) + hello[i + 1:] for i in range(0, len(hello), 3)]
    for word in words:
        with socket.create_connection((HOST, 443), TIMEOUT) as s:
            try:
                s.sendall(word)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except TimeoutError:
                raise SystemExit(f"no answer to {word[:20]!r}") from None
            except OSError:
                pass  # reset, as is right


def record_of_hello():
    out = ssl.MemoryBIO()
    tls = context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=NAME)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def resets(n):
    """Clients that vanish at any moment."""
    for i in range(int(n)):
        if i % 3 == 0:
            s = socket.create_connection((HOST, 443), TIMEOUT)
            s.sendall(record_of_hello()[:100 + i])
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
            continue
        tls = Tls(443)
        tls.write(request("/1m.bin"))
        if i % 3 == 1:
            tls.read()
        tls.reset()


def main():
    habits = {f.__name__: f for f in (
        concurrent, sequential, held, hoard, alert_and_reset, burst, cut_short, fragmented, slow_reader, half_close, truncation,
        torn_record, echo, early, backend_reset, unreachable, idle, handshake_timeout, garbage, resets)}
    habits[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
