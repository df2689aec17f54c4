"""The server of the lesson: responds to each reading on <id>/telemetry with {"led_on": light < 300} on <id>/commands.

    python3 server.py --id my-id

A reading on <id>/telemetry/<device>, from one of several devices, gets its response on <id>/commands/<device>. Runs on paho-mqtt 1.6 and 2.
"""
import argparse
import json
import os

import paho.mqtt.client as mqtt

DARK_BELOW = 300

options = argparse.ArgumentParser(description="the server of the night-light")
options.add_argument("--host", default="127.0.0.1")
options.add_argument("--port", type=int, default=int(os.environ.get("MQTT_PORT", 1883)))
options.add_argument("--id", required=True)
args = options.parse_args()


def on_connect(client, userdata, flags, reason, properties=None):
    if reason != 0:
        print("refused:", mqtt.connack_string(reason), flush=True)
        return
    # `#` matches any number of levels, including none; `+` matches one. `*` is an ordinary character.
    client.subscribe(f"{args.id}/telemetry/#")
    print("waiting for telemetry", flush=True)


def on_message(client, userdata, message):
    try:
        light = json.loads(message.payload)["light"]
        led_on = light < DARK_BELOW
    except (ValueError, KeyError, TypeError):
        print("ignored:", message.payload, flush=True)
        return
    topic = message.topic.replace("/telemetry", "/commands", 1)
    print(message.topic, light, "->", {"led_on": led_on}, flush=True)
    client.publish(topic, json.dumps({"led_on": led_on}))


first = [mqtt.CallbackAPIVersion.VERSION2] if hasattr(mqtt, "CallbackAPIVersion") else []
client = mqtt.Client(*first, client_id=f"{args.id}nightlight_server")
client.on_connect, client.on_message = on_connect, on_message
client.connect(args.host, args.port)
client.loop_forever()
