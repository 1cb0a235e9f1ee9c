"""An HTTP/2 upstream under a test's control, over python3-h2: plaintext with prior knowledge, or TLS."""
import socket
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings


class Peer:
    """One connection of the gateway. Other threads write under its lock and call flush."""

    def __init__(self, origin, socket_):
        self.origin, self.socket, self.lock = origin, socket_, threading.RLock()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.heads, self.bodies, self.outgoing, self.resets, self.pongs, self.sent, self.ended = {}, {}, {}, {}, [], {}, False

    def flush(self):
        try:
            self.socket.sendall(self.h2.data_to_send())
        except OSError:
            pass

    def respond(self, stream, body=b"", fields=()):
        """The whole body, as the windows permit."""
        with self.lock:
            self.h2.send_headers(stream, [(":status", "200"), ("content-type", "text/plain"), *fields])
            self.outgoing[stream] = memoryview(body)
            self.sent[stream] = 0
            self._pump()
            self.flush()

    def _pump(self):
        for stream, rest in list(self.outgoing.items()):
            try:
                while rest:
                    size = min(len(rest), self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
                    if size <= 0:
                        break
                    self.h2.send_data(stream, bytes(rest[:size]))
                    rest = rest[size:]
                    self.sent[stream] += size
                if not rest:
                    self.h2.end_stream(stream)
                    del self.outgoing[stream]
                else:
                    self.outgoing[stream] = rest
            except (h2.exceptions.StreamClosedError, h2.exceptions.ProtocolError):
                del self.outgoing[stream]

    def _note(self, event):
        origin, stream = self.origin, getattr(event, "stream_id", None)
        if isinstance(event, h2.events.RequestReceived):
            self.heads[stream], self.bodies[stream] = dict(event.headers), b""
            origin.begun(self, stream)
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[stream] += event.data
            if origin.grants(self.heads[stream]):
                self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
            elif event.flow_controlled_length > 0:
                # The connection's window is for the others.
                self.h2.increment_flow_control_window(event.flow_controlled_length)
        elif isinstance(event, h2.events.StreamEnded):
            origin.requests.append((self.heads[stream], self.bodies[stream]))
            origin.answer(origin, self, stream)
        elif isinstance(event, h2.events.StreamReset):
            self.resets[stream] = event.error_code
            self.outgoing.pop(stream, None)
        elif isinstance(event, h2.events.PingAckReceived):
            self.pongs.append(event.ping_data)

    def serve(self):
        with self.socket:
            while True:
                try:
                    data = self.socket.recv(65536)
                except OSError:
                    data = b""
                if not data:
                    self.ended = True
                    return
                with self.lock:
                    try:
                        for event in self.h2.receive_data(data):
                            self._note(event)
                    except h2.exceptions.ProtocolError:
                        if not self.origin.careless:
                            raise
                    self._pump()
                    self.flush()


class Http2Origin:
    """`answer(origin, peer, stream)` is called for each whole request. `requests` has (head, body) of each, `peers` a Peer a connection."""

    def __init__(self, answer=None, tls=None, settings=None, begun=None, careless=False):
        self.answer, self.tls, self.settings, self.careless = answer or plain, tls, settings or {}, careless
        self.begun = begun or (lambda peer, stream: None)
        self.grants = lambda head: True
        self.peers, self.requests, self.protocols = [], [], []
        self.held, self.changed = [], threading.Condition()
        self.server = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connections(self):
        return len(self.peers)

    def hold(self, _, peer, stream):
        """An `answer` that waits for `wait_held`."""
        with self.changed:
            self.held.append((peer, stream))
            self.changed.notify_all()

    def wait_held(self, count, timeout=10):
        """Once so many requests wait: they, and none are held any more."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.held) >= count, timeout), f"only {len(self.held)} of {count} requests came"
            held, self.held = self.held, []
        return held

    def _accept(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, socket_):
        if self.tls is not None:
            try:
                socket_ = self.tls.wrap_socket(socket_, server_side=True)
            except OSError:
                return
            self.protocols.append(socket_.selected_alpn_protocol())
        peer = Peer(self, socket_)
        self.peers.append(peer)
        with peer.lock:
            if self.settings:
                peer.h2.local_settings = h2.settings.Settings(client=False, initial_values=self.settings)
            peer.h2.initiate_connection()
            peer.flush()
        peer.serve()

    def stop(self):
        self.server.close()


def plain(origin, peer, stream):
    peer.respond(stream, b"hello " + peer.heads[stream][":path"].encode(), [("x-version", "2")])
