"""Masters that reach their Redis through a local stunnel, set up as docs/clusters.md shows."""

import pytest
from cluster import Cluster, Gate, Redis
from fleet import Daemon, Master, await_
from tunnel import Authority, Tunnel, tls_redis

IDS = ["m0", "m1"]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


@pytest.fixture
def redis(tmp_path, authority):
    server = tls_redis(tmp_path / "redis", authority).start()
    yield server
    server.stop()


@pytest.fixture
def way(redis):
    """Between the tunnel and the Redis."""
    gate = Gate(redis.tls_port)
    yield gate
    gate.close()


@pytest.fixture
def tunnel(tmp_path, authority, way):
    tunnel = Tunnel(tmp_path / "tunnel", way.port, authority).start()
    yield tunnel
    tunnel.stop()


@pytest.fixture
def cluster(tmp_path, tunnel):
    cluster = Cluster(tmp_path, tunnel)
    yield cluster
    cluster.close()


def refused(master):
    result = master.run("*", "test.ping", "-t", "2")
    return result.returncode == 4 and "the store is away" in result.err


def answered(master):
    return master.run("*", "test.ping", "-t", "2").returncode == 0


def test_masters_work_through_a_tunnel_and_follow_its_end_and_its_return(cluster, tunnel, redis, tmp_path):
    a, b = cluster.start_masters("a", "b")
    cluster.start_minions(*IDS)
    assert a.brine("*", "test.ping") == b.brine("*", "test.ping") == {id: True for id in IDS}
    gate = tmp_path / "gate"
    jid = a.submit("*", "cmd.run", f"until [ -e {gate} ]; do sleep 0.1; done; echo x >> {tmp_path}/ran; echo through", "--expires", "5m")
    await_(lambda: {m["state"] for m in a.lookup(jid)["minions"].values()} == {"running"}, "all to run")
    tunnel.stop()
    for master in (a, b):
        await_(lambda master=master: refused(master), "jobs to be refused")
    gate.touch()
    await_(lambda: (tmp_path / "ran").exists() and len((tmp_path / "ran").read_text().split()) == len(IDS), "the jobs to end")
    tunnel.start()
    for master in (a, b):
        await_(lambda master=master: answered(master), "jobs to be taken again")
        await_(lambda master=master: [m.get("return") for m in master.lookup(jid)["minions"].values()] == ["through"] * 2, "the returns")
    assert len((tmp_path / "ran").read_text().split()) == len(IDS)


def test_a_link_behind_the_tunnel_that_dies_without_a_word_is_noticed_and_made_again(cluster, way):
    (a,) = cluster.start_masters("a")
    cluster.start_minions(*IDS)
    way.open.clear()
    await_(lambda: refused(a), "jobs to be refused")
    way.open.set()
    await_(lambda: answered(a), "jobs to be taken again")


def test_a_redis_with_the_certificate_of_another_host_is_not_taken(tmp_path, authority):
    other = tls_redis(tmp_path / "other", authority, host="other.example.org").start()
    tunnel = Tunnel(tmp_path / "tunnel", other.tls_port, authority).start()
    master = Master(tmp_path / "x", id="x", cluster="test", state={"backend": "redis", "url": tunnel.url})
    try:
        Daemon.start(master)
        assert master.process.wait(60) == 69, master.tail()
        assert f"redis 127.0.0.1:{tunnel.port} is away" in master.tail()
        assert "Subject checks failed" in tunnel.said()
        assert other.ask("DBSIZE") == "0"
    finally:
        if master.alive():
            master.kill()
        tunnel.stop()
        other.stop()


def test_a_redis_that_no_known_authority_vouches_for_is_not_taken(tmp_path, authority, redis):
    tunnel = Tunnel(tmp_path / "tunnel", redis.tls_port, Authority(tmp_path / "another")).start()
    master = Master(tmp_path / "x", id="x", cluster="test", state={"backend": "redis", "url": tunnel.url})
    try:
        Daemon.start(master)
        assert master.process.wait(60) == 69, master.tail()
        assert "CERT: Pre-verification error" in tunnel.said()
        assert redis.ask("DBSIZE") == "0"
    finally:
        if master.alive():
            master.kill()
        tunnel.stop()
