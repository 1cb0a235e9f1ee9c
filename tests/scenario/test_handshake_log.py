"""A failed handshake leaves one line in the access log, with the server name and the reason; a silent peer leaves none."""
import resource
import socket
import ssl
import struct
import subprocess

import pytest
from support.client import connect, receive_all, request, tls_context
from scenario.test_client_hello import client_hello, records

NAME = "app.example.com"


def failed(gateway, reason, server_name=NAME):
    entry = gateway.entry(connection_termination_details=reason)
    assert entry["requested_server_name"] == server_name
    assert entry["response_code"] == 0 and entry["response_code_details"] is None
    assert entry["response_flags"] == ("OM" if reason == "handshake_evicted" else "-")
    assert entry["upstream_host"] is None
    return entry


def s_client(port, *arguments):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)


def test_no_common_version(scenario):
    gateway = scenario.start()
    assert s_client(scenario.https_port, "-tls1_1", "-cipher", "ALL@SECLEVEL=0").returncode != 0
    failed(gateway, "no_common_version")


@pytest.mark.parametrize("arguments", [
    ["-tls1_2", "-cipher", "AES128-SHA"], ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
    ["-tls1_2", "-groups", "P-521"], ["-tls1_3", "-groups", "P-521"],
    ["-tls1_2", "-sigalgs", "RSA+SHA256"], ["-tls1_3", "-sigalgs", "RSA-PSS+SHA256"]])
def test_no_shared_cipher(scenario, arguments):
    gateway = scenario.start()
    assert s_client(scenario.https_port, *arguments).returncode != 0
    failed(gateway, "no_shared_cipher")


# OpenSSL sends this alert of TLS 1.3 in plaintext, where RFC 8446 section 5.2 asks for an encrypted record: nobody can tell who wrote it.
@pytest.mark.parametrize("version, reason", [(ssl.TLSVersion.TLSv1_2, "unknown_ca"), (ssl.TLSVersion.TLSv1_3, "handshake_failed")])
def test_the_client_does_not_know_the_authority(scenario, version, reason):
    gateway = scenario.start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(scenario.https_port, NAME, tls=True, context=context)
    failed(gateway, reason)
    with connect(scenario.https_port, NAME, tls=True):
        pass
    assert len(gateway.entries()) == 1


def test_the_client_leaves_amid_its_hello_and_after_it(scenario):
    gateway = scenario.start()
    wire = b"".join(records(client_hello(NAME)))
    with connect(scenario.https_port) as connection:
        connection.sendall(wire[:20])
    failed(gateway, "client_closed", None)
    with connect(scenario.https_port) as connection:
        connection.sendall(wire)
        connection.recv(5)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gateway.entry(connection_termination_details="client_closed", requested_server_name=NAME)


def test_a_hello_that_is_too_large(scenario):
    gateway = scenario.start()
    with connect(scenario.https_port) as connection:
        connection.sendall(b"\x16\x03\x01\x40\x00\x01\x7f\xff\xff" + bytes(64))
        receive_all(connection)
    failed(gateway, "client_hello_too_large", None)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_no_certificate_yet(scenario, version):
    scenario.write("secret.yaml")
    gateway = scenario.start()
    assert s_client(scenario.https_port, version).returncode != 0
    failed(gateway, "no_certificate")


def test_a_silent_peer_leaves_no_line(scenario):
    gateway = scenario.start()
    connect(scenario.https_port).close()
    assert request(scenario.https_port, "/", tls=True).status == 200
    gateway.entry(response_code=200)
    assert len(gateway.entries()) == 1


def test_the_reason_in_the_library_s_words(scenario):
    operator = scenario.read("operator.yaml")["items"][0]
    operator["spec"].setdefault("meshConfig", {}).update(
        accessLogFile="/dev/stdout", accessLogEncoding="JSON", accessLogFormat='{"connection_termination_details":"%CONNECTION_TERMINATION_DETAILS%","why":"%DOWNSTREAM_TRANSPORT_FAILURE_REASON%"}')
    scenario.write("operator.yaml", operator)
    gateway = scenario.start()
    s_client(scenario.https_port, "-tls1_2", "-cipher", "AES128-SHA")
    assert "NO_SHARED_CIPHER" in gateway.entry(connection_termination_details="no_shared_cipher")["why"]


@pytest.mark.parametrize("description, reason", [(42, "bad_certificate"), (45, "bad_certificate"), (46, "bad_certificate"), (48, "unknown_ca")])
def test_the_client_s_own_word_about_the_certificate(scenario, description, reason):
    """bad_certificate, certificate_expired, certificate_unknown and unknown_ca (RFC 5246 section 7.2.2), in plaintext as TLS 1.2 has it."""
    gateway = scenario.start()
    context = tls_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    with connect(scenario.https_port) as connection:
        connection.sendall(outgoing.read())
        assert connection.recv(5)[:2] == b"\x16\x03"
        connection.sendall(bytes([21, 3, 3, 0, 2, 2, description]))
        receive_all(connection)
    failed(gateway, reason)


@pytest.mark.deep
def test_deadlines(scenario):
    """15 seconds for a whole hello, and 15 for the handshake after it."""
    gateway = scenario.start()
    wire = b"".join(records(client_hello(NAME)))
    with connect(scenario.https_port, timeout=30) as half, connect(scenario.https_port, timeout=30) as whole:
        half.sendall(wire[:20])
        whole.sendall(wire)
        receive_all(half)
        receive_all(whole)
    failed(gateway, "client_hello_timeout", None)
    failed(gateway, "handshake_timeout")


def test_too_many_handshakes_under_way(scenario):
    """The one that waits longest without an answer goes; one that has answered stays, and newcomers are served."""
    ceiling = 4096
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    gateway = scenario.start(arguments=["--concurrency", "1"])
    wire = b"".join(records(client_hello(NAME)))
    first = connect(scenario.https_port)
    first.sendall(wire)
    assert first.recv(5)
    others = [connect(scenario.https_port) for _ in range(ceiling)]
    for other in others:
        other.sendall(wire[:20])
    failed(gateway, "handshake_evicted")
    assert request(scenario.https_port, "/", tls=True).status == 200
    assert gateway.stats()["downstream_connections_in_handshake"] <= ceiling
    for each in (first, *others):
        each.close()
