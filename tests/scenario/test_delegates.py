"""Delegates: rules of a VirtualService without hosts, within the rule that names it."""
import json

from support import configuration as istio
from support.client import request
from support.gateway import wait_until

HOST = "delegates.example.com"


def delegate(name, namespace, http, export_to=None):
    value = istio.virtual_service(name, [], http=http, namespace=namespace)
    del value["spec"]["hosts"], value["spec"]["gateways"]
    if export_to:
        value["spec"]["exportTo"] = export_to
    return value


def publish(scenario, origin, root, *delegates):
    backends = scenario.read("backends.yaml")["items"]
    for name in ("books", "rest", "web"):
        backends.append(istio.service_entry(f"{name}.internal.example", 80, origin(name).port))
    scenario.write("backends.yaml", *backends)
    scenario.write("delegates.yaml", istio.virtual_service("root", [HOST], http=root), *delegates)


def asker(scenario):
    def ask(path, **options):
        return request(scenario.https_port, path, HOST, tls=True, **options)

    def served_by(path, **options):
        response = ask(path, **options)
        return json.loads(response.body)["origin"] if response.status == 200 else response.status
    ask.served_by = served_by
    return ask


def to(name):
    return [istio.destination(f"{name}.internal.example", 80)]


def test_rules_of_a_delegate_stand_in_for_the_rule_that_names_it(scenario, origin):
    publish(
        scenario, origin,
        [{"name": "api", "match": [{"uri": {"prefix": "/api"}, "headers": {"x-team": {"prefix": "a"}}}, {"uri": {"prefix": "/v2/api"}}],
          "delegate": {"name": "rules", "namespace": "api"}, "headers": {"response": {"set": {"x-from": "root"}}}},
         {"name": "web", "route": to("web")}],
        delegate("rules", "api", [
            {"name": "books", "match": [{"uri": {"exact": "/api/books"}, "method": {"exact": "GET"}}, {"uri": {"exact": "/v2/api/books"}}], "route": to("books")},
            {"name": "lost", "match": [{"uri": {"prefix": "/elsewhere"}}], "route": to("books")},
            {"name": "rest", "route": to("rest"), "headers": {"response": {"set": {"x-from": "delegate"}}}}]))
    gateway = scenario.start()
    ask = asker(scenario)
    team = [("x-team", "anna")]
    assert ask.served_by("/api/books", fields=team) == "books" and ask.served_by("/v2/api/books") == "books"
    # The conditions of both must hold; what fits no rule of the delegate goes on behind it.
    assert ask.served_by("/api/books") == "web" and ask.served_by("/api/books", fields=team, method="POST") == "rest"
    assert ask.served_by("/api/toys", fields=team) == "rest" and ask.served_by("/v2/api/toys") == "rest"
    assert ask.served_by("/elsewhere") == "web"
    # The delegate's fields count, the root's where it has none.
    assert ask("/v2/api/books").field("x-from") == "root" and ask("/v2/api").field("x-from") == "delegate"
    assert gateway.entry(path="/v2/api/books")["route_name"] == "api-books"


def test_a_delegate_that_cannot_be_used_takes_only_its_rule_with_it(scenario, origin):
    publish(
        scenario, origin,
        [{"match": [{"uri": {"prefix": "/missing"}}], "delegate": {"name": "missing"}},
         {"match": [{"uri": {"prefix": "/hidden"}}], "delegate": {"name": "hidden", "namespace": "api"}},
         {"route": to("web")}],
        delegate("hidden", "api", [{"route": to("books")}], export_to=["."]))
    scenario.start()
    ask = asker(scenario)
    for path in ("/missing", "/hidden", "/"):
        assert ask.served_by(path) == "web", path


def test_a_changed_delegate_is_served_without_a_restart(scenario, origin):
    root = [{"match": [{"uri": {"prefix": "/api"}}], "delegate": {"name": "rules"}}]
    publish(scenario, origin, root, delegate("rules", "istio-config", [{"route": to("books")}]))
    scenario.start()
    ask = asker(scenario)
    assert ask.served_by("/api") == "books" and ask.served_by("/") == 404
    scenario.write("delegates.yaml", istio.virtual_service("root", [HOST], http=root), delegate("rules", "istio-config", [{"route": to("rest")}]))
    wait_until(lambda: ask.served_by("/api") == "rest", what="the delegate's new rule")
