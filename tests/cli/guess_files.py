#!/usr/bin/env python3
"""Delimited files as ERPs write them, by a seed: usage guess_files.py SEED FILE.

Prints nothing; the file may have lines above its header, subtotals, a total, null words, group
separators, either decimal mark, several encodings, damaged values and ragged records."""
import random
import sys

seed, path = int(sys.argv[1]), sys.argv[2]
r = random.Random(seed)
encoding = r.choice(["utf-8", "utf-8-sig", "gb18030", "utf-16-le"])
delimiter = r.choice([",", "\t", ";", "|"])
comma = delimiter != "," and r.random() < 0.4
quoted = r.random() < 0.6
eol = r.choice(["\n", "\r\n"])
rows = r.choice([1, 2, 5, 30, 300])


def number(scale):
    whole = r.choice([0, 7, 42, 999, 1234, 123456, 9876543])
    text = f"{whole:,}" if r.random() < 0.5 and (quoted or delimiter != ",") else str(whole)
    if scale:
        text += "." + "".join(r.choice("0123456789") for _ in range(scale))
    if comma:
        text = text.translate(str.maketrans(",.", ".,"))
    return r.choice(["", "", "-"]) + text + r.choice(["", "", "", "-" if r.random() < 0.1 else ""])


def day():
    return r.randint(2000, 2030), r.randint(1, 12), r.randint(1, 28)


def date(form):
    y, m, d = day()
    return form.replace("Y", f"{y:04}").replace("m", f"{m:02}").replace("d", f"{d:02}")


kinds = {
    "编码": lambda i: f"{i:06}",
    "sku": lambda i: f"{r.randint(0, 99):02}.{i:03}",
    "order id": lambda i: str(10**17 + i),
    "名称": lambda i: r.choice(["盐焗鸡", "大米,东北", '生抽 "金标"' if quoted else "生抽", "a b"]),
    "数量": lambda i: number(3),
    "金额": lambda i: number(2),
    "price": lambda i: ("¥" if encoding != "gb18030" else "￥") + str(r.randint(1, 999)),
    "count": lambda i: str(r.randint(-5, 5000)),
    "日期": lambda i: date("Y-m-d"),
    "created": lambda i: date(r.choice(["Y/m/d", "Ymd"])),
    "time": lambda i: date("Y-m-d") + f" {r.randint(0, 23):02}:{r.randint(0, 59):02}:00",
    "us date": lambda i: date("m/d/Y"),
    "eu date": lambda i: date("d/m/Y"),
    "flag": lambda i: r.choice(["true", "false"]),
    "phone": lambda i: "1" + "".join(r.choice("3456789") for _ in range(10)),
    "mixed": lambda i: r.choice(["1", "x", "2026-01-01", ""]),
    "blank": lambda i: "",
}
names = r.sample(list(kinds), r.randint(2, len(kinds)))


def field(text):
    if quoted and (delimiter in text or '"' in text or r.random() < 0.2):
        return '"' + text.replace('"', '""') + '"'
    return text


def cell(name, i):
    dice = r.random()
    if dice < 0.02:
        return ""
    if dice < 0.03:
        return r.choice(["-", "NULL", "无", "N/A"])
    if dice < 0.035:
        return r.choice(["十二", "1.2E+10", "2026-02-30", "?"])
    return kinds[name](i)


lines = []
for _ in range(r.choice([0, 0, 1, 3])):
    lines.append(delimiter.join([r.choice(["即时库存", "导出时间：2026/11/21 23:05:12", "Report"])]
                                + [""] * (len(names) - 1)))
lines.append(delimiter.join(field(n) for n in names))
for i in range(rows):
    record = delimiter.join(field(cell(n, i)) for n in names)
    if len(names) > 3 and rows > 20 and r.random() < 0.01:
        record += delimiter + "more"
    lines.append(record)
    if len(names) > 3 and r.random() < 0.02:
        lines.append(delimiter.join(["小计"] + [""] * (len(names) - 1)))
if len(names) > 3 and r.random() < 0.4:
    lines.append(delimiter.join(["合计"] + [""] * (len(names) - 1)))
text = eol.join(lines) + r.choice(["", eol])
with open(path, "wb") as out:
    if encoding == "utf-16-le":
        out.write(b"\xff\xfe")
    out.write(text.encode(encoding))
