#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies its input to a file, at RATE bytes/s until there is a file GO, then as fast as it comes: what happens to a transfer in
between happens in its middle, however long that takes.

usage: pace.py RATE GO FILE"""
import os
import sys
import time

rate, go, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
begin, n = time.monotonic(), 0
with open(path, "wb", buffering=0) as out:
    while data := os.read(0, 65536):
        out.write(data)
        n += len(data)
        while n > rate * (time.monotonic() - begin) and not os.path.exists(go):
            time.sleep(0.02)
