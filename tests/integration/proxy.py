#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PROXY protocol, both ends of it. Usage: proxy.py backend | tell PORT KEY=VALUE... | CHECK

backend: answers each connection with what its PROXY header says, as JSON, then ends it. tell: connects to PORT and
checks what the backend was told. Other checks are functions below. Status 0 when all was as it should be.
"""
import asyncio
import ipaddress
import json
import socket
import ssl
import struct
import sys

PKI = "tests/unit/trust_pki"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TYPES = {1: "alpn", 2: "authority", 3: "crc32c", 5: "unique_id", 0x20: "ssl", 0x30: "netns"}
SSL_TYPES = {0x21: "version", 0x22: "cn", 0x23: "cipher", 0x24: "sig_alg", 0x25: "key_alg",
             0x26: "group", 0x27: "sig_scheme", 0x28: "cert"}


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def tlvs(data, names):
    found = {}
    while data:
        kind, size = struct.unpack(">BH", data[:3])
        if len(data) < 3 + size or names[kind] in found:
            raise ValueError(f"TLV {kind:#x}")
        found[names[kind]] = data[3:3 + size]
        data = data[3 + size:]
    return found


def decode_v2(head, body):
    command, family = head[12], head[13]
    said = {"version": 2, "command": command & 15}
    size = {0x11: 12, 0x21: 36, 0: 0}[family]
    if size:
        half = (size - 4) // 2
        said["source"] = str(ipaddress.ip_address(body[:half]))
        said["destination"] = str(ipaddress.ip_address(body[half:2 * half]))
        said["sport"], said["dport"] = struct.unpack(">HH", body[2 * half:size])
    found = tlvs(body[size:], TYPES)
    if "crc32c" in found:
        at = len(head) + len(body) - 4  # ours is the last
        whole = (head + body)[:at] + bytes(4)
        said["crc"] = "right" if crc32c(whole) == struct.unpack(">I", found["crc32c"])[0] else "wrong"
    if "ssl" in found:
        client, verify = struct.unpack(">BI", found["ssl"][:5])
        said["client"], said["verify"] = client, verify
        for key, value in tlvs(found["ssl"][5:], SSL_TYPES).items():
            said["ssl_" + key] = value.hex() if key == "cert" else value.decode()
    for key in ("alpn", "authority", "unique_id", "netns"):
        if key in found:
            said[key] = found[key].decode()
    return said


def decode_v1(line):
    words = line[:-2].decode().split(" ")
    said = {"version": 1, "family": words[1]}
    if words[1] != "UNKNOWN":
        said["source"], said["destination"] = words[2:4]
        said["sport"], said["dport"] = int(words[4]), int(words[5])
    return said


async def answer(reader, writer):
    try:
        head = await reader.readexactly(16)
        if head[:12] == SIGNATURE:
            body = await reader.readexactly(struct.unpack(">H", head[14:])[0])
            said = decode_v2(head, body)
            if said["command"] == 0:
                print("LOCAL", len(body), flush=True)
        else:
            said = decode_v1(head + await reader.readuntil(b"\n"))
        writer.write(json.dumps(said).encode() + b"\n")
    except Exception as e:  # whatever is wrong is the client's to see
        writer.write(json.dumps({"wrong": repr(e)}).encode() + b"\n")
    try:
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except OSError:
        pass


async def backend():
    server = await asyncio.start_server(answer, "10.81.0.2", 9005)
    print("ready", flush=True)
    await server.serve_forever()


# --- clients ---

def need(ok, text):
    if not ok:
        raise SystemExit(text)


def ask(port, before=b"", host="10.80.0.1", sni="www.lab.test", alpn=("http/1.1",), source=None, version=None, who=None):
    """What the backend was told, and our own port. who: the certificate we show, one of tests/unit/trust_pki."""
    c = ssl.create_default_context()
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if who:
        c.load_cert_chain(f"{PKI}/{who}.chain", f"{PKI}/{who}.key")
    if version:
        c.minimum_version = c.maximum_version = version
    if alpn:
        c.set_alpn_protocols(alpn)
    with socket.create_connection((host, port), 30, (source, 0) if source else None) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in [before] if isinstance(before, bytes) else before:
            raw.sendall(piece)
        with c.wrap_socket(raw, server_hostname=sni) as tls:
            data, port = b"", tls.getsockname()[1]
            while more := tls.recv(65536):
                data += more
            return json.loads(data), port, tls.cipher(), tls.version()


def compare(said, **wanted):
    for key, value in wanted.items():
        need(said.get(key) == value, f"{key} is {said.get(key)!r}, not {value!r}: {said}")


def outbound_v2(*_):
    for host, me in (("10.80.0.1", "10.80.0.2"), ("fd80::1", "fd80::2")):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            said, port, cipher, name = ask(9130, host=host, version=version)
            compare(said, version=2, command=1, source=me, destination=host, sport=port, dport=9130,
                    crc="right", alpn="http/1.1", authority="www.lab.test", client=1, verify=1,
                    ssl_version=name, ssl_cipher=cipher[0], ssl_key_alg="EC256", ssl_sig_alg="SHA256",
                    ssl_sig_scheme="ecdsa_secp256r1_sha256")
            need(said["ssl_group"].lower() in ("x25519", "secp256r1"), said)
            need(len(said["unique_id"]) == 36 and said["unique_id"].startswith("TID_"), said)
            need("netns" not in said and "ssl_cn" not in said, said)
    said, *_ = ask(9130, sni=None, alpn=None)
    need("authority" not in said and "alpn" not in said, said)
    ids = {ask(9130)[0]["unique_id"] for _ in range(8)}
    need(len(ids) == 8, "unique ids repeat")


def outbound_cert(*_):
    """Of a client's certificate: its name and its DER, whether it was verified (9137 asks, *.pass.test does not judge)."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for who, sni, name, verify in (("ec/good", "www.lab.test", "client_.com", 0),
                                       ("rsa/direct", "www.lab.test", "straight from the root", 0),
                                       ("ec/unknown", "a.pass.test", "unknown", 1)):
            with open(f"{PKI}/{who}.pem", encoding="ascii") as f:
                der = ssl.PEM_cert_to_DER_cert(f.read())
            said, *_ = ask(9137, sni=sni, version=version, who=who, alpn=None)
            compare(said, client=7, verify=verify, ssl_cn=name, ssl_cert=der.hex(), crc="right", authority=sni)
        said, *_ = ask(9137, sni="off.test", version=version, who="ec/good", alpn=None)
        compare(said, client=1, verify=1, ssl_cn=None, ssl_cert=None, crc="right")


def outbound_v1(*_):
    for host, me, family in (("10.80.0.1", "10.80.0.2", "TCP4"), ("fd80::1", "fd80::2", "TCP6")):
        said, port, *_ = ask(9131, host=host)
        compare(said, version=1, family=family, source=me, destination=host, sport=port, dport=9131)


def v2(command, family, body):
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(body)) + body


ADDRS4 = bytes([203, 0, 113, 7, 198, 51, 100, 9]) + struct.pack(">HH", 40000, 8443)
ADDRS6 = (ipaddress.ip_address("2001:db8::7").packed + ipaddress.ip_address("2001:db8::9").packed +
          struct.pack(">HH", 40000, 8443))


def with_crc(body):
    head = v2(0x21, 0x11, body + b"\x03\0\x04\0\0\0\0")
    return head[:-4] + struct.pack(">I", crc32c(head))


def inbound(*_):
    """What a trusted front says is passed on."""
    four = dict(source="203.0.113.7", destination="198.51.100.9", sport=40000, dport=8443)
    line = b"PROXY TCP4 203.0.113.7 198.51.100.9 40000 8443\r\n"
    compare(ask(9132, line)[0], **four)
    compare(ask(9132, [line[i:i + 1] for i in range(len(line))])[0], **four)
    compare(ask(9132, v2(0x21, 0x11, ADDRS4))[0], **four)
    compare(ask(9132, with_crc(ADDRS4 + b"\x30\0\x04blue"))[0], netns="blue", **four)
    compare(ask(9132, b"PROXY TCP6 2001:db8::7 2001:db8::9 40000 8443\r\n")[0],
            source="2001:db8::7", destination="2001:db8::9", sport=40000, dport=8443)
    compare(ask(9132, v2(0x21, 0x21, ADDRS6))[0], source="2001:db8::7", sport=40000)
    said, port, *_ = ask(9132, v2(0x20, 0, b""))
    compare(said, source="10.80.0.2", destination="10.80.0.1", sport=port, dport=9132)
    compare(ask(9132, b"PROXY UNKNOWN\r\n")[0], source="10.80.0.2")
    # A long one, in two parts.
    long = v2(0x21, 0x11, ADDRS4 + b"\xe0\x20\x00" + bytes(8192))
    compare(ask(9132, [long[:5000], long[5000:]])[0], **four)


def refused(port, before, source=None):
    try:
        said = ask(port, before, source=source)
    except OSError:
        return
    raise SystemExit(f"{before[:60]!r} was served: {said[0]}")


def malformed(*_):
    for before in (b"", b"GET / HTTP/1.0\r\n\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n",
                   b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n" + bytes(200), b"PROXY " + b"x" * 200,
                   v2(0x21, 0x12, ADDRS4), v2(0x22, 0x11, ADDRS4), v2(0x31, 0x11, ADDRS4),
                   v2(0x21, 0x21, ADDRS4), v2(0x21, 0x11, ADDRS4 + b"\x03\0\x04abcd"),
                   v2(0x21, 0x11, ADDRS4 + b"\x04\x01"), v2(0x21, 0x11, ADDRS4 + bytes(20000))):
        refused(9132, before)


def silent(*_):
    """A front that says nothing, or half a header, is let go in time."""
    for before in (b"", b"PROXY TCP4", SIGNATURE + b"\x21\x11"):
        with socket.create_connection(("10.80.0.1", 9132), 30) as raw:
            raw.sendall(before)
            try:
                need(raw.recv(1) == b"", "something was said")
            except ConnectionResetError:
                pass


def others(*_):
    refused(9133, b"")
    refused(9133, v2(0x21, 0x11, ADDRS4))
    compare(ask(9134)[0], source="10.80.0.2")
    refused(9134, v2(0x21, 0x11, ADDRS4))  # not trusted: it is no ClientHello


def front(port):
    """Through a real balancer before us (it listens on port of this host)."""
    said, mine, *_ = ask(int(port), host="127.0.0.1")
    compare(said, source="127.0.0.1", sport=mine, destination="127.0.0.1", dport=int(port), crc="right")


if __name__ == "__main__":
    if sys.argv[1] == "backend":
        asyncio.run(backend())
    else:
        globals()[sys.argv[1]](*sys.argv[2:])
