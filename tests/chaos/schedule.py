"""From a seed, what happens to whom and when. The same seed, length and shape give the same schedule."""

import random
from dataclasses import dataclass

LEAD_IN = 1.0  # seconds at the begin and the end of a run without faults
GAP = (0.3, 2.5)  # seconds between two faults
SETTLED = 0.5  # a subject is left alone for so long after a fault
FAILOVER = 9.0  # and so long after one whose end waits for a failover
AT_ONCE = 0.2  # of the faults do not come alone
ABSENCE = (0.2, 0.8)  # of a run: when one minion goes that comes back only after all others have settled
LONG = 0.3  # of those that may be are longer than the lease of a master

# kind: (weight, shortest, longest, longest of the long ones): seconds. Leases last 5 s, heartbeats are given up after 3 s.
KINDS = {
    "kill_master": (4, 0.2, 3.0, 8.0),
    "stop_master": (2, 0.5, 3.0, 3.0),
    "pause_master": (3, 0.3, 3.0, 9.0),
    "kill_minion": (3, 0.1, 3.0, 6.0),
    "stop_minion": (1, 0.2, 2.0, 2.0),
    "pause_minion": (2, 0.3, 3.0, 8.0),
    "kill_redis": (2, 0.1, 2.0, 7.0),
    "pause_redis": (2, 0.3, 3.0, 8.0),
    "cut_store": (2, 0.2, 3.0, 8.0),
    "freeze_store": (2, 0.3, 3.0, 9.0),
    "deafen_store": (2, 0.1, 2.0, 7.0),
    "cut_minions": (2, 0.2, 2.0, 6.0),
    "freeze_minions": (2, 0.3, 3.0, 8.0),
    "deafen_minions": (2, 0.1, 2.0, 7.0),
    "jump_clock": (2, 0.5, 4.0, 8.0),
    "slow_disk": (2, 0.5, 4.0, 8.0),
    "slow_journal": (2, 0.5, 4.0, 8.0),
}
JUMPS = (20.0, -2.0)  # seconds that a master's clock is ahead; behind no more than minions' journals are old: they refuse what is older
SLOW = {"disk": 0.5, "journal": 0.2}  # seconds that a sync of the Redis, or of a minion's journal, takes longer


# Between namespaces: a minion or a master alone, a master without the store, a master without every other minion.
NAMESPACE_KINDS = {
    **{kind: values for kind, values in KINDS.items() if not kind.endswith(("_store", "_minions"))},
    "island_minion": (4, 0.5, 4.0, 9.0),
    "island_master": (3, 0.5, 4.0, 9.0),
    "part_store": (4, 0.5, 4.0, 9.0),
    "part_minions": (4, 0.5, 4.0, 9.0),
}
# Of a store with replicas: faults of the primary, of which the longer ones end in a failover; lag: first the replicas stop for so long.
SENTINEL_KINDS = {
    **{kind: values for kind, values in KINDS.items() if not kind.endswith(("_store", "_redis", "_disk"))},
    "kill_redis": (4, 0.2, 4.0, 7.0),
    "pause_redis": (3, 0.3, 4.0, 7.0),
    "lag_redis": (3, 0.2, 1.5, 2.5),
}


@dataclass(frozen=True)
class Fault:
    at: float  # seconds since the begin
    kind: str
    subject: str  # id of a master or minion, or redis
    lasts: float  # seconds

    def __str__(self):
        return f"{self.at:6.2f} s  {self.kind} {self.subject} for {self.lasts:.2f} s"


def place(kind, subject):
    """What a fault holds: two faults of one place never overlap, those of different places may."""
    part = kind.split("_")[1]
    return (subject, "process" if part in ("master", "minion", "redis") else part)


def subjects(kind, masters, minions):
    part = kind.split("_")[1]
    return minions if part in ("minion", "journal") else ["redis"] if part in ("redis", "disk") else masters


def schedule(seed, seconds, masters, minions, kinds=KINDS):
    """Faults in the order of their times; all are over LEAD_IN before the end."""
    chance = random.Random(f"schedule {seed}")
    faults, free_at = [], {}
    at = LEAD_IN
    while at < seconds - LEAD_IN:
        for _ in range(chance.choice((2, 3)) if chance.random() < AT_ONCE else 1):
            fault = draw(chance, kinds, at, seconds - LEAD_IN, masters, minions)
            where = place(fault.kind, fault.subject)
            if fault.lasts > 0 and free_at.get(where, 0) <= at:
                free_at[where] = fault.at + fault.lasts + (FAILOVER if fault.kind == "lag_redis" else SETTLED)
                faults.append(fault)
        at += chance.uniform(*GAP)
    return faults


def absence(seed, seconds, minions):
    """The minion that is killed, and when."""
    chance = random.Random(f"absence {seed}")
    return chance.choice(minions), round(seconds * chance.uniform(*ABSENCE), 2)


def draw(chance, kinds, at, end, masters, minions):
    kind = chance.choices(list(kinds), [values[0] for values in kinds.values()])[0]
    _, shortest, longest, longest_of_all = kinds[kind]
    subject = chance.choice(subjects(kind, masters, minions))
    lasts = chance.uniform(longest, longest_of_all) if chance.random() < LONG else chance.uniform(shortest, longest)
    return Fault(round(at, 2), kind, subject, round(min(lasts, end - at), 2))
