"""Runs a scenario of the load test: real master, simulated minions, load, faults; then the verdict, figures, JSON and a page of HTML.

usage: run.py SCENARIO.yaml [--minions N] [--out FOLDER] [--keep]
"""

import argparse
import json
import math
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests" / "process"))

import backends  # noqa: E402
import expectations  # noqa: E402
import figures  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402
import scenario as scenarios  # noqa: E402
from cluster import Cluster, Redis  # noqa: E402
from fleet import BIN, Fleet, await_  # noqa: E402
from processes import Clock, Load, LoadTestError, Sampler, Swarm, process_sample, scrape  # noqa: E402
from redis_records import Records, RedisReader  # noqa: E402
from verdict import History  # noqa: E402

FILES_PER_SWARM = 19_000  # of 20,000 that a process may open
REPEATABLE = {"test.ping", "test.echo"}
LOOK = 0.02
MASTERS = [f"m{i}" for i in range(1, 10)]
CLUSTER = "test"  # as tests/process/cluster.py names it


class Watched:
    """A master or syndic that runs, whose CPU time is counted through restarts."""

    def __init__(self, daemon, announcement):
        self.daemon, self.announcement = daemon, announcement
        self.gone_cpu = 0.0

    def pid(self):
        return self.daemon.process.pid if self.daemon.alive() else None

    def metrics_port(self):
        try:
            return json.loads(self.announcement.read_text())["metrics_port"]
        except (OSError, ValueError):
            return None

    def sample(self):
        """(CPU seconds of all its lives, resident MiB, open files)."""
        cpu, mib, files = process_sample(self.pid()) or (0.0, 0.0, 0)
        return self.gone_cpu + cpu, mib, files

    def suffer(self, what):
        act = what.split()[0]
        if act in ("kill", "stop", "restart"):
            self.gone_cpu = self.sample()[0]
        for step in ("kill", "start") if act == "restart" else (act,):
            getattr(self.daemon, step)()


def watched_master(daemon):
    return Watched(daemon, daemon.sock_dir / "master.json")


class Run:
    def __init__(self, scenario, folder, out):
        self.scenario, self.folder, self.out = scenario, Path(folder), Path(out)
        self.clock = Clock()
        self.redis = Redis(self.folder / "redis", *scenario.redis) if scenario.store == "redis" else None
        self.fleet = Cluster(folder, self.redis) if self.redis else Fleet(folder)
        self.swarms, self.loads, self.events, self.phases = [], [], [], []
        self.backends = {}  # kind of returner: what it writes to
        self.now_in = "join"
        self.last_fault = None
        self.facts = machine.facts(folder)
        self.sampler = Sampler(self.clock, self.progress)

    # ---- what runs ----

    def start(self):
        for kind in self.scenario.returners:
            backend = self.backends[kind] = backends.KINDS[kind](self.folder).start()
            if backend.process:
                self.sampler.watch(f"{kind}-returner", lambda backend=backend: backend.process.pid if backend.process.poll() is None else None)
        settings = {
            "auto_accept": not self.scenario.join_token,
            "log_level": "warning",
            "max_open_jobs": 100_000,
            "metrics": {"listen": "127.0.0.1:0"},
            "returners": [backend.settings() for backend in self.backends.values()],
            **self.scenario.master,
        }
        if self.redis:
            self.redis.start()
            self.fleet.start_masters(*MASTERS[: self.scenario.masters], **settings)
            self.masters = [watched_master(daemon) for daemon in self.fleet.masters]
            self.sampler.watch("redis", lambda: self.redis.process.pid if self.redis.process.poll() is None else None)
        else:
            self.masters = [watched_master(self.fleet.master(**settings).start())]
        self.master = self.masters[0]
        for i, master in enumerate(self.masters):
            self.sampler.watch(f"master-{i + 1}" if i else "master", master.pid, master.metrics_port)
        self.start_syndics()
        self.empty_mib = self.master.sample()[1]
        self.token = self.make_token(**self.scenario.join_token) if self.scenario.join_token else {}
        self.start_real_minions()
        self.start_swarms()

    def start_syndics(self):
        """Each below all masters; those of the second tier below the first of them."""
        self.syndics = []
        masters = [master.daemon for master in self.masters]
        settings = {"log_level": "warning", "metrics": {"listen": "127.0.0.1:0"}, **self.scenario.syndic}
        for i in range(self.scenario.syndics + self.scenario.second_tier):
            above = masters if i < self.scenario.syndics else [self.syndics[0].daemon]
            daemon = self.fleet.accepted_syndic(self.master.daemon, f"s{i + 1}", *above, **settings)
            self.syndics.append(Watched(daemon, daemon.announcement))
            self.sampler.watch(f"syndic-{i + 1}", self.syndics[-1].pid, self.syndics[-1].metrics_port)

    def syndics_sample(self):
        """(CPU seconds, bytes sent upwards) of all syndics of the first tier; None without any."""
        if not self.syndics:
            return None
        pages = [scrape(syndic.metrics_port()) or {} for syndic in self.syndics[: self.scenario.syndics]]
        up = sum(page.get('brine_syndic_upward_bytes_total{direction="up"}', 0.0) for page in pages)
        return sum(syndic.sample()[0] for syndic in self.syndics), up

    def make_token(self, uses=1, expires="1h", ephemeral=False):
        words = ["--uses", uses, "--expires", expires, *(["--ephemeral"] if ephemeral else [])]
        return {"join_token": self.master.daemon.key("--token-create", *words).out.strip()}

    def start_real_minions(self):
        ids = [f"real-{i}" for i in range(self.scenario.real_minions)]
        self.real = [self.fleet.minion(id, self.master.daemon, **self.token).start() for id in ids]
        for minion in self.real:
            self.sampler.watch(minion.id, lambda pid=minion.process.pid: pid)
        if ids:
            await_(lambda: set(self.master.daemon.up()) >= set(ids), f"{ids} to connect")

    def start_swarms(self):
        minions = dict(self.scenario.minions)
        count = minions.pop("count")
        files = 2 if minions.get("journal") == "file" else 1
        processes = max(minions.pop("processes", 1), math.ceil(count * files / FILES_PER_SWARM))
        begin = self.clock.now()
        first = 0
        for i, size in enumerate(shares(count, processes)):
            config = {
                "masters": [f"tcp://127.0.0.1:{above.daemon.port}" for above in self.syndics or self.masters],
                "source_ips": True,
                "threads": 1 if processes > 1 else 2,
                **minions,
                **self.token,
                "count": size,
                "first": first,
            }
            swarm = Swarm(f"swarm-{i}", self.folder / f"swarm-{i}", config, self.clock)
            self.swarms.append(swarm)
            self.sampler.watch(swarm.name, lambda pid=swarm.pid: pid)
            first += size
        self.until(["open"], 300)
        self.count = count
        self.end_phase("join", begin, self.empty_mib, (0.0, 0.0), [])

    # ---- phases ----

    def run_phase(self, phase):
        self.now_in = phase.name
        begin = self.clock.now()
        cpu, mib = self.masters_cpu(), self.master.sample()[1]
        redis, syndics = self.redis_sample(), self.syndics_sample()
        swarm_cpu = self.swarm_cpu()
        loads = [self.start_load(load) for load in phase.loads]
        pending = [[fault.at, fault] for fault in phase.faults]
        while any(load.alive() for load in loads) or any(not fault.every for _, fault in pending):
            pending = self.cause_faults(pending, begin)
            for i, load in enumerate(loads):
                load.must_live()
                loads[i] = self.again_if_incomplete(load)
            time.sleep(LOOK)
        finals = [load.wait(5) for load in loads]
        loads_end = self.clock.now()
        self.until(phase.until, phase.patience)
        self.end_phase(phase.name, begin, mib, (cpu, swarm_cpu), finals, loads_end, redis, syndics)

    def masters_cpu(self):
        return sum(master.sample()[0] for master in self.masters)

    def redis_sample(self):
        """(CPU seconds, MiB of data); None without a Redis."""
        return ((process_sample(self.redis.process.pid) or (0.0,))[0], self.records().used_memory() / 2**20) if self.redis else None

    def records(self):
        return Records(RedisReader(self.redis.socket), CLUSTER)

    def swarm_cpu(self):
        samples = [process_sample(swarm.pid) for swarm in self.swarms]
        return sum(sample[0] for sample in samples if sample)

    def start_load(self, load):
        target = load.get("target", "*")
        config = {
            "operator": f"{self.masters[load.get('master', 1) - 1].daemon.sock_dir}/operator.ipc",
            "target": {"kind": "list-random", "count": self.count} if target == "random" else {"pattern": target},
            "timeout_ms": load.get("timeout_ms", 30_000),
            **{key: load[key] for key in ("function", "arguments", "rate", "seconds", "connections", "seed") if key in load},
        }
        if "rate" not in load:
            config |= {"closed": True, "jobs": load.get("jobs", 1), "connections": load.get("connections", 1)}
        begun = Load(unused(load["name"], self.loads), self.folder / "loads", config, self.clock)
        begun.until_complete = load
        self.loads.append(begun)
        self.sampler.watch(f"load-{begun.name}", lambda: begun.pid)
        return begun

    def again_if_incomplete(self, load):
        wanted = load.until_complete
        if load.alive() or not wanted.get("until_complete") or load.wait(5)["complete"] > 0:
            return load
        return self.start_load(wanted)

    def cause_faults(self, pending, begin):
        rest = []
        for due, fault in pending:
            if self.clock.now() - begin < due:
                rest.append([due, fault])
                continue
            self.cause(fault)
            if fault.every:
                rest.append([due + fault.every, fault])
        return rest

    def cause(self, fault):
        self.last_fault, self.acknowledged_then = self.clock.now(), self.acknowledged()
        words = {key: value for key, value in fault.order.items() if key != "do"}
        self.events.append({"t": self.last_fault, "what": " ".join([fault.do, *(f"{k} {v}" for k, v in words.items())])})
        if fault.do == "join":
            self.events[-1]["joined"] = words["count"]
        if fault.do in scenarios.MASTER_FAULTS:
            self.masters[words.get("which", 1) - 1].suffer(fault.do)
            return
        if fault.do in scenarios.SYNDIC_FAULTS:
            self.syndics[words.get("which", 1) - 1].suffer(fault.do)
            return
        if fault.do in backends.FAULTS:
            act, _, kind = fault.do.removesuffix("-returner").partition(" ")
            getattr(self.backends[kind], act)()
            return
        if fault.do in scenarios.REDIS_FAULTS:
            getattr(self.redis, fault.do.split()[0])()
            return
        parts = shares(words["count"], len(self.swarms)) if "count" in words else [None] * len(self.swarms)
        for swarm, part in zip(self.swarms, parts, strict=True):
            swarm.do(**{**fault.order, **({"count": part} if part is not None else {})})

    def acknowledged(self):
        return sum(swarm.last().get("acknowledged", 0) for swarm in self.swarms)

    def until(self, states, patience):
        deadline = time.monotonic() + patience
        checks = {"open": Swarm.all_open, "answered": Swarm.answered, "reaped": lambda _: self.all_reaped()}
        while not all(checks[state](swarm) for state in states for swarm in self.swarms):
            if time.monotonic() > deadline:
                seen = "; ".join(f"{swarm.name}: {swarm.last()}" for swarm in self.swarms)
                raise LoadTestError(f"phase '{self.now_in}': gave up after {patience} s waiting for {' and '.join(states)}: {seen}")
            time.sleep(LOOK)

    def keys(self):
        """{state: number}, as the master counted them a second ago."""
        sample = self.sampler.metrics.get("master", [[0, {}]])[-1][1]
        return {state: int(sample.get(f'brine_master_keys{{state="{state}"}}', -1)) for state in ("accepted", "pending", "rejected", "denied")}

    def present(self):
        return sum(swarm.last().get("minions", 0) for swarm in self.swarms) + len(self.real)

    def all_reaped(self):
        return self.keys()["accepted"] == self.present()

    def joined(self):
        """What there is to say of the token: minions that ever were, uses that were counted, and keys now."""
        if not self.token:
            return None
        (token,) = json.loads(self.master.daemon.key("--token-list", "--out", "json").out).values()
        ever = self.count + len(self.real) + sum(event["joined"] for event in self.events if "joined" in event)
        return {"ever": ever, "used": token["used"], "present": self.present(), **self.keys()}

    def served_again(self):
        """From the last fault to the first second from which on every minion had a session."""
        lines = [line for swarm in self.swarms for line in list(swarm.lines) if line["t"] > self.last_fault]
        without = [line["t"] for line in lines if line["open"] < line["minions"] - line["frozen"]]
        return max(without, default=self.last_fault) - self.last_fault

    def end_phase(self, name, begin, mib, cpu, finals, loads_end=None, redis=None, syndics=None):
        end = self.clock.now()
        after = self.master.sample()
        most = max([after[1], *(row[2] for row in self.sampler.processes.get("master", []) if begin <= row[0] <= end)])
        phase = {
            "name": name,
            "from": begin,
            "to": end,
            "seconds": end - begin,
            "finals": finals,
            "master_cpu_s": self.masters_cpu() - cpu[0],
            "swarm_cpu_s": self.swarm_cpu() - cpu[1],
            "master_mib": [mib, most, after[1]],
        }
        if redis is not None:
            redis_after = self.redis_sample()
            phase["redis_cpu_s"] = redis_after[0] - redis[0]
            phase["redis_mib"] = [redis[1], redis_after[1]]
        if syndics is not None:
            syndics_after = self.syndics_sample()
            phase["syndics_cpu_s"] = syndics_after[0] - syndics[0]
            phase["upward_bytes"] = syndics_after[1] - syndics[1]
        if self.last_fault is not None:
            phase["served_again"] = self.served_again()
            last_line = max(swarm.last()["t"] for swarm in self.swarms)
            phase["recovered"] = (loads_end if finals else end) - self.last_fault
            phase["acknowledged_per_second"] = (self.acknowledged() - self.acknowledged_then) / max(last_line - self.last_fault, 1)
        phase["measures"] = figures.measures(phase)
        if name == "join":
            phase["measures"] |= {"per_second": self.count / phase["seconds"], "kib_per_minion": (after[1] - mib) * 1024 / self.count, "minions": self.count}
        self.phases.append(phase)
        say(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in phase["measures"].items()))

    # ---- the end ----

    def finish(self):
        self.now_in = "drain"
        self.until(["answered"], 120)
        self.seen_of_token = self.joined()
        for swarm in self.swarms:
            swarm.stop()
        if self.scenario.returners:
            self.await_drained()
        self.phases[-1]["measures"]["outbox_bytes_per_return"] = self.outbox_bytes_per_return()
        for minion in self.real:
            minion.stop(60)
        for daemon in self.syndics[::-1] + self.masters:
            daemon.daemon.stop(60)
        self.fleet.close()
        self.sampler.close()
        return self.judge()

    def await_drained(self):
        """The returner has everything: its position, which the store keeps, has come to the end of the outbox."""
        deadline = time.monotonic() + 120
        while True:
            end, positions = self.outbox()
            behind = [name for name, position in positions.items() if position < end]
            if not behind and end:
                return
            if time.monotonic() > deadline:
                raise LoadTestError(f"returners are behind after 120 s: {behind}")
            time.sleep(0.1)

    def outbox(self):
        if self.redis:
            records = self.records()
            return records.outbox_end(), records.returner_positions()
        with sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True) as store:
            (end,) = store.execute("SELECT outbox_end FROM counters").fetchone()
            return end, dict(store.execute("SELECT name, position FROM returners"))

    def outbox_bytes_per_return(self):
        if self.redis:
            return self.records().outbox_bytes_per_return()
        with sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True) as store:
            return store.execute("SELECT outbox_end_bytes * 1.0 / max(outbox_end, 1) FROM counters").fetchone()[0]

    def database(self):
        return next(self.master.daemon.root.rglob("state.db"))

    def judge(self):
        history = History(self.folder / "history.db")
        for load in self.loads:
            with open(load.jobs_log) as lines:
                history.add_issued(load.name, lines)
        for swarm in self.swarms:
            with open(swarm.executions) as lines:
                history.add_executed(lines)
        if self.redis:
            history.add_recorded_by_several(self.records(), REPEATABLE)
        else:
            history.add_recorded(self.database(), REPEATABLE)
        history.add_unlogged(minion.id for minion in self.real)
        for kind, backend in self.backends.items():
            history.add_delivered(backend.lines(self.masters), kind)
            backend.stop()
        return history.judge(all_return=self.scenario.expect.get("all_return", False)), self.expectations()

    def slopes(self):
        daemons = {name: rows for name, rows in self.sampler.processes.items() if not name.startswith("load-")}
        return expectations.slopes(self.phases[-1], daemons)

    def expectations(self):
        seen = {
            "finals": [load.final for load in self.loads],
            "phases": self.phases,
            "metrics": self.sampler.metrics.get("master", []),
            "slopes": self.slopes(),
            "joined": self.seen_of_token,
            "mine_entries": self.count * self.scenario.minions.get("mine", {}).get("entries", 0),
        }
        return [expectations.check(name, limit, seen) for name, limit in self.scenario.expect.items()]

    def figures(self):
        by_name = {phase["name"]: phase["measures"] for phase in self.phases}
        by_name[self.phases[-1]["name"]] |= {f"{name}_per_hour": slope for name, slope in self.slopes().items()}
        where = f"{self.count:,} minions, {journals(self.scenario)}"
        return [figures.figure(item["row"], self.value_of(item, by_name), f"{item['value']}, {where}") for item in self.scenario.figures]

    @staticmethod
    def value_of(wanted, by_name):
        """Of 'phase.measure', or of 'phase.measure / phase.measure'."""
        values = []
        for name in wanted["value"].split(" / "):
            phase, _, measure = name.partition(".")
            if measure not in by_name.get(phase, {}):
                raise LoadTestError(f"figure '{wanted['row']}': there is no '{name}'; phase '{phase}' has {', '.join(by_name.get(phase, {}))}")
            values.append(by_name[phase][measure])
        return values[0] if len(values) == 1 else values[0] / values[1]

    def result(self, verdict, expected):
        failures = verdict.failures + [f"{item['what']}: {item['saw']}" for item in expected if not item["held"]]
        return {
            "scenario": {"name": self.scenario.name, "about": self.scenario.about, "text": self.scenario.text},
            "machine": {**self.facts, "load_after": round(machine.os.getloadavg()[0], 2)},
            "version": version(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - self.clock.now())),
            "seconds": self.clock.now(),
            "minions": self.count,
            "events": self.events,
            "phases": self.phases,
            "processes": self.sampler.processes,
            "swarms": {swarm.name: swarm.lines for swarm in self.swarms},
            "loads": {load.name: load.lines for load in self.loads},
            "metrics": self.sampler.metrics,
            "figures": self.figures(),
            "verdict": {"passed": not failures, "counts": verdict.counts, "failures": failures, "expectations": expected},
        }

    # ---- telling ----

    def progress(self):
        open_now = sum(swarm.last().get("open", 0) for swarm in self.swarms)
        rows = self.sampler.processes.get("master", [])
        used = f"{rows[-1][1]:.2f} cores {rows[-1][2]:.0f} MiB" if rows and self.master.pid() else "away"
        jobs = sum(final_or_sum(load, "finished") for load in self.loads)
        returns = sum(final_or_sum(load, "returns") for load in self.loads)
        line = f"{self.clock.now():7.1f} s  {self.now_in:<12} open {open_now:6}  jobs {jobs:7}  returns {returns:9}  master {used}"
        if sys.stderr.isatty():
            print(f"\r{line}   ", end="", file=sys.stderr, flush=True)
        elif int(self.clock.now()) % 10 == 0:
            print(line, file=sys.stderr, flush=True)

    def close(self):
        self.sampler.close()
        if self.redis and self.redis.process:
            self.redis.resume()
        for backend in self.backends.values():
            backend.stop()
        for program in self.swarms + self.loads:
            if program.alive():
                program.process.kill()
                program.process.wait()
        for daemon in self.fleet.daemons:
            if daemon.alive():
                daemon.resume()
                daemon.kill()
        if self.redis:
            self.redis.stop()


def journals(scenario):
    return "journals synced" if scenario.minions.get("journal") == "file" else "journals in memory"


def shares(count, parts):
    return [count // parts + (i < count % parts) for i in range(parts)]


def unused(name, loads):
    taken = {load.name for load in loads}
    return next(f"{name}{suffix}" for suffix in ["", *(f"-again{i}" for i in range(1, 10_000))] if f"{name}{suffix}" not in taken)


def final_or_sum(load, key):
    return load.final[key] if load.final else sum(line[key] for line in load.lines)


def say(text):
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(text, file=sys.stderr, flush=True)


def version():
    told = subprocess.run([BIN / "brine", "--version"], capture_output=True, text=True).stdout.strip()
    commit = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return f"{told} ({commit})" if commit else told


def table(result):
    lines = ["| what | measured | reach | then |", "|---|---|---|---|"]
    for item in result["figures"]:
        mark = {True: "", False: " (short)", None: ""}[figures.holds(item)]
        unit = f" {item['unit']}" if item["unit"] else ""
        asked = ["" if item[key] is None else f"{item[key]:,}{unit}" for key in ("reach", "then")]
        lines.append(f"| {item['what']} ({item['detail']}) | {item['value']:,.4g}{unit}{mark} | {asked[0]} | {asked[1]} |")
    return "\n".join(lines)


def tell(result, out):
    facts, verdict = result["machine"], result["verdict"]
    print(f"\n{result['scenario']['name']}: {result['minions']:,} simulated minions, {result['version']}")
    print(
        f"load average {facts['load_before']} before, {facts['load_after']} after; {facts['processors']} processors; "
        f"disk {facts['disk_syncs_per_second']} syncs/s; Ed25519 verification {facts['ed25519_verification_us']} us; {result['seconds']:.0f} s in all\n"
    )
    print(table(result))
    print("\n" + ", ".join(f"{key} {value:,}" for key, value in verdict["counts"].items()))
    for item in verdict["expectations"]:
        print(f"{'held' if item['held'] else 'NOT held'}: {item['what']}: {item['saw']}")
    for failure in verdict["failures"]:
        print(f"FAILED: {failure}")
    print(f"\nverdict: {'passed' if verdict['passed'] else 'FAILED'}; {out}/report.html")


def run_scenario(scenario, out, keep=False):
    folder = tempfile.mkdtemp(prefix="brine-load-")
    run = Run(scenario, folder, out)
    try:
        run.start()
        for phase in scenario.phases:
            run.run_phase(phase)
        result = run.result(*run.finish())
    except LoadTestError as error:
        raise LoadTestError(f"{error}\nthe master's log: {run.fleet.daemons[0].tail(10) if run.fleet.daemons else ''}") from error
    finally:
        run.close()
        if keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "result.json").write_text(json.dumps(result))
    report.write_html(result, Path(out) / "report.html")
    return result


def main():
    parser = argparse.ArgumentParser(prog="dev loadtest", description="Runs a scenario of the load test.")
    parser.add_argument("scenario", help="a YAML file, as in loadtest/scenarios/")
    parser.add_argument("--minions", type=int, help="so many instead of the scenario's own number")
    parser.add_argument("--out", help="folder of result.json and report.html (build/loadtest/NAME)")
    parser.add_argument("--keep", action="store_true", help="keep the databases, logs and journals")
    options = parser.parse_args()
    try:
        scenario = scenarios.read(options.scenario)
        if options.minions:
            scenario.minions["count"] = options.minions
        out = options.out or TOP / "build" / "loadtest" / scenario.name
        result = run_scenario(scenario, out, options.keep)
    except (scenarios.ScenarioError, LoadTestError) as error:
        sys.exit(f"loadtest: {error}")
    tell(result, out)
    sys.exit(0 if result["verdict"]["passed"] else 1)


if __name__ == "__main__":
    main()
