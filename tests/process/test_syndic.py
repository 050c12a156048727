"""Minions behind syndics: jobs down, returns up, keys accepted at the top, whatever is killed in between."""

import contextlib
import hashlib
import json
import sqlite3
import subprocess
import time

import pytest
from fleet import BIN, Fleet, await_
from peer import Closed, Peer, new_key
from rogue import attachment


@pytest.fixture
def fleet(tmp_path):
    fleet = Fleet(tmp_path)
    yield fleet
    fleet.close()


def up_behind(fleet, *ids, **settings):
    """A master, a syndic below it, minions below that."""
    master = fleet.master(**settings).start()
    syndic = fleet.accepted_syndic(master, "eu-1")
    minions = [fleet.minion(id, syndic).start() for id in ids]
    await_(lambda: set(master.keys()["minions_pre"]) >= set(ids), "the keys at the top")
    master.key("-A", "-y")
    await_(lambda: set(master.up()) == set(ids), f"{ids} to connect")
    return master, syndic, *minions


def test_jobs_reach_minions_behind_a_syndic_and_returns_come_back(fleet):
    master, syndic, *_ = up_behind(fleet, "m1", "m2")
    assert master.brine("*", "test.ping") == {"m1": True, "m2": True}
    assert master.brine("m1", "cmd.run", "echo behind") == {"m1": "behind"}
    assert master.brine("-G", "os:Debian", "test.ping") == {"m1": True, "m2": True}
    assert master.runner("manage.status") == {"up": ["m1", "m2"], "down": []}
    assert "eu-1" in master.keys()["minions"]
    syndics = master.runner("manage.syndics")
    assert (syndics["eu-1"]["connected"], syndics["eu-1"]["minions"]) == (True, 2)
    assert master.runner("manage.behind") == {"m1": "eu-1", "m2": "eu-1"}


def test_a_syndic_serves_nobody_before_an_operator_has_accepted_it(fleet):
    master = fleet.master(auto_accept=True).start()
    syndic = fleet.syndic("eu-1", master).start()
    await_(lambda: master.keys()["minions_pre"] == ["eu-1"], "the key of the syndic, in spite of auto_accept")
    assert not syndic.announcement.exists()
    master.key("-r", "eu-1", "-y")
    await_(lambda: "rejected" in syndic.tail(), "the syndic to be told")
    assert not syndic.announcement.exists()


def test_a_key_of_a_minion_is_no_syndics(fleet):
    master, minion = fleet.up("m1")
    minion.stop()
    syndic = fleet.syndic("m1", master)
    (syndic.root / "etc/brine/pki/syndic").mkdir(parents=True)
    for kind in ("key", "pub"):
        content = (minion.root / f"etc/brine/pki/minion/minion.{kind}").read_bytes()
        (syndic.root / f"etc/brine/pki/syndic/syndic.{kind}").write_bytes(content)
    (syndic.root / "etc/brine/pki/syndic/syndic.key").chmod(0o600)
    syndic.start()
    await_(lambda: "this key was taken as that of a minion" in syndic.tail(), "the syndic to be told")
    assert master.keys()["minions_denied"] == []


def test_three_tiers(fleet):
    master = fleet.master(auto_accept=True).start()
    first = fleet.accepted_syndic(master, "s1")
    second = fleet.accepted_syndic(master, "s2", first)
    third = fleet.accepted_syndic(master, "s3", second)
    for id, above in (("m0", master), ("m1", first), ("m2", second), ("m3", third)):
        fleet.minion(id, above).start()
    await_(lambda: master.up() == ["m0", "m1", "m2", "m3"], "minions on every tier")
    assert master.brine("*", "test.ping") == {f"m{i}": True for i in range(4)}
    assert master.brine("m3", "cmd.run", "echo deep") == {"m3": "deep"}
    second.kill()
    await_(lambda: master.up() == ["m0", "m1"], "those behind it to be missed")
    result = master.run("*", "test.ping", "-t", "1", "--out", "json", "--static", check=2)
    assert json.loads(result.out) == {"m0": True, "m1": True}
    assert "s1/s2/s3, which is away" in result.err
    second.start()
    await_(lambda: master.up() == ["m0", "m1", "m2", "m3"], "all to be back")
    assert master.brine("*", "test.ping") == {f"m{i}": True for i in range(4)}


def test_why_a_minion_behind_a_lost_syndic_does_not_answer(fleet):
    master, syndic, _ = up_behind(fleet, "m1", reconnect_grace="0s")
    syndic.kill()
    await_(lambda: master.up() == [], "the syndic to be missed")
    result = master.run("m1", "test.ping", "-t", "1", check=2)
    assert "behind syndic eu-1, which is away" in result.out + result.err
    assert master.runner("manage.status") == {"up": [], "down": ["m1"]}


def hold(folder, name):
    """A command that runs until release() is called, and the file that it waits for."""
    gate = folder / name
    return f"while [ ! -e {gate} ]; do sleep 0.05; done; echo done", gate


def running(master, jid, id):
    return await_(lambda: master.lookup(jid)["minions"][id]["state"] == "running", f"{jid} to run on {id}")


def test_returns_wait_in_the_spool_of_a_syndic_while_no_master_is_there(fleet, tmp_path):
    master, syndic, minion = up_behind(fleet, "m1")
    command, gate = hold(tmp_path, "gate")
    jid = master.submit("m1", "cmd.run", command, "--expires", "10m")
    running(master, jid, "m1")
    master.kill()
    gate.touch()
    await_(lambda: spooled(syndic) == 1, "the return in the spool")
    # What the syndic has acknowledged the minion need not know any more.
    minion.kill()
    syndic.kill()
    master.start()
    assert master.lookup(jid)["minions"]["m1"]["state"] != "returned"
    syndic.start()
    await_(lambda: master.lookup(jid)["minions"]["m1"]["state"] == "returned", "the return from the spool")
    await_(lambda: spooled(syndic) == 0, "the spool to be emptied")
    lines = await_(lambda: [line for line in master.delivered() if line["jid"] == jid], "the returner")
    assert [line["return"] for line in lines] == ["done"]


def spooled(syndic):
    """How many returns lie in its spool, as another reader of the file sees them."""
    database = syndic.root / "var/cache/brine/syndic/spool/spool.db"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT count(*) FROM returns").fetchone()[0]


def test_a_syndic_that_is_cut_off_keeps_its_minions_and_lets_known_ones_in(fleet):
    master, syndic, minion = up_behind(fleet, "m1")
    master.kill()
    await_(lambda: "lost the connection" in syndic.tail(), "the syndic to notice")
    minion.stop()
    minion.log.unlink()
    minion.start()
    await_(lambda: "session with" in minion.tail(), "the minion to be let in without a master")
    stranger = fleet.minion("m2", syndic).start()
    await_(lambda: "has no connection to its master" in stranger.tail(), "a stranger to be put off")
    master.start()
    await_(lambda: master.up() == ["m1"], "the minion at the top again")
    assert master.brine("m1", "test.ping") == {"m1": True}
    await_(lambda: master.keys()["minions_pre"] == ["m2"], "the stranger's key at the top")


def test_deleting_a_key_at_the_top_ends_the_session_behind_a_syndic(fleet):
    master, syndic, first, second = up_behind(fleet, "m1", "m2")
    master.key("-d", "m1", "-y")
    await_(lambda: master.keys()["minions_pre"] == ["m1"], "the deleted one to ask again")
    assert master.up() == ["m2"]
    assert "the key was deleted" in first.tail()
    assert "ends the session" not in second.tail()


def test_a_key_that_was_deleted_while_a_syndic_was_away_is_not_honoured_when_it_is_back(fleet):
    master, syndic, minion = up_behind(fleet, "m1")
    syndic.pause()
    await_(lambda: master.up() == [], "the syndic to be missed")
    master.key("-d", "m1", "-y")
    syndic.resume()
    await_(lambda: master.keys()["minions_pre"] == ["m1"], "the minion to ask again")
    assert master.up() == []


def test_a_syndic_whose_key_is_deleted_speaks_for_nobody(fleet):
    master, syndic, minion = up_behind(fleet, "m1")
    master.key("-d", "eu-1", "-y")
    await_(lambda: master.up() == [], "its minions to be gone")
    await_(lambda: master.keys()["minions_pre"] == ["eu-1"], "the syndic to ask again")
    # Accepted anew it serves again.
    master.key("-a", "eu-1", "-y")
    await_(lambda: master.up() == ["m1"], "the minion to be back")


def test_a_minion_with_two_syndics_moves_and_nothing_is_lost(fleet, tmp_path):
    master = fleet.master(auto_accept=True).start()
    first = fleet.accepted_syndic(master, "s1")
    second = fleet.accepted_syndic(master, "s2")
    minion = fleet.minion("m1", first, master=[f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}"]).start()
    await_(lambda: master.up() == ["m1"], "the minion")
    home, other = (first, second) if spoken_through(master, "m1") == "s1" else (second, first)
    command, gate = hold(tmp_path, "gate")
    jid = master.submit("m1", "cmd.run", f"echo ran >> {tmp_path}/marks; {command}", "--expires", "10m")
    running(master, jid, "m1")
    home.kill()
    await_(lambda: spoken_through(master, "m1") == other.id, "the minion to come by the other syndic")
    gate.touch()
    await_(lambda: master.lookup(jid)["minions"]["m1"]["state"] == "returned", "the return by the other syndic")
    assert (tmp_path / "marks").read_text() == "ran\n"
    home.start()
    assert master.brine("m1", "test.ping") == {"m1": True}


def spoken_through(master, id):
    """The syndics between the master and the minion."""
    return master.runner("manage.behind").get(id)


def test_a_return_that_a_syndic_spooled_counts_after_its_minion_has_moved(fleet, tmp_path):
    master = fleet.master(auto_accept=True).start()
    first = fleet.accepted_syndic(master, "s1")
    second = fleet.accepted_syndic(master, "s2")
    minion = fleet.minion("m1", first).start()
    await_(lambda: master.up() == ["m1"], "the minion")
    command, gate = hold(tmp_path, "gate")
    jid = master.submit("m1", "cmd.run", command, "--expires", "10m")
    running(master, jid, "m1")
    master.kill()
    gate.touch()
    await_(lambda: spooled(first) == 1, "the return in the spool")
    first.kill()
    minion.stop()
    minion.settings["master"] = f"127.0.0.1:{second.port}"
    master.start()
    minion.start()
    await_(lambda: spoken_through(master, "m1") == "s2", "the minion by the other syndic")
    first.start()
    await_(lambda: master.lookup(jid)["minions"]["m1"]["state"] == "returned", "the return from the first syndic's spool")
    await_(lambda: spooled(first) == 0, "the spool to be emptied")
    assert master.brine("m1", "test.ping") == {"m1": True}


def test_a_result_of_brine_call_is_recorded_through_a_syndic(fleet):
    master, syndic, minion = up_behind(fleet, "m1")
    called = subprocess.run([BIN / "brine-call", "-c", minion.etc, "test.echo", "hello", "--out", "json"], capture_output=True, timeout=60, text=True)
    assert called.returncode == 0, called.stdout + called.stderr
    jobs = master.runner("jobs.list_jobs")
    assert [job["Function"] for job in jobs.values()] == ["test.echo"]


@pytest.mark.parametrize("point", ["syndic.before_spool_commit", "syndic.after_spool_commit"])
def test_a_syndic_killed_around_the_sync_of_its_spool_loses_and_doubles_nothing(fleet, tmp_path, point):
    master, syndic, minion = up_behind(fleet, "m1")
    syndic.kill()
    syndic.start(crash_at=point)
    await_(lambda: master.up() == ["m1"], "the minion to be back")
    jid = master.submit("m1", "cmd.run", f"echo ran >> {tmp_path}/marks; echo done", "--expires", "10m")
    syndic.wait_crash(point)
    syndic.start()
    await_(lambda: master.lookup(jid)["minions"]["m1"]["state"] == "returned", "the return")
    assert (tmp_path / "marks").read_text() == "ran\n"
    lines = await_(lambda: [line for line in master.delivered() if line["jid"] == jid], "the returner")
    assert {line["return"] for line in lines} == {"done"}


def test_a_manifest_that_is_new_reaches_minions_behind_a_syndic(fleet):
    master, syndic, minion = up_behind(fleet, "m1")
    before = (minion.root / "etc/brine/pki/minion/manifest").read_bytes()
    fleet.accepted_syndic(master, "eu-2")
    await_(lambda: (minion.root / "etc/brine/pki/minion/manifest").read_bytes() != before, "the minion to keep the new manifest")
    assert master.brine("m1", "test.ping") == {"m1": True}


def test_a_syndic_says_what_is_wrong_with_its_configuration(fleet):
    master = fleet.master().start()
    syndic = fleet.syndic("eu-1", master, syndic_mastre="x")
    syndic.start()
    assert syndic.process.wait(30) == 78
    assert "syndic:" in syndic.tail() and "syndic_master" in syndic.tail()


def test_the_mine_is_relayed_and_what_changed_while_no_master_was_there_comes_after(fleet):
    master, syndic, first, second = up_behind(fleet, "m1", "m2")
    master.brine("m1", "mine.send", "addr", "10.0.0.1", "mine_function=test.echo")
    await_(lambda: master.runner("mine.get", "*", "addr") == {"m1": "10.0.0.1"}, "the entry at the top")
    assert master.brine("m2", "mine.get", "*", "addr") == {"m2": {"m1": "10.0.0.1"}}
    master.brine("m1", "mine.send", "secret", "x", "mine_function=test.echo", "allow_tgt=m1")
    await_(lambda: master.runner("mine.get", "*", "secret") == {"m1": "x"}, "the other entry")
    assert master.brine("m2", "mine.get", "*", "secret") == {"m2": {}}
    # A job that changes the entry while the syndic has no master.
    jid = master.submit("m1", "mine.send", "addr", "10.0.0.2", "mine_function=test.echo", "--expires", "10m")
    await_(lambda: master.lookup(jid)["minions"]["m1"]["state"] == "returned", "the change")
    master.kill()
    await_(lambda: "lost the connection" in syndic.tail(), "the syndic to notice")
    second.stop()
    second.start()
    master.start()
    await_(lambda: master.up() == ["m1", "m2"], "the minions")
    await_(lambda: master.runner("mine.get", "*", "addr") == {"m1": "10.0.0.2"}, "the entry of now")
    assert master.brine("m2", "mine.get", "*", "addr") == {"m2": {"m1": "10.0.0.2"}}
    master.key("-d", "m1", "-y")
    await_(lambda: master.runner("mine.get", "*", "addr") == {}, "the entries to go with the key")


def test_a_minion_behind_a_syndic_that_publishes_ever_more_names_loses_its_session(fleet):
    master = fleet.master(auto_accept=True).start()
    syndic = fleet.accepted_syndic(master, "eu-1")
    fleet.minion("good", syndic).start()
    await_(lambda: master.up() == ["good"], "the honest minion")
    key, public = new_key(), bytes.fromhex((syndic.root / "etc/brine/pki/syndic/syndic.pub").read_text().split()[1])
    mallory = Peer(syndic.port, "mallory", key)
    assert mallory.shake_hands()["verdict"] == "accepted"
    word = attachment(key, "mallory", hashlib.sha256(mallory.manifest["root"]).digest(), public, time.time_ns() // 1000)
    mallory.send({"behind": {"issued": word["issued"], "signature": word["signature"]}})
    mallory.send({"status": {"grains": "{}", "running": []}})
    with contextlib.suppress(Closed):
        for i in range(300):
            mallory.send({"mine": {"whole": False, "entries": [{"name": f"n{i}", "value": "1", "allow": ""}], "removed": []}})
    assert mallory.wire.closed()
    assert syndic.alive()
    assert master.brine("good", "test.ping") == {"good": True}
