"""Each folder here is a case: YAML files in, the compiled snapshot and the diagnostics out.

  input*.yaml               the input, given to the program in order of their names
  options.txt               further options of the command line, if any
  expected.txt              what `fairlead dump` prints to standard output; empty when there is nothing to serve
  expected-diagnostics.txt  what `fairlead check` prints to standard output

In the input "@cert NAME SAN,SAN@" stands for a certificate of a new key, "@key NAME@" for that key, "@cert-rsa NAME SAN@" for one of an RSA
key; all as base64 of PEM, for a Secret's data, and as they are in mesh-identity/*.pem. So neither output may show what changes with the key.

FAIRLEAD_BINARY is the program (default build/release/fairlead); FAIRLEAD_GOLDEN_UPDATE=1 writes the expected files instead of comparing.
"""
import base64
import datetime
import ipaddress
import os
import pathlib
import re
import shlex
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = pathlib.Path(os.environ.get("FAIRLEAD_BINARY", ROOT / "build/release/fairlead")).resolve()
UPDATE = os.environ.get("FAIRLEAD_GOLDEN_UPDATE") == "1"
CASES = sorted(path.parent.name for path in HERE.glob("*/input*.yaml"))
CASES = sorted(set(CASES))
MARK = re.compile(r"@(cert|cert-rsa|key) ([^ @]+)(?: ([^@]+))?@")


def general_name(text):
    if "://" in text:
        return x509.UniformResourceIdentifier(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Keys:
    """Keys and certificates of one case by name."""

    def __init__(self):
        self.keys = {}

    def key(self, name, kind="cert"):
        if name not in self.keys:
            self.keys[name] = (
                rsa.generate_private_key(public_exponent=65537, key_size=2048)
                if kind == "cert-rsa"
                else ec.generate_private_key(ec.SECP256R1())
            )
        return self.keys[name]

    def certificate(self, name, kind, names):
        key = self.key(name, kind)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([general_name(text) for text in names]), critical=False)
            .sign(key, hashes.SHA256())
        )

    def fill(self, match):
        kind, name, names = match.groups()
        if kind == "key":
            pem = self.key(name).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        else:
            pem = self.certificate(name, kind, names.split(",")).public_bytes(serialization.Encoding.PEM)
        return base64.b64encode(pem).decode()


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    """(folder of the case, folder with its input ready, arguments)"""
    source = HERE / request.param
    keys = Keys()
    arguments = []
    for path in sorted(source.glob("input*.yaml")):
        text = path.read_text()
        # Certificates first: they say what kind of key it is.
        text = MARK.sub(lambda match: match.group(0) if match.group(1) == "key" else keys.fill(match), text)
        (tmp_path / path.name).write_text(MARK.sub(keys.fill, text))
        arguments += ["-f", path.name]
    for path in sorted(source.glob("mesh-identity/*.pem")):
        (tmp_path / "mesh-identity").mkdir(exist_ok=True)
        (tmp_path / "mesh-identity" / path.name).write_bytes(base64.b64decode(MARK.sub(keys.fill, path.read_text())))
    options = source / "options.txt"
    if options.exists():
        arguments += shlex.split(options.read_text())
    return source, tmp_path, arguments


def run(command, folder, arguments):
    return subprocess.run(
        [str(BINARY), command, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def compare(path, actual):
    if UPDATE:
        path.write_text(actual)
    assert actual == path.read_text(), f"{path.relative_to(ROOT)} differs; FAIRLEAD_GOLDEN_UPDATE=1 writes it anew"


def test_dump(case):
    source, folder, arguments = case
    result = run("dump", folder, arguments)
    compare(source / "expected.txt", result.stdout)
    assert result.returncode == (0 if result.stdout else 1), result.stderr
    again = run("dump", folder, arguments)
    assert again.stdout == result.stdout, "the same input gave another dump"


def test_diagnostics(case):
    source, folder, arguments = case
    result = run("check", folder, arguments)
    compare(source / "expected-diagnostics.txt", result.stdout)
    assert result.returncode == (1 if " error: " in result.stdout else 0), result.stderr


def test_no_key_material_is_printed(case):
    source, folder, arguments = case
    for command in ("dump", "check"):
        result = run(command, folder, arguments)
        printed = result.stdout + result.stderr
        assert "PRIVATE KEY" not in printed
        for path in folder.glob("input*.yaml"):
            for secret in re.findall(r"(?:crt|key|cert): \"?([A-Za-z0-9+/=]{64,})", path.read_text()):
                assert secret[:64] not in printed
