"""Raw responses of an upstream, row by row: the clause, what the upstream sends, what the client must see."""
import pytest
from support.client import connect, read_response

ROWS = []
OK = b"HTTP/1.1 200 OK\r\n"
L2 = b"Content-Length: 2\r\n"


def row(name, clause, answer, status, body=None, close=True, method="GET", **checks):
    ROWS.append(pytest.param(answer, status, body, close, method, checks, clause, id=name))


# --- Status lines (RFC 9112 section 4)
row("plain", "9112 4", OK + L2 + b"\r\nab", 200, b"ab", close=False)
row("empty-reason", "9112 4", b"HTTP/1.1 200 \r\n" + L2 + b"\r\nab", 200, b"ab", close=False)
row("no-space-after-code", "9112 4", b"HTTP/1.1 200\r\n" + L2 + b"\r\nab", (200, 502), close=True)
row("unknown-code", "9110 15", b"HTTP/1.1 299 Odd\r\n" + L2 + b"\r\nab", 299, b"ab", close=False)
row("code-599", "9110 15", b"HTTP/1.1 599 Odd\r\n" + L2 + b"\r\nab", 599, b"ab", close=False)
for bad in (b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 abc OK", b"HTTP/1.1  200 OK", b"HTTP/1.1", b"HTTP/2.0 200 OK", b"http/1.1 200 OK", b"ICY 200 OK", b"HTTP/1.1 099 OK", b"garbage", b"HTTP/1.1 200 O\x00K",
            b" HTTP/1.1 200 OK", b"HTTP/1.x 200 OK", b"HTTP/1.1 -20 OK"):
    row("status-line-bad-" + bad.hex(), "9112 4", bad + b"\r\n" + L2 + b"\r\nab", 502)
row("status-line-lf", "9112 2.2", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nab", 502)

# --- Fields
# Whitespace before the colon of a response is removed, not refused.
row("field-space-before-colon", "9112 5.1", OK + L2 + b"X : y\r\n\r\nab", (200, 502), b"ab", close=False, field=("x", "y"))
for bad in (b"bad", b": y", b"X\x00: y", b"X: a\x00b", b"X: a\rb", b"X: a\r\n b", b"X(: y", b" X: y", b"X: \x7f", b"X: \x1b"):
    row("field-bad-" + bad.hex(), "9112 5", OK + L2 + bad + b"\r\n\r\nab", 502)
row("head-too-large", "9110 5.4", OK + L2 + b"X: " + b"y" * 70000 + b"\r\n\r\nab", 502)
row("too-many-fields", "9110 5.4", OK + L2 + b"".join(b"X%d: y\r\n" % n for n in range(150)) + b"\r\nab", 502)
row("two-cookies-stay-two", "9110 5.3", OK + L2 + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nab", 200, b"ab", close=False, cookies=["a=1", "b=2"])
for field in (b"Keep-Alive: timeout=5", b"Proxy-Connection: close", b"X-Hop: 1"):
    row("hop-" + field.split(b":")[0].decode().lower(), "9110 7.6.1", OK + L2 + field + b"\r\nConnection: keep-alive, " + field.split(b":")[0] + b"\r\n\r\nab", 200, b"ab", close=False,
        absent=field.split(b":")[0].decode())
row("server-is-overwritten", "istio", OK + L2 + b"Server: secret/1.0\r\n\r\nab", 200, b"ab", close=False, field=("server", "istio-envoy"))
row("date-is-kept", "9110 6.6.1", OK + L2 + b"Date: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\nab", 200, b"ab", close=False, field=("date", "Tue, 01 Jan 2030 00:00:00 GMT"))
row("date-is-added", "9110 6.6.1", OK + L2 + b"\r\nab", 200, b"ab", close=False, present="date")

row("426-keeps-upgrade", "9110 15.5.22", b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: h9z\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n", 426, b"", close=False, field=("upgrade", "h9z"))

# --- Framing (RFC 9112 section 6)
T = b"Transfer-Encoding: chunked\r\n"
row("chunked", "9112 7.1", OK + T + b"\r\n2\r\nab\r\n0\r\n\r\n", 200, b"ab", close=False)
row("chunked-trailers", "9112 7.1.2", OK + T + b"\r\n2\r\nab\r\n0\r\nX-T: v\r\n\r\n", 200, b"ab", close=False)
row("until-close", "9112 6.3", OK + b"\r\nab", 200, b"ab")
row("until-close-http-1.0", "9112 6.3", b"HTTP/1.0 200 OK\r\n\r\nab", 200, b"ab")
row("http-1.0-length", "9112 6.3", b"HTTP/1.0 200 OK\r\n" + L2 + b"\r\nab", 200, b"ab")
row("length-and-chunked", "9112 6.3", OK + L2 + T + b"\r\n2\r\nab\r\n0\r\n\r\n", 502)
row("chunked-http-1.0", "9112 6.1", b"HTTP/1.0 200 OK\r\n" + T + b"\r\n2\r\nab\r\n0\r\n\r\n", 502)
for value in (b"-1", b"+2", b"a", b"2,3", b"2 2", b"0x2", b"18446744073709551616", b""):
    row("length-bad-" + (value.hex() or "empty"), "9112 6.3", OK + b"Content-Length: " + value + b"\r\n\r\nab", 502)
row("lengths-differ", "9112 6.3", OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nab", 502)
row("lengths-equal", "9112 6.3", OK + L2 + L2 + b"\r\nab", (200, 502))
for value in (b"gzip", b"identity", b"chunked, gzip", b"chunked, chunked", b"xchunked", b""):
    row("coding-bad-" + (value.hex() or "empty"), "9112 6.1", OK + b"Transfer-Encoding: " + value + b"\r\n\r\n0\r\n\r\n", 502)
row("204-with-length", "9110 15.3.5", b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", (204, 502))
row("204", "9110 15.3.5", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", close=False)
row("304-with-length", "9110 15.4.5", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b"", close=False)
row("head-with-length", "9110 9.3.2", OK + b"Content-Length: 500\r\n\r\n", 200, b"", close=False, method="HEAD", field=("content-length", "500"))
row("head-chunked", "9110 9.3.2", OK + T + b"\r\n", 200, b"", close=False, method="HEAD")
row("length-0", "9112 6.3", OK + b"Content-Length: 0\r\n\r\n", 200, b"", close=False)
row("surplus-byte-is-never-the-next-answer", "9112 6.3", OK + L2 + b"\r\nabHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 200, b"ab", close=False, again=True)

# --- Truncation: what is not whole must not look whole
row("closed-before-anything", "9112 8", b"", 503)
row("closed-in-status-line", "9112 8", b"HTTP/1.1 2", (502, 503))
row("closed-in-fields", "9112 8", OK + b"Content-Le", (502, 503))
row("truncated-length", "9112 8", OK + b"Content-Length: 10\r\n\r\nab", 200, truncated=True)
row("truncated-chunk", "9112 8", OK + T + b"\r\n5\r\nab", 200, truncated=True)
row("truncated-last-chunk", "9112 8", OK + T + b"\r\n2\r\nab\r\n0\r\n", 200, truncated=True)
for name, body in (("not-hex", b"x\r\nab\r\n0\r\n\r\n"), ("lf", b"2\nab\n0\n\n"), ("overflow", b"fffffffffffffffff\r\nab"), ("no-crlf", b"2\r\nabc\r\n0\r\n\r\n"), ("negative", b"-2\r\nab\r\n0\r\n\r\n")):
    row("chunk-bad-" + name, "9112 7.1", OK + T + b"\r\n" + body, (200, 502), broken=True)

# --- Informational responses (RFC 9110 section 15.2)
row("102-then-200", "9110 15.2", b"HTTP/1.1 102 Processing\r\n\r\n" + OK + L2 + b"\r\nab", 200, b"ab", close=False)
row("103-then-200", "8297 2", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + L2 + b"\r\nab", 200, b"ab", close=False)
row("unasked-100", "9110 15.2.1", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + L2 + b"\r\nab", 200, b"ab", close=False)
row("unasked-101", "9110 15.2.2", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 502)
row("too-many-1xx", "9110 15.2", b"HTTP/1.1 102 Processing\r\n\r\n" * 100 + OK + L2 + b"\r\nab", 502)
row("1xx-with-length", "9110 15.2", b"HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\n" + OK + L2 + b"\r\nab", (200, 502))


def ask(stream, connection, method):
    connection.sendall(f"{method} / HTTP/1.1\r\nHost: a.example.com\r\n\r\n".encode())
    return read_response(stream, method)


@pytest.mark.parametrize("answer, status, body, close, method, checks, clause", ROWS)
def test_response(world, answer, status, body, close, method, checks, clause):
    world.script.reset(answer, close)
    permitted = status if isinstance(status, tuple) else (status,)
    with connect(world.port) as connection, connection.makefile("rb") as stream:
        try:
            response = ask(stream, connection, method)
        except (ValueError, ConnectionResetError):
            assert checks.get("truncated") or checks.get("broken"), clause
            return
        assert response is not None and response.status in permitted, f"{response and response.status} ({clause})"
        if checks.get("truncated") or checks.get("broken") and response.status == 200:
            # What the client got must be recognisably short: a length not reached, or no final chunk.
            length = response.field("content-length")
            assert length is not None and int(length) > len(response.body), "a truncated answer looks complete"
            return
        if body is not None:
            assert response.body == body
        verify_fields(response, checks)
        if checks.get("again"):
            world.script.reset(OK + b"Content-Length: 4\r\n\r\ngood")
            assert ask(stream, connection, method).body == b"good"


def verify_fields(response, checks):
    if "absent" in checks:
        assert response.field(checks["absent"]) is None
    if "present" in checks:
        assert response.field(checks["present"])
    if "field" in checks:
        assert response.field(checks["field"][0]) == checks["field"][1]
    if "cookies" in checks:
        assert response.all("set-cookie") == checks["cookies"]


def test_a_faulty_upstream_connection_is_never_used_again(world):
    world.script.reset(OK + L2 + b"\r\nab" + b"extra", close=False)
    before = world.origin.connections
    with connect(world.port) as connection, connection.makefile("rb") as stream:
        assert ask(stream, connection, "GET").body == b"ab"
        world.script.reset()
        assert ask(stream, connection, "GET").body == b"ok"
    assert world.origin.connections >= before + 1
