"""Each daemon in a network namespace of its own, all on one bridge: partitions without a word, as a broken network makes them. Needs root.

What is dropped is dropped in both directions, and nobody is told: connections stay as they are until somebody gives up.
"""

import itertools
import os
import subprocess
import sys

NETWORK = "10.213.77"
PORT = 4506  # of every master, on its own address
NUMBERS = itertools.count(1)


def run(*words, check=True):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done


class Namespaces:
    """The bridge itself is at .1; the namespaces follow in the order of their names."""

    gateway = f"{NETWORK}.1"

    def __init__(self, names):
        self.tag = f"bc{os.getpid() % 10000}{next(NUMBERS)}"
        self.bridge = f"{self.tag}b"
        self.addresses = {name: f"{NETWORK}.{i + 2}" for i, name in enumerate(names)}
        self.links = {name: f"{self.tag}v{i}" for i, name in enumerate(names)}

    def open(self):
        if os.geteuid() != 0:
            sys.exit("chaos: --namespaces needs root: run it with sudo, or without --namespaces, where links are relays")
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "addr", "add", f"{self.gateway}/24", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")
        for name, address in self.addresses.items():
            space, link = self.space(name), self.links[name]
            run("ip", "netns", "add", space)
            run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
            run("ip", "link", "set", link, "master", self.bridge, "up")
            run("ip", "-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", space, "link", "set", "eth0", "up")
            run("ip", "-n", space, "link", "set", "lo", "up")

    def close(self):
        for name in self.addresses:
            run("ip", "netns", "del", self.space(name), check=False)
            run("ip", "link", "del", self.links[name], check=False)
        run("ip", "link", "del", self.bridge, check=False)

    def space(self, name):
        return f"{self.tag}-{name}"

    def wrapper(self, name):
        return ("ip", "netns", "exec", self.space(name))

    def part(self, name, others):
        """Nothing passes between it and these addresses any more; it is made sure that this is so."""
        for other in others:
            self.rules("-I", name, other)
        for other in others:
            if self.reaches(name, other):
                raise RuntimeError(f"{name} still reaches {other}, from which it was cut")

    def join(self, name, others):
        for other in others:
            self.rules("-D", name, other)

    def rules(self, what, name, other):
        run(*self.wrapper(name), "iptables", "-w", what, "INPUT", "-s", other, "-j", "DROP")
        run(*self.wrapper(name), "iptables", "-w", what, "OUTPUT", "-d", other, "-j", "DROP")

    def reaches(self, name, other):
        """Whether anything comes back from there: a connection, or that there is nothing at this port."""
        done = run(*self.wrapper(name), "timeout", "0.3", "bash", "-c", f"</dev/tcp/{other}/{PORT}", check=False)
        return done.returncode == 0 or "refused" in done.stderr
