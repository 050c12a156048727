"""Drives jobs through a real cluster under a seeded schedule of faults and judges what came of them: see README.md.

usage: python3 -m chaos.run [--seed S | --seeds FIRST-LAST] [--minutes M | --seconds N] [--masters N] [--minions N]
                            [--sentinel | --namespaces | --tiers] [--durability async|replicated|synced] [--keep]
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from chaos.collect import collect, settle
from chaos.namespaces import Namespaces
from chaos.schedule import JUMPS, KINDS, NAMESPACE_KINDS, SENTINEL_KINDS, absence, schedule
from chaos.stores import OneStore, SentinelStore
from chaos.tiers import LENGTH, SYNDICS, leaves, tier_schedule
from chaos.verdict import judge
from chaos.workload import Submitter
from chaos.world import World

SUBMITTERS = 8
PATIENCE = 30.0  # seconds for a healed cluster to settle
TIER_PATIENCE = 60.0  # the same behind syndics
MASTER_NAMES = "abcdefghi"


@dataclass(frozen=True)
class Shape:
    """Of a run."""

    seconds: float
    masters: int
    minions: int
    sentinel: bool = False
    durability: str = "synced"
    namespaces: bool = False
    tiers: bool = False

    def __str__(self):
        store = "three Redis under Sentinel" if self.sentinel else "one Redis"
        where = ", each in a network namespace" if self.namespaces else f" behind {len(SYNDICS)} syndics" if self.tiers else ""
        return f"{self.masters} masters on {store} ({self.durability}), {self.minions} minions{where}, {self.seconds:g} s"


class Run:
    def __init__(self, seed, shape, folder, say):
        self.seed, self.seconds, self.folder, self.say = seed, shape.seconds, Path(folder), say
        masters, minions = list(MASTER_NAMES[: shape.masters]), [f"m{i}" for i in range(shape.minions)]
        network = Namespaces(masters + minions) if shape.namespaces else None
        if shape.sentinel:
            store = SentinelStore(self.folder, shape.durability)
        else:
            store = OneStore(self.folder, shape.durability, network.gateway if network else None)
        self.world = World(self.folder, masters, minions, store, network, leaves(minions) if shape.tiers else None)
        self.patience = TIER_PATIENCE if shape.tiers else PATIENCE
        self.stopped = threading.Event()
        self.absent, self.absent_from = absence(seed, shape.seconds, minions)
        others = [id for id in minions if id != self.absent]
        kinds = SENTINEL_KINDS if shape.sentinel else NAMESPACE_KINDS if shape.namespaces else KINDS
        self.faults = tier_schedule(seed, masters) if shape.tiers else schedule(seed, shape.seconds, masters, others, kinds)

    def clock(self):
        return time.monotonic() - self.began

    def run(self):
        """The verdict; history.json is in the folder."""
        try:
            self.world.start()
            time.sleep(-min(JUMPS))  # a clock that jumps back must not come before the birth of a journal: such jobs are refused
            self.began = time.monotonic()
            self.say(f"        the run begins at {time.strftime('%H:%M:%S')}")
            submissions = self.storm()
            self.say(f"{self.clock():6.2f} s  healed")
            unrest = settle(self.world, self.patience, self.absent)
            self.say(f"{self.clock():6.2f} s  settled without {self.absent}")
            self.world.keepers[self.absent].start()
            history = collect(self.world, submissions, self.patience, unrest)
            self.say(f"{self.clock():6.2f} s  settled")
        finally:
            self.stopped.set()
            self.world.close()
        history.save(self.folder / "history.json")
        return judge(history)

    def storm(self):
        """Load and faults; all faults are over when it returns."""
        etcs = {master.settings["id"]: master.etc for master in self.world.cluster.masters}
        submitters = [
            Submitter(f"submitter{i}", self.seed, etcs, self.world.minion_ids, self.clock, self.stopped) for i in range(SUBMITTERS)
        ]
        faults = [threading.Thread(target=self.suffer, args=(fault,)) for fault in self.faults]
        faults.append(threading.Thread(target=self.lose_absent))
        for thread in submitters + faults:
            thread.start()
        for thread in faults:
            thread.join()
        over = self.clock()
        if not settle(self.world, self.patience, self.absent):
            self.say(f"{self.clock():6.2f} s  all but {self.absent} are connected again, {self.clock() - over:.1f} s after the last fault was over")
        time.sleep(max(0.0, self.seconds - self.clock()))
        self.stopped.set()
        for thread in submitters:
            thread.join()
        return [one for submitter in submitters for one in submitter.done]

    def lose_absent(self):
        if self.stopped.wait(max(0.0, self.absent_from - self.clock())):
            return
        self.say(f"{self.clock():6.2f} s  kill_minion {self.absent} until the others have settled")
        self.world.keepers[self.absent].kill()

    def suffer(self, fault):
        if self.stopped.wait(max(0.0, fault.at - self.clock())):
            return
        self.say(f"{self.clock():6.2f} s  {fault.kind} {fault.subject} for {fault.lasts} s")
        self.world.begin(fault)
        if self.stopped.wait(max(0.0, fault.at + fault.lasts - self.clock())):
            return  # the run was broken off
        self.world.end(fault)
        self.say(f"{self.clock():6.2f} s  over: {fault.kind} {fault.subject}")


def run_seed(seed, shape, keep=False, say=lambda line: None):
    """The verdict and the folder; without a failure the folder is removed, unless it is kept."""
    folder = tempfile.mkdtemp(prefix="brine-chaos-")
    say(f"seed {seed}: {shape}")
    verdict = Run(seed, shape, folder, say).run()
    for name, count in verdict.counts.items():
        say(f"  {name}: {json.dumps(count)}")
    for line in verdict.lines():
        say(f"  {line}")
    if verdict.passed and not keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        say(f"  kept: {folder}")
    say(f"seed {seed}: {'passed' if verdict.passed else 'FAILED: ' + ', '.join(sorted(verdict.failures))}")
    return verdict, folder


def seeds_of(options):
    if options.seeds is None:
        return [int(time.time()) if options.seed is None else options.seed]
    first, _, last = options.seeds.partition("-")
    return list(range(int(first), int(last or first) + 1))


def parse(words):
    parser = argparse.ArgumentParser(prog="./dev chaos", description="Jobs through a cluster under faults; nothing may be lost or doubled.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seed", type=int, help="of the schedule and the load (default: the time)")
    which.add_argument("--seeds", metavar="FIRST-LAST", help="one run after the other")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float)
    length.add_argument("--seconds", type=float, help="of one run, without start and end (default: 60)")
    parser.add_argument("--masters", type=int, default=3, choices=range(1, len(MASTER_NAMES) + 1), metavar="N")
    parser.add_argument("--minions", type=int, default=12, choices=range(2, 1001), metavar="N")
    store = parser.add_mutually_exclusive_group()
    store.add_argument("--sentinel", action="store_true", help="three Redis under Sentinel, which fail over; no cut links to them")
    store.add_argument("--namespaces", action="store_true", help="every daemon in a network namespace; silent partitions; needs root")
    store.add_argument("--tiers", action="store_true", help=f"minions behind {len(SYNDICS)} syndics, each killed and cut off once; takes {LENGTH:g} s")
    parser.add_argument("--durability", choices=("async", "replicated", "synced"), help="default: replicated with --sentinel, else synced")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a run that passed")
    return parser.parse_args(words)


def say(line):
    """In one piece: faults speak at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(words):
    options = parse(words)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(130))
    durability = options.durability or ("replicated" if options.sentinel else "synced")
    seconds = LENGTH if options.tiers else options.seconds or (options.minutes or 1.0) * 60
    shape = Shape(seconds, options.masters, options.minions, options.sentinel, durability, options.namespaces, options.tiers)
    failed = []
    for seed in seeds_of(options):
        verdict, _ = run_seed(seed, shape, options.keep, say)
        if not verdict.passed:
            failed.append(seed)
    if failed:
        say(f"FAILED with seed {' '.join(map(str, failed))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
