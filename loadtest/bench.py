"""First figures: one master, one minion, the command line; and parts without a network (brine-part-bench).

Prints a table in Markdown: what, N, figure, durability. Databases and journals lie on the disk of the temporary folder; the disk's syncs per
second are measured in the same run. `--vs-salt PYTHON` measures the same on the Salt that this Python has installed.
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

from capnp_layout import decode, encode  # noqa: E402
from fleet import BIN, Fleet, await_  # noqa: E402


def syncs_per_second(folder, count=500):
    fd = os.open(Path(folder) / "sync-probe", os.O_WRONLY | os.O_CREAT)
    start = time.perf_counter()
    for _ in range(count):
        os.write(fd, bytes(120))
        os.fdatasync(fd)
    os.close(fd)
    return count / (time.perf_counter() - start)


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


class Operator:
    """The operator socket, without a process per command."""

    def __init__(self, master):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(f"ipc://{master.sock_dir}/operator.ipc")

    def submit(self, target, function):
        request = {
            "submit": {
                "submission": os.urandom(16),
                "targetKind": "glob",
                "target": target,
                "delimiter": ":",
                "function": function,
                "arguments": '{"args":[],"kwargs":{}}',
                "timeoutMs": 10_000,
            }
        }
        self.socket.send(b"BR\x01\x06" + encode("operator", "OperatorRequest", request))

    def reply(self):
        return decode("operator", "OperatorReply", self.socket.recv()[4:])

    def job(self, target, function):
        self.submit(target, function)
        returns = 0
        while True:
            reply = self.reply()
            if "error" in reply:
                raise RuntimeError(reply["error"]["message"])
            returns += "return" in reply
            if "finished" in reply:
                return returns


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


def pss_mib(pid):
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024


def exec_to_ready(master, minion, count=20):
    """From exec until the master's log says that the minion's Status has arrived (seen by its first answered ping)."""
    operator, times = Operator(master), []
    for _ in range(count):
        minion.stop()
        await_(lambda: master.up() == [], "the minion to leave")
        start = time.perf_counter()
        minion.start()
        while True:
            request = {"run": {"function": "manage.up", "arguments": '{"args":[],"kwargs":{}}'}}
            operator.socket.send(b"BR\x01\x06" + encode("operator", "OperatorRequest", request))
            if operator.reply()["result"] == '["m1"]':
                break
        times.append((time.perf_counter() - start) * 1000)
    return times


def salt(python):
    """The same figures on a stock Salt, where it has them: rows of the table."""
    probe = Path(__file__).parent / "salt_probe.py"
    with tempfile.TemporaryDirectory(prefix="salt-") as folder:
        etc = Path(folder) / "etc"
        etc.mkdir()
        common = f"root_dir: {folder}/root\nuser: root\n"
        (etc / "master").write_text(common + "interface: 127.0.0.1\nauto_accept: true\npublish_port: 24505\nret_port: 24506\n")
        (etc / "minion").write_text(common + "id: m1\nmaster: 127.0.0.1\nmaster_port: 24506\npublish_port: 24505\n")
        bin_dir = Path(python).parent

        def start(name):
            return subprocess.Popen([bin_dir / f"salt-{name}", "-c", etc, "-l", "quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def measure(what):
            return json.loads(subprocess.run([python, probe, etc, what], check=True, capture_output=True, text=True).stdout.splitlines()[-1])

        daemons = [start("master")]
        try:
            ping = [bin_dir / "salt", "-c", etc, "m1", "test.ping"]
            await_(lambda: (etc.parent / "root/var/run/salt/master/publish_pull.ipc").exists(), "the Salt master", 120)
            ready_times = [t * 1000 for t in measure("ready")]
            daemons.append(start("minion"))
            await_(lambda: b"True" in subprocess.run([*ping, "--out", "txt"], capture_output=True).stdout, "Salt", 120)
            whole = []
            for _ in range(20):
                begin = time.perf_counter()
                subprocess.run(ping, check=True, stdout=subprocess.DEVNULL)
                whole.append((time.perf_counter() - begin) * 1000)
            trips = [t * 1000 for t in measure("trips")]
            jobs = measure("jobs")
            pids = subprocess.run(["pgrep", "-f", f"salt-minion -c {etc}"], capture_output=True, text=True).stdout.split()
            return [
                ("Salt: `salt m1 test.ping`, whole process", len(whole), f"p50 {quantile(whole, 0.5):.0f} ms, p99 {quantile(whole, 0.99):.0f} ms"),
                ("Salt: submit to result at a LocalClient, one after the other", len(trips), f"p50 {quantile(trips, 0.5):.0f} ms, p99 {quantile(trips, 0.99):.0f} ms"),
                ("Salt: jobs per second, one target, 8 callers; nothing is synced", "10 s", f"{jobs:.0f}/s"),
                ("Salt: minion, exec to its start event", len(ready_times), f"median {statistics.median(ready_times):.0f} ms, worst {max(ready_times):.0f} ms"),
                ("Salt: minion, all its processes, PSS", len(pids), f"{sum(pss_mib(pid) for pid in pids):.1f} MiB"),
            ]
        finally:
            for daemon in daemons:
                daemon.terminate()
            for daemon in daemons:
                daemon.wait(30)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vs-salt", metavar="PYTHON", help="a Python that has Salt installed, e.g. of a virtual environment")
    options = parser.parse_args()
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
            times = exec_to_ready(master, minion)
            rows.append(("minion, exec to ready", len(times), f"median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms"))
            rows.append(("minion, idle, PSS", 1, f"{pss_mib(minion.process.pid):.1f} MiB"))
        finally:
            fleet.close()
        parts = json.loads(subprocess.run([BIN / "brine-part-bench", Path(folder) / "parts"], check=True, capture_output=True, text=True).stdout)
        rows.append(("handshakes per second of the master's CPU, full", 3000, f"{parts['handshakes_full']}/s"))
        rows.append(("handshakes per second of the master's CPU, resumed", 3000, f"{parts['handshakes_resumed']}/s"))
        rows.append(("durable returns per second, ledger and sqlite (synced), 300 bytes", 300_000, f"{parts['durable_returns']}/s"))
    if options.vs_salt:
        rows += salt(options.vs_salt)
    print("| what | N | figure |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(f"\nload average at the end {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
