"""The reader of what masters keep in Redis, on answers made by hand."""

import struct

from redis_records import OUTCOMES, Records, expected_ids, outcome_of


def packed(outcome):
    return struct.pack("<qBBIqQ", 7, OUTCOMES.index(outcome), 1, 0, 0, 0) + b'"x"'


class Answers:
    """Commands and their answers."""

    def __init__(self, answers):
        self.answers = answers

    def ask(self, *words):
        return self.answers[words]


def test_expected_minions_are_front_coded():
    assert expected_ids(b"\x00\x04sim1" + b"\x03\x021a" + b"\x00\x02x9") == ["sim1", "sim1a", "x9"]
    assert expected_ids(b"") == []


def test_every_outcome_is_read():
    assert [outcome_of(packed(outcome)) for outcome in OUTCOMES] == OUTCOMES


def test_jobs_returns_and_late_ones_are_read():
    jid, part = "20261123000000000001", "brine:{c:00}:"
    records = Records(
        Answers(
            {
                ("ZRANGEBYLEX", "brine:{c}:jobs", "-", "+", "LIMIT", 0, 1000): [jid.encode()],
                ("ZRANGEBYLEX", "brine:{c}:jobs", b"(" + jid.encode(), "+", "LIMIT", 0, 1000): [],
                ("HMGET", f"{part}job:{jid}", "f", "e"): [b"cmd.run", b"\x00\x01a" + b"\x00\x01b"],
                ("HGETALL", f"{part}returns:{jid}"): [b"1", packed("interrupted")],
                ("XRANGE", part + "outbox", "-", "+"): [
                    [b"1-0", [b"j", jid.encode(), b"m", b"b", b"l", b"0", b"v", packed("interrupted")]],
                    [b"2-0", [b"j", jid.encode(), b"m", b"a", b"l", b"1", b"v", packed("returned")]],
                ],
                ("HGET", part + "outbox.state", "end"): b"2",
                ("HGETALL", part + "returners"): [b"file", b"1"],
            }
        ),
        "c",
    )
    assert list(records.jobs_and_returns()) == [((jid, 2, "cmd.run"), [(jid, "b", "interrupted", 0)])]
    assert list(records.late()) == [(jid, "a", "returned", 1)]
    assert (records.outbox_end(), records.returner_positions()) == (2, {"file": 1})
