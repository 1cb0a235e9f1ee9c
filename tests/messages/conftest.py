"""One gateway for the whole table: an HTTP port whose every host goes to one origin that a test scripts."""
import threading
import types

import pytest
from support import configuration as istio
from support.gateway import Gateway, free_ports
from support.upstream import Origin


class Script:
    """What the origin does with the next request, and what it has seen since the last reset."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self, answer=None, close=False, early=False):
        with self.lock:
            self.heads, self.bodies, self.answer, self.close, self.early = [], [], answer, close, early
            self.generation = getattr(self, "generation", 0) + 1


@pytest.fixture(scope="package")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("messages")
    port = free_ports(1)[0]
    script = Script()

    def handle(_connection, stream, head):
        lines = head.decode("latin1").split("\r\n")
        names = {}
        for line in lines[1:]:
            if ":" in line:
                name, value = line.split(":", 1)
                names[name.strip().lower()] = value.strip()
        script.heads.append(head)
        if not script.early:
            if names.get("expect", "").lower() == "100-continue":
                stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                stream.flush()
            script.bodies.append(Origin.read_body(stream, names))
        answer = script.answer if script.answer is not None else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + (b"" if head.startswith(b"HEAD ") else b"ok")
        stream.write(answer)
        stream.flush()
        return not script.close

    origin = Origin("origin", handle)
    (folder / "all.yaml").write_text(istio.listing(
        istio.operator([("http2", 80, port)]),
        istio.gateway(istio.server(80, "HTTP", ["*"])),
        istio.virtual_service("all", ["*"], http=[{"route": [istio.destination("origin.example", 80)]}]),
        istio.service_entry("origin.example", 80, origin.port)))
    gateway = Gateway(folder)
    yield types.SimpleNamespace(port=port, script=script, gateway=gateway, origin=origin)
    gateway.stop()
    origin.stop()
