"""Each condition of an HTTPMatchRequest, met and not met. Every route leads to an origin that tells its name."""
import json

import pytest
from support import configuration as istio
from support.client import request

HOST = "match.example.com"


def to(name, *matches):
    route = {"name": name, "route": [istio.destination(f"{name}.internal.example", 80)]}
    if matches:
        route["match"] = list(matches)
    return route


@pytest.fixture
def ask(scenario, origin):
    """serve(match) publishes the match before a route to "other"; then ask(path, ...) says whether it held."""
    backends = scenario.read("backends.yaml")["items"]
    for name in ("matched", "other"):
        backends.append(istio.service_entry(f"{name}.internal.example", 80, origin(name).port))
    scenario.write("backends.yaml", *backends)

    def serve(*matches):
        scenario.write("matches.yaml", istio.virtual_service("matches", [HOST], http=[to("matched", *matches), to("other")]))
        scenario.start()

        def holds(path="/", fields=(), method="GET", host=HOST):
            response = request(scenario.https_port, path, host, tls=True, method=method, fields=list(fields))
            assert response.status == 200, response
            return json.loads(response.body)["origin"] == "matched"
        return holds
    return serve


def test_uri_regex_is_a_full_match_without_the_query(ask):
    holds = ask({"uri": {"regex": "/v[0-9]+/(a|b)"}})
    assert holds("/v1/a") and holds("/v12/b?x=/y")
    assert not holds("/v1/a/") and not holds("/x/v1/a") and not holds("/V1/a") and not holds("/x?/v1/a")


def test_uri_in_any_case(ask):
    holds = ask({"uri": {"exact": "/Exact"}, "ignoreUriCase": True}, {"uri": {"prefix": "/Pre"}, "ignoreUriCase": True},
                {"uri": {"exact": "/strict"}})
    assert holds("/eXACT") and holds("/PREFIX/x") and holds("/strict?q")
    assert not holds("/exact/") and not holds("/Strict")


def test_method_and_scheme(ask):
    holds = ask({"method": {"exact": "POST"}, "scheme": {"exact": "https"}}, {"method": {"exact": "PUT"}, "scheme": {"exact": "http"}})
    assert holds(method="POST")
    assert not holds(method="PUT") and not holds(method="GET")


def test_authority_is_compared_with_port_and_case(ask):
    holds = ask({"authority": {"exact": HOST}}, {"authority": {"prefix": "MATCH.example.com:9"}}, {"authority": {"regex": r"[^:]+:8[0-9]+"}})
    assert holds() and holds(host="MATCH.example.com:99") and holds(host=HOST + ":8443")
    assert not holds(host="Match.example.com") and not holds(host=HOST + ":443")


def test_headers_are_all_needed_and_repetitions_are_joined(ask):
    holds = ask({"headers": {"X-Exact": {"exact": "One"}, "x-regex": {"regex": "a.*z"}, "x-there": {}}},
                {"headers": {"x-many": {"exact": "1,2"}}})
    met = [("x-exact", "One"), ("X-Regex", "a to z"), ("x-there", "")]
    assert holds(fields=met)
    for i in range(3):
        assert not holds(fields=met[:i] + met[i + 1:])
    assert not holds(fields=[("x-exact", "one")] + met[1:]) and not holds(fields=met[:1] + [("x-regex", "xa to z")] + met[2:])
    assert holds(fields=[("x-many", "1"), ("X-Many", "2")])
    assert not holds(fields=[("x-many", "1")]) and not holds(fields=[("x-many", "2"), ("x-many", "1")])


def test_where_a_match_holds(ask):
    """Port, Gateways, and the gateway's own labels and namespace, which count only where no Gateways are named."""
    here = {"port": 443, "sourceLabels": {"istio": "ingressgateway"}, "sourceNamespace": "istio-system"}
    elsewhere = {"port": 444, "sourceLabels": {"istio": "other"}, "sourceNamespace": "shop"}
    matches = [{"uri": {"exact": f"/here/{key}"}, key: value, "statPrefix": "counted"} for key, value in here.items()]
    matches += [{"uri": {"exact": f"/elsewhere/{key}"}, key: value} for key, value in elsewhere.items()]
    for name, gateways in (("full", ["istio-config/gateway"]), ("short", ["mesh", "gateway"]), ("mesh", ["mesh"]), ("other", ["shop/gateway"])):
        matches.append({"uri": {"exact": f"/gateways/{name}"}, "gateways": gateways})
    matches.append({"uri": {"exact": "/gateways/beat/labels"}, "gateways": ["gateway"], "sourceLabels": {"istio": "other"}})
    holds = ask(*matches)
    assert all(holds(f"/here/{key}") for key in here) and not any(holds(f"/elsewhere/{key}") for key in elsewhere)
    assert holds("/gateways/full") and holds("/gateways/short") and holds("/gateways/beat/labels")
    assert not holds("/gateways/mesh") and not holds("/gateways/other")


def test_without_headers(ask):
    holds = ask({"uri": {"prefix": "/any"}, "withoutHeaders": {"x": {"regex": ".*"}}}, {"uri": {"prefix": "/some"}, "withoutHeaders": {"x": {"regex": ".+"}}},
                {"uri": {"prefix": "/there"}, "withoutHeaders": {"x": {}}}, {"uri": {"prefix": "/star"}, "withoutHeaders": {"x": {"regex": "*"}}},
                {"uri": {"prefix": "/exact"}, "withoutHeaders": {"x": {"exact": "y"}}}, {"uri": {"prefix": "/empty"}, "withoutHeaders": {"x": {"exact": ""}}})
    expected = {"/any": (False, False, False), "/some": (True, False, False), "/there": (True, False, False), "/star": (True, False, False),
                "/exact": (True, False, True), "/empty": (False, True, True)}
    for path, (missing, y, z) in expected.items():
        assert holds(path) == missing, path
        assert holds(path, [("X", "y")]) == y, path
        assert holds(path, [("X", "z")]) == z, path


def test_query_parameters_are_raw_and_the_first_counts(ask):
    holds = ask({"queryParams": {"a": {"exact": "x%20y"}, "b": {}}}, {"queryParams": {"empty": {"exact": ""}}}, {"queryParams": {"r": {"regex": "[0-9]+"}}})
    assert holds("/?a=x%20y&b") and holds("/?b=1&a=x%20y&a=z") and holds("/?empty") and holds("/?empty=") and holds("/?r=12")
    assert not holds("/?a=x+y&b") and not holds("/?a=x%20y") and not holds("/?a=z&a=x%20y&b") and not holds("/?empty=1") and not holds("/?r=12x")
    assert not holds("/?A=x%20y&b") and not holds("/r=12")


def test_a_bad_expression_refuses_the_object(ask, scenario):
    ask({"uri": {"regex": "/a(b"}}, {"uri": {"exact": "/good"}})
    assert request(scenario.https_port, "/good", HOST, tls=True).status == 404


def test_an_expression_that_explodes_elsewhere_takes_linear_time(ask):
    holds = ask({"uri": {"regex": "/(a+)+b"}})
    assert not holds("/" + "a" * 6000) and holds("/" + "a" * 6000 + "b")
