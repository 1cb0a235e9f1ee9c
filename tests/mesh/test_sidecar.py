"""Into the mesh, for real: Fairlead before an Envoy that is set up as a sidecar. Needs FAIRLEAD_ENVOY (make mesh)."""
import json
import os
import socket
import threading

import pytest
from mesh.sidecar import Sidecar
from scenario.test_destinations import World, at, slice_of, to
from support import configuration as istio
from support.client import request
from support.gateway import free_ports, wait_until
from support.mesh import Mesh, peer_authentication, pod
from support.pki import Authority

pytestmark = [pytest.mark.mesh, pytest.mark.skipif("FAIRLEAD_ENVOY" not in os.environ, reason="no Envoy: make mesh installs it")]

GATEWAY = "spiffe://cluster.local/ns/istio-system/sa/gateway"
MODES = Sidecar.MODES
PROTOCOLS = {"http": "HTTP/1.1", "http2": "HTTP/2"}


class Town:
    """Services http-MODE, http2-MODE and tcp-MODE, each one Pod with the sidecar, governed by a PeerAuthentication of that mode."""

    def __init__(self, folder, run_gateway, behind, serving="app", identity=True, trust_domain="cluster.local", tls_version=None):
        self.mesh = Mesh(folder, trust_domain)
        self.next_authority = Authority()
        self.sidecar = Sidecar(folder / "sidecar", self.mesh.workload(serving), self.mesh.authority.pem + self.next_authority.pem, behind.port,
                               trust_domain, tls_version)
        self.identity, self.behind = identity, behind
        objects = folder / "objects"
        objects.mkdir()
        self.world = World(objects, run_gateway)
        self.tcp_ports = dict(zip(MODES, free_ports(len(MODES))))
        self.write()

    def write(self, **mesh):
        ports = [("http2", 80, self.world.port)] + [(f"tcp-{mode.lower()}", port, port) for mode, port in self.tcp_ports.items()]
        servers = [istio.server(80, "HTTP", ["*"])] + [istio.server(port, "TCP", ["*"]) for port in self.tcp_ports.values()]
        self.world.write("base.yaml", istio.operator(ports, mesh), istio.gateway(*servers))
        backends, routes = [], []
        for mode in MODES:
            for protocol in ("http", "http2", "tcp"):
                backends += self.backend(f"{protocol}-{mode.lower()}", protocol, mode)
                routes.append(at(f"/{protocol}/{mode}", to(f"{protocol}-{mode.lower()}")))
        self.world.write("backends.yaml", *backends)
        tcp = [{"match": [{"port": port}], "route": [to(f"tcp-{mode.lower()}")]} for mode, port in self.tcp_ports.items()]
        self.world.write("routes.yaml", istio.virtual_service("web", ["*"], http=routes, tcp=tcp, namespace="shop", gateways=("istio-config/gateway",)))

    def backend(self, name, protocol, mode):
        port = self.sidecar.ports["tcp" if protocol == "tcp" else "http", mode]
        service = istio.service(name, "shop", [(protocol, 80)])
        slices = slice_of(name, (f"{name}-1", port))
        for each in slices:
            each["ports"][0]["name"] = protocol
        return [service, *slices, pod(f"{name}-1", app=name), peer_authentication(mode, name, selector={"app": name})]

    def start(self):
        self.gateway = self.world.start(arguments=self.mesh.arguments if self.identity else [])
        return self

    def get(self, protocol, mode):
        return request(self.world.port, f"/{protocol}/{mode}", "any.test")

    def get_by_tcp(self, mode):
        """The bytes of a request through a TCP route; what is behind the sidecar answers."""
        return request(self.tcp_ports[mode], f"/tcp/{mode}", "any.test", fields=[("connection", "close")])

    def closes_by_tcp(self, mode):
        """Whether the connection ends without a byte."""
        with socket.create_connection(("127.0.0.1", self.tcp_ports[mode]), 10) as connection:
            try:
                connection.sendall(b"GET / HTTP/1.1\r\nhost: any.test\r\n\r\n")
                return connection.recv(1) == b""
            except (ConnectionResetError, BrokenPipeError):
                return True

    def refused(self, protocol, mode):
        answer = self.get(protocol, mode)
        assert answer.status == 503
        return self.gateway.entry(path=f"/{protocol}/{mode}")


@pytest.fixture
def town(tmp_path, run_gateway, origin):
    towns = []

    def start(**options):
        towns.append(Town(tmp_path, run_gateway, origin("behind"), **options))
        return towns[-1].start()

    yield start
    for each in towns:
        each.sidecar.stop()


@pytest.mark.parametrize("tls_version", ["TLSv1_2", "TLSv1_3"])
def test_every_mode_over_every_protocol(town, tls_version):
    case = town(tls_version=tls_version)
    for mode in MODES:
        for protocol, spoken in PROTOCOLS.items():
            answer = case.get(protocol, mode)
            is_mutual = mode != "DISABLE"
            assert (answer.status, answer.body.decode()) == (200, f"{mode} {'mtls' if is_mutual else 'plaintext'}")
            assert answer.field("x-protocol") == spoken
            assert answer.field("x-peer") == (GATEWAY if is_mutual else None)
            assert answer.field("x-sni") == (f"outbound_.80_._.{protocol}-{mode.lower()}.shop.svc.cluster.local" if is_mutual else None)
            assert answer.field("x-tls") == (tls_version.replace("_", ".") if is_mutual else None)
        answer = case.get_by_tcp(mode)
        assert answer.status == 200 and json.loads(answer.body)["origin"] == "behind"


def test_without_an_identity_permissive_is_reached_in_plaintext_and_strict_is_not(town):
    case = town(identity=False)
    for protocol in PROTOCOLS:
        assert case.get(protocol, "PERMISSIVE").body == b"PERMISSIVE plaintext"
        assert case.get(protocol, "DISABLE").body == b"DISABLE plaintext"
        assert case.get(protocol, "STRICT").status == 503
    assert case.get_by_tcp("PERMISSIVE").status == 200
    assert case.closes_by_tcp("STRICT")
    assert case.gateway.said("PeerAuthentication STRICT governs 1 of its endpoints")


def test_a_sidecar_with_another_name_is_refused(town):
    case = town(serving="impostor")
    for protocol in PROTOCOLS:
        entry = case.refused(protocol, "STRICT")
        assert entry["response_flags"].split(",")[0] == "UF", entry
        assert "expected_spiffe://cluster.local/ns/shop/sa/app_but_the_certificate_is_for_spiffe://cluster.local/ns/shop/sa/impostor" in \
            entry["upstream_transport_failure_reason"]
    assert case.closes_by_tcp("STRICT")
    entry = case.gateway.entry(response_flags="UF,URX", upstream_cluster="outbound|80||tcp-strict.shop.svc.cluster.local")
    assert "sa/impostor" in entry["upstream_transport_failure_reason"]
    # What goes in plaintext asks for no name.
    assert case.get("http", "DISABLE").status == 200
    # Another trust domain of the same accounts is another name, until it is an alias.
    assert case.behind.received == []


def test_a_trust_domain_and_its_alias(town):
    case = town(trust_domain="east.example")
    assert "expected_spiffe://cluster.local/ns/shop/sa/app" in case.refused("http", "STRICT")["upstream_transport_failure_reason"]
    case.write(trustDomainAliases=["east.example"])
    wait_until(lambda: case.get("http", "STRICT").status == 200, what="the alias to be trusted")
    assert case.get("http2", "STRICT").field("x-peer") == GATEWAY.replace("cluster.local", "east.example")


@pytest.mark.parametrize("tls_version", ["TLSv1_2", "TLSv1_3"])
def test_a_gateway_that_the_mesh_does_not_trust(town, tls_version):
    """The sidecar refuses; with TLS 1.3 only after the handshake is over for the gateway."""
    case = town(tls_version=tls_version)
    identity = case.mesh.workload("gateway", "istio-system", authority=Authority())
    case.mesh.put("key.pem", identity.key_pem)
    case.mesh.put("cert-chain.pem", identity.certificate_pem)
    wait_until(lambda: case.get("http", "STRICT").status == 503, what="the foreign certificate to be refused")
    entry = case.gateway.entry(path="/http/STRICT", response_code=503)
    assert entry["response_flags"].split(",")[0] in ("UF", "UC"), entry
    assert "UNKNOWN_CA" in entry["upstream_transport_failure_reason"], entry


class Load:
    """One worker for each of the ways in; failures are kept as they are."""

    def __init__(self, *ways):
        self.failures, self.counts, self.over = [], [0] * len(ways), threading.Event()
        self.serials = [set() for _ in ways]
        self.threads = [threading.Thread(target=self.run, args=(index, way)) for index, way in enumerate(ways)]
        for thread in self.threads:
            thread.start()

    def run(self, index, way):
        while not self.over.is_set():
            try:
                answer = way()
                if answer.status != 200:
                    self.failures.append((index, answer.status, answer.body))
                if answer.field("x-serial"):
                    self.serials[index].add(int(answer.field("x-serial"), 16))
            except Exception as error:  # pylint: disable=broad-except
                self.failures.append((index, repr(error)))
            self.counts[index] += 1

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_the_identity_is_rotated_under_load(town):
    """Certificate and key ten times, then the roots and a certificate of the new one: no request fails, over HTTP/1.1, HTTP/2 and TCP."""
    case = town()
    ways = [lambda protocol=protocol, mode=mode: case.get(protocol, mode) for protocol in PROTOCOLS for mode in ("STRICT", "PERMISSIVE")]
    load = Load(*ways, lambda: case.get_by_tcp("STRICT"))

    def shown(serial):
        before = load.counts[-1]
        wait_until(lambda: all(serial in seen for seen in load.serials[:-1]), what="the new certificate on every way")
        wait_until(lambda: load.counts[-1] > before + 5, what="requests over TCP")
    for _ in range(10):
        shown(case.mesh.rotate())
    case.mesh.put("root-cert.pem", case.mesh.authority.pem + case.next_authority.pem)
    identity = case.mesh.workload("gateway", "istio-system", authority=case.next_authority)
    case.mesh.put("cert-chain.pem", identity.certificate_pem)
    case.mesh.put("key.pem", identity.key_pem)
    shown(identity.serial)
    load.stop()
    assert load.failures == []
    print(f"{sum(load.counts)} requests, {load.counts} by way, 11 rotations, no failure")
