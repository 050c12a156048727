"""A Redis that speaks TLS only, and the stunnel that docs/clusters.md shows, on a master's side."""

import configparser
import re
import socket
import subprocess
from pathlib import Path

from cluster import Redis, free_port
from fleet import await_

PAGE = Path(__file__).resolve().parents[2] / "docs" / "clusters.md"
HOST = "redis.example.org"  # as on that page


class Authority:
    """Signs certificates."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        self.certificate, self.key = folder / "ca.pem", folder / "ca.key"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=tests",
                     "-keyout", self.key, "-out", self.certificate)  # fmt: skip

    def certify(self, host):
        """Its certificate and key."""
        certificate, key, request, names = (self.folder / f"{host}.{end}" for end in ("pem", "key", "csr", "names"))
        names.write_text(f"subjectAltName = DNS:{host}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}", "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                     "-extfile", names, "-out", certificate)  # fmt: skip
        return certificate, key

    @staticmethod
    def openssl(*words):
        done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def tls_redis(folder, authority, host=HOST):
    """Not started. On its port it speaks TLS only; tests ask it on its Unix socket."""
    certificate, key = authority.certify(host)
    redis = Redis(folder)
    redis.tls_port = free_port()
    redis.arguments = ("--port", "0", "--tls-port", str(redis.tls_port), "--tls-auth-clients", "no", "--tls-cert-file", str(certificate),
                       "--tls-key-file", str(key), "--tls-ca-cert-file", str(authority.certificate))  # fmt: skip
    return redis


class Tunnel:
    """The stunnel of the page, between a free port of the loopback and this one."""

    def __init__(self, folder, port, authority):
        self.folder, self.port, self.process = folder, free_port(), None
        folder.mkdir(parents=True)
        page = configparser.ConfigParser()
        page.optionxform = str
        page.read_string(re.search(r"```ini\n(.*?)```", PAGE.read_text(), re.S).group(1))
        (name,) = page.sections()
        settings = dict(page[name])
        assert settings["connect"].startswith(HOST + ":") and settings["checkHost"] == HOST
        settings |= {"accept": f"127.0.0.1:{self.port}", "connect": f"127.0.0.1:{port}", "CAfile": str(authority.certificate)}
        lines = ["foreground = yes", "pid =", "syslog = no", f"output = {folder / 'log'}", f"[{name}]"]
        self.config = folder / "stunnel.conf"
        self.config.write_text("\n".join(lines + [f"{key} = {value}" for key, value in settings.items()]) + "\n")

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(["stunnel4", self.config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await_(self.listens, "stunnel")
        return self

    def listens(self):
        assert self.process.poll() is None, self.said()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def said(self):
        return (self.folder / "log").read_text()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
