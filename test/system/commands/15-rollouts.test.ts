import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { startService, type TestService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import { problemSchema } from '../../../services/api/src/problems/problem.js';
import { rolloutPageSchema, rolloutSchema } from '../../../services/api/src/rollouts/rollout.schema.js';
import { connectLamps, type Lamp } from '../acknowledging-lamps.js';
import { type ApiResponse, type Stack, startStack } from '../stack.js';

let stack: Stack;
let rulesFile: string;
beforeAll(async () => {
  // No rule sends commands of its own in between.
  rulesFile = join(temporaryFolder(), 'rules.json');
  writeFileSync(rulesFile, JSON.stringify({ rules: [] }));
  stack = await startStack({ rulesEnv: { RULES_FILE: rulesFile } });
}, 60_000);

const LIMIT_MS = 60_000;
const ACTION = { led_on: true };
const lamps = (count: number, lamp: Partial<Lamp> = {}): Lamp[] =>
  Array.from({ length: count }, (_, i) => ({
    device: `lamp-${String(i).padStart(4, '0')}`,
    light: 100,
    acknowledgement: 'succeeded',
    ...lamp,
  }));

interface Known {
  readonly last?: object;
  readonly session?: object;
  readonly presence: string;
}

/** A fleet whose lamps the store has heard of. */
async function fleetOf(all: readonly Lamp[]) {
  const fleet = await stack.broker.newFleet();
  const answering = await connectLamps(fleet, all);
  const whole = async () => (await stack.get(`/v1/fleets/${fleet.name}/devices?limit=500`)).body.devices;
  await until(
    async () => {
      const devices = await whole();
      return devices.length === all.length && devices.every(({ last, session }: Known) => last && session);
    },
    { what: 'all lamps to be known', timeoutMs: 30_000 },
  );
  await answering.announceOffline();
  const away = all.filter(({ isOffline: isAway }) => isAway).length;
  await until(
    async () => (await whole()).filter(({ presence }: Known) => presence === 'offline').length === away,
    { what: 'the others to be away', timeoutMs: 30_000 },
  );
  return { fleet, ...answering };
}

/** Begins a rollout; its address. */
async function begin(fleet: TestFleet, body: object, headers: Record<string, string> = {}): Promise<string> {
  const response = await stack.send(
    'POST',
    `/v1/fleets/${fleet.name}/commands`,
    { action: ACTION, selector: {}, ...body },
    headers,
  );
  expectAnswer(response, 202);
  expect(response.body).toMatchObject({ fleet: fleet.name, action: ACTION });
  expect(response.headers.get('location')).toBe(`/v1/rollouts/${response.body.id}`);
  return `/v1/rollouts/${response.body.id}`;
}

function expectAnswer(response: ApiResponse, status: number): void {
  expect(response.status).toBe(status);
  expect(rolloutSchema.parse(response.body)).toEqual(response.body);
}

/** The rollout, once it is as asked. */
async function rolloutThat(path: string, what: string, holds: (rollout: ApiResponse['body']) => boolean) {
  return until(
    async () => {
      const { body } = await stack.get(path);
      if (!holds(body)) throw new Error(JSON.stringify(body));
      return body;
    },
    { what: `the rollout ${what}`, timeoutMs: LIMIT_MS, everyMs: 50 },
  );
}

const hasEnded = ({ state }: { state: string }) => state !== 'running';
const endedOf = ({ outcomes }: { outcomes: Record<string, number> }) =>
  Object.values(outcomes).reduce((sum, count) => sum + count, 0);

describe('a rollout', () => {
  it(
    'reaches exactly the devices that its selector selects, and ends when they have answered',
    async () => {
      const { fleet, reached, commandsOf } = await fleetOf([
        { device: 'dark-1', light: 10, acknowledgement: 'succeeded' },
        { device: 'dark-2', light: 299, acknowledgement: 'succeeded' },
        { device: 'dark-3', light: 299, acknowledgement: 'succeeded' },
        { device: 'bright', light: 300, acknowledgement: 'succeeded' },
        { device: 'dark-away', light: 10, isOffline: true },
      ]);
      const devices = ['dark-1', 'dark-2', 'bright', 'dark-away', 'nobody'];
      const path = await begin(fleet, { selector: { devices, presence: 'online', when: 'light < 300' } });
      const rollout = await rolloutThat(path, 'to end', hasEnded);
      expect(rollout).toMatchObject({ state: 'done', matched: 2, enqueued: 2, outcomes: { succeeded: 2 } });
      expect(Date.parse(rollout.endedAt)).toBeGreaterThanOrEqual(Date.parse(rollout.startedAt));
      expect(reached()).toEqual(['dark-1', 'dark-2']);
      const [id] = commandsOf('dark-1');
      expect((await stack.get(`/v1/commands/${id}`)).body).toMatchObject({
        source: 'rollout',
        rollout: rollout.id,
        state: 'succeeded',
      });
    },
    LIMIT_MS,
  );

  it(
    'counts devices that cannot take a command by the reason',
    async () => {
      const { fleet } = await fleetOf([
        { device: 'here', light: 1, acknowledgement: 'succeeded' },
        { device: 'away', light: 1, isOffline: true },
      ]);
      const path = await begin(fleet, {
        policy: 'now',
        selector: { devices: ['here', 'away', 'nobody'] },
      });
      expect(await rolloutThat(path, 'to end', hasEnded)).toMatchObject({
        ...{ state: 'done', matched: 3, enqueued: 1 },
        ...{ skipped: { unreachable: 1, unknown_device: 1, queue_full: 0 }, outcomes: { succeeded: 1 } },
      });
    },
    LIMIT_MS,
  );

  it(
    'that has nobody to reach is done',
    async () => {
      const { fleet } = await fleetOf(lamps(3));
      const path = await begin(fleet, { selector: { when: 'light > 1000' } });
      expect(await rolloutThat(path, 'to end', hasEnded)).toMatchObject({ state: 'done', matched: 0 });
    },
    LIMIT_MS,
  );

  it(
    'is begun once under its idempotency key',
    async () => {
      const { fleet, commandsOf } = await fleetOf(lamps(1));
      const key = { 'idempotency-key': 'rollout-1' };
      const path = await begin(fleet, {}, key);
      expect(await begin(fleet, {}, key)).toBe(path);
      await rolloutThat(path, 'to end', hasEnded);
      expect(commandsOf('lamp-0000')).toHaveLength(1);
      const other = await stack.send(
        'POST',
        `/v1/fleets/${fleet.name}/commands`,
        { action: ACTION, selector: { presence: 'online' } },
        key,
      );
      expect(other).toMatchObject({
        status: 422,
        body: { type: 'urn:lamplighter:problem:idempotency-key-reused' },
      });
    },
    LIMIT_MS,
  );

  it(
    'is told to watchers at its begin, at most once a second, and at its end',
    async () => {
      const { fleet } = await fleetOf(lamps(60));
      const told = await watchRollouts(fleet);
      const path = await begin(fleet, { rate: 20 });
      await until(() => told.at(-1)?.state === 'done', { what: 'the last event', timeoutMs: LIMIT_MS });
      expect(told[0]).toMatchObject({ state: 'running', enqueued: 0 });
      expect(told.at(-1)).toMatchObject({ enqueued: 60, matched: 60, outcomes: { succeeded: 60 } });
      const progress = told.slice(0, -1).map(({ at }) => Date.parse(at));
      expect(progress.length).toBeGreaterThan(1);
      // Events are collected for 50 ms before they are written.
      for (const [i, at] of progress.slice(1).entries()) expect(at - progress[i]!).toBeGreaterThan(900);
      expect(path).toBe(`/v1/rollouts/${told[0]!.rollout}`);
      const { startedAt, endedAt } = (await stack.get(path)).body;
      expect(Date.parse(endedAt) - Date.parse(startedAt)).toBeGreaterThan(2000); // 60 at 20 a second
    },
    LIMIT_MS,
  );
});

describe('a rollout that is stopped', () => {
  it(
    'by too many failures makes no more commands and cancels what waits',
    async () => {
      const all = lamps(200, { acknowledgement: 'failed' }).map((lamp, i) =>
        i % 10 === 0 ? { ...lamp, isOffline: true } : lamp,
      );
      const { fleet, reached } = await fleetOf(all);
      const path = await begin(fleet, { rate: 40, abortAbove: 10 });
      expect(await rolloutThat(path, 'to end', hasEnded)).toMatchObject({ state: 'aborted' });
      const rollout = await rolloutThat(path, 'to have nothing open', (one) => endedOf(one) === one.enqueued);
      expect(rollout.outcomes.failed).toBeGreaterThanOrEqual(10);
      expect(rollout.enqueued).toBeLessThan(150);
      expect(reached().length).toBeLessThanOrEqual(rollout.enqueued);
      const open = await openCommands(fleet);
      expect(open).toBe(0);
      expect((await stack.get(path)).body).toEqual(rollout);
    },
    LIMIT_MS,
  );

  it(
    'over REST makes no more commands after the answer and cancels what waits',
    async () => {
      const { fleet, reached } = await fleetOf(
        lamps(100).map((lamp, i) => (i % 2 === 0 ? { ...lamp, isOffline: true } : lamp)),
      );
      const path = await begin(fleet, { rate: 20 });
      await rolloutThat(path, 'to be on its way', ({ enqueued }) => enqueued > 10);
      const cancelled = await stack.send('DELETE', path);
      expectAnswer(cancelled, 200);
      expect(cancelled.body).toMatchObject({ state: 'cancelled' });
      const rollout = await rolloutThat(path, 'to have nothing open', (one) => endedOf(one) === one.enqueued);
      expect(rollout.enqueued).toBe(cancelled.body.enqueued);
      expect(rollout.enqueued).toBeLessThan(100);
      expect(rollout.outcomes.cancelled + rollout.outcomes.succeeded).toBe(rollout.enqueued);
      expect(reached().length).toBe(rollout.outcomes.succeeded);
      expect(await openCommands(fleet)).toBe(0);
      expect(await stack.send('DELETE', path)).toMatchObject({
        status: 409,
        body: { type: 'urn:lamplighter:problem:rollout-not-cancellable', state: 'cancelled' },
      });
    },
    LIMIT_MS,
  );
});

/** Events of the fleet's rollouts, as a client of the stream is told of them. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever an event holds
async function watchRollouts(fleet: TestFleet): Promise<any[]> {
  const abort = new AbortController();
  closeLater('event stream', () => abort.abort());
  const response = await fetch(`${stack.api.url}/v1/events?type=rollout&fleet=${fleet.name}`, {
    headers: { authorization: `Bearer ${stack.key}` },
    signal: abort.signal,
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever an event holds
  const told: any[] = [];
  const read = async () => {
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const frames = (text + chunk).split('\n\n');
      text = frames.pop()!;
      for (const frame of frames) {
        const data = /^data: (.*)$/m.exec(frame)?.[1];
        if (data) told.push(JSON.parse(data));
      }
    }
  };
  void read().catch(() => undefined);
  return told;
}

async function openCommands(fleet: TestFleet): Promise<number> {
  const { devices } = (await stack.get(`/v1/fleets/${fleet.name}/devices?limit=500`)).body;
  return devices.reduce((sum: number, one: { pendingCommands: number }) => sum + one.pendingCommands, 0);
}

describe('the API of rollouts', () => {
  it(
    "lists a fleet's rollouts newest first, page by page",
    async () => {
      const { fleet } = await fleetOf(lamps(1));
      const ids: string[] = [];
      for (let i = 0; i < 3; i += 1) ids.unshift((await begin(fleet, { lane: `l${i}` })).split('/').at(-1)!);
      const seen: string[] = [];
      let path: string | undefined = `/v1/fleets/${fleet.name}/rollouts?limit=2`;
      while (path !== undefined) {
        const response = await stack.get(path);
        expect(rolloutPageSchema.parse(response.body)).toEqual(response.body);
        seen.push(...response.body.rollouts.map(({ id }: { id: string }) => id));
        path = /^<(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
      }
      expect(seen).toEqual(ids);
      for (const id of ids) await rolloutThat(`/v1/rollouts/${id}`, 'to end', hasEnded);
    },
    LIMIT_MS,
  );

  it.each([
    ['a condition that does not parse', { selector: { when: 'light <' } }, 422, '/selector/when'],
    ['a condition that is no condition', { selector: { when: '1 + 1' } }, 422, '/selector/when'],
    ['no selector', { selector: undefined }, 400, '/selector'],
    ['an unknown kind of selection', { selector: { where: 'x' } }, 400, '/selector/where'],
    ['a rate of none', { rate: 0 }, 400, '/rate'],
    ['a share above all', { abortAbove: 101 }, 400, '/abortAbove'],
    ['onFailure without an order', { onFailure: 'stop' }, 400, '/onFailure'],
  ])('refuses %s and points at it', async (_what, change, status, pointer) => {
    const { fleet } = { fleet: 'demo' };
    const response = await stack.send('POST', `/v1/fleets/${fleet}/commands`, {
      action: ACTION,
      selector: {},
      ...change,
    });
    expect(response.status).toBe(status);
    expect(problemSchema.parse(response.body).errors).toMatchObject([{ in: 'body', pointer }]);
  });

  it.each([
    ['POST', '/v1/fleets/no-such/commands', { action: ACTION, selector: {} }, 'no-such-fleet'],
    ['GET', '/v1/fleets/no-such/rollouts', undefined, 'no-such-fleet'],
    ['GET', '/v1/rollouts/01KAP3Z8Q4T5V6W7X8Y9ZABCDE', undefined, 'no-such-rollout'],
    ['DELETE', '/v1/rollouts/01KAP3Z8Q4T5V6W7X8Y9ZABCDE', undefined, 'no-such-rollout'],
  ])('answers 404 to %s %s', async (method, path, body, problem) => {
    expect(await stack.send(method, path, body)).toMatchObject({
      status: 404,
      body: { type: `urn:lamplighter:problem:${problem}` },
    });
  });
});

// The last stories, for the replica of the stack does not survive them.
describe('a rollout whose replica', () => {
  /** Two replicas, and which of them carries on the rollout. */
  async function holderOf(other: TestService): Promise<TestService> {
    const running = async ({ url }: TestService) =>
      /^lamplighter_rollouts_running (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
    return until(
      async () => {
        for (const replica of [stack.rules, other]) if ((await running(replica)) === '1') return replica;
        return undefined;
      },
      { what: 'a replica to carry on the rollout', timeoutMs: 30_000, everyMs: 50 },
    );
  }
  const replica = () =>
    startService('rules', {
      MQTT_URL: stack.broker.rulesUrl,
      REDIS_URL: stack.redis.url,
      RULES_FILE: rulesFile,
    });

  it(
    'freezes is carried on by the other one, and when it wakes up it changes nothing',
    async () => {
      const other = await replica();
      const { fleet, reached, commandsOf } = await fleetOf(lamps(90));
      const path = await begin(fleet, { rate: 30, attempts: 10 });
      const holder = await holderOf(other);
      await rolloutThat(path, 'to be on its way', ({ enqueued }) => enqueued > 5);
      holder.kill('SIGSTOP');
      closeLater('frozen replica', () => holder.kill('SIGCONT'));
      await rolloutThat(path, 'to be carried on', ({ enqueued }) => enqueued === 90);
      holder.kill('SIGCONT');
      expect(await rolloutThat(path, 'to end', hasEnded)).toMatchObject({
        ...{ state: 'done', matched: 90, enqueued: 90, outcomes: { succeeded: 90 } },
      });
      for (const device of reached()) expect(commandsOf(device)).toHaveLength(1);
      expect(reached()).toHaveLength(90);
    },
    LIMIT_MS * 2,
  );

  it(
    'is killed is carried on by the other one: every selected device gets exactly one command',
    async () => {
      const other = await replica();
      const { fleet, reached, commandsOf } = await fleetOf(lamps(90));
      const path = await begin(fleet, { rate: 30, attempts: 10 });
      const holder = await holderOf(other);
      await rolloutThat(path, 'to be on its way', ({ enqueued }) => enqueued > 5);
      holder.kill('SIGKILL');
      expect(await rolloutThat(path, 'to end', hasEnded)).toMatchObject({
        ...{ state: 'done', matched: 90, enqueued: 90, outcomes: { succeeded: 90 } },
      });
      for (const device of reached()) expect(commandsOf(device)).toHaveLength(1);
      expect(reached()).toHaveLength(90);
    },
    LIMIT_MS * 2,
  );
});
