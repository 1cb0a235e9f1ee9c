"""deploy/grafana/fairlead.json: every query is PromQL over names and labels that a gateway gives."""
import json
import os
import re
import shutil
import socket
import subprocess

import pytest
from support import configuration as istio
from support.client import connect, request
from support.gateway import ROOT, free_ports, wait_until
from support.metrics import wait_for

PATH = os.path.join(ROOT, "deploy", "grafana", "fairlead.json")
NAME = re.compile(r"\b(?:istio|fairlead)_[a-z0-9_]+")
SELECTOR = re.compile(r"\b((?:istio|fairlead)_[a-z0-9_]+)(?:\{([^}]*)\})?")
GROUPING = re.compile(r"by \(([^)]*)\)")
VARIABLES = {"$__rate_interval": "5m", "$service": ".*"}


def dashboard():
    with open(PATH, encoding="utf-8") as file:
        return json.load(file)


def queries():
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def plain(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


@pytest.fixture
def busy(scenario):
    """The metrics of a gateway to which everything has happened that makes a series."""
    scenario.write("dead.yaml", istio.service_entry("dead.internal.example", 80, free_ports(1)[0]),
                   istio.virtual_service("dead", ["dead.example.com"], http=[{"route": [istio.destination("dead.internal.example", 80)]}]),
                   istio.service_entry("old.internal.example", 80, scenario.app.port, protocol="HTTP2"),
                   istio.virtual_service("old", ["old.example.com"], http=[{"route": [istio.destination("old.internal.example", 80)]}]),
                   istio.virtual_service("lost", ["lost.example.com"], http=[{"route": [istio.destination("nowhere", 80)]}]))
    gateway = scenario.start()
    assert request(scenario.https_port, "/", tls=True).status == 200
    assert request(scenario.https_port, "/", "dead.example.com", tls=True).status == 503
    # An upstream that is to speak HTTP/2, and does not.
    assert request(scenario.https_port, "/", "old.example.com", tls=True).status == 502
    connect(scenario.https_port, "nginx.tls.example.com", True).close()
    # A client that breaks HTTP/2 makes the gateway end its session; one without a known name comes to nothing.
    with connect(scenario.https_port, "app.example.com", True, alpn=["h2"]) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x04\x08\x00\x00\x00\x00\x00" + b"\x00" * 4)
        wait_until(lambda: connection.recv(65536) == b"", what="the end of the session")
    with socket.create_connection(("127.0.0.1", scenario.https_port), 10) as connection:
        connection.sendall(b"no hello")
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
    return wait_for(gateway.metrics_port, lambda value: value.sum("istio_requests_total") == 3 and value.all("istio_tcp_connections_closed_total") and
                    value.all("fairlead_downstream_connections_refused_total") and value.all("fairlead_downstream_sessions_closed_total"))


def test_every_name_and_label_exists(busy):
    found = list(queries())
    assert len(found) > 30
    for title, expression in found:
        names = set(NAME.findall(expression))
        assert names and names <= busy.names(), f"{title}: {names - busy.names()}"
        labels = set.union(*({"le"} | set(series[0]) for name in names for series in busy.all(name))) if all(busy.all(name) for name in names) else None
        assert labels is not None, f"{title}: no series of {names}"
        used = set(re.findall(r"([a-z_]+)(?:=~|!~|!=|=)\"", expression)) | {part.strip() for group in GROUPING.findall(expression) for part in group.split(",")}
        assert used <= labels, f"{title}: {used - labels}"
        for name, _ in SELECTOR.findall(expression):
            assert not name.endswith("_total") or re.search(rf"(?:rate|increase)\({name}", expression), f"{title}: {name} is a counter"


def test_every_family_is_shown(busy):
    """What is measured and never looked at was measured in vain."""
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for _, expression in queries() for name in NAME.findall(expression)}
    assert set(busy.types) - shown == {"istio_build", "fairlead_requests_total"}


def test_the_page_names_every_family(busy):
    with open(os.path.join(ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
        named = set(re.findall(r"^\| (`.*?`) \|", file.read(), re.M))
    named = {name for row in named for name in re.findall(r"`([a-z0-9_]+)", row)}
    assert named == set(busy.types)


def test_its_shape():
    value = dashboard()
    assert value["uid"] == "fairlead" and len({panel["id"] for panel in value["panels"]}) == len(value["panels"])
    places = [tuple(panel["gridPos"][key] for key in "xywh") for panel in value["panels"]]
    taken = set()
    for x, y, width, height in places:
        cells = {(column, line) for column in range(x, x + width) for line in range(y, y + height)}
        assert not cells & taken and x + width <= 24
        taken |= cells
    for panel in value["panels"]:
        assert panel["type"] == "row" or all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


def test_promtool_reads_every_query(tmp_path):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing: it comes with Debian's package prometheus (scripts/setup check)")
    rules = [{"record": f"panel:query:{index}", "expr": plain(expression)} for index, (_, expression) in enumerate(queries())]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    result = subprocess.run(["promtool", "check", "rules", str(tmp_path / "rules.yaml")], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
