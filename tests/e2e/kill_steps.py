#!/usr/bin/env python3
"""Each step of a run is its last one.

    tests/e2e/kill_steps.py DINER CONFIG SOCKET_DIR walk|sources [--modes M,...] [--kinds K,...] [--all] [--jobs N]

Stands between diner and PostgreSQL and, at one request of a run, does one of FAULTS: kills the run
before the request arrives or after, closes the connection instead of passing it on, or passes it on
and withholds the answer. `walk` does so at every request of a run in every mode (one fault by turns;
--all: each of them). `sources` does so at the COMMIT for every kind of source x mode x target, and
breaks the source off in the middle.

Right after it the target is the old one or the new one, after the next run the new one: what a
reference of dictionaries says. A trial has a directory and a schema of its own, so that several
go on at once: a broken connection is waited for by the run. Ends with "N rounds, 0 differences" or with the first difference.
"""
import argparse
import collections
import csv
import gzip
import http.server
import io
import json
import multiprocessing
import os
import select
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

FAULTS = ["kill", "killed_after", "cut", "lost"]
COLUMNS = "code: text, qty: int, part: int, at: timestamptz"
EPOCH = "2025-01-%02dT%02d:00:00Z"
SSL, GSS, CANCEL = 80877103, 80877104, 80877102


# ---- before PostgreSQL ----------------------------------------------------------------------

class Proxy(socketserver.ThreadingTCPServer):
    """Counts requests (statements, the first block and the end of a COPY) over all connections."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, path):
        super().__init__(("127.0.0.1", 0), Client)
        self.path, self.lock = path, threading.Lock()
        self.arm(None, None)
        self.run = None

    def arm(self, fault, at):  # at: a number, or "commit"
        self.fault, self.at, self.seen, self.done = fault, at, 0, False
        self.pids = []  # of the server's processes

    def due(self, message):
        with self.lock:
            self.seen += 1
            meant = self.at in (self.seen, message[5:].lower().strip(b"\0").decode("utf-8", "replace"))
            if self.fault is None or self.done or not meant:
                return None
            self.done = True
            return self.fault


def exactly(sock, n):
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def until_answered(server):
    """The request has had its effect: the server is ready for the next, or for a COPY."""
    data = b""
    server.settimeout(10)
    while data[-6:-1] != b"Z\0\0\0\5" and data[:1] != b"G":
        part = server.recv(65536)
        if not part:
            return
        data += part


class Client(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            code, first = self.startup()
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(self.server.path)
                server.sendall(first)
                if code != CANCEL:
                    self.serve(server)
        except (EOFError, OSError):
            pass

    def startup(self):
        while True:
            size, code = struct.unpack("!II", exactly(self.request, 8))
            rest = exactly(self.request, size - 8)
            if code not in (SSL, GSS):
                return code, struct.pack("!II", size, code) + rest
            self.request.sendall(b"N")

    def serve(self, server):
        copying, greeted = False, b""
        while True:
            ready = select.select([self.request, server], [], [])[0]
            if server in ready:
                part = server.recv(65536)
                if not part:
                    return
                self.request.sendall(part)
                if greeted is not None:
                    greeted += part
                    at = greeted.find(b"K\0\0\0\x0c")
                    if at >= 0 and len(greeted) >= at + 9:
                        self.server.pids.append(struct.unpack("!I", greeted[at + 5:at + 9])[0])
                        greeted = None
                continue
            kind, size = struct.unpack("!cI", exactly(self.request, 5))
            message = kind + struct.pack("!I", size) + exactly(self.request, size - 4)
            counts = kind in b"QSc" or (kind == b"d" and not copying)
            copying = kind == b"d"
            fault = self.server.due(message) if counts else None
            if fault is None or fault in ("killed_after", "lost"):
                server.sendall(message)
            if fault is None:
                continue
            if fault == "lost" and kind != b"d":
                until_answered(server)
            if fault.startswith("kill"):
                os.kill(self.server.run.pid, signal.SIGKILL)
            return


# ---- an API, as source and target -----------------------------------------------------------

class Api(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.feed, self.broken, self.applied, self.twice = None, False, {}, []


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, body, status=200, cut=False):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if cut else body)
        self.close_connection = cut

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/file":
            self.send(as_csv(self.server.feed.rows()), cut=self.server.broken)
            return
        page = int(asked["page"])
        if page == 2 and self.server.broken:
            self.send(b"{}", 500)
            return
        rows = [r for r in self.server.feed.rows()
                if asked.get("since", "")[:19] <= r["at"][:19] <= asked.get("until", "9")[:19]]
        self.send(json.dumps({"items": rows[(page - 1) * 100:page * 100]}).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Idempotency-Key"]
        if self.server.applied.setdefault(key, body) != body:
            self.server.twice.append(key)
        self.send(b"{}")


# ---- what is read ---------------------------------------------------------------------------

def as_csv(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, ["code", "qty", "part", "at"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


class Feed:
    """Rows that change, come and go; the time of what changed is later."""

    def __init__(self):
        self.round = 0
        self.held = {f"K{n}": (n % 50, n % 3, EPOCH % (1, 0)) for n in range(1, 301)}

    def rows(self):
        return [{"code": c, "qty": q, "part": p, "at": a} for c, (q, p, a) in self.held.items()]

    def change(self):
        self.round += 1
        at = EPOCH % (1 + self.round // 24, self.round % 24)
        for n, (code, (qty, part, _)) in enumerate(list(self.held.items())):
            if (n + self.round) % 17 == 0:
                del self.held[code]
            elif (n + self.round) % 5 == 0:
                self.held[code] = (qty + 1, part, at)
        for n in range(20):
            self.held[f"N{self.round}-{n}"] = (n, n % 3, at)


SOURCES = {
    "csv": "file: feed.csv.gz",
    "jsonl": "file: feed.jsonl, format: jsonl",
    "exec": "exec: [./program]",
    "rest": "connector: api, resource: rows",
    "download": "connector: api, resource: file, format: csv",
    "postgres": "connection: warehouse, table: given",
    "other": "connection: other, table: given",
}
FILES = ("csv", "jsonl", "download")


# ---- modes and their reference --------------------------------------------------------------

def values(feed):
    return collections.Counter((c, q, p, True) for c, (q, p, _) in feed.held.items())


def append(was, feed):
    return was + values(feed)


def merge(was, feed):
    return collections.Counter(r for r in was if r[0] not in feed.held) + values(feed)


def soft(was, feed):
    return collections.Counter(r[:3] + (False,) for r in was if r[0] not in feed.held) + values(feed)


def whole(_, feed):
    return values(feed)


def versions(was, feed, hard=False):
    now = collections.Counter()
    new = values(feed)
    for row, times in was.items():
        gone = row[0] not in feed.held and hard
        ends = row[3] and (gone or (row[0] in feed.held and row not in new))
        now[row[:3] + (row[3] and not ends,)] += times
    return now + collections.Counter(r for r in new if r not in was)


def closed(was, feed):
    return versions(was, feed, True)


CURSOR = "incremental: { cursor: at, start: 2024-12-01T00:00:00Z, lag: %s, timezone: UTC }"
MODES = {  # keys of the stream, reference, what of a row says that it is the present one
    "append": ("mode: append", append, "true"),
    "merge": ("mode: merge, key: [code]", merge, "true"),
    "soft": ("mode: merge, key: [code], deletes: soft", soft, "_deleted_at is null"),
    "replace": ("mode: replace, key: [code]", whole, "true"),
    "rows": ("mode: replace", whole, "true"),
    "swap": ("mode: replace, key: [code]", whole, "true"),
    "scd2": ("mode: scd2, key: [code], deletes: hard", closed, "is_current"),
    "partition": ("mode: delete_insert, partition_by: [part]", whole, "true"),
    "merge_window": ("mode: merge, key: [code], " + CURSOR % "0s", merge, "true"),
    "scd2_window": ("mode: scd2, key: [code], " + CURSOR % "0s", versions, "is_current"),
    "window": ("mode: delete_insert, " + CURSOR % "100d", whole, "true"),
    "file": ("", whole, None),
    "api": ("", None, None),
}


class Trial:
    def __init__(self, options, name):
        self.options, self.name = options, "steps_" + name
        self.proxy, self.api = Proxy(f"{options.sockets}/.s.PGSQL.5432"), Api()
        for server in (self.proxy, self.api):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self.psql = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d",
                                      f"host={options.sockets} port=5432 user=diner dbname=diner"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.sql(f"set client_min_messages = error; set search_path = {self.name}")
        os.makedirs(f"{self.name}/out", exist_ok=True)
        os.chdir(self.name)
        way = f"host=127.0.0.1 port={self.proxy.server_address[1]} user=diner dbname=diner " \
            "sslmode=disable gssencmode=disable"
        self.environment = dict(os.environ, DINER_CONFIG="diner.yaml", DINER_CONNECTOR_PATH=".",
                                DINER_OUTPUT_DIR="out")
        with open(options.config, encoding="utf-8") as file:
            text = [line for line in file if "dsn:" not in line]
        text.insert(text.index("  warehouse:\n") + 1, f'    dsn: "{way}"\n  other:\n    dsn: "{way}"\n')
        with open(os.open("diner.yaml", os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
            out.writelines(text)
        with open("api.yaml", "w", encoding="utf-8") as out:
            out.write(f"""version: 1
name: api
base_url: http://127.0.0.1:{self.api.server_address[1]}
retry: {{ max: 1, base: 1ms, cap: 2ms }}
resources:
  rows:
    path: /rows
    query: {{ since: "${{since}}", until: "${{until}}" }}
    records: /items
    paginate: {{ type: page, param: page, size_param: size, size: 100 }}
  file: {{ path: /file, format: file }}
  put: {{ method: POST, path: /put, write: {{ batch: 90, records: /items }} }}
""")
        self.rounds = 0

    def sql(self, text):
        self.psql.stdin.write(text + "\n;\\echo @@\n")
        self.psql.stdin.flush()
        said = ""
        while not said.endswith("@@\n"):
            line = self.psql.stdout.readline()
            if not line:
                raise SystemExit(f"{said}\nof {text[:500]}")
            said += line
        return said[:-3]

    # ---- one pipeline: a kind of source, a mode or another target ----

    def begin(self, kind, mode):
        self.kind, self.mode, self.feed = kind, mode, Feed()
        self.api.feed, self.api.applied = self.feed, {}
        self.was = collections.Counter()
        self.sql(f"""drop schema if exists {self.name} cascade; create schema {self.name};
            create table feed (code text, qty int, part int, at timestamptz); create table broken (at text);
            create function ok(text) returns boolean volatile language plpgsql as $$ begin
              if $1 in (select at from {self.name}.broken) then raise exception 'broken'; end if;
              return true; end $$;
            create view given as select * from feed where ok(code);
            delete from diner.state where pipeline = '{self.name}'; delete from diner.intent where pipeline = '{self.name}'""")
        keys = MODES[mode][0]
        source = SOURCES[kind].replace("table: ", f"table: {self.name}.")
        if kind == "rest":
            window = 'since: "${window.start}", until: "${window.end}"'
            source += ", params: { " + (window if "incremental" in keys else 'since: "", until: "9"') + " }"
        if mode in ("append", "api") and kind in ("csv", "jsonl"):
            source += ", changed: ignore"
        self.told = 0
        target = {"file": "file: out.csv", "api": "connector: api, resource: put"}.get(
            mode, f"connection: warehouse, schema: {self.name}" + (", load: swap" if mode == "swap" else ""))
        with open("it.yaml", "w", encoding="utf-8") as out:
            out.write(f"version: 1\nname: {self.name}\nstreams:\n  it:\n    {{ source: {{ {source} }},\n"
                      f"      target: {{ {target} }}, {keys}{', ' if keys else ''}\n"
                      f"      guard: {{ max_shrink: 100% }}, on_error: {{ max_rejects: 0 }},\n"
                      f"      columns: {{ {COLUMNS} }} }}\n")

    def give(self, broken=False):
        """The source says what the feed has, or breaks off in its midst."""
        self.api.broken = broken
        rows = self.feed.rows()
        if self.kind in ("postgres", "other"):
            said = as_csv(rows).decode().split("\n", 1)[1]
            self.sql("truncate feed, broken;\ncopy feed from stdin csv;\n" + said + "\\.\n"
                     + (f"insert into broken values ('N{self.feed.round}-7');" if broken else ""))
        data = gzip.compress(as_csv(rows), mtime=0)
        lines = "".join(json.dumps(r) + "\n" for r in rows).encode()
        with open("feed.csv.gz", "wb") as out:
            out.write(data[:len(data) // 2] if broken else data)
        with open("feed.jsonl", "wb") as out:
            out.write(lines[:len(lines) // 2 + (lines[len(lines) // 2 - 1:][:1] == b"\n")] if broken else lines)
        with open("program", "w", encoding="utf-8") as out:
            out.write("#!/bin/sh\n" + ("head -n 100 feed.jsonl; kill -9 $$\n" if broken else "cat feed.jsonl\n"))
        os.chmod("program", 0o755)

    def run(self):
        with open("run.log", "w", encoding="utf-8") as log:
            self.proxy.run = subprocess.Popen([self.options.diner, "run", "./it.yaml"], stdout=log, stderr=log,
                                              env=self.environment)
            return self.proxy.run.wait(120)

    def quiet(self):
        """What the server was told before the kill it may still be doing."""
        for _ in range(400):
            if self.sql("select count(*) from pg_stat_activity where pid in (0" + "".join(f", {p}" for p in self.proxy.pids) + ")") == "0\n":
                return
            time.sleep(0.02)
        self.fail("a session stays")

    def found(self):
        if self.mode == "file":
            if not os.path.exists("out/out.csv"):
                return collections.Counter()
            with open("out/out.csv", encoding="utf-8") as file:
                return collections.Counter((r["code"], int(r["qty"]), int(r["part"]), True)
                                           for r in csv.DictReader(file))
        if self.sql(f"select to_regclass('{self.name}.it') is null") == "t\n":
            return collections.Counter()
        said = self.sql(f"copy (select code, qty, part, {MODES[self.mode][2]} from it) to stdout csv")
        return collections.Counter((c, int(q), int(p), a == "t") for c, q, p, a in csv.reader(io.StringIO(said)))

    def fail(self, why):
        with open("it.yaml", encoding="utf-8") as pipeline, open("run.log", encoding="utf-8") as log:
            raise SystemExit(f"{self.kind} {self.mode}, round {self.feed.round}, {self.what}: {why}\n"
                             f"{pipeline.read()}{log.read()}")

    def settle(self, what):
        status = self.run()
        if status != 0:
            self.fail(f"{what} exits {status}")

    def undisturbed(self):
        """One run from the feed as it is; returns how many requests it took."""
        self.what = "undisturbed"
        self.told += len(self.feed.held)
        self.give()
        self.proxy.arm(None, None)
        self.settle("the run")
        if self.mode != "api":
            self.was = MODES[self.mode][1](self.was, self.feed)
            self.compare(self.found(), self.was)
        return self.proxy.seen

    def compare(self, found, *wanted):
        if found not in wanted:
            self.fail(f"only there: {list((found - wanted[-1]).items())[:5]}, missing: "
                      f"{list((wanted[-1] - found).items())[:5]}, of {sum(found.values())} rows")

    def round(self, fault, at):
        self.feed.change()
        self.what = f"{fault} at {at}"
        self.told += len(self.feed.held)
        self.give(fault == "source")
        self.proxy.arm(None if fault == "source" else fault, at)
        status = self.run()
        self.quiet()
        if fault != "source" and not self.proxy.done:
            return False
        if fault.startswith("kill") and status != -signal.SIGKILL or fault == "source" and status == 0:
            self.fail(f"exits {status}")
        self.rounds += 1
        self.proxy.arm(None, None)
        if fault == "source":
            self.give()
        if self.mode == "api":
            self.check_api()
            return True
        now = MODES[self.mode][1](self.was, self.feed)
        found = self.found()
        self.compare(found, *([self.was] if fault == "source" else [self.was, now]))
        if self.mode == "append" and self.kind not in FILES:
            now = append(found, self.feed)  # by design: rows of other sources are added again
        self.settle("the next run")
        self.compare(self.found(), now)
        self.was = now
        if self.sql(f"select count(*) from pg_class where relname like '\\_diner\\_%' and relnamespace = '{self.name}'::regnamespace") != "0\n":
            self.fail("a table beside is left")
        if self.mode == "file" and os.listdir("out") != ["out.csv"]:
            self.fail(f"left: {os.listdir('out')}")
        return True

    def check_api(self):
        """Each request is an intent, and none is open; all rows were told."""
        self.settle("the next run")
        if self.api.twice:
            self.fail(f"keys that came with two bodies: {self.api.twice}")
        told = self.sql(f"select idempotency_key, status from diner.intent where pipeline = '{self.name}'").split()
        keys = {line.split("|")[0] for line in told}
        if keys != set(self.api.applied) or any(not line.endswith("|done") for line in told):
            self.fail(f"intents: {told[-5:]}, {len(keys)}; the API has {len(self.api.applied)}")
        rows = {(r["code"], int(r["qty"])) for body in self.api.applied.values() for r in json.loads(body)["items"]}
        told = sum(len(json.loads(body)["items"]) for body in self.api.applied.values())
        if self.kind in ("csv", "jsonl") and told != self.told:
            self.fail(f"{told} rows told, {self.told} in the files")
        missing = {(c, q) for c, (q, _, _) in self.feed.held.items()} - rows
        if missing:
            self.fail(f"never told: {list(missing)[:5]}")


def walk(options, mode):
    trial = Trial(options, mode)
    trial.begin("jsonl" if mode in ("append", "api") else "postgres", mode)
    requests = trial.undisturbed()
    for at in range(1, requests + 2):
        faults = FAULTS if options.all else [FAULTS[(at + len(mode)) % len(FAULTS)]]
        for fault in faults:
            trial.round(fault, at)
    if trial.rounds < requests - 4:
        trial.fail(f"{trial.rounds} rounds of {requests} requests")
    return trial.rounds


def sources(options, kind):
    trial = Trial(options, kind)
    for mode in options.modes.split(","):
        if "incremental" in MODES[mode][0] and kind not in ("rest", "postgres", "other"):
            continue
        trial.begin(kind, mode)
        trial.undisturbed()
        for fault in ("kill", "killed_after", "lost", "source"):
            if not trial.round(fault, "commit"):
                trial.fail("there was no COMMIT")
    return trial.rounds


def work(asked):
    try:
        return globals()[asked[0].what](*asked)
    except SystemExit as failure: # its words are told already
        return failure.code


def main():
    parser = argparse.ArgumentParser()
    for name in ("diner", "config", "sockets", "what"):
        parser.add_argument(name)
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--kinds", default=",".join(SOURCES))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--jobs", type=int, default=9)
    options = parser.parse_args()
    names = (options.modes if options.what == "walk" else options.kinds).split(",")
    with multiprocessing.Pool(options.jobs, maxtasksperchild=1) as pool:
        rounds = pool.map(work, [(options, name) for name in names], chunksize=1)
    failed = [f"{name}: {told}" for name, told in zip(names, rounds) if not isinstance(told, int)]
    print("\n".join(failed) + f"{sum(r for r in rounds if isinstance(r, int))} rounds, {len(failed)} differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
