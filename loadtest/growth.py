"""How cost grows with the fleet: the scenario ping-all with more and more minions, one table each for memory, CPU per return and ping-all.

usage: growth.py [--counts 1000,2500,5000,10000,16000] [--scenario FILE]
"""

import argparse
import sys
from pathlib import Path

import machine
import run
import scenario as scenarios
from processes import LoadTestError

COUNTS = "1000,2500,5000,10000,16000"
# title, columns: (head, phase, measure)
TABLES = [
    ("Memory of the master", [("per minion, KiB", "join", "kib_per_minion"), ("all have joined, MiB", "join", "master_mib"), ("joined per second", "join", "per_second")]),
    ("CPU per return", [("master, us", "ping", "master_us_per_return"), ("swarm, us", "ping", "swarm_us_per_return")]),
    ("Ping all", [("p50, s", "ping", "p50_s"), ("slowest, s", "ping", "max_s"), ("returns per second", "ping", "returns_per_second")]),
]


def measures(result):
    """{(phase, measure): value} of one run."""
    found = {(phase["name"], name): value for phase in result["phases"] for name, value in phase["measures"].items()}
    found["join", "master_mib"] = next(phase["master_mib"][2] for phase in result["phases"] if phase["name"] == "join")
    return found


def tables(rows):
    """Markdown; rows: (minions, measures)."""
    parts = []
    for title, columns in TABLES:
        parts += [f"{title}:\n", f"| minions | {' | '.join(head for head, _, _ in columns)} |", "|" + "---|" * (len(columns) + 1)]
        for minions, found in rows:
            parts.append(f"| {minions:,} | " + " | ".join(f"{found[phase, name]:,.4g}" if found[phase, name] < 10_000 else f"{found[phase, name]:,.0f}" for _, phase, name in columns) + " |")
        parts.append("")
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(prog="dev loadtest --growth", description=__doc__.split("\n")[0])
    parser.add_argument("--counts", default=COUNTS, help=f"minions of each run ({COUNTS})")
    parser.add_argument("--scenario", default=Path(__file__).parent / "scenarios" / "ping-all.yaml")
    options = parser.parse_args()
    rows = []
    try:
        for count in map(int, options.counts.split(",")):
            scenario = scenarios.read(options.scenario)
            scenario.minions["count"] = count
            result = run.run_scenario(scenario, run.TOP / "build" / "loadtest" / f"{scenario.name}-{count}")
            if not result["verdict"]["passed"]:
                sys.exit(f"loadtest: {count} minions: {result['verdict']['failures']}")
            rows.append((count, measures(result)))
            facts = result["machine"]
            print(f"{count:,}: passed; load average {facts['load_before']} before; disk {facts['disk_syncs_per_second']} syncs/s", file=sys.stderr)
    except (scenarios.ScenarioError, LoadTestError, ValueError) as error:
        sys.exit(f"loadtest: {error}")
    print(f"{run.version()}, {machine.os.cpu_count()} processors\n\n{tables(rows)}")


if __name__ == "__main__":
    main()
