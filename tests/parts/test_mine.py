"""Prometheus and HAProxy follow the mine: minions come and go, and are scraped and served, or not any more."""

import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cluster import free_port
from fleet import await_
from haproxy import Haproxy
from prometheus import Prometheus
from test_metrics import LISTEN, port_of


def addressed(value):
    return {"grains": {"addr": value}, "mine_functions": {"addr": [{"mine_function": "grains.get"}, "addr"]}}


# ---- Prometheus ------------------------------------------------------------------------------------------------------------


def scraped(prometheus):
    """The minions that Prometheus has as targets, and whether it reaches them."""
    targets = prometheus.get("targets", state="active")["activeTargets"]
    return {target["labels"]["minion"]: target["health"] for target in targets}


def watched_minion(fleet, id, master):
    port = free_port()
    return fleet.minion(id, master, metrics={"listen": f"127.0.0.1:{port}"}, **addressed(f"127.0.0.1:{port}")).start()


def test_minions_come_and_go_and_prometheus_scrapes_those_that_are_there(fleet, folder):
    master = fleet.master(auto_accept=True, metrics=LISTEN).start()
    first = watched_minion(fleet, "m1", master)
    url = f"http://127.0.0.1:{port_of(master).metrics_port}/discovery/prometheus?fun=addr"
    prometheus = Prometheus(folder / "prometheus", discover={"minions": url})
    try:
        prometheus.start()
        await_(lambda: scraped(prometheus) == {"m1": "up"}, "the first minion to be scraped")
        second = watched_minion(fleet, "m2", master)
        await_(lambda: scraped(prometheus) == {"m1": "up", "m2": "up"}, "the second one too")
        first.kill()
        await_(lambda: scraped(prometheus) == {"m2": "up"}, "the first one not to be scraped any more")
        first.start()
        await_(lambda: scraped(prometheus) == {"m1": "up", "m2": "up"}, "it to be scraped again")
        second.stop()
        master.key("-y", "-d", "m2")
        await_(lambda: scraped(prometheus) == {"m1": "up"}, "the deleted one to be out")
        asked = f"http://127.0.0.1:{prometheus.port}/api/v1/query?query=brine_minion_session_available"
        assert b'"minion":"m1"' in urllib.request.urlopen(asked, timeout=20).read()
    finally:
        prometheus.stop()


def test_a_restart_of_the_master_takes_no_target_from_prometheus(fleet, folder):
    port = free_port()
    master = fleet.master(auto_accept=True, metrics={"listen": f"127.0.0.1:{port}"}).start()
    minion = watched_minion(fleet, "m1", master)
    prometheus = Prometheus(folder / "prometheus", discover={"minions": f"http://127.0.0.1:{port}/discovery/prometheus?fun=addr"})
    try:
        prometheus.start()
        await_(lambda: scraped(prometheus) == {"m1": "up"}, "the minion to be scraped")
        await_(lambda: b"brine_master_mine_written_total 1" in urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20).read(), "it to be stored")
        minion.pause()
        master.kill()
        master.start()
        refused = 'prometheus_sd_http_failures_total'
        before = float(prometheus_own(prometheus, refused))
        await_(lambda: float(prometheus_own(prometheus, refused)) > before + 1, "Prometheus to have been told: not now")
        assert set(scraped(prometheus)) == {"m1"}
        minion.resume()
        await_(lambda: scraped(prometheus) == {"m1": "up"}, "the minion to be scraped again")
    finally:
        minion.resume()
        prometheus.stop()


def prometheus_own(prometheus, name):
    text = urllib.request.urlopen(f"http://127.0.0.1:{prometheus.port}/metrics", timeout=20).read().decode()
    return next(line.split()[1] for line in text.splitlines() if line.startswith(name + " "))


# ---- HAProxy ---------------------------------------------------------------------------------------------------------------


class Backend:
    """An HTTP server that answers with its name."""

    def __init__(self, name):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(name)))
                self.end_headers()
                self.wfile.write(name.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def backends():
    all = [Backend(name) for name in ("web1", "web2", "web3")]
    yield all
    for backend in all:
        backend.stop()


def answers(port, count=12):
    """Who answers a dozen requests; None for a failure."""
    seen = set()
    for _ in range(count):
        try:
            seen.add(urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read().decode())
        except OSError:
            seen.add(None)
    return seen


TEMPLATE = """backend web
  balance roundrobin
{{#entries}}
  server {{id}} {{value}}
{{/entries}}
"""


def test_haproxy_serves_the_minions_that_are_there(fleet, folder, backends):
    master = fleet.master(auto_accept=True).start()
    web = [fleet.minion(f"web{i + 1}", master, **addressed(backend.address)) for i, backend in enumerate(backends)]
    web[0].start()
    await_(lambda: master.runner("mine.get", "web*", "addr"), "the first entry")
    template = folder / "backends.tpl"
    template.write_text(TEMPLATE)
    proxy = Haproxy(folder / "haproxy")
    how = ("mine.watch", "web*", "addr", "--template", template, "--output-file", proxy.backends)
    assert master.run(*how, "once=True", program="brine-run").returncode == 0
    watch = None
    try:
        proxy.start()
        await_(lambda: answers(proxy.port) == {"web1"}, "the first backend to serve")
        watch = master.spawn(*how, "--exec", proxy.reload, program="brine-run")
        web[1].start()
        web[2].start()
        await_(lambda: answers(proxy.port) == {"web1", "web2", "web3"}, "all three to serve")
        web[0].kill()
        await_(lambda: answers(proxy.port) == {"web2", "web3"}, "the killed one to be out")
        master.kill()
        assert answers(proxy.port) == {"web2", "web3"}  # nothing changes while there is no master
        master.start()
        web[0].start()
        await_(lambda: answers(proxy.port) == {"web1", "web2", "web3"}, "it to be back, after a restart of the master")
    finally:
        if watch:
            watch.terminate()
            watch.communicate(timeout=60)
        proxy.stop()
