#!/usr/bin/python3
"""An AMQP client that is not ours, for events.bats.

rabbit.py PORT ping
rabbit.py PORT drain QUEUE            one JSON line a message, taken
rabbit.py PORT publish QUEUE ID TYPE BODY   ID - and TYPE -: without
rabbit.py PORT event KEY ID BODY      to the exchange of the events
rabbit.py PORT purge QUEUE...
rabbit.py PORT remake QUEUE           deletes it and declares it as a classic queue
rabbit.py PORT delete QUEUE
rabbit.py PORT bounce QUEUE           gives back what it is given until nothing comes
"""
import json
import sys

import pika


def properties(message_id, kind):
    return pika.BasicProperties(message_id=None if message_id == "-" else message_id,
                                type=None if kind == "-" else kind, delivery_mode=2)


def drain(channel, queue):
    for method, p, body in channel.consume(queue, auto_ack=True, inactivity_timeout=0.5):
        if method is None:
            return
        headers = p.headers or {}
        print(json.dumps({
            "id": p.message_id, "type": p.type, "key": method.routing_key,
            "exchange": method.exchange, "persistent": p.delivery_mode == 2,
            "timestamp": p.timestamp, "content_type": p.content_type,
            "reason": headers.get("diner-reason"), "attempts": headers.get("diner-attempts"),
            "body": body.decode("utf-8", "replace")}, ensure_ascii=False))


def main():
    port, what, *args = sys.argv[1:]
    connection = pika.BlockingConnection(pika.ConnectionParameters(
        "127.0.0.1", int(port), credentials=pika.PlainCredentials("diner", "rabbit-of-the-test"),
        blocked_connection_timeout=10))
    channel = connection.channel()
    channel.confirm_delivery()
    if what == "drain":
        drain(channel, args[0])
    elif what == "publish":
        channel.basic_publish("", args[0], args[3].encode(), properties(args[1], args[2]))
    elif what == "event":
        channel.basic_publish("orders", args[0], args[2].encode(), properties(args[1], args[0]))
    elif what == "purge":
        for queue in args:
            channel.queue_purge(queue)
    elif what == "remake":
        channel.queue_delete(args[0])
        channel.queue_declare(args[0], durable=True)
    elif what == "delete":
        channel.queue_delete(args[0])
    elif what == "bounce":
        for method, _, _ in channel.consume(args[0], inactivity_timeout=0.5):
            if method is None:
                break
            channel.basic_nack(method.delivery_tag, requeue=True)
    connection.close()


main()
