#!/usr/bin/env python3
"""Mixed load on a development environment for a while: orders made, paid, cancelled, refunded, read
and timed out, stock read and adjusted. What the server holds is looked at meanwhile.

usage: soak.py DINER SECONDS [--share PCT] [--rate N] [--clients N]
(DINER_DEV_DIR names the environment; its server is told to allow that many.)

Measures how much the server takes, then sends --share per cent of it (80) at fixed times, whatever
comes back. Prints figures, then each defect: an answer other than the right one, memory that grows,
connections or files that are still open at the end. Exit status 1 when there is one.
"""
import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

DEV = os.environ["DINER_DEV_DIR"]
DSN = f"postgresql:///diner?host={DEV}/pg&port=5432&user=diner"
DISHES = ["P1001", "P1002", "P1003", "P2001", "P2002", "P2003"]
STORES = ["S001", "S002", "S003"]
WEIGHTS = {"create": 30, "pay": 16, "cancel": 6, "refund": 6, "read": 20, "list": 6, "stock": 10,
           "adjust": 6}
TIMEOUT_S = 20     # unpaid orders fall after it
OURS_S = 10        # and are left to it when they are older than this
TOKEN_S = 20 * 60  # new tokens before the old ones end
GROWTH = 1.05      # of the median memory of the last fifth over that of the second


def read(path):
    with open(f"{DEV}/{path}", encoding="utf-8") as file:
        return file.read().strip()


def sql(text):
    return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", DSN, "-c", text],
                          capture_output=True, text=True, check=True).stdout.strip()


class Client:
    """One connection, and orders that no other client touches: each answer is known beforehand."""

    def __init__(self, rng):
        self.rng, self.token, self.token_at = rng, None, 0
        self.connection = http.client.HTTPConnection("127.0.0.1", int(read("serve.port")), timeout=30)
        self.pending, self.paid, self.known = [], [], []

    def send(self, method, path, body=None, headers=None):
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, headers or {})
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def log_in(self):
        status, answer = self.send("POST", "/api/v1/auth/login", {
            "username": "integration", "password": read("secrets/integration")})
        if status != 200:
            raise OSError(f"login: {status} {answer}")
        self.token, self.token_at = answer["data"]["access_token"], time.monotonic()

    def call(self, method, path, body, expected):
        if self.token is None or time.monotonic() > self.token_at + TOKEN_S:
            self.log_in()
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Idempotency-Key"] = f"{self.rng.getrandbits(96):x}"
        status, answer = self.send(method, "/api/v1" + path, body, headers)
        if status != expected:
            raise OSError(f"{method} {path}: {status} {answer.get('error')} {answer.get('message')}")
        return answer["data"]

    def take(self, orders):
        """One that is not about to fall by itself."""
        while orders:
            number, born = orders.pop(self.rng.randrange(len(orders)))
            if time.monotonic() < born + OURS_S:
                return number
        return None

    def create(self):
        lines = self.rng.sample(DISHES, self.rng.randint(1, 3))
        order = self.call("POST", "/orders", {
            "store": self.rng.choice(STORES), "channel": "dine_in",
            "payment_method": self.rng.choice(["wechat", "alipay", "cash"]),
            "items": [{"product": sku, "quantity": self.rng.randint(1, 2)} for sku in lines]}, 201)
        self.pending.append((order["order_no"], time.monotonic()))
        self.known = self.known[-200:] + [order["order_no"]]

    def pay(self):
        order = self.take(self.pending)
        if order is None:
            return self.create()
        self.call("POST", f"/orders/{order}/pay", {}, 200)
        self.paid.append((order, time.monotonic()))

    def cancel(self):
        order = self.take(self.rng.choice([self.pending, self.paid]))
        if order is None:
            return self.create()
        self.call("POST", f"/orders/{order}/cancel", {"reason": "soak"}, 200)

    def refund(self):
        order = self.take(self.paid)
        if order is None:
            return self.pay()
        self.call("POST", f"/orders/{order}/refunds", {"reason": "soak", "amount": "0.01"}, 201)

    def read(self):
        if not self.known:
            return self.create()
        self.call("GET", "/orders/" + self.rng.choice(self.known), None, 200)

    def list(self):
        self.call("GET", f"/orders?store={self.rng.choice(STORES)}&page_size=20", None, 200)

    def stock(self):
        store = self.rng.choice(STORES)
        paths = [f"/stock/{store}/{self.rng.choice(DISHES)}", f"/stock?store={store}&page_size=20"]
        self.call("GET", self.rng.choice(paths), None, 200)

    def adjust(self):
        self.call("POST", "/stock/adjustments", {"items": [
            {"store": self.rng.choice(STORES), "product": self.rng.choice(DISHES), "delta": "3",
             "reason": "adjust", "note": "soak"}]}, 200)

    def step(self):
        what = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        getattr(self, what)()
        return what


class Load:
    """Requests by several clients until a time, at a rate or as fast as they are answered."""

    def __init__(self, clients, seconds, rate):
        self.clients, self.rate = clients, rate
        self.started = time.monotonic()
        self.until = self.started + seconds
        self.lock, self.taken = threading.Lock(), 0
        self.late_ms, self.counts, self.errors = [], {}, []

    def turn(self):
        """When the next request is due; None: no more."""
        with self.lock:
            due = self.started + self.taken / self.rate if self.rate else time.monotonic()
            self.taken += 1
        if due >= self.until:
            return None
        time.sleep(max(0, due - time.monotonic()))
        return due

    def note(self, what, due, error):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1
            self.late_ms.append((time.monotonic() - due) * 1000)
            if error:
                self.errors.append(error)

    def work(self, client):
        while (due := self.turn()) is not None:
            try:
                self.note(client.step(), due, None)
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                client.connection.close()
                self.note("error", due, f"{type(error).__name__}: {error}")

    def run(self):
        threads = [threading.Thread(target=self.work, args=(c,)) for c in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(self.counts.values()) / (time.monotonic() - self.started)


class Watch(threading.Thread):
    """What the server holds, once a second; and the job that cancels unpaid orders."""

    def __init__(self, diner, pid):
        super().__init__()
        self.diner, self.pid, self.samples, self.over = diner, pid, [], threading.Event()
        self.job_errors = []

    def look(self):
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as status:
            rss = [int(line.split()[1]) for line in status if line.startswith("VmRSS")][0]
        files = len(os.listdir(f"/proc/{self.pid}/fd"))
        connections, stuck = sql(
            "select count(*), count(*) filter (where state like 'idle in%' and now() - xact_start "
            "> interval '5 s') from pg_stat_activity where application_name = 'diner serve'").split("|")
        return rss, files, int(connections), int(stuck)

    def cancel(self):
        job = subprocess.run([self.diner, "-q", "orders", "auto-cancel", "--older-than", f"{TIMEOUT_S}s"],
                             capture_output=True, text=True)
        if job.returncode:
            self.job_errors.append(f"auto-cancel: {job.stderr.strip()}")

    def run(self):
        seconds = 0
        while not self.over.wait(1):
            self.samples.append(self.look())
            seconds += 1
            if seconds % 10 == 0:
                self.cancel()


def lift_rates(pid):
    """The server of the environment refuses nobody from now on for how often they ask."""
    with open(f"{DEV}/diner.yaml", "a", encoding="utf-8") as file:
        file.write("rate: { integration_minute: 100000000/m, integration_hour: 1000000000/h }\n")
    os.kill(pid, signal.SIGHUP)
    time.sleep(1)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def fifth(samples, number):
    """The median memory, in KiB, of one fifth of the run."""
    n = len(samples)
    return statistics.median(s[0] for s in samples[n * number // 5:max(n * (number + 1) // 5, 1)])


def judge(load, watch, before, after):
    samples = watch.samples
    early, late = fifth(samples, 1), fifth(samples, 4)
    print(f"memory of the server, MiB, by fifths: {', '.join(f'{fifth(samples, i) / 1024:.1f}' for i in range(5))}\n"
          f"files: {before[1]} before, at most {max(s[1] for s in samples)}, {after[1]} after; database "
          f"connections: at most {max(s[2] for s in samples)}, {after[2]} after")
    defects = load.errors[:10] + watch.job_errors[:3]
    if len(load.errors) > 10:
        defects.append(f"{len(load.errors)} errors in all")
    if late > early * GROWTH + 1024:
        defects.append(f"memory grows: {early} KiB in the second fifth, {late} KiB in the last")
    # Connections to the database may stay open for the next request, one file each.
    if after[1] - after[2] > before[1] - before[2]:
        defects.append(f"{after[1] - before[1]} files more are open than before")
    if any(s[3] for s in samples + [after]):
        defects.append("a transaction was left open for more than 5 s")
    # Of each order: gone when cancelled, once when not.
    wrong = sql("""select count(*) from app.orders o join soak_start s on o.id > s.id where (select
        coalesce(sum(quantity), 0) from app.stock_log l where l.order_id = o.id) <> 0 and o.status = 'cancelled'""")
    if wrong != "0":
        defects.append(f"{wrong} cancelled orders did not give back what they took")
    return defects


def main():
    options = argparse.ArgumentParser()
    options.add_argument("diner")
    options.add_argument("seconds", type=float)
    options.add_argument("--share", type=float, default=80)
    options.add_argument("--rate", type=float, default=0, help="requests a second, instead of a share")
    options.add_argument("--clients", type=int, default=16)
    args = options.parse_args()
    sql("drop table if exists soak_start; create table soak_start as select coalesce(max(id), 0) as id from app.orders;"
        "update app.stock set qty = qty + 1000000")
    pid = int(read("serve.pid").split("\n")[0])
    if "\nrate:" not in read("diner.yaml"):
        lift_rates(pid)
    watch = Watch(args.diner, pid)
    before = watch.look()
    clients = [Client(random.Random()) for i in range(args.clients)]
    if not args.rate:
        capacity = Load(clients, min(10, args.seconds), 0).run()
        args.rate = capacity * args.share / 100
        print(f"capacity, with this client on this machine: {capacity:.0f} requests/s", flush=True)
    load = Load(clients, args.seconds, args.rate)
    watch.start()
    rate = load.run()
    watch.over.set()
    watch.join()
    for client in clients:
        client.connection.close()
    time.sleep(2)
    after = watch.look()
    print(f"{sum(load.counts.values())} requests in {args.seconds:.0f} s, {rate:.0f} a second of "
          f"{args.rate:.0f} wanted: {', '.join(f'{k} {v}' for k, v in sorted(load.counts.items()))}\n"
          f"from when each was due: P50 {percentile(load.late_ms, .5):.1f} ms, P95 "
          f"{percentile(load.late_ms, .95):.1f} ms, P99 {percentile(load.late_ms, .99):.1f} ms")
    defects = judge(load, watch, before, after)
    if load.counts.get("create", 0) == 0 or rate < args.rate * 0.8:
        defects.append("the load was not sent as it should be")
    print("\n".join("DEFECT " + line for line in defects) or "flat, nothing left open, no error")
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
