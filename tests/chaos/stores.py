"""The store of a run: one Redis, or three under Sentinel. Both begin and end faults of their own."""

import signal
import subprocess
import time

from cluster import REDIS, Redis, free_port
from fleet import await_

from chaos.trouble import LIBRARY, Trouble

NAME = "chaos"  # by which the sentinels know it
FAILOVER_PATIENCE = 8.0  # seconds until another one is the primary, or the old one comes back as it was


class OneStore:
    """A Redis with AOF, synced at each write unless durability is async; masters reach it through links that may be cut."""

    links = True

    def __init__(self, folder, durability, address=None):
        """address: besides the loopback."""
        self.address = address
        words = ["--appendfsync", "always" if durability == "synced" else "everysec"]
        self.redis = Redis(folder / "redis", *words, *(["--bind", "127.0.0.1", address, "--protected-mode", "no"] if address else []))
        self.durability = durability
        self.trouble = Trouble(self.redis.folder / "trouble") if LIBRARY.exists() else None
        if self.trouble:
            self.redis.env = self.trouble.env

    @property
    def port(self):
        return self.redis.port

    @property
    def url(self):
        return self.redis.url

    def state(self, link):
        where = link.address if link else f"{self.address}:{self.port}"
        return {"backend": "redis", "url": f"redis://{where}", "durability": self.durability}

    def start(self):
        self.redis.start()

    def begin(self, act):
        self.redis.kill() if act == "kill" else self.redis.process.send_signal(signal.SIGSTOP)

    def end(self, act):
        self.redis.start() if act == "kill" else self.redis.process.send_signal(signal.SIGCONT)

    def close(self):
        self.redis.stop()


class SentinelStore:
    """A primary, two replicas, three sentinels. Masters ask the sentinels and go to the primary directly: there are no links to cut."""

    links = False

    def __init__(self, folder, durability):
        self.folder = folder
        self.nodes = [Redis(folder / f"redis-{i}") for i in range(3)]
        self.ports = [free_port() for _ in range(3)]
        self.sentinels = []
        self.durability = durability

    @property
    def url(self):
        return f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in self.ports)}/{NAME}"

    def state(self, _):
        return {"backend": "redis", "url": self.url, "durability": self.durability}

    def start(self):
        first, *others = self.nodes
        first.start()
        for node in others:
            node.arguments = ("--replicaof", "127.0.0.1", str(first.port))
            node.start()
            node.arguments = ()
        await_(lambda: "connected_slaves:2" in first.ask("INFO", "replication"), "the replicas")
        for i, port in enumerate(self.ports):
            self.start_sentinel(self.folder / f"sentinel-{i}", port, first.port)
        await_(lambda: all(self.is_ready(port) for port in self.ports), "the sentinels")

    def start_sentinel(self, folder, port, primary):
        folder.mkdir()
        config = folder / "config"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\nlogfile {folder}/log\nsentinel monitor {NAME} 127.0.0.1 {primary} 2\n"
            f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 3000\n"
        )
        self.sentinels.append(subprocess.Popen(["redis-sentinel", config], executable=REDIS, stdin=subprocess.DEVNULL))

    @staticmethod
    def ask_sentinel(port, *words):
        return subprocess.run(["redis-cli", "-p", str(port), "SENTINEL", *words], capture_output=True, text=True, timeout=30).stdout.split()

    def is_ready(self, port):
        """It knows both replicas and both other sentinels."""
        facts = self.ask_sentinel(port, "MASTER", NAME)
        values = dict(zip(facts[::2], facts[1::2]))
        return values.get("num-slaves") == "2" and values.get("num-other-sentinels") == "2"

    def primary(self):
        """As the first sentinel says."""
        port = int(self.ask_sentinel(self.ports[0], "GET-MASTER-ADDR-BY-NAME", NAME)[1])
        return next(node for node in self.nodes if node.port == port)

    def begin(self, act):
        self.victim = self.primary()
        self.others = [node for node in self.nodes if node is not self.victim]
        if act == "kill":
            self.victim.kill()
        else:
            self.send(signal.SIGSTOP, [self.victim] if act == "pause" else self.others)
        if act == "lag":  # else what comes now would wait in their sockets, and be read after the end of the primary
            self.victim.ask("CLIENT", "KILL", "TYPE", "replica")

    def end(self, act):
        if act == "lag":  # what came meanwhile is on the primary alone
            self.victim.kill()
            self.send(signal.SIGCONT, self.others)
            self.wait_for_failover()
        if act == "pause":
            self.send(signal.SIGCONT, [self.victim])
        else:
            self.victim.start()

    def wait_for_failover(self):
        deadline = time.monotonic() + FAILOVER_PATIENCE
        while self.primary() is self.victim and time.monotonic() < deadline:
            time.sleep(0.05)

    @staticmethod
    def send(number, nodes):
        for node in nodes:
            node.process.send_signal(number)

    def close(self):
        for node in self.nodes:
            node.stop()
        for sentinel in self.sentinels:
            sentinel.kill()
            sentinel.wait()
