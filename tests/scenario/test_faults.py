"""fault of an HTTPRoute: delays and aborts, and how many requests they meet."""
import collections
import time

import pytest
from support import configuration as istio
from support.client import connect, pipeline, read_response
from support.gateway import timed, wait_until

ALL = {"value": 100}
HOST = istio.ACTIONS_HOST
REQUESTS = 20000


def test_an_abort_never_reaches_the_upstream(serve):
    ask = serve({"fault": {"abort": {"httpStatus": 418, "percentage": ALL}}, "headers": {"response": {"set": {"x-set": "yes"}}}, "route": "up"})
    response = ask("/")
    assert (response.status, response.body, response.field("content-type")) == (418, b"fault filter abort", "text/plain")
    assert response.field("x-set") == "yes", "the route's own headers stand in it as in Envoy's"
    entry = ask.gateway.entry(response_code=418)
    assert (entry["response_flags"], entry["response_code_details"]) == ("FI", "fault_filter_abort")
    assert ask.upstream.received == []


def test_an_abort_with_a_status_of_grpc(serve):
    ask = serve({"fault": {"abort": {"grpcStatus": "UNAVAILABLE", "percentage": ALL}}, "route": "up"})
    plain = ask("/")
    assert (plain.status, plain.body) == (200, b"fault filter abort")
    response = ask("/", method="POST", fields=[("content-type", "application/grpc")], body=b"\0\0\0\0\0")
    assert (response.status, response.field("grpc-status"), response.field("grpc-message")) == (200, "14", "fault filter abort")
    assert (response.field("content-type"), response.body) == ("application/grpc", b"")


@pytest.mark.parametrize("fault", [
    {"abort": {"httpStatus": 418}},
    {"abort": {"httpStatus": 418, "percentage": {"value": 0}}},
    {"abort": {"percentage": ALL}},
    {"delay": {"fixedDelay": "30s"}},
    {"delay": {"fixedDelay": "30s", "percent": 0}},
])
def test_a_fault_without_a_share_or_a_kind_never_happens(serve, fault):
    ask = serve({"fault": fault, "route": "up"})
    assert ask("/").status == 200
    assert ask.gateway.entry(response_code=200)["response_flags"] == "-"


@pytest.mark.parametrize("share", [{"percentage": ALL}, {"percent": 100}])
def test_a_delay_comes_before_the_upstream_and_before_the_timeout(serve, share):
    ask = serve({"fault": {"delay": dict(fixedDelay="400ms", **share)}, "timeout": "300ms", "route": "up"})
    response = timed(0.4, lambda: ask("/", method="POST", body=b"x" * 1000))
    assert response.status == 200
    assert b"x" * 1000 in response.body
    assert ask.gateway.entry(response_code=200)["response_flags"] == "DI"


def test_a_large_body_waits_with_its_request(serve):
    body = bytes(range(256)) * 4096
    ask = serve({"fault": {"delay": {"fixedDelay": "100ms", "percentage": ALL}}, "route": "up"})
    response = ask("/", method="PUT", body=body)
    assert response.status == 200
    assert len(ask.upstream.received) == 1


@pytest.mark.parametrize("delay", [{}, {"delay": {"fixedDelay": "50ms", "percentage": ALL}}])
def test_an_abort_of_a_large_body(serve, delay):
    ask = serve({"fault": {"abort": {"httpStatus": 418, "percentage": ALL}, **delay}, "route": "up"})
    assert ask("/", method="PUT", body=bytes(4 << 20)).status == 418
    assert ask("/").status == 418


def test_a_client_that_waits_to_continue_is_told_to_after_the_delay(serve):
    ask = serve({"fault": {"delay": {"fixedDelay": "100ms", "percentage": ALL}}, "route": "up"})
    with connect(ask.port, HOST, True) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody")
        assert read_response(stream).status == 200


def test_a_delay_and_then_an_abort(serve):
    ask = serve({"fault": {"delay": {"fixedDelay": "400ms", "percentage": ALL}, "abort": {"httpStatus": 503, "percentage": ALL}}, "route": "up"})
    assert timed(0.4, lambda: ask("/")).status == 503
    assert ask.gateway.entry(response_code=503)["response_flags"] == "DI,FI"


def test_a_client_that_leaves_ends_its_delay(serve):
    ask = serve({"match": [{"uri": {"exact": "/slow"}}], "fault": {"delay": {"fixedDelay": "600s", "percentage": ALL}}, "route": "up"},
                {"route": "up"})
    with connect(ask.port, HOST, True) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
        assert ask("/fast").status == 200
    entry = ask.gateway.entry(path="/slow")
    assert entry["response_flags"] == "DI,DC"
    assert entry["response_code"] == 0


def with_mesh(scenario, **settings):
    scenario.write("operator.yaml", istio.operator([("http2", 80, scenario.http_port), ("https", 443, scenario.https_port), ("tls-passthrough", 10443, scenario.https_port)], {"defaultConfig": settings}))


def test_a_delayed_request_keeps_its_configuration(serve, scenario):
    # One worker reads in the order of arrival: when the second is answered, the first was read.
    with_mesh(scenario, concurrency=1)
    ask = serve({"match": [{"uri": {"exact": "/slow"}}], "fault": {"delay": {"fixedDelay": "1s", "percentage": ALL}}, "route": "up"}, {"route": "up"})
    with connect(ask.port, HOST, True) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
        assert ask("/").status == 200
        scenario.write("actions.yaml", istio.virtual_service("actions", [HOST], http=[{"directResponse": {"status": 404}}]))
        wait_until(lambda: ask("/").status == 404, what="the new configuration")
        assert read_response(stream).status == 200
    assert any(head.startswith(b"GET /slow ") for head in ask.upstream.received)


def test_a_delay_does_not_hold_the_end_of_the_gateway(serve, scenario):
    with_mesh(scenario, terminationDrainDuration="1s")
    ask = serve({"match": [{"uri": {"exact": "/slow"}}], "fault": {"delay": {"fixedDelay": "600s", "percentage": ALL}}, "route": "up"}, {"route": "up"})
    with connect(ask.port, HOST, True) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
        assert ask("/").status == 200
        start = time.monotonic()
        ask.gateway.stop()
        assert time.monotonic() - start < 10


def test_an_abort_comes_before_the_search_for_an_upstream(serve):
    ask = serve({"fault": {"abort": {"httpStatus": 418, "percentage": ALL}}, "route": [istio.destination("nowhere.example", 80)]})
    assert ask("/").status == 418


@pytest.mark.parametrize("share", [0.5, 12.5, 60])
def test_shares_of_aborts(serve, share):
    ask = serve({"fault": {"abort": {"httpStatus": 418, "percentage": {"value": share}}}, "route": [istio.destination("nowhere.example", 80)]})
    statuses = [response.status for response in pipeline(ask.port, REQUESTS, host=HOST)]
    assert set(statuses) == {418, 503}
    assert abs(statuses.count(418) / REQUESTS * 100 - share) < 2


def test_shares_of_delays(serve):
    ask = serve({"fault": {"delay": {"fixedDelay": "1ms", "percentage": {"value": 5}}}, "route": [istio.destination("nowhere.example", 80)]})
    pipeline(ask.port, REQUESTS, host=HOST)
    wait_until(lambda: len(ask.gateway.log_lines) >= REQUESTS, what="every access log line")
    flags = collections.Counter(entry["response_flags"] for entry in ask.gateway.entries())
    assert set(flags) == {"DI,NC", "NC"}
    assert abs(flags["DI,NC"] / REQUESTS * 100 - 5) < 2
