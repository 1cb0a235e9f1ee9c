"""WebSocket through the gateway, over HTTP/1.1's Upgrade and over HTTP/2's extended CONNECT (RFC 8441), to a real WebSocket server on HTTP/1.1."""
import asyncio
import base64
import hashlib
import http
import os
import struct
import threading

import pytest
import websockets
from support import configuration as istio
from support.client import connect, read_response
from support.gateway import free_ports
from support.http2 import ENABLE_CONNECT_PROTOCOL, Client

TEXT, BINARY, CLOSE = 1, 2, 8


class EchoServer:
    """python's websockets on a thread of its own: says everything back; /forbidden is refused with 403."""

    def __init__(self):
        self.heads, self.ready, self.port = [], threading.Event(), None
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.ready.wait(20)

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())

    async def _serve(self):
        async def echo(connection):
            async for message in connection:
                await connection.send(message)

        async def look(path, headers):
            self.heads.append((path, dict(headers.raw_items())))
            return (http.HTTPStatus.FORBIDDEN, [], b"not here\n") if path == "/forbidden" else None
        self.stopped = asyncio.Event()
        async with websockets.serve(echo, "127.0.0.1", 0, subprotocols=["chat"], process_request=look, max_size=None) as server:
            self.port = server.sockets[0].getsockname()[1]
            self.ready.set()
            await self.stopped.wait()

    def stop(self):
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join(20)


def masked(opcode, payload):
    """A frame of a client's (RFC 6455 section 5.2)."""
    key, size = os.urandom(4), len(payload)
    head = bytes([0x80 | opcode])
    head += bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def unmasked(data):
    """The first frame of a server's: (opcode, payload, the rest), None while it is not whole."""
    if len(data) < 2:
        return None
    size, offset = data[1] & 0x7f, 2
    if size >= 126:
        width = 2 if size == 126 else 8
        if len(data) < 2 + width:
            return None
        size, offset = int.from_bytes(data[2:2 + width], "big"), 2 + width
    if len(data) < offset + size:
        return None
    return data[0] & 0xf, data[offset:offset + size], data[offset + size:]


@pytest.fixture
def world(tmp_path, authority, origin, run_gateway):
    """ws.example.com is the echo server; plain.example.com an HTTP server that knows no WebSocket; liar.example.com accepts another's key."""
    def lie(_connection, stream, _head):
        stream.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
                     b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        stream.flush()
        return stream.read1(65536) != b""
    echo, upstreams = EchoServer(), {"plain": origin("plain"), "liar": origin("liar", lie)}
    upstreams["ws"] = echo
    port, tls_port = free_ports(2)
    (tmp_path / "all.yaml").write_text(istio.listing(
        istio.operator([("http2", 80, port), ("https", 443, tls_port)]), authority.issue("*.example.com").secret("cert"),
        istio.gateway(istio.server(80, "HTTP", ["*"]), istio.server(443, "HTTPS", ["*.example.com"], {"mode": "SIMPLE", "credentialName": "cert"})),
        *[istio.virtual_service(name, [f"{name}.example.com"], http=[{"route": [istio.destination(f"{name}.internal", 80)]}]) for name in upstreams],
        *[istio.service_entry(f"{name}.internal", 80, upstream.port) for name, upstream in upstreams.items()]))
    gateway = run_gateway(tmp_path / "all.yaml")
    gateway.http, gateway.https, gateway.echo = port, tls_port, echo
    yield gateway
    echo.stop()


def handshake(client, host="ws.example.com", path="/chat", scheme="https", protocol="websocket", extra=(("sec-websocket-protocol", "chat"),)):
    """RFC 8441 section 4; not before the server has said that it knows it (section 3)."""
    client.wait(lambda: client.settings)
    assert client.settings.get(ENABLE_CONNECT_PROTOCOL) == 1
    return client.request([(":method", "CONNECT"), (":protocol", protocol), (":scheme", scheme), (":authority", host), (":path", path),
                           ("sec-websocket-version", "13"), *extra], ends=False)


def next_frame(client, stream):
    value = client.streams[stream]
    client.wait(lambda: unmasked(value["body"]) or value["ended"] or value["reset"] is not None)
    opcode, payload, value["body"] = unmasked(value["body"])
    return opcode, payload


@pytest.mark.parametrize("over_tls", [True, False])
def test_messages_go_both_ways_over_http2_and_the_tunnel_ends_in_order(world, over_tls):
    client = Client(world.https if over_tls else world.http, "ws.example.com" if over_tls else None)
    stream = handshake(client, scheme="https" if over_tls else "http")
    value = client.streams[stream]
    client.wait(lambda: value["status"])
    fields = dict(value["headers"])
    assert value["status"] == 200 and fields["sec-websocket-protocol"] == "chat"
    assert not {"connection", "upgrade", "sec-websocket-accept", "transfer-encoding", "content-length"} & set(fields)
    client.send(stream, masked(TEXT, b"hello"))
    assert next_frame(client, stream) == (TEXT, b"hello")
    large = os.urandom(300000)
    rest = masked(BINARY, large)
    while rest:
        client.wait(lambda: client.h2.local_flow_control_window(stream) > 0)
        part = rest[:min(client.h2.local_flow_control_window(stream), client.h2.max_outbound_frame_size)]
        client.send(stream, part)
        rest = rest[len(part):]
    assert next_frame(client, stream) == (BINARY, large)
    # Other requests of the connection are served meanwhile.
    assert client.finish(client.get("plain.example.com"))["status"] == 200
    client.send(stream, masked(CLOSE, struct.pack(">H", 1000)), ends=True)
    assert next_frame(client, stream)[0] == CLOSE
    assert client.finish(stream)["reset"] is None
    client.close()
    path, headers = world.echo.heads[0]
    names = {name.lower(): value for name, value in headers.items()}
    assert path == "/chat" and names["upgrade"] == "websocket" and names["connection"].lower() == "upgrade"
    assert len(base64.b64decode(names["sec-websocket-key"])) == 16 and ":protocol" not in names
    entry = world.entry(path="/chat")
    assert entry["protocol"] == "HTTP/2" and entry["bytes_sent"] > len(large)


def test_a_client_that_resets_its_stream_ends_the_upstream_s_connection(world):
    client = Client(world.https, "ws.example.com")
    stream = handshake(client)
    client.wait(lambda: client.streams[stream]["status"])
    client.send(stream, masked(TEXT, b"hello"))
    assert next_frame(client, stream) == (TEXT, b"hello")
    client.h2.reset_stream(stream, 8)
    client.flush()
    assert world.entry(path="/chat")["response_flags"] == "DR"
    assert client.finish(client.get("plain.example.com"))["status"] == 200
    client.close()


@pytest.mark.parametrize("host,path,status,body,flags", [
    # The server's own refusal is passed on.
    ("ws.example.com", "/forbidden", 403, b"not here\n", "-"),
    # 200 would be a tunnel to the client, with the page's bytes in it.
    ("plain.example.com", "/page", 502, None, "UPE"),
    # RFC 6455 section 4.1: the answer to another key.
    ("liar.example.com", "/lie", 502, None, "UPE"),
    ("nobody.example.com", "/", 404, b"", "NR")])
def test_an_upstream_that_does_not_agree(world, host, path, status, body, flags):
    client = Client(world.https, "ws.example.com")
    value = client.finish(handshake(client, host, path))
    assert value["status"] == status and body in (None, value["body"]), world.entry(path=path)
    assert (world.entry(path=path)["response_flags"] or "-") == flags
    assert client.finish(client.get("plain.example.com"))["status"] == 200
    client.close()


@pytest.mark.parametrize("fields,status,reset", [
    # Only WebSocket is known; RFC 8441 leaves the answer to the server.
    ([(":method", "CONNECT"), (":protocol", "connect-udp"), (":scheme", "https"), (":authority", "ws.example.com"), (":path", "/")], 400, None),
    # RFC 9113 section 8.5: without :protocol, neither scheme nor path.
    ([(":method", "CONNECT"), (":scheme", "https"), (":authority", "ws.example.com"), (":path", "/")], None, 1),
    # RFC 8441 section 4: with it, both.
    ([(":method", "CONNECT"), (":protocol", "websocket"), (":authority", "ws.example.com")], None, 1),
    # :protocol is of CONNECT alone.
    ([(":method", "GET"), (":protocol", "websocket"), (":scheme", "https"), (":authority", "ws.example.com"), (":path", "/")], None, 1),
    ([(":method", "CONNECT"), (":protocol", "websocket"), (":protocol", "websocket"), (":scheme", "https"), (":authority", "ws.example.com"),
      (":path", "/")], None, 1),
    # The fields of HTTP/1.1's handshake have no place in HTTP/2 (RFC 9113 section 8.2.2).
    ([(":method", "GET"), (":scheme", "https"), (":authority", "ws.example.com"), (":path", "/"), ("connection", "upgrade"),
      ("upgrade", "websocket")], None, 1)])
def test_what_is_no_extended_connect(world, fields, status, reset):
    client = Client(world.https, "ws.example.com")
    value = client.finish(client.request(fields, ends=False))
    assert (value["status"], value["reset"]) == (status, reset) or (status is not None and value["status"] == status)
    assert world.echo.heads == []
    assert client.finish(client.get("plain.example.com"))["status"] == 200
    client.close()


def test_bytes_before_the_tunnel_stands_are_an_error_of_the_stream(world):
    client = Client(world.https, "ws.example.com")
    stream = handshake(client, "plain.example.com")
    client.send(stream, masked(TEXT, b"too early"))
    value = client.finish(stream)
    assert value["reset"] == 1 or value["status"] == 502
    assert client.finish(client.get("plain.example.com"))["status"] == 200
    client.close()


def test_http1_upgrade_to_a_real_server(world):
    key = base64.b64encode(os.urandom(16)).decode()
    with connect(world.https, "ws.example.com", tls=True) as connection, connection.makefile("rb") as stream:
        connection.sendall(f"GET /chat HTTP/1.1\r\nHost: ws.example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
                           f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n\r\n".encode())
        response = read_response(stream)
        assert response.status == 101 and response.field("sec-websocket-protocol") == "chat"
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        assert response.field("sec-websocket-accept") == accept
        large = os.urandom(300000)
        connection.sendall(masked(BINARY, large))
        received = b""
        while unmasked(received) is None:
            received += stream.read1(65536)
        assert unmasked(received) == (BINARY, large, b"")
        connection.sendall(masked(CLOSE, struct.pack(">H", 1000)))
        assert stream.read(2)[0] & 0xf == CLOSE
    assert world.entry(path="/chat")["response_code"] == 101


def test_http1_upgrade_that_the_upstream_declines(world):
    for host, path, status in (("ws.example.com", "/forbidden", 403), ("plain.example.com", "/page", 200)):
        with connect(world.https, host, tls=True) as connection, connection.makefile("rb") as stream:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
            assert read_response(stream).status == status
