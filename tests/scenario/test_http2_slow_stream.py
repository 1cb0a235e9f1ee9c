"""One stream whose client takes a byte a second, beside others that take all they get."""
import time

import pytest
from support import configuration as istio
from support.gateway import free_ports
from support.http2 import DATA, END_STREAM, RST_STREAM, FrameClient, frame
from support.upstream import Nginx

LARGE_BYTES = 100 * 1024 * 1024
STREAMS = 4
TURNS, TURN_S = 16, 0.2
# What the gateway may hold of the slow stream and of those beside it: far below the ceiling of a worker.
BUFFER_BYTES_MAX, MEMORY_KIB_MAX = 4 << 20, 4096
CANCEL = b"\0\0\0\x08"


@pytest.fixture
def large(tmp_path, authority, run_gateway):
    """Plain HTTP in front of nginx, with /slow of 100 MiB and /large of 8 MiB."""
    (tmp_path / "nginx").mkdir()
    nginx = Nginx(str(tmp_path / "nginx"), authority.issue("nginx.example.com"))
    with open(tmp_path / "nginx" / "www" / "slow", "wb") as file:
        file.truncate(LARGE_BYTES)
    port, = free_ports(1)
    (tmp_path / "all.yaml").write_text(istio.listing(
        istio.operator([("http2", 80, port)]), istio.gateway(istio.server(80, "HTTP", ["*"])),
        istio.virtual_service("all", ["*"], http=[{"route": [istio.destination("origin.internal", 80)]}]),
        istio.service_entry("origin.internal", 80, nginx.plain_port)))
    gateway = run_gateway(tmp_path / "all.yaml", arguments=["--concurrency", "1"])
    gateway.port = port
    yield gateway
    nginx.stop()


class Load:
    """Streams that download one large answer after the other; now and then with a slow stream beside them."""

    def __init__(self, port):
        # A window of nothing: what a stream gets, it is granted.
        self.client = FrameClient(port, window=0)
        self.slow, self.slow_bytes, self.next_grant, self.credited = None, 0, 0.0, 0
        for _ in range(STREAMS):
            self.begin()

    def begin(self):
        self.client.send(self.client.grant(self.client.get("a.example.com", "/large"), 2**24))

    def begin_slow(self):
        self.slow, self.next_grant = self.client.get("a.example.com", "/slow"), 0.0

    def end_slow(self):
        self.client.send(frame(RST_STREAM, 0, self.slow, CANCEL))
        self.slow = None

    def credit(self, total):
        """The connection's window; a grant of nothing is an error (RFC 9113 section 6.9)."""
        if total > self.credited:
            self.client.send(self.client.grant(0, total - self.credited))
        self.credited = total

    def run(self, seconds):
        """Bytes a second of all streams but the slow one."""
        total, start = 0, time.monotonic()
        self.credited = 0
        while time.monotonic() - start < seconds:
            if self.slow is not None and time.monotonic() >= self.next_grant:
                self.client.send(self.client.grant(self.slow, 1))
                self.next_grant = time.monotonic() + 1
            for kind, flags, stream, size, _ in self.client.frames():
                if kind == DATA and stream == self.slow:
                    self.slow_bytes += size
                elif kind == DATA:
                    total += size
                    if flags & END_STREAM:
                        self.credit(total)
                        self.begin()
        self.credit(total)
        return total / (time.monotonic() - start)


def measure(gateway):
    """The rate beside the slow stream as a part of the rate without one, and how much the gateway grew. In turns on one connection, so that
    what else the machine does meets both."""
    load = Load(gateway.port)
    load.run(1)
    before, without, beside = gateway.resident_kib(), 0.0, 0.0
    for _ in range(TURNS):
        without += load.run(TURN_S) / TURNS
        load.begin_slow()
        load.run(0.05)
        beside += load.run(TURN_S) / TURNS
        load.end_slow()
    grown = gateway.resident_kib() - before
    assert TURNS <= load.slow_bytes <= 2 * TURNS
    load.client.close()
    return beside / without, grown, without


@pytest.mark.deep
def test_a_slow_stream_leaves_the_others_their_rate(large):
    ratios = []
    for _ in range(3):
        ratio, grown, rate = measure(large)
        held = large.stats()["buffer_bytes_peak"]
        print(f"others' rate beside the slow stream: {ratio:.2f} of {rate / 1e6:.0f} MB/s; grown by {grown} KiB, {held >> 10} KiB of buffers at most")
        ratios.append(ratio)
        assert 0 < held < BUFFER_BYTES_MAX and grown < MEMORY_KIB_MAX
    assert max(ratios) >= 0.9, ratios
