"""The programs of a load test, each watched: what they print every second, and what /proc says about them."""

import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from fleet import BIN

class LoadTestError(Exception):
    """Something that the person who started the load test has to know and can act on."""


TICKS = os.sysconf("SC_CLK_TCK")


class Clock:
    """Seconds since the scenario began."""

    def __init__(self):
        self.begin = time.monotonic()

    def now(self):
        return round(time.monotonic() - self.begin, 3)


class LineProgram:
    """A program that prints a JSON object per line; `lines` are those that tell a second, with the scenario's own clock in `t`."""

    def __init__(self, program, name, folder, config, clock):
        self.name, self.clock = name, clock
        self.lines, self.final, self.ready, self.complaint = [], None, 0, None
        Path(folder).mkdir(parents=True, exist_ok=True)
        path = Path(folder) / f"{name}.json"
        path.write_text(json.dumps(config))
        self.errors = Path(folder) / f"{name}.err"
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([BIN / program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for text in self.process.stdout:
            line = json.loads(text)
            if "final" in line:
                self.final = line["final"]
            elif line.get("event") == "ready":
                self.ready += 1
            elif line.get("event") == "error":
                self.complaint = line["text"]
            else:
                self.lines.append({**line, "t": self.clock.now()})

    def alive(self):
        return self.process.poll() is None

    def must_live(self):
        if self.complaint:
            raise LoadTestError(f"{self.name}: {self.complaint}")
        if not self.alive() and self.final is None:
            self.reader.join(5)  # its last line may be on its way
        if not self.alive() and self.final is None:
            raise LoadTestError(f"{self.name} ended with {self.process.returncode}: {self.errors.read_text(errors='replace')[-2000:]}")

    def last(self):
        return self.lines[-1] if self.lines else {}

    def wait(self, patience):
        self.process.wait(patience)
        self.reader.join(5)
        self.must_live()
        if self.process.returncode != 0:
            raise LoadTestError(f"{self.name} ended with {self.process.returncode}: {self.errors.read_text(errors='replace')[-2000:]}")
        return self.final


class Swarm(LineProgram):
    def __init__(self, name, folder, config, clock):
        super().__init__("brine-swarm", name, folder, {**config, "folder": str(folder)}, clock)
        self.executions = Path(folder) / "executions.log"
        self.expected_ready = 1

    def do(self, **command):
        self.expected_ready = self.ready + 1
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def all_open(self):
        self.must_live()
        return self.ready >= self.expected_ready and self.is_open()

    def is_open(self):
        last = self.last()
        return last and last["open"] >= last["minions"] - last["frozen"]

    def answered(self):
        self.must_live()
        last = self.last()
        return last and last["unacknowledged"] == 0

    def stop(self):
        if self.alive():
            self.do(do="stop")
        return self.wait(60)


class Load(LineProgram):
    def __init__(self, name, folder, config, clock):
        self.jobs_log = Path(folder) / f"{name}.jobs"
        self.begun = clock.now()
        self.config = config
        super().__init__("brine-load", name, folder, {**config, "jobs_log": str(self.jobs_log)}, clock)


def process_sample(pid):
    """(CPU seconds so far, resident MiB, open files), or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * os.sysconf("SC_PAGESIZE") / 2**20, len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def parse_metrics(text):
    """{name or name{labels}: value} of the text format, without histogram buckets."""
    values = {}
    for line in text.splitlines():
        if line and not line.startswith("#") and "_bucket{" not in line:
            name, _, value = line.rpartition(" ")
            values[name] = float(value)
    return values


def scrape(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            return parse_metrics(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return None


def scrape_times(port, count=50):
    """Milliseconds from asking for /metrics to its last byte, each time on a new connection."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            answer.read()
        times.append((time.perf_counter() - begin) * 1000)
    return times


class Sampler:
    """Looks at processes and metrics once a second, on a thread of its own, until closed."""

    def __init__(self, clock, each_second):
        self.clock, self.each_second = clock, each_second
        self.sources = {}  # name -> function that gives the pid, now
        self.ports = {}  # name -> function that gives the metrics port, now
        self.processes, self.metrics = {}, {}
        self.before = {}  # name -> (pid, t, CPU seconds)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def watch(self, name, pid, port=lambda: None):
        self.ports[name] = port
        self.sources[name] = pid

    def run(self):
        while not self.ended.wait(1):
            for name in list(self.sources):
                self.look(name)
            self.each_second()

    def look(self, name):
        pid = self.sources[name]()
        sample = pid and process_sample(pid)
        if not sample:
            return
        t = self.clock.now()
        cpu, rss, files = sample
        before_pid, before_t, before_cpu = self.before.get(name, (None, 0, 0))
        if before_pid == pid:
            self.processes.setdefault(name, []).append([t, round((cpu - before_cpu) / (t - before_t), 3), round(rss, 2), files])
        self.before[name] = (pid, t, cpu)
        port = self.ports[name]()
        values = port and scrape(port)
        if values:
            self.metrics.setdefault(name, []).append([t, values])

    def close(self):
        self.ended.set()
        self.thread.join()

