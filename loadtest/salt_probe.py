"""Run by the Python of a Salt installation (salt_fleet.py): asks a running Salt through its own client library.

usage: salt_probe.py ETC

Reads commands from standard input, one JSON object per line, and answers each with one on standard output; {"error": ...} when it fails.
"""

import json
import multiprocessing
import os
import sys
import threading
import time
import traceback

import salt.client
import salt.config
import salt.exceptions
import salt.utils.event

TIMEOUT = 15
ALL = "m*"  # drivers of returns have keys as well, but nobody there who answers
PROCESSES = 8  # of callers: Python's threads share one core


class Probe:
    def __init__(self, etc):
        self.config = f"{etc}/master"

    def client(self):
        return salt.client.LocalClient(c_path=self.config)

    def trips(self, target, count):
        """Submit to result at the caller, one after the other."""
        client, times = self.client(), []
        for _ in range(count):
            start = time.perf_counter()
            assert client.cmd(target, "test.ping", timeout=TIMEOUT) == {target: True}
            times.append(time.perf_counter() - start)
        return {"times": times}

    def ping_all(self, expected, count):
        """One ping to all after the other: how long until the last return, of those that all answered."""
        client, times = self.client(), []
        for _ in range(count):
            start = time.perf_counter()
            if len(client.cmd(ALL, "test.ping", timeout=TIMEOUT)) == expected:
                times.append(time.perf_counter() - start)
        return {"times": times, "incomplete": count - len(times)}

    def all_answer(self, expected, patience):
        """Pings all until all have answered one ping."""
        client, end, seen = self.client(), time.monotonic() + patience, 0
        client.opts["gather_job_timeout"] = 2  # a ping that was lost is given up soon
        while time.monotonic() < end:
            try:
                seen = len(client.cmd(ALL, "test.ping", timeout=2))
            except salt.exceptions.SaltClientError:  # it is still busy
                time.sleep(0.2)
            if seen == expected:
                return {"at": time.monotonic()}
        raise TimeoutError(f"{seen} of {expected} minions answered after {patience} s")

    def jobs(self, target, callers, seconds):
        """Callers that each submit the next job when the one before has ended; what ends within the time counts."""
        context = multiprocessing.get_context("fork")
        counts = context.Queue()
        shares = [callers // PROCESSES] * PROCESSES
        workers = [context.Process(target=self.call, args=(target, threads, seconds, counts)) for threads in shares]
        for worker in workers:
            worker.start()
        told = [counts.get(timeout=seconds + 30) for _ in workers]
        for worker in workers:
            worker.join()
        return {"jobs": sum(row[0] for row in told), "returns": sum(row[1] for row in told), "seconds": seconds}

    def call(self, target, threads, seconds, counts):
        """Ends at the end of the time: what is under way then may wait for Salt's timeouts."""
        done, returns = [0] * threads, [0] * threads

        def run(i):
            client = self.client()
            while True:
                answers = client.cmd(target, "test.ping", timeout=TIMEOUT)
                done[i] += bool(answers)
                returns[i] += len(answers)

        for i in range(threads):
            threading.Thread(target=run, args=(i,), daemon=True).start()
        time.sleep(seconds)
        counts.put((sum(done), sum(returns)))
        counts.close()
        counts.join_thread()
        os._exit(0)

    def await_start(self, id, patience):
        """Says when it listens; then when the minion's start event came."""
        options = salt.config.master_config(self.config)
        with salt.utils.event.get_event("master", opts=options, listen=True) as bus:
            tell({"listening": True})
            if bus.get_event(wait=patience, tag=f"salt/minion/{id}/start") is None:
                raise TimeoutError(f"no start event of {id} in {patience} s")
            return {"at": time.monotonic()}


def tell(answer):
    print(json.dumps(answer), file=ANSWERS, flush=True)


def main():
    probe = Probe(sys.argv[1])
    tell({"ready": True})
    for line in sys.stdin:
        command = json.loads(line)
        try:
            tell(getattr(probe, command.pop("do"))(**command))
        except Exception as error:  # of whatever the library met; told to who asked
            traceback.print_exc()
            tell({"error": f"{type(error).__name__}: {str(error)[:300]}"})


if __name__ == "__main__":
    ANSWERS, sys.stdout = sys.stdout, sys.stderr  # the library may print
    main()
