"""Each condition of an HTTPMatchRequest, met and not met. Every route leads to an origin that tells its name."""
import json

import pytest
from scenario.test_destinations import World
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


def test_uri_exact_and_prefix_are_compared_as_strings_without_the_query(ask):
    holds = ask({"uri": {"exact": "/exact"}}, {"uri": {"prefix": "/pre"}}, {"uri": {"prefix": "/segment/"}})
    assert holds("/exact") and holds("/exact?/x") and holds("/pre") and holds("/prefix") and holds("/pre/x") and holds("/segment/x")
    assert not holds("/exact/") and not holds("/exactly") and not holds("/Exact") and not holds("/pr") and not holds("/Pre") and not holds("/segment")


def test_case_of_a_regex_counts_in_any_case(ask):
    holds = ask({"uri": {"regex": "/Regex[a-z]*"}, "ignoreUriCase": True})
    assert holds("/Regexes") and not holds("/regexes") and not holds("/RegexES")


# A condition, requests that meet it, and requests that do not.
CONDITIONS = [
    ({"method": {"exact": "PUT"}}, [{"method": "PUT"}], [{"method": "POST"}, {}]),
    ({"method": {"prefix": "P"}}, [{"method": "PUT"}, {"method": "POST"}], [{"method": "DELETE"}, {}]),
    ({"method": {"regex": "PUT|DELETE"}}, [{"method": "PUT"}, {"method": "DELETE"}], [{"method": "POST"}, {}]),
    ({"scheme": {"exact": "https"}}, [{}], []),
    ({"scheme": {"exact": "http"}}, [], [{}]),
    ({"scheme": {"prefix": "http"}}, [{}], []),
    ({"scheme": {"prefix": "s"}}, [], [{}]),
    ({"scheme": {"regex": "https?"}}, [{}], []),
    ({"scheme": {"regex": "http"}}, [], [{}]),
    ({"authority": {"exact": HOST}}, [{}], [{"host": HOST + ":443"}, {"host": HOST.upper()}]),
    ({"authority": {"prefix": "match."}}, [{}, {"host": HOST + ":443"}], [{"host": "Match.example.com"}]),
    ({"authority": {"regex": r".*:\d+"}}, [{"host": HOST + ":443"}], [{}]),
    ({"headers": {"X": {"exact": "one"}}}, [{"fields": [("x", "one")]}], [{"fields": [("x", "One")]}, {"fields": [("x", "one ten")]}, {}]),
    ({"headers": {"x": {"prefix": "one"}}}, [{"fields": [("x", "one")]}, {"fields": [("X", "one ten")]}], [{"fields": [("x", "no one")]}, {}]),
    ({"headers": {"x": {"regex": "o.e"}}}, [{"fields": [("x", "one")]}], [{"fields": [("x", "one ten")]}, {}]),
    ({"headers": {"x": {}}}, [{"fields": [("x", "")]}, {"fields": [("x", "any")]}], [{"fields": [("y", "")]}, {}]),
    ({"withoutHeaders": {"x": {"exact": "one"}}}, [{"fields": [("x", "One")]}, {}], [{"fields": [("X", "one")]}]),
    ({"withoutHeaders": {"x": {"prefix": "one"}}}, [{"fields": [("x", "no one")]}, {}], [{"fields": [("x", "one ten")]}]),
    ({"withoutHeaders": {"x": {"regex": "o.e"}}}, [{"fields": [("x", "one ten")]}, {}], [{"fields": [("x", "one")]}]),
    ({"withoutHeaders": {"x": {}}}, [{}], [{"fields": [("x", "")]}]),
    ({"queryParams": {"q": {"exact": "one"}}}, [{"query": "q=one"}, {"query": "a&q=one&q=two"}], [{"query": "q=One"}, {"query": "q=two&q=one"}, {}]),
    ({"queryParams": {"q": {"prefix": "one"}}}, [{"query": "q=one"}, {"query": "q=onetwo"}], [{"query": "q=two"}, {"query": "Q=one"}, {}]),
    ({"queryParams": {"q": {"regex": "o.e"}}}, [{"query": "q=one"}], [{"query": "q=onetwo"}, {}]),
    ({"queryParams": {"q": {}}}, [{"query": "q"}, {"query": "q=any"}], [{"query": "qq=any"}, {}]),
]


def test_each_kind_of_text_in_each_condition(ask):
    holds = ask(*[dict(condition, uri={"exact": f"/{i}"}) for i, (condition, _, _) in enumerate(CONDITIONS)])
    for i, (condition, met, unmet) in enumerate(CONDITIONS):
        for expected, requests in ((True, met), (False, unmet)):
            for each in requests:
                options = dict(each)
                query = options.pop("query", None)
                assert holds(f"/{i}?{query}" if query else f"/{i}", **options) == expected, (condition, each)


def test_the_scheme_is_the_transports(tmp_path, run_gateway, origin):
    world = World(tmp_path, run_gateway)
    world.write("backends.yaml", *[istio.service_entry(f"{name}.example", 80, origin(name).port, namespace="shop") for name in ("secure", "plain")])
    world.routes({"match": [{"scheme": {"exact": "https"}}], "route": [istio.destination("secure.example", 80)]},
                 {"match": [{"scheme": {"exact": "http"}}], "route": [istio.destination("plain.example", 80)]})
    gateway = world.start()
    assert world.origin() == "plain"
    assert gateway.entry(path="/")["route_name"] is None, "nothing has a name here"


def test_names_are_logged(ask, scenario):
    holds = ask({"name": "first", "uri": {"exact": "/named"}}, {"uri": {"exact": "/unnamed"}})
    assert holds("/named") and holds("/unnamed") and not holds("/elsewhere")
    names = {path: scenario.gateway.entry(path=path)["route_name"] for path in ("/named", "/unnamed", "/elsewhere")}
    assert names == {"/named": "matched.first", "/unnamed": "matched", "/elsewhere": "other"}


@pytest.mark.parametrize("kind", ["headers", "withoutHeaders"])
def test_claims_of_a_token_match_no_request(ask, scenario, kind):
    """The gateway verifies no tokens, so that no request has claims; what would hold without them fails closed."""
    holds = ask({kind: {"@request.auth.claims.sub": {"exact": "me"}}}, {"uri": {"exact": "/beside"}})
    assert holds("/beside") and not holds("/") and not holds("/", [("authorization", "Bearer me")])
    assert scenario.gateway.said("@request.auth.claims.sub")


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
