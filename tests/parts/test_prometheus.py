"""Prometheus and its tools, with what the daemons serve, and with what deploy/prometheus makes of it."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from cluster import Cluster, Redis
from fleet import await_
from processes import Clock, Swarm, scrape_times
from prometheus import DEPLOY, Prometheus
from test_metrics import LISTEN, get, port_of, scrape, watched, watched_minion, watched_syndic

TOP = Path(__file__).resolve().parents[2]
OPERATIONS = (TOP / "docs/operations.md").read_text()
RULES = [rule for group in yaml.safe_load((DEPLOY / "brine.rules.yml").read_text())["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
DASHBOARD = json.loads((DEPLOY / "brine-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def promtool(*words, **how):
    done = subprocess.run(["promtool", *map(str, words)], text=True, capture_output=True, cwd=DEPLOY, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


# ---- files -------------------------------------------------------------------------------------------------------------------


def test_promtool_takes_the_rules_and_the_configuration():
    promtool("check", "rules", "--lint-fatal", "brine.rules.yml")
    promtool("check", "config", "--lint-fatal", "prometheus.yml")


def test_every_alert_fires_when_it_must_and_is_quiet_when_it_must():
    promtool("test", "rules", "brine.rules.test.yml")
    tests = yaml.safe_load((DEPLOY / "brine.rules.test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == ALERTS.keys()
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == ALERTS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on(name):
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"]["summary"] and alert["annotations"]["description"]
    assert alert["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    section = re.search(rf"^### {name}\n+(.+?)(?=^##|\Z)", OPERATIONS, re.MULTILINE | re.DOTALL)
    assert section and len(section.group(1)) > 80


def test_the_operations_page_has_no_section_of_an_alert_that_is_gone():
    assert set(re.findall(r"^### (Brine\w+)$", OPERATIONS, re.MULTILINE)) == ALERTS.keys()


def test_panels_lie_side_by_side_and_ask_the_datasource_of_the_dashboard():
    assert DASHBOARD["schemaVersion"] >= 36
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "instance"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    for panel in PANELS:
        assert panel["description"] and panel["targets"]
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


# ---- daemons -----------------------------------------------------------------------------------------------------------------


def test_promtool_finds_nothing_to_complain_about_in_the_metrics_of_both_daemons(fleet):
    master, _ = watched(fleet, "m1")
    for daemon in (master, watched_minion(fleet, "m2", master)):
        assert not promtool("check", "metrics", input=get(daemon.metrics_port)[1]).stderr


@pytest.fixture(scope="module")
def watched_cluster(tmp_path_factory):
    """Two masters on a Redis with a returner, a syndic, two minions that serve metrics, some jobs; and a Prometheus that reads all five."""
    folder = tmp_path_factory.mktemp("p")
    redis = Redis(folder / "redis").start()
    cluster = Cluster(folder, redis)
    prometheus = None
    try:
        masters = cluster.start_masters("a", "b", metrics=LISTEN)
        minions = [watched_minion(cluster, id, masters[0], rebalance_within="500ms") for id in ("m1", "m2")]
        await_(lambda: all(set(master.up()) >= {"m1", "m2"} for master in masters), "the minions on both masters")
        syndic = watched_syndic(cluster, masters[0])
        prometheus = Prometheus(
            folder / "prometheus",
            brine_master=[port_of(m).metrics_port for m in masters],
            brine_syndic=[syndic.metrics_port],
            brine_minion=[m.metrics_port for m in minions],
        )
        prometheus.start()
        for master in masters:
            assert master.brine("*", "cmd.run", "true") == {"m1": "", "m2": ""}
        yield prometheus
        cluster.close()
    finally:
        if prometheus:
            prometheus.stop()
        for daemon in cluster.daemons:
            if daemon.alive():
                daemon.kill()
        redis.stop()


def asked_now(expression):
    """As Grafana asks, of a Prometheus that is seconds old."""
    expression = expression.replace("$__rate_interval", "10s").replace("$instance", ".*")
    return re.sub(r"\[\d+m\]", "[10s]", re.sub(r"offset \d+m", "offset 1s", expression))


def is_there(prometheus, expression):
    """Numbers and not only "nothing was measured": what has no lines yet, like the rate of a second sample, comes."""
    answer = []

    def look():
        answer[:] = prometheus.query(asked_now(expression))
        return [sample for sample in answer if sample["value"][1] != "NaN"]

    return await_(look, f"{expression} (it was {answer})")


@pytest.mark.parametrize(("title", "expression"), [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]])
def test_every_panel_has_data(watched_cluster, title, expression):
    assert is_there(watched_cluster, expression), title


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_rule_has_data(watched_cluster, rule):
    """An alert is asked what it compares: with `bool` it answers 0 where it would be silent."""
    answers = is_there(watched_cluster, re.sub(r" (==|<|>) ", r" \1 bool ", rule["expr"]) if "alert" in rule else rule["expr"])
    if "alert" in rule:
        assert {sample["value"][1] for sample in answers} == {"0"}, "all is well, and it would fire"
    else:
        assert is_there(watched_cluster, rule["record"])


def test_no_alert_is_pending_in_a_cluster_that_is_well(watched_cluster):
    assert watched_cluster.get("alerts")["alerts"] == []


# ---- many minions ------------------------------------------------------------------------------------------------------------


def lines_of(master):
    return scrape(master).samples.keys()


def test_two_thousand_minions_and_their_jobs_are_no_more_lines(fleet, folder, capsys):
    master = port_of(fleet.master(auto_accept=True, metrics=LISTEN, log_level="warning").start())
    before = lines_of(master)
    swarm = Swarm("swarm-0", folder, {"masters": [f"tcp://127.0.0.1:{master.port}"], "count": 2000, "threads": 1, "journal": "memory"}, Clock())
    try:
        await_(lambda: swarm.all_open() and scrape(master)("brine_master_connected_minions") == 2000, "2,000 sessions", patience=240)
        for _ in range(3):
            master.submit("*", "test.ping", "--expires", "1h")
        await_(lambda: scrape(master)("brine_master_returns_total", result="committed") == 6000, "6,000 returns", patience=240)
        assert lines_of(master) == before
        times = sorted(scrape_times(master.metrics_port))
        with capsys.disabled():
            print(f"\n{len(before)} series; a scrape with 2,000 minions: median {times[len(times) // 2]:.1f} ms, worst {times[-1]:.1f} ms")
    finally:
        swarm.stop()
