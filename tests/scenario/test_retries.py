"""retries of an HTTPRoute: what is tried again, how often, where, and what never is."""
import threading
import time

import pytest
from support import configuration as istio
from support.gateway import free_ports, timed
from support.upstream import Origin


def scripted(*answers):
    """A handler that gives each of these answers to one request, then 200 to the rest. None closes the connection."""
    left = list(answers)

    def handle(connection, stream, head):
        names = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
        Origin.read_body(stream, names)
        answer = left.pop(0) if left else "200"
        if answer is None:
            return False
        status, _, fields = answer.partition(" ")
        stream.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n{fields and fields + chr(13) + chr(10)}\r\n".encode())
        stream.flush()
        return True
    return handle


@pytest.mark.parametrize("word, answer, tries", [
    ("5xx", "500", 2), ("5xx", "404", 1), ("5xx", None, 2),
    ("gateway-error", "502", 2), ("gateway-error", "500", 1),
    ("retriable-4xx", "409", 2), ("retriable-4xx", "400", 1),
    ("retriable-status-codes", "503", 1), ("retriable-status-codes,503", "503", 2), ("retriable-status-codes,503", "500", 1),
    ("404", "404", 2), ("404", "405", 1), ("404,503", "503", 2),
    ("gateway-error", "503", 2), ("gateway-error", "504", 2), ("gateway-error", None, 2), ("gateway-error", "200 grpc-status: 14", 1),
    ("reset", None, 2), ("reset", "503", 1), ("connect-failure", "503", 1), ("refused-stream", "503", 1), ("connect-failure", None, 1), ("refused-stream", None, 1),
    ("cancelled", "200 grpc-status: 1", 2), ("deadline-exceeded", "200 grpc-status: 4", 2), ("internal", "200 grpc-status: 13", 2),
    ("resource-exhausted", "200 grpc-status: 8", 2), ("unavailable", "200 grpc-status: 14", 2), ("unavailable", "200 grpc-status: 13", 1),
    ("cancelled", "200 grpc-status: 2", 1), ("deadline-exceeded", "200 grpc-status: 5", 1), ("internal", "200 grpc-status: 12", 1),
    ("resource-exhausted", "200 grpc-status: 14", 1), ("unavailable", "503", 1), ("cancelled,internal", "200 grpc-status: 13", 2),
    ("5xx", "200 grpc-status: 14", 1),
    ("envoy-ratelimited", "429 x-envoy-ratelimited: true", 2), ("5xx,429", "429 x-envoy-ratelimited: true", 1),
    ("retriable-headers", "503", 1),
])
def test_words(serve, word, answer, tries):
    ask = serve({"retries": {"attempts": 1, "retryOn": word, "backoff": "1ms"}, "route": "up"}, handle=scripted(answer))
    # POST, since a dead connection alone is reason enough to send other methods again.
    response = ask("/", method="POST", body=b"body")
    assert len(ask.upstream.received) == tries
    assert (response.status == 200 and response.field("grpc-status") is None) == (tries == 2)
    assert b"x-envoy-attempt-count: %d\r\n" % tries in ask.upstream.received[-1]


def test_a_policy_for_all_routes(serve, scenario):
    """meshConfig.defaultHttpRetryPolicy stands in where a route has no retries of its own."""
    scenario.write("operator.yaml", istio.operator([("http2", 80, scenario.http_port), ("https", 443, scenario.https_port)],
                                                   {"defaultHttpRetryPolicy": {"attempts": 2, "retryOn": "503"}}))
    ask = serve({"match": [{"uri": {"exact": "/own"}}], "retries": {"attempts": 0}, "route": "up"}, {"route": "up"},
                handle=scripted("503", "503", "200", "503"))
    assert ask("/").status == 200 and len(ask.upstream.received) == 3
    assert ask("/own").status == 503 and len(ask.upstream.received) == 4


def test_the_limit_is_logged(serve):
    ask = serve({"retries": {"attempts": 2, "retryOn": "503", "backoff": "1ms"}, "route": "up"}, handle=scripted(*["503"] * 9))
    assert ask("/").status == 503
    assert len(ask.upstream.received) == 3
    assert ask.gateway.entry(response_code=503)["response_flags"] == "URX"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size, tries", [(60_000, 2), (300_000, 1)])
def test_a_body_that_was_not_kept_is_never_sent_twice(serve, size, tries, chunked):
    ask = serve({"retries": {"attempts": 5, "retryOn": "5xx", "backoff": "1ms"}, "route": "up"}, handle=scripted("503"))
    body = b"x" * size
    if chunked:
        fields = [("Transfer-Encoding", "chunked")]
        response = ask("/", method="POST", fields=fields, body=b"", raw=b"%x\r\n" % size + body + b"\r\n0\r\n\r\n")
    else:
        response = ask("/", method="POST", body=body)
    assert response.status == (200 if tries == 2 else 503)
    assert len(ask.upstream.received) == tries


def test_tries_have_their_own_timeout(serve):
    released = threading.Event()
    count = [0]

    def handle(connection, stream, head):
        count[0] += 1
        if count[0] % 3 == 0:
            stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            stream.flush()
            return True
        released.wait(30)
        return False
    ask = serve({"retries": {"attempts": 2, "retryOn": "5xx", "perTryTimeout": "400ms", "backoff": "1ms"}, "route": "up"}, handle=handle)
    response = timed(0.8, lambda: ask("/"))
    released.set()
    assert response.status == 200
    assert count[0] % 3 == 0


def test_the_timeout_of_the_route_ends_all_tries(serve):
    ask = serve({"retries": {"attempts": 1000, "retryOn": "5xx", "backoff": "20ms"}, "timeout": "500ms", "route": "up"},
                handle=scripted(*["503"] * 100_000))
    response = timed(0.5, lambda: ask("/"))
    assert response.status == 504 and len(ask.upstream.received) > 2


def test_another_endpoint_is_tried(serve, scenario):
    """Two endpoints, one of which refuses connections: by default every request, also with a body, reaches the other."""
    scenario.write("two.yaml", istio.service_entry("two.internal.example", 80, scenario.nginx.plain_port, free_ports(1)[0]))
    ask = serve({"route": [istio.destination("two.internal.example", 80)]})
    for _ in range(10):
        assert ask("/", method="POST", body=b"x").status == 405, "nginx's answer"
    numbers = [ask("/").status for _ in range(10)]
    assert numbers == [200] * 10


@pytest.mark.parametrize("word, status", [("connect-failure", 405), ("5xx", 405), ("gateway-error", 405), ("reset", 405), ("refused-stream", 503), ("retriable-4xx,503", 503)])
def test_a_connection_that_is_refused(serve, scenario, word, status):
    """A failed connection has a word of its own, and counts as a reset. No answer came, so that no status counts. nginx refuses POST with 405."""
    scenario.write("two.yaml", istio.service_entry("two.internal.example", 80, scenario.nginx.plain_port, free_ports(1)[0]))
    ask = serve({"retries": {"attempts": 1, "retryOn": word, "backoff": "1ms"}, "route": [istio.destination("two.internal.example", 80)]})
    statuses = {ask("/", method="POST", body=b"x").status for _ in range(10)}
    assert statuses == {405, status}


def test_hosts_of_earlier_tries_are_avoided(serve, scenario, origin):
    """Of three endpoints two fail: two more tries always find the third."""
    failed = [origin(f"failing-{i}", handle=scripted(*["503"] * 100_000)) for i in range(2)]
    scenario.write("three.yaml", istio.service_entry("three.internal.example", 80, *[each.port for each in failed], scenario.nginx.plain_port))
    ask = serve({"retries": {"attempts": 2, "retryOn": "503", "backoff": "1ms", "retryIgnorePreviousHosts": True},
                 "route": [istio.destination("three.internal.example", 80)]})
    assert [ask("/").status for _ in range(20)] == [200] * 20


@pytest.mark.parametrize("accepted", [{"retryRemoteLocalities": True}, {"retryIgnorePreviousHosts": False}])
def test_fields_about_other_endpoints_do_not_keep_a_single_one_from_being_tried_again(serve, accepted):
    ask = serve({"retries": {"attempts": 2, "retryOn": "5xx", "backoff": "1ms", **accepted}, "route": "up"}, handle=scripted("503", "503", "200"))
    assert ask("/").status == 200
    assert len(ask.upstream.received) == 3


def test_backoff_is_jittered_and_bounded(serve):
    ask = serve({"retries": {"attempts": 4, "retryOn": "503", "backoff": "40ms"}, "route": "up"}, handle=scripted(*(["503"] * 4 + ["200"]) * 4))
    taken = []
    for _ in range(4):
        start = time.monotonic()
        assert ask("/").status == 200
        taken.append(time.monotonic() - start)
    # Envoy: uniform below min((2^n - 1) * base, 10 * base) for the n-th retry, which sums to 40 + 120 + 280 + 400 at most.
    assert max(taken) < 0.84 + 0.5
    assert sum(taken) / len(taken) > 0.1


def test_a_timeout_of_a_try_that_is_as_long_as_the_routes_is_none(serve):
    released = threading.Event()

    def hang(connection, stream, head):
        released.wait(30)
        return False
    ask = serve({"retries": {"attempts": 3, "retryOn": "5xx", "perTryTimeout": "300ms", "backoff": "1ms"}, "timeout": "300ms", "route": "up"}, handle=hang)
    response = ask("/")
    released.set()
    assert (response.status, len(ask.upstream.received)) == (504, 1)
    assert ask.gateway.entry(response_code=504)["response_code_details"] == "response_timeout"
    assert b"x-envoy-expected-rq-timeout-ms: 300\r\n" in ask.upstream.received[0]
