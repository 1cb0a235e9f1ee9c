"""Each field of a server's tls block with `openssl s_client`, kept and broken, in TLS 1.2 and 1.3 (and below, where they may be had).

One gateway serves all rows, each a server of its own on one port: what a row's mistake breaks is that row."""
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from scenario.test_client_certificates import replace
from support import configuration as istio
from support.gateway import Gateway, fairlead, free_ports, wait_until
from support.openssl import CERTIFICATE_END, VERSIONS, get, s_client
from support.pki import Authority, secret
from support.upstream import Origin

TRUSTED, OTHER = Authority("trusted"), Authority("other")
MIDDLE = Authority("middle", TRUSTED)
ECDSA, RSA = TRUSTED.issue("*.example.com"), TRUSTED.issue("*.example.com", key=rsa.generate_private_key(public_exponent=65537, key_size=2048))

# RFC 8446 section 6, and what the access log calls it. CLOSED: without a certificate nothing is said.
HANDSHAKE_FAILURE, PROTOCOL_VERSION, CLOSED = 40, 70, None
UNSUPPORTED = "ssl_choose_client_version:unsupported protocol"  # in s_client's own words
REASONS = {HANDSHAKE_FAILURE: "no_shared_cipher", PROTOCOL_VERSION: "no_common_version", CLOSED: "no_certificate"}

LOW = ["-cipher", "ALL:@SECLEVEL=0"]
CLIENTS = {"1.0": ["-tls1", *LOW], "1.1": ["-tls1_1", *LOW], "1.2": ["-tls1_2"], "1.3": ["-tls1_3"]}


def pair(name, certificate, key=None, chain=None):
    return secret(name, tls__crt=chain or certificate.certificate_pem, tls__key=key or certificate.key_pem)


class Row:
    """`checks`: (s_client's arguments, what is printed of the session, or the alert that ends the handshake). `said`: in the gateway's log."""

    def __init__(self, name, tls, checks, said=(), secrets=()):
        self.name, self.tls, self.checks, self.said, self.secrets = name, tls, checks, said, secrets
        self.host = f"{name}.example.com"


def versions(name, served, **tls):
    """A client of each version alone gets in, or there is none in common: says the gateway to one of lower versions, and the client itself when it
    is answered with a lower one."""
    def outcome(version):
        if version in served:
            return f"TLSv{version}".removesuffix(".0")
        return PROTOCOL_VERSION if version < served[0] or version == "1.3" else UNSUPPORTED
    return Row(name, tls, [(arguments, outcome(version)) for version, arguments in CLIENTS.items()])


def suites(name, written, served, refused=(), said=(), **tls):
    """By TLS 1.2 the suites that a client of it alone gets, and those of which none is to be had; by TLS 1.3 all the same the fixed ones."""
    checks = [(["-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0"], f"Cipher is {suite}\n") for suite in served]
    if refused:
        checks.append((["-tls1_2", "-cipher", ":".join([*refused, "@SECLEVEL=0"])], HANDSHAKE_FAILURE))
    checks += [(["-tls1_3", "-ciphersuites", suite], f"Cipher is {suite}\n") for suite in FIXED_SUITES]
    return Row(name, dict({"cipherSuites": written, "credentialName": None, "credentialNames": ["ecdsa", "rsa"]}, **tls), checks, said)


def groups(name, written, served, refused, said=()):
    """Both versions; for each group what is told of the key that was exchanged."""
    checks = [([version, "-groups", group], told) for version in VERSIONS for group, told in served.items()]
    checks += [([version, "-groups", group], HANDSHAKE_FAILURE) for version in VERSIONS for group in refused]
    # By TLS 1.2 the list is also about the curve of an ECDSA certificate (RFC 8422 section 5.1.1).
    return Row(name, {"ecdhCurves": written, "credentialName": "rsa"}, checks, said)


DEFAULT_SUITES = [f"ECDHE-{kind}-{cipher}" for kind in ("ECDSA", "RSA") for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")]
FIXED_SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
OTHER_SUITES = ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "AES128-GCM-SHA256",
                "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA"]
EITHER_WAY = [([version], "HTTP/1.1 200") for version in VERSIONS]
NEITHER_WAY = [([version], CLOSED) for version in VERSIONS]
KEYS = {"X25519": "X25519, 253 bits", "P-256": "ECDH, prime256v1, 256 bits", "P-384": "ECDH, secp384r1, 384 bits", "P-521": "ECDH, secp521r1, 521 bits"}


def only(*names):
    return {name: KEYS[name] for name in names}


def but(*names):
    return [name for name in KEYS if name not in names]


def credential(name, *secrets, served=True, said=(), **tls):
    return Row(name, tls or {"credentialName": f"of-{name}"}, EITHER_WAY if served else NEITHER_WAY, said, secrets)


WEAK = TRUSTED.issue("*.example.com", key=rsa.generate_private_key(public_exponent=65537, key_size=1024))
DEEP = MIDDLE.issue("*.example.com")
LEAF, BELOW_ROOT = DEEP.certificate_pem.split(CERTIFICATE_END)[0] + CERTIFICATE_END, MIDDLE.pem
ENCRYPTED = serialization.load_pem_private_key(ECDSA.key_pem, None).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret"))

ROWS = [
    Row("simple", {}, [*EITHER_WAY, *[([version, "-CAfile", "{trusted}", "-verify_return_error", "-verify_hostname", "simple.example.com"],
                                       "Verify return code: 0 (ok)") for version in VERSIONS]]),
    versions("default", ["1.2", "1.3"]),
    versions("auto", ["1.2", "1.3"], minProtocolVersion="TLS_AUTO", maxProtocolVersion="TLS_AUTO"),
    versions("min10", ["1.0", "1.1", "1.2", "1.3"], minProtocolVersion="TLSV1_0", cipherSuites=["ECDHE-ECDSA-AES128-SHA"]),
    versions("min11", ["1.1", "1.2", "1.3"], minProtocolVersion="TLSV1_1", cipherSuites=["ECDHE-ECDSA-AES128-SHA"]),
    versions("min12", ["1.2", "1.3"], minProtocolVersion="TLSV1_2"),
    versions("min13", ["1.3"], minProtocolVersion="TLSV1_3"),
    versions("max13", ["1.2", "1.3"], maxProtocolVersion="TLSV1_3"),
    versions("max12", ["1.2"], maxProtocolVersion="TLSV1_2"),
    versions("max11", ["1.1"], minProtocolVersion="TLSV1_1", maxProtocolVersion="TLSV1_1", cipherSuites=["ECDHE-ECDSA-AES128-SHA"]),
    versions("max10", ["1.0"], minProtocolVersion="TLSV1_0", maxProtocolVersion="TLSV1_0", cipherSuites=["ECDHE-ECDSA-AES128-SHA"]),
    # Suites: Istio's names, each alone, and what it lets through besides them.
    suites("suites", [], DEFAULT_SUITES, OTHER_SUITES),
    Row("suites-of-tls13", {}, [(["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"], HANDSHAKE_FAILURE)]),
    *[suites(f"suite-{suite.lower()}", [suite], [suite], [other for other in DEFAULT_SUITES + OTHER_SUITES if other != suite])
      for suite in DEFAULT_SUITES + OTHER_SUITES],
    # Known, and not to be had by this client: nobody else gets in by TLS 1.2.
    suites("suite-3des", ["DES-CBC3-SHA"], [], DEFAULT_SUITES + OTHER_SUITES),
    suites("two-suites", ["AES128-SHA", "ECDHE-RSA-AES256-SHA"], ["AES128-SHA", "ECDHE-RSA-AES256-SHA"], DEFAULT_SUITES),
    suites("suite-twice", ["AES128-SHA", "AES128-SHA"], ["AES128-SHA"], DEFAULT_SUITES, ['cipher suite "AES128-SHA" is there already; it is left out']),
    suites("suite-unknown", ["NOTHING", "AES128-SHA"], ["AES128-SHA"], DEFAULT_SUITES, ['cipher suite "NOTHING" is not known; it is left out']),
    # The library has it, Istio does not; nothing is left, so the default holds.
    suites("suite-foreign", ["ECDHE-ECDSA-AES128-SHA256"], DEFAULT_SUITES, ["ECDHE-ECDSA-AES128-SHA256", *OTHER_SUITES],
           ['cipher suite "ECDHE-ECDSA-AES128-SHA256" is not known; it is left out']),
    suites("suite-of-tls13", ["TLS_AES_128_GCM_SHA256"], DEFAULT_SUITES, OTHER_SUITES, ['cipher suite "TLS_AES_128_GCM_SHA256" is not known; it is left out']),
    suites("suites-all", ["ALL"], DEFAULT_SUITES + OTHER_SUITES),
    suites("suites-but", ["ALL", "-ECDHE-ECDSA-AES128-GCM-SHA256"], DEFAULT_SUITES[1:] + OTHER_SUITES, DEFAULT_SUITES[:1]),
    Row("suites-equal", {"cipherSuites": ["[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]"]},
        [(["-tls1_2", "-cipher", ":".join(order)], f"Cipher is {order[0]}") for order in (DEFAULT_SUITES[::2][:2], DEFAULT_SUITES[::2][1::-1])] +
        [(["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], HANDSHAKE_FAILURE), (["-tls1_3"], "Cipher is TLS_")]),
    Row("suites-ordered", {"cipherSuites": ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"]},
        [(["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"], "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384")]),
    # Groups.
    groups("groups", [], only("X25519", "P-256"), ["P-384", "P-521"]),
    *[groups(f"group-{group.lower()}", [group], only(group), but(group)) for group in KEYS],
    # By TLS 1.3 there is no such group (RFC 8446 section 4.2.7).
    Row("group-p-224", {"ecdhCurves": ["P-224", "P-256"], "credentialName": "rsa"},
        [(["-tls1_2", "-groups", "P-224"], "ECDH, secp224r1, 224 bits"), (["-tls1_2", "-groups", "X25519"], HANDSHAKE_FAILURE),
         (["-tls1_3", "-groups", "P-256"], KEYS["P-256"]), (["-tls1_3", "-groups", "X25519"], HANDSHAKE_FAILURE)]),
    groups("groups-two", ["P-384", "P-521"], only("P-384", "P-521"), ["X25519", "P-256"]),
    groups("groups-ordered", ["P-384", "X25519"], {"X25519:P-384": KEYS["P-384"]}, ["P-521"]),
    groups("group-unknown", ["X25519Kyber768Draft00", "P-256"], only("P-256"), but("P-256"), ['curve "X25519Kyber768Draft00" is not known; it is left out']),
    # Certificates: where they are looked for.
    Row("two", {"credentialName": None, "credentialNames": ["rsa", "ecdsa"]},
        [([version, "-sigalgs", algorithm], f"a:PKEY: {key}") for version in VERSIONS
         for algorithm, key in (("RSA-PSS+SHA256:RSA+SHA256", "rsaEncryption"), ("ECDSA+SHA256", "id-ecPublicKey"), ("ECDSA+SHA256:RSA-PSS+SHA256", "id-ecPublicKey"))] +
        [([version, "-sigalgs", "ed25519"], HANDSHAKE_FAILURE) for version in VERSIONS] +
        # By TLS 1.2 this client could not verify a P-256 key (RFC 8422 section 5.1.1).
        [(["-tls1_2", "-groups", "X25519"], "a:PKEY: rsaEncryption"), (["-tls1_3", "-groups", "X25519"], "a:PKEY: id-ecPublicKey")]),
    Row("one", {}, [([version, "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"], HANDSHAKE_FAILURE) for version in VERSIONS]),
    credential("with-scheme", credentialName="kubernetes://ecdsa"),
    credential("with-namespace", credentialName="kubernetes://istio-system/ecdsa"),
    credential("generic", secret("of-generic", cert=ECDSA.certificate_pem, key=ECDSA.key_pem)),
    credential("generic-first", secret("of-generic-first", cert=ECDSA.certificate_pem, key=ECDSA.key_pem, tls__crt=b"-", tls__key=b"-")),
    credential("elsewhere", secret("of-elsewhere", "istio-config", tls__crt=ECDSA.certificate_pem, tls__key=ECDSA.key_pem), served=False,
               said=["Secret istio-system/of-elsewhere is not in the input, only one in namespace istio-config; handshakes are closed"]),
    credential("foreign", served=False, credentialName="kubernetes://istio-config/of-elsewhere",
               said=["may only read Secrets of its own namespace istio-system; handshakes are closed"]),
    credential("of-a-map", served=False, credentialName="configmap://istio-system/map",
               said=['credentialName "configmap://istio-system/map": configmap:// is not supported; handshakes are closed']),
    # Mistakes, each with its own words: those that close, and those that are served as they are.
    credential("missing", served=False,
               said=["error: Gateway istio-config/gateway: Secret istio-system/of-missing is not in the input; handshakes are closed [FL0400]"]),
    credential("empty", secret("of-empty", tls__crt=b"", tls__key=b""), served=False,
               said=["Secret istio-system/of-empty: it holds neither cert and key nor tls.crt and tls.key"]),
    credential("garbage", pair("of-garbage", ECDSA, chain=b"garbage"), served=False,
               said=['Secret istio-system/of-garbage: the text holds no PEM block "BEGIN CERTIFICATE"']),
    credential("mismatched", pair("of-mismatched", ECDSA, key=RSA.key_pem), served=False,
               said=["error: Secret istio-system/of-mismatched: the private key does not belong to the certificate; handshakes are closed [FL0401]"]),
    credential("encrypted", pair("of-encrypted", ECDSA, key=ENCRYPTED), served=False,
               said=["error: Secret istio-system/of-encrypted: the private key is encrypted: give it without a passphrase; handshakes are closed [FL0401]"]),
    credential("weak", pair("of-weak", WEAK), served=False, said=["Secret istio-system/of-weak: the key is RSA 1024: only RSA of 2048 bits or more"]),
    credential("no-files", served=False, credentialName=None, serverCertificate="/nowhere/tls.crt", privateKey="/nowhere/tls.key",
               said=["the file /nowhere/tls.crt cannot be read; handshakes are closed [FL0408]"]),
    credential("expired", pair("of-expired", TRUSTED.issue("*.example.com", days=(-9, -2))),
               said=["warning: Secret istio-system/of-expired: the certificate has expired; it is served all the same [FL0403]"]),
    credential("early", pair("of-early", TRUSTED.issue("*.example.com", days=(2, 9))),
               said=["warning: Secret istio-system/of-early: the certificate is not valid yet; it is served all the same [FL0403]"]),
    credential("misnamed", pair("of-misnamed", TRUSTED.issue("other.test")), said=['the certificate of "of-misnamed" is not for host misnamed.example.com']),
    credential("ordered", pair("of-ordered", DEEP)),
    credential("misordered", pair("of-misordered", DEEP, chain=LEAF + TRUSTED.pem + BELOW_ROOT),
               said=["Secret istio-system/of-misordered: the certificates of the chain are in the wrong order"]),
    credential("broken-chain", pair("of-broken-chain", DEEP, chain=LEAF + TRUSTED.pem),
               said=["Secret istio-system/of-broken-chain: a certificate of the chain was issued by none of the others: an intermediate is missing"]),
    credential("leaf-alone", pair("of-leaf-alone", DEEP, chain=LEAF),
               said=["Secret istio-system/of-leaf-alone: the chain is the server's certificate alone"]),
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("servers")
    upstream = Origin("up")
    port, = free_ports(1)
    chains = []
    for row in ROWS:
        block = dict({"mode": "SIMPLE", "credentialName": "ecdsa"}, **row.tls)
        chains.append(istio.server(443, "HTTPS", [row.host], {key: value for key, value in block.items() if value is not None}, name=f"https-{row.name}"))
    path = folder / "servers.yaml"
    path.write_text(istio.listing(
        istio.operator([("https", 443, port)]), pair("ecdsa", ECDSA), pair("rsa", RSA), *[item for row in ROWS for item in row.secrets],
        istio.gateway(*chains), istio.service_entry("up.internal.example", 80, upstream.port),
        istio.virtual_service("all", ["*.example.com"], http=[{"route": [istio.destination("up.internal.example", 80)]}])))
    (folder / "trusted.pem").write_bytes(TRUSTED.pem)
    value = Gateway(path)
    value.checked = fairlead("check", "-f", path).stdout
    value.port, value.folder = port, folder
    yield value
    value.stop()
    upstream.stop()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_field(gateway, row):
    """What is wrong is said by `run` and by `check`; nothing is said of what is right."""
    for text in row.said:
        assert gateway.said(text) and text in gateway.checked, text
    if not row.said:
        assert f"of-{row.name}" not in gateway.checked
    for arguments, expected in row.checks:
        arguments = [str(gateway.folder / "trusted.pem") if argument == "{trusted}" else argument for argument in arguments]
        printed = s_client(gateway.port, *arguments, name=row.host, send=get(row.host))
        if expected == UNSUPPORTED:
            assert expected in printed.text and "HTTP/1.1 200" not in printed.text
        elif isinstance(expected, str):
            assert expected in printed.text and "HTTP/1.1 200" in printed.text, (arguments, printed.text)
        else:
            assert "HTTP/1.1 200" not in printed.text and printed.alert == expected, (arguments, printed.text)
            gateway.entry(requested_server_name=row.host, connection_termination_details=REASONS[expected])


@pytest.mark.parametrize("version", VERSIONS)
def test_names_that_no_server_has(gateway, version):
    for name in ("nobody.example.com", "example.com", "simple.example.com.test", None):
        printed = s_client(gateway.port, version, name=name)
        assert not printed.is_connected and printed.alert is None, printed.text
        assert gateway.entry(requested_server_name=name)["response_flags"] == "NR"
        gateway.log_lines.clear()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_trusts_others(gateway, version):
    """It says so; OpenSSL sends that alert of TLS 1.3 in plaintext, so it counts for nothing said."""
    (gateway.folder / "other.pem").write_bytes(OTHER.pem)
    for host, arguments, reason in (("simple", [], "unknown_ca"), ("expired", ["-CAfile", str(gateway.folder / "trusted.pem")], "bad_certificate")):
        gateway.log_lines.clear()
        printed = s_client(gateway.port, version, "-CAfile", str(gateway.folder / "other.pem"), *arguments, "-verify_return_error", name=f"{host}.example.com")
        assert not printed.is_connected
        gateway.entry(requested_server_name=f"{host}.example.com", connection_termination_details=reason if version == "-tls1_2" else "handshake_failed")


# --- What changes while the gateway runs ---

def shown(port, version, name):
    """The certificate that s_client is shown; None: no handshake."""
    printed = s_client(port, version, name=name)
    if not printed.is_connected:
        return None
    pem = "-----BEGIN" + printed.text.split("-----BEGIN", 1)[1].split("END CERTIFICATE-----")[0] + "END CERTIFICATE-----\n"
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_secret_comes_is_rotated_breaks_and_goes(scenario, version):
    """Vector V10: the port is open, the handshake closed without it; other servers never notice."""
    gateway = scenario.read("gateway.yaml")["items"][0]
    gateway["spec"]["servers"][1]["hosts"] = ["app.example.com"]
    gateway["spec"]["servers"].append(istio.server(443, "HTTPS", ["late.example.com"], {"mode": "SIMPLE", "credentialName": "late"}, name="https-late"))
    scenario.write("gateway.yaml", gateway)
    running = scenario.start()

    def late():
        assert shown(scenario.https_port, version, "app.example.com") == scenario.certificate.certificate
        return shown(scenario.https_port, version, "late.example.com")
    assert late() is None
    running.entry(requested_server_name="late.example.com", connection_termination_details="no_certificate")
    for certificate in (TRUSTED.issue("late.example.com"), TRUSTED.issue("late.example.com")):
        scenario.write("late.yaml", pair("late", certificate))
        wait_until(lambda certificate=certificate: late() == certificate.certificate, what="the certificate")
    scenario.write("late.yaml", pair("late", certificate, key=RSA.key_pem))
    running.wait_said("the last good certificate stays in use")
    assert late() == certificate.certificate
    scenario.write("late.yaml")
    running.wait_said("Secret istio-system/late is not in the input; the last good certificate stays in use")
    assert late() == certificate.certificate


@pytest.mark.parametrize("version", VERSIONS)
def test_files_are_watched(scenario, tmp_path, version):
    folder = tmp_path / "files"
    folder.mkdir()
    first, second = TRUSTED.issue("*.example.com"), TRUSTED.issue("*.example.com")
    chain, key = first.write(str(folder), "server")
    gateway = scenario.read("gateway.yaml")["items"][0]
    gateway["spec"]["servers"][1]["tls"] = {"mode": "SIMPLE", "serverCertificate": chain, "privateKey": key}
    scenario.write("gateway.yaml", gateway)
    running = scenario.start()
    assert shown(scenario.https_port, version, "app.example.com") == first.certificate
    replace(folder / "server.key", second.key_pem)
    running.wait_said("the last good certificate stays in use")
    assert shown(scenario.https_port, version, "app.example.com") == first.certificate
    replace(folder / "server.crt", second.certificate_pem)
    wait_until(lambda: shown(scenario.https_port, version, "app.example.com") == second.certificate, what="the new certificate")


# --- Passed through ---

@pytest.mark.parametrize("version", VERSIONS)
def test_passthrough(scenario, version):
    """The upstream's own certificate and alerts; what no server and no route has is closed."""
    gateway = scenario.read("gateway.yaml")["items"][0]
    gateway["spec"]["servers"][1]["hosts"] = ["app.example.com"]
    scenario.write("gateway.yaml", gateway)
    running = scenario.start()
    name = "nginx.tls.example.com"
    printed = s_client(scenario.https_port, version, name=name, send=get(name))
    assert "passed through" in printed.text and f"subject=CN = {name}" in printed.text
    assert running.entry(requested_server_name=name)["upstream_cluster"] == "outbound|443||my-nginx.nginx.svc.cluster.local"
    printed = s_client(scenario.https_port, version, "-cipher", "PSK-AES128-GCM-SHA256", "-psk", "00", "-ciphersuites", "TLS_AES_128_CCM_SHA256", name=name)
    assert printed.alert == HANDSHAKE_FAILURE
    for other in ("other.tls.example.com", "tls.example.com", None):
        printed = s_client(scenario.https_port, version, name=other)
        assert not printed.is_connected and printed.alert is None
        assert running.entry(requested_server_name=other)["response_flags"] == "NR"
