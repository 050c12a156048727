"""What changes under a running fleet: the manifest, a minion's journal, an outbox that nobody empties; and a minion on libzmq in Python."""

import json
import shutil

import zmq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from capnp_layout import decode, encode
from fleet import await_
from peer import Closed, Peer, new_key


class PyzmqWire:
    """The same as peer.Wire, but a DEALER of libzmq speaks ZMTP."""

    def __init__(self, port):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger, self.socket.rcvtimeo = 0, 20_000
        self.socket.connect(f"tcp://127.0.0.1:{port}")

    def send(self, body):
        self.socket.send(body)

    def receive(self):
        try:
            return self.socket.recv()
        except zmq.Again as error:
            raise Closed("nothing came") from error

    def close(self):
        self.socket.close()


def test_a_minion_on_pyzmq_takes_a_job_and_answers(fleet):
    master = fleet.master(auto_accept=True).start()
    peer = Peer(master.port, "python", new_key(), wire=PyzmqWire(master.port)).open('{"os": "CPython"}')
    await_(lambda: master.up() == ["python"], "the session")
    cli = master.spawn("-G", "os:CPython", "test.ping", "--out", "json")
    job = peer.verify_delivery(peer.wait_for("delivery"))
    peer.answer(job["jid"], '"hello"')
    assert peer.wait_for("ack")["jids"] == [job["jid"]]
    out, err = cli.communicate(timeout=60)
    assert cli.returncode == 0 and json.loads(out) == {"python": "hello"}, (out, err)


def renewed(master, epoch):
    """What the holder of an offline root key would make of the manifest that is in force."""
    pki = next(master.root.rglob("root.key")).parent
    root = Ed25519PrivateKey.from_private_bytes(bytes.fromhex((pki / "root.key").read_text().split()[1]))
    manifest = decode("manifest", "Manifest", decode("manifest", "SignedManifest", (pki / "manifest").read_bytes())["manifest"])
    body = encode("manifest", "Manifest", {**manifest, "epoch": epoch})
    return pki / "manifest", encode("manifest", "SignedManifest", {"manifest": body, "signature": root.sign(b"brine-manifest-v1\0" + body)})


def test_a_new_manifest_reaches_open_sessions(fleet):
    master, m1 = fleet.up("m1")
    path, signed = renewed(master, 7)
    fresh = path.with_suffix(".next")
    fresh.write_bytes(signed)
    fresh.rename(path)
    kept = next(m1.root.rglob("manifest"))
    await_(lambda: kept.read_bytes() == signed, "the manifest to reach m1")
    assert "lost the connection" not in m1.tail() and m1.tail().count("session with") == 1
    assert master.brine("m1", "test.ping") == {"m1": True}


def test_a_journal_restored_from_a_snapshot_does_not_run_a_job_again(fleet):
    master, m1 = fleet.up("m1")
    spool, snapshot = m1.root / "var/cache/brine/minion/spool", fleet.folder / "snapshot"
    marks, go = fleet.folder / "marks", fleet.folder / "go"
    master.brine("m1", "cmd.run", "true")
    m1.stop()
    shutil.copytree(spool, snapshot)
    m1.start()
    await_(lambda: master.up() == ["m1"], "m1 to be back")
    command = f"echo ran >> {marks}; while [ ! -e {go} ]; do sleep 0.05; done"
    jid = master.submit("m1", "cmd.run", command, "--expires", "5m")
    await_(lambda: marks.exists() and master.lookup(jid)["minions"]["m1"]["state"] == "running", "the job to run")
    m1.kill()
    shutil.rmtree(spool)
    shutil.copytree(snapshot, spool)
    m1.start()
    await_(lambda: master.lookup(jid)["minions"]["m1"]["state"] == "unknown", "the job to be answered")
    go.touch()
    assert marks.read_text().split() == ["ran"]
    assert master.brine("m1", "cmd.run", "echo new") == {"m1": "new"}
    assert "older or another journal" in master.tail()


def test_an_outbox_that_may_drop_drops_the_oldest_and_says_so(fleet):
    master = fleet.master(auto_accept=True, outbox={"max_bytes": "1MiB", "on_full": "drop_oldest"})
    master.root.mkdir(parents=True)
    master.returns_file.symlink_to("/dev/full")
    master.start()
    fleet.minion("m1", master).start()
    await_(lambda: master.up() == ["m1"], "m1 to connect")
    events = master.events()
    try:
        for _ in range(4):
            text = master.brine("m1", "cmd.run", "head -c 400000 /dev/zero | tr '\\0' x")["m1"]
            assert len(text) == 400_000
        await_(lambda: events.saw("brine/outbox/dropped"), "the drop to be told")
    finally:
        events.close()
    assert master.brine("m1", "test.ping") == {"m1": True}, "jobs go on"
