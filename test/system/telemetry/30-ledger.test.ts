import { connectDevice } from '@lamplighter/test-kit/device';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { ledgerSchema } from '../../../services/api/src/fleets/ledger.schema.js';
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

/** The metric as another API process, just started, tells it. */
async function unexplained(kind: string): Promise<number> {
  const api = await startService('api', { REDIS_URL: stack.redis.url });
  const line = new RegExp(`^lamplighter_ledger_unexplained{kind="${kind}"} (\\S+)$`, 'm');
  const value = await until(
    async () => line.exec(await (await fetch(`${api.url}/metrics`)).text())?.[1] ?? false,
    { what: 'the books of all fleets to be read', timeoutMs: 30_000 },
  );
  return Number(value);
}

it('accounts for every reading that a device has taken', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  const take = (n: number, more: object = {}) =>
    lamp.sendReading({ light: 400, _n: n, _seq: 1000 + n, ...more }, { qos: 1 });
  for (const n of [1, 2, 3]) await take(n);
  await take(5);
  const books = async () => (await ledger(fleet.name)).readings;
  await until(
    async () => {
      expect(await books()).toMatchObject({
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
  await until(async () => (await books()).unexplained === 0 && (await books()).declared === 9, {
    what: 'the books to be even',
  });
  expect(await books()).toEqual({
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

it('accounts for every command that was issued, by whomever', async () => {
  const fleet = await stack.broker.newFleet();
  const path = (device: string) => `/v1/fleets/${fleet.name}/devices/${device}/commands?allowUnknown=true`;
  const post = async (device: string, body: object) =>
    (await stack.send('POST', path(device), body)).body.id as string;
  const lamp = await connectDevice(fleet);
  await lamp.publish(`${fleet.name}/presence/lamp-0001`, { online: true, session: 1 }, { retain: true });
  const answerNext = async (status: string) => {
    const { _cmd } = await lamp.nextCommand();
    const { id } = _cmd as { id: string };
    await lamp.publish(`${fleet.name}/acknowledgements/lamp-0001`, { id, status }, { qos: 1 });
  };
  await lamp.sendReading({ light: 10, _seq: 1 }, { qos: 1 });
  await answerNext('succeeded');
  await post('lamp-0001', { action: { colour: 'red' } });
  await answerNext('failed');
  await post('away', { action: { step: 1 }, policy: 'ordered' });
  const cancelled = await post('away', { action: { step: 2 }, policy: 'ordered', lane: 'step' });
  expect((await stack.send('DELETE', `/v1/commands/${cancelled}`)).status).toBe(200);
  await until(async () => (await ledger(fleet.name)).commands.failed === 1, { what: 'the answers' });
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

it('many who ask at once are answered with books as new as their question', async () => {
  const fleet = await stack.broker.newFleet();
  const path = `/v1/fleets/${fleet.name}/devices/lamp/commands?allowUnknown=true`;
  for (let issued = 1; issued <= 5; issued += 1) {
    await stack.send('POST', path, { action: { step: issued }, policy: 'ordered' });
    const all = await Promise.all(Array.from({ length: 20 }, () => ledger(fleet.name)));
    expect(all.map(({ commands }) => commands.issued.api)).toEqual(Array(20).fill(issued));
  }
}, 30_000);

it('of a fleet that nobody has heard of there are no books', async () => {
  const { status, body } = await stack.get('/v1/fleets/nowhere/ledger');
  expect([status, body.type]).toEqual([404, 'urn:lamplighter:problem:no-such-fleet']);
});
