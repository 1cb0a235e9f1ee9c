"""One headless Chromium, driven through chromedriver (W3C WebDriver): several pages in one process, as a person would open them."""
import json
import os
import subprocess
import urllib.request

from support.gateway import free_ports, wait_until


def trust(home, authority_pem):
    """Puts the authority into the certificate store of Chromium for this HOME."""
    store = os.path.join(home, ".pki", "nssdb")
    os.makedirs(store)
    path = os.path.join(home, "authority.pem")
    with open(path, "wb") as file:
        file.write(authority_pem)
    subprocess.run(["certutil", "-d", "sql:" + store, "-N", "--empty-password"], check=True, timeout=30)
    subprocess.run(["certutil", "-d", "sql:" + store, "-A", "-t", "C,,", "-n", "test", "-i", path], check=True, timeout=30)


class Browser:
    def __init__(self, home, *arguments):
        self.port, = free_ports(1)
        self.process = subprocess.Popen(["chromedriver", f"--port={self.port}"], env=dict(os.environ, HOME=str(home)),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.session = None
        try:
            wait_until(self._ready, what="chromedriver")
            arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                         "--disable-component-update", "--disable-sync", f"--user-data-dir={home}/profile", *arguments]
            value = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {
                "binary": "/usr/bin/chromium", "args": arguments}}}})
            self.session = "/session/" + value["sessionId"]
        except BaseException:
            self.stop()
            raise

    def _ask(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)["value"]

    def _ready(self):
        try:
            return self._ask("GET", "/status")["ready"]
        except OSError:
            return False

    def visit(self, url):
        """The text of the page."""
        self._ask("POST", self.session + "/url", {"url": url})
        return self._ask("GET", self.session + "/source")

    def stop(self):
        try:
            if self.session:
                self._ask("DELETE", self.session)
        finally:
            self.process.terminate()
            self.process.wait(20)
