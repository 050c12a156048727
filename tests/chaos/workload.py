"""Submitters: threads that give commands on random masters and write down what they were told."""

import json
import random
import re
import subprocess
import threading
import time

from fleet import BIN

from chaos.history import ACCEPTED, REFUSED, UNKNOWN, Submission

LOG = "CHAOS_LOG"  # in the environment of a minion: the file to which executions append
PAUSE = (0.05, 0.4)  # seconds between two commands of a submitter
CUT_OFF = 25.0  # seconds after which a command is killed
HASTY = 0.1  # of the commands are killed within
HASTE = 0.03  # seconds
ERRORS_KEPT = 300  # characters

# (weight, function, waits for the returns)
KINDS = [(10, "cmd.run", False), (5, "cmd.run", True), (2, "test.echo", False), (2, "test.echo", True), (2, "test.ping", True)]


class Submitter(threading.Thread):
    def __init__(self, name, seed, masters, minions, clock, stopped):
        super().__init__(name=name)
        self.chance = random.Random(f"{name} {seed}")
        self.masters, self.minions, self.clock, self.stopped = masters, minions, clock, stopped
        self.seed = seed
        self.done = []

    def run(self):
        while not self.stopped.wait(self.chance.uniform(*PAUSE)):
            one, words = self.next()
            one.issued = self.clock()
            self.done.append(one)
            patience = self.chance.uniform(0, HASTE) if self.chance.random() < HASTY else CUT_OFF
            command(one, self.masters[one.master], words, patience)
            one.ended = self.clock()

    def next(self):
        chance = self.chance
        _, function, waits = chance.choices(KINDS, [kind[0] for kind in KINDS])[0]
        master = chance.choice(sorted(self.masters))
        targets = self.targets()
        expires = chance.random() < (0.2 if waits else 0.6)
        token = f"{self.name}-{self.seed}-{len(self.done)}"
        one = Submission(token, function, targets, self.name, master, waits, expires)
        words = ["*"] if len(targets) == len(self.minions) else ["-L", ",".join(targets)]
        words += [function, *self.arguments(one), "--out", "json"]
        words += ["-v"] if waits else ["--async"]
        return one, words + (["--expires", "5m"] if expires else [])

    def targets(self):
        count = self.chance.choices([1, min(3, len(self.minions)), len(self.minions)], [5, 3, 2])[0]
        return sorted(self.chance.sample(self.minions, count))

    def arguments(self, one):
        if one.function == "test.ping":
            return []
        if one.function == "test.echo":
            return [one.token]
        seconds = self.chance.choice([0, 0, 0, 0.2, 1.5])
        return [f'echo {one.token} >> "${LOG}"; sleep {seconds}; echo {one.token}']


def command(one, etc, words, patience):
    """Runs it, kills it when the patience is over, and fills in what it said."""
    process = subprocess.Popen(
        [BIN / "brine", "-c", etc, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        out, err = process.communicate(timeout=patience)
        one.status = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        one.given_up = time.time() if patience == CUT_OFF else None
        out, err = process.communicate()
    one.errors = err[-ERRORS_KEPT:]
    take(one, out, err)


def take(one, out, err):
    for line in out.splitlines():
        if not line.endswith("}"):
            continue
        value = json.loads(line)
        if one.waits:
            one.printed.update(value)
        else:
            one.jid = value["jid"]
    if one.waits and (told := re.search(r"jid (\d{20})", err)):
        one.jid = told[1]
    one.outcome = ACCEPTED if one.jid else UNKNOWN if one.status is None else REFUSED


TOKEN = re.compile(r"\bsubmitter\d+-\d+-\d+\b")


def token_of(arguments):
    """The token in the arguments of a job, as jobs.list_jobs shows them."""
    found = TOKEN.search(json.dumps(arguments))
    return found[0] if found else None
