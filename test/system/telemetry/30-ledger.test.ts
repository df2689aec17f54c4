import { connectDevice } from '@lamplighter/test-kit/device';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { ledgerSchema } from '../../../services/api/src/fleets/ledger.schema.js';
import { acknowledge, connectAnnounced, idOf } from '../announced-device.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const ledger = async (fleet: string) => {
  const { status, body } = await stack.get(`/v1/fleets/${fleet}/ledger`);
  expect(status).toBe(200);
  expect(ledgerSchema.parse(body)).toEqual(body);
  return body as ReturnType<typeof ledgerSchema.parse>;
};

/** The metric of a newly started API process. */
async function unexplained(kind: string): Promise<number> {
  const api = await startService('api', { REDIS_URL: stack.redis.apiUrl });
  const line = new RegExp(`^lamplighter_ledger_unexplained{kind="${kind}"} (\\S+)$`, 'm');
  const value = await until(
    async () => line.exec(await (await fetch(`${api.url}/metrics`)).text())?.[1] ?? false,
    { what: 'the ledgers of all fleets to be read', timeoutMs: 30_000 },
  );
  return Number(value);
}

it('accounts for every reading of a device', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  const take = (n: number, more: object = {}) =>
    lamp.sendReading({ light: 400, _n: n, _seq: 1000 + n, ...more }, { qos: 1 });
  for (const n of [1, 2, 3]) await take(n);
  await take(5);
  const readings = async () => (await ledger(fleet.name)).readings;
  await until(
    async () => {
      expect(await readings()).toMatchObject({
        declared: 5,
        declaringDevices: 1,
        stored: 4,
        late: 0,
        unexplained: 1,
      });
      return true;
    },
    { what: 'the readings to be stored' },
  );
  expect(await unexplained('readings')).toBe(1);

  await take(4);
  await take(4);
  await take(7, { _dropped: 1 });
  await take(8, { light: 'x'.repeat(2000), _dropped: 1 });
  await take(9, { _dropped: 1 });
  await until(async () => (await readings()).unexplained === 0 && (await readings()).declared === 9, {
    what: 'the ledger to be balanced',
  });
  expect(await readings()).toEqual({
    declared: 9,
    declaringDevices: 1,
    droppedByDevices: 1,
    stored: 6,
    late: 1,
    duplicate: 1,
    stale: 0,
    rejected: { schema: 1 },
    unexplained: 0,
  });
  expect(await unexplained('readings')).toBe(0);
}, 90_000);

it('accounts for every command of rules and clients', async () => {
  const fleet = await stack.broker.newFleet();
  const path = (device: string) => `/v1/fleets/${fleet.name}/devices/${device}/commands?allowUnknown=true`;
  const post = async (device: string, body: object) =>
    (await stack.send('POST', path(device), body)).body.id as string;
  const lamp = await connectAnnounced(stack, fleet);
  const acknowledgeNext = async (status: string) => acknowledge(lamp, idOf(await lamp.nextCommand()), status);
  await lamp.sendReading({ light: 10, _seq: 1 }, { qos: 1 });
  await acknowledgeNext('succeeded');
  await post('lamp-0001', { action: { colour: 'red' } });
  await acknowledgeNext('failed');
  await post('away', { action: { step: 1 }, policy: 'ordered' });
  const cancelled = await post('away', { action: { step: 2 }, policy: 'ordered', lane: 'step' });
  expect((await stack.send('DELETE', `/v1/commands/${cancelled}`)).status).toBe(200);
  await until(async () => (await ledger(fleet.name)).commands.failed === 1, {
    what: 'the acknowledgements to be stored',
  });
  expect((await ledger(fleet.name)).commands).toEqual({
    issued: { rule: 1, api: 3, rollout: 0 },
    open: 1,
    succeeded: 1,
    failed: 1,
    rejected: 0,
    expired: 0,
    superseded: 0,
    cancelled: 1,
    unknown: 0,
    unexplained: 0,
  });
  expect(await unexplained('commands')).toBe(0);
}, 60_000);

it('concurrent requests return a ledger that is as new as each request', async () => {
  const fleet = await stack.broker.newFleet();
  const path = `/v1/fleets/${fleet.name}/devices/lamp/commands?allowUnknown=true`;
  for (let issued = 1; issued <= 5; issued += 1) {
    await stack.send('POST', path, { action: { step: issued }, policy: 'ordered' });
    const all = await Promise.all(Array.from({ length: 20 }, () => ledger(fleet.name)));
    expect(all.map(({ commands }) => commands.issued.api)).toEqual(Array(20).fill(issued));
  }
}, 30_000);

it('returns 404 for the ledger of an unknown fleet', async () => {
  const { status, body } = await stack.get('/v1/fleets/nowhere/ledger');
  expect([status, body.type]).toEqual([404, 'urn:lamplighter:problem:no-such-fleet']);
});
