"""What the sections of tests/bench/run share: a private cluster, data, pairs and what they took."""
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
TABLE = f"create schema bench; create table bench.sales ({COLUMNS})"


def cluster(action, directory):
    script = f'set -e; . {ROOT}/tests/pg.sh; pg_{action} "{directory}"; echo "DSN=$PG_DSN"'
    out = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True,
                         env={**os.environ, "PG_FSYNC": "on"}).stdout
    return [line[4:] for line in out.splitlines() if line.startswith("DSN=")][-1]


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return sum(int(fields[i]) for i in (11, 12, 13, 14)), int(fields[1])


def server_cpu(postmaster):
    total = cpu_ticks(postmaster)[0]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                ticks, parent = cpu_ticks(entry)
            except OSError:
                continue
            if parent == postmaster:
                total += ticks
    return total / os.sysconf("SC_CLK_TCK")


class Run:
    def __init__(self, seconds, client, server, rss_kb):
        self.seconds, self.client, self.server, self.rss_kb = seconds, client, server, rss_kb


def timed(command, postmaster, env=None):
    before = server_cpu(postmaster)
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"bench: failed: {' '.join(command)}")
    time.sleep(0.5)  # until the postmaster has reaped the backend
    return Run(seconds, usage.ru_utime + usage.ru_stime, server_cpu(postmaster) - before,
               usage.ru_maxrss)


def psql(dsn, *statements):
    command = ["psql", "-X", "-q", dsn, "-v", "ON_ERROR_STOP=1"]
    for statement in statements:
        command += ["-c", statement]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def ask(dsn, statement):
    return subprocess.run(["psql", "-XAtq", dsn, "-c", statement], check=True, capture_output=True,
                          text=True).stdout.strip()


class Bench:
    """One private cluster with two databases, one directory of data, one diner."""

    def __init__(self, diner, rows, pairs):
        self.diner, self.rows, self.pairs = os.path.abspath(diner), rows, pairs
        self.directory = tempfile.mkdtemp(prefix="diner-bench.", dir="/var/tmp")
        os.chmod(self.directory, 0o755)
        self.pg = os.path.join(tempfile.mkdtemp(prefix="diner-pg.", dir="/tmp"), "c")
        os.chmod(os.path.dirname(self.pg), 0o755)
        self.dsn = cluster("start", self.pg)
        with open(os.path.join(self.pg, "data", "postmaster.pid")) as pid_file:
            self.postmaster = int(pid_file.readline())
        psql(self.dsn, "alter system set max_wal_size = '8GB'",
             "alter system set autovacuum = off", "select pg_reload_conf()", TABLE,
             "create database other")
        self.other = self.dsn.replace("///postgres?", "///other?")
        # A query does not say which of its columns are never null: what it loads may be null.
        psql(self.other, TABLE.replace(" not null", ""))
        self.write("diner.yaml", f"connections:\n  warehouse: {{ dsn: '{self.dsn}' }}\n"
                                 f"  other: {{ dsn: '{self.other}' }}\n")
        os.chmod(self.path("diner.yaml"), 0o600)
        self.env = {**os.environ, "DINER_DSN": self.dsn, "DINER_OUTPUT_DIR": self.directory,
                    "DINER_CONFIG": self.path("diner.yaml")}
        for dsn in (self.dsn, self.other):
            subprocess.run([self.diner, "-q", "db", "migrate"], check=True,
                           env={**os.environ, "DINER_DSN": dsn, "DINER_CONFIG": "/dev/null"})
        self.made = {}

    def close(self):
        cluster("stop", self.pg)
        shutil.rmtree(os.path.dirname(self.pg), ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    def remove(self, *names):
        for name in names:
            if os.path.exists(self.path(name)):
                os.remove(self.path(name))

    def once(self, name, make):
        """A file that several sections read, made when the first asks for it."""
        if name not in self.made:
            make(self.path(name))
            self.made[name] = self.path(name)
        return self.made[name]

    def tool(self):
        """The program that writes rows."""
        return self.once("gen_rows", lambda path: subprocess.run(
            ["gcc", "-O2", "-o", path, f"{ROOT}/tests/bench/gen_rows.c"], check=True))

    def sales(self, rows=0):
        def make(path):
            with open(path, "wb") as out:
                subprocess.run([self.tool(), str(rows or self.rows)], check=True, stdout=out)
        return self.once(f"rows{rows or ''}.csv", make)

    def gb18030(self):
        def make(path):
            with open(path, "wb") as out:
                subprocess.run(["iconv", "-f", "UTF-8", "-t", "GB18030", self.sales()], check=True,
                               stdout=out)
        return self.once("rows.gb18030.csv", make)

    def loaded(self):
        """bench.sales with its rows, as a source."""
        if ask(self.dsn, "select count(*) from bench.sales") != str(self.rows):
            psql(self.dsn, "truncate bench.sales",
                 f"\\copy bench.sales from '{self.sales()}' csv header", "vacuum analyze bench.sales")

    def run(self, pipeline, *options):
        return [self.diner, "-q", "run", pipeline, *options]

    def compare(self, title, names, commands, before=lambda who: None, after=lambda who: None,
                goal=None):
        """Interleaved pairs: names and commands of the peer and of diner. before and after are
        told whose turn it is, 0 or 1; after checks what was done."""
        pairs = []
        for _ in range(self.pairs):
            pair = []
            for who in (0, 1):
                before(who)
                psql(self.dsn, "checkpoint")
                pair.append(timed(commands[who], self.postmaster, self.env))
                after(who)
            pairs.append(pair)
        report(title, names, pairs, self.rows, goal)


def report(title, names, pairs, rows, goal):
    def line(what, unit, pick, digits=2):
        values = [statistics.median(pick(pair[who]) for pair in pairs) for who in (0, 1)]
        return (f"  {what:<10} {names[0]} {values[0]:7.{digits}f} {unit}   "
                f"{names[1]} {values[1]:7.{digits}f} {unit}")
    ratios = sorted(peer.seconds / ours.seconds for peer, ours in pairs)
    rate = rows / statistics.median(ours.seconds for _, ours in pairs) / 1000
    text = [title, line("wall", "s", lambda r: r.seconds) + f"   {rate:.0f} k rows/s",
            f"  speed      {statistics.median(ratios):.2f} x {names[0]} "
            f"({f'goal {goal}; ' if goal else ''}median of {len(pairs)} pairs, "
            f"{ratios[0]:.2f} to {ratios[-1]:.2f})"]
    if any(r.server > 0.05 for pair in pairs for r in pair):
        text.append(line("server CPU", "s", lambda r: r.server))
    text += [line("client CPU", "s", lambda r: r.client),
             line("peak RSS", "MiB", lambda r: r.rss_kb / 1024, 1)]
    print("\n".join(text), flush=True)


def have(program, title):
    """Whether a peer is installed; says so when it is not."""
    if shutil.which(program):
        return True
    print(f"{title}\n  skipped: {program} is not installed (.ci/deps bench)", flush=True)
    return False
