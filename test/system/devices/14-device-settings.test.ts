import { connectDevice } from '@lamplighter/test-kit/device';
import { closeLater } from '@lamplighter/test-kit/resources';
import { until } from '@lamplighter/test-kit/until';
import { deviceDetailSchema } from '../../../services/api/src/devices/device.schema.js';
import { acknowledge, connectAnnounced } from '../announced-device.js';
import { type ApiResponse, type SharedStack, sharedStack } from '../stack.js';

let stack: SharedStack;
beforeAll(async () => {
  stack = await sharedStack();
}, 60_000);

/** A device that sends readings at an interval that the test can change. */
async function measuringDevice(intervalMs: number) {
  const fleet = await stack.broker.newFleet();
  const device = await connectAnnounced(stack, fleet);
  let seq = 0;
  const measure = () => {
    seq += 1;
    void device.sendReading({ temperature: 21, _seq: seq }, { qos: 1 });
  };
  let timer = setInterval(measure, intervalMs);
  const measureEvery = (ms: number) => {
    clearInterval(timer);
    timer = setInterval(measure, ms);
  };
  closeLater('measuring device', () => clearInterval(timer));
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  const interval = async () => {
    const { body } = await stack.get(path);
    return body.telemetryInterval as undefined | { desiredMs?: number; measuredMs?: number; pace?: string };
  };
  return { fleet: fleet.name, device, path, measureEvery, interval };
}

const set = (path: string, telemetryInterval: unknown): Promise<ApiResponse> =>
  stack.send('PUT', `${path}/settings?allowUnknown=true`, { telemetryInterval });

describe('telemetry interval', () => {
  it('is sent to the device as a command, and shown next to the measured interval', async () => {
    const lamp = await measuringDevice(20);
    await until(async () => (await lamp.interval())?.measuredMs, { what: 'a measured interval' });
    expect((await lamp.interval())?.desiredMs).toBeUndefined();

    const accepted = await set(lamp.path, '1s');
    expect(accepted.status).toBe(202);
    expect(accepted.body).toMatchObject({ lane: 'telemetry_interval', policy: 'latest' });
    const { telemetry_interval_ms, _cmd } = await lamp.device.nextCommand();
    expect([telemetry_interval_ms, _cmd]).toEqual([1000, expect.objectContaining({ id: accepted.body.id })]);
    await until(
      async () => {
        const { body } = await stack.get(lamp.path);
        expect(deviceDetailSchema.parse(body)).toEqual(body);
        expect(body.telemetryInterval).toMatchObject({ desiredMs: 1000, pace: 'too_fast', late: false });
        return true;
      },
      { what: 'the pace to be too_fast' },
    );

    lamp.measureEvery(1000);
    await acknowledge(lamp.device, accepted.body.id, 'succeeded');
    await until(async () => (await lamp.interval())?.pace === 'ok', {
      what: 'the pace to be ok',
      timeoutMs: 45_000,
    });
    const command = await stack.get(accepted.headers.get('location')!);
    expect(command.body.state).toBe('succeeded');

    await set(lamp.path, '100ms');
    expect((await lamp.interval())?.pace).toBe('too_slow');
    const list = await stack.get(`/v1/fleets/${lamp.fleet}/devices`);
    expect(list.body.devices[0]).not.toHaveProperty('telemetryInterval');
  }, 90_000);

  it('that is set twice while the device is offline reaches it once, with the last value', async () => {
    const fleet = await stack.broker.newFleet();
    const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
    const first = await set(path, '5s');
    const days = (Date.parse(first.body.expiresAt) - Date.parse(first.body.createdAt)) / 86_400_000;
    expect(days).toBe(7);
    const second = await set(path, '10s');
    expect((await stack.get(path)).body.telemetryInterval).toEqual({ desiredMs: 10_000, late: false });
    const lamp = await connectDevice(fleet);
    await lamp.publish(`${fleet.name}/presence/lamp-0001`, { online: true, session: 1 }, { retain: true });
    const { telemetry_interval_ms, _cmd } = await lamp.nextCommand();
    expect([telemetry_interval_ms, (_cmd as { id: string }).id]).toEqual([10_000, second.body.id]);
    expect(lamp.commands()).toHaveLength(1);
  }, 60_000);

  it('is not set if its command is rejected', async () => {
    const fleet = await stack.broker.newFleet();
    const path = `/v1/fleets/${fleet.name}/devices/busy`;
    const fill = Array.from({ length: 100 }, (_, step) =>
      stack.send('POST', `${path}/commands?allowUnknown=true`, { action: { step }, policy: 'ordered' }),
    );
    await Promise.all(fill);
    expect((await set(path, '10s')).status).toBe(429);
    expect((await stack.get(path)).body.telemetryInterval).toBeUndefined();
  }, 60_000);

  it.each([['99ms'], ['25h'], ['soon'], [10_000], [undefined]])('cannot be %j', async (interval) => {
    const { status, body } = await set('/v1/fleets/demo/devices/lamp', interval);
    expect([status, body.errors]).toEqual([
      400,
      [expect.objectContaining({ pointer: '/telemetryInterval' })],
    ]);
  });
});
