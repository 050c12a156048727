"""The mine: what minions publish, who reads it, and who is told when it changes. Real processes."""

import json
import subprocess
import threading
import urllib.error
import urllib.request

import pytest
from cluster import Cluster, Redis
from fleet import BIN, await_
from peer import Closed, Peer, new_key

ADDR = {"mine_functions": {"addr": [{"mine_function": "grains.get"}, "addr"]}}


def with_addr(value, **more):
    return {**ADDR, "grains": {"addr": value, **more}}


def entries(master, fun="addr", tgt="*"):
    return master.runner("mine.entries", tgt, fun)


def test_what_a_minion_publishes_is_read_by_target_on_the_master_and_on_other_minions(fleet):
    master = fleet.master(auto_accept=True).start()
    fleet.minion("web1", master, **with_addr("10.0.0.1:80", role="web")).start()
    fleet.minion("web2", master, **with_addr("10.0.0.2:80", role="web")).start()
    fleet.minion("db1", master, **with_addr("10.0.0.3:5432", role="db")).start()
    await_(lambda: len(entries(master)) == 3, "three entries")
    assert master.runner("mine.get", "web*", "addr") == {"web1": "10.0.0.1:80", "web2": "10.0.0.2:80"}
    assert master.runner("mine.get", "role:db", "addr", "tgt_type=grain") == {"db1": "10.0.0.3:5432"}
    assert master.brine("db1", "mine.get", "web*", "addr") == {"db1": {"web1": "10.0.0.1:80", "web2": "10.0.0.2:80"}}
    assert master.brine("db1", "mine.get", "role:db", "addr", "tgt_type=grain") == {"db1": {"db1": "10.0.0.3:5432"}}
    entry = entries(master)["web1"]
    assert entry["present"] is True
    assert 0 <= entry["age_seconds"] < 60


def test_a_minion_reads_only_what_it_may(fleet):
    master = fleet.master(auto_accept=True).start()
    secret = {"mine_function": "grains.get"}, "addr", {"allow_tgt": "role:proxy", "allow_tgt_type": "grain"}
    fleet.minion("web1", master, mine_functions={"addr": list(secret)}, grains={"addr": "10.0.0.1"}).start()
    fleet.minion("proxy1", master, grains={"role": "proxy"}).start()
    fleet.minion("db1", master, grains={"role": "db"}).start()
    await_(lambda: set(master.up()) == {"web1", "proxy1", "db1"} and entries(master), "the minions and the entry")
    assert master.brine("*", "mine.get", "*", "addr") == {"web1": {"web1": "10.0.0.1"}, "proxy1": {"web1": "10.0.0.1"}, "db1": {}}
    assert master.runner("mine.get", "*", "addr") == {"web1": "10.0.0.1"}


def counters(master):
    text = urllib.request.urlopen(f"http://127.0.0.1:{metrics_port(master)}/metrics", timeout=30).read().decode()
    lines = [line.split() for line in text.splitlines() if line.startswith("brine_master_mine_")]
    return {name.removeprefix("brine_master_mine_"): float(value) for name, value in lines}


def metrics_port(daemon):
    return json.loads((daemon.root / f"run/brine/{daemon.program.split('-')[1]}/{daemon.program.split('-')[1]}.json").read_text())["metrics_port"]


def test_only_what_has_changed_travels(fleet, tmp_path):
    source = tmp_path / "value"
    source.write_text("one")
    functions = {"load": [{"mine_function": "cmd.run"}, f"cat {source}"], "alive": [{"mine_function": "test.ping"}]}
    master = fleet.master(auto_accept=True, metrics={"listen": "127.0.0.1:0"}).start()
    fleet.minion("m1", master, mine_functions=functions, mine_interval="1s").start()
    await_(lambda: entries(master, "load"), "the entry")
    first = counters(master)
    assert first["changes_total"] == 2 and first["entries"] == 2
    master.brine("m1", "mine.update")  # everything is the same
    source.write_text("two")
    await_(lambda: entries(master, "load")["m1"]["value"] == "two", "the new value")
    after = counters(master)
    assert after["changes_total"] == 3
    assert after["unchanged_total"] == 0
    await_(lambda: counters(master)["written_total"] == 3, "the store to have it")


def test_mine_send_update_delete_and_flush_work_as_jobs(fleet):
    master = fleet.master(auto_accept=True).start()
    minion = fleet.minion("m1", master, mine_functions={"test.ping": []}, grains={"site": "north"}).start()
    await_(lambda: entries(master, "test.ping"), "the configured entry")
    assert master.brine("m1", "mine.send", "where", "site", "mine_function=grains.get") == {"m1": True}
    await_(lambda: entries(master, "where").get("m1", {}).get("value") == "north", "what was sent")
    minion.stop()
    minion.start()
    await_(lambda: entries(master, "where")["m1"]["present"], "the minion to be back")
    assert entries(master, "where")["m1"]["value"] == "north"
    assert master.brine("m1", "mine.delete", "where") == {"m1": True}
    await_(lambda: entries(master, "where") == {}, "it to be deleted")
    assert master.brine("m1", "mine.flush") == {"m1": True}
    await_(lambda: entries(master, "test.ping") == {}, "all to be gone")
    assert master.runner("mine.update", "m1")["minions"] == 1
    await_(lambda: entries(master, "test.ping"), "mine.update to have brought it back")
    assert master.brine("m1", "mine.valid") == {"m1": {"test.ping": {"test.ping": []}}}


def test_new_grains_are_published_at_once(fleet):
    master = fleet.master(auto_accept=True).start()
    minion = fleet.minion("m1", master, **with_addr("old")).start()
    await_(lambda: entries(master), "the entry")
    minion.settings["grains"] = {"addr": "new"}
    minion.stop()
    minion.start()
    await_(lambda: entries(master)["m1"]["value"] == "new", "the new value")


def test_entries_of_deleted_and_rejected_minions_are_gone_and_those_of_killed_ones_stay(fleet):
    master = fleet.master(auto_accept=True).start()
    a, b, _ = (fleet.minion(name, master, **with_addr(name)).start() for name in "abc")
    await_(lambda: len(entries(master)) == 3, "three entries")
    a.kill()
    b.kill()
    master.key("-y", "-d", "a")
    await_(lambda: "a" not in entries(master), "the deleted one to be gone")
    await_(lambda: entries(master)["b"]["present"] is False, "the killed one to be absent")
    assert entries(master)["c"]["present"] is True
    master.key("-y", "--include-accepted", "-r", "c")
    await_(lambda: set(entries(master)) == {"b"}, "the rejected one to be gone")
    master.kill()
    master.start()
    assert entries(master)["b"]["value"] == "b"
    assert set(entries(master)) == {"b"}


def test_entries_survive_the_kill_of_the_master(fleet):
    master = fleet.master(auto_accept=True, metrics={"listen": "127.0.0.1:0"}).start()
    minion = fleet.minion("m1", master, **with_addr("x")).start()
    await_(lambda: entries(master) and counters(master)["written_total"] == 1, "the entry to be stored")
    minion.kill()
    master.kill()
    master.start()
    assert entries(master)["m1"]["value"] == "x"


def test_brine_call_says_that_the_mine_needs_the_minions_connection(fleet):
    master = fleet.master(auto_accept=True).start()
    minion = fleet.minion("m1", master).start()
    result = subprocess.run([BIN / "brine-call", "-c", minion.etc, "--local", "mine.get", "*", "addr"], capture_output=True, text=True)
    assert result.returncode == 1
    assert "connection to its master" in result.stdout


def test_a_function_that_is_not_there_or_a_wrong_target_stops_the_minion_with_the_reason(fleet):
    master = fleet.master(auto_accept=True).start()
    for name, functions, reason in (
        ("m1", {"grain.get": ["os"]}, "there is no function 'grain.get'; did you mean grains.get?"),
        ("m2", {"test.ping": [{"allow_tgt": "(", "allow_tgt_type": "compound"}]}, "mine_functions: test.ping: allow_tgt"),
    ):
        minion = fleet.minion(name, master, mine_functions=functions).start()
        assert minion.process.wait(30) == 78, minion.tail()
        assert reason in minion.tail()


# ---- watching --------------------------------------------------------------------------------------------------------------


class Watch:
    """A running `brine-run mine.watch`; its lines as they come."""

    def __init__(self, master, *words):
        self.lines = []
        self.process = master.spawn("mine.watch", *words, program="brine-run")
        self.reader = threading.Thread(target=lambda: [self.lines.append(json.loads(line)) for line in self.process.stdout])
        self.reader.start()

    def acts(self):
        return [(line["act"], line["id"], line.get("value"), line.get("present")) for line in list(self.lines)]

    def saw(self, *act):
        return await_(lambda: act in self.acts(), f"{act} in {self.acts()}")

    def close(self):
        self.process.terminate()
        self.reader.join()
        self.process.wait()


@pytest.fixture
def watch():
    started = []

    def start(*words):
        started.append(Watch(*words))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_a_watcher_sees_what_is_there_and_adds_changes_and_removes(fleet, watch, tmp_path):
    source = tmp_path / "value"
    source.write_text("one")
    functions = {"load": [{"mine_function": "cmd.run"}, f"cat {source}"]}
    master = fleet.master(auto_accept=True).start()
    minion = fleet.minion("m1", master, mine_functions=functions).start()
    await_(lambda: entries(master, "load"), "the entry")
    seen = watch(master, "*", "load")
    seen.saw("add", "m1", "one", True)
    source.write_text("two")
    assert master.brine("m1", "mine.update") == {"m1": True}
    seen.saw("change", "m1", "two", True)
    fleet.minion("m2", master, mine_functions=functions).start()
    seen.saw("add", "m2", "two", True)
    minion.kill()
    seen.saw("change", "m1", "two", False)
    master.key("-y", "-d", "m1")
    seen.saw("remove", "m1", None, None)


def test_a_watcher_outlives_the_master_and_takes_nothing_away_meanwhile(fleet, watch):
    master = fleet.master(auto_accept=True).start()
    fleet.minion("m1", master, **with_addr("one")).start()
    await_(lambda: entries(master), "the entry")
    seen = watch(master, "*", "addr")
    seen.saw("add", "m1", "one", True)
    master.kill()
    master.start()
    fleet.minion("m2", master, **with_addr("two")).start()
    seen.saw("add", "m2", "two", True)
    assert seen.acts() == [("add", "m1", "one", True), ("add", "m2", "two", True)]


def test_a_watcher_runs_its_command_and_writes_its_file(fleet, watch, tmp_path):
    template, output, ran = tmp_path / "t", tmp_path / "out", tmp_path / "ran"
    template.write_text("{{#entries}}\nserver {{id}} {{value}}\n{{/entries}}\n")
    master = fleet.master(auto_accept=True).start()
    fleet.minion("m1", master, **with_addr("10.0.0.1:80")).start()
    await_(lambda: entries(master), "the entry")
    watch(master, "*", "addr", "--template", template, "--output-file", output, "--exec", f"wc -l < {output} >> {ran}")
    await_(lambda: ran.exists() and ran.read_text() == "1\n", "the command")
    assert output.read_text() == "server m1 10.0.0.1:80\n"
    second = fleet.minion("m2", master, **with_addr("10.0.0.2:80 evil\n}")).start()
    await_(lambda: ran.read_text() == "1\n2\n", "the command after the second minion")
    assert output.read_text() == "server m1 10.0.0.1:80\nserver m2 10.0.0.2:80_evil__\n"
    second.kill()
    await_(lambda: ran.read_text() == "1\n2\n1\n", "the command after it has gone")


def test_once_writes_the_file_and_ends_with_the_commands_status(fleet, tmp_path):
    template, output = tmp_path / "t", tmp_path / "out"
    template.write_text("{{#entries}}{{id}} {{/entries}}")
    master = fleet.master(auto_accept=True).start()
    fleet.minion("m1", master, **with_addr("x")).start()
    await_(lambda: entries(master), "the entry")
    how = ("mine.watch", "*", "addr", "once=True", "--template", template, "--output-file", output, "--exec")
    assert master.run(*how, "exit 3", program="brine-run").returncode == 1
    assert output.read_text() == "m1 "
    output.unlink()
    assert master.run(*how, "true", program="brine-run").returncode == 0
    assert output.read_text() == "m1 "


# ---- discovery -------------------------------------------------------------------------------------------------------------


def discover(master, query):
    url = f"http://127.0.0.1:{metrics_port(master)}/discovery/prometheus?{query}"
    try:
        with urllib.request.urlopen(url, timeout=30) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def test_prometheus_is_given_the_present_minions_with_labels(fleet):
    master = fleet.master(auto_accept=True, metrics={"listen": "127.0.0.1:0"}).start()
    fleet.minion("web1", master, **with_addr("10.0.0.1", role="web")).start()
    web2 = fleet.minion("web2", master, **with_addr("10.0.0.2:81", role="web")).start()
    fleet.minion("db1", master, **with_addr("10.0.0.3", role="db")).start()
    await_(lambda: len(entries(master)) == 3, "three entries")
    status, groups = discover(master, "fun=addr&port=9100&tgt=role%3Aweb&tgt_type=grain&grains=role")
    assert status == 200
    assert [group["targets"] for group in groups] == [["10.0.0.1:9100"], ["10.0.0.2:81"]]
    assert groups[0]["labels"] == {"__meta_brine_id": "web1", "__meta_brine_fun": "addr", "__meta_brine_grain_role": "web"}
    web2.kill()
    await_(lambda: len(discover(master, "fun=addr&port=9100")[1]) == 2, "the killed one to be left out")
    assert [g["targets"] for g in discover(master, "fun=addr&port=9100")[1]] == [["10.0.0.3:9100"], ["10.0.0.1:9100"]]
    assert discover(master, "tgt=*")[0] == 400
    assert discover(master, "fun=addr&tgt=(&tgt_type=compound")[0] == 400


def test_a_master_that_has_just_started_says_not_now_rather_than_nobody(fleet):
    master = fleet.master(auto_accept=True, metrics={"listen": "127.0.0.1:0"}).start()
    minion = fleet.minion("m1", master, **with_addr("10.0.0.1:80")).start()
    await_(lambda: entries(master) and counters(master)["written_total"] == 1, "the entry to be stored")
    minion.pause()
    master.kill()
    master.start()
    assert discover(master, "fun=addr")[0] == 503
    minion.resume()
    await_(lambda: discover(master, "fun=addr")[0] == 200, "the minion to be back")
    assert [group["targets"] for group in discover(master, "fun=addr")[1]] == [["10.0.0.1:80"]]


# ---- several masters -------------------------------------------------------------------------------------------------------


@pytest.fixture
def cluster(tmp_path):
    redis = Redis(tmp_path / "redis").start()
    cluster = Cluster(tmp_path, redis)
    yield cluster
    cluster.close()
    redis.stop()


def test_two_masters_on_one_redis_see_each_others_entries(cluster, watch):
    a, b = cluster.start_masters("a", "b")
    first = cluster.minion("m1", a, **with_addr("one")).start()
    cluster.minion("m2", b, **with_addr("two")).start()
    for master in (a, b):
        await_(lambda: entries(master).keys() == {"m1", "m2"}, "both entries on both masters")
        assert master.runner("mine.get", "*", "addr") == {"m1": "one", "m2": "two"}
    seen = watch(b, "m1", "addr")
    seen.saw("add", "m1", "one", True)
    assert a.brine("m1", "mine.send", "addr", "id", "mine_function=grains.get") == {"m1": True}
    seen.saw("change", "m1", "m1", True)
    first.kill()
    seen.saw("change", "m1", "m1", False)
    a.key("-y", "-d", "m1")
    seen.saw("remove", "m1", None, None)
    assert entries(a).keys() == {"m2"}


# ---- attacks ---------------------------------------------------------------------------------------------------------------


def entry(name, value, allow=""):
    return {"name": name, "value": value, "allow": allow}


def publish(peer, *published, whole=True, removed=()):
    peer.send({"mine": {"whole": whole, "entries": list(published), "removed": list(removed)}})


@pytest.fixture
def town(fleet):
    """A master that accepts everybody, and an honest minion that publishes something."""
    master = fleet.master(auto_accept=True, metrics={"listen": "127.0.0.1:0"}).start()
    fleet.minion("good", master, **with_addr("10.0.0.1")).start()
    await_(lambda: entries(master), "the honest entry")
    return master


def accepted(master, id):
    return Peer(master.port, id, new_key()).open()


def test_a_minion_publishes_only_as_itself_and_nothing_that_is_no_json(town):
    mallory = accepted(town, "mallory")
    publish(mallory, entry("addr", '"x","good":"forged"'), entry("addr", '1}, "good": {"value": 2'), entry("ok", "1"), entry("deep", "[" * 99 + "]" * 99))
    await_(lambda: "mallory" in entries(town, "ok"), "what is well-formed")
    assert town.runner("mine.get", "*", "addr") == {"good": "10.0.0.1"}
    assert town.brine("good", "mine.get", "*", "addr,deep") == {"good": {"addr": {"good": "10.0.0.1"}, "deep": {}}}
    assert counters(town)["refused_total"] == 3


@pytest.mark.parametrize(
    "published",
    [
        [entry(f"n{i}", "1") for i in range(257)],
        [entry(f"n{i}", '"' + "x" * 250_000 + '"') for i in range(5)],
    ],
    ids=["names", "bytes"],
)
def test_a_minion_that_publishes_too_much_loses_its_session_and_nobody_else_does(town, published):
    mallory = accepted(town, "mallory")
    publish(mallory, *published)
    assert mallory.wire.closed()
    assert town.brine("good", "mine.get", "*", "addr") == {"good": {"good": "10.0.0.1"}}
    assert entries(town, "n1") == {}


def test_a_minion_that_publishes_too_fast_loses_its_session_and_nobody_else_does(town):
    mallory = accepted(town, "mallory")
    with pytest.raises(Closed):
        for i in range(100):
            publish(mallory, entry("big", '"' + f"{i}" + "x" * 250_000 + '"'), whole=False)
    assert town.brine("good", "mine.get", "*", "addr") == {"good": {"good": "10.0.0.1"}}


def test_what_a_minion_asks_for_is_answered_as_far_as_it_may_read(town):
    owner, reader = accepted(town, "owner"), accepted(town, "reader")
    publish(owner, entry("open", '"yes"'), entry("closed", '"no"', "list other"), entry("broken", '"no"', "starry night"))
    await_(lambda: entries(town, "broken"), "the entries")
    answers = []
    for number, name in enumerate(("open", "closed", "broken", "x" * 100_000)):
        reader.send({"mineGet": {"number": number, "targetKind": "glob", "target": "*", "delimiter": ":", "name": name}})
        answers.append(reader.wait_for("mineReply"))
    assert [(answer["number"], answer["json"]) for answer in answers] == [(0, '{"owner":"yes"}'), (1, "{}"), (2, "{}"), (3, "{}")]
    reader.send({"mineGet": {"number": 9, "targetKind": "compound", "target": "(", "delimiter": ":", "name": "open"}})
    assert reader.wait_for("mineReply")["error"] != ""
