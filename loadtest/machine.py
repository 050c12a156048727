"""What the figures of a run have to be read with: the machine, its load, its disk."""

import os
import platform
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def syncs_per_second(folder, count=500):
    """Appends of 120 bytes, each with fdatasync, as a log of a database makes them."""
    path = Path(folder) / "sync-probe"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    start = time.perf_counter()
    for _ in range(count):
        os.write(fd, bytes(120))
        os.fdatasync(fd)
    elapsed = time.perf_counter() - start
    os.close(fd)
    path.unlink()
    return count / elapsed


def verification_us(count=1_000):
    """One Ed25519 verification: what each simulated minion pays for each job, and so the pace of this machine for such a load."""
    key = Ed25519PrivateKey.generate()
    message = bytes(300)
    signature, public = key.sign(message), key.public_key()
    start = time.perf_counter()
    for _ in range(count):
        public.verify(signature, message)
    return 1e6 * (time.perf_counter() - start) / count


def facts(folder):
    return {
        "processors": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "cpu": cpu_name(),
        "load_before": round(os.getloadavg()[0], 2),
        "disk_syncs_per_second": round(syncs_per_second(folder)),
        "ed25519_verification_us": round(verification_us()),
    }


def cpu_name():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
