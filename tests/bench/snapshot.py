"""Into tables, against what one would write by hand: sections of tests/bench/run, or by itself:

usage: snapshot.py DINER [--rows N] [--pairs N] [--only SECTION...]

Sections: fresh (a new table with its key), jobs (the same by two connections), changed (a full
snapshot, 5 % of it changed), unchanged. Both sides in one run, interleaved, a CHECKPOINT before each;
speeds are medians of the ratios of the pairs, WAL is what pg_current_wal_lsn went on by.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COLUMNS = """id int8 not null, order_no text not null, store_code text, store_name text, sku text,
 sku_name text, quantity numeric(12,3), price numeric(12,2), amount numeric(14,2),
 sold_at timestamptz, business_date date, remark text"""
NAMES = [c.split()[0] for c in COLUMNS.replace("numeric(12,3)", "n").replace("numeric(12,2)", "n")
         .replace("numeric(14,2)", "n").split(",")]


class Bench:
    """One private cluster, one directory of data, one diner."""

    def __init__(self, diner, rows, pairs):
        self.diner, self.rows, self.pairs = os.path.abspath(diner), rows, pairs
        self.directory = tempfile.mkdtemp(prefix="diner-bench.", dir="/var/tmp")
        os.chmod(self.directory, 0o755)
        self.pg = os.path.join(tempfile.mkdtemp(prefix="diner-pg.", dir="/tmp"), "c")
        os.chmod(os.path.dirname(self.pg), 0o755)
        self.dsn = self.cluster("start")
        config = os.path.join(self.directory, "diner.yaml")
        with open(config, "w") as out:
            out.write(f"connections: {{ warehouse: {{ dsn: '{self.dsn}' }} }}\n")
        os.chmod(config, 0o600)
        self.env = {**os.environ, "DINER_CONFIG": config}
        subprocess.run([self.diner, "-q", "db", "migrate"], check=True, env=self.env)
        self.sql("alter system set max_wal_size = '8GB'", "alter system set autovacuum = off",
                 "alter system set shared_buffers = '1GB'", "create schema bench")
        self.dsn = self.cluster("restart")
        self.old = self.generate("rows.csv")
        self.new = self.change(self.old, os.path.join(self.directory, "changed.csv"))

    def close(self):
        self.cluster("stop")
        shutil.rmtree(os.path.dirname(self.pg), ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def cluster(self, action):
        script = f'set -e; . {ROOT}/tests/pg.sh; pg_{action} "{self.pg}"; echo "DSN=$PG_DSN"'
        if action == "restart":
            script = (f'set -e; . {ROOT}/tests/pg.sh; pg_as_owner "$PG_BIN/pg_ctl" -D '
                      f'"{self.pg}/data" -w restart >/dev/null; echo "DSN={self.dsn}"')
        out = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True,
                             env={**os.environ, "PG_FSYNC": "on"}).stdout
        return [line[4:] for line in out.splitlines() if line.startswith("DSN=")][-1]

    def sql(self, *statements):
        command = ["psql", "-X", "-q", "-A", "-t", self.dsn, "-v", "ON_ERROR_STOP=1"]
        for statement in statements:
            command += ["-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def generate(self, name):
        tool = os.path.join(self.directory, "gen_rows")
        subprocess.run(["gcc", "-O2", "-o", tool, f"{ROOT}/tests/bench/gen_rows.c"], check=True)
        path = os.path.join(self.directory, name)
        with open(path, "wb") as out:
            subprocess.run([tool, str(self.rows)], check=True, stdout=out)
        return path

    @staticmethod
    def change(old, new):
        """Every twentieth row gets another remark: 5 %, spread evenly."""
        with open(old, "rb") as rows, open(new, "wb") as out:
            for n, row in enumerate(rows):
                out.write(row[:-1] + b"*\n" if n % 20 == 7 else row)
        return new

    def pipeline(self, name, mode, key=True):
        path = os.path.join(self.directory, name + ".yaml")
        types = [c.split()[1] for c in COLUMNS.replace("\n", "").replace(", ", ",~").split("~")]
        columns = ["      " + name + ": \"" + kind.rstrip(",") + "\""
                   for name, kind in zip(NAMES, types)]
        with open(path, "w") as out:
            out.write(f"version: 1\nname: {name}\nparams: {{ file: {{ type: text }} }}\nstreams:\n"
                      f"  {name}:\n    source: {{ file: \"${{params.file}}\" }}\n"
                      f"    target: {{ connection: warehouse, schema: bench }}\n    mode: {mode}\n"
                      + ("    key: [id]\n" if key else "") + "    columns:\n"
                      + "\n".join(columns) + "\n")
        return path

    def diner_run(self, pipeline, file, *options):
        return [self.diner, "-q", "run", pipeline, "--param", f"file={file}", *options]

    def timed(self, command, env=None):
        self.sql("checkpoint")
        before = self.sql("select pg_current_wal_lsn()")
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env or self.env)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        if status != 0:
            sys.exit(f"bench: failed: {' '.join(command)}")
        wal = int(self.sql(f"select (pg_current_wal_lsn() - '{before}')::bigint"))
        return {"s": seconds, "cpu": usage.ru_utime + usage.ru_stime, "wal": wal,
                "rss": usage.ru_maxrss / 1024}

    def compare(self, title, goal, theirs, ours, prepare_theirs, prepare_ours, check):
        pairs = []
        for _ in range(self.pairs):
            prepare_theirs()
            t = self.timed(theirs())
            prepare_ours()
            m = self.timed(ours())
            check()
            pairs.append((t, m))

        def median(pick):
            return statistics.median(pick(t, m) for t, m in pairs)
        ratios = sorted(t["s"] / m["s"] for t, m in pairs)
        print(f"{title}\n"
              f"  wall       by hand {median(lambda t, m: t['s']):6.2f} s   "
              f"diner {median(lambda t, m: m['s']):6.2f} s\n"
              f"  speed      {statistics.median(ratios):.2f} x (goal {goal}; median of {self.pairs} "
              f"pairs, {ratios[0]:.2f} to {ratios[-1]:.2f})\n"
              f"  WAL        by hand {median(lambda t, m: t['wal']) / 1e6:6.1f} MB  "
              f"diner {median(lambda t, m: m['wal']) / 1e6:6.2f} MB\n"
              f"  client CPU by hand {median(lambda t, m: t['cpu']):6.2f} s   "
              f"diner {median(lambda t, m: m['cpu']):6.2f} s\n"
              f"  peak RSS   diner {median(lambda t, m: m['rss']):6.1f} MiB", flush=True)

    # ---- sections ------------------------------------------------------------------------------

    def same_rows(self, one, other):
        names = ", ".join(NAMES)
        differing = self.sql(f"select count(*) from (select {names} from {one} except "
                             f"select {names} from {other}) d")
        counts = self.sql(f"select (select count(*) from {one}) - (select count(*) from {other})")
        if (differing, counts) != ("0", "0"):
            sys.exit(f"bench: {one} and {other} differ: {differing} rows, {counts} more")

    def copy_into(self, table, file):
        return f"\\copy {table} from '{file}' csv header"

    def load(self, title, goal, pipeline, *options, key="primary key (id)", mode="merge"):
        name = os.path.basename(pipeline)[:-5]
        self.compare(
            title, goal,
            lambda: ["psql", "-Xq", self.dsn, "-c", self.copy_into("bench.hand", self.old)],
            lambda: self.diner_run(pipeline, self.old, *options),
            lambda: self.sql("drop table if exists bench.hand",
                             f"create table bench.hand ({COLUMNS}{', ' + key if key else ''})"),
            lambda: self.sql(f"drop table if exists bench.{name}", "delete from diner.state"),
            lambda: self.same_rows("bench.hand", f"bench.{name}"))

    def fresh(self):
        self.load("CSV into a new table with a primary key", "1.4",
                  self.pipeline("fresh_key", "merge"))
        self.load("CSV into a new heap table", "1.3", self.pipeline("fresh_heap", "replace", False),
                  key="")

    def jobs(self):
        self.load("CSV into a new heap table, --jobs 2", "2.0",
                  self.pipeline("jobs_heap", "replace", False), "--jobs", "2", key="")

    MERGE = """merge into bench.hand t using stage s on t.id = s.id
 when matched and ({theirs}) is distinct from ({ours}) then update set {sets}
 when not matched then insert ({names}) values ({ours})"""

    def by_hand(self, file):
        """The best by hand: an unlogged stage, and a MERGE that touches only what differs."""
        merge = self.MERGE.format(
            names=", ".join(NAMES), ours=", ".join("s." + n for n in NAMES),
            theirs=", ".join("t." + n for n in NAMES),
            sets=", ".join(f"{n} = s.{n}" for n in NAMES if n != "id"))
        return ["psql", "-Xq", self.dsn, "-c", f"create temp table stage ({COLUMNS})",
                "-c", self.copy_into("stage", file), "-c", merge]

    def snapshot(self, title, goal, file):
        pipeline = self.pipeline("snap", "merge")
        self.sql("drop table if exists bench.snap", "drop table if exists bench.hand",
                 f"create table bench.hand ({COLUMNS}, primary key (id))", "delete from diner.state",
                 "drop table if exists bench.hand_kept, bench.snap_kept")
        subprocess.run(["psql", "-Xq", self.dsn, "-c", self.copy_into("bench.hand", self.old)],
                       check=True)
        subprocess.run(self.diner_run(pipeline, self.old), check=True, env=self.env,
                       stdout=subprocess.DEVNULL)
        self.sql("vacuum (freeze, analyze) bench.hand", "vacuum (freeze, analyze) bench.snap")
        options = self.sql("select array_to_string(reloptions, ', ') from pg_class "
                           "where oid = 'bench.snap'::regclass")
        columns = self.sql("select string_agg(attname || ' ' || format_type(atttypid, atttypmod), "
                           "', ' order by attnum) from pg_attribute where attrelid = "
                           "'bench.snap'::regclass and attnum > 0")
        for table in ("hand", "snap"):
            self.sql(f"alter table bench.{table} rename to {table}_kept")

        def again(table, shape, storage=""):
            """The table as it was after the first load, without what rounds leave behind."""
            self.sql(f"drop table if exists bench.{table}",
                     f"create table bench.{table} ({shape}){storage}",
                     f"insert into bench.{table} select * from bench.{table}_kept",
                     f"alter table bench.{table} add primary key (id)",
                     f"vacuum (freeze, analyze) bench.{table}")
        storage = f" with ({options})" if options else ""
        self.compare(title, goal, lambda: self.by_hand(file),
                     lambda: self.diner_run(pipeline, file),
                     lambda: again("hand", COLUMNS), lambda: again("snap", columns, storage),
                     lambda: self.same_rows("bench.hand", "bench.snap"))

    def changed(self):
        self.snapshot("full snapshot, 5 % changed, merge (by hand: COPY, MERGE WHEN DISTINCT)",
                      "3; WAL at most 1.1 x", self.new)

    def unchanged(self):
        self.snapshot("full snapshot, nothing changed, merge", "5; WAL under 0.256 MB", self.old)


SECTIONS = ("fresh", "jobs", "changed", "unchanged")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("diner")
    options.add_argument("--rows", type=int, default=2_000_000)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--only", action="append", choices=SECTIONS)
    args = options.parse_args()
    bench = Bench(args.diner, args.rows, args.pairs)
    try:
        print(f"{args.rows} rows, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for section in args.only or SECTIONS:
            getattr(bench, section)()
    finally:
        bench.close()


if __name__ == "__main__":
    main()
