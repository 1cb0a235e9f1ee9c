"""Names of several servers on one connection: what browsers do over HTTP/2 when one certificate covers them all (and HTTP/1.1 clients may)."""
import json
import ssl
import subprocess

import pytest
from support import configuration as istio
from support.client import connect, read_response, tls_context
from support.gateway import free_ports


@pytest.fixture
def servers(tmp_path, authority, origin, nginx, run_gateway):
    """a, b and a server for other.test terminate TLS, p passes it through; a and b share *.example.com's certificate. start(...) -> port."""
    wildcard, other = authority.issue("*.example.com"), authority.issue("other.test")
    upstreams = {name: origin(name) for name in ("a", "b", "other")}

    def start(*arguments):
        port, = free_ports(1)
        path = tmp_path / "configuration.yaml"
        log = {"accessLogFormat": json.dumps({"authority": "%REQ(:AUTHORITY)%", "response_code": "%RESPONSE_CODE%", "coalesced": "%COALESCED%",
                                              "details": "%RESPONSE_CODE_DETAILS%", "flags": "%RESPONSE_FLAGS%"})}
        path.write_text(istio.listing(
            istio.operator([("https", 443, port)], log), wildcard.secret("wildcard"), other.secret("other"),
            istio.gateway(*[istio.server(443, "HTTPS", [host], {"mode": "SIMPLE", "credentialName": secret}, name=f"https-{host}")
                            for host, secret in (("a.example.com", "wildcard"), ("b.example.com", "wildcard"), ("other.test", "other"))],
                          istio.server(443, "TLS", ["p.example.com"], {"mode": "PASSTHROUGH"}, name="tls-p")),
            *[istio.virtual_service(name, [host], http=[{"route": [istio.destination(f"{name}.internal.example", 80)]}])
              for name, host in (("a", "a.example.com"), ("b", "b.example.com"), ("other", "other.test"))],
            istio.virtual_service("p", ["p.example.com"], tls=[{"match": [{"sniHosts": ["p.example.com"]}],
                                                               "route": [istio.destination("p.internal.example", 443)]}]),
            *[istio.service_entry(f"{name}.internal.example", 80, upstream.port) for name, upstream in upstreams.items()],
            istio.service_entry("p.internal.example", 443, nginx.port, protocol="TLS")))
        return port, run_gateway(path, arguments=arguments)
    return start


def ask_in_turn(port, server_name, *hosts):
    """The statuses of requests for these hosts on one HTTP/1.1 connection."""
    statuses = []
    with connect(port, server_name, tls=True) as connection, connection.makefile("rb") as stream:
        for host in hosts:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            statuses.append(read_response(stream).status)
    return statuses


def test_a_name_of_another_server_is_served_where_the_certificate_covers_it(servers):
    port, gateway = servers()
    assert ask_in_turn(port, "a.example.com", "a.example.com", "b.example.com", "a.example.com:443") == [200, 200, 200]
    assert gateway.entry(authority="b.example.com")["coalesced"] == "true"
    assert gateway.entry(authority="a.example.com")["coalesced"] == "false"


def test_a_name_that_may_not_be_served_here_is_421_and_an_unknown_one_404(servers):
    port, gateway = servers()
    assert ask_in_turn(port, "a.example.com", "p.example.com", "other.test", "nobody.example.com", "a.example.com") == [421, 421, 404, 200]
    assert gateway.entry(authority="p.example.com")["details"] == "misdirected_request{not_terminated_here}"
    assert gateway.entry(authority="other.test")["details"] == "misdirected_request{certificate_not_for_host}"
    assert gateway.entry(authority="nobody.example.com")["flags"] == "NR"
    # The other way round: other.test's certificate is for itself alone.
    assert ask_in_turn(port, "other.test", "other.test", "b.example.com") == [200, 421]


def test_strict_sni_is_istio_s_404(servers):
    port, gateway = servers("--strict-sni")
    assert ask_in_turn(port, "a.example.com", "a.example.com", "b.example.com", "p.example.com", "other.test") == [200, 404, 404, 404]
    assert gateway.entry(authority="b.example.com")["details"] == "route_not_found"


def test_http2_requests_of_one_connection_reach_their_servers(servers):
    port, gateway = servers()
    result = subprocess.run(["curl", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_code} %{http_version} %{num_connects}\n",
                             "--connect-to", f"::127.0.0.1:{port}", "https://a.example.com/",
                             "--next", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_code} %{http_version} %{num_connects}\n",
                             "--connect-to", f"::127.0.0.1:{port}", "-H", "Host: b.example.com", "https://a.example.com/"],
                            capture_output=True, text=True, timeout=30, check=True).stdout
    assert result.splitlines() == ["200 2 1", "200 2 0"]
    assert gateway.entry(authority="b.example.com")["coalesced"] == "true"


def test_a_ticket_of_one_server_opens_no_session_of_another(servers):
    port, _ = servers()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = tls_context()
        context.minimum_version = context.maximum_version = version
        with connect(port, "a.example.com", tls=True, context=context) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\n\r\n")
            with connection.makefile("rb") as stream:
                assert read_response(stream).status == 200
            session = connection.session
        with connect(port, "a.example.com", tls=True, context=context, session=session) as connection:
            assert connection.session_reused
        with connect(port, "other.test", tls=True, context=context, session=session) as connection:
            assert not connection.session_reused
