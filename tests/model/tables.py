#!/usr/bin/env python3
"""Random streams from a table that changes between runs, against what must then be in the target.

    tests/model/tables.py DINER DSN [--runs 200] [--seed N]

Each round makes a stream (mode, cursor of any kind, lag, windows, children, readers, one database or
two) over a table of the source, then lets the table change: rows come, late within the lag, change, go,
some refused by a check. Some runs are killed and begun again, some are done in two shards. After each
run the target is what the source and the past say; after the check was mended and the rejects
replayed it is the source, and one more run changes nothing. DINER_CONFIG names the connections
`warehouse` and `erp`, both DSN. Ends with "N streams, M runs, 0 differences", or the first.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter

from model import Difference, Psql

LIMIT = 1000
ENDED = """select count(*) from diner.run_stream s join diner.run r on r.id = s.run_id
    where r.pipeline = 'tables' and s.status = 'succeeded'"""
ZONES = [None, None, "Asia/Shanghai", "America/New_York", "UTC"]
LAGS = {"2h": 7200, "1d": 86400, "3d": 259200}


class Stream:
    """What is made by chance, and the SQL that goes with it."""

    def __init__(self, r):
        self.mode = r.choice(["merge", "merge", "window", "window", "partition", "replace", "keyed", "append"])
        self.has_cursor = self.mode in ("merge", "window")
        kinds = ["timestamptz", "timestamp", "date"] + (["bigint"] if self.mode == "merge" else [])
        self.kind = r.choice(kinds) if self.has_cursor else "date"
        self.declared = self.kind
        if self.kind.startswith("timestamp") and r.random() < 0.3:
            self.declared = r.choice(["timestamptz", "timestamp"])
        self.zone = r.choice(ZONES) if self.kind.startswith("timestamp") else None
        if self.declared != self.kind and self.zone is None:
            self.zone = "Asia/Shanghai"  # else a time with a zone is a reject
        self.children = self.mode not in ("replace", "keyed") and (self.mode == "append" or r.random() < 0.4)
        self.lag = r.choice(list(LAGS))
        self.window = r.choice([None, None, "1d", "2d", "day"]) if self.has_cursor and self.kind != "bigint" else None
        self.connection = r.choice(["warehouse", "erp"])
        self.split = not self.children and r.random() < 0.2
        self.shards = self.children and r.random() < 0.3
        self.jobs = r.choice([1, 1, 2])
        self.is_killed = r.random() < 0.3
        self.ids = 0

    def at(self, seconds_ago):
        """SQL of the cursor of a row of so long ago."""
        if self.kind == "bigint":
            return str(self.ids)
        instant = f"now() - {seconds_ago} * interval '1 s'"
        if self.kind == "timestamptz":
            return instant
        local = f"({instant}) at time zone '{self.zone or 'Asia/Shanghai'}'"
        return local if self.kind == "timestamp" else f"({local} - interval '4 h')::date"

    def as_declared(self):
        if self.kind == self.declared:
            return "at"
        return f"at at time zone '{self.zone or 'Asia/Shanghai'}'"

    def yaml(self, limit):
        read = f"connection: {self.connection}, "
        if self.children:
            read += ("query: \"select id, at, v from model.src where k = ${item.k}\", "
                     "for_each: { query: \"select unnest(array['S0', 'S1', 'S2']) as k\", bind: { k: k } }")
        else:
            read += "table: model.src" + (", readers: 2, split: id" if self.split else "")
        mode = {"window": "delete_insert", "partition": "delete_insert", "keyed": "replace"}.get(self.mode, self.mode)
        lines = ["version: 1", "name: tables", "defaults: { target: { connection: warehouse, schema: model } }",
                 "streams:", "  tables:", f"    source: {{ {read} }}", f"    mode: {mode}",
                 "    guard: { max_shrink: 100% }", "    on_error: { max_rejects: 100000, max_reject_rate: 100% }"]
        if self.mode in ("merge", "keyed"):
            lines.append("    key: [id]")
        if self.mode == "partition":
            lines.append("    partition_by: [at]")
        if self.has_cursor:
            number = self.kind == "bigint"
            cursor = f"cursor: at, start: {'0' if number else '2026-01-01'}, lag: {'5' if number else self.lag}"
            if self.window == "day":
                cursor += ", window: 1d, business_day: \"04:00\""
            elif self.window:
                cursor += f", window: {self.window}"
            if self.window and self.zone:
                cursor += f", timezone: {self.zone}"
            lines.append(f"    incremental: {{ {cursor.replace('2026-01-01', 'START')} }}")
        zone = f", timezone: {self.zone}" if self.zone else ""
        child = "from: $k, " if self.children else ""
        lines += ["    columns:", "      id: bigint", f"      k: {{ {child}type: text }}",
                  f"      at: {{ type: {self.declared}{zone} }}", "      v: int",
                  f"    checks: [{{ expr: \"v < {limit}\", on_fail: reject }}]"]
        return "\n".join(lines) + "\n"


def change(r, s, sql, is_first):
    """Rows that come, change and go, all of them within the lag."""
    lag = LAGS[s.lag]
    statements = []

    def value():
        return r.randrange(LIMIT, 2 * LIMIT) if s.mode != "append" and r.random() < 0.1 else r.randrange(LIMIT)

    def ago():
        return r.randrange(10 * 86400) if is_first else r.randrange(1, int(0.9 * lag))
    for _ in range(r.choice([1, 5, 30]) if is_first else r.randrange(0, 6)):
        s.ids += 1
        statements.append(f"insert into model.src values ({s.ids}, 'S{r.randrange(3)}', {s.at(ago())}, {value()})")
    if is_first:
        return sql("; ".join(statements))
    recent = "true"
    if s.has_cursor and s.kind != "bigint":
        edge = s.at(int(0.9 * lag))
        recent = f"at > {edge}" if s.kind == "date" else f"at >= {edge}"
    elif s.kind == "bigint":
        recent = f"at > (select max(at) from model.src) - 5"
    some = f"id in (select id from model.src where {recent} order by md5(id::text || '{r.random()}') limit {r.randrange(4)})"
    if s.mode != "merge":  # what is gone stays, by merge; and rejects of partitions that never come again
        good = f"v < {LIMIT} and {some}" if s.mode == "partition" else some
        statements.append(f"delete from model.src where {good.replace('limit', 'limit 1 +')}")
    statements.append(f"update model.src set v = {value()} where {some}")
    if s.mode == "merge" and s.kind != "bigint" and r.random() < 0.5:
        statements.append(f"update model.src set v = {value()}, at = {s.at(r.randrange(1, 60))} where id % 7 = {r.randrange(7)}")
    return sql("; ".join(statements))


def rows_of(sql, table, at):
    text = sql(f"select json_build_array(id, k, ({at})::text, v) from model.{table}")
    return [tuple(json.loads(line)) for line in text.splitlines()]


def expected(s, source, before, limit, ended):
    """What the target holds after a run, given what it held."""
    good = [row for row in source if row[3] < limit]
    bad = {row[0] for row in source if row[3] >= limit}
    if s.mode == "merge":
        known = {row[0]: row for row in before}
        known.update({row[0]: row for row in good})
        return list(known.values())
    if s.mode == "keyed":
        return good + [row for row in before if row[0] in bad]
    if s.mode == "partition":
        came = {(row[1] if s.children else "", row[2]) for row in good}
        return good + [row for row in before if (row[1] if s.children else "", row[2]) not in came]
    return good * ended if s.mode == "append" else good


def compare(sql, s, want, what):
    have = rows_of(sql, "tables", "at")
    missing, further = Counter(want) - Counter(have), Counter(have) - Counter(want)
    if missing or further:
        raise Difference(f"{what}: {len(want)} rows expected, {len(have)} found\n"
                         f"  missing {list(missing.items())[:5]}\n  further {list(further.items())[:5]}")
    return have


def run(diner, pipeline, s, r, is_killed=False):
    """Returns the inserted, updated and deleted rows."""
    shards = [["--shard", "0/2"], ["--shard", "1/2"]] if s.shards else [[]]
    r.shuffle(shards)
    moved = 0
    for shard in shards:
        command = [diner, "-q", "run", pipeline, "-o", "json", "--jobs", str(s.jobs), *shard]
        if is_killed:
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
                time.sleep(r.random() * 0.15)
                p.kill()
            continue
        for _ in range(50):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 8:
                break
            time.sleep(0.2)  # PostgreSQL has not seen yet that the killed one is gone
        if done.returncode != 0:
            raise Difference(f"exits {done.returncode}: {done.stderr}")
        report = json.loads(done.stdout)[0]
        moved += report["inserted"] + report["updated"] + report["deleted"]
    return moved


def one_stream(r, diner, sql, directory):
    s = Stream(r)
    pipeline = os.path.join(directory, "tables.yaml")
    start = sql("select (now() - interval '12 days')::date").strip()

    def write(limit):
        with open(pipeline, "w", encoding="utf-8") as f:
            f.write(s.yaml(limit).replace("START", start))
    write(LIMIT)
    sql(f"drop schema if exists model cascade; create schema model; "
        f"create table model.src (id bigint, k text, at {s.kind}, v bigint); "
        "delete from diner.state where pipeline = 'tables'; delete from diner.reject; "
        "delete from diner.run where pipeline = 'tables'")
    have, runs = [], r.randrange(2, 5)
    for i in range(runs):
        if i == 0 or s.mode != "append":
            change(r, s, sql, i == 0)
        if s.is_killed and r.random() < 0.5:
            ended = int(sql(ENDED))
            run(diner, pipeline, s, r, is_killed=True)
            after = int(sql(ENDED))
            if s.mode == "append" and after > ended:
                return i + 1  # it was quicker than the kill: what follows is another load
        run(diner, pipeline, s, r)
        want = expected(s, rows_of(sql, "src", s.as_declared()), have, LIMIT, i + 1)
        have = compare(sql, s, want, f"run {i + 1}")
    if s.mode == "append":
        return runs
    write(10 * LIMIT)
    done = subprocess.run([diner, "-q", "rejects", "replay", pipeline], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Difference(f"replay exits {done.returncode}: {done.stderr}")
    source = rows_of(sql, "src", s.as_declared())
    if s.mode == "partition":  # a replay adds to partitions, a run replaces them
        run(diner, pipeline, s, r)
    have = compare(sql, s, expected(s, source, have, 10 * LIMIT, 1), "replay")
    moved = run(diner, pipeline, s, r)
    if moved != 0:
        raise Difference(f"the run after the replay moved {moved} rows")
    compare(sql, s, have, "the run after the replay")
    return runs


def main():
    options = argparse.ArgumentParser()
    options.add_argument("diner")
    options.add_argument("dsn")
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--seed", type=int, default=None)
    args = options.parse_args()
    base = args.seed if args.seed is not None else random.SystemRandom().randrange(10**9)
    directory = tempfile.mkdtemp(prefix="diner-tables.")
    sql = Psql(args.dsn)
    total = 0
    for i in range(args.runs):
        try:
            total += one_stream(random.Random(base + i), args.diner, sql, directory)
        except Difference as difference:
            print(f"seed {base + i}: {difference}\npipeline in {directory}; again with --seed {base + i} --runs 1")
            sys.exit(1)
    print(f"{args.runs} streams, {total} runs, 0 differences (seed {base})")


if __name__ == "__main__":
    main()
