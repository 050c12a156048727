"""What operators see and do of returners: real masters, the file returner."""

import json

import pytest
from cluster import Cluster, Redis
from fleet import Fleet, await_


@pytest.fixture
def fleet(tmp_path):
    fleet = Fleet(tmp_path)
    yield fleet
    fleet.close()


def lines(master, name="returns.jsonl"):
    file = master.root / name
    return [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")] if file.exists() else []


def status(master, name="file"):
    return master.runner("returners.status")["returners"][name]


def block(master, name="returns.jsonl"):
    """Where the file was is a folder: the returner cannot write."""
    file = master.root / name
    file.unlink(missing_ok=True)
    file.mkdir()
    return file


def test_filters_decide_which_returner_gets_what(fleet):
    returners = [
        {"name": "all", "kind": "file", "path": "/all.jsonl"},
        {"name": "failures", "kind": "file", "path": "/failures.jsonl", "only": {"outcomes": ["failure"]}},
        {"name": "quiet", "kind": "file", "path": "/quiet.jsonl", "except": {"functions": ["test.*"], "minions": ["m2"]}},
    ]
    master, *_ = fleet.up("m1", "m2", returners=returners)
    master.brine("*", "test.ping")
    master.brine("*", "cmd.run", "exit 3", check=1)
    await_(lambda: len(lines(master, "all.jsonl")) == 4, "all returns")
    await_(lambda: len(lines(master, "failures.jsonl")) == 2, "the failures")
    await_(lambda: len(lines(master, "quiet.jsonl")) == 1, "what is left")
    assert {line["retcode"] for line in lines(master, "failures.jsonl")} == {3}
    assert [(line["id"], line["fun"]) for line in lines(master, "quiet.jsonl")] == [("m1", "cmd.run")]
    assert {line["master"] for line in lines(master, "all.jsonl")} == {"master"} and {line["schema"] for line in lines(master, "all.jsonl")} == {1}


def test_events_go_to_the_returners_that_are_to_have_them(fleet):
    returners = [{"name": "file", "path": "/returns.jsonl"}, {"name": "events", "kind": "file", "path": "/events.jsonl", "only": {"functions": ["none"]}}]
    master, *_ = fleet.up("m1", returners=returners, event_return="events", event_return_blacklist=["brine/job/*/ret/*", "brine/presence/*"])
    jid = master.submit("*", "test.ping")
    await_(lambda: any(line["tag"] == f"brine/job/{jid}/new" for line in lines(master, "events.jsonl")), "the event of the job")
    await_(lambda: lines(master), "the return")
    events = lines(master, "events.jsonl")
    assert {line["kind"] for line in events} == {"event"} and {line["kind"] for line in lines(master)} == {"return"}
    assert "brine/minion/m1/start" in {line["tag"] for line in events}
    assert not [line for line in events if "/ret/" in line["tag"] or "presence" in line["tag"]]
    assert len({line["event_id"] for line in events}) == len(events)
    assert next(line for line in events if line["tag"].endswith("/new"))["data"]["fun"] == "test.ping"


def test_events_of_a_moment_before_kill_9_are_there_afterwards(fleet):
    master, *_ = fleet.up("m1", returners=[{"name": "file", "path": "/returns.jsonl"}], event_return="file")
    file = block(master)
    jid = master.submit("*", "test.ping")
    await_(lambda: status(master)["behind"] >= 2, "the return and the event to be stored")
    master.kill()
    file.rmdir()
    master.start()
    await_(lambda: {line.get("tag") for line in lines(master)} >= {f"brine/job/{jid}/new"}, "the event")
    await_(lambda: [line for line in lines(master) if line.get("jid") == jid], "the return")


def test_a_returner_that_is_away_is_shown_and_can_be_skipped(fleet):
    master, *_ = fleet.up("m1")
    file = block(master)
    for _ in range(3):
        master.brine("*", "test.ping")
    await_(lambda: status(master)["behind"] == 3 and status(master)["trouble"], "the returner to be behind")
    assert str(file) in status(master)["trouble"] and status(master)["waits_seconds"] > 0

    assert master.run("returners.skip", "file", program="brine-run").returncode == 1, "a reason is needed"
    refused = master.run("returners.skip", "fiel", "reason=x", program="brine-run", check=1)
    assert "there are: file" in refused.err
    master.runner("returners.skip", "file", "reason=the first one is poison", "count=1")
    await_(lambda: status(master)["behind"] == 2, "one to be put aside")
    assert "the first one is poison" in master.tail()
    master.runner("returners.skip", "file", "reason=nobody needs them")
    await_(lambda: status(master)["behind"] == 0, "all to be put aside")
    file.rmdir()
    jid = master.submit("*", "test.ping")
    await_(lambda: [line["jid"] for line in lines(master)] == [jid], "what comes afterwards, and nothing else")


def test_the_past_is_sent_again_on_request_once(fleet):
    master, *_ = fleet.up("m1", "m2")
    jids = [master.submit("*", "test.ping") for _ in range(3)]
    await_(lambda: len(lines(master)) == 6, "the returns")
    assert "is no time" in master.run("returners.replay", "file", "since=never", program="brine-run", check=1).err
    master.runner("returners.replay", "file", "since=1h")
    await_(lambda: len(lines(master)) == 12 and not status(master)["replaying"], "them again")
    again = lines(master)[6:]
    assert {(line["jid"], line["id"]) for line in again} == {(jid, id) for jid in jids for id in ("m1", "m2")}
    assert sorted(map(json.dumps, again)) == sorted(map(json.dumps, lines(master)[:6])), "equal in everything"
    master.submit("m1", "test.ping")
    await_(lambda: len(lines(master)) == 13, "the next return")


def test_a_replay_goes_on_after_kill_9(fleet):
    master, *_ = fleet.up("m1", returners=[{"name": "file", "path": "/returns.jsonl", "batch": 1}])
    jids = [master.submit("*", "test.ping") for _ in range(5)]
    await_(lambda: len(lines(master)) == 5, "the returns")
    file = block(master)
    master.runner("returners.replay", "file", "since=1h")
    await_(lambda: status(master)["trouble"], "the replay to be stuck")
    master.kill()
    file.rmdir()
    master.start()
    await_(lambda: {line["jid"] for line in lines(master)} == set(jids) and not status(master)["replaying"], "the replay")


def test_a_stop_delivers_what_waits_and_nothing_comes_twice(fleet):
    master, *_ = fleet.up("m1")
    jids = [master.submit("*", "test.ping") for _ in range(20)]
    await_(lambda: all(master.lookup(jid)["minions"]["m1"]["state"] == "returned" for jid in jids), "the returns")
    assert master.stop() == 0
    assert sorted(line["jid"] for line in lines(master)) == jids
    master.start()
    await_(lambda: master.up() == ["m1"], "the minion")
    last = master.submit("*", "test.ping")
    await_(lambda: lines(master)[-1]["jid"] == last, "the next return")
    assert len(lines(master)) == 21


def test_a_returner_of_the_future_is_an_error_with_the_place(fleet):
    master = fleet.master(returners=[{"name": "x", "kind": "plugin", "library": "/no/such/library.so"}])
    process = master.run("--check-config", program="brine-master")
    assert process.returncode in (0, 78)
    with pytest.raises(AssertionError):
        master.start()
    assert "returner 'x'" in master.tail()


def test_another_master_delivers_what_a_dead_one_has_left(tmp_path):
    redis = Redis(tmp_path / "redis").start()
    cluster = Cluster(tmp_path, redis)
    try:
        cluster.start_masters("a", "b", event_return="file")
        cluster.start_minions("m1", "m2")
        a, b = cluster.masters
        await_(lambda: status(a)["delivers"] != status(b)["delivers"], "one of them to deliver")
        deliverer, other = (a, b) if status(a)["delivers"] else (b, a)
        block(deliverer)
        jids = [other.submit("*", "test.ping") for _ in range(3)]
        await_(lambda: status(other)["behind"] >= 6, "the returns to be stored")
        assert not lines(other)
        deliverer.kill()
        everything = {(jid, id) for jid in jids for id in ("m1", "m2")}
        await_(lambda: {(line["jid"], line["id"]) for line in lines(other) if line["kind"] == "return"} >= everything, "the other one to deliver")
        # What happened on either of them was written down once, whoever delivers.
        tags = [line["tag"] for line in lines(other) if line["kind"] == "event"]
        assert all(tags.count(f"brine/job/{jid}/new") == 1 for jid in jids), tags
    finally:
        cluster.close()
        redis.stop()
