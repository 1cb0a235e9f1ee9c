"""The origin, the certificates and the running proxies of one run."""
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import clients
import measure
import origin
import peers
from support.gateway import free_ports
from support.pki import Authority

ENVOY = os.path.join(peers.ROOT, "build", "envoy", "envoy")


class Running:
    """A proxy that runs."""

    def __init__(self, name, setup, command):
        self.name, self.setup = name, setup
        self.output = open(setup.path("output"), "wb")  # pylint: disable=consider-using-with
        self.started = time.monotonic()
        self.process = measure.pinned(measure.PROXY_CORE, *command, output=self.output)
        self.pid = self.process.pid

    def wait(self):
        """Until it answers."""
        while True:
            if self.process.poll() is not None or time.monotonic() - self.started > 60:
                with open(self.setup.path("output"), encoding="utf-8", errors="replace") as file:
                    sys.exit(f"{self.name} did not start:\n{file.read()[-2000:]}")
            if subprocess.run(["curl", "-sko", "/dev/null", f"https://127.0.0.1:{self.setup.tls}/"], check=False).returncode == 0:
                return self
            time.sleep(0.02)

    def stop(self):
        measure.end(self.process)
        self.output.close()


class Bench:
    """The origin, the certificates and the proxies of one run."""

    def __init__(self, binary, before, folder):
        self.home = folder
        self.binaries = {"fairlead": binary, "before": before, "envoy": ENVOY}
        self.authority = Authority()
        self.certificate = self.authority.issue("localhost", "*.example.com")
        self.many = []
        chain, key = self.certificate.write(folder, "origin")
        self.origin = origin.Origin(folder, free_ports(2), chain, key)

    def hosts(self, count):
        while len(self.many) < count:
            name = f"host-{len(self.many)}.example.com"
            self.many.append((name, self.authority.issue(name)))
        return self.many[:count]

    def setup(self, folder, log=False, hosts=()):
        return peers.Setup(folder, self.origin, free_ports(4), self.certificate, log, hosts)

    @contextlib.contextmanager
    def folder(self):
        path = tempfile.mkdtemp(dir=self.home)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def process(self, name, setup, command):
        running = Running(name, setup, command)
        try:
            yield running
        finally:
            running.stop()

    @contextlib.contextmanager
    def fresh(self, name, log=False, hosts=(), wait=True):
        with self.folder() as folder:
            setup = self.setup(folder, log, hosts)
            with self.process(name, setup, peers.command_of(name, setup, self.binaries)) as running:
                yield running.wait() if wait else running


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def standing(binary, before=None):
    """A bench in a folder of its own, in memory where there is such a place; this process, which is a load generator too, on their processor."""
    clients.stay_on_load_core()
    raise_descriptor_limit()
    home = tempfile.mkdtemp(prefix="fairlead-bench.", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    os.chmod(home, 0o755)
    bench = None
    try:
        bench = Bench(binary, before, home)
        yield bench
    finally:
        if bench is not None:
            bench.origin.stop()
        shutil.rmtree(home, ignore_errors=True)
