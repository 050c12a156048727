"""First figures: one master, one minion, the command line; and parts without a network (brine-part-bench, brine-redis-bench).

Prints a table in Markdown: what, N, figure, durability. Databases and journals lie on the disk of the temporary folder; the disk's syncs per
second are measured in the same run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "process"))

import zmq  # noqa: E402

from cluster import Redis  # noqa: E402
from figures import quantile  # noqa: E402
from fleet import BIN, Fleet, await_  # noqa: E402
from machine import syncs_per_second  # noqa: E402
from peer import Peer, new_key  # noqa: E402
from operator_client import Operator, exec_to_ready  # noqa: E402
from process_group import pss_mib  # noqa: E402
from processes import Clock, Swarm, scrape_times  # noqa: E402


def whole_process(master, count=100):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        subprocess.run([BIN / "brine", "-c", master.etc, "m1", "test.ping"], check=True, stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - start) * 1000)
    return times


def round_trips(master, count=2000):
    operator, times = Operator(master), []
    for _ in range(count):
        start = time.perf_counter()
        assert operator.job("m1", "test.ping") == 1
        times.append((time.perf_counter() - start) * 1000)
    return times


def jobs_per_second(master, seconds=10, connections=64):
    operators = [Operator(master) for _ in range(connections)]
    poller = zmq.Poller()
    by_socket = {operator.socket: operator for operator in operators}
    for operator in operators:
        poller.register(operator.socket, zmq.POLLIN)
        operator.submit("m1", "test.ping")
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for socket, _ in poller.poll(1000):
            reply = by_socket[socket].reply()
            assert "error" not in reply, reply
            if "finished" in reply:
                assert reply["finished"]["missing"] == []
                done += 1
                by_socket[socket].submit("m1", "test.ping")
    return done / (time.perf_counter() - start)


def scrapes_with_many(folder, count=2000):
    """Of a master that this many simulated minions are connected to."""
    fleet = Fleet(folder)
    try:
        master = fleet.master(auto_accept=True, log_level="warning", metrics={"listen": "127.0.0.1:0"}).start()
        port = json.loads((master.sock_dir / "master.json").read_text())["metrics_port"]
        swarm = Swarm("swarm-0", folder, {"masters": [f"tcp://127.0.0.1:{master.port}"], "count": count, "threads": 1, "journal": "memory"}, Clock())
        await_(swarm.all_open, f"{count} sessions")
        times = scrape_times(port)
        swarm.stop()
        return times
    finally:
        fleet.close()


def changes_to_watcher(master, count=100):
    """Milliseconds from sending a changed mine entry to the line of a `brine-run mine.watch`, which knows 20 other entries."""
    crowd = [Peer(master.port, f"crowd{i}", new_key()).open() for i in range(20)]
    for peer in crowd:
        peer.send({"mine": {"whole": True, "entries": [{"name": "n0", "value": "1", "allow": ""}], "removed": []}})
    await_(lambda: len(master.runner("mine.get", "*", "n0")) == len(crowd), "the entries")
    peer, times = Peer(master.port, "changing", new_key()).open(), []
    watch = master.spawn("mine.watch", "*", "n0", program="brine-run")
    try:
        for _ in crowd:
            watch.stdout.readline()
        for i in range(count):
            time.sleep(0.15)  # beyond the time within which changes are taken together
            start = time.perf_counter()
            peer.send({"mine": {"whole": False, "entries": [{"name": "n0", "value": str(i), "allow": ""}], "removed": []}})
            line = json.loads(watch.stdout.readline())
            while line["id"] != "changing":  # the crowd says nothing more, and is given up one by one
                line = json.loads(watch.stdout.readline())
            times.append((time.perf_counter() - start) * 1000)
            assert line["value"] == i, line
        return times
    finally:
        watch.terminate()
        watch.communicate()
        for one in (peer, *crowd):
            one.close()


def parts(folder):
    """Rows of what needs no minions."""
    figures = json.loads(subprocess.run([BIN / "brine-part-bench", folder / "parts"], check=True, capture_output=True, text=True).stdout)
    yield "handshakes per second of the master's CPU, full", 3000, f"{figures['handshakes_full']}/s"
    yield "handshakes per second of the master's CPU, resumed", 3000, f"{figures['handshakes_resumed']}/s"
    yield "durable returns per second, ledger and sqlite (synced), 300 bytes", 300_000, f"{figures['durable_returns']}/s"
    yield "the same: CPU for each", 300_000, f"{figures['us_per_return']} us"
    yield "JSON of one return, as returners send it", 200_000, f"{figures['return_json_ns'] / 1000:.2f} us"
    yield "mine.get of 10,000 entries: CPU for each", 100, f"{figures['mine_get_us']:.2f} us"
    yield "the same, by a minion that allow_tgt admits", 100, f"{figures['mine_get_allowed_us']:.2f} us"
    for fsync in ("everysec", "always"):
        yield from redis_parts(folder / f"redis-{fsync}", fsync)


def redis_parts(folder, fsync):
    redis = Redis(folder, "--appendfsync", fsync).start()
    try:
        figures = json.loads(
            subprocess.run([BIN / "brine-redis-bench", f"unix://{redis.socket}"], check=True, capture_output=True, text=True).stdout
        )
    finally:
        redis.stop()
    way = lambda name: f"p50 {figures[f'{name}_p50_ms']:.2f} ms, p99 {figures[f'{name}_p99_ms']:.2f} ms"  # noqa: E731
    yield f"durable returns per second, ledger and Redis (appendfsync {fsync}), 300 bytes", 300_000, f"{figures['durable_returns']}/s"
    yield "the same: CPU for each, without that of the Redis", 300_000, f"{figures['us_per_return']} us"
    yield "the same Redis: from submission to acceptance", 2000, way("other_submit_to_accept")
    yield "from acceptance on one master to sending on another", 2000, way("other_accept_to_send")
    yield "from a return on the other to the one who waits here", 2000, way("other_return_to_told")
    yield "the same on one master: from acceptance to sending", 2000, way("own_accept_to_send")
    yield "from a return to the one who waits", 2000, way("own_return_to_told")


def main():
    argparse.ArgumentParser(prog="dev bench", description=__doc__).parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="brine-bench-") as folder:
        print(f"load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} processors, disk {syncs_per_second(folder):.0f} syncs/s\n", flush=True)
        fleet = Fleet(folder)
        try:
            master, minion = fleet.up("m1", log_level="warning", returners=[], max_open_jobs=100_000)
            times = whole_process(master)
            rows.append(("`brine m1 test.ping`, whole process", len(times), f"p50 {quantile(times, 0.5):.1f} ms, p99 {quantile(times, 0.99):.1f} ms"))
            times = round_trips(master)
            rows.append(("submit to result at the caller, one after the other", len(times), f"p50 {quantile(times, 0.5):.2f} ms, p99 {quantile(times, 0.99):.2f} ms"))
            rows.append(("jobs per second, one target, 64 callers", "10 s", f"{jobs_per_second(master):.0f}/s"))
            rows.append(("minion after that, PSS", 1, f"{pss_mib(minion.process.pid):.1f} MiB"))
            times = changes_to_watcher(master)
            rows.append(("a change in the mine, to the line of mine.watch", len(times), f"p50 {quantile(times, 0.5):.1f} ms, p99 {quantile(times, 0.99):.1f} ms"))
            times = exec_to_ready(master, minion)
            rows.append(("minion, exec to ready", len(times), f"median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms"))
            rows.append(("minion, idle, PSS", 1, f"{pss_mib(minion.process.pid):.1f} MiB"))
        finally:
            fleet.close()
        times = scrapes_with_many(Path(folder) / "scrapes")
        rows.append(("a scrape of /metrics, 2,000 minions connected", len(times), f"median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms"))
        rows.extend(parts(Path(folder)))
    print("| what | N | figure |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(f"\nload average at the end {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
