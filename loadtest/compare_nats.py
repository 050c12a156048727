"""The turn of a NATS server: the floor. Plain text, no identities, nothing stored."""

import json
import subprocess
import time
from pathlib import Path

from fleet import BIN, await_
from process_group import ProcessGroup
from processes import LoadTestError


def server_port(text):
    """Of the file that the server writes: {"nats": ["nats://127.0.0.1:4222"], ...}."""
    return int(json.loads(text)["nats"][0].rsplit(":", 1)[1])


class NatsTurn:
    def __init__(self, server, folder):
        self.server, self.folder = server, Path(folder)
        self.folder.mkdir(parents=True)
        self.floor, self.port = None, -1
        self.row = {}  # what has been measured so far, also when a later part fails
        self.start()
        self.empty_mib = self.group.pss_mib()

    def start(self):
        words = [self.server, "-a", "127.0.0.1", "-p", str(self.port), "--ports_file_dir", self.folder]
        self.group = ProcessGroup(words, self.folder / "log")
        ports = self.folder / f"nats-server_{self.group.pid}.ports"
        await_(lambda: self.group.alive() and ports.exists() and ports.read_text().endswith("}"), "the NATS server", 20)
        self.port = server_port(ports.read_text())

    def phase(self, line):
        self.floor.stdin.write(line + "\n")
        self.floor.stdin.flush()
        told = json.loads(self.floor.stdout.readline() or '{"error": "brine-nats-floor ended"}')
        if "error" in told:
            raise LoadTestError(f"NATS, '{line}': {told['error']}")
        return told

    def beside_brine(self, count):
        with open(self.folder / "floor.err", "wb") as errors:
            self.floor = subprocess.Popen(
                [BIN / "brine-nats-floor", str(self.port), str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        row = self.row
        row["join"] = self.phase("connect")["seconds"]
        row["kib"] = (self.group.pss_mib() - self.empty_mib) * 1024 / count
        latency = self.phase("request 2000")["latency_us"]
        row |= {"one_p50": latency["p50"] / 1000, "one_p99": latency["p99"] / 1000}
        row["ping_all"] = self.phase("fan 7")["latency_us"]["p50"] / 1e6
        before = self.group.cpu_seconds()
        told = self.phase("flood 5 4")
        row |= {"returns": told["answers"] / told["seconds"], "cpu": (self.group.cpu_seconds() - before) * 1e6 / told["answers"]}
        row["herd"] = self.herd()

    def herd(self):
        begin = time.monotonic()
        self.group.kill()
        self.start()
        self.phase("connect")
        self.phase("fan 1")
        return time.monotonic() - begin

    def close(self):
        if self.floor is not None:
            self.floor.kill()
            self.floor.wait()
        self.group.kill()
