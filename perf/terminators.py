# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs compared: each with its best configuration for one pinned core, TLS 1.3, AES-128-GCM,
a P-256 certificate, no tickets, in front of the same plain-HTTP backend."""
import contextlib
import os
import re
import subprocess
import time
from types import SimpleNamespace

import lab

CORE = 0  # the terminator's; everything else runs on the other one
TICK = os.sysconf("SC_CLK_TCK")


def cpu_ticks():
    """(user + nice + system, softirq + irq) of the terminator's core, in seconds."""
    with open("/proc/stat") as f:
        for line in f:
            if line.startswith(f"cpu{CORE} "):
                v = [int(x) for x in line.split()[1:]]
                return (v[0] + v[1] + v[2]) / TICK, (v[5] + v[6]) / TICK
    raise RuntimeError("no such core in /proc/stat")


class Terminator:
    """A program in the gateway namespace that terminates TLS on 10.80.0.1:443."""
    name = ""

    @contextlib.contextmanager
    def running(self, row):
        with lab.kernel_addresses():
            command = self.command()
            process = lab.spawn(lab.GATE, ["taskset", "-c", str(CORE)] + command, self.name)
            try:
                lab.wait_https(process)
                yield
            finally:
                lab.end(process)

    @contextlib.contextmanager
    def cpu(self):
        """Measures the seconds the terminator's core was busy."""
        out = SimpleNamespace(seconds=0.0, wall=0.0)
        start, a = time.monotonic(), sum(cpu_ticks())
        yield out
        out.seconds = sum(cpu_ticks()) - a
        out.wall = time.monotonic() - start


class Nginx(Terminator):
    name = "nginx"

    def version(self):
        return subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip()

    def command(self):
        path = lab.write("nginx.conf", f"""
load_module modules/ngx_stream_module.so;
worker_processes 1;
daemon off;
pid {lab.WORK}/nginx.pid;
error_log {lab.WORK}/nginx.log;
events {{ worker_connections 16384; multi_accept on; }}
stream {{
    upstream app {{ server 10.81.0.2:8080; }}
    server {{
        listen 10.80.0.1:443 ssl reuseport backlog=4096;
        ssl_certificate {lab.PKI}/www.ecdsa.pem;
        ssl_certificate_key {lab.PKI}/www.ecdsa.key;
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        ssl_session_tickets off;
        tcp_nodelay on;
        proxy_buffer_size 64k;
        proxy_pass app;
    }}
}}
""")
        return ["nginx", "-c", path]


class HAProxy(Terminator):
    name = "haproxy"

    def version(self):
        out = subprocess.run(["haproxy", "-v"], capture_output=True, text=True).stdout
        return out.splitlines()[0]

    def command(self):
        pem = lab.joined_pem()
        path = lab.write("haproxy.cfg", f"""
global
    nbthread 1
    maxconn 9000
    tune.ssl.default-dh-param 2048
    tune.bufsize 65536
    no-memory-trimming
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend tls
    bind 10.80.0.1:443 ssl crt {pem} ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256 no-tls-tickets
    default_backend app
backend app
    server nginx 10.81.0.2:8080
""")
        return ["haproxy", "-db", "-f", path]


class Hitch(Terminator):
    name = "hitch"

    def version(self):
        out = subprocess.run(["hitch", "-V"], capture_output=True, text=True)
        return (out.stdout + out.stderr).strip().splitlines()[0]

    def command(self):
        pem = lab.joined_pem()
        path = lab.write("hitch.conf", f"""
frontend = "[10.80.0.1]:443"
backend = "[10.81.0.2]:8080"
pem-file = "{pem}"
workers = 1
backlog = 4096
tls-protos = TLSv1.3
ciphersuites = "TLS_AES_128_GCM_SHA256"
prefer-server-ciphers = on
daemon = off
user = "nobody"
""")
        return ["hitch", "--config=" + path]


class Sallyport(Terminator):
    name = "sallyport"

    def version(self):
        return subprocess.run([lab.DAEMON, "-V"], capture_output=True, text=True).stdout.strip()

    @contextlib.contextmanager
    def running(self, row):
        path = lab.write("sallyport.cfg", lab.sallyport_config(core=CORE, control=1 - CORE))
        self.log = os.path.join(lab.WORK, self.name + ".log")
        process = lab.spawn(lab.GATE, [lab.DAEMON, "-c", path], self.name)
        self.pid = process.pid
        try:
            lab.wait_https(process)
            yield
        finally:
            lab.end(process)

    def counters(self):
        """Sums of all counters over workers, as SIGUSR1 prints them."""
        start = os.path.getsize(self.log)
        os.kill(self.pid, 10)
        for _ in range(100):
            time.sleep(0.02)
            with open(self.log) as f:
                f.seek(start)
                text = f.read()
            if "sallyport_mbufs_free" in text:
                break
        sums = {}
        for m in re.finditer(r"^sallyport_(\w+)(?:\{[^}]*\})? (\d+)$", text, re.M):
            sums[m.group(1)] = sums.get(m.group(1), 0) + int(m.group(2))
        return sums

    @contextlib.contextmanager
    def cpu(self):
        """Poll mode: cycles of loops that had work, and interrupts' share of the core."""
        out = SimpleNamespace(seconds=0.0, wall=0.0)
        start, cycles, irq = time.monotonic(), self.counters()["busy_cycles_total"], cpu_ticks()[1]
        yield out
        out.wall = time.monotonic() - start
        after = self.counters()
        busy = (after["busy_cycles_total"] - cycles) / after["tsc_hertz"]
        out.seconds = busy + cpu_ticks()[1] - irq


RIVALS = [Nginx, HAProxy, Hitch]
ALL = [Sallyport()] + [r() for r in RIVALS]
