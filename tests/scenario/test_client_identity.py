"""Who the client is, told to the upstream in x-forwarded-client-cert and to the access log by its operators; nobody outside can forge it."""
import hashlib
import json
import pathlib
import ssl
import subprocess
import urllib.parse

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from scenario.test_client_certificates import CLIENTS, OTHERS, mutual, replace, trust  # noqa: F401
from support import configuration as istio
from support.client import connect, read_response
from support.pki import Authority

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


def ask(port, folder, certificate=CLIENT, fields=(), version=None, http2=False):
    """The fields that the upstream received."""
    if http2:
        paths = certificate.write(str(folder), "h2") if certificate else ()
        command = ["curl", "-sk", "--http2", "--connect-to", f"::127.0.0.1:{port}", f"https://{NAME}/"]
        if certificate:
            command += ["--cert", paths[0], "--key", paths[1]]
        for name, value in fields:
            command += ["-H", f"{name}: {value}"]
        return json.loads(subprocess.run(command, capture_output=True, timeout=30, check=True).stdout)["headers"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    if certificate:
        context.load_cert_chain(*certificate.write(str(folder), "h1"))
    with connect(port, NAME, tls=True, context=context) as connection, connection.makefile("rb") as stream:
        head = f"GET / HTTP/1.1\r\nHost: {NAME}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
        connection.sendall((head + "\r\n").encode())
        response = read_response(stream)
        assert response.status == 200
        return json.loads(response.body)["headers"]


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


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_default_tells_who_it_was_and_nothing_else(mutual, version):  # noqa: F811
    client = mutual(trust())
    assert told(ask(client.port, client.folder, version=version)) == element()
    for name in ("X-Forwarded-Client-Cert", "x-forwarded-client-cert"):
        assert told(ask(client.port, client.folder, fields=[(name, FORGED), (name, FORGED)], version=version)) == element()


def test_http2_tells_the_same(mutual):  # noqa: F811
    client = mutual(trust())
    assert told(ask(client.port, client.folder, fields=[("x-forwarded-client-cert", FORGED)], http2=True)) == element()


def test_without_a_certificate_nothing_is_told(mutual):  # noqa: F811
    client = mutual(trust(), mode="OPTIONAL_MUTUAL")
    assert told(ask(client.port, client.folder, None, [("x-forwarded-client-cert", FORGED)])) is None
    assert told(ask(client.port, client.folder)) == element()
    # Naming it in Connection changes nothing.
    assert told(ask(client.port, client.folder, fields=[("Connection", "x-forwarded-client-cert"), ("x-forwarded-client-cert", FORGED)])) == element()


def test_a_plaintext_and_a_simple_server_tell_nothing(scenario, tmp_path):
    gateway = scenario.read("gateway.yaml")["items"][0]
    del gateway["spec"]["servers"][0]["tls"]
    scenario.write("gateway.yaml", gateway)
    scenario.start()
    assert told(ask(scenario.https_port, tmp_path, None, [("x-forwarded-client-cert", FORGED)])) is None
    with connect(scenario.http_port) as connection, connection.makefile("rb") as stream:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nX-Forwarded-Client-Cert: {FORGED}\r\n\r\n".encode())
        assert told(json.loads(read_response(stream).body)["headers"]) is None


@pytest.mark.parametrize("details, with_certificate, without", [
    ("SANITIZE", None, None), ("SANITIZE_SET", "own", None), ("FORWARD_ONLY", "came", None), ("APPEND_FORWARD", "both", None),
    ("ALWAYS_FORWARD_ONLY", "came", "came"), ("UNDEFINED", "own", None)])
def test_forward_client_cert_details(mutual, scenario, details, with_certificate, without):  # noqa: F811
    mesh(scenario, {"forwardClientCertDetails": details})
    client = mutual(trust(), mode="OPTIONAL_MUTUAL")
    expected = {None: None, "own": element(), "came": FORGED, "both": FORGED + "," + element()}
    fields = [("x-forwarded-client-cert", FORGED)]
    assert told(ask(client.port, client.folder, fields=fields)) == expected[with_certificate]
    assert told(ask(client.port, client.folder, None, fields)) == expected[without]


def test_a_certificate_that_nobody_vouches_for_is_told_too(mutual):  # noqa: F811
    client = mutual(insecureSkipVerify=True)
    hostile = Authority("x").issue("client.test", "spiffe://a;By=spiffe://admin,Hash=00")
    value = told(ask(client.port, client.folder, hostile))
    assert value.startswith(f"Hash={hashlib.sha256(hostile.der).hexdigest()};Cert=")
    assert ';URI="spiffe://a;By=spiffe://admin,Hash=00";DNS=client.test' in value


def test_the_gateway_s_own_name_is_told_in_the_mesh(mutual, tmp_path):  # noqa: F811
    folder = tmp_path / "identity"
    folder.mkdir()
    own = "spiffe://cluster.local/ns/istio-system/sa/gateway"
    shown = OTHERS.issue(own)
    for name, text in (("cert-chain.pem", shown.certificate_pem), ("key.pem", shown.key_pem), ("root-cert.pem", CLIENTS.pem)):
        replace(folder / name, text)
    client = mutual(mode="ISTIO_MUTUAL", credentialName=None, arguments=["--mesh-identity", str(folder)])
    assert told(ask(client.port, client.folder)) == element(by=[own])


def test_a_resumed_session_tells_the_same(mutual):  # noqa: F811
    client = mutual(trust())
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(*CLIENT.write(str(client.folder), "again"))
        session = None
        for turn in range(2):
            with connect(client.port, NAME, tls=True, context=context, session=session) as connection, connection.makefile("rb") as stream:
                connection.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
                assert told(json.loads(read_response(stream).body)["headers"]) == element()
                assert connection.session_reused == (turn == 1)
                session = connection.session


DOWNSTREAM = {name.lower(): f"%DOWNSTREAM_{name}%" for name in (
    "PEER_SUBJECT", "PEER_ISSUER", "PEER_SERIAL", "PEER_URI_SAN", "PEER_DNS_SAN", "PEER_IP_SAN", "PEER_FINGERPRINT_1", "PEER_FINGERPRINT_256",
    "PEER_CERT", "PEER_CERT_V_START", "PEER_CERT_V_END", "LOCAL_SUBJECT", "LOCAL_URI_SAN", "LOCAL_DNS_SAN", "LOCAL_IP_SAN", "TLS_VERSION", "TLS_CIPHER",
    "TLS_SESSION_ID")}


def instant(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def expected_of(certificate, issuer):
    parsed = x509.load_der_x509_certificate(certificate.der)
    return {"issuer": issuer, "serial": f"{certificate.serial:x}".zfill(len(f"{certificate.serial:x}") + len(f"{certificate.serial:x}") % 2),
            "fingerprint_1": hashlib.sha1(certificate.der).hexdigest(), "fingerprint_256": hashlib.sha256(certificate.der).hexdigest(),
            "cert_v_start": instant(parsed.not_valid_before), "cert_v_end": instant(parsed.not_valid_after)}


def test_operators_of_the_downstream(mutual, scenario):  # noqa: F811
    mesh(scenario, log=dict(DOWNSTREAM, start="%DOWNSTREAM_PEER_CERT_V_START(%Y)%", code="%RESPONSE_CODE%"))
    client = mutual(trust(), mode="OPTIONAL_MUTUAL")
    ask(client.port, client.folder, version=ssl.TLSVersion.TLSv1_3)
    entry = client.gateway.entry(code=200)
    for key, value in expected_of(CLIENT, "CN=clients").items():
        assert entry["peer_" + key] == value, key
    assert entry["peer_subject"] == r'CN=client.test,O=A \"quoted\"\, one'
    assert entry["peer_uri_san"] == URI and entry["peer_dns_san"] == "client.test,www.client.test" and entry["peer_ip_san"] == "10.1.2.3"
    assert entry["peer_cert"] in element() and len(entry["peer_cert"]) > 500
    assert entry["local_subject"] == "CN=*.example.com" and entry["local_dns_san"] == "*.example.com"
    assert entry["local_uri_san"] is None and entry["local_ip_san"] is None
    assert entry["tls_version"] == "TLSv1.3" and entry["tls_cipher"].startswith("TLS_")
    assert entry["start"] == instant(x509.load_der_x509_certificate(CLIENT.der).not_valid_before)[:4]
    client.gateway.log_lines.clear()
    ask(client.port, client.folder, None)
    entry = client.gateway.entry(code=200)
    assert all(value is None for key, value in entry.items() if key.startswith("peer_"))
    assert entry["local_dns_san"] == "*.example.com"


def upstream_world(scenario, tmp_path, origin, tls=True):
    """The scenario's application behind mutual TLS, and a log of it."""
    server, own = OTHERS.issue("app.internal.example", "spiffe://cluster.local/ns/app/sa/app"), CLIENTS.issue("gateway.test", URI)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*server.write(str(tmp_path), "app"))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=CLIENTS.pem.decode())
    upstream = origin("app", tls=context if tls else None)
    (tmp_path / "ca.pem").write_bytes(OTHERS.pem)
    paths = own.write(str(tmp_path), "own")
    scenario.write("backends.yaml", istio.service_entry("app.internal.example", 80, upstream.port))
    if tls:
        scenario.write("rule.yaml", {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "app", "namespace": "istio-config"},
                                     "spec": {"host": "app.internal.example", "trafficPolicy": {"tls": {
                                         "mode": "MUTUAL", "clientCertificate": paths[0], "privateKey": paths[1], "caCertificates": str(tmp_path / "ca.pem"),
                                         "sni": "app.internal.example"}}}})
    mesh(scenario, log=dict({name.lower(): f"%UPSTREAM_{name}%" for name in (
        "PEER_SUBJECT", "PEER_ISSUER", "PEER_SERIAL", "PEER_URI_SAN", "PEER_DNS_SAN", "PEER_FINGERPRINT_1", "PEER_FINGERPRINT_256", "PEER_CERT_V_START", "PEER_CERT_V_END",
        "LOCAL_SUBJECT", "LOCAL_URI_SAN", "LOCAL_DNS_SAN", "TLS_VERSION", "TLS_CIPHER", "TLS_SESSION_ID")}, code="%RESPONSE_CODE%"))
    return server


def test_operators_of_the_upstream(scenario, tmp_path, origin):
    server = upstream_world(scenario, tmp_path, origin)
    gateway = scenario.start()
    for _ in range(2):  # the second on the same connection
        ask(scenario.https_port, tmp_path, None)
        entry = gateway.entry(code=200)
        for key, value in expected_of(server, "CN=others").items():
            assert entry["peer_" + key] == value, key
        assert entry["peer_subject"] == "CN=app.internal.example" and entry["peer_dns_san"] == "app.internal.example"
        assert entry["peer_uri_san"] == "spiffe://cluster.local/ns/app/sa/app"
        assert entry["local_subject"] == "CN=gateway.test" and entry["local_uri_san"] == URI and entry["local_dns_san"] == "gateway.test"
        assert entry["tls_version"] == "TLSv1.3" and entry["tls_cipher"].startswith("TLS_")
        gateway.log_lines.clear()


def test_operators_of_a_plaintext_upstream_are_absent(scenario, tmp_path, origin):
    upstream_world(scenario, tmp_path, origin, tls=False)
    gateway = scenario.start()
    ask(scenario.https_port, tmp_path, None)
    entry = gateway.entry(code=200)
    assert all(value is None for key, value in entry.items() if key != "code")


def test_headers_may_carry_the_operators(mutual, scenario):  # noqa: F811
    scenario.write("virtual-services.yaml", istio.virtual_service("app", [NAME], http=[{
        "headers": {"request": {"set": {"x-client": "%DOWNSTREAM_PEER_URI_SAN%", "x-serial": "%DOWNSTREAM_PEER_SERIAL%"}}},
        "route": [istio.destination("app.internal.example", 80)]}]))
    client = mutual(trust())
    fields = dict((name.lower(), value) for name, value in ask(client.port, client.folder, fields=[("x-client", "me")]))
    assert fields["x-client"] == URI and int(fields["x-serial"], 16) == CLIENT.serial


def test_connections_of_bytes_log_them_too(scenario, tmp_path, origin):
    gateway = scenario.read("gateway.yaml")["items"][0]
    gateway["spec"]["servers"][1] = istio.server(443, "TLS", ["*.example.com"], {"mode": "MUTUAL", "credentialName": "ingress-cert"}, name="tls")
    scenario.write("gateway.yaml", gateway)
    scenario.write("virtual-services.yaml", istio.virtual_service("app", [NAME], tcp=[{"route": [istio.destination("app.internal.example", 80)]}]))
    scenario.write("more-secrets.yaml", trust())
    mesh(scenario, log={"uri": "%DOWNSTREAM_PEER_URI_SAN%", "local": "%DOWNSTREAM_LOCAL_DNS_SAN%", "code": "%RESPONSE_CODE%"})
    running = scenario.start()
    assert pathlib.Path(tmp_path).exists()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(*CLIENT.write(str(tmp_path), "bytes"))
    with connect(scenario.https_port, NAME, tls=True, context=context) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Client-Cert: passes\r\n\r\n")
        assert told(json.loads(read_response(stream).body)["headers"]) == "passes"
    entry = running.entry(uri=URI)
    assert entry["local"] == "*.example.com"
