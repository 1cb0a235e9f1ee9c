"""Chromium with one wildcard certificate and three names on one address, two terminated by different servers and one passed through: every
order of visits loads every page. The certificate is trusted, for Chromium never reuses a connection whose certificate it was told to ignore."""
import itertools
import json
import ssl

import pytest
from browser.webdriver import Browser, trust
from support import configuration as istio
from support.gateway import free_ports
from support.upstream import Origin

pytestmark = pytest.mark.browser


@pytest.fixture
def wildcard(tmp_path, authority, origin, run_gateway):
    certificate = authority.issue("*.example.com")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate.write(str(tmp_path), "wildcard"))
    backend = Origin("p", tls=tls)
    port, = free_ports(1)
    path = tmp_path / "configuration.yaml"
    log = {"accessLogFormat": json.dumps({"authority": "%REQ(:AUTHORITY)%", "path": "%REQ(:PATH)%", "response_code": "%RESPONSE_CODE%",
                                          "coalesced": "%COALESCED%", "protocol": "%PROTOCOL%", "server_name": "%REQUESTED_SERVER_NAME%"})}
    path.write_text(istio.listing(
        istio.operator([("https", 443, port)], log), certificate.secret("wildcard"),
        istio.gateway(*[istio.server(443, "HTTPS", [f"{name}.example.com"], {"mode": "SIMPLE", "credentialName": "wildcard"}, name=f"https-{name}")
                        for name in "ab"],
                      istio.server(443, "TLS", ["p.example.com"], {"mode": "PASSTHROUGH"}, name="tls-p")),
        *[istio.virtual_service(name, [f"{name}.example.com"], http=[{"route": [istio.destination(f"{name}.internal.example", 80)]}]) for name in "ab"],
        istio.virtual_service("p", ["p.example.com"], tls=[{"match": [{"sniHosts": ["p.example.com"]}],
                                                           "route": [istio.destination("p.internal.example", 443)]}]),
        *[istio.service_entry(f"{name}.internal.example", 80, origin(name).port) for name in "ab"],
        istio.service_entry("p.internal.example", 443, backend.port, protocol="TLS")))
    yield port, run_gateway(path)
    backend.server.close()


def test_every_order_of_visits_loads_every_page(wildcard, authority, tmp_path):
    port, gateway = wildcard
    for order in itertools.permutations("abp"):
        home = tmp_path / "".join(order)
        home.mkdir()
        trust(str(home), authority.pem)
        browser = Browser(home, "--host-resolver-rules=MAP *.example.com 127.0.0.1")
        try:
            for name in order:
                page = browser.visit(f"https://{name}.example.com:{port}/")
                assert f'"origin": "{name}"' in page, (order, page)
        finally:
            browser.stop()
    pages = [entry for entry in gateway.entries() if entry.get("path") == "/"]
    assert {entry["response_code"] for entry in pages} <= {200, 421}
    assert all(entry["protocol"] == "HTTP/2" for entry in pages)
    assert any(entry["coalesced"] == "true" and entry["response_code"] == 200 for entry in pages)
    assert any(entry["authority"].startswith("p.") and entry["response_code"] == 421 for entry in pages)
