"""The loads. A load that runs against proxies which stand is a function (bench, peer, seconds) -> (units of work, seconds they took); what a
unit costs the proxy is the kernel's accounting, read before and after. A load that starts the proxy itself measures itself."""
import os
import re
import subprocess
import tempfile
import time

import clients
import measure
import peers

CONNECTIONS = 64
IDLE_CONNECTIONS = 1500
LUA_NAME = f'function wrk.resolve(host, service) wrk.addrs = wrk.lookup("127.0.0.1", service) end\n'
LUA_UPLOAD = 'wrk.method = "POST"\nwrk.body = string.rep("x", 1048576)\n'


class Failed(Exception):
    """A load whose answers were not what they should be: there is no figure then."""


def wrk(url, seconds, *options, script=None, connections=CONNECTIONS):
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script or "")
        file.flush()
        command = ["taskset", "-c", measure.LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s",
                   *options, *(["-s", file.name] if script else []), url]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report)
    if "Non-2xx" in report or (errors and any(int(errors.group(index)) for index in (1, 3, 4))):
        raise Failed("; ".join(line.strip() for line in report.split("\n") if "Non-2xx" in line or "Socket errors" in line))
    done = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", report)
    return int(done.group(1)), float(done.group(2)) * {"ms": 1e-3, "s": 1, "m": 60}[done.group(3)]


def h2load(url, seconds, *options):
    report = subprocess.run(["taskset", "-c", measure.LOAD_CORE, "h2load", "-t1", f"-D{seconds}", *options, url],
                            capture_output=True, text=True, check=True).stdout
    done, succeeded = (int(re.search(rf"(\d+) {word}", report).group(1)) for word in ("done", "succeeded"))
    if done == 0 or succeeded < done:
        raise Failed(report)
    return succeeded, float(seconds)


def http1(bench, peer, seconds):
    return wrk(f"https://localhost:{peer.setup.tls}/", seconds)


def http2(bench, peer, seconds):
    return h2load(f"https://localhost:{peer.setup.tls}/", seconds, "-c16", "-m32", "--npn-list=h2")


def handshake(bench, peer, seconds):
    return wrk(f"https://localhost:{peer.setup.tls}/", seconds, "-H", "Connection: close")


def resumed(bench, peer, seconds):
    start = time.monotonic()
    count = clients.resumed_handshakes(peer.setup.tls, "localhost", seconds)
    return count, time.monotonic() - start


def down_1m(bench, peer, seconds):
    return wrk(f"https://localhost:{peer.setup.tls}/1m", seconds, connections=16)


def down_100m(bench, peer, seconds):
    return wrk(f"https://localhost:{peer.setup.tls}/100m", 2 * seconds, connections=2)


def up_1m(bench, peer, seconds):
    return wrk(f"https://localhost:{peer.setup.tls}/", seconds, script=LUA_UPLOAD, connections=16)


def plain(bench, peer, seconds):
    return wrk(f"http://localhost:{peer.setup.plain}/", seconds)


def passthrough(bench, peer, seconds):
    return wrk(f"https://{peers.PASSTHROUGH_HOST}:{peer.setup.passthrough}/", seconds, script=LUA_NAME)


def passthrough_new(bench, peer, seconds):
    return wrk(f"https://{peers.PASSTHROUGH_HOST}:{peer.setup.passthrough}/", seconds, "-H", "Connection: close", script=LUA_NAME)


def passthrough_1m(bench, peer, seconds):
    return wrk(f"https://{peers.PASSTHROUGH_HOST}:{peer.setup.passthrough}/1m", seconds, script=LUA_NAME, connections=16)


def settled_memory_kib(pid):
    """Once two looks in a row agree to 1 %."""
    before = measure.memory_kib(pid)
    while True:
        time.sleep(0.3)
        now = measure.memory_kib(pid)
        if abs(now - before) <= before / 100:
            return now
        before = now


def idle(port_of, host, protocol):
    """KiB a connection: one request each, then nothing."""
    def run(bench, name):
        with bench.fresh(name) as peer:
            clients.idle_connections(20, port_of(peer.setup), host, protocol)  # what the first ones cost is not theirs
            before = settled_memory_kib(peer.pid)
            held = clients.idle_connections(IDLE_CONNECTIONS, port_of(peer.setup), host, protocol)
            after = settled_memory_kib(peer.pid)
            for connection in held:
                connection.close()
            return {"cost": (after - before) / len(held), "base_kib": before}
    return run


idle_tls = idle(lambda setup: setup.tls, "localhost", "http/1.1")
idle_http2 = idle(lambda setup: setup.tls, "localhost", "h2")
idle_passthrough = idle(lambda setup: setup.passthrough, peers.PASSTHROUGH_HOST, "http/1.1")


def base_memory(bench, name):
    with bench.fresh(name) as peer:
        settled_memory_kib(peer.pid)
        return {"cost": measure.resident_kib(peer.pid) / 1024}


def certificates(count):
    """Seconds from the start of the process until the last of many hosts is served with its own certificate; memory beside it."""
    def run(bench, name):
        hosts = bench.hosts(count)
        last = hosts[-1][0]
        with bench.fresh(name, hosts=hosts, wait=False) as peer:
            while last not in clients.shown_names(peer.setup.tls, last):
                if time.monotonic() - peer.started > 180 or peer.process.poll() is not None:
                    raise Failed(f"{name} did not come up with {count} certificates")
                time.sleep(0.002)
            ready = time.monotonic() - peer.started
            memory = settled_memory_kib(peer.pid)
            return {"cost": ready, "memory_mib": memory / 1024, "cpu_s": measure.cpu_seconds(peer.pid)}
    return run


# name, kind (of peers.PEERS), unit, function, whether it starts the proxies itself, goal (ratio or ceiling of a unit)
STANDING = {
    "http1": ("http", "us of CPU a request", http1, "HTTP/1.1 keep-alive over TLS"),
    "http2": ("http2", "us of CPU a request", http2, "HTTP/2, 16 connections of 32 streams"),
    "handshake": ("http", "us of CPU a connection", handshake, "full handshake and one request"),
    "resumed": ("http", "us of CPU a connection", resumed, "resumed handshake and one request"),
    "down-1m": ("http", "us of CPU a response", down_1m, "1 MiB over TLS"),
    "down-100m": ("http", "us of CPU a response", down_100m, "100 MiB over TLS"),
    "up-1m": ("http", "us of CPU a request", up_1m, "upload of 1 MiB over TLS"),
    "plain": ("http", "us of CPU a request", plain, "plain HTTP/1.1 keep-alive"),
    "passthrough": ("passthrough", "us of CPU a request", passthrough, "passthrough, keep-alive"),
    "passthrough-new": ("passthrough", "us of CPU a connection", passthrough_new, "passthrough, new connection"),
    "passthrough-1m": ("passthrough", "us of CPU a response", passthrough_1m, "passthrough, 1 MiB"),
}
STARTING = {
    "idle-tls": ("http", "KiB a connection", idle_tls, "idle TLS connection"),
    "idle-http2": ("http2", "KiB a connection", idle_http2, "idle HTTP/2 connection"),
    "idle-passthrough": ("passthrough", "KiB a connection", idle_passthrough, "idle passthrough connection"),
    "memory": ("http", "MiB resident", base_memory, "base memory"),
    "certificates-2000": ("certificates", "s until ready", certificates(2000), "start with 2,000 certificates"),
    "certificates-10000": ("certificates", "s until ready", certificates(10000), "start with 10,000 certificates"),
}
