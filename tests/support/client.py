"""Raw clients: TLS with any SNI, and HTTP/1.1 that sends exactly the bytes it is given."""
import socket
import ssl


def tls_context(alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def connect(port, sni=None, tls=False, alpn=None, timeout=10, session=None, context=None):
    connection = socket.create_connection(("127.0.0.1", port), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls:
        connection = (context or tls_context(alpn)).wrap_socket(connection, server_hostname=sni, session=session)
    return connection


def receive_all(connection):
    """Everything until the peer closes; a reset counts as a close."""
    received = b""
    while True:
        try:
            part = connection.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            return received
        if not part:
            return received
        received += part


class Response:
    def __init__(self, status, fields, body, version):
        self.status, self.fields, self.body, self.version = status, fields, body, version

    def field(self, name):
        values = self.all(name)
        return ", ".join(values) if values else None

    def all(self, name):
        return [value for key, value in self.fields if key == name.lower()]


def read_response(stream, method="GET"):
    """One final response from a binary stream; informational ones are skipped. None at the end of the stream."""
    while True:
        line = stream.readline()
        if not line:
            return None
        version, status = line.split(None, 2)[:2]
        fields = []
        while True:
            field = stream.readline()
            if field in (b"\r\n", b""):
                break
            name, value = field.decode("latin1").split(":", 1)
            fields.append((name.lower(), value.strip()))
        if int(status) >= 200 or int(status) == 101:
            break
    response = Response(int(status), fields, b"", version.decode())
    if method == "HEAD" or response.status in (101, 204, 304):
        return response
    if response.field("transfer-encoding") == "chunked":
        while True:
            size = int(stream.readline().split(b";")[0], 16)
            response.body += stream.read(size)
            ended = stream.readline()
            if size == 0:
                while ended not in (b"\r\n", b""):
                    ended = stream.readline()
                return response
    length = response.field("content-length")
    response.body = stream.read(int(length)) if length is not None else stream.read()
    return response


def request(port, path="/", host="app.example.com", method="GET", sni=None, tls=False, fields=(), body=b"", alpn=None, raw=b""):
    with connect(port, sni or host.split(":")[0], tls, alpn) as connection:
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        connection.sendall(head.encode("latin1") + b"\r\n" + body + raw)
        with connection.makefile("rb") as stream:
            response = read_response(stream, method)
        if tls and response is not None:
            response.certificate = connection.getpeercert(True)
            response.alpn = connection.selected_alpn_protocol()
        return response


def pipeline(port, count, path="/", host="app.example.com", fields=(), at_once=100):
    """`count` equal GET requests over TLS on one connection, so many of them on their way at once; the responses in their order."""
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    responses = []
    with connect(port, host.split(":")[0], True) as connection, connection.makefile("rb") as stream:
        while len(responses) < count:
            batch = min(at_once, count - len(responses))
            connection.sendall(head.encode("latin1") * batch)
            responses += [read_response(stream) for _ in range(batch)]
    return responses
