"""corsPolicy of an HTTPRoute, as Envoy's filter answers."""
import pytest

A = "https://a.example"
ALLOWED = {"allowOrigins": [{"exact": A}, {"prefix": "https://b."}, {"regex": "https://[a-z]+\\.c\\.example"}],
           "allowMethods": ["GET", "PUT"], "allowHeaders": ["x-one", "x-two"], "exposeHeaders": ["x-three", "x-four"], "maxAge": "2m",
           "allowCredentials": True}


def preflight(ask, origin, method="PUT", headers=None):
    fields = [("Origin", origin), ("Access-Control-Request-Method", method)] + ([("Access-Control-Request-Headers", headers)] if headers else [])
    return ask("/", method="OPTIONS", fields=fields)


def granted(response):
    return {name: response.field("access-control-" + name) for name in
            ("allow-origin", "allow-credentials", "allow-methods", "allow-headers", "expose-headers", "max-age")}


NOTHING = {"allow-origin": None, "allow-credentials": None, "allow-methods": None, "allow-headers": None, "expose-headers": None, "max-age": None}


@pytest.mark.parametrize("asking", [A, "https://b.example", "https://x.c.example"])
def test_a_preflight_of_an_allowed_origin_is_answered(serve, asking):
    ask = serve({"corsPolicy": ALLOWED, "headers": {"response": {"set": {"x-set": "not here"}}}, "route": "up"})
    response = preflight(ask, asking)
    assert (response.status, response.body, response.field("x-set")) == (200, b"", None)
    assert granted(response) == {"allow-origin": asking, "allow-credentials": "true", "allow-methods": "GET,PUT", "allow-headers": "x-one,x-two",
                                 "expose-headers": "x-three,x-four", "max-age": "120"}
    assert ask.upstream.received == []
    assert ask.gateway.entry(response_code=200)["response_code_details"] == "cors_response"


@pytest.mark.parametrize("asking", ["http://a.example", A + ":8443", "https://A.example", "https://xb.example", "https://x.c.example.evil"])
def test_a_preflight_of_another_origin_goes_to_the_upstream(serve, asking):
    ask = serve({"corsPolicy": ALLOWED, "route": "up"})
    assert granted(preflight(ask, asking)) == NOTHING
    assert ask.upstream.received[0].startswith(b"OPTIONS / ")


def test_also_when_that_is_said(serve):
    ask = serve({"corsPolicy": dict(ALLOWED, unmatchedPreflights="FORWARD"), "route": "up"})
    assert granted(preflight(ask, "https://evil.example")) == NOTHING
    assert len(ask.upstream.received) == 1


def test_or_is_answered_without_an_origin(serve):
    ask = serve({"corsPolicy": dict(ALLOWED, unmatchedPreflights="IGNORE"), "route": "up"})
    response = preflight(ask, "https://evil.example")
    assert response.status == 200
    assert granted(response)["allow-origin"] is None
    assert ask.upstream.received == []


def test_a_request_of_an_allowed_origin(serve):
    def handle(connection, stream, head):
        stream.write(b"HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\nx-three: 3\r\ncontent-length: 0\r\n\r\n")
        stream.flush()
        return True
    ask = serve({"corsPolicy": ALLOWED, "headers": {"response": {"set": {"x-set": "yes"}}}, "route": "up"}, handle=handle)
    response = ask("/", fields=[("Origin", A)])
    assert granted(response) == dict(NOTHING, **{"allow-origin": A, "allow-credentials": "true", "expose-headers": "x-three,x-four"})
    assert response.all("access-control-allow-origin") == [A]
    assert (response.field("x-set"), response.field("x-three")) == ("yes", "3")
    for fields in ([], [("Origin", "https://evil.example")]):
        assert granted(ask("/", fields=fields)) == dict(NOTHING, **{"allow-origin": "*"}), "the upstream's own answer stays"
    assert granted(ask("/", method="OPTIONS", fields=[("Origin", A)]))["allow-methods"] is None, "no preflight without a requested method"
    assert len(ask.upstream.received) == 4


def test_stars(serve):
    ask = serve({"corsPolicy": {"allowOrigin": ["*"], "allowMethods": ["*"], "allowHeaders": ["*"], "allowCredentials": False}, "route": "up"})
    response = preflight(ask, "https://anybody.example", "DELETE", "x-q,x-r")
    assert granted(response) == dict(NOTHING, **{"allow-origin": "https://anybody.example", "allow-methods": "DELETE", "allow-headers": "x-q,x-r"})


def test_an_answer_of_the_gateway_is_for_the_origin_too(serve):
    ask = serve({"corsPolicy": {"allowOrigins": [{"exact": A}]}, "route": [{"destination": {"host": "nowhere.example"}}]})
    response = ask("/", fields=[("Origin", A)])
    assert (response.status, response.field("access-control-allow-origin")) == (503, A)


def test_an_abort_is_not(serve):
    ask = serve({"corsPolicy": {"allowOrigins": [{"exact": A}]}, "fault": {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}, "route": "up"})
    assert (preflight(ask, A).status, granted(ask("/", fields=[("Origin", A)]))) == (418, NOTHING)
