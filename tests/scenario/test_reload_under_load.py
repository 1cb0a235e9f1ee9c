"""A thousand reloads under load, each changing a route and a certificate that are then seen on the wire."""
import os
import re
import subprocess
import threading

import pytest
from support import configuration as istio
from support.client import connect, read_response, request
from support.gateway import wait_until

RELOADS = int(os.environ.get("FAIRLEAD_RELOADS", "1000"))


class Tunnel(threading.Thread):
    """One TLS connection through the passthrough chain that keeps asking; it counts answers and notes the first failure."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.stopped, self.answers, self.failure = port, threading.Event(), 0, None

    def run(self):
        try:
            with connect(self.port, "nginx.tls.example.com", tls=True, timeout=30) as connection, connection.makefile("rb") as stream:
                while not self.stopped.wait(0.02):
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: nginx.tls.example.com\r\n\r\n")
                    response = read_response(stream)
                    assert response is not None and response.status == 200
                    self.answers += 1
                    if self.answers % 900 == 0:
                        return self.run()
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error


@pytest.mark.deep
def test_reloads_under_load_lose_nothing_and_leak_nothing(scenario, authority):
    objects = scenario.read("operator.yaml")["items"]
    objects[0]["spec"]["meshConfig"]["accessLogFile"] = ""
    scenario.write("operator.yaml", *objects)
    # wrk sends the address as its server name: the terminating server takes any.
    servers = scenario.read("gateway.yaml")["items"]
    servers[0]["spec"]["servers"][1]["hosts"] = ["*"]
    scenario.write("gateway.yaml", *servers)
    gateway = scenario.start()
    certificates = [authority.issue("*.example.com") for _ in range(2)]
    tunnels = [Tunnel(scenario.https_port) for _ in range(4)]
    for tunnel in tunnels:
        tunnel.start()
    resident = {}
    load = subprocess.Popen(["wrk", "-t1", "-c8", "-d3600s", "-H", "Host: app.example.com", f"https://127.0.0.1:{scenario.https_port}/wrk"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for number in range(1, RELOADS + 1):
            certificate = certificates[number % 2]
            host = f"route-{number}.example.com"
            scenario.write("secret.yaml", certificate.secret("ingress-cert"))
            scenario.write("new.yaml", istio.virtual_service("new", [host], http=[{"route": [istio.destination("app.internal.example", 80)]}]))

            def seen():
                response = request(scenario.https_port, "/", host, tls=True)
                return response.status == 200 and response.certificate == certificate.der
            wait_until(seen, what=f"reload {number}")
            if number in (RELOADS // 10, RELOADS):
                resident[number] = gateway.resident_kib()
    finally:
        load.send_signal(2)
        report = load.communicate(timeout=30)[0]
        for tunnel in tunnels:
            tunnel.stopped.set()
            tunnel.join(30)
    assert [tunnel.failure for tunnel in tunnels] == [None] * 4
    assert all(tunnel.answers > 0 for tunnel in tunnels)
    assert "Socket errors" not in report and "Non-2xx" not in report, report
    assert int(re.search(r"(\d+) requests in", report).group(1)) > RELOADS
    if os.environ.get("FAIRLEAD_PRESET", "release") == "release":
        assert resident[RELOADS] - resident[RELOADS // 10] <= 1024, resident
