"""fairlead diff: what is no difference, and what is one, with the places of both sides and the exit code."""
import base64
import copy
import json
import os
import re
import subprocess

import pytest
from support import configuration as istio
from support.gateway import BINARY, ROOT


@pytest.fixture
def world(authority):
    """The objects of a small configuration, to be changed by a test."""
    certificate = authority.issue("a.test")
    route = {"name": "all", "route": [istio.destination("web.internal", 80)]}
    return {"operator": istio.operator([("http2", 80, 18080), ("https", 443, 18443)]), "secret": certificate.secret("cert"),
            "gateway": istio.gateway(istio.server(80, "HTTP", ["a.test"]), istio.server(443, "HTTPS", ["a.test"], {"mode": "SIMPLE", "credentialName": "cert"})),
            "service": istio.virtual_service("web", ["a.test"], http=[{"match": [{"uri": {"prefix": "/api"}}], "directResponse": {"status": 403}}, route]),
            "web": istio.service_entry("web.internal", 80, 3000)}


@pytest.fixture
def diff(tmp_path, world):
    def run(change, *arguments, head=""):
        after = copy.deepcopy(world)
        changed = change(after)
        (tmp_path / "old.yaml").write_text(istio.listing(*world.values()))
        (tmp_path / "new.yaml").write_text(head + istio.listing(*(changed or after).values()))
        result = subprocess.run([BINARY, "diff", "old.yaml", "new.yaml", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        return result.returncode, result.stdout + result.stderr
    return run


def rename(world):
    world["gateway"]["metadata"]["name"] = "other"
    world["service"]["metadata"].update(name="renamed", labels={"team": "web"})
    world["service"]["spec"].update(gateways=["other"])
    world["service"]["spec"]["http"][1]["name"] = "everything"
    world["secret"]["metadata"]["name"] = world["gateway"]["spec"]["servers"][1]["tls"]["credentialName"] = "certificate"


def rename_upstream(world):
    world["web"]["spec"]["hosts"] = ["site.internal"]
    world["service"]["spec"]["http"][1]["route"][0]["destination"]["host"] = "site.internal"


def reorder(world):
    world["gateway"]["spec"]["servers"].reverse()
    return dict(reversed(world.items()))


def write_defaults(world):
    world["service"]["spec"].update(exportTo=["*"])
    world["service"]["spec"]["http"][1].update(match=[{"uri": {"prefix": "/"}}])
    world["service"]["spec"]["http"][1]["route"][0]["weight"] = 100


@pytest.mark.parametrize("change", [lambda world: None, rename, rename_upstream, reorder, write_defaults],
                         ids=["comment", "rename", "rename-upstream", "reorder", "defaults"])
def test_what_is_no_difference(diff, change):
    code, text = diff(change, head="# a comment\n")
    assert code == 0, text
    assert text.startswith("no difference: ")


def test_a_route_that_comes_first_takes_requests_from_another(diff):
    def change(world):
        world["service"]["spec"]["http"].reverse()
    code, text = diff(change)
    assert code == 1
    assert "GET http://a.test/api\n" in text and "GET https://a.test/api\n" in text
    assert "before: 403 by the gateway itself" in text and "after:  forwarded to outbound|80||web.internal" in text
    assert "[old.yaml:" in text and "[new.yaml:" in text and "VirtualService istio-config/web" in text
    assert "Names and ports" not in text and "Certificates" not in text and "Upstreams" not in text


def test_names_that_come_and_go(diff):
    def change(world):
        world["gateway"]["spec"]["servers"][0]["hosts"] = world["service"]["spec"]["hosts"] = ["b.test"]
    code, text = diff(change)
    assert code == 1
    assert "- http://a.test is not served any more [old.yaml:" in text and "+ http://b.test is served now [new.yaml:" in text


def test_patterns_and_ports_that_come_and_go(diff, world):
    world["operator"] = istio.operator([("http2", 80, 18080), ("https", 443, 18443), ("tcp", 5000, 15000)])

    def change(after):
        after["service"]["spec"]["hosts"] = ["a.test", "*.b.test"]
        after["gateway"]["spec"]["servers"] += [istio.server(80, "HTTP", ["*.b.test"], name="b"), istio.server(5000, "TCP", ["*"])]
        after["tcp"] = istio.virtual_service("tcp", ["tcp.test"], tcp=[{"route": [istio.destination("web.internal", 80)]}])
    code, text = diff(change)
    names = text.partition("Names and ports\n")[2].partition("\n\n")[0].splitlines()
    assert code == 1 and [line.split(" is ")[0] for line in names] == ["  + http://*.b.test", "  + http://*:5000", "  + https://*:5000"]


def test_a_certificate_and_an_upstream_that_change(diff, authority):
    def change(world):
        world["secret"] = authority.issue("a.test").secret("cert")
        world["web"]["spec"]["endpoints"][0]["ports"]["port"] = 3001
    code, text = diff(change, "-o", "json")
    report = json.loads(text)
    assert code == 1 and report["requests"] == [] and report["names"] == []
    assert [item["what"] for item in report["certificates"]] == ["a.test"]
    assert report["certificates"][0]["before"]["text"] != report["certificates"][0]["after"]["text"]
    upstream, = report["upstreams"]
    assert upstream["what"] == "outbound|80||web.internal"
    assert (upstream["before"]["text"], upstream["after"]["text"]) == ("endpoint 127.0.0.1:3000", "endpoint 127.0.0.1:3001")
    assert upstream["before"]["object"] == "ServiceEntry istio-config/web-internal"


def test_what_is_asked_of_clients_and_tls_settings(diff, authority):
    def change(world):
        world["secret"]["data"]["ca.crt"] = base64.b64encode(authority.pem).decode()
        world["gateway"]["spec"]["servers"][1]["tls"].update(mode="OPTIONAL_MUTUAL", minProtocolVersion="TLSV1_3")
    code, text = diff(change)
    assert code == 1 and "Requests" not in text
    assert "a.test, the client's certificate\n    before: none is asked for [old.yaml:" in text and "after:  optional, of 1 authority (" in text
    assert "a.test, TLS settings\n    before: TLS 1.2 to 1.3 [" in text and "after:  TLS 1.3 to 1.3 [" in text


@pytest.fixture
def mutual(world, authority):
    world["secret"]["data"]["ca.crt"] = base64.b64encode(authority.pem).decode()
    world["gateway"]["spec"]["servers"] = [istio.server(443, "HTTPS", ["a.test"], {"mode": "MUTUAL", "credentialName": "cert"})]


def test_routes_behind_a_demand_for_certificates(diff, mutual):
    def change(world):
        world["service"]["spec"]["http"][0]["directResponse"]["status"] = 410
    code, text = diff(change)
    assert code == 1 and "GET https://a.test/api (with a client certificate that is trusted)\n    before: 403 by the gateway itself" in text
    assert "Names and ports" not in text and diff(lambda world: None)[0] == 0
    request, = json.loads(diff(change, "-o", "json")[1])["requests"]
    assert request["with_client_certificate"] and request["request"]["url"] == "https://a.test/api"


def test_a_demand_that_goes(diff, mutual):
    def change(world):
        world["gateway"]["spec"]["servers"][0]["tls"]["mode"] = "SIMPLE"
    code, text = diff(change)
    assert code == 1 and "GET https://a.test/\n    before: connection closed in the handshake" in text
    assert "trusted" not in text and "Names and ports" not in text


def test_what_the_mesh_alone_may_ask_for(tmp_path):
    old = open(os.path.join(ROOT, "tests/golden/auto-passthrough/input.yaml"), encoding="utf-8").read()
    new = old.replace("{name: http, port: 80, targetPort: 8080}", "{name: http, port: 81, targetPort: 8080}")
    assert new != old
    (tmp_path / "old.yaml").write_text(old)
    (tmp_path / "new.yaml").write_text(new)

    def run(*names):
        result = subprocess.run([BINARY, "diff", *names, "--labels", "istio=eastwestgateway"], cwd=tmp_path, capture_output=True, text=True,
                                timeout=60, check=False)
        return result.returncode, result.stdout + result.stderr
    code, text = run("old.yaml", "new.yaml")
    assert code == 1 and "  - https://outbound_.80_._.web.shop.svc.cluster.local:15443 is not served any more" in text, text
    assert "  + https://outbound_.81_._.web.shop.svc.cluster.local:15443 is served now" in text and "(offering Istio's ALPN)" in text
    assert run("old.yaml", "old.yaml")[0] == 0


def test_without_any_secret_the_routes_are_compared_all_the_same(diff, world):
    del world["secret"]
    world["gateway"]["spec"]["servers"].pop(0)

    def change(after):
        after["service"]["spec"]["http"][0]["directResponse"]["status"] = 410
    code, text = diff(change)
    assert code == 1 and "GET https://a.test/api (once there is a certificate)\n    before: 403 by the gateway itself" in text
    assert diff(lambda after: None)[0] == 0


def test_without_any_service_the_names_of_destinations_are_compared(diff, world):
    del world["web"]

    def change(after):
        after["service"]["spec"]["http"][1]["route"][0]["destination"]["host"] = "other.internal"
    code, text = diff(change)
    assert code == 1 and "outbound|80||web.internal" in text and "outbound|80||other.internal" in text
    assert diff(lambda after: None)[0] == 0


def test_how_a_route_treats_requests_is_behaviour_too(diff):
    def change(world):
        world["service"]["spec"]["http"][1]["timeout"] = "3s"
    code, text = diff(change)
    assert code == 1 and "Requests\n" in text
    assert "timeout: 3s" in text


def shares(world, *weights, reverse=False):
    world["other"] = istio.service_entry("other.internal", 80, 3001)
    routes = [{**istio.destination(host, 80), "weight": weight, "headers": {"request": {"set": {"x-to": host}}}}
              for host, weight in zip(("web.internal", "other.internal"), weights)]
    world["service"]["spec"]["http"][1]["route"] = routes[::-1] if reverse else routes


def test_the_same_shares_in_other_weights(diff, world):
    shares(world, 70, 30)
    assert diff(lambda after: shares(after, 7, 3))[0] == 0
    assert diff(lambda after: shares(after, 70, 30, reverse=True))[0] == 0
    code, text = diff(lambda after: shares(after, 71, 29))
    assert code == 1 and "weight 7 of 10" in text and "weight 71 of 100" in text


@pytest.mark.parametrize("change, before, after", [
    (lambda world: world["service"]["spec"]["http"][0]["directResponse"].update(body={"string": "so"}), '2 bytes "no"', '2 bytes "so"'),
    (lambda world: world["tcp"]["spec"]["tcp"][0]["route"][0].update(weight=3), "outbound|80||other.internal weight 1\n",
     "outbound|80||web.internal weight 3, outbound|80||other.internal weight 1")])
def test_both_ends_are_told_apart(diff, world, change, before, after):
    world["service"]["spec"]["http"][0]["directResponse"]["body"] = {"string": "no"}
    world["operator"] = istio.operator([("http2", 80, 18080), ("https", 443, 18443), ("tcp", 5000, 15000)])
    world["gateway"]["spec"]["servers"].append(istio.server(5000, "TCP", ["*"]))
    world["other"] = istio.service_entry("other.internal", 80, 3001)
    world["tcp"] = istio.virtual_service("tcp", ["tcp.test"], tcp=[{"route": [{**istio.destination(f"{name}.internal", 80), "weight": 1} for name in ("web", "other")]}])
    code, text = diff(change)
    first, second = [re.sub(r" \[[^]]*\]$", "", line) + "\n" for line in text.splitlines() if line.startswith(("    before:", "    after:"))][:2]
    assert code == 1 and before in first and after in second and first[11:] != second[11:]


def test_what_cannot_be_compared_is_exit_code_2(tmp_path, world):
    (tmp_path / "old.yaml").write_text(istio.listing(*world.values()))
    (tmp_path / "broken.yaml").write_text("a: [\n---\n" + istio.listing(*world.values()))
    for arguments in (["old.yaml"], ["old.yaml", "none.yaml"], ["old.yaml", "broken.yaml"], ["broken.yaml", "old.yaml"], ["old.yaml", "old.yaml", "old.yaml"], ["old.yaml", "old.yaml", "-o", "xml"]):
        assert subprocess.run([BINARY, "diff", *arguments], cwd=tmp_path, capture_output=True, timeout=60, check=False).returncode == 2, arguments
