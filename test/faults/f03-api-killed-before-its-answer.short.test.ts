import { readLedger } from '@lamplighter/store/fleets/ledger';
import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';
import { startFaultCase } from './fault-case.js';

it('F3: a repeated request whose response was lost with the API returns the first command, and creates no second one', async () => {
  const { api, client, redis, broker } = await startFaultCase({ fleets: [] });
  const fleet = await broker.newFleet();
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001/commands?allowUnknown=true`;
  const request = { body: { action: { led_on: true } }, headers: { 'idempotency-key': 'once' } };

  expect((await client.get('/v1/fleets')).status).toBe(200); // the API caches the key
  api.toRedis.stall('down'); // Redis stores the command, but its reply is lost
  const first = client.request('POST', path, request).then(
    ({ status }) => status,
    () => 'no response',
  );
  const store = await connected(redis.url);
  await until(async () => (await readLedger(store, fleet.name)).commands.open === 1, {
    what: 'the command in Redis',
  });
  await api.kill();
  expect(await first).not.toBe(202);
  api.toRedis.heal();
  await api.start();
  await api.ready();

  const second = await client.request('POST', path, request);
  const third = await client.request('POST', path, request);
  expect([second.status, third.status]).toEqual([202, 202]);
  expect(third.body.id).toBe(second.body.id);
  const { commands } = (await client.get(path.replace(/[?].*/, ''))).body;
  expect(commands.map(({ id }: { id: string }) => id)).toEqual([second.body.id]);
  expect((await client.get(`/v1/fleets/${fleet.name}/ledger`)).body.commands.issued.api).toBe(1);
}, 60_000);
