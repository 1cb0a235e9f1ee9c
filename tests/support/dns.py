"""A DNS server on loopback whose answers a test changes while it runs."""
import ipaddress
import socket
import struct
import threading

from support.gateway import free_ports

KINDS = {4: 1, 6: 28}


def _name(query, offset):
    labels = []
    while query[offset]:
        size = query[offset]
        labels.append(query[offset + 1:offset + 1 + size].decode().lower())
        offset += size + 1
    return ".".join(labels), offset + 1


class NameServer:
    """names: host -> list of addresses; a host that is not there is NXDOMAIN. `seen` counts the queries by host."""

    def __init__(self, port=None, ttl=1, **names):
        self.port = port or free_ports(1)[0]
        self.ttl, self.names, self.seen = ttl, dict(names), {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        self.address = f"127.0.0.1:{self.port}"
        self.stopped = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            if self.stopped:
                return
            self.socket.sendto(self._answer(query), peer)

    def _answer(self, query):
        host, end = _name(query, 12)
        kind = struct.unpack("!H", query[end:end + 2])[0]
        self.seen[host] = self.seen.get(host, 0) + 1
        records = b""
        count = 0
        for text in self.names.get(host, []):
            address = ipaddress.ip_address(text)
            if KINDS[address.version] == kind:
                records += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, self.ttl, len(address.packed)) + address.packed
                count += 1
        code = 0 if host in self.names else 3
        return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, count, 0, 0) + query[12:end + 4] + records

    def stop(self):
        if self.stopped:
            return
        self.stopped = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(10)
        self.socket.close()
