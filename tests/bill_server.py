#!/usr/bin/env python3
"""WeChat Pay and Alipay for tests, on 127.0.0.1: bills, for who signs as the vendors ask.

    tests/bill_server.py DIR        writes DIR/port, runs until killed; with DIR/tls.pem also DIR/tls_port

tls.pem is the certificate and key of a second listener, which talks to none but those whose certificate clients.pem
has signed; only there is a fund flow of v2 given. DIR has merchant.pub (of who asks) and channel.key (of the channel: its answers are signed).
PUT /_script with JSON {"v2": STEP, "v3": STEP, "alipay": STEP} says what is answered:
    file PATH                 the bill          gzip   packed for the way
    answer "text" [status N]  this instead of a bill, or of where it lies
    hash, download_url        instead of the true ones; null leaves them out
    download "text"           comes where the bill should lie
    cut N                     only N bytes of the bill, the connection closes
    unsigned, forged, old     how the answer's signature is wrong
    failures N                first N times 503
    digest D                  v2's header Digest: of the "plain" bytes, of the "packed", or what it says
GET /_log gives [{path, ok, why, asked}] of all requests; PUT /_script forgets them.
"""
import base64
import gzip
import hashlib
import hmac
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree

DIR = sys.argv[1]
MCH, APP, SERIAL, KEY = "1900000109", "wx0123456789abcdef", "5157F09E", "key-of-v2-for-the-test"
ALIPAY_APP = "2021000000000000"
LOCK = threading.Lock()
STATE = {"script": {}, "log": [], "failed": {}}


def verified(text, signature):
    """Whether the merchant signed the text."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(base64.b64decode(signature))
        f.flush()
        return subprocess.run(["openssl", "dgst", "-sha256", "-verify", f"{DIR}/merchant.pub",
                               "-signature", f.name], input=text.encode(), check=False,
                              stdout=subprocess.DEVNULL).returncode == 0


def signed(text):
    out = subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"{DIR}/channel.key"],
                         input=text.encode(), check=True, capture_output=True).stdout
    return base64.b64encode(out).decode()


def bill_of(step):
    with open(step["file"], "rb") as f:
        body = f.read()
    return body, gzip.compress(body) if step.get("gzip") else body


def v2_problem(fields):
    """Why the signature or the shape is wrong; "" when it is right."""
    given = fields.pop("sign", "")
    text = "&".join(f"{k}={fields[k]}" for k in sorted(fields) if fields[k]) + "&key=" + KEY
    if fields.get("sign_type") == "HMAC-SHA256":
        want = hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
    else:
        want = hashlib.md5(text.encode()).hexdigest().upper()
    if given != want:
        return "SIGN ERROR"
    shape = (fields["appid"] == APP and fields["mch_id"] == MCH and
             re.fullmatch(r"\d{8}", fields["bill_date"]) and 0 < len(fields["nonce_str"]) <= 32)
    return "" if shape else "data format error"


def flow_problem(fields, connection):
    """Of the fund flow: signed the one way, an account of its, and a client certificate."""
    shape = (fields.get("sign_type") == "HMAC-SHA256" and
             fields.get("account_type") in ("Basic", "Operation", "Fees") and "bill_type" not in fields)
    known = isinstance(connection, ssl.SSLSocket) and connection.getpeercert()
    return "" if shape and known else "no certificate" if shape else "data format error"


def v3_problem(authorization, method, target):
    match = re.fullmatch(r'WECHATPAY2-SHA256-RSA2048 mchid="(\w+)",nonce_str="(\w+)",'
                         r'timestamp="(\d+)",serial_no="(\w+)",signature="([^"]+)"',
                         authorization or "")
    if not match:
        return "no Authorization"
    mch, nonce, at, serial, signature = match.groups()
    if mch != MCH or serial != SERIAL or abs(time.time() - int(at)) > 300:
        return "another merchant, certificate or time"
    return "" if verified(f"{method}\n{target}\n{at}\n{nonce}\n\n", signature) else "SIGN_ERROR"


def alipay_problem(params):
    given = params.pop("sign", "")
    text = "&".join(f"{k}={params[k]}" for k in sorted(params) if params[k])
    if not given or not verified(text, given):
        return "isv.invalid-signature"
    shape = (params["app_id"] == ALIPAY_APP and params["sign_type"] == "RSA2" and
             params["method"] == "alipay.data.dataservice.bill.downloadurl.query" and
             re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", params["timestamp"]))
    return "" if shape else "isv.invalid-parameter"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass

    def give(self, body, status=200, headers=(), cut=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.close_connection = True

    def note(self, problem, asked):
        with LOCK:
            STATE["log"].append({"path": self.path.split("?")[0], "ok": problem == "",
                                 "why": problem, "asked": asked})

    def fails(self, name, step):
        with LOCK:
            failed = STATE["failed"].get(name, 0)
            STATE["failed"][name] = failed + 1
        if failed >= step.get("failures", 0):
            return False
        self.give(b"busy", 503)
        return True

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with LOCK:
            STATE.update(script=json.loads(body), log=[], failed={})
        self.give(b"{}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path in ("/pay/downloadbill", "/pay/downloadfundflow"):
            self.v2({e.tag: e.text or "" for e in ElementTree.fromstring(body)})
        else:
            self.alipay(dict(urllib.parse.parse_qsl(body, strict_parsing=True)))

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/_log":
            with LOCK:
                self.give(json.dumps(STATE["log"]).encode())
        elif path.startswith("/v3/"):
            self.v3(path)
        else:
            self.note("credentials" if self.headers["Authorization"] else "", {})
            self.bill(STATE["script"]["alipay"])

    def bill(self, step):
        if "download" in step:
            return self.give(step["download"].encode())
        plain, packed = bill_of(step)
        digest = {"plain": hashlib.sha1(plain).hexdigest(), "packed": hashlib.sha1(packed).hexdigest()}
        said = step.get("digest")
        headers = [("Digest", "SHA=" + digest.get(said, said))] if said else []
        return self.give(packed, headers=headers, cut=step.get("cut"))

    def v2(self, fields):
        step, asked = STATE["script"]["v2"], dict(fields)
        is_flow = self.path == "/pay/downloadfundflow"
        problem = v2_problem(fields) or (flow_problem(asked, self.connection) if is_flow else "")
        self.note(problem, asked)
        if problem:
            step = {"answer": "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA["
                              f"{problem}]]></return_msg><error_code>20001</error_code></xml>"}
        if self.fails("v2", step):
            return None
        return self.give(step["answer"].encode()) if "answer" in step else self.bill(step)

    def v3(self, path):
        step, problem = STATE["script"]["v3"], v3_problem(self.headers["Authorization"], "GET",
                                                          self.path)
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        self.note(problem, query)
        if problem:
            return self.give(json.dumps({"code": "SIGN_ERROR", "message": problem}).encode(), 401)
        if self.fails("v3", step):
            return None
        if path == "/v3/billdownload/file":
            return self.bill(step)
        if "answer" in step:
            return self.give(step["answer"].encode(), step.get("status", 200))
        return self.v3_place(step)

    def v3_place(self, step):
        host = self.headers["Host"]
        place = {"hash_type": "SHA1", "hash_value": hashlib.sha1(bill_of(step)[0]).hexdigest(),
                 "download_url": f"http://{host}/v3/billdownload/file?token=6XIv5TUPto7pByrT&tartype=gzip"}
        place.update({k: step[n] for k, n in (("hash_value", "hash"),
                                              ("download_url", "download_url")) if n in step})
        body = json.dumps({k: v for k, v in place.items() if v is not None})
        at = str(int(time.time()) - (3600 if step.get("old") else 0))
        signature = signed(f"{at}\nN0nce\n{body}\n")
        headers = [("Wechatpay-Timestamp", at), ("Wechatpay-Nonce", "N0nce"),
                   ("Wechatpay-Signature", signature), ("Wechatpay-Serial", "PUB_KEY_ID_1")]
        if step.get("forged"):
            body = body.replace("6XIv5TUPto7pByrT", "another")
        return self.give(body.encode(), headers=[] if step.get("unsigned") else headers)

    def alipay(self, params):
        step, asked = STATE["script"]["alipay"], dict(params)
        problem = alipay_problem(params)
        self.note(problem, asked)
        if problem:
            return self.give(json.dumps({"error_response": {
                "code": "40002", "msg": "Invalid Arguments", "sub_code": problem,
                "sub_msg": "验签出错"}}, ensure_ascii=False).encode())
        if "answer" in step:
            return self.give(step["answer"].encode())
        url = step.get("download_url", f"http://{self.headers['Host']}/download?token=x")
        node = json.dumps({"code": "10000", "msg": "Success", "bill_download_url": url})
        node = node.replace("/", "\\/")  # as the gateway writes it: what is signed is the text
        signature = signed(node + ("x" if step.get("forged") else ""))
        sign = "" if step.get("unsigned") else f', "sign": "{signature}"'
        return self.give(('{"alipay_data_dataservice_bill_downloadurl_query_response": %s%s}' %
                          (node, sign)).encode())


def listen(name, wrap=lambda s: s):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = wrap(server.socket)
    with open(f"{DIR}/{name}.new", "w", encoding="utf-8") as f:
        f.write(str(server.server_address[1]))
    os.rename(f"{DIR}/{name}.new", f"{DIR}/{name}")
    return server


def to_known_clients(plain):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{DIR}/tls.pem")
    context.load_verify_locations(f"{DIR}/clients.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    # In 1.3 the client is done before it is refused, and may find the connection gone without a word.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    # The handshake is the business of the thread that has the connection, not of the listener.
    return context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)


if os.path.exists(f"{DIR}/tls.pem"):
    threading.Thread(target=listen("tls_port", to_known_clients).serve_forever, daemon=True).start()
listen("port").serve_forever()
