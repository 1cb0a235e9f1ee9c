"""A gRPC client and server of @grpc/grpc-js with the gateway between them: TLS and HTTP/2 towards the client, plaintext HTTP/2 towards the server."""
import json
import os
import shutil
import subprocess

import pytest
from support import configuration as istio
from support.gateway import ROOT, free_ports

pytestmark = pytest.mark.grpc
PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.js")


@pytest.fixture(scope="module")
def node():
    """The environment in which peer.js runs; the package comes from npm once."""
    folder = os.path.join(ROOT, "build", "grpc")
    if shutil.which("npm") is None:
        pytest.fail("npm is missing: install Node.js and npm, with which @grpc/grpc-js is fetched into build/grpc")
    if not os.path.isdir(os.path.join(folder, "node_modules", "@grpc", "grpc-js")):
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", folder, "@grpc/grpc-js"], check=True, timeout=300)
    return dict(os.environ, GRPC_MODULES=os.path.join(folder, "node_modules"))


@pytest.fixture
def echo(node):
    process = subprocess.Popen(["node", PEER, "serve"], stdout=subprocess.PIPE, text=True, env=node)
    yield int(process.stdout.readline())
    process.terminate()
    process.wait(10)


def test_every_kind_of_call(node, echo, authority, run_gateway, tmp_path):
    port, = free_ports(1)
    certificate = authority.issue("localhost")
    path = tmp_path / "configuration.yaml"
    log = {"accessLogFormat": json.dumps({"path": "%REQ(:PATH)%", "protocol": "%PROTOCOL%", "grpc": "%TRAILER(GRPC-STATUS)%",
                                          "upstream": "%UPSTREAM_PROTOCOL%", "name": "%GRPC_STATUS%", "number": "%GRPC_STATUS_NUMBER%",
                                          "snake": "%GRPC_STATUS(SNAKE_STRING)%", "response_code": "%RESPONSE_CODE%", "flags": "%RESPONSE_FLAGS%"})}
    path.write_text(istio.listing(
        istio.operator([("https", 443, port)], log), certificate.secret("cert"),
        istio.gateway(istio.server(443, "HTTPS", ["*"], {"mode": "SIMPLE", "credentialName": "cert"})),
        istio.virtual_service("echo", ["*"], http=[{"route": [istio.destination("echo.internal.example", 80)]}]),
        istio.service_entry("echo.internal.example", 80, echo, protocol="GRPC")))
    gateway = run_gateway(path)
    authority_path = tmp_path / "authority.pem"
    authority_path.write_bytes(authority.pem)
    output = subprocess.run(["node", PEER, "call", str(port), str(authority_path)], capture_output=True, text=True, timeout=60, env=node, check=True)
    answers = {answer.pop("name"): answer for answer in map(json.loads, output.stdout.splitlines())}
    assert answers["unary"] == {"code": 0, "details": "", "answer": "cancelled=0 hello", "trailer": "seen"}
    assert (answers["fail"]["code"], answers["fail"]["details"]) == (9, "not today, 100 %")
    assert answers["deadline"]["code"] == 4
    assert answers["cancel"]["code"] == 1
    # All at the same time, over one connection.
    assert answers["many"] == {"codes": [0], "connections": 1}
    assert answers["down"] == {"code": 0, "size": 1000000}
    assert answers["up"] == {"code": 0, "answer": "1000000"}
    assert answers["both"] == {"code": 0, "turns": 50}
    # The server heard of the deadline and of the cancellation.
    assert answers["after"]["answer"] == "cancelled=2 again"
    entry = gateway.entry(path="/test.Echo/Both")
    assert (entry["protocol"], entry["response_code"], entry["grpc"], entry["upstream"]) == ("HTTP/2", 200, "0", "HTTP/2")
    assert (entry["name"], entry["snake"], entry["number"]) == ("OK", "OK", 0)
    # An answer of the head alone, and one of the gateway's own.
    entry = gateway.entry(path="/test.Echo/Fail")
    assert (entry["name"], entry["snake"], entry["number"]) == ("FailedPrecondition", "FAILED_PRECONDITION", 9)


def test_a_server_that_is_gone_is_unavailable(node, authority, run_gateway, tmp_path):
    port, dead = free_ports(2)
    certificate = authority.issue("localhost")
    path = tmp_path / "configuration.yaml"
    path.write_text(istio.listing(
        istio.operator([("https", 443, port)]), certificate.secret("cert"),
        istio.gateway(istio.server(443, "HTTPS", ["*"], {"mode": "SIMPLE", "credentialName": "cert"})),
        istio.virtual_service("echo", ["*"], http=[{"route": [istio.destination("echo.internal.example", 80)]}]),
        istio.service_entry("echo.internal.example", 80, dead, protocol="GRPC")))
    run_gateway(path)
    authority_path = tmp_path / "authority.pem"
    authority_path.write_bytes(authority.pem)
    output = subprocess.run(["node", PEER, "call", str(port), str(authority_path)], capture_output=True, text=True, timeout=60, env=node, check=True)
    answers = {answer.pop("name"): answer for answer in map(json.loads, output.stdout.splitlines())}
    assert answers["unary"]["code"] == 14
