"""What a master shows at /metrics, /healthz and /readyz, read as Prometheus reads it, while real minions work."""

import http.client
import json
import os
import re
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import peer
from cluster import Cluster, Redis
from fleet import BIN, await_, yaml_of
from peer import Peer, Refused, Wire, frame, new_key

LISTEN = {"listen": "127.0.0.1:0"}
UNITS = ("_total", "_seconds", "_bytes", "_minions", "_syndics", "_keys", "_jobs", "_returns", "_entries", "_connections", "_tasks", "_handshakes",
         "_fds", "_info", "_available")  # fmt: skip
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def get(port, path="/metrics"):
    """(status, text); (0, "") when nobody answers."""
    try:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""


class Page:
    """One scrape, taken apart strictly: every line is a HELP, a TYPE or a sample of the family declared before it."""

    def __init__(self, text):
        assert text.endswith("\n")
        self.help, self.type, self.samples = {}, {}, {}
        family = None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family, words = line[7:].split(" ", 1)
                assert family not in self.help and words
                self.help[family] = words
            elif line.startswith("# TYPE "):
                assert line.split()[2] == family and family not in self.type
                self.type[family] = line.split()[3]
            else:
                self.take(line, family)

    def take(self, line, family):
        name, labels, value = SAMPLE.match(line).groups()
        endings = ("_bucket", "_sum", "_count") if self.type[family] == "histogram" else ("",)
        assert name in [family + ending for ending in endings], line
        key = (name, tuple(sorted(LABEL.findall(labels or ""))))
        assert key not in self.samples, line
        self.samples[key] = float(value)

    def __call__(self, name, **labels):
        return self.samples[(name, tuple(sorted(labels.items())))]


def scrape(master):
    status, text = get(master.metrics_port)
    assert status == 200
    return Page(text)


def port_of(master):
    master.metrics_port = json.loads((master.sock_dir / "master.json").read_text())["metrics_port"]
    return master


def watched(fleet, *ids, **settings):
    master, *minions = fleet.up(*ids, metrics=LISTEN, **settings)
    return port_of(master), *minions


def grown(before, now, name, **labels):
    return now(name, **labels) - before(name, **labels)


def await_value(master, wanted, name, **labels):
    await_(lambda: scrape(master)(name, **labels) == wanted, f"{name} {labels} to be {wanted}")


# ---- figures ---------------------------------------------------------------------------------------------------------------


def test_figures_move_by_exactly_what_was_done(fleet):
    master, *_ = watched(fleet, "m1", "m2")
    await_value(master, 2, "brine_master_keys", state="accepted")
    before = scrape(master)
    assert before("brine_master_connected_minions") == 2
    assert before("brine_master_sessions_opened_total") == 2
    assert before("brine_master_handshakes_total", result="full") == 2
    for _ in range(2):
        assert master.brine("*", "test.ping") == {"m1": True, "m2": True}
    await_value(master, 4, "brine_master_returner_delivered_total", returner="file")
    now = scrape(master)
    assert grown(before, now, "brine_master_jobs_total") == 2
    assert grown(before, now, "brine_master_deliveries_total") == 4
    assert grown(before, now, "brine_master_returns_total", result="committed") == 4
    for result in ("repeated", "late", "conflicting", "unexpected"):
        assert grown(before, now, "brine_master_returns_total", result=result) == 0
    commits = grown(before, now, "brine_master_commits_total")
    assert 4 <= commits and grown(before, now, "brine_master_commit_seconds_count") == commits
    assert grown(before, now, "brine_master_commit_seconds_sum") > 0
    assert grown(before, now, "brine_master_connections_accepted_total", face="operator") == 2
    assert grown(before, now, "brine_master_received_bytes_total", face="minion") > 4 * 50
    assert grown(before, now, "brine_master_sent_bytes_total", face="minion") > 4 * 50
    assert now("brine_master_open_connections", face="minion", state="authenticated") == 2
    assert now("brine_master_queued_returns") == 0
    await_value(master, 0, "brine_master_open_jobs")
    await_value(master, 0, "brine_master_returner_behind_entries", returner="file")
    assert len(master.delivered()) == 4


def test_keys_are_counted_by_state(fleet):
    master = port_of(fleet.master(metrics=LISTEN).start())
    for id in ("m1", "m2", "m3"):
        fleet.minion(id, master).start()
    await_value(master, 3, "brine_master_keys", state="pending")
    await_(lambda: scrape(master)("brine_master_admissions_total", verdict="pending") >= 3, "all three to be told")
    master.key("-a", "m1", "-y")
    master.key("-r", "m2", "-y")
    await_value(master, 1, "brine_master_keys", state="rejected")
    page = scrape(master)
    assert [page("brine_master_keys", state=s) for s in ("accepted", "pending", "rejected", "denied")] == [1, 1, 1, 0]
    await_value(master, 1, "brine_master_connected_minions")
    assert Peer(master.port, "m1", new_key()).shake_hands()["verdict"] == "denied"
    await_value(master, 1, "brine_master_keys", state="denied")
    assert scrape(master)("brine_master_admissions_total", verdict="denied") == 1
    master.key("-d", "m1", "-y")
    await_value(master, 0, "brine_master_keys", state="accepted")
    await_value(master, 0, "brine_master_connected_minions")


def test_failed_handshakes_and_cut_connections_have_their_reason(fleet):
    master, _ = watched(fleet, "good")
    key = new_key()
    with pytest.raises(Refused):
        Peer(master.port, "old", key, versions=(9,)).shake_hands()
    wire = Wire(master.port)
    wire.send(frame(peer.HELLO, b"no hello"))
    wire.receive()
    Wire(master.port, greet=False).send_raw(b"GET / HTTP/1.1\r\n" * 8)
    await_value(master, 1, "brine_master_connections_cut_total", face="minion", reason="protocol")
    page = scrape(master)
    assert page("brine_master_handshake_failures_total", reason="version") == 1
    assert page("brine_master_handshake_failures_total", reason="malformed") == 1
    assert page("brine_master_handshake_failures_total", reason="unproven") == 0
    first = Peer(master.port, "tick", key).open()
    again = Peer(master.port, "tick", key, ticket=first.next_ticket)
    again.manifest = first.manifest
    assert again.shake_hands()["verdict"] == "accepted"
    page = scrape(master)
    assert page("brine_master_handshakes_total", result="full") == 2
    assert page("brine_master_handshakes_total", result="resumed") == 1
    await_value(master, 2, "brine_master_connected_minions")


def test_a_stranger_who_waits_is_a_connection_in_its_handshake(fleet):
    master, _ = watched(fleet, "good")
    stranger = Wire(master.port)
    await_value(master, 1, "brine_master_open_connections", face="minion", state="handshake")
    stranger.close()
    await_value(master, 0, "brine_master_open_connections", face="minion", state="handshake")


# ---- form ------------------------------------------------------------------------------------------------------------------


def watched_minion(fleet, id, master, **settings):
    """Started, and ready to be asked."""
    minion = fleet.minion(id, master, metrics=LISTEN, **settings).start()
    minion.announcement = minion.root / "run/brine/minion/minion.json"
    await_(lambda: minion.announcement.exists() or not minion.alive(), "the minion to be ready")
    assert minion.alive(), minion.tail()
    minion.metrics_port = json.loads(minion.announcement.read_text())["metrics_port"]
    return minion


def watched_syndic(fleet, master):
    syndic = fleet.accepted_syndic(master, "eu-1", metrics=LISTEN)
    syndic.metrics_port = json.loads(syndic.announcement.read_text())["metrics_port"]
    return syndic


@pytest.mark.parametrize("program", ["master", "minion", "syndic"])
def test_every_family_has_help_type_and_unit(fleet, program):
    master, _ = watched(fleet, "m1")
    watch = {"master": lambda: master, "minion": lambda: watched_minion(fleet, "m2", master), "syndic": lambda: watched_syndic(fleet, master)}
    page = scrape(watch[program]())
    assert len(page.help) > 25 and page.help.keys() == page.type.keys()
    for family, kind in page.type.items():
        assert family.endswith(UNITS), family
        assert family.startswith((f"brine_{program}_", "brine_build_", "process_")), family
        assert family.endswith("_total") == (kind == "counter"), family
        assert any(name.startswith(family) for name, _ in page.samples), f"{family} has no sample"
    for (name, _), value in page.samples.items():
        assert value >= 0, name


def test_the_tables_of_the_operations_page_have_every_metric_that_is_served_and_no_other(tmp_path):
    page = (Path(__file__).parents[2] / "docs/operations.md").read_text()
    documented = re.findall(r"^\| `((?:brine|process)_[a-z_]+)` \|", page, re.MULTILINE)
    mentioned = set(re.findall(r"\bbrine_(?:master|minion|syndic)_[a-z_]+", page))
    redis = Redis(tmp_path / "redis").start()
    cluster = Cluster(tmp_path, redis)
    try:
        (master,) = cluster.start_masters("a", metrics=LISTEN)  # one that shares its store serves what one alone does, and more
        served = {*scrape(port_of(master)).help, *scrape(watched_minion(cluster, "m1", master)).help}
        served |= {*scrape(watched_syndic(cluster, master)).help}
        cluster.close()
    finally:
        for daemon in cluster.daemons:
            if daemon.alive():
                daemon.kill()
        redis.stop()
    assert sorted(documented) == sorted(served)
    assert mentioned <= served


def test_more_minions_and_jobs_are_no_more_lines_and_no_id_is_shown(fleet):
    master, _ = watched(fleet, "first-minion")
    lines = scrape(master).samples.keys()
    for id in ("second-minion", "third-minion"):
        fleet.minion(id, master).start()
    await_(lambda: len(master.up()) == 3, "three minions")
    jids = [master.submit("*", "test.ping") for _ in range(5)]
    await_value(master, 15, "brine_master_returns_total", result="committed")
    text = get(master.metrics_port)[1]
    assert Page(text).samples.keys() == lines
    assert not any(word in text for word in ["-minion", *jids])


def test_threads_have_names_and_other_pages_are_not_found(fleet):
    master, _ = watched(fleet, "m1")
    names = [open(f"/proc/{master.process.pid}/task/{task}/comm").read().strip() for task in os.listdir(f"/proc/{master.process.pid}/task")]
    assert sorted(name for name in names if name.startswith("metrics")) == ["metrics-0", "metrics-1", "metrics-accept"]
    assert get(master.metrics_port, "/healthz") == (200, "ok\n")
    assert get(master.metrics_port, "/readyz") == (200, "ok\n")
    assert get(master.metrics_port, "/")[0] == 404


def test_every_loop_is_measured(fleet):
    master, _ = watched(fleet, "m1", worker_threads=2)
    loops = ("engine", "face-0", "face-1", "operator-0")
    await_(lambda: all(scrape(master)("brine_master_loop_lag_seconds_count", loop=loop) >= 2 for loop in loops), "two looks at each loop")
    page = scrape(master)
    assert all(page("brine_master_loop_stalled_seconds", loop=loop) < 30 for loop in (*loops, "ledger"))


# ---- ready, and not --------------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_starting_master_is_not_ready(fleet):
    """It is held up by its manifest, which comes out of a pipe; whoever opens a pipe to write knows that the reader is there."""
    port = free_port()
    master = fleet.master(metrics={"listen": f"127.0.0.1:{port}"}).start()
    assert get(port, "/readyz")[0] == 200
    assert master.stop() == 0
    assert get(port, "/readyz")[0] == 0
    manifest = master.root / "etc/brine/pki/master/manifest"
    kept = manifest.with_suffix(".kept")
    manifest.rename(kept)
    os.mkfifo(manifest, 0o600)
    starting = threading.Thread(target=master.start)
    starting.start()
    with open(manifest, "wb") as pipe:
        assert get(port, "/readyz") == (503, "the master is starting\n")
        assert get(port, "/healthz")[0] == 200
        assert "brine_build_info" in get(port)[1]
        content = kept.read_bytes()
        os.replace(kept, manifest)
        pipe.write(content)
    starting.join()
    await_(lambda: get(port, "/readyz")[0] == 200, "the master to be ready")


def limit_file_size(master, limit):
    subprocess.run(["prlimit", "--pid", str(master.process.pid), f"--fsize={limit}:unlimited"], check=True)


def test_without_its_store_a_master_is_not_ready_and_becomes_so_again(fleet):
    """The disk is full: the process may write no file beyond its first bytes. Its log, written there too, is lost meanwhile."""
    master = fleet.master(auto_accept=True, metrics=LISTEN)
    master.start(wrapper=["env", "--ignore-signal=XFSZ"])
    port_of(master)
    fleet.minion("m1", master).start()
    await_(lambda: master.up() == ["m1"], "the minion")
    assert get(master.metrics_port, "/readyz")[0] == 200
    limit_file_size(master, 1)
    refused = master.run("*", "test.ping", "--async")
    assert refused.returncode == 4 and "store is away" in refused.err
    status, text = get(master.metrics_port, "/readyz")
    assert status == 503 and text.startswith("the store is away: ")
    assert get(master.metrics_port, "/healthz")[0] == 200
    page = scrape(master)
    assert page("brine_master_store_available") == 0
    assert page("brine_master_store_failures_total") == 1
    assert page("brine_master_jobs_refused_total", reason="unavailable") >= 1
    limit_file_size(master, "unlimited")
    await_(lambda: get(master.metrics_port, "/readyz")[0] == 200, "the store to be back")
    assert scrape(master)("brine_master_store_available") == 1
    assert master.brine("*", "test.ping") == {"m1": True}


def test_scrapes_during_the_stop_are_answered_or_refused(fleet):
    master, *_ = watched(fleet, "m1", "m2")
    over, seen = threading.Event(), set()

    def look():
        while not over.is_set():
            seen.add(get(master.metrics_port, "/metrics")[0])
            seen.add(get(master.metrics_port, "/readyz")[0])

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    await_(lambda: 200 in seen, "a first answer")
    assert master.stop() == 0
    over.set()
    for thread in threads:
        thread.join()
    assert seen <= {200, 503, 0}


def test_a_metrics_port_in_use(fleet):
    etc = fleet.folder / "etc"
    etc.mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = {"interface": "127.0.0.1", "ret_port": 0, "root_dir": f"{fleet.folder}/root", "metrics": {"listen": place}}
        (etc / "master").write_text(yaml_of(settings))
        result = subprocess.run([BIN / "brine-master", "-c", etc], capture_output=True, text=True, timeout=60)
    assert result.returncode == 69
    assert f"metrics.listen: cannot serve metrics on {place}: " in result.stderr and "in use" in result.stderr


def test_without_metrics_listen_nothing_is_served(fleet):
    master = port_of(fleet.master().start())
    assert master.metrics_port is None
    names = [open(f"/proc/{master.process.pid}/task/{task}/comm").read() for task in os.listdir(f"/proc/{master.process.pid}/task")]
    assert not any(name.startswith("metrics") for name in names)


# ---- syndics ---------------------------------------------------------------------------------------------------------------


def test_a_syndic_counts_what_it_passes_on_and_is_ready_while_it_has_a_master(fleet):
    master = port_of(fleet.master(auto_accept=True, metrics=LISTEN).start())
    syndic = watched_syndic(fleet, master)
    fleet.minion("m1", syndic).start()
    await_(lambda: master.up() == ["m1"], "the minion")
    assert get(syndic.metrics_port, "/readyz") == (200, "ok\n")
    assert master.brine("m1", "test.ping") == {"m1": True}
    await_value(syndic, 1, "brine_syndic_returns_acknowledged_total")
    page = scrape(syndic)
    assert page("brine_syndic_connected_minions") == 1
    assert page("brine_syndic_session_available") == 1
    assert page("brine_syndic_spool_written_total") == 1
    assert page("brine_syndic_upward_bytes_total", direction="up") > 0
    top = scrape(master)
    assert top("brine_master_connected_syndics") == 1
    assert top("brine_master_gateway_returns_total") == 1
    assert top("brine_master_gateway_bytes_total", direction="in") == page("brine_syndic_upward_bytes_total", direction="up")
    master.kill()
    await_(lambda: get(syndic.metrics_port, "/readyz")[0] == 503, "the syndic to be without a master")
    assert scrape(syndic)("brine_syndic_session_available") == 0
    assert get(syndic.metrics_port, "/healthz") == (200, "ok\n")
