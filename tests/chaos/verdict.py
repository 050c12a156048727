"""Compares the history of a run with itself: what callers were told, what ran, what is recorded, what the returners got.

usage: python3 -m chaos.verdict history.json
"""

import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from chaos.history import ACCEPTED, REFUSED, History

EXAMPLES = 8  # of each kind of failure
HANGING = 12.0  # seconds after the last return: longer than any fault
LOGGED = "cmd.run"  # executions of this function leave a line of their own
DID_NOT_RUN = ("refused", "no_match", "unknown")
ANSWERS = ("returned", "interrupted", *DID_NOT_RUN)


@dataclass
class Verdict:
    counts: dict = field(default_factory=dict)
    failures: dict = field(default_factory=lambda: defaultdict(list))  # {name: sentences}

    @property
    def passed(self):
        return not self.failures

    def lines(self):
        for name, sentences in self.failures.items():
            for sentence in sentences[:EXAMPLES]:
                yield f"{name}: {sentence}"
            if len(sentences) > EXAMPLES:
                yield f"{name}: and {len(sentences) - EXAMPLES} more"


class Judge:
    def __init__(self, history):
        self.history = history
        self.by_token = {one.token: one for one in history.submissions}
        self.jids = defaultdict(set)
        for jid, token in history.jobs.items():
            self.jids[token].add(jid)
        for one in history.submissions:
            if one.jid:
                self.jids[one.token].add(one.jid)
        self.ran = {minion: Counter(tokens) for minion, tokens in history.executions.items()}
        self.delivered = defaultdict(list)
        for line in history.delivered:
            self.delivered[line["jid"], line["id"]].append(line)
        self.verdict = Verdict()

    def judge(self):
        for check in (
            self.lost,
            self.doubled,
            self.misreported,
            self.invented,
            self.undelivered,
            self.reordered,
            self.hung,
            self.disagreed,
            self.troubled,
        ):
            check()
        self.verdict.counts = self.counts()
        return self.verdict

    def fail(self, name, sentence):
        self.verdict.failures[name].append(sentence)

    # ---- what is known of a job ----

    def record(self, jid):
        """Of the first master that has it."""
        return next((jobs[jid] for jobs in self.history.records.values() if jobs.get(jid)), None)

    def entry(self, jid, minion):
        record = self.record(jid)
        return record["minions"].get(minion, {}) if record else {}

    def entries(self, token, minion):
        return [self.entry(jid, minion) for jid in self.jids[token]]

    def answered(self, token, minion):
        return any(entry.get("state") in ANSWERS for entry in self.entries(token, minion))

    def name(self, token):
        one = self.by_token.get(token)
        said = f"{one.outcome} at {one.ended:.2f} s by {one.master}" if one else "never submitted"
        return f"{token} ({' '.join(sorted(self.jids[token])) or 'no jid'}, {said})"

    # ---- the checks ----

    def lost(self):
        """A job that was accepted, an execution, or a return that somebody was shown, has no record."""
        for one in self.history.submissions:
            if one.jid and not self.record(one.jid):
                self.fail("LOST", f"no master knows job {self.name(one.token)}")
            for minion in one.printed:
                if not self.answered(one.token, minion):
                    self.fail("LOST", f"{self.name(one.token)}: the caller was shown a return of {minion} that is not recorded")
            if one.outcome == ACCEPTED and one.expires:
                for minion in one.targets:
                    if not self.answered(one.token, minion):
                        self.fail("LOST", f"{self.name(one.token)}: open for 5 minutes, and {minion} has not answered")
        for minion, tokens in self.ran.items():
            for token in tokens:
                if token in self.by_token and not self.answered(token, minion):
                    states = [entry.get("state") for entry in self.entries(token, minion)]
                    self.fail("LOST", f"{self.name(token)}: ran on {minion}, recorded as {states}")

    def doubled(self):
        for minion, tokens in self.ran.items():
            for token, times in tokens.items():
                if times > 1:
                    self.fail("DOUBLED", f"{self.name(token)} ran {times} times on {minion}")
        for token, jids in self.jids.items():
            if len(jids) > 1:
                self.fail("DOUBLED", f"{self.name(token)} has {len(jids)} jids")
        for (jid, minion), lines in self.delivered.items():
            if len({content(line) for line in lines if not line.get("late")}) > 1:
                self.fail("DOUBLED", f"the returners got different returns of {minion} for {jid}")

    def misreported(self):
        for one in self.history.submissions:
            self.misprinted(one)
            for jid in self.jids[one.token]:
                self.misrecorded(one, jid)

    def misprinted(self, one):
        """What the caller was told against the record."""
        if one.status == 3:
            self.fail("MISREPORTED", f"{self.name(one.token)}: the caller was told that no minion matches: {one.errors}")
        for minion, value in one.printed.items():
            if minion not in one.targets:
                self.fail("MISREPORTED", f"{self.name(one.token)}: the caller was shown a return of {minion}, which was not asked")
            for entry in self.entries(one.token, minion):
                if entry.get("state") in ANSWERS and entry.get("return") != value:
                    self.fail("MISREPORTED", f"{self.name(one.token)}: the caller was shown {value!r} of {minion}, recorded is {entry}")
            if value == one.value() and not self.did(one, minion):
                self.fail("MISREPORTED", f"{self.name(one.token)}: the caller was shown success of {minion}, which did not run it")
        if one.status == 0 and one.waits and set(one.printed) != set(one.targets):
            self.fail("MISREPORTED", f"{self.name(one.token)}: the caller was told success, shown were only {sorted(one.printed)}")

    def misrecorded(self, one, jid):
        """The record against what was asked and what ran."""
        record = self.record(jid)
        if record is None:
            return
        if set(record["expected"]) != set(one.targets):
            self.fail("MISREPORTED", f"{self.name(one.token)}: expected are {record['expected']}, asked were {one.targets}")
        for minion, entry in record["minions"].items():
            state = entry.get("state")
            if state == "returned" and (entry["return"] != one.value() or not entry["success"]):
                self.fail("MISREPORTED", f"{self.name(one.token)}: recorded of {minion} is {entry}")
            if state in ("no_match", "unknown"):
                self.fail("MISREPORTED", f"{self.name(one.token)}: recorded of {minion} is {entry}")
            if state in DID_NOT_RUN and self.ran.get(minion, {}).get(one.token):
                self.fail("MISREPORTED", f"{self.name(one.token)}: ran on {minion}, recorded is {entry}")

    def did(self, one, minion):
        return one.function != LOGGED or self.ran.get(minion, {}).get(one.token, 0) > 0

    def invented(self):
        for minion, tokens in self.ran.items():
            for token in tokens:
                one = self.by_token.get(token)
                if one is None or minion not in one.targets:
                    self.fail("INVENTED", f"{minion} ran {self.name(token)}, which it was not asked")
        for one in self.history.submissions:
            for jid in self.jids[one.token]:
                for minion, entry in (self.record(jid) or {"minions": {}})["minions"].items():
                    if entry.get("state") == "returned" and not self.did(one, minion):
                        self.fail("INVENTED", f"{self.name(one.token)}: recorded is a return of {minion}, which did not run it")
        for jid, minion in self.delivered:
            if self.entry(jid, minion).get("state") not in ANSWERS:
                self.fail("INVENTED", f"the returners got a return of {minion} for {jid} that is not recorded")

    def undelivered(self):
        for jid in sorted({jid for jobs in self.history.records.values() for jid in jobs}):
            for minion, entry in (self.record(jid) or {"minions": {}})["minions"].items():
                if entry.get("state") not in ANSWERS:
                    continue
                lines = self.delivered.get((jid, minion))
                if not lines:
                    self.fail("UNDELIVERED", f"the return of {minion} for {jid} is recorded, and no returner got it")
                elif not any(line["return"] == entry["return"] and line["outcome"] == entry["state"] for line in lines):
                    self.fail("UNDELIVERED", f"the returners got another return of {minion} for {jid}: {lines[0]}, recorded is {entry}")

    def reordered(self):
        """A submitter's later job ran before one that it had seen answered before it submitted the later one."""
        places = {}
        for minion, tokens in self.history.executions.items():
            places[minion] = {token: place for place, token in reversed(list(enumerate(tokens)))}
        by_submitter = defaultdict(list)
        for one in sorted(self.history.submissions, key=lambda one: one.issued):
            if one.function == LOGGED:
                by_submitter[one.submitter].append(one)
        for jobs in by_submitter.values():
            for i, first in enumerate(jobs):
                for minion in first.printed:
                    for later in jobs[i + 1 :]:
                        place, after = places.get(minion, {}).get(first.token), places.get(minion, {}).get(later.token)
                        if place is not None and after is not None and later.issued >= first.ended and after < place:
                            self.fail("REORDERED", f"{minion} ran {self.name(later.token)} before {self.name(first.token)}")

    def hung(self):
        """A command still waited long after the last return had come."""
        for one in self.history.submissions:
            if not one.given_up or not one.jid:
                continue
            lines = [self.delivered.get((one.jid, minion)) for minion in one.targets]
            if all(lines) and max(min(line["received"] for line in each) for each in lines) / 1e6 < one.given_up - HANGING:
                self.fail("HUNG", f"{self.name(one.token)}: all had returned, and the command waited on; it had shown {one.printed}")

    def disagreed(self):
        """All masters say the same at the end."""
        for jid in sorted({jid for jobs in self.history.records.values() for jid in jobs}):
            seen = {master: self.summary(jobs.get(jid)) for master, jobs in self.history.records.items()}
            if len(set(map(json.dumps, seen.values()))) > 1:
                differing = {master: self.difference(seen, master) for master in seen}
                self.fail("DISAGREED", f"{self.name(self.history.jobs.get(jid, '?'))}: {differing}")

    @staticmethod
    def summary(record):
        if record is None:
            return None
        return {minion: [entry.get("state"), entry.get("return")] for minion, entry in sorted(record["minions"].items())}

    @staticmethod
    def difference(seen, master):
        mine = seen[master]
        if mine is None:
            return "no such job"
        return {
            minion: value
            for minion, value in mine.items()
            if any(other is None or other.get(minion) != value for other in seen.values())
        }

    def troubled(self):
        for sentence in self.history.crashes:
            self.fail("CRASHED", sentence)
        for sentence in self.history.unrest:
            self.fail("UNSETTLED", sentence)

    def counts(self):
        outcomes = Counter(one.outcome for one in self.history.submissions)
        states = Counter(
            entry.get("state") for jid in self.history.jobs for entry in (self.record(jid) or {"minions": {}})["minions"].values()
        )
        ran = {token for tokens in self.ran.values() for token in tokens}
        return {
            "submitted": dict(sorted(outcomes.items())),
            "jobs": len(self.history.jobs),
            "executed": sum(sum(tokens.values()) for tokens in self.ran.values()),
            "minions' parts": dict(sorted(states.items(), key=str)),
            "delivered": len(self.delivered),
            "delivered again": len(self.history.delivered) - len(self.delivered),
            "refused and ran all the same": sum(one.outcome == REFUSED and one.token in ran for one in self.history.submissions),
        }


def content(line):
    return json.dumps([line["outcome"], line["retcode"], line["success"], line["return"]], sort_keys=True)


def judge(history):
    return Judge(history).judge()


def main():
    verdict = judge(History.load(sys.argv[1]))
    print(json.dumps(verdict.counts))
    for line in verdict.lines():
        print(line)
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main())
