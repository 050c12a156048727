"""The checker has to notice every kind of wrong history: each test alters one good history in one place."""

import json
import sqlite3
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from verdict import History, jid_text  # noqa: E402

PING, RUN = "20261123112439000001", "20261123112439000002"
MINIONS = ["sim0", "sim1", "sim2"]
OUTCOMES = ["returned", "interrupted", "refused", "no_match", "unknown"]


def packed(jid):
    """As store/sqlite/packed_jid.h describes it, written down again."""
    value = 0
    for digits, radix in ((4, 10000), (2, 13), (2, 32), (2, 24), (2, 60), (2, 61), (6, 1000000)):
        part, jid = jid[:digits], jid[digits:]
        value = value * radix + int(part)
    return value


class Past:
    """What four programs wrote about two jobs on three minions; a test alters it before it is judged."""

    def __init__(self):
        self.issued = [[PING, 3, 3, 0, "finished"], [RUN, 3, 3, 0, "finished"]]
        self.executed = [(jid, minion) for jid in (PING, RUN) for minion in MINIONS]
        self.jobs = {PING: (3, "test.ping"), RUN: (3, "cmd.run")}
        self.recorded = [(jid, minion, "returned", 0) for jid in (PING, RUN) for minion in MINIONS]
        self.unlogged, self.gone, self.others = [], [], {}
        self.delivered = [self.line(jid, minion) for jid in (PING, RUN) for minion in MINIONS]

    @staticmethod
    def line(jid, minion, value="up", **more):
        return json.dumps({"jid": jid, "id": minion, "outcome": "returned", "retcode": 0, "success": True, "return": value, **more}) + "\n"

    def judge(self, folder, all_return=False, returner=True):
        history = History(folder / "history.db")
        history.add_issued("load", [" ".join(map(str, row)) + "\n" for row in self.issued])
        history.add_executed([f"{jid} {minion}\n" for jid, minion in self.executed] + [f"{jid} {minion} gone\n" for jid, minion in self.gone])
        history.add_recorded(self.store(folder / "state.db"), {"test.ping"})
        history.add_unlogged(self.unlogged)
        if returner:
            history.add_delivered(self.delivered)
        for returner, lines in self.others.items():
            history.add_delivered(lines, returner)
        return history.judge(all_return)

    def store(self, path):
        db = sqlite3.connect(path)
        db.executescript(
            "CREATE TABLE jobs(jid INTEGER, expected_count INTEGER, function TEXT); CREATE TABLE returns(jid INTEGER, position INTEGER);"
            "CREATE TABLE entries(position INTEGER PRIMARY KEY, jid INTEGER, minion TEXT, outcome INTEGER, late INTEGER);"
        )
        db.executemany("INSERT INTO jobs VALUES(?, ?, ?)", [(packed(jid), n, f) for jid, (n, f) in self.jobs.items()])
        for position, (jid, minion, outcome, late) in enumerate(self.recorded):
            db.execute("INSERT INTO entries VALUES(?, ?, ?, ?, ?)", (position, packed(jid), minion, OUTCOMES.index(outcome), late))
            if not late:
                db.execute("INSERT INTO returns VALUES(?, ?)", (packed(jid), position))
        db.commit()
        db.close()
        return path


@pytest.fixture
def past():
    return Past()


def fails_with(verdict, name):
    assert not verdict.passed
    assert verdict.counts[name] > 0
    return any(failure.startswith(name) for failure in verdict.failures)


def test_a_good_history_passes_and_is_counted(past, tmp_path):
    verdict = past.judge(tmp_path, all_return=True)
    assert verdict.failures == []
    assert (verdict.counts["issued"], verdict.counts["executed"], verdict.counts["recorded"], verdict.counts["delivered"]) == (2, 6, 6, 6)


def test_jids_are_read_as_the_store_packs_them():
    assert [jid_text(packed(jid)) for jid in (PING, "99991231235960999999", "00000101000000000000")] == [PING, "99991231235960999999", "00000101000000000000"]


def test_a_job_that_the_caller_knows_and_the_master_does_not_is_lost(past, tmp_path):
    del past.jobs[RUN]
    assert fails_with(past.judge(tmp_path), "lost_jobs")


def test_a_return_that_ran_and_is_not_recorded_is_lost(past, tmp_path):
    past.recorded.remove((RUN, "sim1", "returned", 0))
    verdict = past.judge(tmp_path)
    assert fails_with(verdict, "lost")
    assert f"{RUN} sim1" in " ".join(verdict.failures)


def test_a_return_that_went_with_its_minion_is_counted_and_not_lost(past, tmp_path):
    past.recorded.remove((RUN, "sim1", "returned", 0))
    past.delivered.pop(4)
    past.gone = [(RUN, "sim1"), (RUN, "sim2")]
    past.issued[1][2:4] = [2, 1]
    verdict = past.judge(tmp_path)
    assert verdict.failures == []
    assert verdict.counts["gone_with_their_minion"] == 1


def test_a_recorded_return_that_the_returner_never_got_is_undelivered(past, tmp_path):
    past.delivered.pop()
    assert fails_with(past.judge(tmp_path), "undelivered")


def test_a_return_that_one_of_several_returners_never_got_is_undelivered(past, tmp_path):
    past.others = {"kafka": past.delivered[1:]}
    verdict = past.judge(tmp_path)
    assert fails_with(verdict, "undelivered") and " by kafka" in verdict.failures[0]


def test_several_returners_that_got_everything_are_fine(past, tmp_path):
    past.others = {"kafka": past.delivered, "redis": past.delivered}
    assert past.judge(tmp_path).passed


def test_without_a_returner_nothing_has_to_be_delivered(past, tmp_path):
    assert past.judge(tmp_path, returner=False).passed


def test_a_command_that_ran_twice_is_doubled(past, tmp_path):
    past.executed.append((RUN, "sim2"))
    assert fails_with(past.judge(tmp_path), "doubled")


def test_a_ping_may_run_twice(past, tmp_path):
    past.executed.append((PING, "sim2"))
    assert past.judge(tmp_path).passed


def test_two_records_of_one_return_are_doubled(past, tmp_path):
    past.recorded.append((RUN, "sim2", "returned", 0))
    assert fails_with(past.judge(tmp_path), "doubled")


def test_the_same_delivery_twice_is_at_least_once(past, tmp_path):
    past.delivered.append(past.delivered[0])
    verdict = past.judge(tmp_path)
    assert verdict.passed
    assert verdict.counts["delivered_again"] == 1


def test_two_different_deliveries_for_one_return_are_doubled(past, tmp_path):
    past.delivered.append(past.line(RUN, "sim0", "down"))
    assert fails_with(past.judge(tmp_path), "doubled")


def test_a_record_of_what_never_ran_is_invented(past, tmp_path):
    past.executed.remove((RUN, "sim0"))
    assert fails_with(past.judge(tmp_path), "invented")


def test_of_a_minion_without_a_log_every_record_counts_as_run(past, tmp_path):
    past.recorded.append((RUN, "real-0", "returned", 0))
    past.delivered.append(past.line(RUN, "real-0"))
    past.jobs[RUN] = (4, "cmd.run")
    past.issued[1][1:3] = [4, 4]
    assert fails_with(past.judge(tmp_path), "invented")
    past.unlogged = ["real-0"]
    (tmp_path / "state.db").unlink()
    assert past.judge(tmp_path, all_return=True).passed


def test_an_interrupted_job_need_not_have_run(past, tmp_path):
    past.executed.remove((RUN, "sim0"))
    past.recorded[past.recorded.index((RUN, "sim0", "returned", 0))] = (RUN, "sim0", "interrupted", 0)
    assert past.judge(tmp_path).passed


def test_a_delivery_without_a_record_is_invented(past, tmp_path):
    past.delivered.append(past.line(RUN, "sim9"))
    assert fails_with(past.judge(tmp_path), "invented")


def test_more_returns_than_expected_are_invented(past, tmp_path):
    past.executed.append((RUN, "sim9"))
    past.recorded.append((RUN, "sim9", "returned", 0))
    past.delivered.append(past.line(RUN, "sim9"))
    assert fails_with(past.judge(tmp_path), "invented")


def test_a_caller_who_saw_more_than_is_recorded_was_misinformed(past, tmp_path):
    past.recorded.remove((RUN, "sim1", "returned", 0))
    past.executed.remove((RUN, "sim1"))
    past.delivered.remove(past.line(RUN, "sim1"))
    assert fails_with(past.judge(tmp_path), "misreported")


def test_a_caller_to_whom_a_minion_is_neither_returned_nor_missing_was_misinformed(past, tmp_path):
    past.issued[1] = [RUN, 3, 2, 0, "finished"]
    assert fails_with(past.judge(tmp_path), "misreported")


def test_a_caller_who_was_told_another_number_of_minions_was_misinformed(past, tmp_path):
    past.issued[1] = [RUN, 2, 2, 0, "finished"]
    assert fails_with(past.judge(tmp_path), "misreported")


def test_a_job_that_lacks_returns_fails_only_where_all_have_to_return(past, tmp_path):
    past.issued[1] = [RUN, 3, 2, 1, "finished"]
    past.executed.remove((RUN, "sim1"))
    past.recorded.remove((RUN, "sim1", "returned", 0))
    past.delivered.remove(past.line(RUN, "sim1"))
    assert past.judge(tmp_path).passed
    (tmp_path / "again").mkdir()
    assert fails_with(past.judge(tmp_path / "again", all_return=True), "incomplete")


def test_a_late_return_counts_as_recorded(past, tmp_path):
    past.recorded[past.recorded.index((RUN, "sim1", "returned", 0))] = (RUN, "sim1", "returned", 1)
    past.delivered[past.delivered.index(past.line(RUN, "sim1"))] = past.line(RUN, "sim1", late=True)
    assert past.judge(tmp_path).passed


def test_a_line_cut_off_by_a_kill_is_no_line(past, tmp_path):
    past.delivered.append(past.line(RUN, "sim9")[:-9])
    assert past.judge(tmp_path).passed


def test_refused_jobs_are_counted_and_nothing_else(past, tmp_path):
    past.issued.append(["-", 0, 0, 0, "busy"])
    verdict = past.judge(tmp_path)
    assert verdict.passed
    assert verdict.counts["refused_busy"] == 1
