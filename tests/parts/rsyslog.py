"""A real rsyslogd in a folder: on a port of the loopback and on a socket, all messages in one file, a line of fields for each."""

import shutil
import subprocess
from pathlib import Path

from cluster import free_port
from fleet import await_

UNPACKED = Path(__file__).resolve().parents[2] / "build/parts/rsyslog"
FIELDS = ["host", "app", "msgid", "facility", "severity", "data", "msg"]

CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
template(name="fields" type="string"
         string="%hostname%\\t%app-name%\\t%msgid%\\t%syslogfacility-text%\\t%syslogseverity-text%\\t%structured-data%\\t%msg%\\n")
input(type="imtcp" address="127.0.0.1" port="{port}")
input(type="imuxsock" socket="{folder}/log.sock" useSpecialParser="off")
action(type="omfile" file="{folder}/messages" template="fields")
"""


class Rsyslog:
    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        folder.mkdir()
        (folder / "rsyslog.conf").write_text(CONFIG.format(folder=folder, port=self.port))

    def start(self):
        home = UNPACKED if UNPACKED.exists() else Path("/")
        program = shutil.which("rsyslogd", path=str(home / "usr/sbin"))
        modules = next((home / "usr/lib").glob("*/rsyslog"))
        with open(self.folder / "log", "ab") as log:
            words = ["-n", "-f", self.folder / "rsyslog.conf", "-i", self.folder / "pid", "-M", modules]
            self.process = subprocess.Popen([program, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        await_((self.folder / "log.sock").exists, "rsyslogd")
        return self

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        (self.folder / "log.sock").unlink(missing_ok=True)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def messages(self):
        """[{field: text}]"""
        file = self.folder / "messages"
        lines = file.read_text().splitlines() if file.exists() else []
        return [dict(zip(FIELDS, line.split("\t"))) for line in lines if line.count("\t") == len(FIELDS) - 1]
