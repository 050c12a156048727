"""The returner kafka before a real Apache Kafka. What the file returner of the same master wrote says what has to be in the topic."""

import itertools
import json
import threading
import time

import pytest
from fleet import await_
from kafka import Kafka

FILE = {"name": "file", "path": "/returns.jsonl"}
PATIENCE = 150  # a returner looks for a backend that is away every 30 seconds, at the latest
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    broker = Kafka(tmp_path_factory.mktemp("kafka") / "broker")
    try:
        yield broker.start()
    finally:
        broker.stop()


@pytest.fixture
def topic():
    return f"returns-{next(numbers)}"


def returner(broker, topic, **settings):
    return {"name": "kafka", "brokers": broker.address, "topic": topic, "event_topic": topic + "-events", "delivery_timeout": "3s", **settings}


class Jobs:
    """Jobs one after the other, as an operator runs them, until the end of the block: each has to succeed."""

    def __init__(self, master, *ids):
        self.master, self.ids, self.times, self.problems, self.over = master, set(ids), [], [], False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over:
            begin = time.monotonic()
            done = self.master.run("*", "test.ping", "--out", "json", "--static")
            self.times.append((begin, time.monotonic() - begin))
            if done.returncode != 0 or set(json.loads(done.out)) != self.ids:
                self.problems.append(done.out + done.err)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *failure):
        self.over = True
        self.thread.join()
        assert self.problems == []

    def more(self, count):
        wanted = len(self.times) + count
        await_(lambda: len(self.times) >= wanted, f"{count} jobs", patience=PATIENCE)
        return time.monotonic()

    def until(self, moment):
        await_(lambda: time.monotonic() >= moment, "the end of the outage", patience=PATIENCE)

    def shown(self, since, till):
        times = sorted(took for begin, took in self.times if since <= begin < till)
        return f"{len(times)} jobs, p50 {1000 * times[len(times) // 2]:.0f} ms, p99 {1000 * times[int(len(times) * 0.99)]:.0f} ms"


def status(master):
    return master.runner("returners.status")["returners"]["kafka"]


def has_trouble(master):
    return "no acknowledgement" in (status(master).get("trouble") or "")


def lines(master):
    return [json.dumps(line, sort_keys=True) for line in master.delivered()]


def all_has_arrived(master, broker, topic):
    """Every return is in the topic; what is there twice is equal. Returns how many are there once more."""
    await_(lambda: status(master)["behind"] == 0, "the returner to have caught up", patience=PATIENCE)
    arrived = [json.dumps(json.loads(value), sort_keys=True) for value in broker.values(topic)]
    assert set(arrived) == set(lines(master))
    pairs = {(line["jid"], line["id"]) for line in map(json.loads, arrived)}
    assert len(pairs) == len(set(arrived))
    return len(arrived) - len(set(arrived))


def test_a_return_and_an_event_are_messages_with_key_and_headers(fleet, kafka, topic):
    master, *_ = fleet.up("m1", "m2", returners=[FILE, returner(kafka, topic)], event_return="kafka")
    master.brine("*", "cmd.run", "exit 3", check=1)
    assert all_has_arrived(master, kafka, topic) == 0
    messages = {message["key"]: message for message in kafka.messages(topic)}
    assert messages.keys() == {"m1", "m2"}
    line = json.loads(messages["m1"]["payload"])
    assert messages["m1"]["headers"] == {"schema": "1", "kind": "return", "jid": line["jid"], "fun": "cmd.run", "retcode": "3", "master": "master"}
    events = kafka.messages(topic + "-events")
    assert f"brine/job/{line['jid']}/new" in {message["key"] for message in events}
    for message in events:
        event = json.loads(message["payload"])
        assert message["headers"] == {"schema": "1", "kind": "event", "event_id": event["event_id"], "tag": message["key"], "master": "master"}


@pytest.mark.parametrize("seconds", [10, 60])
def test_every_return_arrives_although_kafka_was_killed_and_away(fleet, kafka, topic, seconds, capsys):
    master, *_ = fleet.up("m1", "m2", returners=[FILE, returner(kafka, topic)])
    with Jobs(master, "m1", "m2") as jobs:
        begin = time.monotonic()
        gone = jobs.more(50)
        kafka.kill()
        jobs.until(gone + seconds)
        await_(lambda: has_trouble(master), "the returner to tell of it")
        back = jobs.more(1)
        kafka.start()
        jobs.more(20)
    twice = all_has_arrived(master, kafka, topic)
    with capsys.disabled():
        print(f"\nwith Kafka: {jobs.shown(begin, gone)}; {seconds} s without: {jobs.shown(gone, back)}; {twice} came twice")


def test_every_return_arrives_although_kafka_stood_still(fleet, kafka, topic, capsys):
    master, *_ = fleet.up("m1", "m2", returners=[FILE, returner(kafka, topic)])
    with Jobs(master, "m1", "m2") as jobs:
        begin = time.monotonic()
        gone = jobs.more(50)
        kafka.pause()
        await_(lambda: has_trouble(master), "the returner to tell of it", patience=PATIENCE)
        back = jobs.more(20)
        kafka.resume()
        jobs.more(20)
    twice = all_has_arrived(master, kafka, topic)
    with capsys.disabled():
        print(f"\nwith Kafka: {jobs.shown(begin, gone)}; while it stood still: {jobs.shown(gone, back)}; {twice} came twice")


def test_every_return_arrives_although_the_master_was_killed_while_kafka_was_away(fleet, kafka, topic):
    master, *_ = fleet.up("m1", "m2", returners=[FILE, returner(kafka, topic)])
    for _ in range(10):
        master.brine("*", "test.ping")
    kafka.kill()
    jid = master.submit("*", "test.ping")
    await_(lambda: sum(line["jid"] == jid for line in master.delivered()) == 2, "the returns to be stored")
    master.kill()
    master.start()
    kafka.start()
    await_(lambda: set(master.up()) >= {"m1", "m2"}, "the minions")
    master.brine("*", "test.ping")
    all_has_arrived(master, kafka, topic)


def test_nothing_is_missing_when_the_master_is_killed_in_the_middle_of_its_deliveries(fleet, kafka, topic):
    master, *_ = fleet.up("m1", "m2", returners=[FILE, returner(kafka, topic)])
    jids = [master.submit("*", "test.ping") for _ in range(40)]
    await_(lambda: kafka.values(topic), "the first")
    master.kill()
    master.start()
    await_(lambda: {line["jid"] for line in master.delivered()} >= set(jids), "the returns of all")
    all_has_arrived(master, kafka, topic)


def test_of_a_batch_only_the_return_is_a_dead_letter_that_the_broker_finds_too_large(fleet, folder):
    broker = Kafka(folder / "kafka", message_max_bytes=20_000)
    try:
        broker.start()
        master, *_ = fleet.up("m1", returners=[FILE, returner(broker, "returns", settings={"compression.type": "none"})])
        broker.pause()  # so that all come at once
        small = [master.submit("*", "test.ping") for _ in range(20)]
        large = master.submit("*", "cmd.run", "head -c 30000 /dev/zero | tr '\\0' x")
        small += [master.submit("*", "test.ping") for _ in range(20)]
        await_(lambda: {line["jid"] for line in master.delivered()} >= {large, *small}, "the returns of all")
        broker.resume()
        await_(lambda: status(master)["behind"] == 0, "the returner to have caught up", patience=PATIENCE)
        assert {json.loads(value)["jid"] for value in broker.values("returns")} == set(small)
        dead = (master.root / "var/cache/brine/master/dead_letters/kafka.jsonl").read_text().splitlines()
        assert len(dead) == 1 and large in dead[0] and "too large" in dead[0]
        master.brine("*", "test.ping")
        await_(lambda: len(broker.values("returns")) > len(small) and status(master)["behind"] == 0, "the next return")
    finally:
        broker.stop()


def test_who_is_not_let_in_or_may_not_write_loses_nothing_and_goes_on_when_he_may(fleet, folder):
    broker = Kafka(folder / "kafka", users={"brine": "right"})
    password = fleet.folder / "master/root/kafka.password"
    password.parent.mkdir(parents=True)
    password.write_text("wrong\n")
    password.chmod(0o600)
    settings = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "brine"}
    try:
        broker.start().create("returns")
        kafka = {**returner(broker, "returns", settings=settings, password_file="/kafka.password"), "brokers": broker.sasl_address}
        master, *_ = fleet.up("m1", returners=[FILE, kafka])
        master.brine("*", "test.ping")
        await_(lambda: "uthentication" in (status(master).get("trouble") or ""), "the returner to be refused", patience=PATIENCE)
        master.brine("*", "test.ping")
        password.write_text("right\n")
        await_(lambda: "uthorization" in (status(master).get("trouble") or ""), "the returner to be denied", patience=PATIENCE)
        assert "'returns'" in status(master)["trouble"] and broker.values("returns") == []
        master.brine("*", "test.ping")
        broker.allow("brine", "returns")
        assert all_has_arrived(master, broker, "returns") == 0
        assert len(broker.values("returns")) == 3
    finally:
        broker.stop()
