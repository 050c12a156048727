"""The webhook returner of a real master, and a receiver written in Python that is killed in the middle."""

import hashlib
import hmac
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fleet import await_

SECRET = "a key of some length"


class Receiver:
    """webhook_receiver.py as a process."""

    def __init__(self, folder):
        self.file = Path(folder) / "requests.jsonl"
        self.port = 0
        self.start()

    def start(self):
        program = Path(__file__).parent / "webhook_receiver.py"
        self.process = subprocess.Popen([sys.executable, program, str(self.port), self.file], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def requests(self):
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def records(self):
        return [record for request in self.requests() for record in json.loads(request["body"])]

    def has(self, expected):
        return {(record["jid"], record["id"]) for record in self.records()} >= expected


@pytest.fixture
def receiver(tmp_path):
    receiver = Receiver(tmp_path)
    yield receiver
    receiver.kill()


def test_a_receiver_that_is_killed_and_started_again_misses_nothing(fleet, receiver):
    hook = {"name": "hook", "kind": "webhook", "url": f"http://127.0.0.1:{receiver.port}/", "secret_file": "/secret", "batch": 3}
    master = fleet.master(auto_accept=True, returners=[hook])
    master.root.mkdir(parents=True, exist_ok=True)
    (master.root / "secret").touch(0o600)
    (master.root / "secret").write_text(SECRET + "\n")
    master.start()
    ids = ["m1", "m2"]
    for id in ids:
        fleet.minion(id, master).start()
    await_(lambda: set(master.up()) >= set(ids), "the minions")
    expected = set()

    def jobs(count):
        jids = [master.submit("*", "test.ping") for _ in range(count)]
        expected.update((jid, id) for jid in jids for id in ids)

    jobs(4)
    await_(lambda: receiver.has(expected), "the first returns")
    jobs(2)
    receiver.kill()
    before = set(expected)
    jobs(4)
    away = expected - before
    assert not receiver.has(away)
    receiver.start()
    jobs(2)
    await_(lambda: receiver.has(expected), "all returns")

    by_key = {}
    for record in receiver.records():
        assert by_key.setdefault((record["jid"], record["id"]), record) == record
    assert set(by_key) == expected
    for request in receiver.requests():
        signed = f"{request['Timestamp']}.{request['body']}".encode()
        assert request["Signature"] == "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert abs(time.time() - int(request["Timestamp"])) < 600
    deliveries = [request["Delivery"] for request in receiver.requests()]
    assert len(set(deliveries)) == len(deliveries)
