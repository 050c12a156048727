"""What a minion shows at /metrics, /healthz and /readyz."""

import json
import os
import socket

import pytest

from fleet import await_
from test_metrics import LISTEN, await_value, get, grown, scrape, watched_minion

ENDS = ("lost", "broken", "stopping", "displaced", "ended", "moved")


@pytest.fixture
def pair(fleet):
    """A master, and a minion that is watched and has a session."""
    master = fleet.master(auto_accept=True).start()
    minion = watched_minion(fleet, "m1", master)
    await_(lambda: get(minion.metrics_port, "/readyz")[0] == 200, "the session")
    return master, minion


def threads(daemon):
    folder = f"/proc/{daemon.process.pid}/task"
    return [open(f"{folder}/{task}/comm").read().strip() for task in os.listdir(folder)]


def test_figures_move_by_exactly_what_was_done(pair):
    master, minion = pair
    before = scrape(minion)
    assert before("brine_minion_session_available") == 1
    assert before("brine_minion_sessions_opened_total") == 1
    assert master.brine("m1", "cmd.run", "true") == {"m1": ""}
    assert master.brine("m1", "cmd.run", "false", check=1) == {"m1": ""}
    assert master.brine("m1", "test.ping") == {"m1": True}
    await_value(minion, 0, "brine_minion_unacknowledged_returns")
    now = scrape(minion)
    assert grown(before, now, "brine_minion_jobs_received_total") == 3
    assert grown(before, now, "brine_minion_jobs_executed_total", result="succeeded") == 2
    assert grown(before, now, "brine_minion_jobs_executed_total", result="failed") == 1
    assert grown(before, now, "brine_minion_job_seconds_count") == 3
    assert grown(before, now, "brine_minion_job_seconds_sum") > 0
    assert grown(before, now, "brine_minion_returns_acknowledged_total") == 3
    assert 2 <= grown(before, now, "brine_minion_journal_sync_seconds_count") <= 5, "once before and once after each command"
    assert now("brine_minion_journal_sync_failures_total") == 0
    assert now("brine_minion_jobs_interrupted_total") == 0
    for reason in ("invalid", "expired", "busy", "journal", "unknown", "no_match"):
        assert now("brine_minion_jobs_refused_total", reason=reason) == 0
    assert now("brine_minion_running_jobs") == now("brine_minion_queued_jobs") == 0


def test_jobs_that_run_and_that_wait_are_seen_and_one_too_many_is_refused(fleet, tmp_path):
    master = fleet.master(auto_accept=True).start()
    minion = watched_minion(fleet, "m1", master, process_count_max=1, job_queue_max=1)
    await_(lambda: get(minion.metrics_port, "/readyz")[0] == 200, "the session")
    gate = tmp_path / "gate"
    for _ in range(2):
        master.submit("m1", "cmd.run", f"until [ -e {gate} ]; do sleep 0.05; done")
    await_value(minion, 1, "brine_minion_running_jobs")
    await_value(minion, 1, "brine_minion_queued_jobs")
    assert scrape(minion)("brine_minion_max_running_jobs") == scrape(minion)("brine_minion_max_queued_jobs") == 1
    assert scrape(minion)("brine_minion_spool_bytes") > 0
    jid = master.submit("m1", "cmd.run", "true")
    await_value(minion, 1, "brine_minion_jobs_refused_total", reason="busy")
    gate.touch()
    await_value(minion, 2, "brine_minion_jobs_executed_total", result="succeeded")
    assert master.lookup(jid)["minions"]["m1"]["state"] == "refused"


def test_a_master_that_goes_and_comes_is_told_by_readyz_and_counted(pair):
    master, minion = pair
    master.kill()
    await_value(minion, 0, "brine_minion_session_available")
    status, text = get(minion.metrics_port, "/readyz")
    assert status == 503 and text.startswith(f"no session with tcp://127.0.0.1:{master.port}: "), text
    assert get(minion.metrics_port, "/healthz") == (200, "ok\n")
    await_(lambda: scrape(minion)("brine_minion_connect_failures_total", reason="unreachable") >= 1, "an attempt in vain")
    page = scrape(minion)
    assert {reason: page("brine_minion_session_ends_total", reason=reason) for reason in ENDS} == {**dict.fromkeys(ENDS, 0), "lost": 1}
    master.start()
    await_(lambda: get(minion.metrics_port, "/readyz") == (200, "ok\n"), "the session")
    assert scrape(minion)("brine_minion_sessions_opened_total") == 2


def test_a_minion_whose_key_waits_says_so(fleet):
    master = fleet.master().start()
    minion = watched_minion(fleet, "m1", master)
    await_(lambda: scrape(minion)("brine_minion_connect_failures_total", reason="pending") >= 1, "the first answer")
    status, text = get(minion.metrics_port, "/readyz")
    assert status == 503 and "no session with" in text and "accept" in text, text
    master.key("-a", "m1", "-y")
    await_(lambda: get(minion.metrics_port, "/readyz")[0] == 200, "the session")
    master.key("-d", "m1", "-y")
    await_(lambda: scrape(minion)("brine_minion_session_ends_total", reason="ended") >= 1, "the goodbye")


def test_what_was_cut_off_is_counted_by_the_next_life(pair):
    master, minion = pair
    master.submit("m1", "cmd.run", "sleep 600")
    await_value(minion, 1, "brine_minion_running_jobs")
    minion.kill()
    minion.announcement.unlink()
    minion.start()
    await_(minion.announcement.exists, "the next life")
    minion.metrics_port = json.loads(minion.announcement.read_text())["metrics_port"]
    await_value(minion, 1, "brine_minion_jobs_interrupted_total")
    await_value(minion, 1, "brine_minion_returns_acknowledged_total")


def test_the_main_thread_is_measured(pair):
    _, minion = pair
    await_(lambda: scrape(minion)("brine_minion_loop_lag_seconds_count", loop="main") >= 3, "three turns")
    assert scrape(minion)("brine_minion_loop_stalled_seconds", loop="main") < 30


def test_the_minion_serves_while_it_stops(fleet, tmp_path):
    master = fleet.master(auto_accept=True).start()
    minion = watched_minion(fleet, "m1", master, shutdown_deadline="30s")
    await_(lambda: get(minion.metrics_port, "/readyz")[0] == 200, "the session")
    gate = tmp_path / "gate"
    master.submit("m1", "cmd.run", f"until [ -e {gate} ]; do sleep 0.05; done")
    await_value(minion, 1, "brine_minion_running_jobs")
    minion.process.terminate()
    await_(lambda: get(minion.metrics_port, "/readyz") == (503, "the minion is stopping\n"), "the stop")
    assert scrape(minion)("brine_minion_running_jobs") == 1
    gate.touch()
    assert minion.process.wait(30) == 0


def test_a_metrics_port_in_use_ends_the_start(fleet):
    master = fleet.master().start()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        minion = fleet.minion("m1", master, metrics={"listen": place}).start()
        assert minion.process.wait(60) == 69
    assert f"metrics.listen: cannot serve metrics on {place}: " in minion.tail()


def test_threads_have_names_and_there_are_none_without_metrics_listen(fleet):
    master = fleet.master(auto_accept=True).start()
    served = watched_minion(fleet, "m1", master)
    assert sorted(name for name in threads(served) if name.startswith("metrics")) == ["metrics-0", "metrics-1", "metrics-accept"]
    silent = fleet.minion("m2", master).start()
    await_(lambda: "m2" in master.up(), "the other minion")
    assert json.loads((silent.root / "run/brine/minion/minion.json").read_text())["metrics_port"] is None
    assert not [name for name in threads(silent) if name.startswith("metrics")]
