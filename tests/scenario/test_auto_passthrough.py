"""AUTO_PASSTHROUGH: the mesh's own mutual TLS, from another network, goes untouched to the Service that its server name stands for."""
import re
import ssl

import pytest
from support import configuration as istio
from support.openssl import VERSIONS, files, get, s_client
from support.pki import Authority

HOST = "web.shop.svc.cluster.local"


def answer(name):
    def handle(_, stream, __):
        stream.write(f"HTTP/1.1 200 OK\r\nx-sidecar: {name}\r\ncontent-length: 0\r\n\r\n".encode())
        stream.flush()
        return False
    return handle


@pytest.fixture
def east_west(scenario, origin, tmp_path):
    """A server for "*.local" beside the others; start() -> the gateway. Two sidecars, v1 and v2, and one workload without."""
    authority = Authority("mesh")
    sidecars = {}
    for name in ("v1", "v2"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("spiffe://cluster.local/ns/shop/sa/web").write(str(tmp_path), name))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=authority.pem.decode())
        context.set_alpn_protocols(["istio", "h2"])
        sidecars[name] = origin(name, answer(name), tls=context, address=("127.0.0.1" if name == "v1" else "127.0.0.2", 0 if name == "v1" else sidecars["v1"].port))
    port = sidecars["v1"].port
    gateway = scenario.read("gateway.yaml")["items"][0]
    gateway["spec"]["servers"].append(istio.server(10443, "TLS", ["*.local"], {"mode": "AUTO_PASSTHROUGH"}, name="tls-east-west"))
    scenario.write("gateway.yaml", gateway)
    slices = [istio.endpoint_slice("web", "shop", "http", port, address) for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3")]
    for number, item in enumerate(slices):
        item["metadata"]["name"] = f"web-{number}"
    labels = [{"version": "v1", "security.istio.io/tlsMode": "istio"}, {"version": "v2", "security.istio.io/tlsMode": "istio"}, {"version": "v2"}]
    pods = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"web-{i}", "namespace": "shop", "labels": dict(labels[i], app="web")},
             "status": {"podIP": f"127.0.0.{i + 1}"}} for i in range(3)]
    rule = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"host": "web", "subsets": [{"name": "v2", "labels": {"version": "v2"}}, {"name": "v3", "labels": {"version": "v3"}}]}}
    scenario.write("mesh.yaml", istio.service("web", "shop", [("http", 80)]), *slices, *pods, rule)
    (tmp_path / "mesh.pem").write_bytes(authority.pem)
    certificate = files(tmp_path, "peer", authority.issue("spiffe://cluster.local/ns/a/sa/b"))

    def ask(version, server_name, alpn=("istio", "h2"), shown=True):
        """The sidecar that answered, which must be one of the mesh; None and an alert of its own, or none, when nobody did."""
        printed = s_client(scenario.https_port, version, "-alpn", ",".join(alpn), "-CAfile", str(tmp_path / "mesh.pem"), "-verify_return_error",
                           *(certificate if shown else []), name=server_name, send=get("any"))
        answered = re.search(r"x-sidecar: (\S+)", printed.text)
        assert not answered or "ALPN protocol: istio" in printed.text and "Verify return code: 0 (ok)" in printed.text
        return answered.group(1) if answered else None, printed.alert
    scenario.ask = ask
    return scenario


@pytest.mark.parametrize("version", VERSIONS)
def test_the_server_name_is_the_way(east_west, version):
    gateway = east_west.start()
    assert {east_west.ask(version, f"outbound_.80_._.{HOST}") for _ in range(6)} == {("v1", None), ("v2", None)}
    assert {east_west.ask(version, f"outbound_.80_.v2_.{HOST}") for _ in range(4)} == {("v2", None)}
    entry = gateway.entry(requested_server_name=f"outbound_.80_.v2_.{HOST}")
    assert entry["upstream_cluster"] == f"outbound_.80_.v2_.{HOST}" and entry["response_flags"] == "-"
    # The sidecar asks for a certificate, and says itself that there is none.
    missing = 40 if version == "-tls1_2" else 116
    assert east_west.ask(version, f"outbound_.80_.v2_.{HOST}", shown=False) == (None, missing)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_of_the_mesh_is_closed(east_west, version):
    gateway = east_west.start()
    for name in (HOST, f"outbound_.81_._.{HOST}", f"outbound_.80_.v9_.{HOST}", "outbound_.80_._.other.shop.svc.cluster.local"):
        assert east_west.ask(version, name) == (None, None)
        assert gateway.entry(requested_server_name=name)["response_flags"] == "NR"
    gateway.log_lines.clear()
    # The right name, but not by one of Istio's protocols.
    for alpn in (["h2", "http/1.1"], ["istio2"]):
        assert east_west.ask(version, f"outbound_.80_._.{HOST}", alpn) == (None, None)
    assert gateway.entry(requested_server_name=f"outbound_.80_._.{HOST}")["response_code_details"] == "filter_chain_not_found"
    # A subset without a workload that has a sidecar.
    assert east_west.ask(version, f"outbound_.80_.v3_.{HOST}") == (None, None)
    assert gateway.entry(requested_server_name=f"outbound_.80_.v3_.{HOST}")["response_flags"] == "UH"
