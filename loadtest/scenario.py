"""A scenario: what runs, what load it gets, what befalls it and what must be true afterwards. Read from YAML; README.md has the keys."""

import difflib
from dataclasses import dataclass, field
from pathlib import Path

import backends
import expectations
import yaml

TOP = {"name", "about", "topology", "minions", "phases", "expect", "figures"}
TOPOLOGY = {"masters", "syndics", "second_tier", "syndic", "store", "redis", "returners", "master", "real_minions", "join_token"}
MINIONS = {
    "count", "processes", "threads", "source_ips", "ramp_per_second", "grains_bytes", "journal", "answer", "mine",
    "heartbeat_ms", "heartbeat_timeout_ms", "recon_default_ms", "recon_max_ms", "rebalance_within_ms", "seed",
}  # fmt: skip
PHASE = {"name", "load", "faults", "until", "patience"}
LOAD = {"name", "target", "function", "arguments", "rate", "seconds", "jobs", "connections", "timeout_ms", "until_complete", "seed", "master"}
FAULT = {"at", "every", "do", "which", "count", "seconds", "every_ms", "bytes_per_second"}
FIGURE = {"row", "value"}
MASTER_FAULTS = {"kill master", "stop master", "start master", "restart master", "pause master", "resume master"}
SYNDIC_FAULTS = {"kill syndic", "stop syndic", "start syndic", "restart syndic", "pause syndic", "resume syndic"}
REDIS_FAULTS = {"kill redis", "start redis", "pause redis", "resume redis"}
SWARM_FAULTS = {"join", "leave", "drop", "drop_all", "restart", "half_open", "black_hole", "slow_reader", "flap"}
STATES = {"open", "answered", "reaped"}
TOKEN = {"uses", "expires", "ephemeral"}
EXPECTATIONS = set(expectations.CHECKS)


class ScenarioError(Exception):
    pass


@dataclass
class Fault:
    at: float
    do: str
    every: float = 0
    order: dict = field(default_factory=dict)  # the other keys of an order to the swarm


@dataclass
class Phase:
    name: str
    loads: list
    faults: list
    until: list
    patience: float


@dataclass
class Scenario:
    name: str
    about: str
    text: str
    masters: int
    syndics: int
    second_tier: int  # syndics below the first one
    syndic: dict  # settings of each
    store: str
    redis: list  # further words of its command line
    returners: list
    master: dict
    real_minions: int
    join_token: dict  # of the token that all join with; empty: auto_accept
    minions: dict
    phases: list
    expect: dict
    figures: list


class Reader:
    """Checks one mapping; messages name the file, the place and the nearest known key."""

    def __init__(self, file, place, value, known):
        self.file, self.place = file, place
        if not isinstance(value, dict):
            self.complain("has to be a mapping")
        self.value = value
        for key in value:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                self.complain(f"does not know '{key}'" + (f"; did you mean '{near[0]}'?" if near else f"; it knows {', '.join(sorted(known))}"))

    def complain(self, what):
        raise ScenarioError(f"{self.file}: {self.place} {what}")

    def number(self, key, default=None, least=0):
        value = self.value.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < least:
            self.complain(f"needs '{key}' to be a number of at least {least}")
        return value

    def text(self, key, default=None):
        value = self.value.get(key, default)
        if not isinstance(value, str) or not value:
            self.complain(f"needs '{key}', a text")
        return value

    def items(self, key):
        value = self.value.get(key, [])
        value = value if isinstance(value, list) else [value]
        return value

    def one_of(self, key, value, known):
        if value not in known:
            near = difflib.get_close_matches(str(value), known, 1)
            self.complain(f"has {key} '{value}'" + (f"; did you mean '{near[0]}'?" if near else f"; it is one of {', '.join(sorted(known))}"))
        return value


def read(path):
    path = Path(path)
    try:
        text = path.read_text()
        return parse(text, path)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}; scenarios that come with brine are in loadtest/scenarios/") from error
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: is not YAML: {error}") from error


def parse(text, file):
    top = Reader(file, "the scenario", yaml.safe_load(text), TOP)
    topology = Reader(file, "topology", top.value.get("topology", {}), TOPOLOGY)
    syndics = topology.number("syndics", 0)
    second_tier = topology.number("second_tier", 0)
    if second_tier and not syndics:
        topology.complain("has a 'second_tier', but no 'syndics' above it")
    masters = topology.number("masters", 1, least=1)
    store = topology.one_of("store", topology.value.get("store", "sqlite"), {"sqlite", "redis"})
    if masters > 1 and store != "redis":
        topology.complain(f"has {masters} masters; they need 'store: redis'")
    for name in topology.items("returners"):
        topology.one_of("returner", name, set(backends.KINDS))
    minions = Reader(file, "minions", top.value.get("minions", {}), MINIONS)
    minions.number("count", least=1)
    phases = [read_phase(file, value) for value in top.items("phases")]
    if not phases:
        top.complain("has no 'phases'")
    return Scenario(
        name=top.text("name"),
        about=top.text("about", "-"),
        text=text,
        masters=masters,
        syndics=syndics,
        second_tier=second_tier,
        syndic=topology.value.get("syndic", {}),
        store=store,
        redis=[str(word) for word in topology.items("redis")],
        returners=topology.items("returners"),
        master=topology.value.get("master", {}),
        real_minions=topology.number("real_minions", 0),
        join_token=dict(Reader(file, "join_token", topology.value.get("join_token", {}), TOKEN).value),
        minions=dict(minions.value),
        phases=phases,
        expect=read_expectations(top),
        figures=[dict(Reader(file, "a figure", value, FIGURE).value) for value in top.items("figures")],
    )


def read_phase(file, value):
    phase = Reader(file, "a phase", value, PHASE)
    name = phase.text("name")
    phase.place = f"phase '{name}'"
    return Phase(
        name=name,
        loads=[read_load(file, name, i, load) for i, load in enumerate(phase.items("load"))],
        faults=[read_fault(file, name, fault) for fault in phase.items("faults")],
        until=[phase.one_of("until", state, STATES) for state in phase.value.get("until", ["open", "answered"])],
        patience=phase.number("patience", 120),
    )


def read_load(file, phase, index, value):
    load = Reader(file, f"the load of phase '{phase}'", value, LOAD)
    load.value = dict(value)
    load.value["name"] = phase + (f"-{value['name']}" if "name" in value else f"-{index + 1}" if index else "")
    if "rate" in value:
        load.number("seconds", least=0.001)
    elif "jobs" in value:
        load.number("jobs", least=1)
    elif not value.get("until_complete"):
        load.complain("needs 'rate' and 'seconds' (an open loop), 'jobs' (one after the other) or 'until_complete: true'")
    return load.value


def read_fault(file, phase, value):
    fault = Reader(file, f"a fault of phase '{phase}'", value, FAULT)
    do = fault.one_of("do", fault.value.get("do"), MASTER_FAULTS | SYNDIC_FAULTS | REDIS_FAULTS | SWARM_FAULTS | backends.FAULTS)
    order = {key: value[key] for key in value if key not in ("at", "every")}
    return Fault(at=fault.number("at", 0), do=do, every=fault.number("every", 0), order=order)


def read_expectations(top):
    """A list of names, or of {name: limit}."""
    expect = {}
    for item in top.items("expect"):
        name, limit = next(iter(item.items())) if isinstance(item, dict) else (item, True)
        expect[top.one_of("the expectation", name, EXPECTATIONS)] = limit
    return expect
