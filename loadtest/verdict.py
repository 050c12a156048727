"""Was anything lost, doubled or invented? Compares four histories that were written by different programs:

issued     what the caller was told             jobs_log of brine-load
executed   what ran on the simulated minions    executions.log of brine-swarm
recorded   what the master keeps                its database, read with Python's sqlite3
delivered  what each returner got               its file, its topic, its stream

They are laid into tables of a temporary database and compared there: a run may have millions of returns.
"""

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

EXAMPLES = 5  # of each kind of failure

TABLES = """
CREATE TABLE issued(load TEXT, jid TEXT, expected INTEGER, returned INTEGER, missing INTEGER, status TEXT);
CREATE TABLE executed(jid TEXT, minion TEXT, times INTEGER);
CREATE TABLE jobs(jid TEXT PRIMARY KEY, expected INTEGER, once INTEGER) WITHOUT ROWID;
CREATE TABLE recorded(jid TEXT, minion TEXT, outcome TEXT, late INTEGER);
CREATE TABLE unlogged(minion TEXT);
CREATE TABLE gone(jid TEXT, minion TEXT);
CREATE TABLE delivered(returner TEXT, jid TEXT, minion TEXT, outcome TEXT, late INTEGER, times INTEGER, contents INTEGER);
CREATE TABLE returners(returner TEXT);
"""

INDEXES = """
CREATE INDEX issued_by_jid ON issued(jid);
CREATE INDEX gone_by_key ON gone(jid, minion);
CREATE INDEX executed_by_key ON executed(jid, minion);
CREATE INDEX recorded_by_key ON recorded(jid, minion);
CREATE INDEX delivered_by_key ON delivered(returner, jid, minion);
"""

# A failure: (name, what it means, a query of (jid, minion or a note)). Every row is one case.
CHECKS = [
    ("lost_jobs", "the caller was given a jid that the master does not know", "SELECT jid, load FROM issued WHERE jid <> '-' AND jid NOT IN (SELECT jid FROM jobs)"),
    (
        "lost",
        "ran on a minion, and the master has no return of it",
        """SELECT e.jid, e.minion FROM executed e LEFT JOIN recorded r USING (jid, minion) LEFT JOIN gone g USING (jid, minion)
           WHERE r.jid IS NULL AND g.jid IS NULL""",
    ),
    (
        "undelivered",
        "recorded, and a returner never got it",
        """SELECT r.jid, r.minion || ' by ' || w.returner FROM returners w CROSS JOIN recorded r
           LEFT JOIN delivered d ON d.returner = w.returner AND d.jid = r.jid AND d.minion = r.minion WHERE d.jid IS NULL""",
    ),
    (
        "doubled",
        "a function that may not run twice ran twice",
        "SELECT e.jid, e.minion || ' (' || e.times || ' times)' FROM executed e JOIN jobs j USING (jid) WHERE e.times > 1 AND j.once",
    ),
    (
        "doubled",
        "two returns of one minion are recorded for one job",
        "SELECT jid, minion FROM recorded WHERE NOT late GROUP BY jid, minion HAVING count(*) > 1",
    ),
    ("doubled", "a returner got two different returns of one minion for one job", "SELECT jid, minion || ' by ' || returner FROM delivered WHERE contents > 1"),
    (
        "invented",
        "recorded as returned, and it never ran",
        """SELECT r.jid, r.minion FROM recorded r LEFT JOIN executed e USING (jid, minion)
           WHERE e.jid IS NULL AND r.outcome = 'returned' AND r.minion NOT IN (SELECT minion FROM unlogged)""",
    ),
    (
        "invented",
        "delivered, and the master has no record of it",
        "SELECT d.jid, d.minion || ' by ' || d.returner FROM delivered d LEFT JOIN recorded r USING (jid, minion) WHERE r.jid IS NULL",
    ),
    (
        "invented",
        "more minions returned than were expected",
        "SELECT j.jid, count(*) || ' of ' || j.expected FROM jobs j JOIN recorded r USING (jid) WHERE NOT r.late GROUP BY j.jid HAVING count(*) > j.expected",
    ),
    (
        "misreported",
        "the caller saw more returns than are recorded",
        """SELECT i.jid, i.returned || ' seen, ' || count(r.jid) || ' recorded' FROM issued i LEFT JOIN recorded r USING (jid)
           WHERE i.jid <> '-' GROUP BY i.rowid HAVING i.returned > count(r.jid)""",
    ),
    (
        "misreported",
        "the caller was told an end at which minions are neither returned nor missing",
        "SELECT jid, returned || ' returned, ' || missing || ' missing of ' || expected FROM issued WHERE status = 'finished' AND returned + missing <> expected",
    ),
    (
        "misreported",
        "the caller was told another number of expected minions than is recorded",
        "SELECT i.jid, i.expected || ' told, ' || j.expected || ' recorded' FROM issued i JOIN jobs j USING (jid) WHERE i.expected <> j.expected",
    ),
]

# Asked for by a scenario: every minion that a job expected has returned.
INCOMPLETE = (
    "incomplete",
    "an accepted job lacks returns",
    """SELECT j.jid, count(r.jid) || ' of ' || j.expected FROM jobs j LEFT JOIN recorded r ON r.jid = j.jid AND r.outcome = 'returned'
       GROUP BY j.jid HAVING count(r.jid) < j.expected""",
)


@dataclass
class Verdict:
    counts: dict = field(default_factory=dict)
    failures: list = field(default_factory=list)  # sentences

    @property
    def passed(self):
        return not self.failures


class History:
    def __init__(self, path):
        Path(path).unlink(missing_ok=True)
        self.db = sqlite3.connect(path)
        self.db.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF;" + TABLES)

    def add_issued(self, load, lines):
        """Lines of a jobs_log: jid expected returned missing status."""
        rows = (line.split(" ") for line in whole_lines(lines))
        self.db.executemany("INSERT INTO issued VALUES(?, ?, ?, ?, ?, ?)", ((load, jid, int(e), int(r), int(m), s) for jid, e, r, m, s in rows))

    def add_executed(self, lines):
        """Lines of an executions.log: jid minion, or jid minion gone: it left for good with this return while its link was dead."""
        self.db.execute("CREATE TEMP TABLE run(jid TEXT, minion TEXT, gone TEXT)")
        self.db.executemany("INSERT INTO run VALUES(?, ?, ?)", ((line + " ").split(" ")[:3] for line in whole_lines(lines)))
        self.db.execute("INSERT INTO executed SELECT jid, minion, count(*) FROM run WHERE gone = '' GROUP BY jid, minion")
        self.db.execute("INSERT INTO gone SELECT DISTINCT jid, minion FROM run WHERE gone <> ''")
        self.db.execute("DROP TABLE run")

    def add_unlogged(self, minions):
        """Minions that keep no executions.log: what they have returned counts as executed."""
        self.db.executemany("INSERT INTO unlogged VALUES(?)", ((minion,) for minion in minions))

    def add_delivered(self, lines, returner="file"):
        """The records that a returner got, each with a line end. The same one may come again (at least once), another one for the same key may not."""
        self.db.execute("INSERT INTO returners VALUES(?)", (returner,))
        self.db.execute("CREATE TEMP TABLE got(jid TEXT, minion TEXT, outcome TEXT, late INTEGER, content INTEGER)")
        self.db.executemany("INSERT INTO got VALUES(?, ?, ?, ?, ?)", (delivered_row(line) for line in whole_lines(lines)))
        self.db.execute(
            """INSERT INTO delivered SELECT ?, jid, minion, min(outcome), min(late), count(*), count(DISTINCT CASE WHEN late THEN NULL ELSE content END)
               FROM got GROUP BY jid, minion""",
            (returner,),
        )
        self.db.execute("DROP TABLE got")

    def add_recorded(self, path, repeatable):
        """The database of a master that has stopped. repeatable: names of the functions that may run twice."""
        outcomes = ["returned", "interrupted", "refused", "no_match", "unknown"]
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
            jobs = store.execute("SELECT jid, expected_count, function FROM jobs")
            self.db.executemany("INSERT INTO jobs VALUES(?, ?, ?)", ((jid_text(j), n, f not in repeatable) for j, n, f in jobs))
            rows = store.execute("SELECT e.jid, e.minion, e.outcome, e.late FROM returns r JOIN entries e ON e.position = r.position")
            self.db.executemany("INSERT INTO recorded VALUES(?, ?, ?, ?)", ((jid_text(j), m, outcomes[o], late) for j, m, o, late in rows))
            rows = store.execute("SELECT jid, minion, outcome FROM entries WHERE late = 1")
            self.db.executemany("INSERT INTO recorded VALUES(?, ?, ?, 1)", ((jid_text(j), m, outcomes[o]) for j, m, o in rows))

    def add_recorded_by_several(self, records, repeatable):
        """What masters have recorded together (redis_records.Records)."""
        for (jid, expected, function), returns in records.jobs_and_returns():
            self.db.execute("INSERT INTO jobs VALUES(?, ?, ?)", (jid, expected, function not in repeatable))
            self.db.executemany("INSERT INTO recorded VALUES(?, ?, ?, ?)", returns)
        self.db.executemany("INSERT INTO recorded VALUES(?, ?, ?, ?)", records.late())

    def judge(self, all_return=False):
        self.db.executescript(INDEXES)
        verdict = Verdict(self.counts())
        for name, meaning, query in CHECKS + ([INCOMPLETE] if all_return else []):
            total = self.number(f"SELECT count(*) FROM ({query})")
            verdict.counts[name] = verdict.counts.get(name, 0) + total
            if total:
                examples = ", ".join(" ".join(map(str, row)) for row in self.db.execute(f"{query} LIMIT {EXAMPLES}"))
                verdict.failures.append(f"{name}: {meaning}: {total} (as {examples})")
        return verdict

    def counts(self):
        return {
            "issued": self.number("SELECT count(*) FROM issued WHERE jid <> '-'"),
            "refused_busy": self.number("SELECT count(*) FROM issued WHERE status = 'busy'"),
            "jobs": self.number("SELECT count(*) FROM jobs"),
            "executed": self.number("SELECT coalesce(sum(times), 0) FROM executed"),
            "recorded": self.number("SELECT count(*) FROM recorded"),
            "late": self.number("SELECT count(*) FROM recorded WHERE late"),
            "gone_with_their_minion": self.number(
                "SELECT count(*) FROM gone g JOIN executed e USING (jid, minion) LEFT JOIN recorded r USING (jid, minion) WHERE r.jid IS NULL"
            ),
            "delivered": self.number("SELECT count(*) FROM delivered"),
            "delivered_again": self.number("SELECT coalesce(sum(times - 1), 0) FROM delivered"),
        }

    def number(self, query):
        return self.db.execute(query).fetchone()[0]


def whole_lines(lines):
    return (line.rstrip("\n") for line in lines if line.endswith("\n") and line != "\n")


def delivered_row(line):
    value = json.loads(line)
    content = hash((value["outcome"], value["retcode"], value["success"], json.dumps(value["return"], sort_keys=True)))
    return value["jid"], value["id"], value["outcome"], bool(value.get("late")), content


JID_FIELDS = ((6, 1_000_000), (2, 61), (2, 60), (2, 24), (2, 32), (2, 13), (4, 10_000))  # from the last: digits and radix


def jid_text(packed):
    """The 20 digits of a jid from the integer under which the store keeps it (store/sqlite/packed_jid.h)."""
    text = ""
    for digits, radix in JID_FIELDS:
        packed, value = divmod(packed, radix)
        text = f"{value:0{digits}}" + text
    return text
