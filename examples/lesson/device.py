"""The night-light of the lesson: sends {"light": ...} to <id>/telemetry and executes {"led_on": ...} from <id>/commands.

    python3 device.py --id my-id                       a slow dusk and dawn, one reading every 5 seconds
    python3 device.py --id my-id --light 412,299,300   sends these readings, then exits

Runs on paho-mqtt 1.6 and 2.
"""
import argparse
import json
import os
import time

import paho.mqtt.client as mqtt

options = argparse.ArgumentParser(description="the night-light")
options.add_argument("--host", default="127.0.0.1")
options.add_argument("--port", type=int, default=int(os.environ.get("MQTT_PORT", 1883)))
options.add_argument("--id", required=True, help="your id; must be unique in the class")
options.add_argument("--device", help="for several devices: uses <id>/telemetry/<device> and <id>/commands/<device>")
options.add_argument("--interval", type=float, default=5, help="seconds between readings")
options.add_argument("--light", help="readings to send, separated by commas")
args = options.parse_args()

lane = f"/{args.device}" if args.device else ""
telemetry, commands = f"{args.id}/telemetry{lane}", f"{args.id}/commands{lane}"


def read_light(count):
    """Your sensor. This one goes from 600 to 0 and back within 40 readings."""
    return abs(600 - count * 30 % 1200)


def set_led(on):
    """Your lamp."""
    print("LED on" if on else "LED off", flush=True)


def on_connect(client, userdata, flags, reason, properties=None):
    if reason != 0:
        print("refused:", mqtt.connack_string(reason), flush=True)
        return
    # Subscribes here, not after connect(), because a new session after a lost connection has no subscriptions.
    client.subscribe(commands)


def on_message(client, userdata, message):
    try:
        command = json.loads(message.payload)
        set_led(command["led_on"] is True)
    except (ValueError, KeyError, TypeError):
        # An unhandled error would end the program, so that one invalid message would stop every lamp.
        print("ignored:", message.payload, flush=True)


def new_client(client_id):
    """paho 2 requires the callback version as the first argument; paho 1 does not accept it."""
    first = [mqtt.CallbackAPIVersion.VERSION2] if hasattr(mqtt, "CallbackAPIVersion") else []
    return mqtt.Client(*first, client_id=client_id)


# Two clients with the same id disconnect each other, so the server uses another id.
client = new_client(f"{args.id}nightlight_client{args.device or ''}")
# Set before connect(), so that no message arrives without a callback.
client.on_connect, client.on_message = on_connect, on_message
client.connect(args.host, args.port)
client.loop_start()

values = [int(text) for text in args.light.split(",")] if args.light else None
time.sleep(1)
count = 0
while values is None or count < len(values):
    light = read_light(count) if values is None else values[count]
    print("light", light, flush=True)
    client.publish(telemetry, json.dumps({"light": light}))
    count += 1
    time.sleep(args.interval)
client.disconnect()
