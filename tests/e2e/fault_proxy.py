#!/usr/bin/env python3
"""A proxy that does to the platform's answers what networks and servers do at their worst.

    tests/e2e/fault_proxy.py UPSTREAM_URL      prints its port, runs until killed

PUT /_faults takes a JSON list of faults and forgets the requests seen; the first that matches a
request and is not used up is done to it. A fault:
    method, path   of the requests meant: exact method, path a prefix (without the query)
    query          text that the query has, such as "cursor="; "!cursor=" for text it has not
    skip N         the first N requests it matches pass
    times N        how often it is done (default: for ever)
and what is done, in this order:
    delay_ms N     waits before anything
    before CMD     runs a shell command before the request goes on
    status N, headers {}, json ANY | body TEXT    answers so; the platform sees nothing
    reset_before   closes with a reset; the platform sees nothing
    after CMD      runs a shell command when the platform has answered
    repeat_cursor  the page's next_cursor is the one of the page before
    reset_after    the platform has done it, its answer is lost with a reset
    cut N          sends the whole length but only N bytes, then closes
GET /_log gives the requests seen: [{method, path, query, key, body, status, fault, at_ms}].
"""
import http.client
import http.server
import json
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

LOCK = threading.Lock()
FAULTS = []
LOG = []
CURSORS = {}
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host"}


def matches(fault, method, path, query):
    if fault.get("method", method) != method or not path.startswith(fault.get("path", "/")):
        return False
    wanted = fault.get("query", "")
    return wanted[1:] not in query if wanted.startswith("!") else wanted in query


def choose(method, path, query):
    with LOCK:
        for fault in FAULTS:
            if not matches(fault, method, path, query):
                continue
            fault["seen"] = fault.get("seen", 0) + 1
            if fault["seen"] <= fault.get("skip", 0):
                continue
            if fault["seen"] <= fault.get("skip", 0) + fault.get("times", 1 << 60):
                return fault
    return {}


def shell(command):
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{command}: exit {done.returncode}: {done.stderr}", file=sys.stderr, flush=True)


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream = ""

    def log_message(self, *args):
        pass

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass

    def control(self, body):
        global FAULTS, LOG
        if self.command == "PUT":
            with LOCK:
                FAULTS, LOG = json.loads(body), []
                CURSORS.clear()
        with LOCK:
            text = json.dumps(LOG).encode()
        self.answer(200, {"Content-Type": "application/json"}, text)

    def answer(self, status, headers, body, cut=None):
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        self.wfile.flush()
        if cut is not None:
            self.close_connection = True

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def forward(self, body):
        target = urllib.parse.urlsplit(self.upstream)
        conn = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        try:
            conn.request(self.command, self.path, body=body or None, headers=headers)
            response = conn.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            conn.close()

    def repeat_cursor(self, path, text):
        page = json.loads(text)
        with LOCK:
            before = CURSORS.get(path)
            CURSORS[path] = page["data"].get("next_cursor")
        if before is not None:
            page["data"]["next_cursor"] = before
        return json.dumps(page, ensure_ascii=False).encode()

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path, _, query = self.path.partition("?")
        if path in ("/_faults", "/_log"):
            self.control(body)
            return
        fault = choose(self.command, path, query)
        entry = {"method": self.command, "path": path, "query": query, "status": 0,
                 "key": self.headers.get("Idempotency-Key", ""),
                 "body": body.decode("utf-8", "replace"), "fault": bool(fault),
                 "at_ms": int(time.monotonic() * 1000)}
        with LOCK:
            LOG.append(entry)
        if "delay_ms" in fault:
            time.sleep(fault["delay_ms"] / 1000)
        if "before" in fault:
            shell(fault["before"])
        if "status" in fault:
            text = json.dumps(fault["json"]) if "json" in fault else fault.get("body", "")
            entry["status"] = fault["status"]
            self.answer(fault["status"], fault.get("headers", {}), text.encode())
            return
        if fault.get("reset_before"):
            self.reset()
            return
        try:
            status, headers, text = self.forward(body)
        except (OSError, http.client.HTTPException):
            self.reset()
            return
        entry["status"] = status
        if "after" in fault:
            shell(fault["after"])
        if fault.get("repeat_cursor") and status == 200:
            text = self.repeat_cursor(path, text)
        if fault.get("reset_after"):
            self.reset()
            return
        self.answer(status, headers, text, fault.get("cut"))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve


def main():
    Proxy.upstream = sys.argv[1]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
