#!/usr/bin/python3
"""A scriptable mail server for tests, on 127.0.0.1 (aiosmtpd).

    tests/smtp_server.py DIR [CERT KEY]      writes its port to DIR/port, runs until killed

Each message is a file DIR/N.eml with its envelope in DIR/N.json, written before the answer to its
data. DIR/mode says what that answer is: ok (also when there is no such file), temporary (451),
permanent (550), stall (none while the mode stays so), drop (the connection is cut instead), refuse
(550 to every recipient). With CERT and KEY it offers STARTTLS. Whoever logs in must be shop with
password correct-horse.
"""
import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

DIRECTORY = sys.argv[1]


def mode():
    try:
        with open(os.path.join(DIRECTORY, "mode")) as file:
            return file.read().strip()
    except FileNotFoundError:
        return "ok"


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if mode() == "refuse":
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answers = {"temporary": "451 4.3.0 try later", "permanent": "550 5.7.1 not wanted"}
        answer = answers.get(mode(), "250 OK")
        if answer[0] == "2":
            Handler.count += 1
            name = os.path.join(DIRECTORY, str(Handler.count))
            with open(name + ".json", "w") as file:
                json.dump({"from": envelope.mail_from, "to": envelope.rcpt_tos,
                           "tls": session.ssl is not None, "login": session.authenticated}, file)
            with open(name + ".part", "wb") as file:
                file.write(envelope.content)
            os.rename(name + ".part", name + ".eml")
        while mode() == "stall":
            await asyncio.sleep(0.05)
        if mode() == "drop":
            server.transport.abort()
        return answer


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"shop" and data.password == b"correct-horse"
    return AuthResult(success=good, handled=good)


async def main():
    context = None
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Handler(), tls_context=context, authenticator=authenticate, loop=loop),
        "127.0.0.1", 0)
    with open(os.path.join(DIRECTORY, "port.new"), "w") as file:
        file.write(str(server.sockets[0].getsockname()[1]))
    os.rename(os.path.join(DIRECTORY, "port.new"), os.path.join(DIRECTORY, "port"))
    await server.serve_forever()


asyncio.run(main())
