"""HTTP/2 clients: python's h2 behind a socket, and frames made by hand where windows are the matter."""
import socket
import struct

import h2.config
import h2.connection
import h2.events
from support.client import connect

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE, ENABLE_CONNECT_PROTOCOL = 4, 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def setting(name, value):
    return struct.pack(">HI", name, value)


def get_fields(authority, path, scheme=b"http"):
    """GET, in HPACK without a dynamic table (RFC 7541): indexed fields and literals whose names are indexed."""
    def literal(index, text):
        return bytes([index, len(text)]) + text
    return b"\x82" + (b"\x87" if scheme == b"https" else b"\x86") + literal(0x01, authority) + literal(0x04, path)


class FrameClient:
    """Frames of one connection, as they come. The connection's window is a GiB; those of the streams begin with `window`."""

    def __init__(self, port, window=65535, sni=None):
        self.connection = connect(port, sni, tls=sni is not None, alpn=["h2"], timeout=30)
        self.connection.settimeout(0.2)
        self.received = bytearray()
        self.next_stream = 1
        self.send(PREFACE + frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE, window)) +
                  frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**30)))

    def send(self, data):
        self.connection.sendall(data)

    def get(self, authority, path):
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        self.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, get_fields(authority.encode(), path.encode())))
        return stream

    def grant(self, stream, size):
        return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))

    def frames(self):
        """What one reading brings: (kind, flags, stream, size of the payload, payload but for DATA). Empty when nothing came in time."""
        try:
            part = self.connection.recv(1 << 18)
        except (socket.timeout, TimeoutError):
            return []
        assert part, "the connection ended"
        self.received += part
        view, offset, found = memoryview(self.received), 0, []
        while len(view) - offset >= 9:
            size = int.from_bytes(view[offset:offset + 3], "big")
            if len(view) - offset < 9 + size:
                break
            kind, flags = view[offset + 3], view[offset + 4]
            stream = int.from_bytes(view[offset + 5:offset + 9], "big")
            found.append((kind, flags, stream, size, b"" if kind == DATA else bytes(view[offset + 9:offset + 9 + size])))
            offset += 9 + size
        view.release()
        del self.received[:offset]
        for kind, flags, _, _, payload in found:
            assert kind != GOAWAY, f"the connection ends with code {int.from_bytes(payload[4:8], 'big')}"
            if kind == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, ACK, 0))
        return found

    def close(self):
        self.connection.close()


class Client:
    """python's h2 over a socket: requests, and a wait for what they bring."""

    def __init__(self, port, sni=None):
        self.socket = connect(port, sni, tls=sni is not None, alpn=["h2"], timeout=30)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8", validate_outbound_headers=False,
                                                                       normalize_outbound_headers=False))
        self.received = b""
        self.streams = {}  # id -> what came: status, headers, body, ended, reset
        self.settings = {}
        self.goaway, self.goaway_code = None, None  # the last stream id that it names
        self.over = False
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, fields, ends=True):
        stream = self.h2.get_next_available_stream_id()
        self.streams[stream] = {"status": None, "headers": [], "body": b"", "ended": False, "reset": None}
        self.h2.send_headers(stream, fields, end_stream=ends)
        self.flush()
        return stream

    def get(self, authority, path="/", scheme="https", extra=()):
        return self.request([(":method", "GET"), (":scheme", scheme), (":authority", authority), (":path", path), *extra])

    def send(self, stream, data, ends=False):
        self.h2.send_data(stream, data, end_stream=ends)
        self.flush()

    def _take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.settings.update({code: change.new_value for code, change in event.changed_settings.items()})
        elif stream is None:
            return
        elif isinstance(event, h2.events.ResponseReceived):
            stream["headers"] = event.headers
            stream["status"] = int(dict(event.headers)[":status"])
        elif isinstance(event, h2.events.DataReceived):
            stream["body"] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream["ended"] = True
        elif isinstance(event, h2.events.StreamReset):
            stream["reset"] = event.error_code

    def step(self):
        """One reading."""
        try:
            part = self.socket.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            self.over = True
            return
        for event in self.h2.receive_data(self._without_goaway(part)):
            self._take(event)
        self.flush()

    def _without_goaway(self, part):
        """Whole frames for h2, which would take nothing more after a GOAWAY, though the streams below its id go on (RFC 9113 section 6.8)."""
        self.received += part
        taken = b""
        while len(self.received) >= 9:
            size = 9 + int.from_bytes(self.received[:3], "big")
            if len(self.received) < size:
                break
            whole, self.received = self.received[:size], self.received[size:]
            if whole[3] == GOAWAY:
                self.goaway, self.goaway_code = struct.unpack(">II", whole[9:17])
            else:
                taken += whole
        return taken

    def wait(self, condition):
        while not condition():
            assert not self.over, f"the connection ended: {self.streams}"
            self.step()

    def finish(self, stream):
        """The whole answer."""
        value = self.streams[stream]
        self.wait(lambda: value["ended"] or value["reset"] is not None)
        return value

    def close(self):
        self.socket.close()
