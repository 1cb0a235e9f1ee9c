"""Each action of an HTTPRoute against real upstreams: redirect, directResponse, rewrite, headers, timeout, retries."""
import base64
import json
import threading
import time

import pytest
from support import configuration as istio

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
    ({"prefixRewrite": "/z", "redirectCode": 307}, 307, f"https://{HOST}/z/b?q=1"),
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


def test_timeout(serve):
    answered = threading.Event()

    def never(connection, stream, head):
        answered.wait(30)
        return False
    ask = serve({"timeout": "500ms", "route": "up"}, handle=never)
    start = time.monotonic()
    response = ask("/")
    taken = time.monotonic() - start
    answered.set()
    assert (response.status, response.body) == (504, b"upstream request timeout")
    assert 0.5 <= taken < 0.55
    assert ask.gateway.entry(response_code=504)["response_flags"] == "UT"


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
