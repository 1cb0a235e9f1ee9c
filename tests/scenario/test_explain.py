"""fairlead explain: from files and from a running gateway, as text and as JSON, one request and many."""
import base64
import json
import os
import subprocess

import pytest
from support import configuration as istio
from support.gateway import BINARY, ROOT, free_ports, wait_until


def explain(*arguments, code=0, stdin=None, folder=None):
    result = subprocess.run([BINARY, "explain", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60, cwd=folder, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.fixture
def world(tmp_path, authority):
    """Files of a configuration with a bit of everything, and the folder that they lie in."""
    wildcard = authority.issue("*.example.com")
    clients = dict(authority.issue("clients.example.com").secret("clients"))
    clients["data"]["ca.crt"] = base64.b64encode(authority.pem).decode()
    ready = istio.endpoint_slice("web", "istio-config", "http-web", 3000)
    ready["endpoints"].append({"addresses": ["10.0.0.9"], "conditions": {"ready": False}})
    objects = [
        istio.operator([("http2", 80, 18080), ("https", 443, 18443)]), wildcard.secret("wildcard"), clients,
        istio.gateway(istio.server(80, "HTTP", ["a.example.com"]),
                      istio.server(443, "HTTPS", ["a.example.com"], {"mode": "SIMPLE", "credentialName": "wildcard"}, name="https-a"),
                      istio.server(443, "HTTPS", ["b.example.com"], {"mode": "SIMPLE", "credentialName": "wildcard"}, name="https-b"),
                      istio.server(443, "HTTPS", ["clients.example.com"], {"mode": "MUTUAL", "credentialName": "clients"}, name="https-clients"),
                      istio.server(443, "TLS", ["p.example.com"], {"mode": "PASSTHROUGH"}, name="tls-p")),
        istio.virtual_service("a", ["a.example.com"], http=[
            {"name": "beta", "match": [{"uri": {"prefix": "/"}, "headers": {"x-beta": {"exact": "yes"}}}], "directResponse": {"status": 403}},
            {"name": "old", "match": [{"uri": {"prefix": "/old/"}}], "redirect": {"uri": "/new/"}},
            {"name": "rest", "rewrite": {"uri": "/site/"}, "timeout": "3s", "route": [{"destination": {"host": "web", "port": {"number": 80}}}]}]),
        istio.virtual_service("b", ["b.example.com", "clients.example.com"], http=[{"route": [istio.destination("web", 80)]}]),
        istio.virtual_service("p", ["p.example.com"], tls=[{"match": [{"sniHosts": ["p.example.com"]}], "route": [istio.destination("p.internal", 443)]}]),
        istio.service_entry("p.internal", 443, 3443, protocol="TLS"), istio.service("web", "istio-config", [("http-web", 80)]), ready]
    (tmp_path / "world.yaml").write_text(istio.listing(*objects))
    return tmp_path


def first_lines(text):
    return text.splitlines()[:3]


def test_each_step_is_told_with_its_place(world):
    text = explain("-f", "world.yaml", "https://a.example.com/shop?q=1", folder=world)
    for told in ("GET https://a.example.com/shop?q=1: forwarded to outbound|80||web.istio-config.svc.cluster.local\n",
                 "    port 443 of the gateway's Service leads to port 18443 [",
                 "  + istio-config/gateway servers[1] (HTTPS, ended here): \"a.example.com\" fits best [world.yaml:",
                 "  - istio-config/gateway servers[2] (HTTPS, ended here): \"a.example.com\" is none of b.example.com [world.yaml:",
                 "  + wildcard: ECDSA P-256 for *.example.com, valid until ",
                 "  + virtual host \"a.example.com\", 3 routes [world.yaml:",
                 "  - 1. beta: header x-beta is missing, wanted \"yes\" [world.yaml:",
                 "  - 2. old: path \"/shop\" does not begin with \"/old/\" [world.yaml:",
                 "  + 3. rest: prefix \"/\": matches [world.yaml:",
                 "    timeout: 3s [world.yaml:", "    retries: 2 on ",
                 "    the upstream is asked for /site/shop?q=1 of host a.example.com [world.yaml:",
                 "  + endpoint 127.0.0.1:3000 is usable [world.yaml:", "  - endpoint 10.0.0.9 is not ready [world.yaml:"):
        assert told in text, f"{told!r} is not in\n{text}"


def test_what_refines_a_request(world):
    def ask(*arguments):
        return json.loads(explain("-f", "world.yaml", "-o", "json", *arguments, folder=world))["verdict"]

    assert ask("http://a.example.com/", "-H", "x-beta: yes")["status"] == 403
    assert ask("http://a.example.com/old/x", "-X", "POST")["location"] == "http://a.example.com/new/"
    assert ask("http://a.example.com/", "--port", "443")["outcome"] == "closed"
    assert ask("https://a.example.com/", "--sni", "p.example.com")["outcome"] == "tunnel"
    assert ask("https://b.example.com/", "--http2-on-connection-for", "a.example.com")["coalesced_with"] == "istio-config/gateway servers[2]"
    assert ask("https://p.example.com/", "--http2-on-connection-for", "a.example.com")["status"] == 421
    assert ask("tls://p.example.com")["destinations"] == [{"cluster": "outbound|443||p.internal", "weight": 1}]
    assert ask("http://a.example.com/", "-X", "CONNECT")["status"] == 403
    assert ask("http://a.example.com/", "-H", "Host: nobody.example.com")["status"] == 404


def test_client_certificates(world, authority):
    own, _ = authority.issue("client.example.com").write(str(world), "own")
    foreign, _ = type(authority).self_signed("client.example.com").write(str(world), "foreign")
    url = "https://clients.example.com/"
    assert "connection closed in the handshake, for the client's certificate" in explain("-f", "world.yaml", url, folder=world)
    assert "shows no certificate" in "".join(first_lines(explain("-f", "world.yaml", url, folder=world)))
    assert "flags -, client_certificate_unknown_ca" in explain("-f", "world.yaml", url, "--client-cert", foreign, folder=world)
    assert "forwarded to outbound|80||web" in explain("-f", "world.yaml", url, "--client-cert", own, folder=world)
    assert "forwarded to" in explain("-f", "world.yaml", "https://a.example.com/", "--client-cert", own, folder=world)
    # A request is routed by what the gateway says of the client, not by what the client says.
    forged = ("-H", "x-forwarded-client-cert: By=me")
    assert "the upstream is told x-forwarded-client-cert: Hash=" in explain("-f", "world.yaml", url, "--client-cert", own, *forged, folder=world)
    assert "x-forwarded-client-cert" not in explain("-f", "world.yaml", "https://a.example.com/", "--client-cert", own, *forged, folder=world)


def test_many_requests(world):
    lines = [{"url": "http://a.example.com/"}, {"url": "https://a.example.com/old/1", "method": "HEAD", "headers": {"x-other": "1"}},
             {"url": "https://nobody.example.com/", "sni": "a.example.com"}, {"url": "http://a.example.com:81/"}]
    text = "\n".join(json.dumps(line) for line in lines) + "\n\n"
    answers = [json.loads(line) for line in explain("-f", "world.yaml", "--requests", "-", stdin=text, folder=world).splitlines()]
    assert [(answer["outcome"], answer.get("status")) for answer in answers] == [("forward", None), ("answer", 301), ("answer", 404), ("refused", None)]
    assert answers[0]["route_origin"]["object"] == "VirtualService istio-config/a"
    assert answers[2]["cause"]["text"] == "no VirtualService has the host \"nobody.example.com\", and no server of this port has it either"
    assert "no JSON object" in explain("-f", "world.yaml", "--requests", "-", stdin="[1]\n", code=2, folder=world)


@pytest.mark.parametrize("path, method, status, details", [
    ("/x%00", "GET", 400, "path_normalization_failed"), ("/x", "CONNECT", 403, "upgrade_failed"), ("/x", "get ", 400, "http1.")])
def test_what_is_refused_before_the_routes(world, path, method, status, details):
    arguments = ("-f", "world.yaml", "-X", method, "http://a.example.com" + path)
    verdict = json.loads(explain(*arguments, "-o", "json", folder=world))["verdict"]
    assert verdict["status"] == status and "virtual_host" not in verdict
    text = explain(*arguments, folder=world)
    assert details in text and "Cause: the request itself is refused before any route is looked at" in text and "Virtual host" not in text


@pytest.mark.parametrize("change, cause, way_out", [
    (lambda secret, rule: secret["data"].update({"tls.crt": "Li4u"}), 'Secret istio-system/clients: the text holds no PEM block "BEGIN CERTIFICATE"', "tls.crt holds"),
    (lambda secret, rule: secret["data"].pop("ca.crt"), "Secret istio-system/clients: it holds neither cacert nor ca.crt", "write the authorities' certificates to ca.crt"),
    (lambda secret, rule: rule["spec"].update(trafficPolicy={"tls": {"mode": "MUTUAL"}}), "DestinationRule istio-config/web: spec.trafficPolicy.tls: mode MUTUAL needs",
     "set credentialName, or clientCertificate and privateKey, or serve without it")])
def test_the_object_that_is_wrong_is_named(world, authority, change, cause, way_out):
    value = json.loads((world / "world.yaml").read_text())
    rule = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "web", "namespace": "istio-config"},
            "spec": {"host": "web", "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}}
    value["items"].append(rule)
    change(next(item for item in value["items"] if item["kind"] == "Secret" and item["metadata"]["name"] == "clients"), rule)
    (world / "changed.json").write_text(json.dumps(value, indent=1))
    own, _ = authority.issue("client.example.com").write(str(world), "own")
    lines = first_lines(explain("-f", "changed.json", "https://clients.example.com/", "--client-cert", own, folder=world))
    assert cause in lines[1] and "changed.json:" in lines[1] and lines[2].startswith("Way out: " + way_out), lines


def test_what_would_be_if_the_secrets_were_there(world):
    value = json.loads((world / "world.yaml").read_text())
    value["items"] = [item for item in value["items"] if item["kind"] != "Secret"]
    (world / "public.json").write_text(json.dumps(value))
    def lines(url):
        return explain("-f", "public.json", url, folder=world).splitlines()[:4]
    head, cause, _, note = lines("https://a.example.com/old/x")
    assert "closed at the start of the handshake" in head and "is not in the input" in cause
    assert note.startswith("Note: the input holds no Secret at all; with the certificate it would be 301 by the gateway itself (flags -, direct_response): route 2 of 3 for host")
    assert "it would be forwarded to outbound|80||web.istio-config.svc.cluster.local: route 1 of 1" in lines("https://clients.example.com/")[3]
    assert "it would be 404 by the gateway itself (flags NR, route_not_found): " in explain("-f", "public.json", "https://b.example.com/", "--sni", "a.example.com", folder=world)


def test_what_of_a_policy_has_no_effect_is_told(world):
    rule = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "web", "namespace": "istio-config"},
            "spec": {"host": "web", "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}, "outlierDetection": {"consecutive5xxErrors": 5}}}}
    (world / "rule.yaml").write_text(istio.listing(rule))
    text = explain("-f", "world.yaml", "rule.yaml", "http://a.example.com/", folder=world)
    assert "TLS: none, connect timeout: 10s [world.yaml:" in text and "    this DestinationRule applies [rule.yaml:" in text
    assert "  ! spec.trafficPolicy.outlierDetection is not supported yet and has no effect [rule.yaml:" in text


def test_a_host_that_nobody_has(world):
    lines = first_lines(explain("-f", "world.yaml", "http://nobody.example.org/", folder=world))
    assert 'no VirtualService has the host "nobody.example.org", and no server of this port has it either' in lines[1]
    assert lines[2].startswith("Way out: add the host to the hosts of a server, and a VirtualService")


@pytest.mark.parametrize("arguments, said", [
    ((), "want a request"), (("http://a/", "http://b/"), "want one request"), (("a.example.com",), "no configuration"),
    (("ftp://a/",), "want a URL of"), (("http://a b/",), "no host name"), (("tcp://a",), "want a port"), (("http://a/", "-H", "x"), "name: value"),
    (("http://a/", "--alpn", "h3"), "want h2, http/1.1 or"), (("http://a/", "--from", "x"), "want an IP address"), (("http://a/", "--port", "0"), "port number"),
    (("http://a/", "-o", "xml"), "want text or json"), (("http://a/", "--client-cert", "none.pem"), "cannot be read"),
    (("http://a/", "-H", "x: a\r\nhost: b"), "name: value")])
def test_mistakes_on_the_command_line(world, arguments, said):
    files = [] if said == "no configuration" else ["-f", "world.yaml"]
    assert said in explain(*arguments, *files, code=2, folder=world)


def test_a_running_gateway_tells_of_what_it_serves(tmp_path, origin, run_gateway):
    first, second = free_ports(2)
    path = tmp_path / "live.yaml"

    def write(status, port):
        path.write_text(istio.listing(
            istio.operator([("http2", 80, first)]), istio.gateway(istio.server(80, "HTTP", ["a.test", "b.test"])),
            istio.virtual_service("a", ["a.test"], http=[{"directResponse": {"status": status}}]),
            istio.virtual_service("b", ["b.test"], http=[{"route": [istio.destination("b.internal", 80)]}]),
            istio.service_entry("b.internal", 80, port)))
    write(410, origin("b").port)
    gateway = run_gateway(path)
    live = ("--admin", f"127.0.0.1:{gateway.admin_port}")
    assert explain(*live, "http://a.test/") == explain("-f", path, "http://a.test/")
    assert json.loads(explain(*live, "http://a.test/", "-o", "json"))["verdict"]["status"] == 410
    write(418, second)
    wait_until(lambda: "418 by the gateway itself" in explain(*live, "http://a.test/"), what="the new snapshot to be told of")
    assert f"endpoint 127.0.0.1:{second} is usable" in explain(*live, "http://b.test/")
    assert gateway.admin("/explain", "POST", body=b"{}")[0] == 400
    assert gateway.admin("/explain")[0] == 405
    assert "no answer from the administration" in explain("--admin", f"127.0.0.1:{second}", "http://a.test/", code=1)


def test_a_running_gateway_knows_what_dns_gave(tmp_path, run_gateway):
    from support.dns import NameServer
    names = NameServer(**{"web.test": ["127.0.0.1"]})
    port, = free_ports(1)
    entry = istio.service_entry("web.test", 80, 3000)
    entry["spec"].update(resolution="DNS")
    del entry["spec"]["endpoints"]
    path = tmp_path / "dns.yaml"
    path.write_text(istio.listing(istio.operator([("http2", 80, port)]), istio.gateway(istio.server(80, "HTTP", ["a.test"])),
                                  istio.virtual_service("a", ["a.test"], http=[{"route": [istio.destination("web.test", 80)]}]), entry))
    assert "DNS tells the endpoints while the gateway runs" in explain("-f", path, "http://a.test/")
    gateway = run_gateway(path, arguments=["--dns-server", names.address])
    live = ("--admin", f"127.0.0.1:{gateway.admin_port}", "http://a.test/")
    wait_until(lambda: "endpoint 127.0.0.1:80 is usable" in explain(*live), what="the address to be known")
    names.stop()


def test_a_change_of_one_object_is_told_at_its_new_place(tmp_path, run_gateway):
    """Such a change is grafted on what is served; its places and remarks must be those of the new file."""
    port, = free_ports(1)
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "base.yaml").write_text(istio.listing(istio.operator([("http2", 80, port)]), istio.gateway(istio.server(80, "HTTP", ["*.test"])),
                                                    *[istio.virtual_service(f"other{n}", [f"other{n}.test"], http=[{"directResponse": {"status": 200}}]) for n in range(20)]))

    def write(lines, status, host):
        (folder / "one.yaml").write_text("# moved\n" * lines + istio.listing(
            istio.virtual_service("one", ["one.test"], http=[{"match": [{"uri": {"prefix": "/a"}}], "directResponse": {"status": status}},
                                                             {"route": [istio.destination(host, 80)]}])))
    write(0, 410, "gone.test")
    gateway = run_gateway(folder)
    live = ("--admin", f"127.0.0.1:{gateway.admin_port}")
    for lines, status in ((7, 411), (3, 412), (90, 413)):
        write(lines, status, "gone.test")
        wait_until(lambda: f"{status} by the gateway itself" in explain(*live, "http://one.test/a"), what="the change to be served")
        for url in ("http://one.test/a", "http://one.test/b", "http://other3.test/", "http://nobody.test/"):
            assert explain(*live, url) == explain("-f", folder, url)


def test_the_mesh_is_known_by_its_protocols():
    golden = os.path.join(ROOT, "tests", "golden", "auto-passthrough", "input.yaml")
    ask = ("-f", golden, "--labels", "istio=eastwestgateway", "tls://outbound_.80_._.web.shop.svc.cluster.local:15443")
    assert "the client offers no ALPN of Istio's" in "".join(first_lines(explain(*ask)))
    assert "the client offers no ALPN of Istio's" in "".join(first_lines(explain(*ask, "--alpn", "h2,http/1.1")))
    assert "passed on to outbound_.80_._.web.shop.svc.cluster.local" in explain(*ask, "--alpn", "istio")
