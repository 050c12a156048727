"""A real HAProxy in a folder, on a free port of the loopback; its backends are in a file of their own."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from cluster import free_port

UNPACKED = Path(__file__).resolve().parents[2] / "build/parts/haproxy"

CONFIG = """
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
  retries 0
frontend web
  bind 127.0.0.1:{port}
  default_backend web
"""


class Haproxy:
    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        folder.mkdir()
        self.backends = folder / "backends.cfg"
        (folder / "haproxy.cfg").write_text(CONFIG.format(port=self.port))
        home = UNPACKED if UNPACKED.exists() else Path("/")
        self.program = shutil.which("haproxy", path=f"{home}/usr/sbin")
        self.files = ["-f", str(folder / "haproxy.cfg"), "-f", str(self.backends)]

    @property
    def reload(self):
        """The command that has it take its files again, if they are good."""
        return f"{self.program} -q -c {' '.join(self.files)} && kill -USR2 $(cat {self.folder}/pid)"

    def start(self):
        with open(self.folder / "log", "wb") as log:
            words = [self.program, "-W", "-p", self.folder / "pid", *self.files]
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)
        return self

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)
