"""Wrong configuration and wrong circumstances: a clear message, the right exit status, nothing lost."""

import os
import socket
import subprocess

import pytest

from fleet import BIN, await_


def daemon(program, etc, *options):
    return subprocess.run([BIN / program, "-c", etc, *options], capture_output=True, text=True, timeout=60)


@pytest.fixture
def etc(fleet):
    folder = fleet.folder / "etc"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("program", ["brine-master", "brine-minion"])
@pytest.mark.parametrize(
    "text,says",
    [
        ("log_levl: info\n", ["1", "log_levl", "log_level"]),
        ("id: x\npki_dri: /x\n", ["2", "pki_dri", "pki_dir"]),
        ("log_level: [a]\n", ["1", "log_level"]),
        ("a: b: c\n", ["1"]),
        ("max_message: many\n", ["max_message"]),
    ],
)
def test_configuration_errors_name_file_line_and_key(etc, program, text, says):
    name = program.split("-")[1]
    (etc / name).write_text(text)
    for options in ([], ["--check-config"]):
        result = daemon(program, etc, *options)
        assert result.returncode == 78
        assert str(etc / name) in result.stderr
        assert all(word in result.stderr for word in says), result.stderr


def test_a_missing_configuration_folder(fleet):
    result = daemon("brine-master", fleet.folder / "nowhere")
    assert result.returncode == 78 and "nowhere" in result.stderr


def test_a_good_configuration_is_said_to_be_good(etc):
    (etc / "master").write_text("interface: 127.0.0.1\n")
    result = daemon("brine-master", etc, "--check-config")
    assert result.returncode == 0 and "good" in result.stdout


def test_a_port_in_use(fleet, etc):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (etc / "master").write_text(f"interface: 127.0.0.1\nret_port: {port}\nroot_dir: {fleet.folder}/root\n")
        result = daemon("brine-master", etc)
    assert result.returncode == 69 and str(port) in result.stderr


def test_an_unwritable_state_folder(fleet, etc):
    (fleet.folder / "root").mkdir()
    (fleet.folder / "root/file").write_text("")
    (etc / "master").write_text(f"interface: 127.0.0.1\nret_port: 0\nroot_dir: {fleet.folder}/root\nstate:\n  path: /file/state\n")
    result = daemon("brine-master", etc)
    assert result.returncode in (69, 78) and "state" in result.stderr


def test_a_second_master_on_one_store(fleet):
    master = fleet.master().start()
    etc = fleet.folder / "second"
    etc.mkdir()
    (etc / "master").write_text(
        f"interface: 127.0.0.1\nret_port: 0\nroot_dir: {master.root}\nsock_dir: /run/second\npki_dir: /pki2\n"
    )
    result = daemon("brine-master", etc)
    assert result.returncode == 69 and "in use" in result.stderr, result


def test_a_private_key_that_others_can_read(fleet):
    master = fleet.master().start()
    master.stop()
    key = master.root / "etc/brine/pki/master/master.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    master.write_config()
    result = daemon("brine-master", master.etc)
    assert result.returncode == 78 and "chmod 600" in result.stderr


def test_private_things_are_private(fleet):
    master, m1 = fleet.up("m1")
    for path in [
        *master.root.glob("etc/brine/pki/master/*.key"),
        *m1.root.glob("etc/brine/pki/minion/*.key"),
        *master.root.glob("var/lib/brine/master/*"),
        *m1.root.glob("var/cache/brine/minion/spool/*"),
        master.sock_dir / "operator.ipc",
        master.sock_dir / "events.ipc",
    ]:
        assert path.stat().st_mode & 0o077 == 0, path
    assert master.sock_dir.stat().st_mode & 0o777 == 0o700


def test_a_wrong_master_finger(fleet):
    master = fleet.master(auto_accept=True).start()
    minion = fleet.minion("m1", master, master_finger=":".join(["00"] * 32)).start()
    await_(lambda: "master_finger is" in minion.tail(), "the refusal")
    assert master.up() == [] and master.keys()["minions"] == []


def test_an_operator_who_is_none_is_told_so(fleet):
    master, m1 = fleet.up("m1", operators=["nobody"])
    os.chmod(fleet.folder, 0o755)
    for path in [master.folder, master.etc, master.root, *master.sock_dir.parents]:
        if str(path).startswith(str(fleet.folder)):
            os.chmod(path, 0o755)
    words = [BIN / "brine", "-c", master.etc, "m1", "test.ping", "--out", "json"]

    def as_user(uid):
        return subprocess.run(words, capture_output=True, text=True, timeout=60, user=uid, group=uid, extra_groups=[])

    listed = as_user(65534)
    assert listed.returncode == 0, listed
    stranger = as_user(12345)
    assert stranger.returncode == 4 and "operators" in stranger.stderr, stranger


def test_a_crowded_master_says_busy(fleet):
    master, m1 = fleet.up("m1", max_open_jobs=2)
    for _ in range(2):
        master.submit("m1", "cmd.run", "sleep 1000", "--expires", "1h")
    result = master.run("m1", "test.ping", check=4)
    assert "busy" in result.err and "retry" in result.err
