"""Destinations that DNS resolves: ServiceEntries and ExternalName Services, against a real DNS server on loopback."""
import pytest
from scenario.test_destinations import World, at, to
from support import configuration as istio
from support.dns import NameServer
from support.gateway import fairlead, wait_until


@pytest.fixture
def name_server():
    running = []

    def start(*arguments, **options):
        running.append(NameServer(*arguments, **options))
        return running[-1]
    yield start
    for each in running:
        each.stop()


def entry(host, target_port, resolution="DNS", endpoints=()):
    value = istio.service_entry(host, 80, namespace="shop")
    value["spec"].update(resolution=resolution, endpoints=list(endpoints))
    value["spec"]["ports"][0]["targetPort"] = target_port
    return value


def external_name(name, host):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"type": "ExternalName", "externalName": host}}


class Backend:
    """Origins on 127.0.0.1, 127.0.0.2 and so on, with one port for all; their names are their addresses."""

    def __init__(self, origin, count):
        addresses = [f"127.0.0.{index}" for index in range(1, count + 1)]
        self.origins = [origin(addresses[0])]
        self.port = self.origins[0].port
        for address in addresses[1:]:
            self.origins.append(origin(address, address=(address, self.port)))


def test_all_addresses_of_a_name_change_with_it(tmp_path, run_gateway, origin, name_server):
    backend = Backend(origin, 3)
    server = name_server(**{"web.test": ["127.0.0.1", "127.0.0.2"]})
    world = World(tmp_path, run_gateway)
    world.write("entry.yaml", entry("web.test", backend.port))
    world.routes(at("/", to("web.test")))
    gateway = world.start(arguments=["--dns-server", server.address])
    wait_until(lambda: world.origin() != 503, what="the name to be resolved")
    assert {world.origin() for _ in range(20)} == {"127.0.0.1", "127.0.0.2"}
    assert gateway.entry(upstream_host=f"127.0.0.2:{backend.port}")["upstream_cluster"] == "outbound|80||web.test"
    server.names["web.test"] = ["127.0.0.3"]
    wait_until(lambda: world.origin() == "127.0.0.3", what="the new address to be used")
    wait_until(lambda: {world.origin() for _ in range(8)} == {"127.0.0.3"}, what="the old ones to be forgotten by every worker")
    # NXDOMAIN: the last good one stays.
    asked = server.seen["web.test"]
    del server.names["web.test"]
    gateway.wait_said("web.test cannot be resolved")
    wait_until(lambda: server.seen["web.test"] > asked + 4, what="further questions")
    assert {world.origin() for _ in range(8)} == {"127.0.0.3"}
    server.names["web.test"] = ["127.0.0.1"]
    wait_until(lambda: world.origin() == "127.0.0.1", what="the name to be there again")


def test_round_robin_takes_the_first_address(tmp_path, run_gateway, origin, name_server):
    backend = Backend(origin, 2)
    server = name_server(**{"backend.test": ["127.0.0.2", "127.0.0.1"]})
    world = World(tmp_path, run_gateway)
    world.write("entry.yaml", entry("web.test", 1, "DNS_ROUND_ROBIN", [{"address": "backend.test", "ports": {"port": backend.port}}]))
    world.routes(at("/", to("web.test")))
    world.start(arguments=["--dns-server", server.address])
    wait_until(lambda: world.origin() != 503, what="the name to be resolved")
    assert {world.origin() for _ in range(12)} == {"127.0.0.2"}


def test_a_server_that_is_down_at_the_start(tmp_path, run_gateway, origin, name_server):
    backend = Backend(origin, 1)
    server = name_server()
    server.stop()
    world = World(tmp_path, run_gateway)
    world.write("entry.yaml", entry("web.test", backend.port))
    world.routes(at("/", to("web.test")))
    gateway = world.start(arguments=["--dns-server", server.address])
    assert world.origin("/first") == 503
    logged = gateway.entry(path="/first")
    assert (logged["response_flags"], logged["response_code_details"]) == ("UH", "no_healthy_upstream")
    gateway.wait_said("requests to it are answered 503 until it can")
    name_server(port=server.port, **{"web.test": ["127.0.0.1"]})
    wait_until(lambda: world.origin() == "127.0.0.1", what="the name to be resolved")
    assert gateway.said("web.test is resolved again")


def test_external_names(tmp_path, run_gateway, origin, name_server):
    backend = Backend(origin, 1)
    server = name_server(**{"outside.test": ["127.0.0.1"]})
    world = World(tmp_path, run_gateway)
    world.write("services.yaml", external_name("alias", "outside.test"), external_name("known", "registered.test"),
                external_name("lost", "nobody.shop.svc.cluster.local"), istio.service_entry("registered.test", 80, backend.port, namespace="shop"))
    world.routes(at("/known", to("known")), at("/lost", to("lost")), at("/", to("alias", port=backend.port)))
    gateway = world.start(arguments=["--dns-server", server.address])
    wait_until(lambda: world.origin() == "127.0.0.1", what="the name to be resolved")
    assert world.origin("/known") == "127.0.0.1" and world.origin("/lost") == 503
    assert gateway.entry(path="/known")["upstream_cluster"] == "outbound|80||registered.test"
    assert gateway.entry(path="/lost")["response_flags"] == "NC"


def test_a_reload_keeps_what_is_resolved(tmp_path, run_gateway, origin, name_server):
    backend = Backend(origin, 1)
    server = name_server(ttl=300, **{"web.test": ["127.0.0.1"], "more.test": ["127.0.0.1"]})
    world = World(tmp_path, run_gateway)
    world.write("entry.yaml", entry("web.test", backend.port))
    world.routes(at("/", to("web.test")))
    world.start(arguments=["--dns-server", server.address])
    wait_until(lambda: world.origin() != 503, what="the name to be resolved")
    more = entry("more.test", backend.port)
    world.write("more.yaml", more)
    world.routes(at("/more", to("more.test")), at("/", to("web.test")))

    def reloaded():
        assert world.origin() == "127.0.0.1"
        return server.seen.get("more.test")
    wait_until(reloaded, what="the second name to be asked for")
    wait_until(lambda: world.origin("/more") == "127.0.0.1", what="the second name to be resolved")
    assert server.seen["web.test"] == 2


def test_a_server_that_is_no_address(tmp_path):
    (tmp_path / "a.yaml").write_text(istio.listing(istio.operator([("http2", 80, 18080)]), istio.gateway(istio.server(80, "HTTP", ["*"]))))
    result = fairlead("run", "-f", tmp_path, "--status-port", "0", "--dns-server", "not an address")
    assert result.returncode == 1 and "--dns-server" in result.stderr
