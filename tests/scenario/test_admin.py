"""The administration: what it shows, what can be told to it, and whom it refuses."""
import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess

import pytest
from support import configuration as istio
from support.client import connect, read_response, request
from support.gateway import BINARY, ROOT, fairlead, free_ports, wait_until

READING = ["/", "/diagnostics", "/ready", "/snapshot", "/stats"]
CHANGING = ["/drain", "/logging"]


@pytest.mark.parametrize("path", READING)
def test_what_can_be_read(scenario, path):
    gateway = scenario.start()
    assert gateway.admin(path)[0] == 200
    assert gateway.admin(path + "?a=b")[0] == 200
    assert gateway.admin(path, "HEAD") == (200, "")
    assert gateway.admin(path, "POST")[0] == 405
    assert gateway.admin(path.rstrip("/") + "/deeper")[0] == 404
    assert f"GET  {path} " in gateway.admin("/")[1]


@pytest.mark.parametrize("path", CHANGING)
def test_what_changes_something_wants_a_post(scenario, path):
    gateway = scenario.start()
    assert gateway.admin(path)[0] == 405
    assert gateway.admin(path, "PUT")[0] == 405
    assert f"POST {path} " in gateway.admin("/")[1]
    assert gateway.status() == 200


def test_the_page_names_every_endpoint(scenario):
    gateway = scenario.start()
    with open(os.path.join(ROOT, "docs", "admin.md"), encoding="utf-8") as file:
        named = re.findall(r"^\| `(GET|POST) (/[a-z/]*)", file.read(), re.M)
    assert sorted(named) == sorted(tuple(line.split()[:2]) for line in gateway.admin("/")[1].splitlines())


def test_the_snapshot_is_what_is_served(scenario):
    gateway = scenario.start()
    snapshot = gateway.admin_json("/snapshot")
    assert snapshot["gateway"] == {"namespace": "istio-system", "name": "istio-ingressgateway"}
    assert sorted(listener["port"] for listener in snapshot["listeners"]) == sorted([scenario.http_port, scenario.https_port])
    chains = [chain for listener in snapshot["listeners"] for chain in listener["filter_chains"]]
    terminating = next(chain for chain in chains if chain["kind"] == "HTTPS")
    assert terminating["server_names"] == ["*.example.com"]
    assert terminating["certificate"]["names"] == ["*.example.com"]
    assert terminating["origin"]["object"] == "Gateway istio-config/gateway" and terminating["origin"]["file"].endswith("gateway.yaml")
    passing = next(chain for chain in chains if chain["kind"] == "PASSTHROUGH")
    assert passing["destinations"][0]["cluster"] == "outbound|443||my-nginx.nginx.svc.cluster.local"
    table = next(table for table in snapshot["route_tables"] if table["name"] == terminating["routes"])
    host = next(host for host in table["virtual_hosts"] if host["domain"] == "app.example.com")
    assert host["routes"][0]["name"] == "everything" and host["routes"][0]["action"] == "forward"
    cluster = next(cluster for cluster in snapshot["clusters"] if cluster["host"] == "app.internal.example")
    assert cluster["endpoints"] == [{"address": f"127.0.0.1:{scenario.app.port}"}]


def test_every_action_is_in_the_snapshot(serve):
    ask = serve({"match": [{"uri": {"exact": "/a"}, "headers": {"x": {"prefix": "p"}}, "withoutHeaders": {"y": {"regex": "z.*"}}}], "route": "up",
                 "rewrite": {"uri": "/b"}, "timeout": "3s", "headers": {"request": {"set": {"k": "v"}}, "response": {"remove": ["gone"]}},
                 "fault": {"delay": {"fixedDelay": "1ms", "percentage": {"value": 1}}}, "corsPolicy": {"allowOrigins": [{"exact": "http://a"}]}},
                {"match": [{"uri": {"prefix": "/r"}}], "redirect": {"authority": "other.example", "redirectCode": 302}},
                {"directResponse": {"status": 418, "body": {"string": "teapot"}}})
    snapshot = ask.gateway.admin_json("/snapshot")
    routes = next(host for table in snapshot["route_tables"] for host in table["virtual_hosts"] if host["domain"] == istio.ACTIONS_HOST and host["routes"])
    first, second, third = routes["routes"]
    assert first["match"]["exact"] == "/a" and {"subject": "header", "name": "x", "prefix": "p"} in first["match"]["conditions"]
    assert {"subject": "header", "name": "y", "regex": "z.*", "inverted": True} in first["match"]["conditions"]
    assert first["rewrite"]["path"]["becomes"] == "/b" and first["timeout_ns"] == 3_000_000_000 and first["fault"]["delay_ns"] == 1_000_000
    assert first["headers"] == {"request": {"set": [{"name": "k", "value": "v"}]}, "response": {"remove": ["gone"]}}
    assert first["cors"]["origins"] == [{"exact": "http://a"}] and "connect-failure" in first["retry"]["on"]
    assert (second["action"], second["status"], second["authority"]) == ("redirect", 302, "other.example")
    assert (third["action"], third["status"], third["body_bytes"]) == ("direct_response", 418, 6)


def test_private_keys_never_appear(scenario):
    gateway = scenario.start()
    key = "".join(line for line in scenario.certificate.key_pem.decode().splitlines() if "-----" not in line)
    for path in READING:
        text = gateway.admin(path)[1]
        assert "PRIVATE" not in text and key[40:80] not in text


def test_diagnostics_are_those_of_the_last_load(scenario):
    gateway = scenario.start()
    assert gateway.admin_json("/diagnostics")["errors"] == 0
    good = (scenario.folder / "virtual-services.yaml").read_text()
    scenario.write("more.yaml", istio.virtual_service("lost", ["lost.example.com"], http=[{"route": [istio.destination("nowhere", 80)]}], gateways=("absent",)))
    found = wait_until(lambda: [item for item in gateway.admin_json("/diagnostics")["diagnostics"] if item["code"] == "FL0300"], what="the diagnostic")
    assert found[0]["file"].endswith("more.yaml") and found[0]["line"] > 0 and found[0]["resource"] == "VirtualService istio-config/lost"
    assert gateway.admin_json("/diagnostics")["last_failed_load"] is None
    (scenario.folder / ".new").write_text("kind: [unclosed\n" + good)
    (scenario.folder / ".new").rename(scenario.folder / "virtual-services.yaml")
    wait_until(lambda: gateway.admin_json("/diagnostics")["last_failed_load"], what="the failed load")
    assert gateway.admin_json("/diagnostics")["stale"] == 1


def test_stats_count_requests(scenario):
    gateway = scenario.start()
    before = gateway.stats()
    for path in ("/", "/again"):
        assert request(scenario.https_port, path, tls=True).status == 200
    assert request(scenario.https_port, "/", "none.example.com", tls=True).status == 404
    after = wait_until(lambda: (lambda stats: stats["requests_total"] == before["requests_total"] + 3 and stats)(gateway.stats()), what="the counters")
    assert after["responses_2xx_total"] - before["responses_2xx_total"] == 2
    assert after["responses_4xx_total"] - before["responses_4xx_total"] == 1
    assert after["downstream_connections_total"] >= 3 and after["upstream_connections_total"] >= 1


def test_the_log_level_is_changed(scenario):
    gateway = scenario.start()
    assert gateway.admin("/logging", "POST") == (200, "level: info\n")
    assert gateway.admin("/logging?level=error", "POST") == (200, "level: error\n")
    said = len(gateway.error_lines)
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.admin_json("/diagnostics")["generation"] == 2, what="the reload")
    assert gateway.error_lines[said:] == []
    assert gateway.admin("/logging?level=info", "POST") == (200, "level: info\n")
    gateway.signal(signal.SIGHUP)
    gateway.wait_said("SIGHUP")
    for query in ("level=loud", "level=", "level", "x=y"):
        assert gateway.admin(f"/logging?{query}", "POST")[0] == 400
    assert gateway.admin("/logging", "POST") == (200, "level: info\n")


def test_drain_asks_connections_to_leave_and_waits_for_the_end(scenario):
    gateway = scenario.start()
    with connect(scenario.https_port, "app.example.com", True) as connection, connection.makefile("rb") as stream:
        ask = b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
        connection.sendall(ask)
        assert read_response(stream).field("connection") != "close"
        status, text = gateway.admin("/drain", "POST")
        assert status == 200 and text.startswith("draining: ")
        assert gateway.status() == 503 and gateway.admin("/ready") == (503, "not ready\n")
        assert stream.read() == b"", "an idle connection is closed"
    response = request(scenario.https_port, "/", tls=True)
    assert response.status == 200 and response.field("connection") == "close"
    assert gateway.admin("/drain", "POST") == (200, "draining already\n")
    assert gateway.process.poll() is None
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(10) == 0


# --- Who is refused ---

@pytest.mark.parametrize("fields", [
    {"Host": "evil.example"}, {"Host": "evil.example:15000"}, {"Host": "localhost.evil.example"}, {"Host": "127.0.0.1.nip.io"},
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "https://127.0.0.1"}, {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
])
def test_web_pages_are_refused(scenario, fields):
    gateway = scenario.start()
    for path, method in (("/drain", "POST"), ("/logging?level=debug", "POST"), ("/snapshot", "GET"), ("/nothing", "GET")):
        status, text = gateway.admin(path, method, fields)
        assert status == 403 and "forbidden" in text, (path, fields)
    assert gateway.status() == 200 and gateway.admin("/logging", "POST") == (200, "level: info\n")


def test_its_own_page_and_its_own_names_are_not(scenario):
    gateway = scenario.start()
    port = gateway.admin_port
    for fields in ({"Host": f"localhost:{port}"}, {"Host": f"LOCALHOST:{port}"}, {"Host": "[::1]"}, {"Host": "10.1.2.3:80"},
                   {"Origin": f"http://127.0.0.1:{port}"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        assert gateway.admin("/logging", "POST", fields)[0] == 200, fields


def ask_raw(port, text):
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(text)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize("text, status", [
    (b"GET /ready HTTP/1.0\r\n\r\n", 200),
    (b"GET http://localhost/ready HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    (b"\r\nGET /ready HTTP/1.1\r\nHost: localhost\r\n\r\nGET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    (b"GET /ready HTTP/1.1\r\n\r\n", 400),
    (b"GET /ready HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"POST /logging HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    (b"GET /ready HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
    (b"POST /logging HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + b"a" * 100000, 413),
    (b"POST /logging HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200),
])
def test_odd_requests(scenario, text, status):
    gateway = scenario.start()
    answer = ask_raw(gateway.admin_port, text)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1 and b"connection: close" in answer
    assert gateway.admin("/ready")[0] == 200


def test_many_idle_connections_keep_nobody_out(scenario):
    gateway = scenario.start()
    idle = [socket.create_connection(("127.0.0.1", gateway.admin_port), 10) for _ in range(100)]
    assert gateway.admin("/ready")[0] == 200
    assert idle[0].recv(1) == b"", "the oldest gave way"
    for connection in idle:
        connection.close()


def test_a_peer_that_says_nothing_is_closed(scenario):
    gateway = scenario.start()
    with socket.create_connection(("127.0.0.1", gateway.admin_port), 10) as connection:
        connection.sendall(b"GET /ready HTTP/1.1\r\n")
        assert connection.recv(1) == b""


def test_a_large_answer_reaches_a_slow_reader_whole(scenario):
    scenario.write("many.yaml", *(istio.virtual_service(f"v{i}", [f"v{i}.example.com"], http=[{"route": [istio.destination("app.internal.example", 80)]}])
                                  for i in range(2000)))
    gateway = scenario.start()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", gateway.admin_port))
        connection.sendall(b"GET /snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # Others are served meanwhile.
        assert gateway.admin("/ready")[0] == 200
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, body = answer.split(b"\r\n\r\n", 1)
    assert int(dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])[b"content-length"]) == len(body) > 1_000_000
    assert any(host["domain"] == "v1999.example.com" for table in json.loads(body)["route_tables"] for host in table["virtual_hosts"])


# --- Where it listens ---

class PathConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ask_path(path, what="/ready"):
    connection = PathConnection(str(path))
    try:
        connection.request("GET", what)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def test_a_unix_socket_of_its_owner_alone(scenario, run_gateway, tmp_path):
    place = tmp_path / "admin.sock"
    gateway = run_gateway(scenario.folder, arguments=["--admin", f"unix:{place}"])
    assert ask_path(place) == 200 and ask_path(place, "/snapshot") == 200
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o600
    gateway.stop()
    assert not place.exists()


def test_a_socket_that_was_left_behind_is_replaced_and_a_file_is_not(scenario, run_gateway, tmp_path):
    place, file = tmp_path / "admin.sock", tmp_path / "precious"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(place))
    left.close()
    first = run_gateway(scenario.folder, arguments=["--admin", f"unix:{place}"])
    assert ask_path(place) == 200
    first.stop()
    file.write_text("precious")
    second = run_gateway(scenario.folder, arguments=["--admin", f"unix:{file}"])
    second.wait_said("cannot be bound")
    assert file.read_text() == "precious"


def test_it_can_be_off(scenario, run_gateway):
    gateway = run_gateway(scenario.folder, arguments=["--admin", "off"])
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", gateway.admin_port), 5)
    assert not gateway.said("administration")


def test_elsewhere_only_when_asked_and_with_a_warning(scenario, run_gateway):
    port = free_ports(1)[0]
    gateway = run_gateway(scenario.folder, arguments=["--admin", f"0.0.0.0:{port}"])
    gateway.wait_said("where others may reach it")
    for wrong in ("0.0.0.0", "localhost:80", "127.0.0.1:99999", "unix:", ""):
        result = fairlead("run", "-f", scenario.folder, "--admin", wrong)
        assert result.returncode == 2 and "--admin" in result.stderr


def test_an_address_in_use_is_said_once_and_tried_again(scenario, run_gateway):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        gateway = run_gateway(scenario.folder, arguments=["--admin", str(port)])
        gateway.wait_said("cannot be bound")
        assert request(scenario.https_port, "/", tls=True).status == 200
    gateway.admin_port = port

    def answers():
        try:
            return gateway.admin("/ready")[0] == 200
        except OSError:
            return False
    wait_until(answers, what="the second try")
    assert sum("cannot be bound" in line for line in gateway.error_lines) == 1


def test_the_default_is_this_machine_alone(scenario):
    """In a process of its own: the default port may be taken by a gateway that runs here."""
    help_text = subprocess.run([BINARY, "run", "--help"], capture_output=True, text=True, check=True).stdout
    assert "default 127.0.0.1:15000" in help_text
