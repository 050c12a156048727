"""Real daemons in a temporary folder: a master, minions, and the command line that talks to them.

Nothing here waits for time: `await_` polls a state and fails with the logs when it does not come.
"""

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

BIN = Path(os.environ.get("BRINE_BIN", Path(__file__).parents[2] / "build" / "asan" / "bin")).resolve()
PATIENCE = 60.0  # seconds until a state that must come is given up


def await_(condition, what, patience=PATIENCE):
    """Returns the first true value of condition()."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up waiting for {what}")
        time.sleep(0.02)


def yaml_of(settings):
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.items())


class Daemon:
    """One process with its own root_dir, configuration and log."""

    program = ""
    wrapper = ()  # words in front of the program

    def __init__(self, folder, settings):
        self.folder = Path(folder)
        self.etc = self.folder / "etc"
        self.root = self.folder / "root"
        self.etc.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log"
        self.settings = {"root_dir": str(self.root), "log_level": "info", **settings}
        self.process = None
        self.crash_log = self.folder / "crash"

    def write_config(self):
        (self.etc / self.program.split("-")[1]).write_text(yaml_of(self.settings))

    def start(self, crash_at=None, env=None, wrapper=None):
        self.write_config()
        environment = {**os.environ, **(env or {})}
        if crash_at:
            environment["BRINE_CRASH_AT"] = crash_at
            environment["BRINE_CRASH_LOG"] = str(self.crash_log)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*(self.wrapper if wrapper is None else wrapper), BIN / self.program, "-c", self.etc], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self, patience=30):
        """SIGTERM, and its exit status."""
        if not self.alive():
            return self.process.returncode if self.process else None
        self.process.terminate()
        return self.process.wait(patience)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def wait_crash(self, point):
        """The process killed itself at that point, and says so."""
        assert self.process.wait(PATIENCE) == -signal.SIGKILL, self.tail()
        assert self.crash_log.read_text().split() == [point], "the crash point did not fire"
        self.crash_log.unlink()

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


class Master(Daemon):
    program = "brine-master"

    def __init__(self, folder, **settings):
        defaults = {
            "id": "master",
            "interface": "127.0.0.1",
            "ret_port": 0,
            "acceptance_wait_time": "200ms",
            "returners": [{"name": "file", "path": "/returns.jsonl"}],
        }
        super().__init__(folder, {**defaults, **settings})

    @property
    def sock_dir(self):
        return self.root / "run/brine/master"

    @property
    def returns_file(self):
        return self.root / "returns.jsonl"

    def start(self, **how):
        announcement = self.sock_dir / "master.json"
        announcement.unlink(missing_ok=True)
        super().start(**how)
        await_(lambda: announcement.exists() or not self.alive(), "the master")
        assert self.alive() or how.get("crash_at"), self.tail()
        if announcement.exists():
            self.port = json.loads(announcement.read_text())["ret_port"]
            # A restart serves on the same port, as a fleet expects.
            self.settings["ret_port"] = self.port
        return self

    def run(self, *words, program="brine", timeout=90, check=None, input=None):
        result = subprocess.run(
            [BIN / program, "-c", self.etc, *map(str, words)],
            capture_output=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL if input is None else None,
            input=input,
        )
        result.out = result.stdout.decode(errors="replace")
        result.err = result.stderr.decode(errors="replace")
        if check is not None:
            assert result.returncode == check, f"exit {result.returncode}\n{result.out}\n{result.err}\n{self.tail()}"
        return result

    def spawn(self, *words, program="brine"):
        return subprocess.Popen(
            [BIN / program, "-c", self.etc, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def brine(self, *words, check=0, **how):
        """{id: value} of all that returned."""
        result = self.run(*words, "--out", "json", "--static", check=check, **how)
        return json.loads(result.out) if result.out.strip() else {}

    def submit(self, *words):
        """The jid."""
        return json.loads(self.run(*words, "--async", "--out", "json", check=0).out)["jid"]

    def runner(self, *words, check=0):
        result = self.run(*words, "--out", "json", program="brine-run", check=check)
        return json.loads(result.out)

    def key(self, *words, check=0):
        return self.run(*words, program="brine-key", check=check)

    def keys(self):
        return json.loads(self.key("-L", "--out", "json").out)

    def up(self):
        return self.runner("manage.up")

    def lookup(self, jid):
        return self.runner("jobs.lookup_jid", jid)

    def events(self):
        """A `brine-run state.event` that has been seen to hear."""
        return Events(self)

    def delivered(self):
        """What the file returner wrote, line by line."""
        if not self.returns_file.exists():
            return []
        return [json.loads(line) for line in self.returns_file.read_text().splitlines() if line.endswith("}")]


class Events:
    """The lines of a running state.event."""

    def __init__(self, master):
        self.lines = []
        self.process = master.spawn("state.event", program="brine-run")
        self.reader = threading.Thread(target=lambda: [self.lines.append(line.decode()) for line in self.process.stdout])
        self.reader.start()
        # A subscription takes a moment to arrive: jobs that match nobody leave no event, key changes do.
        await_(lambda: master.submit("*", "test.ping") and self.saw("/new"), "the event bus")

    def saw(self, text):
        return any(text in line for line in list(self.lines))

    def close(self):
        self.process.terminate()
        self.reader.join()
        self.process.wait()


class Minion(Daemon):
    program = "brine-minion"

    def __init__(self, folder, id, master, /, **settings):
        self.id = id
        self.master = master
        defaults = {"id": id, "recon_default": 100, "recon_max": 500}
        super().__init__(folder, {**defaults, **settings})

    def start(self, **how):
        if "master" not in self.settings:
            self.settings["master"] = f"127.0.0.1:{self.master.port}"
        return super().start(**how)


class Syndic(Daemon):
    """Above it: masters or other syndics."""

    program = "brine-syndic"

    def __init__(self, folder, id, *above, **settings):
        self.id = id
        self.above = above
        defaults = {
            "id": id,
            "interface": "127.0.0.1",
            "ret_port": 0,
            "recon_default": 100,
            "recon_max": 500,
            "rebalance_within": "500ms",
            "acceptance_wait_time_max": "200ms",
        }
        super().__init__(folder, {**defaults, **settings})

    @property
    def announcement(self):
        return self.root / "run/brine/syndic/syndic.json"

    def start(self, **how):
        """Started; it serves once its key is accepted."""
        self.announcement.unlink(missing_ok=True)
        if "syndic_master" not in self.settings:
            self.settings["syndic_master"] = [f"127.0.0.1:{daemon.port}" for daemon in self.above]
        return super().start(**how)

    def wait_ready(self):
        await_(lambda: self.announcement.exists() or not self.alive(), f"syndic {self.id} to serve")
        assert self.alive(), self.tail()
        self.port = json.loads(self.announcement.read_text())["ret_port"]
        # A restart serves on the same port, as a fleet expects.
        self.settings["ret_port"] = self.port
        return self


class Fleet:
    """A master and its minions; everything is stopped at the end, and every sanitizer report fails the test."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.daemons = []

    def master(self, **settings):
        master = Master(self.folder / "master", **settings)
        self.daemons.append(master)
        return master

    def minion(self, id, master, /, folder=None, **settings):
        minion = Minion(self.folder / (folder or id), id, master, **settings)
        self.daemons.append(minion)
        return minion

    def syndic(self, id, *above, **settings):
        syndic = Syndic(self.folder / f"syndic-{id}", id, *above, **settings)
        self.daemons.append(syndic)
        return syndic

    def accepted_syndic(self, master, id, *above, **settings):
        """A syndic below these (the master, if none are named), its key accepted there; it serves."""
        syndic = self.syndic(id, *(above or (master,)), **settings).start()
        await_(lambda: id in master.keys()["minions_pre"] or not syndic.alive(), f"the key of syndic {id}")
        master.key("-a", id, "-y")
        return syndic.wait_ready()

    def up(self, *ids, **settings):
        """A running master with auto_accept and these minions, all connected."""
        master = self.master(auto_accept=True, **settings).start()
        minions = [self.minion(id, master).start() for id in ids]
        await_(lambda: set(master.up()) >= set(ids), f"{ids} to connect")
        return master, *minions

    def close(self):
        for daemon in self.daemons:
            if daemon.alive():
                daemon.resume()
                daemon.process.terminate()
        for daemon in self.daemons:
            if daemon.process is not None:
                try:
                    daemon.process.wait(20)
                except subprocess.TimeoutExpired:
                    daemon.kill()
        for daemon in self.daemons:
            log = daemon.log.read_text(errors="replace") if daemon.log.exists() else ""
            for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
                assert mark not in log, f"{daemon.program} in {daemon.folder}:\n{log[-6000:]}"
