"""AUTO_PASSTHROUGH: the mesh's own mutual TLS, from another network, goes untouched to the Service that its server name stands for."""
import ssl

import pytest
from support import configuration as istio
from support.client import connect, read_response
from support.pki import Authority

HOST = "web.shop.svc.cluster.local"


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
        sidecars[name] = origin(name, tls=context, address=("127.0.0.1" if name == "v1" else "127.0.0.2", 0 if name == "v1" else sidecars["v1"].port))
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
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cadata=authority.pem.decode())
    client.load_cert_chain(*authority.issue("spiffe://cluster.local/ns/a/sa/b").write(str(tmp_path), "peer"))

    def ask(server_name, alpn=("istio", "h2")):
        client.set_alpn_protocols(list(alpn))
        with connect(scenario.https_port, server_name, tls=True, context=client) as connection, connection.makefile("rb") as stream:
            assert connection.selected_alpn_protocol() in alpn
            connection.sendall(b"GET / HTTP/1.1\r\nHost: any\r\n\r\n")
            return read_response(stream).field("x-origin")
    scenario.ask = ask
    return scenario


def test_the_server_name_is_the_way(east_west):
    gateway = east_west.start()
    assert {east_west.ask(f"outbound_.80_._.{HOST}") for _ in range(6)} == {"v1", "v2"}
    assert {east_west.ask(f"outbound_.80_.v2_.{HOST}") for _ in range(4)} == {"v2"}
    entry = gateway.entry(requested_server_name=f"outbound_.80_.v2_.{HOST}")
    assert entry["upstream_cluster"] == f"outbound_.80_.v2_.{HOST}" and entry["response_flags"] == "-"


def test_what_is_not_of_the_mesh_is_closed(east_west):
    gateway = east_west.start()
    for name in (HOST, f"outbound_.81_._.{HOST}", f"outbound_.80_.v9_.{HOST}", "outbound_.80_._.other.shop.svc.cluster.local"):
        with pytest.raises(OSError):
            east_west.ask(name)
        assert gateway.entry(requested_server_name=name)["response_flags"] == "NR"
    gateway.log_lines.clear()
    # The right name, but not by one of Istio's protocols.
    for alpn in (["h2", "http/1.1"], ["istio2"]):
        with pytest.raises(OSError):
            east_west.ask(f"outbound_.80_._.{HOST}", alpn)
    assert gateway.entry(requested_server_name=f"outbound_.80_._.{HOST}")["response_code_details"] == "filter_chain_not_found"
    # A subset without a workload that has a sidecar.
    with pytest.raises(OSError):
        east_west.ask(f"outbound_.80_.v3_.{HOST}")
    assert gateway.entry(requested_server_name=f"outbound_.80_.v3_.{HOST}")["response_flags"] == "UH"
