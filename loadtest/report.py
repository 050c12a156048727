"""The result of a load test as one page of HTML that needs nothing else: verdict, figures, plots, the scenario and the machine.

usage: report.py RESULT.json OUT.html
"""

import json
import sys
from html import escape
from pathlib import Path

import figures
from svg_plot import COLOURS, Line, Plot, legend, svg

SLOPES_FROM = 300  # seconds of run after which a slope says something
MOST_EVENTS = 40  # more marks than this hide the lines
DEPTHS = ("queue", "queued", "waiting", "open_jobs", "behind", "pending", "depth")

STYLE = """
:root { --page: #fff; --text: #1b1f24; --soft: #5b6470; --rule: #d8dde3; --band: #00000008; --good: #00704f; --bad: #b3261e;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b8589a; --c4: #c98b00; --c5: #3d9bd4; --c6: #6b6b6b; --c7: #7a5ea8; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --text: #e6e9ed; --soft: #9aa4b0; --rule: #323941; --band: #ffffff0a;
  --good: #3ecf9a; --bad: #ff8a80; --c0: #4aa8e0; --c1: #f0803c; --c2: #2cc79b; --c3: #d98cc0; --c4: #e6b23c; --c5: #8cc8ee; --c6: #a8a8a8;
  --c7: #ab93d6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 1.2rem; background: var(--page); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; } p { margin: .3rem 0; } .soft { color: var(--soft); }
.verdict { border-left: 6px solid; padding: .6rem 1rem; margin: 1rem 0; } .passed { border-color: var(--good); } .failed { border-color: var(--bad); }
.verdict b { font-size: 1.2rem; } .passed b, .good { color: var(--good); } .failed b, .bad { color: var(--bad); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--rule); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } th { color: var(--soft); font-weight: 500; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: .6rem; margin: 0; } dt { color: var(--soft); font-size: .82rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; font-size: 1.05rem; } .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: 1.2rem 1.6rem; }
figure { margin: 0; break-inside: avoid; } figcaption { font-weight: 600; } .key { display: inline-block; margin-right: .9rem; font-size: .82rem; color: var(--soft); }
.key i { display: inline-block; width: .8rem; height: .22rem; margin-right: .3rem; vertical-align: middle; }
.read { min-height: 1.2em; font-size: .82rem; font-variant-numeric: tabular-nums; color: var(--soft); }
svg.plot { width: 100%; height: auto; display: block; } svg text { font-size: 11px; fill: var(--soft); } text.y { text-anchor: end; } text.x, text.phase { text-anchor: middle; }
.grid { stroke: var(--rule); } .band { fill: none; } .b1 { fill: var(--band); } .event { stroke: var(--bad); stroke-dasharray: 3 3; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; } pre { overflow-x: auto; background: var(--band); padding: .8rem; font-size: .85rem; }
""" + "".join(f"polyline.c{i} {{ stroke: var(--c{i}); }} i.c{i} {{ background: var(--c{i}); }}\n" for i in range(COLOURS))

# Under the pointer: the values of all lines at that time.
SCRIPT = """
for (const svg of document.querySelectorAll("svg.plot")) {
  const d = svg.dataset, box = svg.viewBox.baseVal, out = svg.nextElementSibling;
  const lines = [...svg.querySelectorAll("polyline")].map(l => ({ name: l.dataset.name, at: l.getAttribute("points").split(" ").map(p => p.split(",").map(Number)) }));
  const value = y => { const v = +d.low + (1 - (y - 26) / (box.height - 52)) * (d.high - d.low); return d.log === "1" ? 10 ** v : v; };
  svg.addEventListener("mousemove", e => {
    const r = svg.getBoundingClientRect(), x = (e.clientX - r.left) / r.width * box.width;
    const t = Math.max(0, (x - 58) / (box.width - 70) * d.end);
    out.textContent = t.toFixed(1) + " s: " + lines.map(l => {
      const p = l.at.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
      return l.name + " " + value(p[1]).toPrecision(3); }).join(", ") + " " + d.unit;
  });
  svg.addEventListener("mouseleave", () => { out.textContent = ""; });
}
"""


def write_html(result, path):
    Path(path).write_text(page(result))


def page(result):
    name = escape(result["scenario"]["name"])
    plots = [plot for plot in all_plots(result) if plot.has_data()]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: {"passed" if result["verdict"]["passed"] else "failed"}</title><style>{STYLE}</style></head><body>
<h1>{name}</h1><p>{escape(result["scenario"]["about"])}</p>
<p class="soft">{result["minions"]:,} simulated minions, {escape(result["version"])}, {escape(result["started"])}, {result["seconds"]:.0f} s</p>
{verdict_part(result["verdict"])}
{figures_part(result["figures"])}
{counts_part(result["verdict"]["counts"])}
<h2>Over time</h2><div class="plots">{"".join(figure(plot) for plot in plots)}</div>
{phases_part(result["phases"])}
{events_part(result["events"])}
{machine_part(result["machine"])}
<h2>Scenario</h2><pre>{escape(result["scenario"]["text"])}</pre>
<script>{SCRIPT}</script></body></html>
"""


# ---- words and tables ----


def verdict_part(verdict):
    passed = verdict["passed"]
    told = "Nothing was lost, doubled or invented, and what the scenario expects held." if passed else "This run failed:"
    failures = "".join(f"<li>{escape(text)}</li>" for text in verdict["failures"])
    held = "".join(
        f'<li><span class="{"good" if item["held"] else "bad"}">{"held" if item["held"] else "NOT held"}</span>: {escape(item["what"])} '
        f'<span class="soft">({escape(item["saw"])})</span></li>'
        for item in verdict["expectations"]
    )
    return (
        f'<div class="verdict {"passed" if passed else "failed"}"><b>{"Passed" if passed else "Failed"}</b><p>{told}</p>'
        f"{f'<ul>{failures}</ul>' if failures else ''}{f'<ul>{held}</ul>' if held else ''}</div>"
    )


def table(head, rows):
    cells = "".join(f"<th{' class=n' if name.startswith('#') else ''}>{escape(name.lstrip('#'))}</th>" for name in head)
    lines = "".join(
        "<tr>" + "".join(f"<td{' class=n' if name.startswith('#') else ''}>{cell}</td>" for name, cell in zip(head, row, strict=True)) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><tr>{cells}</tr>{lines}</table></div>'


def figures_part(items):
    if not items:
        return ""
    rows = []
    for item in items:
        mark = {True: "good", False: "bad", None: ""}[figures.holds(item)]
        asked = ["" if item[key] is None else f"{item[key]:,} {escape(item['unit'])}" for key in ("reach", "then")]
        what = f'{escape(item["what"])} <span class="soft">{escape(item["detail"])}</span>'
        rows.append([what, f'<span class="{mark}">{item["value"]:,.4g} {escape(item["unit"])}</span>', *asked])
    return "<h2>Figures</h2>" + table(["what", "#measured", "#reach", "#then"], rows)


def counts_part(counts):
    cells = "".join(f"<div><dt>{escape(key.replace('_', ' '))}</dt><dd>{value:,}</dd></div>" for key, value in counts.items())
    return f"<h2>Counted</h2><dl>{cells}</dl>"


def phases_part(phases):
    rows = [
        [escape(phase["name"]), f"{phase['from']:.1f} s", f"{phase['seconds']:.1f} s", escape(", ".join(f"{k} {v:,.4g}" for k, v in phase["measures"].items()))]
        for phase in phases
    ]
    return "<h2>Phases</h2>" + table(["phase", "#from", "#took", "measures"], rows)


def events_part(events):
    if not events:
        return ""
    return "<h2>Faults</h2>" + table(["#at", "what"], [[f"{event['t']:.1f} s", escape(event["what"])] for event in events])


def machine_part(machine):
    return "<h2>Machine</h2>" + table(["what", "value"], [[escape(key.replace("_", " ")), escape(str(value))] for key, value in machine.items()])


def figure(plot):
    unit = f' <span class="soft">({escape(plot.unit)})</span>' if plot.unit else ""
    return f'<figure><figcaption>{escape(plot.title)}{unit}</figcaption>{legend(plot)}{svg(plot)}<div class="read"></div></figure>'


# ---- plots ----


def all_plots(result):
    def plot(title, unit, lines, may_be_log=False):
        return Plot(title, unit, lines, result["seconds"], events, phases, may_be_log)

    events = [(event["t"], event["what"]) for event in result["events"]][:MOST_EVENTS]
    phases = [(phase["name"], phase["from"], phase["to"]) for phase in result["phases"]]
    products, simulators = split_processes(result["processes"])
    yield from (plot(f"Latency of the load '{name}'", "ms", latency_lines(series), True) for name, series in result["loads"].items())
    yield plot("Throughput", "per second", throughput_lines(result))
    yield plot("Simulated minions", "connections", swarm_lines(result["swarms"], ("open", "connecting")))
    yield plot("CPU of the product", "cores", process_lines(products, 1))
    yield plot("CPU of swarm and load", "cores", process_lines(simulators, 1))
    yield plot("Memory of the product, resident", "MiB", process_lines(products, 2, slope="MiB/h"))
    yield plot("Memory of swarm and load, resident", "MiB", process_lines(simulators, 2, slope="MiB/h"))
    yield plot("Open files of the product", "files", process_lines(products, 3, slope="/h"))
    for daemon, samples in result["metrics"].items():
        yield plot(f"{daemon}: a commit, mean", "ms", [mean_line("commit", samples, "brine_master_commit_seconds")])
        yield plot(f"{daemon}: how late its threads are, mean", "ms", lag_lines(samples))
        yield from (plot(f"{daemon}: {name.removeprefix('brine_master_')}", "", [Line("now", points)]) for name, points in depth_series(samples))


def split_processes(processes):
    simulators = {name: rows for name, rows in processes.items() if name.startswith(("swarm-", "load-"))}
    return {name: rows for name, rows in processes.items() if name not in simulators}, simulators


def latency_lines(series):
    with_latency = [line for line in series if line.get("latency_us") and line.get("finished")]
    return [Line(name, [(line["t"], line["latency_us"][name] / 1000) for line in with_latency]) for name in ("p50", "p90", "p99", "max")]


def throughput_lines(result):
    """Lines of a load tell one second each, those of a swarm sums since the start."""
    jobs = [line for series in result["loads"].values() for line in series]
    rates = [Line(name, per_second([(line["t"], line.get(key, 0)) for line in jobs])) for name, key in (("jobs finished", "finished"), ("refused as busy", "busy"))]
    acknowledged = swarm_lines(result["swarms"], ("acknowledged",))[0].points
    slopes = [(b[0], (b[1] - a[1]) / (b[0] - a[0])) for a, b in zip(acknowledged, acknowledged[1:], strict=False) if b[0] > a[0]]
    rates.append(Line("returns acknowledged", slopes))
    return [line for line in rates if any(value for _, value in line.points)]


def per_second(points):
    sums = {}
    for t, value in points:
        sums[int(t)] = sums.get(int(t), 0) + value
    return sorted(sums.items())


def swarm_lines(swarms, keys):
    """Sums over all swarms, second by second; a swarm that has not spoken in a second counts with its last line."""
    seconds = sorted({int(line["t"]) for series in swarms.values() for line in series})
    totals = {key: dict.fromkeys(seconds, 0) for key in keys}
    for series in swarms.values():
        by_second, last = {int(line["t"]): line for line in series}, {}
        for second in seconds:
            last = by_second.get(second, last)
            for key in keys:
                totals[key][second] += last.get(key, 0)
    return [Line(key, list(totals[key].items())) for key in keys]


def process_lines(processes, column, slope=None):
    lines = []
    for name, rows in processes.items():
        points = [(row[0], row[column]) for row in rows]
        lasted = points[-1][0] - points[0][0] if points else 0
        if slope and lasted >= SLOPES_FROM:
            name += f", {figures.slope_per_hour(points[len(points) // 2 :]):+.2f} {slope} in the second half"
        lines.append(Line(name, points))
    return lines


def lag_lines(samples):
    counts = "brine_master_loop_lag_seconds_count"
    labels = sorted({name.removeprefix(counts) for _, values in samples for name in values if name.startswith(counts)})
    return [mean_line(label.strip('{}').partition("=")[2].strip('"'), samples, "brine_master_loop_lag_seconds", label) for label in labels]


def mean_line(name, samples, family, label=""):
    points = []
    for (_, before), (t, now) in zip(samples, samples[1:], strict=False):
        count = now.get(f"{family}_count{label}", 0) - before.get(f"{family}_count{label}", 0)
        if count > 0:
            points.append((t, 1000 * (now[f"{family}_sum{label}"] - before[f"{family}_sum{label}"]) / count))
    return Line(name, points)


def depth_series(samples):
    """(name, points) of everything that can be full and was not empty all the time."""
    names = sorted({name for _, values in samples for name in values})
    for name in names:
        if "_max_" in name or not any(word in name for word in DEPTHS):
            continue
        points = [(t, values[name]) for t, values in samples if name in values]
        if any(value for _, value in points):
            yield name, points


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write_html(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])


if __name__ == "__main__":
    main()
