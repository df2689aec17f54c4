// A night-light that loses no readings or commands. See README.md.
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
  // Folder of the files below.
  FOLDER = '.',
  // On a board: /sys/bus/iio/devices/iio:device0/in_illuminance_raw and /sys/class/leds/lamp/brightness
  LIGHT_FILE = join(FOLDER, 'light'),
  LAMP_FILE = join(FOLDER, 'lamp'),
  STORAGE_FILE = join(FOLDER, 'night-light.log'),
  INTERVAL_MS = '5000',
  FALLBACK_AFTER_MS = '30000',
} = process.env;

// Replace these two functions with access to your hardware.
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
  // Readings stay in the storage until the server has stored them.
  telemetry: 'keep',
  storage: new FileStorage(STORAGE_FILE),
  outbox: { readings: 10_000, bytes: 4_000_000, drop: 'oldest' },
  // Called once per command. Its return value is the result; a thrown error is the reason for the failure.
  execute(action) {
    if (action.reboot === true) return new AcknowledgeAfterRestart(() => process.exit(0)); // systemd restarts the program
    if (typeof action.led_on !== 'boolean') throw new CommandRejected('this lamp accepts led_on and reboot');
    turn(action.led_on);
    return { led_on: on };
  },
  // While the link is down, the device evaluates the edge rule of its fleet.
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
