# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs compared: each with its best configuration for one pinned core, TLS 1.3, AES-128-GCM,
in front of the same plain backend. A row says which certificate, which backend and whether tickets."""
import contextlib
import os
import re
import subprocess
import time
from types import SimpleNamespace

import lab
from lab import CORE


def children(pid):
    found = [pid]
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            for child in f.read().split():
                found += children(int(child))
    return found


def run_seconds(pid, thread=None):
    """CPU time of a process's threads (or one), to the nanosecond. Softirqs on top of it are in it."""
    total = 0
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            if thread is None or int(task) == thread:
                with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                    total += int(f.read().split()[0])
    return total / 1e9


def ksoftirqd():
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/comm") as f:
                if f.read().strip() == f"ksoftirqd/{CORE}":
                    return int(name)
    raise RuntimeError("no ksoftirqd")


def status_bytes(pid, *keys):
    with open(f"/proc/{pid}/status") as f:
        return sum(int(line.split()[1]) * 1024 for line in f if line.split(":")[0] in keys)


# Not of files: text that has been run once, as much for any number of connections, but for pages that come and go.
RESIDENT = "RssAnon", "RssShmem", "HugetlbPages"


class Terminator:
    """A program in the gateway namespace that terminates TLS on 10.80.0.1:443."""
    name = ""

    @contextlib.contextmanager
    def running(self, row):
        with lab.kernel_addresses(row.offloads):
            command = self.command(row)
            process = lab.spawn(lab.GATE, ["taskset", "-c", str(CORE)] + command, self.name)
            self.pid = process.pid
            try:
                lab.wait_https(process)
                yield
            finally:
                lab.end(process)

    def _seconds(self):
        return sum(run_seconds(p) for p in children(self.pid)) + run_seconds(ksoftirqd())

    @contextlib.contextmanager
    def cpu(self):
        """Measures the seconds it used: its threads, the kernel's work for them, and its core's ksoftirqd.
        Softirqs that ran on the clients' core are not counted: in the rivals' favour."""
        out = SimpleNamespace(seconds=0.0, wall=0.0)
        start, a = time.monotonic(), self._seconds()
        yield out
        out.seconds = self._seconds() - a
        out.wall = time.monotonic() - start

    def memory(self):
        """Resident bytes of user space; the kernel's sockets come on top."""
        return sum(status_bytes(p, *RESIDENT) for p in children(self.pid))


class Nginx(Terminator):
    name = "nginx"

    def version(self):
        return subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip()

    def command(self, row):
        path = lab.write("nginx.conf", f"""
load_module modules/ngx_stream_module.so;
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid {lab.WORK}/nginx.pid;
error_log {lab.WORK}/nginx-error.log;
events {{ worker_connections 19000; multi_accept on; }}
stream {{
    upstream app {{ server {row.backend_address}; }}
    server {{
        listen 10.80.0.1:443 ssl reuseport backlog=4096;
        ssl_certificate {lab.PKI}/www.{row.key}.pem;
        ssl_certificate_key {lab.PKI}/www.{row.key}.key;
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        ssl_session_cache off;
        ssl_session_tickets {"on" if row.tickets else "off"};
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

    def command(self, row):
        pem = lab.joined_pem(row.key)
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
    bind 10.80.0.1:443 ssl crt {pem} ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256 {"" if row.tickets else "no-tls-tickets"}
    default_backend app
backend app
    server app {row.backend_address}
""")
        return ["haproxy", "-db", "-f", path]


class Hitch(Terminator):
    name = "hitch"

    def version(self):
        out = subprocess.run(["hitch", "-V"], capture_output=True, text=True)
        return (out.stdout + out.stderr).strip().splitlines()[0]

    def command(self, row):
        pem = lab.joined_pem(row.key)
        address, port = row.backend_address.split(":")
        path = lab.write("hitch.conf", f"""
frontend = "[10.80.0.1]:443"
backend = "[{address}]:{port}"
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
    """On veth by af_xdp, on memif as its server side, or as the client when that is to be without copies (only
    a client can: the other side copies then, as a NIC's DMA would)."""
    name = "sallyport"

    def version(self):
        return subprocess.run([lab.DAEMON, "-V"], capture_output=True, text=True).stdout.strip()

    def config(self, row, max_connections):
        role = "client,zero-copy=yes" if row.zero_copy else "server"
        vdevs = {"veth": ['net_af_xdp_f,iface=sp-front,busy_budget=0', 'net_af_xdp_b,iface=sp-back,busy_budget=0'],
                 "memif": [f'net_memif_{s},role={role},socket={lab.WORK}/{n}.sock,socket-abstract=no,'
                           f'bsize={lab.memif_buffer(row.mtu)},rsize={row.ring},mac=02:00:00:00:0{i}:01'
                           for i, s, n in ((1, "f", "front"), (2, "b", "back"))]}
        front, back = vdevs[row.wire]
        # A zero-copy memif hands its buffers over as files: one for all of them.
        eal = '"--single-file-segments", ' if row.zero_copy else ""
        address, port = (row.backend_address if row.wire == "veth" else "10.81.0.2:8080").split(":")
        targets = ", ".join(f'{{ address = "10.81.0.{2 + i}:{port}"; }}' for i in range(row.backends))
        assert address == "10.81.0.2"
        certificates, names = row.more_certificates()
        return lab.write("sallyport.cfg", f"""
runtime = {{ workers = [{CORE}]; control_core = {lab.CLIENT_CORE}; front = "front0"; back = "back0";
            max_connections = {max_connections}; mbufs = {row.mbufs}; drain_timeout = 1.0; idle = "poll"; {row.more_runtime} }};
{row.more_settings}
eal = [ "--no-pci", {eal}"--vdev={front}", "--vdev={back}" ];
ports = ( {{ name = "front0"; mtu = {row.mtu}; devices = ["{front.split(",")[0]}"]; addresses = ["10.80.0.1/24"];
             routes = ( {{ to = "198.18.0.0/15"; via = "10.80.0.2"; }} ); }},
          {{ name = "back0"; mtu = {row.mtu}; devices = ["{back.split(",")[0]}"]; addresses = ["10.81.0.1/24"]; }} );
certificates = ( {{ name = "www"; chain = "{lab.PKI}/www.{row.key}.pem"; key = "{lab.PKI}/www.{row.key}.key"; }}{certificates} );
backends = ( {{ name = "app"; targets = ( {targets} ); }} );
listeners = ( {{ name = "https"; bind = ["10.80.0.1:443"];
                policy = "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09";
                default_certificate = ["www"]; certificates = [{names}]; backend = "app";
                limits = {{ idle_timeout = 600.0; }}; }} );
""")

    @contextlib.contextmanager
    def running(self, row, max_connections=None):
        path = self.config(row, max_connections or row.max_connections)
        self.log = os.path.join(lab.WORK, self.name + ".log")
        if not row.zero_copy:
            lab.forget_sockets()
        process = lab.spawn(lab.GATE, [lab.DAEMON, "-c", path], self.name)
        self.pid = process.pid
        try:
            lab.wait_log(process, self.log, "sallyport: ready", row.start_seconds)
            self.worker = self._worker()
            if row.wire == "veth":
                lab.wait_https(process)
            yield
        finally:
            lab.end_well(process, self.log)

    def _worker(self):
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/comm") as f:
                if "worker" in f.read():
                    return int(task)
        raise RuntimeError("no worker thread")

    def counters(self):
        """Sums of all counters over workers, as SIGUSR1 prints them."""
        start = os.path.getsize(self.log)
        os.kill(self.pid, 10)
        text = ""
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
        """Poll mode: cycles of loops that had work, less the share that the scheduler gave to others meanwhile,
        and ksoftirqd, as for the rivals. What the kernel does on af_xdp's system calls is in the cycles. counted has
        what every counter went up by."""
        out = SimpleNamespace(seconds=0.0, wall=0.0)
        before, irq = self.counters(), run_seconds(ksoftirqd())
        start, ran = time.monotonic(), run_seconds(self.pid, self.worker)
        yield out
        out.wall = time.monotonic() - start
        out.ran = run_seconds(self.pid, self.worker) - ran
        on_core = min(1, out.ran / out.wall)
        after = self.counters()
        out.counted = {name: n - before.get(name, 0) for name, n in after.items()}
        busy = out.counted["busy_cycles_total"] / after["tsc_hertz"]
        out.seconds = busy * on_core + run_seconds(ksoftirqd()) - irq

    def memory(self):
        return status_bytes(self.pid, *RESIDENT)


RIVALS = [Nginx, HAProxy, Hitch]
ALL = [Sallyport()] + [r() for r in RIVALS]
