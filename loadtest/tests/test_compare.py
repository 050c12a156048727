import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "loadtest"), str(TOP / "tests" / "process")]

import compare  # noqa: E402
import compare_salt  # noqa: E402
import compare_table as tables  # noqa: E402
import process_group  # noqa: E402
from compare_nats import server_port  # noqa: E402
from figures import quantile  # noqa: E402
from salt_fleet import DEFAULT, TUNED, merged  # noqa: E402

ROWS = {"wait": ("a wait", "ms", "lower"), "rate": ("a rate", "/s", "higher"), "rare": ("rare", "s", "lower")}


def test_a_quantile_is_one_of_the_values():
    assert [quantile([5, 1, 4, 2, 3], q) for q in (0, 0.5, 0.99, 1)] == [1, 3, 5, 5]


def test_a_ratio_says_how_many_times_better_ours_is():
    assert tables.ratio(2, 10, "lower") == 5
    assert tables.ratio(10, 2, "lower") == 0.2
    assert tables.ratio(3000, 30, "higher") == 100
    assert tables.ratio(30, 3000, "higher") == 0.01


def test_nothing_is_divided_by_nothing():
    assert tables.ratio(5, 0, "higher") is None
    assert tables.ratio(0, 5, "lower") is None


def test_rounds_give_their_median_and_a_missing_row_does_not_count():
    assert tables.together([{"wait": 1, "rate": 7}, {"wait": 3}, {}]) == {"wait": 2, "rate": 7}


def test_the_table_has_values_ratios_and_a_dash_for_what_was_not_measured():
    text = tables.table(ROWS, {"ours": [{"wait": 2, "rate": 3000}], "theirs": [{"wait": 90}]})
    assert text.splitlines() == [
        "| what | ours | theirs |",
        "|---|---|---|",
        "| a wait | 2 ms | 90 ms (45x) |",
        "| a rate | 3,000/s | - |",
    ]


def test_a_row_that_only_the_other_has_is_shown_without_a_ratio():
    assert "| rare | - | 4 s |" in tables.table(ROWS, {"ours": [{"wait": 1}], "theirs": [{"rare": 4}]})


def test_turns_that_all_failed_leave_an_empty_table():
    assert tables.table(ROWS, {"ours": [{}, {}], "theirs": [{}]}).count("\n") == 1


@pytest.mark.parametrize(("value", "text"), [(0.0123, "0.0123"), (1.5, "1.5"), (99.94, "99.9"), (542.4, "542"), (200913, "200,913")])
def test_numbers_have_three_digits_that_mean_something(value, text):
    assert tables.number(value) == text


def test_rounds_that_are_far_apart_are_named():
    contestants = {"ours": [{"wait": 1, "rate": 10}, {"wait": 4, "rate": 11}], "theirs": [{"wait": 1}]}
    assert tables.unsteady(contestants) == ["ours wait (4x)"]


@pytest.mark.parametrize("rows", [tables.SALT_ROWS, tables.NATS_ROWS], ids=["salt", "nats"])
def test_every_row_says_which_way_is_better(rows):
    assert {better for _, _, better in rows.values()} <= {"lower", "higher"}


def test_the_page_tells_what_failed():
    result = {
        "machine": {"load_before": 0.1, "load_after": 0.2, "processors": 2, "disk_syncs_per_second": 5000},
        "versions": {"brine": "brine 1"},
        "minions": 20,
        "clients": 10_000,
        "seconds": 5,
        "worker_threads": {2: 100.4},
        "beside_salt": {"brine": [{"jobs_8": 10}], "Salt, default": [{"jobs_8": 5}]},
        "beside_nats": {"brine": [{}], "NATS": [{}]},
        "failures": ["NATS: it did not start"],
    }
    text = compare.page(result)
    assert "2: 100/s" in text
    assert "| 10/s | 5/s (2x) |" in text
    assert text.endswith("FAILED: NATS: it did not start")


class HalfTurn:
    def __init__(self, folder):
        self.row, self.closed = {"one": 1}, False

    def fail(self):
        raise compare.LoadTestError("no answer")

    def close(self):
        self.closed = True


def test_a_turn_that_fails_keeps_what_it_measured_is_stopped_and_told(tmp_path):
    class Options:
        minutes = 1

    turns = []
    comparison = compare.Comparison(Options, tmp_path)
    assert comparison.turn("a turn", lambda folder: turns.append(HalfTurn(folder)) or turns[0], HalfTurn.fail) == {"one": 1}
    assert turns[0].closed and comparison.failures == ["a turn: no answer"]


def test_no_turn_begins_when_the_time_is_over(tmp_path):
    class Options:
        minutes = 0

    comparison = compare.Comparison(Options, tmp_path)
    assert comparison.turn("a turn", HalfTurn, HalfTurn.fail) == {}
    assert comparison.failures == ["a turn: left out, 0 minutes were over"]


def test_cpu_counts_children_that_have_ended_and_names_with_brackets():
    fields = process_group.stat_fields("7 (a) b (c) S 1 7 42 0 -1 0 0 0 0 0 10 20 3 4 20 0 1 0 99 0 0")
    assert int(fields[process_group.SESSION]) == 42
    assert process_group.cpu_ticks(fields) == 37


def test_pss_is_read_from_its_own_line():
    assert process_group.read_pss_kib("Rss: 900 kB\nPss: 123 kB\nPss_Dirty: 50 kB\n") == 123
    assert process_group.read_pss_kib("") == 0


def test_a_group_knows_and_ends_all_its_processes(tmp_path):
    group = process_group.ProcessGroup(["sh", "-c", "sleep 300 & echo started; wait"], tmp_path / "log")
    try:
        while "started" not in (tmp_path / "log").read_text():
            assert group.alive()
        members = group.members()
        assert group.pid in members and len(members) == 2
        assert group.pss_mib() > 0
    finally:
        group.kill()
    assert not group.alive()


def test_the_port_of_the_nats_server_is_read_from_its_file():
    assert server_port('{"nats":["nats://127.0.0.1:35443"]}') == 35443


def test_later_settings_win_and_the_first_ones_stay_as_they_are():
    settings = compare_salt.without_job_cache(compare_salt.tuned(2))
    assert settings["master"]["job_cache"] is False and settings["master"]["worker_threads"] == 2
    assert settings["master"]["cache"] == "mmap_cache" and settings["minion"] == TUNED["minion"]
    assert "job_cache" not in TUNED["master"] and merged(DEFAULT) == {"master": {}, "minion": {}}
