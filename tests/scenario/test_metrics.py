"""What Prometheus sees: Istio's standard metrics, the gateway's own, their bounds and their price."""
import datetime
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from support import configuration as istio
from support.client import connect, pipeline, read_response, request
from support.gateway import fairlead, free_ports, wait_until
from support.metrics import Scrape, scrape, scrape_text, wait_for
from support.upstream import Origin

APP = "app.internal.example"


def requests(value, **labels):
    return value.sum("istio_requests_total", **labels)


def test_requests_by_destination_code_and_flags(scenario):
    gateway = scenario.start()
    for _ in range(3):
        assert request(scenario.https_port, "/", tls=True).status == 200
    assert request(scenario.https_port, "/", "none.example.com", tls=True).status == 404
    assert request(scenario.http_port, "/").status == 301
    value = wait_for(gateway.metrics_port, lambda value: requests(value) == 5)
    (labels, count), = value.all("istio_requests_total", destination_service=APP)
    assert count == 3
    assert labels == {
        "reporter": "source", "source_workload": "istio-ingressgateway", "source_workload_namespace": "istio-system",
        "source_canonical_service": "istio-ingressgateway", "source_canonical_revision": "latest", "source_principal": "unknown",
        "source_app": "istio-ingressgateway", "source_version": "unknown", "source_cluster": "Kubernetes",
        "destination_workload": "unknown", "destination_workload_namespace": "unknown", "destination_principal": "unknown",
        "destination_app": "unknown", "destination_version": "unknown", "destination_service": APP, "destination_service_name": APP,
        "destination_service_namespace": "istio-config", "destination_canonical_service": "unknown", "destination_canonical_revision": "latest",
        "destination_cluster": "unknown", "request_protocol": "http", "response_code": "200", "grpc_response_status": "", "response_flags": "-",
        "connection_security_policy": "unknown"}
    assert requests(value, destination_service="unknown", response_code="404", response_flags="NR") == 1
    assert requests(value, destination_service="unknown", response_code="301", response_flags="-") == 1
    assert value.sum("fairlead_requests_total") == 5 and value.sum("fairlead_responses_2xx_total") == 3


def test_a_kubernetes_service_is_told_by_its_short_name(scenario):
    scenario.write("k8s.yaml", istio.service("web", "shop", [("http", 80)]), istio.endpoint_slice("web", "shop", "http", scenario.app.port),
                   istio.virtual_service("web", ["web.example.com"], http=[{"route": [istio.destination("web.shop.svc.cluster.local", 80)]}]))
    gateway = scenario.start()
    assert request(scenario.https_port, "/", "web.example.com", tls=True).status == 200
    value = wait_for(gateway.metrics_port, requests)
    assert requests(value, destination_service="web.shop.svc.cluster.local", destination_service_name="web", destination_service_namespace="shop") == 1


def test_an_upstream_that_refuses_is_its_destinations_failure(scenario):
    scenario.write("dead.yaml", istio.service_entry("dead.internal.example", 80, free_ports(1)[0]),
                   istio.virtual_service("dead", ["dead.example.com"], http=[{"route": [istio.destination("dead.internal.example", 80)], "retries": {"attempts": 1}}]))
    gateway = scenario.start()
    assert request(scenario.https_port, "/", "dead.example.com", tls=True).status == 503
    value = wait_for(gateway.metrics_port, requests)
    assert requests(value, destination_service="dead.internal.example", response_code="503", response_flags="UF,URX") == 1
    assert value.sum("fairlead_upstream_connect_failures_total") == 2 and value.sum("fairlead_upstream_retries_total") == 1


@pytest.mark.parametrize("trailer_status, label", [("5", "5"), ("0", "0"), ("77", ""), (None, "")])
def test_grpc_is_told_apart(serve, trailer_status, label):
    def handle(connection, stream, head):
        Origin.read_body(stream, dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line))
        status = f"grpc-status: {trailer_status}\r\n" if trailer_status else ""
        stream.write(f"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n{status}\r\n".encode())
        stream.flush()
        return True
    ask = serve({"route": "up"}, handle=handle)
    assert ask("/", method="POST", fields=[("content-type", "application/grpc")], body=b"message").status == 200
    value = wait_for(ask.gateway.metrics_port, requests)
    assert requests(value, request_protocol="grpc", grpc_response_status=label, response_code="200") == 1
    assert value.sum("istio_request_bytes_count", request_protocol="grpc") == 1


def test_durations_and_sizes(serve):
    def handle(connection, stream, head):
        Origin.read_body(stream, dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line))
        stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 700\r\n\r\n" + b"x" * 700)
        stream.flush()
        return True
    ask = serve({"match": [{"uri": {"prefix": "/slow"}}], "route": "up", "fault": {"delay": {"fixedDelay": "60ms", "percentage": {"value": 100}}}},
                {"route": "up"}, handle=handle)
    ask("/", method="POST", body=b"b" * 30)
    ask("/slow", method="POST", body=b"b" * 30)
    value = wait_for(ask.gateway.metrics_port, lambda value: requests(value) == 2)
    up = {"destination_service": "up.internal.example"}

    def bucket(name, bound):
        return value.sum(f"{name}_bucket", le=bound, **up)
    assert value.sum("istio_request_bytes_sum", **up) == 60 and value.sum("istio_response_bytes_sum", **up) == 1400
    assert (bucket("istio_request_bytes", "25"), bucket("istio_request_bytes", "50")) == (0, 2)
    assert (bucket("istio_response_bytes", "500"), bucket("istio_response_bytes", "1000"), bucket("istio_response_bytes", "+Inf")) == (0, 2, 2)
    assert bucket("istio_request_duration_milliseconds", "50") <= 1 and bucket("istio_request_duration_milliseconds", "3600000") == 2
    assert value.sum("istio_request_duration_milliseconds_sum", **up) >= 60
    for name in ("istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"):
        bounds = [(float(labels["le"]), count) for labels, count in value.all(f"{name}_bucket", **up)]
        counts = [count for _, count in sorted(bounds)]
        assert len(counts) == 20 and counts == sorted(counts) and counts[-1] == value.sum(f"{name}_count", **up)
        assert not any("response_code" in labels for labels, _ in value.all(f"{name}_bucket"))


def test_tcp_bytes_are_counted_while_the_connection_lasts(scenario):
    gateway = scenario.start()
    nginx = {"destination_service": "my-nginx.nginx.svc.cluster.local", "request_protocol": "tcp"}
    with connect(scenario.https_port, "nginx.tls.example.com", True) as connection:
        value = wait_for(gateway.metrics_port, lambda value: value.sum("istio_tcp_sent_bytes_total", **nginx) > 500)
        assert value.sum("istio_tcp_connections_opened_total", **nginx) == 1
        assert value.sum("istio_tcp_connections_closed_total", **nginx) == 0
        assert value.sum("istio_tcp_received_bytes_total", **nginx) > 100
        connection.sendall(b"GET / HTTP/1.1\r\nHost: nginx.tls.example.com\r\nConnection: close\r\n\r\n")
        while connection.recv(65536):
            pass
    value = wait_for(gateway.metrics_port, lambda value: value.sum("istio_tcp_connections_closed_total", response_flags="-", **nginx) == 1)
    entry = gateway.entry(upstream_cluster="outbound|443||my-nginx.nginx.svc.cluster.local")
    assert value.sum("istio_tcp_sent_bytes_total", **nginx) == entry["bytes_sent"]
    assert value.sum("istio_tcp_received_bytes_total", **nginx) == entry["bytes_received"]
    assert not value.all("istio_requests_total", **{"request_protocol": "tcp"})


def test_counters_survive_reloads_that_renumber_and_leave_with_their_destination(scenario):
    gateway = scenario.start()

    def generation():
        return gateway.admin_json("/diagnostics")["generation"]
    assert request(scenario.https_port, "/", tls=True).status == 200
    first = istio.virtual_service("first", ["first.example.com"], http=[{"route": [istio.destination("aaa.internal.example", 80)]}])
    scenario.write("first.yaml", istio.service_entry("aaa.internal.example", 80, scenario.app.port), first)
    wait_until(lambda: generation() == 2, what="the reload")
    assert request(scenario.https_port, "/", "first.example.com", tls=True).status == 200
    assert request(scenario.https_port, "/", tls=True).status == 200
    value = wait_for(gateway.metrics_port, lambda value: requests(value) == 3)
    assert requests(value, destination_service=APP) == 2 and requests(value, destination_service="aaa.internal.example") == 1
    os.unlink(scenario.folder / "first.yaml")
    value = wait_for(gateway.metrics_port, lambda value: requests(value, destination_service="aaa.internal.example") == 0, what="the series to go")
    assert requests(value, destination_service=APP) == 2


def test_a_tunnel_keeps_the_counters_of_a_destination_that_is_gone(scenario):
    gateway = scenario.start()
    nginx = {"destination_service": "my-nginx.nginx.svc.cluster.local"}
    with connect(scenario.https_port, "nginx.tls.example.com", True) as connection, connection.makefile("rb") as stream:
        services = scenario.read("virtual-services.yaml")["items"]
        scenario.write("virtual-services.yaml", services[0])
        wait_for(gateway.metrics_port, lambda value: value.sum("fairlead_configuration_generation") == 2 and value.sum("fairlead_snapshots_live") == 1)
        before = scrape(gateway.metrics_port).sum("istio_tcp_received_bytes_total", **nginx)
        assert before > 0
        connection.sendall(b"GET / HTTP/1.1\r\nHost: nginx.tls.example.com\r\n\r\n")
        assert read_response(stream).status == 200
        wait_for(gateway.metrics_port, lambda value: value.sum("istio_tcp_received_bytes_total", **nginx) > before)
    wait_for(gateway.metrics_port, lambda value: value.sum("istio_tcp_connections_closed_total", **nginx) == 1)
    gateway.signal(signal.SIGHUP)
    wait_for(gateway.metrics_port, lambda value: not value.all("istio_tcp_connections_closed_total", **nginx), what="the series to go")


def closed(connection):
    """By a FIN or a reset."""
    try:
        assert connection.recv(1) == b""
    except ConnectionResetError:
        pass


def test_connections_and_handshakes(scenario):
    gateway = scenario.start()
    assert request(scenario.https_port, "/", tls=True).status == 200
    with connect(scenario.https_port, "app.example.com", True) as connection:
        with socket.create_connection(("127.0.0.1", scenario.https_port), 10) as other:
            other.sendall(b"no hello")
            closed(other)
        value = wait_for(gateway.metrics_port, lambda value: value.sum("fairlead_tls_handshakes_total") == 2)
        assert value.sum("fairlead_downstream_connections_active") == 1
        connection.close()
    value = wait_for(gateway.metrics_port, lambda value: value.sum("fairlead_downstream_connections_active") == 0)
    assert value.sum("fairlead_downstream_connections_total") == 3
    assert value.all("fairlead_downstream_connections_refused_total") == [({"reason": "filter_chain_not_found"}, 1)]
    with pytest.raises(OSError):
        connect(scenario.https_port, "unknown.example.org", True)
    wait_for(gateway.metrics_port, lambda value: value.sum("fairlead_downstream_connections_refused_total", reason="filter_chain_not_found") == 2)


def test_the_upstream_pool(scenario):
    gateway = scenario.start()
    assert all(response.status == 200 for response in pipeline(scenario.https_port, 5, at_once=1))
    value = wait_for(gateway.metrics_port, lambda value: requests(value) == 5 and value.sum("fairlead_upstream_connections_idle") == 1)
    assert value.sum("fairlead_upstream_connections_total") == 1 and value.sum("fairlead_upstream_connections_active") == 1
    assert value.sum("fairlead_upstream_connections_reused_total") == 4


def test_configuration_certificates_and_diagnostics(scenario):
    gateway = scenario.start()
    value = scrape(gateway.metrics_port)
    now = time.time()
    assert now - 60 < value.sum("fairlead_start_time_seconds") <= now
    assert now - 60 < value.sum("fairlead_configuration_last_good_load_timestamp_seconds") <= now
    assert value.sum("fairlead_configuration_last_failed_load_timestamp_seconds") == 0
    assert value.sum("fairlead_configuration_loads_total", result="good") == 1 and value.sum("fairlead_ready") == 1
    assert value.sum("fairlead_build_info") == 1 and value.all("istio_build")[0][0]["component"] == "proxy"
    (labels, expiry), = value.all("fairlead_certificate_expiration_timestamp_seconds")
    certificate = scenario.certificate.certificate
    assert (labels["credential"], labels["shown_to"]) == ("ingress-cert", "clients") and int(labels["serial"], 16) == certificate.serial_number
    assert expiry == certificate.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()
    scenario.write("lost.yaml", istio.virtual_service("lost", ["lost.example.com"], http=[{"route": [istio.destination("nowhere", 80)]}]))
    value = wait_for(gateway.metrics_port, lambda value: value.all("fairlead_diagnostics", code="FL0500"))
    assert value.sum("fairlead_configuration_generation") == 2
    good = value.sum("fairlead_configuration_last_good_load_timestamp_seconds")
    (scenario.folder / ".new").write_text("kind: [unclosed\n")
    (scenario.folder / ".new").rename(scenario.folder / "gateway.yaml")
    value = wait_for(gateway.metrics_port, lambda value: value.sum("fairlead_configuration_last_failed_load_timestamp_seconds") > good)
    assert value.sum("fairlead_configuration_loads_total", result="failed") == 1 and value.sum("fairlead_configuration_stale_objects") == 1
    assert value.sum("fairlead_configuration_last_good_load_timestamp_seconds") == good
    assert gateway.admin("/drain", "POST")[0] == 200
    assert scrape(gateway.metrics_port).sum("fairlead_ready") == 0


# --- Bounds and price ---

def test_outcomes_are_bounded(serve):
    """A client that can choose the code of its answers must not be able to make series without end."""
    def handle(connection, stream, head):
        code = head.split(b" ")[1].strip(b"/").decode()
        stream.write(f"HTTP/1.1 {code} X\r\ncontent-length: 0\r\n\r\n".encode())
        stream.flush()
        return True
    ask = serve({"route": "up", "retries": {"attempts": 0}}, handle=handle)
    codes = [code for code in range(400, 500)]
    for code in codes:
        assert ask(f"/{code}").status == code
    value = wait_for(ask.gateway.metrics_port, lambda value: requests(value) == len(codes))
    series = value.all("istio_requests_total", destination_service="up.internal.example")
    workers = int(os.environ.get("FAIRLEAD_CONCURRENCY", "2"))
    assert len(series) <= workers * 64 + 1
    assert workers > 1 or value.sum("istio_requests_total", response_code="other", response_flags="other") == 36


def many(scenario, count):
    """`count` hosts with a destination each; all served by the one origin."""
    scenario.write("many.yaml", *(item for i in range(count) for item in (
        istio.service_entry(f"s{i}.internal.example", 80, scenario.nginx_plain),
        istio.virtual_service(f"v{i}", [f"v{i}.example.com"], http=[{"route": [istio.destination(f"s{i}.internal.example", 80)]}]))))


def ask_each(port, count):
    """A request for each host on one connection."""
    with connect(port, "v0.example.com", True) as connection, connection.makefile("rb") as stream:
        for start in range(0, count, 100):
            batch = range(start, min(start + 100, count))
            connection.sendall(b"".join(f"GET / HTTP/1.1\r\nHost: v{i}.example.com\r\n\r\n".encode() for i in batch))
            assert all(read_response(stream).status == 200 for _ in batch)


@pytest.fixture
def plain(scenario, tmp_path):
    """A fast origin without TLS."""
    port, = free_ports(1)
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "nginx.conf").write_text(f"""daemon off; worker_processes 1; pid {tmp_path}/plain/pid; error_log {tmp_path}/plain/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000; server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello\\n"; }} }} }}
""")
    process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(tmp_path / "plain"), "-e", str(tmp_path / "plain" / "error.log"), "-c", str(tmp_path / "plain" / "nginx.conf")])

    def accepts():
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close() is None
        except OSError:
            return False
    wait_until(accepts, what="nginx")
    scenario.nginx_plain = port
    yield scenario
    process.terminate()
    process.wait()


def test_destinations_past_the_limit_share_their_histograms(plain):
    many(plain, 130)
    gateway = plain.start()
    ask_each(plain.https_port, 130)
    value = wait_for(gateway.metrics_port, lambda value: requests(value) == 130)
    assert len(value.all("istio_requests_total")) == 130, "each is told apart by its requests"
    assert len(value.all("istio_request_bytes_count")) == 101
    assert value.sum("istio_request_bytes_count", destination_service="other") == 30
    assert value.sum("istio_request_duration_milliseconds_count") == 130
    # What is gone stays counted: a counter never falls.
    many(plain, 1)
    value = wait_for(gateway.metrics_port, lambda value: requests(value) == 1, what="the destinations to go")
    assert value.sum("istio_request_bytes_count", destination_service="other") == 30


def worker_ticks(pid):
    ticks = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="latin1") as file:
            text = file.read()
        if "(worker/" in text:
            fields = text.rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks


def test_a_scrape_of_5000_routes(plain):
    """All of them with traffic. Quick, and the workers have no part in it."""
    count = 5000
    many(plain, count)
    gateway = plain.start()
    ask_each(plain.https_port, count)
    value = wait_for(gateway.metrics_port, lambda value: requests(value) == count)
    assert value.sum("fairlead_routes") >= count and len(value.all("istio_requests_total")) == count
    wait_until(lambda: gateway.stats()["downstream_connections_active"] == 0, what="the connection to end")
    before, times = worker_ticks(gateway.process.pid), []
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", gateway.metrics_port), 10) as connection:
            start = time.monotonic()
            connection.sendall(b"GET /stats/prometheus HTTP/1.1\r\nHost: localhost\r\n\r\n")
            size, room = 0, bytearray(1 << 20)
            while piece := connection.recv_into(room):
                size += piece
            times.append(time.monotonic() - start)
        assert size > 1_000_000
    print(f"scrape of {size} bytes: best {min(times) * 1000:.1f} ms, median {sorted(times)[10] * 1000:.1f} ms")
    assert worker_ticks(gateway.process.pid) - before <= 2, "20 scrapes cost the workers nothing"
    # Sanitizers and unoptimized builds have another clock; a busy machine can only make it longer.
    if os.environ.get("FAIRLEAD_PRESET", "release") == "release":
        assert min(times) < 0.050


def test_scrapers_that_do_not_read_cost_no_memory_without_end(plain):
    many(plain, 2000)
    gateway = plain.start()
    ask_each(plain.https_port, 2000)
    size = len(scrape_text(gateway.metrics_port))
    before = gateway.resident_kib()
    lazy = []
    for _ in range(20):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", gateway.metrics_port))
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lazy.append(connection)
    first = []
    for connection in lazy:
        connection.settimeout(20)
        first.append(connection.recv(12))
    assert first[0] == b"HTTP/1.1 200" and first[-1] == b"HTTP/1.1 503", size
    assert first.count(b"HTTP/1.1 200") * size < (64 << 20) + 2 * size
    # Sanitizers keep a shadow of all memory, and what was freed.
    if os.environ.get("FAIRLEAD_PRESET", "release") in ("release", "dev", "clang"):
        assert gateway.resident_kib() - before < 4 * 64 * 1024
    for connection in lazy:
        connection.close()
    wait_until(lambda: can_scrape(gateway), what="room for an answer")
    assert request(plain.https_port, "/", "v0.example.com", tls=True).status == 200


def can_scrape(gateway):
    try:
        return "fairlead_ready 1" in scrape_text(gateway.metrics_port)
    except urllib.error.HTTPError as error:
        assert error.code == 503
        return False


# --- Where, and for whom ---

def test_the_ports_and_paths(scenario, run_gateway):
    first, second = free_ports(2)
    gateway = run_gateway(scenario.folder, arguments=["--metrics-port", f"{first},{second}"])
    for port in (first, second):
        for path in ("/stats/prometheus", "/metrics", "/stats/prometheus?x=y"):
            assert "fairlead_build_info" in scrape_text(port, path)
        for path, method, status in (("/healthz/ready", "GET", 200), ("/other", "GET", 404), ("/snapshot", "GET", 404), ("/metrics", "POST", 405)):
            try:
                with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method), timeout=5) as answer:
                    assert answer.status == status
            except urllib.error.HTTPError as error:
                assert error.code == status
    assert gateway.status() == 200


def test_no_metrics_ports(scenario, run_gateway):
    gateway = run_gateway(scenario.folder, arguments=["--metrics-port", "0"])
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", gateway.metrics_port), 5)
    assert not gateway.said("metrics port")
    for wrong in ("x", "1,2,3", "70000", "1,,"):
        result = fairlead("run", "-f", scenario.folder, "--metrics-port", wrong)
        assert result.returncode == 2 and "--metrics-port" in result.stderr


def test_a_listener_on_one_of_the_gateways_own_ports_is_not_served(scenario, run_gateway):
    operator = scenario.read("operator.yaml")["items"][0]
    port, = free_ports(1)
    patch = operator["spec"]["components"]["ingressGateways"][0]["k8s"]["overlays"][0]["patches"][0]
    patch["value"][1]["targetPort"] = port
    scenario.write("operator.yaml", operator)
    gateway = run_gateway(scenario.folder, arguments=["--metrics-port", str(port)])
    gateway.wait_said("one of the gateway's own")
    assert scrape(port).sum("fairlead_ready") == 1
    assert request(scenario.https_port, "/", tls=True).status == 200


# --- What others say to it ---

def test_promtool_accepts_it(scenario):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing: it comes with Debian's package prometheus (scripts/setup check)")
    gateway = scenario.start()
    assert request(scenario.https_port, "/", tls=True).status == 200
    with connect(scenario.https_port, "nginx.tls.example.com", True):
        wait_for(gateway.metrics_port, lambda value: value.sum("istio_tcp_sent_bytes_total") > 0 and requests(value) > 0)
    text = scrape_text(gateway.metrics_port)
    assert Scrape(text).sum("istio_requests_total") == 1

    def promtool(text):
        result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False)
        return result.returncode, (result.stdout + result.stderr).strip().splitlines()
    # It parses; the one thing that it would have otherwise is the unit in Istio's own name, which is what makes it Istio's.
    duration = "istio_request_duration_milliseconds"
    assert promtool(text) == (3, [f'{duration} use base unit "seconds" instead of "milliseconds"'])
    others = [line for line in text.splitlines() if duration not in line]
    assert 40 < len(others) < len(text.splitlines())
    assert promtool("\n".join(others) + "\n") == (0, [])
