#!/usr/bin/env python3
"""An API of shops and their orders, for tests: orders are asked shop by shop and window by window.

    tests/e2e/shops_server.py SHOPS ORDERS     prints its port, runs until killed

Order k of shop s was updated at 2026-11-01T00:00:00Z + k hours. GET /shops; GET /orders?shop=&from=
&to= gives those with from <= updated_at < to; GET /day?shop=&day= those of a business day from
04:00 in Asia/Shanghai. PUT /_fail ["S002"] makes shops answer 403; PUT /_add {"shop": n} gives a
shop n more orders. PUT /_delay 0.5: each answer takes so many seconds. GET /_log: the requests, with the headers that count.
"""
import datetime
import json
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NSHOPS, NORDERS = int(sys.argv[1]), int(sys.argv[2])
BEGIN = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
STATE = {"fail": [], "delay": 0, "add": {}, "log": []}


def orders(shop):
    for k in range(NORDERS + STATE["add"].get(shop, 0)):
        at = BEGIN + datetime.timedelta(hours=k)
        yield {"order_no": f"{shop}-{k}", "amount": f"{k}.50",
               "updated_at": at.isoformat().replace("+00:00", "Z")}, at


def parse(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        STATE[self.path.lstrip("/_")] = body
        self.answer(200, {})

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/_log":
            return self.answer(200, STATE["log"])
        STATE["log"].append({"path": url.path, "query": query,
                             "traceparent": self.headers.get("traceparent")})
        time.sleep(STATE["delay"])
        if url.path == "/shops":
            return self.answer(200, {"data": [
                {"shop_id": f"S{i:03}", "zone": "Asia/Shanghai" if i % 2 else "America/New_York"}
                for i in range(NSHOPS)]})
        shop = query["shop"]
        if shop in STATE["fail"]:
            return self.answer(403, {"message": f"the token of {shop} was revoked"})
        if url.path == "/day":
            start = datetime.datetime.fromisoformat(query["day"] + "T04:00:00+08:00")
            end = start + datetime.timedelta(days=1)
        else:
            start, end = parse(query["from"]), parse(query["to"])
        self.answer(200, {"data": [o for o, at in orders(shop) if start <= at < end]})


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever).start()
