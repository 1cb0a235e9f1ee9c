"""The fields of a server's tls block and the mistakes in its Secret, seen with `openssl s_client`."""
import base64
import datetime
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.gateway import fairlead

NAME = "app.example.com"


def handshake(scenario, *arguments):
    """What s_client prints of a handshake, None when it failed."""
    result = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{scenario.https_port}", "-servername", NAME, *arguments],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    return result.stdout if result.returncode == 0 else None


def set_tls(scenario, **settings):
    gateway = scenario.read("gateway.yaml")["items"][0]
    gateway["spec"]["servers"][1]["tls"].update(settings)
    scenario.write("gateway.yaml", gateway)


OLD = "ALL:@SECLEVEL=0"
CASES = [
    ({"minProtocolVersion": "TLSV1_3"}, ["-tls1_2"], None),
    ({"minProtocolVersion": "TLSV1_3"}, ["-tls1_3"], "TLSv1.3"),
    ({"maxProtocolVersion": "TLSV1_2"}, ["-tls1_3"], None),
    ({"maxProtocolVersion": "TLSV1_2"}, ["-tls1_2"], "TLSv1.2"),
    ({"minProtocolVersion": "TLSV1_1", "cipherSuites": ["ECDHE-ECDSA-AES128-SHA"]}, ["-tls1_1", "-cipher", OLD], "ECDHE-ECDSA-AES128-SHA"),
    ({"cipherSuites": ["ECDHE-ECDSA-AES256-GCM-SHA384"]}, ["-tls1_2"], "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ({"cipherSuites": ["ECDHE-ECDSA-AES256-GCM-SHA384"]}, ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], None),
    ({"cipherSuites": ["ECDHE-ECDSA-AES256-GCM-SHA384"]}, ["-tls1_3"], "TLSv1.3"),
    # The library knows the suite, Istio leaves it out: nothing is left, so the default holds.
    ({"cipherSuites": ["ECDHE-ECDSA-AES128-SHA256"]}, ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], None),
    ({"cipherSuites": ["ECDHE-ECDSA-AES128-SHA256"]}, ["-tls1_2"], "ECDHE-ECDSA-"),
    ({"ecdhCurves": ["P-384"]}, ["-tls1_3"], "secp384r1"),
    ({"ecdhCurves": ["P-384"]}, ["-tls1_2", "-groups", "P-256"], None),
    ({"ecdhCurves": ["X25519Kyber768Draft00", "P-256"]}, ["-tls1_3"], "prime256v1"),
]


@pytest.mark.parametrize("settings, arguments, expected", CASES)
def test_settings(scenario, settings, arguments, expected):
    set_tls(scenario, **settings)
    scenario.start()
    printed = handshake(scenario, *arguments)
    if expected is None:
        assert printed is None
    else:
        assert expected in printed


def issue(subject, issuer=None, authority=False, start_days=-1, end_days=30):
    """A certificate and its key; `issuer` is such a pair."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.utcnow()
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(issuer[0].subject if issuer else name)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=start_days)).not_valid_after(now + datetime.timedelta(days=end_days))
                   .add_extension(x509.BasicConstraints(authority, None), True)
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), False)
                   .sign(issuer[1] if issuer else key, hashes.SHA256()))
    return certificate, key


def write_secret(scenario, chain, key, password=None):
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    chain_pem = b"".join(pair[0].public_bytes(serialization.Encoding.PEM) for pair in chain)
    scenario.write("secret.yaml", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ingress-cert", "namespace": "istio-system"},
                                   "data": {"tls.crt": base64.b64encode(chain_pem).decode(), "tls.key": base64.b64encode(key_pem).decode()}})


ROOT = issue("root.test", authority=True)
MIDDLE = issue("middle.test", ROOT, True)
LEAF = issue("*.example.com", MIDDLE)
EXPIRED = issue("*.example.com", ROOT, start_days=-9, end_days=-2)
EARLY = issue("*.example.com", ROOT, start_days=2)
OTHER = issue("other.test", ROOT)


@pytest.mark.parametrize("chain, key, password, expected, served", [
    ([LEAF, MIDDLE, ROOT], LEAF, None, None, True),
    ([LEAF, ROOT, MIDDLE], LEAF, None, "wrong order", True),
    ([LEAF, ROOT], LEAF, None, "an intermediate is missing", True),
    ([LEAF], LEAF, None, "an intermediate may be missing", True),
    ([EXPIRED, ROOT], EXPIRED, None, "has expired", True),
    ([EARLY, ROOT], EARLY, None, "not valid yet", True),
    ([OTHER, ROOT], OTHER, None, "is not for host *.example.com", True),
    ([LEAF, MIDDLE], OTHER, None, "key", False),
    ([LEAF, MIDDLE], LEAF, b"secret", "encrypted", False),
])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_bad_certificate_has_its_own_diagnostic(scenario, version, chain, key, password, expected, served):
    write_secret(scenario, chain, key[1], password)
    printed = fairlead("check", "-f", scenario.folder)
    if expected is None:
        for mistake in ("wrong order", "intermediate", "expired", "not valid yet", "is not for host", "encrypted"):
            assert mistake not in printed.stdout
    else:
        assert expected in printed.stdout, printed.stdout
    scenario.start()
    assert (handshake(scenario, version) is not None) == served
