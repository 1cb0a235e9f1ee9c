"""A page of a stranger in Chromium on the gateway's own machine: it can send requests to the administration, and none of them does anything."""
import subprocess

import pytest
from scenario.conftest import scenario  # noqa: F401
from support.gateway import wait_until
from support.upstream import Origin

pytestmark = pytest.mark.browser

# By each way in which a page can send a POST without being asked first, and by a name that was bent to this machine.
PAGE = """<!doctype html><title>waiting</title><body><iframe name="frame"></iframe>
<form id="form" method="POST" action="http://127.0.0.1:{target}/drain" target="frame"><input name="a" value="b"></form>
<img src="http://127.0.0.1:{target}/logging?level=debug">
<script>
const send = async (url, options) => {{ try {{ await fetch(url, options); }} catch (error) {{ }} }};
(async () => {{
    document.getElementById("form").submit();
    navigator.sendBeacon("http://127.0.0.1:{target}/drain", "x");
    for (const host of ["127.0.0.1", "localhost", "bent.example"]) {{
        await send(`http://${{host}}:{target}/drain`, {{method: "POST", mode: "no-cors"}});
        await send(`http://${{host}}:{target}/logging?level=debug`, {{method: "POST", mode: "no-cors", headers: {{"content-type": "text/plain"}}, body: "x"}});
        await send(`http://${{host}}:{target}/drain`, {{method: "POST"}});
    }}
    document.title = "done";
}})();
</script>"""


def serve_page(target):
    def handle(connection, stream, head):
        body = PAGE.format(target=target).encode() if head.startswith(b"GET / ") else b""
        stream.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        stream.flush()
        return False
    return Origin(handle=handle)


def visit(tmp_path, url):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
               "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP *.example 127.0.0.1", "--virtual-time-budget=10000",
               "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False).stdout


def test_the_page_of_a_stranger_changes_nothing(scenario, tmp_path):  # noqa: F811
    gateway = scenario.start()
    # What the browser does send, shown by a server that takes it.
    control = Origin()
    for target in (control.port, gateway.admin_port):
        page = serve_page(target)
        assert "<title>done</title>" in visit(tmp_path, f"http://stranger.example:{page.port}/")
        page.stop()
    sent = b"".join(control.received)
    wait_until(lambda: b"POST /drain" in sent and b"Host: bent.example" in sent and b"Origin: http://stranger.example" in sent, what="the browser's requests")
    control.stop()
    assert gateway.status() == 200 and gateway.admin("/ready")[0] == 200
    assert gateway.admin("/logging", "POST") == (200, "level: info\n")


def test_a_name_that_was_bent_to_this_machine_shows_nothing(scenario, tmp_path):  # noqa: F811
    """DNS rebinding: to the browser the page is the name's own."""
    gateway = scenario.start()
    assert "forbidden" in visit(tmp_path, f"http://bent.example:{gateway.admin_port}/snapshot")
    assert '"listeners"' in visit(tmp_path, f"http://127.0.0.1:{gateway.admin_port}/snapshot")
