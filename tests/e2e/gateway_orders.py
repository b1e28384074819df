#!/usr/bin/env python3
"""Orders through the gateway, by 8 clients, each with a key of its own, while one server dies.

usage: gateway_orders.py PORT CA COUNT [PID]    PID is killed when a third of them is made
       (TOKEN in the environment; https on 127.0.0.1, whose name is api.example.com)

Prints each status that came with how often, and "replayed N": how many answers were told to be of an
earlier request; what is sent is the same each time.
"""
import collections
import http.client
import json
import os
import signal
import socket
import ssl
import sys
import threading

PORT, CA, COUNT = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
VICTIM = int(sys.argv[4]) if len(sys.argv) > 4 else 0
BODY = json.dumps({"store": "S001", "channel": "takeout", "items": [{"product": "P1002", "quantity": 1}]})
statuses, numbers, lock = collections.Counter(), iter(range(COUNT)), threading.Lock()
replayed = answered = 0


class Connection(http.client.HTTPSConnection):
    def connect(self):
        raw = socket.create_connection(("127.0.0.1", PORT), 10)
        self.sock = self._context.wrap_socket(raw, server_hostname="api.example.com")


def client():
    global replayed, answered
    connection = Connection("api.example.com", timeout=60, context=ssl.create_default_context(cafile=CA))
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            return
        connection.request("POST", "/api/v1/orders", BODY, {
            "Content-Type": "application/json", "Idempotency-Key": f"gateway-{number}",
            "Authorization": "Bearer " + os.environ["TOKEN"]})
        answer = connection.getresponse()
        answer.read()
        with lock:
            statuses[answer.status] += 1
            replayed += answer.headers.get("Idempotency-Replayed") == "true"
            answered += 1
            if VICTIM and answered == COUNT // 3:
                os.kill(VICTIM, signal.SIGKILL)


threads = [threading.Thread(target=client) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(" ".join(f"{status}:{count}" for status, count in sorted(statuses.items())), "replayed", replayed)
