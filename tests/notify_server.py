#!/usr/bin/env python3
"""Robots and an SMS service for tests, on 127.0.0.1: they verify signatures by themselves.

    tests/notify_server.py PORTFILE LOGFILE     writes its port, runs until killed

/dingtalk?access_token=T, /wecom?key=K, /feishu/ID, /slack/ID, /sms, /count. Each call is a line of
JSON in LOGFILE with `ok`: whether it was signed and shaped as its vendor says. PUT /_answer/NAME
with a JSON list of {"status", "body", "delay_ms"} scripts the next answers of one of them.
/count counts posts by Idempotency-Key, as GET /count tells.
"""
import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = b"SECtestsecret"
SMS_KEY, SMS_SECRET = "smskey-of-test", b"smssecret-of-test"
LOCK = threading.Lock()
ANSWERS, SENT, COUNTS = {}, [], {}
LOG = open(sys.argv[2], "a", encoding="utf-8")
GOOD = {"dingtalk": '{"errcode":0,"errmsg":"ok"}', "wecom": '{"errcode":0,"errmsg":"ok"}',
        "feishu": '{"code":0,"msg":"success"}', "slack": "ok", "count": "",
        "sms": '{"Code":"OK","Message":"OK","BizId":"1"}'}


def sign(key, text, kind=hashlib.sha256):
    return base64.b64encode(hmac.new(key, text, kind).digest()).decode()


def fresh(seconds):
    return abs(time.time() - float(seconds)) < 600


def dingtalk(query, body, _path):
    at, message = query["timestamp"], json.loads(body)
    return (query["access_token"] == "dingtoken" and fresh(int(at) / 1000) and
            query["sign"] == sign(SECRET, at.encode() + b"\n" + SECRET) and
            message["msgtype"] == "markdown" and len(message["markdown"]["title"]) > 0)


def wecom(query, body, _path):
    message = json.loads(body)
    return query["key"] == "wekey" and 0 < len(message["markdown"]["content"].encode()) <= 4096


def feishu(_query, body, path):
    message = json.loads(body)
    at = message["timestamp"]
    return (path == "/feishu/hook-id" and fresh(at) and len(body) <= 20480 and
            message["msg_type"] == "text" and "text" in message["content"] and
            message["sign"] == sign(at.encode() + b"\n" + SECRET, b""))


def slack(_query, body, path):
    return path == "/slack/hook-id" and list(json.loads(body)) == ["text"]


def quote(text):
    return urllib.parse.quote(text, safe="-_.~")


def sms(_query, body, _path):
    p = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
    given = p.pop("Signature")
    text = "POST&%2F&" + quote("&".join(quote(k) + "=" + quote(p[k]) for k in sorted(p)))
    good = (given == sign(SMS_SECRET + b"&", text.encode(), hashlib.sha1) and
            p["AccessKeyId"] == SMS_KEY and p["Version"] == "2017-05-25")
    if p["Action"] == "SendSms":
        good = good and all(isinstance(v, str) for v in json.loads(p["TemplateParam"]).values())
        with LOCK:
            SENT.append({"OutId": p["OutId"], "SendStatus": 3})
    return good


def details():
    with LOCK:
        return json.dumps({"Code": "OK", "TotalCount": len(SENT),
                           "SmsSendDetailDTOs": {"SmsSendDetailDTO": list(SENT)}})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def reply(self, status, text, headers=()):
        data = text.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def do_PUT(self):
        name, text = self.path.rsplit("/", 1)[1], self.body()
        with LOCK:
            ANSWERS[name] = json.loads(text)
            SENT.clear()
            COUNTS.clear()
        self.reply(200, "")

    def do_GET(self):
        with LOCK:
            self.reply(200, json.dumps(COUNTS))

    def do_POST(self):
        url = urllib.parse.urlsplit(self.path)
        name, body = url.path.split("/")[1], self.body()
        query = dict(urllib.parse.parse_qsl(url.query))
        with LOCK:
            step = ANSWERS[name].pop(0) if ANSWERS.get(name) else {}
        if step.get("lost"):  # it never got here
            self.connection.close()
            return
        try:
            good = name == "count" or globals()[name](query, body, url.path)
        except (KeyError, ValueError) as problem:
            good = repr(problem)
        with LOCK:
            if name == "count":
                key = self.headers["Idempotency-Key"]
                COUNTS[key] = COUNTS.get(key, 0) + 1
            LOG.write(json.dumps({"name": name, "ok": good, "body": body.decode()}, ensure_ascii=False) + "\n")
            LOG.flush()
        time.sleep(step.get("delay_ms", 0) / 1000)
        if "drop" in step:
            self.close_connection = True
            return
        default = details() if b"QuerySendDetails" in body else GOOD[name]
        self.reply(step.get("status", 200), step.get("body", default), step.get("headers", {}).items())


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


server = Server(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
