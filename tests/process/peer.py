"""A minion in Python, written from docs/wire-format.md: for attacks, and to show that the page is enough to write one.

`Wire` is a raw ZMTP connection; `Peer` shakes hands over it and seals and opens session messages. Every step can be altered.
"""

import hashlib
import hmac
import os
import random
import socket
import struct

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from capnp_layout import decode, encode

HELLO, SERVER_HELLO, FINISH, REFUSAL, SEALED = 1, 2, 3, 4, 5
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
MORE, LONG, COMMAND = 1, 2, 4


class Closed(Exception):
    """The master has closed the connection."""


def command(name, data=b""):
    body = bytes([len(name)]) + name + data
    return bytes([COMMAND, len(body)]) + body


def ready(socket_type=b"DEALER", identity=None):
    def prop(name, value):
        return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value

    data = prop(b"Socket-Type", socket_type)
    if identity is not None:
        data += prop(b"Identity", identity)
    return command(b"READY", data)


def message(body, flags=0):
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | LONG]) + struct.pack(">Q", len(body)) + body


def frame(type_, body, version=1, magic=b"BR"):
    return magic + bytes([version, type_]) + body


class Wire:
    """A TCP connection that speaks ZMTP by hand."""

    def __init__(self, port, greet=True, timeout=20, source=None, identity=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout, source_address=(source, 0) if source else None)
        self.buffer = b""
        if greet:
            self.send_raw(GREETING + ready(identity=identity))
            self.read(64)
            self.read_frame()

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Closed(str(error)) from error

    def send(self, body):
        self.send_raw(message(body))

    def read(self, count):
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(65536)
            except (ConnectionError, socket.timeout) as error:
                raise Closed(str(error)) from error
            if not data:
                raise Closed("end of stream")
            self.buffer += data
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def read_frame(self):
        flags = self.read(1)[0]
        size = struct.unpack(">Q", self.read(8))[0] if flags & LONG else self.read(1)[0]
        return flags, self.read(size)

    def receive(self):
        """The next message; PINGs are answered on the way."""
        while True:
            flags, body = self.read_frame()
            if not flags & COMMAND:
                return body
            if body[1:5] == b"PING":
                self.send_raw(command(b"PONG", body[7:]))

    def closed(self):
        """Waits until the master closes."""
        try:
            while True:
                self.receive()
        except Closed:
            return True

    def close(self):
        self.socket.close()


def H(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(struct.pack("<I", len(part)) + part)
    return digest.digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(prk, info, size):
    out, block, counter = b"", b"", 1
    while len(out) < size:
        block = mac(prk, block + info + bytes([counter]))
        out, counter = out + block, counter + 1
    return out[:size]


def derive(prk, label, th, size=32):
    return expand(prk, b"brine-v1 " + label + b"\0" + th, size)


def raw_public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def new_key():
    return Ed25519PrivateKey.generate()


def load_key(path):
    """A minion's own key file, as brine-minion writes it."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(open(path).read().split()[1]))


def seed_of(key):
    return key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


class Direction:
    def __init__(self, key, iv, label):
        self.key, self.iv, self.label, self.counter = key, iv, label, 0

    def nonce(self, counter):
        tail = int.from_bytes(self.iv[4:], "big") ^ counter
        return self.iv[:4] + tail.to_bytes(8, "big")

    def advance(self):
        self.counter += 1
        if self.counter % 65536 == 0:
            both = expand(self.key, b"brine-v1 rekey", 44)
            self.key, self.iv = both[:32], both[32:]


def returned(jid, payload="true", **changes):
    value = {"jid": jid, "outcome": "returned", "retcode": 0, "success": True, "payload": payload, "started": 0, "durationUs": 1}
    return {"return": {**value, **changes}}


class Refused(Exception):
    def __init__(self, refusal):
        super().__init__(f"{refusal['code']}: {refusal['text']}")
        self.refusal = refusal


class Peer:
    """One handshake and one session. `alter(step, bytes)` may change each frame before it is sent (hello, finish)."""

    def __init__(self, port, id, key, ticket=None, cookie=b"", alter=None, wire=None, purpose="minion", versions=(1,), suites=(1,)):
        self.id, self.key, self.ticket, self.cookie = id, key, ticket, cookie
        self.alter = alter or (lambda step, data: data)
        self.wire = wire or Wire(port)
        self.purpose, self.versions, self.suites = purpose, list(versions), list(suites)
        self.manifest = None

    def hello(self):
        self.ephemeral = X25519PrivateKey.generate()
        body = encode(
            "handshake",
            "ClientHelloBody",
            {
                "versions": self.versions,
                "suites": self.suites,
                "ephemeral": raw_public(self.ephemeral),
                "nonce": os.urandom(32),
                "ticket": self.ticket[0] if self.ticket else b"",
                "cookie": self.cookie,
            },
        )
        binder = mac(expand(self.ticket[1], b"brine-v1 binder", 32), body) if self.ticket else b""
        self.hello_bytes = encode("handshake", "ClientHello", {"body": body, "binder": binder})
        self.wire.send(self.alter("hello", frame(HELLO, self.hello_bytes)))

    def server_hello(self):
        received = self.wire.receive()
        assert received[:3] == b"BR\x01", received[:4]
        if received[3] == REFUSAL:
            raise Refused(decode("handshake", "Refusal", received[4:]))
        assert received[3] == SERVER_HELLO
        outer = decode("handshake", "ServerHello", received[4:])
        body = decode("handshake", "ServerHelloBody", outer["body"])
        shared = self.ephemeral.exchange(X25519PublicKey.from_public_bytes(body["ephemeral"]))
        self.resumed = body["resumed"]
        self.prk = mac(self.ticket[1] if self.resumed else bytes(32), shared)
        th1 = H(b"brine-sigma-v1 th1", self.hello_bytes, outer["body"])
        proof = decode("handshake", "ServerProof", AESGCM(derive(self.prk, b"master proof", th1)).decrypt(bytes(12), outer["proof"], th1))
        assert proof["mac"] == mac(derive(self.prk, b"master mac", th1), b"master|" + proof["publicKey"])
        if not self.resumed:
            Ed25519PublicKey.from_public_bytes(proof["publicKey"]).verify(proof["signature"], b"brine-sigma-v1|master|" + th1)
            self.trust(proof["manifest"], proof["publicKey"])
        self.th2 = H(b"brine-sigma-v1 th2", th1, received[4:])

    def trust(self, signed, master):
        outer = decode("manifest", "SignedManifest", signed)
        self.manifest = decode("manifest", "Manifest", outer["manifest"])
        Ed25519PublicKey.from_public_bytes(self.manifest["root"]).verify(outer["signature"], b"brine-manifest-v1\0" + outer["manifest"])
        assert any(m["publicKey"] == master and m["serial"] not in self.manifest["revoked"] for m in self.manifest["members"])

    def proof(self, **changes):
        public = raw_public(self.key)
        value = {
            "id": self.id,
            "publicKey": public,
            "signature": b"" if self.resumed else self.key.sign(b"brine-sigma-v1|minion|" + self.th2),
            "mac": mac(derive(self.prk, b"minion mac", self.th2), b"minion|" + public + self.id.encode()),
            "purpose": self.purpose,
            "instance": random.getrandbits(63),
            "journalEpoch": 1,
            "journalSequence": 0,
            "manifestEpoch": self.manifest["epoch"] if self.manifest else 0,
        }
        return {**value, **changes}

    def finish(self, proof=None):
        sealed = AESGCM(derive(self.prk, b"minion proof", self.th2)).encrypt(
            bytes(12), encode("handshake", "ClientProof", proof or self.proof()), self.th2
        )
        finish = encode("handshake", "ClientFinish", {"proof": sealed})
        th3 = H(b"brine-sigma-v1 th3", self.th2, finish)
        self.session_id = derive(self.prk, b"session id", th3, 16)
        self.out = Direction(derive(self.prk, b"minion to master key", th3), derive(self.prk, b"minion to master iv", th3, 12), b"U")
        self.into = Direction(derive(self.prk, b"master to minion key", th3), derive(self.prk, b"master to minion iv", th3, 12), b"D")
        self.secret = derive(self.prk, b"resumption", th3)
        self.wire.send(self.alter("finish", frame(FINISH, finish)))

    def shake_hands(self):
        """The Welcome."""
        self.hello()
        self.server_hello()
        self.finish()
        return self.receive()["welcome"]

    def open(self, grains="{}"):
        """An accepted session that has said what it is."""
        welcome = self.shake_hands()
        assert welcome["verdict"] == "accepted", welcome
        self.next_ticket = (welcome["ticket"], self.secret)
        self.send({"status": {"grains": grains, "running": []}})
        return self

    def seal(self, plain, counter=None):
        direction = self.out
        counter = direction.counter if counter is None else counter
        aad = self.session_id + direction.label + bytes([SEALED, 1])
        sealed = AESGCM(direction.key).encrypt(direction.nonce(counter), plain, aad)
        direction.advance()
        return frame(SEALED, struct.pack("<Q", counter) + sealed)

    def send(self, value):
        sealed = self.seal(encode("session", "SessionMessage", value))
        self.wire.send(sealed)
        return sealed

    def receive(self):
        received = self.wire.receive()
        if received[3] == REFUSAL:
            raise Refused(decode("handshake", "Refusal", received[4:]))
        assert received[3] == SEALED
        counter = struct.unpack("<Q", received[4:12])[0]
        assert counter == self.into.counter
        aad = self.session_id + self.into.label + bytes([SEALED, 1])
        plain = AESGCM(self.into.key).decrypt(self.into.nonce(counter), received[12:], aad)
        self.into.advance()
        return decode("session", "SessionMessage", plain)

    def wait_for(self, kind):
        while True:
            received = self.receive()
            if kind in received:
                return received[kind]

    def verify_delivery(self, delivery):
        """The job inside, after the checks 1 and 2 of docs/wire-format.md section 7."""
        signed = decode("job", "SignedJob", delivery["job"])
        job = decode("job", "Job", signed["job"])
        assert job["signer"] in [m["publicKey"] for m in self.manifest["members"] if m["role"] == "master"]
        Ed25519PublicKey.from_public_bytes(job["signer"]).verify(signed["signature"], b"brine-job-v1\0" + signed["job"])
        node, index, last = hashlib.sha256(b"\0" + self.id.encode()).digest(), delivery["index"], job["expectedCount"] - 1
        path = list(delivery["proof"])
        while last > 0:
            if index % 2 == 1:
                node = hashlib.sha256(b"\1" + path.pop(0) + node).digest()
            elif index < last:
                node = hashlib.sha256(b"\1" + node + path.pop(0)).digest()
            index, last = index // 2, last // 2
        assert not path and node == job["expectedRoot"], "the inclusion proof does not fit"
        return job

    def answer(self, jid, payload="true", **changes):
        return self.send(returned(jid, payload, **changes))

    def close(self):
        self.wire.close()
