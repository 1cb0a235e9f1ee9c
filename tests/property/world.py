"""Generated configurations as Istio's YAML (JSON is YAML)."""
from support import configuration as istio

from . import generate

PORTS = {80: 18080, 443: 18443, 10443: 18443, 8081: 18081}
NAMES = {80: "http2", 443: "https", 10443: "tls-alternative", 8081: "http-other"}


class Placeholder:
    """Certificates of the names that the generator gives them, made once."""

    def __init__(self):
        self.secrets = None

    def __call__(self):
        if self.secrets is None:
            from support.pki import Authority
            authority = Authority()
            self.secrets = [authority.issue(*names).secret(name) for name, names in generate.CERTIFICATES.items() if names]
        return self.secrets


PLACEHOLDER = Placeholder()


def _none(host):
    return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": host.replace(".", "-"), "namespace": "istio-config"},
            "spec": {"hosts": [host], "location": "MESH_EXTERNAL", "resolution": "NONE", "ports": [{"number": 80, "name": "port", "protocol": "HTTP"}]}}


def services(config, upstream_ports):
    items = []
    for host, state in config["services"].items():
        if state == "empty":
            items.append(_none(host))
        elif host == "pass.internal":
            items.append(istio.service_entry(host, 443, upstream_ports.get(host, 9), protocol="TLS"))
        else:
            items.append(istio.service_entry(host, 80, upstream_ports.get(host, 9)))
    return items


def as_yaml(config, secrets, upstream_ports=None):
    ports = [(NAMES[number], number, target) for number, target in config["ports"].items()]
    return istio.listing(istio.operator(ports), *secrets(), *config["gateways"], *config["virtual_services"], *services(config, upstream_ports or {}))
