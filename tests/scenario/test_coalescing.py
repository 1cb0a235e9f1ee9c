"""Names of several servers on one connection: what browsers do over HTTP/2 when one certificate covers them all (and HTTP/1.1 clients may)."""
import json
import ssl
import subprocess

import pytest
from support import configuration as istio
from support.client import connect, read_response, tls_context
from support.gateway import free_ports, wait_until


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


@pytest.mark.parametrize("arguments,second", [((), "200 2 0"), (("--strict-sni",), "404 2 0")])
def test_http2_requests_of_one_connection(servers, arguments, second):
    """Two HTTPS servers with one wildcard certificate: Istio answers the second authority with 404."""
    port, gateway = servers(*arguments)
    result = subprocess.run(["curl", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_code} %{http_version} %{num_connects}\n",
                             "--connect-to", f"::127.0.0.1:{port}", "https://a.example.com/",
                             "--next", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_code} %{http_version} %{num_connects}\n",
                             "--connect-to", f"::127.0.0.1:{port}", "-H", "Host: b.example.com", "https://a.example.com/"],
                            capture_output=True, text=True, timeout=30, check=True).stdout
    assert result.splitlines() == ["200 2 1", second]
    entry = gateway.entry(authority="b.example.com")
    assert (entry["coalesced"], entry["flags"]) == (("false", "NR") if arguments else ("true", "-")), entry


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


def test_a_resumed_session_is_judged_by_the_certificate_that_its_client_saw(tmp_path, authority, origin, run_gateway):
    """A ticket from before a rotation to a certificate with more names opens no session: the client sees the new one. A renewal of the same names
    leaves tickets good."""
    narrow, renewed, wide = authority.issue("a.example.com"), authority.issue("a.example.com"), authority.issue("*.example.com")
    port, = free_ports(1)
    path = tmp_path / "secret.yaml"

    def show(certificate):
        (tmp_path / ".new").write_text(istio.listing(certificate.secret("cert"), wide.secret("wildcard")))
        (tmp_path / ".new").rename(path)
    show(narrow)
    upstreams = {name: origin(name) for name in ("a", "b")}
    (tmp_path / "all.yaml").write_text(istio.listing(
        istio.operator([("https", 443, port)]),
        istio.gateway(*[istio.server(443, "HTTPS", [f"{name}.example.com"], {"mode": "SIMPLE", "credentialName": secret}, name=f"https-{name}")
                        for name, secret in (("a", "cert"), ("b", "wildcard"))]),
        *[istio.virtual_service(name, [f"{name}.example.com"], http=[{"route": [istio.destination(f"{name}.internal.example", 80)]}])
          for name in upstreams],
        *[istio.service_entry(f"{name}.internal.example", 80, upstream.port) for name, upstream in upstreams.items()]))
    run_gateway(tmp_path)

    def ask(context, session, host):
        with connect(port, "a.example.com", tls=True, context=context, session=session) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            with connection.makefile("rb") as stream:
                status = read_response(stream).status
            return status, connection.session_reused, connection.session, connection.getpeercert(True)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = tls_context()
        context.minimum_version = context.maximum_version = version
        show(narrow)
        wait_until(lambda: ask(context, None, "a.example.com")[3] == narrow.der, what="the narrow certificate")  # pylint: disable=cell-var-from-loop
        status, _, session, _ = ask(context, None, "b.example.com")
        assert status == 421
        show(renewed)
        wait_until(lambda: ask(context, None, "a.example.com")[3] == renewed.der, what="the renewed one")  # pylint: disable=cell-var-from-loop
        assert ask(context, session, "b.example.com")[:2] == (421, True)
        show(wide)
        wait_until(lambda: ask(context, None, "a.example.com")[3] == wide.der, what="the wide one")  # pylint: disable=cell-var-from-loop
        assert ask(context, session, "b.example.com")[:2] == (200, False)
