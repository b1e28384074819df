#!/usr/bin/env python3
"""The outbox told to a webhook on this machine: how many messages a second `diner notify deliver` gets there, each of
them once and signed.

usage: outbox.py DINER [--rows N] [--pairs N]     pairs: how often; the first is a warm-up
"""
import argparse
import asyncio
import base64
import hashlib
import hmac
import os
import shutil
import statistics
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import ask, cluster, psql, timed  # noqa: E402

SECRET = "a-secret-of-the-bench"
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
MESSAGES = """
insert into app.outbox (type, key, payload)
select 'order.paid', 'S001-20261121-' || lpad(i::text, 7, '0'),
       jsonb_build_object('order_no', 'S001-20261121-' || lpad(i::text, 7, '0'), 'store', 'S001', 'total_amount', '66.00',
                          'items', (select jsonb_agg(jsonb_build_object('line_no', n, 'product', 'P100' || n, 'product_name',
                                           '招牌牛肉面', 'price', '22.00', 'quantity', '1', 'amount', '22.00'))
                                    from generate_series(1, 3) n))
from generate_series(1, {rows}) i;
vacuum analyze app.outbox"""


class Hook(asyncio.Protocol):
    """Takes what comes, keeps the connection, notes the id of each message, and verifies one in a hundred."""

    ids, wrong, connections = [], 0, 0

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""
        Hook.connections += 1

    def data_received(self, data):
        self.rest += data
        while (end := self.rest.find(b"\r\n\r\n")) >= 0:
            head = dict(line.split(b": ", 1) for line in self.rest[:end].split(b"\r\n")[1:])
            head = {name.lower(): value for name, value in head.items()}
            total = end + 4 + int(head[b"content-length"])
            if len(self.rest) < total:
                return
            self.take(head, self.rest[end + 4:total])
            self.rest = self.rest[total:]

    def take(self, head, body):
        Hook.ids.append(head[b"webhook-id"])
        if len(Hook.ids) % 100 == 0:
            text = head[b"webhook-id"] + b"." + head[b"webhook-timestamp"] + b"." + body
            want = base64.b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest())
            Hook.wrong += head[b"webhook-signature"] != b"v1," + want
        self.transport.write(ANSWER)


def listen():
    """The port of a hook that runs in a thread of its own."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    port = []

    async def begin():
        server = await loop.create_server(Hook, "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        ready.set()

    def run():
        loop.create_task(begin())
        loop.run_forever()

    threading.Thread(target=run, daemon=True).start()
    ready.wait()
    return port[0]


def measure(args, dsn, postmaster, directory):
    config = os.path.join(directory, "diner.yaml")
    with open(config, "w", encoding="utf-8") as out:
        out.write(f"connections: {{ warehouse: {{ dsn: '{dsn}' }} }}\n"
                  f"notify: {{ webhook_url: 'http://127.0.0.1:{listen()}/hook', webhook_secret: env:HOOK_SECRET }}\n")
    os.chmod(config, 0o600)
    env = {**os.environ, "DINER_CONFIG": config, "HOOK_SECRET": SECRET}
    os.system(f"DINER_CONFIG={config} {args.diner} -q db migrate")
    runs = []
    for _ in range(max(args.pairs, 2)):
        psql(dsn, "set client_min_messages = warning", "truncate app.outbox cascade", *MESSAGES.format(rows=args.rows).split(";"), "checkpoint")
        Hook.ids, Hook.connections = [], 0
        runs.append(timed([args.diner, "-q", "notify", "deliver"], postmaster, env))
        told, sent = len(Hook.ids), int(ask(dsn, "select count(*) from app.outbox where sent_at is not null"))
        assert told == len(set(Hook.ids)) == sent == args.rows and Hook.wrong == 0, (told, sent, Hook.wrong)
    rates = [args.rows / run.seconds for run in runs[1:]]
    print(f"{args.rows} messages to a webhook, load {os.getloadavg()[0]:.1f}: {statistics.median(rates):.0f} a second "
          f"({min(rates):.0f} to {max(rates):.0f}; the goal is 1000), each once, {Hook.connections} connections; "
          f"diner {statistics.median(r.client for r in runs[1:]):.1f} s and {max(r.rss_kb for r in runs) >> 10} MiB, "
          f"server {statistics.median(r.server for r in runs[1:]):.1f} s", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("diner", type=os.path.abspath)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--pairs", type=int, default=5)
    args = options.parse_args()
    directory = tempfile.mkdtemp(prefix="diner-bench.", dir="/var/tmp")
    pg = os.path.join(tempfile.mkdtemp(prefix="diner-pg.", dir="/tmp"), "c")
    for place in (directory, os.path.dirname(pg)):
        os.chmod(place, 0o755)
    dsn = cluster("start", pg)
    try:
        with open(os.path.join(pg, "data", "postmaster.pid"), encoding="ascii") as pid_file:
            postmaster = int(pid_file.readline())
        measure(args, dsn, postmaster, directory)
    finally:
        cluster("stop", pg)
        shutil.rmtree(os.path.dirname(pg), ignore_errors=True)
        shutil.rmtree(directory, ignore_errors=True)


main()
