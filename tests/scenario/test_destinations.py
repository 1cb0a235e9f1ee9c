"""Where requests go: subsets by the labels of Pods, weights of endpoints, destinations that are not there, switching under load."""
import json
import threading

from support import configuration as istio
from support.client import request
from support.gateway import free_ports


def pod(name, namespace="shop", **labels):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels}}


def slice_of(service, *endpoints, namespace="shop"):
    """EndpointSlices of one port for endpoints (pod name, port): a slice has one port for all its endpoints."""
    slices = []
    for index, (name, port) in enumerate(endpoints):
        value = istio.endpoint_slice(service, namespace, "http", port)
        value["metadata"]["name"] = f"{service}-{index}"
        value["endpoints"][0]["targetRef"] = {"kind": "Pod", "name": name, "namespace": namespace}
        slices.append(value)
    return slices


def destination_rule(host, subsets=(), policy=None, name="rule", namespace="shop"):
    spec = {"host": host, "subsets": [{"name": subset, "labels": labels} for subset, labels in subsets]}
    if policy:
        spec["trafficPolicy"] = policy
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def to(host, subset=None, weight=None, port=80):
    value = istio.destination(host, port, weight)
    if subset:
        value["destination"]["subset"] = subset
    return value


class World:
    """A plain gateway whose one VirtualService is written anew at will."""

    def __init__(self, folder, run_gateway):
        self.folder, self.run_gateway = folder, run_gateway
        self.port = free_ports(1)[0]
        self.write("base.yaml", istio.operator([("http2", 80, self.port)]), istio.gateway(istio.server(80, "HTTP", ["*"])))

    def write(self, name, *objects):
        written = self.folder / (name + ".new")
        written.write_text(istio.listing(*objects), encoding="utf-8")
        written.rename(self.folder / name)

    def routes(self, *http):
        self.write("routes.yaml", istio.virtual_service("web", ["*"], http=list(http), namespace="shop", gateways=("istio-config/gateway",)))

    def start(self, **options):
        self.gateway = self.run_gateway(self.folder, **options)
        return self.gateway

    def origin(self, path="/"):
        answer = request(self.port, path)
        return json.loads(answer.body)["origin"] if answer.status == 200 else answer.status


def two_versions(world, origin):
    first, second = origin("v1"), origin("v2")
    world.write("backends.yaml", istio.service("app", "shop", [("http", 80)]), pod("app-1", app="app", version="v1"),
                pod("app-2", app="app", version="v2"), *slice_of("app", ("app-1", first.port), ("app-2", second.port)),
                destination_rule("app", [("v1", {"version": "v1"}), ("v2", {"version": "v2"}), ("v3", {"version": "v3"})]))
    return first, second


def at(prefix, *destinations):
    return {"match": [{"uri": {"prefix": prefix}}], "route": list(destinations)}


def test_subsets_are_the_pods_with_their_labels(tmp_path, run_gateway, origin):
    world = World(tmp_path, run_gateway)
    two_versions(world, origin)
    world.routes(at("/1", to("app", "v1")), at("/2", to("app", "v2")), at("/3", to("app", "v3")), at("/4", to("app", "v4")),
                 at("/5", to("nobody")), at("/6", to("app", port=81)), at("/", to("app")))
    gateway = world.start()
    assert {world.origin("/1") for _ in range(8)} == {"v1"}
    assert {world.origin("/2") for _ in range(8)} == {"v2"}
    assert {world.origin("/") for _ in range(8)} == {"v1", "v2"}
    assert [world.origin(path) for path in ("/3", "/4", "/5", "/6")] == [503] * 4
    assert gateway.entry(path="/3")["response_flags"] == "UH"
    for path, cluster in (("/4", "outbound|80|v4|app.shop.svc.cluster.local"), ("/5", "outbound|80||nobody.shop.svc.cluster.local"),
                          ("/6", "outbound|81||app.shop.svc.cluster.local")):
        entry = gateway.entry(path=path)
        assert (entry["response_flags"], entry["response_code_details"], entry["upstream_cluster"]) == ("NC", "cluster_not_found", cluster)
    assert gateway.said('defines subset "v4"') and gateway.said('subset "v3" of app.shop.svc.cluster.local has no ready endpoint')


def test_weights_over_subsets_and_over_endpoints(tmp_path, run_gateway, origin):
    world = World(tmp_path, run_gateway)
    two_versions(world, origin)
    first, second = origin("light"), origin("heavy")
    entry = istio.service_entry("weighted.internal", 80, first.port, second.port, namespace="shop")
    entry["spec"]["endpoints"][1]["weight"] = 4
    world.write("entry.yaml", entry)
    world.routes(at("/e", to("weighted.internal")), at("/", to("app", "v1", 80), to("app", "v2", 20)))
    world.start()
    seen = [world.origin() for _ in range(600)]
    assert 0.70 < seen.count("v1") / 600 < 0.90, seen.count("v1")
    seen = [world.origin("/e") for _ in range(600)]
    assert 0.70 < seen.count("heavy") / 600 < 0.90, seen.count("heavy")


def test_subsets_of_a_service_entry_are_its_endpoints_with_their_labels(tmp_path, run_gateway, origin):
    world = World(tmp_path, run_gateway)
    entry = istio.service_entry("versions.internal", 80, origin("v1").port, origin("v2").port, origin("none").port, namespace="shop")
    for endpoint, labels in zip(entry["spec"]["endpoints"], ({"version": "v1"}, {"version": "v2", "zone": "a"})):
        endpoint["labels"] = labels
    world.write("entry.yaml", entry, destination_rule("versions.internal", [("v1", {"version": "v1"}), ("v2a", {"version": "v2", "zone": "a"}),
                                                                             ("v1a", {"version": "v1", "zone": "a"})]))
    world.routes(at("/1", to("versions.internal", "v1")), at("/2", to("versions.internal", "v2a")), at("/3", to("versions.internal", "v1a")),
                 at("/4", to("versions.internal", "v3")), at("/", to("versions.internal")))
    gateway = world.start()
    assert {world.origin("/1") for _ in range(8)} == {"v1"} and {world.origin("/2") for _ in range(8)} == {"v2"}
    assert {world.origin("/") for _ in range(12)} == {"v1", "v2", "none"}
    assert [world.origin(path) for path in ("/3", "/4")] == [503] * 2
    assert [gateway.entry(path=path)["response_flags"] for path in ("/3", "/4")] == ["UH", "NC"]


def test_switching_the_subset_under_load_loses_no_request(tmp_path, run_gateway, origin):
    world = World(tmp_path, run_gateway)
    two_versions(world, origin)
    world.routes(at("/", to("app", "v1")))
    world.start()
    seen, stop = [[] for _ in range(4)], threading.Event()

    def load(answers):
        while not stop.is_set():
            answers.append(world.origin())
    clients = [threading.Thread(target=load, args=(answers,)) for answers in seen]
    for client in clients:
        client.start()
    try:
        for turn in range(10):
            wanted = "v2" if turn % 2 == 0 else "v1"
            world.routes(at("/", to("app", wanted)))
            while world.origin() != wanted:
                pass
    finally:
        stop.set()
        for client in clients:
            client.join()
    answers = [answer for each in seen for answer in each]
    assert set(answers) == {"v1", "v2"}, {answer: answers.count(answer) for answer in set(answers)}
