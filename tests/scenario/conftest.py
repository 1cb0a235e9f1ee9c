import json
import types

import pytest
from support import configuration as istio
from support.client import request
from support.gateway import free_ports


@pytest.fixture
def scenario(tmp_path, authority, nginx, origin, run_gateway):
    """The scenario's shape on free ports: redirect on HTTP, termination for *.example.com and passthrough for one name on one HTTPS port.
    `scenario.start()` starts it; the files can be changed before and after."""
    http_port, https_port = free_ports(2)
    app = origin("app")
    folder = tmp_path / "configuration"
    folder.mkdir()
    certificate = authority.issue("*.example.com")

    def write(name, *objects):
        temporary = folder / ("." + name)
        temporary.write_text(istio.listing(*objects))
        temporary.rename(folder / name)

    write("operator.yaml", istio.operator([("status-port", 15021, 15021), ("http2", 80, http_port), ("https", 443, https_port),
                                           ("tls-passthrough", 10443, https_port)]))
    write("gateway.yaml", istio.gateway(
        istio.server(80, "HTTP", ["*.example.com"], {"httpsRedirect": True}),
        istio.server(443, "HTTPS", ["*.example.com"], {"mode": "SIMPLE", "credentialName": "ingress-cert"}, name="https"),
        istio.server(10443, "TLS", ["*.tls.example.com"], {"mode": "PASSTHROUGH"}, name="tls-passthrough")))
    write("secret.yaml", certificate.secret("ingress-cert"))
    write("virtual-services.yaml",
          istio.virtual_service("app", ["app.example.com"], http=[{"name": "everything", "route": [istio.destination("app.internal.example", 80)]}]),
          istio.virtual_service("nginx", ["nginx.tls.example.com"], tls=[{
              "match": [{"port": 10443, "sniHosts": ["nginx.tls.example.com"]}],
              "route": [istio.destination("my-nginx.nginx.svc.cluster.local", 443)]}]))
    write("backends.yaml", istio.service_entry("app.internal.example", 80, app.port),
          istio.service("my-nginx", "nginx", [("https", 443)]), istio.endpoint_slice("my-nginx", "nginx", "https", nginx.port))
    value = types.SimpleNamespace(http_port=http_port, https_port=https_port, app=app, nginx=nginx, folder=folder, write=write,
                                  certificate=certificate, gateway=None)

    def start(**options):
        value.gateway = run_gateway(folder, **options)
        return value.gateway

    value.start = start
    value.read = lambda name: json.loads((folder / name).read_text())
    return value


@pytest.fixture
def serve(scenario, origin):
    """serve(entry, ...) publishes these http entries; "up" stands for a route to an origin that tells what it received."""
    def start(*entries, handle=None):
        upstream = origin("up", handle=handle)
        scenario.write("backends-of-actions.yaml", istio.service_entry("up.internal.example", 80, upstream.port))
        for entry in entries:
            if entry.get("route") == "up":
                entry["route"] = [istio.destination("up.internal.example", 80)]
        scenario.write("actions.yaml", istio.virtual_service("actions", [istio.ACTIONS_HOST], http=list(entries)))
        scenario.start()

        def ask(path="/", host=istio.ACTIONS_HOST, **options):
            return request(scenario.https_port, path, host, tls=True, **options)
        ask.upstream, ask.gateway, ask.port = upstream, scenario.gateway, scenario.https_port
        return ask
    return start
