#!/usr/bin/python3
"""A small web service that answers every request with what it received, as JSON: whoami.py [ADDRESS:]PORT"""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "whoami"
    sys_version = ""

    def chunks_read(self):
        size = 0
        while True:
            chunk = int(self.rfile.readline().split(b";")[0], 16)
            if chunk == 0:
                break
            size += len(self.rfile.read(chunk))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return size

    def body_read(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self.chunks_read()
        return len(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def answer(self):
        seen = {
            "service": "whoami",
            "method": self.command,
            "path": self.path,
            "headers": {},
            "body_bytes": self.body_read(),
        }
        for name, value in self.headers.items():
            seen["headers"].setdefault(name.lower(), []).append(value)
        body = json.dumps(seen, indent=2).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *arguments):
        pass


def main():
    address, _, port = sys.argv[1].rpartition(":")
    ThreadingHTTPServer((address or "127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
