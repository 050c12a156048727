"""The mine: what minions publish, who reads it, and who is told when it changes. Real processes."""

import json

import pytest
from fleet import await_

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
