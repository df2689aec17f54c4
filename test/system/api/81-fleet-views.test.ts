import { join } from 'node:path';
import { startPrometheus } from '@lamplighter/native/servers/prometheus';
import { connectDevice } from '@lamplighter/test-kit/device';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { connectLamps } from '../acknowledging-lamps.js';
import { FAN, fleetWith } from '../rule-requests.js';
import { sharedStack } from '../stack.js';

it('lists the last states of a fleet in pages, with the selected measurements', async () => {
  const stack = await sharedStack();
  const fleet = await stack.broker.newFleet();
  await connectLamps(fleet, [
    { device: 'a', light: 100 },
    { device: 'b', light: 200 },
    { device: 'c', light: 300 },
  ]);
  for (const device of ['a', 'b', 'c']) await stack.online(fleet.name, device);
  const path = `/v1/fleets/${fleet.name}/last-states`;
  const all = await stack.get(path);
  expect(all.body.devices.map((each: { device: string }) => each.device)).toEqual(['a', 'b', 'c']);
  expect(all.body.devices[1]).toEqual({
    device: 'b',
    presence: 'online',
    ageMs: expect.any(Number),
    measurements: { light: 200 },
    pendingCommands: expect.any(Number),
  });
  expect(Date.parse(all.body.at)).toBeGreaterThan(Date.now() - 60_000);
  expect(all.body.next).toBeUndefined();

  const first = await stack.get(`${path}?limit=2&measurement=unknown`);
  expect(first.body.next).toBe('b');
  expect(first.body.devices[0].measurements).toEqual({});
  expect(first.headers.get('link')).toContain('cursor=b');
  const second = await stack.get(`${path}?limit=2&cursor=b`);
  expect(second.body.devices.map((each: { device: string }) => each.device)).toEqual(['c']);

  expect((await stack.get('/v1/fleets/unknown-fleet/last-states')).status).toBe(404);
  expect((await stack.get(`${path}?limit=10001`)).status).toBe(400);
}, 60_000);

it('previews the devices that a selector matches', async () => {
  const stack = await sharedStack();
  const fleet = await stack.broker.newFleet();
  await connectLamps(fleet, [
    { device: 'hall-1', light: 100 },
    { device: 'hall-2', light: 200 },
    { device: 'yard-1', light: 100 },
  ]);
  for (const device of ['hall-1', 'hall-2', 'yard-1']) await stack.online(fleet.name, device);
  const select = (selector: object, limit = 100) =>
    stack.send('POST', `/v1/fleets/${fleet.name}/selection`, { selector, limit });
  expect((await select({})).body).toMatchObject({ evaluated: 3, matched: 3, isCut: false });
  expect((await select({ devices: ['hall-*'], presence: 'online', when: 'light < 150' })).body).toMatchObject(
    {
      matched: 1,
      devices: ['hall-1'],
    },
  );
  expect((await select({ when: 'light < 150' }, 1)).body).toMatchObject({ matched: 2, devices: ['hall-1'] });
  const invalid = await select({ when: 'light <' });
  expect([invalid.status, invalid.body.errors[0].pointer]).toEqual([422, '/selector/when']);
}, 60_000);

it('counts the devices on which each rule is raised, and the votes of a quorum', async () => {
  const stack = await sharedStack();
  const quorum = {
    ...FAN,
    id: 'together',
    scope: { devices: ['a', 'b', 'c'] },
    quorum: { policy: 'majority' as const, lost: 'hold' as const },
  };
  const fleet = await fleetWith(stack, FAN, quorum);
  const devices = await Promise.all(['a', 'b', 'c'].map((name) => connectDevice(fleet, name)));
  for (const [i, device] of devices.entries()) await device.sendReading({ heat: i === 0 ? 20 : 40 });
  const states = async () => (await stack.get(`/v1/fleets/${fleet.name}/rule-states`)).body;
  const ofRule = async (id: string) =>
    (await states()).rules.find(({ rule }: { rule: string }) => rule === id) as Record<string, unknown>;
  await until(async () => (await ofRule('fan'))?.raised === 2, { what: 'two raised devices' });
  expect(await ofRule('fan')).toEqual({ rule: 'fan', raised: 2, lowered: 1, undecided: 0 });
  await until(async () => (await ofRule('together')).raised === 1, { what: 'the group to be raised' });
  expect((await ofRule('together')).tally).toMatchObject({ policy: 'majority', yes: 2, no: 1 });
}, 60_000);

it('shows a key its scopes and fleets', async () => {
  const stack = await sharedStack();
  const fleet = await stack.broker.newFleet();
  const { body } = await stack.send('POST', '/v1/keys', { scopes: ['read'], fleets: [fleet.name] });
  const headers = { authorization: `Bearer ${body.key}`, connection: 'close' };
  const current = await (await fetch(`${stack.api.url}/v1/keys/current`, { headers })).json();
  const { key: _, ...facts } = body;
  expect(current).toEqual(facts);
}, 60_000);

it('reads the promise numbers and alerts from Prometheus, or says why there are none', async () => {
  const stack = await sharedStack();
  const without = await stack.get('/v1/numbers');
  expect(without.body).toMatchObject({ numbers: [], problem: expect.stringContaining('PROMETHEUS_URL') });

  const prometheus = await startPrometheus({
    folder: join(temporaryFolder(), 'prometheus'),
    port: await freePort(),
    jobs: { api: Number(new URL(stack.api.url).port) },
  });
  closeLater('prometheus', () => prometheus.stop());
  const api = await startService('api', { REDIS_URL: stack.redis.apiUrl, PROMETHEUS_URL: prometheus.url });
  const headers = { authorization: `Bearer ${stack.key}`, connection: 'close' };
  const numbers = async () => (await fetch(`${api.url}/v1/numbers`, { headers })).json();
  const found = (await numbers()) as { numbers: { name: string; values: unknown[] }[]; alerts: unknown[] };
  expect(found).not.toHaveProperty('problem');
  expect(found.numbers.map(({ name }) => name)).toContain('telemetryRate');
  expect(found.numbers[0]!.values).toHaveLength(61);
  expect(found.alerts).toEqual(expect.any(Array));

  await prometheus.stop();
  await expect(
    until(async () => ((await numbers()) as { problem?: string }).problem, { what: 'a problem' }),
  ).resolves.toMatch(/^Prometheus does not respond/);
}, 60_000);
