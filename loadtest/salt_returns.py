"""Run by the Python of a Salt installation (salt_fleet.py): returns of minions straight into a Salt master, as a minion sends them.

usage: salt_returns.py ETC RET_PORT IDENTITIES PROCESSES SECONDS

Each identity has its own key, signs in, and sends `_return` over Salt's own request channel: AES with its session key, a token signed with
its RSA key, one request under way. The token says the same each time and is signed once, which a minion does for each return: the driver
is to be no limit. The jobs are in the master's job cache beforehand. Prints {"ready"}, waits for a line, sends, prints {"returns",
"seconds", "refused"}.
"""

import asyncio
import json
import multiprocessing
import sys
import time
from pathlib import Path

import salt.channel.client
import salt.config
import salt.minion
import salt.utils.jid
import tornado.ioloop

JOBS = 400  # more than an identity sends


def minion_options(etc, port, id):
    options = salt.config.minion_config(None)
    root = Path(etc).parent / "drivers" / id
    (root / "pki").mkdir(parents=True, exist_ok=True)
    options.update(
        id=id, root_dir=str(root), pki_dir=str(root / "pki"), cachedir=str(root), sock_dir=str(root), user="root", log_level="quiet",
        __role="minion", request_channel_timeout=10, master="127.0.0.1", master_ip="127.0.0.1", master_port=port, master_uri=f"tcp://127.0.0.1:{port}",
    )
    return options


def publish_jobs(etc, ids, told):
    """What the master does at publishing: the job's folder and its load. In a process of its own: a fork after it would share its sockets."""
    options = salt.config.master_config(f"{etc}/master")
    with salt.minion.MasterMinion(options, states=False, rend=False) as minion:
        store, jids = minion.returners, []
        for _ in range(JOBS):
            jid = salt.utils.jid.gen_jid(options)
            store["local_cache.prep_jid"](passed_jid=jid)
            store["local_cache.save_load"](jid, {"jid": jid, "fun": "test.ping", "arg": [], "tgt": ids, "tgt_type": "list", "user": "root", "ret": ""})
            jids.append(jid)
    told.put(jids)


def load_of(id, jid):
    return {"cmd": "_return", "id": id, "jid": jid, "fun": "test.ping", "fun_args": [], "return": True, "retcode": 0, "success": True}


class Driver:
    def __init__(self, options, jids):
        self.id, self.jids, self.sent, self.refused = options["id"], iter(jids), 0, 0
        self.channel = salt.channel.client.AsyncReqChannel.factory(options, io_loop=tornado.ioloop.IOLoop.current())

    async def sign_in(self):
        await self.channel.connect()
        await self.channel.auth.authenticate()
        token = self.channel.auth.gen_token(b"salt")
        self.channel.auth.gen_token = lambda _: token
        await self.send(next(self.jids))

    async def send(self, jid):
        return await self.channel.send(load_of(self.id, jid), timeout=30, tries=1)

    async def run(self, end):
        for jid in self.jids:
            if time.monotonic() >= end:
                return
            try:
                await self.send(jid)
                self.sent += 1
            except Exception:  # of any kind: counted, and told
                self.refused += 1

    def close(self):
        self.channel.close()


def drive(etc, port, ids, jids, seconds, ready, go, told):
    async def run():
        drivers = [Driver(minion_options(etc, port, id), jids) for id in ids]
        for driver in drivers:
            await driver.sign_in()
        ready.wait()
        await asyncio.to_thread(go.wait)
        begin = time.monotonic()
        await asyncio.gather(*(driver.run(begin + seconds) for driver in drivers))
        end = time.monotonic()
        for driver in drivers:
            driver.close()
        told.put((begin, end, sum(d.sent for d in drivers), sum(d.refused for d in drivers)))

    asyncio.run(run())


def main():
    etc, port, identities, processes, seconds = sys.argv[1], *map(int, sys.argv[2:])
    ids = [f"drv{i}" for i in range(identities)]
    context = multiprocessing.get_context("fork")
    ready, go, told = context.Barrier(processes + 1), context.Event(), context.Queue()
    publisher = context.Process(target=publish_jobs, args=(etc, ids, told), daemon=True)
    publisher.start()
    jids = told.get(timeout=60)
    publisher.join()
    workers = [context.Process(target=drive, args=(etc, port, ids[i::processes], jids, seconds, ready, go, told), daemon=True) for i in range(processes)]
    for worker in workers:
        worker.start()
    ready.wait(20)
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    go.set()
    rows = [told.get(timeout=seconds + 60) for _ in workers]
    for worker in workers:
        worker.join(10)
    length = max(row[1] for row in rows) - min(row[0] for row in rows)
    print(json.dumps({"returns": sum(row[2] for row in rows), "refused": sum(row[3] for row in rows), "seconds": length}), flush=True)


if __name__ == "__main__":
    main()
