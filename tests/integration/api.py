# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to the control API's socket, for the other programs of this folder."""
import http.client
import json
import socket


class Api(http.client.HTTPConnection):
    """Kept until it is closed."""

    def __init__(self, path, timeout=60):
        super().__init__("sallyport", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def ask(self, method, target, body=None, headers=None):
        """Status and text of the answer."""
        self.request(method, target, json.dumps(body) if body is not None else None, headers or {})
        r = self.getresponse()
        return r.status, r.read()
