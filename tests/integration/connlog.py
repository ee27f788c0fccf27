#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of connection, each compared with its line in the connection log. Usage: connlog.py kinds LOG | alb LOG | load N

The listeners are those of tests/integration/run; LOG is written in the format "json" (kinds) or "alb".
"""
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import time
import warnings

sys.path.insert(0, os.path.dirname(__file__))
from client import HOST, LAB, NAME, Tls, need, request  # noqa: E402

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
TRACE = re.compile(r"TID_[0-9a-f]{32}$")


class Log:
    """The lines that come after now."""

    def __init__(self, path):
        self.path, self.at = path, os.path.getsize(path)

    def line(self, port, ip="10.80.0.2"):
        """The one of our port; waits for it."""
        end = time.monotonic() + 40
        while time.monotonic() < end:
            with open(self.path, encoding="utf-8") as f:
                f.seek(self.at)
                for text in f:
                    if text.endswith("\n") and self.is_of(text, ip, port):
                        return text
            time.sleep(0.05)
        raise SystemExit(f"no line for port {port}")

    @staticmethod
    def is_of(text, ip, port):
        if text.startswith("{"):
            said = json.loads(text)
            return said["client_port"] == port and said["client_ip"] == ip
        return text.split(" ")[1:3] == [ip, str(port)]


def serial_of(path):
    return subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", path], check=True,
                          capture_output=True, text=True).stdout.strip().split("=")[1]


USED = set()


def fresh():
    """A socket with a port that none had before: lines are told apart by it. Known even when the answer is RST."""
    s = socket.socket()
    s.settimeout(30)
    s.bind(("10.80.0.2", 0))
    if s.getsockname()[1] in USED:
        with s:  # keeps it from being had again
            return fresh()
    USED.add(s.getsockname()[1])
    return s


def raw(port, data=b"", host=HOST):
    s = fresh()
    try:
        s.connect((host, port))
        s.sendall(data)
    except ConnectionError:
        pass
    return s


def wait_end(s):
    try:
        while s.recv(65536):
            pass
    except OSError:
        pass
    s.close()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def handshake(port=443, version=None, suites=None, sni=NAME, alpn=None, host=HOST, session=None, before=b""):
    c = ssl.create_default_context(cafile=f"{LAB}/pki/ca.pem")
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if version:
        c.minimum_version = c.maximum_version = version
    if suites:
        c.set_ciphers(suites)
    if alpn:
        c.set_alpn_protocols(alpn)
    s = raw(port, before, host)
    try:
        return (c if session is None else session[0]).wrap_socket(
            s, server_hostname=sni, session=session and session[1]), c
    except (ssl.SSLError, OSError) as e:
        e.port = s.getsockname()[1] if s.fileno() >= 0 else None
        raise


def get(tls):
    tls.sendall(request("/1k.txt", "Connection: close\r\n"))
    data = b""
    while more := tls.recv(65536):
        data += more
    return len(request("/1k.txt", "Connection: close\r\n")), len(data)


# Each kind returns (our port, what its line must say); None: the key must be absent.

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
SERVED = dict(listener="https", listener_port=443, server_ip=HOST, server_port=443, backend="nginx",
              target_ip="10.81.0.2", target_port=8080, resumed=False)


def served(version, name, suite, **more):
    tls, _ = handshake(version=version, alpn=["http/1.1"], **more)
    port = tls.getsockname()[1]
    want = dict(SERVED, tls_protocol=name, sni=NAME, alpn="http/1.1", certificate="www-ecdsa",
                certificate_serial=serial_of(f"{LAB}/pki/live/www.ecdsa.pem"), close="backend_closed")
    if suite:
        need(tls.cipher()[0] == suite, tls.cipher())
    want["tls_cipher"] = tls.cipher()[0]
    want["bytes_received"], want["bytes_sent"] = get(tls)
    tls.close()
    return port, want


def kind_tls13():
    return served(V13, "TLSv1.3", None)


def kind_tls12_ecdsa():
    return served(V12, "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", suites="ECDHE-ECDSA-AES256-GCM-SHA384")


def kind_tls12_cbc():
    return served(V12, "TLSv1.2", "ECDHE-ECDSA-AES128-SHA256", suites="ECDHE-ECDSA-AES128-SHA256")


def kind_tls12_rsa():
    port, want = served(V12, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", suites="ECDHE-RSA-AES128-GCM-SHA256")
    return port, dict(want, certificate="www-rsa", certificate_serial=serial_of(f"{LAB}/pki/live/www.rsa.pem"))


def kind_other_name():
    tls, _ = handshake(sni="exact.lab.test")
    port = tls.getsockname()[1]
    get(tls)
    return port, dict(sni="exact.lab.test", alpn=None, certificate="exact",
                      certificate_serial=serial_of(f"{LAB}/pki/exact.pem"))


def kind_no_sni():
    tls, _ = handshake(sni=None)
    port = tls.getsockname()[1]
    get(tls)
    return port, dict(sni=None, certificate="www-ecdsa")


def kind_resumed():
    tls, c = handshake(version=V12)
    session = tls.session
    get(tls)
    tls, _ = handshake(session=(c, session))
    need(tls.session_reused, "not resumed")
    port = tls.getsockname()[1]
    get(tls)
    return port, dict(resumed=True, tls_protocol="TLSv1.2", certificate="www-ecdsa")


def kind_client_closes():
    tls = Tls(9000)
    port = tls.sock.getsockname()[1]
    tls.write(b"x" * 1000)
    got = b""
    while len(got) < 1000:
        got += tls.read()
    tls.end_writing()
    tls.read_all()
    return port, dict(close="client_closed", listener="echo", listener_port=9000, bytes_received=1000,
                      bytes_sent=1000, backend="echo", target_port=9000)


def kind_backend_closes():
    tls = Tls(9002)
    port = tls.sock.getsockname()[1]
    tls.read_all()
    tls.end_writing()
    return port, dict(close="backend_closed", bytes_received=0, bytes_sent=1000)


def kind_client_resets():
    tls = Tls(9000)
    port = tls.sock.getsockname()[1]
    tls.write(b"x")
    tls.read()
    tls.reset()
    return port, dict(close="client_reset", tls_protocol="TLSv1.3")


def kind_backend_resets():
    tls = Tls(9003)
    port = tls.sock.getsockname()[1]
    tls.write(b"x")
    wait_end(tls.sock)
    return port, dict(close="backend_reset")


def kind_truncated():
    tls = Tls(9001)
    port = tls.sock.getsockname()[1]
    tls.write(b"half")
    tls.sock.shutdown(socket.SHUT_WR)
    wait_end(tls.sock)
    return port, dict(close="client_truncated", bytes_received=4)


def kind_idle():
    tls = Tls(9020)
    port = tls.sock.getsockname()[1]
    wait_end(tls.sock)
    return port, dict(close="idle_timeout", listener="idle")


def kind_no_backend():
    tls = Tls(9009)
    port = tls.sock.getsockname()[1]
    wait_end(tls.sock)
    return port, dict(close="backend_unreachable", target_ip=None, tls_protocol="TLSv1.3", connect_time=None)


def kind_record_error():
    tls = Tls(9000)
    port = tls.sock.getsockname()[1]
    tls.sock.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
    wait_end(tls.sock)
    return port, dict(close="tls_record_error", tls_protocol="TLSv1.3")


FAILED = dict(tls_verify_status="Failed:UnmappedConnectionError", tls_handshake_latency=None, target_ip=None,
              bytes_received=0, bytes_sent=0)


def kind_silent():
    s = raw(9020)
    port = s.getsockname()[1]
    wait_end(s)
    return port, dict(FAILED, close="handshake_timeout", tls_protocol=None, sni=None, ja4=None)


def kind_http():
    s = raw(443, b"GET / HTTP/1.0\r\n\r\n")
    port = s.getsockname()[1]
    wait_end(s)
    return port, dict(FAILED, close="hello_invalid", ja4=None)


def kind_half_hello():
    s = raw(443, b"\x16\x03\x01\x02\x00\x01")
    port = s.getsockname()[1]
    s.shutdown(socket.SHUT_WR)
    wait_end(s)
    return port, dict(FAILED, close="hello_incomplete")


def kind_too_old():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is old, and we know
        c.minimum_version = c.maximum_version = ssl.TLSVersion.TLSv1_1
    s = raw(443)
    port = s.getsockname()[1]
    try:
        c.wrap_socket(s, server_hostname="old.lab.test")
        raise SystemExit("TLS 1.1 was served")
    except (ssl.SSLError, OSError):
        pass
    return port, dict(FAILED, close="handshake_refused", sni="old.lab.test", certificate=None, tls_protocol=None)


def kind_client_alert():
    """The client does not like our certificate: it says so, in the handshake."""
    c = ssl.create_default_context()  # knows no CA of ours
    s = raw(443)
    port = s.getsockname()[1]
    c.minimum_version = c.maximum_version = V12
    arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = c.wrap_bio(arrived, leaving, server_hostname=NAME)
    while True:
        try:
            tls.do_handshake()
            raise SystemExit("an unknown CA was accepted")
        except ssl.SSLWantReadError:
            s.sendall(leaving.read())
            arrived.write(s.recv(65536))
        except ssl.SSLError:
            s.sendall(leaving.read())
            wait_end(s)  # closing with bytes unread would be a reset
            break
    return port, dict(FAILED, close="handshake_failed", alert=48, alert_from="client", sni=NAME,
                      certificate="www-ecdsa")


def kind_front():
    tls, _ = handshake(9132, before=b"PROXY TCP4 203.0.113.7 198.51.100.9 40000 8443\r\n")
    told = json.loads(tls.recv(10000))
    tls.close()
    return (40000, "203.0.113.7"), dict(conn_trace_id=told["unique_id"], front_ip="10.80.0.2", server_ip="198.51.100.9", server_port=8443,
                                        listener_port=9132, listener="front", backend="pp2")


def kind_bad_front():
    s = raw(9132, b"PROXY nonsense\r\n")
    port = s.getsockname()[1]
    wait_end(s)
    return port, dict(FAILED, close="proxy_header_invalid", listener="front")


def kind_silent_front():
    s = raw(9132, b"PROX")
    port = s.getsockname()[1]
    wait_end(s)
    return port, dict(FAILED, close="proxy_header_timeout")


def kind_no_front():
    s = raw(9133)
    port = s.getsockname()[1]
    wait_end(s)
    return port, dict(FAILED, close="refused_not_a_front", listener="no-front")


PKI = "tests/unit/trust_pki"


def shown(who, sni=NAME):
    """What the log says of that certificate of a client, which is shown to 9140 under TLS 1.2; and our port."""
    c = ssl.create_default_context(cafile=f"{LAB}/pki/ca.pem")
    c.check_hostname = False
    c.minimum_version = c.maximum_version = V12
    c.load_cert_chain(f"{PKI}/{who}.chain", f"{PKI}/{who}.key")
    s = raw(9140)
    port = s.getsockname()[1]
    try:
        with c.wrap_socket(s, server_hostname=sni) as tls:
            get(tls)
    except (ssl.SSLError, OSError):
        pass
    facts = dict(line.split("=", 1) for line in subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-issuer", "-serial", "-dates", "-fingerprint", "-sha256", "-dateopt", "iso_8601",
         "-nameopt", "RFC2253", "-in", f"{PKI}/{who}.pem"], check=True, capture_output=True, text=True).stdout.splitlines())
    return port, dict(
        listener="mutual", listener_port=9140, sni=sni, tls_protocol="TLSv1.2", certificate="www-ecdsa",
        client_cert=dict(subject=facts["subject"], issuer=facts["issuer"], serial=facts["serial"],
                         not_before=facts["notBefore"].replace(" ", "T"), not_after=facts["notAfter"].replace(" ", "T"),
                         fingerprint=facts["sha256 Fingerprint"].replace(":", "").lower()))


def kind_client_cert():
    port, want = shown("ec/good")
    return port, dict(want, tls_verify_status="Success", close="backend_closed", backend="nginx")


def kind_client_cert_expired():
    port, want = shown("rsa/expired")
    return port, dict(want | FAILED, tls_verify_status="Failed:ClientCertExpired", close="handshake_failed", alert=45,
                      alert_from="server")


def kind_client_cert_revoked():
    port, want = shown("ec/revoked", "known.test")
    return port, dict(want | FAILED, tls_verify_status="Failed:ClientCertCrlHit", close="handshake_failed", alert=44,
                      alert_from="server")


def kind_client_cert_missing():
    c = ssl.create_default_context(cafile=f"{LAB}/pki/ca.pem")
    c.minimum_version = c.maximum_version = V12
    s = raw(9140)
    port = s.getsockname()[1]
    try:
        c.wrap_socket(s, server_hostname=NAME)
        raise SystemExit("served without a certificate")
    except (ssl.SSLError, OSError):
        pass
    return port, dict(FAILED, listener="mutual", close="handshake_failed", alert=40, alert_from="server", client_cert=None)


KINDS = [f for name, f in sorted(globals().items()) if name.startswith("kind_")]


# What a key says where a kind says nothing of it.
FORMS = dict(
    time=TIME, conn_trace_id=TRACE, listener=re.compile(r"[a-z][a-z0-9-]*$"), client_ip=re.compile(r"[0-9.]+$"),
    server_ip=re.compile(r"[0-9.]+$"), front_ip=re.compile(r"10\.80\.0\.2$"), client_port=range(1, 65536),
    server_port=range(1, 65536), listener_port=range(1, 65536), sni=re.compile(r"[a-z.]+\.lab\.test$"),
    tls_protocol=re.compile(r"TLSv1\.[23]$"), tls_cipher=re.compile(r"[A-Z0-9_-]+$"),
    tls_keyexchange=re.compile(r"x25519$|secp\d+r1$|X25519MLKEM768$"), resumed=(True, False), alert=range(256),
    alert_from=("client", "server"), certificate=re.compile(r"(www-(ecdsa|rsa)|exact)$"),
    certificate_serial=re.compile(r"[0-9A-F]+$"), ja3=re.compile(r"[0-9a-f]{32}$"),
    ja4=re.compile(r"t1[0-3][di]\d{4}(h1|00)_[0-9a-f]{12}_[0-9a-f]{12}$"),
    tls_verify_status=("Failed:UnmappedConnectionError",), backend=re.compile(r"[a-z0-9-]+$"),
    target_ip=re.compile(r"10\.81\.0\.2$"), target_port=range(1, 65536), bytes_received=range(1 << 20),
    bytes_sent=range(1 << 20), close=re.compile(r"[a-z_]+$"), hello_time=float, tls_handshake_latency=float,
    connect_time=float, duration=float)


def has_form(value, form):
    if form is float:
        return isinstance(value, float) and 0 <= value < 60
    return form.match(value) if isinstance(form, re.Pattern) else value in form


def check(said, want, name):
    for key, value in said.items():
        need(key in want or key in FORMS, f"{name}: nobody knows of {key}: {said}")
        need(key in want or has_form(value, FORMS[key]), f"{name}: {key} is {value!r}: {said}")
    for key in ("time", "conn_trace_id", "listener", "listener_port", "client_ip", "client_port", "server_ip",
                "server_port", "bytes_received", "bytes_sent", "close", "duration"):
        need(key in said, f"{name}: {key} is missing: {said}")
    # Where a handshake came about, all of its facts are there, and none of its failures'.
    done = "tls_handshake_latency" in said
    need(want.get("tls_verify_status") or done == ("tls_verify_status" not in said), f"{name}: {said}")
    for key in ("tls_protocol", "tls_cipher", "resumed", "certificate", "certificate_serial", "hello_time"):
        need(not done or key in said, f"{name}: {key} is missing: {said}")
    need("connect_time" not in said or "target_port" in said, f"{name}: {said}")
    for key, value in want.items():
        need(said.get(key) == value, f"{name}: {key} is {said.get(key)!r}, not {value!r}: {said}")
    need(TIME.match(said["time"]) and TRACE.match(said["conn_trace_id"]), f"{name}: {said}")
    need(abs(time.time() - time.mktime(time.strptime(said["time"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone)
         < 60, f"{name}: time is {said['time']}")
    need(0 <= said["duration"] < 60, f"{name}: {said}")
    if "tls_handshake_latency" in said:
        need(0 < said["tls_handshake_latency"] <= said["duration"], f"{name}: {said}")
        need(said["resumed"] or said["tls_keyexchange"], f"{name}: {said}")
        need(len(said["ja3"]) == 32, f"{name}: {said}")
        need(re.match(r"t1[23][di]\d{4}(h1|00)_[0-9a-f]{12}_[0-9a-f]{12}$", said["ja4"]), f"{name}: {said}")
    if "listener" not in want:
        need(said["listener"], f"{name}: {said}")


ALB = re.compile(r'(?P<time>\S+) (?P<client_ip>\S+) (?P<client_port>\d+) (?P<listener_port>\d+) (?P<tls_protocol>\S+) '
                 r'(?P<tls_cipher>\S+) (?P<tls_handshake_latency>-|\d+\.\d{3}) "(?P<subject>[^"]+)" (?P<validity>\S+) '
                 r'(?P<serial>\S+) (?P<tls_verify_status>\S+) (?P<conn_trace_id>\S+) (?P<tls_keyexchange>\S+)\n')


def check_alb(text, want, name):
    """The thirteen fields, by the names that JSON has for them; those of which want says nothing follow from the others."""
    found = ALB.fullmatch(text)
    need(found, f"{name}: {text}")
    said = {key: int(value) if key.endswith("_port") else value for key, value in found.groupdict().items() if value != "-"}
    done, cert = "tls_handshake_latency" in said, want.get("client_cert")
    want = {"tls_verify_status": None if done else "Failed:UnmappedConnectionError", **want}
    want.update(subject=cert and cert["subject"], serial=cert and cert["serial"],
                validity=cert and f"NotBefore={cert['not_before']};NotAfter={cert['not_after']}")
    for key, value in said.items():
        need(key in want or has_form(value, FORMS[key]) or key == "tls_handshake_latency", f"{name}: {key} is {value!r}: {text}")
    for key in set(ALB.groupindex) & set(want) - {"tls_handshake_latency"}:
        need(said.get(key) == want[key], f"{name}: {key} is {said.get(key)!r}, not {want[key]!r}: {text}")
    need(not done or {"tls_protocol", "tls_cipher"} <= set(said), f"{name}: {text}")
    need("tls_handshake_latency" not in want or not done, f"{name}: {text}")
    return said


def kinds(path):
    log, waiting, traces = Log(path), [], set()
    for kind in KINDS:
        waiting.append((kind.__name__, *kind()))
    for name, port, want in waiting:
        port, ip = port if isinstance(port, tuple) else (port, "10.80.0.2")
        text = log.line(port, ip)
        if text.startswith("{"):
            said = json.loads(text)
            check(said, want, name)
        else:
            said = check_alb(text, want, name)
        traces.add(said["conn_trace_id"])
    need(len(traces) == len(KINDS) >= 20, "trace ids repeat")


def alb(path):
    log = Log(path)
    tls, _ = handshake(version=V12, suites="ECDHE-RSA-AES128-GCM-SHA256")
    port = tls.getsockname()[1]
    get(tls)
    tls.close()
    f = log.line(port).rstrip("\n").split(" ")
    need(len(f) == 13 and TIME.match(f[0]) and f[1:6] == ["10.80.0.2", str(port), "443", "TLSv1.2",
         "ECDHE-RSA-AES128-GCM-SHA256"] and re.match(r"\d+\.\d{3}$", f[6]) and
         f[7:11] == ['"-"', "-", "-", "-"] and TRACE.match(f[11]) and f[12], f)
    s = raw(443, b"nonsense")
    port = s.getsockname()[1]
    wait_end(s)
    f = log.line(port).rstrip("\n").split(" ")
    need(f[3:11] == ["443", "-", "-", "-", '"-"', "-", "-", "Failed:UnmappedConnectionError"], f)
    need(f[12] == "-", f)


def load(n):
    """One connection after the other; says how many failed."""
    failed = 0
    c = ssl.create_default_context(cafile=f"{LAB}/pki/ca.pem")
    for _ in range(int(n)):
        try:
            with socket.create_connection((HOST, 443), 30) as s, c.wrap_socket(s, server_hostname=NAME) as tls:
                need(get(tls)[1] > 768, "short answer")
        except (OSError, SystemExit) as e:
            print(e)
            failed += 1
    need(failed == 0, f"{failed} of {n} failed")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
