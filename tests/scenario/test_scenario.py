"""Every row of the table of what a client sees, and the access log line that it implies."""
import re
import json
import subprocess

import pytest
from support.client import connect, receive_all, request

KEYS = sorted("""authority bytes_received bytes_sent connection_termination_details downstream_local_address downstream_remote_address duration
method path protocol request_id requested_server_name response_code response_code_details response_flags route_name start_time upstream_cluster
upstream_host upstream_local_address upstream_service_time upstream_transport_failure_reason user_agent x_forwarded_for""".split())


def test_http_is_redirected_and_the_host_is_kept_as_it_came(scenario):
    gateway = scenario.start()
    host = f"app.example.com:{scenario.http_port}"
    response = request(scenario.http_port, "/a?b", host)
    assert response.status == 301
    assert response.field("location") == f"https://{host}/a?b"
    entry = gateway.entry(path="/a?b")
    assert (entry["response_code"], entry["response_flags"], entry["method"], entry["authority"]) == (301, "-", "GET", host)
    assert entry["upstream_host"] is None and entry["requested_server_name"] is None


def test_forwarded_proto_of_a_stranger_does_not_avoid_the_redirect(scenario):
    scenario.start()
    assert request(scenario.http_port, "/", fields=[("X-Forwarded-Proto", "https")]).status == 301


def test_a_routed_host_is_answered_over_the_gateways_certificate(scenario):
    gateway = scenario.start()
    response = request(scenario.https_port, "/hello?x=1", tls=True, fields=[("User-Agent", "test")], alpn=["http/1.1"])
    assert response.status == 200
    assert response.certificate == scenario.certificate.der
    assert response.alpn == "http/1.1"
    seen = json.loads(response.body)
    assert seen["request"] == "GET /hello?x=1 HTTP/1.1"
    headers = {name.lower(): value for name, value in seen["headers"]}
    assert headers["host"] == "app.example.com"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", headers["x-request-id"])
    assert response.field("server") == "istio-envoy"

    entry = gateway.entry(path="/hello?x=1")
    assert list(entry) == KEYS
    assert entry["authority"] == "app.example.com"
    assert entry["response_code"] == 200 and entry["response_code_details"] == "via_upstream"
    assert entry["response_flags"] == "-" and entry["protocol"] == "HTTP/1.1"
    assert entry["upstream_cluster"] == "outbound|80||app.internal.example"
    assert entry["upstream_host"] == f"127.0.0.1:{scenario.app.port}"
    assert entry["downstream_local_address"] == f"127.0.0.1:{scenario.https_port}"
    assert entry["requested_server_name"] == "app.example.com"
    assert entry["bytes_sent"] == len(response.body) and entry["bytes_received"] == 0
    assert entry["request_id"] == headers["x-request-id"]
    assert entry["route_name"] == "everything" and entry["user_agent"] == "test" and entry["x_forwarded_for"] == "127.0.0.1"
    assert isinstance(entry["upstream_service_time"], str) and isinstance(entry["duration"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["start_time"])


def test_a_host_without_a_virtual_service_is_404(scenario):
    gateway = scenario.start()
    response = request(scenario.https_port, "/none", "other.example.com", tls=True)
    assert (response.status, response.body) == (404, b"")
    assert response.certificate == scenario.certificate.der
    entry = gateway.entry(path="/none")
    assert (entry["response_code"], entry["response_flags"], entry["response_code_details"]) == (404, "NR", "route_not_found")
    assert entry["upstream_cluster"] is None


def test_passthrough_shows_the_backends_own_certificate(scenario):
    gateway = scenario.start()
    response = request(scenario.https_port, "/", "nginx.tls.example.com", tls=True)
    assert response.status == 200 and response.body == b"passed through\n"
    assert response.certificate == scenario.nginx.certificate.der
    entry = gateway.entry(requested_server_name="nginx.tls.example.com")
    assert entry["upstream_cluster"] == "outbound|443||my-nginx.nginx.svc.cluster.local"
    assert entry["upstream_host"] == f"127.0.0.1:{scenario.nginx.port}"
    assert entry["response_code"] == 0 and entry["response_flags"] == "-" and entry["method"] is None
    assert entry["bytes_received"] > 200 and entry["bytes_sent"] > 500


def test_other_names_below_the_passthrough_domain_are_terminated(scenario):
    gateway = scenario.start()
    response = request(scenario.https_port, "/", "other.tls.example.com", tls=True)
    assert response.certificate == scenario.certificate.der
    assert response.status == 404
    assert gateway.entry(requested_server_name="other.tls.example.com")["response_flags"] == "NR"


@pytest.mark.parametrize("sni", ["elsewhere.test", None])
def test_an_unknown_or_missing_sni_is_closed_without_an_alert(scenario, sni):
    gateway = scenario.start()
    arguments = ["-servername", sni] if sni else ["-noservername"]
    result = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{scenario.https_port}", *arguments], input=b"", capture_output=True, timeout=20)
    assert result.returncode != 0
    assert b"alert" not in result.stderr
    entry = gateway.entry(response_code_details="filter_chain_not_found")
    assert (entry["response_code"], entry["response_flags"], entry["requested_server_name"]) == (0, "NR", sni)


def test_plaintext_on_the_tls_port_is_closed_without_an_answer(scenario):
    scenario.start()
    with connect(scenario.https_port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
        assert receive_all(connection) == b""


def test_tls_on_the_plaintext_port_is_answered_400(scenario):
    scenario.start()
    with connect(scenario.http_port) as connection:
        connection.sendall(bytes.fromhex("160301020001"))
        connection.sendall(b"\x00" * 512)
        assert receive_all(connection).startswith(b"HTTP/1.1 400 ")


def test_a_peer_that_sends_nothing_leaves_no_line(scenario):
    gateway = scenario.start()
    connect(scenario.https_port).close()
    connect(scenario.http_port).close()
    assert request(scenario.http_port, "/marker").status == 301
    gateway.entry(path="/marker")
    assert len(gateway.entries()) == 1


def test_text_encoding_prints_the_default_line(scenario):
    configuration = scenario.read("operator.yaml")
    configuration["items"][0]["spec"]["meshConfig"]["accessLogEncoding"] = "TEXT"
    scenario.write("operator.yaml", *configuration["items"])
    gateway = scenario.start()
    request(scenario.https_port, "/text", "other.example.com", tls=True, fields=[("User-Agent", 'a"b')])
    from support.gateway import wait_until
    line = wait_until(lambda: gateway.log_lines, what="a line")[0]
    assert re.match(r'\[\d{4}-\d\d-\d\dT[0-9:.]+Z\] "GET /text HTTP/1\.1" 404 NR route_not_found - "-" 0 0 \d+ - "127\.0\.0\.1" ', line), line
    assert line.endswith(" other.example.com -")
    assert '"a"b"' not in line
