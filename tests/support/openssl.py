"""The command line of OpenSSL as the peer: `s_client` before the gateway, `s_server` behind it."""
import re
import subprocess
import threading

from support.gateway import free_ports, wait_until

VERSIONS = ("-tls1_2", "-tls1_3")
CERTIFICATE_END = b"-----END CERTIFICATE-----\n"


def get(host, path="/", fields=()):
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"


class Printed:
    """What s_client printed, and how it went."""

    def __init__(self, result):
        self.text = result.stdout.decode("utf-8", "replace") + result.stderr.decode("utf-8", "replace")
        self.answer = result.stdout
        alert = re.search(r"SSL alert number (\d+)", self.text)
        self.alert = int(alert.group(1)) if alert else None
        # Without one it says so, and its exit code is not 0.
        self.is_connected = result.returncode == 0 and "Cipher is (NONE)" not in self.text

    @property
    def cipher(self):
        return re.search(r"Cipher is (\S+)", self.text).group(1)

    def body(self):
        return self.answer.split(b"\r\n\r\n", 1)[1]


def files(folder, name, certificate):
    """Arguments by which the certificate is shown: leaf, key, and the others of its chain."""
    leaf, key = certificate.write(str(folder), name)
    with open(leaf + ".chain", "wb") as file:
        file.write(certificate.certificate_pem.split(CERTIFICATE_END, 1)[1] or certificate.certificate_pem)
    with open(leaf, "wb") as file:
        file.write(certificate.certificate_pem.split(CERTIFICATE_END)[0] + CERTIFICATE_END)
    return ["-cert", leaf, "-key", key, "-cert_chain", leaf + ".chain"]


def s_client(port, *arguments, name="app.example.com", send=None, address="127.0.0.1"):
    """A handshake; with `send` that much of a conversation, until the gateway closes. `name` None: no SNI."""
    command = ["openssl", "s_client", "-connect", f"{address}:{port}", *(["-servername", name] if name else ["-noservername"]), *arguments]
    if send is not None:
        command.append("-ign_eof")
    return Printed(subprocess.run(command, input=(send or "").encode("latin1"), capture_output=True, timeout=30, check=False))


class SServer:
    """`openssl s_server -www`: one connection after the other, each answered with a page that tells of its TLS, and closed."""

    def __init__(self, folder, name, version, certificate, *arguments):
        self.port, = free_ports(1)
        self.lines = []
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", version, "-www", "-tlsextdebug", *files(folder, name, certificate), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def wait_ready(self):
        wait_until(lambda: "ACCEPT" in self.lines, what=lambda: f"s_server to accept; it said {self.lines}")

    def _extensions(self, number):
        """What the hellos so far had in this extension."""
        contents, lines = [], list(self.lines)
        for index, line in enumerate(lines):
            if line.startswith("TLS client extension") and f"(id={number})," in line:
                content = b""
                for dump in lines[index + 1:]:
                    if not re.match(r"[0-9a-f]{4} - ", dump):
                        break
                    content += bytes.fromhex(dump[7:54].replace("-", " "))
                contents.append(content)
        return contents

    def names(self):
        """The server names of the hellos that had one."""
        return [content[5:].decode() for content in self._extensions(0)]

    def protocols(self):
        """The ALPN of the hellos that had one."""
        lists = []
        for content in self._extensions(16):
            rest, names = content[2:], []
            while rest:
                names.append(rest[1:1 + rest[0]].decode())
                rest = rest[1 + rest[0]:]
            lists.append(names)
        return lists

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.reader.join(5)
        self.process.stdout.close()
