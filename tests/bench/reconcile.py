#!/usr/bin/env python3
"""A day's bill against our books, a million rows on either side (97 % payments, 3 % refunds, a few hundred
of them different): how long it takes, and what diner holds.

usage: reconcile.py DINER [--rows N] [--pairs N]     pairs: how often; the first is a warm-up
"""
import argparse
import os
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import ask, cluster, psql, timed  # noqa: E402

HEAD = ("交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,"
        "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注")
SUM = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
OURS = """
insert into app.stores (code, name, timezone) values ('S001', 'bench', 'Asia/Shanghai');
insert into app.orders (order_no, store_id, channel, status, payment_status, payment_method, currency, gross_amount,
                        discount_amount, total_amount, business_date)
select 'S001-1', id, 'dine_in', 'paid', 'paid', 'wechat', 'CNY', 1, 0, 1, '2026-11-21' from app.stores;
insert into app.payments (order_id, payment_no, method, channel, amount, status, is_surplus, transaction_id, paid_at, created_at)
select o.id, 'S001-20261121-' || lpad(i::text, 9, '0') || '-P1', 'wechat', 'wx', (i % 5000 + 1) / 100.0, 'succeeded', true,
       '4200002020261121' || lpad(i::text, 9, '0'), t, t
from app.orders o, generate_series(0, {payments} - 1) i,
     lateral (select '2026-11-21 00:00+08'::timestamptz + i * (interval '86390 s' / {payments})) x (t)
where i % 5003 <> 1;
insert into app.refunds (payment_id, order_id, refund_no, amount, status, reason, accepted_at, final_at, created_at)
select p.id, p.order_id, p.payment_no || '-R1', p.amount, 'succeeded', 'bench', p.paid_at, p.paid_at, p.paid_at
from app.payments p order by p.id limit {refunds};
vacuum analyze app.payments; vacuum analyze app.refunds"""


def yuan(fen):
    return f"{fen // 100}.{fen % 100:02d}"


def write_bill(path, payments, refunds):
    """One in 5003 of another amount, one unknown to us; the refunds of the first that we know."""
    total = back = given = 0
    with open(path, "w", encoding="utf-8", newline="") as out:
        out.write(HEAD + "\r\n")
        for i in range(payments):
            fen = i % 5000 + 1 + (i % 5003 == 2)
            no, at = f"S001-20261121-{i:09d}-P1", i * 86390 // payments
            at = f"2026-11-21 {at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}"
            row = [at, "wx1", "1900000109", "0", "", f"4200002020261121{i:09d}", no, "oUpF8uMuAJO", "JSAPI"]
            out.write("`" + ",`".join([*row, "SUCCESS", "OTHERS", "CNY", yuan(fen), "0.00", "0", "0", "0.00", "0.00", "", "", "面", "",
                                       "0.00000", "0.60%", yuan(fen), "0.00", ""]) + "\r\n")
            total += fen
            if given < refunds and i % 5003 != 1:
                fen, given = i % 5000 + 1, given + 1
                out.write("`" + ",`".join([*row, "REFUND", "OTHERS", "CNY", "0.00", "0.00", f"50{i:09d}", f"{no}-R1", yuan(fen), "0.00",
                                           "ORIGINAL", "SUCCESS", "面", "", "0.00000", "0.60%", "0.00", yuan(fen), ""]) + "\r\n")
                back += fen
        out.write(SUM + "\r\n`" + ",`".join([str(payments + given), yuan(total), yuan(back), "0.00", "0.00000", yuan(total), yuan(back)])
                  + "\r\n")


def measure(args, dsn, postmaster, directory):
    refunds = args.rows * 3 // 100
    payments = args.rows - refunds
    bill, config = os.path.join(directory, "bill.csv"), os.path.join(directory, "diner.yaml")
    with open(config, "w", encoding="utf-8") as out:
        out.write(f"connections: {{ warehouse: {{ dsn: '{dsn}' }} }}\n")
    os.chmod(config, 0o600)
    env = {**os.environ, "DINER_CONFIG": config}
    os.system(f"DINER_CONFIG={config} {args.diner} -q db migrate")
    psql(dsn, *OURS.format(payments=payments, refunds=refunds).split(";"))
    write_bill(bill, payments, refunds)
    # Differences there are, so its exit status is 9.
    command = ["sh", "-c", f"{args.diner} -q payments reconcile {bill} -o csv --pool-days 0 2>/dev/null; [ $? -eq 9 ]"]
    runs = []
    for _ in range(max(args.pairs, 2)):
        psql(dsn, "truncate app.reconciliations, app.reconciliation_totals, app.differences", "checkpoint")
        runs.append(timed(command, postmaster, env))
    found = ask(dsn, "select string_agg(class || ' ' || n, ', ' order by class) from "
                     "(select class, count(*) n from app.differences group by class) d")
    seconds = [run.seconds for run in runs[1:]]
    print(f"{args.rows} rows a side ({os.path.getsize(bill) >> 20} MiB of bill), load {os.getloadavg()[0]:.1f}: "
          f"{statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f}; the goal is 10), "
          f"diner {statistics.median(r.client for r in runs[1:]):.1f} s and {max(r.rss_kb for r in runs) >> 10} MiB, "
          f"server {statistics.median(r.server for r in runs[1:]):.1f} s; found: {found}", flush=True)


def all_differ(args, dsn, postmaster, directory):
    """Every payment and refund of ours stands alone: what is printed must not be held."""
    env = {**os.environ, "DINER_CONFIG": os.path.join(directory, "diner.yaml")}
    psql(dsn, "truncate app.reconciliations, app.reconciliation_totals, app.differences", "checkpoint")
    for form in ("table", "json", "jsonl", "csv"):
        out = os.path.join(directory, "out")
        command = ["sh", "-c", f"{args.diner} -q payments reconcile --no-bill --channel wechat --date 2026-11-21 --pool-days 0 "
                               f"-o {form} --html {out}.html >{out} 2>/dev/null; [ $? -eq 9 ]"]
        run = timed(command, postmaster, env)
        with open(out, "rb") as printed:
            lines = sum(1 for _ in printed)
        print(f"nothing agrees, -o {form} and --html: {run.seconds:.1f} s, {run.rss_kb >> 10} MiB (the goal is 64) for "
              f"{lines} lines of {os.path.getsize(out) >> 20} MiB", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("diner", type=os.path.abspath)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--pairs", type=int, default=5)
    args = options.parse_args()
    directory = tempfile.mkdtemp(prefix="diner-bench.", dir="/var/tmp")
    pg = os.path.join(tempfile.mkdtemp(prefix="diner-pg.", dir="/tmp"), "c")
    for place in (directory, os.path.dirname(pg)):
        os.chmod(place, 0o755)
    dsn = cluster("start", pg)
    try:
        with open(os.path.join(pg, "data", "postmaster.pid"), encoding="ascii") as pid_file:
            postmaster = int(pid_file.readline())
        psql(dsn, "alter system set max_wal_size = '8GB'", "alter system set autovacuum = off", "select pg_reload_conf()")
        measure(args, dsn, postmaster, directory)
        all_differ(args, dsn, postmaster, directory)
    finally:
        cluster("stop", pg)
        shutil.rmtree(os.path.dirname(pg), ignore_errors=True)
        shutil.rmtree(directory, ignore_errors=True)


main()
