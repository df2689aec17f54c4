"""One end of an AMQP 0-9-1 line, with pika. Reads requests as JSON lines on stdin and prints received messages as JSON lines.

Usage: amqp.py PORT transient|durable READS WRITES   (names of two queues)
  {"do": "connect"}   {"do": "send", "body": {...}}   {"do": "drop"}
"""
import json
import sys
import threading

import pika

port, is_durable = int(sys.argv[1]), sys.argv[2] == "durable"
reads, writes = sys.argv[3], sys.argv[4]
persistent = pika.BasicProperties(delivery_mode=2 if is_durable else 1)
connection = channel = None
lock, printing = threading.Lock(), threading.Lock()


def write(**what):
    with printing:
        print(json.dumps(what), flush=True)


def on_message(which, method, _properties, body):
    if is_durable:
        which.basic_ack(method.delivery_tag)
    write(got=json.loads(body))


def connect():
    global connection, channel
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
    channel = connection.channel()
    for name in (reads, writes):
        channel.queue_declare(name, durable=is_durable, auto_delete=not is_durable)
    if is_durable:
        channel.confirm_delivery()
    channel.basic_consume(reads, on_message, auto_ack=not is_durable)
    threading.Thread(target=listen, args=(connection,), daemon=True).start()


def listen(own):
    try:
        while own.is_open:
            with lock:
                own.process_data_events(time_limit=0)
            threading.Event().wait(0.001)
    except Exception:
        pass  # the connection was cut


for text in sys.stdin:
    order = json.loads(text)
    if order["do"] == "connect":
        connect()
    elif order["do"] == "send":
        with lock:
            channel.basic_publish("", writes, json.dumps(order["body"], separators=(",", ":")), persistent)
    elif order["do"] == "drop":
        connection = channel = None
    write(done=order["do"])
