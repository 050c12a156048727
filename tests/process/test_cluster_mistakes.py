"""What operators get wrong with several masters: each is a clear error, and costs the cluster nothing."""

import contextlib
import re
import shutil
import socket
import socketserver
import threading

import pytest
from cluster import Cluster, Gate, Redis
from fleet import Daemon, Master, await_


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "redis").start()
    yield server
    server.stop()


@pytest.fixture
def cluster(tmp_path, redis):
    cluster = Cluster(tmp_path, redis)
    yield cluster
    cluster.close()


def gives_up(cluster, folder, status, **settings):
    """A master that does not start, and what it says."""
    defaults = {"id": "x", "cluster": "test", "state": {"backend": "redis", "url": cluster.redis.url}}
    master = Master(cluster.folder / folder, **{**defaults, **settings})
    cluster.daemons.append(master)
    Daemon.start(master)
    assert master.process.wait(60) == status, master.tail()
    return master.tail()


def test_two_clusters_are_apart(cluster, tmp_path, redis):
    (a,) = cluster.start_masters("a")
    other = Cluster(tmp_path / "o", redis)
    try:
        (b,) = other.start_masters("b", cluster="another")
        minion = other.minion("m0", b).start()
        await_(lambda: b.up() == ["m0"], "the minion")
        assert list(cluster.live(a)) == ["a"] and list(cluster.live(b)) == ["b"]
        assert a.run("*", "test.ping").returncode == 3
        assert b.brine("*", "test.ping") == {"m0": True}
        assert minion.alive()
    finally:
        other.close()


def test_a_redis_that_is_not_there_is_named(cluster):
    said = gives_up(cluster, "x", 69, state={"backend": "redis", "url": "redis://127.0.0.1:1"})
    assert "127.0.0.1:1 is away" in said


def test_a_wrong_password_is_told_without_showing_it(cluster, redis):
    redis.ask("CONFIG", "SET", "requirepass", "a-secret")
    password = cluster.folder / "wrong/root/password"
    password.parent.mkdir(parents=True)
    password.touch(0o600)
    password.write_text("guessed\n")
    state = {"backend": "redis", "url": redis.url}
    assert "set password_file" in gives_up(cluster, "without", 78, state=state)
    said = gives_up(cluster, "wrong", 78, state={**state, "password_file": "/password"})
    assert "refuses user or password" in said and "guessed" not in said


class OldRedis(socketserver.StreamRequestHandler):
    """Says only how old it is."""

    def handle(self):
        while line := self.rfile.readline():
            words = [self.rfile.readline() and self.rfile.readline().strip() for _ in range(int(line[1:]))]
            info = b"redis_version:5.0.14\r\nrole:master\r\n"
            self.wfile.write(b"$%d\r\n%s\r\n" % (len(info), info) if words[0].upper() == b"INFO" else b"+OK\r\n")


def test_a_redis_that_is_too_old_is_refused(cluster):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OldRedis) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = gives_up(cluster, "x", 69, state={"backend": "redis", "url": f"redis://127.0.0.1:{server.server_address[1]}"})
        server.shutdown()
    assert "version 5.0.14; 6.2 or newer is needed" in said


def test_one_id_for_two_masters_is_refused_by_name_and_place(cluster):
    a, b = cluster.start_masters("a", "b")
    again = Master(cluster.folder / "again", **{**b.settings, "root_dir": str(cluster.folder / "again/root"), "ret_port": 0})
    cluster.daemons.append(again)
    shutil.copytree(b.root / "etc/brine/pki/master", cluster.folder / "again/root/etc/brine/pki/master")
    Daemon.start(again)
    assert again.process.wait(60) == 69, again.tail()
    assert f"another master calls itself 'b', at 127.0.0.1:{b.port}" in again.tail()
    assert set(cluster.live(a)) == {"a", "b"}


def test_a_master_of_another_root_is_refused(cluster):
    (a,) = cluster.start_masters("a")
    stranger = Master(cluster.folder / "stranger", id="s")
    cluster.daemons.append(stranger)
    stranger.start()
    stranger.stop()
    stranger.settings.update({"cluster": "test", "state": {"backend": "redis", "url": cluster.redis.url}})
    Daemon.start(stranger)
    assert stranger.process.wait(60) == 78, stranger.tail()
    assert "have another root" in stranger.tail()
    assert list(cluster.live(a)) == ["a"]


def test_a_fingerprint_that_does_not_fit_adds_nobody(cluster):
    (a,) = cluster.start_masters("a")
    b = cluster.add_master("b")
    Daemon.start(b)
    await_(lambda: "--master-add b" in b.tail(), "b to ask")
    refused = a.run("key.master_add", "b", "00:11", program="brine-run")
    assert refused.returncode != 0 and "it was not added" in refused.err
    assert list(a.runner("key.master_list")) == ["a"]
    assert "has asked to join" in a.run("key.master_add", "nobody", program="brine-run").err
    cluster.masters.remove(b)


class HourAhead(Gate):
    """A way to a Redis whose clock is an hour ahead."""

    def carry(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(re.sub(rb"(?<=^\*2\r\n\$10\r\n)\d{10}(?=\r\n\$\d\r\n\d+\r\n$)", lambda seconds: b"%d" % (int(seconds[0]) + 3600), data))
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_a_master_whose_clock_is_an_hour_behind_is_refused(cluster, redis):
    (a,) = cluster.start_masters("a")
    way = HourAhead(redis.port)
    b = cluster.add_master("b", state={"backend": "redis", "url": f"redis://127.0.0.1:{way.port}"})
    Daemon.start(b)
    await_(lambda: "--master-add b" in b.tail(), "b to ask")
    a.key("--master-add", "b", "-y")
    assert b.process.wait(60) == 69, b.tail()
    way.close()
    assert re.search(r"the clock of this machine is 3\d\d\d s behind that of the store: set it \(NTP\)", b.tail())
    assert list(cluster.live(a)) == ["a"]
