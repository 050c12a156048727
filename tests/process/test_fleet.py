"""What users do every day, with real daemons: keys, commands, jobs that wait, minions that go and come."""

import json
import os
import subprocess

import pytest

from fleet import BIN, await_


def test_keys_from_first_contact_to_deletion(fleet):
    master = fleet.master().start()
    m1 = fleet.minion("m1", master).start()
    m2 = fleet.minion("m2", master).start()
    await_(lambda: master.keys()["minions_pre"] == ["m1", "m2"], "two pending keys")
    assert master.up() == []
    assert "m1" in master.key("-L").out
    master.key("-a", "m1", "-y")
    await_(lambda: master.up() == ["m1"], "m1 to enter")
    master.key("-r", "m2", "-y")
    assert master.keys()["minions_rejected"] == ["m2"]
    master.key("-a", "m2", "--include-rejected", "-y")
    await_(lambda: master.up() == ["m1", "m2"], "m2 to enter")
    finger = json.loads((m1.root / "run/brine/minion/minion.json").read_text())["finger"]
    assert finger in master.key("-f", "m1").out
    assert json.loads((master.sock_dir / "master.json").read_text())["root_finger"] in master.key("-F").out
    assert "ed25519" in master.key("-p", "m1").out


def test_a_deleted_key_is_out_within_a_second_and_nobody_else_notices(fleet):
    master, m1, m2, m3 = fleet.up("m1", "m2", "m3")
    # Without auto_accept, or the deleted minion would be let in again at once.
    master.stop()
    master.settings["auto_accept"] = False
    master.start()
    await_(lambda: master.up() == ["m1", "m2", "m3"], "the minions to come back")
    sessions = {m.id: m.tail(1000).count("session with") for m in (m2, m3)}
    master.key("-d", "m1", "-y")
    assert master.brine("*", "test.ping") == {"m2": True, "m3": True}
    await_(lambda: "waits to be accepted" in m1.tail(), "m1 to find itself outside")
    assert master.up() == ["m2", "m3"]
    assert {m.id: m.tail(1000).count("session with") for m in (m2, m3)} == sessions


def test_two_minions_with_one_id_the_second_is_denied_and_seen(fleet):
    master, m1 = fleet.up("m1")
    events = master.events()
    try:
        impostor = fleet.minion("m1", master, folder="impostor").start()
        await_(lambda: master.keys()["minions_denied"] == ["m1"], "the denied key")
        assert "Denied Keys:\nm1" in master.key("-L").out
        assert master.brine("m1", "test.ping") == {"m1": True}
        await_(lambda: "another key holds this id" in impostor.tail(), "the impostor to be told")
        await_(lambda: events.saw('"act":"denied"'), "the event")
    finally:
        events.close()


def test_two_machines_with_one_key_raise_an_event(fleet):
    import shutil

    master, m1 = fleet.up("m1")
    events = master.events()
    try:
        clone = fleet.minion("m1", master, folder="clone", recon_max=100)
        m1.settings["recon_max"] = 100
        m1.stop()
        m1.start()
        (clone.root / "etc/brine/pki").mkdir(parents=True)
        shutil.copytree(m1.root / "etc/brine/pki/minion", clone.root / "etc/brine/pki/minion")
        clone.start()
        await_(lambda: "two minions hold the key of m1" in master.tail(), "the alarm")
        await_(lambda: events.saw("brine/minion/m1/duplicate"), "the event")
    finally:
        events.close()


def test_a_minion_stopped_during_a_job_with_a_life_runs_it_once_when_it_is_back(fleet):
    """With the default heartbeat a stopped minion is given up after 15 to 20 s; the job waits for its next session."""
    master, m1 = fleet.up("m1")
    marks = fleet.folder / "marks"
    m1.pause()
    cli = master.spawn("m1", "cmd.run", f"echo ran >> {marks}; echo back", "--expires", "5m", "-t", "60", "--out", "json")
    await_(lambda: master.up() == [], "the session to be given up")
    m1.resume()
    out, err = cli.communicate(timeout=90)
    assert cli.returncode == 0 and json.loads(out) == {"m1": "back"}, (out, err)
    assert marks.read_text().split() == ["ran"]


def test_an_absent_minion_is_reported_at_once(fleet):
    master, m1, m2 = fleet.up("m1", "m2")
    m2.stop()
    await_(lambda: master.up() == ["m1"], "m2 to leave")
    result = master.run("*", "test.ping", "-t", "30")
    assert result.returncode == 2
    assert "m2" in result.out and "not connected" in result.out.lower()
    timed = master.run("*", "test.ping", "-t", "30", "--out", "json", "--static")
    assert json.loads(timed.out) == {"m1": True} and timed.returncode == 2
    job = master.lookup(master.submit("m2", "test.ping"))
    assert job["minions"]["m2"]["state"] == "not_connected"


def test_exit_statuses(fleet):
    master, m1 = fleet.up("m1")
    master.run("m1", "test.ping", check=0)
    master.run("m1", "cmd.run", "exit 3", check=1)
    master.run("nobody*", "test.ping", check=3)
    master.run("--no-such-option", check=4)
    m1.stop()
    master.stop()
    master.run("m1", "test.ping", check=4)


def test_wrong_targets_point_at_the_place(fleet):
    master, m1 = fleet.up("m1")
    result = master.run("-C", "m1 and (m2 or", "test.ping", check=4)
    assert "^" in result.err and "m1 and (m2 or" in result.err
    assert "not available" in master.run("-I", "role:web", "test.ping", check=4).err
    assert "not available" in master.run("-N", "group1", "test.ping", check=4).err
    assert "^" in master.run("-E", "web(", "test.ping", check=4).err


def test_unknown_functions_and_wrong_arguments_are_explained(fleet):
    master, m1 = fleet.up("m1")
    assert "test.ping" in master.run("m1", "test.pnig", check=1).out
    assert "test.echo(" in master.run("m1", "test.echo", check=1).out
    assert "jobs.list_jobs" in master.run("jobs.lst_jobs", program="brine-run", check=1).err


def test_output_of_any_bytes_comes_back_unchanged(fleet):
    master, m1 = fleet.up("m1")
    result = master.run("m1", "cmd.run", r"printf '\377\376\000x'", "--out", "txt", check=0)
    assert b"\xff\xfe\x00x" in result.stdout


def test_a_retried_submission_runs_once(fleet):
    """The same submission id, sent twice: the first jid, one run. The command line does this when it loses its master."""
    master, m1 = fleet.up("m1")
    import zmq

    from capnp_layout import decode, encode

    marks = fleet.folder / "marks"
    request = encode(
        "operator",
        "OperatorRequest",
        {
            "submit": {
                "submission": os.urandom(16),
                "targetKind": "glob",
                "target": "m1",
                "delimiter": ":",
                "function": "cmd.run",
                "arguments": json.dumps({"args": [f"echo ran >> {marks}"], "kwargs": {}}),
            }
        },
    )
    jids = []
    for _ in range(3):
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.connect(f"ipc://{master.sock_dir}/operator.ipc")
        socket.rcvtimeo, socket.linger = 20_000, 0
        socket.send(b"BR\x01\x06" + request)
        while True:
            reply = decode("operator", "OperatorReply", socket.recv()[4:])
            if "accepted" in reply:
                jids.append(reply["accepted"]["jid"])
            if "finished" in reply:
                assert reply["finished"]["missing"] == []
                break
        socket.close()
    assert len(set(jids)) == 1 and marks.read_text().split() == ["ran"]


def test_jobs_are_running_can_be_found_and_killed(fleet):
    master, m1 = fleet.up("m1")
    cli = master.spawn("m1", "cmd.run", "sleep 1000", "-t", "1", "--out", "json")
    jid = await_(lambda: next((jid for jid, job in master.runner("jobs.active").items() if job["Running"] == ["m1"]), None), "the job")
    assert master.brine("m1", "saltutil.find_job", jid)["m1"]["jid"] == jid
    assert master.lookup(jid)["minions"]["m1"]["state"] == "running"
    master.brine("m1", "saltutil.kill_job", jid)
    cli.communicate(timeout=60)
    assert cli.returncode == 1
    assert master.lookup(jid)["minions"]["m1"]["state"] == "returned"


def test_sigterm_of_the_minion_lets_short_jobs_finish(fleet):
    master, m1 = fleet.up("m1")
    started = fleet.folder / "started"
    release = fleet.folder / "release"
    jid = master.submit("m1", "cmd.run", f"touch {started}; while [ ! -e {release} ]; do sleep 0.05; done; echo finished")
    await_(started.exists, "the command")
    m1.process.terminate()
    await_(lambda: "stopping" in m1.tail(), "the minion to begin its stop")
    release.touch()
    assert m1.process.wait(30) == 0
    assert master.lookup(jid)["minions"]["m1"]["return"] == "finished"


def test_sigterm_of_the_minion_kills_long_jobs_and_says_so(fleet):
    master = fleet.master(auto_accept=True).start()
    m1 = fleet.minion("m1", master, shutdown_deadline="1s").start()
    await_(lambda: master.up() == ["m1"], "the minion")
    started = fleet.folder / "started"
    jid = master.submit("m1", "cmd.run", f"touch {started}; sleep 1000")
    await_(started.exists, "the command")
    assert m1.stop() == 0
    part = await_(lambda: p if (p := master.lookup(jid)["minions"]["m1"])["state"] == "interrupted" else None, "the interruption")
    assert part["retcode"] != 0


def test_a_restarted_master_knows_its_fleet(fleet):
    master, m1, m2 = fleet.up("m1", "m2")
    jid = master.submit("*", "test.ping")
    await_(lambda: all("return" in part for part in master.lookup(jid)["minions"].values()), "returns")
    master.kill()
    master.start()
    await_(lambda: master.up() == ["m1", "m2"], "the minions to come back")
    assert master.lookup(jid)["minions"]["m1"]["return"] is True
    assert master.brine("-G", "kernel:Linux", "test.ping") == {"m1": True, "m2": True}


def test_events_are_seen_as_they_happen(fleet):
    master, m1 = fleet.up("m1")
    events = master.events()
    try:
        jid = master.submit("m1", "test.ping")
        await_(lambda: events.saw(f"brine/job/{jid}/new"), "the job's event")
        await_(lambda: events.saw(f"brine/job/{jid}/ret/m1"), "the return's event")
    finally:
        events.close()


def test_ipc_carries_minions_too(fleet):
    master = fleet.master(auto_accept=True, ret_ipc="/minions.ipc").start()
    m1 = fleet.minion("m1", master, master=f"ipc://{master.root}/minions.ipc").start()
    await_(lambda: master.up() == ["m1"], "the minion over ipc")
    assert master.brine("m1", "test.ping") == {"m1": True}


def test_brine_call_with_and_without_a_master(fleet):
    master, m1 = fleet.up("m1")

    def call(*words):
        return subprocess.run([BIN / "brine-call", "-c", m1.etc, *words], capture_output=True, text=True, timeout=60)

    local = call("--local", "test.echo", "hi", "--out", "json")
    assert local.returncode == 0 and json.loads(local.stdout) == {"local": "hi"}, local
    asked = call("test.echo", "there", "--out", "json")
    assert asked.returncode == 0 and json.loads(asked.stdout) == {"local": "there"}, asked
    jobs = master.runner("jobs.list_jobs")
    (jid,) = [jid for jid, job in jobs.items() if job["Function"] == "test.echo"]
    assert master.lookup(jid)["minions"]["m1"]["return"] == "there"
    assert master.up() == ["m1"], "the daemon's session is not displaced"


def test_jobs_are_found_by_what_was_asked_and_how_they_ended(fleet):
    master, m1, m2 = fleet.up("m1", "m2")
    good = master.submit("*", "test.ping")
    bad = master.submit("m*", "cmd.run", "echo broken >&2; exit 3")
    for jid in (good, bad):
        await_(lambda: {m["state"] for m in master.lookup(jid)["minions"].values()} == {"returned"}, "all to return")
    m2.stop()
    missing = master.submit("m2", "test.ping")

    def found(*words):
        return list(master.runner("jobs.list_jobs", *words))

    assert found("function=test.ping") == [good, missing]
    assert found("target=m*") == [bad]
    assert found("function=test.ping", "since=1h", f"until={missing}") == [good]
    assert found("since=2126-01-01") == []
    assert found("outcome=failed") == [bad]
    assert found("outcome=succeeded") == [good]
    assert found("outcome=missing") == [missing]
    assert found("count=1") == [missing]
    assert found("count=1", f"before={missing}") == [bad]
    (user,) = {job["User"] for job in master.runner("jobs.list_jobs").values()}
    assert found(f"user={user}", "count=2") == [bad, missing] and found("user=nobody-at-all") == []

    assert master.runner("jobs.last_run")["jid"] == missing
    assert master.runner("jobs.last_run", "cmd.run", "m*")["jid"] == bad
    assert "no job of state.apply" in master.run("jobs.last_run", "state.apply", program="brine-run", check=1).err

    failures = master.runner("jobs.failures")
    assert [(f["jid"], f["minion"], f["retcode"]) for f in failures["failures"]] == [(bad, "m1", 3), (bad, "m2", 3)]
    assert "broken" in json.dumps(failures["failures"][0]["return"]) and "next" not in failures
    first = master.runner("jobs.failures", "1h", "count=1")
    rest = master.runner("jobs.failures", "1h", f"before={first['next']}")
    assert [f["minion"] for f in first["failures"] + rest["failures"]] == ["m1", "m2"]
    refused = master.run("jobs.failures", "since=yesterday", program="brine-run", check=1).err
    assert "is no time" in refused and "usage: jobs.failures(" in refused


def test_jobs_expire(fleet):
    master, m1 = fleet.up("m1", keep_jobs_seconds="1s", reconnect_grace="1s", timeout="1s")
    jid = master.submit("m1", "test.ping")
    await_(lambda: jid not in master.runner("jobs.list_jobs"), "the record to be forgotten")
    master.run("jobs.lookup_jid", jid, program="brine-run", check=1)


def test_autosign_accepts_by_glob(fleet):
    autosign = fleet.folder / "autosign"
    autosign.write_text("web*  # all of them\n")
    autosign.chmod(0o600)
    master = fleet.master()
    (master.root).mkdir(parents=True)
    (master.root / "autosign").write_text("web*  # all of them\n")
    (master.root / "autosign").chmod(0o600)
    master.settings["autosign_file"] = "/autosign"
    master.start()
    fleet.minion("web1", master).start()
    fleet.minion("db1", master).start()
    await_(lambda: master.keys()["minions"] == ["web1"] and master.keys()["minions_pre"] == ["db1"], "web1 to be accepted, db1 to wait")
