import { createServer } from 'node:http';
import { closeLater } from '../resources.js';
import { until } from '../until.js';
import { freePort } from './free-port.js';
import { restartableService } from './restartable-service.js';

it('throws with the reason if the service has ended, even if another server uses its port', async () => {
  const port = await freePort();
  const other = createServer((_, answer) => answer.end());
  await new Promise<void>((resolve) => other.listen(port, resolve));
  closeLater('the other server', () => {
    other.closeAllConnections();
    other.close();
  });
  const service = await restartableService('device-sim', {
    SIM_PORT: String(port),
    MQTT_URL: 'mqtt://127.0.0.1:1',
    DEVICES: '1',
  });
  await until(() => !service.running, { what: 'the service to end', timeoutMs: 20_000 });
  await expect(service.ready()).rejects.toThrow(
    /device-sim has ended; last lines of its log:\n.*port \d+ .* is in use/s,
  );
}, 30_000);
