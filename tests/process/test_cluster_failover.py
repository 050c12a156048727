"""A Redis with replicas fails over: what was only on the old master is lost with `async`, and never acknowledged with `replicated`."""

import json
import signal

import pytest
from cluster import Cluster, Sentinels
from fleet import await_

IDS = ["m0", "m1", "m2"]


@pytest.fixture
def prime(tmp_path):
    sentinels = Sentinels(tmp_path / "redis", replicas=2).start()
    yield sentinels
    sentinels.stop()


@pytest.fixture
def cluster(tmp_path, prime):
    cluster = Cluster(tmp_path, prime)
    yield cluster
    cluster.close()


def start(cluster, durability):
    cluster.start_masters("a", "b", state={"backend": "redis", "url": cluster.redis.url, "durability": durability})
    cluster.start_minions(*IDS)
    return cluster.masters


def replicas(prime, signal_number):
    for server in prime.servers[1:]:
        server.process.send_signal(signal_number)


def stop_replication(prime):
    """The replicas stand still, and nothing waits for them in a socket either."""
    replicas(prime, signal.SIGSTOP)
    prime.servers[0].ask("CLIENT", "KILL", "TYPE", "replica")


def fail_over(prime):
    prime.servers[0].kill()
    replicas(prime, signal.SIGCONT)
    await_(lambda: prime.master() not in (None, prime.servers[0]), "another server to be master")


def returned(master, jid):
    """Minions whose return is on record; None while that cannot be told, or when there is no such job."""
    answer = master.run("jobs.lookup_jid", jid, "--out", "json", program="brine-run")
    return {id for id, m in json.loads(answer.out)["minions"].items() if m["state"] == "returned"} if answer.returncode == 0 else None


def serves_again(cluster):
    for master in cluster.masters:
        await_(lambda master=master: master.run("*", "test.ping", "-t", "2").returncode == 0, "the cluster to serve again")


def test_async_loses_what_no_replica_had(cluster, prime):
    a, _ = start(cluster, "async")
    stop_replication(prime)
    jid = a.submit("*", "test.ping")
    await_(lambda: returned(a, jid) == set(IDS), "the returns")
    fail_over(prime)
    serves_again(cluster)
    assert returned(a, jid) is None, "the test does not reach what it is about: a replica had the job"


def test_replicated_loses_nothing(cluster, prime, tmp_path):
    a, b = start(cluster, "replicated")
    gate = tmp_path / "gate"
    jid = a.submit("*", "cmd.run", f"until [ -e {gate} ]; do sleep 0.1; done; echo x >> {tmp_path}/ran; echo through", "--expires", "5m")
    await_(lambda: {m["state"] for m in a.lookup(jid)["minions"].values()} == {"running"}, "all to run")
    stop_replication(prime)
    gate.touch()
    await_(lambda: "replicas have confirmed" in a.tail(400) + b.tail(400), "a return that no replica confirms")
    refused = a.run("*", "test.ping", "-t", "2")
    assert refused.returncode == 4 and "the store is away" in refused.err
    fail_over(prime)
    prime.servers[0].start()
    serves_again(cluster)
    for master in (a, b):
        await_(lambda master=master: returned(master, jid) == set(IDS), "the returns")
    assert len((tmp_path / "ran").read_text().split()) == len(IDS)
