"""Prometheus and its tools, with what the daemons serve."""

import subprocess

from test_metrics import get, watched


def test_promtool_finds_nothing_to_complain_about_in_the_metrics_of_a_master(fleet):
    master, _ = watched(fleet, "m1")
    result = subprocess.run(["promtool", "check", "metrics"], input=get(master.metrics_port)[1], text=True, capture_output=True)
    assert result.returncode == 0 and not result.stderr, result.stderr
