"""The reference platform against PostgreSQL itself: the API beside the SQL that it runs.

usage: platform.py DINER [--pairs N] [--seconds N] [--only PART]...

orders  POST /api/v1/orders of 3 lines by 16 clients, against pgbench running the very statements
        that the server runs for it: they are taken from the log of the database, and stores and
        products are drawn alike.
get     GET of one order, against libmicrohttpd with 4 threads and the same prepared statement.
hot     Sales of one product, always the same, against the one statement that takes stock and writes
        the ledger and does nothing else: the sale alone, as orders call it, and whole orders of one
        line; these also against pgbench running the same statements.
cancel  100,000 unpaid orders that no payment channel knows are cancelled.
seed    1,000,000 orders are made up.
"""
import argparse
import itertools
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from common import ROOT, ask, have, psql

CLIENTS = "16"
BODIES = 300
GET_CLIENTS = "64"
HOT = ("S001", "P1003")
MARK = "~entry~"

LUA = """local bodies = { %s }
local number = 0
wrk.method = "POST"
request = function()
    number = number + 1
    wrk.headers["Idempotency-Key"] = "%s-" .. number
    return wrk.format(nil, nil, nil, bodies[math.random(#bodies)])
end
"""

CTE = """\\set n random(1, 9000000000000000)
WITH taken AS (
    UPDATE app.stock SET qty = qty - 1, updated_at = clock_timestamp()
    WHERE store_id = {store} AND product_id = {product} AND qty >= 1
    RETURNING store_id, product_id, qty
)
INSERT INTO app.stock_log (store_id, product_id, change_type, quantity, stock_after, ref)
SELECT store_id, product_id, 'sale', -1, qty, 'bench:' || :n::text FROM taken;
"""

UNPAID = """
create temp table made as
select nextval(pg_get_serial_sequence('app.orders', 'id')) as id, g, s.id as store_id
from generate_series(1, {count}) g join app.stores s on s.code = 'S00' || 1 + g % 3;
insert into app.orders (id, order_no, store_id, channel, gross_amount, total_amount, business_date,
                        created_at, updated_at)
select id, 'BENCH-' || id, store_id, 'dine_in', 20, 20, current_date,
       now() - interval '2 hours' + g * interval '1 ms', now() - interval '1 hour' from made;
create temp table line as
select m.id, m.store_id, k.product_id, k.qty, 1 + n as line_no from made m, generate_series(0, 1) n,
lateral (select * from (select *, row_number() over (order by product_id) as r from app.stock
         where store_id = m.store_id) k where k.r = 1 + (m.g + n * 7) % 40) k;
insert into app.order_items (order_id, line_no, product_id, sku, product_name, price, quantity, amount)
select l.id, l.line_no, p.id, p.sku, p.name, 10, 1, 10 from line l join app.products p on p.id = l.product_id;
insert into app.order_status_history (order_id, from_status, to_status, payment_status, fulfilment_status)
select id, null, 'pending', 'unpaid', 'waiting' from made;
insert into app.stock_log (store_id, product_id, order_id, change_type, quantity, stock_after, ref)
select store_id, product_id, id, 'sale', -1, qty, 'order:BENCH-' || id from line;
analyze app.orders, app.order_items, app.stock_log
"""


class Platform:
    """A development environment of its own, with a server that refuses nobody for their rate."""

    def __init__(self, diner, seconds, pairs):
        self.diner, self.seconds, self.pairs = os.path.abspath(diner), seconds, pairs
        self.directory = tempfile.mkdtemp(prefix="diner-bench.", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.dev = f"{self.directory}/dev"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("DINER_", "PG"))}
        self.env.update(DINER_DEV_DIR=self.dev, DINER_CONFIG=f"{self.dev}/diner.yaml")
        self.runs = itertools.count()
        subprocess.run([self.diner, "-q", "dev", "up"], check=True, cwd=ROOT, stdout=subprocess.DEVNULL,
                       env={**self.env, "DINER_CONFIG": "/dev/null"})
        self.lift_rates()
        self.run("-q", "dev", "seed", "--orders", "2000")
        self.dsn = f"postgresql:///diner?host={self.dev}/pg&port=5432&user=diner"
        # No order's id is that of anything else: it is looked for among parameters.
        psql(self.dsn, "update app.stock set qty = 1000000000", "vacuum analyze",
             "select setval(pg_get_serial_sequence('app.orders', 'id'), 700000)")
        self.url = f"http://127.0.0.1:{self.read('serve.port')}/api/v1"
        self.token = self.log_in()

    def lift_rates(self):
        with open(f"{self.dev}/diner.yaml", "a") as file:
            file.write("rate: { integration_minute: 100000000/m, integration_hour: 1000000000/h }\n")
        os.kill(int(self.read("serve.pid").split("\n")[0]), signal.SIGHUP)
        time.sleep(1)

    def close(self):
        self.run("-q", "dev", "down")
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, *arguments):
        subprocess.run([self.diner, *arguments], check=True, env=self.env, stdout=subprocess.DEVNULL)

    def read(self, name):
        with open(f"{self.dev}/{name}") as file:
            return file.read().strip()

    def path(self, name, text=None):
        path = os.path.join(self.directory, name)
        if text is not None:
            with open(path, "w") as out:
                out.write(text)
        return path

    def call(self, path, body, **headers):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["data"]

    def log_in(self):
        return self.call("/auth/login", {"username": "integration",
                                         "password": self.read("secrets/integration")})["access_token"]

    def create(self, body, key):
        return self.call("/orders", body, **{"Authorization": f"Bearer {self.token}",
                                             "Idempotency-Key": key})["order_no"]

    def wrk(self, path, clients, *options):
        out = subprocess.run(["wrk", "-t1", f"-c{clients}", f"-d{self.seconds}s", "-H",
                              f"Authorization: Bearer {self.token}", *options,
                              path if path.startswith("http") else self.url + path],
                             check=True, capture_output=True, text=True).stdout
        if "Non-2xx" in out or "Socket errors" in out:
            sys.exit(f"bench: the server refused requests:\n{out}")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])

    def post(self, bodies):
        """Orders a second."""
        texts = ", ".join("[==[" + json.dumps(body) + "]==]" for body in bodies)
        script = self.path("post.lua", LUA % (texts, f"wrk-{next(self.runs)}"))
        return self.wrk("/orders", CLIENTS, "-s", script)

    def pgbench(self, scripts, variables=()):
        """Transactions a second."""
        command = ["pgbench", "-n", "-M", "prepared", f"-c{CLIENTS}", "-j2", f"-T{self.seconds}"]
        for path in scripts:
            command += ["-f", path]
        for name, value in variables:
            command += ["-D", f"{name}={value}"]
        done = subprocess.run([*command, self.dsn], capture_output=True, text=True,
                              env={**os.environ, "PGOPTIONS": "-c jit=off"})  # as the server's
        if done.returncode or "failed transactions: 0" not in done.stdout:
            sys.exit(f"bench: pgbench failed:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
        return float(re.search(r"tps = ([\d.]+) \(without", done.stdout)[1])

    def compare(self, title, names, sides, goal, unit="/s"):
        pairs = []
        for _ in range(self.pairs):
            psql(self.dsn, "checkpoint")
            theirs = sides[0]()
            psql(self.dsn, "checkpoint")
            pairs.append((theirs, sides[1]()))
        ratios = sorted(ours / theirs for theirs, ours in pairs)
        middle = [statistics.median(pair[who] for pair in pairs) for who in (0, 1)]
        print(f"{title}\n  {names[0]} {middle[0]:.0f}{unit}   {names[1]} {middle[1]:.0f}{unit}\n  speed      "
              f"{statistics.median(ratios):.2f} x {names[0]} (goal {goal}; median of {len(pairs)} pairs, "
              f"{ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)


# ---- what the server runs -----------------------------------------------------------------------

PARAMETER = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")


def statements(log, key):
    """(SQL, parameters) of the session that was told this key, in order."""
    entries = [entry.split("~", 1) for entry in log.split(MARK)[1:]]
    session = next(pid for pid, text in entries if key in text)
    found = []
    for pid, text in entries:
        if pid != session:
            continue
        if match := re.match(r"LOG:  (?:execute [^:]*|statement): (.*)", text, re.S):
            found.append((match[1].strip(), {}))
        elif match := re.match(r"DETAIL:  parameters: (.*)", text, re.S):
            found[-1][1].update({int(n): None if v == "NULL" else v[1:-1].replace("''", "'")
                                 for n, v in PARAMETER.findall(match[1])})
    return found


def recorded(platform, body, key):
    """The statements of one order, and the order."""
    log = platform.path("dev/pg/log")
    start = os.path.getsize(log)
    order_no = platform.create(body, key)
    time.sleep(0.2)
    with open(log, encoding="utf-8", errors="replace") as file:
        file.seek(start)
        found = statements(file.read(), key)
    first = next(i for i, (sql, _) in enumerate(found) if sql.lower().startswith("begin"))
    return found[first:], order_no


def for_pgbench(sql):
    """Without comments; no ':name' but variables: pgbench would take 'HH24:MI' for one."""
    sql = re.sub(r"--[^\n]*", "", sql)
    return re.sub(r"'[^']*'", lambda text: re.sub(r":(?=\w)", "'||':'||'", text[0]), sql)


def script_of(found, order_no, order_id, key, body, choices):
    """One script and its variables: what was made by a statement before is asked from it, and what
    is ordered is drawn as the bodies are."""
    text, variables, is_asked = ["\\set key random(1, 9000000000000000)"], [], False
    made = {order_no: ":order_no", order_id: ":id", key: ":key"}
    drawn = {body["store"]: "store", **{item["product"]: f"product{i}" for i, item in enumerate(body["items"])}}

    def variable(value):
        variables.append((f"v{len(variables)}", value))
        return ":" + variables[-1][0]

    def expression(given):
        if given is None:
            return "NULL"
        if given in made:
            return made[given]
        parts = re.split("(" + "|".join(map(re.escape, drawn)) + ")", given)
        if len(parts) == 1 or not choices:
            return variable(given)
        of = {name: f"(ARRAY{choices[name]})[:{name}]" for name in drawn.values()}
        return "(" + " || ".join(of[drawn[part]] if part in drawn else variable(part) + "::text"
                                 for part in parts if part) + ")"

    for name, values in (choices or {}).items():
        text.append(f"\\set {name} random(1, {len(values)})")
    for i, (sql, parameters) in enumerate(found):
        line = re.sub(r"\$(\d+)", lambda match: expression(parameters.get(int(match[1]))), for_pgbench(sql))
        later = [p for _, ps in found[i + 1:i + 2] for p in ps.values()]
        asks = not is_asked and (order_no in later or order_id in later)
        is_asked |= asks
        text.append(line + (" \\gset" if asks else ";"))
    return "\n".join(text) + "\n", variables


def choices_of(platform):
    """What is ordered: a store, and one product of each third of those that all stores have."""
    products = ask(platform.dsn, "select p.sku from app.products p where p.active and not exists (select "
                   "from app.stores s where not exists (select from app.stock k where k.store_id = s.id and "
                   "k.product_id = p.id)) order by 1").split("\n")
    random.Random(7).shuffle(products)
    third = len(products) // 3
    return {"store": ["S001", "S002", "S003"],
            **{f"product{i}": products[i * third:(i + 1) * third] for i in range(3)}}


def bodies_of(choices):
    rng = random.Random(8)
    return [{"store": rng.choice(choices["store"]), "channel": "dine_in", "guests": 2,
             "items": [{"product": rng.choice(choices[f"product{i}"]), "quantity": 1} for i in range(3)]}
            for _ in range(BODIES)]


def statements_of(platform, body, choices):
    """What pgbench runs for such an order: the script, its variables, how many statements."""
    key = f"recorded-{next(platform.runs)}"
    platform.create(body, "warm-" + key)
    psql(platform.dsn, "alter system set log_statement = 'all'",
         f"alter system set log_line_prefix = '{MARK}%p~'", "select pg_reload_conf()")
    time.sleep(0.5)
    found, order_no = recorded(platform, body, key)
    psql(platform.dsn, "alter system reset log_statement", "alter system reset log_line_prefix",
         "select pg_reload_conf()")
    time.sleep(0.5)
    order_id = ask(platform.dsn, f"select id from app.orders where order_no = '{order_no}'")
    text, variables = script_of(found, order_no, order_id, key, body, choices)
    return platform.path(f"{key}.sql", text), variables, len(found)


def orders(platform):
    choices = choices_of(platform)
    bodies = bodies_of(choices)
    script, variables, count = statements_of(platform, bodies[0], choices)
    platform.compare(f"POST /api/v1/orders, 3 lines, {CLIENTS} clients, {count} statements each",
                     ("pgbench", "diner"),
                     (lambda: platform.pgbench([script], variables), lambda: platform.post(bodies)),
                     "0.6")


def get(platform):
    order_no = platform.create(bodies_of(choices_of(platform))[0], "get")
    program, port = platform.path("bare_server"), platform.path("bare.port")
    subprocess.run(["gcc", "-O2", "-I/usr/include/postgresql", "-o", program,
                    f"{ROOT}/tests/bench/bare_server.c", "-lmicrohttpd", "-lpq"], check=True)
    with open(f"{ROOT}/lib/domain/sql/order_get.sql") as file:
        sql = file.read().replace("$2", "NULL")
    with open(port, "w") as out:
        bare = subprocess.Popen([program, "0", platform.dsn, sql, order_no], stdout=out)
    try:
        while not (number := open(port).read().strip()):
            time.sleep(0.05)
        platform.compare(f"GET of an order, {GET_CLIENTS} connections", ("bare server", "diner"),
                         (lambda: platform.wrk(f"http://127.0.0.1:{number}/", GET_CLIENTS),
                          lambda: platform.wrk("/orders/" + order_no, GET_CLIENTS)), "0.5")
    finally:
        bare.terminate()
        bare.wait()


SOLD = """
create sequence bench_order start 1000001;
insert into app.orders (id, order_no, store_id, channel, gross_amount, total_amount, business_date)
select 1000000 + g, 'BENCH-' || g, {store}, 'dine_in', 20, 20, current_date
from generate_series(1, {count}) g;
insert into app.order_items (order_id, line_no, product_id, sku, product_name, price, quantity, amount)
select 1000000 + g, 1, p.id, p.sku, p.name, 10, 1, 10
from generate_series(1, {count}) g, app.products p where p.id = {product};
vacuum analyze app.orders, app.order_items
"""


def hot(platform):
    store, product = ask(platform.dsn, "select s.id, p.id from app.stores s, app.products p where "
                         f"s.code = '{HOT[0]}' and p.sku = '{HOT[1]}'").split("|")
    script = platform.path("hot.sql", CTE.format(store=store, product=product))
    count = 6000 * platform.seconds * platform.pairs  # more than there is time for
    psql(platform.dsn, *SOLD.format(store=store, product=product, count=count).split(";"))
    sale = platform.path("sale.sql", "select * from app.stock_sell(nextval('bench_order'), null);\n")
    platform.compare(f"sales of one product, {CLIENTS} clients", ("one statement", "diner's sale"),
                     (lambda: platform.pgbench([script]), lambda: platform.pgbench([sale])), "0.8")
    body = {"store": HOT[0], "channel": "dine_in", "items": [{"product": HOT[1], "quantity": 1}]}
    same, variables, count = statements_of(platform, body, None)
    platform.compare(f"orders of one product, {CLIENTS} clients, {count} statements each", ("pgbench", "diner"),
                     (lambda: platform.pgbench([same], variables), lambda: platform.post([body])), "none")
    platform.compare(f"orders of one product, {CLIENTS} clients", ("one statement", "diner"),
                     (lambda: platform.pgbench([script]), lambda: platform.post([body])), "none")


def timed(platform, *arguments):
    start = time.monotonic()
    platform.run("-q", *arguments)
    return time.monotonic() - start


def cancel(platform):
    count, open_orders = 100_000, "select count(*) from app.orders where status = 'pending' and order_no ~ '^BENCH'"
    psql(platform.dsn, UNPAID.format(count=count))
    if ask(platform.dsn, open_orders) != str(count):
        sys.exit("bench: the unpaid orders were not made")
    psql(platform.dsn, "checkpoint")
    seconds = timed(platform, "orders", "auto-cancel", "--older-than", "30m")
    if ask(platform.dsn, open_orders) != "0":
        sys.exit("bench: unpaid orders were left")
    print(f"{count} unpaid orders of 2 lines cancelled\n  wall       {seconds:.1f} s (goal: under 10 s)", flush=True)


def seed(platform):
    psql(platform.dsn, "checkpoint")
    seconds = timed(platform, "dev", "seed", "--orders", "1000000")
    if int(ask(platform.dsn, "select count(*) from app.orders")) < 1_000_000:
        sys.exit("bench: the orders are not there")
    print(f"1000000 orders seeded\n  wall       {seconds:.1f} s (goal: under 60 s)", flush=True)


PARTS = {"orders": (orders, ("wrk", "pgbench")), "get": (get, ("wrk",)),
         "hot": (hot, ("wrk", "pgbench")), "cancel": (cancel, ()), "seed": (seed, ())}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("diner")
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--only", action="append", choices=PARTS)
    args = options.parse_args()
    platform = Platform(args.diner, args.seconds, args.pairs)
    try:
        for name, (part, programs) in PARTS.items():
            if name in (args.only or PARTS) and all(have(p, f"platform: {name}") for p in programs):
                part(platform)
    finally:
        platform.close()


if __name__ == "__main__":
    main()
