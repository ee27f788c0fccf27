# SPDX-License-Identifier: GPL-3.0-or-later
"""The network the comparison runs on: scripts/lab's namespaces, and processes in them."""
import contextlib
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PREFIX = os.environ.get("SALLYPORT_LAB", "sp")
LAB = os.path.join(ROOT, "build", "lab" + ("" if PREFIX == "sp" else "-" + PREFIX))
WORK = os.path.join(ROOT, "build", "perf")
PKI = os.path.join(LAB, "pki", "a")
DAEMON = os.path.join(ROOT, "build", "sallyport")
CLIENT, GATE, BACKEND = PREFIX + "-client", PREFIX + "-gate", PREFIX + "-backend"
CLIENT_CORE = 1  # clients and backend; the terminator has core 0


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options)


@contextlib.contextmanager
def network():
    """Namespaces, veths, nginx as backend; nothing terminates yet."""
    os.makedirs(WORK, exist_ok=True)
    script = os.path.join(ROOT, "scripts", "lab")
    run(script, "up", "--no-daemon")
    try:
        run(script, "file", "1k.bin", "1K")
        run(script, "file", "16m.bin", "16M")
        for pid in run("ip", "netns", "pids", BACKEND).stdout.split():
            run("taskset", "-cp", str(CLIENT_CORE), pid)
        yield
    finally:
        run(script, "down")


def offloads(state):
    """Segmentation and checksum offloads of all four ends of the wire."""
    for namespace, device in ((CLIENT, "eth0"), (GATE, "sp-front"), (GATE, "sp-back"), (BACKEND, "eth0")):
        subprocess.run(["ip", "netns", "exec", namespace, "ethtool", "-K", device, "rx", state, "tx", state,
                        "sg", state, "tso", state, "gso", state, "gro", state], capture_output=True)


@contextlib.contextmanager
def kernel_addresses():
    """Gives the gateway's ends to the kernel, for the rivals, with every offload it can use: frames of
    64 KB cross the veth whole, which is the best a NIC with TSO and LRO could do for them."""
    ends = [("sp-front", "10.80.0.1/24"), ("sp-back", "10.81.0.1/24")]
    offloads("on")
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


def joined_pem():
    """Chain and key in one file, as HAProxy and hitch want it."""
    path = os.path.join(WORK, "www.ecdsa.joined.pem")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        for name in ("www.ecdsa.pem", "www.ecdsa.key"):
            with open(os.path.join(PKI, name)) as f:
                out.write(f.read())
    return path


def spawn(namespace, command, name):
    """Starts command in the namespace; its output goes to build/perf/NAME.log."""
    log = open(os.path.join(WORK, name + ".log"), "w")
    return subprocess.Popen(["ip", "netns", "exec", namespace] + command, stdout=log,
                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def end(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def client(command, timeout):
    """Runs a client on its core and returns what it printed."""
    done = subprocess.run(["ip", "netns", "exec", CLIENT, "taskset", "-c", str(CLIENT_CORE)] + command,
                          capture_output=True, text=True, timeout=timeout)
    return done.stdout + done.stderr


def wait_https(process, seconds=20):
    """Returns when an HTTPS request through the terminator is answered; raises when it ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        answer = client(["curl", "-sk", "--max-time", "2", "--tlsv1.3", "-o", "/dev/null", "-w",
                         "%{http_code}", "--resolve", "www.lab.test:443:10.80.0.1",
                         "https://www.lab.test/1k.bin"], 10)
        if answer.strip() == "200":
            return
        time.sleep(0.1)
    print(f"the terminator does not answer; see {WORK}", file=sys.stderr)
    raise RuntimeError("no answer")


def sallyport_config(core, control):
    """Poll mode on one core, the same certificate, backend and suite as the rivals."""
    return f"""
runtime = {{ workers = [{core}]; control_core = {control}; front = "front0"; back = "back0";
            max_connections = 20000; drain_timeout = 1.0; idle = "poll"; }};
eal = [ "--no-pci", "--vdev=net_af_xdp_f,iface=sp-front", "--vdev=net_af_xdp_b,iface=sp-back" ];
ports = ( {{ name = "front0"; devices = ["net_af_xdp_f"]; addresses = ["10.80.0.1/24"]; }},
          {{ name = "back0"; devices = ["net_af_xdp_b"]; addresses = ["10.81.0.1/24"]; }} );
certificates = ( {{ name = "www"; chain = "{PKI}/www.ecdsa.pem"; key = "{PKI}/www.ecdsa.key"; }} );
backends = ( {{ name = "app"; targets = ( {{ address = "10.81.0.2:8080"; }} ); }} );
listeners = ( {{ name = "https"; bind = ["10.80.0.1:443"];
                policy = "ELBSecurityPolicy-TLS13-1-3-2021-06";
                default_certificate = ["www"]; backend = "app"; }} );
"""
