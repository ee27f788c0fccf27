# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints each TCP segment with RST that passes eth0, with its addresses, until it is ended: resets.py WHERE
WHERE begins each line. Says "WHERE ready" first."""

import ctypes
import datetime
import socket
import struct
import sys

SO_ATTACH_FILTER = 26
ETH_P_ALL = 3
# Classic BPF: IPv4 or IPv6 without extension headers, TCP, RST. (code, jump if true, jump if false, k)
FILTER = (
    (0x28, 0, 0, 12),  # A = EtherType
    (0x15, 0, 5, 0x0800),
    (0x30, 0, 0, 23),  # A = protocol
    (0x15, 0, 9, 6),
    (0xB1, 0, 0, 14),  # X = length of the IPv4 header
    (0x50, 0, 0, 27),  # A = TCP flags
    (0x05, 0, 0, 4),
    (0x15, 0, 5, 0x86DD),
    (0x30, 0, 0, 20),  # A = next header
    (0x15, 0, 3, 6),
    (0x30, 0, 0, 67),  # A = TCP flags
    (0x45, 0, 1, 4),  # RST
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
)


def ends(frame):
    """Source, destination and TCP header of a frame that passed the filter."""
    if frame[12:14] == b"\x08\x00":
        at, family, addresses, size = 14 + 4 * (frame[14] & 15), socket.AF_INET, 26, 4
    else:
        at, family, addresses, size = 54, socket.AF_INET6, 22, 16
    source = socket.inet_ntop(family, frame[addresses : addresses + size])
    destination = socket.inet_ntop(family, frame[addresses + size : addresses + 2 * size])
    return source, destination, frame[at : at + 20]


def main():
    where = sys.argv[1]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in FILTER))
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(FILTER), ctypes.addressof(code))
    )
    s.bind(("eth0", ETH_P_ALL))
    print(where, "ready", flush=True)
    while True:
        source, destination, tcp = ends(s.recv(200))
        sport, dport, seq, ack = struct.unpack(">HHII", tcp[:12])
        print(
            f"{where} {datetime.datetime.now():%T.%f} {source}.{sport} > {destination}.{dport}"
            f" flags {tcp[13]:#04x} seq {seq} ack {ack}",
            flush=True,
        )


main()
