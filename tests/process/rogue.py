"""A syndic in Python, to do what a syndic must not: upwards a peer that relays, downwards a server that real minions connect to."""

import hashlib
import os
import socket
import struct
import time

import zstandard
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from capnp_layout import decode, encode
from peer import FINISH, GREETING, HELLO, SERVER_HELLO, Direction, H, Peer, Wire, derive, frame, mac, raw_public, ready


def attachment(key, id, root, syndic, issued):
    """The signed word of this key that the minion is behind the syndic."""
    text = b"brine-behind-v1\0" + root + syndic + id.encode() + b"\0" + struct.pack("<q", issued)
    return {"id": id, "publicKey": raw_public(key), "issued": issued, "signature": key.sign(text)}


class RogueSyndic(Peer):
    """Its session with a master."""

    def __init__(self, port, id, key):
        super().__init__(port, id, key, purpose="syndic")

    def enter(self):
        self.welcome = self.shake_hands()
        return self.welcome

    @property
    def cluster_root(self):
        return hashlib.sha256(self.manifest["root"]).digest()

    def relay(self, up):
        data = encode("relay", "RelayUp", up)
        self.send({"relay": {"compression": "none", "size": len(data), "data": data}})

    def relayed(self):
        """The next RelayDown."""
        relayed = self.wait_for("relay")
        data = relayed["data"]
        if relayed["compression"] == "zstd":
            data = zstandard.ZstdDecompressor().decompress(data, max_output_size=relayed["size"])
        return decode("relay", "RelayDown", data)

    def claim(self, slot, id, key, issued, key_version=1, signed_for=None):
        """Says that the minion is behind it, by its word or a made-up one."""
        word = attachment(key, id, self.cluster_root, signed_for or raw_public(self.key), issued)
        return {"slot": slot, "chain": [word], "instance": 1, "keyVersion": key_version, "grains": "{}", "running": [], "address": "rogue"}


class Server:
    """What a real minion finds when it connects to the rogue."""

    def __init__(self, key, manifest):
        self.key, self.manifest = key, manifest
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def serve(self):
        """The session of the next minion that connects, welcomed."""
        connection, _ = self.listener.accept()
        return Served(connection, self.key, self.manifest)

    def close(self):
        self.listener.close()


class Served(Peer):
    """The other side of Peer: the same session, as the master of it."""

    def __init__(self, connection, key, manifest):
        wire = Wire.__new__(Wire)
        wire.socket, wire.buffer = connection, b""
        connection.settimeout(30)
        wire.send_raw(GREETING + ready(socket_type=b"ROUTER"))
        wire.read(64)
        wire.read_frame()
        super().__init__(0, "", key, wire=wire)
        self.signed_manifest = manifest
        self.welcome()

    def welcome(self):
        hello = self.wire.receive()
        assert hello[3] == HELLO
        outer = decode("handshake", "ClientHello", hello[4:])
        body = decode("handshake", "ClientHelloBody", outer["body"])
        ephemeral = X25519PrivateKey.generate()
        prk = mac(bytes(32), ephemeral.exchange(X25519PublicKey.from_public_bytes(body["ephemeral"])))
        mine = encode(
            "handshake",
            "ServerHelloBody",
            {"version": 1, "suite": 1, "ephemeral": raw_public(ephemeral), "nonce": os.urandom(32), "resumed": False},
        )
        th1 = H(b"brine-sigma-v1 th1", hello[4:], mine)
        public = raw_public(self.key)
        proof = encode(
            "handshake",
            "ServerProof",
            {
                "publicKey": public,
                "signature": self.key.sign(b"brine-sigma-v1|master|" + th1),
                "mac": mac(derive(prk, b"master mac", th1), b"master|" + public),
                "manifest": self.signed_manifest,
            },
        )
        sealed = AESGCM(derive(prk, b"master proof", th1)).encrypt(bytes(12), proof, th1)
        reply = encode("handshake", "ServerHello", {"body": mine, "proof": sealed})
        self.wire.send(frame(SERVER_HELLO, reply))
        th2 = H(b"brine-sigma-v1 th2", th1, reply)
        finish = self.wire.receive()
        assert finish[3] == FINISH
        sealed = decode("handshake", "ClientFinish", finish[4:])["proof"]
        self.minion = decode("handshake", "ClientProof", AESGCM(derive(prk, b"minion proof", th2)).decrypt(bytes(12), sealed, th2))
        th3 = H(b"brine-sigma-v1 th3", th2, finish[4:])
        self.session_id = derive(prk, b"session id", th3, 16)
        self.out = Direction(derive(prk, b"master to minion key", th3), derive(prk, b"master to minion iv", th3, 12), b"D")
        self.into = Direction(derive(prk, b"minion to master key", th3), derive(prk, b"minion to master iv", th3, 12), b"U")
        self.send(
            {
                "welcome": {
                    "verdict": "accepted",
                    "text": "",
                    "masterTime": time.time_ns() // 1000,
                    "ticket": b"",
                    "cookie": b"",
                    "manifest": b"",
                    "masters": [],
                    "heartbeatMs": 5000,
                    "heartbeatTimeoutMs": 12000,
                    "maxMessage": 1 << 24,
                }
            }
        )
        self.behind = self.wait_for("behind")
        self.status = self.wait_for("status")

