"""Mutual TLS into the mesh: ISTIO_MUTUAL as it is written, and automatically where Pods and PeerAuthentications say so."""
import threading

import pytest
from scenario.test_destinations import World, at, destination_rule, slice_of, to
from support import configuration as istio
from support.client import request
from support.gateway import wait_until
from support.mesh import IDENTITY_FILES, TLS_MODE, Mesh, peer_authentication, pod
from support.pki import Authority
from scenario.test_upstream_tls import server_context

PLAIN_NAME = "outbound_.80_._.app.shop.svc.cluster.local"


class Town:
    """A gateway before the Service `app` of two Pods: `inside` has a sidecar (an origin that wants the mesh's certificates), `outside` has none."""

    def __init__(self, folder, run_gateway, origin, account="app", identity=True, serving=None):
        self.mesh = Mesh(folder)
        self.context = server_context(folder, self.mesh.workload(serving or account), self.mesh.authority)
        self.context.set_alpn_protocols(["istio-http/1.1", "istio", "http/1.1"])
        self.clients = []
        self.inside = origin("inside", handle=self.answer, tls=self.context)
        self.outside = origin("outside")
        objects = folder / "objects"
        objects.mkdir()
        self.world = World(objects, run_gateway)
        self.arguments = self.mesh.arguments if identity else []
        self.pods = [pod("app-1", account, app="app", version="v1"), pod("app-2", "app", sidecar=False, app="app", version="v2")]

    def answer(self, connection, stream, head):
        self.clients.append((connection.getpeercert(), connection.selected_alpn_protocol()))
        stream.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        stream.flush()
        return False

    def settings(self, **mesh):
        self.world.write("base.yaml", istio.operator([("http2", 80, self.world.port)], mesh), istio.gateway(istio.server(80, "HTTP", ["*"])))

    def backend(self, *objects, mixed=False, policy=None):
        endpoints = [("app-1", self.inside.port)] + ([("app-2", self.outside.port)] if mixed else [])
        self.world.write("backend.yaml", istio.service("app", "shop", [("http", 80)]), *self.pods, *slice_of("app", *endpoints),
                         destination_rule("app", [("v1", {"version": "v1"})], policy=policy), *objects)

    def start(self, *objects, **options):
        self.backend(*objects, **options)
        self.world.routes(at("/v1", to("app", "v1")), at("/", to("app")))
        self.gateway = self.world.start(arguments=self.arguments)
        return self

    def get(self, path="/"):
        return request(self.world.port, path, "any.test").status

    def refused(self, *reasons):
        assert self.get("/refused") == 503
        entry = self.gateway.entry(path="/refused")
        assert entry["response_flags"].startswith("UF"), entry
        for reason in reasons:
            assert reason in entry["upstream_transport_failure_reason"], entry
        assert self.clients == []


@pytest.fixture
def town(tmp_path, run_gateway, origin):
    return lambda **options: Town(tmp_path, run_gateway, origin, **options)


WRITTEN = {"tls": {"mode": "ISTIO_MUTUAL"}}


@pytest.mark.parametrize("policy", [None, WRITTEN], ids=["automatic", "written"])
def test_names_protocol_and_certificate(town, policy):
    case = town().start(policy=policy)
    assert (case.get(), case.get("/v1")) == (200, 200)
    assert case.context.names == [PLAIN_NAME, "outbound_.80_.v1_.app.shop.svc.cluster.local"]
    certificate, protocol = case.clients[0]
    assert ("URI", "spiffe://cluster.local/ns/istio-system/sa/gateway") in certificate["subjectAltName"]
    assert protocol == "istio-http/1.1"


@pytest.mark.parametrize("policy", [None, WRITTEN], ids=["automatic", "written"])
def test_a_sidecar_of_another_account_is_refused(town, policy):
    case = town(serving="impostor").start(policy=policy)
    case.refused("expected_spiffe://cluster.local/ns/shop/sa/app_but_the_certificate_is_for_spiffe://cluster.local/ns/shop/sa/impostor")


def test_a_sidecar_of_another_mesh_is_refused(town, tmp_path):
    case = town()
    case.context.load_cert_chain(*case.mesh.workload("app", authority=Authority()).write(str(tmp_path), "foreign"))
    case.start().refused("CERTIFICATE_VERIFY_FAILED", "verify_cert_failed")


def test_endpoints_with_and_without_a_sidecar(town):
    case = town().start(mixed=True)
    for _ in range(16):
        assert case.get() == 200
    assert len(case.clients) + len(case.outside.received) == 16
    assert len(case.clients) >= 4 and len(case.outside.received) >= 4
    assert set(case.context.names) == {PLAIN_NAME}


def test_the_policy_decides_and_may_change(town):
    """DISABLE, for a namespace, a workload or a port, means plaintext, which this sidecar does not speak."""
    case = town().start(peer_authentication("STRICT"))
    assert case.get() == 200
    disabled = [
        [peer_authentication("DISABLE")],
        [peer_authentication("DISABLE", "mesh", "istio-system")],
        [peer_authentication("STRICT"), peer_authentication("DISABLE", "app", selector={"app": "app"})],
        [peer_authentication("STRICT"), peer_authentication("STRICT", "app", selector={"app": "app"}, ports={case.inside.port: "DISABLE"})],
    ]
    for objects in disabled:
        case.backend(*objects)
        wait_until(lambda: case.get() != 200, what="plaintext")
        case.backend(peer_authentication("PERMISSIVE"))
        wait_until(lambda: case.get() == 200, what="mutual TLS again")


@pytest.mark.parametrize("why", ["the mesh's switch", "no label", "another label", "a rule"])
def test_plaintext_where_nothing_asks_for_more(town, why):
    case = town()
    if why == "the mesh's switch":
        case.settings(enableAutoMtls=False)
    labels = case.pods[0]["metadata"]["labels"]
    if why == "no label":
        del labels[TLS_MODE]
    if why == "another label":
        labels[TLS_MODE] = "disabled"
    case.inside.port, case.outside.port = case.outside.port, case.inside.port
    case.start(policy={"tls": {"mode": "DISABLE"}} if why == "a rule" else None)
    assert case.get() == 200 and case.clients == []


def test_without_an_identity(town):
    """STRICT is not reached in plaintext; PERMISSIVE is, as long as no rule writes mutual TLS."""
    case = town(identity=False).start(peer_authentication("STRICT"), mixed=True)
    for _ in range(4):
        assert case.get() == 200
    assert case.clients == [] and case.inside.connections == 0
    assert case.gateway.said("PeerAuthentication STRICT governs 1 of its endpoints")
    case.backend(peer_authentication("STRICT"))
    wait_until(lambda: case.get() == 503, what="the Service to be closed")
    case.inside.port, case.outside.port = case.outside.port, case.inside.port
    case.backend(peer_authentication("PERMISSIVE"))
    wait_until(lambda: case.get() == 200, what="plaintext")
    case.backend(policy=WRITTEN)
    wait_until(lambda: case.get() == 503, what="the written rule to close")
    assert case.clients == [] and case.gateway.said("--mesh-identity")


def test_trust_domains_and_their_aliases(town):
    case = town()
    case.mesh.trust_domain = "old.example"
    case.context.load_cert_chain(*case.mesh.workload("app").write(str(case.mesh.folder.parent), "old"))
    case.settings(trustDomain="new.example")
    case.start().refused("expected_spiffe://new.example/ns/shop/sa/app", "spiffe://old.example/ns/shop/sa/app")
    case.settings(trustDomain="new.example", trustDomainAliases=["older.example", "old.example"])
    wait_until(lambda: case.get() == 200, what="the alias to be trusted")


def test_an_entry_of_the_mesh(town):
    """A ServiceEntry's endpoint with a service account takes mutual TLS; one of MESH_EXTERNAL never does."""
    case = town().start()
    entry = istio.service_entry("vm.test", 80, case.inside.port, namespace="shop")
    entry["spec"]["location"] = "MESH_INTERNAL"
    entry["spec"]["endpoints"][0]["serviceAccount"] = "app"
    case.world.write("entry.yaml", entry)
    case.world.routes(at("/", to("vm.test")))
    wait_until(lambda: case.get() == 200 and case.context.names[-1] == "outbound_.80_._.vm.test", what="the entry to be routed to")
    entry["spec"]["location"] = "MESH_EXTERNAL"
    case.world.write("entry.yaml", entry)
    wait_until(lambda: case.get() != 200, what="plaintext")


class Load:
    """Requests without a pause; what was not 200 is kept."""

    def __init__(self, get):
        self.get, self.failures, self.count, self.over = get, [], 0, threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.over.is_set():
            status = self.get()
            self.count += 1
            if status != 200:
                self.failures.append(status)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert self.failures == [] and self.count > 0


def shown_serial(case):
    return int(case.clients[-1][0]["serialNumber"], 16)


def test_the_identity_is_rotated_under_load(town):
    case = town().start()
    load = Load(case.get)
    for _ in range(5):
        serial = case.mesh.rotate()
        wait_until(lambda serial=serial: case.clients and shown_serial(case) == serial, what="the new certificate to be shown")
    load.stop()


def test_what_does_not_fit_leaves_the_last_good_identity(town):
    """Files that are changed one by one, written in halves, taken away: nothing of it costs a request."""
    case = town().start()
    assert case.get() == 200
    serial = shown_serial(case)
    folder, good = case.mesh.folder, {name: (case.mesh.folder / name).read_bytes() for name in ("key.pem", "cert-chain.pem", "root-cert.pem")}
    load = Load(case.get)
    other = case.mesh.workload("gateway", "istio-system")
    for name, text in (("key.pem", other.key_pem), ("cert-chain.pem", other.certificate_pem[:200]), ("root-cert.pem", good["root-cert.pem"][:100]),
                       ("root-cert.pem", b""), ("key.pem", b"nonsense")):
        case.mesh.put(name, text)
        before = load.count
        wait_until(lambda before=before: load.count > before + 30, what="requests")
        case.mesh.put(name, good[name])
    for name in good:
        (folder / name).unlink()
    before = load.count
    wait_until(lambda: load.count > before + 30, what="requests")
    assert shown_serial(case) == serial
    for name, text in good.items():
        case.mesh.put(name, text)
    assert shown_serial(case) == serial
    new = case.mesh.rotate()
    wait_until(lambda: shown_serial(case) == new, what="a good identity at last")
    load.stop()


def test_a_folder_that_is_filled_later(town):
    case = town()
    there = case.mesh.folder.with_name("there")
    case.mesh.folder.rename(there)
    case.start()
    assert case.get() == 503 and case.inside.connections == 0
    assert case.gateway.said("--mesh-identity holds no")
    case.mesh.folder.mkdir()
    # Time enough for the folder alone to be noticed.
    for number in range(20):
        assert case.get(f"/{number}") == 503
    for name in IDENTITY_FILES:
        case.mesh.put(name, (there / name).read_bytes())
    wait_until(lambda: case.get() == 200, what="the identity to be used")


def test_a_folder_of_kubernetes(town, tmp_path):
    """A mounted volume: links into ..data, a link itself, which is replaced in one step."""
    case = town()
    volume = tmp_path / "volume"
    volume.mkdir()

    def mount(number):
        (volume / f"..{number}").mkdir()
        for name in IDENTITY_FILES:
            (volume / f"..{number}" / name).write_bytes((case.mesh.folder / name).read_bytes())
        (volume / "..new").symlink_to(f"..{number}")
        (volume / "..new").rename(volume / "..data")
    mount(1)
    for name in IDENTITY_FILES:
        (volume / name).symlink_to(f"..data/{name}")
    case.arguments = ["--mesh-identity", str(volume)]
    case.start()
    assert case.get() == 200
    serial = case.mesh.rotate()
    mount(2)
    wait_until(lambda: case.get() == 200 and shown_serial(case) == serial, what="the new volume")


def test_new_roots_are_trusted_and_old_ones_are_not(town, tmp_path):
    case = town().start()
    assert case.get() == 200
    authority = Authority()
    case.mesh.put("root-cert.pem", case.mesh.authority.pem + authority.pem)
    case.context.load_cert_chain(*case.mesh.workload("app", authority=authority).write(str(tmp_path), "new"))
    wait_until(lambda: case.get() == 200, what="both roots")
    case.mesh.put("root-cert.pem", Authority().pem)
    wait_until(lambda: case.get() == 503, what="neither root")
