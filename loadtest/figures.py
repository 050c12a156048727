"""The rows of what is to be reached (docs/benchmarks.md), and the measures that a phase gives."""

# row: what it is, unit, reach, then, which way is better
ROWS = {
    "minions": ("minions on one master, authenticated, three pings without a loss", "", 10_000, 16_000, "higher"),
    "ping_all": ("ping all, to the last committed return", "s", 1.0, 0.5, "lower"),
    "ping_all_tier": ("ping all behind four syndics, to the last committed return", "s", 1.3, 1.1, "lower"),
    "tier_again": ("kill -9 of one of four syndics under load: until the last minion is served again", "s", None, None, "lower"),
    "bytes_up": ("bytes on the link upwards of a syndic, per return", "B", None, None, "lower"),
    "syndic_cpu": ("CPU of the syndics per return, spooled and synced", "us", None, None, "lower"),
    "one_target_p50": ("one target, submit to verified result at the caller, all others idle: p50", "ms", 2, 0.5, "lower"),
    "one_target_p99": ("one target, submit to verified result at the caller, all others idle: p99", "ms", 10, 3, "lower"),
    "one_target_p99_outage": ("the same while a returner is away: p99", "ms", 10, 3, "lower"),
    "jobs_per_second": ("jobs per second, one target each, result stored", "/s", 2_000, 10_000, "higher"),
    "returns_per_second": ("returns per second, durable", "/s", 12_000, 30_000, "higher"),
    "cpu_per_return": ("master CPU per return, encrypted and stored", "us", 40, 20, "lower"),
    "memory_per_minion": ("master memory per connected minion, over an empty master", "KiB", 24, 12, "lower"),
    "herd": ("kill -9 of the master, restart, until all have answered a ping", "s", 15, 5, "lower"),
    "failover": ("kill -9 of one of the masters under load: until the last minion is served by another", "s", 10, 3, "lower"),
    "redis_per_job": ("Redis memory for a job of 10,000 returns", "MiB", None, None, "lower"),
    "half_open": ("half-open links noticed, all open again", "s", 15, 5, "lower"),
    "overload_memory": ("growth of the master's memory under 5 times the load", "MiB", 200, None, "lower"),
    "overload_p99_ratio": ("p99 of accepted jobs under overload, against the load before", "x", 3, None, "lower"),
    "memory_slope": ("slope of the master's memory over the second half", "MiB/h", None, None, "lower"),
    "minion_memory_slope": ("slope of a real minion's memory over the second half", "MiB/h", None, None, "lower"),
    "files_slope": ("slope of the master's open files over the second half", "/h", None, None, "lower"),
}


def figure(row, value, detail=""):
    what, unit, reach, then, better = ROWS[row]
    return {"row": row, "what": what, "value": round(value, 3), "unit": unit, "reach": reach, "then": then, "better": better, "detail": detail}


def holds(item):
    """Whether the figure reaches what it has to; None when nothing is asked."""
    if item["reach"] is None:
        return None
    return item["value"] <= item["reach"] if item["better"] == "lower" else item["value"] >= item["reach"]


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def slope_per_hour(points):
    """Least squares over (seconds, value)."""
    n = len(points)
    mean_t = sum(t for t, _ in points) / n
    mean_v = sum(v for _, v in points) / n
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return 3600 * sum((t - mean_t) * (v - mean_v) for t, v in points) / spread if spread else 0.0


def measures(phase):
    """Numbers of one phase, by name. phase: {seconds, loads: {name: final}, master_cpu_s, master_mib: [before, most, after], ...}."""
    finals = phase["finals"]
    result = {"seconds": phase["seconds"], "master_grew_mib": phase["master_mib"][1] - phase["master_mib"][0]}
    if "recovered" in phase:
        result["recovered_s"] = phase["recovered"]  # from the last fault to the end of the loads
        if "served_again" in phase:
            result["served_again_s"] = phase["served_again"]  # from the last fault until all minions had a session, a second more or less
        result["acknowledged_per_second"] = phase.get("acknowledged_per_second", 0.0)  # from the last fault until all were
    if "redis_mib" in phase:
        result["redis_mib"] = phase["redis_mib"][1]
        jobs = sum(final["finished"] for final in finals)
        if jobs:
            result["redis_mib_per_job"] = (phase["redis_mib"][1] - phase["redis_mib"][0]) / jobs
    if not finals:
        return result
    latency = finals[0]["latency_us"]
    for name in ("p50", "p90", "p99", "max"):
        result[f"{name}_ms"] = latency[name] / 1000
        result[f"{name}_s"] = latency[name] / 1e6
    busy_for = max(final["t"] for final in finals)
    returns = sum(final["returns"] for final in finals)
    result["jobs_per_second"] = sum(final["finished"] for final in finals) / busy_for
    result["returns_per_second"] = returns / busy_for
    if returns:
        result["master_us_per_return"] = phase["master_cpu_s"] * 1e6 / returns
        result["swarm_us_per_return"] = phase["swarm_cpu_s"] * 1e6 / returns
        if "syndics_cpu_s" in phase:
            result["syndics_us_per_return"] = phase["syndics_cpu_s"] * 1e6 / returns
            result["upward_bytes_per_return"] = phase["upward_bytes"] / returns
        if "redis_cpu_s" in phase:
            result["redis_us_per_return"] = phase["redis_cpu_s"] * 1e6 / returns
    return result
