"""The load test itself, small: a scenario with faults ends in a verdict, and a wrong one in a sentence."""

import os
import json
import subprocess
from pathlib import Path

import pytest

from fleet import BIN

RUN = Path(__file__).parents[2] / "loadtest" / "run.py"

ENVIRONMENT = {**os.environ, "BRINE_BIN": str(BIN)}

SCENARIO = """
name: small
about: everything that can happen, to few
topology: {returners: [file], real_minions: 1}
minions: {count: 30, threads: 2, journal: JOURNAL, heartbeat_ms: 500, heartbeat_timeout_ms: 1500, recon_default_ms: 100, recon_max_ms: 500,
          answer: {bytes: 300, delay_ms: {mean: 30, max: 200}}}
phases:
  - name: ping
    load: {target: "*", function: test.ping, jobs: 2}
  - name: storm
    load:
      - {target: random, function: cmd.run, arguments: [uptime], rate: 50, seconds: 3}
      - {name: all, target: "*", function: cmd.run, arguments: [uptime], jobs: 5}
    faults:
      - {at: 0.2, do: join, count: 5}
      - {at: 0.4, do: restart, count: 10}
      - {at: 0.6, do: drop_all}
      - {at: 0.8, do: black_hole, count: 3, seconds: 2}
      - {at: 0.9, do: flap, count: 4, every_ms: 200}
      - {at: 1, do: restart master}
      - {at: 1.4, do: flap, count: 2, every_ms: 0}
      - {at: 1.5, do: leave, count: 3}
  - name: after
    load: {target: "*", function: test.ping, until_complete: true}
figures:
  - {row: ping_all, value: ping.p50_s}
  - {row: overload_p99_ratio, value: after.max_ms / ping.p50_ms}
"""


def run(path, *options):
    return subprocess.run(["/usr/bin/python3", RUN, path, *options], capture_output=True, text=True, timeout=180, env=ENVIRONMENT)


@pytest.mark.parametrize("journal", ["memory", "file"])
def test_a_scenario_with_faults_ends_in_a_verdict(tmp_path, journal):
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO.replace("JOURNAL", journal))
    done = run(path, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: passed" in done.stdout
    result = json.loads((tmp_path / "out/result.json").read_text())
    counts = result["verdict"]["counts"]
    # Two pings of 31; all 31 at least once more in "after": what the counts must at least be.
    assert counts["recorded"] >= 93
    assert counts["delivered"] == counts["recorded"]
    assert "restart master" in [event["what"] for event in result["events"]]
    assert result["figures"][0]["value"] > 0
    page = (tmp_path / "out/report.html").read_text()
    assert "<title>small: passed</title>" in page and page.count("<svg") > 8
    assert result["figures"][1]["value"] == pytest.approx(1000 * result["phases"][3]["measures"]["max_s"] / result["phases"][1]["measures"]["p50_ms"], abs=0.001)
    assert result["processes"]["master"] and result["processes"]["real-0"]
    assert result["metrics"]["master"][-1][1]["brine_master_returns_total{result=\"committed\"}"] > 0


def test_growth_is_told_in_one_table_each(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO[: SCENARIO.index("  - name: storm")].replace("JOURNAL", "memory"))
    growth = RUN.with_name("growth.py")
    done = subprocess.run(["/usr/bin/python3", growth, "--counts", "10,20", "--scenario", path], capture_output=True, text=True, timeout=180, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith(("| 10 |", "| 20 |"))]
    assert len(rows) == 6
    # CPU of so few returns is below what the kernel counts.
    assert all(float(cell.replace(",", "")) > 0 for row in rows[4:] for cell in row.strip("|").split("|"))


FLOOD = """
name: flood
about: more returns at once than the ledger may hold
topology: {returners: [file], master: {max_pending_returns: 64, heartbeat_timeout: 600s}}
minions: {count: 30, heartbeat_timeout_ms: 600000, answer: {delay_ms: {mean: 100000, max: 2000}}}
phases:
  - name: flood
    load: {target: "*", function: cmd.run, arguments: [uptime], rate: 50, seconds: 2, connections: 100, timeout_ms: 60000}
    faults: [{at: 2, do: pause master}, {at: 5, do: resume master}]
expect: [all_return]
"""


def test_more_returns_at_once_than_the_ledger_may_hold_all_arrive(tmp_path):
    path = tmp_path / "flood.yaml"
    path.write_text(FLOOD)
    done = run(path, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads((tmp_path / "out/result.json").read_text())["verdict"]["counts"]
    assert counts["recorded"] == 30 * counts["issued"]


@pytest.mark.parametrize(
    ("wrong", "instead", "told"),
    [("jobs: 2", "jbos: 2", "did you mean 'jobs'"), ("value: ping.p50_s", "value: ping.nothing", "there is no 'ping.nothing'")],
)
def test_a_wrong_scenario_ends_in_a_sentence(tmp_path, wrong, instead, told):
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO[: SCENARIO.index("  - name: storm")].replace("JOURNAL", "memory") + SCENARIO[SCENARIO.index("figures:") :])
    path.write_text(path.read_text().replace(wrong, instead))
    done = run(path, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
