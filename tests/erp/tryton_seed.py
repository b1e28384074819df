#!/usr/bin/env python3
"""Fills an empty Tryton 6.0 with what a small restaurant group has, through its own JSON-RPC.

    tests/erp/tryton_seed.py URL PASSWORD      URL with the database: http://127.0.0.1:8000/erp/

Company, two warehouses (S001, S002), six materials, stock of five of them, two suppliers with
prices, one purchase order of three lines, three customers (the restaurants) and five members of
the loyalty programme. The ids that tests need are printed as JSON.

    tests/erp/tryton_seed.py call URL PASSWORD METHOD PARAMS-AS-JSON      one call, its result
"""
import base64
import json
import sys
import urllib.error
import urllib.request

MATERIALS = [  # code, name, unit, list price, cost price, on hand in S001, in S002
    ("01.010.1001", "东北大米", "kg", "6.50", "4.2000", 1250.5, 80),
    ("01.010.1002", "菜籽油", "l", "18.00", "11.3500", 96.25, 40),
    ("02.011.2001", "带皮五花肉", "kg", "52.00", "31.8000", 63.12, 0),
    ("02.011.2002", "三黄鸡", "u", "45.00", "27.0000", 118, 36),
    ("03.020.3001", "青椒", "kg", "9.90", "5.1250", 22.4, 0),
    ("04.030.4001", "打包盒", "u", "1.00", "0.3333", 0, 0),
]
MEMBERS = [  # code, name, mobile, unionid
    ("M0001", "王小明", "13800000001", "oU-0001"),
    ("M0002", "李 雷", "13800000002", "oU-0002"),
    ("M0003", "韩梅梅", "13800000003", None),
    ("M0004", "Zoë", None, "oU-0004"),
    ("M0005", "陈\"引号\"", "13800000005", None),
]


class Tryton:
    def __init__(self, url, password):
        self.url, self.headers, self.context = url, {"Content-Type": "application/json"}, {}
        uid, key = self.call("common.db.login", "admin", {"password": password}, "en")
        session = base64.b64encode(b"admin:%d:%s" % (uid, key.encode())).decode()
        self.headers["Authorization"] = "Session " + session
        self.uid = uid

    def call(self, method, *params):
        found = self.ask(method, *params)
        error = found.get("error")
        if error and error[0] == "UserWarning":  # a question to a person: yes
            self.ask("model.res.user.warning.create", [{"name": error[1][0], "user": self.uid}], {})
            found = self.ask(method, *params)
            error = found.get("error")
        if error:
            sys.exit("tryton_seed: %s: %s" % (method, error))
        return found["result"]

    def ask(self, method, *params):
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url, body, self.headers)) as answer:
            return json.load(answer)

    def model(self, name, method, *params):
        return self.call("model.%s.%s" % (name, method), *params, self.context)

    def create(self, name, *records):
        return self.model(name, "create", list(records))

    def find(self, name, domain):
        return self.model(name, "search", domain, 0, 1, None)[0]


def decimal(text):
    return {"__class__": "Decimal", "decimal": text}


def date(year, month, day):
    return {"__class__": "date", "year": year, "month": month, "day": day}


def company_make(t):
    currency = t.create("currency.currency", {
        "name": "人民币", "code": "CNY", "symbol": "¥", "digits": 2, "rounding": decimal("0.01"),
        "rates": [["create", [{"date": date(2020, 1, 1), "rate": decimal("1")}]]]})[0]
    party = t.create("party.party", {"code": "C0", "name": "示例餐饮集团"})[0]
    company = t.create("company.company", {
        "party": party, "currency": currency})[0]
    t.call("model.res.user.write", [t.uid], {
        "companies": [["add", [company]]], "company": company}, {})
    t.context = {"company": company, "employee": None}
    return company, currency


def warehouse_make(t, code, name):
    ids = t.create("stock.location", *({"name": name + part, "code": code + suffix, "type": "storage"}
                                       for part, suffix in (("收货区", "-IN"), ("库房", "-STO"),
                                                            ("发货区", "-OUT"))))
    return t.create("stock.location", {
        "name": name, "code": code, "type": "warehouse", "input_location": ids[0],
        "storage_location": ids[1], "output_location": ids[2]})[0], ids[1]


def materials_make(t, company):
    units = {s: t.find("product.uom", [["symbol", "=", s]]) for s in ("kg", "l", "u")}
    ids = {}
    for code, name, unit, price, cost, *_ in MATERIALS:
        template = t.create("product.template", {
            "name": name, "type": "goods", "default_uom": units[unit], "list_price": decimal(price),
            "salable": True, "sale_uom": units[unit], "purchasable": True,
            "purchase_uom": units[unit], "cost_price_method": "fixed",
            "products": [["create", [{"suffix_code": code, "cost_price": decimal(cost)}]]]})[0]
        ids[code] = t.find("product.product", [["template", "=", template]])
    return ids, units


def stock_make(t, company, currency, products, units, storages):
    supplier = t.find("stock.location", [["type", "=", "supplier"]])
    moves = []
    for code, _, unit, _, cost, *quantities in MATERIALS:
        for storage, quantity in zip(storages, quantities):
            if quantity:
                moves.append({
                    "product": products[code], "uom": units[unit], "quantity": quantity,
                    "from_location": supplier, "to_location": storage, "company": company,
                    "currency": currency, "unit_price": decimal(cost),
                    "planned_date": date(2026, 11, 1), "effective_date": date(2026, 11, 1)})
    ids = t.create("stock.move", *moves)
    t.model("stock.move", "do", ids)


def party(code, name, mobile=None, unionid=None, category=None):
    mechanisms = [{"type": "mobile", "value": mobile}] if mobile else []
    if unionid:
        mechanisms.append({"type": "other", "name": "unionid", "value": unionid})
    record = {"code": code, "name": name, "addresses": [["create", [{"city": "上海"}]]],
              "contact_mechanisms": [["create", mechanisms]]}
    if category:
        record["categories"] = [["add", [category]]]
    return record


def purchasing_make(t, company, currency, products, units, warehouse, category):
    suppliers = t.create("party.party", party("V001", "沪上粮油有限公司", "13900000001", None, category),
                         party("V002", "绿源蔬菜配送", "13900000002", None, category))
    for code, supplier, price in (("01.010.1001", 0, "4.2000"), ("01.010.1002", 0, "11.3500"),
                                  ("03.020.3001", 1, "5.1250")):
        t.create("purchase.product_supplier", {
            "product": products[code], "company": company, "currency": currency,
            "template": t.model("product.product", "read", [products[code]], ["template"])[0]["template"],
            "party": suppliers[supplier], "code": "SUP-" + code,
            "prices": [["create", [{"quantity": 1, "unit_price": decimal(price)}]]]})
    address = t.find("party.address", [["party", "=", suppliers[0]]])
    lines = [{"type": "line", "product": products[code], "unit": units[unit], "quantity": quantity,
              "unit_price": decimal(price), "description": name}
             for code, name, unit, quantity, price in (
                 ("01.010.1001", "东北大米", "kg", 500, "4.2000"),
                 ("01.010.1002", "菜籽油", "l", 60.5, "11.3500"),
                 ("04.030.4001", "打包盒", "u", 3000, "0.3333"))]
    order = t.create("purchase.purchase", {
        "party": suppliers[0], "invoice_address": address, "company": company,
        "currency": currency, "warehouse": warehouse, "reference": "PO-2026-11-01",
        "purchase_date": date(2026, 11, 1), "lines": [["create", lines]]})[0]
    t.model("purchase.purchase", "quote", [order])
    return suppliers, order


def seed(url, password):
    t = Tryton(url, password)
    company, currency = company_make(t)
    s001, sto1 = warehouse_make(t, "S001", "人民广场店")
    s002, sto2 = warehouse_make(t, "S002", "徐家汇店")
    products, units = materials_make(t, company)
    stock_make(t, company, currency, products, units, (sto1, sto2))
    categories = dict(zip(("supplier", "store", "member"), t.create(
        "party.category", {"name": "supplier"}, {"name": "store"}, {"name": "member"})))
    suppliers, order = purchasing_make(t, company, currency, products, units, s001,
                                       categories["supplier"])
    stores = t.create("party.party", *(party(code, name, category=categories["store"])
                                       for code, name in (("S001", "人民广场店"), ("S002", "徐家汇店"),
                                                          ("S003", "静安寺店"))))
    members = t.create("party.party", *(party(*m, category=categories["member"]) for m in MEMBERS))
    addresses = [t.find("party.address", [["party", "=", p]]) for p in stores]
    print(json.dumps({"company": company, "currency": currency, "warehouses": [s001, s002],
                      "products": products, "units": units, "suppliers": suppliers,
                      "purchase": order, "stores": stores, "store_addresses": addresses,
                      "members": members, "categories": categories}))


def main():
    if sys.argv[1] == "call":
        url, password, method, params = sys.argv[2:6]
        t = Tryton(url, password)
        json.dump(t.call(method, *json.loads(params)), sys.stdout, ensure_ascii=False)
        print()
    else:
        seed(*sys.argv[1:3])


if __name__ == "__main__":
    main()
