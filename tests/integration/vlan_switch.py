#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A switch for kernels without VLAN devices: vlan_switch.py TRUNK TAP=ID...

Makes a tap for each id. What leaves by a tap goes out on the trunk with that tag; what comes in
on the trunk with it goes to the tap without. Says "ready" when the taps are there.
"""
import fcntl
import os
import selectors
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 2, 0x1000
ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA = 263, 8
TP_STATUS_VLAN_VALID = 0x10
PACKET_OUTGOING = 4


def tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


def from_trunk(trunk, fds):
    """The kernel takes the tag off and tells it beside the frame (packet(7))."""
    frame, beside, _, address = trunk.recvmsg(65536, 256)
    if address[2] == PACKET_OUTGOING:
        return
    for level, kind, data in beside:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, tci = struct.unpack_from("I", data)[0], struct.unpack_from("H", data, 16)[0]
            if status & TP_STATUS_VLAN_VALID and tci & 0xFFF in fds:
                os.write(fds[tci & 0xFFF], frame)


def main():
    trunk = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    trunk.bind((sys.argv[1], ETH_P_ALL))
    trunk.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    trunk.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    fds = {int(id_): tap(name) for name, id_ in (arg.split("=") for arg in sys.argv[2:])}
    ready = selectors.DefaultSelector()
    ready.register(trunk, selectors.EVENT_READ, None)
    for id_, fd in fds.items():
        ready.register(fd, selectors.EVENT_READ, id_)
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            if key.data is None:
                from_trunk(trunk, fds)
                continue
            frame = os.read(key.fd, 65536)
            trunk.send(frame[:12] + struct.pack("!HH", 0x8100, key.data) + frame[12:])


main()
