"""A daemon with all its processes: what they use, and their end. Linux; read from /proc."""

import os
import signal
import subprocess
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SESSION, USER_TIME, CHILDREN_SYSTEM_TIME = 3, 11, 14  # after the name in /proc/PID/stat


def stat_fields(text):
    """What follows the name, which may hold anything."""
    return text.rsplit(")", 1)[1].split()


def cpu_ticks(fields):
    """User and system time of the process and of its children that have ended and were waited for."""
    return sum(int(value) for value in fields[USER_TIME : CHILDREN_SYSTEM_TIME + 1])


def read_pss_kib(text):
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def pss_mib(pid):
    try:
        return read_pss_kib(Path(f"/proc/{pid}/smaps_rollup").read_text()) / 1024
    except OSError:  # it has ended
        return 0.0


def stats():
    """{pid: fields} of all processes."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = stat_fields(Path(entry.path, "stat").read_text())
            except OSError:
                pass
    return found


class ProcessGroup:
    """Started as the leader of a session of its own, so that its children are known and end with it."""

    def __init__(self, arguments, log, **how):
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **how
            )
        self.pid = self.process.pid

    def members(self):
        return {pid: fields for pid, fields in stats().items() if int(fields[SESSION]) == self.pid}

    def cpu_seconds(self):
        return sum(cpu_ticks(fields) for fields in self.members().values()) / TICKS

    def pss_mib(self):
        return sum(pss_mib(pid) for pid in self.members())

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        """kill -9 of all of them."""
        for pid in self.members():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
