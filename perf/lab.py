# SPDX-License-Identifier: GPL-3.0-or-later
"""What the comparison runs on: scripts/lab's namespaces, and processes in them."""
import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time

import shield

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PREFIX = os.environ.get("SALLYPORT_LAB", "sp")
SUFFIX = "" if PREFIX == "sp" else "-" + PREFIX
LAB = os.path.join(ROOT, "build", "lab" + SUFFIX)
WORK = os.path.join(ROOT, "build", "compare" + SUFFIX)
PKI = os.path.join(LAB, "pki", "a")
CA = os.path.join(LAB, "pki", "ca.pem")
DAEMON = os.environ.get("SALLYPORT", os.path.join(ROOT, "build", "sallyport"))
LOADGEN = os.path.join(ROOT, "build", "perf", "loadgen", "loadgen")
KLOAD = os.path.join(ROOT, "build", "perf", "kload", "kload")
CERT_MAKE = os.path.join(ROOT, "build", "perf", "cert_make")
HICCUPS = os.path.join(ROOT, "build", "perf", "hiccups")
FLOOR = os.path.join(ROOT, "build", "perf", "crypto_floor")
CLIENT, GATE, BACKEND = PREFIX + "-client", PREFIX + "-gate", PREFIX + "-backend"
CORE = 0         # the terminator's; everything else runs on the other one
CLIENT_CORE = 1  # clients and backend
ON_CLIENT_CORE = ["taskset", "-c", str(CLIENT_CORE)]


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options)


def take_the_machine(core=CORE):
    """Until this program ends others are kept off that core (None: off none), and wait for us where the scheduler can
    be told so: CPU time is counted per process, but caches and turns are shared."""
    record = os.path.join(ROOT, "build", "shield.json")
    with contextlib.suppress(OSError):
        os.setsid()
    prefer("self")
    on_signals(leave)
    if core is not None:
        shield.begin(core, record)
        atexit.register(shield.end, record)


def prefer(pid):
    """Puts the session of that process before others."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/autogroup", "w") as f:
            f.write("-19")


def on_signals(action):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, action)


def leave(number, _):
    """Who is told to end takes all away that was started and set up; a second time does not hurry it."""
    on_signals(signal.SIG_IGN)
    sys.exit(128 + number)


@contextlib.contextmanager
def network():
    """Namespaces, veths, nginx as backend; nothing terminates yet."""
    on_signals(leave)
    os.makedirs(WORK, exist_ok=True)
    script = os.path.join(ROOT, "scripts", "lab")
    os.environ.setdefault("SALLYPORT_LAB_HOLDER", str(os.getpid()))
    up = subprocess.run([script, "up", "--no-daemon"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if up.returncode != 0:
        sys.exit(up.stderr.rstrip())  # whose the lab is, perhaps
    try:
        run(script, "file", "1k.bin", "1K")
        run(script, "file", "16m.bin", "16M")
        for namespace in (CLIENT, BACKEND):
            receive_on_client_core(namespace)
        for pid in run("ip", "netns", "pids", BACKEND).stdout.split():
            run("taskset", "-cp", str(CLIENT_CORE), pid)
            prefer(pid)
        yield
    finally:
        on_signals(signal.SIG_IGN)  # in the middle of this it would leave half behind
        run(script, "down")


def receive_on_client_core(namespace):
    """Frames of senders without TSO (ours) are received by a kernel thread on the clients' core, with GRO, as
    another machine's NIC driver would.

    A veth hands a frame to its peer's protocol stack on the sender's core. The rivals, who send by TSO, so pay
    for the receiver's TCP and not for their own: one TCP receive for each packet, which is right. Ours does its
    own in its own loop and would pay for the other end's as well: two."""
    run("ip", "netns", "exec", namespace, "ethtool", "-K", "eth0", "gro", "on")
    run("ip", "netns", "exec", namespace, "sh", "-c", "echo 1 >/sys/class/net/eth0/threaded")
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/comm") as f:
                if f.read().startswith("napi/eth0-"):
                    run("taskset", "-cp", str(CLIENT_CORE), name)
                    run("renice", "-n", "-20", "-p", name)


def offloads(state):
    """Segmentation and checksum offloads of all four ends of the wire."""
    for namespace, device in ((CLIENT, "eth0"), (GATE, "sp-front"), (GATE, "sp-back"), (BACKEND, "eth0")):
        gro = ["gro", state] if namespace == GATE else []  # the others always have it
        subprocess.run(["ip", "netns", "exec", namespace, "ethtool", "-K", device, "rx", state, "tx", state,
                        "sg", state, "tso", state, "gso", state] + gro, capture_output=True)


@contextlib.contextmanager
def kernel_addresses(state="on"):
    """Gives the gateway's ends to the kernel, for the rivals, with every offload it can use: frames of
    64 KB cross the veth whole, which is the best a NIC with TSO and LRO could do for them. Or, "off", with none:
    frames of 1,500 bytes and checksums by the processor."""
    ends = [("sp-front", "10.80.0.1/24"), ("sp-back", "10.81.0.1/24")]
    offloads(state)
    for device, address in ends:
        run("ip", "-n", GATE, "addr", "add", address, "dev", device)
    try:
        yield
    finally:
        offloads("off")
        for device, _ in ends:
            run("ip", "-n", GATE, "addr", "flush", "dev", device)
            run("ip", "-n", GATE, "neigh", "flush", "dev", device)


def write(name, text):
    path = os.path.join(WORK, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def joined_pem(key):
    """Chain and key in one file, as HAProxy and hitch want it; key is ecdsa or rsa."""
    path = os.path.join(WORK, f"www.{key}.joined.pem")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        for name in (f"www.{key}.pem", f"www.{key}.key"):
            with open(os.path.join(PKI, name)) as f:
                out.write(f.read())
    return path


def in_namespace(namespace, command):
    return (["ip", "netns", "exec", namespace] if namespace else []) + command


def spawn(namespace, command, name):
    """Starts command in the namespace (None: here); its output goes to a log of that name."""
    with open(os.path.join(WORK, name + ".log"), "w") as log:
        return subprocess.Popen(in_namespace(namespace, command), stdout=log, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL)


def say_where(pid):
    """Of a process that hangs, on stderr: what each of its threads waits for."""
    for task in sorted(os.listdir(f"/proc/{pid}/task")):
        for name in "comm", "wchan", "syscall", "stack":
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/{name}") as f:
                print(f"  | {task} {name}: {' '.join(f.read().split())}", file=sys.stderr)


def end(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            say_where(process.pid)
        process.kill()
        process.wait()


def end_well(process, log):
    """As end, for a daemon of ours, which then has nothing to complain of. Its log's end says what it had."""
    end(process)
    if process.returncode != 0:
        with open(log) as f:
            raise RuntimeError(f"the daemon ended with status {process.returncode}: {f.read()[-600:]}")


def client(command, timeout):
    """Runs a client on its core and returns what it printed."""
    done = subprocess.run(in_namespace(CLIENT, ON_CLIENT_CORE + command),
                          capture_output=True, text=True, timeout=timeout)
    return done.stdout + done.stderr


@contextlib.contextmanager
def backend(options):
    """kload's backend on 10.81.0.2:9000, for as long as it is wanted."""
    process = spawn(BACKEND, ON_CLIENT_CORE + [KLOAD, "--serve", "10.81.0.2:9000"] + options, "backend")
    try:
        wait_listening(BACKEND, ":9000")
        yield
    finally:
        end(process)


def wait_listening(namespace, port, seconds=20):
    """Returns when somebody listens there; who connects before is refused."""
    deadline = time.monotonic() + seconds
    while port + " " not in run("ip", "netns", "exec", namespace, "ss", "-Hltn").stdout:
        if time.monotonic() > deadline:
            raise RuntimeError(f"nobody listens on {port}")
        time.sleep(0.02)


class LoadFailed(Exception):
    pass


class Load:
    """loadgen or kload, step by step: connections are up once it is made; go() runs the load."""

    def __init__(self, namespace, command, name, timeout):
        self.deadline = time.monotonic() + timeout
        self.log = os.path.join(WORK, name + ".log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(in_namespace(namespace, command + ["--wait"]), stderr=log,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.text = b""
        self.was_killed = False

    def _line(self):
        while b"\n" not in self.text:
            left = self.deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise LoadFailed("the load generator hangs")
            part = os.read(self.process.stdout.fileno(), 65536)
            if not part:
                self.keep_log()
                with open(self.log) as f:
                    raise LoadFailed("the load generator ended: " + f.read()[-300:])
            self.text += part
        line, self.text = self.text.split(b"\n", 1)
        return line.decode()

    def ready(self):
        line = self._line()
        if line != "ready":
            raise LoadFailed("connections could not be made: " + line[-200:])

    def begin(self):
        self.process.stdin.write(b"go\n")

    def go(self):
        """Runs the load and returns its result."""
        self.begin()
        line = self._line()
        try:
            result = json.loads(line)
        except ValueError:
            raise LoadFailed("no result: " + line[-200:]) from None
        if result["errors"]:
            self.keep_log(line)
        return result

    def keep_log(self, result=""):
        """Of a run that failed: in a file of its own, and what fits on a screen on stderr."""
        kept = self.log.removesuffix(".log") + time.strftime("-failed-%H%M%S.log")
        with open(self.log, errors="replace") as log:
            text = log.read()
        with open(kept, "w") as f:
            f.write(text + result + "\n")
        for line in text.splitlines()[:12]:
            print("  | " + line[:300], file=sys.stderr)
        print(f"  | kept: {kept}", file=sys.stderr)

    def kill(self):
        """In the middle of what it does."""
        self.was_killed = True
        self.process.kill()
        self.process.wait()

    def close(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(15)
            crashed = self.process.returncode < 0 and not self.was_killed
        except subprocess.TimeoutExpired:
            crashed = False  # it hangs, which is said where its answer is waited for
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        if crashed:
            raise RuntimeError(f"the load generator was ended by signal {-self.process.returncode}")


def error_text(result):
    """What a load's result says of its errors, or nothing."""
    if not result["errors"]:
        return ""
    kinds = {**result.get("error_kinds", {}), **result["handshake_errors"]}
    return f"{result['errors']} errors" + "".join(f", {kind}: {n}" for kind, n in kinds.items())


def hiccups(rate, seconds):
    """Latencies of requests that take no time but for the pauses of the machine, which is otherwise idle."""
    return json.loads(run(HICCUPS, str(rate), str(seconds), str(CLIENT_CORE), str(CORE)).stdout)


@contextlib.contextmanager
def load(namespace, command, name, timeout):
    program = Load(namespace, command, name, timeout)
    try:
        yield program
    finally:
        program.close()


def kload(options, timeout):
    """Kernel clients of the terminator on veth."""
    return load(CLIENT, ON_CLIENT_CORE + [KLOAD, "--target", "10.80.0.1:443", "--ca", CA] + options,
                "kload", timeout)


def memif_buffer(mtu):
    """A frame in one buffer."""
    return 2048 if mtu <= 1500 else mtu + 216


def sockets():
    return [os.path.join(WORK, side + ".sock") for side in ("front", "back")]


def forget_sockets():
    for path in sockets():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def loadgen(options, timeout, role="client", mtu=1500):
    """Our own clients and backend on memif. As its server they have to be there before the terminator is."""
    sides = ["--mtu", str(mtu)]
    for n, side in enumerate(("front", "back"), 1):
        sides += ["--" + side, f"net_memif_{side},role={role},socket={WORK}/{side}.sock,socket-abstract=no,"
                  f"bsize={memif_buffer(mtu)},mac=02:00:00:00:0{n}:02"]
    return load(None, [LOADGEN, "--core", str(CLIENT_CORE), "--ca", CA] + sides + options,
                "loadgen", timeout)


def wait_sockets(seconds=20):
    deadline = time.monotonic() + seconds
    while not all(map(os.path.exists, sockets())):
        if time.monotonic() > deadline:
            raise RuntimeError("no sockets of the load generator")
        time.sleep(0.05)


def wait_https(process, seconds=20):
    """Returns when the terminator completes a handshake; raises when it ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        answer = client(["openssl", "s_client", "-connect", "10.80.0.1:443", "-servername",
                         "www.lab.test", "-brief"], 10)
        if "CONNECTION ESTABLISHED" in answer:
            return
        time.sleep(0.1)
    print(f"the terminator does not answer; see {WORK}", file=sys.stderr)
    raise RuntimeError("no answer")


def wait_log(process, path, text, seconds=20):
    """Returns when text is in the log; raises when the process ended before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with open(path) as f:
            if text in f.read():
                return
        time.sleep(0.05)
    raise RuntimeError(f"no '{text}' in {path}")
