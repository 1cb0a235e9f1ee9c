"""Client certificates (modes MUTUAL, OPTIONAL_MUTUAL, ISTIO_MUTUAL), seen with `openssl s_client`: who comes in, who does not and why, in TLS 1.2 and 1.3."""
import base64
import hashlib
import json
import os
import pathlib
import re
import ssl
import subprocess

import h2.connection
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from support import configuration as istio
from support.client import connect, read_response
from support.gateway import free_ports, wait_until
from support.pki import Authority, config_map, secret

NAME = "app.example.com"
VERSIONS = ("-tls1_2", "-tls1_3")
# RFC 8446 section 6
HANDSHAKE_FAILURE, BAD_CERTIFICATE, UNSUPPORTED_CERTIFICATE, REVOKED, EXPIRED, UNKNOWN_CA, ACCESS_DENIED, REQUIRED = 40, 42, 43, 44, 45, 48, 49, 116

CLIENTS, OTHERS = Authority("clients"), Authority("others")
MIDDLE = Authority("middle", CLIENTS)
GOOD = CLIENTS.issue("client.test", "spiffe://cluster.local/ns/shop/sa/web", "10.1.2.3")
BY_MIDDLE = MIDDLE.issue("deep.test")
FOREIGN = OTHERS.issue("client.test")
SELF_SIGNED = Authority.self_signed("client.test")
PAST = CLIENTS.issue("client.test", days=(-9, -2))
FUTURE = CLIENTS.issue("client.test", days=(2, 9))
BAD = CLIENTS.issue("client.test")
SERVER_ONLY = CLIENTS.issue("client.test", usages=[ExtendedKeyUsageOID.SERVER_AUTH])
CLIENT_ONLY = CLIENTS.issue("client.test", usages=[ExtendedKeyUsageOID.CLIENT_AUTH])


def leaf(certificate):
    return certificate.certificate_pem.split(b"-----END CERTIFICATE-----\n")[0] + b"-----END CERTIFICATE-----\n"


class Client:
    def __init__(self, folder, port):
        self.folder, self.port, self.count = folder, port, 0

    def ask(self, version, certificate=None, name=NAME, arguments=(), chain=True):
        """What s_client printed of a request, and the alert that ended it."""
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername", name, version, "-ign_eof", *arguments]
        if certificate is not None:
            self.count += 1
            cert, key = certificate.write(str(self.folder), f"client{self.count}")
            pathlib.Path(cert).write_bytes(leaf(certificate))
            command += ["-cert", cert, "-key", key]
            if chain:
                path = pathlib.Path(cert + ".chain")
                path.write_bytes(certificate.certificate_pem)
                command += ["-cert_chain", str(path)]
        result = subprocess.run(command, input=f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n", capture_output=True, text=True,
                                timeout=30, check=False)
        printed = result.stdout + result.stderr
        alert = re.search(r"SSL alert number (\d+)", printed)
        return printed, int(alert.group(1)) if alert else None

    def enters(self, *arguments, **options):
        printed, alert = self.ask(*arguments, **options)
        assert "HTTP/1.1 200" in printed and alert is None, printed
        return printed

    def is_refused(self, alert, *arguments, **options):
        printed, got = self.ask(*arguments, **options)
        assert "HTTP/1.1 200" not in printed and got == alert, printed


@pytest.fixture
def mutual(scenario, tmp_path):
    """mutual(secrets, mode=..., ...) starts the scenario with that tls block on its HTTPS server; gives its client."""
    def start(*secrets, arguments=(), **tls):
        gateway = scenario.read("gateway.yaml")["items"][0]
        block = {"mode": "MUTUAL", "credentialName": "ingress-cert"}
        block.update(tls)
        gateway["spec"]["servers"][1]["tls"] = {key: value for key, value in block.items() if value is not None}
        scenario.write("gateway.yaml", gateway)
        scenario.write("more-secrets.yaml", *secrets)
        client = Client(tmp_path, scenario.https_port)
        client.scenario, client.gateway = scenario, scenario.start(arguments=arguments)
        return client
    return start


def trust(authority=CLIENTS, name="ingress-cert-cacert", **data):
    return secret(name, cacert=authority.pem, **data)


# --- Who comes in ---

@pytest.mark.parametrize("version", VERSIONS)
def test_mutual(mutual, version):
    client = mutual(trust())
    assert "Acceptable client certificate CA names\nCN = clients" in client.enters(version, GOOD)
    client.enters(version, BY_MIDDLE)
    client.enters(version, CLIENT_ONLY)
    missing = HANDSHAKE_FAILURE if version == "-tls1_2" else REQUIRED
    for certificate, alert, reason in ((None, missing, "missing"), (FOREIGN, UNKNOWN_CA, "unknown_ca"), (SELF_SIGNED, UNKNOWN_CA, "unknown_ca"),
                                       (PAST, EXPIRED, "expired"), (FUTURE, EXPIRED, "expired"),
                                       (SERVER_ONLY, UNSUPPORTED_CERTIFICATE, "refused")):
        client.is_refused(alert, version, certificate)
        entry = client.gateway.entry(connection_termination_details="client_certificate_" + reason)
        assert entry["requested_server_name"] == NAME and entry["response_code"] == 0
        assert entry["upstream_host"] is None
    client.is_refused(UNKNOWN_CA, version, BY_MIDDLE, chain=False)
    wait_until(lambda: len(client.gateway.entries()) == 10, what="ten lines")


@pytest.mark.parametrize("version", VERSIONS)
def test_optional_mutual(mutual, version):
    client = mutual(trust(), mode="OPTIONAL_MUTUAL")
    client.enters(version)
    client.enters(version, GOOD)
    client.is_refused(UNKNOWN_CA, version, FOREIGN)
    client.is_refused(EXPIRED, version, PAST)


@pytest.mark.parametrize("version", VERSIONS)
def test_simple_asks_for_nothing(mutual, version):
    client = mutual(trust(), mode="SIMPLE")
    assert "No client certificate CA names sent" in client.enters(version, FOREIGN)


@pytest.mark.parametrize("version", VERSIONS)
def test_verification_may_be_skipped(mutual, version):
    client = mutual(insecureSkipVerify=True, subjectAltNames=["nobody.test"])
    client.enters(version, FOREIGN)
    client.enters(version, PAST)
    client.is_refused(HANDSHAKE_FAILURE if version == "-tls1_2" else REQUIRED, version)
    client.gateway.wait_said("insecureSkipVerify accepts any client certificate")


@pytest.mark.parametrize("version", VERSIONS)
def test_an_intermediate_authority_may_stand_for_itself(mutual, version):
    client = mutual(trust(MIDDLE))
    client.enters(version, BY_MIDDLE)
    client.is_refused(UNKNOWN_CA, version, GOOD)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_may_stand_for_itself(mutual, version):
    client = mutual(secret("ingress-cert-cacert", cacert=leaf(GOOD)))
    client.enters(version, GOOD)
    client.is_refused(UNKNOWN_CA, version, BAD)


# --- Where the authorities come from (vector V11) ---

@pytest.mark.parametrize("version", VERSIONS)
def test_only_the_cacert_secret_counts_where_there_is_one(mutual, version):
    own = mutual_secret(OTHERS)
    client = mutual(own, trust(name="both-cacert"), credentialName="both")
    client.enters(version, GOOD)
    client.is_refused(UNKNOWN_CA, version, FOREIGN)
    # Without it, the Secret of the certificate itself counts, at once.
    client.scenario.write("more-secrets.yaml", own)
    wait_until(lambda: client.ask(version, FOREIGN)[1] is None, what="the other authority to be trusted")
    client.enters(version, FOREIGN)
    client.is_refused(UNKNOWN_CA, version, GOOD)


def mutual_secret(authority):
    """A Secret `both` of a server's certificate and of an authority for its clients."""
    server = AUTHORITY.issue("*.example.com")
    return secret("both", tls__crt=server.certificate_pem, tls__key=server.key_pem, ca__crt=authority.pem)


AUTHORITY = Authority()


@pytest.mark.parametrize("version", VERSIONS)
def test_an_empty_cacert_secret_hides_the_other(mutual, version):
    client = mutual(mutual_secret(CLIENTS), secret("both-cacert", other=b"x"), credentialName="both")
    printed, alert = client.ask(version, GOOD)
    assert "HTTP/1.1 200" not in printed and alert is None
    client.gateway.wait_said("it holds neither cacert nor ca.crt")
    client.scenario.write("more-secrets.yaml", mutual_secret(CLIENTS))
    wait_until(lambda: "HTTP/1.1 200" in client.ask(version, GOOD)[0], what="the handshake to be served")


@pytest.mark.parametrize("version", VERSIONS)
def test_another_credential_for_the_authorities(mutual, version):
    client = mutual(trust(OTHERS), secret("for-clients", ca__crt=CLIENTS.pem), caCertCredentialName="for-clients")
    client.enters(version, GOOD)
    client.is_refused(UNKNOWN_CA, version, FOREIGN)


@pytest.mark.parametrize("version", VERSIONS)
def test_authorities_of_a_config_map(mutual, version):
    """Of any namespace, with its revocation list; it comes, changes and goes as a Secret does."""
    client = mutual(config_map("clients", "shop", other=b"x"), caCertCredentialName="configmap://shop/clients")
    client.gateway.wait_said('"configmap://shop/clients" leads to no ConfigMap with cacert or ca.crt, so it is not known whom to trust; handshakes are closed')
    client.is_refused(None, version, GOOD)
    client.scenario.write("more-secrets.yaml", config_map("clients", "shop", ca__crt=CLIENTS.pem))
    wait_until(lambda: "HTTP/1.1 200" in client.ask(version, GOOD)[0], what="the server to be served")
    client.is_refused(UNKNOWN_CA, version, FOREIGN)
    client.scenario.write("more-secrets.yaml", config_map("clients", "shop", cacert=CLIENTS.pem, crl=CLIENTS.crl(BAD), ca__crt=OTHERS.pem))
    wait_until(lambda: client.ask(version, BAD)[1] == REVOKED, what="the list to count")
    client.enters(version, GOOD)
    client.is_refused(UNKNOWN_CA, version, FOREIGN)
    client.scenario.write("more-secrets.yaml", config_map("clients", "shop", ca__crt=b"rubbish"))
    client.gateway.wait_said("the last good authorities stay in use")
    client.enters(version, GOOD)
    client.is_refused(REVOKED, version, BAD)


@pytest.mark.parametrize("version", VERSIONS)
def test_files_are_watched(mutual, authority, tmp_path, version):
    folder = tmp_path / "files"
    folder.mkdir()
    chain, key = authority.issue("*.example.com").write(str(folder), "server")
    (folder / "ca.pem").write_bytes(CLIENTS.pem)
    client = mutual(credentialName=None, serverCertificate=chain, privateKey=key, caCertificates=str(folder / "ca.pem"))
    client.enters(version, GOOD)
    client.is_refused(UNKNOWN_CA, version, FOREIGN)
    replace(folder / "ca.pem", OTHERS.pem)
    wait_until(lambda: client.ask(version, FOREIGN)[1] is None, what="the new authority to be trusted")
    client.is_refused(UNKNOWN_CA, version, GOOD)
    # A broken file leaves what was good.
    replace(folder / "ca.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    client.gateway.wait_said("the last good authorities stay in use")
    client.enters(version, FOREIGN)
    server = authority.issue("*.example.com")
    replace(folder / "server.crt", server.certificate_pem)
    replace(folder / "server.key", server.key_pem)
    wait_until(lambda: served_certificate(client, FOREIGN) == server.der, what="the new certificate")


def replace(path, text):
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(text)
    temporary.rename(path)


def served_certificate(client, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(*certificate.write(str(client.folder), "shown"))
    with connect(client.port, NAME, tls=True, context=context) as connection:
        return connection.getpeercert(True)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_missing_authority_closes_its_own_server_alone(mutual, version):
    client = mutual()
    printed, alert = client.ask(version, GOOD)
    assert "HTTP/1.1 200" not in printed and alert is None
    client.gateway.wait_said("so it is not known whom to trust; handshakes are closed")
    entry = client.gateway.entry(connection_termination_details="no_certificate")
    assert entry["requested_server_name"] == NAME
    with connect(client.port, "nginx.tls.example.com", tls=True):
        pass
    # It comes: the server works, without another connection being touched.
    client.scenario.write("more-secrets.yaml", trust())
    wait_until(lambda: "HTTP/1.1 200" in client.ask(version, GOOD)[0], what="the server to be served")
    # It goes: the last good one stays, as with Istio.
    client.scenario.write("more-secrets.yaml")
    client.gateway.wait_said("the last good authorities stay in use")
    client.enters(version, GOOD)
    client.is_refused(UNKNOWN_CA, version, FOREIGN)


# --- Revocation ---

@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("keys", [("cacert", "crl"), ("ca__crt", "ca__crl")])
def test_a_revoked_certificate_is_refused(mutual, version, keys):
    def of(crl):
        return secret("ingress-cert-cacert", **{keys[0]: CLIENTS.pem, keys[1]: crl})
    client = mutual(of(CLIENTS.crl(BAD)))
    client.enters(version, GOOD)
    client.is_refused(REVOKED, version, BAD)
    client.gateway.entry(connection_termination_details="client_certificate_revoked")
    client.scenario.write("more-secrets.yaml", of(CLIENTS.crl(BAD, GOOD)))
    wait_until(lambda: client.ask(version, GOOD)[1] == REVOKED, what="the new list to count")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_revocation_list_of_files(mutual, authority, tmp_path, version):
    chain, key = authority.issue("*.example.com").write(str(tmp_path), "server")
    (tmp_path / "ca.pem").write_bytes(CLIENTS.pem)
    (tmp_path / "crl.pem").write_bytes(CLIENTS.crl(BAD))
    client = mutual(credentialName=None, serverCertificate=chain, privateKey=key, caCertificates=str(tmp_path / "ca.pem"),
                    caCrl=str(tmp_path / "crl.pem"))
    client.enters(version, GOOD)
    client.is_refused(REVOKED, version, BAD)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_link_needs_a_list(mutual, version):
    client = mutual(secret("ingress-cert-cacert", cacert=CLIENTS.pem, crl=CLIENTS.crl()))
    client.enters(version, GOOD)
    client.is_refused(UNKNOWN_CA, version, BY_MIDDLE)
    client.scenario.write("more-secrets.yaml", secret("ingress-cert-cacert", cacert=CLIENTS.pem, crl=CLIENTS.crl() + MIDDLE.crl()))
    wait_until(lambda: "HTTP/1.1 200" in client.ask(version, BY_MIDDLE)[0], what="the second list to count")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stale_list_closes_and_is_said(mutual, version):
    client = mutual(secret("ingress-cert-cacert", cacert=CLIENTS.pem, crl=CLIENTS.crl(days=(-9, -2))))
    client.gateway.wait_said("a revocation list is out of date")
    printed, _ = client.ask(version, GOOD)
    assert "HTTP/1.1 200" not in printed
    client.gateway.entry(connection_termination_details="client_certificate_refused")


# --- Names and pins ---

@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["client.test", "spiffe://cluster.local/ns/shop/sa/web", "10.1.2.3"])
def test_subject_alt_names(mutual, scenario, version, name):
    operator = scenario.read("operator.yaml")["items"][0]
    operator["spec"]["meshConfig"]["accessLogFormat"] = json.dumps({"details": "%CONNECTION_TERMINATION_DETAILS%", "why": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%"})
    scenario.write("operator.yaml", operator)
    client = mutual(trust(), subjectAltNames=["nobody.test", name])
    client.enters(version, GOOD)
    client.is_refused(ACCESS_DENIED, version, BY_MIDDLE)
    assert "verify SAN list" in client.gateway.entry(details="client_certificate_not_allowed")["why"].replace("_", " ")


def spki_pin(certificate):
    info = certificate.public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()


def colons(text):
    return ":".join(text[i:i + 2] for i in range(0, len(text), 2)).upper()


@pytest.mark.parametrize("version", VERSIONS)
def test_pins(mutual, version):
    client = mutual(trust(), verifyCertificateSpki=[spki_pin(GOOD)], verifyCertificateHash=[hashlib.sha256(BY_MIDDLE.der).hexdigest(),
                                                                                          colons(hashlib.sha256(CLIENT_ONLY.der).hexdigest())])
    client.enters(version, GOOD)
    client.enters(version, BY_MIDDLE)
    client.enters(version, CLIENT_ONLY)
    client.is_refused(ACCESS_DENIED, version, BAD)


@pytest.mark.parametrize("version", VERSIONS)
def test_pins_that_cannot_be_read_let_nobody_in(mutual, version):
    client = mutual(trust(), verifyCertificateHash=["abc"])
    client.gateway.wait_said('"abc" is no hash; it fits no certificate')
    printed, _ = client.ask(version, GOOD)
    assert "HTTP/1.1 200" not in printed


# --- ISTIO_MUTUAL ---

def write_identity(folder, authority, roots):
    certificate = authority.issue("spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway")
    for name, text in (("cert-chain.pem", certificate.certificate_pem), ("key.pem", certificate.key_pem), ("root-cert.pem", roots)):
        replace(folder / name, text)
    return certificate


@pytest.mark.parametrize("version", VERSIONS)
def test_istio_mutual(mutual, tmp_path, version):
    folder = tmp_path / "identity"
    folder.mkdir()
    shown = write_identity(folder, OTHERS, CLIENTS.pem)
    client = mutual(mode="ISTIO_MUTUAL", credentialName=None, minProtocolVersion="TLSV1_3", arguments=["--mesh-identity", str(folder)])
    client.enters(version, GOOD)
    assert served_certificate(client, GOOD) == shown.der
    client.is_refused(UNKNOWN_CA, version, FOREIGN)
    client.is_refused(HANDSHAKE_FAILURE if version == "-tls1_2" else REQUIRED, version)
    renewed = write_identity(folder, OTHERS, CLIENTS.pem)
    wait_until(lambda: served_certificate(client, GOOD) == renewed.der, what="the renewed certificate")


@pytest.mark.parametrize("version", VERSIONS)
def test_istio_mutual_without_an_identity_is_closed(mutual, version):
    client = mutual(mode="ISTIO_MUTUAL", credentialName=None)
    client.gateway.wait_said("shows the gateway's certificate in the mesh, which is not at hand")
    printed, _ = client.ask(version, GOOD)
    assert "HTTP/1.1 200" not in printed


# --- Sessions and connections that outlive a change ---

def resume(client, version, certificate, session=None):
    """A request; whether the session was resumed, and a session to go on with. None for one that was refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*certificate.write(str(client.folder), "resuming"))
    if session is not None:
        context = session[0]
    try:
        with connect(client.port, NAME, tls=True, context=context, session=session[1] if session else None) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
            with connection.makefile("rb") as stream:
                response = read_response(stream)
            # 421: the handshake was under the former demand, the request under the next.
            if response is None or response.status == 421:
                return None
            assert response.status == 200
            return connection.session_reused, (context, connection.session)
    except (ssl.SSLError, ConnectionResetError):
        return None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_does_not_get_around_a_revocation_or_another_authority(mutual, version):
    client = mutual(secret("ingress-cert-cacert", cacert=CLIENTS.pem, crl=CLIENTS.crl()))
    reused, session = resume(client, version, BAD)
    assert not reused
    reused, session = resume(client, version, BAD, session)
    assert reused
    client.scenario.write("more-secrets.yaml", secret("ingress-cert-cacert", cacert=CLIENTS.pem, crl=CLIENTS.crl(BAD)))
    wait_until(lambda: resume(client, version, BAD) is None, what="the certificate to be revoked")
    assert resume(client, version, BAD, session) is None
    client.scenario.write("more-secrets.yaml", trust(OTHERS))
    wait_until(lambda: resume(client, version, FOREIGN) is not None, what="the other authority")
    assert resume(client, version, BAD, session) is None


def test_a_connection_under_another_demand_is_answered_once_and_closed(mutual):
    client = mutual(trust())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(*GOOD.write(str(client.folder), "kept"))
    with connect(client.port, NAME, tls=True, context=context) as connection, connection.makefile("rb") as stream:
        ask = f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()
        connection.sendall(ask)
        assert read_response(stream).status == 200
        client.scenario.write("more-secrets.yaml", trust(OTHERS))
        wait_until(lambda: client.ask("-tls1_3", GOOD)[1] == UNKNOWN_CA, what="the other authority")
        connection.sendall(ask)
        answer = read_response(stream)
        assert answer.status == 421 and answer.field("connection") == "close"
        assert stream.read() == b""
    assert len(client.scenario.app.received) == 1


def test_an_http2_connection_under_another_demand_gets_one_421_and_goaway(mutual):
    client = mutual(trust())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(*GOOD.write(str(client.folder), "kept"))
    with connect(client.port, NAME, tls=True, context=context) as connection, connection.makefile("rb") as stream:
        http2 = h2.connection.H2Connection()
        http2.initiate_connection()
        head = [(":method", "GET"), (":scheme", "https"), (":authority", NAME), (":path", "/")]

        def read_frame():
            header = stream.read(9)
            length, kind, flags = int.from_bytes(header[:3], "big"), header[3], header[4]
            return kind, flags, stream.read(length)

        def ask():
            """The status of a request, and whether the gateway said that there is to be no other. Frame by frame: the library takes none after GOAWAY."""
            http2.send_headers(http2.get_next_available_stream_id(), head, end_stream=True)
            connection.sendall(http2.data_to_send())
            status, last, flags, kind = None, False, 0, None
            while kind not in (0, 1) or not flags & 1:  # DATA or HEADERS that ends the stream
                kind, flags, payload = read_frame()
                if kind == 1:
                    status = dict(http2.decoder.decode(payload))[":status"]
                last = last or kind == 7
            return status, last

        assert ask() == ("200", False)
        client.scenario.write("more-secrets.yaml", trust(OTHERS))
        wait_until(lambda: client.ask("-tls1_3", GOOD)[1] == UNKNOWN_CA, what="the other authority")
        assert ask() == ("421", True)


@pytest.mark.parametrize("version", VERSIONS)
def test_rubbish_instead_of_a_certificate_is_refused(mutual, version):
    """A chain of seventeen certificates is longer than any that is verified."""
    client = mutual(trust())
    long = CLIENTS.issue("client.test")
    long.certificate_pem = leaf(GOOD) + leaf(BAD) * 16
    long.key_pem = GOOD.key_pem
    client.is_refused(BAD_CERTIFICATE, version, long)
    client.gateway.entry(connection_termination_details="client_certificate_refused")
    assert os.path.exists(f"/proc/{client.gateway.process.pid}")


# --- Other servers' names on one connection ---

@pytest.fixture
def servers(tmp_path, authority, origin, run_gateway):
    """Servers that share a certificate and differ in what they demand; start() -> port."""
    blocks = {"plain": {"mode": "SIMPLE"}, "one": {"mode": "MUTUAL"}, "same": {"mode": "MUTUAL"}, "optional": {"mode": "OPTIONAL_MUTUAL"},
              "names": {"mode": "MUTUAL", "subjectAltNames": ["client.test"]}, "others": {"mode": "MUTUAL", "caCertCredentialName": "others"},
              "nobody": {"mode": "MUTUAL", "caCertCredentialName": "missing"}, "refusing": {"mode": "ISTIO_MUTUAL"}}
    wildcard = authority.issue("*.example.com")
    upstream = origin("up")
    port, = free_ports(1)
    path = tmp_path / "configuration.yaml"
    server_blocks = [istio.server(443, "HTTPS", [f"{name}.example.com"], block if name == "refusing" else dict(block, credentialName="wildcard"),
                                  name=f"https-{name}") for name, block in blocks.items()]
    path.write_text(istio.listing(
        istio.operator([("https", 443, port)], {"accessLogFormat": '{"authority": "%REQ(:AUTHORITY)%", "details": "%RESPONSE_CODE_DETAILS%"}'}),
        secret("wildcard", tls__crt=wildcard.certificate_pem, tls__key=wildcard.key_pem, ca__crt=CLIENTS.pem), secret("others", ca__crt=OTHERS.pem),
        istio.gateway(*server_blocks), istio.service_entry("up.internal.example", 80, upstream.port),
        istio.virtual_service("all", ["*.example.com"], http=[{"route": [istio.destination("up.internal.example", 80)]}])))
    return port, run_gateway(path), list(blocks)


@pytest.mark.parametrize("own, served", [("plain", {"plain"}), ("one", {"one", "same"}), ("optional", {"optional"}), ("names", {"names"})])
def test_a_connection_serves_only_servers_of_the_same_demand(servers, tmp_path, own, served):
    port, gateway, names = servers
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(*GOOD.write(str(tmp_path), "client"))
    with connect(port, f"{own}.example.com", tls=True, context=context) as connection, connection.makefile("rb") as stream:
        for name in names:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {name}.example.com\r\n\r\n".encode())
            assert read_response(stream).status == (200 if name in served else 421), name
    assert gateway.entry(authority="others.example.com")["details"] == "misdirected_request{other_client_policy}"
