"""A throw-away certificate authority for one test run."""
import base64
import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


class Certificate:
    def __init__(self, certificate, key, chain=b""):
        self.certificate = certificate
        self.serial = certificate.serial_number
        self.der = certificate.public_bytes(serialization.Encoding.DER)
        self.certificate_pem = certificate.public_bytes(PEM) + chain
        self.key_pem = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def write(self, folder, name):
        paths = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
        for path, text in zip(paths, (self.certificate_pem, self.key_pem)):
            with open(path, "wb") as file:
                file.write(text)
        return paths

    def secret(self, name, namespace="istio-system"):
        return {
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace},
            "data": {"tls.crt": base64.b64encode(self.certificate_pem).decode(),
                     "tls.key": base64.b64encode(self.key_pem).decode()},
        }


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class Authority:
    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._build(_name("Fairlead test authority"), self.key, _name("Fairlead test authority"), self.key, True, [])
        self.pem = self.certificate.public_bytes(PEM)

    @staticmethod
    def _build(subject, key, issuer, issuer_key, is_authority, names):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=90))
                   .add_extension(x509.BasicConstraints(is_authority, None), True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name) if "://" in name else x509.DNSName(name) for name in names]), False)
        return builder.sign(issuer_key, hashes.SHA256())

    def issue(self, *names):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._build(_name(names[0][:60]), key, self.certificate.subject, self.key, False, names)
        return Certificate(certificate, key, self.pem)

    def issue_uri(self, uri):
        return self.issue(uri)

    @classmethod
    def self_signed(cls, *names):
        key = ec.generate_private_key(ec.SECP256R1())
        return Certificate(cls._build(_name(names[0]), key, _name(names[0]), key, False, names), key)
