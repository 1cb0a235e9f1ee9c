"""Each action of an HTTPRoute against real upstreams: redirect, directResponse, rewrite, headers, timeout, retries."""
import base64
import json
import threading
import time

import pytest
from support import configuration as istio
from support.client import pipeline
from support.gateway import timed

HOST = istio.ACTIONS_HOST


def received(response):
    assert response.status == 200, response
    value = json.loads(response.body)
    return value["request"].split(" ")[1], {name.lower(): text for name, text in value["headers"]}


@pytest.mark.parametrize("redirect, status, location", [
    ({"uri": "/new"}, 301, f"https://{HOST}/new?q=1"),
    ({"uri": "/new?x=y", "redirectCode": 308}, 308, f"https://{HOST}/new?x=y"),
    ({"authority": "other.example", "redirectCode": 302}, 302, "https://other.example/a/b?q=1"),
    ({"scheme": "http"}, 301, f"http://{HOST}/a/b?q=1"),
    ({"port": 8443}, 301, f"https://{HOST}:8443/a/b?q=1"),
    ({"port": 443, "authority": "x"}, 301, "https://x/a/b?q=1"),
    ({"derivePort": "FROM_REQUEST_PORT", "scheme": "http"}, 301, f"http://{HOST}:443/a/b?q=1"),
    ({"derivePort": "FROM_PROTOCOL_DEFAULT", "scheme": "http"}, 301, f"http://{HOST}/a/b?q=1"),
    ({"derivePort": "FROM_PROTOCOL_DEFAULT", "authority": "x:81"}, 301, "https://x:81/a/b?q=1"),
    ({"port": 80, "scheme": "http"}, 301, f"http://{HOST}/a/b?q=1"),
    ({"port": 80}, 301, f"https://{HOST}:80/a/b?q=1"),
    ({"prefixRewrite": "/z", "redirectCode": 307}, 307, f"https://{HOST}/z/b?q=1"),
    ({"prefixRewrite": "/", "redirectCode": 303}, 303, f"https://{HOST}//b?q=1"),
    ({"uri": "/", "redirectCode": 301}, 301, f"https://{HOST}/?q=1"),
    # Only in the routes of a Gateway API is this more than text; what does not begin with a slash gets one, lest it become part of the host.
    ({"uri": "%PREFIX()%/z"}, 301, f"https://{HOST}/%PREFIX()%/z?q=1"),
])
def test_redirect(serve, redirect, status, location):
    ask = serve({"match": [{"uri": {"prefix": "/a"}}], "redirect": redirect})
    response = ask("/a/b?q=1")
    assert (response.status, response.field("location"), response.body) == (status, location, b"")
    assert ask("/other").status == 404


def test_redirect_keeps_the_port_that_came_unless_the_scheme_changes(serve):
    ask = serve({"match": [{"uri": {"exact": "/s"}}], "redirect": {"scheme": "http"}}, {"redirect": {"uri": "/n"}})
    assert ask("/s", host=HOST + ":443").field("location") == f"http://{HOST}/s"
    assert ask("/s", host=HOST + ":444").field("location") == f"http://{HOST}:444/s"
    assert ask("/x", host=HOST + ":443").field("location") == f"https://{HOST}:443/n"


def test_direct_response(serve):
    ask = serve({"match": [{"uri": {"exact": "/text"}}], "directResponse": {"status": 418, "body": {"string": "short and stout"}},
                 "headers": {"response": {"set": {"x-pot": "%REQ(x-cup)%-%PROTOCOL%", "content-type": "text/tea"}}}},
                {"match": [{"uri": {"exact": "/bytes"}}], "directResponse": {"status": 200, "body": {"bytes": base64.b64encode(b"\0\1").decode()}}},
                {"directResponse": {"status": 204, "body": {"string": "never"}}})
    response = ask("/text", fields=[("X-Cup", "blue")])
    assert (response.status, response.body, response.field("x-pot")) == (418, b"short and stout", "blue-HTTP/1.1")
    assert response.all("content-type") == ["text/tea"]
    response = ask("/bytes")
    assert (response.body, response.field("content-type")) == (b"\0\1", "text/plain")
    assert (ask("/").status, ask("/").body) == (204, b"")


def test_rewrite(serve):
    def entry(match, **rewrite):
        return {"match": [{"uri": match}], "rewrite": rewrite, "route": "up"}
    ask = serve(entry({"prefix": "/a"}, uri="/"), entry({"prefix": "/b/"}, uri="/"), entry({"exact": "/c"}, uri="/whole"),
                entry({"regex": "/d.*"}, uri="/whole", authority="inner.example:81"),
                entry({"prefix": "/e"}, uriRegexRewrite={"match": "/e/([^/]+)/", "rewrite": r"/\1-"}),
                {"rewrite": {"uri": "/api"}, "route": "up"})
    assert received(ask("/a/b?q=/a"))[0] == "//b?q=/a"
    assert received(ask("/b/b"))[0] == "/b"
    assert received(ask("/c?q"))[0] == "/whole?q"
    path, fields = received(ask("/dog"))
    assert (path, fields["host"], fields["x-envoy-original-path"]) == ("/whole", "inner.example:81", "/dog")
    assert received(ask("/e/one/two?x"))[0] == "/one-two?x"
    path, fields = received(ask("/e/one"))
    assert (path, fields["host"]) == ("/e/one", HOST), "what the expression does not find stays"
    path, fields = received(ask("/x", fields=[("x-envoy-original-path", "/forged")]))
    assert (path, fields["x-envoy-original-path"], fields["host"]) == ("/apix", "/x", HOST)


def test_headers_of_route_and_destination(serve):
    ask = serve({"headers": {"request": {"set": {"x-set": "route", "Host": "set.example"}, "add": {"x-add": "100%%"}, "remove": ["X-Gone"]},
                             "response": {"set": {"x-origin": "hidden"}, "add": {"x-two": "b"}, "remove": ["content-type"]}},
                 "route": [{**istio.destination("up.internal.example", 80),
                            "headers": {"request": {"set": {"x-set": "destination", "x-tls": "%DOWNSTREAM_TLS_VERSION%"}},
                                        "response": {"add": {"x-two": "c"}}}}]})
    response = ask("/", fields=[("x-gone", "1"), ("x-set", "client"), ("x-add", "client")])
    fields = received(response)[1]
    assert (fields["x-set"], fields["host"], fields["x-tls"], fields["x-add"]) == ("destination", "set.example", "TLSv1.3", "100%")
    assert "x-gone" not in fields
    assert (response.field("x-origin"), response.all("x-two"), response.all("content-type")) == ("hidden", ["b", "c"], [])


@pytest.mark.parametrize("operation", ["set", "add"])
@pytest.mark.parametrize("name", ["host", "Host", ":authority"])
def test_the_host_as_a_header(serve, name, operation):
    ask = serve({"match": [{"uri": {"exact": "/inner"}}], "headers": {"request": {operation: {name: "inner.example:81"}}}, "route": "up"},
                {"route": "up"})
    assert [received(ask(path))[1]["host"] for path in ("/inner", "/")] == ["inner.example:81", HOST]


def test_what_is_added_stands_behind_what_came(serve):
    ask = serve({"headers": {"request": {"add": {"x-a": "added"}, "set": {"x-b": "set"}, "remove": ["x-c"]},
                             "response": {"add": {"x-origin": "added"}, "remove": ["x-none"]}}, "route": "up"})
    response = ask("/", fields=[("X-A", "came"), ("X-B", "came"), ("X-B", "again"), ("X-C", "came"), ("X-C", "again")])
    fields = [(name.lower(), value) for name, value in json.loads(response.body)["headers"] if name.lower() in ("x-a", "x-b", "x-c")]
    assert fields in ([("x-a", "came"), ("x-b", "set"), ("x-a", "added")], [("x-a", "came"), ("x-a", "added"), ("x-b", "set")])
    assert response.all("x-origin") == ["up", "added"]


def test_timeout(serve):
    answered = threading.Event()

    def never(connection, stream, head):
        answered.wait(30)
        return False
    ask = serve({"timeout": "500ms", "route": "up"}, handle=never)
    response = timed(0.5, lambda: ask("/"))
    answered.set()
    assert (response.status, response.body) == (504, b"upstream request timeout")
    assert ask.gateway.entry(response_code=504)["response_flags"] == "UT"


@pytest.mark.parametrize("route, asked, told, expires", [
    # The client's own is DEADLINE_EXCEEDED, the route's UNAVAILABLE.
    ("5s", "300m", "300m", "4"), ("300ms", "5S", "300m", "14"), (None, "300m", "300m", "4"), ("5s", None, "5000m", None), (None, "x", "x", None)])
def test_the_deadline_of_a_grpc_client(serve, route, asked, told, expires):
    answered = threading.Event()

    def handle(connection, stream, head):
        if expires:
            answered.wait(30)
            return False
        stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        stream.flush()
        return True
    ask = serve({"route": "up", **({"timeout": route} if route else {})}, handle=handle)
    fields = [("content-type", "application/grpc")] + ([("grpc-timeout", asked)] if asked else [])
    response = timed(0.3, lambda: ask("/", fields=fields)) if expires else ask("/", fields=fields)
    answered.set()
    assert (response.status, response.field("grpc-status")) == (200, expires)
    assert f"\r\ngrpc-timeout: {told}\r\n".encode() in ask.upstream.received[0]


def failing(times, status):
    left = [times]

    def handle(connection, stream, head):
        left[0] -= 1
        code = status if left[0] >= 0 else 200
        stream.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % code)
        stream.flush()
        return True
    return handle


@pytest.mark.parametrize("retries, failures, status, tries", [
    ({"attempts": 3, "retryOn": "5xx"}, 2, 200, 3),
    ({"attempts": 1, "retryOn": "gateway-error"}, 2, 503, 2),
    ({"attempts": 2, "retryOn": "503"}, 1, 200, 2),
    ({"attempts": 2, "retryOn": "connect-failure,502"}, 1, 503, 1),
    ({"attempts": 0}, 1, 503, 1),
    (None, 1, 503, 1),
])
def test_retries(serve, retries, failures, status, tries):
    entry = {"route": "up"}
    if retries:
        entry["retries"] = retries
    ask = serve(entry, handle=failing(failures, 503))
    assert ask("/").status == status
    assert len(ask.upstream.received) == tries


@pytest.mark.parametrize("weights", [(50, 50), (90, 10), (1, 2)])
def test_weights(serve, scenario, weights):
    requests = 20000
    scenario.write("weighed.yaml", istio.service_entry("nginx.internal.example", 80, scenario.nginx.plain_port))
    ask = serve({"headers": {"response": {"set": {"x-route": "route"}}},
                 "route": [{**istio.destination("nginx.internal.example", 80, weight),
                            "headers": {"response": {"set": {"x-which": name, "x-route": "beaten"}}}} for name, weight in zip("ab", weights)]
                 + [istio.destination("nowhere.example", 80, 0)]})
    responses = pipeline(ask.port, requests, host=HOST)
    found = [response.field("x-which") for response in responses]
    assert set(found) == {"a", "b"} and {response.status for response in responses} == {200}
    assert abs(found.count("a") / requests - weights[0] / sum(weights)) < 0.02
    assert {response.field("x-route") for response in responses} == {"route"}, "the route's fields are written after the destination's, as in Envoy"


PATHS = {
    # What is asked: what routes match and the upstream gets, for BASE, NONE, MERGE_SLASHES and DECODE_AND_MERGE_SLASHES.
    "/a/../b": ("/b", "/a/../b", "/b", "/b"),
    "/a//b": ("/a//b", "/a//b", "/a/b", "/a/b"),
    "/a\\b": ("/a/b", "/a\\b", "/a/b", "/a/b"),
    "/a%2Fb": ("/a%2Fb", "/a%2Fb", "/a%2Fb", "/a/b"),
    "/a%5c%2f..%2fb?q=%2F//": ("/a%5c%2f..%2fb?q=%2F//", "/a%5c%2f..%2fb?q=%2F//", "/a%5c%2f..%2fb?q=%2F//", "/a/b?q=%2F//"),
    "/%61/./b": ("/a/b", "/%61/./b", "/a/b", "/a/b"),
}


@pytest.mark.parametrize("mode", [None, "DEFAULT", "BASE", "NONE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"])
def test_routes_and_the_upstream_see_the_same_path(serve, scenario, mode):
    mesh = {"pathNormalization": {"normalization": mode}} if mode else {}
    ports = [("http2", 80, scenario.http_port), ("https", 443, scenario.https_port), ("tls-passthrough", 10443, scenario.https_port)]
    scenario.write("operator.yaml", istio.operator(ports, mesh))
    column = {None: 0, "DEFAULT": 0, "BASE": 0, "NONE": 1, "MERGE_SLASHES": 2, "DECODE_AND_MERGE_SLASHES": 3}[mode]
    exact = sorted({paths[column].split("?")[0] for paths in PATHS.values()})
    ask = serve(*[{"name": path, "match": [{"uri": {"exact": path}}], "route": "up"} for path in exact])
    for asked, seen in PATHS.items():
        response = ask(asked)
        assert response.status == 200, asked
        assert received(response)[0] == seen[column]


def test_fields_that_are_not_the_users_to_change(serve):
    ask = serve({"headers": {"request": {"remove": ["x-gone"], "set": {"Content-Length": "7", "connection": "x-kept"}},
                             "response": {"remove": ["x-origin"]}}, "route": "up"})
    response = ask("/p", method="POST", fields=[("x-gone", "1"), ("x-kept", "1")], body=b"body")
    path, fields = received(response)
    assert (path, fields["host"], fields["content-length"], fields["x-kept"]) == ("/p", HOST, "4", "1")
    assert "x-gone" not in fields and "connection" not in fields
    assert response.field("x-origin") is None


def test_operators_in_headers(serve):
    values = {"x-host": "%REQ(:authority)%", "x-path": "%REQ(x-envoy-original-path?:path)%", "x-method": "%REQ(:METHOD)%",
              "x-peer": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "x-protocol": "%PROTOCOL%", "x-both": "<%REQ(x-a)%|%REQ(x-b?x-a)%>",
              "x-cut": "%REQ(x-long):3%", "x-plain": "100%%", "x-sni": "%REQUESTED_SERVER_NAME%", "x-time": "%START_TIME(%Y)%", "x-none": "%REQ(x-none)%"}
    ask = serve({"headers": {"request": {"set": values}, "response": {"set": {"x-code": "%RESPONSE_CODE%", "x-asked": "%REQ(x-a)%", "x-tries": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
                                                                                  "x-to": "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%/%UPSTREAM_REMOTE_PORT%"}}}, "route": "up"})
    response = ask("/p?q", fields=[("x-a", "A"), ("x-long", "abcdef")])
    fields = received(response)[1]
    wanted = {"x-host": HOST, "x-path": "/p?q", "x-method": "GET", "x-peer": "127.0.0.1", "x-protocol": "HTTP/1.1", "x-both": "<A|A>", "x-cut": "abc",
              "x-plain": "100%", "x-sni": HOST, "x-time": time.strftime("%Y", time.gmtime())}
    assert {name: fields.get(name) for name in values} == {**wanted, "x-none": None}
    assert (response.field("x-code"), response.field("x-asked"), response.field("x-tries")) == ("200", "A", "1")
    assert response.field("x-to") == f"127.0.0.1/{ask.upstream.port}"
