"""The syslog returner of a real master, and a real rsyslogd."""

import json

import pytest
from fleet import await_
from rsyslog import Rsyslog


@pytest.fixture
def rsyslog(folder):
    server = Rsyslog(folder / "rsyslog")
    try:
        yield server.start()
    finally:
        server.stop()


def returner_for(rsyslog, transport):
    address = f"tcp://127.0.0.1:{rsyslog.port}" if transport == "tcp" else f"unix://{rsyslog.folder}/log.sock"
    return {"name": "syslog", "address": address, "facility": "local3", "app_name": "fleet"}


def jids_at(rsyslog):
    return {json.loads(message["msg"])["jid"] for message in rsyslog.messages()}


@pytest.mark.parametrize("transport", ["tcp", "unix"])
def test_a_return_is_a_message_whose_parts_rsyslog_understands(fleet, rsyslog, transport):
    master, _ = fleet.up("m1", returners=[returner_for(rsyslog, transport)])
    jid = master.submit("m1", "test.ping")
    await_(lambda: jid in jids_at(rsyslog), "the message")
    message = next(message for message in rsyslog.messages() if json.loads(message["msg"])["jid"] == jid)
    record = json.loads(message["msg"])
    assert (record["id"], record["fun"], record["return"]) == ("m1", "test.ping", True)
    assert (message["host"], message["app"], message["msgid"]) == ("m1", "fleet", "test.ping")
    assert (message["facility"], message["severity"]) == ("local3", "info")
    assert f'[brine@32473 jid="{jid}" id="m1" fun="test.ping" outcome="returned" retcode="0" master="master"]' == message["data"]


@pytest.mark.parametrize("transport", ["tcp", "unix"])
def test_returns_wait_while_rsyslog_is_dead_and_arrive_when_it_is_back(fleet, rsyslog, transport):
    master, _ = fleet.up("m1", returners=[returner_for(rsyslog, transport)])
    first = master.submit("m1", "test.ping")
    await_(lambda: first in jids_at(rsyslog), "the first message")
    rsyslog.kill()
    missed = {master.submit("m1", "test.ping") for _ in range(3)}
    await_(lambda: "cannot send to" in master.tail(1000), "the master to notice")
    rsyslog.start()
    await_(lambda: missed <= jids_at(rsyslog), "the messages that waited")
