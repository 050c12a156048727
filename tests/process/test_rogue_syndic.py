"""A syndic whose key an operator has accepted, and that then does what it must not."""

import json
import time

import pytest

from capnp_layout import decode, encode
from fleet import await_
from peer import Closed, Peer, load_key, new_key, raw_public, returned
from rogue import RogueSyndic, Server


@pytest.fixture
def town(fleet):
    """A master and an honest minion that must keep answering."""
    master, good = fleet.up("good")
    yield master, good
    assert master.alive() and good.alive()
    assert master.brine("good", "test.ping") == {"good": True}


@pytest.fixture
def rogue(town):
    master, _ = town
    key = new_key()
    assert RogueSyndic(master.port, "rogue", key).enter()["verdict"] == "pending"
    master.key("-a", "rogue", "-y")
    syndic = RogueSyndic(master.port, "rogue", key)
    assert syndic.enter()["verdict"] == "accepted"
    return syndic


def now():
    return time.time_ns() // 1000


def end_of(rogue, slot):
    """Why the master has ended it."""
    while True:
        for end in rogue.relayed()["ends"]:
            if end["slot"] == slot:
                return end["text"]


def away(master, minion):
    """A job that waits for a minion which is not there."""
    minion.stop()
    await_(lambda: master.up() == [], "the minion to be away")
    return master.submit(minion.id, "test.echo", "secret", "--expires", "10m")


def slot_return(slot, jid, payload):
    return {"slot": slot, **returned(jid, payload)}


def test_it_cannot_return_for_a_minion_that_is_not_behind_it(town, rogue):
    master, good = town
    jid = away(master, good)
    # By a key of its own making, by what the minion said to somebody else, by a slot that nobody opened.
    rogue.relay({"opened": [rogue.claim(1, "good", new_key(), now())], "returns": [slot_return(1, jid, '"forged"')]})
    assert end_of(rogue, 1)
    key = load_key(good.root / "etc/brine/pki/minion/minion.key")
    other = raw_public(new_key())
    rogue.relay({"opened": [rogue.claim(2, "good", key, now(), signed_for=other)], "returns": [slot_return(2, jid, '"forged"')]})
    assert "has not said" in end_of(rogue, 2)
    rogue.relay({"returns": [slot_return(3, jid, '"forged"')]})
    assert rogue.wire.closed()
    good.start()
    await_(lambda: master.lookup(jid)["minions"]["good"]["state"] == "returned", "the true return")
    assert master.lookup(jid)["minions"]["good"]["return"] == "secret"
    assert [line["return"] for line in await_(master.delivered, "the returner")] == ["secret"]


def test_it_cannot_claim_all_minions(town, rogue):
    master, good = town
    rogue.relay({"opened": [rogue.claim(slot, id, new_key(), now()) for slot, id in enumerate(["good", "m1", "m2", "rogue"], 1)]})
    ended = set()
    while not ended >= {1, 2, 3, 4}:
        ended |= {end["slot"] for end in rogue.relayed()["ends"]}
    assert master.up() == ["good"]
    assert master.runner("manage.behind") == {}
    assert "ends the session" not in good.tail()


def test_an_old_word_of_a_minion_that_has_moved_gives_it_nothing(town, rogue):
    master, good = town
    key = load_key(good.root / "etc/brine/pki/minion/minion.key")
    version = key_version(rogue, "good", key)
    old = now() - 3_600_000_000
    good.stop()
    await_(lambda: master.up() == [], "the minion to be away")
    slots = iter(range(7, 1000))

    def ignored():
        """A job from after the minion had moved whose forged return has come to nothing. Masters' clocks may differ by 5 s."""
        jid = master.submit("good", "test.echo", "secret", "--expires", "10m")
        slot = next(slots)
        rogue.relay({"past": [{"slot": slot, "chain": rogue.claim(slot, "good", key, old)["chain"]}], "returns": [slot_return(slot, jid, '"forged"')]})
        # Told that it need not be sent again.
        while not any(ack["slot"] == slot for ack in rogue.relayed()["acks"]):
            pass
        return jid if master.lookup(jid)["minions"]["good"]["state"] != "returned" else None

    jid = await_(ignored, "the word to be too old")
    good.start()
    await_(lambda: master.lookup(jid)["minions"]["good"]["state"] == "returned", "the true return")
    assert master.lookup(jid)["minions"]["good"]["return"] == "secret"
    rogue.relay({"opened": [rogue.claim(2, "good", key, old, version)]})
    assert "moved since" in end_of(rogue, 2)
    assert master.runner("manage.behind") == {}


def test_a_minion_runs_nothing_that_it_has_altered_nor_what_was_meant_for_another(fleet, town, rogue, tmp_path):
    master, good = town
    other = fleet.minion("other", master).start()
    await_(lambda: master.up() == ["good", "other"], "the minions")
    manifest = (good.root / "etc/brine/pki/minion/manifest").read_bytes()
    # The honest minion hears of the syndic, then turns to it.
    await_(lambda: any(m["role"] == "syndic" for m in members(good)), "the manifest that names the syndic")
    manifest = (good.root / "etc/brine/pki/minion/manifest").read_bytes()
    server = Server(rogue.key, manifest)
    good.stop()
    good.settings["master"] = f"127.0.0.1:{server.port}"
    good.start()
    served = server.serve()
    assert served.minion["id"] == "good"
    rogue.relay({"opened": [opened_as_said(served, good, rogue)]})
    await_(lambda: master.runner("manage.behind") == {"good": "rogue"}, "the minion by the rogue")
    jid = master.submit("good", "cmd.run", f"echo ran >> {tmp_path}/marks", "--expires", "10m")
    job = delivered(rogue, jid)
    signed = decode("job", "SignedJob", job["job"])
    evil = decode("job", "Job", signed["job"])

    def deliver(body, index=0, proof=(), signature=signed["signature"]):
        data = encode("job", "SignedJob", {"job": body, "signature": signature})
        served.send({"delivery": {"job": data, "index": index, "proof": list(proof)}})

    # Another command; the same under its own signature; a place that is not its own.
    altered = encode("job", "Job", {**evil, "arguments": json.dumps({"args": [f"echo evil >> {tmp_path}/marks"], "kwargs": {}})})
    deliver(altered)
    deliver(altered, signature=rogue.key.sign(b"brine-job-v1\0" + altered))
    deliver(signed["job"], index=1)
    # A job for somebody else.
    theirs = master.submit("other", "cmd.run", f"echo theirs >> {tmp_path}/elsewhere", "--expires", "10m")
    # The true one, three times: it runs once.
    for _ in range(3):
        deliver(signed["job"])
    result = served.wait_for("return")
    assert (result["jid"], result["outcome"]) == (jid, "returned")
    served.send({"ack": {"jids": [jid]}})
    deliver(signed["job"])
    served.wait_for("receipt")
    assert (tmp_path / "marks").read_text() == "ran\n"
    await_(lambda: master.lookup(theirs)["minions"]["other"]["state"] == "returned", "the other minion's return")
    log = good.tail(200)
    assert log.count("was refused") == 3, log
    assert "signer is not a master" in log or "signature does not fit" in log
    good.stop()
    good.settings["master"] = f"127.0.0.1:{master.port}"
    good.start()
    await_(lambda: "good" in master.up(), "the minion to be back")
    server.close()


def members(minion):
    signed = decode("manifest", "SignedManifest", (minion.root / "etc/brine/pki/minion/manifest").read_bytes())
    return decode("manifest", "Manifest", signed["manifest"])["members"]


def opened_as_said(served, minion, rogue):
    key = load_key(minion.root / "etc/brine/pki/minion/minion.key")
    word = {"id": minion.id, "publicKey": raw_public(key), "issued": served.behind["issued"], "signature": served.behind["signature"]}
    return {"slot": 1, "chain": [word], "instance": 1, "keyVersion": key_version(rogue, minion.id, key), "grains": served.status["grains"], "running": [], "address": "rogue"}


def key_version(rogue, id, key):
    """As the master tells a syndic that asks whether to let the minion in."""
    rogue.relay({"admissions": [{"number": 1, "id": id, "publicKey": raw_public(key), "address": "rogue", "journal": {"epoch": 0, "sequence": 0}}]})
    while True:
        for answer in rogue.relayed()["admissions"]:
            return answer["keyVersion"]


def delivered(rogue, jid):
    while True:
        for job in rogue.relayed()["jobs"]:
            if decode("job", "Job", decode("job", "SignedJob", job["job"])["job"])["jid"] == jid:
                return job


def test_a_flood_from_it_costs_itself(town, rogue):
    master, good = town
    claims = [rogue.claim(slot, f"ghost-{slot}", new_key(), now()) for slot in range(1, 501)]
    try:
        for start in range(0, 500, 50):
            rogue.relay({"opened": claims[start : start + 50]})
        for _ in range(50):
            rogue.relay({"grains": [{"slot": 1, "grains": "x" * (300 << 10)}]})
    except Closed:
        pass
    assert rogue.wire.closed()
    assert master.up() == ["good"]
    assert master.brine("good", "test.ping") == {"good": True}


@pytest.mark.parametrize("size", [0, 5, 16 << 20, (16 << 20) + 1, (1 << 32) - 1])
def test_a_compressed_message_that_lies_about_its_size_ends_its_session(town, rogue, size):
    rogue.send({"relay": {"compression": "zstd", "size": size, "data": b"\x28\xb5\x2f\xfd" + bytes(64)}})
    assert rogue.wire.closed()


def test_a_minion_may_not_relay(town):
    master, _ = town
    minion = Peer(master.port, "m9", new_key()).open()
    data = encode("relay", "RelayUp", {"closed": [{"slot": 1, "left": True}]})
    minion.send({"relay": {"compression": "none", "size": len(data), "data": data}})
    assert minion.wire.closed()
