"""ClientHellos in pieces: they must route as whole ones do, and what is no hello must end."""
import socket
import ssl
import struct
import time

import pytest
from support.client import connect, receive_all, tls_context


def client_hello(sni, padding=0):
    """A real ClientHello, as one record's payload (the handshake message). `padding` adds that many bytes in an extension that nobody knows."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = tls_context().wrap_bio(incoming, outgoing, server_hostname=sni)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    message = outgoing.read()[5:]
    if padding:
        body = bytearray(message[4:])
        at = 34
        at += 1 + body[at]
        at += 2 + struct.unpack_from(">H", body, at)[0]
        at += 1 + body[at]
        size, = struct.unpack_from(">H", body, at)
        body[at:at + 2] = struct.pack(">H", size + padding + 4)
        body += struct.pack(">HH", 0xFE77, padding) + bytes(padding)
        message = message[:1] + len(body).to_bytes(3, "big") + bytes(body)
    return message


def records(message, count=1):
    size = max(1, -(-len(message) // count))
    size = min(size, 16384)
    return [b"\x16\x03\x01" + struct.pack(">H", len(message[at:at + size])) + message[at:at + size] for at in range(0, len(message), size)]


def first_answer(port, pieces):
    """The first bytes of the answer; a ServerHello begins with 16 03."""
    with connect(port) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return connection.recv(5)


@pytest.mark.parametrize("sni", ["app.example.com", "nginx.tls.example.com"])
def test_one_byte_at_a_time(scenario, sni):
    scenario.start()
    wire = b"".join(records(client_hello(sni)))
    assert first_answer(scenario.https_port, [wire[at:at + 1] for at in range(len(wire))])[:2] == b"\x16\x03"


def test_split_over_twenty_records_on_a_passthrough_chain(scenario):
    """The bytes reach the backend exactly as they were sent. (OpenSSL backends refuse such tiny records, so the backend here only listens.)"""
    server = socket.create_server(("127.0.0.1", 0))
    backends = scenario.read("backends.yaml")["items"]
    backends[2]["ports"][0]["port"] = server.getsockname()[1]
    scenario.write("backends.yaml", *backends)
    scenario.start()
    wire = b"".join(records(client_hello("nginx.tls.example.com"), 20))
    with connect(scenario.https_port) as connection:
        for at in range(0, len(wire), 7):
            connection.sendall(wire[at:at + 7])
        server.settimeout(10)
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(10)
            received = b""
            while len(received) < len(wire):
                received += accepted.recv(65536)
            assert received == wire
    server.close()


def test_split_over_twenty_records_on_the_terminating_chain(scenario):
    scenario.start()
    assert first_answer(scenario.https_port, records(client_hello("app.example.com"), 20))[:2] == b"\x16\x03"


def test_padded_to_60_kib_on_a_passthrough_chain(scenario):
    server = socket.create_server(("127.0.0.1", 0))
    backends = scenario.read("backends.yaml")["items"]
    backends[2]["ports"][0]["port"] = server.getsockname()[1]
    scenario.write("backends.yaml", *backends)
    scenario.start()
    wire = b"".join(records(client_hello("nginx.tls.example.com", 60 * 1024)))
    with connect(scenario.https_port) as connection:
        connection.sendall(wire)
        server.settimeout(10)
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(10)
            received = b""
            while len(received) < len(wire):
                received += accepted.recv(65536)
            assert received == wire
    server.close()


def test_padded_to_15_kib_on_the_terminating_chain(scenario):
    scenario.start()
    assert first_answer(scenario.https_port, records(client_hello("app.example.com", 14 * 1024 + 512)))[:2] == b"\x16\x03"


def alert(description):
    """Fatal, before any key (RFC 8446 section 6)."""
    return bytes([21, 3, 3, 0, 2, 2, description])


# What is TLS and no hello is told so: unexpected_message, record_overflow, decode_error.
@pytest.mark.parametrize("garbage, answer", [
    (b"\x00" * 64, b""), (b"\x16\x07\x01\x00\x05\x01\x00\x00\x01\x00", b""), (b"\xff" * 300, b""),
    (b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", alert(10)), (b"\x17\x03\x03\x00\x01\x00", alert(10)),
    (b"\x16\x03\x01\x40\x01\x01", alert(22)), (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", alert(50))])
def test_garbage_is_closed_at_once(scenario, garbage, answer):
    scenario.start()
    begun = time.monotonic()
    with connect(scenario.https_port) as connection:
        connection.sendall(garbage)
        assert receive_all(connection) == answer
    assert time.monotonic() - begun < 5


def test_more_than_64_kib_of_hello_is_closed(scenario):
    scenario.start()
    message = b"\x01" + (70000).to_bytes(3, "big") + bytes(70000)
    with connect(scenario.https_port) as connection:
        try:
            connection.sendall(b"".join(records(message)))
        except (ConnectionResetError, BrokenPipeError):
            pass
        assert receive_all(connection) == b""


@pytest.mark.deep
def test_a_truncated_hello_is_closed_at_the_deadline(scenario):
    scenario.start()
    wire = b"".join(records(client_hello("app.example.com")))
    begun = time.monotonic()
    with connect(scenario.https_port, timeout=40) as connection:
        connection.sendall(wire[:100])
        assert receive_all(connection) == b""
    assert 14 < time.monotonic() - begun < 20


def with_extensions(message, change):
    """The hello with its extensions, (type, content), as `change(extensions)` gives them."""
    body, at = message[4:], 34
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at:at + 2], "big")
    at += 1 + body[at]
    rest, extensions = body[at + 2:], []
    while rest:
        size = int.from_bytes(rest[2:4], "big")
        extensions.append((int.from_bytes(rest[:2], "big"), rest[4:4 + size]))
        rest = rest[4 + size:]
    block = b"".join(struct.pack(">HH", kind, len(content)) + content for kind, content in change(extensions))
    body = body[:at] + struct.pack(">H", len(block)) + block
    return message[:1] + len(body).to_bytes(3, "big") + body


SERVER_NAME, GROUPS, SIGNATURES, KEY_SHARE = 0, 10, 13, 51
ILLEGAL_PARAMETER, MISSING_EXTENSION = 47, 109


def without(kind):
    return lambda extensions: [each for each in extensions if each[0] != kind]


def named(name):
    content = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
    return lambda extensions: [(SERVER_NAME, content) if each[0] == SERVER_NAME else each for each in extensions]


@pytest.mark.parametrize("change, alert", [
    (without(GROUPS), MISSING_EXTENSION), (without(SIGNATURES), MISSING_EXTENSION), (without(KEY_SHARE), MISSING_EXTENSION),  # RFC 8446 section 9.2
    (lambda extensions: [*extensions, extensions[-1]], ILLEGAL_PARAMETER),  # section 4.2
    (named(b"app\0.example.com"), ILLEGAL_PARAMETER),  # section 6
])
def test_what_the_extensions_must_say(scenario, change, alert):
    scenario.start()
    hello = with_extensions(client_hello("app.example.com"), change)
    with connect(scenario.https_port) as connection:
        connection.sendall(b"".join(records(hello)))
        answer = receive_all(connection)
        assert (answer[0], answer[3:]) == (21, bytes([0, 2, 2, alert]))


def test_what_the_extensions_may_lack_by_tls_12(scenario):
    """Only TLS 1.3 wants them."""
    scenario.start()
    versions = struct.pack(">BH", 2, 0x0303)
    hello = with_extensions(client_hello("app.example.com"), lambda extensions: [
        (kind, versions if kind == 43 else content) for kind, content in extensions if kind != KEY_SHARE])
    assert first_answer(scenario.https_port, records(hello))[:2] == b"\x16\x03"
