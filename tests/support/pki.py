"""A throw-away certificate authority for one test run."""
import base64
import datetime
import ipaddress
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
        self.public_key = key.public_key()
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


def _general_name(name):
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    def __init__(self, name="Fairlead test authority", issuer=None):
        """Self-signed, or an intermediate one of `issuer`."""
        self.key = ec.generate_private_key(ec.SECP256R1())
        issued_by = (issuer.certificate.subject, issuer.key) if issuer else (_name(name), self.key)
        self.certificate = self._build(_name(name), self.key, *issued_by, True, [])
        self.pem = self.certificate.public_bytes(PEM)
        self.chain = self.pem + (issuer.chain if issuer else b"")

    @staticmethod
    def _build(subject, key, issuer, issuer_key, is_authority, names, days=(-1, 90), usages=None, general_names=()):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=days[0])).not_valid_after(now + datetime.timedelta(days=days[1]))
                   .add_extension(x509.BasicConstraints(is_authority, None), True)
                   # Two authorities of one name are told apart by them.
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([*map(_general_name, names), *general_names]), False)
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), False)
        return builder.sign(issuer_key, hashes.SHA256())

    def issue(self, *names, days=(-1, 90), usages=None, key=None, subject=None, general_names=()):
        key = key or ec.generate_private_key(ec.SECP256R1())
        certificate = self._build(subject or _name(names[0][:60]), key, self.certificate.subject, self.key, False, names, days, usages,
                                  general_names)
        return Certificate(certificate, key, self.chain)

    def crl(self, *revoked, days=(-1, 7)):
        """PEM of a list that revokes these certificates."""
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
                   .last_update(now + datetime.timedelta(days=days[0])).next_update(now + datetime.timedelta(days=days[1])))
        for certificate in revoked:
            builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(certificate.serial)
                                                      .revocation_date(now - datetime.timedelta(hours=1)).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(PEM)

    @classmethod
    def self_signed(cls, *names):
        key = ec.generate_private_key(ec.SECP256R1())
        return Certificate(cls._build(_name(names[0]), key, _name(names[0]), key, False, names), key)


def secret(name, namespace="istio-system", **data):
    """An Opaque Secret; in its keys a dot is written as two underscores."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
            "data": {key.replace("__", "."): base64.b64encode(value).decode() for key, value in data.items()}}


def config_map(name, namespace="istio-system", **data):
    """As `secret`, of texts."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace},
            "data": {key.replace("__", "."): value.decode() for key, value in data.items()}}
