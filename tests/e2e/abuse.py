#!/usr/bin/env python3
"""What every operation of lib/platform/openapi.yaml answers to those who mean no good.

usage: abuse.py OPENAPI [PATTERN]    (PATTERN: only the paths that have it; DINER_DEV_DIR names the environment; ABUSE_PORT and DINER_JWT_SECRET a server of it)

The document drives it: an operation added there is abused without a word here. While a hundred slow
clients hold connections open, each operation is called without a token, with one that has expired,
by a role that may not, about another store's things, with SQL and numbers out of any range in every
parameter and every member of its body, and with bodies that are too large, no JSON, or not as
declared. Whatever is refused must be refused by a declared status and a name of the catalogue, and
change no row of any table. Ends with TAP lines; exit status 1 when one is "not ok".
"""
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import yaml

DEV, SECRET = os.environ["DINER_DEV_DIR"], os.environ["DINER_JWT_SECRET"]
PORT = os.environ["ABUSE_PORT"]
DSN = f"postgresql:///diner?host={DEV}/pg&port=5432&user=diner"
SQL = ["'; DROP TABLE app.orders; --", "' OR '1'='1", "$1); DELETE FROM app.stock; --", "\\'; --%s"]
NUMBERS = ["-1", "-0.000001", "9223372036854775808", "1e400", "-1e400", "99999999999999999999999.99"]
BROKEN = [b"{", b"[]", b'"text"', b"nul", b"{}{}", b'{"a":\xff}', b'{"a":"\\u0000"}', b"[" * 100000,
          b'{"a":1,}']
BIG = 10 * 1024 * 1024
OTHERS = "S002"  # the store of others; ours is S001
METHODS = ("get", "post", "put", "patch", "delete")

with open(sys.argv[1], encoding="utf-8") as document:
    SPEC = yaml.safe_load(document)
# An answer names its error by one of the words in the description of its status.
CATALOGUE = {name: set(re.findall(r"[a-z]+(?:_[a-z]+)*", response["description"]))
             for name, response in SPEC["components"]["responses"].items()}


def read(path):
    with open(f"{DEV}/{path}", encoding="utf-8") as file:
        return file.read().strip()


PSQL = subprocess.Popen(["psql", "-XqAt", "-d", DSN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def sql(text):
    PSQL.stdin.write(text + ";\n\\echo @end\n")
    PSQL.stdin.flush()
    return "".join(iter(PSQL.stdout.readline, "@end\n")).strip()


TABLES = sql("select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables "
             "where schemaname in ('app', 'channel_local') order by 1").split("\n")
DIGEST = " union all ".join(f"select '{table}', md5(coalesce(string_agg(t::text, '|' order by t::text), ''))"
                            f" from {table} t" for table in TABLES)


def digest():
    return dict(line.split("|") for line in sql(DIGEST).split("\n"))


# ---- the document -------------------------------------------------------------------------------

def resolve(node):
    while "$ref" in node:
        at = SPEC
        for key in node["$ref"][2:].split("/"):
            at = at[key]
        node = at
    return node


class Operation:
    def __init__(self, path, method, node):
        self.path, self.method, self.node = path, method.upper(), node
        self.name = f"{self.method} {path}"
        parameters = [resolve(p) for p in node.get("parameters", [])]
        self.parameters = {place: [p for p in parameters if p["in"] == place]
                           for place in ("path", "query", "header")}
        self.is_public = node.get("security") == []
        self.is_signed = any(p["name"] == "X-Diner-Signature" for p in self.parameters["header"])
        content = node.get("requestBody", {}).get("content", {}).get("application/json")
        self.schema = resolve(content["schema"]) if content else None
        self.is_preview = path.endswith(("/preview", "/find"))  # asks by a body, changes nothing
        self.is_write = self.method != "GET" and not self.is_preview and not self.is_public
        said = node.get("summary", "") + " " + node.get("description", "")
        self.denied = ["readonly"] if self.is_write else []  # roles that may not, by what the document says
        if "roles admin and integration" in said:
            self.denied = ["readonly", "store"]
        elif "only for admins" in said:
            self.denied = ["readonly", "store", "integration"]
        elif "Not for the role store" in said:
            self.denied = ["readonly", "store"]

    def names(self, status):
        """The names an error of this status may have; None: the status is not declared."""
        response = self.node["responses"].get(str(status))
        if response is None:
            return None
        return CATALOGUE.get(response.get("$ref", "").split("/")[-1], set())


OPERATIONS = [Operation(path, method, node) for path, item in SPEC["paths"].items()
              for method, node in item.items()
              if method in METHODS and re.search(sys.argv[2] if len(sys.argv) > 2 else "", path)]


# ---- bodies -------------------------------------------------------------------------------------

def example(schema, name, things):
    """A value of the schema, with every member it may have."""
    schema = resolve(schema)
    if name in things:
        return things[name]
    if "enum" in schema:
        return schema["enum"][0]
    if "oneOf" in schema:
        return example(schema["oneOf"][0], name, things)
    kind = schema.get("type", "string")
    if kind == "object":
        return {key: example(value, key, things) for key, value in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], name, things)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return False
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    return schema.get("example", "x")


def leaves(schema, at=()):
    """(path, schema) of each value in a body that is neither object nor array."""
    schema = resolve(schema)
    kind = schema.get("type")
    if kind == "object":
        for key, value in schema.get("properties", {}).items():
            yield from leaves(value, at + (key,))
    elif kind == "array":
        yield from leaves(schema["items"], at + (0,))
    else:
        yield at, schema


def with_leaf(body, at, raw):
    """The body as JSON text with that value as it stands in `raw`."""
    copy = json.loads(json.dumps(body))
    node = copy
    for key in at[:-1]:
        node = node[key]
    node[at[-1]] = "@leaf@"
    return json.dumps(copy, ensure_ascii=False).replace('"@leaf@"', raw).encode()


def is_number(schema):
    return schema.get("type") in ("integer", "number") or any(
        s.get("type") == "number" for s in schema.get("oneOf", []))


# ---- asking -------------------------------------------------------------------------------------

def token(user, role, store=None, seconds=3600):
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    now = int(time.time())
    claims = {"sub": user["username"], "uid": user["id"], "role": role, "use": "access",
              "iat": now - 60, "exp": now + seconds, "jti": "abuse"}
    if store:
        claims["store"] = store
    text = encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
    mac = hmac.new(SECRET.encode(), text, hashlib.sha256).digest()
    return (text + b"." + encode(mac)).decode()


class Answer:
    def __init__(self, status, body, seconds):
        self.status, self.text, self.seconds = status, body, seconds
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = {}
        self.error = self.json.get("error") if isinstance(self.json, dict) else None


class Server:
    """One connection that stays."""

    def __init__(self):
        self.port, self.connection = int(PORT), None

    def send(self, method, target, body=None, headers=None, chunked=False):
        for is_last in (False, True):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                started = time.monotonic()
                self.connection.request(method, target, iter([body]) if chunked else body, headers or {},
                                        encode_chunked=chunked)
                answer = self.connection.getresponse()
                text = answer.read()
                if answer.will_close:
                    self.close()
                return Answer(answer.status, text, time.monotonic() - started)
            except (OSError, http.client.HTTPException) as problem:
                self.close()
                if is_last:
                    return Answer(0, str(problem).encode(), 0)

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def target(operation, things, query=None, path=None):
    def fill(match):
        value = (path or {}).get(match[1], things.get(match[1], "1"))
        return urllib.parse.quote(str(value), safe="")
    filled = re.sub(r"\{(\w+)\}", fill, operation.path)
    return filled + ("?" + urllib.parse.urlencode(query) if query else "")


def signed(operation, body, headers):
    if not operation.is_signed:
        return headers
    stamp = str(int(time.time()))
    mac = hmac.new(read("secrets/callbacks").encode(), stamp.encode() + b"." + (body or b""), hashlib.sha256)
    return {**headers, "X-Diner-Timestamp": stamp, "X-Diner-Signature": mac.hexdigest()}


# ---- slow clients -------------------------------------------------------------------------------

class SlowClients(threading.Thread):
    """A byte of a head or of a body now and then, for ever; the server has to end each."""

    COUNT, SECONDS_MAX = 100, 40

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.ended_s, self.open = port, [], {}

    def run(self):
        head = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n"
        for i in range(self.COUNT):
            s = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            s.sendall(head + (b"Content-Length: 100000\r\n\r\n{" if i % 2 else b"X-Slow: "))
            s.setblocking(False)
            self.open[s] = time.monotonic()
        while self.open:
            time.sleep(0.5)
            for s, since in list(self.open.items()):
                try:
                    s.send(b"a")
                    if s.recv(1000) == b"":
                        raise ConnectionResetError
                except BlockingIOError:
                    if time.monotonic() - since < self.SECONDS_MAX:
                        continue
                except OSError:
                    pass
                self.ended_s.append(time.monotonic() - since)
                s.close()
                del self.open[s]


# ---- the abuse ----------------------------------------------------------------------------------

class Abuse:
    def __init__(self):
        self.server, self.count, self.failed, self.asked, self.slowest_s = Server(), 0, 0, 0, 0.0
        admin = self.log_in("admin")
        self.things, self.others = {}, {}
        self.tokens = {"admin": admin}
        for role, store in (("store", "S001"), ("readonly", None), ("integration", None)):
            user = self.make("/users", {"username": f"abuse-{role}", "password": "not to be guessed",
                                        "role": role, **({"store": store} if store else {})})
            self.tokens[role] = token(user, role, store)
            self.tokens["expired " + role] = token(user, role, store, -1)
        member = self.make("/members", {"name": "甲", "phone": "13800000001"})["member_no"]
        self.make("/campaigns", {"code": "ABUSE", "name": "x", "kind": "amount", "amount": "0.01", "coupon": True,
                                 "budget": 1})
        self.make("/coupons", {"campaign": "ABUSE", "code": "ABUSE", "uses": 1000000})
        for store, things in (("S001", self.things), (OTHERS, self.others)):
            self.furnish(store, "S003" if store == OTHERS else OTHERS, things, member)
        self.before = digest()

    def log_in(self, name):
        body = json.dumps({"username": name, "password": read("secrets/" + name)})
        return self.server.send("POST", "/api/v1/auth/login", body).json["data"]["access_token"]

    def make(self, path, body):
        answer = self.server.send("POST", "/api/v1" + path, json.dumps(body),
                                  {"Authorization": "Bearer " + self.tokens["admin"]})
        if answer.status not in (200, 201):
            raise RuntimeError(f"{path}: {answer.status} {answer.text}")
        return answer.json["data"]

    def furnish(self, store, other, things, member):
        """What the parameters of paths name, in that store; {id} is by its resource."""
        sku = sql(f"select p.sku from app.stock k join app.products p on p.id = k.product_id join app.stores s "
                  f"on s.id = k.store_id where s.code = '{store}' and k.policy = 'forbid' and k.qty > 50 "
                  "and not exists (select from app.recipes r where r.product_id = p.id) order by 1 limit 1")
        items = [{"product": sku, "quantity": 1}]
        order = self.make("/orders", {"store": store, "channel": "dine_in", "items": items})
        self.make(f"/orders/{order['order_no']}/pay", {"payment_method": "cash"})
        refund = self.make(f"/orders/{order['order_no']}/refunds", {"amount": "0.01", "reason": "x"})
        things.update(
            store=store, code=store, from_store=store, to_store=other, sku=sku, product=sku,
            order_no=order["order_no"], refund_no=refund["refund_no"], member_no=member, member=member,
            campaign="ABUSE", coupon="ABUSE", coupons=["ABUSE"], unit="份", quantity=1, role="readonly", payment_method="cash",
            counts=self.make("/stock/counts", {"store": store, "items": [{"product": sku, "quantity": 500}]})["id"],
            transfers=self.make("/stock/transfers", {"from_store": store, "to_store": other, "items": items})["id"],
            reservations=self.make("/stock/reservations", {"store": store, "expires_in": 86400, "items": items})["id"])

    def of(self, operation, things):
        """The things as the paths of this operation call them."""
        words = operation.path.split("/")
        here = dict(things)
        for word in ("counts", "transfers", "reservations"):
            if word in words:
                here["id"] = things[word]
        if "{channel}" in operation.path:
            here["channel"] = "local"
        return here

    def report(self, ok, name, why=""):
        self.count += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}")
        if not ok:
            print("# " + str(why)[:2000].replace("\n", "\n# "), flush=True)

    def call(self, operation, who="admin", things=None, body=b"", query=None, path=None, headers=None, **how):
        things = self.of(operation, self.things) if things is None else things
        headers = dict(headers or {})
        if who and not operation.is_public:
            headers["Authorization"] = "Bearer " + self.tokens.get(who, who)
        body = body or (b"{}" if operation.method != "GET" else None)
        self.asked += 1
        answer = self.server.send(operation.method, target(operation, things, query, path), body,
                                  signed(operation, body, headers), **how)
        self.slowest_s = max(self.slowest_s, answer.seconds)
        return answer

    # What is wrong with a refusal; "" when nothing is.
    def problem(self, operation, answer, status=None, error=None):
        names = operation.names(answer.status)
        said = f"{answer.status} {answer.text[:300]!r}"
        if status is not None and answer.status not in (status if isinstance(status, tuple) else (status,)):
            return f"wanted {status}, got {said}"
        if error is not None and answer.error not in (error if isinstance(error, tuple) else (error,)):
            return f"wanted {error}, got {said}"
        if names is None:
            return f"status not declared: {said}"
        if answer.status >= 500:
            return said
        if answer.status >= 400 and answer.error not in names:
            return f"the name is not in the catalogue of {answer.status}: {said}"
        if answer.status >= 400 and set(answer.json) != {"code", "message", "error", "details", "trace_id"}:
            return f"not the envelope of an error: {said}"
        return ""

    def check(self, operation, name, problems, may_change=False):
        """Reports one kind of abuse of one operation; the tables must be as they were."""
        problems = [p for p in problems if p]
        after = digest()
        if not may_change and after != self.before:
            changed = [t for t in after if after[t] != self.before.get(t)]
            problems.append(f"changed: {changed}")
        self.before = after
        self.report(not problems, f"{operation.name}: {name}", "\n".join(problems[:5]))

    # ---- each kind ----

    def tokens_of_no_use(self, operation):
        if operation.is_public:
            return
        wrong = [self.problem(operation, self.call(operation, None), 401, "unauthorised")]
        wrong += [self.problem(operation, self.call(operation, t), 401, "unauthorised")
                  for t in ("x", "a.b.c", self.tokens["admin"][:-3] + "AAA")]
        unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
        forged = unsigned + "." + self.tokens["admin"].split(".")[1] + "."
        wrong.append(self.problem(operation, self.call(operation, forged), 401, "unauthorised"))
        self.check(operation, "no token, forged ones", wrong)
        wrong = [self.problem(operation, self.call(operation, "expired " + role), 401, "token_expired")
                 for role in ("store", "readonly")]
        self.check(operation, "an expired token", wrong)

    def wrong_role(self, operation):
        body = json.dumps(self.full_body(operation)).encode()
        for role in operation.denied:
            answer = self.call(operation, role, body=body if operation.method != "GET" else b"")
            self.check(operation, "the role " + role, [self.problem(operation, answer, 403, "forbidden_role")])

    def others_in_lists(self, operation):
        """A list that nobody filters has nothing of other stores either."""
        if "page_size" not in {p["name"] for p in operation.parameters["query"]} or "{" in operation.path:
            return
        answer = self.call(operation, "store", query={"page_size": 100})
        if "store" in operation.denied:
            return
        wrong = [self.problem(operation, answer, 200)]
        for item in answer.json.get("data", {}).get("items", []):
            stores = {item[key] for key in ("store", "from_store", "to_store") if item.get(key)}
            if stores and "S001" not in stores:
                wrong.append(f"shown to another store: {item}")
        self.check(operation, "another store's data in its list", wrong)

    def others_data(self, operation):
        """A user of S001 about a thing of S002: as if it were not there."""
        named = {p["name"] for p in operation.parameters["path"]}
        is_of_store = named & {"store", "order_no", "refund_no"} or "id" in named and "/stock/" in operation.path
        things = self.of(operation, self.others)
        body = self.full_body(operation, things)
        in_body = {"store", "from_store"} & set(body if isinstance(body, dict) else {})
        in_query = "store" in {p["name"] for p in operation.parameters["query"]}
        if operation.is_public or not (is_of_store or in_body or in_query):
            return
        answer = self.call(operation, "store", things, json.dumps(body).encode() if body else b"",
                           {"store": OTHERS} if in_query else None)
        wrong = self.problem(operation, answer)
        if answer.status < 300 and answer.json["data"].get("items") != []:
            wrong = f"shown to another store: {answer.text[:300]!r}"
        elif answer.status == 400:  # refused for another reason proves nothing
            wrong = f"wanted 403, 404 or 422, got {answer.text[:300]!r}"
        self.check(operation, "another store's data", [wrong])

    def full_body(self, operation, things=None):
        if operation.schema is None:
            return {}
        things = dict(self.of(operation, self.things) if things is None else things)
        if "{channel}" not in operation.path:
            things.pop("channel", None)
        return example(operation.schema, "", things)

    def parameters(self, operation):
        wrong = []
        for parameter in operation.parameters["path"]:
            for value in SQL + NUMBERS + ["x" * 3000, "\x00", "../..", "名"]:
                answer = self.call(operation, path={parameter["name"]: value})
                if parameter["name"] == "unit" and operation.method == "PUT":
                    wrong.append(self.problem(operation, answer))
                else:
                    wrong.append(self.problem(operation, answer, (400, 401, 403, 404, 409, 414, 422)))
        for parameter in operation.parameters["query"]:
            schema = resolve(parameter["schema"])
            for value in SQL + NUMBERS + ["", "x" * 3000, "\x00"]:
                answer = self.call(operation, query={parameter["name"]: value})
                wrong.append(self.problem(operation, answer))
                is_free = "enum" not in schema and schema.get("type") == "string" and "format" not in schema
                if answer.status == 200 and not is_free and value != "":
                    wrong.append(f"{parameter['name']}={value!r} was taken: {answer.text[:200]!r}")
                if answer.status == 200 and value in SQL and answer.json["data"].get("items"):
                    wrong.append(f"{parameter['name']}={value!r} found something: {answer.text[:200]!r}")
        if operation.parameters["query"] or operation.method == "GET" and not operation.is_public:
            answer = self.call(operation, query={"nobody_declared_this": 1})
            wrong.append(self.problem(operation, answer, 400, "bad_parameter"))
        if any(p["name"] == "Idempotency-Key" for p in operation.parameters["header"]) and operation.is_write:
            for value in ("two words", "x" * 256, SQL[0]):
                answer = self.call(operation, headers={"Idempotency-Key": value})
                wrong.append(self.problem(operation, answer, 400, "bad_parameter"))
        self.check(operation, "SQL and numbers out of range in its parameters", wrong)

    def too_large(self, operation):
        wrong = []
        for chunked in (False, True):
            answer = self.call(operation, body=b" " * BIG, chunked=chunked,
                               headers={"Transfer-Encoding": "chunked"} if chunked else None)
            if answer.status != 413 or answer.error != "body_too_large":
                wrong.append(f"{'chunked' if chunked else 'with its length'}: {answer.status} {answer.text[:200]!r}")
        self.check(operation, "a body of 10 MB", wrong)

    def broken_bodies(self, operation):
        if operation.schema is None:
            return
        wrong = [self.problem(operation, self.call(operation, body=body), 400) for body in BROKEN]
        self.check(operation, "a body that is no JSON object", wrong)
        body = self.full_body(operation)
        text = json.dumps(body)
        if body:
            key, value = next(iter(body.items()))
            twice = "{" + json.dumps(key) + ":" + json.dumps(value) + "," + text[1:]
            self.check(operation, "a key given twice",
                       [self.problem(operation, self.call(operation, body=twice.encode()), 400)])
        if operation.is_signed:
            return  # another's shape: what it says more is left
        more = text[:-1] + (", " if body else "") + '"nobody_declared_this": 1}'
        answer = self.call(operation, body=more.encode())
        self.check(operation, "a member that is not declared",
                   [self.problem(operation, answer, 400, "bad_parameter")])

    def members(self, operation):
        if operation.schema is None:
            return
        body = self.full_body(operation)
        for at, schema in leaves(operation.schema):
            wrong, changes = [], False
            name = ".".join(map(str, at))
            for text in SQL + ["x" * 70000]:
                answer = self.call(operation, body=with_leaf(body, at, json.dumps(text)))
                wrong.append(self.problem(operation, answer))
                changes |= answer.status < 300
            for raw in NUMBERS:
                answer = self.call(operation, body=with_leaf(body, at, raw))
                wrong.append(self.problem(operation, answer))
                is_signed_number = at[-1] == "delta" and raw.startswith("-1") and raw != "-1e400"
                if answer.status < 300 and is_number(schema) and not is_signed_number and "results" not in str(answer.text):
                    wrong.append(f"{raw} was taken: {answer.text[:200]!r}")
                changes |= answer.status < 300
            for raw in ("[]", "{}", "true", '"\\ud800"'):
                answer = self.call(operation, body=with_leaf(body, at, raw))
                wrong.append(self.problem(operation, answer))
                changes |= answer.status < 300
            self.check(operation, f"SQL and numbers out of range as {name}", wrong, changes)

    def run(self):
        slow = SlowClients(self.server.port)
        slow.start()
        for operation in OPERATIONS:
            self.tokens_of_no_use(operation)
            self.wrong_role(operation)
            self.others_data(operation)
            self.others_in_lists(operation)
            self.parameters(operation)
            self.broken_bodies(operation)
            self.members(operation)
            self.too_large(operation)
        slow.join(60)
        self.report(len(slow.ended_s) == slow.COUNT and max(slow.ended_s) < slow.SECONDS_MAX,
                    "slow clients were shown out", slow.ended_s)
        self.report(sql("select count(*) from app.stock where qty < 0 and policy = 'forbid'") == "0",
                    "no stock is below zero")
        print(f"# {self.asked} requests, the slowest {self.slowest_s:.3f} s beside {slow.COUNT} slow clients")
        self.report(self.slowest_s < 5, "nobody else waited", f"{self.slowest_s} s")
        print(f"1..{self.count}")
        return 1 if self.failed else 0


if __name__ == "__main__":
    sys.exit(Abuse().run())
