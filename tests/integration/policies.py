#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""policies.py sslscan|nmap POLICY TABLE OUTPUT: compares what a scanner found with tests/policies.txt."""
import re
import subprocess
import sys

VERSIONS = ["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
# From TLS 1.0 on; all others of these policies need TLS 1.2 (RFC 5246, 5288, 5289).
OLD = re.compile(r"(ECDHE-(ECDSA|RSA)-)?(AES(128|256)|DES-CBC3)-SHA$")


def wanted(policy, table):
    """{version: suites in order}"""
    for line in open(table):
        fields = line.split("#")[0].split()
        if not fields or fields[0] != policy:
            continue
        low, high = (VERSIONS.index("TLSv" + v) for v in fields[1].split("-"))
        found = {}
        for v in VERSIONS[low : high + 1]:
            is_13 = v == "TLSv1.3"
            suites = [s for s in fields[2].split(":") if s.startswith("TLS_") == is_13]
            suites = [s for s in suites if v in ("TLSv1.2", "TLSv1.3") or OLD.match(s)]
            # The certificate is chosen first, ECDSA before RSA; then the policy's first suite for it.
            found[v] = sorted(suites, key=lambda s: not s.startswith("ECDHE-ECDSA"))
        return found
    sys.exit(f"{policy} is not in {table}")


def from_sslscan(text):
    found = {}
    for m in re.finditer(r"^(?:Preferred|Accepted)\s+(TLSv1\.\d)\s+\d+ bits\s+(\S+)", text, re.M):
        # A suite that its OpenSSL lacks has IANA's name.
        found.setdefault(m[1], []).append({"TLS_RSA_WITH_3DES_EDE_CBC_SHA": "DES-CBC3-SHA"}.get(m[2], m[2]))
    return found


def from_nmap(text):
    names = {}
    for line in subprocess.run(["openssl", "ciphers", "-stdname", "ALL:@SECLEVEL=0"], capture_output=True, text=True).stdout.splitlines():
        fields = line.split()
        names[fields[0]] = fields[2]
    # Not in Debian's OpenSSL; nmap 7.93 names TLS 1.3's suites with AKE.
    names["TLS_RSA_WITH_3DES_EDE_CBC_SHA"] = "DES-CBC3-SHA"
    found, version = {}, None
    for line in text.splitlines():
        if m := re.match(r"\|\s+(TLSv1\.\d):", line):
            version = m[1]
        elif version and (m := re.match(r"\|\s+(TLS_\w+) \(", line)):
            name = m[1].replace("TLS_AKE_WITH_", "TLS_")
            found.setdefault(version, []).append(names.get(name, name))
    return found


def main():
    scanner, policy, table, output = sys.argv[1:]
    text = open(output).read()
    want = wanted(policy, table)
    found = from_sslscan(text) if scanner == "sslscan" else from_nmap(text)
    bad = 0
    for v in VERSIONS:
        # nmap lists in the server's order when it finds one; sslscan asks for what is left, again and again.
        if want.get(v, []) != found.get(v, []):
            bad = 1
            print(f"{v}: wanted {want.get(v)}\n  found {found.get(v)}")
    if bad:
        print(text[-3000:])
    sys.exit(bad)


main()
