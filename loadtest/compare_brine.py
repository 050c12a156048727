"""brine's turns of the comparison: a fleet of real minions beside Salt's, and a swarm beside NATS."""

import statistics
import subprocess
import time

from figures import quantile
from fleet import BIN, Fleet, await_
from operator_client import exec_to_ready
from process_group import pss_mib
from processes import Clock, Load, LoadTestError, Swarm, process_sample

MASTER = {"auto_accept": True, "log_level": "warning", "returners": [], "max_open_jobs": 100_000}


def milliseconds_of(commands, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        subprocess.run(commands, check=True, stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - start) * 1000)
    return times


class BrineTurn:
    def __init__(self, folder):
        self.folder, self.fleet, self.clock = folder, Fleet(folder), Clock()
        self.programs = []
        self.row = {}  # what has been measured so far, also when a later part fails
        self.master = self.fleet.master(**MASTER).start()
        self.empty_mib = self.server_mib()

    # ---- parts ----

    def load(self, jobs, target, connections=1, timeout_ms=60_000):
        """A closed loop; its final line, with the CPU seconds of the master in `cpu`."""
        config = {
            "operator": f"{self.master.sock_dir}/operator.ipc",
            "target": target if isinstance(target, dict) else {"pattern": target},
            "closed": True,
            "jobs": jobs,
            "connections": connections,
            "timeout_ms": timeout_ms,
        }
        before = self.cpu()
        load = Load(f"load-{len(self.programs)}", self.folder / "loads", config, self.clock)
        self.programs.append(load)
        final = {**load.wait(120), "cpu": self.cpu() - before}
        if final["complete"] != jobs:
            raise LoadTestError(f"brine: {final['complete']} of {jobs} jobs to {target} were complete: {final['reasons']}\n{self.master.tail(10)}")
        return final

    def cpu(self):
        return process_sample(self.master.process.pid)[0]

    def server_mib(self):
        return pss_mib(self.master.process.pid)

    def swarm(self, count, prefix, **more):
        config = {"masters": [f"tcp://127.0.0.1:{self.master.port}"], "count": count, "id_prefix": prefix, "source_ips": True, "threads": 2, **more}
        swarm = Swarm(f"swarm-{prefix}", self.folder / f"swarm-{prefix}", config, self.clock)
        self.programs.append(swarm)
        begin = time.monotonic()
        await_(swarm.all_open, f"{count} simulated minions", 180)
        return time.monotonic() - begin

    def herd(self, target):
        """Seconds from kill -9 until all have answered one ping."""
        begin = time.monotonic()
        self.master.kill()
        self.master.start()
        self.load(1, target, timeout_ms=90_000)
        return time.monotonic() - begin

    def close(self):
        for program in self.programs:
            if program.alive():
                program.process.kill()
                program.process.wait()
        self.fleet.close()

    # ---- turns ----

    def beside_salt(self, count):
        first = self.fleet.minion("m1", self.master).start()
        await_(lambda: self.master.up() == ["m1"], "m1")
        row = self.row
        row["minion_ready"] = statistics.median(exec_to_ready(self.master, first, 5))
        row["cli_p50"] = quantile(milliseconds_of([BIN / "brine", "-c", self.master.etc, "m1", "test.ping"], 40), 0.5)
        row |= latency("one", self.load(2000, "m1"))
        minions = [first, *(self.fleet.minion(f"m{i}", self.master).start() for i in range(2, count + 1))]
        await_(lambda: len(self.master.up()) == count, f"{count} minions")
        row |= latency("idle", self.load(2000, "m1"))
        row |= {f"jobs_{callers}": per_second(self.load(5000, "m1", callers), "finished") for callers in (8, 64)}
        row["ping_all"] = self.load(100, "m*")["latency_us"]["p50"] / 1000
        row |= returns("real", self.load(1000, "m*", 8))
        row["server_mib"] = self.server_mib()
        row["minion_mib"] = statistics.mean(pss_mib(minion.process.pid) for minion in minions)
        row["herd"] = self.herd("m*")
        self.swarm(count, "drv")
        row |= returns("straight", self.load(5000, "drv*", 16))
        row |= {"returns_unstored": row["returns_straight"], "cpu_unstored": row["cpu_straight"]}

    def beside_nats(self, count):
        row = self.row
        row["join"] = self.swarm(count, "sim")
        row["kib"] = (self.server_mib() - self.empty_mib) * 1024 / count
        row |= latency("one", self.load(2000, {"kind": "list-random", "prefix": "sim", "count": count}))
        row["ping_all"] = self.load(7, "sim*")["latency_us"]["p50"] / 1e6
        told = returns("", self.load(max(8, 200_000 // count), "sim*", 4))
        row |= {"returns": told["returns_"], "cpu": told["cpu_"]}
        row["herd"] = self.herd("sim*")


def latency(name, final):
    return {f"{name}_{part}": final["latency_us"][part] / 1000 for part in ("p50", "p99")}


def per_second(final, what):
    return final[what] / final["t"]


def returns(name, final):
    return {f"returns_{name}": per_second(final, "returns"), f"cpu_{name}": final["cpu"] * 1e6 / final["returns"]}
