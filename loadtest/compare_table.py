"""The rows of the comparison, what several rounds give together, and the tables."""

import statistics

# row: what it is, unit, which way is better
SALT_ROWS = {
    "cli_p50": ("command line, whole process: p50", "ms", "lower"),
    "one_p50": ("submit to result at a client, one minion: p50", "ms", "lower"),
    "one_p99": ("the same: p99", "ms", "lower"),
    "idle_p50": ("submit to result at a client, the other minions idle: p50", "ms", "lower"),
    "idle_p99": ("the same: p99", "ms", "lower"),
    "jobs_8": ("jobs per second, one target, 8 callers", "/s", "higher"),
    "jobs_64": ("jobs per second, one target, 64 callers", "/s", "higher"),
    "ping_all": ("ping all, to the last return: p50", "ms", "lower"),
    "returns_real": ("returns per second, real minions, 8 pings of all under way", "/s", "higher"),
    "cpu_real": ("CPU of the server per return, the same load", "us", "lower"),
    "returns_straight": ("returns per second straight into the server, simulated minions", "/s", "higher"),
    "cpu_straight": ("CPU of the server per return, the same load", "us", "lower"),
    "returns_unstored": ("returns straight into the server, Salt's job cache off (brine stores them)", "/s", "higher"),
    "cpu_unstored": ("CPU of the server per return, the same load", "us", "lower"),
    "server_mib": ("memory of the server with all minions, PSS of all its processes", "MiB", "lower"),
    "minion_mib": ("memory of a minion, PSS of all its processes", "MiB", "lower"),
    "minion_ready": ("minion, exec to ready", "ms", "lower"),
    "herd": ("kill -9 of the server, restart, until all have answered a ping", "s", "lower"),
}
NATS_ROWS = {
    "join": ("all connected; brine: full handshakes, keys and manifests stored", "s", "lower"),
    "one_p50": ("one of all, chosen by chance, the others idle: p50", "ms", "lower"),
    "one_p99": ("the same: p99", "ms", "lower"),
    "ping_all": ("one question to all, to the last answer: p50", "s", "lower"),
    "returns": ("answers per second, 4 questions to all under way", "/s", "higher"),
    "cpu": ("CPU of the server per answer, the same load", "us", "lower"),
    "kib": ("memory of the server per connection, PSS over an empty server", "KiB", "lower"),
    "herd": ("kill -9 of the server, restart, until all have answered", "s", "lower"),
}


def together(rounds):
    """{row: median} of [{row: value}, ...]; rows that a round lacks count where they are."""
    rows = {row for values in rounds for row in values}
    return {row: statistics.median(values[row] for values in rounds if row in values) for row in rows}


def ratio(ours, other, better):
    """How many times better ours is; below 1 the other one is ahead. None where there is nothing to divide."""
    above, below = (other, ours) if better == "lower" else (ours, other)
    return above / below if below else None


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def cell(value, unit, factor=None):
    if value is None:
        return "-"
    text = f"{number(value)} {unit}" if unit and unit != "/s" else f"{number(value)}{unit}"
    return text if factor is None else f"{text} ({number(factor)}x)"


def table(rows, contestants):
    """Markdown. contestants: {name: [{row: value} of each round]}; the first one is what the others are divided by."""
    merged = {name: together(rounds) for name, rounds in contestants.items()}
    first, *others = merged
    lines = ["| what | " + " | ".join(merged) + " |", "|---|" + "---|" * len(merged)]
    for row, (what, unit, better) in rows.items():
        if not any(row in values for values in merged.values()):
            continue
        ours = merged[first].get(row)
        cells = [cell(ours, unit)]
        for name in others:
            value = merged[name].get(row)
            known = value is not None and ours is not None
            cells.append(cell(value, unit, ratio(ours, value, better) if known else None))
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def spread(rounds):
    """{row: largest / smallest of the rounds}: how far they are apart."""
    rows = {row for values in rounds for row in values}
    found = {row: [values[row] for values in rounds if row in values] for row in rows}
    return {row: max(values) / min(values) for row, values in found.items() if len(values) > 1 and min(values) > 0}


def unsteady(contestants, beyond=1.5):
    """Rows whose rounds differ by more than this, as text: what to measure again before it is believed."""
    return [
        f"{name} {row} ({number(factor)}x)"
        for name, rounds in contestants.items()
        for row, factor in sorted(spread(rounds).items())
        if factor > beyond
    ]
