"""A cluster whose every part can be broken and mended: masters, minions, the Redis, and the links between them."""

import signal
import subprocess
import threading
import time

from cluster import Cluster
from fleet import Daemon, await_

from chaos.namespaces import PORT
from chaos.relay import Relay
from chaos.schedule import JUMPS, SLOW
from chaos.tiers import SECOND_TIER
from chaos.trouble import LIBRARY, Trouble
from chaos.workload import LOG

EXPECTED_EXITS = {0, 69}  # stopped; no store when it started
RESTART_AFTER = 0.5  # seconds after which a daemon that ended by itself is started again, as systemd does
PATIENCES = {"reconnect_grace": "2s", "heartbeat": 1, "heartbeat_timeout": 3}  # of masters
STOP_PATIENCE = 30.0  # seconds for SIGTERM


class Keeper:
    """Keeps a daemon running while it should be: what a service manager does."""

    def __init__(self, name, daemon, env, crashes):
        self.name, self.daemon, self.env, self.crashes = name, daemon, env, crashes
        self.lock = threading.Lock()
        self.wanted = True
        self.ended_at = None

    def kill(self):
        with self.lock:
            self.wanted = False
            self.daemon.process.kill()
            self.daemon.process.wait()

    def stop(self):
        with self.lock:
            self.wanted = False
            if self.daemon.alive():
                self.daemon.process.terminate()

    def start(self):
        """After a stop: waits for its end first."""
        with self.lock:
            self.wait_for_end()
            self.wanted = True
            Daemon.start(self.daemon, env=self.env)

    def wait_for_end(self):
        try:
            status = self.daemon.process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self.crashes.append(f"{self.name} did not end within {STOP_PATIENCE:.0f} s of SIGTERM")
            self.daemon.kill()
            return
        if status != -signal.SIGTERM:  # it may have been stopped before it got as far as handling that
            self.judge(status)

    def judge(self, status):
        if status not in EXPECTED_EXITS and status != -signal.SIGKILL:
            self.crashes.append(f"{self.name} ended with {status}: {self.daemon.tail(5)}")

    def look(self):
        with self.lock:
            if not self.wanted or self.daemon.alive():
                return
            now = time.monotonic()
            if self.ended_at is None:
                self.ended_at = now
                self.judge(self.daemon.process.returncode)
            elif now - self.ended_at >= RESTART_AFTER:
                self.ended_at = None
                Daemon.start(self.daemon, env=self.env)


class ChaosCluster(Cluster):
    """Every master is reached by minions, and reaches the store where it has links, through relays of its own."""

    def __init__(self, folder, redis, network=None):
        super().__init__(folder, redis)
        self.network = network
        self.store_links, self.minion_links, self.syndic_links = {}, {}, {}
        self.troubles = {}

    def trouble(self, name, daemon):
        """Makes it one that can be troubled, where it is not instrumented otherwise."""
        if LIBRARY.exists():
            self.troubles[name] = Trouble(daemon.folder / "trouble")
            daemon.wrapper = (*daemon.wrapper, *self.troubles[name].wrapper)

    def add_master(self, name, **settings):
        master = self.new_master(name, **settings)
        self.trouble(name, master)
        return master

    def new_master(self, name, **settings):
        if self.network:
            settings |= {"interface": "0.0.0.0", "ret_port": PORT, "address": f"{self.network.addresses[name]}:{PORT}"}
            master = super().add_master(name, state=self.redis.state(None), **PATIENCES, **settings)
            master.wrapper = self.network.wrapper(name)
            return master
        store = self.store_links[name] = Relay(lambda: self.redis.port) if self.redis.links else None
        minions = self.minion_links[name] = Relay(lambda: master.settings["ret_port"] or None)
        master = super().add_master(
            name,
            address=minions.address,
            state=self.redis.state(store),
            **PATIENCES,
            **settings,
        )
        return master


class World:
    def __init__(self, folder, masters, minions, store, network=None, leaves=None):
        """network: Namespaces, or None: then links are relays. leaves: {minion: [syndics]}, where there are some between."""
        self.folder = folder
        self.network = network
        self.master_ids, self.minion_ids = masters, minions
        self.store = store
        self.cluster = ChaosCluster(folder, store, network)
        self.leaves = leaves or {}
        self.keepers, self.crashes = {}, []
        self.closing = threading.Event()
        self.watch = threading.Thread(target=self.keep)

    def start(self):
        if self.network:
            self.network.open()
        self.store.start()
        self.cluster.start_masters(*self.master_ids)
        for master in self.cluster.masters:
            self.keepers[master.settings["id"]] = Keeper(master.settings["id"], master, None, self.crashes)
        links = [master.settings["address"] for master in self.cluster.masters]
        for id in sorted({id for ids in self.leaves.values() for id in ids}):
            self.start_syndic(id, links)
        for id in self.minion_ids:
            below = [self.cluster.syndic_links[syndic].address for syndic in self.leaves.get(id, [])]
            self.start_minion(id, below or links)
        await_(lambda: all(set(master.up()) == set(self.minion_ids) for master in self.cluster.masters), "the minions to connect")
        self.watch.start()

    def start_syndic(self, id, links):
        """Those above, minions and lower syndics reach it through a relay of its own."""
        above = SECOND_TIER.get(id)
        settings = {"syndic_master": [self.cluster.syndic_links[above].address] if above else links, "heartbeat": 1, "heartbeat_timeout": 3}
        syndic = self.cluster.accepted_syndic(self.cluster.masters[0], id, self.cluster.masters[0], **settings)
        self.cluster.syndic_links[id] = Relay(lambda: syndic.settings["ret_port"] or None)
        self.keepers[id] = Keeper(id, syndic, None, self.crashes)

    def start_minion(self, id, links):
        settings = {"rebalance_within": "500ms", "heartbeat": 1, "heartbeat_timeout": 3, "acceptance_wait_time_max": "1s"}
        minion = self.cluster.minion(id, self.cluster.masters[0], master=links, **settings)
        if self.network:
            minion.wrapper = self.network.wrapper(id)
        self.cluster.trouble(id, minion)
        env = {LOG: str(self.executions_of(id))}
        minion.start(env=env)
        self.keepers[id] = Keeper(id, minion, env, self.crashes)

    def executions_of(self, id):
        return self.folder / f"executions-{id}"

    def keep(self):
        while not self.closing.wait(0.1):
            for keeper in list(self.keepers.values()):
                keeper.look()

    # ---- faults ----

    def begin(self, fault):
        act, part = fault.kind.split("_")
        if act in ("island", "part"):
            self.network.part(fault.subject, self.beyond(part, fault.subject))
        elif act in ("jump", "slow"):
            self.disturb(fault, part)
        elif part in ("store", "minions") or fault.kind == "cut_syndic":
            getattr(self.link(part, fault.subject), act)()
        elif part == "redis":
            self.store.begin(act)
        elif act == "pause":
            self.signal(fault.subject, signal.SIGSTOP)
        else:
            getattr(self.keepers[fault.subject], act)()

    def end(self, fault):
        act, part = fault.kind.split("_")
        if act in ("island", "part"):
            self.network.join(fault.subject, self.beyond(part, fault.subject))
        elif act in ("jump", "slow"):
            self.disturb(fault, part, over=True)
        elif part in ("store", "minions") or fault.kind == "cut_syndic":
            self.link(part, fault.subject).heal()
        elif part == "redis":
            self.store.end(act)
        elif act == "pause":
            self.signal(fault.subject, signal.SIGCONT)
        else:
            self.keepers[fault.subject].start()

    def disturb(self, fault, part, over=False):
        trouble = self.store.trouble if part == "disk" else self.cluster.troubles.get(fault.subject)
        if trouble is None:
            return
        if part == "clock":
            trouble.jump(0 if over else JUMPS[int(fault.at * 100) % 2])
        else:
            trouble.slow(0 if over else SLOW[part])

    def beyond(self, part, subject):
        """The addresses that a fault keeps it from: of the store, of every other minion, of all."""
        if part == "store":
            return [self.network.gateway]
        others = {id: address for id, address in self.network.addresses.items() if id != subject}
        if part == "minions":
            return [others[id] for id in self.minion_ids[::2]]
        return [self.network.gateway, *others.values()]

    def link(self, part, master):
        links = {"store": self.cluster.store_links, "minions": self.cluster.minion_links, "syndic": self.cluster.syndic_links}
        return links[part][master]

    def signal(self, id, number):
        keeper = self.keepers[id]
        with keeper.lock:
            if keeper.daemon.alive():
                keeper.daemon.process.send_signal(number)

    # ---- the end ----

    def close(self):
        self.closing.set()
        if self.watch.ident:
            self.watch.join()
        for daemon in self.cluster.daemons:
            if daemon.alive():
                daemon.resume()
        try:
            self.cluster.close()  # fails on a report of a sanitizer
        finally:
            for link in [*self.cluster.store_links.values(), *self.cluster.minion_links.values(), *self.cluster.syndic_links.values()]:
                if link is not None:
                    link.close()
            if self.network:
                self.network.close()
            self.store.close()
