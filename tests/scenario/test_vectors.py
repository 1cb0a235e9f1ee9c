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
