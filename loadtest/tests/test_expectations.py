"""What a scenario expects is told apart from what was seen."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import expectations  # noqa: E402

FINAL = {"busy": 0, "failed": 0, "lost": 0, "unsent": 0, "unfinished": 0, "reasons": {}}
REFUSED = {**FINAL, "busy": 3, "reasons": {"busy: # jobs are open; retry after a second": 3}}
WAITING = 'brine_master_waiting_handshakes{lane="known"}'
BOUND = 'brine_master_max_waiting_handshakes{lane="known"}'


def seen(finals=(FINAL,), grown=(10, 12), metrics=(), slopes=None, joined=None, mine_entries=0):
    phases = [{"master_mib": [5, 10, 10]}, *({"master_mib": [10, most, 11]} for most in grown)]
    return {"finals": list(finals), "phases": phases, "metrics": list(metrics), "slopes": slopes or {}, "joined": joined, "mine_entries": mine_entries}


def mine(wanted, there):
    return seen(metrics=[(1, {"brine_master_mine_entries": 0.0}), (2, {"brine_master_mine_entries": float(there)})], mine_entries=wanted)


def joined(**changes):
    return seen(joined={"ever": 9, "used": 9, "present": 5, "accepted": 5, "pending": 0, "rejected": 0, "denied": 0, **changes})


@pytest.mark.parametrize(
    ("name", "limit", "good", "bad"),
    [
        ("none_refused", True, seen(), seen([FINAL, {**FINAL, "unsent": 1}])),
        ("busy_seen", True, seen([FINAL, REFUSED]), seen()),
        ("busy_seen", True, seen([REFUSED]), seen([{**REFUSED, "reasons": {"no": 3}}])),
        ("all_joined", True, joined(), joined(used=8)),
        ("mine_whole", True, mine(20, 20), mine(20, 19)),
        ("mine_whole", True, mine(20, 20), mine(0, 0)),
        ("all_joined", True, joined(), joined(accepted=6)),
        ("all_joined", True, joined(), joined(pending=1)),
        ("all_joined", True, joined(), seen()),
        ("master_grows_at_most_mib", 5, seen(grown=[15, 11]), seen(grown=[15.1, 11])),
        ("no_growth", {"master_mib": 2}, seen(slopes={"master_mib": 1.9, "other_mib": 50}), seen(slopes={"master_mib": 2.1})),
        ("no_growth", {"master_mib": 2}, seen(slopes={"master_mib": -30}), seen(slopes={})),
        ("handshakes_bounded", True, seen(metrics=[[1, {WAITING: 9, BOUND: 9}]]), seen(metrics=[[1, {WAITING: 10, BOUND: 9}], [2, {WAITING: 1, BOUND: 9}]])),
        ("handshakes_bounded", True, seen(metrics=[[1, {WAITING: 1, BOUND: 9}]]), seen(metrics=[[1, {WAITING: 0, BOUND: 9}]])),
    ],
)
def test_expectations_hold_or_do_not(name, limit, good, bad):
    assert expectations.check(name, limit, good)["held"] is True
    assert expectations.check(name, limit, bad)["held"] is False


def test_what_was_seen_is_told():
    assert expectations.check("handshakes_bounded", True, seen(metrics=[[1, {WAITING: 7, BOUND: 9}], [2, {WAITING: 3, BOUND: 9}]]))["saw"] == 'at most lane="known" 7'


def test_slopes_are_those_of_the_second_half():
    rows = [[t, 0, 100 if t >= 1800 else t, 5] for t in range(0, 3601, 10)]
    assert expectations.slopes({"from": 0, "to": 3600}, {"master": rows}) == {"master_mib": pytest.approx(0, abs=0.01), "master_files": 0}
