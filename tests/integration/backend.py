#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends that behave as nginx never would. Prints "ready" when all ports are open.

9000 echo   sends back what comes, ends when the other side has ended
9001 sink   reads to the end, then answers with its SHA-256 and the number of bytes
9002 early  sends 1,000 bytes and ends before it has read anything
9003 reset  resets the connection at the first byte
9004 mute   accepts, reads, never says a word
"""
import asyncio
import hashlib
import socket
import struct
import sys


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def sink(reader, writer):
    digest, n = hashlib.sha256(), 0
    while data := await reader.read(1 << 20):
        digest.update(data)
        n += len(data)
    writer.write(f"{digest.hexdigest()} {n}\n".encode())


async def early(_, writer):
    writer.write(b"e" * 1000)


async def reset(reader, writer):
    await reader.read(1)
    # Linger of zero seconds: close is a RST.
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def mute(reader, _):
    while await reader.read(65536):
        pass


def serve(handler):
    async def run(reader, writer):
        try:
            await handler(reader, writer)
            if not writer.is_closing():
                writer.close()
                await writer.wait_closed()
        except OSError:
            pass
    return run


async def main():
    for port, handler in enumerate((echo, sink, early, reset, mute), 9000):
        await asyncio.start_server(serve(handler), ["10.81.0.2", "fd81::2"], port, backlog=1024)
    print("ready", flush=True)
    await asyncio.Event().wait()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(0)
