"""kill -9 at every numbered point of the life of a job (ARCHITECTURE.md), with real processes. Each point proves that it fired, and
afterwards every return is in the job record exactly once, in the returner's file at least once and never different, and the command has run
as often as is promised: once, or not at all and said to be interrupted."""

import json
import os
import subprocess

import pytest

from fleet import BIN, await_


def marks(folder):
    """How often the command of the job has run: it appends one line per run."""
    path = folder / "marks"
    return path.read_text().split() if path.exists() else []


def mark_command(folder):
    return f"echo ran >> {folder}/marks; echo done"


def settled(master, jid, id):
    """The record of this minion's part, once there is a return."""

    def look():
        part = master.lookup(jid)["minions"][id]
        return part if part["state"] not in ("running", "reconnecting", "not_delivered", "not_connected") else None

    return await_(look, f"a return of {id} for {jid}")


def check_once(master, jid, id, expected):
    part = settled(master, jid, id)
    assert part["state"] == expected, part
    lines = await_(lambda: [line for line in master.delivered() if line["jid"] == jid], "the returner")
    assert {line["id"] for line in lines} == {id}
    # At least once: repeated lines must be the same return.
    assert len({json.dumps([line["outcome"], line["return"]]) for line in lines}) == 1
    assert list(master.lookup(jid)["minions"]) == [id]
    return part


MASTER_POINTS = [
    "master.submission_received",
    "master.before_job_commit",
    "master.after_job_commit",
    "store.before_commit",
    "store.after_commit",
    "master.before_delivery",
    "master.after_delivery",
    "master.return_received",
    "master.before_return_commit",
    "master.after_return_commit",
    "master.after_acknowledgement",
    "master.after_returner",
]


@pytest.mark.parametrize("point", MASTER_POINTS)
def test_the_master_is_killed(fleet, point):
    """The command line loses its master in the middle, finds it again, and ends with the return; nothing has run twice."""
    master = fleet.master(auto_accept=True).start()
    minion = fleet.minion("m1", master).start()
    await_(lambda: master.up() == ["m1"], "the minion")
    master.stop()
    # Passages of the store's points: the first commits of a life write ticket keys and grains.
    master.start(crash_at=point + (":3" if point.startswith("store.") else ""))
    cli = None
    try:
        if master.alive():
            cli = master.spawn("m1", "cmd.run", mark_command(fleet.folder), "--expires", "5m", "-t", "60", "--out", "json")
        master.wait_crash(point)
    finally:
        master.start()
    if cli is None:
        pytest.fail("the point fired before there was a job")
    out, err = cli.communicate(timeout=90)
    assert cli.returncode == 0, (out, err, master.tail())
    assert json.loads(out) == {"m1": "done"}
    jobs = master.runner("jobs.list_jobs")
    (jid,) = [jid for jid, job in jobs.items() if job["Function"] == "cmd.run"]
    check_once(master, jid, "m1", "returned")
    assert marks(fleet.folder) == ["ran"]


# point, how the job ends, how often the command has run
MINION_POINTS = [
    ("minion.delivery_received", "returned", 1),
    ("minion.begun", "interrupted", 0),
    ("minion.command_started", "interrupted", 0),
    ("minion.executed", "interrupted", 1),
    ("minion.done", "returned", 1),
    ("minion.return_sent", "returned", 1),
    ("minion.ack_received", "returned", 1),
    ("minion.acked", "returned", 1),
]


@pytest.mark.parametrize("point,outcome,runs", MINION_POINTS)
def test_the_minion_is_killed(fleet, point, outcome, runs):
    master = fleet.master(auto_accept=True).start()
    minion = fleet.minion("m1", master).start()
    await_(lambda: master.up() == ["m1"], "the minion")
    minion.stop()
    minion.start(crash_at=point)
    await_(lambda: master.up() == ["m1"], "the minion again")
    jid = master.submit("m1", "cmd.run", mark_command(fleet.folder), "--expires", "5m")
    minion.wait_crash(point)
    minion.start()
    part = check_once(master, jid, "m1", outcome)
    assert marks(fleet.folder) == ["ran"] * runs
    if outcome == "returned":
        assert part["return"] == "done"


@pytest.mark.parametrize("minion_point", ["minion.executed", "minion.done", "minion.return_sent"])
@pytest.mark.parametrize("master_point", ["master.after_delivery", "master.before_return_commit", "master.after_return_commit"])
def test_both_are_killed(fleet, master_point, minion_point):
    master = fleet.master(auto_accept=True).start()
    minion = fleet.minion("m1", master).start()
    await_(lambda: master.up() == ["m1"], "the minion")
    minion.stop()
    master.stop()
    master.start(crash_at=master_point)
    minion.start(crash_at=minion_point)
    await_(lambda: not master.alive() or master.up() == ["m1"], "the minion again")
    jid = None
    cli = master.spawn("m1", "cmd.run", mark_command(fleet.folder), "--expires", "5m", "-t", "60", "--out", "json")
    # Whichever dies first, the other reaches its own point in this life or the next.
    await_(lambda: not master.alive() or not minion.alive(), "one of them to die")
    if not master.alive():
        master.wait_crash(master_point)
        master.start()
        await_(lambda: not minion.alive() or cli.poll() is not None, "the minion to die or the job to end")
        if not minion.alive():
            minion.wait_crash(minion_point)
            minion.start()
    else:
        minion.wait_crash(minion_point)
        minion.start()
        await_(lambda: not master.alive() or cli.poll() is not None, "the master to die or the job to end")
        if not master.alive():
            master.wait_crash(master_point)
            master.start()
    cli.communicate(timeout=90)
    (jid,) = [jid for jid, job in master.runner("jobs.list_jobs").items() if job["Function"] == "cmd.run"]
    part = settled(master, jid, "m1")
    assert part["state"] in ("returned", "interrupted")
    assert marks(fleet.folder) == ["ran"]
    check_once(master, jid, "m1", part["state"])


def test_the_command_of_a_killed_minion_does_not_go_on(fleet):
    """The minion is killed while its command sleeps; when "interrupted" is reported, the command and its children are gone."""
    master, minion = fleet.up("m1")
    pids = fleet.folder / "pids"
    jid = master.submit("m1", "cmd.run", f"sleep 1000 & echo $! $$ > {pids}; wait", "--expires", "5m")
    await_(lambda: pids.exists() and len(pids.read_text().split()) == 2, "the command")
    children = [int(pid) for pid in pids.read_text().split()]
    minion.kill()
    assert any(os.path.exists(f"/proc/{pid}") for pid in children), "the command outlives a kill -9 until the minion is back"
    minion.start()
    assert settled(master, jid, "m1")["state"] == "interrupted"

    def running(pid):
        try:
            return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    assert not any(running(pid) for pid in children)


LOSSY_MINION = ["minion.begun", "minion.executed", "minion.done", "minion.return_sent", "minion.acked"]


def lossy(daemon):
    """The disk of this daemon forgets what was not synced: with lossy_disk.so its unsynced writes can be taken back after a kill."""
    log = daemon.folder / "lossy"
    log.mkdir(exist_ok=True)
    return {
        "LD_PRELOAD": str(BIN / "lossy_disk.so"),
        "LOSSY_DISK_ROOT": str(daemon.root),
        "LOSSY_DISK_LOG": str(log),
        "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0",
    }


def power_cut(daemon):
    subprocess.run([BIN / "lossy_disk_revert", daemon.root, daemon.folder / "lossy"], check=True, capture_output=True)


@pytest.mark.parametrize("point", LOSSY_MINION)
def test_the_minions_disk_loses_what_was_not_synced(fleet, point):
    master = fleet.master(auto_accept=True).start()
    minion = fleet.minion("m1", master).start()
    await_(lambda: master.up() == ["m1"], "the minion")
    minion.stop()
    minion.start(crash_at=point, env=lossy(minion))
    await_(lambda: master.up() == ["m1"], "the minion again")
    jid = master.submit("m1", "cmd.run", mark_command(fleet.folder), "--expires", "5m")
    minion.wait_crash(point)
    power_cut(minion)
    minion.start()
    part = settled(master, jid, "m1")
    assert part["state"] == ("returned" if point in ("minion.done", "minion.return_sent", "minion.acked") else "interrupted")
    assert marks(fleet.folder) == ([] if point == "minion.begun" else ["ran"])
    check_once(master, jid, "m1", part["state"])


@pytest.mark.parametrize("point", ["store.before_commit:5", "store.after_commit:5", "master.after_return_commit", "master.after_acknowledgement"])
def test_the_masters_disk_loses_what_was_not_synced(fleet, point):
    master = fleet.master(auto_accept=True).start()
    minion = fleet.minion("m1", master).start()
    await_(lambda: master.up() == ["m1"], "the minion")
    master.stop()
    master.start(crash_at=point, env=lossy(master))
    accepted = []
    # Jobs until the point fires: each that was accepted (its jid was told) must be there afterwards.
    while master.alive() and len(accepted) < 50:
        result = master.run("m1", "test.echo", str(len(accepted)), "--expires", "5m", "--async", "--out", "json", "-t", "1")
        if result.returncode == 0:
            accepted.append(json.loads(result.out)["jid"])
    master.wait_crash(point.split(":")[0])
    power_cut(master)
    master.start()
    assert set(accepted) <= set(master.runner("jobs.list_jobs"))
    for number, jid in enumerate(accepted):
        assert check_once(master, jid, "m1", "returned")["return"] == number
