"""The page of a load test: whole in itself, escaped, honest about a failure, small even for a long run."""

import copy
import json
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import report  # noqa: E402
from svg_plot import Line, Plot, svg, thin, ticks  # noqa: E402


def made(seconds=60, processes=1):
    """A result as run.py writes it, from a run in which nothing remarkable happened."""
    times = [float(t) for t in range(1, seconds)]
    return {
        "scenario": {"name": "small", "about": "Few minions", "text": "name: small\nphases: []\n"},
        "machine": {"processors": 2, "load_before": 0.1, "disk_syncs_per_second": 5092},
        "version": "brine 0.1.0",
        "started": "2026-11-23T12:00:00Z",
        "seconds": float(seconds),
        "minions": 300,
        "events": [{"t": 20.5, "what": "kill master"}],
        "phases": [{"name": "ping", "from": 2.0, "to": seconds - 5.0, "seconds": seconds - 7.0, "measures": {"p50_ms": 1.5}}],
        "processes": {name: [[t, 0.5, 100 + t / 100, 50] for t in times] for name in ["master", *(f"swarm-{i}" for i in range(processes))]},
        "swarms": {f"swarm-{i}": [{"t": t, "open": 300, "connecting": 0, "acknowledged": 100 * t} for t in times] for i in range(processes)},
        "loads": {"ping": [{"t": t, "finished": 7, "busy": 0, "returns": 7, "latency_us": {"p50": 900, "p90": 1500, "p99": 4000, "max": 9000}} for t in times]},
        "metrics": {"master": [[t, {"brine_master_queued_returns": t % 7, "brine_master_max_queued_returns": 9.0}] for t in times]},
        "figures": [
            {"row": "ping_all", "what": "ping all", "value": 1.25, "unit": "s", "reach": 1.0, "then": 0.5, "better": "lower", "detail": "p50 of 9"},
            {"row": "slope", "what": "slope", "value": 0.125, "unit": "MiB/h", "reach": None, "then": None, "better": "lower", "detail": ""},
        ],
        "verdict": {"passed": True, "counts": {"issued": 4711, "lost": 0}, "failures": [], "expectations": [{"what": "all return", "held": True, "saw": "see"}]},
    }


class Reader(HTMLParser):
    """Complains of what is not closed; gathers resources and text."""

    VOID = {"meta", "link", "img", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.resources, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.resources += [value for name, value in attributes if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


def words(result):
    return " ".join(Reader(report.page(result)).words)


def titles(page):
    return [unescape(re.sub("<.*?>", "", title)).strip() for title in re.findall("<figcaption>(.*?)</figcaption>", page)]


def test_the_page_is_well_formed_and_needs_nothing_else():
    page = report.page(made())
    assert Reader(page).resources == []
    assert "http://" not in page and "https://" not in page and "url(" not in page
    drawings = re.findall("<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) >= 8
    for drawing in drawings:
        ElementTree.fromstring(drawing)


def test_numbers_of_the_result_are_seen():
    told = words(made())
    for number in ("4,711", "1.25 s", "0.125 MiB/h", "5092", "300 simulated minions", "p50 of 9", "kill master"):
        assert number in told, number


def test_figures_are_marked_by_what_they_should_reach():
    page = report.page(made())
    assert '<span class="bad">1.25 s</span>' in page
    assert '<span class="">0.125 MiB/h</span>' in page


def test_a_failure_stands_at_the_top_with_its_reasons():
    result = made()
    result["verdict"] |= {"passed": False, "failures": ["lost: ran on a minion: 3"], "expectations": [{"what": "busy", "held": False, "saw": "0 times"}]}
    page = report.page(result)
    assert "<title>small: failed</title>" in page
    told = words(result)
    assert told.index("Failed") < told.index("lost: ran on a minion: 3") < told.index("NOT held") < told.index("Figures")
    assert "Nothing was lost" not in told


def every_text(value):
    """The same structure with markup in every text but those that are looked up."""
    if isinstance(value, dict):
        return {key: every_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [every_text(item) for item in value]
    return f"<script>alert('{value}')</script>\"&" if isinstance(value, str) and value != "lower" else value


def test_text_is_escaped_wherever_it_comes_from():
    result = every_text(made())
    result["processes"] = {"<b>evil</b>": made()["processes"]["master"]}
    result["loads"] = {"<b>evil</b>": made()["loads"]["ping"]}
    result["metrics"] = {"<b>evil</b>": made()["metrics"]["master"]}
    result["verdict"]["counts"] = {"<b>evil</b>": 1}
    page = report.page(result)
    assert page.count("<script>") == 1  # our own
    assert "<b>evil" not in page
    Reader(page)


@pytest.mark.parametrize(
    ("key", "title"),
    [("metrics", "master: queued_returns"), ("loads", "Latency of the load 'ping' (ms)"), ("swarms", "Simulated minions (connections)"), ("processes", "CPU of the product (cores)")],
)
def test_what_was_not_measured_leaves_no_empty_plot(key, title):
    result = made()
    assert title in titles(report.page(result))
    result[key] = {}
    assert title not in titles(report.page(result))


def test_bounds_and_depths_that_were_never_used_are_not_drawn():
    result = made()
    result["metrics"]["master"] = [[t, {**values, "brine_master_open_jobs": 0.0}] for t, values in result["metrics"]["master"]]
    drawn = " ".join(titles(report.page(result)))
    assert "queued_returns" in drawn
    assert "max_queued" not in drawn and "open_jobs" not in drawn


def test_rates_of_several_loads_add_up_second_by_second():
    result = made()
    result["loads"]["other"] = copy.deepcopy(result["loads"]["ping"])
    lines = {line.name: line.points for line in report.throughput_lines(result)}
    assert set(lines) == {"jobs finished", "returns acknowledged"}
    assert lines["jobs finished"][0] == (1, 14)
    assert lines["returns acknowledged"][0][1] == pytest.approx(100)


def test_a_silent_swarm_counts_with_its_last_line():
    swarms = {"a": [{"t": 1.2, "open": 5}, {"t": 2.2, "open": 6}], "b": [{"t": 1.9, "open": 10}]}
    assert report.swarm_lines(swarms, ("open",))[0].points == [(1, 15), (2, 16)]


def test_slopes_are_told_of_long_runs_only():
    assert "MiB/h in the second half" not in words(made(seconds=60))
    assert "+36.00 MiB/h in the second half" in words(made(seconds=600))


def test_thinning_keeps_the_extremes_and_the_order():
    points = [(t, (t * 7919) % 1000) for t in range(10_000)]
    points[4567], points[8910] = (4567, -5), (8910, 5000)
    thinned = thin(points, 600)
    assert len(thinned) <= 600
    assert (4567, -5) in thinned and (8910, 5000) in thinned
    assert thinned == sorted(thinned)
    assert thin(points[:600], 600) == points[:600]


def test_a_run_of_half_an_hour_with_many_processes_stays_small():
    assert len(report.page(made(seconds=1800, processes=16))) < 2_000_000


def test_lines_lie_where_their_values_say():
    drawing = ElementTree.fromstring(svg(Plot("t", "u", [Line("a", [(0, 0), (10, 50), (20, 100)])], 20)))
    (line,) = drawing.iter("polyline")
    (x0, y0), (x1, y1), (x2, y2) = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
    assert x0 < x1 < x2 and x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 > y1 > y2 and y0 - y1 == pytest.approx(y1 - y2, abs=0.2)  # upwards on a page is less


def test_ticks_are_round_and_inside():
    assert ticks(0, 10, 5) == [0, 2, 4, 6, 8, 10]
    assert ticks(0, 1.05, 5) == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])


def test_the_command_line_writes_the_page(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(made()))
    program = Path(report.__file__)
    subprocess.run([sys.executable, program, tmp_path / "result.json", tmp_path / "page.html"], check=True)
    assert (tmp_path / "page.html").read_text() == report.page(made())
