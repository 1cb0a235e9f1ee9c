"""Malformed and hostile handshakes by tlslite-ng and by bytes made by hand; each is answered with the alert that its RFC names.

    hostile.py PORT [NAME...]        run by scripts/conformance-handshakes, with the python that has tlslite-ng

A row: its name, what it does, the alert that the clause names, and the clause. Where the gateway answers otherwise, the row says what comes and why.
The exit code is 1 when a row is answered in another way than it says.
"""
import os
import socket
import struct
import sys

from tlslite.api import HandshakeSettings, TLSConnection
from tlslite.constants import AlertDescription, ContentType
from tlslite.errors import TLSAbruptCloseError, TLSLocalAlert, TLSRemoteAlert

HOST, PATIENCE_S = "app.example.com", 4
ALERT, HANDSHAKE, DATA, CHANGE_CIPHER_SPEC = 21, 22, 23, 20
X25519, P256 = 0x001d, 0x0017
SEALED_ALERT_BYTES = 2 + 1 + 16  # the alert, its content type, the tag
# Why AWS-LC differs, and where it says so (ssl/ of its source).
MAJOR = "by its major version 3 a record is known from other protocols, as in AWS-LC (tls_open_record): all else is no TLS, and ends without an alert"
OPENED = "under keys AWS-LC opens a record before it looks at its type (tls_open_record; in a handshake but change_cipher_spec of the byte 1), and this one is not sealed"
RENEGOTIATION = "AWS-LC answers every message after a handshake of TLS 1.2 so, before it looks at its type (ssl_do_post_handshake)"
FINISHED_SIZE = "AWS-LC compares the whole, its size with it"


# --- Bytes ---

def vector(width, data):
    return len(data).to_bytes(width, "big") + data


def words(*values):
    return b"".join(value.to_bytes(2, "big") for value in values)


def extension(kind, data):
    return kind.to_bytes(2, "big") + vector(2, data)


def record(kind, data, version=0x0301):
    return bytes([kind]) + version.to_bytes(2, "big") + vector(2, data)


def message(kind, data):
    return bytes([kind]) + vector(3, data)


SNI = extension(0, vector(2, b"\0" + vector(2, HOST.encode())))
GROUPS = extension(10, vector(2, words(X25519, P256)))
POINTS = extension(11, vector(1, b"\0"))
SIGNATURES = extension(13, vector(2, words(0x0403, 0x0804, 0x0805, 0x0401)))
VERSIONS = extension(43, vector(1, words(0x0304, 0x0303)))


def share(*entries):
    return extension(51, vector(2, b"".join(group.to_bytes(2, "big") + vector(2, key) for group, key in entries)))


GOOD_KEY = bytes(range(7, 39))
SHARE = share((X25519, GOOD_KEY))


def hello(extensions=(SNI, GROUPS, POINTS, SIGNATURES, VERSIONS, SHARE), version=0x0303, session=b"s" * 32, ciphers=(0x1301, 0xc02b, 0xc02f),
          compressions=b"\0", raw_ciphers=None, raw_session=None, raw_extensions=None, tail=b""):
    body = version.to_bytes(2, "big") + bytes(range(32)) + (raw_session or vector(1, session))
    body += raw_ciphers or vector(2, words(*ciphers))
    body += vector(1, compressions) + (raw_extensions if raw_extensions is not None else vector(2, b"".join(extensions))) + tail
    return message(1, body)


def hello13(*changed, without=(), add=(), **options):
    """The usual extensions with some replaced by those of the same type, some left out, some put behind."""
    usual = {0: SNI, 10: GROUPS, 11: POINTS, 13: SIGNATURES, 43: VERSIONS, 51: SHARE}
    for each in changed:
        usual[int.from_bytes(each[:2], "big")] = each
    for kind in without:
        del usual[kind]
    return hello((*usual.values(), *add), **options)


def hello12(*changed, without=(), add=(), **options):
    return hello13(*changed, without=(43, 51, *without), add=add, **options)


# --- What comes back ---

def name_of(description):
    return AlertDescription.toStr(description) if isinstance(AlertDescription.toStr(description), str) else str(description)


def read_answer(connection):
    """The first alert in plaintext; else "a sealed alert" (under keys that this client has not made), "closed", "reset", or "silence" when the
    peer waits for more."""
    received, last = b"", None
    while True:
        try:
            part = connection.recv(65536)
        except (socket.timeout, TimeoutError):
            return "silence"
        except ConnectionResetError:
            part = None
        received += part or b""
        view, last = received, None
        while len(view) >= 7 and len(view) >= 5 + int.from_bytes(view[3:5], "big"):
            size = int.from_bytes(view[3:5], "big")
            if view[0] == ALERT and size == 2:
                return name_of(view[6])
            last, view = (view[0], size), view[5 + size:]
        if not part and last == (DATA, SEALED_ALERT_BYTES):
            return "a sealed alert"
        if not part:
            return "reset" if part is None else "closed"


def says(*parts):
    """A client that sends these bytes and nothing more."""
    def run(port):
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
            except OSError:
                pass
            return read_answer(connection)
    return run


def first(data, version=0x0301):
    return says(record(HANDSHAKE, data, version))


class Raw:
    def __init__(self, kind, data):
        self.contentType, self.data = kind, bytearray(data)

    def write(self):
        return self.data


def connection_of(port, version, change=None):
    """A tlslite client; `change(connection, message)` gives what goes out in a message's place: a list."""
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = version
    settings.eccCurves = ["x25519", "secp256r1"]
    settings.keyShares = ["x25519"]
    connection = TLSConnection(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
    send = connection._sendMsg

    def changed(outgoing, *arguments, **options):
        for each in (change(connection, outgoing) if change else [outgoing]):
            yield from send(each, *arguments, **options)
        if connection.after_hello:
            connection.sock.flush()
            connection.sock.sendall(connection.after_hello)
            connection.after_hello = b""
    connection._sendMsg = changed
    connection.send_raw = lambda *messages: [list(send(each)) for each in messages]
    connection.settings, connection.after_hello = settings, b""
    return connection


def outcome(action):
    try:
        result = action()
        return "closed" if result in (b"", bytearray()) else "served"
    except TLSRemoteAlert as alert:
        return name_of(alert.description)
    except TLSLocalAlert as alert:
        return f"local {name_of(alert.description)}"
    except TLSAbruptCloseError:
        return "closed"
    except (socket.timeout, TimeoutError):
        return "silence"
    except ConnectionResetError:
        return "reset"
    except BrokenPipeError:
        return "closed"


def amid(version, change):
    """A handshake in which what `change` says goes wrong."""
    def run(port):
        connection = connection_of(port, version, change)

        def go():
            connection.handshakeClientCert(serverName=HOST, settings=connection.settings)
            connection.sock.settimeout(PATIENCE_S)
            return connection.read(min=1, max=100)
        try:
            return outcome(go)
        finally:
            connection.sock.close()
    return run


def after(version, action):
    """A good handshake, then `action(connection)`."""
    def run(port):
        connection = connection_of(port, version)
        connection.handshakeClientCert(serverName=HOST, settings=connection.settings)
        connection.sock.settimeout(PATIENCE_S)

        def go():
            action(connection)
            return connection.read(min=1, max=100)
        try:
            return outcome(go)
        finally:
            connection.sock.close()
    return run


def altered(kind, alter):
    """Handshake messages of this type (RFC 8446 section 4) go through `alter(body)`, which gives another body."""
    def change(_connection, outgoing):
        data = bytes(outgoing.write())
        if outgoing.contentType != HANDSHAKE or data[0] != kind:
            return [outgoing]
        return [Raw(HANDSHAKE, message(kind, alter(data[4:])))]
    return change


def before(kind, *others):
    """These messages go out before one of this type."""
    def change(_connection, outgoing):
        data = bytes(outgoing.write())
        return [*others, outgoing] if outgoing.contentType == HANDSHAKE and data[0] == kind else [outgoing]
    return change


def instead(content, kind, *others):
    """These in the place of a record of this content type (and, of a handshake, this message)."""
    def change(_connection, outgoing):
        data = bytes(outgoing.write())
        return list(others) if outgoing.contentType == content and (kind is None or data[0] == kind) else [outgoing]
    return change


def flip(data):
    return bytes([data[0] ^ 1]) + data[1:]


def handshake_data(*messages):
    return lambda connection: connection.send_raw(*[Raw(HANDSHAKE, each) for each in messages])


def raw_wire(data):
    return lambda connection: connection.sock.sendall(data)


def corrupt(connection):
    """A sealed record whose last byte is another."""
    class Tap:
        def __init__(self, sock):
            self.sock = sock

        def send(self, data):
            data = bytearray(data)
            data[-1] ^= 1
            return self.sock.send(data)

        def __getattr__(self, name):
            return getattr(self.sock, name)
    layer = connection._recordLayer._recordSocket
    layer.sock, kept = Tap(layer.sock), layer.sock
    connection.send_raw(Raw(DATA, b"GET / HTTP/1.1\r\n\r\n"))
    layer.sock = kept


def on_the_wire(kind, *records):
    """These records as they are, before a message of this type."""
    def change(connection, outgoing):
        data = bytes(outgoing.write())
        if outgoing.contentType == HANDSHAKE and data[0] == kind:
            connection.sock.flush()
            connection.sock.sendall(b"".join(records))
        return [outgoing]
    return change


V12, V13 = (3, 3), (3, 4)
FINISHED, KEY_UPDATE, CLIENT_KEY_EXCHANGE, CERTIFICATE, CLIENT_HELLO = 20, 24, 16, 11, 1


def psk(binders=(b"b" * 32,), identities=((b"ticket" * 20, 0),)):
    listed = b"".join(vector(2, name) + age.to_bytes(4, "big") for name, age in identities)
    return extension(41, vector(2, listed) + vector(2, b"".join(vector(1, each) for each in binders)))


MODES = extension(45, vector(1, b"\x01"))


def early_data(*records):
    """The hello of a client that resumes by a ticket which opens nothing, and these records right behind it."""
    def change(connection, outgoing):
        data = bytes(outgoing.write())
        if outgoing.contentType != HANDSHAKE or data[0] != CLIENT_HELLO or hasattr(connection, "is_early"):
            return [outgoing]
        connection.is_early = True
        start = 4 + 2 + 32
        start += 1 + data[start]
        start += 2 + int.from_bytes(data[start:start + 2], "big")
        start += 1 + data[start]
        kept, rest = b"", data[start + 2:]
        while rest:
            size = 4 + int.from_bytes(rest[2:4], "big")
            kept += rest[:size] if int.from_bytes(rest[:2], "big") != 45 else b""
            rest = rest[size:]
        connection.after_hello = b"".join(records)
        return [Raw(HANDSHAKE, message(CLIENT_HELLO, data[4:start] + vector(2, kept + MODES + extension(42, b"") + psk())))]
    return change

# name, run, the alert of the clause, the clause[, what comes instead, why]
ROWS = [
    # Records.
    ("application data first", says(record(DATA, b"hello")), "unexpected_message", "RFC 8446 5.1"),
    ("change_cipher_spec first", says(record(CHANGE_CIPHER_SPEC, b"\1")), "unexpected_message", "RFC 8446 5"),
    ("an unknown record type first", says(record(99, b"hello")), "unexpected_message", "RFC 8446 5"),
    ("heartbeat first", says(record(24, b"\1\0\0")), "unexpected_message", "RFC 8446 5"),
    ("an empty handshake fragment", says(record(HANDSHAKE, b"")), "unexpected_message", "RFC 8446 5.1"),
    ("a record of 2^14 + 1 bytes", says(record(HANDSHAKE, hello13() + bytes(2**14 + 1 - len(hello13())))), "record_overflow", "RFC 8446 5.1"),
    ("a record of 65535 bytes", says(record(HANDSHAKE, hello13() + bytes(65535 - len(hello13())))), "record_overflow", "RFC 8446 5.1"),
    # To be ignored: the hello is answered, and the client is waited for.
    ("record version 0x0500", first(hello13(), 0x0500), "silence", "RFC 8446 5.1", "reset", MAJOR),
    ("record version 0", first(hello13(), 0), "silence", "RFC 8446 5.1", "reset", MAJOR),
    ("record version 0x03ff", first(hello13(), 0x03ff), "silence", "RFC 8446 5.1"),
    ("plain data before Finished", amid(V13, on_the_wire(FINISHED, record(DATA, bytes(40), 0x0303))), "bad_record_mac", "RFC 8446 5.2"),
    ("a plain Finished", amid(V13, on_the_wire(FINISHED, record(HANDSHAKE, message(FINISHED, bytes(32)), 0x0303))), "unexpected_message", "RFC 8446 5.1", "bad_record_mac", OPENED),
    ("two hellos", amid(V13, on_the_wire(FINISHED, record(HANDSHAKE, hello13(), 0x0303))), "unexpected_message", "RFC 8446 4.1.2", "bad_record_mac", OPENED),
    ("two hellos in one record", first(hello13() + hello13()), "unexpected_message", "RFC 8446 5.1"),
    ("change_cipher_spec of two bytes", amid(V13, on_the_wire(FINISHED, record(CHANGE_CIPHER_SPEC, b"\1\1", 0x0303))), "unexpected_message", "RFC 8446 5", "bad_record_mac", OPENED),
    ("change_cipher_spec of another value", amid(V13, on_the_wire(FINISHED, record(CHANGE_CIPHER_SPEC, b"\2", 0x0303))), "unexpected_message", "RFC 8446 5", "bad_record_mac", OPENED),
    ("a flood of change_cipher_spec", amid(V13, on_the_wire(FINISHED, record(CHANGE_CIPHER_SPEC, b"\1", 0x0303) * 100)), "unexpected_message", "RFC 8446 D.4"),
    ("a flood of empty records", says(record(HANDSHAKE, hello12()) + record(HANDSHAKE, b"") * 100), "unexpected_message", "RFC 5246 6.2.1"),
    ("a flood of warnings", says(record(HANDSHAKE, hello12()) + record(ALERT, b"\1\x5a") * 100), "unexpected_message", "RFC 5246 7.2.2"),
    ("an alert of one byte", says(record(HANDSHAKE, hello12()) + record(ALERT, b"\1")), "decode_error", "RFC 8446 6"),
    ("an alert of an unknown level", says(record(HANDSHAKE, hello12()) + record(ALERT, b"\3\0")), "illegal_parameter", "RFC 8446 6"),
    # Messages that are none of a client's first.
    ("HelloRequest first", first(message(0, b"")), "unexpected_message", "RFC 8446 4"),
    ("ServerHello first", first(message(2, bytes(38))), "unexpected_message", "RFC 8446 4"),
    ("Certificate first", first(message(11, bytes(3))), "unexpected_message", "RFC 8446 4"),
    ("ClientKeyExchange first", first(message(16, vector(1, bytes(32)))), "unexpected_message", "RFC 5246 7.3"),
    ("Finished first", first(message(20, bytes(12))), "unexpected_message", "RFC 8446 4"),
    ("an unknown message first", first(message(99, b"hello")), "unexpected_message", "RFC 8446 4"),
    # Versions.
    ("TLS 1.1 at most", first(hello12(version=0x0302)), "protocol_version", "RFC 8446 4.1.3"),
    ("TLS 1.0 at most", first(hello12(version=0x0301)), "protocol_version", "RFC 8446 4.1.3"),
    ("SSL 3", first(hello12(version=0x0300), 0x0300), "protocol_version", "RFC 7568 3"),
    # The connection is to be aborted; no alert is named.
    ("SSL 2", says(b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40)), "reset", "RFC 6176 3"),
    ("TLS in a hello of SSL 2", says(b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + bytes(40)), "reset", "RFC 8446 D.5"),
    ("supported_versions of 1.1 alone", first(hello13(extension(43, vector(1, words(0x0302))))), "protocol_version", "RFC 8446 4.2.1"),
    ("supported_versions of none known", first(hello13(extension(43, vector(1, words(0x7a7a, 0x0505))))), "protocol_version", "RFC 8446 4.2.1"),
    ("supported_versions empty", first(hello13(extension(43, vector(1, b"")))), "decode_error", "RFC 8446 4.2.1"),
    ("supported_versions of odd size", first(hello13(extension(43, vector(1, b"\3\4\3")))), "decode_error", "RFC 8446 4.2.1"),
    ("fallback from 1.3 (TLS_FALLBACK_SCSV)", first(hello12(ciphers=(0xc02b, 0xc02f, 0x5600))), "inappropriate_fallback", "RFC 7507 3"),
    # The hello's own fields.
    ("a session id of 33 bytes", first(hello13(session=bytes(33))), "decode_error", "RFC 8446 4.1.2"),
    ("a session id that is too long for its hello", first(hello13(raw_session=b"\xff" + bytes(32))), "decode_error", "RFC 8446 6.2"),
    ("cipher suites of odd size", first(hello13(raw_ciphers=vector(2, b"\x13\x01\xc0"))), "decode_error", "RFC 8446 4.1.2"),
    ("no cipher suite", first(hello13(raw_ciphers=vector(2, b""))), "decode_error", "RFC 8446 4.1.2"),
    ("cipher suites that are too long for their hello", first(hello13(raw_ciphers=b"\xff\xfe\x13\x01")), "decode_error", "RFC 8446 6.2"),
    ("unknown cipher suites alone", first(hello13(ciphers=(0x1399, 0xfefe))), "handshake_failure", "RFC 8446 4.1.1"),
    ("CBC cipher suites alone", first(hello12(ciphers=(0xc013, 0xc027))), "handshake_failure", "RFC 5246 7.4.1.3"),
    ("no compression method", first(hello13(compressions=b"")), "decode_error", "RFC 5246 7.4.1.2"),
    ("compression without null", first(hello13(compressions=b"\1")), "illegal_parameter", "RFC 8446 4.1.2"),
    ("1.3 with compression beside null", first(hello13(compressions=b"\1\0")), "illegal_parameter", "RFC 8446 4.1.2"),
    ("1.2 with compression without null", first(hello12(compressions=b"\1")), "illegal_parameter", "RFC 5246 7.4.1.2"),
    ("bytes behind the extensions", first(hello13(tail=b"xx")), "decode_error", "RFC 8446 6.2"),
    ("extensions that are too long for their hello", first(hello13(raw_extensions=b"\xff\xff" + SNI)), "decode_error", "RFC 8446 6.2"),
    ("an extension that is too long for its list", first(hello13(raw_extensions=vector(2, SNI + b"\0\x0a\0\xff\0"))), "decode_error", "RFC 8446 6.2"),
    # Extensions.
    ("one extension twice", first(hello13(add=(GROUPS,))), "illegal_parameter", "RFC 8446 4.2, 6"),
    ("an unknown extension twice", first(hello13(add=(extension(0x1234, b""),) * 2)), "illegal_parameter", "RFC 8446 4.2, 6"),
    ("two server names", first(hello13(extension(0, vector(2, (b"\0" + vector(2, HOST.encode())) * 2)))), "illegal_parameter", "RFC 6066 3, RFC 8446 6"),
    ("a server name of no byte", first(hello13(extension(0, vector(2, b"\0" + vector(2, b""))))), "decode_error", "RFC 6066 3"),
    ("a list of no server name", first(hello13(extension(0, vector(2, b"")))), "decode_error", "RFC 6066 3"),
    ("a server name with NUL", first(hello13(extension(0, vector(2, b"\0" + vector(2, b"app\0.example.com"))))), "illegal_parameter", "RFC 8446 6"),
    ("supported_groups empty", first(hello13(extension(10, vector(2, b"")))), "decode_error", "RFC 8446 4.2.7"),
    ("supported_groups of odd size", first(hello13(extension(10, vector(2, b"\0\x1d\0")))), "decode_error", "RFC 8446 4.2.7"),
    ("supported_groups of none known", first(hello13(extension(10, vector(2, words(0x7a7a))), extension(51, vector(2, b"")))), "handshake_failure", "RFC 8446 4.2.8"),
    ("signature_algorithms empty", first(hello13(extension(13, vector(2, b"")))), "decode_error", "RFC 8446 4.2.3"),
    ("signature_algorithms of odd size", first(hello13(extension(13, vector(2, b"\4\3\4")))), "decode_error", "RFC 8446 4.2.3"),
    ("signature_algorithms of none known", first(hello13(extension(13, vector(2, words(0x7a7a))))), "handshake_failure", "RFC 8446 4.4.2.2"),
    ("1.3 without signature_algorithms", first(hello13(without=(13,))), "missing_extension", "RFC 8446 9.2"),
    ("1.3 without supported_groups", first(hello13(without=(10,))), "missing_extension", "RFC 8446 9.2"),
    ("1.3 without groups and key_share", first(hello13(without=(10, 51))), "missing_extension", "RFC 8446 9.2"),
    ("1.3 without key_share", first(hello13(without=(51,))), "missing_extension", "RFC 8446 9.2"),
    # Of the wrong size, too; but the clause names the alert of a list without "uncompressed".
    ("ec_point_formats empty", first(hello12(extension(11, vector(1, b"")))), "illegal_parameter", "RFC 8422 5.1.2"),
    ("ec_point_formats without uncompressed", first(hello12(extension(11, vector(1, b"\1\2")))), "illegal_parameter", "RFC 8422 5.1.2"),
    ("ALPN empty", first(hello13(add=(extension(16, vector(2, b"")),))), "decode_error", "RFC 7301 3.1"),
    ("ALPN with an empty name", first(hello13(add=(extension(16, vector(2, vector(1, b""))),))), "decode_error", "RFC 7301 3.1"),
    ("ALPN that is too long for its list", first(hello13(add=(extension(16, vector(2, b"\xffh2")),))), "decode_error", "RFC 7301 3.1"),
    ("extended_master_secret with content", first(hello12(add=(extension(23, b"x"),))), "decode_error", "RFC 7627 5.1"),
    ("renegotiation_info with content", first(hello12(add=(extension(0xff01, vector(1, b"x" * 12)),))), "handshake_failure", "RFC 5746 3.6"),
    ("status_request cut off", first(hello13(add=(extension(5, b"\1\0"),))), "decode_error", "RFC 6066 8", "silence",
     "AWS-LC reads the type alone (ext_ocsp_parse_clienthello), and goes on"),
    # Key shares and points.
    # A server may check this, and need not: here it asks for a share of the supported group.
    ("a share of a group that is not supported", first(hello13(extension(10, vector(2, words(P256))), share((X25519, GOOD_KEY)))), "silence", "RFC 8446 4.2.8"),
    ("two shares of one group", first(hello13(share((X25519, GOOD_KEY), (X25519, GOOD_KEY)))), "illegal_parameter", "RFC 8446 4.2.8"),
    ("an X25519 share of 31 bytes", first(hello13(share((X25519, bytes(31))))), "illegal_parameter", "RFC 8446 4.2.8.2"),
    ("an X25519 share of zeros", first(hello13(share((X25519, bytes(32))))), "illegal_parameter", "RFC 8446 7.4.2"),
    ("an empty share", first(hello13(share((X25519, b"")))), "decode_error", "RFC 8446 4.2.8"),
    ("a P-256 share that is no point", first(hello13(extension(10, vector(2, words(P256))), share((P256, b"\4" + b"\1" * 64)))), "illegal_parameter",
     "RFC 8446 4.2.8.2"),
    ("a compressed P-256 share", first(hello13(extension(10, vector(2, words(P256))), share((P256, b"\2" + b"\1" * 32)))), "illegal_parameter",
     "RFC 8446 4.2.8.2"),
    ("a share list that is cut off", first(hello13(extension(51, vector(2, words(X25519, 32) + bytes(8))))), "decode_error", "RFC 8446 6.2"),
    ("1.2 with a point that is none", amid(V12, altered(CLIENT_KEY_EXCHANGE, lambda body: vector(1, bytes(len(body) - 1)))), "illegal_parameter",
     "RFC 8422 5.11"),
    ("1.2 with a point that is cut off", amid(V12, altered(CLIENT_KEY_EXCHANGE, lambda body: body[:-1])), "decode_error", "RFC 5246 7.2.2"),
    ("1.2 with bytes behind the point", amid(V12, altered(CLIENT_KEY_EXCHANGE, lambda body: body + b"x")), "decode_error", "RFC 5246 7.2.2"),
    ("1.2 with an empty ClientKeyExchange", amid(V12, altered(CLIENT_KEY_EXCHANGE, lambda body: b"")), "decode_error", "RFC 5246 7.2.2"),
    # Pre-shared keys and early data.
    ("pre_shared_key that is not the last", first(hello13(add=(MODES, psk(), extension(0x1234, b"")))), "illegal_parameter", "RFC 8446 4.2.11"),
    ("pre_shared_key without its modes", first(hello13(add=(psk(),))), "missing_extension", "RFC 8446 4.2.9"),
    ("more binders than identities", first(hello13(add=(MODES, psk(binders=(b"b" * 32, b"c" * 32))))), "illegal_parameter", "RFC 8446 4.2.11"),
    ("no identity", first(hello13(add=(MODES, psk(identities=())))), "decode_error", "RFC 8446 4.2.11"),
    ("a binder of 31 bytes", first(hello13(add=(MODES, psk(binders=(b"b" * 31,))))), "decode_error", "RFC 8446 4.2.11", "silence",
     "AWS-LC looks at a binder's size when its ticket opens (ssl_ext_pre_shared_key_parse_clienthello): a whole handshake goes on"),
    ("psk_key_exchange_modes empty", first(hello13(add=(extension(45, vector(1, b"")),))), "decode_error", "RFC 8446 4.2.9"),
    ("early data that is never taken, 64 KiB", amid(V13, early_data(record(DATA, bytes(16000), 0x0303) * 4)), "unexpected_message", "RFC 8446 4.6.1"),
    ("early_data with content", first(hello13(add=(MODES, extension(42, b"x"), psk()))), "decode_error", "RFC 8446 4.2.10"),
    # Wrong turns of TLS 1.2.
    ("1.2 with a bad Finished", amid(V12, altered(FINISHED, flip)), "decrypt_error", "RFC 5246 7.4.9"),
    ("1.2 with a short Finished", amid(V12, altered(FINISHED, lambda body: body[:-1])), "decode_error", "RFC 5246 7.2.2", "decrypt_error",
     FINISHED_SIZE + " (ssl_get_finished)"),
    ("1.2 without ClientKeyExchange", amid(V12, instead(HANDSHAKE, CLIENT_KEY_EXCHANGE)), "unexpected_message", "RFC 5246 7.3"),
    ("1.2 with ClientKeyExchange twice", amid(V12, before(CLIENT_KEY_EXCHANGE, Raw(HANDSHAKE, message(16, vector(1, GOOD_KEY))))), "unexpected_message",
     "RFC 5246 7.3"),
    ("1.2 with a certificate that nobody asked for", amid(V12, before(CLIENT_KEY_EXCHANGE, Raw(HANDSHAKE, message(11, bytes(3))))), "unexpected_message",
     "RFC 5246 7.4.6"),
    ("1.2 with change_cipher_spec before its keys", amid(V12, before(CLIENT_KEY_EXCHANGE, Raw(CHANGE_CIPHER_SPEC, b"\1"))), "unexpected_message",
     "RFC 5246 7.1"),
    ("1.2 with data before Finished", amid(V12, before(CLIENT_KEY_EXCHANGE, Raw(DATA, b"early"))), "unexpected_message", "RFC 5246 7.3"),
    ("1.2 renegotiates", after(V12, handshake_data(hello12())), "no_renegotiation", "RFC 5246 7.2.2"),
    ("1.2 with HelloRequest of a client", after(V12, handshake_data(message(0, b""))), "unexpected_message", "RFC 5246 7.4.1.1", "no_renegotiation",
     RENEGOTIATION),
    ("1.2 with Finished again", after(V12, handshake_data(message(20, bytes(12)))), "unexpected_message", "RFC 5246 7.3", "no_renegotiation", RENEGOTIATION),
    ("1.2 with another MAC", after(V12, corrupt), "bad_record_mac", "RFC 5246 7.2.2"),
    ("1.2 with a sealed record of 4 bytes", after(V12, raw_wire(record(DATA, b"abcd", 0x0303))), "bad_record_mac", "RFC 5246 6.2.3.3"),
    ("1.2 with a sealed record of 2^14 + 2049 bytes", after(V12, raw_wire(record(DATA, bytes(2**14 + 2049), 0x0303))), "record_overflow", "RFC 5246 6.2.3"),
    ("1.2 with a plain alert within", after(V12, raw_wire(record(ALERT, b"\2\x28", 0x0303))), "bad_record_mac", "RFC 5246 6.2.3"),
    # Wrong turns of TLS 1.3.
    ("1.3 with a bad Finished", amid(V13, altered(FINISHED, flip)), "decrypt_error", "RFC 8446 4.4.4"),
    ("1.3 with a short Finished", amid(V13, altered(FINISHED, lambda body: body[:-1])), "decode_error", "RFC 8446 6", "decrypt_error",
     FINISHED_SIZE + " (tls13_process_finished)"),
    ("1.3 with a certificate that nobody asked for", amid(V13, before(FINISHED, Raw(HANDSHAKE, message(11, bytes(4))))), "unexpected_message",
     "RFC 8446 4.4.2"),
    ("1.3 with data before Finished", amid(V13, before(FINISHED, Raw(DATA, b"early"))), "unexpected_message", "RFC 8446 5.1"),
    ("1.3 with a key update before Finished", amid(V13, before(FINISHED, Raw(HANDSHAKE, message(24, b"\0")))), "unexpected_message", "RFC 8446 4.6.3"),
    ("1.3 with a hello again", after(V13, handshake_data(hello13())), "unexpected_message", "RFC 8446 4.1.2"),
    ("1.3 with Finished again", after(V13, handshake_data(message(20, bytes(32)))), "unexpected_message", "RFC 8446 4"),
    ("1.3 with NewSessionTicket of a client", after(V13, handshake_data(message(4, bytes(20)))), "unexpected_message", "RFC 8446 4.6.1"),
    ("1.3 with a key update of value 2", after(V13, handshake_data(message(24, b"\2"))), "illegal_parameter", "RFC 8446 4.6.3", "decode_error",
     "AWS-LC takes a value that is not defined for a message that it cannot parse (tls13_receive_key_update)"),
    ("1.3 with an empty key update", after(V13, handshake_data(message(24, b""))), "decode_error", "RFC 8446 6.2"),
    ("1.3 with a key update of two bytes", after(V13, handshake_data(message(24, b"\0\0"))), "decode_error", "RFC 8446 6.2"),
    ("1.3 with another tag", after(V13, corrupt), "bad_record_mac", "RFC 8446 5.2"),
    ("1.3 with a sealed record of 4 bytes", after(V13, raw_wire(record(DATA, b"abcd", 0x0303))), "bad_record_mac", "RFC 8446 5.2"),
    ("1.3 with a sealed record of 2^14 + 257 bytes", after(V13, raw_wire(record(DATA, bytes(2**14 + 257), 0x0303))), "record_overflow", "RFC 8446 5.2", "bad_record_mac",
     "AWS-LC allows 2^14 + 320 by every version (SSL3_RT_MAX_ENCRYPTED_LENGTH), and then finds the tag wrong"),
    ("1.3 with a sealed record of 2^14 + 321 bytes", after(V13, raw_wire(record(DATA, bytes(2**14 + 321), 0x0303))), "record_overflow", "RFC 8446 5.2"),
    ("1.3 with plain data within", after(V13, raw_wire(record(HANDSHAKE, b"hello", 0x0303))), "unexpected_message", "RFC 8446 5", "bad_record_mac",
     OPENED),
    ("1.3 with change_cipher_spec after Finished", after(V13, raw_wire(record(CHANGE_CIPHER_SPEC, b"\1", 0x0303))), "unexpected_message", "RFC 8446 5",
     "bad_record_mac", OPENED),
    ("1.3 with sealed heartbeat", after(V13, lambda connection: connection.send_raw(Raw(24, b"\1\0\0"))), "unexpected_message", "RFC 8446 5.2"),
]


def key_update_flood(connection):
    """Each is sealed under the keys that the one before made."""
    connection.sock.buffer_writes = True
    for _ in range(100):
        list(connection.send_keyupdate_request(0))
    connection.sock.flush()


ROWS.append(("1.3 with a flood of key updates", after(V13, key_update_flood), "unexpected_message", "RFC 8446 4.6.3"))


def main():
    port, wanted_names = int(sys.argv[1]), set(sys.argv[2:])
    failures, differing = 0, 0
    for name, run, alert, clause, *other in ROWS:
        if wanted_names and name not in wanted_names:
            continue
        expected = other[0] if other else alert
        answer = run(port)
        differing += answer == expected and bool(other)
        if answer != expected:
            failures += 1
            print(f"{name}: {answer}, not {expected} ({clause})")
        elif other and os.environ.get("VERBOSE"):
            print(f"{name}: {answer} where {clause} says {alert}: {other[1]}")
    print(f"hostile handshakes: {len(ROWS)}, {len(ROWS) - failures - differing} answered with the alert of their clause, {differing} otherwise for a reason "
          f"that is told, {failures} wrong")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
