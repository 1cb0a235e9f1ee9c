"""TLS towards upstreams, as a DestinationRule asks for it: trust, names, certificates of our own, shared connections."""
import os
import json
import socket
import ssl
import threading

import pytest
from scenario.test_destinations import World, at, destination_rule, to
from support import configuration as istio
from support.client import request
from support.gateway import wait_until
from support.pki import Authority


def server_context(folder, certificate, client_authority=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate.write(str(folder), "upstream"))
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_authority.pem.decode())
    context.names = []
    context.sni_callback = lambda connection, name, _: context.names.append(name)
    return context


def ca_secret(name, authority, key="ca.crt", **more):
    data = {key: authority.pem.decode()}
    data.update(more)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "istio-system"}, "stringData": data}


class Upstream:
    """A gateway before one TLS origin, `api.test`, with a DestinationRule of this tls block."""

    def __init__(self, folder, run_gateway, origin, certificate, tls, secrets=(), client_authority=None, routes=None, sans=None):
        self.context = server_context(folder, certificate, client_authority)
        self.origin = origin("secure", tls=self.context)
        self.world = World(folder, run_gateway)
        entry = istio.service_entry("api.test", 80, self.origin.port, namespace="shop")
        if sans:
            entry["spec"]["subjectAltNames"] = sans
        self.world.write("backend.yaml", entry, destination_rule("api.test", policy={"tls": tls}), *secrets)
        self.world.routes(*(routes or [at("/", to("api.test"))]))
        self.gateway = self.world.start()

    def get(self, path="/", host="api.test"):
        return request(self.world.port, path, host)

    def refused(self, *reasons):
        answer = self.get("/refused")
        assert answer.status == 503
        entry = self.gateway.entry(path="/refused")
        assert "UF" in entry["response_flags"].split(",")
        for reason in reasons:
            assert reason in entry["upstream_transport_failure_reason"], entry
        assert self.origin.received == []


@pytest.fixture
def upstream(tmp_path, run_gateway, origin):
    return lambda *arguments, **options: Upstream(tmp_path, run_gateway, origin, *arguments, **options)


SIMPLE = {"mode": "SIMPLE", "credentialName": "trust"}


def test_simple_with_automatic_name(upstream):
    authority = Authority()
    case = upstream(authority.issue("api.test"), SIMPLE, [ca_secret("trust", authority)])
    for _ in range(3):
        assert case.get().status == 200
    assert set(case.context.names) == {"api.test"}
    other = case.get("/refused", "other.test")
    assert other.status == 503
    entry = case.gateway.entry(path="/refused")
    assert "expected_other.test_but_the_certificate_is_for_api.test" in entry["upstream_transport_failure_reason"]


def test_an_unknown_authority_is_refused(upstream):
    case = upstream(Authority().issue("api.test"), SIMPLE, [ca_secret("trust", Authority())])
    case.refused("CERTIFICATE_VERIFY_FAILED", "verify_cert_failed")


def test_system_authorities_by_default(upstream):
    case = upstream(Authority().issue("api.test"), {"mode": "SIMPLE"})
    case.refused("CERTIFICATE_VERIFY_FAILED")


def test_verification_may_be_switched_off(upstream):
    case = upstream(Authority().issue("whatever.test"), {"mode": "SIMPLE", "insecureSkipVerify": True, "sni": "asked.test"})
    assert case.get().status == 200
    assert case.context.names == ["asked.test"]


def test_a_written_name_and_written_alternatives(upstream, tmp_path):
    authority = Authority()
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    tls = {"mode": "SIMPLE", "caCertificates": str(tmp_path / "authority.pem"), "sni": "front.test", "subjectAltNames": ["nobody.test", "back.test"]}
    case = upstream(authority.issue("back.test"), tls)
    assert case.get(host="any.test").status == 200
    assert case.context.names == ["front.test"]


def test_alternatives_that_do_not_fit(upstream):
    authority = Authority()
    case = upstream(authority.issue("api.test"), dict(SIMPLE, subjectAltNames=["back.test"]), [ca_secret("trust", authority)])
    case.refused("expected_back.test", "is_for_api.test")


def test_alternatives_of_the_service_entry(upstream):
    authority = Authority()
    case = upstream(authority.issue("api.test"), SIMPLE, [ca_secret("trust", authority)], sans=["entry.test"])
    case.refused("expected_entry.test")


def test_mutual(upstream):
    authority, clients = Authority(), Authority()
    secret = clients.issue("gateway.test").secret("both")
    case = upstream(authority.issue("api.test"), {"mode": "MUTUAL", "credentialName": "both"},
                    [secret, ca_secret("both-cacert", authority, "cacert")], client_authority=clients)
    assert case.get().status == 200


def test_mutual_by_files(upstream, tmp_path):
    authority, clients = Authority(), Authority()
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    chain, key = clients.issue("gateway.test").write(str(tmp_path), "client")
    case = upstream(authority.issue("api.test"), {"mode": "MUTUAL", "clientCertificate": chain, "privateKey": key,
                                                  "caCertificates": str(tmp_path / "authority.pem")}, client_authority=clients)
    assert case.get().status == 200


def replace(path, text):
    """As kubelet and careful administrators do it: in one step."""
    written = f"{path}.new"
    with open(written, "wb") as file:
        file.write(text)
    os.replace(written, path)


def test_files_are_watched(upstream, tmp_path):
    """Authorities, certificate and key from a folder of their own, which is no part of the configuration."""
    authority, clients, others = Authority(), Authority(), Authority()
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "authority.pem").write_bytes(others.pem)
    chain, key = others.issue("gateway.test").write(str(folder), "client")
    case = upstream(authority.issue("api.test"), {"mode": "MUTUAL", "clientCertificate": chain, "privateKey": key,
                                                  "caCertificates": str(folder / "authority.pem")}, client_authority=clients)
    case.refused("CERTIFICATE_VERIFY_FAILED")
    replace(folder / "authority.pem", authority.pem)

    paths = (f"/client/{number}" for number in range(10000))

    def trusted():
        path = next(paths)
        assert case.get(path).status == 503
        return "CERTIFICATE_VERIFY_FAILED" not in (case.gateway.entry(path=path)["upstream_transport_failure_reason"] or "")
    wait_until(trusted, what="the new authorities to be read")
    identity = clients.issue("gateway.test")
    replace(key, identity.key_pem)
    replace(chain, identity.certificate_pem)
    wait_until(lambda: case.get().status == 200, what="the new certificate to be shown")


def test_a_missing_secret_closes_the_cluster_alone(upstream, origin):
    case = upstream(Authority().issue("api.test"), SIMPLE)
    answer = case.get("/refused")
    assert answer.status == 503 and answer.field("content-type") == "text/plain" and b"remote connection failure" in answer.body
    assert case.gateway.said("no Secret of the credentialName holds certificates of authorities")
    assert case.origin.connections == 0


def test_connections_are_shared_for_equal_names_only(upstream):
    authority = Authority()
    case = upstream(authority.issue("api.test"), {"mode": "SIMPLE", "insecureSkipVerify": True})
    for _ in range(4):
        for host in ("one.test", "two.test"):
            assert case.get(host=host).status == 200
    # Each worker has connections of its own; two names.
    assert 2 <= case.origin.connections <= 2 * int(os.environ.get("FAIRLEAD_CONCURRENCY", "2"))
    assert set(case.context.names) == {"one.test", "two.test"}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed_for_equal_names_only(upstream, version):
    def answer_once(_, stream, head):
        stream.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        stream.flush()
        return False
    authority = Authority()
    case = upstream(authority.issue("one.test", "two.test"), SIMPLE, [ca_secret("trust", authority)])
    case.context.maximum_version = version
    case.origin.handle = answer_once
    for _ in range(6):
        assert case.get(host="one.test").status == 200
    assert case.context.session_stats()["hits"] >= 4
    hits = case.context.session_stats()["hits"]
    assert case.get(host="two.test").status == 200
    assert case.context.session_stats()["hits"] == hits
    assert case.get("/refused", "three.test").status == 503
    assert case.gateway.entry(path="/refused")["response_flags"].startswith("UF")


def test_tcp_routes(tmp_path, run_gateway, origin):
    authority = Authority()
    context = server_context(tmp_path, authority.issue("api.test"))
    secure = origin("secure", tls=context)
    world = World(tmp_path, run_gateway)
    world.write("base.yaml", istio.operator([("tcp", 9000, world.port)]), istio.gateway(istio.server(9000, "TCP", ["*"])))
    world.write("backend.yaml", istio.service_entry("api.test", 80, secure.port, namespace="shop"), ca_secret("trust", authority),
                destination_rule("api.test", policy={"tls": dict(SIMPLE, sni="api.test")}))
    world.write("routes.yaml", istio.virtual_service("web", ["*"], tcp=[{"route": [to("api.test")]}], namespace="shop",
                                                     gateways=("istio-config/gateway",)))
    gateway = world.start()
    answer = request(world.port, "/", "any.test")
    assert json.loads(answer.body)["origin"] == "secure"
    assert context.names == ["api.test"]
    world.write("backend.yaml", istio.service_entry("api.test", 80, secure.port, namespace="shop"), ca_secret("trust", Authority()),
                destination_rule("api.test", policy={"tls": dict(SIMPLE, sni="api.test")}))

    def refused():
        with socket.create_connection(("127.0.0.1", world.port), 10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            try:
                return connection.recv(10) == b""
            except ConnectionResetError:
                return True
    wait_until(refused, what="the new trust to refuse")
    entry = gateway.entry(response_flags="UF,URX")
    assert "CERTIFICATE_VERIFY_FAILED" in entry["upstream_transport_failure_reason"]


def test_a_plain_upstream_is_no_tls_upstream(tmp_path, run_gateway):
    server = socket.create_server(("127.0.0.1", 0))

    def answer_in_plaintext():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    threading.Thread(target=answer_in_plaintext, daemon=True).start()
    world = World(tmp_path, run_gateway)
    world.write("backend.yaml", istio.service_entry("api.test", 80, server.getsockname()[1], namespace="shop"),
                destination_rule("api.test", policy={"tls": {"mode": "SIMPLE", "insecureSkipVerify": True}}))
    world.routes(at("/", to("api.test")))
    gateway = world.start()
    assert request(world.port, "/x", "api.test").status == 503
    entry = gateway.entry(path="/x")
    assert "UF" in entry["response_flags"] and "WRONG_VERSION_NUMBER" in entry["upstream_transport_failure_reason"], entry
    server.close()


def test_bodies_both_ways_and_a_reload_to_plaintext(upstream):
    authority = Authority()
    case = upstream(authority.issue("api.test"), SIMPLE, [ca_secret("trust", authority)])
    answer = request(case.world.port, "/", "api.test", method="POST", body=b"x" * 300000)
    assert answer.status == 200 and len(json.loads(answer.body)["body"]) == 300000
    case.world.write("backend.yaml", istio.service_entry("api.test", 80, case.origin.port, namespace="shop"))
    wait_until(lambda: case.get("/plain").status != 200, what="plaintext, which the origin does not speak")
