# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of perf/compare: what work is done, and what it cost the terminator's core."""
import contextlib
import os
import re
import shutil
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field

import lab

sys.path.append(os.path.join(lab.ROOT, "tests", "integration"))
import scale  # noqa: E402


@dataclass
class Result:
    value: float
    note: str
    error: str = ""
    more: dict = field(default_factory=dict)


NOTHING = float("nan")


class Row:
    """One kind of work on one wire. On memif only sallyport runs: the rivals' figure is the one of the
    row of the same name on veth, from the same run."""
    name = unit = ""
    wire = "veth"
    mtu = 1500
    offloads = "on"  # of the rivals' wire
    on_demand = False  # only when asked for by name
    zero_copy = False  # of sallyport's memif
    ring = 10  # places of its rings, log2
    rivals_row = None  # whose figures on veth stand beside one on memif; None: of the same name
    goal = None  # ratio to the best rival
    note = ""
    key = "ecdsa"
    backend_address = "10.81.0.2:9000"
    backends = 1
    tickets = False
    max_connections = 20000
    mbufs = 0  # as many as the daemon thinks right
    repeat = None  # of the runs; None: as the command line says
    has_rivals = True
    start_seconds = 20
    more_runtime = more_settings = ""  # for sallyport's configuration

    def more_certificates(self):
        """For sallyport's configuration: entries of its certificates, and their names for the listener."""
        return "", ""

    def seconds(self, quick):
        return 2 if quick else 6

    def prepare(self, terminators, quick):
        """Before the first run, with nothing running."""

    def run(self, terminator, quick):
        """With the terminator running."""
        raise NotImplementedError

    def whole_run(self, terminator, quick):
        with terminator.running(self):
            return self.run(terminator, quick)


class LoadRow(Row):
    """A row that loadgen (memif) or kload (veth) does."""
    options = []       # of the load and of the backend
    load_options = []  # of the load alone
    rival_options = None  # instead of load_options, where rivals cannot do the same

    def cost(self, cpu, result):
        raise NotImplementedError

    def loading(self, terminator, quick, timeout=120):
        mine = self.load_options
        if terminator.name != "sallyport" and self.rival_options is not None:
            mine = self.rival_options
        options = self.options + mine + ["--seconds", str(self.seconds(quick))]
        if self.wire == "veth":
            return lab.kload(options, timeout)
        return lab.loadgen(options, timeout, "server" if self.zero_copy else "client", self.mtu)

    def run(self, terminator, quick):
        if self.wire == "memif":
            return self.measure(terminator, quick)
        with lab.backend(self.options):
            return self.measure(terminator, quick)

    def whole_run(self, terminator, quick):
        if not self.zero_copy:
            return super().whole_run(terminator, quick)
        lab.forget_sockets()
        with self.loading(terminator, quick) as load:
            lab.wait_sockets()
            with terminator.running(self):
                return self.finish(load, terminator)

    def measure(self, terminator, quick):
        with self.loading(terminator, quick) as load:
            return self.finish(load, terminator)

    def finish(self, load, terminator):
        try:
            load.ready()
            with terminator.cpu() as cpu:
                result = load.go()
        except lab.LoadFailed as e:
            return Result(NOTHING, "", str(e))
        return self.judge(cpu, result)

    def judge(self, cpu, result):
        error = lab.error_text(result)
        if result["exchanges"] == 0:
            return Result(NOTHING, "", error or "nothing was done")
        value, note = self.cost(cpu, result)
        return Result(value, f"{note}, {100 * cpu.seconds / cpu.wall:.0f} % busy", error,
                      {"latency_us": result["latency_us"], "handshake_us": result["handshake_us"]})


class Handshakes(LoadRow):
    """One core of clients that do all of a P-256 handshake's work leaves ours idle for more than half of the time, and its
    batches of key operations half empty, while the rivals have all they can do. So on memif clients spare themselves
    what the server cannot see. The rows of *_slow_clients say what it costs beside clients that do not."""
    unit = "cpu us/connection"
    options = ["--byte", "--exchanges", "1"]
    SLOW = "_slow_clients"
    LIGHT = {"x25519": ["--share-reuse", "--no-verify"], "pq": ["--no-verify"]}
    NOTES = {"x25519": "clients keep their X25519 share and verify one signature in 64, so as to load the server",
             "pq": "clients verify one signature in 64, so as to load the server"}

    def __init__(self, name, wire, goal, key="ecdsa", group="x25519", connections=64, note="", tickets=False, light=False):
        self.name, self.wire, self.goal, self.key, self.tickets = name, wire, goal, key, tickets
        self.note = "; ".join(filter(None, (note, light and self.NOTES[group])))
        if name.endswith(self.SLOW):
            self.rivals_row = name.removesuffix(self.SLOW)
        common = ["--connections", str(connections)] + (["--rsa"] if key == "rsa" else []) + \
            (["--resume"] if tickets else [])
        self.load_options = common + ["--group", group] + (self.LIGHT[group] if light else [])
        if group == "pq":
            self.rival_options = common + ["--group", "x25519"]

    def cost(self, cpu, result):
        return (cpu.seconds * 1e6 / result["exchanges"], f"{result['per_second']:.0f} handshakes/s")


class RequestsMemif(LoadRow):
    """Keep-alive requests of about 100 bytes, answers of 1 KB, 64 connections."""
    name, wire, unit, goal = "requests", "memif", "cpu us/request", 1 / 10
    options = ["--down", "1024"]
    load_options = ["--connections", "64"]

    def cost(self, cpu, result):
        return (cpu.seconds * 1e6 / result["exchanges"], f"{result['per_second']:.0f} requests/s")


class Bulk(LoadRow):
    """16 MB bodies on 8 connections. On memif without copies of ours, as frames come from a NIC; and once more
    with jumbo frames, for want of a memif that cuts and checks frames as NICs do (the rivals' veth hands over
    64 KB at once, and nobody computes a checksum there)."""
    unit = "cpu ns/byte"
    ring = 8  # as NICs have; what is in longer ones has left the caches when it is its turn
    load_options = ["--connections", "8"]

    def __init__(self, name, wire, goal, mtu=1500):
        self.name, self.wire, self.goal, self.mtu = name, wire, goal, mtu
        self.zero_copy = wire == "memif"
        if mtu > 1500:
            self.rivals_row = name.removesuffix("_jumbo")
            self.note = f"MTU {mtu} on memif; rivals: super-frames of 64 KB on veth"
        up, down = (16 << 20, 100) if "up" in name else (0, 16 << 20)
        self.options = ["--up", str(up), "--down", str(down)]

    def cost(self, cpu, result):
        size = result["bytes_up"] + result["bytes_down"]
        return (cpu.seconds * 1e9 / size, f"{size / result['seconds'] / 1e9:.2f} GB/s")


def wrk(path, connections, seconds):
    """Runs wrk on the client's core; returns (requests, bytes, errors as text)."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
               "-H", "Host: www.lab.test"]
    out = lab.client(command + [f"https://10.80.0.1{path}"], timeout=seconds + 60)
    done = re.search(r"(\d+) requests in [\d.]+\w+, ([\d.]+)(\w+) read", out)
    if not done:
        return 0, 0, "wrk did not finish: " + out[-200:]
    scale = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}[done.group(3)]
    errors = " ".join(line.strip() for line in out.splitlines()
                      if "Socket errors" in line or "Non-2xx" in line)
    return int(done.group(1)), float(done.group(2)) * scale, errors


class Wrk(Row):
    """wrk and nginx: what a newcomer can repeat."""
    backend_address = "10.81.0.2:8080"

    def __init__(self, name, unit, goal, path, connections):
        self.name, self.unit, self.goal, self.path, self.connections = name, unit, goal, path, connections

    def run(self, terminator, quick):
        wrk(self.path, self.connections, 1)
        with terminator.cpu() as cpu:
            n, size, errors = wrk(self.path, self.connections, self.seconds(quick))
        if n == 0:
            return Result(NOTHING, "", errors or "no request was answered")
        value = cpu.seconds * (1e9 / size if self.unit == "cpu ns/byte" else 1e6 / n)
        return Result(value, f"{n / cpu.wall:.0f} requests/s, {size / cpu.wall / 1e9:.2f} GB/s, "
                      f"{100 * cpu.seconds / cpu.wall:.0f} % busy", errors)


class Latency(LoadRow):
    """requests at half of the slower program's saturation, or less where the kernel's clients cannot keep that up for
    everybody, in open loop: latencies count from when each request was due. Those do not count during which the
    client's own loop stood still for 100 us (loadgen --help): that says nothing about the server, whichever it is.
    With kernel clients it does whenever the backend has their core, so the rate, which is the same for all and on both
    wires, is lowered until three quarters of every program's requests are undisturbed; 30 % that are not cost the row.
    What the machine does to threads on both cores that wait for nothing is measured before each run, with nothing else
    running (perf/hiccups.c)."""
    name, unit = "latency", "p99.9 us"
    options = ["--down", "1024"]
    load_options = ["--connections", "64"]
    rate = None  # shared by both wires
    STEP = 0.75  # to the next lower rate that is tried
    LEAST = 2000  # below that more of them would be needed to speak of p99.9
    UNDISTURBED, WANTED = 0.7, 0.75  # of the requests: in a run, and when the rate is chosen

    def __init__(self, wire, goal):
        self.wire, self.goal, self.pauses = wire, goal, []

    @property
    def rated(self):
        return self.load_options + ["--rate", str(Latency.rate)]

    def prepare(self, terminators, quick):
        if not Latency.rate:
            veth = Latency("veth", None)
            Latency.rate = int(min(veth.probe(t, self.load_options)["per_second"] for t in terminators) / 2)
            for t in terminators:
                while Latency.rate > self.LEAST and not veth.holds(t):
                    Latency.rate = max(self.LEAST, int(Latency.rate * self.STEP))

    def probe(self, terminator, load_options):
        """A second of load by the kernel's clients."""
        with terminator.running(self), lab.backend(self.options), \
                lab.kload(self.options + load_options + ["--seconds", "1"], 60) as load:
            load.ready()
            return load.go()

    def holds(self, terminator):
        """Whether nothing piles up, since then each would wait longer than the one before, and the clients are not what
        is measured, with something to spare."""
        rate = int(Latency.rate / self.STEP)
        result = self.probe(terminator, self.load_options + ["--rate", str(rate)])
        return not result["errors"] and result["per_second"] >= 0.98 * rate and \
            result["latency_us"]["p50"] < 1000 and \
            result["undisturbed_us"]["n"] >= self.WANTED * result["latency_us"]["n"]

    def seconds(self, quick):
        return 4 if quick else 10

    def loading(self, terminator, quick, timeout=120):
        options = self.options + self.rated + ["--seconds", str(self.seconds(quick))]
        return (lab.kload if self.wire == "veth" else lab.loadgen)(options, timeout)

    def whole_run(self, terminator, quick):
        machine = lab.hiccups(Latency.rate, self.seconds(quick))
        self.pauses.append(machine["undisturbed"]["p999"])
        self.note = f"{Latency.rate} requests/s; if they took no time, the machine's pauses alone would make p99.9 " \
                    f"{statistics.median(self.pauses):.0f} us ({min(self.pauses):.0f} to {max(self.pauses):.0f})"
        result = super().whole_run(terminator, quick)
        result.more["machine_us"] = machine
        result.note += f"; the machine alone: p99.9 {machine['undisturbed']['p999']:.0f}, with disturbed ones " \
                       f"{machine['both']['p999']:.0f}, of the terminator's core {machine['server']['p999']:.0f}"
        return result

    def judge(self, cpu, result):
        error = lab.error_text(result)
        if result["exchanges"] < 0.95 * Latency.rate * result["seconds"]:
            error = error or f"only {result['per_second']:.0f} of {Latency.rate} requests/s"
        t, every = result["undisturbed_us"], result["latency_us"]
        if t["n"] < self.UNDISTURBED * every["n"]:
            error = error or f"only {t['n']} of {every['n']} requests were undisturbed"
        return Result(t["p999"], f"p50 {t['p50']:.0f}, p99 {t['p99']:.0f}, p99.9 {t['p999']:.0f} us at "
                      f"{result['per_second']:.0f}/s; {100 - 100 * t['n'] / max(1, every['n']):.0f} % disturbed, with them p99.9 "
                      f"{every['p999']:.0f}", error, {"latency_us": every, "undisturbed_us": t})


class IdleMemory(LoadRow):
    """Established connections, each with its backend leg, that have said one byte and are silent now. A byte
    is exchanged on each afterwards, to see that they live. What one costs: the resident bytes of many less
    those of a few, by number. FEW are more than are shaken hands with at once, and bring more packets than memif's
    rings have places: what handshakes need and the wire's own buffers are in both."""
    FEW = 2048
    OPENING = 32  # at a time: what shaking hands takes is not asked for here, and 256 handshakes take a megabyte or two
    RATE = 20000  # of the exchanges at the end: all at once would be another test
    unit = "bytes/connection"
    bases = {}  # by wire and terminator
    options = ["--byte"]
    mbufs = 24576  # for packets under way: idle connections hold none
    FEW_RUNS = 3  # of which the median is taken: page by page what a process touches differs

    def __init__(self, wire, n, goal=None, name="idle_memory"):
        self.wire, self.n, self.goal, self.name = wire, n, goal, name
        self.max_connections = n + 64
        self.repeat = None if wire == "memif" and n < 100000 else 1  # what differs is nothing beside a hundred thousand
        many = min(16, max(1, -(-n // 60000)))
        self.backends = many if wire == "memif" else 1
        self.addresses = ["--sources", str(many), "--backends", str(many)] if wire == "memif" else []
        if wire == "memif":
            self.note = f"{n} connections"

    @property
    def load_options(self):
        return ["--connections", str(self.hold), "--count", str(self.hold), "--opening", str(self.OPENING)] + \
            self.addresses + (["--rate", str(self.RATE)] if self.wire == "memif" else [])

    def seconds(self, quick):
        return self.hold // self.RATE + 1

    def hold_idle(self, terminator, n):
        """Returns the bytes with n of them, and what was wrong."""
        self.hold = n
        with lab.backend(self.options) if self.wire == "veth" else contextlib.nullcontext():
            try:
                with self.loading(terminator, False, 120 + n // 2000) as load:
                    load.ready()
                    used = terminator.memory()
                    result = load.go()
            except lab.LoadFailed as e:
                return 0, str(e)
        if result["errors"] or result["exchanges"] != n:
            return used, f"{lab.error_text(result)}, {result['exchanges']} of {n} were alive".lstrip(", ")
        return used, ""

    def prepare(self, terminators, quick):
        for t in terminators:
            if (self.wire, t.name) not in IdleMemory.bases:
                # Ours makes room for connections at the start.
                room = {"max_connections": self.FEW + 64} if t.name == "sallyport" else {}
                found = []
                for _ in range(self.FEW_RUNS):
                    with t.running(self, **room):
                        found.append(self.hold_idle(t, self.FEW))
                IdleMemory.bases[self.wire, t.name] = (statistics.median(used for used, _ in found),
                                                       "; ".join(filter(None, (error for _, error in found))))

    def run(self, terminator, quick):
        base, error = IdleMemory.bases[self.wire, terminator.name]
        used, late = self.hold_idle(terminator, self.n)
        if error or late:
            return Result(NOTHING, "", error or late)
        return Result((used - base) / (self.n - self.FEW), f"{self.n} connections, {used / 1e6:.0f} MB")


class SynFlood(LoadRow):
    """64-byte SYNs from random sources as fast as they are taken in; 16 legitimate clients beside them, of
    which every one is to be served."""
    name, wire, unit = "syn_flood", "memif", "M SYN/s of core"
    options = ["--byte", "--exchanges", "1", "--flood"]
    load_options = ["--connections", "16"]
    note = "SYNs answered in a second of CPU time, legitimate handshakes included: more is better, the goal " \
           "is 5. Rivals cannot be given as many on veth."

    def judge(self, cpu, result):
        error = lab.error_text(result)
        if result["syn_answers"] < 0.9 * result["syns"]:
            error = error or f"{result['syn_answers']} of {result['syns']} SYNs were answered"
        return Result(result["syn_answers"] / cpu.seconds / 1e6,
                      f"{result['syn_answers'] / result['seconds'] / 1e6:.2f} M/s answered, "
                      f"{result['exchanges']} legitimate connections, {100 * cpu.seconds / cpu.wall:.0f} % busy",
                      error)


class Swap(Handshakes):
    """One of a hundred certificates is replaced over the API every 10 ms while clients shake hands; N are served."""
    unit = "failed handshakes"
    has_rivals = False
    start_seconds = 180
    socket = os.path.join(lab.WORK, "control.sock")
    state = os.path.join(lab.WORK, "state")
    more_runtime = f'state_dir = "{state}";'
    more_settings = f'control = {{ socket = "{socket}"; }};'

    def __init__(self, n):
        super().__init__("swap", "veth", None)
        self.n, self.folder = n, os.path.join(lab.ROOT, "build", f"scale-{n}")
        self.note = f"{n} certificates; rivals have no way to replace one without a reload of all"
        self.load_options += ["--name", "000001.scale.test"]

    def seconds(self, quick):
        return 10 if quick else 60

    def more_certificates(self):
        entries = "".join(f', {{ name = "s{i:06d}"; chain = "{self.folder}/c/{i:06d}.pem"; '
                          f'key = "{self.folder}/k/{scale.key_of(i)}.key"; }}\n' for i in range(self.n))
        return entries, ", ".join(f'"s{i:06d}"' for i in range(self.n))

    def prepare(self, terminators, quick):
        lab.run(lab.CERT_MAKE, self.folder, str(self.n), lab.CA.removesuffix(".pem"))
        self.bodies = [[scale.body(self.folder, which, i) for i in range(scale.N_BOTH)] for which in "bc"]

    def replace(self, until):
        api, n, start = scale.Api(self.socket), 0, time.monotonic()
        try:
            while not until.is_set():
                i, new = n % scale.N_BOTH, self.bodies[n // scale.N_BOTH % 2][n % scale.N_BOTH]
                began = time.monotonic()
                api.ask("PUT", f"/v1/certificates/s{i:06d}", new)
                self.took.append(time.monotonic() - began)
                n += 1
                time.sleep(max(0, start + n * 0.01 - time.monotonic()))
        except (OSError, SystemExit) as e:
            self.failure = str(e)

    def run(self, terminator, quick):
        self.took, self.failure, until = [], "", threading.Event()
        replacing = threading.Thread(target=self.replace, args=(until,))
        replacing.start()
        try:
            result = super().run(terminator, quick)
        finally:
            until.set()
            replacing.join()
            shutil.rmtree(self.state, ignore_errors=True)
        times = sorted(self.took) or [0]
        note = f"{len(times)} changes, acknowledged after p50 {times[len(times) // 2] * 1e3:.1f}, " \
               f"p99 {times[len(times) * 99 // 100] * 1e3:.1f} ms, {result.note}"
        return Result(self.failed, note, result.error or self.failure, result.more)

    def judge(self, cpu, result):
        self.failed = result["errors"]
        return super().judge(cpu, result)


class Frames(Bulk):
    """bulk with the same frames for everybody. The rivals' bytes otherwise cross the veth 64 KB at a time and nobody sums
    them; here they are cut and summed before and behind each wire, as where no device does it. Says how much of
    the distance to the rivals is the wire's; no goal."""
    offloads, on_demand = "off", True
    note = "rivals without TSO, GSO, GRO and checksum offloads: frames of 1,500 bytes"

    def __init__(self, name, wire):
        super().__init__(name, wire, None)


NO_PQ = "rivals: OpenSSL 3.0 has no ML-KEM, their X25519 handshake stands in"

ROWS = [
    Handshakes("handshake_ecdsa", "veth", 1 / 4),
    Handshakes("handshake_ecdsa", "memif", 1 / 8, light=True),
    Handshakes("handshake_ecdsa_slow_clients", "memif", None),
    Handshakes("handshake_single", "veth", None, connections=1, note="one at a time"),
    Handshakes("handshake_single", "memif", 1 / 4, connections=1, note="one at a time"),
    Handshakes("handshake_rsa2048", "veth", None, key="rsa"),
    Handshakes("handshake_rsa2048", "memif", 1 / 3, key="rsa"),
    Handshakes("handshake_resumed", "veth", None, tickets=True),
    Handshakes("handshake_resumed", "memif", 1 / 8, tickets=True),
    Handshakes("handshake_pq", "veth", None, group="pq", note=NO_PQ),
    Handshakes("handshake_pq", "memif", 1 / 5, group="pq", note=NO_PQ, light=True),
    Handshakes("handshake_pq_slow_clients", "memif", None, group="pq", note=NO_PQ),
    Wrk("requests", "cpu us/request", 1 / 2, "/1k.bin", 64),
    RequestsMemif(),
    Wrk("bulk_down", "cpu ns/byte", 1 / 1.5, "/16m.bin", 8),
    Bulk("bulk_down", "memif", 1 / 5),
    Bulk("bulk_down_jumbo", "memif", 1 / 5, 9000),
    Bulk("bulk_up", "veth", 1 / 1.5),
    Bulk("bulk_up", "memif", 1 / 5),
    Bulk("bulk_up_jumbo", "memif", 1 / 5, 9000),
    Frames("bulk_down_frames", "veth"),
    Frames("bulk_down_frames", "memif"),
    Frames("bulk_up_frames", "veth"),
    Frames("bulk_up_frames", "memif"),
    Latency("veth", None),
    Latency("memif", 1 / 5),
    IdleMemory("veth", 8000),
    IdleMemory("memif", 8000),
    IdleMemory("memif", 100000, name="idle_memory_100k"),
    IdleMemory("memif", 1000000, name="idle_memory_1m"),
    SynFlood(),
    Swap(100000),
]
