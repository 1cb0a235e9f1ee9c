"""HTTP/2 towards upstreams, where the port's protocol says so: a server of python3-h2 under the test's control."""
import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest
from support import configuration as istio
from support.client import request
from support.gateway import free_ports, wait_until
from support.pki import Authority


class Http2Origin:
    """HTTP/2 with prior knowledge, plaintext or TLS. `answer(origin, connection, stream)` is called for each whole request."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls, self.connections, self.requests, self.protocols = answer, tls, 0, [], []
        self.server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        if self.tls is not None:
            try:
                peer = self.tls.wrap_socket(peer, server_side=True)
            except OSError:
                return
            self.protocols.append(peer.selected_alpn_protocol())
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        peer.sendall(connection.data_to_send())
        heads, bodies = {}, {}
        with peer:
            while True:
                try:
                    data = peer.recv(65536)
                except OSError:
                    return
                if not data:
                    return
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        heads[event.stream_id], bodies[event.stream_id] = dict(event.headers), b""
                    elif isinstance(event, h2.events.DataReceived):
                        bodies[event.stream_id] += event.data
                        connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, h2.events.StreamEnded):
                        self.requests.append((heads[event.stream_id], bodies[event.stream_id]))
                        self.answer(self, connection, event.stream_id)
                peer.sendall(connection.data_to_send())


def plain(origin, connection, stream):
    connection.send_headers(stream, [(":status", "200"), ("content-type", "text/plain"), ("x-version", "2")])
    connection.send_data(stream, b"hello " + origin.requests[-1][0][":path"].encode(), end_stream=True)


@pytest.fixture
def through(tmp_path, run_gateway):
    """through(answer, protocol) -> (port of the gateway, origin, gateway)"""
    origins = []

    def start(answer, protocol="HTTP2", retries=None):
        origin = Http2Origin(answer)
        origins.append(origin)
        port, = free_ports(1)
        path = tmp_path / "configuration.yaml"
        route = {"route": [istio.destination("up.internal.example", 80)]}
        if retries:
            route["retries"] = retries
        path.write_text(istio.listing(
            istio.operator([("http2", 80, port)]), istio.gateway(istio.server(80, "HTTP", ["*"])),
            istio.virtual_service("all", ["*"], http=[route]), istio.service_entry("up.internal.example", 80, origin.port, protocol=protocol)))
        return port, origin, run_gateway(path, arguments=["--concurrency", "1"])
    yield start
    for origin in origins:
        origin.server.close()


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
        origin.server.close()


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
    def answer(_, connection, stream):
        connection.send_headers(stream, [(":status", "200")])
        connection.send_data(stream, b"x")
        connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)
    port, _, gateway = through(answer)
    assert request(port, "/", "a.example.com").body == b"x"
    assert gateway.entry(path="/")["response_code"] == 200


def test_a_refused_stream_is_tried_again_whatever_its_method(through):
    def answer(origin, connection, stream):
        if len(origin.requests) == 1:
            connection.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        else:
            plain(origin, connection, stream)
    port, origin, _ = through(answer, retries={"attempts": 0})
    assert request(port, "/once", "a.example.com", method="POST", body=b"whole").status == 200
    assert [body for _, body in origin.requests] == [b"whole", b"whole"]


def test_a_reset_stream_is_503_ur_and_the_connection_lives(through):
    def answer(origin, connection, stream):
        if origin.requests[-1][0][":path"] == "/reset":
            connection.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        else:
            plain(origin, connection, stream)
    port, origin, gateway = through(answer)
    assert request(port, "/reset", "a.example.com").status == 503
    entry = gateway.entry(path="/reset")
    assert (entry["response_flags"], entry["response_code_details"]) == ("UR", "upstream_reset_before_response_started{remote_reset}")
    assert request(port, "/well", "a.example.com").status == 200
    assert origin.connections == 1


def test_goaway_loses_no_request(through):
    def answer(origin, connection, stream):
        plain(origin, connection, stream)
        connection.close_connection(last_stream_id=stream)
    port, origin, _ = through(answer)
    for number in range(20):
        assert request(port, f"/{number}", "a.example.com").status == 200
    wait_until(lambda: origin.connections == 20, what="a connection each")
