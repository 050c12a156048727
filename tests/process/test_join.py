"""Join tokens and ephemeral minions, with real processes."""

import json
import tempfile
import threading
from pathlib import Path

import pytest

from cluster import Cluster, Redis
from fleet import await_
from peer import Peer, Wire, new_key

GUESS = "0123456789abcdef.00112233445566778899aabbccddeeff"


def make(master, *words):
    return master.key("--token-create", *words).out.strip()


def listed(master, token):
    return json.loads(master.key("--token-list", "--out", "json").out)[token.split(".")[0]]


def show(master, id, token, key=None, source=None):
    """What a minion that shows this token is told."""
    m = Peer(master.port, id, key or new_key(), wire=Wire(master.port, source=source))
    m.hello()
    m.server_hello()
    m.finish(m.proof(joinToken=token))
    return m.receive()["welcome"]


def hear(master):
    """Its events; there has to be a minion, for the job that shows that they are heard."""
    show(master, "first", make(master))
    return master.events()


@pytest.fixture
def master(fleet):
    return fleet.master().start()


# ---- letting in -----------------------------------------------------------------------------------------------------------


def test_a_minion_with_a_token_joins_without_an_operator_and_the_next_one_waits(fleet, master):
    token = make(master)
    fleet.minion("web1", master, join_token=token).start()
    await_(lambda: master.runner("manage.joined") == ["web1"], "web1")
    assert master.brine("web1", "test.ping") == {"web1": True}
    assert listed(master, token)["state"] == "used up"
    fleet.minion("web2", master, join_token=token).start()
    await_(lambda: master.keys()["minions_pre"] == ["web2"], "web2 to wait")
    assert master.runner("key.kinds") == {"web1": "minion"}


def test_a_token_in_a_file_is_shown_until_the_key_is_accepted_and_not_after(fleet, master):
    file = fleet.folder / "web1" / "root" / "token"
    file.parent.mkdir(parents=True)
    file.write_text(make(master) + "\n")
    minion = fleet.minion("web1", master, join_token_file="/token").start()
    await_(lambda: master.up() == ["web1"], "web1")
    file.unlink()
    minion.stop()
    minion.start()
    await_(lambda: master.up() == ["web1"], "web1 again")
    assert "joins with the token" in master.tail(200)
    # Forgotten, it waits as any other: the token was for the first time.
    minion.stop()
    file.write_text(make(master) + "\n")
    master.key("-d", "web1", "-y")
    minion.start()
    await_(lambda: master.keys()["minions_pre"] == ["web1"], "web1 to wait")


def test_a_token_lets_as_many_in_as_it_says(fleet, master):
    token = make(master, "--uses", "3")
    verdicts = [show(master, f"m{i}", token)["verdict"] for i in range(5)]
    assert verdicts == ["accepted"] * 3 + ["pending"] * 2
    assert listed(master, token)["used"] == 3


def test_the_same_minion_that_comes_again_uses_nothing(master):
    token, key = make(master, "--uses", "2"), new_key()
    for _ in range(3):
        assert show(master, "m", token, key)["verdict"] == "accepted"
    assert listed(master, token)["used"] == 1


def test_an_expired_token_lets_nobody_in(master):
    token = make(master, "--expires", "1s")
    await_(lambda: listed(master, token)["state"] == "expired", "the end of the token")
    assert show(master, "m", token)["verdict"] == "pending"
    assert listed(master, token)["used"] == 0


def test_a_token_for_other_ids_lets_nobody_in(master):
    token = make(master, "--id", "web*")
    assert show(master, "db1", token)["verdict"] == "pending"
    assert show(master, "web1", token)["verdict"] == "accepted"


def test_a_deleted_token_lets_nobody_in(master):
    token = make(master)
    master.key("--token-delete", token.split(".")[0])
    assert show(master, "m", token)["verdict"] == "pending"
    master.key("--token-delete", token.split(".")[0], check=1)


def test_a_minion_behind_a_syndic_joins_with_a_token(fleet):
    master = fleet.master().start()
    syndic = fleet.accepted_syndic(master, "eu-1")
    token = make(master)
    fleet.minion("m1", syndic, join_token=token).start()
    await_(lambda: master.runner("manage.joined") == ["m1"], "m1")
    fleet.minion("m2", syndic, join_token=token).start()
    await_(lambda: master.keys()["minions_pre"] == ["m2"], "m2 to wait")
    assert master.runner("key.kinds") == {"eu-1": "syndic", "m1": "minion"}
    assert token.split(".")[1] not in syndic.tail(10_000)


# ---- attacks --------------------------------------------------------------------------------------------------------------


def test_a_token_that_was_reused_by_another_key_gives_nothing(master):
    token = make(master, "--uses", "5")
    assert show(master, "web1", token)["verdict"] == "accepted"
    assert show(master, "web1", token)["verdict"] == "denied"
    assert listed(master, token)["used"] == 1
    assert master.keys()["minions_denied"] == ["web1"]


def test_nobody_is_told_what_is_wrong_with_a_token(master):
    used, short, web = make(master), make(master, "--expires", "1s"), make(master, "--id", "web*")
    show(master, "first", used)
    await_(lambda: listed(master, short)["state"] == "expired", "the end of a token")
    wrong = used.split(".")[0] + "." + "0" * 32
    answers = [show(master, f"m{i}", token) for i, token in enumerate(["", GUESS, wrong, "nonsense", "x" * 100, used, short, web])]
    told = {(answer["verdict"], answer["text"], answer["retryAfterMs"]) for answer in answers}
    assert len(told) == 1 and told.pop()[0] == "pending"


def test_guessing_is_limited_and_other_networks_are_not(master):
    token = make(master, "--uses", "9")
    events = hear(master)
    try:
        wrong = token.split(".")[0] + "." + "0" * 32
        for i in range(20):
            assert show(master, f"g{i}", wrong)["verdict"] == "pending"
        assert show(master, "late", token)["verdict"] == "pending"
        assert show(master, "elsewhere", token, source="127.0.9.1")["verdict"] == "accepted"
        await_(lambda: events.saw('"paused"') and events.saw('"wrong"') and events.saw('"used"'), "the events")
    finally:
        events.close()
    assert "none from there is looked at for a while" in master.tail(200)
    assert listed(master, token)["used"] == 1


def test_a_token_that_is_too_long_costs_the_connection_and_nothing_else(master):
    m = Peer(master.port, "m", new_key())
    m.hello()
    m.server_hello()
    m.finish(m.proof(joinToken="x" * 129))
    assert m.wire.closed()
    assert master.keys()["minions_pre"] == []


def test_a_secret_is_in_no_log_and_in_no_file(fleet):
    master = fleet.master(log_level="debug").start()
    events = hear(master)
    token = make(master)
    secret = token.split(".")[1]
    minion = fleet.minion("web1", master, log_level="debug", join_token=token).start()
    await_(lambda: master.up() == ["web1"], "web1")
    show(master, "web2", token)
    await_(lambda: events.saw("used_up"), "the event")
    events.close()
    assert not any(secret in line for line in events.lines)
    assert secret not in master.tail(10_000) and secret not in minion.tail(10_000)
    master.stop()
    minion.stop()
    for path in [*master.root.rglob("*"), *minion.root.rglob("*")]:
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


# ---- kill -9 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["master.token_shown", "master.before_join_commit", "store.before_commit", "store.after_commit", "master.after_join_commit"])
def test_a_master_that_is_killed_counts_each_minion_once(fleet, point):
    """Two uses, three minions: two of them are in at the end, whatever the master was at when it was killed."""
    master = fleet.master().start()
    token = make(master, "--uses", "2")
    master.stop()
    # The store's points: the first commit of this life writes ticket keys.
    master.start(crash_at=point + (":2" if point.startswith("store.") else ""))
    minions = [fleet.minion("m1", master, join_token=token).start()]
    try:
        master.wait_crash(point)
    finally:
        master.start()
    await_(lambda: master.up() == ["m1"], "m1")
    assert listed(master, token)["used"] == 1
    minions.append(fleet.minion("m2", master, join_token=token).start())
    await_(lambda: master.up() == ["m1", "m2"], "m2")
    minions.append(fleet.minion("m3", master, join_token=token).start())
    await_(lambda: master.keys()["minions_pre"] == ["m3"], "m3 to wait")
    assert listed(master, token)["used"] == 2


def test_a_token_outlives_its_master(fleet):
    master = fleet.master().start()
    token = make(master, "--uses", "2")
    assert show(master, "m1", token)["verdict"] == "accepted"
    master.kill()
    master.start()
    assert show(master, "m2", token)["verdict"] == "accepted"
    assert show(master, "m3", token)["verdict"] == "pending"


# ---- ephemeral minions ----------------------------------------------------------------------------------------------------


def test_an_ephemeral_minion_that_is_away_is_reaped_and_others_are_not(fleet):
    master = fleet.master(presence_expiry="1s").start()
    events = hear(master)
    lost = fleet.minion("lost", master, join_token=make(master, "--ephemeral")).start()
    left = fleet.minion("left", master, join_token=make(master, "--ephemeral")).start()
    kept = fleet.minion("kept", master, join_token=make(master)).start()
    fleet.minion("here", master, join_token=make(master, "--ephemeral")).start()
    await_(lambda: master.up() == ["here", "kept", "left", "lost"], "all four")
    assert master.runner("key.kinds")["left"] == "ephemeral"
    lost.kill()
    left.stop()
    kept.stop()
    await_(lambda: master.keys()["minions"] == ["first", "here", "kept"], "the two to be reaped")
    assert master.runner("manage.joined") == ["here"] and master.runner("manage.left") == ["first", "kept"]
    assert events.saw('"reap"')
    events.close()
    # It may join again, as if it had never been here.
    fleet.minion("lost", master, folder="lost-2", join_token=make(master, "--ephemeral")).start()
    await_(lambda: "lost" in master.up(), "the next life")


def test_a_minion_that_vanished_while_the_master_was_away_is_reaped(fleet):
    master = fleet.master(presence_expiry="1s").start()
    minion = fleet.minion("m", master, join_token=make(master, "--ephemeral")).start()
    await_(lambda: master.up() == ["m"], "m")
    master.kill()
    minion.kill()
    master.start()
    await_(lambda: master.keys()["minions"] == [], "m to be reaped")


# ---- two masters ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cluster():
    folder = Path(tempfile.mkdtemp(prefix="brine-"))
    redis = Redis(folder / "redis").start()
    cluster = Cluster(folder, redis)
    try:
        yield cluster
        cluster.close()
    finally:
        for daemon in cluster.daemons:
            if daemon.alive():
                daemon.kill()
        redis.stop()


def test_of_two_that_show_the_last_use_to_two_masters_at_once_one_is_let_in(cluster):
    a, b = cluster.start_masters("a", "b", auto_accept=False)
    for round in range(10):
        token = make(a)
        await_(lambda token=token: token.split(".")[0] in json.loads(b.key("--token-list", "--out", "json").out), "the token on b")
        verdicts = {}
        ready = threading.Barrier(2)

        def join(master, id, token=token, verdicts=verdicts, ready=ready):
            m = Peer(master.port, id, new_key())
            m.hello()
            m.server_hello()
            ready.wait()
            m.finish(m.proof(joinToken=token))
            verdicts[id] = m.receive()["welcome"]["verdict"]

        threads = [threading.Thread(target=join, args=(master, f"{name}{round}")) for master, name in ((a, "x"), (b, "y"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(verdicts.values()) == ["accepted", "pending"], verdicts
        assert listed(a, token)["used"] == 1
    await_(lambda: len(a.keys()["minions"]) == 10 and a.keys() == b.keys(), "both masters to know the same")


def test_one_of_two_masters_reaps_also_after_both_were_restarted(cluster):
    a, b = cluster.start_masters("a", "b", auto_accept=False, presence_expiry="3s")
    minion = cluster.minion("m", a, join_token=make(b, "--ephemeral"), rebalance_within="500ms").start()
    await_(lambda: a.up() == ["m"] and b.up() == ["m"], "m on both masters")
    minion.stop()
    for master in (a, b):
        master.kill()
    for master in (a, b):
        master.start()
    await_(lambda: a.keys()["minions"] == [] and b.keys()["minions"] == [], "m to be reaped")
    told = [master.tail(10_000).count("was away for longer than presence_expiry: it is forgotten") for master in (a, b)]
    assert sum(told) == 1, told


def test_whoever_writes_the_store_makes_no_token(cluster):
    """Nor more uses of one than were signed: a token of another master, altered, is not taken."""
    a, b = cluster.start_masters("a", "b", auto_accept=False)
    token = make(a)
    id = token.split(".")[0]
    await_(lambda: id in json.loads(b.key("--token-list", "--out", "json").out), "the token on b")
    key = "brine:{test}:tokens"
    script = f"local v = redis.call('HGET', '{key}', '{id}'); redis.call('HSET', '{key}', 'fedcba9876543210', v); return redis.call('HSET', '{key}.left', 'fedcba9876543210', 9)"
    assert cluster.redis.ask("EVAL", script, 0) == "1"
    for master in (a, b):
        master.kill()
    for master in (a, b):
        master.start()
    assert "is not signed by a master of this cluster" in a.tail(200)
    assert show(a, "m", "fedcba9876543210." + token.split(".")[1])["verdict"] == "pending"
    assert show(b, "n", token)["verdict"] == "accepted"
