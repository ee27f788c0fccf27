#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seeds of net_input_fuzz into corpus/net_input beside this file."""
import ipaddress
import pathlib
import struct

IFACE, SEAL, GOOD, PIECES, STRIPPED, WAIT, LONG, ANSWER = (1 << i for i in range(8))
US, PEER, ROUTER, ALL = (bytes.fromhex(h) for h in (
    "020000000001", "020000000022", "0200000000fe", "ffffffffffff"))


def ip(text):
    return ipaddress.ip_address(text).packed


def eth(kind, body, dst=US, src=PEER, vlan=None):
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    return dst + src + tag + struct.pack("!H", kind) + body


def ip4(proto, body, src="10.0.0.9", dst="10.0.0.1", ident=0, frag=0, options=b""):
    return struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(body),
                       ident, frag, 64, proto, 0) + ip(src) + ip(dst) + options + body


def ip6(nxt, body, src="fd00::9", dst="fd00::1", hops=64):
    return struct.pack("!IHBB", 6 << 28, len(body), nxt, hops) + ip(src) + ip(dst) + body


def tcp(payload=b"", options=b""):
    return struct.pack("!HHIIBBHHH", 40000, 443, 1, 0, (5 + len(options) // 4) << 4, 2, 65535,
                       0, 0) + options + payload


def icmp(kind, code, arg=0, body=b""):
    return struct.pack("!BBHI", kind, code, 0, arg) + body


def arp(op, sender, target, mac=PEER):
    return struct.pack("!HHBBH", 1, 0x800, 6, 4, op) + mac + ip(sender) + bytes(6) + ip(target)


def frag6(nxt, off, more, body, ident=7):
    return struct.pack("!BBHI", nxt, 0, off | more, ident) + body


def rec(flags, frame, piece=0):
    return struct.pack("!BBH", flags, piece, len(frame)) + frame


def nd(kind, flags, target, option, mac=PEER):
    return icmp(kind, 0, flags, ip(target) + struct.pack("!BB", option, 1) + mac)


SYN = tcp(options=bytes.fromhex("020405b40402080a0000000100000000010303 07".replace(" ", "")))
QUOTED4 = ip4(6, tcp()[:8], "10.0.0.1", "192.0.2.7")
QUOTED6 = ip6(6, tcp(), "fd00::1", "2001:db8::7")

SEEDS = {
    "tcp4": rec(SEAL | ANSWER, eth(0x800, ip4(6, SYN))) * 2,
    "tcp4_far_unresolved": rec(SEAL | ANSWER, eth(0x800, ip4(6, SYN, "192.0.2.1"))) +
    rec(WAIT, eth(0x806, arp(2, "10.0.0.254", "10.0.0.1", ROUTER), src=ROUTER)),
    "tcp4_options_padding": rec(SEAL, eth(0x800, ip4(
        6, tcp(b"hello"), options=bytes.fromhex("0101940400000000")) + bytes(9))),
    "tcp4_vlan_pieces": rec(SEAL | IFACE | PIECES, eth(
        0x800, ip4(6, tcp(b"x" * 600), "10.1.0.9", "10.1.0.1"),
        dst=bytes.fromhex("020000000011"), vlan=7), 13),
    "tcp6": rec(SEAL | ANSWER, eth(0x86dd, ip6(6, SYN))) * 2,
    "tcp6_extensions": rec(GOOD | PIECES, eth(0x86dd, ip6(
        0, bytes([60, 0, 5, 2, 0, 0, 1, 0]) + bytes([43, 1, 1, 12] + [0] * 12) +
        bytes([6, 0, 0, 1, 0, 0, 0, 0]) + SYN)), 30),
    "arp": rec(0, eth(0x806, arp(1, "10.0.0.9", "10.0.0.1"), dst=ALL)) +
    rec(WAIT, eth(0x806, arp(1, "10.0.0.9", "10.0.0.9"), dst=ALL)) +
    rec(0, eth(0x806, arp(1, "0.0.0.0", "10.0.0.1"), dst=ALL)) +
    rec(LONG, eth(0x806, arp(2, "10.0.0.1", "10.0.0.1"), dst=ALL)),
    "nd": rec(SEAL, eth(0x86dd, ip6(58, nd(135, 0, "fd00::1", 1), dst="ff02::1:ff00:1", hops=255),
                        dst=bytes.fromhex("3333ff000001"))) +
    rec(SEAL, eth(0x86dd, ip6(58, icmp(135, 0, 0, ip("fd00::1")), src="::",
                              dst="ff02::1:ff00:1", hops=255),
                  dst=bytes.fromhex("3333ff000001"))) +
    rec(SEAL | LONG, eth(0x86dd, ip6(58, nd(136, 0x60000000, "fd00::9", 2), hops=255))) +
    rec(SEAL, eth(0x86dd, ip6(58, nd(136, 0x20000000, "fd00::9", 2, ROUTER), dst="ff02::1",
                              hops=255), dst=bytes.fromhex("333300000001"))),
    "mld": rec(SEAL, eth(0x86dd, ip6(0, bytes([58, 0, 5, 2, 0, 0, 1, 0]) + icmp(130, 0, 0, bytes(20)),
                                     "fe80::9", "ff02::1", 1),
                         dst=bytes.fromhex("333300000001"))),
    "echo": rec(SEAL, eth(0x800, ip4(1, icmp(8, 0, 1, b"ping" * 40)))) +
    rec(SEAL, eth(0x86dd, ip6(58, icmp(128, 0, 1, b"ping" * 40)))),
    "icmp4_errors": b"".join(rec(SEAL, eth(0x800, ip4(1, icmp(t, c, 1400, QUOTED4), "10.0.0.7")))
                             for t, c in ((3, 4), (3, 3), (11, 0), (12, 0), (4, 0))),
    "icmp6_errors": b"".join(rec(SEAL, eth(0x86dd, ip6(58, icmp(t, c, 1300, QUOTED6))))
                             for t, c in ((1, 4), (2, 0), (3, 0), (4, 1))),
    "unreachable": rec(SEAL, eth(0x800, ip4(17, bytes(8) + b"udp"))) +
    rec(SEAL, eth(0x800, ip4(132, bytes(20)))) + rec(SEAL, eth(0x86dd, ip6(17, bytes(20)))) +
    rec(SEAL, eth(0x86dd, ip6(200, bytes(20)))) +
    rec(SEAL, eth(0x86dd, ip6(60, bytes([6, 0, 0x85, 4, 0, 0, 0, 0]) + SYN))),
    "frag4": rec(SEAL | GOOD, eth(0x800, ip4(6, b"b" * 16, ident=5, frag=0x2005))) +
    rec(SEAL | GOOD, eth(0x800, ip4(6, b"c" * 9, ident=5, frag=0x0007))) +
    rec(SEAL | GOOD | PIECES, eth(0x800, ip4(6, tcp(b"a" * 20), ident=5, frag=0x2000)), 11),
    "frag4_echo": rec(SEAL, eth(0x800, ip4(1, bytes.fromhex("0800f7ff00000000"), ident=6,
                                           frag=0x2000))) +
    rec(SEAL, eth(0x800, ip4(1, bytes(8), ident=6, frag=0x0001))),
    "frag4_overlap_timeout": rec(SEAL, eth(0x800, ip4(6, tcp(b"a" * 20), ident=5, frag=0x2000))) +
    rec(SEAL, eth(0x800, ip4(6, b"b" * 16, ident=5, frag=0x2004))) +
    rec(SEAL, eth(0x800, ip4(17, bytes(24), ident=9, frag=0x2000))) + rec(LONG, b""),
    "frag6": rec(GOOD, eth(0x86dd, ip6(44, frag6(6, 24, 0, b"z" * 9)))) +
    rec(GOOD, eth(0x86dd, ip6(44, frag6(6, 0, 1, tcp(b"abcd"))))) +
    rec(SEAL, eth(0x86dd, ip6(44, frag6(6, 0, 0, SYN, 8)))) +
    rec(SEAL, eth(0x86dd, ip6(44, frag6(58, 0, 1, icmp(128, 0), 9)))),
    "stripped": rec(SEAL | STRIPPED | IFACE, eth(
        0x800, ip4(6, SYN, "10.1.0.9", "10.1.0.1"), dst=bytes.fromhex("020000000011")), 7),
}

out = pathlib.Path(__file__).parent / "corpus/net_input"
out.mkdir(parents=True, exist_ok=True)
for name, data in SEEDS.items():
    (out / name).write_bytes(data)
