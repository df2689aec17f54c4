"""A night-light as a beginner would write it with paho-mqtt 1.6: MQTT 3.1.1, QoS 0, no account, no `_cmd`.

Sends the light values given as arguments, one at a time, and prints each command that comes back as one JSON line.
Usage: lesson_device.py HOST PORT ID LIGHT...
"""
import json
import queue
import sys

import paho.mqtt.client as mqtt

host, port, fleet = sys.argv[1], int(sys.argv[2]), sys.argv[3]
lights = [int(text) for text in sys.argv[4:]]
commands = queue.Queue()
ready = queue.Queue()


def on_message(client, userdata, message):
    commands.put((message.topic, json.loads(message.payload.decode())))


client = mqtt.Client(fleet + "nightlight_client")
client.on_message = on_message
client.on_subscribe = lambda *_: ready.put(True)
client.connect(host, port)
client.loop_start()
client.subscribe(fleet + "/commands")
ready.get(timeout=10)
for light in lights:
    client.publish(fleet + "/telemetry", json.dumps({"light": light}))
    topic, payload = commands.get(timeout=10)
    print(json.dumps({"topic": topic, "payload": payload}), flush=True)
client.loop_stop()
client.disconnect()
