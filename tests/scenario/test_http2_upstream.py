"""HTTP/2 towards upstreams, where the port's protocol says so: a server of python3-h2 under the test's control."""
import os
import socket
import ssl
import struct
import subprocess
import threading

import h2.errors
import h2.settings
import pytest
from support import configuration as istio
from support.client import request
from support.gateway import free_ports, wait_until
from support.http2_origin import Http2Origin, plain
from support.pki import Authority


@pytest.fixture
def through(tmp_path, run_gateway):
    """through(answer, protocol) -> (port of the gateway, origin, gateway)"""
    origins = []

    def start(answer, protocol="HTTP2", retries=None, timeout=None, **options):
        origin = Http2Origin(answer, **options)
        origins.append(origin)
        port, = free_ports(1)
        path = tmp_path / "configuration.yaml"
        route = {"route": [istio.destination("up.internal.example", 80)]}
        if retries:
            route["retries"] = retries
        if timeout:
            route["timeout"] = timeout
        path.write_text(istio.listing(
            istio.operator([("http2", 80, port)]), istio.gateway(istio.server(80, "HTTP", ["*"])),
            istio.virtual_service("all", ["*"], http=[route]), istio.service_entry("up.internal.example", 80, origin.port, protocol=protocol)))
        return port, origin, run_gateway(path, arguments=["--concurrency", "1"])
    yield start
    for origin in origins:
        origin.stop()


@pytest.mark.parametrize("protocol", ["HTTP2", "GRPC"])
def test_an_http1_client_reaches_an_http2_upstream_on_one_connection(through, protocol):
    port, origin, gateway = through(plain, protocol)
    for path in ("/a?b=1", "/b"):
        response = request(port, path, "a.example.com:81", fields=[("X-Mine", "Kept"), ("Connection", "x-gone"), ("X-Gone", "1")])
        assert (response.status, response.body) == (200, b"hello " + path.encode())
        assert response.field("x-version") == "2"
    head = origin.requests[0][0]
    assert (head[":method"], head[":scheme"], head[":authority"], head[":path"]) == ("GET", "http", "a.example.com:81", "/a?b=1")
    assert head["x-mine"] == "Kept" and "x-gone" not in head and "connection" not in head
    assert origin.connections == 1
    assert gateway.entry(path="/b")["protocol"] == "HTTP/1.1"


def test_a_body_larger_than_the_windows_arrives_whole(through):
    port, origin, _ = through(plain)
    body = bytes(range(256)) * 4000
    assert request(port, "/up", "a.example.com", method="POST", body=body).status == 200
    assert origin.requests[0][1] == body


def test_the_protocol_of_the_client(tmp_path, run_gateway):
    """useClientProtocol: how the upstream is spoken to is seen from its first bytes."""
    server = socket.create_server(("127.0.0.1", 0))
    port, = free_ports(1)
    rule = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "rule", "namespace": "istio-config"},
            "spec": {"host": "up.internal.example", "trafficPolicy": {"connectionPool": {"http": {"useClientProtocol": True}}}}}
    path = tmp_path / "configuration.yaml"
    path.write_text(istio.listing(
        istio.operator([("http2", 80, port)]), istio.gateway(istio.server(80, "HTTP", ["*"])), rule,
        istio.virtual_service("all", ["*"], http=[{"route": [istio.destination("up.internal.example", 80)]}]),
        istio.service_entry("up.internal.example", 80, server.getsockname()[1])))
    run_gateway(path)
    for option, begins in (("--http1.1", b"GET / HTTP/1.1"), ("--http2-prior-knowledge", b"PRI * HTTP/2.0")):
        with subprocess.Popen(["curl", "-s", "-o", os.devnull, "-m", "10", option, f"http://127.0.0.1:{port}/"]) as curl:
            with server.accept()[0] as upstream:
                assert upstream.recv(1000).startswith(begins)
            curl.terminate()


@pytest.fixture
def over_tls(tmp_path, run_gateway):
    """over_tls(protocols of the upstream) -> (port of the gateway, origin, gateway)"""
    origins = []

    def start(protocols):
        authority = Authority()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("up.internal.example").write(str(tmp_path), "upstream"))
        context.set_alpn_protocols(protocols)
        origin = Http2Origin(plain, context)
        origins.append(origin)
        port, = free_ports(1)
        (tmp_path / "authority.pem").write_bytes(authority.pem)
        rule = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "rule", "namespace": "istio-config"},
                "spec": {"host": "up.internal.example", "trafficPolicy": {"tls": {
                    "mode": "SIMPLE", "caCertificates": str(tmp_path / "authority.pem"), "sni": "up.internal.example"}}}}
        path = tmp_path / "configuration.yaml"
        path.write_text(istio.listing(
            istio.operator([("http2", 80, port)]), istio.gateway(istio.server(80, "HTTP", ["*"])), rule,
            istio.virtual_service("all", ["*"], http=[{"route": [istio.destination("up.internal.example", 80)]}]),
            istio.service_entry("up.internal.example", 80, origin.port, protocol="HTTP2")))
        return port, origin, run_gateway(path, arguments=["--concurrency", "1"])
    yield start
    for origin in origins:
        origin.stop()


def test_over_tls_h2_is_negotiated(over_tls):
    port, origin, _ = over_tls(["http/1.1", "h2"])
    body = bytes(range(256)) * 400
    for path in ("/a", "/b"):
        response = request(port, path, "a.example.com", method="POST", body=body)
        assert (response.status, response.body) == (200, b"hello " + path.encode())
    assert origin.protocols == ["h2"]
    assert [head[":scheme"] for head, _ in origin.requests] == ["http", "http"] and origin.requests[1][1] == body


def test_an_upstream_that_negotiates_nothing_is_spoken_to_in_http2_all_the_same(over_tls):
    """As Envoy with an explicit protocol: the port's word counts."""
    port, origin, _ = over_tls([])
    assert request(port, "/a", "a.example.com").status == 200
    assert origin.protocols == [None]


def test_trailers_come_through(through):
    def answer(_, peer, stream):
        peer.h2.send_headers(stream, [(":status", "200")])
        peer.h2.send_data(stream, b"x")
        peer.h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)
    port, _, gateway = through(answer)
    assert request(port, "/", "a.example.com").body == b"x"
    assert gateway.entry(path="/")["response_code"] == 200


def test_a_refused_stream_is_tried_again_whatever_its_method(through):
    def answer(origin, peer, stream):
        if len(origin.requests) == 1:
            peer.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        else:
            plain(origin, peer, stream)
    port, origin, _ = through(answer, retries={"attempts": 0})
    assert request(port, "/once", "a.example.com", method="POST", body=b"whole").status == 200
    assert [body for _, body in origin.requests] == [b"whole", b"whole"]


@pytest.mark.parametrize("word, status", [("refused-stream", 200), ("reset", 200), ("5xx", 200), ("connect-failure", 503), ("unavailable", 503)])
def test_a_stream_that_is_refused_again_is_a_matter_of_the_policy(through, word, status):
    def answer(origin, peer, stream):
        if len(origin.requests) <= 2:
            peer.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        else:
            plain(origin, peer, stream)
    port, origin, _ = through(answer, retries={"attempts": 2, "retryOn": word, "backoff": "1ms"})
    assert request(port, "/", "a.example.com", method="POST", body=b"whole").status == status
    assert [body for _, body in origin.requests] == [b"whole"] * (3 if status == 200 else 2)


def test_a_reset_stream_is_503_ur_and_the_connection_lives(through):
    def answer(origin, peer, stream):
        if origin.requests[-1][0][":path"] == "/reset":
            peer.h2.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        else:
            plain(origin, peer, stream)
    port, origin, gateway = through(answer)
    assert request(port, "/reset", "a.example.com").status == 503
    entry = gateway.entry(path="/reset")
    assert (entry["response_flags"], entry["response_code_details"]) == ("UR", "upstream_reset_before_response_started{remote_reset}")
    assert request(port, "/well", "a.example.com").status == 200
    assert origin.connections == 1


def test_goaway_loses_no_request(through):
    def answer(origin, peer, stream):
        plain(origin, peer, stream)
        peer.h2.close_connection(last_stream_id=stream)
    port, origin, _ = through(answer, careless=True)
    for number in range(20):
        assert request(port, f"/{number}", "a.example.com").status == 200
    wait_until(lambda: origin.connections == 20, what="a connection each")


# --- Many requests on one connection ---

class Together:
    """Requests that are under way at the same time, each from a client of its own."""

    def __init__(self, port, paths, **options):
        self.answers = {}
        self.threads = [threading.Thread(target=self._ask, args=(port, path), kwargs=options) for path in paths]
        for thread in self.threads:
            thread.start()

    def _ask(self, port, path, **options):
        try:
            answer = request(port, path, "a.example.com", **options)
            self.answers[path] = (answer.status, answer.body)
        except (OSError, ValueError) as error:
            self.answers[path] = error

    def join(self):
        for thread in self.threads:
            thread.join(20)
        return self.answers


def whole(paths):
    return {path: (200, b"hello " + path.encode()) for path in paths}


def held(through, **options):
    """As `through`, but answers wait for the origin's wait_held."""
    port, origin, gateway = through(None, **options)
    origin.answer = origin.hold
    return port, origin, gateway


def test_requests_at_a_time_share_one_connection(through):
    port, origin, gateway = held(through)
    paths = [f"/{number}" for number in range(60)]
    together = Together(port, paths)
    for peer, stream in reversed(origin.wait_held(60)):
        plain(origin, peer, stream)
    assert together.join() == whole(paths)
    assert origin.connections == 1
    assert len({gateway.entry(path=path)["upstream_local_address"] for path in paths}) == 1


def test_a_further_connection_is_opened_for_what_exceeds_the_ceiling(through):
    settings = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 3}
    port, origin, _ = through(None, settings=settings)
    assert request(port, "/first", "a.example.com").status == 200
    origin.answer = origin.hold
    paths = [f"/{number}" for number in range(7)]
    together = Together(port, paths)
    waiting = origin.wait_held(7)
    assert sorted(len([0 for peer, _ in waiting if peer is one]) for one in origin.peers) == [1, 3, 3]
    for peer, stream in waiting:
        plain(origin, peer, stream)
    assert together.join() == whole(paths)
    origin.answer = plain
    for number in range(5):
        assert request(port, f"/{number}", "a.example.com").status == 200
    assert origin.connections == 3


def test_streams_that_goaway_leaves_out_go_elsewhere_whatever_their_method(through):
    port, origin, gateway = held(through, careless=True, retries={"attempts": 0})
    paths = [f"/{number}" for number in range(10)]
    together = Together(port, paths, method="POST", body=b"once")
    waiting = sorted(origin.wait_held(10), key=lambda one: one[1])
    first = waiting[0][0]
    with first.lock:
        for peer, stream in waiting[:4]:
            peer.respond(stream, b"hello " + peer.heads[stream][":path"].encode())
        first.h2.close_connection(last_stream_id=waiting[3][1])
        first.flush()
    again = origin.wait_held(6)
    for peer, stream in again:
        assert peer is not first
        plain(origin, peer, stream)
    assert together.join() == whole(paths)
    assert origin.connections == 2
    assert [body for _, body in origin.requests] == [b"once"] * 16
    wait_until(lambda: first.ended, what="the connection that goes away to be closed")


def test_a_refused_stream_goes_again_and_its_neighbours_go_on(through):
    port, origin, _ = held(through, retries={"attempts": 0})
    paths = [f"/{number}" for number in range(5)]
    together = Together(port, paths, method="POST", body=b"once")
    waiting = origin.wait_held(5)
    refused, stream = waiting[0]
    with refused.lock:
        refused.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        refused.flush()
    plain(origin, *origin.wait_held(1)[0])
    for peer, stream in waiting[1:]:
        plain(origin, peer, stream)
    assert together.join() == whole(paths)
    assert origin.connections == 1


def test_a_client_that_leaves_resets_its_stream_alone(through):
    port, origin, _ = held(through)
    together = Together(port, ["/stays"])
    stays = origin.wait_held(1)[0]
    leaves = socket.create_connection(("127.0.0.1", port), 10)
    leaves.sendall(b"GET /leaves HTTP/1.1\r\nhost: a.example.com\r\n\r\n")
    peer, stream = origin.wait_held(1)[0]
    leaves.close()
    wait_until(lambda: peer.resets.get(stream) == h2.errors.ErrorCodes.CANCEL, what="the reset")
    plain(origin, *stays)
    assert together.join() == whole(["/stays"])
    assert origin.connections == 1


def test_a_connection_that_breaks_fails_all_its_streams(through):
    port, origin, gateway = held(through, retries={"attempts": 0})
    assert origin.connections == 0
    paths = [f"/{number}" for number in range(4)]
    together = Together(port, paths, method="POST", body=b"once")
    peer = origin.wait_held(4)[0][0]
    peer.socket.shutdown(socket.SHUT_RDWR)
    assert {status for status, _ in together.join().values()} == {503}
    assert {gateway.entry(path=path)["response_flags"] for path in paths} == {"UC"}


def test_a_connection_that_does_not_answer_gets_no_further_request(through):
    """A host that lost its power says nothing: the requests after the first that timed out must not wait for it too."""
    port, origin, _ = through(plain, timeout="1.2s")
    assert request(port, "/first", "a.example.com").status == 200
    origin.answer = origin.hold
    assert request(port, "/lost", "a.example.com").status == 504
    peer, _ = origin.wait_held(1)[0]
    origin.answer = plain
    for path in ("/a", "/b"):
        assert request(port, path, "a.example.com").body == b"hello " + path.encode()
    assert origin.connections == 2
    wait_until(lambda: peer.ended, what="the silent connection to be closed")


def test_a_request_that_times_out_costs_no_connection_that_answers(through):
    port, origin, _ = through(plain, timeout="1.2s")
    assert request(port, "/first", "a.example.com").status == 200
    origin.answer = origin.hold
    together = Together(port, ["/lost"])
    peer, _ = origin.wait_held(1)[0]
    with peer.lock:
        peer.h2.ping(b"12345678")
        peer.flush()
    wait_until(lambda: peer.pongs, what="the answer to PING")
    assert together.join()["/lost"][0] == 504
    origin.answer = plain
    assert request(port, "/a", "a.example.com").status == 200
    assert origin.connections == 1


def test_a_client_that_does_not_read_stalls_its_own_stream_only(through):
    port, origin, gateway = through(None)
    large = bytes(range(256)) * 4 * 32 * 1024  # 32 MiB

    def answer(origin, peer, stream):
        path = peer.heads[stream][":path"]
        if path == "/large":
            peer.respond(stream, large, [("content-length", str(len(large)))])
        else:
            plain(origin, peer, stream)
    origin.answer = answer
    slow = socket.create_connection(("127.0.0.1", port), 10)
    slow.sendall(b"GET /large HTTP/1.1\r\nhost: a.example.com\r\nconnection: close\r\n\r\n")
    wait_until(lambda: origin.peers and origin.peers[0].sent.get(1, 0) > 0, what="the large answer to begin")
    peer = origin.peers[0]

    def rests():
        before = peer.sent[1]
        for number in range(20):
            assert request(port, f"/{number}", "a.example.com").body == b"hello /%d" % number
        return peer.sent[1] == before
    wait_until(rests, what="the stalled stream to rest")
    # The sockets' buffers are the kernel's; the gateway's queue and the stream's window are small beside them.
    assert peer.sent[1] < 16 * 1024 * 1024
    assert origin.connections == 1
    with slow:
        received = slow.makefile("rb").read()
    assert received.endswith(b"\r\n\r\n" + large)


def test_an_upload_that_the_upstream_does_not_take_stalls_alone(through):
    port, origin, _ = through(None)
    origin.grants = lambda head: head[":path"] != "/stuck"
    stuck = socket.create_connection(("127.0.0.1", port), 10)
    stuck.sendall(b"POST /stuck HTTP/1.1\r\nhost: a.example.com\r\ncontent-length: 100000000\r\n\r\n")
    stuck.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 100000000:
            sent += stuck.send(bytes(65536))
    # The sockets' buffers are the kernel's; the rest is ours.
    assert sent < 20 * 1024 * 1024
    body = bytes(range(256)) * 4000
    for _ in range(3):
        assert request(port, "/well", "a.example.com", method="POST", body=body).status == 200
    assert origin.connections == 1
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stuck.close()
    wait_until(lambda: 1 in origin.peers[0].resets, what="the reset of the upload that was given up")


def test_an_idle_connection_listens(through):
    """SETTINGS and PING are answered while nothing is asked, and a GOAWAY ends it."""
    port, origin, _ = through(None)
    assert request(port, "/a", "a.example.com").status == 200
    peer = origin.peers[0]
    for number in range(3):
        with peer.lock:
            peer.h2.ping(b"%08d" % number)
            peer.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 100000 + number})
            peer.flush()
        wait_until(lambda: len(peer.pongs) > number, what="the answer to PING")
    assert request(port, "/b", "a.example.com").status == 200
    assert origin.connections == 1
    with peer.lock:
        peer.h2.close_connection()
        peer.flush()
    wait_until(lambda: peer.ended, what="the idle connection to be closed")
    assert request(port, "/c", "a.example.com").status == 200
    assert origin.connections == 2


FLOODS = {
    "ping": b"\0\0\x08\x06\0\0\0\0\0" + bytes(8),
    "settings": b"\0\0\0\x04\0\0\0\0\0",
    "window": b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01",
    "unknown": b"\0\0\0\x42\0\0\0\0\0",
    "empty data": b"\0\0\0\0\0\0\0\0\x01",
}


@pytest.mark.parametrize("kind", FLOODS)
def test_an_upstream_that_floods_is_cut_off(through, kind):
    port, origin, gateway = held(through, careless=True, retries={"attempts": 0})
    together = Together(port, ["/flooded"])
    peer, stream = origin.wait_held(1)[0]
    with peer.lock:
        if kind == "empty data":
            peer.h2.send_headers(stream, [(":status", "200")])
            peer.flush()
        try:
            for _ in range(100):
                peer.socket.sendall(FLOODS[kind] * 40)
        except OSError:
            pass
    wait_until(lambda: peer.ended, what="the connection to be closed")
    together.join()
    entry = gateway.entry(path="/flooded")
    assert entry["response_flags"] == "UPE" and "protocol_error" in entry["response_code_details"], entry
    origin.answer = plain
    assert request(port, "/well", "a.example.com").status == 200
