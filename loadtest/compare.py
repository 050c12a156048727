"""brine beside Salt and beside a NATS server, in one run and in turns; tables in Markdown with ratios.

usage: compare.py --salt PYTHON --nats SERVER [--rounds N] [--minions N] [--clients N] [--minutes N] [--json FILE]
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests" / "process"))

import machine  # noqa: E402
from compare_brine import BrineTurn  # noqa: E402
from compare_nats import NatsTurn  # noqa: E402
from compare_salt import SaltTurn, best_workers, tuned, without_job_cache  # noqa: E402
from compare_table import NATS_ROWS, SALT_ROWS, table, unsteady  # noqa: E402
from fleet import BIN  # noqa: E402
from processes import LoadTestError  # noqa: E402
from salt_fleet import DEFAULT  # noqa: E402


def say(text):
    print(f"compare: {text}", file=sys.stderr, flush=True)


class Comparison:
    def __init__(self, options, folder):
        self.options, self.folder = options, Path(folder)
        self.begin = time.monotonic()
        self.beside_salt = {"brine": [], "Salt, default": [], "Salt, tuned": []}
        self.beside_nats = {"brine": [], "NATS": []}
        self.failures, self.workers, self.turns = [], {}, 0

    def elapsed(self):
        return time.monotonic() - self.begin

    def turn(self, what, make, measure):
        """The figures of one turn, those up to a failure; a failure, or that no time was left, is told. Whatever it started is stopped."""
        self.turns += 1
        if self.elapsed() > 60 * self.options.minutes:
            self.failures.append(f"{what}: left out, {self.options.minutes} minutes were over")
            return {}
        begin, turn = time.monotonic(), None
        try:
            turn = make(self.folder / str(self.turns))
            measure(turn)
        except (LoadTestError, AssertionError, OSError, subprocess.SubprocessError) as error:
            self.failures.append(f"{what}: {error}")
        finally:
            if turn is not None:
                turn.close()
            say(f"{what}: {time.monotonic() - begin:.0f} s")
        return turn.row if turn is not None else {}

    def salt(self, settings):
        return lambda folder: SaltTurn(self.options.salt, folder, settings)

    def try_workers(self):
        begin = time.monotonic()
        try:
            self.workers = best_workers(self.options.salt, self.folder / "workers", self.options.minions)
        except (LoadTestError, AssertionError, OSError) as error:
            self.failures.append(f"trying worker_threads: {error}")
        say(f"worker_threads: {self.workers}, {time.monotonic() - begin:.0f} s")

    def tuned(self):
        return tuned(max(self.workers, key=self.workers.get) if self.workers else 4)

    def round(self):
        minions, clients = self.options.minions, self.options.clients
        take = self.beside_salt
        take["brine"].append(self.turn("brine", BrineTurn, lambda turn: turn.beside_salt(minions)))
        take["Salt, default"].append(self.turn("Salt, default", self.salt(DEFAULT), lambda turn: turn.beside_brine(minions)))
        row = self.turn("Salt, tuned", self.salt(self.tuned()), lambda turn: turn.beside_brine(minions))
        unstored = self.salt(without_job_cache(self.tuned()))
        take["Salt, tuned"].append(row | self.turn("Salt, tuned, job cache off", unstored, lambda turn: turn.unstored(minions)))
        self.beside_nats["brine"].append(self.turn(f"brine, {clients}", BrineTurn, lambda turn: turn.beside_nats(clients)))
        nats = self.turn(f"NATS, {clients}", lambda folder: NatsTurn(self.options.nats, folder), lambda turn: turn.beside_brine(clients))
        self.beside_nats["NATS"].append(nats)

    def run(self):
        facts = machine.facts(self.folder)
        self.try_workers()
        for i in range(self.options.rounds):
            say(f"round {i + 1} of {self.options.rounds}")
            self.round()
        return {
            "machine": {**facts, "load_after": round(os.getloadavg()[0], 2)},
            "versions": versions(self.options),
            "minions": self.options.minions,
            "clients": self.options.clients,
            "seconds": round(self.elapsed()),
            "worker_threads": self.workers,
            "salt_tuned": self.tuned(),
            "beside_salt": self.beside_salt,
            "beside_nats": self.beside_nats,
            "failures": self.failures,
        }


def versions(options):
    programs = {"brine": BIN / "brine", "Salt": Path(options.salt).parent / "salt-master", "NATS": options.nats}
    return {name: subprocess.run([path, "--version"], capture_output=True, text=True).stdout.strip() for name, path in programs.items()}


def page(result):
    """What is printed: Markdown."""
    facts, n, clients = result["machine"], result["minions"], result["clients"]
    workers = ", ".join(f"{count}: {rate:.0f}/s" for count, rate in result["worker_threads"].items())
    parts = [
        "; ".join(result["versions"].values()),
        f"load average {facts['load_before']} before, {facts['load_after']} after; {facts['processors']} processors; "
        f"disk {facts['disk_syncs_per_second']} syncs/s; {result['seconds']} s in all",
        f"## {n} real minions each\n\nIn brackets: how many times better brine is; below 1 it is behind. brine stores and syncs every job and "
        f"return; Salt writes them to its job cache without a sync. Returns of Salt by `worker_threads` (tuned): {workers}.",
        table(SALT_ROWS, result["beside_salt"]),
        f"## {clients:,} simulated minions of brine, {clients:,} clients of NATS\n\nNATS is the floor: plain text, no identities, no encryption, "
        "nothing stored. brine encrypts, signs, stores and syncs.",
        table(NATS_ROWS, result["beside_nats"]),
    ]
    shaky = unsteady(result["beside_salt"]) + unsteady(result["beside_nats"])
    if shaky:
        parts.append("Rounds differ by more than 1.5 times: " + ", ".join(shaky) + ".")
    parts += [f"FAILED: {failure}" for failure in result["failures"]]
    return "\n\n".join(parts)


def arguments():
    parser = argparse.ArgumentParser(prog="dev bench --compare", description="brine beside Salt and beside NATS, in one run and in turns.")
    parser.add_argument("--salt", required=True, help="a Python that has Salt installed")
    parser.add_argument("--nats", required=True, help="path of nats-server")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--minions", type=int, default=20, help="real ones, of brine and of Salt")
    parser.add_argument("--clients", type=int, default=10_000, help="simulated minions of brine, clients of NATS")
    parser.add_argument("--minutes", type=float, default=11, help="no turn begins after that")
    parser.add_argument("--json", type=Path, help="writes every figure of every round there")
    return parser.parse_args()


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("compare: stopped"))
    with tempfile.TemporaryDirectory(prefix="brine-cmp-", ignore_cleanup_errors=True) as folder:
        result = Comparison(options, folder).run()
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    print(page(result))
    sys.exit(1 if result["failures"] else 0)


if __name__ == "__main__":
    main()
