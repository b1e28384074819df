#!/usr/bin/env python3
"""Random pipelines over random files, against a slow and obvious reference.

    tests/model/model.py DINER DSN [--runs 1000] [--seed N] [--keep DIR]

Each round makes a pipeline (columns, types, formats, skips, transforms, checks, mode), then two to
four snapshots of a file, and after each run compares the table, row for row, and every count with
what the reference says. Some are planned and read dry before their second run: neither leaves anything, and
the plan's counts are those of the run. The reference knows nothing of staging, hashes or merging: it is lists and
dictionaries. Ends with "N pipelines, M runs, 0 differences", or the first difference, its seed and
the files that show it.
"""
import argparse
import csv
import datetime
import decimal
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile

D = decimal.Decimal
decimal.getcontext().prec = 60


# ---- the reference: cells -------------------------------------------------------------------

class Reject(Exception):
    pass


def blank(text):
    return text.strip(" \t　\u00a0")


def read_number(text, column, source):
    for piece in source["strip"]:
        text = text.replace(piece, "")
    text = blank(text)
    if text == "" or text in source["null"]:
        return None
    negative = text.endswith("-")
    body = text[:-1] if negative else text
    sign = ""
    if body[:1] in "+-" and body[:1] != "":
        sign, body = body[0], body[1:]
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?", body):
        body = body.replace(",", "")
    digits = body.replace(".", "", 1)
    if not digits.isascii() or not digits.isdigit() or (negative and sign):
        raise Reject("number")
    value = D(body)
    return -value if negative or sign == "-" else value


def read_int(text, column, source):
    value = read_number(text, column, source)
    if value is None:
        return None
    if value != value.to_integral_value() or not -2**31 <= value < 2**31:
        raise Reject("int")
    return value


def read_numeric(text, column, source):
    value = read_number(text, column, source)
    if value is None:
        return None
    precision, scale = column["numeric"]
    if value != value.quantize(D(1).scaleb(-scale)) or abs(value) >= D(10) ** (precision - scale):
        raise Reject("numeric")
    return value.quantize(D(1).scaleb(-scale))


def read_date(text, column, source):
    for piece in source["strip"]:
        text = text.replace(piece, "")
    text = blank(text)
    if text == "" or text in source["null"]:
        return None
    for layout in column["formats"]:
        try:
            return datetime.datetime.strptime(text, layout).date()
        except ValueError:
            pass
    raise Reject("date")


def read_bool(text, column, source):
    text = blank(text)
    if text == "" or text in source["null"]:
        return None
    if text.lower() in ("true", "t", "yes", "y", "1", "on"):
        return True
    if text.lower() in ("false", "f", "no", "n", "0", "off"):
        return False
    raise Reject("bool")


def read_text(text, column, source):
    if source["trim"]:
        text = blank(text)
    if text == "" or text in source["null"]:
        return None
    if column.get("length") and len(text) > column["length"]:
        raise Reject("length")
    return text


READERS = {"int": read_int, "numeric": read_numeric, "date": read_date, "bool": read_bool,
           "text": read_text}


def computed(spec):
    """Columns that a transform sets: whether they are null is looked at afterwards."""
    return {t["column"] for t in spec["transforms"] if t["kind"] != "filter"}


def read_row(fields, spec):
    """The typed values of a record, or Reject."""
    row = {}
    for column in spec["columns"]:
        value = READERS[column["kind"]](fields[column["name"]], column, spec["source"])
        if value is None and column["default"] is not None:
            value = READERS[column["kind"]](column["default"], column, spec["source"])
        if value is None and column["required"] and column["name"] not in computed(spec):
            raise Reject("required")
        row[column["name"]] = value
    return row


LOOKUP = {"辣子鸡": "川", "宫保鸡丁": "川", "rice": "饭", "k1": "一", "k2": None}


# ---- the reference: rows --------------------------------------------------------------------

class Table:
    """What is in the target: a list of rows, each a dict of the columns."""

    def __init__(self):
        self.rows = []


def zero():
    return dict.fromkeys(["read", "inserted", "updated", "unchanged", "deleted", "superseded",
                          "rejected", "skipped"], 0)


def apply_filter(rows, rule, counts):
    kept = []
    for row in rows:
        verdict = rule["python"](row)
        if verdict is None:
            counts["rejected"] += 1
        elif verdict:
            kept.append(row)
        else:
            counts["skipped"] += 1
    return kept


def run_reference(table, records, spec):
    """Applies one snapshot; returns the counts. Raises Reject when the stream must fail."""
    counts = zero()
    rows = []
    rejected_keys, unreadable = [], False
    for fields in records:
        counts["read"] += 1
        first = next((blank(f) for f in fields.values() if blank(f) != ""), "")
        if spec["source"]["skip"] and first.startswith(spec["source"]["skip"]):
            counts["skipped"] += 1
            continue
        try:
            rows.append(read_row(fields, spec))
        except Reject:
            counts["rejected"] += 1
            key = readable_key(fields, spec)
            if key is None:
                unreadable = True
            else:
                rejected_keys.append(key)
    for rule in spec["transforms"]:
        if rule["kind"] == "filter":
            before = counts["rejected"]
            rows_before = rows
            rows = apply_filter(rows, rule, counts)
            if counts["rejected"] > before:
                for row in rows_before:
                    if rule["python"](row) is None:
                        key = tuple(row[k] for k in spec["key"])
                        if None in key or not spec["key"]:
                            unreadable = True
                        else:
                            rejected_keys.append(key)
        elif rule["kind"] == "lookup":
            kept = []
            for row in rows:
                if row[rule["on"]] not in spec["dim"] and rule["miss"] == "reject":
                    counts["rejected"] += 1
                    key = tuple(row[k] for k in spec["key"])
                    if None in key or not spec["key"]:
                        unreadable = True
                    else:
                        rejected_keys.append(key)
                    continue
                row[rule["column"]] = spec["dim"].get(row[rule["on"]])
                kept.append(row)
            rows = kept
        else:
            for row in rows:
                row[rule["column"]] = rule["python"](row)
    must = computed(spec) & {c["name"] for c in spec["columns"] if c["required"]}
    kept = []
    for row in rows:
        if any(row[c] is None for c in must):
            counts["rejected"] += 1
            key = tuple(row[k] for k in spec["key"])
            if not key or None in key:
                unreadable = True
            else:
                rejected_keys.append(key)
        elif any(row[k] is None for k in spec["key"] + spec["partition_by"]):
            counts["rejected"] += 1
            unreadable = True
        else:
            kept.append(row)
    rows = kept
    for check in spec["checks"]:
        kept = []
        for row in rows:
            if check["python"](row) is True:
                kept.append(row)
                continue
            counts["rejected"] += 1
            if spec["key"]:
                rejected_keys.append(tuple(row[k] for k in spec["key"]))
            else:
                unreadable = True
        rows = kept
    if spec["key"]:
        last = {}
        for row in rows:
            key = tuple(row[k] for k in spec["key"])
            if key in last:
                counts["superseded"] += 1
                del last[key]
            last[key] = row
        rows = list(last.values())
    MODES[spec["mode"]](table, rows, spec, counts, rejected_keys, unreadable)
    return counts


def readable_key(fields, spec):
    if not spec["key"]:
        return None
    key = []
    for name in spec["key"]:
        column = next(c for c in spec["columns"] if c["name"] == name)
        try:
            value = READERS[column["kind"]](fields[name], column, spec["source"])
        except Reject:
            return None
        if value is None and column["default"] is not None:
            value = READERS[column["kind"]](column["default"], column, spec["source"])
        if value is None:
            return None
        key.append(value)
    return tuple(key)


def values(row, spec):
    return tuple(row[c["name"]] for c in spec["columns"])


def mode_append(table, rows, spec, counts, rejected_keys, unreadable):
    table.rows += rows
    counts["inserted"] += len(rows)


def merge_rows(table, rows, spec, counts):
    by_key = {tuple(r[k] for k in spec["key"]): r for r in table.rows}
    for row in rows:
        old = by_key.get(tuple(row[k] for k in spec["key"]))
        if old is None:
            table.rows.append(dict(row))
            counts["inserted"] += 1
        elif values(old, spec) == values(row, spec) and not old.get("_deleted"):
            counts["unchanged"] += 1
        else:
            old.update(row)
            old["_deleted"] = False
            counts["updated"] += 1


def delete_missing(table, rows, spec, counts, rejected_keys, unreadable, soft):
    if unreadable:
        return
    present = {tuple(r[k] for k in spec["key"]) for r in rows} | set(rejected_keys)
    kept = []
    for row in table.rows:
        if tuple(row[k] for k in spec["key"]) in present or row.get("_deleted"):
            kept.append(row)
            continue
        counts["deleted"] += 1
        if soft:
            row["_deleted"] = True
            kept.append(row)
    table.rows = kept


def mode_merge(table, rows, spec, counts, rejected_keys, unreadable):
    merge_rows(table, rows, spec, counts)
    if spec["deletes"] in ("hard", "soft"):
        delete_missing(table, rows, spec, counts, rejected_keys, unreadable,
                       spec["deletes"] == "soft")


def replace_by_swap(table, rows, spec, counts, rejected_keys, unreadable):
    """A new table: the source, and the rows of keys that were rejected."""
    came = {tuple(r[k] for k in spec["key"]) for r in rows}
    kept = [row for row in table.rows
            if spec["key"] and tuple(row[k] for k in spec["key"]) not in came
            and (unreadable or tuple(row[k] for k in spec["key"]) in rejected_keys)]
    counts["inserted"] += len(rows)
    counts["deleted"] += len(table.rows) - len(kept)
    table.rows = [dict(r) for r in rows] + kept


def mode_replace(table, rows, spec, counts, rejected_keys, unreadable):
    if spec["swap"]:
        replace_by_swap(table, rows, spec, counts, rejected_keys, unreadable)
        return
    if spec["key"]:
        merge_rows(table, rows, spec, counts)
        if spec["deletes"] != "keep":
            delete_missing(table, rows, spec, counts, rejected_keys, unreadable,
                           spec["deletes"] == "soft")
        return
    old = {}
    for row in table.rows:
        old.setdefault(values(row, spec), []).append(row)
    for row in rows:
        same = old.get(values(row, spec))
        if same:
            same.pop()
            counts["unchanged"] += 1
        else:
            counts["inserted"] += 1
    counts["deleted"] += sum(len(v) for v in old.values())
    table.rows = [dict(r) for r in rows]


def mode_delete_insert(table, rows, spec, counts, rejected_keys, unreadable):
    parts = {tuple(r[c] for c in spec["partition_by"]) for r in rows}
    kept, gone = [], {}
    for row in table.rows:
        if tuple(row[c] for c in spec["partition_by"]) in parts:
            gone.setdefault(values(row, spec), []).append(row)
        else:
            kept.append(row)
    for row in rows:
        same = gone.get(values(row, spec))
        if same:
            same.pop()
            counts["unchanged"] += 1
        else:
            counts["inserted"] += 1
    counts["deleted"] += sum(len(v) for v in gone.values())
    table.rows = kept + [dict(r) for r in rows]


def mode_scd2(table, rows, spec, counts, rejected_keys, unreadable):
    tracked = spec["track"] or [c["name"] for c in spec["columns"]]
    current = {tuple(r[k] for k in spec["key"]): r for r in table.rows if r["_current"]}
    present = set()
    for row in rows:
        key = tuple(row[k] for k in spec["key"])
        present.add(key)
        old = current.get(key)
        if old is not None and all(old[c] == row[c] for c in tracked):
            same = values(old, spec) == values(row, spec)
            counts["unchanged" if same else "updated"] += 1
            old.update(row)
            continue
        if old is not None:
            old["_current"] = False
        table.rows.append({**row, "_current": True})
        counts["inserted"] += 1
    if spec["deletes"] != "hard" or unreadable:
        return
    for key, row in current.items():
        if key not in present and key not in rejected_keys and row["_current"]:
            row["_current"] = False
            counts["deleted"] += 1


MODES = {"append": mode_append, "merge": mode_merge, "replace": mode_replace,
         "delete_insert": mode_delete_insert, "scd2": mode_scd2}


# ---- random pipelines -----------------------------------------------------------------------

WORDS = ["辣子鸡", "宫保鸡丁", "rice", "TEST", "a b", " x", "x ", "O'Neil", '"q"', "a,b", "é", "无",
         "-", "0012", "NULL", "酸 菜", "line\nbreak", ""]


def random_column(r, i, wide):
    kind = r.choice(["text", "int", "numeric", "date", "bool"])
    column = {"name": f"c{i}", "kind": kind, "required": r.random() < 0.15, "default": None}
    if kind == "numeric":
        scale = r.randrange(0, 4)
        column["numeric"] = (scale + r.randrange(2, 7), scale)
    if kind == "date":
        column["formats"] = r.sample(["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y"], r.randrange(1, 3))
    if kind == "text" and r.random() < 0.3:
        column["length"] = r.randrange(3, 9)
    if r.random() < 0.1:
        column["default"] = {"text": "n/a", "int": "7", "numeric": "1", "bool": "true",
                             "date": datetime.date(2026, 11, 21).strftime(
                                 column.get("formats", ["%Y-%m-%d"])[0])}[kind]
    return column


def sql_type(column):
    if column["kind"] == "numeric":
        return "numeric(%d,%d)" % column["numeric"]
    if column.get("length"):
        return "varchar(%d)" % column["length"]
    return column["kind"]


def random_spec(r):
    ncolumns = r.randrange(2, 7)
    columns = [random_column(r, i, ncolumns) for i in range(ncolumns)]
    mode = r.choice(["append", "merge", "merge", "replace", "replace", "delete_insert", "scd2"])
    key = []
    if mode in ("merge", "scd2") or (mode == "replace" and r.random() < 0.7):
        key = r.sample([c["name"] for c in columns], r.randrange(1, min(3, ncolumns) + 1))
    spec = {"columns": columns, "mode": mode, "key": key, "partition_by": [], "track": [],
            "deletes": "default", "detection": r.choice(["auto", "auto", "off"]),
            "source": {"strip": r.choice([[], [","], [",", "¥"]]),
                       "null": r.choice([[], ["无"], ["无", "-"], ["NULL"]]),
                       "trim": r.random() < 0.3, "skip": r.choice([None, None, "小计"]),
                       "encoding": r.choice(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
                       "delimiter": r.choice([",", ",", ";", "tab"]),
                       "shuffle": r.random() < 0.3}}
    spec["swap"] = mode == "replace" and r.random() < 0.4
    spec["jobs"] = r.choice([1, 1, 2])
    if mode == "delete_insert":
        spec["partition_by"] = r.sample([c["name"] for c in columns], 1)
    if key and mode in ("merge", "replace") and not spec["swap"]:
        spec["deletes"] = r.choice(["default", "default", "keep", "soft", "hard"])
    if mode == "scd2":
        spec["deletes"] = r.choice(["default", "keep", "hard"])
        rest = [c["name"] for c in columns if c["name"] not in key]
        if rest and r.random() < 0.5:
            spec["track"] = r.sample(rest, r.randrange(1, len(rest) + 1))
    spec["transforms"] = random_transforms(r, spec)
    spec["checks"] = random_checks(r, spec)
    return spec


def random_transforms(r, spec):
    rules = []
    numbers = [c["name"] for c in spec["columns"] if c["kind"] in ("int", "numeric")]
    texts = [c for c in spec["columns"] if c["kind"] == "text"]
    if numbers and r.random() < 0.3:
        n = r.choice(numbers)
        rules.append({"kind": "filter", "sql": f"{n} > 3",
                      "python": lambda row, n=n: None if row[n] is None else row[n] > 3})
    if texts and r.random() < 0.3:
        t = r.choice(texts)["name"]
        rules.append({"kind": "filter", "sql": f"{t} is distinct from 'TEST'",
                      "python": lambda row, t=t: row[t] != "TEST"})
    free = [c for c in texts if c["name"] not in spec["key"] and not c.get("length")]
    if free and r.random() < 0.3:
        t = r.choice(free)["name"]
        rules.append({"kind": "set", "column": t, "sql": f"coalesce({t}, 'none')",
                      "python": lambda row, t=t: "none" if row[t] is None else row[t]})
    r.shuffle(rules)
    if len(free) > 1 and r.random() < 0.8:
        on, take = r.sample([c["name"] for c in free], 2)
        rules.append({"kind": "lookup", "column": take, "on": on,
                      "miss": r.choice(["reject", "null"])})
    return rules


def random_checks(r, spec):
    numbers = [c["name"] for c in spec["columns"] if c["kind"] in ("int", "numeric")]
    if not numbers or r.random() < 0.7:
        return []
    n = r.choice(numbers)
    return [{"sql": f"{n} is null or {n} <> 9", "python": lambda row, n=n: row[n] is None or row[n] != 9}]


def yaml_text(spec, path):
    source = spec["source"]
    lines = ["version: 1", "name: model", "streams:", "  model:", "    source:",
             f"      file: {json.dumps(path)}",
             f"      null: {json.dumps(source['null'], ensure_ascii=False)}",
             f"      strip: {json.dumps(source['strip'], ensure_ascii=False)}",
             f"      trim: {'true' if source['trim'] else 'false'}",
             f"      delimiter: {json.dumps(source['delimiter'])}"]
    if source["skip"]:
        lines.append(f"      skip: {json.dumps('^' + source['skip'], ensure_ascii=False)}")
    load = ", load: swap" if spec["swap"] else ""
    lines += [f"    target: {{ connection: warehouse, schema: model{load} }}", f"    mode: {spec['mode']}",
              "    guard: { max_shrink: 100% }",
              "    on_error: { max_rejects: 1000000, max_reject_rate: 100% }",
              f"    change_detection: {json.dumps(spec['detection'])}"]
    if spec["key"]:
        lines.append(f"    key: [{', '.join(spec['key'])}]")
    if spec["partition_by"]:
        lines.append(f"    partition_by: [{', '.join(spec['partition_by'])}]")
    if spec["track"]:
        lines.append(f"    scd2: {{ track: [{', '.join(spec['track'])}] }}")
    if spec["deletes"] != "default":
        lines.append(f"    deletes: {spec['deletes']}")
    lines.append("    columns:")
    for c in spec["columns"]:
        extra = ""
        if c["kind"] == "date":
            extra += f", format: {json.dumps(c['formats'])}"
        if c["required"]:
            extra += ", required: true"
        if c["default"] is not None:
            extra += f", default: {json.dumps(c['default'])}"
        lines.append(f"      {c['name']}: {{ type: \"{sql_type(c)}\"{extra} }}")
    if spec["transforms"]:
        lines.append("    transform:")
        for t in spec["transforms"]:
            what = json.dumps(t.get("sql"))
            lines.append(f"      - filter: {what}" if t["kind"] == "filter"
                         else f"      - set: {{ {t['column']}: {what} }}" if t["kind"] == "set"
                         else f"      - lookup: {{ table: model.dim, on: [\"{t['on']} = k\"], "
                              f"take: [\"{t['column']} = v\"], miss: {json.dumps(t['miss'])} }}")
    if spec["checks"]:
        lines.append("    checks:")
        lines += [f"      - {{ expr: {json.dumps(c['sql'])}, on_fail: reject }}"
                  for c in spec["checks"]]
    return "\n".join(lines) + "\n"


# ---- random data ----------------------------------------------------------------------------

def random_cell(r, column, domain):
    if r.random() < 0.06:
        return r.choice(["", "无", "-", "x", "1,2", " ", "2026-13-01", "9" * 12, "TEST"])
    kind = column["kind"]
    if kind == "text":
        return r.choice(WORDS) if r.random() < 0.4 else f"k{r.randrange(domain)}"
    if kind == "bool":
        return r.choice(["true", "false", "T", "no", "1", "0", "Y"])
    if kind == "date":
        day = datetime.date(2026, 11, 1) + datetime.timedelta(days=r.randrange(domain))
        return day.strftime(r.choice(column["formats"]))
    if kind == "int":
        n = r.randrange(-2, domain)
        return r.choice([str(n), f" {n} ", f"{abs(n)}-", f"+{abs(n)}"])
    scale = column["numeric"][1]
    n = D(r.randrange(-200, 100 * domain)).scaleb(-r.randrange(0, scale + 1))
    return r.choice(["{:f}".format(n), "{:,f}".format(n), f"¥{n:f}"])


def random_records(r, spec, previous):
    domain = r.choice([3, 8, 30])
    n = r.choice([0, 1, 5, 40, 200]) if previous is None or r.random() < 0.2 else None
    if n is not None:
        records = [{c["name"]: random_cell(r, c, domain) for c in spec["columns"]}
                   for _ in range(n)]
    else:
        records = [dict(rec) for rec in previous]
        for _ in range(r.randrange(0, 6)):
            if records and r.random() < 0.7:
                c = r.choice(spec["columns"])
                r.choice(records)[c["name"]] = random_cell(r, c, domain)
            elif records and r.random() < 0.5:
                records.pop(r.randrange(len(records)))
            else:
                records.insert(r.randrange(len(records) + 1),
                               {c["name"]: random_cell(r, c, domain) for c in spec["columns"]})
        if spec["source"]["shuffle"]:
            r.shuffle(records)
    if spec["source"]["skip"] and records and r.random() < 0.5:
        first = spec["columns"][0]["name"]
        records.insert(r.randrange(len(records)),
                       {c["name"]: "小计" if c["name"] == first else "" for c in spec["columns"]})
    return records


def write_file(r, path, spec, records):
    out = io.StringIO()
    names = [c["name"] for c in spec["columns"]]
    if spec["source"]["shuffle"]:
        r.shuffle(names)
    delimiter = "\t" if spec["source"]["delimiter"] == "tab" else spec["source"]["delimiter"]
    writer = csv.DictWriter(out, names + ["extra"], delimiter=delimiter,
                            lineterminator=r.choice(["\n", "\r\n"]))
    writer.writeheader()
    for record in records:
        writer.writerow({**record, "extra": "z"})
    with open(path, "wb") as f:
        f.write(out.getvalue().encode(spec["source"]["encoding"]))
    # Cells in the order of the file: the first that is not empty decides what is skipped.
    return [{name: record[name] for name in names} for record in records]


# ---- comparing ------------------------------------------------------------------------------

def shown(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, decimal.Decimal):
        return "{:f}".format(value)
    return str(value)


def expected_rows(table, spec):
    soft = spec["deletes"] == "soft"
    return sorted((json.dumps([shown(row[c["name"]]) for c in spec["columns"]]
                              + ([bool(row.get("_deleted"))] if soft else [])
                              + ([row["_current"]] if spec["mode"] == "scd2" else []),
                              ensure_ascii=False)
                   for row in table.rows))


def found_rows(sql, spec):
    parts = [f"{c['name']}::text" for c in spec["columns"]]
    if spec["deletes"] == "soft":
        parts.append("_deleted_at is not null")
    if spec["mode"] == "scd2":
        parts.append("is_current")
    return sorted(json.dumps(json.loads(line), ensure_ascii=False) for line in
                  sql(f"select json_build_array({', '.join(parts)}) from model.model").splitlines())


class Difference(Exception):
    pass


def change_lookup(r, spec, sql):
    """Between two runs: rows of unchanged source records change all the same."""
    key = r.choice(list(LOOKUP))
    if r.random() < 0.3:
        spec["dim"].pop(key, None)
        sql(f"delete from model.dim where k = '{key}'")
    else:
        spec["dim"][key] = r.choice(["川", "x", None])
        value = "null" if spec["dim"][key] is None else repr(spec["dim"][key])
        sql(f"delete from model.dim where k = '{key}'; insert into model.dim values ('{key}', {value})")


IMAGE = """select (select md5(string_agg(m::text || m.ctid || m.xmin, '' order by m.ctid)) from model.model m),
    (select md5(string_agg(s::text, '' order by s::text)) from diner.state s), (select count(*) from diner.run),
    (select count(*) from diner.reject), (select md5(string_agg(attname || atttypid, '' order by attrelid, attnum))
     from pg_attribute a join pg_class c on c.oid = a.attrelid where relnamespace = 'model'::regnamespace)"""


def planned(diner, sql, pipeline, counts):
    """The counts of a plan; neither it nor a dry run leaves anything."""
    before = sql(IMAGE)
    for what in ["run", "--dry-run"], ["pipeline", "plan"]:
        done = subprocess.run([diner, "-q", *what, pipeline, "-o", "json"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Difference(f"{' '.join(what)} exits {done.returncode}: {done.stderr}")
        if sql(IMAGE) != before:
            raise Difference(f"{' '.join(what)} left something: {before} became {sql(IMAGE)}")
    report = json.loads(done.stdout)[0]
    return {k: report[k] for k in counts}


def one_pipeline(r, diner, sql, directory):
    spec = random_spec(r)
    spec["dim"] = dict(LOOKUP)
    path = os.path.join(directory, "in.csv")
    pipeline = os.path.join(directory, "model.yaml")
    with open(pipeline, "w", encoding="utf-8") as f:
        f.write(yaml_text(spec, path))
    sql("drop schema if exists model cascade; create schema model; "
        "create table model.dim as select * from (values "
        + ", ".join(f"('{k}', {'null' if v is None else repr(v)}::text)" for k, v in LOOKUP.items())
        + ") x (k, v); "
        "delete from diner.state where pipeline = 'model'; delete from diner.reject")
    table, records, runs = Table(), None, r.randrange(2, 5)
    for i in range(runs):
        if i > 0 and r.random() < 0.3:
            change_lookup(r, spec, sql)
        records = random_records(r, spec, records)
        in_order = write_file(r, path, spec, records)
        if spec["mode"] == "append":
            sql("delete from diner.state where pipeline = 'model'")
        counts = run_reference(table, in_order, spec)
        plan = planned(diner, sql, pipeline, counts) if i == 1 and r.random() < 0.3 else None
        done = subprocess.run([diner, "-q", "run", pipeline, "-o", "json", "--jobs", str(spec["jobs"])], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise Difference(f"run {i + 1} exits {done.returncode}: {done.stderr}")
        report = json.loads(done.stdout)[0]
        moved = {k: report[k] for k in counts}
        if plan is not None and plan != moved and not spec["swap"]:  # a swap plans what really differs
            raise Difference(f"run {i + 1} moved  {moved}\n  planned {plan}")
        if spec["mode"] == "delete_insert" and moved["inserted"] - counts["inserted"] == \
                counts["unchanged"] - moved["unchanged"]:
            # Whether equal rows of a partition are rewritten is its own business.
            for k in ("inserted", "unchanged", "updated", "deleted"):
                moved[k] = counts[k]
        if moved != counts:
            raise Difference(f"run {i + 1} counts\n  expected {counts}\n  found    {moved}")
        want, have = expected_rows(table, spec), found_rows(sql, spec)
        if want != have:
            missing = [x for x in want if x not in have][:5]
            further = [x for x in have if x not in want][:5]
            raise Difference(f"run {i + 1}: {len(want)} rows expected, {len(have)} found\n"
                             f"  missing {missing}\n  further {further}")
    return runs


class Psql:
    """One session of psql, asked line by line."""

    def __init__(self, dsn):
        self.p = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", dsn],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, query):
        self.p.stdin.write(f"set client_min_messages = error; {query};\n\\echo -- end --\n")
        self.p.stdin.flush()
        lines = []
        for line in self.p.stdout:
            if line == "-- end --\n":
                return "".join(lines)
            lines.append(line)
        sys.exit(f"psql ended: {query}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("diner")
    options.add_argument("dsn")
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--keep", default=None)
    args = options.parse_args()
    base = args.seed if args.seed is not None else random.SystemRandom().randrange(10**9)
    directory = args.keep or tempfile.mkdtemp(prefix="diner-model.")
    directory = os.path.abspath(directory)
    os.makedirs(directory, exist_ok=True)
    sql = Psql(args.dsn)
    total = 0
    for i in range(args.runs):
        seed = base + i
        try:
            total += one_pipeline(random.Random(seed), args.diner, sql, directory)
        except Difference as difference:
            print(f"seed {seed}: {difference}\nfiles in {directory}; again with --seed {seed} --runs 1")
            sys.exit(1)
    print(f"{args.runs} pipelines, {total} runs, 0 differences (seed {base})")


if __name__ == "__main__":
    main()
