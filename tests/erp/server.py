#!/usr/bin/env python3
"""Answers in the shapes of four ERPs, on 127.0.0.1, for tests.

    tests/erp/server.py [--port N]        prints the port as its first line, runs until killed

    /k3cloud/...           Kingdee 云星空 WebAPI: array-of-arrays answers, errors inside HTTP 200
    /json/2/..., /web/...  Odoo: JSON-2 (19.0) and the JSON-RPC of its web client
    /api/resource/...      ERPNext / Frappe REST
    /sap/opu/odata/sap/... SAP OData V2; /sap/opu/odata4/... V4

Tests steer it:  POST /_control {"lose_sessions": true}     every session is gone
                 POST /_control {"set": {"NAME": VALUE}}     see KNOBS
                 POST /_control {"reset": true}              as it began
                 GET  /_log      requests seen: [{method, path, query, headers, body}]
                 GET  /_written  documents written: {"kingdee": [...], "odoo": [...], ...}
The shapes are those of the vendors' documentation; nothing here is taken for the systems themselves.
"""
import base64
import hashlib
import http.server
import json
import re
import sys
import threading
import time
import urllib.parse
import uuid

from data import MATERIALS, ORDERS, STOCK, SUPPLIERS

KNOBS = {
    "page_cap": 3,            # rows that a page has at most, whatever was asked
    "sap_ignores_paging": False,   # $top and $skip do nothing, and there is no __next
    "drop_after_write": 0,    # so many writes are carried out, and their answers lost
    "frappe_default": 20,     # rows of a listing that does not say limit_page_length
    "expire_after": 0,        # a session is lost after so many requests
}
STATE = {}
LOCK = threading.RLock()


def reset():
    STATE.update(knobs=dict(KNOBS), log=[], sessions={}, written={
        "kingdee": [], "odoo": [], "erpnext": [], "sap": []}, ids=100000)


def number(text):
    """A JSON number with exactly these digits (see dump)."""
    return "\u0001" + text


def dump(value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return re.sub(r'"\\u0001([^"]*)"', r"\1", text).encode()


def next_id():
    STATE["ids"] += 1
    return STATE["ids"]


def session_make(kind):
    key = str(uuid.uuid4())
    STATE["sessions"][key] = {"kind": kind, "used": 0}
    return key


def session_is_good(key):
    session = STATE["sessions"].get(key)
    if session is None:
        return False
    session["used"] += 1
    limit = STATE["knobs"]["expire_after"]
    if limit and session["used"] > limit:
        del STATE["sessions"][key]
        return False
    return True


class Answer(Exception):
    def __init__(self, status, body=b"", headers=None, drop=False):
        super().__init__(status)
        self.status, self.headers, self.drop = status, headers or {}, drop
        self.body = body if isinstance(body, bytes) else dump(body)


def wrote(vendor, document, answer, status=200, headers=None):
    """Keeps a document; the answer may be lost on its way."""
    STATE["written"][vendor].append(document)
    if STATE["knobs"]["drop_after_write"] > 0:
        STATE["knobs"]["drop_after_write"] -= 1
        raise Answer(0, drop=True)
    raise Answer(status, answer, headers)


# ---- Kingdee ---------------------------------------------------------------------------------

KD_ACCOUNT, KD_USER, KD_PASSWORD = "65a48b111c0197", "integration", "kd-password"
KD_APP, KD_SECRET = "280001_app", "kd-app-secret"


def kd_rows(form):
    """Rows of a form by the names of their fields. A tenant's own field is F_DINER_Shelf."""
    if form == "BD_MATERIAL":
        return [{"FMATERIALID": 1000 + i, "FNumber": m[0], "FName": m[1], "FSpecification": m[2] or " ",
                 "FBaseUnitId.FName": m[3], "FMaterialGroup.FNumber": m[4], "FModifyDate": m[5],
                 "FDocumentStatus": "C", "FForbidStatus": "A", "F_DINER_Shelf": "A-%d" % i}
                for i, m in enumerate(MATERIALS)]
    if form == "STK_Inventory":
        names = {m[0]: m for m in MATERIALS}
        return [{"FID": str(uuid.UUID(int=i)), "FStockId.FNumber": s[0], "FMaterialId.FNumber": s[1],
                 "FMaterialId.FName": names[s[1]][1], "FBaseUnitId.FName": names[s[1]][3],
                 "FLot.FNumber": "", "FBaseQty": number(s[2])} for i, s in enumerate(STOCK)]
    if form == "BD_Supplier":
        return [{"FSupplierId": 500 + i, "FNumber": s[0], "FName": s[1], "FModifyDate": s[3],
                 "FDocumentStatus": "C", "FForbidStatus": "A"} for i, s in enumerate(SUPPLIERS)]
    if form == "PUR_PurchaseOrder":
        rows = []
        for i, (bill, supplier, store, date, status, modified, lines) in enumerate(ORDERS):
            for line, material, unit, quantity, price in lines:
                rows.append({"FID": 9000 + i, "FBillNo": bill, "FDate": date + "T00:00:00",
                             "FDocumentStatus": status, "FModifyDate": modified,
                             "FSupplierId.FNumber": supplier, "FPOOrderEntry_FSeq": line,
                             "FPOOrderEntry_FEntryID": 90000 + 10 * i + line,
                             "FReqStockId.FNumber": store, "FMaterialId.FNumber": material,
                             "FUnitId.FName": unit, "FQty": number(quantity),
                             "FTaxPrice": number(price)})
        return rows
    if form == "SAL_SaleOrder":
        return [{"FID": i + 1, "FBillNo": d["Model"]["FBillNo"], "FDate": "2026-11-21T00:00:00",
                 "FDocumentStatus": "A"} for i, d in enumerate(STATE["written"]["kingdee"])]
    return None


def kd_error(message, code=0, field=None):
    return {"Result": {"ResponseStatus": {
        "ErrorCode": 500, "IsSuccess": False,
        "Errors": [{"FieldName": field, "Message": message, "DIndex": 0}],
        "SuccessEntitys": [], "SuccessMessages": [], "MsgCode": code}}}


def kd_filter(rows, text):
    for part in filter(None, re.split(r"\s+and\s+", text or "", flags=re.I)):
        m = re.fullmatch(r"\s*([\w.]+)\s*(>=|<=|=|>|<)\s*'?([^']*)'?\s*", part)
        if not m:
            raise Answer(200, [[kd_error("过滤条件有误: " + part)]])
        field, op, value = m.groups()
        if rows and field not in rows[0]:
            raise Answer(200, [[kd_error("元数据中标识为%s的字段不存在" % field, 0, field)]])
        test = {"=": lambda a, b: a == b, ">": lambda a, b: a > b, "<": lambda a, b: a < b,
                ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b}[op]
        rows = [r for r in rows if test(r[field] if isinstance(r[field], str) else r[field],
                                        value if isinstance(r[field], str) else int(value))]
    return rows


def kd_query(query):
    rows = kd_rows(query.get("FormId"))
    if rows is None:
        raise Answer(200, [[kd_error("业务对象不存在")]])
    keys = [k.strip() for k in query.get("FieldKeys", "").split(",")]
    for key in keys:
        if rows and key not in rows[0]:
            raise Answer(200, [[kd_error("元数据中标识为%s的字段不存在" % key, 0, key)]])
    rows = kd_filter(rows, query.get("FilterString"))
    order = (query.get("OrderString") or "").split(" ")[0].split(",")[0]
    if order:
        rows.sort(key=lambda r: r[order])
    elif query.get("StartRow", 0) % 2:
        rows.reverse()  # without an order the database gives rows as it likes
    limit = min(query.get("Limit") or 2000, STATE["knobs"]["page_cap"])
    rows = rows[query.get("StartRow", 0):][:limit]
    raise Answer(200, [[r[k] for k in keys] for r in rows])


def kd_save(form, document):
    model = document.get("Model", {})
    if "FCustId" not in model:
        raise Answer(200, kd_error("字段“客户”是必填项", 11, "FCustId"))
    if any(d["Model"]["FBillNo"] == model.get("FBillNo") for d in STATE["written"]["kingdee"]):
        raise Answer(200, kd_error("违反字段唯一性要求：编码唯一。[%s]在当前系统中已经被使用。" %
                                   model["FBillNo"], 11, "FBillNo"))
    ident, bill = next_id(), model.get("FBillNo", "XSDD%06d" % STATE["ids"])
    entity = {"Id": ident, "Number": bill, "DIndex": 0}
    wrote("kingdee", dict(document, form=form), {"Result": {"ResponseStatus": {
        "IsSuccess": True, "Errors": [], "SuccessEntitys": [entity], "SuccessMessages": [],
        "MsgCode": 0}, "Id": ident, "Number": bill, "NeedReturnData": [{}]}})


def kd_login(r, service):
    p = r.json["parameters"]
    if service.endswith("LoginBySign"):
        expected = hashlib.sha256("".join(sorted(
            [KD_ACCOUNT, KD_USER, KD_APP, KD_SECRET, str(p[3])])).encode()).hexdigest()
        good = p[:3] == [KD_ACCOUNT, KD_USER, KD_APP] and p[4] == expected and \
            abs(int(p[3]) - time.time()) < 300 and p[5] == 2052
    else:
        good = p == [KD_ACCOUNT, KD_USER, KD_PASSWORD, 2052]
    if not good:
        raise Answer(200, {"Message": "用户名或密码错误", "MessageCode": "CheckPasswordPolicy",
                           "LoginResultType": 0, "Context": None, "KDSVCSessionId": None,
                           "IsSuccessByAPI": False})
    key = session_make("kingdee")
    raise Answer(200, {"Message": None, "MessageCode": "CheckPasswordPolicy", "LoginResultType": 1,
                       "Context": {"UserToken": str(uuid.uuid4())}, "KDSVCSessionId": key,
                       "IsSuccessByAPI": True},
                 {"Set-Cookie": ["ASP.NET_SessionId=x%s; path=/; HttpOnly" % key[:8],
                                 "kdservice-sessionid=%s; path=/" % key]})


def kingdee(r):
    service = r.path.removeprefix("/k3cloud/Kingdee.BOS.WebApi.ServicesStub.")
    service = service.removesuffix(".common.kdsvc")
    if service.startswith("AuthService."):
        kd_login(r, service)
    asked = r.json.get("parameters") or [r.json.get("data")]
    asked = [json.loads(p) if isinstance(p, str) and p.startswith("{") else p for p in asked]
    is_query = service.endswith("ExecuteBillQuery")
    if not session_is_good(r.cookies.get("kdservice-sessionid") or r.headers.get("kdservice-sessionid")):
        lost = kd_error("会话信息已丢失，请重新登录", 1)
        raise Answer(200, [[lost]] if is_query else lost)
    if is_query:
        kd_query(asked[0])
    if service.endswith(".Save"):
        kd_save(asked[0], asked[1])
    raise Answer(404)


# ---- Odoo ------------------------------------------------------------------------------------

ODOO_DB, ODOO_KEY, ODOO_USER, ODOO_PASSWORD = "group", "odoo-api-key", "integration", "odoo-password"


def odoo_rows(model):
    at = {m[0]: i + 1 for i, m in enumerate(MATERIALS)}
    if model == "product.product":
        return [{"id": i + 1, "default_code": m[0], "name": m[1], "description_sale": m[2] or False,
                 "uom_id": [i + 10, m[3]], "categ_id": [1, m[4]], "list_price": number(m[6]),
                 "active": True, "write_date": m[5][:19].replace("T", " ")}
                for i, m in enumerate(MATERIALS)]
    if model == "stock.quant":
        return [{"id": i + 1, "location_id": [7 if s[0] == "S001" else 8, s[0] + "/Stock"],
                 "product_id": [at[s[1]], "[%s] x" % s[1]], "quantity": number(s[2]),
                 "reserved_quantity": number("0.0"), "lot_id": False,
                 "write_date": "2026-11-20 01:02:03"} for i, s in enumerate(STOCK)]
    if model == "res.partner":
        return [{"id": i + 1, "ref": s[0], "name": s[1], "phone": s[2] or False, "supplier_rank": 1,
                 "active": True, "write_date": s[3].replace("T", " ")} for i, s in enumerate(SUPPLIERS)]
    if model == "purchase.order":
        return [{"id": i + 1, "name": o[0], "partner_id": [1, o[1]], "state": "purchase",
                 "date_order": o[3] + " 00:00:00", "write_date": o[5].replace("T", " "),
                 "amount_total": number("1.00"), "currency_id": [7, "CNY"],
                 "order_line": [10 * (i + 1) + line[0] for line in o[6]]} for i, o in enumerate(ORDERS)]
    if model == "purchase.order.line":
        return [{"id": 10 * (i + 1) + line[0], "order_id": [i + 1, o[0]], "sequence": line[0],
                 "product_id": [at[line[1]], "[%s] x" % line[1]], "product_uom_id": [1, line[2]],
                 "product_qty": number(line[3]), "price_unit": number(line[4]),
                 "write_date": o[5].replace("T", " ")} for i, o in enumerate(ORDERS) for line in o[6]]
    return None


class OdooError(Exception):
    def __init__(self, status, name, message):
        super().__init__(message)
        self.status, self.name = status, name

    def body(self):
        return {"name": self.name, "message": str(self), "arguments": [str(self)], "context": {},
                "debug": "Traceback (most recent call last): ..."}


def odoo_search(model, kw):
    rows = odoo_rows(model)
    if rows is None:
        raise OdooError(404, "werkzeug.exceptions.NotFound", "the model '%s' does not exist" % model)
    for field, op, value in kw.get("domain", []):
        if rows and field not in rows[0] and "." not in field:
            raise OdooError(422, "ValueError", "Invalid field %s.%s" % (model, field))
        test = {">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b,
                "<=": lambda a, b: a <= b, "=": lambda a, b: a == b,
                "in": lambda a, b: a in b}.get(op)
        rows = [r for r in rows if "." in field or test(r[field], value)]
    for field in kw.get("fields") or []:
        if rows and field not in rows[0]:
            raise OdooError(422, "ValueError", "Invalid field '%s' on '%s'" % (field, model))
    rows.sort(key=lambda r: r["id"], reverse="desc" in (kw.get("order") or "id desc"))
    rows = rows[kw.get("offset") or 0:][:min(kw.get("limit") or 10**6, STATE["knobs"]["page_cap"])]
    return [{"id": r["id"], **{f: r[f] for f in kw.get("fields") or r}} for r in rows]


def odoo_create(model, kw):
    if model != "sale.order":
        raise OdooError(403, "odoo.exceptions.AccessError", "You are not allowed to create " + model)
    ids = []
    for values in kw["vals_list"]:
        if not isinstance(values.get("partner_id"), int):
            raise OdooError(422, "odoo.exceptions.ValidationError",
                            "The operation cannot be completed: missing value for 'partner_id'")
        ids.append(next_id())
    return ids


def odoo_method(model, method, kw):
    if method == "search_read":
        return odoo_search(model, kw)
    if method == "search_count":
        return len(odoo_search(model, dict(kw, limit=None)))
    if method == "create":
        return odoo_create(model, kw)
    raise OdooError(404, "werkzeug.exceptions.NotFound", "no method " + method)


def odoo_json2(r):
    _, _, _, model, method = r.path.split("/")
    try:
        if r.headers.get("authorization", "").lower() != "bearer " + ODOO_KEY:
            raise OdooError(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
        if r.headers.get("x-odoo-database") != ODOO_DB:
            raise OdooError(404, "werkzeug.exceptions.NotFound", "no such database")
        result = odoo_method(model, method, r.json)
    except OdooError as e:
        raise Answer(e.status, e.body())
    if method == "create":
        wrote("odoo", r.json["vals_list"], result)
    raise Answer(200, result)


ODOO_POSITIONS = {"search_read": ("domain", "fields", "offset", "limit", "order"),
                  "search_count": ("domain",), "create": ("vals_list",)}


def odoo_rpc(r):
    """The web client's JSON-RPC: a login that gives a cookie, then call_kw. Always HTTP 200."""
    p, envelope = r.json["params"], {"jsonrpc": "2.0", "id": r.json.get("id")}
    try:
        if r.path == "/web/session/authenticate":
            if [p.get("db"), p.get("login"), p.get("password")] != [ODOO_DB, ODOO_USER, ODOO_PASSWORD]:
                raise OdooError(200, "odoo.exceptions.AccessDenied", "Access Denied")
            key = session_make("odoo")
            raise Answer(200, dict(envelope, result={"uid": 2, "db": ODOO_DB}),
                         {"Set-Cookie": "session_id=%s; HttpOnly; Path=/" % key})
        if not session_is_good(r.cookies.get("session_id")):
            raise Answer(200, dict(envelope, error={
                "code": 100, "message": "Odoo Session Expired", "data": {
                    "name": "odoo.http.SessionExpiredException", "message": "Session expired"}}))
        kw = dict(zip(ODOO_POSITIONS.get(p["method"], ()), p["args"]), **p["kwargs"])
        answer = dict(envelope, result=odoo_method(p["model"], p["method"], kw))
    except OdooError as e:
        raise Answer(200, dict(envelope, error={
            "code": 200, "message": "Odoo Server Error", "data": e.body()}))
    if p["method"] == "create":
        wrote("odoo", kw["vals_list"], answer)
    raise Answer(200, answer)


# ---- ERPNext ---------------------------------------------------------------------------------

FRAPPE_TOKEN = "token frappe-key:frappe-secret"


def frappe_rows(doctype):
    def stamp(text):
        return text.replace("T", " ")[:19] + ".123456"
    if doctype == "Item":
        return [{"name": m[0], "item_code": m[0], "item_name": m[1], "description": m[2], "stock_uom": m[3],
                 "item_group": m[4], "disabled": 0, "modified": stamp(m[5])} for m in MATERIALS]
    if doctype == "Bin":
        return [{"name": "bin%d" % i, "warehouse": s[0] + " - DG", "item_code": s[1],
                 "actual_qty": number(s[2]), "reserved_qty": number("0.0"), "stock_uom": "kg",
                 "modified": "2026-11-20 09:02:03.000001"} for i, s in enumerate(STOCK)]
    if doctype == "Supplier":
        return [{"name": s[0], "supplier_name": s[1], "mobile_no": s[2] or None, "disabled": 0,
                 "modified": stamp(s[3])} for s in SUPPLIERS]
    if doctype == "Purchase Order":
        return [{"name": o[0], "supplier": o[1], "transaction_date": o[3], "status": "To Receive",
                 "docstatus": 1 if o[4] == "C" else 0, "set_warehouse": o[2] + " - DG",
                 "modified": stamp(o[5]), "grand_total": number("1.00"), "currency": "CNY",
                 "idx": line[0], "item_code": line[1], "uom": line[2], "qty": number(line[3]),
                 "rate": number(line[4])} for o in ORDERS for line in o[6]]
    if doctype == "Sales Invoice":
        return [{"name": d["name"], "customer": d["customer"], "posting_date": "2026-11-21",
                 "docstatus": 0} for d in STATE["written"]["erpnext"]]
    return None


def frappe_error(status, kind, message):
    raise Answer(status, {
        "exception": "frappe.exceptions.%s: %s" % (kind, message), "exc_type": kind,
        "exc": json.dumps(["Traceback (most recent call last): ..."]),
        "_server_messages": json.dumps([json.dumps({"message": message, "indicator": "red"})])})


def frappe_list(r, doctype):
    rows = frappe_rows(doctype)
    if rows is None:
        frappe_error(404, "DoesNotExistError", "DocType %s not found" % doctype)
    fields = json.loads(r.query.get("fields", '["name"]'))
    fields = [f.split(" as ")[-1] if " as " in f else f for f in fields]
    for field in fields:
        if rows and field != "*" and field not in rows[0]:
            frappe_error(417, "DataError", "Field not permitted in query: " + field)
    for field, op, value in json.loads(r.query.get("filters", "[]")):
        test = {">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "=": lambda a, b: a == b}[op]
        rows = [row for row in rows if test(row[field], value)]
    order = r.query.get("order_by", "modified desc")
    rows.sort(key=lambda row: row[order.split(" asc")[0].split(" desc")[0].split(".")[-1]], reverse="desc" in order)
    start = int(r.query.get("limit_start", 0))
    length = int(r.query.get("limit_page_length", STATE["knobs"]["frappe_default"]))
    rows = rows[start:][:length] if length else rows[start:]
    raise Answer(200, {"data": [row if fields == ["*"] else {f: row[f] for f in fields} for row in rows]})


def frappe(r):
    if r.headers.get("authorization") is None:
        frappe_error(403, "PermissionError", "Not permitted")
    if r.headers["authorization"] != FRAPPE_TOKEN:
        frappe_error(401, "AuthenticationError", "Invalid API Key or Secret")
    doctype = urllib.parse.unquote(r.path.removeprefix("/api/resource/"))
    if r.method == "GET":
        frappe_list(r, doctype)
    if not r.json.get("customer"):
        frappe_error(417, "MandatoryError", "[%s]: customer" % doctype)
    name = r.json.get("name", "SINV-%d" % next_id())
    if any(d.get("name") == name for d in STATE["written"]["erpnext"]):
        frappe_error(409, "DuplicateEntryError", "%s %s already exists" % (doctype, name))
    wrote("erpnext", dict(r.json, name=name, doctype=doctype), {"data": dict(r.json, name=name)})


# ---- SAP -------------------------------------------------------------------------------------

SAP_USER, SAP_PASSWORD = "INTEGRATION", "sap-password"


def sap_ms(text, offset=""):
    parsed = time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S" if "T" in text else "%Y-%m-%d")
    import calendar
    return "/Date(%d%s)/" % (calendar.timegm(parsed) * 1000, offset)


def sap_material(code):
    return code.zfill(18) if code.isdigit() else code


def sap_rows(entity):
    if entity in ("A_Product", "Product"):
        return [{"Product": sap_material(m[0]), "ProductGroup": m[4], "BaseUnit": m[3],
                 "LastChangeDateTime": sap_ms(m[5], "+0000") if entity == "A_Product" else m[5][:19] + "Z",
                 "ProductDescription": m[1]} for m in MATERIALS]
    if entity == "A_MatlStkInAcctMod":
        return [{"Material": sap_material(s[1]), "Plant": s[0], "StorageLocation": "0001", "Batch": "",
                 "InventoryStockType": "01", "MaterialBaseUnit": "KG",
                 "MatlWrhsStkQtyInMatlBaseUnit": s[2]} for s in STOCK]
    if entity == "A_Supplier":
        return [{"Supplier": s[0], "SupplierName": s[1], "CreationDate": sap_ms(s[3][:10])}
                for s in SUPPLIERS]
    if entity == "A_PurchaseOrder":
        return [{"PurchaseOrder": o[0], "Supplier": o[1], "PurchaseOrderDate": sap_ms(o[3]),
                 "LastChangeDateTime": sap_ms(o[5], "+0000"), "DocumentCurrency": "CNY",
                 "PurchasingDocumentDeletionCode": "",
                 "to_PurchaseOrderItem": {"results": [
                     {"PurchaseOrderItem": str(10 * line[0]), "Material": sap_material(line[1]),
                      "Plant": o[2], "PurchaseOrderQuantityUnit": line[2], "OrderQuantity": line[3],
                      "NetPriceAmount": line[4]} for line in o[6]]}} for o in ORDERS]
    if entity == "A_SalesOrder":
        return [{"SalesOrder": str(i + 1), "PurchaseOrderByCustomer": d.get("PurchaseOrderByCustomer", "")}
                for i, d in enumerate(STATE["written"]["sap"])]
    return None


def sap_error(status, message, v4, headers=None):
    text = message if v4 else {"lang": "en", "value": message}
    raise Answer(status, {"error": {"code": "SY/530", "message": text, "innererror": {}}}, headers)


def sap_page(r, rows, v4):
    knobs, base = STATE["knobs"], "http://%s%s" % (r.headers["host"], r.path)
    if knobs["sap_ignores_paging"]:
        rows = rows[:knobs["page_cap"]]
        return rows, None
    start = int(r.query.get("$skiptoken", r.query.get("$skip", "0")))
    top = int(r.query["$top"]) if "$top" in r.query else None
    page = rows[start:][:min(knobs["page_cap"], top or 10**6)]
    left = len(rows) - start - len(page)
    if left <= 0 or (top is not None and len(page) >= top):
        return page, None
    keep = {k: v for k, v in r.query.items() if k not in ("$skiptoken", "$skip")}
    if v4:
        base = r.path.rsplit("/", 1)[1]  # relative to the service
    return page, base + "?" + urllib.parse.urlencode(dict(keep, **{"$skiptoken": start + len(page)}))


def sap_read(r, entity, v4):
    rows = sap_rows(entity)
    if rows is None:
        sap_error(404, "Resource not found for the segment '%s'." % entity, v4)
    if not v4 and r.query.get("$format") != "json" and "json" not in r.headers.get("accept", ""):
        raise Answer(200, b"<feed xmlns='http://www.w3.org/2005/Atom'/>", {"Content-Type": "application/atom+xml"})
    page, following = sap_page(r, rows, v4)
    wanted = [f for f in r.query.get("$select", "").split(",") if f]
    for field in wanted:
        if rows and field not in rows[0]:
            sap_error(400, "Property %s not found" % field, v4)
    if "to_PurchaseOrderItem" not in r.query.get("$expand", ""):
        page = [{k: v for k, v in row.items() if k != "to_PurchaseOrderItem"} for row in page]
    page = [{k: v for k, v in row.items() if not wanted or k in wanted or k == r.query.get("$expand")}
            for row in page]
    if v4:
        answer = {"@odata.context": "$metadata#" + entity, "value": page}
        if following:
            answer["@odata.nextLink"] = following
        raise Answer(200, answer)
    answer = {"results": [dict({"__metadata": {"type": "x." + entity}}, **row) for row in page]}
    if r.query.get("$inlinecount") == "allpages":
        answer["__count"] = str(len(rows))
    if following:
        answer["__next"] = following
    raise Answer(200, {"d": answer})


def sap_token(r):
    cookie = r.cookies.get("SAP_SESSIONID_S4H_100", "")
    session = STATE["sessions"].get(cookie)
    return session and session.get("token")


def sap(r):
    expected = "Basic " + base64.b64encode(("%s:%s" % (SAP_USER, SAP_PASSWORD)).encode()).decode()
    if r.headers.get("authorization") != expected:
        raise Answer(401, b"<html>Anmeldung fehlgeschlagen</html>", {"Content-Type": "text/html"})
    v4 = r.path.startswith("/sap/opu/odata4/")
    entity = r.path.rsplit("/", 1)[1]
    if r.headers.get("x-csrf-token", "").lower() == "fetch":
        key = session_make("sap")
        STATE["sessions"][key]["token"] = token = uuid.uuid4().hex
        raise Answer(200, {"d": {"EntitySets": []}}, {
            "x-csrf-token": token,
            "Set-Cookie": ["SAP_SESSIONID_S4H_100=%s; path=/; secure=0" % key, "sap-usercontext=sap-client=100; path=/"]})
    if r.method == "GET":
        sap_read(r, entity, v4)
    if not sap_token(r) or r.headers.get("x-csrf-token") != sap_token(r):
        raise Answer(403, b"CSRF token validation failed",
                     {"x-csrf-token": "Required", "Content-Type": "text/plain"})
    if not r.json.get("SoldToParty"):
        sap_error(400, "Enter the sold-to party", v4)
    wrote("sap", r.json, {"d": dict(r.json, SalesOrder=str(next_id()))}, 201)


# ---- the server ------------------------------------------------------------------------------

def control(r):
    if r.json.get("reset"):
        reset()
    if r.json.get("lose_sessions"):
        STATE["sessions"].clear()
    STATE["knobs"].update(r.json.get("set", {}))
    raise Answer(200, STATE["knobs"])


ROUTES = [("/k3cloud/", kingdee), ("/json/2/", odoo_json2), ("/web/", odoo_rpc),
          ("/api/resource/", frappe), ("/sap/opu/", sap)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def parse(self):
        target = urllib.parse.urlsplit(self.path)
        self.method, self.path = self.command, urllib.parse.unquote(target.path)
        self.query = dict(urllib.parse.parse_qsl(target.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.text = body.decode()
        self.json = json.loads(self.text) if self.text.startswith("{") else {}
        self.cookies = dict(c.strip().split("=", 1) for c in
                            (self.headers.get("cookie") or "").split(";") if "=" in c)

    def route(self):
        if self.path == "/_control":
            control(self)
        if self.path == "/_log":
            raise Answer(200, STATE["log"])
        if self.path == "/_written":
            raise Answer(200, STATE["written"])
        STATE["log"].append({"method": self.method, "path": self.path, "query": self.query,
                             "headers": {k.lower(): v for k, v in self.headers.items()},
                             "body": self.text})
        for prefix, answer in ROUTES:
            if self.path.startswith(prefix):
                answer(self)
        raise Answer(404)

    def handle_any(self):
        self.parse()
        try:
            with LOCK:
                self.route()
        except Answer as caught:
            a = caught
        except Exception as e:  # pylint: disable=broad-except
            a = Answer(500, repr(e).encode(), {"Content-Type": "text/plain"})
        if a.drop:
            self.close_connection = True
            return
        self.send_response(a.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(a.body)), **a.headers}
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name, one)
        self.end_headers()
        self.wfile.write(a.body)

    do_GET = do_POST = do_PUT = handle_any

    def log_message(self, *args):
        pass


def main():
    port = int(sys.argv[2]) if sys.argv[1:2] == ["--port"] else 0
    reset()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    sys.stdout.write("%d\n" % server.server_address[1])
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
