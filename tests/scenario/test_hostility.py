"""Peers that break off, stall, talk too early or at the wrong layer, and a gateway that is reloaded, starved or ended meanwhile."""
import os
import random
import signal
import socket
import ssl
import struct
import threading
import types

import pytest
from support import configuration as istio
from support.client import connect, read_response, receive_all, request, tls_context
from support.gateway import Gateway, free_ports, wait_until

HOST = b"Host: app.example.com\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BLOCK = bytes(64 * 1024)


class Upstream:
    """A listener whose connections a test's `handle(connection, head, rest)` serves, a thread each; `head` is empty for a raw one."""

    def __init__(self, handle, raw=False):
        self.handle, self.raw = handle, raw
        self.server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            connection.settimeout(20)
            try:
                if self.raw:
                    self.handle(connection, b"", b"")
                    return
                received = b""
                while True:
                    head, received = read_head(connection, received)
                    if head is None or not self.handle(connection, head, received):
                        return
                    received = b""
            except OSError:
                pass


def read_head(connection, received=b""):
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            return None, b""
        received += part
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest


def receive_until(connection, text):
    received = b""
    while text not in received:
        part = connection.recv(65536)
        assert part, f"it ended after {received[-200:]!r}"
        received += part
    return received


def answer(connection, _head, _rest):
    connection.sendall(OK)
    return True


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())


def send_blocks(connection, count):
    for _ in range(count):
        connection.sendall(BLOCK)


def echo(connection, _head, _rest):
    """Until the other side ended; then a last word."""
    while True:
        part = connection.recv(65536)
        if not part:
            connection.sendall(b"LAST")
            return
        connection.sendall(part)


@pytest.fixture
def world(tmp_path, authority):
    """world.start(handle, tunnel=echo): plain HTTP, terminated HTTPS, plain TCP and terminated TLS in front of scripted upstreams."""
    value = types.SimpleNamespace(folder=tmp_path / "configuration", gateway=None, upstreams=[])
    value.folder.mkdir()
    value.http, value.https, value.tcp, value.tls = free_ports(4)

    def write(name, *objects):
        temporary = value.folder / ("." + name)
        temporary.write_text(istio.listing(*objects))
        temporary.rename(value.folder / name)

    def write_ports(*ports):
        write("ports.yaml", istio.operator(list(ports) or [("http2", 80, value.http), ("https", 443, value.https), ("tcp", 9000, value.tcp),
                                                           ("tls", 9443, value.tls)]))

    def start(handle=answer, tunnel=echo, **options):
        value.upstreams = [Upstream(handle), Upstream(tunnel, raw=True)]
        write_ports()
        tls = {"mode": "SIMPLE", "credentialName": "secret"}
        write("gateway.yaml", authority.issue("*.example.com").secret("secret"), istio.gateway(
            istio.server(80, "HTTP", ["*"]), istio.server(443, "HTTPS", ["*.example.com"], tls),
            istio.server(9000, "TCP", ["*"]), istio.server(9443, "TLS", ["tcp.example.com"], tls)))
        write("routes.yaml",
              istio.virtual_service("http", ["app.example.com"], http=[{"route": [istio.destination("http.internal.example", 80)]}]),
              istio.virtual_service("tcp", ["tcp.example.com"], tcp=[
                  {"match": [{"port": port}], "route": [istio.destination("tcp.internal.example", 81)]} for port in (9000, 9443)]),
              istio.service_entry("http.internal.example", 80, value.upstreams[0].port),
              istio.service_entry("tcp.internal.example", 81, value.upstreams[1].port, protocol="TCP"))
        value.gateway = Gateway(value.folder, **options)
        return value.gateway

    def open_connection(tls=False, **options):
        return connect(value.https if tls else value.http, "app.example.com", tls, **options)

    value.write, value.write_ports, value.start, value.connect = write, write_ports, start, open_connection
    yield value
    for upstream in value.upstreams:
        upstream.server.close()
    if value.gateway is not None:
        value.gateway.stop()


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


class MemoryTls:
    """A TLS client whose records are handed out, so that a test decides what one segment holds."""

    def __init__(self, port, name):
        self.input, self.output = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = tls_context().wrap_bio(self.input, self.output, server_hostname=name)
        self.connection = connect(port)
        while True:
            try:
                self.session.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.connection.sendall(self.output.read())
                self.input.write(self.connection.recv(65536))
        self.connection.sendall(self.output.read())

    def end(self):
        """Queues close_notify."""
        with pytest.raises(ssl.SSLWantReadError):
            self.session.unwrap()

    def send(self):
        self.connection.sendall(self.output.read())

    def receive_all(self):
        self.input.write(receive_all(self.connection))
        received = b""
        while True:
            try:
                part = self.session.read(65536)
            except ssl.SSLZeroReturnError:
                return received
            if not part:
                return received
            received += part


@pytest.mark.parametrize("count", [1, 3])
def test_close_notify_right_behind_a_request(world, count):
    """Both lie in one segment: the end must not wait for the next one."""
    world.start()
    client = MemoryTls(world.https, "app.example.com")
    client.session.write((b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") * count)
    client.end()
    client.send()
    assert client.receive_all().count(b"HTTP/1.1 200 OK") == count
