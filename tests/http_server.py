#!/usr/bin/env python3
"""A scriptable HTTP server for tests, on 127.0.0.1.

    tests/http_server.py [--port N]        prints the port as its first line, runs until killed

What it answers is a script, set by  PUT /_script  with JSON:
    {"/path": [STEP, STEP, ...], "/path?exact=query": [...]}
The longest match wins (path with query, then path alone); steps are used in order, the last one
repeats. A STEP is an object:
    status 200        headers {}          body "text" | json ANY | pad_bytes N (N letters x)
                                          | file PATH (its bytes)
    delay_ms          before the answer   slow_ms   between the bytes of the body (8 at a time)
    stall_ms          after the headers   gzip      encode the body
    chunked           as chunks           cut N     send only N bytes of the body, then close
    drop              close without an answer
    close             close after the answer (without saying so: a connection that dies)
    when_header {"authorization": "Bearer a"}  else status 401
`${host}` in headers and text bodies is this server's 127.0.0.1:port.
GET /_log gives the requests seen, [{method, target, path, query {k: v}, headers {}, body,
connection, at_ms}], and PUT /_script forgets them.
"""
import gzip
import json
import socket
import socketserver
import sys
import threading
import time
import urllib.parse

STATE = {"script": {}, "used": {}, "log": [], "connections": 0}
LOCK = threading.Lock()


def next_step(target):
    path = target.split("?", 1)[0]
    with LOCK:
        for key in (target, path):
            steps = STATE["script"].get(key)
            if steps:
                at = STATE["used"].get(key, 0)
                STATE["used"][key] = at + 1
                return steps[min(at, len(steps) - 1)]
    return {"status": 404, "json": {"code": 404, "message": "no such path in the script"}}


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        with LOCK:
            STATE["connections"] += 1
            self.number = STATE["connections"]
        try:
            while self.one_request():
                pass
        except (ConnectionError, socket.timeout):
            pass

    def read_body(self, headers):
        if "chunked" in headers.get("transfer-encoding", ""):
            body = b""
            while True:
                size = int(self.rfile.readline().strip() or b"0", 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return body
        return self.rfile.read(int(headers.get("content-length", "0")))

    def one_request(self):
        line = self.rfile.readline(65537).decode("latin-1").rstrip("\r\n")
        if not line:
            return False
        method, target, _ = line.split(" ", 2)
        headers = {}
        while True:
            text = self.rfile.readline(65537).decode("latin-1").rstrip("\r\n")
            if not text:
                break
            name, value = text.split(":", 1)
            headers[name.strip().lower()] = value.strip()
        body = self.read_body(headers)
        if target == "/_script":
            return self.set_script(body)
        if target == "/_log":
            with LOCK:
                return self.answer({"json": STATE["log"]}, method)
        self.note(method, target, headers, body)
        step = next_step(target)
        for name, value in step.get("when_header", {}).items():
            if headers.get(name) != value:
                step = {"status": 401, "json": {"code": 401, "message": "not you"}}
                break
        return self.answer(step, method)

    def set_script(self, body):
        with LOCK:
            STATE.update(script=json.loads(body), used={}, log=[])
        return self.answer({"json": {}}, "PUT")

    def note(self, method, target, headers, body):
        path, _, query = target.partition("?")
        with LOCK:
            STATE["log"].append({
                "method": method, "target": target, "path": path,
                "query": dict(urllib.parse.parse_qsl(query, keep_blank_values=True)),
                "headers": headers, "body": body.decode("utf-8", "replace"),
                "connection": self.number, "at_ms": int(time.monotonic() * 1000)})

    def body_of(self, step):
        host = "127.0.0.1:%d" % self.server.server_address[1]
        if "file" in step:
            with open(step["file"], "rb") as f:
                body = f.read()
        elif "json" in step:
            body = json.dumps(step["json"], ensure_ascii=False).replace("${host}", host).encode()
        elif "pad_bytes" in step:
            body = b"x" * step["pad_bytes"]
        else:
            body = step.get("body", "").replace("${host}", host).encode()
        return gzip.compress(body) if step.get("gzip") else body

    def head_of(self, step, body):
        host = "127.0.0.1:%d" % self.server.server_address[1]
        lines = ["HTTP/1.1 %d Scripted" % step.get("status", 200)]
        for name, value in step.get("headers", {}).items():
            lines.append("%s: %s" % (name, value.replace("${host}", host)))
        if "json" in step:
            lines.append("Content-Type: application/json")
        if step.get("gzip"):
            lines.append("Content-Encoding: gzip")
        if step.get("chunked"):
            lines.append("Transfer-Encoding: chunked")
        else:
            lines.append("Content-Length: %d" % len(body))
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def answer(self, step, method):
        if step.get("drop"):
            return False
        time.sleep(step.get("delay_ms", 0) / 1000)
        body = self.body_of(step)
        self.wfile.write(self.head_of(step, body))
        time.sleep(step.get("stall_ms", 0) / 1000)
        if method == "HEAD":
            return not step.get("close")
        sent = body[:step["cut"]] if "cut" in step else body
        if step.get("chunked") and sent:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(sent), sent))
        elif "slow_ms" in step:
            for i in range(0, len(sent), 8):
                self.wfile.write(sent[i:i + 8])
                time.sleep(step["slow_ms"] / 1000)
        else:
            self.wfile.write(sent)
        if "cut" in step:
            return False
        if step.get("chunked"):
            self.wfile.write(b"0\r\n\r\n")
        return not step.get("close")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512


def main():
    port = int(sys.argv[2]) if sys.argv[1:2] == ["--port"] else 0
    with Server(("127.0.0.1", port), Handler) as server:
        sys.stdout.write("%d\n" % server.server_address[1])
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
