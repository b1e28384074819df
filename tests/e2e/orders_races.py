#!/usr/bin/env python3
"""Two things at the same instant to the same order, many times; then the books are checked.

usage: orders_races.py DINER ROUNDS SEED    (DINER_DEV_DIR names the environment)

Prints what came of each race, then each defect; exit status 1 when there is one.
"""
import random
import sys
import threading
import time

import orders_chaos as chaos

ROUNDS, SEED = int(sys.argv[2]), int(sys.argv[3])
WRITERS = 4
outcomes, wrong = {}, []
bias_s = {True: 0.0, False: 0.0}  # of payments by code, of others: whoever lost starts earlier next time


def at_once(*actions):
    """What each returned; all of them start together."""
    barrier, results = threading.Barrier(len(actions)), [None] * len(actions)

    def act(i):
        barrier.wait()
        results[i] = actions[i]()

    threads = [threading.Thread(target=act, args=(i,)) for i in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def note(race, outcome, is_right):
    outcomes[f"{race}: {outcome}"] = outcomes.get(f"{race}: {outcome}", 0) + 1
    if not is_right:
        wrong.append(f"{race}: {outcome}")


def new_order(client, method="wechat"):
    status, answer = client.post("/api/v1/orders", {
        "store": "S001", "channel": "dine_in", "payment_method": method,
        "items": [{"product": "P1001", "quantity": 1}, {"product": "P2001", "quantity": 2}]})
    assert status == 201, answer
    return answer["data"]["order_no"]


def count_of(order, table, condition):
    return int(chaos.sql(f"select count(*) from app.{table} t join app.orders o on o.id = t.order_id "
                         f"where o.order_no = '{order}' and {condition}"))


def cancel_twice(clients):
    order = new_order(clients[0], "cash")
    clients[0].post(f"/api/v1/orders/{order}/pay", {})
    answers = at_once(*(lambda c=c: c.post(f"/api/v1/orders/{order}/cancel", {"reason": "race"})[0]
                        for c in clients))
    done = count_of(order, "order_status_history", "to_status = 'cancelled' and from_status <> to_status")
    given_back = count_of(order, "stock_log", "change_type = 'restore'")
    refunds = count_of(order, "refunds", "true")
    taken = count_of(order, "stock_log", "change_type = 'sale'")
    note("cancel twice", f"answers {sorted(answers)}, {done} cancelled, {refunds} refund",
         answers.count(200) == 1 and set(answers) <= {200, 409} and done == 1 and refunds == 1
         and given_back == taken > 0)


def callback_twice(clients):
    order = new_order(clients[0])
    status, answer = clients[0].post(f"/api/v1/orders/{order}/prepay", {"payment_method": "wechat"})
    assert status == 201, answer
    number, amount = answer["data"]["payment_no"], answer["data"]["amount"]
    assert chaos.sql(f"select channel_local.pay('{number}')") == "paid"
    # Some the same event again, some another event of the same payment.
    answers = at_once(*(lambda c=c, i=i: c.tell_paid(number, amount, f"{number}:{i % 2}")
                        for i, c in enumerate(clients)))
    paid = count_of(order, "order_status_history", "to_status = 'paid' and from_status = 'pending'")
    events = int(chaos.sql(f"select count(*) from app.outbox where key = '{order}' and type = 'order.paid'"))
    note("callback twice", f"answers {sorted(answers)}, paid {paid} time, {events} event",
         set(answers) == {200} and paid == 1 and events == 1)


def payment_against_auto_cancel(clients):
    order = new_order(clients[0])
    number = None
    if random.random() < 0.5:  # by a code: the money comes from elsewhere
        status, answer = clients[0].post(f"/api/v1/orders/{order}/prepay", {"payment_method": "wechat"})
        assert status == 201, answer
        number, amount = answer["data"]["payment_no"], answer["data"]["amount"]
    chaos.sql(f"update app.orders set created_at = created_at - interval '1 hour' where order_no = '{order}'")
    lead = random.uniform(-0.03, 0.03) + bias_s[number is not None]  # so that each of them comes first now and then

    def pay():
        time.sleep(max(lead, 0))
        if number is None:
            return clients[0].post(f"/api/v1/orders/{order}/pay", {})[0]
        if chaos.sql(f"select channel_local.pay('{number}')") != "paid":
            return 409
        return clients[0].tell_paid(number, amount, "paid:" + number)

    def cancel():
        time.sleep(max(-lead, 0))
        return clients[1].post("/api/v1/orders/auto-cancel", {})[0]

    paid, _ = at_once(pay, cancel)
    chaos.settle()
    status = chaos.sql(f"select status || ' ' || payment_status from app.orders where order_no = '{order}'")
    bias_s[number is not None] += -0.05 if status.startswith("cancelled") else 0.05
    note("payment against auto-cancel", f"{'code' if number else 'pay'} {paid}, {status}",
         status in ("paid paid", "cancelled unpaid", "cancelled refunded"))


def main():
    random.seed(SEED)
    chaos.remember()
    clients = [chaos.Client(random.Random(f"{SEED} {i}")) for i in range(WRITERS)]
    for client in clients:
        client.log_in()
    for race in (cancel_twice, callback_twice, payment_against_auto_cancel):
        for _ in range(ROUNDS):
            race(clients)
    made, bad = chaos.defects()
    print(f"seed {SEED}: {made} orders")
    print("\n".join(f"{n:4} x {what}" for what, n in sorted(outcomes.items())))
    bad = sorted(set(wrong)) + bad
    print("\n".join("DEFECT " + line for line in bad) or "the books agree")
    return 1 if bad else 0


sys.exit(main())
