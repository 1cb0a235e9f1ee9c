"""Peers that break off, stall, talk too early or at the wrong layer, and a gateway that is reloaded, starved or ended meanwhile."""
import os
import random
import resource
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
        self.handle, self.raw, self.connections = handle, raw, []
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

    def stop(self):
        """Ends every connection that is left."""
        self.server.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _serve(self, connection):
        self.connections.append(connection)
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
        upstream.stop()
    if value.gateway is not None:
        value.gateway.stop()


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def has_connections(gateway):
    """Sockets that are neither listeners nor its locks: also one that the peer has closed, until the gateway has."""
    process = f"/proc/{gateway.process.pid}"
    targets = [os.readlink(f"{process}/fd/{name}") for name in os.listdir(f"{process}/fd") if os.path.lexists(f"{process}/fd/{name}")]
    with open(f"{process}/net/tcp", encoding="ascii") as tcp, open(f"{process}/net/unix", encoding="ascii") as unix:
        known = {row[9] for row in map(str.split, tcp) if row[3] == "0A"} | {line.split()[6] for line in unix}
    return any(target.startswith("socket:[") and target[8:-1] not in known for target in targets)


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


def test_close_notify_right_behind_a_tunnels_bytes(world):
    world.start()
    client = MemoryTls(world.tls, "tcp.example.com")
    client.session.write(b"bytes")
    client.end()
    client.send()
    assert client.receive_all() == b"bytesLAST"


def test_a_broken_record_ends_the_exchange_on_both_sides(world):
    begun, gone = threading.Event(), threading.Event()

    def wait_for_the_end(connection, _head, _rest):
        begun.set()
        if connection.recv(1) == b"":
            gone.set()

    world.start(wait_for_the_end)
    client = MemoryTls(world.https, "app.example.com")
    client.session.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    client.send()
    assert begun.wait(10)
    client.connection.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
    client.input.write(receive_all(client.connection))
    with pytest.raises(ssl.SSLError, match="(?i)bad_record_mac"):
        client.session.read(1)
    assert gone.wait(10)


@pytest.mark.parametrize("tls", [False, True])
def test_a_reader_that_stalls_stops_the_writer(world, tls):
    """50 MB towards a client that does not read: buffers stay small, and nothing is lost."""
    sent, blocks = [], 800

    def pour(connection, _head, _rest):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (blocks * len(BLOCK)))
        for _ in range(blocks):
            connection.sendall(BLOCK)
            sent.append(True)

    gateway = world.start(pour)
    before = gateway.resident_kib()
    with world.connect(tls) as client, client.makefile("rb") as stream:
        client.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        stalled = wait_until_still(lambda: len(sent))
        assert 0 < stalled < blocks / 2
        assert gateway.resident_kib() - before < 20 * 1024
        assert len(read_response(stream).body) == blocks * len(BLOCK)


def wait_until_still(count):
    """Waits until a number above 0 was the same 30 times in a row."""
    seen = []

    def is_still():
        seen.append(count())
        return seen[-1] > 0 and len(seen) > 30 and len(set(seen[-30:])) == 1
    wait_until(is_still, what="standstill")
    return seen[-1]


def test_an_origin_that_does_not_read_stops_the_client(world):
    release = threading.Event()
    taken = []

    def sleep(connection, _head, rest):
        release.wait(20)
        left = 800 * len(BLOCK) - len(rest)
        while left > 0:
            left -= len(connection.recv(1 << 20))
        connection.sendall(OK)

    gateway = world.start(sleep)
    before = gateway.resident_kib()
    with world.connect() as client, client.makefile("rb") as stream:
        client.settimeout(20)
        client.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % (800 * len(BLOCK)))

        def push():
            for _ in range(800):
                client.sendall(BLOCK)
                taken.append(True)
        pusher = threading.Thread(target=push)
        pusher.start()
        assert wait_until_still(lambda: len(taken)) < 400
        assert gateway.resident_kib() - before < 20 * 1024
        release.set()
        assert read_response(stream).status == 200
        pusher.join(10)


@pytest.mark.parametrize("client_first", [True, False])
def test_a_half_closed_tunnel_still_carries_the_other_way(world, client_first):
    received = []

    def late(connection, _head, _rest):
        if not client_first:
            send_blocks(connection, 100)
            connection.shutdown(socket.SHUT_WR)
        received.append(len(receive_all(connection)))
        if client_first:
            send_blocks(connection, 100)

    world.start(tunnel=late)
    with connect(world.tcp) as client:
        if not client_first:
            assert len(receive_all(client)) == 100 * len(BLOCK)
        send_blocks(client, 100)
        client.shutdown(socket.SHUT_WR)
        if client_first:
            assert len(receive_all(client)) == 100 * len(BLOCK)
    wait_until(lambda: received == [100 * len(BLOCK)], what="the client's bytes")


def test_an_early_answer_reaches_a_client_that_still_sends(world):
    def refuse(connection, _head, _rest):
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")

    world.start(refuse)
    for tls in (False, True):
        with world.connect(tls) as client, client.makefile("rb") as stream:
            client.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4000000\r\n\r\n")
            send_blocks(client, 16)
            response = read_response(stream)
            assert (response.status, response.body, response.field("connection")) == (413, b"big", "close")


def test_pipelined_bodies_with_early_answers(world):
    """The origin answers before it read the body; the next request must not be taken from the middle of it."""
    def early(connection, head, rest):
        connection.sendall(OK)
        left = 100000 - len(rest)
        while left > 0:
            part = connection.recv(left)
            assert part
            left -= len(part)
        seen.append(head.split(b" ")[1])
        return True

    seen = []
    world.start(early)
    with world.connect() as client:
        client.sendall(b"".join(b"POST /%d HTTP/1.1\r\n" % i + HOST + b"Content-Length: 100000\r\n\r\n" + b"G" * 100000 for i in range(5)))
        client.shutdown(socket.SHUT_WR)
        answers = receive_all(client).count(b"HTTP/1.1 200 OK")
    assert 1 <= answers <= 5
    assert seen == [b"/%d" % i for i in range(len(seen))]


def test_websocket_frames_that_are_early_on_both_sides(world):
    def upgrade(connection, _head, rest):
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nEARLY" + rest)
        echo(connection, b"", b"")

    world.start(upgrade)
    with world.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n" + b"x" * 200000)
        client.shutdown(socket.SHUT_WR)
        head, _, frames = receive_all(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert frames == b"EARLY" + b"x" * 200000 + b"LAST"


def test_an_end_after_100_continue_is_not_an_empty_body(world):
    bodies = []

    def expect(connection, _head, _rest):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        bodies.append(receive_all(connection))

    world.start(expect)
    with world.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        receive_until(client, b"100 Continue\r\n\r\n")
        client.sendall(b"he")
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client) == b""
    wait_until(lambda: bodies in ([b"he"], [b""]), what="the end of the cut body upstream")


def test_sessions_are_resumed_by_every_worker(world):
    world.start(arguments=("--concurrency", "4"))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = tls_context()
        context.minimum_version = context.maximum_version = version
        with world.connect(True, context=context) as first:
            first.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            receive_until(first, b"ok")
            session = first.session
        for _ in range(24):
            with world.connect(True, context=context, session=session) as again:
                assert again.session_reused


# --- Storms ---

def hello():
    output = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        tls_context().wrap_bio(ssl.MemoryBIO(), output, server_hostname="app.example.com").do_handshake()
    return output.read()


def moody(connection, head, rest):
    """An origin whose mood is chosen by the path."""
    mood = int(head.split(b" ")[1][1:])
    if mood == 0:
        reset(connection)
    elif mood == 1:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + BLOCK)
        reset(connection)
    elif mood == 2:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + BLOCK)
    elif mood == 3:
        connection.sendall(b"garbage\r\n\r\n")
    elif mood == 4:
        connection.sendall(OK + b"surplus")
    elif mood == 5 and b"websocket" in head:
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nEARLY" + rest)
        connection.sendall(connection.recv(65536))
    elif mood == 6:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n")
        return head.startswith(b"GET") and b"websocket" not in head
    elif mood == 7:
        connection.sendall(OK)
        return head.startswith(b"GET")
    return False


def requests_of(choice):
    path = b"/%d" % choice.randrange(8)
    return choice.choice([
        b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        (b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n") * 20,
        b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 65536\r\n\r\n" + BLOCK,
        b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + BLOCK + b"\r\n0\r\nA: b\r\n\r\n",
        b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n" + BLOCK])


def assault(world, first_hello, seed):
    """One connection that is given up at a phase of the seed's choice."""
    choice = random.Random(seed)
    kind, connection = choice.randrange(6), None
    try:
        if kind == 0:
            connection = connect(world.https, timeout=0.5)
            connection.sendall(first_hello[:choice.randrange(len(first_hello) + 1)])
        elif kind == 1:
            connection = connect(world.tcp, timeout=0.5)
            connection.sendall(BLOCK[:choice.randrange(len(BLOCK))])
        elif kind == 2:
            connection = connect(world.tls, "tcp.example.com", True, timeout=0.5)
            connection.sendall(BLOCK)
        else:
            connection = world.connect(kind == 3, timeout=0.5)
            text = requests_of(choice)
            connection.sendall(text[:choice.randrange(len(text)) if choice.random() < 0.3 else len(text)])
        if choice.random() < 0.5:
            connection.recv(100)
        elif choice.random() < 0.5 and kind != 0:
            connection.shutdown(socket.SHUT_WR)
            connection.recv(100)
    except OSError:
        pass
    if connection is not None:
        if choice.random() < 0.7:
            reset(connection)
        else:
            connection.close()


def storm(world, seeds):
    """Threads under way; join them."""
    first_hello, seeds, lock = hello(), list(seeds), threading.Lock()

    def run():
        while world.gateway.process.poll() is None:
            with lock:
                if not seeds:
                    return
                seed = seeds.pop()
            assault(world, first_hello, seed)
    threads = [threading.Thread(target=run) for _ in range(12)]
    for thread in threads:
        thread.start()
    return threads


def test_a_storm_of_broken_connections_and_reloads_leaves_nothing_behind(world):
    gateway = world.start(moody)
    before = descriptors(gateway)
    threads = storm(world, range(240))
    for i in range(1000):
        world.write("more.yaml", istio.virtual_service(f"more-{i}", [f"more-{i}.example.com"],
                                                       http=[{"route": [istio.destination("http.internal.example", 80)]}]))
        gateway.signal(signal.SIGHUP)
        threads[0].join(0.05)
        if not any(thread.is_alive() for thread in threads):
            break
    for thread in threads:
        thread.join(30)
    for upstream in world.upstreams:
        upstream.stop()
    wait_until(lambda: descriptors(gateway) <= before, what=f"the descriptors to go; before there were {before}")
    assert request(world.http, "/", "unknown.example.com").status == 404


def test_sigterm_in_the_middle_of_a_storm(world):
    """The fixture insists on exit code 0."""
    gateway = world.start(moody)
    threads = storm(world, range(1000, 1200))
    gateway.entry(response_code=200)
    gateway.signal(signal.SIGTERM)
    gateway.signal(signal.SIGHUP)
    gateway.process.wait(15)
    for thread in threads:
        thread.join(10)


def test_a_port_that_is_removed_finishes_what_it_has_open(world):
    gateway = world.start()
    before = descriptors(gateway)
    opened = {"http": world.connect(), "https": world.connect(True), "tunnel": connect(world.tcp), "hello": connect(world.https)}
    opened["hello"].sendall(hello()[:50])
    for name in ("http", "https"):
        opened[name].sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\na")
    opened["tunnel"].sendall(b"one")
    receive_until(opened["tunnel"], b"one")
    world.write_ports(("other", 8080, free_ports(1)[0]))

    def refused(port):
        try:
            connect(port, timeout=1).close()
            return False
        except ConnectionRefusedError:
            return True
    wait_until(lambda: all(refused(port) for port in (world.http, world.https, world.tcp, world.tls)), what="the ports to close")
    for name in ("http", "https"):
        opened[name].sendall(b"b")
        receive_until(opened[name], b"ok")
    opened["tunnel"].sendall(b"two")
    receive_until(opened["tunnel"], b"two")
    for connection in opened.values():
        reset(connection)
    wait_until(lambda: descriptors(gateway) <= before, what="the descriptors to go")


def test_a_change_that_came_while_descriptors_were_out_is_not_lost(world):
    gateway = world.start()
    # One more probe under way would leave its descriptor free in the end, and with it the change could be read.
    wait_until(lambda: not has_connections(gateway), what="the probe's connection to go")
    ceiling = descriptors(gateway) + 6
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (ceiling, ceiling))
    opened = [world.connect() for _ in range(40)]
    gateway.wait_said("accepting pauses")
    world.write("more.yaml", istio.virtual_service("more", ["more.example.com"],
                                                   http=[{"route": [istio.destination("http.internal.example", 80)]}]))
    gateway.wait_said("cannot be read")
    for connection in opened:
        reset(connection)

    def served():
        try:
            return request(world.http, "/", "more.example.com").status == 200
        except OSError:
            return False
    wait_until(served, patience_s=10, what="the new route")
