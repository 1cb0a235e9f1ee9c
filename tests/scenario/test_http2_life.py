"""The end and the reload of a gateway under HTTP/2 load: no request is lost."""
import re
import signal
import subprocess
import threading

import pytest
from support import configuration as istio
from support.client import request
from support.gateway import wait_until
from support.http2 import Client

IN_FLIGHT, CLIENTS, RELOADS = 8, 6, 60


class Asker(threading.Thread):
    """Keeps IN_FLIGHT requests under way on one connection until a GOAWAY asks it to stop; then waits for those that are left."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.answered, self.failure = port, 0, None

    def run(self):
        try:
            client = self.client = Client(self.port, "app.example.com")
            under_way = self.under_way = set()
            while client.goaway is None or under_way:
                while client.goaway is None and len(under_way) < IN_FLIGHT:
                    under_way.add(client.get("app.example.com", "/drain"))
                client.wait(lambda: client.goaway is not None or any(client.streams[stream]["ended"] for stream in under_way))
                done = {stream for stream in under_way if client.streams[stream]["ended"] or client.streams[stream]["reset"] is not None}
                if not done:
                    client.step()
                for stream in done:
                    value = client.streams.pop(stream)
                    assert value["status"] == 200 and value["reset"] is None and value["body"], value
                    self.answered += 1
                under_way.difference_update(done)
            while not client.over:
                client.step()
            client.close()
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error


def test_a_drain_under_load_loses_no_request(scenario):
    gateway = scenario.start()
    askers = [Asker(scenario.https_port) for _ in range(CLIENTS)]
    for asker in askers:
        asker.start()
    wait_until(lambda: all(asker.answered > 20 or asker.failure for asker in askers), what="the load to run")
    gateway.signal(signal.SIGTERM)
    for asker in askers:
        asker.join(30)
    assert [asker.failure for asker in askers] == [None] * CLIENTS
    assert not any(asker.is_alive() for asker in askers), [(a.client.goaway, a.client.over, a.under_way, a.answered) for a in askers]
    gateway.process.wait(15)
    statuses = {(entry["response_code"], entry["response_flags"]) for entry in gateway.entries() if entry["path"] == "/drain"}
    assert statuses == {(200, None)} or statuses == {(200, "-")}, statuses


def test_a_request_under_way_is_answered_though_the_drain_has_begun(scenario, origin):
    """And its connection takes no request after that."""
    arrived, go = threading.Event(), threading.Event()

    def late(_connection, stream, _head):
        arrived.set()
        go.wait(20)
        stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate")
        stream.flush()
        return True
    slow = origin("slow", late)
    scenario.write("slow.yaml", istio.virtual_service("slow", ["slow.example.com"], http=[{"route": [istio.destination("slow.internal.example", 80)]}]),
                   istio.service_entry("slow.internal.example", 80, slow.port))
    gateway = scenario.start()
    client = Client(scenario.https_port, "slow.example.com")
    stream = client.get("slow.example.com")
    assert arrived.wait(20)
    gateway.signal(signal.SIGTERM)
    client.wait(lambda: client.goaway is not None)
    # First the highest of all, so that what is on its way is not lost (RFC 9113 section 6.8).
    assert client.goaway >= stream and client.streams[stream]["reset"] is None
    go.set()
    value = client.finish(stream)
    assert value["status"] == 200 and value["body"] == b"late"
    while not client.over:
        client.step()
    assert client.goaway == stream
    client.close()
    gateway.process.wait(15)


class Load(threading.Thread):
    """One h2load after the other, each with connections of its own; the first that lost a request leaves its report."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.stopped, self.runs, self.report = port, threading.Event(), 0, None

    def run(self):
        while not self.stopped.is_set() and self.report is None:
            report = subprocess.run(["h2load", "-t1", "-c8", "-m10", "-n800", f"https://localhost:{self.port}/h2load"], capture_output=True,
                                    text=True, timeout=120, check=False).stdout
            if "800 succeeded, 0 failed, 0 errored, 0 timeout" not in report or "status codes: 800 2xx" not in report:
                self.report = report
            self.runs += 1


@pytest.mark.parametrize("what", ["routes", "certificate"])
def test_reloads_under_load_lose_no_request(scenario, authority, what):
    objects = scenario.read("gateway.yaml")["items"]
    objects[0]["spec"]["servers"][1]["hosts"] = ["*"]
    scenario.write("gateway.yaml", *objects)
    operator = scenario.read("operator.yaml")["items"]
    operator[0]["spec"]["meshConfig"]["accessLogFile"] = ""
    scenario.write("operator.yaml", *operator)
    scenario.write("all.yaml", istio.virtual_service("all", ["*"], http=[{"route": [istio.destination("app.internal.example", 80)]}]))
    scenario.start()
    load, certificates = Load(scenario.https_port), [authority.issue("*.example.com") for _ in range(2)]
    load.start()
    wait_until(lambda: load.runs > 0, what="the load to run")
    for number in range(1, RELOADS + 1):
        host = f"route-{number if what == 'routes' else 0}.example.com"
        certificate = certificates[number % 2] if what == "certificate" else scenario.certificate
        scenario.write("secret.yaml", certificate.secret("ingress-cert"))
        scenario.write("new.yaml", istio.virtual_service("new", [host], http=[{"directResponse": {"status": 299}}]))

        def seen():
            response = request(scenario.https_port, "/", host, tls=True)
            return response.status == 299 and response.certificate == certificate.der
        wait_until(seen, what=f"reload {number}")
        assert load.report is None, load.report
    load.stopped.set()
    load.join(120)
    assert load.report is None and load.runs > 1, load.report
