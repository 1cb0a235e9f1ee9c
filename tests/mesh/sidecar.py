"""A real Envoy, configured as Istio configures the inbound listener of a sidecar: TLS inspector; of the chains one for mutual TLS, chosen by Istio's
ALPN names, which wants a certificate with a SPIFFE name of the mesh, and one for plaintext; which of them are there is what PeerAuthentication says."""
import json
import os
import subprocess
import urllib.request

from support.gateway import free_ports, wait_until

TYPE = "type.googleapis.com/envoy."
# Source: pilot/pkg/networking/core/listener_inbound.go and filter chain matches of pkg/security/authn.
HTTP_ALPN = ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"]
TCP_ALPN = ["istio-peer-exchange", "istio"]


def typed(name, kind, **value):
    return {"name": name, "typed_config": dict({"@type": TYPE + kind}, **value)}


def tells(key, value):
    return {"header": {"key": key, "value": value}}


def http_filters(name):
    """Answers by itself, and says what it knows of the client."""
    host = {"name": "inbound", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {
        "status": 200, "body": {"inline_string": name}}}]}
    routes = {"name": "inbound", "virtual_hosts": [host], "response_headers_to_add": [
        tells("x-peer", "%DOWNSTREAM_PEER_URI_SAN%"), tells("x-serial", "%DOWNSTREAM_PEER_SERIAL%"), tells("x-sni", "%REQUESTED_SERVER_NAME%"),
        tells("x-protocol", "%PROTOCOL%"), tells("x-tls", "%DOWNSTREAM_TLS_VERSION%"), tells("x-connection", "%CONNECTION_ID%")]}
    return [typed("envoy.filters.network.http_connection_manager", "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                  stat_prefix="inbound", codec_type="AUTO", route_config=routes, forward_client_cert_details="APPEND_FORWARD",
                  set_current_client_cert_details={"subject": True, "dns": True, "uri": True},
                  http_filters=[typed("envoy.filters.http.router", "extensions.filters.http.router.v3.Router")])]


def tcp_filters():
    return [typed("envoy.filters.network.tcp_proxy", "extensions.filters.network.tcp_proxy.v3.TcpProxy", stat_prefix="inbound", cluster="behind")]


class Sidecar:
    """Its ports by (protocol, mode), where protocol is http or tcp (HTTP/2 is what http finds in its bytes) and mode STRICT, PERMISSIVE or DISABLE."""

    MODES = ("STRICT", "PERMISSIVE", "DISABLE")

    def __init__(self, folder, certificate, roots, behind_port, trust_domain="cluster.local", tls_version=None):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        for name, text in (("cert-chain.pem", certificate.certificate_pem), ("key.pem", certificate.key_pem), ("root-cert.pem", roots)):
            (folder / name).write_bytes(text)
        self.trust_domain, self.tls_version = trust_domain, tls_version
        ports = free_ports(7)
        self.admin_port = ports.pop()
        self.ports = {(protocol, mode): ports.pop() for protocol in ("http", "tcp") for mode in self.MODES}
        (folder / "envoy.json").write_text(json.dumps(self._bootstrap(behind_port)))
        with open(folder / "envoy.log", "wb") as log:
            self.process = subprocess.Popen([os.environ["FAIRLEAD_ENVOY"], "-c", str(folder / "envoy.json"), "--concurrency", "1",
                                             "--disable-hot-restart", "-l", "warning"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self._ready, what="Envoy to be ready")

    def _ready(self):
        assert self.process.poll() is None, (self.folder / "envoy.log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def _transport(self, protocols):
        def file(name):
            return {"filename": str(self.folder / name)}
        version = self.tls_version or "TLSv1_2", self.tls_version or "TLSv1_3"
        common = {
            "tls_certificates": [{"certificate_chain": file("cert-chain.pem"), "private_key": file("key.pem")}],
            "alpn_protocols": protocols,
            "tls_params": {"tls_minimum_protocol_version": version[0], "tls_maximum_protocol_version": version[1]},
            "validation_context": {"trusted_ca": file("root-cert.pem"), "match_typed_subject_alt_names": [
                {"san_type": "URI", "matcher": {"prefix": f"spiffe://{self.trust_domain}/"}}]},
        }
        return typed("envoy.transport_sockets.tls", "extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context=common,
                     require_client_certificate=True)

    def _listener(self, protocol, mode):
        is_http = protocol == "http"
        chains = []
        if mode != "DISABLE":
            chains.append({"name": "mtls", "filters": http_filters(f"{mode} mtls") if is_http else tcp_filters(),
                           "filter_chain_match": {"transport_protocol": "tls", "application_protocols": HTTP_ALPN if is_http else TCP_ALPN},
                           "transport_socket": self._transport(["h2", "http/1.1"] if is_http else ["istio-peer-exchange", "h2", "http/1.1"])})
        if mode != "STRICT":
            chains.append({"name": "plaintext", "filters": http_filters(f"{mode} plaintext") if is_http else tcp_filters(),
                           "filter_chain_match": {"transport_protocol": "raw_buffer"}})
        return {
            "name": f"{protocol}-{mode}", "filter_chains": chains,
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": self.ports[protocol, mode]}},
            "listener_filters": [typed("envoy.filters.listener.tls_inspector", "extensions.filters.listener.tls_inspector.v3.TlsInspector")],
        }

    def _bootstrap(self, behind_port):
        address = {"socket_address": {"address": "127.0.0.1", "port_value": behind_port}}
        behind = {"name": "behind", "type": "STATIC", "load_assignment": {"cluster_name": "behind", "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": address}}]}]}}
        return {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": self.admin_port}}},
                "static_resources": {"listeners": [self._listener(*key) for key in self.ports], "clusters": [behind]}}
