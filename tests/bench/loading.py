"""Files into a table: against psql's \\copy, in two encodings, and against pgloader."""
from common import ROOT, ask, have, psql, timed


def reset(bench):
    psql(bench.dsn, "truncate bench.sales", "delete from diner.state")


def check(bench):
    found = int(ask(bench.dsn, "select count(*) from bench.sales"))
    if found != bench.rows:
        raise SystemExit(f"bench: {found} rows loaded instead of {bench.rows}")


def load(bench, file):
    return bench.run(f"{ROOT}/tests/bench/load.yaml", "--param", f"file={file}")


def compare(bench, title, names, commands, goal=None):
    bench.compare(title, names, commands, lambda who: reset(bench), lambda who: check(bench), goal)


def utf8(bench):
    file = bench.sales()
    compare(bench, "CSV, UTF-8, into a heap table", ("psql", "diner"),
            (["psql", "-Xq", bench.dsn, "-c", f"\\copy bench.sales from '{file}' csv header"],
             load(bench, file)), "1.3")


def gb18030(bench):
    file = bench.gb18030()
    compare(bench, "CSV, GB18030, into a heap table (psql: client encoding GBK)", ("psql", "diner"),
            (["psql", "-Xq", bench.dsn, "-c", "set client_encoding = 'GBK'", "-c",
              f"\\copy bench.sales from '{file}' csv header"], load(bench, file)), "1.3")


def encodings(bench):
    compare(bench, "GB18030 against UTF-8, both by diner", ("UTF-8", "GB18030"),
            (load(bench, bench.sales()), load(bench, bench.gb18030())), "0.95")


def pgloader(bench):
    title = "CSV, UTF-8, into a heap table, against pgloader"
    if not have("pgloader", title):
        return
    host = bench.dsn.split("host=")[1].split("&")[0]
    file = bench.sales()
    script = bench.write("sales.load", f"""load csv from '{file}' with encoding utf-8
 into postgresql://postgres@unix:{host}:5432/postgres?bench.sales
 with skip header = 1, fields terminated by ',', fields optionally enclosed by '"', drop indexes;
""")
    compare(bench, title, ("pgloader", "diner"),
            (["pgloader", "--quiet", "--root-dir", bench.path("pgloader"), script],
             load(bench, file)), "12")


def big(bench, rows):
    file = bench.sales(rows)
    reset(bench)
    run = timed(load(bench, file), bench.postmaster, bench.env)
    print(f"{rows} rows: {run.seconds:.1f} s, peak RSS {run.rss_kb / 1024:.1f} MiB")
