"""What several masters have recorded, read from their Redis with a client of its own (store/redis/README.md says what lies where)."""

import socket

OUTCOMES = ["returned", "interrupted", "refused", "no_match", "unknown"]
JOBS_AT_ONCE = 1000


class RedisReader:
    """RESP over a Unix socket, for reading."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def ask(self, *words):
        encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        size = int(rest)
        if size < 0:
            return None
        if kind == b"*":
            return [self.reply() for _ in range(size)]
        return self.file.read(size + 2)[:-2]

    def close(self):
        self.file.close()
        self.socket.close()


def expected_ids(encoded):
    """Front-coded: how much each id shares with the one before it, the length of the rest, the rest."""
    ids, before, at = [], b"", 0
    while at < len(encoded):
        shared, rest = encoded[at], encoded[at + 1]
        before = before[:shared] + encoded[at + 2 : at + 2 + rest]
        ids.append(before.decode())
        at += 2 + rest
    return ids


def outcome_of(packed):
    """Of a stored return: the time of arrival takes the first 8 bytes."""
    return OUTCOMES[packed[8]]


class Records:
    """Of one cluster: jobs as (jid, expected, function), returns as (jid, minion, outcome, late)."""

    def __init__(self, reader, cluster):
        self.reader = reader
        self.shared, self.part = f"brine:{{{cluster}}}:", f"brine:{{{cluster}:00}}:"

    def jids(self):
        after = "-"
        while page := self.reader.ask("ZRANGEBYLEX", self.shared + "jobs", after, "+", "LIMIT", 0, JOBS_AT_ONCE):
            yield from (jid.decode() for jid in page)
            after = b"(" + page[-1]

    def jobs_and_returns(self):
        for jid in self.jids():
            function, encoded = self.reader.ask("HMGET", f"{self.part}job:{jid}", "f", "e")
            ids = expected_ids(encoded)
            fields = self.reader.ask("HGETALL", f"{self.part}returns:{jid}")
            returns = [(jid, ids[int(place)], outcome_of(value), 0) for place, value in zip(fields[::2], fields[1::2], strict=True)]
            yield (jid, len(ids), function.decode()), returns

    def late(self):
        for _, fields in self.reader.ask("XRANGE", self.part + "outbox", "-", "+"):
            entry = dict(zip(fields[::2], fields[1::2], strict=True))
            if entry[b"l"] == b"1":
                yield entry[b"j"].decode(), entry[b"m"].decode(), outcome_of(entry[b"v"]), 1

    def outbox_end(self):
        return int(self.reader.ask("HGET", self.part + "outbox.state", "end") or 0)

    def outbox_bytes_per_return(self):
        entries, size = (int(value or 0) for value in self.reader.ask("HMGET", self.part + "outbox.state", "end", "end_bytes"))
        return size / max(entries, 1)

    def returner_positions(self):
        fields = self.reader.ask("HGETALL", self.part + "returners")
        return {name.decode(): int(position) for name, position in zip(fields[::2], fields[1::2], strict=True)}

    def used_memory(self):
        info = self.reader.ask("INFO", "memory").decode()
        return int(next(line for line in info.splitlines() if line.startswith("used_memory:")).split(":")[1])
