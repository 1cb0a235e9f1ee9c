"""What an HTTP/2 client may not do, seen from outside: answers, resets and the log's words."""
import socket
import subprocess

import pytest

from support import configuration as istio
from support.gateway import Gateway, free_ports
from support.upstream import Origin

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
GOAWAY, ENHANCE_YOUR_CALM = 7, 11


@pytest.fixture
def plain(tmp_path):
    origin, port = Origin(), free_ports(1)[0]
    (tmp_path / "all.yaml").write_text(istio.listing(
        istio.operator([("http2", 80, port)]), istio.gateway(istio.server(80, "HTTP", ["*"])),
        istio.virtual_service("all", ["*"], http=[{"route": [istio.destination("origin.internal", 80)]}]),
        istio.service_entry("origin.internal", 80, origin.port)))
    gateway = Gateway(str(tmp_path))
    gateway.port = port
    yield gateway
    gateway.stop()
    origin.stop()


def test_a_head_too_large_is_answered(plain):
    result = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-w", "%{http_code} %{http_version}", "-o", "/dev/null",
                             *[word for i in range(8) for word in ("-H", f"x-{i}: {'v' * 7675}")], f"http://127.0.0.1:{plain.port}/large"],
                            capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "431 2"
    entry = plain.entry(response_code=431)
    assert entry["response_code_details"] == "http2.headers_too_large" and entry["response_flags"] == "DPE"
    assert entry["protocol"] == "HTTP/2"


def test_a_flood_of_pings_ends_the_connection_with_a_word(plain):
    ping = b"\0\0\x08\x06\0\0\0\0\0" + bytes(8)
    with socket.create_connection(("127.0.0.1", plain.port), timeout=30) as client:
        client.sendall(PREFACE + ping * 600)
        received = b""
        while True:
            try:
                piece = client.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            received += piece
    assert received[-17:][3] == GOAWAY and received[-1] == ENHANCE_YOUR_CALM
