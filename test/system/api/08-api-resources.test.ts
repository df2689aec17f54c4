import type { Acknowledgement } from '@lamplighter/contracts/commands/command';
import { READY_MS } from '@lamplighter/native/servers/service';
import { acknowledgeCommands } from '@lamplighter/store/delivery/acknowledge-commands';
import { claimCommands } from '@lamplighter/store/delivery/claim-commands';
import { requeueCommands } from '@lamplighter/store/delivery/requeue-commands';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { recordPresence } from '@lamplighter/store/devices/presence';
import { commandKeys, shardOf } from '@lamplighter/store/keys';
import { recordRejected } from '@lamplighter/store/rejected/rejected';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { acceptReadings } from '@lamplighter/store/telemetry/accept-readings';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import type request from 'supertest';
import type { z } from 'zod';
import { commandPageSchema, commandSchema } from '../../../services/api/src/commands/command.schema.js';
import {
  deviceDetailSchema,
  devicePageSchema,
  telemetrySchema,
} from '../../../services/api/src/devices/device.schema.js';
import { fleetPageSchema, fleetSchema } from '../../../services/api/src/fleets/fleet.schema.js';
import { problemSchema } from '../../../services/api/src/problems/problem.js';
import { rejectedSchema } from '../../../services/api/src/rejected/rejected.schema.js';
import { timePasses } from '../../../tools/test-kit/src/store/time-passes.js';
import { type StandaloneApi, startStandaloneApi } from '../standalone-api.js';

let api: StandaloneApi;
beforeAll(async () => {
  api = await startStandaloneApi();
}, 60_000);

/** Expects a status and a body that equals what its schema, and so the OpenAPI document, allows. */
function expectResponse({ status, body }: request.Response, expected: number, schema: z.ZodType): void {
  expect(status).toBe(expected);
  expect(schema.parse(body)).toEqual(body);
}

let part = 0;
/** Stores readings as the rules service does. */
async function storeReadings(
  fleet: string,
  device: string,
  ...readings: Record<string, unknown>[]
): Promise<void> {
  part += 1;
  const live = readings.map((reading) => ({
    n: undefined,
    seq: reading._seq as number | undefined,
    at: reading._at as number | undefined,
    json: JSON.stringify(reading),
  }));
  const address = new DeviceAddress(fleet, device, false);
  const [outcome] = await acceptReadings(api.store, 'test', [
    { address, part, version: NEW_DEVICE, rules: '', live, late: [], commands: [] },
  ]);
  expect(outcome?.kind).toBe('accepted');
}

/** Stores the birth of a device of fleet `home`, so that its commands are dispatched. */
async function storeBirth(device: string): Promise<void> {
  await recordPresence(api.store, [
    {
      address: new DeviceAddress('home', device, false),
      message: { online: true, session: 1, reports: 3_600_000 },
    },
  ]);
}

async function send(fleet: string, device: string, body: object): Promise<string> {
  const response = await api.post(`/v1/fleets/${fleet}/devices/${device}/commands?allowUnknown=true`, body);
  expect(response.status).toBe(202);
  return response.body.id;
}

describe('lists', () => {
  it('are paged with a Link header and `next`, and return each entry once', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `lamp-${name}`);
    for (const name of names) await storeReadings('pages', name, { light: 1 });
    const seen: string[] = [];
    let path: string | undefined = '/v1/fleets/pages/devices?limit=3';
    while (path !== undefined) {
      const response: request.Response = await api.get(path);
      expectResponse(response, 200, devicePageSchema);
      seen.push(...response.body.devices.map(({ device }: { device: string }) => device));
      path = /^<(.*)>; rel="next"$/.exec(response.headers.link ?? '')?.[1];
      expect(path?.endsWith(`cursor=${response.body.next}`) ?? response.body.next === undefined).toBe(true);
    }
    expect(seen).toEqual(names);
  });

  it('count the devices of a fleet by presence, and filter devices by it', async () => {
    await storeReadings('presence', 'fresh', { light: 1 });
    await recordPresence(api.store, [
      { address: new DeviceAddress('presence', 'gone', false), message: { online: true, session: 5 } },
      { address: new DeviceAddress('presence', 'gone', false), message: { online: false, session: 5 } },
    ]);
    await send('presence', 'awaited', { action: { led_on: true } });

    const fleet = await api.get('/v1/fleets/presence');
    expectResponse(fleet, 200, fleetSchema);
    expect(fleet.body.devices).toEqual({ online: 1, stale: 0, offline: 1, never_seen: 1 });
    const fleets = await api.get('/v1/fleets?limit=500');
    expectResponse(fleets, 200, fleetPageSchema);
    expect(fleets.body.fleets).toContainEqual(fleet.body);
    for (const [presence, device] of [
      ['online', 'fresh'],
      ['offline', 'gone'],
      ['never_seen', 'awaited'],
    ]) {
      const { body } = await api.get(`/v1/fleets/presence/devices?presence=${presence}`);
      expect(body.devices.map((each: { device: string }) => each.device)).toEqual([device]);
    }
    expect((await api.get('/v1/fleets/presence/devices?presence=stale')).body).toEqual({ devices: [] });
    await until(async () => (await api.metric('devices', 'state="offline"')) === 1, {
      what: 'one device to be counted as offline',
    });
  });

  it('show the newest rejected input first', async () => {
    await recordRejected(api.store, [
      { at: 1, kind: 'presence', reason: 'bad_json', fleet: 'demo', problem: 'a', topic: 'x', payload: '{' },
      { at: 2, kind: 'telemetry', reason: 'schema', fleet: 'demo', problem: 'b', topic: 'x', payload: '[]' },
      { at: 3, kind: 'connection', reason: 'takeover', client: 'c', problem: 'c', payload: 'line' },
    ]);
    const response = await api.get('/v1/rejected?limit=1&fleet=demo');
    expectResponse(response, 200, rejectedSchema);
    expect(response.body.rejected).toEqual([
      {
        at: '1970-01-01T00:00:00.002Z',
        kind: 'telemetry',
        reason: 'schema',
        fleet: 'demo',
        problem: 'b',
        topic: 'x',
        payload: '[]',
      },
    ]);
    const kinds = async (query: string) =>
      (await api.get(`/v1/rejected${query}`)).body.rejected.map(({ kind }: { kind: string }) => kind);
    expect(await kinds('')).toEqual(['connection', 'telemetry', 'presence']);
    expect(await kinds('?kind=connection')).toEqual(['connection']);
    expect(await kinds('?reason=bad_json')).toEqual(['presence']);
    expect(await kinds('?device=unknown')).toEqual([]);
    expect((await api.get('/v1/rejected?kind=readings')).status).toBe(400);
  });
});

describe('a device', () => {
  it('shows its last state with age, presence and session, and its readings newest first', async () => {
    const at = Date.now() - 1000;
    await storeReadings(
      'home',
      'lamp',
      { light: 400, _seq: 1 },
      { light: 401, room: { t: [21, null] }, _seq: 2, _at: at },
    );
    await recordPresence(api.store, [
      {
        address: new DeviceAddress('home', 'lamp', false),
        message: { online: true, session: 7, telemetry: 'keep' },
      },
    ]);
    const device = await api.get('/v1/fleets/home/devices/lamp');
    expectResponse(device, 200, deviceDetailSchema);
    expect(device.body).toMatchObject({
      presence: 'online',
      session: { id: 7, online: true, telemetry: 'keep' },
      last: {
        measurements: { light: 401, room: { t: [21, null] } },
        seq: 2,
        late: false,
        at: new Date(at).toISOString(),
      },
      pendingCommands: 0,
    });
    expect(device.body.ageMs).toBeLessThan(10_000);
    expect(Date.now() - Date.parse(device.body.last.receivedAt)).toBeLessThan(10_000);

    const telemetry = await api.get('/v1/fleets/home/devices/lamp/telemetry?limit=1');
    expectResponse(telemetry, 200, telemetrySchema);
    expect(telemetry.body).toMatchObject({ presence: 'online', readings: [{ seq: 2 }] });
    expect((await api.get('/v1/fleets/home/devices/lamp/telemetry')).body.readings).toHaveLength(2);
  });
});

describe('a command', () => {
  it('is returned when it is accepted, with its Location', async () => {
    const response = await api.post('/v1/fleets/home/devices/new/commands?allowUnknown=true', {
      action: { heat: { on: true, zones: [1, 2] } },
      policy: 'ordered',
      lane: 'heating',
      ttl: '90s',
    });
    expectResponse(response, 202, commandSchema);
    const { id, createdAt, expiresAt } = response.body;
    expect(response.headers.location).toBe(`/v1/commands/${id}`);
    expect(response.body).toMatchObject({
      fleet: 'home',
      device: 'new',
      lane: 'heating',
      policy: 'ordered',
      action: { heat: { on: true, zones: [1, 2] } },
      source: 'api',
      state: 'pending',
    });
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(90_000);
    const found = await api.get(response.headers.location!);
    expectResponse(found, 200, commandSchema);
    const { presence, ...command } = response.body;
    expect([presence, found.body]).toEqual(['never_seen', command]);
  });

  it('shows every transition and the acknowledgement of the device', async () => {
    await storeBirth('talker');
    const id = await send('home', 'talker', { action: { led_on: true } });
    const [claim] = await claimCommands(api.store, [shardOf('home', 'talker')], 10);
    expect(claim?.command.id).toBe(id);
    const acknowledgement: Acknowledgement = {
      id,
      status: 'failed',
      reason: 'no bulb',
      result: { volts: 0 },
    };
    await acknowledgeCommands(api.store, [{ device: 'home/talker', acknowledgement, cause: 'device' }]);
    const response = await api.get(`/v1/commands/${id}`);
    expectResponse(response, 200, commandSchema);
    expect(response.body).toMatchObject({
      state: 'failed',
      attempt: 1,
      answer: { reason: 'no bulb', result: { volts: 0 } },
    });
    expect(response.body.transitions.map(({ state }: { state: string }) => state)).toEqual([
      'pending',
      'dispatched',
      'failed',
    ]);
  });

  it('uses the lane of its first key, where a newer command supersedes it', async () => {
    const [pending, superseded] = await Promise.all([
      api.metric('commands_total', 'transition="pending"'),
      api.metric('commands_total', 'transition="superseded"'),
    ]);
    const first = await send('home', 'dimmer', { action: { led_on: true } });
    const other = await send('home', 'dimmer', { action: { colour: 'red' } });
    const second = await send('home', 'dimmer', { action: { led_on: false } });
    const list = await api.get('/v1/fleets/home/devices/dimmer/commands');
    expectResponse(list, 200, commandPageSchema);
    expect(list.body).toMatchObject({ presence: 'never_seen' });
    expect(list.body.commands.map(({ id, state }: { id: string; state: string }) => [id, state])).toEqual([
      [second, 'pending'],
      [other, 'pending'],
      [first, 'superseded'],
    ]);
    const page = await api.get('/v1/fleets/home/devices/dimmer/commands?state=pending&limit=1');
    expect(page.body.commands.map(({ id }: { id: string }) => id)).toEqual([second]);
    const next = await api.get(/<(.*)>/.exec(page.headers.link!)![1]!);
    expect(next.body.commands.map(({ id }: { id: string }) => id)).toEqual([other]);
    expect(next.headers.link).toBeUndefined();
    expect(await api.metric('commands_total', 'transition="pending"')).toBe(pending! + 3);
    expect(await api.metric('commands_total', 'transition="superseded"')).toBe(superseded! + 1);
  });

  it('can be cancelled once, and only while it is pending', async () => {
    await storeBirth('gate');
    const [waiting, sent] = [
      await send('home', 'door', { action: { open: true } }),
      await send('home', 'gate', { action: { open: true } }),
    ];
    await claimCommands(api.store, [shardOf('home', 'gate')], 10);
    const cancelled = await api.delete(`/v1/commands/${waiting}`);
    expectResponse(cancelled, 200, commandSchema);
    expect(cancelled.body).toMatchObject({ id: waiting, state: 'cancelled' });
    for (const [id, state] of [
      [waiting, 'cancelled'],
      [sent, 'dispatched'],
    ]) {
      const rejected = await api.delete(`/v1/commands/${id}`);
      expectResponse(rejected, 409, problemSchema);
      expect(rejected.body).toMatchObject({ type: 'urn:lamplighter:problem:command-not-cancellable', state });
    }
    expect((await api.get('/v1/fleets/home/devices/door')).body.pendingCommands).toBe(0);
  });

  it('is cancelled by one of several concurrent requests, and counted once', async () => {
    const cancelled = () => api.metric('commands_total', 'transition="cancelled"');
    const [id, before] = [await send('home', 'window', { action: { open: true } }), await cancelled()];
    const responses = await Promise.all(Array.from({ length: 5 }, () => api.delete(`/v1/commands/${id}`)));
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    expect(await cancelled()).toBe(before + 1);
  });

  it('ends as unknown if it is cancelled or superseded after a dispatch without acknowledgement', async () => {
    const lamp = new DeviceAddress('home', 'fan', false);
    await storeBirth('fan');
    /** Sends a command that is dispatched, is not acknowledged, and becomes pending again. */
    const unacknowledged = async () => {
      const id = await send('home', 'fan', { action: { spin: true } });
      for (let state = ''; state !== 'pending'; state = (await api.get(`/v1/commands/${id}`)).body.state) {
        const claims = await claimCommands(api.store, [lamp.shard], 10);
        const again = claims.filter(({ outcome, attempt }) => outcome === 'dispatched' && attempt > 1);
        await requeueCommands(
          api.store,
          again.map(({ attempt, claimedAt }) => ({
            ...{ id, device: lamp.name, attempt, claimedAt },
            ...{ waitMs: 1000, cause: 'unreachable' },
          })),
        );
        await timePasses(api.store, 60_000, lamp);
      }
      return id;
    };
    const unknown = () => api.metric('commands_total', 'transition="unknown"');
    const before = await unknown();
    const cancelled = await api.delete(`/v1/commands/${await unacknowledged()}`);
    expectResponse(cancelled, 200, commandSchema);
    expect(cancelled.body.state).toBe('unknown');
    expect(cancelled.body.transitions.at(-1)).toMatchObject({ attempt: 1, cause: 'cancelled' });

    const superseded = await unacknowledged();
    const newer = await send('home', 'fan', { action: { spin: false } });
    const { body } = await api.get(`/v1/commands/${superseded}`);
    expect(body.transitions.at(-1)).toMatchObject({ state: 'unknown', cause: `superseded:${newer}` });
    expect(await unknown()).toBe(before + 2);
  });

  it('of policy `now` is rejected unless the device is online', async () => {
    const path = '/v1/fleets/home/devices/siren/commands?allowUnknown=true';
    const rejected = await api.post(path, { action: { wail: true }, policy: 'now' });
    expectResponse(rejected, 409, problemSchema);
    expect(rejected.body.type).toBe('urn:lamplighter:problem:device-unreachable');
    expect((await api.get('/v1/fleets/home/devices/siren')).status).toBe(404);
    await storeReadings('home', 'siren', { battery: 3 });
    expect((await api.post(path, { action: { wail: true }, policy: 'now' })).status).toBe(202);
  });

  it('is rejected with 429 if the queue is full, and no other command is dropped', async () => {
    const path = '/v1/fleets/home/devices/busy/commands?allowUnknown=true';
    const posts = Array.from({ length: 110 }, (_, i) =>
      api.post(path, { action: { step: i }, policy: 'ordered' }),
    );
    const responses = await Promise.all(posts);
    const accepted = responses.filter(({ status }) => status === 202);
    const rejected = responses.filter(({ status }) => status === 429);
    expect([accepted.length, rejected.length]).toEqual([100, 10]);
    for (const response of rejected) {
      expectResponse(response, 429, problemSchema);
      expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await api.get('/v1/fleets/home/devices/busy')).body.pendingCommands).toBe(100);
    expect(await api.metric('command_dropped_total', 'queue_full')).toBe(10);
  });
});

describe('with an Idempotency-Key', () => {
  const path = '/v1/fleets/home/devices/once/commands';
  const posts = `${path}?allowUnknown=true`;
  const body = { action: { step: 1 }, policy: 'ordered' };

  it('concurrent repeats of a request create one command', async () => {
    const responses = await Promise.all(
      // Clients repeat a request that is rejected because Redis is slow.
      Array.from({ length: 10 }, () =>
        api
          .post(posts, body)
          .set('Idempotency-Key', 'first')
          .retry(5, (_error, response) => response?.status === 503),
      ),
    );
    expect(new Set(responses.map(({ status, body: { id } }) => `${status} ${id}`)).size).toBe(1);
    expect((await api.get(path)).body.commands).toHaveLength(1);
  });

  it('a different request is rejected with 422', async () => {
    const rejected = await api.post(posts, { ...body, ttl: '5s' }).set('Idempotency-Key', 'first');
    expectResponse(rejected, 422, problemSchema);
  });

  it('a request whose response was lost with the process can be repeated without a second command', async () => {
    const lost = await startStandaloneApi();
    const headers = { 'x-api-key': lost.key, 'content-type': 'application/json', 'idempotency-key': 'lost' };
    const send = (url: string) => fetch(url + posts, { method: 'POST', headers, body: JSON.stringify(body) });
    const interrupted = send(lost.api.url).catch(() => undefined);
    const commands = () => lost.store.zcard(commandKeys(shardOf('home', 'once'))[4]!);
    await until(async () => (await commands()) === 1, { what: 'the command to be in Redis', everyMs: 1 });
    lost.api.kill('SIGKILL');
    await Promise.all([lost.api.exited, interrupted]);

    const again = await startService('api', { REDIS_URL: lost.redis.apiUrl }, { wait: 'started' });
    await until(async () => (await send(again.url)).status === 202, {
      what: 'the API to serve again',
      timeoutMs: READY_MS,
    });
    expect(await commands()).toBe(1);
    expect(again.output()).not.toContain('API key');
  }, 120_000);
});
