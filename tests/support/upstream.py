"""Upstream servers: a real nginx with its own certificate, and a small origin that tells what it received."""
import json
import os
import socket
import ssl
import subprocess
import threading

from support.gateway import free_ports, wait_until


class Nginx:
    """nginx over TLS: every path under / answers `body`."""

    def __init__(self, folder, certificate, body="passed through\n"):
        self.port, self.plain_port = free_ports(2)
        self.certificate = certificate
        os.makedirs(os.path.join(folder, "www"), exist_ok=True)
        chain, key = certificate.write(folder, "nginx")
        with open(os.path.join(folder, "www", "index.html"), "w", encoding="ascii") as file:
            file.write(body)
        with open(os.path.join(folder, "www", "large"), "wb") as file:
            file.write(os.urandom(1 << 20) * 8)
        self.large_path = os.path.join(folder, "www", "large")
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "nginx.conf"), "w", encoding="ascii") as file:
            file.write(f"""daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{ access_log off; client_max_body_size 0; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{self.port} ssl; ssl_certificate {chain}; ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3; root {folder}/www; }}
  server {{ listen 127.0.0.1:{self.plain_port}; root {folder}/www; }} }}
""")
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", folder, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf", "-g", "user root;"],
                                        stdin=subprocess.DEVNULL)
        wait_until(self._accepts, what="nginx to accept")

    def _accepts(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Origin:
    """An HTTP/1.1 server under a test's control. By default it answers each request with JSON of what it received;
    a handler `handle(connection_file, head, body) -> bytes or None` replaces that. It keeps every byte that came."""

    def __init__(self, name="origin", handle=None, tls=None, address=("127.0.0.1", 0)):
        self.name, self.handle, self.tls = name, handle, tls
        self.received = []      # raw heads
        self.connections = 0
        self.lock = threading.Lock()
        self.server = socket.create_server(address, backlog=512)
        self.port = self.server.getsockname()[1]
        self.stopped = False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection:
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                stream = connection.makefile("rwb")
                while self._one(connection, stream):
                    pass
        except (OSError, ValueError, ssl.SSLError):
            pass

    def _one(self, connection, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return False
            head += line
        with self.lock:
            self.received.append(head)
        if self.handle is not None:
            return self.handle(connection, stream, head)
        lines = head.decode("latin1").split("\r\n")
        fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if ":" in line]
        names = {name.lower(): value for name, value in fields}
        body = self.read_body(stream, names)
        answer = json.dumps({"origin": self.name, "request": lines[0], "headers": fields, "body": body.decode("latin1")}).encode()
        stream.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-origin: " + self.name.encode() +
                     b"\r\ncontent-length: %d\r\n\r\n" % len(answer) + (b"" if lines[0].startswith("HEAD ") else answer))
        stream.flush()
        return True

    @staticmethod
    def read_body(stream, names):
        if names.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while True:
                size = int(stream.readline().split(b";")[0], 16)
                body += stream.read(size)
                if size == 0:
                    while stream.readline() not in (b"\r\n", b""):
                        pass
                    return body
                stream.readline()
        return stream.read(int(names.get("content-length", 0)))

    def stop(self):
        self.server.close()
