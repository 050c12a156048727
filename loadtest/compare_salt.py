"""Salt's turns of the comparison."""

from compare_brine import milliseconds_of
from figures import quantile
from processes import LoadTestError
from salt_fleet import JOB_CACHE_OFF, TUNED, SaltFleet, merged

DRIVERS = 4  # processes that send returns
WORKERS = (2, 4, 8)  # worker_threads that are tried out


class SaltTurn:
    def __init__(self, python, folder, settings):
        self.fleet = SaltFleet(python, folder, settings)
        self.row = {}  # what has been measured so far, also when a later part fails

    def close(self):
        self.fleet.close()

    def beside_brine(self, count):
        fleet, row = self.fleet, self.row
        fleet.start_master()
        row["minion_ready"] = fleet.ready_seconds("m1") * 1000
        row["cli_p50"] = quantile(milliseconds_of(fleet.command_line("m1"), 6), 0.5)
        row |= self.trips("one")
        fleet.start_minions([f"m{i}" for i in range(2, count + 1)])
        row |= self.trips("idle")
        row["server_mib"] = fleet.master.pss_mib()
        row["minion_mib"] = fleet.minion_mib()
        row["jobs_8"] = self.jobs("m1", 8)["jobs"]
        row |= self.ping_all(count)
        row |= self.real_returns()
        row["jobs_64"] = self.jobs("m1", 64)["jobs"]
        self.settle(count)
        row["herd"] = fleet.restart_after_kill(90)
        fleet.kill_minions()
        row |= self.straight("straight", count)

    def trips(self, name, count=30):
        times = [seconds * 1000 for seconds in self.fleet.probe.ask("trips", target="m1", count=count)["times"]]
        return {f"{name}_p50": quantile(times, 0.5), f"{name}_p99": quantile(times, 0.99)}

    def jobs(self, target, callers, seconds=6):
        told = self.fleet.probe.ask("jobs", target=target, callers=callers, seconds=seconds)
        return {**told, "jobs": told["jobs"] / seconds, "returns": told["returns"] / seconds}

    def ping_all(self, count):
        self.settle(count)
        times = self.fleet.probe.ask("ping_all", expected=count, count=5)["times"]
        return {"ping_all": quantile(times, 0.5) * 1000} if times else {}

    def settle(self, count):
        """Until all answer again: what callers left behind is still being worked on."""
        self.fleet.probe.ask("all_answer", expected=count, patience=60)

    def real_returns(self):
        before = self.fleet.master.cpu_seconds()
        told = self.jobs("m*", 8)
        row = {"returns_real": told["returns"]}
        if told["returns"]:
            row["cpu_real"] = (self.fleet.master.cpu_seconds() - before) * 1e6 / (told["returns"] * told["seconds"])
        return row

    def straight(self, name, count, seconds=5):
        told = self.fleet.drive_returns(count, DRIVERS, seconds)
        if not told["returns"]:
            raise LoadTestError(f"Salt took no return; {told['refused']} were refused: {self.fleet.tail()}")
        return {f"returns_{name}": told["returns"] / told["seconds"], f"cpu_{name}": told["cpu"] * 1e6 / told["returns"]}

    def unstored(self, count):
        self.fleet.start_master()
        self.row |= self.straight("unstored", count)


def best_workers(python, folder, count):
    """{worker_threads: returns per second} of the tuned settings."""
    found = {}
    for workers in WORKERS:
        turn = SaltTurn(python, folder / f"workers-{workers}", merged(TUNED, {"master": {"worker_threads": workers}}))
        try:
            turn.fleet.start_master()
            found[workers] = turn.straight("straight", count, 3)["returns_straight"]
        finally:
            turn.close()
    return found


def tuned(workers):
    return merged(TUNED, {"master": {"worker_threads": workers}})


def without_job_cache(settings):
    return merged(settings, {"master": JOB_CACHE_OFF})
