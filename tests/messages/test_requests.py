"""Raw requests, row by row: the clause, what is sent, what the client must see, what the upstream must never see.

A row: (name, clause, bytes, expected). `expected` is a status, a tuple of permitted statuses, or a list of statuses for pipelined requests.
A status of 400 and above that the gateway makes itself also means: nothing of the message reached the upstream, and the connection ends.
"""
import pytest
from support.client import connect, read_response, receive_all

H = b"Host: a.example.com\r\n"


def get(target=b"/", fields=b"", host=H, method=b"GET", version=b"HTTP/1.1", body=b""):
    return method + b" " + target + b" " + version + b"\r\n" + host + fields + b"\r\n" + body


def post(fields, body=b"", **others):
    return get(b"/", fields, method=b"POST", body=body, **others)


REFUSED = 400
ROWS = []


def row(name, clause, message, expected, **checks):
    ROWS.append(pytest.param(message, expected, checks, clause, id=name))


# --- RFC 9112 section 2.2: message parsing
row("plain", "9112 2.1", get(), 200)
row("leading-empty-line", "9112 2.2", b"\r\n" + get(), 200)
row("leading-two-empty-lines", "9112 2.2", b"\r\n\r\n" + get(), 200)
row("bare-lf-everywhere", "9112 2.2", get().replace(b"\r\n", b"\n"), REFUSED)
row("bare-lf-after-request-line", "9112 2.2", b"GET / HTTP/1.1\nHost: a.example.com\r\n\r\n", REFUSED)
row("bare-lf-after-field", "9112 2.2", b"GET / HTTP/1.1\r\nHost: a.example.com\nX: y\r\n\r\n", REFUSED)
row("bare-lf-at-the-end", "9112 2.2", b"GET / HTTP/1.1\r\nHost: a.example.com\r\n\n", REFUSED)
row("bare-cr-in-request-line", "9112 2.2", b"GET /\r HTTP/1.1\r\n" + H + b"\r\n", REFUSED)
row("bare-cr-in-field-value", "9112 2.2", get(fields=b"X: a\rb\r\n"), REFUSED)
row("bare-cr-in-field-name", "9112 2.2", get(fields=b"X\r: a\r\n"), REFUSED)
row("space-before-first-field", "9112 2.2", b"GET / HTTP/1.1\r\n Host: a.example.com\r\n\r\n", REFUSED)
row("tab-before-first-field", "9112 2.2", b"GET / HTTP/1.1\r\n\tX: y\r\n" + H + b"\r\n", REFUSED)
for byte in (0x00, 0x01, 0x07, 0x08, 0x0b, 0x0c, 0x1b, 0x1f, 0x7f):
    row(f"control-{byte:02x}-in-value", "9110 5.5", get(fields=b"X: a" + bytes([byte]) + b"b\r\n"), REFUSED)
    row(f"control-{byte:02x}-in-target", "9112 3.2", get(b"/a" + bytes([byte]) + b"b"), REFUSED)
    row(f"control-{byte:02x}-in-name", "9110 5.1", get(fields=b"X" + bytes([byte]) + b"Y: a\r\n"), REFUSED)
    row(f"control-{byte:02x}-in-method", "9110 9.1", get(method=b"GE" + bytes([byte]) + b"T"), REFUSED)

# --- RFC 9112 section 3: request line
row("two-spaces-after-method", "9112 3", b"GET  / HTTP/1.1\r\n" + H + b"\r\n", REFUSED)
row("two-spaces-after-target", "9112 3", b"GET /  HTTP/1.1\r\n" + H + b"\r\n", REFUSED)
row("tab-after-method", "9112 3", b"GET\t/ HTTP/1.1\r\n" + H + b"\r\n", REFUSED)
row("leading-space", "9112 3", b" GET / HTTP/1.1\r\n" + H + b"\r\n", REFUSED)
row("trailing-space", "9112 3", b"GET / HTTP/1.1 \r\n" + H + b"\r\n", REFUSED)
row("no-target", "9112 3", b"GET HTTP/1.1\r\n" + H + b"\r\n", REFUSED)
row("only-method", "9112 3", b"GET\r\n" + H + b"\r\n", REFUSED)
row("http-0.9", "9112 3", b"GET /\r\n\r\n", REFUSED)
row("space-in-target", "9112 3.2", get(b"/a b"), REFUSED)
row("lower-case-http", "9112 2.3", get(version=b"http/1.1"), REFUSED)
for version, expected in ((b"HTTP/1.10", 400), (b"HTTP/1", 400), (b"HTTP/1.", 400), (b"HTTP/.1", 400), (b"HTTP/11", 400), (b"HTTP/1.1x", 400), (b"HTTPS/1.1", 400),
                          (b"HTTP 1.1", 400), (b"HTTP/2.0", (400, 505)), (b"HTTP/3.0", (400, 505)), (b"HTTP/0.9", (400, 505)), (b"HTTP/a.b", 400), (b"HTTP/-1.1", 400)):
    row("version-" + version.decode().replace("/", "_"), "9112 2.3", get(version=version), expected)
row("version-1.2", "9110 2.5", get(version=b"HTTP/1.2"), (200, 400, 505))
for method in (b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"PROPFIND", b"M-SEARCH", b"x!#$%&'*+-.^_`|~"):
    fields = b"Content-Length: 0\r\n" if method in (b"POST", b"PUT", b"PATCH") else b""
    row("method-" + method.decode().replace("/", "_"), "9110 9.1", get(method=method, fields=fields), 200, begins=method + b" / HTTP/1.1\r\n")
row("method-case-is-kept", "9110 9.1", get(method=b"get"), (200, 400, 501), never=b"GET /")
for bad in (b"GE(T", b"GE)T", b"G,T", b"G/T", b"G:T", b"G;T", b"G<T", b"G=T", b"G>T", b"G?T", b"G@T", b"G[T", b"G\\T", b"G]T", b"G{T", b"G}T", b'G"T', b"G\xc3\xa9T"):
    row("method-bad-" + bad.hex(), "9110 9.1", get(method=bad), REFUSED)
row("connect", "9110 9.3.6", b"CONNECT a.example.com:443 HTTP/1.1\r\nHost: a.example.com:443\r\n\r\n", (400, 403, 404, 405, 501), silent=True)

# --- RFC 9112 section 3.2: targets
row("origin-form-query", "9112 3.2.1", get(b"/a/b?c=d&e"), 200, begins=b"GET /a/b?c=d&e HTTP/1.1\r\n")
row("absolute-form", "9112 3.2.2", get(b"http://b.example.com/x?y"), 200, begins=b"GET /x?y HTTP/1.1\r\n", contains=b"host: b.example.com\r\n", never=b"a.example.com")
row("absolute-form-no-path", "9112 3.2.1", get(b"http://b.example.com"), 200, begins=b"GET / HTTP/1.1\r\n", contains=b"host: b.example.com\r\n")
row("absolute-form-query-only", "9112 3.2.1", get(b"http://b.example.com?q"), 200, begins=b"GET /?q HTTP/1.1\r\n")
row("absolute-form-port", "9112 3.2.2", get(b"http://b.example.com:81/"), 200, contains=b"host: b.example.com:81\r\n")
row("absolute-form-upper-scheme", "9110 4.2.3", get(b"HTTP://b.example.com/x"), 200, begins=b"GET /x HTTP/1.1\r\n")
row("absolute-form-without-host-field", "9112 3.2", get(b"http://b.example.com/", host=b""), REFUSED)
row("absolute-form-empty-authority", "9110 4.2.1", get(b"http:///x"), REFUSED)
row("absolute-form-userinfo", "9110 4.2.4", get(b"http://user:secret@b.example.com/"), REFUSED)
row("absolute-form-bad-port", "9110 4.2", get(b"http://b.example.com:99999/"), REFUSED)
row("absolute-form-fragment", "9112 3.2", get(b"http://b.example.com/#f"), REFUSED)
row("asterisk-options", "9112 3.2.4", get(b"*", method=b"OPTIONS"), 200, begins=b"OPTIONS * HTTP/1.1\r\n")
row("asterisk-get", "9112 3.2.4", get(b"*"), REFUSED)
row("authority-form-get", "9112 3.2.3", get(b"a.example.com:80"), REFUSED)
row("relative-target", "9112 3.2", get(b"a/b"), REFUSED)
row("fragment", "9112 3.2.1", get(b"/a#b"), REFUSED)
row("high-bytes-in-target", "9112 3.2", get(b"/\xc3\xa9"), (200, 400))
for target in (b"/%41", b"/a%2Fb", b"/a;b=c", b"/a//b", b"/~a", b"/a:b@c", b"/!$&'()*+,;=", b"/%zz"):
    row("target-" + target.hex(), "9112 3.2.1", get(target), (200, 400))
row("target-encoded-nul", "security", get(b"/%00x"), 400, silent=True)
row("target-8000", "9110 4.1", get(b"/" + b"a" * 7999), 200, begins=b"GET /" + b"a" * 7999 + b" ")
row("target-too-long", "9112 3", get(b"/" + b"a" * 20000), 414)

# --- RFC 9112 section 3.2 and RFC 9110 section 7.2: Host
row("no-host-1.1", "9112 3.2", get(host=b""), REFUSED)
row("two-hosts", "9112 3.2", get(host=H + b"Host: b.example.com\r\n"), REFUSED)
row("two-equal-hosts", "9112 3.2", get(host=H + H), REFUSED)
row("two-hosts-other-case", "9112 3.2", get(host=H + b"HOST: b.example.com\r\n"), REFUSED)
for value in (b"a b", b"a.example.com, b.example.com", b"a/b", b"a?b", b"a#b", b"user@a.example.com", b"a.example.com:x", b"a.example.com:99999", b"a.example.com:-1", b"[::1",
              b"::1]", b"[zz]", b"a\\b", b"a<b", b'a"b', b"a|b", b"a^b", b"a`b", b"a{b}", b"http://a.example.com", b"a.example.com:80:80", b"a..\x80", b"a.example.com:+80", b"[::1]x"):
    row("host-bad-" + value.hex(), "9112 3.2", get(host=b"Host: " + value + b"\r\n"), REFUSED)
for value in (b"a.example.com", b"A.EXAMPLE.COM", b"a.example.com:8080", b"127.0.0.1", b"127.0.0.1:80", b"[::1]", b"[::1]:80", b"a_b.example.com", b"xn--bcher-kva.example", b"localhost", b"a.example.com."):
    row("host-good-" + value.hex(), "9110 7.2", get(host=b"Host: " + value + b"\r\n"), 200, contains=b"host: " + value + b"\r\n")
row("host-with-spaces-around", "9112 5.1", get(host=b"Host: \t a.example.com \t\r\n"), 200, contains=b"host: a.example.com\r\n")
row("no-host-1.0", "9112 3.2", get(host=b"", version=b"HTTP/1.0"), (200, 400, 404))

# --- RFC 9112 section 5: fields
row("no-colon", "9112 5", get(fields=b"Nonsense\r\n"), REFUSED)
row("empty-name", "9112 5", get(fields=b": x\r\n"), REFUSED)
row("space-before-colon", "9112 5.1", get(fields=b"X : y\r\n"), REFUSED)
row("tab-before-colon", "9112 5.1", get(fields=b"X\t: y\r\n"), REFUSED)
row("space-before-colon-content-length", "9112 5.1", post(b"Content-Length : 1\r\n", b"a"), REFUSED)
row("space-before-colon-transfer-encoding", "9112 5.1", post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), REFUSED)
row("obs-fold-space", "9112 5.2", get(fields=b"X: a\r\n b\r\n"), REFUSED)
row("obs-fold-tab", "9112 5.2", get(fields=b"X: a\r\n\tb\r\n"), REFUSED)
row("obs-fold-transfer-encoding", "9112 5.2", post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"), REFUSED)
for bad in b'(),/;<=>?@[\\]{}" ':
    row(f"name-bad-{bad:02x}", "9110 5.1", get(fields=b"X" + bytes([bad]) + b"Y: a\r\n"), REFUSED)
row("name-high-byte", "9110 5.1", get(fields=b"X\xe9: a\r\n"), REFUSED)
row("name-all-token-bytes", "9110 5.1", get(fields=b"x!#$%&'*+-.^_`|~09: a\r\n"), 200, contains=b"x!#$%&'*+-.^_`|~09: a\r\n")
row("empty-value", "9110 5.5", get(fields=b"X:\r\n"), 200, contains=b"x: \r\n", either=b"x:\r\n")
row("value-trimmed", "9112 5.1", get(fields=b"X: \t a b \t \r\n"), 200, contains=b"x: a b\r\n")
row("value-no-space", "9112 5", get(fields=b"X:y\r\n"), 200, contains=b"x: y\r\n")
row("value-high-bytes", "9110 5.5", get(fields=b"X: caf\xe9\r\n"), 200, contains=b"x: caf\xe9\r\n")
row("value-tab-inside", "9110 5.5", get(fields=b"X: a\tb\r\n"), 200, contains=b"x: a\tb\r\n")
row("order-of-equal-names", "9110 5.3", get(fields=b"X: 1\r\nY: 2\r\nX: 3\r\n"), 200, ordered=(b"x: 1", b"x: 3"))
row("hundred-fields-is-too-many-above", "6585 5", get(fields=b"".join(b"X%d: y\r\n" % n for n in range(101))), 431)
row("ninety-fields", "9110 5.4", get(fields=b"".join(b"X%d: y\r\n" % n for n in range(90))), 200)
row("one-field-of-50k", "9110 5.4", get(fields=b"X: " + b"y" * 50000 + b"\r\n"), 200)
row("head-over-60k", "6585 5", get(fields=b"X: " + b"y" * 70000 + b"\r\n"), 431)

# --- RFC 9110 section 7.6: hop by hop
for name in (b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"TE: gzip", b"Upgrade: h9z"):
    row("hop-" + name.split(b":")[0].decode().lower(), "9110 7.6.1", get(fields=name + b"\r\nConnection: " + name.split(b":")[0] + b"\r\n"), 200,
        never=b"\r\n" + name.split(b":")[0].lower() + b":")
row("connection-names-a-field", "9110 7.6.1", get(fields=b"X-Secret: a\r\nConnection: X-Secret\r\n"), 200, never=b"x-secret")
row("connection-names-two-fields", "9110 7.6.1", get(fields=b"A1: a\r\nB1: b\r\nConnection: a1 , b1\r\n"), 200, never=b"\r\na1:", never2=b"\r\nb1:")
row("connection-names-in-two-lines", "9110 7.6.1", get(fields=b"A1: a\r\nB1: b\r\nConnection: a1\r\nConnection: b1\r\n"), 200, never=b"\r\na1:", never2=b"\r\nb1:")
row("connection-names-host", "9110 7.6.1", get(fields=b"Connection: host\r\n"), (200, 400), contains=b"host: a.example.com\r\n")
row("connection-names-content-length", "9110 7.6.1", post(b"Content-Length: 2\r\nConnection: content-length\r\n", b"ab"), (200, 400), body=b"ab")
row("connection-field-itself", "9110 7.6.1", get(fields=b"Connection: foo\r\n"), 200, never=b"foo")
row("te-trailers", "9110 10.1.4", get(fields=b"TE: trailers\r\nConnection: te\r\n"), 200)
row("max-forwards-options-0", "9110 7.6.2", get(b"*", fields=b"Max-Forwards: 0\r\n", method=b"OPTIONS"), (200, 204), silent=True)
row("max-forwards-trace-0", "9110 7.6.2", get(fields=b"Max-Forwards: 0\r\n", method=b"TRACE"), (200, 405, 501), silent=True)
row("max-forwards-options-5", "9110 7.6.2", get(b"*", fields=b"Max-Forwards: 5\r\n", method=b"OPTIONS"), 200, contains=b"max-forwards: 4\r\n")
row("max-forwards-get-0", "9110 7.6.2", get(fields=b"Max-Forwards: 0\r\n"), 200)
row("client-cert-header-is-dropped", "security", get(fields=b"X-Forwarded-Client-Cert: By=evil\r\n"), 200, never=b"evil")
row("client-internal-header-is-dropped", "security", get(fields=b"X-Envoy-Internal: true\r\n"), 200, never=b"x-envoy-internal")
row("client-retry-header-is-dropped", "security", get(fields=b"X-Envoy-Max-Retries: 9\r\n"), 200, never=b"x-envoy-max-retries")

# --- RFC 9112 section 6: Content-Length
row("length-2", "9112 6.2", post(b"Content-Length: 2\r\n", b"ab"), 200, body=b"ab")
row("length-0", "9112 6.2", post(b"Content-Length: 0\r\n"), 200, body=b"")
row("get-with-body", "9110 9.3.1", get(fields=b"Content-Length: 2\r\n", body=b"ab"), 200, body=b"ab")
for value in (b"-1", b"+1", b"0x1", b"1a", b"a", b"1 1", b"1,2", b"1;1", b"18446744073709551616", b"99999999999999999999999", b"1.0", b"", b"\xb2", b"1\t1", b"1,", b",1", b"1, 2"):
    row("length-bad-" + (value.hex() or "empty"), "9112 6.3", post(b"Content-Length: " + value + b"\r\n", b"a"), REFUSED)
row("lengths-differ", "9112 6.3", post(b"Content-Length: 1\r\nContent-Length: 2\r\n", b"ab"), REFUSED)
row("lengths-equal", "9112 6.3", post(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"ab"), (200, 400), body=b"ab")
row("length-list-equal", "9112 6.3", post(b"Content-Length: 2, 2\r\n", b"ab"), (200, 400), body=b"ab")
row("length-leading-zeros", "9112 6.2", post(b"Content-Length: 002\r\n", b"ab"), (200, 400), body=b"ab")

# --- RFC 9112 section 6.1: Transfer-Encoding
C = b"Transfer-Encoding: chunked\r\n"
row("chunked", "9112 7.1", post(C, b"2\r\nab\r\n0\r\n\r\n"), 200, body=b"ab")
row("chunked-case", "9112 7", post(b"Transfer-Encoding: ChUnKeD\r\n", b"2\r\nab\r\n0\r\n\r\n"), 200, body=b"ab")
row("chunked-and-length", "9112 6.1", post(C + b"Content-Length: 2\r\n", b"2\r\nab\r\n0\r\n\r\n"), REFUSED)
row("length-and-chunked", "9112 6.1", post(b"Content-Length: 2\r\n" + C, b"2\r\nab\r\n0\r\n\r\n"), REFUSED)
row("length-0-and-chunked", "9112 6.1", post(b"Content-Length: 0\r\n" + C, b"2\r\nab\r\n0\r\n\r\n"), REFUSED)
row("chunked-http-1.0", "9112 6.1", post(C, b"2\r\nab\r\n0\r\n\r\n", version=b"HTTP/1.0"), REFUSED)
row("chunked-twice", "9112 6.1", post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"), (400, 501))
row("chunked-two-lines", "9112 6.1", post(C + C, b"0\r\n\r\n"), (400, 501))
for value in (b"identity", b"gzip", b"xchunked", b"chunkedx", b"chunked;q=1", b"chunked, identity", b"chunked, gzip", b'"chunked"', b"", b"\x0bchunked", b"cow", b"x, chunked, y"):
    row("coding-bad-" + (value.hex() or "empty"), "9112 6.1", post(b"Transfer-Encoding: " + value + b"\r\n", b"0\r\n\r\n"), (400, 501))
row("coding-empty-element", "9110 5.6.1.2", post(b"Transfer-Encoding: chunked ,\r\n", b"2\r\nab\r\n0\r\n\r\n"), (200, 400), body=b"ab")
row("coding-gzip-chunked", "9112 6.1", post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), (200, 400, 501))
row("coding-identity-and-chunked", "9112 6.1", post(b"Transfer-Encoding: identity\r\n" + C, b"0\r\n\r\n"), (400, 501))

# --- RFC 9112 section 7.1: chunks
E = b"0\r\n\r\n"
for name, body, wanted in (
        ("upper-hex", b"A\r\n0123456789\r\n" + E, b"0123456789"), ("lower-hex", b"a\r\n0123456789\r\n" + E, b"0123456789"),
        ("leading-zeros", b"0002\r\nab\r\n" + E, b"ab"), ("many", b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n" + E, b"abc"), ("zero-zeros", b"1\r\na\r\n000\r\n\r\n", b"a"),
        ("extension", b"2;a=b\r\nab\r\n" + E, b"ab"), ("extension-quoted", b'2;a="b c"\r\nab\r\n' + E, b"ab"), ("extension-bare", b"2;a\r\nab\r\n" + E, b"ab"),
        ("extension-last", b"2\r\nab\r\n0;x=y\r\n\r\n", b"ab"), ("crlf-inside-data", b"4\r\n\r\n\r\n\r\n" + E, b"\r\n\r\n"), ("trailer", b"2\r\nab\r\n0\r\nX-T: v\r\n\r\n", b"ab")):
    row("chunk-" + name, "9112 7.1", post(C, body), 200, body=wanted)
for name, body in (
        ("negative", b"-1\r\na\r\n" + E), ("plus", b"+1\r\na\r\n" + E), ("0x", b"0x1\r\na\r\n" + E), ("not-hex", b"g\r\na\r\n" + E), ("empty-size", b"\r\na\r\n" + E),
        ("space-before", b" 1\r\na\r\n" + E), ("space-after", b"1 \r\na\r\n" + E), ("overflow", b"ffffffffffffffff1\r\na\r\n" + E), ("16-f", b"ffffffffffffffff\r\na\r\n" + E),
        ("lf-after-size", b"1\na\r\n" + E), ("cr-after-size", b"1\ra\r\n" + E), ("no-crlf-after-data", b"1\r\nab\r\n" + E), ("lf-after-data", b"1\r\na\n" + E), ("extension-lf", b"1;a\nb\r\na\r\n" + E),
        ("extension-cr", b"1;a\rb\r\na\r\n" + E), ("extension-nul", b"1;a\x00\r\na\r\n" + E), ("extension-huge", b"1;" + b"a" * 10000 + b"\r\na\r\n" + E), ("quote", b"1\"\r\na\r\n" + E),
        ("underscore", b"1_0\r\n" + b"a" * 16 + b"\r\n" + E), ("long-zeros", b"0" * 5000 + b"1\r\na\r\n" + E)):
    row("chunk-bad-" + name, "9112 7.1", post(C, body), REFUSED, broken_body=True)
for name, trailer in (("no-colon", b"bad\r\n"), ("bare-lf", b"X: y\n"), ("space-before-colon", b"X : y\r\n"), ("obs-fold", b"X: y\r\n z\r\n"), ("nul", b"X: \x00\r\n"), ("huge", b"X: " + b"y" * 30000 + b"\r\n")):
    row("trailer-bad-" + name, "9112 7.1.2", post(C, b"1\r\na\r\n0\r\n" + trailer + b"\r\n"), (400, 431), broken_body=True)
for name in (b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: evil.example", b"Authorization: x", b"Content-Type: x/y"):
    row("trailer-forbidden-" + name.split(b":")[0].decode().lower(), "9110 6.5.1", post(C, b"1\r\na\r\n0\r\n" + name + b"\r\n\r\n"), (200, 400), body=b"a")

# --- Pipelining and persistence
row("two-pipelined", "9112 9.3.2", get(b"/1") + get(b"/2"), [200, 200], heads=2)
row("three-pipelined-with-bodies", "9112 9.3.2", post(b"Content-Length: 1\r\n", b"a") + post(C, b"1\r\nb\r\n" + E) + get(), [200, 200, 200], heads=3)
row("pipelined-then-bad", "9112 9.3.2", get(b"/1") + b"bad\r\n\r\n", [200, 400], heads=1)
row("extra-crlf-between", "9112 2.2", get(b"/1") + b"\r\n" + get(b"/2"), [200, 200], heads=2)
row("close-then-more", "9112 9.6", get(fields=b"Connection: close\r\n") + get(b"/2"), [200], heads=1)
row("http-1.0-closes", "9112 9.3", get(version=b"HTTP/1.0") + get(b"/2"), [200], heads=1)
row("http-1.0-keep-alive", "9112 C.2.2", get(version=b"HTTP/1.0", fields=b"Connection: keep-alive\r\n"), 200, heads=1)
row("smuggled-in-length", "9112 11.2", post(b"Content-Length: 0\r\n") + get(b"/second"), [200, 200], heads=2)
row("head", "9110 9.3.2", get(method=b"HEAD"), 200, method="HEAD")
row("expect-continue", "9110 10.1.1", post(b"Expect: 100-continue\r\nContent-Length: 2\r\n", b"ab"), 200, body=b"ab")
row("expect-unknown", "9110 10.1.1", get(fields=b"Expect: tea\r\n"), (200, 417))


@pytest.mark.parametrize("message, expected, checks, clause", ROWS)
def test_request(world, message, expected, checks, clause):
    script = world.script
    script.reset()
    statuses = expected if isinstance(expected, list) else [expected]
    with connect(world.port, timeout=10) as connection:
        try:
            connection.sendall(message)
        except (BrokenPipeError, ConnectionResetError):
            pass
        with connection.makefile("rb") as stream:
            seen = []
            for status in statuses:
                response = read_response(stream, checks.get("method", "GET"))
                assert response is not None, f"no answer ({clause})"
                permitted = status if isinstance(status, tuple) else (status,)
                assert response.status in permitted, f"{response.status} ({clause})"
                seen.append(response)
            own = seen[-1].status >= 400
            if own and "method" not in checks and not checks.get("silent"):
                # A refusal ends the connection: nothing behind it may be read as a request.
                try:
                    assert stream.read(1) == b"", "the connection stays open after a refusal"
                except ConnectionResetError:
                    pass
    verify_upstream(script, checks, own, len(seen))


def verify_upstream(script, checks, own, count):
    heads, bodies = list(script.heads), list(script.bodies)
    if own or checks.get("silent"):
        if not checks.get("broken_body"):
            assert len(heads) == count - 1 if not checks.get("silent") else not heads, f"a refused message reached the upstream: {heads}"
        return
    assert len(heads) == checks.get("heads", count)
    head = heads[-1]
    if "begins" in checks:
        assert head.startswith(checks["begins"]), head[:200]
    if "contains" in checks:
        assert checks["contains"] in head or checks.get("either", b"\0") in head, head[:400]
    for key in ("never", "never2"):
        assert checks.get(key, b"\0") not in head, head
    if "ordered" in checks:
        first, second = checks["ordered"]
        assert head.index(first) < head.index(second)
    if "body" in checks:
        assert bodies[-1] == checks["body"]
    assert b"transfer-encoding" not in head.lower() or b"content-length" not in head.lower()


def test_the_table_is_large_enough():
    from messages import test_responses
    assert len(ROWS) + len(test_responses.ROWS) >= 300


def test_every_split_of_a_request_is_the_same_request(world):
    message = post(C + b"X: y\r\n", b"2\r\nab\r\n0\r\nT: v\r\n\r\n")
    for at in range(1, len(message)):
        world.script.reset()
        with connect(world.port) as connection:
            connection.sendall(message[:at])
            connection.sendall(message[at:])
            with connection.makefile("rb") as stream:
                assert read_response(stream).status == 200
        assert world.script.bodies == [b"ab"]


def test_a_truncated_body_reaches_nobody_as_a_whole_one(world):
    world.script.reset()
    with connect(world.port) as connection:
        connection.sendall(post(b"Content-Length: 10\r\n", b"abc"))
        connection.shutdown(1)
        assert b" 200 " not in receive_all(connection)
