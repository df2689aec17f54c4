import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';

const DEVICES = 200;
const PROBE = fileURLToPath(new URL('../../test/memory-probe.mjs', import.meta.url));

/** Memory of a simulator, bytes, with a number of lamps and of readings in each outbox. */
async function memoryOf(fleet: TestFleet, devices: number, readings: number): Promise<number> {
  const probe = fork(PROBE, {
    execArgv: ['--expose-gc'],
    env: {
      MQTT_URL: fleet.url,
      DEVICES: String(devices),
      READINGS: String(readings),
      CONNECT_RATE: '1000',
      // Fills the outboxes quickly, and no further.
      ...(readings > 0
        ? { TELEMETRY: 'keep', OUTBOX: String(readings), INTERVAL_MS: '50' }
        : { INTERVAL_MS: '86400000' }),
    },
  });
  closeLater('probe', async () => {
    if (probe.exitCode !== null || probe.signalCode !== null) return;
    probe.kill('SIGKILL');
    await once(probe, 'exit');
  });
  const [{ used }] = (await once(probe, 'message')) as [{ used: number }];
  probe.kill('SIGKILL');
  await once(probe, 'exit');
  return used;
}

describe('the memory of a simulated lamp', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });

  it.each([
    ['idle', 0, 40],
    ['with 100 readings in its outbox', 100, 80],
  ])(
    '%s: %i readings in less than %i kB',
    async (_how, readings, kB) => {
      const fleet = await broker.newFleet();
      const [one, many] = [await memoryOf(fleet, 1, readings), await memoryOf(fleet, DEVICES, readings)];
      const each = (many - one) / (DEVICES - 1) / 1024;
      expect(each).toBeLessThan(kB);
      expect(each).toBeGreaterThan(5);
    },
    90_000,
  );
});
