"""TLS towards `openssl s_server`: each field of a DestinationRule's tls block, kept and broken, in TLS 1.2 and 1.3, for http and for tcp routes.

One gateway serves all rows: a row is a ServiceEntry with a DestinationRule of its own and one s_server a version."""
import re

import pytest
from scenario.test_destinations import destination_rule
from support import configuration as istio
from support.client import request
from support.gateway import Gateway, free_ports
from support.mesh import Mesh
from support.openssl import VERSIONS, SServer, get, s_client
from support.pki import Authority, config_map, secret

TRUSTED, OTHER, SYSTEM, CLIENTS = Authority("trusted"), Authority("other"), Authority("system"), Authority("clients")
MIDDLE, REVOKING = Authority("middle", TRUSTED), Authority("revoking")
REVOKED = REVOKING.issue("revoked.test")
OWN, FOREIGN = CLIENTS.issue("gateway.test"), OTHER.issue("stranger.test")
ASKS = ["-Verify", "1", "-verify_return_error", "-CAfile", "{clients}"]


class Row:
    """`tls`: the block; `certificate` and `arguments`: the server's. `reason`: why it fails (a pattern), None: it does not. `http_reason`,
    `tcp_reason`: where the two differ. `sni`: what is asked for; HOST stands for the request's own host, over tcp for none."""

    def __init__(self, name, tls, certificate=None, arguments=(), reason=None, sni="HOST", page=(), secrets=(), policy=None, entry=None, **differing):
        self.name, self.certificate, self.arguments, self.sni, self.page = name, certificate, arguments, sni, page
        self.secrets, self.entry = secrets, entry or {}
        self.policy = policy or {"tls": tls}
        self.reasons = {"http": differing.get("http_reason", reason), "tcp": differing.get("tcp_reason", reason)}

    def host(self, version):
        return f"{self.name}1{version[-1]}.test"


# What may be wrong with a row.
MISSING, PLAINTEXT, NOT_WELCOME = "missing: ", "plaintext", "not welcome"
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED:verify_cert_failed"
BY_FILE = {"mode": "SIMPLE", "caCertificates": "{folder}/trusted.pem"}
SHOWN = ("Client certificate", "gateway.test")


def names(*sans):
    return lambda host: TRUSTED.issue(*(host if san == "HOST" else san for san in sans))


def ca_secret(name, authority, **more):
    return secret(name, ca__crt=authority.pem, **more)


ROWS = [
    # Authorities.
    Row("ca-file", BY_FILE),
    Row("ca-file-other", BY_FILE, OTHER, reason=UNTRUSTED),
    # An intermediate authority stands for itself, and for nothing beside it.
    Row("ca-middle", {"mode": "SIMPLE", "caCertificates": "{folder}/middle.pem"}, MIDDLE),
    Row("ca-middle-beside", {"mode": "SIMPLE", "caCertificates": "{folder}/middle.pem"}, reason=UNTRUSTED),
    Row("ca-file-missing", {"mode": "SIMPLE", "caCertificates": "{folder}/nowhere.pem"}, reason=MISSING + "caCertificates_cannot_be_read,_or_is_empty"),
    Row("credential", {"mode": "SIMPLE", "credentialName": "trust"}, secrets=[ca_secret("trust", TRUSTED)]),
    Row("credential-other", {"mode": "SIMPLE", "credentialName": "trust"}, OTHER, reason=UNTRUSTED),
    Row("credential-cacert", {"mode": "SIMPLE", "credentialName": "both"}, secrets=[ca_secret("both", OTHER), secret("both-cacert", cacert=TRUSTED.pem)]),
    Row("credential-cacert-hides", {"mode": "SIMPLE", "credentialName": "both"}, OTHER, reason=UNTRUSTED),
    Row("credential-missing", {"mode": "SIMPLE", "credentialName": "nowhere"},
        reason=MISSING + "no_Secret_or_ConfigMap_of_the_credentialName_holds_certificates_of_authorities"),
    Row("map", {"mode": "SIMPLE", "credentialName": "configmap://istio-config/trust"}, secrets=[config_map("trust", "istio-config", ca__crt=TRUSTED.pem)]),
    Row("map-other", {"mode": "SIMPLE", "credentialName": "configmap://istio-config/trust"}, OTHER, reason=UNTRUSTED),
    Row("map-missing", {"mode": "SIMPLE", "credentialName": "configmap://istio-config/nowhere"},
        reason=MISSING + "no_Secret_or_ConfigMap_of_the_credentialName_holds_certificates_of_authorities"),
    Row("map-revoked", {"mode": "SIMPLE", "credentialName": "configmap://istio-config/lists", "subjectAltNames": ["revoked.test"]}, lambda host: REVOKED,
        reason="certificate_revoked", secrets=[config_map("lists", "istio-config", cacert=REVOKING.pem, crl=REVOKING.crl(REVOKED))]),
    Row("system", {"mode": "SIMPLE"}, SYSTEM),
    Row("system-other", {"mode": "SIMPLE"}, reason=UNTRUSTED),
    Row("skip", {"mode": "SIMPLE", "insecureSkipVerify": True}, lambda host: Authority.self_signed("anything.test")),
    Row("skip-not", BY_FILE, lambda host: Authority.self_signed(host), reason=UNTRUSTED),
    Row("dates", BY_FILE, lambda host: TRUSTED.issue(host, days=(-9, -2)), reason="certificate_has_expired"),
    Row("list", {"mode": "SIMPLE", "caCertificates": "{folder}/revoking.pem", "caCrl": "{folder}/crl.pem"}, REVOKING),
    Row("list-revoked", {"mode": "SIMPLE", "caCertificates": "{folder}/revoking.pem", "caCrl": "{folder}/crl.pem", "subjectAltNames": ["revoked.test"]},
        lambda host: REVOKED, reason="certificate_revoked"),
    Row("list-of-secret", {"mode": "SIMPLE", "credentialName": "lists", "subjectAltNames": ["revoked.test"]}, lambda host: REVOKED,
        reason="certificate_revoked", secrets=[ca_secret("lists", REVOKING, ca__crl=REVOKING.crl(REVOKED))]),
    # Names.
    Row("other-host", BY_FILE, names("elsewhere.test"), http_reason="expected_other-host1..test_but_the_certificate_is_for_elsewhere.test", tcp_reason=None),
    Row("wildcard", BY_FILE, names("*.test")),
    Row("sni", dict(BY_FILE, sni="front.test"), names("front.test"), ["-servername", "front.test", "-servername_fatal", "{own-pair}"], sni="front.test"),
    Row("sni-not-known", dict(BY_FILE, sni="front.test"), names("front.test"), ["-servername", "back.test", "-servername_fatal", "{own-pair}"],
        reason="ALERT_UNRECOGNIZED_NAME", sni="front.test"),
    Row("sni-for-another", dict(BY_FILE, sni="front.test"), names("back.test"), reason="expected_front.test_but", sni="front.test"),
    Row("sans", dict(BY_FILE, subjectAltNames=["nobody.test", "spiffe://mesh.test/back"]), names("spiffe://mesh.test/back")),
    Row("sans-of-another", dict(BY_FILE, subjectAltNames=["nobody.test"]), names("HOST"), reason="expected_nobody.test_but"),
    Row("entry-sans", BY_FILE, names("back.test"), entry={"subjectAltNames": ["back.test"]}),
    Row("entry-sans-of-another", BY_FILE, names("HOST"), reason="expected_back.test_but", entry={"subjectAltNames": ["back.test"]}),
    # The gateway's own certificate.
    Row("mutual-files", dict(BY_FILE, mode="MUTUAL", clientCertificate="{folder}/own.crt", privateKey="{folder}/own.key"), arguments=ASKS, page=SHOWN),
    Row("mutual-foreign", dict(BY_FILE, mode="MUTUAL", clientCertificate="{folder}/foreign.crt", privateKey="{folder}/foreign.key"), arguments=ASKS,
        reason=NOT_WELCOME),
    Row("mutual-none", BY_FILE, arguments=ASKS, reason=NOT_WELCOME),
    Row("mutual-credential", {"mode": "MUTUAL", "credentialName": "own"}, arguments=ASKS, page=SHOWN,
        secrets=[secret("own", tls__crt=OWN.certificate_pem, tls__key=OWN.key_pem, ca__crt=TRUSTED.pem)]),
    Row("mutual-credential-foreign", {"mode": "MUTUAL", "credentialName": "foreign"}, arguments=ASKS, reason=NOT_WELCOME,
        secrets=[secret("foreign", tls__crt=FOREIGN.certificate_pem, tls__key=FOREIGN.key_pem, ca__crt=TRUSTED.pem)]),
    Row("mutual-without-a-pair", {"mode": "MUTUAL", "credentialName": "trust"}, arguments=ASKS, reason=MISSING + "there_is_no_certificate_to_show_to_the_upstream"),
    # The mesh's.
    Row("mesh", {"mode": "ISTIO_MUTUAL"}, "spiffe://cluster.local/ns/shop/sa/app", ["-Verify", "1", "-verify_return_error", "-CAfile", "{mesh}"], sni="MESH",
        page=("Client certificate", "spiffe://cluster.local/ns/istio-system/sa/gateway"), entry={"subjectAltNames": ["spiffe://cluster.local/ns/shop/sa/app"]}),
    Row("mesh-impostor", {"mode": "ISTIO_MUTUAL"}, "spiffe://cluster.local/ns/shop/sa/impostor", sni="MESH",
        reason="expected_spiffe://cluster.local/ns/shop/sa/app_but_the_certificate_is_for_spiffe://cluster.local/ns/shop/sa/impostor",
        entry={"subjectAltNames": ["spiffe://cluster.local/ns/shop/sa/app"]}),
    Row("mesh-foreign", {"mode": "ISTIO_MUTUAL"}, TRUSTED, reason=UNTRUSTED, sni="MESH"),
    # No TLS at all, and levels of the policy (portLevelSettings replace all of the level above).
    Row("disable", {"mode": "DISABLE"}, reason=PLAINTEXT),
    Row("port", None, policy={"tls": {"mode": "DISABLE"}, "portLevelSettings": [{"port": {"number": 80}, "tls": BY_FILE}]}),
    Row("port-without", None, reason=PLAINTEXT,
        policy={"tls": BY_FILE, "portLevelSettings": [{"port": {"number": 80}, "loadBalancer": {"simple": "ROUND_ROBIN"}}]}),
]


def filled(value, places):
    """With what stands in braces replaced, in texts at any depth."""
    if isinstance(value, str):
        return re.sub(r"{([a-z-]+)}", lambda found: str(places[found.group(1)]), value)
    if isinstance(value, dict):
        return {key: filled(item, places) for key, item in value.items()}
    return [filled(item, places) for item in value] if isinstance(value, (list, tuple)) else value


class Street:
    """The gateway before all servers: http routes by host on one port, tcp routes by server name, behind TLS of its own, on another."""

    def __init__(self, folder):
        self.http_port, self.tcp_port = free_ports(2)
        self.mesh = Mesh(folder)
        places = {"folder": folder, "clients": folder / "clients.pem", "mesh": folder / "mesh.pem", "trusted": folder / "trusted.pem"}
        for name, authority in (("trusted", TRUSTED), ("clients", CLIENTS), ("mesh", self.mesh.authority), ("system", SYSTEM), ("revoking", REVOKING),
                                ("middle", MIDDLE)):
            (folder / f"{name}.pem").write_bytes(authority.pem)
        (folder / "crl.pem").write_bytes(REVOKING.crl(REVOKED))
        OWN.write(str(folder), "own")
        FOREIGN.write(str(folder), "foreign")
        self.servers, objects, chains, secrets = {}, [], [], {}
        for row in ROWS:
            for item in row.secrets:
                secrets[item["kind"], item["metadata"]["name"]] = item
            for version in VERSIONS:
                host = row.host(version)
                self.servers[host] = self.serve(folder, row, version, places)
                chains.append(istio.server(8443, "TLS", [host], {"mode": "SIMPLE", "credentialName": "front"}, name=f"tls-{row.name}{version[-1]}"))
                objects += self.objects(row, host, filled(row.policy, places))
        front = TRUSTED.issue("*.test")
        path = folder / "street.yaml"
        path.write_text(istio.listing(
            istio.operator([("http2", 80, self.http_port), ("tls", 8443, self.tcp_port)]),
            istio.gateway(istio.server(80, "HTTP", ["*"]), *chains), front.secret("front"), *secrets.values(), *objects))
        for server in self.servers.values():
            server.wait_ready()
        self.gateway = Gateway(path, arguments=self.mesh.arguments, environment={"SSL_CERT_FILE": str(folder / "system.pem")})

    def serve(self, folder, row, version, places):
        host, certificate = row.host(version), row.certificate or TRUSTED
        if isinstance(certificate, str):
            certificate = self.mesh.authority.issue(certificate)
        elif isinstance(certificate, Authority):
            certificate = certificate.issue(host)
        elif callable(certificate):
            certificate = certificate(host)
        arguments = []
        for argument in row.arguments:
            if argument == "{own-pair}":
                arguments += ["-cert2", f"{folder}/{host}.crt", "-key2", f"{folder}/{host}.key"]
            else:
                arguments.append(filled(argument, places))
        return SServer(folder, host, version, certificate, *arguments)

    def objects(self, row, host, policy):
        entry = istio.service_entry(host, 80, self.servers[host].port, namespace="istio-config")
        entry["spec"].update(row.entry)
        route = [istio.destination(host, 80)]
        return [entry, destination_rule(host, policy=policy, name=host, namespace="istio-config"),
                istio.virtual_service(f"http-{host}", [host], http=[{"match": [{"port": 80}], "route": route}]),
                istio.virtual_service(f"tcp-{host}", [host], tcp=[{"match": [{"port": 8443}], "route": route}])]

    def ask_http(self, host):
        answer = request(self.http_port, f"/{host}", host)
        return answer.status, answer.body.decode("latin1"), self.gateway.entry(path=f"/{host}")

    def ask_tcp(self, host):
        printed = s_client(self.tcp_port, "-tls1_3", name=host, send=get(host))
        status = 200 if "HTTP/1.0 200 ok" in printed.text else None
        return status, printed.text, self.gateway.entry(requested_server_name=host)

    def stop(self):
        self.gateway.stop()
        for server in self.servers.values():
            server.stop()


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    value = Street(tmp_path_factory.mktemp("street"))
    yield value
    value.stop()


def check_refusal(entry, row, carrier):
    """What the log says of a request, or a connection, that came to nothing."""
    reason, flags, why = row.reasons[carrier], entry["response_flags"], entry["upstream_transport_failure_reason"] or ""
    if reason.startswith(MISSING):
        # The configuration asks for what is not there: nothing is tried.
        assert entry["upstream_host"] is None
        if carrier == "http":
            assert reason[len(MISSING):] in entry["response_code_details"]
        else:
            assert (flags, entry["connection_termination_details"]) == ("UH", "unsupported_policy")
    elif reason == PLAINTEXT:
        assert flags == ("UC" if carrier == "http" else "-") and why == ""
    elif reason == NOT_WELCOME:
        # By TLS 1.3 the upstream says so after the handshake, and then its reset may be there before its alert is read.
        assert "_ALERT_" in why or flags in ("UC", "-"), entry
    else:
        assert flags.startswith("UF") and re.search(reason, why), entry


@pytest.mark.parametrize("carrier", ["http", "tcp"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_field(street, row, version, carrier):
    host, reason = row.host(version), row.reasons[carrier]
    server = street.servers[host]
    asked, offered = len(server.names()), len(server.protocols())
    status, page, entry = (street.ask_http if carrier == "http" else street.ask_tcp)(host)
    if reason is None:
        assert status == 200, (page, entry)
        assert f"Protocol  : TLSv1.{version[-1]}" in page
        for text in row.page or ("no client certificate available",):
            assert text in page
        assert entry["upstream_transport_failure_reason"] is None
    else:
        assert status == (503 if carrier == "http" else None), (page, entry)
        check_refusal(entry, row, carrier)
    is_asked = reason is None or reason != PLAINTEXT and not reason.startswith(MISSING)
    name = {"HOST": host if carrier == "http" else None, "MESH": f"outbound_.80_._.{host}"}.get(row.sni, row.sni)
    assert set(server.names()[asked:]) == ({name} if is_asked and name else set())
    if row.sni == "MESH":
        assert server.protocols()[-1] == (["istio-http/1.1", "istio", "http/1.1"] if carrier == "http" else ["istio"])
    else:
        assert server.protocols()[offered:] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_are_resumed(street, version):
    """s_server's ticket, on a connection of its own each time; nothing is kept of a server that was not trusted."""
    pages = [request(street.http_port, "/", f"ca-file1{version[-1]}.test").body for _ in range(8)]
    assert sum(b"\nReused, TLSv1." + version[-1:].encode() in page for page in pages) >= 6
    assert [request(street.http_port, "/", f"skip-not1{version[-1]}.test").status for _ in range(3)] == [503] * 3
