"""fairlead proxy-config, and the endpoints of the administration that it asks."""
import datetime
import json
import re
import socket
import threading

import pytest
from support import configuration as istio
from support.gateway import fairlead, free_ports, wait_until
from support.metrics import scrape

SECTIONS = {"listeners": "l", "routes": "r", "clusters": "c", "endpoints": "ep", "secrets": "s"}


def show(gateway, *arguments):
    result = fairlead("proxy-config", *arguments, "--admin", str(gateway.admin_port))
    assert result.returncode == 0 and result.stderr == "", result.stderr
    return result.stdout


def table(text, padding=5):
    """The cells of each row by the columns of the first."""
    lines = text.splitlines()
    if padding > 1:
        starts = [0] + [match.end() for match in re.finditer(r"\s{%d,}" % padding, lines[0])]
    else:
        starts = [match.start() for match in re.finditer(r"\S+", lines[0])]
    titles = [lines[0][start:end].strip() for start, end in zip(starts, starts[1:] + [None])]
    return [dict(zip(titles, (line[start:end].strip() for start, end in zip(starts, starts[1:] + [None])))) for line in lines[1:]]


def test_listeners(scenario):
    gateway = scenario.start()
    text = show(gateway, "listeners")
    assert text.startswith("ADDRESSES PORT")
    rows = table(text, 1)
    http, https = str(scenario.http_port), str(scenario.https_port)
    assert {"ADDRESSES": "0.0.0.0", "PORT": http, "MATCH": "ALL", "DESTINATION": "Route: http.80"} in [dict(row, DESTINATION=row["DESTINATION"].replace(f"http.{http}", "http.80")) for row in rows]
    assert {"ADDRESSES": "0.0.0.0", "PORT": https, "MATCH": "SNI: *.example.com", "DESTINATION": "Route: https.443.https.gateway.istio-config"} in rows
    assert {"ADDRESSES": "0.0.0.0", "PORT": https, "MATCH": "SNI: nginx.tls.example.com",
            "DESTINATION": "Cluster: outbound|443||my-nginx.nginx.svc.cluster.local"} in rows
    assert [row["PORT"] for row in rows] == sorted((row["PORT"] for row in rows), key=int)


def test_routes(scenario):
    scenario.write("more.yaml", istio.virtual_service("more", ["more.example.com"], http=[
        {"match": [{"uri": {"exact": "/exact"}}], "route": [istio.destination("app.internal.example", 80)]},
        {"match": [{"uri": {"prefix": "/prefix"}}], "route": [istio.destination("app.internal.example", 80)]},
        {"match": [{"uri": {"regex": "/r.*x"}}], "route": [istio.destination("app.internal.example", 80)]}]))
    gateway = scenario.start()
    rows = [row for row in table(show(gateway, "routes")) if row["NAME"] == "https.443.https.gateway.istio-config"]
    assert [row["MATCH"] for row in rows if row["VHOST NAME"] == "more.example.com"] == ["/exact", "/prefix*", "regex /r.*x"]
    assert [row["MATCH"] for row in rows if row["DOMAINS"] == "app.example.com"] == ["/*"]
    assert set(rows[0]) == {"NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE"}


def test_clusters_and_endpoints(scenario):
    second, = free_ports(1)
    rule = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "rule", "namespace": "istio-config"},
            "spec": {"host": "app.internal.example", "subsets": [{"name": "v1", "labels": {"version": "1"}}]}}
    entry = istio.service_entry("app.internal.example", 80, scenario.app.port, second)
    entry["spec"]["endpoints"][0]["labels"] = {"version": "1"}
    nginx = scenario.read("backends.yaml")["items"][1:]
    route = istio.destination("app.internal.example", 80)
    subset = {"destination": dict(route["destination"], subset="v1")}
    scenario.write("backends.yaml", entry, rule, *nginx, istio.virtual_service("subset", ["subset.example.com"], http=[{"route": [subset]}]))
    gateway = scenario.start()
    rows = table(show(gateway, "clusters"))
    assert {"SERVICE FQDN": "app.internal.example", "PORT": "80", "SUBSET": "v1", "DIRECTION": "outbound", "TYPE": "EDS",
            "DESTINATION RULE": "rule.istio-config"} in rows
    assert {"SERVICE FQDN": "my-nginx.nginx.svc.cluster.local", "PORT": "443", "SUBSET": "-", "DIRECTION": "outbound", "TYPE": "EDS",
            "DESTINATION RULE": ""} in rows
    rows = table(show(gateway, "endpoints"))
    assert {"ENDPOINT": f"127.0.0.1:{scenario.app.port}", "STATUS": "HEALTHY", "OUTLIER CHECK": "OK",
            "CLUSTER": "outbound|80|v1|app.internal.example"} in rows
    assert sorted(row["ENDPOINT"] for row in rows if row["CLUSTER"] == "outbound|80||app.internal.example") == sorted(
        [f"127.0.0.1:{scenario.app.port}", f"127.0.0.1:{second}"])


def test_secrets(scenario):
    gateway = scenario.start()
    row, = table(show(gateway, "secrets"))
    certificate = scenario.certificate.certificate
    assert (row["RESOURCE NAME"], row["TYPE"], row["STATUS"], row["VALID CERT"]) == ("kubernetes://ingress-cert", "Cert Chain", "ACTIVE", "true")
    assert int(row["SERIAL NUMBER"], 16) == scenario.certificate.serial
    assert row["NOT AFTER"] == certificate.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert row["NOT BEFORE"] == certificate.not_valid_before.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_secret_that_is_missing(scenario):
    (scenario.folder / "secret.yaml").unlink()
    gateway = scenario.start()
    row, = table(show(gateway, "secrets"))
    assert (row["RESOURCE NAME"], row["STATUS"], row["VALID CERT"], row["SERIAL NUMBER"]) == ("kubernetes://ingress-cert", "WARMING", "false", "")
    assert gateway.admin_json("/certs")[0]["status"] == "MISSING"


def test_certs_tell_the_expiry(scenario):
    gateway = scenario.start()
    item, = gateway.admin_json("/certs")
    end = scenario.certificate.certificate.not_valid_after.replace(tzinfo=datetime.timezone.utc)
    left = end - datetime.datetime.now(datetime.timezone.utc)
    assert abs(item["expires_in_s"] - left.total_seconds()) < 60 and item["valid"] is True
    assert item["names"] == ["*.example.com"] and len(item["fingerprint_sha256"]) == 64 and item["key_type"].startswith(("ECDSA", "RSA"))
    assert item["used_by"] == ["istio-config/gateway servers[1]"] and "PRIVATE" not in json.dumps(item)


def test_certificates_that_upstreams_are_shown(scenario, authority, tmp_path):
    """Those of the mesh, and of a DestinationRule's files: their expiry matters as much."""
    mine = authority.issue("spiffe://cluster.local/ns/istio-system/sa/gateway")
    chain, key = mine.write(str(tmp_path), "client")
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    rule = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "rule", "namespace": "istio-config"},
            "spec": {"host": "app.internal.example", "trafficPolicy": {"tls": {
                "mode": "MUTUAL", "clientCertificate": chain, "privateKey": key, "caCertificates": str(tmp_path / "authority.pem")}}}}
    scenario.write("rule.yaml", rule)
    gateway = scenario.start()
    item, = (item for item in gateway.admin_json("/certs") if item["shown_to"] == "upstreams")
    assert int(item["serial"], 16) == mine.serial and item["names"] == ["spiffe://cluster.local/ns/istio-system/sa/gateway"]
    assert item["used_by"] == ["outbound|80||app.internal.example"] and item["valid"] is True and "PRIVATE" not in json.dumps(item)
    value = scrape(gateway.metrics_port)
    (labels, expiry), = value.all("fairlead_certificate_expiration_timestamp_seconds", shown_to="upstreams")
    assert int(labels["serial"], 16) == mine.serial
    assert expiry == mine.certificate.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()
    assert [row["RESOURCE NAME"] for row in table(show(gateway, "secrets"))] == ["kubernetes://ingress-cert", "default"]


def test_listeners_tell_whether_they_are_bound(scenario, run_gateway):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", scenario.http_port))
        taken.listen()
        gateway = run_gateway(scenario.folder)
        listening = {item["port"]: item["listening"] for item in gateway.admin_json("/listeners")}
        assert listening == {scenario.http_port: False, scenario.https_port: True}
    wait_until(lambda: all(item["listening"] for item in gateway.admin_json("/listeners")), what="the port")


def test_endpoints_that_dns_gave(scenario):
    entry = istio.service_entry("named.internal.example", 80, scenario.app.port)
    entry["spec"].update(resolution="DNS", endpoints=[{"address": "localhost", "ports": {"port": scenario.app.port}}])
    scenario.write("named.yaml", entry, istio.virtual_service("named", ["named.example.com"], http=[{"route": [istio.destination("named.internal.example", 80)]}]))
    gateway = scenario.start()

    def endpoints():
        cluster, = (item for item in gateway.admin_json("/clusters") if item["host"] == "named.internal.example")
        assert cluster["resolves"] == [{"host": "localhost", "port": scenario.app.port, "weight": 1}]
        return [item for item in cluster["endpoints"] if item["address"] == f"127.0.0.1:{scenario.app.port}"]
    assert wait_until(endpoints, what="the name")[0] == {"address": f"127.0.0.1:{scenario.app.port}", "status": "HEALTHY", "from": "dns"}
    row, = (row for row in table(show(gateway, "clusters")) if row["SERVICE FQDN"] == "named.internal.example")
    assert row["TYPE"] == "STRICT_DNS"


@pytest.mark.parametrize("section, short", SECTIONS.items())
def test_json_and_abbreviations(scenario, section, short):
    gateway = scenario.start()
    assert isinstance(json.loads(show(gateway, section, "-o", "json")), list)
    assert show(gateway, section) == show(gateway, short, "-o", "short") == show(gateway, section.rstrip("s"))


@pytest.mark.parametrize("path", ["/certs", "/clusters", "/listeners", "/routes", "/stats/prometheus"])
def test_the_endpoints(scenario, path):
    gateway = scenario.start()
    assert gateway.admin(path)[0] == 200 and f"GET  {path} " in gateway.admin("/")[1]
    assert gateway.admin(path, "POST")[0] == 405 and gateway.admin(path, "DELETE")[0] == 405
    assert gateway.admin(path, "GET", {"Host": "evil.example"})[0] == 403
    assert gateway.admin(path, "GET", {"Origin": "http://evil.example"})[0] == 403
    key = "".join(line for line in scenario.certificate.key_pem.decode().splitlines() if "-----" not in line)
    assert "PRIVATE" not in gateway.admin(path)[1] and key[40:80] not in gateway.admin(path)[1]


def test_over_a_unix_socket(scenario, run_gateway, tmp_path):
    run_gateway(scenario.folder, arguments=["--admin", f"unix:{tmp_path}/admin.sock"])
    result = fairlead("proxy-config", "clusters", "--admin", f"unix:{tmp_path}/admin.sock")
    assert result.returncode == 0 and "app.internal.example" in result.stdout


def test_mistakes(scenario, tmp_path):
    port, = free_ports(1)
    for arguments in ([], ["nonsense"], ["clusters", "-o", "yaml"], ["clusters", "--admin", "nowhere"], ["clusters", "more"], ["clusters", "-f", "x"]):
        result = fairlead("proxy-config", *arguments)
        assert result.returncode == 2 and result.stderr, arguments
    for address in (f"127.0.0.1:{port}", f"unix:{tmp_path}/absent", "off"):
        result = fairlead("proxy-config", "clusters", "--admin", address)
        assert result.returncode == 1 and "no answer from the administration" in result.stderr and result.stdout == ""
    # Something else listens there.
    with socket.create_server(("127.0.0.1", port)) as other:
        other.settimeout(20)

        def answer():
            connection, _ = other.accept()
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-other\r\n")
            connection.close()
        thread = threading.Thread(target=answer)
        thread.start()
        result = fairlead("proxy-config", "clusters", "--admin", str(port))
        thread.join()
    assert result.returncode == 1 and "no answer" in result.stderr
    assert "listeners|routes" in fairlead("proxy-config", "--help").stdout


def test_an_answer_of_many_megabytes(scenario):
    scenario.write("many.yaml", *(istio.virtual_service(f"v{i}", [f"v{i}.example.com"], http=[{"route": [istio.destination("app.internal.example", 80)]}])
                                  for i in range(3000)))
    gateway = scenario.start()
    assert sum(row["DOMAINS"].startswith("v") for row in table(show(gateway, "routes"))) >= 3000
