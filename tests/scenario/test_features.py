"""Beside the table: IPv6, resumption, log formats, trusted proxies, WebSocket, weights, TCP routes."""
import json
import re
import socket
import ssl
import subprocess

import pytest
from support import configuration as istio
from support.client import connect, read_response, request, tls_context
from support.gateway import BINARY, free_ports, wait_until


def mesh(scenario, **values):
    objects = scenario.read("operator.yaml")["items"]
    objects[0]["spec"]["meshConfig"].update(values)
    scenario.write("operator.yaml", *objects)


def test_sessions_are_resumed_on_another_connection_whatever_the_worker(scenario):
    scenario.start(arguments=["--concurrency", "4"])
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = tls_context()
        context.minimum_version = context.maximum_version = version
        session, reused = None, 0
        for _ in range(12):
            with connect(scenario.https_port, "app.example.com", tls=True, context=context, session=session) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n")
                with connection.makefile("rb") as stream:
                    assert read_response(stream).status == 200
                reused += connection.session_reused
                session = connection.session
        assert reused == 11, version


def test_tls_versions_and_the_post_quantum_group(scenario):
    scenario.start()

    def handshake(*arguments):
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{scenario.https_port}", "-servername", "app.example.com", *arguments],
                              input=b"", capture_output=True, timeout=20, check=False)
    assert handshake("-tls1_2").returncode == 0
    assert handshake("-tls1_3").returncode == 0
    assert handshake("-tls1_1", "-cipher", "ALL@SECLEVEL=0").returncode != 0


def test_ipv6_both_ways(scenario):
    server = socket.socket(socket.AF_INET6)
    try:
        server.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    server.listen()
    backends = scenario.read("backends.yaml")["items"]
    backends[0]["spec"]["endpoints"] = [{"address": "::1", "ports": {"port": server.getsockname()[1]}}]
    scenario.write("backends.yaml", *backends)
    status_port = free_ports(1)[0]
    process = subprocess.Popen([BINARY, "run", "-f", str(scenario.folder), "--bind", "::1", "--status-port", str(status_port), "--admin", "off", "--metrics-port", "0",
                                "--concurrency", "1"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        def reachable():
            try:
                return socket.create_connection(("::1", scenario.https_port), 5)
            except OSError:
                return None
        connection = tls_context().wrap_socket(wait_until(reachable, what="the listener on ::1"), server_hostname="app.example.com")
        connection.sendall(b"GET /six HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
        upstream, _ = server.accept()
        with upstream, upstream.makefile("rwb") as stream:
            while stream.readline() != b"\r\n":
                pass
            stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            stream.flush()
            with connection.makefile("rb") as answer:
                assert read_response(answer).status == 200
        connection.close()
        entry = json.loads(process.stdout.readline())
        assert entry["upstream_host"] == f"[::1]:{server.getsockname()[1]}"
        assert entry["downstream_remote_address"].startswith("[::1]:")
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()
        server.close()


def test_a_json_format_of_ones_own(scenario):
    mesh(scenario, accessLogFormat='{"what": "%REQ(:METHOD)% %REQ(X-NONE?:PATH)%", "code": "%RESPONSE_CODE%", "took": "%DURATION%ms", "in": {"sni": "%REQUESTED_SERVER_NAME%"}}')
    gateway = scenario.start()
    request(scenario.https_port, "/own", tls=True)
    line = json.loads(wait_until(lambda: gateway.log_lines, what="a line")[0])
    assert list(line) == ["code", "in", "took", "what"]
    assert line["what"] == "GET /own" and line["code"] == 200 and line["in"] == {"sni": "app.example.com"}
    assert re.fullmatch(r"\d+ms", line["took"])


def test_a_text_format_of_ones_own_cannot_be_forged(scenario):
    mesh(scenario, accessLogEncoding="TEXT", accessLogFormat="%RESPONSE_CODE% [%REQ(USER-AGENT)%] %REQ(X-NONE)%")
    gateway = scenario.start()
    request(scenario.https_port, "/", tls=True, fields=[("User-Agent", 'x"\x80] 999')])
    line = wait_until(lambda: gateway.log_lines, what="a line")[0]
    assert line.startswith("200 [x") and line.endswith(" -")


def test_the_trusted_address_with_one_proxy_in_front(scenario):
    mesh(scenario, defaultConfig={"gatewayTopology": {"numTrustedProxies": 1}})
    gateway = scenario.start()
    response = request(scenario.https_port, "/v13", tls=True, fields=[("X-Forwarded-For", "1.1.1.1, 2.2.2.2")])
    headers = {name.lower(): value for name, value in json.loads(response.body)["headers"]}
    assert re.fullmatch(r"1\.1\.1\.1, ?2\.2\.2\.2, ?127\.0\.0\.1", headers["x-forwarded-for"])
    assert gateway.entry(path="/v13")["downstream_remote_address"] == "2.2.2.2:0"


def test_websocket_is_a_tunnel(scenario, origin):
    def handle(_connection, stream, _head):
        stream.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello")
        stream.flush()
        while True:
            part = stream.read1(65536)
            if not part:
                return False
            stream.write(part.upper())
            stream.flush()
    socket_origin = origin("socket", handle)
    backends = scenario.read("backends.yaml")["items"]
    backends[0]["spec"]["endpoints"][0]["ports"]["port"] = socket_origin.port
    scenario.write("backends.yaml", *backends)
    gateway = scenario.start()
    with connect(scenario.https_port, "app.example.com", tls=True) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"GET /ws HTTP/1.1\r\nHost: app.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n")
        response = read_response(stream)
        assert response.status == 101 and response.field("upgrade") == "websocket"
        assert stream.read(5) == b"hello"
        connection.sendall(b"abc")
        assert stream.read(3) == b"ABC"
    assert gateway.entry(path="/ws")["response_code"] == 101


def test_weights_are_kept_roughly(scenario, origin):
    other = origin("other")
    backends = scenario.read("backends.yaml")["items"]
    scenario.write("backends.yaml", *backends, istio.service_entry("other.internal.example", 80, other.port))
    scenario.write("weights.yaml", istio.virtual_service("weights", ["weights.example.com"], http=[{"route": [
        istio.destination("app.internal.example", 80, 90), istio.destination("other.internal.example", 80, 10)]}]))
    scenario.start()
    counts = {"app": 0, "other": 0}
    with connect(scenario.https_port, "weights.example.com", tls=True) as connection, connection.makefile("rb") as stream:
        for _ in range(400):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: weights.example.com\r\n\r\n")
            counts[json.loads(read_response(stream).body)["origin"]] += 1
    assert 5 <= counts["other"] <= 90, counts


def test_plain_tcp_and_terminated_tcp(scenario):
    tcp_port, tls_port = free_ports(2)
    operator = scenario.read("operator.yaml")["items"]
    operator[0]["spec"]["components"]["ingressGateways"][0]["k8s"]["overlays"][0]["patches"][0]["value"] += [
        {"name": "tcp", "port": 31400, "targetPort": tcp_port, "protocol": "TCP"}, {"name": "tls", "port": 15443, "targetPort": tls_port, "protocol": "TCP"}]
    scenario.write("operator.yaml", *operator)
    scenario.write("tcp.yaml",
                   istio.gateway(istio.server(31400, "TCP", ["*"]), istio.server(15443, "TLS", ["tcp.example.com"], {"mode": "SIMPLE", "credentialName": "ingress-cert"}), name="tcp"),
                   istio.virtual_service("tcp", ["*"], tcp=[{"route": [istio.destination("my-nginx.nginx.svc.cluster.local", 80)]}], gateways=["tcp"]),
                   istio.service("my-nginx", "nginx", [("https", 443), ("http", 80)]))
    backends = scenario.read("backends.yaml")["items"]
    backends[2]["ports"].append({"name": "http", "port": scenario.nginx.plain_port, "protocol": "TCP"})
    scenario.write("backends.yaml", backends[0], backends[2])
    gateway = scenario.start()
    assert request(tcp_port, "/", "any.example").body == b"passed through\n"
    response = request(tls_port, "/", "tcp.example.com", tls=True)
    assert response.body == b"passed through\n" and response.certificate == scenario.certificate.der
    gateway.entry(requested_server_name="tcp.example.com", method=None)


def test_a_large_answer_and_a_large_upload(scenario):
    import hashlib
    gateway = scenario.start()
    response = request(scenario.https_port, "/large", "nginx.tls.example.com", tls=True)
    with open(scenario.nginx.large_path, "rb") as file:
        assert hashlib.sha256(response.body).digest() == hashlib.sha256(file.read()).digest()
    body = bytes(range(256)) * 8192
    answer = json.loads(request(scenario.https_port, "/upload", tls=True, method="POST", body=body).body)
    assert answer["body"].encode("latin1") == body
    assert gateway.entry(path="/upload")["bytes_received"] == len(body)
