"""A real Prometheus in a folder, which reads these daemons several times a second."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from cluster import free_port
from fleet import await_

DEPLOY = Path(__file__).resolve().parents[2] / "deploy/prometheus"


class Prometheus:
    def __init__(self, folder, discover=None, **jobs):
        """jobs: {scrape job: ports}; discover: {scrape job: URL of HTTP service discovery}."""
        self.folder, self.port, self.process = folder, free_port(), None
        folder.mkdir()
        scrapes = [{"job_name": name.replace("_", "-"), "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]} for name, ports in jobs.items()]
        for name, url in (discover or {}).items():
            labels = [{"source_labels": ["__meta_brine_id"], "target_label": "minion"}]
            scrapes.append({"job_name": name, "http_sd_configs": [{"url": url, "refresh_interval": "1s"}], "relabel_configs": labels})
        config = {
            "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "500ms"},
            "rule_files": [str(DEPLOY / "brine.rules.yml")],
            "scrape_configs": scrapes,
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        self.targets = sum(len(ports) for ports in jobs.values())

    def start(self):
        words = [f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"]
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(["prometheus", *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        await_(self.has_scraped_all, "Prometheus to have read every daemon")
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)

    def get(self, page, **parameters):
        """What the API answers, its data."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{page}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it starts
                raise
            raise AssertionError(f"{parameters}: {json.load(error)['error']}") from None

    def has_scraped_all(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
        try:
            return len([sample for sample in self.query("up") if sample["value"][1] == "1"]) == self.targets
        except OSError:
            return False

    def query(self, expression):
        """[{metric: labels, value: [time, text]}]"""
        return self.get("query", query=expression)["result"]
