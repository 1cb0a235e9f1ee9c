"""Clients that wrk and h2load do not offer: handshakes that resume, connections that idle, a gateway that is watched while it reloads."""
import http.client
import os
import socket
import ssl
import time

import h2.config
import h2.connection
import h2.events

import measure

REQUEST = "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"


def stay_on_load_core():
    os.sched_setaffinity(0, {int(measure.LOAD_CORE)})


def context(*protocols):
    value = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    value.check_hostname, value.verify_mode = False, ssl.CERT_NONE
    value.minimum_version = ssl.TLSVersion.TLSv1_3
    if protocols:
        value.set_alpn_protocols(list(protocols))
    return value


def connect(port, host=None, tls=None, session=None):
    connection = socket.create_connection(("127.0.0.1", port), 20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection if tls is None else tls.wrap_socket(connection, server_hostname=host, session=session)


def ask(connection, host):
    """One GET over a connection that stays open; its body must be there."""
    connection.sendall(REQUEST.format(host=host).encode())
    answer = b""
    while b"\r\n\r\n" not in answer or b"hello" not in answer:
        chunk = connection.recv(16384)
        if not chunk:
            raise OSError("closed in the middle of an answer: %r" % answer[:80])
        answer += chunk
    if not answer.startswith(b"HTTP/1.1 200"):
        raise OSError("not a 200: %r" % answer[:80])


def ask_http2(connection, host):
    engine = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    engine.initiate_connection()
    engine.send_headers(1, [(":method", "GET"), (":scheme", "https"), (":authority", host), (":path", "/")], end_stream=True)
    connection.sendall(engine.data_to_send())
    while True:
        chunk = connection.recv(16384)
        if not chunk:
            raise OSError("closed in the middle of an answer")
        ended = any(isinstance(event, h2.events.StreamEnded) for event in engine.receive_data(chunk))
        connection.sendall(engine.data_to_send())
        if ended:
            return


def resumed_handshakes(port, host, seconds):
    """New connections, each with the session of the one before and one request. Returns how many; one that did not resume is an error."""
    tls = context("http/1.1")
    with connect(port, host, tls) as first:
        ask(first, host)
        session = first.session
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        with connect(port, host, tls, session) as connection:
            ask(connection, host)
            if not connection.session_reused:
                raise OSError("a session was not resumed")
            session = connection.session
        count += 1
    return count


def idle_connections(count, port, host, protocol):
    """Connections that made one request each and stay; the caller closes them."""
    tls = None if protocol is None else context(protocol)
    held = []
    for _ in range(count):
        connection = connect(port, host, tls)
        if protocol == "h2":
            ask_http2(connection, host)
        else:
            ask(connection, host)
        held.append(connection)
    return held


def shown_names(port, host):
    """The DNS names of the certificate that a server shows for a name; none when it shows nothing."""
    from cryptography import x509
    try:
        with connect(port, host, context("http/1.1")) as connection:
            certificate = x509.load_der_x509_certificate(connection.getpeercert(True))
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except OSError:
        return []


def body(port, host, path="/"):
    """What a new plaintext connection gets; None when it fails."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
