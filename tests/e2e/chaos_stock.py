"""What 16 clients do with stock while orders_chaos.py kills things, and what must hold of it."""
# Sold, counted, adjusted, sent, reserved: all at once, and in no order.
ITEMS = ["P1001", "P1002", "P1003", "P2001", "P2002", "P2003"]
STORES = ["S001", "S002", "S003"]

CHECKS = {
    "what is reserved is what reservations hold": """select count(*) from app.stock k where k.reserved <>
        coalesce((select sum(l.quantity) from app.reservations r join app.reservation_lines l on l.reservation_id = r.id
        where r.store_id = k.store_id and l.product_id = k.product_id and r.status = 'active'), 0)""",
    "what was sent is on its way, received, returned or lost, by the ledger": """select count(*) from
        app.stock_transfer_lines t join app.stock_transfers h on h.id = t.transfer_id, lateral (select
        coalesce(sum(quantity) filter (where store_id = h.from_store_id), 0) as sender,
        coalesce(sum(quantity) filter (where store_id = h.to_store_id), 0) as receiver from app.stock_log l
        where l.product_id = t.product_id and (l.ref = 'transfer:' || h.id or l.ref like 'transfer:' || h.id || ':%')) l
        where l.sender <> t.returned - t.sent or l.receiver <> t.received""",
    "the ledger goes from level to level": """select count(*) from (select stock_after - quantity as before,
        lag(stock_after) over (partition by store_id, product_id order by id) as last, l.id > c.last as is_ours
        from app.stock_log l join chaos_stock c using (store_id, product_id)) x
        where is_ours and last is not null and before <> last""",
}


class StockUser:
    """One client's stock work; `client` sends (post, get), `rng` decides."""

    open = {"transfers": [], "reservations": []}  # of all clients: who closes is not who opened

    def __init__(self, client, rng):
        self.client, self.rng = client, rng

    def items(self, most):
        skus = self.rng.sample(ITEMS, self.rng.randint(1, 4))
        return [{"product": sku, "quantity": self.rng.randint(1, most)} for sku in skus]

    def count(self):
        items = [{"product": i["product"], "quantity": 100 + i["quantity"]} for i in self.items(200)]
        return self.client.post("/api/v1/stock/counts", {"store": self.rng.choice(STORES), "items": items})

    def adjust(self):
        store = self.rng.choice(STORES)
        items = [{"store": store, "product": i["product"], "delta": i["quantity"] - 3,
                  "reason": "adjust"} for i in self.items(6) if i["quantity"] != 3]
        return self.client.post("/api/v1/stock/adjustments", {"items": items}) if items else (0, {})

    def opened(self, kind, body):
        status, answer = self.client.post(f"/api/v1/stock/{kind}", body)
        if status == 201:
            self.open[kind].append(answer["data"]["id"])
        return status, answer

    def transfer(self):
        sender, receiver = self.rng.sample(STORES, 2)
        return self.opened("transfers", {"from_store": sender, "to_store": receiver, "items": self.items(3)})

    def reserve(self):
        return self.opened("reservations", {"store": self.rng.choice(STORES), "expires_in": 60, "items": self.items(2)})

    def close(self):
        kind, ends = self.rng.choice([("transfers", ["receive", "cancel"]), ("reservations", ["release"])])
        if not self.open[kind]:
            return 0, {}
        return self.client.post(f"/api/v1/stock/{kind}/{self.rng.choice(self.open[kind][-20:])}/{self.rng.choice(ends)}", {})

    def read(self):
        return self.client.get(f"/api/v1/stock/{self.rng.choice(STORES)}/{self.rng.choice(ITEMS)}?max_age=1")

    def step(self):
        what = self.rng.choice(["count", "adjust", "transfer", "transfer", "reserve", "close", "close", "read"])
        status, _ = getattr(self, what)()
        return what, status
