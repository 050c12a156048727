"""Syndics between masters and minions: where they stand, and what befalls each of them once."""

import random

from chaos.schedule import Fault

SYNDICS = ["s1", "s2", "s3", "s4", "s5"]
SECOND_TIER = {"s5": "s1"}  # the others stand below the masters
CUT = 30.0  # seconds that each link is cut: longer than any patience of the daemons
GONE = (1.0, 8.0)  # seconds until a killed one is started again
PAUSE = 4.0  # seconds between the begins of two faults
LENGTH = 110.0  # seconds of a run, so that all of them fit in


def leaves(minions):
    """{minion: [syndics it knows, its own first]}: so many for each syndic, every other one knows a second."""
    places = {}
    for i, id in enumerate(minions):
        own = SYNDICS[i % len(SYNDICS)]
        other = SYNDICS[(i + 1) % len(SYNDICS)]
        places[id] = [own, other] if (i // len(SYNDICS)) % 2 == 0 else [own]
    return places


def tier_schedule(seed, masters):
    """Each syndic is killed once, the link to each is cut once, and so are the links to all masters together; one master is killed."""
    chance = random.Random(f"tiers {seed}")
    kills = [("kill_syndic", id, round(chance.uniform(*GONE), 2)) for id in SYNDICS]
    kills.append(("kill_master", chance.choice(masters), round(chance.uniform(*GONE), 2)))
    cuts = [("cut_syndic", id, CUT) for id in SYNDICS]
    away = [("cut_minions", master, CUT) for master in masters]
    chance.shuffle(kills)
    chance.shuffle(cuts)
    faults = []
    at = 1.0
    for kill, cut in zip(kills, [*cuts, None], strict=True):
        faults.append(Fault(round(at, 2), *kill))
        if cut:
            faults.append(Fault(round(at + PAUSE, 2), *cut))
        at += 2 * PAUSE
    # All of a sudden nobody above is left; what comes meanwhile waits in the spools.
    faults += [Fault(round(at, 2), *fault) for fault in away]
    return sorted(faults, key=lambda fault: fault.at)
