import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { openCommandPageSchema } from '../../../services/api/src/commands/open-commands.controller.js';
import { acknowledge, connectAnnounced, idOf } from '../announced-device.js';
import { collectEvents } from '../event-stream.js';
import { expectProblem } from '../rule-requests.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const send = async (fleet: string, device: string, body: object): Promise<string> => {
  const path = `/v1/fleets/${fleet}/devices/${device}/commands?allowUnknown=true`;
  return (await stack.send('POST', path, body)).body.id;
};
const idsOf = ({ body }: { body: { commands: { id: string }[] } }) => body.commands.map(({ id }) => id);

it('lists open commands by age, across fleets, in pages and with filters', async () => {
  const [one, other] = [await stack.broker.newFleet(), await stack.broker.newFleet()];
  const ids: string[] = [];
  for (let i = 0; i < 6; i += 1) {
    const fleet = i % 2 === 0 ? one : other;
    ids.push(await send(fleet.name, `lamp-${i}`, { action: { step: i }, ttl: '1h' }));
  }
  const all = await stack.get('/v1/commands');
  expect(openCommandPageSchema.parse(all.body)).toEqual(all.body);
  expect(idsOf(all)).toEqual(ids);
  const seen: string[] = [];
  for (let path: string | undefined = '/v1/commands?limit=4'; path !== undefined; ) {
    const page = await stack.get(path);
    seen.push(...idsOf(page));
    path = /^<(.*)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
  }
  expect(seen).toEqual(ids);
  expect(idsOf(await stack.get(`/v1/fleets/${one.name}/commands`))).toEqual([ids[0], ids[2], ids[4]]);
  expect(idsOf(await stack.get('/v1/commands?device=lamp-3'))).toEqual([ids[3]]);
  expect(idsOf(await stack.get(`/v1/fleets/${one.name}/commands?device=lamp-2`))).toEqual([ids[2]]);
  expect(idsOf(await stack.get('/v1/commands?source=rule'))).toEqual([]);
  expect(idsOf(await stack.get('/v1/commands?rule=night-light'))).toEqual([]);
  expect(idsOf(await stack.get('/v1/commands?olderThan=1h'))).toEqual([]);
  expect(idsOf(await stack.get('/v1/commands?olderThan=1ms'))).toEqual(ids);
  await stack.send('DELETE', `/v1/commands/${ids[0]}`);
  await until(async () => !idsOf(await stack.get('/v1/commands')).includes(ids[0]!), {
    what: 'the cancelled command to leave the list',
  });
  expectProblem(await stack.get('/v1/fleets/dmeo/commands'), 404, 'no-such-fleet');
  expectProblem(await stack.get('/v1/commands?state=succeeded'), 400, 'invalid-request');
});

it('every list accepts the same range of limits', async () => {
  const fleet = await stack.broker.newFleet();
  await send(fleet.name, 'lamp', { action: { a: 1 } });
  const path = `/v1/fleets/${fleet.name}`;
  for (const list of [
    '/v1/fleets',
    '/v1/commands',
    '/v1/rejected',
    '/v1/keys',
    `${path}/devices`,
    `${path}/commands`,
    `${path}/rollouts`,
    `${path}/rules`,
    `${path}/devices/lamp/commands`,
    `${path}/devices/lamp/telemetry`,
  ]) {
    expect([list, (await stack.get(`${list}?limit=500`)).status]).toEqual([list, 200]);
    const rejected = await stack.get(`${list}?limit=501`);
    expectProblem(rejected, 400, 'invalid-request');
    expect(rejected.body.errors).toEqual([{ in: 'query', pointer: '/limit', detail: 'must be at most 500' }]);
  }
});

it('readings and commands are filtered by time, and exported as CSV and NDJSON', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  for (let n = 1; n <= 60; n += 1) await lamp.sendReading({ heat: n, room: 'a "b", c', _seq: n });
  await stack.lastState(fleet, 'lamp-0001', ({ heat }) => heat === 60);
  const path = `/v1/fleets/${fleet.name}/devices/lamp-0001`;
  const exported = async (what: string, accept: string, query = '') => {
    const response = await fetch(`${stack.api.url}${path}/${what}${query}`, {
      headers: { authorization: `Bearer ${stack.key}`, accept },
    });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      `${accept}; charset=utf-8`,
    ]);
    return response.text();
  };
  const csv = (await exported('telemetry', 'text/csv')).split('\r\n');
  expect(csv[0]).toBe('receivedAt,at,seq,late,heat,room');
  expect(csv).toHaveLength(62);
  expect(csv[1]).toMatch(/^2\S+Z,,60,false,60,"a ""b"", c"$/);
  const lines = (await exported('telemetry', 'application/x-ndjson')).trim().split('\n');
  const readings = lines.map((line) => JSON.parse(line));
  expect(readings).toHaveLength(60);
  const { receivedAt } = readings[30];
  const before = readings.filter((reading) => reading.receivedAt < receivedAt).length;
  const earlier = await stack.get(`${path}/telemetry?to=${receivedAt}&limit=500`);
  expect(earlier.body.readings).toHaveLength(before);
  const later = await stack.get(`${path}/telemetry?from=${receivedAt}&limit=500`);
  expect(later.body.readings).toHaveLength(60 - before);
  expectProblem(await stack.get(`${path}/telemetry?from=yesterday`), 400, 'invalid-request');
  expectProblem(
    await stack.get(`${path}/telemetry?from=${receivedAt}&to=${receivedAt}`),
    400,
    'invalid-request',
  );

  for (let i = 0; i < 3; i += 1)
    await send(fleet.name, 'lamp-0001', { action: { step: i }, policy: 'ordered' });
  const commands = (await exported('commands', 'text/csv', '?limit=1')).split('\r\n');
  expect(commands).toHaveLength(5);
  expect(commands[1]).toContain('"{""step"":2}"');
  const asLines = (await exported('commands', 'application/x-ndjson')).trim().split('\n');
  expect(asLines.map((line) => JSON.parse(line).action)).toEqual([{ step: 2 }, { step: 1 }, { step: 0 }]);
  expect((await stack.get(`${path}/commands?to=2026-01-01T00:00:00Z`)).body.commands).toEqual([]);
});

it('events of commands carry the action, whatever the final state', async () => {
  const fleet = await stack.broker.newFleet();
  const events = await collectEvents(stack, `fleet=${fleet.name}&type=command`);
  const lamp = await connectAnnounced(stack, fleet);
  await send(fleet.name, 'lamp-0001', { action: { step: 1 } });
  const succeeded = idOf(await lamp.nextCommand());
  await acknowledge(lamp, succeeded, 'succeeded');
  await send(fleet.name, 'away', { action: { step: 2 } });
  await send(fleet.name, 'away', { action: { step: 2 } });
  await until(
    () => {
      const states = events.map(({ state }) => state);
      return states.includes('succeeded') && (states.includes('superseded') || states.includes('unknown'));
    },
    { what: 'the final states of two commands' },
  );
  for (const { command, action } of events)
    expect(action).toEqual(command === succeeded ? { step: 1 } : { step: 2 });
});

it('a rollout selects devices by the same prefixes as rules', async () => {
  const fleet = await stack.broker.newFleet();
  const client = await connectMqtt(fleet.url);
  const names = ['hall-1', 'hall-2', 'hall-10', 'hallway', 'yard-1', 'yard-2'];
  for (const name of names) await client.publish(`${fleet.name}/telemetry/${name}`, { heat: 20 });
  await until(
    async () => (await stack.get(`/v1/fleets/${fleet.name}`)).body.devices?.online === names.length,
    {
      what: 'all devices to be online',
    },
  );
  const started = await stack.send('POST', `/v1/fleets/${fleet.name}/commands`, {
    action: { step: 1 },
    selector: { devices: ['hall-*', 'yard-2', 'none'] },
    rate: 1000,
  });
  expect(started.status).toBe(202);
  await until(async () => (await stack.get(`/v1/rollouts/${started.body.id}`)).body.matched === 5, {
    what: 'five devices to be matched',
  });
  const reached = await Promise.all(
    names.map(async (name) => {
      const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${name}/commands`);
      return body.commands.filter(({ source }: { source: string }) => source === 'rollout').length;
    }),
  );
  expect(reached).toEqual([1, 1, 1, 0, 0, 1]);
  const wrong = await stack.send('POST', `/v1/fleets/${fleet.name}/commands`, {
    action: { step: 1 },
    selector: { devices: ['*hall'] },
  });
  expectProblem(wrong, 400, 'invalid-request');
});
