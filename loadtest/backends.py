"""What the returners of a load test write to: real ones, on free ports, below the folder of the run."""

import itertools
import shutil
import sys
from pathlib import Path

from cluster import Redis
from processes import LoadTestError
from redis_records import RedisReader

PARTS = Path(__file__).resolve().parents[1] / "tests" / "parts"
PAGE = 10_000
STREAM = "brine:returns"


class FileBackend:
    """The file returner: its own backend."""

    kind, process = "file", None

    def __init__(self, folder):
        pass

    def start(self):
        return self

    def settings(self):
        return {"name": "file", "path": "/returns.jsonl", "max_bytes": "1TiB"}

    def lines(self, masters):
        """The JSON of all records that arrived, each with a line end, in their order of arrival."""
        files = [master.daemon.returns_file for master in masters if master.daemon.returns_file.exists()]
        return itertools.chain.from_iterable(open(file) for file in files)

    def stop(self):
        pass


class RedisBackend:
    """A redis-server of its own, apart from the one that masters may share."""

    kind = "redis"

    def __init__(self, folder):
        self.server = Redis(Path(folder) / "returner-redis", "--appendfsync", "everysec")

    @property
    def process(self):
        return self.server.process

    def start(self):
        self.server.start()
        return self

    def settings(self):
        return {"name": "redis", "url": self.server.url, "stream": STREAM, "max_length": 0}

    def lines(self, masters):
        reader, after = RedisReader(self.server.socket), "-"
        while page := reader.ask("XRANGE", STREAM, after, "+", "COUNT", PAGE):
            for _, fields in page:
                yield dict(zip(fields[::2], fields[1::2], strict=True))[b"json"].decode() + "\n"
            after = b"(" + page[-1][0]
        reader.close()

    def kill(self):
        self.server.kill()

    def pause(self):
        self.server.pause()

    def resume(self):
        self.server.resume()

    def stop(self):
        self.server.stop()


class KafkaBackend:
    """One Apache Kafka broker (tests/parts/kafka.py)."""

    kind = "kafka"

    def __init__(self, folder):
        for program in ("java", "mvn", "kcat"):
            if shutil.which(program) is None:
                raise LoadTestError(f"Kafka needs {program}: ./dev deps --parts")
        sys.path.insert(0, str(PARTS))
        from kafka import Kafka

        self.broker = Kafka(Path(folder) / "kafka")

    @property
    def process(self):
        return self.broker.process

    def start(self):
        self.broker.start()
        return self

    def settings(self):
        return {"name": "kafka", "brokers": self.broker.address, "topic": "brine-returns"}

    def lines(self, masters):
        return (value + "\n" for value in self.broker.values("brine-returns"))

    def kill(self):
        self.broker.kill()

    def pause(self):
        self.broker.pause()

    def resume(self):
        self.broker.resume()

    def stop(self):
        self.broker.stop()


KINDS = {backend.kind: backend for backend in (FileBackend, RedisBackend, KafkaBackend)}
FAULTS = {f"{act} {kind}-returner" for act in ("kill", "start", "pause", "resume") for kind in KINDS if kind != "file"}
