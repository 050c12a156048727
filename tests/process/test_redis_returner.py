"""The Redis returner of a real master, while a real Redis under Sentinel fails over."""

import pytest

from cluster import Sentinels
from fleet import await_


@pytest.fixture
def prime(tmp_path):
    sentinels = Sentinels(tmp_path / "redis", replicas=2).start()
    yield sentinels
    sentinels.stop()


def entries(server):
    """(jid, id) of the returns in its stream; nothing while it does not answer."""
    words = (server.ask("XRANGE", "brine:returns", "-", "+") or "").split("\n")
    jids = [words[i + 1] for i, word in enumerate(words) if word == "jid"]
    ids = [words[i + 1] for i, word in enumerate(words) if word == "id"]
    return set(zip(jids, ids, strict=True))


def test_after_a_failover_returns_go_to_the_server_that_took_over(fleet, prime):
    master, _ = fleet.up("m1", returners=[{"name": "redis", "url": prime.url, "timeout": "2s"}])
    first = {(master.submit("*", "test.ping"), "m1") for _ in range(3)}
    old = prime.servers[0]
    await_(lambda: all(entries(server) >= first for server in prime.servers), "the first returns, on the replicas too")
    old.kill()
    meanwhile = {(master.submit("*", "test.ping"), "m1") for _ in range(3)}
    await_(lambda: prime.master() not in (None, old), "another server to be master")
    await_(lambda: entries(prime.master() or old) >= first | meanwhile, "the returns on the new master")
