"""A real Salt beside the one measured here: master, minions, its client library, and a driver of returns. docs/benchmarks.md says which settings."""

import json
import socket
import subprocess
import time
from pathlib import Path

from fleet import await_, yaml_of
from process_group import ProcessGroup, pss_mib
from processes import LoadTestError

DEFAULT = {"master": {}, "minion": {}}
# What Salt 3008 offers for speed and keeps as safe; `worker_threads` is tried out in the run. Not `keys.cache_driver: mmap_key`: with it no
# minion signed in to a fresh master of 3008.3 when this was tried.
TUNED = {
    "master": {
        "cache": "mmap_cache",
        "mmap_cache_size": 20_000,
        "sock_pool_size": 8,
        "zmq_backlog": 10_000,
        "pub_hwm": 100_000,
        "fileserver_update_interval": 3600,
        "maintenance_interval": 3600,
    },
    "minion": {"multiprocessing": False, "mine_enabled": False, "random_reauth_delay": 1, "grains_cache": True},
}
JOB_CACHE_OFF = {"job_cache": False}


def merged(*parts):
    return {side: {key: value for part in parts for key, value in part.get(side, {}).items()} for side in ("master", "minion")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Probe:
    """salt_probe.py: one process for all questions, because it takes a second to start."""

    def __init__(self, python, etc, log):
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(
                [python, Path(__file__).parent / "salt_probe.py", etc], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise LoadTestError(f"Salt's client library ended with {self.process.wait()}")
        told = json.loads(line)
        if "error" in told:
            raise LoadTestError(f"Salt: {told['error']}")
        return told

    def ask(self, do, **words):
        self.process.stdin.write(json.dumps({"do": do, **words}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class SaltFleet:
    """Everything below `folder`; keys stay there, so that a second start finds known minions."""

    def __init__(self, python, folder, settings):
        self.python, self.bin, self.folder = Path(python), Path(python).parent, Path(folder)
        self.settings = settings
        self.ports = {"publish_port": free_port(), "ret_port": free_port()}
        self.master, self.probe, self.minions = None, None, {}
        self.etc = self.folder / "etc"
        self.etc.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log"

    def common(self, root):
        return {"root_dir": str(root), "user": "root", "log_level": "quiet", "log_level_logfile": "quiet"}

    # ---- master ----

    def start_master(self):
        own = {"interface": "127.0.0.1", "auto_accept": True, **self.ports}
        (self.etc / "master").write_text(yaml_of({**self.common(self.folder / "root"), **own, **self.settings["master"]}))
        self.master = ProcessGroup([self.bin / "salt-master", "-c", self.etc], self.log)
        await_(self.answers, "the Salt master", 60)
        if self.probe is None:
            self.probe = Probe(self.python, self.etc, self.log)

    def answers(self):
        """Its ports accept, and its workers are there."""
        if not self.master.alive():
            raise LoadTestError(f"salt-master ended: {self.tail()}")
        for port in self.ports.values():
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return False
        return (self.folder / "root/var/run/salt/master/publish_pull.ipc").exists()

    def tail(self):
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def restart_after_kill(self, patience):
        """Seconds from kill -9 until all minions have answered one ping."""
        begin = time.monotonic()
        self.master.kill()
        self.start_master()
        return self.probe.ask("all_answer", expected=len(self.minions), patience=patience)["at"] - begin

    # ---- minions ----

    def start_minion(self, id):
        folder = self.folder / id
        (folder / "etc").mkdir(parents=True, exist_ok=True)
        own = {"id": id, "master": "127.0.0.1", "master_port": self.ports["ret_port"], "publish_port": self.ports["publish_port"]}
        (folder / "etc" / "minion").write_text(yaml_of({**self.common(folder / "root"), **own, **self.settings["minion"]}))
        self.minions[id] = ProcessGroup([self.bin / "salt-minion", "-c", folder / "etc"], self.log)

    def ready_seconds(self, id):
        """From exec to its start event."""
        self.probe.process.stdin.write(json.dumps({"do": "await_start", "id": id, "patience": 90}) + "\n")
        self.probe.process.stdin.flush()
        self.probe.answer()
        begin = time.monotonic()
        self.start_minion(id)
        return self.probe.answer()["at"] - begin

    def kill_minions(self):
        for minion in self.minions.values():
            minion.kill()
        self.minions.clear()

    def start_minions(self, ids):
        for id in ids:
            self.start_minion(id)
        self.probe.ask("all_answer", expected=len(self.minions), patience=180)

    def minion_mib(self):
        return sum(minion.pss_mib() for minion in self.minions.values()) / len(self.minions)

    # ---- load ----

    def command_line(self, id):
        return [self.bin / "salt", "-c", self.etc, id, "test.ping"]

    def drive_returns(self, identities, processes, seconds):
        """{returns, seconds, refused, cpu}: returns sent straight to the master, and its CPU seconds meanwhile."""
        script = Path(__file__).parent / "salt_returns.py"
        words = [self.python, script, self.etc, self.ports["ret_port"], identities, processes, seconds]
        with open(self.log, "ab") as errors:
            driver = ProcessPipe(list(map(str, words)), errors)
        try:
            driver.line()
            before = self.master.cpu_seconds()
            driver.go()
            told = driver.line()
            return {**told, "cpu": self.master.cpu_seconds() - before}
        finally:
            driver.close()

    def close(self):
        if self.probe is not None:
            self.probe.stop()
        for group in [*self.minions.values(), *([self.master] if self.master else [])]:
            group.kill()


class ProcessPipe:
    """A program that says a line, waits for one, and says another."""

    def __init__(self, words, errors):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            raise LoadTestError(f"{self.process.args[1]} ended with {self.process.wait()}")
        return json.loads(text)

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
