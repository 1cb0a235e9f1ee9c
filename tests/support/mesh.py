"""What a mesh is made of: the gateway's identity in a folder, workloads with certificates of their own, the objects that say who wants mutual TLS."""
import os

from support.pki import Authority

TLS_MODE = "security.istio.io/tlsMode"
IDENTITY_FILES = ("cert-chain.pem", "key.pem", "root-cert.pem")


class Mesh:
    """An authority, and a folder for --mesh-identity."""

    def __init__(self, folder, trust_domain="cluster.local"):
        self.folder, self.trust_domain = folder / "identity", trust_domain
        self.folder.mkdir()
        self.authority = Authority()
        self.rotate()

    def workload(self, account, namespace="shop", authority=None):
        return (authority or self.authority).issue(f"spiffe://{self.trust_domain}/ns/{namespace}/sa/{account}")

    def put(self, name, text):
        """In one step, as Istio's agent does."""
        written = self.folder / ("." + name)
        written.write_bytes(text)
        written.rename(self.folder / name)

    def rotate(self):
        """A new certificate and key, one file after the other; its serial number."""
        identity = self.workload("gateway", "istio-system")
        self.put("key.pem", identity.key_pem)
        self.put("cert-chain.pem", identity.certificate_pem)
        if not os.path.exists(self.folder / "root-cert.pem"):
            self.put("root-cert.pem", self.authority.pem)
        return identity.serial

    @property
    def arguments(self):
        return ["--mesh-identity", str(self.folder)]


def pod(name, account="app", namespace="shop", sidecar=True, **labels):
    if sidecar:
        labels[TLS_MODE] = "istio"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"serviceAccountName": account}}


def peer_authentication(mode, name="default", namespace="shop", selector=None, ports=None):
    spec = {"mtls": {"mode": mode}} if mode else {}
    if selector:
        spec["selector"] = {"matchLabels": selector}
    if ports:
        spec["portLevelMtls"] = {str(port): {"mode": value} for port, value in ports.items()}
    return {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
