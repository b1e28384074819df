#!/usr/bin/env python3
"""An agent of Consul for tests, on 127.0.0.1: what diner asks of one, in Consul's shapes.

    tests/consul_agent.py PORTFILE LOGFILE [--token T] [--port N]     writes its port, runs until killed

PUT /v1/agent/service/register, PUT /v1/agent/service/deregister/ID, GET /v1/agent/service/ID,
GET /v1/health/service/NAME[?passing=true]. With --token every request needs it (403 else). It asks
the services' checks by itself, as they say. Killed and started again it knows nothing. Each request
is a line of JSON in LOGFILE: {method, path, status, body}.
Source: https://developer.hashicorp.com/consul/api-docs/agent/service and /health
"""
import argparse
import json
import os
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOCK = threading.Lock()
SERVICES = {}  # ID: {"service", "check", "status", "output", "due"}
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
SERVICE_KEYS = {"ID", "Name", "Address", "Port", "Tags", "Meta", "Check"}
CHECK_KEYS = {"Name", "HTTP", "Interval", "Timeout", "DeregisterCriticalServiceAfter"}


def seconds(duration):
    found = re.fullmatch(r"(\d+)(ms|s|m|h)", duration)
    if not found:
        raise ValueError(f"time: invalid duration {duration!r}")
    return int(found[1]) * UNITS[found[2]]


def registration(body):
    """The service and its check; ValueError for what Consul would refuse, or diner should not send."""
    service = json.loads(body)
    check = service.pop("Check")
    if set(service) | {"Check"} > SERVICE_KEYS or set(check) > CHECK_KEYS:
        raise ValueError("unknown members")
    if not service["Name"] or not 0 < service["Port"] < 65536 or not check["HTTP"]:
        raise ValueError("Missing service name, port or check")
    seconds(check["Interval"]), seconds(check["Timeout"])
    if seconds(check["DeregisterCriticalServiceAfter"]) < 60:
        raise ValueError("DeregisterCriticalServiceAfter is at least 1m")
    return {"service": service, "check": check, "status": "critical", "output": "", "due": 0}


def ask(entry):
    try:
        with urllib.request.urlopen(entry["check"]["HTTP"], timeout=seconds(entry["check"]["Timeout"])) as answer:
            return "passing", f"HTTP GET {entry['check']['HTTP']}: {answer.status} OK"
    except (urllib.error.URLError, OSError) as error:
        return "critical", str(error)


def check_all():
    while True:
        with LOCK:
            due = [e for e in SERVICES.values() if e["due"] <= time.monotonic()]
        for entry in due:
            status, output = ask(entry)
            with LOCK:
                entry.update(status=status, output=output,
                             due=time.monotonic() + seconds(entry["check"]["Interval"]))
        time.sleep(0.05)


def as_instance(entry):
    service = entry["service"]
    return {"Node": {"ID": "40e4a748-2192-161a-0510-9bf59fe950b5", "Node": "n1", "Address": "127.0.0.1", "Datacenter": "dc1"},
            "Service": {"ID": service["ID"], "Service": service["Name"], "Tags": service["Tags"], "Meta": service["Meta"],
                        "Address": service["Address"], "Port": service["Port"], "Weights": {"Passing": 1, "Warning": 1}},
            "Checks": [{"Node": "n1", "CheckID": "service:" + service["ID"], "Name": entry["check"]["Name"],
                        "Status": entry["status"], "Output": entry["output"], "ServiceID": service["ID"]}]}


class Agent(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    token, log = None, None

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json"):
        data = (body if kind == "text/plain" else json.dumps(body)).encode()
        if status == 200 and body is None:
            data = b""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        with LOCK:
            self.log.write(json.dumps({"method": self.command, "path": self.path, "status": status, "body": self.body}) + "\n")
            self.log.flush()

    def is_allowed(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if self.token in (None, self.headers.get("X-Consul-Token")):
            return True
        self.answer(403, "Permission denied: token with AccessorID '00000000-0000-0000-0000-000000000002' lacks permission", "text/plain")
        return False

    def do_PUT(self):
        if not self.is_allowed():
            return
        target = urllib.parse.urlsplit(self.path)
        if target.path == "/v1/agent/service/register":
            try:
                entry = registration(self.body)
            except (KeyError, TypeError, ValueError) as error:
                return self.answer(400, f"Request decode failed: {error}", "text/plain")
            with LOCK:
                SERVICES[entry["service"]["ID"]] = entry
            return self.answer(200, None)
        if target.path.startswith("/v1/agent/service/deregister/"):
            name = urllib.parse.unquote(target.path.rsplit("/", 1)[1])
            with LOCK:
                known = SERVICES.pop(name, None)
            return self.answer(200, None) if known else self.answer(404, f'Unknown service ID "{name}". Ensure that the service ID is passed, not the service name.', "text/plain")
        return self.answer(404, "", "text/plain")

    def do_GET(self):
        if not self.is_allowed():
            return
        target = urllib.parse.urlsplit(self.path)
        name = urllib.parse.unquote(target.path.rsplit("/", 1)[1])
        if target.path.startswith("/v1/agent/service/"):
            with LOCK:
                entry = SERVICES.get(name)
            return self.answer(200, as_instance(entry)["Service"]) if entry else self.answer(404, f'unknown service ID: {name}', "text/plain")
        if target.path.startswith("/v1/health/service/"):
            query = urllib.parse.parse_qs(target.query)
            with LOCK:
                found = [as_instance(e) for e in SERVICES.values() if e["service"]["Name"] == name
                         and ("passing" not in query or e["status"] == "passing")
                         and set(query.get("tag", [])) <= set(e["service"]["Tags"])]
            return self.answer(200, found)
        if target.path == "/v1/status/leader":
            return self.answer(200, "127.0.0.1:8300")
        return self.answer(404, "", "text/plain")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port_file")
    parser.add_argument("log_file")
    parser.add_argument("--token")
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    Agent.token = args.token
    Agent.log = open(args.log_file, "a", encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", args.port), Agent)
    threading.Thread(target=check_all, daemon=True).start()
    with open(args.port_file + ".new", "w", encoding="utf-8") as f:
        f.write(f"{server.server_address[1]}\n")
    os.rename(args.port_file + ".new", args.port_file)
    server.serve_forever()


main()
