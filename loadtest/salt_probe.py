"""Run by the Python of a Salt installation (bench.py --vs-salt): figures of a running Salt through its own client library, as JSON.

usage: salt_probe.py ETC trips|jobs|ready
  trips  submit to result at the caller, one after the other: seconds of each
  jobs   finished jobs per second, 8 callers for 10 s
  ready  from the start of salt-minion to its start event: seconds of each; the minion must not be running
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import salt.client
import salt.config
import salt.utils.event

CALLERS = 8


def trips(etc, count=50):
    client, times = salt.client.LocalClient(c_path=f"{etc}/master"), []
    for _ in range(count):
        start = time.perf_counter()
        assert client.cmd("m1", "test.ping", timeout=10) == {"m1": True}
        times.append(time.perf_counter() - start)
    return times


def jobs(etc, seconds=10):
    done, end = [0] * CALLERS, time.perf_counter() + seconds

    def call(i):
        client = salt.client.LocalClient(c_path=f"{etc}/master")
        while time.perf_counter() < end:
            done[i] += client.cmd("m1", "test.ping", timeout=10) == {"m1": True}

    threads = [threading.Thread(target=call, args=(i,)) for i in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / seconds


def ready(etc, count=5):
    options = salt.config.master_config(f"{etc}/master")
    times = []
    with salt.utils.event.get_event("master", opts=options, listen=True) as bus:
        for _ in range(count):
            start = time.perf_counter()
            minion = subprocess.Popen([Path(sys.executable).parent / "salt-minion", "-c", etc, "-l", "quiet"])
            assert bus.get_event(wait=60, tag="salt/minion/m1/start") is not None
            times.append(time.perf_counter() - start)
            minion.terminate()
            minion.wait(60)
    return times


if __name__ == "__main__":
    print(json.dumps({"trips": trips, "jobs": jobs, "ready": ready}[sys.argv[2]](sys.argv[1])))
