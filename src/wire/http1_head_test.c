/* HTTP/1 heads: every row is a raw message with its clause; each is scanned whole and byte by byte, and must come out the same. */
#include "wire/http1_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"

struct row {
    const char *clause;
    const char *raw;
    /* "method scheme|authority|host|path|fields;...|framing flags", or "!FAULT". */
    const char *wanted;
};

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define END "\r\n"

static const struct row requests[] = {
    /* Request line. */
    {"9112-3", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET 1.1 |a|a|/||none"},
    {"9112-3", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "!VERSION"},
    {"9112-3", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "!VERSION"},
    {"9112-3", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "!VERSION"},
    {"9112-3", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "!START_LINE"},
    {"9112-3", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "!METHOD"},
    {"9112-3", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", "!START_LINE"},
    {"9112-3", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "!VERSION"},
    {"9112-3", "GET /\r\nHost: a\r\n\r\n", "!START_LINE"},
    {"9112-3", "GET\r\nHost: a\r\n\r\n", "!START_LINE"},
    {"9112-3", "GET HTTP/1.1\r\nHost: a\r\n\r\n", "!START_LINE"},
    {"9112-3.1", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "!METHOD"},
    {"9112-3.1", "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH 1.1 |a|a|/||none"},
    {"9112-3.1", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "get 1.1 |a|a|/||none"},
    {"9113-3.4", "INVALID CONNECTION PREFACE\r\n\r\n", "!NOT_HTTP"},
    {"9112-2.3", "GET / http/1.1\r\nHost: a\r\n\r\n", "!VERSION"},
    {"9112-2.3", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "!VERSION"},
    {"9112-2.3", "GET / HTTP/1\r\nHost: a\r\n\r\n", "!VERSION"},
    {"9112-2.3", "GET / HTTP/1,1\r\nHost: a\r\n\r\n", "!VERSION"},
    {"9112-2.3", "GET / HTTP/x.1\r\nHost: a\r\n\r\n", "!VERSION"},
    {"9110-15.6.6", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "!VERSION_NOT_SUPPORTED"},
    {"9110-15.6.6", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", "!VERSION_NOT_SUPPORTED"},
    {"9110-15.6.6", "PRI * HTTP/2.0\r\n\r\n", "!VERSION_NOT_SUPPORTED"},
    {"9110-2.5", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET 1.1 |a|a|/||none"},
    {"9110-2.5", "GET / HTTP/1.9\r\n\r\n", "!HOST_MISSING"},
    {"9112-2.2", "GET / HTTP/1.1\nHost: a\r\n\r\n", "!BARE_LF"},
    {"9112-2.2", "GET / HTTP/1.1\r\nHost: a\n\r\n", "!BARE_LF"},
    {"9112-2.2", "GET / HTTP/1.1\r\nHost: a\r\n\n", "!BARE_LF"},
    {"9112-2.2", "GET / HTTP/1.1\r\nHost: a\n\n", "!BARE_LF"},
    {"9112-2.2", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "!VERSION"},
    {"9112-2.2", "GET / HTTP/1.1\rHost: a\r\n\r\n", "!VERSION"},
    {"9112-2.2", "G\rET / HTTP/1.1\r\nHost: a\r\n\r\n", "!METHOD"},
    {"9112-2.2", "\r\n", "!START_LINE"},
    {"9112-2.2", "\x16\x03\x01\x02", "!START_LINE"},
    {"9112-2.2", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "!FIELD_FOLDED"},
    {"9112-2.2", "GET / HTTP/1.1\r\n\tx: y\r\nHost: a\r\n\r\n", "!FIELD_FOLDED"},
    {"9112-2.2", "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", "!FIELD_FOLDED"},
    /* Targets. */
    {"9112-3.2.1", "GET /a/b?c=d&e=%20 HTTP/1.1\r\n" HOST END, "GET 1.1 |a|a|/a/b?c=d&e=%20||none"},
    {"9112-3.2.1", "GET a HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.1", "GET ?a HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.1", "GET //b/c HTTP/1.1\r\n" HOST END, "GET 1.1 |a|a|//b/c||none"},
    {"9112-3.2.1", "GET /a#b HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.1", "GET /a\x01 HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.1", "GET /a\x7f HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.1", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.1", "GET /a\"b HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.1", "GET /a<b> HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.1", "GET /a|b?{c}[d]^` HTTP/1.1\r\n" HOST END, "GET 1.1 |a|a|/a|b?{c}[d]^`||none"},
    {"9112-3.2.2", "GET http://b.example/c?d HTTP/1.1\r\nHost: a\r\n\r\n", "GET 1.1 http|b.example|b.example|/c?d||none"},
    {"9112-3.2.2", "GET HTTPS://B.example:8443 HTTP/1.1\r\nHost: a\r\n\r\n", "GET 1.1 https|B.example:8443|b.example|/||none"},
    {"9112-3.2.2", "GET http://b?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET 1.1 http|b|b|/?c||none"},
    {"9112-3.2.2", "GET http://b/ HTTP/1.1\r\n\r\n", "!HOST_MISSING"},
    {"9112-3.2.2", "GET http://b/ HTTP/1.0\r\n\r\n", "GET 1.0 http|b|b|/||none close"},
    {"9112-3.2.2", "GET http://b/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "!HOST_REPEATED"},
    {"9112-3.2.2", "GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2.2", "GET http://b/ HTTP/1.1\r\nHost:\r\n\r\n", "GET 1.1 http|b|b|/||none"},
    {"9110-4.2.4", "GET http://u@b/ HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9110-4.2.4", "GET http://u:p@b/ HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9110-4.2.1", "GET http:///a HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9110-4.2.1", "GET http://:80/a HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.2", "GET http:/a HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.2", "GET http:a HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.2", "GET ftp://b/a HTTP/1.1\r\n" HOST END, "!SCHEME"},
    {"9112-3.2.2", "GET mailto:a HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.2", "GET http://b:99999/ HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.3", "CONNECT b:443 HTTP/1.1\r\n" HOST END, "CONNECT 1.1 |b:443|b|||none"},
    {"9112-3.2.3", "CONNECT b HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.3", "CONNECT b: HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.3", "CONNECT :443 HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.3", "CONNECT b:0 HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.3", "CONNECT /b HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.3", "CONNECT http://b/ HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.3", "GET b:443 HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.4", "OPTIONS * HTTP/1.1\r\n" HOST END, "OPTIONS 1.1 |a|a|*||none"},
    {"9112-3.2.4", "GET * HTTP/1.1\r\n" HOST END, "!TARGET"},
    {"9112-3.2.4", "OPTIONS http://b HTTP/1.1\r\n" HOST END, "OPTIONS 1.1 http|b|b|*||none"},
    {"9112-3.2.4", "OPTIONS http://b/ HTTP/1.1\r\n" HOST END, "OPTIONS 1.1 http|b|b|/||none"},
    {"9112-3.2.4", "OPTIONS http://b?c HTTP/1.1\r\n" HOST END, "OPTIONS 1.1 http|b|b|/?c||none"},
    /* Host. */
    {"9112-3.2", "GET / HTTP/1.1\r\n\r\n", "!HOST_MISSING"},
    {"9112-3.2", "GET / HTTP/1.0\r\n\r\n", "GET 1.0 |||/||none close"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "!HOST_REPEATED"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "!HOST_REPEATED"},
    {"9112-3.2", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "!HOST_REPEATED"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a%\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a%41\r\n\r\n", "GET 1.1 |a%41|a%41|/||none"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a%41 \t\r\n\r\n", "GET 1.1 |a%41|a%41|/||none"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: A.Example:80\r\n\r\n", "GET 1.1 |A.Example:80|a.example|/||none"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET 1.1 |a:|a|/||none"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET 1.1 |[::1]:80|[::1]|/||none"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: [v1.a:b]\r\n\r\n", "GET 1.1 |[v1.a:b]|[v1.a:b]|/||none"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: [::zz]\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: 1.2.3.4\r\n\r\n", "GET 1.1 |1.2.3.4|1.2.3.4|/||none"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a_b.c\r\n\r\n", "GET 1.1 |a_b.c|a_b.c|/||none"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "!HOST_INVALID"},
    {"9112-3.2", "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", "!HOST_INVALID"},
    /* Field syntax. */
    {"9112-5", GET "X-A:  b c\t \r\nB:\r\nC: \t\r\n\r\n", "GET 1.1 |a|a|/|x-a: b c;b: ;c: ;|none"},
    {"9112-5", GET "a:b:c\r\n\r\n", "GET 1.1 |a|a|/|a: b:c;|none"},
    {"9112-5.1", GET "X : b\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.1", GET "X\t: b\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.1", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.1", GET "Content-Length : 5\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.1", GET ": b\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.1", GET "X\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.1", GET "X Y: b\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.1", GET "X(: b\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.1", GET "X\x80: b\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.1", GET "X\x01: b\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.1", GET "X\r: b\r\n\r\n", "!FIELD_NAME"},
    {"9112-5.2", GET "X: b\r\n c\r\n\r\n", "!FIELD_FOLDED"},
    {"9112-5.2", GET "X: b\r\n\tc\r\n\r\n", "!FIELD_FOLDED"},
    {"9112-5.2", GET "X: b\r\n \r\n\r\n", "!FIELD_FOLDED"},
    {"9110-5.5", GET "X: b\rc\r\n\r\n", "!FIELD_VALUE"},
    {"9110-5.5", GET "X: \r b\r\n\r\n", "!FIELD_VALUE"},
    {"9110-5.5", GET "X: b\x01\r\n\r\n", "!FIELD_VALUE"},
    {"9110-5.5", GET "X: 0123456789\x7f" "0123456789\r\n\r\n", "!FIELD_VALUE"},
    {"9110-5.5", GET "X: 0123456\x1f\r\n\r\n", "!FIELD_VALUE"},
    {"9110-5.5", GET "X: b\xff\xc3\xa9\x80 c\r\n\r\n", "GET 1.1 |a|a|/|x: b\xff\xc3\xa9\x80 c;|none"},
    {"9110-5.5", GET "X: 01234567\t01234567\r\n\r\n", "GET 1.1 |a|a|/|x: 01234567\t01234567;|none"},
    {"9110-5.1", GET "!#$%&'*+-.^_`|~09aZ: b\r\n\r\n", "GET 1.1 |a|a|/|!#$%&'*+-.^_`|~09az: b;|none"},
    {"9110-5.1", GET "X_Y: b\r\n\r\n", "GET 1.1 |a|a|/|x_y: b;|none"},
    /* Content-Length. */
    {"9112-6.2", GET "Content-Length: 5\r\n\r\n", "GET 1.1 |a|a|/|content-length: 5;|length 5"},
    {"9112-6.2", GET "Content-Length: 0\r\n\r\n", "GET 1.1 |a|a|/|content-length: 0;|none"},
    {"9112-6.2", GET "Content-Length: 007\r\n\r\n", "GET 1.1 |a|a|/|content-length: 007;|length 7"},
    {"9110-8.6", GET "Content-Length:\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: -1\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: +1\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 1 2\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 0x5\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 5.0\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 5;\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 5,5\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 5, 6\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 99999999999999999999\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 18446744073709551616\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: 9223372036854775808\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-8.6", GET "Content-Length: five\r\n\r\n", "!CONTENT_LENGTH"},
    {"9110-9.3.8", "TRACE / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", "!BODY_NOT_ALLOWED"},
    {"9110-9.3.8", "TRACE / HTTP/1.1\r\n" HOST "\r\n", "TRACE 1.1 |a|a|/||none"},
    /* Transfer-Encoding. */
    {"9112-6.1", GET "Transfer-Encoding: chunked\r\n\r\n", "GET 1.1 |a|a|/|transfer-encoding: chunked;|chunked"},
    {"9112-6.1", GET "Transfer-Encoding: Chunked\r\n\r\n", "GET 1.1 |a|a|/|transfer-encoding: Chunked;|chunked"},
    {"9110-5.6.1", GET "Transfer-Encoding: , chunked ,\r\n\r\n", "GET 1.1 |a|a|/|transfer-encoding: , chunked ,;|chunked"},
    {"9112-6.3", GET "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "!LENGTH_AND_CODING"},
    {"9112-6.3", GET "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", "!LENGTH_AND_CODING"},
    {"9112-6.3", GET "Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\n", "!LENGTH_AND_CODING"},
    {"9112-6.3", GET "Transfer-Encoding: identity\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.3", GET "Transfer-Encoding: gzip\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.3", GET "Transfer-Encoding: chunked, gzip\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.3", GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.1", GET "Transfer-Encoding: gzip, chunked\r\n\r\n", "!TRANSFER_ENCODING_UNKNOWN"},
    {"9112-6.1", GET "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", "!TRANSFER_ENCODING_UNKNOWN"},
    {"9112-6.1", GET "Transfer-Encoding: chunked, chunked\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.1", GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-7.1", GET "Transfer-Encoding: chunked;a=b\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.1", GET "Transfer-Encoding:\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.1", GET "Transfer-Encoding: ,\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.1", GET "Transfer-Encoding: \"chunked\"\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.1", GET "Transfer-Encoding: xchunked\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.1", GET "Transfer-Encoding: chunked x\r\n\r\n", "!TRANSFER_ENCODING"},
    {"9112-6.1", GET "Transfer-Encoding: \x0b" "chunked\r\n\r\n", "!FIELD_VALUE"},
    {"9112-6.1", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "!TRANSFER_ENCODING_IN_1_0"},
    {"9112-6.1", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", "!TRANSFER_ENCODING_IN_1_0"},
    {"9110-9.3.8", "TRACE / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "!BODY_NOT_ALLOWED"},
    {"9110-9.3.6", "CONNECT b:1 HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", "!BODY_NOT_ALLOWED"},
    /* Connection, Upgrade, Expect. */
    {"9112-9.3", GET "Connection: close\r\n\r\n", "GET 1.1 |a|a|/|connection: close;|none close"},
    {"9112-9.3", GET "Connection: x, CLOSE\r\n\r\n", "GET 1.1 |a|a|/|connection: x, CLOSE;|none close"},
    {"9112-9.3", GET "Connection: keep-alive\r\nConnection: close\r\n\r\n", "GET 1.1 |a|a|/|connection: keep-alive;connection: close;|none close"},
    {"9112-9.3", GET "Connection: keep-alive\r\n\r\n", "GET 1.1 |a|a|/|connection: keep-alive;|none"},
    {"9112-9.3", "GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n", "GET 1.0 |a|a|/|connection: keep-alive;|none close"},
    {"9110-7.6.1", GET "Connection: a b\r\n\r\n", "!FIELD_VALUE"},
    {"9110-7.8", GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
     "GET 1.1 |a|a|/|connection: Upgrade;upgrade: websocket;|none upgrade=websocket"},
    {"9110-7.8", GET "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n",
     "GET 1.1 |a|a|/|connection: Upgrade;upgrade: websocket;upgrade: h2c;|none"},
    {"9110-7.8", GET "Upgrade: websocket\r\n\r\n", "GET 1.1 |a|a|/|upgrade: websocket;|none"},
    {"9110-7.8", "GET / HTTP/1.0\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
     "GET 1.0 |a|a|/|connection: Upgrade;upgrade: websocket;|none close"},
    {"9110-7.8", GET "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\n",
     "GET 1.1 |a|a|/|connection: Upgrade;upgrade: websocket;content-length: 1;|length 1"},
    {"9110-10.1.1", GET "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n",
     "GET 1.1 |a|a|/|expect: 100-continue;content-length: 1;|length 1 expects"},
    {"9110-10.1.1", GET "Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
     "GET 1.1 |a|a|/|expect: 100-Continue;transfer-encoding: chunked;|chunked expects"},
    {"9110-10.1.1", GET "Expect: 100-continue\r\n\r\n", "GET 1.1 |a|a|/||none"},
    {"9110-10.1.1", "POST / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n",
     "POST 1.0 |a|a|/|content-length: 1;|length 1 close"},
    {"9110-10.1.1", GET "Expect: something\r\nContent-Length: 1\r\n\r\n", "GET 1.1 |a|a|/|expect: something;content-length: 1;|length 1"},
};

/* `wanted`: "version status reason|fields|framing", or "!FAULT". */
#define OK "HTTP/1.1 200 OK\r\n"
static const struct {
    const char *clause;
    const char *raw;
    enum http_method method;
    const char *upgrade;
    const char *wanted;
} responses[] = {
    {"9112-4", OK "Content-Length: 3\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 200 OK|content-length: 3;|length 3"},
    {"9112-4", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 200 |content-length: 0;|none"},
    {"9112-4", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 200 |content-length: 0;|none"},
    {"9112-4", "HTTP/1.1 200 A  b\t\xe9\r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 200 A  b\t\xe9|content-length: 0;|none"},
    {"9112-4", "HTTP/1.1 20 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9112-4", "HTTP/1.1 2000 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9112-4", "HTTP/1.1 2x0 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9112-4", "HTTP/1.1  200 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9112-4", "HTTP/1.1 200 O\rK\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9112-4", "HTTP/1.1 200 O\x01K\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9110-15", "HTTP/1.1 099 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9110-15", "HTTP/1.1 600 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9112-2.3", "http/1.1 200 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!VERSION"},
    {"9112-2.3", "HTTP/2.0 200 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!VERSION_NOT_SUPPORTED"},
    {"9112-2.3", "ICY 200 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9112-4", "200 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9112-2.2", "\r\nHTTP/1.1 200 OK\r\n\r\n", HTTP_METHOD_GET, NULL, "!STATUS_LINE"},
    {"9112-2.2", "HTTP/1.1 200 OK\n\n", HTTP_METHOD_GET, NULL, "!BARE_LF"},
    {"9112-5.1", OK "Content-Length : 3\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 200 OK|content-length: 3;|length 3"},
    {"9112-5.1", OK "X \t: y\r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 200 OK|x: y;content-length: 0;|none"},
    {"9112-5.1", OK "X y: z\r\n\r\n", HTTP_METHOD_GET, NULL, "!FIELD_NAME"},
    {"9112-5.2", OK "X: y\r\n z\r\n\r\n", HTTP_METHOD_GET, NULL, "!FIELD_FOLDED"},
    {"9112-2.2", OK " X: y\r\n\r\n", HTTP_METHOD_GET, NULL, "!FIELD_FOLDED"},
    {"9110-5.5", OK "X: y\x08\r\n\r\n", HTTP_METHOD_GET, NULL, "!FIELD_VALUE"},
    {"9112-6.3 r1", OK "Content-Length: 3\r\n\r\n", HTTP_METHOD_HEAD, NULL, "1.1 200 OK|content-length: 3;|none"},
    {"9112-6.3 r1", OK "Transfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_HEAD, NULL, "1.1 200 OK|transfer-encoding: chunked;|none"},
    {"9112-6.3 r1", OK "\r\n", HTTP_METHOD_HEAD, NULL, "1.1 200 OK||none"},
    {"9112-6.3 r1", "HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 204 x|content-length: 3;|none"},
    {"9112-6.3 r1", "HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 304 x|content-length: 3;|none"},
    {"9112-6.3 r1", "HTTP/1.1 304 x\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 304 x||none"},
    {"9112-6.3 r1", "HTTP/1.1 103 x\r\nLink: y\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 103 x|link: y;|none"},
    {"9112-6.3 r3", OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_GET, NULL, "!LENGTH_AND_CODING"},
    {"9112-6.3 r4", OK "Transfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_GET, NULL, "1.1 200 OK|transfer-encoding: chunked;|chunked"},
    {"9112-6.1", OK "Transfer-Encoding: gzip\r\n\r\n", HTTP_METHOD_GET, NULL, "!TRANSFER_ENCODING"},
    {"9112-6.1", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", HTTP_METHOD_GET, NULL, "!TRANSFER_ENCODING_UNKNOWN"},
    {"9112-6.1", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_GET, NULL, "!TRANSFER_ENCODING_IN_1_0"},
    {"9112-6.3 r5", OK "Content-Length: x\r\n\r\n", HTTP_METHOD_GET, NULL, "!CONTENT_LENGTH"},
    {"9112-6.3 r5", OK "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", HTTP_METHOD_GET, NULL, "!CONTENT_LENGTH"},
    {"9112-6.3 r5", OK "Content-Length: 3, 3\r\n\r\n", HTTP_METHOD_GET, NULL, "!CONTENT_LENGTH"},
    {"9112-6.3 r5", OK "Content-Length: -3\r\n\r\n", HTTP_METHOD_HEAD, NULL, "!CONTENT_LENGTH"},
    {"9112-6.3 r8", OK "\r\n", HTTP_METHOD_GET, NULL, "1.1 200 OK||until-close close"},
    {"9112-6.3 r8", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", HTTP_METHOD_GET, NULL,
     "1.0 200 OK|connection: keep-alive;|until-close close"},
    {"9112-9.3", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", HTTP_METHOD_GET, NULL, "1.0 200 OK|content-length: 3;|length 3 close"},
    {"9112-9.3", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: Keep-Alive\r\n\r\n", HTTP_METHOD_GET, NULL,
     "1.0 200 OK|content-length: 3;connection: Keep-Alive;|length 3"},
    {"9112-9.3", OK "Content-Length: 3\r\nConnection: close\r\n\r\n", HTTP_METHOD_GET, NULL,
     "1.1 200 OK|content-length: 3;connection: close;|length 3 close"},
    {"9110-7.8", "HTTP/1.1 101 x\r\nUpgrade: w\r\nConnection: upgrade\r\n\r\n", HTTP_METHOD_GET, "v, W",
     "1.1 101 x|upgrade: w;connection: upgrade;|tunnel"},
    {"9110-7.8", "HTTP/1.1 101 x\r\nUpgrade: w\r\nConnection: upgrade\r\n\r\n", HTTP_METHOD_GET, NULL, "!SWITCH_NOT_ASKED"},
    {"9110-7.8", "HTTP/1.1 101 x\r\nConnection: upgrade\r\n\r\n", HTTP_METHOD_GET, "w", "!SWITCH_NOT_ASKED"},
    {"9110-7.8", "HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", HTTP_METHOD_GET, "w", "!SWITCH_NOT_ASKED"},
    {"9110-7.8", "HTTP/1.1 101 x\r\nUpgrade: w, x\r\nConnection: upgrade\r\n\r\n", HTTP_METHOD_GET, "w", "!SWITCH_NOT_ASKED"},
    {"9110-7.8", "HTTP/1.1 101 x\r\n\r\n", HTTP_METHOD_HEAD, NULL, "!SWITCH_NOT_ASKED"},
};

static const char *const fault_names[HTTP1_FAULT_COUNT] = {
#define FAULT_NAME(name, status, details) [HTTP1_FAULT_##name] = "!" #name,
    HTTP1_FAULT_TABLE(FAULT_NAME)
#undef FAULT_NAME
};

static void print_fields_and_framing(FILE *out, const struct message_head *head, const struct http1_framing *framing) {
    for (size_t i = 0; i < head->header_count; i++)
        fprintf(out, "%.*s: %.*s;", SPAN_ARGUMENTS(head->headers[i].name), SPAN_ARGUMENTS(head->headers[i].value));
    switch (framing->kind) {
    case HTTP1_BODY_NONE: fprintf(out, "|none"); break;
    case HTTP1_BODY_LENGTH: fprintf(out, "|length %lu", (unsigned long)framing->length); break;
    case HTTP1_BODY_CHUNKED: fprintf(out, "|chunked"); break;
    case HTTP1_BODY_UNTIL_CLOSE: fprintf(out, "|until-close"); break;
    case HTTP1_BODY_TUNNEL: fprintf(out, "|tunnel"); break;
    }
    fprintf(out, "%s", framing->close ? " close" : "");
}

/* Scans `raw` in pieces of `step` bytes from memory that ends with the bytes, parses it and prints what came out. */
static void run(struct span raw, size_t step, enum http1_section section, const struct http1_request_facts *facts, FILE *out) {
    struct arena arena;
    struct http1_scan scan = {0};
    enum http1_fault fault = HTTP1_FAULT_NONE;
    enum http1_scan_status status = HTTP1_SCAN_INCOMPLETE;
    size_t size = 0;
    arena_init(&arena, 4096);
    for (size_t given = step; status == HTTP1_SCAN_INCOMPLETE; given += step) {
        char *copy = malloc(raw.size);
        size_t part = given < raw.size ? given : raw.size;
        memcpy(copy, raw.data, part);
        char *exact = realloc(copy, part);
        status = http1_scan(&scan, span_make(exact, part), section, &size, &fault);
        struct message_head head;
        struct http1_framing framing;
        if (status == HTTP1_SCAN_COMPLETE) {
            struct span bytes = span_make(exact, size);
            fault = section == HTTP1_SECTION_REQUEST ? http1_request_parse(&arena, bytes, scan.line_count, &head, &framing)
                                                     : http1_response_parse(&arena, bytes, scan.line_count, facts, &head, &framing);
        }
        free(exact);
        if (status == HTTP1_SCAN_FAULT || (status == HTTP1_SCAN_COMPLETE && fault != HTTP1_FAULT_NONE)) {
            fprintf(out, "%s", fault_names[fault]);
        } else if (status == HTTP1_SCAN_COMPLETE && section == HTTP1_SECTION_REQUEST) {
            fprintf(out, "%.*s %s %.*s|%.*s|%.*s|%.*s|", SPAN_ARGUMENTS(head.method), head.version == HTTP_1_0 ? "1.0" : "1.1",
                    SPAN_ARGUMENTS(head.scheme), SPAN_ARGUMENTS(head.authority), SPAN_ARGUMENTS(head.host), SPAN_ARGUMENTS(head.path));
            print_fields_and_framing(out, &head, &framing);
            if (head.upgrade.size > 0)
                fprintf(out, " upgrade=%.*s", SPAN_ARGUMENTS(head.upgrade));
            fprintf(out, "%s", head.expects_continue ? " expects" : "");
        } else if (status == HTTP1_SCAN_COMPLETE) {
            fprintf(out, "%s %d %.*s|", head.version == HTTP_1_0 ? "1.0" : "1.1", head.status, SPAN_ARGUMENTS(head.reason));
            print_fields_and_framing(out, &head, &framing);
        } else if (part == raw.size) {
            fprintf(out, "incomplete");
            break;
        }
    }
    arena_deinit(&arena);
}

static void check(const char *clause, struct span raw, enum http1_section section, const struct http1_request_facts *facts,
                  const char *wanted) {
    static const size_t steps[] = {1, 2, 7, SIZE_MAX / 2};
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        run(raw, steps[i], section, facts, out);
        fclose(out);
        if (strcmp(text, wanted) != 0)
            fail_msg("%s, %zu bytes at a time: %s\n  wanted %s\n  got    %s", clause, steps[i], raw.data, wanted, text);
        free(text);
    }
}

static void test_requests(void **state UNUSED) {
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        check(requests[i].clause, span_of(requests[i].raw), HTTP1_SECTION_REQUEST, NULL, requests[i].wanted);
}

static void test_responses(void **state UNUSED) {
    for (size_t i = 0; i < ARRAY_SIZE(responses); i++)
        check(responses[i].clause, span_of(responses[i].raw), HTTP1_SECTION_RESPONSE,
              &(struct http1_request_facts){responses[i].method, span_of(responses[i].upgrade)}, responses[i].wanted);
}

/* NUL is what C strings cannot hold. */
static void test_nul_is_refused(void **state UNUSED) {
    check("9110-5.5", SPAN_LITERAL("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"), HTTP1_SECTION_REQUEST, NULL, "!FIELD_VALUE");
    check("9110-5.5", SPAN_LITERAL("GET / HTTP/1.1\r\nHost: a\r\nX\0: c\r\n\r\n"), HTTP1_SECTION_REQUEST, NULL, "!FIELD_NAME");
    check("9110-5.5", SPAN_LITERAL("GET / HTTP/1.1\r\nHost: a\0\r\n\r\n"), HTTP1_SECTION_REQUEST, NULL, "!FIELD_VALUE");
    check("9112-3.2", SPAN_LITERAL("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP1_SECTION_REQUEST, NULL, "!TARGET");
    check("9112-3", SPAN_LITERAL("\0GET / HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP1_SECTION_REQUEST, NULL, "!START_LINE");
}

static struct span grow(struct arena *arena, const char *before, char byte, size_t count, const char *after) {
    char *text = arena_allocate_aligned(arena, strlen(before) + count + strlen(after) + 1, 1);
    memcpy(text, before, strlen(before));
    memset(text + strlen(before), byte, count);
    memcpy(text + strlen(before) + count, after, strlen(after) + 1);
    return span_make(text, strlen(before) + count + strlen(after));
}

static void scan_whole(struct span bytes, enum http1_section section, enum http1_scan_status wanted, enum http1_fault wanted_fault) {
    struct http1_scan scan = {0};
    enum http1_fault fault = HTTP1_FAULT_NONE;
    size_t size;
    assert_int_equal(http1_scan(&scan, bytes, section, &size, &fault), wanted);
    assert_int_equal(fault, wanted_fault);
}

static void test_limits(void **state UNUSED) {
    struct arena arena;
    arena_init(&arena, 65536);
    struct span longest = grow(&arena, "GET /", 'a', HTTP_TARGET_BYTES_MAX - 1, " HTTP/1.1\r\nHost: a\r\n\r\n");
    struct span too_long = grow(&arena, "GET /", 'a', HTTP_TARGET_BYTES_MAX, " HTTP/1.1\r\nHost: a\r\n\r\n");
    struct message_head head;
    struct http1_framing framing;
    assert_int_equal(http1_request_parse(&arena, longest, 2, &head, &framing), HTTP1_FAULT_NONE);
    assert_int_equal(head.path.size, HTTP_TARGET_BYTES_MAX);
    assert_int_equal(http1_request_parse(&arena, too_long, 2, &head, &framing), HTTP1_FAULT_TARGET_TOO_LONG);
    /* Known before the line ends. */
    scan_whole(grow(&arena, "GET /", 'a', HTTP_TARGET_BYTES_MAX + 1024, ""), HTTP1_SECTION_REQUEST, HTTP1_SCAN_FAULT,
               HTTP1_FAULT_TARGET_TOO_LONG);
    scan_whole(grow(&arena, GET "X: ", 'a', HTTP_HEAD_BYTES_MAX, ""), HTTP1_SECTION_REQUEST, HTTP1_SCAN_FAULT, HTTP1_FAULT_HEAD_TOO_LARGE);
    scan_whole(grow(&arena, GET "X: ", 'a', HTTP_HEAD_BYTES_MAX - 100, "\r\n\r\n"), HTTP1_SECTION_REQUEST, HTTP1_SCAN_COMPLETE,
               HTTP1_FAULT_NONE);
    scan_whole(grow(&arena, OK "X: ", 'a', HTTP_HEAD_BYTES_MAX, "\r\n\r\n"), HTTP1_SECTION_RESPONSE, HTTP1_SCAN_FAULT,
               HTTP1_FAULT_HEAD_TOO_LARGE);
    scan_whole(grow(&arena, "X: ", 'a', HTTP_TRAILER_BYTES_MAX, ""), HTTP1_SECTION_TRAILERS, HTTP1_SCAN_FAULT,
               HTTP1_FAULT_TRAILERS_TOO_LARGE);
    arena_deinit(&arena);
}

static void test_field_count(void **state UNUSED) {
    char text[4096] = GET;
    size_t size = strlen(text);
    for (int fields = 1; fields <= HTTP_FIELDS_MAX; fields++) {
        char ended[4200];
        int ended_size = snprintf(ended, sizeof(ended), "%s\r\n", text);
        scan_whole(span_make(ended, (size_t)ended_size), HTTP1_SECTION_REQUEST, HTTP1_SCAN_COMPLETE, HTTP1_FAULT_NONE);
        size += (size_t)snprintf(text + size, sizeof(text) - size, "X: y\r\n");
    }
    size += (size_t)snprintf(text + size, sizeof(text) - size, "\r\n");
    scan_whole(span_make(text, size), HTTP1_SECTION_REQUEST, HTTP1_SCAN_FAULT, HTTP1_FAULT_TOO_MANY_FIELDS);
}

static void test_connection_options_are_bounded(void **state UNUSED) {
    struct arena arena;
    struct message_head head;
    struct http1_framing framing;
    char text[4096] = GET "Connection: a";
    size_t size = strlen(text);
    arena_init(&arena, 4096);
    for (int options = 1; options < HTTP_CONNECTION_OPTIONS_MAX; options++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, ",b");
    size_t fits = size + (size_t)snprintf(text + size, sizeof(text) - size, "\r\n\r\n");
    assert_int_equal(http1_request_parse(&arena, span_make(text, fits), 3, &head, &framing), HTTP1_FAULT_NONE);
    size += (size_t)snprintf(text + size, sizeof(text) - size, ",b\r\n\r\n");
    assert_int_equal(http1_request_parse(&arena, span_make(text, size), 3, &head, &framing), HTTP1_FAULT_FIELD_VALUE);
    arena_deinit(&arena);
}

static void test_trailers(void **state UNUSED) {
    struct arena arena;
    struct header *trailers;
    size_t count;
    arena_init(&arena, 4096);
    struct span kept = SPAN_LITERAL("X-Sum: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nTrailer: x\r\n"
                                    "Authorization: x\r\nConnection: close\r\nGrpc-Status: 0\r\n\r\n");
    assert_int_equal(http1_trailers_parse(&arena, kept, 8, &trailers, &count), HTTP1_FAULT_NONE);
    assert_int_equal(count, 2);
    assert_true(span_equal(trailers[0].name, SPAN_LITERAL("x-sum")));
    assert_int_equal(trailers[1].token, HEADER_GRPC_STATUS);
    assert_int_equal(http1_trailers_parse(&arena, SPAN_LITERAL("\r\n"), 0, &trailers, &count), HTTP1_FAULT_NONE);
    assert_int_equal(count, 0);
    assert_int_equal(http1_trailers_parse(&arena, SPAN_LITERAL("X : 1\r\n\r\n"), 1, &trailers, &count), HTTP1_FAULT_FIELD_NAME);
    assert_int_equal(http1_trailers_parse(&arena, SPAN_LITERAL("X: 1\r\n y\r\n\r\n"), 2, &trailers, &count), HTTP1_FAULT_FIELD_FOLDED);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_field_count),
        cmocka_unit_test(test_connection_options_are_bounded),
        cmocka_unit_test(test_trailers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
