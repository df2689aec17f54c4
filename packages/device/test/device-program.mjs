// A device that publishes continuously and prints the `_seq` of accepted readings. Tests kill it at any time.
import { parseBrokerUrl } from '../dist/connection/broker.js';
import { DeviceClient } from '../dist/device-client.js';
import { FileStorage } from '../dist/storage/file-storage.js';

const [url = '', fleet = '', path = '', readings = '0'] = process.argv.slice(2);
let seq = 0;
const device = new DeviceClient({
  broker: parseBrokerUrl(url),
  fleet,
  device: 'lamp-0001',
  telemetry: 'keep',
  storage: new FileStorage(path, { fsync: false }),
  outbox: { readings: 100_000, bytes: 50_000_000 },
  backoff: { firstMs: 20, maxMs: 100 },
  execute: () => {},
  onEvent: (event) => {
    if (event.event === 'taken') seq = event.seq;
  },
});
device.start();
// Slow enough for a busy machine: otherwise the backlog grows with each restart.
const READINGS_PER_TICK = 10;
let left = Number(readings);
setInterval(() => {
  for (let i = 0; i < READINGS_PER_TICK && left > 0; i += 1, left -= 1) {
    void device.publish({ light: left }).then((outcome) => {
      if (outcome !== 'kept') throw new Error(outcome);
    });
    // An accepted reading is stored when publish() returns.
    process.stdout.write(`${seq}\n`);
  }
  if (left === 0 && device.waiting === 0) process.stdout.write('empty\n');
}, 5);
