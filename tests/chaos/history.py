"""What was seen during a run, as plain values: it is written to history.json and may be judged again from there."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

ACCEPTED, REFUSED, UNKNOWN = "accepted", "refused", "unknown"


@dataclass
class Submission:
    """One command at the command line, and what it said."""

    token: str  # in the arguments of this job and of no other
    function: str
    targets: list  # the minions it is for
    submitter: str
    master: str
    waits: bool  # for the returns; else --async
    expires: bool  # the job stays open for minions that are away
    issued: float = 0.0  # seconds since the begin of the run
    ended: float = 0.0
    outcome: str = UNKNOWN
    status: int | None = None  # exit status; none: it was cut off
    jid: str | None = None
    printed: dict = field(default_factory=dict)  # {minion: value}
    errors: str = ""
    given_up: float | None = None  # Unix time at which it had waited so long that it was killed

    def value(self):
        """What a minion answers that did it."""
        return True if self.function == "test.ping" else self.token


@dataclass
class History:
    submissions: list = field(default_factory=list)
    executions: dict = field(default_factory=dict)  # {minion: [token, ...]} in the order of execution
    jobs: dict = field(default_factory=dict)  # {jid: token}: all that the masters list
    records: dict = field(default_factory=dict)  # {master: {jid: jobs.lookup_jid}}; None when there is no such job
    delivered: list = field(default_factory=list)  # lines of all file returners
    crashes: list = field(default_factory=list)  # of daemons, sentences
    unrest: list = field(default_factory=list)  # what had not settled when the patience was over, sentences

    def save(self, path):
        Path(path).write_text(json.dumps(asdict(self), indent=1))

    @staticmethod
    def load(path):
        values = json.loads(Path(path).read_text())
        values["submissions"] = [Submission(**one) for one in values["submissions"]]
        return History(**values)
