"""What `fairlead explain` says, what the gateway does, and what a naive matcher finds are the same, over random configurations and requests.

The same draws in every run, so that a red one is a change of ours; FAIRLEAD_PROPERTY_SEED=N draws others. `make test` takes a sample; the deep run asks 50,000 requests of files and 2,000 over
the wire. FAIRLEAD_PROPERTY_CONFIGURATIONS=N sets the number of configurations of one run.
"""
import collections
import json
import os
import random
import socket
import ssl
import subprocess
import tempfile

import pytest
from support.client import connect, read_response
from support.gateway import BINARY

from . import generate, naive, world

REQUESTS_EACH = 25
SEED = int(os.environ.get("FAIRLEAD_PROPERTY_SEED", "20261125"))


def draws(number):
    """A generator of its own for each configuration, so that one can be repeated alone."""
    return random.Random(f"{SEED}/{number}")


def explain(folder, config, requests):
    path = folder / "configuration.yaml"
    path.write_text(world.as_yaml(config, world.PLACEHOLDER))
    lines = "".join(json.dumps(generate.as_json(request)) + "\n" for request in requests)
    result = subprocess.run([BINARY, "explain", "-f", str(path), "--requests", "-"], input=lines, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr + result.stdout[-2000:]
    return [json.loads(line) for line in result.stdout.splitlines()]


def of_explain(verdict):
    """The members that the naive matcher speaks of."""
    value = {key: verdict[key] for key in ("outcome", "status", "flags", "location") if key in verdict}
    if verdict.get("route"):
        value["route"] = verdict["route"]
    if "destinations" in verdict:
        value["destinations"] = sorted(item["cluster"] for item in verdict["destinations"])
    return value


def kind_of(verdict):
    status = verdict.get("status")
    if status in (200, 204, 403, 410):
        return "direct response"
    if status in naive.REDIRECT_CODES:
        return "redirect"
    return str(status or verdict["outcome"])


def agree(folder, numbers):
    seen = collections.Counter()
    for number in numbers:
        draw = draws(number)
        config = generate.configuration(draw, world.PORTS)
        requests = [generate.request(draw, config) for _ in range(REQUESTS_EACH)]
        for request, verdict in zip(requests, explain(folder, config, requests), strict=True):
            wanted, told = naive.answer(config, request), of_explain(verdict)
            assert told == wanted, (f"seed {SEED}, configuration {number}: {json.dumps(generate.as_json(request))}\n"
                                    f"  explain: {json.dumps(verdict)}\n  naive:   {json.dumps(wanted)}\n  in {folder}/configuration.yaml")
            seen[kind_of(verdict)] += 1
    return seen


COMMON = ("400", "404", "redirect", "direct response", "forward", "tunnel", "closed", "refused")


def assert_kinds(seen, kinds):
    print(f"seed {SEED}: {sum(seen.values())} requests: {dict(seen.most_common())}")
    for kind in kinds:
        assert seen[kind] > 0, f"seed {SEED}: no request was answered by {kind}"


def test_explain_agrees_with_a_naive_matcher(tmp_path):
    assert_kinds(agree(tmp_path, range(int(os.environ.get("FAIRLEAD_PROPERTY_CONFIGURATIONS") or 60))), COMMON)


@pytest.mark.deep
def test_explain_agrees_with_a_naive_matcher_over_50000_requests(tmp_path):
    seen = agree(tmp_path, range(1000, 1000 + 2000))
    assert sum(seen.values()) >= 50000
    assert_kinds(seen, COMMON + ("421", "503"))


# --- Over the wire ---

def ports_of_servers(count):
    """Free, and not of the range from which the gateway's own ports are taken: where no server listens, nothing else must."""
    ports = []
    while len(ports) < count:
        with socket.socket() as probe:
            port = random.randrange(12000, 14900)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port not in ports:
                ports.append(port)
    return ports


class Upstreams:
    """One server a host of the generator, which says who it is; pass.internal speaks TLS of its own."""

    def __init__(self, origin, authority):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            context.load_cert_chain(*authority.issue("pass.internal").write(folder, "pass"))
        self.ports = {}
        for host in ("one.internal", "two.internal", "three.internal", "pass.internal"):
            self.ports[host] = origin(host, tls=context if host == "pass.internal" else None).port


def ask(port, request):
    """What a client sees, in the words of the naive matcher."""
    tls = request["scheme"] == "https"
    host = request["authority"].split(":")[0].lower()
    try:
        with connect(port, request.get("sni", host), tls) as connection, connection.makefile("rb") as stream:
            target = request["path"] if request["method"] != "CONNECT" else request["authority"] if ":" in request["authority"] else f"{request['authority']}:{port}"
            head = f"{request['method']} {target} HTTP/1.1\r\nHost: {request['authority']}\r\nConnection: close\r\n"
            head += "".join(f"{name}: {text}\r\n" for name, text in request["headers"])
            connection.sendall(head.encode() + b"\r\n")
            response = read_response(stream, request["method"])
    except ConnectionRefusedError:
        return {"outcome": "refused"}
    except (ssl.SSLError, ConnectionError, OSError):
        return {"outcome": "closed"}
    if response is None:
        return {"outcome": "closed"}
    seen = {"route": response.field("x-route"), "location": response.field("location"), "upstream": response.field("x-origin")}
    if seen["upstream"] == "pass.internal":
        return {"outcome": "tunnel", "upstream": "pass.internal"}
    outcome = {"outcome": "forward"} if seen["upstream"] else {"outcome": "answer", "status": response.status}
    return dict(outcome, **{key: value for key, value in seen.items() if value})


def as_seen(wanted, request):
    """Of the naive matcher's answer what a client can see; `upstreams` are those that may answer."""
    if wanted["outcome"] == "tunnel" and request["scheme"] != "https":
        return {"outcome": "closed"}  # by the upstream, which speaks TLS and was sent none
    seen = {key: wanted[key] for key in ("outcome", "status", "location") if key in wanted}
    if wanted.get("route"):
        seen["route"] = wanted["route"].split(".")[0]
    if "destinations" in wanted:
        seen["upstreams"] = {item.rsplit("|", 1)[1] for item in wanted["destinations"]}
    return seen


def is_as_wanted(seen, wanted):
    upstreams = wanted.pop("upstreams", None)
    upstream = seen.pop("upstream", None)
    if wanted["outcome"] == "tunnel":
        return seen["outcome"] == "tunnel" and upstream in upstreams
    return seen == wanted and (upstream in upstreams if upstreams else upstream is None)


def agree_over_the_wire(folder, authority, origin, run_gateway, numbers):
    upstreams, seen_kinds = Upstreams(origin, authority), collections.Counter()
    for number in numbers:
        draw = draws(number)
        first, second, third = ports_of_servers(3)
        ports = {80: first, 443: second, 10443: second, 8081: third}
        config = generate.configuration(draw, ports)
        path = folder / f"configuration-{number}.yaml"
        path.write_text(world.as_yaml(config, world.PLACEHOLDER, upstreams.ports))
        gateway = run_gateway(path)
        for _ in range(REQUESTS_EACH):
            request = generate.request(draw, config)
            wanted = naive.answer(config, request)
            if wanted["outcome"] == "tunnel" and request["method"] == "CONNECT":
                continue  # bytes for the upstream, whatever it makes of them
            seen = ask(ports.get(request["port"], request["port"]), request)
            assert is_as_wanted(dict(seen), as_seen(wanted, request)), (
                f"seed {SEED}, configuration {number}: {json.dumps(generate.as_json(request))}\n  seen:  {seen}\n  naive: {wanted}\n  in {path}")
            seen_kinds[kind_of(seen)] += 1
        gateway.stop()
    return seen_kinds


def test_the_gateway_agrees_over_the_wire(tmp_path, authority, origin, run_gateway):
    seen = agree_over_the_wire(tmp_path, authority, origin, run_gateway, range(8))
    print(f"seed {SEED}: {dict(seen)}")
    assert seen["404"] > 0


@pytest.mark.deep
def test_the_gateway_agrees_over_the_wire_in_2000_requests(tmp_path, authority, origin, run_gateway):
    seen = agree_over_the_wire(tmp_path, authority, origin, run_gateway, range(5000, 5084))
    assert sum(seen.values()) >= 2000
    assert_kinds(seen, COMMON + ("421", "503"))
