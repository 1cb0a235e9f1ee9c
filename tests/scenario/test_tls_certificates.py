"""Which certificate a client is shown: RSA beside ECDSA, OCSP staples, files; defaults of the mesh; TLS that ends before bytes. With `openssl s_client`."""
import datetime
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp
from scenario.test_client_certificates import CLIENTS, VERSIONS, Client, mutual, replace, trust  # noqa: F401
from support import configuration as istio
from support.client import connect, request
from support.gateway import wait_until
from support.openssl import s_client
from support.pki import Authority, secret

NAME = "app.example.com"
AUTHORITY = Authority()
ECDSA = AUTHORITY.issue("*.example.com")
RSA = AUTHORITY.issue("*.example.com", key=rsa.generate_private_key(public_exponent=65537, key_size=2048))


def pair(name, certificate, **more):
    return secret(name, tls__crt=certificate.certificate_pem, tls__key=certificate.key_pem, **more)


def kind_shown(client, *arguments):
    """"EC", "RSA", or None when there was no handshake."""
    result = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{client.port}", "-servername", NAME, *arguments],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    if result.returncode != 0:
        return None
    return "RSA" if "a:PKEY: rsaEncryption" in result.stdout.split("1 s:")[0] else "EC"


CLIENT_KINDS = [
    (["-tls1_3"], "EC"), (["-tls1_2"], "EC"),
    (["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"], "RSA"), (["-tls1_2", "-sigalgs", "RSA+SHA256"], "RSA"),
    (["-tls1_3", "-sigalgs", "ECDSA+SHA256"], "EC"), (["-tls1_2", "-sigalgs", "ECDSA+SHA256"], "EC"),
    (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], "RSA"), (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], "EC"),
]


@pytest.mark.parametrize("names", [("ecdsa", "rsa"), ("rsa", "ecdsa")])
def test_rsa_beside_ecdsa(mutual, names):  # noqa: F811
    client = mutual(pair("ecdsa", ECDSA), pair("rsa", RSA), mode="SIMPLE", credentialName=None, credentialNames=list(names))
    for arguments, kind in CLIENT_KINDS:
        assert kind_shown(client, *arguments) == kind, arguments
    # One of them goes wrong: the other serves all who can verify it, and the last good one stays.
    client.scenario.write("more-secrets.yaml", pair("ecdsa", ECDSA), secret("rsa", tls__crt=RSA.certificate_pem, tls__key=b"no key"))
    client.gateway.wait_said("the last good certificate stays in use")
    for arguments, kind in CLIENT_KINDS:
        assert kind_shown(client, *arguments) == kind, arguments


def test_one_of_two_is_missing_from_the_start(mutual):  # noqa: F811
    client = mutual(pair("rsa", RSA), mode="SIMPLE", credentialName=None, credentialNames=["ecdsa", "rsa"])
    assert kind_shown(client, "-tls1_3") == "RSA"
    assert kind_shown(client, "-tls1_3", "-sigalgs", "ECDSA+SHA256") is None
    client.scenario.write("more-secrets.yaml", pair("ecdsa", ECDSA), pair("rsa", RSA))
    wait_until(lambda: kind_shown(client, "-tls1_3", "-sigalgs", "ECDSA+SHA256") == "EC", what="the second certificate")


def test_two_certificates_of_files_with_client_certificates(mutual, tmp_path):  # noqa: F811
    (tmp_path / "ca.pem").write_bytes(CLIENTS.pem)
    files = [dict(zip(("serverCertificate", "privateKey"), certificate.write(str(tmp_path), name))) for name, certificate in (("e", ECDSA), ("r", RSA))]
    client = mutual(credentialName=None, tlsCertificates=files, caCertificates=str(tmp_path / "ca.pem"))
    # With RSA alone the client can still sign for itself.
    good = CLIENTS.issue("client.test", key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    for version in VERSIONS:
        client.enters(version, good)
        assert "rsaEncryption" in client.enters(version, good, arguments=["-sigalgs", "RSA-PSS+SHA256"])
        printed, _ = client.ask(version)
        assert "HTTP/1.1 200" not in printed
    # Rotated: the new one on new connections.
    renewed = AUTHORITY.issue("*.example.com")
    replace(tmp_path / "e.crt", renewed.certificate_pem)
    replace(tmp_path / "e.key", renewed.key_pem)
    serial = f"{renewed.serial:x}"
    wait_until(lambda: serial in shown_serial(client), what="the renewed certificate")


def shown_serial(client):
    shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{client.port}", "-servername", NAME], stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=20, check=False).stdout
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True, timeout=20, check=False).stdout.decode().lower()


# --- OCSP ---

def staple(certificate, status=ocsp.OCSPCertStatus.GOOD, days=(-1, 5)):
    now = datetime.datetime.utcnow()
    revoked = status == ocsp.OCSPCertStatus.REVOKED
    response = ocsp.OCSPResponseBuilder().add_response(
        cert=x509.load_der_x509_certificate(certificate.der), issuer=AUTHORITY.certificate, algorithm=hashes.SHA1(), cert_status=status,
        this_update=now + datetime.timedelta(days=days[0]), next_update=now + datetime.timedelta(days=days[1]),
        revocation_time=now if revoked else None, revocation_reason=None).responder_id(ocsp.OCSPResponderEncoding.NAME, AUTHORITY.certificate)
    return response.sign(AUTHORITY.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def stapled(client, *arguments):
    printed = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{client.port}", "-servername", NAME, "-status", *arguments],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=True).stdout
    return "Cert Status: good" in printed


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("make, expected", [
    (lambda: staple(ECDSA), None),
    (lambda: staple(ECDSA, days=(-9, -2)), "the OCSP staple has expired"),
    (lambda: staple(ECDSA, days=(1, 3)), "the OCSP staple has expired, or is not valid yet"),
    (lambda: staple(ECDSA, ocsp.OCSPCertStatus.REVOKED), "does not say that the certificate is good"),
    (lambda: staple(RSA), "speaks of another certificate"),
    (lambda: b"text", "is no answer of a responder"),
])
def test_staples(mutual, version, make, expected):  # noqa: F811
    client = mutual(pair_with_staple("ecdsa", ECDSA, make()), mode="SIMPLE", credentialName="ecdsa")
    assert stapled(client, version) == (expected is None)
    if expected is None:
        assert not client.gateway.said("FL0409")
    else:
        client.gateway.wait_said(expected)


def pair_with_staple(name, certificate, response):
    return pair(name, certificate, **{"tls__ocsp-staple": response})


def test_each_certificate_has_its_own_staple(mutual):  # noqa: F811
    client = mutual(pair_with_staple("ecdsa", ECDSA, staple(ECDSA)), pair("rsa", RSA), mode="SIMPLE", credentialName=None, credentialNames=["ecdsa", "rsa"])
    assert stapled(client, "-tls1_3")
    assert not stapled(client, "-tls1_3", "-sigalgs", "RSA-PSS+SHA256")
    client.scenario.write("more-secrets.yaml", pair_with_staple("ecdsa", ECDSA, staple(ECDSA)), pair_with_staple("rsa", RSA, staple(RSA)))
    wait_until(lambda: stapled(client, "-tls1_3", "-sigalgs", "RSA-PSS+SHA256"), what="the other staple")


# --- Settings ---

OF_THE_MESH = {
    "silent": ({}, [(["-tls1_2"], None), (["-tls1_3"], "TLSv1.3"), (["-tls1_3", "-groups", "P-256"], None), (["-tls1_3", "-groups", "P-384"], "secp384r1")]),
    "version": ({"minProtocolVersion": "TLSV1_2"}, [
        (["-tls1_2"], "ECDHE-ECDSA-AES256-GCM-SHA384"), (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], None),
        (["-tls1_2", "-groups", "P-256"], None), (["-tls1_2", "-groups", "P-384:P-256"], "secp384r1")]),
    "auto": ({"minProtocolVersion": "TLS_AUTO"}, [(["-tls1_2"], None), (["-tls1_3"], "TLSv1.3")]),
    "suites": ({"minProtocolVersion": "TLSV1_2", "cipherSuites": ["ECDHE-ECDSA-AES128-GCM-SHA256"]}, [
        (["-tls1_2"], "ECDHE-ECDSA-AES128-GCM-SHA256"), (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], None), (["-tls1_3"], "TLS_AES_")]),
    "groups": ({"minProtocolVersion": "TLSV1_2", "ecdhCurves": ["P-256"]}, [
        (["-tls1_2", "-groups", "P-384"], None), (["-tls1_2", "-groups", "P-256"], "prime256v1"),
        (["-tls1_3", "-groups", "P-384"], None), (["-tls1_3", "-groups", "P-256"], "prime256v1")]),
}


def test_defaults_of_the_mesh(scenario):
    """meshConfig.tlsDefaults holds where a server is silent, field by field."""
    operator = scenario.read("operator.yaml")["items"][0]
    operator["spec"]["meshConfig"]["tlsDefaults"] = {"minProtocolVersion": "TLSV1_3", "cipherSuites": ["ECDHE-ECDSA-AES256-GCM-SHA384"],
                                                     "ecdhCurves": ["X25519Kyber768Draft00", "P-384"]}
    scenario.write("operator.yaml", operator)
    scenario.write("gateway.yaml", istio.gateway(*[
        istio.server(443, "HTTPS", [f"{name}.example.com"], dict({"mode": "SIMPLE", "credentialName": "ingress-cert"}, **settings), name=f"https-{name}")
        for name, (settings, _) in OF_THE_MESH.items()]))
    running = scenario.start()
    running.wait_said('curve "X25519Kyber768Draft00" is not known; it is left out')
    for name, (_, checks) in OF_THE_MESH.items():
        for arguments, expected in checks:
            printed = s_client(scenario.https_port, *arguments, name=f"{name}.example.com")
            assert printed.is_connected == (expected is not None), (name, arguments, printed.text)
            assert expected is None or expected in printed.text, (name, arguments, printed.text)


# --- TLS that ends before bytes ---

def answer_and_close(_, stream, __):
    stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    stream.flush()
    return False


@pytest.mark.parametrize("mode, offered, chosen", [
    ("SIMPLE", ["http/1.1", "h2"], "h2"), ("MUTUAL", ["http/1.1"], "http/1.1"), ("OPTIONAL_MUTUAL", ["other"], None),
    ("ISTIO_MUTUAL", ["h2", "istio-peer-exchange"], "istio-peer-exchange"),
])
def test_tls_that_ends_before_bytes(scenario, tmp_path, mode, offered, chosen):
    """Of Istio's ALPN for such servers, every mode; the tcp route of another port is not this server's."""
    folder = tmp_path / "identity"
    folder.mkdir()
    own = AUTHORITY.issue("spiffe://cluster.local/ns/istio-system/sa/gateway")
    for name, text in (("cert-chain.pem", own.certificate_pem), ("key.pem", own.key_pem), ("root-cert.pem", CLIENTS.pem)):
        replace(folder / name, text)
    gateway = scenario.read("gateway.yaml")["items"][0]
    block = {"mode": mode} if mode == "ISTIO_MUTUAL" else {"mode": mode, "credentialName": "ingress-cert"}
    gateway["spec"]["servers"][1] = istio.server(443, "TLS", ["*.example.com"], block, name="tls")
    scenario.write("gateway.yaml", gateway)
    scenario.write("more-secrets.yaml", trust())
    scenario.write("virtual-services.yaml", istio.virtual_service("app", [NAME], tcp=[
        {"match": [{"port": 444}], "route": [istio.destination("nowhere.internal.example", 80)]},
        {"match": [{"port": 443}], "route": [istio.destination("app.internal.example", 80)]}]))
    scenario.app.handle = answer_and_close
    scenario.start(arguments=["--mesh-identity", str(folder)])
    client = Client(tmp_path, scenario.https_port)
    good, stranger = CLIENTS.issue("client.test"), Authority("strangers").issue("client.test")
    for version in VERSIONS:
        printed = client.enters(version, good, arguments=["-alpn", ",".join(offered)])
        assert (f"ALPN protocol: {chosen}" if chosen else "No ALPN negotiated") in printed
        if mode in ("MUTUAL", "ISTIO_MUTUAL"):
            client.is_refused(40 if version == "-tls1_2" else 116, version)
        else:
            client.enters(version)
        if mode == "SIMPLE":
            client.enters(version, stranger)
        else:
            client.is_refused(48, version, stranger)
        client.is_refused(None, version, good, name="other.test")
        client.is_refused(40, version, good, arguments=["-cipher", "PSK-AES128-GCM-SHA256", "-psk", "00", "-ciphersuites", "TLS_AES_128_CCM_SHA256"])


# --- Vector V10 ---

def test_a_secret_that_comes_and_is_rotated(scenario):
    """Port open and handshake closed without it; it comes, and works without other hosts' connections being touched; a new one is for new connections."""
    gateway = scenario.read("gateway.yaml")["items"][0]
    gateway["spec"]["servers"].append(istio.server(443, "HTTPS", ["late.example.com"], {"mode": "SIMPLE", "credentialName": "late"}, name="https-late"))
    gateway["spec"]["servers"][1]["hosts"] = [NAME]
    scenario.write("gateway.yaml", gateway)
    running = scenario.start()
    with connect(scenario.https_port, NAME, tls=True) as kept, kept.makefile("rwb") as stream:
        def kept_serves():
            stream.write(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
            stream.flush()
            assert stream.readline().startswith(b"HTTP/1.1 200")
            length = 0
            while (line := stream.readline()) != b"\r\n":
                length = int(line.split(b":")[1]) if line.lower().startswith(b"content-length") else length
            stream.read(length)

        kept_serves()
        with pytest.raises(OSError):
            connect(scenario.https_port, "late.example.com", tls=True)
        running.entry(requested_server_name="late.example.com", connection_termination_details="no_certificate")
        first, second = AUTHORITY.issue("late.example.com"), AUTHORITY.issue("late.example.com")
        scenario.write("late.yaml", pair("late", first))

        def shown():
            try:
                return request(scenario.https_port, "/", "late.example.com", tls=True).certificate
            except OSError:
                return None
        wait_until(lambda: shown() == first.der, what="the certificate")
        with connect(scenario.https_port, "late.example.com", tls=True) as old:
            scenario.write("late.yaml", pair("late", second))
            wait_until(lambda: shown() == second.der, what="the new certificate")
            assert old.getpeercert(True) == first.der
            old.sendall(b"GET / HTTP/1.1\r\nHost: late.example.com\r\nConnection: close\r\n\r\n")
            assert old.recv(12) == b"HTTP/1.1 404"
        kept_serves()
