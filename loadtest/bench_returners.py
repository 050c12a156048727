"""What returners take, and what they cost: a table in Markdown for docs/benchmarks.md.

Throughput: brine-returner-bench hands batches to one returner, which writes to the real thing on this machine (file, Redis, Kafka, PostgreSQL)
or to a receiver in Python that reads and forgets (webhook, syslog). Cost: the scenario three-returners with none, one and three of them.

usage: bench_returners.py [--count N] [--only KIND,KIND] [--minions N]
"""

import argparse
import contextlib
import http.server
import json
import os
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "process"))

import backends  # noqa: E402
import machine  # noqa: E402
import run  # noqa: E402
import scenario as scenarios  # noqa: E402
import yaml  # noqa: E402
from fleet import BIN, await_  # noqa: E402
from processes import LoadTestError  # noqa: E402

COSTS = ([], ["file"], ["file", "redis", "kafka"])


class Receiver:
    """Reads and forgets, in a thread."""

    process = None

    def __init__(self, folder):
        self.server = self.make()
        self.port = self.server.server_address[1]
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def start(self):
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Webhook(Receiver):
    def make(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):  # noqa: N802
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def settings(self):
        return {"name": "webhook", "url": f"http://127.0.0.1:{self.port}/"}


class Syslog(Receiver):
    def make(self):
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    while self.request.recv(1 << 20):
                        pass

        return socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)

    def settings(self):
        return {"name": "syslog", "address": f"tcp://127.0.0.1:{self.port}"}


class Postgres:
    """A PostgreSQL 15 that syncs, on a socket below the folder, as a user that is not root."""

    def __init__(self, folder):
        places = [run.TOP / "build/parts/postgresql-15/usr/lib/postgresql/15/bin", Path("/usr/lib/postgresql/15/bin")]
        self.binaries = next((place for place in places if (place / "postgres").exists()), None)
        if self.binaries is None:
            raise LoadTestError("there is no PostgreSQL 15: ./dev deps --parts")
        self.folder, self.process = Path(folder) / "postgres", None

    def words(self, program, *words):
        other = ["setpriv", "--reuid", "nobody", "--clear-groups"] if os.geteuid() == 0 else []
        return [*other, self.binaries / program, *words]

    def start(self):
        self.folder.parent.chmod(0o711)
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        data = self.folder / "data"
        subprocess.run(self.words("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--locale=C"), check=True, capture_output=True, cwd=self.folder)
        with open(self.folder.parent / "postgres.log", "wb") as log:
            self.process = subprocess.Popen(self.words("postgres", "-D", data, "-k", self.folder, "-c", "listen_addresses="), stdout=log, stderr=log, cwd=self.folder)
        await_(lambda: (self.folder / ".s.PGSQL.5432").exists(), "PostgreSQL")
        return self

    def settings(self):
        return {"name": "postgres", "dsn": f"host={self.folder} user=postgres dbname=postgres", "create_tables": True}

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


KINDS = {**backends.KINDS, "postgres": Postgres, "webhook": Webhook, "syslog": Syslog}


def throughput(kind, count):
    with tempfile.TemporaryDirectory(prefix="brine-bench-") as folder:
        backend = KINDS[kind](folder).start()
        try:
            (Path(folder) / "master").write_text(yaml.safe_dump({"root_dir": folder, "returners": [backend.settings()]}))
            words = [BIN / "brine-returner-bench", folder, kind, str(count)]
            said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
            return json.loads(said.splitlines()[-1])  # after what was logged
        finally:
            backend.stop()


def cost(kinds, minions):
    scenario = scenarios.read(Path(__file__).parent / "scenarios" / "three-returners.yaml")
    scenario.returners, scenario.minions["count"] = kinds, minions
    result = run.run_scenario(scenario, run.TOP / "build" / "loadtest" / f"returners-{len(kinds)}")
    if not result["verdict"]["passed"]:
        sys.exit(f"bench: {kinds}: {result['verdict']['failures']}")
    return {phase["name"]: phase["measures"] for phase in result["phases"]}


def main():
    parser = argparse.ArgumentParser(prog="dev bench --returners", description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=300_000, help="returns for each kind")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds, of " + ", ".join(KINDS))
    parser.add_argument("--minions", type=int, default=10_000, help="simulated, for the cost; 0: leave it out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        facts = machine.facts(folder)
    print(f"{run.version()}; load average {facts['load_before']} before; disk {facts['disk_syncs_per_second']} syncs/s\n", flush=True)
    print("| returner | returns per second | CPU of the returner per return | bytes of JSON per return |\n|---|---|---|---|", flush=True)
    for kind in options.only.split(","):
        seen = throughput(kind, options.count)
        print(f"| {kind} | {seen['returns_per_second']:,} | {seen['cpu_us_per_return']} us | {seen['bytes_per_return']} |", flush=True)
    if not options.minions:
        return
    print("\n| returners | master CPU per return, several pings under way | ping all, p50 | outbox bytes per return |\n|---|---|---|---|", flush=True)
    for kinds in COSTS:
        seen = cost(kinds, options.minions)
        print(
            f"| {', '.join(kinds) or 'none'} | {seen['flood']['master_us_per_return']:.1f} us | {seen['ping']['p50_s']:.3f} s "
            f"| {seen['flood'].get('outbox_bytes_per_return', 0):.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    try:
        main()
    except LoadTestError as error:
        sys.exit(f"bench: {error}")
