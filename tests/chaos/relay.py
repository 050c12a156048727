"""A TCP relay that can be cut and healed: a link between two daemons, without privileges.

`cut` resets every connection and refuses new ones. `freeze` keeps them and lets nothing through: what was sent meanwhile arrives when the
link heals, as after a broken route. `deafen` lets requests through and no answers, which are lost when the link heals: what was asked has
happened, and who asked cannot know it.
"""

import socket
import struct
import threading

CHUNK = 65536
PATIENCE = 10.0  # to connect to the far side
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


class Relay:
    """Listens on a port of the loopback and relays to port() of it; its threads end with close()."""

    def __init__(self, port):
        self.target = port
        self.open = threading.Event()  # towards the far side
        self.heard = threading.Event()  # back from it
        self.open.set()
        self.heard.set()
        self.lock = threading.Lock()
        self.pairs = set()
        self.refusing = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def cut(self):
        self.refusing = True
        self.reset()

    def freeze(self):
        self.open.clear()
        self.heard.clear()

    def deafen(self):
        self.heard.clear()

    def heal(self):
        if self.open.is_set() and not self.heard.is_set():
            self.reset()
        self.refusing = False
        self.open.set()
        self.heard.set()

    def close(self):
        self.listener.close()
        self.cut()
        self.open.set()
        self.heard.set()

    def reset(self):
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            end(pair)

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.join, args=(near,), daemon=True).start()

    def join(self, near):
        """Connects the far side and starts the two directions."""
        self.open.wait()
        if self.refusing:
            return end((near,))
        try:
            far = socket.create_connection(("127.0.0.1", self.target()), PATIENCE)
        except (OSError, TypeError):  # nobody listens there (yet)
            return end((near,))
        far.settimeout(None)
        pair = (near, far)
        for one in pair:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            refused = self.refusing
            if not refused:
                self.pairs.add(pair)
        if refused:
            return end(pair)
        threading.Thread(target=self.pump, args=(far, near, self.heard, pair), daemon=True).start()
        self.pump(near, far, self.open, pair)

    def pump(self, source, sink, gate, pair):
        try:
            while data := source.recv(CHUNK):
                gate.wait()
                sink.sendall(data)
            gate.wait()
        except OSError:
            pass
        with self.lock:
            self.pairs.discard(pair)
        end(pair)


def end(sockets):
    """Wakes who reads them, then resets them."""
    for one in sockets:
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        one.close()
