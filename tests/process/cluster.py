"""Several masters on one real Redis."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request

from fleet import Fleet, Master, await_

REDIS = "/usr/bin/redis-check-rdb"  # Debian's redis-server under its other name: no package that starts a service is needed


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def page(master, path):
    """Status and text of what a master with `metrics` serves."""
    port = json.loads((master.sock_dir / "master.json").read_text())["metrics_port"]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def figures(master):
    """{name and labels: value} of its metrics."""
    _, text = page(master, "/metrics")
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if not line.startswith("#")}


class Redis:
    """A redis-server in its own folder, on a Unix socket and a port of the loopback."""

    def __init__(self, folder, *arguments):
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = self.folder / "redis.sock"
        self.port = free_port()
        self.arguments = arguments
        self.env = {}
        self.process = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket), "--dir", str(self.folder)]
        words += ["--appendonly", "yes", "--save", "", "--logfile", str(self.folder / "log"), "--repl-diskless-sync-delay", "0"]
        self.process = subprocess.Popen(
            [*words, *self.arguments], executable=REDIS, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={**os.environ, **self.env}
        )
        await_(lambda: self.ask("PING") == "PONG", "redis-server")
        return self

    def ask(self, *words):
        """What redis-cli says; None when nobody answers."""
        done = subprocess.run(["redis-cli", "-s", str(self.socket), *map(str, words)], capture_output=True, text=True, errors="replace", timeout=30)
        return done.stdout.strip() if done.returncode == 0 else None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Gate:
    """A way to a port that can be closed: then nothing comes through any more, in either direction, and nobody is told."""

    def __init__(self, port):
        self.target = port
        self.open = threading.Event()
        self.open.set()
        self.ended = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while not self.ended:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.connect, args=(near,), daemon=True).start()

    def connect(self, near):
        self.open.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            near.close()
            return
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    def carry(self, source, sink):
        try:
            while data := source.recv(65536):
                self.open.wait()
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.ended = True
        self.open.set()
        self.listener.close()


class Sentinels:
    """A Redis with replicas and three sentinels, which know it as "prime"."""

    def __init__(self, folder, replicas):
        self.servers = [Redis(folder / "r0")]
        for i in range(replicas):
            self.servers.append(Redis(folder / f"r{i + 1}", "--replicaof", f"127.0.0.1 {self.servers[0].port}"))
        self.folder = folder
        self.ports = [free_port() for _ in range(3)]
        self.sentinels = []

    @property
    def url(self):
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{port}" for port in self.ports) + "/prime"

    def start(self):
        for server in self.servers:
            server.start()
        await_(lambda: f"connected_slaves:{len(self.servers) - 1}" in self.servers[0].ask("INFO", "replication"), "the replicas")
        for port in self.ports:
            config = self.folder / f"sentinel-{port}.conf"
            config.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {self.folder}\nlogfile {self.folder}/sentinel-{port}.log\n"
                f"sentinel monitor prime 127.0.0.1 {self.servers[0].port} 2\n"
                "sentinel down-after-milliseconds prime 1000\nsentinel failover-timeout prime 5000\n"
            )
            self.sentinels.append(subprocess.Popen(["redis-sentinel", config], executable=REDIS, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        await_(lambda: all(self.asks(port) == self.servers[0].port and self.know_each_other(port) for port in self.ports), "the sentinels")
        return self

    def command(self, port, *words):
        done = subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True, timeout=30)
        return done.stdout.split() if done.returncode == 0 else []

    def asks(self, port):
        answer = self.command(port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "prime")
        return int(answer[1]) if len(answer) == 2 else None

    def know_each_other(self, port):
        facts = self.command(port, "SENTINEL", "MASTER", "prime")
        value = dict(zip(facts[::2], facts[1::2], strict=False))
        return value.get("num-other-sentinels") == "2" and value.get("num-slaves") == str(len(self.servers) - 1)

    def master(self):
        """The server that the sentinels agree on."""
        ports = {self.asks(port) for port in self.ports}
        return next((server for server in self.servers if ports == {server.port}), None)

    def stop(self):
        for sentinel in self.sentinels:
            sentinel.kill()
            sentinel.wait()
        for server in self.servers:
            server.stop()


class Cluster(Fleet):
    """Masters a, b, c... of one cluster; the first one has the root key."""

    def __init__(self, folder, redis):
        super().__init__(folder)
        self.redis = redis
        self.masters = []

    def add_master(self, name, **settings):
        """Not started."""
        master = Master(
            self.folder / f"master-{name}",
            **{"id": name, "cluster": "test", "auto_accept": True, "state": {"backend": "redis", "url": self.redis.url}, **settings},
        )
        self.daemons.append(master)
        self.masters.append(master)
        return master

    def start_masters(self, *names, **settings):
        for name in names:
            master = self.add_master(name, **settings)
            if len(self.masters) == 1:
                master.start()
                continue
            self.start_new(master)
        await_(lambda: all(len(self.live(master)) == len(self.masters) for master in self.masters), "the masters to find each other")
        return self.masters

    def start_new(self, master):
        """As an operator adds one: start it, it asks; add it where root.key is."""
        announcement = master.sock_dir / "master.json"
        announcement.unlink(missing_ok=True)
        super(Master, master).start()
        name = master.settings["id"]
        await_(lambda: f"--master-add {name}" in master.tail(200) or not master.alive(), f"{name} to ask to join")
        assert master.alive(), master.tail()
        self.masters[0].key("--master-add", name, "-y")
        await_(lambda: announcement.exists() or not master.alive(), f"{name} to serve")
        assert master.alive(), master.tail()
        master.port = json.loads(announcement.read_text())["ret_port"]
        master.settings["ret_port"] = master.port

    @staticmethod
    def live(master):
        return master.runner("cluster.status")["masters"]

    def start_minions(self, *ids, **settings):
        """Minions that know the first master only; the others they learn. All are where they belong when this returns."""
        minions = [self.minion(id, self.masters[0], **{"rebalance_within": "500ms", **settings}).start() for id in ids]
        await_(lambda: all(set(master.up()) >= set(ids) for master in self.masters), f"{ids} on every master")
        return minions

    def homes(self, masters=None, minions=None):
        """{minion: master} as rendezvous hashing has it, over these masters (all) and these ids (those that were started)."""
        addresses = {f"127.0.0.1:{master.port}": master.settings["id"] for master in masters or self.masters}
        minions = minions or [daemon.id for daemon in self.daemons if daemon.program == "brine-minion"]
        weight = lambda id, address: hashlib.sha256(f"{id}\0{address}".encode()).digest()  # noqa: E731
        return {id: addresses[max(addresses, key=lambda address, id=id: weight(id, address))] for id in minions}

    def at_home(self, masters=None):
        """Every minion is on the master it prefers, and all masters know."""
        homes = self.homes(masters)
        return all(master.runner("cluster.minions") == homes for master in masters or self.masters)
