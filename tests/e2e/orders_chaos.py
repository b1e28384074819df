#!/usr/bin/env python3
"""Random orders, payments, refunds, cancellings and callbacks, and counts, adjustments, transfers and
reservations of the same stock, by many clients against a development environment, while clients, server,
PostgreSQL and jobs are killed; then the books are checked.

usage: orders_chaos.py DINER SECONDS SEED    (DINER_DEV_DIR names the environment)

Prints what was done, then each defect; exit status 1 when there is one.
"""
import hashlib
import hmac
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import chaos_stock

DINER, SECONDS, SEED = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
DEV = os.environ["DINER_DEV_DIR"]
DSN = f"postgresql:///diner?host={DEV}/pg&port=5432&user=diner"
DISHES = ["P1001", "P1002", "P1003", "P2001", "P2002", "P2003"]
SCRIPTS = ["", "", "charge#1=lost", "charge=pending", "charge#1=fail", "refund=pending",
           "refund#1=lost", "refund=abnormal", "close=paid", "close#1=fail", "*=slow:15ms",
           "charge=refuse", "prepay#1=lost"]
CLIENTS = 16

orders, payments, lock = [], [], threading.Lock()
done, acknowledged = {}, set()
keys_of_creates = 0
until = time.time() + 3600  # the killer ends it


def read(path):
    with open(f"{DEV}/{path}", encoding="utf-8") as file:
        return file.read().strip()


def sql(text, check=True):
    run = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", DSN, "-c", text],
                         capture_output=True, text=True)
    if check and run.returncode:
        raise RuntimeError(run.stderr)
    return run.stdout.strip()


def count(what):
    with lock:
        done[what] = done.get(what, 0) + 1


class Died(Exception):
    """This client was killed before it heard the answer."""


class Client:
    is_mortal = False

    def __init__(self, rng):
        self.rng, self.token = rng, None
        self.stock = chaos_stock.StockUser(self, rng)

    def send(self, method, path, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", int(read("serve.port")), timeout=15)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()

    def die_sending(self, path, body, headers):
        """The whole request, or a part of it, and then the end."""
        connection = http.client.HTTPConnection("127.0.0.1", int(read("serve.port")), timeout=15)
        try:
            connection.putrequest("POST", path)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders(body[:self.rng.choice([len(body) // 2, len(body), len(body)])].encode())
        finally:
            connection.close()
        raise Died

    def log_in(self):
        body = json.dumps({"username": "integration", "password": read("secrets/integration")})
        status, answer = self.send("POST", "/api/v1/auth/login", body, {})
        if status == 200:
            self.token = answer["data"]["access_token"]

    def get(self, path):
        return self.ask("GET", path, None, {})

    def post(self, path, body):
        key = f"{self.rng.getrandbits(64):x}"
        return self.ask("POST", path, json.dumps(body), {"Idempotency-Key": key})

    def ask(self, method, path, body, headers):
        """The same request until there is an answer, or the time is over. Some clients are killed on
        the way; most of those come again with their key."""
        for _ in range(40):
            try:
                if self.token is None:
                    self.log_in()
                headers["Authorization"] = f"Bearer {self.token}"
                if self.is_mortal and method == "POST" and self.rng.random() < (0.3 if "items" in body else 0.1):
                    self.die_sending(path, body, headers)
                status, answer = self.send(method, path, body, headers)
                if status == 401:
                    self.token = None
                elif status < 500 and answer.get("error") != "lock_timeout":
                    return status, answer
            except Died:
                count("kill client")
                if self.rng.random() < 0.3:
                    return 0, {}
            except (OSError, http.client.HTTPException, ValueError):
                pass
            if time.time() > until:
                break
            time.sleep(0.05)
        return 0, {}

    def create(self):
        global keys_of_creates
        lines = self.rng.sample(DISHES, self.rng.randint(1, 3))
        body = {"store": "S001", "channel": "dine_in", "table_no": f"{self.rng.getrandbits(60):x}",
                "payment_method": self.rng.choice(["wechat", "alipay", "cash"]),
                "items": [{"product": sku, "quantity": self.rng.randint(1, 2)} for sku in lines]}
        with lock:
            keys_of_creates += 1
        path = "/api/v1/orders/checkout" if self.rng.random() < 0.2 else "/api/v1/orders"
        status, answer = self.post(path, body)
        if status == 201:
            with lock:
                orders.append(answer["data"]["order_no"])
                acknowledged.add(answer["data"]["order_no"])
        return status

    def prepay(self, order):
        status, answer = self.post(f"/api/v1/orders/{order}/prepay", {"payment_method": "wechat"})
        if status == 201:
            with lock:
                payments.append((answer["data"]["payment_no"], answer["data"]["amount"]))
        return status

    def call_back(self):
        with lock:
            if not payments:
                return 0
            number, amount = self.rng.choice(payments[-40:])
        paid = sql(f"select channel_local.pay('{number}')", check=False)
        if paid != "paid":
            return 0
        try:
            for _ in range(self.rng.randint(0, 3)):  # not at all, or more than once
                self.tell_paid(number, amount, "paid:" + number)
        except (OSError, http.client.HTTPException, ValueError):
            pass
        return 200

    def tell_paid(self, number, amount, event_id):
        """The channel's callback, signed."""
        body = json.dumps({"event_id": event_id, "kind": "payment.succeeded",
                           "number": number, "amount": amount})
        stamp = str(int(time.time()))
        mac = hmac.new(read("secrets/callbacks").encode(), f"{stamp}.{body}".encode(),
                       hashlib.sha256).hexdigest()
        return self.send("POST", "/api/v1/payments/callbacks/local", body,
                         {"X-Diner-Timestamp": stamp, "X-Diner-Signature": mac})[0]

    def step(self):
        if self.rng.random() < 0.35:
            count("{} {}".format(*self.stock.step()))
            return
        with lock:
            order = self.rng.choice(orders[-60:]) if orders else None
        what = self.rng.choices(["create", "pay", "prepay", "call_back", "cancel", "refund",
                                 "accept", "fulfill"], [6, 4, 3, 4, 3, 3, 2, 1])[0]
        path = f"/api/v1/orders/{order}/"
        if what == "create" or order is None:
            status = self.create()
        elif what == "prepay":
            status = self.prepay(order)
        elif what == "call_back":
            status = self.call_back()
        elif what == "refund":
            body = {"reason": "chaos"}
            if self.rng.random() < 0.6:
                body["amount"] = f"{self.rng.randint(1, 3000) / 100:.2f}"
            status, _ = self.post(path + "refunds", body)
        elif what == "cancel":
            status, _ = self.post(path + "cancel", {"reason": "chaos"})
        elif what == "pay":
            body = {"payment_method": "cash"} if self.rng.random() < 0.2 else {}
            status, _ = self.post(path + "pay", body)
        else:
            status, _ = self.post(path + what, {})
        count(f"{what} {status}")

    def run(self):
        while time.time() < until:
            try:
                self.step()
            except (OSError, RuntimeError, ValueError):
                time.sleep(0.05)


def jobs(rng):
    """auto-cancel, settle and sales at the command line, some of them killed half way."""
    global keys_of_creates
    while time.time() < until:
        command = rng.choice([["auto-cancel", "--older-than", "1s", "--batch", "3"], ["settle"],
                              ["create", "--store", "S001", "--item", "P1001=1", "--item", "P2001=1"],
                              ["create", "--store", "S001", "--item", "P1002=1", "--pay"]])
        with lock:
            keys_of_creates += command[0] == "create"
        process = subprocess.Popen([DINER, "orders", *command], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.05, 0.4))
        if rng.random() < 0.3:
            process.kill()
        process.wait()
        sql("update channel_local.script set rules = '%s'" % rng.choice(SCRIPTS), check=False)
        sql("update app.sagas set lease_until = now(), next_at = now() where random() < 0.3 and "
            "status in ('running', 'compensating') and created_at < now() - interval '2 s';"
            "update app.refunds set next_at = now() where next_at is not null", check=False)


def kill(path):
    try:
        os.kill(int(read(path).split("\n")[0]), signal.SIGKILL)
    except (OSError, ValueError):
        pass


def killer(rng):
    """After some orders each time, however slow the machine: server, PostgreSQL, server; then at random."""
    global until
    plan = ["serve.pid", "pg/data/postmaster.pid", "serve.pid"]
    started = time.time()
    while plan or time.time() < started + SECONDS:
        seen, patience = len(orders), time.time() + 30
        while len(orders) < seen + 12 and time.time() < patience:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 0.3))
        what = plan.pop(0) if plan else rng.choice(["serve.pid", "pg/data/postmaster.pid"])
        kill(what)
        count("kill " + what.split("/")[-1])
        subprocess.run([DINER, "dev", "up"], capture_output=True, timeout=120)
    until = time.time() + 1


# Payments of which something is kept though no order needs it.
KEPT = """select o.order_no, p.payment_no from app.payments p join app.orders o on o.id = p.order_id
    where p.status = 'succeeded' and (p.is_surplus or o.status = 'cancelled') and p.amount > (select
    coalesce(sum(amount), 0) from app.refunds r where r.payment_id = p.id and r.status = 'succeeded')"""
CHECKS = {
    "stock is opening + ledger": """select count(*) from app.stock k join chaos_stock c using (store_id, product_id)
        where k.qty <> c.qty + coalesce((select sum(quantity) from app.stock_log l where l.store_id = k.store_id
        and l.product_id = k.product_id and l.id > c.last), 0)""",
    "no request is two orders": """select count(*) - count(distinct table_no) from app.orders join chaos_order using (id)
        where table_no is not null""",
    "no stock below zero": "select count(*) from app.stock where qty < 0 and policy = 'forbid'",
    "cancelled gave back what it took, the others nothing": """select count(*) from app.orders o join chaos_order using (id)
        where (select coalesce(sum(quantity), 0) from app.stock_log l where l.order_id = o.id) <> 0
        and o.status = 'cancelled' or (o.status <> 'cancelled' and exists
        (select from app.stock_log l where l.order_id = o.id and change_type = 'restore'))""",
    "our payments are the channel's": """select count(*) from app.payments p full join channel_local.payments c
        using (payment_no) where coalesce(p.channel, 'local') = 'local'
        and coalesce(p.status = 'succeeded', false) <> coalesce(c.status = 'paid', false)""",
    "our refunds are the channel's": """select count(*) from app.refunds r join app.payments p on p.id = r.payment_id
        full join channel_local.refunds c using (refund_no) where coalesce(p.channel, 'local') = 'local'
        and coalesce(r.status = 'succeeded', false) <> coalesce(c.status = 'succeeded', false)""",
    "what is refunded of a payment is what the channel paid out": """select count(*) from channel_local.payments c
        join app.payments p using (payment_no) where c.refunded <> (select coalesce(sum(amount), 0)
        from app.refunds r where r.payment_id = p.id and r.status = 'succeeded')""",
    "the order's money is its payment less its refunds": """select count(*) from app.orders o join chaos_order using (id)
        left join app.payments p on p.order_id = o.id and p.status = 'succeeded' and not p.is_surplus
        where (p.id is null) <> (o.payment_status = 'unpaid') or (p.id is not null and (p.amount <> o.total_amount
        or o.refund_amount <> (select coalesce(sum(amount), 0) from app.refunds r where r.payment_id = p.id
        and r.status = 'succeeded')))""",
    "nothing is kept that no order needs": f"select count(*) from ({KEPT}) k",
    "nothing is open": """select (select count(*) from app.sagas where status in ('running', 'compensating'))
        + (select count(*) from app.refunds where status in ('requested', 'accepted'))""",
    "every history is legal": """select count(*) from (select h.*, lag(to_status) over w as before from
        app.order_status_history h join chaos_order c on c.id = h.order_id window w as (partition by order_id order by h.id)) x
        where from_status is distinct from before or not (from_status is null and to_status = 'pending' or from_status = to_status
        or (from_status, to_status) in (('pending', 'paid'), ('pending', 'cancelled'), ('paid', 'accepted'),
        ('paid', 'cancelled'), ('accepted', 'fulfilled')))""",
    "the history ends as the order is": """select count(*) from app.orders o join chaos_order using (id) where
        (o.status, o.payment_status, o.fulfilment_status) is distinct from (select (h.to_status, h.payment_status,
        h.fulfilment_status) from app.order_status_history h where h.order_id = o.id order by h.id desc limit 1)""",
    "one event for each change": """select count(*) from app.orders o join chaos_order using (id), lateral (select
        count(*) filter (where type = 'order.created') as made, count(*) filter (where type = 'order.cancelled') as cancelled,
        count(*) filter (where type = 'order.paid') as paid, count(*) filter (where type = 'order.accepted') as accepted,
        count(*) filter (where type = 'order.fulfilled') as fulfilled from app.outbox b where b.key = o.order_no) e,
        lateral (select count(*) filter (where from_status = 'pending' and to_status = 'paid') as paid,
        count(*) filter (where from_status = 'paid' and to_status = 'accepted') as accepted
        from app.order_status_history h where h.order_id = o.id) h
        where made <> 1 or cancelled <> (o.status = 'cancelled')::int or e.paid <> h.paid or e.accepted <> h.accepted
        or fulfilled <> (o.status = 'fulfilled')::int""",
    "one event for each refund that ended": """select count(*) from app.orders o join chaos_order using (id), lateral (select
        count(*) filter (where type = 'order.refunded') as done, count(*) filter (where type = 'order.refund_failed') as failed
        from app.outbox b where b.key = o.order_no) e, lateral (select count(*) filter (where r.status = 'succeeded') as done,
        count(*) filter (where r.status = 'failed') as failed from app.refunds r where r.order_id = o.id) r where e.done <> r.done or e.failed <> r.failed""",
}


CHECKS.update(chaos_stock.CHECKS)


def ask_again():
    """A refund that failed is asked for once more, as a person would."""
    client = Client(random.Random(f"{SEED} again"))
    client.is_mortal = False
    for line in filter(None, sql(KEPT).split("\n")):
        order, payment = line.split("|")
        status, answer = client.post(f"/api/v1/orders/{order}/refunds", {"reason": "it failed", "payment_no": payment})
        count(f"refund again {status}")
        if status != 201:
            print("refund again:", order, payment, answer)


def settle():
    for turn in range(9):
        # What is still to be refunded is refused at first.
        sql("update channel_local.script set rules = '%s'" % ("" if turn else "refund=refuse"))
        sql("update app.sagas set lease_until = now() - interval '1 s', next_at = now() where status in "
            "('running', 'compensating'); update app.refunds set next_at = now() where next_at is not null;"
            "update app.payments set next_at = now() where next_at is not null")
        subprocess.run([DINER, "orders", "settle"], capture_output=True, check=True)
    ask_again()
    # The guest who pays what is still open, after all: nobody shall have called back.
    sql("select channel_local.pay(payment_no) from channel_local.payments c join app.payments p using (payment_no) "
        "where c.status = 'open' and p.status in ('created', 'sent')")
    for _ in range(4):
        sql("update app.payments set next_at = now() where next_at is not null;"
            "update app.refunds set next_at = now() where next_at is not null")
        subprocess.run([DINER, "orders", "settle"], capture_output=True, check=True)


def remember():
    sql("create table chaos_stock as select store_id, product_id, qty, (select coalesce(max(id), 0) from app.stock_log) as last "
        "from app.stock; create table chaos_before as select id from app.orders")


def defects():
    """How many orders there are since, and what is wrong with the books."""
    sql("create table chaos_order as select id from app.orders where id not in (select id from chaos_before)")
    made = int(sql("select count(*) from chaos_order"))
    return made, [f"{name}: {sql(check)} wrong" for name, check in CHECKS.items() if sql(check) != "0"]


def main():
    Client.is_mortal = True
    remember()
    threads = [threading.Thread(target=Client(random.Random(f"{SEED} {i}")).run)
               for i in range(CLIENTS)]
    threads += [threading.Thread(target=f, args=(random.Random(f"{SEED} {f.__name__}"),))
                for f in (jobs, killer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    subprocess.run([DINER, "dev", "up"], capture_output=True, check=True)
    settle()
    made, bad = defects()
    print(f"seed {SEED}: {made} orders;", ", ".join(f"{k}: {v}" for k, v in sorted(done.items())))
    missing = acknowledged - set(sql("select order_no from app.orders").split("\n"))
    if missing or made > keys_of_creates:
        bad.append(f"{len(missing)} acknowledged orders are not there; {made} of {keys_of_creates} requests")
    if made == 0 or not all(f"kill {k}" in done for k in ("client", "serve.pid", "postmaster.pid")):
        bad.append("nothing happened")
    print("\n".join("DEFECT " + line for line in bad) or "the books agree")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
