"""mirror and mirrors of an HTTPRoute: copies arrive, and the client never notices."""
import threading

import pytest
from support import configuration as istio
from support.client import pipeline
from support.gateway import free_ports, wait_until

HOST = istio.ACTIONS_HOST
SHADOW = {"host": "shadow.internal.example", "port": {"number": 80}}


@pytest.fixture
def shadow(scenario, origin):
    """An upstream for copies, which keeps their bodies too."""
    bodies = []

    def start(handle=None):
        def keep(connection, stream, head):
            fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
            bodies.append(upstream.read_body(stream, fields))
            if handle is not None:
                return handle(connection, stream, head)
            stream.write(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 6\r\nx-shadow: yes\r\n\r\nshadow")
            stream.flush()
            return True
        upstream = origin("shadow", handle=keep)
        upstream.bodies = bodies
        scenario.write("shadow.yaml", istio.service_entry("shadow.internal.example", 80, upstream.port))
        return upstream
    return start


def fields_of(head):
    return sorted(line.lower() for line in head.decode().split("\r\n")[1:] if line and not line.lower().startswith("x-request-id"))


@pytest.mark.parametrize("method, size", [("GET", 0), ("POST", 256), ("PUT", 512_000)])
def test_a_copy_arrives(serve, shadow, method, size):
    body = bytes(range(256)) * (size // 256)
    copies = shadow()
    ask = serve({"mirror": SHADOW, "rewrite": {"uri": "/rewritten", "authority": "inner.example"}, "headers": {"request": {"set": {"x-a": "b"}}}, "route": "up"})
    response = ask("/p?q", method=method, body=body)
    assert (response.status, response.field("x-shadow")) == (200, None)
    wait_until(lambda: copies.bodies, what="the copy")
    assert copies.bodies == [body]
    head = copies.received[0]
    assert head.startswith(method.encode() + b" /rewritten")
    assert b"\r\nhost: inner.example\r\n" in head, "no -shadow behind the Host"
    assert fields_of(head) == fields_of(ask.upstream.received[0])


def test_a_chunked_body_is_copied(serve, shadow):
    copies = shadow()
    ask = serve({"mirror": SHADOW, "route": "up"})
    response = ask("/", method="POST", fields=[("Transfer-Encoding", "chunked")], raw=b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert response.status == 200
    wait_until(lambda: copies.bodies, what="the copy")
    assert copies.bodies == [b"abcdefg"]


def test_several_mirrors_and_their_shares(serve, shadow):
    copies = shadow()
    ask = serve({"mirrors": [{"destination": SHADOW}, {"destination": SHADOW, "percentage": {"value": 100}}, {"destination": SHADOW, "percentage": {"value": 0}},
                             {"destination": {"host": "nowhere.example"}}], "route": "up"})
    for _ in range(5):
        assert ask("/").status == 200
    wait_until(lambda: len(copies.received) == 10, what="two copies of each")
    assert len(ask.upstream.received) == 5


@pytest.mark.parametrize("share", [{"mirrorPercentage": {"value": 10}}, {"mirrorPercent": 60}, {"mirror_percent": 25}])
def test_the_share_of_requests(serve, shadow, scenario, share):
    requests = 20000
    copies = shadow()
    scenario.write("nginx.yaml", istio.service_entry("nginx.internal.example", 80, scenario.nginx.plain_port))
    ask = serve({"mirror": SHADOW, **share, "route": [istio.destination("nginx.internal.example", 80)]})
    wanted = next(iter(share.values()))
    wanted = (wanted["value"] if isinstance(wanted, dict) else wanted) / 100
    # A few at once: a worker has a ceiling of mirrors under way.
    responses = pipeline(ask.port, requests, host=HOST, at_once=20)
    assert {response.status for response in responses} == {200}
    wait_until(lambda: abs(len(copies.received) / requests - wanted) < 0.02, what=f"the copies; {len(copies.received)} came")


def test_no_copy_of_zero_percent(serve, shadow):
    copies = shadow()
    ask = serve({"mirror": SHADOW, "mirrorPercentage": {"value": 0}, "route": "up"})
    assert [ask("/").status for _ in range(20)] == [200] * 20
    assert copies.connections == 0


def test_a_mirror_that_hangs_does_not_hold_the_client(serve, shadow):
    released = threading.Event()

    def hang(connection, stream, head):
        released.wait(30)
        return False
    copies = shadow(hang)
    ask = serve({"mirror": SHADOW, "route": "up"})
    assert [ask("/", method="POST", body=b"x" * 1000).status for _ in range(20)] == [200] * 20
    wait_until(lambda: len(copies.received) == 20, what="the copies")
    released.set()


@pytest.mark.parametrize("host", ["dead.internal.example", "nowhere.example"])
def test_a_mirror_that_fails_does_not_touch_the_client(serve, scenario, host):
    scenario.write("dead.yaml", istio.service_entry("dead.internal.example", 80, free_ports(1)[0]))
    ask = serve({"mirror": {"host": host, "port": {"number": 80}}, "route": "up"})
    for _ in range(5):
        assert ask("/", method="POST", body=b"x").status == 200
    assert {entry["response_flags"] for entry in ask.gateway.entries()} <= {"-"}


def test_a_body_over_the_ceiling_is_not_copied(serve, shadow):
    copies = shadow()
    ask = serve({"mirror": SHADOW, "route": "up"})
    assert ask("/", method="POST", body=b"x" * (1 << 20)).status == 200
    assert ask("/", method="POST", body=b"x" * ((1 << 20) + 1)).status == 200
    assert ask("/last", method="POST", body=b"last").status == 200
    wait_until(lambda: b"last" in copies.bodies, what="the last copy")
    assert sorted(map(len, copies.bodies)) == [4, 1 << 20]


def test_what_the_gateway_answers_is_not_copied(serve, shadow):
    copies = shadow()
    ask = serve({"match": [{"uri": {"prefix": "/abort"}}], "mirror": SHADOW, "route": "up",
                 "fault": {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}},
                {"match": [{"uri": {"prefix": "/cors"}}], "mirror": SHADOW, "route": "up", "corsPolicy": {"allowOrigin": ["*"]}},
                {"mirror": SHADOW, "route": "up"})
    assert ask("/abort").status == 418
    assert ask("/cors", method="OPTIONS", fields=[("Origin", "https://a"), ("Access-Control-Request-Method", "PUT")]).status == 200
    assert ask("/copied").status == 200
    wait_until(lambda: copies.received, what="the copy")
    assert [head.split(b" ")[1] for head in copies.received] == [b"/copied"]


def test_retries_are_copied_once(serve, shadow):
    copies = shadow()
    left = [2]

    def handle(connection, stream, head):
        left[0] -= 1
        stream.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % (503 if left[0] >= 0 else 200))
        stream.flush()
        return True
    ask = serve({"mirror": SHADOW, "retries": {"attempts": 3, "retryOn": "503", "backoff": "1ms"}, "route": "up"}, handle=handle)
    assert ask("/").status == 200
    assert ask("/second").status == 200
    wait_until(lambda: any(b" /second " in head for head in copies.received), what="the second copy")
    assert (len(ask.upstream.received), len(copies.received)) == (4, 2)
