"""The operator socket of a master, from Python, without a process per command."""

import os
import time

import zmq
from capnp_layout import decode, encode
from fleet import await_


class Operator:
    """The operator socket, without a process per command."""

    def __init__(self, master):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(f"ipc://{master.sock_dir}/operator.ipc")

    def submit(self, target, function):
        request = {
            "submit": {
                "submission": os.urandom(16),
                "targetKind": "glob",
                "target": target,
                "delimiter": ":",
                "function": function,
                "arguments": '{"args":[],"kwargs":{}}',
                "timeoutMs": 10_000,
            }
        }
        self.socket.send(b"BR\x01\x06" + encode("operator", "OperatorRequest", request))

    def reply(self):
        return decode("operator", "OperatorReply", self.socket.recv()[4:])

    def job(self, target, function):
        self.submit(target, function)
        returns = 0
        while True:
            reply = self.reply()
            if "error" in reply:
                raise RuntimeError(reply["error"]["message"])
            returns += "return" in reply
            if "finished" in reply:
                return returns

    def run(self, function):
        """What a runner answers, as JSON text."""
        request = {"run": {"function": function, "arguments": '{"args":[],"kwargs":{}}'}}
        self.socket.send(b"BR\x01\x06" + encode("operator", "OperatorRequest", request))
        return self.reply()["result"]


def exec_to_ready(master, minion, count=20):
    """From exec until the minion is in manage.up, alone; milliseconds of each."""
    operator, times = Operator(master), []
    for _ in range(count):
        minion.stop()
        await_(lambda: operator.run("manage.up") == "[]", "the minion to leave")
        start = time.perf_counter()
        minion.start()
        while operator.run("manage.up") != f'["{minion.id}"]':
            pass
        times.append((time.perf_counter() - start) * 1000)
    return times
