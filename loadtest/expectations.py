"""What a scenario expects beyond the verdict: each answers with what was to be true, whether it held, and what was seen."""

import figures

ENDINGS = ("busy", "failed", "lost", "unsent", "unfinished")


def check(name, limit, seen):
    """seen: {finals, phases, metrics: [[t, {name: value}], ...] of the master, slopes}."""
    what, held, saw = CHECKS[name](limit, seen)
    return {"what": what, "held": bool(held), "saw": saw}


def totals(seen):
    return {key: sum(final[key] for final in seen["finals"]) for key in ENDINGS}


def all_return(_, __):
    return "every expected minion of every accepted job has returned", True, "see the verdict"


def none_refused(_, seen):
    total = totals(seen)
    return "no job was refused, failed or left unsent", not any(total.values()), str(total)


def all_joined(_, seen):
    joined = seen["joined"]
    held = joined and joined["used"] == joined["ever"] and joined["accepted"] == joined["present"]
    held = held and not any(joined[state] for state in ("pending", "rejected", "denied"))
    return "every minion has used the token once, none waits, and those that went are forgotten", held, str(joined)


def mine_whole(_, seen):
    """The last page of metrics of the master, after all had joined and it had been restarted."""
    wanted = seen["mine_entries"]
    there = seen["metrics"][-1][1].get("brine_master_mine_entries", 0) if seen["metrics"] else 0
    return f"the master knows all {wanted} entries of the mine at the end", wanted > 0 and there == wanted, f"{there:.0f}"


def busy_seen(_, seen):
    reasons = {}
    for final in seen["finals"]:
        for reason, times in final["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + times
    told = any("busy" in reason and "retry" in reason for reason in reasons)
    busy = totals(seen)["busy"]
    return "callers were told 'busy' and when to retry", busy > 0 and told, f"{busy} times: {reasons}"


def master_grows_at_most_mib(limit, seen):
    joined = seen["phases"][0]["master_mib"][2]
    grew = max(phase["master_mib"][1] for phase in seen["phases"]) - joined
    return f"the master grew by at most {limit} MiB after all had joined", grew <= limit, f"{grew:.1f} MiB"


def no_growth(limits, seen):
    slopes = seen["slopes"]
    held = all(slopes.get(key, float("inf")) <= most for key, most in limits.items())
    return f"no growth beyond noise in the second half: {limits} per hour", held, str(slopes)


def handshakes_bounded(_, seen):
    """The bound of each lane is shown by the master itself; a queue that was never seen says nothing."""
    waiting, bound = "brine_master_waiting_handshakes{", "brine_master_max_waiting_handshakes{"
    most, exceeded = {}, False
    for _, values in seen["metrics"]:
        for name, value in values.items():
            if name.startswith(waiting):
                lane = name.removeprefix(waiting)
                most[lane] = max(most.get(lane, 0), value)
                exceeded |= value > values.get(bound + lane, float("inf"))
    text = ", ".join(f"{lane.strip('}')} {value:.0f}" for lane, value in sorted(most.items()))
    return "handshakes waited, never more than their bound", not exceeded and any(most.values()), f"at most {text or 'unknown'}"


CHECKS = {check.__name__: check for check in (all_return, all_joined, none_refused, mine_whole, busy_seen, master_grows_at_most_mib, no_growth, handshakes_bounded)}


def slopes(phase, processes):
    """Of memory and open files per hour, over the second half of a phase: {"master_mib": ...}. processes: {name: [[t, cpu, mib, files], ...]}."""
    half = (phase["from"] + phase["to"]) / 2
    found = {}
    for name, series in processes.items():
        rows = [row for row in series if half <= row[0] <= phase["to"]]
        if rows:
            found[f"{name}_mib"] = round(figures.slope_per_hour([(row[0], row[2]) for row in rows]), 3)
            found[f"{name}_files"] = round(figures.slope_per_hour([(row[0], row[3]) for row in rows]), 3)
    return found
