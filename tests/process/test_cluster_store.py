"""What masters do when their Redis is killed, stands still, or is full."""

import json

import pytest
from cluster import Cluster, Gate, Redis, figures, page
from fleet import Daemon, await_

IDS = ["m0", "m1", "m2"]


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "redis").start()
    yield server
    server.stop()


@pytest.fixture
def cluster(tmp_path, redis):
    cluster = Cluster(tmp_path, redis)
    cluster.start_masters("a", "b", metrics={"listen": "127.0.0.1:0"})
    cluster.start_minions(*IDS)
    yield cluster
    cluster.close()


def sessions(cluster):
    """How many sessions minions have opened so far, by their own logs."""
    return sum(daemon.log.read_text().count("info brine-minion: session with") for daemon in cluster.daemons if daemon.program == "brine-minion")


def refused(master, because):
    result = master.run("*", "test.ping", "-t", "2", timeout=60)
    return result.returncode == 4 and because in result.err


def begin_job(cluster, tmp_path):
    """A job that runs on all until the gate opens."""
    gate = tmp_path / "gate"
    jid = cluster.masters[0].submit("*", "cmd.run", f"until [ -e {gate} ]; do sleep 0.1; done; echo x >> {tmp_path}/ran; echo through", "--expires", "5m")
    await_(lambda: {m["state"] for m in cluster.masters[0].lookup(jid)["minions"].values()} == {"running"}, "all to run")
    return jid, gate


def returns(master, jid):
    """What is recorded; nothing while the store is away."""
    answer = master.run("jobs.lookup_jid", jid, "--out", "json", program="brine-run")
    return [m.get("return") for m in json.loads(answer.out)["minions"].values()] if answer.returncode == 0 else None


def ran(tmp_path):
    file = tmp_path / "ran"
    return len(file.read_text().split()) if file.exists() else 0


def all_through(cluster, jid, tmp_path):
    for master in cluster.masters:
        await_(lambda master=master: returns(master, jid) == ["through"] * 3, "all returns")
    assert ran(tmp_path) == len(IDS)


def test_a_redis_that_is_killed_costs_no_connection_and_no_return(cluster, redis, tmp_path):
    await_(cluster.at_home, "the minions to stay where they are")
    before = sessions(cluster)
    jid, gate = begin_job(cluster, tmp_path)
    redis.kill()
    for master in cluster.masters:
        await_(lambda master=master: refused(master, "the store is away"), "jobs to be refused")
    gate.touch()
    await_(lambda: ran(tmp_path) == len(IDS), "the jobs to end")
    for master in cluster.masters:
        assert page(master, "/readyz")[0] == 503 and page(master, "/healthz")[0] == 200
        assert figures(master)["brine_master_store_available"] == 0
    redis.start()
    all_through(cluster, jid, tmp_path)
    for master in cluster.masters:
        await_(lambda master=master: master.run("*", "test.ping").returncode == 0, "jobs to be taken again")
        await_(lambda master=master: page(master, "/readyz")[0] == 200, "the master to be ready")
        assert figures(master)["brine_master_store_available"] == 1
    assert sessions(cluster) == before


def test_a_redis_that_stands_still_longer_than_a_lease_costs_no_return(cluster, redis, tmp_path):
    jid, gate = begin_job(cluster, tmp_path)
    redis.process.send_signal(19)
    for master in cluster.masters:
        await_(lambda master=master: refused(master, "the store is away"), "jobs to be refused")
        await_(lambda master=master: "lost its lease" in master.tail(400), "the leases to end")
    gate.touch()
    redis.process.send_signal(18)
    all_through(cluster, jid, tmp_path)
    for master in cluster.masters:
        await_(lambda master=master: master.run("*", "test.ping").returncode == 0, "jobs to be taken again")


def test_a_full_redis_refuses_jobs_and_keeps_leases(cluster, redis, tmp_path):
    a, b = cluster.masters
    jid, gate = begin_job(cluster, tmp_path)
    redis.ask("CONFIG", "SET", "maxmemory", "1mb")
    await_(lambda: refused(a, "is full (maxmemory)"), "jobs to be refused")
    gate.touch()
    assert set(cluster.live(a)) == {"a", "b"}
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    all_through(cluster, jid, tmp_path)
    await_(lambda: a.run("*", "test.ping").returncode == 0, "jobs to be taken again")
    assert "lost its lease" not in a.tail(400) + b.tail(400)


def test_a_restarted_master_knows_keys_grains_and_jobs_of_before(cluster):
    a, b = cluster.masters
    jid = a.submit("*", "test.ping")
    await_(lambda: all(m["state"] == "returned" for m in a.lookup(jid)["minions"].values()), "the returns")
    b.stop()
    b.start()
    assert sorted(b.keys()["minions"]) == IDS
    assert all(m["state"] == "returned" for m in b.lookup(jid)["minions"].values())
    await_(lambda: set(b.up()) == set(IDS), "the minions, wherever they are")
    assert set(json.loads(b.run("-G", "kernel:Linux", "test.ping", "--out", "json", "--static", check=0).out)) == set(IDS)


def test_an_emptied_redis_is_noticed_and_filled_again_by_an_operator(cluster, redis):
    a, b = cluster.masters
    redis.ask("FLUSHALL")
    for master in cluster.masters:
        await_(lambda master=master: refused(master, "cluster.restore"), "jobs to be refused")
    changed = a.key("-d", "m0", "-y", check=None)
    assert changed.returncode == 1 and "cluster.restore" in changed.err
    a.runner("cluster.restore")
    for master in cluster.masters:
        await_(lambda master=master: master.run("*", "test.ping").returncode == 0, "jobs to be taken again")
        assert sorted(master.keys()["minions"]) == IDS
    b.stop()
    b.start()
    assert sorted(b.keys()["minions"]) == IDS
    await_(lambda: set(b.up()) == set(IDS), "the minions")


def test_a_redis_that_was_emptied_while_no_master_ran_is_filled_from_a_copy(cluster, redis):
    a, b = cluster.masters
    copy = a.root / "var/lib/brine/master/keys.copy"
    await_(lambda: copy.exists() and all(id in copy.read_text() for id in IDS), "the copy of the keys")
    for master in (a, b):
        master.stop()
    redis.ask("FLUSHALL")
    Daemon.start(a)
    assert a.process.wait(60) == 69
    assert "--restore-store" in a.tail() and str(copy) in a.tail()
    a.start(wrapper=("sh", "-c", 'exec "$@" --restore-store', "sh"))
    b.start()
    for master in cluster.masters:
        assert sorted(master.keys()["minions"]) == IDS
        await_(lambda master=master: set(master.up()) == set(IDS), "the minions")
        await_(lambda master=master: master.run("*", "test.ping").returncode == 0, "jobs to be taken again")


def test_a_master_that_is_cut_off_from_the_redis_gives_its_minions_to_one_that_is_not(tmp_path, redis):
    gate = Gate(redis.port)
    cluster = Cluster(tmp_path, redis)
    try:
        (a,) = cluster.start_masters("a")
        (_, b) = cluster.start_masters("b", state={"backend": "redis", "url": f"redis://127.0.0.1:{gate.port}"})
        cluster.start_minions(*IDS)
        await_(cluster.at_home, "the minions to settle")
        jid, job_gate = begin_job(cluster, tmp_path)
        gate.open.clear()
        await_(lambda: a.runner("cluster.minions") == {id: "a" for id in IDS}, "all minions on the master that is left")
        # Where hashing has given all of them to the other one anyway, it has still to notice.
        await_(lambda: "cut off from the store" in b.tail(400), "the master to notice")
        job_gate.touch()
        await_(lambda: returns(a, jid) == ["through"] * 3, "all returns")
        assert ran(tmp_path) == len(IDS)
        gate.open.set()
        await_(cluster.at_home, "the minions to come back")
        assert set(json.loads(b.run("*", "test.ping", "--out", "json", "--static", check=0).out)) == set(IDS)
    finally:
        cluster.close()
        gate.close()


def test_missed_news_are_caught_up(cluster, redis):
    a, b = cluster.masters
    here = [id for id, home in cluster.homes(minions=[f"n{i}" for i in range(64)]).items() if home == "a"][:2]
    minion, _ = cluster.start_minions(*here)
    await_(cluster.at_home, "the minions to settle")
    minion.stop()  # it would be accepted anew
    b.pause()
    a.key("-d", here[0], "-y")
    jid = a.submit("*", "test.ping")
    await_(lambda: a.lookup(jid)["minions"][here[1]]["state"] == "returned", "a return on this master")
    for stream in ("brine:{test}:news", "brine:{test:00}:returned"):
        assert int(redis.ask("XTRIM", stream, "MAXLEN", "0")) > 0
    b.resume()
    await_(lambda: "reading again what the other masters may have changed" in b.tail(400), "the gap to be noticed")
    await_(lambda: sorted(b.keys()["minions"]) == [*IDS, here[1]], "the key to be gone there too")
    await_(lambda: returns(b, jid) == [True] * 4, "the job, and the returns of the minions of both masters")
    assert "lost its lease" not in b.tail(400), "the test does not reach what it is about: b would have read everything anyhow"


def test_user_password_database_and_socket_are_those_that_are_configured(tmp_path):
    rights = ("on", ">word", "~brine:*", "+@all", "-@dangerous", "+info", "-scan")  # dangerous: KEYS as well
    redis = Redis(tmp_path / "guarded", "--user", "brine", *rights).start()
    cluster = Cluster(tmp_path, redis)
    state = {"backend": "redis", "url": f"unix://{redis.socket}?database=3", "user": "brine", "password_file": "/etc/word"}
    try:
        for name in ("a", "b"):
            file = tmp_path / f"master-{name}/root/etc/word"
            file.parent.mkdir(parents=True)
            file.touch(0o600)
            file.write_text("word\n")
        cluster.start_masters("a", "b", state=state)
        cluster.start_minions(*IDS)
        for master in cluster.masters:
            assert set(json.loads(master.run("*", "test.ping", "--out", "json", "--static", check=0).out)) == set(IDS)
        clients = [line for line in redis.ask("CLIENT", "LIST").splitlines() if "cmd=client" not in line]
        assert len(clients) > 4 and all(" db=3 " in line and " user=brine " in line and " addr=/" in line for line in clients)
        assert redis.ask("-n", "0", "DBSIZE") == "0"
    finally:
        cluster.close()
        redis.stop()
