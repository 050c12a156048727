"""Several masters on one Redis: any of them takes any command for the whole fleet; losing one loses nothing."""

import json
import shutil
import subprocess
import threading
import time

import pytest
from cluster import Cluster, Redis, figures
from fleet import BIN, await_

IDS = [f"m{i}" for i in range(6)]


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "redis").start()
    yield server
    server.stop()


@pytest.fixture
def cluster(tmp_path, redis):
    cluster = Cluster(tmp_path, redis)
    yield cluster
    cluster.close()


def places(master):
    """{minion: master}"""
    return master.runner("cluster.minions")


@pytest.fixture
def pair(cluster):
    """Two masters that hold three minions each, more or less."""
    a, b = cluster.start_masters("a", "b")
    cluster.start_minions(*IDS)
    await_(cluster.at_home, "the minions to spread")
    return a, b


def test_a_command_on_one_master_reaches_minions_of_the_other_and_its_returns_come_back(pair):
    a, b = pair
    for master in (a, b):
        assert master.brine("*", "test.ping") == {id: True for id in IDS}
    jid = a.submit("*", "cmd.run", "echo here")
    await_(lambda: all(m["state"] == "returned" for m in b.lookup(jid)["minions"].values()), "the returns on the other master")


def test_jobs_of_one_master_are_found_on_the_other(pair):
    a, b = pair
    good = a.submit("*", "test.ping")
    bad = b.submit("m1,m2", "cmd.run", "echo broken >&2; exit 3", "-L")
    for jid in (good, bad):
        await_(lambda: {m["state"] for m in a.lookup(jid)["minions"].values()} == {"returned"}, "all to return")
    for master in (a, b):
        assert list(master.runner("jobs.list_jobs", "function=test.ping")) == [good]
        assert list(master.runner("jobs.list_jobs", "target=m1,m2", "since=1h")) == [bad]
        assert list(master.runner("jobs.list_jobs", "outcome=failed")) == [bad]
        assert list(master.runner("jobs.list_jobs", "outcome=succeeded")) == [good]
        assert list(master.runner("jobs.list_jobs", "count=1", f"before={bad}")) == [good]
        assert master.runner("jobs.last_run", "cmd.run")["jid"] == bad
        first = master.runner("jobs.failures", "count=1")
        rest = master.runner("jobs.failures", f"before={first['next']}")
        assert [(f["jid"], f["minion"], f["retcode"]) for f in first["failures"] + rest["failures"]] == [(bad, "m1", 3), (bad, "m2", 3)]


def test_a_running_job_on_another_master_is_waited_for(pair, tmp_path):
    a, _ = pair
    gate = tmp_path / "gate"
    running = a.spawn("*", "cmd.run", f"until [ -e {gate} ]; do sleep 0.1; done; echo through", "-t", "1", "--out", "json", "--static")
    jid = await_(lambda: next((job for job in a.runner("jobs.list_jobs")), None), "the job")
    await_(lambda: {m["state"] for m in a.lookup(jid)["minions"].values()} == {"running"}, "all to run, as far as the first master knows")
    gate.touch()
    out, _ = running.communicate(timeout=60)
    assert json.loads(out) == {id: "through" for id in IDS}
    assert running.returncode == 0


def test_keys_that_one_master_changes_are_changed_on_the_other(cluster):
    a, b = cluster.start_masters("a", "b", auto_accept=False)
    minion = cluster.minion("m0", b).start()
    await_(lambda: a.keys()["minions_pre"] == ["m0"], "the pending key on the other master")
    a.key("-a", "m0", "-y")
    await_(lambda: b.up() == ["m0"] and a.up() == ["m0"], "the minion")
    assert a.brine("m0", "test.ping") == {"m0": True}
    a.key("-d", "m0", "-y")
    await_(lambda: "the key was deleted" in minion.tail(200), "the session to end")
    assert a.run("m0", "test.ping").returncode == 3
    assert b.run("m0", "test.ping").returncode == 3


def test_when_a_master_is_killed_its_minions_go_to_the_other_and_nothing_is_lost(cluster, pair, tmp_path):
    a, b = pair
    gate = tmp_path / "gate"
    jid = a.submit("*", "cmd.run", f"until [ -e {gate} ]; do sleep 0.1; done; echo $$ >> {tmp_path}/ran; echo through", "--expires", "5m")
    await_(lambda: {m["state"] for m in a.lookup(jid)["minions"].values()} == {"running"}, "all to run")
    b.kill()
    gate.touch()
    await_(lambda: set(places(a).values()) == {"a"} and set(places(a)) == set(IDS), "all minions on the one that is left")
    await_(lambda: all(m["state"] == "returned" for m in a.lookup(jid)["minions"].values()), "all returns")
    assert len((tmp_path / "ran").read_text().split()) == len(IDS)
    assert a.brine("*", "test.ping") == {id: True for id in IDS}
    b.start()
    await_(cluster.at_home, "the minions to spread again")
    assert b.brine("*", "test.ping") == {id: True for id in IDS}


def test_a_drained_master_gives_its_minions_away(cluster, pair):
    a, b = pair
    a.runner("cluster.drain", "b")
    await_(lambda: set(places(a).values()) == {"a"} and set(places(a)) == set(IDS), "all minions on the other one")
    assert a.runner("cluster.status")["masters"]["b"]["draining"] is True
    assert b.brine("*", "test.ping") == {id: True for id in IDS}
    refused = a.run("cluster.drain", "a", program="brine-run")
    assert refused.returncode != 0 and "no other master would be left" in refused.err
    b.runner("cluster.undrain", "b")
    await_(cluster.at_home, "the minions to come back")


def test_events_are_seen_on_any_master(pair):
    a, b = pair
    events = b.events()
    a.brine("*", "test.echo", "heard")
    await_(lambda: all(any(f"/ret/{id}" in line for line in list(events.lines)) for id in IDS), "the returns on the other event bus")
    events.close()


def test_a_withdrawn_master_stops_and_its_jobs_are_refused(pair):
    a, b = pair
    a.key("--master-remove", "b", "-y")
    assert b.process.wait(60) == 78
    assert "does not name it" in b.tail()
    await_(lambda: set(places(a).values()) == {"a"} and set(places(a)) == set(IDS), "all minions on the one that is left")
    assert a.brine("*", "test.ping") == {id: True for id in IDS}


def test_a_rolling_restart_fails_no_command(cluster, pair, tmp_path):
    a, b = pair
    folders = [word for master in pair for word in ("-c", master.etc)]
    stop = threading.Event()
    failures = []

    def command(number):
        """One after the other, first on one master, then on the other."""
        done = 0
        while not stop.is_set():
            order = folders if (number + done) % 2 == 0 else folders[2:] + folders[:2]
            result = subprocess.run([BIN / "brine", *map(str, order), "*", "test.echo", f"{number}-{done}", "--out", "json", "--static"], capture_output=True, text=True)
            if result.returncode != 0 or json.loads(result.stdout) != {id: f"{number}-{done}" for id in IDS}:
                failures.append((result.returncode, result.stdout, result.stderr))
            done += 1
        counts.append(done)

    counts = []
    callers = [threading.Thread(target=command, args=(number,)) for number in range(3)]
    for caller in callers:
        caller.start()
    for master in (a, b, a):
        assert master.stop() == 0
        master.start()
        await_(lambda: all(set(one.up()) == set(IDS) for one in pair), "the minions on every master's list")
    stop.set()
    for caller in callers:
        caller.join()
    assert failures == []
    assert min(counts) > 3


def test_masters_that_choose_the_same_jid_do_not_mix_their_jobs_up(cluster, redis):
    masters = cluster.start_masters("a", "b")
    cluster.start_minions(*IDS)
    for master in masters:
        master.stop()
    # As after a master whose clock was ahead: all count on from the highest jid, and meet.
    ahead = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 600)) + "000000"
    redis.ask("HSET", "brine:{test}:counters", "jid", ahead)
    for master in masters:
        master.start()
    await_(lambda: all(set(master.up()) == set(IDS) for master in masters), "the minions")
    wrong = []

    def command(caller):
        for number in range(12):
            said = f"{caller}-{number}"
            ids = IDS[caller % 3 :] if number % 2 else IDS[: 3 + caller % 3]
            answer = masters[caller % 2].brine("-L", ",".join(ids), "test.echo", said, check=None)
            if answer != {id: said for id in ids}:
                wrong.append((said, answer))

    callers = [threading.Thread(target=command, args=(number,)) for number in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []
    assert min(masters[0].runner("jobs.list_jobs")) > ahead, "the test does not reach what it is about: jids are not beyond the clock"


def test_a_journal_that_went_back_is_noticed_by_a_master_that_did_not_have_the_minion(cluster, redis, tmp_path):
    a, b = cluster.start_masters("a", "b")
    (minion,) = cluster.start_minions("m0")
    await_(cluster.at_home, "the minion to settle")
    home, other = (a, b) if cluster.homes()["m0"] == "a" else (b, a)
    spool = minion.root / "var/cache/brine/minion/spool"
    minion.stop()
    shutil.copytree(spool, tmp_path / "snapshot")
    minion.start()
    await_(lambda: home.up() == ["m0"], "the minion")
    for _ in range(2):  # the first change may be what its new session said, which the snapshot has too
        marks = redis.ask("HGETALL", "brine:{test}:journals")
        assert home.brine("m0", "cmd.run", "echo ran") == {"m0": "ran"}
        await_(lambda before=marks: redis.ask("HGETALL", "brine:{test}:journals") != before, "the mark of the journal in the store")
    minion.kill()
    home.kill()
    shutil.rmtree(spool)
    shutil.copytree(tmp_path / "snapshot", spool)
    minion.settings["master"] = f"127.0.0.1:{other.port}"
    minion.start()
    await_(lambda: "m0 comes with an older or another journal than it had" in other.tail(400), "the journal to be noticed")
    await_(lambda: places(other) == {"m0": other.settings["id"]}, "the minion on the other master")
    assert other.brine("m0", "cmd.run", "echo again") == {"m0": "again"}


def test_masters_show_how_they_stand_to_each_other(cluster):
    masters = cluster.start_masters("a", "b", metrics={"listen": "127.0.0.1:0"})

    for master in masters:
        await_(lambda master=master: figures(master)["brine_master_live_masters"] == 2, "both masters")
        assert figures(master)["brine_master_lease_available"] == 1
    masters[1].kill()
    await_(lambda: figures(masters[0])["brine_master_live_masters"] == 1, "the lease of the other to end")


def test_a_ticket_of_one_master_is_good_on_the_other(cluster):
    a, b = cluster.start_masters("a", "b", metrics={"listen": "127.0.0.1:0"})
    cluster.start_minions(*IDS)
    await_(cluster.at_home, "the minions to spread")
    moving = [id for id, home in cluster.homes().items() if home == "b"]
    assert moving
    resumed = lambda: figures(a)['brine_master_handshakes_total{result="resumed"}']  # noqa: E731
    full = lambda: figures(a)['brine_master_handshakes_total{result="full"}']  # noqa: E731
    before = (resumed(), full())
    b.runner("cluster.drain", "b")
    await_(lambda: set(places(a)) == set(IDS) and set(places(a).values()) == {"a"}, "all minions on the other one")
    await_(lambda: resumed() == before[0] + len(moving), "the handshakes by ticket to be counted")
    assert full() == before[1]
