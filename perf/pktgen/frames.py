# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames for line-rate tests, as pcap files that pktgen-dpdk and DPDK's net_pcap replay.

syn     64-byte SYNs with the options of a Linux client, from random sources in 198.18.0.0/15 (RFC 2544)
small   what no connection explains: ACKs, resets and data to the listener, ICMP, UDP, cut and corrupt frames
hello   a TLS ClientHello each, as the first segment of connections that were never opened
"""
import random
import socket
import struct

CASES = ("syn", "small", "hello")
CLIENT = "10.80.0.2"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip4(source, to, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), random.randrange(65536), 0x4000, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(to))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def tcp(source, to, port, flags, options=b"", data=b""):
    head = struct.pack("!HHIIBBHHH", random.randrange(1024, 65536), port, random.getrandbits(32),
                       random.getrandbits(32) if flags & 16 else 0, (20 + len(options)) << 2, flags, 64240, 0, 0)
    segment = head + options + data
    pseudo = socket.inet_aton(source) + socket.inet_aton(to) + struct.pack("!HH", 6, len(segment))
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    return ip4(source, to, 6, segment)


def somebody():
    return socket.inet_ntoa(struct.pack("!I", 0xc6120000 | random.getrandbits(17)))


def syn(to, port):
    options = struct.pack("!BBHBBBBIIBBB", 2, 4, 1460, 4, 2, 8, 10, random.getrandbits(32), 0, 1, 3, 3) + b"\x07"
    return tcp(somebody(), to, port, 2, options)


def small(to, port):
    kind = random.randrange(6)
    if kind < 3:
        return tcp(somebody(), to, port, (16, 4, 24)[kind], data=b"x" if kind == 2 else b"")
    if kind == 3:
        quoted = tcp(to, somebody(), port, 16)[:28]
        body = struct.pack("!BBHI", 3, 1, 0, 0) + quoted
        return ip4(somebody(), to, 1, body[:2] + struct.pack("!H", checksum(body)) + body[4:])
    if kind == 4:
        return ip4(somebody(), to, 17, struct.pack("!HHHH", 4000, port, 12, 0) + b"ping")
    whole = tcp(somebody(), to, port, 2)
    return whole[:random.randrange(1, len(whole))]


def extension(kind, body):
    return struct.pack("!HH", kind, len(body)) + body


def hello(to, port):
    name = b"www.lab.test"
    extensions = b"".join((
        extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name),
        extension(10, struct.pack("!HHH", 4, 29, 23)),
        extension(13, struct.pack("!HHHH", 6, 0x0403, 0x0804, 0x0401)),
        extension(43, b"\x02\x03\x04"),
        extension(51, struct.pack("!HHH", 36, 29, 32) + random.randbytes(32))))
    body = b"\x03\x03" + random.randbytes(32) + b"\x20" + random.randbytes(32) + \
        struct.pack("!HHH", 4, 0x1301, 0x1302) + b"\x01\0" + struct.pack("!H", len(extensions)) + extensions
    message = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return tcp(somebody(), to, port, 24, data=b"\x16\x03\x01" + struct.pack("!H", len(message)) + message)


def arp_request(mac, source, to):
    """Whoever asks is known: answers to the frames after it have a way back."""
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, socket.inet_aton(source), bytes(6),
                       socket.inet_aton(to))


def write(path, case, to_mac, from_mac, to="10.80.0.1", port=443, count=24000):
    """A pcap file (magic a1b2c3d4, Ethernet) of count frames after one ARP request."""
    to_mac, from_mac = (bytes.fromhex(m.replace(":", "")) for m in (to_mac, from_mac))
    frames = [b"\xff" * 6 + from_mac + b"\x08\x06" + arp_request(from_mac, CLIENT, to)]
    frames += [to_mac + from_mac + b"\x08\0" + globals()[case](to, port) for _ in range(count)]
    with open(path, "wb") as f:
        f.write(struct.pack("!IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            frame = frame.ljust(60, b"\0")
            f.write(struct.pack("!IIII", 0, 0, len(frame), len(frame)) + frame)
