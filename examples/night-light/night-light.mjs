// A night-light that survives: a light sensor, a lamp, and no reading or command lost on the way. See README.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AcknowledgeAfterRestart, CommandRejected } from '@lamplighter/device/commands/execute-command';
import { parseBrokerUrl } from '@lamplighter/device/connection/broker';
import { DeviceClient } from '@lamplighter/device/device-client';
import { FileStorage } from '@lamplighter/device/storage/file-storage';

const {
  MQTT_URL = 'mqtt://127.0.0.1:1883',
  FLEET = 'demo',
  DEVICE = 'hall',
  // Of the files below, where none is named.
  FOLDER = '.',
  // On a board: /sys/bus/iio/devices/iio:device0/in_illuminance_raw and /sys/class/leds/lamp/brightness
  LIGHT_FILE = join(FOLDER, 'light'),
  LAMP_FILE = join(FOLDER, 'lamp'),
  STORAGE_FILE = join(FOLDER, 'night-light.log'),
  INTERVAL_MS = '5000',
  FALLBACK_AFTER_MS = '30000',
} = process.env;

// Your hardware: two functions.
const readLight = () => Number(readFileSync(LIGHT_FILE, 'utf8'));
const setLamp = (/** @type {boolean} */ on) => writeFileSync(LAMP_FILE, on ? '1' : '0');

let on = false;
/** @param {boolean} value */
function turn(value) {
  setLamp(value);
  on = value;
}
turn(false);

const device = new DeviceClient({
  broker: parseBrokerUrl(MQTT_URL),
  fleet: FLEET,
  device: DEVICE,
  // A reading stays here until the server has stored it, whatever fails in between, this program included.
  telemetry: 'keep',
  storage: new FileStorage(STORAGE_FILE),
  outbox: { readings: 10_000, bytes: 4_000_000, drop: 'oldest' },
  // Called once for each command. What it returns is the answer; what it throws is the reason why not.
  execute(action) {
    if (action.reboot === true) return new AcknowledgeAfterRestart(() => process.exit(0)); // and systemd starts it again
    if (typeof action.led_on !== 'boolean') throw new CommandRejected('this lamp knows led_on and reboot');
    turn(action.led_on);
    return { led_on: on };
  },
  // While the link is down, and only then, the device decides by the rule that its fleet gave it.
  edgeRules: true,
  fallbackAfterMs: Number(FALLBACK_AFTER_MS),
  onEvent(event) {
    if (event.event !== 'sent' && event.event !== 'settled' && event.event !== 'taken')
      console.log(JSON.stringify(event));
  },
});

device.start();
setInterval(() => void device.publish({ light: readLight(), led_on: on }), Number(INTERVAL_MS));
process.once('SIGTERM', () => void device.close().then(() => process.exit(0)));
