"""Routing vectors that span VirtualServices: order, no way back from a virtual host, absent headers, visibility."""
import json

from support import configuration as istio
from support.client import request


def to(name):
    return [istio.destination(f"{name}.internal.example", 80)]


def asker(scenario):
    scenario.start()

    def ask(path, host, **options):
        response = request(scenario.https_port, path, host, tls=True, **options)
        return json.loads(response.body)["origin"] if response.status == 200 else response.status
    return ask


def backends(scenario, origin, *names):
    scenario.write("named.yaml", *[istio.service_entry(f"{name}.internal.example", 80, origin(name).port) for name in names])


def aged(virtual_service, year):
    virtual_service["metadata"]["creationTimestamp"] = f"{year}-01-01T00:00:00Z"
    return virtual_service


def test_a_catch_all_of_an_older_virtual_service_comes_last(scenario, origin):
    backends(scenario, origin, "old", "new")
    hosts = ["plain.example.com"]
    scenario.write("plain.yaml", aged(istio.virtual_service("b-old", hosts, http=[{"route": to("old")}]), 2020),
                   aged(istio.virtual_service("a-new", hosts, http=[{"match": [{"uri": {"prefix": "/api"}}], "route": to("new")}]), 2024))
    hosts = ["regex.example.com"]
    scenario.write("regex.yaml",
                   aged(istio.virtual_service("d-old", hosts, http=[{"match": [{"uri": {"regex": "/.*"}}], "route": to("old")}]), 2020),
                   aged(istio.virtual_service("c-new", hosts, http=[{"match": [{"uri": {"prefix": "/api"}}], "route": to("new")}]), 2024))
    ask = asker(scenario)
    assert (ask("/api/x", "plain.example.com"), ask("/other", "plain.example.com")) == ("new", "old")
    assert (ask("/api/x", "regex.example.com"), ask("/other", "regex.example.com")) == ("old", "old")


def test_there_is_no_way_back_from_a_virtual_host(scenario, origin):
    backends(scenario, origin, "exact", "wild")
    scenario.write("vector.yaml", istio.virtual_service("exact", ["x.example.com"], http=[{"match": [{"uri": {"prefix": "/a"}}], "route": to("exact")}]),
                   istio.virtual_service("wild", ["*.example.com"], http=[{"route": to("wild")}]))
    ask = asker(scenario)
    assert (ask("/a", "x.example.com"), ask("/b", "x.example.com"), ask("/b", "y.example.com")) == ("exact", 404, "wild")


def test_absent_headers(scenario, origin):
    backends(scenario, origin, "never", "absent", "other")
    scenario.write("vector.yaml", istio.virtual_service("absent", ["x.example.com"], http=[
        {"match": [{"withoutHeaders": {"x": {"regex": ".*"}}}], "route": to("never")},
        {"match": [{"withoutHeaders": {"x": {}}}], "route": to("absent")}, {"route": to("other")}]))
    ask = asker(scenario)
    assert ask("/", "x.example.com") == "absent"
    assert ask("/", "x.example.com", fields=[("X", "1")]) == "other"
    assert ask("/", "x.example.com", fields=[("X", "")]) == "other"


def test_a_private_virtual_service_is_not_seen_from_another_namespace(scenario, origin):
    backends(scenario, origin, "private", "public")
    private = istio.virtual_service("private", ["private.example.com"], http=[{"route": to("private")}])
    private["spec"]["exportTo"] = ["."]
    scenario.write("vector.yaml", private, istio.virtual_service("public", ["public.example.com"], http=[{"route": to("public")}]))
    ask = asker(scenario)
    assert (ask("/", "private.example.com"), ask("/", "public.example.com")) == (404, "public")


def test_rewritten_prefixes(scenario, origin):
    backends(scenario, origin, "up")
    scenario.write("vector.yaml", istio.virtual_service("v19", ["x.example.com"], http=[
        {"match": [{"uri": {"prefix": "/a"}}], "rewrite": {"uri": "/"}, "route": to("up")},
        {"match": [{"uri": {"prefix": "/b/"}}], "rewrite": {"uri": "/"}, "route": to("up")}]))
    scenario.start()
    asked = {path: json.loads(request(scenario.https_port, path, "x.example.com", tls=True).body)["request"].split(" ")[1] for path in ("/a/b", "/b/b?q")}
    assert asked == {"/a/b": "//b", "/b/b?q": "/b?q"}


def seen_by(scenario, host, path="/"):
    response = request(scenario.https_port, path, host, tls=True)
    return json.loads(response.body)["origin"] if response.status == 200 else response.status


EXPORTS = [
    # exportTo, the VirtualService's namespace, whether a gateway in istio-system sees it.
    (None, "istio-config", True), (["*"], "istio-config", True), (["istio-system"], "istio-config", True), (["elsewhere", "istio-system"], "istio-config", True),
    ([".", "istio-system"], "istio-config", True), (["."], "istio-system", True),
    (["."], "istio-config", False), (["~"], "istio-config", False), (["elsewhere"], "istio-config", False), (["istio-config"], "istio-config", False),
    ([".", "*"], "istio-config", False), # refused: everybody and somebody
]


def test_export_to(scenario, origin):
    backends(scenario, origin, "up")
    services = []
    for i, (export_to, namespace, _) in enumerate(EXPORTS):
        service = istio.virtual_service(f"v{i}", [f"h{i}.example.com"], http=[{"route": to("up")}], namespace=namespace, gateways=["istio-config/gateway"])
        if export_to:
            service["spec"]["exportTo"] = export_to
        services.append(service)
    scenario.write("vector.yaml", *services)
    scenario.start()
    assert [seen_by(scenario, f"h{i}.example.com") for i in range(len(EXPORTS))] == ["up" if seen else 404 for _, _, seen in EXPORTS]


def test_what_is_exported_when_nothing_is_said(scenario, origin):
    backends(scenario, origin, "up")
    ports = [("http2", 80, scenario.http_port), ("https", 443, scenario.https_port)]
    scenario.write("operator.yaml", istio.operator(ports, {"defaultVirtualServiceExportTo": ["."]}))
    public = istio.virtual_service("public", ["public.example.com"], http=[{"route": to("up")}])
    public["spec"]["exportTo"] = ["*"]
    scenario.write("vector.yaml", public, istio.virtual_service("unsaid", ["unsaid.example.com"], http=[{"route": to("up")}]))
    scenario.start()
    assert [seen_by(scenario, f"{name}.example.com") for name in ("public", "unsaid")] == ["up", 404]


def test_the_longest_wildcard_wins(scenario, origin):
    names = {"exact": "a.b.example.com", "long": "*.b.example.com", "short": "*.example.com", "any": "*"}
    backends(scenario, origin, *names)
    server = istio.server(443, "HTTPS", ["*"], {"mode": "SIMPLE", "credentialName": "ingress-cert"}, name="https")
    scenario.write("gateway.yaml", istio.gateway(server))
    scenario.write("vector.yaml", *[istio.virtual_service(name, [host], http=[{"route": to(name)}]) for name, host in reversed(names.items())])
    scenario.start()
    asked = {"a.b.example.com": "exact", "A.B.example.com:443": "exact", "x.b.example.com": "long", "x.a.b.example.com": "long", "b.example.com": "short",
             "x.example.com": "short", "example.com": "any", "other.test": "any"}
    assert {host: seen_by(scenario, host) for host in asked} == asked


def test_older_virtual_services_of_a_host_come_first_then_names(scenario, origin):
    backends(scenario, origin, "a", "b", "c")
    rules = {name: [{"match": [{"uri": {"prefix": path}} for path in paths], "route": to(name)}] for name, paths in
             {"c": ["/1", "/2", "/3"], "a": ["/2", "/3"], "b": ["/3", "/4"]}.items()}
    scenario.write("vector.yaml", *[aged(istio.virtual_service(name, ["x.example.com"], http=rules[name]), year)
                                    for name, year in (("b", 2024), ("a", 2024), ("c", 2020))])
    scenario.start()
    assert [seen_by(scenario, "x.example.com", path) for path in ("/1", "/2", "/3", "/4", "/5")] == ["c", "c", "c", "b", 404]


def test_gateways_of_a_virtual_service(scenario, origin):
    backends(scenario, origin, "up")
    gateways = {"short": ["gateway"], "full": ["istio-config/gateway"], "old": ["gateway.istio-config.svc.cluster.local"], "mesh-too": ["mesh", "gateway"],
                "none": [], "mesh": ["mesh"], "other": ["shop/gateway"], "missing": ["nobody"], "refused": ["./gateway"]}
    services = [istio.virtual_service(name, [f"{name}.example.com"], http=[{"route": to("up")}], gateways=named) for name, named in gateways.items()]
    del services[4]["spec"]["gateways"]
    scenario.write("vector.yaml", *services)
    scenario.start()
    assert [seen_by(scenario, f"{name}.example.com") for name in gateways] == ["up"] * 4 + [404] * 5


def test_short_names(scenario, origin):
    """Names without a dot are Services of the VirtualService's namespace; others stand for themselves."""
    up = origin("up")
    scenario.write("services.yaml", istio.service("up", "istio-config", [("http", 80)]), istio.endpoint_slice("up", "istio-config", "http", up.port))
    server = istio.server(443, "HTTPS", ["*"], {"mode": "SIMPLE", "credentialName": "ingress-cert"}, name="https")
    scenario.write("gateway.yaml", istio.gateway(server))
    short = [{"destination": {"host": "up"}}]
    scenario.write("vector.yaml", istio.virtual_service("short", ["shop"], http=[
        {"match": [{"uri": {"prefix": "/half"}}], "route": [{"destination": {"host": "up.istio-config", "port": {"number": 80}}}]},
        {"match": [{"uri": {"prefix": "/full"}}], "route": [{"destination": {"host": "up.istio-config.svc.cluster.local"}}]}, {"route": short}]))
    scenario.start()
    name = "shop.istio-config.svc.cluster.local"
    assert [seen_by(scenario, name, path) for path in ("/", "/full", "/half")] == ["up", "up", 503]
    assert [seen_by(scenario, host) for host in ("shop", "shop.istio-config")] == [404, 404]


def test_hosts_are_found_without_port_and_case_but_the_authority_is_compared_as_it_came(scenario, origin):
    backends(scenario, origin, "same", "other")
    scenario.write("vector.yaml", istio.virtual_service("v18", ["a.example.com"], http=[
        {"match": [{"authority": {"exact": "a.example.com"}}], "route": to("same")}, {"route": to("other")}]))
    scenario.start()
    assert [seen_by(scenario, host) for host in ("a.example.com", "A.EXAMPLE.COM:8443", "a.example.com:443", "A.example.com")] == ["same"] + ["other"] * 3
