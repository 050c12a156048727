"""Waits until a healed cluster has settled, and reads what is recorded, delivered and executed."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from chaos.history import History
from chaos.verdict import ANSWERS
from chaos.workload import token_of

LOOK_EVERY = 0.3
READERS = 3
JOBS_PAGE = 10_000


def settle(world, patience, absent=None):
    """Sentences about what had not settled in time; none when all did. Jobs may stay open while a minion is absent."""
    deadline = time.monotonic() + patience
    while True:
        unrest = unsettled(world, absent)
        if not unrest or time.monotonic() > deadline:
            return unrest
        time.sleep(LOOK_EVERY)


def unsettled(world, absent):
    found = []
    expected = set(world.minion_ids) - {absent}
    for master in world.cluster.masters:
        name = master.settings["id"]
        up, active = ask(master, "manage.up"), ask(master, "jobs.active")
        if up is None or active is None:
            found.append(f"master {name} does not answer")
            continue
        if missing := expected - set(up):
            found.append(f"master {name} says that {sorted(missing)} are not connected")
        if ghosts := set(up) - expected:
            found.append(f"master {name} says that {sorted(ghosts)} is connected, which was killed")
        if active and absent is None:
            jid, job = min(active.items())
            waiting = {key: job[key] for key in ("Arguments", "Running", "Waiting", "Returned")}
            found.append(f"master {name} has {len(active)} open jobs, the first is {jid} {waiting}")
    return found


def ask(master, *words):
    """None when it does not answer."""
    done = master.run(*words, "--out", "json", program="brine-run", timeout=60)
    return json.loads(done.out) if done.returncode == 0 and done.out.strip() else None


def collect(world, submissions, patience, unrest):
    history = History(submissions=submissions, crashes=world.crashes)
    history.unrest = unrest + settle(world, patience)
    for id in world.minion_ids:
        path = world.executions_of(id)
        history.executions[id] = path.read_text().split() if path.exists() else []
    read_jobs(world, history)
    read_delivered(world, history, patience)
    return history


def list_jobs(master):
    """All of them, page by page."""
    jobs, before = {}, []
    while page := ask(master, "jobs.list_jobs", f"count={JOBS_PAGE}", *before):
        jobs |= page
        before = [f"before={min(page)}"]
    return jobs


def read_jobs(world, history):
    listed = list_jobs(world.cluster.masters[0])
    history.jobs = {jid: token_of(job["Arguments"]) for jid, job in listed.items()}
    told = {one.jid: one.token for one in history.submissions if one.jid}
    for jid, token in told.items():
        history.jobs[jid] = history.jobs.get(jid) or token
    jids = sorted(jid for jid, token in history.jobs.items() if token)
    history.jobs = {jid: history.jobs[jid] for jid in jids}
    with ThreadPoolExecutor(READERS) as pool:
        for master in world.cluster.masters:
            found = pool.map(lambda jid: ask(master, "jobs.lookup_jid", jid), jids)
            history.records[master.settings["id"]] = dict(zip(jids, found))


def read_delivered(world, history, patience):
    """Returners are behind for a moment: waits for all that is recorded."""
    recorded = {
        (jid, minion)
        for jobs in history.records.values()
        for jid, record in jobs.items()
        for minion, entry in (record or {"minions": {}})["minions"].items()
        if entry.get("state") in ANSWERS
    }
    deadline = time.monotonic() + patience
    while True:
        lines = [line for master in world.cluster.masters for line in master.delivered() if line["jid"] in history.jobs]
        if recorded <= {(line["jid"], line["id"]) for line in lines} or time.monotonic() > deadline:
            break
        time.sleep(LOOK_EVERY)
    history.delivered = lines
