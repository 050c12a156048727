import sys
from pathlib import Path

import pytest

LOADTEST = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(LOADTEST))

import figures  # noqa: E402
import scenario  # noqa: E402

SMALL = """
name: small
about: a test
minions: {count: 10}
phases:
  - name: ping
    load: {target: "*", jobs: 1}
"""


def complaint(text):
    with pytest.raises(scenario.ScenarioError) as error:
        scenario.parse(text, "x.yaml")
    return str(error.value)


@pytest.mark.parametrize("path", sorted((LOADTEST / "scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_scenarios_are_sound(path):
    read = scenario.read(path)
    assert read.name == path.stem
    phases = {phase.name for phase in read.phases} | {"join"}
    for wanted in read.figures:
        assert wanted["row"] in figures.ROWS
        assert wanted["value"].partition(".")[0] in phases


def test_a_small_one_is_read():
    read = scenario.parse(SMALL, "x.yaml")
    assert (read.name, read.minions["count"], read.phases[0].until) == ("small", 10, ["open", "answered"])
    assert read.phases[0].loads[0]["name"] == "ping"


def test_several_loads_of_a_phase_have_names_of_their_own():
    read = scenario.parse(SMALL.replace("load: {target: \"*\", jobs: 1}", "load: [{jobs: 1, name: a}, {jobs: 1}]"), "x.yaml")
    assert [load["name"] for load in read.phases[0].loads] == ["ping-a", "ping-2"]


@pytest.mark.parametrize(
    ("wrong", "instead", "told"),
    [
        ("about: a test", "abuot: a test", "did you mean 'about'"),
        ("{count: 10}", "{coutn: 10}", "did you mean 'count'"),
        ("{count: 10}", "{count: 0}", "at least 1"),
        ("{count: 10}", "{count: many}", "a number"),
        ("jobs: 1", "jbos: 1", "did you mean 'jobs'"),
        (", jobs: 1", "", "needs 'rate' and 'seconds'"),
        ("jobs: 1", "rate: 5", "'seconds'"),
        ("phases:", "topology: {masters: 3}\nphases:", "need 'store: redis'"),
        ("phases:", "topology: {returners: [kafak]}\nphases:", "returner 'kafak'"),
        ("phases:", "expect: [all_retrun]\nphases:", "did you mean 'all_return'"),
        ("    load:", "    faults: [{at: 1, do: kill mastre}]\n    load:", "did you mean 'kill master'"),
        ("    load:", "    until: [opne]\n    load:", "did you mean 'open'"),
        ("  - name: ping", "  - nmae: ping", "did you mean 'name'"),
    ],
)
def test_wrong_scenarios_are_told_what_is_wrong(wrong, instead, told):
    text = SMALL.replace(wrong, instead, 1)
    assert text != SMALL
    message = complaint(text)
    assert message.startswith("x.yaml: ")
    assert told in message


def test_no_phases_is_no_scenario():
    assert "phases" in complaint("name: x\nminions: {count: 1}")


def test_a_missing_file_names_where_scenarios_are(tmp_path):
    with pytest.raises(scenario.ScenarioError, match="loadtest/scenarios"):
        scenario.read(tmp_path / "no.yaml")


def test_text_that_is_no_yaml_is_told_so(tmp_path):
    (tmp_path / "x.yaml").write_text("a: [")
    with pytest.raises(scenario.ScenarioError, match="is not YAML"):
        scenario.read(tmp_path / "x.yaml")


def test_slope_is_that_of_the_line_through_the_points():
    assert figures.slope_per_hour([(0, 10), (1800, 11), (3600, 12)]) == pytest.approx(2)
    assert figures.slope_per_hour([(5, 1)]) == 0


def test_figures_hold_when_they_are_on_the_right_side():
    assert figures.holds(figures.figure("ping_all", 0.9)) is True
    assert figures.holds(figures.figure("ping_all", 1.1)) is False
    assert figures.holds(figures.figure("jobs_per_second", 2_001)) is True
    assert figures.holds(figures.figure("memory_slope", 5)) is None


def test_measures_divide_by_what_was_returned():
    final = {"t": 2.0, "returns": 100, "finished": 10, "latency_us": {"p50": 1000, "p90": 2000, "p99": 3000, "max": 4000}}
    phase = {"seconds": 3, "finals": [final], "master_cpu_s": 0.01, "swarm_cpu_s": 0.03, "master_mib": [10, 15, 12], "recovered": 1.5}
    found = figures.measures(phase)
    assert found["returns_per_second"] == 50
    assert found["master_us_per_return"] == pytest.approx(100)
    assert found["swarm_us_per_return"] == pytest.approx(300)
    assert (found["p50_ms"], found["p99_s"], found["master_grew_mib"], found["recovered_s"]) == (1, 0.003, 5, 1.5)
