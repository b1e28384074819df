"""From file to file against Miller; out of PostgreSQL against psql."""
import filecmp
import subprocess

from common import COLUMNS, ask, have, psql

NAMES = [column.split()[0] for column in COLUMNS.replace("(12,", "(12.").replace("(14,", "(14.")
         .split(",")]


def same_files(bench, one, other):
    if not filecmp.cmp(bench.path(one), bench.path(other), shallow=False):
        raise SystemExit(f"bench: {one} and {other} differ")


def files(bench):
    title = "CSV -> CSV: half of the rows by a filter, a column renamed"
    if not have("mlr", title):
        return
    columns = "".join(f"      {'number' if name == 'order_no' else name}: "
                      f"{{ type: text, from: {name} }}\n" for name in NAMES)
    pipeline = bench.write("filter.yaml", f"""version: 1
name: filter
streams:
  filter:
    source: {{ file: "{bench.sales()}", where: {{ store_name: [徐家汇店, 陆家嘴店] }} }}
    target: {{ file: diner.csv, formula_guard: false }}
    columns:
{columns}""")
    script = (f"mlr --icsv --ocsv filter '$store_name == \"徐家汇店\" || $store_name == \"陆家嘴店\"' "
              f"then rename order_no,number {bench.sales()} > {bench.path('mlr.csv')}")
    bench.compare(title, ("mlr", "diner"), (["sh", "-c", script], bench.run(pipeline)),
                  lambda who: bench.remove("diner.csv" if who else "mlr.csv"),
                  lambda who: who and same_files(bench, "mlr.csv", "diner.csv"), "4")


def to_csv(bench, readers):
    bench.loaded()
    pipeline = bench.write("export.yaml", f"""version: 1
name: export
streams:
  export:
    source: {{ connection: warehouse, table: bench.sales, readers: {readers} }}
    target: {{ file: diner.csv }}
""")
    # Else psql may begin in the middle of the table, and the files could not be compared.
    peer = ["psql", "-Xq", bench.dsn, "-c", "set synchronize_seqscans = off", "-c",
            f"\\copy (select * from bench.sales) to '{bench.path('psql.csv')}' csv header"]
    bench.compare(f"PostgreSQL -> CSV, readers: {readers} (psql: \\copy (select))",
                  ("psql", "diner"), (peer, bench.run(pipeline)),
                  lambda who: bench.remove("diner.csv" if who else "psql.csv"),
                  lambda who: who and same_files(bench, "psql.csv", "diner.csv"), "1.2")


def export(bench):
    to_csv(bench, 1)
    to_csv(bench, 2)


def to_table(bench, title, names, commands, goal=None):
    def check(_):
        found = int(ask(bench.other, "select count(*) from bench.sales"))
        if found != bench.rows:
            raise SystemExit(f"bench: {found} rows copied instead of {bench.rows}")
    bench.compare(title, names, commands, lambda who: psql(bench.other, "truncate bench.sales"),
                  check, goal)


def binary_file(bench):
    """bench.sales as the server reads it fastest, where it can read it."""
    bench.loaded()

    def make(path):
        with open(path, "wb") as out:
            subprocess.run(["psql", "-Xq", bench.dsn, "-c",
                            "copy bench.sales to stdout (format binary)"], check=True, stdout=out)
    return bench.once("sales.bin", make)


def database(bench):
    bench.loaded()
    pipeline = bench.write("copy.yaml", """version: 1
name: copy
streams:
  sales:
    source: { connection: warehouse, table: bench.sales }
    target: { connection: other, schema: bench }
""")

    def piped(form):
        copy = f"psql -Xq '{{}}' -c 'copy bench.sales {{}} (format {form})'"
        return ["sh", "-c", copy.format(bench.dsn, "to stdout") + " | " +
                copy.format(bench.other, "from stdin")]
    title = "PostgreSQL -> PostgreSQL (psql | psql{})"
    to_table(bench, title.format(""), ("psql", "diner"), (piped("text"), bench.run(pipeline)), "1.5")
    to_table(bench, title.format(", binary"), ("psql", "diner"),
             (piped("binary"), bench.run(pipeline)))
    # Nobody who reads and nothing sent: what is left is the one backend that writes.
    file = binary_file(bench)
    to_table(bench, title.format("; server: it reads a binary file of its own, the most that one "
                                 "connection could reach"), ("psql", "server"),
             (piped("text"), ["psql", "-Xq", bench.other, "-c",
                              f"copy bench.sales from '{file}' (format binary)"]))
