"""The scenario seen in headless Chromium. Only the certificate that the table names is accepted (by its key's hash), so a page that loads
was served with it. Screenshots stay under build/test/."""
import base64
import hashlib
import os
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from scenario.conftest import scenario  # noqa: F401
from support.gateway import ROOT

pytestmark = pytest.mark.browser


def key_hash(certificate_der):
    key = x509.load_der_x509_certificate(certificate_der).public_key()
    info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()


def visit(tmp_path, host, port, accepted, picture=None):
    """What the page's document says after loading."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
               "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
               f"--host-resolver-rules=MAP {host} 127.0.0.1", f"--ignore-certificate-errors-spki-list={accepted}"]
    url = f"https://{host}:{port}/"
    if picture:
        folder = os.path.join(ROOT, "build", "test")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, picture)
        subprocess.run(command + [f"--screenshot={path}", "--window-size=800,300", url], capture_output=True, timeout=90, check=True)
        assert os.path.getsize(path) > 1000
    return subprocess.run(command + ["--dump-dom", url], capture_output=True, text=True, timeout=90, check=False).stdout


def test_the_terminated_page_loads_with_the_gateways_certificate(scenario, tmp_path):  # noqa: F811
    scenario.start()
    page = visit(tmp_path, "app.example.com", scenario.https_port, key_hash(scenario.certificate.der), "terminated.png")
    assert '"origin": "app"' in page


def test_the_passed_through_page_loads_with_the_backends_certificate(scenario, tmp_path):  # noqa: F811
    scenario.start()
    page = visit(tmp_path, "nginx.tls.example.com", scenario.https_port, key_hash(scenario.nginx.certificate.der), "passed-through.png")
    assert "passed through" in page


def test_neither_page_loads_with_the_others_certificate(scenario, tmp_path):  # noqa: F811
    scenario.start()
    page = visit(tmp_path, "nginx.tls.example.com", scenario.https_port, key_hash(scenario.certificate.der))
    assert "passed through" not in page
