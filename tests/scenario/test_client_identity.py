"""Who the client is, told to the upstream in x-forwarded-client-cert and to the access log by its operators; nobody outside can forge it."""
import hashlib
import json
import ssl
import subprocess
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from scenario.test_client_certificates import CLIENTS, OTHERS, mutual, replace, trust  # noqa: F401
from support import configuration as istio
from support.client import connect, read_response
from support.openssl import VERSIONS, SServer, files, get, s_client
from support.pki import Authority, secret

NAME = "app.example.com"
URI = "spiffe://cluster.local/ns/shop/sa/web"
SUBJECT = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'A "quoted", one'), x509.NameAttribute(NameOID.COMMON_NAME, "client.test")])
CLIENT = CLIENTS.issue("client.test", "www.client.test", URI, "10.1.2.3", subject=SUBJECT)
FORGED = "Hash=0000;Subject=\"CN=admin\";URI=spiffe://cluster.local/ns/admin/sa/admin"


def mesh(scenario, topology=None, log=None):
    operator = scenario.read("operator.yaml")["items"][0]
    config = operator["spec"]["meshConfig"]
    if topology:
        config["defaultConfig"] = {"gatewayTopology": topology}
    if log:
        config["accessLogFormat"] = json.dumps(log)
    scenario.write("operator.yaml", operator)


def ask(port, folder, certificate=CLIENT, fields=(), version="-tls1_3", arguments=()):
    """The fields that the upstream received with a request over s_client."""
    shown = files(folder, "h1", certificate) if certificate else []
    printed = s_client(port, version, "-quiet", *shown, *arguments, name=NAME, send=get(NAME, fields=fields))
    assert printed.answer.startswith(b"HTTP/1.1 200"), printed.text
    return json.loads(printed.body())["headers"]


def ask_http2(port, folder, certificate=CLIENT, fields=()):
    paths = certificate.write(str(folder), "h2")
    command = ["curl", "-sk", "--http2", "--connect-to", f"::127.0.0.1:{port}", f"https://{NAME}/", "--cert", paths[0], "--key", paths[1]]
    for name, value in fields:
        command += ["-H", f"{name}: {value}"]
    return json.loads(subprocess.run(command, capture_output=True, timeout=30, check=True).stdout)["headers"]


def told(fields):
    values = [value for name, value in fields if name.lower() == "x-forwarded-client-cert"]
    assert len(values) <= 1
    return values[0] if values else None


def element(certificate=CLIENT, by=()):
    pem = certificate.certificate_pem.split(b"-----END CERTIFICATE-----\n")[0].decode() + "-----END CERTIFICATE-----\n"
    encoded = "".join(f"%{ord(byte):02X}" if byte in "\n +/=" else byte for byte in pem)
    assert urllib.parse.unquote(encoded) == pem
    subject = r'CN=client.test,O=A \"quoted\"\, one'
    return ";".join([f"By={uri}" for uri in by] + [f"Hash={hashlib.sha256(certificate.der).hexdigest()}", f'Cert="{encoded}"', f'Subject="{subject}"',
                                                   f"URI={URI}", "DNS=client.test", "DNS=www.client.test"])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_default_tells_who_it_was_and_nothing_else(mutual, version):  # noqa: F811
    client = mutual(trust())
    assert told(ask(client.port, client.folder, version=version)) == element()
    for name in ("X-Forwarded-Client-Cert", "x-forwarded-client-cert"):
        assert told(ask(client.port, client.folder, fields=[(name, FORGED), (name, FORGED)], version=version)) == element()


def test_http2_tells_the_same(mutual):  # noqa: F811
    client = mutual(trust())
    assert told(ask_http2(client.port, client.folder, fields=[("x-forwarded-client-cert", FORGED)])) == element()


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_certificate_nothing_is_told(mutual, version):  # noqa: F811
    client = mutual(trust(), mode="OPTIONAL_MUTUAL")
    assert told(ask(client.port, client.folder, None, [("x-forwarded-client-cert", FORGED)], version)) is None
    assert told(ask(client.port, client.folder, version=version)) == element()
    # Naming it in Connection changes nothing.
    fields = [("Connection", "x-forwarded-client-cert"), ("x-forwarded-client-cert", FORGED)]
    assert told(ask(client.port, client.folder, None, fields, version)) is None
    assert told(ask(client.port, client.folder, fields=fields, version=version)) == element()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plaintext_and_a_simple_server_tell_nothing(scenario, tmp_path, version):
    gateway = scenario.read("gateway.yaml")["items"][0]
    del gateway["spec"]["servers"][0]["tls"]
    scenario.write("gateway.yaml", gateway)
    scenario.start()
    # A certificate that nobody asked for is none.
    for certificate in (None, CLIENT):
        assert told(ask(scenario.https_port, tmp_path, certificate, [("x-forwarded-client-cert", FORGED)], version)) is None
    with connect(scenario.http_port) as connection, connection.makefile("rb") as stream:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nX-Forwarded-Client-Cert: {FORGED}\r\n\r\n".encode())
        assert told(json.loads(read_response(stream).body)["headers"]) is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("details, with_certificate, without", [
    ("SANITIZE", None, None), ("SANITIZE_SET", "own", None), ("FORWARD_ONLY", "came", None), ("APPEND_FORWARD", "both", None),
    ("ALWAYS_FORWARD_ONLY", "came", "came"), ("UNDEFINED", "own", None)])
def test_forward_client_cert_details(mutual, scenario, details, with_certificate, without, version):  # noqa: F811
    mesh(scenario, {"forwardClientCertDetails": details})
    client = mutual(trust(), mode="OPTIONAL_MUTUAL")
    expected = {None: None, "own": element(), "came": FORGED, "both": FORGED + "," + element()}
    fields = [("x-forwarded-client-cert", FORGED)]
    assert told(ask(client.port, client.folder, fields=fields, version=version)) == expected[with_certificate]
    assert told(ask(client.port, client.folder, None, fields, version)) == expected[without]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_that_nobody_vouches_for_is_told_too(mutual, version):  # noqa: F811
    client = mutual(insecureSkipVerify=True)
    hostile = Authority("x").issue("client.test", "spiffe://a;By=spiffe://admin,Hash=00")
    value = told(ask(client.port, client.folder, hostile, version=version))
    assert value.startswith(f"Hash={hashlib.sha256(hostile.der).hexdigest()};Cert=")
    assert ';URI="spiffe://a;By=spiffe://admin,Hash=00";DNS=client.test' in value


@pytest.mark.parametrize("version", VERSIONS)
def test_the_gateway_s_own_name_is_told_in_the_mesh(mutual, tmp_path, version):  # noqa: F811
    folder = tmp_path / "identity"
    folder.mkdir()
    own = "spiffe://cluster.local/ns/istio-system/sa/gateway"
    shown = OTHERS.issue(own)
    for name, text in (("cert-chain.pem", shown.certificate_pem), ("key.pem", shown.key_pem), ("root-cert.pem", CLIENTS.pem)):
        replace(folder / name, text)
    client = mutual(mode="ISTIO_MUTUAL", credentialName=None, arguments=["--mesh-identity", str(folder)])
    assert told(ask(client.port, client.folder, version=version)) == element(by=[own])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_session_tells_the_same(mutual, version):  # noqa: F811
    client = mutual(trust())
    session = ["-sess_out", str(client.folder / "session")]
    for way in ("New", "Reused"):
        printed = s_client(client.port, version, *files(client.folder, "again", CLIENT), *session, name=NAME, send=get(NAME))
        assert f"\n{way}, TLS" in printed.text
        # What s_client says of tickets stands amid the answer.
        head = client.scenario.app.received[-1].decode("latin1")
        assert told([line.split(": ", 1) for line in head.split("\r\n")[1:] if line]) == element()
        session[0] = "-sess_in"


DOWNSTREAM = {name.lower(): f"%DOWNSTREAM_{name}%" for name in (
    "PEER_SUBJECT", "PEER_ISSUER", "PEER_SERIAL", "PEER_URI_SAN", "PEER_DNS_SAN", "PEER_IP_SAN", "PEER_EMAIL_SAN", "PEER_OTHERNAME_SAN",
    "PEER_FINGERPRINT_1", "PEER_FINGERPRINT_256", "PEER_CHAIN_FINGERPRINTS_1", "PEER_CHAIN_FINGERPRINTS_256", "PEER_CHAIN_SERIALS",
    "PEER_ISSUER_FINGERPRINT_256", "PEER_ISSUER_SERIAL", "PEER_CERT", "PEER_CERT_V_START", "PEER_CERT_V_END", "LOCAL_SUBJECT", "LOCAL_URI_SAN",
    "LOCAL_DNS_SAN", "LOCAL_IP_SAN", "LOCAL_EMAIL_SAN", "LOCAL_OTHERNAME_SAN", "TLS_VERSION", "TLS_CIPHER", "TLS_GROUP", "TLS_SESSION_ID")}


def instant(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def hexadecimal(serial):
    digits = f"{serial:x}"
    return digits.zfill(len(digits) + len(digits) % 2)


def expected_of(certificate, issuer):
    parsed = x509.load_der_x509_certificate(certificate.der)
    return {"issuer": issuer, "serial": hexadecimal(certificate.serial),
            "fingerprint_1": hashlib.sha1(certificate.der).hexdigest(), "fingerprint_256": hashlib.sha256(certificate.der).hexdigest(),
            "cert_v_start": instant(parsed.not_valid_before), "cert_v_end": instant(parsed.not_valid_after)}


@pytest.mark.parametrize("version", VERSIONS)
def test_operators_of_the_downstream(mutual, scenario, version):  # noqa: F811
    mesh(scenario, log=dict(DOWNSTREAM, start="%DOWNSTREAM_PEER_CERT_V_START(%Y)%", code="%RESPONSE_CODE%"))
    client = mutual(trust(), mode="OPTIONAL_MUTUAL")
    ask(client.port, client.folder, version=version, arguments=["-groups", "P-256"])
    entry = client.gateway.entry(code=200)
    for key, value in expected_of(CLIENT, "CN=clients").items():
        assert entry["peer_" + key] == value, key
    assert entry["peer_subject"] == r'CN=client.test,O=A \"quoted\"\, one'
    assert entry["peer_uri_san"] == URI and entry["peer_dns_san"] == "client.test,www.client.test" and entry["peer_ip_san"] == "10.1.2.3"
    assert entry["peer_email_san"] is None and entry["peer_othername_san"] is None
    assert entry["peer_cert"] in element() and len(entry["peer_cert"]) > 500
    assert entry["local_subject"] == "CN=*.example.com" and entry["local_dns_san"] == "*.example.com"
    assert [entry["local_" + kind] for kind in ("uri_san", "ip_san", "email_san", "othername_san")] == [None] * 4
    assert entry["tls_version"] == f"TLSv1.{version[-1]}" and entry["tls_cipher"].startswith("TLS_" if version == "-tls1_3" else "ECDHE-ECDSA-")
    assert entry["tls_group"] == "P-256"
    assert entry["start"] == instant(x509.load_der_x509_certificate(CLIENT.der).not_valid_before)[:4]
    client.gateway.log_lines.clear()
    ask(client.port, client.folder, None, version=version)
    entry = client.gateway.entry(code=200)
    assert all(value is None for key, value in entry.items() if key.startswith("peer_"))
    assert entry["local_dns_san"] == "*.example.com"


def fingerprints(certificates, kind):
    return ",".join(certificate.fingerprint(kind).hex() for certificate in certificates)


@pytest.mark.parametrize("version", VERSIONS)
def test_operators_of_whole_chains_and_of_the_issuer(mutual, scenario, version):  # noqa: F811
    """What came, the leaf first; the issuer is the one that was found, also for a session that is resumed."""
    mesh(scenario, log=dict(DOWNSTREAM, code="%RESPONSE_CODE%"))
    client = mutual(trust())
    middle = Authority("middle", CLIENTS)
    deep = middle.issue("deep.test")
    session = ["-sess_out", str(client.folder / "session")]
    for way in ("New", "Reused"):
        printed = s_client(client.port, version, *files(client.folder, "deep", deep), *session, name=NAME, send=get(NAME))
        assert f"\n{way}, TLS" in printed.text
        session[0] = "-sess_in"
        entry = client.gateway.entry(code=200)
        client.gateway.log_lines.clear()
        shown = [deep.certificate, middle.certificate, CLIENTS.certificate]
        assert entry["peer_chain_fingerprints_256"] == fingerprints(shown, hashes.SHA256())
        assert entry["peer_chain_fingerprints_1"] == fingerprints(shown, hashes.SHA1())
        assert entry["peer_chain_serials"] == ",".join(hexadecimal(certificate.serial_number) for certificate in shown)
        assert entry["peer_issuer_fingerprint_256"] == fingerprints([middle.certificate], hashes.SHA256())
        assert entry["peer_issuer_serial"] == hexadecimal(middle.certificate.serial_number)
        # By tickets there is an id only once TLS 1.2 resumes: the client's.
        assert (entry["tls_session_id"] is not None) == (way == "Reused" and version == "-tls1_2")
    client.gateway.log_lines.clear()
    ask(client.port, client.folder, version=version)
    assert client.gateway.entry(code=200)["peer_chain_serials"] == ",".join(hexadecimal(number) for number in (CLIENT.serial, CLIENTS.certificate.serial_number))


def other_name(number, der):
    return x509.OtherName(x509.ObjectIdentifier(f"1.3.6.1.4.1.311.20.2.{number}"), der)


@pytest.mark.parametrize("version", VERSIONS)
def test_operators_of_other_kinds_of_names(mutual, scenario, authority, version):  # noqa: F811
    """E-mail addresses, and names of other kinds: text, numbers, truth, identifiers; what could forge an element or a line is escaped."""
    mesh(scenario, log=dict(DOWNSTREAM, code="%RESPONSE_CODE%"))
    others = [other_name(3, b"\x0c\x08user@upn"), other_name(4, b"\x02\x02\x01\x00"), other_name(5, b"\x01\x01\xff"), other_name(6, b"\x05\x00"),
              other_name(7, b"\x06\x03\x2a\x03\x04"), other_name(8, b"\x1e\x04\x00a\x00\xe9"), other_name(9, b"\x0c\x05a,b\n\""), other_name(10, b"\x0a\x01\x07"),
              other_name(11, b"\x02\x81\xc8\x01" + bytes(199))]
    server = authority.issue("*.example.com", general_names=[x509.RFC822Name("server@gateway.test"), other_name(3, b"\x0c\x03srv")])
    client = mutual(secret("own", tls__crt=server.certificate_pem, tls__key=server.key_pem), trust(name="own-cacert"), credentialName="own")
    names = [x509.RFC822Name("a@client.test"), x509.RFC822Name("b@client.test"), *others]
    ask(client.port, client.folder, CLIENTS.issue("client.test", general_names=names), version=version)
    entry = client.gateway.entry(code=200)
    assert entry["peer_email_san"] == "a@client.test,b@client.test"
    assert entry["peer_othername_san"] == r'user@upn,256,true,1.2.3.4,a\C3\A9,a\,b\0A\",7'
    assert entry["local_email_san"] == "server@gateway.test" and entry["local_othername_san"] == "srv"
    # A list ends where its room does.
    client.gateway.log_lines.clear()
    many = [x509.RFC822Name(f"{number}@client.test") for number in range(300)]
    ask(client.port, client.folder, CLIENTS.issue("client.test", general_names=many), version=version)
    entry = client.gateway.entry(code=200)
    assert entry["peer_email_san"] == ",".join(name.value for name in many)[:1040]


UPSTREAM = {name.lower(): f"%UPSTREAM_{name}%" for name in (
    "PEER_SUBJECT", "PEER_ISSUER", "PEER_SERIAL", "PEER_URI_SAN", "PEER_DNS_SAN", "PEER_IP_SAN", "PEER_FINGERPRINT_1", "PEER_FINGERPRINT_256", "PEER_CERT",
    "PEER_CERT_V_START", "PEER_CERT_V_END", "LOCAL_SUBJECT", "LOCAL_URI_SAN", "LOCAL_DNS_SAN", "LOCAL_IP_SAN", "TLS_VERSION", "TLS_CIPHER", "TLS_GROUP",
    "TLS_SESSION_ID", "SERVER_NAME")}


@pytest.fixture
def upstream(scenario, tmp_path):
    """upstream(version) puts the scenario's application behind mutual TLS of s_server, whose certificate it gives, and logs of it."""
    running = []

    def start(version):
        server, own = OTHERS.issue("app.internal.example", "spiffe://cluster.local/ns/app/sa/app", "10.9.8.7"), CLIENTS.issue("gateway.test", URI, "10.1.1.1")
        (tmp_path / "ca.pem").write_bytes(OTHERS.pem)
        (tmp_path / "clients.pem").write_bytes(CLIENTS.pem)
        running.append(SServer(tmp_path, "app", version, server, "-Verify", "1", "-verify_return_error", "-CAfile", str(tmp_path / "clients.pem")))
        running[0].wait_ready()
        paths = own.write(str(tmp_path), "own")
        scenario.write("backends.yaml", istio.service_entry("app.internal.example", 80, running[0].port))
        scenario.write("rule.yaml", {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "app", "namespace": "istio-config"},
                                     "spec": {"host": "app.internal.example", "trafficPolicy": {"tls": {
                                         "mode": "MUTUAL", "clientCertificate": paths[0], "privateKey": paths[1], "caCertificates": str(tmp_path / "ca.pem"),
                                         "sni": "app.internal.example"}}}})
        mesh(scenario, log=dict(UPSTREAM, code="%RESPONSE_CODE%"))
        return server
    yield start
    for each in running:
        each.stop()


@pytest.mark.parametrize("version", VERSIONS)
def test_operators_of_the_upstream(scenario, upstream, version):
    server = upstream(version)
    gateway = scenario.start(arguments=["--concurrency", "1"])
    for way in (b"New", b"Reused"):
        answer = s_client(scenario.https_port, "-quiet", name=NAME, send=get(NAME)).answer
        assert b"\n" + way + b", TLS" in answer
        entry = gateway.entry(code=200)
        gateway.log_lines.clear()
        for key, value in expected_of(server, "CN=others").items():
            assert entry["peer_" + key] == value, key
        assert entry["peer_subject"] == "CN=app.internal.example" and entry["peer_dns_san"] == "app.internal.example"
        assert entry["peer_uri_san"] == "spiffe://cluster.local/ns/app/sa/app" and entry["peer_ip_san"] == "10.9.8.7"
        pem = server.certificate_pem.split(b"-----END CERTIFICATE-----")[0] + b"-----END CERTIFICATE-----\n"
        assert urllib.parse.unquote(entry["peer_cert"]).encode() == pem
        assert entry["local_subject"] == "CN=gateway.test" and entry["local_uri_san"] == URI
        assert entry["local_dns_san"] == "gateway.test" and entry["local_ip_san"] == "10.1.1.1"
        assert entry["tls_version"] == f"TLSv1.{version[-1]}" and entry["tls_cipher"].startswith("TLS_" if version == "-tls1_3" else "ECDHE-ECDSA-")
        assert entry["tls_group"] == "X25519" and entry["server_name"] == "app.internal.example"
        # The id that the server knows; TLS 1.3 has none.
        assert (entry["tls_session_id"] is not None) == (version == "-tls1_2")


def test_operators_of_a_plaintext_upstream_are_absent(scenario):
    mesh(scenario, log=dict(UPSTREAM, code="%RESPONSE_CODE%"))
    gateway = scenario.start()
    s_client(scenario.https_port, "-quiet", name=NAME, send=get(NAME))
    entry = gateway.entry(code=200)
    assert all(value is None for key, value in entry.items() if key != "code")


def test_headers_may_carry_the_operators(mutual, scenario):  # noqa: F811
    scenario.write("virtual-services.yaml", istio.virtual_service("app", [NAME], http=[{
        "headers": {"request": {"set": {"x-client": "%DOWNSTREAM_PEER_URI_SAN%", "x-serial": "%DOWNSTREAM_PEER_SERIAL%"}}},
        "route": [istio.destination("app.internal.example", 80)]}]))
    client = mutual(trust())
    fields = dict((name.lower(), value) for name, value in ask(client.port, client.folder, fields=[("x-client", "me")]))
    assert fields["x-client"] == URI and int(fields["x-serial"], 16) == CLIENT.serial


@pytest.mark.parametrize("version", VERSIONS)
def test_connections_of_bytes_log_them_too(scenario, tmp_path, version):
    gateway = scenario.read("gateway.yaml")["items"][0]
    gateway["spec"]["servers"][1] = istio.server(443, "TLS", ["*.example.com"], {"mode": "MUTUAL", "credentialName": "ingress-cert"}, name="tls")
    scenario.write("gateway.yaml", gateway)
    scenario.write("virtual-services.yaml", istio.virtual_service("app", [NAME], tcp=[{"route": [istio.destination("app.internal.example", 80)]}]))
    scenario.write("more-secrets.yaml", trust())
    mesh(scenario, log={"uri": "%DOWNSTREAM_PEER_URI_SAN%", "local": "%DOWNSTREAM_LOCAL_DNS_SAN%", "serials": "%DOWNSTREAM_PEER_CHAIN_SERIALS%"})
    running = scenario.start()
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{scenario.https_port}", "-servername", NAME, version, "-quiet", *files(tmp_path, "bytes", CLIENT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        client.stdin.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Client-Cert: passes\r\n\r\n")
        client.stdin.flush()
        assert told(json.loads(read_response(client.stdout).body)["headers"]) == "passes"
        client.terminate()
    entry = running.entry(uri=URI)
    assert entry["local"] == "*.example.com" and entry["serials"].startswith(hexadecimal(CLIENT.serial) + ",")
