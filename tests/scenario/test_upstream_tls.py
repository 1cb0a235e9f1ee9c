"""TLS towards upstreams, as a DestinationRule asks for it: trust, names, certificates of our own, shared connections."""
import os
import json
import socket
import ssl
import threading

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
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

    def __init__(self, folder, run_gateway, origin, certificate, tls, secrets=(), client_authority=None, routes=None, sans=None, version=None,
                 policy=None, environment=None):
        self.context = server_context(folder, certificate, client_authority)
        if version:
            self.context.minimum_version = self.context.maximum_version = version
        self.origin = origin("secure", tls=self.context)
        self.world = World(folder, run_gateway)
        entry = istio.service_entry("api.test", 80, self.origin.port, namespace="shop")
        if sans:
            entry["spec"]["subjectAltNames"] = sans
        self.world.write("backend.yaml", entry, destination_rule("api.test", policy=policy or {"tls": tls}), *secrets)
        self.world.routes(*(routes or [at("/", to("api.test"))]))
        self.gateway = self.world.start(environment=environment)

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


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["tls12", "tls13"])
def upstream(request, tmp_path, run_gateway, origin):  # pylint: disable=redefined-outer-name
    """Each case with an origin of either version of TLS."""
    return lambda *arguments, **options: Upstream(tmp_path, run_gateway, origin, *arguments, version=request.param, **options)


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


def test_the_environment_names_other_system_authorities(upstream, tmp_path):
    authority = Authority()
    (tmp_path / "system.pem").write_bytes(authority.pem)
    case = upstream(authority.issue("api.test"), {"mode": "SIMPLE"}, environment={"SSL_CERT_FILE": str(tmp_path / "system.pem")})
    assert case.get().status == 200


def test_an_empty_file_is_not_the_system_s_authorities(upstream, tmp_path):
    authority = Authority()
    (tmp_path / "system.pem").write_bytes(authority.pem)
    (tmp_path / "empty.pem").write_bytes(b"")
    case = upstream(authority.issue("api.test"), {"mode": "SIMPLE", "caCertificates": str(tmp_path / "empty.pem")},
                    environment={"SSL_CERT_FILE": str(tmp_path / "system.pem")})
    assert case.get().status == 503 and case.origin.connections == 0
    assert case.gateway.said("caCertificates cannot be read, or is empty")


@pytest.mark.parametrize("days, reason", [((-9, -2), "certificate_has_expired"), ((2, 9), "certificate_is_not_yet_valid")])
def test_dates_are_verified(upstream, days, reason):
    authority = Authority()
    upstream(authority.issue("api.test", days=days), SIMPLE, [ca_secret("trust", authority)]).refused(reason)


def test_a_certificate_for_clients_is_no_server_s(upstream):
    authority = Authority()
    upstream(authority.issue("api.test", usages=[ExtendedKeyUsageOID.CLIENT_AUTH]), SIMPLE, [ca_secret("trust", authority)]).refused("verify_cert_failed")


def test_an_address_is_verified_as_one(upstream):
    authority = Authority()
    case = upstream(authority.issue("127.0.0.1", "api.test"), SIMPLE, [ca_secret("trust", authority)])
    assert case.get(host="127.0.0.1").status == 200
    assert case.context.names == [None]
    assert case.get(host="127.0.0.2").status == 503


def test_a_wildcard_covers_one_label(upstream):
    authority = Authority()
    case = upstream(authority.issue("*.api.test"), SIMPLE, [ca_secret("trust", authority)])
    assert case.get(host="one.api.test").status == 200
    assert [case.get(host=host).status for host in ("api.test", "two.one.api.test")] == [503, 503]


def test_a_rewritten_authority_is_the_name(upstream):
    authority = Authority()
    route = dict(at("/", to("api.test")), rewrite={"authority": "inner.test"})
    case = upstream(authority.issue("inner.test"), SIMPLE, [ca_secret("trust", authority)], routes=[route])
    assert case.get(host="outer.test").status == 200
    assert case.context.names == ["inner.test"]


def test_a_port_s_block_stands_for_itself(upstream):
    """portLevelSettings replace all of the level above, a subset's block its host's."""
    authority = Authority()
    rule = {"tls": {"mode": "DISABLE"}, "portLevelSettings": [{"port": {"number": 80}, "tls": dict(SIMPLE, sni="port.test")}]}
    case = upstream(authority.issue("port.test", "subset.test"), None, [ca_secret("trust", authority)], policy=rule)
    assert case.get().status == 200 and case.context.names == ["port.test"]

    def write(host_policy, subset_policy):
        value = destination_rule("api.test", [("v1", {})], host_policy)
        value["spec"]["subsets"][0]["trafficPolicy"] = subset_policy
        case.world.write("backend.yaml", istio.service_entry("api.test", 80, case.origin.port, namespace="shop"), value, ca_secret("trust", authority))
        case.world.routes(at("/", to("api.test", "v1")))
    write(rule, {"tls": dict(SIMPLE, sni="subset.test")})
    wait_until(lambda: case.get().status == 200 and case.context.names[-1] == "subset.test", what="the subset's block")
    write({"tls": SIMPLE}, {"portLevelSettings": [{"port": {"number": 80}, "loadBalancer": {"simple": "ROUND_ROBIN"}}]})
    wait_until(lambda: case.get().status != 200, what="plaintext, for the subset's port has no tls block")


@pytest.mark.parametrize("suites, status", [(None, 503), (["ECDHE-ECDSA-AES256-SHA"], 200)])
def test_cipher_suites_of_the_mesh_settings(tmp_path, run_gateway, origin, suites, status):
    """By default only those with forward secrecy and authenticated encryption; meshConfig.tlsDefaults says otherwise."""
    authority = Authority()
    context = server_context(tmp_path, authority.issue("api.test"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES256-SHA")
    secure = origin("secure", tls=context)
    world = World(tmp_path, run_gateway)
    mesh = {"tlsDefaults": {"cipherSuites": suites, "ecdhCurves": ["P-256"]}} if suites else {}
    world.write("base.yaml", istio.operator([("http2", 80, world.port)], mesh), istio.gateway(istio.server(80, "HTTP", ["*"])))
    world.write("backend.yaml", istio.service_entry("api.test", 80, secure.port, namespace="shop"), ca_secret("trust", authority),
                destination_rule("api.test", policy={"tls": SIMPLE}))
    world.routes(at("/", to("api.test")))
    gateway = world.start()
    assert request(world.port, "/x", "api.test").status == status
    if status == 503:
        assert "HANDSHAKE_FAILURE" in gateway.entry(path="/x")["upstream_transport_failure_reason"]


def test_disable_is_plaintext(upstream):
    case = upstream(Authority().issue("api.test"), {"mode": "DISABLE"})
    assert case.get().status != 200
    assert case.context.names == []


def test_a_mutual_upstream_refuses_without_our_certificate(upstream):
    """With TLS 1.3 it says so after the handshake, which makes it the end of a connection rather than a failed one."""
    authority, clients = Authority(), Authority()
    case = upstream(authority.issue("api.test"), SIMPLE, [ca_secret("trust", authority)], client_authority=clients)
    assert case.get("/refused").status == 503
    entry = case.gateway.entry(path="/refused")
    assert entry["response_flags"].split(",")[0] in ("UF", "UC")
    assert "ALERT" in entry["upstream_transport_failure_reason"], entry


@pytest.mark.parametrize("source", ["files", "secret"])
def test_revoked_certificates_are_refused(upstream, tmp_path, source):
    authority = Authority()
    certificate = authority.issue("api.test")
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    (tmp_path / "crl.pem").write_bytes(authority.crl())

    def lists(text):
        if source == "files":
            replace(tmp_path / "crl.pem", text)
            return []
        return [ca_secret("trust", authority, **{"ca.crl": text.decode()})]
    files = {"mode": "SIMPLE", "caCertificates": str(tmp_path / "authority.pem"), "caCrl": str(tmp_path / "crl.pem")}
    case = upstream(certificate, files if source == "files" else SIMPLE, lists(authority.crl()))
    assert case.get().status == 200
    case.world.write("backend.yaml", istio.service_entry("api.test", 80, case.origin.port, namespace="shop"),
                     destination_rule("api.test", policy={"tls": files if source == "files" else SIMPLE}), *lists(authority.crl(certificate)))
    wait_until(lambda: case.get("/revoked").status == 503, what="the list to count")
    assert "certificate_revoked" in case.gateway.entry(path="/revoked", response_code=503)["upstream_transport_failure_reason"]


def test_a_revocation_list_that_cannot_be_read_closes(upstream, tmp_path):
    authority = Authority()
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    case = upstream(authority.issue("api.test"), {"mode": "SIMPLE", "caCertificates": str(tmp_path / "authority.pem"), "caCrl": "/nowhere/crl.pem"})
    assert case.get().status == 503 and case.origin.connections == 0
    assert case.gateway.said("there is no PEM block of a revocation list")


def test_secrets_are_watched(upstream):
    authority = Authority()
    case = upstream(authority.issue("api.test"), SIMPLE, [ca_secret("trust", Authority())])
    case.refused("CERTIFICATE_VERIFY_FAILED")
    objects = istio.service_entry("api.test", 80, case.origin.port, namespace="shop"), destination_rule("api.test", policy={"tls": SIMPLE})
    case.world.write("backend.yaml", *objects, ca_secret("trust", authority))
    wait_until(lambda: case.get().status == 200, what="the new authorities")
    # A Secret that is taken away leaves what it held; one of other authorities counts at once.
    case.world.write("backend.yaml", *objects)
    case.gateway.wait_said("the last good version stays in use")
    assert case.get().status == 200
    case.world.write("backend.yaml", *objects, ca_secret("trust", Authority()))
    wait_until(lambda: case.get().status == 503, what="other authorities to refuse")


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
    # A key that does not fit, and files that are gone, leave what was good.
    replace(key, clients.issue("gateway.test").key_pem)
    case.gateway.wait_said("stale: ")
    assert case.get().status == 200
    for path in (key, chain, folder / "authority.pem"):
        os.remove(path)
    case.gateway.wait_said("clientCertificate or privateKey cannot be read")
    case.gateway.wait_said("caCertificates cannot be read, or is empty")
    assert case.get().status == 200


def test_files_are_watched_when_only_another_route_has_changed(upstream, tmp_path):
    """A change of one VirtualService is compiled by itself: what the others need stays known."""
    authority = Authority()
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "authority.pem").write_bytes(authority.pem)
    case = upstream(authority.issue("api.test"), {"mode": "SIMPLE", "caCertificates": str(folder / "authority.pem")})

    def service(name, host, rule):
        """An object of its own, not an item of a list."""
        value = istio.virtual_service(name, [host], http=[rule], namespace="shop", gateways=("istio-config/gateway",))
        replace(case.world.folder / f"{name}.yaml", json.dumps(value).encode())

    def other(path):
        service("other", "other.test", {"match": [{"uri": {"prefix": path}}], "directResponse": {"status": 202}})
        wait_until(lambda: case.get(path, "other.test").status == 202, what="the other route")
    assert case.get().status == 200
    service("web", "api.test", {"route": [to("api.test")]})
    (case.world.folder / "routes.yaml").unlink()
    for path in ("/a", "/b", "/c"):
        other(path)
    assert case.get().status == 200
    (folder / "authority.pem").unlink()
    case.gateway.wait_said("the last good version stays in use")
    other("/d")
    replace(folder / "authority.pem", Authority().pem)
    wait_until(lambda: case.get().status == 503, what="other authorities to refuse")


def test_a_missing_secret_closes_the_cluster_alone(upstream, origin):
    case = upstream(Authority().issue("api.test"), SIMPLE)
    answer = case.get("/refused")
    assert answer.status == 503 and answer.field("content-type") == "text/plain" and b"remote connection failure" in answer.body
    assert case.gateway.said("no Secret or ConfigMap of the credentialName holds certificates of authorities")
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


def test_connections_are_not_shared_across_identities_and_trust(upstream):
    """Two hosts at one address and with one server name: each request goes out under its own host's certificate and authorities."""
    authority, clients = Authority(), Authority()
    seen = []

    def note(connection, stream, head):
        seen.append((head.split()[1].decode(), dict(pair[0] for pair in connection.getpeercert()["subject"])["commonName"]))
        stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        stream.flush()
        return True
    case = upstream(authority.issue("same.test"), {"mode": "DISABLE"}, client_authority=clients)
    case.origin.handle = note
    objects, routes = [], []
    for name, trusted in (("one", authority), ("two", authority), ("three", Authority())):
        entry = istio.service_entry(f"{name}.test", 80, case.origin.port, namespace="shop")
        entry["metadata"]["name"] = name
        objects += [entry, clients.issue(f"{name}-client.test").secret(name), ca_secret(f"{name}-cacert", trusted, "cacert"),
                    destination_rule(f"{name}.test", policy={"tls": {"mode": "MUTUAL", "credentialName": name, "sni": "same.test"}}, name=name)]
        routes.append(at(f"/{name}", to(f"{name}.test")))
    case.world.write("backend.yaml", *objects)
    case.world.routes(*routes)
    wait_until(lambda: case.get("/one").status == 200, what="the new routes")
    for _ in range(8):
        assert [case.get(path).status for path in ("/one", "/two", "/three")] == [200, 200, 503]
    assert set(seen) == {("/one", "one-client.test"), ("/two", "two-client.test")}


def test_sessions_are_resumed_for_equal_names_only(upstream):
    def answer_once(_, stream, head):
        stream.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        stream.flush()
        return False
    authority = Authority()
    case = upstream(authority.issue("one.test", "two.test"), SIMPLE, [ca_secret("trust", authority)])
    case.origin.handle = answer_once
    for _ in range(6):
        assert case.get(host="one.test").status == 200
    assert case.context.session_stats()["hits"] >= 4
    # A reload that changes nothing of it keeps the sessions.
    hits = case.context.session_stats()["hits"]
    case.world.routes(at("/new", to("api.test")), at("/", to("api.test")))
    wait_until(lambda: case.get("/new", "one.test").status == 200, what="the reload")
    assert case.context.session_stats()["hits"] > hits
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
