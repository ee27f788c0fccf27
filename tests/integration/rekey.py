#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key updates by openssl s_client (its commands k and K) between lines that an echo sends back.

Usage: rekey.py ADDRESS PORT CAFILE ROUNDS. Status 0 when every line came back as it was and every K
was answered by an update of the server's own key."""
import os
import select
import subprocess
import sys
import tempfile
import time

PATIENCE = 60


class Client:
    def __init__(self, address, port, ca, messages):
        self.messages = messages
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"{address}:{port}", "-servername", "www.lab.test", "-tls1_3",
             "-CAfile", ca, "-verify_return_error", "-brief", "-msg", "-msgfile", messages],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)

    def say(self, text):
        self.process.stdin.write(text)

    def hear(self, size):
        """The next size bytes of the echo."""
        got, deadline = b"", time.monotonic() + PATIENCE
        while len(got) < size:
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                sys.exit(f"{len(got)} of {size} bytes came back in {PATIENCE} s")
            part = os.read(self.process.stdout.fileno(), size - len(got))
            if not part:
                sys.exit("s_client ended: " + self.process.stderr.read().decode()[-500:])
            got += part
        return got

    def updates(self, arrow):
        with open(self.messages) as f:
            return sum(line.startswith(arrow) and "KeyUpdate" in line for line in f)

    def wait_updates(self, arrow, n):
        deadline = time.monotonic() + PATIENCE
        while self.updates(arrow) < n:
            if time.monotonic() > deadline:
                sys.exit(f"{self.updates(arrow)} of {n} key updates '{arrow}' in {PATIENCE} s")
            time.sleep(0.005)


def main():
    address, port, ca, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    with tempfile.NamedTemporaryFile() as messages:
        client = Client(address, port, ca, messages.name)
        for n in range(rounds):
            line = (f"{n} " + "a line of some length, " * (n * 7 % 150)).encode() + b"\n"
            client.say(line)
            if client.hear(len(line)) != line:
                sys.exit(f"line {n} came back changed")
            client.say(b"K\n" if n % 2 else b"k\n")
            client.wait_updates(">>>", n + 1)
            client.wait_updates("<<<", (n + 1) // 2)
        # Only what was asked for is answered (RFC 8446 4.6.3).
        if client.updates("<<<") != rounds // 2:
            sys.exit(f"{client.updates('<<<')} updates by the server, {rounds // 2} asked for")
        client.process.stdin.close()
        client.process.wait(PATIENCE)


main()
