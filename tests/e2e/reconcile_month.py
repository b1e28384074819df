#!/usr/bin/env python3
"""A month of sales and refunds, in our books and in those of two payment channels, with faults put in
on either side: what reconciling must find is known.

usage: reconcile_month.py DIR SEED [DAYS [SALES-A-DAY]]

Writes into DIR the bills (wechat_DAY.csv, alipay_DAY.csv), ours.sql (for psql) and expected.txt:
lines "DAY CHANNEL KIND NUMBER CLASS STATE", sorted.
"""
import datetime
import random
import sys

FIRST = datetime.date(2026, 10, 1)
POOL_DAYS = 3
WECHAT_HEAD = ("交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
               "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
               "手续费,费率,订单金额,申请退款金额,费率备注")
WECHAT_SUM = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
ALIPAY_HEAD = ("支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
               "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,"
               "卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注")


def yuan(fen):
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def fee_of(fen):
    """In fen, rounded half up: 0.6 %."""
    return (fen * 6 + 500) // 1000


class Month:
    def __init__(self, seed, days, sales):
        self.random = random.Random(seed)
        self.days = [FIRST + datetime.timedelta(n) for n in range(days)]
        self.sales = sales
        self.bills = {(c, d): [] for c in ("wechat", "alipay") for d in self.days}
        self.payments, self.refunds, self.expected = [], [], []
        self.count = 0

    # -- the two sides -------------------------------------------------------------------------
    def bill(self, sale, **other):
        row = dict(sale, **other)
        self.bills[row["channel"], row["day"]].append(row)

    def ours(self, sale, **other):
        row = dict(sale, **other)
        (self.refunds if row["kind"] == "refund" else self.payments).append(row)

    def expect(self, sale, klass, state="open", **other):
        row = dict(sale, **other)
        self.expected.append(f"{row['day']} {row['channel']} {row['kind']} {row['number']} {klass} {state}")

    def both(self, sale):
        self.bill(sale)
        self.ours(sale)

    def sale(self, channel, day):
        self.count += 1
        n = self.count
        second = self.random.randrange(600, 85000)
        fen = self.random.randrange(1, 60000)
        return {"channel": channel, "day": day, "kind": "payment", "number": f"P{n:06d}", "txn": f"4200{n:012d}",
                "fen": fen, "fee": fee_of(fen), "at": second, "status": "succeeded", "state": "SUCCESS"}

    def refund(self, sale, part):
        """A part of a sale, later that day."""
        n = sum(1 for r in self.refunds if r["of"] == sale["number"]) + 1
        return dict(sale, kind="refund", number=f"{sale['number']}-R{self.count}-{n}-{self.random.randrange(1000)}", fen=part,
                    fee=fee_of(part), of=sale["number"], sale=sale["fen"])

    def waiting(self, day):
        return "pending" if (self.days[-1] - day).days < POOL_DAYS else "open"

    # -- the faults ----------------------------------------------------------------------------
    def fault(self, name, channel, day):
        sale = self.sale(channel, day)
        following = day + datetime.timedelta(1)
        if name == "channel_only":
            self.bill(sale)
            self.expect(sale, "channel_only")
        elif name == "local_only":
            self.ours(sale)
            self.expect(sale, "local_only", self.waiting(day))
        elif name == "amount":
            self.bill(sale)
            self.ours(sale, fen=sale["fen"] + self.random.choice([-1, 1, 100]) if sale["fen"] > 1 else 2)
            self.expect(sale, "amount")
        elif name == "fee":
            self.bill(sale, fee=sale["fee"] + self.random.choice([-1, 1]))
            self.ours(sale)
            self.expect(sale, "fee")
        elif name == "status":
            self.bill(sale)
            self.ours(sale, status=self.random.choice(["sent", "failed", "closed", "created"]))
            self.expect(sale, "status")
        elif name == "duplicate_channel":
            self.both(sale)
            self.bill(sale, at=sale["at"] + 1)
            self.expect(sale, "duplicate_channel")
        elif name == "duplicate_local":
            self.both(sale)
            self.ours(sale, number=sale["number"] + "B")
            self.expect(sale, "duplicate_local", number=sale["number"] + "B")
        elif name == "other_number":
            self.bill(sale)
            self.ours(sale, number=sale["number"] + "T")
        elif following not in self.days:
            self.both(sale)
        elif name == "early_bill":  # they before midnight, we after it
            self.bill(sale, at=86390)
            self.ours(sale, day=following, at=5)
            self.expect(sale, "other_day", "closed")
            self.expect(sale, "local_only", "closed", day=following)
        elif name == "late_bill":
            self.ours(sale, at=86395)
            self.bill(sale, day=following, at=3)
            self.expect(sale, "local_only", "closed")
            self.expect(sale, "other_day", "closed", day=following)
        elif name == "billed_twice":
            self.both(sale)
            self.bill(sale, day=following)
            self.expect(sale, "duplicate_channel", day=following)

    def refund_fault(self, name, channel, day):
        sale = self.sale(channel, day)
        sale["fen"] += 1000
        sale["fee"] = fee_of(sale["fen"])
        self.both(sale)
        refund = self.refund(sale, self.random.randrange(2, 400))
        if name == "channel_only":
            self.bill(refund)
            self.expect(refund, "channel_only")
        elif name == "local_only":
            self.ours(refund)
            self.expect(refund, "local_only", self.waiting(day))
        elif name == "amount":
            self.bill(refund)
            self.ours(refund, fen=refund["fen"] - 1)
            self.expect(refund, "amount")
        elif name == "status":
            self.bill(refund)
            self.ours(refund, status=self.random.choice(["requested", "failed"]))
            self.expect(refund, "status")
        elif name == "snapshot":
            self.bill(refund, state="PROCESSING")
            # Alipay's bill has no states: what is in it was paid out.
            self.ours(refund, status=self.random.choice(["accepted", "succeeded"] + ["failed"] * (channel == "wechat")))
        elif name == "no_number":  # twice the same amount, and the bill gives no number
            for _ in range(2):
                refund = self.refund(sale, refund["fen"])
                self.ours(refund)
                self.bill(refund, bill_number="")
                if channel == "wechat":
                    self.bills[channel, day][-1]["bill_number"] = refund["number"]

    def make(self):
        faults = ["channel_only", "local_only", "amount", "fee", "status", "duplicate_channel", "duplicate_local",
                  "other_number", "early_bill", "late_bill", "billed_twice"]
        of_refunds = ["channel_only", "local_only", "amount", "status", "snapshot", "no_number"]
        for channel in ("wechat", "alipay"):
            for day in self.days:
                for _ in range(self.sales):
                    sale = self.sale(channel, day)
                    self.both(sale)
                    if self.random.random() < 0.1 and sale["fen"] > 10:
                        for part in {1, sale["fen"] // 3}:
                            self.both(self.refund(sale, part))
                for _ in range(self.random.randrange(4)):
                    self.fault(self.random.choice(faults), channel, day)
                if self.random.random() < 0.5:
                    self.refund_fault(self.random.choice(of_refunds), channel, day)
            for n, name in enumerate(faults):  # each once at least
                self.fault(name, channel, self.days[n % len(self.days)])
            for n, name in enumerate(of_refunds):
                self.refund_fault(name, channel, self.days[n % len(self.days)])

    # -- as files ------------------------------------------------------------------------------
    def when(self, row):
        return f"{row['day']} {row['at'] // 3600:02d}:{row['at'] // 60 % 60:02d}:{row['at'] % 60:02d}"

    def wechat(self, day):
        rows = self.bills["wechat", day]
        self.random.shuffle(rows)
        lines, pay, back, fees = [WECHAT_HEAD], 0, 0, 0
        for row in rows:
            refund = row["kind"] == "refund"
            fees += -row["fee"] if refund else row["fee"]
            pay += 0 if refund else row["fen"]
            back += row["fen"] if refund else 0
            gross, given = ("0.00", yuan(row["fen"])) if refund else (yuan(row["fen"]), "0.00")
            fields = [self.when(row), "wx1", "1900000109", "0", "", row["txn"], row.get("of", row["number"]), "openid", "JSAPI",
                      "REFUND" if refund else "SUCCESS", "OTHERS", "CNY", gross, "0.00",
                      "50" + row["number"] if refund else "0", row["number"] if refund else "0", given, "0.00",
                      "ORIGINAL" if refund else "", row["state"] if refund else "", "面,加蛋", "",
                      f"{yuan(-row['fee'] if refund else row['fee'])}000", "0.60%", gross, given, ""]
            lines.append("`" + ",`".join(fields))
        lines += [WECHAT_SUM, "`" + ",`".join([str(len(rows)), yuan(pay), yuan(back), "0.00", f"{yuan(fees)}000", yuan(pay), yuan(back)])]
        return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()

    def alipay(self, day):
        rows = self.bills["alipay", day]
        self.random.shuffle(rows)
        following = day + datetime.timedelta(1)
        lines = ["#支付宝业务明细查询", "#账号：[20880123456789010156]",
                 f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{following:%Y年%m月%d日} 00:00:00]",
                 "#-----业务明细列表-----", ALIPAY_HEAD]
        pays = [row for row in rows if row["kind"] == "payment"]
        backs = [row for row in rows if row["kind"] == "refund"]
        for row in rows:
            refund = row["kind"] == "refund"
            amount = yuan(-row["fen"] if refund else row["fen"])
            lines.append("\t,".join([row["txn"], row.get("of", row["number"]), "退款" if refund else "交易", "面", self.when(row),
                                     self.when(row), "S001", "店", "", "", "*杨(137****2600)", amount, amount, "0.00", "0.00",
                                     "0.00", "0.00", "0.00", "", "0.00", "0.00", row.get("bill_number", row["number"]) if refund else "",
                                     yuan(row["fee"] if refund else -row["fee"]), "0.00", ""]))
        lines += ["#-----业务明细列表结束-----",
                  f"#交易合计：{len(pays)}笔，商家实收共{yuan(sum(r['fen'] for r in pays))}元，商家优惠共0.00元",
                  f"#退款合计：{len(backs)}笔，商家实收退款共{yuan(-sum(r['fen'] for r in backs))}元，商家优惠退款共0.00元",
                  f"#导出时间：[{following:%Y年%m月%d日} 09:00:00]"]
        return ("\r\n".join(lines) + "\r\n").encode("gb18030")

    def sql(self):
        lines = ["begin;", "create temp table o as select min(id) as id from app.orders;",
                 "create temp table p (number text, method text, fen bigint, status text, txn text, at timestamptz);",
                 "copy p from stdin;"]
        self.random.shuffle(self.payments)
        for p in self.payments:
            at = self.when(p) + "+08" if p["status"] == "succeeded" else r"\N"
            lines.append("\t".join([p["number"], p["channel"], str(p["fen"]), p["status"], p["txn"], at]))
        lines += [r"\.", "insert into app.payments (order_id, payment_no, method, channel, amount, status, is_surplus, transaction_id, paid_at)",
                  "select o.id, number, method, 'ch', fen / 100.0, status, true, txn, at from p, o;",
                  "create temp table r (number text, payment text, fen bigint, status text, at timestamptz);", "copy r from stdin;"]
        for r in self.refunds:
            at = r"\N" if r["status"] == "requested" else self.when(r) + "+08"
            lines.append("\t".join([r["number"], r["of"], str(r["fen"]), r["status"], at]))
        lines += [r"\.", "insert into app.refunds (payment_id, order_id, refund_no, amount, status, reason, accepted_at, final_at)",
                  "select p.id, p.order_id, r.number, r.fen / 100.0, r.status, 'cold', r.at, "
                  "case when r.status in ('succeeded', 'failed') then r.at end from r join app.payments p on p.payment_no = r.payment;",
                  "commit;"]
        return "\n".join(lines) + "\n"


def main():
    directory, seed = sys.argv[1], int(sys.argv[2])
    month = Month(seed, int(sys.argv[3]) if len(sys.argv) > 3 else 30, int(sys.argv[4]) if len(sys.argv) > 4 else 40)
    month.make()
    for day in month.days:
        with open(f"{directory}/wechat_{day}.csv", "wb") as out:
            out.write(month.wechat(day))
        with open(f"{directory}/alipay_{day}.csv", "wb") as out:
            out.write(month.alipay(day))
    with open(f"{directory}/ours.sql", "w", encoding="utf-8") as out:
        out.write(month.sql())
    with open(f"{directory}/expected.txt", "w", encoding="utf-8") as out:
        out.write("".join(line + "\n" for line in sorted(month.expected)))


main()
