"""Starts the real binary on real files, and reads what it prints."""
import collections
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("FAIRLEAD_BINARY") or os.path.join(ROOT, "build", "release", "fairlead")
PATIENCE_S = 30


def wait_until(condition, patience_s=PATIENCE_S, what="the condition"):
    """Polls until the condition gives something true, and returns it. `what` may be a function, so that it tells the state at the end."""
    end = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience_s} s in vain for {what() if callable(what) else what}")
        time.sleep(0.01)


def timed(seconds, action, tries=3):
    """The result of `action`, which must take this long and at most a tenth more. A busy machine can only make it longer, so one of a few
    tries must be in time."""
    for _ in range(tries):
        start = time.monotonic()
        result = action()
        taken = time.monotonic() - start
        assert taken >= seconds, f"{taken} s: too early for {seconds} s"
        if taken < 1.1 * seconds:
            return result
    raise AssertionError(f"{taken} s at last, which is more than a tenth too late for {seconds} s")


def port_range():
    """Of tests that run beside each other (pytest-xdist), each process has a part of its own."""
    name = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not name.startswith("gw"):
        return 16000, 32000
    first = 16000 + 1000 * (int(name[2:]) % 16)
    return first, first + 1000


GIVEN = collections.deque(maxlen=400)


def free_ports(count):
    """Ports that were free a moment ago; all different, also from those given lately, which their users may not have taken yet. Below the range
    from which the kernel gives ports of its own choice, so that no server bound to port 0 and no outgoing connection takes one of them before its
    user does."""
    sockets = []
    while len(sockets) < count:
        probe = socket.socket()
        port = random.randrange(*port_range())
        try:
            if port in GIVEN:
                raise OSError
            probe.bind(("127.0.0.1", port))
            sockets.append(probe)
            GIVEN.append(port)
        except OSError:
            probe.close()
    ports = [probe.getsockname()[1] for probe in sockets]
    for probe in sockets:
        probe.close()
    return ports


class Gateway:
    """A running `fairlead run`. Its standard output is the access log."""

    def __init__(self, *paths, arguments=(), environment=None, address="127.0.0.1"):
        self.address = address
        self.status_port, self.admin_port, self.metrics_port = free_ports(3)
        self.log_lines, self.error_lines = [], []
        command = [BINARY, "run", "--bind", address, "--status-port", str(self.status_port), "--admin", f"127.0.0.1:{self.admin_port}",
                   "--metrics-port", str(self.metrics_port)]
        command += ["--concurrency", os.environ.get("FAIRLEAD_CONCURRENCY", "2")]
        for path in paths:
            command += ["-f", str(path)]
        self.process = subprocess.Popen(command + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, env=dict(os.environ, **(environment or {})))
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.log_lines), (self.process.stderr, self.error_lines))]
        for reader in self.readers:
            reader.start()
        wait_until(self.ready, what="the gateway to be ready")

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def status(self, path="/healthz/ready"):
        try:
            with urllib.request.urlopen(f"http://{self.address}:{self.status_port}{path}", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def admin(self, path, method="GET", fields=None, body=None):
        """An answer of the administration: its status and its text."""
        question = urllib.request.Request(f"http://127.0.0.1:{self.admin_port}{path}", method=method, headers=fields or {}, data=body)
        try:
            with urllib.request.urlopen(question, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def admin_json(self, path):
        status, text = self.admin(path)
        assert status == 200, text
        return json.loads(text)

    def stats(self):
        """The counters by name."""
        return {name: int(value) for name, value in (line.split(": ") for line in self.admin("/stats")[1].splitlines())}

    def ready(self):
        if self.process.poll() is not None:
            for reader in self.readers:
                reader.join(5)
            raise AssertionError("the gateway ended with %d:\n%s" % (self.process.returncode, "\n".join(self.error_lines)))
        return self.status() == 200

    def entries(self):
        return [json.loads(line) for line in list(self.log_lines)]

    def entry(self, patience_s=PATIENCE_S, **wanted):
        """The first access log entry with these values."""
        def find():
            for entry in self.entries():
                if all(entry.get(key) == value for key, value in wanted.items()):
                    return entry
            return None
        return wait_until(find, patience_s, lambda: f"an access log line with {wanted}; seen: {self.log_lines[-5:]}")

    def said(self, text):
        return any(text in line for line in list(self.error_lines))

    def wait_said(self, text):
        wait_until(lambda: self.said(text), what=lambda: f"the log to say {text!r}; it said {self.error_lines[-8:]}")

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Ends it in order, and insists that it ended well."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the gateway did not end after SIGTERM") from None
        for reader in self.readers:
            reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        assert self.process.returncode == 0, "exit code %d:\n%s" % (self.process.returncode, "\n".join(self.error_lines[-60:]))


def fairlead(*arguments, stdin=None):
    """Runs a command of the binary to its end."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60, input=stdin, check=False)
